package check

import (
	"crypto/md5"
	"encoding/binary"
	"slices"
	"time"

	"tosspay-sam/shared/ledger"
)

// money is one payment as the provider has it, and as a lookup that is behind still shows it.
type money struct {
	ledger.Payment
	begun   int // phase in which it was authenticated or made
	changed int // phase of the latest change, +1; 0: long ago
	before  ledger.Payment
	shown   bool // a lookup that is behind shows it at all
	ours    bool // a request of ours captured it
}

// window is one window a buyer has opened.
type window struct {
	attempt  int
	key      string
	acted    bool // captured, declined or authenticated
	failed   bool
	asked    bool // for approval
	approved bool
	returns  int // uses of each entry point
	notices  int
	confirms int
	refused  []int // turns of its confirm that were refused: Toss Payments answers every copy of one so
}

// where a process stands.
type pc uint8

const (
	claiming pc = iota // is about to write the request it came with
	planning           // is about to plan, and to write what must be written first
	calling            // is about to call the provider
	learning           // has an answer
	writing            // is about to write what it learned
)

// process is one entry point at work.
type process struct {
	name   string
	at     pc
	intent ledger.Request // of claiming
	window int            // whose approval it answers, +1
	work   ledger.Work
	step   ledger.Step
	answer ledger.Answer
	calls  int
}

type state struct {
	phases      []time.Duration
	phase, rank int // now
	order       ledger.Order
	money       []money
	windows     []window
	delayed     []ledger.Request
	work        []process
	faults      int
	sweeps      int
	refunds     int
	charges     int
	console     bool
	noticed     bool // of the console's cancel
	keys        int  // 0 own, 1 another account's, 2 own again
}

// clone is a copy whose parts may be changed; values of the ledger are never changed in place.
func (s *state) clone() *state {
	c := *s
	c.money, c.windows, c.delayed, c.work = slices.Clone(s.money), slices.Clone(s.windows), slices.Clone(s.delayed), slices.Clone(s.work)
	return &c
}

func (s *state) now() time.Time {
	return epoch.Add(s.phases[s.phase] + time.Duration(s.rank+1)*tick)
}

// times calls f for every time in the state but those of the terms, which are the same in all. What is shared is
// copied first.
func (s *state) times(f func(*time.Time)) {
	s.order = orderTimes(s.order, f)
	s.delayed = requestTimes(s.delayed, f)
	for i := range s.work {
		p := &s.work[i]
		f(&p.intent.At)
		p.work.Stored = orderTimes(p.work.Stored, f)
		p.work.Answers = slices.Clone(p.work.Answers)
		for j := range p.work.Answers {
			answerTimes(&p.work.Answers[j], f)
		}
		answerTimes(&p.answer, f)
		v := &p.work.Visit
		f(&v.Began)
		p.work.Noted, v.Fresh, v.Charge = requestAt(p.work.Noted, f), requestAt(v.Fresh, f), requestAt(v.Charge, f)
		p.step.Request = requestTimes([]ledger.Request{p.step.Request}, f)[0]
	}
}

func requestAt(r *ledger.Request, f func(*time.Time)) *ledger.Request {
	if r == nil {
		return nil
	}
	return &requestTimes([]ledger.Request{*r}, f)[0]
}

func requestTimes(all []ledger.Request, f func(*time.Time)) []ledger.Request {
	all = slices.Clone(all)
	for i := range all {
		r := &all[i]
		f(&r.At)
		f(&r.Since)
		f(&r.RepliedAt)
		f(&r.LookedAt)
	}
	return all
}

func answerTimes(a *ledger.Answer, f func(*time.Time)) {
	f(&a.Began)
	f(&a.At)
	a.To = requestAt(a.To, f)
}

func orderTimes(o ledger.Order, f func(*time.Time)) ledger.Order {
	f(&o.LearnedAt)
	o.Attempts, o.Payments = slices.Clone(o.Attempts), slices.Clone(o.Payments)
	for i := range o.Attempts {
		f(&o.Attempts[i].OpenedAt)
		f(&o.Attempts[i].LookedAt)
		f(&o.Attempts[i].DoubtAt)
	}
	o.Requests = requestTimes(o.Requests, f)
	for i := range o.Payments {
		p := &o.Payments[i]
		f(&p.KnownAt)
		f(&p.SeenAt)
		f(&p.BehindAt)
	}
	return o
}

