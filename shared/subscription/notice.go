package subscription

import (
	"fmt"
	"strings"
	"time"
)

// NoticeDaysMax bounds how long before a charge its notice may be.
const NoticeDaysMax = 60

// Notice is what is told of a charge that lies ahead.
type Notice struct {
	Cycle    int
	Date     time.Time
	Amount   int64
	Currency string
}

// String is the notice as the history keeps it: 4 9900 KRW 2026-12-25T01:00:00Z.
func (n Notice) String() string {
	return fmt.Sprintf("%d %d %s %s", n.Cycle, n.Amount, n.Currency, n.Date.UTC().Format(time.RFC3339))
}

// ParseNotice undoes String.
func ParseNotice(text string) (n Notice, ok bool) {
	var date string
	if _, err := fmt.Sscan(text, &n.Cycle, &n.Amount, &n.Currency, &date); err != nil {
		return Notice{}, false
	}
	at, err := time.Parse(time.RFC3339, date)
	n.Date = at
	return n, err == nil && n.String() == strings.TrimSpace(text)
}

// expected is what the cycle will cost that the subscription stands at, as far as is known now. ok is false when no
// charge is expected: it is being made or tried again already, or the subscription ends before it, which it also does
// when the buyer has not agreed to what would be charged.
func (s Subscription) expected() (p Plan, ok bool) {
	switch {
	case s.Status != Active || s.ChargeAt.IsZero() || s.begun():
		return Plan{}, false
	case s.CancelAtEnd && s.Cycle >= s.EndCycle:
		return Plan{}, false
	case !s.lacksConsent():
	case s.Consent.Ends:
		return Plan{}, false
	case s.tooOld(): // and the price goes back
		return s.Consent.Before, true
	}
	return s.CyclePlan(), true
}

// noticeDue is when the next charge is to be announced, at the given time or later; zero when it was, its own time has
// come, or none is expected.
func (s Subscription) noticeDue(at time.Time) time.Time {
	if s.NoticeDays < 1 || !s.ChargeAt.After(at) {
		return time.Time{}
	}
	if !s.Noticed.IsZero() && dayOf(s.Noticed) == dayOf(s.ChargeAt) { // a charge that moved within its day is no news
		return time.Time{}
	}
	if _, ok := s.expected(); !ok {
		return time.Time{}
	}
	return later(s.ChargeAt.AddDate(0, 0, -s.NoticeDays), at)
}

// NeedsNotice announces the next charge when its time has come, and never after the charge's own.
func (s Subscription) NeedsNotice(at time.Time) (Subscription, bool) {
	if due := s.noticeDue(at); due.IsZero() || due.After(at) {
		return s, false
	}
	plan, _ := s.expected()
	s.Noticed = s.ChargeAt
	s.due(s.ChargeAt)
	n := Notice{Cycle: s.Cycle, Date: s.ChargeAt, Amount: plan.Amount.Value, Currency: string(plan.Amount.Currency)}
	return s.step(at, s.Status, "renewal-upcoming", n.String()), true
}

// Woken is a look at a record whose next charge has not come: what else was due is done, in one change. days is how
// long before a charge its notice is now; 0 for none. A record that was due for something that is not wanted any more
// is due for the next thing.
func (s Subscription) Woken(at time.Time, days int) (Subscription, bool) {
	revision := s.Revision
	s.NoticeDays = days
	if needed, ok := s.NeedsConsent(at); ok {
		s = needed
	}
	if noticed, ok := s.NeedsNotice(at); ok {
		s = noticed
	}
	if s.Revision == revision {
		ahead := s
		ahead.due(s.ChargeAt)
		ahead.DueAt = earlier(ahead.DueAt, ahead.noticeDue(at))
		if s.Status != Active && s.Status != PastDue || s.DueAt.After(at) || !ahead.DueAt.After(at) {
			return s, false
		}
		s = ahead
	}
	s.Revision = revision + 1
	return s, true
}
