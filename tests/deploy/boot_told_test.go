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
	"tosspay-sam/sim/awssim"
)

const (
	deliveryQueue   = "https://sqs.ap-northeast-2.amazonaws.com/123456789012/deliveries"
	webhookSecretID = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:MerchantWebhookSecret-abc123"
	webhookKey      = "c2VjcmV0b2Z0aGVtZXJjaGFudHN3ZWJob29r" // as the template has it made: letters and digits
)

// toldReplays are the files of events/ that tell the merchant what happened, and what each is answered.
var toldReplays = map[string]struct {
	run  func(*testing.T, *stage, string)
	says string
}{
	"publish-batch": {replayPublish, publishSays},
	"deliver-batch": {replayDeliver, deliverSays},
}

const (
	publishSays = `{"batchItemFailures":[]}`
	deliverSays = `{"batchItemFailures":[{"itemIdentifier":"00000000-0000-4000-8000-000000000012"}]}`
)

// replayPublish: what the stream's batch says is on the bus and in the queue, as the schemas have it; and when the bus is down, Lambda is told where
// to begin again.
func replayPublish(t *testing.T, s *stage, name string) {
	var events, queue awssim.AWS // apart, so that neither gets what is the other's
	change := map[string]string{"AWS_ENDPOINT_URL_EVENTBRIDGE": s.serve(&events), "AWS_ENDPOINT_URL_SQS": s.serve(&queue)}
	payload := readTold(t, name)
	p := s.start("publish", change)
	if says := string(p.answer(payload)); says != publishSays {
		t.Errorf("answered %s", says)
	}
	seen := awssim.Seen{Bus: events.Seen().Bus, Queue: queue.Seen().Queue}
	checkPublished(t, seen)
	events.Reset("AWSEvents.PutEvents")
	queue.Reset()
	if says := string(p.answer(payload)); says != `{"batchItemFailures":[{"itemIdentifier":"111000000000000000000002"}]}` {
		t.Errorf("with the bus down it answered %s", says)
	}
	if sent := queue.Seen().Queue; len(sent) > 0 || len(s.counts()) > 0 {
		t.Errorf("sent %v before the bus had it", sent)
	}
	wantAlarms(t, p, map[string]int{"publish.incomplete": 2})
}

// checkPublished: what publish-batch says is on the bus and in the queue, as the schemas have it.
func checkPublished(t *testing.T, seen awssim.Seen) {
	t.Helper()
	var ids []string
	for i, e := range seen.Bus {
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
		if i >= len(seen.Queue) || seen.Queue[i] != e.Detail {
			t.Errorf("the queue has %v, the bus %s", seen.Queue, e.Detail)
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
}

// replayDeliver: the merchant's server is on this machine and speaks https, which the function reaches because it may.
func replayDeliver(t *testing.T, s *stage, name string) {
	var aws awssim.AWS
	var mu sync.Mutex
	got := map[string]int{}
	library, err := standardwebhooks.NewWebhook("whsec_" + webhookKey)
	if err != nil {
		t.Fatal(err)
	}
	shop := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		checkDelivery(t, library, body, r.Header)
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
		"AWS_ENDPOINT_URL_SQS": s.serve(&aws), "MERCHANT_WEBHOOK_URL": shop.URL + "/hook?token=of-the-shop", "SSL_CERT_FILE": certificate,
	}
	payload := readTold(t, name)
	guarded := s.start("deliver", change) // and may not reach this machine
	if says := string(guarded.answer(payload)); strings.Count(says, "itemIdentifier") != 3 || len(got) > 0 {
		t.Errorf("a private address: answered %s, the shop got %v", says, got)
	}
	wantAlarms(t, guarded, map[string]int{})
	aws.Reset()
	change["MERCHANT_WEBHOOK_REACH"] = "private"
	p := s.start("deliver", change)
	if says := string(p.answer(payload)); says != deliverSays {
		t.Errorf("answered %s", says)
	}
	checkHidden(t, aws.Seen().Hidden, deliveryQueue)
	if len(got) != 3 {
		t.Errorf("the shop got %v", got)
	}
	wantAlarms(t, p, map[string]int{"notify.gone": 1})
}

// checkDelivery: a webhook is signed, as the specification's own library says, and is an order.paid of the schema.
func checkDelivery(t *testing.T, library *standardwebhooks.Webhook, body []byte, header http.Header) {
	t.Helper()
	if err := library.Verify(body, header); err != nil {
		t.Errorf("the specification's library says %v", err)
	}
	if err := eventtest.CheckJSON("order.paid", body); err != nil {
		t.Error(err)
	}
}

// checkHidden: the message of deliver-batch that failed, and no other, is hidden for its pause.
func checkHidden(t *testing.T, hidden []awssim.Hidden, queue string) {
	t.Helper()
	pause := int(deliver.Pause(3, "order/order-0002/3/paid") / time.Second)
	if want := []awssim.Hidden{{QueueURL: queue, ReceiptHandle: "EXAMPLERECEIPTHANDLE12", Seconds: pause}}; !slices.Equal(hidden, want) {
		t.Errorf("hidden %+v, want %+v", hidden, want)
	}
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
		if m.Md5OfBody != awssim.MD5(m.Body) || m.EventSource != "aws:sqs" || m.MessageId == "" {
			t.Errorf("events/%s.json is not what SQS sends: %+v", name, m)
		}
	}
	return payload
}
