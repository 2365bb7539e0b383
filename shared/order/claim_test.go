package order_test

import (
	"errors"
	"testing"
	"time"

	"tosspay-sam/shared/order"
)

// TestCycleIsItsWorkersToClaim: no redirect claims a cycle's order, not even one that was never charged: it is charged with the buyer's means, and by
// its worker alone.
func TestCycleIsItsWorkersToClaim(t *testing.T) {
	t.Parallel()
	cycle := fresh()
	cycle.BillingKey = "sub--key1"
	o := order.NewCycle(cycle, timing, made.Add(time.Minute))
	o.Ledger.Requests = nil
	o.Status = order.Open
	var refusal *order.Refusal
	if next, err := o.Claim(claimOf(o, made.Add(2*time.Minute))); !errors.As(err, &refusal) || refusal.Reason != order.WrongLink || len(next.Ledger.Requests) > 0 {
		t.Errorf("claimed: %v, %+v", err, next.Ledger.Requests)
	}
	if _, err := fresh().Claim(claimOf(fresh(), made.Add(2*time.Minute))); err != nil {
		t.Errorf("an order: %v", err)
	}
}
