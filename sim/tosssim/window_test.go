package tosssim_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/tosssim"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		edits   []string
		path    string
		query   map[string]string // exactly these; "*" is any value
		after   string            // status of the order's payment; "" is none
		failure string
	}{
		{"approve", nil, "/ok",
			map[string]string{"a": "1", "paymentKey": "*", "orderId": order, "amount": "163020"}, "IN_PROGRESS", ""},
		{"approve, amount tampered", []string{"tamperAmount", "1"}, "/ok",
			map[string]string{"a": "1", "paymentKey": "*", "orderId": order, "amount": "1"}, "IN_PROGRESS", ""},
		{"cancel has no orderId", []string{"outcome", "cancel"}, "/fail",
			map[string]string{"code": "PAY_PROCESS_CANCELED", "message": "사용자에 의해 결제가 취소되었습니다."}, "", ""},
		{"cancel in English", []string{"outcome", "cancel", "language", "EN"}, "/fail",
			map[string]string{"code": "PAY_PROCESS_CANCELED", "message": "Payment has been canceled by the customer."}, "", ""},
		{"abort", []string{"outcome", "abort"}, "/fail",
			map[string]string{"code": "PAY_PROCESS_ABORTED", "message": "*", "orderId": order}, "ABORTED", "PAY_PROCESS_ABORTED"},
		{"reject", []string{"outcome", "reject", "failUrl", "https://shop.example/fail?ref=x#top"}, "/fail",
			map[string]string{"ref": "x", "code": "REJECT_CARD_COMPANY", "message": "*", "orderId": order}, "ABORTED", "REJECT_CARD_COMPANY"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			got := w.submit(form(tc.edits...))
			to, err := url.Parse(got.header.Get("Location"))
			if err != nil || got.status != http.StatusSeeOther {
				t.Fatalf("%v to %v, %v", got, to, err)
			}
			query := to.Query()
			if to.Host != "shop.example" || to.Path != tc.path || len(query) != len(tc.query) {
				t.Errorf("sent to %s, want %s with %v", to, tc.path, tc.query)
			}
			for name, want := range tc.query {
				if got := query.Get(name); got != want && (want != "*" || got == "") {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			found := w.call("GET", "/v1/payments/orders/"+order, "")
			if status, _ := found.body["status"].(string); status != tc.after {
				t.Errorf("payment %v, want %q", found, tc.after)
			}
			if failure, _ := found.body["failure"].(map[string]any); tc.failure != "" && failure["code"] != tc.failure {
				t.Errorf("failure %v, want %s", failure, tc.failure)
			}
			w.wantMoved("")
		})
	}
}

func TestTamperedAmountIsOnlyInTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	key := w.approve("tamperAmount", "1")
	w.want("confirm what the address said", w.confirmAs(key, order, 1), 403, "FORBIDDEN_REQUEST")
	w.wantMoved("")
	w.want("confirm the truth", w.confirm(key, idem("key-2")), 200, "")
	w.wantMoved("+163020")
}

func TestBadWindowFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		edits  []string
		status int
		says   string
	}{
		{[]string{"orderId", "short"}, 400, "orderId"},
		{[]string{"orderId", strings.Repeat("x", 65)}, 400, "orderId"},
		{[]string{"orderId", "order 0001"}, 400, "orderId"},
		{[]string{"orderName", "-"}, 400, "orderName"},
		{[]string{"orderName", strings.Repeat("가", 101)}, 400, "orderName"},
		{[]string{"amount", "0"}, 400, "amount"},
		{[]string{"amount", "-1"}, 400, "amount"},
		{[]string{"amount", "1.5"}, 400, "amount"},
		{[]string{"amount", "1000000000000"}, 400, "amount"},
		{[]string{"currency", "EUR"}, 400, "currency"},
		{[]string{"successUrl", "/ok"}, 400, "successUrl"},
		{[]string{"successUrl", "javascript:alert(1)"}, 400, "successUrl"},
		{[]string{"failUrl", "//shop.example"}, 400, "failUrl"},
		{[]string{"language", "FR"}, 400, "language"},
		{[]string{"clientKey", "test_ck_other"}, 401, "clientKey"},
		{[]string{"outcome", "-"}, 400, "outcome"},
		{[]string{"outcome", "approved"}, 400, "outcome"},
		{[]string{"tamperAmount", "x"}, 400, "tamperAmount"},
		{[]string{"tamperAmount", "5", "outcome", "cancel"}, 400, "tamperAmount"},
		{[]string{"session", "nobody"}, 400, "session"},
	} {
		t.Run(strings.Join(tc.edits, " "), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			got := w.submit(form(tc.edits...))
			if got.status != tc.status || !strings.Contains(got.raw, tc.says) || got.header.Get("Location") != "" {
				t.Errorf("%v, want %d naming %s", got, tc.status, tc.says)
			}
			w.want("nothing was created", w.call("GET", "/v1/payments/orders/"+order, ""), 404, "NOT_FOUND_PAYMENT")
		})
	}
	w := newWorld(t, tosssim.Options{})
	if got := w.call("POST", "/window", `{}`); got.status != 400 {
		t.Errorf("a JSON form: %v", got)
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// open loads the window as a browser does and returns the fields of its forms.
func (w *world) open(edits ...string) (string, url.Values) {
	w.t.Helper()
	v := form(edits...)
	v.Del("outcome")
	page := w.call("GET", "/window?"+v.Encode(), "")
	if page.status != 200 {
		w.t.Fatalf("window: %v", page)
	}
	fields := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page.raw, -1) {
		fields.Set(m[1], html.UnescapeString(m[2]))
	}
	return page.raw, fields
}

func TestWindowPage(t *testing.T) {
	t.Parallel()
	for language, words := range map[string][]string{
		"KO": {`lang="ko"`, "결제하기"}, "EN": {`lang="en"`, ">Pay<"}, "JA": {`lang="ja"`, "支払う"}, "ZH": {`lang="zh-Hans"`, "支付"},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			page, fields := w.open("language", language, "orderName", `<script>"티셔츠" & more`)
			for _, want := range append(words, "Toss Payments (simulated)", "163,020 KRW", order, "tamperAmount",
				`value="approve"`, `value="cancel"`, `value="abort"`, `value="reject"`) {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if strings.Contains(page, "<script>") || strings.Contains(page, "ZgotmplZ") {
				t.Error("the order name was not escaped")
			}
			if fields.Get("orderName") != `<script>"티셔츠" & more` || fields.Get("language") != language {
				t.Errorf("fields %v", fields)
			}
			fields.Set("outcome", "approve")
			key := fields.Get("session")
			w.wantStatus(key, "READY")
			for range 2 { // a double click
				got := w.submit(fields)
				if got.status != 303 || !strings.Contains(got.header.Get("Location"), "paymentKey="+key) {
					t.Errorf("submit: %v to %s", got, got.header.Get("Location"))
				}
			}
			w.wantStatus(key, "IN_PROGRESS")
			fields.Set("outcome", "abort")
			if got := w.submit(fields); got.status != 400 {
				t.Errorf("another button after the first: %v", got)
			}
			w.wantStatus(key, "IN_PROGRESS")
		})
	}
}

func TestWindowOf30Minutes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		wait  time.Duration
		path  string
		after string
	}{
		{"in time", 30 * time.Minute, "/ok", "IN_PROGRESS"},
		{"too late", 30*time.Minute + 1, "/fail", "EXPIRED"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			_, fields := w.open()
			fields.Set("outcome", "approve")
			w.Advance(tc.wait)
			to, err := url.Parse(w.submit(fields).header.Get("Location"))
			if err != nil || to.Path != tc.path {
				t.Errorf("sent to %v, %v, want %s", to, err, tc.path)
			}
			w.wantStatus(fields.Get("session"), tc.after)
			// The 10 minutes start at the authentication, not at the opening.
			w.Advance(10 * time.Minute)
			w.wantStatus(fields.Get("session"), tc.after)
		})
	}
}

func TestSessionOfAnotherOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	_, fields := w.open()
	fields.Set("outcome", "approve")
	fields.Set("amount", "100")
	if got := w.submit(fields); got.status != 400 {
		t.Errorf("session with another amount: %v", got)
	}
	w.wantStatus(fields.Get("session"), "READY")
}

func TestScriptIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	got := w.call("GET", "/v2/standard", "")
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/javascript") || !strings.Contains(got.raw, "TossPayments.ANONYMOUS") {
		t.Errorf("script: %d %v", got.status, got.header)
	}
	w.wantNoViolations()
}

// The script runs in Node with the two globals of a browser that it uses.
func TestScript(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: what the script does is NOT checked here")
	}
	w := newWorld(t, tosssim.Options{})
	program := `
globalThis.window = {location: {assign(to) { window.to = to }}};
globalThis.document = {currentScript: {src: 'http://127.0.0.1:3000/sim/toss/v2/standard?v=1'}};
` + w.call("GET", "/v2/standard", "").raw + `
const TossPayments = window.TossPayments;
const good = {method: 'CARD', amount: {currency: 'KRW', value: 163020}, orderId: 'order-0001', orderName: '티셔츠 & more',
  successUrl: 'http://127.0.0.1:3000/ok?a=1', failUrl: 'http://127.0.0.1:3000/fail', card: {useInternationalCardOnly: true, language: 'EN'}};
const bad = [
  {method: 'TRANSFER'}, {amount: null}, {amount: {currency: 'KRW', value: '163020'}}, {amount: {currency: 'KRW', value: 0}},
  {amount: {currency: 'EUR', value: 1}}, {amount: {currency: 'KRW', value: 1.5}}, {orderId: 'short'}, {orderName: ''},
  {successUrl: '/ok'}, {failUrl: 'javascript:1'}, {successUrl: null, failUrl: null}, {card: {language: 'en'}},
  {customerMobilePhone: '010-1234-5678'}, {card: {useInternationalCardOnly: true, flowMode: 'DIRECT'}},
];
(async () => {
  const payment = TossPayments('test_ck_x').payment({customerKey: TossPayments.ANONYMOUS});
  for (const change of bad) {
    try { await payment.requestPayment({...good, ...change}); } catch (e) { console.log(e.name, e.code); }
  }
  for (const wrong of [() => TossPayments(), () => TossPayments('k').payment(), () => TossPayments('k').payment({customerKey: 'a b'})]) {
    try { wrong(); console.log('accepted'); } catch (e) { console.log(e.name, e.code); }
  }
  console.log(window.to);
  payment.requestPayment(good);
  console.log(window.to);
})();`
	cmd := exec.CommandContext(t.Context(), node, "-")
	cmd.Stdin = strings.NewReader(program)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	opened := lines[len(lines)-1]
	want := []string{
		"NotSupportedMethodError NOT_SUPPORTED_METHOD",
		"InvalidAmountValueError INVALID_AMOUNT_VALUE", "InvalidAmountValueError INVALID_AMOUNT_VALUE",
		"BelowZeroAmountError BELOW_ZERO_AMOUNT", "InvalidAmountCurrencyError INVALID_AMOUNT_CURRENCY",
		"InvalidAmountValueError INVALID_AMOUNT_VALUE",
		"InvalidParametersError INVALID_PARAMETERS", "InvalidParametersError INVALID_PARAMETERS",
		"IncorrectSuccessUrlFormatError INCORRECT_SUCCESS_URL_FORMAT", "IncorrectFailUrlFormatError INCORRECT_FAIL_URL_FORMAT",
		"NotSupportedPromiseError NOT_SUPPORTED_PROMISE",
		"InvalidParametersError INVALID_PARAMETERS", "InvalidParametersError INVALID_PARAMETERS", "InvalidParametersError INVALID_PARAMETERS",
		"InvalidParametersError INVALID_PARAMETERS", "InvalidParametersError INVALID_PARAMETERS", "InvalidParametersError INVALID_PARAMETERS",
		"undefined", // nothing was opened so far
		opened,
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("script said\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	to, err := url.Parse(opened)
	if err != nil || to.Path != "/sim/toss/window" {
		t.Fatalf("opened %q, %v", opened, err)
	}
	query := to.Query()
	if query.Get("orderName") != "티셔츠 & more" || query.Get("language") != "EN" || query.Get("clientKey") != "test_ck_x" ||
		query.Get("amount") != fmt.Sprint(amount) || query.Get("successUrl") != "http://127.0.0.1:3000/ok?a=1" {
		t.Errorf("opened with %v", query)
	}
}
