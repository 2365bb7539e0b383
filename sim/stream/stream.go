// Package stream is the table's stream on a laptop and in tests: the changes of a store, in order, given again until they were dealt with.
package stream

import (
	"context"
	"sync"

	"tosspay-sam/shared/event"
)

// BatchMax is how many changes a reader gets at once, as template.yaml sets it.
const BatchMax = 100

// Stream is one. The zero value is ready; its methods are safe for concurrent use, but for Step, of which one may be at work at a time.
type Stream struct {
	mu      sync.Mutex
	waiting []event.Change
}

// Changed takes one write; it is a memstore.Store's Changed.
func (s *Stream) Changed(c event.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, c)
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
