package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// again is a worker that still wants the cycle: a charge that nobody finds may be repeated.
func (x *till) again() {
	x.t.Helper()
	x.settle(ledger.Work{Stored: x.get(), Visit: ledger.Visit{Repeat: time.Now().Add(time.Minute)}})
}

// next is a worker that charges the next number.
func (x *till) next(means string) {
	x.t.Helper()
	r := ledger.Request{Kind: ledger.Charge, Attempt: x.get().Current(), Key: means, Amount: 15000}
	x.settle(ledger.Work{Stored: x.get(), Visit: ledger.Visit{Charge: &r}})
}

// TestChargeIsNotRepeatedEarly: a charge without an answer is looked up for 75 minutes. Then, and only by a worker
// that still wants it, it is sent once more under the same number.
func TestChargeIsNotRepeatedEarly(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := charged(t)
		began := time.Now()
		for time.Since(began) < 70*time.Minute {
			time.Sleep(5 * time.Minute)
			x.again()
		}
		if n := x.asked("charge "); n != 1 {
			t.Fatalf("%d charges", n)
		}
		time.Sleep(6 * time.Minute)
		x.sweep()
		if n := x.asked("charge "); n != 1 {
			t.Fatalf("%d charges, and nobody wants it", n)
		}
		x.confirm = nil
		x.again()
		x.want(ledger.Paid, 1)
		x.wantLeft(15000, "charge-1-1")
	})
}

// TestRepeatedCharge: what the answer to the second request says of the first.
func TestRepeatedCharge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, script string
		truth        func(*till)
		ends         ledger.Status
		number       int
	}{
		{"it was never taken, and is now", "took ok", func(*till) {}, ledger.Paid, 1},
		{"refused as a duplicate, and the first shows", "already", func(x *till) { x.put("c", "order-1", ledger.Captured, withMeans) }, ledger.Paid, 1},
		{"refused, and nothing shows", "no", func(*till) {}, ledger.Open, 2},
		{"refused as a duplicate, and nothing shows", "already", func(*till) {}, ledger.Processing, 1},
		{"refused as a duplicate of a window's that went back", "already", func(x *till) { x.put("w", "order-1", ledger.Captured, amount(100, 0)) }, ledger.Open, 2},
		{"lost", "lost", func(*till) {}, ledger.Processing, 1},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := charged(t)
			time.Sleep(76 * time.Minute)
			x.before = func(call string) {
				if call == "charge means" {
					x.before = nil
					tc.truth(x)
				}
			}
			replies(x, "", tc.script)
			x.again()
			x.want(tc.ends, tc.number)
		})
	}
}

// TestChargeRefusals: a listed refusal of the first request is the end of its number; anything less is not.
func TestChargeRefusals(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]ledger.Status{
		"took ok": ledger.Paid, "no": ledger.Open, "500": ledger.Processing, "401": ledger.Processing, "already": ledger.Processing, "lost": ledger.Processing,
	} {
		bubble(t, script, func(t *testing.T) {
			x := newTill(t, open(cycle))
			replies(x, script)
			if err := x.charge("means"); err != nil {
				t.Fatal(err)
			}
			if s := x.get().Status(); s != want {
				t.Errorf("%s, want %s\n%s", s, want, show(x.get()))
			}
		})
	}
}

