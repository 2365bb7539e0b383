// Package order is the life of one order: values in, values out. It has no I/O, no clock and no context, so that every rule about
// money can be read, tabled and tested without a provider or a table.
//
//	open ──claim──> settling ──captured──> paid ──refunded──> refunded
//	  ^                │
//	  └───refused──────┘   (the next attempt; or failed, when there is none)
//
// settling means: a provider may have taken money. It is written before the call that may move money, and only the provider's word
// ends it. Facts that contradict each other end in review, where a person decides.
package order

import (
	"cmp"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"tosspay-sam/shared/money"
)

// Status of an order. The zero value is not a status.
type Status string

// The statuses. Only open and settling have a due time.
const (
	Open     Status = "open"     // may be paid
	Settling Status = "settling" // a provider may have taken money; nobody knows yet
	Paid     Status = "paid"     // the provider says so
	Refunded Status = "refunded" // the provider says all of it was given back
	Failed   Status = "failed"   // the provider says the last attempt took nothing, and there is no next one
	Expired  Status = "expired"  // the provider says nothing was taken, and the time to pay is over
	Review   Status = "review"   // facts contradict each other: a person decides
)

// Statuses lists all of them in the order of the tables.
var Statuses = []Status{Open, Settling, Paid, Refunded, Failed, Expired, Review}

// Limits of one order record, so that an item's size has a bound.
const (
	AttemptsMax = 20 // a buyer who is refused twenty times is not going to succeed
	historyMax  = 32
	evidenceMax = 16
)

// settlingDelays are the pauses between questions to the provider about one attempt; after the last one it is asked every hour.
var settlingDelays = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour}

// AlarmAfter is how long an order may be settling before a person is told.
const AlarmAfter = time.Hour

// AskPause is the least time between two questions to the provider about one order, however often the buyer reloads.
const AskPause = 3 * time.Second

// HintPause is the least time between two questions that webhooks cause about one order: a flood of copies costs one question a second.
const HintPause = time.Second

// OpenGrace is how long after ExpiresAt a window opened in time may still lead to a capture: Toss Payments gives the buyer 30 minutes
// to authenticate and the shop 10 minutes to confirm (docs.tosspayments.com/reference, 2026-11); a Toss Pay window may stay open for 60
// minutes (PortOne, tosspay_v2 expiredTime). 15 more for clocks that differ and for a payment that is still at work.
const OpenGrace = 75 * time.Minute

// Order is one order record: what the merchant asked for, where it stands, and why.
type Order struct {
	ID        string
	Provider  string // "toss" or "portone"
	Mode      string // "test" or "live"; of the deployment that made it
	Account   string // whose keys it was made with, in boot's words; what other keys show or refuse says nothing of it. Empty: not known
	Amount    money.Amount
	Name      string
	Customer  Customer
	Language  string // ko, en, ja or zh
	ReturnURL string
	Toss      TossOptions
	PortOne   PortOneOptions
	Extras    Extras
	// BillingKey is the provider's name of the means a subscription's cycle is charged with; empty for an order a buyer pays.
	BillingKey string
	Charging   Charging // of a cycle
	Request    string   // digest of the request that made it; the same request again gets the same order
	LinkToken  string   // random; whoever has it may open the payment page
	CreatedAt  time.Time
	ExpiresAt  time.Time

	Status    Status
	Attempt   Attempt
	Capture   Capture    // zero until paid
	Reversals []Reversal // money taken that is not this order's to keep
	Untold    bool       // a cycle was paid, and whoever found it out may not have told its subscription yet
	Searching bool       // it was closed before the money its attempt asked for was accounted for, which is still looked for
	Hints     []Hint     // payments somebody spoke of that the provider has not shown yet
	DueAt     time.Time  // when the order must be looked at again; zero when it is final
	AskAfter  time.Time  // nobody else asks the provider before; a lease of a few seconds
	HeardAt   time.Time  // when the latest question to the provider was begun whose answer is in this record
	HeardKey  string     // the payment a webhook named that this question was about; empty when it named none
	History   []Step     // latest historyMax transitions
	Evidence  []Evidence
	Revision  int64 // +1 with every claim and save; a save names the one it read
}

