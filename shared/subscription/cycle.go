package subscription

import (
	"slices"
	"strconv"
	"time"
)

// Decline is what a refused charge asks of us.
type Decline string

// The declines.
const (
	Soft      Decline = "soft"      // limit or balance: the same means may work in some days
	Transient Decline = "transient" // the bank is closed or busy: in some hours
	Hard      Decline = "hard"      // the means is gone: only a new one helps
)

// Timetable says when a refused cycle is tried again, as time since its first refusal. After the last one the
// subscription is suspended.
type Timetable struct {
	Soft      []time.Duration
	Transient []time.Duration
}

// DefaultTimetable: a salary comes within a week; a bank's maintenance ends within a day.
func DefaultTimetable() Timetable {
	day := 24 * time.Hour
	return Timetable{
		Soft:      []time.Duration{day, 3 * day, 5 * day, 7 * day},
		Transient: []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour, day},
	}
}

// Dunning is the state of a cycle that was refused. The zero value: it was not.
type Dunning struct {
	Since   time.Time // of the first refusal
	Attempt int       // of the cycle's order that is tried next, 2 or more
	Decline Decline   // the latest
	Code    string    // the provider's, of the latest
	Soft    bool      // one of them was soft
}

// ChargeLease is how long a cycle that a worker has claimed is nobody else's: a charge may take 65 s, and its lookups
// as long again. Then the record is due again, whatever became of the worker.
const ChargeLease = 4 * time.Minute

// OrderID is the order of cycle k.
func (s Subscription) OrderID(k int) string { return s.ID + "--c" + strconv.Itoa(k) }

// CycleClaim is the right to charge one cycle, given to exactly one worker for ChargeLease.
type CycleClaim struct {
	ID    string
	Cycle int
	At    time.Time
}

// Reason says why a cycle was not claimed.
type Reason string

// The reasons.
const (
	NotCharging Reason = "not-charging" // paused, suspended, canceled or not enrolled
	OtherCycle  Reason = "other-cycle"  // this cycle is over
	NotDue      Reason = "not-due"      // its time has not come
	Claimed     Reason = "claimed"      // another worker is at it
)

// Refusal is the typed error of Claim.
type Refusal struct{ Reason Reason }

func (r *Refusal) Error() string { return "subscription: refused: " + string(r.Reason) }

// Claim returns the subscription with the cycle claimed, or a *Refusal. It is the reference for the store's conditional
// write. What the claim's time is compared with does not depend on the index: ChargeAt is the cycle's own time, and a
// clock that jumps back repeats nothing.
func (s Subscription) Claim(c CycleClaim) (Subscription, error) {
	switch {
	case s.Status != Active && s.Status != PastDue:
		return s, &Refusal{NotCharging}
	case s.Cycle != c.Cycle:
		return s, &Refusal{OtherCycle}
	case s.ChargeAt.After(c.At):
		return s, &Refusal{NotDue}
	case s.AskAfter.After(c.At):
		return s, &Refusal{Claimed}
	}
	if s.Begun.IsZero() {
		s.Begun = c.At
	}
	s.AskAfter = c.At.Add(ChargeLease)
	s.DueAt = s.AskAfter
	s.Revision++
	return s, nil
}

// Prepared is what is to be done with a claimed cycle after policies have had their say.
type Prepared struct {
	Subscription Subscription
	Charge       bool // false: the subscription has moved on without a charge, and must be saved
}

// Prepare applies the end of the subscription and the catch-up policy to a claimed cycle. A cycle that has been refused
// before is always tried: its date is not missed, it is late.
func (s Subscription) Prepare(at time.Time) Prepared {
	if s.CancelAtEnd && s.Cycle >= s.EndCycle {
		s.AskAfter = time.Time{} // nothing is at work but this
		return Prepared{Subscription: s.canceled(at, "period-ended")}
	}
	if next, missing := s.withoutConsent(at); missing {
		return Prepared{Subscription: next}
	}
	missed := s.DateAt(s.Begun) - s.Date
	if !s.skips() {
		return Prepared{Subscription: s, Charge: true}
	}
	s.AskAfter = time.Time{}
	if s.CancelAtEnd { // the cycle that had begun when it was asked for is this one, and is left out
		return Prepared{Subscription: s.canceled(at, "period-ended")}
	}
	s.stand(s.Date + missed + 1)
	s.Begun = time.Time{}
	s.takeNextPlan()
	s.due(s.Calendar.Date(s.Date))
	return Prepared{Subscription: s.step(at, s.Status, "dates-skipped", strconv.Itoa(missed+1))}
}

