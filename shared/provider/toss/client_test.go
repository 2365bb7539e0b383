package toss_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/providertest"
	"tosspay-sam/shared/provider/toss"
)

// confirming is a call that would be sent.
func confirming() provider.Confirm {
	return provider.Confirm{Key: "payment-key", Number: "order-0001", Amount: 1000, IdempotencyKey: "confirm:order-0001:0"}
}

// TestRefusedBeforeSending: nothing goes out, the answer says so, and the key is not even fetched for a question that is wrong.
func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 301)
	confirm := func(change func(*provider.Confirm)) func(context.Context, *toss.Adapter) provider.Answer {
		return func(ctx context.Context, a *toss.Adapter) provider.Answer {
			c := confirming()
			change(&c)
			return a.Confirm(ctx, c)
		}
	}
	cancel := func(change func(*provider.Cancel)) func(context.Context, *toss.Adapter) provider.Answer {
		return func(ctx context.Context, a *toss.Adapter) provider.Answer {
			c := provider.Cancel{Key: "payment-key", Amount: 300, Balance: 1000, Reason: "asked", IdempotencyKey: "cancel:order-0001:r1"}
			change(&c)
			return a.Cancel(ctx, c)
		}
	}
	find := func(r provider.Ref) func(context.Context, *toss.Adapter) provider.Answer {
		return func(ctx context.Context, a *toss.Adapter) provider.Answer { return a.Find(ctx, r) }
	}
	cases := []struct {
		name string
		ask  func(context.Context, *toss.Adapter) provider.Answer
		want string
	}{
		{"confirm without idempotency key", confirm(func(c *provider.Confirm) { c.IdempotencyKey = "" }), "idempotency key"},
		{"confirm with 301 characters of it", confirm(func(c *provider.Confirm) { c.IdempotencyKey = long }), "idempotency key"},
		{"confirm with a line break in it", confirm(func(c *provider.Confirm) { c.IdempotencyKey = "a\r\nb" }), "idempotency key"},
		{"confirm without payment key", confirm(func(c *provider.Confirm) { c.Key = "" }), "paymentKey"},
		{"confirm with a payment key of 201", confirm(func(c *provider.Confirm) { c.Key = long[:201] }), "paymentKey"},
		{"confirm of nothing", confirm(func(c *provider.Confirm) { c.Amount = 0 }), "amount"},
		{"confirm of less than nothing", confirm(func(c *provider.Confirm) { c.Amount = -1000 }), "amount"},
		{"confirm of too much", confirm(func(c *provider.Confirm) { c.Amount = 1_000_000_001 }), "amount"},
		{"confirm without order", confirm(func(c *provider.Confirm) { c.Number = "" }), "orderId"},
		{"confirm with a short order", confirm(func(c *provider.Confirm) { c.Number = "12345" }), "orderId"},
		{"confirm with an order of 65", confirm(func(c *provider.Confirm) { c.Number = long[:65] }), "orderId"},
		{"confirm with spaces in the order", confirm(func(c *provider.Confirm) { c.Number = "order 0001" }), "orderId"},
		{"cancel without idempotency key", cancel(func(c *provider.Cancel) { c.IdempotencyKey = "" }), "idempotency key"},
		{"cancel without payment key", cancel(func(c *provider.Cancel) { c.Key = "" }), "paymentKey"},
		{"cancel upwards in the path", cancel(func(c *provider.Cancel) { c.Key = ".." }), "paymentKey"},
		{"cancel without reason", cancel(func(c *provider.Cancel) { c.Reason = "" }), "cancelReason"},
		{"cancel with a reason of 201", cancel(func(c *provider.Cancel) { c.Reason = strings.Repeat("환", 201) }), "cancelReason"},
		{"cancel of nothing", cancel(func(c *provider.Cancel) { c.Amount = 0 }), "cancelAmount"},
		{"cancel of more than is left", cancel(func(c *provider.Cancel) { c.Amount = 1001 }), "cancelAmount"},
		{"find nothing", find(provider.Ref{}), "orderId"},
		{"find a key with a line break", find(provider.Ref{Key: "a\nb"}), "paymentKey"},
		{"find a key with a space", find(provider.Ref{Key: "a b"}), "paymentKey"},
		{"find a key that climbs", find(provider.Ref{Key: ".."}), "paymentKey"},
		{"find an order that climbs", find(provider.Ref{Number: "../../x"}), "orderId"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wire, source := &providertest.Canned{}, &keys{key: newKey(t, fixtureKey)}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			a := c.ask(ctx, &toss.Adapter{Client: &toss.Client{Keys: source, Transport: wire}})
			wantUnsent(t, a, c.want)
			if len(wire.Requests) != 0 || source.asked != 0 {
				t.Errorf("%d requests were made and the key was fetched %d times", len(wire.Requests), source.asked)
			}
		})
	}
}

