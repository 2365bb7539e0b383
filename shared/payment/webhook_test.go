package payment_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// TestHintsThatAskNobody: what is not of an order of ours costs one look at the table at most, and no question to the provider.
func TestHintsThatAskNobody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		provider string
		hint     provider.Hint
	}{
		"no number":              {"portone", provider.Hint{Key: "key-1"}},
		"an unknown order":       {"portone", provider.Hint{Key: "key-1", Number: "order-9"}},
		"no number of ours":      {"portone", provider.Hint{Key: "key-1", Number: "../order-1"}},
		"an issuance":            {"portone", provider.Hint{Key: "key-1", Number: "order-1--key1"}},
		"the wrong provider":     {"toss", provider.Hint{Key: "key-1", Number: "order-1"}},
		"an unknown provider":    {"", provider.Hint{Key: "key-1", Number: "order-1"}},
		"a number with a zero":   {"portone", provider.Hint{Key: "key-1", Number: "order-1--02"}},
		"a number of 41":         {"portone", provider.Hint{Key: "key-1", Number: "order-1aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
		"the order's id in full": {"portone", provider.Hint{Key: "key-1", Number: "ORDER-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newTill(t)
			before := x.read()
			x.put("key-1", "order-1", provider.Paid)
			ctx, cancel := x.door()
			defer cancel()
			if err := x.Hear(ctx, tc.provider, tc.hint); err != nil {
				t.Errorf("%v: the provider would send it for ever", err)
			}
			if after := x.read(); after.Revision != before.Revision || after.Status != order.Open || len(x.bank.Calls) > 0 {
				t.Errorf("%s at revision %d, asked %v", after.Status, after.Revision, x.bank.Calls)
			}
		})
	}
}

// TestHintIsNotBelieved: whatever it says, the order becomes what the lookup says.
func TestHintIsNotBelieved(t *testing.T) {
	t.Parallel()
	for truth, want := range map[provider.Verdict]order.Status{
		provider.Paid: order.Paid, provider.Pending: order.Open, provider.Declined: order.Open, provider.Absent: order.Open, provider.Unknown: order.Open,
	} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			if truth != provider.Absent {
				x.put("key-1", "order-1", truth)
			}
			if err := x.hint("key-1", "order-1"); err != nil || x.keeps(err, "key-1") != (truth != provider.Paid) { // it says paid
				t.Errorf("%v: %v, open %+v", truth, err, x.read().Ledger.Requests)
			}
			x.want(want, 1)
			if len(x.read().Reversals) > 0 || x.bank.Asked("cancel ") > 0 {
				t.Errorf("%v: gives back %+v", truth, x.read().Reversals)
			}
		})
	}
}

// TestHintOfTheOtherTab: two windows of one attempt. One is at work, or has paid; the other one ends without money. That proves nothing of the
// order: no next attempt may begin, and a paid order is no contradiction.
func TestHintOfTheOtherTab(t *testing.T) {
	t.Parallel()
	claimed := func(l *ledger.Order) {
		*l, _ = l.Intend(ledger.Request{Kind: ledger.Return, Attempt: 1, Key: "key-1", At: time.Now()})
	}
	for name, tc := range map[string]struct {
		state func(*ledger.Order)
		first provider.Verdict // of the window that is at work
		want  order.Status
		ends  order.Status
	}{
		"claimed, and the provider is at work":  {claimed, provider.Pending, order.Processing, order.Paid},
		"announced, and the other one has paid": {announcedNow, provider.Paid, order.Paid, order.Paid},
		"paid":                                  {paidBefore, provider.Paid, order.Paid, order.Paid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(tc.state)
				x.put("key-1", "order-1", tc.first)
				x.put("key-2", "order-1", provider.Declined)
				x.mustHear("key-2", "order-1")
				if o := x.read(); o.Status != tc.want && o.Status != order.Processing || o.Attempt != 1 {
					t.Errorf("the other tab's end made the order %s in attempt %d; asked %v", o.Status, o.Attempt, x.bank.Calls)
				}
				x.put("key-1", "order-1", provider.Paid) // and then it is taken
				x.due()
				x.want(tc.ends, 1)
			})
		})
	}
}

// TestConsoleRefunds: what the merchant gives back in the provider's console is recorded, of the money the order was paid with and of no other.
func TestConsoleRefunds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		balance int64
		want    order.Status
	}{{15000, order.Paid}, {5000, order.Paid}, {0, order.Refunded}} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.edit(paidBefore)
			x.put("key-1", "order-1", provider.Paid, func(p *provider.Payment) { p.Balance = tc.balance })
			for range 3 {
				x.mustHear("key-1", "order-1")
			}
			x.want(tc.want, 1)
			if o := x.read(); o.Capture.Balance != tc.balance || len(o.Reversals) > 0 || x.bank.Asked("cancel ") > 0 {
				t.Errorf("%d left at the provider, %d on record, gives back %+v", tc.balance, o.Capture.Balance, o.Reversals)
			}
		})
	}
}