// Customer is what the provider's window shows or needs of the buyer. Never logged.
type Customer struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// TossOptions are the choices a merchant has for the Toss Payments window.
type TossOptions struct {
	InternationalCardOnly bool   `json:"useInternationalCardOnly,omitempty"`
	WindowTarget          string `json:"windowTarget,omitempty"` // iframe or self; empty: the SDK's choice
}

// Extras are what both providers' windows take beside the order itself. The zero value leaves each to the provider.
type Extras struct {
	Tax
	AppScheme string // where a bank's or card company's app goes back to: needed in the web view of an app
	Metadata  string // a JSON object of texts, which the provider keeps with the payment
}

// Charging is how a cycle is charged beside its amount. The zero value leaves each to the provider.
type Charging struct {
	ReceiptType string // cash receipt: person, company, or anonymous, which is none
	TradeOption string // of the cash receipt: GENERAL, CULTURE or PUBLIC_TP
	NoReceipt   bool   // no cash receipt at all
	FailPush    bool   // the provider's app tells the buyer of a failed charge
	CardQuota   int    // months of instalments; 0: none
}

// Tax says which parts of an amount are what. Both are in the smallest unit of its currency.
type Tax struct {
	Free     int64 // bears no value added tax
	VAT      int64 // the tax itself,
	GivenVAT bool  // if it was given; else the provider takes an eleventh of what is taxed
}

// PortOneOptions are the choices a merchant has for the Toss Pay window (PortOne V1, tosspay_v2).
type PortOneOptions struct {
	PayMethod              string `json:"payMethod,omitempty"` // tosspay, tosspay_card or tosspay_money; empty: tosspay
	UseInstallment         bool   `json:"useInstallment,omitempty"`
	ExpiredTime            string `json:"expiredTime,omitempty"`            // yyyy-MM-dd HH:mm:ss in Korea; empty: the provider's 15 minutes
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"` // GENERAL, CULTURE or PUBLIC_TP
}

// Attempt is the current try to pay. A next one exists only after this one is proven to have taken nothing.
type Attempt struct {
	N          int       // 1 for the first
	Key        string    // the provider's key of the payment, as the redirect gave it; empty until claimed
	ClaimedAt  time.Time // when settling began; zero until claimed
	Asks       int       // questions that brought no conclusion; chooses the next due time
	Turn       int       // which idempotency key the confirm carries: +1 after a definite but inconclusive answer
	Unanswered bool      // a request with this Turn's key was sent, or may have been, and no definite answer to it was read; or a buyer is back
	// from a window that takes the money by itself, and nobody could say what became of it
	Rejection string // code of a refusal that a lookup has not confirmed yet
}

// Capture is the money taken for the order.
type Capture struct {
	Key            string // the provider's key of the payment
	TransactionKey string
	Attempt        int
	Amount         money.Amount
	Balance        int64 // what is not refunded, in the currency's smallest unit
	ApprovedAt     time.Time
	Method         string // the provider's word for the means, such as a card
	ReceiptURL     string
}

// Evidence is one answer of a provider that moved or held the order.
type Evidence struct {
	At             time.Time
	Attempt        int
	Call           string // the question: confirm, find, find-by-order
	HTTP           int    // 0 when no answer was read
	Status         string // the provider's payment status, if it gave a payment
	Code           string // the provider's error code, if it gave one; or our own word for no answer
	TransactionKey string
	Digest         string // of the answer's bytes
	TraceID        string
}

// Step is one transition in the history.
type Step struct {
	At       time.Time
	From     Status
	To       Status
	Event    string
	Attempt  int
	Note     string
	Reversal string // why money must be given back since this step, or ReversalDone; empty when it is not about such money
	Revision int64  // the record's with the write that added it; 0 until it is stored
}

// Number is what the provider sees as order number in the current attempt.
func (o Order) Number() string { return o.NumberOf(o.Attempt.N) }

// NumberOf is the number of attempt n.
func (o Order) NumberOf(n int) string {
	number, err := ParseNumber(o.ID)
	if err != nil {
		return o.ID
	}
	number.Attempt = n
	return number.String()
}

