package portonesim_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"tosspay-sam/sim/portonesim"
)

func TestScriptsAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	for path, word := range map[string]string{"/v1/iamport.js": "window.IMP =", "/window.js": "postMessage"} {
		got := w.call("GET", path, "")
		if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/javascript") || !strings.Contains(got.raw, word) {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
	page := w.submit(windowForm("mode", "popup", "origin", "https://shop.example"))
	if !strings.Contains(page.raw, `<script src="window.js">`) || !strings.Contains(page.raw, `data-origin="https://shop.example"`) ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("the page that posts the result: %v %v", page, page.header)
	}
	_, fields := w.open("merchant_uid", "order-0002")
	if len(fields) == 0 {
		t.Error("no fields")
	}
	w.wantViolations()
}

// browser is what the scripts use of one; events come from the test.
const browser = `
const calls = [], listeners = [];
globalThis.window = {
  innerWidth: 1200, to: null, opened: null,
  location: {origin: 'http://127.0.0.1:3000', assign(to) { window.to = to }},
  open(to) { window.opened = to; return window.blocked ? null : window.child },
  child: {},
  addEventListener(type, f) { listeners.push(f) },
  removeEventListener(type, f) { listeners.splice(listeners.indexOf(f), 1) },
};
Object.defineProperty(globalThis, 'navigator', {value: {userAgent: 'Mozilla/5.0 (X11; Linux x86_64)'}, writable: true});
globalThis.document = {currentScript: {src: 'http://127.0.0.1:3000/sim/portone/v1/iamport.js?v=1'}};
const post = (data, more) => listeners.slice().forEach((f) => f({source: window.child, origin: 'http://127.0.0.1:3000', data, ...more}));
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
`

// run runs a program in Node after the browser and the script.
func (w *world) run(program string) []string {
	w.t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		w.t.Skip("node is not installed: what the script does is NOT checked here")
	}
	cmd := exec.CommandContext(w.t.Context(), node, "-")
	cmd.Stdin = strings.NewReader(browser + w.call("GET", "/v1/iamport.js", "").raw + "(async () => {" + program + "})();")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("node: %v\n%s", err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

const goodParams = `
const IMP = window.IMP;
const good = {pg: 'tosspay_v2.tosssimulator', pay_method: 'tosspay', merchant_uid: 'order-0001', name: '티셔츠 & more', amount: 9900,
  buyer_email: 'a@example.com', m_redirect_url: 'http://127.0.0.1:3000/back?a=1', notice_url: ['https://a.example/1', 'https://b.example/2'],
  card: {useInstallment: false}, bypass: {tosspay_v2: {cashReceiptTradeOption: 'CULTURE'}}, custom_data: {a: 1}, language: 'en'};
const issue = {...good, customer_uid: 'sub--key1', customer_id: 'matthew', amount: undefined};
`

func TestScriptChecksItsParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	got := w.run(goodParams + `
try { IMP.request_pay(good) } catch (e) { console.log(e.message) }
try { IMP.init() } catch (e) { console.log(e.message) }
IMP.init('imp00000000');
const bad = [
  {amount: '9900'}, {amount: 0}, {amount: 1.5}, {amount: NaN}, {amount: null}, {merchant_uid: 1}, {merchant_uid: 'x'.repeat(41)}, {merchant_uid: ''},
  {name: '가'.repeat(41)}, {pay_method: 'card'}, {pg: undefined}, {card: {useInstallment: 'no'}}, {popup: 'no'}, {escrow: true}, {notice_url: {}}, {confirm_url: 5},
].map((change) => ({...good, ...change})).concat([
  {...issue, customer_id: undefined}, {...issue, customer_id: 'x'.repeat(51)}, {...issue, m_redirect_url: null}, {...issue, pay_method: 'tosspay_card'}, {...issue, amount: -1},
]);
for (const params of bad) {
  await new Promise((resolve) => IMP.request_pay(params, (rsp) => {
    console.log(rsp.imp_uid, rsp.merchant_uid === params.merchant_uid, rsp.error_code, rsp.error_msg);
    resolve();
  }));
}
console.log(window.to, window.opened, listeners.length);`)
	want := []string{"call IMP.init first", "IMP.init needs the user code"}
	for _, says := range []string{
		"amount must be a number", "amount must be a whole number above 0", "amount must be a whole number above 0", "amount must be a whole number above 0", "amount is required",
		"merchant_uid must be a string", "merchant_uid is longer than 40 characters", "merchant_uid is required",
		"name is longer than 40 characters", "pay_method must be tosspay, tosspay_card, tosspay_money", "channelKey or pg is required",
		"card.useInstallment must be a boolean", "popup must be a boolean", "escrow is not known", "notice_url must be a string or list", "confirm_url must be a string",
		"customer_id is required", "customer_id is longer than 50 characters", "m_redirect_url is required", "pay_method must be tosspay", "amount must be a whole number above 0",
	} {
		want = append(want, "null true INVALID_PARAMETER "+says)
	}
	want = append(want, "null null 0")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("script said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestScriptOpensAPopupOnAPC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	got := w.run(goodParams + `
IMP.agency('imp00000000', 'A01');
IMP.request_pay(good, (rsp) => calls.push(rsp));
console.log(window.opened);
post({type: 'portone-simulator', result: {imp_uid: 'forged'}}, {source: {}});
post({type: 'portone-simulator', result: {imp_uid: 'forged'}}, {origin: 'https://evil.example'});
post({type: 'other', result: {imp_uid: 'forged'}});
post(null);
await settled();
console.log(calls.length, listeners.length);
post({type: 'portone-simulator', result: {imp_uid: 'imp_1', merchant_uid: 'order-0001'}});
post({type: 'portone-simulator', result: {imp_uid: 'imp_2', merchant_uid: 'order-0001'}});
await settled();
console.log(JSON.stringify(calls), listeners.length, window.to);
window.blocked = true;
IMP.request_pay(good, (rsp) => console.log(rsp.error_code));
await settled();`)
	if len(got) != 4 || got[1] != "0 1" || got[2] != `[{"imp_uid":"imp_1","merchant_uid":"order-0001"}] 0 null` || got[3] != "POPUP_BLOCKED" {
		t.Fatalf("script said %q", got)
	}
	w.wantOpens(got[0], "popup")
}

func TestScriptRedirectsOnAPhone(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]string{
		"phone":  `navigator.userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)'; IMP.request_pay(good);`,
		"narrow": `window.innerWidth = 599; IMP.request_pay(good);`,
		"wanted": `IMP.request_pay({...good, popup: false});`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			got := w.run(goodParams + "IMP.init('imp00000000');" + program + `
console.log(window.to);
console.log(window.opened);
window.to = null;
IMP.request_pay({...good, popup: false, m_redirect_url: undefined}, (rsp) => console.log(rsp.error_msg, window.to));
await settled();`)
			if len(got) != 3 || got[1] != "null" || got[2] != "m_redirect_url is required on a phone null" {
				t.Fatalf("script said %q", got)
			}
			w.wantOpens(got[0], "redirect")
		})
	}
}

