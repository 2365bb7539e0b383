package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

func testCreate(t *testing.T, s payment.Store) {
	first := open("order-1")
	got, err := s.Create(timed(t), first)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "create", got, first)

	other := open("order-1")
	other.Name, other.LinkToken, other.Amount.Value = "another thing", "another link", 2000
	got, err = s.Create(timed(t), other)
	wantError(t, "the same id again", err, payment.ErrExists)
	wantSame(t, s, "the same id again", got, first)

	second := create(t, s, open("order-2"))
	wantSame(t, s, "another order", second, open("order-2"))
	wantSame(t, s, "after another order", get(t, s, "order-1"), first)
}

func testEveryField(t *testing.T, s payment.Store) {
	all := full(t, "order-full")
	wantSame(t, s, "create with every field", create(t, s, all), all)

	next := full(t, "order-next")
	next.ID, next.Revision, next.Name = all.ID, all.Revision+1, "changed"
	saved, err := s.Save(timed(t), next)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "save with every field", saved, next)

	empty := order.Order{ID: "order-empty"}
	wantSame(t, s, "create with no field", create(t, s, empty), empty)

	// A save replaces: nothing of the order before may shine through.
	bare := order.Order{ID: all.ID, Revision: next.Revision + 1}
	if saved, err = s.Save(timed(t), bare); err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "save with no field", saved, bare)
}

func testTimes(t *testing.T, s payment.Store) {
	seoul := time.FixedZone("KST", 9*60*60)
	o := open("order-times")
	o.ExpiresAt = o.ExpiresAt.Add(999_999 * time.Nanosecond).In(seoul)
	created := create(t, s, o)
	wantSame(t, s, "create", created, open("order-times"))

	c := claimOf(o)
	want, err := created.Claim(c)
	if err != nil {
		t.Fatal(err)
	}
	c.At, c.AskAfter = c.At.Add(time.Microsecond).In(seoul), c.AskAfter.Add(time.Nanosecond).In(seoul)
	got, err := s.Claim(timed(t), c)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "claim", got, want)
}

func testNothingShared(t *testing.T, s payment.Store) {
	want := full(t, "order-shared")
	given := full(t, "order-shared")
	returned := create(t, s, given)
	read := get(t, s, given.ID)
	for _, o := range []order.Order{given, returned, read} {
		o.History[0].Note, o.Reversals[1].Reason = "scribbled", "scribbled"
		o.Ledger.Attempts[0].Code, o.Ledger.Requests[0].Code, o.Ledger.Resolutions[0].Reason = "scribbled", "scribbled", "scribbled"
		o.Ledger.Payments[0].Method, o.Ledger.Payments[0].Refunds[0] = "scribbled", "scribbled"
		_ = append(o.History[:1], order.Step{Note: "scribbled"})
	}
	wantSame(t, s, "after the caller wrote into its own orders", get(t, s, given.ID), want)
}

func testMissing(t *testing.T, s payment.Store) {
	o, sub := open("order-none"), enrolling("order-none")
	lease := order.Lease{OrderID: o.ID, At: created, Until: created.Add(time.Second)}
	final := lease
	final.Final = true
	orders := func(call func() (order.Order, error)) func() (string, error) {
		return func() (string, error) { got, err := call(); return got.ID, err }
	}
	subscriptions := func(call func() (subscription.Subscription, error)) func() (string, error) {
		return func() (string, error) { got, err := call(); return got.ID, err }
	}
	for name, call := range map[string]func() (string, error){
		"get":                orders(func() (order.Order, error) { return s.Get(timed(t), o.ID) }),
		"claim":              orders(func() (order.Order, error) { return s.Claim(timed(t), claimOf(o)) }),
		"lease":              orders(func() (order.Order, error) { return s.Lease(timed(t), lease) }),
		"lease of a final":   orders(func() (order.Order, error) { return s.Lease(timed(t), final) }),
		"save of revision 2": orders(func() (order.Order, error) { o := o; o.Revision = 2; return s.Save(timed(t), o) }),
		"save of revision 1": orders(func() (order.Order, error) { return s.Save(timed(t), o) }),
		"get subscription":   subscriptions(func() (subscription.Subscription, error) { return s.GetSubscription(timed(t), sub.ID) }),
		"save subscription of revision 2": subscriptions(func() (subscription.Subscription, error) {
			sub := sub
			sub.Revision = 2
			return s.SaveSubscription(timed(t), sub)
		}),
		"claim cycle":                     subscriptions(func() (subscription.Subscription, error) { return s.ClaimCycle(timed(t), cycleClaimOf(sub)) }),
		"save subscription of revision 1": subscriptions(func() (subscription.Subscription, error) { return s.SaveSubscription(timed(t), sub) }),
	} {
		got, err := call()
		wantError(t, name, err, payment.ErrNotFound)
		if got != "" {
			t.Errorf("%s: got %s beside the error", name, got)
		}
		if _, err := s.Get(timed(t), o.ID); !errors.Is(err, payment.ErrNotFound) {
			t.Fatalf("%s made an order of it: %v", name, err)
		}
		if _, err := s.GetSubscription(timed(t), sub.ID); !errors.Is(err, payment.ErrNotFound) {
			t.Fatalf("%s made a subscription of it: %v", name, err)
		}
	}
	if due := dueEverywhere(t, s, created.AddDate(10, 0, 0)); len(due) != 0 {
		t.Errorf("missing records are due: %v", due)
	}
}

