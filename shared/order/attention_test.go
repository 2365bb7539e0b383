package order_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// TestRefundNeedsAttention: a merchant's refund that is not made for an hour is on the list of what a person should look
// at, though its order is paid.
func TestRefundNeedsAttention(t *testing.T) {
	t.Parallel()
	o := fresh()
	l := o.Ledger
	l.Payments = []ledger.Payment{{Key: "key-1", Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW", Role: ledger.Kept, KnownAt: made, SeenAt: made}}
	l.Requests = []ledger.Request{{Kind: ledger.Cancel, Attempt: 1, Key: "key-1", RefundID: "r1", Amount: 5000, At: made, Since: made}}
	o = o.With(l, made)
	for age, want := range map[time.Duration]string{time.Hour - time.Second: "", time.Hour: order.AttentionOverdue} {
		if got := o.Attention(made.Add(age)); o.Status != order.Paid || got != want {
			t.Errorf("a refund of %v, the order %s: %q, want %q", age, o.Status, got, want)
		}
	}
	l.Requests[0].Outcome = ledger.Done
	if got := o.With(l, made).Attention(made.Add(time.Hour)); got != "" {
		t.Errorf("it is made, and still %q", got)
	}
}
