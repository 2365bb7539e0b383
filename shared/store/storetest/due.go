package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

// pagesMax ends a listing that never ends.
const pagesMax = 100

// dueIn returns everything that is due in a shard, page by page.
func dueIn(t *testing.T, s payment.Store, shard int, before time.Time, limit int) (due []payment.DueRecord, pages int) {
	t.Helper()
	cursor := ""
	for pages < pagesMax {
		page, next, err := s.Due(timed(t), shard, before, limit, cursor)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if len(page) > limit {
			t.Errorf("a page has %d records, the limit is %d", len(page), limit)
		}
		due = append(due, page...)
		if next == "" {
			return due, pages
		}
		cursor = next
	}
	t.Fatalf("shard %d does not end after %d pages", shard, pagesMax)
	return nil, 0
}

func dueEverywhere(t *testing.T, s payment.Store, before time.Time) (due []payment.DueRecord) {
	t.Helper()
	for shard := range payment.DueShards {
		in, _ := dueIn(t, s, shard, before, 100)
		due = append(due, in...)
	}
	return due
}

func orderRecord(id string) payment.DueRecord {
	return payment.DueRecord{Kind: payment.KindOrder, ID: id}
}

func subscriptionRecord(id string) payment.DueRecord {
	return payment.DueRecord{Kind: payment.KindSubscription, ID: id}
}

// sorted forgets the order of records that are due at the same moment: no index promises one.
func sorted(records []payment.DueRecord) []payment.DueRecord {
	return slices.SortedFunc(slices.Values(records), func(a, b payment.DueRecord) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
}

func shardOf(t *testing.T, id string) int {
	t.Helper()
	shard, err := strconv.Atoi(item.Shard(id))
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

// idsOfOneShard returns n ids that share a shard.
func idsOfOneShard(t *testing.T, shard, n int) (ids []string) {
	t.Helper()
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("order-%d", i); shardOf(t, id) == shard {
			ids = append(ids, id)
		}
	}
	return ids
}

func wantDue(t *testing.T, s payment.Store, what string, r payment.DueRecord, before time.Time, want bool) {
	t.Helper()
	if due, _ := dueIn(t, s, shardOf(t, r.ID), before, 10); slices.Contains(due, r) != want {
		t.Errorf("%s: due is %v, want it to contain %v: %v", what, due, r, want)
	}
}

var far = created.AddDate(10, 0, 0)

func testDueSparse(t *testing.T, s payment.Store) {
	o := create(t, s, open("order-1"))
	save := func(what string, due bool) {
		t.Helper()
		o.Revision++
		if _, err := s.Save(timed(t), o); err != nil {
			t.Fatal(err)
		}
		wantDue(t, s, what, orderRecord(o.ID), far, due)
	}
	wantDue(t, s, "open", orderRecord(o.ID), far, true)

	o.Status, o.DueAt = order.Paid, time.Time{}
	save("final", false)
	o.Reversals, o.DueAt = []order.Reversal{{Key: "key-2", Reason: string(ledger.Second), DecidedAt: created}}, created
	save("paid, and money of another payment to give back", true)
	o.Reversals[0].DoneAt, o.DueAt = created, time.Time{}
	save("given back", false)
	o.Status, o.DueAt = order.Processing, created
	save("due again", true)

	final := open("order-2")
	final.Status, final.DueAt = order.Review, time.Time{}
	create(t, s, final)
	wantDue(t, s, "created as final", orderRecord(final.ID), far, false)
	if _, err := s.Lease(timed(t), order.Lease{OrderID: final.ID, At: created, Until: far, Final: true}); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "a lease of a final one", orderRecord(final.ID), far, false)

	sub := createSubscription(t, s, enrolling("subscription-1"))
	wantDue(t, s, "enrolling", subscriptionRecord(sub.ID), far, true)
	for _, due := range []bool{false, true} {
		sub.DueAt = time.Time{}
		if due {
			sub.DueAt = created
		}
		sub.Revision++
		if _, err := s.SaveSubscription(timed(t), sub); err != nil {
			t.Fatal(err)
		}
		wantDue(t, s, "a saved subscription", subscriptionRecord(sub.ID), far, due)
	}
	canceled := enrolling("subscription-2")
	canceled.Status, canceled.DueAt = subscription.Canceled, time.Time{}
	createSubscription(t, s, canceled)
	wantDue(t, s, "created as canceled", subscriptionRecord(canceled.ID), far, false)
}

func testDueBoundary(t *testing.T, s payment.Store) {
	o := create(t, s, open("order-1"))
	wantDue(t, s, "a millisecond early", orderRecord(o.ID), o.DueAt.Add(-time.Millisecond), false)
	wantDue(t, s, "on time", orderRecord(o.ID), o.DueAt, true)
	wantDue(t, s, "within the millisecond", orderRecord(o.ID), o.DueAt.Add(time.Microsecond), true)

	c := claimOf(o)
	if _, err := s.Claim(timed(t), c); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "claimed, a millisecond early", orderRecord(o.ID), order.ClaimDue(c).Add(-time.Millisecond), false)
	wantDue(t, s, "claimed, on time", orderRecord(o.ID), order.ClaimDue(c), true)

	l := order.Lease{OrderID: o.ID, At: c.AskAfter, Until: c.AskAfter.AddDate(1, 0, 0)}
	if _, err := s.Lease(timed(t), l); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "a lease moves nothing", orderRecord(o.ID), order.ClaimDue(c), true)

	sub := createSubscription(t, s, enrolling("subscription-1"))
	wantDue(t, s, "enrolling, a millisecond early", subscriptionRecord(sub.ID), sub.DueAt.Add(-time.Millisecond), false)
	wantDue(t, s, "enrolling, on time", subscriptionRecord(sub.ID), sub.DueAt, true)
}

