package publishing

import (
	"io"
	"strings"
	"testing"
)

// TestSAMLocalIsNotForgotten: in `sam local` the function would reach the developer's own bus and queue.
func TestSAMLocalIsNotForgotten(t *testing.T) {
	t.Parallel()
	values := map[string]string{"AWS_SAM_LOCAL": "true", "EVENT_BUS": "EventBus"}
	_, err := Door(func(name string) string { return values[name] }, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_EVENTBRIDGE") {
		t.Errorf("publish: %v", err)
	}
}
