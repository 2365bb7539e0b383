package portonesim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/portonesim"
)

func TestTokenRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	start := w.Now().Unix()
	first := w.getToken()
	w.wantFields("first", first, "now", fmt.Sprint(start), "expired_at", fmt.Sprint(start+1800))
	if got := first.text("access_token"); got != w.token || len(got) != 40 {
		t.Errorf("token %q, then %q", w.token, got)
	}
	for _, tc := range []struct {
		name   string
		wait   time.Duration
		same   bool
		expiry int64 // seconds after the start
	}{
		{"a minute before the end: the same", 29 * time.Minute, true, 1800},
		{"less than a minute left: five more", 1 * time.Second, true, 2100},
		{"asked again: no more", 1 * time.Second, true, 2100},
		{"in the last minute again", 5*time.Minute - time.Second, true, 2400},
		{"at the end: a new one", 359 * time.Second, false, 0},
	} {
		w.Advance(tc.wait)
		got := w.getToken()
		if same := got.text("access_token") == w.token; same != tc.same {
			t.Errorf("%s: same token is %v", tc.name, same)
		}
		if now := w.Now().Unix(); !tc.same {
			tc.expiry = now - start + 1800
		}
		if want := fmt.Sprint(start + tc.expiry); got.text("expired_at") != want {
			t.Errorf("%s: expires at %s, want %s", tc.name, got.text("expired_at"), want)
		}
	}
	w.wantRefused("the old token", w.payment("imp_1"), 401, -1, "Unauthorized")
	w.wantViolations()
}

func TestTokenLifetime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.Advance(30*time.Minute - time.Second)
	w.wantRefused("in its last second", w.payment("imp_1"), 404, -1, "존재하지 않는")
	w.Advance(time.Second)
	w.wantRefused("expired", w.payment("imp_1"), 401, -1, "Unauthorized")
	w.token = w.getToken().text("access_token")
	w.wantRefused("renewed", w.payment("imp_1"), 404, -1, "")
	w.sim.ExpireTokens()
	w.wantRefused("ended before its time", w.payment("imp_1"), 401, -1, "Unauthorized")
	w.wantViolations()
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	good := url.Values{"imp_key": {portonesim.DefaultImpKey}, "imp_secret": {portonesim.DefaultImpSecret}}.Encode()
	for _, tc := range []struct {
		name, media, body string
		status            int
		message           string
		violations        []string
	}{
		{"form", form, good, 200, "", nil},
		{"form with charset", form + "; charset=utf-8", good, 200, "", nil},
		{"wrong secret", "application/json", `{"imp_key":"` + portonesim.DefaultImpKey + `","imp_secret":"x"}`, 401, "인증에 실패하였습니다. API키와 secret을 확인하세요.", nil},
		{"wrong key", "application/json", `{"imp_key":"x","imp_secret":"` + portonesim.DefaultImpSecret + `"}`, 401, "인증에 실패하였습니다.", nil},
		{"no secret", "application/json", `{"imp_key":"x"}`, 400, "imp_key, imp_secret 파라메터가 누락되었습니다.", nil},
		{"nothing", "application/json", `{}`, 400, "누락되었습니다.", nil},
		{"unknown field", "application/json", `{"imp_key":"x","imp_secret":"y","z":1}`, 400, "", []string{"token: z is not known"}},
		{"no content type", "", good, 400, "", []string{"Content-Type"}},
		{"text", "text/plain", good, 400, "", []string{"Content-Type"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			got := w.call("POST", "/users/getToken", tc.body, header("Content-Type", tc.media))
			if got.status != tc.status || !strings.Contains(got.message, tc.message) || (got.text("access_token") != "") != (tc.status == 200) {
				t.Errorf("%v, want %d %s", got, tc.status, tc.message)
			}
			w.wantViolations(tc.violations...)
			if strings.Contains(got.raw+strings.Join(w.sim.Violations(), ""), portonesim.DefaultImpSecret) {
				t.Error("the secret is quoted")
			}
		})
	}
}

func TestAuthorization(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		header    func(token string) string
		status    int
		violation []string
	}{
		{"bearer", func(token string) string { return "Bearer " + token }, 200, nil},
		{"raw", func(token string) string { return token }, 200, nil},
		{"basic", func(token string) string { return "Basic " + token }, 401, []string{"Basic"}},
		{"unknown", func(string) string { return "Bearer x" }, 401, nil},
		{"empty", func(string) string { return "Bearer " }, 401, nil},
		{"none", func(string) string { return "" }, 401, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			w.approve(issuance()...)
			got := w.call("POST", "/subscribe/payments/again", chargeBody(), header("Authorization", tc.header(w.token)))
			if got.status != tc.status {
				t.Errorf("%v, want %d", got, tc.status)
			}
			if tc.status == 401 {
				w.wantRefused(tc.name, got, 401, -1, "Unauthorized")
				w.wantMoved("")
			}
			w.wantViolations(tc.violation...)
		})
	}
}

func TestMerchantsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{Accounts: []portonesim.Account{
		{}, {ImpKey: "other-key", ImpSecret: "other-secret", UserCode: "imp11111111", MID: "othermid"},
	}})
	mine := w.approve()
	key := w.approve(issuance()...)
	theirs := w.approve("userCode", "imp11111111")
	w.wantFields("theirs is not mine", w.call("GET", "/payments/findAll/"+order, ""), "total", "1")
	w.wantRefused("payment", w.payment(theirs), 404, -1, "")
	token := w.call("POST", "/users/getToken", `{"imp_key":"other-key","imp_secret":"other-secret"}`).text("access_token")
	if token == w.token {
		t.Fatal("two merchants have the same token")
	}
	w.token = token
	w.wantFields("their own", w.payment(theirs), "pg_id", "othermid", "status", "paid")
	w.wantRefused("payment", w.payment(mine), 404, -1, "")
	w.wantRefused("issuance", w.payment(key), 404, -1, "")
	w.wantRefused("customer", w.call("GET", "/subscribe/customers/"+customer, ""), 404, -1, "")
	w.wantRefused("charge", w.charge(), 200, 1, "등록되지 않은 구매자입니다.")
	w.wantRefused("cancel", w.cancel(`{"imp_uid":"`+mine+`"}`), 200, 1, "취소할 결제건이 존재하지 않습니다.")
	w.wantMoved("+9900 +9900")
}

