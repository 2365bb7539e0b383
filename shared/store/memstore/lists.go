package memstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/internal/item"
	"tosspay-sam/shared/subscription"
)

var _ payment.Lists = (*Store)(nil)

// List implements payment.Lists. It looks at every record: a laptop has few, and its writes should not pay for lists.
func (s *Store) List(ctx context.Context, q payment.ListQuery) (entries []payment.Listed, err error) {
	if q.Limit < 1 || q.Part < 0 || q.Part >= q.Index.Parts() {
		return nil, fmt.Errorf("memstore: no list has part %d, limit %d", q.Part, q.Limit)
	}
	return do(ctx, s, "list", string(q.Index), func() ([]payment.Listed, error) {
		entries := s.listed(q)
		slices.SortFunc(entries, func(a, b payment.Listed) int {
			if !q.Ascending {
				a, b = b, a
			}
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Record.ID, b.Record.ID))
		})
		return entries[:min(len(entries), q.Limit)], nil
	})
}

func (s *Store) listed(q payment.ListQuery) (entries []payment.Listed) {
	key := item.ListKey(q)
	from, to := item.Millis(q.From), item.Millis(q.To)
	add := func(kind, id, partition string, at int64) {
		if partition == key && at >= from && at <= to {
			entries = append(entries, payment.Listed{Record: payment.DueRecord{Kind: kind, ID: id}, At: item.Time(at)})
		}
	}
	if q.Index == payment.ListDue {
		for record, at := range s.entries {
			add(record.Kind, record.ID, item.Shard(record.ID), at)
		}
		return entries
	}
	for id, it := range s.orders {
		partition := map[payment.ListIndex]string{
			payment.ListDay: it.List, payment.ListCustomer: it.Buyer, payment.ListAttention: it.Attention,
		}[q.Index]
		add(payment.KindOrder, id, partition, it.CreatedAt)
	}
	for id, it := range s.subscriptions {
		partition := map[payment.ListIndex]string{payment.ListStatus: it.List, payment.ListCustomer: it.Buyer}[q.Index]
		add(payment.KindSubscription, id, partition, it.CreatedAt)
	}
	return entries
}

// GetOrders implements payment.Lists.
func (s *Store) GetOrders(ctx context.Context, ids []string) ([]order.Order, []string, error) {
	return getAll(ctx, s, "get-orders", ids, s.order)
}

// GetSubscriptions implements payment.Lists.
func (s *Store) GetSubscriptions(ctx context.Context, ids []string) ([]subscription.Subscription, []string, error) {
	return getAll(ctx, s, "get-subscriptions", ids, s.subscription)
}

func getAll[T any](
	ctx context.Context, s *Store, operation string, ids []string, get func(string) (T, error),
) (found []T, left []string, err error) {
	asked := ids[:min(len(ids), payment.ReadMax)]
	found, err = do(ctx, s, operation, fmt.Sprint(asked), func() (found []T, err error) {
		for _, id := range asked {
			record, err := get(id)
			if err == nil {
				found = append(found, record)
			} else if !errors.Is(err, payment.ErrNotFound) {
				return nil, err
			}
		}
		return found, nil
	})
	return found, ids[len(asked):], err
}
