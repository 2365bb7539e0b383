package web

import (
	"strconv"
	"strings"
)

// PayMethod is a payment method. One that has no name in the catalogue is shown as it is.
type PayMethod string

// The payment methods that have names.
const (
	MethodCard           PayMethod = "method-card"
	MethodTransfer       PayMethod = "method-transfer"
	MethodVirtualAccount PayMethod = "method-virtual-account"
	MethodPhone          PayMethod = "method-phone"
	MethodWallet         PayMethod = "method-wallet"
	MethodTossPay        PayMethod = "method-toss-pay"
)

// PayMethods lists them.
func PayMethods() []PayMethod {
	return []PayMethod{MethodCard, MethodTransfer, MethodVirtualAccount, MethodPhone, MethodWallet, MethodTossPay}
}

// PaidWith is how a payment was paid. Empty values are not shown.
type PaidWith struct {
	Method   PayMethod // shown unless a card or a wallet says more
	Wallet   PayMethod // the wallet's name
	Company  string    // of the card
	Masked   string    // the card's masked number; one that is not masked is not shown
	Months   int       // of instalments
	Discount int64     // paid with points, in the smallest unit of the order's currency
}

// paidRows says how a payment was paid, such as "Toss Pay · Visa ****109* · 3 monthly instalments".
func paidRows(words *catalog, language Language, p PaidWith, currency string) []row {
	name := func(m PayMethod) string {
		if known, ok := words.PayMethods[m]; ok {
			return known
		}
		return string(m)
	}
	card := strings.TrimSpace(p.Company + " " + cardEnd(p.Masked))
	parts := paragraphs(name(p.Wallet), card)
	if p.Wallet == "" && (card == "" || p.Method == MethodTossPay) {
		parts = paragraphs(name(p.Method), card)
	}
	if p.Months > 1 {
		parts = append(parts, fill(words.Installments, "{months}", strconv.Itoa(p.Months)))
	}
	var rows []row
	if len(parts) > 0 {
		rows = append(rows, row{Label: words.Means, Value: strings.Join(parts, " · ")})
	}
	if p.Discount > 0 && currency != "" {
		rows = append(rows, row{Label: words.PaidByPoints, Value: amountText(p.Discount, currency, language)})
	}
	return rows
}

// cardEnd is what tells a buyer which card it was: what stands behind the digits that a masked number begins with. Those name a bank, and whoever
// has the page's address has the page.
func cardEnd(masked string) string {
	end := strings.TrimLeft(maskedNumber(masked), "0123456789- ")
	if end == "" {
		return ""
	}
	return "****" + strings.TrimLeft(end, "*-")
}
