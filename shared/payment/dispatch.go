package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of one tick.
const (
	duePage       = 100 // records a query of the due index returns
	dispatchLease = 5 * time.Minute
	// tickReserve is left of a tick's time when it stops taking more: what it has taken must still be sent.
	tickReserve = 5 * time.Second
	// flowShare: a second lets through half of what the workers hold. More would run ahead of a count that is some
	// seconds old.
	flowShare = 2
	// shardMax is the most records a second of one shard: each costs its partition of the index six writes from the
	// dispatch to the end of the charge, of the 1,000 that it takes.
	shardMax  = 90
	flowPause = time.Second // between two looks at the queue's length
	// youngTick is how long a tick leaves a shard when it finds half of a batch taken: the one that is at work there
	// came before it. A record that was saved since it was listed is not due either, so one alone says nothing.
	youngTick = 30 * time.Second
)

// Dispatcher finds what is due and passes it on. A tick takes everything overdue, however long it has been, so lost
// ticks only delay. Every record is leased by one conditional write before it is passed on, so of two ticks at the same
// time one leaves the shard to the other.
type Dispatcher struct {
	Due     DueRecords
	Queue   Queue   // nil: the work is done here, within the tick's time
	Work    *Worker // used without a queue
	Workers int     // how many records are worked on side by side, by all who take them from the queue, or here
	Now     func() time.Time
	Wait    func(context.Context, time.Duration) error // with a queue: until it is less full
	Log     *slog.Logger

	working chan struct{} // slots of this run's workers
	flow    *flow
}

// Tick is one run of the schedule.
type Tick struct {
	Passed int64 // records sent or done
	Failed int64 // records that will be due again
	Left   int64 // shards left to another tick, which is at work there
	More   bool  // time ran out before everything was taken: the next tick goes on
}

// Run takes everything due. Its error is the first trouble; what was passed on before stays passed on.
func (d Dispatcher) Run(ctx context.Context) (Tick, error) {
	d.working = make(chan struct{}, max(1, d.Workers))
	d.flow = &flow{Dispatcher: d, turn: make(chan struct{}, 1)}
	now := d.Now()
	var run running
	var shards sync.WaitGroup
	for shard := range DueShards {
		shards.Go(func() { run.note(d.shard(ctx, shard, now, &run)) })
	}
	shards.Wait()
	t := Tick{Passed: run.passed.Load(), Failed: run.failed.Load(), Left: run.left.Load(), More: run.more.Load()}
	d.Log.InfoContext(ctx, "a tick", "event", "tick",
		"passed", t.Passed, "failed", t.Failed, "left", t.Left, "more", t.More)
	return t, run.err
}

// running is what the shards of a tick have done so far.
type running struct {
	passed, failed, left atomic.Int64
	more                 atomic.Bool
	mu                   sync.Mutex
	err                  error
}

func (r *running) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = cmp.Or(r.err, err)
}

// shard pages through what is due in one shard.
func (d Dispatcher) shard(ctx context.Context, shard int, now time.Time, run *running) error {
	var latest pace
	for cursor, more := "", true; more; more = cursor != "" {
		if d.short(ctx) {
			run.more.Store(true)
			return nil
		}
		due, next, err := d.Due.Due(ctx, shard, now, duePage, cursor)
		if err != nil {
			run.more.Store(true)
			return fmt.Errorf("payment: due records of shard %d: %w", shard, err)
		}
		for batch := range slices.Chunk(due, QueueBatch) {
			ours, err := d.take(ctx, batch, now, &latest, run)
			if err != nil || !ours {
				return err
			}
		}
		cursor = next
	}
	return nil
}

// take leases some records and passes them on. It is false when the rest of the shard is to be left alone: time is
// short, or another tick is at work there. The younger one gives way when they meet, so that they do not race for every
// record; the older one when it has lost a whole batch.
func (d Dispatcher) take(
	ctx context.Context, records []DueRecord, now time.Time, latest *pace, run *running,
) (more bool, err error) {
	room, err := d.flow.room(ctx, latest, len(records))
	if err != nil || !room || d.short(ctx) {
		run.more.Store(true)
		return false, err
	}
	messages, lost := d.lease(ctx, records, now)
	passed := d.pass(ctx, messages)
	run.passed.Add(int64(passed))
	run.failed.Add(int64(len(messages) - passed))
	if lost == len(records) || 2*lost >= len(records) && d.Now().Sub(now) < youngTick {
		run.left.Add(1)
		return false, nil
	}
	return true, nil
}

