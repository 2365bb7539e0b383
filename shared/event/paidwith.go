package event

import "tosspay-sam/shared/order"

// PaidWith is how the order was paid, as far as the provider says. It has no card number, not even a masked one: an event may go to a chat.
// GET /orders/{orderId} has it.
type PaidWith struct {
	Method  string   `json:"method,omitempty"` // the provider's word
	Card    *Card    `json:"card,omitempty"`
	EasyPay *EasyPay `json:"easyPay,omitempty"`
}

// Card is whose card it was.
type Card struct {
	IssuerCode        string `json:"issuerCode,omitempty"`
	Company           string `json:"company,omitempty"`
	InstallmentMonths int    `json:"installmentMonths"`
}

// EasyPay is the wallet, with what of the amount it paid itself and what its points paid.
type EasyPay struct {
	Provider       string `json:"provider,omitempty"`
	Amount         int64  `json:"amount"`
	DiscountAmount int64  `json:"discountAmount"`
}

// withPayment adds how the order was paid.
func (shown Order) withPayment(o order.Order) *Order {
	p := o.Capture.PaidWith()
	if p == (order.PaidWith{}) {
		return &shown
	}
	shown.PaidWith = &PaidWith{Method: p.Method}
	if p.Card != (order.Card{}) {
		shown.PaidWith.Card = &Card{p.Card.Issuer, p.Card.Company, p.Card.Months}
	}
	if p.EasyPay != (order.EasyPay{}) {
		shown.PaidWith.EasyPay = &EasyPay{p.EasyPay.Provider, p.EasyPay.Amount, p.EasyPay.Discount}
	}
	return &shown
}
