package portonesim

import (
	"errors"
	"net/http"
	"slices"

	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/simulator"
)

type cancelRequest struct {
	impUID, merchantUID string // imp_uid wins
	amount              int64  // 0, also when it was left out: everything
	taxFree             int64
	vat                 *int64
	checksum            *int64 // what the caller believes can be cancelled; nil is not compared
	reason              string
	enableWebhook       bool
}

// readCancel reads the parameters that apply to tosspay_v2: none of virtual
// accounts, promotions or Naver Pay.
func readCancel(c *call) (cancelRequest, string) {
	p := readParams(c)
	req := cancelRequest{
		impUID: p.text("imp_uid", 0), merchantUID: p.text("merchant_uid", 0),
		vat: p.whole("vat_amount"), checksum: p.whole("checksum"),
		reason: p.text("reason", 0), enableWebhook: p.flag("enable_webhook"),
	}
	if amount := p.whole("amount"); amount != nil {
		req.amount = *amount
	}
	if taxFree := p.whole("tax_free"); taxFree != nil {
		req.taxFree = *taxFree
	}
	if req.impUID == "" && req.merchantUID == "" {
		p.wrong("imp_uid", "or merchant_uid is required")
	}
	return req, p.finish()
}

// cancel is POST /payments/cancel. Everything is decided after the delay fault,
// when the money moves; two cancels at once are both carried out if the balance
// allows, which is why clients need the checksum.
func (s *Sim) cancel(c *call) simulator.Reply {
	req, problem := readCancel(c)
	c.pause()
	if problem != "" {
		s.Violate("cancel: %s", problem)
		return badRequest()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.toCancel(c.owner, req)
	if message := s.whyNotCancel(p, req); message != "" {
		return refuse(http.StatusOK, 1, message)
	}
	amount := req.amount
	if amount == 0 {
		amount = p.balance
	}
	if message := s.whyNotByPG(p, req, amount); message != "" {
		return refuse(http.StatusOK, -1, "결제취소에 실패하였습니다.("+message+")")
	}
	id := s.giveBack(p, amount, req.reason)
	if req.enableWebhook && s.o.ConsoleURL != "" {
		s.notify(p, cancelled, id, []string{s.o.ConsoleURL}) // to the console's address even if there was a notice_url
	}
	return answerWith(s.view(p))
}

// toCancel finds the payment, or nil. A wrong imp_uid finds nothing, even with
// a right merchant_uid. Which of several payments a merchant_uid means is not
// documented; our choice is the newest that holds money, else the newest. The
// caller holds mu.
func (s *Sim) toCancel(owner *account, req cancelRequest) *payment {
	if req.impUID != "" {
		if p := s.payments[req.impUID]; p != nil && p.owner == owner {
			return p
		}
		return nil
	}
	var found *payment
	for _, p := range slices.Backward(s.orders[req.merchantUID]) {
		if p.owner == owner && (found == nil || p.balance > 0 && found.balance == 0) {
			found = p
		}
	}
	return found
}

// whyNotCancel is PortOne's own reason, or "". That of the checksum is in our
// words, for it was not seen; so is the order of the checks.
func (s *Sim) whyNotCancel(p *payment, req cancelRequest) string {
	switch {
	case p == nil || !p.isTaken() || p.usage == usageIssue:
		return "취소할 결제건이 존재하지 않습니다."
	case p.balance == 0:
		return "이미 전액취소된 주문입니다."
	case req.checksum != nil && *req.checksum != p.balance:
		return "취소 가능 잔액이 checksum과 일치하지 않습니다."
	}
	return ""
}

// whyNotByPG is Toss Pay's reason, or "", all in our words. A partial cancel
// without the VAT that the payment had goes through, and then no other partial
// one does: the documentation warns of exactly that. The caller holds mu.
func (s *Sim) whyNotByPG(p *payment, req cancelRequest, amount int64) string {
	vat := int64(0)
	if req.vat != nil {
		vat = *req.vat
	}
	partial := amount < p.balance
	switch {
	case s.o.RefundMax > 0 && amount > s.o.RefundMax:
		return "환불 금액이 상점의 일일 환불 한도보다 클 수 없습니다."
	case amount > p.balance:
		return "취소 금액이 취소 가능 금액을 초과합니다."
	case req.taxFree+vat > amount:
		return "면세 금액과 부가세의 합이 취소 금액을 초과합니다."
	case partial && p.vatLost:
		return "부가세 금액이 일치하지 않아 부분 취소할 수 없습니다."
	case partial && p.withVAT && req.vat == nil:
		s.Violate("cancel: vat_amount is required for a part of a payment that had one")
		p.vatLost = true
	}
	return ""
}

// giveBack moves money back to the buyer and returns the cancellation_id. The
// caller holds mu.
func (s *Sim) giveBack(p *payment, amount int64, reason string) string {
	now := s.o.Now()
	p.balance -= amount
	if p.balance == 0 || s.o.PartialCancelIsCancelled {
		p.status = cancelled
	}
	p.cancelledAt, p.updatedAt, p.cancelReason = now, now, reason
	id := s.id("cancellation")
	p.history = append(p.history, cancelBody{
		PGTID: p.pgTID, Amount: amount, CancelledAt: now.Unix(), Reason: reason, CancellationID: id,
	})
	s.note(p)
	s.Ledger.Add(ledger.Entry{Provider: Provider, Kind: ledger.Cancel, OrderID: p.merchantUID, Amount: amount, At: now})
	return id
}

// ConsoleCancel is what an operator does in the provider's console: it gives
// back amount won, or everything if 0, and sends a webhook. It returns an error
// if the payment does not hold that much.
func (s *Sim) ConsoleCancel(impUID string, amount int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[impUID]
	switch {
	case p == nil || p.balance == 0:
		return errors.New("portonesim: there is nothing to cancel")
	case amount < 0 || amount > p.balance:
		return errors.New("portonesim: the payment does not hold that much")
	case amount == 0:
		amount = p.balance
	}
	id := s.giveBack(p, amount, "관리자 콘솔 취소")
	s.notify(p, cancelled, id, p.addresses(s.o.ConsoleURL))
	return nil
}
