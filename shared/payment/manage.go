package payment

import (
	"context"
	"errors"
	"fmt"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// ErrState says that the subscription's status does not allow what was asked.
var ErrState = errors.New("the subscription's status does not allow that")

// Pause stops charging until Resume. Like all that follows it is one conditional write, and doing it twice is doing it once.
func (e *Enroller) Pause(ctx context.Context, id string) (subscription.Subscription, error) {
	return e.change(ctx, id, func(s subscription.Subscription) (subscription.Subscription, bool) { return s.Pause(e.Now()) })
}

// Resume starts charging again; see subscription.Resume for the date.
func (e *Enroller) Resume(ctx context.Context, id string) (subscription.Subscription, error) {
	return e.change(ctx, id, func(s subscription.Subscription) (subscription.Subscription, bool) { return s.Resume(e.Now()) })
}

// Cancel ends the subscription, now or at the next date. Its billing keys are deleted at the provider; when a charge is at work, or the provider
// does not answer, the schedule does it later, and they stand as not deleted until the provider says so.
func (e *Enroller) Cancel(ctx context.Context, id string, atPeriodEnd bool) (subscription.Subscription, error) {
	s, err := e.change(ctx, id, func(s subscription.Subscription) (subscription.Subscription, bool) {
		return s.Cancel(e.Now(), atPeriodEnd), true
	})
	began := e.Now()
	over := s.Status == subscription.Canceled && !s.Final() && !s.DueAt.After(began)
	if err != nil || !over || !deleteKeys(ctx, e.Deleter, s, e.Log) {
		return s, err
	}
	return e.change(ctx, id, func(s subscription.Subscription) (subscription.Subscription, bool) {
		return s.KeyDeleted(began), true
	})
}

// RenewKey opens the window that registers another means of payment.
func (e *Enroller) RenewKey(ctx context.Context, id, base string) (Enrolled, error) {
	s, err := e.change(ctx, id, func(s subscription.Subscription) (subscription.Subscription, bool) { return s.RenewKey(e.Now()) })
	if err != nil {
		return Enrolled{Subscription: s}, err
	}
	return e.window(s, provider.Place{Base: base})
}

// change applies a merchant's wish and stores it.
func (e *Enroller) change(ctx context.Context, id string, wish func(subscription.Subscription) (subscription.Subscription, bool)) (subscription.Subscription, error) {
	s, err := e.Read(ctx, id)
	if err != nil {
		return s, err
	}
	for range savesMax {
		s.NoticeDays = e.NoticeDays
		next, allowed := wish(s)
		switch {
		case !allowed:
			return s, ErrState
		case next.Revision == s.Revision:
			return s, nil
		}
		saved, err := e.Subscriptions.SaveSubscription(ctx, next)
		if !errors.Is(err, ErrConflict) {
			return saved, err
		}
		s = saved
	}
	return s, fmt.Errorf("payment: subscription %s: %w", id, ErrConflict)
}
