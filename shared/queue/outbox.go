package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
)

// Outbox is the queue of events that the merchant's webhook is still to get.
type Outbox struct {
	API Sender
	URL string
}

// Sender is the part of the SQS client that an Outbox uses.
type Sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

var _ publish.Sink = (*Outbox)(nil)

// Put implements publish.Sink. A message's body is the event as the merchant will get it, byte for byte.
func (o *Outbox) Put(ctx context.Context, events []event.Event) (refused []int, err error) {
	if len(events) == 0 || len(events) > publish.BatchMax {
		return nil, fmt.Errorf("queue: %d events in one request: must be 1 to %d", len(events), publish.BatchMax)
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(events))
	for i, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("queue: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body))}
	}
	out, err := o.API.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &o.URL, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("queue: send %d events: %w", len(events), err)
	}
	for i := range events {
		for _, f := range out.Failed {
			if aws.ToString(f.Id) == strconv.Itoa(i) {
				refused = append(refused, i)
			}
		}
	}
	return refused, nil
}
