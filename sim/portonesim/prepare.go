package portonesim

import (
	"net/http"

	"tosspay-sam/sim/simulator"
)

// prepared is a registered amount. Currency "" is not compared.
type prepared struct {
	amount   int64
	currency string
}

type preparedBody struct {
	MerchantUID string  `json:"merchant_uid"`
	Amount      int64   `json:"amount"`
	Currency    *string `json:"currency"`
}

// prepare is POST /payments/prepare, which registers an amount, and PUT, which
// changes it. It binds the windows that open afterwards, not the charges.
func (s *Sim) prepare(c *call) simulator.Reply {
	p := readParams(c)
	uid, amount, currency := p.required("merchant_uid", 40), p.whole("amount"), p.oneOf("currency", currencies...)
	if amount == nil {
		p.wrong("amount", "is required")
	}
	problem := p.finish()
	c.pause()
	if problem != "" {
		s.Violate("%s: %s", c.op, problem)
		return badRequest()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := merchantUID{c.owner, uid}
	_, exists := s.prepared[at]
	switch {
	case c.op == OpPrepare && exists:
		return refuse(http.StatusOK, 1, "결제정보 사전등록에 실패하였습니다(이미 등록된 merchant_uid입니다).")
	case c.op == OpChangePrepare && !exists:
		return refuse(http.StatusNotFound, -1, nothingPrepared)
	}
	s.prepared[at] = prepared{*amount, currency}
	return answerWith(preparedBody{uid, *amount, orNull(currency)})
}

// nothingPrepared was seen on GET; that its status is 404 there, as the schema
// has it for PUT, is our choice.
const nothingPrepared = "사전등록된 결제정보가 존재하지 않습니다."

// findPrepare is GET /payments/prepare/{merchant_uid}.
func (s *Sim) findPrepare(c *call) simulator.Reply {
	c.pause()
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.prepared[merchantUID{c.owner, c.uid}]
	if !ok {
		return refuse(http.StatusNotFound, -1, nothingPrepared)
	}
	return answerWith(preparedBody{c.uid, found.amount, orNull(found.currency)})
}
