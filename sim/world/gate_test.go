package world_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"tosspay-sam/sim/world"
)

// gated lets PortOne ask before an order's window captures. Two windows of one number may both capture, which PortOne does not rule out, and its
// second lock, the registered amount, is open: what the gate does not stop is taken.
func gated(o *world.Options) {
	o.ConfirmGate, o.PortOne.TwoWindowsCapture, o.PortOne.IgnorePrepare = true, true, true
}

const gatePath = "/gate/portone/"

// stopped checks that a window ended without a payment, and what it told the buyer.
func (x *outside) stopped(back, reason string) {
	x.t.Helper()
	if got := arg(back, "error_msg"); arg(back, "error_code") == "" || !strings.Contains(got, reason) {
		x.t.Errorf("the window ended with %q %q, want a reason with %q", arg(back, "error_code"), got, reason)
	}
}

// TestGateLeavesNothingToGiveBack: with the gate on, what else is captured and given back is never captured.
func TestGateLeavesNothingToGiveBack(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		buy      func(x *outside, b bill)
		status   string
		captures int
	}{
		{"one window", func(x *outside, b bill) {
			x.get(x.approves(x.tab(b)))
			x.audit("order-1", "paid", 1)
		}, "paid", 1},
		{"the second tab, declined in the other one", func(x *outside, b bill) {
			first, second := x.tab(b), x.tab(b)
			session := x.opens(first)
			x.get(x.presses(second, x.opens(second), "fail"))
			back := x.presses(first, session, "approve")
			x.stopped(back, "out of date")
			x.get(back)
			x.get(x.approves(x.tab(b)))
		}, "paid", 1},
		{"two windows of one number", func(x *outside, b bill) {
			first, second := x.tab(b), x.tab(b)
			session := x.opens(second)
			back := x.approves(first)
			x.stopped(x.presses(second, session, "approve"), "do not pay again")
			x.get(back)
		}, "paid", 1},
		{"two windows, the first one's buyer is back", func(x *outside, b bill) {
			first, second := x.tab(b), x.tab(b)
			session := x.opens(second)
			x.get(x.approves(first))
			back := x.presses(second, session, "approve")
			x.stopped(back, "paid already")
			if title := x.title(back); title != townPaid {
				x.t.Errorf("the order is paid, and the page says %q", title)
			}
		}, "paid", 1},
		{"two windows, no webhook and no return", func(x *outside, b bill) {
			first, second := x.tab(b), x.tab(b)
			session := x.opens(second)
			x.fault("portone", "webhook", "refuse-connection", 10)
			x.approves(first)
			x.pass("10m")
			x.presses(second, session, "approve")
		}, "paid", 1},
		{"another amount", func(x *outside, b bill) {
			window := x.tab(b)
			edited := maps.Clone(window)
			edited["amount"] = float64(100)
			back := x.approves(edited)
			x.stopped(back, "not that of your order")
			x.get(back)
			x.get(x.approves(x.tab(b)))
		}, "paid", 1},
		{"another amount, changed in the open window", func(x *outside, b bill) {
			window := x.tab(b)
			form := x.form(window, "outcome", "approve", "session", x.opens(window), "tamperAmount", "100")
			back := x.send(http.MethodPost, outsideBase+"/sim/portone/window", formType, form.Encode()).location
			x.stopped(back, "not that of your order")
			x.get(back)
		}, "expired", 0},
		{"late", func(x *outside, b bill) {
			window := x.tab(b)
			session := x.opens(window)
			x.pass("11m")
			back := x.presses(window, session, "approve")
			x.stopped(back, "time to pay")
			x.get(back)
		}, "expired", 0},
		{"declined, and again", func(x *outside, b bill) {
			window := x.tab(b)
			x.get(x.presses(window, x.opens(window), "fail"))
			x.get(x.approves(x.tab(b)))
		}, "paid", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fakeTime(t, func(t *testing.T) {
				x := newOutside(t, gated)
				b := x.order("portone", "order-1", "10m")
				tc.buy(x, b)
				x.pass("2d")
				x.audit("order-1", tc.status, tc.captures)
				x.nothingBack()
			})
		})
	}
}

// nothingBack: no money was given back.
func (x *outside) nothingBack() {
	x.t.Helper()
	if r := x.get(outsideBase + "/sim/ledger"); strings.Contains(r.body, `"cancel"`) {
		x.t.Errorf("money was given back: %s", r.body)
	}
}
