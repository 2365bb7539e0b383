// Package subscription is the life of one subscription: values in, values out. It has no I/O and no clock.
//
//	enrolling ──activated──> active <──> past_due ──> suspended
//	                           │ ^
//	                           v │
//	                         paused          any ──> canceled
//
// A subscription never takes money itself. Each cycle is an order of its own, so that refunds, evidence and
// reconciliation are the same for both; the subscription only knows which cycle is next and when.
package subscription

import (
	"crypto/subtle"
	"slices"
	"strconv"
	"time"

	"tosspay-sam/shared/money"
)

// Status of a subscription. The zero value is not a status.
type Status string

// The statuses.
const (
	Enrolling Status = "enrolling" // the buyer has not registered a means of payment yet
	Active    Status = "active"    // the next cycle is charged when it is due
	PastDue   Status = "past_due"  // a cycle was refused and is tried again by a timetable
	Suspended Status = "suspended" // its timetable is over, or the means is gone: nothing is charged without a new one
	Paused    Status = "paused"    // by the merchant; nothing is charged
	Canceled  Status = "canceled"  // for good
)

// Statuses lists all of them in the order of the tables.
var Statuses = []Status{Enrolling, Active, PastDue, Suspended, Paused, Canceled}

// Limits of one record.
const (
	KeysMax    = 99 // issuances of one subscription; each uses up a number
	historyMax = 32
)

// enrollDelays are the pauses between questions about an issuance that nobody has told us of; after the last one the
// enrolment is given up, and a renewal is only asked about when somebody brings news.
var enrollDelays = []time.Duration{30 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// AskPause is the least time between two questions to the provider about one subscription.
const AskPause = 3 * time.Second

// Plan is what a cycle costs.
type Plan struct {
	Amount money.Amount
	Name   string // of the cycle's order; the buyer's statement shows it
	Tax    Tax
}

// Tax says which parts of a plan's amount are what, as an order's does.
type Tax struct {
	Free     int64 // bears no value added tax
	VAT      int64 // the tax itself,
	GivenVAT bool  // if it was given; else the provider takes an eleventh of what is taxed
}

// Charging is how a cycle is charged beside its amount, as an order's: cash receipt, push and instalments.
type Charging struct {
	ReceiptType string
	TradeOption string
	NoReceipt   bool
	FailPush    bool
	CardQuota   int
}

// Key is the means of payment: a billing key at the provider, known by a name of ours and holding nothing secret.
type Key struct {
	N        int       // issuance; the name of key n is <subscription>--key<n>
	OpenedAt time.Time // when its window was first offered
	IssuedAt time.Time // zero until the provider says that it exists
	Account  string    // the merchant account that may charge it
	Brand    string    // the card's or bank's name
	Masked   string    // the masked number
	SeenAt   time.Time // when the provider was last asked about it
	Asks     int       // questions that did not find it
	// DeletedAt is when the provider said that it is gone.
	DeletedAt time.Time
}

// Subscription is one subscription record.
type Subscription struct {
	ID         string
	Provider   string
	Mode       string
	Account    string // whose keys it was made with, as an order's
	CustomerID string // the merchant's id of the customer; the provider binds the key to it
	Customer   Customer
	Language   string
	ReturnURL  string
	Request    string // digest of the request that made it
	LinkToken  string
	CreatedAt  time.Time

	Plan     Plan
	NextPlan Plan // from the cycle after the one being charged; zero: the same
	First    Plan // what the first charge takes when it is of a share of a period; zero: Plan. See CyclePlan
	Calendar Calendar
	CatchUp  CatchUp
	Charging Charging
	// AppScheme is where the window's apps go back to; see order.Extras.
	AppScheme string

	Status  Status
	Key     Key // the key that is charged; or, while IssuedAt is zero, the one being issued
	NextKey Key // the issuance that is to replace Key; N is 0 when there is none
	// Imported is the provider's name of key 1 when it was not issued here; empty otherwise. DeletesImported: it is
	// deleted like the others when the subscription ends.
	Imported        string
	DeletesImported bool
	// Offered is the highest issuance a window was offered for; the next one is above it, whichever came to be the key.
	Offered    int
	Cycle      int       // the next cycle to charge, 1 for the first
	Date       int       // of the calendar, on which it is charged; ahead of Cycle-1 by the dates that were left out
	ChargeAt   time.Time // when the next cycle may be charged; zero while nothing is
	DueAt      time.Time // when the record must be looked at; ChargeAt, or later while a worker is at it
	Begun      time.Time // when the cycle was first claimed; zero while its charge has not begun
	AskAfter   time.Time
	HeardAt    time.Time
	Dunning    Dunning
	Consent    Consent
	Cause      Cause     // of the suspension
	NoticeDays int       // how long before a charge its notice is; 0: none
	Noticed    time.Time // the date that was announced last
	// CancelAtEnd ends the subscription at the next date instead of charging it.
	CancelAtEnd bool
	EndCycle    int // the first cycle that is not charged any more; 0: none
	PausedAt    time.Time
	Gaps        []Gap // of pauses, ahead of Date; none overlap
	History     []Step
	Revision    int64
}

// Customer is what the provider's window shows of the buyer. Never logged.
type Customer struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// CatchUp says what becomes of cycles whose dates went by without a charge, because nothing ran or the subscription was
// past due.
type CatchUp string

// The policies.
const (
	Once CatchUp = "once" // charge one cycle for all of them; the default
	Each CatchUp = "each" // charge every one, one after another
	Skip CatchUp = "skip" // charge none; go on at the next date
)

// Step is one transition in the history.
type Step struct {
	At       time.Time
	From     Status
	To       Status
	Event    string
	Note     string
	Revision int64 // the record's with the write that added it; 0 until it is stored
}

// New returns the subscription as it is first stored: enrolling, with its first issuance. The caller has validated
// every field.
func New(s Subscription) Subscription {
	s.Status = Enrolling
	s.Key = Key{N: 1, OpenedAt: s.CreatedAt}
	s.Offered = 1
	s.Cycle = 1
	s.DueAt = s.CreatedAt.Add(enrollDelays[0])
	s.Revision = 1
	s.History = []Step{{At: s.CreatedAt, To: Enrolling, Event: "created", Revision: 1}}
	return s
}

// LinkTokenMatches compares in constant time.
func (s Subscription) LinkTokenMatches(token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(s.LinkToken), []byte(token)) == 1
}

