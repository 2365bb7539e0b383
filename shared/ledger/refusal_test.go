package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestRefusalThatLiesBehindALookup: a listed refusal of a confirm that took the money all the same, and the lookup that must agree is behind.
func TestRefusalThatLiesBehindALookup(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.put("key-1", "order-1", ledger.Begun)
		x.confirm = func(n int, r ledger.Request) (bool, ledger.Reply, string) {
			return r.Key == "key-2", map[bool]ledger.Reply{true: ledger.Accepted, false: ledger.Refused}[r.Key == "key-2"], "CODE"
		}
		x.confirmKey1()
		x.want(ledger.Open, 2)
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured) // it was so; lookups show it now
		if err := x.confirmKey("key-2", "order-1--2"); err != nil {
			t.Fatal(err)
		}
		x.rest()
		x.want(ledger.Paid, 2)
		x.wantLeft(15000, "key-1", "key-2")
	})
}

func TestRefusalThatLiesNobodyPays(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.put("key-1", "order-1", ledger.Begun)
		x.confirm = func(n int, r ledger.Request) (bool, ledger.Reply, string) { return false, ledger.Refused, "CODE" }
		x.confirmKey1()
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured)
		x.rest()
		x.want(ledger.Paid, 2)
	})
}
