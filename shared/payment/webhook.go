package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// hookPause is order.HintPause, also for subscriptions.
const hookPause = order.HintPause

// hookWait is how long a webhook waits for its turn to ask. What it tells of is stored then, with a due time: a flood must not keep a thousand
// functions waiting.
const hookWait = 5 * time.Second

// clockSkew is how far the clocks of two functions may differ: a question counts as begun after a webhook came only beyond it.
const clockSkew = 250 * time.Millisecond

// ErrBusy says that the provider did not answer, or somebody else was at it, and that nothing of it is stored: whoever asked comes again.
var ErrBusy = errors.New("the order is being asked about")

// Hear takes a webhook's hint: it asks the provider about the order the hint names, and records the answer. The hint itself is never
// believed. It returns nil when the answer is stored, when a question about the same payment begun after the hint came has been answered and
// stored by somebody else, when the order's due time is for this payment, or the hint itself is stored because it had no answer, or none that
// accounts for it, and when we never made such an order: then nobody is asked at all. PortOne sends a webhook once.
func (s *Settler) Hear(ctx context.Context, name string, h provider.Hint) error {
	n, err := order.ParseNumber(h.Number)
	if err != nil || n.Key > 0 {
		return nil
	}
	came := s.Now()
	waiting, cancel := context.WithTimeout(ctx, hookWait)
	defer cancel()
	for pause := waitStep; ; pause = min(2*pause, waitStepMax) {
		now := s.Now()
		o, err := s.Claims.Lease(ctx, order.Lease{OrderID: n.OrderID(), At: now, Until: now.Add(hookPause), Final: true})
		var refusal *order.Refusal
		switch {
		case errors.Is(err, ErrNotFound) || err == nil && o.Provider != name:
			return nil
		case err == nil:
			return s.hear(ctx, o, n.Attempt, h)
		case !errors.As(err, &refusal):
			return err
		case o.HeardKey == askedKey(h) && o.HeardAt.After(came.Add(clockSkew)):
			return nil
		case o.Remembers(hintOf(n.Attempt, h.Key, came)):
			return nil // a copy
		}
		if s.Wait(waiting, max(pause, o.AskAfter.Sub(now))) != nil {
			if covers(o, h) {
				return nil
			}
			_, err := s.remember(ctx, o, n.Attempt, h.Key, came)
			return err
		}
	}
}

