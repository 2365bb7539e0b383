package toss_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
)

const base = "https://pay.example.com"

func shirt() order.Order {
	return order.New(order.Order{
		ID: "order-0001", Provider: "toss", Mode: "test", Name: "T-shirt", LinkToken: "link_token-1", Language: "en",
		Amount: money.Amount{Value: 15000, Currency: money.KRW},
	})
}

// TestWindow compares the whole object as text: the SDK refuses a misspelt field only in the buyer's browser.
func TestWindow(t *testing.T) {
	t.Parallel()
	const head = `{"method":"CARD","amount":{"currency":"KRW","value":15000},`
	const urls = `"successUrl":"https://pay.example.com/confirm/toss/order-0001/link_token-1","failUrl":"https://pay.example.com/confirm/toss/order-0001/link_token-1/fail?attempt=%d"`
	first := head + `"orderId":"order-0001","orderName":"T-shirt",` + fmt.Sprintf(urls, 1)
	cases := []struct {
		name   string
		change func(*order.Order)
		want   string
	}{
		{"guest", func(*order.Order) {}, first + `}`},
		{"third attempt", func(o *order.Order) { o.Attempt = 3 }, head + `"orderId":"order-0001--3","orderName":"T-shirt",` + fmt.Sprintf(urls, 3) + `}`},
		{"customer", func(o *order.Order) {
			o.Customer = order.Customer{ID: "c-1", Name: "홍길동", Email: "a@example.com", Phone: "01012345678"}
		}, first + `,"customerName":"홍길동","customerEmail":"a@example.com","customerMobilePhone":"01012345678"}`},
		{"customer out of form", func(o *order.Order) {
			o.Customer = order.Customer{Name: strings.Repeat("길", 101), Email: "nobody", Phone: "+82 10-1234-5678"}
		}, first + `}`},
		{"phone too short", func(o *order.Order) { o.Customer.Phone = "1234567" }, first + `}`},
		{"phone too long", func(o *order.Order) { o.Customer.Phone = "1234567890123456" }, first + `}`},
		{"all extras", func(o *order.Order) {
			o.Extras = order.Extras{Tax: order.Tax{Free: 5000, VAT: 909, GivenVAT: true}, AppScheme: "myshop://", Metadata: `{"cart":"7"}`}
			o.Toss.WindowTarget = "self"
		}, first + `,"taxFreeAmount":5000,"windowTarget":"self","metadata":{"cart":"7"},"card":{"appScheme":"myshop://"}}`},
		{"international in an app", func(o *order.Order) {
			o.Toss.InternationalCardOnly, o.Extras.AppScheme = true, "myshop://paid"
		}, first + `,"card":{"useInternationalCardOnly":true,"language":"EN","appScheme":"myshop://paid"}}`},
		{"longest name", func(o *order.Order) { o.Customer.Name = strings.Repeat("길", 100) }, first + `,"customerName":"` + strings.Repeat("길", 100) + `"}`},
		{"international en", international("en"), first + `,"card":{"useInternationalCardOnly":true,"language":"EN"}}`},
		{"international ko", international("ko"), first + `,"card":{"useInternationalCardOnly":true,"language":"KO"}}`},
		{"international ja", international("ja"), first + `,"card":{"useInternationalCardOnly":true,"language":"JA"}}`},
		{"international zh", international("zh"), first + `,"card":{"useInternationalCardOnly":true,"language":"ZH"}}`},
		{"international in no language", international(""), first + `,"card":{"useInternationalCardOnly":true}}`},
		{"international in another language", international("fr"), first + `,"card":{"useInternationalCardOnly":true}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := shirt()
			c.change(&o)
			w, err := toss.Windows{ClientKey: "test_ck_1"}.Window(o, provider.Place{Base: base})
			if err != nil {
				t.Fatal(err)
			}
			if string(w.Params) != c.want {
				t.Errorf("params\n%s\nwant\n%s", w.Params, c.want)
			}
			if w.Script != "https://js.tosspayments.com/v2/standard" || w.ClientKey != "test_ck_1" || w.CustomerKey != "" {
				t.Errorf("window %+v", w)
			}
		})
	}
}

// TestWindowSpeaksThePage: the page's language is the window's, and when it is not the order's, the return addresses carry it.
func TestWindowSpeaksThePage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ofOrder, page, window, back string }{
		{"en", "", "EN", ""}, {"en", "en", "EN", ""}, {"en", "ja", "JA", "lang=ja"}, {"", "ko", "KO", "lang=ko"},
	} {
		o := shirt()
		o.Language, o.Toss.InternationalCardOnly = c.ofOrder, true
		w, err := toss.Windows{ClientKey: "test_ck_1"}.Window(o, provider.Place{Base: base, Language: c.page})
		var got toss.RequestPayment
		if err != nil || json.Unmarshal(w.Params, &got) != nil {
			t.Fatal(err)
		}
		success, fail := "/link_token-1", "/fail?attempt=1"
		if c.back != "" {
			success, fail = success+"?"+c.back, fail+"&"+c.back
		}
		if got.Card.Language != c.window || !strings.HasSuffix(got.SuccessURL, success) || !strings.HasSuffix(got.FailURL, fail) {
			t.Errorf("%+v: %s, %s, %s", c, got.Card.Language, got.SuccessURL, got.FailURL)
		}
	}
}

func international(language string) func(*order.Order) {
	return func(o *order.Order) { o.Toss.InternationalCardOnly, o.Language = true, language }
}

func TestWindowScript(t *testing.T) {
	t.Parallel()
	const script = "http://127.0.0.1:3000/sim/toss/v2/standard"
	w, err := toss.Windows{ClientKey: "test_ck_1", Script: script}.Window(shirt(), provider.Place{Base: "http://127.0.0.1:3000"})
	if err != nil || w.Script != script || !strings.Contains(string(w.Params), `"http://127.0.0.1:3000/confirm/toss/`) {
		t.Errorf("window %+v, %v", w, err)
	}
}

// TestWindowRefuses: no window is better than one that takes the wrong money or leads nowhere.
func TestWindowRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, clientKey, base string
		change                func(*order.Order)
		want                  string
	}{
		{"a live key for a test order", "live_ck_1", base, func(*order.Order) {}, "Mode is test"},
		{"a test key for a live order", "test_ck_1", base, func(o *order.Order) { o.Mode = "live" }, "Mode is live"},
		{"a secret key", "test_sk_1", base, func(*order.Order) {}, "secret key"},
		{"a widget key", "test_gck_1", base, func(*order.Order) {}, "widget"},
		{"no key", "", base, func(*order.Order) {}, "missing"},
		{"plain http", "test_ck_1", "http://pay.example.com", func(*order.Order) {}, "base"},
		{"a final slash", "test_ck_1", base + "/", func(*order.Order) {}, "base"},
		{"no base", "test_ck_1", "", func(*order.Order) {}, "base"},
		{"no link token", "test_ck_1", base, func(o *order.Order) { o.LinkToken = "" }, "link token"},
		{"no attempt", "test_ck_1", base, func(o *order.Order) { o.Attempt = 0 }, "attempt"},
		{"no name", "test_ck_1", base, func(o *order.Order) { o.Name = "" }, "name"},
		{"a name of 101", "test_ck_1", base, func(o *order.Order) { o.Name = strings.Repeat("가", 101) }, "name"},
		{"no amount", "test_ck_1", base, func(o *order.Order) { o.Amount.Value = 0 }, "amount"},
		{"dollars", "test_ck_1", base, func(o *order.Order) { o.Amount.Currency = "USD" }, "currency"},
		{"a number that is none", "test_ck_1", base, func(o *order.Order) { o.ID = "a b" }, "number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := shirt()
			c.change(&o)
			w, err := toss.Windows{ClientKey: c.clientKey}.Window(o, provider.Place{Base: c.base})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			if w.Params != nil || w.ClientKey != "" {
				t.Errorf("window %+v beside an error", w)
			}
		})
	}
}

// TestWindowSurvivesHTML: the object may be written into a page.
func TestWindowSurvivesHTML(t *testing.T) {
	t.Parallel()
	o := shirt()
	o.Name = "</script><script>alert(1)</script>"
	w, err := toss.Windows{ClientKey: "test_ck_1"}.Window(o, provider.Place{Base: base})
	if err != nil || strings.Contains(string(w.Params), "<") {
		t.Errorf("params %s, %v", w.Params, err)
	}
}
