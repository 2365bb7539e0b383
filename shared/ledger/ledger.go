// Package ledger is what is known about the money of one order: values in, values out.
//
// An order keeps its terms, the requests that may move money, and the payments the provider has shown. Nothing else
// is stored about money: status, what is to be refunded and when to look again follow from them.
//
//	Intend   a request is written before it is made
//	Learn    an answer of the provider is merged; the same answers in any order and number give the same order
//	Decide   what follows is written down with it: which payment is kept, which go back, which number is next,
//	         how the order ends
//	Next     the one step to take now
//	Status   what the order is called, and Due, when to look again
//
// Learn only adds knowledge and decides nothing; Decide asks nobody. So an answer may come late, twice, or after a
// newer one, and two processes that learned different things end with the same order whoever writes first.
package ledger

import (
	"slices"
	"time"
)

// Account is the merchant account at a provider, and the key pair, that something was made with. An answer seen
// through another account proves nothing: not an absence, not a refusal, not a mismatch.
type Account struct {
	Provider  string // toss or portone
	Merchant  string // MID, or user code and channel
	KeyDigest string // of the public half of the key pair
	Live      bool   // false: test mode
}

// Timing is how long a provider keeps things open and how far its lookups may be behind.
type Timing struct {
	ConfirmWindow time.Duration // how long after the return a confirm can succeed; 0: the window captures
	PendingMax    time.Duration // what is not captured then will not be
	AbsentMax     time.Duration // the same of a payment the provider does not know
	LookupLag     time.Duration // a lookup may show what was true this long before
}

// Endless is the timing of a provider of which nothing is known: nothing is ever given up because of it.
var Endless = Timing{PendingMax: 100 * year, AbsentMax: 100 * year, LookupLag: 100 * year}

const year = 365 * 24 * time.Hour

// windowCaptures says that the provider's window takes the money without a request of ours.
func (t Timing) windowCaptures() bool { return t.ConfirmWindow == 0 }

// Limits of one order, and the times of the rules.
const (
	AttemptsMax = 20 // a buyer who is refused twenty times is not going to succeed
	SurplusMax  = 8  // an order under which more is taken that is not its own is for a person
	RefundsMax  = 50 // of the merchant, for one order
	linesMax    = 24 // payments that took nothing; an answer that shows more which may be captured is not complete
	noticesMax  = 4  // of payments by key; further ones are looked up by number
	returnsMax  = 4  // the same for buyers' returns

	// ChargeSendMax is the latest after its intent was written that a charge may leave: PortOne has no idempotency
	// key, and a worker that was frozen meanwhile must not charge when somebody else may have been given the cycle.
	ChargeSendMax = time.Minute
	// SearchMax is how long a payment that is only begun may still be captured: PortOne calls a window that was left
	// open begun for ever.
	SearchMax = 24 * time.Hour
	// DoubtMax is how long after a request without an answer its number is looked up once more: what was carried out
	// beyond every bound is found, also when nobody tells of it.
	DoubtMax = 24 * time.Hour
	// LaterMax is how long a merchant's refund is asked for again that the provider refuses for now.
	LaterMax = 7 * 24 * time.Hour
	// OpenGrace is how long after ExpiresAt a window opened in time may still lead to a capture: 60 minutes of a Toss
	// Pay window, 40 of Toss Payments' authentication and confirm, 15 for clocks and for a payment that is still at
	// work.
	OpenGrace = 75 * time.Minute
	// clockSkew is how far the provider's clock may differ from ours.
	clockSkew = 5 * time.Minute
	// clockDoubt is how far clocks may be apart before a payment that seems older than its order is another table's.
	clockDoubt = 30 * time.Minute
)

// Terms are what the merchant asked for, and what does not change.
type Terms struct {
	ID        string
	Account   Account // every request is made through it, and only answers seen through it count
	Amount    int64   // in the currency's smallest unit
	Currency  string
	Name      string // as the buyer's statement shows it
	Buyer     Buyer
	Cycle     bool // charged with a billing key; no buyer is offered a window
	KeepLate  bool // the merchant keeps money that comes after the order has ended
	CreatedAt time.Time
	ExpiresAt time.Time
	Timing    Timing // the provider's; not stored
	// RestoredTo is the time to which the table was restored from a backup; zero: it never was. What was written after
	// it is lost, and may have moved money. Not stored.
	RestoredTo time.Time
	Wanted     Wanted // of a cycle; not stored
}

