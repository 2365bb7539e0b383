package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// gateRepeat is how long the same question gets the same answer: PortOne waits 5 or 10 s for one. Later it is a new
// question, so that nothing is captured on an approval that may be given up soon.
const gateRepeat = time.Minute

// gateTries: a write that meets somebody else's is decided anew, once.
const gateTries = 2

// Question is what a provider asks before its window captures. Untrusted, every part of it.
type Question struct {
	Provider  string // of our own path, as are
	OrderID   string
	LinkToken string
	provider.Question
}

// Objection says why a window must not capture; NoObjection: it may.
type Objection string

// The objections, in the order in which they are looked for.
const (
	NoObjection  Objection = ""
	IsPaid       Objection = "paid"       // already
	IsProcessing Objection = "processing" // money may be taken by another window, or a person decides
	IsOver       Objection = "over"       // it has ended, or its time to pay is over
	OtherNumber  Objection = "number"     // a newer window has another number, or the payment is declined already
	OtherAmount  Objection = "amount"
)

// Approve answers whether a window may capture a payment. It may when the approval is in the ledger, written under all
// of its conditions by one conditional write: from then on nothing else is let through until that payment is shown, or
// can be captured no more. An error, and ErrConflict after two tries, says that nothing is known to be written: the
// answer is no.
func (s *Settler) Approve(ctx context.Context, q Question) (order.Order, Objection, error) {
	o, err := readByLink(ctx, s.Orders, q.OrderID, q.LinkToken)
	if err != nil {
		return order.Order{}, NoObjection, err
	}
	number, err := order.ParseNumber(q.Number)
	switch {
	case err != nil, number.OrderID() != o.ID, !isPaymentKey(q.Key):
		return order.Order{}, NoObjection, ErrNotFound
	case o.Provider != q.Provider, o.BillingKey != "": // no window of ours
		return order.Order{}, NoObjection, ErrNotFound
	}
	objection := NoObjection
	o, err = s.rewrite(ctx, o, gateTries, func(o order.Order) (ledger.Order, error) {
		r := ledger.Request{Kind: ledger.Approval, Attempt: number.Attempt, Key: q.Key, Amount: q.Amount, At: s.now()}
		if objection = NoObjection; approved(o, r) && !o.Closed() {
			return o.Ledger, nil
		}
		if objection = objectionTo(o, r); objection != NoObjection {
			return o.Ledger, nil
		}
		if err := s.ownKeys(ctx, o); err != nil {
			return o.Ledger, err
		}
		next, err := o.Ledger.Intend(r)
		if err != nil {
			objection = objectionOf(err)
			return o.Ledger, nil
		}
		return next, ctx.Err()
	})
	return o, objection, err
}

// ownKeys says that what a window takes can be looked up with the deployment's own keys. Earlier ones ask for no money.
func (s *Settler) ownKeys(ctx context.Context, o order.Order) error {
	_, err := s.gateway(ctx, o)
	if err == nil && otherAccount(s.Gateways[o.Provider], o.Account) {
		return fmt.Errorf("payment: approve %s: it was made with the keys of %s: %w", o.ID, o.Account, ErrNotReady)
	}
	return err
}

// approved says that this very question was answered with yes a moment ago. An order that another payment has paid
// meanwhile says no all the same.
func approved(o order.Order, r ledger.Request) bool {
	return slices.ContainsFunc(o.Ledger.Requests, func(q ledger.Request) bool {
		same := q.Kind == ledger.Approval && q.Key == r.Key && q.Attempt == r.Attempt
		return same && q.Amount == r.Amount && r.At.Before(q.At.Add(gateRepeat))
	})
}

// objectionTo is what the order's own state says, in words for the buyer. The ledger has the last word.
func objectionTo(o order.Order, r ledger.Request) Objection {
	switch o.Status {
	case order.Open:
	case order.Paid, order.Refunded:
		return IsPaid
	case order.Processing, order.Review:
		return IsProcessing
	default:
		return IsOver
	}
	if !r.At.Before(o.ExpiresAt) {
		return IsOver
	}
	return NoObjection
}

func objectionOf(err error) Objection {
	switch {
	case errors.Is(err, ledger.ErrAmount):
		return OtherAmount
	case errors.Is(err, ledger.ErrOtherNumber):
		return OtherNumber
	}
	return IsProcessing
}
