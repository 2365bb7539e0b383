package world_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// The headings of the pages that the other tests do not know, in English.
const (
	townReturned = "The payment did not match your order"
)

var ignorePrepare testbed.Option = func(o *world.Options) { o.PortOne.IgnorePrepare = true }

// TestTossPayOrderIsPaid: by popup and by redirect, with and without imp_uid, with the webhook before, after and lost.
func TestTossPayOrderIsPaid(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"redirect", "popup"} {
		for _, missing := range []bool{false, true} {
			for _, post := range []string{"before the return", "after the return", "lost", "twice"} {
				t.Run(fmt.Sprintf("%s, imp_uid missing %v, webhook %s", way, missing, post), func(t *testing.T) {
					t.Parallel()
					bubble(t, func(t *testing.T) {
						c := newTown(t)
						s := c.Order("portone", "order-1", 24*time.Hour)
						if post == "lost" {
							c.silence(1)
						}
						pay := c.TossPay
						if way == "popup" {
							pay = c.popup
						}
						address := pay(s, "approve")
						if missing {
							address = testbed.Edited(address, "imp_uid", "-")
						}
						c.WantOrder("the window alone", "order-1", order.Open, 1)
						if post == "before the return" || post == "twice" {
							c.mail()
							c.WantOrder("the webhook", "order-1", order.Paid, 1)
						}
						v := c.Get(address)
						c.WantTitle("the return", v, paidPage)
						if v.CanPay() {
							t.Error("the paid page invites to pay again")
						}
						c.mail()
						if post == "twice" {
							if _, err := c.Hooks.Replay(t.Context(), 0, 3); err != nil {
								t.Fatal(err)
							}
						}
						c.WantTitle("the reload", c.Get(address), paidPage)
						got := c.WantOrder("in the end", "order-1", order.Paid, 1)
						if got.Payment == nil || !strings.HasPrefix(got.Payment.Key, "imp_") || got.Payment.Balance != price || !got.DueAt.After(time.Now().Add(70*time.Minute)) {
							t.Errorf("read back %+v", got)
						}
						for _, r := range c.Hooks.Records() {
							if r.LastStatus != http.StatusOK {
								t.Errorf("the webhook was answered %d", r.LastStatus)
							}
						}
						c.wantMoved("paid", "order-1", 1, 0)
						c.wantLawful()
					})
				})
			}
		}
	}
}

// TestTossPayNobodyTellsUs: the popup is closed and the webhook lost. The due time finds the money.
func TestTossPayNobodyTellsUs(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 1*time.Hour)
		c.silence(1)
		if address := c.popup(s, "close-popup"); address != "" {
			t.Fatalf("a closed popup told the page %q", address)
		}
		c.end("order-1")
		c.WantOrder("in the end", "order-1", order.Paid, 1)
		c.wantMoved("in the end", "order-1", 1, 0)
	})
}

// TestTossPayWebhookWhileTheProviderIsDown: the one webhook comes while nothing can be looked up. The order still ends.
func TestTossPayWebhookWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		c.popup(s, "close-popup")
		c.Fault(fault.Fault{Provider: "portone", Operation: fault.Any, Kind: fault.RefuseConnection, Times: 100})
		c.mail()
		c.Fault(fault.Fault{Provider: "portone", Operation: fault.Any, Kind: fault.None})
		began := time.Now()
		for c.ReadOrder("order-1").Status != order.Paid && time.Since(began) < 2*time.Hour {
			time.Sleep(time.Until(c.ReadOrder("order-1").DueAt))
			c.Settle("order-1")
		}
		took := time.Since(began)
		c.WantOrder("in the end", "order-1", order.Paid, 1)
		if took > time.Hour {
			t.Errorf("a webhook told us of the money, and it is recorded %v later: until then the page invites to pay again", took)
		}
	})
}

