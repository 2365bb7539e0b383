package handler

import (
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/web"
)

// paidWithBody is how a payment was paid, as far as the provider says. A payment has a card, a wallet, both or neither.
type paidWithBody struct {
	Method  string       `json:"method,omitempty"`
	Card    *cardBody    `json:"card,omitempty"`
	EasyPay *easyPayBody `json:"easyPay,omitempty"`
}

type cardBody struct {
	IssuerCode        string `json:"issuerCode,omitempty"`
	Company           string `json:"company,omitempty"`
	Number            string `json:"number,omitempty"` // masked
	InstallmentMonths int    `json:"installmentMonths"`
}

type easyPayBody struct {
	Provider       string `json:"provider,omitempty"`
	Amount         int64  `json:"amount"`
	DiscountAmount int64  `json:"discountAmount"`
}

func paidWithOf(p order.PaidWith) paidWithBody {
	b := paidWithBody{Method: p.Method}
	if p.Card != (order.Card{}) {
		b.Card = &cardBody{p.Card.Issuer, p.Card.Company, p.Card.Number, p.Card.Months}
	}
	if p.EasyPay != (order.EasyPay{}) {
		b.EasyPay = &easyPayBody{p.EasyPay.Provider, p.EasyPay.Amount, p.EasyPay.Discount}
	}
	return b
}

// shownMethods are the providers' words for payment methods that a buyer may read in the page's language
// (docs.tosspayments.com/reference and developers.portone.io/api/rest-v1, 2026-11). Another word is shown as it is.
var shownMethods = map[string]web.PayMethod{
	"카드": web.MethodCard, "card": web.MethodCard, "계좌이체": web.MethodTransfer, "trans": web.MethodTransfer,
	"가상계좌": web.MethodVirtualAccount, "vbank": web.MethodVirtualAccount,
	"휴대폰": web.MethodPhone, "phone": web.MethodPhone, "간편결제": web.MethodWallet,
	"토스페이": web.MethodTossPay, "tosspay": web.MethodTossPay,
	"tosspay_card": web.MethodTossPay, "tosspay_money": web.MethodTossPay,
}

// shownPaidWith is how a payment was paid in the page's words.
func shownPaidWith(p order.PaidWith) web.PaidWith {
	word := func(s string) web.PayMethod {
		if known, ok := shownMethods[s]; ok {
			return known
		}
		return web.PayMethod(s)
	}
	return web.PaidWith{
		Method: word(p.Method), Wallet: word(p.EasyPay.Provider), Discount: p.EasyPay.Discount,
		Company: p.Card.Company, Masked: p.Card.Number, Months: p.Card.Months,
	}
}
