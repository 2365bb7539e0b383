package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// numbers is the number of an attempt.
func numbers(n int) string {
	if n == 1 {
		return "order-1"
	}
	return fmt.Sprintf("order-1--%d", n)
}

// toLast refuses every number but the last one.
func (x *till) toLast() {
	x.t.Helper()
	for n := 1; n < ledger.AttemptsMax; n++ {
		key := fmt.Sprint("refused-", n)
		x.put(key, numbers(n), ledger.Declined)
		x.back(key, numbers(n), true)
	}
	x.want(ledger.Open, ledger.AttemptsMax)
}

// failed is an order whose last number was refused, and all of whose numbers were looked up.
func (x *till) failed() {
	x.t.Helper()
	x.toLast()
	x.put("refused-last", numbers(ledger.AttemptsMax), ledger.Declined)
	x.back("refused-last", numbers(ledger.AttemptsMax), true)
	for range 20 {
		if x.get().Status() == ledger.Failed {
			return
		}
		x.toDue()
	}
	x.t.Error(show(x.get()))
}

// TestEndAfterADoubt: the second number is in doubt when the time is over; its failure is learned from a notice. The first number's window has taken
// the money meanwhile, and its notice was lost.
func TestEndAfterADoubt(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.second()
		x.down = true
		x.back("key-2", "order-1--2", false)
		x.down = false
		x.want(ledger.Processing, 2)
		x.put("key-1", "order-1", ledger.Captured)
		x.put("key-2", "order-1--2", ledger.Declined)
		time.Sleep(time.Until(x.get().Over()))
		x.notice("key-2", "order-1--2")
		x.rest()
		x.want(ledger.Paid, 2)
		x.wantLeft(15000, "key-1")
	})
}

// TestEndOfTheLastNumber: wrong money is taken under the last number, and beside it the right one, of which nobody tells.
func TestEndOfTheLastNumber(t *testing.T) {
	t.Parallel()
	for _, left := range []int64{100, 0} {
		for _, right := range []bool{true, false} {
			bubble(t, fmt.Sprint(left, right), func(t *testing.T) {
				x := newTill(t, open())
				x.toLast()
				number := numbers(ledger.AttemptsMax)
				if right {
					x.put("key-1", number, ledger.Captured)
				}
				x.put("key-2", number, ledger.Captured, amount(100, left))
				x.notice("key-2", number)
				for range 20 {
					if s := x.get().Status(); s == ledger.Paid || s == ledger.Failed {
						break
					}
					x.toDue()
				}
				want, kept := ledger.Failed, int64(0)
				if right {
					want, kept = ledger.Paid, 15000
				}
				x.want(want, ledger.AttemptsMax)
				x.wantLeft(kept, "key-1", "key-2")
			})
		}
	}
}

// TestMoneyAfterTheFailure: a failed order's late money goes back, a third payment's too while that one is returned; or it is kept.
func TestMoneyAfterTheFailure(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		bubble(t, fmt.Sprint(keep), func(t *testing.T) {
			x := newTill(t, open(func(t *ledger.Terms) { t.KeepLate = keep }))
			x.failed()
			x.put("key-2", "order-1--2", ledger.Captured)
			x.lose = 1
			x.notice("key-2", "order-1--2")
			time.Sleep(5 * time.Second)
			x.put("key-3", "order-1--2", ledger.Captured)
			x.deaf = "key-3"
			x.notice("key-3", "order-1--2")
			x.deaf = ""
			x.rest()
			want, kept := ledger.Failed, int64(0)
			if keep {
				want, kept = ledger.Paid, 15000
			}
			x.want(want, ledger.AttemptsMax)
			x.wantLeft(kept, "key-2", "key-3")
		})
	}
}

// TestOldLookupLeavesThePaid: the schedule's lookup was on its way while the money was taken. It contradicts nothing.
func TestOldLookupLeavesThePaid(t *testing.T) {
	t.Parallel()
	for _, late := range []time.Duration{2 * time.Second, time.Hour} {
		bubble(t, late.String(), func(t *testing.T) {
			x := newTill(t, open())
			time.Sleep(time.Until(x.get().Due()))
			paid := false
			x.after = func(string) {
				x.after = nil
				time.Sleep(late)
				x.put("key-2", "order-1", ledger.Captured)
				x.notice("key-2", "order-1")
				paid = true
			}
			x.sweep()
			if o := x.get(); !paid || o.Status() != ledger.Paid {
				t.Errorf("paid %v: %s", paid, show(o))
			}
		})
	}
}

