package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/telemetry"
)

// dueTable is the part of the table that a tick and a message touch. A record's id says how it behaves.
type dueTable struct {
	payment.Subscriptions // nil: a message that is over reads and writes nothing more
	payment.Orders

	mu     sync.Mutex
	due    map[int][]payment.DueRecord // by shard
	leased []string
	claims []subscription.CycleClaim
	begun  chan string   // when set, a claim of sub-slow says that it has begun...
	let    chan struct{} // ...and waits
	fail   error
}

func (d *dueTable) Due(_ context.Context, shard int, _ time.Time, _ int, _ string) ([]payment.DueRecord, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.due[shard], "", d.fail
}

func (d *dueTable) LeaseDue(_ context.Context, r payment.DueRecord, _, _ time.Time) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(r.ID, "sub-taken") {
		return 0, payment.ErrNotDue
	}
	d.leased = append(d.leased, r.ID)
	return 7, nil
}

func (d *dueTable) ClaimCycle(_ context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	d.mu.Lock()
	d.claims = append(d.claims, c)
	d.mu.Unlock()
	switch {
	case strings.HasPrefix(c.ID, "sub-panic"):
		panic("a bug")
	case strings.HasPrefix(c.ID, "sub-table"):
		return subscription.Subscription{}, errors.New("the table did not answer")
	case strings.HasPrefix(c.ID, "sub-nobody"):
		return subscription.Subscription{}, payment.ErrNotFound
	case strings.HasPrefix(c.ID, "sub-slow"):
		d.begun <- c.ID
		<-d.let
	}
	// Everything else is over already: another worker was here, or the subscription moved on.
	return subscription.Subscription{ID: c.ID, Status: subscription.Active, Cycle: c.Cycle + 1}, &subscription.Refusal{Reason: subscription.OtherCycle}
}

// sent is a queue that takes what it is told to.
type sent struct {
	mu       sync.Mutex
	messages []payment.Message
	refuse   string // id
	err      error  // of sending
	waiting  int    // messages that wait, as the queue says
}

func (q *sent) Send(_ context.Context, messages []payment.Message) ([]payment.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err != nil {
		return messages, q.err
	}
	var refused []payment.Message
	for _, m := range messages {
		if m.ID == q.refuse {
			refused = append(refused, m)
			continue
		}
		q.messages = append(q.messages, m)
	}
	return refused, nil
}

func (q *sent) Waiting(context.Context) (int, error) { return q.waiting, nil }

// chargeDoor is the door on a table, with a queue or (nil) without.
func chargeDoor(table *dueTable, queue payment.Queue) (handler.ChargeDoor, *bytes.Buffer) {
	out := &bytes.Buffer{}
	log := telemetry.New(out, "debug")
	now := func() time.Time { return time.Date(2027, 1, 31, 1, 0, 0, 0, time.UTC) }
	w := &payment.Worker{Settler: &payment.Settler{Gateways: map[string]payment.Gateway{"portone": {}}}, Cycles: table, Records: table, Orders: table, Now: now, Log: log}
	return handler.Charge(&payment.Dispatcher{Due: table, Queue: queue, Work: w, Workers: 4, Now: now, Log: log}, w, log), out
}

func due(ids ...string) map[int][]payment.DueRecord {
	records := map[int][]payment.DueRecord{}
	for i, id := range ids {
		shard := (i * 13) % payment.DueShards
		records[shard] = append(records[shard], payment.DueRecord{Kind: payment.KindSubscription, ID: id})
	}
	return records
}

// tickEvent is what the template's schedule sends.
const tickEvent = `{"tick":"2027-01-31T01:00:00Z"}`

func answered(t *testing.T, d handler.ChargeDoor, event string) string {
	t.Helper()
	result, err := d(t.Context(), json.RawMessage(event))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// batchOf is an SQS event; each message is its id and its body.
func batchOf(t *testing.T, messages ...[2]string) string {
	t.Helper()
	var batch events.SQSEvent
	for _, m := range messages {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: m[0], Body: m[1], EventSource: "aws:sqs"})
	}
	text, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTickPassesOnWhatIsDue(t *testing.T) {
	t.Parallel()
	table, queue := &dueTable{due: due("sub-one", "sub-taken", "sub-two", "sub-full")}, &sent{refuse: "sub-full"}
	door, _ := chargeDoor(table, queue)
	if got := answered(t, door, tickEvent); got != `{"passed":2,"failed":1,"left":1,"more":false}` {
		t.Errorf("result %s", got)
	}
	slices.SortFunc(queue.messages, func(a, b payment.Message) int { return strings.Compare(a.ID, b.ID) })
	if got, want := fmt.Sprint(queue.messages), "[{subscription sub-one 7} {subscription sub-two 7}]"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if len(table.claims) != 0 {
		t.Errorf("a tick with a queue did work itself: %v", table.claims)
	}
}

