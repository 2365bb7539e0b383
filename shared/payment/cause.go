package payment

import (
	"cmp"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// change is what somebody makes of a subscription.
type change func(subscription.Subscription) subscription.Subscription

// causing is a change by what became of cycle k's order o, which notes the cause when it suspends the subscription.
func (w *Worker) causing(k int, o order.Order, apply change) change {
	return func(s subscription.Subscription) subscription.Subscription {
		next := apply(s)
		if next.Status != subscription.Suspended || s.Status == subscription.Suspended {
			return next
		}
		code, message := lastRefusal(o), ""
		if w.Message != nil {
			message = w.Message(code)
		}
		return next.Suspends(k, code, message)
	}
}

// lastRefusal is the provider's code of the order's last refusal.
func lastRefusal(o order.Order) (code string) {
	for n := range o.Attempt {
		code = cmp.Or(o.RefusalCode(n+1), code)
	}
	return code
}
