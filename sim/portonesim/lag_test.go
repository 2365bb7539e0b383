package portonesim_test

import (
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/portonesim"
)

// TestLookupsLag: a lookup shows what was; a cancel is answered with what is; a list misses the payment that was begun last.
func TestLookupsLag(t *testing.T) {
	t.Parallel()
	var plan lag.Plan
	w := newWorld(t, portonesim.Options{Lag: &plan})
	set := func(l lag.Lag) {
		if err := plan.Set(portonesim.Provider, l); err != nil {
			t.Fatal(err)
		}
	}
	set(lag.Lag{Lookups: 5 * time.Second})
	_, fields := w.open()
	w.Advance(time.Minute)
	fields.Set("outcome", "approve")
	uid := w.back(w.submit(fields)).Get("imp_uid")
	w.wantMoved("+9900")
	number := "/payments/find/" + order
	for _, want := range []string{"ready", "ready", "paid"} {
		w.wantStatus(uid, want)
		w.wantFields("by number", w.call("GET", number, ""), "status", want)
		w.Advance(2500 * time.Millisecond)
	}
	w.wantFields("a cancel", w.cancel(`{"imp_uid":"`+uid+`"}`), "status", "cancelled")
	w.wantStatus(uid, "paid")
	w.Advance(5 * time.Second)
	w.wantStatus(uid, "cancelled")

	set(lag.Lag{Lists: 30 * time.Second})
	other := w.approve("merchant_uid", "order-0002")
	w.wantStatus(other, "paid")
	w.wantRefused("by number", w.call("GET", "/payments/find/order-0002", ""), 404, -1, "")
	if all := w.call("GET", "/payments/status/paid", ""); strings.Contains(all.raw, other) {
		t.Errorf("the list has the newest: %v", all)
	}
	w.Advance(30 * time.Second)
	w.wantFields("by number", w.call("GET", "/payments/find/order-0002", ""), "imp_uid", other)

	set(lag.Lag{Lookups: time.Minute})
	third := w.approve("merchant_uid", "order-0003")
	w.wantRefused("by imp_uid", w.payment(third), 404, -1, "")
	set(lag.Lag{})
	w.wantStatus(third, "paid")
	w.wantViolations()
}
