package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
)

// proceed is everything that process i may do next, and what may happen to it. A process that does nothing for a
// while is one that is frozen.
func (m *machine) proceed(s *state, i int, next move) {
	p := s.work[i]
	if s.faults < m.Faults && len(s.work) == m.Processes { // else it is as good as frozen for ever
		next(p.name+" dies", func(c *state) string {
			c.faults++
			c.work = slices.Delete(c.work, i, i+1)
			return ""
		})
	}
	switch p.at {
	case claiming:
		next(p.name+" writes its request", func(c *state) string { return m.writeClaim(c, i) })
	case planning:
		m.plan(s, i, next)
	case calling:
		m.call(s, i, next)
	case learning:
		next(p.name+" reads the answer: "+m.says(p.answer), func(c *state) string {
			q := &c.work[i]
			if m.Break == NoStamp {
				q.answer.Account = account
			}
			q.answer.At = c.now()
			q.work = q.work.Did(q.step, q.answer)
			m.refuseAll(q)
			q.answer, q.step = ledger.Answer{}, ledger.Step{}
			q.calls++
			m.ready(c, i)
			return ""
		})
	case writing:
		next(p.name+" writes what it learned", func(c *state) string { return m.writeFinal(c, i) })
	}
}

// refuseAll believes one refusal for all repetitions of a request.
func (m *machine) refuseAll(p *process) {
	if m.Break != RefusalAtOnce || p.answer.Reply != ledger.Refused || p.answer.To == nil {
		return
	}
	for _, r := range p.work.Stored.Requests {
		if r.Kind == ledger.Confirm && r.Turn < p.answer.To.Turn {
			a := p.answer
			a.To = &r
			p.work.Answers = append(p.work.Answers, a)
		}
	}
}

// writeClaim is one conditional write: the request, if the order allows it as it stands.
func (m *machine) writeClaim(c *state, i int) string {
	p := &c.work[i]
	o, err := c.order.Intend(p.intent)
	switch {
	case m.Break == NoClaim:
		o, err = p.work.Stored.Intend(p.intent)
	case m.Break == NoGuard && p.intent.Kind == ledger.Cancel:
		r := p.intent
		r.Turn, r.Balance, r.Since = 1, c.order.Paid().Balance, r.At
		o = c.order
		o.Requests, err = append(slices.Clone(o.Requests), r), nil
	}
	same := len(o.Requests) == len(c.order.Requests) && m.Break != NoClaim
	if err != nil || same {
		c.work = slices.Delete(c.work, i, i+1) // it shows the order as it is
		return ""
	}
	o.Revision = c.order.Revision + 1
	c.order = o
	if p.window > 0 {
		c.windows[p.window-1].approved = true
		c.work = slices.Delete(c.work, i, i+1)
		return ""
	}
	fresh := o.Requests[len(o.Requests)-1]
	p.work = ledger.Work{}.Written(o, &fresh)
	p.work.Visit.Began = c.now()
	p.intent = ledger.Request{}
	m.ready(c, i)
	return ""
}

// ready plans at once: a call on a plan that has become old is the worst that a freeze between the two can do. A step
// that must be written first is planned when it is written.
func (m *machine) ready(c *state, i int) {
	p := &c.work[i]
	step, write := p.work.Plan(c.now())
	switch {
	case p.calls >= callsMax || step.Do == ledger.Wait:
		if p.at = writing; !p.work.Changed() {
			c.work = slices.Delete(c.work, i, i+1)
		}
	case write != nil:
		p.at = planning
	default:
		p.at, p.step = calling, step
	}
}

// plan takes the next step of the real plan; what must be written before it is written now, on the condition that
// nobody has moved the order.
func (m *machine) plan(s *state, i int, next move) {
	p := s.work[i]
	step, write := p.work.Plan(s.now())
	if write == nil {
		next(p.name+" has waited, and plans anew", func(c *state) string { m.ready(c, i); return "" })
		return
	}
	next(p.name+" writes that it will do "+m.does(step), func(c *state) string {
		q := &c.work[i]
		if q.work.Stored.Revision != c.order.Revision {
			q.work = q.work.Conflicted(c.order)
			m.ready(c, i)
			return ""
		}
		o := *write
		o.Revision = c.order.Revision + 1
		c.order = o
		fresh := step.Request
		q.work = q.work.Written(o, &fresh)
		q.at, q.step = calling, step
		return ""
	})
}

