// Package memstore is the embedded store, for the laptop and for simulations. It passes the same conformance suite as
// the table, keeps records in the same stored form and uses the pure rules of packages order and subscription
// themselves where the table repeats them as conditions.
package memstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

// Store keeps orders and subscriptions in memory. It is safe for concurrent use.
type Store struct {
	// Before and After, when set, decide about faults. They are called with the operation: create, get, claim, lease,
	// save, create-subscription, get-subscription, save-subscription, claim-cycle, due or lease-due. An error of Before
	// is a request that never arrived: it is returned and nothing has happened. An error of After is a lost reply: it
	// is returned and everything has happened. Set them before the store is used.
	Before, After func(operation string) error
	// Changed, when set, is told of every record a write changed, in order: what the table's stream shows. It is called
	// while the store is locked, so it must not call it. Set it before the store is used.
	Changed func(event.Change)

	mu            sync.Mutex
	orders        map[string]item.Order        // by id
	subscriptions map[string]item.Subscription // by id
	due           map[string]*index            // by the shard's name
	entries       map[payment.DueRecord]int64  // where a record stands in it
}

var _ payment.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{
		orders: map[string]item.Order{}, subscriptions: map[string]item.Subscription{},
		due: map[string]*index{}, entries: map[payment.DueRecord]int64{},
	}
}

// Create implements payment.Orders.
func (s *Store) Create(ctx context.Context, o order.Order) (order.Order, error) {
	return do(ctx, s, "create", o.ID, func() (order.Order, error) {
		old, err := s.order(o.ID)
		if errors.Is(err, payment.ErrNotFound) {
			return s.putOrder(o)
		}
		return old, cmp.Or(err, payment.ErrExists)
	})
}

// Get implements payment.Orders.
func (s *Store) Get(ctx context.Context, id string) (order.Order, error) {
	return do(ctx, s, "get", id, func() (order.Order, error) { return s.order(id) })
}

// Claim implements payment.Claims.
func (s *Store) Claim(ctx context.Context, c order.Claim) (order.Order, error) {
	return do(ctx, s, "claim", c.OrderID, func() (order.Order, error) {
		old, err := s.order(c.OrderID)
		if err != nil {
			return old, err
		}
		next, err := old.Claim(c)
		if err != nil {
			return old, err
		}
		return s.putOrder(next)
	})
}

// Lease implements payment.Claims.
func (s *Store) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return do(ctx, s, "lease", l.OrderID, func() (order.Order, error) {
		old, err := s.order(l.OrderID)
		if err != nil {
			return old, err
		}
		next, err := old.Lease(l)
		if err != nil {
			return old, err
		}
		it := s.orders[l.OrderID] // as in the table, a lease leaves the due index alone
		it.AskAfter = item.Millis(next.AskAfter)
		return s.storeOrder(it)
	})
}

// Save implements payment.Claims; ErrNotFound when there is no such order.
func (s *Store) Save(ctx context.Context, next order.Order) (order.Order, error) {
	return do(ctx, s, "save", next.ID, func() (order.Order, error) {
		old, err := s.order(next.ID)
		if err != nil {
			return old, err
		}
		if old.Revision != next.Revision-1 {
			return old, payment.ErrConflict
		}
		return s.putOrder(next)
	})
}

// CreateSubscription implements payment.Subscriptions.
func (s *Store) CreateSubscription(
	ctx context.Context, created subscription.Subscription,
) (subscription.Subscription, error) {
	return do(ctx, s, "create-subscription", created.ID, func() (subscription.Subscription, error) {
		old, err := s.subscription(created.ID)
		if errors.Is(err, payment.ErrNotFound) {
			return s.putSubscription(created)
		}
		return old, cmp.Or(err, payment.ErrExists)
	})
}

// GetSubscription implements payment.Subscriptions.
func (s *Store) GetSubscription(ctx context.Context, id string) (subscription.Subscription, error) {
	return do(ctx, s, "get-subscription", id, func() (subscription.Subscription, error) { return s.subscription(id) })
}

