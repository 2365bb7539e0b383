package store

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

var streamed = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func asImage(t *testing.T, all values, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := attributevalue.MarshalMapJSON(all)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func orderImage(t *testing.T, o order.Order) (order.Order, []byte) {
	t.Helper()
	read, all, err := encodeOrder(o, "token")
	return read, asImage(t, all, err)
}

// TestChange: what the store writes, the stream's reader reads, record by record and field by field.
func TestChange(t *testing.T) {
	t.Parallel()
	o := order.New(order.Order{
		ID: "order-0001", Provider: "toss", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, LinkToken: "link",
		CreatedAt: streamed, ExpiresAt: streamed.Add(time.Hour), Toss: order.TossOptions{InternationalCardOnly: true},
	})
	old, oldImage := orderImage(t, o)
	l := old.Ledger
	l.Payments = []ledger.Payment{{
		Key: "key", Attempt: 1, State: ledger.Captured, Role: ledger.Kept, Amount: 15000, Balance: 15000, Currency: "KRW", ApprovedAt: streamed,
	}}
	l.Revision++
	paid := old.With(l, streamed)
	if paid.Capture.Key != "key" || paid.Status != order.Paid {
		t.Fatalf("the order is %s with %+v", paid.Status, paid.Capture)
	}
	now, newImage := orderImage(t, paid)
	sub, all, err := encodeSubscription(subscription.New(subscription.Subscription{ID: "order-0001", Provider: "portone", CreatedAt: streamed}), "token")
	subImage := asImage(t, all, err)
	for _, test := range []struct {
		name     string
		old, now []byte
		want     event.Change
		ok       bool
	}{
		{"made", nil, oldImage, event.Change{Order: old}, true},
		{"made, as JSON says it", []byte("null"), oldImage, event.Change{Order: old}, true},
		{"changed", oldImage, newImage, event.Change{OldOrder: old, Order: now}, true},
		{"a subscription of the same id", nil, subImage, event.Change{Subscription: sub}, true},
		{"deleted", oldImage, nil, event.Change{}, false},
		{"not ours", nil, []byte(`{"PK":{"S":"cursor#1"},"SK":{"S":"cursor"}}`), event.Change{}, false},
	} {
		c, ok, err := Change(test.old, test.now)
		if err != nil || ok != test.ok || !reflect.DeepEqual(c, test.want) {
			t.Errorf("%s: %+v, %t, %v, want %+v", test.name, c, ok, err, test.want)
		}
	}
	for name, bad := range map[string]string{
		"another format": strings.Replace(string(newImage), `"v":{"N":"2"}`, `"v":{"N":"3"}`, 1), "no JSON": "{", "no attributes": `{"PK":"order#1"}`,
		"another type": strings.Replace(string(newImage), `"revision":{"N":`, `"revision":{"S":`, 1),
	} {
		if c, ok, err := Change(oldImage, []byte(bad)); err == nil || ok || !reflect.DeepEqual(c, event.Change{}) {
			t.Errorf("%s: %+v, %t, %v", name, c, ok, err)
		}
	}
}

// TestChangeOfBefore: of an order of version 1, the first write of the present version tells what it changed, and no more. Nor does a write of a
// function of version 1 that still runs.
func TestChangeOfBefore(t *testing.T) {
	t.Parallel()
	events := func(name string, old, now []byte) (ids []string) {
		c, ok, err := Change(old, now)
		if err != nil || !ok {
			t.Fatalf("%s: %t, %v", name, ok, err)
		}
		told, hole := c.Events()
		if hole {
			t.Errorf("%s: something is not told", name)
		}
		for _, e := range told {
			ids = append(ids, e.ID)
		}
		return ids
	}
	names, err := filepath.Glob("internal/item/testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := Change(nil, text)
		if err != nil {
			t.Fatal(err)
		}
		old := c.Order
		if got := events(name, text, text); got != nil {
			t.Errorf("%s: leased, and told %q", name, got)
		}
		l := old.Ledger
		l.Revision++
		_, same := orderImage(t, old.With(l, streamed))
		if got := events(name, text, same); got != nil {
			t.Errorf("%s: written as it was, and told %q", name, got)
		}
		first, _ := event.Change{Order: old}.History()
		again, _, _ := Change(nil, same)
		if after, _ := again.History(); !reflect.DeepEqual(idsOf(after), idsOf(first)) {
			t.Errorf("%s: its history told %q, and tells %q", name, idsOf(first), idsOf(after))
		}
		if old.Status != order.Open && old.Status != order.Processing || old.Owed() != nil {
			continue
		}
		p := ledger.Payment{
			Key: "key", Attempt: 1, State: ledger.Captured, Role: ledger.Kept, Amount: old.Amount.Value, Balance: old.Amount.Value, Currency: "KRW",
		}
		l.Payments, l.Requests = append(l.Payments, p), nil
		_, paid := orderImage(t, old.With(l, streamed))
		want := fmt.Sprintf("order/%s/%d/paid", old.ID, old.Revision+1)
		if got := events(name, text, paid); !reflect.DeepEqual(got, []string{want}) {
			t.Errorf("%s: paid, and told %q, want %q", name, got, want)
		}
	}
}

func idsOf(events []event.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}