// skips says that the cycle, which has begun, is left out by its policy.
func (s Subscription) skips() bool {
	return s.CatchUp == Skip && s.Dunning.Since.IsZero() && s.DateAt(s.Begun) > s.Date
}

// Owes says that cycle k is still to be charged, now, by its timetable or after a pause.
func (s Subscription) Owes(k int) bool {
	return s.Cycle == k && (s.Status == Active || s.Status == PastDue || s.Status == Paused)
}

// Attempt is the attempt of the cycle's order that is to be charged.
func (s Subscription) Attempt() int { return max(1, s.Dunning.Attempt) }

// Charged is the provider's word that cycle k was paid. A cycle that is over already changes nothing. Date is the
// calendar date the charge stands for; it differs from the stored one when it stands for several.
func (s Subscription) Charged(k, date int, at time.Time) Subscription {
	if s.Cycle != k {
		return s
	}
	s = s.begin(k+1, date+1)
	to := s.Status
	if to == PastDue || to == Suspended {
		to = Active
	}
	if to == Active {
		s.due(s.Calendar.Date(s.Date))
	}
	return s.step(at, to, "cycle-charged", s.OrderID(k))
}

// DateAt is the calendar date that a charge made at the given time stands for: the cycle's own, or the latest of all
// that went by.
func (s Subscription) DateAt(at time.Time) int {
	if s.CatchUp == Each || s.CatchUp == Once && s.opening() { // a share stands for no whole period
		return s.Date
	}
	date := s.Calendar.After(at) - 1
	for _, g := range slices.Backward(s.Gaps) {
		if g.From <= date && date < g.To {
			date = g.From - 1
		}
	}
	return max(s.Date, date)
}

// Refused is the provider's word that an attempt to charge cycle k took nothing. attempt is the order's next one.
func (s Subscription) Refused(k, attempt int, d Decline, code string, t Timetable, at time.Time) Subscription {
	s, dun := s.refused(k, attempt, d, code, at)
	if !dun {
		return s
	}
	next, ok := s.Dunning.next(t, at)
	switch {
	case ok:
		s.due(next)
		return s.step(at, PastDue, "cycle-refused", code)
	case s.CancelAtEnd: // it would wait for a means that nobody will register
		return s.endedWith(at, "cycle-refused", code)
	}
	s.due(time.Time{})
	return s.step(at, Suspended, "needs-new-means", code)
}

// RefusedReplaced is Refused of a charge with a means that has been replaced meanwhile. It says nothing of the new one,
// which is tried at once.
func (s Subscription) RefusedReplaced(k, attempt int, d Decline, code string, at time.Time) Subscription {
	s, dun := s.refused(k, attempt, d, code, at)
	if !dun {
		return s
	}
	s.Dunning.Since = at
	s.due(at)
	return s.step(at, PastDue, "cycle-refused", code)
}

// refused notes a refusal; dun is false when that is all, because the cycle is over, the refusal known, or nothing is
// being charged.
func (s Subscription) refused(k, attempt int, d Decline, code string, at time.Time) (_ Subscription, dun bool) {
	if s.Cycle != k || attempt <= s.Dunning.Attempt {
		return s, false
	}
	if s.Dunning.Since.IsZero() {
		s.Dunning.Since = at
	}
	s.Dunning.Attempt, s.Dunning.Decline, s.Dunning.Code = attempt, d, code
	s.Dunning.Soft = s.Dunning.Soft || d == Soft
	s.AskAfter = time.Time{}
	if s.Status != Active && s.Status != PastDue {
		return s.step(at, s.Status, "cycle-refused", code), false
	}
	return s, true
}

