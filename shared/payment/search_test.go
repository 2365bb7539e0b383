package payment_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// wantKept: of all that was taken, the provider holds so much still.
func (x *till) wantKept(want int64, keys ...string) {
	x.t.Helper()
	kept := int64(0)
	for _, key := range keys {
		kept += x.bank.left(key)
	}
	if o := x.read(); kept != want || o.Owed() != nil || !o.Final() {
		x.t.Errorf("%d won are kept, want %d; the order is %s, paid with %q, owes %+v, due %v; asked %v", kept, want, o.Status, o.Capture.Key, o.Owed(), o.DueAt, x.bank.calls)
	}
}

// tell is a subscription that hears of it when its cycle is paid.
func (x *till) tell(ctx context.Context, o order.Order) order.Order {
	told, err := x.Claims.Save(ctx, o.Told())
	if err != nil {
		x.t.Error(err)
	}
	return told
}

// noAnswerTo is a provider that does not answer the first request to give money back.
func noAnswerTo(n int, _ provider.Cancel) *refusal {
	if n > 1 {
		return nil
	}
	return &refusal{false, provider.Answer{Call: "cancel", Code: provider.NoAnswer}}
}

// TestThirdPaymentWhileOneIsOwed: a closed order has a due time, for money that is to be given back. The webhook of a third payment is not
// taken by that when the provider did not answer: nobody would ask about the third.
func TestThirdPaymentWhileOneIsOwed(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*order.Order){"paid": paidBefore, "expired": closedAs(order.Expired), "failed": closedAs(order.Failed)} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.edit(state)
			x.bank.put("key-2", "order-1", provider.Paid)
			x.bank.cancel = noAnswerTo
			x.mustHear("key-2", "order-1")
			if x.read().Owed() == nil {
				t.Fatalf("%s: nothing is owed", name)
			}
			time.Sleep(5 * time.Second)
			x.bank.put("key-3", "order-1", provider.Paid)
			x.bank.deaf = "key-3"
			if err := x.hint("key-3", "order-1"); !x.keeps(err, "key-3") || x.read().Owed().Asks != 1 {
				t.Errorf("%s: %v, asked %d times about what is owed", name, err, x.read().Owed().Asks)
			}
			x.bank.deaf = ""
			x.due()
			x.wantKept(0, "key-2", "key-3")
		})
	}
}

// TestHintOutlivedByAnotherPayment: while a webhook's question about an open order hangs, the buyer pays otherwise. The order is not due any
// more for what the buyer did, so the webhook's payment is remembered.
func TestHintOutlivedByAnotherPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(second)
		x.bank.put("key-1", "order-1", provider.Paid) // a window of attempt 1
		x.bank.deaf = "key-1"
		x.bank.after = func(call string) {
			if call == "find key-1" {
				x.bank.after = nil
				x.bank.put("key-2", "order-1--2", provider.Paid)
				ctx, cancel := x.door()
				defer cancel()
				if _, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: "order-1--2", Key: "key-2"}); err != nil {
					t.Error(err)
				}
			}
		}
		if err := x.hint("key-1", "order-1"); !x.keeps(err, "key-1") {
			t.Errorf("%v; asked %v", err, x.bank.calls)
		}
		x.want(order.Paid, 2)
		x.bank.deaf = ""
		x.due()
		x.wantKept(15000, "key-1", "key-2")
	})
}

// TestCopyOfAnUnansweredHint: the provider did not answer the question of one copy. The payment is remembered once, and the copies are taken.
func TestCopyOfAnUnansweredHint(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.down = true
		x.bank.before = func(string) { time.Sleep(600 * time.Millisecond) }
		copies := make(chan error, 3)
		for range cap(copies) {
			go func() { copies <- x.hint("key-1", "order-1") }()
			time.Sleep(200 * time.Millisecond)
		}
		for range cap(copies) {
			if err := <-copies; !x.keeps(err, "key-1") {
				t.Errorf("%v; asked %v", err, x.bank.calls)
			}
		}
		if len(x.read().Hints) != 1 {
			t.Errorf("remembered %+v, asked %v", x.read().Hints, x.bank.calls)
		}
		x.bank.down = false
		x.due()
		x.want(order.Paid, 1)
	})
}

