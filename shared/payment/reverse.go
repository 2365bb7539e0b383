package payment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// reverse gives back money that is not the order's to keep: all that is left of one payment, once. That it is owed has been saved before, so
// a crash anywhere is picked up by the due time; what is left is said in the request, so a repeated one is refused and not carried out.
func (s *Settler) reverse(ctx, calls context.Context, g Gateway, o order.Order) (order.Order, error) {
	owed, began := *o.Owed(), s.Now()
	var answers []provider.Answer
	settled := false
	event := doubtful(o, began)
	if owed.Asks > 0 { // asked before: what became of it?
		answers = append(answers, g.Finder.Find(calls, provider.Ref{Key: owed.Key}))
		event, settled = s.afterReversal(o, owed, answers[0])
		if !settled && event.Capture.Balance > 0 {
			owed.Amount = event.Capture.Balance
		}
	}
	if !settled && (owed.Asks == 0 || event.Capture.Balance > 0) {
		a := g.Canceler.Cancel(calls, cancelOf(o, owed))
		answers = append(answers, a)
		event, settled = s.afterReversal(o, owed, a)
		if !settled && a.Class.Definitive() && hasTime(calls) {
			found := g.Finder.Find(calls, provider.Ref{Key: owed.Key})
			answers = append(answers, found)
			event, settled = s.afterReversal(o, owed, found)
			if !settled && event.Capture.Balance > 0 {
				event.Kind = order.Irreversible // refused, and a lookup shows that the money is still there
			}
		}
	}
	if !settled && event.Kind != order.Irreversible {
		event = doubtful(o, s.Now())
	}
	event.Evidence, event.Asked = s.evidence(ctx, o, answers), began
	return s.record(ctx, o, event, notLooked)
}

// afterReversal is what an answer says of the payment that is owed: settled when all of it is back.
func (s *Settler) afterReversal(o order.Order, owed order.Reversal, a provider.Answer) (order.Event, bool) {
	e := order.Event{Kind: order.Doubtful, At: s.Now(), Attempt: owed.Attempt, Next: o.Attempt}
	if a.Payment.Key != owed.Key {
		return e, false
	}
	e.Capture = captureOf(a.Payment)
	switch a.Verdict {
	case provider.Refunded:
		e.Kind = order.FullyRefunded
		return e, true
	case provider.Paid, provider.PartlyRefunded:
		return e, false
	}
	e.Capture = order.Capture{}
	return e, false
}

func cancelOf(o order.Order, owed order.Reversal) provider.Cancel {
	sum := sha256.Sum256([]byte(owed.Key))
	c := provider.Cancel{
		Key: owed.Key, Amount: owed.Amount, Balance: owed.Amount, Reason: "not the order's to keep: " + owed.Reason,
		IdempotencyKey: fmt.Sprintf("cancel:%s:%s:%d:%s", o.ID, owed.Reason, owed.Asks, hex.EncodeToString(sum[:6])),
	}
	if tax := o.Extras.Tax; owed.Amount == o.Amount.Value { // it went through our window, whose parts these are; of another amount nobody knows them
		c.TaxFree = tax.Free
		if tax.GivenVAT {
			c.VAT = &tax.VAT
		}
	}
	return c
}
