package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"tosspay-sam/sim/load"
)

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
