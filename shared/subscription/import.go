package subscription

import "time"

// NewImported returns a subscription that comes with a billing key which somebody else's code issued: it is active from
// the beginning, and its first cycle is charged on the calendar's first date, never before. The caller has validated
// every field, and has asked the provider about the key.
//
// The provider's name of the key becomes that of issuance 1; every later one has a name of ours.
func NewImported(s Subscription, name string, deletes bool, key Key) Subscription {
	at := s.CreatedAt
	s = New(s)
	key.N, key.OpenedAt = 1, at
	s.Key, s.Imported, s.DeletesImported = key, name, deletes
	s.due(later(s.Calendar.Date(s.Date), at))
	s = s.step(at, Active, "key-imported", s.KeyName(1))
	if needed, ok := s.NeedsConsent(at); ok {
		s = needed
	}
	s.Revision = 1 // all of it is one write
	for i := range s.History {
		s.History[i].Revision = 1
	}
	return s
}

// Keeps says that key n stays at the provider when the subscription ends: it was imported, and whoever issued it may
// still use it.
func (s Subscription) Keeps(n int) bool { return n == 1 && s.Imported != "" && !s.DeletesImported }

// keysKept ends a subscription that has no key to delete.
func (s Subscription) keysKept(at time.Time) Subscription {
	s.DueAt = time.Time{}
	return s.step(at, Canceled, "key-kept", s.KeyName(1))
}
