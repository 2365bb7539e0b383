// Package stream is the table's stream on a laptop and in tests: the changes of a store, in order, given again until they were dealt with.
package stream

import (
	"context"
	"sync"
	"time"

	"tosspay-sam/shared/event"
)

// BatchMax is how many changes a reader gets at once, as template.yaml sets it.
const BatchMax = 100

// Stream is one. The zero value is ready; its methods are safe for concurrent use, but for Step and Run, of which one may be at work at a time.
type Stream struct {
	mu      sync.Mutex
	waiting []event.Change
	news    chan struct{}
}

// Changed takes one write; it is a memstore.Store's Changed.
func (s *Stream) Changed(c event.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, c)
	select {
	case s.bell() <- struct{}{}:
	default:
	}
}

func (s *Stream) bell() chan struct{} {
	if s.news == nil {
		s.news = make(chan struct{}, 1)
	}
	return s.news
}

// Waiting is how many changes have not been dealt with.
func (s *Stream) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// Step gives one batch to the reader, which says how many changes from its beginning it has dealt with. The others stay, as all do when the
// reader never returns.
func (s *Stream) Step(ctx context.Context, read func(context.Context, []event.Change) (int, error)) error {
	s.mu.Lock()
	batch := s.waiting[:min(len(s.waiting), BatchMax)]
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	done, err := read(ctx, batch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = s.waiting[done:]
	return err
}

// Run gives batches to the reader whenever there are changes, until ctx ends. After an error it waits for pause.
func (s *Stream) Run(ctx context.Context, pause time.Duration, read func(context.Context, []event.Change) (int, error)) {
	s.mu.Lock()
	news := s.bell()
	s.mu.Unlock()
	for {
		for s.Waiting() > 0 && ctx.Err() == nil {
			if s.Step(ctx, read) == nil {
				continue
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-news:
		}
	}
}
