package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestRandomHistories: windows and charges take money, or not, at any time; answers get lost, lag, and come in any
// order; processes die; lookups are behind; notices come or not, without a key or among forged ones; the merchant
// refunds, and so does the console. When it is quiet one payment at the most is kept, it fits, and nothing is owed.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	seed, rounds := rand.Uint64(), 5000
	if testing.Short() {
		rounds = 200
	}
	ends := map[ledger.Status]int{}
	for round := range rounds {
		synctest.Test(t, func(t *testing.T) {
			ends[history(t, rand.New(rand.NewPCG(seed, uint64(round))), fmt.Sprintf("seed %d round %d", seed, round))]++
		})
		if t.Failed() {
			return
		}
	}
	t.Log(seed, ends)
	if ends[ledger.Paid] == 0 || ends[ledger.Expired] == 0 || ends[ledger.Refunded] == 0 {
		t.Error("the histories did not do what they are for")
	}
}

// chaos is one random history.
type chaos struct {
	*till
	*rand.Rand
	rolls sync.Mutex
	quiet bool
	keys  []string
	wg    sync.WaitGroup
}

func (c *chaos) roll(n int) int {
	c.rolls.Lock()
	defer c.rolls.Unlock()
	return c.IntN(n)
}

// lives runs something until it was not killed.
func (c *chaos) lives(f func()) (lived bool) {
	defer func() { _ = recover() }()
	f()
	return true
}

func (c *chaos) die() {
	if !c.quiet && c.roll(9) == 0 {
		panic("the process dies")
	}
}

func history(t *testing.T, r *rand.Rand, name string) ledger.Status {
	kind := r.IntN(3) // a window that captures, a confirm, a cycle
	edits := map[int][]func(*ledger.Terms){1: {atToss}, 2: {cycle}}[kind]
	c := &chaos{till: newTill(t, open(edits...)), Rand: r}
	c.before = func(string) { c.die(); time.Sleep(time.Duration(c.roll(8)) * time.Second) }
	c.after = func(string) { c.die() }
	c.confirm = func(int, ledger.Request) (bool, ledger.Reply, string) {
		took := c.quiet || c.roll(2) == 0
		if took && c.roll(3) > 0 {
			return true, ledger.Accepted, ""
		}
		if took || c.roll(3) == 0 {
			return took, ledger.NoReply, ""
		}
		return false, []ledger.Reply{ledger.Unusable, ledger.Refused, ledger.Busy}[c.roll(3)], "NO"
	}
	for i := range r.IntN(4) {
		c.window(fmt.Sprint("w", i), kind)
	}
	for range 20 { // outages, and the schedule
		c.bank.mu.Lock()
		c.down, c.lose = c.roll(3) == 0, c.roll(2)
		c.bank.mu.Unlock()
		time.Sleep(time.Duration(c.roll(10)) * time.Minute)
		c.work(kind)
	}
	c.bank.mu.Lock()
	c.down, c.lose = false, 0
	c.bank.mu.Unlock()
	c.wg.Wait()
	c.quiet = true
	for range 120 {
		o := c.get()
		if o.Due().IsZero() || kind == 2 && o.Status() == ledger.Open && len(o.Requests) == 0 {
			break
		}
		time.Sleep(max(0, time.Until(o.Due())))
		c.settle(ledger.Work{Stored: c.get(), Visit: ledger.Visit{Repeat: time.Now().Add(time.Minute)}})
	}
	c.audit(name)
	return c.get().Status()
}

// window is a buyer in a window of his own.
func (c *chaos) window(key string, kind int) {
	c.keys = append(c.keys, key)
	at, stays := time.Duration(c.roll(60))*time.Minute, time.Duration(c.roll(60))*time.Minute
	truth, notice, returns := c.roll(5), c.roll(3) > 0, c.roll(2) == 0
	lag, before := time.Duration(max(0, c.roll(500)-220))*time.Second, c.roll(4)
	c.wg.Go(func() {
		time.Sleep(at)
		n := c.get().Current()
		if kind != 1 {
			time.Sleep(stays) // the window is open, and others may be
		}
		number := "order-1"
		if n > 1 {
			number = fmt.Sprintf("order-1--%d", n)
		}
		state := ledger.Captured
		if truth == 0 {
			state = ledger.Declined
		}
		if kind == 1 { // it only authenticates
			c.put(key, number, ledger.Begun)
			c.lives(func() {
				_ = c.ask(ledger.Request{Kind: ledger.Confirm, Attempt: n, Key: key, Amount: 15000})
			})
			return
		}
		if before > 0 {
			c.put(key, number, ledger.Begun+ledger.State(before-1)) // begun, doubtful or failed first
			time.Sleep(time.Duration(c.roll(3)) * time.Minute)
		}
		c.behind(lag, key, number, state, func(p *ledger.Payment) {
			switch truth {
			case 1:
				p.Amount, p.Balance = 100, 100
			case 2:
				p.Balance = 0
			}
		})
		if returns && kind == 0 {
			for !c.lives(func() { c.back(key, number, truth == 0) }) {
				time.Sleep(time.Minute)
			}
		}
		if notice || !returns || kind == 2 {
			named := key
			switch c.roll(5) {
			case 0:
				named = ""
			case 1:
				for i := range 5 {
					c.lives(func() { c.notice(fmt.Sprint("forged-", i), number) })
				}
			}
			for !c.lives(func() { c.notice(named, number) }) {
				time.Sleep(time.Minute)
			}
		}
	})
}

// work is the schedule, the worker of a cycle, and the merchant.
func (c *chaos) work(kind int) {
	o := c.get()
	if kind == 2 && o.Status() == ledger.Open && c.roll(2) == 0 {
		c.lives(func() { c.next("means") })
	}
	if c.roll(12) == 0 && o.Paid() != nil {
		c.lives(func() { _ = c.refund(fmt.Sprint("r", c.roll(3)), int64(1+c.roll(3))*4000) })
	}
	if d := o.Due(); !d.IsZero() && !d.After(time.Now()) {
		c.lives(func() {
			c.settle(ledger.Work{Stored: o, Visit: ledger.Visit{Repeat: time.Now().Add(time.Minute)}})
		})
	}
}

func (c *chaos) audit(name string) {
	o := c.get()
	holding, wrong := 0, 0
	for _, p := range c.payments {
		if p.Balance > 0 {
			holding++
		}
		if p.Balance > 0 && p.Amount != 15000 {
			wrong++
		}
	}
	waiting := o.Cycle && o.Status() == ledger.Open
	paid := o.Status() == ledger.Paid
	if holding > 1 || wrong > 0 {
		c.t.Errorf("%s: %d payments hold money, %d of them wrong\n%s\n%v", name, holding, wrong, show(o), c.calls)
	}
	if (holding == 1) != paid || !waiting && !o.Due().IsZero() {
		c.t.Errorf("%s: %d payments hold money\n%s\n%v", name, holding, show(o), c.calls)
	}
}
