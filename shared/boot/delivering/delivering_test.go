package delivering

import (
	"io"
	"strings"
	"testing"
)

// TestSAMLocalIsNotForgotten: in `sam local` the function would reach the developer's own queue and secret.
func TestSAMLocalIsNotForgotten(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"AWS_SAM_LOCAL": "true", "MERCHANT_WEBHOOK_URL": "https://shop.example/hooks", "MERCHANT_WEBHOOK_SECRET_ID": "secret",
		"DELIVERY_QUEUE_URL": "DeliveryQueue",
	}
	_, err := Door(func(name string) string { return values[name] }, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_SQS") {
		t.Errorf("deliver: %v", err)
	}
}

// TestPlainWebhook: `sam local` reaches a shop's server on this machine without TLS. A deployed function never sends
// what happened to money in the clear.
func TestPlainWebhook(t *testing.T) {
	t.Parallel()
	for local, refused := range map[string]bool{"true": false, "": true} {
		values := map[string]string{
			"AWS_SAM_LOCAL": local, "MERCHANT_WEBHOOK_URL": "http://host.docker.internal:3011/sim/shop", "MERCHANT_WEBHOOK_SECRET_ID": "secret",
			"DELIVERY_QUEUE_URL": "DeliveryQueue", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1",
		}
		_, err := Door(func(name string) string { return values[name] }, io.Discard)
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "https://") {
			t.Errorf("sam local %q: %v", local, err)
		}
	}
}
