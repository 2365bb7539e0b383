package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestRetiredKeys: with the keys that an order was made with before the deployment got others, no money is asked for: no confirm or charge is sent or
// sent again. Lookups are made, and surplus money goes back.
func TestRetiredKeys(t *testing.T) {
	t.Parallel()
	fresh := asks(ledger.Confirm, "key-1", 0)
	for _, tc := range []struct {
		name string
		o    ledger.Order
		v    ledger.Visit
		want ledger.Do // with keys that are not retired
	}{
		{"a confirm without an answer", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", 0, lookedUp(time.Minute))}
		}, atToss), ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}, {Attempt: 1}}}, ledger.Send},
		{"a confirm of its own", made(func(o *ledger.Order) { o.Requests = []ledger.Request{fresh} }, atToss), ledger.Visit{Fresh: &fresh}, ledger.Send},
		{"a charge", made(as, cycle), ledger.Visit{Charge: &ledger.Request{Kind: ledger.Charge, Attempt: 1, Key: "means", Amount: 15000}}, ledger.Send},
	} {
		now := in(2 * time.Minute)
		if got := tc.o.Next(now, tc.v); got.Do != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got.Do, tc.want)
		}
		tc.v.Retired = true
		if got := tc.o.Next(now, tc.v); got.Do == ledger.Send {
			t.Errorf("%s is sent with retired keys", tc.name)
		}
	}
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Second, kept), line("key-2", ledger.Captured, time.Second, surplus)}
	})
	if got := o.Next(in(time.Minute), ledger.Visit{Retired: true}); got.Do != ledger.Send || got.Request.Kind != ledger.Cancel {
		t.Errorf("surplus money: %s %s", got.Do, got.Request.Kind)
	}
}
