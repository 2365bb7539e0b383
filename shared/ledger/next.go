package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Do is what a step does.
type Do uint8

// The steps.
const (
	Wait       Do = iota // nothing can be done now
	LookUp               // look up a payment (Key), or all under a number (Attempt)
	Send                 // make Request: confirm, charge or cancel; what is not written as it stands is written first
	nothingYet           // not the end of the plan: the next rule decides
)

var dos = [...]string{"wait", "look up", "send", ""}

func (d Do) String() string { return dos[d] }

// Step is the next thing to do.
type Step struct {
	Do      Do
	Key     string
	Attempt int
	Request Request
}

// Lookup names what a visit has looked up already.
type Lookup struct {
	Key     string
	Attempt int
}

// Visit is what one process that settles an order has done and may do. The zero value only looks.
type Visit struct {
	Began  time.Time
	Looked []Lookup  // since the last Send; each question is asked once
	Read   []Lookup  // those that brought everything there was
	Fresh  *Request  // it wrote this request itself and has not sent it: nobody else will
	Charge *Request  // a charge of the current number that its worker wants, once every number before it was looked up
	Repeat time.Time // until when a charge that nobody can find may be repeated; zero: not by this visit
	Key    string    // the billing key to repeat it with; empty: the one it was made with
	// Retired: it has only the keys that the order was made with before the deployment got others. With them it looks
	// up and gives back, and asks for no money.
	Retired bool
	Spent   bool // it has sent as much as one visit may: it only looks
}

func (v Visit) allows(s Step) bool {
	switch {
	case s.Do != Send:
		return true
	case v.Spent:
		return false
	}
	return !v.Retired || s.Request.Kind == Cancel
}

func (v Visit) looked(l Lookup) bool { return slices.Contains(v.Looked, l) }

func (v Visit) read(l Lookup) bool { return slices.Contains(v.Read, l) }

// Next plans. It is the only place that says what is done about an order: one step, for the order as it is decided.
func (o Order) Next(now time.Time, v Visit) Step {
	for _, rule := range []func(time.Time, Visit) Step{
		o.sendFresh, o.returnSurplus, o.refund, o.confirmAgain, o.lookAtKeys, o.lookAtNumbers, o.chargeAgain,
		o.chargeNext, o.lastLook,
	} {
		if s := rule(now, v); s.Do != nothingYet && v.allows(s) {
			return o.guarded(s, v)
		}
	}
	return Step{Do: Wait}
}

var none = Step{Do: nothingYet}

// look is the lookup, unless this visit has made it.
func look(v Visit, l Lookup) Step {
	if v.looked(l) {
		return none
	}
	return Step{Do: LookUp, Key: l.Key, Attempt: l.Attempt}
}

// sendFresh: who wrote a request sends it, if the wall clock still allows it: a function that was frozen since must
// not.
func (o Order) sendFresh(now time.Time, v Visit) Step {
	if v.Fresh == nil {
		return none
	}
	i := o.index(*v.Fresh)
	if i < 0 || o.outcomeOf(o.Requests[i]) != Pending {
		return none
	}
	r := o.Requests[i]
	overtaken := o.closed() || r.Attempt != o.Current() // by what this visit has learned since it was written
	if !r.At.Equal(v.Fresh.At) || !o.inTime(r, now) {
		return none
	}
	if overtaken && r.Kind != Cancel {
		return none
	}
	return Step{Do: Send, Request: r}
}

// inTime says that a request may still leave.
func (o Order) inTime(r Request, now time.Time) bool {
	switch r.Kind {
	case Confirm:
		return now.Before(r.Since.Add(o.Timing.ConfirmWindow))
	case Charge:
		return now.Before(r.At.Add(ChargeSendMax))
	}
	return true
}

// cancelPause is how long a cancel without an answer is waited for before it is made again. Two at once do no harm:
// the balance they carry lets the provider carry out one.
const cancelPause = 15 * time.Second

