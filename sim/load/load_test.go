package load_test

import (
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/load"
)

var seed = flag.Uint64("load.seed", 1, "seed of the hour")

// run plays an hour in a bubble.
func run(t *testing.T, c load.Config) (r load.Report) {
	t.Helper()
	c.Seed = *seed
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = load.Run(c, &load.Progress{}); err != nil {
			t.Fatal(err)
		}
	})
	return r
}

// TestLateIsBad: an hour that took too long, or never ended, fails; without a limit it does not.
func TestLateIsBad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		within, drained time.Duration
		bad             bool
	}{{65 * time.Minute, 66 * time.Minute, true}, {65 * time.Minute, 65 * time.Minute, false}, {time.Hour, 0, true}, {0, 3 * time.Hour, false}} {
		r := load.Report{Config: load.Config{Within: tt.within, Subscriptions: 1}, Drained: tt.drained}
		var said strings.Builder
		r.Print(&said)
		if r.Bad() != tt.bad || strings.Contains(said.String(), "FAIL: not drained within") != tt.bad {
			t.Errorf("drained in %v of %v: bad is %v\n%s", tt.drained, tt.within, r.Bad(), &said)
		}
	}
}

// TestHundredThousandAtOnce: every subscription is charged exactly once, or refused, with duplicates, lost answers and throttled writes.
func TestHundredThousandAtOnce(t *testing.T) {
	t.Parallel()
	r := run(t, load.Default(100_000))
	var text strings.Builder
	r.Print(&text)
	t.Log("\n" + text.String())
	if r.Bad() || r.Doubles != 0 || r.Missed != 0 || r.Left != 0 {
		t.Errorf("seed %d: doubles %d, missed %d, left %d", *seed, r.Doubles, r.Missed, r.Left)
	}
	if r.Captured+r.Refused != 100_000 || r.Refused < 500 || r.Refused > 2_000 {
		t.Errorf("seed %d: captured %d and refused %d of 100,000, about 1 %% of them refused", *seed, r.Captured, r.Refused)
	}
	if r.Errors != 0 || r.PutAside != 0 {
		t.Errorf("seed %d: %d errors logged, %d messages put aside", *seed, r.Errors, r.PutAside)
	}
	// The faults took place: an hour without them proves nothing.
	if r.Twice < 500 || r.LostAnswers == 0 {
		t.Errorf("seed %d: %d messages delivered twice, %d answers lost", *seed, r.Twice, r.LostAnswers)
	}
	// The dispatch's lease and the four writes of a charge; and what duplicates and overlapping ticks lose.
	if writes := float64(r.Writes) / 100_000; writes < 4.9 || writes > 6 {
		t.Errorf("seed %d: %.2f writes a subscription, want 5 and a few more", *seed, writes)
	}
	if hot := max(r.HotTable.Second, r.HotTable.Minute, r.HotIndex.Second, r.HotIndex.Minute); hot > 0.8 || r.Throttles > 0 {
		t.Errorf("seed %d: the hottest partition came to %.0f %% of its limit, %d writes were throttled", *seed, 100*hot, r.Throttles)
	}
	if limit := load.Default(1).Concurrency + 4; r.Environments > limit {
		t.Errorf("seed %d: %d environments at once, with ticks at most %d", *seed, r.Environments, limit)
	}
}

// TestTheReportCanBeBad: a table that breaks its word shows.
func TestTheReportCanBeBad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		sabotage load.Sabotage
		bad      func(load.Report) bool
	}{
		{"conditions ignored", load.Sabotage{NoConditions: true}, func(r load.Report) bool { return r.Doubles > 0 && r.Bad() }},
		{"a shard that nobody lists", load.Sabotage{BlindShard: true}, func(r load.Report) bool {
			return r.Missed > 0 && r.Left > 0 && r.Doubles == 0 && r.Bad()
		}},
		{"leases not taken", load.Sabotage{NoLease: true}, func(r load.Report) bool { return r.Messages > 3_000 && r.Doubles == 0 }},
		{"no sabotage", load.Sabotage{}, func(r load.Report) bool { return !r.Bad() && r.Messages < 2_100 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := load.Default(2_000)
			config.Duplicates, config.Lost, config.Limit, config.Sabotage = 1, 0, 15*time.Minute, c.sabotage // every message and every tick twice
			if r := run(t, config); !c.bad(r) {
				var text strings.Builder
				r.Print(&text)
				t.Errorf("seed %d: the report shows nothing of it:\n%s", *seed, text.String())
			}
		})
	}
}

// TestSlowProvider: a provider that takes less than our concurrency sends answers 429, which say nothing of the money. A cycle that was
// answered so twice waits for a person: it is reported as left, and never charged twice.
func TestSlowProvider(t *testing.T) {
	t.Parallel()
	c := load.Default(1_000)
	c.Rate, c.Limit = 40, 10*time.Minute
	r := run(t, c)
	if r.Busy == 0 || r.Doubles != 0 || r.Captured == 0 || r.Missed > r.Left || r.Bad() != (r.Left > 0) {
		t.Errorf("seed %d: 429s %d, captured %d, doubles %d, missed %d, left %d", *seed, r.Busy, r.Captured, r.Doubles, r.Missed, r.Left)
	}
}

func TestSameSeedSameHour(t *testing.T) {
	t.Parallel()
	c := load.Default(2_000)
	a, b := run(t, c), run(t, c)
	if a.Captured != b.Captured || a.Refused != b.Refused || a.LostAnswers != b.LostAnswers {
		t.Errorf("captured %d and %d, refused %d and %d, lost %d and %d", a.Captured, b.Captured, a.Refused, b.Refused, a.LostAnswers, b.LostAnswers)
	}
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*load.Config){
		"subscriptions": func(c *load.Config) { c.Subscriptions = 0 },
		"cap":           func(c *load.Config) { c.Concurrency = 1 },
		"batch":         func(c *load.Config) { c.Batch = 10_001 },
		"rate":          func(c *load.Config) { c.Rate = 0 },
		"declines":      func(c *load.Config) { c.Declines = 1.1 },
		"lost":          func(c *load.Config) { c.Lost = -1 },
		"duplicates":    func(c *load.Config) { c.Duplicates = 2 },
		"partitions":    func(c *load.Config) { c.Partitions = 0 },
		"limit":         func(c *load.Config) { c.Limit = time.Second },
		"memory":        func(c *load.Config) { c.Memory = 64 },
		"within":        func(c *load.Config) { c.Within = -1 },
	} {
		c := load.Default(10)
		change(&c)
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), field+" ") {
			t.Errorf("%s: Check = %v", field, err)
		}
	}
}
