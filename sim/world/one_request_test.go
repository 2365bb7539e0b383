package world_test

import (
	"regexp"
	"testing"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/tosssim"
)

// TestConfirmRepeatsItsKey: what reaches Toss Payments. A confirm whose request or reply is lost is sent again with the same idempotency key, so
// that two that arrive are one; after a 500, which it keeps for that key, with the next one. The keys are as docs/providers.md writes them.
func TestConfirmRepeatsItsKey(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^confirm:order-1:([01]):[0-9a-f]{12}$`)
	for kind, turns := range map[string]string{fault.RefuseConnection: "00", fault.InternalError: "01"} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			door, _, requests := s.tapped()
			s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: kind, Moment: fault.Before, Times: 1})
			s.At(door).Get(s.approve(s.order("order-1")))
			got, hashes := "", map[string]bool{}
			for _, c := range requests.of("/confirm") {
				m := form.FindStringSubmatch(c.idempotency)
				if m == nil {
					t.Fatalf("%s: idempotency key %q", kind, c.idempotency)
				}
				got += m[1]
				hashes[c.idempotency[len(c.idempotency)-12:]] = true
			}
			if got != turns || len(hashes) != 1 {
				t.Errorf("%s: turns %s of %d payments, want %s of one", kind, got, len(hashes), turns)
			}
			s.wantMoney("order-1", 1, len(turns))
		})
	}
}
