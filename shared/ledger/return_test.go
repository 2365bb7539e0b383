package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestMoneyThatIsNotTheOrders: each way to hold money that the order must not keep. It is written as surplus, with a
// due time, before the provider is asked; returned whole and once; and the order is what it was.
func TestMoneyThatIsNotTheOrders(t *testing.T) {
	t.Parallel()
	paid := func(x *till) { x.paidBy("key-1", "order-1") }
	for _, tc := range []struct {
		name    string
		state   func(*till)
		edit    func(*ledger.Payment)
		reason  ledger.Reason
		ends    ledger.Status
		attempt int
	}{
		{"a second payment", paid, nil, ledger.Second, ledger.Paid, 1},
		{"a second payment, half of it refunded in the console", paid, balance(7500), ledger.Second, ledger.Paid, 1},
		{"after the expiry", (*till).expire, nil, ledger.Late, ledger.Expired, 1},
		{"one won less", nil, amount(14999, 14999), ledger.Mismatch, ledger.Open, 2},
		{"one won more", nil, amount(15001, 15001), ledger.Mismatch, ledger.Open, 2},
		{"dollars", nil, func(p *ledger.Payment) { p.Currency = "USD" }, ledger.Mismatch, ledger.Open, 2},
		{"to another account", nil, func(p *ledger.Payment) { p.Merchant = "mid-9" }, ledger.Mismatch, ledger.Open, 2},
		{"real money in a test deployment", nil, live, ledger.Mismatch, ledger.Open, 2},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := newTill(t, open())
			if tc.state != nil {
				tc.state(x)
			}
			edits := []func(*ledger.Payment){func(*ledger.Payment) {}}
			if tc.edit != nil {
				edits = append(edits, tc.edit)
			}
			x.put("key-2", "order-1", ledger.Captured, edits...)
			x.before = func(call string) {
				if call != "cancel key-2" {
					return
				}
				o := x.get()
				for _, p := range o.Payments {
					if p.Key == "key-2" && (p.Role != ledger.Surplus || p.Reason != tc.reason || o.Due().IsZero()) {
						t.Errorf("the provider is asked to refund, and the record says\n%s", show(o))
					}
				}
			}
			x.notice("key-2", "order-1")
			x.want(tc.ends, tc.attempt)
			x.wantLeft(0, "key-2")
			x.canceled("key-2", "order-1") // the notice of our own cancel
			x.want(tc.ends, tc.attempt)
			if n := x.asked("cancel "); n != 1 {
				t.Errorf("%d cancels", n)
			}
			if o := x.get(); o.Status() != ledger.Open && len(o.Requests) > 0 {
				t.Error(show(o))
			}
		})
	}
}

// TestMoneyThatIsTheOrders: what must never be refunded.
func TestMoneyThatIsTheOrders(t *testing.T) {
	t.Parallel()
	keep := func(t *ledger.Terms) { t.KeepLate = true }
	inLive := func(t *ledger.Terms) { t.Account.Live = true }
	none := func(*till) {}
	for _, tc := range []struct {
		name  string
		terms []func(*ledger.Terms)
		state func(*till)
		edit  func(*ledger.Payment)
		ends  ledger.Status
	}{
		{"the payment", nil, none, func(*ledger.Payment) {}, ledger.Paid},
		{"of an account nobody names", nil, none, func(p *ledger.Payment) { p.Merchant = "" }, ledger.Paid},
		{"late, and the merchant keeps it", []func(*ledger.Terms){keep}, (*till).expire, func(*ledger.Payment) {}, ledger.Paid},
		{"test money of a live order", []func(*ledger.Terms){inLive}, none, func(*ledger.Payment) {}, ledger.Open},
		{"test money of another amount", []func(*ledger.Terms){inLive}, none, amount(9, 9), ledger.Open},
		{"test money for an expired live order", []func(*ledger.Terms){inLive, keep}, (*till).expire, func(*ledger.Payment) {}, ledger.Expired},
		{"another order's payment", nil, none, func(p *ledger.Payment) { p.Attempt = 0 }, ledger.Open},
		{"made before the order was", nil, none, func(p *ledger.Payment) { p.ApprovedAt = time.Now().Add(-time.Hour) }, ledger.Open},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := newTill(t, open(tc.terms...))
			tc.state(x)
			x.put("key-2", "order-1", ledger.Captured, tc.edit)
			left := x.left("key-2")
			x.notice("key-2", "order-1")
			if s := x.get().Status(); s != tc.ends {
				t.Errorf("%s, want %s\n%s", s, tc.ends, show(x.get()))
			}
			x.wantLeft(left, "key-2")
			if n := x.asked("cancel "); n > 0 {
				t.Errorf("%d cancels", n)
			}
		})
	}
}

