// Command simulate plays what no account should be used to find out: a very large hour of renewals, with the real dispatcher and worker,
// against a model of AWS's documented limits.
//
//	go run ./cmd/simulate -load -subscriptions 10000000
//
// It prints its progress and a report, and ends with status 1 when a cycle was charged twice or not at all.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"tosspay-sam/sim/load"
)

// Exit statuses.
const (
	exitBad   = 1 // money was taken twice, or not at all
	exitUsage = 2
)

func main() {
	config, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(exitUsage)
	}
	fmt.Printf("seed %d: %d subscriptions are due now\n", config.Seed, config.Subscriptions)
	w := &watcher{total: int64(config.Subscriptions), began: time.Now()}
	go w.watch(os.Stdout)
	virtual(func() bool { return play(config, w, os.Stdout) })
}

// parse reads the flags; what it refuses is named in the error.
func parse(args []string, out io.Writer) (load.Config, error) {
	c := load.Default(1_000_000)
	set := flag.NewFlagSet("simulate", flag.ContinueOnError)
	set.SetOutput(out)
	hour := set.Bool("load", false, "play an hour in which all subscriptions are due at once")
	set.IntVar(&c.Subscriptions, "subscriptions", c.Subscriptions, "how `many` are due")
	set.Uint64Var(&c.Seed, "seed", c.Seed, "of every latency, duplicate and refusal")
	set.IntVar(&c.Concurrency, "cap", c.Concurrency, "MaximumConcurrency: batches at work at the same time")
	set.IntVar(&c.Batch, "batch", c.Batch, "BatchSize: messages in a batch, all worked on at the same time")
	set.IntVar(&c.Rate, "rate", c.Rate, "charges a second the provider takes before it answers 429")
	set.Float64Var(&c.Declines, "declines", c.Declines, "share of charges the provider refuses")
	set.Float64Var(&c.Lost, "lost", c.Lost, "share of charges whose answer never arrives")
	set.Float64Var(&c.Duplicates, "duplicates", c.Duplicates, "share of messages and ticks delivered twice")
	set.IntVar(&c.Partitions, "partitions", c.Partitions, "of the table")
	set.DurationVar(&c.Limit, "limit", c.Limit, "give up after this much virtual time")
	set.Usage = func() {
		fmt.Fprintln(out, "usage: go run ./cmd/simulate -load [flags]\n\nPlays an hour of renewals and reports; status 1 when a cycle was charged twice "+
			"or not at all.")
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return c, err
	}
	if set.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if !*hour {
		return c, errors.New("say what to play: -load (see -help)")
	}
	return c, c.Check()
}

// play runs the hour in the bubble it is called in, and says whether no cycle was charged twice or left out.
func play(c load.Config, w *watcher, out io.Writer) bool {
	r, err := load.Run(c, &w.progress)
	if err != nil {
		fmt.Fprintln(out, "simulate:", err)
		return false
	}
	fmt.Fprintln(out)
	r.Print(out)
	fmt.Fprintf(out, "%-18s %s\n", "wall time", time.Duration(w.wall.Load()).Round(time.Second))
	return !r.Bad()
}

// watcher prints how far the hour is. It lives outside the bubble, where time is real.
type watcher struct {
	progress load.Progress
	total    int64
	began    time.Time
	wall     atomic.Int64 // nanoseconds since began
}

// watchPause is the time between two lines.
const watchPause = 5 * time.Second

func (w *watcher) watch(out io.Writer) {
	for last := int64(0); ; {
		for range watchPause / time.Second {
			time.Sleep(time.Second)
			w.wall.Store(int64(time.Since(w.began)))
		}
		drained, virtual := w.progress.Drained.Load(), time.Duration(w.progress.Virtual.Load())
		rate := float64(drained-last) / watchPause.Seconds()
		left := "unknown"
		if rate > 0 {
			left = time.Duration(float64(w.total-drained) / rate * float64(time.Second)).Round(time.Second).String()
		}
		fmt.Fprintf(out, "virtual %-9s drained %d (%.1f %%), %.0f a second of virtual time so far, %.0f of real time; about %s left\n",
			virtual.Round(time.Second), drained, 100*float64(drained)/float64(w.total), float64(drained)/max(1, virtual.Seconds()), rate, left)
		last = drained
	}
}
