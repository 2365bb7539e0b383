package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// Listing is a store with lists.
type Listing interface {
	payment.Store
	payment.Lists
}

// RunLists tests the lists of the stores that open returns.
func RunLists(t *testing.T, open func(t *testing.T) Listing) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Listing)
	}{
		{"orders of a day", testListDay},
		{"subscriptions of a status", testListStatus},
		{"of a customer", testListCustomer},
		{"what needs attention", testListAttention},
		{"what is due", testListDue},
		{"times, order and limits", testListBounds},
		{"many records at once", testReadMany},
		{"wrong questions", testListWrong},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
}

// listed returns the ids on a list, of all its parts.
func listed(t *testing.T, s Listing, q payment.ListQuery) (ids []string) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	if q.To.IsZero() {
		q.To = created.AddDate(1, 0, 0)
	}
	for q.Part = range q.Index.Parts() {
		entries, err := s.List(timed(t), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			ids = append(ids, e.Record.Kind+" "+e.Record.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

func wantListed(t *testing.T, s Listing, what string, q payment.ListQuery, want ...string) {
	t.Helper()
	if got := listed(t, s, q); !slices.Equal(got, want) {
		t.Errorf("%s: listed %v, want %v", what, got, want)
	}
}

func saved(t *testing.T, s Listing, o order.Order) order.Order {
	t.Helper()
	o.Revision++
	o, err := s.Save(timed(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const day = "2026-11-02" // of created, in Korea

func testListDay(t *testing.T, s Listing) {
	for i := range 20 {
		o := open(fmt.Sprintf("order-%02d", i))
		o.CreatedAt = created.Add(time.Duration(i) * time.Second)
		create(t, s, o)
	}
	midnight := time.Date(2026, 11, 2, 15, 0, 0, 0, time.UTC) // of the next day, in Korea
	next := open("order-next")
	next.CreatedAt = midnight
	create(t, s, next)
	cycle := order.NewCycle(order.Order{ID: "sub-001--c1", CreatedAt: created, BillingKey: "sub-001--key1"}, ledger.Timing{}, created)
	create(t, s, cycle)
	q := payment.ListQuery{Index: payment.ListDay, Kind: payment.KindOrder, Value: day}
	if got := listed(t, s, q); len(got) != 20 || got[0] != "order order-00" {
		t.Errorf("of the day: %v", got)
	}
	q.Value = "2026-11-03"
	wantListed(t, s, "of the next day", q, "order order-next")
	claimed, err := s.Claim(timed(t), claimOf(get(t, s, "order-00")))
	if err != nil {
		t.Fatal(err)
	}
	saved(t, s, claimed)
	if q.Value = day; len(listed(t, s, q)) != 20 {
		t.Error("an order left its day with a claim or a save")
	}
}

func testListStatus(t *testing.T, s Listing) {
	one := createSubscription(t, s, enrolling("sub-001"))
	createSubscription(t, s, enrolling("sub-002"))
	q := payment.ListQuery{Index: payment.ListStatus, Kind: payment.KindSubscription, Value: string(subscription.Enrolling)}
	wantListed(t, s, "enrolling", q, "subscription sub-001", "subscription sub-002")
	one.Status = subscription.Active
	one.Revision++
	if _, err := s.SaveSubscription(timed(t), one); err != nil {
		t.Fatal(err)
	}
	wantListed(t, s, "enrolling after a save", q, "subscription sub-002")
	q.Value = string(subscription.Active)
	wantListed(t, s, "active", q, "subscription sub-001")
}

func testListCustomer(t *testing.T, s Listing) {
	for _, id := range []string{"order-1", "order-2"} {
		o := open(id)
		o.Customer.ID = "customer-1"
		create(t, s, o)
	}
	create(t, s, open("order-3")) // of nobody
	createSubscription(t, s, enrolling("sub-001"))
	cycle := order.NewCycle(order.Order{
		ID: "sub-001--c1", CreatedAt: created, BillingKey: "sub-001--key1", Customer: order.Customer{ID: "customer-1"},
	}, ledger.Timing{}, created)
	create(t, s, cycle)
	q := payment.ListQuery{Index: payment.ListCustomer, Kind: payment.KindOrder, Value: "customer-1"}
	wantListed(t, s, "orders", q, "order order-1", "order order-2")
	q.Kind = payment.KindSubscription
	wantListed(t, s, "subscriptions", q, "subscription sub-001")
	q.Value = "customer-2"
	wantListed(t, s, "of another", q)
}

func testListAttention(t *testing.T, s Listing) {
	fine, review, owed, overdue := create(t, s, open("order-fine")), create(t, s, open("order-review")),
		create(t, s, open("order-owed")), create(t, s, open("order-overdue"))
	saved(t, s, fine)
	review.Status = order.Review
	saved(t, s, review)
	owed.Ledger.Payments = []ledger.Payment{{
		Key: "key", Attempt: 1, State: ledger.Captured, Amount: 1, Balance: 1, Role: ledger.Surplus, KnownAt: created,
	}}
	owed.View()
	owed = saved(t, s, owed)
	overdue.Status, overdue.Since = order.Processing, created
	overdue.DueAt = created.Add(order.AlarmAfter)
	overdue = saved(t, s, overdue)
	q := payment.ListQuery{Index: payment.ListAttention, Kind: payment.KindOrder}
	wantListed(t, s, "attention", q, "order order-overdue", "order order-owed", "order order-review")
	owed.Ledger.Payments[0].Role, owed.Ledger.Payments[0].Balance = ledger.Returned, 0
	owed.View()
	saved(t, s, owed)
	overdue.Status, overdue.Since = order.Paid, time.Time{}
	saved(t, s, overdue)
	wantListed(t, s, "attention, later", q, "order order-review")
}

func testListDue(t *testing.T, s Listing) {
	create(t, s, open("order-1"))
	sub := createSubscription(t, s, enrolling("sub-001"))
	q := payment.ListQuery{Index: payment.ListDue, To: sub.DueAt, Ascending: true}
	wantListed(t, s, "due until then", q, "subscription sub-001")
	q.To = sub.DueAt.Add(-time.Millisecond)
	wantListed(t, s, "due before", q)
	q.From, q.To = sub.DueAt.Add(time.Millisecond), created.AddDate(0, 1, 0)
	wantListed(t, s, "due behind", q, "order order-1")
}

// testListBounds: From and To are included, the newest comes first unless told, and Limit is the most of a part.
func testListBounds(t *testing.T, s Listing) {
	ids := []string{"order-1", "order-2", "order-3"}
	for i, id := range ids {
		o := open(id)
		o.Customer.ID, o.CreatedAt = "customer-1", created.Add(time.Duration(i)*time.Second)
		create(t, s, o)
	}
	q := payment.ListQuery{Index: payment.ListCustomer, Kind: payment.KindOrder, Value: "customer-1", To: created.Add(2 * time.Second), Limit: 2}
	for _, tc := range []struct {
		ascending bool
		from      time.Time
		want      string
	}{
		{false, time.Time{}, "[order-3 order-2]"},
		{true, time.Time{}, "[order-1 order-2]"},
		{true, created.Add(2 * time.Second), "[order-3]"},
	} {
		q.Ascending, q.From = tc.ascending, tc.from
		entries, err := s.List(timed(t), q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Record.ID)
			if want := created.Add(time.Duration(slices.Index(ids, e.Record.ID)) * time.Second); !e.At.Equal(want) {
				t.Errorf("%s stands at %v, want %v", e.Record.ID, e.At, want)
			}
		}
		if fmt.Sprint(got) != tc.want {
			t.Errorf("ascending %v from %v: %v, want %s", tc.ascending, tc.from, got, tc.want)
		}
	}
}

func testReadMany(t *testing.T, s Listing) {
	var ids []string
	for i := range payment.ReadMax + 3 {
		id := fmt.Sprintf("order-%03d", i)
		if ids = append(ids, id); i%2 == 0 {
			create(t, s, open(id))
		}
	}
	found, left, err := s.GetOrders(timed(t), ids)
	if err != nil || len(found) != payment.ReadMax/2 || len(left) != 3 {
		t.Errorf("%d found, %d left, %v", len(found), len(left), err)
	}
	if o := found[0]; o.Amount != (money.Amount{Value: 1000, Currency: money.KRW}) {
		t.Errorf("half an order: %+v", o)
	}
	sub := createSubscription(t, s, enrolling("sub-001"))
	subscriptions, left, err := s.GetSubscriptions(timed(t), []string{"sub-001", "sub-002"})
	if err != nil || len(subscriptions) != 1 || subscriptions[0].ID != sub.ID || len(left) != 0 {
		t.Errorf("%v, %v left, %v", subscriptions, left, err)
	}
}

func testListWrong(t *testing.T, s Listing) {
	good := payment.ListQuery{Index: payment.ListDay, Value: day, To: created, Limit: 1}
	for what, edit := range map[string]func(*payment.ListQuery){
		"no limit":    func(q *payment.ListQuery) { q.Limit = 0 },
		"a part more": func(q *payment.ListQuery) { q.Part = q.Index.Parts() },
		"a part less": func(q *payment.ListQuery) { q.Part = -1 },
	} {
		q := good
		edit(&q)
		if entries, err := s.List(timed(t), q); err == nil {
			t.Errorf("%s: %v", what, entries)
		}
	}
	if _, err := s.List(context.Background(), good); err == nil {
		t.Error("a call without a deadline was taken")
	}
	if _, _, err := s.GetOrders(context.Background(), []string{"order-1"}); err == nil {
		t.Error("a read without a deadline was taken")
	}
}
