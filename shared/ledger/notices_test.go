package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestNoticeByNumberBehindAnotherPayment: a notice names a number only, or there are too many to keep its payment's key. The number shows another
// payment, decided long ago, and the new one not yet: lookups are behind by up to five minutes. It is not the other one that the notice speaks of.
func TestNoticeByNumberBehindAnotherPayment(t *testing.T) {
	t.Parallel()
	for state, come := range map[string]func(*till){
		"paid":    func(x *till) { x.paidBy("key-0", "order-1") },
		"expired": (*till).expire,
		"failed": func(x *till) {
			x.put("declined", "order-1", ledger.Declined)
			x.back("declined", "order-1", true)
			x.expire2()
		},
	} {
		for _, forged := range []int{0, 6} {
			for _, behind := range []time.Duration{time.Second, 4 * time.Minute} {
				bubble(t, fmt.Sprint(state, forged, behind), func(t *testing.T) {
					x := newTill(t, open())
					x.put("old", "order-1", ledger.Declined)
					come(x)
					x.rest()
					kept := x.left("key-0")
					x.put("key-1", "order-1", ledger.Captured)
					x.hide["key-1"], x.deaf = true, "key-1"
					for i := range forged {
						x.notice(fmt.Sprint("forged-", i), "order-1")
					}
					key := ""
					if forged > 0 {
						key = "key-1"
					}
					x.notice(key, "order-1")
					time.Sleep(behind)
					delete(x.hide, "key-1")
					x.deaf = ""
					x.rest()
					x.wantLeft(kept, "key-0", "key-1")
				})
			}
		}
	}
}

// expire2 lets the time of an order in its second attempt pass.
func (x *till) expire2() {
	x.t.Helper()
	x.rest()
	if o := x.get(); o.Status() != ledger.Expired && o.Status() != ledger.Failed {
		x.t.Error(show(o))
	}
}

// TestSecondPartBehindTheLookup: the console refunds a part, and later the rest. The notice of the rest comes before lookups show it.
func TestSecondPartBehindTheLookup(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.confirmKey1()
		x.put("key-1", "order-1", ledger.Captured, balance(5000))
		x.canceled("key-1", "order-1")
		time.Sleep(time.Hour)
		x.canceled("key-1", "order-1") // it is so, and the lookup is behind
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured, balance(0))
		x.rest()
		x.want(ledger.Refunded, 1)
	})
}

// TestNoticeOfAPaymentThatHadFailed: PortOne can approve a payment that had failed (TestFailedThenPaid, sim/world). Its notice comes once, and the
// lookups that follow still show the failure, for up to five minutes.
func TestNoticeOfAPaymentThatHadFailed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state func(*till)
		known bool // the failure was known before
	}{
		"open": {func(*till) {}, false}, "open, and known": {func(*till) {}, true},
		"expired": {(*till).expire2, false}, "expired, and known": {(*till).expire2, true},
	} {
		for _, behind := range []time.Duration{time.Second, 4 * time.Minute} {
			bubble(t, fmt.Sprint(name, behind), func(t *testing.T) {
				x := newTill(t, open())
				x.put("key-1", "order-1", ledger.Declined)
				if tc.known {
					x.back("key-1", "order-1", true)
				}
				tc.state(x)
				time.Sleep(time.Minute)
				ended := x.get().End != ledger.NoEnd
				x.notice("key-1", "order-1")
				time.Sleep(behind)
				x.put("key-1", "order-1", ledger.Captured)
				for range 8 { // the schedule, within ten minutes
					if o := x.get(); o.Due().IsZero() || time.Until(o.Due()) > 6*time.Minute {
						break
					}
					x.toDue()
				}
				if ended {
					x.wantLeft(0, "key-1")
				} else if p := x.get().Paid(); p == nil {
					t.Errorf("the capture is not found\n%s\n%v", show(x.get()), x.calls)
				}
			})
		}
	}
}
