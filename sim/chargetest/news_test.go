package chargetest_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
	"tosspay-sam/sim/soak"
)

// TestPaidButNotTold: a webhook finds that the cycle of a suspended subscription was paid after all, and the table does not take what follows
// of it. Nothing of the subscription is due, so the order is, until it has been told.
func TestPaidButNotTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	refusing("CARD_NOT_AVAILABLE")(s)
	s.until(due(0).Add(time.Hour))
	if got := s.read(); got.Status != subscription.Suspended || !got.DueAt.IsZero() {
		t.Fatalf("%s, due %v", got.Status, got.DueAt)
	}
	s.Doors.Gateways = map[string]payment.Gateway{"portone": {Finder: finder(paidAfterAll), Timing: s.Worker.Settler.Gateways["portone"].Timing}}
	s.Hook = once(func(c soak.Call) bool { return c.Op == "save-subscription" && !c.After }, func() error { return errLost })
	hint := provider.Hint{Number: id + "--c1", Key: "imps_9"}
	if err := s.Doors.Hear(s.ctx, "portone", hint); err != nil {
		t.Fatal(err)
	}
	if o, got := s.cycle(1), s.read(); o.Status != order.Paid || o.Final() || got.Status != subscription.Suspended {
		t.Fatalf("the order is %s, due %v, the subscription %s", o.Status, o.DueAt, got.Status)
	}
	s.until(s.now.Add(time.Hour))
	if o, got := s.cycle(1), s.read(); !o.Final() || got.Status != subscription.Active || got.Cycle != 2 {
		t.Errorf("the order is due %v, the subscription %s at cycle %d\n%s", o.DueAt, got.Status, got.Cycle, s.story())
	}
}

// TestToldWithoutAGateway: a window pays a cycle whose charge is in doubt, and its subscription is not told. Then the provider is no longer
// offered. Nobody can look for the charge, but what is known is told.
func TestToldWithoutAGateway(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Take = func(provider.Charge) provider.Answer { return bank.Lost("charge", errLost) }
	s.now = due(0).Add(time.Minute)
	s.tick()
	s.now = s.now.Add(5 * time.Minute)
	s.Doors.Gateways = map[string]payment.Gateway{"portone": {Finder: finder(paidAfterAll), Timing: s.Worker.Settler.Gateways["portone"].Timing}}
	s.Hook = once(func(c soak.Call) bool { return c.Op == "save-subscription" && !c.After }, func() error { return errLost })
	if err := s.Doors.Hear(s.ctx, "portone", provider.Hint{Number: id + "--c1", Key: "imps_9"}); err != nil {
		t.Fatal(err)
	}
	if o := s.cycle(1); !o.Unrecorded || len(o.Ledger.Requests) == 0 {
		t.Fatalf("%s, untold %v, open requests %d", o.Status, o.Unrecorded, len(o.Ledger.Requests))
	}
	s.Worker.Settler.Gateways = nil
	s.now = s.now.Add(time.Hour)
	err := s.Worker.Work(s.ctx, payment.Message{Kind: payment.KindOrder, ID: id + "--c1"})
	if o, got := s.cycle(1), s.read(); err == nil || o.Unrecorded || len(o.Ledger.Requests) == 0 || o.Final() || got.Cycle != 2 {
		t.Errorf("%v; untold %v, open requests %d, due %v, the subscription at cycle %d", err, o.Unrecorded, len(o.Ledger.Requests), o.DueAt, got.Cycle)
	}
}