// TestKeylessHintIsNotAnsweredByAnother: while a hint that names a number only waits for its turn, somebody asks about money that is owed, or
// about an earlier number. That says nothing of this one.
func TestKeylessHintIsNotAnsweredByAnother(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(func(o *order.Order) {
			paidBefore(o)
			o.AskAfter = time.Now().Add(2 * time.Second)
		})
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.put("key-2", "order-1", provider.Paid)
		x.finds(twoWindows{x.bank})
		heard := make(chan error)
		go func() { heard <- x.hint("", "order-1") }()
		time.Sleep(time.Second)
		x.edit(func(o *order.Order) { // what its answer leaves, and somebody's next lease
			o.HeardAt, o.HeardKey, o.AskAfter = time.Now(), "", time.Now().Add(2*time.Second)
		})
		if err := <-heard; err != nil {
			t.Error(err)
		}
		x.due()
		x.wantKept(15000, "key-1", "key-2")
	})
}

// TestRefundWhileGivingBack: the order's own payment is refunded in the console while another one is being given back. The due time is for that
// other one alone.
func TestRefundWhileGivingBack(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(func(o *order.Order) {
			paidBefore(o)
			o.Attempt.Key = "key-1" // as a claim leaves it
		})
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.put("key-2", "order-1", provider.Paid)
		x.bank.cancel = noAnswerTo
		x.mustHear("key-2", "order-1")
		heard := make(chan error, 1)
		x.bank.before = func(call string) {
			if call == "cancel key-2" {
				x.bank.before = nil
				x.bank.put("key-1", "order-1", provider.Paid, func(p *provider.Payment) { p.Balance = 0 })
				go func() { heard <- x.hint("key-1", "order-1") }()
				time.Sleep(10 * time.Second)
			}
		}
		x.due()
		if err := <-heard; err != nil {
			t.Error(err)
		}
		x.want(order.Refunded, 1)
		x.wantKept(0, "key-1", "key-2")
	})
}

// TestKeylessHintOfAnotherNumber: PortOne's own example of a redirect names the number only. Of an order that was paid under another number, or
// under this one by another payment, that number is asked about.
func TestKeylessHintOfAnotherNumber(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"order-1", "order-1--2"} {
		for door, come := range map[string]func(*till){
			"webhook": func(x *till) { x.mustHear("", number) },
			"return": func(x *till) {
				ctx, cancel := x.door()
				defer cancel()
				if _, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: number}); err != nil {
					x.t.Error(err)
				}
			},
		} {
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(second)
				x.bank.put("key-2", "order-1--2", provider.Paid)
				x.mustHear("key-2", "order-1--2")
				x.want(order.Paid, 2)
				time.Sleep(time.Minute)
				x.bank.put("key-1", number, provider.Paid)
				x.finds(twoWindows{x.bank})
				come(x)
				x.due()
				if x.wantKept(15000, "key-1", "key-2"); t.Failed() {
					t.Logf("%s, %s", door, number)
				}
			})
		}
	}
}

