package world_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/gateway"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/wire"
	"tosspay-sam/sim/world"
)

const (
	townBase  = "https://pay.example"
	townPrice = 15000
	formType  = "application/x-www-form-urlencoded"
	jsonType  = "application/json"
)

// fakeTime runs a test on a fake clock that goes on for a while after it: a provider may still be at work for a client that gave up.
func fakeTime(t *testing.T, run func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Cleanup(func() { time.Sleep(15 * time.Minute) })
		run(t)
	})
}

// town is a world with both providers' windows, a merchant, a buyer and the postman who brings the webhooks. Its methods fail the test.
type town struct {
	*world.World
	t     *testing.T
	parts boot.Parts
	doors http.Handler
	logs  *townLog
}

// townLog is a log that many requests write.
type townLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *townLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *townLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *townLog) events(name string) int { return strings.Count(l.String(), `"event":"`+name+`"`) }

// townEdits bend a town before it is built: the world's options, and then the doors' parts.
type townEdits struct {
	options func(*world.Options)
	parts   func(*boot.Parts)
	silent  bool // keep no log
}

func newTown(t *testing.T, edits ...townEdits) *town {
	t.Helper()
	c := &town{t: t, logs: &townLog{}}
	o := world.Options{Base: townBase, Log: telemetry.New(c.logs, "debug"), ReturnURLs: "https://shop.example"}
	for _, e := range edits {
		if e.options != nil {
			e.options(&o)
		}
		if e.silent {
			o.Log = nil
		}
	}
	o.Merchant = specified.Door(t.Errorf)
	w, err := world.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.World, c.parts, c.doors = w, w.Parts, w
	for _, e := range edits {
		if e.parts != nil {
			e.parts(&c.parts)
			c.doors = doorsOf(c.parts, w)
			w.Hooks.Transport = wire.Transport(c.doors)
		}
	}
	return c
}

// doorsOf mounts every door, and the simulators beside them.
func doorsOf(parts boot.Parts, rest http.Handler) http.Handler {
	mux := http.NewServeMux()
	merchant, checkout, confirm, webhook := parts.Merchant(), parts.Checkout(), parts.Confirm(), parts.Webhook()
	for routeKey, door := range map[string]handler.Door{
		"POST /orders":                                 merchant,
		"GET /orders/{orderId}":                        merchant,
		"POST /subscriptions":                          merchant,
		"GET /subscriptions/{id}":                      merchant,
		"GET /pay/{id}/{linkToken}":                    checkout,
		"GET /pay/{id}/{linkToken}/status":             checkout,
		"GET /confirm/toss/{orderId}/{linkToken}":      confirm,
		"GET /confirm/toss/{orderId}/{linkToken}/fail": confirm,
		"GET /confirm/portone/{id}/{linkToken}":        confirm,
		"POST /gate/portone/{orderId}/{linkToken}":     confirm,
		"POST /webhooks/toss/{webhookToken}":           webhook,
		"POST /webhooks/portone/{webhookToken}":        webhook,
	} {
		gateway.Handle(mux, routeKey, door)
	}
	mux.Handle("/sim/", rest)
	return mux
}

// passage is what every store and provider call of one process goes through: it may hold it, carry it out, and lose the reply.
type passage func(name string, carryOut func()) error

var errLostReply = errors.New("the connection was reset")

// behind is the parts of one function's instance of its own.
func (c *town) behind(pass passage) boot.Parts {
	parts := c.parts
	parts.Store, parts.Transport = passStore{c.Store, pass}, passTransport{c.parts.Transport, pass}
	return parts
}

// process is every door of one instance.
func (c *town) process(pass passage) http.Handler { return doorsOf(c.behind(pass), c.World) }

