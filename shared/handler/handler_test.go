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
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/telemetry"
)

const body = `{"language":"en","orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`

type windows struct{}

func (windows) Window(o order.Order, base string) (provider.Window, error) {
	params, err := json.Marshal(map[string]string{"orderId": o.Number(), "base": base})
	return provider.Window{Script: "https://js.example/sdk", ClientKey: "test_ck_x", Params: params}, err
}

// approves is a provider that takes every payment.
type approves struct{ deadline time.Duration }

func (p *approves) Confirm(ctx context.Context, c provider.Confirm) provider.Answer {
	if end, ok := ctx.Deadline(); ok {
		p.deadline = time.Until(end)
	}
	return provider.Answer{Verdict: provider.Paid, HTTP: 200, Call: "confirm", Payment: provider.Payment{
		Key: c.Key, Number: c.Number, Amount: c.Amount, Balance: c.Amount, Currency: "KRW", Sandbox: true,
	}}
}

func (p *approves) Find(context.Context, provider.Ref) provider.Answer { return provider.Answer{} }

// house is all doors on one table.
type house struct {
	store                       *memstore.Store
	provider                    *approves
	log                         bytes.Buffer
	merchant, checkout, confirm handler.Door
}

func newHouse(t *testing.T, base string) *house {
	t.Helper()
	h := &house{store: memstore.New(), provider: &approves{}}
	log := telemetry.New(&h.log, "debug")
	allowed, err := payment.ParseReturnURLs("https://shop.example")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now
	h.merchant = handler.Merchant(&payment.Merchant{
		Orders: h.store, Offers: map[string]payment.Offer{"toss": {Windows: windows{}, AmountMin: 100, NameMax: 100}}, Mode: "test", ReturnURLs: allowed,
		Now: now, NewToken: func() string { return "link" }, NewID: func() string { return "ord_made" },
	}, log, base)
	h.checkout = handler.Checkout(&payment.Checkout{Orders: h.store, Windows: map[string]payment.Windows{"toss": windows{}}, Now: now}, log, base)
	h.confirm = handler.Confirm(&payment.Settler{
		Orders: h.store, Claims: h.store, Now: now, Log: log, Wait: func(context.Context, time.Duration) error { return errors.New("no time to wait") },
		Gateways: map[string]payment.Gateway{"toss": {
			Finder: h.provider, Confirmer: h.provider, Timing: provider.Timing{ConfirmWindow: time.Minute}, Ready: func(context.Context) error { return nil },
		}},
	}, log, base)
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

func call(t *testing.T, d handler.Door, r handler.Request) handler.Response {
	t.Helper()
	response, err := d(t.Context(), r)
	if err != nil {
		t.Fatalf("%s: %v: a door answers, it never fails", r.RouteKey, err)
	}
	return response
}

func (h *house) create(t *testing.T, text string) handler.Response {
	t.Helper()
	response := call(t, h.merchant, event("POST /orders", "", text))
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", response.StatusCode, response.Body)
	}
	return response
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
	for name, door := range map[string]handler.Door{"merchant": h.merchant, "checkout": h.checkout, "confirm": h.confirm} {
		response := call(t, door, event("DELETE /orders", "", ""))
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
		"create": {func(h *house) handler.Door { return h.merchant }, event("POST /orders", "", body)},
		"read":   {func(h *house) handler.Door { return h.merchant }, event("GET /orders/{orderId}", "", "", "orderId", "order-1")},
		"page":   {func(h *house) handler.Door { return h.checkout }, event("GET /pay/{id}/{linkToken}", "", "", "id", "order-1", "linkToken", "link")},
		"status": {func(h *house) handler.Door { return h.checkout }, event("GET /pay/{id}/{linkToken}/status", "", "", "id", "order-1", "linkToken", "link")},
		"return": {func(h *house) handler.Door { return h.confirm }, success(good)},
		"fail":   {func(h *house) handler.Door { return h.confirm }, event("GET /confirm/toss/{orderId}/{linkToken}/fail", "code=X", "", "orderId", "order-1", "linkToken", "link")},
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
		Evidence []struct{ Call string }
	}
	if err := json.Unmarshal([]byte(response.Body), &got); err != nil {
		t.Fatal(err)
	}
	if got.OrderID != "order-1" || got.Status != "paid" || got.Mode != "test" || got.Amount != 15000 || got.Currency != "KRW" || got.DueAt != nil ||
		got.Payment.Key != "key" || got.Payment.Attempt != 1 || got.Payment.Balance != 15000 || len(got.History) != 3 || len(got.Evidence) != 1 {
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
	if !strings.Contains(response.Body, `"evidence":[]`) || strings.Contains(response.Body, `"payment"`) || strings.Contains(response.Body, "null") {
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
	h.create(t, strings.Replace(body, `"name"`, `"language":"ja","name"`, 1))
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

// TestReturnToTheShop: the paid page leads back, told what we believe; the shop's own query cannot say something else.
func TestReturnToTheShop(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "https://pay.example")
	h.create(t, strings.Replace(body, `"name"`, `"returnUrl":"https://shop.example/thanks?cart=7&status=refunded&orderId=x","name"`, 1))
	response := call(t, h.confirm, success(good))
	_, address, found := strings.Cut(response.Headers["Refresh"], "url=")
	u, err := url.Parse(address)
	if err != nil || !found {
		t.Fatalf("Refresh %q: %v", response.Headers["Refresh"], err)
	}
	if q := u.Query(); u.Host != "shop.example" || q.Get("cart") != "7" || q.Get("status") != "paid" || q.Get("orderId") != "order-1" || len(q["status"]) != 1 {
		t.Errorf("leads to %s", address)
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

// FuzzReturn: whatever a redirect carries, the door answers, an order that is not exactly meant stays open, and only the exact amount pays.
func FuzzReturn(f *testing.F) {
	for _, query := range []string{good, good + "&amount=1", "", "paymentKey=%00&orderId=order-1&amount=15000", "a=%zz", "amount=15000;orderId=order-1", "paymentKey=key&orderId=order-1--2&amount=15000"} {
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
		values, err := url.ParseQuery(query)
		exact := err == nil && id == "order-1" && link == "link" && len(values["orderId"]) == 1 && values.Get("orderId") == "order-1" &&
			len(values["amount"]) == 1 && values.Get("amount") == "15000" && len(values["paymentKey"]) == 1 && values.Get("paymentKey") != ""
		if !exact && (o.Status != order.Open || o.Attempt.N != 1) {
			t.Errorf("%q, %q, %q made the order %s", query, id, link, o.Status)
		}
		if o.Status == order.Paid && o.Capture.Amount != (money.Amount{Value: 15000, Currency: money.KRW}) {
			t.Errorf("paid %v", o.Capture.Amount)
		}
	})
}
