package subscription

import (
	"crypto/subtle"
	"time"
)

// ConsentKind is why the buyer must agree before more is charged than before.
type ConsentKind string

// The kinds: what article 13(6) of Korea's e-commerce act asks consent for, in force since 2025-02-14.
const (
	PriceRise ConsentKind = "price-rise"
	TrialEnd  ConsentKind = "trial-end" // what was free is charged
)

// ConsentWindow is how long before the change consent may be given: it must be given within the 30 days before.
const ConsentWindow = 30 * 24 * time.Hour

// Consent is what the buyer is, or was, asked to agree to. The zero value: nothing.
type Consent struct {
	Kind   ConsentKind
	Before Plan // the zero value for TrialEnd
	After  Plan
	Cycle  int    // the first one at the new price
	Token  string // random; whoever has it may open the page
	Ends   bool   // without consent the subscription ends; false: the old price stays

	NeededAt  time.Time // when it was first asked for; zero while the change is more than ConsentWindow ahead
	GivenAt   time.Time
	RefusedAt time.Time // the buyer may still change their mind
	LapsedAt  time.Time // the cycle began without consent, and kept its price
	Used      bool      // a cycle was charged at the new price
	Text      string    // version of the text that the buyer agreed to
	Language  string    // in which it was shown
	Evidence  string    // of the merchant, who has the consent from elsewhere
}

// The states of a consent.
const (
	ConsentNone    = ""
	ConsentPlanned = "planned" // the change is more than ConsentWindow ahead
	ConsentNeeded  = "needed"
	ConsentGiven   = "given"
	ConsentRefused = "refused"
	ConsentLapsed  = "lapsed"
)

// State of the consent.
func (c Consent) State() string {
	switch {
	case c.Kind == "":
		return ConsentNone
	case !c.GivenAt.IsZero():
		return ConsentGiven
	case !c.LapsedAt.IsZero():
		return ConsentLapsed
	case !c.RefusedAt.IsZero():
		return ConsentRefused
	case c.NeededAt.IsZero():
		return ConsentPlanned
	}
	return ConsentNeeded
}

// missing says that the change waits for consent.
func (c Consent) missing() bool {
	switch c.State() {
	case ConsentPlanned, ConsentNeeded, ConsentRefused:
		return true
	}
	return false
}

// TokenMatches compares in constant time.
func (c Consent) TokenMatches(token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(c.Token), []byte(token)) == 1
}

// ConsentDate is when the change would be charged first; zero while nothing is charged, such as in a pause.
func (s Subscription) ConsentDate() time.Time {
	c := s.Consent
	if c.Kind == "" || s.Status != Active && s.Status != PastDue {
		return time.Time{}
	}
	if s.Cycle >= c.Cycle {
		return later(s.Calendar.Date(s.Date), s.ChargeAt)
	}
	ahead := s
	ahead.stand(s.Date + c.Cycle - s.Cycle)
	return s.Calendar.Date(ahead.Date)
}

// consentDue is when consent is to be asked for; zero when it was, or there is nothing to ask.
func (s Subscription) consentDue() time.Time {
	date := s.ConsentDate()
	if date.IsZero() || s.Consent.State() != ConsentPlanned {
		return time.Time{}
	}
	return date.Add(-ConsentWindow)
}

// NeedsConsent asks for consent when its time has come; again when it was given so long ago that it no longer counts.
func (s Subscription) NeedsConsent(at time.Time) (Subscription, bool) {
	due := s.consentDue()
	if due.IsZero() || due.After(at) {
		return s, false
	}
	s.Consent.NeededAt = at
	s.due(s.ChargeAt)
	return s.step(at, s.Status, "consent-needed", s.Consent.After.Amount.String()), true
}

// AskConsent plans a change that needs consent, in place of any other that waits. The caller has set c's Kind, After,
// Token and Ends.
func (s Subscription) AskConsent(c Consent, at time.Time) Subscription {
	c.Before, c.Cycle = s.lasting(), s.Cycle
	if c.Kind == TrialEnd {
		c.Before = Plan{}
	}
	if s.begun() || c.Kind == PriceRise && s.opening() {
		c.Cycle++
	}
	s.Consent = c
	s.due(s.ChargeAt)
	s = s.step(at, s.Status, "consent-planned", c.After.Amount.String())
	if needed, ok := s.NeedsConsent(at); ok {
		needed.Revision-- // two steps, one change
		return needed
	}
	return s
}

// begun says that the cycle has its price: it is being charged or tried again.
func (s Subscription) begun() bool { return !s.Begun.IsZero() || !s.Dunning.Since.IsZero() }

// lasting is what all cycles cost but the one that has begun.
func (s Subscription) lasting() Plan {
	if s.NextPlan != (Plan{}) {
		return s.NextPlan
	}
	return s.Plan
}

