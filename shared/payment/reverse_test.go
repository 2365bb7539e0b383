package payment_test

import (
	"errors"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// paidBefore is an order that key-1 has paid.
func paidBefore(o *order.Order) {
	o.Status, o.DueAt = order.Paid, time.Time{}
	o.Capture = order.Capture{Key: "key-1", Attempt: 1, Amount: money.Amount{Value: 15000, Currency: money.KRW}, Balance: 15000}
}

func closedAs(s order.Status) func(*order.Order) {
	return func(o *order.Order) { o.Status, o.DueAt = s, time.Time{} }
}

// TestMoneyThatIsNotOurs: each way to hold money that the order must not keep. It is written down as owed, with a due time, before the
// provider hears of it; given back whole and once; and the order is what it was.
func TestMoneyThatIsNotOurs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  func(*order.Order)
		edit    func(*provider.Payment)
		reason  string
		ends    order.Status
		attempt int
	}{
		{"a second payment", paidBefore, nil, order.ReasonSecond, order.Paid, 1},
		{"a second payment, half of it refunded in the console", paidBefore, func(p *provider.Payment) { p.Balance = 7500 }, order.ReasonSecond, order.Paid, 1},
		{"after the expiry", closedAs(order.Expired), nil, order.ReasonLate, order.Expired, 1},
		{"after the failure", closedAs(order.Failed), nil, order.ReasonLate, order.Failed, 1},
		{"one won less", nil, func(p *provider.Payment) { p.Amount, p.Balance = 14999, 14999 }, order.ReasonMismatch, order.Open, 2},
		{"one won more", nil, func(p *provider.Payment) { p.Amount, p.Balance = 15001, 15001 }, order.ReasonMismatch, order.Open, 2},
		{"dollars", nil, func(p *provider.Payment) { p.Currency = "USD" }, order.ReasonMismatch, order.Open, 2},
		{"to another account", nil, func(p *provider.Payment) { p.Account = "gateway.somebody" }, order.ReasonMismatch, order.Open, 2},
		{"real money in a test deployment", nil, func(p *provider.Payment) { p.Sandbox = false }, order.ReasonMismatch, order.Open, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				if tc.status != nil {
					x.edit(tc.status)
				}
				before := x.read().Capture
				edits := []func(*provider.Payment){}
				if tc.edit != nil {
					edits = append(edits, tc.edit)
				}
				x.bank.put("key-2", "order-1", provider.Paid, edits...)
				held := x.bank.left("key-2")
				x.bank.before = func(call string) {
					if call != "cancel key-2" {
						return
					}
					o := x.read()
					if debt := o.Owed(); debt == nil || debt.Key != "key-2" || debt.Amount != held || debt.Reason != tc.reason || o.DueAt.IsZero() {
						t.Errorf("the provider is asked to give back %d, and the record says %+v, due %v", held, debt, o.DueAt)
					}
				}
				x.mustHear("key-2", "order-1")
				x.want(tc.ends, tc.attempt)
				if left := x.bank.left("key-2"); left != 0 || x.bank.asked("cancel ") != 1 {
					t.Errorf("%d won are left after %v", left, x.bank.calls)
				}
				o := x.read()
				if len(o.Reversals) != 1 || o.Owed() != nil || o.Capture != before || o.Status != order.Open && !o.DueAt.IsZero() {
					t.Errorf("reversals %+v, paid with %+v, due %v", o.Reversals, o.Capture, o.DueAt)
				}
				x.mustHear("key-2", "order-1") // the webhook of our own cancel
				x.want(tc.ends, tc.attempt)
				if x.bank.asked("cancel ") != 1 || x.logged("money.reversal") != 1 || x.logged("money.review") != 0 {
					t.Errorf("%d cancels, %d reversals and %d reviews in the log", x.bank.asked("cancel "), x.logged("money.reversal"), x.logged("money.review"))
				}
			})
		})
	}
}