// only is one route of one instance, for tests that need thousands.
func (c *town) only(route string, pass passage) http.Handler {
	mux, parts := http.NewServeMux(), c.behind(pass)
	switch {
	case strings.Contains(route, "/webhooks/"):
		gateway.Handle(mux, route, parts.Webhook())
	case strings.Contains(route, "/toss/"):
		gateway.Handle(mux, "GET /confirm/toss/{orderId}/{linkToken}", parts.Confirm())
	default:
		gateway.Handle(mux, route, parts.Confirm())
	}
	return mux
}

type passTransport struct {
	next http.RoundTripper
	pass passage
}

func (p passTransport) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	name := "provider"
	if strings.HasSuffix(r.URL.Path, "/users/getToken") {
		name = "token"
	}
	if lost := p.pass(name, func() { answer, err = p.next.RoundTrip(r) }); lost != nil {
		return nil, lost
	}
	return answer, err
}

type passStore struct {
	next payment.Store
	pass passage
}

func passing[T any](p passStore, name string, f func() (T, error)) (result T, err error) {
	if lost := p.pass(name, func() { result, err = f() }); lost != nil {
		var none T
		return none, lost
	}
	return result, err
}

func (p passStore) Create(ctx context.Context, o order.Order) (order.Order, error) {
	return passing(p, "create", func() (order.Order, error) { return p.next.Create(ctx, o) })
}

func (p passStore) Get(ctx context.Context, id string) (order.Order, error) {
	return passing(p, "get", func() (order.Order, error) { return p.next.Get(ctx, id) })
}

func (p passStore) Claim(ctx context.Context, claim order.Claim) (order.Order, error) {
	return passing(p, "claim", func() (order.Order, error) { return p.next.Claim(ctx, claim) })
}

func (p passStore) Lease(ctx context.Context, l order.Lease) (order.Order, error) {
	return passing(p, "lease", func() (order.Order, error) { return p.next.Lease(ctx, l) })
}

func (p passStore) Save(ctx context.Context, o order.Order) (order.Order, error) {
	return passing(p, "save", func() (order.Order, error) { return p.next.Save(ctx, o) })
}

func (p passStore) CreateSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	return passing(p, "create", func() (subscription.Subscription, error) { return p.next.CreateSubscription(ctx, s) })
}

func (p passStore) GetSubscription(ctx context.Context, id string) (subscription.Subscription, error) {
	return passing(p, "get", func() (subscription.Subscription, error) { return p.next.GetSubscription(ctx, id) })
}

func (p passStore) SaveSubscription(ctx context.Context, s subscription.Subscription) (subscription.Subscription, error) {
	return passing(p, "save", func() (subscription.Subscription, error) { return p.next.SaveSubscription(ctx, s) })
}

func (p passStore) ClaimCycle(ctx context.Context, c subscription.CycleClaim) (subscription.Subscription, error) {
	return passing(p, "claim", func() (subscription.Subscription, error) { return p.next.ClaimCycle(ctx, c) })
}

func (p passStore) LeaseDue(ctx context.Context, r payment.DueRecord, at, until time.Time) (int, error) {
	return passing(p, "lease", func() (int, error) { return p.next.LeaseDue(ctx, r, at, until) })
}

func (p passStore) Due(ctx context.Context, shard int, before time.Time, limit int, cursor string) ([]payment.DueRecord, string, error) {
	return p.next.Due(ctx, shard, before, limit, cursor)
}

// view is what a client got.
type view struct {
	status int
	header http.Header
	body   string
}

var townHeading = regexp.MustCompile(`<h1>([^<]*)</h1>`)

func (v view) title() string {
	if m := townHeading.FindStringSubmatch(v.body); m != nil {
		return m[1]
	}
	return ""
}

// invites says that the page invites to pay.
func (v view) invites() bool {
	return strings.Contains(v.body, `id="pay"`) || strings.Contains(v.body, `href="`+townBase+`/pay/`)
}

func ask(h http.Handler, r *http.Request) view {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return view{w.Code, w.Result().Header, w.Body.String()}
}

