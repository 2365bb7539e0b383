package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

const dispatched = 5 * time.Minute

// leaseDue wants the lease and the cycle it returns.
func leaseDue(t *testing.T, s payment.Store, what string, r payment.DueRecord, at time.Time, want int) {
	t.Helper()
	if cycle, err := s.LeaseDue(timed(t), r, at, at.Add(dispatched)); err != nil || cycle != want {
		t.Errorf("%s: got cycle %d, %v, want cycle %d", what, cycle, err, want)
	}
}

func wantNotLeased(t *testing.T, s payment.Store, what string, r payment.DueRecord, at time.Time) {
	t.Helper()
	cycle, err := s.LeaseDue(timed(t), r, at, at.Add(dispatched))
	wantError(t, what, err, payment.ErrNotDue)
	if cycle != 0 {
		t.Errorf("%s: got cycle %d beside the error", what, cycle)
	}
}

// wantEntry wants the record's entry in the index to stand exactly at that time.
func wantEntry(t *testing.T, s payment.Store, what string, r payment.DueRecord, at time.Time) {
	t.Helper()
	wantDue(t, s, what+", a millisecond before", r, at.Add(-time.Millisecond), false)
	wantDue(t, s, what+", on time", r, at, true)
}

// testLeaseDue: a dispatch takes a record that is due, once, and changes nothing but its entry.
func testLeaseDue(t *testing.T, s payment.Store) {
	const id = "same-id" // one kind's lease is not the other's
	o := full(t, id)
	sub := fullSubscription(t, id)
	o.DueAt, sub.DueAt = chargeAt, chargeAt
	create(t, s, o)
	createSubscription(t, s, sub)
	for _, test := range []struct {
		record payment.DueRecord
		cycle  int
	}{{orderRecord(id), 0}, {subscriptionRecord(id), sub.Cycle}} {
		r := test.record
		wantNotLeased(t, s, r.Kind+", a millisecond early", r, chargeAt.Add(-time.Millisecond))
		wantNotLeased(t, s, r.Kind+", within the millisecond before", r, chargeAt.Add(-time.Microsecond))
		wantEntry(t, s, r.Kind+" that was not leased", r, chargeAt)

		leaseDue(t, s, r.Kind+" on time", r, chargeAt, test.cycle)
		wantEntry(t, s, r.Kind+" that was leased", r, chargeAt.Add(dispatched))
		wantNotLeased(t, s, r.Kind+" again", r, chargeAt)
		wantNotLeased(t, s, r.Kind+" before the lease ends", r, chargeAt.Add(dispatched-time.Millisecond))
		leaseDue(t, s, r.Kind+" when the lease ends", r, chargeAt.Add(dispatched+time.Microsecond), test.cycle)
		wantEntry(t, s, r.Kind+" that was leased twice", r, chargeAt.Add(2*dispatched))

		wantSame(t, s, r.Kind+" was leased", get(t, s, id), o)
		wantSameSubscription(t, s, r.Kind+" was leased", sub, sub)
	}

	final, canceled := open("order-final"), enrolling("subscription-final")
	final.DueAt, canceled.DueAt = time.Time{}, time.Time{}
	create(t, s, final)
	createSubscription(t, s, canceled)
	for what, r := range map[string]payment.DueRecord{
		"a final order":        orderRecord(final.ID),
		"a final subscription": subscriptionRecord(canceled.ID),
		"no order":             orderRecord("order-none"),
		"no subscription":      subscriptionRecord("subscription-none"),
		"an order's id":        subscriptionRecord(final.ID),
		"no kind of ours":      {Kind: "settlement", ID: id},
	} {
		wantNotLeased(t, s, what, r, far)
	}
	wantSame(t, s, "a final order after it", get(t, s, final.ID), final)
	if _, err := s.Get(timed(t), "order-none"); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("a lease made an order: %v", err)
	}
	want := []payment.DueRecord{orderRecord(id), subscriptionRecord(id)}
	if due := dueEverywhere(t, s, far.AddDate(10, 0, 0)); !slices.Equal(sorted(due), want) {
		t.Errorf("due are %v, want %v", due, want)
	}
}

// testDueRestored: every write of a record puts its entry back, also one that leaves the due time as it was; a lease to ask and a claim of a cycle do not.
func testDueRestored(t *testing.T, s payment.Store) {
	o := open("order-1")
	o.DueAt = chargeAt
	create(t, s, o)
	r := orderRecord(o.ID)
	leaseDue(t, s, "order", r, chargeAt, 0)
	ask := order.Lease{OrderID: o.ID, At: chargeAt, Until: chargeAt.Add(time.Second)}
	leased, err := s.Lease(timed(t), ask)
	if err != nil || !leased.DueAt.Equal(chargeAt) {
		t.Errorf("lease to ask: due at %v, %v, want %v", leased.DueAt, err, chargeAt)
	}
	wantEntry(t, s, "after a lease to ask", r, chargeAt.Add(dispatched))
	ask.At, ask.Until, ask.Final = ask.Until, ask.Until.Add(time.Second), true
	if leased, err = s.Lease(timed(t), ask); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, s, "after a lease to ask, final ones too", r, chargeAt.Add(dispatched))

	leased.Revision++
	heard, err := s.Save(timed(t), leased) // by the revision it had before the dispatch
	if err != nil {
		t.Fatal(err)
	}
	wantEntry(t, s, "after a save", r, chargeAt)
	leaseDue(t, s, "order, saved", r, chargeAt, 0)
	c := claimOf(o)
	claimed, err := s.Claim(timed(t), c)
	if err != nil || claimed.Revision != heard.Revision+1 {
		t.Fatalf("claim: revision %d, %v", claimed.Revision, err)
	}
	wantEntry(t, s, "after a claim", r, order.ClaimDue(c))
	leaseDue(t, s, "order, claimed", r, chargeAt, 0)
	claimed.Status, claimed.DueAt = order.Paid, time.Time{}
	claimed.Revision++
	if _, err := s.Save(timed(t), claimed); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "saved as final", r, far, false)
	wantNotLeased(t, s, "saved as final", r, far)
	testSubscriptionDueRestored(t, s)
}

