package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestSecondTab: tab A is declined, so the order goes to number 2. Tab B approves number 1 and returns with its key;
// its webhook is lost. The buyer is told that it is paid, and cannot pay number 2; if he has, one goes back.
func TestSecondTab(t *testing.T) {
	t.Parallel()
	for _, down := range []bool{false, true} {
		for _, paysAgain := range []bool{false, true} {
			bubble(t, fmt.Sprint(down, paysAgain), func(t *testing.T) {
				x := newTill(t, open())
				x.second()
				x.put("key-1", "order-1", ledger.Captured)
				if paysAgain {
					x.put("key-2", "order-1--2", ledger.Captured)
				}
				x.down = down
				x.back("key-1", "order-1", false)
				if o := x.get(); o.Status() == ledger.Open {
					t.Errorf("he is asked to pay again\n%s", show(o))
				}
				x.down = false
				x.rest()
				x.want(ledger.Paid, 2)
				x.wantLeft(15000, "key-1", "key-2")
			})
		}
	}
}

// TestAbandonedWindow: a window left on a PC is `ready` at PortOne. The buyer is standing there: the order stays
// payable under the same number, for which the provider takes one payment.
func TestAbandonedWindow(t *testing.T) {
	t.Parallel()
	for _, failed := range []bool{true, false} {
		bubble(t, fmt.Sprint(failed), func(t *testing.T) {
			x := newTill(t, open())
			x.put("left", "order-1", ledger.Begun)
			x.back("left", "order-1", failed)
			if !failed { // the redirect says nothing of a failure: the lookup may be behind
				x.want(ledger.Processing, 1)
				time.Sleep(3 * time.Minute)
				x.sweep()
			}
			x.want(ledger.Open, 1)
			x.put("key-1", "order-1", ledger.Captured)
			x.back("key-1", "order-1", false)
			x.want(ledger.Paid, 1)
			x.put("left", "order-1", ledger.Captured) // and the window that was left is paid all the same
			x.rest()
			x.want(ledger.Paid, 1)
			x.wantLeft(15000, "left", "key-1")
		})
	}
}

// TestReloadsDoNotHoldTheOrder: the buyer's page reloads his return for an hour. What his window may take is over
// when it is over.
func TestReloadsDoNotHoldTheOrder(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"key-1", ""} {
		bubble(t, key, func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-1", "order-1", ledger.Doubtful)
			began := time.Now()
			for x.back(key, "order-1", false); x.get().Status() == ledger.Processing; x.back(key, "order-1", false) {
				time.Sleep(time.Minute)
				if time.Since(began) > 80*time.Minute {
					t.Fatal(show(x.get()))
				}
			}
			if n := len(x.get().Requests); n > 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestLookupsThatLag: a notice or a return says paid, and the lookups do not show it yet, or not in the list of its
// number. It is looked up again until they cannot be behind any more.
func TestLookupsThatLag(t *testing.T) {
	t.Parallel()
	for door, come := range map[string]func(*till){
		"notice": func(x *till) { x.notice("key-1", "order-1") },
		"return": func(x *till) { x.back("key-1", "order-1", false) },
	} {
		for lag, lie := range map[string]ledger.State{"ready": ledger.Begun, "not found": 0} {
			for _, behind := range []time.Duration{5 * time.Second, 4 * time.Minute} {
				bubble(t, fmt.Sprint(door, lag, behind), func(t *testing.T) {
					x := newTill(t, open())
					if lie != 0 {
						x.put("key-1", "order-1", lie)
					}
					come(x)
					truth := time.Now().Add(behind)
					if o := x.get(); o.Due().IsZero() || time.Until(o.Due()) > time.Minute {
						t.Fatalf("not looked up again\n%s", show(o))
					}
					x.put("declined", "order-1", ledger.Declined) // another tab
					x.back("declined", "order-1", true)
					if o := x.get(); o.Status() == ledger.Open { // so its buyer may pay number 2
						x.put("key-2", "order-1--2", ledger.Captured)
						x.back("key-2", "order-1--2", false)
					} else if door == "notice" {
						t.Error(show(o)) // anybody may send a notice: it keeps nobody from paying
					}
					x.before = func(string) {
						if !time.Now().Before(truth) {
							x.before = nil
							x.put("key-1", "order-1", ledger.Captured)
						}
					}
					x.rest()
					x.want(ledger.Paid, x.get().Current())
					x.wantLeft(15000, "key-1", "key-2")
				})
			}
		}
	}
}

// TestListMissesTheNewest: the list of a number shows what failed before, and not the payment just made.
func TestListMissesTheNewest(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("old", "order-1", ledger.Declined)
		x.put("key-1", "order-1", ledger.Captured)
		x.hide["key-1"] = true
		x.back("", "order-1", false)
		x.want(ledger.Processing, 1)
		time.Sleep(time.Minute)
		delete(x.hide, "key-1")
		x.rest()
		x.want(ledger.Paid, 1)
	})
}

