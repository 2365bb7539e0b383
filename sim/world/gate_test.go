package world_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/wire"
	"tosspay-sam/sim/world"
)

// gated lets PortOne ask before an order's window captures. Two windows of one number may both capture, which PortOne does not rule out, and its
// second lock, the registered amount, is open: what the gate does not stop is taken.
func gated(o *world.Options) {
	o.ConfirmGate, o.PortOne.TwoWindowsCapture, o.PortOne.IgnorePrepare = true, true, true
}

// stopped checks that a window ended without a payment, and what it told the buyer.
func (x *outside) stopped(back, reason string) {
	x.T.Helper()
	if got := testbed.Parameter(back, "error_msg"); testbed.Parameter(back, "error_code") == "" || !strings.Contains(got, reason) {
		x.T.Errorf("the window ended with %q %q, want a reason with %q", testbed.Parameter(back, "error_code"), got, reason)
	}
}

// TestGateLeavesNothingToGiveBack: with the gate on, what else is captured and given back is never captured.
func TestGateLeavesNothingToGiveBack(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		buy      func(x *outside, b testbed.Sale)
		status   string
		captures int
	}{
		{"one window", func(x *outside, b testbed.Sale) {
			x.Get(x.approves(x.tab(b)))
			x.audit("order-1", "paid", 1)
		}, "paid", 1},
		{"the second tab, declined in the other one", func(x *outside, b testbed.Sale) {
			first, second := x.tab(b), x.tab(b)
			session := x.OpenWindow(first)
			x.Get(x.presses(second, x.OpenWindow(second), "fail"))
			back := x.presses(first, session, "approve")
			x.stopped(back, "out of date")
			x.Get(back)
			x.Get(x.approves(x.tab(b)))
		}, "paid", 1},
		{"two windows of one number", func(x *outside, b testbed.Sale) {
			first, second := x.tab(b), x.tab(b)
			session := x.OpenWindow(second)
			back := x.approves(first)
			x.stopped(x.presses(second, session, "approve"), "do not pay again")
			x.Get(back)
		}, "paid", 1},
		{"two windows, the first one's buyer is back", func(x *outside, b testbed.Sale) {
			first, second := x.tab(b), x.tab(b)
			session := x.OpenWindow(second)
			x.Get(x.approves(first))
			back := x.presses(second, session, "approve")
			x.stopped(back, "paid already")
			if title := x.Get(back).Title(); title != paidPage {
				x.T.Errorf("the order is paid, and the page says %q", title)
			}
		}, "paid", 1},
		{"two windows, no webhook and no return", func(x *outside, b testbed.Sale) {
			first, second := x.tab(b), x.tab(b)
			session := x.OpenWindow(second)
			x.fault("portone", "webhook", "refuse-connection", 10)
			x.approves(first)
			x.Pass("10m")
			x.presses(second, session, "approve")
		}, "paid", 1},
		{"another amount", func(x *outside, b testbed.Sale) {
			window := x.tab(b)
			edited := maps.Clone(window)
			edited["amount"] = float64(100)
			back := x.approves(edited)
			x.stopped(back, "not that of your order")
			x.Get(back)
			x.Get(x.approves(x.tab(b)))
		}, "paid", 1},
		{"another amount, changed in the open window", func(x *outside, b testbed.Sale) {
			window := x.tab(b)
			form := window.Form("mode", "redirect", "outcome", "approve", "session", x.OpenWindow(window), "tamperAmount", "100")
			back := x.PostForm("/sim/portone/window", form).Location()
			x.stopped(back, "not that of your order")
			x.Get(back)
		}, "expired", 0},
		{"late", func(x *outside, b testbed.Sale) {
			window := x.tab(b)
			session := x.OpenWindow(window)
			x.Pass("11m")
			back := x.presses(window, session, "approve")
			x.stopped(back, "time to pay")
			x.Get(back)
		}, "expired", 0},
		{"declined, and again", func(x *outside, b testbed.Sale) {
			window := x.tab(b)
			x.Get(x.presses(window, x.OpenWindow(window), "fail"))
			x.Get(x.approves(x.tab(b)))
		}, "paid", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t, gated)
				b := x.Order("portone", "order-1", 10*time.Minute)
				tc.buy(x, b)
				x.Pass("2d")
				x.audit("order-1", tc.status, tc.captures)
				x.nothingBack()
			})
		})
	}
}

