package deploy_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/tests/root"
)

// TestBoot runs the very programs that are deployed: built as SAM builds them, started with the template's variables, fed by a Lambda
// Runtime API, against a DynamoDB-compatible engine and the simulated provider.
func TestBoot(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	doors := buildDoors(t)
	t.Run("settings", func(t *testing.T) { t.Parallel(); testSettings(t, doors) })
	t.Run("init", func(t *testing.T) { t.Parallel(); testInit(t, doors) })
	t.Run("engines", func(t *testing.T) {
		t.Parallel()
		for _, engine := range enginetest.Engines(t) {
			t.Run(engine.Name, func(t *testing.T) {
				t.Parallel()
				t.Run("events", func(t *testing.T) { t.Parallel(); testEvents(t, doors, engine) })
				t.Run("killed", func(t *testing.T) { t.Parallel(); testKilled(t, doors, engine) })
				t.Run("wrong secret", func(t *testing.T) { t.Parallel(); testWrongSecret(t, doors, engine) })
				t.Run("rotated secret", func(t *testing.T) { t.Parallel(); testRotatedSecret(t, doors, engine) })
				t.Run("wrong PortOne secret", func(t *testing.T) { t.Parallel(); testWrongPortOneSecret(t, doors, engine) })
				t.Run("wrong PortOne settings", func(t *testing.T) { t.Parallel(); testPortOneSettings(t, doors, engine) })
				t.Run("without PortOne", func(t *testing.T) { t.Parallel(); testWithoutPortOne(t, doors, engine) })
				t.Run("tick with a queue", func(t *testing.T) { t.Parallel(); testQueue(t, doors, engine) })
				t.Run("connections", func(t *testing.T) { t.Parallel(); testConnections(t, doors, engine) })
				t.Run("webhook sources", func(t *testing.T) { t.Parallel(); testSources(t, doors, engine) })
			})
		}
	})
}

// replay is what a file in events/ shows.
type replay struct {
	door   string // scene.Events names it
	status int
	has    []string // in the body
	hasNot []string

	id           string              // of the order it is about; empty: eventOrder
	imported     string              // id of the subscription it is about; empty: eventSubscription
	order        order.Status        // of the order afterwards; empty: there is none
	attempt      int                 // of the order; 0 means 1
	subscription subscription.Status // afterwards; empty: there is none
	plan         int64               // its amount; 0 means eventPlanAmount
	issuing      int                 // the key whose window can be opened afterwards; 0: none
	moved        []int64             // in the providers' ledger, given back below zero
	calls        map[string]int      // of the provider, by operation
	requests     map[string]int      // to the table, by operation
	logged       string              // the "event" of a log line
}

// replays has a row for every file of events/ that is API Gateway's. What is so before each, scene.Events says.
var replays = together(tossReplays, portoneReplays)