// next is when the cycle is tried again. A bank that is closed when a soft refusal is tried again does not end the soft
// timetable.
func (d Dunning) next(t Timetable, at time.Time) (time.Time, bool) {
	tables := map[Decline][][]time.Duration{Soft: {t.Soft}, Transient: {t.Transient}}[d.Decline]
	if d.Decline == Transient && d.Soft {
		tables = append(tables, t.Soft)
	}
	ahead := func(offset time.Duration) bool { return d.Since.Add(offset).After(at) }
	for _, offsets := range tables {
		if i := slices.IndexFunc(offsets, ahead); i >= 0 {
			return d.Since.Add(offsets[i]), true
		}
	}
	return time.Time{}, false
}

// Ended is cycle k's order at an end without a payment: it has no attempt left, its time is over, or it lies with a
// person. The cycle is written off and nothing is charged until there is a new means; then charging goes on with the
// next date. replaced: there is one already.
func (s Subscription) Ended(k, date int, code string, replaced bool, at time.Time) Subscription {
	if s.Cycle != k || s.Status == Canceled {
		return s
	}
	s = s.begin(k+1, date+1)
	switch {
	case s.Status == Active || s.Status == PastDue:
		switch {
		case s.CancelAtEnd:
			return s.endedWith(at, "cycle-unpaid", code)
		case replaced:
			s.stand(max(s.Date, s.Calendar.After(at)))
			s.due(s.Calendar.Date(s.Date))
			return s.step(at, Active, "cycle-unpaid", code)
		}
		s.due(time.Time{})
		return s.step(at, Suspended, "cycle-unpaid", code)
	case s.Status != Enrolling:
		s.due(time.Time{})
	}
	return s.step(at, s.Status, "cycle-unpaid", code)
}

// begin makes cycle k the next one, on a date of the calendar.
func (s Subscription) begin(k, date int) Subscription {
	if s.Consent.State() == ConsentGiven && s.Cycle >= s.Consent.Cycle {
		s.Consent.Used = true // also for a cycle that was refused to its end: it was the one agreed to
	}
	s.Cycle = k
	s.stand(max(s.Date+1, date))
	s.Begun, s.AskAfter, s.Dunning, s.First = time.Time{}, time.Time{}, Dunning{}, Plan{}
	s.takeNextPlan()
	return s
}

// takeNextPlan: the next cycle to begin has the price that was asked for since the last one began.
func (s *Subscription) takeNextPlan() {
	if s.NextPlan != (Plan{}) {
		s.Plan, s.NextPlan = s.NextPlan, Plan{}
	}
}

// Doubted is a charge whose outcome is not known yet: the order has its own due time, and the subscription looks again
// after it.
func (s Subscription) Doubted(k int, at, orderDue time.Time) Subscription {
	if s.Cycle != k || s.Status != Active && s.Status != PastDue {
		return s
	}
	s.AskAfter = time.Time{}
	s.DueAt = later(orderDue.Add(time.Minute), s.ChargeAt)
	s.Revision++
	return s
}

// Pause stops charging. Pausing what is paused changes nothing; what is not charging cannot be paused.
func (s Subscription) Pause(at time.Time) (Subscription, bool) {
	switch s.Status {
	case Paused:
		return s, true
	case Active, PastDue:
		if s.CancelAtEnd {
			return s, false // it ends at the next date, and a pause would keep it from that
		}
		s.PausedAt = at
		s.due(time.Time{})
		return s.step(at, Paused, "paused", ""), true
	}
	return s, false
}