// normalize gives every time in the state the least one that keeps their order within their phases: the rules compare
// times with each other, and with limits that fall between phases, so states that differ in nothing else go on alike.
// Revisions only tell whether a write conflicts.
func (s *state) normalize() {
	s.order = s.coarse(s.order)
	for i := range s.work {
		s.work[i].work.Stored = s.coarse(s.work[i].work.Stored)
	}
	var all []time.Time
	s.times(func(t *time.Time) {
		if !t.IsZero() {
			all = append(all, *t)
		}
	})
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	renamed := make(map[int64]time.Time, len(all))
	phase, rank := -1, 0
	for _, t := range all {
		if p := s.phaseOf(t); p != phase {
			phase, rank = p, 0
		}
		renamed[t.UnixNano()] = epoch.Add(s.phases[phase] + time.Duration(rank)*tick)
		rank++
	}
	s.times(func(t *time.Time) {
		if !t.IsZero() {
			*t = renamed[t.UnixNano()]
		}
	})
	if s.rank = 0; phase == s.phase {
		s.rank = rank
	}
	revision := s.order.Revision
	s.order.Revision = 1000
	for i := range s.work {
		if w := &s.work[i].work; w.Stored.Revision == revision {
			w.Stored.Revision = 1000
		} else {
			w.Stored.Revision = 0
		}
	}
	if len(s.work) < 2 {
		return
	}
	slices.SortFunc(s.work, func(a, b process) int {
		return slices.Compare(s.encoded(a), s.encoded(b))
	})
}

// coarse gives the times that the rules only compare with limits the beginning of their phase, and forgets those that
// no rule reads any more.
func (s *state) coarse(o ledger.Order) ledger.Order {
	begin := func(t *time.Time) {
		if !t.IsZero() {
			*t = epoch.Add(s.phases[s.phaseOf(*t)])
		}
	}
	o.Attempts, o.Requests, o.Payments = slices.Clone(o.Attempts), slices.Clone(o.Requests), slices.Clone(o.Payments)
	begin(&o.LearnedAt)
	for i := range o.Attempts {
		begin(&o.Attempts[i].OpenedAt)
		begin(&o.Attempts[i].DoubtAt)
	}
	cancels := false
	for i := range o.Requests {
		r := &o.Requests[i]
		begin(&r.Since)
		if r.Kind == ledger.Return || r.Kind == ledger.Charge || r.Kind == ledger.Cancel {
			r.LookedAt = time.Time{}
		}
		cancels = cancels || r.Kind == ledger.Cancel
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		begin(&p.KnownAt)
		begin(&p.BehindAt)
		if unseen := p.Role == ledger.NoRole && p.State == ledger.Captured; !cancels && !unseen {
			begin(&p.SeenAt)
		}
	}
	return o
}

func (s *state) phaseOf(t time.Time) int {
	for i := len(s.phases) - 1; i > 0; i-- {
		if !t.Before(epoch.Add(s.phases[i])) {
			return i
		}
	}
	return 0
}

// encoder writes a state as bytes, for its hash.
type encoder []byte

func (e *encoder) num(n int64)      { *e = binary.AppendVarint(*e, n) }
func (e *encoder) text(s string)    { e.num(int64(len(s))); *e = append(*e, s...) }
func (e *encoder) when(t time.Time) { e.num(t.UnixNano()) }
func (e *encoder) yes(flags ...bool) {
	n := int64(0)
	for i, f := range flags {
		if f {
			n |= 1 << i
		}
	}
	e.num(n)
}

func (e *encoder) request(r ledger.Request) {
	e.num(int64(r.Kind))
	e.num(int64(r.Attempt))
	e.text(r.Key)
	e.num(int64(r.Turn))
	e.when(r.At)
	e.when(r.Since)
	e.yes(r.Failed, r.Canceled, r.Elsewhere)
	e.text(r.RefundID)
	e.num(r.Amount)
	e.num(r.Balance)
	e.num(int64(r.Reply))
	e.when(r.RepliedAt)
	e.when(r.LookedAt)
	e.num(int64(r.Outcome))
}

