package world_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// TestZeroValueServes: the comment promises that the zero Options are a world in memory.
func TestZeroValueServes(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Options{Merchant: specified.Door(t.Errorf)})
	if err != nil {
		t.Fatal(err)
	}
	p := testbed.Client{T: t, Handler: w}.Post("/orders", `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`)
	if p.Status != http.StatusCreated {
		t.Errorf("POST /orders of the zero world: %d %s", p.Status, p.Body)
	}
}

// TestPaid is the main job: made, paid in the window, confirmed, read back with its evidence.
func TestPaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	if p := s.Get(m.CheckoutURL); p.Status != http.StatusOK || !p.CanPay() {
		t.Errorf("payment page: %d %q, can pay %v", p.Status, p.Title(), p.CanPay())
	}
	redirect := s.approve(m)
	s.WantOrder("in the end", "order-1", order.Open, 1)
	p := s.Get(redirect)
	s.WantTitle("the return", p, paidPage)
	if p.CanPay() {
		t.Error("the paid page invites to pay again")
	}
	s.wantMoney("order-1", 1, 1)
	s.wantAudit("order-1")
	got := s.ReadOrder("order-1")
	if got.Status != order.Paid || got.Payment == nil || got.Payment.Key != keyOf(redirect) || len(got.Payments) != 1 ||
		got.Payments[0].State != "captured" || got.Payments[0].Role != "kept" || len(got.Requests) != 0 || !got.DueAt.IsZero() {
		t.Errorf("read back %+v", got)
	}
	var path []string
	for _, step := range got.History {
		path = append(path, string(step.To))
	}
	if !slices.Equal(path, []string{"open", "processing", "paid"}) {
		t.Errorf("history %v", path)
	}
	if p := s.Get(m.CheckoutURL); p.Title() != paidPage || p.CanPay() {
		t.Errorf("the payment page of a paid order: %q, can pay %v", p.Title(), p.CanPay())
	}
}

// race sends the same redirect many times at once.
func race(s *stage, redirect string, times int) []testbed.Answer {
	pages := make([]testbed.Answer, times)
	var all sync.WaitGroup
	for i := range pages {
		all.Go(func() { pages[i] = s.Get(redirect) })
	}
	all.Wait()
	return pages
}

// TestHundredRedirectsAreOneCapture: every buyer's tab gets the same paid page, the provider one confirm.
func TestHundredRedirectsAreOneCapture(t *testing.T) {
	t.Parallel()
	for _, answer := range []time.Duration{0, 3 * time.Second} { // at once, and while all of them wait
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			m := s.order("order-1")
			if answer > 0 {
				s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: answer})
			}
			pages := race(s, s.approve(m), 100)
			for i, p := range pages {
				if p.Status != http.StatusOK || p.Title() != paidPage || p.Body != pages[0].Body {
					t.Errorf("answer after %v, redirect %d: %d %q, want the paid page that all get", answer, i, p.Status, p.Title())
				}
			}
			s.wantMoney("order-1", 1, 1)
			s.wantAudit("order-1")
		})
	}
}

// TestHundredRedirectsAndTheFirstReplyIsLost: the money is taken and nobody is told.
func TestHundredRedirectsAndTheFirstReplyIsLost(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.LoseReply})
		pages := race(s, s.approve(m), 100)
		for i, p := range pages {
			if p.Title() != paidPage || p.Body != pages[0].Body {
				t.Errorf("redirect %d: %d %q, want the paid page that all get", i, p.Status, p.Title())
			}
		}
		s.wantMoney("order-1", 1, 1) // what was lost is asked about, not repeated
		s.wantAudit("order-1")
	})
}

// TestReloadAndBackAfterPaid: nothing is asked of the provider again.
func TestReloadAndBackAfterPaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	redirect := s.approve(m)
	first := s.Get(redirect)
	for name, address := range map[string]string{
		"reload": redirect, "fail address": m.Window.Text("failUrl") + "&code=PAY_PROCESS_CANCELED&message=x", "payment page": m.CheckoutURL,
	} {
		p := s.Get(address)
		s.WantTitle(name, p, paidPage)
		if p.CanPay() {
			t.Errorf("%s of a paid order invites to pay", name)
		}
	}
	if p := s.Get(redirect); p.Body != first.Body {
		t.Error("a reload shows another page than the first return")
	}
	s.wantMoney("order-1", 1, 1)
}

