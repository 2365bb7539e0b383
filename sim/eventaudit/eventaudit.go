// Package eventaudit judges the events made of a store's changes: none missing, none invented, ids that never change, in order. It is told of
// every write and compares the events of each with what the records themselves say at the end.
package eventaudit

import (
	"fmt"
	"slices"
	"sync"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// Audit collects changes. The zero value is ready; its methods are safe for concurrent use.
type Audit struct {
	// Check, when set, judges each event by itself, such as by its schema.
	Check func(event.Event) error

	mu      sync.Mutex
	changes int
	last    map[string]event.Change  // by record
	streams map[string][]event.Event // by record, in order
	seen    map[string]bool          // ids
	broken  []string
}

// Changed takes one write; it is a memstore.Store's Changed.
func (a *Audit) Changed(c event.Change) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last == nil {
		a.last, a.streams, a.seen = map[string]event.Change{}, map[string][]event.Event{}, map[string]bool{}
	}
	a.changes++
	record := c.Record()
	a.last[record] = c
	events, hole := c.Events()
	if hole {
		a.breaks("%s: its history does not tell how it came to revision %d", record, c.Order.Revision+c.Subscription.Revision)
	}
	single := addedBy(c) == 1
	for _, e := range events {
		a.take(record, e)
		if lie := untrue(c, e, single); lie != "" && e.Data.Reason != event.Unrecorded {
			a.breaks("%s is untrue: %s", e.ID, lie)
		}
	}
}

func (a *Audit) take(record string, e event.Event) {
	if a.seen[e.ID] {
		a.breaks("%s: two events have this id", e.ID)
	}
	a.seen[e.ID] = true
	if before := a.streams[record]; len(before) > 0 && before[len(before)-1].Sequence > e.Sequence {
		a.breaks("%s comes after sequence %d", e.ID, before[len(before)-1].Sequence)
	}
	if a.Check != nil {
		if err := a.Check(e); err != nil {
			a.breaks("%s: %v", e.ID, err)
		}
	}
	a.streams[record] = append(a.streams[record], e)
}

func (a *Audit) breaks(format string, args ...any) {
	if len(a.broken) < 20 {
		a.broken = append(a.broken, fmt.Sprintf(format, args...))
	}
}

// Events returns a copy of the events of all records, each record's in order.
func (a *Audit) Events() map[string][]event.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[string][]event.Event, len(a.streams))
	for record, events := range a.streams {
		all[record] = slices.Clone(events)
	}
	return all
}

// Broken compares the events with the records as they are now and says what is wrong.
func (a *Audit) Broken() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for record, c := range a.last {
		told := a.streams[record]
		if want, got := lastStatus(c), statusOf(told); want != "" && want != got {
			a.breaks("%s is %s, its events end with %q", record, want, got)
		}
		history, from := c.History()
		a.same(record, told, history, from.IsZero())
	}
	return slices.Clone(a.broken)
}

// Size is how many writes were seen, of how many records, and how many events they made.
func (a *Audit) Size() (changes, records, events int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changes, len(a.last), len(a.seen)
}

// same: what the table still tells is what was sent, with the same ids; all of it, unless the history has become too long.
func (a *Audit) same(record string, told, history []event.Event, complete bool) {
	if complete && len(told) != len(history) {
		a.breaks("%s: %d events were made of its writes, %d of its history", record, len(told), len(history))
		return
	}
	if len(history) > len(told) {
		a.breaks("%s: the history tells of %d events, its writes of %d", record, len(history), len(told))
		return
	}
	for i, e := range told[len(told)-len(history):] {
		if h := history[i]; h.ID != e.ID || h.Sequence != e.Sequence || h.Type != e.Type || !h.Timestamp.Equal(e.Timestamp) {
			a.breaks("%s: sent as %s, later made as %s", record, e.ID, h.ID)
		}
	}
}

// lastStatus is the status that a merchant must know from events; empty for those that nothing is told of.
func lastStatus(c event.Change) string {
	switch {
	case c.Order.ID == "" && c.Subscription.Status == subscription.Enrolling, c.Order.Status == order.Open, c.Order.Status == order.Processing:
		return ""
	case c.Order.ID == "":
		return string(c.Subscription.Status)
	}
	return string(c.Order.Status)
}

// statusOf is the status that the last event shows.
func statusOf(events []event.Event) string {
	if len(events) == 0 {
		return ""
	}
	last := events[len(events)-1].Data
	if last.Order != nil {
		return last.Order.Status
	}
	return last.Subscription.Status
}
