package world_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// windfall is one way to hold money that is not the order's to keep: it brings the world there and returns the redirect of that payment, whose
// webhook nobody has delivered yet.
type windfall struct {
	name    string
	prepare func(*stage) string
	ends    order.Status
	attempt int
	reason  string
}

var windfalls = []windfall{
	{"a second payment of the same number", func(s *stage) string {
		m := s.order("order-1")
		first, second := s.approve(m), s.approve(m)
		s.Get(first)
		s.mustCapture(second)
		return second
	}, order.Paid, 1, string(ledger.Second)},
	{"a payment of the refused attempt, beside the paid one", func(s *stage) string {
		m := s.order("order-1")
		tab := s.approve(m)
		s.Toss.DeclineNext("REJECT_CARD_PAYMENT")
		s.Get(s.approve(m))
		s.Get(s.approve(s.Reopened(m)))
		s.mustCapture(tab)
		return tab
	}, order.Paid, 2, string(ledger.Second)},
	{"a payment after the order expired", func(s *stage) string {
		m := s.order("order-1")
		time.Sleep(time.Until(m.DueAt))
		s.Settle("order-1")
		late := s.approve(m)
		s.mustCapture(late)
		return late
	}, order.Expired, 1, string(ledger.Late)},
	{"one won too much", func(s *stage) string {
		m := s.order("order-1")
		m.Window = m.Window.Dearer(1)
		wrong := s.approve(m)
		s.mustCapture(wrong)
		return wrong
	}, order.Open, 2, string(ledger.Mismatch)},
	{"one won too little, after the payment", func(s *stage) string {
		m := s.order("order-1")
		s.Get(s.approve(m))
		m.Window = m.Window.Dearer(-1)
		wrong := s.approve(m)
		s.mustCapture(wrong)
		return wrong
	}, order.Paid, 1, string(ledger.Mismatch)},
}

// wantGivenBack is the end of every windfall: what came too much has gone back whole and once, and the order is what it was.
func (s *stage) wantGivenBack(what string, w windfall) {
	s.T.Helper()
	for _, broken := range s.audit("order-1") {
		s.T.Errorf("%s: %s", what, broken)
	}
	o := s.Stored("order-1")
	if o.Status != w.ends || o.Attempt != w.attempt || len(o.Reversals) != 1 || o.Reversals[0].Reason != w.reason {
		s.T.Errorf("%s: %s in attempt %d, gave back %+v; want %s in attempt %d, and one for %q", what, o.Status, o.Attempt, o.Reversals, w.ends, w.attempt, w.reason)
	}
	if back := s.cancels("order-1"); len(back) != 1 {
		s.T.Errorf("%s: given back %+v", what, back)
	}
}

// TestWindfalls: every way, undisturbed. One cancel, told once, and whatever the provider says of it afterwards changes nothing.
func TestWindfalls(t *testing.T) {
	t.Parallel()
	for _, w := range windfalls {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				s := newStage(t)
				redirect := w.prepare(s)
				if p := s.Send(hint(redirect)); p.Status != http.StatusOK {
					t.Errorf("webhook: %d %s", p.Status, p.Body)
				}
				s.wantGivenBack("after the webhook", w)
				for range 50 { // the queue holds the webhooks of all that has happened, and of the cancel
					at, more := s.Hooks.DueAt()
					if !more {
						break
					}
					time.Sleep(time.Until(at))
					s.Hooks.Step(t.Context(), time.Now())
				}
				for _, r := range s.Hooks.Records() {
					if r.LastStatus != http.StatusOK {
						t.Errorf("webhook %s: %d", r.Body, r.LastStatus)
					}
				}
				s.Send(hint(redirect))
				s.settled("order-1")
				s.wantGivenBack("after all webhooks", w)
				if got := s.Toss.Calls()[tosssim.OpCancel]; got != 1 {
					t.Errorf("%d requests to give back, want 1", got)
				}
				if s.Log.Count("money.reversal") != 1 || s.Log.Count("money.review") != 0 {
					t.Errorf("%d reversals and %d reviews in the log", s.Log.Count("money.reversal"), s.Log.Count("money.review"))
				}
			})
		})
	}
}

