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

// TestParseWebhook: what is documented is read in both forms, and what no payment of ours can have is left out.
func TestParseWebhook(t *testing.T) {
	t.Parallel()
	paid := provider.Hint{Event: "payment", Key: "imp_1234567890", Number: "order_id_8237352", Status: "paid"}
	for name, c := range map[string]struct {
		body string
		want provider.Hint
	}{
		"json":                  {`{"imp_uid":"imp_1234567890","merchant_uid":"order_id_8237352","status":"paid"}`, paid},
		"json with charset":     {`{"imp_uid":"imp_1234567890","merchant_uid":"order_id_8237352","status":"paid"}`, paid},
		"json with white space": {"\n {\"imp_uid\":\"imp_1234567890\",\n\"merchant_uid\":\"order_id_8237352\",\"status\":\"paid\"}\n", paid},
		"form":                  {"imp_uid=imp_1234567890&merchant_uid=order_id_8237352&status=paid", paid},
		"form with charset":     {"status=paid&merchant_uid=order_id_8237352&imp_uid=imp_1234567890", paid},
		"cancelled": {`{"imp_uid":"imp_1","merchant_uid":"order-1","status":"cancelled","cancellation_id":"can_1"}`,
			provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1", Status: "cancelled"}},
		"scheduled": {`{"imp_uid":"imps_1","merchant_uid":"sub-0001--c12--2","status":"failed"}`,
			provider.Hint{Event: "payment", Key: "imps_1", Number: "sub-0001--c12--2", Status: "failed"}},
		"issued":                         {"imp_uid=imp_1&merchant_uid=sub-0001--key1&status=paid", provider.Hint{Event: "payment", Key: "imp_1", Number: "sub-0001--key1", Status: "paid"}},
		"unknown fields":                 {`{"merchant_uid":"order-1","amount":1,"data":{"imp_uid":"x"},"imp_uid":"imp_1"}`, provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"an unknown status":              {`{"merchant_uid":"order-1","status":"pay_pending"}`, provider.Hint{Event: "payment", Number: "order-1", Status: "pay_pending"}},
		"a status of another kind":       {`{"status":{"a":1},"imp_uid":"imp_1","merchant_uid":"order-1"}`, provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"a key of another kind":          {`{"imp_uid":["x"],"merchant_uid":"order-1"}`, provider.Hint{Event: "payment", Number: "order-1"}},
		"a number as a number":           {`{"imp_uid":null,"merchant_uid":20261128001}`, provider.Hint{Event: "payment", Number: "20261128001"}},
		"only the key":                   {`{"imp_uid":"imp_1","merchant_uid":null}`, provider.Hint{Event: "payment", Key: "imp_1"}},
		"a number of another kind":       {`{"imp_uid":"imp_1","merchant_uid":["order-1"]}`, provider.Hint{Event: "payment", Key: "imp_1"}},
		"a byte order mark":              {"\xef\xbb\xbf{\"merchant_uid\":\"order-1\"}", provider.Hint{Event: "payment", Number: "order-1"}},
		"cut off":                        {`{"imp_uid":"imp_1","merchant_uid":"order-1","stat`, provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"a form with a stray percent":    {"message=100%&imp_uid=imp_1&merchant_uid=order-1&a=%zz", provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"a form with a semicolon":        {"message=a;b&merchant_uid=order-1", provider.Hint{Event: "payment", Number: "order-1"}},
		"a form with two different keys": {"imp_uid=imp_1&merchant_uid=order-1&imp_uid=imp_2", provider.Hint{Event: "payment", Number: "order-1"}},
		"a form with all of it twice":    {"imp_uid=imp_1&merchant_uid=order-1&imp_uid=imp_1&merchant_uid=order-1", provider.Hint{Event: "payment", Key: "imp_1", Number: "order-1"}},
		"two objects":                    {`{"merchant_uid":"order-1"}{"merchant_uid":"order-2"}`, provider.Hint{Event: "payment", Number: "order-1"}},
		"another shop's number":          {`{"imp_uid":"imp_1","merchant_uid":"주문 1"}`, provider.Hint{Event: "payment"}},
		"hostile values":                 {`{"imp_uid":"../payments/status/paid","merchant_uid":"order 1\n","status":"<b>"}`, provider.Hint{Event: "payment"}},
		"a query in the key":             {"imp_uid=imp_1%3Finclude_sandbox%3Dtrue&merchant_uid=order-1", provider.Hint{Event: "payment", Number: "order-1"}},
		"values that are too long": {`{"imp_uid":"` + strings.Repeat("1", 33) + `","merchant_uid":"` + strings.Repeat("x", 41) + `","status":"` + strings.Repeat("p", 21) + `"}`,
			provider.Hint{Event: "payment"}},
		"values as long as they may be": {`{"imp_uid":"` + strings.Repeat("1", 32) + `","merchant_uid":"` + strings.Repeat("x", 40) + `"}`,
			provider.Hint{Event: "payment", Key: strings.Repeat("1", 32), Number: strings.Repeat("x", 40)}},
	} {
		got, err := portone.ParseWebhook([]byte(c.body))
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
}

// TestParseWebhookRefuses: what is no webhook is an error, and no hint comes with it.
func TestParseWebhookRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "null": "null", "a string": `"x"`, "a number": "5", "an empty object": "{}", "a list": `["x"]`, "multipart": "--x\r\nContent-Disposition: form-data",
		"a webhook of V2": `{"type":"Transaction.Paid","timestamp":"x","data":{"paymentId":"order-1"}}`, "another form": "a=1&b=2",
		"another case": `{"IMP_UID":"imp_1","Merchant_Uid":"order-1"}`, "values of other kinds": `{"imp_uid":["x"],"merchant_uid":["order-1"],"status":{"a":1}}`,
		"cut off before its names": `{"imp_uid":"im`, "two different numbers in a form": "merchant_uid=order-1&merchant_uid=order-2",
		"only a key that cannot be": "imp_uid=..%2F",
	} {
		if got, err := portone.ParseWebhook([]byte(body)); !errors.Is(err, portone.ErrWebhook) || got != (provider.Hint{}) {
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
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h, err := portone.ParseWebhook([]byte(body))
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
		if h.Number == "" && h.Key == "" {
			return // another shop's
		}
		form := url.Values{"imp_uid": {h.Key}, "merchant_uid": {h.Number}, "status": {h.Status}}.Encode()
		if again, err := portone.ParseWebhook([]byte(form)); err != nil || again != h {
			t.Errorf("as a form %+v, %v, want %+v", again, err, h)
		}
	})
}
