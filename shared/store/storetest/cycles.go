package storetest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// charging returns a subscription whose cycle 3 may be charged from chargeAt on.
func charging(id string) subscription.Subscription {
	s := enrolling(id)
	s.Status, s.Cycle, s.Date = subscription.Active, 3, 2
	s.Key.IssuedAt = created
	s.ChargeAt, s.DueAt = chargeAt, chargeAt
	return s
}

var chargeAt = created.Add(time.Hour)

func cycleClaimOf(s subscription.Subscription) subscription.CycleClaim {
	return subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle, At: chargeAt}
}

// testCycleClaim compares with the pure rule whatever can differ: in every status this cycle and others, with the cycle's time and
// another worker's before, at, after the claim, and absent. Every other field is set, so that a claim that touches one too many is caught.
func testCycleClaim(t *testing.T, s payment.Store) {
	early, late := chargeAt.Add(-time.Millisecond), chargeAt.Add(time.Millisecond)
	reasons, n := map[subscription.Reason]int{}, 0
	try := func(status subscription.Status, k int, charge, ask time.Time) {
		t.Helper()
		n++
		sub := fullSubscription(t, fmt.Sprintf("subscription-%d", n))
		sub.Status, sub.ChargeAt, sub.AskAfter = status, charge, ask
		c := subscription.CycleClaim{ID: sub.ID, Cycle: sub.Cycle + k, At: chargeAt}
		createSubscription(t, s, sub)
		what := fmt.Sprintf("%s, cycle %+d, to be charged at %v, claimed until %v", status, k, charge, ask)
		want, wantErr := sub.Claim(c)
		got, err := s.ClaimCycle(timed(t), c)
		refusal, refused := errors.AsType[*subscription.Refusal](wantErr)
		switch {
		case refused:
			reasons[refusal.Reason]++
			wantCycleRefusal(t, what, err, refusal.Reason)
		case err != nil:
			t.Errorf("%s: %v", what, err)
		default:
			reasons[""]++
		}
		wantSameSubscription(t, s, what, got, want)
	}
	times := []time.Time{{}, chargeAt, late}
	for _, status := range subscription.Statuses {
		charges := status == subscription.Active || status == subscription.PastDue
		for _, k := range []int{0, 1} {
			for i, charge := range times {
				for j, ask := range times {
					if charges || i == j { // each combination costs requests, and of a status that does not charge these say as much
						try(status, k, charge, ask)
					}
				}
			}
		}
	}
	try(subscription.Active, -1, early, early)
	try(subscription.PastDue, 0, early, early)
	try("", 0, early, early)
	// Of two statuses that charge, and this cycle, a third is not due, and of the others a third is claimed.
	want := map[subscription.Reason]int{
		subscription.NotCharging: 4*6 + 1, subscription.OtherCycle: 2*9 + 1, subscription.NotDue: 2 * 3, subscription.Claimed: 2 * 2, "": 2*4 + 1,
	}
	if !maps.Equal(reasons, want) {
		t.Errorf("the rule said %v, want %v", reasons, want)
	}
}

func wantCycleRefusal(t *testing.T, what string, err error, want subscription.Reason) {
	t.Helper()
	if refusal, ok := errors.AsType[*subscription.Refusal](err); !ok || refusal.Reason != want {
		t.Errorf("%s: got %v, want the refusal %q", what, err, want)
	}
}

// testCycleLife: a claim is one worker's until its lease is over, leaves the index as the dispatch left it, and is worth nothing once the
// cycle is.
func testCycleLife(t *testing.T, s payment.Store) {
	sub := createSubscription(t, s, charging("subscription-1"))
	record := subscriptionRecord(sub.ID)
	c := cycleClaimOf(sub)
	c.At = c.At.Add(999 * time.Microsecond).In(subscription.Seoul) // cut to the millisecond
	claimed, err := s.ClaimCycle(timed(t), c)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := sub.Claim(cycleClaimOf(sub))
	wantSameSubscription(t, s, "claim", claimed, want)
	wantEntry(t, s, "claimed", record, sub.DueAt)

	got, err := s.ClaimCycle(timed(t), c)
	wantCycleRefusal(t, "the same claim again", err, subscription.Claimed)
	wantSameSubscription(t, s, "the same claim again", got, claimed)
	c.At = claimed.AskAfter
	again, err := s.ClaimCycle(timed(t), c)
	if err != nil {
		t.Fatalf("when the lease is over: %v", err)
	}
	overtaken := claimed.Doubted(claimed.Cycle, c.At, c.At)
	_, err = s.SaveSubscription(timed(t), overtaken)
	wantError(t, "the first worker's save after the second one's claim", err, payment.ErrConflict)

	charged, err := s.SaveSubscription(timed(t), again.Charged(again.Cycle, again.Date, c.At))
	if err != nil {
		t.Fatal(err)
	}
	c.At = far
	got, err = s.ClaimCycle(timed(t), c)
	wantCycleRefusal(t, "a claim of the cycle that was charged", err, subscription.OtherCycle)
	wantSameSubscription(t, s, "a claim of the cycle that was charged", got, charged)
}

const racedCycle = "subscription-cycle"

// RaceCycleClaims lets racers claim the same cycle at the same time and returns how many were told that they have it: 1, or a cycle is
// charged twice. It is exported for the same reason as RaceClaims.
func RaceCycleClaims(t *testing.T, s payment.Store, racers int) (winners int) {
	t.Helper()
	for i, r := range raceCycleClaims(t, s, racers) {
		if r.err == nil {
			winners++
		} else {
			wantCycleRefusal(t, fmt.Sprintf("racer %d", i), r.err, subscription.Claimed)
		}
	}
	return winners
}

func raceCycleClaims(t *testing.T, s payment.Store, racers int) []result[subscription.Subscription] {
	t.Helper()
	c := cycleClaimOf(createSubscription(t, s, charging(racedCycle)))
	return race(racers, func(int) (subscription.Subscription, error) { return s.ClaimCycle(timed(t), c) })
}

func testCyclesRace(t *testing.T, s payment.Store) {
	results := raceCycleClaims(t, s, Racers)
	stored, err := s.GetSubscription(timed(t), racedCycle)
	if err != nil {
		t.Fatal(err)
	}
	winners := 0
	for i, r := range results {
		if r.err == nil {
			winners++
		} else {
			wantCycleRefusal(t, fmt.Sprintf("racer %d", i), r.err, subscription.Claimed)
		}
		if !reflect.DeepEqual(r.record, stored) {
			t.Errorf("racer %d was shown\n%+v\nstored is\n%+v", i, r.record, stored)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d workers were told that they have the cycle, want 1", winners, Racers)
	}
}
