package handler_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/api/apitest"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/telemetry"
)

const body = `{"language":"en","orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`

const subscribe = `{"subscriptionId":"sub-001","customerId":"customer-1","language":"en","plan":{"amount":9900,"currency":"KRW","name":"Plan","interval":"month"}}`

type windows struct{}

func (windows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	params, err := json.Marshal(map[string]string{"orderId": o.Number(), "base": at.Base, "language": at.Spoken(o.Language), "back": at.Back("/back", o.Language)})
	return provider.Window{Script: "https://js.example/sdk", ClientKey: "test_ck_x", Params: params}, err
}

// approves is a provider that takes every payment.
type approves struct {
	deadline time.Duration
	finds    int
	method   string // how it is paid
}

func (p *approves) Confirm(ctx context.Context, c provider.Confirm) provider.Answer {
	if end, ok := ctx.Deadline(); ok {
		p.deadline = time.Until(end)
	}
	a := provider.Answer{Verdict: provider.Paid, HTTP: 200, Call: "confirm", Payment: provider.Payment{
		Key: c.Key, Number: c.Number, Amount: c.Amount, Balance: c.Amount, Currency: "KRW", Sandbox: true, Method: p.method,
	}}
	a.All = []provider.Shown{{Payment: a.Payment, Verdict: a.Verdict}}
	return a
}

func (p *approves) Find(_ context.Context, r provider.Ref) provider.Answer {
	p.finds++
	if r.Key == "absent" {
		return provider.Answer{Verdict: provider.Absent, HTTP: 404, Call: "find"}
	}
	return provider.Answer{}
}

func (p *approves) Cancel(context.Context, provider.Cancel) provider.Answer { return provider.Answer{} }

// keys is a provider of billing keys that knows some of them.
type keys struct {
	mu    sync.Mutex
	known map[string]bool
	asked int
}

func (k *keys) BillingKey(_ context.Context, name string) provider.KeyAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if !k.known[name] {
		return provider.KeyAnswer{Answer: provider.Answer{Verdict: provider.Absent, HTTP: 404, Call: "billing-key"}}
	}
	return provider.KeyAnswer{Answer: provider.Answer{Verdict: provider.Paid, HTTP: 200, Call: "billing-key"}, Key: provider.BillingKey{
		ID: name, Brand: "Canary card", Masked: "5594-****-4", IssuedAt: time.Now(), Sandbox: true,
	}}
}

func (windows) KeyWindow(s subscription.Subscription, at provider.Place) (provider.Window, error) {
	name := s.KeyName(s.Issuing().N)
	params, err := json.Marshal(map[string]string{"customer_uid": name, "merchant_uid": name, "m_redirect_url": at.Back(at.Base+"/back", s.Language)})
	return provider.Window{Script: "https://js.example/iamport", ClientKey: "imp00000000", Params: params}, err
}

// house is all doors on one table.
type house struct {
	store                                *memstore.Store
	provider                             *approves
	keys                                 *keys
	hints                                []provider.Hint // what the webhook door's parser was made to say
	log                                  bytes.Buffer
	merchant, checkout, confirm, webhook handler.Door
}

const webhookToken = "hook-token"

func newHouse(t *testing.T, base string) *house {
	t.Helper()
	h := &house{store: memstore.New(), provider: &approves{}, keys: &keys{known: map[string]bool{}}}
	log := telemetry.New(&h.log, "debug")
	allowed, err := payment.ParseReturnURLs("https://shop.example")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now
	noWait := func(context.Context, time.Duration) error { return errors.New("no time to wait") }
	ready := func(context.Context) error { return nil }
	enroller := &payment.Enroller{
		Subscriptions: h.store, Windows: windows{}, Keys: h.keys, Ready: ready, Mode: "test", AmountMin: 100, ReturnURLs: allowed, Now: now, Wait: noWait,
		NewToken: func() string { return "link" }, NewID: func() string { return "sub_made" }, Log: log,
	}
	offer := payment.Offer{Windows: windows{}, AmountMin: 100, NameMax: 100}
	h.merchant = handler.Merchant(&payment.Merchant{
		Orders: h.store, Lister: &payment.Lister{Lists: h.store, Now: now}, Offers: map[string]payment.Offer{"toss": offer, "portone": offer}, Mode: "test", ReturnURLs: allowed,
		Now: now, NewToken: func() string { return "link" }, NewID: func() string { return "ord_made" },
	}, enroller, log, base)
	shown := map[string]payment.Windows{"toss": windows{}, "portone": windows{}}
	h.checkout = handler.Checkout(&payment.Checkout{Orders: h.store, Windows: shown, Now: now}, enroller, log, base)
	settler := &payment.Settler{
		Orders: h.store, Claims: h.store, Now: now, Log: log, Wait: noWait,
		Gateways: map[string]payment.Gateway{
			"toss":    {Finder: h.provider, Confirmer: h.provider, Canceler: h.provider, Timing: provider.Timing{ConfirmWindow: time.Minute}, Ready: ready},
			"portone": {Finder: h.provider, Canceler: h.provider, Timing: provider.Timing{PendingMax: time.Hour, AbsentMax: time.Minute}, Ready: ready},
		},
	}
	h.confirm = handler.Confirm(settler, enroller, portone.ParseQuestion, log, base)
	parse := func(body []byte) (provider.Hint, error) {
		if string(body) == "no webhook" {
			return provider.Hint{}, errors.New("not a webhook")
		}
		hint := provider.Hint{Event: "TEST", Number: string(body), Status: "PAID"}
		if key, only := strings.CutPrefix(hint.Number, "key:"); only {
			hint.Number, hint.Key = "", key
		}
		h.hints = append(h.hints, hint)
		return hint, nil
	}
	h.webhook = handler.Webhook(settler, enroller, handler.WebhookSettings{
		TokenSHA256: handler.DigestOf(webhookToken), Sources: map[string][]string{"toss": {"192.0.2.7"}},
		Parsers: map[string]func([]byte) (provider.Hint, error){"toss": parse, "portone": parse},
	}, log)
	return h
}

