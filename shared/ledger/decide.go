package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Decide writes down what follows from what is known. It is called once before each write, so that what is told and
// done rests on a decision that is stored, and is the same however often it is called.
//
// Which payment is kept when several fit: the first that is written down. Of those one write knows of, the one a
// confirm or charge of ours asked for, else the one approved first. All others are surplus.
func (o Order) Decide() Order {
	o = o.copied()
	o.reopen()
	o.place()
	o.close()
	o.placeEmpty()
	o.review()
	o.move()
	return o
}

// place gives every payment that holds money its role.
func (o *Order) place() {
	for _, i := range o.byPrecedence() {
		p := &o.Payments[i]
		if p.Role == Surplus && p.Balance == 0 {
			p.Role = Returned
		}
		switch {
		case p.Role != NoRole, p.State != Captured, o.End == EndReview:
		case o.foreign(*p):
			p.Role = Foreign
		case p.Balance == 0:
		case o.misfit(*p):
			p.Role, p.Reason = Surplus, Mismatch
		case o.Paid() != nil:
			p.Role, p.Reason = Surplus, Second
		case o.End != NoEnd && !o.KeepLate:
			p.Role, p.Reason = Surplus, Late
		default:
			p.Role, o.End = Kept, NoEnd
		}
	}
}

// byPrecedence is the order in which new payments are offered the order.
func (o Order) byPrecedence() []int {
	indexes := make([]int, len(o.Payments))
	for i := range indexes {
		indexes[i] = i
	}
	slices.SortStableFunc(indexes, func(i, j int) int {
		p, q := o.Payments[i], o.Payments[j]
		return cmp.Or(btoi(o.asked(q))-btoi(o.asked(p)), p.ApprovedAt.Compare(q.ApprovedAt))
	})
	return indexes
}

