package subscription

import (
	"slices"
	"time"
)

// CycleResult is what became of a cycle, as far as the subscription knows. What became of the money afterwards, such as a refund, is written
// in the cycle's order.
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

// Cycles are those that the history still tells of, the newest first, each with its latest result. It counts back from the cycle that is next:
// a step that ends a cycle belongs to the one before.
func (s Subscription) Cycles() []CycleRecord {
	var cycles []CycleRecord
	k := s.Cycle
	add := func(at time.Time, result CycleResult, code string) {
		if n := len(cycles); n == 0 || cycles[n-1].Number != k {
			cycles = append(cycles, CycleRecord{Number: k, OrderID: s.OrderID(k), At: at, Result: result, Code: code})
		}
	}
	if s.Status == Active && !s.Begun.IsZero() && s.Dunning.Since.IsZero() {
		add(s.Begun, CycleCharging, "")
	}
	for _, step := range slices.Backward(s.History) {
		switch step.Event {
		case "cycle-charged":
			k--
			add(step.At, CycleCharged, "")
		case "cycle-unpaid":
			k--
			add(step.At, CycleUnpaid, step.Note)
		case "cycle-refused", "needs-new-means":
			add(step.At, CycleRefused, step.Note)
		}
	}
	return cycles
}
