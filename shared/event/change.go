package event

import (
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
