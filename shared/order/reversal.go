package order

import (
	"slices"
	"time"
)

// Reversal is money a provider took under one of the order's numbers that is not the order's to keep. It is written before the provider is
// asked to give it back, and has a due time like everything unsettled.
type Reversal struct {
	Key       string // the provider's key of the payment
	Attempt   int    // whose number it was taken under
	Amount    int64  // what was left of it when this was decided, in the currency's smallest unit
	Currency  string
	Reason    string
	DecidedAt time.Time
	DoneAt    time.Time // when the provider said it was all given back; zero: still owed
	Asks      int       // questions and requests that brought no conclusion
}

// Reasons of reversals.
const (
	ReasonMismatch = "mismatch" // amount, currency or account are not the order's
	ReasonLate     = "late"     // taken after the order was closed
	ReasonSecond   = "second"   // the order has been paid, or may be, by another payment
)

// ReversalDone is what a Step says when the money of a reversal is back.
const ReversalDone = "done"

// reversalStep is what a step says of the reversals it changed.
func reversalStep(before, after []Reversal) string {
	if len(after) > len(before) {
		return after[len(after)-1].Reason
	}
	for i, r := range after {
		if !r.DoneAt.IsZero() && before[i].DoneAt.IsZero() {
			return ReversalDone
		}
	}
	return ""
}

// reversalsMax bounds the list. An order under which money is taken wrongly more often is for a person.
const reversalsMax = 8

// Owed returns the first reversal that is not done, or nil.
func (o Order) Owed() *Reversal {
	i := slices.IndexFunc(o.Reversals, func(r Reversal) bool { return r.DoneAt.IsZero() })
	if i < 0 {
		return nil
	}
	r := o.Reversals[i]
	return &r
}

// owedCount is how many reversals are not done.
func (o Order) owedCount() int {
	n := 0
	for _, r := range o.Reversals {
		if r.DoneAt.IsZero() {
			n++
		}
	}
	return n
}

// owes says why the money an event speaks of must be given back, or "" when it need not, or is owed already.
func (o Order) owes(e Event) string {
	taken := e.Kind == Captured || e.Kind == PartlyRefunded || e.Kind == Mismatched
	if !taken || e.Capture.Balance <= 0 || e.Capture.Key == o.Capture.Key || o.Status == Review ||
		o.Listed(e.Capture.Key) {
		return ""
	}
	switch {
	case e.Kind == Mismatched:
		return ReasonMismatch
	case o.Status == Paid || o.Status == Refunded:
		return ReasonSecond
	case o.Status == Settling && (e.Attempt != o.Attempt.N || o.claimedAnother(e)):
		return ReasonSecond
	case (o.Status == Failed || o.Status == Expired) && !e.KeepLate:
		return ReasonLate
	}
	return ""
}

// Listed says that a payment is to be given back, or has been.
func (o Order) Listed(key string) bool {
	return slices.ContainsFunc(o.Reversals, func(r Reversal) bool { return r.Key == key })
}

// pending is the index of a payment's reversal that is not done, or -1.
func (o Order) pending(key string) int {
	return slices.IndexFunc(o.Reversals, func(r Reversal) bool { return key != "" && r.Key == key && r.DoneAt.IsZero() })
}

// Reversed says that a payment has been given back by a reversal.
func (o Order) Reversed(key string) bool {
	return slices.ContainsFunc(o.Reversals, func(r Reversal) bool { return key != "" && r.Key == key && !r.DoneAt.IsZero() })
}

// beforeReversal says that the event's question was begun before the provider said that the payment's money was back.
func (o Order) beforeReversal(e Event) bool {
	return !e.Asked.IsZero() && slices.ContainsFunc(o.Reversals, func(r Reversal) bool { return r.Key == e.Capture.Key && !e.Asked.After(r.DoneAt) })
}

// owing writes into the list of reversals what an event means for it.
func (o Order) owing(e Event) Order {
	reason, i := o.owes(e), o.pending(e.Capture.Key)
	if e.Kind == Doubtful && !e.Search {
		i = slices.IndexFunc(o.Reversals, func(r Reversal) bool { return r.DoneAt.IsZero() })
	}
	if reason == "" && i < 0 {
		return o
	}
	o.Reversals = slices.Clone(o.Reversals)
	switch {
	case reason != "" && len(o.Reversals) >= reversalsMax:
		return o // the order goes to review, with the evidence
	case reason != "":
		o.Reversals = append(o.Reversals, Reversal{
			Key: e.Capture.Key, Attempt: e.Attempt, Amount: e.Capture.Balance, Currency: string(e.Capture.Amount.Currency), Reason: reason, DecidedAt: e.At,
		})
	case e.Kind == FullyRefunded, e.Kind == Mismatched && e.Capture.Balance <= 0:
		o.Reversals[i].DoneAt = e.At
	case e.Kind == Doubtful:
		o.Reversals[i].Asks++
	case e.Capture.Balance > 0:
		o.Reversals[i].Amount = e.Capture.Balance
	}
	return o
}
