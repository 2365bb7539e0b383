package world

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
)

// LateIndex is the embedded store with a due index that stands behind the table, as an index that is copied from its table may: a record is not
// listed yet, is listed at its old time, or is listed although nothing is expected of it any more. Conditional writes meet the table as it is.
type LateIndex struct {
	*memstore.Store
	behind time.Duration

	mu    sync.Mutex
	now   func() time.Time
	stood []standing // by time
}

// standing is how the index stood from a time on: what is due when, by shard.
type standing struct {
	from   time.Time
	shards [payment.DueShards][]payment.Listed
}

// standingMax is how many changes of the index are remembered.
const standingMax = 4096

// NewLateIndex returns an empty store whose index stands so far behind, by the real clock until Watch.
func NewLateIndex(behind time.Duration) *LateIndex {
	return &LateIndex{Store: memstore.New(), now: time.Now, behind: behind}
}

// Watch makes the index live by the clock of the world that was made with it.
func (x *LateIndex) Watch(now func() time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = now
}

// changed remembers how the index stands after a write.
func (x *LateIndex) changed(ctx context.Context) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := standing{from: x.now()}
	for shard := range s.shards {
		q := payment.ListQuery{Index: payment.ListDue, Part: shard, To: s.from.AddDate(100, 0, 0), Ascending: true, Limit: 1 << 20}
		all, err := x.List(ctx, q)
		if err != nil {
			return // the write itself has failed with the same context
		}
		s.shards[shard] = all
	}
	if x.stood = append(x.stood, s); len(x.stood) > standingMax {
		x.stood = slices.Clone(x.stood[len(x.stood)-standingMax:])
	}
}

// Due implements payment.DueRecords: what the index showed so long ago.
func (x *LateIndex) Due(_ context.Context, shard int, before time.Time, limit int, cursor string) (due []payment.DueRecord, next string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	from, _ := strconv.Atoi(cursor)
	var listed []payment.Listed
	for _, s := range slices.Backward(x.stood) {
		if !s.from.After(x.now().Add(-x.behind)) {
			listed = s.shards[shard]
			break
		}
	}
	for i, l := range listed {
		switch {
		case i < from || l.At.After(before):
		case len(due) == limit:
			return due, strconv.Itoa(i), nil
		default:
			due = append(due, l.Record)
		}
	}
	return due, "", nil
}

// The writes, each of which the index shows late.

// Create implements payment.Orders.
func (x *LateIndex) Create(ctx context.Context, o order.Order) (order.Order, error) {
	defer x.changed(ctx)
	return x.Store.Create(ctx, o)
}

// Claim implements payment.Claims.
func (x *LateIndex) Claim(ctx context.Context, c order.Claim) (order.Order, error) {
	defer x.changed(ctx)
	return x.Store.Claim(ctx, c)
}

// Save implements payment.Claims.
func (x *LateIndex) Save(ctx context.Context, o order.Order) (order.Order, error) {
	defer x.changed(ctx)
	return x.Store.Save(ctx, o)
}

// CreateSubscription implements payment.Subscriptions.
func (x *LateIndex) CreateSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	defer x.changed(ctx)
	return x.Store.CreateSubscription(ctx, s)
}

// SaveSubscription implements payment.Subscriptions.
func (x *LateIndex) SaveSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	defer x.changed(ctx)
	return x.Store.SaveSubscription(ctx, s)
}

// ClaimCycle implements payment.Cycles.
func (x *LateIndex) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	defer x.changed(ctx)
	return x.Store.ClaimCycle(ctx, c)
}

// LeaseDue implements payment.DueRecords.
func (x *LateIndex) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (int, error) {
	defer x.changed(ctx)
	return x.Store.LeaseDue(ctx, r, at, until)
}
