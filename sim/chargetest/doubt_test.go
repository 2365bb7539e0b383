package chargetest_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/soak"
)

func once(f func(soak.Call) bool, do func() error) func(soak.Call) error {
	done := false
	return func(c soak.Call) error {
		if done || !f(c) {
			return nil
		}
		done = true
		return do()
	}
}

// TestPeriodEndEnds: canceled at the period's end, it ends at the next date, with its key.
func TestPeriodEndEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.until(due(0).Add(time.Hour))
	if _, err := s.Enroller.Cancel(s.ctx, id, true); err != nil {
		t.Fatal(err)
	}
	s.until(due(1).Add(day))
	if got := s.read(); got.Status != subscription.Canceled || s.captures() != 1 || s.Bank.HasKey(id+"--key1") {
		t.Errorf("%s after the period's end, %d captures, key %v\n%s", got.Status, s.captures(), s.Bank.HasKey(id+"--key1"), s.story())
	}
}

// TestSkipGoesOn: dates that went by are left out, and the next one is charged.
func TestSkipGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(r *payment.NewSubscription) { r.CatchUp = "skip" })
	s.until(due(0).Add(time.Hour))
	s.now = due(2).Add(day) // nothing ran for two months
	s.until(due(3).Add(day))
	if s.captures() != 2 {
		t.Errorf("%d captures, want 2\n%s", s.captures(), s.story())
	}
}

// TestUnknownKeepsItsNumber: money was taken, and for a day nobody can say so. No other number is charged.
func TestUnknownKeepsItsNumber(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.takes(func(c provider.Charge) provider.Answer { return s.Bank.Charge(s.ctx, c) })
	s.Hook = func(c soak.Call) error {
		if (c.Op == "charge" && c.After || c.Op == "find") && s.now.Before(due(0).Add(day)) {
			return errLost
		}
		return nil
	}
	s.until(due(0).Add(day - time.Hour))
	if o := s.cycle(1); o.Status != order.Processing || o.Attempt != 1 {
		t.Errorf("%s in attempt %d, and nobody knows", o.Status, o.Attempt)
	}
	s.until(due(0).Add(9 * day))
	if o := s.cycle(1); o.Status != order.Paid || len(s.Bank.Payments()) != 1 {
		t.Errorf("%s, %+v", o.Status, s.Bank.Payments())
	}
}

// TestLongOutage: a provider that answers for a day that it does not know is asked again when it does.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(_ string, n int) string {
		if s.now.Before(due(0).Add(day)) {
			return "COMMON_SYSTEM_ERROR"
		}
		return ""
	}
	s.until(due(0).Add(20 * day))
	if s.captures() != 1 {
		t.Errorf("%d captures; %+v", s.captures(), s.cycle(1).Attempt)
	}
}

// TestPriceChangedInDoubt: the cycle that has begun keeps its price, and goes on.
func TestPriceChangedInDoubt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Hook = once(func(c soak.Call) bool { return c.Op == "charge" && c.After }, func() error { return errLost })
	s.Bank.Outcome = func(_ string, n int) string {
		if s.now.Before(due(0).Add(time.Hour)) {
			return "CARD_NOT_ENOUGH_BALANCE"
		}
		return ""
	}
	s.now = due(0)
	s.Hook = func(c soak.Call) error {
		if (c.Op == "charge" && c.After || c.Op == "find") && s.now.Before(due(0).Add(2*time.Minute)) {
			return errLost
		}
		return nil
	}
	s.tick()
	s.now = s.now.Add(30 * time.Second)
	if o := s.cycle(1); o.Status != order.Processing {
		t.Fatal(o.Status)
	}
	if _, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 2 * price, Currency: "KRW", Evidence: "test"}); err != nil {
		t.Fatal(err)
	}
	s.until(due(0).Add(20 * day))
	if s.captured(1) != 1 {
		t.Errorf("%d captures; %+v\n%s", s.captures(), s.cycle(1).Attempt, s.story())
	}
}

// TestPausedInDoubt: a pause between a charge and its outcome costs no date.
func TestPausedInDoubt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.now = due(0)
	s.Hook = func(c soak.Call) error {
		if (c.Op == "charge" && c.After || c.Op == "find") && s.now.Before(due(0).Add(2*time.Minute)) {
			return errLost
		}
		return nil
	}
	s.tick()
	s.now = s.now.Add(30 * time.Second)
	if _, err := s.Enroller.Pause(s.ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Enroller.Resume(s.ctx, id); err != nil {
		t.Fatal(err)
	}
	s.until(due(1).Add(day))
	if s.captures() != 2 {
		t.Errorf("%d captures, want 2\n%s", s.captures(), s.story())
	}
}

// TestThawedClaimChargesNothing: a worker that stood still between its claim and its order until the lease was over leaves the cycle to
// others; the merchant may have paused it meanwhile.
func TestThawedClaimChargesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.now = due(0)
	s.Hook = once(func(c soak.Call) bool { return c.Op == "claim-cycle" && c.After }, func() error {
		s.now = s.now.Add(day)
		_, err := s.Enroller.Pause(s.ctx, id)
		return err
	})
	s.tick()
	if len(s.Bank.Payments()) != 0 {
		t.Errorf("a paused subscription was charged: %+v\n%s", s.Bank.Payments(), s.story())
	}
}