// TestNextNumberOfACycle: before a further number is charged every number before it was looked up; one that cannot be
// read makes it wait.
func TestNextNumberOfACycle(t *testing.T) {
	t.Parallel()
	for _, truth := range []string{"nothing", "a window paid number 1", "unreadable"} {
		bubble(t, truth, func(t *testing.T) {
			x := newTill(t, open(cycle))
			replies(x, "no")
			if err := x.charge("means"); err != nil {
				t.Fatal(err)
			}
			x.want(ledger.Open, 2)
			time.Sleep(24 * time.Hour)
			if truth == "a window paid number 1" {
				x.put("w", "order-1", ledger.Captured)
			}
			x.down, x.confirm = truth == "unreadable", nil
			x.next("means-2")
			sent := map[string]int{"nothing": 2}[truth]
			if n := x.asked("charge "); n != max(sent, 1) {
				t.Errorf("%d charges: %v", n, x.calls)
			}
			if s := x.get().Status(); s != map[string]ledger.Status{"nothing": ledger.Paid, "a window paid number 1": ledger.Paid, "unreadable": ledger.Open}[truth] {
				t.Errorf("%s\n%s", s, show(x.get()))
			}
		})
	}
}

// TestAnotherPaymentSaysNothingOfTheCharge: what became of a window's payment under the number of a charge that
// nobody has answered does not open the next number, and the charge is found when it shows.
func TestAnotherPaymentSaysNothingOfTheCharge(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		live bool
		s    ledger.State
		edit func(*ledger.Payment)
	}{
		"another amount, returned":                  {false, ledger.Captured, amount(100, 100)},
		"another amount, refunded without us":       {false, ledger.Captured, amount(100, 0)},
		"test money":                                {true, ledger.Captured, func(*ledger.Payment) {}},
		"a failed window":                           {false, ledger.Declined, func(*ledger.Payment) {}},
		"a failed window of a test channel":         {true, ledger.Declined, func(*ledger.Payment) {}},
		"a failed window and one that is left open": {false, ledger.Begun, func(*ledger.Payment) {}},
	} {
		bubble(t, name, func(t *testing.T) {
			x := charged(t, func(t *ledger.Terms) { t.Account.Live = tc.live })
			x.put("key-w", "order-1", tc.s, tc.edit)
			time.Sleep(time.Second)
			x.notice("key-w", "order-1")
			began := time.Now()
			for time.Since(began) < 23*time.Hour {
				x.toDue()
				x.want(ledger.Processing, 1)
			}
			if n := x.asked("find #1"); n < 20 || n > 40 {
				t.Errorf("%d lookups in a day", n)
			}
			if !tc.live {
				x.wantLeft(0, "key-w")
			}
			x.put("key-c", "order-1", ledger.Captured, withMeans, func(p *ledger.Payment) { p.Test = !tc.live })
			x.notice("key-c", "order-1")
			x.want(ledger.Paid, 1)
		})
	}
}

// TestConsoleRefundOfACycle: what becomes of the money a cycle was paid with is recorded.
func TestConsoleRefundOfACycle(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(cycle))
		if err := x.charge("means"); err != nil {
			t.Fatal(err)
		}
		x.want(ledger.Paid, 1)
		if o := x.get(); !o.Due().IsZero() {
			t.Error(show(o))
		}
		time.Sleep(24 * time.Hour)
		x.put("charge-1-0", "order-1", ledger.Captured, withMeans, balance(5000))
		x.canceled("charge-1-0", "order-1")
		if p := x.get().Paid(); p == nil || p.Balance != 5000 {
			t.Error(show(x.get()))
		}
		x.put("charge-1-0", "order-1", ledger.Captured, withMeans, balance(0))
		x.canceled("charge-1-0", "order-1")
		x.want(ledger.Refunded, 1)
	})
}

// TestTwoWorkersOneCharge: two workers want the same charge. One writes the intent, and it alone sends it.
func TestTwoWorkersOneCharge(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(cycle))
		x.before = func(call string) {
			if call == "charge means" {
				time.Sleep(time.Second)
			}
		}
		done := make(chan error)
		for range 5 {
			go func() { done <- x.charge("means") }()
		}
		refused := 0
		for range 5 {
			if err := <-done; err != nil {
				refused++
			}
		}
		x.want(ledger.Paid, 1)
		if n := x.asked("charge "); n != 1 || refused != 4 {
			t.Error(fmt.Sprint(n, " charges, ", refused, " refused"))
		}
	})
}
