package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var dataBlock = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)

// readData returns what the page's script would read.
func readData(t *testing.T, page Page) (data checkoutData, raw string) {
	t.Helper()
	found := dataBlock.FindSubmatch(page.Body)
	if found == nil {
		t.Fatalf("status %d: no data block", page.Status)
	}
	if err := json.Unmarshal(found[1], &data); err != nil {
		t.Fatalf("data block: %v in %s", err, found[1])
	}
	return data, string(found[1])
}

// sameJSON compares values with numbers kept as they are written.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	decode := func(raw []byte) (value any) {
		decoder := json.NewDecoder(strings.NewReader(string(raw)))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		return value
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

func TestCheckout(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		words := language.catalog()
		view := checkoutView()
		view.Language = language
		page := Checkout(view)
		if page.Status != http.StatusOK {
			t.Fatalf("%s: status %d", language, page.Status)
		}
		button := strings.Replace(words.Checkout.PayButton, "{amount}", amountText(12000, "KRW", language), 1)
		for _, text := range []string{
			"<h1>" + words.Checkout.Title + "</h1>", ">" + button + "</button>", testName, "o-123456",
			words.Checkout.SafeNote, "<noscript><p class=\"problem\">" + words.Checkout.NoScript, words.Checkout.LoadAgain,
			words.BackToShop, shopURL, `<span lang="` + string(language) + `" aria-current="true">`,
		} {
			if !contains(page, text) {
				t.Errorf("%s: does not show %q", language, text)
			}
		}
		if !contains(page, `id="pay" class="button primary" disabled>`) {
			t.Errorf("%s: the button can be pressed before the provider's script is there", language)
		}
		if strings.Count(string(page.Body), "hreflang=") != 3 {
			t.Errorf("%s: does not link the other three languages", language)
		}
		data, _ := readData(t, page)
		if data.ScriptURL != view.ScriptURL || data.ClientKey != view.ClientKey || data.CustomerKey != view.CustomerKey {
			t.Errorf("%s: data = %+v", language, data)
		}
		if !sameJSON(t, data.Window, view.WindowJSON) {
			t.Errorf("%s: window = %s, want %s", language, data.Window, view.WindowJSON)
		}
		if data.Text["loadFailed"] != words.Checkout.LoadFailed {
			t.Errorf("%s: the script speaks another language: %q", language, data.Text["loadFailed"])
		}
	}
}

func TestCheckoutOptionalParts(t *testing.T) {
	t.Parallel()
	view := checkoutView()
	view.ReturnURL, view.LanguageLinks, view.CustomerKey = "", nil, ""
	page := Checkout(view)
	if contains(page, english.BackToShop) || contains(page, "<nav") {
		t.Error("shows a link or a language switch that leads nowhere")
	}
	if data, _ := readData(t, page); data.CustomerKey != "" {
		t.Errorf("a guest has customer key %q", data.CustomerKey)
	}
}

func TestCheckoutNotice(t *testing.T) {
	t.Parallel()
	for _, state := range append(ResultStates(), "", "processing") {
		view := checkoutView()
		view.Notice, view.NoticeCode = state, "REJECT_CARD_PAYMENT"
		page := Checkout(view)
		want := state.payable() && state != ResultOpen && state != ResultNotRegistered
		if got := contains(page, `class="notice"`); got != want {
			t.Errorf("notice %q shown = %v, want %v", state, got, want)
		}
		if want && !contains(page, english.Results[state].Title) {
			t.Errorf("notice %q has another text", state)
		}
		view = issuanceView()
		view.Notice = state
		if got, want := contains(Checkout(view), `class="notice"`), state == ResultNotRegistered; got != want {
			t.Errorf("notice %q shown above a registration = %v, want %v", state, got, want)
		}
	}
}