// nothingBack: no money was given back.
func (x *outside) nothingBack() {
	x.T.Helper()
	if r := x.Get("/sim/ledger"); strings.Contains(r.Body, `"cancel"`) {
		x.T.Errorf("money was given back: %s", r.Body)
	}
}

// TestGateDownOrSlow: PortOne's question, or our answer, is lost or late. Then the window takes nothing, or what it takes is recorded; the buyer
// pays again a minute later, and nothing is given back.
func TestGateDownOrSlow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		fault    string
		captures bool // at the first try
	}{
		{`"fault":"refuse-connection"`, false},
		{`"fault":"lose-reply"`, false},
		{`"fault":"http-500"`, false},
		{`"fault":"http-500","moment":"after"`, false},
		{`"fault":"http-429"`, false},
		{`"fault":"garbage"`, false},
		{`"fault":"delay","delay":"1s"`, true},
		{`"fault":"delay","delay":"4s","moment":"after"`, true},
		{`"fault":"delay","delay":"6s"`, false},
		{`"fault":"delay","delay":"6s","moment":"after"`, false},
		{`"fault":"delay","delay":"9m"`, false}, // it is asked when nobody waits any more
	} {
		for _, twice := range []bool{false, true} {
			for _, comesBack := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, asked twice %v, the buyer returns %v", tc.fault, twice, comesBack), func(t *testing.T) {
					t.Parallel()
					bubble(t, func(t *testing.T) {
						x := newOutside(t, gated, func(o *world.Options) { o.PortOne.ConfirmTwice = twice })
						b := x.Order("portone", "order-1", 24*time.Hour)
						x.control("/sim/faults", `{"provider":"portone","operation":"confirm-gate",`+tc.fault+`}`)
						back := x.approves(x.tab(b))
						taken, _ := x.money("order-1")
						if stopped := testbed.Parameter(back, "error_code") != ""; stopped == (taken == 1) || tc.captures && taken == 0 || !tc.captures && !twice && taken > 0 {
							t.Errorf("%d captures, and the window says %q", taken, testbed.Parameter(back, "error_code"))
						}
						if comesBack {
							x.Get(back)
						}
						x.Pass("3m")
						if taken == 0 {
							again := x.tab(b)
							if again == nil {
								t.Fatalf("nothing was taken, and the order is %s: nobody can pay it", x.ReadOrder("order-1").Status)
							}
							x.Get(x.approves(again))
						}
						x.Pass("2d")
						x.audit("order-1", "paid", 1)
						x.nothingBack()
					})
				})
			}
		}
	}
}

// TestGateApprovedAndLeft: a window is let through and never captures: its buyer closed it, or PortOne lost it. The order is payable again once
// the window can capture no more, and at once when the lookup says that it failed.
func TestGateApprovedAndLeft(t *testing.T) {
	t.Parallel()
	for _, declined := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			x := newOutside(t, gated)
			b := x.Order("portone", "order-1", 24*time.Hour)
			window := x.tab(b)
			session := x.OpenWindow(window)
			if got := x.asksGate(window, session, price); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			if x.tab(b) != nil {
				t.Error("money may be taken, and the page offers to pay")
			}
			wait := "80m"
			if declined {
				x.presses(window, session, "cancel")
				wait = "2m"
			}
			x.Pass(wait)
			again := x.tab(b)
			if again == nil {
				t.Fatalf("declined %v: after %s the order is %s", declined, wait, x.ReadOrder("order-1").Status)
			}
			if got := x.asksGate(window, session, price); got.Status != http.StatusConflict {
				t.Errorf("the window that was left asks once more: %d %s", got.Status, got.Body)
			}
			x.Get(x.approves(again))
			x.Pass("2d")
			x.audit("order-1", "paid", 1)
			x.nothingBack()
		})
	}
}

// asksGate is PortOne's question about a window.
func (x *outside) asksGate(window testbed.Window, key string, amount int64) testbed.Answer {
	x.T.Helper()
	gate, _ := window["confirm_url"].(string)
	return x.Post(gate, fmt.Sprintf(`{"imp_uid":%q,"merchant_uid":%q,"amount":%d}`, key, window["merchant_uid"], amount))
}