func event(routeKey, query, body string, parameters ...string) handler.Request {
	r := handler.Request{
		RouteKey: routeKey, RawQueryString: query, Body: body, PathParameters: map[string]string{},
		Headers: map[string]string{"content-type": "application/json", "accept-language": "en"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RequestID: "request-7", DomainName: "abc.execute-api.ap-northeast-2.amazonaws.com", Stage: "$default",
		},
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		r.PathParameters[parameters[i]] = parameters[i+1]
	}
	return r
}

// call asks a door, and holds the private API's answers against its specification.
func call(t *testing.T, d handler.Door, r handler.Request) handler.Response {
	t.Helper()
	response := answer(t, d, r)
	checkSpecified(t, r, response)
	return response
}

func answer(t *testing.T, d handler.Door, r handler.Request) handler.Response {
	t.Helper()
	response, err := d(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v: a door answers, it never fails", r.RouteKey, err)
	}
	return response
}

var specification = sync.OnceValues(func() (*apitest.Spec, error) { return apitest.Load("../../api/openapi.yaml") })

// checkSpecified holds what the private API takes and answers against its specification.
func checkSpecified(t *testing.T, r handler.Request, response handler.Response) {
	t.Helper()
	if !strings.Contains(r.RouteKey, " /orders") && !strings.Contains(r.RouteKey, " /subscriptions") {
		return
	}
	spec, err := specification()
	if err != nil {
		t.Fatal(err)
	}
	request, header := []byte(r.Body), http.Header{}
	if r.IsBase64Encoded {
		if request, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			request = nil
		}
	}
	for name, value := range response.Headers {
		header.Set(name, value)
	}
	if err := spec.Check(apitest.Exchange{
		Route: r.RouteKey, Request: request, Status: response.StatusCode, Header: header, Response: []byte(response.Body),
	}); err != nil {
		t.Errorf("not as api/openapi.yaml says: %v", err)
	}
}

func (h *house) create(t *testing.T, text string) handler.Response {
	t.Helper()
	response := call(t, h.merchant, event("POST /orders", "", text))
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", response.StatusCode, response.Body)
	}
	return response
}

// subscribe makes a subscription.
func (h *house) subscribe(t *testing.T, text string) {
	t.Helper()
	if response := call(t, h.merchant, event("POST /subscriptions", "", text)); response.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", response.StatusCode, response.Body)
	}
}

func success(query string) handler.Request {
	return event("GET /confirm/toss/{orderId}/{linkToken}", query, "", "orderId", "order-1", "linkToken", "link")
}

const good = "paymentKey=key&orderId=order-1&amount=15000"

func TestBaseURL(t *testing.T) {
	t.Parallel()
	const gateway = "https://abc.execute-api.ap-northeast-2.amazonaws.com"
	for _, tc := range []struct{ configured, stage, want string }{
		{"", "$default", gateway}, {"", "", gateway}, {"", "prod", gateway + "/prod"}, {"https://pay.shop.example", "prod", "https://pay.shop.example"},
	} {
		h := newHouse(t, tc.configured)
		r := event("POST /orders", "", body)
		r.RequestContext.Stage = tc.stage
		for _, name := range []string{"host", "x-forwarded-host", "x-forwarded-proto", "forwarded", "origin"} {
			r.Headers[name] = "evil.example"
		}
		response := call(t, h.merchant, r)
		if !strings.Contains(response.Body, `"checkoutUrl":"`+tc.want+`/pay/order-1/link"`) || !strings.Contains(response.Body, `"base":"`+tc.want+`"`) || strings.Contains(response.Body, "evil") {
			t.Errorf("configured %q, stage %q: %s, want %s", tc.configured, tc.stage, response.Body, tc.want)
		}
	}
}

func TestUnknownRoute(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "")
	webhook := answer(t, h.webhook, event("DELETE /orders", "", ""))
	if webhook.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("webhook: %d %s", webhook.StatusCode, webhook.Body)
	}
	for name, door := range map[string]handler.Door{"merchant": h.merchant, "checkout": h.checkout, "confirm": h.confirm} {
		response := answer(t, door, event("DELETE /orders", "", ""))
		if response.StatusCode != http.StatusInternalServerError || !strings.Contains(response.Body, "request-7") {
			t.Errorf("%s: %d %s", name, response.StatusCode, response.Body)
		}
	}
}

