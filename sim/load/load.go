// Package load is the renewal hour of a very large merchant: every subscription is due at the same moment. The dispatcher, the worker and
// the charge function's handler are the real ones; what AWS and the provider do around them is a model of their documented limits.
//
// It runs inside a bubble of testing/synctest, whose clock moves on when everybody waits: an hour costs what its work costs. Chance is
// drawn from the seed and the name of what it decides about, so that the same seed meets the same latencies, duplicates and refusals in
// whatever order the goroutines run.
package load

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/subscription"
)

// Config is one hour. Default gives every field a value.
type Config struct {
	Subscriptions int    // due at the same moment; at most SubscriptionsMax
	Seed          uint64 // of every chance
	Concurrency   int    // MaximumConcurrency of the queue's event source
	Batch         int    // messages an invocation is given
	Rate          int    // charges a second the provider takes; the ones above are answered 429
	Declines      float64
	Lost          float64 // charges whose answer never arrives
	Duplicates    float64 // messages the queue delivers twice
	Partitions    int     // of the table
	Limit         time.Duration
	Memory        int           // megabytes of the function, which the bill is for: the model itself has no processors
	Within        time.Duration // the report is bad when it took longer; 0: as long as it takes
	// Sabotage breaks the model's table, to show that the report can be bad. Tests only.
	Sabotage Sabotage
}

// Default is the hour of the scale target with n subscriptions.
//
// Batches of 40, because a batch ends with its slowest charge: of 10 charges the slowest takes twice as long as the median, and an
// environment waits for it with nine done.
//
// 50 table partitions: 1,000 write units a second each, and keys are spread by hash. A table must be prepared for such an hour (warm
// throughput), above the 40,000 units a second that DynamoDB's quotas allow it by default: with 40, one second of an hour came to 84 % of the limit.
//
// 1769 MB, one processor, because a tick passes on 2,800 records a second only with one (docs/operations.md).
func Default(n int) Config {
	return Config{
		Subscriptions: n, Seed: 1, Concurrency: 230, Batch: 40, Rate: 10_000, Declines: 0.01, Lost: 0.0001, Duplicates: 0.01,
		Partitions: 50, Limit: 6 * time.Hour, Memory: 1769, Within: 65 * time.Minute,
	}
}

// SubscriptionsMax is what the model's ids have digits for.
const SubscriptionsMax = 99_999_999

// Check returns an error that begins with the field at fault.
func (c Config) Check() error {
	for _, f := range []struct {
		name   string
		ok     bool
		limits string
	}{
		{"subscriptions", c.Subscriptions >= 1 && c.Subscriptions <= SubscriptionsMax, "1 to 99,999,999"},
		{"cap", c.Concurrency >= 2 && c.Concurrency <= 1000, "2 to 1,000, as Lambda allows"},
		{"batch", c.Batch >= 1 && c.Batch <= 10_000, "1 to 10,000, as Lambda allows"},
		{"rate", c.Rate >= 1, "at least 1"},
		{"declines", c.Declines >= 0 && c.Declines <= 1, "0 to 1"},
		{"lost", c.Lost >= 0 && c.Lost <= 0.5, "0 to 0.5"},
		{"duplicates", c.Duplicates >= 0 && c.Duplicates <= 1, "0 to 1"},
		{"partitions", c.Partitions >= 1 && c.Partitions <= 10_000, "1 to 10,000"},
		{"memory", c.Memory >= 128 && c.Memory <= 10_240, "128 to 10,240, as Lambda allows"},
		{"within", c.Within >= 0, "0 or more"},
		{"limit", c.Limit >= time.Minute && c.Limit <= 24*time.Hour, "1m to 24h"},
	} {
		if !f.ok {
			return fmt.Errorf("%s must be %s", f.name, f.limits)
		}
	}
	return nil
}

// Progress is what somebody outside the bubble may watch while it runs.
type Progress struct {
	Virtual atomic.Int64 // nanoseconds since the subscriptions became due
	Drained atomic.Int64 // subscriptions whose cycle is over or refused, by our table
}

// settlePause is how much longer the world turns when everything seems done: what still moves then must change nothing.
const settlePause = 30 * time.Second

// Run plays the hour and returns what it came to. It must be called in a bubble of testing/synctest.
func Run(c Config, p *Progress) (Report, error) {
	if err := c.Check(); err != nil {
		return Report{}, fmt.Errorf("load: %w", err)
	}
	w := newWorld(c, p)
	ctx, cancel := context.WithCancel(context.Background())
	w.going.Go(func() { w.watch(ctx) })
	w.going.Go(func() { w.schedule(ctx) })
	w.going.Go(func() { w.scale(ctx) })
	for w.since() < c.Limit && !w.done() {
		time.Sleep(time.Second)
	}
	drained := w.table.drainedAt
	if w.done() {
		time.Sleep(settlePause)
	}
	heap := liveHeap()
	cancel()
	w.queue.close()
	w.going.Wait()
	return w.report(drained, heap), nil
}

