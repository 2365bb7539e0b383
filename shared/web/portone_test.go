package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPortoneCheckout(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words := language.catalog()
		view := portoneView()
		view.Language = language
		page := Checkout(view)
		data, _ := readData(t, page)
		if data.ScriptURL != view.ScriptURL || data.ClientKey != "imp00000000" || !sameJSON(t, data.Window, view.WindowJSON) {
			t.Errorf("%s: data = %+v", language, data)
		}
		for _, text := range []string{
			words.Checkout.Title, words.Checkout.CheckHint, `<div id="check" hidden>`,
			`href="https://pay.example/confirm/portone/o-123456/token?lang=en&merchant_uid=o-123456">` + words.Checkout.CheckButton + "</a>",
		} {
			if !contains(page, text) {
				t.Errorf("%s: does not show %q", language, text)
			}
		}
		if got := strings.Count(string(page.Body), `class="button primary"`); got != 1 {
			t.Errorf("%s: %d buttons look like the one that pays, want 1", language, got)
		}
		if strings.Contains(strings.ToLower(words.Checkout.CheckButton), strings.ToLower(words.PayAgain)) {
			t.Errorf("%s: %q reads like a second payment", language, words.Checkout.CheckButton)
		}
	}
	if page := Checkout(checkoutView()); contains(page, `id="check"`) {
		t.Error("a window that always reports back has a way out")
	}
}

func TestIssuance(t *testing.T) {
	t.Parallel()
	dates := map[Language]string{Korean: "2026년 12월 1일", English: "December 1, 2026", Japanese: "2026年12月1日", Chinese: "2026年12月1日"}
	for _, language := range Languages() {
		words := language.catalog()
		view := issuanceView()
		view.Language = language
		later := Checkout(view)
		view.Plan.ChargeAt = time.Time{}
		atOnce := Checkout(view)
		for name, page := range map[string]Page{"later": later, "at once": atOnce} {
			for _, text := range []string{
				"<h1>" + words.Issuance.Title + "</h1>", words.Issuance.Body, ">" + words.Issuance.Button + "</button>", words.Issuance.CheckButton, words.Issuance.CheckHint,
				"월간 이용권", "sub-123456", view.Plan.periodText(amountText(9900, "KRW", language), language),
				"/confirm/portone/sub-123456/token?merchant_uid=sub-123456--key1",
			} {
				if !contains(page, text) {
					t.Errorf("%s %s: does not show %q", language, name, text)
				}
			}
			for _, text := range []string{words.Checkout.Title, "<dt>" + words.OrderID, words.Checkout.CheckButton, fill(words.Checkout.PayButton, "{amount}", amountText(9900, "KRW", language))} {
				if contains(page, text) {
					t.Errorf("%s %s: speaks of a payment, %q", language, name, text)
				}
			}
		}
		promise := fill(words.Issuance.ChargeLater, "{date}", dates[language])
		if !contains(later, promise) || !contains(later, "<bdi>"+dates[language]+"</bdi>") || contains(later, words.Issuance.ChargeAtOnce) {
			t.Errorf("%s: does not promise %q", language, promise)
		}
		if !contains(atOnce, words.Issuance.ChargeAtOnce) || contains(atOnce, strings.SplitN(words.Issuance.ChargeLater, "{date}", 2)[0]) {
			t.Errorf("%s: promises that nothing is charged now", language)
		}
	}
}