// TestTossPayHostileReturns: what a return may bring that is not the order's payment. Nothing is ever paid by it, nothing given back, and
// the order can be paid afterwards.
func TestTossPayHostileReturns(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"forged imp_uid":               {"imp_uid", "imp_999999999999"},
		"another order's imp_uid":      {"imp_uid", "{other}"},
		"imp_success and nothing paid": {"imp_success", "true"},
		"success and nothing paid":     {"success", "true", "imp_uid", "imp_1"},
		"path characters":              {"merchant_uid", "../../order-2", "imp_uid", "../payments/status/paid"},
		"another order's number":       {"merchant_uid", "order-2", "imp_uid", "{other}"},
		"an issuance's number":         {"merchant_uid", "order-1--key1"},
		"markup":                       {"error_code", "<b>", "error_msg", "<script>alert(1)</script>\n{\"event\":\"money.transition\"}"},
		"huge":                         {"imp_uid", strings.Repeat("9", 5000), "error_msg", strings.Repeat("가", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				victim, other := c.Order("portone", "order-1", 24*time.Hour), c.Order("portone", "order-2", 24*time.Hour)
				paid := c.TossPay(other, "approve")
				c.WantTitle("the other order", c.Get(paid), paidPage)
				for i, e := range edits {
					edits[i] = strings.ReplaceAll(e, "{other}", testbed.Parameter(paid, "imp_uid"))
				}
				address := testbed.Edited(victim.Window.Text("m_redirect_url"), edits...)
				for range 3 {
					v := c.Get(address)
					if v.Title() == paidPage || strings.Contains(v.Body, "<script>alert") || v.Status >= 500 {
						t.Errorf("%d %q", v.Status, v.Title())
					}
					time.Sleep(time.Second)
				}
				if s := c.ReadOrder("order-1").Status; s != order.Open && s != order.Processing {
					t.Errorf("nothing was paid, and the order is %s", s)
				}
				parked := time.Now()
				c.rest("order-1")
				got := c.ReadOrder("order-1")
				if got.Status != order.Open || time.Since(parked) > 5*time.Minute {
					t.Errorf("nothing was paid, and the order is %s after %v", got.Status, time.Since(parked))
				}
				c.wantMoved("hostile", "order-1", 0, 0)
				c.wantMoved("the other one", "order-2", 1, 0)
				c.WantOrder("the other one", "order-2", order.Paid, 1)
				c.WantTitle("and then it is paid", c.Get(c.TossPay(c.Reopened(got), "approve")), paidPage)
				if strings.Contains(c.Log.String(), "alert(1)") {
					t.Error("the error_msg of a redirect is in the log")
				}
			})
		})
	}
}

// TestTossPayNothingPaidChangesNoState: a return that says success while the provider knows no payment changes no state (issue: "none
// changes state").
func TestTossPayNothingPaidChangesNoState(t *testing.T) {
	t.Parallel()
	for name, query := range map[string][]string{
		"imp_success=true": {"imp_success", "true"}, "forged imp_uid": {"imp_uid", "imp_999999999999", "merchant_uid", "order-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.Order("portone", "order-1", 24*time.Hour)
				c.Get(testbed.Edited(s.Window.Text("m_redirect_url"), query...))
				c.WantOrder("nothing was paid", "order-1", order.Open, 1)
			})
		})
	}
}

// TestTossPayFailsThenPays: a failed window opens the next attempt, which is registered, and the first number is never used again.
func TestTossPayFailsThenPays(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"fail", "cancel"} {
		for _, way := range []string{"redirect", "popup"} {
			t.Run(outcome+" "+way, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					c := newTown(t)
					s := c.Order("portone", "order-1", 24*time.Hour)
					pay := c.TossPay
					if way == "popup" {
						pay = c.popup
					}
					first := pay(s, outcome)
					v := c.Get(first)
					if !v.CanPay() || v.Title() == paidPage {
						t.Errorf("the failed return: %q, invites %v", v.Title(), v.CanPay())
					}
					c.WantOrder("failed", "order-1", order.Open, 2)
					if got := c.PortOne.Calls()[portonesim.OpPrepare]; got != 2 {
						t.Errorf("%d amounts registered, want one for each attempt", got)
					}
					// The second number is registered: a tampered amount does not even open the window.
					second := c.Reopened(s)
					if second.Window["merchant_uid"] != "order-1--2" {
						t.Errorf("the second window is for %v", second.Window["merchant_uid"])
					}
					if blocked := c.TossPay(second, "approve", "tamperAmount", "100"); testbed.Parameter(blocked, "error_code") != "PREPARE_MISMATCH" {
						t.Errorf("attempt 2 is not registered: %s", blocked)
					}
					c.WantTitle("the second return", c.Get(pay(second, "approve")), paidPage)
					c.WantTitle("back to the first return", c.Get(first), paidPage)
					c.WantOrder("in the end", "order-1", order.Paid, 2)
					c.wantMoved("in the end", "order-1", 1, 0)
					c.wantLawful()
				})
			})
		}
	}
}