// TestTwoPaymentsOfANumberThatIsOver: the schedule finds two captures under a number that is over and dies after its first write. The order knows of
// both.
func TestTwoPaymentsOfANumberThatIsOver(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.second()
		x.put("key-1", "order-1", ledger.Captured)
		x.put("key-2", "order-1", ledger.Captured)
		time.Sleep(time.Until(x.get().Due()))
		died := false
		x.before = func(call string) {
			if !died && (call == "cancel key-1" || call == "cancel key-2") {
				died = true
				panic("the process dies")
			}
		}
		func() {
			defer func() { _ = recover() }()
			x.sweep()
		}()
		x.want(ledger.Paid, 2)
		roles := map[ledger.Role]int{}
		for _, p := range x.get().Payments {
			roles[p.Role]++
		}
		if !died || roles[ledger.Kept] != 1 || roles[ledger.Surplus] != 1 {
			t.Errorf("died %v\n%s", died, show(x.get()))
		}
		x.rest()
		x.wantLeft(15000, "key-1", "key-2")
	})
}

// TestReviewByTheNinthPaymentLooksForTheConfirmed: a confirm took the money and its process died. The ninth surplus payment leads to review. What the
// confirmed one took is still found and shown, and nothing is sent.
func TestReviewByTheNinthPaymentLooksForTheConfirmed(t *testing.T) {
	t.Parallel()
	for _, truth := range []ledger.State{ledger.Captured, ledger.Declined, ledger.Begun, 0} {
		bubble(t, truth.String(), func(t *testing.T) {
			x := newTill(t, open(atToss))
			if truth != 0 {
				x.put("key-b", "order-1", truth)
			}
			x.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) { return false, ledger.NoReply, "" }
			x.down = true
			if err := x.confirmKey("key-b", "order-1"); err != nil {
				t.Fatal(err)
			}
			x.deaf = "key-b"
			began := time.Now()
			for i := range ledger.SurplusMax + 1 {
				time.Sleep(time.Second)
				x.down = false
				key := fmt.Sprint("more-", i)
				x.put(key, "order-9", ledger.Captured, func(p *ledger.Payment) { p.Attempt, p.Amount, p.Balance = 1, 100, 100 })
				x.hide[key] = true
				x.notice(key, "order-1")
			}
			if o := x.get(); o.Status() != ledger.Review {
				t.Fatal(show(o))
			}
			cancels := x.asked("cancel ")
			x.deaf = ""
			o := x.rest()
			if known := o.Payment("key-b") != nil; known != (truth != 0) || o.Status() != ledger.Review || x.asked("cancel ") != cancels {
				t.Errorf("known %v, %d cancels\n%s", known, x.asked("cancel ")-cancels, show(o))
			}
			if late := truth == ledger.Begun || truth == 0; late && time.Since(began) < 15*time.Minute {
				t.Errorf("given up after %v", time.Since(began))
			}
		})
	}
}

// TestReturnedFromAnotherWindowSoon: the same as TestReturnedFromAnotherWindow; what the first window took is found long before the last look, with
// few lookups.
func TestReturnedFromAnotherWindowSoon(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-1", "order-1", ledger.Captured)
		x.down = true
		x.back("", "order-1", false)
		x.down = false
		x.put("key-2", "order-1", ledger.Captured)
		time.Sleep(20 * time.Second)
		x.notice("key-2", "order-1")
		asked := x.asked("")
		for soon := time.Now().Add(20 * time.Minute); !x.get().Due().IsZero() && x.get().Due().Before(soon); {
			x.toDue()
		}
		x.wantLeft(15000, "key-1", "key-2")
		x.rest()
		if n := x.asked("") - asked; n > 8 {
			t.Errorf("%d calls more: %v", n, x.calls)
		}
	})
}

