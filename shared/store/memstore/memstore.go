// Package memstore is the embedded store, for the laptop and for simulations. It passes the same conformance suite as the table, keeps
// orders in the same stored form and uses the pure rules of package order themselves where the table repeats them as conditions.
package memstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
)

// Store keeps orders in memory. It is safe for concurrent use.
type Store struct {
	// Before and After, when set, decide about faults. They are called with the operation: create, get, claim, lease, save or due.
	// An error of Before is a request that never arrived: it is returned and nothing has happened. An error of After is a lost reply:
	// it is returned and everything has happened. Set them before the store is used.
	Before, After func(operation string) error

	mu    sync.Mutex
	items map[string]item.Order // by order id
}

var _ payment.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{items: map[string]item.Order{}} }

// Create implements payment.Orders.
func (s *Store) Create(ctx context.Context, o order.Order) (order.Order, error) {
	return s.do(ctx, "create", o.ID, func(old order.Order, found bool) (order.Order, error) {
		if found {
			return old, payment.ErrExists
		}
		return s.put(o)
	})
}

// Get implements payment.Orders.
func (s *Store) Get(ctx context.Context, id string) (order.Order, error) {
	return s.do(ctx, "get", id, func(old order.Order, found bool) (order.Order, error) {
		if !found {
			return order.Order{}, payment.ErrNotFound
		}
		return old, nil
	})
}

// Claim implements payment.Claims.
func (s *Store) Claim(ctx context.Context, c order.Claim) (order.Order, error) {
	return s.do(ctx, "claim", c.OrderID, func(old order.Order, found bool) (order.Order, error) {
		if !found {
			return order.Order{}, payment.ErrNotFound
		}
		next, err := old.Claim(c)
		if err != nil {
			return old, err
		}
		return s.put(next)
	})
}

// Lease implements payment.Claims.
func (s *Store) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return s.do(ctx, "lease", l.OrderID, func(old order.Order, found bool) (order.Order, error) {
		if !found {
			return order.Order{}, payment.ErrNotFound
		}
		next, err := old.Lease(l)
		if err != nil {
			return old, err
		}
		return s.put(next)
	})
}

// Save implements payment.Claims; ErrNotFound when there is no such order.
func (s *Store) Save(ctx context.Context, next order.Order) (order.Order, error) {
	return s.do(ctx, "save", next.ID, func(old order.Order, found bool) (order.Order, error) {
		if !found {
			return order.Order{}, payment.ErrNotFound
		}
		if old.Revision != next.Revision-1 {
			return old, payment.ErrConflict
		}
		return s.put(next)
	})
}

// Due implements payment.DueOrders. Like the table it answers with a cursor whenever it stops at the limit.
func (s *Store) Due(ctx context.Context, shard int, before time.Time, limit int, cursor string) (ids []string, next string, err error) {
	defer func() {
		if err != nil {
			ids, next, err = nil, "", fmt.Errorf("memstore: list due orders of shard %d: %w", shard, err)
		}
	}()
	if err := s.enter(ctx, "due"); err != nil {
		return nil, "", err
	}
	if shard < 0 || shard >= payment.DueShards || limit < 1 {
		return nil, "", fmt.Errorf("shard must be 0 to %d and limit (%d) at least 1", payment.DueShards-1, limit)
	}
	from, err := decodeCursor(cursor, shard)
	if err != nil {
		return nil, "", err
	}
	due := s.dueAfter(from, item.Millis(before))
	if len(due) >= limit {
		due = due[:limit]
		next = due[limit-1].cursor()
	}
	for _, p := range due {
		ids = append(ids, p.id)
	}
	return ids, next, s.leave("due")
}

// position is a place in the due index.
type position struct {
	shard string
	at    int64
	id    string
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.at, q.at), strings.Compare(p.id, q.id))
}

func (p position) cursor() string { return fmt.Sprintf("%s %d %s", p.shard, p.at, p.id) }

// decodeCursor returns the position the cursor names; without one, the beginning of the shard.
func decodeCursor(cursor string, shard int) (position, error) {
	begin := position{shard: item.ShardName(shard)}
	if cursor == "" {
		return begin, nil
	}
	var p position
	if n, err := fmt.Sscanf(cursor, "%s %d %s", &p.shard, &p.at, &p.id); n != 3 || err != nil || p.shard != begin.shard {
		return position{}, errors.New("the cursor is not one of this shard")
	}
	return p, nil
}

// dueAfter returns the positions behind from that are due at or before the given millisecond, in order.
func (s *Store) dueAfter(from position, before int64) []position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []position
	for id, it := range s.items {
		p := position{it.DueShard, it.DueAt, id}
		if p.shard == from.shard && p.at <= before && p.compare(from) > 0 {
			due = append(due, p)
		}
	}
	slices.SortFunc(due, position.compare)
	return due
}

// do runs one operation on one order alone, between the faults.
func (s *Store) do(ctx context.Context, operation, id string, f func(old order.Order, found bool) (order.Order, error)) (order.Order, error) {
	o, err := s.alone(ctx, operation, id, f)
	if err != nil {
		return o, fmt.Errorf("memstore: %s order %s: %w", operation, id, err)
	}
	return o, nil
}

func (s *Store) alone(ctx context.Context, operation, id string, f func(old order.Order, found bool) (order.Order, error)) (order.Order, error) {
	if err := s.enter(ctx, operation); err != nil {
		return order.Order{}, err
	}
	o, err := s.locked(id, f)
	if lost := s.leave(operation); lost != nil {
		return order.Order{}, lost
	}
	return o, err
}

func (s *Store) locked(id string, f func(old order.Order, found bool) (order.Order, error)) (order.Order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it, found := s.items[id]
	if !found {
		return f(order.Order{}, false)
	}
	old, err := it.Order()
	if err != nil {
		return order.Order{}, err
	}
	return f(old, true)
}

// put stores the order and returns it as it will be read. The stored form shares no memory with either.
func (s *Store) put(o order.Order) (order.Order, error) {
	it := item.FromOrder(o)
	s.items[o.ID] = it
	return it.Order()
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