// Consents is the buyer's answer. It is refused while nothing is asked: before the window opens, and after the cycle
// began.
func (s Subscription) Consents(agrees bool, text, language string, at time.Time) (Subscription, bool) {
	switch c := &s.Consent; {
	case c.State() != ConsentNeeded && c.State() != ConsentRefused && c.State() != ConsentGiven,
		c.Used, s.Status == Canceled:
		return s, false
	case s.Cycle >= c.Cycle && s.begun():
		return s, false // it is too late: the cycle has its price
	case s.ConsentDate().IsZero(), s.ConsentDate().Sub(at) > ConsentWindow:
		return s, false // too early: the date has moved since
	case agrees && c.State() == ConsentGiven, !agrees && c.State() == ConsentRefused:
		return s, true
	case !agrees:
		taken := c.State() == ConsentGiven
		c.GivenAt, c.RefusedAt, c.Text, c.Language = time.Time{}, at, text, language
		if taken && c.Kind == PriceRise {
			s.price(c.Before)
		}
		return s.step(at, s.Status, "consent-refused", text), true
	default:
		return s.agreed(text, language, "", at), true
	}
}

// agreed records consent, and the price it is for.
func (s Subscription) agreed(text, language, evidence string, at time.Time) Subscription {
	c := &s.Consent
	c.GivenAt, c.RefusedAt, c.LapsedAt = at, time.Time{}, time.Time{}
	c.Text, c.Language, c.Evidence = text, language, evidence
	if c.NeededAt.IsZero() {
		c.NeededAt = at
	}
	if c.Kind == PriceRise {
		s.price(c.After)
	}
	note := text
	if evidence != "" {
		note = "merchant"
	}
	return s.step(at, s.Status, "consent-given", note)
}

// price sets what the next cycle to begin costs.
func (s *Subscription) price(p Plan) {
	if s.begun() || s.opening() {
		s.NextPlan = p
		return
	}
	s.Plan, s.NextPlan = p, Plan{}
}

// withoutConsent is what a missing consent means for a cycle that has been claimed and has not been charged before; ok
// is false when nothing is missing. The subscription ends, or the cycle keeps the old price and is due again at once:
// the record says so before it is charged.
func (s Subscription) withoutConsent(at time.Time) (_ Subscription, ok bool) {
	c, expired := &s.Consent, s.tooOld()
	if !s.lacksConsent() {
		return s, false
	}
	s.AskAfter = time.Time{} // nothing is at work but this
	if c.State() == ConsentPlanned {
		// Nobody was asked: no run of the schedule came in the 30 days before, or it was paused.
		s = s.step(at, s.Status, "consent-not-asked", c.After.Amount.String())
		s.Revision-- // two steps, one change
	}
	if c.Ends {
		return s.canceled(at, "no-consent"), true
	}
	if expired {
		c.GivenAt, s.Plan, s.NextPlan = time.Time{}, c.Before, Plan{}
	}
	c.LapsedAt = at
	s.Begun = time.Time{}
	s.due(at)
	return s.step(at, s.Status, "consent-lapsed", c.Before.Amount.String()), true
}

// lacksConsent says that the cycle the subscription stands at was to cost more, and the buyer has not agreed, or too
// long ago.
func (s Subscription) lacksConsent() bool {
	c := s.Consent
	if s.Cycle < c.Cycle || c.Used || !s.Dunning.Since.IsZero() {
		return false // it is for another cycle; one that is tried again has its price
	}
	return c.missing() || s.tooOld()
}

// tooOld says that the buyer agreed so long before the date that it no longer counts: the date has moved since, as in a
// pause.
func (s Subscription) tooOld() bool {
	c := s.Consent
	return c.State() == ConsentGiven && c.Evidence == "" && s.Calendar.Date(s.Date).Sub(c.GivenAt) > ConsentWindow
}

// lapses says that a cycle has been claimed that must not be charged at this price. Until its worker has said so, no
// wish may put another question in the place of the one that nobody answered.
func (s Subscription) lapses(at time.Time) bool {
	_, missing := s.withoutConsent(at)
	return missing && s.begun()
}

// Rises says that a plan costs more than the buyer has agreed to. Before there is a payment method the buyer has agreed
// to nothing: the registration page shows the price.
func (s Subscription) Rises(p Plan) bool {
	return s.Status != Enrolling && p.Amount.Value > s.lasting().Amount.Value
}

// ChangeWithConsent is ChangePlan for a plan that Rises. With evidence of the merchant's it is agreed to already.
func (s Subscription) ChangeWithConsent(c Consent, evidence string, at time.Time) (Subscription, bool) {
	switch old := s.Consent; {
	case s.Status == Canceled, s.lapses(at):
		return s, false
	case old.Used:
	case old.Kind == TrialEnd && !s.begun(): // the consent that is asked for anyway is for the new price
		c.Kind, c.Token, c.Ends = TrialEnd, old.Token, true
		s.price(c.After)
	case old.missing() && old.After == c.After && old.Ends == c.Ends && evidence == "":
		return s, true // it is being asked for
	case old.Kind == PriceRise && !s.begun() && s.tooOld():
		s.price(old.Before)
	}
	revision := s.Revision
	if s = s.AskConsent(c, at); evidence != "" {
		s = s.agreed("", "", evidence, at)
	}
	s.Revision = revision + 1
	return s, true
}