func (e *encoder) payment(p ledger.Payment) {
	e.text(p.Key)
	e.num(int64(p.Attempt))
	e.num(int64(p.State))
	e.num(p.Amount)
	e.num(p.Balance)
	e.text(p.BillingKey)
	for _, id := range p.Refunds {
		e.text(id)
	}
	e.when(p.KnownAt)
	e.when(p.SeenAt)
	e.when(p.BehindAt)
	e.num(int64(p.Role))
	e.text(string(p.Reason))
}

func (e *encoder) order(o ledger.Order) {
	e.num(o.Revision)
	e.when(o.LearnedAt)
	e.text(string(o.End))
	e.num(int64(len(o.Attempts)))
	for _, a := range o.Attempts {
		e.when(a.OpenedAt)
		e.when(a.LookedAt)
		e.when(a.DoubtAt)
		e.yes(a.Used)
	}
	e.num(int64(len(o.Requests)))
	for _, r := range o.Requests {
		e.request(r)
	}
	e.num(int64(len(o.Payments)))
	for _, p := range o.Payments {
		e.payment(p)
	}
}

func (e *encoder) answer(a ledger.Answer) {
	e.text(a.Account.KeyDigest)
	e.when(a.Began)
	e.when(a.At)
	e.text(a.Key)
	e.num(int64(a.Attempt))
	e.yes(a.Readable, a.Complete, a.To != nil)
	if a.To != nil {
		e.request(*a.To)
	}
	e.num(int64(a.Reply))
	e.num(int64(len(a.Payments)))
	for _, p := range a.Payments {
		e.payment(p)
	}
}

func (e *encoder) optional(r *ledger.Request) {
	if e.yes(r != nil); r != nil {
		e.request(*r)
	}
}

func (s *state) encoded(p process) []byte {
	e := &encoder{}
	e.num(int64(p.at))
	e.request(p.intent)
	e.num(int64(p.window))
	if p.work.Stored.Revision != 1000 {
		e.order(p.work.Stored)
	}
	e.optional(p.work.Noted)
	e.num(int64(len(p.work.Answers)))
	for _, a := range p.work.Answers {
		e.answer(a)
	}
	v := p.work.Visit
	e.when(v.Began)
	for _, l := range v.Looked {
		e.text(l.Key)
		e.num(int64(l.Attempt))
	}
	e.optional(v.Fresh)
	e.optional(v.Charge)
	e.num(int64(s.phaseOf(v.Repeat)))
	e.num(int64(p.step.Do))
	e.text(p.step.Key)
	e.num(int64(p.step.Attempt))
	e.request(p.step.Request)
	e.answer(p.answer)
	e.num(int64(p.calls))
	return *e
}

// provider writes what is at rest: the table, the provider and the time.
func (s *state) provider(e *encoder) {
	e.num(int64(s.phase))
	e.order(s.order)
	for _, m := range s.money {
		e.payment(m.Payment)
		e.num(int64(m.begun))
		e.num(int64(m.changed))
		e.yes(m.shown, m.ours)
		if m.changed > 0 {
			e.payment(m.before)
		}
	}
}

// hash of a normalized state.
func (m *machine) hash(s *state) [16]byte {
	e := &encoder{}
	s.provider(e)
	for _, w := range s.windows {
		e.num(int64(w.attempt))
		e.yes(w.acted, w.failed, w.asked, w.approved)
		e.num(int64(w.returns + 10*w.notices + 100*w.confirms))
		for _, turn := range w.refused {
			e.num(int64(turn))
		}
	}
	e.num(int64(len(s.delayed)))
	for _, r := range s.delayed {
		e.request(r)
	}
	for _, p := range s.work {
		*e = append(*e, s.encoded(p)...)
	}
	e.num(int64(s.faults + 10*s.sweeps + 100*s.refunds + 1000*s.charges + 10000*s.keys))
	e.yes(s.console, s.noticed)
	return md5.Sum(*e)
}
