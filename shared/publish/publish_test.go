package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/telemetry"
)

// sink remembers requests, and answers with what it is given for each.
type sink struct {
	answers []func(events []event.Event) ([]int, error)
	got     []string // of each request: the ids
	name    func(event.Event) string
}

func (s *sink) Put(_ context.Context, events []event.Event) ([]int, error) {
	var ids []string
	for _, e := range events {
		if s.name == nil {
			s.name = func(e event.Event) string { return strings.Split(e.ID, "/")[1] }
		}
		ids = append(ids, s.name(e))
	}
	s.got = append(s.got, strings.Join(ids, " "))
	if len(s.answers) < len(s.got) {
		return nil, nil
	}
	return s.answers[len(s.got)-1](events)
}

func paid(i int) event.Change {
	at := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	return event.Change{Order: order.Order{ID: fmt.Sprintf("order-%02d", i), Status: order.Paid, Revision: 1, History: []order.Step{{At: at, To: order.Paid, Event: "captured", Revision: 1}}}}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	quiet := event.Change{Order: order.Order{ID: "order-quiet", Status: order.Open, Revision: 1, History: []order.Step{{To: order.Open, Event: "created", Revision: 1}}}}
	ten := "order-00 order-01 order-02 order-03 order-04 order-05 order-06 order-07 order-08 order-09"
	all := func(n int) (changes []event.Change) {
		for i := range n {
			changes = append(changes, paid(i))
		}
		return changes
	}
	refuse := func(places ...int) func([]event.Event) ([]int, error) {
		return func([]event.Event) ([]int, error) { return places, nil }
	}
	fail := func([]event.Event) ([]int, error) { return nil, down }
	fine := func([]event.Event) ([]int, error) { return nil, nil }
	for _, test := range []struct {
		name       string
		changes    []event.Change
		bus, post  sink
		done       int
		first, too []string // what each was asked
	}{
		{name: "nothing"},
		{name: "nothing to tell", changes: []event.Change{quiet}, done: 1},
		{name: "batches of ten", changes: all(11), done: 11, first: []string{ten, "order-10"}, too: []string{ten, "order-10"}},
		{name: "the bus is down", changes: all(2), bus: sink{answers: []func([]event.Event) ([]int, error){fail}}, done: 0, first: []string{"order-00 order-01"}},
		{name: "down at the second batch", changes: append([]event.Change{quiet}, all(11)...), bus: sink{answers: []func([]event.Event) ([]int, error){fine, fail}}, done: 11,
			first: []string{ten, "order-10"}, too: []string{ten}},
		{name: "the bus refuses one", changes: all(3), bus: sink{answers: []func([]event.Event) ([]int, error){refuse(1)}}, done: 1,
			first: []string{"order-00 order-01 order-02"}, too: []string{"order-00"}},
		{name: "the bus refuses the first", changes: all(3), bus: sink{answers: []func([]event.Event) ([]int, error){refuse(0, 2)}}, done: 0,
			first: []string{"order-00 order-01 order-02"}},
		{name: "the queue refuses", changes: all(3), post: sink{answers: []func([]event.Event) ([]int, error){refuse(2)}}, done: 2,
			first: []string{"order-00 order-01 order-02"}, too: []string{"order-00 order-01 order-02"}},
		{name: "the queue is down after the bus refused", changes: all(3), bus: sink{answers: []func([]event.Event) ([]int, error){refuse(2)}},
			post: sink{answers: []func([]event.Event) ([]int, error){fail}}, done: 0, first: []string{"order-00 order-01 order-02"}, too: []string{"order-00 order-01"}},
	} {
		var logs bytes.Buffer
		p := publish.Publisher{Sinks: []publish.Sink{&test.bus, &test.post}, Log: telemetry.New(&logs, "info")}
		done, err := p.Publish(t.Context(), test.changes)
		if done != test.done || (err == nil) != (done == len(test.changes)) {
			t.Errorf("%s: %d done, %v, want %d", test.name, done, err, test.done)
		}
		if !slices.Equal(test.bus.got, test.first) || !slices.Equal(test.post.got, test.too) {
			t.Errorf("%s: the bus was asked %q, the queue %q, want %q, %q", test.name, test.bus.got, test.post.got, test.first, test.too)
		}
	}
}

// TestHoleAlarms: a history that does not tell everything is told of, and what is known is sent.
func TestHoleAlarms(t *testing.T) {
	t.Parallel()
	var logs bytes.Buffer
	var bus sink
	c := paid(1)
	c.OldOrder, c.Order.Revision, c.Order.Status = c.Order, 9, order.Refunded
	p := publish.Publisher{Sinks: []publish.Sink{&bus}, Log: telemetry.New(&logs, "info")}
	if done, err := p.Publish(t.Context(), []event.Change{c}); done != 1 || err != nil {
		t.Fatal(done, err)
	}
	if !strings.Contains(logs.String(), `"event":"publish.incomplete"`) || len(bus.got) != 1 {
		t.Errorf("sent %q, logged %s", bus.got, logs.String())
	}
}
