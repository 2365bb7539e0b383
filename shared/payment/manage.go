package payment

import (
	"context"
	"errors"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// ErrState says that the subscription's status does not allow what was asked.
var ErrState = errors.New("the subscription's status does not allow that")

// Pause stops charging until Resume. Like all that follows it is one conditional write; done twice it is done once.
func (e *Enroller) Pause(ctx context.Context, id string) (subscription.Subscription, error) {
	return e.change(ctx, id, subscription.Subscription.Pause)
}

// Resume starts charging again; see subscription.Resume for the date.
func (e *Enroller) Resume(ctx context.Context, id string) (subscription.Subscription, error) {
	return e.change(ctx, id, subscription.Subscription.Resume)
}

// Cancel ends the subscription, now or at the next date. Its billing keys are deleted at the provider; when a charge is
// at work, or the provider does not answer, the schedule does it later, and they stand as not deleted until then.
func (e *Enroller) Cancel(ctx context.Context, id string, atPeriodEnd bool) (subscription.Subscription, error) {
	s, err := e.change(ctx, id, func(s subscription.Subscription, now time.Time) (subscription.Subscription, bool) {
		return s.Cancel(now, atPeriodEnd), true
	})
	began := e.Now()
	over := s.Status == subscription.Canceled && !s.Final() && !s.DueAt.After(began)
	if err != nil || !over || !deleteKeys(ctx, e.Deleter, s, e.Log) {
		return s, err
	}
	return e.change(ctx, id, func(s subscription.Subscription, _ time.Time) (subscription.Subscription, bool) {
		return s.KeyDeleted(began), true
	})
}

// RenewKey opens the window that registers another means of payment.
func (e *Enroller) RenewKey(ctx context.Context, id, base string) (Enrolled, error) {
	s, err := e.change(ctx, id, subscription.Subscription.RenewKey)
	if err != nil {
		return Enrolled{Subscription: s}, err
	}
	return e.window(s, provider.Place{Base: base})
}
