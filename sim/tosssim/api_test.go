package tosssim_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"tosspay-sam/sim/tosssim"
)

func TestAuthorization(t *testing.T) {
	t.Parallel()
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct {
		name, header string
		status       int
		code         string
	}{
		{"right", basic(tosssim.DefaultSecretKey + ":"), 200, ""},
		{"no colon", basic(tosssim.DefaultSecretKey), 403, "INCORRECT_BASIC_AUTH_FORMAT"},
		{"no base64", "Basic !", 403, "INCORRECT_BASIC_AUTH_FORMAT"},
		{"unknown key", basic("test_sk_other:"), 401, "UNAUTHORIZED_KEY"},
		{"client key", basic(tosssim.DefaultClientKey + ":"), 401, "UNAUTHORIZED_KEY"},
		{"with a password", basic(tosssim.DefaultSecretKey + ":x"), 401, "UNAUTHORIZED_KEY"},
		{"byte order mark", basic("\ufeff" + tosssim.DefaultSecretKey + ":"), 401, "UNAUTHORIZED_KEY"},
		{"bearer", "Bearer " + tosssim.DefaultSecretKey, 401, "UNAUTHORIZED_KEY"},
		{"none", "", 401, "UNAUTHORIZED_KEY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			key := w.approve()
			got := w.confirm(key, header("Authorization", tc.header))
			w.want(tc.name, got, tc.status, tc.code)
			if tc.status != 200 {
				w.wantMoved("")
			}
			if strings.Contains(strings.Join(w.sim.Violations(), " ")+got.raw, "test_sk_") {
				t.Error("a key is quoted")
			}
		})
	}
}

func TestStrictness(t *testing.T) {
	t.Parallel()
	const body = `{"paymentKey":"k","orderId":"order-0001","amount":1000}`
	for _, tc := range []struct {
		name, method, path, body string
		edit                     edit
		status                   int
		code                     string
		violation                string // part of the only one; "" is none
	}{
		{"correct", "POST", "/v1/payments/confirm", body, nil, 404, "NOT_FOUND_PAYMENT", ""},
		{"charset", "POST", "/v1/payments/confirm", body, header("Content-Type", "application/json; charset=utf-8"), 404, "NOT_FOUND_PAYMENT", ""},
		{"unknown path", "POST", "/v1/payment/confirm", body, nil, 404, "NOT_FOUND", "/v1/payment/confirm"},
		{"what is not simulated", "POST", "/v1/billing/k", body, nil, 404, "NOT_FOUND", "/v1/billing/k"},
		{"no payment key", "POST", "/v1/payments//cancel", body, nil, 404, "NOT_FOUND", "not a known path"},
		{"unknown method", "PUT", "/v1/payments/confirm", body, nil, 404, "NOT_FOUND", "PUT"},
		{"post on a lookup", "POST", "/v1/payments/k", body, nil, 404, "NOT_FOUND", "not a known path"},
		{"too long a path", "GET", "/v1/payments/orders/order-0001/x", "", nil, 404, "NOT_FOUND", "not a known path"},
		{"query", "GET", "/v1/payments/k?x=1", "", nil, 400, "INVALID_REQUEST", "query"},
		{"escaped slash is part of the key", "GET", "/v1/payments/a%2Fb", "", nil, 404, "NOT_FOUND_PAYMENT", ""},
		{"unknown field", "POST", "/v1/payments/confirm", `{"paymentKey":"k","orderId":"order-0001","amount":1000,"memo":1}`, nil, 400, "INVALID_REQUEST", "memo"},
		{"amount is a string", "POST", "/v1/payments/confirm", `{"paymentKey":"k","orderId":"order-0001","amount":"1000"}`, nil, 400, "INVALID_REQUEST", "amount"},
		{"amount is a fraction", "POST", "/v1/payments/confirm", `{"paymentKey":"k","orderId":"order-0001","amount":10.5}`, nil, 400, "INVALID_REQUEST", "amount"},
		{"amount is missing", "POST", "/v1/payments/confirm", `{"paymentKey":"k","orderId":"order-0001"}`, nil, 400, "INVALID_REQUEST", "required"},
		{"two values", "POST", "/v1/payments/confirm", body + body, nil, 400, "INVALID_REQUEST", "more than one"},
		{"no JSON", "POST", "/v1/payments/confirm", "paymentKey=k", nil, 400, "INVALID_REQUEST", "body"},
		{"long body", "POST", "/v1/payments/confirm", strings.Repeat(" ", 65<<10) + body, nil, 400, "INVALID_REQUEST", "longer"},
		{"form", "POST", "/v1/payments/confirm", body, header("Content-Type", "application/x-www-form-urlencoded"), 400, "INVALID_REQUEST", "Content-Type"},
		{"no content type", "POST", "/v1/payments/confirm", body, header("Content-Type", ""), 400, "INVALID_REQUEST", "Content-Type"},
		{"no idempotency key", "POST", "/v1/payments/confirm", body, header("Idempotency-Key", ""), 404, "NOT_FOUND_PAYMENT", "Idempotency-Key"},
		{"no idempotency key on cancel", "POST", "/v1/payments/k/cancel", `{"cancelReason":"r"}`, header("Idempotency-Key", ""), 404, "NOT_FOUND_PAYMENT", "Idempotency-Key"},
		{"unknown field on cancel", "POST", "/v1/payments/k/cancel", `{"cancelReason":"r","reason":"r"}`, nil, 400, "INVALID_REQUEST", "reason"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			edits := []edit{}
			if tc.edit != nil {
				edits = append(edits, tc.edit)
			}
			got := w.call(tc.method, tc.path, tc.body, edits...)
			w.want(tc.name, got, tc.status, tc.code)
			if message, _ := got.body["message"].(string); message == "" || len(got.body) != 2 {
				t.Errorf("error body %s, want code and message", got.raw)
			}
			if len(got.header.Get("x-tosspayments-trace-id")) != 32 {
				t.Errorf("trace id %q", got.header.Get("x-tosspayments-trace-id"))
			}
			v := w.sim.Violations()
			if tc.violation == "" && len(v) != 0 || tc.violation != "" && (len(v) != 1 || !strings.Contains(v[0], tc.violation)) {
				t.Errorf("violations %q, want %q", v, tc.violation)
			}
			w.wantMoved("")
		})
	}
}

func TestUnknownPathOutsideTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	for _, path := range []string{"/", "/v1", "/v2/payouts", "/windows"} {
		if got := w.call("GET", path, ""); got.status != 404 {
			t.Errorf("%s: %v, want 404", path, got)
		}
	}
	if got := len(w.sim.Violations()); got != 4 {
		t.Errorf("%d violations, want 4", got)
	}
}

func TestTraceIDsDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	a := w.call("GET", "/v1/payments/k", "").header.Get("x-tosspayments-trace-id")
	b := w.call("GET", "/v1/payments/k", "").header.Get("x-tosspayments-trace-id")
	if a == b {
		t.Errorf("two calls have the trace id %s", a)
	}
}

func TestTestCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code   string
		status int
		want   string
	}{
		{"REJECT_CARD_PAYMENT", 403, "REJECT_CARD_PAYMENT"},
		{"ALREADY_PROCESSED_PAYMENT", 400, "ALREADY_PROCESSED_PAYMENT"},
		{"IDEMPOTENT_REQUEST_PROCESSING", 409, "IDEMPOTENT_REQUEST_PROCESSING"},
		{"DUPLICATED_ORDER_ID", 400, "DUPLICATED_ORDER_ID"},
		{"FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500, "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"},
		{"COMMON_ERROR", 500, "COMMON_ERROR"},
		{"UNAUTHORIZED_KEY", 401, "UNAUTHORIZED_KEY"},
		{"NOT_FOUND_PAYMENT_SESSION", 404, "NOT_FOUND_PAYMENT_SESSION"},
		{"NOT_CANCELABLE_AMOUNT", 403, "NOT_CANCELABLE_AMOUNT"},
		{"NO_SUCH_CODE", 400, "INVALID_TEST_CODE"},
	} {
		t.Run(tc.code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			force := header("TossPayments-Test-Code", tc.code)
			w.want("unknown payment key", w.confirm("any-key", force), tc.status, tc.want)
			w.want("cancel", w.cancel("any-key", `{"cancelReason":"r"}`, force), tc.status, tc.want)
			w.want("find", w.call("GET", "/v1/payments/any-key", "", force), tc.status, tc.want)
			key := w.approve()
			w.want("real payment", w.confirm(key, force, idem("key-2")), tc.status, tc.want)
			w.wantStatus(key, "IN_PROGRESS")
			w.wantMoved("")
			w.wantNoViolations()
		})
	}
}

func TestTestCodeIsIgnoredWithLiveKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{Keys: []tosssim.KeyPair{{Secret: "live_sk_x", Client: "live_ck_x"}}})
	w.want("confirm", w.confirm(w.approve(), secret("live_sk_x"), header("TossPayments-Test-Code", "COMMON_ERROR")), 200, "")
	w.wantMoved("+163020")
}
