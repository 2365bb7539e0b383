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

// hookPause is order.HintPause, also for subscriptions.
const hookPause = order.HintPause

// clockSkew is how far the clocks of two functions may differ: a question counts as begun after a webhook came only
// beyond it.
const clockSkew = 250 * time.Millisecond

// ErrBusy says that the provider did not answer, and that nothing of it is stored: whoever asked comes again.
var ErrBusy = errors.New("the provider did not answer")

// Hear notes a webhook's hint in the order it names and looks the payment up. The hint itself is never believed. When
// it returns nil, the hint is written, whatever the provider answered, and the order's due time does the rest: PortOne
// sends a webhook once. A hint that comes within a second of another lookup is written first, and looked up a second
// later, or when the order is due; a copy of one that is written asks nobody and does not wait: a flood of copies costs
// one lookup a second. Of an order we never made nobody is asked at all.
func (s *Settler) Hear(ctx context.Context, name string, h provider.Hint) error {
	n, err := order.ParseNumber(h.Number)
	if err != nil || n.Key > 0 {
		return nil
	}
	notice := ledger.Request{Kind: ledger.Notice, Attempt: n.Attempt, At: s.now(), Canceled: saysCanceled(h)}
	if isPaymentKey(h.Key) {
		notice.Key = h.Key
	}
	lease := order.Lease{OrderID: n.OrderID(), At: notice.At, Until: notice.At.Add(hookPause), Final: true}
	o, err := s.Claims.Lease(ctx, lease)
	var refusal *order.Refusal
	leased := errors.As(err, &refusal)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil && !leased:
		return err
	case o.Provider != name:
		return nil
	}
	o = s.governed(o)
	notice.Attempt = min(notice.Attempt, o.Attempt)
	switch {
	case leased && expects(o, notice):
		return nil
	case leased:
		if o, err = s.note(ctx, o, notice); err == nil {
			_, err = s.soon(ctx, o)
		}
	default:
		_, err = s.process(ctx, o, ledger.Work{Noted: &notice})
	}
	if errors.Is(err, ErrNotReady) {
		err = nil
	}
	return err
}

// soon looks at an order once nobody else is at it, if that is within moments: a second webhook may come right behind
// the first. A copy of one that is noted does not wait.
func (s *Settler) soon(ctx context.Context, o order.Order) (order.Order, error) {
	if s.Wait(ctx, max(0, min(o.AskAfter.Sub(s.now()), hookPause))) != nil {
		return o, nil
	}
	now := s.now()
	leased, err := s.Claims.Lease(ctx, order.Lease{OrderID: o.ID, At: now, Until: now.Add(hookPause)})
	if refusal := (*order.Refusal)(nil); errors.As(err, &refusal) {
		return leased, nil // its due time does the rest
	}
	if err != nil {
		return o, err
	}
	return s.process(ctx, leased, ledger.Work{})
}

// saysCanceled says that a webhook speaks of money that is back, in either provider's words. It is not believed: it
// says what to look for.
func saysCanceled(h provider.Hint) bool {
	return slices.Contains([]string{"cancelled", "CANCELED", "PARTIAL_CANCELED"}, h.Status)
}

// expects says that the order will be asked about what a notice speaks of anyway: it has the notice, or its own request
// for that payment is open.
func expects(o order.Order, notice ledger.Request) bool {
	asks := func(r ledger.Request) bool {
		return r.Kind == ledger.Confirm && r.Key == notice.Key && r.Attempt == notice.Attempt
	}
	return o.Ledger.Noted(notice) || !notice.Canceled && slices.ContainsFunc(o.Ledger.Requests, asks)
}

// Identify completes a hint that names only the provider's key with the number of that payment. One that the provider
// does not know concerns nothing of ours and stays without a number; ErrBusy when the provider did not say.
func (s *Settler) Identify(ctx context.Context, name string, h provider.Hint) (provider.Hint, error) {
	g, ok := s.Gateways[name]
	if !ok || !isPaymentKey(h.Key) {
		return h, nil
	}
	if err := ready(ctx, g.Ready); err != nil {
		logUnready(ctx, s.Log, err)
		return h, fmt.Errorf("payment: webhook of a key: %w", ErrNotReady)
	}
	calls, cancel := callContext(ctx)
	defer cancel()
	a := g.Finder.Find(calls, provider.Ref{Key: h.Key})
	if a.Payment.Number == "" && a.Verdict != provider.Absent {
		return h, fmt.Errorf("payment: webhook of a key: %w", ErrBusy)
	}
	h.Number = a.Payment.Number
	return h, nil
}

// Owns returns nil when linkToken is that of the order which number is an attempt of, and ErrNotFound when it is not or
// there is no such order.
func (s *Settler) Owns(ctx context.Context, number, linkToken string) error {
	n, err := order.ParseNumber(number)
	if err != nil {
		return ErrNotFound
	}
	_, err = readByLink(ctx, s.Orders, n.OrderID(), linkToken)
	return err
}
