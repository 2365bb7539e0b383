package order

import (
	"cmp"
	"slices"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
)

// What a Step says that happened.
const (
	Created         = "created"
	Claimed         = "claimed"          // a confirm or a charge is about to be sent
	Approved        = "approved"         // PortOne asked, and its window may capture
	BuyerReturned   = "buyer-returned"   // from a window that captures by itself, and it is not known yet what it took
	Refused         = "refused"          // the attempt took nothing; Note is the provider's code
	Declined        = "declined"         // a payment took nothing, its number stays payable; Note is its code
	Lapsed          = "lapsed"           // what was asked for can take nothing any more
	Captured        = "captured"         // the payment pays the order
	PartlyRefunded  = "partly-refunded"  // by the merchant or in the provider's console
	FullyRefunded   = "fully-refunded"   // the same, and nothing is left
	RefundRequested = "refund-requested" // by the merchant; Note is the refund's id
	RefundDenied    = "refund-denied"    // the provider does not make it; Note is the refund's id
	SurplusFound    = "surplus"          // money was taken that is not the order's to keep; Reversal says why
	SurplusReturned = "surplus-refunded" // all of it is back
	Stray           = "stray"            // money under a number never offered, or older than the order; Note is its key
	Resolved        = "resolved"         // a person decided; Note says what
	Ended           = "ended"            // without a payment; To says how
	Contradicted    = "contradicted"     // Note says what contradicts what
)

// With returns the order with what is known of its money since a write, and the history of what that changed. It is the
// only way in which a record changes after it was made, beside claims and leases.
func (o Order) With(l ledger.Order, at time.Time) Order {
	found := changes(o.Ledger, l)
	cycle := o.BillingKey != ""
	if o.Ledger.Paid() == nil && l.Paid() != nil && cycle {
		o.Unrecorded = true
	}
	before := o.Status
	o.follow(l)
	if before != o.Status && !slices.ContainsFunc(found, func(s Step) bool { return s.Event != Declined }) {
		switch {
		case o.Status == Processing:
			found = append(found, Step{Event: BuyerReturned})
		case len(found) == 0:
			found = []Step{{Event: Lapsed}}
		}
	}
	o.History = slices.Clone(o.History)
	for i, s := range found {
		s.At, s.From, s.Attempt = at, before, cmp.Or(s.Attempt, l.Current())
		if s.To = cmp.Or(s.To, before); i == len(found)-1 {
			s.To = o.Status
		}
		before = s.To
		o.History = append(o.History, s)
	}
	o.History = o.History[max(0, len(o.History)-historyMax):]
	return o
}

// follow sets what follows from the ledger.
func (o *Order) follow(l ledger.Order) {
	o.ExpiresAt = l.ExpiresAt
	o.Ledger, o.Revision, o.Status, o.DueAt, o.Since = l, l.Revision, l.Status(), l.Due(), l.ProcessingSince()
	o.View()
	for _, r := range l.Requests {
		if r.Kind == ledger.Charge {
			o.BillingKey = r.Key
		}
	}
	if o.Unrecorded {
		due := later(o.Ledger.LearnedAt, o.CreatedAt).Add(30 * time.Second)
		if o.DueAt.IsZero() || due.Before(o.DueAt) {
			o.DueAt = due
		}
	}
}

// View sets what shows the ledger in the record's words and is not stored.
func (o *Order) View() {
	o.Attempt, o.Capture, o.Reversals = o.Ledger.Current(), Capture{}, nil
	for _, p := range o.Ledger.Payments {
		switch p.Role {
		case ledger.Kept:
			o.Capture = Capture{
				Key: p.Key, TransactionKey: p.TransactionKey, Attempt: p.Attempt,
				Amount: money.Amount{Value: p.Amount, Currency: money.Currency(p.Currency)}, Balance: p.Balance,
				ApprovedAt: p.ApprovedAt, Method: p.Method, ReceiptURL: p.ReceiptURL,
			}
		case ledger.Surplus:
			o.Reversals = append(o.Reversals, reversalOf(p))
		case ledger.Returned:
			r := reversalOf(p)
			r.Amount, r.DoneAt = p.Amount, p.KnownAt
			o.Reversals = append(o.Reversals, r)
		}
	}
}

