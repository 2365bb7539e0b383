package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

func balance(left int64) func(*ledger.Payment) { return func(p *ledger.Payment) { p.Balance = left } }
func amount(of, left int64) func(*ledger.Payment) {
	return func(p *ledger.Payment) { p.Amount, p.Balance = of, left }
}
func live(p *ledger.Payment) { p.Test = false }

// second refuses the first number, so that number 2 is open and windows of number 1 may be left.
func (x *till) second() {
	x.t.Helper()
	x.put("declined", "order-1", ledger.Declined)
	x.back("declined", "order-1", true)
	x.want(ledger.Open, 2)
}

// paidBy lets a payment pay the order.
func (x *till) paidBy(key, number string) {
	x.t.Helper()
	x.put(key, number, ledger.Captured)
	x.notice(key, number)
	x.want(ledger.Paid, x.get().Current())
}

// expire lets the order's time pass.
func (x *till) expire() {
	x.t.Helper()
	x.rest()
	x.want(ledger.Expired, x.get().Current())
}

// TestThirdPaymentWhileOneIsReturned: a closed order owes one payment. The notice of a third one that cannot be
// looked up is not lost: it is written, and looked up when it is due.
func TestThirdPaymentWhileOneIsReturned(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*till){"paid": func(x *till) { x.paidBy("key-0", "order-1") }, "expired": (*till).expire} {
		bubble(t, name, func(t *testing.T) {
			x := newTill(t, open())
			state(x)
			kept := x.left("key-0")
			status := x.get().Status()
			x.put("key-2", "order-1", ledger.Captured)
			x.lose = 1
			x.notice("key-2", "order-1")
			time.Sleep(5 * time.Second)
			x.put("key-3", "order-1", ledger.Captured)
			x.deaf = "key-3"
			x.notice("key-3", "order-1")
			x.deaf = ""
			x.rest()
			x.want(status, 1)
			x.wantLeft(kept, "key-0", "key-2", "key-3")
		})
	}
}

// TestNoticeOutlivedByAnotherPayment: while a notice of an open order cannot be looked up, the buyer pays otherwise.
func TestNoticeOutlivedByAnotherPayment(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.second()
		x.put("key-1", "order-1", ledger.Captured)
		x.deaf = "key-1"
		x.after = func(call string) {
			if call == "find key-1" {
				x.after = nil
				x.put("key-2", "order-1--2", ledger.Captured)
				x.back("key-2", "order-1--2", false)
			}
		}
		x.notice("key-1", "order-1")
		x.want(ledger.Paid, 2)
		x.deaf = ""
		x.rest()
		x.wantLeft(15000, "key-1", "key-2")
	})
}

// TestRefundWhileReturning: the order's own payment is refunded in the console while another one is being returned.
func TestRefundWhileReturning(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-1", "order-1")
		x.put("key-2", "order-1", ledger.Captured)
		x.lose = 1
		x.notice("key-2", "order-1")
		x.before = func(call string) {
			if call == "cancel key-2" {
				x.before = nil
				x.put("key-1", "order-1", ledger.Captured, balance(0))
				x.canceled("key-1", "order-1")
			}
		}
		x.rest()
		x.want(ledger.Refunded, 1)
		x.wantLeft(0, "key-1", "key-2")
	})
}

// TestNoticeWithoutAKey: PortOne's own example of a redirect names the number only. That number is looked up,
// whatever paid the order.
func TestNoticeWithoutAKey(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"order-1", "order-1--2"} {
		for door, come := range map[string]func(*till){
			"notice": func(x *till) { x.notice("", number) },
			"return": func(x *till) { x.back("", number, false) },
		} {
			bubble(t, door+" "+number, func(t *testing.T) {
				x := newTill(t, open())
				x.second()
				x.paidBy("key-2", "order-1--2")
				time.Sleep(time.Minute)
				x.put("key-1", number, ledger.Captured)
				come(x)
				x.want(ledger.Paid, 2)
				x.wantLeft(15000, "key-1", "key-2")
				x.rest()
				x.wantLeft(15000, "key-1", "key-2")
			})
		}
	}
}

