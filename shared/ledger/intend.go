package ledger

import (
	"errors"
	"slices"
	"time"
)

// Why a request is refused. The errors say what is so; nothing was written.
var (
	ErrNotOpen     = errors.New("the order is not open")
	ErrOtherNumber = errors.New("it is not the order's current number")
	ErrAmount      = errors.New("the amount is not the order's")
	ErrUnplanned   = errors.New("the order has moved on: it no longer follows")
	ErrNotPaid     = errors.New("the order holds no payment to refund")
	ErrOverBalance = errors.New("the amount is over what is left of the payment")
	ErrWholeOnly   = errors.New("the payment can only be refunded whole")
	ErrRefundID    = errors.New("the refund id was used with another amount")
	ErrTooMany     = errors.New("the order has too many refunds")
)

// Intend returns the order with a request written, or says why it must not be made. Nothing that may move money is
// sent before the order that Intend returns is stored.
func (o Order) Intend(r Request) (Order, error) {
	if r.Since.IsZero() {
		r.Since = r.At
	}
	if r.Attempt < 1 || r.Attempt > o.Current() && r.Kind != Cancel {
		return o, ErrOtherNumber
	}
	switch r.Kind {
	case Return, Notice:
		return o.noted(r), nil
	case Confirm, Charge, Approval:
		if err := o.mayCapture(r); err != nil {
			return o, err
		}
	case Cancel:
		if r.RefundID == "" {
			return o.returning(r)
		}
		return o.refunding(r)
	}
	if r.Kind == Charge { // the repetitions before the last one are long over
		o.Requests = slices.DeleteFunc(slices.Clone(o.Requests), r.repeats)
	}
	return o.with(r), nil
}

// repeats says that the request is a later repetition of a charge that was a repetition itself.
func (r Request) repeats(q Request) bool {
	return q.Kind == Charge && q.Attempt == r.Attempt && 0 < min(q.Turn, r.Turn-q.Turn)
}

// mayCapture: money is asked for under the current number of an open order for which nothing else may be taken, once;
// again only as the next turn of a request that is open.
func (o Order) mayCapture(r Request) error {
	switch {
	case r.Amount != o.Amount:
		return ErrAmount
	case r.Turn > 0:
		if last, ok := o.open(r); !ok || last.Turn != r.Turn-1 || o.closed() {
			return ErrUnplanned
		}
		return nil
	case o.Status() != Open:
		return ErrNotOpen
	case r.Attempt != o.Current() || o.Attempts[r.Attempt-1].Used:
		return ErrOtherNumber
	}
	return nil
}

// open finds the newest turn of a request that is written. A charge may be repeated with another billing key than
// before.
func (o Order) open(r Request) (Request, bool) {
	if r.Kind == Charge {
		last := o.lastCharge(r.Attempt)
		return last, last.Kind == Charge
	}
	for _, q := range o.Requests {
		if q.sibling(r) {
			return o.lastTurn(q), true
		}
	}
	return Request{}, false
}

// noted adds what somebody else says: a buyer's return, or a notice. A copy changes nothing while it is open, but for
// a return that names no payment, which may be from another window. A later notice of the same payment may be news of
// it, so it is accounted for by what is looked up after it.
func (o Order) noted(r Request) Order {
	limit := noticesMax
	if r.Kind == Return {
		limit = returnsMax
	}
	if r.Key != "" && o.count(r.Kind) >= limit && o.index(r) < 0 {
		r.Key = ""
	}
	i := o.index(r)
	if i < 0 {
		return o.with(r)
	}
	if r.Key != "" && r.copies(o.Requests[i]) {
		return o
	}
	o = o.copied()
	r.Since = o.Requests[i].Since
	if r.Key == "" {
		r.Failed = r.Failed && o.Requests[i].Failed // one window's failure says nothing of another one
	}
	o.Requests[i] = r
	return o
}

// copyWithin is how soon after a notice the same one is a copy of it; a later one may be news of the same payment.
const copyWithin = time.Second