// TestRenewal: a subscription that is past its first payment is not told of one.
func TestRenewal(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words, view := language.catalog(), issuanceView()
		view.Language = language
		date := dateText(view.Plan.ChargeAt, language)
		next, none := fill(words.Issuance.ChargeNext, "{date}", date), "<p>"+words.Issuance.ChargeNone+"</p>"
		for charge, show := range map[Charge][]string{
			NextCharge:  {next, "<dt>" + words.NextCharge + "</dt>", "<bdi>" + date + "</bdi>"},
			RetryCharge: {words.Issuance.ChargeAgain, "<dt>" + words.NextCharge + "</dt>", "<bdi>" + words.AtRegistration + "</bdi>"},
			NoCharge:    {none},
		} {
			view.Plan.Charge = charge
			page := Checkout(view)
			for _, text := range show {
				if !contains(page, text) {
					t.Errorf("%s %d: does not show %q", language, charge, text)
				}
			}
			for _, text := range []string{
				words.FirstCharge, words.Issuance.ChargeAtOnce, fill(words.Issuance.ChargeLater, "{date}", date), next, words.Issuance.ChargeAgain, none,
				"<dt>" + words.NextCharge, date, words.AtRegistration,
			} {
				if contains(page, text) && !strings.Contains(strings.Join(show, " "), text) {
					t.Errorf("%s %d: shows %q", language, charge, text)
				}
			}
		}
		view.Plan = Plan{IntervalUnit: "month", Every: 1, Charge: NextCharge}
		if page := Checkout(view); page.Status != http.StatusInternalServerError {
			t.Errorf("%s: a next payment without a date: %d", language, page.Status)
		}
	}
}

func TestPeriodText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		unit  string
		every int
		want  map[Language]string
	}{
		{"month", 1, map[Language]string{Korean: "매월 9,900원", English: "₩9,900 KRW every month", Japanese: "毎月 ₩9,900 KRW", Chinese: "每月 ₩9,900 KRW", "": "매월 9,900원"}},
		{"month", 2, map[Language]string{Korean: "2개월마다 9,900원", English: "₩9,900 KRW every 2 months", Japanese: "2か月ごとに ₩9,900 KRW", Chinese: "每 2 个月 ₩9,900 KRW"}},
		{"day", 1, map[Language]string{Korean: "매일 9,900원", English: "₩9,900 KRW every day", Japanese: "毎日 ₩9,900 KRW", Chinese: "每天 ₩9,900 KRW"}},
		{"week", 1, map[Language]string{Korean: "매주 9,900원", Japanese: "毎週 ₩9,900 KRW"}},
		{"week", 4, map[Language]string{Korean: "4주마다 9,900원", English: "₩9,900 KRW every 4 weeks", Japanese: "4週間ごとに ₩9,900 KRW", Chinese: "每 4 周 ₩9,900 KRW"}},
		{"year", 1, map[Language]string{Korean: "매년 9,900원", English: "₩9,900 KRW every year"}},
		{"year", 10, map[Language]string{Korean: "10년마다 9,900원", Japanese: "10年ごとに ₩9,900 KRW"}},
	}
	for _, test := range tests {
		for language, want := range test.want {
			plan := Plan{IntervalUnit: test.unit, Every: test.every}
			if got := plan.periodText(amountText(9900, "KRW", language), language); got != want || !plan.known() {
				t.Errorf("%s, every %d %s: %q, want %q", language, test.every, test.unit, got, want)
			}
		}
	}
	if got := (Plan{IntervalUnit: "month", Every: 3}).periodText("1 {every}{date}", English); got != "1 {every}{date} every 3 months" {
		t.Errorf("an amount is taken for a pattern: %q", got)
	}
}

// A day begins in Seoul nine hours before it does in UTC, wherever the time was written down.
func TestDateText(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2026-11-30T14:59:59Z": "2026년 11월 30일", "2026-11-30T15:00:00Z": "2026년 12월 1일",
		"2026-12-31T23:30:00+09:00": "2026년 12월 31일", "2026-12-31T12:00:00-05:00": "2027년 1월 1일",
	} {
		parsed, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := dateText(parsed, Korean); got != want {
			t.Errorf("dateText(%s) = %q, want %q", at, got, want)
		}
	}
}

