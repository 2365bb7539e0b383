package check_test

import (
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/check"
)

// TestMutants takes one rule away at a time: the walk must find what it was for, and tell the shortest path to it.
func TestMutants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		world check.World
		want  string // what is broken
	}{
		{"no condition on the claim", check.World{Break: check.NoClaim, Toss: true, Windows: 2, Processes: 2}, "two captures"},
		{"no account stamp", check.World{Break: check.NoStamp, Toss: true, Windows: 2, Keys: true, Processes: 1, Faults: 1}, "the provider holds its money"},
		{"no intent before a call", check.World{Break: check.NoIntent, Toss: true, Windows: 2, Processes: 1, Faults: 1}, "two captures"},
		{"no intent before a charge", check.World{Break: check.NoIntent, Cycle: true, Repeats: 1, Processes: 2}, "two captures"},
		{"a refund without its guard", check.World{Break: check.NoGuard, Toss: true, Windows: 1, Refunds: 2, Processes: 2}, "refunds of more"},
		{"absence believed at once", check.World{Break: check.AbsenceAtOnce, Toss: true, Windows: 2, Processes: 1, Faults: 1}, "two captures"},
		{"absence of a charge believed at once", check.World{Break: check.AbsenceAtOnce, Cycle: true, Repeats: 1, Processes: 1, Faults: 2, Sweeps: 1}, "two captures"},
		{"a refusal believed while another request is unanswered", check.World{Break: check.RefusalAtOnce, Toss: true, Windows: 2, Processes: 1, Faults: 2}, "two captures"},
		{"a charge leaves however late", check.World{Break: check.LateCharge, Cycle: true, Processes: 2, Sweeps: 1, Faults: 2}, "two captures"},
		{"no last look", check.World{Break: check.NoLastLook, Windows: 2, Returns: true, Processes: 1}, "holds the money of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := tc.world
			w.Name, w.Phases = tc.name, []time.Duration{0, 11 * time.Minute, 200 * time.Minute}
			if w.Cycle {
				w.Phases = []time.Duration{0, 100 * time.Minute, 2000 * time.Minute}
			}
			r := check.Walk(w, 200000, nil)
			t.Log(r)
			if !strings.Contains(r.Broken, tc.want) {
				t.Errorf("broken: %q, want %q", r.Broken, tc.want)
			}
		})
	}
}
