package world_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

const (
	corpusWorlds = 10
	corpusSize   = 1000 // hostile requests for each world
	// canary stands in every value that no log and no page may repeat as it is.
	canary = "<zq7>"
)

// corpusTally counts what became of the requests of all worlds.
type corpusTally struct {
	mu                                             sync.Mutex
	webhooks, returns                              int
	accepted, refused, trouble, asked, moved, held int
}

// TestHostileCorpus sends ten thousand generated webhooks and returns to both providers' doors, at records of every kind. No record may
// change unless the provider was asked and the ledger agrees with the change. A buyer's own return may hold an order back until the
// provider says what became of it; that takes and promises nothing and is counted by itself.
func TestHostileCorpus(t *testing.T) {
	t.Parallel()
	var tally corpusTally
	t.Run("worlds", func(t *testing.T) {
		for seed := range uint64(corpusWorlds) {
			t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) { newVillain(t, seed+1, &tally).attack() })
			})
		}
	})
	t.Logf("%d webhooks and %d returns: %d accepted, %d refused, %d trouble; %d made us ask a provider, %d changes a lookup confirmed, %d orders held back, 0 other changes",
		tally.webhooks, tally.returns, tally.accepted, tally.refused, tally.trouble, tally.asked, tally.moved, tally.held)
	if total := tally.webhooks + tally.returns; total != corpusWorlds*corpusSize {
		t.Errorf("%d requests", total)
	}
	if tally.webhooks < 1000 || tally.returns < 1000 || tally.accepted < 1000 || tally.refused < 1000 || tally.asked < 1000 || tally.moved == 0 {
		t.Error("the corpus does not do what it is for")
	}
	if tally.trouble > 0 {
		t.Errorf("%d answers of 5xx, and nothing was broken but the requests", tally.trouble)
	}
}

// villain knows every address, number and key of a town, and sends what fits nothing.
type villain struct {
	*town
	rng     *rand.Rand
	tally   *corpusTally
	orders  []string
	subs    []string
	links   map[string]string // link tokens by record
	keys    []string          // every payment key there is
	numbers []string
	issued  []string // billing keys the provider has
	before  map[string]string
}

func newVillain(t *testing.T, seed uint64, tally *corpusTally) *villain {
	t.Helper()
	v := &villain{town: newTown(t), rng: rand.New(rand.NewPCG(seed, 7)), tally: tally, links: map[string]string{}}
	link := func(s testbed.Sale) testbed.Sale {
		id, link := s.OrderID, s.CheckoutURL[strings.LastIndex(s.CheckoutURL, "/")+1:]
		if id == "" {
			id = s.SubscriptionID
			v.subs = append(v.subs, id)
		} else {
			v.orders = append(v.orders, id)
		}
		v.links[id] = link
		return s
	}
	key := func(address, name string) string {
		v.keys = append(v.keys, testbed.Parameter(address, name))
		return address
	}
	link(v.Order("toss", "toss-open", 96*time.Hour))
	key(v.Card(link(v.Order("toss", "toss-ready", 96*time.Hour)).Window, "approve"), "paymentKey")
	v.Get(key(v.Card(link(v.Order("toss", "toss-paid", 96*time.Hour)).Window, "approve"), "paymentKey"))
	v.Toss.DeclineNext("REJECT_CARD_PAYMENT")
	v.Get(key(v.Card(link(v.Order("toss", "toss-next", 96*time.Hour)).Window, "approve"), "paymentKey"))

	link(v.Order("portone", "port-open", 96*time.Hour))
	v.Get(key(v.TossPay(link(v.Order("portone", "port-paid", 96*time.Hour)), "approve"), "imp_uid"))
	back := key(v.TossPay(link(v.Order("portone", "port-back", 96*time.Hour)), "approve"), "imp_uid")
	v.Get(back)
	v.mail()
	if err := v.PortOne.ConsoleCancel(testbed.Parameter(back, "imp_uid"), 0); err != nil {
		t.Fatal(err)
	}
	v.mail()
	v.Get(key(v.TossPay(link(v.Order("portone", "port-next", 96*time.Hour)), "fail"), "imp_uid"))
	key(v.TossPay(link(v.Order("portone", "port-fail", 96*time.Hour)), "fail"), "imp_uid") // nobody has told us yet
	v.silence(3)
	key(v.TossPay(link(v.Order("portone", "port-took", 96*time.Hour)), "approve"), "imp_uid") // captured, and nobody has told us

	link(v.subscribe("subs-open"))
	key(v.TossPay(link(v.subscribe("subs-key")), "approve"), "imp_uid") // issued, and nobody has told us
	v.Get(key(v.TossPay(link(v.subscribe("subs-live")), "approve"), "imp_uid"))
	v.issued = []string{"subs-key--key1", "subs-live--key1"}
	for _, id := range v.orders {
		v.numbers = append(v.numbers, id, id+"--2", id+"--3")
	}
	for _, id := range v.subs {
		v.numbers = append(v.numbers, id, id+"--key1", id+"--key2", id+"--c1", id+"--key99999")
	}
	v.before = v.states()
	return v
}

