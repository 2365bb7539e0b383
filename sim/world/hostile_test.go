package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/gateway"
	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// TestTamperedAmount: nothing is asked of the provider, the order stays payable, the buyer is told, the log says so.
func TestTamperedAmount(t *testing.T) {
	t.Parallel()
	for _, amount := range []string{"1", "14999", "15001", "150000", "0", "00015000", "999999999999", "99999999999999999999", "1000000001"} {
		t.Run(amount, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			m := s.order("order-1")
			redirect := s.approve(m)
			p := s.Get(testbed.Edited(redirect, "amount", amount))
			s.WantTitle("the tampered return", p, mismatchPage)
			if p.Status != http.StatusOK || !p.CanPay() || !strings.Contains(p.Body, "Nothing was charged") {
				t.Errorf("%d, can pay %v: %s", p.Status, p.CanPay(), p.Body)
			}
			s.wantMoney("order-1", 0, 0)
			s.WantOrder("in the end", "order-1", order.Open, 1)
			if got := s.Log.Count("security.amount_mismatch"); got != 1 {
				t.Errorf("%d security log lines, want 1", got)
			}
			s.WantTitle("the true return", s.Get(redirect), paidPage)
			s.wantAudit("order-1")
		})
	}
}

// TestTamperedInTheWindow is the same through the provider's own window.
func TestTamperedInTheWindow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	s.WantTitle("the return", s.Get(s.Card(m.Window, "approve", "tamperAmount", "100")), mismatchPage)
	s.wantMoney("order-1", 0, 0)
	s.WantOrder("in the end", "order-1", order.Open, 1)
}

// TestTamperedAmountOfAPaidOrderShowsPaid: the truth comes before the accusation.
func TestTamperedAmountOfAPaidOrderShowsPaid(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	redirect := s.approve(s.order("order-1"))
	s.Get(redirect)
	s.WantTitle("the tampered reload", s.Get(testbed.Edited(redirect, "amount", "1")), paidPage)
	s.wantMoney("order-1", 1, 1)
}

// TestMalformedReturns: a 4xx page that claims nothing, and nothing happens.
func TestMalformedReturns(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	s.order("order-2")
	redirect := s.approve(m)
	bare, query, _ := strings.Cut(redirect, "?")
	for name, address := range map[string]string{
		"no query":              bare,
		"no key":                testbed.Edited(redirect, "paymentKey", "-"),
		"empty key":             testbed.Edited(redirect, "paymentKey", ""),
		"key of 201":            testbed.Edited(redirect, "paymentKey", strings.Repeat("k", 201)),
		"key with a slash":      testbed.Edited(redirect, "paymentKey", "../orders/order-1"),
		"key with a line end":   testbed.Edited(redirect, "paymentKey", "key\r\nX: y"),
		"key not ASCII":         testbed.Edited(redirect, "paymentKey", "키"),
		"no amount":             testbed.Edited(redirect, "amount", "-"),
		"empty amount":          testbed.Edited(redirect, "amount", ""),
		"negative amount":       testbed.Edited(redirect, "amount", "-15000"),
		"fraction":              testbed.Edited(redirect, "amount", "15000.0"),
		"exponent":              testbed.Edited(redirect, "amount", "15e3"),
		"with a plus":           testbed.Edited(redirect, "amount", "+15000"),
		"with a space":          testbed.Edited(redirect, "amount", "15000 "),
		"full-width digits":     testbed.Edited(redirect, "amount", "１５０００"),
		"21 digits":             testbed.Edited(redirect, "amount", strings.Repeat("1", 21)),
		"no order number":       testbed.Edited(redirect, "orderId", "-"),
		"another order":         testbed.Edited(redirect, "orderId", "order-2"),
		"a number with a zero":  testbed.Edited(redirect, "orderId", "order-1--02"),
		"attempt 1 written out": testbed.Edited(redirect, "orderId", "order-1--1"),
		"a cycle":               testbed.Edited(redirect, "orderId", "order-1--c1"),
		"41 characters":         testbed.Edited(redirect, "orderId", strings.Repeat("a", 41)),
		"two different amounts": redirect + "&amount=1",
		"two keys":              redirect + "&paymentKey=x",
		"two order numbers":     redirect + "&orderId=order-2",
		"a semicolon":           bare + "?" + strings.ReplaceAll(query, "&", ";"),
	} {
		p := s.Get(address)
		if p.Status != http.StatusBadRequest || p.Title() != problemPage || p.CanPay() {
			t.Errorf("%s: %d %q, can pay %v; want 400 and the problem page", name, p.Status, p.Title(), p.CanPay())
		}
	}
	s.wantMoney("order-1", 0, 0)
	s.WantOrder("in the end", "order-1", order.Open, 1)
	s.WantTitle("what nobody asked about does no harm", s.Get(redirect+"&paymentType=NORMAL&x=1&x=2"), paidPage)
}

