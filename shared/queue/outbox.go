package queue

import (
	"context"
	"slices"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
)

// Outbox is the queue of events that the merchant's webhook is still to get.
type Outbox struct {
	API Sender
	URL string
}

var _ publish.Sink = (*Outbox)(nil)

// Put implements publish.Sink. A message's body is the event as the merchant will get it, byte for byte.
func (o *Outbox) Put(ctx context.Context, events []event.Event) (refused []int, err error) {
	refused, err = sendBatch(ctx, o.API, o.URL, "events", events, publish.BatchMax)
	slices.Sort(refused)
	return refused, err
}