// TestReviewLooksForTheConfirmed: a confirm took the money and its process died. Then another payment leads to
// review. What the confirmed one took is still found and shown.
func TestReviewLooksForTheConfirmed(t *testing.T) {
	t.Parallel()
	for _, truth := range []ledger.State{ledger.Captured, ledger.Declined, ledger.Begun, 0} {
		bubble(t, truth.String(), func(t *testing.T) {
			x := newTill(t, open(atToss))
			x.put("key-a", "order-1", ledger.Captured, amount(100, 100))
			if truth != 0 {
				x.put("key-b", "order-1", truth)
			}
			x.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) { return false, ledger.NoReply, "" }
			x.down, x.stuck = true, true
			if err := x.confirmKey("key-b", "order-1"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			time.Sleep(11 * time.Minute)
			x.down = false
			x.notice("key-a", "order-1")
			x.down = true // an answer that did not come proves nothing
			x.sweep()
			x.sweep()
			x.down = false
			x.sweep()
			if o := x.get(); o.Status() != ledger.Review {
				t.Fatal(show(o))
			}
			o := x.rest()
			known := slices.ContainsFunc(o.Payments, func(p ledger.Payment) bool { return p.Key == "key-b" })
			if known != (truth != 0) || o.Status() != ledger.Review {
				t.Error(show(o))
			}
			late := truth == ledger.Begun || truth == 0
			if d := time.Since(began); late && d < 15*time.Minute {
				t.Errorf("given up after %v", d)
			}
		})
	}
}

// charged is a cycle whose charge was sent and whose reply was lost.
func charged(t *testing.T, edits ...func(*ledger.Terms)) *till {
	t.Helper()
	x := newTill(t, open(append(edits, cycle)...))
	x.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) { return false, ledger.NoReply, "" }
	x.down = true
	if err := x.charge("means"); err != nil {
		t.Fatal(err)
	}
	x.down = false
	x.want(ledger.Processing, 1)
	return x
}

func withMeans(p *ledger.Payment) { p.BillingKey = "means" }

// TestChargeBehindAWindow: a charge is at work, its reply lost. A window of the buyer's own making under its number
// pays the cycle first. The charge is still looked for, as long as it can show, and goes back. When the window's
// money had gone back before anybody knew of it, it is the charge that pays.
func TestChargeBehindAWindow(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		for _, shows := range []time.Duration{time.Minute, 70 * time.Minute, 0} {
			bubble(t, fmt.Sprint(back, shows), func(t *testing.T) {
				x := charged(t)
				began := time.Now()
				time.Sleep(31 * time.Second)
				x.put("key-2", "order-1", ledger.Captured)
				if back {
					x.put("key-2", "order-1", ledger.Captured, balance(0))
				}
				x.notice("key-2", "order-1")
				if o := x.get(); o.Due().IsZero() {
					t.Fatal(show(o))
				}
				x.before = func(string) {
					if shows > 0 && time.Since(began) >= shows {
						x.before = nil
						x.put("charge", "order-1", ledger.Captured, withMeans)
					}
				}
				for range 40 { // a cycle in doubt is never given up, so rest would not come
					if x.get().Due().IsZero() {
						break
					}
					x.toDue()
				}
				want, status := int64(15000), ledger.Paid
				if back && shows == 0 {
					want, status = 0, ledger.Refunded // nobody is charged once more
				}
				x.want(status, 1)
				x.wantLeft(want, "charge", "key-2")
				if shows == 0 && !back && time.Since(began) < 75*time.Minute {
					t.Error("given up early")
				}
			})
		}
	}
}

