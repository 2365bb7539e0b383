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
		b := x.order("portone", "order-1", "24h")
		first := x.tab(b)
		x.get(x.presses(first, x.opens(first), "fail"))
		second := x.tab(b)
		address, _ := second["m_redirect_url"].(string)
		session := x.opens(second)
		x.get(address + "?merchant_uid=order-1--2") // back from the window, and it is still at work
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
		x.get(testbed.Edited(back, "imp_uid", "-"))
		<-asked
		x.pass("3m")
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
				b := x.order("toss", "order-1", "24h")
				x.control("/sim/lag", `{"provider":"toss","lookups":"`+lag+`"}`)
				x.fault("toss", "confirm", "lose-reply", 1000)
				back := x.card(x.tab(b), "approve")
				x.get(back)
				for range 16 {
					x.pass("1m")
					if again := x.tab(b); again != nil && x.read("order-1").Status == "open" {
						t.Errorf("the money is taken, and the page invites to pay again")
						break
					}
					x.get(back)
				}
				x.pass("1d")
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
		b := x.order("toss", "order-1", "2h")
		window := x.tab(b)
		x.get(x.card(window, "reject"))
		x.pass("10m")
		x.control("/sim/lag", `{"provider":"toss","lookups":"3m"}`)
		x.fault("toss", "confirm", "lose-reply", 1)
		x.fault("toss", "find", "lose-reply", 1)
		x.get(x.card(window, "approve"))
		x.pass("10s")
		if got := x.read("order-1"); got.Status == "open" {
			t.Errorf("the money is taken, and the order is open in attempt %d", got.Attempt)
		}
		x.pass("12h")
		x.audit("order-1", "paid", 1)
	})
}
