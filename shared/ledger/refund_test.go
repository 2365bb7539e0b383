package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// refund is the merchant's request, as its entry point makes it: written in one conditional write, then sent.
func (x *till) refund(id string, amount int64) error {
	for {
		o := x.get()
		p := o.Paid()
		if p == nil {
			return ledger.ErrNotPaid
		}
		next, err := o.Intend(ledger.Request{Kind: ledger.Cancel, Attempt: p.Attempt, Key: p.Key, RefundID: id, Amount: amount, At: time.Now()})
		if err != nil || len(next.Requests) == len(o.Requests) {
			return err
		}
		next.Revision++
		stored, ok := x.save(next)
		if !ok {
			continue
		}
		w := ledger.Work{}.Written(stored, nil)
		if r := next.Requests[len(next.Requests)-1]; r.Turn > 0 {
			w.Visit.Fresh = &r
		}
		x.settle(w)
		return nil
	}
}

func paidTill(t *testing.T) *till {
	x := newTill(t, open(atToss))
	if err := x.confirmKey("key-1", "order-1"); err != nil {
		t.Fatal(err)
	}
	x.want(ledger.Paid, 1)
	return x
}

func (x *till) outcomes() map[string]ledger.Outcome {
	all := map[string]ledger.Outcome{}
	for _, r := range x.get().Requests {
		all[r.RefundID] = r.Outcome
	}
	return all
}

// TestRefunds: in parts and whole, once each, and never more than is left.
func TestRefunds(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := paidTill(t)
		for _, tc := range []struct {
			id     string
			amount int64
			want   error
			left   int64
		}{
			{"r1", 5000, nil, 10000}, {"r1", 5000, nil, 10000}, {"r1", 6000, ledger.ErrRefundID, 10000}, {"r2", 0, ledger.ErrOverBalance, 10000},
			{"r3", -1, ledger.ErrOverBalance, 10000}, {"r4", 10001, ledger.ErrOverBalance, 10000}, {"r5", 10000, nil, 0}, {"r6", 1, ledger.ErrOverBalance, 0},
		} {
			if err := x.refund(tc.id, tc.amount); !errors.Is(err, tc.want) {
				t.Errorf("%s of %d: %v, want %v", tc.id, tc.amount, err, tc.want)
			}
			x.wantLeft(tc.left, "key-1")
		}
		x.want(ledger.Refunded, 1)
		if got := x.outcomes(); got["r1"] != ledger.Done || got["r5"] != ledger.Done || len(got) != 2 || !x.get().Due().IsZero() {
			t.Error(show(x.get()))
		}
	})
}

// TestRefundOfNothing: an order without money has nothing to refund, and neither has one in review.
func TestRefundOfNothing(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		if err := x.refund("r1", 100); !errors.Is(err, ledger.ErrNotPaid) {
			t.Error(err)
		}
		x.paidBy("key-1", "order-1")
		x.payments["key-1"].WholeOnly = true
		x.canceled("key-1", "order-1")
		if err := x.refund("r1", 100); !errors.Is(err, ledger.ErrWholeOnly) {
			t.Error(err)
		}
		if err := x.refund("r1", 15000); err != nil {
			t.Error(err)
		}
		x.want(ledger.Refunded, 1)
	})
}

// TestRacingRefunds: 50 at once, of which replies and requests get lost. What was accepted is made once, and never
// more than was captured.
func TestRacingRefunds(t *testing.T) {
	t.Parallel()
	for _, lost := range []int{0, 3} {
		for _, mute := range []int{0, 3} {
			bubble(t, fmt.Sprint(lost, mute), func(t *testing.T) {
				x := paidTill(t)
				x.lose, x.mute = lost, mute
				var wg sync.WaitGroup
				var mu sync.Mutex
				accepted := int64(0)
				for i := range 50 {
					wg.Go(func() {
						time.Sleep(time.Duration(i%7) * 10 * time.Millisecond)
						if x.refund(fmt.Sprint("r", i), 1000) == nil {
							mu.Lock()
							accepted += 1000
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				x.rest()
				if accepted != 15000 || x.left("key-1") != 15000-accepted {
					t.Errorf("%d accepted, %d left\n%s", accepted, x.left("key-1"), show(x.get()))
				}
				for id, out := range x.outcomes() {
					if out != ledger.Done {
						t.Errorf("%s is %s", id, out)
					}
				}
				x.want(ledger.Refunded, 1)
			})
		}
	}
}

// TestRefundThatIsRefused: the provider says no, and a lookup agrees: the refund ends, and its money is refundable
// again.
func TestRefundThatIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := paidTill(t)
		x.stuck = true
		if err := x.refund("r1", 5000); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Paid, 1)
		if got := x.outcomes()["r1"]; got != ledger.Denied || x.get().Refundable() != 15000 {
			t.Errorf("%s\n%s", got, show(x.get()))
		}
		x.stuck = false
		if err := x.refund("r2", 15000); err != nil {
			t.Error(err)
		}
		x.want(ledger.Refunded, 1)
	})
}

// TestRefundAskedForAgain: a refund that the provider cannot make now is asked for with the pauses of its first request,
// every hour in the end, though each answer makes it a new one.
func TestRefundAskedForAgain(t *testing.T) {
	t.Parallel()
	first := func(r *ledger.Request) { r.Since = noon }
	for asked, want := range map[time.Duration]time.Duration{
		0: 30 * time.Second, time.Minute: 90 * time.Second, 8 * time.Hour: 8*time.Hour + 18*time.Minute + 30*time.Second,
	} {
		o := made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}
			o.Attempts[0].LookedAt = in(365 * 24 * time.Hour) // nothing else is due
			o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", asked, refundOf("r1", 5000, 15000, 9), first, replied(ledger.Unusable, asked))}
			o.LearnedAt = in(asked)
		})
		if got := o.Due(); !got.Equal(in(want)) {
			t.Errorf("asked for at %v, and again at %v, want %v\n%s", asked, got.Sub(noon), want, show(o))
		}
	}
}

// TestConsoleCancelBesideARefund: the console refunds while ours is under way. Ours is made of what is left, or waits
// for a person; the sum is never more than the capture.
func TestConsoleCancelBesideARefund(t *testing.T) {
	t.Parallel()
	for _, console := range []int64{1000, 5000, 12000, 15000} {
		bubble(t, fmt.Sprint(console), func(t *testing.T) {
			x := paidTill(t)
			x.before = func(call string) {
				if call == "cancel key-1" {
					x.before = nil
					x.payments["key-1"].Balance -= console
				}
			}
			if err := x.refund("r1", 5000); err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if x.get().Due().IsZero() {
					break
				}
				x.toDue()
			}
			if left := x.left("key-1"); left < 0 || left > 15000-console {
				t.Errorf("%d left\n%s", left, show(x.get()))
			}
			if console == 1000 {
				x.wantLeft(9000, "key-1")
			}
		})
	}
}
