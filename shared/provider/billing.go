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
	NotAfter   time.Time // by the wall clock: later the charge must not leave any more; zero: whenever
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
	Brand      string // the card's or bank's name; may be empty
	Masked     string // the masked number; may be empty
	IssuedAt   time.Time
	UpdatedAt  time.Time
	Sandbox    bool
}

// KeyAnswer is all that is known after one question about a billing key. Verdict is Paid when it exists, Absent when the provider does not
// know it, Unknown otherwise.
type KeyAnswer struct {
	Answer
	Key BillingKey // zero unless Verdict is Paid
}
