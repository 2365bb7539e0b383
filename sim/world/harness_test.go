package world_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

var (
	workloads = flag.Int("workloads", 30, "random workloads to run")
	seedFlag  = flag.Uint64("seed", 0, "seed of the first random workload; 0: a new one, printed")
)

const (
	base  = "https://pay.example"
	price = 15000
)

// bubble runs a test on a fake clock. Time stands still when a test returns, and the provider may still be at work for a client that gave
// up: it gets the time to end.
func bubble(t *testing.T, run func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(15 * time.Minute) })
		run(t)
	})
}

// stage is a world with a buyer, a merchant and an operator in front of it. Its methods fail the test.
type stage struct {
	*world.World
	t    *testing.T
	logs *lines
}

// lines is a log that many requests write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is how many lines are of an event.
func (l *lines) count(event string) int {
	return strings.Count(l.String(), `"event":"`+event+`"`)
}

func newStage(t *testing.T, edits ...func(*world.Options)) *stage {
	t.Helper()
	s := &stage{t: t, logs: &lines{}}
	o := world.Options{Base: base, Log: telemetry.New(s.logs, "debug"), ReturnURLs: "https://shop.example"}
	for _, edit := range edits {
		edit(&o)
	}
	o.Merchant = specified.Door(t.Errorf)
	w, err := world.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.World = w
	return s
}

// page is what a browser got.
type page struct {
	status  int
	header  http.Header
	body    string
	elapsed time.Duration
}

var heading = regexp.MustCompile(`<h1>([^<]*)</h1>`)

