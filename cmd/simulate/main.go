// Command simulate plays what no account should be used to find out, with the real dispatcher and worker.
//
//	go run ./cmd/simulate -load -subscriptions 10000000
//
// is a very large hour of renewals against a model of AWS's documented limits;
//
//	go run ./cmd/simulate -soak -seeds 1000
//
// is years of many subscriptions in a world that loses ticks, messages, replies and processes, once for every seed.
//
//	go run ./cmd/simulate -check
//
// is every path of small worlds around one order, through the rules of shared/ledger.
//
// All print their progress and a report. The status is 1 when a cycle was charged twice or not at all, or another promise was broken; 2
// for arguments that make no sense; 3 when it was stopped before its end, which proves nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"tosspay-sam/sim/check"
	"tosspay-sam/sim/load"
	"tosspay-sam/sim/soak"
)

// Exit statuses.
const (
	exitBad     = 1 // a promise was broken
	exitUsage   = 2
	exitStopped = 3
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(exitUsage)
	case o.soak.Seeds > 0:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(playSoak(ctx, o.soak, os.Stdout))
	case o.walk:
		os.Exit(walk(check.Whole(), o.states, os.Stdout))
	}
	fmt.Printf("seed %d: %d subscriptions are due now\n", o.load.Seed, o.load.Subscriptions)
	w := &watcher{total: int64(o.load.Subscriptions), began: time.Now()}
	go w.watch(os.Stdout)
	virtual(func() bool { return play(o.load, w, os.Stdout) })
}

// options are what to play: the one of them that was asked for.
type options struct {
	load   load.Config
	soak   soak.Series // without seeds: not the soak
	walk   bool
	states int // of each world of the walk, at most; 0: all
}

// modes are the flags of each.
var modes = map[string][]string{
	"load":  {"subscriptions", "seed", "cap", "batch", "rate", "declines", "lost", "duplicates", "partitions", "limit", "memory", "within"},
	"soak":  {"subscriptions", "seed", "seeds", "cycles"},
	"check": {"states"},
}

// usage is the head of -help.
const usage = `Plays what no account should be used to find out, with the real dispatcher and worker.

  go run ./cmd/simulate -load [-subscriptions N] [-seed N] [-cap N] [-batch N] [-rate N] ...
        One hour in which all subscriptions are due at the same moment, against a model of AWS's limits. Prints a report.

  go run ./cmd/simulate -soak [-seeds N] [-seed N] [-subscriptions N] [-cycles N]
        Years of many subscriptions, once for each seed, in a world that loses ticks, messages, replies and processes, while merchants pause
        and cancel and buyers change their card. Prints progress, and the line that plays a seed again when it broke a promise.

  go run ./cmd/simulate -check [-states N]
        Every path of small worlds around one order: answers lost, late, doubled and out of date, processes that die and freeze. Prints how
        many states there are, and the shortest path to one that breaks a promise.

Status 0: every cycle was charged as its policy says. 1: one was charged twice, or not, or another promise was broken. 2: arguments.
3: stopped before the end, which proves nothing.

Flags:`

// parse reads the flags; what it refuses is named in the error.
func parse(args []string, out io.Writer) (options, error) {
	c, s := load.Default(1_000_000), soak.Series{Size: soak.Full}
	set := flag.NewFlagSet("simulate", flag.ContinueOnError)
	set.SetOutput(out)
	hour := set.Bool("load", false, "play an hour in which all subscriptions are due at once")
	years := set.Bool("soak", false, "play years in which everything is lost now and then")
	every := set.Bool("check", false, "walk every path of small worlds around one order")
	states := set.Int("states", 0, "-check: most states of each world; 0: all")
	subscriptions := set.Int("subscriptions", 0, "how `many`; 0: 1,000,000 for -load, 200 for -soak")
	seed := set.Uint64("seed", 1, "of every chance; for -soak the first one")
	set.IntVar(&s.Seeds, "seeds", 1000, "-soak: how `many`, one after another")
	set.IntVar(&s.Size.Cycles, "cycles", s.Size.Cycles, "-soak: of each subscription")
	set.IntVar(&c.Concurrency, "cap", c.Concurrency, "-load: MaximumConcurrency, batches at work at the same time")
	set.IntVar(&c.Batch, "batch", c.Batch, "-load: BatchSize, messages in a batch, all worked on at the same time")
	set.IntVar(&c.Rate, "rate", c.Rate, "-load: charges a second the provider takes before it answers 429")
	set.Float64Var(&c.Declines, "declines", c.Declines, "-load: share of charges the provider refuses")
	set.Float64Var(&c.Lost, "lost", c.Lost, "-load: share of charges whose answer never arrives")
	set.Float64Var(&c.Duplicates, "duplicates", c.Duplicates, "-load: share of messages and ticks delivered twice")
	set.IntVar(&c.Partitions, "partitions", c.Partitions, "-load: of the table")
	set.DurationVar(&c.Limit, "limit", c.Limit, "-load: give up after this much virtual time")
	set.IntVar(&c.Memory, "memory", c.Memory, "-load: `MB` of the charge function, for the GB-seconds")
	set.DurationVar(&c.Within, "within", c.Within, "-load: fail when it takes longer; 0: however long")
	set.Usage = func() {
		fmt.Fprintln(out, usage)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		return options{}, err
	}
	mode := "load"
	switch {
	case set.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", set.Arg(0))
	case chosen(*hour, *years, *every) != 1:
		return options{}, errors.New("say what to play: -load, -soak or -check (see -help)")
	case *years:
		mode = "soak"
	case *every:
		mode = "check"
	}
	if err := only(set, mode); err != nil {
		return options{}, err
	}
	if *subscriptions != 0 {
		c.Subscriptions, s.Size.Subscriptions = *subscriptions, *subscriptions
	}
	c.Seed, s.First = *seed, *seed
	switch {
	case *every:
		return options{walk: true, states: *states}, nil
	case *years:
		return options{soak: s}, s.Check()
	}
	return options{load: c}, c.Check()
}

func chosen(modes ...bool) (n int) {
	for _, m := range modes {
		if m {
			n++
		}
	}
	return n
}

// only refuses the flags that were given and are the other mode's.
func only(set *flag.FlagSet, mode string) error {
	var others []string
	set.Visit(func(f *flag.Flag) {
		for name, flags := range modes {
			if name != mode && slices.Contains(flags, f.Name) && !slices.Contains(modes[mode], f.Name) {
				others = append(others, "-"+f.Name)
			}
		}
	})
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%s mean nothing to -%s (see -help)", strings.Join(others, ", "), mode)
}