// Told returns a cycle's order after its subscription has been told that it is paid.
func (o Order) Told() Order {
	o.Untold = false
	if !o.Unsettled() {
		o.DueAt = time.Time{}
	}
	o.Revision++
	return o
}

// Final says that nothing is expected to change by itself any more.
func (o Order) Final() bool { return o.DueAt.IsZero() }

// Unsettled says that the provider has something to say at the due time: what was taken, or what is back.
func (o Order) Unsettled() bool {
	return !o.Closed() || o.Searching || o.Owed() != nil && o.Status != Review || len(o.Hints) > 0
}

// LinkTokenMatches compares in constant time.
func (o Order) LinkTokenMatches(token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(o.LinkToken), []byte(token)) == 1
}

// New returns the order as it is first stored: open, attempt 1, due when no window can lead to a capture any more.
// The caller has validated every field.
func New(o Order) Order {
	o.Status = Open
	o.Attempt = Attempt{N: 1}
	o.DueAt = o.ExpiresAt.Add(OpenGrace)
	o.Revision = 1
	o.History = []Step{{At: o.CreatedAt, To: Open, Event: "created", Attempt: 1, Revision: 1}}
	return o
}

// cycleLife is how long a cycle's order may wait between attempts; longer than every dunning timetable.
const cycleLife = 90 * 24 * time.Hour

// NewCycle returns the order of a subscription's cycle as it is first stored: settling, because the request that stores it is about to
// charge it. The write is the intent, and its condition that there is no such order yet makes the charge one.
func NewCycle(o Order, askAfter time.Time) Order {
	o.Status = Settling
	o.ExpiresAt = o.CreatedAt.Add(cycleLife)
	o.Attempt = Attempt{N: 1, ClaimedAt: o.CreatedAt, Unanswered: true}
	o.AskAfter = askAfter
	o.DueAt = askAfter.Add(settlingDelays[0])
	o.Revision = 1
	o.History = []Step{{At: o.CreatedAt, To: Settling, Event: string(Claimed), Attempt: 1, Revision: 1}}
	return o
}

// Claim is the buyer's return from the window: the right to ask the provider for the money, given to exactly one request.
// Its conditions are checked again by the store inside the write itself.
type Claim struct {
	OrderID    string
	Provider   string // whose window the buyer came back from
	LinkToken  string
	Attempt    int
	Amount     money.Amount // as the redirect says; must be the order's own
	Key        string       // the provider's key of the payment
	BillingKey string       // of a cycle's further attempt: the means the subscription has now
	At         time.Time
	AskAfter   time.Time // nobody else asks before: the claimer is still at work
}

// Reason says why a claim or a lease was refused.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	WrongLink    Reason = "wrong-link"    // treat as: no such order
	NotOpen      Reason = "not-open"      // show the order's true state
	StaleAttempt Reason = "stale-attempt" // the redirect of an attempt that is over
	WrongAmount  Reason = "wrong-amount"  // tampering
	Leased       Reason = "leased"        // somebody else is asking the provider
)

// Refusal is the typed error of Claim and Lease.
type Refusal struct{ Reason Reason }

func (r *Refusal) Error() string { return "order: refused: " + string(r.Reason) }

// Claim returns the order as settling, or a *Refusal. It is the reference for the store's conditional write.
func (o Order) Claim(c Claim) (Order, error) {
	switch {
	case !o.LinkTokenMatches(c.LinkToken), o.Provider != c.Provider:
		return o, &Refusal{WrongLink}
	case (o.BillingKey == "") != (c.BillingKey == ""):
		return o, &Refusal{WrongLink} // a cycle is its worker's to claim, and nothing else is
	case o.Status != Open:
		return o, &Refusal{NotOpen}
	case o.Attempt.N != c.Attempt:
		return o, &Refusal{StaleAttempt}
	case o.Amount != c.Amount:
		return o, &Refusal{WrongAmount}
	}
	step := ClaimStep(c)
	step.Revision = o.Revision + 1
	o.History = append(slices.Clone(o.History), step)
	o.Status = Settling
	o.Attempt.Key = c.Key
	if c.BillingKey != "" {
		o.BillingKey = c.BillingKey
	}
	o.Attempt.ClaimedAt = c.At
	o.Attempt.Unanswered = true // the claimer is about to send
	o.DueAt = ClaimDue(c)
	o.AskAfter = c.AskAfter
	o.Revision++
	return o, nil
}