func get(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept-Language", "en")
	return r
}

func send(path, contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, townBase+path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func (c *town) visit(address string) view { return ask(c.doors, get(address)) }

// sale is an order or a subscription as the merchant's API answered.
type sale struct {
	OrderID        string    `json:"orderId"`
	SubscriptionID string    `json:"subscriptionId"`
	Status         string    `json:"status"`
	Attempt        int       `json:"attempt"`
	CheckoutURL    string    `json:"checkoutUrl"`
	DueAt          time.Time `json:"dueAt"`
	ExpiresAt      time.Time `json:"expiresAt"`
	SDK            struct {
		ClientKey string `json:"clientKey"`
	} `json:"sdk"`
	Window  map[string]any `json:"window"`
	Payment *struct {
		Key             string
		Attempt         int
		Amount, Balance int64
	} `json:"payment"`
	Means   *struct{ Key, Brand, Masked string } `json:"means"`
	History []struct{ From, To, Event, Note string }
}

// steps is the history's statuses, without those that stayed.
func (s sale) steps() (path []string) {
	for _, step := range s.History {
		if step.From != step.To {
			path = append(path, step.To)
		}
	}
	return path
}

func (c *town) decode(v view) (s sale) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(v.body), &s); err != nil || v.status > 299 {
		c.t.Fatalf("%d %s: %v", v.status, v.body, err)
	}
	return s
}

// order makes one; hours is how long it stays payable.
func (c *town) order(provider, id string, hours int) sale {
	c.t.Helper()
	return c.decode(ask(c.doors, send("/orders", jsonType, fmt.Sprintf(
		`{"orderId":%q,"provider":%q,"amount":%d,"currency":"KRW","name":"T-shirt","language":"en","expiresAt":%q}`,
		id, provider, townPrice, time.Now().Add(time.Duration(hours)*time.Hour).Format(time.RFC3339)))))
}

const planBody = `{"subscriptionId":%q,"customerId":"customer-1","language":"en","plan":{"amount":9900,"currency":"KRW","name":"Coffee","interval":"month"}}`

func (c *town) subscribe(id string) sale {
	c.t.Helper()
	return c.decode(ask(c.doors, send("/subscriptions", jsonType, fmt.Sprintf(planBody, id))))
}

func (c *town) read(id string) sale {
	c.t.Helper()
	return c.decode(c.visit(townBase + "/orders/" + id))
}

func (c *town) readSubscription(id string) sale {
	c.t.Helper()
	return c.decode(c.visit(townBase + "/subscriptions/" + id))
}

var townData = regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`)

// reopened is the sale with what its payment page would open now.
func (c *town) reopened(s sale) sale {
	c.t.Helper()
	v := c.visit(s.CheckoutURL)
	m := townData.FindStringSubmatch(v.body)
	if m == nil {
		c.t.Fatalf("the payment page %q (%d) opens no window", v.title(), v.status)
	}
	var data struct{ Window map[string]any }
	if err := json.Unmarshal([]byte(m[1]), &data); err != nil {
		c.t.Fatal(err)
	}
	s.Window = data.Window
	return s
}

// windowForm is the window's object as PortOne's script hands it over.
func windowForm(s sale, edits []string) url.Values {
	form := url.Values{"userCode": {s.SDK.ClientKey}}
	for name, value := range s.Window {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case float64:
			form.Set(name, fmt.Sprintf("%.0f", v))
		default:
			text, err := json.Marshal(v)
			if err != nil {
				panic(err)
			}
			form.Set(name, string(text))
		}
	}
	for pair := range slices.Chunk(edits, 2) {
		form.Set(pair[0], pair[1])
		if pair[1] == "-" {
			form.Del(pair[0])
		}
	}
	return form
}

// tossPay opens the window and presses a button on a phone; it returns where the buyer is sent.
func (c *town) tossPay(s sale, outcome string, edits ...string) string {
	c.t.Helper()
	v := ask(c.doors, send("/sim/portone/window", formType, windowForm(s, append([]string{"mode", "redirect", "outcome", outcome}, edits...)).Encode()))
	if v.status != http.StatusSeeOther {
		c.t.Fatalf("PortOne's window: %d %s", v.status, v.body)
	}
	return v.header.Get("Location")
}

var postedResult = regexp.MustCompile(`data-result="([^"]*)"`)

