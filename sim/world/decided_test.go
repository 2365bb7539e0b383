package world_test

import (
	"context"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/sim/world"
)

// TestDecisionUnderLateMoney: a person ends a review, and with it the order's other payment gets its role. It came when the order was no longer to be
// paid, and LateMoney says what becomes of it, as everywhere else.
func TestDecisionUnderLateMoney(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for keeps, want := range map[bool]string{true: "paid", false: "failed"} {
		x := newOutside(t, func(o *world.Options) { o.KeepLate = keeps })
		x.Order("toss", "order-1", 24*time.Hour)
		store := x.own().Store
		o, err := store.Get(ctx, "order-1")
		if err != nil {
			t.Fatal(err)
		}
		l := o.Ledger
		l.Revision, l.End, l.Why = l.Revision+1, ledger.EndReview, "a test"
		captured := ledger.Payment{Attempt: 1, State: ledger.Captured, Currency: "KRW", Test: true, ApprovedAt: time.Now(), KnownAt: time.Now(), SeenAt: time.Now()}
		wrong, right := captured, captured
		wrong.Key, wrong.Amount, wrong.Balance, wrong.Role, wrong.Reason = "key-9", 100, 100, ledger.Surplus, ledger.Mismatch
		right.Key, right.Amount, right.Balance = "key-1", price, price
		l.Payments = []ledger.Payment{right, wrong}
		if _, err := store.Save(ctx, o.With(l, time.Now())); err != nil {
			t.Fatal(err)
		}
		r := x.Post("/orders/order-1/resolve", `{"decision":"give-back","payment":"key-9","reason":"seen in the console"}`)
		if got := x.Sale(r).Status; string(got) != want {
			t.Errorf("LateMoney accepts %v: the order is %s, want %s: %s", keeps, got, want, r.Body)
		}
	}
}