// TestLateMoneyIsKept: the deployer has chosen so. What does not fit still goes back, and so does a second payment.
func TestLateMoneyIsKept(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t, func(o *world.Options) { o.KeepLate = true })
		m := s.order("order-1")
		time.Sleep(time.Until(m.DueAt))
		s.Settle("order-1")
		for _, redirect := range []string{s.Card(m.Window.Dearer(1), "approve"), s.approve(m), s.approve(m)} {
			s.mustCapture(redirect)
			s.Send(hint(redirect))
			time.Sleep(2 * time.Second)
		}
		s.settled("order-1")
		s.WantOrder("in the end", "order-1", order.Paid, 1)
		if taken, back := s.captures("order-1"), s.cancels("order-1"); len(taken) != 3 || len(back) != 2 || sum(taken)-sum(back) != price {
			t.Errorf("taken %+v, given back %+v", taken, back)
		}
	})
}

// crashReversal: the process that hears of a windfall dies, then the one that does the next step; then the world lives on.
func crashReversal(t *testing.T, w windfall, first, second death, again bool) (calls [2]int) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		s := newStage(t, testbed.Quiet)
		what := fmt.Sprintf("%s; the webhook dies at %s, the next step (webhook again: %v) at %s", w.name, first, again, second)
		redirect := w.prepare(s)
		door, _, life := s.process(first.at, first.after)
		p := s.At(door).Send(hint(redirect))
		door, settler, next := s.process(second.at, second.after)
		o := s.Stored("order-1")
		if o.Owed() == nil && len(s.cancels("order-1")) > 0 && len(o.Reversals) == 0 {
			t.Errorf("%s: money was given back before it was written that it is owed", what)
		}
		known := o.Owed() != nil || len(o.Reversals) > 0
		if !known && p.Status == http.StatusOK {
			t.Errorf("%s: the webhook was taken and nothing of it is stored", what)
		}
		if again || !known {
			time.Sleep(time.Minute) // the provider's next try
			s.At(door).Send(hint(redirect))
		} else {
			if o.DueAt.Before(time.Now().Add(time.Hour)) {
				time.Sleep(time.Until(o.DueAt))
			}
			ctx, cancel := context.WithTimeout(t.Context(), handler.DoorTime)
			_, _ = settler.Advance(ctx, "order-1") // dead processes tell nobody
			cancel()
		}
		if o := s.Stored("order-1"); o.Owed() != nil && o.DueAt.IsZero() {
			t.Errorf("%s: owed without a due time", what)
		}
		s.settled("order-1")
		time.Sleep(4 * time.Minute)
		s.Send(hint(redirect))
		s.settled("order-1")
		s.wantGivenBack(what, w)
		calls = [2]int{len(life.calls), len(next.calls)}
	})
	return calls
}

// TestCrashWhileGivingBack kills the process at every call of a reversal, and the one after it at every call of its own.
func TestCrashWhileGivingBack(t *testing.T) {
	t.Parallel()
	for _, w := range windfalls {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			whole := crashReversal(t, w, death{}, death{}, false)[0]
			if whole < 5 {
				t.Fatalf("an undisturbed reversal makes %d calls", whole)
			}
			ran := 0
			for _, first := range deaths(whole) {
				for _, again := range []bool{false, true} {
					next := crashReversal(t, w, first, death{}, again)[1]
					seconds := deaths(next)
					if testing.Short() {
						seconds = nil
					}
					for _, second := range seconds {
						crashReversal(t, w, first, second, again)
					}
					ran += 1 + len(seconds)
				}
			}
			t.Logf("%d deaths and pairs of deaths; a reversal makes %d calls", ran, whole)
		})
	}
}

