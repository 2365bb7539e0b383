package payment_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
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
	"tosspay-sam/sim/bank"
)

const account = "gateway.merchant"

// till is one shop's order-1, its table, its bank and what settles it.
type till struct {
	*payment.Settler
	t     *testing.T
	store *memstore.Store
	bank  *bank.Bank
	log   *bytes.Buffer
}

// newTill has order-1 of 15,000 won, open for an hour, at a provider whose window takes the money itself.
func newTill(t *testing.T, edits ...func(*order.Order)) *till {
	t.Helper()
	x := &till{t: t, store: memstore.New(), bank: bank.New(time.Now), log: &bytes.Buffer{}}
	x.bank.Account, x.bank.Record = account, true
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

// put has the bank show a payment of 15,000 won in test mode.
func (x *till) put(key, number string, v provider.Verdict, edits ...func(*provider.Payment)) {
	p := provider.Payment{Key: key, Number: number, Status: v.String(), Amount: 15000, Balance: 15000, Currency: "KRW", Sandbox: true}
	for _, edit := range edits {
		edit(&p)
	}
	x.bank.Put(v, p)
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

// misfit takes money of a wrong amount, of which a webhook tells.
func (x *till) misfit(key, number string) {
	x.t.Helper()
	x.put(key, number, provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
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
		x.t.Errorf("the order is %s in attempt %d, want %s in attempt %d; asked %v", o.Status, o.Attempt, status, attempt, x.bank.Calls)
	}
}

func (x *till) logged(event string) int {
	return strings.Count(x.log.String(), `"event":"`+event+`"`)
}