func (m *machine) writeFinal(c *state, i int) string {
	p := &c.work[i]
	switch {
	case !p.work.Changed():
	case p.work.Stored.Revision != c.order.Revision:
		p.work = p.work.Conflicted(c.order)
		return ""
	default:
		c.order = p.work.Final()
	}
	c.work = slices.Delete(c.work, i, i+1)
	return ""
}

// call is one request to the provider, and every way it may go.
func (m *machine) call(s *state, i int, next move) {
	p := s.work[i]
	answered := func(label string, fault int, do func(c *state, a *ledger.Answer) string) {
		if s.faults+fault > m.Faults {
			return
		}
		next(p.name+" "+label, func(c *state) string {
			q := &c.work[i]
			a := ledger.Answer{Account: account, Began: c.now(), Key: q.step.Key, Attempt: q.step.Attempt}
			if q.step.Do == ledger.Send {
				r := q.step.Request
				a.Key, a.Attempt, a.To = "", 0, &r
			}
			c.rank++
			broken := do(c, &a)
			c.faults += fault
			c.work[i].answer, c.work[i].at = a, learning
			return broken
		})
	}
	what := m.does(p.step)
	answered("does "+what+", and there is no answer", 1, func(*state, *ledger.Answer) string { return "" })
	if s.keys == 1 {
		answered("does "+what+" with another account's keys", 0, func(_ *state, a *ledger.Answer) string {
			a.Account, a.Readable, a.Complete = other, true, a.Attempt > 0
			if a.To != nil {
				a.Reply, a.Code = ledger.Refused, "NOT_FOUND"
			}
			return ""
		})
		return
	}
	if p.step.Do == ledger.LookUp {
		answered("does "+what, 0, func(c *state, a *ledger.Answer) string { m.show(c, a, false); return "" })
		if m.Lag && slices.ContainsFunc(s.money, func(p money) bool { return p.changed > 0 }) {
			answered("does "+what+", which is behind", 0, func(c *state, a *ledger.Answer) string { m.show(c, a, true); return "" })
		}
		return
	}
	m.sends(s, p, answered)
}

// sends is every way a request that moves money may go.
func (m *machine) sends(s *state, p process, answered func(string, int, func(*state, *ledger.Answer) string)) {
	r, what := p.step.Request, m.does(p.step)
	if late := s.now().Sub(r.At) >= ledger.ChargeSendMax; r.Kind == ledger.Charge && late && m.Break != LateCharge {
		answered("has stood still, and its client no longer sends "+what, 0, func(*state, *ledger.Answer) string { return "" })
		return
	}
	carried := func(reply bool) func(*state, *ledger.Answer) string {
		return func(c *state, a *ledger.Answer) string {
			got, broken := m.carryOut(c, r, true)
			if reply {
				a.Readable, a.Reply, a.Code, a.Payments = true, got.Reply, got.Code, got.Payments
			}
			return broken
		}
	}
	answered("does "+what, 0, carried(true))
	answered("does "+what+", and the reply is lost", 1, carried(false))
	answered("does "+what+", which is delayed", 1, func(c *state, _ *ledger.Answer) string {
		c.delayed = append(c.delayed, r)
		return ""
	})
	if r.Kind != ledger.Charge { // which has no idempotency key, so that no client repeats it by itself
		answered("does "+what+" twice, the second one late", 1, func(c *state, a *ledger.Answer) string {
			broken := carried(true)(c, a)
			c.delayed = append(c.delayed, r)
			return broken
		})
	}
	if r.Kind == ledger.Cancel {
		return
	}
	answered("does "+what+": refused", 0, func(c *state, a *ledger.Answer) string {
		got, broken := m.carryOut(c, r, false)
		a.Readable, a.Reply, a.Code, a.Payments = true, got.Reply, got.Code, got.Payments
		return broken
	})
	answered("does "+what+": HTTP 500, delayed", 1, func(c *state, a *ledger.Answer) string {
		c.delayed = append(c.delayed, r)
		a.Readable, a.Reply, a.Code = true, ledger.Unusable, "500"
		return ""
	})
}

// inTime says that the provider still carries a request out: PortOne a charge within PendingMax, Toss Payments a
// confirm within the window (carryOut says so); a cancel whenever.
func (m *machine) inTime(s *state, r ledger.Request) bool {
	return r.Kind != ledger.Charge || s.now().Sub(r.At) < 75*time.Minute
}

