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
