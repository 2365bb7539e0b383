package portone_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

const base = "https://pay.example.com"

// noon is 12:00 in Korea.
var noon = time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

func windows() portone.Windows {
	return portone.Windows{UserCode: "imp00000000", ChannelKey: "channel-key-1", MID: "tosstest", Now: func() time.Time { return noon }}
}

func shirt() order.Order {
	return order.New(order.Order{
		ID: "order-0001", Provider: "portone", Mode: "test", Name: "T-shirt", LinkToken: "link_token-1", Language: "en",
		Amount: money.Amount{Value: 15000, Currency: money.KRW},
	})
}

// TestWindow compares the whole object as text: the SDK drops a misspelt field without a word.
func TestWindow(t *testing.T) {
	t.Parallel()
	const urls = `"m_redirect_url":"https://pay.example.com/confirm/portone/order-0001/link_token-1"`
	const notice = `,"notice_url":"https://pay.example.com/webhooks/portone/link_token-1"`
	const lump = `,"card":{"useInstallment":false}`
	pay := func(channel, method, number, buyer, rest string) string {
		return `{` + channel + `,"pay_method":"` + method + `","merchant_uid":"` + number + `","name":"T-shirt","amount":15000,"currency":"KRW",` + buyer + `,` + urls + rest + `}`
	}
	const byKey, byMID, nobody = `"channelKey":"channel-key-1"`, `"pg":"tosspay_v2.tosstest"`, `"buyer_tel":""`
	cases := []struct {
		name    string
		change  func(*portone.Windows, *order.Order)
		options portone.Options
		want    string
	}{
		{"guest", nil, portone.Options{}, pay(byKey, "tosspay", "order-0001", nobody, notice+lump)},
		{"by merchant id", func(w *portone.Windows, _ *order.Order) { w.ChannelKey = "" }, portone.Options{}, pay(byMID, "tosspay", "order-0001", nobody, notice+lump)},
		{"third attempt", func(_ *portone.Windows, o *order.Order) { o.Attempt = 3 }, portone.Options{}, pay(byKey, "tosspay", "order-0001--3", nobody, notice+lump)},
		{"customer", func(_ *portone.Windows, o *order.Order) {
			o.Customer = order.Customer{ID: "c-1", Name: "홍길동", Email: "a@example.com", Phone: "010-0000-0000"}
		}, portone.Options{}, pay(byKey, "tosspay", "order-0001", `"buyer_name":"홍길동","buyer_email":"a@example.com","buyer_tel":"010-0000-0000"`, notice+lump)},
		{"customer out of form", func(_ *portone.Windows, o *order.Order) {
			o.Customer = order.Customer{Name: strings.Repeat("길", 17), Email: "nobody", Phone: "call me"}
		}, portone.Options{}, pay(byKey, "tosspay", "order-0001", nobody, notice+lump)},
		{"card by instalments", nil, portone.Options{PayMethod: "tosspay_card", UseInstallment: true},
			pay(byKey, "tosspay_card", "order-0001", nobody, notice+`,"card":{"useInstallment":true}`)},
		{"all extras", func(_ *portone.Windows, o *order.Order) {
			o.Extras = order.Extras{Tax: order.Tax{Free: 5000, VAT: 909, GivenVAT: true}, AppScheme: "myshop://", Metadata: `{"cart":"7"}`}
		}, portone.Options{}, strings.Replace(pay(byKey, "tosspay", "order-0001", nobody, notice+`,"app_scheme":"myshop://","custom_data":{"cart":"7"}`+lump),
			`"currency":"KRW"`, `"currency":"KRW","tax_free":5000,"vat_amount":909`, 1)},
		{"all of it tax-free", func(_ *portone.Windows, o *order.Order) { o.Extras.Tax = order.Tax{Free: 15000, GivenVAT: true} }, portone.Options{},
			strings.Replace(pay(byKey, "tosspay", "order-0001", nobody, notice+lump), `"currency":"KRW"`, `"currency":"KRW","tax_free":15000,"vat_amount":0`, 1)},
		{"money", nil, portone.Options{PayMethod: "tosspay_money"}, pay(byKey, "tosspay_money", "order-0001", nobody, notice+lump)},
		{"half an hour, culture", nil, portone.Options{ExpiredMinutes: 30, CashReceiptTradeOption: "CULTURE"},
			pay(byKey, "tosspay", "order-0001", nobody, notice+lump+`,"bypass":{"tosspay_v2":{"expiredTime":"2026-11-21 12:30:00","cashReceiptTradeOption":"CULTURE"}}`)},
		{"the last moment", nil, portone.Options{ExpiredTime: "2026-11-21 13:00:00"},
			pay(byKey, "tosspay", "order-0001", nobody, notice+lump+`,"bypass":{"tosspay_v2":{"expiredTime":"2026-11-21 13:00:00"}}`)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, o := windows(), shirt()
			if c.change != nil {
				c.change(&w, &o)
			}
			got, err := w.WindowOf(o, c.options, provider.Place{Base: base})
			if err != nil {
				t.Fatal(err)
			}
			if string(got.Params) != c.want {
				t.Errorf("params\n%s\nwant\n%s", got.Params, c.want)
			}
			if got.Script != "https://cdn.iamport.kr/v1/iamport.js" || got.ClientKey != "imp00000000" || got.CustomerKey != "" {
				t.Errorf("window %+v", got)
			}
			for _, typo := range misspelt {
				if strings.Contains(string(got.Params), typo) {
					t.Errorf("params have %s", typo)
				}
			}
			plain, err := w.Window(o, provider.Place{Base: base})
			if err != nil || c.options == (portone.Options{}) && string(plain.Params) != c.want {
				t.Errorf("without options %s, %v", plain.Params, err)
			}
		})
	}
}