// TestMoneyThatIsOurs: what must never be given back.
func TestMoneyThatIsOurs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		live   bool
		keep   bool
		status func(*order.Order)
		edit   func(*provider.Payment)
		ends   order.Status
	}{
		{"the payment", false, false, nil, func(*provider.Payment) {}, order.Paid},
		{"of an account nobody names", false, false, nil, func(p *provider.Payment) { p.Account = "" }, order.Paid},
		{"late, and the merchant keeps it", false, true, closedAs(order.Expired), func(*provider.Payment) {}, order.Paid},
		{"late after a failure, and the merchant keeps it", false, true, closedAs(order.Failed), func(*provider.Payment) {}, order.Paid},
		{"test money in a live deployment", true, false, nil, func(*provider.Payment) {}, order.Open},
		{"test money of another amount in a live deployment", true, false, nil, func(p *provider.Payment) { p.Amount++ }, order.Open},
		{"test money for a live order that is paid", true, false, paidBefore, func(*provider.Payment) {}, order.Paid},
		{"test money for a live order that is expired, kept late", true, true, closedAs(order.Expired), func(*provider.Payment) {}, order.Expired},
		{"a billing key's issuance", false, false, nil, func(p *provider.Payment) { p.Issuance, p.Amount, p.Balance = true, 0, 0 }, order.Open},
		{"another order's payment", false, false, nil, func(p *provider.Payment) { p.Number = "order-2" }, order.Open},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t, func(o *order.Order) {
					if tc.live {
						o.Mode = "live"
					}
				})
				x.KeepLate = tc.keep
				if tc.status != nil {
					x.edit(tc.status)
				}
				before := x.read().Capture
				x.bank.put("key-2", "order-1", provider.Paid, tc.edit)
				x.mustHear("key-2", "order-1")
				o := x.read()
				if o.Status != tc.ends || o.Attempt.N != 1 || len(o.Reversals) > 0 || x.bank.asked("cancel ") > 0 {
					t.Errorf("%s, gives back %+v, asked %v; want %s", o.Status, o.Reversals, x.bank.calls, tc.ends)
				}
				if paid := o.Capture.Key == "key-2"; paid != (tc.ends == order.Paid && before.Key == "") {
					t.Errorf("paid with %+v", o.Capture)
				}
				if got := x.logged("security.sandbox_payment"); (got > 0) != tc.live {
					t.Errorf("%d alarms of test money", got)
				}
			})
		})
	}
}

