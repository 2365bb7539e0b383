// Package bus puts events on an Amazon EventBridge bus.
package bus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
)

// API is the part of the EventBridge client that is used.
type API interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// EventBridge is one bus.
type EventBridge struct {
	API  API
	Name string // or ARN
}

var _ publish.Sink = (*EventBridge)(nil)

// Put implements publish.Sink. The source is event.Source, the detail-type the event's type, and the detail the event itself.
func (b *EventBridge) Put(ctx context.Context, events []event.Event) (refused []int, err error) {
	if len(events) == 0 || len(events) > publish.BatchMax {
		return nil, fmt.Errorf("bus: %d events in one request: must be 1 to %d", len(events), publish.BatchMax)
	}
	entries := make([]types.PutEventsRequestEntry, len(events))
	for i, e := range events {
		detail, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("bus: %w", err)
		}
		entries[i] = types.PutEventsRequestEntry{
			EventBusName: &b.Name, Source: aws.String(event.Source), DetailType: aws.String(string(e.Type)),
			Time: aws.Time(e.Timestamp), Detail: aws.String(string(detail)),
		}
	}
	out, err := b.API.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("bus: put %d events: %w", len(events), err)
	}
	for i, entry := range out.Entries {
		if aws.ToString(entry.ErrorCode) != "" && i < len(events) {
			refused = append(refused, i)
		}
	}
	if len(refused) == 0 && out.FailedEntryCount > 0 {
		return nil, fmt.Errorf("bus: %d of %d events were refused, nobody knows which", out.FailedEntryCount, len(events))
	}
	return refused, nil
}
