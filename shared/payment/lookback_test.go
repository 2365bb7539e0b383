package payment_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// second is an order whose first attempt was refused; a window of it was left open.
func second(o *order.Order) { o.Attempt = order.Attempt{N: 2} }

// doubt makes the second attempt settle.
func (x *till) doubt() {
	x.t.Helper()
	x.bank.down = true
	ctx, cancel := x.door()
	defer cancel()
	if _, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: "order-1--2", Key: "key-2"}); err != nil {
		x.t.Fatal(err)
	}
	x.bank.down = false
	x.want(order.Settling, 2)
}

// TestNoEndWithoutALook: whichever door learns that the current attempt took nothing, the order ends only when the attempts before were looked
// up. Here the first one's window has taken the money, and its webhook was lost.
func TestNoEndWithoutALook(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		play func(*till)
		want order.Status
		left int64 // under number 1
	}{
		"a failed window's return": {func(x *till) {
			x.bank.put("key-1", "order-1", provider.Paid)
			x.bank.put("key-2", "order-1--2", provider.Declined)
			time.Sleep(time.Until(x.read().ExpiresAt.Add(order.OpenGrace)))
			x.back("key-2", true)
		}, order.Paid, 15000},
		"a failed window's return in the grace": {func(x *till) {
			x.bank.put("key-2", "order-1--2", provider.Declined)
			time.Sleep(time.Until(x.read().ExpiresAt.Add(time.Minute)))
			x.back("key-2", true)
			time.Sleep(30 * time.Minute)
			x.bank.put("key-1", "order-1", provider.Paid) // the other window is still open
		}, order.Paid, 15000},
		"a webhook": {func(x *till) {
			x.doubt()
			x.bank.put("key-1", "order-1", provider.Paid)
			x.bank.put("key-2", "order-1--2", provider.Declined)
			x.edit(func(o *order.Order) {
				o.ExpiresAt = time.Now().Add(-order.OpenGrace)
				o.DueAt = time.Now().Add(time.Hour)
			})
			time.Sleep(30 * time.Second)
			x.mustHear("key-2", "order-1--2")
		}, order.Failed, 0}, // given back: the order was settling by another number
		"money that is given back, under the same number": {func(x *till) {
			time.Sleep(time.Until(x.read().ExpiresAt.Add(order.OpenGrace)))
			x.bank.put("key-1", "order-1--2", provider.Paid)
			x.bank.put("key-2", "order-1--2", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
			x.mustHear("key-2", "order-1--2")
		}, order.Paid, 15000},
		"money that is given back, at the last attempt": {func(x *till) {
			x.edit(func(o *order.Order) { o.Attempt = order.Attempt{N: order.AttemptsMax} })
			x.bank.put("key-1", "order-1--20", provider.Paid)
			x.bank.put("key-2", "order-1--20", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
			x.mustHear("key-2", "order-1--20")
		}, order.Paid, 15000},
		"money that went back without us": {func(x *till) {
			time.Sleep(time.Until(x.read().ExpiresAt.Add(order.OpenGrace)))
			x.bank.put("key-1", "order-1--2", provider.Paid)
			x.bank.put("key-2", "order-1--2", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 0 })
			x.mustHear("key-2", "order-1--2")
		}, order.Paid, 15000},
		"money that is given back": {func(x *till) {
			x.bank.put("key-1", "order-1", provider.Paid)
			x.bank.put("key-2", "order-1--2", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
			time.Sleep(time.Until(x.read().ExpiresAt.Add(order.OpenGrace)))
			x.mustHear("key-2", "order-1--2")
		}, order.Expired, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(second)
				tc.play(x)
				for range 5 {
					if o := x.read(); !o.Final() {
						time.Sleep(time.Until(o.DueAt))
						x.due()
					}
				}
				if o := x.read(); o.Status != tc.want || !o.Final() || x.bank.left("key-1") != tc.left {
					t.Errorf("%s, due %v, and %d won under number 1; want %s and %d\n%q", o.Status, o.DueAt, x.bank.left("key-1"), tc.want, tc.left, x.bank.calls)
				}
			})
		})
	}
}

