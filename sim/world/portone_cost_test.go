package world_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// toll is what one process asked of the table and of the provider.
type toll struct {
	mu    sync.Mutex
	calls []string
}

func (l *toll) pass(name string, carryOut func()) error {
	l.mu.Lock()
	l.calls = append(l.calls, name)
	l.mu.Unlock()
	carryOut()
	return nil
}

func (l *toll) of(names ...string) (n int) {
	for _, call := range l.calls {
		if slices.Contains(names, call) {
			n++
		}
	}
	return n
}

// TestCostOfATossPayReturn counts what a return asks: at most 2 provider calls beside the token and 1 write, whatever it brings; usually 1
// call. Money that must be given back is the exception: the debt is written down before the cancel, and its end after it.
func TestCostOfATossPayReturn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome string
		edits   []string
		calls   int // provider calls
		writes  int
		status  order.Status
	}{
		"paid":                                {"approve", nil, 1, 1, order.Paid},
		"paid, no imp_uid":                    {"approve", []string{"imp_uid", "-"}, 1, 1, order.Paid},
		"paid, no merchant_uid":               {"approve", []string{"merchant_uid", "-"}, 1, 1, order.Paid},
		"paid, imp_uid forged":                {"approve", []string{"imp_uid", "imp_999999999999"}, 2, 1, order.Paid},
		"paid, imp_uid of another order":      {"approve", []string{"imp_uid", "{other}"}, 2, 1, order.Paid},
		"paid, and an error_code":             {"approve", []string{"error_code", "F400"}, 1, 1, order.Paid},
		"failed, and the next one registered": {"fail", nil, 2, 1, order.Open},
		"failed, no imp_uid":                  {"fail", []string{"imp_uid", "-"}, 2, 1, order.Open},
		"failed, imp_uid forged":              {"fail", []string{"imp_uid", "imp_999999999999"}, 2, 1, order.Open},
		"the window did not open":             {"", []string{"error_code", "F400"}, 1, 1, order.Open},
		"nothing is known of it":              {"", []string{"imp_uid", "imp_999999999999"}, 2, 1, order.Open}, // it may not be shown yet
		"a stranger's link":                   {"approve", []string{"{link}", "wrong"}, 0, 0, order.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				town := newTown(t)
				other := town.TossPay(town.Order("portone", "order-2", 24*time.Hour), "approve")
				s := town.Order("portone", "order-1", 24*time.Hour)
				address := s.Window.Text("m_redirect_url")
				if c.outcome != "" {
					address = town.TossPay(s, c.outcome)
				}
				if len(c.edits) > 0 && c.edits[0] == "{link}" {
					address = strings.Replace(address, "?", "x?", 1)
				} else {
					for i := range c.edits {
						c.edits[i] = strings.ReplaceAll(c.edits[i], "{other}", testbed.Parameter(other, "imp_uid"))
					}
					address = testbed.Edited(address, c.edits...)
				}
				before := town.asked()
				count := &toll{}
				door := town.Process(count.pass)
				town.At(door).Get(address)
				if got := town.asked() - before; got != count.of("provider") || got > 2 || got != c.calls {
					t.Errorf("%d provider calls, want %d and never more than 2: %v", got, c.calls, count.calls)
				}
				if got := count.of("save", "lease", "claim", "create"); got > 1 || got != c.writes {
					t.Errorf("%d writes, want %d and never more than 1: %v", got, c.writes, count.calls)
				}
				if got := count.of("get"); got > 1 {
					t.Errorf("%d reads: %v", got, count.calls)
				}
				if c.status != "" && town.ReadOrder("order-1").Status != c.status {
					t.Errorf("it is %s, want %s", town.ReadOrder("order-1").Status, c.status)
				}
				if c.status != order.Paid {
					return
				}
				again := &toll{}
				door = town.Process(again.pass)
				town.At(door).Get(address)
				// A reload that names the payment we know costs a read. One that names another, or none, may speak of a second payment.
				known := len(c.edits) == 0 || c.edits[0] != "imp_uid"
				if known && !slices.Equal(again.calls, []string{"get"}) || again.of("provider") > 3 {
					t.Errorf("a reload asks %v", again.calls)
				}
			})
		})
	}
}

// flooded is a webhook of which there are ten thousand.
type flooded struct {
	provider string
	prepare  func(*town) string // returns the body
	check    func(*town)
	console  func(c *town) // what an operator does meanwhile; may be nil
	copies   int
}

