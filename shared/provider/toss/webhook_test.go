package toss_test

import (
	"errors"
	"strings"
	"testing"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
)

func TestParseWebhook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want provider.Hint
	}{
		"payment": {`{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"2026-01-02T14:46:59.65327","data":{"paymentKey":"key-1","orderId":"order-1","status":"DONE","secret":null,"more":{}}}`,
			provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Number: "order-1", Key: "key-1", Status: "DONE"}},
		"deposit, flat": {`{"createdAt":"2026-01-02T14:46:59.65327","secret":"s","status":"DONE","transactionKey":"t","orderId":"order-1"}`,
			provider.Hint{Event: "DEPOSIT_CALLBACK", Number: "order-1", Status: "DONE"}},
		"cancel": {`{"eventType":"CANCEL_STATUS_CHANGED","createdAt":"x","data":{"transactionKey":"t","cancelStatus":"DONE"}}`,
			provider.Hint{Event: "CANCEL_STATUS_CHANGED", Status: "DONE"}},
		"billing key deleted, under data":  {`{"eventType":"BILLING_DELETED","data":{"billingKey":"b","reason":null}}`, provider.Hint{Event: "BILLING_DELETED"}},
		"billing key deleted, at the top":  {`{"eventType":"BILLING_DELETED","billingKey":"b","reason":"x"}`, provider.Hint{Event: "BILLING_DELETED"}},
		"another event, of another shape":  {`{"eventType":"payout.changed","data":["x"]}`, provider.Hint{Event: "OTHER"}},
		"another event in capital letters": {`{"eventType":"SOMETHING_NEW","data":["x"]}`, provider.Hint{Event: "SOMETHING_NEW"}},
		"only the key":                     {`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"paymentKey":"key-1","orderId":null}}`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Key: "key-1"}},
		"a number as a number":             {`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":20261128001,"paymentKey":7,"status":1}}`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Number: "20261128001", Key: "7"}},
		"one field of another type":        {`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"status":{"a":1},"paymentKey":"key-1","orderId":"order-1","card":"x"}}`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Number: "order-1", Key: "key-1"}},
		"the event of another type":        {`{"eventType":["x"],"data":{"orderId":"order-1"}}`, provider.Hint{Event: "OTHER", Number: "order-1"}},
		"a byte order mark":                {"\xef\xbb\xbf" + `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"order-1"}}`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Number: "order-1"}},
		"cut off behind its names":         {`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"order-1","paymentKey":"key-1","ca`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED", Number: "order-1", Key: "key-1"}},
		"another shop's number":            {`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"주문 1","paymentKey":"key-1"}}`, provider.Hint{Event: "PAYMENT_STATUS_CHANGED"}},
		"hostile values are left out": {`{"eventType":"PAYMENT_STATUS_CHANGED\n{","data":{"paymentKey":"../../x","orderId":"order 1","status":"<b>"}}`,
			provider.Hint{Event: "OTHER"}},
	} {
		got, err := toss.ParseWebhook([]byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "null x", "a list": "[]", "a string": `"x"`, "nothing in it": "{}", "a form": "orderId=order-1",
		"a payment's event without a payment": `{"eventType":"PAYMENT_STATUS_CHANGED"}`,
		"another case":                        `{"eventType":"PAYMENT_STATUS_CHANGED","DATA":{"orderId":"order-1"}}`,
		"names of other types":                `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":["order-1"],"paymentKey":{}}}`,
		"cut off before its names":            `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"ord`,
		"no event and no names":               `{"createdAt":"x","data":{"status":"DONE"}}`,
	} {
		if got, err := toss.ParseWebhook([]byte(body)); !errors.Is(err, toss.ErrWebhook) || got != (provider.Hint{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// FuzzParseWebhook: whatever comes, a hint holds nothing that a log or a path could be tricked with.
func FuzzParseWebhook(f *testing.F) {
	f.Add(`{"eventType":"PAYMENT_STATUS_CHANGED","data":{"paymentKey":"key-1","orderId":"order-1","status":"DONE"}}`)
	f.Add(`{"orderId":"order-1","status":"DONE"}`)
	f.Add("\xef\xbb\xbf" + `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":7,"paymentKey":"k`)
	f.Add(`{"eventType":["x"],"data":{"paymentKey":{}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		h, err := toss.ParseWebhook([]byte(body))
		if err != nil && h != (provider.Hint{}) {
			t.Errorf("%+v beside %v", h, err)
		}
		for _, s := range []string{h.Event, h.Status, h.Number, h.Key} {
			if strings.ContainsAny(s, "/\\\n\r\"<> ") || len(s) > 200 {
				t.Errorf("hint %+v", h)
			}
		}
	})
}