// TestHangingEarlierNumber: one number that cannot be read keeps the order from ending and raises the alarm. It does not keep the current one from
// being looked up, which pays.
func TestHangingEarlierNumber(t *testing.T) {
	t.Parallel()
	for _, doubt := range []bool{true, false} {
		bubble(t, fmt.Sprint(doubt), func(t *testing.T) {
			x := newTill(t, open())
			x.second()
			x.before = func(call string) { x.bank.mu.Lock(); x.down = call == "find #1"; x.bank.mu.Unlock() }
			if doubt {
				x.deaf = "key-2"
				x.back("key-2", "order-1--2", false)
				x.deaf = ""
			}
			for time.Since(x.get().Over()) < 3*time.Hour {
				x.toDue()
				if o := x.get(); o.End != ledger.NoEnd {
					t.Fatal(show(o))
				}
			}
			if !x.get().Unsettled(time.Now()) {
				t.Error("no alarm")
			}
			n := x.asked("find #1")
			if n > 40 {
				t.Errorf("%d lookups in three hours", n)
			}
			x.put("key-2", "order-1--2", ledger.Captured)
			x.notice("key-2", "order-1--2")
			x.want(ledger.Paid, 2)
		})
	}
}

// TestReloadsOfReview: whoever holds the link of an order in review cannot make anything be sent, and the lookups of his returns end.
func TestReloadsOfReview(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.back("", "order-1", false)
		x.stuck = true
		time.Sleep(time.Second)
		x.wrong()
		x.want(ledger.Review, 1)
		cancels, payments := x.asked("cancel "), len(x.get().Payments)
		for i := range 20 {
			time.Sleep(4 * time.Second)
			x.back([]string{"", "key-9", "forged"}[i%3], "order-1", false)
		}
		if o := x.get(); x.asked("cancel ") != cancels || len(o.Requests) > 6 || len(o.Payments) != payments {
			t.Errorf("%d cancels more\n%s", x.asked("cancel ")-cancels, show(o))
		}
		x.rest()
		if o := x.get(); o.Status() != ledger.Review || !o.Due().IsZero() || o.LearnedAt.Sub(o.CreatedAt) > 4*time.Hour {
			t.Error(show(o))
		}
	})
}

// TestCancelReplies: whatever the provider says to it, and whether it was carried out, the money goes back once, and nothing
// is repeated without a lookup.
func TestCancelReplies(t *testing.T) {
	t.Parallel()
	for reply := ledger.NoReply; reply < ledger.Accepted; reply++ {
		for _, made := range []bool{true, false} {
			bubble(t, fmt.Sprint(reply, made), func(t *testing.T) {
				x := newTill(t, open())
				x.paidBy("key-1", "order-1")
				x.put("key-2", "order-1", ledger.Captured)
				first := true
				x.reply = func() (bool, ledger.Reply) {
					if !first {
						return true, ledger.Accepted
					}
					first = false
					return made, reply
				}
				x.notice("key-2", "order-1")
				x.rest()
				want, left, cancels := ledger.Paid, int64(0), 2
				switch {
				case made:
					cancels = 1
				case reply == ledger.Refused:
					want, left, cancels = ledger.Review, 15000, 1
				}
				x.want(want, 1)
				x.wantLeft(left, "key-2")
				x.wantLeft(15000, "key-1")
				if n := x.asked("cancel "); n != cancels {
					t.Errorf("%d cancels, want %d: %v", n, cancels, x.calls)
				}
			})
		}
	}
}

// TestGivenBackAgainIsAnotherRequest: a person gives a payment back, and the provider refuses; he mends the cause and gives it back again. The provider
// answers a request that it has answered with what it said then, for 15 days: it must be another one. (The idempotency key is made of reason, turn
// and payment: cancelOf in shared/payment.)
func TestGivenBackAgainIsAnotherRequest(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.confirmKey1()
		x.put("key-2", "order-1", ledger.Captured)
		x.stuck = true
		sent := map[string]bool{}
		x.before = func(call string) {
			if call != "cancel key-2" {
				return
			}
			o := x.get()
			for _, r := range o.Requests {
				if r.Kind != ledger.Cancel {
					continue
				}
				id := fmt.Sprint(o.Payment("key-2").Reason, " ", r.Turn)
				if sent[id] {
					t.Errorf("%q is sent again, and was refused", id)
				}
				sent[id] = true
			}
		}
		x.notice("key-2", "order-1")
		x.rest()
		for range 3 {
			x.want(ledger.Review, 1)
			time.Sleep(time.Hour)
			if err := x.resolve("key-2", false); err != nil {
				t.Fatal(err)
			}
			x.rest()
		}
		if len(sent) != 4 {
			t.Errorf("sent %v: %v", sent, x.calls)
		}
	})
}
