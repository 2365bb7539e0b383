package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tosspay-sam/sim/soak"
)

// playSoak runs a series and returns the exit status.
func playSoak(ctx context.Context, s soak.Series, out io.Writer) int {
	fmt.Fprintf(out, "seeds %d to %d: %d subscriptions x %d cycles each\n",
		s.First, s.First+uint64(s.Seeds)-1, s.Size.Subscriptions, s.Size.Cycles)
	began := time.Now()
	total, err := soak.Soak(ctx, s, out)
	var broken *soak.BrokenError
	switch {
	case errors.As(err, &broken):
		for _, b := range broken.Report.Broken {
			fmt.Fprintf(out, "seed %d: %s\n", broken.Report.Seed, b)
		}
		fmt.Fprintf(out, "BROKEN by seed %d, one of %d that were played in %s. Play it again with\n  %s\n",
			broken.Report.Seed, total.Runs, time.Since(began).Round(time.Second), replay(broken.Report.Seed, s.Size))
		return exitBad
	case errors.Is(err, soak.ErrStopped):
		fmt.Fprintf(out, "STOPPED after %d of %d seeds, which proves nothing of the others. So far: %s\n", total.Runs, s.Seeds, total)
		return exitStopped
	case err != nil:
		fmt.Fprintln(out, "simulate:", err)
		return exitUsage
	}
	fmt.Fprintf(out, "%d seeds in %s, no promise broken: every cycle was charged as its policy says\n", total.Runs, time.Since(began).Round(time.Second))
	return 0
}

// replay is the line that plays one seed again.
func replay(seed uint64, size soak.Size) string {
	line := fmt.Sprintf("go run ./cmd/simulate -soak -seed %d -seeds 1", seed)
	if size.Subscriptions != soak.Full.Subscriptions {
		line += fmt.Sprintf(" -subscriptions %d", size.Subscriptions)
	}
	if size.Cycles != soak.Full.Cycles {
		line += fmt.Sprintf(" -cycles %d", size.Cycles)
	}
	return line
}
