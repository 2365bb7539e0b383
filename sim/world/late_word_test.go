package world_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/sim/world"
)

// twoWindows lets two windows of one number capture, which PortOne does not rule out.
func twoWindows(o *world.Options) { o.PortOne.TwoWindowsCapture = true }

// TestSecondWindowWhileLookupsAreDown: an order is paid, and another window captures. PortOne's one webhook of it comes in the ten seconds in
// which no lookup is answered. The second payment goes back all the same, whether its buyer returns or not.
func TestSecondWindowWhileLookupsAreDown(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"an earlier number", "the same number"} {
		for _, comesBack := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, the buyer returns %v", number, comesBack), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t, twoWindows)
					b := x.Order("portone", "order-1", 24*time.Hour)
					second := x.tab(b)
					if number == "an earlier number" {
						x.Get(x.presses(second, x.OpenWindow(second), "fail"))
					}
					first := x.tab(b)
					session := x.OpenWindow(second)
					x.Get(x.approves(first))
					x.audit("order-1", "paid", 1)
					x.Pass("1m")
					back := x.presses(second, session, "approve")
					x.fault("portone", "*", "http-500", 1000)
					x.Pass("5s")
					if comesBack {
						x.Get(back)
					}
					x.Pass("5s")
					x.fault("portone", "*", "none", 1)
					x.Pass("30d")
					x.audit("order-1", "paid", 2)
				})
			})
		}
	}
}

// TestLookupsBehindTheWebhook: PortOne's lookups stand behind its webhooks. The first tab's number is captured and its webhook comes, and the
// lookups do not show it yet; meanwhile the buyer pays the next number in the second tab. No webhook is lost, and one payment is kept.
func TestLookupsBehindTheWebhook(t *testing.T) {
	t.Parallel()
	for _, lag := range []string{`"lookups":"5s"`, `"lookups":"5s","lists":"20s"`, `"lookups":"4m"`, `"lists":"4m"`} {
		for _, opened := range []string{"before", "now"} {
			t.Run(lag+" opened "+opened, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t)
					b := x.Order("portone", "order-1", 24*time.Hour)
					first := x.tab(b)
					x.Get(x.presses(first, x.OpenWindow(first), "fail"))
					second := x.tab(b)
					session := ""
					if opened == "before" {
						session = x.OpenWindow(first)
						x.Pass("10m")
					}
					x.control("/sim/lag", `{"provider":"portone",`+lag+`}`)
					if session == "" {
						session = x.OpenWindow(first)
					}
					x.presses(first, session, "approve")
					x.Pass("2s") // the webhook is here
					x.Get(x.approves(second))
					x.Pass("1d")
					x.control("/sim/lag", `{"provider":"portone"}`)
					captures, _ := x.money("order-1")
					x.audit("order-1", "paid", captures)
				})
			})
		}
	}
}

// TestSecondWindowThatNobodyTellsOf: two windows are open when one of them pays the order. The other one captures later, its webhook is lost, and
// its buyer never comes back. The order's numbers are looked up once more when no window of then can take money any more, and the money goes back;
// also when nothing can be looked up at that time.
func TestSecondWindowThatNobodyTellsOf(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"an earlier number", "the same number"} {
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, lookups down %v", number, down), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t, twoWindows)
					b := x.Order("portone", "order-1", 24*time.Hour)
					second := x.tab(b)
					if number == "an earlier number" {
						x.Get(x.presses(second, x.OpenWindow(second), "fail"))
					}
					first := x.tab(b)
					session := x.OpenWindow(second)
					x.Get(x.approves(first))
					x.audit("order-1", "paid", 1)
					x.Pass("10m")
					x.fault("portone", "webhook", "refuse-connection", 1)
					x.presses(second, session, "approve")
					if down {
						x.fault("portone", "payment", "http-500", 1000)
						x.fault("portone", "find-all", "http-500", 1000)
					}
					x.Pass("70m")
					x.fault("portone", "*", "none", 1)
					x.Pass("1h")
					x.audit("order-1", "paid", 2)
				})
			})
		}
	}
}
