package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/portonesim"
)

// Limits of an advance.
const (
	// AdvanceMax is the longest one: the longest interval of a plan.
	AdvanceMax = 3653 * 24 * time.Hour
	tickEvery  = time.Minute      // the schedule's rate in the cloud
	tickTime   = 15 * time.Minute // the charge function's own timeout
	askTime    = 30 * time.Second // to look for the next due record
	// stuckMax is how many ticks in a row one record may stay due: an hour of them, when a worker's lease is over in minutes.
	stuckMax = 60
)

// Report is what happened while the clock was advanced.
type Report struct {
	Now      time.Time `json:"now"`
	Ticks    int       `json:"ticks"`    // of the schedule; those that would have found nothing are left out
	Done     int       `json:"done"`     // due records they took care of
	Failed   int       `json:"failed"`   // due records that failed and are due again
	Charges  int       `json:"charges"`  // calls of again
	Captures int       `json:"captures"` // movements of money from buyers
	Cancels  int       `json:"cancels"`  // and back
	Webhooks int       `json:"webhooks"` // attempts to deliver one
}

// ErrRealTime refuses to advance the clock of a world whose functions run elsewhere.
var ErrRealTime = errors.New("the clock cannot be advanced: the functions run in containers, by the real clock")

// Advance makes d pass, in order of events: whatever falls due on the way is taken by a tick of the schedule at the next whole minute, and
// every webhook is delivered at its time. Between two events nothing can happen, so nothing is done. What is due at the end is done, too.
// With an error the report tells of what was done before, and the clock stands there.
func (w *World) Advance(ctx context.Context, d time.Duration) (Report, error) {
	if w.realTime {
		return w.count(), ErrRealTime
	}
	if d <= 0 || d > AdvanceMax {
		return w.count(), fmt.Errorf("world: advance by %s: must be above 0 and at most %dd", d, AdvanceMax/(24*time.Hour))
	}
	w.advances.Lock() // a second call waits, and counts what is its own
	defer w.advances.Unlock()
	before := w.count()
	a := &advance{world: w, before: before}
	err := w.Clock.Advance(ctx, d, a.step)
	if err != nil {
		err = fmt.Errorf("world: advance: %w", err)
	}
	return w.count().since(before, a.Report), err
}

// advance is one call of Advance. Its Report holds what only the ticks know.
type advance struct {
	Report
	world  *World
	before Report
	last   time.Time // tick
	stuck  int       // ticks in a row that did not change what is due next
	told   time.Time // of progress, by the real clock
}