// TestDeclinedThenPaid: the buyer's second card, under the second number; the first redirect is over.
func TestDeclinedThenPaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	s.Toss.DeclineNext("REJECT_CARD_PAYMENT")
	redirect := s.approve(m)
	p := s.Get(redirect)
	s.WantTitle("the declined return", p, declinedPage)
	if !p.CanPay() {
		t.Error("the declined page does not invite to pay again")
	}
	s.WantOrder("in the end", "order-1", order.Open, 2)
	confirms := s.Toss.Calls()[tosssim.OpConfirm]
	s.WantTitle("back to the declined return", s.Get(redirect), declinedPage)
	s.wantMoney("order-1", 0, confirms)

	second := s.Reopened(m)
	if second.Window.Text("orderId") != "order-1--2" {
		t.Errorf("the second window is for %q", second.Window.Text("orderId"))
	}
	again := s.approve(second)
	s.WantTitle("the second return", s.Get(again), paidPage)
	s.WantTitle("back to the first return", s.Get(redirect), paidPage)
	s.wantMoney("order-1", 1, confirms+1)
	s.wantAudit("order-1")
}

// TestTwoTabs: two windows of one attempt, both authenticated: one is charged.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	first, second := s.approve(m), s.approve(m)
	s.WantTitle("first tab", s.Get(first), paidPage)
	s.WantTitle("second tab", s.Get(second), paidPage)
	s.wantMoney("order-1", 1, 1)
	s.wantAudit("order-1")
}

// TestTwoTabsWhenTheFirstIsDeclined: the second tab's number is over with the first.
func TestTwoTabsWhenTheFirstIsDeclined(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	first, second := s.approve(m), s.approve(m)
	s.Toss.DeclineNext("REJECT_CARD_PAYMENT")
	s.WantTitle("first tab", s.Get(first), declinedPage)
	confirms := s.Toss.Calls()[tosssim.OpConfirm]
	s.WantTitle("second tab", s.Get(second), declinedPage)
	s.wantMoney("order-1", 0, confirms)
	s.WantOrder("in the end", "order-1", order.Open, 2)
}

// TestFailReturns: what the window's failures show. None changes the order, none asks the provider.
func TestFailReturns(t *testing.T) {
	t.Parallel()
	for outcome, title := range map[string]string{"cancel": canceledPage, "abort": abortedPage, "reject": rejectedPage} {
		s := newStage(t)
		m := s.order("order-1")
		p := s.Get(s.Card(m.Window, outcome))
		s.WantTitle(outcome, p, title)
		if !p.CanPay() {
			t.Errorf("%s: the page does not invite to pay again", outcome)
		}
		s.WantOrder("in the end", "order-1", order.Open, 1)
		s.wantMoney("order-1", 0, 0)
		s.WantTitle("and then it is paid", s.Get(s.approve(m)), paidPage)
	}
}

// TestFailReturnWhileProcessingAsksTheProvider: a code in an address is nobody's word.
func TestFailReturnWhileProcessingAsksTheProvider(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		s.Fault(fault.Fault{Operation: fault.Any, Kind: fault.LoseReply, Times: 20})
		p := s.Get(s.approve(m))
		s.WantTitle("the return", p, checkingPage)
		s.Fault(fault.Fault{Operation: fault.Any, Kind: fault.None})
		s.WantTitle("the fail return", s.Get(m.Window.Text("failUrl")+"&code=REJECT_CARD_COMPANY"), paidPage)
		s.wantAudit("order-1")
	})
}

// TestSlowProvider: the buyer gets a page by our own deadline, and never one that says failed or invites to pay while nobody knows.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{5 * time.Second, 15 * time.Second, 40 * time.Second} {
		for _, moment := range []string{fault.Before, fault.After} {
			t.Run(delay.String()+" "+moment, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					s := newStage(t)
					m := s.order("order-1")
					s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: delay, Moment: moment})
					redirect := s.approve(m)
					began := time.Now()
					p := s.Get(redirect)
					quick := delay < 12*time.Second
					if quick {
						s.WantTitle("the first page", p, paidPage)
					}
					for p.Title() != paidPage && time.Since(began) < 5*time.Minute {
						s.WantTitle("while nobody knows", p, checkingPage)
						if p.CanPay() || p.Elapsed > handler.DoorTime || p.Header.Get("Refresh") == "" {
							t.Errorf("checking page: can pay %v, after %v, refresh %q", p.CanPay(), p.Elapsed, p.Header.Get("Refresh"))
						}
						if shop := s.Get(m.CheckoutURL); shop.Title() != checkingPage || shop.CanPay() {
							t.Errorf("the payment page meanwhile: %q, can pay %v", shop.Title(), shop.CanPay())
						}
						status := s.Get(m.CheckoutURL + "/status")
						if !strings.Contains(status.Body, `"processing"`) && !strings.Contains(status.Body, `"paid"`) {
							t.Errorf("status meanwhile: %s", status.Body)
						}
						time.Sleep(3 * time.Second)
						p = s.Get(redirect)
					}
					s.WantTitle("in the end", p, paidPage)
					if got := len(s.captures("order-1")); got != 1 {
						t.Errorf("%d captures, want 1", got)
					}
					if took := time.Since(began); took > delay+handler.DoorTime+10*time.Second {
						t.Errorf("the buyer saw the result after %v, the provider had it after %v", took, delay)
					}
					s.wantAudit("order-1")
				})
			})
		}
	}
}

