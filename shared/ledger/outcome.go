package ledger

import (
	"slices"
	"time"
)

// outcome says what became of a request, as far as the answers tell. A request is accounted for only by an answer
// that was asked for after it.
func (o Order) outcome(r Request) Outcome {
	switch r.Kind {
	case Return:
		return o.afterReturn(r)
	case Approval:
		return o.afterApproval(r)
	case Confirm:
		return o.afterConfirm(r)
	case Charge:
		return o.afterCharge(r)
	case Notice:
		return o.afterNotice(r)
	}
	return o.afterCancel(r)
}

// afterReturn: the window's own payment is shown and decided, or the window can capture no more.
func (o Order) afterReturn(r Request) Outcome {
	looked := o.Attempts[r.Attempt-1].LookedAt
	p := o.payment(r.Key)
	switch {
	case p != nil && p.State == Captured, p != nil && p.State == Declined && r.Failed:
		return Shown
	case looked.Before(r.At):
		return Pending
	case p != nil && p.State == Declined && !looked.Before(r.At.Add(o.Timing.LookupLag)):
		return Shown // the redirect says nothing of a failure: the lookup may be behind
	case !looked.Before(r.Since.Add(o.Timing.PendingMax)):
		return Lapsed
	case r.Failed && r.Key == "" && !o.shows(r.Attempt):
		return Lapsed // the buyer closed the window, and nothing was begun in it
	case !o.shows(r.Attempt):
		return lapsedIf(!looked.Before(r.At.Add(o.Timing.AbsentMax)))
	case r.Key == "" && o.decided(r.Attempt) && o.tells(r, looked):
		return Shown
	}
	return Pending
}

// tells says that a lookup which shows only payments that took nothing is about the returned window, too: the
// redirect says that it failed, or the lookup was begun so late that the newest payment cannot be missing.
func (o Order) tells(r Request, looked time.Time) bool {
	return r.Failed || o.captured(r.Attempt) || !looked.Before(r.At.Add(o.Timing.LookupLag))
}

func lapsedIf(over bool) Outcome {
	if over {
		return Lapsed
	}
	return Pending
}

// afterApproval: we let the provider's window capture payment Key.
func (o Order) afterApproval(r Request) Outcome {
	if p := o.payment(r.Key); p != nil && p.State >= Declined {
		return Shown
	}
	return lapsedIf(!r.LookedAt.Before(r.At.Add(o.Timing.PendingMax)))
}

// afterConfirm: Toss Payments may be asked several times for one payment (Turn). A refusal in an error body is the
// end only when a lookup after it shows no capture either, and no other of these requests may still be at work:
// replays and the provider's view can differ.
func (o Order) afterConfirm(r Request) Outcome {
	p := o.payment(r.Key)
	last := o.lastTurn(r)
	switch {
	case p != nil && p.State == Captured:
		return Shown
	case p != nil && p.State == Declined:
		return Denied
	case o.missing(r) && o.Attempts[r.Attempt-1].LookedAt.Before(r.At):
		return Pending // the redirect's key may be of no use, and the number of use
	case r.Elsewhere:
		return Denied // the redirect's payment is another order's: the provider never takes it for this one
	case last.Reply == Refused && o.agreed(last) && o.othersHarmless(last):
		return Denied
	}
	return lapsedIf(!last.LookedAt.Before(r.Since.Add(o.Timing.PendingMax)))
}

// agreed says that a lookup after a refusal was made: of a number that no other follows, which is not looked up again
// (looks), one that cannot be behind.
func (o Order) agreed(r Request) bool {
	from := r.RepliedAt
	if r.Attempt >= AttemptsMax || !o.LearnedAt.Before(o.Over()) {
		from = from.Add(o.Timing.LookupLag)
	}
	return !r.LookedAt.Before(from)
}

// missing says that a lookup of the request's key did not show a payment of this order.
func (o Order) missing(r Request) bool {
	return o.payment(r.Key) == nil && !r.LookedAt.Before(r.At)
}

// othersHarmless says that no other turn of the request may be at work: each was refused, or not processed.
func (o Order) othersHarmless(r Request) bool {
	return !slices.ContainsFunc(o.Requests, func(q Request) bool {
		harmless := q.Reply == Refused || q.Reply == Untouched
		return q.sibling(r) && q.Turn != r.Turn && !harmless
	})
}

// sibling says that two requests are turns of the same.
func (r Request) sibling(q Request) bool {
	r.Turn = q.Turn
	return r.is(q)
}

