package web

import (
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"testing"
)

// pageReport is what a run of the payment page's script did: calls of the provider's functions and
// navigations, in order, and what the buyer sees afterwards.
type pageReport struct {
	Calls       [][]any `json:"calls"`
	Status      string  `json:"status"`
	PayDisabled bool    `json:"payDisabled"`
	CheckHidden bool    `json:"checkHidden"`
}

// runScript runs a page's own script as it is served, in testdata/browser.js instead of a browser. The
// scenario defines the provider's script, which arrives when it calls scripts[0].onload.
func runScript(t *testing.T, view CheckoutView, scenario string) (report pageReport) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node runs the page's script, and is not installed")
	}
	browser, err := os.ReadFile("testdata/browser.js")
	if err != nil {
		t.Fatal(err)
	}
	page := Checkout(view)
	_, data := readData(t, page)
	provider, _ := providerFor(view.Provider)
	hasCheck := "false"
	if contains(page, `id="check"`) {
		hasCheck = "true"
	}
	program := "const data = " + data + "; const hasCheck = " + hasCheck + ";\n" + string(browser) + checkoutScript(provider) +
		"(async () => {\n" + scenario + "\nawait settled(); report();\n})();"
	out, err := exec.CommandContext(t.Context(), node, "-e", program).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return report
}

// portoneScript is a provider's script that answers with what is put into its place.
const portoneScript = `
let answer = null;
window.IMP = {
  init: (code) => { calls.push(["init", code]); },
  request_pay: (window, callback) => { calls.push(["request_pay", window]); answer = callback; },
};
scripts[0].onload();
`

const back = "https://pay.example/confirm/portone/o-123456/token?lang=en"

// The popup's answer must become the very address that the redirect of a phone has.
func TestPortoneScript(t *testing.T) {
	t.Parallel()
	var window any
	if err := json.Unmarshal(portoneView().WindowJSON, &window); err != nil {
		t.Fatal(err)
	}
	opened := [][]any{{"init", "imp00000000"}, {"request_pay", window}}
	text := english.Checkout
	tests := map[string]struct {
		scenario string
		want     pageReport
	}{
		"not pressed": {"", pageReport{CheckHidden: true, Calls: [][]any{}}},
		"opened":      {`elements.pay.listeners.click();`, pageReport{Calls: opened, Status: text.Opening, PayDisabled: true}},
		"pressed twice": {`elements.pay.listeners.click(); elements.pay.listeners.click(); await settled(); elements.pay.listeners.click();`,
			pageReport{Calls: opened, Status: text.Opening, PayDisabled: true}},
		"opened within the click": {`elements.pay.listeners.click(); calls.push(["click ended"]);`,
			pageReport{Calls: append(opened[:2:2], []any{"click ended"}), Status: text.Opening, PayDisabled: true}},
		"old answer": {`elements.pay.listeners.click();
			answer({ success: true, imp_success: true, imp_uid: "imp_1", merchant_uid: "o-123456", paid_amount: 1, status: "paid", pay_method: "tosspay" });`,
			pageReport{Calls: append(opened[:2:2], []any{"assign", back + "&imp_uid=imp_1&merchant_uid=o-123456"}), Status: text.Opening, PayDisabled: true}},
		"refused": {`elements.pay.listeners.click();
			answer({ success: false, imp_uid: null, merchant_uid: "o-123456", error_code: "F1002", error_msg: "이미 <b>&x=1#" });`,
			pageReport{Calls: append(opened[:2:2], []any{"assign", back + "&merchant_uid=o-123456&error_code=F1002&error_msg=%EC%9D%B4%EB%AF%B8+%3Cb%3E%26x%3D1%23"}), Status: text.Opening, PayDisabled: true}},
		"another number": {`elements.pay.listeners.click(); answer({ imp_uid: "imp_1", merchant_uid: "o-other" });`,
			pageReport{Calls: append(opened[:2:2], []any{"assign", back + "&imp_uid=imp_1&merchant_uid=o-other"}), Status: text.Opening, PayDisabled: true}},
		"empty answer": {`elements.pay.listeners.click(); answer();`,
			pageReport{Calls: append(opened[:2:2], []any{"assign", back + "&merchant_uid=o-123456"}), Status: text.Opening, PayDisabled: true}},
		"init throws": {`window.IMP.init = () => { throw new Error("<b>"); }; elements.pay.listeners.click();`,
			pageReport{Calls: [][]any{}, Status: text.ShopProblem, CheckHidden: true}},
		"window throws": {`window.IMP.request_pay = () => { throw new Error("<b>"); }; elements.pay.listeners.click();`,
			pageReport{Calls: opened[:1], Status: text.NotOpened, CheckHidden: true}},
		"window throws once": {`const open = window.IMP.request_pay; window.IMP.request_pay = () => { throw new Error("<b>"); };
			elements.pay.listeners.click(); await settled(); window.IMP.request_pay = open; elements.pay.listeners.click();`,
			pageReport{Calls: opened, Status: text.Opening, PayDisabled: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := runScript(t, portoneView(), portoneScript+test.scenario); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestScriptThatDoesNotCome(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]CheckoutView{"toss": checkoutView(), "portone": portoneView()} {
		got := runScript(t, view, `scripts[0].onerror();`)
		if got.Status != english.Checkout.LoadFailed || !got.PayDisabled || !got.CheckHidden || len(got.Calls) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTossScript(t *testing.T) {
	t.Parallel()
	const script = `
window.TossPayments = (key) => ({ payment: (who) => ({ requestPayment: (window) => { calls.push([key, who.customerKey, window]); return outcome; } }) });
window.TossPayments.ANONYMOUS = "ANONYMOUS";
let outcome = Promise.resolve();
scripts[0].onload();
`
	var window any
	if err := json.Unmarshal(checkoutView().WindowJSON, &window); err != nil {
		t.Fatal(err)
	}
	opened := [][]any{{"test_ck_docs", "customer-1", window}}
	got := runScript(t, checkoutView(), script+`elements.pay.listeners.click();`)
	if want := (pageReport{Calls: opened, Status: english.Checkout.Opening, PayDisabled: true, CheckHidden: true}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got = runScript(t, checkoutView(), script+`outcome = Promise.reject({ code: "USER_CANCEL", message: "<b>" }); elements.pay.listeners.click();`)
	if want := (pageReport{Calls: opened, Status: english.Checkout.Closed, CheckHidden: true}); !reflect.DeepEqual(got, want) {
		t.Errorf("closed: got  %+v\nwant %+v", got, want)
	}
}
