package payment

import (
	"context"
	"fmt"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Checkout serves the payment page. It reads one order and holds no secret.
type Checkout struct {
	Orders  Orders
	Windows map[string]Windows // by provider name
	Now     func() time.Time
}

// Page is what the payment page shows.
type Page struct {
	Order   order.Order
	Payable bool // the window may be opened; else the page shows the order's state
	Window  provider.Window
}

// Open returns the page of an order. speak chooses the page's language, given the order's. A wrong link token is
// ErrNotFound, like no order at all.
func (c *Checkout) Open(ctx context.Context, id, linkToken, base string, speak func(string) string) (Page, error) {
	o, err := c.Status(ctx, id, linkToken)
	if err != nil {
		return Page{}, err
	}
	if o.BillingKey != "" {
		return Page{}, ErrNotFound // a cycle is charged by its worker: paid in a window as well, it would be paid twice
	}
	p := Page{Order: o, Payable: o.Status == order.Open && c.Now().Before(o.ExpiresAt)}
	if !p.Payable {
		return p, nil
	}
	windows, ok := c.Windows[o.Provider]
	if !ok {
		return Page{}, fmt.Errorf("payment: checkout %s: no window for provider %q", id, o.Provider)
	}
	p.Window, err = windows.Window(o, provider.Place{Base: base, Language: speak(o.Language)})
	return p, err
}

// Status returns the order for the page that waits.
func (c *Checkout) Status(ctx context.Context, id, linkToken string) (order.Order, error) {
	return readByLink(ctx, c.Orders, id, linkToken)
}

// readByLink is for the public doors: the link token is checked in constant time; without one the table is not read.
func readByLink(ctx context.Context, orders Orders, id, linkToken string) (order.Order, error) {
	n, err := order.ParseNumber(id)
	if err != nil || n.OrderID() != id || linkToken == "" {
		return order.Order{}, ErrNotFound
	}
	o, err := orders.Get(ctx, id)
	if err != nil {
		return order.Order{}, err
	}
	if !o.LinkTokenMatches(linkToken) {
		return order.Order{}, ErrNotFound
	}
	return o, nil
}