// Final says that nothing is expected to change by itself any more.
func (s Subscription) Final() bool { return s.DueAt.IsZero() }

// KeyName is the provider's name of key n, which is also the number of its issuance if it was issued here.
func (s Subscription) KeyName(n int) string {
	if n == 1 && s.Imported != "" {
		return s.Imported
	}
	return s.ID + "--key" + strconv.Itoa(n)
}

// askAt is when the provider is to be asked about an issuance that nobody has told us of; zero when there is none, or
// no more.
func (k Key) askAt() time.Time {
	if k.N == 0 || !k.IssuedAt.IsZero() || k.Asks >= len(enrollDelays) {
		return time.Time{}
	}
	return later(k.OpenedAt, k.SeenAt).Add(enrollDelays[k.Asks])
}

// Issuing is the issuance the buyer can complete now, or nil.
func (s Subscription) Issuing() *Key {
	switch {
	case s.Status == Canceled:
		return nil
	case s.NextKey.N > 0 && s.NextKey.IssuedAt.IsZero():
		return &s.NextKey
	case s.Status == Enrolling && s.Key.IssuedAt.IsZero():
		return &s.Key
	}
	return nil
}

// KeysOffered is the highest issuance that a window was offered for.
func (s Subscription) KeysOffered() int { return max(s.Offered, s.Key.N, s.NextKey.N) }

