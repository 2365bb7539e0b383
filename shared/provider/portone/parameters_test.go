package portone_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/shared/provider/providertest"
	"unicode/utf8"
)

// parameter is one of a call, as testdata/parameters.json lists it.
type parameter struct {
	In        string   `json:"in"` // path, query or body
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	Required  bool     `json:"required"`
	MaxLength int      `json:"maxLength"`
	Minimum   float64  `json:"minimum"`
	Maximum   float64  `json:"maximum"`
	Enum      []string `json:"enum"`
}

// misspelt are names that PortOne's own guides have printed, and that PortOne ignores without a word.
var misspelt = []string{"cash_recipt_type", "cashReceiptTradeType"}

// TestRequestsAreDocumented: PortOne ignores what it does not know, so a misspelt field is a charge without it. Every field of every
// golden request is in the documented list, with its type and within its limits, and nothing that is required is missing.
func TestRequestsAreDocumented(t *testing.T) {
	t.Parallel()
	calls := documented(t)
	sent := map[string]bool{}
	for _, file := range providertest.Files(t) {
		for _, request := range providertest.Read(t, file).Requests {
			name, problems := check(t, calls, request)
			sent[name] = true
			for _, problem := range problems {
				t.Errorf("%s: %s: %s", file, name, problem)
			}
			for _, typo := range misspelt {
				if strings.Contains(request, typo) {
					t.Errorf("%s has %s", file, typo)
				}
			}
		}
	}
	for name := range calls {
		if !sent[name] {
			t.Errorf("no golden request of %s", name)
		}
	}
}

// TestTheListCanRefuse: a check that lets everything pass is none.
func TestTheListCanRefuse(t *testing.T) {
	t.Parallel()
	calls := documented(t)
	const again, key = "POST /subscribe/payments/again\n\n", `"customer_uid":"k","merchant_uid":"m","amount":1,"name":"n"`
	for request, want := range map[string]string{
		again + `{` + key + `,"bypass":"{}"}`:                        "",
		again + `{` + key + `,"cash_recipt_type":"person"}`:          "cash_recipt_type is not documented",
		again + `{` + key + `,"cash_receipt_type":"personal"}`:       "cash_receipt_type is not one of",
		again + `{` + key + `,"card_quota":"3"}`:                     "card_quota is no integer",
		again + `{` + key + `,"card_quota":3.5}`:                     "card_quota is no integer",
		again + `{"customer_uid":"k","merchant_uid":"m","name":"n"}`: "amount is missing",
		again + `{` + key + `,"buyer_tel":"12345678901234567"}`:      "buyer_tel is longer than 16",
		"GET /payments/imp_1?include_sandbox=yes":                    "include_sandbox is no boolean",
		"GET /payments/findAll/m?limit=1001":                         "limit is out of range",
		"GET /payments/findAll/m?sort=x":                             "sort is not documented",
		"GET /payments":                                              "not a documented call",
	} {
		_, problems := check(t, calls, request)
		if got := strings.Join(problems, "; "); want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", request, got, want)
		}
	}
}

func documented(t *testing.T) map[string][]parameter {
	t.Helper()
	data, err := os.ReadFile("testdata/parameters.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Source string                 `json:"source"`
		Calls  map[string][]parameter `json:"calls"`
	}
	if err := json.Unmarshal(data, &list); err != nil || list.Source == "" {
		t.Fatalf("parameters.json: %v", err)
	}
	return list.Calls
}

// check returns the documented call that a golden request makes, and what is wrong with it.
func check(t *testing.T, calls map[string][]parameter, request string) (string, []string) {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	first, _, _ := strings.Cut(head, "\n")
	method, target, _ := strings.Cut(first, " ")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	for name, parameters := range calls {
		path, fits := pathValues(name, method, u.Path)
		if !fits {
			continue
		}
		values := map[string]any{}
		if body != "" {
			if err := json.Unmarshal([]byte(body), &values); err != nil {
				t.Fatal(err)
			}
		}
		given := map[string]map[string]any{"path": path, "query": {}, "body": values}
		for field, all := range u.Query() {
			given["query"][field] = all[0]
		}
		return name, problemsOf(parameters, given)
	}
	return "", []string{"not a documented call"}
}

func pathValues(name, method, path string) (map[string]any, bool) {
	wantMethod, template, _ := strings.Cut(name, " ")
	template = strings.TrimSuffix(template, "/{payment_status}")
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if method != wantMethod || len(want) != len(got) {
		return nil, false
	}
	values := map[string]any{}
	for i := range want {
		if field, isField := strings.CutPrefix(want[i], "{"); isField {
			values[strings.TrimSuffix(field, "}")] = got[i]
		} else if want[i] != got[i] {
			return nil, false
		}
	}
	// /payments/prepare is no payment of the key "prepare".
	return values, values["imp_uid"] != "prepare"
}

func problemsOf(parameters []parameter, given map[string]map[string]any) []string {
	var problems []string
	known := map[string]bool{}
	for _, p := range parameters {
		known[p.In+" "+p.Name] = true
		value, found := given[p.In][p.Name]
		switch {
		case !found && p.Required:
			problems = append(problems, p.Name+" is missing")
		case found:
			problems = append(problems, p.problems(value)...)
		}
	}
	for in, values := range given {
		for name := range values {
			if !known[in+" "+name] {
				problems = append(problems, fmt.Sprintf("%s is not documented as a %s parameter", name, in))
			}
		}
	}
	return problems
}

func (p parameter) problems(value any) []string {
	text, isText := value.(string)
	n, isNumber := value.(float64)
	if isText && p.In == "query" && (p.Type == "integer" || p.Type == "number") {
		isNumber = json.Unmarshal([]byte(text), &n) == nil
	}
	if _, object := value.(map[string]any); object && p.Name == "bypass" {
		return nil // the guide's sample, against the list
	}
	fits := false
	switch p.Type {
	case "string":
		fits = isText
	case "number":
		fits = isNumber
	case "integer":
		fits = isNumber && n == float64(int64(n))
	case "boolean":
		_, fits = value.(bool)
		fits = fits || p.In == "query" && (text == "true" || text == "false")
	}
	switch {
	case !fits:
		return []string{p.Name + " is no " + p.Type}
	case p.MaxLength > 0 && utf8.RuneCountInString(text) > p.MaxLength:
		return []string{fmt.Sprintf("%s is longer than %d", p.Name, p.MaxLength)}
	case len(p.Enum) > 0 && !slices.Contains(p.Enum, text):
		return []string{p.Name + " is not one of those documented"}
	case isNumber && p.Maximum > 0 && (n < p.Minimum || n > p.Maximum):
		return []string{p.Name + " is out of range"}
	}
	return nil
}