// TestSearchEnds: a window that was left open is undecided for ever. The search for a charge behind it is not.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := charged(t)
		began := time.Now()
		x.put("left", "order-1", ledger.Begun)
		x.put("key-1", "order-1", ledger.Captured)
		time.Sleep(31 * time.Second)
		x.notice("key-1", "order-1")
		unsettled := 0
		for !x.get().Due().IsZero() {
			x.toDue()
			if x.get().Unsettled(time.Now()) {
				unsettled++
			}
		}
		if d := time.Since(began); d < 24*time.Hour || d > 26*time.Hour {
			t.Error(d)
		}
		if unsettled == 0 {
			t.Error("no alarm")
		}
		x.want(ledger.Paid, 1)
		x.wantLeft(15000, "key-1")
	})
}

// TestReturnedFromAnotherWindow: the buyer is back from a window while the provider cannot be asked; then another
// window pays the order. What the first one took goes back; when the other's money had gone back before, it is the
// first one that pays.
func TestReturnedFromAnotherWindow(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		bubble(t, fmt.Sprint(back), func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-1", "order-1", ledger.Captured)
			x.down = true
			x.back("", "order-1", false)
			x.want(ledger.Processing, 1)
			x.down = false
			x.put("key-2", "order-1", ledger.Captured)
			if back {
				x.put("key-2", "order-1", ledger.Captured, balance(0))
			}
			time.Sleep(20 * time.Second)
			x.notice("key-2", "order-1")
			x.rest()
			x.want(ledger.Paid, 1)
			x.wantLeft(15000, "key-1", "key-2")
		})
	}
}

// TestWrongMoneyBesideTheReturnedWindow: the same, and the other window's money does not fit. Nobody is asked to pay
// number 2 while number 1 may hold the first window's.
func TestWrongMoneyBesideTheReturnedWindow(t *testing.T) {
	t.Parallel()
	for _, left := range []int64{100, 0} {
		for _, paid := range []bool{true, false} {
			bubble(t, fmt.Sprint(left, paid), func(t *testing.T) {
				x := newTill(t, open())
				if paid {
					x.put("key-1", "order-1", ledger.Captured)
				}
				x.down = true
				x.back("", "order-1", false)
				x.down = false
				time.Sleep(10 * time.Second)
				x.put("key-9", "order-1", ledger.Captured, amount(100, left))
				x.notice("key-9", "order-1")
				if o := x.get(); paid && o.Status() == ledger.Open {
					t.Error(show(o))
				}
				for range 10 {
					if o := x.get(); o.Status() == ledger.Open || o.Due().IsZero() {
						break
					}
					x.toDue()
				}
				if paid {
					x.want(ledger.Paid, 1)
					x.wantLeft(15000, "key-1", "key-9")
					return
				}
				x.want(ledger.Open, 2)
				x.wantLeft(0, "key-9")
			})
		}
	}
}

// TestReturnedFromAWindowAtWork: the provider is still at work on the window the buyer came back from when another
// one pays the order. Whoever learns that, the first window is looked for.
func TestReturnedFromAWindowAtWork(t *testing.T) {
	t.Parallel()
	for door, come := range map[string]func(*till){
		"schedule":             (*till).toDue,
		"return":               func(x *till) { x.back("key-2", "order-1", false) },
		"return without key":   func(x *till) { x.back("", "order-1", false) },
		"notice":               func(x *till) { x.notice("key-2", "order-1") },
		"notice without a key": func(x *till) { x.notice("", "order-1") },
	} {
		for _, back := range []bool{false, true} {
			bubble(t, fmt.Sprint(door, back), func(t *testing.T) {
				x := newTill(t, open())
				x.put("key-1", "order-1", ledger.Begun)
				x.back("key-1", "order-1", false)
				x.want(ledger.Processing, 1)
				time.Sleep(5 * time.Second)
				x.put("key-2", "order-1", ledger.Captured)
				if back {
					x.put("key-2", "order-1", ledger.Captured, balance(0))
				}
				come(x)
				o := x.get()
				if soon := time.Until(o.Due()); o.Due().IsZero() || soon > time.Minute {
					t.Errorf("%v: the first window is not looked for\n%s", soon, show(o))
				}
				time.Sleep(20 * time.Second)
				x.put("key-1", "order-1", ledger.Captured)
				x.rest()
				x.want(ledger.Paid, 1)
				x.wantLeft(15000, "key-1", "key-2")
			})
		}
	}
}