func TestIssuanceWindow(t *testing.T) {
	t.Parallel()
	issuance := portone.Issuance{ID: "sub-0001", LinkToken: "link_token-1", Mode: "test", CustomerUID: "sub-0001--key2", CustomerID: "matthew", Name: "월간 이용권",
		Customer: provider.Buyer{Email: "a@example.com"}}
	const want = `{"channelKey":"channel-key-1","pay_method":"tosspay","merchant_uid":"sub-0001--key2","customer_uid":"sub-0001--key2","customer_id":"matthew",` +
		`"name":"월간 이용권","amount":0,"buyer_email":"a@example.com","buyer_tel":"","m_redirect_url":"https://pay.example.com/confirm/portone/sub-0001/link_token-1",` +
		`"notice_url":"https://pay.example.com/webhooks/portone/link_token-1"}`
	got, err := windows().IssuanceWindow(issuance, provider.Place{Base: base})
	if err != nil || string(got.Params) != want {
		t.Errorf("params\n%s, %v\nwant\n%s", got.Params, err, want)
	}
	w := windows()
	w.OmitIssuanceAmount = true
	got, err = w.IssuanceWindow(issuance, provider.Place{Base: base})
	if err != nil || string(got.Params) != strings.Replace(want, `"amount":0,`, "", 1) {
		t.Errorf("without amount\n%s, %v", got.Params, err)
	}

	for _, c := range []struct {
		name   string
		change func(*portone.Issuance)
		want   string
	}{
		{"a customer id of 50", func(i *portone.Issuance) { i.CustomerID = strings.Repeat("가", 50) }, ""},
		{"a customer id of 51", func(i *portone.Issuance) { i.CustomerID = strings.Repeat("x", 51) }, "customerId must have 1 to 50"},
		{"no customer id", func(i *portone.Issuance) { i.CustomerID = "" }, "customerId"},
		{"a customer id with a line break", func(i *portone.Issuance) { i.CustomerID = "a\nb" }, "customerId"},
		{"a key of 41", func(i *portone.Issuance) { i.CustomerUID = strings.Repeat("x", 41) }, "merchant_uid"},
		{"no key", func(i *portone.Issuance) { i.CustomerUID = "" }, "merchant_uid"},
		{"no name", func(i *portone.Issuance) { i.Name = "" }, "name must have 1 to 40"},
		{"no link token", func(i *portone.Issuance) { i.LinkToken = "" }, "link token"},
		{"another mode", func(i *portone.Issuance) { i.Mode = "live" }, "Mode is live"},
		{"no mode", func(i *portone.Issuance) { i.Mode = "" }, "Mode must be"},
	} {
		changed := issuance
		c.change(&changed)
		got, err := windows().IssuanceWindow(changed, provider.Place{Base: base})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || got.Params != nil) {
			t.Errorf("%s: %s, %v", c.name, got.Params, err)
		}
	}
}

