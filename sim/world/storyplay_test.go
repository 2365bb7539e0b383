package world_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// play is a story while it is played. It sees what a merchant, a buyer and an auditor see: the routes, the pages, the
// providers' windows and the simulators' ledger.
type play struct {
	*story
	x        *outside // the deployment that serves now
	first    *outside // the one that the providers' webhooks reach
	checkout string   // address of the payment page
	tabs     map[string]*tab
	page     string         // title of the page that the buyer saw last
	answer   testbed.Answer // of the private API, the last one
}

// tab is one in which the buyer has opened the provider's window.
type tab struct {
	window  testbed.Window
	session string // PortOne's imp_uid
	back    string // where the provider sends the buyer
}

// play plays it. A line that fails is told with its place; a line that cannot be carried out ends the story.
func (s story) play(t *testing.T, fail func(format string, args ...any)) {
	t.Helper()
	x := newOutside(t, s.world...)
	p := &play{story: &s, x: x, first: x, tabs: map[string]*tab{}}
	began, at := x.Now(), ""
	defer func() {
		if at != "" { // an address did not answer as it must, and the test is over
			t.Errorf("%s: the story ended here", at)
		}
	}()
	for _, l := range s.steps {
		at = l.at
		err := l.do(p)
		t.Logf("%9s  %-60s %s", x.Now().Sub(began).Round(time.Second), l.text, p.glance())
		if err != nil {
			fail("%s: %s: %v", l.at, l.text, err)
		}
		at = ""
		if err != nil && !strings.HasPrefix(l.text, "expect ") {
			return
		}
	}
	if err := p.balanced(); err != nil {
		fail("%s: at the end: %v", s.file, err)
	}
}

// glance is what is seen from outside after a line.
func (p *play) glance() string {
	if p.checkout == "" {
		return ""
	}
	captures, kept := p.first.money(storyOrder)
	return fmt.Sprintf("%s, %d captures, %d kept", p.x.ReadOrder(storyOrder).Status, captures, kept)
}

const storyOrder = "order-1"

func (p *play) order() testbed.Sale { p.x.T.Helper(); return p.x.ReadOrder(storyOrder) }

// balanced compares the simulators' ledger with all payments that the order shows: no story ends with money that nobody
// has recorded.
func (p *play) balanced() error {
	recorded := int64(0)
	for _, payment := range p.order().Payments {
		recorded += payment.Balance
	}
	if _, kept := p.first.money(storyOrder); kept != recorded {
		return fmt.Errorf("the provider keeps %d won, and the order shows payments of %d", kept, recorded)
	}
	return nil
}

// storyWorlds are what a provider and a deployment may be like.
var storyWorlds = []word{
	{"provider PROVIDER", func(p *play, given []string) error { p.provider = given[0]; return nil }},
	{"partial refunds on", option(func(o *world.Options) { o.Toss.PartialCancelable = true })},
	// A cancel so soon after another one of the same payment is FORBIDDEN_CONSECUTIVE_REQUEST.
	{"cancels are DURATION apart", func(p *play, given []string) error {
		apart, err := world.ParseDuration(given[0])
		p.world = append(p.world, func(o *world.Options) { o.Toss.CancelPause = apart })
		return err
	}},
	// PortOne: more is over the shop's limit of the day, for which a refund has to wait.
	{"refunds of at most AMOUNT", func(p *play, given []string) error {
		most, err := strconv.ParseInt(given[0], 10, 64)
		p.world = append(p.world, func(o *world.Options) { o.PortOne.RefundMax = most })
		return err
	}},
	// What PortOne does not rule out: two windows of one number both capture.
	{"two windows capture", option(func(o *world.Options) { o.PortOne.TwoWindowsCapture = true })},
	// PortOne's second lock, the registered amount, is open.
	{"registered amounts are not checked", option(func(o *world.Options) { o.PortOne.IgnorePrepare = true })},
	// Parameter PortOneConfirmGate: PortOne asks before a window captures.
	{"confirm gate on", option(func(o *world.Options) { o.ConfirmGate = true })},
	// Parameter LateMoney.
	{"late payments are kept", option(func(o *world.Options) { o.KeepLate = true })},
}

func option(edit func(*world.Options)) func(*play, []string) error {
	return func(p *play, _ []string) error { p.world = append(p.world, edit); return nil }
}

