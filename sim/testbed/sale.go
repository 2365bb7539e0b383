package testbed

import (
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
	"time"

	"tosspay-sam/shared/order"
)

// Sale is an order or a subscription as the merchant's API shows it.
type Sale struct {
	OrderID, SubscriptionID string
	Status                  order.Status // or a subscription's
	Attempt                 int
	CheckoutURL             string
	DueAt, ExpiresAt        time.Time
	SDK                     struct{ ClientKey string }
	Window                  Window
	Payment                 *struct {
		Key             string
		Attempt         int
		Amount, Balance int64
	}
	Payments []struct {
		Key, State, Role, Reason string
		Balance                  int64
	}
	Requests []struct {
		Kind, Key, RefundID, Outcome string
		Amount                       int64
	}
	Means   *struct{ Key, Brand, Masked string }
	History []struct {
		From, To    order.Status
		Event, Note string
	}
}

// Steps are the history's statuses, without those that stayed.
func (s Sale) Steps() (path []string) {
	for _, step := range s.History {
		if step.From != step.To {
			path = append(path, string(step.To))
		}
	}
	return path
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

// Form is the window's object as PortOne's script hands it over; more are fields, in pairs, and the value "-" removes one.
func (w Window) Form(more ...string) url.Values {
	form := url.Values{}
	for name, value := range w {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		form.Set(name, string(text))
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case float64:
			form.Set(name, strconv.FormatFloat(v, 'f', 0, 64))
		}
	}
	edit(form, more)
	return form
}