// title is the page's heading.
func (p page) title() string {
	m := heading.FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// canPay says that the page invites to pay.
func (p page) canPay() bool {
	return strings.Contains(p.body, `id="pay"`) || strings.Contains(p.body, `href="`+base+`/pay/`)
}

// The headings of the pages, in English.
const (
	paidPage     = "Payment complete"
	checkingPage = "Checking your payment"
	givingBack   = "Canceling a payment"
	declinedPage = "Your payment was not approved"
	mismatchPage = "The amount did not match"
	canceledPage = "You canceled the payment"
	abortedPage  = "The payment was interrupted"
	rejectedPage = "The card company declined the payment"
	openPage     = "This order has not been paid yet"
	expiredPage  = "The time to pay has passed"
	notFoundPage = "Page not found"
	problemPage  = "This page is temporarily unavailable"
)

// via sends a request to h: the world itself, or one process of it.
func via(h http.Handler, r *http.Request) page {
	started := time.Now()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return page{w.Code, w.Result().Header, w.Body.String(), time.Since(started)}
}

// open is a browser going to an address.
func (s *stage) open(address string) page { return via(s, browse(address)) }

func browse(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept-Language", "en")
	return r
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// made is an order as the merchant's API answered.
type made struct {
	OrderID     string       `json:"orderId"`
	Status      order.Status `json:"status"`
	Attempt     int          `json:"attempt"`
	CheckoutURL string       `json:"checkoutUrl"`
	DueAt       time.Time    `json:"dueAt"`
	Window      struct {
		OrderID    string
		OrderName  string
		SuccessURL string
		FailURL    string
		Amount     struct {
			Value    int64
			Currency string
		}
	} `json:"window"`
	Payment  *struct{ Key string }                       `json:"payment"`
	Payments []struct{ Key, State, Role, Reason string } `json:"payments"`
	Requests []struct{ Kind, Key string }                `json:"requests"`
	History  []struct{ From, To order.Status }           `json:"history"`
}

// order makes one that stays payable for days.
func (s *stage) order(id string) made {
	s.t.Helper()
	body := fmt.Sprintf(`{"orderId":%q,"provider":"toss","amount":%d,"currency":"KRW","name":"T-shirt","language":"en","expiresAt":%q}`,
		id, price, time.Now().Add(100*time.Hour).Format(time.RFC3339))
	p := via(s, post("/orders", body))
	if p.status != http.StatusCreated {
		s.t.Fatalf("POST /orders: %d %s", p.status, p.body)
	}
	return decodeMade(s.t, p)
}

func decodeMade(t *testing.T, p page) made {
	t.Helper()
	var m made
	if err := json.Unmarshal([]byte(p.body), &m); err != nil {
		t.Fatalf("%d %s: %v", p.status, p.body, err)
	}
	return m
}

// read is the order as the merchant reads it.
func (s *stage) read(id string) made {
	s.t.Helper()
	p := s.open(base + "/orders/" + id)
	if p.status != http.StatusOK {
		s.t.Fatalf("GET /orders/%s: %d %s", id, p.status, p.body)
	}
	return decodeMade(s.t, p)
}

// window opens the provider's window for the order's current attempt, as the payment page would, and presses a button. It returns
// where the provider sends the buyer.
func (s *stage) window(m made, outcome string, more ...string) string {
	s.t.Helper()
	form := url.Values{
		"orderId": {m.Window.OrderID}, "orderName": {m.Window.OrderName}, "amount": {strconv.FormatInt(m.Window.Amount.Value, 10)},
		"currency": {m.Window.Amount.Currency}, "successUrl": {m.Window.SuccessURL}, "failUrl": {m.Window.FailURL}, "outcome": {outcome}, "language": {"EN"},
	}
	for pair := range slices.Chunk(more, 2) {
		form.Set(pair[0], pair[1])
	}
	r := httptest.NewRequest(http.MethodPost, base+"/sim/toss/window", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	p := via(s, r)
	if p.status != http.StatusSeeOther {
		s.t.Fatalf("window: %d %s", p.status, p.body)
	}
	return p.header.Get("Location")
}

// approve is a buyer who authenticates.
func (s *stage) approve(m made) string {
	s.t.Helper()
	return s.window(m, "approve")
}

// nextWindow is what the payment page opens for the attempt the order is in now.
func (s *stage) nextWindow(m made) made {
	s.t.Helper()
	p := s.open(m.CheckoutURL)
	match := regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(p.body)
	if match == nil {
		s.t.Fatalf("the payment page %q opens no window", p.title())
	}
	var data struct{ Window json.RawMessage }
	if err := json.Unmarshal([]byte(match[1]), &data); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(data.Window, &m.Window); err != nil {
		s.t.Fatal(err)
	}
	return m
}

// edited changes parameters of a redirect; the value "-" removes one.
func edited(address string, edits ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	for pair := range slices.Chunk(edits, 2) {
		q.Set(pair[0], pair[1])
		if pair[1] == "-" {
			q.Del(pair[0])
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func keyOf(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil {
		panic(err)
	}
	return u.Query().Get("paymentKey")
}

// fault plans one.
func (s *stage) fault(f fault.Fault) {
	s.t.Helper()
	f.Provider = tosssim.Provider
	if err := s.Faults.Set(f); err != nil {
		s.t.Fatal(err)
	}
}

// advance asks about the order, as the schedule does.
func (s *stage) advance(id string) made {
	s.t.Helper()
	p := via(s, post("/sim/advance", fmt.Sprintf(`{"orderId":%q}`, id)))
	if p.status != http.StatusOK {
		s.t.Fatalf("advance %s: %d %s", id, p.status, p.body)
	}
	return decodeMade(s.t, p)
}

// roundsMax bounds settled: 15 minutes of window and linger are over after 6 due times.
const roundsMax = 12

// settled sleeps from due time to due time and advances, until nobody has to ask any more: the order is not processing, and owes nothing that
// could still be given back. It needs a fake clock.
func (s *stage) settled(id string) made {
	s.t.Helper()
	for range roundsMax {
		o := s.record(id)
		if o.Status != order.Processing && len(o.Ledger.Requests) == 0 && (o.Owed() == nil || o.Status == order.Review) {
			return s.read(id)
		}
		if o.DueAt.IsZero() {
			s.t.Fatalf("%s is %s, owes %+v, and is never due", id, o.Status, o.Owed())
		}
		time.Sleep(time.Until(o.DueAt))
		s.advance(id)
	}
	o := s.record(id)
	s.t.Errorf("%s is still %s, owes %+v, after %d questions", id, o.Status, o.Owed(), roundsMax)
	return s.read(id)
}

// record is the order as it is stored.
func (s *stage) record(id string) order.Order {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	o, err := s.Store.Get(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// capture takes the money of an authenticated payment behind our back: a confirm of ours that was under way for ever, or somebody else's with
// our key. It says whether the provider did it.
func (s *stage) capture(redirect string) bool {
	s.t.Helper()
	u, err := url.Parse(redirect)
	if err != nil {
		s.t.Fatal(err)
	}
	q := u.Query()
	body := fmt.Sprintf(`{"paymentKey":%q,"orderId":%q,"amount":%s}`, q.Get("paymentKey"), q.Get("orderId"), q.Get("amount"))
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Parts.Toss.BaseURL+"/v1/payments/confirm", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "elsewhere:"+q.Get("paymentKey"))
	r.SetBasicAuth(tosssim.DefaultSecretKey, "")
	answer, err := s.Parts.Transport.RoundTrip(r)
	if err != nil {
		return false // which says nothing about the money
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// mustCapture fails the test when the provider does not.
func (s *stage) mustCapture(redirect string) {
	s.t.Helper()
	before := len(s.Ledger.Entries())
	if !s.capture(redirect) || len(s.Ledger.Entries()) != before+1 {
		s.t.Fatalf("the provider did not take the money of %s", redirect)
	}
}

// hint is the webhook of a redirect's payment.
func hint(redirect string) *http.Request {
	u, err := url.Parse(redirect)
	if err != nil {
		panic(err)
	}
	q := u.Query()
	return post("/webhooks/toss/"+world.WebhookToken, fmt.Sprintf(
		`{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"2026-01-02T14:46:59.65327","data":{"paymentKey":%q,"orderId":%q,"status":"DONE"}}`,
		q.Get("paymentKey"), q.Get("orderId")))
}

// captures are the movements of money for an order, whatever attempt.
func (s *stage) captures(id string) (found []ledger.Entry) { return s.moved(id, ledger.Capture) }

// cancels are the movements back to the buyer.
func (s *stage) cancels(id string) (found []ledger.Entry) { return s.moved(id, ledger.Cancel) }

func (s *stage) moved(id, kind string) (found []ledger.Entry) {
	for _, e := range s.Ledger.Entries() {
		if n, err := order.ParseNumber(e.OrderID); err == nil && n.OrderID() == id && e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func sum(entries []ledger.Entry) (total int64) {
	for _, e := range entries {
		total += e.Amount
	}
	return total
}

// audit compares an order that nobody asks about any more with the money that was really moved.
func (s *stage) audit(id string) (broken []string) {
	m := s.read(id)
	taken := s.captures(id)
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, id+": "+fmt.Sprintf(format, args...))
		}
	}
	back, o := s.cancels(id), s.record(id)
	kept := sum(taken) - sum(back)
	fail(len(taken) != 1+len(back) && kept > 0 || len(taken) != len(back) && kept == 0 || kept < 0, "captures %+v, given back %+v", taken, back)
	fail(m.Status == order.Processing, "still processing")
	fail(m.Status == order.Review, "in review: captures %+v, given back %+v", taken, back)
	fail(o.Owed() != nil, "still owes %+v", o.Owed())
	fail(m.Status == order.Paid && (kept != price || m.Payment == nil || m.Payment.Key == ""), "paid with %+v, and %d of %+v are kept", m.Payment, kept, taken)
	fail(m.Status != order.Paid && kept != 0, "%s, and %d of %+v are kept", m.Status, kept, taken)
	fail(m.Status == order.Refunded, "refunded, and nobody asked for that") // what goes back here is never the order's own payment
	fail(len(o.Reversals) != len(back), "%d payments were given back, and the record says %+v", len(back), o.Reversals)
	if v := s.Toss.Violations(); len(v) > 0 {
		fail(true, "the provider was asked what its documentation does not allow: %q", v)
	}
	return broken
}

func (s *stage) wantAudit(id string) {
	s.t.Helper()
	for _, broken := range s.audit(id) {
		s.t.Error(broken)
	}
}

func (s *stage) wantPage(what string, p page, title string) {
	s.t.Helper()
	if p.title() != title {
		s.t.Errorf("%s: page %q (%d), want %q", what, p.title(), p.status, title)
	}
}

func (s *stage) wantOrder(id string, status order.Status, attempt int) {
	s.t.Helper()
	if m := s.read(id); m.Status != status || m.Attempt != attempt {
		s.t.Errorf("%s is %s in attempt %d, want %s in attempt %d", id, m.Status, m.Attempt, status, attempt)
	}
}

func (s *stage) wantMoney(id string, captures, confirms int) {
	s.t.Helper()
	if got := len(s.captures(id)); got != captures {
		s.t.Errorf("%s: %d captures, want %d", id, got, captures)
	}
	if got := s.Toss.Calls()[tosssim.OpConfirm]; got != confirms {
		s.t.Errorf("the provider was asked for money %d times, want %d", got, confirms)
	}
}

// quiet is for thousands of worlds whose logs nobody reads.
func quiet(o *world.Options) { o.Log = slog.New(slog.DiscardHandler) }
