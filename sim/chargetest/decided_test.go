package chargetest_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// TestNewsAtTheEnd: a webhook of money that went back long ago comes when a cycle's time is just over, and its visit looks up every number. Whether the
// order may end only the schedule knows, and it had nothing left to ask: so it wrote nothing, and the order was taken up every five minutes for ever.
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
