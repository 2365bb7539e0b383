package soak

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
)

// Bank is PortOne's billing as its documentation has it, without the wire: there is no idempotency key, charges of one number at the same
// time all take money, a number that was paid is refused, and one that failed may be tried again. It is safe for concurrent use.
type Bank struct {
	Now func() time.Time
	// Outcome decides a charge that has arrived; empty: paid. Otherwise it is the code of a row in package portone's tables: a payment that
	// failed for that reason, or, for BUYER_NOT_REGISTERED, a refusal without a payment.
	Outcome func(number string, nth int) string
	// KeysStay makes deleted keys stay. Sabotage only.
	KeysStay bool

	mu       sync.Mutex
	keys     map[string]bool
	payments map[string][]*Payment // by number
	charges  map[string]int        // arrived, by number
	owners   map[string][]*Payment // by subscription
	all      []*Payment
}

// Payment is one charge that arrived and was not refused out of hand.
type Payment struct {
	Number, Key string
	BillingKey  string
	Amount      int64
	Began       time.Time
	Ended       time.Time // zero while it is at work
	Reason      string    // empty: paid
	Back        bool      // all of it was given back
}

// Captured says that it took money.
func (p Payment) Captured() bool { return !p.Ended.IsZero() && p.Reason == "" }

// NewBank returns a bank without keys.
func NewBank(now func() time.Time) *Bank {
	return &Bank{
		Now: now, Outcome: func(string, int) string { return "" },
		keys: map[string]bool{}, payments: map[string][]*Payment{}, charges: map[string]int{}, owners: map[string][]*Payment{},
	}
}

// Issue makes a billing key exist.
func (b *Bank) Issue(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[name] = true
}

// HasKey says that it exists.
func (b *Bank) HasKey(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys[name]
}

// Keys lists the keys of one subscription that exist.
func (b *Bank) Keys(subscription string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for name := range b.keys {
		if owner, _, _ := strings.Cut(name, "--"); owner == subscription {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Payments returns a copy of all charges in the order in which they came.
func (b *Bank) Payments() []Payment {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Payment, len(b.all))
	for i, p := range b.all {
		all[i] = *p
	}
	return all
}

// of are the charges of one subscription.
func (b *Bank) of(subscription string) []*Payment {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.owners[subscription]
}

// Charge implements payment.Charger: it arrives and ends at once.
func (b *Bank) Charge(_ context.Context, c provider.Charge) provider.Answer {
	p, refusal := b.Begin(c)
	if p == nil {
		return refusal
	}
	return b.End(p)
}

// Begin is the arrival of a charge; without a payment it was refused.
func (b *Bank) Begin(c provider.Charge) (*Payment, provider.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.charges[c.Number]++
	reason := b.Outcome(c.Number, b.charges[c.Number])
	switch {
	case !b.keys[c.BillingKey] || reason == "BUYER_NOT_REGISTERED":
		return nil, refusal("BUYER_NOT_REGISTERED", provider.Declined)
	case captures(b.payments[c.Number]) > 0:
		return nil, refusal("ALREADY_ORDERED", provider.Unknown)
	}
	p := &Payment{
		Number: c.Number, Key: fmt.Sprintf("imps_%012d", len(b.all)+1), BillingKey: c.BillingKey, Amount: c.Amount, Began: b.Now(), Reason: reason,
	}
	b.all = append(b.all, p)
	b.payments[c.Number] = append(b.payments[c.Number], p)
	owner, _, _ := strings.Cut(c.Number, "--")
	b.owners[owner] = append(b.owners[owner], p)
	return p, provider.Answer{}
}

// End carries a charge out.
func (b *Bank) End(p *Payment) provider.Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.Ended = b.Now()
	return answer("charge", p)
}

// Decide makes known what became of the latest charge under a number, which was answered so that nobody could know: a reason, or empty for paid.
func (b *Bank) Decide(number, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of := b.payments[number]; len(of) > 0 {
		p := of[len(of)-1]
		p.Reason, p.Ended = reason, b.Now()
	}
}

// Find implements payment.Finder. A charge at work is not seen.
func (b *Bank) Find(_ context.Context, r provider.Ref) provider.Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	var shown []provider.Shown
	last := refusal("PAYMENT_NOT_FOUND", provider.Absent)
	last.HTTP = 404
	of := b.payments[r.Number]
	if r.Key != "" {
		of = b.all
	}
	for _, p := range of {
		if p.Ended.IsZero() || r.Key != "" && p.Key != r.Key {
			continue
		}
		last = answer("find", p)
		shown = append(shown, last.All...)
	}
	last.Call, last.All, last.Complete = "find-by-order", shown, r.Number != ""
	return last
}