// TestReviewLooksForTheClaimed: a confirm took the money and its process died; the webhook was taken, because the order was due. Then another
// payment leads to review, where nothing is due but this: what the claimed payment took is still found and recorded.
func TestReviewLooksForTheClaimed(t *testing.T) {
	t.Parallel()
	for name, toReview := range map[string]func(*till){
		"another one is not given back": func(x *till) {
			x.bank.cancel = func(int, provider.Cancel) *refusal {
				return &refusal{false, provider.Answer{HTTP: 403, Code: "NOT_CANCELABLE_PAYMENT", Class: provider.ClassDeclined}}
			}
			x.mustHear("key-a", "order-1")
		},
		"the ninth payment": func(x *till) {
			x.edit(func(o *order.Order) {
				for i := range 8 {
					o.Reversals = append(o.Reversals, order.Reversal{
						Key: fmt.Sprint("old-", i), Attempt: 1, Amount: 15000, Currency: "KRW", Reason: order.ReasonMismatch, DecidedAt: time.Now(), DoneAt: time.Now(),
					})
				}
			})
			x.mustHear("key-a", "order-1")
		},
	} {
		for _, truth := range []provider.Verdict{provider.Paid, provider.Declined, provider.Pending, provider.Absent} {
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(func(o *order.Order) {
					o.Status, o.Attempt = order.Settling, order.Attempt{N: 1, Key: "key-b", ClaimedAt: time.Now(), Unanswered: true}
					o.AskAfter, o.DueAt = time.Now().Add(10*time.Second), time.Now().Add(30*time.Second)
				})
				x.bank.put("key-a", "order-1", provider.Paid)
				if truth != provider.Absent {
					x.bank.put("key-b", "order-1", truth, func(p *provider.Payment) { p.TransactionKey = "took-b" })
				}
				x.mustHear("key-b", "order-1")
				time.Sleep(11 * time.Second)
				toReview(x)
				o := x.read()
				if o.Status != order.Review || o.Final() {
					t.Fatalf("%s, %s: %s, due %v", name, truth, o.Status, o.DueAt)
				}
				asked := x.bank.asked("find key-b")
				x.bank.down = true // an answer that did not come proves nothing
				time.Sleep(time.Until(o.DueAt))
				x.advance()
				x.bank.down = false
				o = x.due()
				known := slices.ContainsFunc(o.Evidence, func(e order.Evidence) bool { return e.TransactionKey == "took-b" })
				if asked = x.bank.asked("find key-b") - asked; !o.Final() || o.Status != order.Review || known != (truth == provider.Paid || truth == provider.Declined || truth == provider.Pending) {
					t.Errorf("%s, %s: %s, due %v, known %v, asked %d times", name, truth, o.Status, o.DueAt, known, asked)
				}
				if conclusive := truth == provider.Paid || truth == provider.Declined; conclusive && asked != 2 || !conclusive && time.Since(o.Attempt.ClaimedAt) < 75*time.Minute {
					t.Errorf("%s, %s: asked %d times until %v after the claim", name, truth, asked, time.Since(o.Attempt.ClaimedAt))
				}
				x.mustHear("key-b", "order-1")
			})
		}
	}
}

// TestChargeBehindAWindow: a charge is at work, its reply lost, and its only webhook will come while the order is leased. A window of the
// buyer's own making under the same number is paid first, and its webhook closes the order; also when its money has gone back, in the console.
// The charge is still looked for, as long as it can show, and goes back.
func TestChargeBehindAWindow(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		for _, shows := range []time.Duration{time.Minute, 70 * time.Minute, 0} {
			bubble(t, func(t *testing.T) {
				x := charged(t, func(o *order.Order) { o.BillingKey = "means" })
				x.Paid = x.tell
				x.finds(twoWindows{x.bank})
				claimed := time.Now()
				time.Sleep(31 * time.Second)
				x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) {
					if back {
						p.Balance = 0
					}
				})
				x.mustHear("key-2", "order-1")
				if o := x.read(); o.Final() || !o.Closed() {
					t.Fatalf("given back %v: %s, due %v", back, o.Status, o.DueAt)
				}
				x.bank.before = func(string) {
					if shows > 0 && time.Since(claimed) >= shows {
						x.bank.before = nil
						x.bank.put("key-1", "order-1", provider.Paid, func(p *provider.Payment) { p.BillingKey = "means" })
					}
				}
				o := x.due()
				want, left := order.Paid, int64(15000)
				if back {
					want, left = order.Refunded, 0
				}
				x.wantKept(left, "key-1", "key-2")
				if ended := time.Since(claimed); o.Status != want || o.Capture.Key != "key-2" || shows == 0 && ended < 75*time.Minute {
					t.Errorf("given back %v, charge after %v: %s with %s, %v later", back, shows, o.Status, o.Capture.Key, ended)
				}
			})
		}
	}
}

// TestSearchEnds: a window that was left open is undecided for ever. The search for a charge behind it is not.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := charged(t, func(o *order.Order) { o.BillingKey = "means" })
		x.Paid = x.tell
		x.finds(leftOpen{x.bank})
		x.bank.put("key-1", "order-1", provider.Paid)
		time.Sleep(31 * time.Second)
		x.mustHear("key-1", "order-1")
		o := x.due()
		if since := time.Since(o.Attempt.ClaimedAt); since < 24*time.Hour || since > 26*time.Hour {
			t.Errorf("it ended after %v; %d questions", since, x.bank.asked(""))
		}
		x.wantKept(15000, "key-1")
		if x.logged("money.unsettled") == 0 {
			t.Error("nobody was told")
		}
	})
}

