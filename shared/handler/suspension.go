package handler

import (
	"time"

	"tosspay-sam/shared/subscription"
)

// suspensionBody is why a subscription is suspended.
type suspensionBody struct {
	At      time.Time `json:"at"`
	Cycle   int       `json:"cycle"` // that was not paid
	Reason  string    `json:"reason"`
	Code    string    `json:"code,omitempty"`    // the provider's, of the last refusal
	Message string    `json:"message,omitempty"` // the provider's documented words for it
}

func suspensionOf(s subscription.Subscription) *suspensionBody {
	c := s.Suspension()
	if c == (subscription.Cause{}) {
		return nil
	}
	return &suspensionBody{c.At, c.Cycle, c.Event, c.Code, c.Message}
}
