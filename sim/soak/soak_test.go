package soak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tosspay-sam/sim/soak"
)

var (
	seeds = flag.Int("seeds", 1, "runs of 200 subscriptions x 24 cycles")
	seed  = flag.Uint64("seed", 1, "the first one")
)

// TestEveryCycleOnce is the promise under faults. A seed that fails is played again with -seed N -seeds 1.
func TestEveryCycleOnce(t *testing.T) {
	t.Parallel()
	for n := range *seeds {
		t.Run(fmt.Sprintf("seed %d", *seed+uint64(n)), func(t *testing.T) {
			t.Parallel()
			r := soak.Run(t.Context(), *seed+uint64(n), soak.Full)
			t.Log(r)
			for _, b := range r.Broken {
				t.Errorf("seed %d: %s", r.Seed, b)
			}
		})
	}
}

// small is a run of some milliseconds.
func small(edit func(*soak.Size)) soak.Size {
	s := soak.Size{Subscriptions: 6, Cycles: 5, Faults: soak.Hard, Habits: soak.Lively}
	edit(&s)
	return s
}

// TestTheAuditSees breaks one promise at a time: each is seen, by the rule that is there for it, within some seeds.
func TestTheAuditSees(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*soak.Size)
		want string
	}{
		{"every charge twice", func(s *soak.Size) { s.Sabotage.Twice = true }, "took money, and"},
		{"claimed while paused", func(s *soak.Size) { s.Sabotage.ClaimStopped, s.Habits.Pause = true, 1 }, ": it is paused since"},
		{"claimed after the end", func(s *soak.Size) { s.Sabotage.ClaimStopped, s.Habits.Cancel = true, 1 }, ": it was canceled at"},
		{"charged after the period's end", func(s *soak.Size) { s.Sabotage.ClaimEnded = true }, ": it was to end before cycle"},
		{"keys stay", func(s *soak.Size) { s.Sabotage.KeysStay = true }, ", and the bank still has [sub_"},
		{"the old key is gone too early", func(s *soak.Size) { s.Sabotage.KeyGone, s.Habits.Renew = true, .5 }, ", which was deleted at"},
		{"a key is deleted under a charge", func(s *soak.Size) { s.Sabotage.KeyRaces, s.Habits.Meddle = true, .5 }, ", and a worker has cycle"},
		{"a new means stays unknown", func(s *soak.Size) { s.Sabotage.KeyUnheard, s.Habits.Renew = true, .5 }, "and is not known at"},
		{"the old price", func(s *soak.Size) { s.Sabotage.OldPrices, s.Habits.Plan = true, .5 }, ", and the prices were"},
		{"the pause is charged afterwards", func(s *soak.Size) { s.Sabotage.PauseOwed, s.Habits.Pause = true, .5 }, "or went by in a pause"},
		{"a date after the pause is left out", func(s *soak.Size) { s.Sabotage.PauseDrops, s.Habits.Pause = true, .5 }, " began at "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			size := small(c.edit)
			for seed := range uint64(40) {
				if strings.Contains(strings.Join(soak.Run(t.Context(), seed, size).Broken, "\n"), c.want) {
					t.Logf("seen by seed %d", seed)
					return
				}
			}
			t.Errorf("no seed sees it: %q", c.want)
		})
	}
}

// TestSameSeedSameRun: a seed that fails can be looked at again.
func TestSameSeedSameRun(t *testing.T) {
	t.Parallel()
	size := small(func(s *soak.Size) { s.Subscriptions = 20 })
	for seed := range uint64(5) {
		if a, b := soak.Run(t.Context(), seed, size), soak.Run(t.Context(), seed, size); !reflect.DeepEqual(a, b) {
			t.Errorf("seed %d came to\n%+v\nand to\n%+v", seed, a, b)
		}
	}
}

// TestEverythingHappens: chances that never come true prove nothing.
func TestEverythingHappens(t *testing.T) {
	t.Parallel()
	var pauses, replans, canceled, reloads, renewals, repeats, resumed, notices int
	for seed := range uint64(20) {
		r := soak.Run(t.Context(), seed, small(func(s *soak.Size) { s.Subscriptions = 20 }))
		pauses, replans, canceled, reloads = pauses+r.Paused, replans+r.Replans, canceled+r.Canceled, reloads+r.Reloads
		notices += r.Notices
		renewals, repeats, resumed = renewals+r.Renewals, repeats+r.Repeats, resumed+r.Resumed
	}
	if min(pauses, replans, canceled, reloads, renewals, repeats, resumed, notices) < 5 {
		t.Errorf("%d pauses, %d prices, %d canceled, %d reloads, %d renewals, %d repeats, %d resumed, %d notices",
			pauses, replans, canceled, reloads, renewals, repeats, resumed, notices)
	}
}

// TestSoakStops: a series that is ended from outside is none, whatever it saw; and one that makes no sense is refused.
func TestSoakStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := soak.Series{Seeds: 3, First: 1, Size: small(func(*soak.Size) {})}
	if r, err := soak.Soak(ctx, s, nil); !errors.Is(err, soak.ErrStopped) || r.Runs != 0 {
		t.Errorf("%v, %v", r, err)
	}
	if r := soak.Run(ctx, 1, s.Size); !r.Stopped || r.Runs != 0 || len(r.Broken) != 0 {
		t.Errorf("a run that was stopped: %+v", r)
	}
	s.Seeds = 0
	if _, err := soak.Soak(t.Context(), s, nil); err == nil || !strings.Contains(err.Error(), "seeds must be") {
		t.Error(err)
	}
	// The error is of the lowest seed that broke something, and carries what it broke.
	s.Seeds, s.Size.Sabotage.Twice = 20, true
	_, err := soak.Soak(t.Context(), s, nil)
	var broken *soak.BrokenError
	if !errors.As(err, &broken) || broken.Report.Seed != 1 || len(broken.Report.Broken) == 0 {
		t.Errorf("Soak = %v", err)
	}
}
