package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Answer is one answer of the provider: to a lookup of a payment (Key) or of everything under a number (Attempt), or
// the reply to a request.
type Answer struct {
	Account   Account // it was seen through
	Began, At time.Time
	Key       string
	Attempt   int
	Readable  bool      // something could be learned; false: no answer, 5xx, garbage
	Complete  bool      // of a lookup by number: it showed everything there is
	Elsewhere bool      // of a lookup by key: it is another order's payment
	Payments  []Payment // as the provider shows them; roles and times are ignored
	To        *Request  // it is the reply to this request
	Reply     Reply
	Code      string
}

// Learn merges an answer. It is the only way in for knowledge about money, and every field it touches only grows:
// merging the same answers in any order, any number of times, gives the same order. It decides nothing.
func (o Order) Learn(a Answer) Order {
	if a.Account != o.Account {
		return o // another account's view proves nothing
	}
	o = o.copied()
	o.LearnedAt = later(o.LearnedAt, a.At)
	complete := a.Complete
	for _, p := range a.Payments {
		complete = o.merge(p, a) && complete
	}
	if i := a.Attempt - 1; complete && i >= 0 && i < len(o.Attempts) {
		o.Attempts[i].LookedAt = later(o.Attempts[i].LookedAt, a.Began)
	}
	for i := range o.Requests {
		r := &o.Requests[i]
		if a.To != nil && r.is(*a.To) {
			r.replied(a)
		}
		if lookup := a.To == nil && a.Readable; lookup && a.Key != "" && r.Key == a.Key {
			r.LookedAt, r.Elsewhere = later(r.LookedAt, a.Began), r.Elsewhere || a.Elsewhere
		}
	}
	return o
}

// replied merges the reply to the request itself: the greatest counts, and the earliest of its kind.
func (r *Request) replied(a Answer) {
	order := cmp.Or(cmp.Compare(r.Reply, a.Reply), a.At.Compare(r.RepliedAt), cmp.Compare(a.Code, r.Code))
	if a.Reply != NoReply && order < 0 {
		r.Reply, r.Code, r.RepliedAt = a.Reply, a.Code, a.At
	}
}

// is says that two values are the same request.
func (r Request) is(q Request) bool { return r.id() == q.id() }

type requestID struct {
	kind     Kind
	attempt  int
	key      string
	turn     int
	refundID string
}

func (r Request) id() requestID { return requestID{r.Kind, r.Attempt, r.Key, r.Turn, r.RefundID} }

// merge adds what an answer shows of one payment, and says whether the answer accounts for it: it is kept, or need not
// be.
func (o *Order) merge(p Payment, a Answer) bool {
	p.Role, p.Reason, p.Resolved = NoRole, "", false
	p.KnownAt, p.SeenAt, p.BehindAt = a.At, a.Began, time.Time{}
	if p.Test && o.Account.Live {
		p.State, p.Balance = Declined, 0 // test money pays nothing, and uses its number up
	}
	if q := o.payment(p.Key); q != nil {
		q.absorb(p)
		return true
	}
	if p.State != Captured && o.idleLines() >= linesMax {
		return o.takesNothing(p, a.Began)
	}
	o.Payments = append(o.Payments, p)
	slices.SortFunc(o.Payments, func(x, y Payment) int {
		return cmp.Or(cmp.Compare(x.Attempt, y.Attempt), cmp.Compare(x.Key, y.Key))
	})
	return true
}

// takesNothing says that a payment which a question begun at t shows will not be captured.
func (o Order) takesNothing(p Payment, t time.Time) bool {
	return p.State == Declined || !t.Before(o.Over().Add(SearchMax))
}

func (o Order) idleLines() (n int) {
	for _, p := range o.Payments {
		if p.State != Captured {
			n++
		}
	}
	return n
}

// absorb merges what two answers show of one payment. What is further on counts, however old the answer: a capture is
// not undone by a lookup that is behind, and a balance only falls. When a question shows less, it is remembered, for
// contradicts.
func (p *Payment) absorb(q Payment) {
	differ := min(p.State, q.State) == Captured && p.Amount != q.Amount
	disputed := p.Disputed || q.Disputed || differ
	behind := later(p.BehindAt, q.BehindAt)
	refunds := union(p.Refunds, q.Refunds)
	role, reason, resolved := p.Role, p.Reason, p.Resolved
	switch d := p.progress(q); {
	case d < 0:
		behind = later(behind, p.SeenAt)
		*p = q
	case d > 0:
		behind = later(behind, q.SeenAt)
	default:
		known, seen := p.KnownAt, later(p.SeenAt, q.SeenAt)
		if q.KnownAt.Before(known) {
			known = q.KnownAt
		}
		if p.older(q) {
			*p = q
		}
		p.KnownAt, p.SeenAt = known, seen
	}
	p.Disputed, p.BehindAt, p.Refunds = disputed, behind, refunds
	p.Role, p.Reason, p.Resolved = role, reason, resolved
}

// progress compares how far two answers show one payment.
func (p Payment) progress(q Payment) int {
	return cmp.Or(cmp.Compare(p.State, q.State), cmp.Compare(q.Balance, p.Balance))
}

// older says that q's details count: the newer answer's, and among equally new ones always the same.
func (p Payment) older(q Payment) bool {
	return cmp.Or(p.SeenAt.Compare(q.SeenAt), cmp.Compare(q.Amount, p.Amount), p.ApprovedAt.Compare(q.ApprovedAt),
		cmp.Compare(p.TransactionKey, q.TransactionKey), cmp.Compare(p.BillingKey, q.BillingKey),
		cmp.Compare(p.Merchant, q.Merchant), cmp.Compare(p.Currency, q.Currency),
		cmp.Compare(p.Method, q.Method), cmp.Compare(p.ReceiptURL, q.ReceiptURL), cmp.Compare(p.Code, q.Code)) < 0
}

func union(a, b []string) []string {
	if len(b) == 0 {
		return a
	}
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
