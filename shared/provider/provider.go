// Package provider is what can be known about money, in words that belong to no provider.
//
// An adapter translates its provider's words into these; the use cases know only these. Every zero value is the safe answer:
// Unknown, never Declined.
package provider

import (
	"encoding/json"
	"strings"
	"time"
)

// Verdict is what one answer of a provider proves.
type Verdict uint8

// The verdicts. A transport error, a timeout, a 5xx, a 429, an unreadable body and an unlisted code are all Unknown.
const (
	Unknown        Verdict = iota // proves nothing
	Pending                       // the provider has the payment and has not captured it yet; it still may
	Paid                          // captured, and nothing given back
	PartlyRefunded                // captured, part of it given back
	Refunded                      // captured, all of it given back
	Declined                      // refused or expired: captured nothing
	Absent                        // the provider does not know such a payment
)

var verdicts = [...]string{"unknown", "pending", "paid", "partly-refunded", "refunded", "declined", "absent"}

func (v Verdict) String() string {
	if int(v) < len(verdicts) {
		return verdicts[v]
	}
	return "unknown"
}

// Class says what a provider's error code asks of us.
type Class uint8

// The classes. The zero value is for every code that no table lists.
const (
	ClassUnknown     Class = iota // the outcome is unknown: ask
	ClassDeclined                 // definitive: this attempt is dead
	ClassBuyer                    // definitive, and the buyer can do something about it: another card, correct details
	ClassLater                    // definitive now, and the same card may work at another time
	ClassMerchant                 // definitive, and the merchant's contract or request must be mended
	ClassCredentials              // our key was refused before anything was processed: alarm, refetch the secret
	ClassProcessing               // another request for the same payment is at work: wait, then ask
	ClassAlready                  // it was done before: ask and converge
	ClassAbsent                   // no such payment
)

var classes = [...]string{"unknown", "declined", "buyer", "later", "merchant", "credentials", "processing", "already", "absent"}

func (c Class) String() string {
	if int(c) < len(classes) {
		return classes[c]
	}
	return "unknown"
}

// Definitive says that a code of this class, in answer to a call that would take money, means the call took none.
func (c Class) Definitive() bool {
	switch c {
	case ClassDeclined, ClassBuyer, ClassLater, ClassMerchant:
		return true
	}
	return false
}

// Payment is a provider's payment. Amounts are whole won; an adapter that cannot read one as such answers Unknown.
type Payment struct {
	Key               string // the provider's key
	Number            string // our order number, as the provider has it
	Status            string // the provider's own word
	Amount            int64  // of the payment; does not change by refunds
	Balance           int64  // not refunded
	Currency          string // ISO 4217
	TransactionKey    string
	ApprovedAt        time.Time
	Method            string // how it was paid: an order.PaidWith as text
	ReceiptURL        string
	Sandbox           bool // test money
	PartialRefundable bool
	Account           string // the merchant account it was paid to, in the provider's words; empty when the provider does not say
	BillingKey        string // the billing key it was charged with, or that it issued; empty for a one-time payment
	Issuance          bool   // it issued a billing key and took no money: never a paid order
	Open              bool   // it is begun and not decided, so its money may still be taken, however old it is
}

// Question is what a provider asks just before its window captures.
type Question struct {
	Key    string // the provider's key of the payment that would be captured
	Number string // our order number, as the provider has it
	Amount int64  // whole won
}

// Shown is one payment in an answer, with what it proves.
type Shown struct {
	Payment Payment
	Verdict Verdict // Unknown: it cannot be read, or issued a billing key
	Code    string  // why it was declined
}

// Answer is all that is known after one call. Adapters return no error beside it: an error is an answer of verdict Unknown.
type Answer struct {
	Verdict Verdict
	Payment Payment // zero unless the provider gave one
	All     []Shown // every payment the answer shows, none of them chosen
	// Complete: of a lookup by number, All is everything there is under it, and could be read.
	Complete bool
	Call     string // the question, as the log has it: confirm, find, find-by-order, cancel
	HTTP     int    // status of the reply; 0 when none was read
	Code     string // the provider's error code; or NO_ANSWER, UNREADABLE when it gave none
	Class    Class  // of Code
	Digest   string // of the reply's bytes
	TraceID  string // the provider's id of the call
	Sent     bool   // the request may have reached the provider
	Err      error  // the cause when no answer was read; never holds a key or buyer data
}

