// Package soak proves subscriptions against a world in which everything is lost now and then. One seed is one run: the same seed and the
// same code make the same calls in the same order, so that a run that fails can be looked at again.
package soak

import (
	"context"
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

// Hard is what the proof is made with.
var Hard = Faults{Ticks: .3, Messages: .3, Replies: .3, Store: .08, Duplicates: .1, Kills: .03, Pauses: .1}

// Size is the extent of one run.
type Size struct {
	Subscriptions int
	Cycles        int // of each
	Faults        Faults
}

// Full is the run of the promise: 200 subscriptions, 24 cycles each.
var Full = Size{Subscriptions: 200, Cycles: 24, Faults: Hard}

// Report is what a run came to.
type Report struct {
	Seed     uint64
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
	Frozen   int // pauses longer than every lease
	Caught   int // dates that a catch-up policy merged or left out
	Repeats  int // charges under a number that was charged before
}

// Soak runs seeds from first on, on every processor, and writes a line of progress now and then. The error names the first seed that broke
// the promise, and how.
func Soak(ctx context.Context, seeds int, first uint64, progress io.Writer) error {
	began := time.Now()
	var next, done atomic.Int64
	var total Report
	var failure error
	var mu sync.Mutex
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if n >= int64(seeds) {
					return
				}
				r := Run(ctx, first+uint64(n), Full)
				mu.Lock()
				total = total.plus(r)
				if len(r.Broken) > 0 && failure == nil {
					failure = fmt.Errorf("soak: seed %d: %d promises broken, the first: %s", r.Seed, len(r.Broken), r.Broken[0])
					next.Store(int64(seeds))
				}
				if n := done.Add(1); progress != nil && (n%10 == 0 || n == int64(seeds)) {
					fmt.Fprintf(progress, "%d of %d seeds, %v: %s\n", n, seeds, time.Since(began).Round(time.Second), total)
				}
				mu.Unlock()
			}
		})
	}
	working.Wait()
	if failure == nil {
		failure = ctx.Err()
	}
	return failure
}

func (r Report) plus(o Report) Report {
	r.Captures, r.Cycles, r.Attempts, r.Calls = r.Captures+o.Captures, r.Cycles+o.Cycles, r.Attempts+o.Attempts, r.Calls+o.Calls
	r.Kills, r.Lost, r.Ticks, r.Messages = r.Kills+o.Kills, r.Lost+o.Lost, r.Ticks+o.Ticks, r.Messages+o.Messages
	r.Days, r.Declined, r.Renewals, r.Frozen = r.Days+o.Days, r.Declined+o.Declined, r.Renewals+o.Renewals, r.Frozen+o.Frozen
	r.Caught, r.Repeats = r.Caught+o.Caught, r.Repeats+o.Repeats
	r.Broken = append(r.Broken, o.Broken...)
	return r
}

// String is one line.
func (r Report) String() string {
	return fmt.Sprintf("%d cycles captured once, %d broken; %d calls, %d replies lost, %d processes killed, %d frozen, %d ticks, %d messages, "+
		"%d declines, %d repeated charges, %d new means, %d dates caught up",
		r.Cycles, len(r.Broken), r.Calls, r.Lost, r.Kills, r.Frozen, r.Ticks, r.Messages, r.Declined, r.Repeats, r.Renewals, r.Caught)
}
