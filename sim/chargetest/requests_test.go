package chargetest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/sim/soak"
)

// TestChargeSaysUntilWhen: a charge carries the time until which it may leave, a minute after it was written: whoever sends it may stand still
// between our last look at the clock and its own.
func TestChargeSaysUntilWhen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var notAfter []time.Time
	s.Take = func(c provider.Charge) provider.Answer {
		notAfter = append(notAfter, c.NotAfter)
		return s.Bank.Charge(s.ctx, c)
	}
	s.until(due(0).Add(time.Hour))
	if want := s.cycle(1).CreatedAt.Add(ledger.ChargeSendMax); len(notAfter) != 1 || !notAfter[0].Equal(want) {
		t.Errorf("may leave until %v, want %v", notAfter, want)
	}
}

// TestNoTimeLeftAfterTheLook: the looks before a further charge have taken the worker's time. The charge is not written, so nothing is in doubt, and
// another worker sends it.
func TestNoTimeLeftAfterTheLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		refusing("CARD_NOT_ENOUGH_BALANCE")(s)
		s.until(due(0).Add(2 * time.Hour))
		if o := s.cycle(1); o.Status != order.Open || o.Attempt != 2 {
			t.Fatalf("%s in attempt %d", o.Status, o.Attempt)
		}
		s.now = s.read().ChargeAt
		s.Hook = func(c soak.Call) error {
			if c.Op == "find" && c.After {
				time.Sleep(payment.ChargeMax - payment.SettleKeep - 5*time.Second)
			}
			return nil
		}
		ctx, cancel := context.WithTimeout(s.ctx, payment.ChargeMax)
		defer cancel()
		if err := s.Worker.Work(ctx, payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 1}); err != nil {
			t.Error(err)
		}
		if o := s.cycle(1); o.Status != order.Open || len(s.Bank.Payments()) != 1 {
			t.Errorf("%s, and %d charges are sent: %+v", o.Status, len(s.Bank.Payments()), o.Ledger.Requests)
		}
		s.Hook = func(soak.Call) error { return nil }
		s.until(s.now.Add(3 * time.Hour))
		if n := s.captured(1); n != 1 {
			t.Errorf("%d captures", n)
		}
	})
}
