package tosssim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/simulator/simtest"
	"tosspay-sam/sim/tosssim"
)

const (
	order  = "order-0001"
	amount = 163020
)

// world is a Sim with a clock that stands still until it is told to move.
type world struct {
	simtest.Clock
	t      *testing.T
	sim    *tosssim.Sim
	client *http.Client
}

func newWorld(t *testing.T, o tosssim.Options) *world {
	t.Helper()
	w := &world{t: t}
	if o.Now == nil {
		o.Now = w.Now
	}
	w.sim = tosssim.New(o)
	w.client = simtest.Client("/sim/toss", w.sim)
	return w
}

// edit changes an API call before it is sent.
type edit func(*http.Request)

func idem(key string) edit {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", key) }
}

func header(name, value string) edit {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func secret(key string) edit {
	return func(r *http.Request) { r.SetBasicAuth(key, "") }
}

// answer is what came back; err is set when nothing did.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
	err    error
}

// is compares status and code; code "" means a Payment object.
func (a answer) is(status int, code string) bool {
	got, _ := a.body["code"].(string)
	isPayment := a.body["paymentKey"] != nil
	return a.err == nil && a.status == status && got == code && isPayment == (code == "")
}

func (a answer) String() string { return fmt.Sprintf("%d %s %v", a.status, a.raw, a.err) }

func (w *world) call(method, path, body string, edits ...edit) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "https://sim.example/sim/toss"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.SetBasicAuth(tosssim.DefaultSecretKey, "")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", "key-1")
	}
	for _, e := range edits {
		e(req)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw), err: err}
	_ = json.Unmarshal(raw, &a.body) // pages and garbage are no JSON
	return a
}

func (w *world) confirm(paymentKey string, edits ...edit) answer {
	w.t.Helper()
	return w.confirmAs(paymentKey, order, amount, edits...)
}

func (w *world) confirmAs(paymentKey, orderID string, won int64, edits ...edit) answer {
	w.t.Helper()
	body := fmt.Sprintf(`{"paymentKey":%q,"orderId":%q,"amount":%d}`, paymentKey, orderID, won)
	return w.call("POST", "/v1/payments/confirm", body, edits...)
}

func (w *world) cancel(paymentKey, body string, edits ...edit) answer {
	w.t.Helper()
	return w.call("POST", "/v1/payments/"+paymentKey+"/cancel", body, edits...)
}

// status is what a lookup by payment key shows.
func (w *world) status(paymentKey string) string {
	w.t.Helper()
	a := w.call("GET", "/v1/payments/"+paymentKey, "")
	status, _ := a.body["status"].(string)
	return status
}

// form is a valid POST /window; edits are name, value pairs, where the value
// "-" removes the field.
func form(edits ...string) url.Values {
	return simtest.Edited(url.Values{
		"orderId": {order}, "orderName": {"sample order"}, "amount": {fmt.Sprint(amount)}, "currency": {"KRW"},
		"successUrl": {"http://shop.example/ok?a=1"}, "failUrl": {"http://shop.example/fail"}, "outcome": {"approve"},
	}, edits)
}

func (w *world) submit(v url.Values) answer {
	w.t.Helper()
	return w.call("POST", "/window", v.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
}

// approve submits the window and returns the new payment key.
func (w *world) approve(edits ...string) string {
	w.t.Helper()
	a := w.submit(form(edits...))
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || to.Query().Get("paymentKey") == "" {
		w.t.Fatalf("approve: %v to %v, %v", a, to, err)
	}
	return to.Query().Get("paymentKey")
}

func (w *world) fault(f fault.Fault) {
	w.t.Helper()
	f.Provider = tosssim.Provider
	if err := w.sim.Faults.Set(f); err != nil {
		w.t.Fatal(err)
	}
}

// moved is the ledger in one line: "+163020 -1000".
func (w *world) moved() string { return simtest.Moved(w.sim.Ledger) }

func (w *world) wantMoved(want string) {
	w.t.Helper()
	if got := w.moved(); got != want {
		w.t.Errorf("money moved: %q, want %q", got, want)
	}
}

func (w *world) want(name string, a answer, status int, code string) {
	w.t.Helper()
	if !a.is(status, code) {
		w.t.Errorf("%s: %v, want %d %s", name, a, status, code)
	}
}

func (w *world) wantStatus(paymentKey, want string) {
	w.t.Helper()
	if got := w.status(paymentKey); got != want {
		w.t.Errorf("status %s, want %s", got, want)
	}
}

func (w *world) wantNoViolations() {
	w.t.Helper()
	if v := w.sim.Violations(); len(v) != 0 {
		w.t.Errorf("violations of a correct client: %q", v)
	}
}
