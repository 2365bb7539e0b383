package world_test

import (
	"testing"
	"time"

	"tosspay-sam/sim/testbed"
)

// TestReturnFromTheFirstTab: the payment page is open in two tabs. One declines, and the order goes on to the next number. The other approves
// the first number and comes back, and its webhook is lost. That number has paid the order, and nobody is asked to pay again.
func TestReturnFromTheFirstTab(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(address string) string{
		"both":         func(address string) string { return address },
		"number only":  func(address string) string { return testbed.Edited(address, "imp_uid", "-") },
		"imp_uid only": func(address string) string { return testbed.Edited(address, "merchant_uid", "-") },
		"another number": func(address string) string {
			return testbed.Edited(address, "merchant_uid", "order-1--2")
		},
		"reported as failed": func(address string) string { return testbed.Edited(address, "error_code", "F400") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				b := x.Order("portone", "order-1", 24*time.Hour)
				first := x.tab(b)
				second := x.tab(b)
				x.Get(x.presses(second, x.OpenWindow(second), "fail"))
				if got := x.ReadOrder("order-1"); got.Status != "open" || got.Attempt != 2 {
					t.Fatalf("the second tab was declined: %s in attempt %d", got.Status, got.Attempt)
				}
				x.fault("portone", "webhook", "refuse-connection", 1)
				back := edit(x.approves(first)) // his page still opens the first number
				if got := x.Get(back).Title(); got != paidPage {
					t.Errorf("the money is taken, and the page says %q", got)
				}
				if again := x.tab(b); again != nil {
					x.approves(again) // he does as the page tells him
				}
				x.Pass("1d")
				x.audit("order-1", "paid", 1)
			})
		})
	}
}