// asked says that a request of ours asked for this payment.
func (o Order) asked(p Payment) bool {
	return slices.ContainsFunc(o.Requests, func(r Request) bool {
		switch r.Kind {
		case Confirm, Approval:
			return r.Key == p.Key
		case Charge:
			return r.Attempt == p.Attempt && r.Key == p.BillingKey
		}
		return false
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// foreign says that a payment stands under a number of this order and is not its own: it was approved before the
// order was made, or its number was never opened. Another table or stack on the same account made it, or this table
// before it was restored.
func (o Order) foreign(p Payment) bool { return o.End == EndTaken || o.unopened(p) || o.older(p) }

func (o Order) unopened(p Payment) bool { return p.Attempt > len(o.Attempts) }

// older says that a payment was approved before the order was made, or could have been made before it was lost.
func (o Order) older(p Payment) bool {
	made := o.CreatedAt
	if !o.RestoredTo.IsZero() && o.RestoredTo.Before(made) {
		made = o.RestoredTo
	}
	return !p.ApprovedAt.IsZero() && p.ApprovedAt.Before(made.Add(-clockSkew))
}

// misfit says that money was taken that cannot pay this order.
func (o Order) misfit(p Payment) bool {
	known := o.Account.Merchant != "" && p.Merchant != ""
	return o.altered(p) || known && p.Merchant != o.Account.Merchant
}

// altered says the same of a payment that is kept: the account it went to was compared then, and is another one's when
// the deployment's settings have changed since.
func (o Order) altered(p Payment) bool {
	asked := p.Amount == o.Amount && p.Currency == o.Currency
	return !asked || p.Disputed || p.Test == o.Account.Live
}

// placeEmpty lets a payment that was refunded before we knew of it pay the order, which is then refunded: only when
// nothing else may hold money under its number.
func (o *Order) placeEmpty() {
	if o.closed() || o.processing() {
		return
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		if o.refundedUnseen(*p) && !o.Attempts[p.Attempt-1].LookedAt.Before(p.SeenAt) {
			p.Role = Kept
			return
		}
	}
}

// refundedUnseen says that a payment fits, and was refunded before it had a role.
func (o Order) refundedUnseen(p Payment) bool {
	if p.Role != NoRole || p.State != Captured || p.Balance > 0 {
		return false
	}
	return !o.foreign(p) && !o.misfit(p)
}

// close drops the requests that are accounted for; a merchant's refund stays, with how it ended. What each means for
// its number is written there.
func (o *Order) close() {
	var open []Request
	ends := make([]Outcome, len(o.Requests))
	for i, r := range o.Requests {
		ends[i] = o.outcome(r)
	}
	for i, r := range o.Requests {
		end := ends[i]
		switch {
		case r.RefundID != "":
			if r.Outcome == Pending {
				r.Outcome = end
			}
		case r.Kind == Cancel:
			if p := o.payment(r.Key); p != nil && p.Role != Surplus {
				continue
			}
		case end != Pending:
			o.useUp(r, end)
			continue
		}
		open = append(open, r)
	}
	o.Requests = open
}

// useUp notes what the end of a request means for its number: where the payment it names is known, for that one's.
func (o *Order) useUp(r Request, end Outcome) {
	n := r.Attempt
	if p := o.payment(r.Key); p != nil {
		n = p.Attempt
	}
	if n > len(o.Attempts) {
		return
	}
	a := &o.Attempts[n-1]
	if o.doubts(r, end) {
		a.DoubtAt = later(a.DoubtAt, r.At)
	}
	switch {
	case r.Kind == Notice, r.Kind == Return && end == Lapsed:
		return // the window may be opened again, under the same number
	case r.Kind != Confirm && r.Kind != Charge:
		a.Used = true
	case end != Shown:
		a.Used, a.Code = true, cmp.Or(r.Code, a.Code)
	}
	for _, p := range o.Payments {
		if a.Used && p.Attempt == n && p.State == Declined {
			a.Code = cmp.Or(a.Code, p.Code)
		}
	}
}

// doubts says that the provider never said what it did with a request for money, and that no payment shows it: what is
// shown for a charge that was repeated may be the repetition's.
func (o Order) doubts(r Request, end Outcome) bool {
	switch {
	case r.Kind != Confirm && r.Kind != Charge:
		return false
	case r.Reply == Untouched || r.Reply == Refused || r.Reply == Accepted:
		return false
	}
	return end != Shown || r.Kind == Charge && o.lastCharge(r.Attempt).Turn > r.Turn
}

// review ends an order whose facts contradict each other, or whose money the provider will not return. A person
// decides.
func (o *Order) review() {
	if o.End == EndReview {
		return
	}
	count := 0
	for _, p := range o.Payments {
		if surplus := p.Role == Surplus || p.Role == Returned; surplus && !p.Resolved {
			count++
		}
		why := o.contradicts(p)
		if why == "" && p.Role == Surplus && o.refusedForGood(p) {
			why = "the provider does not refund " + p.Key
		}
		if why != "" {
			o.End, o.Why = EndReview, why
			return
		}
	}
	if count > SurplusMax {
		o.End, o.Why = EndReview, "more payments to refund than one order can explain"
	}
}

// contradicts says how a payment's facts contradict each other. A lookup may be behind; beyond LookupLag it is not.
func (o Order) contradicts(p Payment) string {
	back := p.State == Captured && p.BehindAt.After(p.KnownAt.Add(o.Timing.LookupLag))
	switch {
	case p.Resolved:
	case p.Role == Foreign:
		return o.stray(p)
	case back && p.Role != NoRole:
		return "the provider shows less of " + p.Key + " than before"
	case p.Role == Kept && o.altered(p):
		return "the payment " + p.Key + " no longer fits the order"
	}
	return ""
}

// stray says that money which would pay the order lies under a number that was never opened, or seems a little older
// than the order: clocks may be further apart than clockSkew. It may be this buyer's, so he is not asked to pay again
// before a person has looked.
func (o Order) stray(p Payment) string {
	switch {
	case p.Balance == 0 || o.misfit(p) || o.End == EndTaken:
	case o.older(p) && !p.ApprovedAt.Before(o.CreatedAt.Add(-clockDoubt)):
		return "money was taken shortly before the order was made, or a clock is wrong: " + p.Key
	case !o.older(p) && o.unopened(p):
		return "money was taken under a number that was never opened: " + p.Key
	}
	return ""
}

// refusedForGood says that the provider refused to return surplus money, and a lookup begun after that still shows
// it.
func (o Order) refusedForGood(p Payment) bool {
	return slices.ContainsFunc(o.Requests, func(r Request) bool {
		return r.returns(p) && o.outcome(r) == Denied
	})
}

// returns says that a request gives surplus money back.
func (r Request) returns(p Payment) bool {
	return r.Kind == Cancel && r.Key == p.Key && r.RefundID == ""
}

// move opens the next number, or ends the order, once nothing can be taken under those before.
func (o *Order) move() {
	if o.closed() || o.processing() {
		return
	}
	if slices.ContainsFunc(o.Payments, o.refundedUnseen) {
		return // it may still pay the order
	}
	n := o.Current()
	used := o.Attempts[n-1].Used || o.captured(n)
	over := !o.LearnedAt.Before(o.Over())
	switch {
	case used && !over && n < AttemptsMax:
		o.Attempts[n-1].Used = true
		o.Attempts = append(o.Attempts, Attempt{OpenedAt: o.LearnedAt})
		if o.Wanted == Yes && !o.LearnedAt.Before(o.ExpiresAt.Add(-extendBefore)) {
			o.ExpiresAt = o.LearnedAt.Add(CycleLife) // the attempt must be able to fail without writing the cycle off
		}
		o.move() // another table may have used that number up, too
	case !over && !used, o.unseen(o.endsFrom()), o.hasNotice():
	case o.Cycle && o.Wanted == NotAsked:
	case o.Cycle && o.Wanted == Yes && n < AttemptsMax:
		o.ExpiresAt = o.LearnedAt.Add(CycleLife)
		o.move()
	case o.Attempts[n-1].Used, o.tookOwn(n):
		o.Attempts[n-1].Used, o.End = true, EndFailed
	default:
		o.End = EndExpired
	}
}

// tookOwn says that money was taken under a number that is not another table's.
func (o Order) tookOwn(attempt int) bool {
	return slices.ContainsFunc(o.Payments, func(p Payment) bool {
		return p.Attempt == attempt && p.State == Captured && p.Role != Foreign
	})
}

// endsFrom is the time from which every number must have been looked up before the order may end: when no window can
// capture any more, or, with the last number refused before that, when it was opened.
func (o Order) endsFrom() time.Time {
	if o.LearnedAt.Before(o.Over()) {
		return o.Attempts[o.Current()-1].OpenedAt
	}
	return o.Over()
}

// unseen says that no complete lookup begun at or after t has shown some number.
func (o Order) unseen(t time.Time) bool {
	return slices.ContainsFunc(o.Attempts, func(a Attempt) bool { return a.LookedAt.Before(t) })
}

func (o Order) hasNotice() bool {
	return slices.ContainsFunc(o.Requests, func(r Request) bool { return r.Kind == Notice })
}
