package world_test

import (
	"net/http"
	"strings"
	"testing"

	"tosspay-sam/sim/world"
)

// TestNumberOfAnotherSystemFoundLater: PortOne gives no answer to the first registration, and says to the repeated request that the number has another
// amount. The order stayed open then, and what the other system's buyer paid later was given back to him.
func TestNumberOfAnotherSystemFoundLater(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"http-500", "refuse-connection", "lose-reply"} {
		fakeTime(t, func(t *testing.T) {
			first := newOutside(t, func(*world.Options) {})
			theirs := first.order("portone", "order-1", "24h")
			second := first.beside()
			second.fault("portone", "prepare", kind, 1)
			for _, want := range []int{http.StatusServiceUnavailable, http.StatusConflict, http.StatusConflict} {
				r := second.send(http.MethodPost, outsideBase+"/orders", jsonType,
					`{"orderId":"order-1","provider":"portone","amount":900,"currency":"KRW","name":"T-shirt"}`)
				if r.status != want || want == http.StatusConflict && !strings.Contains(r.body, `"ORDER_TAKEN"`) {
					t.Errorf("%s: %d %s", kind, r.status, r.body)
				}
			}
			second.pass("10m")
			first.pays("portone", theirs)
			second.pass("8d")
			first.wantKept("beside it, "+kind, "paid", outsidePrice)
			if got := second.read("order-1"); got.Status != "failed" {
				t.Errorf("%s: the order is %s", kind, got.Status)
			}
		})
	}
}
