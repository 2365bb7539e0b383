package boot

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

// TestWebhookAddressOfOneOrder: PortOne's window carries an address of its own order. It makes us ask about that order, and about no other;
// anything else that comes there finds nothing, asks nobody and raises no alarm.
func TestWebhookAddressOfOneOrder(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := partsOf(t, &log)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, id := range []string{"order-1", "order-2"} {
		o := order.New(order.Order{ID: id, Provider: "portone", Mode: "test", Amount: money.Amount{Value: 15000, Currency: "KRW"}, Name: "T-shirt",
			LinkToken: "link-token-of-" + id, CreatedAt: p.Now(), ExpiresAt: p.Now().Add(time.Hour)})
		if _, err := p.Store.Create(ctx, o); err != nil {
			t.Fatal(err)
		}
	}
	door := p.Webhook()
	const about1 = `{"imp_uid":"imp_1","merchant_uid":"order-1","status":"paid"}`
	for _, tc := range []struct {
		name, provider, token, body string
		noted                       bool
	}{
		{"the order's own", "portone", "link-token-of-order-1", about1, true},
		{"the deployment's", "portone", "token-1", about1, true},
		{"another order's", "portone", "link-token-of-order-2", about1, false},
		{"a guess", "portone", "link-token-of-order-9", about1, false},
		{"an order that does not exist", "portone", "link-token-of-order-1", strings.ReplaceAll(about1, "order-1", "order-9"), false},
		{"a key that does not exist", "portone", "link-token-of-order-1", strings.ReplaceAll(about1, "order-1", "order-1--key1"), false},
		{"a key alone", "portone", "link-token-of-order-1", `{"imp_uid":"imp_1"}`, false},
		{"no webhook", "portone", "link-token-of-order-1", "hello", false},
		{"too large", "portone", "link-token-of-order-1", strings.Repeat("x", 1<<20), false},
		{"Toss Payments'", "toss", "link-token-of-order-1", `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"order-1"}}`, false},
		{"the digest itself", "portone", p.Webhooks.TokenSHA256, about1, false},
	} {
		log.Reset()
		r := ask(t, door, "POST /webhooks/"+tc.provider+"/{webhookToken}", tc.body, "webhookToken", tc.token)
		said := log.String()
		if noted := strings.Contains(said, "webhook.received"); noted != tc.noted || !noted && r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: noted %t, answered %d %s", tc.name, noted, r.StatusCode, r.Body)
		}
		if !tc.noted && (strings.Contains(said, "provider.answer") || strings.Contains(said, "webhook.unreadable")) || strings.Contains(said, "link-token-of") {
			t.Errorf("%s: somebody is asked, an alarm that anybody can raise, or a link token in the log:\n%s", tc.name, said)
		}
	}
}

// TestNoWebhookToken: a deployment without a token has no webhook address of its own, not even the empty one.
func TestNoWebhookToken(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := partsOf(t, &log, "WEBHOOK_TOKEN_SHA256", "-")
	for _, token := range []string{"", "token-1", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"} {
		r := ask(t, p.Webhook(), "POST /webhooks/toss/{webhookToken}", `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"order-1"}}`, "webhookToken", token)
		if r.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d, want 404", token, r.StatusCode)
		}
	}
}