// announcedNow is an order whose buyer is back, and nobody knows yet.
func announcedNow(l *ledger.Order) {
	*l, _ = l.Intend(ledger.Request{Kind: ledger.Return, Attempt: 1, At: time.Now()})
}

// paidBefore is an order that key-1 pays.
func paidBefore(l *ledger.Order) {
	*l = l.Learn(ledger.Answer{Account: l.Account, Began: time.Now(), At: time.Now(), Readable: true, Payments: []ledger.Payment{{
		Key: "key-1", Attempt: l.Current(), State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW", Test: true,
	}}})
}

func closedAs(end ledger.End) func(*ledger.Order) { return func(l *ledger.Order) { l.End = end } }

// second has the first number behind it.
func second(l *ledger.Order) {
	l.Attempts[0].Used = true
	l.Attempts = append(l.Attempts, ledger.Attempt{OpenedAt: time.Now()})
}

// TestHintOutlivesTheOutage: a webhook whose payment could not be looked up is remembered, whatever else is known of the order: PortOne sends it
// once.
func TestHintOutlivesTheOutage(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*ledger.Order){
		"open": func(*ledger.Order) {}, "processing": announcedNow, "paid": paidBefore, "expired": closedAs(ledger.EndExpired), "review": closedAs(ledger.EndReview),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(state)
				x.bank.Down = true
				if err := x.hint("key-1", "order-1"); !x.keeps(err, "key-1") {
					t.Errorf("%v, open %+v", err, x.read().Ledger.Requests)
				}
				x.bank.Down = false
				x.put("key-2", "order-1", provider.Paid)
				time.Sleep(2 * time.Second)
				x.mustHear("key-2", "order-1")
				if o := x.read(); o.Final() && o.Status != order.Review && o.Capture.Key != "key-2" && x.bank.Left("key-2") != 0 {
					t.Errorf("sent again, and %d won are left: %s", x.bank.Left("key-2"), o.Status)
				}
			})
		})
	}
}

// TestFloodOfCopies: many copies of one webhook within ten seconds, while the provider takes its time. All are answered, and it is
// asked twice a second at most.
func TestFloodOfCopies(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*ledger.Order){"open": func(*ledger.Order) {}, "paid": paidBefore, "expired": closedAs(ledger.EndExpired)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				const copies, flood = 600, 10 * time.Second
				x := newTill(t)
				x.edit(state)
				x.put("key-1", "order-1", provider.Paid)
				x.bank.Before = func(string) { time.Sleep(100 * time.Millisecond) }
				began := time.Now()
				var all sync.WaitGroup
				for i := range copies {
					all.Go(func() {
						time.Sleep(flood * time.Duration(i) / copies)
						if err := x.hint("key-1", "order-1"); err != nil {
							t.Errorf("copy %d: %v", i, err)
						}
					})
				}
				all.Wait()
				seconds := int(time.Since(began)/time.Second) + 1
				if got := x.bank.Asked(""); got > 2*seconds {
					t.Errorf("%d copies in %d s cost %d questions", copies, seconds, got)
				}
				if o := x.read(); x.bank.Asked("cancel ") > 1 || o.Owed() != nil {
					t.Errorf("%d cancels, owes %+v", x.bank.Asked("cancel "), o.Owed())
				}
			})
		})
	}
}

// TestReturnFromAWindow: the buyer is back from a window that takes the money itself. What the address says only tells where to look.
func TestReturnFromAWindow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		truth   provider.Verdict
		key     string // of the address
		failed  bool
		down    bool
		want    order.Status
		attempt int
	}{
		{"paid", provider.Paid, "imps_1", false, false, order.Paid, 1},
		{"paid, and the address says failed", provider.Paid, "imps_1", true, false, order.Paid, 1},
		{"paid, and the address names nothing", provider.Paid, "", false, false, order.Paid, 1},
		{"paid, and the address names another payment", provider.Paid, "imps_3", true, false, order.Paid, 1},
		{"paid, and the address names no key at all", provider.Paid, "../key", false, false, order.Paid, 1},
		{"nothing, and the address says paid", provider.Absent, "imps_1", false, false, order.Open, 1},
		{"nothing, and the address says failed", provider.Absent, "imps_1", true, false, order.Open, 1},
		{"at work, and the address says paid", provider.Pending, "imps_1", false, false, order.Processing, 1},
		{"at work, and the address says failed", provider.Pending, "imps_1", true, false, order.Open, 1},
		{"declined", provider.Declined, "imps_1", true, false, order.Open, 2},
		{"unknown", provider.Unknown, "imps_1", true, false, order.Processing, 1},
		{"the provider is down", provider.Paid, "imps_1", true, true, order.Processing, 1},
		{"given back already", provider.Refunded, "imps_1", false, false, order.Refunded, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.bank.Down = tc.down
				if tc.truth != provider.Absent {
					x.put("imps_1", "order-1", tc.truth, func(p *provider.Payment) {
						if tc.truth == provider.Refunded {
							p.Balance = 0
						}
					})
				}
				x.back(tc.key, tc.failed)
				x.want(tc.want, tc.attempt)
				if x.bank.Asked("") > 2 || x.bank.Asked("cancel ") > 0 {
					t.Errorf("asked %v, want 2 lookups at most", x.bank.Calls)
				}
				if o := x.read(); o.Status == order.Processing && o.DueAt.IsZero() {
					t.Error("processing and never due")
				}
			})
		})
	}
}

