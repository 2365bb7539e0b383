package portonesim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
)

func TestFaultsOfCharge(t *testing.T) {
	t.Parallel()
	const dead = -1
	for _, tc := range []struct {
		kind, moment string
		status       int
		moved        string
	}{
		{fault.LoseReply, "", dead, "+9900"},
		{fault.RefuseConnection, "", dead, ""},
		{fault.InternalError, "", 500, ""},
		{fault.InternalError, fault.After, 500, "+9900"},
		{fault.TooManyRequests, "", 429, ""},
		{fault.TooManyRequests, fault.After, 429, "+9900"},
		{fault.Garbage, "", 200, "+9900"},
		{fault.Garbage, fault.Before, 200, ""},
	} {
		t.Run(tc.kind+" "+tc.moment, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			w.approve(issuance()...)
			w.fault(fault.Fault{Operation: portonesim.OpAgain, Kind: tc.kind, Moment: tc.moment})
			got := w.charge()
			switch {
			case tc.status == dead:
				if !errors.Is(got.err, syscall.ECONNRESET) {
					t.Errorf("got %v, want a dead connection", got)
				}
			case got.err != nil || got.status != tc.status || got.response != nil:
				t.Errorf("got %v, want status %d and no payment", got, tc.status)
			case tc.kind == fault.Garbage && got.code != -999:
				t.Errorf("got readable garbage %v", got)
			}
			w.wantMoved(tc.moved)
			found := w.call("GET", "/payments/findAll/sub-01--c1", "")
			if (found.status == 200) != (tc.moved != "") {
				t.Errorf("found %v, moved %q", found, tc.moved)
			}
			if w.sim.ChargeAttempts("sub-01--c1") != 1 {
				t.Errorf("%d attempts, want 1: a call that came to nothing counts", w.sim.ChargeAttempts("sub-01--c1"))
			}
			w.wantViolations()
		})
	}
}

func TestFaultsOfEveryOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	uid := w.approve()
	w.approve(issuance()...)
	w.charge()
	path := "/subscribe/customers/" + customer
	prepared := `{"merchant_uid":"order-0009","amount":1}`
	for _, op := range []struct {
		name string
		call func() answer
	}{
		{portonesim.OpToken, func() answer { return w.getToken() }},
		{portonesim.OpPayment, func() answer { return w.payment(uid) }},
		{portonesim.OpFind, func() answer { return w.call("GET", "/payments/find/"+order, "") }},
		{portonesim.OpFindAll, func() answer { return w.call("GET", "/payments/findAll/"+order, "") }},
		{portonesim.OpList, func() answer { return w.call("GET", "/payments/status/all", "") }},
		{portonesim.OpPrepare, func() answer { return w.call("POST", "/payments/prepare", prepared) }},
		{portonesim.OpChangePrepare, func() answer { return w.call("PUT", "/payments/prepare", prepared) }},
		{portonesim.OpFindPrepare, func() answer { return w.call("GET", "/payments/prepare/order-0009", "") }},
		{portonesim.OpCancel, func() answer { return w.cancel(`{"imp_uid":"` + uid + `","amount":1}`) }},
		{portonesim.OpCustomerPayments, func() answer { return w.call("GET", path+"/payments", "") }},
		{portonesim.OpCustomer, func() answer { return w.call("GET", path, "") }},
		{portonesim.OpDeleteCustomer, func() answer { return w.call("DELETE", path, "") }},
	} {
		w.fault(fault.Fault{Operation: op.name, Kind: fault.RefuseConnection})
		if got := op.call(); !errors.Is(got.err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, want a dead connection", op.name, got)
		}
		w.fault(fault.Fault{Operation: op.name, Kind: fault.InternalError})
		w.wantRefused(op.name, op.call(), 500, -1, "")
		w.wantFields(op.name+" afterwards", op.call())
	}
	if pending := w.sim.Faults.Pending(); len(pending) != 0 {
		t.Errorf("faults that never happened: %v", pending)
	}
	w.wantMoved("+9900 +9900 -1")
	if w.sim.Faults.Set(fault.Fault{Provider: "portone", Operation: "confirm", Kind: fault.LoseReply}) == nil {
		t.Error("an operation that does not exist was accepted")
	}
}

