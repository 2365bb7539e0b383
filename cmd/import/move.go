package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"tosspay-sam/client"
)

// result of one line.
type result string

// The results; main's usage says what they mean.
const (
	imported result = "imported"
	already  result = "already"
	valid    result = "valid"
	refused  result = "refused"
	unknown  result = "unknown"
	notSent  result = "not-sent"
)

var results = []result{imported, already, valid, refused, unknown, notSent}

// silentMax is how many lines in a row may stay without an answer before the run stops: more of them say nothing new.
const silentMax = 20

// progressEvery is how often standard error says how far it is.
const progressEvery = 5 * time.Second

// importer is the part of the client that is needed.
type importer interface {
	Import(context.Context, client.NewSubscription) (client.Subscription, bool, error)
}

// outcome is what became of a line.
type outcome struct {
	line   int
	id     string
	result result
	reason string
}

// mover sends the lines and writes the report.
type mover struct {
	api     importer
	limit   *limiter
	dry     bool
	workers int
	out     *report
	errs    io.Writer
	began   time.Time

	mu     sync.Mutex
	silent int
	stop   context.CancelFunc
	why    error
}

// errSilent says why a run stopped by itself.
var errSilent = fmt.Errorf("%d lines in a row were not answered: the deployment or PortOne is down. Run the same file again later", silentMax)

// move sends every line once. Its error says that some are not imported.
func (m *mover) move(ctx context.Context, lines []line) error {
	sending, stop := context.WithCancel(ctx)
	defer stop()
	m.stop = stop
	places, outcomes := make(chan int), make(chan placed, m.workers)
	var workers sync.WaitGroup
	for range m.workers {
		workers.Go(func() {
			for i := range places {
				outcomes <- placed{i, m.one(ctx, sending, lines[i])}
			}
		})
	}
	go func() {
		for i := range lines {
			places <- i
		}
		close(places)
		workers.Wait()
		close(outcomes)
	}()
	counts, err := m.collect(outcomes, len(lines))
	switch {
	case err != nil:
		return err
	case m.why != nil:
		return m.why
	case ctx.Err() != nil:
		return errors.New("interrupted: run the same file again")
	case counts[refused]+counts[unknown] > 0:
		return fmt.Errorf("refused: %d, unknown: %d. The report says why", counts[refused], counts[unknown])
	}
	return nil
}

// placed is an outcome with its place in the report.
type placed struct {
	place int
	outcome
}

// collect writes the outcomes in the order of the lines, as soon as they are whole up to there, and says how far it is.
func (m *mover) collect(outcomes <-chan placed, total int) (map[result]int, error) {
	counts, waiting, next := map[result]int{}, map[int]outcome{}, 0
	var failure error
	told := m.began
	for o := range outcomes {
		counts[o.result]++
		waiting[o.place] = o.outcome
		for {
			ready, ok := waiting[next]
			if !ok {
				break
			}
			delete(waiting, next)
			next++
			if err := m.out.write(ready); err != nil && failure == nil {
				failure = fmt.Errorf("the report cannot be written: %w", err)
				m.stop()
			}
		}
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			m.tell(counts, next, total)
		}
	}
	m.tell(counts, next, total)
	return counts, failure
}

func (m *mover) tell(counts map[result]int, done, total int) {
	var parts []string
	for _, r := range results {
		if counts[r] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[r], r))
		}
	}
	seconds := max(time.Since(m.began).Seconds(), 0.001)
	fmt.Fprintf(m.errs, "%d of %d lines: %s (%.1f s, %.0f a second)\n", done, total, strings.Join(parts, ", "), seconds, float64(done)/seconds)
}

// one sends a line. A request that is under way when the run stops is still waited for: its answer is worth more than the seconds.
func (m *mover) one(ctx, sending context.Context, l line) outcome {
	o := outcome{line: l.number, result: refused}
	if l.wrong != nil {
		o.reason = l.wrong.Error()
		return o
	}
	if m.limit.wait(sending) != nil || sending.Err() != nil {
		o.result = notSent
		return o
	}
	request := l.request
	request.DryRun = m.dry
	s, made, err := m.api.Import(context.WithoutCancel(ctx), request)
	o.id = s.SubscriptionID
	for _, n := range s.Notes {
		o.reason = strings.TrimSpace(o.reason + " " + n.Message)
	}
	var refusal *client.Error
	switch {
	case err == nil && made:
		o.result = imported
	case err == nil && s.DryRun:
		o.result = valid
	case err == nil:
		o.result = already
		m.limit.back() // the API knew it without a lookup
	case errors.As(err, &refusal) && refusal.Status < 500 && refusal.Status != 429:
		o.reason = strings.TrimSpace(refusal.Code + ": " + refusal.Message)
		if refusal.Status == 403 {
			o.reason = "403, not signed by a role that may call the API: " + refusal.Message
		}
	default:
		o.result, o.reason = unknown, err.Error()
	}
	m.read(o.result)
	return o
}

// heard stops the run when nobody answers any more.
func (m *mover) read(r result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silent++; r != unknown {
		m.silent = 0
	}
	if m.silent == silentMax && m.why == nil {
		m.why = errSilent
		m.stop()
	}
}

// report is the CSV of outcomes.
type report struct{ rows *csv.Writer }

func newReport(to io.Writer) *report {
	r := &report{csv.NewWriter(to)}
	_ = r.rows.Write([]string{"line", "id", "result", "reason"}) // its error shows with the first line
	return r
}

func (r *report) write(o outcome) error {
	if err := r.rows.Write([]string{strconv.Itoa(o.line), o.id, string(o.result), o.reason}); err != nil {
		return err
	}
	r.rows.Flush() // what happened is on the disk whatever becomes of this process
	return r.rows.Error()
}

// limiter lets one lookup through every interval.
type limiter struct {
	every time.Duration // 0: no limit
	mu    sync.Mutex
	next  time.Time
}

func newLimiter(rate float64) *limiter {
	if rate == 0 {
		return &limiter{}
	}
	return &limiter{every: time.Duration(float64(time.Second) / rate)}
}

func (l *limiter) wait(ctx context.Context) error {
	l.mu.Lock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	pause := l.next.Sub(now)
	l.next = l.next.Add(l.every)
	l.mu.Unlock()
	if pause == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// back returns a place that no lookup needed.
func (l *limiter) back() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = l.next.Add(-l.every)
}
