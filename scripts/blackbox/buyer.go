package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// buyer is one order's, with all of his tabs. trace is what he did, for whoever reads of a case.
type buyer struct {
	order    int
	provider string
	bill     bill
	amount   int64
	random   *rand.Rand
	pages    []map[string]any // loaded payment pages, of any number, with their windows
	windows  []window
	returns  []string // addresses he was sent to and did not go to, or may go to again
	trace    []string
}

// window is one that was opened and not decided.
type window struct {
	form   url.Values
	number string
	told   bool // it was opened when the order was closed: somebody tells of what becomes of it
}

// play is one run.
type play struct {
	*client
	options
	random *rand.Rand
	name   string
	lags   bool // the server's lookups can lag
}

// offers asks what the server can do.
func (p *play) offers() error {
	r, err := p.get("/sim/lag")
	p.lags = err == nil && r.status == http.StatusOK
	if err != nil {
		return fmt.Errorf("no laptop mode there: %w", err)
	}
	return nil
}

// life is how long an order can be paid.
const life = 2 * time.Hour

// batch plays n orders side by side, one step at a time, and lets time go on until nothing more can happen to them.
func (p *play) batch(first, n int) ([]*buyer, error) {
	now, err := p.now()
	if err != nil {
		return nil, err
	}
	var buyers []*buyer
	for i := range n {
		b := &buyer{order: first + i, random: rand.New(rand.NewPCG(p.seed, uint64(first+i)+2)), provider: "portone"}
		if b.random.IntN(5) == 0 {
			b.provider = "toss"
		}
		b.amount = 1000 * int64(1+b.random.IntN(200))
		if b.bill, err = p.client.order(b.provider, fmt.Sprintf("%s-%d", p.name, b.order), b.amount, now.Add(life)); err != nil {
			return nil, fmt.Errorf("order %d: %w", b.order, err)
		}
		buyers = append(buyers, b)
	}
	for steps := n * (8 + p.random.IntN(12)); steps > 0; steps-- {
		if err := p.weather(); err != nil {
			return nil, err
		}
		b := buyers[p.random.IntN(n)]
		if err := p.step(b); err != nil {
			return nil, fmt.Errorf("order %d: %w\n%v", b.order, err, b.trace)
		}
		if err := p.pass(time.Duration(4+p.random.IntN(40)) * time.Second); err != nil {
			return nil, err
		}
	}
	return buyers, p.calm()
}

// pass lets time pass: webhooks come, and the schedule runs.
func (p *play) pass(d time.Duration) error {
	return p.control("/sim/clock", fmt.Sprintf(`{"advance":%q}`, d))
}

// weather changes what the providers' lookups are like.
func (p *play) weather() error {
	lag := func() string { return []string{"0s", "0s", "5s", "30s", "3m"}[p.random.IntN(5)] }
	provider := []string{"portone", "portone", "toss"}[p.random.IntN(3)]
	lookups, lists, chance := lag(), lag(), p.random.IntN(20)
	if chance != 0 || !p.lags {
		return nil
	}
	return p.control("/sim/lag", fmt.Sprintf(`{"provider":%q,"lookups":%q,"lists":%q}`, provider, lookups, lists))
}

// calm ends a batch: the weather is fine, and so much time passes that every window and every order is over.
func (p *play) calm() error {
	for _, provider := range []string{"portone", "toss"} {
		if p.lags {
			if err := p.control("/sim/lag", fmt.Sprintf(`{"provider":%q}`, provider)); err != nil {
				return err
			}
		}
		if err := p.fault(provider, "*", "none", 1); err != nil {
			return err
		}
	}
	return p.pass(life + 12*time.Hour)
}

// operations are what may fail of a provider; its webhooks are lost by themselves.
var operations = map[string][]string{
	"portone": {"confirm-gate", "payment", "find-all", "cancel", "prepare"},
	"toss":    {"confirm", "find", "find-by-order", "cancel"},
}

func (p *play) fault(provider, operation, kind string, times int) error {
	return p.control("/sim/faults", fmt.Sprintf(`{"provider":%q,"operation":%q,"fault":%q,"times":%d}`, provider, operation, kind, times))
}

// step is one thing a buyer does, perhaps while the provider is in trouble for some seconds.
func (p *play) step(b *buyer) error {
	trouble := b.random.IntN(6) == 0
	kind := []string{"http-500", "refuse-connection", "lose-reply", "garbage", "http-429"}[b.random.IntN(5)]
	times := []int{1, 3, 1000}[b.random.IntN(3)]
	if trouble {
		b.note("%s answers %d calls of a kind with %s", b.provider, times, kind)
		for _, operation := range operations[b.provider] {
			if err := p.fault(b.provider, operation, kind, times); err != nil {
				return err
			}
		}
	}
	if err := p.act(b); err != nil {
		return err
	}
	if !trouble {
		return nil
	}
	if err := p.pass(10 * time.Second); err != nil {
		return err
	}
	return p.fault(b.provider, "*", "none", 1)
}

