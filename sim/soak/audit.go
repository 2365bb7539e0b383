package soak

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	merchantevent "tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
)

// slack is how late a cycle may begin although something runs: faults delay.
const slack = 12 * time.Hour

// parse reads a number of ours.
func (r *run) parse(number string) (m *member, cycle, attempt int) {
	n, err := order.ParseNumber(number)
	if err != nil || r.byID[n.ID] == nil || n.Cycle == 0 {
		r.broken("the bank was asked to charge %q", number)
		return r.members[0], 0, 0
	}
	return r.byID[n.ID], n.Cycle, n.Attempt
}

// checkNumber holds the rule of numbers: a further one only when every one before is known to have taken nothing.
func (r *run) checkNumber(number string) {
	m, k, attempt := r.parse(number)
	for _, p := range r.Bank.Of(m.id) {
		_, cycle, before := r.parse(p.Number)
		switch {
		case cycle != k || before >= attempt:
		case p.Ended.IsZero():
			r.broken("%s is charged while %s is at work\n%s", number, p.Number, r.story(m, k))
		case p.Captured():
			r.broken("%s is charged, and %s was paid\n%s", number, p.Number, r.story(m, k))
		}
	}
}

// checkCapture holds the rule of money: a cycle is captured once.
func (r *run) checkCapture(p *bank.Payment) {
	m, k, _ := r.parse(p.Number)
	for _, other := range r.Bank.Of(m.id) {
		if _, cycle, _ := r.parse(other.Number); cycle == k && other != p && other.Captured() && p.Captured() {
			r.broken("%s took money, and %s had\n%s", p.Number, other.Number, r.story(m, k))
		}
	}
}

// audit compares the money that was taken with what the policies say, and the table with the money.
func (r *run) audit() {
	if len(r.report.Broken) > 0 || len(r.members) == 0 {
		return
	}
	r.report.Days = int(r.now.Sub(r.members[0].calendar.First) / day)
	for _, m := range r.members {
		r.auditMember(m)
	}
	for _, events := range r.told.Events() {
		for _, e := range events {
			if e.Type == merchantevent.SubscriptionRenewalUpcoming {
				r.report.Notices++
			}
		}
	}
	for _, broken := range r.told.Broken() {
		r.broken("events: %s", broken)
	}
}

func (r *run) auditMember(m *member) {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil || s.Status != subscription.Canceled || s.Key.DeletedAt.IsZero() {
		r.broken("%s has not ended: %s, due %v, cycle %d, %v\n%s\n%s", m.id, s.Status, s.DueAt, s.Cycle, err, r.story(m, s.Cycle), r.past(m))
		return
	}
	if left := r.Bank.Keys(m.id); len(left) > 0 {
		r.broken("%s has ended at %s, and the bank still has %v\n%s", m.id, clock(s.Key.DeletedAt), left, r.past(m))
	}
	taken := map[int]int{}
	for _, p := range r.Bank.Of(m.id) {
		if _, k, _ := r.parse(p.Number); p.Captured() {
			r.report.Captures++
			if p.Back() {
				r.broken("%s was given back\n%s", p.Number, r.story(m, k))
			}
			taken[k]++
		}
	}
	covered, busy := 0, span{}
	for k := 1; k < s.Cycle; k++ {
		if taken[k] != 1 {
			r.broken("%s: cycle %d was captured %d times\n%s", m.id, k, taken[k], r.story(m, k))
			continue
		}
		delete(taken, k)
		r.report.Cycles++
		o, err := r.Store.Get(r.ctx, s.OrderID(k))
		if err != nil || o.Status != order.Paid {
			r.broken("%s: cycle %d is %s, %v\n%s", m.id, k, o.Status, err, r.story(m, k))
			continue
		}
		work := span{o.CreatedAt, o.Capture.ApprovedAt}
		covered = r.cover(m, k, covered, work, busy)
		busy = work
	}
	if s.Cycle <= r.size.Cycles && !m.early {
		r.broken("%s stands at cycle %d", m.id, s.Cycle)
	}
	// What was at work when the subscription was canceled (no charge leaves that was not: checkSend) may have been paid; then our table knows it.
	if o, err := r.Store.Get(r.ctx, s.OrderID(s.Cycle)); taken[s.Cycle] == 1 && !m.canceled.IsZero() && err == nil && o.Status == order.Paid {
		delete(taken, s.Cycle)
	}
	for k, n := range taken {
		r.broken("%s: cycle %d was captured %d times, and is not over", m.id, k, n)
	}
}

