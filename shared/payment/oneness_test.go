package payment

import (
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

var noonOf2026 = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func asked() (order.Order, ledger.Request) {
	o := order.New(order.Order{ID: "order-1", Amount: money.Amount{Value: 15000, Currency: money.KRW}, CreatedAt: noonOf2026, ExpiresAt: noonOf2026.Add(time.Hour)})
	o.Ledger.Payments = []ledger.Payment{{Key: "key-own", Attempt: 2, State: ledger.Captured, Role: ledger.Surplus, Reason: ledger.Mismatch}}
	return o, ledger.Request{Kind: ledger.Confirm, Attempt: 2, Key: "key-own", Turn: 3, Amount: 15000, Balance: 15000, At: noonOf2026, Since: noonOf2026}
}

// TestConfirmIsOneRequest: every copy of one confirm has the same idempotency key, also when it is written with other times and after other answers,
// and no other request has it.
func TestConfirmIsOneRequest(t *testing.T) {
	t.Parallel()
	base := confirmOf(asked())
	copied, again := asked()
	copied.Revision, copied.AskAfter = 9, noonOf2026.Add(time.Hour)
	again.At, again.Reply, again.LookedAt = noonOf2026.Add(time.Minute), ledger.Busy, noonOf2026.Add(time.Minute)
	if other := confirmOf(copied, again); other != base || base.Amount != 15000 || base.Number != "order-1--2" || base.Key != "key-own" {
		t.Errorf("the same confirm came out as %+v and %+v", base, other)
	}
	differ(t, base.IdempotencyKey, func(o order.Order, r ledger.Request) string { return confirmOf(o, r).IdempotencyKey }, cancelOf(asked()).IdempotencyKey)
}

// TestCancelIsOneRequest: a cancel names the whole of what is left, so that it cannot be carried out twice, and every copy of it is the same request.
func TestCancelIsOneRequest(t *testing.T) {
	t.Parallel()
	base := cancelOf(asked())
	o, again := asked()
	o.Ledger.Payments[0].SeenAt = noonOf2026.Add(time.Hour)
	if other := cancelOf(o, again); other != base || base.Key != "key-own" || base.Amount != 15000 || base.Balance != 15000 || base.Reason == "" {
		t.Errorf("the same cancel came out as %+v and %+v", base, other)
	}
	seen := differ(t, base.IdempotencyKey, func(o order.Order, r ledger.Request) string { return cancelOf(o, r).IdempotencyKey }, confirmOf(asked()).IdempotencyKey)
	for _, id := range []string{"r1", "r2", "mismatch", "surplus"} {
		o, r := asked()
		r.RefundID = id
		if key := cancelOf(o, r).IdempotencyKey; seen[key] != "" {
			t.Errorf("the merchant's refund %s has the idempotency key of another %s", id, seen[key])
		} else {
			seen[key] = "refund " + id
		}
	}
}

// differ compares the idempotency keys of requests that are not the same.
func differ(t *testing.T, base string, keyOf func(order.Order, ledger.Request) string, other string) map[string]string {
	t.Helper()
	seen := map[string]string{base: "base", other: "kind of request"}
	for name, edit := range map[string]func(*order.Order, *ledger.Request){
		"order":   func(o *order.Order, _ *ledger.Request) { o.ID = "order-2" },
		"turn":    func(_ *order.Order, r *ledger.Request) { r.Turn++ },
		"payment": func(_ *order.Order, r *ledger.Request) { r.Key = "key-two" },
		"number":  func(o *order.Order, r *ledger.Request) { r.Attempt, r.Key = 3, "key-three" },
		"long id": func(o *order.Order, r *ledger.Request) {
			o.ID, r.Key = strings.Repeat("a", 40), strings.Repeat("k", 200)
		},
	} {
		o, r := asked()
		edit(&o, &r)
		key := keyOf(o, r)
		if taken := seen[key]; taken != "" {
			t.Errorf("another %s has the idempotency key of %s", name, taken)
		}
		if seen[key] = name; len(key) > 300 {
			t.Errorf("idempotency key of %d characters", len(key))
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d keys", len(seen))
	}
	return seen
}