// Wanted is whether a subscription still wants a cycle's order.
type Wanted uint8

// The answers.
const (
	NotAsked Wanted = iota // whoever settles the order does not know: it does not end
	Yes                    // it gets more time instead of ending
	No                     // it may end
	Never                  // the same, and nobody will charge the cycle again, though its key can be charged
)

// CycleLife is how much more time a cycle's order gets: longer than every dunning timetable.
const CycleLife = 90 * 24 * time.Hour

// extendBefore is longer than a charge can be in doubt without a person being told.
const extendBefore = 24 * time.Hour

// Buyer is what a provider may be told of the buyer. Never logged.
type Buyer struct{ Name, Email, Phone string }

// Over is when no window of the order can lead to a capture any more.
func (t Terms) Over() time.Time { return t.ExpiresAt.Add(OpenGrace) }

// Attempt is one number offered to the provider: attempt n is Attempts[n-1].
type Attempt struct {
	OpenedAt time.Time
	LookedAt time.Time // when the newest lookup by this number was begun that showed everything under it
	Used     bool      // it was refused, or money was taken under it: the next payment needs the next number
	Code     string    // why it was refused
	// DoubtAt is when the newest request under it was written of which the provider never said what it did; zero: none.
	DoubtAt time.Time
}

// Kind of a request.
type Kind uint8

// The kinds. Return, Approval and Notice are somebody else's; the others are made by us.
const (
	Return   Kind = iota + 1 // a buyer is back from a window that captures by itself
	Approval                 // the provider asked before its window captured, and we agreed
	Confirm                  // asks the provider to capture payment Key
	Charge                   // asks it to charge billing key Key
	Notice                   // somebody says there is news of payment Key, or of the attempt
	Cancel                   // asks it to refund all or part of payment Key
)

var kinds = [...]string{"", "return", "approval", "confirm", "charge", "notice", "cancel"}

func (k Kind) String() string { return kinds[k] }

// Reply is what the provider has answered to a request itself. Of several answers to one request the greatest counts.
type Reply uint8

// The replies.
const (
	NoReply   Reply = iota
	Busy            // another request for the same payment is at work
	Unusable        // 5xx, 429, garbage, an unlisted code: it may be kept and given again for the same idempotency key
	Untouched       // refused before anything was processed: our key, or a refund that can only be made later
	Already         // it was done before, or its number is used up
	Refused         // a listed refusal: this request took, or returned, nothing
	Accepted        // it shows the payment captured, or the refund made
)

// Request is something that may move money, or says that somebody moved some. It is written before it is made, and is
// open until an answer that was asked for after it accounts for it.
type Request struct {
	Kind    Kind
	Attempt int
	Key     string // of the payment; of a Charge: the billing key
	Turn    int    // repetitions: each carries its own idempotency key

	At    time.Time // when it was written
	Since time.Time // of the first turn that was sent, or the first of a buyer's returns

	Failed   bool   // of a Return: the redirect names an error
	Canceled bool   // of a Notice: it speaks of a refund
	RefundID string // of a Cancel for the merchant; empty when it returns surplus money
	Reason   string // of a merchant's refund, as the provider shows it
	Amount   int64  // of a Cancel: to be refunded; of an Approval: as the provider says
	Balance  int64  // of a Cancel: what was left before it, which the provider compares

	Reply     Reply
	Code      string
	RepliedAt time.Time
	LookedAt  time.Time // when the newest readable lookup of Key was begun
	Elsewhere bool      // that lookup showed Key as another order's payment
	Outcome   Outcome   // of a merchant's refund: how it ended
}

// Outcome is what became of a request.
type Outcome uint8

// The outcomes.
const (
	Pending Outcome = iota
	Shown           // the payment it speaks of is known, captured or not
	Done            // a refund: it was made
	Denied          // it took, or returned, nothing, and never will
	Lapsed          // it can take nothing any more
)

var outcomes = [...]string{"pending", "shown", "done", "denied", "lapsed"}

func (o Outcome) String() string { return outcomes[o] }

// State is how far the provider has come with a payment. It only grows.
type State uint8

// The states.
const (
	Begun    State = iota + 1 // a window is open, or a payment is authenticated and not captured
	Doubtful                  // failed, for a reason that leaves open whether the money is taken
	Declined                  // took nothing
	Captured
)

