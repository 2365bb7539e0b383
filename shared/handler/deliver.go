package handler

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/telemetry"
)

// DeliverDoor is the deliver function's handler: it takes batches of the queue of the merchant's webhook.
type DeliverDoor func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// Deliveries hides a message that failed until its next try.
type Deliveries interface {
	Later(ctx context.Context, receipt string, pause time.Duration) error
}

// Deliver sends every message of a batch at the same time. One that failed is reported, so that the queue keeps it, and
// hidden for its pause; how often it was sent the queue counts, and after deliver.TriesMax it puts the message aside.
func Deliver(s *deliver.Sender, d Deliveries, log *slog.Logger) DeliverDoor {
	h := delivering{s, d, log}
	return h.batch
}

type delivering struct {
	sender     *deliver.Sender
	deliveries Deliveries
	log        *slog.Logger
}

func (h delivering) batch(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	failed := make([]bool, len(batch.Records))
	var working sync.WaitGroup
	for i, record := range batch.Records {
		ctx := telemetry.With(ctx, slog.String("messageId", record.MessageId))
		working.Go(func() { failed[i] = !h.send(ctx, record) })
	}
	working.Wait()
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, record := range batch.Records {
		if failed[i] {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response, nil
}

// send makes one try and says whether the message is done with.
func (h delivering) send(ctx context.Context, record events.SQSMessage) (done bool) {
	tries, _ := strconv.Atoi(record.Attributes["ApproximateReceiveCount"])
	id, kind, err := deliver.Message([]byte(record.Body))
	verdict := deliver.Failed
	if err == nil {
		verdict, err = h.sender.Send(ctx, id, []byte(record.Body))
	}
	attributes := []any{"id", id, "type", kind, "try", tries}
	switch {
	case verdict == deliver.Delivered:
		h.log.InfoContext(ctx, "delivered", append(attributes, "event", "webhook.delivered")...)
		return true
	case verdict == deliver.Gone:
		h.log.ErrorContext(ctx, "the webhook answers that it is gone; this event is not sent to it again",
			append(attributes, "event", "notify.gone")...)
		return true
	case errors.Is(err, deliver.ErrKeys):
		h.log.ErrorContext(ctx, "nothing can be signed",
			append(attributes, "event", "config.error", "cause", err.Error())...)
	}
	pause := deliver.Pause(tries, id)
	h.log.WarnContext(ctx, "not delivered",
		append(attributes, "event", "webhook.retried", "pauseSeconds", int(pause.Seconds()), "cause", err.Error())...)
	// Without this pause the queue's own time holds, and the next pause is right again.
	if err := h.deliveries.Later(ctx, record.ReceiptHandle, pause); err != nil {
		h.log.WarnContext(ctx, "the pause could not be set", append(attributes, "cause", err.Error())...)
	}
	return false
}