// TestOldRefusalLeavesThePaid: an answer that was on its way while the money was taken contradicts nothing.
func TestOldRefusalLeavesThePaid(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*till){
		"a failed tab": func(x *till) { x.bank.put("key-1", "order-1", provider.Declined); x.back("key-1", true) },
		"the order's due time": func(x *till) {
			time.Sleep(time.Until(x.read().DueAt))
			ctx, cancel := x.door()
			defer cancel()
			if _, err := x.Advance(ctx, "order-1"); err != nil {
				x.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				paid := false
				x.bank.after = func(call string) {
					if paid || call != "find order-1" {
						return
					}
					paid = true
					time.Sleep(2 * time.Second)
					x.bank.put("key-2", "order-1", provider.Paid)
					x.edit(func(o *order.Order) { o.AskAfter = time.Time{} })
					x.mustHear("key-2", "order-1")
					x.want(order.Paid, 1)
				}
				ask(x)
				x.want(order.Paid, 1)
				if !paid {
					t.Error("nobody paid meanwhile")
				}
			})
		})
	}
}

// charged is order-1 as a cycle's, a moment after its charge was sent and before anybody has answered.
func charged(t *testing.T, edits ...func(*order.Order)) *till {
	t.Helper()
	x := newTill(t)
	x.edit(func(o *order.Order) {
		o.Status, o.BillingKey = order.Settling, "sub--key1"
		o.ExpiresAt = time.Now().Add(90 * 24 * time.Hour)
		o.Attempt = order.Attempt{N: 1, ClaimedAt: time.Now(), Unanswered: true}
		o.DueAt = time.Now().Add(30 * time.Second)
		for _, edit := range edits {
			edit(o)
		}
	})
	return x
}

// TestAnotherPaymentSaysNothingOfTheCharge: what became of a window's payment under the number of a charge that nobody has answered does not
// open the next number, is not asked about without pause, and the charge is found when it shows.
func TestAnotherPaymentSaysNothingOfTheCharge(t *testing.T) {
	t.Parallel()
	amount := func(left int64) func(*provider.Payment) {
		return func(p *provider.Payment) { p.Amount, p.Balance = 100, left }
	}
	as := func(*provider.Payment) {}
	for name, tc := range map[string]struct {
		mode string
		edit func(*provider.Payment)
		v    provider.Verdict
	}{
		"another amount, given back":            {"test", amount(100), provider.Paid},
		"another amount, given back without us": {"test", amount(0), provider.Paid},
		"test money":                            {"live", as, provider.Paid},
		"a failed window":                       {"test", as, provider.Declined},
		"a failed window of a test channel":     {"live", as, provider.Declined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := charged(t, func(o *order.Order) { o.Mode = tc.mode })
				x.bank.put("key-w", "order-1", tc.v, tc.edit)
				time.Sleep(time.Second)
				x.mustHear("key-w", "order-1")
				x.want(order.Settling, 1)
				begin := time.Now()
				for time.Since(begin) < 24*time.Hour {
					time.Sleep(time.Until(x.read().DueAt))
					ctx, cancel := x.door()
					if _, err := x.Advance(ctx, "order-1"); err != nil {
						t.Fatal(err)
					}
					cancel()
				}
				x.want(order.Settling, 1)
				if n := x.bank.asked("find order-1"); n < 20 || n > 40 {
					t.Errorf("asked %d times in a day", n)
				}
				if tc.mode == "test" && tc.v == provider.Paid && x.bank.left("key-w") != 0 {
					t.Errorf("%d won of the window's are left", x.bank.left("key-w"))
				}
				x.bank.put("key-c", "order-1", provider.Paid, func(p *provider.Payment) { p.Sandbox = tc.mode == "test" })
				x.mustHear("key-c", "order-1")
				x.want(order.Paid, 1)
			})
		})
	}
}

