// Package hooks delivers the webhooks of the simulated providers: a queue with
// each provider's own timetable, a log of every delivery, and a way to send one
// again.
//
// A test drives it by its own clock with [Queue.DueAt] and [Queue.Step]; the
// laptop mode lets [Queue.Run] do that by the real one. A simulator only calls
// [Queue.Deliver], usually with what [Toss] or [PortOne] returns.
package hooks

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

const (
	// timeoutUsual is the time for one attempt if the delivery names none.
	timeoutUsual = 30 * time.Second
	// answerMax is how much of an answer is read; no provider looks at it.
	answerMax = 64 << 10
	// runMax is the number of attempts that Run makes at the same time.
	runMax = 8
)

// Delivery is one webhook on its way.
type Delivery struct {
	Provider    string          // "toss", "portone"
	URL         string          // where to POST it
	ContentType string          // of Body
	Body        []byte          // must not be changed afterwards
	Headers     http.Header     // sent with every attempt; may be nil
	Delay       time.Duration   // before the first attempt; 0 sends it as soon as the queue is driven
	Schedule    []time.Duration // the wait after each failed attempt; empty means one attempt only
	Timeout     time.Duration   // of one attempt; 0 means 30 s

	// SendAgain tells after each attempt of the schedule whether the next one
	// is made. A status of 0 means that there was no answer. If nil, only 200
	// ends the schedule.
	SendAgain func(status int) bool
	// Stamp sets the headers that differ from one attempt to the next; attempt
	// 0 is the first. May be nil. It must not call the Queue.
	Stamp func(h http.Header, attempt int, at time.Time)
}

// Record is a line of the log.
type Record struct {
	Index       int        `json:"index"` // counts from 0; what Replay takes
	Provider    string     `json:"provider"`
	URL         string     `json:"url"`
	ContentType string     `json:"contentType"`
	Body        string     `json:"body"`
	At          time.Time  `json:"at"`         // when the provider decided to send it
	Attempts    int        `json:"attempts"`   // replays included
	LastStatus  int        `json:"lastStatus"` // 0: no attempt yet, or no answer
	LastError   string     `json:"lastError"`  // "" unless the last attempt had no answer
	LastAt      *time.Time `json:"lastAt"`     // null before the first attempt
	NextAt      *time.Time `json:"nextAt"`     // null when nothing is planned any more
}

// Queue holds deliveries and their log. The zero value works by the real clock.
// It is safe for concurrent use; several attempts can be under way at once.
type Queue struct {
	// Transport carries the attempts; default http.DefaultTransport. Redirects
	// are not followed. Set it before use.
	Transport http.RoundTripper
	// Now is the clock; default time.Now. Set it before use.
	Now func() time.Time

	mu      sync.Mutex
	all     []*entry      // the log, by index
	pending []*entry      // those with a planned attempt, the earliest first
	wake    chan struct{} // has one slot; filled when something was planned
}

// entry is one delivery and what became of it. Queue.mu guards all but d.
type entry struct {
	d       Delivery
	record  Record
	planned int // attempts of the schedule so far
}

// Deliver plans a delivery. It never blocks and sends nothing itself.
func (q *Queue) Deliver(d Delivery) {
	now := q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	e := &entry{d: d, record: Record{
		Index: len(q.all), Provider: d.Provider, URL: d.URL, ContentType: d.ContentType, Body: string(d.Body), At: now,
	}}
	q.all = append(q.all, e)
	q.plan(e, now.Add(d.Delay))
}

// DueAt returns when the next attempt is due, and false if none is planned.
func (q *Queue) DueAt() (time.Time, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 {
		return time.Time{}, false
	}
	return *q.pending[0].record.NextAt, true
}

// Forget takes back every planned attempt. The log stays.
func (q *Queue) Forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.pending {
		e.record.NextAt = nil
	}
	q.pending = nil
}

// Step makes every attempt that is due at now, one after the other, the
// earliest first, and returns how many it made. What becomes due meanwhile,
// because a receiver caused another webhook, is attempted as well. It stops
// early when ctx ends; an attempt that was cut short counts as one without an
// answer.
func (q *Queue) Step(ctx context.Context, now time.Time) int {
	made := 0
	for ctx.Err() == nil {
		e, attempt := q.take(now)
		if e == nil {
			break
		}
		q.attempt(ctx, e, attempt, now)
		made++
	}
	return made
}

// Run makes the attempts as they fall due until ctx ends, up to 8 at the same
// time, so that a receiver that hangs does not hold up the others. It returns
// when all attempts have ended. It waits by the real clock: with a Now of your
// own, use Step.
func (q *Queue) Run(ctx context.Context) {
	var underWay sync.WaitGroup
	defer underWay.Wait()
	slots := make(chan struct{}, runMax)
	for q.await(ctx) {
		now := q.now()
		e, attempt := q.take(now)
		if e == nil {
			continue
		}
		slots <- struct{}{}
		underWay.Go(func() {
			q.attempt(ctx, e, attempt, now)
			<-slots
		})
	}
}

