package check_test

import (
	"flag"
	"testing"

	"tosspay-sam/sim/check"
)

var limit = flag.Int("limit", 0, "most states of one world")

// TestWorlds walks every path of the small worlds.
func TestWorlds(t *testing.T) {
	t.Parallel()
	for _, w := range check.Small() {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			r := check.Walk(w, *limit, nil)
			t.Log(r)
			if r.Broken != "" || !r.Exhausted {
				t.Error("not every path of it keeps the promises")
			}
		})
	}
}