// leftOpen is a bank where a window of every number is still open.
type leftOpen struct{ *bank }

func (f leftOpen) Find(ctx context.Context, r provider.Ref) provider.Answer {
	a := f.bank.Find(ctx, r)
	a.Undecided = r.Number != ""
	return a
}

// TestReturnedFromAnotherWindow: the buyer came back from a window that the provider could not be asked about, and its webhook was lost. The
// webhook of another window under the number pays the order. What the first one took is looked for, and goes back.
func TestReturnedFromAnotherWindow(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.finds(twoWindows{x.bank})
			x.bank.put("key-1", "order-1", provider.Paid)
			x.bank.down = true
			x.back("", false)
			x.want(order.Settling, 1)
			x.bank.down = false
			x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) {
				if back { // in the console
					p.Balance = 0
				}
			})
			time.Sleep(20 * time.Second)
			x.mustHear("key-2", "order-1")
			asked := x.bank.asked("")
			for soon := time.Now().Add(20 * time.Minute); x.read().DueAt.Before(soon) && !x.read().Final(); { // not at the last look
				time.Sleep(time.Until(x.read().DueAt))
				x.advance()
			}
			if kept := x.bank.left("key-1") + x.bank.left("key-2"); kept != 15000 {
				t.Errorf("%d won are kept 20 minutes later", kept)
			}
			x.due()
			x.want(order.Paid, 1)
			x.wantKept(15000, "key-1", "key-2")
			if n := x.bank.asked("") - asked; n > 6 { // two of them at the last look
				t.Errorf("%d questions more, want one by number, what it takes to give back, and the last look", n)
			}
		})
	}
}

// TestWrongMoneyBesideTheReturnedWindow: the same, and the other window's money does not fit: it went back by us, or before we knew. Number 1 may
// hold the first window's money still, so nobody is asked to pay number 2.
func TestWrongMoneyBesideTheReturnedWindow(t *testing.T) {
	t.Parallel()
	for _, left := range []int64{100, 0} {
		for _, paid := range []bool{true, false} {
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				if paid {
					x.bank.put("key-1", "order-1", provider.Paid)
				}
				x.bank.down = true
				x.back("", false)
				x.bank.down = false
				time.Sleep(10 * time.Second)
				x.bank.put("key-9", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, left })
				x.mustHear("key-9", "order-1")
				if o := x.read(); paid && o.Status == order.Open {
					t.Errorf("open in attempt %d, and nobody knows what the first window took; asked %v", o.Attempt.N, x.bank.calls)
				}
				o := x.due()
				if paid {
					x.wantKept(15000, "key-1", "key-9")
				} else if o.Status != order.Open || o.Attempt.N != 2 || x.bank.left("key-9") != 0 {
					t.Errorf("%d won, and nothing else was paid: %s in attempt %d, due %v", left, o.Status, o.Attempt.N, o.DueAt)
				}
			})
		}
	}
}

// atWork is a bank that shows, beside what else there is under a number, the window of key-1 as begun and not decided.
type atWork struct {
	*bank
	unsure bool // it has failed, for a reason that leaves it open
}

func (f atWork) Find(ctx context.Context, r provider.Ref) provider.Answer {
	f.mu.Lock()
	first, ok := f.payments["key-1"]
	f.mu.Unlock()
	switch {
	case r.Number == "" || !ok || verdictOf(first) != provider.Pending:
		return twoWindows{f.bank}.Find(ctx, r)
	}
	a := f.bank.Find(ctx, provider.Ref{Key: "key-2"})
	if a.Undecided, a.Unsure = !f.unsure, f.unsure; a.Verdict == provider.Absent {
		first.Open = !f.unsure
		a = provider.Answer{Verdict: provider.Pending, Call: "find", HTTP: 200, Payment: first}
	}
	return a
}

