package portone_test

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// TestParseWebhook: what is documented is read in both forms, and what no payment of ours can have is left out.
func TestParseWebhook(t *testing.T) {
	t.Parallel()
	paid := provider.Hint{Event: "payment", Key: "imp_1234567890", Number: "order_id_8237352", Status: "paid"}
	for name, c := range map[string]struct {
		contentType, body string
		want              provider.Hint
	}{
		"json":                  {asJSON, `{"imp_uid":"imp_1234567890","merchant_uid":"order_id_8237352","status":"paid"}`, paid},
		"json with charset":     {asJSON + "; charset=utf-8", `{"imp_uid":"imp_1234567890","merchant_uid":"order_id_8237352","status":"paid"}`, paid},
		"json with white space": {"Application/JSON", "\n {\"imp_uid\":\"imp_1234567890\",\n\"merchant_uid\":\"order_id_8237352\",\"status\":\"paid\"}\n", paid},
		"form":                  {asForm, "imp_uid=imp_1234567890&merchant_uid=order_id_8237352&status=paid", paid},
		"form with charset":     {asForm + ";charset=UTF-8", "status=paid&merchant_uid=order_id_8237352&imp_uid=imp_1234567890", paid},
		"cancelled": {asJSON, `{"imp_uid":"imp_1","merchant_uid":"order-1","status":"cancelled","cancellation_id":"can_1"}`,
			provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1", Status: "cancelled"}},
		"scheduled": {asJSON, `{"imp_uid":"imps_1","merchant_uid":"sub-0001--c12--2","status":"failed"}`,
			provider.Hint{Event: "payment", Key: "imps_1", Number: "sub-0001--c12--2", Status: "failed"}},
		"issued":                {asForm, "imp_uid=imp_1&merchant_uid=sub-0001--key1&status=paid", provider.Hint{Event: "payment", Key: "imp_1", Number: "sub-0001--key1", Status: "paid"}},
		"unknown fields":        {asJSON, `{"merchant_uid":"order-1","amount":1,"data":{"imp_uid":"x"},"imp_uid":"imp_1"}`, provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"an unknown status":     {asJSON, `{"merchant_uid":"order-1","status":"pay_pending"}`, provider.Hint{Event: "payment", Number: "order-1", Status: "pay_pending"}},
		"nothing known":         {asJSON, `{"type":"Transaction.Paid","data":{}}`, provider.Hint{Event: "payment"}},
		"an empty form":         {asForm, "", provider.Hint{Event: "payment"}},
		"values of other kinds": {asJSON, `{"imp_uid":5,"merchant_uid":["order-1"],"status":{"a":1}}`, provider.Hint{Event: "payment"}},
		"hostile values":        {asJSON, `{"imp_uid":"../payments/status/paid","merchant_uid":"order 1\n","status":"<b>"}`, provider.Hint{Event: "payment"}},
		"a query in the key":    {asForm, "imp_uid=imp_1%3Finclude_sandbox%3Dtrue&merchant_uid=order-1", provider.Hint{Event: "payment", Number: "order-1"}},
		"values that are too long": {asJSON, `{"imp_uid":"` + strings.Repeat("1", 33) + `","merchant_uid":"` + strings.Repeat("x", 41) + `","status":"` + strings.Repeat("p", 21) + `"}`,
			provider.Hint{Event: "payment"}},
		"values as long as they may be": {asJSON, `{"imp_uid":"` + strings.Repeat("1", 32) + `","merchant_uid":"` + strings.Repeat("x", 40) + `"}`,
			provider.Hint{Event: "payment", Key: strings.Repeat("1", 32), Number: strings.Repeat("x", 40)}},
	} {
		got, err := portone.ParseWebhook(c.contentType, []byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// TestParseWebhookRefuses: what is no webhook is an error, and no hint comes with it.
func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	const body, form = `{"imp_uid":"imp_1","merchant_uid":"order-1"}`, "imp_uid=imp_1&merchant_uid=order-1"
	for name, c := range map[string][2]string{
		"no content type": {"", body}, "a broken content type": {"application/json;;=", body}, "text": {"text/plain", body}, "multipart": {"multipart/form-data; boundary=x", form},
		"a form as json": {asJSON, form}, "nothing": {asJSON, ""}, "null": {asJSON, "null"}, "a list": {asJSON, "[" + body + "]"}, "a string": {asJSON, `"x"`}, "a number": {asJSON, "5"},
		"two objects": {asJSON, body + body}, "a cut object": {asJSON, body[:20]}, "two keys in a form": {asForm, form + "&imp_uid=imp_2"},
		"two numbers in a form": {asForm, form + "&merchant_uid=order-2"}, "a broken escape": {asForm, form + "&a=%zz"}, "a semicolon": {asForm, form + ";a=1"},
	} {
		if got, err := portone.ParseWebhook(c[0], []byte(c[1])); !errors.Is(err, portone.ErrWebhook) || got != (provider.Hint{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// hintForms are what a hint's values may look like: nothing that a log, a path or a query could be tricked with.
var hintForms = map[string]*regexp.Regexp{
	"event": regexp.MustCompile(`^payment$`), "key": regexp.MustCompile(`^[A-Za-z0-9_]{0,32}$`),
	"number": regexp.MustCompile(`^[A-Za-z0-9_-]{0,40}$`), "status": regexp.MustCompile(`^[a-z_]{0,20}$`),
}

// FuzzParseWebhook: whatever comes, a hint holds only harmless values, an error comes without one, and a form that says the same as a JSON
// object gives the same hint.
func FuzzParseWebhook(f *testing.F) {
	for _, body := range []string{
		`{"imp_uid":"imp_1","merchant_uid":"order-1","status":"paid"}`, "imp_uid=imp_1&merchant_uid=order-1&status=paid", `{"imp_uid":{"a":[]},"merchant_uid":null}`,
		"imp_uid=%2e%2e%2f&merchant_uid=%00", `{"IMP_UID":"imp_1","imp_uid":"imp_2"}`, "\xef\xbb\xbf{}", `{"merchant_uid":"\u0000\ud800"}`,
	} {
		f.Add(asJSON, body)
		f.Add(asForm+"; charset=utf-8", body)
	}
	f.Add("application/json; charset=\"", "{}")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		h, err := portone.ParseWebhook(contentType, []byte(body))
		if err != nil {
			if h != (provider.Hint{}) || !errors.Is(err, portone.ErrWebhook) {
				t.Errorf("%+v beside %v", h, err)
			}
			return
		}
		for name, value := range map[string]string{"event": h.Event, "key": h.Key, "number": h.Number, "status": h.Status} {
			if !hintForms[name].MatchString(value) {
				t.Errorf("%s %q", name, value)
			}
		}
		form := url.Values{"imp_uid": {h.Key}, "merchant_uid": {h.Number}, "status": {h.Status}}.Encode()
		if again, err := portone.ParseWebhook(asForm, []byte(form)); err != nil || again != h {
			t.Errorf("as a form %+v, %v, want %+v", again, err, h)
		}
	})
}
