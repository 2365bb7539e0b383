package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/store/memstore"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

type fakeWindows struct{}

func (fakeWindows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	return provider.Window{Script: at.Base, Params: json.RawMessage(`{"orderId":"` + o.Number() + `"}`)}, nil
}

// shop is a merchant with a table and a clock.
type shop struct {
	*payment.Merchant
	store *memstore.Store
	now   time.Time
	made  int
}

func newShop(t *testing.T) *shop {
	t.Helper()
	allowed, err := payment.ParseReturnURLs("https://shop.example")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{store: memstore.New(), now: noon}
	s.Merchant = &payment.Merchant{
		Orders: s.store, Offers: map[string]payment.Offer{"toss": {Windows: fakeWindows{}, AmountMin: 100, NameMax: 100}}, Mode: "test",
		ReturnURLs: allowed, Now: func() time.Time { return s.now },
		NewToken: func() string { s.made++; return fmt.Sprintf("token-%d", s.made) },
		NewID:    func() string { s.made++; return fmt.Sprintf("ord_%d", s.made) },
	}
	return s
}

func (s *shop) create(t *testing.T, r payment.NewOrder) (payment.Created, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return s.Create(ctx, r, "https://pay.example")
}

func request() payment.NewOrder {
	return payment.NewOrder{OrderID: "order-1", Provider: "toss", Amount: 15000, Currency: "KRW", Name: "T-shirt"}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	got, err := s.create(t, request())
	if err != nil || !got.New {
		t.Fatalf("created %+v, %v", got, err)
	}
	o := got.Order
	if o.Status != order.Open || o.Attempt != 1 || o.LinkToken == "" || o.Language != "" || o.Mode != "test" || !o.ExpiresAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("a new order is %+v", o)
	}
	if !o.DueAt.Equal(o.ExpiresAt.Add(order.OpenGrace)) {
		t.Errorf("due at %v, want %v after it expires", o.DueAt, order.OpenGrace)
	}
	if string(got.Window.Params) != `{"orderId":"order-1"}` {
		t.Errorf("window %s", got.Window.Params)
	}
}

func TestCreateIsIdempotent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	first, err := s.create(t, request())
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(30 * time.Minute)
	again, err := s.create(t, request())
	if err != nil || again.New || again.Order.LinkToken != first.Order.LinkToken || !again.Order.CreatedAt.Equal(first.Order.CreatedAt) ||
		string(again.Window.Params) != string(first.Window.Params) {
		t.Errorf("the same request gave another order: %+v, %v", again, err)
	}
	for name, edit := range map[string]func(*payment.NewOrder){
		"amount":    func(r *payment.NewOrder) { r.Amount++ },
		"name":      func(r *payment.NewOrder) { r.Name += "s" },
		"customer":  func(r *payment.NewOrder) { r.Customer.ID = "c-1" },
		"phone":     func(r *payment.NewOrder) { r.Customer.Phone = "01012345678" },
		"language":  func(r *payment.NewOrder) { r.Language = "en" },
		"returnUrl": func(r *payment.NewOrder) { r.ReturnURL = "https://shop.example/thanks" },
		"expiresAt": func(r *payment.NewOrder) { r.ExpiresAt = s.now.Add(2 * time.Hour) },
		"toss":      func(r *payment.NewOrder) { r.Toss = &order.TossOptions{InternationalCardOnly: true} },
	} {
		r := request()
		edit(&r)
		if got, err := s.create(t, r); !errors.Is(err, payment.ErrOtherBody) || got.Order.ID != "" {
			t.Errorf("another %s under the same id: %+v, %v; want ErrOtherBody and no order", name, got.Order, err)
		}
	}
}