// ClaimStep is the history entry of a claim. A claim does not trim the history (a conditional update cannot), so it may have one entry more
// than its limit until the next transition.
func ClaimStep(c Claim) Step {
	return Step{At: c.At, From: Open, To: Settling, Event: string(Claimed), Attempt: c.Attempt}
}

// ClaimDue is when a claimed order must be looked at if its claimer never comes back.
func ClaimDue(c Claim) time.Time { return c.At.Add(settlingDelays[0]) }

// Lease is the right to be the only one to ask the provider about an order for a moment.
type Lease struct {
	OrderID string
	At      time.Time
	Until   time.Time
	Final   bool // also of an order from which nothing more is expected: a webhook may know of a refund
}

// Lease returns the order with the lease taken, or a *Refusal. It is the reference for the store's conditional write. The revision
// stays: a lease changes nothing that a save could lose.
func (o Order) Lease(l Lease) (Order, error) {
	switch {
	case o.Final() && !l.Final:
		return o, &Refusal{NotOpen}
	case o.AskAfter.After(l.At):
		return o, &Refusal{Leased}
	}
	o.AskAfter = l.Until
	return o, nil
}

// Hear returns the order with the time and the payment of a question that changed nothing else.
func (o Order) Hear(asked time.Time, key string) Order {
	o.HeardAt, o.HeardKey = asked, key
	o.Revision++
	return o
}

// Extend returns a cycle's order that waits for its next attempt, with as much time again: its subscription still wants it.
func (o Order) Extend(at time.Time) Order {
	o.ExpiresAt = at.Add(cycleLife)
	o.DueAt = soonest(o.ExpiresAt.Add(OpenGrace), o.hintDue())
	o.Revision++
	return o
}

// Intend returns the order with the intent to send the confirm again with the key of the given turn. It is saved before the call, like
// every intent: a crash after it must not look like a call that was never made.
func (o Order) Intend(turn int) Order {
	o.Attempt.Turn = turn
	o.Attempt.Unanswered = true
	o.Revision++
	return o
}

// Repeat is Intend for a charge, whose provider has no idempotency key: it counts from now how long the charge may still be at work.
func (o Order) Repeat(turn int, at time.Time) Order {
	o = o.Intend(turn)
	o.Attempt.ClaimedAt, o.Attempt.Rejection = at, ""
	return o
}

// Kind of an event.
type Kind string

// The events. All but Claimed and Announced are a provider's word.
const (
	Claimed        Kind = "claimed"         // the buyer came back from the window, and this request may ask for the money
	Announced      Kind = "announced"       // the buyer came back from a window that takes the money itself; the provider has not said so yet
	Captured       Kind = "captured"        // the money was taken: our number, amount and currency
	PartlyRefunded Kind = "partly-refunded" // it was taken and part of it was given back
	FullyRefunded  Kind = "refunded"        // it was taken and all of it was given back
	Refused        Kind = "refused"         // this attempt took nothing and never will
	Lapsed         Kind = "lapsed"          // the time to take it is over and it was not taken
	Mismatched     Kind = "mismatched"      // money was taken that does not fit the order
	Irreversible   Kind = "irreversible"    // the provider will not give back what must be given back
	Doubtful       Kind = "doubtful"        // no conclusion
	Searched       Kind = "searched"        // what the attempt of a closed order asked for has been taken, and is known, or never will be
)

// Kinds lists all of them in the order of the tables.
var Kinds = []Kind{Claimed, Announced, Captured, PartlyRefunded, FullyRefunded, Refused, Lapsed, Mismatched, Irreversible, Doubtful, Searched}

