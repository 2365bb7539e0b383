package web

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	shopURL  = "https://shop.example/done?orderId=o-1"
	payURL   = "/pay/o-1/token"
	pageMax  = 20_000 // bytes; a page must arrive in the first flight on a bad phone network
	testName = "티셔츠 외 2건"
)

func checkoutView() CheckoutView {
	return CheckoutView{
		Language: English, Provider: "toss", OrderID: "o-123456", OrderName: testName, AmountValue: 12000, Currency: "KRW",
		ScriptURL: "https://js.tosspayments.com/v2/standard", ClientKey: "test_ck_docs", CustomerKey: "customer-1",
		WindowJSON: json.RawMessage(`{"method":"CARD","amount":{"value":12000,"currency":"KRW"},"orderId":"o-123456"}`),
		ReturnURL:  shopURL,
		LanguageLinks: map[Language]string{
			Korean: payURL + "?lang=ko", English: payURL + "?lang=en", Japanese: payURL + "?lang=ja", Chinese: payURL + "?lang=zh",
		},
	}
}

// portoneView pays and issuanceView registers with the other provider.
func portoneView() CheckoutView {
	view := checkoutView()
	view.Provider, view.ScriptURL, view.ClientKey, view.CustomerKey = "portone", "https://cdn.iamport.kr/v1/iamport.js", "imp00000000", ""
	view.WindowJSON = json.RawMessage(`{"channelKey":"channel-key-1","pay_method":"tosspay","merchant_uid":"o-123456","name":"T-shirt","amount":12000,` +
		`"m_redirect_url":"https://pay.example/confirm/portone/o-123456/token?lang=en","bypass":{"tosspay_v2":{"expiredTime":"2026-11-01 12:00:00"}}}`)
	return view
}

func issuanceView() CheckoutView {
	view := portoneView()
	view.Issuance, view.OrderID, view.OrderName, view.AmountValue = true, "sub-123456", "월간 이용권", 9900
	view.Plan = Plan{IntervalUnit: "month", Every: 1, ChargeAt: time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)}
	view.WindowJSON = json.RawMessage(`{"channelKey":"channel-key-1","pay_method":"tosspay","merchant_uid":"sub-123456--key1","customer_uid":"sub-123456--key1",` +
		`"customer_id":"c-1","name":"Monthly","amount":0,"m_redirect_url":"https://pay.example/confirm/portone/sub-123456/token"}`)
	return view
}

func resultView(state ResultState, language Language) ResultView {
	return ResultView{
		Language: language, State: state, OrderID: "o-123456", OrderName: testName, AmountValue: 12000, Currency: "KRW",
		Code: "REJECT_CARD_PAYMENT", PayURL: payURL, ReturnURL: shopURL,
		Plan: issuanceView().Plan, MeansBrand: "신한카드", MeansMasked: "559410*********4",
	}
}

// everyPage renders each page there is in one language.
func everyPage(language Language) map[string]Page {
	checkout := checkoutView()
	checkout.Language = language
	again := checkout
	again.Notice, again.NoticeCode = ResultDeclined, "REJECT_CARD_PAYMENT"
	portone, issuance := portoneView(), issuanceView()
	portone.Language, issuance.Language = language, language
	issuance.Notice, issuance.NoticeCode = ResultNotRegistered, "CARD_NOT_AVAILABLE"
	checking := CheckingView{Language: language, OrderID: "o-123456", OrderName: testName, AmountValue: 12000, Currency: "KRW", Seconds: 3}
	reversing, registering := checking, checking
	reversing.Reversing = true
	registering.Issuance, registering.Plan = true, issuance.Plan
	renewal, retry := issuance, issuance
	renewal.Plan.Charge, retry.Plan.Charge = NextCharge, RetryCharge
	pages := map[string]Page{
		"renewal":        Checkout(renewal),
		"retry":          Checkout(retry),
		"checkout":       Checkout(checkout),
		"checkout again": Checkout(again),
		"portone":        Checkout(portone),
		"issuance":       Checkout(issuance),
		"checking":       Checking(checking),
		"reversing":      Checking(reversing),
		"registering":    Checking(registering),
		"not found":      NotFound(language),
		"problem":        Problem(language, http.StatusServiceUnavailable, "req-1"),
	}
	for _, state := range []ConsentState{ConsentAsks, ConsentGiven, ConsentRefused, ConsentEarly, ConsentClosed} {
		view := consentView(state)
		view.Language = language
		pages["consent "+string(state)] = Consent(view)
	}
	trial := consentView(ConsentAsks)
	trial.Language, trial.Free, trial.Ends = language, true, true
	pages["consent to the end of a trial"] = Consent(trial)
	for _, state := range ResultStates() {
		pages["result "+string(state)] = Result(resultView(state, language))
	}
	return pages
}