// carryOut is the provider at a request; willing: it takes the money if it can.
func (m *machine) carryOut(c *state, r ledger.Request, willing bool) (a ledger.Answer, broken string) {
	a.Reply, a.Code = ledger.Refused, "NO"
	switch r.Kind {
	case ledger.Cancel:
		return m.cancel(c, r)
	case ledger.Confirm:
		p := m.payment(c, r.Key)
		w := &c.windows[slices.IndexFunc(c.windows, func(w window) bool { return w.key == r.Key })]
		switch {
		case slices.Contains(w.refused, r.Turn):
			return a, "" // the same idempotency key, the same answer
		case p.State == ledger.Captured:
			a.Reply, a.Code = ledger.Already, "ALREADY"
			return a, ""
		case !willing || c.phases[c.phase]-c.phases[p.begun] >= 10*time.Minute:
			w.refused = append(slices.Clone(w.refused), r.Turn)
			slices.Sort(w.refused)
			return a, ""
		}
		m.change(c, p)
		p.State, p.Balance, p.ours = ledger.Captured, p.Amount, true
		a.Reply, a.Code, a.Payments = ledger.Accepted, "", []ledger.Payment{p.Payment}
		return a, ""
	}
	taken := slices.ContainsFunc(c.money, func(p money) bool { // PortOne promises nothing for two charges at once
		atOnce := p.ours && p.changed == c.phase+1
		return p.Attempt == r.Attempt && p.State == ledger.Captured && !atOnce
	})
	switch {
	case taken:
		a.Reply, a.Code = ledger.Already, "DUPLICATE"
		return a, ""
	case !willing:
		return a, ""
	}
	made := m.made(c, ledger.Payment{
		Key: fmt.Sprintf("c%d.%d.%d", r.Attempt, r.Turn, len(c.money)), Attempt: r.Attempt, State: ledger.Captured, Amount: price, Balance: price, BillingKey: r.Key,
	})
	made.ours = true
	c.money = append(c.money, made)
	a.Reply, a.Code, a.Payments = ledger.Accepted, "", []ledger.Payment{made.Payment}
	return a, ""
}

// cancel is carried out when what is left is what the request says; it has no memory of idempotency keys.
func (m *machine) cancel(c *state, r ledger.Request) (a ledger.Answer, broken string) {
	a.Reply, a.Code = ledger.Already, "OTHER_BALANCE"
	p := m.payment(c, r.Key)
	if p.Balance != r.Balance || r.Amount > p.Balance {
		return a, ""
	}
	m.change(c, p)
	p.Balance -= r.Amount
	switch kept := c.order.Paid(); {
	case r.RefundID == "" && kept != nil && kept.Key == p.Key:
		broken = "the payment that pays the order was returned"
	case r.RefundID != "" && slices.Contains(p.Refunds, r.RefundID):
		broken = "refund " + r.RefundID + " was made twice"
	}
	if r.RefundID != "" {
		p.Refunds = append(slices.Clone(p.Refunds), r.RefundID)
	}
	a.Reply, a.Code, a.Payments = ledger.Accepted, "", []ledger.Payment{p.Payment}
	return a, broken
}

// show is what a lookup shows, now or as it was before the changes of this phase.
func (m *machine) show(c *state, a *ledger.Answer, behind bool) {
	a.Readable, a.Complete = true, a.Key == ""
	for _, p := range c.money {
		shown, ok := p.Payment, true
		if behind && p.changed > 0 {
			shown, ok = p.before, p.shown
		}
		if ok && (p.Key == a.Key || a.Key == "" && p.Attempt == a.Attempt) {
			a.Payments = append(a.Payments, shown)
		}
	}
}

// does says a step in words.
func (m *machine) does(s ledger.Step) string {
	switch {
	case s.Do == ledger.Send:
		r := s.Request
		what := fmt.Sprintf("%s of number %d", name(r), r.Attempt)
		if r.Kind == ledger.Cancel {
			what = fmt.Sprintf("%s, %d of %d", name(r), r.Amount, r.Balance)
		}
		if r.Turn > 0 {
			what += fmt.Sprintf(" (turn %d)", r.Turn)
		}
		return what
	case s.Key != "":
		return "lookup of " + s.Key
	}
	return fmt.Sprintf("lookup of number %d", s.Attempt)
}

func (m *machine) says(a ledger.Answer) string {
	switch {
	case !a.Readable:
		return "nothing"
	case a.To != nil:
		return []string{"no reply", "busy", "unusable", "untouched", "already done", "refused", "accepted"}[a.Reply]
	case len(a.Payments) == 0:
		return "no such payment"
	}
	var all []string
	for _, p := range a.Payments {
		all = append(all, fmt.Sprintf("%s %s, %d of %d left", p.Key, p.State, p.Balance, p.Amount))
	}
	return strings.Join(all, "; ")
}