func reversalOf(p ledger.Payment) Reversal {
	return Reversal{
		Key: p.Key, Attempt: p.Attempt, Amount: p.Balance, Currency: p.Currency,
		Reason: string(p.Reason), DecidedAt: p.KnownAt,
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// changes are what differs between two states of a ledger, in the order in which it is told. To is set where a change
// has a status of its own.
func changes(before, after ledger.Order) (found []Step) {
	found = append(found, newRequests(before, after)...)
	for n, a := range after.Attempts {
		if was := n < len(before.Attempts) && before.Attempts[n].Used; a.Used && !was && !after.Took(n+1) {
			step := Step{Event: Refused, Attempt: n + 1, Note: a.Code}
			if after.Current() > n+1 {
				step.To = Open
			}
			found = append(found, step)
		}
	}
	for _, p := range after.Payments {
		found = append(found, paymentChanges(before, p)...)
		if declinedNow(before, after, p) {
			found = append(found, Step{Event: Declined, Attempt: p.Attempt, Note: p.Code})
		}
	}
	for _, r := range after.Requests {
		was := slices.ContainsFunc(before.Requests, func(q ledger.Request) bool {
			return q.RefundID == r.RefundID && q.Outcome == ledger.Denied
		})
		if r.RefundID != "" && r.Outcome == ledger.Denied && !was {
			found = append(found, Step{Event: RefundDenied, Note: r.RefundID})
		}
	}
	if n := len(after.Resolutions); n > len(before.Resolutions) {
		decision := "give-back"
		if after.Resolutions[n-1].Keep {
			decision = "keep"
		}
		found = append(found, Step{Event: Resolved, Note: decision})
	}
	switch {
	case after.End == before.End || after.End == ledger.NoEnd:
	case after.End == ledger.EndReview:
		found = append(found, Step{Event: Contradicted, To: Review, Note: after.Why})
	default:
		found = append(found, Step{Event: Ended, To: after.Status(), Note: after.Attempts[after.Current()-1].Code})
	}
	return found
}

// declinedNow says that a payment is first known as declined and that the end of its number does not tell it.
func declinedNow(before, after ledger.Order, p ledger.Payment) bool {
	told := p.Attempt >= 1 && p.Attempt <= len(after.Attempts) && after.Attempts[p.Attempt-1].Used
	return p.State == ledger.Declined && !told && !slices.ContainsFunc(before.Payments, func(q ledger.Payment) bool {
		return q.Key == p.Key && q.State == ledger.Declined
	})
}

// newRequests are those of ours and the merchant's that were not written before.
func newRequests(before, after ledger.Order) (found []Step) {
	for _, r := range after.Requests {
		ours := r.Kind == ledger.Confirm || r.Kind == ledger.Charge || r.Kind == ledger.Approval
		was := slices.ContainsFunc(before.Requests, func(q ledger.Request) bool {
			same := q.Kind == r.Kind && q.RefundID == r.RefundID && q.Attempt == r.Attempt
			return same && (q.Key == r.Key || r.Kind == ledger.Charge)
		})
		if !ours && r.RefundID == "" || was {
			continue
		}
		step := Step{Event: Claimed, Attempt: r.Attempt, To: Processing}
		switch {
		case r.RefundID != "":
			step = Step{Event: RefundRequested, Attempt: r.Attempt, Note: r.RefundID}
		case r.Kind == ledger.Approval:
			step.Event = Approved
		}
		found = append(found, step)
	}
	return found
}

// paymentChanges are what became of one payment.
func paymentChanges(before ledger.Order, p ledger.Payment) (found []Step) {
	was := ledger.Payment{Balance: p.Amount}
	for _, q := range before.Payments {
		if q.Key == p.Key {
			was = q
		}
	}
	kept := p.Role == ledger.Kept
	emptied := kept && p.Balance == 0
	switch {
	case p.Role == ledger.Surplus && was.Role != ledger.Surplus:
		return []Step{{Event: SurplusFound, Attempt: p.Attempt, Reversal: string(p.Reason)}}
	case p.Role == ledger.Returned && was.Role != ledger.Returned:
		return []Step{{Event: SurplusReturned, Attempt: p.Attempt, Reversal: ReversalDone}}
	case p.Role == ledger.Foreign && was.Role != ledger.Foreign:
		return []Step{{Event: Stray, Attempt: p.Attempt, Note: p.Key}}
	case emptied && (was.Role != ledger.Kept || was.Balance > 0):
		return []Step{{Event: FullyRefunded, Attempt: p.Attempt, To: Refunded}}
	case kept && was.Role != ledger.Kept:
		found = append(found, Step{Event: Captured, Attempt: p.Attempt, To: Paid})
		was.Balance = p.Amount
	}
	if kept && p.Balance < was.Balance {
		found = append(found, Step{Event: PartlyRefunded, Attempt: p.Attempt})
	}
	return found
}