// A charge is carried out after the delay though the client hung up. Until then
// lookups find nothing, or a payment in ready.
func TestDelayedChargeIsCarriedOutThoughTheClientGaveUp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, moment      string
		showsReady        bool
		atDeadline, found string
	}{
		{"before", fault.Before, false, "", ""},
		{"before, ready", fault.Before, true, "", "ready"},
		{"after", fault.After, false, "+9900", "paid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, portonesim.Options{Now: time.Now, AgainShowsReady: tc.showsReady})
				w.approve(issuance()...)
				w.fault(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Delay, Delay: 40 * time.Second, Moment: tc.moment})
				got := w.call("POST", "/subscribe/payments/again", chargeBody(), func(r *http.Request) {
					ctx, cancel := context.WithTimeout(r.Context(), 12*time.Second)
					t.Cleanup(cancel)
					*r = *r.WithContext(ctx)
				})
				if !errors.Is(got.err, context.DeadlineExceeded) {
					t.Fatalf("got %v, want the client's deadline", got)
				}
				w.wantMoved(tc.atDeadline)
				found := w.call("GET", "/payments/findAll/sub-01--c1", "")
				if tc.found == "" {
					w.wantRefused("meanwhile", found, 404, -1, "")
				} else if list, _ := found.response["list"].([]any); len(list) != 1 || list[0].(map[string]any)["status"] != tc.found {
					t.Errorf("meanwhile %v, want %s", found, tc.found)
				}
				time.Sleep(29 * time.Second)
				w.wantMoved("+9900")
				w.wantFields("afterwards", w.call("GET", "/payments/find/sub-01--c1", ""), "status", "paid")
				w.wantRefused("again", w.charge(), 200, 1, duplicate)
			})
		})
	}
}

// A token that expires while a charge is delayed does not stop it: a 401 is
// decided before anything is done.
func TestTokenExpiresDuringACharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{Sleep: func(context.Context, time.Duration) error { return nil }})
	w.approve(issuance()...)
	w.sim.ExpireTokens()
	w.fault(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Delay, Delay: time.Minute})
	w.wantRefused("expired", w.charge(), 401, -1, "Unauthorized")
	w.wantMoved("")
	w.token = w.getToken().text("access_token")
	w.wantFields("renewed", w.charge(), "status", "paid")
}

func TestFaultsOfWebhooks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind string
		want int
	}{
		{fault.RefuseConnection, 0}, {fault.InternalError, 0}, {fault.TooManyRequests, 0}, {fault.Garbage, 0},
		{fault.LoseReply, 2}, {fault.Delay, 1}, {"", 1},
	} {
		w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
		if tc.kind != "" {
			w.fault(fault.Fault{Operation: portonesim.OpWebhook, Kind: tc.kind, Delay: time.Minute})
		}
		w.approve()
		w.wantMoved("+9900")
		if got := w.webhooks(); len(got) != tc.want {
			t.Errorf("%s: %d webhooks, want %d", tc.kind, len(got), tc.want)
		}
		if tc.kind == fault.Delay && w.sent[0].Delay != time.Minute {
			t.Errorf("delayed by %v", w.sent[0].Delay)
		}
	}
}

// The same seed gives the same answers.
func TestDeterminism(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		w := newWorld(t, portonesim.Options{Seed: seed, ConsoleURL: "https://shop.example/w"})
		w.sim.Faults.Random = fault.Seeded(seed, 0)
		var all []string
		all = append(all, w.token, w.approve(), w.approve(issuance()...))
		for i := range 5 {
			all = append(all, w.charge("merchant_uid", fmt.Sprintf(`"c%d"`, i)).raw)
		}
		all = append(all, w.cancel(`{"merchant_uid":"c1"}`).raw)
		return strings.Join(append(all, w.webhooks()...), "\n")
	}
	if first, again := run(1), run(1); first != again {
		t.Error("the same seed gave different answers")
	}
	if run(1) == run(2) {
		t.Error("different seeds gave the same answers")
	}
}

func TestKeysAreUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{Seed: 3})
	seen := map[string]bool{}
	for i := range 2000 {
		seen[w.approve("merchant_uid", fmt.Sprintf("order-%d", i))] = true
	}
	if len(seen) != 2000 {
		t.Errorf("%d keys for 2000 payments", len(seen))
	}
}