// states is what every record says about money, attempts and keys; not when it was last asked about.
func (v *villain) states() map[string]string {
	v.T.Helper()
	ctx, cancel := context.WithTimeout(v.T.Context(), time.Hour)
	defer cancel()
	states := map[string]string{}
	for _, id := range v.orders {
		o, err := v.Store.Get(ctx, id)
		if err != nil {
			v.T.Fatal(err)
		}
		states[id] = fmt.Sprint(o.Status, o.Attempt, o.Amount, o.Capture.Key, o.Capture.Attempt, o.Capture.Balance, len(o.Reversals), o.Request, o.LinkToken, o.ExpiresAt)
	}
	for _, id := range v.subs {
		s, err := v.Store.GetSubscription(ctx, id)
		if err != nil {
			v.T.Fatal(err)
		}
		states[id] = fmt.Sprint(s.Status, s.Key.N, s.Key.IssuedAt, s.Key.Account, s.NextKey.N, s.Cycle, s.Plan, s.Request, s.LinkToken)
	}
	return states
}

func (v *villain) attack() {
	v.T.Helper()
	for i := range corpusSize {
		r, what := v.request()
		calls, moved := v.asked(), len(v.Ledger.Entries())
		a := v.Send(r)
		calls = v.asked() - calls
		v.count(r, a.Status, calls)
		if a.Status >= 500 {
			v.T.Errorf("request %d: %d to %s", i, a.Status, what)
		}
		if strings.Contains(a.Body, canary) {
			v.T.Errorf("request %d: the answer repeats it as it is: %s", i, what)
		}
		v.judge(what, calls, len(v.Ledger.Entries())-moved)
		if i%50 == 0 {
			time.Sleep(time.Duration(v.rng.IntN(3)) * time.Second)
		}
	}
	v.aftermath()
}

func (v *villain) count(r *http.Request, status, calls int) {
	c := v.tally
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/webhooks/") {
		c.webhooks++
	} else {
		c.returns++
	}
	switch {
	case status >= 500:
		c.trouble++
	case status >= 300:
		c.refused++
	default:
		c.accepted++
	}
	if calls > 0 {
		c.asked++
	}
}

// judge compares every record that changed with the simulators' truth.
func (v *villain) judge(what string, calls, movements int) {
	v.T.Helper()
	after := v.states()
	for id, was := range v.before {
		if after[id] == was {
			continue
		}
		if problem := v.wrong(id); problem != "" {
			v.T.Errorf("%s changed without reason, %s: %s -> %s by %s", id, problem, was, after[id], what)
		} else if calls == 0 {
			v.T.Errorf("%s changed and nobody was asked: %s -> %s by %s", id, was, after[id], what)
		}
		v.tally.mu.Lock()
		if strings.HasPrefix(after[id], string(order.Processing)) {
			v.tally.held++
		} else {
			v.tally.moved++
		}
		v.tally.mu.Unlock()
	}
	v.before = after
	if cancels := slices.DeleteFunc(v.Ledger.Entries(), func(e ledger.Entry) bool { return e.Kind != ledger.Cancel }); len(cancels) != 1 {
		v.T.Fatalf("%d movements, cancels %+v, by %s", movements, cancels, what)
	}
}