var floods = map[string]flooded{
	"a paid order's": {"portone", func(c *town) string {
		c.popup(c.Order("portone", "order-1", 24*time.Hour), "close-popup")
		return c.Hooks.Records()[0].Body
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Paid, 1) }, nil, 10_000},
	"one with a forged imp_uid": {"portone", func(c *town) string {
		c.popup(c.Order("portone", "order-1", 24*time.Hour), "close-popup")
		return portoneHook("imp_999999999999", "order-1", "paid")
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Paid, 1) }, nil, 1_000},
	"an unpaid order's": {"portone", func(c *town) string {
		c.Order("portone", "order-1", 24*time.Hour)
		return portoneHook("imp_999999999999", "order-1", "paid")
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Open, 1) }, nil, 1_000},
	"a failed payment's": {"portone", func(c *town) string {
		return portoneHook(testbed.Parameter(c.TossPay(c.Order("portone", "order-1", 24*time.Hour), "fail"), "imp_uid"), "order-1", "paid")
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Open, 1) }, nil, 1_000},
	"Toss Payments'": {"toss", func(c *town) string {
		_, key, _ := c.paidOrder("toss", "order-1")
		return tossHook(key, "order-1", "DONE")
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Paid, 1) }, nil, 1_000},
	"an issuance's": {"portone", func(c *town) string {
		c.popup(c.subscribe("sub-0001"), "close-popup")
		return c.Hooks.Records()[0].Body
	}, func(c *town) { c.wantSubscription("flood", "sub-0001", subscription.Active) }, nil, 10_000},
	"an issuance's that is not there": {"portone", func(c *town) string {
		c.subscribe("sub-0001")
		return portoneHook("imp_1", "sub-0001--key1", "paid")
	}, func(c *town) { c.wantSubscription("flood", "sub-0001", subscription.Enrolling) }, nil, 1_000},
	"one during which money is given back": {"portone", func(c *town) string {
		_, key, _ := c.paidOrder("portone", "order-1")
		return portoneHook(key, "order-1", "paid")
	}, func(c *town) { c.WantOrder("flood", "order-1", order.Refunded, 1) }, func(c *town) {
		if err := c.PortOne.ConsoleCancel(c.ReadOrder("order-1").Payment.Key, 0); err != nil {
			c.T.Error(err)
		}
	}, 2_000},
	"Toss Payments' during which a part is given back": {"toss", func(c *town) string {
		_, key, _ := c.paidOrder("toss", "order-1")
		return tossHook(key, "order-1", "DONE")
	}, func(c *town) {
		if got := c.WantOrder("flood", "order-1", order.Paid, 1); got.Payment.Balance != price-4000 {
			c.T.Errorf("balance %d", got.Payment.Balance)
		}
	}, func(c *town) {
		if err := c.Toss.ConsoleCancel(c.ReadOrder("order-1").Payment.Key, 4000); err != nil {
			c.T.Error(err)
		}
	}, 1_000},
}

// TestFlood: ten thousand copies of one webhook, at once and over a minute. All are answered 200, the provider is asked at most twice in
// any second, and the state is right afterwards. A refund made meanwhile in the console is not lost.
func TestFlood(t *testing.T) {
	t.Parallel()
	for name, f := range floods {
		for _, lasts := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("%s within %v", name, lasts), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					c := newTown(t, testbed.Quiet)
					body := f.prepare(c)
					time.Sleep(10 * time.Second)
					var mu sync.Mutex
					var asked []time.Duration
					began := time.Now()
					door := c.Process(func(name string, carryOut func()) error {
						if name == "provider" {
							mu.Lock()
							asked = append(asked, time.Since(began))
							mu.Unlock()
						}
						carryOut()
						return nil
					})
					var all sync.WaitGroup
					answers := map[int]int{}
					for i := range f.copies {
						all.Go(func() {
							time.Sleep(lasts * time.Duration(i) / time.Duration(f.copies))
							v := c.At(door).Post("/webhooks/"+f.provider+"/"+world.WebhookToken, body)
							mu.Lock()
							answers[v.Status]++
							mu.Unlock()
						})
					}
					if f.console != nil {
						time.Sleep(lasts/2 + 20*time.Millisecond)
						f.console(c)
						c.mail() // its own webhook, into the flood
					}
					all.Wait()
					took := time.Since(began)
					if answers[http.StatusOK] != f.copies {
						t.Errorf("answers %v, want all 200", answers)
					}
					seconds := int(took/time.Second) + 1
					if len(asked) > 2*seconds {
						t.Errorf("%d provider calls in %v, want at most 2 a second", len(asked), took)
					}
					slices.Sort(asked)
					for i := range asked {
						if i+2 < len(asked) && asked[i+2]-asked[i] < time.Second {
							t.Errorf("three provider calls within a second: %v", asked[i:i+3])
							break
						}
					}
					t.Logf("%d copies in %v: %d provider calls, answers %v", f.copies, took, len(asked), answers)
					c.mail()
					f.check(c)
				})
			})
		}
	}
}