// TestFailuresShowNothingInternal: the table is down; the caller gets a request id, the log the cause, once.
func TestFailuresShowNothingInternal(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		door    func(*house) handler.Door
		request handler.Request
	}{
		"create":        {func(h *house) handler.Door { return h.merchant }, event("POST /orders", "", body)},
		"read":          {func(h *house) handler.Door { return h.merchant }, event("GET /orders/{orderId}", "", "", "orderId", "order-1")},
		"page":          {func(h *house) handler.Door { return h.checkout }, event("GET /pay/{id}/{linkToken}", "", "", "id", "order-1", "linkToken", "link")},
		"status":        {func(h *house) handler.Door { return h.checkout }, event("GET /pay/{id}/{linkToken}/status", "", "", "id", "order-1", "linkToken", "link")},
		"return":        {func(h *house) handler.Door { return h.confirm }, success(good)},
		"fail":          {func(h *house) handler.Door { return h.confirm }, event("GET /confirm/toss/{orderId}/{linkToken}/fail", "code=X", "", "orderId", "order-1", "linkToken", "link")},
		"returned":      {func(h *house) handler.Door { return h.confirm }, event("GET /confirm/portone/{id}/{linkToken}", "imp_uid=imp_1", "", "id", "order-1", "linkToken", "link")},
		"issued":        {func(h *house) handler.Door { return h.confirm }, event("GET /confirm/portone/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link")},
		"subscribe":     {func(h *house) handler.Door { return h.merchant }, event("POST /subscriptions", "", subscribe)},
		"subscription":  {func(h *house) handler.Door { return h.merchant }, event("GET /subscriptions/{id}", "", "", "id", "sub-001")},
		"issuance page": {func(h *house) handler.Door { return h.checkout }, event("GET /pay/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "https://pay.example")
			h.store.Before = func(string) error { return errors.New("ResourceNotFoundException: table canary-table") }
			response := call(t, r.door(h), r.request)
			if response.StatusCode != http.StatusInternalServerError || strings.Contains(response.Body, "canary") || strings.Contains(response.Body, "Exception") {
				t.Errorf("%d %s", response.StatusCode, response.Body)
			}
			if name != "status" && !strings.Contains(response.Body, "request-7") {
				t.Errorf("no request id in %s", response.Body)
			}
			if got := strings.Count(h.log.String(), "canary-table"); got != 1 || !strings.Contains(h.log.String(), `"requestId":"request-7"`) {
				t.Errorf("the cause is logged %d times: %s", got, h.log.String())
			}
		})
	}
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	if response := call(t, h.confirm, success(good)); response.StatusCode != http.StatusOK || !strings.Contains(response.Body, "Payment complete") {
		t.Fatalf("%d %s", response.StatusCode, response.Body)
	}
	response := call(t, h.merchant, event("GET /orders/{orderId}", "", "", "orderId", "order-1"))
	var got struct {
		OrderID, Status, Mode, Currency string
		Amount                          int64
		DueAt                           *time.Time
		Payment                         struct {
			Key             string
			Attempt         int
			Amount, Balance int64
		}
		History  []struct{ To string }
		Payments []struct{ Role string }
	}
	if err := json.Unmarshal([]byte(response.Body), &got); err != nil {
		t.Fatal(err)
	}
	if got.OrderID != "order-1" || got.Status != "paid" || got.Mode != "test" || got.Amount != 15000 || got.Currency != "KRW" || got.DueAt != nil ||
		got.Payment.Key != "key" || got.Payment.Attempt != 1 || got.Payment.Balance != 15000 || len(got.History) != 3 || len(got.Payments) != 1 || got.Payments[0].Role != "kept" {
		t.Errorf("read back %s", response.Body)
	}
	if response.Headers["Content-Type"] != "application/json; charset=utf-8" || response.Headers["Cache-Control"] != "no-store" {
		t.Errorf("headers %v", response.Headers)
	}
	missing := call(t, h.merchant, event("GET /orders/{orderId}", "", "", "orderId", "order-2"))
	if missing.StatusCode != http.StatusNotFound || !strings.Contains(missing.Body, `"NOT_FOUND"`) {
		t.Errorf("%d %s", missing.StatusCode, missing.Body)
	}
}

// TestFreshOrderHasEmptyLists: a merchant's program finds lists, not null.
func TestFreshOrderHasEmptyLists(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	response := call(t, h.merchant, event("GET /orders/{orderId}", "", "", "orderId", "order-1"))
	if !strings.Contains(response.Body, `"payments":[],"requests":[]`) || strings.Contains(response.Body, `"payment"`) || strings.Contains(response.Body, "null") {
		t.Errorf("%s", response.Body)
	}
}

func TestStatusSaysNothingElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	response := call(t, h.checkout, event("GET /pay/{id}/{linkToken}/status", "", "", "id", "order-1", "linkToken", "link"))
	if response.StatusCode != http.StatusOK || response.Body != `{"status":"open"}` {
		t.Errorf("%d %s", response.StatusCode, response.Body)
	}
}

// TestDeadlines: what a buyer waits for ends in time, and leaves some to write down what the provider said.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	call(t, h.confirm, success(good))
	if h.provider.deadline <= 0 || h.provider.deadline > payment.CallMax {
		t.Errorf("the provider was given %v, want at most %v", h.provider.deadline, payment.CallMax)
	}
	if handler.DoorTime >= 29*time.Second {
		t.Errorf("a door takes %v; the function is ended after 29 s", handler.DoorTime)
	}
}

// TestLanguage: the reader's choice, else the order's, else the browser's.
func TestLanguage(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, strings.Replace(body, `"language":"en"`, `"language":"ja"`, 1))
	page := func(query, link, accept string) string {
		r := event("GET /pay/{id}/{linkToken}", query, "", "id", "order-1", "linkToken", link)
		r.Headers["accept-language"] = accept
		return call(t, h.checkout, r).Headers["Content-Language"]
	}
	for _, tc := range []struct{ query, link, accept, want string }{
		{"", "link", "en", "ja"}, {"lang=zh", "link", "en", "zh"}, {"lang=xx", "link", "en", "ja"}, {"lang=%zz", "link", "en", "ja"},
		{"", "wrong", "en-GB,en;q=0.9", "en"}, {"", "wrong", "zh-TW", "zh"}, {"lang=en", "wrong", "zh", "en"},
	} {
		if got := page(tc.query, tc.link, tc.accept); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

// TestLanguageGoesAlong: an order without a language follows the browser, on our page, in the window and on the page that the window leads back
// to; a reader who chooses another one finds it on all of them.
func TestLanguageGoesAlong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ ofOrder, accept, chosen, speaks, back string }{
		{"", "ja,en;q=0.5", "", "ja", "/back?lang=ja"},
		{"", "", "", "ko", "/back?lang=ko"},
		{"", "de", "", "en", "/back?lang=en"},
		{"", "ja", "zh", "zh", "/back?lang=zh"},
		{"ko", "ja", "", "ko", "/back"},
		{"ko", "ja", "en", "en", "/back?lang=en"},
		{"en", "ja", "en", "en", "/back"},
	} {
		h := newHouse(t, "https://pay.example")
		h.create(t, strings.Replace(body, `"language":"en"`, `"language":"`+tc.ofOrder+`"`, 1))
		h.subscribe(t, strings.Replace(subscribe, `"language":"en"`, `"language":"`+tc.ofOrder+`"`, 1))
		for _, id := range []string{"order-1", "sub-001--key1"} {
			query := ""
			if tc.chosen != "" {
				query = "lang=" + tc.chosen
			}
			r := event("GET /pay/{id}/{linkToken}", query, "", "id", id, "linkToken", "link")
			r.Headers["accept-language"] = tc.accept
			page := call(t, h.checkout, r)
			if got := page.Headers["Content-Language"]; got != tc.speaks || !strings.Contains(page.Body, tc.back+`"`) {
				t.Errorf("%+v, %s: the page speaks %s, or its window does not lead back to %s", tc, id, got, tc.back)
			}
			if id == "order-1" && !strings.Contains(page.Body, `"language":"`+tc.speaks+`"`) {
				t.Errorf("%+v: the window does not speak %s", tc, tc.speaks)
			}
		}
		r := success(good)
		r.RawQueryString, r.Headers["accept-language"] = "code=PAY_PROCESS_CANCELED&"+strings.TrimPrefix(tc.back, "/back?"), "ko"
		r.RouteKey += "/fail"
		left := call(t, h.confirm, r)
		again := `href="https://pay.example/pay/order-1/link` + strings.TrimPrefix(tc.back, "/back") + `"`
		if got := left.Headers["Content-Language"]; got != tc.speaks || !strings.Contains(left.Body, again) {
			t.Errorf("%+v: the result speaks %s, or has no %s", tc, got, again)
		}
	}
}

// TestReturnToTheShop: the paid page leads back, told which order it is about, and nothing that a shop could take for a proof. The rest of the shop's
// own query stays as it is.
func TestReturnToTheShop(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, strings.Replace(body, `"name"`, `"returnUrl":"https://shop.example/thanks?cart=a;b%20c&orderId=x&off=10%25","name"`, 1))
	response := call(t, h.confirm, success(good))
	_, address, found := strings.Cut(response.Headers["Refresh"], "url=")
	if want := "https://shop.example/thanks?cart=a;b%20c&off=10%25&orderId=order-1"; !found || address != want {
		t.Errorf("leads to %s, want %s", address, want)
	}
	subscribed := newHouse(t, "https://pay.example")
	subscribed.subscribe(t, strings.Replace(subscribe, `"plan"`, `"returnUrl":"https://shop.example/thanks","plan"`, 1))
	page := call(t, subscribed.checkout, event("GET /pay/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link"))
	if want := `href="https://shop.example/thanks?subscriptionId=sub-001"`; !strings.Contains(page.Body, want) {
		t.Errorf("the registration page has no %s", want)
	}
	tampered := newHouse(t, "https://pay.example")
	tampered.create(t, strings.Replace(body, `"name"`, `"returnUrl":"https://shop.example/thanks","name"`, 1))
	if refresh := call(t, tampered.confirm, success("paymentKey=key&orderId=order-1&amount=1")).Headers["Refresh"]; refresh != "" {
		t.Errorf("a buyer who has not paid is sent away: %s", refresh)
	}
}

