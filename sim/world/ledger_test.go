package world_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/world"
)

// shelf is a table of ledgers in memory.
type shelf struct {
	mu     sync.Mutex
	orders map[string]ledger.Order
	writes int
}

func (s *shelf) Ledger(_ context.Context, id string) (ledger.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[id]
	if !ok {
		return o, payment.ErrNotFound
	}
	return o, nil
}

func (s *shelf) SaveLedger(_ context.Context, next ledger.Order) (ledger.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if old := s.orders[next.ID]; old.Revision != next.Revision-1 {
		return old, payment.ErrConflict
	}
	s.orders[next.ID] = next
	return next, nil
}

// books is a town whose orders are ledgers: the same windows, providers and adapters, and the second edition of the core behind them.
type books struct {
	*town
	*payment.Processor
	shelf *shelf
	own   ledger.Account
	keys  ledger.Account // the deployment's keys now
}

func newBooks(t *testing.T, provider, id string) (*books, sale) {
	c := newTown(t, ignorePrepare, townEdits{options: func(o *world.Options) { o.Toss.PartialCancelable = true }})
	b := &books{town: c, shelf: &shelf{orders: map[string]ledger.Order{}}, own: ledger.Account{Provider: provider, KeyDigest: "own"}}
	g := c.Settler.Gateways[provider]
	b.keys = b.own
	b.Processor = &payment.Processor{
		Ledgers: b.shelf, Now: time.Now, Log: c.parts.Log,
		Through: func(a ledger.Account) (payment.Gateway, bool, bool) { return g, false, a == b.keys },
	}
	s := c.order(provider, id, 1)
	timing := ledger.Timing(g.Timing)
	b.shelf.orders[id] = ledger.New(ledger.Terms{
		ID: id, Account: b.own, Amount: townPrice, Currency: "KRW", Name: "T-shirt", CreatedAt: time.Now(), ExpiresAt: s.ExpiresAt, Timing: timing,
	})
	return b, s
}

// run calls a use case as a door does.
func (b *books) run(f func(context.Context) (ledger.Order, error)) (ledger.Order, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), handler.DoorTime)
	defer cancel()
	return f(ctx)
}

func (b *books) note(id string, r ledger.Request) ledger.Order {
	b.t.Helper()
	o, err := b.run(func(ctx context.Context) (ledger.Order, error) { return b.Noted(ctx, id, r) })
	if err != nil {
		b.t.Errorf("%s %s: %v", r.Kind, r.Key, err)
	}
	return o
}

func (b *books) back(id, redirect string) ledger.Order {
	b.t.Helper()
	n, _ := order.ParseNumber(arg(redirect, "merchant_uid"))
	return b.note(id, ledger.Request{Kind: ledger.Return, Attempt: n.Attempt, Key: arg(redirect, "imp_uid"), Failed: arg(redirect, "error_code") != ""})
}

func (b *books) confirm(id, redirect string) (ledger.Order, error) {
	n, _ := order.ParseNumber(arg(redirect, "orderId"))
	r := ledger.Request{Kind: ledger.Confirm, Attempt: n.Attempt, Key: arg(redirect, "paymentKey"), Amount: townPrice}
	return b.run(func(ctx context.Context) (ledger.Order, error) { return b.Asked(ctx, id, r) })
}

func (b *books) refund(id, refundID string, amount int64) (ledger.Order, error) {
	b.t.Helper()
	p := b.shelf.orders[id].Paid()
	if p == nil {
		return ledger.Order{}, ledger.ErrNotPaid
	}
	r := ledger.Request{Kind: ledger.Cancel, Attempt: p.Attempt, Key: p.Key, RefundID: refundID, Amount: amount}
	return b.run(func(ctx context.Context) (ledger.Order, error) { return b.Asked(ctx, id, r) })
}

// settle lets the schedule work until nothing is due.
func (b *books) settle(id string) ledger.Order {
	b.t.Helper()
	for range 60 {
		o := b.shelf.orders[id]
		if o.Due().IsZero() {
			return o
		}
		time.Sleep(time.Until(o.Due()))
		if _, err := b.run(func(ctx context.Context) (ledger.Order, error) { return b.Due(ctx, id, ledger.Visit{}) }); err != nil {
			b.t.Error(err)
		}
	}
	b.t.Errorf("%s is never at rest: %+v", id, b.shelf.orders[id])
	return ledger.Order{}
}

