package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// remember keeps a hint that the provider's answer does not account for, in one write; none if the order has it already. It has a due time then,
// so nobody needs to send it again.
func (s *Settler) remember(ctx context.Context, o order.Order, attempt int, key string, came time.Time) (order.Order, error) {
	for range savesMax {
		next := o.Remember(hintOf(attempt, key, came))
		if next.Revision == o.Revision {
			return o, nil
		}
		saved, err := s.Claims.Save(ctx, next)
		if err == nil {
			return saved, nil
		}
		if !errors.Is(err, ErrConflict) {
			return o, fmt.Errorf("payment: remember a payment of %s: %w", o.ID, err)
		}
		o = saved
	}
	return o, fmt.Errorf("payment: remember a payment of %s: %w", o.ID, ErrConflict)
}

// hintOf is what is kept of a webhook or a return; a key that can be none is left out.
func hintOf(attempt int, key string, came time.Time) order.Hint {
	if !isPaymentKey(key) {
		key = ""
	}
	return order.Hint{Attempt: attempt, Key: key, At: came}
}

// returned is the status of a hint that a buyer's return is: it does not say what became of the payment.
const returned = "returned"

// unseen says that an answer does not show what a webhook tells of: money that was taken, or that is back. The provider's lookups may stand behind
// its webhooks. status is the webhook's word, which is not believed: it only says what to look for.
func unseen(o order.Order, h provider.Hint, a provider.Answer) bool {
	named := isPaymentKey(h.Key)
	shown := a.Payment.Key != "" && (!named || a.Payment.Key == h.Key)
	known := named && (h.Key == o.Capture.Key || o.Listed(h.Key))
	switch h.Status {
	case "paid", "DONE":
		return !known && !(shown && (taken(o, a) || a.Payment.Issuance || a.Payment.Sandbox && o.Mode != "test"))
	case returned:
		return !known && (!shown || a.Verdict == provider.Pending)
	case "cancelled", "CANCELED", "PARTIAL_CANCELED":
		return shown && a.Verdict == provider.Paid
	}
	return false
}

// hintSlack is how much before its time a hint is asked about together with one whose time has come.
const hintSlack = 30 * time.Second

// dueHints are the hints to ask about, when the time of any has come.
func dueHints(o order.Order, now time.Time) (due []order.Hint) {
	if !slices.ContainsFunc(o.Hints, func(h order.Hint) bool { return !now.Before(h.DueAt) }) {
		return nil
	}
	for _, h := range o.Hints {
		if !now.Add(hintSlack).Before(h.DueAt) {
			due = append(due, h)
		}
	}
	return due
}

// recall asks about payments that somebody spoke of and the provider had not shown. What holds money, or held some, is recorded like every
// other word of the provider. It takes half of the time.
func (s *Settler) recall(ctx, calls context.Context, g Gateway, o order.Order) (order.Order, error) {
	due := dueHints(o, s.Now())
	if len(due) == 0 {
		return o, nil
	}
	calls, cancel := halfTime(calls)
	defer cancel()
	over := map[order.Hint]bool{}
	for _, h := range due {
		var err error
		if o, over[h], err = s.recallOne(ctx, calls, g, o, h); err != nil {
			return o, err
		}
	}
	for range savesMax {
		saved, err := s.Claims.Save(ctx, o.Recall(s.Now(), due, func(h order.Hint) bool { return over[h] }))
		if o = saved; !errors.Is(err, ErrConflict) {
			return o, err
		}
	}
	return o, fmt.Errorf("payment: recall a payment of %s: %w", o.ID, ErrConflict)
}

// recallOne asks about one hint, and says whether it is accounted for.
func (s *Settler) recallOne(ctx, calls context.Context, g Gateway, o order.Order, h order.Hint) (order.Order, bool, error) {
	numbers, shown, answered := []int{h.Attempt}, false, true
	if h.Attempt == 0 {
		numbers = numbers[:0]
		for n := range o.Attempt.N {
			numbers = append(numbers, n+1)
		}
	}
	for _, h.Attempt = range numbers {
		if !hasTime(calls) {
			return o, false, nil
		}
		began := s.Now()
		a := lookUp(calls, g, o, h)
		evidence := s.evidence(ctx, o, []provider.Answer{a})
		shown, answered = shown || decided(h, a), answered && !lacksAnswer(a)
		e, ok := fromPayment(o, a, g.Account, s.Now())
		if !ok || !taken(o, a) {
			continue
		}
		e.Evidence, e.Asked = evidence, began
		saved, err := s.record(ctx, o, e, notLooked, s.besides(g, o, a.Others, began, false)...)
		if err != nil {
			return o, false, err
		}
		o = saved
	}
	if !answered && h.Asks >= order.HintAsksMax {
		s.Log.ErrorContext(ctx, "a payment cannot be looked up", "event", "money.unsettled", "orderId", o.ID, "attempt", h.Attempt)
	}
	return o, shown || answered && s.Now().Sub(h.At) >= g.Timing.PendingMax, nil
}

// lookUp asks about a hint's payment, or about everything under its number: also when the key can be no key of this provider, so that the
// question was never sent.
func lookUp(ctx context.Context, g Gateway, o order.Order, h order.Hint) provider.Answer {
	if h.Key != "" {
		if a := g.Finder.Find(ctx, provider.Ref{Key: h.Key}); a.Sent || !lacksAnswer(a) {
			return a
		}
	}
	return g.Finder.Find(ctx, provider.Ref{Number: o.NumberOf(h.Attempt)})
}

// decided says that an answer accounts for a hint. One that names a number only may be of another payment under it than the answer shows.
func decided(h order.Hint, a provider.Answer) bool {
	return h.Key != "" && a.Payment.Key == h.Key && !lacksAnswer(a) && a.Verdict != provider.Pending
}
