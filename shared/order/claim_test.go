package order_test

import (
	"errors"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
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

// TestOrderNamesTheMeansOfItsLastCharge: what a refusal says is said of those means, not of the ones that the buyer has replaced before.
func TestOrderNamesTheMeansOfItsLastCharge(t *testing.T) {
	t.Parallel()
	cycle := fresh()
	cycle.BillingKey = "sub--key1"
	o := order.NewCycle(cycle, timing, made.Add(time.Minute))
	l := o.Ledger
	first := l.Requests[0]
	l = l.Learn(ledger.Answer{Account: l.Account, Began: made, At: made.Add(time.Second), To: &first, Readable: true, Reply: ledger.Refused, Code: "CODE"}).Decide()
	if o = o.With(l, made.Add(time.Second)); o.BillingKey != "sub--key1" || o.Attempt != 2 {
		t.Fatalf("number %d with %q", o.Attempt, o.BillingKey)
	}
	next, err := o.Ledger.Intend(ledger.Request{Kind: ledger.Charge, Attempt: 2, Key: "sub--key2", Amount: 15000, At: made.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if o = o.With(next, made.Add(time.Hour)); o.BillingKey != "sub--key2" {
		t.Errorf("number %d with %q", o.Attempt, o.BillingKey)
	}
}