func TestCheckoutRefusesUnsafeViews(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*CheckoutView){
		"no provider":          func(v *CheckoutView) { v.Provider = "" },
		"unknown provider":     func(v *CheckoutView) { v.Provider = "paypal" },
		"no script":            func(v *CheckoutView) { v.ScriptURL = "" },
		"script over http":     func(v *CheckoutView) { v.ScriptURL = "http://js.tosspayments.com/v2/standard" },
		"script as javascript": func(v *CheckoutView) { v.ScriptURL = "javascript:alert(1)" },
		"script as data":       func(v *CheckoutView) { v.ScriptURL = "data:text/javascript,alert(1)" },
		"script with a policy": func(v *CheckoutView) { v.ScriptURL = "https://a;script-src/x" },
		"script of a sibling":  func(v *CheckoutView) { v.ScriptURL = "//evil.example/x.js" },
		"no window":            func(v *CheckoutView) { v.WindowJSON = nil },
		"window is blank":      func(v *CheckoutView) { v.WindowJSON = json.RawMessage("  ") },
		"window is broken":     func(v *CheckoutView) { v.WindowJSON = json.RawMessage(`{"a":`) },
		"window is a list":     func(v *CheckoutView) { v.WindowJSON = json.RawMessage(`[]`) },
		"window is a script":   func(v *CheckoutView) { v.WindowJSON = json.RawMessage(`{};alert(1)`) },
		"toss issuance":        func(v *CheckoutView) { v.Issuance, v.Plan = true, issuanceView().Plan },
	}
	for name, spoil := range tests {
		view := checkoutView()
		spoil(&view)
		page := Checkout(view)
		if page.Status != http.StatusInternalServerError || contains(page, "<script") || contains(page, "<button") {
			t.Errorf("%s: status %d, want the problem page", name, page.Status)
		}
	}
}

func TestCheckoutPolicy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		script, source string
	}{
		{"https://js.tosspayments.com/v2/standard", "https://js.tosspayments.com"},
		{"http://127.0.0.1:3000/sim/toss/v2/standard", "http://127.0.0.1:3000"},
		{"http://localhost:3000/sim/toss/v2/standard", "http://localhost:3000"},
		{"http://[::1]:3000/sim/toss/v2/standard", "'self'"},
		{"/sim/toss/v2/standard", "'self'"},
	}
	for _, test := range tests {
		view := checkoutView()
		view.ScriptURL = test.script
		page := Checkout(view)
		if page.Status != http.StatusOK {
			t.Errorf("%s: status %d", test.script, page.Status)
			continue
		}
		checkPolicy(t, test.script, page)
		directives := strings.Split(page.Header.Get("Content-Security-Policy"), "; ")
		for _, name := range []string{"script-src", "connect-src", "frame-src", "form-action", "img-src"} {
			index := indexPrefix(directives, name+" ")
			if index < 0 || !strings.Contains(directives[index]+" ", " "+test.source+" ") {
				t.Errorf("%s: %s does not allow %s: %v", test.script, name, test.source, directives)
			}
		}
	}
	for _, closed := range []Page{NotFound(English), Checking(CheckingView{}), Result(resultView(ResultPaid, English))} {
		if policy := closed.Header.Get("Content-Security-Policy"); strings.Contains(policy, "script-src") || strings.Contains(policy, "https:") {
			t.Errorf("a page without a payment button allows scripts or other hosts: %s", policy)
		}
	}
}

func indexPrefix(list []string, prefix string) int {
	for i, item := range list {
		if strings.HasPrefix(item, prefix) {
			return i
		}
	}
	return -1
}

var tag = regexp.MustCompile(`<[A-Za-z/!][^\s>]*`)

// Nothing a merchant, a provider or a redirect can send may add an element to a page, leave the data
// block, or change a value on its way to the provider's window.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	hostile := []string{
		`</script><script>alert(1)</script>`, `<!--<script>`, `]]><svg onload=alert(1)>`, `"onmouseover="alert(1)`, `'><img src=x>`,
		"\u2028\u2029", "\u202egnp.exe", "{{.Data}}", `\u003c/script>`, "a\x00b", "`${alert(1)}`", "&lt;b&gt;", "\xff\xfe",
	}
	harmless := everyViewWith("x")
	for _, value := range hostile {
		for name, page := range everyViewWith(value) {
			if got, want := tag.FindAllString(string(page.Body), -1), tag.FindAllString(string(harmless[name].Body), -1); !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %q: elements %v, want %v", name, value, got, want)
			}
		}
		for _, name := range []string{"portone", "issuance"} {
			if _, raw := readData(t, everyViewWith(value)[name]); strings.ContainsAny(raw, "<>\u2028\u2029") {
				t.Errorf("%s with %q: the data block contains a character that can end it: %s", name, value, raw)
			}
		}
		page := everyViewWith(value)["checkout"]
		data, raw := readData(t, page)
		if strings.ContainsAny(raw, "<>\u2028\u2029") {
			t.Errorf("%q: the data block contains a character that can end it: %s", value, raw)
		}
		if want := strings.ToValidUTF8(value, "\ufffd"); data.ClientKey != want && strings.ToValidUTF8(value, "") == value {
			t.Errorf("client key %q became %q", value, data.ClientKey)
		}
		if !sameJSON(t, data.Window, hostileWindow(value)) {
			t.Errorf("%q: window became %s", value, data.Window)
		}
	}
}

