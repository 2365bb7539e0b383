package soak

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
	"tosspay-sam/sim/eventaudit"
)

// day is short for what calendars are made of.
const day = 24 * time.Hour

// run is one seed. Everything but the shards of a tick happens on one goroutine: a worker is a coroutine that gives way at its calls, and
// time only moves between events.
type run struct {
	*Lab
	ctx    context.Context
	size   Size
	seed   uint64
	random *rand.Rand
	report Report

	now     time.Time
	events  events
	serial  int
	current *process
	idle    []*process
	tick    time.Time // the latest
	ticking int       // copies so far; 0 between ticks
	passing sync.Mutex
	passed  []payment.Message

	members []*member
	byID    map[string]*member
	outages []span
	told    eventaudit.Audit // of what the merchant would be told
}

// member is one subscription and what it is to get.
type member struct {
	id       string
	calendar subscription.Calendar
	catchUp  subscription.CatchUp
	amount   int64
	atEnd    bool
	fates    map[int][]string // by cycle: what becomes of the charges that arrive, one after another; then it is paid
	arrived  map[int]int      // by cycle
	expected
}

// span is a time during which nothing runs.
type span struct{ from, to time.Time }

// process is somebody at one piece of work: a worker at a message, a webhook, a page.
type process struct {
	do      func()
	worker  bool
	began   time.Time
	claimed claimed
	from    time.Time // when the charge it sends was begun
	yield   func(time.Duration) bool
	resume  func() (time.Duration, bool)
	stop    func()
}

// claimed is the cycle that a worker has claimed for the message it is at.
type claimed struct {
	id    string
	cycle int
	at    time.Time
}

// killed is how a process ends in the middle of a call.
type killed struct{}

var errLost = errors.New("no answer came")

// noticeDays is how long before a charge it is announced, where the seed is even.
const noticeDays = 5

// Run plays one seed.
func Run(ctx context.Context, seed uint64, size Size) Report {
	ctx, cancel := context.WithTimeout(ctx, 12*time.Hour) // the store wants a deadline; the virtual clock knows nothing of it
	defer cancel()
	r := &run{
		ctx: ctx, size: size, seed: seed, random: rand.New(rand.NewPCG(seed, 4)), byID: map[string]*member{}, report: Report{Seed: seed},
		now: time.Date(2027, 1, 25, 0, 0, 0, 0, time.UTC),
	}
	r.Lab = NewLab(func() time.Time { return r.now }, r.wait, r.collect)
	r.Lab.Store.Changed = r.told.Changed
	if seed%2 == 0 {
		r.Lab.Worker.NoticeDays, r.Lab.Enroller.NoticeDays = noticeDays, noticeDays
	}
	r.Bank.Outcome = r.outcome
	r.plan()
	if len(r.report.Broken) == 0 {
		r.Hook, r.Take, r.Written, r.Deleted = r.hook, r.take, r.written, r.deleted
		r.sabotage()
		r.play()
		if ctx.Err() == nil {
			r.audit()
		}
		for _, p := range r.idle {
			p.stop()
		}
	}
	if ctx.Err() != nil { // whatever looks broken then may be only half done
		return Report{Seed: seed, Stopped: true}
	}
	r.report.Runs = 1
	return r.report
}

func (r *run) chance(p float64) bool { return r.random.Float64() < p }

func (r *run) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.random.Int64N(int64(high-low)))
}

// plan draws the subscriptions, what becomes of their charges, and when nothing runs at all.
func (r *run) plan() {
	for range 2 {
		from := r.now.Add(r.between(5*day, 500*day))
		r.outages = append(r.outages, span{from, from.Add(r.between(6*time.Hour, 45*day))})
	}
	for i := range r.size.Subscriptions {
		m := r.member(i)
		r.members = append(r.members, m)
		r.byID[m.id] = m
		_, err := r.Enroll(r.ctx, payment.NewSubscription{
			SubscriptionID: m.id, CustomerID: "customer", Amount: m.amount, Currency: "KRW", Name: "Milk", Interval: string(m.calendar.Interval),
			Every: m.calendar.Every, AnchorDay: m.calendar.Anchor, FirstChargeAt: m.calendar.Date(0), CatchUp: string(m.catchUp),
		})
		if err != nil {
			r.broken("%s cannot be enrolled: %v", m.id, err)
			return
		}
		m.prices = []price{{r.now, m.amount}}
		r.live(m)
	}
}