// lease moves the due time of each record forward; whoever loses the write leaves the record to the winner.
func (d Dispatcher) lease(ctx context.Context, records []DueRecord, now time.Time) (messages []Message, lost int) {
	for _, r := range records {
		cycle, err := d.Due.LeaseDue(ctx, r, now, d.Now().Add(dispatchLease))
		switch {
		case err == nil:
			messages = append(messages, Message{Kind: r.Kind, ID: r.ID, Cycle: cycle})
		case errors.Is(err, ErrNotDue):
			lost++
		default:
			d.Log.ErrorContext(ctx, "a due record could not be leased; the next tick takes it",
				"event", "dispatch.failed", "kind", r.Kind, "id", r.ID, "cause", err.Error())
		}
	}
	return messages, lost
}

// pass sends messages to the queue, or does their work here, and returns how many it has passed on.
func (d Dispatcher) pass(ctx context.Context, messages []Message) int {
	if d.Queue == nil {
		return d.inline(ctx, messages)
	}
	if len(messages) == 0 {
		return 0
	}
	refused, err := d.Queue.Send(ctx, messages)
	if err != nil {
		refused = messages
	}
	if len(refused) > 0 {
		d.Log.ErrorContext(ctx, "the queue did not take records; they are due again after their lease",
			"event", "dispatch.failed", "records", len(refused), "cause", errorText(err))
	}
	return len(messages) - len(refused)
}

// flow keeps the queue filled and no more: in a second it lets through half of what the workers hold, less the fuller
// the queue is, and nothing when as many wait. A worker is done with a message after ChargeMax at the latest, so what
// waits is taken up long before its lease is over: the workers' own pace, which is the provider's, sets the
// dispatcher's. Every shard has the same part of it, so that none makes a partition of the index hot.
type flow struct {
	Dispatcher

	turn chan struct{} // of capacity 1: one shard at a time looks
	rate float64       // records a shard may pass on in a second
	next time.Time     // when the queue is looked at again
	err  error         // of a look: nothing passes any more
}

// pace is a shard's latest batch.
type pace struct {
	at time.Time
	n  int
}

// room waits until a shard may pass on n more records; it is false when the tick's time is over before.
func (f *flow) room(ctx context.Context, latest *pace, n int) (bool, error) {
	for f.Queue != nil {
		rate, err := f.look(ctx)
		if err != nil || f.short(ctx) {
			return false, err
		}
		pause := flowPause
		if rate > 0 {
			pause = latest.at.Add(time.Duration(float64(latest.n) / rate * float64(time.Second))).Sub(f.Now())
		}
		if pause <= 0 {
			break
		}
		if f.Wait(ctx, min(pause, flowPause)) != nil {
			return false, nil
		}
	}
	*latest = pace{f.Now(), n}
	return true, nil
}

// look returns the rate by the queue's length of this second.
func (f *flow) look(ctx context.Context) (float64, error) {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	if now := f.Now(); f.err == nil && !now.Before(f.next) {
		waiting, err := f.Queue.Waiting(ctx)
		if err != nil {
			f.err = fmt.Errorf("payment: length of the queue: %w", err)
		}
		f.rate = min(shardMax, float64(max(0, f.Workers-waiting))/flowShare/DueShards)
		f.next = now.Add(flowPause)
	}
	return f.rate, f.err
}

func (d Dispatcher) inline(ctx context.Context, messages []Message) int {
	var passed atomic.Int64
	var working sync.WaitGroup
	for _, m := range messages {
		d.working <- struct{}{}
		working.Go(func() {
			defer func() { <-d.working }()
			if err := d.Work.Safely(ctx, m); err != nil {
				d.Log.ErrorContext(ctx, "a due record failed; it is due again after its lease",
					"event", "work.failed", "kind", m.Kind, "id", m.ID, "cause", err.Error())
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