func TestTickWithoutAQueueDoesTheWork(t *testing.T) {
	t.Parallel()
	table := &dueTable{due: due("sub-one", "sub-taken", "sub-panic", "sub-table")}
	door, log := chargeDoor(table, nil)
	if got := answered(t, door, tickEvent); got != `{"passed":1,"failed":2,"left":1,"more":false}` {
		t.Errorf("result %s", got)
	}
	worked := []string{}
	for _, c := range table.claims {
		worked = append(worked, fmt.Sprint(c.ID, " ", c.Cycle))
	}
	slices.Sort(worked)
	if want := []string{"sub-one 7", "sub-panic 7", "sub-table 7"}; !slices.Equal(worked, want) {
		t.Errorf("worked on %v, want %v", worked, want)
	}
	if n := strings.Count(log.String(), `"event":"work.failed"`); n != 2 {
		t.Errorf("%d failures logged, want 2:\n%s", n, log)
	}
}

func TestTickReportsTrouble(t *testing.T) {
	t.Parallel()
	door, _ := chargeDoor(&dueTable{fail: errors.New("the table did not answer")}, &sent{})
	if _, err := door(t.Context(), json.RawMessage(tickEvent)); err == nil {
		t.Error("a tick that could not read the table reports success")
	}
	table := &dueTable{due: due("sub-one", "sub-two")}
	door, log := chargeDoor(table, &sent{err: errors.New("no queue")})
	if got := answered(t, door, tickEvent); got != `{"passed":0,"failed":2,"left":0,"more":false}` {
		t.Errorf("result %s", got)
	}
	if !strings.Contains(log.String(), `"event":"dispatch.failed"`) || len(table.claims) != 0 {
		t.Errorf("claims %v, log:\n%s", table.claims, log)
	}
}

// TestBatchReportsOnlyWhatFailed: what is done, over or unknown is acknowledged; what failed or cannot be read is not, and is named by its
// message id.
func TestBatchReportsOnlyWhatFailed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		fails      bool
		claimed    bool
	}{
		{"already done", `{"kind":"subscription","id":"sub-one","cycle":3}`, false, true},
		{"of a subscription that is unknown", `{"kind":"subscription","id":"sub-nobody","cycle":3}`, false, true},
		{"with a field of a later version", `{"kind":"subscription","id":"sub-one","cycle":3,"note":"x"}`, false, true},
		{"that panics", `{"kind":"subscription","id":"sub-panic","cycle":3}`, true, true},
		{"whose table does not answer", `{"kind":"subscription","id":"sub-table","cycle":3}`, true, true},
		{"not JSON", `cycle three, please`, true, false},
		{"cut off", `{"kind":"subscription","id":"sub-o`, true, false},
		{"empty", ``, true, false},
		{"null", `null`, true, false},
		{"of a shape nobody sends", `[1,2]`, true, false},
		{"of an unknown kind", `{"kind":"refund","id":"sub-one"}`, true, false},
		{"with an id that is none", `{"kind":"subscription","id":"../../x","cycle":1}`, true, false},
		{"with a cycle before the first", `{"kind":"subscription","id":"sub-one","cycle":-1}`, true, false},
		{"with a cycle that is no number", `{"kind":"subscription","id":"sub-one","cycle":"3"}`, true, false},
		{"of an order with an attempt's number", `{"kind":"order","id":"order-1--2"}`, true, false},
	} {
		table := &dueTable{}
		door, log := chargeDoor(table, nil)
		good := [2]string{"m-good", `{"kind":"subscription","id":"sub-good","cycle":9}`}
		got := answered(t, door, batchOf(t, good, [2]string{"m-tested", c.body}, [2]string{"m-last", good[1]}))
		want := `{"batchItemFailures":[]}`
		if c.fails {
			want = `{"batchItemFailures":[{"itemIdentifier":"m-tested"}]}`
		}
		if got != want {
			t.Errorf("a message %s: %s, want %s", c.name, got, want)
		}
		wantClaims := 2
		if c.claimed {
			wantClaims++
		}
		if len(table.claims) != wantClaims {
			t.Errorf("a message %s: %d claims, want %d: %v", c.name, len(table.claims), wantClaims, table.claims)
		}
		if logged := strings.Contains(log.String(), `"messageId":"m-tested"`); logged != c.fails {
			t.Errorf("a message %s: logged %t\n%s", c.name, logged, log)
		}
		if strings.Contains(log.String(), `"messageId":"m-good"`) {
			t.Errorf("beside a message %s the good one was logged as failed:\n%s", c.name, log)
		}
	}
}

