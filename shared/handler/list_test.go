package handler_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

type listBody struct {
	Orders []struct {
		OrderID, Status, CustomerID, Attention string
		Payment                                *struct{ Key string }
	}
	Subscriptions []struct{ SubscriptionID, Status string }
	Next          string
	Error         struct{ Code, Field, Message string }
}

func (h *house) list(t *testing.T, route, query string) (handler.Response, listBody) {
	t.Helper()
	response := call(t, h.merchant, event(route, query, ""))
	var b listBody
	if err := json.Unmarshal([]byte(response.Body), &b); err != nil {
		t.Fatal(err)
	}
	return response, b
}

// all follows the cursors to the end.
func (h *house) all(t *testing.T, route, query string) (ids []string, pages int) {
	t.Helper()
	for cursor := ""; ; pages++ {
		response, b := h.list(t, route, query+"&cursor="+url.QueryEscape(cursor))
		if response.StatusCode != http.StatusOK || pages > 200 {
			t.Fatalf("%s: %d %s", query, response.StatusCode, response.Body)
		}
		for _, o := range b.Orders {
			ids = append(ids, o.OrderID)
		}
		for _, s := range b.Subscriptions {
			ids = append(ids, s.SubscriptionID)
		}
		if cursor = b.Next; cursor == "" {
			return ids, pages + 1
		}
	}
}

// timed returns a context with a deadline that no test reaches.
func timed(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func today() string { return time.Now().In(subscription.Seoul).Format(time.DateOnly) }

// TestListOrders: every order of the day once, the newest first, whatever the size of a page; also those of one millisecond.
func TestListOrders(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	at := time.Now().UTC().Truncate(time.Second)
	var want []string
	for i := range 37 {
		o := order.Order{ID: fmt.Sprintf("order-%02d", i), Provider: "toss", Mode: "test", LinkToken: "link", CreatedAt: at.Add(time.Duration(i/5) * time.Millisecond)}
		o.Amount.Value, o.Amount.Currency, o.ExpiresAt, o.Name = 100, "KRW", at.Add(time.Hour), "x"
		o.Customer.ID = fmt.Sprintf("customer %d", i%2)
		h.put(t, order.New(o))
		want = append(want, o.ID)
	}
	day := "day=" + at.In(subscription.Seoul).Format(time.DateOnly)
	for _, limit := range []int{1, 3, 5, 36, 37, 38, 100} {
		got, pages := h.all(t, "GET /orders", fmt.Sprintf("%s&limit=%d", day, limit))
		if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, want) {
			t.Errorf("limit %d: %d orders on %d pages, want 37 once each: %v", limit, len(got), pages, got)
		}
		if !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(milli(b), milli(a)) }) {
			t.Errorf("limit %d: not the newest first: %v", limit, got)
		}
	}
	if got, _ := h.all(t, "GET /orders", "customerId=customer+1&limit=4"); len(got) != 18 {
		t.Errorf("of a customer: %v", got)
	}
	if got, _ := h.all(t, "GET /orders", day+"&status=paid&limit=2"); len(got) != 0 {
		t.Errorf("paid: %v", got)
	}
}

// milli is the millisecond of an order of TestListOrders.
func milli(id string) string {
	var n int
	_, _ = fmt.Sscanf(id, "order-%d", &n)
	return fmt.Sprintf("%03d", n/5)
}

func (h *house) put(t *testing.T, o order.Order) {
	t.Helper()
	if _, err := h.store.Create(timed(t), o); err != nil {
		t.Fatal(err)
	}
}

func TestListAttention(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	h.create(t, body)
	if _, b := h.list(t, "GET /orders", "attention=true"); len(b.Orders) != 0 || b.Next != "" {
		t.Errorf("a fresh order needs nobody: %+v", b)
	}
	o, err := h.store.Get(timed(t), "order-1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, tc := range []struct {
		want string
		edit func(*order.Order)
	}{
		{"overdue", func(o *order.Order) {
			o.Status, o.Since, o.DueAt = order.Processing, now.Add(-order.AlarmAfter), now.Add(time.Hour)
		}},
		{"owed", func(o *order.Order) {
			o.Status, o.Ledger.Payments = order.Paid, []ledger.Payment{{Key: "k", Attempt: 1, State: ledger.Captured, Amount: 1, Balance: 1, Role: ledger.Surplus}}
			o.View()
		}},
		{"review", func(o *order.Order) { o.Status = order.Review }},
	} {
		tc.edit(&o)
		o.Revision++
		if o, err = h.store.Save(timed(t), o); err != nil {
			t.Fatal(err)
		}
		_, b := h.list(t, "GET /orders", "attention=true")
		if len(b.Orders) != 1 || b.Orders[0].Attention != tc.want {
			t.Errorf("%+v, want one that is %s", b, tc.want)
		}
	}
	if _, b := h.list(t, "GET /orders", "attention=true&status=paid"); len(b.Orders) != 0 {
		t.Errorf("narrowed to paid: %+v", b)
	}
}