// oddQueries are parts that nobody asked for, as browsers, in-app browsers, trackers and proxies put them beside the ones that count.
var oddQueries = []string{
	"utm_content=a;b", ";", "discount=10%", "x=%zz", "%=%", "message=%B0%E1%C1%A6", "amp;utm=x&amp;gclid=1", "&&", "=", "x=1&x=2", "fbclid=",
	"paymentkey=x&ORDERID=order-2&Amount=1", "\xff=\xfe", strings.Repeat("p=1&", 1000),
}

// TestOddReturnsAreRead: one odd part of a redirect that nobody needs does not throw away the rest: the payment is authenticated, and nobody else
// will confirm it.
func TestOddReturnsAreRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	pay := func(id, name string, odd func(redirect string) string) {
		s.WantTitle(name, s.Get(odd(s.approve(s.order(id)))), paidPage)
		if got := len(s.captures(id)); got != 1 {
			t.Errorf("%s: %d captures, want 1", name, got)
		}
	}
	n := 0
	for _, odd := range oddQueries {
		for name, put := range map[string]func(string) string{
			"behind":  func(redirect string) string { return redirect + "&" + odd },
			"before":  func(redirect string) string { return strings.Replace(redirect, "?", "?"+odd+"&", 1) },
			"between": func(redirect string) string { return strings.Replace(redirect, "&", "&"+odd+"&", 1) },
		} {
			n++
			pay(fmt.Sprintf("order-%d", n), fmt.Sprintf("%q %s", odd, name), put)
		}
	}
	pay("same-1", "the same amount twice", func(redirect string) string { return redirect + "&amount=15000" })
	pay("same-2", "all of it twice", func(redirect string) string {
		_, query, _ := strings.Cut(redirect, "?")
		return redirect + "&" + query
	})
	pay("html-1", "out of a page's source", func(redirect string) string { return strings.ReplaceAll(redirect, "&", "&amp;") })
}

// TestUnknownOrderAndWrongLinkAreTheSamePage: nobody learns which orders exist.
func TestUnknownOrderAndWrongLinkAreTheSamePage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	redirect := s.approve(m)
	link := strings.TrimPrefix(m.CheckoutURL, base+"/pay/order-1/")
	if link == m.CheckoutURL || link == "" {
		t.Fatalf("checkout address %q", m.CheckoutURL)
	}
	for _, door := range []string{m.CheckoutURL, m.CheckoutURL + "/status", redirect, m.Window.Text("failUrl") + "&code=PAY_PROCESS_CANCELED"} {
		wrongLink := s.Get(strings.Replace(door, link, "WRONGLINKTOKEN", 1))
		unknown := s.Get(strings.ReplaceAll(door, "order-1", "order-9"))
		for name, p := range map[string]testbed.Answer{
			"wrong link": wrongLink, "unknown order": unknown,
			"link in small letters":    s.Get(strings.Replace(door, link, strings.ToLower(link), 1)),
			"half the link":            s.Get(strings.Replace(door, link, link[:13], 1)),
			"the link and more":        s.Get(strings.Replace(door, link, link+"A", 1)),
			"an attempt for the order": s.Get(strings.Replace(door, "/order-1/", "/order-1--2/", 1)),
			"no order id at all":       s.Get(strings.Replace(door, "/order-1/", "/x/", 1)),
		} {
			if name == "no order id at all" && p.Status == http.StatusBadRequest {
				continue // a redirect whose number is not of its path's order is malformed before anything is looked up
			}
			p.Header.Del("X-Request-Id") // of this request alone
			unknown.Header.Del("X-Request-Id")
			if p.Status != http.StatusNotFound || p.Body != unknown.Body || !maps.EqualFunc(p.Header, unknown.Header, func(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") }) {
				t.Errorf("%s of %s: %d %q, want byte for byte the 404 of an unknown order", name, strings.Replace(door, link, "<link>", 1), p.Status, p.Title())
			}
		}
	}
	s.WantTitle("a 404", s.Get(base+"/pay/order-9/x"), notFoundPage)
	s.wantMoney("order-1", 0, 0)
	s.WantOrder("in the end", "order-1", order.Open, 1)
}