// TestGateFiftyAtOnce: questions about two windows, and about fifty, all at once, in processes of their own. One window is let through.
func TestGateFiftyAtOnce(t *testing.T) {
	t.Parallel()
	for _, windows := range []int{2, 50} {
		bubble(t, func(t *testing.T) {
			c := newTown(t, gated)
			s := c.Reopened(c.Order("portone", "order-1", 24*time.Hour))
			gate := strings.TrimPrefix(s.Window.Text("confirm_url"), base)
			var mu sync.Mutex
			through, statuses := map[string]bool{}, map[int]int{}
			var all sync.WaitGroup
			for i := range 50 {
				key := fmt.Sprintf("imp_%d", i%windows)
				door := c.Process(func(_ string, carryOut func()) error {
					time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
					carryOut()
					return nil
				})
				all.Go(func() {
					v := c.At(door).Post(gate, fmt.Sprintf(`{"imp_uid":%q,"merchant_uid":"order-1","amount":15000}`, key))
					mu.Lock()
					defer mu.Unlock()
					statuses[v.Status]++
					if v.Status == http.StatusOK {
						through[key] = true
					}
				})
			}
			all.Wait()
			if h := c.ReadOrder("order-1").History; h[len(h)-1].Event != order.Approved {
				t.Errorf("history %v", h)
			}
			if len(through) != 1 {
				t.Errorf("%d windows of %d are let through: %v", len(through), windows, statuses)
			}
			c.WantOrder("after fifty questions", "order-1", order.Processing, 1)
		})
	}
}

// TestGateDies: the process dies between any two of its steps. What it wrote is settled by the lookup; what PortOne did not hear it does not
// capture, and the next number can be paid a moment later.
func TestGateDies(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"get", "save"} {
		for _, carriesOut := range []bool{false, true} {
			for _, again := range []bool{false, true} {
				bubble(t, func(t *testing.T) {
					var doors http.Handler
					asked := wire.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { doors.ServeHTTP(w, r) }))
					c := newTown(t, func(o *world.Options) { gated(o); o.PortOne.ConfirmTwice, o.PortOne.Confirm = again, asked })
					s := c.Reopened(c.Order("portone", "order-1", 24*time.Hour))
					died := false
					doors = c.Process(func(name string, carryOut func()) error {
						if name != at || died {
							carryOut()
							return nil
						}
						if died = true; carriesOut {
							carryOut()
						}
						panic(http.ErrAbortHandler)
					})
					back := c.TossPay(s, "approve")
					what := fmt.Sprintf("dead at %s, carried out %v, asked again %v", at, carriesOut, again)
					captures, _ := c.Moved("order-1")
					if (len(captures) == 1) != again {
						t.Errorf("%s: %d captures", what, len(captures))
					}
					c.Get(back)
					if !again {
						if got := c.WantOrder(what, "order-1", order.Open, 2); got.Status == order.Open {
							c.Get(c.TossPay(c.Reopened(s), "approve"))
						}
					}
					c.mailAll()
					c.rest("order-1")
					if got := c.ReadOrder("order-1"); got.Status != order.Paid {
						t.Errorf("%s: the order is %s", what, got.Status)
					}
					c.wantMoved(what, "order-1", 1, 0)
				})
			}
		}
	}
}

// TestGateBesideAFlood: copies of a webhook flood the webhook function, and lookups are slow. The gate answers within a second, and yes.
func TestGateBesideAFlood(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t, gated)
		s := c.Reopened(c.Order("portone", "order-1", 24*time.Hour))
		slowly := func(name string, carryOut func()) error {
			if name == "provider" || name == "token" {
				time.Sleep(2 * time.Second)
			} else {
				time.Sleep(5 * time.Millisecond)
			}
			carryOut()
			return nil
		}
		notice := strings.TrimPrefix(s.Window.Text("notice_url"), base)
		hooks, gate := c.Process(slowly), c.Process(slowly)
		var flood sync.WaitGroup
		for i := range 250 {
			flood.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond)
				c.At(hooks).Post(notice, fmt.Sprintf(`{"imp_uid":"imp_%d","merchant_uid":"order-1","status":"paid"}`, i%3))
			})
		}
		time.Sleep(2500 * time.Millisecond)
		began := time.Now()
		v := c.At(gate).Post(strings.TrimPrefix(s.Window.Text("confirm_url"), base), `{"imp_uid":"imp_9","merchant_uid":"order-1","amount":15000}`)
		if d := time.Since(began); v.Status != http.StatusOK || d > time.Second {
			t.Errorf("%d %s after %v", v.Status, v.Body, d)
		}
		flood.Wait()
	})
}

