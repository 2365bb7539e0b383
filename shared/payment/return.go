package payment

import (
	"context"
	"slices"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// WindowReturn is what a redirect, or the popup's callback, brought back from a window that takes the money by itself. Untrusted.
type WindowReturn struct {
	Provider  string // of our own path, as are
	OrderID   string
	LinkToken string
	Number    string // merchant_uid of the query; may be missing
	Key       string // imp_uid of the query; may be missing
	Failed    bool   // the query has an error code
}

// Return asks what became of a window and records it. The query only says where to look first: paid is what the provider says is paid.
func (s *Settler) Return(ctx context.Context, r WindowReturn) (Result, error) {
	came := s.Now()
	o, err := readByLink(ctx, s.Orders, r.OrderID, r.LinkToken)
	if err != nil {
		return Result{}, err
	}
	g, ok := s.gateway(o)
	if !ok || o.Provider != r.Provider {
		return Result{}, ErrNotFound
	}
	result := Result{Order: o, Outcome: Settled, Attempt: attemptReturned(o, r.Number)}
	switch {
	case o.Status == order.Open && o.BillingKey != "": // no window of ours leads here, and it may be another attempt's that took money
		result.Order, err = s.hearReturn(ctx, o, r, o.NumberOf(result.Attempt))
		return result, err
	case o.Status == order.Settling:
		if result.Attempt < o.Attempt.N {
			if o, err = s.hearReturn(ctx, o, r, r.Number); err != nil {
				return result, err
			}
		}
		if o.BillingKey == "" && result.Attempt == o.Attempt.N && !o.Attempt.Unanswered && !knows(o, r.Key) { // it is settling for money that goes back
			if o, err = s.record(ctx, o, order.Event{Kind: order.Announced, At: came, Attempt: o.Attempt.N}, notLooked); err != nil {
				return result, err
			}
		}
		result.Order, err = s.await(ctx, o, wanted{})
		over := result.Order.Closed() || result.Order.Attempt.N != o.Attempt.N
		if err == nil && over && !knows(result.Order, r.Key) && result.Order.HeardAt.Before(came) { // by an answer older than this return
			result.Order, err = s.hearReturn(ctx, result.Order, r, result.Order.NumberOf(result.Attempt))
		}
		if err == nil && isPaymentKey(r.Key) && !knows(result.Order, r.Key) && r.Key != result.Order.Attempt.Key {
			result.Order, err = s.remember(ctx, result.Order, result.Attempt, r.Key, came) // what was found may be all that is shown yet
		}
		return result, err
	case o.Status != order.Open && knows(o, r.Key):
		return result, nil
	case o.Status != order.Open: // a second window may have taken money, too
		result.Order, err = s.hearReturn(ctx, o, r, o.NumberOf(result.Attempt))
		return result, err
	}
	if err := ready(ctx, g.Ready); err != nil {
		return s.unready(ctx, Return{OrderID: r.OrderID, LinkToken: r.LinkToken}, err)
	}
	if n := attemptOf(o, r.Number); n > 0 && n < o.Attempt.N { // another tab's window: the next number says nothing of it
		result.Order, err = s.hearReturn(ctx, o, r, r.Number)
		return result, err
	}
	result.Order, err = s.look(ctx, g, o, r)
	return result, err
}

// hearReturn asks about a payment of an order that is closed, or of an attempt that is over, as a webhook about it would; and returns the
// order as it is then.
func (s *Settler) hearReturn(ctx context.Context, o order.Order, r WindowReturn, number string) (order.Order, error) {
	if err := s.Hear(ctx, r.Provider, provider.Hint{Event: "return", Number: number, Key: r.Key, Status: returned}); err != nil {
		s.Log.WarnContext(ctx, "another payment's return could not be looked up", "event", "redirect.unheard", "orderId", o.ID, "cause", err.Error())
		return o, nil // the order's own state is known
	}
	if after, err := s.Orders.Get(ctx, o.ID); err == nil {
		o = after
	}
	return o, nil
}

// knows says that a redirect's payment is the one the order was paid with, or one that is given back.
func knows(o order.Order, key string) bool {
	return key == o.Capture.Key && key != "" || o.Listed(key)
}

// attemptReturned is the attempt a redirect speaks of; the current one when it does not say, or says something else altogether.
func attemptReturned(o order.Order, number string) int {
	if n := attemptOf(o, number); n > 0 && n < o.Attempt.N {
		return n
	}
	return o.Attempt.N
}

// namesEarlier says that a redirect may name a payment of a number before the current one: the answer about that one does not show it.
func namesEarlier(o order.Order, a provider.Answer, key string) bool {
	return o.Attempt.N > 1 && isPaymentKey(key) && a.Verdict != provider.Unknown && !shows(a, key)
}

// shows says that an answer shows a payment.
func shows(a provider.Answer, key string) bool {
	return a.Payment.Key == key || slices.ContainsFunc(a.Others, func(p provider.Payment) bool { return p.Key == key })
}

// look is the lookup of an open order, by our own number: it shows every payment there is under it. Whatever key the redirect names could only
// be one of them, or of a number before it, or somebody else's.
func (s *Settler) look(ctx context.Context, g Gateway, o order.Order, r WindowReturn) (order.Order, error) {
	began := s.Now()
	calls, cancel := callContext(ctx)
	defer cancel()
	a := g.Finder.Find(calls, provider.Ref{Number: o.Number()})
	evidence, now := s.evidence(ctx, o, []provider.Answer{a}), s.Now()
	event, ok := fromPayment(o, a, g.Account, now)
	announced := order.Event{Kind: order.Announced, At: now, Attempt: o.Attempt.N}
	var first []order.Event
	switch {
	case ok && event.Kind == order.Mismatched && !showsAll(a): // his own window may be another one
		first = append(first, announced)
	case ok && event.Kind == order.Refused && a.Verdict != provider.Declined && !showsAll(a):
		event = announced // test money
	case ok:
	case namesEarlier(o, a, r.Key):
		return s.hearReturn(ctx, o, r, o.Number())
	case a.Verdict == provider.Absent || r.Failed && a.Verdict == provider.Pending:
		// The provider has taken nothing, whatever the redirect says, or does not show it yet. The window may be opened again under the same
		// number: should it have been paid after all, the provider refuses to take it twice.
		if r.Failed && !isPaymentKey(r.Key) {
			return o, nil
		}
		return s.remember(ctx, o, o.Attempt.N, r.Key, began)
	default:
		// Until the provider says, nobody shall pay again; the order is settling and has a due time.
		event = announced
	}
	event.Evidence, event.Asked, event.All = evidence, began, showsAll(a)
	events := append(append(first, event), s.besides(g, o, a.Others, began, showsAll(a))...)
	hint := hintOf(o.Attempt.N, r.Key, began)
	if hint.Key != "" && !shows(a, hint.Key) {
		events[0].Hint = hint // what was found may be all that is shown yet
	}
	o, err := s.record(ctx, o, events[0], notLooked, events[1:]...)
	if err == nil && o.Owed() != nil && o.Status != order.Review && hasTime(calls) {
		return s.reverse(ctx, calls, g, o)
	}
	return o, err
}
