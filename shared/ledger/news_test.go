package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// loopCalls is how many calls a visit of the entry points' loop has.
const loopCalls = 30

func refusesAll(int, ledger.Request) (bool, ledger.Reply, string) {
	return false, ledger.Refused, "CODE"
}

func (x *till) wantFound(key string) {
	x.t.Helper()
	if o := x.rest(); x.left(key) != 0 && o.Paid() == nil {
		x.t.Errorf("captured and forgotten\n%s", show(o))
	}
}

// TestRefusalOfTheLastNumberLies: the last number has no successor after which it would be looked up once more, so its refusal counts when no lookup
// can be behind.
func TestRefusalOfTheLastNumberLies(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x, key := newTill(t, open(atToss)), ""
		x.confirm, x.limit = refusesAll, loopCalls
		for i := 1; i <= ledger.AttemptsMax; i++ {
			key = fmt.Sprint("key-", i)
			x.put(key, fmt.Sprint("order-1--", i), ledger.Begun)
			if err := x.confirmKey(key, fmt.Sprint("order-1--", i)); err != nil {
				t.Fatal(err, show(x.get()))
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(time.Minute)
		x.put(key, "order-1--20", ledger.Captured)
		x.wantFound(key)
	})
}

// TestRefusalAfterTheTimeLies: the same of a confirm from an old page, when the time to pay is over.
func TestRefusalAfterTheTimeLies(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.confirm, x.limit = refusesAll, loopCalls
		time.Sleep(time.Until(x.get().Over().Add(time.Second)))
		x.put("key-1", "order-1", ledger.Begun)
		x.confirmKey1()
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured)
		x.wantFound("key-1")
	})
}

// TestChargeOvertakenByALostNumber: a charge was written, and then a number of the lost hours was found. The charge was not sent; it lapses, and the next
// number may be charged.
func TestChargeOvertakenByALostNumber(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(cycle, func(t *ledger.Terms) { t.RestoredTo = t.CreatedAt.Add(-time.Hour) }))
		x.put("lost-2", "order-1--2", ledger.Declined, func(p *ledger.Payment) { p.BillingKey = "bk" })
		x.limit = loopCalls
		if err := x.charge("bk"); err != nil { // number 1 left no payment in the lost hours
			t.Fatal(err)
		}
		for range 60 {
			if x.get().Status() == ledger.Open {
				return
			}
			time.Sleep(time.Until(x.get().Due()))
			x.settle(ledger.Work{Stored: x.get(), Visit: ledger.Visit{Repeat: time.Now().Add(time.Minute)}})
		}
		t.Errorf("%v later, %d charges sent\n%s", time.Since(x.get().CreatedAt), x.asked("charge"), show(x.get()))
	})
}

// TestSecondPartWhileTheFirstIsUnseen: two refunds in the console, and the lookup after the second notice shows the first one only.
func TestSecondPartWhileTheFirstIsUnseen(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.confirmKey1()
		time.Sleep(time.Hour)
		x.canceled("key-1", "order-1")
		time.Sleep(3 * time.Minute)
		x.put("key-1", "order-1", ledger.Captured, balance(10000))
		x.canceled("key-1", "order-1") // of the second part
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured, balance(0))
		x.rest()
		x.want(ledger.Refunded, 1)
	})
}

// TestNoticeWhileOneIsOpen: a later notice of a payment counts as news while an earlier one is open.
func TestNoticeWhileOneIsOpen(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-0", "order-1")
		x.rest()
		x.put("key-9", "order-1", ledger.Begun)
		run := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); {
				due := x.get().Due()
				if due.IsZero() || due.After(end) {
					time.Sleep(time.Until(end))
					return
				}
				x.toDue()
			}
		}
		x.notice("key-9", "order-1") // forged, or of its beginning
		run(7 * time.Minute)
		x.notice("key-9", "order-1") // it is captured
		run(4 * time.Minute)
		x.put("key-9", "order-1", ledger.Captured) // lookups show it now
		x.rest()
		x.wantLeft(0, "key-9")
	})
}
