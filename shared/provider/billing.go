package provider

import "time"

// Charge asks to take money with a billing key, without the buyer. There is no idempotency key but Number itself: the provider refuses a
// second charge under a number that was paid, makes no promise for two at once, and accepts one again after a refusal.
type Charge struct {
	BillingKey string // customer_uid
	Number     string // our order number of the attempt
	Amount     int64  // whole won
	Name       string // of the order, as the buyer's statement shows it
	Customer   Buyer
	TaxFree    int64  // of Amount, bears no value added tax
	VAT        *int64 // of Amount; nil: the provider takes an eleventh of what is taxed
	Receipt    CashReceipt
	FailPush   bool      // the provider's app tells the buyer of a failure
	CardQuota  int       // months of instalments; 0: none
	NotAfter   time.Time // by the wall clock: later the charge must not leave any more; zero: whenever
}

// CashReceipt is what a charge says of its receipt, for means that have one. The zero value leaves it to the provider.
type CashReceipt struct {
	Type        string // person, company, or anonymous, which is none
	TradeOption string // GENERAL, CULTURE or PUBLIC_TP
	None        bool
}

// Buyer is what a provider may be told of the buyer. Never logged.
type Buyer struct{ Name, Email, Phone string }

// Registration tells a provider the amount of an order before its window opens, so that the window refuses another one.
type Registration struct {
	Number string
	Amount int64 // whole won
}

// BillingKey is a stored means of payment, with nothing secret in it.
type BillingKey struct {
	ID         string // customer_uid, ours
	CustomerID string
	Account    string // the merchant account that may charge it
	// OtherGateway is the provider's word for the gateway that issued it when that is not the one we work with; empty when it is.
	OtherGateway string
	Brand        string // the card's or bank's name; may be empty
	Masked       string // the masked number; may be empty
	IssuedAt     time.Time
	UpdatedAt    time.Time
	Sandbox      bool
}

// KeyAnswer is all that is known after one question about a billing key. Verdict is Paid when it exists, Absent when the provider does not
// know it, Unknown otherwise.
type KeyAnswer struct {
	Answer
	Key BillingKey // zero unless Verdict is Paid
}
