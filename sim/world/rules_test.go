package world_test

import (
	"testing"
	"time"

	"tosspay-sam/sim/testbed"
)

// TestReturnWhileTheNextNumberIsAskedAbout: the order is processing under number 2, and the schedule has asked about number 1 and has its answer
// on the way, when number 1 is captured, its webhook lost, and its buyer comes back with a redirect that names the number only. The answer is
// older than that. The second capture goes back within minutes, and not when somebody happens to look again.
func TestReturnWhileTheNextNumberIsAskedAbout(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t)
		b := x.Order("portone", "order-1", 24*time.Hour)
		first := x.tab(b)
		x.Get(x.presses(first, x.OpenWindow(first), "fail"))
		second := x.tab(b)
		address, _ := second["m_redirect_url"].(string)
		session := x.OpenWindow(second)
		x.Get(address + "?merchant_uid=order-1--2") // back from the window, and it is still at work
		x.fault("portone", "webhook", "refuse-connection", 2)
		x.presses(second, session, "approve")
		time.Sleep(31 * time.Second)
		x.control("/sim/faults", `{"provider":"portone","operation":"find-all","fault":"delay","delay":"3s","moment":"after"}`)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			x.control("/sim/advance", `{"orderId":"order-1"}`)
		}()
		time.Sleep(time.Second)
		back := x.approves(first)
		x.Get(testbed.Edited(back, "imp_uid", "-"))
		<-asked
		x.Pass("3m")
		x.audit("order-1", "paid", 2)
	})
}

// TestTossLookupsBehindTheConfirm: Toss Payments takes the money, every reply to the confirm is lost, and for minutes no lookup knows the payment.
// The order is not opened again: the buyer would pay twice.
func TestTossLookupsBehindTheConfirm(t *testing.T) {
	t.Parallel()
	for _, lag := range []string{"2m", "5m", "10m"} {
		t.Run(lag, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				b := x.Order("toss", "order-1", 24*time.Hour)
				x.control("/sim/lag", `{"provider":"toss","lookups":"`+lag+`"}`)
				x.fault("toss", "confirm", "lose-reply", 1000)
				back := x.Card(x.tab(b), "approve")
				x.Get(back)
				for range 16 {
					x.Pass("1m")
					if again := x.tab(b); again != nil && x.ReadOrder("order-1").Status == "open" {
						t.Errorf("the money is taken, and the page invites to pay again")
						break
					}
					x.Get(back)
				}
				x.Pass("1d")
				x.audit("order-1", "paid", 1)
			})
		})
	}
}

// TestTossWebhookBehindARejectedTab: a card was rejected in one tab, and another tab's payment is taken while the reply to the confirm is lost. The
// webhook comes before the lookups know of it: by its key it is not found, and its number shows the rejected one. That says nothing of the one
// that was claimed: the order is not opened again.
func TestTossWebhookBehindARejectedTab(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t)
		b := x.Order("toss", "order-1", 2*time.Hour)
		window := x.tab(b)
		x.Get(x.Card(window, "reject"))
		x.Pass("10m")
		x.control("/sim/lag", `{"provider":"toss","lookups":"3m"}`)
		x.fault("toss", "confirm", "lose-reply", 1)
		x.fault("toss", "find", "lose-reply", 1)
		x.Get(x.Card(window, "approve"))
		x.Pass("10s")
		if got := x.ReadOrder("order-1"); got.Status == "open" {
			t.Errorf("the money is taken, and the order is open in attempt %d", got.Attempt)
		}
		x.Pass("12h")
		x.audit("order-1", "paid", 1)
	})
}
