package chargetest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
	"tosspay-sam/sim/soak"
)

func paidP(key, number string, amount int64) provider.Payment {
	return provider.Payment{Key: key, Number: number, Status: "paid", Amount: amount, Balance: amount, Currency: "KRW", Sandbox: true, ApprovedAt: due(0)}
}

type finder func(provider.Ref) provider.Answer

func (f finder) Find(_ context.Context, r provider.Ref) provider.Answer { return whole(f(r), r) }

// whole is an answer that shows all there is: what a test names as its payment.
func whole(a provider.Answer, r provider.Ref) provider.Answer {
	if a.All != nil || a.Verdict == provider.Unknown {
		return a
	}
	if a.Complete = r.Number != ""; a.Payment.Key != "" {
		a.All = []provider.Shown{{Payment: a.Payment, Verdict: a.Verdict, Code: a.Code}}
	}
	return a
}

type canceler func(provider.Cancel) provider.Answer

func (f canceler) Cancel(_ context.Context, c provider.Cancel) provider.Answer { return f(c) }

// twoPaid has the bank show two payments of the first cycle that nobody was told of; the first is the charge itself if it has its key.
func (s *stage) twoPaid(means string) {
	first := paidP("imps_1", id+"--c1", price)
	first.BillingKey = means
	s.Bank.Put(provider.Paid, first)
	s.Bank.Put(provider.Paid, paidP("imps_2", id+"--c1", price))
}

// TestToldWithoutAnAnswer: the note that a subscription was told brings no answer; whoever found the money goes on with the order all the same, and
// gives back what was paid twice.
func TestToldWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Take = func(provider.Charge) provider.Answer { return bank.Lost("charge", errLost) }
	s.now = due(0).Add(time.Minute)
	s.tick()
	s.twoPaid("")
	s.Bank.Record = true
	saves := 0
	s.Hook = func(c soak.Call) error {
		if c.Op == "save" && c.After {
			if saves++; saves == 2 { // what it found, and that it was told
				return errLost
			}
		}
		return nil
	}
	s.now = s.now.Add(2 * time.Minute)
	r, err := s.Doors.Return(s.ctx, payment.WindowReturn{Provider: "portone", OrderID: id + "--c1", LinkToken: "link", Number: id + "--c1"})
	if err != nil || r.Order.Status != order.Paid {
		t.Errorf("the buyer is shown order %q in status %q, %v", r.Order.ID, r.Order.Status, err)
	}
	s.until(due(0).Add(20 * day))
	o := s.cycle(1)
	if cancels := s.Bank.Asked("cancel "); len(o.Reversals) != 1 || cancels != 1 {
		t.Errorf("the second capture was lost: %s due %v, reversals %+v, cancels %d", o.Status, o.DueAt, o.Reversals, cancels)
	}
}

// TestReviewIsNotDue: money that the provider will not give back is for a person, and the order is looked at by no schedule.
func TestReviewIsNotDue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Take = func(provider.Charge) provider.Answer { return bank.Lost("charge", errLost) }
	s.now = due(0).Add(time.Minute)
	s.tick()
	s.twoPaid(id + "--key1")
	s.Bank.Instead["cancel"] = func(int) *bank.Reply {
		return &bank.Reply{Answer: provider.Answer{Verdict: provider.Declined, Class: provider.ClassMerchant, Code: "NOT_CANCELABLE", HTTP: 200, Sent: true}}
	}
	s.now = due(0).Add(10 * time.Minute)
	works := 0
	s.Hook = func(c soak.Call) error {
		if c.Op == "lease-due" && c.ID == id+"--c1" && c.After {
			works++
		}
		return nil
	}
	for range 60 * 24 {
		s.tick()
		s.now = s.now.Add(time.Minute)
	}
	o := s.cycle(1)
	if o.Status == order.Review && !o.Final() || works > 10 {
		t.Errorf("in %s, still due %v, dispatched %d times in a day", o.Status, o.DueAt, works)
	}
	if got := s.read(); o.Status != order.Review || got.Status != subscription.Active || got.Cycle != 2 {
		t.Errorf("the cycle was paid and is in %s for what was paid beside it; the subscription is %s at cycle %d\n%s", o.Status, got.Status, got.Cycle, s.story())
	}
}

// misfit has the bank take money of a wrong amount under a number.
func (s *stage) misfit(number string) { s.Bank.Put(provider.Paid, paidP("imps_w", number, 1000)) }

// cancelUnheard loses the first reply that says that money was given back.
func (s *stage) cancelUnheard() {
	s.Bank.Instead["cancel"] = func(n int) *bank.Reply {
		if n > 1 {
			return nil
		}
		return &bank.Reply{CarriedOut: true, Answer: bank.Lost("cancel", errLost)}
	}
}

