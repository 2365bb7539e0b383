package payment

import (
	"regexp"
	"testing"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// asking is a request under the second number of order-1.
func asking(k ledger.Kind, edits ...func(*ledger.Request)) ledger.Request {
	r := ledger.Request{Kind: k, Attempt: 2, Key: "key-1", Turn: 1, Amount: 15000, Balance: 15000}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

// TestConfirmsIdempotencyKey: it is as docs/providers.md writes it, and no other request has it. Toss Payments takes at most 300 characters (docs.tosspayments.com/reference, Idempotency-Key).
func TestConfirmsIdempotencyKey(t *testing.T) {
	t.Parallel()
	base := confirmOf(learning, asking(ledger.Confirm))
	if again := confirmOf(learning, asking(ledger.Confirm)); again != base {
		t.Errorf("the same request came out as %+v and %+v", base, again)
	}
	if base.Amount != 15000 || base.Number != "order-1--2" || base.Key != "key-1" {
		t.Errorf("asks for %+v", base)
	}
	if !regexp.MustCompile(`^confirm:order-1--2:1:[0-9a-f]{12}$`).MatchString(base.IdempotencyKey) {
		t.Errorf("idempotency key %q", base.IdempotencyKey)
	}
	other := learning
	other.ID = "order-2"
	seen := map[string]string{base.IdempotencyKey: "base"}
	for name, key := range map[string]string{
		"order":   confirmOf(other, asking(ledger.Confirm)).IdempotencyKey,
		"attempt": confirmOf(learning, asking(ledger.Confirm, func(r *ledger.Request) { r.Attempt = 3 })).IdempotencyKey,
		"turn":    confirmOf(learning, asking(ledger.Confirm, func(r *ledger.Request) { r.Turn = 2 })).IdempotencyKey,
		"payment": confirmOf(learning, asking(ledger.Confirm, func(r *ledger.Request) { r.Key = "key-2" })).IdempotencyKey,
		"cancel":  cancelOf(learning, asking(ledger.Cancel)).IdempotencyKey,
		"refund":  cancelOf(learning, asking(ledger.Cancel, func(r *ledger.Request) { r.RefundID = "surplus" })).IdempotencyKey,
	} {
		if was, taken := seen[key]; taken || len(key) > 300 {
			t.Errorf("another %s has the idempotency key %q of %s", name, key, was)
		}
		seen[key] = name
	}
}

// TestCancelOfOneRefund: the cancels of two refunds of one payment differ in their idempotency keys, and each says what must be left before it.
func TestCancelOfOneRefund(t *testing.T) {
	t.Parallel()
	of := func(id string, turn int) string {
		c := cancelOf(learning, asking(ledger.Cancel, func(r *ledger.Request) { r.RefundID, r.Turn, r.Amount = id, turn, 5000 }))
		if c.Amount != 5000 || c.Balance != 15000 {
			t.Errorf("asks for %d of %d", c.Amount, c.Balance)
		}
		return c.IdempotencyKey
	}
	if of("r1", 1) == of("r2", 1) || of("r1", 1) == of("r1", 2) {
		t.Error(of("r1", 1), of("r2", 1), of("r1", 2))
	}
}

// TestGoverned: what the deployment says of an order: which account money must have gone to, what becomes of late money, and how long its provider
// keeps things open; of a provider that is not offered any more nothing is ever given up.
func TestGoverned(t *testing.T) {
	t.Parallel()
	s := &Settler{KeepLate: true, Gateways: map[string]Gateway{"portone": {Account: "tosspay_v2.mid-1", Keys: "keys-1"}}}
	o := order.Order{Provider: "portone", Account: "keys-1"}
	if l := s.governed(o).Ledger; l.Account.Merchant != "mid-1" || !l.KeepLate {
		t.Errorf("%+v", l.Terms)
	}
	o.Account = "keys-0"
	if l := s.governed(o).Ledger; l.Account.Merchant != "" {
		t.Errorf("today's account is %q, and the order was made with another one", l.Account.Merchant)
	}
	o.Provider = "toss"
	if l := s.governed(o).Ledger; l.Timing != ledger.Endless {
		t.Errorf("%+v", l.Timing)
	}
}

// TestIssuanceIsNoPayment: whatever PortOne calls the state of an issuance of a billing key, no money was taken with it.
func TestIssuanceIsNoPayment(t *testing.T) {
	t.Parallel()
	shown := provider.Shown{Verdict: provider.Paid, Payment: provider.Payment{Key: "key-1", Number: "order-1", Amount: 15000, Balance: 15000, Issuance: true}}
	if l := learned(learning, ledger.Step{Do: ledger.LookUp, Attempt: 1}, provider.Answer{Verdict: provider.Paid, All: []provider.Shown{shown}}); len(l.Payments) > 0 {
		t.Errorf("%+v", l.Payments)
	}
}
