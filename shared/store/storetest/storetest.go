// Package storetest is what every payment.Store must do. The embedded store and the table both pass it, so that what the laptop and the
// simulations show is true of an account.
package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// Run tests the stores that open returns, a new and empty one for each of its subtests.
func Run(t *testing.T, open func(t *testing.T) payment.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, payment.Store)
	}{
		{"create", testCreate},
		{"every field comes back", testEveryField},
		{"times are UTC milliseconds", testTimes},
		{"nothing is shared with the caller", testNothingShared},
		{"missing records are not made", testMissing},
		{"calls without time are refused", testContext},
		{"claim", testClaim},
		{"claim refused", testClaimRefused},
		{"claims race", testClaimsRace},
		{"lease", testLease},
		{"save", testSave},
		{"history: each entry keeps the revision of its write", testHistoryRevisions},
		{"others race", testOthersRace},
		{"subscription: create", testSubscriptionCreate},
		{"subscription: every field comes back", testSubscriptionEveryField},
		{"subscription: times are UTC milliseconds", testSubscriptionTimes},
		{"subscription: nothing is shared with the caller", testSubscriptionNothingShared},
		{"subscription: save", testSubscriptionSave},
		{"subscription: races", testSubscriptionRaces},
		{"an order and a subscription of one id", testOneID},
		{"due: only what is not final", testDueSparse},
		{"due: boundary", testDueBoundary},
		{"due: pages", testDuePages},
		{"due: pages of one moment", testDueSameMoment},
		{"due: both kinds in one page", testDueMixed},
		{"due: every record in one shard", testDueShards},
		{"due: wrong questions", testDueWrong},
		{"cycle: claim", testCycleClaim},
		{"cycle: from claim to claim", testCycleLife},
		{"cycle: claims race", testCyclesRace},
		{"dispatch: lease", testLeaseDue},
		{"dispatch: the next write restores the entry", testDueRestored},
		{"dispatch: leases race", testLeasesRace},
		{"dispatch: two ticks", testTicks},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// Racers is how many requests meet at one order in a race of claims.
const Racers = 200

const racedOrder = "order-race"

// RaceClaims lets racers claim one new order at the same time and returns how many were told that they have it: 1, or money may be
// taken twice. It is exported for tests that break a store on purpose and want to see it noticed.
func RaceClaims(t *testing.T, s payment.Store, racers int) (winners int) {
	t.Helper()
	for i, r := range raceClaims(t, s, racers) {
		refusal, refused := errors.AsType[*order.Refusal](r.err)
		switch {
		case r.err == nil:
			winners++
		case !refused || refusal.Reason != order.NotOpen:
			t.Errorf("racer %d: got %v, want success or the refusal %q", i, r.err, order.NotOpen)
		}
	}
	return winners
}

func raceClaims(t *testing.T, s payment.Store, racers int) []result[order.Order] {
	t.Helper()
	o := create(t, s, open(racedOrder))
	return race(racers, func(i int) (order.Order, error) {
		c := claimOf(o)
		c.Key = fmt.Sprintf("key-%d", i)
		return s.Claim(timed(t), c)
	})
}

const racedSubscription = "subscription-race"

// RaceSubscriptionSaves lets racers save one new subscription at the same time and returns how many were told that theirs is stored: 1,
// or what the others learned of the buyer's means is lost. It is exported for the same reason as RaceClaims.
func RaceSubscriptionSaves(t *testing.T, s payment.Store, racers int) (winners int) {
	t.Helper()
	for i, r := range raceSubscriptionSaves(t, s, racers) {
		switch {
		case r.err == nil:
			winners++
		case !errors.Is(r.err, payment.ErrConflict):
			t.Errorf("racer %d: got %v, want success or %v", i, r.err, payment.ErrConflict)
		}
	}
	return winners
}

func raceSubscriptionSaves(t *testing.T, s payment.Store, racers int) []result[subscription.Subscription] {
	t.Helper()
	base := createSubscription(t, s, enrolling(racedSubscription))
	return race(racers, func(i int) (subscription.Subscription, error) {
		next := base
		next.Revision, next.Key.Account = base.Revision+1, fmt.Sprint(i)
		return s.SaveSubscription(timed(t), next)
	})
}

type result[T any] struct {
	record T
	err    error
}

// race starts n calls at the same moment and returns what they returned.
func race[T any](n int, call func(i int) (T, error)) []result[T] {
	results := make([]result[T], n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			results[i].record, results[i].err = call(i)
		})
	}
	close(begin)
	wg.Wait()
	return results
}

// created is the moment the tests' orders are made.
var created = time.UnixMilli(1_793_588_645_678).UTC()

// open returns an order as it is first stored.
func open(id string) order.Order {
	return order.New(order.Order{
		ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 1000, Currency: money.KRW}, Name: "a thing", Language: "ko",
		ReturnURL: "https://shop.example/done", Request: "digest", LinkToken: "link", CreatedAt: created,
		ExpiresAt: created.Add(30 * time.Minute),
	})
}

// enrolling returns a subscription as it is first stored.
func enrolling(id string) subscription.Subscription {
	return subscription.New(subscription.Subscription{
		ID: id, Provider: "portone", Mode: "test", CustomerID: "customer-1", Language: "ko", ReturnURL: "https://shop.example/done",
		Request: "digest", LinkToken: "link", CreatedAt: created,
		Plan:     subscription.Plan{Amount: money.Amount{Value: 1000, Currency: money.KRW}, Name: "a thing each month"},
		Calendar: subscription.Calendar{First: created, Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 9},
		CatchUp:  subscription.Once,
	})
}

