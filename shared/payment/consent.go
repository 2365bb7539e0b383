package payment

import (
	"cmp"
	"context"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

// ConsentText is the version of the consent page's words, stored with each consent: change it when a word changes.
const ConsentText = "2026-11-28"

// evidenceMax is in characters: a reference into the merchant's own records, not the records.
const evidenceMax = 200

// PlanChange is a merchant's wish for another price.
type PlanChange struct {
	Amount   int64
	Currency string
	Name     string // empty: as it is
	// WithoutConsent is what becomes of a subscription whose buyer does not agree to a higher price: keep (the old
	// price; the default) or end.
	WithoutConsent string
	// Evidence says where the merchant's own record of the buyer's consent is; empty: we ask for it.
	Evidence string
	// Tax says which parts the new amount has. Nil is refused for a plan that has parts: only the merchant knows those
	// of another amount.
	Tax *Tax
}

// ChangePlan changes what a cycle costs, from the next that has not begun. A higher price waits for consent.
func (e *Enroller) ChangePlan(ctx context.Context, id string, p PlanChange) (subscription.Subscription, error) {
	if err := e.checkPlanChange(p); err != nil {
		return subscription.Subscription{}, err
	}
	amount := money.Amount{Value: p.Amount, Currency: money.KRW}
	token := e.NewToken()
	var refusal error
	s, err := e.change(ctx, id, func(s subscription.Subscription, now time.Time) (subscription.Subscription, bool) {
		plan := subscription.Plan{Amount: amount, Name: p.Name}
		if p.Name == "" {
			plan.Name = nameOf(s)
		}
		if plan.Tax, refusal = p.tax(s); refusal != nil {
			return s, true
		}
		if !s.Rises(plan) {
			return s.ChangePlan(plan, now)
		}
		return s.ChangeWithConsent(subscription.Consent{
			Kind: subscription.PriceRise, After: plan, Token: token, Ends: p.WithoutConsent == "end",
		}, p.Evidence, now)
	})
	return s, cmp.Or(refusal, err)
}

// tax is which parts the plan of s has after the change, or a *FieldError.
func (p PlanChange) tax(s subscription.Subscription) (none subscription.Tax, err error) {
	latest := s.Plan
	if s.NextPlan != (subscription.Plan{}) {
		latest = s.NextPlan
	}
	switch {
	case s.Charging.CardQuota != 0 && p.Amount < quotaAmountMin:
		return none, badField("amount", "must be at least %d for a subscription with cardQuota", quotaAmountMin)
	case p.Tax != nil:
		return subscription.Tax(p.Tax.order()), nil
	case latest.Tax != none:
		return none, &FieldError{"taxFreeAmount", "and vatAmount must be given anew, because the plan has them"}
	}
	return none, nil
}

func nameOf(s subscription.Subscription) string {
	if s.NextPlan.Name != "" {
		return s.NextPlan.Name
	}
	return s.Plan.Name
}

func (e *Enroller) checkPlanChange(p PlanChange) error {
	if err := e.checkAmount("", p.Amount, p.Currency); err != nil {
		return err
	}
	if p.Name != "" {
		if err := checkPlanName("name", p.Name); err != nil {
			return err
		}
	}
	if p.Tax != nil {
		if err := p.Tax.check("", p.Amount); err != nil {
			return err
		}
	}
	switch p.WithoutConsent {
	case "", "keep", "end":
	default:
		return &FieldError{"withoutConsent", "must be keep or end"}
	}
	return checkText("consent.evidence", p.Evidence, 0, evidenceMax)
}

// Consent returns the subscription for the page that asks for consent. A wrong token is ErrNotFound, like no
// subscription at all.
func (e *Enroller) Consent(ctx context.Context, id, token string) (subscription.Subscription, error) {
	s, err := e.Read(ctx, id)
	if err != nil {
		return s, err
	}
	if !s.Consent.TokenMatches(token) {
		return subscription.Subscription{}, ErrNotFound
	}
	return s, nil
}

// Answer records what the buyer says. ErrState: nothing is asked now; the subscription says why.
func (e *Enroller) Answer(
	ctx context.Context, id, token string, agrees bool, language string,
) (subscription.Subscription, error) {
	s, err := e.Consent(ctx, id, token)
	if err != nil {
		return s, err
	}
	s, err = e.change(ctx, id, func(s subscription.Subscription, now time.Time) (subscription.Subscription, bool) {
		if !s.Consent.TokenMatches(token) {
			return s, false // another change is asked for by now
		}
		return s.Consents(agrees, ConsentText, language, now)
	})
	if err == nil {
		e.Log.InfoContext(ctx, "the buyer answered",
			"event", "subscription.consent", "subscriptionId", s.ID, "state", s.Consent.State())
	}
	return s, err
}

// Trial says what the time before firstChargeAt is.
type Trial struct {
	Free     bool   // it is free, and then charged: the buyer's consent is needed
	Evidence string // where the merchant's own record of that consent is; empty: we ask for it
}

// consent is what a new subscription needs consent for.
func (t Trial) consent(plan subscription.Plan, s subscription.Subscription, token string) subscription.Consent {
	if !t.Free {
		return subscription.Consent{}
	}
	c := subscription.Consent{Kind: subscription.TrialEnd, After: plan, Cycle: 1, Token: token, Ends: true}
	if t.Evidence != "" {
		c.NeededAt, c.GivenAt, c.Evidence = s.CreatedAt, s.CreatedAt, t.Evidence
	}
	return c
}

// checkAmount refuses a price; prefix is of the field's name.
func (e *Enroller) checkAmount(prefix string, amount int64, currency string) error {
	switch _, err := money.New(amount, money.Currency(currency)); {
	case currency != string(money.KRW):
		return &FieldError{prefix + "currency", "must be KRW"}
	case err != nil || amount < e.AmountMin:
		return badField(prefix+"amount", "must be a whole number from %d to %d", e.AmountMin, int64(money.Max))
	}
	return nil
}