// TestCreateAgainNearTheExpiryItAskedFor: a merchant whose first reply was lost repeats the request, and its expiry has come nearer meanwhile.
func TestCreateAgainNearTheExpiryItAskedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := request()
	r.ExpiresAt = noon.Add(5 * time.Minute)
	if _, err := s.create(t, r); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(3 * time.Second)
	if got, err := s.create(t, r); err != nil || got.New || got.Order.ID != r.OrderID {
		t.Errorf("the same request 3 s later: %v; want the order it made", err)
	}
	r.ExpiresAt = r.ExpiresAt.In(time.FixedZone("", -3*60*60))
	if got, err := s.create(t, r); err != nil || got.New || got.Order.ID != r.OrderID {
		t.Errorf("the same request with the same time in another zone: %v; want the order it made", err)
	}
}

// TestCreateAgainAfterTheExpiryItAskedFor: then there is no window, and the order is the answer.
func TestCreateAgainAfterTheExpiryItAskedFor(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := request()
	r.ExpiresAt = noon.Add(5 * time.Minute)
	if _, err := s.create(t, r); err != nil {
		t.Fatal(err)
	}
	s.now = r.ExpiresAt.Add(time.Hour)
	if got, err := s.create(t, r); err != nil || got.New || got.Order.ID != r.OrderID || got.Window.Params != nil {
		t.Errorf("the same request after the order's end: %+v, %v; want the order it made, and no window", got, err)
	}
	s.store.Before = func(string) error { return errors.New("canary") }
	field := new(payment.FieldError)
	if _, err := s.create(t, r); err == nil || errors.As(err, &field) {
		t.Errorf("the table is down: %v; nobody can say that the request is wrong", err)
	}
}

// TestCreateAgainNearTheExpiryRegisters: a repetition whose expiry has come too near for a new order gives no window away either whose amount
// the provider does not know.
func TestCreateAgainNearTheExpiryRegisters(t *testing.T) {
	t.Parallel()
	s, r := newWindowShop(t)
	well := r.answer
	r.answer = provider.Answer{Code: provider.NoAnswer, Err: errors.New("no route")}
	in := windowRequest("")
	in.ExpiresAt = noon.Add(5 * time.Minute)
	for range 2 {
		if got, err := s.create(t, in); !errors.Is(err, payment.ErrNotRegistered) || got.Window.Params != nil {
			t.Errorf("not registered: %+v, %v", got, err)
		}
		s.now = s.now.Add(time.Minute)
	}
	r.answer = well
	if got, err := s.create(t, in); err != nil || got.Window.Params == nil || len(r.told) != 3 {
		t.Errorf("registered: %+v, %v, told %d times", got, err, len(r.told))
	}
}

func TestCreateWithoutAnIDMakesANewOrderEachTime(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	r := request()
	r.OrderID = ""
	a, errA := s.create(t, r)
	b, errB := s.create(t, r)
	if errA != nil || errB != nil || a.Order.ID == b.Order.ID || a.Order.LinkToken == b.Order.LinkToken {
		t.Errorf("%q and %q, %v, %v", a.Order.ID, b.Order.ID, errA, errB)
	}
}

