package world_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// The worlds of docs/proof.md, "Bounds: what may lag, and what may lie", each played within its bound and beyond it.

// fate is how an order ended: what the merchant reads, and what the provider took and kept.
func (x *outside) fate(id string) string {
	x.T.Helper()
	captures, kept := x.money(id)
	return fmt.Sprintf("%s, %d captures, %d kept", x.ReadOrder(id).Status, captures, kept/price)
}

func (x *outside) wantFate(what, want string) {
	x.T.Helper()
	if got := x.fate("order-1"); got != want {
		x.T.Errorf("%s: %s, want %s", what, got, want)
	}
}

// late makes the next call of an operation die, and be carried out so much later. moment is before (it is on its way) or after (it is at work).
func (x *outside) late(provider, operation, delay, moment string) {
	x.T.Helper()
	x.control("/sim/faults", fmt.Sprintf(`{"provider":%q,"operation":%q,"fault":"late","delay":%q,"moment":%q}`, provider, operation, delay, moment))
}

// buysAgain is a buyer who looks at the payment page every minute, for so many minutes, and pays whenever he is asked to.
func (x *outside) buysAgain(provider string, b testbed.Sale, minutes int) {
	x.T.Helper()
	for range minutes {
		x.Pass("1m")
		x.pays(provider, b)
	}
}

// pays is a buyer who pays if the page offers a window.
func (x *outside) pays(provider string, b testbed.Sale) {
	x.T.Helper()
	window := x.tab(b)
	switch {
	case window == nil:
	case provider == "toss":
		x.Get(x.Card(window, "approve"))
	default:
		r, session := x.TryWindow(window)
		if session != "" {
			x.Get(x.presses(window, session, "approve"))
		} else if r.Location() != "" { // PortOne opens no window of a number that is paid
			x.Get(r.Location())
		}
	}
}

// TestListsWithoutTheNewestPayment: a buyer pays in the second window of a number whose first one failed. Lookups by the number show the first alone,
// the redirect names no payment, and PortOne's webhook is lost. He pays once, also beyond the bound.
func TestListsWithoutTheNewestPayment(t *testing.T) {
	t.Parallel()
	for _, behind := range []string{"1m", "4m59s", "10m"} {
		t.Run(behind, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				b := x.Order("portone", "order-1", 24*time.Hour)
				first, second := x.tab(b), x.tab(b)
				failing := x.OpenWindow(first)
				x.Pass("10m")
				x.control("/sim/lag", fmt.Sprintf(`{"provider":"portone","lists":%q}`, behind))
				session := x.OpenWindow(second)
				x.fault("portone", "webhook", "refuse-connection", 1)
				x.presses(first, failing, "fail")
				x.Get(testbed.Edited(x.presses(second, session, "approve"), "imp_uid", "-")) // as in PortOne's own example
				x.buysAgain("portone", b, 20)
				x.Pass("1d")
				x.wantFate(behind, "paid, 1 captures, 1 kept")
			})
		})
	}
}

// TestOrderLookupOfAnOlderPayment: Toss Payments' lookup by number shows a card that was refused before, and not the payment whose confirm took the money
// and lost its reply. Lookups by key are down. Nothing follows from the older payment, however long.
func TestOrderLookupOfAnOlderPayment(t *testing.T) {
	t.Parallel()
	for _, behind := range []string{"1m", "5m", "10m"} {
		bubble(t, func(t *testing.T) {
			x := newOutside(t)
			b := x.Order("toss", "order-1", 24*time.Hour)
			window := x.tab(b)
			x.Get(x.Card(window, "reject"))
			x.Pass("1m")
			x.control("/sim/lag", fmt.Sprintf(`{"provider":"toss","lists":%q}`, behind))
			back := x.Card(window, "approve")
			x.fault("toss", "confirm", "lose-reply", 1)
			x.fault("toss", "find", "http-500", 1000)
			x.Get(back)
			x.buysAgain("toss", b, 40)
			x.fault("toss", "find", "none", 1)
			x.Pass("1d")
			x.wantFate(behind, "paid, 1 captures, 1 kept")
		})
	}
}

// TestConfirmCarriedOutLate: a confirm is at work at Toss Payments for minutes after its connection died, and the buyer pays whenever the page lets him.
// Up to 15 minutes he is not asked. After it he is, and the late capture goes back when Toss Payments tells of it, or a day later when nobody does.
func TestConfirmCarriedOutLate(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		for delay, want := range map[string]string{
			"1m": "paid, 1 captures, 1 kept", "5m": "paid, 1 captures, 1 kept", "14m": "paid, 1 captures, 1 kept",
			"60m": "paid, 2 captures, 1 kept", "74m": "paid, 2 captures, 1 kept", "2h": "paid, 2 captures, 1 kept",
		} {
			t.Run(fmt.Sprintf("%s, told: %v", delay, told), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t, func(o *world.Options) { o.Unheard = !told })
					b := x.Order("toss", "order-1", 24*time.Hour)
					back := x.Card(x.tab(b), "approve")
					x.late("toss", "confirm", delay, "after")
					x.Get(back)
					x.buysAgain("toss", b, 80)
					x.Pass("25h")
					x.wantFate(delay, want)
				})
			})
		}
	}
}

