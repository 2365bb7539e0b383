package world_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// beside is another deployment on the same merchant account, with a table of its own.
func (x *outside) beside() *outside {
	x.T.Helper()
	return newOutside(x.T, func(o *world.Options) { o.Beside = x.own() })
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
				first.Pass("2h")
				second := first.beside()
				second.Order(provider, "order-1", 24*time.Hour)
				if got := second.ReadOrder("order-1"); got.Status != "open" {
					t.Fatalf("the second one's order is %s", got.Status)
				}
				second.Pass("3d")
				if got := second.ReadOrder("order-1"); got.Status != "expired" {
					t.Errorf("the second one's order is %s, want expired", got.Status)
				}
				first.Pass("1h")
				first.wantKept("after the second one's order has ended", "paid", price)
			})
		})
	}
}

// takes creates order-1 with another amount than everybody else.
func (x *outside) takes() testbed.Answer {
	x.T.Helper()
	return x.Post("/orders", `{"orderId":"order-1","provider":"portone","amount":900,"currency":"KRW","name":"T-shirt"}`)
}

// TestNumberOfAnotherSystem: PortOne knows the number with another amount. That is said at once, as a fact that does not change.
func TestNumberOfAnotherSystem(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		first := sold(t, "portone")
		second := first.beside()
		for range 2 {
			r := second.takes()
			if r.Status != http.StatusConflict || !strings.Contains(r.Body, `"ORDER_TAKEN"`) || !strings.Contains(r.Body, `"orderId"`) {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
		if got := second.ReadOrder("order-1"); got.Status != "failed" || got.CheckoutURL == "" {
			t.Errorf("the order is %s", got.Status)
		} else if window := second.tab(got); window != nil {
			t.Error("its page opens a window")
		}
		second.Pass("8d")
		first.wantKept("beside it", "paid", price)
	})
}

// TestNumberOfAnotherSystemFoundLater: PortOne gives no answer to the first registration, and says to the repeated request that the number has another
// amount. The order stayed open then, and what the other system's buyer paid later was given back to him.
func TestNumberOfAnotherSystemFoundLater(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"http-500", "refuse-connection", "lose-reply"} {
		bubble(t, func(t *testing.T) {
			first := newOutside(t, func(*world.Options) {})
			theirs := first.Order("portone", "order-1", 24*time.Hour)
			second := first.beside()
			second.fault("portone", "prepare", kind, 1)
			for _, want := range []int{http.StatusServiceUnavailable, http.StatusConflict, http.StatusConflict} {
				r := second.takes()
				if r.Status != want || want == http.StatusConflict && !strings.Contains(r.Body, `"ORDER_TAKEN"`) {
					t.Errorf("%s: %d %s", kind, r.Status, r.Body)
				}
			}
			second.Pass("10m")
			first.pays("portone", theirs)
			second.Pass("8d")
			first.wantKept("beside it, "+kind, "paid", price)
			if got := second.ReadOrder("order-1"); got.Status != "failed" {
				t.Errorf("%s: the order is %s", kind, got.Status)
			}
		})
	}
}