// TestTossPayFailedTabAndPaidTab: two windows of one number; one takes the money and nobody tells us, the other fails and comes back. All
// payments of the number count, not the one that is named.
func TestTossPayFailedTabAndPaidTab(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("webhook told %v", told), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.Order("portone", "order-1", 2*time.Hour)
				failing := c.OpenWindow(s.Window)
				if !told {
					c.silence(1)
				}
				c.popup(s, "close-popup")
				address := c.TossPay(s, "fail", "session", failing)
				if testbed.Parameter(address, "imp_uid") == "" || testbed.Parameter(address, "error_code") == "" {
					t.Fatalf("the failing tab came back with %s", address)
				}
				v := c.Get(address)
				c.wantMoved("both tabs", "order-1", 1, 0)
				if v.CanPay() {
					t.Errorf("the money is taken and the page %q invites to pay again", v.Title())
				}
				c.mail()
				c.end("order-1")
				if got := c.ReadOrder("order-1"); got.Status != order.Paid {
					t.Errorf("captured, and the order ends %s in attempt %d: the money is lost; history %v", got.Status, got.Attempt, got.History)
				}
			})
		})
	}
}

// TestTossPayFailsAfterItsTime: two windows were opened in time. One fails after it, and the order stays open although nobody can open another
// one, because the other takes the money later, and nobody tells us.
func TestTossPayFailsAfterItsTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 2*time.Hour)
		failing, paying := c.OpenWindow(s.Window), c.OpenWindow(s.Window)
		time.Sleep(time.Until(s.ExpiresAt.Add(time.Minute)))
		c.silence(2)
		v := c.Get(c.TossPay(s, "fail", "session", failing))
		if v.CanPay() {
			t.Errorf("the time is over, and the page %q invites to pay again", v.Title())
		}
		c.WantTitle("after the time", v, expiredPage)
		c.WantOrder("a window may be open", "order-1", order.Open, 2)
		if got := c.PortOne.Calls()[portonesim.OpPrepare]; got != 1 {
			t.Errorf("%d amounts registered, want that of the first attempt", got)
		}
		time.Sleep(30 * time.Minute)
		if err := c.PortOne.PayLate(paying); err != nil { // and the buyer never comes back
			t.Fatal(err)
		}
		c.wantMoved("both windows", "order-1", 1, 0)
		c.end("order-1")
		c.WantOrder("in the end", "order-1", order.Paid, 2) // by the payment of the first number
		c.wantLawful()
	})
}

// TestTossPayTwoWindowsCapture: both windows take money. One pays, the other is given back, whoever tells us of it.
func TestTossPayTwoWindowsCapture(t *testing.T) {
	t.Parallel()
	for _, tells := range []string{"webhooks", "returns"} {
		t.Run(tells, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t, func(o *world.Options) { o.PortOne.TwoWindowsCapture = true })
				s := c.Order("portone", "order-1", 2*time.Hour)
				first, second := c.OpenWindow(s.Window), c.OpenWindow(s.Window)
				if tells == "returns" {
					c.silence(2)
				}
				one := c.TossPay(s, "approve", "session", first)
				two := c.TossPay(s, "approve", "session", second)
				if tells == "returns" {
					c.WantTitle("the first return", c.Get(one), paidPage)
					c.WantTitle("the second return", c.Get(two), paidPage)
				}
				c.mail()
				c.end("order-1")
				c.WantOrder("in the end", "order-1", order.Paid, 1)
				c.wantMoved("two windows", "order-1", 2, 1)
			})
		})
	}
}

// mismatches are captures that are not the order's to keep.
var mismatches = map[string]struct {
	edits []string
	taken int64
}{
	"a won less":           {[]string{"tamperAmount", "14999"}, 14999},
	"a won more":           {[]string{"tamperAmount", "15001"}, 15001},
	"one won":              {[]string{"tamperAmount", "1"}, 1},
	"the window's amount":  {[]string{"amount", "100"}, 100},
	"another currency":     {[]string{"currency", "USD"}, price},
	"another merchant id":  {[]string{"pg", "tosspay_v2." + portonesim.DefaultMID}, price},
	"another pay currency": {[]string{"currency", "JPY", "amount", "15001"}, 15001},
}

