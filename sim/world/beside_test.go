package world_test

import (
	"net/http"
	"strings"
	"testing"

	"tosspay-sam/sim/world"
)

// beside is another deployment on the same merchant account, with a table of its own.
func (x *outside) beside() *outside {
	x.t.Helper()
	return newOutside(x.t, func(o *world.Options) { o.Beside = x.own() })
}

// TestTwoTablesOnOneAccount: two stacks on one merchant account, or a new table on an old one, meet in an order's id. What the first was paid does not
// pay the second one's order, whether it was opened before or after, and the second never gives it back.
func TestTwoTablesOnOneAccount(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			fakeTime(t, func(t *testing.T) {
				first := sold(t, provider)
				first.pass("2h")
				second := first.beside()
				second.order(provider, "order-1", "24h")
				if got := second.read("order-1"); got.Status != "open" {
					t.Fatalf("the second one's order is %s", got.Status)
				}
				second.pass("3d")
				if got := second.read("order-1"); got.Status != "expired" {
					t.Errorf("the second one's order is %s, want expired", got.Status)
				}
				first.pass("1h")
				first.wantKept("after the second one's order has ended", "paid", outsidePrice)
			})
		})
	}
}

// TestNumberOfAnotherSystem: PortOne knows the number with another amount. That is said at once, as a fact that does not change.
func TestNumberOfAnotherSystem(t *testing.T) {
	t.Parallel()
	fakeTime(t, func(t *testing.T) {
		first := sold(t, "portone")
		second := first.beside()
		for range 2 {
			r := second.send(http.MethodPost, outsideBase+"/orders", jsonType,
				`{"orderId":"order-1","provider":"portone","amount":900,"currency":"KRW","name":"T-shirt"}`)
			if r.status != http.StatusConflict || !strings.Contains(r.body, `"ORDER_TAKEN"`) || !strings.Contains(r.body, `"orderId"`) {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
		if got := second.read("order-1"); got.Status != "failed" || got.CheckoutURL == "" {
			t.Errorf("the order is %s", got.Status)
		} else if window := second.tab(got); window != nil {
			t.Error("its page opens a window")
		}
		second.pass("8d")
		first.wantKept("beside it", "paid", outsidePrice)
	})
}
