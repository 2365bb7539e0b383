// Package event says what happened to an order or subscription in the words a merchant's systems get: values in, values out.
//
// Its source is the record's own history. Each history entry keeps the revision of the write that added it, so the entries that a write
// added are those above the revision before it. An event's id and sequence are made of that revision: they are the same whenever and however
// often the event is made, from the table's stream or from the table itself.
package event

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type of an event. Consumers match on it, so a name never changes its meaning.
type Type string

// The types.
const (
	OrderPaid     Type = "order.paid"     // ship now
	OrderRefunded Type = "order.refunded" // Data.Full says whether all of it
	OrderFailed   Type = "order.failed"
	OrderExpired  Type = "order.expired"
	OrderReview   Type = "order.review"   // a person must decide
	OrderReversal Type = "order.reversal" // money that is not the order's to keep: is being given back, or is back

	SubscriptionActivated       Type = "subscription.activated"
	SubscriptionCharged         Type = "subscription.charged"
	SubscriptionPastDue         Type = "subscription.past_due" // a charge was refused and is tried again
	SubscriptionSuspended       Type = "subscription.suspended"
	SubscriptionCanceled        Type = "subscription.canceled"
	SubscriptionPaused          Type = "subscription.paused"
	SubscriptionResumed         Type = "subscription.resumed"
	SubscriptionConsentNeeded   Type = "subscription.consent_needed"   // of a higher price, or the end of a free trial
	SubscriptionConsentMissed   Type = "subscription.consent_missed"   // nobody was asked in time: it counts as not given
	SubscriptionRenewalUpcoming Type = "subscription.renewal_upcoming" // some days before a charge, if the deployment announces them
	SubscriptionMethodChanged   Type = "subscription.payment_method_changed"
)

// Types lists all of them. Each has a JSON Schema, api/events/<type>.json.
var Types = []Type{
	OrderPaid, OrderRefunded, OrderFailed, OrderExpired, OrderReview, OrderReversal, SubscriptionActivated, SubscriptionCharged,
	SubscriptionPastDue, SubscriptionSuspended, SubscriptionCanceled, SubscriptionPaused, SubscriptionResumed, SubscriptionMethodChanged,
	SubscriptionConsentNeeded, SubscriptionConsentMissed, SubscriptionRenewalUpcoming,
}

// Source names us on the event bus.
const Source = "tosspay"

// Event is what is sent, as EventBridge's detail and as a webhook's body.
type Event struct {
	ID        string    `json:"id"` // order/<order id>/<revision>/paid: the same for ever, so that a consumer can leave out what it has had
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened
	Sequence  int64     `json:"sequence"`  // the record's revision then. Of one record a larger one is later; there are gaps
	Mode      string    `json:"mode"`      // test or live
	Data      Data      `json:"data"`
}

// Data is what happened, and the record as it was when the event was made. That may be later than what happened: its revision says so.
type Data struct {
	OrderID        string        `json:"orderId,omitempty"` // of a subscription's event: the order of the cycle
	SubscriptionID string        `json:"subscriptionId,omitempty"`
	Full           *bool         `json:"full,omitempty"`     // of order.refunded
	Reversal       string        `json:"reversal,omitempty"` // of order.reversal: mismatch, late or second; done when the money is back
	Reason         string        `json:"reason,omitempty"`   // our word for why a subscription changed
	Code           string        `json:"code,omitempty"`     // the provider's reason for a refusal
	Suspension     *Suspension   `json:"suspension,omitempty"`
	Renewal        *Renewal      `json:"renewal,omitempty"`
	Order          *Order        `json:"order,omitempty"`
	Subscription   *Subscription `json:"subscription,omitempty"`
}

// Suspension is why a subscription was suspended. It is absent when the subscription has gone on since and the event is made anew.
type Suspension struct {
	Cycle   int    `json:"cycle"`             // that was not paid
	Code    string `json:"code,omitempty"`    // the provider's, of the last refusal
	Message string `json:"message,omitempty"` // the provider's documented words for it
}