// secondCharge refuses attempt 1, and attempt 2 for good. While the second is sent, a webhook comes that names wrong money of the first, which
// lookups by number are behind with; its question is
// answered when the second is claimed, and the charge waits for what is given, or for the webhook's end. Whatever comes of it, attempt 2 was
// answered: it is sent once, and what it says counts.
func (s *stage) secondCharge(door payment.Gateway, wait <-chan struct{}, recorded func()) {
	s.t.Helper()
	s.Bank.Outcome = func(n string, _ int) string {
		if n == id+"--c1" {
			return "CARD_NOT_ENOUGH_BALANCE"
		}
		return "CARD_NOT_AVAILABLE" // hard
	}
	s.until(due(0).Add(time.Hour)) // attempt 1 is refused; 2 is to be made a day later
	claimed, asked, heard := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.misfit(id + "--c1")
	s.Bank.Late = "imps_w"
	door.Finder = finder(func(r provider.Ref) provider.Answer {
		once.Do(func() { close(asked) })
		<-claimed // the webhook's question takes some seconds; its lease is one second
		return s.Bank.Find(s.ctx, r)
	})
	s.Doors.Gateways = map[string]payment.Gateway{"portone": door}
	if wait == nil {
		wait = heard
	}
	sent := map[string]int{}
	s.Take = func(c provider.Charge) provider.Answer {
		sent[c.Number]++
		if sent[c.Number] == 1 && c.Number == id+"--c1--2" {
			close(claimed)
			<-wait
		}
		return s.Bank.Charge(s.ctx, c)
	}
	next := s.read().ChargeAt
	s.now = next.Add(time.Second)
	go func() {
		defer close(heard)
		if err := s.Doors.Hear(s.ctx, "portone", provider.Hint{Number: id + "--c1", Key: "imps_w"}); err != nil {
			s.t.Error(err)
		}
	}()
	<-asked
	s.now = s.now.Add(2 * time.Second)
	s.tick()
	recorded()
	<-heard
	s.until(next.Add(20 * day))
	if got := s.read(); got.Status != subscription.Suspended || got.Dunning.Code != "CARD_NOT_AVAILABLE" {
		s.t.Errorf("%s, %s\n%s", got.Status, got.Dunning.Code, s.story())
	}
	for number, n := range sent {
		if n > 1 {
			s.t.Errorf("%s was charged %d times, although the provider had answered the first one: refused, hard", number, n)
		}
	}
}

// TestRefusedWhileMoneyIsOwed: the refusal of an attempt comes while money of an earlier number is still owed. When that is back the attempt
// is over, and is not made a second time.
func TestRefusedWhileMoneyIsOwed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.cancelUnheard()
	s.secondCharge(s.Worker.Settler.Gateways["portone"], nil, func() {})
}

// TestStaleDoubtAfterTheAnswer: a webhook gives wrong money back while an attempt is claimed, refused and recorded; then the provider does not
// answer the webhook. What it knew of the attempt is old: the attempt was answered, and is not made a second time.
func TestStaleDoubtAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	worker := s.Worker.Settler.Gateways["portone"]
	worker.Finder = finder(func(r provider.Ref) provider.Answer {
		if r.Number == id+"--c1--2" { // a refusal that left no payment behind
			return provider.Answer{Verdict: provider.Absent, Class: provider.ClassAbsent, Call: "find-by-order", HTTP: 200, Sent: true}
		}
		return s.Bank.Find(s.ctx, r)
	})
	s.Worker.Settler.Gateways["portone"] = worker
	canceling, refused := make(chan struct{}), make(chan struct{})
	door := worker
	door.Canceler = canceler(func(provider.Cancel) provider.Answer { // no answer, after the refusal is stored
		close(canceling)
		<-refused
		return bank.Lost("cancel", errLost)
	})
	s.secondCharge(door, canceling, func() { close(refused) })
}

// TestFirstRefusalWhileMoneyIsOwed: the refusal of the first attempt, whose worker stood still, comes while money of a number that is still to
// come is owed. The attempt is over, and the next one is made.
func TestFirstRefusalWhileMoneyIsOwed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(string, int) string {
		if s.now.Before(due(0).Add(time.Hour)) {
			return "CARD_NOT_ENOUGH_BALANCE"
		}
		return ""
	}
	s.cancelUnheard()
	first := true
	s.Take = func(c provider.Charge) provider.Answer {
		a := s.Bank.Charge(s.ctx, c)
		if first {
			first = false
			s.now = s.now.Add(70 * time.Second) // it stands still for longer than the order's lease
			s.misfit(id + "--c1--3")
			if err := s.Doors.Hear(s.ctx, "portone", provider.Hint{Number: id + "--c1--3", Key: "imps_w"}); err != nil {
				t.Error(err)
			}
		}
		return a
	}
	s.now = due(0).Add(time.Second)
	s.tick()
	s.until(s.now.Add(20 * day))
	if o := s.cycle(1); o.Status != order.Paid {
		t.Errorf("20 days later cycle 1 is %s, the means works, %d captures", o.Status, s.captures())
	}
}

// TestCapturedAroundTheEnd: a subscription is canceled while its charge is at work, and the worker dies after it has recorded the capture. The
// subscription is told before its key is deleted.
func TestCapturedAroundTheEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Take = func(c provider.Charge) provider.Answer {
		if _, err := s.Enroller.Cancel(s.ctx, id, false); err != nil {
			t.Error(err)
		}
		a := s.Bank.Charge(s.ctx, c)
		s.Hook = once(func(c soak.Call) bool { return c.Op == "save-subscription" && !c.After }, func() error { return errLost })
		return a
	}
	s.now = due(0).Add(time.Minute)
	s.tick()
	if got := s.read(); s.cycle(1).Status != order.Paid || got.Cycle != 1 || got.Status != subscription.Canceled {
		t.Fatalf("the order is %s, the subscription %s at cycle %d", s.cycle(1).Status, got.Status, got.Cycle)
	}
	s.until(due(0).Add(day))
	if got := s.read(); got.Cycle != 2 || got.Key.DeletedAt.IsZero() || s.captures() != 1 {
		t.Errorf("cycle %d, key deleted at %v, %d captures\n%s", got.Cycle, got.Key.DeletedAt, s.captures(), s.story())
	}
}
