package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/event"
)

// triesMax is how often a batch is sent by hand; the stream has more patience.
const triesMax = 5

// Republisher sends again what records say happened in a span of time, with the ids it had: for what the stream has lost.
type Republisher struct {
	Publisher    *Publisher
	Since, Until time.Time // from the first on, before the second
	Wait         func(context.Context, time.Duration) error
	DryRun       bool

	Records int      // looked at
	Sent    int      // events
	Cut     []string // records whose history begins after Since, so that events of theirs may be missing
}

// Visit sends the events of one record, in order.
func (r *Republisher) Visit(ctx context.Context, c event.Change) error {
	r.Records++
	events, from := c.History()
	if from.After(r.Since) {
		r.Cut = append(r.Cut, c.Record())
	}
	var wanted []event.Event
	for _, e := range events {
		if !e.Timestamp.Before(r.Since) && e.Timestamp.Before(r.Until) {
			wanted = append(wanted, e)
		}
	}
	for len(wanted) > 0 {
		batch := wanted[:min(len(wanted), BatchMax)]
		if err := r.send(ctx, batch); err != nil {
			return err
		}
		r.Sent += len(batch)
		wanted = wanted[len(batch):]
	}
	return nil
}

// send has every sink take the batch.
func (r *Republisher) send(ctx context.Context, batch []event.Event) error {
	if r.DryRun {
		return nil
	}
	var all error
	for try := range triesMax {
		first, err := r.Publisher.put(ctx, batch)
		if batch = batch[first:]; len(batch) == 0 {
			return nil
		}
		all = errors.Join(all, err)
		if err := r.Wait(ctx, time.Second<<try); err != nil {
			return err
		}
	}
	return fmt.Errorf("publish: %s and what comes after it were not sent: %w", batch[0].ID, all)
}