// TestOptions: a wrong one names its field.
func TestOptions(t *testing.T) {
	t.Parallel()
	at := func(text string) portone.Options { return portone.Options{ExpiredTime: text} }
	for _, c := range []struct {
		options portone.Options
		field   string // empty: valid
	}{
		{portone.Options{}, ""},
		{portone.Options{PayMethod: "tosspay"}, ""},
		{portone.Options{PayMethod: "card"}, "payMethod"},
		{portone.Options{PayMethod: "TOSSPAY"}, "payMethod"},
		{portone.Options{PayMethod: "tosspay_card", UseInstallment: true}, ""},
		{portone.Options{PayMethod: "tosspay_money", UseInstallment: true}, "useInstallment"},
		{portone.Options{CashReceiptTradeOption: "PUBLIC_TP"}, ""},
		{portone.Options{CashReceiptTradeOption: "culture"}, "cashReceiptTradeOption"},
		{portone.Options{ExpiredMinutes: 1}, ""},
		{portone.Options{ExpiredMinutes: 60}, ""},
		{portone.Options{ExpiredMinutes: 61}, "expiredMinutes"},
		{portone.Options{ExpiredMinutes: -1}, "expiredMinutes"},
		{portone.Options{ExpiredMinutes: 1, ExpiredTime: "2026-11-21 12:30:00"}, "expiredMinutes"},
		{at("2026-11-21 12:00:01"), ""},
		{at("2026-11-21 13:00:00"), ""},
		{at("2026-11-21 13:00:01"), "expiredTime"}, // a second too far
		{at("2026-11-21 13:01:00"), "expiredTime"}, // 61 minutes ahead
		{at("2026-11-21 12:00:00"), "expiredTime"}, // now
		{at("2026-11-21 11:59:59"), "expiredTime"},
		{at("2026-11-21 03:30:00"), "expiredTime"}, // half past in London
		{at("2023-12-02 11:00:00"), "expiredTime"}, // the guide's own sample
		{at("2026-11-21T12:30:00"), "expiredTime"},
		{at("2026-11-21 12:30"), "expiredTime"},
		{at("2026-11-21 12:30:00.5"), "expiredTime"},
		{at("2026-11-21 12:30:00+09:00"), "expiredTime"},
		{at(" 2026-11-21 12:30:00"), "expiredTime"},
		{at("2026-11-31 12:30:00"), "expiredTime"},
		{at("tomorrow"), "expiredTime"},
	} {
		err := c.options.Validate(noon)
		if c.field == "" {
			if err != nil {
				t.Errorf("%+v: %v", c.options, err)
			}
			continue
		}
		if wrong, ok := errors.AsType[*portone.OptionError](err); !ok || wrong.Field != c.field {
			t.Errorf("%+v: error %v, want one about %s", c.options, err, c.field)
		}
		if got, err := windows().WindowOf(shirt(), c.options, provider.Place{Base: base}); err == nil || got.Params != nil {
			t.Errorf("%+v: a window was composed", c.options)
		}
	}
}

func TestWindowScript(t *testing.T) {
	t.Parallel()
	w := windows()
	w.Script = "http://127.0.0.1:3000/sim/portone/v1/iamport.js"
	got, err := w.Window(shirt(), provider.Place{Base: "http://127.0.0.1:3000"})
	if err != nil || got.Script != w.Script || !strings.Contains(string(got.Params), `"http://127.0.0.1:3000/confirm/portone/`) {
		t.Errorf("window %+v, %v", got, err)
	}
}

