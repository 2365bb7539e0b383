// Package soak proves subscriptions against a world in which everything is lost now and then. One seed is one run: the same seed and the
// same code make the same calls in the same order, so that a run that fails can be looked at again.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Faults are the chances of what goes wrong, each from 0 to 1.
type Faults struct {
	Ticks      float64 // a tick does not run
	Messages   float64 // a message is lost
	Replies    float64 // a call of the bank or the queue gets no answer: half of them never arrived, the others were carried out
	Store      float64 // the same of the table
	Duplicates float64 // a tick or a message comes twice
	Kills      float64 // a call is the last of its process
	Pauses     float64 // a process stands still before or after a call: mostly for seconds, sometimes longer than every lease
}

// Habits are the chances of what merchants and buyers do by themselves, each from 0 to 1. Those of a charge are the worst: they meet it while it
// is at work, or in doubt.
type Habits struct {
	Pause   float64 // for each date, that the subscription is paused, and resumed some days later
	Plan    float64 // for each date, that the price changes
	Renew   float64 // for each date, that another means is to be registered: at once, hours later, or not at all
	Cancel  float64 // for each subscription, that it is canceled at some moment
	Meddle  float64 // for each charge, that one of the four is done while it is at work
	Reload  float64 // for each charge, that the buyer reloads the page of its order, a webhook tells of it, and the sweep asks, soon after
	Webhook float64 // for each new means, that its webhook arrives, and that the buyer comes back
}

// Lively are the habits the proof is made with.
var Lively = Habits{Pause: .04, Plan: .04, Renew: .04, Cancel: .15, Meddle: .04, Reload: .15, Webhook: .5}

// Hard is what the proof is made with.
var Hard = Faults{Ticks: .3, Messages: .3, Replies: .3, Store: .08, Duplicates: .1, Kills: .03, Pauses: .1}

// Size is the extent of one run.
type Size struct {
	Subscriptions int
	Cycles        int // of each
	Faults        Faults
	Habits        Habits
	// Sabotage breaks a promise on purpose, to show that the audit sees it. Tests only.
	Sabotage Sabotage
}

// Sabotage is what may go wrong that must not.
type Sabotage struct {
	Twice        bool // every charge that arrives at the bank is carried out twice
	ClaimStopped bool // a paused or canceled subscription can be claimed like every other
	ClaimEnded   bool // a cycle that the period's end was to leave out is charged
	KeysStay     bool // the bank says that it has deleted a key, and has not
	KeyGone      bool // the old key is deleted when a new one is asked for
	KeyRaces     bool // a canceled subscription's key is deleted although a worker has the cycle
	KeyUnheard   bool // nobody is ever told that a new key exists
	OldPrices    bool // charges are of the first price
	PauseOwed    bool // dates that went by in a pause are charged afterwards
	PauseDrops   bool // after a pause the next date is left out
}

// Full is the run of the promise: 200 subscriptions, 24 cycles each.
var Full = Size{Subscriptions: 200, Cycles: 24, Faults: Hard, Habits: Lively}

// Report is what a run came to.
type Report struct {
	Seed     uint64
	Runs     int  // that came to their end
	Stopped  bool // from outside, before its end: nothing was audited
	Captures int
	Cycles   int // captured exactly once
	Attempts int // charges that arrived at the bank
	Calls    int
	Kills    int
	Lost     int // replies
	Ticks    int
	Messages int
	Days     int // of virtual time
	Broken   []string
	Declined int
	Renewals int
	Resumed  int // suspended ones, with the means they have
	Frozen   int // pauses longer than every lease
	Caught   int // dates that a catch-up policy merged or left out
	Repeats  int // charges under a number that was charged before
	Paused   int // by the merchant
	Replans  int // prices changed
	Canceled int // before their time
	Probes   int // charges of a canceled subscription with a key that is gone: they can only be refused, which tells what became of the one before
	Notices  int // of charges ahead
	Reloads  int // of pages, and questions of webhooks and the sweep, about a charge
}

// Series is a run for each of some seeds.
type Series struct {
	Seeds int
	First uint64
	Size  Size
}

// Limits of a series.
const (
	seedsMax         = 1_000_000
	subscriptionsMax = 10_000 // of a run: ids have digits for more, a laptop's patience does not
	cyclesMax        = 200
)

// Check returns an error that begins with the field at fault.
func (s Series) Check() error {
	for _, f := range []struct {
		name   string
		n, max int
	}{
		{"seeds", s.Seeds, seedsMax}, {"subscriptions", s.Size.Subscriptions, subscriptionsMax}, {"cycles", s.Size.Cycles, cyclesMax},
	} {
		if f.n < 1 || f.n > f.max {
			return fmt.Errorf("%s must be 1 to %d", f.name, f.max)
		}
	}
	return nil
}