// lastTurn is the newest repetition of a request.
func (o Order) lastTurn(r Request) Request {
	for _, q := range o.Requests {
		if q.sibling(r) && q.Turn > r.Turn {
			r = q
		}
	}
	return r
}

// afterCharge: PortOne has no idempotency key but the number. A listed refusal of the first request ends it. Of a
// repetition it does only when a lookup agrees, for the first may have been carried out. A charge that cannot be
// found is never given up while the order is not closed: after PendingMax it is repeated under the same number, which
// PortOne refuses if it took the money; or, when nobody will charge the cycle again, given up then.
func (o Order) afterCharge(r Request) Outcome {
	last, looked := o.lastCharge(r.Attempt), o.Attempts[r.Attempt-1].LookedAt
	agreed := o.decided(r.Attempt) && !looked.Before(last.RepliedAt)
	own := o.own(last) // only the charge has the key
	switch {
	case last.Reply == Accepted, own == Captured:
		return Shown
	case own == Declined && o.decided(r.Attempt):
		return Denied
	case last.Reply == Refused && (last.Turn == 0 || agreed):
		return Denied
	case last.Reply == Already && agreed && o.captured(r.Attempt):
		return Denied // another payment, such as of a window of the buyer's own making, used the number up
	case o.Wanted == Never:
	case !o.closed() && !o.refunded(r.Attempt) && r.Attempt == o.Current(): // no other is repeated (reopen)
		return Pending
	}
	return lapsedIf(o.decided(r.Attempt) && !looked.Before(last.At.Add(o.Timing.PendingMax)))
}

// own is how far the payment of a charge has come that was made once; 0: it is not shown, or of a repetition.
func (o Order) own(r Request) (state State) {
	for _, p := range o.Payments {
		if r.Turn == 0 && p.Attempt == r.Attempt && p.BillingKey == r.Key {
			state = max(state, p.State)
		}
	}
	return state
}

// refunded says that a payment which fits was taken under a number and refunded before we knew of it: nobody is
// charged once more.
func (o Order) refunded(attempt int) bool {
	return slices.ContainsFunc(o.Payments, func(p Payment) bool { return p.Attempt == attempt && o.refundedUnseen(p) })
}

// lastCharge is the newest charge under a number, whatever its billing key.
func (o Order) lastCharge(attempt int) (last Request) {
	for _, r := range o.Requests {
		if r.Kind == Charge && r.Attempt == attempt && !r.At.Before(last.At) {
			last = r
		}
	}
	return last
}

// afterNotice: what it names is shown as it says, or was looked up so long after that the lookup cannot be behind. What
// a number shows does not account for a notice without a key: it may mean a payment that is not shown yet.
func (o Order) afterNotice(r Request) Outcome {
	looked := r.LookedAt
	if r.Key == "" {
		looked = o.Attempts[r.Attempt-1].LookedAt
	}
	switch p := o.payment(r.Key); {
	case looked.Before(r.At):
		return Pending
	case p != nil && p.State == Captured: // one that is shown declined may be captured since
		if !r.Canceled || p.tellsOfRefund(r) {
			return Shown
		}
	}
	return lapsedIf(!looked.Before(r.At.Add(o.Timing.LookupLag)))
}

// tellsOfRefund says that what is shown of a payment is what a notice of a refund speaks of. A part may be that of an
// earlier notice.
func (p Payment) tellsOfRefund(r Request) bool {
	renewed := r.At.After(r.Since)
	return p.Balance == 0 || !renewed && p.refundedSince(r.At)
}

// refundedSince says that nothing is left of a payment, or that it was first shown with as little as is left after t.
func (p Payment) refundedSince(t time.Time) bool {
	return p.Balance == 0 || p.Balance < p.Amount && !p.KnownAt.Before(t)
}

// afterCancel: the provider lists the refund, or has accepted it; or, where it lists none, so much less is left. A
// refusal counts when a lookup begun after it still shows the money; that of a repetition, when the lookup cannot be
// behind what the request before it may have done.
func (o Order) afterCancel(r Request) Outcome {
	p := o.payment(r.Key)
	switch {
	case p == nil, r.unsent() && p.Balance >= r.Amount: // as long as enough is left
		return Pending
	case r.Reply == Accepted, p.lists(r.RefundID), p.lessBy(r):
		return Done
	case r.Reply == Refused && !p.SeenAt.Before(o.refusalHolds(r)):
		return Denied
	case r.RefundID != "" && p.Balance < r.Amount && p.SeenAt.After(r.At):
		return Denied // the console has refunded too much of it meanwhile: the provider takes no more
	case o.hopeless(r, *p):
		return Denied
	}
	return Pending
}