// TestCreateRefuses: every bad field is named, and nothing is stored.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("가", n) }
	for _, tc := range []struct {
		field string
		what  string
		edit  func(*payment.NewOrder)
	}{
		{"orderId", "with --", func(r *payment.NewOrder) { r.OrderID = "order--1" }},
		{"orderId", "an attempt's number", func(r *payment.NewOrder) { r.OrderID = "order-1--2" }},
		{"orderId", "5 characters", func(r *payment.NewOrder) { r.OrderID = "order" }},
		{"orderId", "33 characters", func(r *payment.NewOrder) { r.OrderID = strings.Repeat("a", 33) }},
		{"orderId", "41 characters", func(r *payment.NewOrder) { r.OrderID = strings.Repeat("a", 41) }},
		{"orderId", "a slash", func(r *payment.NewOrder) { r.OrderID = "../order" }},
		{"orderId", "Korean", func(r *payment.NewOrder) { r.OrderID = "주문번호일이삼" }},
		{"orderId", "a line end", func(r *payment.NewOrder) { r.OrderID = "order-1\n" }},
		{"provider", "none", func(r *payment.NewOrder) { r.Provider = "" }},
		{"provider", "not offered", func(r *payment.NewOrder) { r.Provider = "portone" }},
		{"amount", "zero", func(r *payment.NewOrder) { r.Amount = 0 }},
		{"amount", "negative", func(r *payment.NewOrder) { r.Amount = -15000 }},
		{"amount", "less than the provider takes", func(r *payment.NewOrder) { r.Amount = 99 }},
		{"amount", "huge", func(r *payment.NewOrder) { r.Amount = 1_000_000_001 }},
		{"amount", "largest", func(r *payment.NewOrder) { r.Amount = 1<<63 - 1 }},
		{"amount", "smallest", func(r *payment.NewOrder) { r.Amount = -1 << 63 }},
		{"currency", "USD", func(r *payment.NewOrder) { r.Currency = "USD" }},
		{"currency", "none", func(r *payment.NewOrder) { r.Currency = "" }},
		{"currency", "lower case", func(r *payment.NewOrder) { r.Currency = "krw" }},
		{"name", "none", func(r *payment.NewOrder) { r.Name = "" }},
		{"name", "101 characters", func(r *payment.NewOrder) { r.Name = long(101) }},
		{"name", "a line end", func(r *payment.NewOrder) { r.Name = "T-shirt\nand more" }},
		{"name", "right to left override", func(r *payment.NewOrder) { r.Name = "T-shirt \u202egpj" }},
		{"name", "an isolated direction", func(r *payment.NewOrder) { r.Name = "T-shirt \u2067gpj\u2069" }},
		{"name", "a paragraph's end", func(r *payment.NewOrder) { r.Name = "T-shirt\u2029and more" }},
		{"name", "a C1 control", func(r *payment.NewOrder) { r.Name = "T-shirt\u009b31m" }},
		{"name", "nothing to see", func(r *payment.NewOrder) { r.Name = "\u200b\u3164 \u2060\ufeff" }},
		{"name", "not UTF-8", func(r *payment.NewOrder) { r.Name = "T-\xffshirt" }},
		{"language", "unknown", func(r *payment.NewOrder) { r.Language = "fr" }},
		{"language", "upper case", func(r *payment.NewOrder) { r.Language = "EN" }},
		{"returnUrl", "http", func(r *payment.NewOrder) { r.ReturnURL = "http://shop.example/" }},
		{"returnUrl", "not on the list", func(r *payment.NewOrder) { r.ReturnURL = "https://evil.example/" }},
		{"returnUrl", "a script", func(r *payment.NewOrder) { r.ReturnURL = "javascript:alert(1)" }},
		{"expiresAt", "too soon", func(r *payment.NewOrder) { r.ExpiresAt = noon.Add(5*time.Minute - time.Second) }},
		{"expiresAt", "past", func(r *payment.NewOrder) { r.ExpiresAt = noon.Add(-time.Hour) }},
		{"expiresAt", "too late", func(r *payment.NewOrder) { r.ExpiresAt = noon.Add(7*24*time.Hour + time.Second) }},
		{"taxFreeAmount", "more than the amount", func(r *payment.NewOrder) { r.Tax.Free = r.Amount + 1 }},
		{"taxFreeAmount", "negative", func(r *payment.NewOrder) { r.Tax.Free = -1 }},
		{"vatAmount", "of Toss Payments", func(r *payment.NewOrder) { r.Tax.VAT = new(int64) }},
		{"toss.windowTarget", "unknown", func(r *payment.NewOrder) { r.Toss = &order.TossOptions{WindowTarget: "popup"} }},
		{"appScheme", "a script", func(r *payment.NewOrder) { r.AppScheme = "javascript://x" }},
		{"appScheme", "a page", func(r *payment.NewOrder) { r.AppScheme = "https://evil.example" }},
		{"appScheme", "with a space", func(r *payment.NewOrder) { r.AppScheme = "my shop://" }},
		{"metadata", "six pairs", func(r *payment.NewOrder) {
			r.Metadata = map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": ""}
		}},
		{"metadata", "a name with brackets", func(r *payment.NewOrder) { r.Metadata = map[string]string{"a[0]": ""} }},
		{"metadata", "a name of 41", func(r *payment.NewOrder) { r.Metadata = map[string]string{long(41): ""} }},
		{"metadata", "a value of 2001", func(r *payment.NewOrder) { r.Metadata = map[string]string{"a": long(2001)} }},
		{"customer.id", "51 characters", func(r *payment.NewOrder) { r.Customer.ID = long(51) }},
	} {
		t.Run(tc.field+" "+tc.what, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.store.Before = func(operation string) error {
				if operation != "get" || tc.field != "expiresAt" { // a time that was right once is looked up: it may be a repetition
					t.Errorf("%s reached the table", operation)
				}
				return nil
			}
			r := request()
			tc.edit(&r)
			got, err := s.create(t, r)
			field := new(payment.FieldError)
			if !errors.As(err, &field) || field.Field != tc.field || field.Problem == "" || got.Order.ID != "" {
				t.Errorf("%+v, %v; want a refusal of %s", got, err, tc.field)
			}
		})
	}
}

