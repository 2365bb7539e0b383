package soak

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// expected is what a subscription is to do by what was done to it. Only when a cycle began is taken from the record.
type expected struct {
	prices   []price // in order
	pauses   []span  // the last one without an end while it lasts
	canceled time.Time
	early    bool
	endCycle int                  // the first that the end of the period leaves out; 0: none
	begun    map[int]time.Time    // by cycle, as the record has it: the worker's time, or the pause's for which the cycle was owed
	written  map[int]time.Time    // by cycle, when that was written: its price is the one of then, but for a cycle that was owed
	deleted  map[string]time.Time // billing keys
	lease    lease
}

// price is what a cycle costs that begins from then on.
type price struct {
	at     time.Time
	amount int64
}

// lease is a worker's, who has claimed the cycle.
type lease struct {
	cycle, attempt int
	key            string
	until          time.Time
}

// paused says that it was at a time.
func (e expected) paused(at time.Time) bool {
	return slices.ContainsFunc(e.pauses, func(p span) bool { return !at.Before(p.from) && (p.to.IsZero() || at.Before(p.to)) })
}

// costs says that a cycle which began at a time is of this price. The record has milliseconds, in which two things may happen.
func (e expected) costs(amount int64, began time.Time) bool {
	var current int64
	for _, p := range e.prices {
		at := p.at.Truncate(time.Millisecond)
		if at.After(began) {
			break
		}
		if at.Equal(began) && current == amount {
			return true
		}
		current = p.amount
	}
	return current == amount
}

// sendMax is how long after it has claimed a cycle a worker may still send its charge: its lease, and the minute for which the order's claim is
// good. Until then nobody can tell it that the subscription was stopped meanwhile.
const sendMax = subscription.ChargeLease + time.Minute

// checkSend holds the rule of wishes: what leaves for the bank was begun before the subscription was paused or canceled.
func (r *run) checkSend(number string) {
	m, k, _ := r.parse(number)
	p := r.current
	p.from = r.now
	if c := p.claimed; c.id == m.id && c.cycle == k && r.now.Sub(c.at) <= sendMax {
		p.from = c.at
	}
	left := fmt.Sprintf("%s left at %s, begun at %s, from a process at work since %s which claimed %+v", number, clock(r.now), clock(p.from), clock(p.began), p.claimed)
	switch {
	case !m.canceled.IsZero() && p.from.After(m.canceled) && r.probe(m, k):
		r.report.Probes++
	case !m.canceled.IsZero() && p.from.After(m.canceled):
		r.broken("%s: it was canceled at %s\n%s", left, clock(m.canceled), r.story(m, k))
	case m.paused(p.from):
		r.broken("%s: it is paused since %s\n%s", left, clock(m.pauses[len(m.pauses)-1].from), r.story(m, k))
	case m.endCycle > 0 && k >= m.endCycle:
		r.broken("%s: it was to end before cycle %d\n%s", left, m.endCycle, r.story(m, k))
	}
}

// probe says that a charge of a canceled subscription's order can take no money, because its key is gone: then its refusal tells what became of
// the one before, and it may be sent.
func (r *run) probe(m *member, k int) bool {
	o, err := r.Store.Get(r.ctx, (subscription.Subscription{ID: m.id}).OrderID(k))
	_, deleted := m.deleted[o.BillingKey]
	return err == nil && deleted && !r.Bank.HasKey(o.BillingKey)
}

// checkArrival holds the rules of price and of keys.
func (r *run) checkArrival(c provider.Charge) {
	m, k, _ := r.parse(c.Number)
	began := m.written[k]
	if !m.costs(c.Amount, began.Truncate(time.Millisecond)) {
		r.broken("%s is of %d won: the cycle began at %s, and the prices were%s\n%s\n%s", c.Number, c.Amount, clock(began), m.priceList(), r.story(m, k), r.past(m))
	}
	if at, deleted := m.deleted[c.BillingKey]; deleted && r.current.from.After(at) && m.canceled.IsZero() {
		r.broken("%s was begun at %s with %s, which was deleted at %s\n%s", c.Number, clock(r.current.from), c.BillingKey, clock(at), r.story(m, k))
	}
}

func (e expected) priceList() (list string) {
	for _, p := range e.prices {
		list += fmt.Sprintf(" %d from %s", p.amount, clock(p.at))
	}
	return list
}

// written notes who has claimed what.
func (r *run) written(op string, s subscription.Subscription) {
	m := r.byID[s.ID]
	switch {
	case op == "claim-cycle":
		r.current.claimed = claimed{s.ID, s.Cycle, r.now}
		if !m.begun[s.Cycle].Equal(s.Begun) {
			m.begun[s.Cycle], m.written[s.Cycle] = s.Begun, r.now
		}
		m.lease = lease{s.Cycle, s.Attempt(), s.KeyName(s.Key.N), s.AskAfter}
	case s.Cycle != m.lease.cycle, s.Attempt() != m.lease.attempt, r.current != nil && r.current.worker && s.AskAfter.IsZero():
		m.lease = lease{} // its attempt is over, whoever found that out; or the worker gave it back
	}
}

// deleted holds the rule of deletion: no key goes while a worker has a cycle to charge with it.
func (r *run) deleted(name string) {
	owner, _, _ := strings.Cut(name, "--")
	m := r.byID[owner]
	if !r.Bank.HasKey(name) {
		return
	}
	if name == m.lease.key && r.now.Before(m.lease.until.Add(-time.Millisecond)) {
		r.broken("%s is deleted at %s, and a worker has cycle %d until %s\n%s\n%s", name, clock(r.now), m.lease.cycle, clock(m.lease.until), r.story(m, m.lease.cycle), r.past(m))
	}
	m.deleted[name] = r.now
}

// checkHeard holds the rule of new means: one that was registered is known some days later, whoever told us or did not.
func (r *run) checkHeard(m *member, n int, registered time.Time) {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil || s.Status == subscription.Canceled || s.Key.N >= n || s.NextKey.N > n {
		return
	}
	for _, o := range r.outages {
		if o.from.Before(r.now) && o.to.After(registered) {
			r.at(o.to.Add(heardMax).Sub(r.now), func() { r.checkHeard(m, n, o.to) })
			return
		}
	}
	r.broken("%s was registered before %s and is not known at %s: %s\n%s", s.KeyName(n), clock(registered), clock(r.now), s.Status, life(s))
}

// life is what a record says of itself.
func life(s subscription.Subscription) string {
	var b strings.Builder
	for _, step := range s.History {
		fmt.Fprintf(&b, "%s %s > %s: %s %s\n", clock(step.At), step.From, step.To, step.Event, step.Note)
	}
	fmt.Fprintf(&b, "cycle %d of %s, due %s, asked after %s, key %+v, next %+v", s.Cycle, clock(s.ChargeAt), clock(s.DueAt), clock(s.AskAfter), s.Key, s.NextKey)
	return b.String()
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }
