package ledger_test

import (
	"errors"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

func (x *till) resolve(key string, keep bool) error {
	o, err := x.get().Resolve(ledger.Resolution{Key: key, Keep: keep, By: "operator", Reason: "looked up in the console", At: time.Now()})
	if err == nil {
		o.Revision++
		x.save(o)
	}
	return err
}

// TestResolve: what only a person can decide, and what the ledger says to it.
func TestResolve(t *testing.T) {
	t.Parallel()
	stuck := func(t *testing.T, paid bool) *till { // another amount, which the provider does not refund
		x := newTill(t, open())
		if paid {
			x.paidBy("key-1", "order-1")
		}
		x.stuck = true
		x.put("key-9", "order-1", ledger.Captured, amount(100, 100))
		x.notice("key-9", "order-1")
		x.want(ledger.Review, 1)
		return x
	}
	bubble(t, "given back when the provider does", func(t *testing.T) {
		x := stuck(t, false)
		x.stuck = false
		if err := x.resolve("key-9", false); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Failed, 1)
		x.wantLeft(0, "key-9")
	})
	bubble(t, "beside the payment", func(t *testing.T) {
		x := stuck(t, true)
		if err := x.resolve("key-9", true); !errors.Is(err, ledger.ErrKeepsOther) {
			t.Error(err)
		}
		x.stuck = false
		if err := x.resolve("key-9", false); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Paid, 1)
		x.wantLeft(15000, "key-1", "key-9")
	})
	bubble(t, "refused again", func(t *testing.T) {
		x := stuck(t, true)
		if err := x.resolve("key-9", false); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Review, 1)
	})
	bubble(t, "kept, although it does not fit", func(t *testing.T) {
		x := stuck(t, false)
		if err := x.resolve("key-9", true); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Paid, 1)
		x.wantLeft(100, "key-9")
		if r := x.get().Resolutions; len(r) != 1 || r[0].By != "operator" {
			t.Error(r)
		}
	})
	bubble(t, "refused", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-1", "order-1")
		if err := x.resolve("key-1", false); !errors.Is(err, ledger.ErrNotInReview) {
			t.Error(err)
		}
		x = stuck(t, false)
		x.put("key-9", "order-1", ledger.Captured, amount(100, 0)) // refunded in the console meanwhile
		x.canceled("key-9", "order-1")
		for _, key := range []string{"key-9", "nobody"} {
			if err := x.resolve(key, true); !errors.Is(err, ledger.ErrNoMoney) {
				t.Error(key, err)
			}
		}
		if err := x.resolve("key-9", false); err != nil { // nothing is left to do, and the review ends
			t.Error(err)
		}
		x.rest()
		x.want(ledger.Failed, 1)
		if n := x.asked("cancel key-9"); n != 1 {
			t.Errorf("%d cancels", n)
		}
	})
}
