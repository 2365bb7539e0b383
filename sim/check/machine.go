package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
)

// machine makes the successors of states.
type machine struct {
	World
	rests map[[16]byte]string // what became of states at rest
}

func newMachine(w World) *machine { return &machine{World: w, rests: map[[16]byte]string{}} }

func (m *machine) start() *state {
	terms := m.terms()
	switch m.Break {
	case AbsenceAtOnce:
		terms.Timing.PendingMax, terms.Timing.AbsentMax, terms.Timing.LookupLag = 0, 0, 0
	case NoLastLook:
		terms.Timing.ConfirmWindow = 1
	}
	s := &state{order: ledger.New(terms), phases: m.Phases}
	if m.Cycle {
		m.worker(s) // whoever stores a cycle's order is about to charge it
		if s.work[0].at == claiming {
			m.writeClaim(s, 0)
		}
	}
	s.normalize()
	return s
}

// emit takes a successor: what happened, what promise it broke if any, and the state after it.
type emit func(label, broken string, s *state)

// callsMax bounds one process, as in the real loop.
const callsMax = 4

func (m *machine) successors(s *state, to emit) {
	next := func(label string, change func(*state) string) {
		c := s.clone()
		broken := change(c)
		if broken == "" {
			broken = m.holds(s, c)
		}
		c.normalize()
		to(fmt.Sprintf("[%v] %s", s.phases[s.phase], label), broken, c)
	}
	m.passTime(s, next)
	m.buyers(s, next)
	m.entryPoints(s, next)
	m.others(s, next)
	for i := range s.work {
		m.proceed(s, i, next)
	}
	for i, r := range s.delayed {
		if m.inTime(s, r) {
			next("a delayed "+name(r)+" arrives", func(c *state) string {
				c.delayed = slices.Delete(c.delayed, i, i+1)
				_, broken := m.carryOut(c, r, true)
				return broken
			})
		}
	}
}

type move func(label string, change func(*state) string)

func (m *machine) passTime(s *state, next move) {
	if s.phase+1 < len(m.Phases) {
		next("time passes", func(c *state) string {
			c.phase++
			c.rank = 0
			for i := range c.money {
				c.money[i].changed = 0
				c.money[i].before = ledger.Payment{}
			}
			return ""
		})
	}
}

// over says that no window can capture any more.
func (m *machine) over(s *state) bool {
	return !s.now().Before(s.order.CreatedAt.Add(140 * time.Minute))
}

// buyers open windows, pay in them or do not.
func (m *machine) buyers(s *state, next move) {
	offered := s.order.Status() == ledger.Open || m.Cycle
	if len(s.windows) < m.Windows && offered && !m.over(s) {
		next(fmt.Sprintf("a buyer opens window w%d of number %d", len(s.windows)+1, s.order.Current()), func(c *state) string {
			w := window{attempt: c.order.Current(), key: fmt.Sprint("w", len(c.windows)+1)}
			c.windows = append(c.windows, w)
			c.money = append(c.money, m.made(c, ledger.Payment{Key: w.key, Attempt: w.attempt, State: ledger.Begun, Amount: price}))
			return ""
		})
	}
	for i, w := range s.windows {
		if w.acted || m.Toss || m.over(s) {
			continue
		}
		if m.Gate && !w.approved {
			if !w.asked && len(s.work) < m.Processes {
				next("PortOne asks whether window "+w.key+" may capture", func(c *state) string {
					c.windows[i].asked = true
					r := ledger.Request{Kind: ledger.Approval, Attempt: w.attempt, Key: w.key, Amount: price, At: c.now()}
					c.work = append(c.work, process{name: "approval of " + w.key, at: claiming, intent: r, window: i + 1})
					return ""
				})
			}
			if w.asked {
				next("window "+w.key+" is declined", func(c *state) string { return m.windowEnds(c, i, 0) })
			}
			continue
		}
		if m.Cycle && slices.ContainsFunc(s.money, func(p money) bool { return p.ours && p.Attempt == w.attempt }) {
			continue // a number that was paid opens no window
		}
		next("window "+w.key+" captures", func(c *state) string { return m.windowEnds(c, i, price) })
		next("window "+w.key+" is declined", func(c *state) string { return m.windowEnds(c, i, 0) })
		if m.Wrong && i == 0 {
			next("window "+w.key+" captures another amount", func(c *state) string { return m.windowEnds(c, i, price-1) })
		}
	}
}

func (m *machine) windowEnds(c *state, i int, amount int64) string {
	w := &c.windows[i]
	w.acted, w.failed = true, amount == 0
	p := m.payment(c, w.key)
	m.change(c, p)
	if p.State = ledger.Declined; amount > 0 {
		p.State, p.Amount, p.Balance = ledger.Captured, amount, amount
	}
	return ""
}

// made is a payment that begins now.
func (m *machine) made(s *state, p ledger.Payment) money {
	p.Currency, p.Test, p.ListsRefunds = "KRW", true, true
	return money{Payment: p, begun: s.phase, changed: s.phase + 1}
}

// change remembers what a lookup that is behind shows.
func (m *machine) change(s *state, p *money) {
	if p.changed != s.phase+1 {
		p.changed, p.before, p.shown = s.phase+1, p.Payment, true
	}
}

func (m *machine) payment(s *state, key string) *money {
	i := slices.IndexFunc(s.money, func(p money) bool { return p.Key == key })
	if i < 0 {
		return nil
	}
	return &s.money[i]
}