// TestApproval: PortOne asks before its window captures. One window is let through; while it may capture, no other
// is.
func TestApproval(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		gate := func(key string, amount int64, attempt int) error {
			o, err := x.get().Intend(ledger.Request{Kind: ledger.Approval, Attempt: attempt, Key: key, Amount: amount, At: time.Now()})
			if err == nil {
				o.Revision++
				x.save(o)
			}
			return err
		}
		for want, got := range map[error]error{
			ledger.ErrAmount: gate("key-1", 100, 1), ledger.ErrOtherNumber: gate("key-1", 15000, 2),
		} {
			if !errors.Is(got, want) {
				t.Error(got, want)
			}
		}
		if err := gate("key-1", 15000, 1); err != nil {
			t.Fatal(err)
		}
		x.want(ledger.Processing, 1)
		if err := gate("key-2", 15000, 1); !errors.Is(err, ledger.ErrNotOpen) {
			t.Error("a second window is let through:", err)
		}
		x.put("key-1", "order-1", ledger.Declined)
		x.toDue()
		x.want(ledger.Open, 2)
		if err := gate("key-3", 15000, 1); !errors.Is(err, ledger.ErrOtherNumber) {
			t.Error("a window of a number that is over is let through:", err)
		}
		if err := gate("key-3", 15000, 2); err != nil {
			t.Fatal(err)
		}
		x.put("key-3", "order-1--2", ledger.Captured)
		x.toDue()
		x.want(ledger.Paid, 2)
		if err := gate("key-4", 15000, 2); !errors.Is(err, ledger.ErrNotOpen) {
			t.Error("a window of a paid order is let through:", err)
		}
	})
}

// TestApprovalThatNeverCaptures: we let a window through, and nothing came of it.
func TestApprovalThatNeverCaptures(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		o, err := x.get().Intend(ledger.Request{Kind: ledger.Approval, Attempt: 1, Key: "key-1", Amount: 15000, At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		o.Revision++
		x.save(o)
		began := time.Now()
		for x.get().Status() == ledger.Processing {
			x.toDue()
		}
		if d := time.Since(began); d < 75*time.Minute || d > 3*time.Hour {
			t.Error(d)
		}
	})
}

// TestKeysOfAnotherAccount: the deployment's keys are another account's. Nothing is believed, so nothing moves, and
// it stays in doubt; with the keys of its own account again the truth is found.
func TestKeysOfAnotherAccount(t *testing.T) {
	t.Parallel()
	for _, digest := range []string{"d2", "d1"} {
		bubble(t, digest, func(t *testing.T) {
			x := newTill(t, open(atToss))
			replies(x, "took lost")
			x.down = true
			if err := x.confirmKey("key-1", "order-1"); err != nil {
				t.Fatal(err)
			}
			x.down = false
			truth := x.payments["key-1"]
			delete(x.payments, "key-1") // the other account does not know it
			own := x.account
			x.account.KeyDigest = digest + "x"
			time.Sleep(20 * time.Minute)
			for range 5 {
				x.sweep()
				x.want(ledger.Processing, 1)
			}
			x.account, x.payments["key-1"] = own, truth
			x.rest()
			x.want(ledger.Paid, 1)
		})
	}
}
