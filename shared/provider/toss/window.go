package toss

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// DefaultScript is the JS SDK V2 (docs.tosspayments.com/sdk/v2/js, 2026-11).
const DefaultScript = "https://js.tosspayments.com/v2/standard"

// Windows composes what a page needs to open the payment window. It holds no secret.
type Windows struct {
	ClientKey string // test_ck_... or live_ck_...
	Script    string // empty for DefaultScript
}

// RequestPayment is the object that payment.requestPayment() of the JS SDK V2 takes for a card
// (npm @tosspayments/tosspayments-sdk 2.8.1, CardPaymentRequest with its redirects).
type RequestPayment struct {
	Method              string        `json:"method"` // CARD
	Amount              RequestAmount `json:"amount"`
	OrderID             string        `json:"orderId"`
	OrderName           string        `json:"orderName"`
	SuccessURL          string        `json:"successUrl"`
	FailURL             string        `json:"failUrl"`
	CustomerName        string        `json:"customerName,omitempty"`
	CustomerEmail       string        `json:"customerEmail,omitempty"`
	CustomerMobilePhone string        `json:"customerMobilePhone,omitempty"` // 8 to 15 digits
	TaxFreeAmount       int64         `json:"taxFreeAmount,omitempty"`       // of the amount, in its unit
	WindowTarget        string        `json:"windowTarget,omitempty"`        // iframe or self
	// Metadata is an object of at most 5 texts: names of at most 40 characters without brackets, values of at most 2,000.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Card     *RequestCard    `json:"card,omitempty"`
}

// RequestAmount is an amount in whole won.
type RequestAmount struct {
	Currency string `json:"currency"`
	Value    int64  `json:"value"`
}

// RequestCard is present only for the international window, or with an app's address. flowMode is left out: its default, the provider's own
// window, is the only one that takes foreign cards.
type RequestCard struct {
	UseInternationalCardOnly bool   `json:"useInternationalCardOnly,omitempty"`
	Language                 string `json:"language,omitempty"`  // KO, EN, JA or ZH
	AppScheme                string `json:"appScheme,omitempty"` // where a card company's app goes back to
}

// Window returns the window of the order's current attempt. It refuses a client key that belongs to another mode than the order: test orders must not take real money, nor the other way round.
func (w Windows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	if err := CheckClientKey(o.Mode, w.ClientKey); err != nil {
		return provider.Window{}, err
	}
	request, err := requestPayment(o, at)
	if err != nil {
		return provider.Window{}, fmt.Errorf("toss: window of order %q: %w", o.ID, err)
	}
	params, err := json.Marshal(request)
	if err != nil {
		return provider.Window{}, fmt.Errorf("toss: window of order %q: %w", o.ID, err)
	}
	// CustomerKey stays empty, which is a guest. A key is needed only to bill a card again, and Toss Payments wants one that nobody
	// can guess from a merchant's customer id.
	return provider.Window{Script: cmp.Or(w.Script, DefaultScript), ClientKey: w.ClientKey, Params: params}, nil
}

func requestPayment(o order.Order, at provider.Place) (RequestPayment, error) {
	amount, err := money.New(o.Amount.Value, o.Amount.Currency)
	switch {
	case err != nil:
		return RequestPayment{}, err
	case !isOrderID(o.Number()):
		return RequestPayment{}, errors.New("its number is not an orderId")
	case o.LinkToken == "" || o.Attempt < 1:
		return RequestPayment{}, errors.New("it has no link token or no attempt")
	case !transport.IsWithin(o.Name, 1, 100):
		return RequestPayment{}, errors.New("its name must have 1 to 100 characters")
	case !transport.IsBase(at.Base):
		return RequestPayment{}, errors.New("base must be an https address without a final slash")
	}
	back := at.Base + "/confirm/toss/" + url.PathEscape(o.ID) + "/" + url.PathEscape(o.LinkToken)
	return RequestPayment{
		Method:     "CARD",
		Amount:     RequestAmount{Currency: string(amount.Currency), Value: amount.Value},
		OrderID:    o.Number(),
		OrderName:  o.Name,
		SuccessURL: at.Back(back, o.Language),
		// A buyer who closes the window comes back without an orderId, so the address itself says which attempt it was.
		FailURL:             at.Back(back+"/fail?attempt="+strconv.Itoa(o.Attempt), o.Language),
		CustomerName:        optional(transport.IsWithin(o.Customer.Name, 1, 100), o.Customer.Name),
		CustomerEmail:       optional(transport.IsWithin(o.Customer.Email, 3, 100) && strings.Contains(o.Customer.Email, "@"), o.Customer.Email),
		CustomerMobilePhone: optional(isPhone(o.Customer.Phone), o.Customer.Phone),
		TaxFreeAmount:       o.Extras.Tax.Free,
		WindowTarget:        o.Toss.WindowTarget,
		Metadata:            json.RawMessage(o.Extras.Metadata),
		Card:                card(o, at),
	}, nil
}

func card(o order.Order, at provider.Place) *RequestCard {
	c := RequestCard{AppScheme: o.Extras.AppScheme}
	if o.Toss.InternationalCardOnly { // the domestic window has one language
		c.UseInternationalCardOnly, c.Language = true, windowLanguage(at.Spoken(o.Language))
	}
	if c == (RequestCard{}) {
		return nil
	}
	return &c
}

// windowLanguage maps ours to theirs; for any other the window chooses.
func windowLanguage(language string) string {
	switch language {
	case "ko", "en", "ja", "zh":
		return strings.ToUpper(language)
	}
	return ""
}

// optional leaves out what the SDK would refuse: these three only fill the form in, and must not keep anybody from paying.
func optional(ok bool, text string) string {
	if !ok {
		return ""
	}
	return text
}

func isPhone(s string) bool {
	return len(s) >= 8 && len(s) <= 15 && strings.Trim(s, "0123456789") == ""
}
