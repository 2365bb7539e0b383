package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// CheckoutView is what the payment page shows and opens. With Issuance it is the page that registers a
// payment method for a subscription, and OrderID and OrderName are the subscription's.
type CheckoutView struct {
	Language Language
	Provider string // "toss" or "portone"

	OrderID     string
	OrderName   string
	AmountValue int64  // smallest unit of the currency; for KRW, won
	Currency    string // ISO 4217; only KRW gets a currency sign

	Issuance bool // registers a payment method and charges nothing; PortOne only
	Plan     Plan // required for an issuance, ignored otherwise

	// ScriptURL is the provider's script: https, or http on loopback for the simulator. Toss:
	// https://js.tosspayments.com/v2/standard (docs.tosspayments.com/sdk/v2/js, 2026-11). PortOne:
	// https://cdn.iamport.kr/v1/iamport.js (developers.portone.io, V1 SDK, 2026-11).
	ScriptURL   string
	ClientKey   string // Toss: public half of the key pair; PortOne: the merchant code, imp00000000
	CustomerKey string // Toss only; empty = a guest
	// WindowJSON is the exact object the provider's function is called with. PortOne's must have a
	// merchant_uid and an m_redirect_url, and a customer_uid if and only if this is an issuance.
	WindowJSON json.RawMessage

	// Notice is how the attempt before ended and NoticeCode the provider's code for it, both
	// optional. The same rules hold as for ResultView.State.
	Notice     ResultState
	NoticeCode string

	LanguageLinks map[Language]string // this page in other languages; empty = no switch
	ReturnURL     string              // the shop; empty = no link
}

// checkoutScript is the page's whole script. It is closed in a function so that no name of ours can
// collide with one of the provider's.
func checkoutScript(p provider) string {
	return "(() => {\n\"use strict\";\n" + p.opener + checkoutCore + "})();\n"
}

// payment is the part of the layout around the payment button.
type payment struct {
	Button   string
	Check    *check
	Again    string
	Note     string
	NoScript string
	Data     checkoutData
	Script   string
}

// check is the way out of a window that ended without a word. It stays hidden until the window opens.
type check struct {
	Hint, Text, URL string
}

// checkoutData is everything the page's script gets to know, written as JSON in which nothing can end the script element.
type checkoutData struct {
	ScriptURL   string            `json:"scriptUrl"`
	ClientKey   string            `json:"clientKey"`
	CustomerKey string            `json:"customerKey"`
	Window      json.RawMessage   `json:"window"`
	Text        map[string]string `json:"text"`
}

// Checkout renders the payment page, status 200. It opens the provider's window with exactly
// WindowJSON when the buyer presses the button. A view it cannot turn into a working and safe page
// (unknown provider, script URL that is neither https nor loopback, WindowJSON that is no object or
// does something other than the page says, issuance without a plan) becomes the problem page with
// status 500.
func Checkout(v CheckoutView) Page {
	provider, known := providerFor(v.Provider)
	origin, safe := scriptOrigin(v.ScriptURL)
	window, readable := windowObject(v.WindowJSON)
	if !known || !safe || !readable || v.Issuance && !v.Plan.known() {
		return Problem(v.Language, http.StatusInternalServerError, "")
	}
	checkURL, accepted := provider.accept(window, v.Issuance)
	if !accepted {
		return Problem(v.Language, http.StatusInternalServerError, "")
	}

	page, words := checkoutLayout(v)
	page.Notice = checkoutNotice(words, v)
	page.Pay.Script = checkoutScript(provider)
	if checkURL != "" {
		page.Pay.Check = checkText(words, v.Issuance)
		page.Pay.Check.URL = checkURL
	}
	if link := safeLink(v.ReturnURL); link != "" {
		page.Actions = append(page.Actions, action{Text: words.BackToShop, URL: link})
	}
	page.SwitchFor = words.LanguageLabel
	page.Switch = languageSwitch(page.Language, v.LanguageLinks)

	response := render(http.StatusOK, checkoutPolicy(provider, page.Pay.Script, origin), page)
	// Wallets inside the provider's frame may use the browser's own payment sheet.
	response.Header.Set("Permissions-Policy",
		`camera=(), geolocation=(), microphone=(), payment=(self "`+strings.Join(provider.hosts, `" "`)+`")`)
	return response
}

// checkoutLayout puts the view into words: as a payment, or as the registration of a payment method.
func checkoutLayout(v CheckoutView) (layout, *catalog) {
	words := v.Language.catalog()
	pay := &payment{
		Again:    words.Checkout.LoadAgain,
		Note:     words.Checkout.SafeNote,
		NoScript: words.Checkout.NoScript,
		Data: checkoutData{
			ScriptURL: v.ScriptURL, ClientKey: v.ClientKey, CustomerKey: v.CustomerKey, Window: bytes.TrimSpace(v.WindowJSON),
			Text: map[string]string{
				"loading":     words.Checkout.Loading,
				"loadFailed":  words.Checkout.LoadFailed,
				"opening":     words.Checkout.Opening,
				"closed":      words.Checkout.Closed,
				"notOpened":   words.Checkout.NotOpened,
				"shopProblem": words.Checkout.ShopProblem,
			},
		},
	}
	if v.Issuance {
		page, _ := newLayout(v.Language, message{words.Issuance.Title, words.Issuance.Body})
		page.Text = append(page.Text, v.Plan.chargeText(words, page.Language))
		page.Rows = planRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency, v.Plan)
		pay.Button = words.Issuance.Button
		page.Pay = pay
		return page, words
	}
	page, _ := newLayout(v.Language, message{Title: words.Checkout.Title})
	page.Rows = orderRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency)
	pay.Button = fill(words.Checkout.PayButton, "{amount}", amountText(v.AmountValue, v.Currency, page.Language))
	page.Pay = pay
	return page, words
}

func checkText(words *catalog, issuance bool) *check {
	if issuance {
		return &check{Hint: words.Issuance.CheckHint, Text: words.Issuance.CheckButton}
	}
	return &check{Hint: words.Checkout.CheckHint, Text: words.Checkout.CheckButton}
}

// checkoutNotice says how the attempt before ended. Only states that invite to try the same again can
// stand above a button; any other is left out.
func checkoutNotice(words *catalog, v CheckoutView) *notice {
	if !v.Notice.payable() || v.Notice == ResultOpen || v.Notice.subscription() != v.Issuance {
		return nil
	}
	told := words.Results[v.Notice]
	return &notice{Title: told.Title, Text: paragraphs(told.Body, stateAdvice(v.Notice, v.NoticeCode, v.Language))}
}

// languageSwitch lists the languages that have a link, in a fixed order.
func languageSwitch(current Language, links map[Language]string) []languageLink {
	var list []languageLink
	for _, language := range Languages() {
		link := safeLink(links[language])
		if link == "" && language != current {
			continue
		}
		list = append(list, languageLink{Language: language, Name: language.catalog().Name, URL: link, Current: language == current})
	}
	if len(list) < 2 {
		return nil
	}
	return list
}