// Codes of our own for answers without one.
const (
	NoAnswer   = "NO_ANSWER"  // connection refused or lost, timeout
	Unreadable = "UNREADABLE" // an answer that is not what the provider documents
	// OtherAmount: a number to be registered is registered with another amount. Whoever did it may have opened a window with it.
	OtherAmount = "PREPARED_DIFFERENTLY"
)

// Answered says that the provider gave a definite reply, whatever it says.
func (a Answer) Answered() bool { return a.HTTP != 0 }

// Unread is an answer that proves nothing because it did not come, or is not what is documented.
func (a Answer) Unread(err error) Answer {
	a.Err = err
	a.Code = NoAnswer
	if a.Answered() {
		a.Code = Unreadable
	}
	return a
}

// Ref names a payment to ask about: by Key when it is known, else by Number.
type Ref struct {
	Key    string
	Number string
}

// Confirm asks to take the money of an authenticated payment.
type Confirm struct {
	Key            string
	Number         string
	Amount         int64
	IdempotencyKey string
}

// Cancel asks to give money back.
type Cancel struct {
	Key            string
	Amount         int64  // always sent; whole won
	Balance        int64  // what we believe is refundable; a mismatch is refused by the provider
	TaxFree        int64  // of Amount, bears no value added tax
	VAT            *int64 // of Amount; nil: it was not given with the payment
	Reason         string
	IdempotencyKey string
}

// Window is what a page needs to open the provider's payment window.
type Window struct {
	Script      string          // URL of the provider's SDK
	ClientKey   string          // public
	CustomerKey string          // empty for a guest
	Params      json.RawMessage // exactly the object the SDK takes
}

// Place is where a window is opened, and where it comes back to.
type Place struct {
	Base string // public address of the bundle without a final slash
	// Language of the page that opens the window: ko, en, ja or zh. Empty: no page of ours opens it, and the order's counts. When it is not the
	// order's, the return address carries it, so that the next page speaks it, too.
	Language string
}

// Back adds the page's language to a return address, unless it is the order's own.
func (p Place) Back(address, ofOrder string) string {
	switch {
	case p.Language == "" || p.Language == ofOrder:
		return address
	case strings.Contains(address, "?"):
		return address + "&lang=" + p.Language
	}
	return address + "?lang=" + p.Language
}

// Spoken is the language of the window.
func (p Place) Spoken(ofOrder string) string {
	if p.Language == "" {
		return ofOrder
	}
	return p.Language
}

// Timing is how long a provider keeps things open, counted from the buyer's return.
type Timing struct {
	ConfirmWindow time.Duration // the last moment a confirm can succeed; 0 when the provider's window takes the money by itself
	PendingMax    time.Duration // a payment that is still not captured then will not be: the attempt has lapsed
	AbsentMax     time.Duration // the same of a payment the provider does not know
	LookupLag     time.Duration // a lookup may show what was true this long before: not found, or an older status
}

// Hint is what a webhook says: which payment to ask about, and nothing that is believed.
type Hint struct {
	Event  string // the provider's name of the event, for the log
	Number string // our order number; empty when the webhook has none
	Key    string // the provider's key of the payment; empty when the webhook has none
	Status string // the provider's word, for the log
}

// ImpUIDMax is PortOne's documented limit of an imp_uid, in bytes (developers.portone.io/api/rest-v1, Payment.imp_uid,
// 2026-08).
const ImpUIDMax = 32

const impUIDBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

// IsImpUID accepts what can be PortOne's key of a payment: it comes from a redirect or a webhook, and may be anything.
// The prefixes imp_ and imps_ are seen and not documented, so they are not asked for.
func IsImpUID(s string) bool {
	return s != "" && len(s) <= ImpUIDMax && strings.Trim(s, impUIDBytes) == ""
}
