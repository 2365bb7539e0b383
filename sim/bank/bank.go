// Package bank is a payment provider without the wire, in package provider's words: what it holds, what it answers, and which of its answers
// get lost. The soak and the tests of the payment core ask it in place of PortOne or Toss Payments.
package bank

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
)

// Bank charges as PortOne's documentation has it: there is no idempotency key, charges of one number at the same time all take money, a number
// that was paid is refused, and one that failed may be tried again. Its calls are safe for concurrent use; its fields are set between them.
type Bank struct {
	Now func() time.Time
	// Outcome decides a charge that has arrived; empty: paid. Otherwise it is the code of a row in package portone's tables: a payment that
	// failed for that reason, or, for BUYER_NOT_REGISTERED, a refusal without a payment.
	Outcome func(number string, nth int) string
	// KeysStay makes deleted keys stay. Sabotage only.
	KeysStay bool

	Account string // of every payment that names none itself
	Down    bool   // no lookup is answered
	Deaf    string // nor is one by this key
	Late    string // the payment with this key is not shown yet to a lookup by number
	// Before is called when a call arrives, without the lock: "find KEY or NUMBER", "charge NUMBER", "cancel KEY".
	Before func(call string)
	// Instead decides about the nth call of a kind, "charge", "find" or "cancel", with the lock held; nil leaves the answer to the bank.
	Instead map[string]func(nth int) *Reply
	// Record makes Calls keep what arrived.
	Record bool
	Calls  []string

	mu       sync.Mutex
	keys     map[string]bool
	payments map[string]*Payment   // by key
	numbers  map[string][]*Payment // by number
	owners   map[string][]*Payment // by subscription
	all      []*Payment
	came     map[string]int // calls of a kind
	charges  map[string]int // that arrived, by number
}

// Payment is one of the bank's. Its Balance is what was not given back.
type Payment struct {
	provider.Payment
	Began  time.Time
	Ended  time.Time // zero while it is at work: it is shown only if it is Open
	Reason string    // why it failed

	verdict provider.Verdict // whatever was given back since
}

// Reply is an answer in place of the bank's own.
type Reply struct {
	CarriedOut bool // and only the answer is another one
	Answer     provider.Answer
}

// Captured says that it took money.
func (p Payment) Captured() bool { return p.verdict == provider.Paid }

// Back says that it took money, and that all of it was given back.
func (p Payment) Back() bool { return p.Captured() && p.Balance == 0 }

