package order

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PaidWith is how a payment was paid. No decision rests on it: it is for people. What the provider does not say is
// empty.
type PaidWith struct {
	Method  string // the provider's word, such as 카드 and 간편결제 (Toss Payments) or tosspay (PortOne)
	Card    Card
	EasyPay EasyPay
}

// Card is what may be shown of a card.
type Card struct {
	Issuer  string // the provider's code of the card company: Toss Payments 4V, PortOne 366
	Company string // its name
	Number  string // masked: see Masked
	Months  int    // of instalments; 0 for a lump sum
}

// EasyPay is a wallet. Of a payment with a card that is registered in it both amounts are 0
// (docs.tosspayments.com/guides/v2/easypay-response, 2026-11). They are in the smallest unit of the currency.
type EasyPay struct {
	Provider string // the provider's name of the wallet, such as 토스페이
	Amount   int64  // paid from its account or balance
	Discount int64  // paid with its points and coupons
}

// paidWithMax bounds each text. The longest that is documented is far shorter; one that is longer is left out.
const paidWithMax = 60

// Text is what the core carries along in Capture.Method and stores: the fields divided by |, without the empty ones at
// the end, so that a payment of which only the method is known is its word. An unmasked card number is left out,
// wherever it stood.
//
//	method | issuer | company | number | months | wallet | amount | discount
func (p PaidWith) Text() string {
	number := func(n int64) string {
		if n <= 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	return strings.TrimRight(strings.Join([]string{
		shownText(p.Method),
		shownText(p.Card.Issuer), shownText(p.Card.Company), Masked(p.Card.Number), number(int64(p.Card.Months)),
		shownText(p.EasyPay.Provider), number(p.EasyPay.Amount), number(p.EasyPay.Discount),
	}, "|"), "|")
}

// ReadPaidWith undoes Text.
func ReadPaidWith(text string) PaidWith {
	fields := strings.Split(text, "|")
	field := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return ""
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(field(i), 10, 64)
		if err != nil {
			return 0
		}
		return max(n, 0)
	}
	return PaidWith{
		Method:  field(0),
		Card:    Card{Issuer: field(1), Company: field(2), Number: field(3), Months: int(number(4))},
		EasyPay: EasyPay{Provider: field(5), Amount: number(6), Discount: number(7)},
	}
}

// PaidWith is how the order was paid.
func (c Capture) PaidWith() PaidWith { return ReadPaidWith(c.Method) }

// maskedDigitsMax is how much of a card number may be stored and shown: its first eight and last four digits (PCI SSC,
// FAQ 1091, truncation formats). Whole ones have thirteen or more.
const maskedDigitsMax = 12

// Masked returns a masked card number as the provider wrote it. It returns "" for one that is not masked, which must be
// neither stored nor shown.
func Masked(number string) string {
	visible := strings.IndexFunc(number, func(r rune) bool { return r <= ' ' || r > '~' || r == '|' }) < 0
	n := digits(number)
	whole := n > maskedDigitsMax || n == len(number)
	if !visible || whole || len(number) > 40 {
		return ""
	}
	return number
}

// shownText leaves out what is too long or might be a card number. What divides the fields or controls a terminal
// becomes a space.
func shownText(s string) string {
	if len(s) > paidWithMax || !utf8.ValidString(s) || digits(s) > maskedDigitsMax {
		return ""
	}
	return strings.TrimLeft(strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '|' || !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)), "= ") // what begins with = is the store's
}

func digits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