// contains compares with what a browser shows, not with how it was escaped.
func contains(page Page, text string) bool {
	return strings.Contains(html.UnescapeString(string(page.Body)), text)
}

func TestEveryPage(t *testing.T) {
	t.Parallel()
	wantHeaders := map[string]string{
		"Content-Type":               "text/html; charset=utf-8",
		"Cache-Control":              "no-store",
		"Referrer-Policy":            "no-referrer",
		"X-Content-Type-Options":     "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin-allow-popups",
		"X-Robots-Tag":               "noindex, nofollow",
	}
	for _, language := range Languages() {
		for name, page := range everyPage(language) {
			for key, want := range wantHeaders {
				if got := page.Header.Get(key); got != want {
					t.Errorf("%s %s: %s = %q, want %q", language, name, key, got, want)
				}
			}
			if got := page.Header.Get("Content-Language"); got != string(language) {
				t.Errorf("%s %s: Content-Language %q", language, name, got)
			}
			if !contains(page, `<html lang="`+string(language)+`">`) || bytes.Count(page.Body, []byte("<h1>")) != 1 {
				t.Errorf("%s %s: wrong lang attribute or not one h1", language, name)
			}
			if len(page.Body) > pageMax {
				t.Errorf("%s %s: %d bytes, want at most %d", language, name, len(page.Body), pageMax)
			}
			checkPolicy(t, string(language)+" "+name, page)
		}
	}
}

var inlineElement = regexp.MustCompile(`(?s)<(script|style)>(.*?)</(?:script|style)>`)