// TestSecondTestMoneySaysNothingOfTheCharge: nor do two payments of a test channel.
func TestSecondTestMoneySaysNothingOfTheCharge(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := charged(t, func(o *order.Order) { o.Mode = "live" })
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.put("key-2", "order-1", provider.Paid)
		x.finds(twoWindows{x.bank})
		time.Sleep(31 * time.Second)
		x.mustHear("", "order-1")
		x.want(order.Settling, 1)
		time.Sleep(time.Until(x.read().DueAt))
		ctx, cancel := x.door()
		defer cancel()
		if _, err := x.Advance(ctx, "order-1"); err != nil {
			t.Error(err)
		}
		x.want(order.Settling, 1)
	})
}

// TestRefundOfACycleIsHeard: what becomes of the money a cycle was paid with is recorded, also when it no longer fits the deployment.
func TestRefundOfACycleIsHeard(t *testing.T) {
	t.Parallel()
	for account, want := range map[string]order.Status{account: order.Refunded, "gateway.newmid": order.Review} {
		bubble(t, func(t *testing.T) {
			x := charged(t)
			x.bank.put("key-c", "order-1", provider.Paid)
			time.Sleep(31 * time.Second)
			x.mustHear("key-c", "order-1")
			x.want(order.Paid, 1)
			g := x.Gateways["portone"]
			g.Account = account
			x.Gateways["portone"] = g
			x.bank.put("key-c", "order-1", provider.Refunded, func(p *provider.Payment) { p.Balance = 0 })
			time.Sleep(24 * time.Hour)
			x.mustHear("key-c", "order-1")
			x.want(want, 1)
		})
	}
}

// TestReturnThroughAnotherProvidersDoor: it cannot claim the order.
func TestReturnThroughAnotherProvidersDoor(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.Gateways["toss"] = payment.Gateway{Finder: x.bank, Canceler: x.bank}
		x.bank.put("key-2", "order-1", provider.Declined)
		ctx, cancel := x.door()
		defer cancel()
		_, err := x.Confirm(ctx, payment.Return{Provider: "toss", OrderID: "order-1", LinkToken: "link", Number: "order-1", Key: "key-2", Amount: "15000"})
		if !errors.Is(err, payment.ErrNotFound) || len(x.bank.calls) > 0 {
			t.Errorf("%v, asked %q", err, x.bank.calls)
		}
		x.want(order.Open, 1)
	})
}

// hangingFinder hangs on one number until the caller's time is over.
type hangingFinder struct{ *bank }

func (f hangingFinder) Find(ctx context.Context, r provider.Ref) provider.Answer {
	if r.Number == "order-1" {
		<-ctx.Done()
		return provider.Answer{Call: "find", Code: provider.NoAnswer, Err: ctx.Err()}
	}
	return f.bank.Find(ctx, r)
}

// TestHangingEarlierNumber: one number that hangs does not keep the current one from being asked about.
func TestHangingEarlierNumber(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(second)
		x.doubt()
		x.finds(hangingFinder{x.bank})
		for time.Since(x.read().ExpiresAt) < 3*time.Hour {
			time.Sleep(time.Until(x.read().DueAt))
			ctx, cancel := context.WithTimeout(t.Context(), payment.ChargeMax)
			if _, err := x.Advance(ctx, "order-1"); err != nil {
				t.Fatal(err)
			}
			cancel()
		}
		if o := x.read(); o.Closed() || !strings.Contains(x.log.String(), "money.unsettled") {
			t.Errorf("%s without a look at number 1, %d alarms", o.Status, x.logged("money.unsettled"))
		}
		x.bank.put("key-2", x.read().Number(), provider.Paid)
		time.Sleep(time.Until(x.read().DueAt))
		ctx, cancel := context.WithTimeout(t.Context(), payment.ChargeMax)
		defer cancel()
		if o, err := x.Advance(ctx, "order-1"); err != nil || o.Status != order.Paid {
			t.Errorf("%s, %v: the money under the current number was not found", o.Status, err)
		}
	})
}