// TestStaleAttempt: redirects of attempts that are over, or were never begun, show the order's true state and ask nothing.
func TestStaleAttempt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	s.Toss.DeclineNext("REJECT_CARD_PAYMENT")
	first := s.approve(m)
	s.Get(first)
	confirms := s.Toss.Calls()[tosssim.OpConfirm]
	for name, c := range map[string]struct{ address, title string }{
		"the first again":     {first, declinedPage},
		"an attempt to come":  {testbed.Edited(first, "orderId", "order-1--3"), openPage},
		"attempt 99999":       {testbed.Edited(first, "orderId", "order-1--99999"), openPage},
		"the first, tampered": {testbed.Edited(first, "amount", "1"), declinedPage},
	} {
		p := s.Get(c.address)
		s.WantTitle(name, p, c.title)
		if !p.CanPay() {
			t.Errorf("%s: the order can be paid and the page does not say so", name)
		}
	}
	s.wantMoney("order-1", 0, confirms)
	s.WantOrder("in the end", "order-1", order.Open, 2)
}

// TestForeignPaymentKey: somebody's key in our redirect pays nothing and takes nothing.
func TestForeignPaymentKey(t *testing.T) {
	t.Parallel()
	for _, paid := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			mine, other := s.order("order-1"), s.order("order-2")
			theirs := s.approve(other)
			if paid {
				s.Get(theirs)
			}
			before := len(s.Ledger.Entries())
			s.Get(testbed.Edited(s.approve(mine), "paymentKey", keyOf(theirs)))
			s.settled("order-1")
			if got := s.ReadOrder("order-1"); got.Status != order.Open || got.Attempt != 2 || got.Payment != nil {
				t.Errorf("another order's key (paid %v): %s attempt %d, payment %v; want open for attempt 2", paid, got.Status, got.Attempt, got.Payment)
			}
			if moved := len(s.Ledger.Entries()) - before; moved != 0 {
				t.Errorf("another order's key (paid %v) moved money %d times", paid, moved)
			}
			s.WantTitle("the other order", s.Get(theirs), paidPage)
			s.WantTitle("and ours", s.Get(s.approve(s.Reopened(mine))), paidPage)
			s.wantAudit("order-1")
			s.wantAudit("order-2")
		})
	}
}

// TestForgedPaymentKey: a key that no payment has. The buyer's own, authenticated payment is not charged under it either.
func TestForgedPaymentKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"forged", "tsimFFFFFFFFFFFFFFFFFFFFFFFFFFFF", strings.Repeat("k", 200), "confirm", "orders", "a=b-c_d"} {
		bubble(t, func(t *testing.T) {
			s := newStage(t)
			m := s.order("order-1")
			s.Get(testbed.Edited(s.approve(m), "paymentKey", key))
			s.settled("order-1")
			s.WantOrder("in the end", "order-1", order.Open, 2)
			s.wantAudit("order-1")
			if got := len(s.captures("order-1")); got != 0 {
				t.Errorf("key %q: %d captures", key, got)
			}
		})
	}
}