// TestFaultsWhileGivingBack: every fault at the cancel, at the lookups and at all of them, once and for a while.
func TestFaultsWhileGivingBack(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, w := range windfalls {
		for _, operation := range []string{tosssim.OpCancel, tosssim.OpFind, fault.Any} {
			for _, f := range shapes[1:] {
				for _, times := range []int{1, 2, 5} {
					ran++
					bubble(t, func(t *testing.T) {
						s := newStage(t, testbed.Quiet, func(o *world.Options) { o.Toss.Cache5xx = ran%2 == 0 })
						redirect := w.prepare(s)
						f := f
						f.Operation, f.Times = operation, times
						s.Fault(f)
						for range 7 { // Toss Payments sends a webhook 7 times
							if p := s.Send(hint(redirect)); p.Status == http.StatusOK {
								break
							} else if p.Elapsed > handler.DoorTime {
								t.Errorf("an answer after %v", p.Elapsed)
							}
							time.Sleep(time.Minute)
						}
						s.settled("order-1")
						time.Sleep(15 * time.Minute) // what was still under way
						s.Fault(fault.Fault{Operation: fault.Any, Kind: fault.None})
						s.Send(hint(redirect))
						s.settled("order-1")
						s.wantGivenBack(fmt.Sprintf("%s; %d times %s of %s", w.name, times, shapeName(f), operation), w)
					})
				}
			}
		}
	}
	t.Logf("%d worlds", ran)
}

// TestReversalIsSavedBeforeTheCancel: in the order of the calls, and what the record says at that moment.
func TestReversalIsSavedBeforeTheCancel(t *testing.T) {
	t.Parallel()
	for _, w := range windfalls {
		bubble(t, func(t *testing.T) {
			s := newStage(t, testbed.Quiet)
			redirect := w.prepare(s)
			door, _, life := s.process(0, false)
			s.At(door).Send(hint(redirect))
			want := "lease provider save provider save" // find, owed, cancel, done
			got := strings.Join(life.calls, " ")
			got = strings.TrimPrefix(got, "lease save ") // somebody was at it a moment before: noted first
			if !strings.HasPrefix(got, want) {
				t.Errorf("%s: a reversal makes %q, want %q", w.name, got, want)
			}
			s.wantGivenBack(w.name, w)
		})
	}
}

// TestBuyerOfAReversedPayment: the buyer who comes back from a window that took the wrong amount waits until it is back, is told so, and can pay.
func TestBuyerOfAReversedPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		redirect := s.Card(m.Window.Dearer(1), "approve")
		s.mustCapture(redirect)
		s.Fault(fault.Fault{Operation: tosssim.OpCancel, Kind: fault.LoseReply})
		s.Send(hint(redirect))
		for _, address := range []string{m.CheckoutURL, testbed.Edited(redirect, "amount", "15000")} {
			p := s.Get(address)
			if owed := s.Stored("order-1").Owed(); owed != nil && (p.CanPay() || p.Title() != givingBack) {
				t.Errorf("while money is owed: %q, can pay %v", p.Title(), p.CanPay())
			}
		}
		s.settled("order-1")
		p := s.Get(m.CheckoutURL)
		if !p.CanPay() {
			t.Errorf("after it is back: %q, can pay %v", p.Title(), p.CanPay())
		}
		s.WantTitle("and then it is paid", s.Get(s.approve(s.Reopened(m))), paidPage)
		s.wantAudit("order-1")
	})
}