// TestTossPayMismatch: money of another amount, currency or account is given back in full once, however often the cancel's reply is lost,
// the buyer is told, and the next attempt can be paid.
func TestTossPayMismatch(t *testing.T) {
	t.Parallel()
	for name, m := range mismatches {
		for _, lost := range []int{0, 1, 3} {
			for _, first := range []string{"return", "webhook"} {
				t.Run(fmt.Sprintf("%s, %d replies lost, %s first", name, lost, first), func(t *testing.T) {
					t.Parallel()
					bubble(t, func(t *testing.T) {
						c := newTown(t, ignorePrepare)
						s := c.Order("portone", "order-1", 24*time.Hour)
						if lost > 0 {
							c.Fault(fault.Fault{Provider: "portone", Operation: portonesim.OpCancel, Kind: fault.LoseReply, Times: lost})
						}
						address := c.TossPay(s, "approve", m.edits...)
						if first == "webhook" {
							c.mail()
						}
						v := c.Get(address)
						if v.Title() == paidPage || v.CanPay() && c.ReadOrder("order-1").Attempt == 1 {
							t.Errorf("the mismatched return: %q, invites %v", v.Title(), v.CanPay())
						}
						if lost == 0 {
							c.WantTitle("the return", v, townReturned)
						}
						c.rest("order-1")
						c.WantTitle("the reload", c.Get(address), townReturned)
						taken, back := c.Moved("order-1")
						if len(taken) != 1 || len(back) != 1 || back[0].Amount != taken[0].Amount || taken[0].Amount != m.taken {
							t.Errorf("taken %+v, given back %+v: want all of it, once", taken, back)
						}
						if c.Log.Count("money.reversal") != 1 {
							t.Errorf("%d reversals in the log, want 1", c.Log.Count("money.reversal"))
						}
						c.mail() // a late webhook of the payment that was given back
						if _, err := c.Hooks.Replay(t.Context(), 0, 2); err != nil {
							t.Fatal(err)
						}
						got := c.WantOrder("given back", "order-1", order.Open, 2)
						if got.Status != order.Open {
							return
						}
						c.WantTitle("and then it is paid", c.Get(c.TossPay(c.Reopened(s), "approve")), paidPage)
						c.WantOrder("in the end", "order-1", order.Paid, 2)
						c.wantMoved("in the end", "order-1", 2, 1)
						c.wantLawful()
					})
				})
			}
		}
	}
}

// TestTossPayMismatchCrash kills the process that meets a mismatch at every call, and lets the schedule go on: one capture, one cancel.
func TestTossPayMismatchCrash(t *testing.T) {
	t.Parallel()
	total := 0
	for _, after := range []bool{false, true} {
		for dies := 1; dies < 12; dies++ {
			made := 0
			bubble(t, func(t *testing.T) {
				c := newTown(t, ignorePrepare, testbed.Quiet)
				s := c.Order("portone", "order-1", 24*time.Hour)
				address := c.TossPay(s, "approve", "tamperAmount", "14000")
				door := c.Process(func(_ string, carryOut func()) error {
					made++
					if made > dies || made == dies && !after {
						return errLostReply
					}
					carryOut()
					if made == dies {
						return errLostReply
					}
					return nil
				})
				c.At(door).Get(address)
				c.mail()
				c.rest("order-1")
				taken, back := c.Moved("order-1")
				if len(taken) != 1 || len(back) != 1 || back[0].Amount != 14000 {
					t.Errorf("the process died at call %d, after %v: taken %+v, given back %+v", dies, after, taken, back)
				}
				if got := c.ReadOrder("order-1"); got.Status != order.Open || got.Attempt != 2 {
					t.Errorf("the process died at call %d, after %v: %s in attempt %d; history %v", dies, after, got.Status, got.Attempt, got.History)
				}
			})
			total++
			if made < dies {
				break
			}
		}
	}
	t.Logf("%d deaths", total)
}

