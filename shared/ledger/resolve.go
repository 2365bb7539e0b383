package ledger

import (
	"errors"
	"slices"
	"time"
)

// Why a resolution is refused.
var (
	ErrNotInReview = errors.New("the order is not in review")
	ErrNoMoney     = errors.New("the provider shows no money of that payment to decide about")
	ErrKeepsOther  = errors.New("another payment pays the order")
)

// Resolution is what a person decided about a payment of an order in review.
type Resolution struct {
	Key    string
	Keep   bool // it pays the order; false: it is refunded
	By     string
	Reason string
	At     time.Time
}

// Resolve writes a person's decision. The payment gets the role that was decided, and the order is paid, or failed
// when no payment pays it; it comes back to review when another payment contradicts itself, or the provider refuses
// again. The ledger has the last word: money that is not there cannot be kept, and two payments cannot pay one order. A
// payment that was refunded in the provider's console meanwhile is back already: its order only ends, or is refunded
// when it is the one that is kept.
func (o Order) Resolve(r Resolution) (Order, error) {
	p := o.payment(r.Key)
	switch paid := o.Paid(); {
	case o.End != EndReview:
		return o, ErrNotInReview
	case p == nil || p.State != Captured:
		return o, ErrNoMoney
	case p.Balance == 0 && r.Keep && p.Role != Kept:
		return o, ErrNoMoney
	case r.Keep && paid != nil && paid.Key != r.Key:
		return o, ErrKeepsOther
	}
	o = o.copied()
	p = o.payment(r.Key)
	p.Role, p.Reason, p.Resolved = Surplus, GiveBack, true
	if r.Keep {
		p.Role, p.Reason = Kept, ""
	}
	for i, q := range o.Requests { // asked for anew, as the next turn: the provider keeps its answer to this one
		if q.returns(*p) && q.Reply == Refused {
			o.Requests[i].Reply = Unusable
		}
	}
	o.Resolutions = append(slices.Clone(o.Resolutions), r)
	if o.End, o.Why = NoEnd, ""; o.Paid() == nil {
		o.End = EndFailed // nobody is asked to pay an order that a person had to end
	}
	o.LearnedAt = later(o.LearnedAt, r.At)
	return o.Decide(), nil
}
