package world_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/world"
)

// backup returns what restores the table to how it is now, and the deployment that then serves from it. told is false for an operator who does not say
// that it was restored.
func (x *outside) backup(told bool) (restore func() *outside) {
	x.T.Helper()
	first := x.own()
	store, ok := first.Store.(*memstore.Store)
	if !ok {
		x.T.Fatal("its store is another's")
	}
	back, at := store.Backup(), x.Now()
	return func() *outside {
		back()
		return newOutside(x.T, func(o *world.Options) {
			o.Beside, o.Store = first, store
			if told {
				o.RestoredTo = at
			}
		})
	}
}

// TestRestoredOrder: an order is open in the backup. In the hours that are lost its first number was refused and its second one paid. When the table is
// restored it is found paid, whatever the buyer does.
func TestRestoredOrder(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, told := range []bool{true, false} {
			for _, again := range []bool{false, true} {
				bubble(t, func(t *testing.T) {
					x := newOutside(t)
					b := x.Order(provider, "order-1", 24*time.Hour)
					window := x.tab(b)
					restore := x.backup(told)
					if provider == "toss" {
						x.refuses("REJECT_CARD_PAYMENT")
						x.Get(x.Card(window, "approve"))
						x.Get(x.Card(x.tab(b), "approve"))
					} else {
						x.Get(x.presses(window, x.OpenWindow(window), "fail"))
						x.Get(x.approves(x.tab(b)))
					}
					x.Pass("1h")
					x.audit("order-1", "paid", 1)
					y := restore()
					if again && provider == "toss" {
						y.Get(y.Card(y.tab(b), "approve"))
					} else if again {
						y.Get(y.approves(y.tab(b)))
					}
					y.Pass("3d")
					captures, kept := y.money("order-1")
					good := y.ReadOrder("order-1").Status == "paid" && kept == price
					if provider == "toss" && captures != 1 {
						good = false // it is asked before it takes the money
					}
					if good != told {
						t.Errorf("%s, told %t, the buyer pays again %t: the order is %s, %d captures, %d won are kept", provider, told, again, y.ReadOrder("order-1").Status, captures, kept)
					}
				})
			}
		}
	}
}

// TestRestoredCycle: a cycle was charged in the hours that are lost, at once or after a refusal. It is not charged again.
func TestRestoredCycle(t *testing.T) {
	t.Parallel()
	for _, refusals := range []int{0, 1, 2} {
		for _, told := range []bool{true, false} {
			bubble(t, func(t *testing.T) {
				x := newOutside(t)
				made := x.Post("/subscriptions", `{"subscriptionId":"sub-0001","customerId":"customer-1","language":"en",
					"plan":{"amount":9900,"currency":"KRW","name":"Coffee","interval":"month"}}`)
				x.Get(x.approves(x.tab(x.Sale(made))))
				x.Pass("29d")
				restore := x.backup(told)
				if refusals > 0 {
					x.control("/sim/decline", fmt.Sprintf(`{"reason":"CARD_EXCEED_LIMIT","times":%d}`, refusals))
				}
				x.Pass("10d")
				if captures, kept := x.money("sub-0001"); captures != 2 || kept != 2*9900 {
					t.Fatalf("%d refusals: %d captures, %d won", refusals, captures, kept)
				}
				y := restore()
				y.Pass("12d")
				captures, kept := y.money("sub-0001")
				if good := captures == 2 && kept == 2*9900; good != told && refusals > 0 || told && !good {
					t.Errorf("%d refusals, told %t: %d captures, %d won are kept", refusals, told, captures, kept)
				}
			})
		}
	}
}

// refuses makes Toss Payments refuse the next confirm.
func (x *outside) refuses(code string) {
	x.T.Helper()
	x.own().Toss.DeclineNext(code)
}