// TestIntentIsNotACharge: a worker that stood still while it wrote that it repeats a charge does not send it when others have gone on.
func TestIntentIsNotACharge(t *testing.T) {
	t.Parallel()
	f := newFrost(t)
	lost := 0
	hook := f.Hook
	f.Hook = func(c soak.Call) error {
		if c.Op == "charge" && !c.After && lost == 0 {
			lost++
			return errLost // the first request
		}
		return hook(c)
	}
	f.now = due(0)
	f.tick()
	f.until(due(0).Add(70 * time.Minute))
	f.Bank.Outcome = func(number string, n int) string { // the repetition is refused, the next attempt is paid
		if number == id+"--c1" && f.now.Before(due(0).Add(2*day)) {
			return "CARD_BANK_SYSTEM_ERROR"
		}
		return ""
	}
	f.now = due(0).Add(80 * time.Minute)
	w := f.begin(payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 1}, 7) // claim, create, find, save: frozen after it
	defer w.stop()
	if w.last != (soak.Call{Op: "save", ID: id + "--c1", After: true}) {
		t.Fatalf("frozen at %+v", w.last)
	}
	f.until(due(0).Add(3 * day))
	if f.captured(1) != 1 {
		t.Fatalf("%d captures\n%s", f.captured(1), f.story())
	}
	f.thaw(w)
	if f.captured(1) != 1 {
		t.Errorf("%d captures of one cycle: %+v", f.captured(1), f.Bank.Payments())
	}
}

// TestRefusalOfAnEarlierTurn: what a worker read before it stood still says nothing of a charge that was sent since.
func TestRefusalOfAnEarlierTurn(t *testing.T) {
	t.Parallel()
	f := newFrost(t)
	refusing("BUYER_NOT_REGISTERED")(f.stage)
	f.now = due(0)
	w := f.begin(payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 1}, 6) // claim-cycle, create, charge: frozen before the save
	defer w.stop()
	if w.last != (soak.Call{Op: "save", ID: id + "--c1"}) {
		t.Fatalf("frozen at %+v", w.last)
	}
	frozen := f.Hook
	f.Hook = func(c soak.Call) error {
		if c.Op == "charge" && c.After || c.Op == "find" && len(f.Bank.Payments()) > 0 {
			return errLost // the repetition is paid, and nobody hears of it yet
		}
		return nil
	}
	f.until(due(0).Add(4 * time.Hour))
	if f.captures() != 1 || f.cycle(1).Status != order.Processing {
		t.Fatalf("%d captures, %s", f.captures(), f.cycle(1).Status)
	}
	f.Hook = frozen
	f.thaw(w)
	if got := f.cycle(1); got.Status == order.Open {
		t.Errorf("attempt %d opens, and the one before was paid", got.Attempt)
	}
	f.until(due(0).Add(10 * day))
	if f.captured(1) != 1 || f.cycle(1).Status != order.Paid || f.read().Cycle != 2 {
		t.Errorf("%d captures, %s\n%s", f.captured(1), f.cycle(1).Status, f.story())
	}
}

// TestPeriodEndInDoubt: what is paid for is not cut short.
func TestPeriodEndInDoubt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.now = due(0)
	s.Hook = func(c soak.Call) error {
		if (c.Op == "charge" && c.After || c.Op == "find") && s.now.Before(due(0).Add(2*time.Minute)) {
			return errLost
		}
		return nil
	}
	s.tick()
	s.now = s.now.Add(30 * time.Second)
	if _, err := s.Enroller.Cancel(s.ctx, id, true); err != nil {
		t.Fatal(err)
	}
	s.until(due(0).Add(5 * day))
	if got := s.read(); got.Status != subscription.Active {
		t.Errorf("paid for the period and %s\n%s", got.Status, s.story())
	}
}

// TestRefusalKeepsItsReason: a refusal without a payment is known by its own code, not by the lookup that confirms it.
func TestRefusalKeepsItsReason(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(string, int) string { return "BUYER_NOT_REGISTERED" }
	s.Hook = once(func(c soak.Call) bool { return c.Op == "charge" && c.After }, func() error { return errLost })
	s.until(due(0).Add(12 * time.Hour))
	if got := s.read(); got.Status != subscription.Suspended || got.Dunning.Decline != subscription.Hard {
		t.Errorf("%s %+v\n%s", got.Status, got.Dunning, s.story())
	}
}

// TestNewMeansIsKept: a retry whose process was killed is repeated with the means it was claimed with.
func TestNewMeansIsKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(number string, _ int) string {
		if number == id+"--c1" {
			return "BUYER_NOT_REGISTERED"
		}
		return ""
	}
	s.until(due(0).Add(time.Hour))
	if got := s.read(); got.Status != subscription.Suspended {
		t.Fatal(got.Status)
	}
	s.Bank.DeleteBillingKey(s.ctx, id+"--key1", "")
	e, err := s.Enroller.RenewKey(s.ctx, id, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Register(s.ctx, e.Subscription); err != nil {
		t.Fatal(err)
	}
	s.Hook = once(func(c soak.Call) bool { return c.Op == "charge" && !c.After }, func() error { panic(killed{}) })
	s.until(due(0).Add(5 * day))
	if s.captured(1) != 1 {
		t.Errorf("%s %+v\n%s", s.read().Status, s.read().Dunning, s.story())
	}
}
