package fault_test

import (
	"slices"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
)

// TestLater: what is late on its way arrives at its time; what is late at work has arrived, and moves its money at its time. Both in order, and what
// is refused as it comes is never carried out.
func TestLater(t *testing.T) {
	t.Parallel()
	var p fault.Plan
	var got []string
	note := func(what string) func(func()) {
		return func(pause func()) {
			got = append(got, what+" arrives")
			pause()
			got = append(got, what+" moves")
		}
	}
	start := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	want := func(at time.Duration, all ...string) {
		t.Helper()
		p.Step(start.Add(at))
		if !slices.Equal(got, all) {
			t.Errorf("after %v: %q, want %q", at, got, all)
		}
	}
	p.Later(fault.Fault{Kind: fault.Late, Delay: 2 * time.Minute, Moment: fault.After}, start, note("a"))
	p.Later(fault.Fault{Kind: fault.Late, Delay: time.Minute, Moment: fault.Before}, start, note("b"))
	p.Later(fault.Fault{Kind: fault.Late, Delay: time.Minute, Moment: fault.After}, start, func(func()) {})
	if at, planned := p.DueAt(); !planned || !at.Equal(start.Add(time.Minute)) {
		t.Errorf("due at %v, %v", at, planned)
	}
	want(59*time.Second, "a arrives")
	want(time.Minute, "a arrives", "b arrives", "b moves")
	want(3*time.Minute, "a arrives", "b arrives", "b moves", "a moves")
	if _, planned := p.DueAt(); planned {
		t.Error("something is left")
	}
}
