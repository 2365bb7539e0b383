package eventaudit_test

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
	"tosspay-sam/sim/stream"
)

// telling is the real publisher between the store's stream and two sinks of which a third of the calls go wrong. Now and then its process dies in
// the middle of one: what the stream had given it, it gives to the next process.
type telling struct {
	stream    stream.Stream
	bus, post flaky
	publisher publish.Publisher
	died      int
}

func newTelling() *telling {
	rng := rand.New(rand.NewPCG(7, 7))
	told := &telling{bus: flaky{rng: rng, first: map[string]bool{}}, post: flaky{rng: rng, whole: true, first: map[string]bool{}}}
	told.publisher = publish.Publisher{Sinks: []publish.Sink{&told.bus, &told.post}, Log: slog.New(slog.DiscardHandler)}
	return told
}

func (s *telling) pump(t *testing.T) {
	t.Helper()
	for s.stream.Waiting() > 0 {
		func() {
			defer func() {
				if p := recover(); p != nil {
					if p != errKilled {
						panic(p)
					}
					s.died++
				}
			}()
			_ = s.stream.Step(t.Context(), s.publisher.Publish)
		}()
	}
}

var errKilled = errors.New("kill -9")

// flaky is a sink that fails in every way there is.
type flaky struct {
	rng    *rand.Rand
	whole  bool          // it takes all events of a request or none
	order  []event.Event // as they first came
	first  map[string]bool
	copies int
}

func (f *flaky) Put(_ context.Context, events []event.Event) (refused []int, err error) {
	chance := 18
	if f.whole {
		chance = 14
	}
	switch f.rng.IntN(chance) {
	case 0:
		return nil, errors.New("it never arrived")
	case 1:
		f.take(events)
		return nil, errors.New("its answer was lost")
	case 2:
		panic(errKilled)
	case 3:
		f.take(events)
		panic(errKilled)
	case 14, 15:
		for i := range events {
			if f.rng.IntN(3) == 0 {
				refused = append(refused, i)
			} else {
				f.take(events[i : i+1])
			}
		}
		return refused, nil
	}
	f.take(events)
	return nil, nil
}

func (f *flaky) take(events []event.Event) {
	for _, e := range events {
		if f.copies++; !f.first[e.ID] {
			f.first[e.ID] = true
			f.order = append(f.order, e)
		}
	}
}

// check: both sinks have every event of the writes, and none else. Those of a record came in order, but for ones that a sink refused between
// others of one request: the bus does that, and its consumers have the sequence.
func (s *telling) check(t *testing.T, all map[string][]event.Event) {
	t.Helper()
	want := 0
	for _, events := range all {
		want += len(events)
	}
	for name, sink := range map[string]*flaky{"bus": &s.bus, "post": &s.post} {
		if len(sink.first) != want {
			t.Errorf("%s got %d events, %d were made", name, len(sink.first), want)
		}
		for _, events := range all {
			for _, e := range events {
				if !sink.first[e.ID] {
					t.Errorf("%s never got %s", name, e.ID)
				}
			}
		}
		if sink.copies < want+want/20 || s.died < histories/100 {
			t.Errorf("%s: %d copies of %d events, %d processes died: too few faults to say anything", name, sink.copies, want, s.died)
		}
		late, last := 0, map[string]int64{}
		for _, e := range sink.order {
			record := e.ID[:strings.LastIndex(e.ID[:strings.LastIndex(e.ID, "/")], "/")]
			if e.Sequence < last[record] {
				late++
			}
			last[record] = max(last[record], e.Sequence)
		}
		if late > 0 && sink.whole {
			t.Errorf("%s: %d events were overtaken by later ones of their record", name, late)
		}
		t.Logf("%s: %d events, %d copies, %d processes died, %d overtaken by others of their request", name, want, sink.copies, s.died, late)
	}
}