// TestReasonIsCountedInCharacters: 200 Korean characters are 600 bytes, and allowed.
func TestReasonIsCountedInCharacters(t *testing.T) {
	t.Parallel()
	wire := providertest.Always(providertest.Reply{Status: 500})
	adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	adapter.Cancel(ctx, provider.Cancel{Key: "payment-key", Amount: 1, Balance: 1, Reason: strings.Repeat("환", 200), IdempotencyKey: strings.Repeat("x", 300)})
	if len(wire.Requests) != 1 {
		t.Errorf("%d requests were made, want 1", len(wire.Requests))
	}
}

// TestRefusedByTheSetting: the ways in which a client must not be used at all.
func TestRefusedByTheSetting(t *testing.T) {
	t.Parallel()
	test, live := newKey(t, fixtureKey), newKey(t, "live_sk_fixture")
	noKey := errors.New("no such secret")
	cases := []struct {
		name   string
		client toss.Client
		want   string
	}{
		{"no source of keys", toss.Client{}, "no source of secret keys"},
		{"the source fails", toss.Client{Keys: &keys{err: noKey}}, "secret key: no such secret"},
		{"the source has no key", toss.Client{Keys: &keys{}}, "returned none"},
		{"a test code beside a live key", toss.Client{Keys: &keys{key: live}, TestCode: "COMMON_ERROR"}, "test code needs a test key"},
	}
	for what, base := range providertest.BadBases("api.tosspayments.com") {
		cases = append(cases, struct {
			name   string
			client toss.Client
			want   string
		}{what, toss.Client{Keys: &keys{key: test}, BaseURL: base}, "base URL"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wire := &providertest.Canned{}
			c.client.Transport = wire
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			a := (&toss.Adapter{Client: &c.client}).Confirm(ctx, confirming())
			wantUnsent(t, a, c.want)
			if len(wire.Requests) != 0 {
				t.Errorf("%d requests were made", len(wire.Requests))
			}
		})
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                                      "https://api.tosspayments.com/v1/payments/payment-key",
		"https://api.tosspayments.com/":         "https://api.tosspayments.com/v1/payments/payment-key",
		"https://toss.example":                  "https://toss.example/v1/payments/payment-key",
		"http://127.0.0.1:3000/sim/toss":        "http://127.0.0.1:3000/sim/toss/v1/payments/payment-key",
		"http://localhost:3000/sim/toss":        "http://localhost:3000/sim/toss/v1/payments/payment-key",
		"http://[::1]:3000":                     "http://[::1]:3000/v1/payments/payment-key",
		"https://proxy.example/payments%2Ftoss": "https://proxy.example/payments%2Ftoss/v1/payments/payment-key",
	} {
		wire := providertest.Always(providertest.Reply{Status: 500})
		find(t, &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire, BaseURL: base}, provider.Ref{Key: "payment-key"})
		if len(wire.Requests) != 1 || !strings.Contains(wire.Hosts[0]+strings.TrimPrefix(wire.Requests[0], "GET "), want+"\n") {
			t.Errorf("base %q: asked %q %q, want %q", base, wire.Hosts, wire.Requests, want)
		}
	}
}

// TestNoDeadline: a call that could last for ever is not begun.
func TestNoDeadline(t *testing.T) {
	t.Parallel()
	wire := &providertest.Canned{}
	adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}}
	wantUnsent(t, adapter.Confirm(context.WithoutCancel(t.Context()), confirming()), "no deadline")
	wantUnsent(t, adapter.Find(context.WithoutCancel(t.Context()), provider.Ref{Key: "payment-key"}), "no deadline")
	if len(wire.Requests) != 0 {
		t.Errorf("%d requests were made", len(wire.Requests))
	}
}

// TestDeadlineIsOver: nothing is sent when there is no time left for an answer.
func TestDeadlineIsOver(t *testing.T) {
	t.Parallel()
	wire := &providertest.Canned{}
	adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}}
	ctx, stop := context.WithTimeout(t.Context(), -time.Second)
	defer stop()
	a := adapter.Confirm(ctx, confirming())
	wantUnsent(t, a, "deadline exceeded")
	if !errors.Is(a.Err, context.DeadlineExceeded) || len(wire.Requests) != 0 {
		t.Errorf("error %v after %d requests", a.Err, len(wire.Requests))
	}
}