// TestProviderDown: no call gets through, for as long as it takes.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		s.Fault(fault.Fault{Operation: fault.Any, Kind: fault.RefuseConnection, Times: 1000})
		redirect := s.approve(m)
		for range 20 {
			p := s.Get(redirect)
			s.WantTitle("while the provider is down", p, checkingPage)
			if p.Status != http.StatusOK || p.CanPay() || p.Elapsed > handler.DoorTime {
				t.Errorf("%d, can pay %v, after %v", p.Status, p.CanPay(), p.Elapsed)
			}
			time.Sleep(5 * time.Second)
		}
		got := s.ReadOrder("order-1")
		if got.Status != order.Processing || !got.DueAt.After(time.Now()) {
			t.Errorf("%s, due %v: want processing and a due time to come", got.Status, got.DueAt)
		}
		for time.Since(got.DueAt) < 3*time.Hour {
			time.Sleep(20 * time.Minute)
			if got := s.Settle("order-1"); got.Status != order.Processing || got.DueAt.IsZero() {
				t.Fatalf("without the provider's word the order became %s, due %v", got.Status, got.DueAt)
			}
		}
		if s.Log.Count("money.unsettled") == 0 {
			t.Error("hours of doubt and no alarm")
		}
		s.Fault(fault.Fault{Operation: fault.Any, Kind: fault.None})
		if got := s.settled("order-1"); got.Status != order.Open || got.Attempt != 2 {
			t.Errorf("the provider came back: %s attempt %d, want open for attempt 2", got.Status, got.Attempt)
		}
		s.WantTitle("and then it is paid", s.Get(s.approve(s.Reopened(m))), paidPage)
		s.wantAudit("order-1")
	})
}

// TestLateRedirect: the buyer's browser comes back after the provider's window is over.
func TestLateRedirect(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		redirect := s.approve(m)
		time.Sleep(11 * time.Minute)
		s.WantTitle("the late return", s.Get(redirect), declinedPage)
		s.WantOrder("in the end", "order-1", order.Open, 2)
		s.wantMoney("order-1", 0, 1)
	})
}

// TestAbandonedOrderExpires: nobody ever comes back; the due time of an open order brings it to its end.
func TestAbandonedOrderExpires(t *testing.T) {
	t.Parallel()
	for _, authenticated := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			m := s.order("order-1")
			if authenticated {
				s.approve(m)
			}
			if got := s.Settle("order-1"); got.Status != order.Open || s.Toss.Calls()[tosssim.OpFindByOrder] != 0 {
				t.Errorf("an open order in time: %s, %v", got.Status, s.Toss.Calls())
			}
			time.Sleep(time.Until(s.ReadOrder("order-1").DueAt))
			got := s.Settle("order-1")
			if got.Status != order.Expired || !got.DueAt.IsZero() {
				t.Errorf("authenticated %v: %s, due %v; want it expired", authenticated, got.Status, got.DueAt)
			}
			p := s.Get(m.CheckoutURL)
			if p.CanPay() {
				t.Errorf("the page of an expired order invites to pay: %q", p.Title())
			}
		})
	}
}

// TestExpiredCheckoutPage: after its time, but before anybody asked the provider, the page offers nothing.
func TestExpiredCheckoutPage(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		m := s.order("order-1")
		time.Sleep(101 * time.Hour)
		p := s.Get(m.CheckoutURL)
		s.WantTitle("the payment page", p, expiredPage)
		if p.CanPay() {
			t.Error("an expired page invites to pay")
		}
	})
}

// TestAmountsOfTheWindowAndTheLedgerAgree: what was ordered is what is asked of the window and what is taken.
func TestAmountsOfTheWindowAndTheLedgerAgree(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, amount := range []int64{100, 163020, 1_000_000_000} {
		id := "order-" + time.Duration(amount).String()
		id = strings.NewReplacer(".", "_", "µ", "u").Replace(id)
		body, err := json.Marshal(map[string]any{"orderId": id, "provider": "toss", "amount": amount, "currency": "KRW", "name": "x", "language": "en"})
		if err != nil {
			t.Fatal(err)
		}
		m := s.Sale(s.Post("/orders", string(body)))
		if value, currency := m.Window.Amount(); value != amount || currency != "KRW" || m.Window.Text("orderId") != id {
			t.Errorf("window %+v of an order of %d", m.Window, amount)
		}
		s.WantTitle(id, s.Get(s.approve(m)), paidPage)
		if got := s.captures(id); len(got) != 1 || got[0].Amount != amount {
			t.Errorf("taken %+v, want %d", got, amount)
		}
	}
}
