package event

import (
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// Change is what one write did to one record: the table's stream is a list of them, in order for each record. Either the orders or the
// subscriptions are set; the old one is the zero value when the write made the record.
type Change struct {
	OldOrder, Order               order.Order
	OldSubscription, Subscription subscription.Subscription
}

// Events makes the change's events, in order. hole: see OfOrder.
func (c Change) Events() (events []Event, hole bool) {
	if c.Order.ID != "" {
		return OfOrder(c.OldOrder, c.Order)
	}
	return OfSubscription(c.OldSubscription, c.Subscription)
}

// Record names the record, such as order/order-0001.
func (c Change) Record() string {
	if c.Order.ID != "" {
		return "order/" + c.Order.ID
	}
	return "subscription/" + c.Subscription.ID
}

// History makes the events of all that the record's history still tells, with the ids they had. from is when it begins; the zero time when nothing of
// it is lost.
func (c Change) History() (events []Event, from time.Time) {
	r, says := orderRecord(c.Order), orderSays(c.Order)
	if c.Order.ID == "" {
		r, says = subscriptionRecord(c.Subscription), subscriptionSays(c.Subscription)
	}
	if len(r.steps) > 0 && r.steps[0].from != "" {
		from = r.steps[0].at
	}
	return r.events(r.steps, says), from
}
