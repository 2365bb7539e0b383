package payment_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/sim/bank"
)

// confirms counts what it is asked for, and takes nothing.
type confirms struct{ n int }

func (c *confirms) Confirm(context.Context, provider.Confirm) provider.Answer {
	c.n++
	return provider.Answer{Call: "confirm", HTTP: 500, Class: provider.ClassUnknown}
}

// slow is a table whose writes take their time.
type slow struct {
	payment.Claims
	save time.Duration
}

func (s slow) Save(ctx context.Context, o order.Order) (order.Order, error) {
	o, err := s.Claims.Save(ctx, o)
	time.Sleep(s.save)
	return o, err
}

// unconfirmed is an order whose confirm was answered with a 500 a minute ago: it is to be sent again, as the next turn.
func unconfirmed(t *testing.T, edit func(*payment.Gateway)) (*till, *confirms) {
	t.Helper()
	x, c := newTill(t, func(o *order.Order) { o.Account = "keys-1" }), &confirms{}
	g := x.Gateways["portone"]
	g.Confirmer, g.Keys = c, "keys-1"
	g.Timing = provider.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute}
	x.Gateways["portone"] = g
	x.put("key-1", "order-1", provider.Pending)
	x.edit(func(l *ledger.Order) {
		r := ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", Amount: 15000, At: time.Now()}
		next, err := l.Intend(r)
		if err != nil {
			t.Fatal(err)
		}
		*l = next.Learn(ledger.Answer{Account: l.Account, Began: time.Now(), At: time.Now(), Readable: true, To: &next.Requests[0], Reply: ledger.Unusable})
	})
	time.Sleep(time.Minute)
	edit(&g)
	x.Gateways["portone"] = g
	return x, c
}

// TestNothingIsSentAfterASlowWrite: a request is written, and the function stands still meanwhile. What may be sent is planned anew: the provider's window
// is over, and so is the caller's time.
func TestNothingIsSentAfterASlowWrite(t *testing.T) {
	t.Parallel()
	for took, sent := range map[time.Duration]int{time.Millisecond: 2, 10 * time.Minute: 0} {
		bubble(t, func(t *testing.T) {
			x, c := unconfirmed(t, func(*payment.Gateway) {})
			x.Claims = slow{x.store, took}
			ctx, cancel := x.door()
			defer cancel()
			_, _ = x.Advance(ctx, "order-1") // its time is over before it can say anything
			if c.n != sent {
				t.Errorf("%d confirms after a write of %v, want %d; asked %v", c.n, took, sent, x.bank.Calls)
			}
		})
	}
}

// TestPreviousKeysConfirmNothing: the deployment has other keys now, and those that the order was made with beside them. They ask for no money.
func TestPreviousKeysConfirmNothing(t *testing.T) {
	t.Parallel()
	for keys, sent := range map[string]int{"keys-1": 2, "keys-2": 0} {
		bubble(t, func(t *testing.T) {
			x, c := unconfirmed(t, func(g *payment.Gateway) {
				before := *g
				g.Keys, g.Previous = keys, func(context.Context, string) (payment.Gateway, bool) { return before, true }
			})
			x.advance()
			if c.n != sent || x.bank.Asked("find ") == 0 {
				t.Errorf("with %s: %d confirms, want %d; asked %v", keys, c.n, sent, x.bank.Calls)
			}
		})
	}
}

// meddler is a table in which somebody else writes first, once.
type meddler struct {
	payment.Claims
	meddle func()
}

func (m *meddler) Save(ctx context.Context, o order.Order) (order.Order, error) {
	if f := m.meddle; f != nil {
		m.meddle = nil
		f()
	}
	return m.Claims.Save(ctx, o)
}