// TestTestMoneyPaysNoLiveOrder: it is refused and the alarm rings. There is nothing to give back, and the buyer may pay with money.
func TestTestMoneyPaysNoLiveOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := s.Stored("order-1")
	o.Mode, o.Revision = "live", o.Revision+1
	if _, err := s.Store.Save(ctx, o); err != nil {
		t.Fatal(err)
	}
	redirect := s.approve(m)
	p := s.Get(redirect)
	s.WantTitle("the return", p, declinedPage)
	s.Get(redirect)
	s.Send(hint(redirect))
	if !p.CanPay() || s.Log.Count("security.sandbox_payment") == 0 {
		t.Errorf("can pay %v, %d alarms", p.CanPay(), s.Log.Count("security.sandbox_payment"))
	}
	s.WantOrder("in the end", "order-1", order.Open, 2)
	if got := s.Stored("order-1"); len(got.Reversals) > 0 || got.Capture.Key != "" || s.Toss.Calls()[tosssim.OpCancel] > 0 {
		t.Errorf("paid with %+v, gives back %+v", got.Capture, got.Reversals)
	}
}

// TestBadOrders: a 4xx that names the field, and no order.
func TestBadOrders(t *testing.T) {
	t.Parallel()
	good := map[string]any{"orderId": "order-1", "provider": "toss", "amount": 15000, "currency": "KRW", "name": "T-shirt"}
	with := func(field string, value any) string {
		body := maps.Clone(good)
		body[field] = value
		if value == nil {
			delete(body, field)
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	raw := func(field, value string) string {
		return strings.Replace(with(field, "@"), `"@"`, value, 1)
	}
	for _, tc := range []struct {
		name, body  string
		status      int
		code, field string
	}{
		{"amount zero", with("amount", 0), 400, "INVALID_FIELD", "amount"},
		{"amount negative", with("amount", -15000), 400, "INVALID_FIELD", "amount"},
		{"amount fractional", raw("amount", "15000.5"), 400, "INVALID_FIELD", "amount"},
		{"amount with a fraction of zero", raw("amount", "15000.0"), 400, "INVALID_FIELD", "amount"},
		{"amount exponent", raw("amount", "15e3"), 400, "INVALID_FIELD", "amount"},
		{"amount huge", raw("amount", "1000000001"), 400, "INVALID_FIELD", "amount"},
		{"amount beyond 64 bits", raw("amount", "99999999999999999999"), 400, "INVALID_FIELD", "amount"},
		{"amount a string", with("amount", "15000"), 400, "INVALID_FIELD", "amount"},
		{"amount null", raw("amount", "null"), 400, "INVALID_FIELD", "amount"},
		{"amount missing", with("amount", nil), 400, "INVALID_FIELD", "amount"},
		{"amount below the least", with("amount", 99), 400, "INVALID_FIELD", "amount"},
		{"USD", with("currency", "USD"), 400, "INVALID_FIELD", "currency"},
		{"currency missing", with("currency", nil), 400, "INVALID_FIELD", "currency"},
		{"currency a number", with("currency", 410), 400, "INVALID_FIELD", "currency"},
		{"orderId with --", with("orderId", "order--1"), 400, "INVALID_FIELD", "orderId"},
		{"orderId of 33", with("orderId", strings.Repeat("a", 33)), 400, "INVALID_FIELD", "orderId"},
		{"orderId of 41", with("orderId", strings.Repeat("a", 41)), 400, "INVALID_FIELD", "orderId"},
		{"orderId a number", with("orderId", 123456), 400, "INVALID_FIELD", "orderId"},
		{"name of 101", with("name", strings.Repeat("가", 101)), 400, "INVALID_FIELD", "name"},
		{"name missing", with("name", nil), 400, "INVALID_FIELD", "name"},
		{"name a list", with("name", []string{"x"}), 400, "INVALID_FIELD", "name"},
		{"provider unknown", with("provider", "paypal"), 400, "INVALID_FIELD", "provider"},
		{"language", with("language", "fr"), 400, "INVALID_FIELD", "language"},
		{"returnUrl http", with("returnUrl", "http://shop.example/"), 400, "INVALID_FIELD", "returnUrl"},
		{"returnUrl not on the list", with("returnUrl", "https://shop.example.evil.com/"), 400, "INVALID_FIELD", "returnUrl"},
		{"expiresAt past", with("expiresAt", "2020-01-01T00:00:00Z"), 400, "INVALID_FIELD", "expiresAt"},
		{"expiresAt nonsense", with("expiresAt", "tomorrow"), 400, "INVALID_FIELD", "expiresAt"},
		{"expiresAt a number", with("expiresAt", 1793577600), 400, "INVALID_FIELD", "expiresAt"},
		{"customer a string", with("customer", "me"), 400, "INVALID_FIELD", "customer"},
		{"customer.id of 51", with("customer", map[string]string{"id": strings.Repeat("c", 51)}), 400, "INVALID_FIELD", "customer.id"},
		{"customer.email a number", with("customer", map[string]any{"email": 1}), 400, "INVALID_FIELD", "customer.email"},
		{"toss option a string", with("toss", map[string]any{"useInternationalCardOnly": "yes"}), 400, "INVALID_FIELD", "toss.useInternationalCardOnly"},
		{"unknown field", with("ammount", 1), 400, "UNKNOWN_FIELD", "ammount"},
		{"unknown nested field", with("customer", map[string]string{"mail": "x"}), 400, "UNKNOWN_FIELD", "customer.mail"},
		{"no JSON", "amount=15000", 400, "INVALID_JSON", ""},
		{"empty", "", 400, "INVALID_JSON", ""},
		{"cut off", `{"orderId":"order-1"`, 400, "INVALID_JSON", ""},
		{"two objects", with("name", "x") + with("name", "y"), 400, "INVALID_JSON", ""},
		{"65537 bytes", with("name", "x") + strings.Repeat(" ", 65537-len(with("name", "x"))), 413, "BODY_TOO_LARGE", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			p := s.Post("/orders", tc.body)
			var got struct {
				Error struct{ Code, Field, Message string }
			}
			if err := p.JSON(&got); err != nil {
				t.Fatalf("%d %s: %v", p.Status, p.Body, err)
			}
			if p.Status != tc.status || got.Error.Code != tc.code || got.Error.Field != tc.field || got.Error.Message == "" {
				t.Errorf("%d %+v, want %d %s %s", p.Status, got.Error, tc.status, tc.code, tc.field)
			}
			if p := s.Get(base + "/orders/order-1"); p.Status != http.StatusNotFound {
				t.Errorf("a refused request left an order: %d %s", p.Status, p.Body)
			}
		})
	}
}

// TestBodyLimits: the largest body is taken, in either encoding, and one byte more is not.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	order := `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"x"}`
	for size, want := range map[int]int{65536: http.StatusCreated, 65537: http.StatusRequestEntityTooLarge} {
		s := newStage(t)
		body := order + strings.Repeat(" ", size-len(order))
		if p := s.Post("/orders", body); p.Status != want {
			t.Errorf("%d bytes: %d %s, want %d", size, p.Status, p.Body, want)
		}
		// API Gateway passes what is not text in base64; a suffix of our media type is such a case.
		s = newStage(t)
		event, err := gateway.Event(testbed.Post("/orders", body), "POST /orders")
		if err != nil {
			t.Fatal(err)
		}
		binary := testbed.Request(http.MethodPost, "/orders", "application/octet-stream", body)
		encoded, err := gateway.Event(binary, "POST /orders")
		if err != nil || !encoded.IsBase64Encoded {
			t.Fatalf("the gateway did not encode the body: %v", err)
		}
		event.Body, event.IsBase64Encoded = encoded.Body, true
		response, err := specified.Door(t.Errorf)(s.Parts.Merchant())(t.Context(), event)
		if err != nil || response.StatusCode != want {
			t.Errorf("%d bytes in base64: %d %s, %v; want %d", size, response.StatusCode, response.Body, err, want)
		}
	}
}