// TestPathsAreEscaped: a payment key comes from a redirect, and may be anything.
func TestPathsAreEscaped(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"orders/order-0001":    "/v1/payments/orders%2Forder-0001",
		"../orders/order-0001": "/v1/payments/..%2Forders%2Forder-0001",
		"a?b=c":                "/v1/payments/a%3Fb=c",
		"a#b":                  "/v1/payments/a%23b",
		"a%2Fb":                "/v1/payments/a%252Fb",
		"a=b_c-d.e":            "/v1/payments/a=b_c-d.e",
	} {
		wire := providertest.Always(providertest.Reply{Status: 500})
		find(t, &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}, provider.Ref{Key: key})
		if len(wire.Requests) != 1 || !strings.HasPrefix(wire.Requests[0], "GET "+want+"\n") {
			t.Errorf("key %q: asked %q, want %q", key, wire.Requests, want)
		}
	}
}

// TestTestCode: the header goes out with a test key, and only when asked for (no fixture's request has it).
func TestTestCode(t *testing.T) {
	t.Parallel()
	wire := providertest.Always(providertest.Reply{Status: 500})
	find(t, &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire, TestCode: "COMMON_ERROR"}, provider.Ref{Key: "payment-key"})
	if len(wire.Requests) != 1 || !strings.Contains(wire.Requests[0], "\nTosspayments-Test-Code: COMMON_ERROR") {
		t.Errorf("asked %q", wire.Requests)
	}
}

// TestLiveKeyIsNoSandbox: what a live key brings is not marked as test money.
func TestLiveKeyIsNoSandbox(t *testing.T) {
	t.Parallel()
	f := providertest.Read(t, filepath.Join("testdata", "find-done.txtar"))
	client := &toss.Client{Keys: &keys{key: newKey(t, "live_sk_fixture")}, Transport: providertest.Always(f.Replies[0])}
	a := find(t, client, provider.Ref{Key: f.Call["key"]})
	if a.Verdict != provider.Paid || a.Payment.Sandbox {
		t.Errorf("answer %+v, want a live payment", a)
	}
}

// TestReceiptAndTraceAreChecked: what pages link to and logs show is of the expected form, or left out.
func TestReceiptAndTraceAreChecked(t *testing.T) {
	t.Parallel()
	f := providertest.Read(t, filepath.Join("testdata", "find-done.txtar"))
	good := `"receipt":{"url":"https://dashboard.tosspayments.com/receipt/redirection?transactionId=tviva20240213121757MvuS8&ref=PX"}`
	for _, bad := range []string{`"receipt":{"url":"javascript:alert(1)"}`, `"receipt":{"url":"http://x"}`, `"receipt":{"url":null}`, `"receipt":null`,
		`"receipt":{"url":"https://x/` + strings.Repeat("x", 3000) + `"}`} {
		changed := f.Replies[0]
		changed.Body = []byte(strings.Replace(string(f.Replies[0].Body), good, bad, 1))
		changed.Header = http.Header{"X-Tosspayments-Trace-Id": {strings.Repeat("t", 201)}}
		a := find(t, &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: providertest.Always(changed)}, provider.Ref{Key: f.Call["key"]})
		if a.Verdict != provider.Paid || a.Payment.ReceiptURL != "" || a.TraceID != "" {
			t.Errorf("%.60s: verdict %s, receipt %.60q, trace %.60q", bad, a.Verdict, a.Payment.ReceiptURL, a.TraceID)
		}
	}
}

// TestRefusedKeyIsReported: the source learns of a key that was not accepted, once a call, and of no other error.
func TestRefusedKeyIsReported(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		want   int
	}{
		{401, `{"code":"UNAUTHORIZED_KEY","message":"?"}`, 1},
		{401, `<html>`, 1},
		{400, `{"code":"INVALID_API_KEY","message":"?"}`, 1},
		{403, `{"code":"INCORRECT_BASIC_AUTH_FORMAT","message":"?"}`, 0},
		{403, `{"code":"FORBIDDEN_REQUEST","message":"?"}`, 0},
		{403, `{"code":"REJECT_CARD_PAYMENT","message":"?"}`, 0},
		{404, `{"code":"NOT_FOUND_PAYMENT","message":"?"}`, 0},
		{500, `{"code":"COMMON_ERROR","message":"?"}`, 0},
	} {
		source := &keys{key: newKey(t, fixtureKey)}
		wire := providertest.Always(providertest.Reply{Status: c.status, Body: []byte(c.body)})
		a := find(t, &toss.Client{Keys: source, Transport: wire}, provider.Ref{Key: "payment-key"})
		if len(source.refused) != c.want || len(wire.Requests) != 1 {
			t.Errorf("HTTP %d %s: reported %d times, want %d; %d requests", c.status, c.body, len(source.refused), c.want, len(wire.Requests))
		}
		if c.want == 1 && !source.refused[0].Equal(source.key) {
			t.Errorf("HTTP %d %s: another key was reported", c.status, c.body)
		}
		if a.Verdict == provider.Declined {
			t.Errorf("HTTP %d %s: declined", c.status, c.body)
		}
	}
}

