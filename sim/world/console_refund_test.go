package world_test

import (
	"fmt"
	"testing"
)

// TestRefundBesideALargerConsoleRefund: a refund that is not sent yet is not made because the console refunds as much or more.
func TestRefundBesideALargerConsoleRefund(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint(provider, first), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					x := sold(t, provider)
					w := x.own()
					cancel := map[string]func(string, int64) error{"toss": w.Toss.ConsoleCancel, "portone": w.PortOne.ConsoleCancel}[provider]
					key, ask := x.ReadOrder("order-1").Payment.Key, func() { x.refund("order-1", `{"refundId":"r1","amount":5000}`) }
					if !first {
						ask()
					}
					if err := cancel(key, 6000); err != nil {
						t.Fatal(err)
					}
					if first {
						ask()
					}
					x.Pass("3h")
					r, _ := x.refund("order-1", `{"refundId":"r1","amount":5000}`)
					if _, kept := x.money("order-1"); r.Outcome == "done" && kept != 4000 {
						t.Errorf("r1 of 5000 is %q; 6000 went back in the console, and %d are kept", r.Outcome, kept)
					}
				})
			})
		}
	}
}