// Resume starts charging again. Dates that went by during the pause are not charged: the next cycle is charged on the
// first date of the calendar after now, except that a cycle which was owed when the pause began is tried at once. A
// subscription that is charging and is to end at its next date goes on instead. One that is suspended goes on with the
// means it has, after an outage or a fault of the merchant's own contract, unless the means is gone.
func (s Subscription) Resume(at time.Time) (Subscription, bool) {
	switch s.Status {
	case Active, PastDue:
		if !s.CancelAtEnd {
			return s, true
		}
		s.CancelAtEnd, s.EndCycle = false, 0
		return s.step(at, s.Status, "cancel-withdrawn", ""), true
	case Suspended:
		if s.Dunning.Decline == Hard {
			return s, false
		}
		to := s.afterRefusal(at)
		return s.step(at, to, "resumed", ""), true
	case Paused:
	default:
		return s, false
	}
	gap := Gap{s.Calendar.After(s.PausedAt), s.Calendar.After(at)}
	begun := !s.Begun.IsZero() || !s.Dunning.Since.IsZero()
	if begun {
		gap.From = max(gap.From, s.Date+1) // its date was reached, whatever the clock said that paused it
	}
	owed := begun || s.Date < gap.From
	if s.PausedAt = (time.Time{}); gap.From < gap.To {
		s.Gaps = append(slices.Clone(s.Gaps), gap)
	}
	s.stand(s.Date)
	s.due(s.Calendar.Date(s.Date))
	if owed {
		s.due(at)
	}
	if !s.Dunning.Since.IsZero() {
		return s.step(at, PastDue, "resumed", ""), true
	}
	return s.step(at, Active, "resumed", ""), true
}

// afterRefusal tries a cycle that was refused at once, with a timetable that begins anew; after one that was written
// off the next date follows.
func (s *Subscription) afterRefusal(at time.Time) Status {
	if s.Dunning.Since.IsZero() {
		s.stand(max(s.Date, s.Calendar.After(at)))
		s.due(s.Calendar.Date(s.Date))
		return Active
	}
	s.due(at)
	s.Dunning.Since = at
	return PastDue
}

// Gap is dates that went by in a pause, from the first to the one after the last. They are not charged, whatever the
// catch-up policy says of those before and after them.
type Gap struct{ From, To int }

// stand moves the subscription to a date of the calendar, or to the one after the pause it lies in.
func (s *Subscription) stand(date int) {
	var ahead []Gap
	for _, g := range s.Gaps {
		if g.From <= date {
			date = max(date, g.To)
		} else {
			ahead = append(ahead, g)
		}
	}
	s.Date, s.Gaps = date, ahead
}

// Cancel ends the subscription, now or at the next date instead of its charge. Its billing key is then owed to be
// deleted.
func (s Subscription) Cancel(at time.Time, atEnd bool) Subscription {
	switch {
	case s.Status == Canceled || atEnd && s.CancelAtEnd:
		return s
	case atEnd && s.Status == Active:
		s.CancelAtEnd, s.EndCycle = true, s.Cycle
		if !s.Begun.IsZero() {
			s.EndCycle++
		}
		return s.step(at, s.Status, "cancel-at-period-end", "")
	}
	return s.canceled(at, "canceled")
}

// canceled ends it. Every key that was ever offered is then to be deleted: after a charge that is at work, and, when no
// key is known yet, after the time in which an open window may still make one.
func (s Subscription) canceled(at time.Time, event string) Subscription {
	s.DueAt = later(at, s.AskAfter)
	if s.Status == Enrolling {
		s.DueAt = at.Add(windowsClose)
	}
	s.ChargeAt, s.AskAfter = time.Time{}, time.Time{}
	return s.step(at, Canceled, event, "")
}

// endedWith is the end at the end of a period whose cycle was not paid: two steps, one change.
func (s Subscription) endedWith(at time.Time, event, code string) Subscription {
	s = s.step(at, s.Status, event, code)
	s.Revision--
	return s.canceled(at, "period-ended")
}

// windowsClose is the time after which no window that was open still makes a key. PortOne documents none; a day is
// generous.
const windowsClose = 24 * time.Hour

// KeyNames are the names of all keys that a window was ever offered for, and of an imported one that is to be deleted.
func (s Subscription) KeyNames() []string {
	var names []string
	for n := range s.KeysOffered() {
		if !s.Keeps(n + 1) {
			names = append(names, s.KeyName(n+1))
		}
	}
	return names
}