// begin starts a process.
func (m *machine) begin(c *state, name string, w ledger.Work) {
	w.Stored, w.Visit.Began = c.order, c.now()
	c.work = append(c.work, process{name: name, work: w})
	m.ready(c, len(c.work)-1)
}

// entryPoints start processes: returns, webhooks, confirms, the worker, the schedule, the merchant.
func (m *machine) entryPoints(s *state, next move) {
	if len(s.work) >= m.Processes {
		return
	}
	for i, w := range s.windows {
		if m.Toss {
			if w.confirms <= m.Repeats {
				next("the buyer returns from "+w.key+", to be confirmed", func(c *state) string {
					c.windows[i].confirms++
					r := ledger.Request{Kind: ledger.Confirm, Attempt: w.attempt, Key: w.key, Amount: price, At: c.now()}
					m.claim(c, "confirm of "+w.key, r)
					return ""
				})
			}
			continue
		}
		if m.Returns && w.returns <= m.Repeats {
			next("the buyer returns from "+w.key, func(c *state) string {
				c.windows[i].returns++
				r := &ledger.Request{Kind: ledger.Return, Attempt: w.attempt, Key: w.key, At: c.now(), Failed: !w.acted || w.failed}
				m.begin(c, "return from "+w.key, ledger.Work{Noted: r})
				return ""
			})
		}
		if w.acted && !w.failed && w.notices <= m.Repeats {
			next("the webhook of "+w.key+" comes", func(c *state) string {
				c.windows[i].notices++
				r := &ledger.Request{Kind: ledger.Notice, Attempt: w.attempt, Key: w.key, At: c.now()}
				m.begin(c, "webhook of "+w.key, ledger.Work{Noted: r})
				return ""
			})
		}
	}
	if m.Cycle && s.charges < m.Repeats {
		next("a worker takes the cycle up", func(c *state) string {
			c.charges++
			m.worker(c)
			return ""
		})
	}
	due := s.order.Due()
	if s.sweeps < m.Sweeps && !due.IsZero() && !due.After(s.now()) {
		next("the schedule looks at the order", func(c *state) string {
			c.sweeps++
			m.begin(c, "schedule", m.scheduled(c))
			return ""
		})
	}
	if p := s.order.Paid(); p != nil && s.refunds < m.Refunds {
		next(fmt.Sprintf("the merchant asks for refund r%d", s.refunds+1), func(c *state) string {
			c.refunds++
			r := ledger.Request{Kind: ledger.Cancel, Attempt: p.Attempt, Key: p.Key, RefundID: fmt.Sprint("r", c.refunds), Amount: price - 1, At: c.now()}
			m.claim(c, "refund "+r.RefundID, r)
			return ""
		})
	}
}

// scheduled is the schedule's work: it may repeat a charge that nobody finds.
func (m *machine) scheduled(c *state) ledger.Work {
	return ledger.Work{Visit: ledger.Visit{Repeat: c.now().Add(time.Minute)}}
}

// worker charges the first number by a claim, and a further one after looking at those before it.
func (m *machine) worker(c *state) {
	r := ledger.Request{Kind: ledger.Charge, Attempt: c.order.Current(), Key: "means", Amount: price, At: c.now()}
	if c.order.Current() == 1 {
		m.claim(c, "worker", r)
		return
	}
	m.begin(c, "worker", ledger.Work{Visit: ledger.Visit{Charge: &r, Repeat: c.now().Add(time.Minute)}})
}

func (m *machine) claim(c *state, name string, r ledger.Request) {
	p := process{name: name, at: claiming, intent: r}
	switch m.Break {
	case NoClaim:
		p.work.Stored = c.order // it has read the order, and will write what it makes of that
	case NoIntent:
		if r.Kind != ledger.Cancel {
			r.Since = r.At
			p.at, p.step, p.work.Stored, p.intent = calling, ledger.Step{Do: ledger.Send, Request: r}, c.order, ledger.Request{}
		}
	}
	c.work = append(c.work, p)
}

// others is what happens at the provider and the deployment without us.
func (m *machine) others(s *state, next move) {
	if m.Console && !s.console {
		for i, p := range s.money {
			if p.State == ledger.Captured && p.Balance > 0 {
				next("somebody cancels "+p.Key+" in the console", func(c *state) string {
					c.console = true
					m.change(c, &c.money[i])
					c.money[i].Balance = 0
					return ""
				})
			}
		}
	}
	if m.Console && s.console && !s.noticed && len(s.work) < m.Processes {
		for _, p := range s.money {
			if p.State == ledger.Captured && p.Balance == 0 && p.Role == ledger.NoRole {
				next("the webhook of the console's cancel comes", func(c *state) string {
					c.noticed = true
					r := &ledger.Request{Kind: ledger.Notice, Attempt: p.Attempt, Key: p.Key, At: c.now(), Canceled: true}
					m.begin(c, "webhook of a cancel", ledger.Work{Noted: r})
					return ""
				})
				break
			}
		}
	}
	if m.Keys && s.keys < 2 {
		label := []string{"the operator puts another account's keys", "the operator puts the account's own keys back"}[s.keys]
		next(label, func(c *state) string { c.keys++; return "" })
	}
}

func name(r ledger.Request) string {
	return strings.TrimSpace(r.Kind.String() + " of " + r.Key + " " + r.RefundID)
}