func TestWrongContentType(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"} {
		r := testbed.Post("/orders", `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"x"}`)
		r.Header.Set("Content-Type", media)
		if p := s.Send(r); p.Status != http.StatusUnsupportedMediaType {
			t.Errorf("Content-Type %q: %d %s", media, p.Status, p.Body)
		}
	}
	r := testbed.Post("/orders", `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"x"}`)
	r.Header.Set("Content-Type", "Application/JSON; charset=utf-8")
	if p := s.Send(r); p.Status != http.StatusCreated {
		t.Errorf("%d %s", p.Status, p.Body)
	}
}

// TestSameOrderTwice: same body, same order; another body, conflict, and the first order unharmed.
func TestSameOrderTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	body := `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`
	first, again := s.Post("/orders", body), s.Post("/orders", body)
	if first.Status != http.StatusCreated || again.Status != http.StatusOK || first.Body != again.Body {
		t.Errorf("%d %s\n%d %s", first.Status, first.Body, again.Status, again.Body)
	}
	other := s.Post("/orders", strings.Replace(body, "15000", "15001", 1))
	if other.Status != http.StatusConflict || strings.Contains(other.Body, "checkoutUrl") {
		t.Errorf("another body: %d %s", other.Status, other.Body)
	}
	if got := s.ReadOrder("order-1"); got.Status != order.Open {
		t.Errorf("the first order is %s", got.Status)
	}
}