func TestStrictness(t *testing.T) {
	t.Parallel()
	const again, cancel = "/subscribe/payments/again", "/payments/cancel"
	for _, tc := range []struct {
		name, method, path, body string
		edit                     edit
		status                   int
		violation                string // part of the only one; "" is none
	}{
		{"correct", "POST", again, chargeBody(), nil, 200, ""},
		{"charset", "POST", again, chargeBody(), header("Content-Type", "application/json; charset=utf-8"), 200, ""},
		{"idempotency key", "POST", again, chargeBody(), header("Idempotency-Key", "k"), 200, "Idempotency-Key"},
		{"unknown path", "POST", "/subscribe/payment/again", chargeBody(), nil, 404, "not a known path"},
		{"what is not simulated", "POST", "/subscribe/payments/schedule", "{}", nil, 404, "not a known path"},
		{"what Toss Pay does not have", "POST", "/subscribe/payments/onetime", "{}", nil, 404, "not a known path"},
		{"unknown method", "PUT", cancel, "{}", nil, 404, "PUT"},
		{"post on a lookup", "POST", "/payments/find/x", "{}", nil, 404, "not a known path"},
		{"no uid", "GET", "/payments/find/", "", nil, 404, "not a known path"},
		{"too long a path", "GET", "/payments/find/x/paid/y", "", nil, 404, "not a known path"},
		{"escaped slash is part of the uid", "GET", "/payments/find/a%2Fb", "", nil, 404, ""},
		{"unknown query", "GET", "/payments/imp_1?sandbox=true", "", nil, 400, "sandbox"},
		{"query of another call", "GET", "/payments/find/x?include_sandbox=true", "", nil, 400, "include_sandbox"},
		{"query twice", "GET", "/payments/imp_1?include_sandbox=true&include_sandbox=true", "", nil, 400, "twice"},
		{"not a boolean", "GET", "/payments/imp_1?include_sandbox=1", "", nil, 400, "include_sandbox"},
		{"sorting", "GET", "/payments/find/x?sorting=newest", "", nil, 400, "sorting"},
		{"page", "GET", "/payments/findAll/x?page=-1", "", nil, 400, "page"},
		{"status", "GET", "/payments/find/x/canceled", "", nil, 400, "canceled"},
		{"status all is for the list", "GET", "/payments/findAll/x/all", "", nil, 400, "all"},
		{"query on a post", "POST", again + "?x=1", chargeBody(), nil, 400, "query parameter x"},
		{"the seed's typo", "POST", again, chargeBody("cash_recipt_type", `"person"`), nil, 400, "cash_recipt_type is not known"},
		{"a wrong enum", "POST", again, chargeBody("cash_receipt_type", `"none"`), nil, 400, "cash_receipt_type"},
		{"the seed's other typo", "POST", again, chargeBody("bypass", `{"tosspay_v2":{"cashReceiptTradeType":"GENERAL"}}`), nil, 400, "cashReceiptTradeType is not known"},
		{"flat bypass", "POST", again, chargeBody("bypass", `{"sendFailPush":false}`), nil, 400, "below tosspay_v2"},
		{"bypass type", "POST", again, chargeBody("bypass", `{"tosspay_v2":{"sendFailPush":"false"}}`), nil, 400, "sendFailPush"},
		{"bypass option", "POST", again, chargeBody("bypass", `{"tosspay_v2":{"cashReceiptTradeOption":"BOOKS"}}`), nil, 400, "GENERAL, CULTURE or PUBLIC_TP"},
		{"bypass is no JSON", "POST", again, chargeBody("bypass", `"tosspay_v2"`), nil, 400, "bypass"},
		{"bypass is a list", "POST", again, chargeBody("bypass", `[]`), nil, 400, "bypass"},
		{"amount is a string", "POST", again, chargeBody("amount", `"9900"`), nil, 400, "amount"},
		{"amount is a fraction", "POST", again, chargeBody("amount", "99.5"), nil, 400, "amount"},
		{"amount is negative", "POST", again, chargeBody("amount", "-1"), nil, 400, "amount"},
		{"amount is 0", "POST", again, chargeBody("amount", "0"), nil, 400, "amount"},
		{"amount is missing", "POST", again, chargeBody("amount", "-"), nil, 400, "amount"},
		{"name is missing", "POST", again, chargeBody("name", "-"), nil, 400, "name is required"},
		{"name is long", "POST", again, chargeBody("name", `"`+strings.Repeat("가", 41)+`"`), nil, 400, "name is longer"},
		{"merchant_uid is long", "POST", again, chargeBody("merchant_uid", `"`+strings.Repeat("x", 41)+`"`), nil, 400, "merchant_uid is longer"},
		{"merchant_uid is a number", "POST", again, chargeBody("merchant_uid", "1"), nil, 400, "merchant_uid must be a string"},
		{"currency", "POST", again, chargeBody("currency", `"USD"`), nil, 400, "currency"},
		{"instalments of a small sum", "POST", again, chargeBody("card_quota", "2"), nil, 400, "card_quota"},
		{"notice_url", "POST", again, chargeBody("notice_url", `"/w"`), nil, 400, "notice_url"},
		{"two values", "POST", again, chargeBody() + "{}", nil, 400, "more than one"},
		{"no object", "POST", again, "[]", nil, 400, "JSON object"},
		{"form with a field twice", "POST", cancel, "imp_uid=a&imp_uid=b", header("Content-Type", form), 400, "twice"},
		{"long body", "POST", again, strings.Repeat(" ", 65<<10) + chargeBody(), nil, 400, "longer"},
		{"cancel of nothing", "POST", cancel, `{"amount":1}`, nil, 400, "imp_uid"},
		{"cancel field", "POST", cancel, `{"imp_uid":"imp_1","refund_bank":"x"}`, nil, 400, "refund_bank"},
		{"cancel flag", "POST", cancel, `{"imp_uid":"imp_1","enable_webhook":"true"}`, nil, 400, "enable_webhook"},
		{"prepare field", "POST", "/payments/prepare", `{"merchant_uid":"x","amount":1,"name":"x"}`, nil, 400, "name is not known"},
		{"prepare without amount", "POST", "/payments/prepare", `{"merchant_uid":"x"}`, nil, 400, "amount is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			w.approve(issuance()...)
			edits := []edit{}
			if tc.edit != nil {
				edits = append(edits, tc.edit)
			}
			got := w.call(tc.method, tc.path, tc.body, edits...)
			if got.status != tc.status || got.code == -999 {
				t.Errorf("%v, want %d in an envelope", got, tc.status)
			}
			if tc.violation == "" {
				w.wantViolations()
			} else {
				w.wantViolations(tc.violation)
			}
			if tc.status != 200 {
				w.wantMoved("")
			}
		})
	}
}

func TestUnknownPathOutsideTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	for _, path := range []string{"/", "/v1/iamport", "/users", "/windows", "/paymentsx"} {
		if got := w.call("GET", path, ""); got.status != 404 {
			t.Errorf("%s: %v, want 404", path, got)
		}
	}
	if got := len(w.sim.Violations()); got != 5 {
		t.Errorf("%d violations, want 5", got)
	}
}

func TestCallsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
	w.approve(issuance()...)
	w.charge()
	w.charge()
	w.payment("imp_1")
	want := map[string]int{"token": 1, "again": 2, "payment": 1, "webhook": 2}
	if got := w.sim.Calls(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls %v, want %v", got, want)
	}
	if got := w.sim.ChargeAttempts("sub-01--c1"); got != 2 {
		t.Errorf("%d charges, want 2", got)
	}
}
