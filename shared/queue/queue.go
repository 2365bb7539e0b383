// Package queue passes work on through Amazon SQS.
package queue

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"tosspay-sam/shared/payment"
)

// API is the part of the SQS client that is used.
type API interface {
	Sender
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
	indexes, err := sendBatch(ctx, q.API, q.URL, "messages", messages, payment.QueueBatch)
	if err != nil {
		return messages, err
	}
	for _, i := range indexes {
		refused = append(refused, messages[i])
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