// TestConfirmAfterTheEnd: a confirm is carried out when its order has expired, and nobody tells of it. It is found a day later, and goes back.
func TestConfirmAfterTheEnd(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t, func(o *world.Options) { o.Unheard = true })
		b := x.Order("toss", "order-1", 10*time.Minute)
		back := x.Card(x.tab(b), "approve")
		x.late("toss", "confirm", "2h", "after")
		x.Get(back)
		x.Pass("1h55m")
		x.wantFate("before it", "expired, 0 captures, 0 kept")
		x.Pass("24h")
		x.wantFate("after a day", "expired, 1 captures, 0 kept")
	})
}

// TestWindowCapturesLate: a buyer is back from a Toss Pay window that captures minutes later, the webhook is lost, and he pays again when he may.
// The second capture, if there is one, goes back.
func TestWindowCapturesLate(t *testing.T) {
	t.Parallel()
	for _, minutes := range []int{1, 5, 14, 59} {
		t.Run(fmt.Sprint(minutes), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newOutside(t, twoWindows)
				b := x.Order("portone", "order-1", 24*time.Hour)
				window := x.tab(b)
				session := x.OpenWindow(window)
				address, _ := window["m_redirect_url"].(string)
				number, _ := window["merchant_uid"].(string)
				x.Get(testbed.Edited(address, "merchant_uid", number, "imp_uid", session))
				x.buysAgain("portone", b, minutes)
				x.fault("portone", "webhook", "refuse-connection", 1)
				x.presses(window, session, "approve")
				x.Pass("1d")
				captures, _ := x.money("order-1")
				x.wantFate(fmt.Sprint(minutes), fmt.Sprintf("paid, %d captures, 1 kept", captures))
			})
		})
	}
}

// TestForgottenIdempotencyKeys: Toss Payments keeps no answer, and its lookups are four minutes behind a refund. A confirm that is repeated takes the
// money once, and a refund is made once, whatever is lost: one payment is approved once, and a cancel says how much is left.
func TestForgottenIdempotencyKeys(t *testing.T) {
	t.Parallel()
	for _, kept := range []time.Duration{0, time.Minute, -1} {
		for _, kind := range []string{"lose-reply", "refuse-connection", "http-500", "garbage"} {
			t.Run(fmt.Sprint(kept, kind), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t, func(o *world.Options) { o.Toss.AnswersKept, o.Toss.PartialCancelable = kept, true })
					b := x.Order("toss", "order-1", 24*time.Hour)
					back := x.Card(x.tab(b), "approve")
					x.fault("toss", "confirm", kind, 2)
					x.Get(back)
					x.Get(back)
					x.Pass("5m")
					x.wantFate("confirmed", "paid, 1 captures, 1 kept")
					x.control("/sim/lag", `{"provider":"toss","lookups":"4m"}`)
					x.fault("toss", "cancel", kind, 3)
					x.refund("order-1", `{"refundId":"r1","amount":5000}`)
					x.Pass("3h")
					x.wantKept("refunded once", "paid", price-5000)
				})
			})
		}
	}
}

// TestRefundAfterTheKeyIsForgotten: a refund is made, its reply is lost, and nothing can be looked up for 16 days, a day longer than Toss Payments keeps
// its answer. Then it is not made again.
func TestRefundAfterTheKeyIsForgotten(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		bubble(t, func(t *testing.T) {
			x := sold(t, provider)
			x.fault(provider, "cancel", "lose-reply", 1)
			x.refund("order-1", `{"refundId":"r1","amount":5000}`)
			for range 16 {
				for _, operation := range operations[provider]["lookup"] {
					x.fault(provider, operation, "http-500", 1000)
				}
				x.Pass("24h")
			}
			x.fault(provider, "*", "none", 1)
			x.Pass("3h")
			x.wantKept(provider, "paid", price-5000)
			if r, _ := x.refund("order-1", `{"refundId":"r1","amount":5000}`); r.Outcome != "done" {
				t.Errorf("%s: the refund is %q", provider, r.Outcome)
			}
		})
	}
}

// TestConfirmDelayedBehindItsRefusal: the first copy of a confirm is on its way for minutes, the second one is refused, and the buyer pays the next
// number. Toss Payments answers the first copy as it answered the second, unless it has forgotten the key: then it takes the money. What arrives within
// the bound, and what its webhook tells of, goes back.
func TestConfirmDelayedBehindItsRefusal(t *testing.T) {
	t.Parallel()
	for _, forgets := range []bool{false, true} {
		for _, delay := range []string{"1m", "4m", "9m"} {
			t.Run(fmt.Sprint(forgets, delay), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					x := newOutside(t, func(o *world.Options) {
						if forgets {
							o.Toss.AnswersKept = -1
						}
					})
					b := x.Order("toss", "order-1", 24*time.Hour)
					back := x.Card(x.tab(b), "approve")
					x.late("toss", "confirm", delay, "before")
					x.refuses("EXCEED_MAX_AMOUNT")
					x.Get(back)
					x.buysAgain("toss", b, 12)
					x.Pass("1d")
					captures, _ := x.money("order-1")
					if captures > 1 && !forgets {
						t.Errorf("%d captures", captures)
					}
					x.wantFate(delay, fmt.Sprintf("paid, %d captures, 1 kept", captures))
				})
			})
		}
	}
}