func testSubscriptionDueRestored(t *testing.T, s payment.Store) {
	t.Helper()
	sub := createSubscription(t, s, charging("subscription-1"))
	r := subscriptionRecord(sub.ID)
	leaseDue(t, s, "subscription", r, chargeAt, sub.Cycle)
	sub = sub.Lease(chargeAt)
	if _, err := s.SaveSubscription(timed(t), sub); err != nil {
		t.Fatal(err)
	}
	wantEntry(t, s, "after a save", r, chargeAt)
	leaseDue(t, s, "subscription, saved", r, chargeAt, sub.Cycle)
	claimed, err := s.ClaimCycle(timed(t), cycleClaimOf(sub))
	if err != nil {
		t.Fatal(err)
	}
	if want := chargeAt.Add(subscription.ChargeLease); !claimed.DueAt.Equal(want) {
		t.Errorf("a claim's due time is %v, want %v", claimed.DueAt, want)
	}
	wantEntry(t, s, "after a claim", r, chargeAt.Add(dispatched))
	leaseDue(t, s, "subscription, claimed", r, chargeAt.Add(dispatched), sub.Cycle)
	claimed, ok := claimed.Pause(chargeAt)
	if !ok {
		t.Fatal("not paused")
	}
	if _, err := s.SaveSubscription(timed(t), claimed); err != nil {
		t.Fatal(err)
	}
	wantDue(t, s, "paused", r, far, false)
	wantNotLeased(t, s, "paused", r, far)
}

// RaceLeases lets racers lease the same due record at the same time, all to the same moment, and returns how many were told that they
// have it: 1, or every tick sends every message. It is exported for the same reason as RaceClaims.
func RaceLeases(t *testing.T, s payment.Store, racers int) (winners int) {
	t.Helper()
	sub := createSubscription(t, s, charging("subscription-lease"))
	for i, r := range race(racers, func(int) (int, error) {
		return s.LeaseDue(timed(t), subscriptionRecord(sub.ID), chargeAt, chargeAt.Add(dispatched))
	}) {
		switch {
		case r.err == nil && r.record == sub.Cycle:
			winners++
		case !errors.Is(r.err, payment.ErrNotDue):
			t.Errorf("racer %d: got cycle %d, %v, want cycle %d or %v", i, r.record, r.err, sub.Cycle, payment.ErrNotDue)
		}
	}
	return winners
}

func testLeasesRace(t *testing.T, s payment.Store) {
	if winners := RaceLeases(t, s, Racers/4); winners != 1 {
		t.Errorf("%d of %d ticks were told that they have the record, want 1", winners, Racers/4)
	}
}

// testTicks: two ticks at once page through a shard and move what they find behind the end of their pages. Every record is one tick's, and
// none is left out.
func testTicks(t *testing.T, s payment.Store) {
	const shard, count, limit = 9, 20, 3
	at := created.Add(time.Hour)
	for i, id := range idsOfOneShard(t, shard, count) {
		dueRecord(t, s, i, id, created.Add(time.Duration(i/2)*time.Second)) // two of each moment
	}
	leased := map[payment.DueRecord]int{}
	for i, tick := range race(2, func(i int) (leased []payment.DueRecord, err error) {
		cursor := ""
		for range pagesMax {
			page, next, err := s.Due(timed(t), shard, at, limit, cursor)
			if err != nil {
				return leased, err
			}
			for _, r := range page {
				_, err := s.LeaseDue(timed(t), r, at, at.Add(dispatched))
				if err == nil {
					leased = append(leased, r)
				} else if !errors.Is(err, payment.ErrNotDue) {
					return leased, err
				}
			}
			if cursor = next; cursor == "" {
				return leased, nil
			}
		}
		return leased, fmt.Errorf("the shard does not end after %d pages", pagesMax)
	}) {
		if tick.err != nil {
			t.Errorf("tick %d: %v", i, tick.err)
		}
		for _, r := range tick.record {
			leased[r]++
		}
	}
	for r, times := range leased {
		if times != 1 {
			t.Errorf("%v was leased %d times, want once", r, times)
		}
	}
	if left, _ := dueIn(t, s, shard, at, limit); len(leased) != count || len(left) != 0 {
		t.Errorf("%d of %d were leased, and due are still %v", len(leased), count, left)
	}
	if later, _ := dueIn(t, s, shard, at.Add(dispatched), limit); len(later) != count {
		t.Errorf("when the leases end %d of %d are due", len(later), count)
	}
}