// popup is the same on a PC: the address is the one our page goes to with what the window posted, or "" when it posted nothing.
func (c *town) popup(s sale, outcome string, edits ...string) string {
	c.t.Helper()
	v := ask(c.doors, send("/sim/portone/window", formType, windowForm(s, append([]string{"mode", "popup", "outcome", outcome}, edits...)).Encode()))
	m := postedResult.FindStringSubmatch(v.body)
	if v.status != http.StatusOK || m == nil {
		c.t.Fatalf("PortOne's window: %d %s", v.status, v.body)
	}
	if m[1] == "" {
		return ""
	}
	var posted map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &posted); err != nil {
		c.t.Fatal(err)
	}
	q := url.Values{}
	for _, name := range []string{"imp_uid", "merchant_uid", "error_code", "error_msg"} { // what our page passes on
		if v, ok := posted[name].(string); ok {
			q.Set(name, v)
		}
	}
	return s.Window["m_redirect_url"].(string) + "?" + q.Encode()
}

// card opens Toss Payments' window and presses a button; it returns where the buyer is sent.
func (c *town) card(s sale, outcome string) string {
	c.t.Helper()
	amount := s.Window["amount"].(map[string]any)
	form := url.Values{
		"orderId": {s.Window["orderId"].(string)}, "orderName": {s.Window["orderName"].(string)}, "amount": {fmt.Sprintf("%.0f", amount["value"])},
		"currency": {"KRW"}, "successUrl": {s.Window["successUrl"].(string)}, "failUrl": {s.Window["failUrl"].(string)},
		"outcome": {outcome}, "language": {"EN"},
	}
	v := ask(c.doors, send("/sim/toss/window", formType, form.Encode()))
	if v.status != http.StatusSeeOther {
		c.t.Fatalf("Toss Payments' window: %d %s", v.status, v.body)
	}
	return v.header.Get("Location")
}

// arg is a parameter of an address.
func arg(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return u.Query().Get(name)
}

// with changes parameters of an address; "-" removes one.
func with(address string, edits ...string) string {
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

// hook sends a webhook by hand.
func (c *town) hook(provider, body string) view {
	return ask(c.doors, send("/webhooks/"+provider+"/"+world.WebhookToken, jsonType, body))
}

func portoneHook(impUID, number, status string) string {
	return fmt.Sprintf(`{"imp_uid":%q,"merchant_uid":%q,"status":%q}`, impUID, number, status)
}

func tossHook(key, number, status string) string {
	return fmt.Sprintf(`{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"2026-01-02T14:46:59.65327","data":{"paymentKey":%q,"orderId":%q,"status":%q}}`, key, number, status)
}

// mail delivers what is due now, and returns how many attempts that were.
func (c *town) mail() int {
	c.t.Helper()
	return c.Hooks.Step(c.t.Context(), time.Now())
}

// mailAll delivers on the providers' own timetables until nothing is planned.
func (c *town) mailAll() {
	c.t.Helper()
	for range 20 {
		at, ok := c.Hooks.DueAt()
		if !ok {
			return
		}
		time.Sleep(time.Until(at))
		c.mail()
	}
	c.t.Error("the postman is never done")
}

func (c *town) advance(id string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), handler.DoorTime)
	defer cancel()
	if _, err := c.parts.Settler().Advance(ctx, id); err != nil {
		c.t.Errorf("advance %s: %v", id, err)
	}
}

