package world_test

import (
	"net/http"
	"strings"
	"testing"

	"tosspay-sam/sim/testbed"
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
			bubble(t, func(t *testing.T) {
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

// takes creates order-1 with another amount than everybody else.
func (x *outside) takes() reply {
	x.t.Helper()
	return x.send(http.MethodPost, outsideBase+"/orders", testbed.JSON,
		`{"orderId":"order-1","provider":"portone","amount":900,"currency":"KRW","name":"T-shirt"}`)
}

// TestNumberOfAnotherSystem: PortOne knows the number with another amount. That is said at once, as a fact that does not change.
func TestNumberOfAnotherSystem(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		first := sold(t, "portone")
		second := first.beside()
		for range 2 {
			r := second.takes()
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

// TestNumberOfAnotherSystemFoundLater: PortOne gives no answer to the first registration, and says to the repeated request that the number has another
// amount. The order stayed open then, and what the other system's buyer paid later was given back to him.
func TestNumberOfAnotherSystemFoundLater(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"http-500", "refuse-connection", "lose-reply"} {
		bubble(t, func(t *testing.T) {
			first := newOutside(t, func(*world.Options) {})
			theirs := first.order("portone", "order-1", "24h")
			second := first.beside()
			second.fault("portone", "prepare", kind, 1)
			for _, want := range []int{http.StatusServiceUnavailable, http.StatusConflict, http.StatusConflict} {
				r := second.takes()
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