// TestHalfAReply: a connection that is lost in the middle of the body is no reply, although its status was read: the same request
// with the same idempotency key gets the whole of it.
func TestHalfAReply(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 403} {
		client := &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: providertest.Half{Status: status, Body: []byte(`{"code":"REJECT_CARD_PAYMENT"}`)}}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		a := (&toss.Adapter{Client: client}).Confirm(ctx, confirming())
		if a.Verdict != provider.Unknown || a.Answered() || a.Code != provider.NoAnswer || !a.Sent || !errors.Is(a.Err, io.ErrUnexpectedEOF) {
			t.Errorf("answer %+v, want one without a reply", a)
		}
	}
}

// TestOverNetHTTP: what only the real transport shows: no Accept-Language, no redirect, one request.
func TestOverNetHTTP(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if r.Header.Get("Accept-Language") != "" {
			t.Error("Accept-Language translates values of the reply")
		}
		user, password, ok := r.BasicAuth()
		if !ok || user != fixtureKey || password != "" {
			t.Errorf("authorization %v of %d characters", ok, len(user))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
	defer server.Close()
	client := &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, BaseURL: server.URL, Transport: server.Client().Transport}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a := (&toss.Adapter{Client: client}).Confirm(ctx, confirming())
	if a.Verdict != provider.Unknown || a.HTTP != http.StatusPermanentRedirect || a.Code != provider.Unreadable || requests.Load() != 1 {
		t.Errorf("answer %+v after %d requests", a, requests.Load())
	}
}

// TestNobodyListens: a refused connection proves that nothing was sent.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	client := &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, BaseURL: providertest.Nobody(t), Transport: &http.Transport{}}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a := (&toss.Adapter{Client: client}).Confirm(ctx, confirming())
	if a.Sent || a.Verdict != provider.Unknown || a.Code != provider.NoAnswer || a.Err == nil {
		t.Errorf("answer %+v, want one that was not sent", a)
	}
}

// TestKeptConnectionDies: net/http would repeat a request with an Idempotency-Key by itself when a kept connection dies under it. Whether to
// repeat is the use case's decision: one call is one request, and its answer says that it may have been sent.
func TestKeptConnectionDies(t *testing.T) {
	t.Parallel()
	server := providertest.NewDying(t, providertest.Reply{Status: 400, Body: []byte(`{"code":"PROVIDER_ERROR"}`)}, false)
	client := &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, BaseURL: server.URL, Transport: &http.Transport{}}
	adapter := &toss.Adapter{Client: client}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if first := adapter.Confirm(ctx, confirming()); first.Code != "PROVIDER_ERROR" {
		t.Fatalf("first answer %+v", first)
	}
	second := adapter.Confirm(ctx, confirming())
	if !second.Sent || second.Answered() || second.Verdict != provider.Unknown {
		t.Errorf("answer %+v, want one that may have been sent", second)
	}
	var keys []string
	for _, r := range server.Received() {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
	}
	if key := confirming().IdempotencyKey; !slices.Equal(keys, []string{key, key}) {
		t.Errorf("idempotency keys %q, want %q twice", keys, key)
	}
}

// TestDeadlineWhileWaiting: the answer that does not come in time is no answer, and may have been processed.
func TestDeadlineWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	waiting, give := context.WithCancel(ctx)
	client := &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: providertest.Silent{Give: give}}
	a := (&toss.Adapter{Client: client}).Confirm(waiting, confirming())
	if !a.Sent || a.Answered() || a.Verdict != provider.Unknown || !errors.Is(a.Err, context.Canceled) {
		t.Errorf("answer %+v", a)
	}
}

func find(t *testing.T, client *toss.Client, ref provider.Ref) provider.Answer {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return (&toss.Adapter{Client: client}).Find(ctx, ref)
}

func wantUnsent(t *testing.T, a provider.Answer, want string) {
	t.Helper()
	providertest.WantUnsent(t, "toss", a, want)
}