// Event is one thing that happened to an order. At and Attempt are always set.
type Event struct {
	Kind     Kind
	At       time.Time
	Attempt  int
	Evidence []Evidence
	Capture  Capture       // of Captured, PartlyRefunded, FullyRefunded, Mismatched and Irreversible
	Asked    time.Time     // when the question was begun
	AskedKey string        // the payment a webhook named; empty for every other question
	NoAnswer bool          // of Doubtful: the provider did not answer, so an open order is asked about again soon
	LastLook time.Duration // windows that were opened before the order was paid may take money for so long: its numbers are looked up once more then
	KeepLate bool          // the merchant keeps money that comes after the order was closed, instead of giving it back
	More     bool          // of Refused and Lapsed: a subscription still wants the order, which gets more time instead of ending
	Answered bool          // it is the answer to the attempt's charge itself
	OwnKey   bool          // of a cycle: the payment was made with the attempt's billing key, which no window can
	All      bool          // the answer shows every payment under the current number, and all of them are decided
	Of       string        // of Refused: the payment that was refused, if the answer showed one
	Hint     Hint          // a payment that was named and that the answer does not show: kept in the same write
	Search   bool          // of Doubtful: the question was what a closed order's attempt has taken
	Next     Attempt       // of Doubtful, and its Turn of Refused and Lapsed: what the attempt must remember (Turn, Unanswered, Rejection)
}

// Apply returns the order after the event, or an error that names the pair when the event cannot happen in this status through Apply:
// a claim goes through Claim. Apply never fails for a provider's word: whatever it says is recorded.
func (o Order) Apply(e Event) (Order, error) {
	if e.Kind == Claimed {
		return o, fmt.Errorf("order: %s cannot be applied, it must be claimed", e.Kind)
	}
	if !slices.Contains(Kinds, e.Kind) || !slices.Contains(Statuses, o.Status) {
		return o, fmt.Errorf("order: no rule for %q in status %q", e.Kind, o.Status)
	}
	if o.Searching && e.Kind == Refused && e.Answered && e.Attempt == o.Attempt.N && e.Next.Turn >= o.Attempt.Turn {
		e.Kind = Searched // the charge's own answer; what the order was paid with is another payment
	}
	if o.outdated(e) || (e.Kind == Searched || e.Search) && !o.Searching {
		return o, nil
	}
	if e.More && (e.Kind == Refused || e.Kind == Lapsed) && !o.Closed() && o.over(e.At) {
		o.ExpiresAt = e.At.Add(cycleLife)
	}
	to := next(o, e)
	if to == o.Status && !o.changedBy(e, to) {
		return o, nil
	}
	return o.move(e, to), nil
}

// changedBy says whether an event that leaves the status alone has anything to record.
func (o Order) changedBy(e Event, to Status) bool {
	switch {
	case to == Open || to == Settling || e.Kind == Searched || e.Search:
		return true
	case o.Reversed(e.Capture.Key):
		return to == Review
	case o.owes(e) != "" || o.pending(e.Capture.Key) >= 0:
		return true
	case e.Kind == Doubtful:
		return o.Owed() != nil
	case to == Paid:
		return e.Capture.Key == o.Capture.Key && (e.Capture.Balance < o.Capture.Balance || e.Capture.Balance > o.Capture.Balance && !o.stale(e))
	}
	return to == Review
}

// outdated says that an answer is of the time before the attempt was claimed, because whoever asked did not know of the claim: that no money
// was seen then says nothing of what is being asked for now. No clocks are compared.
func (o Order) outdated(e Event) bool {
	switch e.Kind {
	case Refused, Lapsed, Doubtful:
		return o.Status == Settling && e.Attempt == o.Attempt.N && e.Next.ClaimedAt.UnixMilli() != o.Attempt.ClaimedAt.UnixMilli()
	}
	return false
}

// stale says that the event's question was begun no later than another one whose answer the record holds already: it may show what is past.
func (o Order) stale(e Event) bool { return !e.Asked.IsZero() && !e.Asked.After(o.HeardAt) }