func (b *buyer) note(format string, args ...any) {
	b.trace = append(b.trace, fmt.Sprintf(format, args...))
}

// act does what there is to do.
func (p *play) act(b *buyer) error {
	switch dice := b.random.IntN(10); {
	case len(b.pages) == 0 || dice <= 1:
		return p.load(b)
	case len(b.windows) == 0 || dice <= 3:
		if err := p.open(b); err != nil || len(b.windows) == 0 || b.random.IntN(2) == 0 {
			return err
		}
		return p.decide(b, len(b.windows)-1)
	case dice <= 7:
		return p.decide(b, b.random.IntN(len(b.windows)))
	case len(b.returns) > 0:
		i := b.random.IntN(len(b.returns))
		b.note("goes to an address of before")
		return p.follow(b, b.returns[i])
	}
	return p.load(b)
}

// load opens the payment page in another tab.
func (p *play) load(b *buyer) error {
	window, err := p.page(b.bill.CheckoutURL)
	if err != nil {
		return err
	}
	if window == nil {
		b.note("loads the page: nothing to pay")
		return nil
	}
	b.note("loads the page: %v", window["merchant_uid"])
	b.pages = append(b.pages, window)
	return nil
}

// closed says whether the order can be paid any more.
func (p *play) closed(b *buyer) (bool, error) {
	var now bill
	err := p.read("/orders/"+b.bill.OrderID, &now)
	return now.Status != "open" && now.Status != "settling" && now.Status != "processing", err
}

// open presses the button of any page he has.
func (p *play) open(b *buyer) error {
	page := b.pages[b.random.IntN(len(b.pages))]
	if b.provider == "toss" {
		b.windows = append(b.windows, window{form: tossForm(page)})
		b.note("opens a window")
		return nil
	}
	over, err := p.closed(b)
	if err != nil {
		return err
	}
	form, r, err := p.portoneWindow(page)
	if err != nil {
		return err
	}
	if form.Get("session") == "" { // the provider refuses to open it
		b.note("the window of %s does not open", form.Get("merchant_uid"))
		return p.sent(b, r)
	}
	b.windows = append(b.windows, window{form, form.Get("merchant_uid"), over && !p.beyond})
	b.note("opens a window of %s (%s)", form.Get("merchant_uid"), form.Get("session"))
	return nil
}

// decide ends his i-th window. What it tells may be lost.
func (p *play) decide(b *buyer, i int) error {
	w := b.windows[i]
	b.windows = append(b.windows[:i], b.windows[i+1:]...)
	outcomes := []string{"approve", "approve", "fail", "fail", "cancel"}
	if b.provider == "toss" {
		outcomes = []string{"approve", "approve", "approve", "reject", "cancel"}
	}
	outcome := outcomes[b.random.IntN(len(outcomes))]
	lost := b.random.IntN(2) == 0
	w.form.Set("outcome", outcome)
	b.note("%s %s (%s), webhook lost %v", outcome, w.number, w.form.Get("session"), lost && !w.told && b.provider == "portone")
	if b.provider == "portone" {
		kind := "none"
		if lost && !w.told {
			kind = "refuse-connection"
		}
		if err := p.fault("portone", "webhook", kind, 1); err != nil {
			return err
		}
	}
	r, err := p.send(http.MethodPost, "/sim/"+b.provider+"/window", formType, w.form.Encode())
	if err != nil {
		return err
	}
	if b.provider == "portone" {
		if err := p.fault("portone", "webhook", "none", 1); err != nil {
			return err
		}
	}
	return p.sent(b, r)
}

// sent is where the provider sends him: he goes there at once, later, or never.
func (p *play) sent(b *buyer, r reply) error {
	if r.location == "" {
		return nil
	}
	switch b.random.IntN(4) {
	case 0:
		b.note("does not come back")
		return nil
	case 1:
		b.returns = append(b.returns, r.location)
		b.note("comes back later")
		return nil
	}
	b.returns = append(b.returns, r.location)
	return p.follow(b, r.location)
}

func (p *play) follow(b *buyer, address string) error {
	r, err := p.get(address)
	if err != nil {
		return err
	}
	b.note("is back: %d", r.status)
	return nil
}
