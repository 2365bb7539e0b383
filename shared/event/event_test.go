package event_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

var at = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)

// anOrder is one whose history has the steps, each of the write that its revision names.
func anOrder(id string, steps ...order.Step) order.Order {
	o := order.Order{
		ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, CreatedAt: at,
		Customer: order.Customer{ID: "customer-7", Name: "Kim", Email: "kim@shop.example", Phone: "01012345678"}, LinkToken: "link",
		Capture: order.Capture{Key: "payment-key", Balance: 15000, ApprovedAt: at},
	}
	for _, s := range steps {
		s.At = at
		o.History, o.Status, o.Revision = append(o.History, s), s.To, s.Revision
	}
	return o
}

// before is the record as it was at a revision.
func before(o order.Order, revision int64) order.Order {
	o.History = slices.Clone(o.History)
	o.History = slices.DeleteFunc(o.History, func(s order.Step) bool { return s.Revision > revision })
	if o.Revision = revision; len(o.History) > 0 {
		o.Status = o.History[len(o.History)-1].To
	}
	return o
}

func words(t *testing.T, events []event.Event) string {
	t.Helper()
	var all []string
	for _, e := range events {
		if err := eventtest.Check(e); err != nil {
			t.Error(err)
		}
		text := e.ID
		if e.Data.Reversal+e.Data.Reason+e.Data.Code != "" {
			text += fmt.Sprintf(" (%s)", strings.Trim(e.Data.Reversal+" "+e.Data.Reason+" "+e.Data.Code, " "))
		}
		if e.Data.Full != nil {
			text += fmt.Sprintf(" full=%t", *e.Data.Full)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestOrderEvents(t *testing.T) {
	t.Parallel()
	created, claimed := order.Step{To: order.Open, Event: "created", Revision: 1}, order.Step{From: order.Open, To: order.Processing, Event: "claimed", Revision: 2}
	step := func(revision int64, from, to order.Status, kind string) order.Step {
		return order.Step{From: from, To: to, Event: kind, Revision: revision}
	}
	with := func(s order.Step, note, reversal string) order.Step {
		s.Note, s.Reversal = note, reversal
		return s
	}
	for _, test := range []struct {
		name, want string
		id         string
		since      int64
		steps      []order.Step
	}{
		{name: "created", since: 0, steps: []order.Step{created}},
		{name: "claimed", since: 1, steps: []order.Step{created, claimed}},
		{name: "paid", since: 2, want: "order/order-0001/3/paid", steps: []order.Step{created, claimed, step(3, order.Processing, order.Paid, order.Captured)}},
		{name: "refused, may try again", since: 2, steps: []order.Step{created, claimed, with(step(3, order.Processing, order.Open, order.Refused), "LIMIT", "")}},
		{name: "failed", since: 2, want: "order/order-0001/3/failed (LIMIT)", steps: []order.Step{created, claimed, with(step(3, order.Processing, order.Failed, order.Refused), "LIMIT", "")}},
		{name: "expired", since: 1, want: "order/order-0001/2/expired", steps: []order.Step{created, step(2, order.Open, order.Expired, order.Lapsed)}},
		{name: "review", since: 2, want: "order/order-0001/3/review (DONE)", steps: []order.Step{created, claimed, with(step(3, order.Processing, order.Review, order.Captured), "DONE", "")}},
		{name: "partly and fully refunded", since: 3, want: "order/order-0001/4/refunded full=false, order/order-0001/5/refunded full=true", steps: []order.Step{
			created, claimed, step(3, order.Processing, order.Paid, order.Captured), step(4, order.Paid, order.Paid, order.PartlyRefunded), step(5, order.Paid, order.Refunded, order.FullyRefunded)}},
		{name: "first seen partly refunded", since: 2, want: "order/order-0001/3/paid, order/order-0001/3/refunded full=false", steps: []order.Step{created, claimed, step(3, order.Processing, order.Paid, order.PartlyRefunded)}},
		{name: "first seen refunded: not to be shipped", since: 2, want: "order/order-0001/3/refunded full=true", steps: []order.Step{created, claimed, step(3, order.Processing, order.Refunded, order.FullyRefunded)}},
		{name: "two refunds in one write", since: 3, want: "order/order-0001/4/refunded-2 full=false, order/order-0001/4/refunded full=false", steps: []order.Step{
			created, claimed, step(3, order.Processing, order.Paid, order.Captured), step(4, order.Paid, order.Paid, order.PartlyRefunded), step(4, order.Paid, order.Paid, order.PartlyRefunded)}},
		{name: "a second payment, partly refunded already, and its end", since: 3, want: "order/order-0001/4/reversal (second), order/order-0001/5/reversal (done)", steps: []order.Step{
			created, claimed, step(3, order.Processing, order.Paid, order.Captured), with(step(4, order.Paid, order.Paid, order.PartlyRefunded), "", "second"), with(step(5, order.Paid, order.Paid, order.FullyRefunded), "", "done")}},
		{name: "a cycle", id: "sub-0001--c2", since: 1, want: "order/sub-0001--c2/2/paid", steps: []order.Step{created, step(2, order.Open, order.Paid, order.Captured)}},
		{name: "the history lost the payment", since: 1, want: "order/order-0001/4/paid (unrecorded), order/order-0001/4/refunded full=true", steps: []order.Step{created, step(4, order.Paid, order.Refunded, order.FullyRefunded)}},
	} {
		if test.id == "" {
			test.id = "order-0001"
		}
		o := anOrder(test.id, test.steps...)
		old := before(o, test.since)
		if test.since == 0 {
			old = order.Order{}
		}
		events, hole := event.OfOrder(old, o)
		if got := words(t, events); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if want := strings.Contains(test.want, event.Unrecorded); hole != want {
			t.Errorf("%s: hole is %t", test.name, hole)
		}
		for _, e := range events {
			if sub := map[bool]string{true: "sub-0001"}[test.id == "sub-0001--c2"]; e.Data.OrderID != test.id || e.Data.SubscriptionID != sub {
				t.Errorf("%s: %+v", test.name, e.Data)
			}
		}
	}
}

// TestStatusWithoutEntry: a record whose newest entries are all lost is still told.
func TestStatusWithoutEntry(t *testing.T) {
	t.Parallel()
	o := anOrder("order-0001", order.Step{To: order.Open, Event: "created", Revision: 1})
	paid := o
	paid.Status, paid.Revision = order.Paid, 40
	events, hole := event.OfOrder(o, paid)
	if got := words(t, events); got != "order/order-0001/40/paid (unrecorded)" || !hole {
		t.Errorf("%s, %t", got, hole)
	}
	sub := subscription.Subscription{ID: "sub-0001", CustomerID: "customer-7", Mode: "test", Status: subscription.Active, Cycle: 2, Revision: 7, Plan: subscription.Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}}, ChargeAt: at}
	for status, want := range map[subscription.Status]string{
		subscription.PastDue: "past_due", subscription.Suspended: "suspended", subscription.Paused: "paused", subscription.Canceled: "canceled",
	} {
		now := sub
		now.Status, now.Revision = status, 9
		events, hole := event.OfSubscription(sub, now)
		if got := words(t, events); got != "subscription/sub-0001/9/"+want+" (unrecorded)" || !hole {
			t.Errorf("%s, %t", got, hole)
		}
	}
}

// TestHistoryIsCut: the ids are the same when the history no longer reaches back, also when the cut goes through the entries of one write.
func TestHistoryIsCut(t *testing.T) {
	t.Parallel()
	partly := func(revision int64) order.Step {
		return order.Step{From: order.Paid, To: order.Paid, Event: order.PartlyRefunded, Revision: revision}
	}
	o := anOrder("order-0001", order.Step{To: order.Paid, Event: "captured", Revision: 1}, partly(2), partly(2), partly(3))
	all, from := event.Change{Order: o}.History()
	if got, want := words(t, all), "order/order-0001/1/paid, order/order-0001/2/refunded-2 full=false, order/order-0001/2/refunded full=false, order/order-0001/3/refunded full=false"; got != want || !from.IsZero() {
		t.Fatalf("%s, %v, want %s", got, from, want)
	}
	for lost := 1; lost < len(o.History); lost++ {
		cut := o
		cut.History = o.History[lost:]
		left, from := event.Change{Order: cut}.History()
		if got, want := words(t, left), words(t, all[lost:]); got != want || !from.Equal(at) {
			t.Errorf("%d entries lost: %s, %v, want %s", lost, got, from, want)
		}
	}
}

// TestPaidWith: order.paid says how it was paid, and no other event does; a card number is in none, not even masked.
func TestPaidWith(t *testing.T) {
	t.Parallel()
	o := anOrder("order-0001", order.Step{To: order.Open, Event: "created", Revision: 1}, order.Step{From: order.Open, To: order.Paid, Event: "captured", Revision: 2},
		order.Step{From: order.Paid, To: order.Refunded, Event: string(order.FullyRefunded), Revision: 3})
	o.Capture.Method = order.PaidWith{
		Method: "간편결제", Card: order.Card{Issuer: "71", Company: "롯데", Number: "12345678****000*", Months: 3}, EasyPay: order.EasyPay{Provider: "토스페이", Discount: 500},
	}.Text()
	events, _ := event.Change{Order: o}.History()
	words(t, events)
	const want = `"paidWith":{"method":"간편결제","card":{"issuerCode":"71","company":"롯데","installmentMonths":3},"easyPay":{"provider":"토스페이","amount":0,"discountAmount":500}}`
	if len(events) != 2 || !strings.Contains(eventtest.JSON(events[0]), want) {
		t.Errorf("%s", eventtest.JSON(events[0]))
	}
	if text := eventtest.JSON(events[1]); strings.Contains(text, "paidWith") {
		t.Errorf("%s", text)
	}
	for _, e := range events {
		if strings.Contains(eventtest.JSON(e), "12345678") {
			t.Errorf("%s", eventtest.JSON(e))
		}
	}
	unknown := anOrder("order-0001", order.Step{To: order.Paid, Event: "captured", Revision: 1})
	if events, _ := (event.Change{Order: unknown}).History(); strings.Contains(eventtest.JSON(events[0]), "paidWith") {
		t.Errorf("the provider said nothing: %s", eventtest.JSON(events[0]))
	}
}

// TestNothingOfTheBuyer: an event goes to logs and systems that a buyer's name has no business in.
func TestNothingOfTheBuyer(t *testing.T) {
	t.Parallel()
	events, _ := event.Change{Order: anOrder("order-0001", order.Step{To: order.Paid, Event: "captured", Revision: 1})}.History()
	text := eventtest.JSON(events[0])
	for _, private := range []string{"Kim", "kim@", "01012345678", "link", "payment-key"} {
		if strings.Contains(text, private) {
			t.Errorf("%s holds %q", text, private)
		}
	}
	if !strings.Contains(text, `"customerId":"customer-7"`) || !strings.Contains(text, `"balance":15000`) {
		t.Errorf("%s lacks what a merchant needs", text)
	}
}
