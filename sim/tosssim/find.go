package tosssim

import (
	"slices"

	"tosspay-sam/sim/simulator"
)

// find is GET /v1/payments/{paymentKey}.
func (s *Sim) find(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[c.arg]
	if p != nil {
		p = s.shown(p, false)
	}
	if p == nil || p.pair != c.pair {
		return refuse("NOT_FOUND_PAYMENT")
	}
	return answerWith(s.view(p))
}

// findByOrder is GET /v1/payments/orders/{orderId}. An order number can have
// several payments, one per window that was opened. Which of them the provider
// shows is not documented; our choice is the one that holds money, else the
// newest.
func (s *Sim) findByOrder(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *payment
	for _, p := range slices.Backward(s.orders[c.arg]) {
		if p = s.shown(p, true); p == nil || p.pair != c.pair {
			continue
		}
		if found == nil || (p.balance > 0 && found.balance == 0) {
			found = p
		}
	}
	if found == nil {
		return refuse("NOT_FOUND_PAYMENT")
	}
	return answerWith(s.view(found))
}
