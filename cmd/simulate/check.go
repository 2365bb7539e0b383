package main

import (
	"fmt"
	"io"
	"time"

	"tosspay-sam/sim/check"
)

// walk visits every state of every world, and prints what it found. It returns the exit status.
func walk(worlds []check.World, states int, out io.Writer) int {
	status, began := 0, time.Now()
	for _, w := range worlds {
		r := check.Walk(w, states, out)
		fmt.Fprintln(out, r)
		if r.Broken != "" {
			status = exitBad
		} else if !r.Exhausted && status == 0 {
			status = exitStopped
		}
	}
	fmt.Fprintf(out, "%d worlds in %v\n", len(worlds), time.Since(began).Round(time.Second))
	return status
}