func (b *books) want(what string, o ledger.Order, status ledger.Status, captures, cancels int) {
	b.t.Helper()
	if o.Status() != status {
		b.t.Errorf("%s: %s, want %s: %+v", what, o.Status(), status, o.Payments)
	}
	b.wantMoved(what, o.ID, captures, cancels)
}

// number returns the sale as the window of another attempt would be opened.
func number(s sale, id string, attempt int) sale {
	window := map[string]any{}
	for name, value := range s.Window {
		window[name] = value
	}
	window["merchant_uid"] = fmt.Sprintf("%s--%d", id, attempt)
	s.Window = window
	return s
}

// TestLedgerPortOne: windows that capture by themselves, through the real adapter and the simulator.
func TestLedgerPortOne(t *testing.T) {
	t.Parallel()
	fakeTime(t, func(t *testing.T) {
		b, s := newBooks(t, "portone", "order-0001")
		finds := b.PortOne.Calls()["find"] + b.PortOne.Calls()["findAll"]
		b.want("paid", b.back("order-0001", b.tossPay(s, "approve")), ledger.Paid, 1, 0)
		if b.shelf.writes != 1 {
			t.Errorf("%d writes for a return, want 1; %d lookups before", b.shelf.writes, finds)
		}
		b.want("at rest", b.settle("order-0001"), ledger.Paid, 1, 0)
	})
	fakeTime(t, func(t *testing.T) {
		b, s := newBooks(t, "portone", "order-0002")
		o := b.back("order-0002", b.tossPay(s, "fail"))
		if o.Status() != ledger.Open || o.Current() != 2 {
			t.Fatalf("declined: %s at %d", o.Status(), o.Current())
		}
		b.want("the next number", b.back("order-0002", b.tossPay(number(s, "order-0002", 2), "approve")), ledger.Paid, 1, 0)
	})
	fakeTime(t, func(t *testing.T) {
		b, s := newBooks(t, "portone", "order-0003")
		o := b.back("order-0003", b.tossPay(s, "approve", "tamperAmount", "100"))
		b.want("another amount", o, ledger.Open, 1, 1)
		if o.Current() != 2 {
			t.Errorf("attempt %d", o.Current())
		}
	})
}

// TestLedgerSecondTab: tab A is declined; tab B approves number 1, and its webhook is lost. The buyer pays number 2, too. One goes back, when tab
// B's buyer returns, or in the last look.
func TestLedgerSecondTab(t *testing.T) {
	t.Parallel()
	for _, returns := range []bool{true, false} {
		fakeTime(t, func(t *testing.T) {
			b, s := newBooks(t, "portone", "order-0001")
			first, second := b.tossPay(s, "fail"), ""
			if o := b.back("order-0001", first); o.Current() != 2 {
				t.Fatal(o.Current())
			}
			second = b.tossPay(s, "approve")
			b.want("number 2", b.back("order-0001", b.tossPay(number(s, "order-0001", 2), "approve")), ledger.Paid, 2, 0)
			if returns {
				b.want("tab B is back", b.back("order-0001", second), ledger.Paid, 2, 1)
			}
			b.want("at rest", b.settle("order-0001"), ledger.Paid, 2, 1)
		})
	}
}

// TestLedgerToss: a confirm under every fault of every call ends where the provider's ledger says.
func TestLedgerToss(t *testing.T) {
	t.Parallel()
	kinds := []string{fault.LoseReply, fault.RefuseConnection, fault.InternalError, fault.TooManyRequests, fault.Garbage}
	for _, outcome := range []string{"approve"} {
		for _, operation := range []string{"none", "confirm", fault.Any} {
			for _, kind := range kinds {
				for _, moment := range []string{fault.Before, fault.After} {
					for _, times := range []int{1, 3} {
						fakeTime(t, func(t *testing.T) {
							b, s := newBooks(t, "toss", "order-0001")
							redirect := b.card(s, outcome)
							f := fault.Fault{Provider: "toss", Operation: operation, Kind: kind, Moment: moment, Times: times}
							invalid := kind == fault.LoseReply && moment == fault.Before || kind == fault.RefuseConnection && moment == fault.After
							if operation == "none" || invalid {
								if kind != kinds[0] {
									return
								}
							} else if err := b.Faults.Set(f); err != nil {
								t.Fatal(err)
							}
							if _, err := b.confirm("order-0001", redirect); err != nil {
								t.Error(err)
							}
							b.want(fmt.Sprintf("%+v", f), b.settle("order-0001"), ledger.Paid, 1, 0)
							if n := b.Toss.ConfirmAttempts("order-0001"); n > 5 {
								t.Errorf("%d confirms", n)
							}
							if v := b.Toss.Violations(); len(v) > 0 {
								t.Error(v)
							}
						})
					}
				}
			}
		}
	}
}