func hostileWindow(value string) json.RawMessage {
	window, err := json.Marshal(map[string]any{"orderName": value, "amount": map[string]any{"value": json.Number("12000.50")}, value: 1})
	if err != nil {
		panic(err)
	}
	return window
}

func portoneWindow(value string, issuance bool) json.RawMessage {
	window := map[string]any{"merchant_uid": value, "m_redirect_url": "https://pay.example/confirm?x=" + url.QueryEscape(value), "name": value}
	if issuance {
		window["customer_uid"] = value
	}
	raw, err := json.Marshal(window)
	if err != nil {
		panic(err)
	}
	return raw
}

func everyViewWith(value string) map[string]Page {
	checkout := checkoutView()
	checkout.OrderID, checkout.OrderName, checkout.ClientKey, checkout.CustomerKey = value, value, value, value
	checkout.Currency, checkout.NoticeCode, checkout.Notice = "X"+value, value, ResultDeclined
	checkout.WindowJSON = hostileWindow(value)
	portone, issuance := portoneView(), issuanceView()
	portone.ClientKey, issuance.ClientKey = value, value
	portone.WindowJSON = portoneWindow(value, false)
	issuance.OrderID, issuance.OrderName, issuance.Currency, issuance.WindowJSON = value, value, "X"+value, portoneWindow(value, true)
	registered := resultView(ResultRegistered, English)
	registered.OrderID, registered.OrderName, registered.Currency, registered.MeansBrand, registered.MeansMasked = value, value, "X"+value, "m"+value, value
	result := resultView(ResultDeclined, English)
	result.OrderID, result.OrderName, result.Currency, result.Code = value, value, "X"+value, value
	result.PayURL, result.ReturnURL = "/pay/"+value, "https://shop.example/?q="+value
	return map[string]Page{
		"checkout": Checkout(checkout),
		"portone":  Checkout(portone),
		"issuance": Checkout(issuance),
		"means":    Result(registered),
		"result":   Result(withSafeLinks(result)),
		"checking": Checking(CheckingView{Language: English, OrderID: value, OrderName: value, Currency: "X" + value}),
		"problem":  Problem(English, 500, value),
	}
}

// withSafeLinks keeps the number of links equal: a link that does not parse is left out by design.
func withSafeLinks(v ResultView) ResultView {
	if safeLink(v.PayURL) == "" {
		v.PayURL = payURL
	}
	if safeLink(v.ReturnURL) == "" {
		v.ReturnURL = shopURL
	}
	return v
}

func TestSafeLink(t *testing.T) {
	t.Parallel()
	for _, link := range []string{shopURL, "http://127.0.0.1:3000/x", "/pay/a/b?lang=ko", "https://shop.example/%ED%95%9C"} {
		if got := safeLink(link); got != link {
			t.Errorf("safeLink(%q) = %q", link, got)
		}
	}
	for _, link := range []string{
		"", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil.example", "///evil.example", "////evil.example", `/\evil.example`, `\\evil.example`,
		"https:evil.example", "https:///x", "ftp://a/b", "pay/a", "https://user:password@evil.example/", " https://a/", "/a\nb", "/\t/evil.example",
	} {
		if got := safeLink(link); got != "" {
			t.Errorf("safeLink(%q) = %q, want none", link, got)
		}
	}
	if got := safeLink(`https://a.example/"><script>`); strings.ContainsAny(got, `"<>`) {
		t.Errorf("safeLink leaves markup in %q", got)
	}
}
