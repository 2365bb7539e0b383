package portone_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
)

// TestParseQuestion: what is documented is read in both forms; what does not say whole which payment would be captured is no question.
func TestParseQuestion(t *testing.T) {
	t.Parallel()
	want := provider.Question{Key: "imp_1", Number: "order-1", Amount: 15000}
	const body = `{"imp_uid":"imp_1","merchant_uid":"order-1","amount":15000}`
	edited := func(old, replacement string) string { return strings.Replace(body, old, replacement, 1) }
	for name, text := range map[string]string{
		"json": body, "with a byte order mark": "\xef\xbb\xbf" + body, "more fields": edited("{", `{"pg":"tosspay_v2","data":{"amount":1},`),
		"the amount as text": edited("15000", `"15000"`), "all of it twice": edited("{", `{"amount":15000,`), "white space": "\n " + body + "\n",
		"form": "imp_uid=imp_1&merchant_uid=order-1&amount=15000", "form with more": "a=%zz&amount=15000&merchant_uid=order-1&imp_uid=imp_1",
	} {
		if got, err := portone.ParseQuestion([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "null": "null", "a list": "[" + body + "]", "cut off": body[:len(body)-1], "two objects": body + body, "a form of something else": "a=1",
		"no payment": edited(`"imp_uid":"imp_1",`, ""), "no number": edited(`"merchant_uid":"order-1",`, ""), "no amount": edited(`,"amount":15000`, ""),
		"another case": edited("imp_uid", "IMP_UID"), "a payment that cannot be": edited("imp_1", "imp-1"), "a number that cannot be": edited("order-1", "주문 1"),
		"a number that is too long": edited("order-1", strings.Repeat("x", 41)), "two amounts": edited("{", `{"amount":100,`), "half a won": edited("15000", "15000.5"),
		"won in a fraction": edited("15000", "15000.0"), "won with an exponent": edited("15000", "15e3"), "less than nothing": edited("15000", "-1"), "for nothing": edited("15000", "0"),
		"far too large": edited("15000", "99999999999999999999"), "two amounts in a form": "imp_uid=imp_1&merchant_uid=order-1&amount=15000&amount=100",
		"two payments in a form": "imp_uid=imp_1&imp_uid=imp_2&merchant_uid=order-1&amount=15000",
	} {
		if got, err := portone.ParseQuestion([]byte(text)); !errors.Is(err, portone.ErrQuestion) || got != (provider.Question{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestConfirmURL: an order's window names the gate when it is on, in the page's language; a window that issues a billing key takes no money and
// names none.
func TestConfirmURL(t *testing.T) {
	t.Parallel()
	o := shirt()
	o.Language = "ko"
	for _, on := range []bool{false, true} {
		w := windows()
		w.AsksBefore = on
		for language, want := range map[string]string{"": "", "ko": "", "ja": "?lang=ja"} {
			got, err := w.Window(o, provider.Place{Base: base, Language: language})
			want = `"confirm_url":"https://pay.example.com/gate/portone/order-0001/link_token-1` + want + `"`
			if err != nil || strings.Contains(string(got.Params), want) != on || strings.Contains(string(got.Params), "confirm_url") != on {
				t.Errorf("on %v, language %q: %s, %v", on, language, got.Params, err)
			}
		}
		key, err := w.IssuanceWindow(portone.Issuance{
			ID: "sub-0001", LinkToken: "link_token-1", Mode: "test", CustomerUID: "sub-0001--key1", CustomerID: "matthew", Name: "Coffee",
		}, provider.Place{Base: base})
		if err != nil || strings.Contains(string(key.Params), "confirm_url") {
			t.Errorf("on %v, an issuance: %s, %v", on, key.Params, err)
		}
	}
}

// FuzzParseQuestion: whatever comes, a question has three values of the right form, or there is none.
func FuzzParseQuestion(f *testing.F) {
	for _, body := range []string{
		`{"imp_uid":"imp_1","merchant_uid":"order-1","amount":15000}`, "imp_uid=imp_1&merchant_uid=order-1&amount=15000", `{"imp_uid":{},"amount":1e9}`,
		`{"amount":1,"amount":2,"imp_uid":"imp_1","merchant_uid":"order-1"}`, "\xef\xbb\xbf{}", "amount=%00&imp_uid=..%2f",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		q, err := portone.ParseQuestion([]byte(body))
		if err != nil {
			if q != (provider.Question{}) || !errors.Is(err, portone.ErrQuestion) {
				t.Errorf("%+v beside %v", q, err)
			}
			return
		}
		if q.Key == "" || q.Number == "" || !hintForms["key"].MatchString(q.Key) || !hintForms["number"].MatchString(q.Number) || q.Amount < 1 {
			t.Errorf("%+v", q)
		}
		form := url.Values{"imp_uid": {q.Key}, "merchant_uid": {q.Number}, "amount": {strconv.FormatInt(q.Amount, 10)}}.Encode()
		if again, err := portone.ParseQuestion([]byte(form)); err != nil || again != q {
			t.Errorf("as a form %+v, %v, want %+v", again, err, q)
		}
	})
}
