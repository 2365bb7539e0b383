package deploy_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/event/eventtest"
)

const (
	deliveryQueue   = "https://sqs.ap-northeast-2.amazonaws.com/123456789012/deliveries"
	webhookSecretID = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:MerchantWebhookSecret-abc123"
	webhookKey      = "c2VjcmV0b2Z0aGVtZXJjaGFudHN3ZWJob29r" // as the template has it made: letters and digits
)

// toldReplays are the files of events/ that tell the merchant what happened.
var toldReplays = map[string]func(*testing.T, *stage, string){"publish-batch": replayPublish, "deliver-batch": replayDeliver}

// postOffice is EventBridge and SQS for the functions that tell.
type postOffice struct {
	mu     sync.Mutex
	bus    []putEvent
	sent   []string
	hidden map[string]int // seconds, by receipt handle
	down   bool           // the bus
}

type putEvent struct{ EventBusName, Source, DetailType, Detail string }

func (a *postOffice) eventBridge(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var in struct{ Entries []putEvent }
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" || a.down {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not allowed"}`)
		return
	}
	answers := []map[string]string{}
	for _, e := range in.Entries {
		a.bus = append(a.bus, e)
		answers = append(answers, map[string]string{"EventId": "00000000-0000-4000-8000-000000000001"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"FailedEntryCount": 0, "Entries": answers})
}

func (a *postOffice) sqs(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Header.Get("X-Amz-Target") == "AmazonSQS.ChangeMessageVisibility" {
		var in struct {
			QueueUrl, ReceiptHandle string
			VisibilityTimeout       int
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err == nil && in.QueueUrl == deliveryQueue {
			a.hidden[in.ReceiptHandle] = in.VisibilityTimeout
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, "{}")
		return
	}
	a.sent = append(a.sent, takeBatch(w, r, true)...)
}

// replayPublish: what the stream's batch says is on the bus and in the queue, as the schemas have it; and when the bus is down, Lambda is told where
// to begin again.
func replayPublish(t *testing.T, s *stage, name string) {
	aws := &postOffice{}
	change := map[string]string{
		"AWS_ENDPOINT_URL_EVENTBRIDGE": s.serve(http.HandlerFunc(aws.eventBridge)), "AWS_ENDPOINT_URL_SQS": s.serve(http.HandlerFunc(aws.sqs)),
	}
	payload := readTold(t, name)
	p := s.start("publish", change)
	if says := string(p.answer(payload)); says != `{"batchItemFailures":[]}` {
		t.Errorf("answered %s", says)
	}
	var ids []string
	for i, e := range aws.bus {
		var detail struct{ ID, Type string }
		if err := json.Unmarshal([]byte(e.Detail), &detail); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, detail.ID)
		if err := eventtest.CheckJSON(detail.Type, []byte(e.Detail)); err != nil {
			t.Error(err)
		}
		if e.EventBusName != "tosspay-sam" || e.Source != "tosspay" || e.DetailType != detail.Type {
			t.Errorf("put as %+v", e)
		}
		if i >= len(aws.sent) || aws.sent[i] != e.Detail {
			t.Errorf("the queue has %v, the bus %s", aws.sent, e.Detail)
		}
		for _, private := range []string{eventName, eventEmail, eventPhone, eventLink, eventKey} {
			if strings.Contains(e.Detail, private) {
				t.Errorf("%s holds %q", detail.ID, private)
			}
		}
	}
	if want := []string{"order/order-0001/3/paid", "subscription/member-0001/2/activated"}; !slices.Equal(ids, want) {
		t.Errorf("put %v, want %v", ids, want)
	}
	aws.mu.Lock()
	aws.down, aws.sent = true, nil
	aws.mu.Unlock()
	if says := string(p.answer(payload)); says != `{"batchItemFailures":[{"itemIdentifier":"111000000000000000000002"}]}` {
		t.Errorf("with the bus down it answered %s", says)
	}
	if len(aws.sent) > 0 || len(s.counts()) > 0 {
		t.Errorf("sent %v before the bus had it", aws.sent)
	}
	wantAlarms(t, p, map[string]int{"publish.incomplete": 2})
}

// replayDeliver: the merchant's server is on this machine and speaks https, which the function reaches because it may.
func replayDeliver(t *testing.T, s *stage, name string) {
	aws := &postOffice{hidden: map[string]int{}}
	var mu sync.Mutex
	got := map[string]int{}
	library, err := standardwebhooks.NewWebhook("whsec_" + webhookKey)
	if err != nil {
		t.Fatal(err)
	}
	shop := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := library.Verify(body, r.Header); err != nil {
			t.Errorf("the specification's library says %v", err)
		}
		if err := eventtest.CheckJSON("order.paid", body); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("webhook-id")
		got[id]++
		w.WriteHeader(map[string]int{"order/order-0001/3/paid": 204, "order/order-0002/3/paid": 500, "order/order-0003/3/paid": 410}[id])
	}))
	t.Cleanup(shop.Close)
	certificate := filepath.Join(t.TempDir(), "shop.pem")
	if err := os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shop.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.putSecret(webhookSecretID, `{"current":"`+webhookKey+`"}`)
	change := map[string]string{
		"AWS_ENDPOINT_URL_SQS": s.serve(http.HandlerFunc(aws.sqs)), "MERCHANT_WEBHOOK_URL": shop.URL + "/hook?token=of-the-shop", "SSL_CERT_FILE": certificate,
	}
	payload := readTold(t, name)
	guarded := s.start("deliver", change) // and may not reach this machine
	if says := string(guarded.answer(payload)); strings.Count(says, "itemIdentifier") != 3 || len(got) > 0 {
		t.Errorf("a private address: answered %s, the shop got %v", says, got)
	}
	wantAlarms(t, guarded, map[string]int{})
	clear(aws.hidden)
	change["MERCHANT_WEBHOOK_REACH"] = "private"
	p := s.start("deliver", change)
	if says := string(p.answer(payload)); says != `{"batchItemFailures":[{"itemIdentifier":"00000000-0000-4000-8000-000000000012"}]}` {
		t.Errorf("answered %s", says)
	}
	pause := int(deliver.Pause(3, "order/order-0002/3/paid") / time.Second)
	if len(aws.hidden) != 1 || aws.hidden["EXAMPLERECEIPTHANDLE12"] != pause || len(got) != 3 {
		t.Errorf("hidden %v, want the second for %d s; the shop got %v", aws.hidden, pause, got)
	}
	wantAlarms(t, p, map[string]int{"notify.gone": 1})
}

// wantAlarms: what must alarm does, nothing else does, and the log holds nothing that is secret.
func wantAlarms(t *testing.T, p *process, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for _, line := range p.logs(webhookKey, "of-the-shop", "v1,") {
		if name, _ := line["event"].(string); alarmed[name] != "" {
			got[name]++
		}
	}
	if len(got) != len(want) {
		t.Errorf("alarms %v, want %v", got, want)
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("alarms %v, want %v", got, want)
		}
	}
}

// readTold reads a file of events/ and checks that it is what Lambda's pollers send.
func readTold(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var stream events.DynamoDBEvent
	var queue events.SQSEvent
	if name == "publish-batch" {
		if err := json.Unmarshal(payload, &stream); err != nil {
			t.Fatal(err)
		}
		for _, r := range stream.Records {
			if r.EventSource != "aws:dynamodb" || r.Change.SequenceNumber == "" || r.Change.StreamViewType != "NEW_AND_OLD_IMAGES" || len(r.Change.Keys) != 2 {
				t.Errorf("events/%s.json is not what a stream gives: %+v", name, r)
			}
		}
		return payload
	}
	if err := json.Unmarshal(payload, &queue); err != nil {
		t.Fatal(err)
	}
	for _, m := range queue.Records {
		if m.Md5OfBody != md5Of(m.Body) || m.EventSource != "aws:sqs" || m.MessageId == "" {
			t.Errorf("events/%s.json is not what SQS sends: %+v", name, m)
		}
	}
	return payload
}
