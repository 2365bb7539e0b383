package payment_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/telemetry"
)

const account = "gateway.merchant"

// bank is a provider in our own words: payments, what is left of them, and answers that get lost.
type bank struct {
	mu       sync.Mutex
	payments map[string]provider.Payment // by key; Status is the verdict's name
	calls    []string                    // "find key-1", "find order-1--2", "cancel key-1 15000"
	down     bool                        // no question is answered
	deaf     string                      // nor any about this payment
	// cancel decides about one request to give money back: nil carries it out.
	cancel func(n int, c provider.Cancel) *refusal
	// before is called when a request arrives, without the lock.
	before func(call string)
	// after is called when an answer to a lookup has left the provider and has not arrived yet, without the lock.
	after func(call string)
}

// refusal is how a cancel goes wrong.
type refusal struct {
	carriedOut bool
	answer     provider.Answer
}

func newBank() *bank { return &bank{payments: map[string]provider.Payment{}} }

// put stores a payment of order-1's given number in test mode.
func (b *bank) put(key, number string, v provider.Verdict, edits ...func(*provider.Payment)) {
	p := provider.Payment{Key: key, Number: number, Status: v.String(), Amount: 15000, Balance: 15000, Currency: "KRW", Sandbox: true, Account: account}
	for _, edit := range edits {
		edit(&p)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.payments[key] = p
}

func (b *bank) left(key string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.payments[key].Balance
}

func (b *bank) arrive(call string) {
	if b.before != nil {
		b.before(call)
	}
	b.mu.Lock()
	b.calls = append(b.calls, call)
	b.mu.Unlock()
}

// asked counts the calls that begin with a prefix.
func (b *bank) asked(prefix string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

func verdictOf(p provider.Payment) provider.Verdict {
	for v := provider.Unknown; v <= provider.Absent; v++ {
		if v.String() != p.Status {
			continue
		}
		took := v == provider.Paid || v == provider.PartlyRefunded
		switch {
		case took && p.Balance == 0:
			return provider.Refunded
		case took && p.Balance < p.Amount:
			return provider.PartlyRefunded
		}
		return v
	}
	return provider.Unknown
}

// weight orders the payments of one number: what took money comes before what did not, real money before test money.
func weight(p provider.Payment) (w int) {
	if v := verdictOf(p); v == provider.Paid || v == provider.PartlyRefunded {
		w += 2
	}
	if !p.Sandbox {
		w++
	}
	return w
}

func (b *bank) Find(_ context.Context, r provider.Ref) provider.Answer {
	b.arrive("find " + r.Key + r.Number)
	if b.after != nil {
		defer b.after("find " + r.Key + r.Number)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || r.Key != "" && r.Key == b.deaf {
		return provider.Answer{Call: "find", Code: provider.NoAnswer, Err: errors.New("no route")}
	}
	found, ok := b.payments[r.Key]
	for _, p := range b.payments {
		if r.Key == "" && p.Number == r.Number && (!ok || weight(p) > weight(found)) {
			found, ok = p, true
		}
	}
	if !ok {
		return provider.Answer{
			Verdict: provider.Absent, Call: "find", HTTP: 404, Code: "NOT_FOUND", Class: provider.ClassAbsent, Complete: r.Number != "",
		}
	}
	a := provider.Answer{Verdict: verdictOf(found), Call: "find", HTTP: 200, Payment: found, Complete: r.Number != ""}
	for _, p := range b.payments {
		if p.Key == r.Key || r.Key == "" && p.Number == r.Number {
			a.All = append(a.All, provider.Shown{Payment: p, Verdict: verdictOf(p)})
			a.Complete = a.Complete && (p.Issuance || verdictOf(p) != provider.Unknown)
		}
	}
	return a
}

func (b *bank) Cancel(_ context.Context, c provider.Cancel) provider.Answer {
	b.arrive("cancel " + c.Key)
	n := b.asked("cancel ")
	b.mu.Lock()
	defer b.mu.Unlock()
	var wrong *refusal
	if b.cancel != nil {
		wrong = b.cancel(n, c)
	}
	if wrong != nil && !wrong.carriedOut {
		wrong.answer.Call = "cancel"
		return wrong.answer
	}
	p := b.payments[c.Key]
	switch {
	case p.Balance == 0:
		return provider.Answer{Call: "cancel", HTTP: 400, Code: "ALREADY", Class: provider.ClassAlready}
	case c.Balance != p.Balance || c.Amount > p.Balance:
		return provider.Answer{Call: "cancel", HTTP: 400, Code: "OTHER_BALANCE"}
	}
	p.Balance -= c.Amount
	b.payments[c.Key] = p
	if wrong != nil {
		wrong.answer.Call = "cancel"
		return wrong.answer
	}
	return provider.Answer{Verdict: verdictOf(p), Call: "cancel", HTTP: 200, Payment: p, All: []provider.Shown{{Payment: p, Verdict: verdictOf(p)}}}
}

// till is one shop's order-1, its table, its bank and what settles it.
type till struct {
	*payment.Settler
	t     *testing.T
	store *memstore.Store
	bank  *bank
	log   *bytes.Buffer
}

// newTill has order-1 of 15,000 won, open for an hour, at a provider whose window takes the money itself.
func newTill(t *testing.T, edits ...func(*order.Order)) *till {
	t.Helper()
	x := &till{t: t, store: memstore.New(), bank: newBank(), log: &bytes.Buffer{}}
	x.Settler = &payment.Settler{
		Orders: x.store, Claims: x.store, Now: time.Now, Log: telemetry.New(x.log, "debug"), Wait: sleep,
		Gateways: map[string]payment.Gateway{"portone": {
			Finder: x.bank, Canceler: x.bank, Account: account, Ready: func(context.Context) error { return nil },
			Timing: provider.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute},
		}},
	}
	o := order.Order{
		ID: "order-1", Provider: "portone", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, LinkToken: "link",
		CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}
	for _, edit := range edits {
		edit(&o)
	}
	ctx, cancel := x.door()
	defer cancel()
	if _, err := x.store.Create(ctx, order.New(o)); err != nil {
		t.Fatal(err)
	}
	return x
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// bubble runs a test on a fake clock.
func bubble(t *testing.T, run func(*testing.T)) {
	t.Helper()
	synctest.Test(t, run)
}

func (x *till) door() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.t.Context(), payment.CallMax+payment.SettleKeep)
}

func (x *till) read() order.Order {
	x.t.Helper()
	ctx, cancel := x.door()
	defer cancel()
	o, err := x.store.Get(ctx, "order-1")
	if err != nil {
		x.t.Fatal(err)
	}
	return o
}

// edit changes the stored order, as if other requests had.
func (x *till) edit(f func(*ledger.Order)) {
	x.t.Helper()
	o := x.read()
	l := o.Ledger
	l.Timing = ledger.Timing(x.Gateways["portone"].Timing)
	o.Ledger.Timing = l.Timing
	f(&l)
	l = l.Decide()
	l.Revision++
	ctx, cancel := x.door()
	defer cancel()
	if _, err := x.store.Save(ctx, o.With(l, time.Now())); err != nil {
		x.t.Fatal(err)
	}
}

// finds puts another finder in the bank's place.
func (x *till) finds(f payment.Finder) {
	g := x.Gateways["portone"]
	g.Finder = f
	x.Gateways["portone"] = g
}

// misfit takes money of a wrong amount, of which a webhook tells.
func (x *till) misfit(key, number string) {
	x.t.Helper()
	x.bank.put(key, number, provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
	x.mustHear(key, number)
}

func (x *till) hint(key, number string) error {
	ctx, cancel := x.door()
	defer cancel()
	return x.Hear(ctx, "portone", provider.Hint{Event: "TEST", Key: key, Number: number, Status: "paid"})
}

// keeps says that a webhook was taken and that its payment will be asked about.
func (x *till) keeps(err error, key string) bool {
	o := x.read()
	return err == nil && slices.ContainsFunc(o.Ledger.Requests, func(r ledger.Request) bool { return r.Key == key }) && !o.DueAt.After(time.Now().Add(time.Minute))
}

func (x *till) mustHear(key, number string) {
	x.t.Helper()
	if err := x.hint(key, number); err != nil {
		x.t.Fatalf("webhook of %s %s: %v", key, number, err)
	}
}

func (x *till) back(key string, failed bool) payment.Result {
	x.t.Helper()
	ctx, cancel := x.door()
	defer cancel()
	r, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: "order-1", Key: key, Failed: failed})
	if err != nil {
		x.t.Fatal(err)
	}
	return r
}

// advance is the schedule asking.
func (x *till) advance() order.Order {
	x.t.Helper()
	ctx, cancel := x.door()
	defer cancel()
	o, err := x.Advance(ctx, "order-1")
	if err != nil {
		x.t.Fatal(err)
	}
	return o
}

// due sleeps from due time to due time and asks, until nobody has to any more.
func (x *till) due() order.Order {
	x.t.Helper()
	o := x.read()
	for range 30 {
		if o.Final() || o.Status == order.Open && time.Now().Before(o.DueAt.Add(-time.Minute)) {
			return o
		}
		time.Sleep(time.Until(o.DueAt))
		o = x.advance()
	}
	x.t.Errorf("still %s, due %v, after 30 questions", o.Status, o.DueAt)
	return o
}

func (x *till) want(status order.Status, attempt int) {
	x.t.Helper()
	if o := x.read(); o.Status != status || o.Attempt != attempt {
		x.t.Errorf("the order is %s in attempt %d, want %s in attempt %d; asked %v", o.Status, o.Attempt, status, attempt, x.bank.calls)
	}
}

func (x *till) logged(event string) int {
	return strings.Count(x.log.String(), `"event":"`+event+`"`)
}