// cover checks that a cycle is the one its policy asks for, when the dates before next are covered, and returns the next date that is not. work
// is how long the cycle was at work, busy the same of the one before. The dates it stands for are those that had come when it was first
// claimed, outside of pauses.
func (r *run) cover(m *member, k, next int, work, busy span) int {
	c, began := m.calendar, work.from
	last := c.After(earliest(m.begun[k], began)) - 1 // the latest date that had come
	var owed []int                                   // dates that had, outside of pauses
	for n := next; n <= last; n++ {
		if !m.paused(c.Date(n)) {
			owed = append(owed, n)
		}
	}
	if len(owed) == 0 {
		why := fmt.Sprintf("before its date %v: those before are covered, or went by in a pause", c.Date(next))
		if last >= next {
			why = fmt.Sprintf("and all dates from %v on went by in a pause", c.Date(next))
		}
		r.broken("%s: cycle %d began at %v, %s\n%s", m.id, k, began, why, r.past(m))
		return max(next, last+1)
	}
	first := owed[0]
	if m.catchUp == subscription.Skip && len(owed) > 1 {
		// Left out were all but the last: the first of them because the one after it had come, too.
		if !r.excused(m, c.Date(first), c.Date(owed[1]), busy) {
			r.broken("%s: date %v was left out before cycle %d\n%s", m.id, c.Date(first), k, r.past(m))
		}
	} else if !r.excused(m, latest(c.Date(first), busy.to), began, busy) {
		r.broken("%s: cycle %d of %v began at %v\n%s", m.id, k, c.Date(first), began, r.past(m))
	}
	if m.catchUp == subscription.Each {
		return first + 1
	}
	r.report.Caught += len(owed) - 1
	return last + 1
}

// excused says that nothing could begin between two times: it was short, or nothing ran, or it was paused, or the cycle before was at work.
func (r *run) excused(m *member, from, to time.Time, busy span) bool {
	spans := append(append([]span{busy}, r.outages...), m.pauses...)
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var rest time.Duration
	for _, s := range spans { // what lies between them
		if s.from.After(from) {
			rest += max(0, earliest(s.from, to).Sub(from))
		}
		if s.to.IsZero() && !s.from.IsZero() {
			return rest <= slack
		}
		if from = latest(from, s.to); !from.Before(to) {
			return rest <= slack
		}
	}
	return rest+to.Sub(from) <= slack
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// past is what the record of a subscription says of itself, and what was done to it.
func (r *run) past(m *member) string {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("policy %s, calendar %+v\n%s", m.catchUp, m.calendar, life(s))
	for _, p := range m.pauses {
		text += fmt.Sprintf("\npaused from %s to %s", clock(p.from), clock(p.to))
	}
	for _, o := range r.outages {
		text += fmt.Sprintf("\nnothing ran from %s to %s", clock(o.from), clock(o.to))
	}
	return text
}

// story is what the table and the bank have of one cycle, for whoever looks at a broken promise.
func (r *run) story(m *member, k int) string {
	var lines []string
	line := func(at time.Time, format string, args ...any) {
		lines = append(lines, at.UTC().Format("2006-01-02 15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
	id := fmt.Sprintf("%s--c%d", m.id, k)
	o, err := r.Store.Get(r.ctx, id)
	if err != nil {
		return err.Error()
	}
	for _, s := range o.History {
		line(s.At, "order %s > %s, attempt %d: %s %s", s.From, s.To, s.Attempt, s.Event, s.Note)
	}
	for _, p := range o.Ledger.Payments {
		line(p.SeenAt, "attempt %d: %s is %s, %d of %d left, %s %s", p.Attempt, p.Key, p.State, p.Balance, p.Amount, p.Role, p.Reason)
	}
	for _, p := range r.Bank.Of(m.id) {
		if _, cycle, _ := r.parse(p.Number); cycle == k {
			line(p.Began, "the bank begins to charge %s, until %s: %s", p.Number, p.Ended.UTC().Format("15:04:05.000"), cmp.Or(p.Reason, "paid"))
		}
	}
	slices.Sort(lines)
	return strings.Join(append(lines, fmt.Sprintf("order: %s %+v", o.Status, o.Attempt)), "\n")
}
