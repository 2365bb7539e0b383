package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestNamesAreExact: a name is what the documentation says, letter for letter, and comes once, at every level. {"amount":15000,"AMOUNT":100}
// was an order of 100 won.
func TestNamesAreExact(t *testing.T) {
	t.Parallel()
	const order = `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt","customer":{"name":"Kim"},"toss":{"useInternationalCardOnly":true},"language":"en"}`
	for name, c := range map[string]struct{ old, new, code, field string }{
		"another case beside it":       {`}`, `,"AMOUNT":100}`, "UNKNOWN_FIELD", "AMOUNT"},
		"another case before it":       {`{`, `{"Amount":100,`, "UNKNOWN_FIELD", "Amount"},
		"another case alone":           {`"amount"`, `"aMount"`, "UNKNOWN_FIELD", "aMount"},
		"folded by Unicode":            {`"currency"`, `"currenc\u0059"`, "UNKNOWN_FIELD", "currencY"},
		"the long s":                   {`"customer"`, `"cu\u017ftomer"`, "UNKNOWN_FIELD", "cuſtomer"},
		"twice, the same":              {`"amount":15000`, `"amount":15000,"amount":15000`, "DUPLICATE_FIELD", "amount"},
		"twice, different":             {`}`, `,"amount":100}`, "DUPLICATE_FIELD", "amount"},
		"twice by an escape":           {`}`, `,"am\u006funt":100}`, "DUPLICATE_FIELD", "amount"},
		"twice, the first null":        {`{`, `{"amount":null,`, "DUPLICATE_FIELD", "amount"},
		"twice, an object":             {`}`, `,"customer":{}}`, "DUPLICATE_FIELD", "customer"},
		"inside, another case":         {`{"name":"Kim"}`, `{"Name":"Kim"}`, "UNKNOWN_FIELD", "customer.Name"},
		"inside, twice":                {`{"name":"Kim"}`, `{"name":"Kim","name":"Lee"}`, "DUPLICATE_FIELD", "customer.name"},
		"inside the options, twice":    {`true}`, `true,"useInternationalCardOnly":false}`, "DUPLICATE_FIELD", "toss.useInternationalCardOnly"},
		"inside the options, unknown":  {`true}`, `true,"x":1}`, "UNKNOWN_FIELD", "toss.x"},
		"Go's own names":               {`"orderId"`, `"OrderID"`, "UNKNOWN_FIELD", "OrderID"},
		"an object where none belongs": {`"en"}`, `{"a":1,"a":2}}`, "DUPLICATE_FIELD", "language.a"},
		"nested without end":           {`"en"`, strings.Repeat("[", 20000), "INVALID_JSON", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "https://pay.example")
			at := strings.LastIndex(order, c.old)
			if c.old == "{" {
				at = 0
			}
			text := order[:at] + c.new + order[at+len(c.old):]
			response := call(t, h.merchant, event("POST /orders", "", text))
			var got struct {
				Error struct{ Code, Field, Message string }
			}
			if err := json.Unmarshal([]byte(response.Body), &got); err != nil || response.StatusCode != http.StatusBadRequest ||
				got.Error.Code != c.code || got.Error.Field != c.field {
				t.Errorf("%s\n%d %s, want 400 %s %s", text, response.StatusCode, response.Body, c.code, c.field)
			}
		})
	}
	h := newHouse(t, "https://pay.example")
	if response := answer(t, h.merchant, event("POST /orders", "", "\xef\xbb\xbf"+order)); response.StatusCode != http.StatusCreated {
		t.Errorf("a byte order mark, which says nothing: %d %s", response.StatusCode, response.Body)
	}
	for what, name := range map[string]string{"EUC-KR": "\xb0\xa1\xb9\xe6", "one byte of it": "T-shirt \xb0"} {
		response := answer(t, h.merchant, event("POST /orders", "", strings.Replace(order, "T-shirt", name, 1)))
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(response.Body, "must be UTF-8") {
			t.Errorf("a body in %s: %d %s", what, response.StatusCode, response.Body)
		}
	}
	lost := strings.Replace(order, "T-shirt", "\ufffd\ufffd", 1) // the same after somebody on the way has repaired it
	if response := call(t, h.merchant, event("POST /orders", "", lost)); response.StatusCode != http.StatusBadRequest || !strings.Contains(response.Body, `"field":"name"`) {
		t.Errorf("a name of nothing but replacements: %d %s", response.StatusCode, response.Body)
	}
	twice := event("POST /subscriptions", "", subscribe)
	twice.Headers["content-type"] = "application/json, application/json; charset=utf-8"
	if response := call(t, h.merchant, twice); response.StatusCode != http.StatusCreated {
		t.Errorf("the content type twice: %d %s", response.StatusCode, response.Body)
	}
	twice.Headers["content-type"] = "application/json, text/plain"
	if response := call(t, h.merchant, twice); response.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("two content types: %d %s", response.StatusCode, response.Body)
	}
	plan := event("POST /subscriptions", "", strings.Replace(subscribe, `"amount":9900`, `"amount":9900,"amount":1`, 1))
	if response := call(t, h.merchant, plan); response.StatusCode != http.StatusBadRequest || !strings.Contains(response.Body, `"field":"plan.amount"`) {
		t.Errorf("a plan's price twice: %d %s", response.StatusCode, response.Body)
	}
}

// FuzzNames: whatever a body looks like, an order that is made has exactly the amount that every reader of JSON sees in it.
func FuzzNames(f *testing.F) {
	f.Add(`{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`)
	f.Add(`{"orderId":"order-1","provider":"toss","amount":15000,"AMOUNT":100,"currency":"KRW","name":"T-shirt"}`)
	f.Add(`{"orderId":"order-1","provider":"toss","amount":100,"currency":"KRW","name":"T","customer":{"id":"x","id":"y"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		h := newHouse(t, "https://pay.example")
		response := answer(t, h.merchant, event("POST /orders", "", text))
		if response.StatusCode == http.StatusBadRequest {
			return
		}
		var sent map[string]any
		var made struct{ Amount float64 }
		if json.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &sent) != nil || json.Unmarshal([]byte(response.Body), &made) != nil {
			t.Fatalf("%d %s", response.StatusCode, response.Body)
		}
		names := 0
		for name := range sent {
			if strings.EqualFold(name, "amount") {
				names++
			}
		}
		if sent["amount"] != made.Amount || names != 1 {
			t.Errorf("%s made %s", text, response.Body)
		}
	})
}