// wantOpens opens the address that the script led to, pays, and checks that
// everything arrived.
func (w *world) wantOpens(address, mode string) {
	w.t.Helper()
	to, err := url.Parse(address)
	if err != nil || to.Path != "/sim/portone/window" || to.Query().Get("mode") != mode {
		w.t.Fatalf("opened %q, %v", address, err)
	}
	page := w.call("GET", "/window?"+to.RawQuery, "")
	if page.status != 200 || !strings.Contains(page.raw, "티셔츠 &amp; more") || !strings.Contains(page.raw, `lang="en"`) {
		w.t.Fatalf("window: %v", page)
	}
	v := to.Query()
	v.Set("outcome", "approve")
	w.submit(v)
	w.wantFields("payment", w.call("GET", "/payments/find/order-0001/paid", ""), "amount", "9900", "buyer_email", "a@example.com",
		"name", "티셔츠 & more", "custom_data", `{"a":1}`)
	if got := w.webhooks(); len(got) != 2 || !strings.HasPrefix(got[1], "https://b.example/2 ") {
		w.t.Errorf("webhooks %q", got)
	}
	w.wantViolations()
}

func TestScriptOfTheResultPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	source := w.call("GET", "/window.js", "").raw
	got := w.run(`
for (const data of [{result: '{"imp_uid":"imp_1"}', origin: 'https://shop.example'}, {result: '{"imp_uid":"imp_1"}', origin: ''}, {result: '', origin: ''}]) {
  window.opener = {postMessage(data, origin) { console.log(JSON.stringify(data), origin) }};
  window.close = () => console.log('closed');
  document.body = {dataset: data};
` + source + `
}
window.opener = null;
` + source)
	const message = `{"type":"portone-simulator","result":{"imp_uid":"imp_1"}}`
	want := []string{message + " https://shop.example", "closed", message + " *", "closed", "closed", "closed"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("script said %q, want %q", got, want)
	}
}