// TestRefundBehindAnotherWrite: a refund whose write is refused, because somebody else was faster, is asked of what they left: made if it still may be.
func TestRefundBehindAnotherWrite(t *testing.T) {
	t.Parallel()
	for other, want := range map[int64]error{4000: nil, 6000: ledger.ErrOverBalance} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.edit(paidBefore)
			x.Claims = &meddler{x.store, func() {
				x.edit(func(l *ledger.Order) {
					next, err := l.Intend(ledger.Request{Kind: ledger.Cancel, Attempt: 1, Key: "key-1", RefundID: "other", Amount: other, At: time.Now()})
					if err != nil {
						t.Error(err)
					}
					*l = next
				})
			}}
			ctx, cancel := x.door()
			defer cancel()
			_, made, err := x.Refund(ctx, "order-1", payment.Refund{ID: "r1", Amount: 10000})
			if !errors.Is(err, want) || err == nil && (made.Turn != 0 || made.Amount != 10000) {
				t.Errorf("beside a refund of %d: %v %+v", other, err, made)
			}
		})
	}
}

// TestRefusedWithinAMillisecond: the money is given back, and the reply says that it is not. A lookup from before it, within the same millisecond, does not
// agree with that; the one after it tells the truth. When it agrees, a person is called.
func TestRefusedWithinAMillisecond(t *testing.T) {
	t.Parallel()
	for carriedOut, want := range map[bool]order.Status{true: order.Open, false: order.Review} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.bank.Instead["cancel"] = func(int) *bank.Reply {
				return &bank.Reply{CarriedOut: carriedOut, Answer: provider.Answer{HTTP: 403, Code: "NOT_CANCELABLE", Class: provider.ClassMerchant}}
			}
			x.misfit("key-1", "order-1")
			for range 3 {
				time.Sleep(time.Minute)
				x.advance()
			}
			if o := x.read(); o.Status != want || x.bank.Asked("cancel ") != 1 {
				t.Errorf("carried out %v: %s, asked %v", carriedOut, o.Status, x.bank.Calls)
			}
			reviews := map[bool]int{true: 0, false: 1}[carriedOut]
			if x.logged("money.review") != reviews || x.logged("money.reversal") < 1-reviews {
				t.Errorf("carried out %v: the log has %d reviews and %d reversals", carriedOut, x.logged("money.review"), x.logged("money.reversal"))
			}
		})
	}
}

// TestAlarmOfWhatIsUnclear: a buyer is back and nobody answers. After an hour, and not before, each try says so.
func TestAlarmOfWhatIsUnclear(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.bank.Down = true
		x.back("imps_1", false)
		began := time.Now()
		for time.Since(began) < 3*time.Hour {
			time.Sleep(time.Until(x.read().DueAt))
			x.advance()
			if alarm := x.logged("money.unsettled") > 0; alarm != (time.Since(began) >= time.Hour) {
				t.Fatalf("alarm %v after %v", alarm, time.Since(began))
			}
		}
	})
}

// TestReversalBesideADoubt: a second capture that goes back is told of, also when its number cannot be read in full and the order is an alarm for that.
func TestReversalBesideADoubt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(paidBefore)
		x.edit(func(l *ledger.Order) { l.Attempts[0].DoubtAt = time.Now() })
		time.Sleep(ledger.DoubtMax + 2*time.Hour)
		x.put("key-1", "order-1", provider.Paid)
		x.put("key-2", "order-1", provider.Paid)
		x.put("key-3", "order-1", provider.Unknown)
		x.advance()
		if o := x.read(); x.bank.Left("key-2") != 0 || !o.Ledger.Unsettled(time.Now()) {
			t.Fatalf("%d won are left of the second, unsettled %v; asked %v", x.bank.Left("key-2"), o.Ledger.Unsettled(time.Now()), x.bank.Calls)
		}
		if x.logged("money.reversal") != 1 {
			t.Errorf("%d reversals are told of", x.logged("money.reversal"))
		}
	})
}

// TestOneAsksForAll: fifty buyers' pages ask about one order while the provider takes its time. One of them asks it, and the others wait for what it says.
func TestOneAsksForAll(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(announcedNow)
		x.put("key-1", "order-1", provider.Paid)
		x.bank.Before = func(string) { time.Sleep(5 * time.Second) }
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if o := x.advance(); o.Status != order.Paid {
					t.Errorf("the order is %s", o.Status)
				}
			})
		}
		all.Wait()
		if n := x.bank.Asked("find "); n != 1 {
			t.Errorf("%d lookups: %v", n, x.bank.Calls)
		}
	})
}