// TestCreateTakes: the other side of each limit.
func TestCreateTakes(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*payment.NewOrder){
		"orderId of 6":         func(r *payment.NewOrder) { r.OrderID = "abcdef" },
		"orderId of 32":        func(r *payment.NewOrder) { r.OrderID = strings.Repeat("a", 32) },
		"least amount":         func(r *payment.NewOrder) { r.Amount = 100 },
		"largest amount":       func(r *payment.NewOrder) { r.Amount = 1_000_000_000 },
		"name of 100":          func(r *payment.NewOrder) { r.Name = strings.Repeat("가", 100) },
		"emoji":                func(r *payment.NewOrder) { r.Name = "티셔츠 👕 <b>&\"" },
		"a family":             func(r *payment.NewOrder) { r.Name = "👨\u200d👩\u200d👧\u200d👦 티켓" },
		"a flag of tags":       func(r *payment.NewOrder) { r.Name = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f" },
		"Persian":              func(r *payment.NewOrder) { r.Name = "کتاب\u200cخانه" },
		"Sinhala":              func(r *payment.NewOrder) { r.Name = "ශ්\u200dරී ලංකා" },
		"Malayalam":            func(r *payment.NewOrder) { r.Name = "അവന്\u200d" },
		"Hebrew with a mark":   func(r *payment.NewOrder) { r.Name = "שלום\u200e (2)" },
		"a soft hyphen":        func(r *payment.NewOrder) { r.Name = "Donau\u00addampf" },
		"a byte order mark":    func(r *payment.NewOrder) { r.Name = "\ufeffT-shirt" },
		"a replaced character": func(r *payment.NewOrder) { r.Name = "T-\ufffdshirt" },
		"soonest expiry":       func(r *payment.NewOrder) { r.ExpiresAt = noon.Add(5 * time.Minute) },
		"latest expiry":        func(r *payment.NewOrder) { r.ExpiresAt = noon.Add(7 * 24 * time.Hour) },
		"return address":       func(r *payment.NewOrder) { r.ReturnURL = "https://shop.example/thanks?x=1" },
		"phone of 8":           func(r *payment.NewOrder) { r.Customer.Phone = "12345678" },
		"phone of 15":          func(r *payment.NewOrder) { r.Customer.Phone = "123456789012345" },
		"customer id of 50":    func(r *payment.NewOrder) { r.Customer.ID = strings.Repeat("c", 50) },
		"an address":           func(r *payment.NewOrder) { r.Customer.Email = "buyer+1@shop.example" },
		"all tax-free":         func(r *payment.NewOrder) { r.Tax.Free = r.Amount },
		"an app":               func(r *payment.NewOrder) { r.AppScheme = "com.my-shop.app://paid" },
		"an app's bare name":   func(r *payment.NewOrder) { r.AppScheme = "myshop" },
		"metadata": func(r *payment.NewOrder) {
			r.Metadata = map[string]string{"a": strings.Repeat("가", 2000), "b": "<script>"}
		},
		"international window": func(r *payment.NewOrder) { r.Toss = &order.TossOptions{InternationalCardOnly: true} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request()
			edit(&r)
			if got, err := newShop(t).create(t, r); err != nil || !got.New {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestBuyersDetailsNeverCostTheSale: what a buyer typed is used as it is meant, or left out with a note; the order is made.
func TestBuyersDetailsNeverCostTheSale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given, used order.Customer
		noted       string
	}{
		{order.Customer{Name: "علی\u200cرضا"}, order.Customer{Name: "علی\u200cرضا"}, ""},
		{order.Customer{Name: "👨\u200d👩\u200d👧"}, order.Customer{Name: "👨\u200d👩\u200d👧"}, ""},
		{order.Customer{Name: " 김철수\n"}, order.Customer{Name: "김철수"}, "customer.name"},
		{order.Customer{Name: "\u202eKim"}, order.Customer{Name: "Kim"}, "customer.name"},
		{order.Customer{Name: "\ufffd\ufffd"}, order.Customer{}, "customer.name"},
		{order.Customer{Name: "Kim \ufffd"}, order.Customer{Name: "Kim \ufffd"}, ""}, // an emoji that was cut in two
		{order.Customer{Name: strings.Repeat("가", 100)}, order.Customer{Name: strings.Repeat("가", 100)}, ""},
		{order.Customer{Name: strings.Repeat("가", 101)}, order.Customer{}, "customer.name"},
		{order.Customer{Email: "a..b.@docomo.ne.jp"}, order.Customer{Email: "a..b.@docomo.ne.jp"}, ""},
		{order.Customer{Email: " buyer+1@shop.example "}, order.Customer{Email: "buyer+1@shop.example"}, ""},
		{order.Customer{Email: "사람@도메인.한국"}, order.Customer{Email: "사람@도메인.한국"}, ""},
		{order.Customer{Email: "me@localhost"}, order.Customer{Email: "me@localhost"}, ""},
		{order.Customer{Email: "me"}, order.Customer{}, "customer.email"},
		{order.Customer{Email: "me@"}, order.Customer{}, "customer.email"},
		{order.Customer{Email: "Me <me@shop.example>"}, order.Customer{}, "customer.email"},
		{order.Customer{Email: "me@shop.example, you@shop.example"}, order.Customer{}, "customer.email"},
		{order.Customer{Email: "me@shop.example\r\nBcc: you@shop.example"}, order.Customer{}, "customer.email"},
		{order.Customer{Email: strings.Repeat("m", 88) + "@shop.example"}, order.Customer{}, "customer.email"},
		{order.Customer{Phone: "010-1234-5678"}, order.Customer{Phone: "01012345678"}, ""},
		{order.Customer{Phone: "+82 (0)10 1234.5678"}, order.Customer{Phone: "8201012345678"}, ""},
		{order.Customer{Phone: "０９０－１２３４－５６７８"}, order.Customer{Phone: "09012345678"}, ""},
		{order.Customer{Phone: "1234567"}, order.Customer{}, "customer.phone"},
		{order.Customer{Phone: "1234567890123456"}, order.Customer{}, "customer.phone"},
		{order.Customer{Phone: "ask at the door"}, order.Customer{}, "customer.phone"},
		{order.Customer{ID: "c-1"}, order.Customer{ID: "c-1"}, ""},
	} {
		s, r := newShop(t), request()
		r.Customer = c.given
		got, err := s.create(t, r)
		again, errAgain := s.create(t, r)
		noted := ""
		for _, n := range got.Notes {
			noted += n.Field
		}
		if err != nil || got.Order.Customer != c.used || noted != c.noted {
			t.Errorf("%+q: %+q, notes %v, %v; want %+q and a note of %q", c.given, got.Order.Customer, got.Notes, err, c.used, c.noted)
		}
		if errAgain != nil || again.New || !slices.Equal(again.Notes, got.Notes) {
			t.Errorf("%+q again: %+v, %v", c.given, again.Notes, errAgain)
		}
	}
}

func TestCreateRefusesTossOptionsForAnotherProvider(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Offers["portone"] = payment.Offer{Windows: fakeWindows{}, AmountMin: 100, NameMax: 100}
	r := request()
	r.Provider, r.Toss = "portone", &order.TossOptions{}
	field := new(payment.FieldError)
	if _, err := s.create(t, r); !errors.As(err, &field) || field.Field != "toss" {
		t.Errorf("error %v, want one about toss", err)
	}
}

func TestReadKnowsOrdersOnly(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if _, err := s.create(t, request()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if o, err := s.Read(ctx, "order-1"); err != nil || o.ID != "order-1" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, id := range []string{"", "order-2", "order-1--2", "order-1--1", "sub-001--key1", "../order-1", strings.Repeat("a", 5000)} {
		if o, err := s.Read(ctx, id); !errors.Is(err, payment.ErrNotFound) || o.ID != "" {
			t.Errorf("Read(%q) = %+v, %v; want ErrNotFound", id, o, err)
		}
	}
}

// registrar is a provider that is told amounts.
type registrar struct {
	told    []provider.Registration
	answer  provider.Answer
	unready error      // why it cannot be asked at all
	stored  func() int // how many orders there are when it is told
	seen    []int
}

func (r *registrar) Register(_ context.Context, in provider.Registration) provider.Answer {
	r.told = append(r.told, in)
	r.seen = append(r.seen, r.stored())
	return r.answer
}

// newWindowShop sells through a provider whose window is told the amount beforehand, and offers choices.
func newWindowShop(t *testing.T) (*shop, *registrar) {
	s := newShop(t)
	created := 0
	s.store.After = func(operation string) error {
		if operation == "create" {
			created++
		}
		return nil
	}
	r := &registrar{answer: provider.Answer{Verdict: provider.Pending, HTTP: 200}, stored: func() int { return created }}
	s.Offers["portone"] = payment.Offer{
		Windows: fakeWindows{}, AmountMin: 100, NameMax: 40, Registrar: r, Ready: func(context.Context) error { return r.unready },
		Fit: func(o order.Order, now time.Time) (order.Order, error) {
			switch o.PortOne.PayMethod {
			case "soon":
				o.ExpiresAt = noon.Add(10 * time.Minute)
				if !now.Before(o.ExpiresAt) {
					return o, &payment.FieldError{Field: "portone.expiredTime", Problem: "must be ahead"}
				}
				o.DueAt = o.ExpiresAt.Add(order.OpenGrace)
			case "broken":
				return o, errors.New("canary")
			case "card":
				return o, &payment.FieldError{Field: "portone.payMethod", Problem: "must be another"}
			}
			return o, nil
		},
	}
	return s, r
}

func windowRequest(method string) payment.NewOrder {
	r := request()
	r.Provider, r.PortOne = "portone", &order.PortOneOptions{PayMethod: method}
	return r
}

// TestCreateRegistersTheAmount: after the order is stored, before anybody gets a window, and again with a repeated request.
func TestCreateRegistersTheAmount(t *testing.T) {
	t.Parallel()
	s, r := newWindowShop(t)
	for i := range 2 {
		if got, err := s.create(t, windowRequest("")); err != nil || got.Window.Params == nil {
			t.Fatalf("request %d: %+v, %v", i+1, got, err)
		}
	}
	want := provider.Registration{Number: "order-1", Amount: 15000}
	if len(r.told) != 2 || r.told[0] != want || r.told[1] != want || r.seen[0] != 1 {
		t.Errorf("told %+v, with %v orders stored; want %+v after the first one was", r.told, r.seen, want)
	}
	if _, err := s.create(t, func() payment.NewOrder { r := windowRequest(""); r.Amount++; return r }()); !errors.Is(err, payment.ErrOtherBody) || len(r.told) != 2 {
		t.Errorf("another amount under the same id: %v, told %+v", err, r.told)
	}
}

// TestCreateWithoutRegistration: no window is given away whose amount the provider does not know; the same request again tries again.
func TestCreateWithoutRegistration(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]provider.Answer{
		"no answer":    {Code: provider.NoAnswer, Err: errors.New("no route")},
		"keys refused": {HTTP: 401, Class: provider.ClassCredentials},
	} {
		s, r := newWindowShop(t)
		well := r.answer
		r.answer = answer
		if got, err := s.create(t, windowRequest("")); !errors.Is(err, payment.ErrNotRegistered) || got.Window.Params != nil || got.Order.LinkToken != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		r.answer = well
		if got, err := s.create(t, windowRequest("")); err != nil || got.Window.Params == nil {
			t.Errorf("%s, and again: %+v, %v", name, got, err)
		}
	}
}

// TestCreateWithAnUnusableSecret: the merchant is told to try again and the operator what is wrong; nobody is asked.
func TestCreateWithAnUnusableSecret(t *testing.T) {
	t.Parallel()
	s, r := newWindowShop(t)
	r.unready = errors.New("no secret")
	if got, err := s.create(t, windowRequest("")); !errors.Is(err, payment.ErrNotRegistered) || !errors.Is(err, payment.ErrNotReady) || got.Window.Params != nil || len(r.told) > 0 {
		t.Errorf("%+v, %v, told %v", got, err, r.told)
	}
	r.unready = nil
	if got, err := s.create(t, windowRequest("")); err != nil || got.Window.Params == nil || len(r.told) != 1 {
		t.Errorf("mended: %+v, %v, told %v", got, err, r.told)
	}
}

// TestCreateDoesNotRegisterWhatCannotBePaid: a repeated request for an order that is over costs no call.
func TestCreateDoesNotRegisterWhatCannotBePaid(t *testing.T) {
	t.Parallel()
	s, r := newWindowShop(t)
	if _, err := s.create(t, windowRequest("")); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(2 * time.Hour)
	if got, err := s.create(t, windowRequest("")); err != nil || got.New || len(r.told) != 1 {
		t.Errorf("%+v, %v, told %d times", got, err, len(r.told))
	}
}

// TestCreateFitsTheProvidersChoices: a choice is refused by its field, shortens the order's life, and is part of what makes a request the same.
func TestCreateFitsTheProvidersChoices(t *testing.T) {
	t.Parallel()
	s, r := newWindowShop(t)
	field := new(payment.FieldError)
	if got, err := s.create(t, windowRequest("card")); !errors.As(err, &field) || field.Field != "portone.payMethod" || got.Order.ID != "" || len(r.told) > 0 {
		t.Errorf("%+v, %v, told %v", got, err, r.told)
	}
	if _, err := s.create(t, windowRequest("broken")); err == nil || errors.As(err, &field) && field.Field == "" || len(r.told) > 0 {
		t.Errorf("%v", err)
	}
	got, err := s.create(t, windowRequest("soon"))
	if err != nil || !got.Order.ExpiresAt.Equal(noon.Add(10*time.Minute)) || !got.Order.DueAt.Equal(got.Order.ExpiresAt.Add(order.OpenGrace)) || got.Order.PortOne.PayMethod != "soon" {
		t.Errorf("%+v, %v", got.Order, err)
	}
	if _, err := s.create(t, windowRequest("")); !errors.Is(err, payment.ErrOtherBody) {
		t.Errorf("another choice under the same id: %v", err)
	}
	s.now = noon.Add(20 * time.Minute)
	if again, err := s.create(t, windowRequest("soon")); err != nil || again.New || again.Order.LinkToken != got.Order.LinkToken || again.Window.Params != nil {
		t.Errorf("the same request after its window's time: %+v, %v; want the order it made, and no window", again, err)
	}
	other := windowRequest("soon")
	other.OrderID = "order-2"
	if _, err := s.create(t, other); !errors.As(err, &field) || field.Field != "portone.expiredTime" {
		t.Errorf("a new request after its window's time: %v", err)
	}
}

func TestCreateRefusesPortOneOptionsForAnotherProvider(t *testing.T) {
	t.Parallel()
	s, _ := newWindowShop(t)
	r := request()
	r.PortOne = &order.PortOneOptions{}
	field := new(payment.FieldError)
	if _, err := s.create(t, r); !errors.As(err, &field) || field.Field != "portone" {
		t.Errorf("error %v, want one about portone", err)
	}
}
