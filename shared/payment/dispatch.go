package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of one tick.
const (
	duePage       = 100 // records a query of the due index returns
	shardsAtOnce  = 8   // shards read side by side
	dispatchLease = 5 * time.Minute
	// tickReserve is left of a tick's time when it stops taking more: what it has taken must still be sent.
	tickReserve = 5 * time.Second
)

// Dispatcher finds what is due and passes it on. A tick takes everything overdue, however long it has been: lost ticks only delay, and two
// at once share the work, because every record is leased by one conditional write before it is passed on.
type Dispatcher struct {
	Due   DueRecords
	Queue Queue   // nil: the work is done here, within the tick's time
	Work  *Worker // used without a queue
	// Workers is how many records are worked on side by side without a queue.
	Workers int
	Now     func() time.Time
	Log     *slog.Logger

	working chan struct{} // slots of this run's workers
}

// Tick is one run of the schedule.
type Tick struct {
	Passed int64 // records sent or done
	Failed int64 // records that will be due again
	More   bool  // time ran out before everything was taken: the next tick goes on
}

// Run takes everything due. Its error is the first trouble; what was passed on before stays passed on.
func (d Dispatcher) Run(ctx context.Context) (Tick, error) {
	var passed, failed atomic.Int64
	var more atomic.Bool
	var first error
	var mu sync.Mutex
	now := d.Now()
	var shards sync.WaitGroup
	d.working = make(chan struct{}, max(1, d.Workers))
	slots := make(chan struct{}, shardsAtOnce)
	for shard := range DueShards {
		slots <- struct{}{}
		shards.Go(func() {
			defer func() { <-slots }()
			done, err := d.shard(ctx, shard, now, &passed, &failed)
			if !done {
				more.Store(true)
			}
			if err != nil {
				mu.Lock()
				first = errors.Join(first, err)
				mu.Unlock()
			}
		})
	}
	shards.Wait()
	t := Tick{Passed: passed.Load(), Failed: failed.Load(), More: more.Load()}
	d.Log.InfoContext(ctx, "a tick", "event", "tick", "passed", t.Passed, "failed", t.Failed, "more", t.More)
	return t, first
}

// shard pages through what is due in one shard; done is false when time ran out.
func (d Dispatcher) shard(ctx context.Context, shard int, now time.Time, passed, failed *atomic.Int64) (done bool, err error) {
	cursor := ""
	for {
		if d.short(ctx) {
			return false, nil
		}
		records, next, err := d.Due.Due(ctx, shard, now, duePage, cursor)
		if err != nil {
			return false, fmt.Errorf("payment: due records of shard %d: %w", shard, err)
		}
		messages := d.lease(ctx, records, now)
		n := d.pass(ctx, messages)
		passed.Add(int64(n))
		failed.Add(int64(len(messages) - n))
		if next == "" {
			return true, nil
		}
		cursor = next
	}
}

// lease moves the due time of each record forward; whoever loses the write leaves the record to the winner.
func (d Dispatcher) lease(ctx context.Context, records []DueRecord, now time.Time) []Message {
	messages := make([]Message, 0, len(records))
	for _, r := range records {
		if d.short(ctx) {
			break
		}
		cycle, err := d.Due.LeaseDue(ctx, r, now, now.Add(dispatchLease))
		switch {
		case err == nil:
			messages = append(messages, Message{Kind: r.Kind, ID: r.ID, Cycle: cycle})
		case !errors.Is(err, ErrNotDue):
			d.Log.ErrorContext(ctx, "a due record could not be leased; the next tick takes it", "event", "dispatch.failed", "kind", r.Kind,
				"id", r.ID, "cause", err.Error())
		}
	}
	return messages
}

// pass sends messages to the queue, or does their work here, and returns how many it has passed on.
func (d Dispatcher) pass(ctx context.Context, messages []Message) int {
	if d.Queue == nil {
		return d.inline(ctx, messages)
	}
	passed := 0
	for len(messages) > 0 {
		batch := messages[:min(QueueBatch, len(messages))]
		messages = messages[len(batch):]
		refused, err := d.Queue.Send(ctx, batch)
		if err != nil {
			d.Log.ErrorContext(ctx, "the queue took nothing; the records are due again after their lease", "event", "dispatch.failed",
				"records", len(batch), "cause", err.Error())
			continue
		}
		passed += len(batch) - len(refused)
	}
	return passed
}

func (d Dispatcher) inline(ctx context.Context, messages []Message) int {
	var passed atomic.Int64
	var working sync.WaitGroup
	for _, m := range messages {
		d.working <- struct{}{}
		working.Go(func() {
			defer func() { <-d.working }()
			if err := d.Work.Safely(ctx, m); err != nil {
				d.Log.ErrorContext(ctx, "a due record failed; it is due again after its lease", "event", "work.failed", "kind", m.Kind, "id", m.ID,
					"cause", err.Error())
				return
			}
			passed.Add(1)
		})
	}
	working.Wait()
	return int(passed.Load())
}

// Safely is Work with a time limit of its own and without its panics: one record's trouble is no other record's.
func (w *Worker) Safely(ctx context.Context, m Message) (err error) {
	ctx, cancel := context.WithTimeout(ctx, ChargeMax)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("payment: work on %s %s: panic: %v", m.Kind, m.ID, p)
		}
	}()
	return w.Work(ctx, m)
}

// short says that too little of a tick's time is left to take more: without a queue, what is taken must also be done.
func (d Dispatcher) short(ctx context.Context) bool {
	reserve := tickReserve
	if d.Queue == nil {
		reserve = ChargeMax
	}
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(end) < reserve
}
