package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// A flood is one buyer who sends copies of a webhook to the address of his own order, while others pay theirs. What the others wait for is
// compared with the same number of webhooks in quiet, and the lookups that the copies cost are counted.
const (
	copiesEach  = 20 * time.Millisecond // 50 a second
	othersEach  = 50 * time.Millisecond // 20 a second
	othersCount = 200                   // 10 s of them
	lookupsMax  = 2                     // a second, for the copies
	answerAim   = 200 * time.Millisecond
	ratioMax    = 3 // on a machine that is slow in quiet, too
)

// notices are the webhooks of orders that are paid and that nobody told of.
func (p *play) notices(part string, n int) ([]notice, error) {
	now, err := p.now()
	if err != nil {
		return nil, err
	}
	var all []notice
	for i := range n {
		b, err := p.client.order("portone", fmt.Sprintf("%s-%s-%d", p.name, part, i), 15000, now.Add(life))
		if err != nil {
			return nil, err
		}
		told, err := p.paid(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.OrderID, err)
		}
		all = append(all, told)
	}
	return all, nil
}

type notice struct{ order, address, body string }

// paid approves an order's window and loses what it tells; the webhook that was lost comes back.
func (p *play) paid(b bill) (notice, error) {
	page, err := p.page(b.CheckoutURL)
	if err != nil {
		return notice{}, err
	}
	form, r, err := p.portoneWindow(page)
	if err != nil {
		return notice{}, err
	}
	if form.Get("session") == "" {
		return notice{}, fmt.Errorf("the window does not open: %d", r.status)
	}
	form.Set("outcome", "approve")
	if err := p.fault("portone", "webhook", "refuse-connection", 1); err != nil {
		return notice{}, err
	}
	if r, err = p.send(http.MethodPost, "/sim/portone/window", formType, form.Encode()); err != nil {
		return notice{}, err
	}
	back, err := url.Parse(r.location)
	if err != nil {
		return notice{}, err
	}
	to, err := url.Parse(form.Get("notice_url"))
	if err != nil || to.Path == "" {
		return notice{}, fmt.Errorf("the window names no notice_url: %v", err)
	}
	body, err := json.Marshal(map[string]string{"imp_uid": back.Query().Get("imp_uid"), "merchant_uid": form.Get("merchant_uid"), "status": "paid"})
	return notice{b.OrderID, to.Path, string(body)}, err
}

// answers are how long the answers to one kind of request took, and how many were not 200.
type answers struct {
	mu    sync.Mutex
	took  []time.Duration
	wrong int
}

// every sends requests at a pace, side by side, until there are n answers or done is closed.
func (a *answers) every(pause time.Duration, n int, done <-chan struct{}, send func(i int) (reply, error)) {
	var all sync.WaitGroup
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for i := range n {
		select {
		case <-done:
			all.Wait()
			return
		case <-tick.C:
		}
		all.Go(func() {
			began := time.Now()
			r, err := send(i)
			a.mu.Lock()
			defer a.mu.Unlock()
			a.took = append(a.took, time.Since(began))
			if err != nil || r.status != http.StatusOK {
				a.wrong++
			}
		})
	}
	all.Wait()
}

// part is the duration that so many of a hundred answers did not exceed.
func (a *answers) part(percent int) time.Duration {
	if len(a.took) == 0 {
		return 0
	}
	slices.Sort(a.took)
	return a.took[(len(a.took)*percent-1)/100]
}

func (a *answers) String() string {
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return fmt.Sprintf("%d answers, %d not 200; half within %s, 99 of 100 within %s, all within %s",
		len(a.took), a.wrong, round(a.part(50)), round(a.part(99)), round(a.part(100)))
}

// lookups counts the lookups while do runs: a fault that delays nothing to speak of counts down with each.
func (p *play) lookups(do func()) (n int, err error) {
	const many = 1000
	const plan = `{"provider":"portone","operation":%q,"fault":"delay","delay":%q,"times":%d}`
	operations := []string{"payment", "find", "find-all"}
	for _, operation := range operations {
		if err := p.control("/sim/faults", fmt.Sprintf(plan, operation, p.slow, many)); err != nil {
			return 0, err
		}
	}
	do()
	var left struct {
		Faults []struct {
			Provider, Operation string
			Times               int
		}
	}
	if err := p.read("/sim/faults", &left); err != nil {
		return 0, err
	}
	for _, operation := range operations {
		used := many
		for _, f := range left.Faults {
			if f.Provider == "portone" && f.Operation == operation {
				used -= f.Times
			}
		}
		n += used
	}
	return n, p.fault("portone", "*", "none", 1)
}

// flood measures, and says what is worse than it may be.
func (p *play) flood(out io.Writer) error {
	fmt.Fprintf(out, "flood: %d paid orders are told of, %s apart, in quiet and then beside one buyer's copies, %s apart; lookups take %s\n",
		othersCount, othersEach, copiesEach, p.slow)
	var quiet, beside, copies answers
	tell := func(told []notice) func(int) (reply, error) {
		return func(i int) (reply, error) { return p.send(http.MethodPost, told[i].address, jsonType, told[i].body) }
	}
	first, err := p.notices("q", othersCount)
	if err != nil {
		return err
	}
	second, err := p.notices("f", othersCount)
	if err != nil {
		return err
	}
	flooder, err := p.notices("x", 1)
	if err != nil {
		return err
	}
	one := flooder[0]
	asked, err := p.lookups(func() { quiet.every(othersEach, len(first), nil, tell(first)) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "quiet:  %s; %d lookups\n", &quiet, asked)
	began, over := time.Now(), make(chan struct{})
	both, err := p.lookups(func() {
		var all sync.WaitGroup
		all.Go(func() {
			copies.every(copiesEach, 1<<30, over, func(int) (reply, error) { return p.send(http.MethodPost, one.address, jsonType, one.body) })
		})
		beside.every(othersEach, len(second), nil, tell(second))
		close(over)
		all.Wait()
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Fprintf(out, "beside: %s; %d lookups\ncopies: %s\n", &beside, both, &copies)
	if err := p.told(append(append(first, second...), one)); err != nil {
		return err
	}
	more := float64(both-asked) / took.Seconds()
	fmt.Fprintf(out, "the copies cost %.2f lookups a second\n", more)
	switch {
	case quiet.wrong+beside.wrong+copies.wrong > 0:
		return errors.New("not every webhook was answered with 200")
	case more > lookupsMax:
		return fmt.Errorf("the copies cost more than %d lookups a second", lookupsMax)
	case beside.part(99) > answerAim && beside.part(99) > ratioMax*quiet.part(99):
		return fmt.Errorf("99 of 100 webhooks of others took up to %s, and %s in quiet", beside.part(99), quiet.part(99))
	}
	return nil
}

// told says which of the orders that were told of are not paid.
func (p *play) told(all []notice) error {
	if err := p.pass(time.Hour); err != nil {
		return err
	}
	for _, n := range all {
		var b bill
		if err := p.read("/orders/"+n.order, &b); err != nil {
			return err
		}
		if b.Status != "paid" {
			return fmt.Errorf("%s was told of, and is %s", n.order, b.Status)
		}
	}
	return nil
}