// BillingKey implements payment.KeyFinder.
func (b *Bank) BillingKey(_ context.Context, name string) provider.KeyAnswer {
	if !b.HasKey(name) {
		return provider.KeyAnswer{Answer: refusal("CUSTOMER_NOT_FOUND", provider.Absent)}
	}
	return provider.KeyAnswer{
		Answer: provider.Answer{Verdict: provider.Paid, Call: "billing-key", HTTP: 200, Sent: true},
		Key:    provider.BillingKey{ID: name, IssuedAt: b.Now(), Sandbox: true},
	}
}

// DeleteBillingKey implements payment.KeyDeleter.
func (b *Bank) DeleteBillingKey(_ context.Context, name, _ string) provider.KeyAnswer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.KeysStay {
		delete(b.keys, name)
	}
	return provider.KeyAnswer{Answer: provider.Answer{Verdict: provider.Absent, Call: "delete-billing-key", HTTP: 200, Sent: true}}
}

// Cancel implements payment.Canceler.
func (b *Bank) Cancel(_ context.Context, c provider.Cancel) provider.Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.all {
		if p.Key == c.Key && p.Captured() {
			p.Back = true
			return answer("cancel", p)
		}
	}
	a := refusal("PAYMENT_NOT_FOUND", provider.Absent)
	a.Call = "cancel"
	return a
}

func captures(of []*Payment) int {
	n := 0
	for _, p := range of {
		if p.Captured() {
			n++
		}
	}
	return n
}

func refusal(code string, v provider.Verdict) provider.Answer {
	return provider.Answer{Verdict: v, Call: "charge", HTTP: 200, Code: code, Class: portone.ReasonOf(code).Class(), Sent: true}
}

func answer(call string, p *Payment) provider.Answer {
	a := provider.Answer{
		Verdict: provider.Paid, Call: call, HTTP: 200, Sent: true, Code: p.Reason,
		Payment: provider.Payment{
			Key: p.Key, Number: p.Number, Status: "paid", Amount: p.Amount, Balance: p.Amount, Currency: "KRW", ApprovedAt: p.Ended,
			Sandbox: true, BillingKey: p.BillingKey,
		},
	}
	switch {
	case p.Back:
		a.Payment.Status, a.Payment.Balance, a.Verdict = "cancelled", 0, provider.Refunded
	case p.Reason != "": // as the adapter reads a failed payment: some reasons leave the outcome open
		a.Payment.Status, a.Verdict, a.Class = "failed", provider.Pending, portone.ReasonOf(p.Reason).Class()
		if a.Class.Definitive() {
			a.Verdict = provider.Declined
		}
	}
	return Showing(a)
}

// Showing is an answer that shows the payment it gives, and nothing else.
func Showing(a provider.Answer) provider.Answer {
	if a.Payment.Key != "" {
		a.All = []provider.Shown{{Payment: a.Payment, Verdict: a.Verdict, Code: a.Code}}
	}
	return a
}

// Lost is the answer that did not come.
func Lost(call string, err error) provider.Answer {
	return provider.Answer{Call: call, Code: provider.NoAnswer, Sent: true, Err: err}
}
