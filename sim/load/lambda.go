package load

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/payment"
)

// Lambda's documented behaviour of an SQS event source (docs.aws.amazon.com/lambda, "Using Lambda with Amazon SQS", 2026-11).
const (
	rampBegin     = 5   // concurrent batches at first
	rampMinute    = 300 // and this many more each minute, up to MaximumConcurrency
	leastMemory   = 256 // megabytes that a batch of 40 needs, which waits for the provider nearly all of its time
	coldStart     = 300 * time.Millisecond
	batchWindow   = time.Second // MaximumBatchingWindowInSeconds, which batches of more than 10 need
	visibility    = 6 * functionTimeout
	receivesMax   = 5                // then the message is put aside
	outOfOrder    = 2000             // a message may be overtaken by this many at a time: a standard queue keeps order only by best effort
	duplicateLate = 90 * time.Second // a second copy comes within this time, half of them at once
)

// lambda counts environments. One environment runs one invocation at a time and is kept when it is idle.
type lambda struct {
	mu                        sync.Mutex
	idle, busy, busiest, made int
	ticks, batches            atomic.Int64 // nanoseconds billed
	runs                      atomic.Int64
}

// acquire returns when an environment is ready.
func (l *lambda) acquire(ctx context.Context) {
	l.mu.Lock()
	warm := l.idle > 0
	if warm {
		l.idle--
	} else {
		l.made++
	}
	l.busy++
	l.busiest = max(l.busiest, l.busy)
	l.mu.Unlock()
	if !warm {
		l.batches.Add(int64(coldStart))
		_ = environment.Wait(ctx, coldStart)
	}
}

func (l *lambda) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.idle++
}

// bill adds an invocation of a tick, or of a batch.
func (l *lambda) bill(tick bool, d time.Duration) {
	l.runs.Add(1)
	to := &l.batches
	if tick {
		to = &l.ticks
	}
	to.Add(int64(max(d, time.Millisecond)))
}

// gigabyteSeconds of nanoseconds in environments of so many megabytes.
func gigabyteSeconds(nanoseconds, megabytes int64) float64 {
	return time.Duration(nanoseconds).Seconds() * float64(megabytes) / 1024
}

// scale adds pollers while there are messages: 5 at once, then 5 a second.
func (w *world) scale(ctx context.Context) {
	for pollers := 0; ctx.Err() == nil; {
		allowed := 0
		if first, any := w.queue.since(); any {
			allowed = min(w.config.Concurrency, rampBegin+int(first.Seconds()*rampMinute/60))
		}
		for ; pollers < allowed; pollers++ {
			w.going.Go(func() { w.poll(ctx) })
		}
		_ = environment.Wait(ctx, time.Second)
	}
}

// poll is one of the event source's pollers: it gives a batch to an environment, and the failed messages of it back to the queue.
func (w *world) poll(ctx context.Context) {
	var event []byte
	for {
		batch := w.queue.receive(w.config.Batch)
		if batch == nil {
			return
		}
		w.lambda.acquire(ctx)
		event = appendEvent(event[:0], batch)
		response, ok := w.invoke(ctx, false, event).(events.SQSEventResponse)
		w.lambda.release()
		if ctx.Err() != nil {
			return
		}
		w.queue.finish(batch, response.BatchItemFailures, !ok)
	}
}

// appendEvent writes the event as Lambda sends it, without what the handler does not read.
func appendEvent(event []byte, batch []message) []byte {
	event = append(event, `{"Records":[`...)
	for i, m := range batch {
		if i > 0 {
			event = append(event, ',')
		}
		event = append(event, `{"messageId":"`...)
		event = strconv.AppendInt(event, int64(i), 10)
		event = append(event, `","eventSource":"aws:sqs","body":"{\"kind\":\"`...)
		if m.order {
			event = append(append(event, `order\",\"id\":\"`...), orderID(m.index, int(m.cycle))...)
			event = append(event, `\"}"}`...)
			continue
		}
		event = append(append(event, `subscription\",\"id\":\"`...), subscriptionID(m.index)...)
		event = strconv.AppendInt(append(event, `\",\"cycle\":`...), int64(m.cycle), 10)
		event = append(event, `}"}`...)
	}
	return append(event, `]}`...)
}

// message is one of the queue's, small: there may be millions.
type message struct {
	index    uint32
	cycle    uint8
	order    bool
	receives uint8
}

// mailbox is a standard SQS queue: at least once, in no order that anybody may rely on, each now and then twice.
type mailbox struct {
	config Config
	chance chance

	mu       sync.Mutex
	some     *sync.Cond
	ready    []message
	head     int
	inFlight int
	closed   bool
	first    time.Time // when the first message came
	sent     int64
	twice    int64
	later    int // copies and failures that are still to come
	requests int64
	aside    int64 // messages put into the dead-letter queue
	longest  int
	received uint64

	counted   int // how many were waiting...
	countedAt time.Time
}

