package queue_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/store/enginetest"
)

// mailbox answers every request with the same and remembers what it was sent.
type mailbox struct {
	out  *sqs.SendMessageBatchOutput
	err  error
	sent []*sqs.SendMessageBatchInput

	length string
	looked []*sqs.GetQueueAttributesInput
}

func (m *mailbox) SendMessageBatch(
	_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options),
) (*sqs.SendMessageBatchOutput, error) {
	m.sent = append(m.sent, in)
	return m.out, m.err
}

func (m *mailbox) GetQueueAttributes(
	_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options),
) (*sqs.GetQueueAttributesOutput, error) {
	m.looked = append(m.looked, in)
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"ApproximateNumberOfMessages": m.length}}, m.err
}

func messages(n int) (all []payment.Message) {
	for i := range n {
		all = append(all, payment.Message{Kind: payment.KindSubscription, ID: fmt.Sprint("subscription-", i), Cycle: i + 1})
	}
	return all
}

func failed(ids ...string) *sqs.SendMessageBatchOutput {
	out := &sqs.SendMessageBatchOutput{}
	for _, id := range ids {
		out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: aws.String(id), Code: aws.String("InternalError")})
	}
	return out
}

func TestSend(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, test := range []struct {
		name     string
		send     int
		out      *sqs.SendMessageBatchOutput
		err      error
		requests int
		refused  []int // of the messages, by number
		wantErr  bool
	}{
		{"one", 1, failed(), nil, 1, nil, false},
		{"a full batch", payment.QueueBatch, failed(), nil, 1, nil, false},
		{"some were not taken", payment.QueueBatch, failed("9", "0", "4"), nil, 1, []int{9, 0, 4}, false},
		{"none was taken", 2, failed("0", "1"), nil, 1, []int{0, 1}, false},
		{"an answer about messages that were not sent", 2, failed("2", "-1", "x", ""), nil, 1, nil, false},
		{"no answer", 3, nil, broken, 1, []int{0, 1, 2}, true},
		{"nothing to send", 0, nil, nil, 0, nil, true},
		{"more than a batch", payment.QueueBatch + 1, nil, nil, 0, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, true},
	} {
		m := &mailbox{out: test.out, err: test.err}
		all := messages(test.send)
		refused, err := (&queue.SQS{API: m, URL: "https://queue.example/work"}).Send(t.Context(), all)
		if (err != nil) != test.wantErr || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, want an error: %t", test.name, err, test.wantErr)
		}
		var want []payment.Message
		for _, i := range test.refused {
			want = append(want, all[i])
		}
		if !slices.Equal(refused, want) {
			t.Errorf("%s: refused are %v, want %v", test.name, refused, want)
		}
		if len(m.sent) != test.requests {
			t.Errorf("%s: %d requests, want %d", test.name, len(m.sent), test.requests)
		}
	}
}

// TestBody pins the message: the other end may be a version of this program that was deployed a minute earlier or later.
func TestBody(t *testing.T) {
	t.Parallel()
	m := &mailbox{out: failed()}
	_, err := (&queue.SQS{API: m, URL: "https://queue.example/work"}).Send(t.Context(), []payment.Message{
		{Kind: payment.KindOrder, ID: "order-1"}, {Kind: payment.KindSubscription, ID: "subscription-1", Cycle: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(m.sent[0].QueueUrl); got != "https://queue.example/work" {
		t.Errorf("sent to %q", got)
	}
	ids := map[string]bool{}
	for i, want := range []string{`{"kind":"order","id":"order-1"}`, `{"kind":"subscription","id":"subscription-1","cycle":3}`} {
		entry := m.sent[0].Entries[i]
		if got := aws.ToString(entry.MessageBody); got != want {
			t.Errorf("body is %s, want %s", got, want)
		}
		ids[aws.ToString(entry.Id)] = true
	}
	if len(ids) != 2 || len(m.sent[0].Entries) != 2 {
		t.Errorf("%d entries have %d ids, want 2: SQS refuses a batch in which two are alike", len(m.sent[0].Entries), len(ids))
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, test := range []struct {
		length string
		err    error
		want   int
		fails  bool
	}{{"0", nil, 0, false}, {"38400", nil, 38400, false}, {"", nil, 0, true}, {"many", nil, 0, true}, {"7", broken, 0, true}} {
		m := &mailbox{length: test.length, err: test.err}
		got, err := (&queue.SQS{API: m, URL: "https://queue.example/work"}).Waiting(t.Context())
		if got != test.want || (err != nil) != test.fails || len(m.looked) != 1 || aws.ToString(m.looked[0].QueueUrl) != "https://queue.example/work" {
			t.Errorf("%q: %d, %v after %d requests", test.length, got, err, len(m.looked))
		}
	}
}

// TestQueue sends a full batch through the SDK to a queue and reads it back.
func TestQueue(t *testing.T) {
	t.Parallel()
	if os.Getenv("TOSSPAY_MOTO") == "" {
		t.Skip("no engine with queues")
	}
	engines := enginetest.Engines(t)
	i := slices.IndexFunc(engines, func(e enginetest.Engine) bool { return e.Name == "moto" })
	if i < 0 {
		t.Skip("DYNAMODB_ENDPOINT names the only engine")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client := sqs.NewFromConfig(aws.Config{
		Region:       "ap-northeast-2",
		BaseEndpoint: aws.String(engines[i].Endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	created, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("test-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	sent := messages(payment.QueueBatch)
	refused, err := (&queue.SQS{API: client, URL: aws.ToString(created.QueueUrl)}).Send(ctx, sent)
	if err != nil || len(refused) != 0 {
		t.Fatalf("refused are %v, %v", refused, err)
	}
	if n, err := (&queue.SQS{API: client, URL: aws.ToString(created.QueueUrl)}).Waiting(ctx); err != nil || n != len(sent) {
		t.Errorf("%d wait, %v, want %d", n, err, len(sent))
	}
	got := map[payment.Message]int{}
	for range 100 { // a queue hands out some of what it has
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: created.QueueUrl, MaxNumberOfMessages: payment.QueueBatch})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range out.Messages {
			var message payment.Message
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &message); err != nil {
				t.Errorf("%s: %v", aws.ToString(m.Body), err)
			}
			got[message]++
		}
		if len(got) == len(sent) {
			break
		}
	}
	for _, m := range sent {
		if got[m] != 1 {
			t.Errorf("%v came %d times, want once", m, got[m])
		}
	}
	if len(got) != len(sent) {
		t.Errorf("%d different messages came, %d were sent", len(got), len(sent))
	}

	_, err = (&queue.SQS{API: client, URL: aws.ToString(created.QueueUrl) + "-none"}).Send(ctx, sent)
	if missing, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("a queue that is not there: got %v, want %T", err, missing)
	}
}