// SaveSubscription implements payment.Subscriptions; ErrNotFound when there is no such subscription.
func (s *Store) SaveSubscription(
	ctx context.Context, next subscription.Subscription,
) (subscription.Subscription, error) {
	return do(ctx, s, "save-subscription", next.ID, func() (subscription.Subscription, error) {
		old, err := s.subscription(next.ID)
		if err != nil {
			return old, err
		}
		if old.Revision != next.Revision-1 {
			return old, payment.ErrConflict
		}
		return s.putSubscription(next)
	})
}

// ClaimCycle implements payment.Cycles.
func (s *Store) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	return do(ctx, s, "claim-cycle", c.ID, func() (subscription.Subscription, error) {
		old, err := s.subscription(c.ID)
		if err != nil {
			return old, err
		}
		next, err := old.Claim(c)
		if err != nil {
			return old, err
		}
		return s.storeSubscription(item.FromSubscription(next)) // as in the table, a claim leaves the due index alone
	})
}

// Due implements payment.DueRecords. Like the table it answers with a cursor whenever it stops at the limit.
func (s *Store) Due(
	ctx context.Context, shard int, before time.Time, limit int, cursor string,
) (due []payment.DueRecord, next string, err error) {
	defer func() {
		if err != nil {
			due, next, err = nil, "", fmt.Errorf("memstore: list due records of shard %d: %w", shard, err)
		}
	}()
	if err := s.enter(ctx, "due"); err != nil {
		return nil, "", err
	}
	if shard < 0 || shard >= payment.DueShards || limit < 1 {
		return nil, "", fmt.Errorf("shard must be 0 to %d and limit (%d) at least 1", payment.DueShards-1, limit)
	}
	from, err := decodeCursor(cursor, item.ShardName(shard))
	if err != nil {
		return nil, "", err
	}
	due, next = s.page(from, item.ShardName(shard), item.Millis(before), limit)
	return due, next, s.leave("due")
}

// page returns up to limit records behind from that are due at or before the given millisecond, and the cursor behind
// the last of them.
func (s *Store) page(from position, shard string, before int64, limit int) (due []payment.DueRecord, next string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.shard(shard).after(from) {
		if p.at > before {
			break
		}
		due = append(due, p.record)
		if len(due) == limit {
			return due, fmt.Sprintf("%s %d %s %s", shard, p.at, p.record.Kind, p.record.ID)
		}
	}
	return due, ""
}

// NextDue returns the earliest time in the due index, and whether there is one. It is no request: simulations set their
// clock by it.
func (s *Store) NextDue() (at time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first int64
	for _, x := range s.due {
		if len(x.blocks) > 0 && (!ok || x.blocks[0][0].at < first) {
			first, ok = x.blocks[0][0].at, true
		}
	}
	return item.Time(first), ok
}

// LeaseDue implements payment.DueRecords.
func (s *Store) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (cycle int, err error) {
	return do(ctx, s, "lease-due", r.Kind+" "+r.ID, func() (int, error) {
		stands, listed := s.entries[r]
		if !listed || stands > item.Millis(at) {
			return 0, payment.ErrNotDue
		}
		s.list(r, item.Millis(until))
		if r.Kind == payment.KindSubscription {
			return s.subscriptions[r.ID].Cycle, nil
		}
		return 0, nil
	})
}

// list puts a record's entry in the due index to a time in milliseconds; 0 takes it out.
func (s *Store) list(r payment.DueRecord, at int64) {
	stands, listed := s.entries[r]
	if stands == at {
		return
	}
	shard := s.shard(item.Shard(r.ID))
	if listed {
		shard.remove(position{stands, r})
		delete(s.entries, r)
	}
	if at != 0 {
		shard.insert(position{at, r})
		s.entries[r] = at
	}
}

func (s *Store) shard(name string) *index {
	if s.due[name] == nil {
		s.due[name] = &index{}
	}
	return s.due[name]
}