// TestOtherTabsEndIsNotTheOrders: two windows of one attempt. One is claimed and nobody knows yet; the other one's end is told by webhook. No
// next attempt may begin, and afterwards the paid order stays paid.
func TestOtherTabsEndIsNotTheOrders(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		ended := s.Card(m.Window, "abort") // its payment is ABORTED; a webhook of it is in the queue
		redirect := s.approve(m)
		s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: 40 * time.Second, Moment: fault.Before})
		if p := s.Get(redirect); p.Title() != checkingPage {
			t.Fatalf("%q; %s", p.Title(), ended)
		}
		s.Hooks.Step(t.Context(), time.Now())
		s.WantOrder("in the end", "order-1", order.Processing, 1)
		s.settled("order-1")
		s.WantOrder("in the end", "order-1", order.Paid, 1)
		for i := range s.Hooks.Records() {
			if _, err := s.Hooks.Replay(t.Context(), i, 1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		s.WantOrder("in the end", "order-1", order.Paid, 1)
		s.wantAudit("order-1")
	})
}

// TestClaimedPaymentIsNotForgottenForAnother: a confirm took the money and said no, and nobody could be asked; meanwhile another window of the
// same attempt took money, of a wrong amount or of the right one. That goes back, and the claimed money is still found.
func TestClaimedPaymentIsNotForgottenForAnother(t *testing.T) {
	t.Parallel()
	for _, more := range []int64{1, 0} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			m := s.order("order-1")
			other, redirect := s.Card(m.Window.Dearer(more), "approve"), s.approve(m)
			s.mustCapture(other)
			s.Toss.CaptureNextBut("INVALID_CARD_NUMBER")
			s.Fault(fault.Fault{Operation: tosssim.OpFind, Kind: fault.LoseReply, Times: 4})
			s.Get(redirect)
			s.WantOrder("in the end", "order-1", order.Processing, 1)
			s.Fault(fault.Fault{Operation: tosssim.OpFind, Kind: fault.None})
			time.Sleep(4 * time.Second)
			s.Send(hint(other))
			if got := s.ReadOrder("order-1"); got.Status != order.Processing && got.Status != order.Paid || got.Attempt != 1 {
				t.Errorf("%d won too much are back, nobody knows of the claimed money, and the order is %s in attempt %d", more, got.Status, got.Attempt)
			}
			s.settled("order-1")
			s.WantOrder("in the end", "order-1", order.Paid, 1)
			s.wantAudit("order-1")
		})
	}
}

// TestForgedKeyBesideOtherMoney: the claimed key is nobody's, and under the number there is money of another payment. Both come to an end.
func TestForgedKeyBesideOtherMoney(t *testing.T) {
	t.Parallel()
	for _, more := range []int64{1, 0} {
		for _, told := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				s := newStage(t)
				m := s.order("order-1")
				other := s.Card(m.Window.Dearer(more), "approve")
				s.mustCapture(other)
				s.Get(testbed.Edited(s.approve(m), "paymentKey", "forged"))
				if told {
					s.Send(hint(other))
				}
				s.settled("order-1")
				if more == 0 { // it fits: the buyer has paid
					s.WantOrder("in the end", "order-1", order.Paid, 1)
				} else {
					s.WantOrder("in the end", "order-1", order.Open, 2)
				}
				s.wantAudit("order-1")
			})
		}
	}
}

// TestWebhookOutlivedByAnotherPayment: while the question that a webhook caused hangs, the buyer pays in another window. The order is paid, what
// the webhook named is asked about again, and the first money goes back.
func TestWebhookOutlivedByAnotherPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		first, redirect := s.approve(m), s.approve(m)
		s.mustCapture(first)
		s.Fault(fault.Fault{Operation: tosssim.OpFind, Kind: fault.Delay, Delay: 40 * time.Second, Moment: fault.Before})
		status := make(chan int)
		go func() { status <- s.Send(hint(first)).Status }()
		time.Sleep(3 * time.Second)
		s.WantTitle("the other window", s.Get(redirect), paidPage)
		if got := <-status; got != http.StatusOK {
			t.Errorf("a webhook whose payment was not looked up: %d", got)
		}
		s.settled("order-1")
		s.wantAudit("order-1")
	})
}