// TestSandboxPaymentInLiveMode: test money pays nothing. It is refused and alarmed, never paid and never cancelled.
func TestSandboxPaymentInLiveMode(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"return", "return without imp_uid", "webhook", "advance"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t, live)
				s := c.Order("portone", "order-1", 1*time.Hour)
				address := c.TossPay(s, "approve") // every payment of this simulator is test money
				switch first {
				case "return":
					c.wantNotPaidPage(c.Get(address))
				case "return without imp_uid":
					c.wantNotPaidPage(c.Get(testbed.Edited(address, "imp_uid", "-")))
				case "webhook":
					c.mail()
				}
				if first != "advance" && c.Log.Count("security.sandbox_payment") == 0 {
					t.Error("test money in live mode and no alarm")
				}
				c.mailAll()
				got := c.end("order-1")
				if got.Status == order.Paid || got.Status == order.Refunded || got.Payment != nil {
					t.Errorf("test money made the order %s: %+v", got.Status, got.Payment)
				}
				if c.Log.Count("security.sandbox_payment") == 0 {
					t.Error("test money in live mode and no alarm")
				}
				if n := c.PortOne.Calls()[portonesim.OpCancel]; n != 0 {
					t.Errorf("test money was cancelled %d times", n)
				}
			})
		})
	}
}

func (c *town) wantNotPaidPage(v testbed.Answer) {
	c.T.Helper()
	if v.Title() == paidPage || v.Status >= 500 {
		c.T.Errorf("page %q (%d)", v.Title(), v.Status)
	}
}

// TestPrepareFails: the order cannot be registered. The merchant is told to send the same request again, and that works.
func TestPrepareFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []fault.Fault{
		{Kind: fault.RefuseConnection}, {Kind: fault.InternalError}, {Kind: fault.InternalError, Moment: fault.After}, {Kind: fault.LoseReply},
		{Kind: fault.TooManyRequests}, {Kind: fault.Garbage}, {Kind: fault.Delay, Delay: time.Minute},
	} {
		t.Run(kind.Kind+kind.Moment, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				kind.Provider, kind.Operation = "portone", portonesim.OpPrepare
				c.Fault(kind)
				request := fmt.Sprintf(`{"orderId":"order-1","provider":"portone","amount":%d,"currency":"KRW","name":"T-shirt","language":"en"}`, price)
				v := c.Post("/orders", request)
				if v.Status != http.StatusServiceUnavailable || !strings.Contains(v.Body, "TRY_AGAIN") {
					t.Errorf("prepare failed: %d %s", v.Status, v.Body)
				}
				time.Sleep(2 * time.Minute)
				s := c.Sale(c.Post("/orders", request))
				if blocked := c.TossPay(s, "approve", "tamperAmount", "1"); testbed.Parameter(blocked, "error_code") != "PREPARE_MISMATCH" {
					t.Errorf("it is not registered: %s", blocked)
				}
				c.WantTitle("and then it is paid", c.Get(c.TossPay(s, "approve")), paidPage)
				c.wantLawful()
			})
		})
	}
}

// TestIssuanceUnderAnOrdersNumber: somebody changes the window into one that issues a key. No money moves, so the order is never paid, and
// it can be paid or ends.
func TestIssuanceUnderAnOrdersNumber(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t, ignorePrepare)
		s := c.Order("portone", "order-1", 1*time.Hour)
		address := c.TossPay(s, "approve", "customer_uid", "order-1", "customer_id", "x", "amount", "0", "pay_method", "tosspay")
		c.mail()
		c.wantNotPaidPage(c.Get(address))
		c.wantMoved("an issuance", "order-1", 0, 0)
		for range 30 {
			got := c.ReadOrder("order-1")
			if got.Status == order.Paid || got.Status == order.Refunded {
				t.Fatalf("an issuance made the order %s", got.Status)
			}
			if got.DueAt.IsZero() {
				return
			}
			time.Sleep(time.Until(got.DueAt))
			c.Settle("order-1")
		}
		t.Errorf("30 questions later the order is still %s", c.ReadOrder("order-1").Status)
	})
}