// ErrStopped says that a series was ended from outside. What was seen until then is true, and proves less than it should.
var ErrStopped = errors.New("soak: stopped before the last seed")

// BrokenError says that a seed broke the promise.
type BrokenError struct{ Report Report }

func (e *BrokenError) Error() string {
	return fmt.Sprintf("soak: seed %d: %d promises broken, the first: %s", e.Report.Seed, len(e.Report.Broken), e.Report.Broken[0])
}

// progressPause is the least time between two lines of progress.
const progressPause = 5 * time.Second

// Soak runs the seeds on every processor, writes a line of progress now and then, and returns the sum of all runs that came to their end. The
// error is a *BrokenError of the lowest seed that broke a promise, after which no further one is begun; or ErrStopped when ctx ended first.
func Soak(ctx context.Context, s Series, progress io.Writer) (Report, error) {
	if err := s.Check(); err != nil {
		return Report{}, fmt.Errorf("soak: %w", err)
	}
	w := watch{series: s, out: progress, began: time.Now()}
	w.told = w.began
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), s.Seeds) {
		working.Go(func() {
			for n := next.Add(1) - 1; n < int64(s.Seeds) && ctx.Err() == nil; n = next.Add(1) - 1 {
				if !w.note(Run(ctx, s.First+uint64(n), s.Size)) {
					next.Store(int64(s.Seeds))
				}
			}
		})
	}
	working.Wait()
	switch {
	case w.broken != nil:
		return w.total, w.broken
	case w.total.Runs < s.Seeds:
		return w.total, ErrStopped
	}
	return w.total, nil
}

// watch sums up what the runs of a series came to.
type watch struct {
	series Series
	out    io.Writer
	began  time.Time

	mu     sync.Mutex
	total  Report
	broken error
	told   time.Time
}

// note takes the report of a run and says whether further ones are to be begun.
func (w *watch) note(r Report) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Stopped {
		return false
	}
	w.total = w.total.plus(r)
	var before *BrokenError
	if len(r.Broken) > 0 && (!errors.As(w.broken, &before) || r.Seed < before.Report.Seed) {
		w.broken = &BrokenError{r}
	}
	if now := time.Now(); w.out != nil && (now.Sub(w.told) >= progressPause || w.total.Runs == w.series.Seeds) {
		w.told = now
		left := time.Duration(float64(now.Sub(w.began)) / float64(w.total.Runs) * float64(w.series.Seeds-w.total.Runs))
		fmt.Fprintf(w.out, "%d of %d seeds in %s, about %s left: %s\n",
			w.total.Runs, w.series.Seeds, now.Sub(w.began).Round(time.Second), left.Round(time.Second), w.total)
	}
	return w.broken == nil
}

func (r Report) plus(o Report) Report {
	r.Runs += o.Runs
	r.Captures, r.Cycles, r.Attempts, r.Calls = r.Captures+o.Captures, r.Cycles+o.Cycles, r.Attempts+o.Attempts, r.Calls+o.Calls
	r.Kills, r.Lost, r.Ticks, r.Messages = r.Kills+o.Kills, r.Lost+o.Lost, r.Ticks+o.Ticks, r.Messages+o.Messages
	r.Days, r.Declined, r.Renewals, r.Frozen = r.Days+o.Days, r.Declined+o.Declined, r.Renewals+o.Renewals, r.Frozen+o.Frozen
	r.Caught, r.Repeats = r.Caught+o.Caught, r.Repeats+o.Repeats
	r.Notices += o.Notices
	r.Paused, r.Replans, r.Canceled, r.Reloads = r.Paused+o.Paused, r.Replans+o.Replans, r.Canceled+o.Canceled, r.Reloads+o.Reloads
	r.Probes, r.Resumed = r.Probes+o.Probes, r.Resumed+o.Resumed
	r.Broken = append(r.Broken, o.Broken...)
	return r
}

// String is one line.
func (r Report) String() string {
	return fmt.Sprintf("%d cycles captured once, %d broken; %d calls, %d replies lost, %d processes killed, %d frozen, %d ticks, %d messages, "+
		"%d declines, %d repeated charges, %d new means, %d resumed, %d dates caught up, %d pauses, %d prices changed, %d canceled early, %d reloads, %d notices",
		r.Cycles, len(r.Broken), r.Calls, r.Lost, r.Kills, r.Frozen, r.Ticks, r.Messages, r.Declined, r.Repeats, r.Renewals, r.Resumed, r.Caught,
		r.Paused, r.Replans, r.Canceled, r.Reloads, r.Notices)
}