var states = [...]string{"", "begun", "doubtful", "declined", "captured"}

func (s State) String() string { return states[s] }

// Role is what a payment is to the order. It is decided once, and written before anything is done about it.
type Role uint8

// The roles.
const (
	NoRole   Role = iota
	Kept          // it pays the order
	Surplus       // it is to be refunded, for the payment's Reason
	Returned      // it was, and all of it is back
	Foreign       // it is not the order's own: neither kept nor refunded
)

var roles = [...]string{"", "kept", "surplus", "returned", "foreign"}

func (r Role) String() string { return roles[r] }

// Reason says why a payment is surplus.
type Reason string

// The reasons.
const (
	Mismatch Reason = "mismatch" // amount, currency or account are not the order's, or it is real money in test mode
	Second   Reason = "second"   // the order is paid by another payment
	Late     Reason = "late"     // captured after the order ended
	GiveBack Reason = "resolved" // a person decided so
)

// Payment is one payment the provider has shown under a number of the order.
type Payment struct {
	Key      string
	Attempt  int
	State    State
	Amount   int64
	Balance  int64 // not refunded; only ever less
	Currency string
	Merchant string // the account it was paid to, as the provider says; empty when it does not
	Test     bool   // test money

	BillingKey     string // it was charged with; empty for a window's
	ApprovedAt     time.Time
	TransactionKey string
	Method         string
	ReceiptURL     string
	Code           string   // why it was declined
	WholeOnly      bool     // it cannot be refunded in parts
	ListsRefunds   bool     // the provider says which refunds were made
	Refunds        []string // ids of the merchant's refunds it lists as made

	KnownAt  time.Time // when the first answer came that showed it as it is
	SeenAt   time.Time // when the newest question was begun that showed it as it is
	BehindAt time.Time // when the newest question was begun that showed less
	Disputed bool      // two answers name different amounts of it
	Resolved bool      // a person has decided about it: what contradicted is known
	Role     Role
	Reason   Reason
}

// End is how an order was closed without, or despite, its payments. It is decided once.
type End string

// The ends.
const (
	NoEnd      End = ""
	EndFailed  End = "failed"
	EndExpired End = "expired"
	EndReview  End = "review"
	EndTaken   End = "taken" // another table or system made its number: nothing under it is the order's
)

// Order is the ledger of one order.
type Order struct {
	Terms
	Attempts  []Attempt
	Requests  []Request // open ones, and the merchant's refunds
	Payments  []Payment
	End       End
	Why       string    // of a review: what contradicts what
	LearnedAt time.Time // when the newest answer came, readable or not

	Resolutions []Resolution // what people decided
	Revision    int64        // +1 with every write; a write names the one it read
}

// New returns an order as it is first stored: its first number is open.
func New(t Terms) Order {
	return Order{Terms: t, Attempts: []Attempt{{OpenedAt: t.CreatedAt}}, Revision: 1}
}

// Current is the number of the attempt that a buyer would pay now.
func (o Order) Current() int { return len(o.Attempts) }

// Paid returns the payment that pays the order, or nil.
func (o Order) Paid() *Payment {
	i := slices.IndexFunc(o.Payments, func(p Payment) bool { return p.Role == Kept })
	if i < 0 {
		return nil
	}
	return &o.Payments[i]
}

// closed says that the order is paid, or has ended.
func (o Order) closed() bool { return o.End != NoEnd || o.Paid() != nil }

// surplus are the payments that are to be refunded and hold money.
func (o Order) surplus() (all []Payment) {
	for _, p := range o.Payments {
		if p.Role == Surplus {
			all = append(all, p)
		}
	}
	return all
}

// Payment returns what is known of a payment, or nil.
func (o Order) Payment(key string) *Payment { return o.payment(key) }

func (o Order) payment(key string) *Payment {
	i := slices.IndexFunc(o.Payments, func(p Payment) bool { return p.Key == key && key != "" })
	if i < 0 {
		return nil
	}
	return &o.Payments[i]
}

// copied returns the order with slices of its own.
func (o Order) copied() Order {
	o.Attempts, o.Requests, o.Payments = slices.Clone(o.Attempts), slices.Clone(o.Requests), slices.Clone(o.Payments)
	return o
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
