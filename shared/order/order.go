// Package order is one order record: what the merchant asked for, the ledger of its money, and the history of what
// happened. It has no I/O, no clock and no context.
//
// What is known about money, and what is done about it, is in package ledger. The record adds what a provider need not
// know, and what follows from the ledger and is stored because conditions, indexes and readers need it: see With.
package order

import (
	"crypto/subtle"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
)

// Status of an order. The zero value is not a status.
type Status = ledger.Status

// The statuses.
const (
	Open       = ledger.Open
	Processing = ledger.Processing
	Paid       = ledger.Paid
	Refunded   = ledger.Refunded
	Failed     = ledger.Failed
	Expired    = ledger.Expired
	Review     = ledger.Review
)

// Statuses lists all of them in the order of the tables.
var Statuses = []Status{Open, Processing, Paid, Refunded, Failed, Expired, Review}

// historyMax is how many entries of its history a record keeps, so that an item's size has a bound.
const historyMax = 32

// AlarmAfter is how long an order may be unclear before a person is told.
const AlarmAfter = time.Hour

// AskPause is the least time between two lookups of one order whose money is unclear, however often the buyer reloads.
const AskPause = 3 * time.Second

// HintPause is the least time between two lookups that webhooks and reloads cause about one order.
const HintPause = time.Second

// OpenGrace is how long after ExpiresAt a window opened in time may still lead to a capture: Toss Payments gives the
// buyer 30 minutes to authenticate and the shop 10 minutes to confirm (docs.tosspayments.com/reference, 2026-11); a
// Toss Pay window may stay open for 60 minutes (PortOne, tosspay_v2 expiredTime). 15 more for clocks that differ and
// for a payment that is still at work.
const OpenGrace = ledger.OpenGrace

// Order is one order record.
type Order struct {
	ID         string
	Provider   string // "toss" or "portone"
	Mode       string // "test" or "live"; of the deployment that made it
	Account    string // whose keys it was made with, in boot's words: other keys prove nothing of it. Empty: not known
	Amount     money.Amount
	Name       string
	Customer   Customer
	Language   string // ko, en, ja or zh
	ReturnURL  string
	Toss       TossOptions
	PortOne    PortOneOptions
	Extras     Extras
	BillingKey string   // what a cycle was last charged with, in the provider's words; empty for an order a buyer pays
	Charging   Charging // of a cycle
	Request    string   // digest of the request that made it; the same request again gets the same order
	LinkToken  string   // random; whoever has it may open the payment page
	CreatedAt  time.Time
	ExpiresAt  time.Time

	Ledger     ledger.Order // what is known about its money
	Unrecorded bool         // a cycle was paid, and its subscription may not have recorded it yet
	AskAfter   time.Time    // nobody else asks the provider before; a lease of a few seconds
	History    []Step       // latest historyMax changes

	// What follows from the ledger: With sets it.
	Status    Status
	Attempt   int        // the number a buyer would pay now, 1 for the first
	Capture   Capture    // the payment that pays the order; zero without one
	Reversals []Reversal // money taken that is not this order's to keep
	DueAt     time.Time  // when the order must be looked at again; zero when nothing more is expected
	Since     time.Time  // since when money may have been taken without an answer; zero: nothing is unclear
	Revision  int64      // +1 with every claim and save; a save names the one it read
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
	PayMethod      string `json:"payMethod,omitempty"` // tosspay, tosspay_card or tosspay_money; empty: tosspay
	UseInstallment bool   `json:"useInstallment,omitempty"`
	// ExpiredTime is yyyy-MM-dd HH:mm:ss in Korea; empty: the provider's 15 minutes.
	ExpiredTime            string `json:"expiredTime,omitempty"`
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"` // GENERAL, CULTURE or PUBLIC_TP
}

// Capture is the payment that pays the order.
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

// Reversal is money a provider took under one of the order's numbers that is not the order's to keep.
type Reversal struct {
	Key       string // the provider's key of the payment
	Attempt   int    // whose number it was taken under
	Amount    int64  // what is left of it, or what it was when all of it is back; in the currency's smallest unit
	Currency  string
	Reason    string // a ledger.Reason
	DecidedAt time.Time
	DoneAt    time.Time // when the provider was first seen to have given it all back; zero: still owed
}

// ReversalDone is what a Step says when the money of a reversal is back.
const ReversalDone = "done"

