package web

import "net/http"

// CheckingView is what the checking page shows while nobody knows yet whether the order is paid.
type CheckingView struct {
	Language    Language
	OrderID     string
	OrderName   string
	AmountValue int64  // smallest unit of the currency
	Currency    string // ISO 4217; empty = no amount shown
	Seconds     int    // until the page reloads its own URL; held between 1 and checkingSecondsMax

	// Issuance: what is checked is the registration of a subscription's payment method, and OrderID and
	// OrderName are the subscription's.
	Issuance bool
	Plan     Plan // of an issuance; unknown = no amount and no date shown
	// Reversing: a payment that does not match the order is being given back. It is the more important
	// news, so it wins over Issuance.
	Reversing bool
}

// checkingSecondsMax keeps the page alive when a caller's backoff has grown: a buyer who looks at it
// is the quickest way to the truth.
const checkingSecondsMax = 60

// Checking renders the page that asks the buyer to wait and reloads the same URL, with no payment
// button and no error. Its status is 200 and not 202: the page itself is complete, and some in-app
// browsers show their own error page, or a download, for anything but 200.
func Checking(v CheckingView) Page {
	words := v.Language.catalog()
	told, tip := words.Checking, words.CheckingTip
	switch {
	case v.Reversing:
		told = words.Reversing
	case v.Issuance:
		told, tip = words.Registering, words.RegisteringTip
	}
	page, _ := newLayout(v.Language, told)
	page.Tone = toneWait
	page.Text = append(page.Text, tip)
	page.Rows = orderRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency)
	if v.Issuance {
		page.Rows = planRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency, v.Plan)
	}
	page.Refresh = min(max(v.Seconds, 1), checkingSecondsMax)
	page.Actions = []action{{Text: words.Reload}}
	response := render(http.StatusOK, pagePolicy(), page)
	// The page says the same in a meta element; a browser obeys the first and ignores the other
	// (WHATWG HTML, shared declarative refresh steps).
	response.Header.Set("Refresh", refreshHeader(page.Refresh, ""))
	return response
}

// NotFound renders the 404 page. An unknown order and a wrong link token get the same bytes, so that
// nobody learns which orders exist.
func NotFound(language Language) Page {
	page, _ := newLayout(language, language.catalog().NotFound)
	page.Tone = toneInfo
	return render(http.StatusNotFound, pagePolicy(), page)
}

// Problem renders the page for everything that keeps us from knowing the order's state: overload, a
// failing dependency, a request we cannot read. It never says that a payment failed. A status that
// is not an error becomes 500. The request number is for support and may be empty.
func Problem(language Language, status int, requestID string) Page {
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	words := language.catalog()
	page, _ := newLayout(language, words.Problem)
	page.Tone = toneInfo
	if requestID != "" {
		page.Rows = []row{{Label: words.RequestID, Value: requestID}}
	}
	page.Actions = []action{{Text: words.Reload, Primary: true}}
	return render(status, pagePolicy(), page)
}