func TestBase64Body(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	r := event("POST /orders", "", base64.StdEncoding.EncodeToString([]byte(body)))
	r.IsBase64Encoded = true
	if response := call(t, h.merchant, r); response.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", response.StatusCode, response.Body)
	}
	r.Body = "!" + r.Body
	if response := call(t, h.merchant, r); response.StatusCode < 400 || response.StatusCode > 499 {
		t.Errorf("not base64: %d %s", response.StatusCode, response.Body)
	}
}

// TestHeaderNamesInAnyCase: API Gateway sends lower case, other callers do not.
func TestHeaderNamesInAnyCase(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	r := event("POST /orders", "", body)
	r.Headers = map[string]string{"CONTENT-TYPE": "application/json"}
	if response := call(t, h.merchant, r); response.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", response.StatusCode, response.Body)
	}
}

// TestCheckoutOpensExactlyTheWindow: the page carries the object of the merchant's answer.
func TestCheckoutOpensExactlyTheWindow(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	var made struct{ Window json.RawMessage }
	if err := json.Unmarshal([]byte(h.create(t, body).Body), &made); err != nil {
		t.Fatal(err)
	}
	page := call(t, h.checkout, event("GET /pay/{id}/{linkToken}", "", "", "id", "order-1", "linkToken", "link"))
	if !strings.Contains(page.Body, string(made.Window)) || page.StatusCode != http.StatusOK {
		t.Errorf("%d: the page does not hold %s", page.StatusCode, made.Window)
	}
}

func hook(name, token, source, body string) handler.Request {
	r := event("POST /webhooks/"+name+"/{webhookToken}", "", body, "webhookToken", token)
	r.RequestContext.HTTP.SourceIP = source
	return r
}

const tossAddress = "192.0.2.7"

// TestWebhookDoor: who may knock, and what is answered. A provider that gets 5xx sends again; one that gets 4xx was not the provider.
func TestWebhookDoor(t *testing.T) {
	t.Parallel()
	text := func(r handler.Request) handler.Request { r.Headers["content-type"] = "text/html, text/html"; return r }
	for name, tc := range map[string]struct {
		request handler.Request
		status  int
		heard   int
	}{
		"an order of ours":              {hook("toss", webhookToken, tossAddress, "order-1"), 200, 1}, // this provider answers no questions: it is remembered
		"an unknown order":              {hook("toss", webhookToken, tossAddress, "order-9"), 200, 1},
		"something else altogether":     {hook("toss", webhookToken, tossAddress, "{}"), 200, 1},
		"an issuance at the wrong door": {hook("toss", webhookToken, tossAddress, "sub-001--key1"), 200, 1},
		"a wrong token":                 {hook("toss", "hook-token2", tossAddress, "order-1"), 404, 0},
		"no token":                      {hook("toss", "", tossAddress, "order-1"), 404, 0},
		"another address":               {hook("toss", webhookToken, "203.0.113.9", "order-1"), 404, 0},
		"no address":                    {hook("toss", webhookToken, "", "order-1"), 404, 0},
		"a provider without a list":     {hook("portone", webhookToken, "203.0.113.9", "order-9"), 200, 1},
		"no webhook":                    {hook("toss", webhookToken, tossAddress, "no webhook"), 400, 0},
		"called another content":        {text(hook("toss", webhookToken, tossAddress, "order-9")), 200, 1},
		"only a key, and no answer":     {hook("toss", webhookToken, tossAddress, "key:unknown"), 503, 1},
		"half a megabyte":               {hook("toss", webhookToken, tossAddress, strings.Repeat("x", 512<<10)), 200, 1},
		"a megabyte":                    {hook("toss", webhookToken, tossAddress, strings.Repeat("x", 1<<20)), 413, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "https://pay.example")
			h.create(t, body)
			tc.request.Headers["x-forwarded-for"] = tossAddress // anybody can write this
			response := call(t, h.webhook, tc.request)
			if response.StatusCode != tc.status || len(h.hints) != tc.heard {
				t.Errorf("%d %s, %d hints; want %d and %d", response.StatusCode, response.Body, len(h.hints), tc.status, tc.heard)
			}
			alarm := strings.Contains(h.log.String(), `"event":"webhook.unreadable"`)
			if refused := response.StatusCode == 400 || response.StatusCode == 413; alarm != refused || strings.Contains(h.log.String(), "no webhook\"") {
				t.Errorf("%d, and the alarm's line is there: %v, or the body is:\n%s", response.StatusCode, alarm, h.log.String())
			}
			if response.StatusCode == http.StatusNotFound && response.Body != `{"message":"Not Found"}` {
				t.Errorf("%s: more than API Gateway says of a path that is not there", response.Body)
			}
		})
	}
}

