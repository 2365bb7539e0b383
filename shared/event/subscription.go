package event

import (
	"tosspay-sam/shared/subscription"
)

// OfSubscription makes the events of what a write changed, like OfOrder.
func OfSubscription(old, now subscription.Subscription) (events []Event, hole bool) {
	return subscriptionRecord(now).between(subscriptionRecord(old), subscriptionSays(now))
}

func subscriptionRecord(s subscription.Subscription) record {
	r := record{kind: "subscription", id: s.ID, mode: s.Mode, status: string(s.Status), revision: s.Revision}
	for _, h := range s.History {
		r.steps = append(r.steps, step{at: h.At, from: string(h.From), to: string(h.To), event: h.Event, note: h.Note, revision: h.Revision})
	}
	return r
}

// subscriptionSays is what each history entry of a subscription says to the merchant. First what happened, then what status came of it.
func subscriptionSays(sub subscription.Subscription) func(step) []said {
	shown := showSubscription(sub)
	return func(s step) (all []said) {
		say := func(t Type, d Data) {
			d.SubscriptionID, d.Subscription = sub.ID, shown
			all = append(all, said{t, d})
		}
		from, to := subscription.Status(s.from), subscription.Status(s.to)
		refused := s.event == "cycle-refused" || s.event == "needs-new-means" || s.event == "cycle-unpaid"
		code := ""
		if refused {
			code = s.note
		}
		switch {
		case s.event == "cycle-charged":
			say(SubscriptionCharged, Data{OrderID: s.note})
		case s.event == "key-issued" && from != subscription.Enrolling:
			say(SubscriptionMethodChanged, Data{Reason: s.event})
		case s.event == "consent-needed":
			say(SubscriptionConsentNeeded, Data{Reason: string(sub.Consent.Kind)})
		case s.event == "renewal-upcoming":
			if n, ok := subscription.ParseNotice(s.note); ok {
				say(SubscriptionRenewalUpcoming, Data{Renewal: &Renewal{n.Cycle, n.Date, n.Amount, n.Currency}})
			}
		case s.event == "consent-not-asked":
			say(SubscriptionConsentMissed, Data{Reason: string(sub.Consent.Kind)})
		case s.event == "cycle-refused" && to == subscription.PastDue:
			say(SubscriptionPastDue, Data{Reason: s.event, Code: code})
		}
		if from == to {
			return all
		}
		charging := to == subscription.Active || to == subscription.PastDue
		switch {
		case to == subscription.Active && from == subscription.Enrolling:
			say(SubscriptionActivated, Data{Reason: s.event})
		case charging && (from == subscription.Paused || from == subscription.Suspended),
			to == subscription.Active && from == subscription.PastDue && s.event != "cycle-charged":
			say(SubscriptionResumed, Data{Reason: s.event})
		case to == subscription.PastDue && s.event == Unrecorded:
			say(SubscriptionPastDue, Data{Reason: s.event})
		case to == subscription.Suspended:
			say(SubscriptionSuspended, Data{Reason: s.event, Code: code, Suspension: suspensionAt(sub, s)})
		case to == subscription.Canceled:
			say(SubscriptionCanceled, Data{Reason: s.event})
		case to == subscription.Paused:
			say(SubscriptionPaused, Data{Reason: s.event})
		}
		return all
	}
}

func showSubscription(s subscription.Subscription) *Subscription {
	shown := &Subscription{
		Status: string(s.Status), Revision: s.Revision, Provider: s.Provider, CustomerID: s.CustomerID, Amount: s.Plan.Amount.Value,
		Currency: string(s.Plan.Amount.Currency), Cycle: s.Cycle, CancelAtEnd: s.CancelAtEnd && s.Status != subscription.Canceled,
	}
	if s.Status == subscription.Active || s.Status == subscription.PastDue {
		shown.NextDate = &s.ChargeAt
	}
	return shown
}

// suspensionAt is the cause of the suspension that a step made, while the record keeps it.
func suspensionAt(s subscription.Subscription, made step) *Suspension {
	if s.Cause == (subscription.Cause{}) || !s.Cause.At.Equal(made.at) {
		return nil
	}
	return &Suspension{Cycle: s.Cause.Cycle, Code: s.Cause.Code, Message: s.Cause.Message}
}
