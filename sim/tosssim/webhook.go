package tosssim

import (
	"encoding/json"
	"errors"
	"time"

	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/ledger"
)

// notify plans the webhook of a payment that has just become DONE, ABORTED,
// EXPIRED, CANCELED or PARTIAL_CANCELED; there is none for READY and
// IN_PROGRESS. Like the real one it is not signed, has a createdAt without
// offset and carries the payment as it is now. The caller holds mu.
func (s *Sim) notify(p *payment) {
	if s.webhooks == nil {
		return
	}
	body, err := json.Marshal(struct {
		EventType string      `json:"eventType"`
		CreatedAt string      `json:"createdAt"`
		Data      paymentBody `json:"data"`
	}{"PAYMENT_STATUS_CHANGED", s.now().In(time.FixedZone("KST", 9*60*60)).Format("2006-01-02T15:04:05.00000"), s.view(p)})
	if err != nil {
		panic(err) // a payment always has a JSON form
	}
	s.webhooks(hooks.Toss(s.webhookURL, "whtrans_"+s.id("webhook"), body))
}

// ConsoleCancel gives back amount of a payment, or all of it for 0, as the
// merchant can in the provider's console: without our code knowing.
func (s *Sim) ConsoleCancel(paymentKey string, amount int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[paymentKey]
	switch {
	case p == nil || p.balance == 0:
		return errors.New("tosssim: there is nothing to cancel")
	case amount < 0 || amount > p.balance:
		return errors.New("tosssim: the payment does not hold that much")
	case amount == 0:
		amount = p.balance
	}
	s.giveBack(p, amount, cancelRequest{CancelReason: "console"})
	return nil
}

// giveBack moves money back. The caller holds mu and has checked that there is
// enough.
func (s *Sim) giveBack(p *payment, amount int64, req cancelRequest) {
	now := s.now()
	p.balance, p.canceledAt = p.balance-amount, now
	// Partial cancels that add up to the whole leave PARTIAL_CANCELED with
	// balance 0 (measured on the test server, 2026-08).
	p.status = partialCanceled
	if amount == p.amount {
		p.status = canceled
	}
	p.lastTransaction = s.id("transaction")
	p.cancels = append(p.cancels, cancelBody{
		CancelAmount:     amount,
		CancelReason:     req.CancelReason,
		TaxFreeAmount:    req.TaxFreeAmount,
		RefundableAmount: p.balance,
		CanceledAt:       timestamp(now),
		TransactionKey:   p.lastTransaction,
		CancelStatus:     "DONE",
		CancelRequestID:  req.CancelRequestID,
	})
	s.note(p)
	s.Ledger.Add(ledger.Entry{Provider: Provider, Kind: ledger.Cancel, OrderID: p.orderID, Amount: amount, At: now})
	s.notify(p)
}
