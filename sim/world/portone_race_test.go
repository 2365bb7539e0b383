package world_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// contest is a race of three: a buyer's return, a webhook and the schedule.
type contest struct {
	// prepare leads to the start and returns the return's address and the webhook's provider and body.
	prepare func(c *town) (address, provider, body string)
	sub     bool // it is a subscription's
	edits   []testbed.Option
	third   func(c *town, pass testbed.Passage) // instead of the schedule; may be nil
	want    string                              // the end, as the summary says it
	bends   []int                               // of which provider call the reply is lost; 0: of none
}

// contests are the races; every one starts in a state that its prepare makes.
var contests = map[string]contest{
	"toss, authenticated": {prepare: func(c *town) (string, string, string) {
		address := c.Card(c.Order("toss", "order-1", 24*time.Hour).Window, "approve")
		return address, "toss", tossHook(testbed.Parameter(address, "paymentKey"), "order-1", "DONE")
	}, want: "paid attempt 1 balance 15000 captures 1 cancels 0 settlements 1", bends: []int{0, 1, 2, 3}},
	"toss, the claimer died before its confirm": {prepare: func(c *town) (string, string, string) {
		address := c.Card(c.Order("toss", "order-1", 24*time.Hour).Window, "approve")
		c.dies(address, 2, false)
		return address, "toss", tossHook(testbed.Parameter(address, "paymentKey"), "order-1", "IN_PROGRESS")
	}, want: "paid attempt 1 balance 15000 captures 1 cancels 0 settlements 1", bends: []int{0, 1, 2, 3}},
	"toss, the claimer died after its confirm": {prepare: func(c *town) (string, string, string) {
		address := c.Card(c.Order("toss", "order-1", 24*time.Hour).Window, "approve")
		c.dies(address, 2, true)
		return address, "toss", tossHook(testbed.Parameter(address, "paymentKey"), "order-1", "DONE")
	}, want: "paid attempt 1 balance 15000 captures 1 cancels 0 settlements 1", bends: []int{0, 1, 2, 3}},
	"portone, captured": {prepare: func(c *town) (string, string, string) {
		address := c.TossPay(c.Order("portone", "order-1", 24*time.Hour), "approve")
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "order-1", "paid")
	}, want: "paid attempt 1 balance 15000 captures 1 cancels 0 settlements 1", bends: []int{0, 1, 2, 3}},
	"portone, captured after a return that could not be looked up": {prepare: func(c *town) (string, string, string) {
		s := c.Order("portone", "order-1", 24*time.Hour)
		tab := c.OpenWindow(s.Window)
		c.Fault(fault.Fault{Provider: "portone", Operation: fault.Any, Kind: fault.InternalError, Times: 1000})
		c.Get(s.Window.Text("m_redirect_url"))
		c.Fault(fault.Fault{Provider: "portone", Operation: fault.Any, Kind: fault.None})
		c.WantOrder("nobody knows", "order-1", order.Processing, 1)
		address := c.TossPay(s, "approve", "session", tab)
		time.Sleep(31 * time.Second)
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "order-1", "paid")
	}, want: "paid attempt 1 balance 15000 captures 1 cancels 0 settlements 1", bends: []int{0, 1, 2, 3}},
	"portone, another amount": {prepare: func(c *town) (string, string, string) {
		address := c.TossPay(c.Order("portone", "order-1", 24*time.Hour), "approve", "tamperAmount", "14000")
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "order-1", "paid")
	}, edits: []testbed.Option{ignorePrepare}, want: "open attempt 2 balance 0 captures 1 cancels 1 settlements 0", bends: []int{0, 1, 2, 3}},
	"portone, failed": {prepare: func(c *town) (string, string, string) {
		address := c.TossPay(c.Order("portone", "order-1", 24*time.Hour), "fail")
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "order-1", "failed")
	}, want: "open attempt 2 balance 0 captures 0 cancels 0 settlements 0", bends: []int{0}},
	"portone, given back in the console meanwhile": {prepare: func(c *town) (string, string, string) {
		_, key, address := c.paidOrder("portone", "order-1")
		time.Sleep(time.Minute)
		return address, "portone", portoneHook(key, "order-1", "paid")
	}, third: func(c *town, pass testbed.Passage) {
		key := c.ReadOrder("order-1").Payment.Key
		_ = pass("console", func() {
			if err := c.PortOne.ConsoleCancel(key, 0); err != nil {
				c.T.Error(err)
			}
		})
		contest{}.hook(c, pass, "portone", portoneHook(key, "order-1", "cancelled"))
	}, want: "refunded attempt 1 balance 0 captures 1 cancels 1 settlements 1", bends: []int{0, 1, 2}},
	"toss, a part given back in the console meanwhile": {prepare: func(c *town) (string, string, string) {
		_, key, address := c.paidOrder("toss", "order-1")
		time.Sleep(time.Minute)
		return address, "toss", tossHook(key, "order-1", "DONE")
	}, third: func(c *town, pass testbed.Passage) {
		key := c.ReadOrder("order-1").Payment.Key
		_ = pass("console", func() {
			if err := c.Toss.ConsoleCancel(key, 4000); err != nil {
				c.T.Error(err)
			}
		})
		contest{}.hook(c, pass, "toss", tossHook(key, "order-1", "PARTIAL_CANCELED"))
	}, want: "paid attempt 1 balance 11000 captures 1 cancels 1 settlements 1", bends: []int{0, 1, 2}},
	"portone, two windows captured": {prepare: func(c *town) (string, string, string) {
		s := c.Order("portone", "order-1", 24*time.Hour)
		first, second := c.OpenWindow(s.Window), c.OpenWindow(s.Window)
		address := c.TossPay(s, "approve", "session", first)
		c.TossPay(s, "approve", "session", second)
		return address, "portone", portoneHook(second, "order-1", "paid")
	}, edits: []testbed.Option{twoWindows},
		want: "paid attempt 1 balance 15000 captures 2 cancels 1 settlements 1", bends: []int{0, 1, 2, 3}},
	"portone, late": {prepare: func(c *town) (string, string, string) {
		s := c.Order("portone", "order-1", 1*time.Hour)
		tab := c.OpenWindow(s.Window)
		c.end("order-1")
		if err := c.PortOne.PayLate(tab); err != nil {
			c.T.Fatal(err)
		}
		return testbed.Edited(s.Window.Text("m_redirect_url"), "imp_uid", tab), "portone", portoneHook(tab, "order-1", "paid")
	}, third: func(c *town, pass testbed.Passage) {
		contest{}.hook(c, pass, "portone", portoneHook("", "order-1", "paid"))
	}, want: "expired attempt 1 balance 0 captures 1 cancels 1 settlements 0", bends: []int{0, 1, 2, 3}},
	"an issuance": {prepare: func(c *town) (string, string, string) {
		s := c.subscribe("sub-0001")
		address := c.TossPay(s, "approve")
		time.Sleep(time.Until(s.DueAt))
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "sub-0001--key1", "paid")
	}, sub: true, want: "active key sub-0001--key1 activations 1", bends: []int{0, 1, 2, 3}},
	"an issuance, the return says failed": {prepare: func(c *town) (string, string, string) {
		s := c.subscribe("sub-0001")
		address := testbed.Edited(c.TossPay(s, "approve"), "error_code", "F400")
		time.Sleep(time.Until(s.DueAt))
		return address, "portone", portoneHook(testbed.Parameter(address, "imp_uid"), "sub-0001--key1", "paid")
	}, sub: true, want: "active key sub-0001--key1 activations 1", bends: []int{0, 1}},
}

