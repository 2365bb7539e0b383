// Package web renders the pages a buyer sees: the payment page, which also registers payment methods for
// subscriptions, the result pages, the checking page and two error pages, in four languages.
//
// It is pure: a view of plain values in, a Page of status, headers and bytes out, the same page for
// the same view. It decides nothing about money; callers pass the state they have proven. Everything
// in a view is taken as hostile, because order names come from merchants and codes from redirects.
package web

import (
	_ "embed"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Page is an HTTP response, ready to be written. Callers own it and may add headers.
type Page struct {
	Status int
	Header http.Header
	Body   []byte // UTF-8 HTML
}

// The files of static/ as strings: they lie in the program, and no cold start copies them.
var (
	//go:embed static/page.css
	pageStyle string
	//go:embed static/checkout.js
	checkoutCore string
	//go:embed static/toss.js
	tossOpener string
	//go:embed static/portone.js
	portoneOpener string
)

// tone chooses the mark above the heading.
type tone string

const (
	toneNone tone = ""
	toneGood tone = "good" // the money arrived
	toneWait tone = "wait" // not known yet
	toneInfo tone = "info" // nothing to worry about
	toneWarn tone = "warn" // something to read
)

// layout is what a page shows, top to bottom; every page is one of these.
type layout struct {
	Language  Language
	Style     string
	Refresh   int // seconds until the page reloads its own URL; 0 = never
	Tone      tone
	Notice    *notice
	Title     string
	Text      []string // paragraphs
	Rows      []row
	Pay       *payment
	Choice    *choice
	Actions   []action
	Switch    []languageLink
	SwitchFor string // what the language switch is called aloud
}

// notice tells how the attempt before ended, above the payment button.
type notice struct {
	Title string
	Text  []string
}

// row is a label and its value. Emphasised values are shown large.
type row struct {
	Label, Value string
	Emphasis     bool
}

// action is a link that looks like a button. An empty URL reloads the page.
type action struct {
	Text, URL string
	Primary   bool
}

type languageLink struct {
	Language  Language
	Name, URL string
	Current   bool
}

// render builds the response. Pages are never stored, framed or indexed, and never tell another site
// the address they were opened with, because that address is the buyer's only credential.
func render(status int, policy string, page layout) Page {
	page.Style = pageStyle
	header := http.Header{}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", string(page.Language))
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Robots-Tag", "noindex, nofollow")
	// "same-origin" would cut the payment window's popup off from the page that opened it
	// (docs.tosspayments.com, payment window, 2026-11).
	header.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	var body markup
	if err := body.page(page); err != nil {
		// Only a window that is no JSON fails, and no view with one comes this far.
		header.Set("Content-Type", "text/plain; charset=utf-8")
		return Page{Status: http.StatusInternalServerError, Header: header, Body: []byte("temporarily unavailable, please reload\n")}
	}
	return Page{Status: status, Header: header, Body: body.Bytes()}
}

// newLayout starts a page in a language, falling back as catalog does, so that the lang attribute
// never disagrees with the words.
func newLayout(language Language, words message) (layout, *catalog) {
	known, _ := ParseLanguage(string(language))
	return layout{Language: known, Title: words.Title, Text: paragraphs(words.Body)}, known.catalog()
}

// paragraphs drops empty texts.
func paragraphs(texts ...string) []string {
	var kept []string
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}

// orderRows describes the order. Empty values are left out, since a caller may know only the number.
func orderRows(words *catalog, language Language, name, id string, amount int64, currency string) []row {
	var rows []row
	if currency != "" {
		rows = append(rows, row{Label: words.Amount, Value: amountText(amount, currency, language), Emphasis: true})
	}
	if name != "" {
		rows = append(rows, row{Label: words.OrderName, Value: name})
	}
	if id != "" {
		rows = append(rows, row{Label: words.OrderID, Value: id})
	}
	return rows
}

// safeLink returns a link that leads to a web page or to a path of our own host, and "" for anything
// else: javascript:, data:, and "//host" or "/\host", which browsers read as another host.
func safeLink(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	if (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil {
		return u.String()
	}
	local := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")
	if local && !strings.HasPrefix(link, "//") && !strings.Contains(link, `\`) {
		return u.String()
	}
	return ""
}

// refreshHeader is the Refresh header's value: after some seconds go to link, or reload when link is
// empty. The link must come from safeLink, which leaves no character that would end it early.
func refreshHeader(seconds int, link string) string {
	if link == "" {
		return strconv.Itoa(seconds)
	}
	return strconv.Itoa(seconds) + "; url=" + link
}