// TestReturnedFromAWindowAtWork: the provider is still at work on the window the buyer came back from, when another one pays the order, or its
// money has gone back. Whichever door learns that, the first window is looked for.
func TestReturnedFromAWindowAtWork(t *testing.T) {
	t.Parallel()
	for door, come := range map[string]func(*till){
		"schedule": func(x *till) {
			time.Sleep(time.Until(x.read().DueAt))
			x.advance()
		},
		"return":              func(x *till) { x.back("key-2", false) },
		"return without key":  func(x *till) { x.back("", false) },
		"webhook":             func(x *till) { x.mustHear("key-2", "order-1") },
		"webhook without key": func(x *till) { x.mustHear("", "order-1") },
	} {
		for _, back := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.finds(atWork{x.bank, false})
				x.bank.put("key-1", "order-1", provider.Pending)
				x.back("key-1", false)
				x.want(order.Settling, 1)
				time.Sleep(5 * time.Second)
				x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) {
					if back {
						p.Balance = 0
					}
				})
				come(x)
				if o := x.read(); !o.Searching {
					t.Errorf("%s, given back %v: %s, and the first window is not looked for", door, back, o.Status)
				}
				time.Sleep(20 * time.Second)
				x.bank.put("key-1", "order-1", provider.Paid)
				x.due()
				x.wantKept(map[bool]int64{false: 15000, true: 0}[back], "key-1", "key-2")
			})
		}
	}
}

// TestOtherMoneyBesideAWindowAtWork: the buyer is back, and the provider is still at work on his window, or it failed for a reason that leaves it
// open. Beside it is money that pays nothing: of a wrong amount, back or not, or test money. As long as the window's may still be taken nobody is
// asked to pay the next number, whether his return finds that money or the schedule.
func TestOtherMoneyBesideAWindowAtWork(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*provider.Payment){
		"wrong amount":           func(p *provider.Payment) { p.Amount, p.Balance, p.Sandbox = 100, 100, false },
		"wrong amount, and back": func(p *provider.Payment) { p.Amount, p.Balance, p.Sandbox = 100, 0, false },
		"test money":             func(*provider.Payment) {},
	} {
		for _, unsure := range []bool{false, true} {
			for _, before := range []bool{true, false} {
				bubble(t, func(t *testing.T) {
					live := func(p *provider.Payment) { p.Sandbox = false }
					x := newTill(t, func(o *order.Order) { o.Mode = "live" })
					x.finds(atWork{x.bank, unsure})
					x.bank.put("key-1", "order-1", provider.Pending, live)
					if before {
						x.bank.put("key-2", "order-1", provider.Paid, edit)
					}
					x.back("key-1", false)
					if !before {
						x.bank.put("key-2", "order-1", provider.Paid, edit)
					}
					for x.read().DueAt.Sub(x.read().CreatedAt) < 50*time.Minute && x.read().Status == order.Settling {
						time.Sleep(time.Until(x.read().DueAt))
						x.advance()
					}
					if o := x.read(); o.Status != order.Settling || o.Attempt.N != 1 {
						t.Errorf("%s, unsure %v, found by the return %v: %s in attempt %d", name, unsure, before, o.Status, o.Attempt.N)
					}
					x.bank.put("key-1", "order-1", provider.Paid, live)
					x.due()
					if o := x.read(); o.Status != order.Paid || o.Capture.Key != "key-1" {
						t.Errorf("%s, unsure %v, found by the return %v: %s with %q", name, unsure, before, o.Status, o.Capture.Key)
					}
				})
			}
		}
	}
}

// TestReturnWhileMoneyIsOwed: the order is settling only for wrong money that goes back, when a buyer returns from a window of his own. The next
// number is not open before that one is known.
func TestReturnWhileMoneyIsOwed(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.bank.cancel = noAnswerTo
		x.misfit("key-9", "order-1")
		time.Sleep(5 * time.Second)
		x.bank.put("key-1", "order-1", provider.Paid)
		x.back("key-1", false)
		if o := x.read(); o.Status == order.Open {
			t.Errorf("open in attempt %d; asked %v", o.Attempt.N, x.bank.calls)
		}
		x.due()
		x.want(order.Paid, 1)
		x.wantKept(15000, "key-1", "key-9")
	})
}

// TestIssuanceIsAnAnswer: somebody registered a means under an order's number. Webhooks of it, and of what else there is, are taken.
func TestIssuanceIsAnAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(announcedNow)
		x.bank.put("key-1", "order-1", provider.Unknown, func(p *provider.Payment) { p.Issuance = true })
		for range 2 {
			time.Sleep(2 * time.Second)
			x.mustHear("key-1", "order-1")
			x.mustHear("", "order-1")
		}
		x.want(order.Settling, 1)
	})
}

