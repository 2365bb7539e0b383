// Package publish tells the merchant what happened: it makes events of the table's changes and passes them on, to the event bus and to the queue
// of the merchant's webhook.
//
// Nothing is written down about what was sent. The table's stream gives a change again until it was passed on, so that every event is
// sent at least once, and a consumer knows one it has had by its id.
package publish

import (
	"context"
	"fmt"
	"log/slog"

	"tosspay-sam/shared/event"
)

// BatchMax is how many events a Sink takes with one request: the limit of EventBridge's PutEvents and of SQS' SendMessageBatch (API references,
// 2026-11).
const BatchMax = 10

// Sink takes events. Put passes on up to BatchMax of them with one request, and says which were refused, by their place; those were not
// passed on, and of an error nobody knows.
type Sink interface {
	Put(ctx context.Context, events []event.Event) (refused []int, err error)
}

// Publisher passes events on.
type Publisher struct {
	Sinks []Sink // each gets every event, one after another
	Log   *slog.Logger
}

// Publish passes on the events of the changes, in order. done is how many changes, from the first on, were passed on to every sink; the error is
// why it is not all of them. Changes after those may have been passed on, too.
func (p *Publisher) Publish(ctx context.Context, changes []event.Change) (done int, err error) {
	var batch []event.Event
	var of []int // the change that each event of the batch is of
	flush := func() (int, error) {
		first, err := p.put(ctx, batch)
		if err != nil {
			return of[first], err
		}
		batch, of = batch[:0], of[:0]
		return 0, nil
	}
	for i, change := range changes {
		events, hole := change.Events()
		if hole {
			p.Log.ErrorContext(ctx, "the history of a record does not tell how it came to its status; the events say \"unrecorded\"",
				"event", "publish.incomplete", "record", change.Record(), "revision", change.Order.Revision+change.Subscription.Revision)
		}
		for _, e := range events {
			batch, of = append(batch, e), append(of, i)
			if len(batch) == BatchMax {
				if done, err := flush(); err != nil {
					return done, err
				}
			}
		}
	}
	if len(batch) > 0 {
		if done, err := flush(); err != nil {
			return done, err
		}
	}
	return len(changes), nil
}

// put gives a batch to every sink. On an error, first is the first event that a sink may not have: what one refused, the next is not asked for.
func (p *Publisher) put(ctx context.Context, batch []event.Event) (first int, failed error) {
	first = len(batch)
	for _, sink := range p.Sinks {
		if first == 0 {
			break
		}
		refused, err := sink.Put(ctx, batch[:first])
		switch {
		case err != nil:
			first, failed = 0, fmt.Errorf("publish: %w", err)
		case len(refused) > 0:
			failed = fmt.Errorf("publish: %d of %d events were refused, the first is %s", len(refused), first, batch[refused[0]].ID)
			first = refused[0]
		}
	}
	for _, e := range batch[:first] {
		p.Log.InfoContext(ctx, "told", "event", "event.published", "id", e.ID, "type", string(e.Type))
	}
	return first, failed
}
