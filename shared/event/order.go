package event

import "tosspay-sam/shared/order"

// OfOrder makes the events of what a write changed. old is the zero value when the write made the order. hole says that the history does not
// tell all of it: then an event's reason is Unrecorded, and somebody should look.
func OfOrder(old, now order.Order) (events []Event, hole bool) {
	return orderRecord(now).between(orderRecord(old), orderSays(now))
}

func orderRecord(o order.Order) record {
	r := record{kind: "order", id: o.ID, mode: o.Mode, status: string(o.Status), revision: o.Revision}
	for _, s := range o.History {
		r.steps = append(r.steps, step{s.At, string(s.From), string(s.To), s.Event, s.Note, s.Reversal, s.Revision})
	}
	return r
}

// orderSays is what each history entry of an order says to the merchant.
func orderSays(o order.Order) func(step) []said {
	shown := showOrder(o)
	subscriptionID := ""
	if number, err := order.ParseNumber(o.ID); err == nil && number.Cycle > 0 {
		subscriptionID = number.ID
	}
	return func(s step) (all []said) {
		say := func(t Type, d Data) {
			d.OrderID, d.SubscriptionID, d.Order = o.ID, subscriptionID, shown
			all = append(all, said{t, d})
		}
		entered := s.to != s.from
		reason := ""
		if s.event == Unrecorded {
			reason = Unrecorded
		}
		switch to := order.Status(s.to); {
		case to == order.Paid && entered:
			say(OrderPaid, Data{Reason: reason})
			all[len(all)-1].data.Order = shown.withPayment(o)
		case to == order.Refunded && entered:
			say(OrderRefunded, Data{Full: new(true), Reason: reason})
		case to == order.Failed && entered:
			say(OrderFailed, Data{Code: s.note, Reason: reason})
		case to == order.Expired && entered:
			say(OrderExpired, Data{Reason: reason})
		case to == order.Review && entered:
			say(OrderReview, Data{Code: s.note, Reason: reason})
		}
		if order.Status(s.to) == order.Paid && s.event == order.PartlyRefunded && s.reversal == "" {
			say(OrderRefunded, Data{Full: new(false)})
		}
		if s.reversal != "" {
			say(OrderReversal, Data{Reversal: s.reversal})
		}
		return all
	}
}

func showOrder(o order.Order) *Order {
	shown := &Order{
		Status: string(o.Status), Revision: o.Revision, Provider: o.Provider, Amount: o.Amount.Value, Currency: string(o.Amount.Currency),
		CustomerID: o.Customer.ID, CreatedAt: o.CreatedAt,
	}
	if o.Capture.Key != "" {
		shown.Balance, shown.ApprovedAt = &o.Capture.Balance, &o.Capture.ApprovedAt
	}
	return shown
}
