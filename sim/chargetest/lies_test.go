package chargetest_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/world"

	"tosspay-sam/shared/order"
)

// The worlds of docs/proof.md, "Bounds: what may lag, and what may lie", for cycles: seen through HTTP and PortOne's ledger.

// wantCycles compares what PortOne took and kept with the cycles, each of which is to be charged and recorded once.
func (s *shop) wantCycles(what string, cycles, captures int) {
	s.T.Helper()
	taken, kept := 0, int64(0)
	for _, e := range s.Ledger.Entries() {
		if e.Kind == ledger.Capture {
			taken, kept = taken+1, kept+e.Amount
		} else {
			kept -= e.Amount
		}
	}
	got := s.read()
	paid := 0
	for _, c := range got.Cycles {
		if c.Result == "charged" {
			paid++
		}
	}
	if taken != captures || kept != int64(cycles)*price || paid != cycles || got.Cycle != cycles+1 || got.Status != "active" {
		s.T.Errorf("%s: %d captures, %d won kept, %d cycles paid; %s at cycle %d; want %d captures and %d cycles",
			what, taken, kept, paid, got.Status, got.Cycle, captures, cycles)
	}
}

// took counts the captures of each cycle.
func (s *shop) took() map[string]int {
	took := map[string]int{}
	for _, e := range s.Ledger.Entries() {
		if n, err := order.ParseNumber(e.OrderID); err == nil && e.Kind == ledger.Capture {
			took[fmt.Sprintf("--c%d", n.Cycle)]++
		}
	}
	return took
}

func (s *shop) breaks(f fault.Fault) {
	s.T.Helper()
	f.Provider = portonesim.Provider
	if err := s.Faults.Set(f); err != nil {
		s.T.Fatal(err)
	}
}

// TestChargeCarriedOutLate: PortOne carries a charge out minutes after its connection died, and its webhook is lost. Within 75 minutes it is found, and
// the cycle is charged once. One that is carried out later meets its own repetition: both take money, and one goes back, a day later when nobody tells.
func TestChargeCarriedOutLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minutes  int
		told     bool
		captures int
	}{{1, false, 1}, {5, false, 1}, {14, false, 1}, {60, false, 1}, {74, false, 1}, {100, true, 2}, {100, false, 2}} {
		for _, moment := range []string{fault.Before, fault.After} {
			s := enrolled(t)
			s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Late, Delay: time.Duration(c.minutes) * time.Minute, Moment: moment})
			if !c.told {
				s.breaks(fault.Fault{Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: 1000})
			}
			captures := c.captures
			if moment == fault.Before {
				captures = 1 // PortOne knows the number when it arrives
			}
			s.Pass("3d")
			s.wantCycles(fmt.Sprintf("%d minutes, %s", c.minutes, moment), 1, captures)
		}
	}
}

// TestListsWithoutTheCharge: a charge's reply and webhook are lost, and lookups by number miss what was begun in the last minutes. It is charged once, also
// beyond the bound: a repetition is refused under the same number.
func TestListsWithoutTheCharge(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{time.Minute, 5 * time.Minute, lag.Max} {
		for _, late := range []time.Duration{0, 74 * time.Minute} {
			s := enrolled(t)
			if err := s.Lag.Set(portonesim.Provider, lag.Lag{Lists: behind, Lookups: behind}); err != nil {
				t.Fatal(err)
			}
			if late > 0 {
				s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Late, Delay: late})
			} else {
				s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.LoseReply})
			}
			s.breaks(fault.Fault{Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: 5})
			s.Pass("3d")
			s.wantCycles(fmt.Sprint(behind, late), 1, 1)
		}
	}
}

// TestChargesUnderWrongClocks: the schedule's clock differs from PortOne's, a charge's reply is lost, and it is carried out minutes later. A charge that
// seems older than its cycle is not made again: its order is in review, and its subscription suspended.
func TestChargesUnderWrongClocks(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute} {
		for _, ahead := range []time.Duration{apart, -apart} {
			for _, delay := range []time.Duration{time.Minute, 14 * time.Minute, 60 * time.Minute} {
				s := newShop(t, func(o *world.Options) { o.Ahead = ahead })
				s.enroll()
				s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Late, Delay: delay})
				s.breaks(fault.Fault{Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: 5})
				s.Pass("33d")
				if ahead <= 5*time.Minute {
					s.wantCycles(fmt.Sprint(ahead, delay), 2, 2)
					continue
				}
				took := s.took()
				if got := s.read(); got.Status != "suspended" || took["--c1"] != 1 || took["--c2"] > 1 || len(took) > 2 {
					t.Errorf("%v %v: %s, took %v", ahead, delay, got.Status, took)
				}
			}
		}
	}
}

// TestCyclesUnderALateIndex: the due index shows what was minutes ago. Each cycle is charged once, and none is forgotten.
func TestCyclesUnderALateIndex(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{time.Minute, 5 * time.Minute, 40 * time.Minute} {
		index := world.NewLateIndex(behind)
		s := newShop(t, func(o *world.Options) { o.Store = index })
		index.Watch(s.Clock.Now)
		s.enroll()
		s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.LoseReply})
		s.Pass("95d")
		s.wantCycles(behind.String(), 4, 4)
	}
}
