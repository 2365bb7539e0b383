package world_test

import (
	"strings"
	"testing"

	"tosspay-sam/sim/world"
)

// TestGatewaysOwnWord: PortOne calls the gateway of a payment otherwise than the documentation lets expect. The MID is ours, so the payment is
// kept; the word stands in the evidence.
func TestGatewaysOwnWord(t *testing.T) {
	t.Parallel()
	fakeTime(t, func(t *testing.T) {
		x := newOutside(t, func(o *world.Options) { o.PortOne.PGProvider = "tosspay" })
		b := x.order("portone", "order-1", "24h")
		if got := x.title(x.approves(x.tab(b))); got != townPaid {
			t.Errorf("the page says %q", got)
		}
		x.pass("1d")
		x.audit("order-1", "paid", 1)
		if body := x.get(outsideBase + "/orders/order-1").body; !strings.Contains(body, "paid at tosspay") {
			t.Errorf("the evidence does not tell: %s", body)
		}
	})
}