func TestPortoneRefusesUnsafeViews(t *testing.T) {
	t.Parallel()
	window := func(raw string) func(*CheckoutView) {
		return func(v *CheckoutView) { v.WindowJSON = json.RawMessage(raw) }
	}
	tests := map[string]func(*CheckoutView){
		"payment that registers":     func(v *CheckoutView) { v.Issuance = false },
		"registration that pays":     func(v *CheckoutView) { v.WindowJSON = portoneView().WindowJSON },
		"no way back":                window(`{"customer_uid":"s","merchant_uid":"s"}`),
		"way back is a script":       window(`{"customer_uid":"s","merchant_uid":"s","m_redirect_url":"javascript:alert(1)"}`),
		"way back is another host":   window(`{"customer_uid":"s","merchant_uid":"s","m_redirect_url":"//evil.example/x"}`),
		"way back is null":           window(`{"customer_uid":"s","merchant_uid":"s","m_redirect_url":null}`),
		"way back in capitals":       window(`{"customer_uid":"s","merchant_uid":"s","M_REDIRECT_URL":"https://pay.example/x"}`),
		"no number":                  window(`{"customer_uid":"s","m_redirect_url":"https://pay.example/x"}`),
		"number is a number":         window(`{"customer_uid":"s","merchant_uid":1,"m_redirect_url":"https://pay.example/x"}`),
		"window is a list":           window(`[{"customer_uid":"s"}]`),
		"no unit":                    func(v *CheckoutView) { v.Plan.IntervalUnit = "" },
		"unknown unit":               func(v *CheckoutView) { v.Plan.IntervalUnit = "Month" },
		"never":                      func(v *CheckoutView) { v.Plan.Every = 0 },
		"every minus one":            func(v *CheckoutView) { v.Plan.Every = -1 },
		"script over http":           func(v *CheckoutView) { v.ScriptURL = "http://cdn.iamport.kr/v1/iamport.js" },
		"script with its own policy": func(v *CheckoutView) { v.ScriptURL = "https://a;script-src/x" },
	}
	if page := Checkout(issuanceView()); page.Status != http.StatusOK {
		t.Fatalf("the view that is spoilt below has status %d", page.Status)
	}
	for name, spoil := range tests {
		view := issuanceView()
		spoil(&view)
		page := Checkout(view)
		if page.Status != http.StatusInternalServerError || contains(page, "<script") || contains(page, "<button") {
			t.Errorf("%s: status %d, want the problem page", name, page.Status)
		}
	}
}

func TestPortonePolicy(t *testing.T) {
	t.Parallel()
	own := []string{"https://cdn.iamport.kr", "https://*.iamport.kr", "https://*.iamport.co", "https://*.portone.io"}
	toss := []string{"https://*.toss.im", "https://*.tosspayments.com"}
	for script, origin := range map[string]string{
		"https://cdn.iamport.kr/v1/iamport.js":            "https://cdn.iamport.kr",
		"http://127.0.0.1:3000/sim/portone/v1/iamport.js": "http://127.0.0.1:3000",
		"http://localhost:3000/sim/portone/v1/iamport.js": "http://localhost:3000",
		"/sim/portone/v1/iamport.js":                      "'self'",
	} {
		view := portoneView()
		view.ScriptURL = script
		page := Checkout(view)
		checkPolicy(t, script, page)
		directives := strings.Split(page.Header.Get("Content-Security-Policy"), "; ")
		for _, name := range []string{"script-src", "connect-src", "frame-src", "form-action", "img-src"} {
			sources := strings.Fields(directives[indexPrefix(directives, name+" ")])
			for _, want := range append([]string{origin}, own...) {
				if !slices.Contains(sources, want) {
					t.Errorf("%s: %s does not allow %s", script, name, want)
				}
			}
			for _, host := range toss {
				if got, want := slices.Contains(sources, host), name != "script-src"; got != want {
					t.Errorf("%s: %s allows %s = %v, want %v", script, name, host, got, want)
				}
			}
			if slices.Contains(sources, "https:") || slices.Contains(sources, "*") {
				t.Errorf("%s: %s allows every host: %v", script, name, sources)
			}
		}
	}
}