// brokenKeys is a deployment whose secret cannot be used.
type brokenKeys struct{ err error }

func (k brokenKeys) SecretKey(context.Context) (toss.SecretKey, error) {
	return toss.SecretKey{}, k.err
}
func (k brokenKeys) Refused(context.Context, toss.SecretKey) {}

// TestUnusableSecret: nothing is claimed; the same redirect works when the secret is mended.
func TestUnusableSecret(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"missing":           errors.New("secret: read tosspay/toss: not found"),
		"a test key, live":  toss.CheckKeys("live", "live_ck_abc", "test_sk_canary"),
		"a live key, test":  toss.CheckKeys("test", "test_ck_abc", "live_sk_canary"),
		"malformed":         toss.CheckKeys("test", "test_ck_abc", "sk_canary"),
		"a client key":      toss.CheckKeys("test", "test_ck_abc", "test_ck_canary"),
		"with a line break": toss.CheckKeys("test", "test_ck_abc", "test_sk_canary\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err == nil {
				t.Fatal("these keys are refused by nobody")
			}
			s := newStage(t)
			m := s.order("order-1")
			redirect := s.approve(m)
			parts := s.Parts
			parts.Toss.Keys = brokenKeys{err}
			p := s.At(s.Doors(parts)).Get(redirect)
			if p.Status != http.StatusServiceUnavailable || p.Title() != problemPage || p.CanPay() {
				t.Errorf("%d %q, can pay %v", p.Status, p.Title(), p.CanPay())
			}
			s.WantOrder("in the end", "order-1", order.Open, 1)
			s.wantMoney("order-1", 0, 0)
			if s.Log.Count("config.error") == 0 {
				t.Error("no config.error in the log")
			}
			if strings.Contains(s.Log.String(), "canary") || strings.Contains(p.Body, "canary") {
				t.Errorf("the key is shown: %s", s.Log)
			}
			if name != "missing" && !strings.Contains(s.Log.String(), "TossSecret") {
				t.Errorf("the log does not name the parameter: %s", s.Log)
			}
			s.WantTitle("after the secret is mended", s.Get(redirect), paidPage)
			s.WantTitle("and broken again, a paid order", s.At(s.Doors(parts)).Get(redirect), paidPage)
		})
	}
}

// TestRefusedKey: the provider does not accept our key. It is an alarm and a doubt, never a failed payment.
func TestRefusedKey(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t, func(o *world.Options) {
			o.Toss.Keys = []tosssim.KeyPair{{Secret: "test_sk_Rotated", Client: tosssim.DefaultClientKey}}
		})
		m := s.order("order-1")
		p := s.Get(s.approve(m))
		s.WantTitle("the return", p, checkingPage)
		if got := s.ReadOrder("order-1"); got.Status != order.Processing || got.DueAt.IsZero() || p.CanPay() {
			t.Errorf("%s, due %v, can pay %v", got.Status, got.DueAt, p.CanPay())
		}
		if s.Log.Count("config.error") == 0 {
			t.Error("no config.error in the log")
		}
		time.Sleep(3 * time.Hour)
		if got := s.Settle("order-1"); got.Status != order.Processing {
			t.Errorf("hours later the order is %s without the provider's word", got.Status)
		}
	})
}