// world is the hour's parts.
type world struct {
	config   Config
	progress *Progress
	began    time.Time
	table    *table
	provider *gateway
	queue    *mailbox
	lambda   *lambda
	door     handler.ChargeDoor
	errors   *errorCount
	peak     atomic.Uint64 // bytes of memory the process had
	going    sync.WaitGroup
}

func newWorld(c Config, p *Progress) *world {
	w := &world{config: c, progress: p, began: time.Now(), lambda: &lambda{}, errors: &errorCount{}}
	chance := chance(c.Seed)
	w.table = newTable(c, chance, p)
	w.provider = newGateway(c, chance)
	w.queue = newMailbox(c, chance)
	log := slog.New(w.errors)
	settler := &payment.Settler{
		Orders: w.table, Claims: w.table, Now: time.Now, Wait: environment.Wait, Log: log,
		Gateways: map[string]payment.Gateway{
			"portone": {Finder: w.provider, Charger: w.provider, Timing: portone.Timing(), Ready: func(context.Context) error { return nil }},
		},
	}
	worker := &payment.Worker{
		Settler: settler, Orders: w.table, Claims: w.table, Records: w.table, Cycles: w.table, Now: time.Now, Log: log,
		Declines: func(string) subscription.Decline { return subscription.Soft }, Timetable: subscription.DefaultTimetable(),
	}
	dispatcher := &payment.Dispatcher{Due: w.table, Queue: w.queue, Work: worker, Workers: c.Concurrency * c.Batch, Now: time.Now, Wait: environment.Wait, Log: log}
	w.door = handler.Charge(dispatcher, worker, log)
	return w
}

func (w *world) since() time.Duration { return time.Since(w.began) }

func (w *world) done() bool {
	return w.progress.Drained.Load() == int64(w.config.Subscriptions) && w.queue.quiet()
}

// watch publishes the clock and remembers how much memory there was.
func (w *world) watch(ctx context.Context) {
	for second := 0; ctx.Err() == nil; second++ {
		w.progress.Virtual.Store(int64(w.since()))
		if second%10 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			w.peak.Store(max(w.peak.Load(), m.Sys-m.HeapReleased))
		}
		_ = environment.Wait(ctx, time.Second)
	}
}

// schedule is EventBridge Scheduler at rate(1 minute), which delivers a tick twice now and then; two at once are two invocations.
func (w *world) schedule(ctx context.Context) {
	for tick := uint64(0); ctx.Err() == nil; tick++ {
		copies := 1
		if chance(w.config.Seed).float("tick", tick, 0) < w.config.Duplicates {
			copies = 2
		}
		for range copies {
			w.going.Go(func() {
				w.lambda.acquire(ctx)
				defer w.lambda.release()
				w.invoke(ctx, true, json.RawMessage(`{"tick":"scheduled"}`))
			})
		}
		_ = environment.Wait(ctx, time.Minute)
	}
}

// functionTimeout of the charge function.
const functionTimeout = 15 * time.Minute

// invoke runs the real handler in an environment's time limit and bills it.
func (w *world) invoke(ctx context.Context, tick bool, event json.RawMessage) any {
	ctx, cancel := context.WithTimeout(ctx, functionTimeout)
	defer cancel()
	began := time.Now()
	response, err := w.door(ctx, event)
	w.lambda.bill(tick, time.Since(began))
	if err != nil && ctx.Err() == nil {
		w.errors.invocations.Add(1)
	}
	return response
}

// liveHeap is the bytes in use after a collection.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// errorCount is a log handler that keeps nothing but the number of errors.
type errorCount struct{ logged, invocations atomic.Int64 }

func (e *errorCount) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (e *errorCount) Handle(context.Context, slog.Record) error    { e.logged.Add(1); return nil }
func (e *errorCount) WithAttrs([]slog.Attr) slog.Handler           { return e }
func (e *errorCount) WithGroup(string) slog.Handler                { return e }

// chance is a seed. What it decides depends on the name of the thing alone.
type chance uint64

// bits is splitmix64 over the seed, a topic and two numbers.
func (c chance) bits(topic string, a, b uint64) uint64 {
	x := uint64(c)
	for i := range len(topic) {
		x = mix(x ^ uint64(topic[i]))
	}
	return mix(mix(x^a) ^ b)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// float is in [0, 1).
func (c chance) float(topic string, a, b uint64) float64 {
	return float64(c.bits(topic, a, b)>>11) / (1 << 53)
}

// logNormal has the given median; 16 of 100 are beyond median x e^sigma. Whole milliseconds, as our table's times are.
func (c chance) logNormal(topic string, a, b uint64, median time.Duration, sigma float64) time.Duration {
	u, v := 1-c.float(topic, a, b), c.float(topic+"'", a, b)
	normal := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v) // Box and Muller
	return time.Duration(float64(median) * math.Exp(sigma*normal)).Round(time.Millisecond)
}