// dies visits an address with a process that dies at a call, and sleeps until its lease is over.
func (c *town) dies(address string, at int, after bool) {
	c.T.Helper()
	made := 0
	door := c.Process(func(_ string, carryOut func()) error {
		made++
		if made < at || made == at && after {
			carryOut()
		}
		if made >= at {
			return errLostReply
		}
		return nil
	})
	c.At(door).Get(address)
	time.Sleep(31 * time.Second)
}

// referee lets the racers go on one call at a time, in the order that choices says, and the first one where it says nothing.
type referee struct {
	c       *town
	sub     bool
	choices []int
	lose    int // of which provider call the reply is lost

	mu       sync.Mutex
	standing map[int]chan struct{} // the racers that stand before a call
	done     int
	provider int
	traces   [3]string
	options  []int // how many there were at each choice
}

// pass is one racer's testbed.Passage. A token is not worth a turn: asking for it changes nothing for anybody.
func (r *referee) pass(racer int) testbed.Passage {
	return func(name string, carryOut func()) error {
		if name == "token" {
			carryOut()
			return nil
		}
		turn := make(chan struct{})
		r.mu.Lock()
		r.standing[racer] = turn
		r.mu.Unlock()
		<-turn
		carryOut()
		r.mu.Lock()
		defer r.mu.Unlock()
		sum := sha256.Sum256([]byte(r.traces[racer] + name + r.sight()))
		r.traces[racer] = string(sum[:])
		if name != "provider" {
			return nil
		}
		if r.provider++; r.provider == r.lose {
			return errLostReply
		}
		return nil
	}
}