// TestBatchInAnyOrder: one that is over, one nobody can read, one already done, one that panics; their places do not matter.
func TestBatchInAnyOrder(t *testing.T) {
	t.Parallel()
	messages := [][2]string{
		{"m-1", `{"kind":"subscription","id":"sub-one","cycle":3}`},
		{"m-2", `nonsense`},
		{"m-3", `{"kind":"subscription","id":"sub-done","cycle":1}`},
		{"m-4", `{"kind":"subscription","id":"sub-panic","cycle":1}`},
	}
	for range len(messages) {
		messages = append(messages[1:], messages[0])
		door, _ := chargeDoor(&dueTable{}, nil)
		got := answered(t, door, batchOf(t, messages...))
		want := `{"itemIdentifier":"m-2"},{"itemIdentifier":"m-4"}`
		if strings.Index(got, "m-4") < strings.Index(got, "m-2") {
			want = `{"itemIdentifier":"m-4"},{"itemIdentifier":"m-2"}`
		}
		if got != `{"batchItemFailures":[`+want+`]}` {
			t.Errorf("%v: %s", messages, got)
		}
	}
}

// TestBatchIsSideBySide: ten slow messages wait for no other; nobody is done before all have begun.
func TestBatchIsSideBySide(t *testing.T) {
	t.Parallel()
	table := &dueTable{begun: make(chan string), let: make(chan struct{})}
	door, _ := chargeDoor(table, nil)
	messages := [][2]string{}
	for i := range payment.QueueBatch {
		messages = append(messages, [2]string{fmt.Sprint("m-", i), fmt.Sprintf(`{"kind":"subscription","id":"sub-slow%d","cycle":1}`, i)})
	}
	event := batchOf(t, messages...)
	done := make(chan string)
	go func() {
		defer close(done)
		result, err := door(context.Background(), json.RawMessage(event))
		done <- fmt.Sprint(result, err)
	}()
	for range messages {
		select {
		case <-table.begun:
		case got := <-done:
			t.Fatalf("the batch ended early: %s", got)
		}
	}
	close(table.let)
	if got := <-done; got != "{[]} <nil>" {
		t.Errorf("result %s", got)
	}
}

func TestBatchFailuresAreNeverNull(t *testing.T) {
	t.Parallel()
	door, _ := chargeDoor(&dueTable{}, nil)
	for _, event := range []string{`{"Records":[]}`, batchOf(t, [2]string{"m-1", `{"kind":"subscription","id":"sub-one","cycle":3}`})} {
		if got := answered(t, door, event); got != `{"batchItemFailures":[]}` {
			t.Errorf("%s: %s", event, got)
		}
	}
}

func TestOtherEventsAreRefused(t *testing.T) {
	t.Parallel()
	table := &dueTable{due: due("sub-one")}
	door, _ := chargeDoor(table, &sent{})
	for _, event := range []string{
		`{}`, `null`, `[]`, `"tick"`, `7`, `{"tick":""}`, `{"tick":7}`, `{"Records":null}`, `{"Records":{}}`, `{"Records":["text"]}`, `{"Records":[{"body":7}]}`,
		`{"version":"2.0","routeKey":"POST /orders"}`, `{"detail-type":"Scheduled Event"}`, `{`, ``,
	} {
		if result, err := door(t.Context(), json.RawMessage(event)); err == nil {
			t.Errorf("%s: %v and no error", event, result)
		}
	}
	if len(table.leased) != 0 || len(table.claims) != 0 {
		t.Errorf("an event that is refused did something: %v %v", table.leased, table.claims)
	}
}

// TestBatchLogsNoBody: what stands in a message that cannot be read may be anybody's.
func TestBatchLogsNoBody(t *testing.T) {
	t.Parallel()
	door, log := chargeDoor(&dueTable{}, nil)
	answered(t, door, batchOf(t, [2]string{"m-1", `{"kind":"subscription","buyer":"hong@example.com","cycle":"4111111111111111"`}))
	for _, secret := range []string{"hong", "4111"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, log)
		}
	}
	if log.Len() == 0 {
		t.Error("nothing was logged")
	}
}