func (r *run) member(i int) *member {
	first := r.now.Add(time.Duration(1+r.random.IntN(8)) * day)
	m := &member{
		id: fmt.Sprintf("sub_%d", 1000+i), amount: int64(1000 + r.random.IntN(100)*100), atEnd: r.chance(.5),
		catchUp: []subscription.CatchUp{subscription.Once, subscription.Each, subscription.Skip}[r.random.IntN(3)],
		fates:   map[int][]string{}, arrived: map[int]int{}, expected: expected{begun: map[int]time.Time{}, written: map[int]time.Time{}, deleted: map[string]time.Time{}},
	}
	m.calendar = subscription.Calendar{First: first, Every: 1, Hour: 10}
	switch n := r.random.IntN(10); {
	case n < 2:
		m.calendar.Interval, m.calendar.Every = subscription.Day, 1+r.random.IntN(10)
	case n < 4:
		m.calendar.Interval, m.calendar.Every = subscription.Week, 1+r.random.IntN(4)
	case n < 9:
		m.calendar.Interval, m.calendar.Every, m.calendar.Anchor = subscription.Month, 1+r.random.IntN(3), 1+r.random.IntN(31)
	default:
		m.calendar.Interval, m.calendar.Anchor = subscription.Year, 1+r.random.IntN(31)
	}
	for k := 1; k <= r.size.Cycles+2; k++ {
		if fate := r.fate(); fate != nil {
			m.fates[k] = fate
		}
	}
	return m
}

// fate is what becomes of the first charges of a cycle.
func (r *run) fate() []string {
	repeated := func(code string) []string { return slices.Repeat([]string{code}, 1+r.random.IntN(3)) }
	switch n := r.random.IntN(100); {
	case n < 1:
		return slices.Repeat([]string{"CARD_SYSTEM_ERROR"}, 5) // suspended, although the means is fine
	case n < 6:
		return repeated("CARD_NOT_ENOUGH_BALANCE")
	case n < 10:
		return repeated("CARD_BANK_SYSTEM_ERROR")
	case n < 12:
		return []string{"CARD_NOT_AVAILABLE"}
	case n < 13:
		return []string{"BUYER_NOT_REGISTERED"}
	case n < 15:
		return []string{"COMMON_TIMEOUT"} // failed, and perhaps not
	}
	return nil
}

// outcome is asked by the bank for every charge that arrives.
func (r *run) outcome(number string, nth int) string {
	m, k, _ := r.parse(number)
	if nth > 1 {
		r.report.Repeats++
	}
	r.report.Attempts++
	n := m.arrived[k]
	m.arrived[k]++
	if n >= len(m.fates[k]) {
		return ""
	}
	r.report.Declined++
	if n == 0 {
		r.at(r.between(day, 3*day), func() { r.care(m, k) })
	}
	return m.fates[k][n]
}

// care is a merchant who tries again after an outage, or asks for another means, and a buyer who registers it.
func (r *run) care(m *member, k int) {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil || s.Cycle > k || s.Status == subscription.Canceled {
		return
	}
	if s.Status == subscription.Suspended {
		r.merchant(func() {
			if s.Dunning.Decline != subscription.Hard && r.chance(.7) {
				_, err := r.Enroller.Resume(r.ctx, m.id)
				if err != nil {
					r.broken("%s is suspended, %s, and cannot be resumed: %v", m.id, s.Dunning.Decline, err)
				}
				r.report.Resumed++
				return
			}
			if e, err := r.Enroller.RenewKey(r.ctx, m.id, "https://pay.example"); err == nil {
				_, _ = r.Register(r.ctx, e.Subscription)
				r.report.Renewals++
			}
		})
	}
	r.at(day, func() { r.care(m, k) })
}

// stop ends a subscription that has had its cycles.
func (r *run) stop(m *member) {
	s, err := r.Store.GetSubscription(r.ctx, m.id)
	if err != nil || s.Status == subscription.Canceled {
		return
	}
	if s.Cycle > r.size.Cycles && (s.Status == subscription.Active || !m.atEnd) {
		if r.cancel(m, m.atEnd) {
			return
		}
	}
	r.at(time.Hour, func() { r.stop(m) })
}