// TestNewsOfAKeyAfterTheQuestions: a renewal whose four questions by the clock are over is completed while a charge is at work, so that
// nobody can ask when the news comes. It is asked about after the charge, whatever becomes of that.
func TestNewsOfAKeyAfterTheQuestions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code string // of the charges with the first key
		date time.Time
	}{
		"a charge that succeeds":      {"", due(1)},
		"the last try of a timetable": {"CARD_NOT_ENOUGH_BALANCE", due(0).Add(7 * day)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.Bank.Outcome = func(string, int) string { return c.code }
			s.until(due(0).Add(time.Hour))
			key := s.offer().Subscription.KeyName(2)
			s.Take = func(charge provider.Charge) provider.Answer {
				if charge.BillingKey == id+"--key1" && !s.now.Before(c.date) {
					s.Bank.Issue(key)
					s.busy(func() error { return s.Enroller.Hear(s.ctx, provider.Hint{Number: key}) })
					s.busy(func() error { _, err := s.Enroller.Return(s.ctx, key, "link", false); return err })
				}
				return s.Bank.Charge(s.ctx, charge)
			}
			s.until(c.date.Add(-time.Minute))
			if next := s.read().NextKey; next.Asks < 4 {
				t.Fatalf("asked %d times", next.Asks)
			}
			s.until(c.date.Add(2 * time.Hour))
			if got := s.read(); got.Key.N != 2 || got.Status != subscription.Active && got.Status != subscription.PastDue {
				t.Errorf("key %d, %s, next key %+v\n%s", got.Key.N, got.Status, got.NextKey, s.story())
			}
		})
	}
}

// busy does something whose wait for a charge's lease is in vain.
func (s *stage) busy(do func() error) {
	wait := s.Enroller.Wait
	s.Enroller.Wait = waitOver
	if err := do(); err != nil {
		s.t.Error(err)
	}
	s.Enroller.Wait = wait
}

// TestWrongMoneyOfAnEarlierNumber: a buyer pays another amount under a number that is over, when the next attempt has not been made. When the
// money is back that attempt is still to be made: with the means of the day, and not in doubt for ever.
func TestWrongMoneyOfAnEarlierNumber(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	for range 5 {
		s.PortOne.DeclineNext("CARD_NOT_ENOUGH_BALANCE 잔고 부족")
	}
	s.Pass("9d")
	s.register(s.windowOf(id+"--c1--2", "1000"))
	s.Pass("1d")
	if o := s.Stored(id + "--c1"); o.Status != order.Open || o.Attempt != 6 || len(o.Reversals) != 1 || o.Owed() != nil {
		t.Fatalf("%s at attempt %d, %+v", o.Status, o.Attempt, o.Reversals)
	}
	s.register(s.must(200, "/renew-key", "").Window)
	s.Pass("1h")
	got, o := s.read(), s.Stored(id+"--c1")
	if got.Status != "active" || o.Status != order.Paid || o.Capture.Attempt != 6 || o.BillingKey != got.Means.Key || got.Means.Key != id+"--key2" {
		t.Errorf("%s with %s; the cycle is %s at attempt %d with %s", got.Status, got.Means.Key, o.Status, o.Capture.Attempt, o.BillingKey)
	}
}

// TestPauseByASlowClock: the clock of the merchant's door is behind the worker's, so that a pause seems to begin before the date of the cycle
// that is being charged. The cycle keeps its date, and the one after it is not left out.
func TestPauseByASlowClock(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(_ string, _ int) string {
		if s.now.Before(due(1)) {
			return "CARD_NOT_ENOUGH_BALANCE"
		}
		return ""
	}
	s.Hook = once(func(c soak.Call) bool { return c.Op == "charge" && !c.After }, func() error {
		now := s.now
		s.now = due(0).Add(-2 * time.Minute)
		_, err := s.Enroller.Pause(s.ctx, id)
		s.now = now
		return err
	})
	s.now = due(0).Add(30 * time.Second)
	s.tick()
	s.now = due(1).Add(10 * day) // a date went by in the pause
	if _, err := s.Enroller.Resume(s.ctx, id); err != nil {
		t.Fatal(err)
	}
	s.until(due(2).Add(day))
	if s.captured(1) != 1 || s.captured(2) != 1 {
		t.Errorf("%d captures of cycle 1, %d of cycle 2\n%s", s.captured(1), s.captured(2), s.story())
	}
}

