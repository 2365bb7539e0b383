package subscription

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// CycleResult is what became of a cycle, as far as the subscription knows. What became of the money afterwards, such as
// a refund, is written in the cycle's order.
type CycleResult string

// The results of a cycle.
const (
	CycleCharging CycleResult = "charging" // its first charge has begun, and there is no answer yet
	CycleRefused  CycleResult = "refused"  // and not paid: it is tried again by the timetable, or waits for a new means
	CycleCharged  CycleResult = "charged"
	CycleUnpaid   CycleResult = "unpaid" // written off
)

// CycleRecord is one cycle in the history.
type CycleRecord struct {
	Number  int
	OrderID string
	At      time.Time // of the result
	Result  CycleResult
	Code    string // the provider's reason for a refusal
}

// Cycles are those that the history still tells of, the newest first, each with its latest result.
func (s Subscription) Cycles() []CycleRecord {
	var cycles []CycleRecord
	add := func(k int, at time.Time, result CycleResult, code string) {
		if n := len(cycles); n > 0 && cycles[n-1].Number == k {
			cycles = cycles[:n-1]
		}
		cycles = append(cycles, CycleRecord{Number: k, OrderID: s.OrderID(k), At: at, Result: result, Code: code})
	}
	k := s.oldestCycle()
	for _, step := range s.History {
		switch step.Event {
		case "cycle-charged":
			k = s.chargedCycle(step, k)
			add(k, step.At, CycleCharged, "")
			k++
		case "cycle-unpaid":
			add(k, step.At, CycleUnpaid, step.Note)
			k++
		case "cycle-refused", "needs-new-means":
			add(k, step.At, CycleRefused, step.Note)
		}
	}
	if s.Status == Active && !s.Begun.IsZero() && s.Dunning.Since.IsZero() {
		add(s.Cycle, s.Begun, CycleCharging, "")
	}
	slices.Reverse(cycles)
	return cycles
}

// oldestCycle is the one that was next before the oldest step that is left. Only a charge's step names its cycle; the
// others are counted.
func (s Subscription) oldestCycle() int {
	if len(s.History) > 0 && s.History[0].Event == "created" {
		return 1
	}
	unpaid := 0
	for _, step := range s.History {
		switch step.Event {
		case "cycle-charged":
			return s.chargedCycle(step, s.Cycle-1) - unpaid
		case "cycle-unpaid":
			unpaid++
		}
	}
	return s.Cycle - unpaid
}

// chargedCycle is the cycle whose order the step names, or k when it names none.
func (s Subscription) chargedCycle(step Step, k int) int {
	text, ok := strings.CutPrefix(step.Note, s.ID+"--c")
	if n, err := strconv.Atoi(text); ok && err == nil {
		return n
	}
	return k
}