// testContext: without a deadline a stuck connection would outlive the buyer's patience and the function.
func testContext(t *testing.T, s payment.Store) {
	there := create(t, s, open("order-there"))
	subscribed := createSubscription(t, s, enrolling("subscription-there"))
	charging := createSubscription(t, s, charging("subscription-charging"))
	canceled, cancel := context.WithTimeout(context.Background(), time.Minute)
	cancel()
	for name, ctx := range map[string]context.Context{"no deadline": context.Background(), "canceled": canceled} {
		for call, try := range map[string]func() error{
			"create": func() error { _, err := s.Create(ctx, open("order-new")); return err },
			"get":    func() error { _, err := s.Get(ctx, there.ID); return err },
			"claim":  func() error { _, err := s.Claim(ctx, claimOf(there)); return err },
			"lease": func() error {
				_, err := s.Lease(ctx, order.Lease{OrderID: there.ID, At: created, Until: created.Add(time.Second)})
				return err
			},
			"save":                func() error { o := there; o.Revision++; _, err := s.Save(ctx, o); return err },
			"create subscription": func() error { _, err := s.CreateSubscription(ctx, enrolling("subscription-new")); return err },
			"get subscription":    func() error { _, err := s.GetSubscription(ctx, subscribed.ID); return err },
			"save subscription":   func() error { n := subscribed; n.Revision++; _, err := s.SaveSubscription(ctx, n); return err },
			"claim cycle":         func() error { _, err := s.ClaimCycle(ctx, cycleClaimOf(charging)); return err },
			"lease due":           func() error { _, err := s.LeaseDue(ctx, orderRecord(there.ID), far, far.Add(time.Hour)); return err },
			"due":                 func() error { _, _, err := s.Due(ctx, 0, created, 1, ""); return err },
		} {
			if err := try(); err == nil {
				t.Errorf("%s with %s was carried out", call, name)
			}
		}
	}
	wantSame(t, s, "after refused calls", get(t, s, there.ID), there)
	if _, err := s.Get(timed(t), "order-new"); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("a refused create made an order: %v", err)
	}
	wantEntry(t, s, "after refused calls", orderRecord(there.ID), there.DueAt)
	wantSameSubscription(t, s, "after refused calls", subscribed, subscribed)
	wantSameSubscription(t, s, "after refused calls", charging, charging)
	if _, err := s.GetSubscription(timed(t), "subscription-new"); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("a refused create made a subscription: %v", err)
	}
}

func testClaim(t *testing.T, s payment.Store) {
	fresh := open("order-fresh")
	// Every field is set, so that a claim that touches one too many, or one too few, is caught.
	busy := payable(t, "order-busy")
	bare := derived(order.Order{
		ID: "order-bare", Provider: "toss", Status: order.Open, LinkToken: "link", Ledger: ledger.Order{Attempts: []ledger.Attempt{{}}},
	})
	for _, o := range []order.Order{fresh, busy, bare} {
		o = create(t, s, o)
		c := claimOf(o)
		want, err := o.Claim(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Claim(timed(t), c)
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, s, o.ID, got, want)
		if len(want.History) != len(o.History)+1 {
			t.Errorf("%s: the history has %d entries, want %d", o.ID, len(want.History), len(o.History)+1)
		}
	}

	untimed := create(t, s, open("order-untimed"))
	c := claimOf(untimed)
	c.AskAfter, c.Key = time.Time{}, ""
	want, err := untimed.Claim(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Claim(timed(t), c)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "claim with empty fields", got, want)
}

