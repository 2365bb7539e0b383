package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
)

// pagesMax ends a listing that never ends.
const pagesMax = 100

// dueIn returns everything that is due in a shard, page by page.
func dueIn(t *testing.T, s payment.Store, shard int, before time.Time, limit int) (ids []string, pages int) {
	t.Helper()
	cursor := ""
	for pages < pagesMax {
		page, next, err := s.Due(timed(t), shard, before, limit, cursor)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if len(page) > limit {
			t.Errorf("a page has %d ids, the limit is %d", len(page), limit)
		}
		ids = append(ids, page...)
		if next == "" {
			return ids, pages
		}
		cursor = next
	}
	t.Fatalf("shard %d does not end after %d pages", shard, pagesMax)
	return nil, 0
}

func dueEverywhere(t *testing.T, s payment.Store, before time.Time) (ids []string) {
	t.Helper()
	for shard := range payment.DueShards {
		in, _ := dueIn(t, s, shard, before, 100)
		ids = append(ids, in...)
	}
	return ids
}

func shardOf(t *testing.T, id string) int {
	t.Helper()
	shard, err := strconv.Atoi(item.Shard(id))
	if err != nil {
		t.Fatal(err)
	}
	return shard
}

// idsOfOneShard returns n order ids that share a shard.
func idsOfOneShard(t *testing.T, shard, n int) (ids []string) {
	t.Helper()
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("order-%d", i); shardOf(t, id) == shard {
			ids = append(ids, id)
		}
	}
	return ids
}

func wantDue(t *testing.T, s payment.Store, what string, o order.Order, before time.Time, want bool) {
	t.Helper()
	if ids, _ := dueIn(t, s, shardOf(t, o.ID), before, 10); slices.Contains(ids, o.ID) != want {
		t.Errorf("%s: due is %v, want it to contain %s: %v", what, ids, o.ID, want)
	}
}

func testDueSparse(t *testing.T, s payment.Store) {
	o := create(t, s, open("order-1"))
	far := created.AddDate(10, 0, 0)
	wantDue(t, s, "open", o, far, true)

	o.Status, o.DueAt = order.Paid, time.Time{}
	o.Revision++
	o, err := s.Save(timed(t), o)
	if err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "final", o, far, false)

	o.Status, o.DueAt = order.Settling, created
	o.Revision++
	if _, err := s.Save(timed(t), o); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "due again", o, far, true)

	final := open("order-2")
	final.Status, final.DueAt = order.Review, time.Time{}
	create(t, s, final)
	wantDue(t, s, "created as final", final, far, false)
}

func testDueBoundary(t *testing.T, s payment.Store) {
	o := create(t, s, open("order-1"))
	wantDue(t, s, "a millisecond early", o, o.DueAt.Add(-time.Millisecond), false)
	wantDue(t, s, "on time", o, o.DueAt, true)
	wantDue(t, s, "within the millisecond", o, o.DueAt.Add(time.Microsecond), true)

	c := claimOf(o)
	claimed, err := s.Claim(timed(t), c)
	if err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "claimed, a millisecond early", claimed, order.ClaimDue(c).Add(-time.Millisecond), false)
	wantDue(t, s, "claimed, on time", claimed, order.ClaimDue(c), true)

	l := order.Lease{OrderID: o.ID, At: c.AskAfter, Until: c.AskAfter.AddDate(1, 0, 0)}
	if _, err := s.Lease(timed(t), l); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "a lease moves nothing", claimed, order.ClaimDue(c), true)
}

func testDuePages(t *testing.T, s payment.Store) {
	const shard, count, limit = 7, 10, 3
	ids := idsOfOneShard(t, shard, count+1)
	// Made in an order that is neither the one of the ids nor the one of the due times.
	for i := range count {
		o := open(ids[(i*7)%count])
		o.DueAt = created.Add(time.Duration((i*7)%count) * time.Second)
		create(t, s, o)
	}
	late := open(ids[count])
	late.DueAt = created.Add(time.Hour)
	create(t, s, late)
	create(t, s, open(idsOfOneShard(t, shard+1, 1)[0]))

	got, pages := dueIn(t, s, shard, created.Add(time.Minute), limit)
	if !slices.Equal(got, ids[:count]) {
		t.Errorf("due are %v, want %v, earliest first", got, ids[:count])
	}
	if want := (count + limit - 1) / limit; pages < want {
		t.Errorf("%d pages, want at least %d", pages, want)
	}
}

// testDueSameMoment: a cursor that knew only the time would repeat or lose orders that are due together.
func testDueSameMoment(t *testing.T, s payment.Store) {
	const shard, count, limit = 31, 7, 2
	ids := idsOfOneShard(t, shard, count)
	for _, id := range ids {
		create(t, s, open(id))
	}
	got, _ := dueIn(t, s, shard, created.AddDate(1, 0, 0), limit)
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("due are %v, want each of %v once", got, ids)
	}
}

func testDueShards(t *testing.T, s payment.Store) {
	var want []string
	shards := map[int]bool{}
	for i := range 64 {
		o := create(t, s, open(fmt.Sprintf("order-%d", i)))
		want = append(want, o.ID)
		shards[shardOf(t, o.ID)] = true
	}
	got := dueEverywhere(t, s, created.AddDate(1, 0, 0))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("all shards together have %v, want each of %v once", got, want)
	}
	// 64 orders thrown into 32 shards leave fewer than half of them empty; the same ids always fall alike.
	if len(shards) < payment.DueShards/2 {
		t.Errorf("64 orders are in %d shards of %d", len(shards), payment.DueShards)
	}
}

func testDueWrong(t *testing.T, s payment.Store) {
	for _, id := range idsOfOneShard(t, 3, 2) {
		create(t, s, open(id))
	}
	far := created.AddDate(1, 0, 0)
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
		if ids, next, err := s.Due(timed(t), test.shard, far, test.limit, test.cursor); err == nil || ids != nil || next != "" {
			t.Errorf("%s: got %v, %q, %v, want only an error", test.name, ids, next, err)
		}
	}
}