// TestNumberNeverOpened: a payment under a number this order never offered is another table's, or was made before this
// table was restored. It is neither kept nor refunded, nobody is asked to pay beside it, and a person decides.
func TestNumberNeverOpened(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		come func(*till) // how we hear of it
	}{
		{"by a notice", func(x *till) { x.notice("key-2", "order-1--2") }},
		{"by a return to the number before", func(x *till) { x.back("key-2", "order-1", false) }},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-2", "order-1--2", ledger.Captured)
			tc.come(x)
			x.rest()
			x.want(ledger.Review, 1)
			x.wantLeft(15000, "key-2")
			if o := x.get(); o.Attempts[0].Used {
				t.Error("the number before is used up by it\n" + show(o))
			}
		})
		bubble(t, tc.name+", kept", func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-2", "order-1--2", ledger.Captured)
			tc.come(x)
			if err := x.resolve("key-2", true); err != nil {
				t.Fatal(err)
			}
			x.rest()
			x.want(ledger.Paid, 1)
			x.wantLeft(15000, "key-2")
		})
		bubble(t, tc.name+", given back", func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-2", "order-1--2", ledger.Captured)
			tc.come(x)
			if err := x.resolve("key-2", false); err != nil {
				t.Fatal(err)
			}
			x.rest()
			x.want(ledger.Failed, 1)
			x.wantLeft(0, "key-2")
		})
		bubble(t, tc.name+", of a paid order", func(t *testing.T) {
			x := newTill(t, open())
			x.paidBy("key-1", "order-1")
			x.put("key-2", "order-1--2", ledger.Captured)
			tc.come(x)
			x.rest()
			x.want(ledger.Review, 1)
			x.wantLeft(30000, "key-1", "key-2")
		})
		bubble(t, tc.name+", and it took nothing", func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-2", "order-1--2", ledger.Declined)
			tc.come(x)
			x.want(ledger.Open, 1)
		})
	}
}

// TestNumberOfAnotherTable: a number that another table has used up before is passed over, in the same write.
func TestNumberOfAnotherTable(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-2", "order-1--2", ledger.Captured, func(p *ledger.Payment) { p.ApprovedAt = x.get().CreatedAt.Add(-time.Hour) })
		x.notice("key-2", "order-1--2")
		x.want(ledger.Open, 1)
		x.put("key-1", "order-1", ledger.Declined)
		x.back("key-1", "order-1", true)
		x.want(ledger.Open, 3)
		x.paidBy("key-3", "order-1--3")
		x.want(ledger.Paid, 3)
		x.wantLeft(30000, "key-2", "key-3")
	})
}

// TestReturnsThatGoWrong: whatever becomes of the request, the money goes back once, and no request is repeated
// without a lookup.
func TestReturnsThatGoWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		set     func(*till)
		cancels int
		ends    ledger.Status
		left    int64
	}{
		{"nothing goes wrong", func(*till) {}, 1, ledger.Paid, 0},
		{"the reply is lost", func(x *till) { x.mute = 1 }, 1, ledger.Paid, 0},
		{"the request is lost", func(x *till) { x.lose = 1 }, 2, ledger.Paid, 0},
		{"it is lost three times", func(x *till) { x.lose = 3 }, 4, ledger.Paid, 0},
		{"refused for good", func(x *till) { x.stuck = true }, 1, ledger.Review, 15000},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := newTill(t, open())
			x.paidBy("key-1", "order-1")
			x.put("key-2", "order-1", ledger.Captured)
			tc.set(x)
			x.notice("key-2", "order-1")
			x.rest()
			x.want(tc.ends, 1)
			x.wantLeft(tc.left, "key-2")
			x.wantLeft(15000, "key-1")
			if n := x.asked("cancel "); n != tc.cancels {
				t.Errorf("%d cancels, want %d: %v", n, tc.cancels, x.calls)
			}
			for i, call := range x.calls {
				if i > 0 && call == "cancel key-2" && x.calls[i-1] == call {
					t.Errorf("repeated without a lookup: %v", x.calls)
				}
			}
		})
	}
}

