package world_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/world"
)

// refunded is what POST /orders/{orderId}/refunds answers.
type refunded struct {
	RefundID, Outcome           string
	Amount, Balance, Refundable int64
	Error                       struct{ Code, Message string }
}

func (x *outside) refund(id, body string) (r refunded, status int) {
	x.T.Helper()
	got := x.Post("/orders/"+id+"/refunds", body)
	if err := got.JSON(&r); err != nil {
		x.T.Errorf("%d %s: %v", got.Status, got.Body, err)
	}
	return r, got.Status
}

// sold is a world with one order that its buyer has paid.
func sold(t *testing.T, provider string) *outside {
	t.Helper()
	x := newOutside(t, func(o *world.Options) { o.Toss.PartialCancelable = true })
	b := x.Order(provider, "order-1", 24*time.Hour)
	if provider == "toss" {
		x.Get(x.Card(x.tab(b), "approve"))
	} else {
		x.Get(x.approves(x.tab(b)))
	}
	if got := x.ReadOrder("order-1"); got.Status != "paid" {
		t.Fatalf("the order is %s", got.Status)
	}
	return x
}

func (x *outside) wantKept(what string, status string, kept int64) {
	x.T.Helper()
	if _, got := x.money("order-1"); got != kept || string(x.ReadOrder("order-1").Status) != status {
		x.T.Errorf("%s: the provider keeps %d, the order is %s; want %d and %s", what, got, x.ReadOrder("order-1").Status, kept, status)
	}
}

// TestRefunds: in part and whole at both providers, while requests and replies get lost.
func TestRefunds(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		for _, kind := range []string{fault.None, fault.LoseReply, fault.RefuseConnection, fault.InternalError, fault.Garbage} {
			for _, times := range []int{1, 2, 5} {
				bubble(t, func(t *testing.T) {
					x := sold(t, provider)
					x.fault(provider, "*", kind, times)
					if r, status := x.refund("order-1", `{"refundId":"r1","amount":5000,"reason":"one is broken"}`); status != http.StatusAccepted || r.Outcome != "pending" || r.Refundable != price-5000 {
						t.Errorf("%d %+v", status, r)
					}
					x.Pass("2h")
					x.wantKept(fmt.Sprintf("%s, %s %d times: in part", provider, kind, times), "paid", price-5000)
					if r, status := x.refund("order-1", `{"refundId":"r1","amount":5000}`); status != http.StatusOK || r.Outcome != "done" {
						t.Errorf("the same again: %d %+v", status, r)
					}
					if r, status := x.refund("order-1", `{"refundId":"r2","amount":10001}`); status != http.StatusConflict || r.Error.Code != "OVER_BALANCE" || !strings.Contains(r.Error.Message, "10000") {
						t.Errorf("over the balance: %d %+v", status, r)
					}
					x.refund("order-1", `{"refundId":"r3"}`)
					x.Pass("2h")
					x.wantKept("all", "refunded", 0)
				})
			}
		}
	}
}

// TestRefundsRace: fifty refunds at the same time, each of a fifth of the payment and more than half of them twice. Their sum never exceeds the payment.
func TestRefundsRace(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"toss", "portone"} {
		bubble(t, func(t *testing.T) {
			x := sold(t, provider)
			x.fault(provider, "*", fault.LoseReply, 3)
			var mu sync.Mutex
			var accepted []string
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() {
					id := fmt.Sprintf("r%d", i%20)
					r, status := x.refund("order-1", fmt.Sprintf(`{"refundId":%q,"amount":3000}`, id))
					mu.Lock()
					defer mu.Unlock()
					switch {
					case status == http.StatusAccepted:
						accepted = append(accepted, id)
					case status != http.StatusConflict && status != http.StatusInternalServerError:
						t.Errorf("%s: %d %+v", id, status, r)
					}
				})
			}
			all.Wait()
			x.Pass("6h")
			slices.Sort(accepted)
			if ids := slices.Compact(accepted); len(ids) != 5 {
				t.Errorf("%s: %d refunds of 3000 were accepted: %v", provider, len(ids), ids)
			}
			x.wantKept(provider, "refunded", 0)
		})
	}
}