// TestOtherMoneyBesideAWindowAtWork: beside the returned window at work is money that pays nothing. As long as the
// window's may still be taken nobody is asked to pay the next number.
func TestOtherMoneyBesideAWindowAtWork(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*ledger.Payment){
		"wrong amount":           func(p *ledger.Payment) { p.Amount, p.Balance, p.Test = 100, 100, false },
		"wrong amount, and back": func(p *ledger.Payment) { p.Amount, p.Balance, p.Test = 100, 0, false },
		"test money":             func(*ledger.Payment) {},
	} {
		for _, state := range []ledger.State{ledger.Begun, ledger.Doubtful} {
			for _, before := range []bool{true, false} {
				bubble(t, fmt.Sprint(name, state, before), func(t *testing.T) {
					x := newTill(t, open(func(t *ledger.Terms) { t.Account.Live = true }))
					x.put("key-1", "order-1", state, live)
					if before {
						x.put("key-2", "order-1", ledger.Captured, edit)
					}
					x.back("key-1", "order-1", false)
					x.want(ledger.Processing, 1)
					if !before {
						x.put("key-2", "order-1", ledger.Captured, edit)
					}
					for o := x.get(); o.Due().Sub(o.CreatedAt) < 50*time.Minute; o = x.get() {
						x.toDue()
						if o := x.get(); o.Current() != 1 || state == ledger.Doubtful && o.Status() != ledger.Processing {
							t.Fatal(show(o))
						}
					}
					x.put("key-1", "order-1", ledger.Captured, live)
					x.rest()
					if p := x.get().Paid(); p == nil || p.Key != "key-1" {
						t.Error(show(x.get()))
					}
				})
			}
		}
	}
}

// TestReturnWhileMoneyIsOwed: the order is processing only for wrong money that goes back when a buyer returns from a
// window of his own.
func TestReturnWhileMoneyIsOwed(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.lose = 1
		x.put("key-9", "order-1", ledger.Captured, amount(100, 100))
		x.notice("key-9", "order-1")
		time.Sleep(5 * time.Second)
		x.put("key-1", "order-1", ledger.Captured)
		x.back("key-1", "order-1", false)
		if o := x.get(); o.Status() == ledger.Open {
			t.Error(show(o))
		}
		x.rest()
		x.want(ledger.Paid, 1)
		x.wantLeft(15000, "key-1", "key-9")
	})
}

// TestReturnDuringALookup: while the schedule's lookup hangs, which was begun before, the buyer comes back from a
// second window. The old answer says nothing of this one.
func TestReturnDuringALookup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key   string
		truth ledger.State
	}{{"key-2", ledger.Captured}, {"", ledger.Captured}, {"key-2", ledger.Declined}} {
		bubble(t, fmt.Sprint(c.key, c.truth), func(t *testing.T) {
			x := newTill(t, open())
			x.down = true
			x.back("", "order-1", false)
			x.down = false
			x.put("key-1", "order-1", c.truth)
			time.Sleep(time.Until(x.get().Due()))
			x.after = func(string) {
				x.after = nil
				time.Sleep(time.Second)
				x.put("key-2", "order-1", ledger.Captured)
				x.back(c.key, "order-1", false)
				time.Sleep(8 * time.Second)
			}
			x.sweep()
			x.rest()
			x.want(ledger.Paid, 1)
			x.wantLeft(15000, "key-1", "key-2")
		})
	}
}