// Identify completes a hint that names only the provider's key with the number of that payment. One that the provider does not know concerns
// nothing of ours and stays without a number; ErrBusy when the provider did not say.
func (s *Settler) Identify(ctx context.Context, name string, h provider.Hint) (provider.Hint, error) {
	g, ok := s.Gateways[name]
	if !ok || !isPaymentKey(h.Key) {
		return h, nil
	}
	if err := ready(ctx, g.Ready); err != nil {
		s.Log.ErrorContext(ctx, "the provider cannot be asked", "event", "config.error", "cause", err.Error())
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

// askedKey is how an order remembers what a hint asked about: the payment, or all under a number if none is named. No other question counts as
// one of these.
func askedKey(h provider.Hint) string {
	if h.Key == "" {
		return "number " + h.Number
	}
	return h.Key
}

// covers says that the due time of an order is for the payment a hint names, the claimed one: the order cannot be closed before the provider has
// spoken of it, or else goes on searching, so nobody needs to be told again.
func covers(o order.Order, h provider.Hint) bool {
	return o.Status == order.Settling && h.Key != "" && h.Key == o.Attempt.Key
}

// hear asks about the payment the hint names, which may be another one than the order was paid with, and then about the order as every
// other door does.
func (s *Settler) hear(ctx context.Context, o order.Order, attempt int, h provider.Hint) error {
	g, ok := s.gateway(o)
	if !ok {
		return fmt.Errorf("payment: webhook of %s: no gateway for provider %q", o.ID, o.Provider)
	}
	if err := ready(ctx, g.Ready); err != nil {
		s.Log.ErrorContext(ctx, "the provider cannot be asked", "event", "config.error", "orderId", o.ID, "cause", err.Error())
		if _, err := s.remember(ctx, o, attempt, h.Key, s.Now()); err != nil {
			return err
		}
		return fmt.Errorf("payment: webhook of %s: %w", o.ID, ErrNotReady)
	}
	began := s.Now()
	calls, cancel := callContext(ctx)
	defer cancel()
	answers, all := s.findHinted(calls, g, o, min(max(attempt, 1), o.Attempt.N), h.Key)
	last := answers[len(answers)-1]
	noAnswer := lacksAnswer(last)
	open := (noAnswer || unseen(o, h, last)) && !covers(o, h)
	event, ok := fromPayment(o, last, g.Account, s.Now())
	if ok = ok && !notTheCharge(o, last, g.Account, s.Now()); !ok {
		event = doubtful(o, s.Now())
		event.NoAnswer = noAnswer
	}
	event.Evidence, event.Asked, event.AskedKey, event.All = s.evidence(ctx, o, answers), began, askedKey(h), all
	nothing := o.Status != order.Settling && (event.Kind == order.Doubtful || event.Kind == order.Refused && o.Status == order.Open)
	switch {
	case open && (noAnswer || nothing):
		_, err := s.remember(ctx, o, attempt, h.Key, began)
		return err
	case nothing:
		return s.heard(ctx, o, began, askedKey(h)) // a window that came to nothing leaves an open order as it is: the buyer may be in the next one
	case open:
		event.Hint = hintOf(attempt, h.Key, began)
	}
	saved, err := s.record(ctx, o, event, notLooked, s.besides(g, o, last.Others, began, all)...)
	if err == nil && open {
		saved, err = s.remember(ctx, saved, attempt, h.Key, began)
	}
	if err != nil {
		return err
	}
	if len(saved.Reversals) > len(o.Reversals) && saved.Owed() != nil && saved.Status != order.Review && hasTime(calls) {
		_, err = s.reverse(ctx, calls, g, saved)
		return err
	}
	return s.heard(ctx, saved, began, askedKey(h))
}

// findHinted asks about a payment that a webhook or a redirect names, and takes its word only when it shows money taken for this order: of
// another tab's payment that failed, nothing follows for the one that counts. Then it asks about that one: the payment the order was paid
// with, or was claimed for, or else whatever there is under the number; also when the named one holds no money any more, for then another may
// pay the order. all says that the last answer is about everything under the current number.
func (s *Settler) findHinted(ctx context.Context, g Gateway, o order.Order, attempt int, key string) (answers []provider.Answer, all bool) {
	own := o
	switch {
	case !isPaymentKey(key) && g.Confirmer == nil: // the redirect of PortOne's own example names only the number, under which several may be
		own.Attempt = order.Attempt{N: attempt}
	case o.Capture.Key != "":
		own.Attempt.N, own.Attempt.Key = o.Capture.Attempt, o.Capture.Key
	case attempt != o.Attempt.N:
		own.Attempt = order.Attempt{N: attempt}
	}
	current := own.Attempt.N == o.Attempt.N
	if !isPaymentKey(key) || key == own.Attempt.Key {
		answers = s.find(ctx, g, own)
		return answers, current && (own.Attempt.Key == "" || len(answers) > 1) && showsAll(answers[len(answers)-1])
	}
	a := g.Finder.Find(ctx, provider.Ref{Key: key})
	rest := current && own.Attempt.Key == "" && o.Status == order.Settling && a.Payment.Number == o.Number() && a.Verdict == provider.Refunded &&
		!o.Listed(a.Payment.Key) // it was not owed, and others may be there
	if attemptOf(o, a.Payment.Number) > 0 && taken(o, a) && !rest || lacksAnswer(a) {
		return []provider.Answer{a}, false // it counts, or nobody knows yet whether it does
	}
	s.logAnswer(ctx, o, a)
	if own.Attempt.Key != "" {
		return []provider.Answer{g.Finder.Find(ctx, provider.Ref{Key: own.Attempt.Key})}, false
	}
	a = g.Finder.Find(ctx, provider.Ref{Number: own.Number()})
	return []provider.Answer{a}, current && showsAll(a)
}

// taken says that an answer shows real money taken, whether or not some of it is back.
func taken(o order.Order, a provider.Answer) bool {
	switch a.Verdict {
	case provider.Paid, provider.PartlyRefunded, provider.Refunded:
		return !a.Payment.Issuance && (!a.Payment.Sandbox || o.Mode == "test")
	}
	return false
}

// heard makes it durable that a question begun then has been answered, for the copies of the webhook that wait for it.
func (s *Settler) heard(ctx context.Context, o order.Order, began time.Time, key string) error {
	if !o.HeardAt.Before(began) && o.HeardKey == key {
		return nil
	}
	_, err := s.Claims.Save(ctx, o.Hear(began, key))
	if errors.Is(err, ErrConflict) {
		return nil // somebody else has moved the order after our lease: they have asked as well
	}
	return err
}

// Owns returns nil when linkToken is that of the order which number is an attempt of, and ErrNotFound when it is not or there is no such order.
func (s *Settler) Owns(ctx context.Context, number, linkToken string) error {
	n, err := order.ParseNumber(number)
	if err != nil {
		return ErrNotFound
	}
	_, err = readByLink(ctx, s.Orders, n.OrderID(), linkToken)
	return err
}
