package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Deliveries is the queue of the merchant's webhook as its consumer sees it.
type Deliveries struct {
	API Hider
	URL string
}

// Hider is the part of the SQS client that Deliveries uses.
type Hider interface {
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
}

// Later has a message delivered again after the pause, at most 12 hours from its last delivery, with one request.
func (d *Deliveries) Later(ctx context.Context, receipt string, pause time.Duration) error {
	_, err := d.API.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &d.URL, ReceiptHandle: &receipt, VisibilityTimeout: int32(pause / time.Second),
	})
	if err != nil {
		return fmt.Errorf("queue: hide a message for %s: %w", pause, err)
	}
	return nil
}
