package payment

import (
	"context"
	"errors"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// WindowReturn is what a redirect, or the popup's callback, brought back from a window that takes the money by itself.
// Untrusted.
type WindowReturn struct {
	Provider  string // of our own path, as are
	OrderID   string
	LinkToken string
	Number    string // merchant_uid of the query; may be missing
	Key       string // imp_uid of the query; may be missing
	Failed    bool   // the query has an error code
}

// Return notes that a buyer is back from a window and looks up what became of it. The query only says where to look:
// paid is what the provider says is paid.
func (s *Settler) Return(ctx context.Context, r WindowReturn) (Result, error) {
	o, err := readByLink(ctx, s.Orders, r.OrderID, r.LinkToken)
	if err != nil {
		return Result{}, err
	}
	if _, ok := s.Gateways[r.Provider]; !ok || o.Provider != r.Provider {
		return Result{}, ErrNotFound
	}
	o = s.governed(o)
	back := ledger.Request{Kind: ledger.Return, Attempt: attemptReturned(o, r.Number), At: s.now(), Failed: r.Failed}
	if provider.IsImpUID(r.Key) { // anything else could never be looked up, and would be due for ever
		back.Key = r.Key
	}
	if o.BillingKey != "" {
		back.Kind = ledger.Notice // no window of ours leads here, and it may be another attempt's that took money
	}
	result := Result{Order: o, Outcome: Settled, Attempt: back.Attempt}
	noted := o.Ledger.Noted(back)
	switch {
	case knows(o, back.Key):
	case o.Status == order.Processing && (noted || o.AskAfter.After(s.now())):
		// Else nobody is at it, such as after an approval.
		if !noted {
			o, err = s.note(ctx, o, back)
		}
		if err == nil {
			result.Order, err = s.await(ctx, o, ledger.Visit{})
		}
	case noted && s.now().Sub(o.Ledger.LearnedAt) < order.HintPause: // a reload: somebody has just asked
	default:
		result.Order, err = s.process(ctx, o, ledger.Work{Noted: &back})
	}
	if errors.Is(err, ErrNotReady) && result.Order.Closed() {
		err = nil // the order's own state is known, and the return is noted
	}
	return result, err
}

// note writes what somebody else says, and asks nobody: the due time does the rest.
func (s *Settler) note(ctx context.Context, o order.Order, r ledger.Request) (order.Order, error) {
	j := &job{Settler: s, work: ledger.Work{Noted: &r}}
	j.stands(o)
	return j.finish(ctx)
}

// knows says that what the provider says of a payment is known and changes nothing: it was captured, or declined under
// a number that is over.
func knows(o order.Order, key string) bool {
	p := o.Ledger.Payment(key)
	switch {
	case p == nil:
		return false
	case p.State == ledger.Declined:
		return o.Closed() || p.Attempt < o.Attempt
	}
	return p.State == ledger.Captured
}

// attemptReturned is the attempt a redirect speaks of; the current one when it does not say, or says something else
// altogether.
func attemptReturned(o order.Order, number string) int {
	if n := o.AttemptOf(number); n > 0 && n < o.Attempt {
		return n
	}
	return o.Attempt
}
