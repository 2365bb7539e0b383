package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestRefundThatWaitedTooLong: a refund waits for another one at the provider, and the console refunds so much meanwhile that it is more than is left.
// It ends as denied, and what is left is refundable.
func TestRefundThatWaitedTooLong(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := paidTill(t)
		x.lose = 1
		if err := x.refund("r1", 5000); err != nil {
			t.Fatal(err)
		}
		if err := x.refund("r2", 8000); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		x.payments["key-1"].Balance -= 5000
		x.canceled("key-1", "order-1")
		for range 20 {
			if x.get().Due().IsZero() {
				break
			}
			x.toDue()
		}
		o := x.get()
		if r, _ := o.RefundOf("r2"); r.Outcome != ledger.Denied || o.Refundable() != x.left("key-1") || !o.Due().IsZero() {
			t.Errorf("%s, %d refundable, due %v\n%s", r.Outcome, o.Refundable(), o.Due().Sub(o.CreatedAt), show(o))
		}
	})
}