// TestReturnOfTheOtherTab: the buyer comes back from a window that failed, or paid with test money, and has paid in another one under the
// same number. The order must not go on to the next number and forget the money.
func TestReturnOfTheOtherTab(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]provider.Verdict{"failed": provider.Declined, "test money": provider.Paid} {
		for _, live := range []bool{true, false} {
			if name == "test money" && !live {
				continue // it is this deployment's money
			}
			bubble(t, func(t *testing.T) {
				x := newTill(t, func(o *order.Order) { o.Mode = map[bool]string{true: "live", false: "test"}[live] })
				x.put("imps_1", "order-1", provider.Paid, func(p *provider.Payment) { p.Sandbox = !live })
				x.put("imps_2", "order-1", other)
				x.back("imps_2", name == "failed")
				x.want(order.Paid, 1)
				if o := x.read(); o.Capture.Key != "imps_1" || x.bank.Asked("cancel ") > 0 || x.bank.Asked("") > 2 {
					t.Errorf("%s, live %v: paid with %q, asked %v", name, live, o.Capture.Key, x.bank.Calls)
				}
			})
		}
	}
}

// TestReturnOfWrongMoney: a window whose amount was changed in the browser. It is given back within the buyer's own return.
func TestReturnOfWrongMoney(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.put("imps_1", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
		x.back("imps_1", false)
		x.want(order.Open, 2)
		if x.bank.Left("imps_1") != 0 || x.bank.Asked("cancel ") != 1 {
			t.Errorf("%d won are left after %v", x.bank.Left("imps_1"), x.bank.Calls)
		}
		x.back("imps_1", false) // a reload of the same address
		x.want(order.Open, 2)
		if x.bank.Asked("cancel ") != 1 {
			t.Errorf("a reload: %v", x.bank.Calls)
		}
	})
}

// TestMoneyUnderAnEarlierNumber: money under an earlier number that nobody has seen is found by the webhook that names it.
func TestMoneyUnderAnEarlierNumber(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state func(*ledger.Order)
		want  order.Status
		kept  bool
	}{
		"open in attempt 2": {second, order.Paid, true},
		"processing in attempt 2": {func(l *ledger.Order) {
			second(l)
			*l, _ = l.Intend(ledger.Request{Kind: ledger.Return, Attempt: 2, At: time.Now()})
		}, order.Paid, true}, // it fits: the first that is written down
		"paid in attempt 2": {func(l *ledger.Order) {
			second(l)
			paidBefore(l)
		}, order.Paid, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(tc.state)
				x.put("key-old", "order-1", provider.Paid)
				x.mustHear("key-old", "order-1")
				x.want(tc.want, 2)
				o := x.read()
				if kept := o.Capture.Key == "key-old" && o.Capture.Amount == (money.Amount{Value: 15000, Currency: money.KRW}); kept != tc.kept {
					t.Errorf("paid with %+v", o.Capture)
				}
				if back := x.bank.Left("key-old") == 0; back == tc.kept {
					t.Errorf("%d won are left at the provider; kept %v", x.bank.Left("key-old"), tc.kept)
				}
			})
		})
	}
}

// TestHintThatWasNotLookedUp: the payment a webhook names could not be looked up, and the one the order knows of could. That one's word does
// not take the webhook: the payment is remembered.
func TestHintThatWasNotLookedUp(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*ledger.Order){"open": func(*ledger.Order) {}, "processing": announcedNow, "paid": paidBefore, "expired": closedAs(ledger.EndExpired)} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.edit(state)
			x.put("key-1", "order-1", provider.Paid)
			x.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
			x.bank.Deaf = "key-2"
			if err := x.hint("key-2", "order-1"); !x.keeps(err, "key-2") {
				t.Errorf("%s: %v; asked %v", name, err, x.bank.Calls)
			}
			x.bank.Deaf = ""
			x.due()
			if o := x.read(); x.bank.Left("key-2") != 0 || o.Owed() != nil {
				t.Errorf("%s: %s, %d won are left; asked %v", name, o.Status, x.bank.Left("key-2"), x.bank.Calls)
			}
		})
	}
}