// next is the whole state machine; docs/money-safety.md shows it as a table made by a test. Money that is not the order's to keep does not
// change what the order is: it is owed, and given back beside it.
func next(o Order, e Event) Status {
	current := e.Attempt == o.Attempt.N
	if o.Status == Review || e.Kind == Irreversible {
		return Review
	}
	if o.Reversed(e.Capture.Key) {
		if e.Capture.Balance > 0 && !o.stale(e) && !o.beforeReversal(e) {
			return Review // given back, and there again
		}
		return o.Status // told again
	}
	if reason := o.owes(e); reason != "" {
		switch {
		case len(o.Reversals) >= reversalsMax:
			return Review
		case o.Status == Open:
			return Settling // until it is given back, nobody shall pay a second time
		}
		return o.Status
	}
	if o.pending(e.Capture.Key) >= 0 {
		return nextOwed(o, e)
	}
	if e.Kind == Mismatched && e.Capture.Balance <= 0 && e.Capture.Key != o.Capture.Key {
		return o.afterGone(e, current) // money that did not fit came, and went again without us
	}
	switch o.Status {
	case Open:
		return nextOpen(o, e, current)
	case Settling:
		return nextSettling(o, e, current)
	case Paid, Refunded:
		return nextCaptured(o, e)
	}
	return nextClosed(o, e)
}

// nextOwed: the money of one reversal is still there, or is back. The next attempt begins when all of it is back.
func nextOwed(o Order, e Event) Status {
	back := e.Kind == FullyRefunded || e.Kind == Mismatched && e.Capture.Balance <= 0
	switch {
	case !back || o.Status != Settling || o.owedCount() != 1:
	case o.spent() && o.nothingElse(e):
		return o.afterRefusal(e, true)
	case o.waits():
		return Open
	}
	return o.Status
}

// spent says that money which is not the order's to keep was taken under the current number.
func (o Order) spent() bool {
	return slices.ContainsFunc(o.Reversals, func(r Reversal) bool { return r.Attempt == o.Attempt.N })
}

// waits says that the current attempt of a cycle is still to be made: the order is settling only because money of another number is to be
// given back.
func (o Order) waits() bool {
	return o.BillingKey != "" && !o.Attempt.Unanswered && o.Attempt.Turn == 0 && o.Attempt.Rejection == "" && !o.spent()
}

// nothingElse says that no other payment than the event's was claimed for the attempt: one that was may still have taken money.
func (o Order) nothingElse(e Event) bool {
	if o.BillingKey != "" {
		return e.Answered || !o.Attempt.Unanswered // a charge is claimed by its number
	}
	return !o.claimedAnother(e) && !o.returnedUnseen(e)
}

// returnedUnseen says that a buyer is back from a window that takes the money by itself, and that the event does not say what became of it: it
// is about some payment under the number, and any may be that window's.
func (o Order) returnedUnseen(e Event) bool {
	return o.BillingKey == "" && o.Attempt.Key == "" && o.Attempt.Unanswered && !e.All
}

// announces says that the event is news: the order is settling for other money, and now a buyer is back from a window of its attempt.
func (o Order) announces(e Event) bool {
	return e.Attempt == o.Attempt.N && o.BillingKey == "" && o.Attempt.Key == "" && !o.Attempt.Unanswered
}

// claimedAnother says that the attempt was claimed for another payment than the event's, and nobody knows yet what that one took: two may hold
// money, and the claimed one is the order's.
func (o Order) claimedAnother(e Event) bool {
	return o.BillingKey == "" && o.Attempt.Key != "" && o.Attempt.Key != e.Capture.Key && !o.Listed(o.Attempt.Key)
}

// leftInDoubt says that the event which closes a settling order does not account for the money its attempt asked for: that may be taken, too, or
// may still be.
func (o Order) leftInDoubt(e Event) bool {
	if o.BillingKey != "" { // PortOne promises nothing for two requests at once under one number, but only the charge has the key (V1 OpenAPI)
		own := e.Answered || e.OwnKey && o.Attempt.Turn == 0
		return (o.Attempt.Unanswered || o.Attempt.Turn > 0) && !(own && e.Attempt == o.Attempt.N)
	}
	return o.claimedAnother(e) || o.returnedUnseen(e)
}

// afterGone: the attempt's money is gone again, so the attempt is over.
func (o Order) afterGone(e Event, current bool) Status {
	if o.Status == Open || o.Status == Settling && o.Owed() == nil && o.nothingElse(e) {
		return o.afterRefusal(e, current)
	}
	return o.Status
}

