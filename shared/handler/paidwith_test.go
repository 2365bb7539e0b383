package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tosspay-sam/shared/order"
)

// TestPaidWith: how an order was paid is in GET /orders/{orderId}, in GET /orders and on the result page in the reader's language.
func TestPaidWith(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		with order.PaidWith
		json string
		page map[string]string
	}{
		"the provider says nothing": {json: `{}`, page: map[string]string{"en": "Payment complete"}},
		"a foreign card": {
			order.PaidWith{Method: "카드", Card: order.Card{Issuer: "4V", Company: "Visa", Number: "40000000****109*"}},
			`{"method":"카드","card":{"issuerCode":"4V","company":"Visa","number":"40000000****109*","installmentMonths":0}}`,
			map[string]string{"en": ">Visa ****109*<", "ko": ">결제수단<"},
		},
		"a card in a wallet, in instalments, with points": {
			order.PaidWith{Method: "간편결제", Card: order.Card{Issuer: "71", Company: "롯데", Number: "12345678****000*", Months: 3}, EasyPay: order.EasyPay{Provider: "토스페이", Discount: 500}},
			`{"method":"간편결제","card":{"issuerCode":"71","company":"롯데","number":"12345678****000*","installmentMonths":3},"easyPay":{"provider":"토스페이","amount":0,"discountAmount":500}}`,
			map[string]string{"en": ">Toss Pay · 롯데 ****000* · 3 monthly installments<", "ko": ">토스페이 · 롯데 ****000* · 3개월 할부<"},
		},
		"a wallet's balance": {
			order.PaidWith{Method: "간편결제", EasyPay: order.EasyPay{Provider: "토스페이", Amount: 15000}},
			`{"method":"간편결제","easyPay":{"provider":"토스페이","amount":15000,"discountAmount":0}}`,
			map[string]string{"ja": ">Toss Pay（トスペイ）<", "zh": ">Toss Pay（韩国钱包）<"},
		},
		"Toss Pay by PortOne": {
			order.PaidWith{Method: "tosspay", Card: order.Card{Issuer: "366", Company: "신한카드", Number: "559410*********4", Months: 6}},
			`{"method":"tosspay","card":{"issuerCode":"366","company":"신한카드","number":"559410*********4","installmentMonths":6}}`,
			map[string]string{"en": ">Toss Pay · 신한카드 ****4 · 6 monthly installments<"},
		},
	} {
		h := newHouse(t, "https://pay.example")
		h.provider.method = test.with.Text()
		h.create(t, body)
		if paid := call(t, h.confirm, success(good)); paid.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", name, paid.StatusCode, paid.Body)
		}
		for language, want := range test.page {
			page := call(t, h.confirm, success(good+"&lang="+language))
			if !strings.Contains(page.Body, want) {
				t.Errorf("%s: the page in %s does not hold %q", name, language, want)
			}
		}
		read := call(t, h.merchant, event("GET /orders/{orderId}", "", "", "orderId", "order-1"))
		listed := call(t, h.merchant, event("GET /orders", "day="+today(), ""))
		var one struct{ Payment map[string]json.RawMessage }
		var all struct {
			Orders []struct{ Payment map[string]json.RawMessage }
		}
		if json.Unmarshal([]byte(read.Body), &one) != nil || json.Unmarshal([]byte(listed.Body), &all) != nil || len(all.Orders) != 1 {
			t.Fatalf("%s: %s %s", name, read.Body, listed.Body)
		}
		for where, payment := range map[string]map[string]json.RawMessage{"GET /orders/{orderId}": one.Payment, "GET /orders": all.Orders[0].Payment} {
			got, want := map[string]json.RawMessage{}, map[string]json.RawMessage{}
			if err := json.Unmarshal([]byte(test.json), &want); err != nil {
				t.Fatal(err)
			}
			for _, field := range []string{"method", "card", "easyPay"} {
				if payment[field] != nil {
					got[field] = payment[field]
				}
			}
			for field := range payment {
				if string(got[field]) != string(want[field]) {
					t.Errorf("%s: %s: %s is %s, want %s", name, where, field, got[field], want[field])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: %s shows %s, want %s", name, where, got, test.json)
			}
		}
	}
}
