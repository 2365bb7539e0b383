package memstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/store/storetest"
	"tosspay-sam/shared/subscription"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) payment.Store { return memstore.New() })
}

func TestLists(t *testing.T) {
	t.Parallel()
	storetest.RunLists(t, func(*testing.T) storetest.Listing { return memstore.New() })
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	broken := errors.New("connection reset")
	fault := func(want string) func(string) error {
		return func(operation string) error {
			if operation == want {
				return broken
			}
			return nil
		}
	}

	refusing := memstore.New()
	refusing.Before = fault("create")
	o, err := refusing.Create(ctx, order.Order{ID: "order-1"})
	if !errors.Is(err, broken) || o.ID != "" {
		t.Errorf("a request that never arrived returned %q, %v", o.ID, err)
	}
	if _, err := refusing.Get(ctx, "order-1"); !errors.Is(err, payment.ErrNotFound) {
		t.Errorf("a request that never arrived made an order: %v", err)
	}

	losing := memstore.New()
	losing.After = fault("create")
	o, err = losing.Create(ctx, order.Order{ID: "order-1"})
	if !errors.Is(err, broken) || o.ID != "" {
		t.Errorf("a lost reply returned %q, %v", o.ID, err)
	}
	if _, err := losing.Get(ctx, "order-1"); err != nil {
		t.Errorf("what was done before the reply was lost is gone: %v", err)
	}

	var seen []string
	s := memstore.New()
	s.Before = func(operation string) error { seen = append(seen, operation); return broken }
	s.Create(ctx, order.Order{})
	s.Get(ctx, "order-1")
	s.Claim(ctx, order.Claim{})
	s.Lease(ctx, order.Lease{})
	s.Save(ctx, order.Order{})
	s.CreateSubscription(ctx, subscription.Subscription{})
	s.GetSubscription(ctx, "plan-1")
	s.SaveSubscription(ctx, subscription.Subscription{})
	s.ClaimCycle(ctx, subscription.CycleClaim{})
	s.Due(ctx, 0, time.Time{}, 1, "")
	s.LeaseDue(ctx, payment.DueRecord{}, time.Time{}, time.Time{})
	want := []string{
		"create", "get", "claim", "lease", "save", "create-subscription", "get-subscription", "save-subscription", "claim-cycle",
		"due", "lease-due",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("operations are called %v, want %v", seen, want)
	}
}
