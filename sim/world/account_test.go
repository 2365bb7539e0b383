package world_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// TestGatewaysOwnWord: PortOne calls the gateway of a payment otherwise than the documentation lets expect. The MID is ours, so the payment is
// kept; the word stands in the evidence.
func TestGatewaysOwnWord(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		x := newOutside(t, func(o *world.Options) {
			o.PortOne.PGProvider, o.Log = "tosspay", slog.New(slog.NewJSONHandler(&log, nil))
		})
		b := x.Order("portone", "order-1", 24*time.Hour)
		if got := x.Get(x.approves(x.tab(b))).Title(); got != paidPage {
			t.Errorf("the page says %q", got)
		}
		x.Pass("1d")
		x.audit("order-1", "paid", 1)
		if !strings.Contains(log.String(), "paid at tosspay") {
			t.Errorf("the log does not tell: %s", log.String())
		}
	})
}

// behind is another deployment in front of the same table and the same clock: what an operator's new keys make of the first.
func (x *outside) behind(edit func(*world.Options)) *outside {
	x.T.Helper()
	first := x.own()
	return newOutside(x.T, func(o *world.Options) {
		o.Store, o.Clock = first.Store, first.Clock
		edit(o)
	})
}

func otherKeys(o *world.Options) { o.Account = "2" }

// TestOrderSettlesUnderAnotherAccountsKeys: the money is taken and the reply lost; the operator puts another MID's keys. They know nothing of the
// payment. The order is not opened again, nobody can pay it twice, and when the first keys are back it is paid.
func TestOrderSettlesUnderAnotherAccountsKeys(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				b := x.Order(provider, "order-1", 24*time.Hour)
				x.takenUnknown(provider, b)
				other := x.behind(otherKeys)
				for range 12 {
					other.Pass("10m")
					if again := other.tab(b); again != nil {
						t.Fatalf("the money is taken, and the page invites to pay again: %s", x.ReadOrder("order-1").Status)
					}
				}
				x.fault(provider, "*", "none", 1)
				x.Pass("3h")
				x.audit("order-1", "paid", 1)
			})
		})
	}
}

// TestPageUnderAnotherAccountsKeys: an open order's page does not open a window of another account: nobody here could see what it took.
func TestPageUnderAnotherAccountsKeys(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		bubble(t, func(t *testing.T) {
			x := newOutside(t)
			b := x.Order(provider, "order-1", 24*time.Hour)
			other := x.behind(otherKeys)
			if window, r := other.tab(b), other.Get(b.CheckoutURL); window != nil || r.Status != 503 {
				t.Errorf("%s: %d, window %v", provider, r.Status, window)
			}
			if x.tab(b) == nil {
				t.Errorf("%s: its own keys open no window", provider)
			}
		})
	}
}

// TestSubscriptionUnderOtherKeys: the deployment changes from test to live, or gets another account's keys. Nothing is charged for a subscription
// that was made before, and when the first keys are back it goes on.
func TestSubscriptionUnderOtherKeys(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*world.Options){"live": func(o *world.Options) { o.Mode = "live" }, "another account": otherKeys} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				made := x.Post("/subscriptions", `{"subscriptionId":"sub-0001","customerId":"customer-1","language":"en",
					"plan":{"amount":9900,"currency":"KRW","name":"Coffee","interval":"month"}}`)
				x.Get(x.approves(x.tab(x.Sale(made))))
				x.Pass("1h")
				if captures, _ := x.money("sub-0001"); captures != 1 {
					t.Fatalf("%d captures in the first hour", captures)
				}
				var report struct{ Charges int }
				x.Decode(x.behind(edit).Post("/sim/clock", `{"advance":"40d"}`), &report)
				if report.Charges != 0 {
					t.Errorf("%d charges", report.Charges)
				}
				x.Pass("1d")
				if captures, _ := x.money("sub-0001"); captures != 2 {
					t.Errorf("%d captures when the first keys are back, want the second cycle's", captures)
				}
			})
		})
	}
}

// TestPreviousKeysSettle: the money is taken and the reply lost; the operator puts another account's keys and leaves the first ones in the secret as
// previous. With them the order is looked up and paid, and refunded; it is not charged again, and no window of it is opened.
func TestPreviousKeysSettle(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				b := x.Order(provider, "order-1", 24*time.Hour)
				x.takenUnknown(provider, b)
				other := x.after()
				other.fault(provider, "*", "none", 1)
				other.Pass("3h")
				if other.tab(b) != nil {
					t.Error("a window of the account before is opened")
				}
				other.audit("order-1", "paid", 1)
				if r, status := other.refund("order-1", `{"refundId":"r1"}`); status != 202 {
					t.Errorf("refund: %d %+v", status, r)
				}
				other.Pass("2h")
				other.wantKept("refunded with the keys before", "refunded", 0)
			})
		})
	}
}

// TestPreviousKeysAskForNoMoney: a confirm never arrived, and would be repeated with the keys it was made with. With those of an account before it is
// not: the buyer's authentication lapses.
func TestPreviousKeysAskForNoMoney(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t)
		b := x.Order("toss", "order-1", 24*time.Hour)
		back := x.Card(x.tab(b), "approve")
		x.fault("toss", "*", "refuse-connection", 1000)
		x.Get(back)
		other := x.after()
		other.fault("toss", "*", "none", 1)
		other.Pass("2d")
		if captures, _ := other.money("order-1"); captures != 0 {
			t.Errorf("%d captures", captures)
		}
		if got := other.ReadOrder("order-1"); got.Status != "expired" {
			t.Errorf("the order is %s", got.Status)
		}
	})
}

// after is the deployment after this one, with another account's keys; its secrets hold the ones before.
func (x *outside) after() *outside {
	x.T.Helper()
	return newOutside(x.T, func(o *world.Options) { o.Before = x.own() })
}

// takenUnknown takes the money of an order, and nobody can be asked whether it was taken.
func (x *outside) takenUnknown(provider string, b testbed.Sale) {
	x.T.Helper()
	if provider == "toss" {
		back := x.Card(x.tab(b), "approve")
		x.fault("toss", "confirm", "lose-reply", 1000)
		x.fault("toss", "find", "http-500", 1000)
		x.fault("toss", "find-by-order", "http-500", 1000)
		x.Get(back)
		return
	}
	x.fault("portone", "webhook", "refuse-connection", 1)
	back := x.approves(x.tab(b))
	x.fault("portone", "find-all", "http-500", 1000)
	x.Get(back)
}

// TestPaidBeforeTheMIDChanged: the operator sets another PortOneMid. What was paid before was compared with the one before, and stays paid.
func TestPaidBeforeTheMIDChanged(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := sold(t, "portone")
		first := x.own()
		parts := first.Parts
		parts.PortOne.MID = "another"
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o, err := parts.Settler().Advance(ctx, "order-1")
		if err != nil || o.Status != "paid" {
			t.Fatalf("%s, %v", o.Status, err)
		}
		if err := parts.Settler().Hear(ctx, "portone", provider.Hint{Number: "order-1", Key: o.Capture.Key}); err != nil {
			t.Error(err)
		}
		x.Pass("2h")
		x.wantKept("after the change", "paid", price)
	})
}
