package payment

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// Refund is a merchant's wish to give money back, all that is left or a part of it.
type Refund struct {
	ID     string // the merchant's; the same id again is the same refund
	Amount int64  // in the currency's smallest unit; 0: all that may still be refunded
	Reason string // as the provider shows it
}

// reasonMax is Toss Payments' limit of cancelReason in characters (docs.tosspayments.com/reference, 2026-11). PortOne
// names none.
const reasonMax = 200

// Refund records a refund, and the schedule makes it within two minutes. It is guarded in the write that records it:
// refunds that are under way count against what is left, so that their sum never exceeds the payment. The same id again
// returns the refund as it stands. Errors: ErrNotFound, a *FieldError, and the ledger's (ErrNotPaid, ErrOverBalance,
// ErrWholeOnly, ErrRefundID, ErrTooMany), beside the order.
func (s *Settler) Refund(ctx context.Context, orderID string, r Refund) (order.Order, ledger.Request, error) {
	if err := r.check(); err != nil {
		return order.Order{}, ledger.Request{}, err
	}
	var made ledger.Request
	o, err := s.decided(ctx, orderID, func(l ledger.Order) (ledger.Order, error) {
		if was, ok := l.RefundOf(r.ID); ok && r.Amount == 0 {
			made = was
			return l, nil
		}
		want := ledger.Request{
			Kind: ledger.Cancel, Attempt: 1, RefundID: r.ID, Amount: r.Amount, Reason: r.Reason, At: s.now(),
		}
		if p := l.Paid(); p != nil {
			want.Attempt, want.Key = p.Attempt, p.Key
		}
		if want.Amount == 0 {
			want.Amount = l.Refundable()
		}
		next, err := l.Intend(want)
		made, _ = next.RefundOf(r.ID)
		return next, err
	})
	return o, made, err
}

func (r Refund) check() error {
	if !isRefundID(r.ID) {
		return &FieldError{"refundId", "must be 1 to 64 of A-Z a-z 0-9 _ -"}
	}
	if r.Amount < 0 {
		return &FieldError{"amount",
			"must be a whole number of won, 1 or more; leave it out to refund all that is left"}
	}
	return checkText("reason", r.Reason, 0, reasonMax)
}

func isRefundID(s string) bool {
	return len(s) <= 64 && isPaymentKey(s) && s[len(s)-1] != '='
}

// Resolve records a person's decision about a payment of an order in review, and the schedule carries it out. Errors:
// ErrNotFound, a *FieldError, and the ledger's (ErrNotInReview, ErrNoMoney, ErrKeepsOther), beside the order.
func (s *Settler) Resolve(ctx context.Context, orderID string, r ledger.Resolution) (order.Order, error) {
	if err := checkText("reason", r.Reason, 1, reasonMax); err != nil {
		return order.Order{}, err
	}
	r.At = s.now()
	return s.decided(ctx, orderID, func(l ledger.Order) (ledger.Order, error) { return l.Resolve(r) })
}

// decided stores what somebody asks of an order, without a word to the provider.
func (s *Settler) decided(
	ctx context.Context, orderID string, ask func(ledger.Order) (ledger.Order, error),
) (order.Order, error) {
	if n, err := order.ParseNumber(orderID); err != nil || n.OrderID() != orderID {
		return order.Order{}, ErrNotFound
	}
	o, err := s.Orders.Get(ctx, orderID)
	if err != nil {
		return o, err
	}
	return s.rewrite(ctx, o, savesMax, func(o order.Order) (ledger.Order, error) { return ask(o.Ledger) })
}

// rewrite stores what ask makes of an order's ledger, in one conditional write, and nothing when it changes nothing.
// When somebody else was faster, ask is called with what they left, up to tries times in all.
func (s *Settler) rewrite(
	ctx context.Context, o order.Order, tries int, ask func(order.Order) (ledger.Order, error),
) (order.Order, error) {
	j := &job{Settler: s}
	j.stands(o)
	for range tries {
		next, err := ask(j.record)
		if err != nil || reflect.DeepEqual(next, j.record.Ledger) {
			return j.record, err
		}
		next.Revision = j.record.Revision + 1
		if err := j.save(ctx, next, j.record.AskAfter); !errors.Is(err, ErrConflict) {
			return j.record, err
		}
	}
	return j.record, fmt.Errorf("payment: order %s: %w", o.ID, ErrConflict)
}
