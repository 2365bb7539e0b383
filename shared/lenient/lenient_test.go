package lenient_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/shared/lenient"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw      string
		want     map[string]string
		doubtful []string
	}{
		"as documented":                    {"paymentKey=k-1&orderId=o-1&amount=100", map[string]string{"paymentKey": "k-1", "orderId": "o-1", "amount": "100"}, nil},
		"a semicolon elsewhere":            {"utm=a;b&orderId=o-1;", map[string]string{"orderId": "o-1;"}, nil},
		"a stray percent elsewhere":        {"discount=10%&orderId=o-1&x=%zz", map[string]string{"orderId": "o-1"}, nil},
		"HTML's ampersand":                 {"orderId=o-1&amp;amount=100&amp;utm=x", map[string]string{"orderId": "o-1", "amount": "100"}, nil},
		"bytes of another encoding":        {"message=%B0%E1%C1%A6&orderId=o-1", map[string]string{"orderId": "o-1"}, nil},
		"twice the same":                   {"orderId=o-1&orderId=o-1&orderId=", map[string]string{"orderId": "o-1"}, nil},
		"twice, and different":             {"amount=1&orderId=o-1&amount=2&amount=1", map[string]string{"orderId": "o-1"}, []string{"amount"}},
		"different behind HTML's":          {"amount=1&amp;amount=2", nil, []string{"amount"}},
		"another case is another name":     {"ORDERID=o-2&orderid=o-3", nil, nil},
		"empty, valueless, and separators": {"&&=&orderId&amount=&;", nil, nil},
		"escaped":                          {"paymentKey=k%3D%2D1&orderId=o%2B1", map[string]string{"paymentKey": "k=-1", "orderId": "o+1"}, nil},
		"a wanted value with a percent":    {"amount=100%", map[string]string{"amount": "100%"}, nil},
	} {
		found, doubtful := lenient.Query(c.raw, "paymentKey", "orderId", "amount")
		if !maps.Equal(found, c.want) || !slices.Equal(doubtful, c.doubtful) {
			t.Errorf("%s: %v, doubtful %v, want %v, %v", name, found, doubtful, c.want, c.doubtful)
		}
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"a string":                       {`{"id":"o-1"}`, "o-1"},
		"a number":                       {`{"id":20261128001}`, "20261128001"},
		"a number beyond a float's":      {`{"id":98765432109876543210987}`, "98765432109876543210987"},
		"not a whole number":             {`{"id":1.5e3}`, ""},
		"a byte order mark":              {"\xef\xbb\xbf{\"id\":\"o-1\"}", "o-1"},
		"white space around":             {"\n {\"id\": \" o-1\\n\"}\r\n", "o-1"},
		"another case is another name":   {`{"ID":"o-2","Id":"o-3"}`, ""},
		"another member of another type": {`{"amount":{"a":[1]},"id":"o-1","status":[]}`, "o-1"},
		"raw line breaks in a text":      {"{\"reason\":\"a\nb\tc\",\"id\":\"o-1\"}", "o-1"},
		"something after it":             {`{"id":"o-1"}{"id":"o-2"} x`, "o-1"},
		"cut off behind it":              {`{"id":"o-1","status":"pa`, "o-1"},
		"cut off within it":              {`{"id":"o-`, ""},
		"broken behind it":               {`{"id":"o-1","x":NaN}`, "o-1"},
		"a lone surrogate elsewhere":     {`{"name":"\ud83d","id":"o-1"}`, "o-1"},
		"bytes that are no UTF-8":        {"{\"name\":\"\xb0\xe1\",\"id\":\"o-1\"}", "o-1"},
		"twice the same":                 {`{"id":"o-1","x":1,"id":"o-1"}`, "o-1"},
		"twice, and different":           {`{"id":"o-1","id":"o-2"}`, ""},
		"three times":                    {`{"id":"o-1","id":"o-2","id":"o-2"}`, ""},
		"twice, the second cut off":      {`{"id":"o-1","id":"o-`, "o-1"},
		"another member twice":           {`{"status":"a","id":"o-1","status":"b"}`, "o-1"},
		"null":                           {`{"id":null}`, ""},
		"a list":                         {`{"id":["o-1"]}`, ""},
	} {
		if got := lenient.Word(lenient.Object([]byte(c.body))["id"]); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for _, body := range []string{"", "null", "[]", `"x"`, "5", "imp_uid=x"} {
		if got := lenient.Object([]byte(body)); got != nil {
			t.Errorf("%q is an object: %v", body, got)
		}
	}
	cut := lenient.Object([]byte(`{"eventType":"E","data": {"orderId":"o-1","paymentKey":"k`))
	if got := lenient.Word(lenient.Object(cut["data"])["orderId"]); got != "o-1" {
		t.Errorf("of an inner object that is cut off: %q", got)
	}
}

// FuzzQuery: a form that was written as it should be reads back, whatever stands before and behind it.
func FuzzQuery(f *testing.F) {
	f.Add("key-1", "utm=a;b", "discount=10%")
	f.Add("", "&amp;", "%")
	f.Fuzz(func(t *testing.T, value, before, behind string) {
		if strings.Contains(before+behind, "d") || strings.Contains(before+behind, "%64") {
			t.Skip() // the name may be in there
		}
		found, doubtful := lenient.Query(before+"&"+url.Values{"id": {value}}.Encode()+"&"+behind, "id")
		if found["id"] != value || doubtful != nil {
			t.Errorf("%q, doubtful %v", found, doubtful)
		}
	})
}

// FuzzObject: what encoding/json reads is read in the same way.
func FuzzObject(f *testing.F) {
	f.Add(`{"id":"o-1","data":{"x":[1,{}]}}`)
	f.Add("\xef\xbb\xbf{\"id\":5")
	f.Fuzz(func(t *testing.T, body string) {
		got := lenient.Object([]byte(body))
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &want) != nil {
			return
		}
		if len(got) > len(want) {
			t.Errorf("%d members, want %d", len(got), len(want))
		}
		for name, value := range want {
			if _, found := got[name]; !found && comesTwice(body, name) {
				continue
			}
			var a, b any
			if json.Unmarshal(value, &a); json.Unmarshal(got[name], &b) != nil {
				t.Errorf("member %q: %q, want %q", name, got[name], value)
			}
		}
	})
}

// comesTwice says that a name stands more than once on the first level of an object.
func comesTwice(body, name string) bool {
	decoder, count := json.NewDecoder(strings.NewReader(strings.TrimPrefix(body, "\ufeff"))), 0
	_, _ = decoder.Token()
	for decoder.More() {
		token, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return false
		}
		if token == name {
			count++
		}
	}
	return count > 1
}
