package clock_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/sim/clock"
)

var start = time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)

// TestAdvanceStopsInOrder also adds an event while another one happens, and one that lies after the end.
func TestAdvanceStopsInOrder(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	plan := []time.Duration{time.Hour, 3 * time.Hour, 5 * time.Hour, 6 * time.Hour}
	var seen []time.Duration
	err := c.Advance(t.Context(), 5*time.Hour, func(_ context.Context, stop time.Time) (time.Time, error) {
		if !c.Now().Equal(stop) {
			t.Errorf("at the stop of %s the clock shows %s", stop, c.Now())
		}
		for len(plan) > 0 && !start.Add(plan[0]).After(stop) {
			if seen = append(seen, plan[0]); plan[0] == time.Hour {
				plan = slices.Insert(plan, 1, 2*time.Hour)
			}
			plan = plan[1:]
		}
		return start.Add(plan[0]), nil
	})
	if want := []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour, 5 * time.Hour}; err != nil || !slices.Equal(seen, want) {
		t.Errorf("Advance = %v with %v, want %v: what is due at the end belongs to it, what is due later does not", err, seen, want)
	}
	if !c.Now().Equal(start.Add(5 * time.Hour)) {
		t.Errorf("the clock stands at %s", c.Now())
	}
}

func TestAdvanceEndsEarly(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	stopped, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		name string
		ctx  context.Context
		step clock.Step
		want string
	}{
		{"a step fails", t.Context(), func(_ context.Context, stop time.Time) (time.Time, error) {
			if stop.After(start) {
				return stop, broken
			}
			return start.Add(time.Hour), nil
		}, "broken"},
		{"one instant without end", t.Context(), func(_ context.Context, stop time.Time) (time.Time, error) {
			return start.Add(time.Hour), nil
		}, "1000 stops at 2027-01-31T01:00:00Z and still something to do"},
		{"cancelled", stopped, func(_ context.Context, stop time.Time) (time.Time, error) {
			if stop.After(start) {
				cancel()
			}
			return stop.Add(time.Hour), nil
		}, "context canceled"},
	} {
		w := clock.Virtual(start)
		err := w.Advance(c.ctx, 24*time.Hour, c.step)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if !w.Now().Equal(start.Add(time.Hour)) {
			t.Errorf("%s: the clock stands at %s, not where it came to", c.name, w.Now())
		}
	}
}

func TestOverFollowsItsSource(t *testing.T) {
	t.Parallel()
	now := start
	c := clock.Over(func() time.Time { return now }, nil)
	if err := c.Advance(t.Context(), time.Hour, idle); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if got := c.Now(); !got.Equal(start.Add(61 * time.Minute)) {
		t.Errorf("an hour and a minute later: %s", got)
	}
}

// TestWaitsOverlap: ten waits of 3 s at the same time are 3 s, as they are in a real clock, and a wait whose context is over is none.
func TestWaitsOverlap(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	var begun, waiting sync.WaitGroup
	begun.Add(10)
	for range 10 {
		waiting.Go(func() {
			begun.Done()
			begun.Wait()
			if err := c.Wait(t.Context(), 3*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait()
	if got := c.Now().Sub(start); got < 3*time.Second || got >= 30*time.Second {
		t.Errorf("ten waits of 3 s at the same time took %s", got)
	}
	before := c.Now()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Wait(over, time.Hour); !errors.Is(err, context.Canceled) || !c.Now().Equal(before) {
		t.Errorf("a wait without time: %v, and the clock moved %s", err, c.Now().Sub(before))
	}
}

// TestWaitsDuringAnAdvance: a clock that goes by real time waits in real time, but not while it is being advanced.
func TestWaitsDuringAnAdvance(t *testing.T) {
	t.Parallel()
	var asked time.Duration
	c := clock.Over(func() time.Time { return start }, func(_ context.Context, d time.Duration) error {
		asked += d
		return nil
	})
	err := c.Advance(t.Context(), time.Hour, func(ctx context.Context, stop time.Time) (time.Time, error) {
		if stop.Equal(start) {
			if err := c.Wait(ctx, time.Minute); err != nil || !c.Now().Equal(start.Add(time.Minute)) {
				t.Errorf("after a minute's wait: %v, %s", err, c.Now())
			}
		}
		return time.Time{}, nil
	})
	inReal, onClock := c.Waits()
	if err != nil || asked != 0 || inReal != 0 || onClock != 1 || !c.Now().Equal(start.Add(time.Hour)) {
		t.Errorf("Advance = %v; %s asked for, %d and %d waits; the clock stands at %s", err, asked, inReal, onClock, c.Now())
	}
	if err := c.Wait(t.Context(), time.Second); err != nil || asked != time.Second {
		t.Errorf("afterwards: %v, %s asked for", err, asked)
	}
	if inReal, onClock = c.Waits(); inReal != 1 || onClock != 1 {
		t.Errorf("%d and %d waits", inReal, onClock)
	}
}

// TestAdvancesTakeTurns: at no moment are two at work.
func TestAdvancesTakeTurns(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	var busy sync.Mutex
	var advancing sync.WaitGroup
	for range 8 {
		advancing.Go(func() {
			err := c.Advance(t.Context(), time.Hour, func(_ context.Context, stop time.Time) (time.Time, error) {
				if !busy.TryLock() {
					t.Error("two advances at the same time")
					return time.Time{}, nil
				}
				defer busy.Unlock()
				if c.Steady(func() { t.Error("not steady") }) {
					t.Error("Steady says that it did")
				}
				return stop.Add(10 * time.Minute), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	advancing.Wait()
	if got := c.Now().Sub(start); got != 8*time.Hour {
		t.Errorf("eight advances of an hour took %s", got)
	}
	if done := false; !c.Steady(func() { done = c.Steady(func() {}) }) || !done {
		t.Error("Steady did nothing while nobody advanced the clock")
	}
}

func idle(context.Context, time.Time) (time.Time, error) { return time.Time{}, nil }

func TestTimer(t *testing.T) {
	t.Parallel()
	ctx, gone := context.WithCancel(t.Context())
	gone()
	if clock.Timer(t.Context(), 0) != nil || clock.Timer(ctx, time.Hour) == nil {
		t.Error("a wait ends with its time, or with an error")
	}
}
