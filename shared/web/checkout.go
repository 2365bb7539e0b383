package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// CheckoutView is what the payment page shows and opens.
type CheckoutView struct {
	Language Language
	Provider string // "toss"; "portone" has its place here, see providerFor

	OrderID     string
	OrderName   string
	AmountValue int64  // smallest unit of the currency; for KRW, won
	Currency    string // ISO 4217; only KRW gets a currency sign

	// ScriptURL is the provider's script: https, or http on loopback for the simulator. Toss:
	// https://js.tosspayments.com/v2/standard (docs.tosspayments.com/sdk/v2/js, 2026-11).
	ScriptURL   string
	ClientKey   string          // public half of the key pair
	CustomerKey string          // empty = a guest
	WindowJSON  json.RawMessage // the exact object the provider's function is called with

	// Notice is how the attempt before ended and NoticeCode the provider's code for it, both
	// optional. The same rules hold as for ResultView.State.
	Notice     ResultState
	NoticeCode string

	LanguageLinks map[Language]string // this page in other languages; empty = no switch
	ReturnURL     string              // the shop; empty = no link
}

// provider is what differs between payment windows: the script that opens one, and the hosts its own
// script loads from and talks to.
type provider struct {
	opener  string
	sources []string
}

// providerFor returns how to open a provider's window. A new provider is a static/<name>.js that
// defines the same three functions as static/toss.js, and a case here.
func providerFor(name string) (provider, bool) {
	switch name {
	case "toss":
		// Both domains are in the provider's own allow-list for firewalls
		// (docs.tosspayments.com/reference/using-api/http-protocol, 2026-11).
		return provider{opener: tossOpener, sources: []string{"https://*.tosspayments.com", "https://*.toss.im"}}, true
	default:
		return provider{}, false
	}
}

var (
	tossOpener   = asset("toss.js")
	checkoutCore = asset("checkout.js")
)

// checkoutScript is the page's whole script. It is closed in a function so that no name of ours can
// collide with one of the provider's.
func checkoutScript(p provider) string {
	return "(() => {\n\"use strict\";\n" + p.opener + checkoutCore + "})();\n"
}

// payment is the part of the layout around the payment button.
type payment struct {
	Button   string
	Again    string
	Note     string
	NoScript string
	Data     checkoutData
	Script   template.JS
}

// checkoutData is everything the page's script gets to know. html/template writes it as JSON in which
// nothing can end the script element.
type checkoutData struct {
	ScriptURL   string            `json:"scriptUrl"`
	ClientKey   string            `json:"clientKey"`
	CustomerKey string            `json:"customerKey"`
	Window      json.RawMessage   `json:"window"`
	Text        map[string]string `json:"text"`
}

// Checkout renders the payment page, status 200. It opens the provider's window with exactly
// WindowJSON when the buyer presses the button. A view it cannot turn into a working and safe page
// (unknown provider, script URL that is neither https nor loopback, WindowJSON that is no object)
// becomes the problem page with status 500.
func Checkout(v CheckoutView) Page {
	provider, known := providerFor(v.Provider)
	origin, safe := scriptOrigin(v.ScriptURL)
	window := bytes.TrimSpace(v.WindowJSON)
	if !known || !safe || !json.Valid(window) || window[0] != '{' {
		return Problem(v.Language, http.StatusInternalServerError, "")
	}

	words := v.Language.catalog()
	page, _ := newLayout(v.Language, message{Title: words.Checkout.Title})
	page.Notice = checkoutNotice(words, v)
	page.Rows = orderRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency)
	script := checkoutScript(provider)
	page.Pay = &payment{
		Button:   strings.Replace(words.Checkout.PayButton, "%s", amountText(v.AmountValue, v.Currency, page.Language), 1),
		Again:    words.Checkout.LoadAgain,
		Note:     words.Checkout.SafeNote,
		NoScript: words.Checkout.NoScript,
		Script:   template.JS(script),
		Data: checkoutData{
			ScriptURL: v.ScriptURL, ClientKey: v.ClientKey, CustomerKey: v.CustomerKey, Window: window,
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
	if link := safeLink(v.ReturnURL); link != "" {
		page.Actions = append(page.Actions, action{Text: words.BackToShop, URL: link})
	}
	page.SwitchFor = words.LanguageLabel
	page.Switch = languageSwitch(page.Language, v.LanguageLinks)

	response := render(http.StatusOK, checkoutPolicy(provider, script, origin), page)
	// Wallets inside the provider's frame may use the browser's own payment sheet.
	response.Header.Set("Permissions-Policy",
		`camera=(), geolocation=(), microphone=(), payment=(self "`+strings.Join(provider.sources, `" "`)+`")`)
	return response
}

// checkoutNotice says how the attempt before ended. Only states that invite to pay again can stand
// above a payment button; any other is left out.
func checkoutNotice(words *catalog, v CheckoutView) *notice {
	if !v.Notice.payable() || v.Notice == ResultOpen {
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