// Renewal is a charge that lies ahead, as it was when it was announced.
type Renewal struct {
	Cycle    int       `json:"cycle"`
	Date     time.Time `json:"date"`
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"`
}

// Order is what an event shows of an order: nothing that GET /orders/{orderId} does not, and nothing of the buyer but the merchant's own id.
type Order struct {
	Status     string     `json:"status"`
	Revision   int64      `json:"revision"`
	Provider   string     `json:"provider"`
	Amount     int64      `json:"amount"`
	Currency   string     `json:"currency"`
	Balance    *int64     `json:"balance,omitempty"` // what is paid and not refunded; absent until it is paid
	CustomerID string     `json:"customerId,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	ApprovedAt *time.Time `json:"approvedAt,omitempty"`
	PaidWith   *PaidWith  `json:"paidWith,omitempty"` // of order.paid only
}

// Subscription is what an event shows of a subscription.
type Subscription struct {
	Status      string     `json:"status"`
	Revision    int64      `json:"revision"`
	Provider    string     `json:"provider"`
	CustomerID  string     `json:"customerId"`
	Amount      int64      `json:"amount"`
	Currency    string     `json:"currency"`
	Cycle       int        `json:"cycle"`              // the next to charge
	NextDate    *time.Time `json:"nextDate,omitempty"` // when it is charged or tried again; absent while nothing is charged
	CancelAtEnd bool       `json:"cancelAtPeriodEnd,omitempty"`
}

// step is a history entry of either kind.
type step struct {
	at       time.Time
	from, to string
	event    string
	note     string
	reversal string
	revision int64
}

// record is what the two kinds have in common.
type record struct {
	kind, id, mode string
	status         string
	revision       int64
	steps          []step
}

// said is one event of a step, before it has its id.
type said struct {
	kind Type
	data Data
}

// between makes the events of the entries that the record has beyond the old one; old is the zero value when there was none.
func (r record) between(old record, says func(step) []said) (events []Event, hole bool) {
	added, hole := r.added(old)
	return r.events(added, says), hole
}

// added are the entries above the old revision, in order. The history is bounded and may have lost some of them: where an entry does not begin
// at the status that the one before it left, an entry of our own stands for what is lost, so that a change of status is always told. hole says
// that there was such a place.
func (r record) added(old record) (added []step, hole bool) {
	status, at := old.status, time.Time{}
	bridge := func(to string, at time.Time, revision int64) {
		added, hole = append(added, step{at: at, from: status, to: to, event: Unrecorded, revision: revision}), true
	}
	for _, s := range r.steps {
		at = s.at
		if s.revision <= old.revision {
			continue
		}
		if s.from != "" && s.from != status {
			bridge(s.from, s.at, s.revision)
		}
		added, status = append(added, s), s.to
	}
	if status != r.status {
		bridge(r.status, at, r.revision)
	}
	return added, hole
}

// Unrecorded is Data.Reason of a change of status whose history entry is missing.
const Unrecorded = "unrecorded"

func (r record) events(steps []step, says func(step) []said) []Event {
	var events []Event
	for _, s := range steps {
		for _, e := range says(s) {
			_, word, _ := strings.Cut(string(e.kind), ".")
			id := r.kind + "/" + r.id + "/" + strconv.FormatInt(s.revision, 10) + "/" + word
			events = append(events, Event{ID: id, Type: e.kind, Timestamp: s.at, Sequence: s.revision, Mode: r.mode, Data: e.data})
		}
	}
	return distinct(events)
}

// distinct numbers the events of one write and one type. It counts from the last one, because a history loses its oldest entries first.
func distinct(events []Event) []Event {
	count := map[string]int{}
	for i, e := range slices.Backward(events) {
		if count[e.ID]++; count[e.ID] > 1 {
			events[i].ID += "-" + strconv.Itoa(count[e.ID])
		}
	}
	return events
}
