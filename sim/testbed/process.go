package testbed

import (
	"context"
	"net/http"
	"strings"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// Passage is what every store and provider call of one process goes through: it may hold it, carry it out, and lose the reply. The name is the
// store's method in a word, "token" for PortOne's, or "provider".
type Passage func(name string, carryOut func()) error

// Behind are the parts of a function's process of its own, with its calls behind a passage.
func (b *Bed) Behind(pass Passage) boot.Parts {
	parts := b.Parts
	parts.Store, parts.Transport = passingStore{b.Store, pass}, passingTransport{parts.Transport, pass}
	return parts
}

// Process is every door of one process.
func (b *Bed) Process(pass Passage) http.Handler { return b.Doors(b.Behind(pass)) }

type passingTransport struct {
	next http.RoundTripper
	pass Passage
}

// RoundTrip implements http.RoundTripper.
func (p passingTransport) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	name := "provider"
	if strings.HasSuffix(r.URL.Path, "/users/getToken") {
		name = "token"
	}
	if lost := p.pass(name, func() { answer, err = p.next.RoundTrip(r) }); lost != nil {
		return nil, lost
	}
	return answer, err
}

var _ payment.Store = passingStore{}

type passingStore struct {
	next payment.Store
	pass Passage
}

func passing[T any](p passingStore, name string, f func() (T, error)) (result T, err error) {
	if lost := p.pass(name, func() { result, err = f() }); lost != nil {
		var none T
		return none, lost
	}
	return result, err
}

func (p passingStore) Create(ctx context.Context, o order.Order) (order.Order, error) {
	return passing(p, "create", func() (order.Order, error) { return p.next.Create(ctx, o) })
}

func (p passingStore) Get(ctx context.Context, id string) (order.Order, error) {
	return passing(p, "get", func() (order.Order, error) { return p.next.Get(ctx, id) })
}

func (p passingStore) Claim(ctx context.Context, claim order.Claim) (order.Order, error) {
	return passing(p, "claim", func() (order.Order, error) { return p.next.Claim(ctx, claim) })
}

func (p passingStore) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return passing(p, "lease", func() (order.Order, error) { return p.next.Lease(ctx, l) })
}

func (p passingStore) Save(ctx context.Context, o order.Order) (order.Order, error) {
	return passing(p, "save", func() (order.Order, error) { return p.next.Save(ctx, o) })
}

func (p passingStore) CreateSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	return passing(p, "create", func() (subscription.Subscription, error) { return p.next.CreateSubscription(ctx, s) })
}

func (p passingStore) GetSubscription(ctx context.Context, id string) (subscription.Subscription, error) {
	return passing(p, "get", func() (subscription.Subscription, error) { return p.next.GetSubscription(ctx, id) })
}

func (p passingStore) SaveSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	return passing(p, "save", func() (subscription.Subscription, error) { return p.next.SaveSubscription(ctx, s) })
}

func (p passingStore) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	return passing(p, "claim", func() (subscription.Subscription, error) { return p.next.ClaimCycle(ctx, c) })
}

func (p passingStore) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (int, error) {
	return passing(p, "lease", func() (int, error) { return p.next.LeaseDue(ctx, r, at, until) })
}

func (p passingStore) Due(ctx context.Context, shard int, before time.Time, limit int, cursor string) ([]payment.DueRecord, string, error) {
	return p.next.Due(ctx, shard, before, limit, cursor)
}