// copies says that a note of somebody else says nothing that q does not.
func (r Request) copies(q Request) bool {
	news := r.Kind == Notice && r.At.After(q.At.Add(copyWithin))
	return !news && r.Failed == q.Failed && r.Canceled == q.Canceled
}

// Noted says that the order has what somebody says already: the same request is open.
func (o Order) Noted(r Request) bool {
	i := o.index(r)
	return i >= 0 && r.copies(o.Requests[i])
}

func (o Order) count(k Kind) (n int) {
	for _, r := range o.Requests {
		if r.Kind == k {
			n++
		}
	}
	return n
}

func (o Order) index(r Request) int { return slices.IndexFunc(o.Requests, r.is) }

func (o Order) with(r Request) Order {
	o.Requests = append(slices.Clone(o.Requests), r)
	return o
}

// returning writes that surplus money is asked back: all that is left of it. A repetition replaces the one before.
func (o Order) returning(r Request) (Order, error) {
	p := o.payment(r.Key)
	if p == nil || p.Role != Surplus || r.Amount != p.Balance {
		return o, ErrUnplanned
	}
	o.Requests = slices.DeleteFunc(slices.Clone(o.Requests), func(q Request) bool { return q.returns(*p) })
	return o.with(r), nil
}

// refunding writes a merchant's refund: refunds that are under way count against what is left, so that their sum
// never exceeds the capture. The same refund id again is the same refund.
func (o Order) refunding(r Request) (Order, error) {
	if i := slices.IndexFunc(o.Requests, func(q Request) bool { return q.RefundID == r.RefundID }); i >= 0 {
		return o.refundingAgain(i, r)
	}
	p := o.Paid()
	switch {
	case p == nil || p.Key != r.Key || o.End == EndReview:
		return o, ErrNotPaid
	case r.Amount < 1 || r.Amount > o.Refundable():
		return o, ErrOverBalance
	case p.WholeOnly && r.Amount != p.Amount:
		return o, ErrWholeOnly
	case o.count(Cancel) >= RefundsMax:
		return o, ErrTooMany
	}
	r.Turn, r.Balance = 0, 0
	return o.with(r), nil
}

func (o Order) refundingAgain(i int, r Request) (Order, error) {
	switch q := o.Requests[i]; {
	case q.Amount != r.Amount || q.Key != r.Key:
		return o, ErrRefundID
	case r.Turn <= q.Turn:
		return o, nil
	case q.Outcome != Pending:
		return o, ErrUnplanned
	}
	o = o.copied()
	q := o.Requests[i]
	r.Reply, r.Code, r.RepliedAt, r.Outcome, r.Reason = NoReply, "", time.Time{}, Pending, q.Reason
	if r.Since = q.Since; q.unsent() {
		r.Since = r.At
	}
	o.Requests[i] = r
	return o, nil
}

// Taken returns a new order whose number the provider knows from another table, or another system on the same merchant
// account: with another amount, so no window of this order has ever been opened.
func (o Order) Taken(code string, at time.Time) Order {
	o = o.copied()
	o.Attempts[0].Used, o.Attempts[0].Code, o.End, o.LearnedAt = true, code, EndTaken, at
	return o
}

// RefundOf returns a merchant's refund.
func (o Order) RefundOf(id string) (Request, bool) {
	i := slices.IndexFunc(o.Requests, func(r Request) bool { return r.RefundID == id && id != "" })
	if i < 0 {
		return Request{}, false
	}
	return o.Requests[i], true
}

// Refundable is what a merchant may still refund: the balance of the payment without the refunds that are under way.
func (o Order) Refundable() int64 {
	p := o.Paid()
	if p == nil {
		return 0
	}
	left := p.Balance
	for _, r := range o.Requests {
		if o.refunds(r) {
			left -= r.Amount
		}
	}
	return left
}

// refunds says that a request is a merchant's refund that is under way.
func (o Order) refunds(r Request) bool { return r.RefundID != "" && o.outcomeOf(r) == Pending }

// outcomeOf is how a merchant's refund ended, or stands.
func (o Order) outcomeOf(r Request) Outcome {
	if r.Outcome != Pending {
		return r.Outcome
	}
	return o.outcome(r)
}