// TestLogsAndPagesHoldNoSecrets runs a payment with everything that can go wrong and looks for what must never be written.
func TestLogsAndPagesHoldNoSecrets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := newStage(t)
		body := `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"Canary shirt","language":"en",
			"customer":{"id":"canary-id","name":"Kanarie Vogel","email":"canary@shop.example","phone":"01099998888"}}`
		m := s.Sale(s.Post("/orders", body))
		link := strings.TrimPrefix(m.CheckoutURL, base+"/pay/order-1/")
		secrets := map[string]string{
			"secret key": tosssim.DefaultSecretKey, "link token": link, "e-mail": "canary@shop.example", "phone": "01099998888",
			"customer name": "Kanarie", "customer id": "canary-id", "authorization": "Basic ", "redirect": "canary", "card": "40000000",
		}
		var pages []testbed.Answer
		for _, f := range shapes[1:] {
			f.Operation = fault.Any
			s.Fault(f)
			redirect := s.approve(m)
			secrets["payment key"] = keyOf(redirect)
			for _, address := range []string{
				m.CheckoutURL, testbed.Edited(redirect, "amount", "7"), testbed.Edited(redirect, "paymentKey", "forged canary"), redirect + "&amount=canary",
				m.Window.Text("failUrl") + "&code=" + url.QueryEscape("canary<script>") + "&message=canary-message", redirect, m.CheckoutURL + "/status",
				strings.Replace(redirect, link, "canary-link", 1), base + "/orders/order-1x",
			} {
				pages = append(pages, s.Get(address))
			}
			s.settled("order-1")
			if s.ReadOrder("order-1").Status != order.Open {
				break
			}
			m = s.Reopened(m)
		}
		pages = append(pages, s.Post("/orders", body+"x"), s.Post("/orders", strings.Replace(body, "01099998888", "+82canary", 1)))
		if s.Log.Count("provider.answer") == 0 || s.Log.Count("order.created") != 1 || s.Log.Count("money.transition") == 0 {
			t.Fatalf("the log is empty: %s", s.Log)
		}
		for name, secret := range secrets {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("the log holds the %s:\n%s", name, lineWith(s.Log.String(), secret))
			}
		}
		for _, p := range pages {
			for _, secret := range []string{tosssim.DefaultSecretKey, "canary-message", "canary<script>", "40000000"} {
				if strings.Contains(p.Body, secret) {
					t.Errorf("a page (%d %q) holds %q", p.Status, p.Title(), secret)
				}
			}
		}
	})
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

// TestRedirectCannotWriteIntoPages: what a redirect carries is escaped or not shown at all.
func TestRedirectCannotWriteIntoPages(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	for _, text := range []string{`"><script>alert(1)</script>`, `'onload=alert(1)`, "javascript:alert(1)", "PAY_PROCESS_CANCELED<img>", strings.Repeat("A", 70)} {
		for _, address := range []string{
			m.Window.Text("failUrl") + "&code=" + url.QueryEscape(text) + "&message=" + url.QueryEscape(text),
			m.CheckoutURL + "?lang=" + url.QueryEscape(text),
			s.Parts.PublicBase + "/confirm/toss/order-1/x?paymentKey=" + url.QueryEscape(text) + "&orderId=order-1&amount=1",
		} {
			if p := s.Get(address); strings.Contains(p.Body, text) {
				t.Errorf("%s is in the page of %s", text, address)
			}
		}
	}
}

// TestPagesAreNotStored: every answer of a public door carries what keeps it out of caches, frames and other sites.
func TestPagesAreNotStored(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	redirect := s.approve(m)
	for _, address := range []string{m.CheckoutURL, m.CheckoutURL + "x", m.Window.Text("failUrl") + "&code=X", testbed.Edited(redirect, "amount", "x"), redirect, redirect} {
		h := s.Get(address).Header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s %q, want %q", address, name, h.Get(name), want)
			}
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", address, csp)
		}
	}
}

// TestSupportCodeIsTheRefusals: the code that the buyer quotes to the shop is the one that ended the attempt, not a hiccup before it.
func TestSupportCodeIsTheRefusals(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	m := s.order("order-1")
	s.confirmFault(fault.TooManyRequests, fault.Before, 1)
	s.Toss.DeclineNext("INVALID_STOPPED_CARD")
	p := s.Get(s.approve(m))
	s.WantTitle("the return", p, declinedPage)
	if !strings.Contains(p.Body, "INVALID_STOPPED_CARD") || strings.Contains(p.Body, "TOO_MANY_REQUESTS") {
		t.Errorf("the declined page does not show the code of the refusal: %s", fmt.Sprint(s.ReadOrder("order-1").Payments))
	}
}
