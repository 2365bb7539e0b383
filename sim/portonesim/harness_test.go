package portonesim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/simulator/simtest"
)

const (
	order    = "order-0001"
	customer = "sub-01--key1"
	amount   = 9900
	form     = "application/x-www-form-urlencoded"
)

// world is a Sim with a clock that stands still until it is told to move, and
// a token that was fetched at the start.
type world struct {
	simtest.Clock
	t      *testing.T
	sim    *portonesim.Sim
	client *http.Client
	token  string

	mu   sync.Mutex
	sent []hooks.Delivery
}

func newWorld(t *testing.T, o portonesim.Options) *world {
	t.Helper()
	w := &world{t: t}
	if o.Now == nil {
		o.Now = w.Now
	}
	if o.Webhooks == nil {
		o.Webhooks = func(d hooks.Delivery) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.sent = append(w.sent, d)
		}
	}
	w.sim = portonesim.New(o)
	w.client = simtest.Client("/sim/portone", w.sim)
	w.token = w.getToken().text("access_token")
	return w
}

// edit changes an API call before it is sent.
type edit func(*http.Request)

func header(name, value string) edit {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// answer is what came back; err is set when nothing did.
type answer struct {
	status   int
	header   http.Header
	raw      string
	code     float64
	message  string
	response map[string]any // nil unless it is an object
	err      error
}

// text is a field of the response as text.
func (a answer) text(name string) string {
	if a.response[name] == nil {
		return ""
	}
	return fmt.Sprint(a.response[name])
}

func (a answer) String() string { return fmt.Sprintf("%d %s %v", a.status, a.raw, a.err) }

func (w *world) call(method, path, body string, edits ...edit) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "https://sim.example/sim/portone"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
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
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw), err: err, code: -999}
	var envelope struct {
		Code     *float64 `json:"code"`
		Message  *string  `json:"message"`
		Response any      `json:"response"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	_ = dec.Decode(&envelope) // pages and garbage are no JSON
	if envelope.Code != nil {
		a.code = *envelope.Code
	}
	if envelope.Message != nil {
		a.message = *envelope.Message
	}
	a.response, _ = envelope.Response.(map[string]any)
	return a
}

func (w *world) getToken(edits ...edit) answer {
	w.t.Helper()
	body := fmt.Sprintf(`{"imp_key":%q,"imp_secret":%q}`, portonesim.DefaultImpKey, portonesim.DefaultImpSecret)
	return w.call("POST", "/users/getToken", body, edits...)
}

func (w *world) payment(impUID string) answer {
	w.t.Helper()
	return w.call("GET", "/payments/"+impUID+"?include_sandbox=true", "")
}

// charge is again; edits are name, JSON value pairs, where the value "-"
// removes the field.
func chargeBody(edits ...string) string {
	body := map[string]json.RawMessage{
		"customer_uid": json.RawMessage(`"` + customer + `"`), "merchant_uid": json.RawMessage(`"sub-01--c1"`),
		"amount": json.RawMessage("9900"), "name": json.RawMessage(`"월간 이용권"`),
	}
	for pair := range slices.Chunk(edits, 2) {
		body[pair[0]] = json.RawMessage(pair[1])
		if pair[1] == "-" {
			delete(body, pair[0])
		}
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func (w *world) charge(edits ...string) answer {
	w.t.Helper()
	return w.call("POST", "/subscribe/payments/again", chargeBody(edits...))
}

func (w *world) cancel(body string, edits ...edit) answer {
	w.t.Helper()
	return w.call("POST", "/payments/cancel", body, edits...)
}

// windowForm is a valid POST /window; edits are name, value pairs, where the
// value "-" removes the field.
func windowForm(edits ...string) url.Values {
	return simtest.Edited(url.Values{
		"merchant_uid": {order}, "name": {"sample order"}, "amount": {fmt.Sprint(amount)}, "pay_method": {"tosspay"},
		"m_redirect_url": {"http://shop.example/back?a=1"}, "outcome": {"approve"},
	}, edits)
}

// issuance are the edits that make a window issue a key.
func issuance(edits ...string) []string {
	return append([]string{"merchant_uid", customer, "customer_uid", customer, "customer_id", "matthew", "amount", "-"}, edits...)
}

func (w *world) submit(v url.Values) answer {
	w.t.Helper()
	return w.call("POST", "/window", v.Encode(), header("Content-Type", form))
}

// back is the query that a redirect brings to the shop.
func (w *world) back(a answer) url.Values {
	w.t.Helper()
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || to.Host != "shop.example" || to.Path != "/back" || to.Query().Get("a") != "1" {
		w.t.Fatalf("no way back: %v to %v, %v", a, to, err)
	}
	q := to.Query()
	q.Del("a")
	return q
}

var posted = regexp.MustCompile(`<body data-result="([^"]*)" data-origin="([^"]*)">`)

// popup is what a popup posts to its opener; nil if it posts nothing.
func (w *world) popup(a answer) map[string]any {
	w.t.Helper()
	m := posted.FindStringSubmatch(a.raw)
	if a.status != 200 || m == nil {
		w.t.Fatalf("no page that closes: %v", a)
	}
	if m[1] == "" {
		return nil
	}
	var result map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &result); err != nil {
		w.t.Fatal(err)
	}
	return result
}

// approve submits the window and returns the new imp_uid.
func (w *world) approve(edits ...string) string {
	w.t.Helper()
	q := w.back(w.submit(windowForm(edits...)))
	if q.Get("imp_uid") == "" || q.Get("error_code") != "" {
		w.t.Fatalf("approve: %v", q)
	}
	return q.Get("imp_uid")
}

func (w *world) fault(f fault.Fault) {
	w.t.Helper()
	f.Provider = portonesim.Provider
	if err := w.sim.Faults.Set(f); err != nil {
		w.t.Fatal(err)
	}
}

// moved is the ledger in one line: "+9900 -1000".
func (w *world) moved() string { return simtest.Moved(w.sim.Ledger) }

// webhooks are those sent so far, one "address body" each.
func (w *world) webhooks() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, d := range w.sent {
		all = append(all, d.URL+" "+string(d.Body))
	}
	return all
}

func (w *world) wantMoved(want string) {
	w.t.Helper()
	if got := w.moved(); got != want {
		w.t.Errorf("money moved: %q, want %q", got, want)
	}
}

// wantRefused checks an answer without a response.
func (w *world) wantRefused(name string, a answer, status int, code float64, message string) {
	w.t.Helper()
	if a.err != nil || a.status != status || a.code != code || !strings.Contains(a.message, message) || !strings.Contains(a.raw, `"response":null`) {
		w.t.Errorf("%s: %v, want %d %v %s", name, a, status, code, message)
	}
}

// wantFields checks a response; want is name, value pairs.
func (w *world) wantFields(name string, a answer, want ...string) {
	w.t.Helper()
	if a.err != nil || a.status != 200 || a.code != 0 || a.message != "" || a.response == nil {
		w.t.Errorf("%s: %v, want a response", name, a)
		return
	}
	for pair := range slices.Chunk(want, 2) {
		if got := a.text(pair[0]); got != pair[1] {
			w.t.Errorf("%s: %s is %q, want %q", name, pair[0], got, pair[1])
		}
	}
}

func (w *world) wantStatus(impUID, want string) {
	w.t.Helper()
	w.wantFields("status", w.payment(impUID), "status", want)
}

func (w *world) wantViolations(parts ...string) {
	w.t.Helper()
	v := w.sim.Violations()
	ok := len(v) == len(parts)
	for i := range parts {
		ok = ok && strings.Contains(v[i], parts[i])
	}
	if !ok {
		w.t.Errorf("violations %q, want %q", v, parts)
	}
}