func TestListSubscriptions(t *testing.T) {
	t.Parallel()
	h := subscribed(t, func(s *subscription.Subscription) {})
	h.all(t, "GET /subscriptions", "status=enrolling")
	for query, want := range map[string]int{
		"status=active": 1, "status=enrolling": 0, "customerId=customer-1": 1, "customerId=customer-2": 0,
		"customerId=customer-1&status=paused": 0, "dueTill=" + later(24*time.Hour): 0, "dueTill=" + later(40*24*time.Hour): 1,
		"dueFrom=" + later(40*24*time.Hour) + "&dueTill=" + later(50*24*time.Hour): 0,
	} {
		if got, _ := h.all(t, "GET /subscriptions", query); len(got) != want {
			t.Errorf("%s: %v, want %d", query, got, want)
		}
	}
}

func later(d time.Duration) string {
	return url.QueryEscape(time.Now().Add(d).UTC().Format(time.RFC3339))
}

// TestListRefuses: a misspelt filter must not list everything, and a cursor only goes on where it came from.
func TestListRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	for i := range 3 {
		h.create(t, strings.Replace(body, "order-1", fmt.Sprintf("order-%d", i), 1))
	}
	_, page := h.list(t, "GET /orders", "limit=1&day="+today())
	if page.Next == "" {
		t.Fatal("no cursor")
	}
	for _, tc := range []struct{ route, query, field string }{
		{"GET /orders", "", "filter"},
		{"GET /orders", "status=paid", "filter"},
		{"GET /orders", "day=2026-11-28&customerId=a", "filter"},
		{"GET /orders", "days=2026-11-28", "days"},
		{"GET /orders", "day=2026-11-31", "day"},
		{"GET /orders", "day=28.11.2026", "day"},
		{"GET /orders", "day=2026-11-28&day=2026-11-27", "day"},
		{"GET /orders", "day=2026-11-28&status=pending", "status"},
		{"GET /orders", "attention=yes", "attention"},
		{"GET /orders", "day=2026-11-28&limit=0", "limit"},
		{"GET /orders", "day=2026-11-28&limit=101", "limit"},
		{"GET /orders", "day=2026-11-28&limit=1e2", "limit"},
		{"GET /orders", "day=%zz", "query"},
		{"GET /orders", "day=" + today() + "&cursor=x", "cursor"},
		{"GET /orders", "attention=true&cursor=" + page.Next, "cursor"},
		{"GET /orders", "day=2026-11-27&cursor=" + page.Next, "cursor"},
		{"GET /subscriptions", "", "filter"},
		{"GET /subscriptions", "status=paid", "status"},
		{"GET /subscriptions", "dueFrom=2026-11-28T00:00:00Z", "dueTill"},
		{"GET /subscriptions", "dueTill=tomorrow", "dueTill"},
		{"GET /subscriptions", "dueFrom=2026-11-29T00:00:00Z&dueTill=2026-11-28T00:00:00Z", "dueTill"},
		{"GET /subscriptions", "customerId=a&dueTill=2026-11-28T00:00:00Z", "filter"},
	} {
		response, b := h.list(t, tc.route, tc.query)
		if response.StatusCode != http.StatusBadRequest || b.Error.Field != tc.field || b.Error.Message == "" {
			t.Errorf("%s?%s: %d %s, want 400 that names %s", tc.route, tc.query, response.StatusCode, response.Body, tc.field)
		}
	}
	if response, _ := h.list(t, "GET /orders", "limit=1&day="+today()+"&cursor="+page.Next); response.StatusCode != http.StatusOK {
		t.Errorf("its own cursor: %s", response.Body)
	}
}

// TestListDueBesideOrders: orders are due in the same index; they take no place on the list, and hide no subscription behind them.
func TestListDueBesideOrders(t *testing.T) {
	t.Parallel()
	h := subscribed(t, func(s *subscription.Subscription) {})
	for i := range 400 {
		id := fmt.Sprintf("order-%d", i)
		if sha256.Sum256([]byte(id))[0]%payment.DueShards == sha256.Sum256([]byte("sub-001"))[0]%payment.DueShards { // in its part, and due before it
			h.create(t, strings.Replace(body, "order-1", id, 1))
		}
	}
	for _, limit := range []int{1, 2, 20} {
		if got, _ := h.all(t, "GET /subscriptions", fmt.Sprintf("limit=%d&dueTill=%s", limit, later(40*24*time.Hour))); !slices.Equal(got, []string{"sub-001"}) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
}