// wrong says what a record claims that the simulators do not confirm.
func (v *villain) wrong(id string) string {
	ctx, cancel := context.WithTimeout(v.T.Context(), time.Hour)
	defer cancel()
	if slices.Contains(v.subs, id) {
		s, _ := v.Store.GetSubscription(ctx, id)
		if !s.Key.IssuedAt.IsZero() && !slices.Contains(v.issued, s.KeyName(s.Key.N)) {
			return "it has a key that was never issued"
		}
		if s.Status == subscription.Active && s.Key.IssuedAt.IsZero() || s.Status == subscription.Canceled {
			return "it is " + string(s.Status)
		}
		if slices.Contains(v.issued, s.KeyName(s.Key.N-1)) && s.Key.IssuedAt.IsZero() {
			return "it gave up a key that was issued"
		}
		return ""
	}
	o, _ := v.Store.Get(ctx, id)
	var taken, back int64
	for _, e := range v.Ledger.Entries() {
		n, err := order.ParseNumber(e.OrderID)
		if err != nil || n.OrderID() != id {
			continue
		}
		if e.Kind == ledger.Capture {
			taken += e.Amount
			if o.Attempt > n.Attempt && o.Status != order.Paid && o.Status != order.Refunded {
				return "it went on to the next attempt after money was taken"
			}
		} else {
			back += e.Amount
		}
	}
	switch o.Status {
	case order.Paid, order.Refunded:
		if taken != price || o.Capture.Balance != taken-back || (o.Status == order.Refunded) != (back == taken) {
			return fmt.Sprintf("it is %s with a balance of %d; taken %d, given back %d", o.Status, o.Capture.Balance, taken, back)
		}
	case order.Review:
		return "it is in review"
	case order.Expired, order.Failed:
		if taken > 0 {
			return "it was closed after money was taken"
		}
	}
	if len(o.Reversals) > 0 {
		return "it owes money back"
	}
	return ""
}

// aftermath: the schedule goes on, and every record ends where the ledger says; the log is readable and repeats nothing.
func (v *villain) aftermath() {
	v.T.Helper()
	for _, id := range v.orders {
		end := v.end(id)
		taken, _ := v.Moved(id)
		if problem := v.wrong(id); problem != "" || (len(taken) > 0) != (end.Status == order.Paid || end.Status == order.Refunded) {
			v.T.Errorf("%s ends %s with %d captures: %s; history %v", id, end.Status, len(taken), problem, end.History)
		}
	}
	for range 10 {
		for _, id := range v.subs {
			if s := v.readSubscription(id); s.Status == "enrolling" {
				time.Sleep(time.Until(s.DueAt))
				v.advanceSubscription(id)
			}
		}
	}
	for id, want := range map[string]subscription.Status{"subs-key": subscription.Active, "subs-live": subscription.Active, "subs-open": subscription.Canceled} {
		v.wantSubscription("aftermath", id, want)
	}
	v.wantLawful()
	for line := range strings.Lines(v.Log.String()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, canary) {
			v.T.Errorf("a line of the log: %s", line)
		}
	}
}

func (v *villain) pick(choices ...string) string { return choices[v.rng.IntN(len(choices))] }

func (v *villain) chance(percent int) bool { return v.rng.IntN(100) < percent }

// garbage is a value that no field has.
func (v *villain) garbage() string {
	return v.pick("", " ", canary, "../../"+canary, "..%2f..%2fusers%2fgetToken", "/v1/payments/"+canary, "%00", "\x00"+canary, "\r\nSet-Cookie: "+canary,
		"{\"event\":\"money.transition\"}\n"+canary, "가나다"+canary, "\u202e\u2028"+canary, "\xff\xfe", "null", "true", "-1", "0", "1e9", "NaN",
		"0x3a98", "15000 ", "１５０００", strings.Repeat("9", 300), strings.Repeat("a--", 2000), strings.Repeat("가", 5000), canary+strings.Repeat("x", 20000),
		"' OR 1=1 --", "${jndi:ldap://x}", "{{.}}", "<script>"+canary)
}