func (c *town) advanceSubscription(id string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), handler.DoorTime)
	defer cancel()
	if _, err := c.parts.Enroller().Advance(ctx, id); err != nil {
		c.t.Errorf("advance %s: %v", id, err)
	}
}

// rest sleeps from due time to due time, as the schedule does, until the order is at rest: final, or open and in time.
func (c *town) rest(id string) sale {
	c.t.Helper()
	for range 30 {
		s := c.read(id)
		if s.DueAt.IsZero() || s.Status == string(order.Open) && time.Now().Before(s.ExpiresAt) {
			return s
		}
		time.Sleep(time.Until(s.DueAt))
		c.advance(id)
	}
	c.t.Fatalf("%s never comes to rest: %+v", id, c.read(id))
	return sale{}
}

// end sleeps until the order is final, whatever it waits for.
func (c *town) end(id string) sale {
	c.t.Helper()
	for range 40 {
		s := c.read(id)
		if s.DueAt.IsZero() {
			return s
		}
		time.Sleep(time.Until(s.DueAt))
		c.advance(id)
	}
	c.t.Fatalf("%s never ends: %+v", id, c.read(id))
	return sale{}
}

// moved is the money of an order, whatever attempt: captures and what was given back.
func (c *town) moved(id string) (captures, cancels []ledger.Entry) {
	for _, e := range c.Ledger.Entries() {
		if n, err := order.ParseNumber(e.OrderID); err != nil || n.OrderID() != id {
			continue
		}
		if e.Kind == ledger.Capture {
			captures = append(captures, e)
		} else {
			cancels = append(cancels, e)
		}
	}
	return captures, cancels
}

func (c *town) wantMoved(what, id string, captures, cancels int) {
	c.t.Helper()
	taken, back := c.moved(id)
	if len(taken) != captures || len(back) != cancels {
		c.t.Errorf("%s: %s has %d captures and %d cancels, want %d and %d: %+v %+v", what, id, len(taken), len(back), captures, cancels, taken, back)
	}
}

func (c *town) wantStatus(what, id string, status order.Status, attempt int) sale {
	c.t.Helper()
	s := c.read(id)
	if s.Status != string(status) || s.Attempt != attempt {
		c.t.Errorf("%s: %s is %s in attempt %d, want %s in attempt %d; history %v", what, id, s.Status, s.Attempt, status, attempt, s.History)
	}
	return s
}

func (c *town) wantSubscription(what, id string, status subscription.Status) sale {
	c.t.Helper()
	s := c.readSubscription(id)
	if s.Status != string(status) {
		c.t.Errorf("%s: %s is %s, want %s; history %v", what, id, s.Status, status, s.History)
	}
	return s
}

func (c *town) wantTitle(what string, v view, title string) {
	c.t.Helper()
	if v.title() != title {
		c.t.Errorf("%s: page %q (%d), want %q", what, v.title(), v.status, title)
	}
}

// wantLawful: the providers were asked only what their documentation allows.
func (c *town) wantLawful() {
	c.t.Helper()
	for _, v := range append(c.Toss.Violations(), c.PortOne.Violations()...) {
		c.t.Errorf("the provider was asked what its documentation does not allow: %s", v)
	}
}

// asked counts the providers' calls beside tokens and webhooks.
func (c *town) asked() int {
	total := 0
	for op, n := range c.PortOne.Calls() {
		if op != portonesim.OpToken && op != portonesim.OpWebhook {
			total += n
		}
	}
	for _, n := range c.Toss.Calls() {
		total += n
	}
	return total
}

func (c *town) fault(f fault.Fault) {
	c.t.Helper()
	if err := c.Faults.Set(f); err != nil {
		c.t.Fatal(err)
	}
}

// silence drops the webhooks to come.
func (c *town) silence(times int) {
	c.t.Helper()
	c.fault(fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: times})
}

var _ payment.Store = passStore{}
