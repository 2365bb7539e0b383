package testbed

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/sim/world"
)

// The media types of requests.
const (
	JSON = "application/json"
	Form = "application/x-www-form-urlencoded"
)

// Client sends requests to a handler, which it knows nothing else of: a world, or one process of it.
type Client struct {
	T       *testing.T
	Handler http.Handler
}

// At is a client of another handler.
func (c Client) At(h http.Handler) Client { return Client{c.T, h} }

// Request is one whose sender reads English. An address that begins with a slash is one of Base.
func Request(method, address, media, body string) *http.Request {
	if strings.HasPrefix(address, "/") {
		address = Base + address
	}
	r := httptest.NewRequest(method, address, strings.NewReader(body))
	r.Header.Set("Accept-Language", "en")
	if method != http.MethodGet {
		r.Header.Set("Content-Type", media)
	}
	return r
}

// Post is a request with JSON.
func Post(address, body string) *http.Request { return Request(http.MethodPost, address, JSON, body) }

// Send is how every request is sent.
func (c Client) Send(r *http.Request) Answer {
	started := time.Now()
	w := httptest.NewRecorder()
	c.Handler.ServeHTTP(w, r)
	return Answer{w.Code, w.Result().Header, w.Body.String(), time.Since(started)}
}

// Get is a browser that goes to an address.
func (c Client) Get(address string) Answer { return c.Send(Request(http.MethodGet, address, "", "")) }

// Post sends JSON.
func (c Client) Post(address, body string) Answer { return c.Send(Post(address, body)) }

// PostForm sends what a browser makes of a form.
func (c Client) PostForm(address string, form url.Values) Answer {
	return c.Send(Request(http.MethodPost, address, Form, form.Encode()))
}

// JSON decodes the answer, whatever its status.
func (a Answer) JSON(into any) error { return json.Unmarshal([]byte(a.Body), into) }

