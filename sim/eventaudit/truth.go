package eventaudit

import (
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// untrue says what of an event is not so. It judges by what the record is after the write, its money, keys, cycles and consent, and not by the history,
// of which events are made: a history that tells what did not happen is seen. single says that the write added one history entry; of several the record
// shows only what the last one left.
func untrue(c event.Change, e event.Event, single bool) string {
	if c.Order.ID != "" {
		return untrueOfOrder(c.OldOrder, c.Order, e, single)
	}
	return untrueOfSubscription(c.OldSubscription, c.Subscription, e, single)
}

func untrueOfOrder(old, now order.Order, e event.Event, single bool) string {
	entered := map[event.Type]order.Status{event.OrderFailed: order.Failed, event.OrderExpired: order.Expired, event.OrderReview: order.Review}
	full := e.Data.Full != nil && *e.Data.Full
	// Of an order that owes another payment back nothing is said: a part of that one that came back is in the history like a part of its own.
	alone := single && len(old.Reversals) == 0 && len(now.Reversals) == 0
	switch status := entered[e.Type]; {
	case status != "" && single && (now.Status != status || old.Status == status):
		return "it did not become " + string(status)
	case e.Type == event.OrderPaid && now.Capture.Key == "":
		return "no payment pays it"
	case e.Type == event.OrderRefunded && full && alone && (now.Capture.Key == "" || now.Capture.Balance != 0):
		return "not all of it was refunded"
	case e.Type == event.OrderRefunded && !full && alone && (now.Capture.Key == "" || now.Capture.Balance >= now.Capture.Amount.Value):
		return "nothing of it was refunded"
	case e.Type == event.OrderReversal && single && !hasReversal(now, e.Data.Reversal):
		return "no such payment is owed"
	}
	return ""
}

func hasReversal(o order.Order, word string) bool {
	for _, r := range o.Reversals {
		if r.Reason == word || word == order.ReversalDone && !r.DoneAt.IsZero() {
			return true
		}
	}
	return false
}

func untrueOfSubscription(old, now subscription.Subscription, e event.Event, single bool) string {
	entered := map[event.Type]subscription.Status{
		event.SubscriptionSuspended: subscription.Suspended, event.SubscriptionCanceled: subscription.Canceled, event.SubscriptionPaused: subscription.Paused,
	}
	switch status := entered[e.Type]; {
	case status != "" && single && (now.Status != status || old.Status == status):
		return "it did not become " + string(status)
	case e.Type == event.SubscriptionActivated && (now.Key.IssuedAt.IsZero() || old.Status != subscription.Enrolling):
		return "it has no payment method, or had one"
	case e.Type == event.SubscriptionMethodChanged && now.Key.N == old.Key.N:
		return "its payment method is the same"
	case e.Type == event.SubscriptionCharged && (now.Cycle <= old.Cycle || e.Data.OrderID == now.OrderID(now.Cycle)):
		return "no cycle was charged"
	case e.Type == event.SubscriptionPastDue && single && now.Dunning.Since.IsZero():
		return "no cycle is unpaid"
	case e.Type == event.SubscriptionResumed && single && (old.ChargeAt.Equal(now.ChargeAt) && old.Status == now.Status || now.ChargeAt.IsZero()):
		return "nothing is charged that was not before"
	case e.Type == event.SubscriptionConsentNeeded && now.Consent.State() != subscription.ConsentPlanned && // else another one took its place in the same write
		(now.Consent.NeededAt.IsZero() || now.Consent.After.Amount.Value <= now.Consent.Before.Amount.Value):
		return "nothing costs more"
	case e.Type == event.SubscriptionRenewalUpcoming && !charges(old, now, e, single):
		return "no such charge is expected"
	}
	return ""
}

// charges says that what an event announces lies ahead, is what the subscription would charge next, and was not announced before.
func charges(old, now subscription.Subscription, e event.Event, single bool) bool {
	r := e.Data.Renewal
	if r == nil || !single {
		return r != nil && r.Date.After(e.Timestamp)
	}
	return now.Status == subscription.Active && !now.CancelAtEnd && now.Dunning.Since.IsZero() && r.Cycle == now.Cycle &&
		r.Date.Equal(now.ChargeAt.Truncate(time.Second)) && r.Date.After(e.Timestamp) && !old.Noticed.Equal(now.ChargeAt)
}

// addedBy is how many history entries the write added.
func addedBy(c event.Change) (n int) {
	for _, s := range c.Order.History {
		if s.Revision > c.OldOrder.Revision {
			n++
		}
	}
	for _, s := range c.Subscription.History {
		if s.Revision > c.OldSubscription.Revision {
			n++
		}
	}
	return n
}
