package soak_test

import (
	"flag"
	"fmt"
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