// sight is the state of the world, as far as a call can tell it.
func (r *referee) sight() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	now, moved, calls := time.Now().UnixNano(), len(r.c.Ledger.Entries()), r.c.asked()
	if r.sub {
		s, _ := r.c.Store.GetSubscription(ctx, "sub-0001")
		return fmt.Sprint(now, moved, calls, s.Revision, s.Status, s.Key, s.DueAt.UnixNano(), s.AskAfter.UnixNano(), s.HeardAt.UnixNano())
	}
	o, _ := r.c.Store.Get(ctx, "order-1")
	return fmt.Sprint(now, moved, calls, o.Revision, o.Status, o.Attempt, len(o.Reversals), o.DueAt.UnixNano(), o.AskAfter.UnixNano(), o.Ledger.LearnedAt.UnixNano())
}

// place is everything that decides how a race can go on.
func (r *referee) place(ready []int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %d %s", r.traces, ready, r.provider, r.sight()))
	return string(sum[:])
}

// conduct runs the race to its end. seen are the places from which every way on has been, or will be, tried.
func (r *referee) conduct(racers int, seen map[string]bool) {
	for {
		synctest.Wait()
		r.mu.Lock()
		ready, over := slices.Sorted(maps.Keys(r.standing)), r.done == racers
		r.mu.Unlock()
		if over {
			return
		}
		if len(ready) == 0 {
			time.Sleep(100 * time.Millisecond) // they all wait for something
			continue
		}
		choice, ways := 0, len(ready)
		if at := len(r.options); at < len(r.choices) {
			choice = r.choices[at]
		} else if ways > 1 {
			place := r.place(ready)
			if seen[place] {
				ways = 1
			}
			seen[place] = true
		}
		r.options = append(r.options, ways)
		r.mu.Lock()
		turn := r.standing[ready[choice]]
		delete(r.standing, ready[choice])
		r.mu.Unlock()
		close(turn)
	}
}

// others are the lists of choices that leave the one just tried at one place each.
func others(choices, options []int) (more [][]int) {
	for at := len(choices); at < len(options); at++ {
		for choice := 1; choice < options[at]; choice++ {
			other := make([]int, at+1)
			copy(other, choices)
			other[at] = choice
			more = append(more, other)
		}
	}
	return more
}

