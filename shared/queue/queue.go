// Package queue passes work on through Amazon SQS.
package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"tosspay-sam/shared/payment"
)

// API is the part of the SQS client that is used.
type API interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// SQS is one queue.
type SQS struct {
	API API
	URL string
}

var _ payment.Queue = (*SQS)(nil)

// Send implements payment.Queue with one request.
func (q *SQS) Send(ctx context.Context, messages []payment.Message) (refused []payment.Message, err error) {
	if len(messages) == 0 || len(messages) > payment.QueueBatch {
		return messages, fmt.Errorf("queue: %d messages in one request: must be 1 to %d", len(messages), payment.QueueBatch)
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(messages))
	for i, m := range messages {
		body, err := json.Marshal(m)
		if err != nil {
			return messages, fmt.Errorf("queue: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body))}
	}
	out, err := q.API.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.URL, Entries: entries})
	if err != nil {
		return messages, fmt.Errorf("queue: send %d messages: %w", len(messages), err)
	}
	for _, f := range out.Failed {
		if i, err := strconv.Atoi(aws.ToString(f.Id)); err == nil && i >= 0 && i < len(messages) {
			refused = append(refused, messages[i])
		}
	}
	return refused, nil
}

// Waiting implements payment.Queue with one request. SQS calls the number approximate: it is mostly seconds old, and a minute at worst
// (API reference of GetQueueAttributes, 2026-11).
func (q *SQS) Waiting(ctx context.Context) (int, error) {
	const visible = types.QueueAttributeNameApproximateNumberOfMessages
	out, err := q.API.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{visible}})
	if err != nil {
		return 0, fmt.Errorf("queue: attributes: %w", err)
	}
	n, err := strconv.Atoi(out.Attributes[string(visible)])
	if err != nil {
		return 0, fmt.Errorf("queue: attributes: %w", err)
	}
	return n, nil
}
