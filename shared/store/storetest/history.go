package storetest

import (
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
)

// testHistoryRevisions: events are named by the revision of the write that added a history entry, so it must never change: not for the entry
// that a claim appends without reading the order, not when a lease comes between, not for two entries of one save.
func testHistoryRevisions(t *testing.T, s payment.Store) {
	o := create(t, s, open("order-revisions"))
	claimed, err := s.Claim(timed(t), claimOf(o))
	if err != nil {
		t.Fatal(err)
	}
	at := claimed.Since.Add(time.Minute)
	leased, err := s.Lease(timed(t), order.Lease{OrderID: o.ID, At: at, Until: at.Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	next := leased
	next.Revision++
	next.History = append(slices.Clone(leased.History), order.Step{At: at, Event: "one"}, order.Step{At: at, Event: "two", Reversal: "second"})
	if _, err := s.Save(timed(t), next); err != nil {
		t.Fatal(err)
	}
	last := get(t, s, o.ID)
	last.Revision++
	if _, err := s.Save(timed(t), last); err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]order.Order{"claimed": claimed, "leased": leased, "stored": get(t, s, o.ID)} {
		want := []int64{1, 2, 3, 3}[:len(record.History)]
		var got []int64
		for _, step := range record.History {
			got = append(got, step.Revision)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the entries are of revisions %v, want %v", name, got, want)
		}
	}
}