func (v *villain) number() string {
	switch v.rng.IntN(10) {
	case 0:
		return v.garbage()
	case 1:
		return fmt.Sprintf("order-%d", v.rng.IntN(1_000_000))
	case 2:
		return v.pick(v.numbers...) + v.pick("--2", "--0", "--01", " ", "\n", "/", "--20", "é", "--key1", "--c1")
	}
	return v.pick(v.numbers...)
}

func (v *villain) key() string {
	switch v.rng.IntN(8) {
	case 0:
		return v.garbage()
	case 1:
		return fmt.Sprintf("imp_%012d", v.rng.IntN(1_000_000))
	case 2:
		return v.pick(v.keys...) + v.pick("0", "/cancel", "?include_sandbox=true", "%2e%2e", "\t")
	}
	return v.pick(v.keys...)
}

func (v *villain) status() string {
	if v.chance(15) {
		return v.garbage()
	}
	return v.pick("paid", "failed", "cancelled", "ready", "DONE", "ABORTED", "EXPIRED", "CANCELED", "PARTIAL_CANCELED", "IN_PROGRESS", "WAITING_FOR_DEPOSIT", "refunded")
}

func (v *villain) amount() string {
	return v.pick("15000", "14999", "15001", "1", "0", "-15000", "15000.0", "15000.5", "1500000000000000000000", "015000", "+15000", v.garbage())
}

// request is one hostile request and what it was, for the failure's text.
func (v *villain) request() (*http.Request, string) {
	if v.chance(55) {
		return v.webhook()
	}
	return v.returning()
}

func (v *villain) webhook() (*http.Request, string) {
	provider, token := v.pick("toss", "portone"), world.WebhookToken
	if v.chance(8) {
		token = v.pick("x", token+"x", strings.ToUpper(token), token[:5], "%2e%2e", url.PathEscape(canary))
	}
	media := v.pick(testbed.JSON, testbed.JSON, testbed.JSON, testbed.Form, testbed.Form+"; charset=utf-8", testbed.JSON+"; charset=UTF-8", "", "text/plain", "multipart/form-data; boundary=x", canary)
	body := v.body(provider, strings.HasPrefix(media, testbed.Form) != v.chance(10))
	if v.chance(10) {
		raw := []byte(body)
		for range 1 + v.rng.IntN(4) {
			if len(raw) > 0 {
				raw[v.rng.IntN(len(raw))] = byte(v.rng.Uint32())
			}
		}
		body = string(raw)
	}
	if v.chance(3) {
		body += strings.Repeat(" ", v.pick2(64<<10-len(body), 64<<10, 1<<20))
	}
	r := testbed.Request(http.MethodPost, "/webhooks/"+provider+"/"+token, media, body)
	return r, fmt.Sprintf("webhook of %s as %q: %.300q", provider, media, body)
}

func (v *villain) pick2(sizes ...int) int { return max(0, sizes[v.rng.IntN(len(sizes))]) }

