package payment_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/payment"
)

// shelf is a due index whose records lie in one shard, and a queue beside it.
type shelf struct {
	mu      sync.Mutex
	records int
	taken   map[string]bool // by another tick
	leased  []string
	sent    int
	waiting func(sent int) int
	looks   int
	err     error // of a look
	times   []time.Time
}

func (s *shelf) Due(_ context.Context, shard int, _ time.Time, limit int, cursor string) (due []payment.DueRecord, next string, err error) {
	if shard != 0 {
		return nil, "", nil
	}
	from := 0
	_, _ = fmt.Sscan(cursor, &from)
	for i := from; i < min(from+limit, s.records); i++ {
		due = append(due, payment.DueRecord{Kind: payment.KindSubscription, ID: fmt.Sprintf("sub-%04d", i)})
	}
	if from+limit < s.records {
		next = fmt.Sprint(from + limit)
	}
	return due, next, nil
}

func (s *shelf) LeaseDue(_ context.Context, r payment.DueRecord, _, _ time.Time) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[r.ID] {
		return 0, payment.ErrNotDue
	}
	s.leased = append(s.leased, r.ID)
	return 1, nil
}

func (s *shelf) Send(_ context.Context, m []payment.Message) ([]payment.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent += len(m)
	s.times = append(s.times, time.Now())
	return nil, nil
}

func (s *shelf) Waiting(context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	if s.err != nil {
		return 0, s.err
	}
	return s.waiting(s.sent), nil
}

// tick runs one for up to a minute of virtual time.
func (s *shelf) tick(t *testing.T, workers int) (tick payment.Tick, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wait := func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	d := payment.Dispatcher{Due: s, Queue: s, Workers: workers, Now: time.Now, Wait: wait, Log: slog.New(slog.DiscardHandler)}
	return d.Run(ctx)
}

func empty(int) int { return 0 }

// TestTickKeepsTheQueueFilled: whatever the workers' pace, no more waits than they can take up before a lease is over.
func TestTickKeepsTheQueueFilled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		workers    int
		waiting    func(sent int) int
		least, max int // sent in a minute
	}{
		{"workers that are as quick as can be", 640, empty, 500, 600}, // 10 a second for this shard
		{"many of them", 1 << 20, empty, 4_500, 5_040},                // 90 a second, so that its index partition stays cool
		{"nobody works", 640, func(sent int) int { return sent }, 300, 480},
		{"the queue is full already", 640, func(int) int { return 640 }, 0, 0},
		{"and longer than that", 640, func(int) int { return 1_000_000 }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{records: 10_000, waiting: test.waiting}
				tick, err := s.tick(t, test.workers)
				if err != nil || !tick.More || s.sent < test.least || s.sent > test.max || int64(s.sent) != tick.Passed || len(s.leased) != s.sent {
					t.Errorf("sent %d of 10,000 in a minute, want %d to %d; leased %d, %+v, %v", s.sent, test.least, test.max, len(s.leased), tick, err)
				}
				if s.looks > 61 {
					t.Errorf("%d looks at the queue in a minute, want one a second", s.looks)
				}
			})
		})
	}
}

// TestTickPassesOnLittleAtOnce: an ordinary minute waits for nothing, and an idle one asks the queue nothing.
func TestTickPassesOnLittleAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{records: payment.QueueBatch, waiting: empty}
		began := time.Now()
		if tick, err := s.tick(t, 4); err != nil || tick.Passed != payment.QueueBatch || tick.More || time.Since(began) != 0 || s.looks != 1 {
			t.Errorf("%+v, %v, after %v and %d looks", tick, err, time.Since(began), s.looks)
		}
		idle := &shelf{waiting: empty}
		if tick, err := idle.tick(t, 4); err != nil || tick != (payment.Tick{}) || idle.looks != 0 {
			t.Errorf("idle: %+v, %v, %d looks", tick, err, idle.looks)
		}
	})
}

// TestTickLeavesAShardToAnother: a young tick that finds half of a batch taken leaves the rest; one that has been at work for a while does when it finds
// all of a batch taken.
func TestTickLeavesAShardToAnother(t *testing.T) {
	t.Parallel()
	taken := func(from, to int) map[string]bool {
		all := map[string]bool{}
		for i := from; i < to; i++ {
			all[fmt.Sprintf("sub-%04d", i)] = true
		}
		return all
	}
	for _, test := range []struct {
		name    string
		workers int // 1<<20: the tick is young at every record; 320: it passes on 5 a second, and is not from the 160th on
		taken   map[string]bool
		want    int
		left    int64
	}{
		{"nobody else", 1 << 20, nil, 250, 0},
		{"another one is ahead", 1 << 20, taken(0, 10), 0, 1},
		{"another one is beside", 1 << 20, taken(0, 5), 5, 1},
		{"some were saved since they were listed", 1 << 20, taken(0, 4), 246, 0},
		{"another one has gone ahead", 1 << 20, taken(20, 30), 20, 1},
		{"a younger one is beside", 320, taken(161, 170), 241, 0},
		{"a younger one has gone ahead", 320, taken(170, 180), 170, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{records: 250, taken: test.taken, waiting: empty}
			if tick, err := s.tick(t, test.workers); err != nil || s.sent != test.want || tick.Left != test.left || tick.More {
				t.Errorf("%s: sent %d, want %d; %+v, %v", test.name, s.sent, test.want, tick, err)
			}
		})
	}
}

// TestTickThatCannotLookSendsNothing: without the queue's length nothing is leased, and the tick says why.
func TestTickThatCannotLookSendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("access denied")
		s := &shelf{records: 50, waiting: empty, err: broken}
		if tick, err := s.tick(t, 100); !errors.Is(err, broken) || len(s.leased) != 0 || s.looks != 1 || !tick.More {
			t.Errorf("%+v, %v, %d leased, %d looks", tick, err, len(s.leased), s.looks)
		}
	})
}