// Issued is the provider's word that key n exists. The first key to exist activates an enrolling subscription, once; a
// replacement takes over from the key before it. Any other news of a key changes nothing.
func (s Subscription) Issued(key Key, at time.Time) Subscription {
	switch {
	case s.Status == Canceled:
		return s
	case s.Key.IssuedAt.IsZero() && key.N <= s.Key.N:
		key.OpenedAt = s.Key.OpenedAt
		s.Key = key
	case s.NextKey.N == key.N && s.NextKey.IssuedAt.IsZero():
		key.OpenedAt = s.NextKey.OpenedAt
		s.Key, s.NextKey = key, Key{}
	default:
		return s
	}
	if !s.AskAfter.After(at.Add(AskPause)) {
		s.AskAfter = time.Time{} // the question's; a charge that is at work has a longer one
	}
	to := s.Status
	switch {
	case s.Status == Enrolling:
		to = Active
		s.Date = max(s.Date, s.Calendar.After(at)-1) // dates before there was a means were never owed
		s.open(at)
		s.due(later(s.Calendar.Date(s.Date), at))
	case s.Status == Suspended || s.Status == PastDue && !s.Dunning.Since.IsZero():
		to = s.afterRefusal(at)
	default:
		s.due(s.ChargeAt)
	}
	s = s.step(at, to, "key-issued", s.KeyName(key.N))
	if needed, ok := s.NeedsConsent(at); ok {
		needed.Revision-- // two steps, one change
		return needed
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// earlier ignores a time that is zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Refreshed returns the subscription with what the provider now shows of its key: the buyer may have changed the means
// behind it. Nothing happened to the subscription, so its history does not grow.
func (s Subscription) Refreshed(key Key) Subscription {
	if key.N != s.Key.N || s.Key.IssuedAt.IsZero() {
		return s
	}
	s.Key.Brand, s.Key.Masked, s.Key.SeenAt = key.Brand, key.Masked, key.SeenAt
	s.Revision++
	return s
}

// NotIssued is the provider's word that key n did not exist when it was asked. Told that its window failed, the next
// issuance gets the next number: a name that was once in a window is never used for another one. Otherwise the question
// is asked again later, and at last given up; an answer that was long on its way is not one of those that count,
// because the buyer may have registered since.
func (s Subscription) NotIssued(n int, failed bool, asked, at time.Time) Subscription {
	issuing := s.Issuing()
	if issuing == nil || issuing.N != n || s.Status == Canceled {
		return s
	}
	key, event := *issuing, "key-not-issued"
	key.SeenAt = later(key.SeenAt, asked)
	// Of a renewal other questions, such as a page's reloads, do not count: the buyer may still be at the window.
	if s.NextKey.N == 0 || !asked.Before(issuing.askAt()) {
		key.Asks++
	}
	s.AskAfter = later(s.AskAfter, at.Add(AskPause)) // a charge may be at work
	offered := s.KeysOffered()
	over := failed && offered >= KeysMax ||
		s.Status == Enrolling && !failed && key.Asks >= len(enrollDelays) && !asked.Before(s.DueAt)
	if failed && !over {
		s.Offered = offered + 1
		key, event = Key{N: s.Offered, OpenedAt: at}, "key-failed"
	}
	switch {
	case s.NextKey.N > 0 && over:
		s.NextKey = Key{}
	case s.NextKey.N > 0:
		s.NextKey = key
	default:
		s.Key = key
	}
	switch {
	case s.Status != Enrolling:
		s.due(s.ChargeAt)
		return s.step(at, s.Status, event, s.KeyName(n))
	case over:
		s.DueAt = time.Time{}
		return s.step(at, Canceled, "enrolment-abandoned", s.KeyName(n))
	}
	s.DueAt = at.Add(enrollDelays[min(key.Asks, len(enrollDelays)-1)])
	return s.step(at, Enrolling, event, s.KeyName(n))
}

// Awaits says that an answer about key n could matter: the subscription is waiting for a means, and n is one it has
// offered a window for.
func (s Subscription) Awaits(n int) bool {
	issuing := s.Issuing()
	return s.Status != Canceled && issuing != nil && n >= 1 && n <= issuing.N && (s.NextKey.N == 0 || n > s.Key.N)
}

// Lease returns the subscription with nobody else asking the provider about it before until.
func (s Subscription) Lease(until time.Time) Subscription {
	s.AskAfter = until
	s.Revision++
	return s
}

// Unanswered is a question about an issuance that brought no answer.
func (s Subscription) Unanswered(at time.Time) Subscription {
	switch {
	case s.Status == Enrolling:
		s.DueAt = at.Add(enrollDelays[0])
	case s.Issuing() != nil:
		s.DueAt = earlier(s.ChargeAt, at.Add(enrollDelays[0]))
		s.NextKey.Asks = min(s.NextKey.Asks, len(enrollDelays)-1) // a charge that ends meanwhile leaves it a due time
	}
	s.AskAfter = later(s.AskAfter, at.Add(AskPause)) // a charge may be at work
	s.Revision++
	return s
}

// Announced is news of a renewal that could not be asked about, because a charge is at work: the questions about it
// begin anew, after the charge.
func (s Subscription) Announced(n int) Subscription {
	if !s.Awaits(n) || s.NextKey.N == 0 || s.NextKey.Asks == 0 {
		return s
	}
	s.NextKey.Asks = 0
	s.DueAt = earlier(s.DueAt, later(s.NextKey.askAt(), s.AskAfter))
	s.Revision++
	return s
}

// step writes a transition.
func (s Subscription) step(at time.Time, to Status, event, note string) Subscription {
	s.History = append(slices.Clone(s.History), Step{At: at, From: s.Status, To: to, Event: event, Note: note})
	s.History = s.History[max(0, len(s.History)-historyMax):]
	s.Status = to
	if to == Active || to == PastDue {
		s.Cause = Cause{} // it goes on
	}
	s.DueAt = earlier(earlier(s.DueAt, s.consentDue()), s.noticeDue(at))
	s.Revision++
	return s
}
