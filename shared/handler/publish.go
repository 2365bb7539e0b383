package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/telemetry"
)

// PublishDoor is the publish function's handler: it takes batches of the table's stream.
type PublishDoor func(context.Context, StreamBatch) (events.DynamoDBEventResponse, error)

// StreamBatch is a batch of a DynamoDB stream, with the images as they came.
type StreamBatch struct {
	Records []struct {
		EventID string `json:"eventID"`
		Change  struct {
			SequenceNumber string          `json:"SequenceNumber"`
			OldImage       json.RawMessage `json:"OldImage"`
			NewImage       json.RawMessage `json:"NewImage"`
		} `json:"dynamodb"`
	} `json:"Records"`
}

// ReadChange makes a change of two images; ok is false when there is nothing to tell.
type ReadChange func(oldImage, newImage []byte) (c event.Change, ok bool, err error)

// Publish serves the table's stream. It answers with the first record that was not passed on: Lambda then gives that
// one and all after it again.
func Publish(p *publish.Publisher, read ReadChange, log *slog.Logger) PublishDoor {
	h := publishing{p, read, log}
	return h.batch
}

type publishing struct {
	publisher *publish.Publisher
	read      ReadChange
	log       *slog.Logger
}

func (h publishing) batch(ctx context.Context, batch StreamBatch) (events.DynamoDBEventResponse, error) {
	var changes []event.Change
	var numbers []string
	for _, r := range batch.Records {
		ctx := telemetry.With(ctx, slog.String("eventId", r.EventID))
		if c, ok := h.change(ctx, r.Change.OldImage, r.Change.NewImage); ok {
			changes, numbers = append(changes, c), append(numbers, r.Change.SequenceNumber)
		}
	}
	response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	if done, err := h.publisher.Publish(ctx, changes); err != nil {
		h.log.WarnContext(ctx, "not all could be told; the stream gives them again",
			"event", "publish.retried", "done", done, "of", len(changes), "cause", err.Error())
		response.BatchItemFailures = append(response.BatchItemFailures,
			events.DynamoDBBatchItemFailure{ItemIdentifier: numbers[done]})
	}
	return response, nil
}

// change reads one record. One that cannot be read would stop all that come after it for a day: it is left out with an
// alarm, and sent from the table by republish once the cause is mended.
func (h publishing) change(ctx context.Context, oldImage, newImage []byte) (c event.Change, ok bool) {
	c, ok, err := h.safely(oldImage, newImage)
	if err != nil {
		h.log.ErrorContext(ctx, "a change cannot be read, and is left out",
			"event", "publish.incomplete", "cause", err.Error())
	}
	return c, ok
}

func (h publishing) safely(oldImage, newImage []byte) (c event.Change, ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, ok, err = event.Change{}, false, fmt.Errorf("handler: panic: %v", p)
		}
	}()
	c, ok, err = h.read(oldImage, newImage)
	if ok && err == nil {
		c.Events() // its panics belong to this record alone
	}
	return c, ok, err
}