// storyWords are what may happen, and what may be expected.
var storyWords = []word{
	// The merchant.
	{"order AMOUNT payable for DURATION", (*play).create},
	{"refund ID of AMOUNT", func(p *play, given []string) error {
		return p.asks("refunds", fmt.Sprintf(`{"refundId":%q,"amount":%s}`, given[0], given[1]))
	}},
	{"refund ID of all", func(p *play, given []string) error {
		return p.asks("refunds", fmt.Sprintf(`{"refundId":%q}`, given[0]))
	}},
	{"resolve keep TAB because TEXT", func(p *play, given []string) error { return p.resolve("keep", given) }},
	{"resolve give-back TAB because TEXT", func(p *play, given []string) error { return p.resolve("give-back", given) }},
	{"console refunds AMOUNT", func(p *play, given []string) error {
		return p.controls(p.first, "/sim/refund", fmt.Sprintf(`{"orderId":%q,"amount":%s}`, storyOrder, given[0]))
	}},
	{"keys are those of another account", func(p *play, _ []string) error { p.x = p.first.behind(otherKeys); return nil }},
	{"keys are the first ones again", func(p *play, _ []string) error { p.x = p.first; return nil }},

	// The buyer. A tab opens the payment page and the provider's window.
	{"open TAB", (*play).open},
	{"AMOUNT windows are left open", func(p *play, given []string) error { return p.many(given[0], false) }},
	{"AMOUNT windows are declined", func(p *play, given []string) error { return p.many(given[0], true) }},
	{"approve TAB", func(p *play, given []string) error { return p.press(given[0], "approve", "") }},
	{"approve TAB for AMOUNT", func(p *play, given []string) error { return p.press(given[0], "approve", given[1]) }},
	{"decline TAB", func(p *play, given []string) error { return p.decline(given[0]) }},
	{"cancel TAB", func(p *play, given []string) error { return p.press(given[0], "cancel", "") }},
	{"PortOne captures TAB after all", (*play).late},
	{"return TAB", func(p *play, given []string) error { return p.comesBack(given[0], nil) }},
	{"return TAB and the function dies after the capture", (*play).dies},

	// Time, the schedule and the provider.
	{"wait DURATION", func(p *play, given []string) error { p.x.Pass(given[0]); return nil }},
	{"the schedule comes round", func(p *play, _ []string) error {
		return p.controls(p.x, "/sim/advance", fmt.Sprintf(`{"orderId":%q}`, storyOrder))
	}},
	{"provider is down", func(p *play, _ []string) error { return p.fails(fault.Any, fault.RefuseConnection, "1000") }},
	{"provider is back", func(p *play, _ []string) error { return p.fails(fault.Any, fault.None, "1") }},
	{"lookups are down", func(p *play, _ []string) error { return p.failsEach("lookup", fault.InternalError, "1000") }},
	{"lookups are back", func(p *play, _ []string) error { return p.failsEach("lookup", fault.None, "1") }},
	{"lookups lag DURATION", func(p *play, given []string) error { return p.lags(`,"lookups":"` + given[0] + `"`) }},
	{"lists lag DURATION", func(p *play, given []string) error { return p.lags(`,"lists":"` + given[0] + `"`) }},
	{"lookups are up to date", func(p *play, _ []string) error { return p.lags("") }},
	{"answer to REQUEST is lost", func(p *play, given []string) error {
		return p.failsEach(given[0], fault.LoseReply, "1")
	}},
	{"answer to REQUEST is lost AMOUNT times", func(p *play, given []string) error {
		return p.failsEach(given[0], fault.LoseReply, given[1])
	}},
	{"confirm is refused with CODE", func(p *play, given []string) error {
		if p.provider != "toss" {
			return fmt.Errorf("only Toss Payments is asked to confirm")
		}
		p.first.refuses(given[0])
		return nil
	}},
	{"webhook is lost", func(p *play, _ []string) error { return p.webhook(`"fault":"refuse-connection"`) }},
	{"webhook comes twice", func(p *play, _ []string) error { return p.webhook(`"fault":"lose-reply"`) }},
	{"webhook comes late by DURATION", func(p *play, given []string) error {
		return p.webhook(fmt.Sprintf(`"fault":"delay","delay":%q`, given[0]))
	}},
	{"last webhook comes again", (*play).replay},

	// What is seen from outside.
	{"expect status STATUS", func(p *play, given []string) error {
		return same("the order is", string(p.order().Status), given[0])
	}},
	{"expect attempt COUNT", func(p *play, given []string) error {
		return same("the attempt is", strconv.Itoa(p.order().Attempt), given[0])
	}},
	{"expect recorded COUNT", func(p *play, given []string) error {
		o, balance := p.order(), int64(0)
		if o.Payment != nil {
			balance = o.Payment.Balance
		}
		return same("the order's payment holds", strconv.FormatInt(balance, 10), given[0])
	}},
	{"expect captures COUNT", func(p *play, given []string) error {
		captures, _ := p.first.money(storyOrder)
		return same("captures:", strconv.Itoa(captures), given[0])
	}},
	{"expect kept COUNT", func(p *play, given []string) error {
		_, kept := p.first.money(storyOrder)
		return same("the provider keeps", strconv.FormatInt(kept, 10), given[0])
	}},
	{"expect payment TAB ROLE", (*play).role},
	{"expect refund ID OUTCOME of AMOUNT", (*play).refunded},
	{"expect answer COUNT", func(p *play, given []string) error {
		return same("the API answered", strconv.Itoa(p.answer.Status), given[0])
	}},
	{"expect answer COUNT CODE TEXT", (*play).answered},
	{"expect page TEXT", func(p *play, given []string) error { return same("the page says", p.page, given[0]) }},
	{"expect payment page TEXT", func(p *play, given []string) error {
		return same("the payment page says", html.UnescapeString(p.x.Get(p.checkout).Title()), given[0])
	}},
	{"expect payment page offers a window", func(p *play, _ []string) error { return p.offers(true) }},
	{"expect payment page offers no window", func(p *play, _ []string) error { return p.offers(false) }},
	{"expect window TAB stopped with TEXT", (*play).stopped},
}