// TestReversalsThatGoWrong: whatever becomes of the request, the money goes back once, and never is a request repeated without a look.
func TestReversalsThatGoWrong(t *testing.T) {
	t.Parallel()
	lost := provider.Answer{Code: provider.NoAnswer, Err: errors.New("reset"), Sent: true}
	coded := func(code string, class provider.Class) provider.Answer {
		return provider.Answer{HTTP: 400, Code: code, Class: class}
	}
	for _, tc := range []struct {
		name    string
		wrong   []*refusal // of the first cancels
		cancels int        // that reach the provider in all
		ends    order.Status
		left    int64
	}{
		{"nothing goes wrong", nil, 1, order.Paid, 0},
		{"the reply is lost", []*refusal{{true, lost}}, 1, order.Paid, 0},
		{"the request is lost", []*refusal{{false, lost}}, 2, order.Paid, 0},
		{"it is lost three times", []*refusal{{false, lost}, {false, lost}, {false, lost}}, 4, order.Paid, 0},
		{"carried out, and an unlisted code", []*refusal{{true, coded("TOMORROW", provider.ClassUnknown)}}, 1, order.Paid, 0},
		{"not carried out, and an unlisted code", []*refusal{{false, coded("TOMORROW", provider.ClassUnknown)}}, 2, order.Paid, 0},
		{"carried out, and says it is being worked on", []*refusal{{true, coded("BUSY", provider.ClassProcessing)}}, 1, order.Paid, 0},
		{"carried out, and says it was before", []*refusal{{true, coded("ALREADY", provider.ClassAlready)}}, 1, order.Paid, 0},
		{"carried out, and says no", []*refusal{{true, coded("NO", provider.ClassMerchant)}}, 1, order.Paid, 0},
		{"our key is refused", []*refusal{{false, coded("KEY", provider.ClassCredentials)}}, 2, order.Paid, 0},
		{"refused for good", []*refusal{{false, coded("NO", provider.ClassMerchant)}}, 1, order.Review, 15000},
		{"declined for good", []*refusal{{false, coded("NO", provider.ClassDeclined)}}, 1, order.Review, 15000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(paidBefore)
				x.bank.put("key-2", "order-1", provider.Paid)
				x.bank.cancel = func(n int, _ provider.Cancel) *refusal {
					if n <= len(tc.wrong) {
						return tc.wrong[n-1]
					}
					return nil
				}
				x.mustHear("key-2", "order-1")
				x.due()
				x.want(tc.ends, 1)
				if left := x.bank.left("key-2"); left != tc.left || x.bank.asked("cancel ") != tc.cancels {
					t.Errorf("%d won are left after %d cancels, want %d after %d: %v", left, x.bank.asked("cancel "), tc.left, tc.cancels, x.bank.calls)
				}
				for i, call := range x.bank.calls {
					if i > 0 && call == "cancel key-2" && x.bank.calls[i-1] == call {
						t.Errorf("asked again without a look: %v", x.bank.calls)
					}
				}
				o := x.read()
				if o.Capture.Key != "key-1" || o.Capture.Balance != 15000 || !o.DueAt.IsZero() {
					t.Errorf("paid with %+v, due %v", o.Capture, o.DueAt)
				}
				if inReview := tc.ends == order.Review; (x.logged("money.review") == 1) != inReview || (o.Owed() != nil) != inReview {
					t.Errorf("%d alarms, owes %+v", x.logged("money.review"), o.Owed())
				}
			})
		})
	}
}

// TestConsoleGivesBackAPartMeanwhile: the rest goes back; a sum that has changed is no reason to give up, nor to ask for the old one.
func TestConsoleGivesBackAPartMeanwhile(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(paidBefore)
		x.bank.put("key-2", "order-1", provider.Paid)
		x.bank.before = func(call string) {
			if call == "cancel key-2" && x.bank.asked("cancel ") == 0 {
				x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Balance = 4000 })
			}
		}
		x.mustHear("key-2", "order-1")
		x.due()
		x.want(order.Paid, 1)
		if left := x.bank.left("key-2"); left != 0 || x.bank.asked("cancel ") != 2 {
			t.Errorf("%d won are left after %v", left, x.bank.calls)
		}
	})
}

// TestMoneyGoesBackWithItsParts: what was paid through our window goes back with the tax-free part and the tax that the window was given; of
// another amount nobody knows the parts.
func TestMoneyGoesBackWithItsParts(t *testing.T) {
	t.Parallel()
	for _, amount := range []int64{15000, 14000} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.edit(func(o *order.Order) {
				paidBefore(o)
				o.Extras.Tax = order.Tax{Free: 5000, VAT: 909, GivenVAT: true}
			})
			x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = amount, amount })
			var asked provider.Cancel
			x.bank.cancel = func(_ int, c provider.Cancel) *refusal {
				asked = c
				return nil
			}
			x.mustHear("key-2", "order-1")
			whole := asked.TaxFree == 5000 && asked.VAT != nil && *asked.VAT == 909
			none := asked.TaxFree == 0 && asked.VAT == nil
			if amount == 15000 && !whole || amount != 15000 && !none {
				t.Errorf("%d won go back as %+v", amount, asked)
			}
		})
	}
}

