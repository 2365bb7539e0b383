// Package payment holds the use cases. Files are named after the doors; every path that can end a doubt about money
// ends in process.
//
// It decides; it performs no I/O of its own. What it needs of the outside it asks for here, in interfaces of one to
// three methods.
package payment

import (
	"context"
	"errors"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// Errors of the store's methods, and of the use cases.
var (
	ErrNotFound = errors.New("no such record")
	ErrExists   = errors.New("a record with this id exists")
	ErrNotDue   = errors.New("the record is not due")
	ErrConflict = errors.New("the record was changed by somebody else")
)

// Orders is the table. Every method is exactly one request to it. A write whose reply was lost and that is repeated by
// the client underneath sees its own first try and reports success.
type Orders interface {
	// Create stores a new order, or returns the stored one with ErrExists.
	Create(context.Context, order.Order) (order.Order, error)
	// Get reads an order, strongly consistent, or returns ErrNotFound.
	Get(ctx context.Context, id string) (order.Order, error)
}

// Claims is how one request, and no other, comes to ask the provider for the money.
type Claims interface {
	// Claim does what order.Claim does, as one conditional write, and returns the order after it. When the conditions
	// do not hold it returns the stored order with the *order.Refusal; ErrNotFound when there is none.
	Claim(context.Context, order.Claim) (order.Order, error)
	// Lease does the same for order.Lease.
	Lease(context.Context, order.Lease) (order.Order, error)
	// Save replaces the order if the stored revision is next.Revision-1, or returns the stored order with
	// ErrConflict; ErrNotFound when there is none.
	Save(ctx context.Context, next order.Order) (order.Order, error)
}

// Subscriptions is the same table's records of subscriptions, under the same rules as Orders and Claims: one request a
// method, lost replies recognised.
type Subscriptions interface {
	// CreateSubscription stores a new one, or returns the stored one with ErrExists.
	CreateSubscription(context.Context, subscription.Subscription) (subscription.Subscription, error)
	// GetSubscription reads one, strongly consistent, or returns ErrNotFound.
	GetSubscription(ctx context.Context, id string) (subscription.Subscription, error)
	// SaveSubscription replaces it if the stored revision is next.Revision-1, or returns the stored one with
	// ErrConflict; ErrNotFound when there is none.
	SaveSubscription(ctx context.Context, next subscription.Subscription) (subscription.Subscription, error)
}

// Cycles is how one worker, and no other, comes to charge a cycle.
type Cycles interface {
	// ClaimCycle does what subscription.Claim does, as one conditional write, and returns the subscription after it.
	// When the conditions do not hold it returns the stored one with the *subscription.Refusal; ErrNotFound when there
	// is none.
	ClaimCycle(context.Context, subscription.CycleClaim) (subscription.Subscription, error)
}

// DueRecord names a record that may be due.
type DueRecord struct {
	Kind string // KindOrder or KindSubscription
	ID   string
}

// The kinds of records.
const (
	KindOrder        = "order"
	KindSubscription = "subscription"
)

// DueRecords lists what must be looked at.
type DueRecords interface {
	// Due returns up to limit records of one shard whose due time is at or before the given one, earliest first, and
	// the cursor for the next page, empty on the last. It reads an index that may lag: a record means "maybe due".
	Due(
		ctx context.Context, shard int, before time.Time, limit int, cursor string,
	) (due []DueRecord, next string, err error)
	// LeaseDue moves a record's entry in the due index to until if it stands at or before at, as one conditional write,
	// and returns the cycle a subscription stands at, 0 for an order. ErrNotDue when somebody else has moved it, or
	// there is none. It changes nothing of the record itself: revision and due time stay, and the next write of the
	// record puts the entry back to its due time.
	LeaseDue(ctx context.Context, r DueRecord, at, until time.Time) (cycle int, err error)
}

// DueShards is the number of shards of the due index, so that ten million orders due in one hour stay under an index
// partition's limit of 1,000 writes a second.
const DueShards = 32

// Store is all of them; one type implements it, and a use case takes the part it needs.
type Store interface {
	Orders
	Claims
	Subscriptions
	Cycles
	DueRecords
}

// Finder asks a provider what became of a payment. It moves nothing.
type Finder interface {
	Find(context.Context, provider.Ref) provider.Answer
}

// Confirmer asks a provider to take the money of a payment that the buyer has authenticated. The provider answers the
// same request with the same idempotency key in the same way and never takes one payment twice.
type Confirmer interface {
	Confirm(context.Context, provider.Confirm) provider.Answer
}

// Canceler asks a provider to give money back.
type Canceler interface {
	Cancel(context.Context, provider.Cancel) provider.Answer
}

// Registrar tells a provider an order's amount before its window opens. The provider's window then refuses every other
// amount.
type Registrar interface {
	Register(context.Context, provider.Registration) provider.Answer
}

// Charger takes money with a billing key, without the buyer. The provider makes no promise for two charges at the same
// time under one number.
type Charger interface {
	Charge(context.Context, provider.Charge) provider.Answer
}

// KeyDeleter deletes a billing key for good. Verdict Absent: it is gone.
type KeyDeleter interface {
	DeleteBillingKey(ctx context.Context, name, reason string) provider.KeyAnswer
}

// Queue takes work to be done by somebody, at least once, in any order.
type Queue interface {
	// Send passes on up to QueueBatch messages and returns those that were not taken.
	Send(context.Context, []Message) (refused []Message, err error)
	// Waiting returns about how many messages nobody has taken up yet. It may be some seconds old.
	Waiting(context.Context) (int, error)
}

// QueueBatch is the most messages one request to SQS takes.
const QueueBatch = 10

// Message names a record and, for a subscription, the cycle it stood at. It holds no facts: whoever gets it looks the
// record up.
type Message struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Cycle int    `json:"cycle,omitempty"`
}

// KeyFinder asks a provider about a billing key by its name.
type KeyFinder interface {
	BillingKey(ctx context.Context, name string) provider.KeyAnswer
}

// KeySchedules asks a provider whether it is to charge a billing key by itself in the 3 months from a time on: Pending
// if so, Absent if not.
type KeySchedules interface {
	Scheduled(ctx context.Context, name string, from time.Time) provider.Answer
}

// KeyWindows composes what a page needs to open the window that issues a billing key.
type KeyWindows interface {
	KeyWindow(s subscription.Subscription, at provider.Place) (provider.Window, error)
}

// Windows composes what a page needs to open the provider's payment window for the order's current attempt. It holds no
// secret.
type Windows interface {
	Window(o order.Order, at provider.Place) (provider.Window, error)
}
