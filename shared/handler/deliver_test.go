package handler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/telemetry"
)

// hidden remembers what was hidden for how long.
type hidden struct {
	mu     sync.Mutex
	pauses map[string]time.Duration
	err    error
}

func (h *hidden) Later(_ context.Context, receipt string, pause time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pauses[receipt] = pause
	return h.err
}

// TestDeliver: what was delivered, or is gone, leaves the queue; everything else stays for its pause, also what is no event at all.
func TestDeliver(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := strings.Split(r.Header.Get("webhook-id"), "/")[1]; n != "order-200" {
			status := 0
			_, _ = fmt.Sscanf(n, "order-%d", &status)
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(server.Close)
	key, err := deliver.ParseKey(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32)))
	if err != nil {
		t.Fatal(err)
	}
	sender := &deliver.Sender{URL: server.URL + "/hook?token=theirs", Client: deliver.NewClient(true), Now: time.Now, Keys: func(context.Context) ([]deliver.Key, error) { return []deliver.Key{key}, nil }}
	var logs bytes.Buffer
	later := &hidden{pauses: map[string]time.Duration{}, err: errors.New("SQS is down")}
	door := handler.Deliver(sender, later, telemetry.New(&logs, "debug"))
	message := func(name, tries string) events.SQSMessage {
		body := fmt.Sprintf(`{"id":"order/%s/3/paid","type":"order.paid","data":{"order":{"customerId":"customer-7"}}}`, name)
		if name == "junk" {
			body = "{"
		}
		return events.SQSMessage{MessageId: name, ReceiptHandle: name, Body: body, Attributes: map[string]string{"ApproximateReceiveCount": tries}}
	}
	response, err := door(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		message("order-200", "1"), message("order-500", "1"), message("order-410", "3"), message("order-503", "6"), message("junk", "2"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(response.BatchItemFailures); got != "[{order-500} {order-503} {junk}]" {
		t.Errorf("failed: %s", got)
	}
	for receipt, tries := range map[string]int{"order-500": 1, "order-503": 6, "junk": 2} {
		id := "order/" + receipt + "/3/paid"
		if receipt == "junk" {
			id = ""
		}
		if got, want := later.pauses[receipt], deliver.Pause(tries, id); got != want {
			t.Errorf("%s is hidden for %s, want %s", receipt, got, want)
		}
	}
	if len(later.pauses) != 3 || strings.Count(logs.String(), `"event":"notify.gone"`) != 1 || strings.Count(logs.String(), `"event":"webhook.delivered"`) != 1 {
		t.Errorf("hidden %v, logged %s", later.pauses, logs.String())
	}
	for _, private := range []string{"theirs", "customer-7", "v1,"} {
		if strings.Contains(logs.String(), private) {
			t.Errorf("the log holds %q: %s", private, logs.String())
		}
	}
	sender.Keys = func(context.Context) ([]deliver.Key, error) { return nil, errors.New("denied") }
	response, err = door(t.Context(), events.SQSEvent{Records: []events.SQSMessage{message("order-200", "1")}})
	if err != nil || len(response.BatchItemFailures) != 1 || !strings.Contains(logs.String(), `"event":"config.error"`) {
		t.Errorf("without a key: %v, %v, logged %s", response, err, logs.String())
	}
}