// TestReversalOutlivesAnOutage: hours without an answer. It stays owed, the alarm rings after an hour, and it ends when the provider is back.
func TestReversalOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(paidBefore)
		x.bank.put("key-2", "order-1", provider.Paid)
		gone := &refusal{false, provider.Answer{Code: provider.NoAnswer, Err: errors.New("no route")}}
		x.bank.cancel = func(int, provider.Cancel) *refusal { return gone }
		x.mustHear("key-2", "order-1")
		x.bank.down = true
		for began := time.Now(); time.Since(began) < 5*time.Hour; {
			o := x.read()
			if o.DueAt.IsZero() || o.Owed() == nil || o.Status != order.Paid {
				t.Fatalf("%s, due %v, owes %+v", o.Status, o.DueAt, o.Owed())
			}
			time.Sleep(time.Until(o.DueAt))
			ctx, cancel := x.door()
			if _, err := x.Advance(ctx, "order-1"); err != nil {
				t.Error(err)
			}
			cancel()
		}
		if x.logged("money.unsettled") == 0 {
			t.Error("hours of owing and no alarm")
		}
		if got := x.bank.asked("cancel "); got != 1 {
			t.Errorf("%d requests to give back, without knowing what became of the first", got)
		}
		x.bank.down, x.bank.cancel = false, nil
		x.due()
		x.want(order.Paid, 1)
		if left := x.bank.left("key-2"); left != 0 {
			t.Errorf("%d won are left", left)
		}
	})
}

// TestTwoRequestsGiveBackAtOnce: the webhook and the schedule meet. One cancel is carried out, and the order is not changed by the second one
// who learns of it.
func TestTwoRequestsGiveBackAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
		x.bank.before = func(call string) {
			if call == "cancel key-2" {
				time.Sleep(2 * time.Second) // longer than a webhook's lease
			}
		}
		done := make(chan error, 3)
		for i := range 3 {
			go func() {
				time.Sleep(time.Duration(i) * 1500 * time.Millisecond)
				done <- x.hint("key-2", "order-1")
			}()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		x.due()
		x.want(order.Open, 2)
		if left := x.bank.left("key-2"); left != 0 {
			t.Errorf("%d won are left", left)
		}
	})
}

// TestAnswerThatIsLate: a webhook's lookup shows the money, and before that is written down another request has given it back. The late answer
// neither breaks anything nor says that the money is there again.
func TestAnswerThatIsLate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   func(*order.Order)
		edit    func(*provider.Payment)
		ends    order.Status
		attempt int
	}{
		"second":   {paidBefore, func(*provider.Payment) {}, order.Paid, 1},
		"late":     {closedAs(order.Expired), func(*provider.Payment) {}, order.Expired, 1},
		"mismatch": {func(*order.Order) {}, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 }, order.Open, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(tc.state)
				x.bank.put("key-2", "order-1", provider.Paid, tc.edit)
				first := true
				x.bank.after = func(string) {
					if !first {
						return
					}
					first = false
					time.Sleep(1500 * time.Millisecond) // longer than a webhook's lease
					x.mustHear("key-2", "order-1")
				}
				x.mustHear("key-2", "order-1")
				x.due()
				x.want(tc.ends, tc.attempt)
				if left := x.bank.left("key-2"); left != 0 || x.bank.asked("cancel ") != 1 || x.logged("money.review") != 0 {
					t.Errorf("%d won are left after %v; %d reviews", left, x.bank.calls, x.logged("money.review"))
				}
			})
		})
	}
}

// TestOneIsKeptWhileAnotherGoesBack: a webhook finds the right money; before that is written down, the webhook of a wrong payment has come and
// all of that one is back.
func TestOneIsKeptWhileAnotherGoesBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		defer func() {
			if broken := recover(); broken != nil {
				t.Errorf("panic: %v", broken)
			}
		}()
		x := newTill(t)
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
		x.bank.after = func(call string) {
			if call == "find key-1" && x.bank.asked("find key-2") == 0 {
				time.Sleep(1500 * time.Millisecond) // longer than a webhook's lease
				x.mustHear("key-2", "order-1")
			}
		}
		x.mustHear("key-1", "order-1")
		x.due()
		o := x.read()
		if o.Status != order.Paid || o.Capture.Key != "key-1" || o.Owed() != nil || x.bank.left("key-1") != 15000 || x.bank.left("key-2") != 0 || x.bank.asked("cancel ") != 1 {
			t.Errorf("%s with %q, owes %+v; asked %v", o.Status, o.Capture.Key, o.Owed(), x.bank.calls)
		}
	})
}