func testClaimRefused(t *testing.T, s payment.Store) {
	type refused struct {
		name   string
		order  func(*order.Order)
		claim  func(*order.Claim)
		reason order.Reason
	}
	link := func(c *order.Claim) { c.LinkToken = "linK" }
	attempt := func(c *order.Claim) { c.Attempt++ }
	amount := func(c *order.Claim) { c.Amount.Value++ }
	both := func(a, b func(*order.Claim)) func(*order.Claim) { return func(c *order.Claim) { a(c); b(c) } }
	is := func(status order.Status) func(*order.Order) { return func(o *order.Order) { o.Status = status } }
	later := func(o *order.Order) {
		o.Ledger.Attempts = append(o.Ledger.Attempts, ledger.Attempt{}, ledger.Attempt{})
	}
	used := func(o *order.Order) { o.Ledger.Attempts[0].Used = true }
	tests := []refused{
		{"number used up while open", used, func(*order.Claim) {}, order.NotOpen},
		{"no number, and none can be paid", used, func(c *order.Claim) { c.Attempt = 0 }, order.StaleAttempt},
		{"a cycle's", func(o *order.Order) { o.BillingKey = "key" }, func(*order.Claim) {}, order.WrongLink},
		{"wrong link", is(order.Open), link, order.WrongLink},
		{"another provider's door", is(order.Open), func(c *order.Claim) { c.Provider = "portone" }, order.WrongLink},
		{"link and more", is(order.Open), func(c *order.Claim) { c.LinkToken += "2" }, order.WrongLink},
		{"empty link", is(order.Open), func(c *order.Claim) { c.LinkToken = "" }, order.WrongLink},
		{"empty link of an order without one", func(o *order.Order) { o.LinkToken = "" }, func(*order.Claim) {}, order.WrongLink},
		{"earlier attempt", later, func(c *order.Claim) { c.Attempt = 2 }, order.StaleAttempt},
		{"later attempt", is(order.Open), attempt, order.StaleAttempt},
		{"higher amount", is(order.Open), amount, order.WrongAmount},
		{"lower amount", is(order.Open), func(c *order.Claim) { c.Amount.Value-- }, order.WrongAmount},
		{"other currency", is(order.Open), func(c *order.Claim) { c.Amount.Currency = "USD" }, order.WrongAmount},
		{"no amount", is(order.Open), func(c *order.Claim) { c.Amount = money.Amount{} }, order.WrongAmount},
		{"wrong link before all else", is(order.Processing), both(link, both(attempt, amount)), order.WrongLink},
		{"not open before attempt and amount", is(order.Processing), both(attempt, amount), order.NotOpen},
		{"attempt before amount", is(order.Open), both(attempt, amount), order.StaleAttempt},
	}
	for _, status := range order.Statuses {
		if status != order.Open {
			tests = append(tests, refused{string(status), is(status), func(*order.Claim) {}, order.NotOpen})
		}
	}
	for i, test := range tests {
		o := open(fmt.Sprintf("order-%d", i))
		test.order(&o)
		create(t, s, o)
		c := claimOf(derived(o))
		test.claim(&c)
		got, err := s.Claim(timed(t), c)
		wantRefusal(t, test.name, err, test.reason)
		wantSame(t, s, test.name, got, o)
	}
}