// returnSurplus gives back what is not the order's to keep: all that is left of it. One that was asked for before is
// looked up first.
func (o Order) returnSurplus(now time.Time, v Visit) Step {
	for _, p := range o.surplus() {
		if o.End == EndReview {
			break
		}
		r := Request{Kind: Cancel, Attempt: p.Attempt, Key: p.Key, At: now, Amount: p.Balance, Balance: p.Balance}
		i := slices.IndexFunc(o.Requests, func(q Request) bool { return q.returns(p) })
		if i >= 0 {
			switch s := o.again(&r, o.Requests[i], now, v); s.Do {
			case LookUp:
				return s
			case nothingYet:
				continue
			}
		}
		return Step{Do: Send, Request: r}
	}
	return none
}

// again prepares the repetition of a cancel: after a lookup, and not while the one before may be on its way, nor, after
// an answer, before its next pause is over, however many visits there are. The turn, and with it the idempotency key,
// is the next only after a definite answer, which the provider would give again; or when the sum is another.
func (o Order) again(r *Request, last Request, now time.Time, v Visit) Step {
	if s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {
		return s
	}
	p := o.payment(r.Key)
	switch {
	case p.SeenAt.Before(v.Began):
		return none // the lookup brought nothing
	case last.unsent(): // it goes out with the balance as it is now
		r.Turn = 1
		return Step{Do: Send}
	case !p.SeenAt.After(last.At), last.Reply <= Busy && now.Before(last.At.Add(cancelPause)):
		return none // it is too early
	case last.Reply == Refused:
		return none // a later lookup decides
	case last.Reply > Busy && now.Before(after(last.Since, last.RepliedAt)):
		return none
	}
	if last.Reply <= Busy && last.Balance == r.Balance {
		*r = last // the same request
	} else {
		r.Since, r.Turn = last.Since, last.Turn+1
	}
	return Step{Do: Send}
}

// refund makes the merchant's refunds, one at a time.
func (o Order) refund(now time.Time, v Visit) Step {
	p := o.Paid()
	i := slices.IndexFunc(o.Requests, o.refunds)
	if p == nil || i < 0 || o.End == EndReview {
		return none
	}
	r := o.Requests[i]
	last := r
	r.At, r.Balance = now, p.Balance
	if s := o.again(&r, last, now, v); s.Do != Send {
		return s
	}
	if r.Amount > p.Balance {
		return none // the console has refunded it meanwhile; a notice or a person will tell
	}
	return Step{Do: Send, Request: r}
}

// confirmAgain looks up what became of a confirm, and sends it again while Toss Payments still takes it (10 minutes
// after the return): without an answer with the same idempotency key, whose answer is then the first one's; after a
// definite answer that decides nothing with the next key, because the provider may keep that answer for the old one.
// Never after a refusal.
func (o Order) confirmAgain(now time.Time, v Visit) Step {
	for _, r := range o.Requests {
		if r.Kind != Confirm || o.outcome(r) != Pending || o.lastTurn(r).Turn != r.Turn {
			continue
		}
		if s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {
			return s
		}
		if s := look(v, Lookup{Attempt: r.Attempt}); o.missing(r) && s.Do == LookUp {
			return s
		}
		if o.mayConfirmAgain(r, now) {
			return Step{Do: Send, Request: r.following(now)}
		}
	}
	return none
}

func (o Order) mayConfirmAgain(r Request, now time.Time) bool {
	refused := slices.ContainsFunc(o.Requests, func(q Request) bool { return q.sibling(r) && q.Reply == Refused })
	switch {
	case refused, r.Elsewhere, r.Reply == Already:
		return false
	case o.closed(), r.Turn >= turnsMax, r.LookedAt.Before(later(r.At, r.RepliedAt)):
		return false
	}
	return o.inTime(r, now)
}

