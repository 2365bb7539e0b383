package ledger

import "time"

// Status is what an order is called. It follows from the ledger; the table stores it because conditions and reports
// need it.
type Status string

// The statuses.
const (
	Open       Status = "open"       // may be paid
	Processing Status = "processing" // money may be taken, or is to go back; nobody shall pay meanwhile
	Paid       Status = "paid"
	Refunded   Status = "refunded" // it was paid, and nothing is left of the payment
	Failed     Status = "failed"   // the provider says that the last number took nothing, and there is no next one
	Expired    Status = "expired"  // the provider says that nothing was taken, and the time to pay is over
	Review     Status = "review"   // facts contradict each other: a person decides
)

// Status of the order.
func (o Order) Status() Status {
	switch p := o.Paid(); {
	case o.End == EndReview:
		return Review
	case p != nil && p.Balance == 0:
		return Refunded
	case p != nil:
		return Paid
	case o.End == EndTaken:
		return Failed
	case o.End != NoEnd:
		return Status(o.End)
	case o.processing():
		return Processing
	}
	return Open
}

// Payable is the number that may be claimed now, or 0.
func (o Order) Payable() int {
	if n := o.Current(); o.Status() == Open && !o.Attempts[n-1].Used {
		return n
	}
	return 0
}

// ProcessingSince is since when money may have been taken without an answer; zero: nothing is unclear.
func (o Order) ProcessingSince() time.Time { return o.oldest(o.blocks) }

// RefundingSince is since when the oldest of the merchant's refunds is under way; zero: none is.
func (o Order) RefundingSince() time.Time { return o.oldest(o.refunds) }

// oldest is since when the oldest of some requests is open; zero: none is.
func (o Order) oldest(counts func(Request) bool) (since time.Time) {
	for _, r := range o.Requests {
		if counts(r) && (since.IsZero() || r.Since.Before(since)) {
			since = r.Since
		}
	}
	return since
}

// pauses are the ages of a matter at which the provider is asked about it; after the last one it is asked every hour.
var pauses = []time.Duration{
	30 * time.Second, 90 * time.Second, 210 * time.Second, 510 * time.Second, 1110 * time.Second, 4710 * time.Second,
}

// after is the next time to ask about a matter that began at since, when the newest answer came at learned.
func after(since, learned time.Time) time.Time {
	for _, age := range pauses {
		if t := since.Add(age); t.After(learned) {
			return t
		}
	}
	last := since.Add(pauses[len(pauses)-1])
	hours := learned.Sub(last)/time.Hour + 1
	return last.Add(hours * time.Hour)
}

// Due is when the order must be looked at again; zero: never. Whatever is not final has one.
func (o Order) Due() time.Time {
	var due time.Time
	at := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	for _, r := range o.Requests {
		if o.outcomeOf(r) == Pending && (r.Kind != Cancel || o.End != EndReview) {
			at(after(r.pausesFrom(), o.LearnedAt))
		}
	}
	for _, p := range o.surplus() {
		if o.End != EndReview {
			since := later(p.KnownAt, o.decidedAt(p.Key)) // a decision counts anew
			at(after(since, o.LearnedAt))
		}
	}
	for _, t := range o.nextLooks() {
		at(o.from(t))
	}
	if !o.closed() {
		at(o.openDue())
	}
	return due
}

// pausesFrom is the time from which the pauses of a request are counted. Every answer that decides nothing makes a
// cancel a new request, and the pauses grow all the same.
func (r Request) pausesFrom() time.Time {
	if r.Kind == Cancel && r.Reply > Busy {
		return r.Since
	}
	return r.At
}

// decidedAt is when a person decided last about a payment, about any when the key is empty; zero: never.
func (o Order) decidedAt(key string) (t time.Time) {
	for _, r := range o.Resolutions {
		if key == "" || r.Key == key {
			t = later(t, r.At)
		}
	}
	return t
}

// nextLooks are the times that decide when numbers are looked up for their own sake: those to come, and the earliest of
// those that are past. A visit looks up all whose time has come, so that one pause serves them all.
func (o Order) nextLooks() (times []time.Time) {
	var past time.Time
	for n := 1; n <= o.Current(); n++ {
		for _, t := range o.owedLooks(n) {
			switch {
			case t.After(o.LearnedAt):
				times = append(times, t)
			case past.IsZero() || t.Before(past):
				past = t
			}
		}
	}
	if !past.IsZero() {
		times = append(times, past)
	}
	return times
}

// unread says that a number could not be looked up: whoever asked since tellFrom has not read it.
func (o Order) unread() bool {
	for n, a := range o.Attempts {
		for _, t := range o.owedLooks(n + 1) {
			if !o.LearnedAt.Before(o.tellFrom(a, t)) {
				return true
			}
		}
	}
	return false
}

// tellFrom is when a person is told that the look of a number which was owed at t is not made: a day later; an hour,
// when a request under it was never answered. A person's decision, or a refund when the number was read before, may
// make a look owed whose time is long past: the day begins with it.
func (o Order) tellFrom(a Attempt, t time.Time) time.Time {
	doubt := t.Equal(a.doubtLook())
	t = later(t, o.decidedAt(""))
	if doubt {
		return t.Add(time.Hour)
	}
	if p := o.Paid(); p != nil && !a.LookedAt.IsZero() {
		t = later(t, p.KnownAt)
	}
	return t.Add(24 * time.Hour)
}

// openDue is when an order that is not closed must be looked at for its own sake: it may always end.
func (o Order) openDue() time.Time {
	for _, p := range o.Payments {
		if o.refundedUnseen(p) {
			return after(p.KnownAt, o.LearnedAt)
		}
	}
	if o.exhausted() {
		return after(o.Attempts[o.Current()-1].OpenedAt, o.LearnedAt)
	}
	return o.from(o.Over())
}

// from is when to look for what is to be looked for at t: then, and after an answer that came since, by the pauses.
func (o Order) from(t time.Time) time.Time {
	if o.LearnedAt.Before(t) {
		return t
	}
	return after(t, o.LearnedAt)
}

// Unsettled says that money has been unclear since an hour or more, for the alarm.
func (o Order) Unsettled(now time.Time) bool {
	for _, r := range o.Requests {
		leftAlone := r.Kind == Return && o.leftAlone(r)
		if o.outcomeOf(r) == Pending && !leftAlone && !now.Before(r.Since.Add(time.Hour)) {
			return true
		}
	}
	if !o.closed() && !now.Before(o.Over().Add(time.Hour)) {
		return true // its numbers cannot be looked up
	}
	if o.unread() {
		return true
	}
	for _, p := range o.surplus() {
		if !now.Before(p.KnownAt.Add(time.Hour)) {
			return true
		}
	}
	return false
}
