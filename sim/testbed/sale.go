package testbed

import (
	"maps"
	"time"

	"tosspay-sam/shared/order"
)

// Sale is an order as the merchant's API shows it.
type Sale struct {
	OrderID     string       `json:"orderId"`
	Status      order.Status `json:"status"`
	Attempt     int          `json:"attempt"`
	CheckoutURL string       `json:"checkoutUrl"`
	DueAt       time.Time    `json:"dueAt"`
	Window      Window       `json:"window"`
	Payment     *struct{ Key string }
	Payments    []struct{ Key, State, Role, Reason string }
	Requests    []struct{ Kind, Key string }
	History     []struct{ From, To order.Status }
}

// Window is what the payment page gives the provider's script. It is never changed, only copied.
type Window map[string]any

// Text is a field of text.
func (w Window) Text(name string) string {
	text, _ := w[name].(string)
	return text
}

// Amount is what Toss Payments' window asks for.
func (w Window) Amount() (value int64, currency string) {
	amount, _ := w["amount"].(map[string]any)
	number, _ := amount["value"].(float64)
	currency, _ = amount["currency"].(string)
	return int64(number), currency
}

// With is a window with another value in a field.
func (w Window) With(name string, value any) Window {
	w = maps.Clone(w)
	w[name] = value
	return w
}

// Dearer is a Toss Payments' window that asks for so many won more.
func (w Window) Dearer(won int64) Window {
	value, currency := w.Amount()
	return w.With("amount", map[string]any{"value": float64(value + won), "currency": currency})
}