func nextOpen(o Order, e Event, current bool) Status {
	switch e.Kind {
	case Announced:
		if current {
			return Settling
		}
	case Captured, PartlyRefunded:
		return Paid // the provider's word counts also when it comes before the buyer
	case FullyRefunded:
		return Refunded
	case Refused:
		return o.afterRefusal(e, current)
	case Lapsed:
		if current && o.over(e.At) { // else it was given more time meanwhile
			return Expired
		}
	}
	return Open
}

func nextSettling(o Order, e Event, current bool) Status {
	switch e.Kind {
	case Captured, PartlyRefunded:
		return Paid
	case FullyRefunded:
		if current && !o.claimedAnother(e) {
			return Refunded
		}
	case Refused, Lapsed:
		if o.Owed() == nil && e.Next.Turn >= o.Attempt.Turn {
			return o.afterRefusal(e, current)
		}
	}
	return Settling
}

func nextCaptured(o Order, e Event) Status {
	same := e.Capture.Key == o.Capture.Key
	switch e.Kind {
	case Captured, PartlyRefunded:
		if same && o.Status == Refunded && e.Capture.Balance > 0 && !o.stale(e) {
			return Review // it was given back, and is there again
		}
	case FullyRefunded:
		if same {
			return Refunded
		}
	case Mismatched:
		return Review // the payment this order was paid with no longer fits it
	case Refused, Lapsed:
		own := e.Of == o.Capture.Key || e.Of == "" && !o.Searching // of another payment, a refusal says nothing of the one that was taken
		if own && e.Attempt == o.Capture.Attempt && e.Next.Turn >= o.Attempt.Turn && !o.stale(e) && (e.Asked.IsZero() || !e.Asked.Before(o.since())) {
			return Review // the provider said paid, and now says it never was
		}
	}
	return o.Status
}

func nextClosed(o Order, e Event) Status {
	switch e.Kind {
	case Captured, PartlyRefunded:
		return Paid // kept: owes has said so
	case FullyRefunded:
		return Refunded
	}
	return o.Status
}

// over says that no window of the order can lead to a capture any more.
func (o Order) over(at time.Time) bool { return !at.Before(o.ExpiresAt.Add(OpenGrace)) }

// since is when the order came to its status, as far as the history tells.
func (o Order) since() time.Time {
	for _, step := range slices.Backward(o.History) {
		if step.To == o.Status && step.From != o.Status {
			return step.At
		}
	}
	return time.Time{}
}

// afterRefusal: a refused attempt opens the order for the next one while there is time and an attempt left.
func (o Order) afterRefusal(e Event, current bool) Status {
	if !current {
		return o.Status
	}
	if o.Attempt.N >= AttemptsMax {
		return Failed
	}
	if o.over(e.At) {
		if e.Kind != Refused {
			return Expired
		}
		return Failed
	}
	return Open
}

