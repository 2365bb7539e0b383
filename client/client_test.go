package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.yaml.in/yaml/v3"
)

// api is a deployment that answers as it is told, one answer after another; the last one stays.
type api struct {
	answers []answer
	seen    []*http.Request
	bodies  []string
}

type answer struct {
	status int
	body   string
	lost   bool // the connection dies instead
	after  string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.seen, a.bodies = append(a.seen, r), append(a.bodies, string(body))
	next := a.answers[0]
	if len(a.answers) > 1 {
		a.answers = a.answers[1:]
	}
	if next.lost {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Request-Id", "request-7")
	if next.after != "" {
		w.Header().Set("Retry-After", next.after)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

const paid = `{"orderId":"order-0001","status":"paid","amount":15000,"unknown":1}`

func start(t *testing.T, answers ...answer) (*api, *Client, *[]time.Duration) {
	t.Helper()
	a := &api{answers: answers}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	c, err := New(Options{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	c.pause = func(ctx context.Context, d time.Duration) error { pauses = append(pauses, d); return ctx.Err() }
	return a, c, &pauses
}

// TestRetriesAreOneRequest: whatever gets lost, every attempt of a call is the same request.
func TestRetriesAreOneRequest(t *testing.T) {
	t.Parallel()
	a, c, pauses := start(t, answer{lost: true}, answer{status: 429, after: "3"}, answer{status: 503}, answer{status: 201, body: paid})
	o, err := c.CreateOrder(t.Context(), NewOrder{Provider: "toss", Amount: 15000, Currency: "KRW", Name: "T-shirt"})
	if err != nil || o.Status != OrderPaid {
		t.Fatalf("%+v %v", o, err)
	}
	if len(a.seen) != 4 {
		t.Fatalf("%d requests", len(a.seen))
	}
	for i, r := range a.seen {
		if key := r.Header.Get("Idempotency-Key"); key == "" || key != a.seen[0].Header.Get("Idempotency-Key") || a.bodies[i] != a.bodies[0] {
			t.Errorf("attempt %d is another request: %q %s", i+1, key, a.bodies[i])
		}
	}
	if (*pauses)[1] < 3*time.Second {
		t.Errorf("Retry-After was not obeyed: %v", *pauses)
	}
	if _, err := c.CreateOrder(t.Context(), NewOrder{}); err != nil {
		t.Fatal(err)
	}
	if a.seen[4].Header.Get("Idempotency-Key") == a.seen[0].Header.Get("Idempotency-Key") {
		t.Error("two calls share a key: the second order would be the first")
	}
}

func TestRefusalsAreNotRetried(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer answer
		want   Error
		is     error
	}{
		{answer{status: 409, body: `{"error":{"code":"ORDER_EXISTS","message":"m","field":"orderId"}}`},
			Error{409, "ORDER_EXISTS", "orderId", "m", "request-7"}, ErrOrderExists},
		{answer{status: 404, body: `{"error":{"code":"NOT_FOUND","message":"m"}}`}, Error{404, "NOT_FOUND", "", "m", "request-7"}, ErrNotFound},
		{answer{status: 403, body: `{"message":"Forbidden"}`}, Error{403, "", "", "Forbidden", "request-7"}, nil},
	} {
		a, c, _ := start(t, tc.answer)
		_, err := c.Order(t.Context(), "order-0001")
		var e *Error
		if !errors.As(err, &e) || *e != tc.want || len(a.seen) != 1 {
			t.Errorf("%d: %v after %d requests, want %v", tc.answer.status, err, len(a.seen), &tc.want)
		}
		if tc.is != nil && !errors.Is(err, tc.is) || errors.Is(err, ErrWrongStatus) {
			t.Errorf("%d: errors.Is does not know it", tc.answer.status)
		}
	}
}

func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	a, c, _ := start(t, answer{status: 500, body: "<html>"})
	_, err := c.Resume(t.Context(), "sub-0001")
	var e *Error
	if !errors.As(err, &e) || e.Status != 500 || len(a.seen) != 4 {
		t.Errorf("%v after %d requests", err, len(a.seen))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Resume(ctx, "sub-0001"); !errors.Is(err, context.Canceled) || len(a.seen) != 4 {
		t.Errorf("canceled: %v after %d requests", err, len(a.seen))
	}
}

func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	a, c, _ := start(t, answer{status: 200, body: paid})
	if _, err := c.Order(t.Context(), "../subscriptions/x?y"); err != nil {
		t.Fatal(err)
	}
	if got := a.seen[0].URL.EscapedPath(); got != "/orders/..%2Fsubscriptions%2Fx%3Fy" {
		t.Errorf("asked for %s", got)
	}
}

type keys struct{}

func (keys) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "session"}, nil
}

// TestSigned: what API Gateway checks is there; the signature itself is the SDK's.
func TestSigned(t *testing.T) {
	t.Parallel()
	a := &api{answers: []answer{{status: 200, body: paid}}}
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	c, err := New(Options{BaseURL: server.URL, Region: "ap-northeast-2", Credentials: keys{}, HTTPClient: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Order(t.Context(), "order-0001"); err != nil {
		t.Fatal(err)
	}
	h := a.seen[0].Header
	if !strings.Contains(h.Get("Authorization"), "/ap-northeast-2/execute-api/aws4_request") || h.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("%v", h)
	}
	for _, o := range []Options{
		{}, {BaseURL: "no-scheme"}, {BaseURL: "http://pay.example", Region: "r", Credentials: keys{}}, {BaseURL: "https://pay.example", Credentials: keys{}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// TestTypesAreTheSpecifications: each type has the very properties that api/openapi.yaml gives its schema.
func TestTypesAreTheSpecifications(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Properties map[string]struct {
			Properties map[string]any
			Items      struct{ Properties map[string]any }
		}
	}
	var spec struct {
		Components struct{ Schemas map[string]schema }
	}
	if err := yaml.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	compare := func(what string, goType any, properties []string) {
		slices.Sort(properties)
		if got := fieldsOf(goType); !slices.Equal(got, properties) || len(got) == 0 {
			t.Errorf("%s: the client has %v, the specification %v", what, got, properties)
		}
	}
	for name, goType := range map[string]any{
		"NewOrder": NewOrder{}, "Customer": Customer{}, "Order": Order{}, "SDK": SDK{}, "Payment": Payment{}, "OrderStep": OrderStep{},
		"PaymentLine": PaymentLine{}, "Request": Request{}, "NewSubscription": NewSubscription{}, "NewPlan": NewPlan{}, "Subscription": Subscription{},
	} {
		compare(name, goType, keysOf(spec.Components.Schemas[name].Properties))
	}
	for path, goType := range map[string]any{
		"NewOrder.toss": TossOptions{}, "NewOrder.portone": PortOneOptions{}, "Subscription.plan": Plan{}, "Subscription.upcomingCharges": Charge{}, "Subscription.suspension": Suspension{}, "Subscription.dunning": Dunning{}, "Subscription.consent": Consent{}, "NewSubscription.trial": Trial{},
		"Subscription.means": Means{}, "Subscription.nextPlan": PlanChange{}, "Subscription.cycles": Cycle{}, "Subscription.history": SubscriptionStep{},
	} {
		name, property, _ := strings.Cut(path, ".")
		inner := spec.Components.Schemas[name].Properties[property]
		compare(path, goType, append(keysOf(inner.Properties), keysOf(inner.Items.Properties)...))
	}
}

func keysOf[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

func fieldsOf(v any) (names []string) {
	for field := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Example creates an order against `make run` and asks later whether it may be shipped.
func Example() {
	c, err := New(Options{BaseURL: "http://127.0.0.1:3000"}) // a deployment takes Region and Credentials, too
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	o, err := c.CreateOrder(ctx, NewOrder{OrderID: "order-0001", Provider: "toss", Amount: 15000, Currency: "KRW", Name: "T-shirt"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("send the buyer to", o.CheckoutURL)
	if o, err = c.Order(ctx, o.OrderID); err == nil && o.Status == OrderPaid {
		fmt.Println("ship", o.OrderID)
	}
}

// TestImport: it says who made the subscription, and why a key is refused.
func TestImport(t *testing.T) {
	t.Parallel()
	const active = `{"subscriptionId":"imp_1","status":"active","means":{"key":"old-1","imported":true},"dryRun":false}`
	a, c, _ := start(t, answer{status: 201, body: active}, answer{status: 200, body: active}, answer{status: 503}, answer{status: 201, body: active},
		answer{status: 409, body: `{"error":{"code":"BILLING_KEY_IMPORTED","message":"m","field":"importBillingKey"}}`})
	in := NewSubscription{CustomerID: "c", ImportBillingKey: "old-1", DeleteImportedKey: true}
	for i, want := range []bool{true, false, true} {
		s, made, err := c.Import(t.Context(), in)
		if err != nil || made != want || s.SubscriptionID != "imp_1" || !s.Means.Imported {
			t.Errorf("%d: %+v %v %v", i, s, made, err)
		}
	}
	if _, made, err := c.Import(t.Context(), in); !errors.Is(err, ErrKeyImported) || made {
		t.Errorf("%v %v", made, err)
	}
	if !strings.Contains(a.bodies[0], `"importBillingKey":"old-1","deleteImportedKey":true`) {
		t.Errorf("sent %s", a.bodies[0])
	}
	if _, _, err := c.Import(t.Context(), NewSubscription{}); err == nil || len(a.seen) != 5 {
		t.Errorf("without a key: %v, %d requests", err, len(a.seen))
	}
}