func together(parts ...map[string]replay) map[string]replay {
	all := map[string]replay{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

var tossReplays = map[string]replay{
	"order-created": {status: 201, has: []string{`"status":"open"`, `"window":{"method":"CARD"`, `"useInternationalCardOnly":true`},
		order: order.Open, requests: map[string]int{"PutItem": 1}, logged: "order.created"},
	"order-created-again": {status: 200, has: []string{`"status":"open"`, `"window":{"method":"CARD"`},
		order: order.Open, requests: map[string]int{"PutItem": 1}},
	"order-odd-buyer": {status: 201, has: []string{`"status":"open"`, `"customerEmail":"a..b.@docomo.ne.jp"`, `"notes":[{"field":"customer.phone"`},
		hasNot: []string{"ask me"}, order: order.Open, requests: map[string]int{"PutItem": 1}, logged: "order.created"},
	"order-conflict": {status: 409, has: []string{`"code":"ORDER_EXISTS"`}, hasNot: []string{"18000", eventEmail},
		order: order.Open, requests: map[string]int{"PutItem": 1}},
	"order-refused-field":      {status: 400, has: []string{`"code":"UNKNOWN_FIELD"`, `"field":"ammount"`}},
	"order-refused-double":     {status: 400, has: []string{`"code":"UNKNOWN_FIELD"`, `"field":"AMOUNT"`, "it is written amount"}},
	"order-refused-amount":     {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"amount"`}},
	"order-refused-currency":   {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"currency"`}},
	"order-refused-return-url": {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"returnUrl"`}},
	"order-read": {status: 200, has: []string{`"status":"paid"`, `"payment":{"key":"` + eventKey + `"`, `"event":"captured"`},
		hasNot: []string{eventEmail, eventPhone}, order: order.Paid, requests: map[string]int{"GetItem": 1}},
	"order-list":   {status: 200, has: []string{`{"orders":[]}`}, order: order.Paid, requests: map[string]int{"Query": 1}},
	"refund-whole": {status: 202, has: []string{`"outcome":"pending"`, `"refundable":0`}, order: order.Paid, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"refund-again": {status: 202, has: []string{`"outcome":"pending"`, `"refundable":0`}, order: order.Paid, requests: map[string]int{"GetItem": 1}},
	"refund-part": {status: 202, has: []string{`"outcome":"pending"`, `"amount":5000`, `"balance":15000,"refundable":10000`},
		order: order.Paid, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"refund-over-balance":   {status: 409, has: []string{`"code":"OVER_BALANCE"`, "15000"}, order: order.Paid, requests: map[string]int{"GetItem": 1}},
	"resolve-not-in-review": {status: 409, has: []string{`"code":"NOT_IN_REVIEW"`}, order: order.Paid, requests: map[string]int{"GetItem": 1}},
	"order-read-unknown":    {status: 404, has: []string{`"code":"NOT_FOUND"`}, requests: map[string]int{"GetItem": 1}},

	"checkout-page": {status: 200,
		has:    []string{"Review your order", "15,000", "https://js.tosspayments.com/v2/standard", tosssim.DefaultClientKey, `"method":"CARD"`},
		hasNot: []string{tosssim.DefaultSecretKey}, order: order.Open, requests: map[string]int{"GetItem": 1}},
	"checkout-paid": {status: 200, has: []string{"Payment complete"}, hasNot: []string{"js.tosspayments.com", "<script"},
		order: order.Paid, requests: map[string]int{"GetItem": 1}},
	"checkout-status": {status: 200, has: []string{`{"status":"open"}`}, order: order.Open, requests: map[string]int{"GetItem": 1}},
	"checkout-unknown-link": {status: 404, has: []string{"Page not found"}, hasNot: []string{"T-shirt", "15,000", eventLink},
		order: order.Open, requests: map[string]int{"GetItem": 1}},

	"confirm-success": {status: 200, has: []string{"Payment complete", "https://shop.example/orders/done?"}, hasNot: []string{"Pay again"},
		order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"confirm": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}},
	"confirm-odd-query": {status: 200, has: []string{"Payment complete"}, hasNot: []string{"fbclid"},
		order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"confirm": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}},
	"confirm-twice": {status: 200, has: []string{"Payment complete"}, hasNot: []string{"Pay again"},
		order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"confirm": 1}, requests: map[string]int{"UpdateItem": 1}},
	"confirm-tampered-amount": {status: 200, has: []string{"The amount did not match", "Nothing was charged"}, hasNot: []string{"Payment complete"},
		order: order.Open, requests: map[string]int{"UpdateItem": 1}, logged: "security.amount_mismatch"},
	"confirm-declined": {status: 200, has: []string{"Your payment was not approved", "Nothing was charged"},
		order: order.Open, attempt: 2, calls: map[string]int{"confirm": 1, "find": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}},
	"confirm-checking": {status: 200, has: []string{"Checking your payment", "do not pay again"},
		hasNot: []string{"Nothing was charged", "Pay again", "/pay/"},
		order:  order.Processing, calls: map[string]int{"confirm": 1, "find": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}},
	"confirm-unknown-link": {status: 404, has: []string{"Page not found"}, hasNot: []string{"T-shirt", eventLink},
		order: order.Open, requests: map[string]int{"UpdateItem": 1}},
	"confirm-malformed": {status: 400, has: []string{"temporarily unavailable"}, hasNot: []string{"T-shirt"},
		order: order.Open, logged: "redirect.refused"},

	"fail-cancelled": {status: 200, has: []string{"You canceled the payment", "Nothing was charged"},
		order: order.Open, requests: map[string]int{"GetItem": 1}, logged: "window.failed"},
	"fail-aborted": {status: 200, has: []string{"The payment was interrupted", "PAY_PROCESS_ABORTED"},
		order: order.Open, requests: map[string]int{"GetItem": 1}, logged: "window.failed"},
	"fail-rejected": {status: 200, has: []string{"The card company declined the payment", "REJECT_CARD_COMPANY"},
		order: order.Open, requests: map[string]int{"GetItem": 1}, logged: "window.failed"},
}

// testEvents replays every file of events/ as it stands.
func testEvents(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	files, err := filepath.Glob("events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if name == "env" {
			continue // variables for `sam local`, see TestEventsReadme
		}
		shown[name] = true
		if r, ok := chargeReplays[name]; ok {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r.run(t, newStage(t, doors, engine), name)
			})
			continue
		}
		if r, ok := toldReplays[name]; ok {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r.run(t, newStage(t, doors, engine), name)
			})
			continue
		}
		r, ok := replays[name]
		if !ok {
			t.Errorf("%s shows nothing: it has no row in replays", file)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r.run(t, newStage(t, doors, engine), name)
		})
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(replays)), slices.Collect(maps.Keys(chargeReplays)), slices.Collect(maps.Keys(toldReplays))) {
		if !shown[name] {
			t.Errorf("events/%s.json is missing", name)
		}
	}
}

func (r replay) run(t *testing.T, s *stage, name string) {
	given := scene.Events[name]
	s.set(given.Given)
	event, payload := readEvent(t, name)
	checkRedirect(t, event, s.scene.Returned)
	checkWebhook(t, event, s.lastWebhook())
	r.door = doorOf(given.Function)
	p := s.start(r.door, nil)
	before, called := "", s.called()
	if given.After != "" {
		_, first := readEvent(t, given.After)
		before = p.invoke(first).Body
	}
	s.counts()
	response := p.invoke(payload)
	r.checkResponse(t, response)
	if r.door == "merchant" {
		checkSpecified(t, event, response)
	}
	if name == "order-created-again" && response.Body != before {
		t.Errorf("the same request was answered\n%s\nand then\n%s", before, response.Body)
	}
	requests := s.counts()
	if !maps.Equal(requests, r.requests) {
		t.Errorf("requests to the table: %v, want %v", requests, r.requests)
	}
	calls := s.called()
	for operation, times := range called { // by the set-up
		if calls[operation] -= times; calls[operation] == 0 {
			delete(calls, operation)
		}
	}
	if !maps.Equal(calls, r.calls) {
		t.Errorf("calls of the provider: %v, want %v", calls, r.calls)
	}
	s.moved(r.about(), r.moved...)
	if violations := append(s.toss.Violations(), s.portone.Violations()...); len(violations) > 0 {
		t.Errorf("the provider's rules were broken: %v", violations)
	}
	r.checkOrder(t, s)
	r.checkSubscription(t, s)
	r.checkPrewarm(t, s)
	r.checkLogs(t, s, p, event)
	for _, operation := range slices.Sorted(maps.Keys(requests)) {
		if allowed[s.doors[r.door].role]["dynamodb:"+operation] == "" {
			t.Errorf("%s needs dynamodb:%s, which its role does not allow", r.door, operation)
		}
	}
}

func (r replay) about() string {
	if r.id != "" {
		return r.id
	}
	return eventOrder
}

func (r replay) checkResponse(t *testing.T, response events.APIGatewayV2HTTPResponse) {
	t.Helper()
	if response.StatusCode != r.status {
		t.Errorf("status %d, want %d: %s", response.StatusCode, r.status, response.Body)
	}
	for _, part := range r.has {
		if !strings.Contains(response.Body, part) {
			t.Errorf("the body has no %s:\n%s", part, response.Body)
		}
	}
	for _, part := range append(r.hasNot, tosssim.DefaultSecretKey, portonesim.DefaultImpKey, portonesim.DefaultImpSecret, "<script>alert") {
		if strings.Contains(response.Body, part) {
			t.Errorf("the body has %s:\n%s", part, response.Body)
		}
	}
	want := map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
	if r.door != "merchant" && strings.HasPrefix(response.Body, "<") {
		want["Content-Type"], want["Referrer-Policy"] = "text/html; charset=utf-8", "no-referrer"
		if !strings.HasPrefix(response.Headers["Content-Security-Policy"], "default-src 'none'") {
			t.Errorf("no strict Content-Security-Policy: %v", response.Headers)
		}
	} else {
		want["Content-Type"] = "application/json; charset=utf-8"
	}
	if r.status == http.StatusSeeOther {
		delete(want, "Content-Type")
	}
	for header, value := range want {
		if response.Headers[header] != value {
			t.Errorf("header %s is %q, want %q", header, response.Headers[header], value)
		}
	}
}

func (r replay) checkOrder(t *testing.T, s *stage) {
	t.Helper()
	if r.order == "" {
		for _, id := range []string{eventOrder, eventPortOneOrder} {
			if _, err := s.records.Get(s.context(), id); err == nil {
				t.Errorf("there is an order %s", id)
			}
		}
		return
	}
	o := s.read(r.about())
	if o.Status != r.order || o.Attempt != max(r.attempt, 1) || o.Amount.Value != eventAmount {
		t.Errorf("the order is %s, attempt %d, %s; want %s, attempt %d, %d", o.Status, o.Attempt, o.Amount, r.order, max(r.attempt, 1), eventAmount)
	}
	waits := o.Status == order.Open || o.Status == order.Processing || len(o.Ledger.Requests) > 0
	lastLook := o.Provider == "portone" && (o.Status == order.Paid || o.Status == order.Refunded) && o.BillingKey == ""
	if (waits || lastLook) == o.DueAt.IsZero() {
		t.Errorf("due at %v in status %s: %+v", o.DueAt, o.Status, o.Ledger.Requests)
	}
	if moved := o.Status != order.Open || o.Attempt > 1; moved && r.calls != nil && o.Ledger.LearnedAt.IsZero() {
		t.Error("the provider was asked, the order moved, and it does not say that anything was learned")
	}
	key := eventKey
	if o.Provider == "portone" {
		key = eventImpUID
	}
	if took := o.Status == order.Paid || o.Status == order.Refunded; took && (o.Capture.Key != key || o.Capture.Amount != o.Amount) {
		t.Errorf("%s, but the capture is %+v", o.Status, o.Capture)
	}
	if o.Owed() != nil {
		t.Errorf("money is still owed: %+v", o.Owed())
	}
}

func (r replay) checkSubscription(t *testing.T, s *stage) {
	t.Helper()
	if r.subscription == "" {
		if _, err := s.records.GetSubscription(s.context(), eventSubscription); err == nil {
			t.Error("there is a subscription")
		}
		return
	}
	found, issuing := s.subscription(cmp.Or(r.imported, eventSubscription)), 0
	if key := found.Issuing(); key != nil {
		issuing = key.N
	}
	// A canceled one waits for a second deletion: its key is a minute old, and another window may be open.
	waits := slices.Contains([]subscription.Status{subscription.Enrolling, subscription.Active, subscription.Canceled}, found.Status)
	plan := cmp.Or(r.plan, eventPlanAmount)
	if found.Status != r.subscription || issuing != r.issuing || found.Plan.Amount.Value != plan || waits == found.DueAt.IsZero() {
		t.Errorf("the subscription is %s, issuing key %d, plan %v, due %v; want %s, %d, %d", found.Status, issuing, found.Plan, found.DueAt,
			r.subscription, r.issuing, plan)
	}
	if means := found.Status != subscription.Enrolling; means != (found.Key.Brand != "" && found.Key.Masked != "" && !found.Key.IssuedAt.IsZero()) {
		t.Errorf("%s with the key %+v", found.Status, found.Key)
	}
}

// checkPrewarm: init connects to the table, and to the provider and Secrets Manager only in the functions that need them. Each secret that
// its role may read is read, once, and no other.
func (r replay) checkPrewarm(t *testing.T, s *stage) {
	t.Helper()
	want, reads := map[string]int{"GetItem": 1}, map[string]int{}
	if r.door == "confirm" {
		want["HEAD"] = 1
	}
	for name, id := range map[string]string{"TossSecret": tossSecretID, "PortOneSecret": portoneSecretID} {
		if strings.Contains(allowed[s.doors[r.door].role]["secretsmanager:GetSecretValue"], name) {
			reads[id] = 1
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !maps.Equal(s.warmed, want) || !maps.Equal(s.reads, reads) {
		t.Errorf("init made %v and read the secrets %v, want %v and %v", s.warmed, s.reads, want, reads)
	}
}

// checkLogs: one line tells how the request went, under API Gateway's id, and what must alarm does.
func (r replay) checkLogs(t *testing.T, s *stage, p *process, event events.APIGatewayV2HTTPRequest) {
	t.Helper()
	link := eventLink
	switch { // one that the function made
	case r.order != "":
		link = s.read(r.about()).LinkToken
	case r.subscription != "":
		link = s.subscription(cmp.Or(r.imported, eventSubscription)).LinkToken
	}
	requests, logged := 0, []string{}
	for _, line := range p.logs(link) {
		if line["requestId"] != event.RequestContext.RequestID {
			continue // of the event before
		}
		if line["msg"] == "request" && line["routeKey"] == event.RouteKey && line["status"] == float64(r.status) {
			requests++
		}
		if name, ok := line["event"].(string); ok {
			logged = append(logged, name)
		}
	}
	if requests != 1 {
		t.Errorf("%d lines say how the request went, want 1", requests)
	}
	if r.logged != "" && !slices.Contains(logged, r.logged) {
		t.Errorf("logged %v, want %s", logged, r.logged)
	}
	for name := range alarmed {
		if name != r.logged && slices.Contains(logged, name) {
			t.Errorf("an alarm for nothing: %s", name)
		}
	}
}

// readEvent reads a file of events/ and checks that it is what API Gateway sends: its parts repeat each other.
func readEvent(t *testing.T, name string) (events.APIGatewayV2HTTPRequest, []byte) {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	payload = scene.Ahead(payload, time.Now())
	var e events.APIGatewayV2HTTPRequest
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	method, path, _ := strings.Cut(e.RouteKey, " ")
	for parameter, value := range e.PathParameters {
		path = strings.Replace(path, "{"+parameter+"}", value, 1)
	}
	query := queryOf(e.RawQueryString)
	c, origin := e.RequestContext, "https://"+e.RequestContext.DomainName
	for what, ok := range map[string]bool{
		"version":        e.Version == "2.0",
		"a route of API": routes[e.RouteKey].function != "",
		"path":           path == e.RawPath && c.HTTP.Path == path && c.HTTP.Method == method && c.RouteKey == e.RouteKey,
		"query":          maps.Equal(query, e.QueryStringParameters),
		"origin":         origin == eventOrigin && e.Headers["host"] == c.DomainName && strings.HasPrefix(c.DomainName, c.APIID+"."),
		"request":        c.RequestID != "" && c.Stage == "$default" && c.TimeEpoch > 0 && c.AccountID != "",
		"caller":         (c.Authorizer != nil && c.Authorizer.IAM != nil) == routes[e.RouteKey].iam && c.HTTP.SourceIP == e.Headers["x-forwarded-for"],
		"body":           e.Body == "" || e.Headers["content-length"] == fmt.Sprint(len(eventBody(t, e))),
	} {
		if !ok {
			t.Errorf("events/%s.json is not what API Gateway sends: %s", name, what)
		}
	}
	return e, payload
}

// queryOf is API Gateway's reading: parts end at an & alone, what cannot be decoded stays as it is, and a name's values are joined.
func queryOf(raw string) map[string]string {
	query := map[string]string{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		if earlier, again := query[name]; again {
			value = earlier + "," + value
		}
		if name != "" {
			query[name] = value
		}
	}
	return query
}

// eventBody is what the sender sent.
func eventBody(t *testing.T, e events.APIGatewayV2HTTPRequest) string {
	t.Helper()
	if !e.IsBase64Encoded {
		return e.Body
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// checkRedirect: the committed event is the very redirect that the provider's window makes for this order. It may have more parameters.
func checkRedirect(t *testing.T, e events.APIGatewayV2HTTPRequest, returned *url.URL) {
	t.Helper()
	if returned == nil || e.PathParameters["linkToken"] != eventLink || strings.Contains(e.QueryStringParameters["amount"], ",") {
		return // the buyer's own making
	}
	if e.RawPath != returned.Path {
		t.Errorf("the window leads to %s, the event is for %s", returned.Path, e.RawPath)
	}
	for name, values := range returned.Query() {
		if e.QueryStringParameters[name] != strings.Join(values, ",") {
			t.Errorf("the window sends %s=%s, the event has %q", name, values, e.QueryStringParameters[name])
		}
	}
}

// testKilled: the process dies while the provider takes the money. The record says processing, a reload asks, and the money is taken once.
func testKilled(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	s := newStage(t, doors, engine)
	s.set(scene.Approved)
	s.fail(tosssim.OpConfirm, fault.Delay, 1)
	_, payload := readEvent(t, "confirm-success")

	first := s.start("confirm", nil)
	abandoned := make(chan struct{})
	go func() {
		defer close(abandoned)
		_, _ = first.api.Invoke(s.context(), payload) // ends when its server closes: the function never answers
	}()
	s.eventually(first, "the provider sees the confirm", func() bool { return s.toss.Calls()[tosssim.OpConfirm] == 1 })
	first.kill()
	s.moved(eventOrder)
	if o := s.order(); o.Status != order.Processing || o.DueAt.IsZero() {
		t.Fatalf("the order is %s, due %v: the intent must be recorded before the call", o.Status, o.DueAt)
	}

	// A reload while the provider is still at work: nothing is known, so nothing is said and nothing taken.
	second := s.start("confirm", nil)
	s.letTimePass(eventOrder)
	if body := second.invoke(payload).Body; !strings.Contains(body, "Checking your payment") {
		t.Errorf("the provider is at work and the buyer reads:\n%s", body)
	}
	s.moved(eventOrder)
	if o := s.order(); o.Status != order.Processing {
		t.Errorf("the order is %s on nobody's word", o.Status)
	}

	s.release()
	s.eventually(second, "the provider takes the money", func() bool { return len(s.ledger.Entries()) == 1 })
	s.letTimePass(eventOrder)
	if body := second.invoke(payload).Body; !strings.Contains(body, "Payment complete") {
		t.Errorf("the money is taken and the buyer reads:\n%s", body)
	}
	s.moved(eventOrder, eventAmount)
	if o := s.order(); o.Status != order.Paid || o.Capture.Key != eventKey {
		t.Errorf("the order is %s, capture %+v", o.Status, o.Capture)
	}
	if violations := s.toss.Violations(); len(violations) > 0 {
		t.Errorf("the provider's rules were broken: %v", violations)
	}
	first.logs()
	second.logs()
}

// testWrongSecret: a secret that cannot be used takes no money and loses no payment. With the right one the same redirect is paid.
func testWrongSecret(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	live := tosssim.KeyPair{Secret: "live_sk_SimulatorOnlyNotARealKey", Client: "live_ck_SimulatorOnlyNotARealKey"}
	change := map[string]string{"MODE": "live", "TOSS_CLIENT_KEY": live.Client, "PORTONE_USER_CODE": ""} // PortOne's channel is a test one
	tests := []struct{ name, secret, says string }{
		{"test key in live mode", `{"secretKey":"` + tosssim.DefaultSecretKey + `"}`, "secretKey of TossSecret is a test key"},
		{"placeholder", `{"secretKey":"REPLACE_ME"}`, "secretKey of TossSecret is not"},
		{"client key", `{"secretKey":"` + live.Client + `"}`, "secretKey of TossSecret holds a client key"},
		{"key without its JSON", live.Secret, "TOSS_SECRET_ID"},
		{"no secret", "", tossSecretID},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine, live)
			s.putSecret(tossSecretID, tt.secret)
			s.set(func(ctx context.Context, on *scene.Stage) error {
				o, err := on.Seed(ctx, "live")
				return errors.Join(err, on.Pay(o, live.Client, "approve", ""))
			})
			_, payload := readEvent(t, "confirm-success")
			p := s.start("confirm", change)
			response := p.invoke(payload)
			if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(response.Body, "temporarily unavailable") {
				t.Errorf("status %d: %s", response.StatusCode, response.Body)
			}
			if o := s.order(); o.Status != order.Open || len(s.toss.Calls()) > 0 {
				t.Errorf("the order is %s after calls %v", o.Status, s.toss.Calls())
			}
			alarms := 0
			for _, line := range p.logs(live.Secret, "REPLACE_ME", live.Client) {
				cause, _ := line["cause"].(string)
				if line["event"] == "config.error" && strings.Contains(cause, tt.says) {
					alarms++
				}
			}
			if alarms == 0 {
				t.Errorf("no config.error that says %q:\n%s", tt.says, p.stdout.String())
			}

			s.putSecret(tossSecretID, `{"secretKey":"`+live.Secret+`"}`)
			if body := s.start("confirm", change).invoke(payload).Body; !strings.Contains(body, "Payment complete") {
				t.Errorf("the secret is mended and the buyer reads:\n%s", body)
			}
			s.moved(eventOrder, eventAmount)
		})
	}
}

// testRotatedSecret: the provider knows the new key only, the running function holds the old one. The same request heals it.
func testRotatedSecret(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	const old = "test_sk_TheKeyBeforeTheRotation"
	s := newStage(t, doors, engine)
	s.set(scene.Approved)
	s.putSecret(tossSecretID, `{"secretKey":"`+old+`"}`)
	p := s.start("confirm", nil)
	s.eventually(p, "init reads the secret", func() bool { return s.secretReads(tossSecretID) == 1 })
	s.putSecret(tossSecretID, `{"secretKey":"`+tosssim.DefaultSecretKey+`"}`)
	_, payload := readEvent(t, "confirm-success")
	if body := p.invoke(payload).Body; !strings.Contains(body, "Payment complete") {
		t.Errorf("the buyer reads:\n%s", body)
	}
	s.moved(eventOrder, eventAmount)
	if reads := s.secretReads(tossSecretID); reads != 2 {
		t.Errorf("the secret was read %d times, want 2", reads)
	}
	if o := s.order(); o.Status != order.Paid {
		t.Errorf("the order is %s", o.Status)
	}
	p.logs(old)
}

// testPortOneSettings: settings of PortOne that are wrong raise an alarm and do not stop a card payment.
func testPortOneSettings(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	for variable, value := range map[string]string{"PORTONE_MID": "realshop", "PORTONE_USER_CODE": "imp0000", "PORTONE_SECRET_ID": ""} {
		t.Run(variable, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine)
			s.set(scene.Approved)
			p := s.start("confirm", map[string]string{variable: value})
			_, payload := readEvent(t, "confirm-success")
			if body := p.invoke(payload).Body; !strings.Contains(body, "Payment complete") {
				t.Errorf("the buyer reads:\n%s", body)
			}
			s.moved(eventOrder, eventAmount)
			if said := p.stdout.String(); !strings.Contains(said, `"event":"config.error"`) || value != "" && strings.Contains(said, value) {
				t.Errorf("no alarm, or the value:\n%s", said)
			}
		})
	}
}

// testSettings: a function whose settings are wrong does not start, and says which one it is and not what it holds.
func testSettings(t *testing.T, doors map[string]*door) {
	tests := []struct{ door, variable, value, names string }{
		{"confirm", "TOSS_SECRET_ID", "", "TOSS_SECRET_ID"},
		{"confirm", "MODE", "", "MODE"},
		{"merchant", "MODE", "production", "MODE"},
		{"checkout", "TABLE_NAME", "", "TABLE_NAME"},
		{"confirm", "TOSS_CLIENT_KEY", "", "TossClientKey"},
		{"merchant", "TOSS_CLIENT_KEY", "test_sk_pastedByMistake", "TossClientKey"},
		{"checkout", "TOSS_CLIENT_KEY", "test_gck_aWidgetKey", "TossClientKey"},
		{"confirm", "TOSS_CLIENT_KEY", "live_ck_inTestMode", "TossClientKey"},
		{"checkout", "PUBLIC_BASE_URL", "http://pay.shop.example", "PUBLIC_BASE_URL"},
		{"merchant", "RETURN_URL_ALLOW", "http://shop.example", "RETURN_URL_ALLOW"},
		{"webhook", "TOSS_SECRET_ID", "", "TOSS_SECRET_ID"},
		{"webhook", "WEBHOOK_TOKEN_SHA256", eventHookToken, "WEBHOOK_TOKEN_SHA256"},
		{"charge", "MODE", "production", "MODE"},
		{"charge", "TOSS_SECRET_ID", "", "TOSS_SECRET_ID"},
		{"charge", "DUNNING_SOFT_DAYS", "7,61", "DUNNING_SOFT_DAYS"},
		{"charge", "DUNNING_TRANSIENT_HOURS", "1500", "DUNNING_TRANSIENT_HOURS"},
	}
	for _, tt := range tests {
		t.Run(tt.door+"/"+tt.variable+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			s := &stage{t: t, doors: doors, table: "any", tableURL: "http://127.0.0.1:1", tossURL: "http://127.0.0.1:1", portoneURL: "http://127.0.0.1:1", secretURL: "http://127.0.0.1:1"}
			command := exec.CommandContext(s.context(), doors[tt.door].program)
			command.Env = append(s.environment(tt.door, map[string]string{tt.variable: tt.value}), "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1")
			output, err := command.CombinedOutput()
			if err == nil || command.ProcessState.ExitCode() != 1 {
				t.Errorf("exit: %v", err)
			}
			said := string(output)
			if !strings.Contains(said, tt.names) || strings.Count(strings.TrimSpace(said), "\n") > 0 {
				t.Errorf("it must say in one line that %s is wrong: %s", tt.names, said)
			}
			// The allow-list is no secret, and an operator must see which of its entries is wrong.
			if tt.value != "" && tt.variable != "RETURN_URL_ALLOW" && strings.Contains(said, tt.value) {
				t.Errorf("it says the value: %s", said)
			}
		})
	}
}

// TestEventsReadme: the table lists every event with its command and answer, and `sam local` can pass every variable of env.json on, because the
// template declares it.
func TestEventsReadme(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	page, err := os.ReadFile("events/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range scene.Events {
		answers := fmt.Sprintf("`%s`", cmp.Or(chargeReplays[name].says, toldReplays[name].says))
		if r, ok := replays[name]; ok {
			answers = fmt.Sprintf("%d `%s`", r.status, strings.Join(r.has[:min(1, len(r.has))], ""))
			answers = strings.TrimSuffix(answers, " ``") // a redirect has no body
		}
		row := fmt.Sprintf("\n| `sam local invoke %s -e events/%s.json` | %s | ", e.Function, name, answers)
		if !strings.Contains(string(page), row) {
			t.Errorf("events/README.md has no row %q", row)
		}
	}
	if rows, want := strings.Count(string(page), "\n| `sam local invoke "), len(scene.Events); rows != want {
		t.Errorf("events/README.md has %d rows, want %d", rows, want)
	}
	text, err := os.ReadFile("events/env.json")
	var local map[string]map[string]string
	if err := errors.Join(err, json.Unmarshal(text, &local)); err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, block := range variables { // which TestTemplate compares with the template
		for variable := range block {
			declared[variable] = true
		}
	}
	for variable := range local["Parameters"] {
		if !declared[variable] {
			t.Errorf("events/env.json: the template does not declare %s, so `sam local` would drop it without a word", variable)
		}
	}
	for variable, want := range map[string]string{
		"WEBHOOK_TOKEN_SHA256": handler.DigestOf(eventHookToken), "TOSS_CLIENT_KEY": tosssim.DefaultClientKey, "PORTONE_USER_CODE": portonesim.DefaultUserCode,
		"PORTONE_CHANNEL_KEY": portonesim.TestChannelKey, "PORTONE_MID": portonesim.TestMID, "MODE": "test", "QUEUE_URL": "",
	} {
		if got := local["Parameters"][variable]; got != want {
			t.Errorf("events/env.json: %s is %q, the events and the simulators have %q", variable, got, want)
		}
	}
}

// TestFunctionsLeaveOutTheConfigPackage keeps single sign-on and metadata clients out of the functions.
func TestFunctionsLeaveOutTheConfigPackage(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	output, err := exec.Command("go", "list", "-deps", "./functions/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(output))
	if !slices.Contains(packages, "github.com/aws/aws-sdk-go-v2/service/dynamodb") {
		t.Fatalf("go list shows %d packages without the DynamoDB client: it says nothing", len(packages))
	}
	for _, path := range packages {
		if strings.HasPrefix(path, "github.com/aws/aws-sdk-go-v2/config") || strings.HasPrefix(path, "github.com/aws/aws-sdk-go-v2/service/sso") {
			t.Errorf("the functions import %s", path)
		}
	}
}
