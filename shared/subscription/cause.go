package subscription

import "time"

// Cause is why a subscription was suspended. The zero value: it was not.
type Cause struct {
	At    time.Time
	Cycle int // that was not paid
	// Event is needs-new-means (refused to the end of its timetable, or the means is gone) or cycle-unpaid (its order
	// ended).
	Event string
	Code  string // the provider's, of the cycle's last refusal; empty when it gave none
	// Message is the provider's documented words for Code, in Korean. Never what came on the wire: that may name the
	// buyer.
	Message string
}

// Suspends notes why the step that was just made suspended the subscription. It stays until the subscription goes on,
// however much its history loses; one that is written off while it is suspended keeps the first cause.
func (s Subscription) Suspends(k int, code, message string) Subscription {
	last := s.History[len(s.History)-1]
	s.Cause = Cause{At: last.At, Cycle: k, Event: last.Event, Code: code, Message: message}
	return s
}

// Suspension is the cause of a subscription that is suspended, or was when it was canceled. Of one that was suspended
// before causes were kept it is what the history still says.
func (s Subscription) Suspension() Cause {
	if s.Cause != (Cause{}) || s.Status != Suspended {
		return s.Cause
	}
	for i := len(s.History) - 1; i >= 0; i-- {
		step := s.History[i]
		if step.To != Suspended || step.From == Suspended {
			continue
		}
		c := Cause{At: step.At, Cycle: s.Cycle, Event: step.Event, Code: step.Note}
		if step.Event == "cycle-unpaid" {
			c.Cycle, c.Code = s.Cycle-1, "" // the note is our order's status
		}
		return c
	}
	return Cause{}
}