// New returns a bank without keys and payments, where every charge is paid.
func New(now func() time.Time) *Bank {
	return &Bank{
		Now: now, Outcome: func(string, int) string { return "" }, keys: map[string]bool{}, payments: map[string]*Payment{},
		numbers: map[string][]*Payment{}, owners: map[string][]*Payment{}, came: map[string]int{}, charges: map[string]int{},
		Instead: map[string]func(int) *Reply{},
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
		if ownerOf(name) == subscription {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func ownerOf(name string) string {
	owner, _, _ := strings.Cut(name, "--")
	return owner
}

// Payments returns a copy of all payments in the order in which they came.
func (b *Bank) Payments() []Payment {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]Payment, len(b.all))
	for i, p := range b.all {
		all[i] = *p
	}
	return all
}

// Of are the payments of one subscription.
func (b *Bank) Of(subscription string) []*Payment {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.owners[subscription]
}

// Left is what was not given back of a payment.
func (b *Bank) Left(key string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.payments[key]; p != nil {
		return p.Balance
	}
	return 0
}

// Asked counts the recorded calls that begin with a prefix.
func (b *Bank) Asked(prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.Calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// Put writes a payment down as lookups are to show it, in the place of one with the same key and number.
func (b *Bank) Put(v provider.Verdict, p provider.Payment) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.payments[p.Key]
	if old == nil {
		old = &Payment{Payment: p, Began: b.Now()}
		b.keep(old)
	}
	if old.Payment, old.Ended, old.verdict = p, b.Now(), v; tookMoney(v) {
		old.verdict = provider.Paid
	}
}

func (b *Bank) keep(p *Payment) {
	b.payments[p.Key] = p
	b.numbers[p.Number] = append(b.numbers[p.Number], p)
	owner := ownerOf(p.Number)
	b.owners[owner] = append(b.owners[owner], p)
	b.all = append(b.all, p)
}

// call is how a request arrives and what its sender gets.
func (b *Bank) call(op, id string, carryOut func() provider.Answer) provider.Answer {
	if b.Before != nil {
		b.Before(op + " " + id)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.came[op]++
	if b.Record {
		b.Calls = append(b.Calls, op+" "+id)
	}
	var reply *Reply
	if instead := b.Instead[op]; instead != nil {
		reply = instead(b.came[op])
	}
	if reply == nil {
		return carryOut()
	}
	if reply.CarriedOut {
		carryOut()
	}
	a := reply.Answer
	a.Call = op
	return a
}

// Charge implements payment.Charger: it arrives and ends at once.
func (b *Bank) Charge(_ context.Context, c provider.Charge) provider.Answer {
	return b.call("charge", c.Number, func() provider.Answer {
		p, refusal := b.begin(c)
		if p == nil {
			return refusal
		}
		return b.end(p)
	})
}

// Begin is the arrival of a charge that ends later; without a payment it was refused.
func (b *Bank) Begin(c provider.Charge) (*Payment, provider.Answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.begin(c)
}

func (b *Bank) begin(c provider.Charge) (*Payment, provider.Answer) {
	b.charges[c.Number]++
	reason := b.Outcome(c.Number, b.charges[c.Number])
	switch {
	case !b.keys[c.BillingKey] || reason == "BUYER_NOT_REGISTERED":
		return nil, refusal("charge", "BUYER_NOT_REGISTERED", provider.Declined)
	case slices.ContainsFunc(b.numbers[c.Number], func(p *Payment) bool { return p.Captured() }):
		return nil, refusal("charge", "ALREADY_ORDERED", provider.Unknown)
	}
	p := &Payment{Began: b.Now(), Reason: reason, verdict: provider.Pending, Payment: provider.Payment{
		Key: fmt.Sprintf("imps_%012d", len(b.all)+1), Number: c.Number, Status: "ready", Amount: c.Amount, Balance: c.Amount, Currency: "KRW",
		Sandbox: true, BillingKey: c.BillingKey,
	}}
	b.keep(p)
	return p, provider.Answer{}
}

// End carries a charge out.
func (b *Bank) End(p *Payment) provider.Answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.end(p)
}

func (b *Bank) end(p *Payment) provider.Answer {
	p.Ended, p.Open, p.Status, p.verdict = b.Now(), false, "paid", provider.Paid
	p.ApprovedAt = p.Ended
	if p.Reason != "" { // as the adapter reads a failed payment: some reasons leave the outcome open
		p.Status, p.verdict = "failed", provider.Pending
		if portone.ReasonOf(p.Reason).Class().Definitive() {
			p.verdict = provider.Declined
		}
	}
	return answer("charge", b.shown(p))
}

// Decide makes known what became of the latest charge under a number, which was answered so that nobody could know: a reason, or empty for paid.
func (b *Bank) Decide(number, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if of := b.numbers[number]; len(of) > 0 {
		p := of[len(of)-1]
		p.Reason = reason
		b.end(p)
	}
}

// Find implements payment.Finder. Of what is under a number it names the latest that took money, else the latest.
func (b *Bank) Find(_ context.Context, r provider.Ref) provider.Answer {
	return b.call("find", r.Key+r.Number, func() provider.Answer {
		if b.Down || r.Key != "" && r.Key == b.Deaf {
			return Lost("find", errDown)
		}
		a, all, complete := absent("find"), []provider.Shown(nil), r.Number != ""
		for _, p := range b.named(r) {
			if p.Ended.IsZero() && !p.Open || r.Key == "" && p.Key == b.Late {
				continue
			}
			s := b.shown(p)
			all = append(all, s)
			complete = complete && (s.Payment.Issuance || s.Verdict != provider.Unknown)
			if len(all) == 1 || p.Captured() || !tookMoney(a.Verdict) {
				a = answer("find", s)
			}
		}
		a.All, a.Complete = all, complete
		return a
	})
}

func (b *Bank) named(r provider.Ref) []*Payment {
	if r.Key == "" {
		return b.numbers[r.Number]
	}
	if p := b.payments[r.Key]; p != nil {
		return []*Payment{p}
	}
	return nil
}

// Cancel implements payment.Canceler.
func (b *Bank) Cancel(_ context.Context, c provider.Cancel) provider.Answer {
	return b.call("cancel", c.Key, func() provider.Answer {
		p := b.payments[c.Key]
		switch {
		case p == nil || !p.Captured():
			return absent("cancel")
		case p.Balance == 0:
			return provider.Answer{Call: "cancel", HTTP: 400, Code: "ALREADY", Class: provider.ClassAlready, Sent: true}
		case c.Balance != p.Balance || c.Amount > p.Balance:
			return provider.Answer{Call: "cancel", HTTP: 400, Code: "OTHER_BALANCE", Sent: true}
		}
		if p.Balance -= c.Amount; p.Balance == 0 {
			p.Status = "cancelled"
		}
		return answer("cancel", b.shown(p))
	})
}

// BillingKey implements payment.KeyFinder.
func (b *Bank) BillingKey(_ context.Context, name string) provider.KeyAnswer {
	if !b.HasKey(name) {
		return provider.KeyAnswer{Answer: refusal("billing-key", "CUSTOMER_NOT_FOUND", provider.Absent)}
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

// shown is a payment as an answer shows it.
func (b *Bank) shown(p *Payment) provider.Shown {
	s := provider.Shown{Payment: p.Payment, Verdict: p.verdict, Code: p.Reason}
	s.Payment.Account = cmp.Or(p.Account, b.Account)
	switch {
	case !p.Captured():
	case p.Balance == 0:
		s.Verdict = provider.Refunded
	case p.Balance < p.Amount:
		s.Verdict = provider.PartlyRefunded
	}
	return s
}

// answer is one that shows a payment, and nothing else.
func answer(call string, s provider.Shown) provider.Answer {
	a := provider.Answer{
		Verdict: s.Verdict, Call: call, HTTP: 200, Sent: true, Code: s.Code, Payment: s.Payment, All: []provider.Shown{s},
	}
	if s.Code != "" {
		a.Class = portone.ReasonOf(s.Code).Class()
	}
	return a
}

func tookMoney(v provider.Verdict) bool {
	return v == provider.Paid || v == provider.PartlyRefunded || v == provider.Refunded
}

func refusal(call, code string, v provider.Verdict) provider.Answer {
	return provider.Answer{Verdict: v, Call: call, HTTP: 200, Code: code, Class: portone.ReasonOf(code).Class(), Sent: true}
}

func absent(call string) provider.Answer {
	return provider.Answer{
		Verdict: provider.Absent, Call: call, HTTP: 404, Code: "PAYMENT_NOT_FOUND", Class: provider.ClassAbsent, Sent: true,
	}
}

var errDown = errors.New("no route")

// Lost is the answer that did not come.
func Lost(call string, err error) provider.Answer {
	return provider.Answer{Call: call, Code: provider.NoAnswer, Sent: true, Err: err}
}
