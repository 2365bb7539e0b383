package payment

import (
	"cmp"
	"context"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// Limits of the lookups that only keep up what is shown of a payment method: a buyer may put another card behind the
// key in Toss's app, and PortOne V1 tells nobody (developers.portone.io, tosspay-v2, "caution", 2026-08).
const (
	showEvery = 24 * time.Hour  // between two of them about one subscription
	showWait  = 3 * time.Second // for one; whoever reads a subscription gets it without news then
)

// Show is Read for somebody who looks at the payment method. If the provider was last asked a day ago it is asked
// again; nothing that goes wrong with that is an error. The question is claimed by a write first, so that however many
// look at the same time, there is one a day.
func (e *Enroller) Show(ctx context.Context, id string) (subscription.Subscription, error) {
	s, err := e.Read(ctx, id)
	if err != nil {
		return s, err
	}
	return e.refreshed(ctx, s), nil
}

// ShowConsent is Consent with the payment method as Show has it: the page that asks must name it.
func (e *Enroller) ShowConsent(ctx context.Context, id, token string) (subscription.Subscription, error) {
	s, err := e.Consent(ctx, id, token)
	if err != nil {
		return s, err
	}
	return e.refreshed(ctx, s), nil
}

func (e *Enroller) refreshed(ctx context.Context, s subscription.Subscription) subscription.Subscription {
	now := e.Now().UTC()
	if !e.stale(s, now) || ready(ctx, e.Ready) != nil {
		return s
	}
	key := s.Key
	key.SeenAt = now
	claimed, err := e.Subscriptions.SaveSubscription(ctx, s.Refreshed(key))
	if err != nil {
		return s // somebody else is at it
	}
	calls, cancel := context.WithTimeout(ctx, showWait)
	defer cancel()
	a := e.Keys.BillingKey(calls, s.KeyName(key.N))
	logKeyAnswer(ctx, e.Log, s.ID, key.N, a, a.Verdict == provider.Paid)
	known := a.Key.Brand == key.Brand && a.Key.Masked == key.Masked
	if a.Verdict != provider.Paid || !e.fits(s, a.Key) || known {
		return claimed
	}
	key.Brand, key.Masked = a.Key.Brand, a.Key.Masked
	saved, err := e.Subscriptions.SaveSubscription(ctx, claimed.Refreshed(key))
	if err != nil {
		return claimed.Refreshed(key) // it is shown, and stored tomorrow
	}
	return saved
}

// stale says that the provider is to be asked what is behind the key: it is in use, nobody has asked about it for a
// day, and no charge is at work.
func (e *Enroller) stale(s subscription.Subscription, now time.Time) bool {
	inUse := s.Status != subscription.Canceled && !s.Key.IssuedAt.IsZero()
	if e.Keys == nil || !inUse || s.AskAfter.After(now) {
		return false
	}
	return now.Sub(s.Key.SeenAt) >= showEvery
}

// shownBy takes over what the payment of a cycle shows of the card behind the key. It asks nobody and makes no write of
// its own: it goes with the one that records the charge. A payment that shows no card says nothing.
func shownBy(s subscription.Subscription, o order.Order, at time.Time) subscription.Subscription {
	card := o.Capture.PaidWith().Card
	if o.BillingKey != s.KeyName(s.Key.N) || card.Company == "" && card.Number == "" {
		return s
	}
	if card.Company != "" && card.Company != s.Key.Brand {
		s.Key.Brand, s.Key.Masked = card.Company, "" // another card: the number that is shown is not its
	}
	s.Key.Masked, s.Key.SeenAt = cmp.Or(card.Number, s.Key.Masked), at
	return s
}