// play goes from event to event until nothing is due any more.
func (r *run) play() {
	last := r.now.Add(40 * 365 * day)
	for range 20_000_000 {
		tick, due := r.nextTick()
		switch {
		case len(r.events) > 0 && (!due || !r.events[0].at.After(tick)):
			e := heap.Pop(&r.events).(event)
			r.now = e.at
			e.do()
		case due:
			r.now, r.tick = tick, tick
			r.runTick()
		default:
			return
		}
		switch {
		case len(r.report.Broken) > 0 || r.ctx.Err() != nil:
			return
		case r.now.After(last):
			r.broken("still busy at %v", r.now)
			return
		}
	}
	r.broken("still busy at %v", r.now)
}

// nextTick is the next minute in which something is due, outside of outages.
func (r *run) nextTick() (time.Time, bool) {
	at, ok := r.Store.NextDue()
	if !ok {
		return at, false
	}
	if next := r.tick.Add(time.Minute); at.Before(next) {
		at = next
	}
	if at.Before(r.now) {
		at = r.now
	}
	at = at.Add(time.Minute - 1).Truncate(time.Minute)
	for range r.outages {
		for _, o := range r.outages {
			if !at.Before(o.from) && at.Before(o.to) {
				at = o.to.Add(time.Minute - 1).Truncate(time.Minute)
			}
		}
	}
	return at, true
}

func (r *run) runTick() {
	if r.chance(r.size.Faults.Ticks) {
		return
	}
	copies := 1
	if r.chance(r.size.Faults.Duplicates) {
		copies = 2
	}
	for r.ticking = 1; r.ticking <= copies; r.ticking++ {
		r.report.Ticks++
		_, _ = r.Dispatcher.Run(r.ctx) // what it could not do is due again
	}
	r.ticking = 0
	messages := r.passed
	r.passed = nil
	// The shards of a tick send side by side; what follows must not depend on who was first.
	slices.SortStableFunc(messages, func(a, b payment.Message) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) })
	for _, m := range messages {
		r.report.Messages++
		if r.chance(r.size.Faults.Messages) {
			continue
		}
		r.deliver(m)
		if r.chance(r.size.Faults.Duplicates) {
			r.deliver(m)
		}
	}
}

// collect is the queue; the shards of a tick send side by side.
func (r *run) collect(m []payment.Message) {
	r.passing.Lock()
	defer r.passing.Unlock()
	r.passed = append(r.passed, m...)
}

// deliver gives a message to a worker, soon.
func (r *run) deliver(m payment.Message) {
	later := r.between(0, 2*time.Second)
	if r.chance(.02) {
		later = r.between(time.Minute, 3*day)
	}
	r.at(later, func() { r.start(m) })
}

// start is a worker that begins with a message.
func (r *run) start(m payment.Message) { r.begin(true, func() { r.work(m) }) }

// begin is a process that begins with its work.
func (r *run) begin(worker bool, do func()) {
	var p *process
	if n := len(r.idle); n > 0 {
		p, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		p = r.newProcess()
	}
	p.do, p.worker, p.began, p.claimed = do, worker, r.now, claimed{}
	r.proceed(p)
}

// newProcess is a coroutine that does one piece of work after another.
func (r *run) newProcess() *process {
	p := &process{}
	p.resume, p.stop = iter.Pull(func(yield func(time.Duration) bool) {
		p.yield = yield
		for {
			r.survive(p.do)
			if !yield(finished) {
				return
			}
		}
	})
	return p
}

// finished is what a process gives way with when it is done with its message.
const finished = time.Duration(-1)

// survive is a process: its end in the middle of a call is nobody else's.
func (r *run) survive(do func()) {
	defer func() {
		if e := recover(); e != nil && e != (killed{}) {
			r.broken("panic: %v\n%s", e, debug.Stack())
		}
	}()
	do()
}

func (r *run) work(m payment.Message) {
	if err := r.Worker.Work(r.ctx, m); err != nil && r.chance(.2) {
		r.at(90*time.Minute, func() { r.start(m) }) // its visibility timeout is over
	}
}

// proceed runs a process until it gives way again.
func (r *run) proceed(p *process) {
	r.current = p
	pause, _ := p.resume()
	r.current = nil
	if pause == finished {
		r.idle = append(r.idle, p)
		return
	}
	r.at(pause, func() { r.proceed(p) })
}