// TestResumeAfterAnOutage: what was suspended because a bank was closed for longer than the timetable goes on with the means it has; what
// was suspended because the means is gone does not.
func TestResumeAfterAnOutage(t *testing.T) {
	t.Parallel()
	for code, resumes := range map[string]bool{
		"COMMON_BREAK_TIME_OF_BANK": true, "CARD_NOT_ENOUGH_BALANCE": true, "PAYMENT_SHOP_STATE_NOT_NORMAL": true, "CARD_NOT_AVAILABLE": false, "COMMON_BILLING_KEY_NOT_FOUND": false,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.Bank.Outcome = func(string, int) string {
				if s.now.Before(due(0).Add(10 * day)) {
					return code
				}
				return ""
			}
			s.until(due(0).Add(10 * day))
			if got := s.read(); got.Status != subscription.Suspended {
				t.Fatal(got.Status)
			}
			_, err := s.Enroller.Resume(s.ctx, id)
			if resumes != (err == nil) {
				t.Fatalf("resumed: %v", err)
			}
			s.until(due(1).Add(time.Hour))
			want, captures := subscription.Suspended, 0
			if resumes {
				want, captures = subscription.Active, 2
			}
			if got := s.read(); got.Status != want || s.captures() != captures {
				t.Errorf("%s, %d captures, want %s, %d\n%s", got.Status, s.captures(), want, captures, s.story())
			}
		})
	}
}

// TestResumeAfterAWriteOff: a cycle that was given up stays so; the dates after it are charged again.
func TestResumeAfterAWriteOff(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(number string, _ int) string {
		if number == id+"--c1" || number == id+"--c1--2" {
			return "CARD_NOT_AVAILABLE"
		}
		return ""
	}
	s.until(due(0).Add(100 * day))
	if got := s.read(); got.Status != subscription.Suspended || got.Cycle != 2 {
		t.Fatalf("%s at cycle %d\n%s", got.Status, got.Cycle, s.story())
	}
	if _, err := s.Enroller.Resume(s.ctx, id); err != nil {
		t.Fatal(err)
	}
	s.until(due(5).Add(-time.Hour))
	if got := s.read(); got.Status != subscription.Active || s.captured(1) != 0 || s.captured(2) != 1 || s.captured(3) != 0 {
		t.Errorf("%s at cycle %d, %d captures\n%s", got.Status, got.Cycle, s.captures(), s.story())
	}
}

// TestNewsAtTheEnd: a webhook of money that went back long ago comes when a cycle's time is just over, and its visit looks up
// every number. Whether the order may end only the schedule knows, and it had nothing left to ask: so it wrote nothing, and
// the order was taken up every five minutes for ever.
func TestNewsAtTheEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	refusing("CARD_NOT_AVAILABLE")(s)
	s.until(due(0).Add(time.Hour))
	s.Bank.Charge(s.ctx, provider.Charge{BillingKey: id + "--key1", Number: id + "--c1--2", Amount: price / 2})
	hint := provider.Hint{Number: id + "--c1--2", Key: "imps_000000000002"}
	if err := s.Doors.Hear(s.ctx, "portone", hint); err != nil {
		t.Fatal(err)
	}
	over := s.cycle(1).ExpiresAt.Add(order.OpenGrace)
	s.until(over.Add(-time.Minute))
	if o := s.cycle(1); o.Status != order.Open || o.Owed() != nil || len(o.Reversals) != 1 {
		t.Fatalf("%s, reversals %+v", o.Status, o.Reversals)
	}
	s.now = over.Add(time.Second)
	if err := s.Doors.Hear(s.ctx, "portone", hint); err != nil {
		t.Fatal(err)
	}
	s.until(over.Add(12 * time.Hour))
	if o := s.cycle(1); o.Status != order.Expired || !o.Final() {
		t.Errorf("%s, due %v, now %v, End %q", o.Status, o.DueAt, s.now, o.Ledger.End)
	}
}