// decodeCursor returns the position the cursor names; without one, one before all others.
func decodeCursor(cursor, shard string) (position, error) {
	if cursor == "" {
		return position{at: math.MinInt64}, nil
	}
	var p position
	var of string
	n, err := fmt.Sscanf(cursor, "%s %d %s %s", &of, &p.at, &p.record.Kind, &p.record.ID)
	if n != 4 || err != nil || of != shard {
		return position{}, errors.New("the cursor is not one of this shard")
	}
	return p, nil
}

// do runs one operation on one record alone, between the faults.
func do[T any](ctx context.Context, s *Store, operation, id string, f func() (T, error)) (T, error) {
	record, err := alone(ctx, s, operation, f)
	if err != nil {
		return record, fmt.Errorf("memstore: %s %s: %w", operation, id, err)
	}
	return record, nil
}

func alone[T any](ctx context.Context, s *Store, operation string, f func() (T, error)) (record T, err error) {
	if err := s.enter(ctx, operation); err != nil {
		return record, err
	}
	done, err := locked(s, f)
	if lost := s.leave(operation); lost != nil {
		return record, lost
	}
	return done, err
}

func locked[T any](s *Store, f func() (T, error)) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f()
}

// order returns the stored order, or ErrNotFound.
func (s *Store) order(id string) (order.Order, error) {
	it, found := s.orders[id]
	if !found {
		return order.Order{}, payment.ErrNotFound
	}
	return it.Order()
}

// putOrder stores the order and returns it as it will be read. The stored form shares no memory with either.
func (s *Store) putOrder(o order.Order) (order.Order, error) {
	it := item.FromOrder(o)
	s.list(payment.DueRecord{Kind: payment.KindOrder, ID: o.ID}, it.DueAt)
	return s.storeOrder(it)
}

func (s *Store) storeOrder(it item.Order) (order.Order, error) {
	old, existed := s.orders[it.ID]
	s.orders[it.ID] = it
	stored, err := it.Order()
	if s.Changed == nil || err != nil {
		return stored, err
	}
	change := event.Change{Order: stored}
	if existed {
		change.OldOrder, err = old.Order()
	}
	s.Changed(change)
	return stored, err
}

// subscription and putSubscription do the same for subscriptions.
func (s *Store) subscription(id string) (subscription.Subscription, error) {
	it, found := s.subscriptions[id]
	if !found {
		return subscription.Subscription{}, payment.ErrNotFound
	}
	return it.Subscription()
}

func (s *Store) putSubscription(next subscription.Subscription) (subscription.Subscription, error) {
	it := item.FromSubscription(next)
	s.list(payment.DueRecord{Kind: payment.KindSubscription, ID: next.ID}, it.DueAt)
	return s.storeSubscription(it)
}

func (s *Store) storeSubscription(it item.Subscription) (subscription.Subscription, error) {
	old, existed := s.subscriptions[it.ID]
	s.subscriptions[it.ID] = it
	stored, err := it.Subscription()
	if s.Changed == nil || err != nil {
		return stored, err
	}
	change := event.Change{Subscription: stored}
	if existed {
		change.OldSubscription, err = old.Subscription()
	}
	s.Changed(change)
	return stored, err
}

// enter refuses what the table's client would refuse: a call without a deadline, and one that is over already.
func (s *Store) enter(ctx context.Context, operation string) error {
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("the context has no deadline")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Before != nil {
		return s.Before(operation)
	}
	return nil
}

func (s *Store) leave(operation string) error {
	if s.After != nil {
		return s.After(operation)
	}
	return nil
}

// Backup returns what puts the store back to how it is now, as a restored table is: what was written since is
// forgotten.
func (s *Store) Backup() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	orders, subscriptions := maps.Clone(s.orders), maps.Clone(s.subscriptions)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.orders, s.subscriptions = maps.Clone(orders), maps.Clone(subscriptions)
		s.due, s.entries = map[string]*index{}, map[payment.DueRecord]int64{}
		for id, o := range s.orders {
			s.list(payment.DueRecord{Kind: payment.KindOrder, ID: id}, o.DueAt)
		}
		for id, sub := range s.subscriptions {
			s.list(payment.DueRecord{Kind: payment.KindSubscription, ID: id}, sub.DueAt)
		}
	}
}