// TestLedgerConfirmCost: a confirm is two writes and one call; the same redirect again is refused, and calls nobody.
func TestLedgerConfirmCost(t *testing.T) {
	t.Parallel()
	fakeTime(t, func(t *testing.T) {
		b, s := newBooks(t, "toss", "order-0001")
		redirect := b.card(s, "approve")
		o, err := b.confirm("order-0001", redirect)
		if err != nil {
			t.Fatal(err)
		}
		b.want("confirmed", o, ledger.Paid, 1, 0)
		calls := total(b.Toss.Calls())
		if _, err := b.confirm("order-0001", redirect); !errors.Is(err, ledger.ErrNotOpen) {
			t.Error(err)
		}
		if b.shelf.writes != 2 || total(b.Toss.Calls()) != calls || b.Toss.ConfirmAttempts("order-0001") != 1 || !o.Due().IsZero() {
			t.Errorf("%d writes, %d more calls, due %v", b.shelf.writes, total(b.Toss.Calls())-calls, o.Due())
		}
	})
}

func total(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}

// TestLedgerKeys: a confirm captured, its reply was lost, and the operator puts another account's keys. Nothing moves; with the own keys again
// the truth is found.
func TestLedgerKeys(t *testing.T) {
	t.Parallel()
	fakeTime(t, func(t *testing.T) {
		b, s := newBooks(t, "toss", "order-0001")
		if err := b.Faults.Set(fault.Fault{Provider: "toss", Operation: fault.Any, Kind: fault.LoseReply, Times: 4}); err != nil {
			t.Fatal(err)
		}
		if o, err := b.confirm("order-0001", b.card(s, "approve")); err != nil || o.Status() != ledger.Processing {
			t.Fatal(o.Status(), err)
		}
		b.keys.KeyDigest = "another"
		calls := total(b.Toss.Calls())
		for range 3 {
			time.Sleep(20 * time.Minute)
			o, err := b.run(func(ctx context.Context) (ledger.Order, error) { return b.Due(ctx, "order-0001", ledger.Visit{}) })
			if err != nil || o.Status() != ledger.Processing || total(b.Toss.Calls()) != calls {
				t.Error(o.Status(), err)
			}
		}
		if b.logs.events("config.error") != 3 {
			t.Error("no alarm")
		}
		b.keys = b.own
		b.want("own keys again", b.settle("order-0001"), ledger.Paid, 1, 0)
	})
}

// TestLedgerRefunds: in part and whole at both providers; requests and replies get lost.
func TestLedgerRefunds(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, kind := range []string{"", fault.LoseReply, fault.RefuseConnection, fault.InternalError, fault.Garbage} {
			for _, times := range []int{1, 2} {
				fakeTime(t, func(t *testing.T) {
					b, s := newBooks(t, provider, "order-0001")
					if provider == "toss" {
						if _, err := b.confirm("order-0001", b.card(s, "approve")); err != nil {
							t.Fatal(err)
						}
					} else {
						b.back("order-0001", b.tossPay(s, "approve"))
					}
					if kind != "" {
						if err := b.Faults.Set(fault.Fault{Provider: provider, Operation: fault.Any, Kind: kind, Times: times}); err != nil {
							t.Fatal(err)
						}
					}
					if _, err := b.refund("order-0001", "r1", 5000); err != nil {
						t.Error(err)
					}
					o := b.settle("order-0001")
					b.want("in part", o, ledger.Paid, 1, 1)
					if p := o.Paid(); p == nil || p.Balance != townPrice-5000 {
						t.Errorf("%s %s: %+v", provider, kind, p)
					}
					if _, err := b.refund("order-0001", "r2", townPrice); !errors.Is(err, ledger.ErrOverBalance) {
						t.Error(err)
					}
					if _, err := b.refund("order-0001", "r3", townPrice-5000); err != nil {
						t.Error(err)
					}
					o = b.settle("order-0001")
					b.want("all", o, ledger.Refunded, 1, 2)
					if slices.ContainsFunc(o.Requests, func(r ledger.Request) bool { return r.Outcome != ledger.Done }) {
						t.Errorf("%+v", o.Requests)
					}
				})
			}
		}
	}
}