// KeyDeleted is the provider's word that no billing key is left, and when it was first asked to delete them: before its
// time a deletion says nothing. A window that was open at the end may make another one: then they are deleted once
// more, a day later.
func (s Subscription) KeyDeleted(at time.Time) Subscription {
	if s.Status != Canceled || s.DueAt.IsZero() || at.Before(s.DueAt) {
		return s
	}
	if len(s.KeyNames()) == 0 {
		return s.keysKept(at)
	}
	// A second window of the latest issuance may be open, too.
	again := s.Key.DeletedAt.IsZero() && (s.NextKey.N > 0 || at.Sub(s.Key.IssuedAt) < windowsClose)
	s.Offered, s.NextKey = s.KeysOffered(), Key{}
	s.Key.DeletedAt, s.DueAt = at, time.Time{}
	if again {
		s.DueAt = at.Add(windowsClose)
	}
	return s.step(at, Canceled, "key-deleted", s.KeyName(s.KeysOffered()))
}

// KeyAppeared is news of a key of a subscription that has ended: it is deleted like those before it. Whoever brings the
// news is not believed, so that it costs one deletion in keyNewsPause at most.
func (s Subscription) KeyAppeared(n int, at time.Time) Subscription {
	if s.Status != Canceled || !s.DueAt.IsZero() || n < 1 || n > s.KeysOffered() {
		return s
	}
	s.DueAt = later(at, s.Key.DeletedAt.Add(keyNewsPause))
	return s.step(at, Canceled, "key-after-end", s.KeyName(n))
}

const keyNewsPause = 10 * time.Minute

// KeyNotDeleted is a deletion that brought no answer.
func (s Subscription) KeyNotDeleted(at time.Time) Subscription {
	if s.Status != Canceled || s.DueAt.IsZero() {
		return s
	}
	s.DueAt = later(s.DueAt, at.Add(time.Hour))
	s.Revision++
	return s
}

// ChangePlan changes what a cycle costs, from the next cycle that has not begun: one that is being charged or tried
// again keeps its price.
func (s Subscription) ChangePlan(p Plan, at time.Time) (Subscription, bool) {
	if s.Status == Canceled || s.lapses(at) {
		return s, false
	}
	switch c := s.Consent; {
	case c.Used || p == s.lasting() && c.Kind == PriceRise:
	case c.Kind == PriceRise && (c.State() != ConsentGiven || p.Amount.Value <= c.Before.Amount.Value):
		s.Consent = Consent{} // what was asked for is not wanted any more
	case c.Kind != "":
		// Less than was agreed to and more than before: it still rests on the buyer's word, which may grow old.
		s.Consent.After = p
	}
	if s.begun() || s.opening() {
		if s.NextPlan == p {
			return s, true
		}
		s.NextPlan = p
		return s.step(at, s.Status, "plan-changes-next-cycle", p.Amount.String()), true
	}
	if s.Plan == p && s.NextPlan == (Plan{}) {
		return s, true
	}
	s.Plan, s.NextPlan = p, Plan{}
	return s.step(at, s.Status, "plan-changed", p.Amount.String()), true
}

// RenewKey opens an issuance that is to replace the key. An issuance that is open already stays.
func (s Subscription) RenewKey(at time.Time) (Subscription, bool) {
	switch {
	case s.Status == Canceled:
		return s, false
	case s.Issuing() != nil:
		return s, true
	case s.KeysOffered() >= KeysMax:
		return s, false
	}
	s.Offered = s.KeysOffered() + 1
	s.NextKey = Key{N: s.Offered, OpenedAt: at}
	s.DueAt = earlier(s.DueAt, s.NextKey.askAt())
	return s.step(at, s.Status, "key-renewal", s.KeyName(s.NextKey.N)), true
}

// Upcoming are the next n dates the subscription will be charged on, if nothing changes.
func (s Subscription) Upcoming(n int) []time.Time {
	if n < 1 || s.Status != Active && s.Status != PastDue || s.CancelAtEnd {
		return nil
	}
	dates := make([]time.Time, 0, n)
	ahead := s
	for range n {
		dates = append(dates, s.Calendar.Date(ahead.Date))
		ahead.stand(ahead.Date + 1)
	}
	dates[0] = later(dates[0], s.ChargeAt)
	return dates
}

// due sets when the next charge is to be made, zero for not at all; an open issuance is to be asked about all the same.
func (s *Subscription) due(at time.Time) {
	s.ChargeAt = at
	s.DueAt = earlier(earlier(at, s.NextKey.askAt()), s.consentDue())
}
