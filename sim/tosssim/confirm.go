package tosssim

import (
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/simulator"
)

// cardMinimum is the smallest card payment in won; below it confirm answers
// BELOW_MINIMUM_AMOUNT.
const cardMinimum = 100

// scripted is the answer that a test wants the next confirm to get.
type scripted struct {
	code     string
	captured bool // the money is taken all the same
}

// DeclineNext makes the next confirm that would be approved be refused with
// code instead. No money moves. If the code means that the card was refused,
// the payment becomes ABORTED; with any other code, also one that is in no
// table (status 400), it stays IN_PROGRESS and could still be confirmed.
func (s *Sim) DeclineNext(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, scripted{code: code})
}

// CaptureNextBut makes the next confirm that would be approved take the money
// and answer with the error code all the same. That is the worst that
// PROVIDER_ERROR, CARD_PROCESSING_ERROR or any 5xx can mean.
func (s *Sim) CaptureNextBut(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, scripted{code: code, captured: true})
}

type confirmRequest struct {
	PaymentKey *string `json:"paymentKey"`
	OrderID    *string `json:"orderId"`
	Amount     *int64  `json:"amount"` // a string is refused; so is a fraction
}

// confirm is POST /v1/payments/confirm. The payment is in flight from the
// arrival of the call until its answer is known; a delay fault lies between.
func (s *Sim) confirm(c *call) simulator.Reply {
	p, refusal := s.beginConfirm(c)
	c.pause()
	if refusal != nil {
		return *refusal
	}
	return s.finishConfirm(p)
}

// beginConfirm checks the call and marks its payment as in flight. The 10
// minutes are measured here: a call that arrived in time stays in time.
func (s *Sim) beginConfirm(c *call) (*payment, *simulator.Reply) {
	var req confirmRequest
	if !s.decode(c, &req) {
		return nil, new(refuse("INVALID_REQUEST"))
	}
	if req.PaymentKey == nil || req.OrderID == nil || req.Amount == nil {
		s.Violate("confirm: paymentKey, orderId and amount are required")
		return nil, new(refuse("INVALID_REQUEST"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[*req.PaymentKey]
	if code := s.whyNotConfirm(p, c.pair, *req.OrderID, *req.Amount); code != "" {
		return nil, new(refuse(code))
	}
	p.inFlight = true
	return p, nil
}

// whyNotConfirm returns the error code, or "" if the payment can be confirmed.
func (s *Sim) whyNotConfirm(p *payment, pair *KeyPair, orderID string, amount int64) string {
	if p == nil {
		return "NOT_FOUND_PAYMENT"
	}
	s.expire(p)
	switch {
	case p.pair != pair: // the provider's guide: another key or order number than at the request
		return "FORBIDDEN_REQUEST"
	case p.inFlight:
		return "ALREADY_PROCESSING_REQUEST"
	case !p.approvedAt.IsZero():
		return "ALREADY_PROCESSED_PAYMENT"
	case p.status != inProgress: // EXPIRED is documented; for READY and ABORTED it is our choice
		return "NOT_FOUND_PAYMENT_SESSION"
	case p.orderID != orderID || p.amount != amount:
		return "FORBIDDEN_REQUEST"
	case p.currency == "KRW" && p.amount < cardMinimum:
		return "BELOW_MINIMUM_AMOUNT"
	}
	return ""
}

// finishConfirm takes the money, or does what the script of a test says.
//
// Two payments of one order number are both approved here. Whether the real
// provider would refuse the second is not documented, and our code must not
// depend on it.
func (s *Sim) finishConfirm(p *payment) simulator.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.inFlight = false
	var next scripted
	if len(s.script) > 0 {
		next, s.script = s.script[0], s.script[1:]
	}
	if next.code != "" && !next.captured {
		if codes[next.code].refusesCard {
			s.abort(p, next.code)
		}
		return refuse(next.code)
	}
	now := s.now()
	p.status = done
	p.approvedAt = now
	p.balance = p.amount
	p.lastTransaction = s.id("transaction")
	s.note(p)
	s.Ledger.Add(ledger.Entry{Provider: Provider, Kind: ledger.Capture, OrderID: p.orderID, Amount: p.amount, At: now})
	s.notify(p)
	if next.code != "" {
		return refuse(next.code)
	}
	return answerWith(s.view(p))
}