// claimOf returns a claim that the order allows while it is open.
func claimOf(o order.Order) order.Claim {
	at := created.Add(time.Minute)
	return order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: o.Attempt, Amount: o.Amount, Key: "claimed-key", At: at,
		AskAfter: at.Add(15 * time.Second),
	}
}

// full returns an order with no field at its zero value and no two fields alike, so that a store that forgets or confuses one is caught.
func full(t *testing.T, id string) order.Order {
	t.Helper()
	o := filled[order.Order](t)
	o.ID = id
	for i := range o.Ledger.Requests {
		o.Ledger.Requests[i].Kind = ledger.Kind(i + 1)
	}
	for i := range o.Ledger.Payments {
		p := &o.Ledger.Payments[i]
		p.State, p.Role = ledger.Captured-ledger.State(i), ledger.Role(i+1)
		p.Reason = []ledger.Reason{ledger.Second, ledger.Late, ledger.Mismatch}[i]
	}
	o.Ledger.End = ledger.EndReview
	return derived(o)
}

// derived returns the order with what a store does not keep of it and derives on reading, from the record and its ledger.
func derived(o order.Order) order.Order {
	o.Ledger.Terms, o.Ledger.Revision = o.Terms(), o.Revision
	o.View()
	return o
}

// payable returns an order with as many fields set as one can have that may be claimed.
func payable(t *testing.T, id string) order.Order {
	t.Helper()
	o := full(t, id)
	o.Status, o.BillingKey, o.Unrecorded = order.Open, "", false
	o.Ledger.End = ledger.NoEnd
	o.Ledger.Attempts[1].Used = false
	for i := range o.Ledger.Payments {
		o.Ledger.Payments[i].State, o.Ledger.Payments[i].Role = ledger.Declined, ledger.NoRole
	}
	o.Ledger.Requests = o.Ledger.Requests[ledger.Notice-1 : ledger.Notice] // only a notice leaves an order open
	return derived(o)
}

// fullSubscription does the same for a subscription.
func fullSubscription(t *testing.T, id string) subscription.Subscription {
	t.Helper()
	s := filled[subscription.Subscription](t)
	s.ID = id
	return s
}

func filled[T any](t *testing.T) (record T) {
	t.Helper()
	n := 0
	fill(t, reflect.ValueOf(&record).Elem(), &n)
	return record
}

func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(created.Add(time.Duration(*n) * time.Millisecond)))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case v.Kind() == reflect.Slice:
		length := 2
		switch v.Type() {
		case reflect.TypeFor[[]ledger.Request]():
			length = int(ledger.Cancel) // one of each kind
		case reflect.TypeFor[[]ledger.Payment]():
			length = int(ledger.Returned) // one in each role
		}
		v.Set(reflect.MakeSlice(v.Type(), length, length))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *n))
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.Kind() == reflect.Uint8:
		v.SetUint(uint64(1 + *n%4)) // every enumeration of the ledger has that many words
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("storetest cannot fill a %s: teach it, or the stores are not tested with it", v.Type())
	}
}

// timed returns a context with a deadline that no test reaches.
func timed(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func create(t *testing.T, s payment.Store, o order.Order) order.Order {
	t.Helper()
	got, err := s.Create(timed(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func get(t *testing.T, s payment.Store, id string) order.Order {
	t.Helper()
	o, err := s.Get(timed(t), id)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// wantSame also checks what is stored.
func wantSame(t *testing.T, s payment.Store, what string, got, want order.Order) {
	t.Helper()
	want = derived(want)
	want.History = slices.Clone(want.History)
	for i := range want.History {
		want.History[i].Revision = cmp.Or(want.History[i].Revision, want.Revision) // what the write adds
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: returned\n%+v\nwant\n%+v", what, got, want)
	}
	if stored := get(t, s, want.ID); !reflect.DeepEqual(stored, want) {
		t.Errorf("%s: stored\n%+v\nwant\n%+v", what, stored, want)
	}
}

func createSubscription(t *testing.T, s payment.Store, created subscription.Subscription) subscription.Subscription {
	t.Helper()
	got, err := s.CreateSubscription(timed(t), created)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantSameSubscription does what wantSame does for orders.
func wantSameSubscription(t *testing.T, s payment.Store, what string, got, want subscription.Subscription) {
	t.Helper()
	want.History = slices.Clone(want.History)
	for i := range want.History {
		want.History[i].Revision = cmp.Or(want.History[i].Revision, want.Revision)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: returned\n%+v\nwant\n%+v", what, got, want)
	}
	stored, err := s.GetSubscription(timed(t), want.ID)
	if err != nil || !reflect.DeepEqual(stored, want) {
		t.Errorf("%s: stored %v\n%+v\nwant\n%+v", what, err, stored, want)
	}
}

func wantRefusal(t *testing.T, what string, err error, want order.Reason) {
	t.Helper()
	if refusal, ok := errors.AsType[*order.Refusal](err); !ok || refusal.Reason != want {
		t.Errorf("%s: got %v, want the refusal %q", what, err, want)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