func same(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s %s", what, got)
	}
	return nil
}

func (p *play) create(given []string) error {
	if p.checkout != "" {
		return fmt.Errorf("a story has one order")
	}
	life, err := world.ParseDuration(given[1])
	if err != nil {
		return err
	}
	p.answer = p.x.Offer(p.provider, storyOrder, given[0], life)
	p.checkout = p.x.Sale(p.answer).CheckoutURL
	return nil
}

// asks posts to the order's private API; a refusal is an answer like another.
func (p *play) asks(route, body string) error {
	p.answer = p.x.Post("/orders/"+storyOrder+"/"+route, body)
	return nil
}

func (p *play) resolve(decision string, given []string) error {
	key, err := p.key(given[0])
	if err != nil {
		return err
	}
	return p.asks("resolve", fmt.Sprintf(`{"decision":%q,"payment":%q,"reason":%q}`, decision, key, given[1]))
}

// controls posts to one of the world's controls.
func (p *play) controls(x *outside, path, body string) error {
	if r := x.Post(path, body); r.Status > 299 {
		return fmt.Errorf("%s: %d %s", path, r.Status, r.Body)
	}
	return nil
}

func (p *play) fails(operation, kind, times string) error {
	return p.controls(p.first, "/sim/faults", fmt.Sprintf(`{"provider":%q,"operation":%q,"fault":%q,"times":%s}`,
		p.provider, operation, kind, times))
}

// operations are the providers' names of what a story calls confirm, refund and lookup.
var operations = map[string]map[string][]string{
	"toss":    {"confirm": {"confirm"}, "refund": {"cancel"}, "lookup": {"find", "find-by-order"}},
	"portone": {"refund": {"cancel"}, "lookup": {"payment", "find", "find-all", "list"}},
}

func (p *play) failsEach(request, kind, times string) error {
	names := operations[p.provider][request]
	if names == nil {
		return fmt.Errorf("%s has no %s", p.provider, request)
	}
	for _, name := range names {
		if err := p.fails(name, kind, times); err != nil {
			return err
		}
	}
	return nil
}

func (p *play) lags(which string) error {
	return p.controls(p.first, "/sim/lag", fmt.Sprintf(`{"provider":%q%s}`, p.provider, which))
}

// webhook is what becomes of the next one. Only PortOne sends each once; Toss Payments repeats a lost one.
func (p *play) webhook(fault string) error {
	return p.controls(p.first, "/sim/faults", `{"provider":"`+p.provider+`","operation":"webhook",`+fault+`}`)
}

func (p *play) replay([]string) error {
	var log struct{ Total int }
	if p.first.Decode(p.first.Get("/sim/webhooks"), &log); log.Total == 0 {
		return fmt.Errorf("no webhook was sent")
	}
	return p.controls(p.first, "/sim/webhooks/replay", fmt.Sprintf(`{"index":%d,"times":1}`, log.Total-1))
}

func (p *play) tab(name string) (*tab, error) {
	if p.tabs[name] == nil {
		return nil, fmt.Errorf("tab %s has no window", name)
	}
	return p.tabs[name], nil
}

func (p *play) open(given []string) error {
	window := p.x.tab(testbed.Sale{CheckoutURL: p.checkout})
	if window == nil {
		return fmt.Errorf("the payment page says %q and offers no window", p.x.Get(p.checkout).Title())
	}
	p.tabs[given[0]] = &tab{window: window}
	if p.provider == "portone" {
		p.tabs[given[0]].session = p.x.OpenWindow(window)
	}
	return nil
}