// TestGateAtRandom: buyers with windows of every number, approved, declined and cancelled as it comes, returns followed or not, webhooks, lookups
// and questions lost. At most one payment is taken, it is recorded, and nothing is ever given back.
func TestGateAtRandom(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	var mu sync.Mutex
	captures, stopped := 0, 0
	t.Run("orders", func(t *testing.T) {
		for i := range 60 {
			t.Run(fmt.Sprint("seed ", seed+uint64(i)), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					taken, refused := gateWalk(t, rand.New(rand.NewPCG(seed+uint64(i), 0)))
					mu.Lock()
					defer mu.Unlock()
					captures, stopped = captures+taken, stopped+refused
				})
			})
		}
	})
	t.Logf("seeds %d to %d: %d of 60 orders paid, %d windows stopped", seed, seed+59, captures, stopped)
	if captures < 20 || stopped < 20 {
		t.Error("the buyers did not do what they are for")
	}
}

func gateWalk(t *testing.T, rng *rand.Rand) (captures, stopped int) {
	t.Helper()
	x := newOutside(t, gated, func(o *world.Options) { o.PortOne.ConfirmTwice = rng.IntN(2) == 0 })
	b := x.Order("portone", "order-1", 2*time.Hour)
	type opened struct {
		window  testbed.Window
		session string
	}
	var windows []opened
	for range 25 {
		switch rng.IntN(8) {
		case 0, 1:
			if window := x.tab(b); window != nil {
				windows = append(windows, opened{window, x.OpenWindow(window)})
			}
		case 2, 3, 4:
			if len(windows) == 0 {
				continue
			}
			w := windows[rng.IntN(len(windows))]
			back := x.presses(w.window, w.session, []string{"approve", "approve", "fail", "cancel"}[rng.IntN(4)])
			if testbed.Parameter(back, "error_code") == "CONFIRM_REFUSED" {
				stopped++
			}
			if rng.IntN(3) > 0 {
				x.Get(back)
			}
		case 5:
			operation := []string{"confirm-gate", "confirm-gate", "webhook", "payment", "find-all"}[rng.IntN(5)]
			x.fault("portone", operation, []string{"refuse-connection", "lose-reply", "http-500"}[rng.IntN(3)], 1+rng.IntN(3))
		default:
			x.Pass(fmt.Sprintf("%ds", 1+rng.IntN(600)))
		}
	}
	x.fault("portone", "*", "none", 1)
	x.Pass("2d")
	captures, _ = x.money("order-1")
	status := x.ReadOrder("order-1").Status
	if captures > 1 || (captures == 1) != (status == "paid") {
		t.Errorf("%d captures, and the order is %s", captures, status)
	}
	x.nothingBack()
	return captures, stopped
}

// TestGateUnderOtherKeys: nobody here could see what a window of another account takes, so none is let through; nor is one whose keys the secret
// still holds as previous. With the first keys back it is.
func TestGateUnderOtherKeys(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t, gated)
		window := x.tab(x.Order("portone", "order-1", 24*time.Hour))
		first := x.own()
		for name, other := range map[string]*outside{
			"other keys": x.behind(otherKeys), "the keys are previous": newOutside(t, func(o *world.Options) { o.Before = first }),
		} {
			if got := other.asksGate(window, "imp_1", price); got.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s", name, got.Status, got.Body)
			}
			if got := x.ReadOrder("order-1").Status; got != "open" {
				t.Errorf("%s: the order is %s", name, got)
			}
		}
		x.Get(x.approves(window))
		x.audit("order-1", "paid", 1)
	})
}

// TestCostOfAGatedPayment: what the question, and the return behind it, cost.
func TestCostOfAGatedPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var question toll
		var doors http.Handler
		asked := wire.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { doors.ServeHTTP(w, r) }))
		c := newTown(t, func(o *world.Options) { gated(o); o.PortOne.Confirm = asked })
		s := c.Order("portone", "order-1", 24*time.Hour)
		doors = c.Process(question.pass)
		back := c.TossPay(s, "approve")
		for operation, want := range map[string]int{"get": 1, "save": 1, "lease": 0, "claim": 0, "provider": 0, "token": 0} {
			if got := question.of(operation); got != want {
				t.Errorf("the question cost %d of %s, want %d", got, operation, want)
			}
		}
		var returned toll
		c.At(c.Process(returned.pass)).Get(back)
		c.WantOrder("after the return", "order-1", order.Paid, 1)
		for operation, want := range map[string]int{"get": 1, "save": 1, "lease": 0, "provider": 1} {
			if got := returned.of(operation); got != want {
				t.Errorf("the return cost %d of %s, want %d", got, operation, want)
			}
		}
	})
}