// hold runs one race and returns its end.
func (k contest) hold(t *testing.T, choices []int, lose int, seen map[string]bool) (options []int, end string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newTown(t, append(k.edits, testbed.Quiet)...)
		address, provider, body := k.prepare(c)
		r := &referee{c: c, sub: k.sub, choices: choices, lose: lose, standing: map[int]chan struct{}{}}
		third := k.third
		if third == nil {
			third = k.advance
		}
		runs := []func(){
			func() {
				if v := c.At(c.Process(r.pass(0))).Get(address); v.Status >= 500 || v.Title() == paidPage && len(c.Ledger.Entries()) == 0 {
					t.Errorf("choices %v: the return shows %q (%d)", choices, v.Title(), v.Status)
				}
			},
			func() { k.hook(c, r.pass(1), provider, body) },
			func() { third(c, r.pass(2)) },
		}
		for _, run := range runs {
			go func() {
				defer func() {
					if problem := recover(); problem != nil {
						t.Errorf("reply %d lost, choices %v: panic: %v", lose, choices, problem)
					}
					r.mu.Lock()
					r.done++
					r.mu.Unlock()
				}()
				run()
			}()
		}
		r.conduct(len(runs), seen)
		options, end = r.options, k.summary(c)
		c.wantLawful()
	})
	return options, end
}

// hook is a racer that delivers a webhook.
func (contest) hook(c *town, pass testbed.Passage, provider, body string) {
	v := c.At(c.Process(pass)).Post("/webhooks/"+provider+"/"+world.WebhookToken, body)
	if v.Status != http.StatusOK && v.Status != http.StatusServiceUnavailable {
		c.T.Errorf("the webhook was answered %d", v.Status)
	}
}

// advance is the racer that comes from the schedule.
func (k contest) advance(c *town, pass testbed.Passage) {
	ctx, cancel := context.WithTimeout(context.Background(), handler.DoorTime)
	defer cancel()
	var err error
	if parts := c.Behind(pass); k.sub {
		_, err = parts.Enroller().Advance(ctx, "sub-0001")
	} else {
		_, err = parts.Settler().Advance(ctx, "order-1")
	}
	if err != nil {
		c.T.Errorf("advance: %v", err)
	}
}

// summary lets the world come to rest and says how the race ended.
func (k contest) summary(c *town) string {
	c.T.Helper()
	if k.sub {
		for range 10 {
			s := c.readSubscription("sub-0001")
			if s.Status != "enrolling" {
				break
			}
			time.Sleep(time.Until(s.DueAt))
			c.advanceSubscription("sub-0001")
		}
		c.mailAll()
		s := c.readSubscription("sub-0001")
		key, activations := "none", 0
		if s.Means != nil {
			key = s.Means.Key
		}
		for _, status := range s.Steps() {
			if status == string(subscription.Active) {
				activations++
			}
		}
		return fmt.Sprintf("%s key %s activations %d", s.Status, key, activations)
	}
	c.rest("order-1")
	c.mailAll()
	s := c.rest("order-1")
	balance, settlements := int64(0), 0
	if s.Payment != nil {
		balance = s.Payment.Balance
	}
	for _, status := range s.Steps() {
		if status == string(order.Paid) {
			settlements++
		}
	}
	taken, back := c.Moved("order-1")
	return fmt.Sprintf("%s attempt %d balance %d captures %d cancels %d settlements %d", s.Status, s.Attempt, balance, len(taken), len(back), settlements)
}

var racesMax = flag.Int("races", 200, "races of three to hold from each start")

// TestThreeInEveryOrder holds every race in every order of store and provider calls, those with the fewest turnings first, with and without
// a lost reply: one settlement, the same end. Where there are more orders than -races allows the log says so.
func TestThreeInEveryOrder(t *testing.T) {
	t.Parallel()
	for name, k := range contests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, lose := range k.bends {
				ends, first, seen, held := map[string]int{}, map[string][]int{}, map[string]bool{}, 0
				plan := [][]int{nil}
				for ; len(plan) > 0 && held < *racesMax; held++ {
					choices := plan[0]
					options, end := k.hold(t, choices, lose, seen)
					if ends[end]++; ends[end] == 1 {
						first[end] = choices
					}
					plan = append(plan[1:], others(choices, options)...)
				}
				t.Logf("reply %d lost: %d races, every order %v", lose, held, len(plan) == 0)
				for end, times := range ends {
					if end != k.want {
						t.Errorf("reply %d lost, %d of %d races, the first by choices %v: %s, want %s", lose, times, held, first[end], end, k.want)
					}
				}
				if held < 10 {
					t.Errorf("only %d races: the referee does not do what it is for", held)
				}
			}
		})
	}
}