// TestConsoleRefundsAPartMeanwhile: the rest goes back; a sum that has changed is no reason to give up, nor to ask
// for the old one.
func TestConsoleRefundsAPartMeanwhile(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-1", "order-1")
		x.put("key-2", "order-1", ledger.Captured)
		x.before = func(call string) {
			if call == "cancel key-2" {
				x.before = nil
				x.put("key-2", "order-1", ledger.Captured, balance(4000))
			}
		}
		x.notice("key-2", "order-1")
		x.rest()
		x.want(ledger.Paid, 1)
		x.wantLeft(0, "key-2")
		if n := x.asked("cancel "); n != 2 {
			t.Errorf("%d cancels: %v", n, x.calls)
		}
	})
}

// TestReturnOutlivesAnOutage: hours without an answer. It stays surplus, the alarm fires after an hour, and it ends
// when the provider is back.
func TestReturnOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-1", "order-1")
		x.put("key-2", "order-1", ledger.Captured)
		x.lose = 100
		x.notice("key-2", "order-1")
		x.down = true
		for began := time.Now(); time.Since(began) < 5*time.Hour; {
			x.toDue()
			x.want(ledger.Paid, 1)
			if alarm := x.get().Unsettled(time.Now()); alarm != (time.Since(began) >= time.Hour) {
				t.Errorf("alarm %v after %v", alarm, time.Since(began))
			}
		}
		if n := x.asked("cancel "); n != 1 {
			t.Errorf("%d cancels, without knowing what became of the first", n)
		}
		x.down, x.lose = false, 0
		x.rest()
		x.want(ledger.Paid, 1)
		x.wantLeft(0, "key-2")
	})
}

// TestTwoRequestsReturnAtOnce: notices and the schedule meet. One cancel is carried out.
func TestTwoRequestsReturnAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-2", "order-1", ledger.Captured, amount(100, 100))
		x.before = func(call string) {
			if call == "cancel key-2" {
				time.Sleep(2 * time.Second)
			}
		}
		done := make(chan bool)
		for i := range 3 {
			go func() {
				time.Sleep(time.Duration(i) * 1500 * time.Millisecond)
				x.notice("key-2", "order-1")
				done <- true
			}()
		}
		for range 3 {
			<-done
		}
		for x.get().Status() != ledger.Open {
			x.toDue()
		}
		x.want(ledger.Open, 2)
		x.wantLeft(0, "key-2")
	})
}

// TestAnswerThatIsLate: a lookup shows the money, and before that is written another process has returned it. The
// late answer neither breaks anything nor says that the money is there again.
func TestAnswerThatIsLate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   func(*till)
		edit    func(*ledger.Payment)
		ends    ledger.Status
		attempt int
	}{
		"second":   {func(x *till) { x.paidBy("key-1", "order-1") }, func(*ledger.Payment) {}, ledger.Paid, 1},
		"late":     {(*till).expire, func(*ledger.Payment) {}, ledger.Expired, 1},
		"mismatch": {func(*till) {}, amount(100, 100), ledger.Open, 2},
	} {
		for _, wait := range []time.Duration{0, 1500 * time.Millisecond, time.Hour} {
			bubble(t, fmt.Sprint(name, wait), func(t *testing.T) {
				x := newTill(t, open())
				tc.state(x)
				x.put("key-2", "order-1", ledger.Captured, tc.edit)
				x.after = func(string) {
					x.after = nil
					x.notice("key-2", "order-1")
					time.Sleep(wait)
				}
				x.notice("key-2", "order-1")
				if o := x.get(); o.Status() != tc.ends || o.Current() != tc.attempt {
					t.Error(show(o))
				}
				x.wantLeft(0, "key-2")
				if n := x.asked("cancel "); n != 1 {
					t.Errorf("%d cancels", n)
				}
			})
		}
	}
}

// TestOneIsKeptWhileAnotherGoesBack: a lookup finds the right money; before that is written, the notice of a wrong
// payment has come and all of that one is back.
func TestOneIsKeptWhileAnotherGoesBack(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-1", "order-1", ledger.Captured)
		x.put("key-2", "order-1", ledger.Captured, amount(100, 100))
		x.after = func(call string) {
			if call == "find key-1" {
				x.after = nil
				x.notice("key-2", "order-1")
			}
		}
		x.notice("key-1", "order-1")
		x.rest()
		if p := x.get().Paid(); p == nil || p.Key != "key-1" {
			t.Error(show(x.get()))
		}
		x.wantLeft(15000, "key-1", "key-2")
	})
}

// TestTwoPaymentsAreOneWrite: whoever finds two captures under one number and dies after its first write leaves an
// order that knows of both.
func TestTwoPaymentsAreOneWrite(t *testing.T) {
	t.Parallel()
	for door, come := range map[string]func(*till){
		"notice":   func(x *till) { x.notice("", "order-1") },
		"return":   func(x *till) { x.back("", "order-1", false) },
		"schedule": func(x *till) { time.Sleep(time.Until(x.get().Due())); x.sweep() },
	} {
		bubble(t, door, func(t *testing.T) {
			x := newTill(t, open())
			at := time.Now()
			x.put("key-1", "order-1", ledger.Captured, func(p *ledger.Payment) { p.ApprovedAt = at.Add(2 * time.Second) })
			x.put("key-2", "order-1", ledger.Captured, func(p *ledger.Payment) { p.ApprovedAt = at.Add(time.Second) })
			died := false
			x.before = func(call string) {
				if call == "cancel key-1" && !died {
					died = true
					panic("the process dies")
				}
			}
			func() {
				defer func() { _ = recover() }()
				come(x)
			}()
			if x.want(ledger.Paid, 1); !died {
				t.Error("nothing was to be returned")
			}
			x.rest()
			if p := x.get().Paid(); p == nil || p.Key != "key-2" {
				t.Errorf("the one approved first is kept\n%s", show(x.get()))
			}
			x.wantLeft(15000, "key-1", "key-2")
		})
	}
}

// TestBothNumbersWerePaid: two windows of different numbers were paid, and both notices were lost.
func TestBothNumbersWerePaid(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.second()
		x.put("key-1", "order-1", ledger.Captured)
		x.put("key-2", "order-1--2", ledger.Captured)
		x.rest()
		x.want(ledger.Paid, 2)
		x.wantLeft(15000, "key-1", "key-2")
	})
}

// TestMoneyThatIsBackAndThereAgain: the provider contradicts itself, and not only because a lookup is behind.
func TestMoneyThatIsBackAndThereAgain(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{time.Minute, 10 * time.Minute} {
		bubble(t, wait.String(), func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-2", "order-1", ledger.Captured, amount(100, 100))
			x.notice("key-2", "order-1")
			x.want(ledger.Open, 2)
			time.Sleep(wait)
			x.put("key-2", "order-1", ledger.Captured, amount(100, 100))
			x.notice("", "order-1")
			want := ledger.Open
			if wait > portone.LookupLag {
				want = ledger.Review
			}
			x.want(want, 2)
		})
	}
}

// TestWrongMoneyUnderBothNumbers: it was returned under the first number, and comes under the second one when the
// time to pay is over.
func TestWrongMoneyUnderBothNumbers(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-1", "order-1", ledger.Captured, amount(100, 100))
		x.notice("key-1", "order-1")
		x.want(ledger.Open, 2)
		time.Sleep(time.Until(x.get().Over().Add(time.Minute)))
		x.put("key-2", "order-1--2", ledger.Captured, amount(100, 100))
		x.notice("key-2", "order-1--2")
		x.rest()
		x.want(ledger.Failed, 2)
		x.wantLeft(0, "key-1", "key-2")
		if n := x.asked("cancel "); n != 2 {
			t.Errorf("%d cancels", n)
		}
	})
}

// TestSurplusIsBounded: more payments to return than one order can explain are for a person, and so is money the
// provider does not return.
func TestSurplusIsBounded(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.paidBy("key-0", "order-1")
		for i := range ledger.SurplusMax + 1 {
			x.want(ledger.Paid, 1)
			x.put(fmt.Sprint("more-", i), "order-1", ledger.Captured)
			x.notice(fmt.Sprint("more-", i), "order-1")
		}
		x.want(ledger.Review, 1)
		if n := x.asked("cancel "); n != ledger.SurplusMax {
			t.Errorf("%d cancels", n)
		}
	})
}
