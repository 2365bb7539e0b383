package portonesim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/wire"
)

// gate is a shop's confirm_url.
type gate struct {
	mu     sync.Mutex
	bodies []string
	status int
	answer string
	takes  time.Duration
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.bodies = append(g.bodies, r.Method+" "+r.Host+r.URL.String()+" "+r.Header.Get("Content-Type")+" "+string(body))
	g.mu.Unlock()
	time.Sleep(g.takes)
	w.WriteHeader(g.status)
	_, _ = io.WriteString(w, g.answer)
}

func (g *gate) asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.bodies)
}

// TestConfirmGate: a window with confirm_url captures after a 200 within 5 s and fails after everything else, with the reason that was given.
func TestConfirmGate(t *testing.T) {
	t.Parallel()
	const noReason = "가맹점의 결제 확인을 받지 못했습니다."
	for _, tc := range []struct {
		name   string
		gate   *gate
		fault  fault.Fault
		o      portonesim.Options
		reason string // empty: it captures
		asked  int
	}{
		{"yes", &gate{status: 200}, fault.Fault{}, portonesim.Options{}, "", 1},
		{"no", &gate{status: 409, answer: `{"reason":"sold out"}`}, fault.Fault{}, portonesim.Options{}, "sold out", 1},
		{"no, without a reason", &gate{status: 400, answer: "<html>"}, fault.Fault{}, portonesim.Options{}, noReason, 1},
		{"another 2xx", &gate{status: 204}, fault.Fault{}, portonesim.Options{}, noReason, 1},
		{"4 s", &gate{status: 200, takes: 4 * time.Second}, fault.Fault{}, portonesim.Options{}, "", 1},
		{"6 s", &gate{status: 200, takes: 6 * time.Second}, fault.Fault{}, portonesim.Options{}, noReason, 1},
		{"6 s, and it waits for 10", &gate{status: 200, takes: 6 * time.Second}, fault.Fault{}, portonesim.Options{ConfirmTimeout: 10 * time.Second}, "", 1},
		{"down", &gate{status: 200}, fault.Fault{Kind: fault.RefuseConnection}, portonesim.Options{}, noReason, 0},
		{"the answer is lost", &gate{status: 200}, fault.Fault{Kind: fault.LoseReply}, portonesim.Options{}, noReason, 1},
		{"the answer is lost, and it asks again", &gate{status: 200}, fault.Fault{Kind: fault.LoseReply}, portonesim.Options{ConfirmTwice: true}, "", 2},
		{"500", &gate{status: 200}, fault.Fault{Kind: fault.InternalError}, portonesim.Options{}, noReason, 0},
		{"a late question", &gate{status: 200}, fault.Fault{Kind: fault.Delay, Delay: 6 * time.Second}, portonesim.Options{}, noReason, 1},
		{"a late answer", &gate{status: 200}, fault.Fault{Kind: fault.Delay, Delay: 6 * time.Second, Moment: fault.After}, portonesim.Options{}, noReason, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				t.Cleanup(func() { time.Sleep(time.Minute) })
				shop := tc.gate
				tc.o.Now, tc.o.Confirm = time.Now, wire.Transport(shop)
				w := newWorld(t, tc.o)
				if tc.fault.Kind != "" {
					tc.fault.Operation = portonesim.OpConfirmGate
					w.fault(tc.fault)
				}
				end := w.back(w.submit(windowForm("confirm_url", "https://shop.example/gate?a=1")))
				time.Sleep(10 * time.Second)
				uid := end.Get("imp_uid")
				status, moved := "failed", []string{}
				if tc.reason == "" {
					status, moved = "paid", []string{"+9900"}
				}
				w.wantFields("after the question", w.payment(uid), "status", status, "fail_reason", tc.reason)
				w.wantMoved(strings.Join(moved, " "))
				if end.Get("error_msg") != tc.reason || (end.Get("error_code") == "") != (tc.reason == "") {
					t.Errorf("the window ended with %v", end)
				}
				if len(shop.asked()) != tc.asked {
					t.Errorf("asked %q, want %d", shop.asked(), tc.asked)
				}
				for _, got := range shop.asked() {
					question, err := json.Marshal(map[string]any{"imp_uid": uid, "merchant_uid": order, "amount": amount})
					head := "POST shop.example/gate?a=1 application/json "
					if err != nil || !strings.HasPrefix(got, head) || !sameJSON(t, got[len(head):], string(question)) {
						t.Errorf("asked %s, %v", got, err)
					}
				}
			})
		})
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y map[string]any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		t.Fatal(err)
	}
	return len(x) == len(y) && x["imp_uid"] == y["imp_uid"] && x["merchant_uid"] == y["merchant_uid"] && x["amount"] == y["amount"]
}

// TestConfirmGateIsAskedOnlyBeforeACapture: a window that is cancelled, declined or expired asks nobody, nor does one that issues a billing key.
func TestConfirmGateIsAskedOnlyBeforeACapture(t *testing.T) {
	t.Parallel()
	shop := &gate{status: 200}
	w := newWorld(t, portonesim.Options{Confirm: wire.Transport(shop)})
	for _, outcome := range []string{"fail", "cancel"} {
		w.submit(windowForm("outcome", outcome, "confirm_url", "https://shop.example/gate"))
	}
	w.approve(append(issuance(), "confirm_url", "https://shop.example/gate")...)
	if len(shop.asked()) != 0 || w.sim.Calls()[portonesim.OpConfirmGate] != 0 {
		t.Errorf("asked %q", shop.asked())
	}
	w.approve("confirm_url", "https://shop.example/gate")
	if w.sim.Calls()[portonesim.OpConfirmGate] != 1 {
		t.Error("not asked")
	}
	w.submit(windowForm("confirm_url", "https://shop.example/gate"))
	if len(shop.asked()) != 1 {
		t.Errorf("asked about a number that is paid: %q", shop.asked())
	}
}
