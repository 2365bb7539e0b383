package tosssim

import (
	"encoding/json"
	"unicode/utf8"

	"tosspay-sam/sim/simulator"
)

// cancelReasonMax is the documented length of cancelReason in characters.
const cancelReasonMax = 200

type cancelRequest struct {
	CancelReason         string          `json:"cancelReason"`
	CancelAmount         *int64          `json:"cancelAmount"`     // absent: the whole balance
	RefundableAmount     *int64          `json:"refundableAmount"` // if given, must be the balance
	Currency             *string         `json:"currency"`         // if given, must be the payment's
	TaxFreeAmount        int64           `json:"taxFreeAmount"`
	CancelRequestID      *string         `json:"cancelRequestId"`
	RefundReceiveAccount json.RawMessage `json:"refundReceiveAccount"`
}

// cancel is POST /v1/payments/{paymentKey}/cancel. Everything is decided after
// the delay fault, when the money moves; two cancels at once are both carried
// out if the balance allows, which is why clients need Idempotency-Key and
// refundableAmount.
func (s *Sim) cancel(c *call) simulator.Reply {
	var req cancelRequest
	wellFormed := s.decode(c, &req)
	c.pause()
	if !wellFormed || !req.valid() {
		return refuse("INVALID_REQUEST")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[c.arg]
	if code := s.whyNotCancel(p, c.pair, req); code != "" {
		return refuse(code)
	}
	amount := req.amount(p)
	s.giveBack(p, amount, req)
	return answerWith(s.view(p))
}

func (r cancelRequest) valid() bool {
	reason := utf8.RuneCountInString(r.CancelReason)
	return reason >= 1 && reason <= cancelReasonMax &&
		(r.CancelAmount == nil || *r.CancelAmount > 0) &&
		r.TaxFreeAmount >= 0 &&
		r.RefundReceiveAccount == nil // only for virtual accounts; all payments here are by card
}

// amount is what the request asks to give back.
func (r cancelRequest) amount(p *payment) int64 {
	if r.CancelAmount != nil {
		return *r.CancelAmount
	}
	return p.balance
}

// whyNotCancel returns the error code, or "" if the cancel can be carried out.
// Codes and statuses as measured on the test server in 2026-08; the order of
// the checks is our choice.
func (s *Sim) whyNotCancel(p *payment, pair *KeyPair, req cancelRequest) string {
	if p == nil || p.pair != pair {
		return "NOT_FOUND_PAYMENT"
	}
	amount := req.amount(p)
	switch {
	case s.now().Before(p.canceledAt.Add(s.cancelPause)):
		return s.tooSoon
	case p.status == canceled:
		return "ALREADY_CANCELED_PAYMENT"
	case p.status != done && p.status != partialCanceled:
		return "NOT_CANCELABLE_PAYMENT"
	case req.Currency != nil && *req.Currency != p.currency:
		return "INVALID_REQUEST"
	case req.RefundableAmount != nil && *req.RefundableAmount != p.balance:
		return "NOT_MATCHES_REFUNDABLE_AMOUNT"
	case amount > p.balance || p.balance == 0:
		return "NOT_CANCELABLE_AMOUNT"
	case amount < p.amount && !s.partialCancelable:
		return "NOT_ALLOWED_PARTIAL_REFUND"
	}
	return ""
}
