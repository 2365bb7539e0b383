package publish_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/publish"
)

// TestRepublish: what happened in the span is sent with the ids it had, in order, through refusals; what a history no longer tells is named.
func TestRepublish(t *testing.T) {
	t.Parallel()
	hour := func(n int) time.Time { return time.Date(2026, 11, 2, n, 0, 0, 0, time.UTC) }
	step := func(n int, from, to order.Status, kind string) order.Step {
		return order.Step{At: hour(n), From: from, To: to, Event: kind, Revision: int64(n)}
	}
	whole := order.Order{ID: "order-whole", Status: order.Refunded, Revision: 5, History: []order.Step{
		step(1, "", order.Open, "created"), step(2, order.Open, order.Paid, "captured"), step(3, order.Paid, order.Paid, "partly-refunded"),
		step(4, order.Paid, order.Paid, "partly-refunded"), step(5, order.Paid, order.Refunded, "refunded"),
	}}
	cut := order.Order{ID: "order-cut", Status: order.Refunded, Revision: 5, History: whole.History[4:]}
	long := order.Order{ID: "order-long", Status: order.Paid, Revision: 20, History: []order.Step{step(1, "", order.Open, "created")}}
	for n := 2; n <= 20; n++ {
		long.History = append(long.History, step(n, order.Paid, order.Paid, "partly-refunded"))
	}
	down := func([]event.Event) ([]int, error) { return nil, errors.New("down") }
	refuse := func([]event.Event) ([]int, error) { return []int{1}, nil }
	for _, test := range []struct {
		name         string
		of           order.Order
		since, until time.Time
		answers      []func([]event.Event) ([]int, error)
		dry          bool
		want         []string // the last request that had all of a batch, sent by sent
		sent         int
		cut, fails   bool
	}{
		{name: "all", of: whole, since: hour(0), until: hour(9), want: []string{"2/paid 3/refunded 4/refunded 5/refunded"}, sent: 4},
		{name: "a span", of: whole, since: hour(3), until: hour(5), want: []string{"3/refunded 4/refunded"}, sent: 2},
		{name: "nothing in it", of: whole, since: hour(6), until: hour(9)},
		{name: "only said", of: whole, since: hour(0), until: hour(9), dry: true, sent: 4},
		{name: "cut before", of: cut, since: hour(3), until: hour(9), want: []string{"5/refunded"}, sent: 1, cut: true},
		{name: "cut, but not before", of: cut, since: hour(5), until: hour(9), want: []string{"5/refunded"}, sent: 1},
		{name: "refused, then taken", of: whole, since: hour(0), until: hour(9), answers: []func([]event.Event) ([]int, error){refuse, down},
			want: []string{"2/paid 3/refunded 4/refunded 5/refunded", "3/refunded 4/refunded 5/refunded", "3/refunded 4/refunded 5/refunded"}, sent: 4},
		{name: "down", of: whole, since: hour(0), until: hour(9), answers: []func([]event.Event) ([]int, error){down, down, down, down, down},
			want: slices.Repeat([]string{"2/paid 3/refunded 4/refunded 5/refunded"}, 5), fails: true},
	} {
		bus := &sink{answers: test.answers, name: func(e event.Event) string { return strings.Join(strings.Split(e.ID, "/")[2:], "/") }}
		r := publish.Republisher{
			Publisher: &publish.Publisher{Sinks: []publish.Sink{bus}, Log: slog.New(slog.DiscardHandler)}, Since: test.since, Until: test.until, DryRun: test.dry,
			Wait: func(context.Context, time.Duration) error { return nil },
		}
		err := r.Visit(t.Context(), event.Change{Order: test.of})
		if (err != nil) != test.fails || r.Sent != test.sent || !slices.Equal(bus.got, test.want) || (len(r.Cut) > 0) != test.cut {
			t.Errorf("%s: %v, sent %d, asked %q, cut %v", test.name, err, r.Sent, bus.got, r.Cut)
		}
	}
	bus := &sink{}
	r := publish.Republisher{Publisher: &publish.Publisher{Sinks: []publish.Sink{bus}, Log: slog.New(slog.DiscardHandler)}, Until: hour(23)}
	if err := r.Visit(t.Context(), event.Change{Order: long}); err != nil || r.Sent != 19 || len(bus.got) != 2 {
		t.Errorf("19 events: %v, sent %d in %d requests", err, r.Sent, len(bus.got))
	}
}