// TestConsoleCancel: what an operator gives back in the provider's console is recorded, in parts and as a whole, by its webhook alone.
func TestConsoleCancel(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"portone", "toss"} {
		for name, parts := range map[string][]int64{"all": {0}, "a part": {5000}, "parts": {5000, 4000}, "all in parts": {5000, 10000}} {
			t.Run(provider+" "+name, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					c := newTown(t)
					cancel, key, _ := c.paidOrder(provider, "order-1")
					left := int64(price)
					for _, part := range parts {
						if err := cancel(key, part); err != nil {
							t.Fatal(err)
						}
						if left -= part; part == 0 {
							left = 0
						}
						c.mail()
						time.Sleep(10 * time.Second)
						if got := c.ReadOrder("order-1"); got.Payment == nil || got.Payment.Balance != left {
							t.Errorf("%d given back in the console, balance %+v, want %d", part, got.Payment, left)
						}
					}
					status := order.Paid
					if left == 0 {
						status = order.Refunded
					}
					c.WantOrder("after the console", "order-1", status, 1)
					c.wantMoved("after the console", "order-1", 1, len(parts))
					c.mailAll()
					for i := range c.Hooks.Records() { // every webhook again, the oldest last
						if _, err := c.Hooks.Replay(t.Context(), len(c.Hooks.Records())-1-i, 2); err != nil {
							t.Fatal(err)
						}
					}
					c.WantOrder("after every webhook again", "order-1", status, 1)
					c.wantLawful()
				})
			})
		}
	}
}

// paidOrder makes one, pays it and delivers the mail. It returns the provider's console and the payment's key.
func (c *town) paidOrder(provider, id string) (console func(string, int64) error, key, address string) {
	c.T.Helper()
	s := c.Order(provider, id, 24*time.Hour)
	if provider == "toss" {
		address = c.Card(s.Window, "approve")
		console, key = c.Toss.ConsoleCancel, testbed.Parameter(address, "paymentKey")
	} else {
		address = c.TossPay(s, "approve")
		console, key = c.PortOne.ConsoleCancel, testbed.Parameter(address, "imp_uid")
	}
	c.WantTitle("paid", c.Get(address), paidPage)
	c.mail()
	c.WantOrder("paid", id, order.Paid, 1)
	return console, key, address
}

// TestLateMoney: money that comes after the order was closed is given back once, or kept when the merchant says so.
func TestLateMoney(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		for _, lost := range []int{0, 1} {
			t.Run(fmt.Sprintf("keep %v, %d replies lost", keep, lost), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					c := newTown(t, func(o *world.Options) { o.KeepLate = keep })
					s := c.Order("portone", "order-1", 1*time.Hour)
					tab := c.OpenWindow(s.Window)
					c.end("order-1")
					c.WantOrder("nobody paid", "order-1", order.Expired, 1)
					if lost > 0 {
						c.Fault(fault.Fault{Provider: "portone", Operation: portonesim.OpCancel, Kind: fault.LoseReply})
					}
					if err := c.PortOne.PayLate(tab); err != nil {
						t.Fatal(err)
					}
					c.mail()
					c.end("order-1")
					for range 3 {
						if _, err := c.Hooks.Replay(t.Context(), 0, 1); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Minute)
					}
					c.end("order-1")
					if keep {
						c.wantMoved("late and kept", "order-1", 1, 0)
						c.WantOrder("late and kept", "order-1", order.Paid, 1)
						return
					}
					c.wantMoved("late", "order-1", 1, 1)
					c.WantOrder("late", "order-1", order.Expired, 1)
					if c.Log.Count("money.reversal") != 1 {
						t.Errorf("%d reversals in the log, want 1", c.Log.Count("money.reversal"))
					}
					c.wantLawful()
				})
			})
		}
	}
}

// TestLateMoneyOfAFailedAttempt: a failed payment turns paid after all. While the order is open it pays it, and the next attempt's money is
// then given back.
func TestLateMoneyOfAFailedAttempt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		address := c.TossPay(s, "fail")
		c.Get(address)
		second := c.TossPay(c.Reopened(s), "approve")
		if err := c.PortOne.PayLate(testbed.Parameter(address, "imp_uid")); err != nil {
			t.Fatal(err)
		}
		c.Get(second)
		c.mail()
		c.end("order-1")
		c.wantMoved("paid twice", "order-1", 2, 1)
		got := c.ReadOrder("order-1")
		if got.Status != order.Paid || got.Payment == nil || got.Payment.Balance != price {
			t.Errorf("in the end %+v", got)
		}
		_, back := c.Moved("order-1")
		if len(back) == 1 && got.Payment != nil && back[0].OrderID == map[int]string{1: "order-1", 2: "order-1--2"}[got.Payment.Attempt] {
			t.Errorf("given back %+v is the payment the order holds: %+v", back, got.Payment)
		}
	})
}
