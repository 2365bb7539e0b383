package deploy_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/awssim"
	"tosspay-sam/sim/scene"
)

// eventCycle is the order of the subscription's first cycle.
const eventCycle = eventSubscription + "--c1"

// chargeReplay is what a file in events/ shows that the schedule or the queue sends. In each the subscription is active and due, and
// afterwards its first cycle has been charged once.
type chargeReplay struct {
	change   map[string]string // of the variables
	says     string            // what the function answers
	calls    map[string]int    // of the provider, by operation
	requests map[string]int    // to the table, by operation
	logged   string            // an event that must alarm
}

// chargeReplays has a row for every file of events/ that is not API Gateway's.
var chargeReplays = map[string]chargeReplay{
	"charge-tick": {change: map[string]string{"QUEUE_URL": ""}, says: `{"passed":1,"failed":0,"left":0,"more":false}`,
		calls:    map[string]int{"portone token": 1, "portone again": 1},
		requests: map[string]int{"Query": payment.DueShards, "UpdateItem": 2, "PutItem": 3}},
	"charge-batch": {says: `{"batchItemFailures":[{"itemIdentifier":"00000000-0000-4000-8000-000000000002"}]}`,
		calls:    map[string]int{"portone token": 1, "portone again": 1},
		requests: map[string]int{"GetItem": 1, "UpdateItem": 1, "PutItem": 3}, logged: "work.failed"},
	"charge-redrive": {says: `{"batchItemFailures":[]}`, requests: map[string]int{"UpdateItem": 1}},
}

func (r chargeReplay) run(t *testing.T, s *stage, name string) {
	given := scene.Events[name]
	s.set(given.Given)
	done := s.order()
	called := s.called() // before init, which fetches the token
	p := s.start("charge", r.change)
	if given.After != "" {
		p.answer(readCharge(t, given.After))
		called = s.called()
	}
	s.counts()
	payload := readCharge(t, name)
	if says := string(p.answer(payload)); says != r.says {
		t.Errorf("answered %s, want %s", says, r.says)
	}
	requests := s.counts()
	if !maps.Equal(requests, r.requests) {
		t.Errorf("requests to the table: %v, want %v", requests, r.requests)
	}
	for operation := range requests {
		if allowed["ChargeRole"]["dynamodb:"+operation] == "" {
			t.Errorf("charge needs dynamodb:%s, which its role does not allow", operation)
		}
	}
	calls := s.called()
	for operation, times := range called { // by the set-up
		if calls[operation] -= times; calls[operation] == 0 {
			delete(calls, operation)
		}
	}
	if !maps.Equal(calls, r.calls) {
		t.Errorf("calls of the provider: %v, want %v", calls, r.calls)
	}
	s.moved(eventCycle, eventPlanAmount)
	if violations := append(s.toss.Violations(), s.portone.Violations()...); len(violations) > 0 {
		t.Errorf("the provider's rules were broken: %v", violations)
	}
	if o := s.read(eventCycle); o.Status != order.Paid || o.Capture.Amount.Value != eventPlanAmount || !o.DueAt.IsZero() {
		t.Errorf("the cycle's order is %s, due %v, capture %+v", o.Status, o.DueAt, o.Capture)
	}
	if of := s.subscription(eventSubscription); of.Cycle != 2 || !of.DueAt.After(time.Now()) {
		t.Errorf("the subscription stands at cycle %d, due %v", of.Cycle, of.DueAt)
	}
	if o := s.order(); o.Revision != done.Revision {
		t.Errorf("an order that was done was written again: %+v", o)
	}
	replay{door: "charge"}.checkPrewarm(t, s)
	r.checkLogs(t, p, given.After)
}

// checkLogs: what must alarm does, and nothing else.
func (r chargeReplay) checkLogs(t *testing.T, p *process, after string) {
	t.Helper()
	alarms := map[string]int{}
	for _, line := range p.logs() {
		if name, _ := line["event"].(string); alarmed[name] != "" {
			alarms[name]++
		}
	}
	want := map[string]int{}
	if r.logged != "" {
		want[r.logged] = 1
	}
	if after != "" {
		want[chargeReplays[after].logged]++
	}
	if !maps.Equal(alarms, want) {
		t.Errorf("alarms %v, want %v", alarms, want)
	}
}

// readCharge reads a file of events/ and checks that it is what the schedule or the queue sends.
func readCharge(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if name == "charge-tick" {
		var tick struct {
			Tick time.Time `json:"tick"`
		}
		if err := decoder.Decode(&tick); err != nil {
			t.Fatal(err)
		}
		input := text(readInfra(t, "", "").template, "Resources", "ChargeFunction", "Properties", "Events", "Tick", "Properties", "Input")
		input = strings.Replace(input, "<aws.scheduler.scheduled-time>", tick.Tick.Format(time.RFC3339), 1)
		var small bytes.Buffer
		if err := json.Compact(&small, payload); err != nil || small.String() != input {
			t.Errorf("the event is %s, the schedule sends %s", &small, input)
		}
		return payload
	}
	var batch events.SQSEvent
	if err := decoder.Decode(&batch); err != nil || len(batch.Records) == 0 {
		t.Fatalf("%s: %d messages, %v", name, len(batch.Records), err)
	}
	for _, m := range batch.Records {
		if m.Md5OfBody != awssim.MD5(m.Body) || m.EventSource != "aws:sqs" || m.MessageId == "" || m.Attributes["ApproximateReceiveCount"] == "" {
			t.Errorf("events/%s.json is not what SQS sends: %+v", name, m)
		}
	}
	return payload
}

// testQueue: with a queue a tick charges nothing. It sends one message, which is the very one of charge-batch, and the record is not due
// again before its lease is over. When the queue takes nothing, that alarms and no record is lost.
func testQueue(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	for _, tt := range []struct {
		name, says string
		takes      bool
		alarms     []string
	}{
		{"takes", `{"passed":1,"failed":0,"left":0,"more":false}`, true, nil},
		{"refuses", `{"passed":0,"failed":1,"left":0,"more":false}`, false, []string{"dispatch.failed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine)
			s.set(scene.Active)
			before := s.subscription(eventSubscription)
			var queue awssim.AWS
			if !tt.takes {
				queue.Reset("AmazonSQS.SendMessageBatch")
			}
			p := s.start("charge", map[string]string{"AWS_ENDPOINT_URL_SQS": s.serve(&queue)})
			if says := string(p.answer(readCharge(t, "charge-tick"))); says != tt.says {
				t.Errorf("answered %s, want %s", says, tt.says)
			}
			if says := string(p.answer(readCharge(t, "charge-tick"))); says != `{"passed":0,"failed":0,"left":0,"more":false}` {
				t.Errorf("a second tick answered %s: the first has leased what is due", says)
			}
			s.moved(eventCycle)
			if of := s.subscription(eventSubscription); of.Revision != before.Revision || s.portone.Calls()["again"] > 0 {
				t.Errorf("the tick touched the record or charged: %+v", of)
			}
			var batch events.SQSEvent
			if err := json.Unmarshal(readCharge(t, "charge-batch"), &batch); err != nil {
				t.Fatal(err)
			}
			if want, sent := []string{batch.Records[0].Body}, queue.Seen().Queue; tt.takes && !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
			var alarms []string
			for _, line := range p.logs() {
				if name, _ := line["event"].(string); alarmed[name] != "" {
					alarms = append(alarms, name)
				}
			}
			if !slices.Equal(alarms, tt.alarms) {
				t.Errorf("alarms %v, want %v", alarms, tt.alarms)
			}
		})
	}
}