// turnsMax bounds the repetitions of one request.
const turnsMax = 16

// following is the request's repetition: the same one without an answer, the next turn after a definite one.
func (r Request) following(now time.Time) Request {
	if r.Reply == NoReply || r.Reply == Busy {
		return r
	}
	next := Request{Kind: r.Kind, Attempt: r.Attempt, Key: r.Key, Since: r.Since, Amount: r.Amount}
	next.Turn, next.At = r.Turn+1, now
	return next
}

// lookAtKeys looks up the payments that notices, approvals and returns name.
func (o Order) lookAtKeys(_ time.Time, v Visit) Step {
	for _, r := range o.Requests {
		if r.Key == "" || !o.byKey(r) || o.outcome(r) != Pending {
			continue
		}
		if s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {
			return s
		}
	}
	return none
}

// byKey says that a request is accounted for by lookups of its payment. The one a return names is also looked up when
// it is not shown under the number that was: the redirect may not say which.
func (o Order) byKey(r Request) bool {
	switch r.Kind {
	case Notice, Approval:
		return true
	case Return:
		return o.payment(r.Key) == nil && !o.Attempts[r.Attempt-1].LookedAt.Before(r.At)
	}
	return false
}

// lookAtNumbers looks up the numbers of returns, charges and notices without a key, and of a payment that was
// refunded before we knew it.
func (o Order) lookAtNumbers(_ time.Time, v Visit) Step {
	for _, r := range o.Requests {
		if !o.byNumber(r) || o.outcome(r) != Pending {
			continue
		}
		if s := look(v, Lookup{Attempt: r.Attempt}); s.Do == LookUp {
			return s
		}
	}
	for _, p := range o.Payments {
		if !o.closed() && o.refundedUnseen(p) && o.Attempts[p.Attempt-1].LookedAt.Before(p.SeenAt) {
			return look(v, Lookup{Attempt: p.Attempt})
		}
	}
	return none
}

// byNumber says that a request is accounted for by lookups of its number. So is a notice whose payment is not shown by
// its key: PortOne shows test money in live mode by its number only.
func (o Order) byNumber(r Request) bool {
	switch r.Kind {
	case Return, Charge:
		return true
	case Notice:
		return r.Key == "" || o.missing(r) && o.Attempts[r.Attempt-1].LookedAt.Before(r.At)
	}
	return false
}

// chargeAgain repeats a charge that no lookup has found when it can no more be at work, under the same number:
// PortOne takes it if the one before never arrived, and refuses it as a duplicate if it did. A new number would take
// the money twice.
func (o Order) chargeAgain(now time.Time, v Visit) Step {
	r := o.lastCharge(o.Current())
	if r.Kind != Charge || o.outcome(r) != Pending || o.closed() {
		return none
	}
	gone := !o.Attempts[r.Attempt-1].LookedAt.Before(later(r.At, r.RepliedAt).Add(o.Timing.PendingMax))
	if !gone || !o.decided(r.Attempt) || len(o.surplus()) > 0 {
		return none
	}
	if !now.Before(v.Repeat) || o.begun(r.Attempt) {
		return none
	}
	return Step{Do: Send, Request: Request{
		Kind: Charge, Attempt: r.Attempt, Key: cmp.Or(v.Key, r.Key), Turn: r.Turn + 1, At: now, Since: r.Since,
		Amount: r.Amount,
	}}
}

// begun says that the newest lookup of a number shows a payment with a billing key that is not decided, however old: it
// is the charge. A window, which has none, is waited for until SearchMax.
func (o Order) begun(attempt int) bool {
	looked := o.Attempts[attempt-1].LookedAt
	return slices.ContainsFunc(o.Payments, func(p Payment) bool {
		return p.Attempt == attempt && p.undecidedCharge() && !p.SeenAt.Before(looked)
	})
}

func (p Payment) undecidedCharge() bool { return p.State == Begun && p.BillingKey != "" }