// checkPolicy holds the page against its own Content-Security-Policy.
func checkPolicy(t *testing.T, name string, page Page) {
	t.Helper()
	policy := map[string][]string{}
	for _, directive := range strings.Split(page.Header.Get("Content-Security-Policy"), "; ") {
		fields := strings.Fields(directive)
		policy[fields[0]] = fields[1:]
	}
	for _, closed := range []string{"default-src", "base-uri", "frame-ancestors"} {
		if !slices.Equal(policy[closed], []string{"'none'"}) {
			t.Errorf("%s: %s is %v, want 'none'", name, closed, policy[closed])
		}
	}
	for _, source := range policy["script-src"] {
		if strings.HasPrefix(source, "'unsafe-") || source == "*" || source == "https:" {
			t.Errorf("%s: script-src allows %s", name, source)
		}
	}
	for _, element := range inlineElement.FindAllStringSubmatch(string(page.Body), -1) {
		sources, hash := policy[element[1]+"-src"], hashSource(element[2])
		if !slices.Contains(sources, hash) && !(element[1] == "style" && slices.Contains(sources, "'unsafe-inline'")) {
			t.Errorf("%s: the policy %v blocks the page's own %s, %s", name, sources, element[1], hash)
		}
	}
	if regexp.MustCompile(`<[^>]*\s(style|on[a-z]+)=`).Match(page.Body) {
		t.Errorf("%s: has a style or event attribute, which a strict policy blocks", name)
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	pays := []ResultState{ResultDeclined, ResultCanceled, ResultAborted, ResultRejected, ResultMismatch, ResultOpen, ResultReturned, ResultNotRegistered}
	shows := []ResultState{ResultDeclined, ResultAborted, ResultRejected, ResultFailed, ResultReview, ResultNotRegistered} // the code
	for _, language := range Languages() {
		words := language.catalog()
		for _, state := range ResultStates() {
			page := Result(resultView(state, language))
			if page.Status != http.StatusOK || !contains(page, "<h1>"+words.Results[state].Title+"</h1>") || !contains(page, words.Results[state].Body) {
				t.Errorf("%s %s: status %d, or not its text", language, state, page.Status)
			}
			if got, want := contains(page, amountText(12000, "KRW", language)), state != ResultNotRegistered && state != ResultSubscriptionEnded; got != want {
				t.Errorf("%s %s: amount = %v, want %v", language, state, got, want)
			}
			if got, want := contains(page, "559410*********4"), state == ResultRegistered; got != want {
				t.Errorf("%s %s: payment method = %v, want %v", language, state, got, want)
			}
			for _, text := range []string{testName, "o-123456", words.BackToShop, `href="` + shopURL + `"`} {
				if !contains(page, text) {
					t.Errorf("%s %s: does not show %q", language, state, text)
				}
			}
			if got, want := contains(page, payURL), slices.Contains(pays, state); got != want {
				t.Errorf("%s %s: link to pay = %v, want %v", language, state, got, want)
			}
			if got, want := contains(page, "REJECT_CARD_PAYMENT"), slices.Contains(shows, state); got != want {
				t.Errorf("%s %s: support code = %v, want %v", language, state, got, want)
			}
			if contains(page, "<button") || contains(page, "<script") || page.Header.Get("Refresh") != "" {
				t.Errorf("%s %s: has a button, a script or a refresh", language, state)
			}
		}
	}
}

func TestResultReturnsToShop(t *testing.T) {
	t.Parallel()
	for _, state := range ResultStates() {
		view := resultView(state, English)
		view.ReturnSeconds = 5
		page := Result(view)
		want := ""
		if state == ResultPaid || state == ResultRegistered {
			want = "5; url=" + shopURL
		}
		if got := page.Header.Get("Refresh"); got != want || contains(page, english.ReturningToShop) != (want != "") {
			t.Errorf("%s: Refresh %q, want %q, and announced only then", state, got, want)
		}
		view.ReturnURL = "javascript:alert(1)"
		if page := Result(view); page.Header.Get("Refresh") != "" || contains(page, english.ReturningToShop) || contains(page, english.BackToShop) {
			t.Errorf("%s: returns to an address that is none", state)
		}
	}
}

func TestResultUnknownStateClaimsNothing(t *testing.T) {
	t.Parallel()
	for _, state := range []ResultState{"", "processing", "PAID"} {
		page := Result(resultView(state, English))
		if page.Status != http.StatusInternalServerError || !contains(page, english.Problem.Title) || contains(page, payURL) {
			t.Errorf("state %q: status %d, want the problem page", state, page.Status)
		}
	}
}

// A code that came with a redirect must not turn a proven state into its opposite.
func TestResultAdvice(t *testing.T) {
	t.Parallel()
	tests := []struct {
		state ResultState
		code  string
		want  bool
	}{
		{ResultDeclined, "REJECT_CARD_PAYMENT", true},
		{ResultRejected, "REJECT_CARD_COMPANY", true},
		{ResultAborted, "PAY_PROCESS_ABORTED", true},
		{ResultAborted, "UNKNOWN_PAYMENT_ERROR", false},
		{ResultDeclined, "ALREADY_PROCESSED_PAYMENT", false},
		{ResultDeclined, "NOT_A_CODE", false},
		{ResultPaid, "REJECT_CARD_PAYMENT", false},
		{ResultReview, "REJECT_CARD_PAYMENT", false},
		{ResultMismatch, "FORBIDDEN_REQUEST", false},
		{ResultReturned, "REJECT_CARD_PAYMENT", false},
		{ResultDeclined, "CARD_NOT_ENOUGH_BALANCE", true},
		{ResultDeclined, "COMMON_TIMEOUT", false},
		{ResultDeclined, "F1002", false},
		{ResultNotRegistered, "CARD_NOT_AVAILABLE", true},
		{ResultNotRegistered, "TRANSACTION_PENDING_ERROR", false},
		{ResultSubscriptionEnded, "CARD_NOT_AVAILABLE", false},
	}
	for _, test := range tests {
		view := resultView(test.state, English)
		view.Code = test.code
		if got := contains(Result(view), BuyerText(test.code, English)); got != test.want {
			t.Errorf("%s with %s: advice shown = %v, want %v", test.state, test.code, got, test.want)
		}
	}
	for _, code := range []string{"call 02-123-4567", "<b>X</b>", "lower_case", strings.Repeat("A", 65), "A\nB"} {
		view := resultView(ResultDeclined, English)
		view.Code = code
		if page := Result(view); contains(page, english.SupportCode) {
			t.Errorf("code %q is shown", code)
		}
	}
}

func TestChecking(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words := language.catalog()
		for seconds, want := range map[int]string{-1: "1", 0: "1", 3: "3", 3600: "60"} {
			page := Checking(CheckingView{Language: language, OrderID: "o-123456", AmountValue: 12000, Currency: "KRW", Seconds: seconds})
			if page.Status != http.StatusOK || page.Header.Get("Refresh") != want || !contains(page, `<meta http-equiv="refresh" content="`+want+`">`) {
				t.Errorf("%s after %d s: status %d, Refresh %q, want 200 and %s", language, seconds, page.Status, page.Header.Get("Refresh"), want)
			}
			if !contains(page, words.Checking.Title) || !contains(page, words.Checking.Body) || !contains(page, "o-123456") || !contains(page, `href=""`) {
				t.Errorf("%s: does not explain itself", language)
			}
			for _, forbidden := range []string{"<button", "<script", "/pay", words.PayAgain, words.PayNow, words.Problem.Title} {
				if contains(page, forbidden) {
					t.Errorf("%s: the checking page contains %q", language, forbidden)
				}
			}
		}
	}
}

