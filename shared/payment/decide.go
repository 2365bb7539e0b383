package payment

import (
	"cmp"
	"slices"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// afterTake is what the answer to a request for money proves.
func afterTake(o order.Order, a provider.Answer, account string, now time.Time) order.Event {
	if o.BillingKey != "" {
		return afterCharge(o, a, account, now)
	}
	return afterConfirm(o, a, account, now)
}

// afterCharge is what the answer to a charge with a billing key proves. A listed refusal of the first request is the end of the attempt:
// nothing was charged. Of the repetition it is the end only when a lookup agrees, because the first request may have been carried out.
func afterCharge(o order.Order, a provider.Answer, account string, now time.Time) order.Event {
	e, ok := fromPayment(o, a, account, now)
	e.Answered = e.Attempt == o.Attempt.N
	if ok && (e.Kind != order.Refused || o.Attempt.Turn == 0) {
		return e
	}
	e = doubtful(o, now)
	switch {
	case ok || a.Verdict == provider.Declined && a.Class.Definitive():
		if o.Attempt.Turn == 0 {
			e = refused(o, now)
			e.Answered = true
			return e
		}
		e.Next.Rejection, e.Next.Unanswered = a.Code, false
	case a.Class == provider.ClassAlready:
		e.Next.Rejection = a.Code // the number is used up: by the request before, or by money that went back
	}
	return e
}

// unsure is what remains of an event that would end an order one of whose numbers cannot be read: it is asked about again, and a charge that
// was refused is not sent again.
func unsure(o order.Order, e order.Event) order.Event {
	u := doubtful(o, e.At)
	u.Evidence, u.Asked, u.NoAnswer = e.Evidence, e.Asked, true
	if e.Kind == order.Refused && e.Attempt == o.Attempt.N {
		if u.Next = e.Next; e.Answered {
			u.Next.Unanswered, u.Next.Rejection = false, cmp.Or(lastCode(e.Evidence), "REFUSED")
		}
	}
	return u
}

func lastCode(evidence []order.Evidence) string {
	if len(evidence) == 0 {
		return ""
	}
	return evidence[len(evidence)-1].Code
}

// afterConfirm is what the answer to a confirm proves. A refusal in an error body is not yet the end: one lookup must agree, because the
// provider's replay of an old answer and its view of the payment can differ.
func afterConfirm(o order.Order, a provider.Answer, account string, now time.Time) order.Event {
	if e, ok := fromPayment(o, a, account, now); ok && a.Payment.Key == o.Attempt.Key {
		return e
	}
	e := doubtful(o, now)
	if !a.Answered() || a.Class == provider.ClassProcessing {
		return e // the request may be at work: it stays unanswered, and may be repeated with the same key only
	}
	// A listed code is the provider's answer to this request and to every copy of it, and says nothing of one under an earlier key. A 5xx, a
	// 429 or garbage may come from a server in front of the one that is still at work on the first copy.
	e.Next.Unanswered = e.Next.Unanswered && (a.Class == provider.ClassUnknown || o.Attempt.Turn > 0)
	switch {
	case a.Class.Definitive() || a.Verdict == provider.Absent:
		e.Next.Rejection = a.Code
	case a.Class != provider.ClassAlready:
		// The provider may keep this answer and give it again for the same idempotency key: the next confirm, if a lookup allows one, carries
		// the next key. The provider still takes one payment only once.
		e.Next.Turn++
	}
	return e
}

// afterFind is what lookups prove, and whether the confirm may be sent (again). The last answer decides; those before it only say that the
// key was of no use.
func afterFind(o order.Order, answers []provider.Answer, account string, now time.Time, t provider.Timing, repeat bool) (e order.Event, send bool) {
	a := answers[len(answers)-1]
	if o.Attempt.Key != "" && a.Payment.Key != "" && a.Payment.Key != o.Attempt.Key && (a.Verdict == provider.Refunded || a.Verdict == provider.Declined) {
		a = provider.Answer{Verdict: provider.Absent} // another payment that took nothing, or gave it back, says nothing of the claimed one
	}
	if gone(o, a, account, now) {
		switch {
		case !showsAll(a): // another window may still take money, until its time is over
			a = provider.Answer{Verdict: provider.Pending}
		case o.Reversed(a.Payment.Key):
			a = provider.Answer{Verdict: provider.Absent}
		}
	}
	if notTheCharge(o, a, account, now) {
		switch {
		case a.Undecided: // the charge may be the one behind it
			a = provider.Answer{Verdict: provider.Pending, Payment: provider.Payment{Open: true}}
		case o.Attempt.Rejection != "" && a.Verdict != provider.Declined:
			return refused(o, now), false // the number was used up by it
		default:
			a = provider.Answer{Verdict: provider.Absent}
		}
	}
	if e, ok := fromPayment(o, a, account, now); ok {
		return e, false
	}
	if a.Payment.Issuance { // somebody registered a means under an order's number: that is no payment
		if a.Verdict = provider.Absent; !showsAll(a) {
			a.Verdict = provider.Pending
		}
	}
	if a.Verdict != provider.Pending && a.Verdict != provider.Absent {
		e := doubtful(o, now)
		e.NoAnswer = true
		return e, false
	}
	if o.Status == order.Open {
		if now.Before(o.ExpiresAt.Add(order.OpenGrace)) {
			return doubtful(o, now), false // asked before its time: it may still be paid
		}
		return lapsed(o, now), false
	}
	// Nothing is captured now. May it still be?
	since := now.Sub(o.Attempt.ClaimedAt)
	over := since >= t.PendingMax || a.Verdict == provider.Absent && since >= t.AbsentMax && o.BillingKey == ""
	if o.BillingKey != "" && (a.Payment.Open || o.Attempt.Rejection == "" || o.Attempt.Unanswered) {
		return repeatCharge(o, repeat && over && !a.Payment.Open, now)
	}
	switch {
	case foreign(o, answers[0]):
		return refused(o, now), false // the redirect's key is another order's; the provider will never take it for this one
	case o.Attempt.Rejection != "" && !o.Attempt.Unanswered:
		return refused(o, now), false // the refusal is confirmed
	case over:
		return lapsed(o, now), false
	case o.Attempt.Rejection != "":
		return doubtful(o, now), false // an earlier request was never answered: it may still be at work
	}
	return doubtful(o, now), since < t.ConfirmWindow
}

// searchMax is the longest time a closed order looks for what its attempt asked for, while the provider calls a payment undecided. A window that
// was left open is, for ever; the alarm has rung for all that time.
const searchMax = 24 * time.Hour

// accountedFor says that lookups account for the money which the attempt of a closed order asked for: it is shown, or refused, or can no more
// be taken.
func accountedFor(o order.Order, answers []provider.Answer, now time.Time, t provider.Timing) bool {
	a := answers[0] // of the claimed key; those after it are only about what else there is under the number
	since := now.Sub(o.Attempt.ClaimedAt)
	switch {
	case lacksAnswer(a):
		return false
	case o.BillingKey != "":
		own := func(p provider.Payment) bool { return p.BillingKey == o.BillingKey }
		shown := o.Attempt.Turn == 0 && taken(o, a) && (own(a.Payment) || slices.ContainsFunc(a.Others, own))
		return shown || since >= t.PendingMax && !a.Undecided && !a.Payment.Open || since >= searchMax
	case o.Attempt.Key == "":
		return taken(o, a) && showsAll(a) || since >= t.PendingMax
	case foreign(o, a):
		return true
	}
	return a.Verdict != provider.Pending && a.Verdict != provider.Absent || since >= t.PendingMax
}

// gone says that what a buyer's order in doubt shows under its number is money that was not its to keep and is back, or test money.
func gone(o order.Order, a provider.Answer, account string, now time.Time) bool {
	if o.BillingKey != "" || o.Attempt.Key != "" || o.Status != order.Settling {
		return false
	}
	e, ok := fromPayment(o, a, account, now)
	return ok && (e.Kind == order.FullyRefunded && o.Reversed(a.Payment.Key) || e.Kind == order.Mismatched && e.Capture.Balance <= 0 ||
		e.Kind == order.Refused && a.Verdict != provider.Declined)
}

// lacksAnswer says that a lookup brought nothing that can be read. An issuance has no verdict either, but took no money.
func lacksAnswer(a provider.Answer) bool { return a.Verdict == provider.Unknown && !a.Payment.Issuance }

// showsAll says that an answer to a question by number leaves nothing open.
func showsAll(a provider.Answer) bool { return !a.Undecided && !a.Unsure && !a.Payment.Open }

// notTheCharge says that an answer about a cycle which is not over shows a payment that is none of its charge's, such as of a window of the
// buyer's own making, and holds no money any more, or only test money, or failed. It says nothing of a charge that may still be at work.
// A failed one is known by its customer_uid, which PortOne leaves empty for a payment without a billing key (V1 OpenAPI); should it be
// missing of a charge, the repetition's own answer decides.
func notTheCharge(o order.Order, a provider.Answer, account string, now time.Time) bool {
	if o.BillingKey == "" || o.Closed() {
		return false
	}
	e, ok := fromPayment(o, a, account, now)
	owed := slices.ContainsFunc(o.Reversals, func(r order.Reversal) bool { return r.Key == a.Payment.Key && r.DoneAt.IsZero() })
	switch {
	case !ok || owed:
		return false
	case e.Kind == order.Mismatched:
		return e.Capture.Balance <= 0
	case e.Kind == order.FullyRefunded:
		return o.Reversed(a.Payment.Key)
	}
	testMoney := a.Payment.Sandbox && o.Mode != "test"
	if a.Verdict == provider.Declined {
		return o.Attempt.Unanswered && (testMoney || a.Payment.BillingKey == "")
	}
	return e.Kind == order.Refused && testMoney
}

// repeatCharge: a charge that no lookup has found when every window is over is sent once more, under the same number. The provider takes it
// if the one before never arrived, and refuses it as a duplicate if it did; a new number would take the money twice. One that is there and
// not decided is waited for, however long.
func repeatCharge(o order.Order, may bool, now time.Time) (order.Event, bool) {
	e := doubtful(o, now)
	if !may {
		return e, false
	}
	e.Next.Turn, e.Next.ClaimedAt, e.Next.Rejection = o.Attempt.Turn+1, now, ""
	return e, true
}

// fromPayment is what a payment object of this order proves by itself.
func fromPayment(o order.Order, a provider.Answer, account string, now time.Time) (order.Event, bool) {
	if attemptOf(o, a.Payment.Number) == 0 {
		return order.Event{}, false
	}
	e := order.Event{At: now, Attempt: attemptOf(o, a.Payment.Number), Capture: captureOf(a.Payment)}
	e.OwnKey = o.BillingKey != "" && a.Payment.BillingKey == o.BillingKey
	switch a.Verdict {
	case provider.Paid:
		e.Kind = order.Captured
	case provider.PartlyRefunded:
		e.Kind = order.PartlyRefunded
	case provider.Refunded:
		e.Kind = order.FullyRefunded
	case provider.Declined:
		current := e.Attempt == o.Attempt.N
		another := o.Status == order.Settling && o.Attempt.Key != "" && a.Payment.Key != o.Attempt.Key // it says nothing of the claimed one
		e = refused(o, now)
		e.Of = a.Payment.Key
		return e, current && !another
	default:
		return order.Event{}, false
	}
	switch p := a.Payment; {
	case p.Issuance:
		return order.Event{}, false // a billing key was issued; no money was taken
	case p.Sandbox && o.Mode != "test":
		return order.Event{Kind: order.Refused, At: now, Attempt: e.Attempt, Next: o.Attempt}, true // test money pays nothing; there is nothing to give back
	case p.Amount != o.Amount.Value || p.Currency != string(o.Amount.Currency) || !p.Sandbox && o.Mode == "test" || !accountFits(account, p.Account):
		e.Kind = order.Mismatched
	}
	return e, true
}

// accountFits compares the merchant account a payment went to with the deployment's, when both are known.
func accountFits(own, paid string) bool { return own == "" || paid == "" || own == paid }

// foreign says that an answer shows a payment that says nothing of the current attempt: of somebody else's order, or of an earlier
// attempt that took no money. One of an earlier attempt that did take money concerns us very much.
func foreign(o order.Order, a provider.Answer) bool {
	switch attempt := attemptOf(o, a.Payment.Number); {
	case a.Payment.Number == "" || attempt == o.Attempt.N:
		return false
	case attempt == 0:
		return true
	}
	return a.Verdict != provider.Paid && a.Verdict != provider.PartlyRefunded
}

// attemptOf is the attempt of this order that a number names, or 0.
func attemptOf(o order.Order, number string) int {
	n, err := order.ParseNumber(number)
	if err != nil || n.OrderID() != o.ID {
		return 0
	}
	return n.Attempt
}

func captureOf(p provider.Payment) order.Capture {
	return order.Capture{
		Key: p.Key, TransactionKey: p.TransactionKey, Amount: money.Amount{Value: p.Amount, Currency: money.Currency(p.Currency)},
		Balance: p.Balance, ApprovedAt: p.ApprovedAt, Method: p.Method, ReceiptURL: p.ReceiptURL,
	}
}

func doubtful(o order.Order, now time.Time) order.Event {
	return order.Event{Kind: order.Doubtful, At: now, Attempt: o.Attempt.N, Next: o.Attempt}
}

func refused(o order.Order, now time.Time) order.Event {
	return order.Event{Kind: order.Refused, At: now, Attempt: o.Attempt.N, Next: o.Attempt}
}

func lapsed(o order.Order, now time.Time) order.Event {
	return order.Event{Kind: order.Lapsed, At: now, Attempt: o.Attempt.N, Next: o.Attempt}
}

func evidenceOf(o order.Order, a provider.Answer, now time.Time) order.Evidence {
	return order.Evidence{
		At: now, Attempt: o.Attempt.N, Call: a.Call, HTTP: a.HTTP, Status: a.Payment.Status, Code: a.Code,
		TransactionKey: a.Payment.TransactionKey, Digest: a.Digest, TraceID: a.TraceID,
	}
}