// many opens windows one after the other: nobody comes back from them, or each is declined and its buyer stays on
// the page it was opened from.
func (p *play) many(count string, decline bool) error {
	n, err := strconv.Atoi(count)
	for i := 0; err == nil && i < n; i++ {
		name := fmt.Sprint("window-", len(p.tabs)+1)
		if err = p.open([]string{name}); err == nil && decline {
			err = p.decline(name)
		}
	}
	return err
}

func (p *play) decline(name string) error {
	return p.press(name, map[string]string{"toss": "reject", "portone": "fail"}[p.provider], "")
}

// press ends a tab's window.
func (p *play) press(name, outcome, amount string) error {
	t, err := p.tab(name)
	if err != nil {
		return err
	}
	switch {
	case p.provider == "toss" && amount != "":
		return fmt.Errorf("Toss Payments takes what we confirm, not what the window says")
	case p.provider == "toss":
		t.back = p.first.Card(t.window, outcome)
		return nil
	}
	form := t.window.Form("mode", "redirect", "outcome", outcome, "session", t.session, "tamperAmount", amount)
	if amount == "" {
		form.Del("tamperAmount")
	}
	r := p.first.PostForm("/sim/portone/window", form)
	if t.back = r.Location(); r.Status != http.StatusSeeOther {
		return fmt.Errorf("PortOne's window: %d %s", r.Status, r.Body)
	}
	return nil
}

// late is a window that PortOne had given up and captures after all.
func (p *play) late(given []string) error {
	t, err := p.tab(given[0])
	if err != nil {
		return err
	}
	return p.first.own().PortOne.PayLate(t.session)
}

// comesBack follows the redirect of a tab's window, to the world or to a process of it.
func (p *play) comesBack(name string, process http.Handler) error {
	t, err := p.tab(name)
	if err != nil {
		return err
	}
	if t.back == "" {
		return fmt.Errorf("tab %s is still in the window", name)
	}
	x := *p.x
	if process != nil {
		x.Handler = process
	}
	p.page = html.UnescapeString(x.Get(t.back).Title())
	return nil
}

// dies is a return that is served by a process of its own, which dies after its second call: it has claimed the order
// and taken the money, and writes nothing of it.
func (p *play) dies(given []string) error {
	if p.provider != "toss" {
		return fmt.Errorf("PortOne's window captures by itself")
	}
	before, _ := p.first.money(storyOrder)
	process, _, _ := (&stage{&testbed.Bed{World: p.x.own()}}).process(2, true)
	if err := p.comesBack(given[0], process); err != nil {
		return err
	}
	if after, _ := p.first.money(storyOrder); after != before+1 {
		return fmt.Errorf("the function died, and %d payments were captured", after-before)
	}
	return nil
}

// key is what the provider calls the payment of a tab's window.
func (p *play) key(name string) (string, error) {
	t, err := p.tab(name)
	switch {
	case err != nil:
		return "", err
	case t.session != "":
		return t.session, nil
	case t.back == "" || keyOf(t.back) == "":
		return "", fmt.Errorf("tab %s has no payment", name)
	}
	return keyOf(t.back), nil
}

func (p *play) role(given []string) error {
	key, err := p.key(given[0])
	if err != nil {
		return err
	}
	for _, payment := range p.order().Payments {
		if payment.Key == key {
			return same("it is", payment.Role, given[1])
		}
	}
	return fmt.Errorf("the order does not show it")
}

func (p *play) refunded(given []string) error {
	for _, r := range p.order().Requests {
		if r.RefundID == given[0] {
			return same("it is", fmt.Sprint(r.Outcome, " of ", r.Amount), given[1]+" of "+given[2])
		}
	}
	return fmt.Errorf("the order does not show it")
}

func (p *play) answered(given []string) error {
	var refusal struct {
		Error struct{ Code, Message string }
	}
	_ = json.Unmarshal([]byte(p.answer.Body), &refusal) // an answer without a code differs
	if !strings.Contains(refusal.Error.Message, given[2]) {
		return fmt.Errorf("the message is %q", refusal.Error.Message)
	}
	return same("the API answered", fmt.Sprint(p.answer.Status, " ", refusal.Error.Code), given[0]+" "+given[1])
}

func (p *play) offers(want bool) error {
	if got := p.x.tab(testbed.Sale{CheckoutURL: p.checkout}) != nil; got != want {
		return fmt.Errorf("it says %q, a window is offered: %v", p.x.Get(p.checkout).Title(), got)
	}
	return nil
}

func (p *play) stopped(given []string) error {
	t, err := p.tab(given[0])
	if err != nil {
		return err
	}
	if code, text := testbed.Parameter(t.back, "error_code"), testbed.Parameter(t.back, "error_msg"); code == "" || !strings.Contains(text, given[1]) {
		return fmt.Errorf("the window ended with %q %q", code, text)
	}
	return nil
}