func TestCheckingVariants(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words := language.catalog()
		told := map[string]message{"payment": words.Checking, "reversing": words.Reversing, "registering": words.Registering}
		tests := []struct {
			view CheckingView
			want string
			row  string
		}{
			{CheckingView{}, "payment", words.OrderID},
			{CheckingView{Reversing: true}, "reversing", words.OrderID},
			{CheckingView{Issuance: true}, "registering", words.SubscriptionID},
			{CheckingView{Issuance: true, Reversing: true}, "reversing", words.SubscriptionID},
		}
		for _, test := range tests {
			test.view.Language, test.view.OrderID, test.view.AmountValue, test.view.Currency = language, "x-123456", 9900, "KRW"
			page := Checking(test.view)
			for name, text := range told {
				if got, want := contains(page, text.Body), name == test.want; got != want {
					t.Errorf("%s %+v: shows the text of %s = %v, want %v", language, test.view, name, got, want)
				}
			}
			if !contains(page, "<dt>"+test.row+"</dt>") || page.Header.Get("Refresh") != "1" || contains(page, "<button") || contains(page, words.PayAgain) {
				t.Errorf("%s %+v: no %q, no refresh, or a way to pay", language, test.view, test.row)
			}
			if got := contains(page, amountText(9900, "KRW", language)); got == test.view.Issuance {
				t.Errorf("%s %+v: shows an amount = %v, but must not show it without its period", language, test.view, got)
			}
		}
	}
}

func TestMaskedNumber(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"559410*********4": "559410*********4", "5594-10**-****-1234": "5594-10**-****-1234", "": "", "12345678****1234": "12345678****1234",
		"5594101234561234": "", "5594-1012-3456-1234": "", "４４４４５５５５６６６６７７７７": "", "1234567890123": "",
	}
	for number, want := range tests {
		view := resultView(ResultRegistered, English)
		view.MeansMasked = number
		page := Result(view)
		if got := maskedNumber(number); got != want || number != want && contains(page, number) {
			t.Errorf("maskedNumber(%q) = %q, want %q, and shown only then", number, got, want)
		}
		if !contains(page, view.MeansBrand) {
			t.Errorf("%q: the brand is missing", number)
		}
	}
	view := resultView(ResultRegistered, English)
	view.MeansBrand, view.MeansMasked = "", ""
	if page := Result(view); contains(page, english.Means+"</dt>") {
		t.Error("an unknown payment method is announced")
	}
}

func TestNotFoundAndProblem(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words := language.catalog()
		if page := NotFound(language); page.Status != http.StatusNotFound || !contains(page, words.NotFound.Title) || contains(page, "<a ") {
			t.Errorf("%s: not found page has status %d", language, page.Status)
		}
		for status, want := range map[int]int{503: 503, 429: 429, 400: 400, 0: 500, 200: 500, 302: 500, 999: 500} {
			page := Problem(language, status, "req-123")
			if page.Status != want || !contains(page, words.Problem.Body) || !contains(page, "req-123") {
				t.Errorf("%s: problem %d has status %d, want %d", language, status, page.Status, want)
			}
			if contains(page, words.PayAgain) || contains(page, words.Results[ResultFailed].Title) || page.Header.Get("Refresh") != "" {
				t.Errorf("%s: problem %d says more than it knows", language, status)
			}
		}
	}
	if page := Problem(English, 500, ""); contains(page, english.RequestID) {
		t.Error("an empty request number is announced")
	}
	if page := NotFound("xx"); !contains(page, korean.NotFound.Title) || !contains(page, `lang="ko"`) {
		t.Error("an unknown language is not shown in Korean")
	}
}
