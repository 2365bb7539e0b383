package world_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// outside is a merchant, a buyer and an auditor who see nothing but addresses: the routes of the bundle, the provider's windows and the
// controls of the simulated world. Its scenarios judge any core behind the same routes, so they name nothing of ours but the world itself.
type outside struct {
	t     *testing.T
	world http.Handler
}

// newOutside builds a world whose providers' webhooks come a second after what they tell of.
func newOutside(t *testing.T, edits ...func(*world.Options)) *outside {
	t.Helper()
	o := world.Options{Base: outsideBase, ReturnURLs: "https://shop.example"}
	o.PortOne.WebhookDelay = time.Second
	for _, edit := range edits {
		edit(&o)
	}
	o.Merchant = specified.Door(t.Errorf)
	w, err := world.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &outside{t, w}
}

// The price of everything, and the address it is sold at.
const (
	outsideBase  = "https://pay.example"
	outsidePrice = 15000
)

// reply is what an address answered.
type reply struct {
	status   int
	location string
	body     string
}

func (x *outside) send(method, path, contentType, body string) reply {
	x.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Accept-Language", "en")
	w := httptest.NewRecorder()
	x.world.ServeHTTP(w, r)
	return reply{w.Code, w.Header().Get("Location"), w.Body.String()}
}

func (x *outside) get(address string) reply { return x.send(http.MethodGet, address, "", "") }

// own is the world itself, where it runs in this process.
func (x *outside) own() *world.World {
	x.t.Helper()
	w, ok := x.world.(*world.World)
	if !ok {
		x.t.Fatal("it is no world of this process")
	}
	return w
}

// control posts to one of the world's controls.
func (x *outside) control(path, body string) {
	x.t.Helper()
	if r := x.send(http.MethodPost, outsideBase+path, testbed.JSON, body); r.status > 299 {
		x.t.Fatalf("%s %s: %d %s", path, body, r.status, r.body)
	}
}

// pass lets time pass: webhooks come and the schedule runs.
func (x *outside) pass(d string) {
	x.t.Helper()
	x.control("/sim/clock", fmt.Sprintf(`{"advance":%q}`, d))
}

// fault plans one; an empty kind takes back what is planned for the operation.
func (x *outside) fault(provider, operation, kind string, times int) {
	x.t.Helper()
	x.control("/sim/faults", fmt.Sprintf(`{"provider":%q,"operation":%q,"fault":%q,"times":%d}`, provider, operation, kind, times))
}

// bill is an order as GET /orders shows it.
type bill struct {
	Status, CheckoutURL string
	Attempt             int
	Payment             *struct {
		Key     string
		Balance int64
	}
}

func (x *outside) order(provider, id, life string) bill {
	x.t.Helper()
	d, err := time.ParseDuration(life)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.bill(x.offers(provider, id, strconv.Itoa(outsidePrice), d))
}

// offers sends an order that can be paid for so long.
func (x *outside) offers(provider, id, amount string, life time.Duration) reply {
	x.t.Helper()
	return x.send(http.MethodPost, outsideBase+"/orders", testbed.JSON, fmt.Sprintf(
		`{"orderId":%q,"provider":%q,"amount":%s,"currency":"KRW","name":"T-shirt","language":"en","expiresAt":%q}`,
		id, provider, amount, x.now().Add(life).Format(time.RFC3339)))
}

func (x *outside) now() time.Time {
	x.t.Helper()
	var clock struct{ Now time.Time }
	x.decode(x.get(outsideBase+"/sim/clock"), &clock)
	return clock.Now
}

func (x *outside) read(id string) bill {
	x.t.Helper()
	return x.bill(x.get(outsideBase + "/orders/" + id))
}

func (x *outside) bill(r reply) (b bill) { x.t.Helper(); x.decode(r, &b); return b }