// step is one stop of the clock.
func (a *advance) step(ctx context.Context, stop time.Time) (time.Time, error) {
	w := a.world
	w.Faults.Step(w.Clock.Now())
	w.Hooks.Step(ctx, w.Clock.Now())
	due, err := w.nextDue(ctx)
	if err == nil && a.tickAt(due, stop).Equal(stop) {
		due, err = a.tick(ctx, stop, due)
		w.Hooks.Step(ctx, w.Clock.Now())
	}
	if err != nil {
		return time.Time{}, err
	}
	w.tell(ctx)
	a.tell()
	next := a.tickAt(due, stop)
	for _, dueAt := range []func() (time.Time, bool){w.Hooks.DueAt, w.Faults.DueAt} {
		if at, planned := dueAt(); planned && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// tick runs one and returns when a record is due next.
func (a *advance) tick(ctx context.Context, stop, due time.Time) (time.Time, error) {
	done, failed := a.world.tick(ctx, stop)
	a.Ticks, a.Done, a.Failed, a.last = a.Ticks+1, a.Done+done, a.Failed+failed, stop
	next, err := a.world.nextDue(ctx)
	if a.stuck++; !next.Equal(due) {
		a.stuck = 0
	}
	if err == nil && a.stuck == stuckMax {
		_, record, _ := a.world.searchDue(ctx)
		err = fmt.Errorf("%s %s has been due since %s, and %d ticks changed nothing", record.Kind, record.ID, due.UTC().Format(time.RFC3339), stuckMax)
	}
	return next, err
}

// tickAt is the first whole minute, now or later, at which a tick finds what is due at the given time. The zero time stays one.
func (a *advance) tickAt(due, stop time.Time) time.Time {
	if due.IsZero() {
		return due
	}
	return later(minute(due), later(minute(stop), a.last.Add(tickEvery)))
}

// tell reports progress once a second.
func (a *advance) tell() {
	w := a.world
	if now := time.Now(); w.Progress != nil && now.Sub(a.told) >= time.Second {
		if !a.told.IsZero() {
			w.Progress(w.count().since(a.before, a.Report))
		}
		a.told = now
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// minute is the first whole minute at or after t.
func minute(t time.Time) time.Time {
	if whole := t.Truncate(tickEvery); whole.Before(t) {
		return whole.Add(tickEvery)
	}
	return t.Truncate(tickEvery)
}

// tick gives the charge door what EventBridge Scheduler gives it. Like the scheduler it does not mind a failure: there is a next one.
func (w *World) tick(ctx context.Context, at time.Time) (done, failed int) {
	ctx, cancel := context.WithTimeout(ctx, tickTime)
	defer cancel()
	event := fmt.Appendf(nil, `{"tick":%q}`, at.UTC().Format(time.RFC3339))
	answer, err := w.charge(ctx, event)
	if err != nil {
		w.Parts.Log.Error("the tick failed", "event", "tick.failed", "cause", err.Error())
	}
	var result struct{ Passed, Failed int }
	text, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(text, &result)
	}
	if err != nil {
		w.Parts.Log.Error("the tick's answer cannot be read", "event", "tick.failed", "cause", err.Error())
	}
	return result.Passed, result.Failed
}

// nextDue is the time of the record that is due next, or the zero time.
func (w *World) nextDue(ctx context.Context) (time.Time, error) {
	if index, ok := w.Store.(interface{ NextDue() (time.Time, bool) }); ok {
		due, planned := index.NextDue()
		return w.mine(due, planned), nil
	}
	due, record, err := w.searchDue(ctx)
	return w.mine(due, record.ID != ""), err
}

// mine is when this deployment's own clock shows a time.
func (w *World) mine(at time.Time, planned bool) time.Time {
	if !planned {
		return time.Time{}
	}
	return at.Add(-w.ahead)
}

// searchDue asks any store for the first record of each shard, and reads its due time: the index tells the order and not the time.
func (w *World) searchDue(ctx context.Context) (due time.Time, first payment.DueRecord, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	horizon := w.Clock.Now().Add(2 * AdvanceMax)
	for shard := range payment.DueShards {
		records, _, err := w.Store.Due(ctx, shard, horizon, 1, "")
		if err != nil {
			return due, first, err
		}
		for _, r := range records {
			at, err := w.dueAt(ctx, r)
			if err != nil {
				return due, first, err
			}
			if first.ID == "" || at.Before(due) {
				due, first = at, r
			}
		}
	}
	return due, first, nil
}

// dueAt is a record's own due time; now for one that has none any more, which the index does not know yet.
func (w *World) dueAt(ctx context.Context, r payment.DueRecord) (time.Time, error) {
	var at time.Time
	if r.Kind == payment.KindOrder {
		o, err := w.Store.Get(ctx, r.ID)
		if err != nil {
			return at, err
		}
		at = o.DueAt
	} else {
		s, err := w.Store.GetSubscription(ctx, r.ID)
		if err != nil {
			return at, err
		}
		at = s.DueAt
	}
	if at.IsZero() {
		return w.Clock.Now(), nil
	}
	return at, nil
}

// count is where the counters stand.
func (w *World) count() Report {
	r := Report{Now: w.Clock.Now(), Charges: w.PortOne.Calls()[portonesim.OpAgain], Webhooks: int(w.attempts.Load())}
	for _, e := range w.Ledger.Entries() {
		if e.Kind == ledger.Capture {
			r.Captures++
		} else {
			r.Cancels++
		}
	}
	return r
}

// since is what has been counted from before to r, beside what the ticks counted.
func (r Report) since(before, ticks Report) Report {
	ticks.Now = r.Now
	ticks.Charges, ticks.Webhooks = r.Charges-before.Charges, r.Webhooks-before.Webhooks
	ticks.Captures, ticks.Cancels = r.Captures-before.Captures, r.Cancels-before.Cancels
	return ticks
}

// Limits of a world in real time.
const (
	hooksLook = 20 * time.Millisecond // between two looks at the webhooks: the clock may have been advanced meanwhile
	hooksMax  = 8                     // under way side by side, so that one that hangs does not hold up the others
)

// Run lets the world live in real time until ctx ends: webhooks are delivered and, unless every is 0, the schedule ticks that often. It
// rests while the clock is advanced.
func (w *World) Run(ctx context.Context, every time.Duration) {
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { w.deliver(ctx) })
	running.Go(func() { w.keepTelling(ctx) })
	for every > 0 && clock.Timer(ctx, every) == nil {
		w.Clock.Steady(func() { w.tick(ctx, w.Clock.Now()) })
	}
}

// deliver sends webhooks when they are due.
func (w *World) deliver(ctx context.Context) {
	var underWay sync.WaitGroup
	defer underWay.Wait()
	slots := make(chan struct{}, hooksMax)
	for clock.Timer(ctx, hooksLook) == nil {
		if at, planned := w.Faults.DueAt(); planned && !at.After(w.Clock.Now()) {
			w.Clock.Steady(func() { w.Faults.Step(w.Clock.Now()) })
		}
		if at, planned := w.Hooks.DueAt(); !planned || at.After(w.Clock.Now()) {
			continue
		}
		slots <- struct{}{}
		underWay.Go(func() {
			defer func() { <-slots }()
			w.Clock.Steady(func() { w.Hooks.Step(ctx, w.Clock.Now()) })
		})
	}
}