// hangsOnce answers its first question late, with what was true when it was asked.
type hangsOnce struct {
	*bank
	late *time.Duration
}

func (f hangsOnce) Find(ctx context.Context, r provider.Ref) provider.Answer {
	a := twoWindows{f.bank}.Find(ctx, r)
	wait := *f.late
	*f.late = 0
	time.Sleep(wait)
	return a
}

// TestReturnDuringAQuestion: while the schedule's question hangs, which was asked before, the buyer comes back from a second window. What the old
// answer says of the order says nothing of this window.
func TestReturnDuringAQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key   string
		truth provider.Verdict
	}{{"key-2", provider.Paid}, {"", provider.Paid}, {"key-2", provider.Declined}} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.bank.down = true
			x.back("", false)
			x.bank.down = false
			late := 9 * time.Second
			x.finds(hangsOnce{x.bank, &late})
			x.bank.put("key-1", "order-1", c.truth, func(p *provider.Payment) {
				if c.truth == provider.Declined {
					p.Balance = 0
				}
			})
			time.Sleep(time.Until(x.read().DueAt))
			done := make(chan error)
			go func() {
				ctx, cancel := x.door()
				defer cancel()
				_, err := x.Advance(ctx, "order-1")
				done <- err
			}()
			time.Sleep(time.Second)
			x.bank.put("key-2", "order-1", provider.Paid)
			x.back(c.key, false)
			if err := <-done; err != nil {
				t.Error(err)
			}
			x.due()
			x.want(order.Paid, x.read().Attempt.N)
			x.wantKept(15000, "key-1", "key-2")
		})
	}
}

// TestKeylessHintOfACycle: a charge at work closes its order by its own answer. A hint that only names the number, which may mean another
// payment, is not taken before it was looked up.
func TestKeylessHintOfACycle(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := charged(t, func(o *order.Order) { o.AskAfter = time.Now().Add(payment.ChargeMax) })
		if err := x.hint("", "order-1"); !x.keeps(err, "") {
			t.Error(err)
		}
	})
}

// TestOwedWhileSearching: a lookup by number that hangs does not keep money from going back.
func TestOwedWhileSearching(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := charged(t, func(o *order.Order) { o.BillingKey = "means" })
		x.Paid = x.tell
		x.finds(hangingFinder{x.bank})
		x.bank.put("key-2", "order-1", provider.Paid)
		time.Sleep(31 * time.Second)
		x.mustHear("key-2", "order-1")
		x.bank.put("key-3", "order-1", provider.Paid)
		x.bank.cancel = noAnswerTo
		time.Sleep(2 * time.Second)
		x.mustHear("key-3", "order-1")
		for range 3 {
			o := x.read()
			if !o.Searching {
				t.Fatalf("%s, due %v", o.Status, o.DueAt)
			}
			if o.Owed() == nil {
				return
			}
			time.Sleep(time.Until(o.DueAt))
			x.advance()
		}
		t.Errorf("after %v key-3 holds %d; asked %v", time.Since(x.read().Attempt.ClaimedAt), x.bank.left("key-3"), x.bank.calls)
	})
}

// TestOwnRefusalAfterTheWindow: a worker stood still between the claim and the charge. Meanwhile a window pays the cycle; then the charge is
// sent, and refused. That contradicts nothing, and there is nothing left to look for.
func TestOwnRefusalAfterTheWindow(t *testing.T) {
	t.Parallel()
	o := order.NewCycle(order.Order{ID: "s--c1", BillingKey: "means", CreatedAt: time.Unix(0, 0)}, time.Unix(68, 0))
	begun := o.Attempt
	paid, err := o.Apply(order.Event{Kind: order.Captured, At: time.Unix(20, 0), Asked: time.Unix(19, 0), Attempt: 1, Capture: order.Capture{Key: "window", Balance: 1}})
	if err != nil || paid.Status != order.Paid || !paid.Searching {
		t.Fatal(paid.Status, err)
	}
	for answered, want := range map[bool]bool{true: false, false: true} {
		e := order.Event{Kind: order.Refused, At: time.Unix(30, 0), Asked: time.Unix(25, 0), Attempt: 1, Next: begun, Answered: answered}
		if next, err := paid.Apply(e); err != nil || next.Status != order.Paid || next.Searching != want {
			t.Errorf("the charge's own answer %v: %s, searching %v, %v", answered, next.Status, next.Searching, err)
		}
		repeated := paid
		repeated.Attempt.Turn = 1
		if next, err := repeated.Apply(e); err != nil || next.Status != order.Paid || !next.Searching {
			t.Errorf("an answer to the first charge, and the second is looked for: %s, searching %v, %v", next.Status, next.Searching, err)
		}
	}
}