// body is a webhook's: of the provider or, now and then, of the other one.
func (v *villain) body(provider string, form bool) string {
	key, number, status := v.key(), v.number(), v.status()
	if form {
		q := url.Values{"imp_uid": {key}, "merchant_uid": {number}, "status": {status}, "paymentKey": {key}, "orderId": {number}, "amount": {v.amount()}}
		if v.chance(10) {
			q.Add("merchant_uid", v.number())
		}
		return q.Encode()
	}
	portone := map[string]any{"imp_uid": key, "merchant_uid": number, "status": status}
	toss := map[string]any{"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-01-02T14:46:59.65327", "data": map[string]any{
		"paymentKey": key, "orderId": number, "status": status, "totalAmount": v.amount(), "secret": canary,
	}}
	shapes := []map[string]any{toss, toss, {"createdAt": "x", "secret": canary, "status": status, "transactionKey": key, "orderId": number},
		{"eventType": "CANCEL_STATUS_CHANGED", "data": map[string]any{"cancelStatus": status, "transactionKey": key}},
		{"eventType": "BILLING_DELETED", "data": map[string]any{"billingKey": key}}, {"eventType": v.garbage(), "data": []any{number}}}
	body := shapes[v.rng.IntN(len(shapes))]
	if provider == "portone" != v.chance(8) {
		body = portone
	}
	if v.chance(12) { // a value of another kind
		for name := range body {
			body[name] = []any{nil, 5, 1e300, true, []any{number}, map[string]any{"x": number}}[v.rng.IntN(6)]
			break
		}
	}
	if v.chance(15) {
		body["amount"], body[canary], body["imp_success"] = v.amount(), v.garbage(), true
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	if v.chance(5) { // the same name twice
		return strings.Replace(string(text), "{", fmt.Sprintf(`{"merchant_uid":%q,"orderId":%q,`, v.pick(v.numbers...), v.pick(v.numbers...)), 1)
	}
	return v.pick(string(text), string(text), string(text), string(text)+"\n", "["+string(text)+"]", string(text)[:len(text)/2])
}

func (v *villain) returning() (*http.Request, string) {
	id := v.pick(append(slices.Clone(v.orders), "subs-open--key1", "subs-key--key1", "subs-live--key1", "subs-open--key2", "order-77", "subs-open")...)
	record, _, _ := strings.Cut(id, "--")
	token := v.links[record]
	if v.chance(25) || token == "" {
		token = v.pick("wrong", v.links[v.pick(v.orders...)], strings.ToLower(token)+"x", "%2e%2e", url.PathEscape(canary))
	}
	if v.chance(8) {
		id = url.PathEscape(v.number())
	}
	path := v.pick("/confirm/toss/"+id+"/"+token, "/confirm/portone/"+id+"/"+token)
	if strings.HasPrefix(id, "toss") && v.chance(80) {
		path = "/confirm/toss/" + id + "/" + token + v.pick("", "", "", "/fail")
	} else if v.chance(80) {
		path = "/confirm/portone/" + id + "/" + token
	}
	q := url.Values{}
	for _, name := range []string{"paymentKey", "orderId", "amount", "imp_uid", "merchant_uid", "imp_success", "success", "error_code", "error_msg", "code", "message", "lang"} {
		if v.chance(45) || strings.Contains(path, "/toss/") && slices.Contains([]string{"paymentKey", "orderId", "amount"}, name) && v.chance(85) {
			q.Set(name, v.value(name, id))
		}
		if v.chance(1) {
			q.Add(name, v.value(name, id))
		}
	}
	raw := q.Encode()
	if v.chance(3) {
		raw += v.pick("&%zz", ";x=1", "&&&", "&=", "&a[]=1")
	}
	r := httptest.NewRequest(http.MethodGet, base+"/", nil)
	r.URL.RawPath, r.URL.RawQuery = path, raw
	r.URL.Path, _ = url.PathUnescape(path)
	r.RequestURI = path + "?" + raw
	return r, fmt.Sprintf("return %.120q?%.400q", path, raw)
}

// value is one of a return's parameters: often what the record's own would be, off by something.
func (v *villain) value(name, id string) string {
	switch name {
	case "paymentKey", "imp_uid":
		return v.key()
	case "orderId", "merchant_uid":
		if v.chance(60) {
			return v.pick(id, id, id+"--2")
		}
		return v.number()
	case "amount":
		return v.amount()
	case "imp_success", "success":
		return v.pick("true", "true", "false", v.garbage())
	case "error_code", "code":
		return v.pick("F1002", "PAY_PROCESS_CANCELED", "REJECT_CARD_COMPANY", canary, v.garbage())
	case "lang":
		return v.pick("ko", "xx", canary)
	}
	return v.garbage()
}
