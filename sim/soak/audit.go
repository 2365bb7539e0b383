package soak

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
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
	for _, p := range r.Bank.of(m.id) {
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
func (r *run) checkCapture(p *Payment) {
	m, k, _ := r.parse(p.Number)
	for _, other := range r.Bank.of(m.id) {
		if _, cycle, _ := r.parse(other.Number); cycle == k && other != p && other.Captured() && p.Captured() {
			r.broken("%s took money, and %s had\n%s", p.Number, other.Number, r.story(m, k))
		}
	}
}

// audit compares the money that was taken with what the policies say, and the table with the money.
func (r *run) audit() {
	if len(r.report.Broken) > 0 {
		return
	}
	r.report.Days = int(r.now.Sub(r.members[0].calendar.First) / day)
	for _, m := range r.members {
		r.auditMember(m)
	}
}

func (r *run) auditMember(m *member) {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil || s.Status != subscription.Canceled || s.Key.DeletedAt.IsZero() || r.Bank.HasKey(s.KeyName(s.Key.N)) {
		r.broken("%s has not ended: %s, due %v, cycle %d, %v", m.id, s.Status, s.DueAt, s.Cycle, err)
		return
	}
	taken := map[int]int{}
	for _, p := range r.Bank.of(m.id) {
		if _, k, _ := r.parse(p.Number); p.Captured() {
			r.report.Captures++
			taken[k]++
			if p.Amount != m.amount {
				r.broken("%s took %d, want %d", p.Number, p.Amount, m.amount)
			}
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
		covered = r.cover(m, k, covered, o.CreatedAt, busy)
		busy = span{o.CreatedAt, o.Capture.ApprovedAt}
	}
	if s.Cycle <= r.size.Cycles {
		r.broken("%s stands at cycle %d", m.id, s.Cycle)
	}
	if taken[s.Cycle] == 1 {
		delete(taken, s.Cycle) // it was at work when the subscription was canceled
	}
	for k, n := range taken {
		r.broken("%s: cycle %d was captured %d times, and is not over", m.id, k, n)
	}
}

// cover checks that a cycle which began at a time is the one its policy asks for, when the dates before next are covered, and returns the
// next date that is not. busy is how long the cycle before was at work.
func (r *run) cover(m *member, k, next int, began time.Time, busy span) int {
	c := m.calendar
	last := c.After(began) - 1 // the latest date that had come
	switch {
	case last < next:
		r.broken("%s: cycle %d began at %v, before its date %v", m.id, k, began, c.Date(next))
	case m.catchUp == subscription.Each:
		if !r.excused(latest(c.Date(next), busy.to), began, busy) {
			r.broken("%s: cycle %d of %v began at %v", m.id, k, c.Date(next), began)
		}
		return next + 1
	case m.catchUp == subscription.Once:
		if !r.excused(latest(c.Date(next), busy.to), began, busy) {
			r.broken("%s: cycle %d of %v began at %v", m.id, k, c.Date(next), began)
		}
		r.report.Caught += last - next
	case last > next:
		// Left out were the dates next to last-1: the latest of them because the one after the one before had come, too.
		r.report.Caught += last - next
		if !r.excused(c.Date(next), c.Date(next+1), busy) {
			r.broken("%s: date %v was left out before cycle %d", m.id, c.Date(next), k)
		}
	case !r.excused(c.Date(last), began, busy):
		r.broken("%s: cycle %d of %v began at %v", m.id, k, c.Date(last), began)
	}
	return last + 1
}

// excused says that nothing could begin between two times: it was short, or nothing ran, or the cycle before was at work.
func (r *run) excused(from, to time.Time, busy span) bool {
	rest := to.Sub(from)
	for _, o := range append([]span{busy}, r.outages...) {
		if low, high := latest(o.from, from), earliest(o.to, to); high.After(low) {
			rest -= high.Sub(low)
		}
	}
	return rest <= slack
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
	for _, e := range o.Evidence {
		line(e.At, "attempt %d: %s answered %d %s %s", e.Attempt, e.Call, e.HTTP, e.Status, e.Code)
	}
	for _, p := range r.Bank.of(m.id) {
		if _, cycle, _ := r.parse(p.Number); cycle == k {
			line(p.Began, "the bank begins to charge %s, until %s: %s", p.Number, p.Ended.UTC().Format("15:04:05.000"), cmp.Or(p.Reason, "paid"))
		}
	}
	slices.Sort(lines)
	return strings.Join(append(lines, fmt.Sprintf("order: %s %+v", o.Status, o.Attempt)), "\n")
}
