package eventaudit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/stream"
)

// killedSeeds are the lives of which every write is tried: some 300 writes, each with a process killed at each of the moments.
const killedSeeds = 4

// The moments between a write and the end of its publishing.
const (
	beforePublish = iota // the write is done, nothing was sent
	betweenSinks         // the bus has it, the merchant's webhook has not
	beforeAnswer         // both have it, and the stream does not know
	moments
)

// TestKilledAtEveryWrite: after each write of a life, at each moment before its publishing is over, the process is killed, and a new one goes on. No event
// is lost, none is told that the writes did not make, and each sink first hears of a record in its order. A write that was refused says nothing.
func TestKilledAtEveryWrite(t *testing.T) {
	t.Parallel()
	tried := 0
	for seed := range uint64(killedSeeds) {
		changes := lifeOf(t, seed)
		var want []string
		for _, c := range changes {
			events, _ := c.Events()
			for _, e := range events {
				want = append(want, e.ID)
			}
		}
		for write := range changes {
			for moment := range moments {
				tried++
				bus, post := toldWhenKilled(t, changes, write, moment)
				if !slices.Equal(bus, want) || !slices.Equal(post, want) {
					t.Fatalf("seed %d, killed at moment %d of write %d (%s): the bus got %d events, the webhook %d, %d were made, or in another order",
						seed, moment, write, changes[write].Record(), len(bus), len(post), len(want))
				}
			}
		}
	}
	if tried < 500 {
		t.Errorf("only %d kills", tried)
	}
	t.Log(tried, "kills")
}

// lifeOf is what the writes of one order and one subscription changed, in order.
func lifeOf(t *testing.T, seed uint64) (changes []event.Change) {
	s := memstore.New()
	s.Changed = func(c event.Change) { changes = append(changes, c) }
	r := random{t, rand.New(rand.NewPCG(seed, 1)), s, begin}
	r.order(fmt.Sprintf("order-%04d", seed))
	r.subscription(fmt.Sprintf("sub-%04d", seed))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	before := len(changes)
	o, err := s.Get(ctx, fmt.Sprintf("order-%04d", seed))
	if err != nil {
		t.Fatal(err)
	}
	o.Revision-- // somebody else was first
	if _, err := s.Save(ctx, o); !errors.Is(err, payment.ErrConflict) || len(changes) != before {
		t.Errorf("a write that was refused (%v) made %d changes", err, len(changes)-before)
	}
	return changes
}

// toldWhenKilled publishes the changes one after another; the process dies once.
func toldWhenKilled(t *testing.T, changes []event.Change, write, moment int) (bus, post []string) {
	var told stream.Stream
	var first, second recorder
	for i, c := range changes {
		told.Changed(c)
		if i == write {
			dies(func() {
				_ = told.Step(t.Context(), func(ctx context.Context, batch []event.Change) (int, error) {
					sinks := []publish.Sink{&first, killer{}, &second}
					switch moment {
					case beforePublish:
						sinks = []publish.Sink{killer{}}
					case beforeAnswer:
						sinks = []publish.Sink{&first, &second, killer{}}
					}
					done, err := publisher(sinks...).Publish(ctx, batch)
					panic(fmt.Sprint(errKilled, done, err)) // a write without events dies here
				})
			})
		}
		for told.Waiting() > 0 {
			if err := told.Step(t.Context(), publisher(&first, &second).Publish); err != nil {
				t.Fatal(err)
			}
		}
	}
	return first.ids, second.ids
}

func publisher(sinks ...publish.Sink) *publish.Publisher {
	return &publish.Publisher{Sinks: sinks, Log: slog.New(slog.DiscardHandler)}
}

// dies runs a process to its end.
func dies(process func()) {
	defer func() { _ = recover() }()
	process()
}

// killer is where the process ends.
type killer struct{}

// Put implements publish.Sink.
func (killer) Put(context.Context, []event.Event) ([]int, error) { panic(errKilled) }

// recorder is a consumer that leaves out what it has had.
type recorder struct{ ids []string }

// Put implements publish.Sink.
func (r *recorder) Put(_ context.Context, events []event.Event) ([]int, error) {
	for _, e := range events {
		if !slices.Contains(r.ids, e.ID) {
			r.ids = append(r.ids, e.ID)
		}
	}
	return nil, nil
}
