package payment_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// twoWindows is a bank that took the money of one number in two windows.
type twoWindows struct{ *bank }

func (f twoWindows) Find(ctx context.Context, r provider.Ref) provider.Answer {
	if r.Number == "" {
		return f.bank.Find(ctx, r)
	}
	a, other := f.bank.Find(ctx, provider.Ref{Key: "key-1"}), f.bank.Find(ctx, provider.Ref{Key: "key-2"})
	switch aHas, otherHas := a.Verdict == provider.Paid && a.Payment.Number == r.Number, other.Verdict == provider.Paid && other.Payment.Number == r.Number; {
	case aHas && otherHas:
		a.Others = []provider.Payment{other.Payment}
		return a
	case aHas:
		return a
	}
	return f.bank.Find(ctx, r)
}

// mortal is the table of a process that ends after its first save.
type mortal struct {
	payment.Claims
	saved *bool
}

var errDead = errors.New("the process has ended")

func (m mortal) Save(ctx context.Context, next order.Order) (order.Order, error) {
	if *m.saved {
		return order.Order{}, errDead
	}
	*m.saved = true
	return m.Claims.Save(ctx, next)
}

// TestTwoPaymentsAreOneWrite: whoever finds two captures under one number, and dies after the first write, leaves an order that knows of both.
// No webhook comes any more; the second one is given back all the same, and is logged.
func TestTwoPaymentsAreOneWrite(t *testing.T) {
	t.Parallel()
	for name, door := range map[string]func(context.Context, *till) error{
		"webhook": func(_ context.Context, x *till) error { return x.hint("", "order-1") },
		"return": func(ctx context.Context, x *till) error {
			_, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: "order-1"})
			return err
		},
		"schedule": func(ctx context.Context, x *till) error {
			x.edit(func(o *order.Order) {
				o.Status, o.Attempt.ClaimedAt, o.DueAt = order.Settling, time.Now(), time.Now()
			})
			_, err := x.Advance(ctx, "order-1")
			return err
		},
		"schedule, of an attempt that is over": func(ctx context.Context, x *till) error {
			x.edit(func(o *order.Order) {
				o.Attempt, o.DueAt = order.Attempt{N: 2}, time.Now()
			})
			_, err := x.Advance(ctx, "order-1")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.finds(twoWindows{x.bank})
				for _, key := range []string{"key-1", "key-2"} {
					x.bank.put(key, "order-1", provider.Paid)
				}
				alive, saved := x.Claims, false
				x.Claims = mortal{alive, &saved}
				ctx, cancel := x.door()
				defer cancel()
				t.Log("the door's answer:", door(ctx, x))
				x.Claims = alive
				if !saved || x.read().Status != order.Paid {
					t.Fatalf("saved %v, %s", saved, x.read().Status)
				}
				o := x.due()
				if o.Status != order.Paid || o.Capture.Key != "key-1" || x.bank.left("key-1") != 15000 || x.bank.left("key-2") != 0 {
					t.Errorf("%s with %s; %d won are left of the first payment and %d of the second, which nobody looks for", o.Status, o.Capture.Key, x.bank.left("key-1"), x.bank.left("key-2"))
				}
				if x.logged("money.transition") == 0 || x.logged("money.reversal") != 1 {
					t.Errorf("logged %d captures and %d reversals", x.logged("money.transition"), x.logged("money.reversal"))
				}
			})
		})
	}
}

// TestBothNumbersWerePaid: two windows of different attempts were paid, and both webhooks were lost. The schedule finds the first one, which pays
// the order; nobody would ask about the second one after that.
func TestBothNumbersWerePaid(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(func(o *order.Order) { o.Attempt, o.DueAt = order.Attempt{N: 2}, time.Now() })
		x.bank.put("key-1", "order-1", provider.Paid)
		x.bank.put("key-2", "order-1--2", provider.Paid)
		for range 5 { // minutes, long before the last look at a paid order
			x.advance()
			time.Sleep(time.Minute)
		}
		x.want(order.Paid, 2)
		if x.bank.left("key-1") != 15000 || x.bank.left("key-2") != 0 {
			t.Errorf("%d won are left of the first payment and %d of the second", x.bank.left("key-1"), x.bank.left("key-2"))
		}
	})
}

// TestOneAnswerIsOneAge: an answer shows a capture, and beside it money that was given back and is there again. The second is no older than
// the first.
func TestOneAnswerIsOneAge(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.misfit("key-2", "order-1")
		if x.want(order.Open, 2); x.bank.left("key-2") != 0 {
			t.Fatalf("%d won are left", x.bank.left("key-2"))
		}
		time.Sleep(time.Minute)
		x.bank.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
		x.bank.put("key-1", "order-1", provider.Paid)
		x.finds(twoWindows{x.bank})
		x.mustHear("", "order-1")
		if o := x.read(); o.Status != order.Review || x.logged("money.review") != 1 {
			t.Errorf("%s, %d alarms", o.Status, x.logged("money.review"))
		}
	})
}

// TestWrongMoneyUnderBothNumbers: it was given back under the first number, and comes under the second one when the time to pay is over. When
// that is back, too, the order ends.
func TestWrongMoneyUnderBothNumbers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.misfit("key-1", "order-1")
		x.want(order.Open, 2)
		time.Sleep(time.Until(x.read().ExpiresAt.Add(order.OpenGrace + time.Minute)))
		x.misfit("key-2", "order-1--2")
		x.due()
		if x.want(order.Expired, 2); x.bank.left("key-1") != 0 || x.bank.left("key-2") != 0 || x.bank.asked("cancel ") != 2 {
			t.Errorf("%d and %d won are left, %d cancels", x.bank.left("key-1"), x.bank.left("key-2"), x.bank.asked("cancel "))
		}
	})
}