// await waits for something to be due and reports whether ctx still lives.
func (q *Queue) await(ctx context.Context) bool {
	woken := q.woken() // before the first look at the plan, so that no signal is missed
	for ctx.Err() == nil {
		var alarm <-chan time.Time
		if at, ok := q.DueAt(); ok {
			wait := at.Sub(q.now())
			if wait <= 0 {
				return true
			}
			alarm = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-alarm:
		case <-woken:
		}
	}
	return false
}

// Records returns the log, oldest first.
func (q *Queue) Records() []Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	records := make([]Record, len(q.all))
	for i, e := range q.all {
		records[i] = e.record
	}
	return records
}

// Replay sends a delivery of the log again, times times in a row, as somebody
// does by hand in a provider's console: at once and whatever became of it
// before. What is planned for it stays planned. It returns the status of every
// attempt (0: no answer), and an error if there is no such delivery.
func (q *Queue) Replay(ctx context.Context, index, times int) ([]int, error) {
	q.mu.Lock()
	if index < 0 || index >= len(q.all) {
		q.mu.Unlock()
		return nil, fmt.Errorf("hooks: there is no delivery %d", index)
	}
	e := q.all[index]
	q.mu.Unlock()

	var statuses []int
	for range times {
		if ctx.Err() != nil {
			break
		}
		q.mu.Lock()
		attempt := e.record.Attempts
		q.mu.Unlock()
		status, err := q.send(ctx, e.d, attempt, q.now())
		q.note(e, status, err, q.now())
		statuses = append(statuses, status)
	}
	return statuses, nil
}

// plan puts e among the pending ones, after those due at the same time. The
// caller holds mu.
func (q *Queue) plan(e *entry, at time.Time) {
	e.record.NextAt = &at
	i, _ := slices.BinarySearchFunc(q.pending, at, func(other *entry, at time.Time) int {
		if other.record.NextAt.After(at) {
			return 1
		}
		return -1
	})
	q.pending = slices.Insert(q.pending, i, e)
	if q.wake == nil {
		return // nobody waits; who begins to wait looks at the plan first
	}
	select {
	case q.wake <- struct{}{}:
	default: // a signal is waiting already
	}
}

// take removes the next due attempt from the plan, so that nobody else makes
// it. It returns nil if nothing is due.
func (q *Queue) take(now time.Time) (*entry, int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) == 0 || q.pending[0].record.NextAt.After(now) {
		return nil, 0
	}
	e := q.pending[0]
	q.pending = q.pending[1:]
	e.record.NextAt = nil
	e.planned++
	return e, e.planned - 1
}

// attempt makes one attempt of the schedule and plans the next one.
func (q *Queue) attempt(ctx context.Context, e *entry, attempt int, now time.Time) {
	status, err := q.send(ctx, e.d, attempt, now)
	q.note(e, status, err, now)
	again := status != http.StatusOK
	if e.d.SendAgain != nil {
		again = e.d.SendAgain(status)
	}
	if !again || attempt >= len(e.d.Schedule) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.plan(e, now.Add(e.d.Schedule[attempt]))
}

// note writes an attempt into the log.
func (q *Queue) note(e *entry, status int, err error, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e.record.Attempts++
	e.record.LastStatus, e.record.LastError, e.record.LastAt = status, "", &at
	if err != nil {
		e.record.LastError = err.Error()
	}
}

// send makes one attempt. A status of 0 comes with an error.
func (q *Queue) send(ctx context.Context, d Delivery, attempt int, at time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, timeoutUsual))
	defer cancel()
	target, err := url.Parse(d.URL)
	if err != nil || target.Host == "" {
		return 0, fmt.Errorf("hooks: the address has no host")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Body))
	if err != nil {
		return 0, fmt.Errorf("hooks: request: %w", err)
	}
	for name, values := range d.Headers {
		req.Header[name] = slices.Clone(values)
	}
	req.Header.Set("Content-Type", d.ContentType)
	if d.Stamp != nil {
		d.Stamp(req.Header, attempt, at)
	}
	transport := q.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("hooks: send: %w", err)
	}
	defer res.Body.Close()
	// Read to the end, so that the connection can be used again; what it says
	// does not matter to any provider.
	_, _ = io.CopyN(io.Discard, res.Body, answerMax)
	return res.StatusCode, nil
}

func (q *Queue) now() time.Time {
	if q.Now != nil {
		return q.Now()
	}
	return time.Now()
}

// woken returns the channel that plan fills.
func (q *Queue) woken() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wake == nil {
		q.wake = make(chan struct{}, 1)
	}
	return q.wake
}