func testClaimsRace(t *testing.T, s payment.Store) {
	winners := 0
	results := raceClaims(t, s, Racers)
	stored := get(t, s, racedOrder)
	for i, r := range results {
		if r.err == nil {
			winners++
		} else {
			wantRefusal(t, fmt.Sprintf("racer %d", i), r.err, order.NotOpen)
		}
		if !reflect.DeepEqual(r.record, stored) {
			t.Errorf("racer %d was shown\n%+v\nstored is\n%+v", i, r.record, stored)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d claims were told that they have the order, want 1", winners, Racers)
	}
}

// testLease compares with the pure rule in every status, because the rule goes by the due time and not by the status: a paid order that
// owes money back may be asked about.
func testLease(t *testing.T, s payment.Store) {
	l := order.Lease{At: created.Add(time.Minute), Until: created.Add(time.Minute + 3*time.Second)}
	reasons, n := map[order.Reason]int{}, 0
	lease := func(status order.Status, askAfter time.Time) {
		t.Helper()
		for i := range 4 {
			n++
			o := full(t, fmt.Sprintf("order-%d", n))
			o.Status, o.AskAfter = status, askAfter
			if i%2 == 1 {
				o.DueAt = time.Time{}
			}
			l.OrderID, l.Final = o.ID, i >= 2
			create(t, s, o)
			what := fmt.Sprintf("%s, due at %v, leased until %v, final too: %t", status, o.DueAt, askAfter, l.Final)
			want, wantErr := o.Lease(l)
			got, err := s.Lease(timed(t), l)
			if refusal, ok := errors.AsType[*order.Refusal](wantErr); ok {
				reasons[refusal.Reason]++
				wantRefusal(t, what, err, refusal.Reason)
			} else if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			wantSame(t, s, what, got, want)
		}
	}
	for _, status := range order.Statuses {
		lease(status, time.Time{})
	}
	for _, askAfter := range []time.Time{l.At.Add(-time.Millisecond), l.At, l.At.Add(time.Millisecond)} { // over, ends now, leased
		lease(order.Processing, askAfter)
	}
	// Of each four one is neither due nor leased as final, and of the last four the others are leased.
	want := map[order.Reason]int{order.NotOpen: len(order.Statuses) + 3, order.Leased: 3}
	if !maps.Equal(reasons, want) {
		t.Errorf("the rule refused %v, want %v", reasons, want)
	}

	o := create(t, s, open("order-again"))
	l.OrderID = o.ID
	if _, err := s.Lease(timed(t), l); err != nil {
		t.Fatal(err)
	}
	_, err := s.Lease(timed(t), l)
	wantRefusal(t, "the same lease again", err, order.Leased)
	l.At = l.Until
	l.Until = l.At.Add(3 * time.Second)
	if _, err := s.Lease(timed(t), l); err != nil {
		t.Errorf("when the lease is over: %v", err)
	}
}

func testSave(t *testing.T, s payment.Store) {
	first := create(t, s, full(t, "order-1"))
	for _, delta := range []int64{-1, 0, 2} {
		next := open(first.ID)
		next.Revision = first.Revision + delta
		got, err := s.Save(timed(t), next)
		wantError(t, fmt.Sprintf("revision %+d", delta), err, payment.ErrConflict)
		wantSame(t, s, fmt.Sprintf("revision %+d", delta), got, first)
	}

	next := open(first.ID)
	next.Revision = first.Revision + 1
	got, err := s.Save(timed(t), next)
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, s, "save", got, next)
	got, err = s.Save(timed(t), next)
	wantError(t, "the same save again", err, payment.ErrConflict)
	wantSame(t, s, "the same save again", got, next)
}

// testOthersRace: of many creates, saves or leases at the same moment one succeeds, and every loser is shown what it lost to.
func testOthersRace(t *testing.T, s payment.Store) {
	const racers = 50
	base := create(t, s, open("order-base"))
	for name, call := range map[string]func(i int) (order.Order, error){
		"create": func(i int) (order.Order, error) {
			o := open("order-create")
			o.Name = fmt.Sprint(i)
			return s.Create(timed(t), o)
		},
		"save": func(i int) (order.Order, error) {
			o := base
			o.Revision, o.Name = o.Revision+1, fmt.Sprint(i)
			return s.Save(timed(t), o)
		},
		"lease": func(i int) (order.Order, error) {
			at := created.Add(time.Hour)
			return s.Lease(timed(t), order.Lease{OrderID: base.ID, At: at, Until: at.Add(time.Duration(i+1) * time.Second)})
		},
	} {
		winners := 0
		for i, r := range race(racers, call) {
			_, refused := errors.AsType[*order.Refusal](r.err)
			lost := refused || errors.Is(r.err, payment.ErrExists) || errors.Is(r.err, payment.ErrConflict)
			switch {
			case r.err == nil:
				winners++
			case !lost:
				t.Errorf("%s, racer %d: %v", name, i, r.err)
			}
			if r.record.ID == "" {
				t.Errorf("%s, racer %d was shown no order", name, i)
			}
		}
		if winners != 1 {
			t.Errorf("%s: %d of %d succeeded, want 1", name, winners, racers)
		}
	}
}
