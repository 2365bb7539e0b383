// Package check walks every path of a small world around one order: breadth first, each state once. It runs the real
// rules of shared/ledger (Intend, Learn, Decide, Next, Work) and the table's one condition (the revision that was
// read) against a provider that captures, declines, refunds, and answers late, twice, out of date or not at all, with
// processes that die or freeze between any two steps.
//
// A state that breaks a promise ends the walk with the shortest path to it, in words. From every state the faults
// stop, and the schedule must bring the order to rest with the provider's truth.
package check

import (
	"fmt"
	"io"
	"time"

	"tosspay-sam/shared/ledger"
)

// World is what may happen in one walk. Every count is a bound.
type World struct {
	Name      string
	Windows   int             // windows buyers open; at Toss Payments they authenticate, else they capture by themselves
	Toss      bool            // a confirm captures
	Cycle     bool            // a worker charges; windows are of the buyer's own making
	Gate      bool            // the provider asks before a window captures
	Wrong     bool            // a window may capture another amount
	Lag       bool            // lookups may show what was true before the latest change of this phase
	Returns   bool            // buyers come back
	Refunds   int             // the merchant asks for
	Console   bool            // somebody cancels a payment at the provider
	Keys      bool            // the deployment's keys are another account's for a while
	Repeats   int             // how often each entry point may be used again for the same: reloads, doubled webhooks
	Processes int             // at work at the same time
	Sweeps    int             // that the schedule may start while others are at work
	Faults    int             // requests and replies lost, delayed or doubled, and deaths, on one path
	Phases    []time.Duration // the times at which things happen; short limits are over between two of them
	Break     Break
}

// Break takes one rule away, to see that the walk finds out.
type Break uint8

// The rules that can be taken away.
const (
	Nothing       Break = iota
	NoClaim             // the write that records a request has no condition
	NoStamp             // answers are believed whatever keys they were seen through
	NoIntent            // a request is sent before it is written
	NoGuard             // a refund is recorded without looking at what is left
	AbsenceAtOnce       // what a lookup does not show does not exist
	RefusalAtOnce       // a confirm's refusal is believed while an earlier one is unanswered
	LateCharge          // a charge leaves however late after its intent was written
	NoLastLook          // a paid order is not looked up again
)

// Result is what a walk found.
type Result struct {
	World       World
	States      int
	Transitions int
	Depth       int
	Exhausted   bool   // every state within the world's bounds was seen
	Broken      string // what promise; empty: none
	Trace       []string
}

func (r Result) String() string {
	end := "exhausted"
	if !r.Exhausted {
		end = "not exhausted"
	}
	s := fmt.Sprintf("%-22s %8d states, %9d transitions, depth %2d, %s", r.World.Name, r.States, r.Transitions, r.Depth, end)
	if r.Broken != "" {
		s += "\nBROKEN: " + r.Broken
		for i, step := range r.Trace {
			s += fmt.Sprintf("\n  %2d  %s", i+1, step)
		}
	}
	return s
}

// node remembers how a state was reached.
type node struct {
	parent int32
	label  string
}

// Walk visits every state of a world, at most limit of them (0: all), and writes its progress to w (nil: nowhere).
func Walk(world World, limit int, w io.Writer) Result {
	m := newMachine(world)
	r := Result{World: world, Exhausted: true}
	seen := map[[16]byte]int32{}
	var nodes []node
	type entry struct {
		s  *state
		at int32
	}
	start := m.start()
	seen[m.hash(start)] = 0
	nodes = append(nodes, node{-1, ""})
	layer := []entry{{start, 0}}
	for len(layer) > 0 && r.Broken == "" {
		var next []entry
		for _, e := range layer {
			if r.Broken = m.atRest(e.s); r.Broken != "" {
				r.Trace = trace(nodes, e.at)
				break
			}
			m.successors(e.s, func(label, broken string, s *state) {
				if r.Transitions++; r.Broken != "" {
					return
				}
				if broken != "" {
					r.Broken, r.Trace = broken, append(trace(nodes, e.at), label)
					return
				}
				h := m.hash(s)
				if _, ok := seen[h]; ok {
					return
				}
				if limit > 0 && len(nodes) >= limit {
					r.Exhausted = false
					return
				}
				seen[h] = int32(len(nodes))
				nodes = append(nodes, node{e.at, label})
				next = append(next, entry{s, int32(len(nodes) - 1)})
			})
			if r.Broken != "" {
				break
			}
		}
		if len(next) > 0 {
			r.Depth++
		}
		layer = next
		if w != nil {
			fmt.Fprintf(w, "%s: depth %d, %d states, %d to go\n", world.Name, r.Depth, len(nodes), len(layer))
		}
	}
	r.States = len(nodes)
	return r
}

func trace(nodes []node, at int32) (steps []string) {
	for ; at > 0; at = nodes[at].parent {
		steps = append([]string{nodes[at].label}, steps...)
	}
	return steps
}

// The phases of time: between the first two a lookup's lag, a request's own time and a lease are over; in the third
// what was pending in the first is over, and nothing else; in the fourth all windows are; in the last the search for
// a charge is.
var (
	start    time.Duration
	soon     = 11 * time.Minute
	pending  = 100 * time.Minute
	closed   = 200 * time.Minute
	searched = 2000 * time.Minute
)

// tick is between two things that happen in one phase.
const tick = time.Millisecond

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	account = ledger.Account{Provider: "provider", Merchant: "mid", KeyDigest: "own"}
	other   = ledger.Account{Provider: "provider", Merchant: "other", KeyDigest: "other"}
)

const price = 3

func (w World) terms() ledger.Terms {
	t := ledger.Terms{
		ID: "order", Account: account, Amount: price, Currency: "KRW", Cycle: w.Cycle, Wanted: ledger.No, CreatedAt: epoch, ExpiresAt: epoch.Add(65 * time.Minute),
		Timing: ledger.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute},
	}
	if w.Toss {
		t.Timing = ledger.Timing{
			ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute,
		}
	}
	if w.Cycle {
		t.ExpiresAt = epoch.Add(90 * 24 * time.Hour)
	}
	return t
}
