// Command blackbox plays random buyers against a running laptop mode and audits the money, by HTTP alone: it knows the routes of docs/local.md
// and nothing of the code behind them. Any core that serves those routes can be judged by it.
//
//	go run ./cmd/local -addr 127.0.0.1:3001 -tick 0 -log error &
//	go run ./scripts/blackbox -base http://127.0.0.1:3001 -orders 10000
//	go run ./scripts/blackbox -base http://127.0.0.1:3001 -flood
//
// Each order has a buyer with several tabs. He keeps windows of any number open, approves and declines them, follows a return at once, later
// or never, and reloads; webhooks are lost, lookups lag or fail for seconds, requests and replies get lost. In the end the ledger of the money the
// providers moved is compared with GET /orders. It prints its seed; the same seed plays the same buyers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "blackbox:", err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	base         string
	orders, side int
	seed         uint64
	cases        int
	beyond       bool
	flooded      bool
	slow         time.Duration
}

func parse(args []string, errs io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("blackbox", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.StringVar(&o.base, "base", "http://127.0.0.1:3000", "address of cmd/local, started with -tick 0")
	flags.IntVar(&o.orders, "orders", 1000, "orders to play")
	flags.IntVar(&o.side, "side", 10, "orders played side by side, one request at a time")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the buyers; 0: a new one, printed")
	flags.IntVar(&o.cases, "cases", 1, "stop after so many orders that are wrong; 0: play all")
	flags.BoolVar(&o.beyond, "beyond", false,
		"also what docs/money-safety.md says is not covered: windows opened when the order is closed, of which nobody tells")
	flags.BoolVar(&o.flooded, "flood", false,
		"instead: one buyer sends 50 copies of a webhook a second; what others wait for is compared with a quiet run, half a minute in all")
	flags.DurationVar(&o.slow, "slow", time.Millisecond, "with -flood: what a lookup takes, 1ms or more")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || min(o.orders, o.side) < 1 || o.cases < 0 || o.slow < time.Millisecond {
		return o, errors.New("-orders and -side must be above 0, -cases not below, -slow 1ms or more, and there are no arguments; see -help")
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	return o, nil
}

// run plays batch after batch until enough orders are played, or enough are wrong.
func run(args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	c := &client{base: o.base}
	began := time.Now()
	p := &play{client: c, options: o, random: rand.New(rand.NewPCG(o.seed, 1))}
	p.name = fmt.Sprintf("b%08x", uint32(o.seed^uint64(began.UnixNano()))) // the server may hold an earlier run's orders
	fmt.Fprintf(out, "seed %d, %d orders at %s\n", o.seed, o.orders, o.base)
	if err := p.offers(); err != nil {
		return err
	}
	if o.flooded {
		return p.flood(out)
	}
	if !p.lags {
		fmt.Fprintln(out, "this server's lookups cannot lag: played without")
	}
	var t tally
	told := began
	for played := 0; played < o.orders && (o.cases == 0 || len(t.wrong) < o.cases); {
		n := min(o.side, o.orders-played)
		buyers, err := p.batch(played, n)
		if err != nil {
			return err
		}
		if err := p.audit(buyers, &t); err != nil {
			return err
		}
		played += n
		for _, w := range t.unsaid() {
			fmt.Fprintln(out, w)
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			fmt.Fprintf(out, "%d orders in %s: %s\n", played, time.Since(began).Round(time.Second), &t)
		}
	}
	fmt.Fprintf(out, "seed %d: %s in %s\n", o.seed, &t, time.Since(began).Round(time.Second))
	if len(t.wrong) > 0 {
		return fmt.Errorf("%d orders are wrong; -seed %d plays them again", len(t.wrong), o.seed)
	}
	return nil
}