// Decode decodes the JSON of an answer that must be a 2xx.
func (c Client) Decode(a Answer, into any) {
	c.T.Helper()
	if err := a.JSON(into); err != nil || a.Status > 299 {
		c.T.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
}

// Sale decodes an answer of the merchant's API.
func (c Client) Sale(a Answer) (s Sale) {
	c.T.Helper()
	c.Decode(a, &s)
	return s
}

// Offer sends an order in English that can be paid for so long.
func (c Client) Offer(provider, id, amount string, life time.Duration) Answer {
	c.T.Helper()
	return c.Post("/orders", fmt.Sprintf(
		`{"orderId":%q,"provider":%q,"amount":%s,"currency":"KRW","name":"T-shirt","language":"en","expiresAt":%q}`,
		id, provider, amount, c.Now().Add(life).Format(time.RFC3339)))
}

// Order makes a new one of Price.
func (c Client) Order(provider, id string, life time.Duration) Sale {
	c.T.Helper()
	a := c.Offer(provider, id, fmt.Sprint(Price), life)
	if a.Status != http.StatusCreated {
		c.T.Fatalf("POST /orders: %d %s", a.Status, a.Body)
	}
	return c.Sale(a)
}

// ReadOrder is GET /orders/{orderId}.
func (c Client) ReadOrder(id string) Sale { c.T.Helper(); return c.Sale(c.Get("/orders/" + id)) }

// Settle asks the provider about an order, as the schedule does, and returns the order.
func (c Client) Settle(id string) Sale {
	c.T.Helper()
	a := c.Post("/sim/advance", fmt.Sprintf(`{"orderId":%q}`, id))
	if a.Status != http.StatusOK {
		c.T.Fatalf("advance %s: %d %s", id, a.Status, a.Body)
	}
	return c.Sale(a)
}

// Pass lets time pass, such as "90m" or "31d": webhooks come and the schedule runs. It says what happened.
func (c Client) Pass(d string) (report world.Report) {
	c.T.Helper()
	c.Decode(c.Post("/sim/clock", fmt.Sprintf(`{"advance":%q}`, d)), &report)
	return report
}

// Now is the world's time.
func (c Client) Now() time.Time {
	c.T.Helper()
	var clock struct{ Now time.Time }
	c.Decode(c.Get("/sim/clock"), &clock)
	return clock.Now
}

// Reopened is the sale with the window that its payment page opens now.
func (c Client) Reopened(s Sale) Sale {
	c.T.Helper()
	a := c.Get(s.CheckoutURL)
	if s.Window = a.Window(); s.Window == nil {
		c.T.Fatalf("the payment page %q (%d) opens no window", a.Title(), a.Status)
	}
	return s
}

// Card opens Toss Payments' window and presses a button: approve, cancel, abort or reject. More are fields of the form, in pairs. It returns where
// the buyer is sent.
func (c Client) Card(w Window, outcome string, more ...string) string {
	c.T.Helper()
	value, currency := w.Amount()
	form := url.Values{"outcome": {outcome}, "language": {"EN"}, "amount": {fmt.Sprint(value)}, "currency": {currency}}
	for _, name := range []string{"orderId", "orderName", "successUrl", "failUrl"} {
		form.Set(name, w.Text(name))
	}
	edit(form, more)
	a := c.PostForm("/sim/toss/window", form)
	if a.Status != http.StatusSeeOther {
		c.T.Fatalf("Toss Payments' window: %d %s", a.Status, a.Body)
	}
	return a.Location()
}

// PortOneWindow is the answer to the window's form as PortOne's script sends it, with more fields in pairs.
func (c Client) PortOneWindow(s Sale, fields ...string) Answer {
	return c.PostForm("/sim/portone/window", s.Window.Form(append([]string{"userCode", cmp.Or(s.SDK.ClientKey, "-")}, fields...)...))
}

// TossPay opens PortOne's window for an order or a billing key, and presses a button on a phone: approve, fail or cancel. Edits are fields of the
// form, in pairs. It returns where the buyer is sent.
func (c Client) TossPay(s Sale, outcome string, edits ...string) string {
	c.T.Helper()
	a := c.PortOneWindow(s, append([]string{"mode", "redirect", "outcome", outcome}, edits...)...)
	if a.Status != http.StatusSeeOther {
		c.T.Fatalf("PortOne's window: %d %s", a.Status, a.Body)
	}
	return a.Location()
}

var sessionField = regexp.MustCompile(`name="session" value="([^"]*)"`)

// OpenWindow lets a buyer press our button and decide nothing yet: PortOne's window is open, and a payment of it is ready. It returns the
// payment's imp_uid, which is the form's field "session".
func (c Client) OpenWindow(w Window) string {
	c.T.Helper()
	a, session := c.TryWindow(w)
	if session == "" {
		c.T.Fatalf("the window did not open: %d %s", a.Status, a.Body)
	}
	return session
}

// TryWindow is the same where PortOne may open none, as for a number that is paid; the session is "" then.
func (c Client) TryWindow(w Window) (a Answer, session string) {
	a = c.Get("/sim/portone/window?" + w.Form("mode", "redirect").Encode())
	if m := sessionField.FindStringSubmatch(a.Body); m != nil {
		session = m[1]
	}
	return a, session
}

// WantOrder is what the merchant reads of an order.
func (c Client) WantOrder(what, id string, status order.Status, attempt int) Sale {
	c.T.Helper()
	s := c.ReadOrder(id)
	if s.Status != status || s.Attempt != attempt {
		c.T.Errorf("%s: %s is %s in attempt %d, want %s in attempt %d; history %v", what, id, s.Status, s.Attempt, status, attempt, s.History)
	}
	return s
}

// WantTitle is what the page says.
func (c Client) WantTitle(what string, a Answer, title string) {
	c.T.Helper()
	if a.Title() != title {
		c.T.Errorf("%s: page %q (%d), want %q", what, a.Title(), a.Status, title)
	}
}

// Answer is what an address answered.
type Answer struct {
	Status  int
	Header  http.Header
	Body    string
	Elapsed time.Duration // of the test's clock
}

var heading = regexp.MustCompile(`<h1>([^<]*)</h1>`)

// Title is the page's heading; "" is none.
func (a Answer) Title() string {
	if m := heading.FindStringSubmatch(a.Body); m != nil {
		return m[1]
	}
	return ""
}

// Location is where the answer redirects to.
func (a Answer) Location() string { return a.Header.Get("Location") }

// CanPay says that the page invites to pay.
func (a Answer) CanPay() bool {
	return strings.Contains(a.Body, `id="pay"`) || strings.Contains(a.Body, `href="`+Base+`/pay/`)
}

var pageData = regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`)

// Window is what the button of a payment page opens; nil when the page offers no window.
func (a Answer) Window() Window {
	var data struct{ Window Window }
	if m := pageData.FindStringSubmatch(a.Body); m == nil || json.Unmarshal([]byte(m[1]), &data) != nil {
		return nil
	}
	return data.Window
}

// Edited changes parameters of an address, in pairs; the value "-" removes one.
func Edited(address string, edits ...string) string {
	u := parsed(address)
	q := u.Query()
	edit(q, edits)
	u.RawQuery = q.Encode()
	return u.String()
}

// Parameter is one of an address.
func Parameter(address, name string) string { return parsed(address).Query().Get(name) }

func parsed(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u
}

func edit(q url.Values, edits []string) {
	for pair := range slices.Chunk(edits, 2) {
		q.Set(pair[0], pair[1])
		if pair[1] == "-" {
			q.Del(pair[0])
		}
	}
}
