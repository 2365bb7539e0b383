package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

func testSubscriptionCreate(t *testing.T, s payment.Store) {
	first := createSubscription(t, s, enrolling("subscription-1"))
	wantSameSubscription(t, s, "create", first, enrolling("subscription-1"))

	other := enrolling("subscription-1")
	other.Plan.Name, other.LinkToken, other.Plan.Amount.Value = "another thing", "another link", 2000
	got, err := s.CreateSubscription(timed(t), other)
	wantError(t, "the same id again", err, payment.ErrExists)
	wantSameSubscription(t, s, "the same id again", got, first)

	second := createSubscription(t, s, enrolling("subscription-2"))
	wantSameSubscription(t, s, "another subscription", second, enrolling("subscription-2"))
	wantSameSubscription(t, s, "after another subscription", first, first)
}

func testSubscriptionEveryField(t *testing.T, s payment.Store) {
	all := fullSubscription(t, "subscription-full")
	wantSameSubscription(t, s, "create with every field", createSubscription(t, s, all), all)

	next := fullSubscription(t, all.ID)
	next.Revision, next.Plan.Name, next.Key, next.NextKey = all.Revision+1, "changed", all.NextKey, subscription.Key{}
	saved, err := s.SaveSubscription(timed(t), next)
	if err != nil {
		t.Fatal(err)
	}
	wantSameSubscription(t, s, "save with every field but the next key", saved, next)

	empty := subscription.Subscription{ID: "subscription-empty"}
	wantSameSubscription(t, s, "create with no field", createSubscription(t, s, empty), empty)

	// A save replaces: nothing of the subscription before may shine through.
	bare := subscription.Subscription{ID: all.ID, Revision: next.Revision + 1}
	if saved, err = s.SaveSubscription(timed(t), bare); err != nil {
		t.Fatal(err)
	}
	wantSameSubscription(t, s, "save with no field", saved, bare)
}

func testSubscriptionTimes(t *testing.T, s payment.Store) {
	seoul := subscription.Seoul
	given, want := enrolling("subscription-times"), enrolling("subscription-times")
	given.Calendar.First = given.Calendar.First.Add(999_999 * time.Nanosecond).In(seoul)
	given.Key.OpenedAt = given.Key.OpenedAt.Add(time.Nanosecond).In(seoul)
	given.DueAt = given.DueAt.Add(time.Microsecond).In(seoul)
	wantSameSubscription(t, s, "create", createSubscription(t, s, given), want)

	given.Revision, want.Revision = given.Revision+1, want.Revision+1
	saved, err := s.SaveSubscription(timed(t), given)
	if err != nil {
		t.Fatal(err)
	}
	wantSameSubscription(t, s, "save", saved, want)
}

func testSubscriptionNothingShared(t *testing.T, s payment.Store) {
	want := fullSubscription(t, "subscription-shared")
	given := fullSubscription(t, "subscription-shared")
	returned := createSubscription(t, s, given)
	read, err := s.GetSubscription(timed(t), given.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, mine := range []subscription.Subscription{given, returned, read} {
		mine.History[0].Note = "scribbled"
		_ = append(mine.History[:1], subscription.Step{Note: "scribbled"})
	}
	wantSameSubscription(t, s, "after the caller wrote into its own subscriptions", want, want)
}

func testSubscriptionSave(t *testing.T, s payment.Store) {
	first := createSubscription(t, s, fullSubscription(t, "subscription-1"))
	for _, delta := range []int64{-1, 0, 2} {
		next := enrolling(first.ID)
		next.Revision = first.Revision + delta
		what := fmt.Sprintf("revision %+d", delta)
		got, err := s.SaveSubscription(timed(t), next)
		wantError(t, what, err, payment.ErrConflict)
		wantSameSubscription(t, s, what, got, first)
	}

	next := enrolling(first.ID)
	next.Revision = first.Revision + 1
	got, err := s.SaveSubscription(timed(t), next)
	if err != nil {
		t.Fatal(err)
	}
	wantSameSubscription(t, s, "save", got, next)
	got, err = s.SaveSubscription(timed(t), next)
	wantError(t, "the same save again", err, payment.ErrConflict)
	wantSameSubscription(t, s, "the same save again", got, next)
}

// testSubscriptionRaces: of many creates or saves at the same moment one succeeds, and every loser is shown what it lost to.
func testSubscriptionRaces(t *testing.T, s payment.Store) {
	wantOneWinner(t, s, "save", racedSubscription, payment.ErrConflict, raceSubscriptionSaves(t, s, Racers))
	const id = "subscription-create"
	wantOneWinner(t, s, "create", id, payment.ErrExists, race(Racers/4, func(i int) (subscription.Subscription, error) {
		mine := enrolling(id)
		mine.Plan.Name = fmt.Sprint(i)
		return s.CreateSubscription(timed(t), mine)
	}))
}

func wantOneWinner(t *testing.T, s payment.Store, what, id string, lost error, results []result[subscription.Subscription]) {
	t.Helper()
	stored, err := s.GetSubscription(timed(t), id)
	if err != nil {
		t.Fatal(err)
	}
	winners := 0
	for i, r := range results {
		if r.err == nil {
			winners++
		} else {
			wantError(t, fmt.Sprintf("%s, racer %d", what, i), r.err, lost)
		}
		if !reflect.DeepEqual(r.record, stored) {
			t.Errorf("%s, racer %d was shown\n%+v\nstored is\n%+v", what, i, r.record, stored)
		}
	}
	if winners != 1 {
		t.Errorf("%s: %d of %d were told that theirs is stored, want 1", what, winners, len(results))
	}
}

// testOneID: the ids of orders and of subscriptions are both the merchant's, so the same one may be given to both. Neither is ever taken
// for the other.
func testOneID(t *testing.T, s payment.Store) {
	const id = "same-id"
	first := createSubscription(t, s, enrolling(id))
	o := open(id)
	o.Revision = first.Revision + 1
	for call, try := range map[string]func() error{
		"get":   func() error { _, err := s.Get(timed(t), id); return err },
		"save":  func() error { _, err := s.Save(timed(t), o); return err },
		"claim": func() error { _, err := s.Claim(timed(t), claimOf(o)); return err },
		"lease": func() error {
			_, err := s.Lease(timed(t), order.Lease{OrderID: id, At: created.AddDate(1, 0, 0), Final: true})
			return err
		},
	} {
		wantError(t, call+" of an order whose id is a subscription's", try(), payment.ErrNotFound)
	}
	o = create(t, s, open(id))
	wantSameSubscription(t, s, "beside an order", first, first)

	next := first
	next.Status, next.DueAt = subscription.Canceled, time.Time{}
	next.Revision++
	saved, err := s.SaveSubscription(timed(t), next)
	if err != nil {
		t.Fatal(err)
	}
	wantSameSubscription(t, s, "saved beside an order", saved, next)
	wantSame(t, s, "beside a subscription", get(t, s, id), o)

	alone := create(t, s, open("order-alone"))
	if _, err := s.GetSubscription(timed(t), alone.ID); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("the subscription of an order's id: got %v, want %v", err, payment.ErrNotFound)
	}
	taken := enrolling(alone.ID)
	taken.Revision = alone.Revision + 1
	_, err = s.SaveSubscription(timed(t), taken)
	wantError(t, "save of a subscription whose id is an order's", err, payment.ErrNotFound)
	wantSame(t, s, "after it", get(t, s, alone.ID), alone)
}
