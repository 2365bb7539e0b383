package web

import (
	"strings"
	"testing"
)

func TestResultShowsHowItWasPaid(t *testing.T) {
	t.Parallel()
	visa := PaidWith{Method: MethodCard, Company: "Visa", Masked: "40000000****109*"}
	wallet := PaidWith{Method: MethodWallet, Wallet: MethodTossPay, Company: "롯데", Masked: "12345678****000*", Months: 3, Discount: 1500}
	for _, test := range []struct {
		name     string
		language Language
		with     PaidWith
		want     []string
	}{
		{"a foreign card", English, visa, []string{"Payment method</dt><dd><bdi>Visa ****109*<"}},
		{"a wallet, in instalments, with points", English, wallet, []string{
			"Toss Pay · 롯데 ****000* · 3 monthly installments<", "Points and discounts</dt><dd><bdi>₩1,500 KRW<",
		}},
		{"the same in Korean", Korean, wallet, []string{"토스페이 · 롯데 ****000* · 3개월 할부<", "<bdi>1,500원<"}},
		{"the same in Japanese", Japanese, wallet, []string{"分割払い（3か月）<"}},
		{"the same in Chinese", Chinese, wallet, []string{"分3期付款<"}},
		{"Toss Pay by PortOne", English, PaidWith{Method: MethodTossPay, Company: "신한카드", Masked: "559410*********4"}, []string{"<bdi>Toss Pay · 신한카드 ****4<"}},
		{"a balance", English, PaidWith{Method: MethodWallet, Wallet: "SomePay"}, []string{"<bdi>SomePay<"}},
		{"a method alone", Korean, PaidWith{Method: MethodTransfer}, []string{"결제수단</dt><dd><bdi>계좌이체<"}},
		{"a method of tomorrow", English, PaidWith{Method: "<b>moon</b>"}, []string{"<bdi>&lt;b&gt;moon&lt;/b&gt;<"}},
		{"a lump sum", English, PaidWith{Company: "JCB", Months: 1}, []string{"<bdi>JCB<"}},
	} {
		for _, state := range ResultStates() {
			view := resultView(state, test.language)
			view.MeansBrand, view.MeansMasked, view.PaidWith, view.ReceiptURL = "", "", test.with, "https://receipt.example/r?id=1"
			page := Result(view)
			shown := state == ResultPaid || state == ResultRefunded
			for _, want := range test.want {
				if strings.Contains(string(page.Body), want) != shown {
					t.Errorf("%s: %s: %q is shown: %t, want %t", test.name, state, want, !shown, shown)
				}
			}
			if strings.Contains(string(page.Body), `href="https://receipt.example/r?id=1"`) != shown {
				t.Errorf("%s: %s: the receipt's link: want %t", test.name, state, shown)
			}
		}
	}
	for name, view := range map[string]ResultView{
		"a card number that is not masked": {PaidWith: PaidWith{Company: "Visa", Masked: "4000000000000109"}},
		"a receipt that is no address":     {ReceiptURL: "javascript:alert(4000000000000109)"},
	} {
		view.State, view.Language = ResultPaid, English
		if page := Result(view); strings.Contains(string(page.Body), "4000000000000109") {
			t.Errorf("%s is shown", name)
		}
	}
}