// TestContradictionWhileSearching: the payment an order was paid with shows as failed. That it still looks for another one hides nothing.
func TestContradictionWhileSearching(t *testing.T) {
	t.Parallel()
	for _, means := range []string{"means", ""} {
		bubble(t, func(t *testing.T) {
			x := charged(t, func(o *order.Order) { o.BillingKey = "means" })
			x.Paid = x.tell
			x.finds(twoWindows{x.bank})
			for _, truth := range []provider.Verdict{provider.Paid, provider.Declined} {
				time.Sleep(31 * time.Second)
				x.bank.put("key-2", "order-1", truth, func(p *provider.Payment) { p.BillingKey = means })
				x.mustHear("key-2", "order-1")
			}
			x.want(order.Review, 1)
		})
	}
}

// TestSearchSaysWhenItFails: an answer that cannot be stored is an error, as everywhere.
func TestSearchSaysWhenItFails(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(func(o *order.Order) {
			paidBefore(o)
			o.Searching, o.DueAt = true, time.Now()
		})
		saved := true
		x.Claims = mortal{x.Claims, &saved}
		ctx, cancel := x.door()
		defer cancel()
		if _, err := x.Advance(ctx, "order-1"); !errors.Is(err, errDead) {
			t.Error(err)
		}
	})
}

// TestReloadsOfReview: whoever holds the link of an order in review can neither make us ask nor ring the alarm, and its history stays.
func TestReloadsOfReview(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.finds(leftOpen{x.bank})
		x.edit(announcedNow)
		x.bank.cancel = func(int, provider.Cancel) *refusal {
			return &refusal{false, provider.Answer{HTTP: 403, Code: "NOT_CANCELABLE_PAYMENT", Class: provider.ClassDeclined}}
		}
		time.Sleep(time.Second)
		x.misfit("key-1", "order-1")
		o := x.read()
		if o.Status != order.Review || !o.Searching {
			t.Fatalf("%s, due %v", o.Status, o.DueAt)
		}
		asked, rung, steps := x.bank.asked(""), x.logged("money.review"), len(o.History)
		for range 5 {
			time.Sleep(4 * time.Second)
			x.advance()
		}
		if n := x.bank.asked("") - asked; n != 0 {
			t.Errorf("five reloads, %d questions", n)
		}
		o = x.due()
		if since := time.Since(o.Attempt.ClaimedAt); !o.Final() || since > 90*time.Minute {
			t.Errorf("due %v, %v after the buyer came back", o.DueAt, since)
		}
		if len(o.History) > steps+2 || x.logged("money.review")-rung > 1 {
			t.Errorf("%d steps of history more; MoneyReview rang %d times more", len(o.History)-steps, x.logged("money.review")-rung)
		}
	})
}

// TestOwnChargeEndsTheDoubt: a payment with the attempt's billing key is the charge itself, and nothing else is looked for.
func TestOwnChargeEndsTheDoubt(t *testing.T) {
	t.Parallel()
	for means, final := range map[string]bool{"means": true, "": false, "another": false} {
		bubble(t, func(t *testing.T) {
			x := charged(t, func(o *order.Order) { o.BillingKey = "means" })
			x.Paid = x.tell
			x.bank.put("key-c", "order-1", provider.Paid, func(p *provider.Payment) { p.BillingKey = means })
			time.Sleep(31 * time.Second)
			x.mustHear("key-c", "order-1")
			x.want(order.Paid, 1)
			if o := x.read(); o.Final() != final {
				t.Errorf("charged with %q: due %v", means, o.DueAt)
			}
			x.due()
			x.wantKept(15000, "key-c")
		})
	}
}
