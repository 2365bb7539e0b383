package order

import (
	"errors"
	"slices"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
)

// Claim is the buyer's return from the window: the right to ask the provider for the money, given to exactly one
// request. The store checks its conditions again inside the write itself.
type Claim struct {
	OrderID   string
	Provider  string // whose window the buyer came back from
	LinkToken string
	Attempt   int
	Amount    money.Amount // as the redirect says; must be the order's own
	Key       string       // the provider's key of the payment
	At        time.Time
	AskAfter  time.Time // nobody else asks before: the claimer is still at work
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

// Request is the ledger's entry of a claim.
func (c Claim) Request() ledger.Request {
	return ledger.Request{
		Kind: ledger.Confirm, Attempt: c.Attempt, Key: c.Key, At: c.At, Since: c.At, Amount: c.Amount.Value,
	}
}

// Claim returns the order with the confirm written, or a *Refusal: the reference for the store's conditional write.
func (o Order) Claim(c Claim) (Order, error) {
	switch {
	case !o.LinkTokenMatches(c.LinkToken), o.Provider != c.Provider, o.BillingKey != "":
		return o, &Refusal{WrongLink}
	case o.Status != Open:
		return o, &Refusal{NotOpen}
	case o.Attempt != c.Attempt:
		return o, &Refusal{StaleAttempt}
	case o.Amount.Currency != c.Amount.Currency:
		return o, &Refusal{WrongAmount}
	}
	next, err := o.Ledger.Intend(c.Request())
	switch {
	case errors.Is(err, ledger.ErrAmount):
		return o, &Refusal{WrongAmount}
	case err != nil:
		return o, &Refusal{NotOpen}
	}
	next.Revision++
	step := ClaimStep(c)
	step.Revision = next.Revision
	o.History = append(slices.Clone(o.History), step)
	o.AskAfter = c.AskAfter
	o.follow(next)
	o.Status, o.Since, o.DueAt = Processing, c.At, ClaimDue(c) // all that the conditional write knows of the ledger
	return o, nil
}

// ClaimStep is the history entry of a claim. A conditional update cannot trim the history, so it may have one entry
// more than its limit until the next write.
func ClaimStep(c Claim) Step {
	return Step{At: c.At, From: Open, To: Processing, Event: Claimed, Attempt: c.Attempt}
}

// ClaimDue is when a claimed order must be looked at if its claimer never comes back.
func ClaimDue(c Claim) time.Time { return c.At.Add(30 * time.Second) }

// Lease is the right to be the only one to ask the provider about an order for a moment.
type Lease struct {
	OrderID string
	At      time.Time
	Until   time.Time
	Final   bool // also of an order from which nothing more is expected: a webhook may know of a refund
}

// Lease returns the order with the lease taken, or a *Refusal: the reference for the store's conditional write. The
// revision stays: a lease changes nothing that a save could lose.
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