// TestReturnedWhileSearching: a lookup by number that hangs does not keep money from going back.
func TestReturnedWhileSearching(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := charged(t)
		x.put("key-2", "order-1", ledger.Captured)
		time.Sleep(31 * time.Second)
		x.notice("key-2", "order-1")
		x.put("key-3", "order-1", ledger.Captured)
		x.lose = 1
		time.Sleep(2 * time.Second)
		x.notice("key-3", "order-1")
		x.toDue()
		x.wantLeft(15000, "key-2", "key-3")
	})
}

// TestOwnRefusalAfterTheWindow: a worker stood still between the intent and the charge. Meanwhile a window pays the
// cycle; then the charge is sent, and refused. That contradicts nothing, and there is nothing left to look for.
func TestOwnRefusalAfterTheWindow(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(cycle))
		x.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) {
			x.bank.mu.Unlock()
			x.put("window", "order-1", ledger.Captured)
			x.notice("window", "order-1")
			x.want(ledger.Paid, 1)
			if x.get().Due().IsZero() {
				t.Error("the charge is not looked for")
			}
			x.bank.mu.Lock()
			return false, ledger.Refused, "CARD_EXCEED_LIMIT"
		}
		if err := x.charge("means"); err != nil {
			t.Fatal(err)
		}
		x.want(ledger.Paid, 1)
		if o := x.get(); !o.Due().IsZero() {
			t.Error(show(o))
		}
	})
}

// TestContradictionWhileSearching: the payment an order was paid with shows as refused. That something else is looked
// for hides nothing.
func TestContradictionWhileSearching(t *testing.T) {
	t.Parallel()
	for _, means := range []string{"means", ""} {
		bubble(t, means, func(t *testing.T) {
			x := charged(t)
			own := func(p *ledger.Payment) { p.BillingKey = means }
			x.put("key-2", "order-1", ledger.Captured, own)
			time.Sleep(31 * time.Second)
			x.notice("key-2", "order-1")
			x.put("key-2", "order-1", ledger.Declined, own)
			time.Sleep(31 * time.Second)
			x.canceled("key-2", "order-1")
			x.want(ledger.Paid, 1) // a lookup may be behind so long
			x.rest()
			x.want(ledger.Review, 1)
		})
	}
}

// TestOwnChargeEndsTheDoubt: a payment with the charge's billing key is the charge itself, and nothing else is looked
// for.
func TestOwnChargeEndsTheDoubt(t *testing.T) {
	t.Parallel()
	for means, final := range map[string]bool{"means": true, "": false, "another": false} {
		bubble(t, means, func(t *testing.T) {
			x := charged(t)
			x.put("key-c", "order-1", ledger.Captured, func(p *ledger.Payment) { p.BillingKey = means })
			time.Sleep(31 * time.Second)
			x.notice("key-c", "order-1")
			x.want(ledger.Paid, 1)
			if o := x.get(); o.Due().IsZero() != final {
				t.Error(show(o))
			}
			x.rest()
			x.wantLeft(15000, "key-c")
		})
	}
}

// TestGap: an order is paid; a second window takes the money, and the lookup does not answer for the ten seconds in
// which its only notice comes.
func TestGap(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"order-1", "order-1--2"} {
		for _, returns := range []bool{true, false} {
			bubble(t, fmt.Sprint(number, returns), func(t *testing.T) {
				x := newTill(t, open())
				x.second()
				x.paidBy("key-2", "order-1--2")
				time.Sleep(time.Minute)
				x.put("key-1", number, ledger.Captured)
				x.down = true
				x.notice("key-1", number)
				if returns {
					x.back("key-1", number, false)
				}
				time.Sleep(10 * time.Second)
				x.down = false
				x.rest()
				x.want(ledger.Paid, 2)
				x.wantLeft(15000, "key-1", "key-2")
			})
		}
	}
}