// sleep lets the rest of the world go on.
func (r *run) sleep(d time.Duration) {
	p := r.current
	p.yield(d)
	r.current = p
}

// wait is the worker's own.
func (r *run) wait(_ context.Context, d time.Duration) error {
	if r.current == nil {
		return context.DeadlineExceeded
	}
	r.sleep(d)
	if r.now.Sub(r.current.began) > payment.ChargeMax {
		return context.DeadlineExceeded
	}
	return nil
}

// hook is every call of a worker or a tick.
func (r *run) hook(c Call) error {
	if r.ticking > 0 {
		return r.hookTick(c)
	}
	if r.current == nil {
		return nil
	}
	if c.Op == "charge" && !c.After {
		r.checkSend(c.ID)
	}
	r.report.Calls++
	f := r.size.Faults
	if c.Op == "billing-key" && r.size.Sabotage.KeyUnheard {
		return errLost
	}
	if r.chance(f.Kills / 2) {
		r.report.Kills++
		panic(killed{})
	}
	if r.chance(f.Pauses / 2) {
		r.sleep(r.stall(c))
	}
	if r.chance(f.lost(c) / 2) {
		r.report.Lost++
		return errLost
	}
	return nil
}

// lost is the chance that a call gets no answer.
func (f Faults) lost(c Call) float64 {
	switch c.Op {
	case "charge", "find", "billing-key", "delete-key", "send":
		return f.Replies
	}
	return f.Store
}

// stall is how long a process stands still. A request that is on its way to the bank arrives within minutes or never: no program can take
// it back.
func (r *run) stall(c Call) time.Duration {
	switch {
	case c.Op == "charge" && !c.After:
		return r.between(0, 10*time.Minute)
	case r.chance(.1):
		r.report.Frozen++
		return r.between(5*time.Minute, 3*day)
	}
	return r.between(0, 20*time.Second)
}

// hookTick decides without the run's random numbers: the shards of a tick run side by side, in an order that is not the seed's.
func (r *run) hookTick(c Call) error {
	if c.Op == "due" {
		return nil // a tick that cannot read is one that does not run
	}
	h := fnv.New64a()
	fmt.Fprint(h, r.seed, r.now.Unix(), r.ticking, c.Op, c.ID, c.After)
	draw := rand.New(rand.NewPCG(h.Sum64(), r.seed)).Float64()
	switch f := r.size.Faults; {
	case draw < f.Kills/2:
		runtime.Goexit() // this shard's part of the process is over
	case draw < f.Kills/2+f.lost(c)/2:
		return errLost
	}
	return nil
}

// take is a charge on its way to the bank, and the wait for its answer.
func (r *run) take(c provider.Charge) provider.Answer {
	if r.size.Sabotage.OldPrices {
		m, _, _ := r.parse(c.Number)
		c.Amount = m.amount
	}
	r.checkNumber(c.Number)
	r.checkArrival(c)
	r.stir(c.Number)
	p, refused := r.Bank.Begin(c)
	if p == nil {
		return refused
	}
	if r.size.Sabotage.Twice {
		if again, _ := r.Bank.Begin(c); again != nil {
			r.Bank.End(again)
		}
	}
	takes := r.between(100*time.Millisecond, 3*time.Second)
	if r.chance(.05) {
		takes = r.between(10*time.Second, 10*time.Minute)
	}
	var a provider.Answer
	r.at(takes, func() {
		a = r.Bank.End(p)
		r.checkCapture(p)
		if m, k, _ := r.parse(c.Number); p.Captured() && k == r.size.Cycles {
			r.at(time.Hour, func() { r.stop(m) })
		}
	})
	const patience = 65 * time.Second
	r.sleep(min(takes, patience) + time.Nanosecond)
	if p.Ended.IsZero() {
		return bank.Lost("charge", errLost)
	}
	return a
}

func (r *run) broken(format string, args ...any) {
	if len(r.report.Broken) < 20 {
		r.report.Broken = append(r.report.Broken, fmt.Sprintf(format, args...))
	}
}

// event is something that happens at a time; of two at once the one that was planned first.
type event struct {
	at     time.Time
	serial int
	do     func()
}

func (r *run) at(in time.Duration, do func()) {
	r.serial++
	heap.Push(&r.events, event{r.now.Add(in), r.serial, do})
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(e[i].at.Compare(e[j].at), cmp.Compare(e[i].serial, e[j].serial)) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}
