// Package clock is the one clock of a simulated world. Everything in that world asks it for the time, so that a year can be made to pass in
// an instant, stopping wherever something is to happen on the way.
package clock

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// yield is the real time a virtual wait takes, so that whoever is waited for gets its turn on the processor.
const yield = time.Millisecond

// instantMax is how many stops at one instant are believed: more is an event that makes itself due again without end.
const instantMax = 1000

// Clock tells the time of a world. It is safe for concurrent use. Time never goes backwards on it, unless its source does.
type Clock struct {
	source func() time.Time
	wait   func(context.Context, time.Duration) error // nil: a wait moves the clock itself
	mu     sync.Mutex
	offset time.Duration // ahead of source

	advancing sync.RWMutex // read by those who need it to stay where it is
	moving    atomic.Bool  // an advance is under way: waits end at once on any clock
	real      atomic.Int64
	virtual   atomic.Int64
}

// Over returns a clock that shows what source shows until it is advanced, and goes on at source's pace from there. Waits are wait's, but
// during an advance they move the clock and end at once, for time is what an advance makes pass. Both may be nil: the real clock, and real
// timers.
func Over(source func() time.Time, wait func(context.Context, time.Duration) error) *Clock {
	if source == nil {
		source = time.Now
	}
	if wait == nil {
		wait = Timer
	}
	return &Clock{source: source, wait: wait}
}

// Virtual returns a clock that stands at start and moves only by Advance and by waits, which end at once.
func Virtual(start time.Time) *Clock {
	return &Clock{source: func() time.Time { return start }}
}

// Now is the world's time. It holds no reading of the real monotonic clock, which knows nothing of an advance.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source().Round(0).Add(c.offset)
}

// Wait returns after d of the world's time, or early with the context's error.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	if c.wait != nil && !c.moving.Load() {
		c.real.Add(1)
		return c.wait(ctx, d)
	}
	c.virtual.Add(1)
	end := c.Now().Add(d)
	if err := Timer(ctx, min(d, yield)); err != nil {
		return err
	}
	c.reach(end) // from where the wait began: several at the same time do not add up
	return nil
}

// Waits counts those that took real time, and those that only moved the clock.
func (c *Clock) Waits() (inReal, onClock int64) { return c.real.Load(), c.virtual.Load() }

// Timer waits in real time.
func Timer(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Step does what is to be done at a stop and returns when the next stop must be at the latest; the zero time: nothing is planned.
type Step func(ctx context.Context, stop time.Time) (next time.Time, err error)

// Advance moves the clock d ahead. It stops now, then wherever the stop before said, in order, and at last at the end, as long as something
// is planned up to there. A second call waits for the first to end. It returns early with the error of a step, with the context's, or when
// a thousand stops in a row did not get past one instant; the clock then stands where it came to.
func (c *Clock) Advance(ctx context.Context, d time.Duration, step Step) error {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	c.moving.Store(true)
	defer c.moving.Store(false)
	stop := c.Now()
	target := stop.Add(d)
	for instant := 0; ; {
		next, err := step(ctx, stop)
		if err == nil {
			err = ctx.Err()
		}
		switch {
		case err != nil:
			return err
		case next.IsZero() || next.After(target):
			if stop.Equal(target) {
				return nil
			}
			next = target
		case !next.After(stop):
			if instant++; instant == instantMax {
				return fmt.Errorf("clock: %d stops at %s and still something to do", instant, stop.Format(time.RFC3339))
			}
			continue
		}
		instant, stop = 0, next
		c.reach(stop)
	}
}

// Steady does f, unless the clock is being advanced or about to be, and reports whether it did. No advance begins before f has ended.
func (c *Clock) Steady(f func()) bool {
	if !c.advancing.TryRLock() {
		return false
	}
	defer c.advancing.RUnlock()
	f()
	return true
}

// reach moves the clock to t, unless it is there already.
func (c *Clock) reach(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = max(c.offset, t.Sub(c.source().Round(0)))
}