// TestWebhooksThatNameOnlyAKey: a flood of them is slowed down, for each costs a question; the provider may send again.
func TestWebhooksThatNameOnlyAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "https://pay.example")
		statuses := map[int]int{}
		for range 5 {
			for range 10 {
				statuses[call(t, h.webhook, hook("toss", webhookToken, tossAddress, "key:absent")).StatusCode]++
			}
			time.Sleep(time.Second)
		}
		if statuses[200] != 5 || statuses[429] != 45 || h.provider.finds != 5 {
			t.Errorf("%v, %d questions; want one a second", statuses, h.provider.finds)
		}
	})
}

// TestWebhookOfAFinalOrderWithoutAnAnswer: what the provider does not answer is remembered; a table that does not answer is a 503 that tells nothing.
func TestWebhookOfAFinalOrderWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	call(t, h.confirm, success(good))
	paid := call(t, h.webhook, hook("toss", webhookToken, tossAddress, "order-1"))
	if paid.StatusCode != http.StatusOK || strings.Contains(paid.Body, "order-1") {
		t.Errorf("a paid order, and the provider does not answer: %d %s", paid.StatusCode, paid.Body)
	}
	h = newHouse(t, "https://pay.example")
	h.store.Before = func(string) error { return errors.New("canary-table is down") }
	if down := call(t, h.webhook, hook("toss", webhookToken, tossAddress, "order-1")); down.StatusCode != http.StatusServiceUnavailable || strings.Contains(down.Body, "canary") {
		t.Errorf("the table is down: %d %s", down.StatusCode, down.Body)
	}
}

// TestWebhookWithoutATokenIsClosed: a deployment that has none set answers nobody.
func TestWebhookWithoutATokenIsClosed(t *testing.T) {
	t.Parallel()
	door := handler.Webhook(nil, nil, handler.WebhookSettings{}, telemetry.New(&bytes.Buffer{}, "debug"))
	for _, token := range []string{"", "x"} {
		if response := call(t, door, hook("toss", token, "", "order-1")); response.StatusCode != http.StatusNotFound {
			t.Errorf("token %q: %d %s", token, response.StatusCode, response.Body)
		}
	}
}

// TestEnrolment: a subscription is made, its window opens, the return asks the provider, and the means is shown with nothing secret in it.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	made := call(t, h.merchant, event("POST /subscriptions", "", subscribe))
	var got struct {
		SubscriptionID, Status, CheckoutURL string
		DueAt                               *time.Time
		Window                              json.RawMessage
		SDK                                 struct{ Script, ClientKey string }
		Means                               *struct{ Key, Brand, Masked string }
	}
	decode := func(r handler.Response) {
		t.Helper()
		got.Means, got.Window, got.CheckoutURL, got.DueAt = nil, nil, "", nil
		if err := json.Unmarshal([]byte(r.Body), &got); err != nil {
			t.Fatal(err)
		}
	}
	decode(made)
	if made.StatusCode != http.StatusCreated || got.Status != "enrolling" || got.CheckoutURL != "https://pay.example/pay/sub-001--key1/link" ||
		!strings.Contains(string(got.Window), `"sub-001--key1"`) || got.SDK.Script == "" || got.DueAt == nil || got.Means != nil {
		t.Fatalf("%d %s", made.StatusCode, made.Body)
	}
	if again := call(t, h.merchant, event("POST /subscriptions", "", subscribe)); again.StatusCode != http.StatusOK {
		t.Errorf("the same request again: %d %s", again.StatusCode, again.Body)
	}
	if other := call(t, h.merchant, event("POST /subscriptions", "", strings.Replace(subscribe, "9900", "9901", 1))); other.StatusCode != http.StatusConflict || strings.Contains(other.Body, "link") {
		t.Errorf("another plan: %d %s", other.StatusCode, other.Body)
	}
	page := call(t, h.checkout, event("GET /pay/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link"))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.Body, string(got.Window)) {
		t.Errorf("the page does not hold the window: %d", page.StatusCode)
	}
	back := event("GET /confirm/portone/{id}/{linkToken}", "imp_uid=imp_1&merchant_uid=sub-001--key1", "", "id", "sub-001--key1", "linkToken", "link")
	h.sub001(t, func(s *subscription.Subscription) { s.AskAfter = time.Time{} })
	if early := call(t, h.confirm, back); early.StatusCode != http.StatusOK || early.Headers["Refresh"] == "" {
		t.Errorf("no key yet: %d, refresh %q", early.StatusCode, early.Headers["Refresh"])
	}
	h.keys.known["sub-001--key1"] = true
	h.sub001(t, func(s *subscription.Subscription) { s.AskAfter = time.Time{} }) // the pause between two questions is over
	if response := call(t, h.webhook, hook("portone", webhookToken, "", "sub-001--key1")); response.StatusCode != http.StatusOK {
		t.Errorf("webhook: %d %s", response.StatusCode, response.Body)
	}
	read := call(t, h.merchant, event("GET /subscriptions/{id}", "", "", "id", "sub-001"))
	if decode(read); got.Status != "active" || got.Means == nil || got.Means.Brand != "Canary card" || got.Means.Key != "sub-001--key1" || got.CheckoutURL != "" || got.DueAt == nil {
		t.Errorf("after the webhook: %s", read.Body)
	}
	asked := h.keys.asked
	if again := call(t, h.confirm, back); again.StatusCode != http.StatusOK || again.Headers["Refresh"] != "" || !strings.Contains(again.Body, "Canary card") || h.keys.asked != asked {
		t.Errorf("back after the webhook: %d, refresh %q, asked %d times: %s", again.StatusCode, again.Headers["Refresh"], h.keys.asked-asked, again.Body)
	}
	for _, id := range []string{"sub-009--key1", "sub-001", "sub-001--key2"} {
		if response := call(t, h.checkout, event("GET /pay/{id}/{linkToken}", "", "", "id", id, "linkToken", "link")); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", id, response.StatusCode)
		}
	}
	if wrong := call(t, h.confirm, event("GET /confirm/portone/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "wrong")); wrong.StatusCode != http.StatusNotFound {
		t.Errorf("a wrong link: %d", wrong.StatusCode)
	}
}