// move writes the transition into the record.
func (o Order) move(e Event, to Status) Order {
	from := o.Status
	o.Evidence = trimmed(o.Evidence, e.Evidence, evidenceMax)
	before := o.Reversals
	o = o.owing(e)
	switch {
	case from == Settling && to == Open && e.Attempt != o.Attempt.N && o.waits():
		o.Attempt = Attempt{N: o.Attempt.N}
	case from == Settling && to == Open, from == Open && to == Open && (e.Kind == Refused || e.Kind == Mismatched) && e.Attempt == o.Attempt.N:
		o.Attempt = Attempt{N: o.Attempt.N + 1}
	case e.Kind == Announced && from == Open && to == Settling:
		o.Attempt.Key, o.Attempt.ClaimedAt, o.Attempt.Unanswered = e.Capture.Key, e.At, true
	case e.Kind == Announced && to == Settling && o.announces(e):
		o.Attempt.ClaimedAt, o.Attempt.Unanswered = e.At, true // money to give back came before the buyer, who is here now
	case from == Open && to == Settling:
		o.Attempt.ClaimedAt = e.At // money to give back came before the buyer
	case e.Kind == Searched:
		o.Searching = false
	case from == Settling && (to == Paid || to == Refunded || to == Review):
		o.Searching = o.leftInDoubt(e)
	case e.Kind == Doubtful && e.Attempt == o.Attempt.N:
		o.Attempt.Asks++
		switch next := e.Next; { // of an earlier turn: somebody else has learned more meanwhile
		case next.Turn > o.Attempt.Turn:
			o.Attempt.Turn, o.Attempt.Unanswered = next.Turn, next.Unanswered
		case next.Turn == o.Attempt.Turn: // what was answered meanwhile stays answered
			o.Attempt.Unanswered = o.Attempt.Unanswered && next.Unanswered
		}
		if e.Next.Rejection != "" {
			o.Attempt.Rejection = e.Next.Rejection
		}
	}
	if e.Answered && to == Settling && e.Attempt == o.Attempt.N {
		o.Attempt.Unanswered, o.Attempt.Rejection = false, cmp.Or(o.Attempt.Rejection, note(e), "ANSWERED") // its number is used up
	}
	if o.adopts(e, to) {
		o.Capture = e.Capture
		o.Capture.Attempt = e.Attempt
	}
	if captured := to == Paid || to == Refunded; captured && from != Paid && from != Refunded {
		o.Untold = o.BillingKey != "" && !e.Answered // who sent the charge holds the cycle, which is due until they have told it
		o = o.lookAgain(e)
	}
	o.Status = to
	if rest := e.At.Add(HintPause); o.AskAfter.After(rest) {
		o.AskAfter = rest
	}
	if e.Kind == Doubtful {
		o.AskAfter = e.At.Add(AskPause)
	}
	if e.Asked.After(o.HeardAt) && !e.NoAnswer {
		o.HeardAt, o.HeardKey = e.Asked, e.AskedKey
	}
	o.DueAt = o.dueAfter(e)
	if from != to || e.Kind != Doubtful {
		o.History = trimmed(o.History, []Step{{
			At: e.At, From: from, To: to, Event: string(e.Kind), Attempt: e.Attempt, Note: note(e), Reversal: reversalStep(before, o.Reversals),
		}}, historyMax)
	}
	o.Revision++
	return o
}

// adopts says that the event's capture is the one this order was paid with.
func (o Order) adopts(e Event, to Status) bool {
	if e.Capture.Key == "" || o.pending(e.Capture.Key) >= 0 || o.Reversed(e.Capture.Key) {
		return false
	}
	return to == Paid || to == Refunded || to == Review && o.Capture.Key == ""
}

// dueAfter is the due time in the status the order now has.
func (o Order) dueAfter(e Event) time.Time { return soonest(o.statusDue(e), o.hintDue()) }

func (o Order) statusDue(e Event) time.Time {
	later := e.At.Add(settlingDelays[min(o.Attempt.Asks, len(settlingDelays)-1)])
	if r := o.Owed(); r != nil && o.Status != Review {
		back := e.At.Add(settlingDelays[min(r.Asks, len(settlingDelays)-1)])
		if o.Searching && later.Before(back) {
			return later
		}
		return back
	}
	switch o.Status {
	case Open:
		if due := o.ExpiresAt.Add(OpenGrace); due.After(e.At) && !(e.Kind == Doubtful && e.NoAnswer && later.Before(due)) {
			return due
		}
		return later
	case Settling:
		return later
	}
	switch {
	case o.Searching:
		return later
	case o.Untold:
		return e.At.Add(settlingDelays[0])
	}
	return time.Time{}
}

// WasPaid says that the provider has said so, whatever became of it later.
func (o Order) WasPaid() bool {
	return o.Status == Paid || o.Status == Refunded ||
		o.Status == Review && slices.ContainsFunc(o.History, func(s Step) bool { return s.To == Paid || s.To == Refunded })
}

// Closed says that the order is paid, or cannot be paid any more.
func (o Order) Closed() bool { return o.Status != Open && o.Status != Settling }

func note(e Event) string {
	if len(e.Evidence) == 0 {
		return ""
	}
	last := e.Evidence[len(e.Evidence)-1]
	if last.Code != "" {
		return last.Code
	}
	return last.Status
}

// trimmed appends to a copy and keeps the latest limit entries.
func trimmed[T any](old, added []T, limit int) []T {
	all := append(slices.Clone(old), added...)
	return all[max(0, len(all)-limit):]
}
