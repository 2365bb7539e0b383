package testbed

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/world"
)

// oddStore has orders in a status that no specification knows.
type oddStore struct{ payment.Store }

func (s oddStore) Get(ctx context.Context, id string) (order.Order, error) {
	o, err := s.Store.Get(ctx, id)
	o.Status = "odd"
	return o, err
}

// TestSpecificationIsHeld: an answer that api/openapi.yaml does not know fails the test, even one that asks for no such check.
func TestSpecificationIsHeld(t *testing.T) {
	t.Parallel()
	var complaints []string
	complain := func(format string, a ...any) { complaints = append(complaints, fmt.Sprintf(format, a...)) }
	b := open(t, complain, []Option{func(o *world.Options) {
		o.Store = oddStore{memstore.New()}
		o.Merchant = func(door handler.Door) handler.Door { return door }
	}})
	b.Order("toss", "order-1", time.Hour)
	if len(complaints) > 0 {
		t.Errorf("of a specified answer: %q", complaints)
	}
	if s := b.ReadOrder("order-1"); s.Status != "odd" || len(complaints) != 1 {
		t.Errorf("the order is %s, complaints %q, want one", s.Status, complaints)
	}
}

// TestLogCounts: requests at the same time lose no line, and no event is counted as another.
func TestLogCounts(t *testing.T) {
	t.Parallel()
	b := Open(t)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { b.Offer("toss", fmt.Sprint("order-", i), "15000", time.Hour) })
	}
	all.Wait()
	if n, other := b.Log.Count("order.created"), b.Log.Count("order"); n != 50 || other != 0 {
		t.Errorf("%d of 50 orders are in the log, and %d other lines", n, other)
	}
}

// TestClient: an answer is read as a browser and as a merchant read it.
func TestClient(t *testing.T) {
	t.Parallel()
	b := Open(t)
	s := b.Order("toss", "order-1", time.Hour)
	page := b.Get(s.CheckoutURL)
	if w := page.Window(); !page.CanPay() || page.Title() == "" || w.Text("orderId") != s.Window.Text("orderId") {
		t.Errorf("the payment page %q, can pay %v, opens %v", page.Title(), page.CanPay(), w)
	}
	dearer := s.Window.Dearer(1)
	if value, currency := s.Window.Amount(); value != Price || currency != "KRW" {
		t.Errorf("the window asks for %d %s", value, currency)
	}
	if value, _ := dearer.Amount(); value != Price+1 {
		t.Errorf("the dearer window asks for %d", value)
	}
	back := b.Card(s.Window, "approve")
	paid := b.Get(back)
	if paid.Status != http.StatusOK || paid.CanPay() || paid.Window() != nil || b.ReadOrder("order-1").Status != order.Paid {
		t.Errorf("the return: %d %q", paid.Status, paid.Title())
	}
	if captures, cancels := b.Moved("order-1"); len(captures) != 1 || len(cancels) != 0 {
		t.Errorf("captured %+v, given back %+v", captures, cancels)
	}
	if a := Edited(back, "amount", "-", "x", "1"); Parameter(a, "amount") != "" || Parameter(a, "x") != "1" {
		t.Errorf("edited: %s", a)
	}
}
