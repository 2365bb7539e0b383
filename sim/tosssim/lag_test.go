package tosssim_test

import (
	"testing"
	"time"

	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/tosssim"
)

// TestLookupsLag: a lookup shows what was; a confirm and a cancel are answered with what is; a lookup by number misses the newest payment.
func TestLookupsLag(t *testing.T) {
	t.Parallel()
	var plan lag.Plan
	w := newWorld(t, tosssim.Options{Lag: &plan})
	set := func(l lag.Lag) {
		if err := plan.Set(tosssim.Provider, l); err != nil {
			t.Fatal(err)
		}
	}
	set(lag.Lag{Lookups: 5 * time.Second})
	key := w.approve()
	w.wantStatus(key, "") // not found
	w.Advance(time.Minute)
	if a := w.confirm(key); a.body["status"] != "DONE" {
		t.Errorf("the confirm: %v", a)
	}
	for _, want := range []string{"IN_PROGRESS", "IN_PROGRESS", "DONE"} {
		w.wantStatus(key, want)
		w.Advance(2500 * time.Millisecond)
	}
	if a := w.cancel(key, `{"cancelReason":"test"}`, idem("key-2")); a.body["status"] != "CANCELED" {
		t.Errorf("the cancel: %v", a)
	}
	w.wantStatus(key, "DONE")

	set(lag.Lag{Lists: 30 * time.Second})
	w.wantStatus(key, "CANCELED")
	other := w.approve()
	w.wantStatus(other, "IN_PROGRESS")
	if a := w.call("GET", "/v1/payments/orders/"+order, ""); a.body["paymentKey"] != key {
		t.Errorf("by number: %v", a)
	}
	w.Advance(30 * time.Second)
	if a := w.call("GET", "/v1/payments/orders/"+order, ""); a.body["paymentKey"] != other {
		t.Errorf("by number: %v", a)
	}
	w.wantNoViolations()
}
