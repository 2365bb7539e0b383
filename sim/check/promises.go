package check

import (
	"crypto/md5"
	"fmt"
	"time"

	"tosspay-sam/shared/ledger"
)

// holds says which promise a step broke: those that must hold in every state.
func (m *machine) holds(before, after *state) string {
	captures := 0
	for _, p := range after.money {
		if p.ours {
			captures++
		}
	}
	if captures > 1 {
		return "I1: we asked for two captures of one order, and both were made"
	}
	o := after.order
	if p := o.Paid(); p != nil {
		truth := m.payment(after, p.Key)
		if truth == nil || truth.State != ledger.Captured || truth.Amount != price {
			return "I3: the order is called paid, and " + p.Key + " does not pay it"
		}
		if old := before.order.Paid(); old != nil && old.Key != p.Key {
			return "I1: the order was paid by " + old.Key + ", and now is by " + p.Key
		}
	} else if before.order.Paid() != nil {
		return "I3: the order was paid, and is no longer"
	}
	switch {
	case o.Status() == ledger.Review:
		return "the order is in review (" + o.Why + "), and nothing contradicts anything"
	case o.End != ledger.NoEnd && before.order.End == ledger.NoEnd && m.fitting(after) > 0:
		return fmt.Sprintf("I3: the order is called %s, and the provider holds its money", o.Status())
	case o.Due().IsZero() && m.unfinished(o):
		return "I4: the order is not final and has no due time"
	}
	return m.refundsHold(after)
}

// unfinished says that something is expected of an order.
func (m *machine) unfinished(o ledger.Order) bool {
	switch o.Status() {
	case ledger.Open, ledger.Processing:
		return true
	}
	return false
}

// fitting counts payments that fit, hold money, and have no role.
func (m *machine) fitting(s *state) (n int) {
	for _, p := range s.money {
		known := false
		for _, q := range s.order.Payments {
			known = known || q.Key == p.Key && q.Role != ledger.NoRole
		}
		if p.State == ledger.Captured && p.Balance > 0 && p.Amount == price && !known {
			n++
		}
	}
	return n
}

// refundsHold: the refunds that were accepted never exceed what was captured.
func (m *machine) refundsHold(s *state) string {
	sum := int64(0)
	for _, r := range s.order.Requests {
		if r.RefundID != "" && r.Outcome != ledger.Denied {
			sum += r.Amount
		}
	}
	if sum > price {
		return "I1: refunds of more than was captured were accepted"
	}
	return ""
}

// atRest lets the faults stop: whoever is at work dies, what is delayed never arrives, and the schedule works at the
// due times. It says what is wrong when nothing is due any more.
func (m *machine) atRest(s *state) string {
	e := &encoder{}
	s.provider(e)
	key := md5.Sum(*e)
	if broken, ok := m.rests[key]; ok {
		return broken
	}
	c := s.clone()
	c.work, c.delayed, c.keys = nil, nil, 2
	for i := range c.money {
		c.money[i].changed = 0
	}
	now := c.now()
	for round := 0; ; round++ {
		due := c.order.Due()
		if m.Cycle && c.order.Status() == ledger.Open {
			now = m.visit(c, now.Add(24*time.Hour)) // a worker comes for the next number
			continue
		}
		if due.IsZero() {
			break
		}
		if round == 80 {
			m.rests[key] = "the order does not come to rest"
			return m.rests[key]
		}
		if due.After(now) {
			now = due
		}
		now = m.visit(c, now)
	}
	m.rests[key] = m.audit(c)
	return m.rests[key]
}

// visit is the schedule's visit without faults.
func (m *machine) visit(c *state, now time.Time) time.Time {
	w := m.scheduled(c)
	w.Stored, w.Visit.Began, w.Visit.Repeat = c.order, now, now.Add(time.Minute)
	if m.Cycle && c.order.Status() == ledger.Open {
		w.Visit.Charge = &ledger.Request{Kind: ledger.Charge, Attempt: c.order.Current(), Key: "means", Amount: price}
	}
	for range callsMax {
		now = now.Add(tick)
		step, write := w.Plan(now)
		if step.Do == ledger.Wait {
			break
		}
		if write != nil {
			c.order = *write
			fresh := step.Request
			w = w.Written(*write, &fresh)
		}
		a := ledger.Answer{Account: account, Began: now, Key: step.Key, Attempt: step.Attempt}
		now = now.Add(tick)
		a.At = now
		if step.Do == ledger.LookUp {
			m.show(c, &a, false)
		} else {
			r := step.Request
			got, _ := m.carryOutLate(c, r, now)
			a.Readable, a.Key, a.Attempt, a.To = true, "", 0, &r
			a.Reply, a.Code, a.Payments = got.Reply, got.Code, got.Payments
		}
		w = w.Did(step, a)
	}
	if w.Changed() {
		c.order = w.Final()
	}
	return now
}

// carryOutLate is the provider long after the phases.
func (m *machine) carryOutLate(c *state, r ledger.Request, now time.Time) (ledger.Answer, string) {
	willing := true
	if p := m.payment(c, r.Key); r.Kind == ledger.Confirm && p != nil {
		willing = now.Sub(epoch.Add(c.phases[p.begun])) < 10*time.Minute
	}
	return m.carryOut(c, r, willing)
}

// audit compares an order at rest with what the provider holds.
func (m *machine) audit(s *state) string {
	o, holding := s.order, ""
	for _, p := range s.money {
		if p.Balance == 0 {
			continue
		}
		if holding != "" {
			return fmt.Sprintf("I1: at rest the order is %s, and the provider holds the money of %s and %s", o.Status(), holding, p.Key)
		}
		holding = p.Key
	}
	p := o.Paid()
	switch {
	case holding == "" && o.Status() == ledger.Paid && !s.console: // nobody may have told us of the console's cancel
		return "I3: at rest the order is paid, and the provider holds nothing"
	case holding != "" && (p == nil || p.Key != holding):
		return fmt.Sprintf("I2: at rest the order is %s, and the provider holds the money of %s", o.Status(), holding)
	case o.Status() == ledger.Processing:
		return "I4: at rest the order is processing"
	}
	for _, r := range o.Requests {
		if r.RefundID == "" {
			continue
		}
		truth := m.payment(s, r.Key)
		made := false
		for _, id := range truth.Refunds {
			made = made || id == r.RefundID
		}
		if made != (r.Outcome == ledger.Done) {
			return fmt.Sprintf("I2: at rest refund %s is %s, and made: %v", r.RefundID, r.Outcome, made)
		}
	}
	return ""
}