// TestHintsOfTwoPayments: webhooks of two payments of one order come together, and many copies of the first. What they learn of that one says
// nothing of the other payment: the money is found whichever is asked about first and most often.
func TestHintsOfTwoPayments(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*ledger.Order){"open": func(*ledger.Order) {}, "processing": announcedNow, "paid": paidBefore, "expired": closedAs(ledger.EndExpired)} {
		for copies := range 12 {
			for _, slow := range []time.Duration{50 * time.Millisecond, 700 * time.Millisecond} {
				bubble(t, func(t *testing.T) {
					x := newTill(t)
					x.edit(state)
					x.put("key-1", "order-1", provider.Paid)
					x.put("key-2", "order-1", provider.Paid)
					x.bank.Before = func(string) { time.Sleep(slow) }
					var all sync.WaitGroup
					for i := range 2 + copies {
						key := "key-1"
						if i == 1 {
							key = "key-2"
						}
						all.Go(func() {
							time.Sleep(time.Duration(i) * 60 * time.Millisecond)
							if err := x.hint(key, "order-1"); err != nil {
								t.Errorf("%s: %v", key, err)
							}
						})
					}
					all.Wait()
					x.due()
					o := x.read()
					kept := x.bank.Left("key-1") + x.bank.Left("key-2")
					if want := map[bool]int64{true: 15000, false: 0}[o.Status == order.Paid]; kept != want || o.Owed() != nil {
						t.Errorf("%s, %d copies, answers after %v: %s, and the provider holds %d; asked %v", name, copies, slow, o.Status, kept, x.bank.Calls)
					}
				})
			}
		}
	}
}

// TestCancelIsWrittenBeforeTheCall: when the provider is asked to give money back, the table has that request, and that the money is owed.
func TestCancelIsWrittenBeforeTheCall(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		asked := 0
		x.bank.Before = func(call string) {
			if call != "cancel key-1" {
				return
			}
			asked++
			o := x.read()
			if r := o.Ledger.Requests; o.Owed() == nil || len(r) == 0 || r[len(r)-1].Kind != ledger.Cancel || r[len(r)-1].Amount != 100 {
				t.Errorf("owes %+v, requests %+v", o.Owed(), r)
			}
		}
		x.misfit("key-1", "order-1")
		if asked != 1 {
			t.Errorf("%d cancels", asked)
		}
	})
}

// TestReturnToADeclinedPayment: a webhook has told of the declined payment, which uses no number up. Its buyer's return does.
func TestReturnToADeclinedPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.put("imps_1", "order-1", provider.Declined)
		x.mustHear("imps_1", "order-1")
		x.want(order.Open, 1)
		time.Sleep(2 * time.Second)
		x.back("imps_1", true)
		x.want(order.Open, 2)
	})
}

// TestIdentifyWithoutAnAnswer: a webhook that names only the provider's key is taken when the provider has said which number that is, or that it knows no
// such payment. Else it is not: it names nothing that could be looked up later.
func TestIdentifyWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.put("key-1", "order-1", provider.Paid)
		for _, tc := range []struct {
			key, number string
			down        bool
			want        error
		}{{"key-1", "order-1", false, nil}, {"key-9", "", false, nil}, {"key-1", "", true, payment.ErrBusy}} {
			x.bank.Down = tc.down
			ctx, cancel := x.door()
			h, err := x.Identify(ctx, "portone", provider.Hint{Key: tc.key})
			cancel()
			if !errors.Is(err, tc.want) || h.Number != tc.number {
				t.Errorf("%+v: number %q, %v", tc, h.Number, err)
			}
		}
	})
}

// TestHintBehindAnother: two payments' webhooks come within a second, and the second one's payment shows a minute later. It is looked up when it is due,
// and not when somebody happens to look again.
func TestHintBehindAnother(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.put("key-1", "order-1", provider.Paid)
		x.mustHear("key-1", "order-1")
		time.Sleep(100 * time.Millisecond)
		x.mustHear("key-2", "order-1")
		x.want(order.Paid, 1)
		x.put("key-2", "order-1", provider.Paid)
		began := time.Now()
		x.due()
		if x.bank.Left("key-2") != 0 {
			t.Errorf("%d won are left", x.bank.Left("key-2"))
		}
		if o := x.read(); len(o.Reversals) != 1 || o.Reversals[0].DecidedAt.Sub(began) > time.Minute {
			t.Errorf("found %+v", o.Reversals)
		}
	})
}
