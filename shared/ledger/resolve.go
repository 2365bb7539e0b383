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
	o.reconsider(*p, r)
	o.Resolutions = append(slices.Clone(o.Resolutions), r)
	if o.End, o.Why = NoEnd, ""; o.Paid() == nil {
		o.End = EndFailed // nobody is asked to pay an order that a person had to end
	}
	o.LearnedAt = later(o.LearnedAt, r.At)
	return o.Decide(), nil
}

// reconsider says what becomes of the cancel of a payment that a person has decided about. A refused one is asked for
// anew, as the next turn, because the provider keeps its answer to this one. One that may have been made before the
// payment was kept is looked up like a refund in the console.
func (o *Order) reconsider(p Payment, r Resolution) {
	i := slices.IndexFunc(o.Requests, func(q Request) bool { return q.returns(p) })
	if i < 0 {
		return
	}
	q := &o.Requests[i]
	if !r.Keep {
		q.Since = r.At
		if q.Reply == Refused {
			q.Reply = Unusable
		}
		return
	}
	o.Requests = slices.Delete(o.Requests, i, i+1)
	*o = o.noted(Request{
		Kind: Notice, Attempt: min(p.Attempt, o.Current()), Key: p.Key, Canceled: true, At: r.At, Since: r.At,
	})
}
