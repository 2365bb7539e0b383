package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const anonymous = `{"provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`

const anonymousSubscription = `{"customerId":"customer-1","plan":{"amount":9900,"currency":"KRW","name":"Plan","interval":"month"}}`

// TestIdempotencyKeyNamesARequest: the same key is the same order, whatever is sent with it; another key is another order.
func TestIdempotencyKeyNamesARequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ route, body, other, id, exists string }{
		{"POST /orders", anonymous, strings.Replace(anonymous, "15000", "100", 1), "orderId", "ORDER_EXISTS"},
		{"POST /subscriptions", anonymousSubscription, strings.Replace(anonymousSubscription, "9900", "100", 1), "subscriptionId", "SUBSCRIPTION_EXISTS"},
	} {
		h := newHouse(t, "https://pay.example")
		send := func(key, body string) (status int, id, code string) {
			r := event(tc.route, "", body)
			r.Headers["idempotency-key"] = key
			response := call(t, h.merchant, r)
			var out struct {
				OrderID, SubscriptionID string
				Error                   struct{ Code, Field string }
			}
			if err := json.Unmarshal([]byte(response.Body), &out); err != nil {
				t.Fatal(err)
			}
			return response.StatusCode, out.OrderID + out.SubscriptionID, out.Error.Code + out.Error.Field
		}
		status, first, _ := send("8e03978e-40d5-43dd-bc93-6894a57f9324", tc.body)
		if status != http.StatusCreated || !strings.HasPrefix(first, "key_") {
			t.Errorf("%s: %d %s", tc.route, status, first)
		}
		if status, id, _ := send("8e03978e-40d5-43dd-bc93-6894a57f9324", tc.body); status != http.StatusOK || id != first {
			t.Errorf("%s again: %d %s, want %s", tc.route, status, id, first)
		}
		if status, _, code := send("8e03978e-40d5-43dd-bc93-6894a57f9324", tc.other); status != http.StatusConflict || code != tc.exists+tc.id {
			t.Errorf("%s, another request: %d %s", tc.route, status, code)
		}
		if status, id, _ := send("8e03978e-40d5-43dd-bc93-6894a57f9325", tc.body); status != http.StatusCreated || id == first {
			t.Errorf("%s, another key: %d %s", tc.route, status, id)
		}
		for _, key := range []string{"", strings.Repeat("k", 256), "line\nbreak", "열쇠"} {
			if status, _, code := send(key, tc.body); status != http.StatusBadRequest || code != "INVALID_FIELDIdempotency-Key" {
				t.Errorf("%s with key %.10q: %d %s", tc.route, key, status, code)
			}
		}
		named := strings.Replace(tc.body, "{", `{"`+tc.id+`":"named-01",`, 1)
		if status, id, _ := send("\x00", named); status != http.StatusCreated || id != "named-01" {
			t.Errorf("%s with an id of its own: %d %s", tc.route, status, id)
		}
	}
}

func TestEveryAnswerNamesItsRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	for route, door := range map[string]func() map[string]string{
		"merchant": func() map[string]string { return call(t, h.merchant, event("POST /orders", "", "{}")).Headers },
		"webhook":  func() map[string]string { return answer(t, h.webhook, event("DELETE /orders", "", "")).Headers },
		"confirm":  func() map[string]string { return answer(t, h.confirm, success("x")).Headers },
	} {
		if got := door()["X-Request-Id"]; got != "request-7" {
			t.Errorf("%s: X-Request-Id is %q", route, got)
		}
	}
}