// dueRecord makes a record that is due at that moment: of every three one is a subscription.
func dueRecord(t *testing.T, s payment.Store, i int, id string, at time.Time) payment.DueRecord {
	t.Helper()
	if i%3 == 1 {
		sub := enrolling(id)
		sub.DueAt = at
		createSubscription(t, s, sub)
		return subscriptionRecord(id)
	}
	o := open(id)
	o.DueAt = at
	create(t, s, o)
	return orderRecord(id)
}

func testDuePages(t *testing.T, s payment.Store) {
	const shard, count, limit = 7, 10, 3
	ids := idsOfOneShard(t, shard, count+2)
	want := make([]payment.DueRecord, count)
	for i := range count {
		n := (i * 7) % count // neither the order of the ids nor the one of the due times
		want[n] = dueRecord(t, s, n, ids[n], created.Add(time.Duration(n)*time.Second))
	}
	dueRecord(t, s, 0, ids[count], created.Add(time.Hour))
	dueRecord(t, s, 1, ids[count+1], created.Add(time.Hour))
	create(t, s, open(idsOfOneShard(t, shard+1, 1)[0]))

	got, pages := dueIn(t, s, shard, created.Add(time.Minute), limit)
	if !slices.Equal(got, want) {
		t.Errorf("due are %v, want %v, earliest first", got, want)
	}
	if want := (count + limit - 1) / limit; pages < want {
		t.Errorf("%d pages, want at least %d", pages, want)
	}
}

// testDueSameMoment: a cursor that knew only the time would repeat or lose records that are due together, and one that knew only the id
// an order and a subscription that share it.
func testDueSameMoment(t *testing.T, s payment.Store) {
	const shard, count = 31, 7
	at := created.Add(time.Hour)
	ids := idsOfOneShard(t, shard, count)
	var want []payment.DueRecord
	for i, id := range ids {
		want = append(want, dueRecord(t, s, i, id, at))
	}
	want = append(want, dueRecord(t, s, 0, ids[1], at), dueRecord(t, s, 1, ids[0], at))
	for _, limit := range []int{1, 2, 100} {
		got, _ := dueIn(t, s, shard, at, limit)
		if !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("limit %d: due are %v, want each of %v once", limit, got, want)
		}
	}
}

// testDueMixed: neither kind waits for the other.
func testDueMixed(t *testing.T, s payment.Store) {
	const shard = 5
	ids := idsOfOneShard(t, shard, 3)
	want := []payment.DueRecord{
		dueRecord(t, s, 1, ids[2], created),
		dueRecord(t, s, 0, ids[1], created.Add(time.Second)),
		dueRecord(t, s, 1, ids[0], created.Add(2*time.Second)),
	}
	if got, _, err := s.Due(timed(t), shard, far, len(want), ""); err != nil || !slices.Equal(got, want) {
		t.Errorf("one page is %v, %v, want %v, earliest first", got, err, want)
	}
}

func testDueShards(t *testing.T, s payment.Store) {
	const each = 40
	var want []payment.DueRecord
	for kind, make := range map[string]func(id string) payment.DueRecord{
		"order": func(id string) payment.DueRecord { return orderRecord(create(t, s, open(id)).ID) },
		"subscription": func(id string) payment.DueRecord {
			return subscriptionRecord(createSubscription(t, s, enrolling(id)).ID)
		},
	} {
		shards := map[int]bool{}
		for i := range each {
			r := make(fmt.Sprintf("%s-%d", kind, i))
			want = append(want, r)
			shards[shardOf(t, r.ID)] = true
		}
		// 40 records thrown into 32 shards leave fewer than half of them empty; the same ids always fall alike.
		if len(shards) < payment.DueShards/2 {
			t.Errorf("%d records of kind %s are in %d shards of %d", each, kind, len(shards), payment.DueShards)
		}
	}
	if got := dueEverywhere(t, s, far); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("all shards together have %v, want each of %v once", got, want)
	}
}

func testDueWrong(t *testing.T, s payment.Store) {
	for _, id := range idsOfOneShard(t, 3, 2) {
		create(t, s, open(id))
	}
	_, cursor, err := s.Due(timed(t), 3, far, 1, "")
	if err != nil || cursor == "" {
		t.Fatalf("no cursor after the first of two orders: %v", err)
	}
	for _, test := range []struct {
		name         string
		shard, limit int
		cursor       string
	}{
		{"shard -1", -1, 1, ""},
		{"shard 32", payment.DueShards, 1, ""},
		{"limit 0", 3, 0, ""},
		{"limit -1", 3, -1, ""},
		{"no cursor of ours", 3, 1, "%%%"},
		{"cursor of nothing", 3, 1, "e30"},
		{"cursor of another shard", 4, 1, cursor},
	} {
		if due, next, err := s.Due(timed(t), test.shard, far, test.limit, test.cursor); err == nil || due != nil || next != "" {
			t.Errorf("%s: got %v, %q, %v, want only an error", test.name, due, next, err)
		}
	}
}