func (x *outside) decode(r reply, into any) {
	x.t.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil || r.status > 299 {
		x.t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
}

var pageData = regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`)

// tab opens the payment page in a tab and returns the window that its button opens, or nil when the page offers none.
func (x *outside) tab(b bill) map[string]any {
	x.t.Helper()
	m := pageData.FindStringSubmatch(x.get(b.CheckoutURL).body)
	if m == nil {
		return nil
	}
	var data struct{ Window map[string]any }
	if err := json.Unmarshal([]byte(m[1]), &data); err != nil {
		x.t.Fatal(err)
	}
	return data.Window
}

// form is a window's object as PortOne's script hands it over.
func (x *outside) form(window map[string]any, more ...string) url.Values {
	form := url.Values{"mode": {"redirect"}}
	for name, value := range window {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case float64:
			form.Set(name, fmt.Sprintf("%.0f", v))
		default:
			text, err := json.Marshal(v)
			if err != nil {
				x.t.Fatal(err)
			}
			form.Set(name, string(text))
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

var windowSession = regexp.MustCompile(`name="session" value="([^"]*)"`)

// opens lets a buyer press the button: PortOne's window is open, and a payment of it is ready. It returns the payment's imp_uid.
func (x *outside) opens(window map[string]any) string {
	x.t.Helper()
	r := x.get(outsideBase + "/sim/portone/window?" + x.form(window).Encode())
	m := windowSession.FindStringSubmatch(r.body)
	if m == nil {
		x.t.Fatalf("the window did not open: %d %s", r.status, r.body)
	}
	return m[1]
}

// presses ends a window that was opened; outcome is approve, fail or cancel. It returns where the buyer is sent.
func (x *outside) presses(window map[string]any, session, outcome string) string {
	x.t.Helper()
	form := x.form(window, "outcome", outcome, "session", session)
	r := x.send(http.MethodPost, outsideBase+"/sim/portone/window", testbed.Form, form.Encode())
	if r.status != http.StatusSeeOther {
		x.t.Fatalf("PortOne's window: %d %s", r.status, r.body)
	}
	return r.location
}

// approves opens a window and approves it.
func (x *outside) approves(window map[string]any) string {
	x.t.Helper()
	return x.presses(window, x.opens(window), "approve")
}

// card ends Toss Payments' window and returns where the buyer is sent.
func (x *outside) card(window map[string]any, outcome string) string {
	x.t.Helper()
	amount, _ := window["amount"].(map[string]any)
	form := url.Values{"outcome": {outcome}, "language": {"EN"}, "currency": {"KRW"}, "amount": {fmt.Sprintf("%.0f", amount["value"])}}
	for _, name := range []string{"orderId", "orderName", "successUrl", "failUrl"} {
		text, _ := window[name].(string)
		form.Set(name, text)
	}
	r := x.send(http.MethodPost, outsideBase+"/sim/toss/window", testbed.Form, form.Encode())
	if r.status != http.StatusSeeOther {
		x.t.Fatalf("Toss Payments' window: %d %s", r.status, r.body)
	}
	return r.location
}

// title is the heading of the page at an address.
func (x *outside) title(address string) string {
	x.t.Helper()
	return testbed.Answer{Body: x.get(address).body}.Title()
}

// money is what the providers moved under an order's numbers, by number: what they took, and what of it they kept.
func (x *outside) money(id string) (captures int, kept int64) {
	x.t.Helper()
	var ledger struct {
		Entries []struct {
			Kind, OrderID string
			Amount        int64
		}
	}
	x.decode(x.get(outsideBase+"/sim/ledger"), &ledger)
	for _, e := range ledger.Entries {
		if e.OrderID != id && !strings.HasPrefix(e.OrderID, id+"--") {
			continue
		}
		if e.Kind == "capture" {
			captures, kept = captures+1, kept+e.Amount
		} else {
			kept -= e.Amount
		}
	}
	return captures, kept
}

// audit compares the ledger with the order: it is paid once and says so, or nothing is kept and it does not say that it is paid.
func (x *outside) audit(id, status string, captures int) {
	x.t.Helper()
	b := x.read(id)
	taken, kept := x.money(id)
	if b.Status != status || taken != captures {
		x.t.Errorf("%s is %s with %d captures, want %s with %d", id, b.Status, taken, status, captures)
	}
	want, recorded := int64(0), int64(0)
	if b.Payment != nil {
		recorded = b.Payment.Balance
	}
	if status == "paid" {
		want = outsidePrice
	}
	if kept != want || recorded != want {
		x.t.Errorf("%s: %d won are kept and %d recorded, want %d", id, kept, recorded, want)
	}
}