// Step is one entry of the history.
type Step struct {
	At       time.Time
	From     Status
	To       Status
	Event    string
	Attempt  int
	Note     string
	Reversal string // why money is to be refunded since this step, or ReversalDone; empty: not about such money
	Revision int64  // the record's with the write that added it; 0 until it is stored
}

// Number is what the provider sees as order number in the current attempt.
func (o Order) Number() string { return o.NumberOf(o.Attempt) }

// NumberOf is the number of attempt n.
func (o Order) NumberOf(n int) string {
	number, err := ParseNumber(o.ID)
	if err != nil {
		return o.ID
	}
	number.Attempt = n
	return number.String()
}

// AttemptOf is the attempt of this order that a number names, or 0.
func (o Order) AttemptOf(number string) int {
	n, err := ParseNumber(number)
	if err != nil || n.OrderID() != o.ID {
		return 0
	}
	return n.Attempt
}

// Terms are what the ledger needs of the record. What the deployment says of it (its merchant account, the provider's
// timing, whether late money is kept) is not in them.
func (o Order) Terms() ledger.Terms {
	return ledger.Terms{
		ID:      o.ID,
		Account: ledger.Account{Provider: o.Provider, KeyDigest: o.Account, Live: o.Mode != "test"},
		Amount:  o.Amount.Value, Currency: string(o.Amount.Currency), Name: o.Name,
		Buyer: ledger.Buyer{Name: o.Customer.Name, Email: o.Customer.Email, Phone: o.Customer.Phone},
		Cycle: o.BillingKey != "", CreatedAt: o.CreatedAt, ExpiresAt: o.ExpiresAt,
	}
}

// New returns the order as it is first stored: open, attempt 1, due when no window can lead to a capture any more.
// The caller has validated every field.
func New(o Order) Order {
	o.Ledger = ledger.New(o.Terms())
	o.History = []Step{{At: o.CreatedAt, To: Open, Event: Created, Attempt: 1, Revision: 1}}
	o.Status, o.Revision = Open, 1
	o.follow(o.Ledger)
	return o
}

// NewCycle returns the order of a subscription's cycle as it is first stored: its charge is written, because the
// request that stores it is about to send it. The write's condition that there is no such order makes the charge one.
func NewCycle(o Order, timing ledger.Timing, askAfter time.Time) Order {
	o.ExpiresAt = o.CreatedAt.Add(ledger.CycleLife)
	terms := o.Terms()
	terms.Timing = timing
	l, err := ledger.New(terms).Intend(ledger.Request{
		Kind: ledger.Charge, Attempt: 1, Key: o.BillingKey, At: o.CreatedAt, Amount: o.Amount.Value,
	})
	if err != nil {
		panic("order: a new order takes a charge of its own amount: " + err.Error())
	}
	o.AskAfter = askAfter
	o.History = []Step{{At: o.CreatedAt, To: Processing, Event: Claimed, Attempt: 1, Revision: 1}}
	o.follow(l)
	return o
}

// Recorded returns a cycle's order after its subscription has recorded that it is paid.
func (o Order) Recorded() Order {
	o.Unrecorded = false
	o.Ledger.Revision++
	o.follow(o.Ledger)
	return o
}

// RecordedBy returns a cycle's order whose payment is recorded by the worker that holds the cycle: should it not live
// to do so, the subscription is due itself.
func (o Order) RecordedBy() Order {
	o.Unrecorded = false
	o.follow(o.Ledger)
	return o
}

// Final says that nothing is expected to change by itself any more.
func (o Order) Final() bool { return o.DueAt.IsZero() }

// Closed says that the order is paid, or cannot be paid any more.
func (o Order) Closed() bool { return o.Status != Open && o.Status != Processing }

// WasPaid says that a payment pays the order, whatever became of it later.
func (o Order) WasPaid() bool { return o.Capture.Key != "" }

// Owed returns the first reversal that is not done, or nil.
func (o Order) Owed() *Reversal {
	for _, r := range o.Reversals {
		if r.DoneAt.IsZero() {
			return &r
		}
	}
	return nil
}

// RefusalCode is the provider's code that ended an attempt, or "".
func (o Order) RefusalCode(attempt int) string {
	if attempt < 1 || attempt > len(o.Ledger.Attempts) {
		return ""
	}
	return o.Ledger.Attempts[attempt-1].Code
}

// LinkTokenMatches compares in constant time.
func (o Order) LinkTokenMatches(token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(o.LinkToken), []byte(token)) == 1
}