// TestWindowRefuses: no window is better than one that takes the wrong money or leads nowhere.
func TestWindowRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, base string
		change     func(*portone.Windows, *order.Order)
		want       string
	}{
		{"the test account for a live order", base, func(_ *portone.Windows, o *order.Order) { o.Mode = "live" }, "Mode is live"},
		{"a live account for a test order", base, func(w *portone.Windows, _ *order.Order) { w.MID = "realshop" }, "real money"},
		{"no mode", base, func(_ *portone.Windows, o *order.Order) { o.Mode = "" }, "Mode must be"},
		{"no account", base, func(w *portone.Windows, _ *order.Order) { w.ChannelKey, w.MID = "", "" }, "PortOneChannelKey"},
		{"a channel key of 56", base, func(w *portone.Windows, _ *order.Order) { w.ChannelKey = strings.Repeat("k", 56) }, "PortOneChannelKey"},
		{"a merchant id with a dot", base, func(w *portone.Windows, _ *order.Order) { w.MID = "toss.test" }, "PortOneMid"},
		{"no user code", base, func(w *portone.Windows, _ *order.Order) { w.UserCode = "" }, "PortOneUserCode"},
		{"a short user code", base, func(w *portone.Windows, _ *order.Order) { w.UserCode = "imp1234567" }, "PortOneUserCode"},
		{"an API key for a user code", base, func(w *portone.Windows, _ *order.Order) { w.UserCode = "1234567890123456" }, "PortOneUserCode"},
		{"an imp_uid for a user code", base, func(w *portone.Windows, _ *order.Order) { w.UserCode = "imp_1234567" }, "PortOneUserCode"},
		{"plain http", "http://pay.example.com", nil, "base"},
		{"a final slash", base + "/", nil, "base"},
		{"no base", "", nil, "base"},
		{"no clock", base, func(w *portone.Windows, _ *order.Order) { w.Now = nil }, "clock"},
		{"no link token", base, func(_ *portone.Windows, o *order.Order) { o.LinkToken = "" }, "link token"},
		{"no attempt", base, func(_ *portone.Windows, o *order.Order) { o.Attempt = 0 }, "attempt"},
		{"no name", base, func(_ *portone.Windows, o *order.Order) { o.Name = "" }, "name"},
		{"a name of 41", base, func(_ *portone.Windows, o *order.Order) { o.Name = strings.Repeat("가", 41) }, "name"},
		{"no amount", base, func(_ *portone.Windows, o *order.Order) { o.Amount.Value = 0 }, "amount"},
		{"dollars", base, func(_ *portone.Windows, o *order.Order) { o.Amount.Currency = "USD" }, "currency"},
		{"a number that is none", base, func(_ *portone.Windows, o *order.Order) { o.ID = "a b" }, "merchant_uid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, o := windows(), shirt()
			if c.change != nil {
				c.change(&w, &o)
			}
			got, err := w.Window(o, provider.Place{Base: c.base})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
			if got.Params != nil || got.ClientKey != "" {
				t.Errorf("window %+v beside an error", got)
			}
		})
	}
}

// TestAccount: what a payment must say of itself is what the window asked for.
func TestAccount(t *testing.T) {
	t.Parallel()
	a := find(t, &portone.Client{Tokens: &bearer{}, Transport: providertest.Always(paidReply(t))}, provider.Ref{Key: "imp_895265444670"})
	if got := windows().Account(); got != "tosstest" || got != a.Payment.Account {
		t.Errorf("account %q, and of the payment %q", got, a.Payment.Account)
	}
	if got := (portone.Windows{ChannelKey: "channel-key-1"}).Account(); got != "" {
		t.Errorf("account %q without a merchant id", got)
	}
}

// TestWindowSurvivesHTML: the object may be written into a page.
func TestWindowSurvivesHTML(t *testing.T) {
	t.Parallel()
	o := shirt()
	o.Name = "</script><script>alert(1)</script>"
	w, err := windows().Window(o, provider.Place{Base: base})
	if err != nil || strings.Contains(string(w.Params), "<") {
		t.Errorf("params %s, %v", w.Params, err)
	}
	var back map[string]any
	if err := json.Unmarshal(w.Params, &back); err != nil || back["name"] != o.Name {
		t.Errorf("name %v, %v", back["name"], err)
	}
	if _, number := back["amount"].(float64); !number {
		t.Errorf("amount is %T: the window does not open", back["amount"])
	}
}
