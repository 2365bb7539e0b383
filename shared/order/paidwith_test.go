package order_test

import (
	"strings"
	"testing"

	"tosspay-sam/shared/order"
)

func TestPaidWithText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   order.PaidWith
		text string
		want order.PaidWith
	}{
		"nothing":                   {order.PaidWith{}, "", order.PaidWith{}},
		"a method, as before cards": {order.PaidWith{Method: "카드"}, "카드", order.PaidWith{Method: "카드"}},
		"a foreign card": {
			order.PaidWith{Method: "카드", Card: order.Card{Issuer: "4V", Company: "Visa", Number: "40000000****109*"}},
			"카드|4V|Visa|40000000****109*",
			order.PaidWith{Method: "카드", Card: order.Card{Issuer: "4V", Company: "Visa", Number: "40000000****109*"}},
		},
		"a card in instalments in a wallet, with points": {
			order.PaidWith{
				Method: "간편결제", Card: order.Card{Issuer: "71", Company: "롯데", Number: "12345678****000*", Months: 3},
				EasyPay: order.EasyPay{Provider: "토스페이", Discount: 1000},
			},
			"간편결제|71|롯데|12345678****000*|3|토스페이||1000",
			order.PaidWith{
				Method: "간편결제", Card: order.Card{Issuer: "71", Company: "롯데", Number: "12345678****000*", Months: 3},
				EasyPay: order.EasyPay{Provider: "토스페이", Discount: 1000},
			},
		},
		"a wallet's balance": {
			order.PaidWith{Method: "간편결제", EasyPay: order.EasyPay{Provider: "토스페이", Amount: 15000}},
			"간편결제|||||토스페이|15000",
			order.PaidWith{Method: "간편결제", EasyPay: order.EasyPay{Provider: "토스페이", Amount: 15000}},
		},
		"what divides the fields": {
			order.PaidWith{Method: "a|b\nc", Card: order.Card{Company: "\u202eX|", Months: -1}, EasyPay: order.EasyPay{Amount: -5}},
			"a b c||X", order.PaidWith{Method: "a b c", Card: order.Card{Company: "X"}},
		},
		"what is too long": {order.PaidWith{Method: strings.Repeat("x", 61), Card: order.Card{Company: "a\xff"}}, "", order.PaidWith{}},
	} {
		if got := c.in.Text(); got != c.text {
			t.Errorf("%s: %q, want %q", name, got, c.text)
		}
		if got := order.ReadPaidWith(c.text); got != c.want {
			t.Errorf("%s: read as %+v, want %+v", name, got, c.want)
		}
	}
}

// TestNoCardNumberIsKept: a number that the provider forgot to mask is in no field of what is stored.
func TestNoCardNumberIsKept(t *testing.T) {
	t.Parallel()
	for _, number := range []string{
		"4330123412341234", "4330-1234-1234-1234", "433012341234123", "4330 1234 1234 1234", "４３３０１２３４１２３４１２３４", "5555555555554444*", "1234567890123", "123456",
	} {
		whole := order.PaidWith{Card: order.Card{Number: number}}
		if got := whole.Text(); got != "" {
			t.Errorf("%q as a number is kept as %q", number, got)
		}
		if len(number) < 13 {
			continue
		}
		elsewhere := order.PaidWith{Method: number, Card: order.Card{Issuer: number, Company: "Visa " + number}, EasyPay: order.EasyPay{Provider: number}}
		if got := elsewhere.Text(); got != "" {
			t.Errorf("%q elsewhere is kept as %q", number, got)
		}
	}
	for _, masked := range []string{"40000000****109*", "559410*********4", "123456******1234", "5594-10**-****-***4", "****"} {
		if got := order.Masked(masked); got != masked {
			t.Errorf("%q is not kept: %q", masked, got)
		}
	}
}

func FuzzPaidWith(f *testing.F) {
	f.Add("카드", "4V", "Visa", "40000000****109*", 3, "토스페이", int64(1), int64(2))
	f.Add("a|b", "|", "4330123412341234", "4330123412341234", -1, "\x00", int64(-1), int64(1)<<62)
	f.Fuzz(func(t *testing.T, method, issuer, company, number string, months int, wallet string, amount, discount int64) {
		p := order.PaidWith{
			Method: method, Card: order.Card{Issuer: issuer, Company: company, Number: number, Months: months},
			EasyPay: order.EasyPay{Provider: wallet, Amount: amount, Discount: discount},
		}
		text := p.Text()
		read := order.ReadPaidWith(text)
		if again := read.Text(); again != text {
			t.Fatalf("%q is %+v, which is %q", text, read, again)
		}
		if read.Card.Number != "" && read.Card.Number != number {
			t.Fatalf("%q became %q", number, read.Card.Number)
		}
	})
}