// unsent says that a merchant's refund waits to be sent.
func (r Request) unsent() bool { return r.RefundID != "" && r.Turn == 0 }

// hopeless says that a merchant's refund was once more refused for now LaterMax after it was first sent, and that no
// turn of it was made: a lookup that cannot be behind shows as much left as before.
func (o Order) hopeless(r Request, p Payment) bool {
	if r.RefundID == "" || r.Reply != Untouched || r.RepliedAt.Before(r.Since.Add(LaterMax)) {
		return false
	}
	return p.Balance >= r.Balance && !p.SeenAt.Before(r.RepliedAt.Add(o.Timing.LookupLag))
}

// refusalHolds is the time from which a lookup that still shows the money proves that a refused cancel returned
// nothing. What was answered may not have been the first one sent: without an answer the same is sent again,
// cancelPause later.
func (o Order) refusalHolds(r Request) time.Time {
	repeated := r.Turn > 0 && (r.RefundID == "" || r.Turn > 1) // a merchant's refund is first sent as turn 1
	if repeated || !r.RepliedAt.Before(r.At.Add(cancelPause)) {
		return r.RepliedAt.Add(o.Timing.LookupLag)
	}
	return r.RepliedAt
}

// lessBy says that so much less is left of a payment as the request was to refund, where that tells whether it was
// made.
func (p Payment) lessBy(r Request) bool {
	if r.RefundID != "" && p.ListsRefunds {
		return false
	}
	return p.Balance <= r.Balance-r.Amount
}

func (p Payment) lists(refundID string) bool {
	return refundID != "" && slices.Contains(p.Refunds, refundID)
}

// shows says that the provider has shown some payment under a number.
func (o Order) shows(attempt int) bool {
	return slices.ContainsFunc(o.Payments, func(p Payment) bool { return p.Attempt == attempt })
}

// Took says that money was taken under a number, also when it went back.
func (o Order) Took(attempt int) bool { return o.captured(attempt) }

func (o Order) captured(attempt int) bool {
	return slices.ContainsFunc(o.Payments, func(p Payment) bool { return p.Attempt == attempt && p.State == Captured })
}

// decided says that no payment shown under a number may still be captured.
func (o Order) decided(attempt int) bool {
	looked := o.Attempts[attempt-1].LookedAt
	return !slices.ContainsFunc(o.Payments, func(p Payment) bool {
		return p.Attempt == attempt && looked.Before(o.capturableUntil(p))
	})
}

// capturableUntil: a payment that failed for a reason that leaves it open may be captured until PendingMax after it
// was first shown so, and a window that was left open until SearchMax.
func (o Order) capturableUntil(p Payment) time.Time {
	switch p.State {
	case Begun:
		return p.KnownAt.Add(SearchMax)
	case Doubtful:
		return p.KnownAt.Add(o.Timing.PendingMax)
	}
	return time.Time{}
}

// blocks says that a request keeps the order from being paid otherwise, and its next number closed: money may be
// taken because of it. A window the buyer left is no such request when a lookup after his return shows nothing taken:
// he may pay again, under the same number, for which the provider takes one payment, and what is taken beside it goes
// back.
func (o Order) blocks(r Request) bool {
	switch {
	case r.Kind == Notice || r.Kind == Cancel || o.outcome(r) != Pending:
		return false
	case r.Kind == Return:
		return !o.leftAlone(r)
	}
	return true
}

func (o Order) leftAlone(r Request) bool {
	looked := o.Attempts[r.Attempt-1].LookedAt
	doubtful := slices.ContainsFunc(o.Payments, func(p Payment) bool {
		return p.Attempt == r.Attempt && p.State == Doubtful
	})
	usedUp := o.Attempts[r.Attempt-1].Used || o.captured(r.Attempt)
	if looked.Before(r.At) || doubtful || usedUp {
		return false
	}
	return r.Failed || !o.shows(r.Attempt) || !looked.Before(r.At.Add(o.Timing.AbsentMax))
}

// processing says that money may be taken, or is to go back, so nobody shall be asked to pay.
func (o Order) processing() bool {
	return len(o.surplus()) > 0 || slices.ContainsFunc(o.Requests, o.blocks)
}
