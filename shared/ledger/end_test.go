package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestNoEndWithoutALook: whoever learns that the current number took nothing, the order ends only when every number
// was looked up. The first one's window has taken the money, and its notice was lost.
func TestNoEndWithoutALook(t *testing.T) {
	t.Parallel()
	over := func(x *till) { time.Sleep(time.Until(x.get().Over())) }
	for name, tc := range map[string]struct {
		play func(*till)
		want ledger.Status
		left int64
	}{
		"a failed window's return": {func(x *till) {
			x.put("key-1", "order-1", ledger.Captured)
			x.put("key-2", "order-1--2", ledger.Declined)
			over(x)
			x.back("key-2", "order-1--2", true)
		}, ledger.Paid, 15000},
		"a failed window's return in the grace": {func(x *till) {
			x.put("key-2", "order-1--2", ledger.Declined)
			time.Sleep(time.Until(x.get().ExpiresAt.Add(time.Minute)))
			x.back("key-2", "order-1--2", true)
			time.Sleep(30 * time.Minute)
			x.put("key-1", "order-1", ledger.Captured)
		}, ledger.Paid, 15000},
		"wrong money, and the right money under the same number": {func(x *till) {
			over(x)
			x.put("key-1", "order-1--2", ledger.Captured)
			x.put("key-2", "order-1--2", ledger.Captured, amount(100, 100))
			x.notice("key-2", "order-1--2")
		}, ledger.Paid, 15000},
		"wrong money that went back without us": {func(x *till) {
			over(x)
			x.put("key-1", "order-1--2", ledger.Captured)
			x.put("key-2", "order-1--2", ledger.Captured, amount(100, 0))
			x.notice("key-2", "order-1--2")
		}, ledger.Paid, 15000},
		"wrong money, and the right money under number 1": {func(x *till) {
			x.put("key-1", "order-1", ledger.Captured)
			x.put("key-2", "order-1--2", ledger.Captured, amount(100, 100))
			over(x)
			x.notice("key-2", "order-1--2")
		}, ledger.Paid, 15000},
		"nothing at all": {over, ledger.Expired, 0},
	} {
		bubble(t, name, func(t *testing.T) {
			x := newTill(t, open())
			x.second()
			tc.play(x)
			o := x.rest()
			if o.Status() != tc.want || !o.Due().IsZero() {
				t.Errorf("%s, want %s\n%s\n%v", o.Status(), tc.want, show(o), x.calls)
			}
			x.wantLeft(tc.left, "key-1")
			x.wantLeft(0, "key-2")
		})
	}
}

// TestLastNumber: a buyer who is refused as often as he may try has no number left; the order fails, when all were
// looked up.
func TestLastNumber(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		for n := 1; n <= ledger.AttemptsMax; n++ {
			x.want(ledger.Open, n)
			key, number := fmt.Sprint("f", n), fmt.Sprintf("order-1--%d", n)
			if n == 1 {
				number = "order-1"
			}
			x.put(key, number, ledger.Declined)
			x.back(key, number, true)
		}
		for x.get().Status() == ledger.Open {
			x.toDue()
		}
		x.want(ledger.Failed, ledger.AttemptsMax)
		x.put("late", "order-1--3", ledger.Captured)
		x.rest()
		x.want(ledger.Failed, ledger.AttemptsMax)
		x.wantLeft(0, "late") // the last look has found it
	})
}

// TestOldRefusalLeavesThePaid: an answer that was on its way while the money was taken contradicts nothing.
func TestOldRefusalLeavesThePaid(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{2 * time.Second, time.Hour} {
		bubble(t, late.String(), func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-1", "order-1", ledger.Declined)
			x.after = func(string) {
				x.after = nil
				time.Sleep(late)
				x.put("key-2", "order-1", ledger.Captured)
				x.notice("key-2", "order-1")
				x.want(ledger.Paid, 1)
			}
			x.back("key-1", "order-1", true)
			x.want(ledger.Paid, 1)
		})
	}
}

// TestHangingEarlierNumber: one number that cannot be looked up keeps the order from ending, raises the alarm, and
// does not keep the current one from being looked up.
func TestUnreadableNumber(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.down = true
		x.back("", "order-1", false)
		for time.Since(x.get().Over()) < 3*time.Hour {
			x.toDue()
		}
		x.want(ledger.Processing, 1)
		if !x.get().Unsettled(time.Now()) {
			t.Error("no alarm")
		}
		x.down = false
		x.put("key-1", "order-1", ledger.Captured)
		x.toDue()
		x.want(ledger.Paid, 1)
	})
}

// TestTimetable: a matter is looked up less and less often, and never forgotten.
func TestTimetable(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss, func(t *ledger.Terms) { t.ExpiresAt = t.CreatedAt.Add(24 * time.Hour) }))
		x.down = true
		x.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) { return false, ledger.NoReply, "" }
		if err := x.confirmKey("key-1", "order-1"); err != nil {
			t.Fatal(err)
		}
		began := x.get().Requests[0].At
		for _, want := range []time.Duration{30, 90, 210, 510, 1110, 4710, 8310, 11910} {
			if got := x.get().Due().Sub(began); got != want*time.Second {
				t.Errorf("due after %v, want %v", got, want*time.Second)
			}
			x.toDue()
		}
	})
}

// TestNoEndBeforeEachIsRead: of two numbers one is read, and the other cannot be. The order does not end before both are,
// whichever comes first.
func TestNoEndBeforeEachIsRead(t *testing.T) {
	t.Parallel()
	const over = time.Hour + ledger.OpenGrace
	for first, second := range map[int]int{1: 2, 2: 1} {
		k := talk{stood(ledger.Open), t}
		k.shows(over, first)
		k.want("one is read", ledger.Open, 2)
		k.shows(over+time.Hour, second)
		k.want("both are", ledger.Expired, 2)
	}
}

// TestLastLook: a paid order's other windows are looked at once more when none can capture any more. Toss Payments'
// need not be: nothing is captured there without our confirm.
func TestLastLook(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"order-1", "order-1--2"} {
		bubble(t, number, func(t *testing.T) {
			x := newTill(t, open())
			x.second()
			x.paidBy("key-2", "order-1--2")
			time.Sleep(20 * time.Minute)
			x.put("key-3", number, ledger.Captured) // its notice is lost, its buyer gone
			x.rest()
			x.want(ledger.Paid, 2)
			x.wantLeft(15000, "key-2", "key-3")
		})
	}
	bubble(t, "toss", func(t *testing.T) {
		x := newTill(t, open(atToss))
		if err := x.confirmKey("key-1", "order-1"); err != nil {
			t.Fatal(err)
		}
		if x.want(ledger.Paid, 1); !x.get().Due().IsZero() {
			t.Error(show(x.get()))
		}
	})
}