// clocks are two environments of the functions on one table, whose clocks differ from the providers'.
func clocks(t *testing.T, first, second time.Duration) (a, b *outside) {
	t.Helper()
	a = newOutside(t, func(o *world.Options) { o.Ahead = first })
	b = newOutside(t, func(o *world.Options) { o.Beside, o.Store, o.Ahead = a.own(), a.own().Store, second })
	return a, b
}

// TestClocksApart: one environment makes the order and runs the schedule, the other one takes the buyer's return; the first reply is lost. Up to the bound
// the order is paid once and nothing else happens. Beyond it a payment that seems to be older than its order is never ignored and never given
// back: a person decides.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, minutes := range []time.Duration{1, 5, 15, 25} {
			for _, sign := range []time.Duration{1, -1} {
				for _, lost := range []bool{false, true} {
					apart := sign * minutes * time.Minute
					t.Run(fmt.Sprint(provider, apart, lost), func(t *testing.T) {
						t.Parallel()
						bubble(t, func(t *testing.T) {
							x, y := clocks(t, apart, -apart)
							b := x.Order(provider, "order-1", 24*time.Hour)
							if lost {
								x.fault("toss", "confirm", "lose-reply", 1)
								x.fault("portone", "find-all", "http-500", 1)
							}
							y.pays(provider, b)
							for range 12 {
								x.Pass("10m")
								y.pays(provider, b)
							}
							x.Pass("3d")
							want := "paid, 1 captures, 1 kept"
							if apart > 5*time.Minute {
								want = "review, 1 captures, 1 kept"
							}
							x.wantFate("in the end", want)
						})
					})
				}
			}
		}
	}
}

// TestIndexEntriesLate: the due index shows what was so many minutes ago. A confirm whose process died before the call, a refund and an order that nobody
// pays are taken up so much later, and nothing is done twice.
func TestIndexEntriesLate(t *testing.T) {
	t.Parallel()
	for _, behind := range []time.Duration{time.Minute, 5 * time.Minute, 40 * time.Minute} {
		for _, provider := range []string{"toss", "portone"} {
			t.Run(fmt.Sprint(provider, behind), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					index := world.NewLateIndex(behind)
					x := newOutside(t, func(o *world.Options) { o.Store, o.Toss.PartialCancelable = index, true })
					index.Watch(x.own().Clock.Now)
					x.Order(provider, "order-2", 1*time.Hour)
					b := x.Order(provider, "order-1", 24*time.Hour)
					x.takenUnknown(provider, b)
					x.Pass("30s")
					x.fault(provider, "*", "none", 1)
					x.Pass("3h")
					x.wantFate("paid", "paid, 1 captures, 1 kept")
					x.refund("order-1", `{"refundId":"r1","amount":5000}`)
					x.Pass("5h")
					x.wantKept("refunded once", "paid", price-5000)
					if got := x.fate("order-2"); got != "expired, 0 captures, 0 kept" {
						t.Errorf("the one that nobody pays: %s", got)
					}
				})
			})
		}
	}
}

// TestRefundCarriedOutLate: a refund is carried out minutes or hours after its connection died, on its way or at work, and nobody tells of it. It is
// asked for again meanwhile, and the merchant makes another of the same sum. Each is made once: a cancel names the balance that it leaves.
func TestRefundCarriedOutLate(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, moment := range []string{"before", "after"} {
			for _, delay := range []string{"10s", "1m", "20m", "90m", "2h"} {
				for _, forgotten := range []bool{false, true} {
					what := fmt.Sprintf("%s, %s after %s, keys forgotten: %v", provider, delay, moment, forgotten)
					t.Run(what, func(t *testing.T) {
						t.Parallel()
						bubble(t, func(t *testing.T) {
							x := newOutside(t, func(o *world.Options) {
								o.Toss.PartialCancelable, o.Unheard = true, true
								if forgotten {
									o.Toss.AnswersKept = -1
								}
							})
							x.pays(provider, x.Order(provider, "order-1", 24*time.Hour))
							x.Pass("2h")
							x.late(provider, "cancel", delay, moment)
							x.refund("order-1", `{"refundId":"r1","amount":5000}`)
							x.Pass("30m")
							x.refund("order-1", `{"refundId":"r2","amount":5000}`)
							x.Pass("26h")
							for _, id := range []string{"r1", "r2"} {
								if r, status := x.refund("order-1", fmt.Sprintf(`{"refundId":%q,"amount":5000}`, id)); r.Outcome != "done" {
									t.Errorf("%s: %d %+v", id, status, r)
								}
							}
							x.wantKept(what, "paid", price-10000)
						})
					})
				}
			}
		}
	}
}