var _ payment.Queue = (*mailbox)(nil)

func newMailbox(c Config, chance chance) *mailbox {
	q := &mailbox{config: c, chance: chance}
	q.some = sync.NewCond(&q.mu)
	return q
}

// Send implements payment.Queue.
func (q *mailbox) Send(ctx context.Context, messages []payment.Message) ([]payment.Message, error) {
	q.mu.Lock()
	q.requests++
	request := uint64(q.requests)
	q.mu.Unlock()
	if err := environment.Wait(ctx, q.chance.logNormal("send", request, 0, 8*time.Millisecond, 0.4)); err != nil {
		return messages, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.first.IsZero() {
		q.first = time.Now()
	}
	for _, m := range messages {
		index, cycle := indexOf(m.ID)
		if m.Kind == payment.KindSubscription {
			cycle = m.Cycle
		}
		q.sent++
		q.put(message{index: index, cycle: uint8(cycle), order: m.Kind == payment.KindOrder})
	}
	q.some.Signal()
	return nil, nil
}

// countLag is how old the queue's own count of its messages may be.
const countLag = 5 * time.Second

// Waiting implements payment.Queue.
func (q *mailbox) Waiting(ctx context.Context) (int, error) {
	q.mu.Lock()
	q.requests++
	request := uint64(q.requests)
	q.mu.Unlock()
	if err := environment.Wait(ctx, q.chance.logNormal("count", request, 0, 8*time.Millisecond, 0.4)); err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(q.countedAt) >= countLag {
		q.counted, q.countedAt = len(q.ready)-q.head, time.Now()
	}
	return q.counted, nil
}

// put adds a message, and now and then a second copy of it. The caller holds the lock.
func (q *mailbox) put(m message) {
	q.ready = append(q.ready, m)
	q.longest = max(q.longest, len(q.ready)-q.head)
	if q.chance.float("twice", uint64(m.index), uint64(q.sent)) >= q.config.Duplicates {
		return
	}
	q.twice++
	if late := q.chance.float("late", uint64(m.index), uint64(q.sent)); late >= 0.5 {
		q.again(m, time.Duration((late-0.5)*2*float64(duplicateLate)).Round(time.Millisecond))
		return
	}
	q.ready = append(q.ready, m)
}

// again makes a message visible later. The caller holds the lock.
func (q *mailbox) again(m message, after time.Duration) {
	q.later++
	time.AfterFunc(after, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.later--
		q.ready = append(q.ready, m)
		q.some.Signal()
	})
}

// receive returns up to limit messages, or nil when the run is over. A poller waits for a full batch as long as the batching window lasts.
func (q *mailbox) receive(limit int) []message {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.head == len(q.ready) && !q.closed {
		q.some.Wait()
	}
	if limit > payment.QueueBatch && len(q.ready)-q.head < limit && !q.closed {
		q.mu.Unlock()
		time.Sleep(batchWindow)
		q.mu.Lock()
	}
	for q.head == len(q.ready) && !q.closed {
		q.some.Wait()
	}
	if q.closed {
		return nil
	}
	batch := make([]message, 0, min(limit, len(q.ready)-q.head))
	for range cap(batch) {
		q.received++
		other := q.head + int(q.chance.bits("order", q.received, 0)%uint64(min(outOfOrder, len(q.ready)-q.head)))
		q.ready[q.head], q.ready[other] = q.ready[other], q.ready[q.head]
		batch = append(batch, q.ready[q.head])
		q.head++
	}
	q.inFlight += len(batch)
	if q.head > len(q.ready)/2 && q.head > 1<<16 {
		q.ready = append(q.ready[:0:0], q.ready[q.head:]...)
		q.head = 0
	}
	if q.head < len(q.ready) {
		q.some.Signal()
	}
	return batch
}

// finish deletes a batch except its failures, which come back after the visibility timeout and at last are put aside.
func (q *mailbox) finish(batch []message, failures []events.SQSBatchItemFailure, all bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight -= len(batch)
	failed := func(m message) {
		m.receives++
		if m.receives >= receivesMax {
			q.aside++
			return
		}
		q.again(m, visibility)
	}
	if all {
		for _, m := range batch {
			failed(m)
		}
	}
	for _, f := range failures {
		if i, err := strconv.Atoi(f.ItemIdentifier); err == nil && i < len(batch) {
			failed(batch[i])
		}
	}
}

// since is how long ago the first message came.
func (q *mailbox) since() (time.Duration, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Since(q.first), !q.first.IsZero()
}

// quiet says that nothing is waiting, at work or to come.
func (q *mailbox) quiet() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.head == len(q.ready) && q.inFlight == 0 && q.later == 0
}

func (q *mailbox) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}