// sub001 changes the stored subscription.
func (h *house) sub001(t *testing.T, edit func(*subscription.Subscription)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := h.store.GetSubscription(ctx, "sub-001")
	if err != nil {
		t.Fatal(err)
	}
	edit(&s)
	s.Revision++
	if _, err := h.store.SaveSubscription(ctx, s); err != nil {
		t.Fatal(err)
	}
}

// TestSubscriptionRefuses: each bad field by its name, and nothing stored.
func TestSubscriptionRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ field, old, new string }{
		{"subscriptionId", "sub-001", "sub--01"},
		{"subscriptionId", "sub-001", strings.Repeat("a", 25)},
		{"subscriptionId", "sub-001", "sub-1"},
		{"customerId", "customer-1", ""},
		{"customerId", "customer-1", strings.Repeat("c", 51)},
		{"plan.amount", "9900", "99"},
		{"plan.amount", "9900", "0"},
		{"plan.amount", `"amount":9900,`, ""},
		{"plan.currency", "KRW", "USD"},
		{"plan.name", `"Plan"`, `"` + strings.Repeat("가", 14) + `"`},
		{"plan.name", `"Plan"`, `""`},
		{"plan.name", `"Plan"`, `"  "`},
		{"plan.interval", `"month"`, `"fortnight"`},
		{"plan.anchorDay", `"month"`, `"day","anchorDay":3`},
		{"plan.every", `"month"`, `"month","every":0`},
		{"plan.every", `"month"`, `"month","every":-1`},
		{"plan.anchorDay", `"month"`, `"month","anchorDay":0`},
		{"plan.anchorDay", `"month"`, `"month","anchorDay":32`},
		{"plan.chargeHour", `"month"`, `"month","chargeHour":24`},
		{"plan.chargeHour", `"month"`, `"month","chargeHour":"9"`},
		{"plan.catchUp", `"month"`, `"month","catchUp":"never"`},
		{"firstChargeAt", `"language"`, `"firstChargeAt":"2020-01-01T00:00:00Z","language"`},
		{"firstChargeAt", `"language"`, `"firstChargeAt":"tomorrow","language"`},
		{"returnUrl", `"language"`, `"returnUrl":"http://shop.example","language"`},
		{"language", `"en"`, `"fr"`},
		{"customer.id", `"language"`, `"customer":{"id":"x"},"language"`},
		{"cycle", `"language"`, `"cycle":3,"language"`},
	} {
		t.Run(tc.field+" "+tc.new, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "https://pay.example")
			h.store.Before = func(operation string) error {
				if operation != "get-subscription" || tc.field != "firstChargeAt" { // a time that was right once is looked up: it may be a repetition
					t.Errorf("%s reached the table", operation)
				}
				return nil
			}
			response := call(t, h.merchant, event("POST /subscriptions", "", strings.Replace(subscribe, tc.old, tc.new, 1)))
			var got struct{ Error struct{ Code, Field string } }
			if err := json.Unmarshal([]byte(response.Body), &got); err != nil || response.StatusCode != http.StatusBadRequest || got.Error.Field != tc.field {
				t.Errorf("%d %s, want 400 for %s", response.StatusCode, response.Body, tc.field)
			}
		})
	}
}