// TestRefundsOfOthers: what cannot be refunded is refused by name, and nothing moves.
func TestRefundsOfOthers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := sold(t, "toss")
		x.Order("toss", "order-2", 24*time.Hour)
		for body, want := range map[string]string{
			`{"refundId":"r","amount":0}`: "400 INVALID_FIELD", `{"refundId":"r","amount":-1}`: "400 INVALID_FIELD", `{"refundId":"r","amount":1.5}`: "400 INVALID_FIELD",
			`{"amount":100}`: "400 INVALID_FIELD", `{"refundId":"a b","amount":100}`: "400 INVALID_FIELD", `{"refundId":"r","amount":15001}`: "409 OVER_BALANCE",
			`{"refundId":"r","amount":100,"note":"x"}`: "400 UNKNOWN_FIELD",
		} {
			if r, status := x.refund("order-1", body); fmt.Sprint(status, " ", r.Error.Code) != want {
				t.Errorf("%s: %d %s, want %s", body, status, r.Error.Code, want)
			}
		}
		if r, status := x.refund("order-2", `{"refundId":"r","amount":100}`); status != http.StatusConflict || r.Error.Code != "NOT_PAID" {
			t.Errorf("an order that is not paid: %d %+v", status, r)
		}
		if _, status := x.refund("order-3", `{"refundId":"r","amount":100}`); status != http.StatusNotFound {
			t.Errorf("no such order: %d", status)
		}
		x.refund("order-1", `{"refundId":"r","amount":100}`)
		if r, status := x.refund("order-1", `{"refundId":"r","amount":200}`); status != http.StatusConflict || r.Error.Code != "REFUND_EXISTS" {
			t.Errorf("the same id with another amount: %d %+v", status, r)
		}
		x.Pass("1h")
		x.wantKept("one of 100", "paid", price-100)
	})
}

// TestRefundMadeBehindItsRefusal: Toss Payments makes a refund and answers 500. The repetition is refused for good, and the lookup that follows is
// behind. It was called denied then, and its money refundable again.
func TestRefundMadeBehindItsRefusal(t *testing.T) {
	t.Parallel()
	for _, behind := range []string{"1s", "1m", "4m"} {
		bubble(t, func(t *testing.T) {
			x := newOutside(t, func(o *world.Options) {
				o.Toss.PartialCancelable = true
				o.Toss.CancelPause, o.Toss.CancelPauseCode = 5*time.Minute, "NOT_ALLOWED_PARTIAL_REFUND"
			})
			x.pays("toss", x.Order("toss", "order-1", 24*time.Hour))
			x.Pass("1h")
			x.control("/sim/lag", fmt.Sprintf(`{"provider":"toss","lookups":%q}`, behind))
			x.control("/sim/faults", `{"provider":"toss","operation":"cancel","fault":"http-500","moment":"after","times":1}`)
			x.refund("order-1", `{"refundId":"r1","amount":5000}`)
			x.Pass("2h")
			if r, status := x.refund("order-1", `{"refundId":"r1","amount":5000}`); status != http.StatusOK || r.Outcome != "done" {
				t.Errorf("lookups %s behind: %d %+v", behind, status, r)
			}
			x.wantKept(behind, "paid", price-5000)
		})
	}
}

// TestWebhooksDoNotAskForARefund: a refund that Toss Payments refuses for now is asked for by its pauses, whatever anybody
// sends meanwhile: asking too often may be what keeps it from being made.
func TestWebhooksDoNotAskForARefund(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newOutside(t, func(o *world.Options) { o.Toss.PartialCancelable, o.Toss.CancelPause = true, 24*time.Hour })
		x.pays("toss", x.Order("toss", "order-1", 24*time.Hour))
		x.refund("order-1", `{"refundId":"r0","amount":1000}`)
		x.Pass("5m")
		x.refund("order-1", `{"refundId":"r1","amount":5000}`)
		x.Pass("2h")
		cancels := x.own().Toss.Calls()["cancel"]
		if cancels < 4 || cancels > 9 {
			t.Errorf("%d cancels in two hours", cancels)
		}
		for range 30 {
			time.Sleep(2 * time.Second)
			x.control("/sim/webhooks/replay", `{"index":0,"times":1}`)
		}
		if more := x.own().Toss.Calls()["cancel"] - cancels; more > 1 {
			t.Errorf("%d cancels in a minute of webhooks", more)
		}
		x.Pass("25h")
		x.wantKept("at last", "paid", price-6000)
	})
}
