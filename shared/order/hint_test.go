package order_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/order"
)

// TestHintsAreBounded: whoever knows the webhook's address can name any payment. The record stays small, a copy writes nothing, and what came
// beyond the bound is looked for under its number.
func TestHintsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	o := order.New(order.Order{ID: "order-1", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
	o.Attempt.N = 3
	written := o.Revision
	for i := range 2000 {
		o = o.Remember(order.Hint{Attempt: 1 + i%3, Key: fmt.Sprintf("key-%d", i%500), At: now.Add(time.Duration(i) * time.Millisecond)})
	}
	numbers := 0
	for _, h := range o.Hints {
		if h.Key == "" {
			numbers++
		}
	}
	if len(o.Hints) != 11 || numbers != 3 || o.Revision-written != 11 {
		t.Errorf("%d hints, %d of numbers, %d writes; want 11, 3 and 11", len(o.Hints), numbers, o.Revision-written)
	}
	if want := now.Add(30 * time.Second); !o.DueAt.Equal(want) {
		t.Errorf("due %v, want %v", o.DueAt, want)
	}
}

// TestRecall: what is accounted for is gone, what is not is asked about less and less often, what came meanwhile stays, and an order that waits
// for nothing else is final again.
func TestRecall(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	o := order.New(order.Order{ID: "order-1", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
	o.Status, o.DueAt = order.Paid, time.Time{}
	for _, key := range []string{"key-1", "key-2"} {
		o = o.Remember(order.Hint{Attempt: 1, Key: key, At: now})
	}
	if o.Final() || !o.Unsettled() {
		t.Fatalf("final %v with %+v", o.Final(), o.Hints)
	}
	asked := o.Hints
	o = o.Remember(order.Hint{Attempt: 1, Key: "key-3", At: now.Add(20 * time.Second)})
	later := now.Add(30 * time.Second)
	o = o.Recall(later, asked, func(h order.Hint) bool { return h.Key == "key-1" })
	if len(o.Hints) != 2 || !o.Hints[0].DueAt.Equal(later.Add(time.Minute)) || !o.DueAt.Equal(now.Add(50*time.Second)) {
		t.Errorf("due %v, %+v", o.DueAt, o.Hints)
	}
	if o = o.Recall(later, o.Hints, func(order.Hint) bool { return true }); !o.Final() || o.Unsettled() {
		t.Errorf("due %v, %+v", o.DueAt, o.Hints)
	}
}

// TestRefusalOfAnOlderTurn: the money was asked for again, under the next turn's key, while somebody decided by the older turn that it was refused.
// That says nothing of the request that is at work now.
func TestRefusalOfAnOlderTurn(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	for _, kind := range []order.Kind{order.Refused, order.Lapsed} {
		for turn, want := range map[int]order.Status{0: order.Settling, 1: order.Settling, 2: order.Open, 3: order.Open} {
			o := order.New(order.Order{ID: "order-1", Provider: "toss", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
			o.Status, o.Attempt = order.Settling, order.Attempt{N: 1, Key: "key-1", ClaimedAt: now, Turn: 2, Unanswered: true}
			old := o.Attempt
			old.Turn = turn
			after, err := o.Apply(order.Event{Kind: kind, At: now.Add(time.Minute), Attempt: 1, Next: old})
			if err != nil || after.Status != want {
				t.Errorf("%s of turn %d made the order %s, want %s (%v)", kind, turn, after.Status, want, err)
			}
		}
	}
}