// TestReturnOfAWindow: m_redirect_url and the popup's callback. Nothing it says is shown or believed.
func TestReturnOfAWindow(t *testing.T) {
	t.Parallel()
	for query, status := range map[string]int{
		"imp_uid=imp_1&merchant_uid=order-1":                                      200,
		"imp_uid=imp_1&merchant_uid=order-1&imp_success=true":                     200,
		"imp_uid=imp_1&merchant_uid=order-2":                                      200,
		"error_code=F400&error_msg=" + url.QueryEscape("<script>canary</script>"): 200,
		"":                            200,
		"imp_uid=imp_1&imp_uid=imp_2": 200, // in doubt, so it is looked up by our own number
		"merchant_uid=order-1&merchant_uid=order": 200,
		"imp_uid=%zz": 200,
	} {
		h := newHouse(t, "https://pay.example")
		h.create(t, strings.Replace(body, `"toss"`, `"portone"`, 1))
		response := call(t, h.confirm, event("GET /confirm/portone/{id}/{linkToken}", query, "", "id", "order-1", "linkToken", "link"))
		if response.StatusCode != status || strings.Contains(response.Body, "canary") || strings.Contains(response.Body, "Payment complete") || strings.Contains(h.log.String(), "canary") {
			t.Errorf("%q: %d %s", query, response.StatusCode, response.Body)
		}
	}
	h := newHouse(t, "https://pay.example")
	h.create(t, body) // an order of the other provider
	if response := call(t, h.confirm, event("GET /confirm/portone/{id}/{linkToken}", "imp_uid=imp_1", "", "id", "order-1", "linkToken", "link")); response.StatusCode != http.StatusNotFound {
		t.Errorf("another provider's order: %d", response.StatusCode)
	}
}

// TestWithoutSubscriptions: a deployment that offers no provider of billing keys answers what it is asked about them, and does not break down.
func TestWithoutSubscriptions(t *testing.T) {
	t.Parallel()
	store, log := memstore.New(), telemetry.New(&bytes.Buffer{}, "debug")
	merchant := handler.Merchant(&payment.Merchant{Orders: store, Now: time.Now}, nil, log, "")
	checkout := handler.Checkout(&payment.Checkout{Orders: store, Now: time.Now}, nil, log, "")
	confirm := handler.Confirm(&payment.Settler{Orders: store, Claims: store, Now: time.Now, Log: log}, nil, portone.ParseQuestion, log, "")
	webhook := handler.Webhook(&payment.Settler{Orders: store, Claims: store, Now: time.Now, Log: log}, nil, handler.WebhookSettings{
		Parsers: map[string]func([]byte) (provider.Hint, error){"portone": func([]byte) (provider.Hint, error) { return provider.Hint{Number: "sub-001--key1"}, nil }},
	}, log)
	for name, tc := range map[string]struct {
		door    handler.Door
		request handler.Request
	}{
		"subscribe": {merchant, event("POST /subscriptions", "", subscribe)},
		"read":      {merchant, event("GET /subscriptions/{id}", "", "", "id", "sub-001")},
		"page":      {checkout, event("GET /pay/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link")},
		"status":    {checkout, event("GET /pay/{id}/{linkToken}/status", "", "", "id", "sub-001--key1", "linkToken", "link")},
		"return":    {confirm, event("GET /confirm/portone/{id}/{linkToken}", "", "", "id", "sub-001--key1", "linkToken", "link")},
		"webhook":   {webhook, hook("portone", "link", "", "{}")},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if broken := recover(); broken != nil {
					t.Errorf("panic: %v", broken)
				}
			}()
			if response := call(t, tc.door, tc.request); response.StatusCode < 400 || response.StatusCode > 499 {
				t.Errorf("%d %s, want a refusal", response.StatusCode, response.Body)
			}
		})
	}
}

// FuzzReturn: whatever a redirect carries, the door answers, an order that is not exactly meant stays open, and only the exact amount pays.
func FuzzReturn(f *testing.F) {
	for _, query := range []string{good, good + "&amount=1", "", "paymentKey=%00&orderId=order-1&amount=15000", "a=%zz", good + "&a=%zz&b;c&amp;d=1", good + "&amp;amount=1", "amount=15000;orderId=order-1", "paymentKey=key&orderId=order-1--2&amount=15000"} {
		f.Add(query, "order-1", "link")
		f.Add(query, "order-1", "Link")
	}
	f.Fuzz(func(t *testing.T, query, id, link string) {
		h := newHouse(t, "https://pay.example")
		h.create(t, body)
		r := event("GET /confirm/toss/{orderId}/{linkToken}", query, "", "orderId", id, "linkToken", link)
		response := call(t, h.confirm, r)
		if response.StatusCode < 200 || response.StatusCode > 499 {
			t.Errorf("%d for %q", response.StatusCode, query)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		o, err := h.store.Get(ctx, "order-1")
		if err != nil {
			t.Fatal(err)
		}
		said, doubtful := lenient.Query(query, "orderId", "amount", "paymentKey")
		exact := len(doubtful) == 0 && id == "order-1" && link == "link" && said["orderId"] == "order-1" && said["amount"] == "15000" && said["paymentKey"] != ""
		if !exact && (o.Status != order.Open || o.Attempt != 1) {
			t.Errorf("%q, %q, %q made the order %s", query, id, link, o.Status)
		}
		if o.Status == order.Paid && o.Capture.Amount != (money.Amount{Value: 15000, Currency: money.KRW}) {
			t.Errorf("paid %v", o.Capture.Amount)
		}
	})
}