// chargeNext charges a further number of a cycle, once every number before it was looked up by this visit: a buyer
// can make a window under any.
func (o Order) chargeNext(now time.Time, v Visit) Step {
	if v.Charge == nil || o.Status() != Open {
		return none
	}
	for n := 1; n < o.Current(); n++ {
		if s := look(v, Lookup{Attempt: n}); s.Do == LookUp {
			return s
		}
		if o.Attempts[n-1].LookedAt.Before(v.Began) {
			return Step{Do: Wait} // it could not be read: the charge waits
		}
	}
	if v.Charge.Attempt != o.Current() || !v.Repeat.IsZero() && !now.Before(v.Repeat) {
		return none
	}
	r := *v.Charge
	r.At = now
	return Step{Do: Send, Request: r}
}

// lastLook looks up the numbers whose time to be looked at has come, whatever their requests and payments ask for. A
// second window's capture whose only notice was lost is found here.
func (o Order) lastLook(now time.Time, v Visit) Step {
	due := o.toLookUp(now)
	if len(due) > 0 {
		if s := o.ahead(v); s.Do != nothingYet {
			return s
		}
	}
	for _, n := range due {
		if s := look(v, Lookup{Attempt: n}); s.Do == LookUp {
			return s
		}
	}
	return none
}

// toLookUp are the numbers whose time to be looked at has come: all of them, because one may never be readable.
func (o Order) toLookUp(now time.Time) (attempts []int) {
	for n := 1; n <= o.Current(); n++ {
		if slices.ContainsFunc(o.owedLooks(n), func(t time.Time) bool { return !now.Before(t) }) {
			attempts = append(attempts, n)
		}
	}
	return attempts
}

// owedLooks are those times of looks that no complete lookup of the number has met.
func (o Order) owedLooks(attempt int) []time.Time {
	met := func(t time.Time) bool { return !o.Attempts[attempt-1].LookedAt.Before(t) }
	return slices.DeleteFunc(o.looks(attempt), met)
}

// looks are the times at or after which a number must be looked up once.
func (o Order) looks(attempt int) (times []time.Time) {
	if o.hasLastLook() {
		times = append(times, o.lastLookAt())
	}
	if !o.closed() && o.exhausted() {
		times = append(times, o.endsFrom()) // it may end once all are looked up
	}
	if o.End == EndReview {
		return times
	}
	if attempt < o.Current() && !o.Timing.windowCaptures() {
		// It was refused, and the lookup that agreed may have been behind. Where the provider's window captures, the
		// last look is as good.
		times = append(times, o.Attempts[attempt].OpenedAt.Add(o.Timing.LookupLag))
	}
	if t := o.Attempts[attempt-1].doubtLook(); !t.IsZero() {
		times = append(times, t)
	}
	return times
}

// doubtLook is when the number is looked up for its newest request without an answer; zero: there is none.
func (a Attempt) doubtLook() time.Time {
	if a.DoubtAt.IsZero() {
		return time.Time{}
	}
	return a.DoubtAt.Add(DoubtMax)
}

// hasLastLook says that every number must be looked up after its windows are over.
func (o Order) hasLastLook() bool {
	switch {
	case o.End == EndTaken, o.closed() && !o.Timing.windowCaptures(), o.Paid() != nil && o.Cycle:
		return false
	}
	return true
}

// lastLookAt is when no window of the order can capture any more. No window is opened for an order that is paid.
func (o Order) lastLookAt() time.Time {
	if p := o.Paid(); p != nil && p.KnownAt.Add(OpenGrace).Before(o.Over()) {
		return p.KnownAt.Add(OpenGrace)
	}
	return o.Over()
}

// exhausted says that the last number a buyer may have is used up.
func (o Order) exhausted() bool {
	n := o.Current()
	return n == AttemptsMax && (o.Attempts[n-1].Used || o.captured(n))
}
