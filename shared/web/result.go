package web

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// ResultState is what a result page tells the buyer. It follows from the stored order, never from
// the address the browser came with.
type ResultState string

// The states of an order. Those that say nothing was charged (declined, canceled, aborted, rejected, mismatch)
// may be shown only for an order for which no approval was ever sent, or whose refusal the provider
// has stated. While that is unknown, show Checking.
const (
	ResultPaid     ResultState = "paid"
	ResultRefunded ResultState = "refunded"
	ResultDeclined ResultState = "declined" // the provider refused to approve
	ResultCanceled ResultState = "canceled" // the buyer closed the window (PAY_PROCESS_CANCELED)
	ResultAborted  ResultState = "aborted"  // the window gave up (PAY_PROCESS_ABORTED)
	ResultRejected ResultState = "rejected" // the card company refused in the window (REJECT_CARD_COMPANY)
	ResultMismatch ResultState = "mismatch" // the redirect's amount was not the order's; never approved
	ResultExpired  ResultState = "expired"
	ResultFailed   ResultState = "failed"
	ResultReview   ResultState = "review" // the facts contradict each other; a person decides
	ResultOpen     ResultState = "open"   // nothing has happened yet
	// ResultReturned: a payment that did not match the order was given back in full, on the provider's
	// word. Until that is proven, show Checking with Reversing.
	ResultReturned ResultState = "returned"
)

// The states of a subscription's payment method.
const (
	ResultRegistered        ResultState = "registered"     // the provider knows the billing key
	ResultNotRegistered     ResultState = "not-registered" // it does not, and may be asked again
	ResultSubscriptionEnded ResultState = "subscription-ended"
)

// ResultStates lists every state.
func ResultStates() []ResultState {
	return []ResultState{
		ResultPaid, ResultRefunded, ResultDeclined, ResultCanceled, ResultAborted, ResultRejected,
		ResultMismatch, ResultExpired, ResultFailed, ResultReview, ResultOpen, ResultReturned,
		ResultRegistered, ResultNotRegistered, ResultSubscriptionEnded,
	}
}

// payable tells whether the buyer may be offered to pay, or to register, again. It lists the states
// that may, so that a new state does not by accident invite a second payment.
func (s ResultState) payable() bool {
	switch s {
	case ResultDeclined, ResultCanceled, ResultAborted, ResultRejected, ResultMismatch, ResultOpen, ResultReturned, ResultNotRegistered:
		return true
	default:
		return false
	}
}

// subscription tells whether the state is about a subscription rather than an order.
func (s ResultState) subscription() bool {
	switch s {
	case ResultRegistered, ResultNotRegistered, ResultSubscriptionEnded:
		return true
	default:
		return false
	}
}

// wasPaid tells whether the state is that of an order a payment paid.
func (s ResultState) wasPaid() bool { return s == ResultPaid || s == ResultRefunded }

func (s ResultState) tone() tone {
	switch s {
	case ResultPaid, ResultRegistered:
		return toneGood
	case ResultRefunded, ResultCanceled, ResultOpen, ResultSubscriptionEnded:
		return toneInfo
	default:
		return toneWarn
	}
}

// ResultView is what a result page shows. In the states of a subscription, OrderID and OrderName are
// the subscription's.
type ResultView struct {
	Language Language
	State    ResultState

	OrderID     string
	OrderName   string
	AmountValue int64  // smallest unit of the currency
	Currency    string // ISO 4217; empty = no amount shown
	Code        string // the provider's code, for advice and for support; may be untrusted

	Plan        Plan   // states of a subscription; unknown = no amount and no date shown
	MeansBrand  string // ResultRegistered: whose card or account it is; empty = not shown
	MeansMasked string // ResultRegistered: its masked number; one that is not masked is not shown

	PaidWith   PaidWith // ResultPaid and ResultRefunded: how it was paid
	ReceiptURL string   // the same: the provider's receipt; empty = no link

	PayURL    string // the page that pays or registers; used only in states that may do so again
	ReturnURL string // the shop, with whatever query it expects; empty = no link
	// ReturnSeconds sends the buyer of a paid order, or with a registered payment method, to ReturnURL
	// by itself; 0 = only the link does.
	ReturnSeconds int
}

// Result renders the page that ends a payment, status 200. An unknown state becomes the problem page
// with status 500, which claims nothing about the payment.
func Result(v ResultView) Page {
	words := v.Language.catalog()
	told, known := words.Results[v.State]
	if !known {
		return Problem(v.Language, http.StatusInternalServerError, "")
	}
	page, _ := newLayout(v.Language, told)
	page.Tone = v.State.tone()
	page.Text = append(page.Text, paragraphs(stateAdvice(v.State, v.Code, v.Language))...)
	page.Rows = resultRows(words, page.Language, v)
	if code := supportCode(v.State, v.Code); code != "" {
		page.Rows = append(page.Rows, row{Label: words.SupportCode, Value: code})
	}

	pay, shop := "", safeLink(v.ReturnURL)
	if v.State.payable() {
		pay = safeLink(v.PayURL)
	}
	if pay != "" {
		page.Actions = append(page.Actions, action{Text: payText(words, v.State), URL: pay, Primary: true})
	}
	if shop != "" {
		page.Actions = append(page.Actions, action{Text: words.BackToShop, URL: shop, Primary: pay == ""})
	}
	if receipt := safeLink(v.ReceiptURL); receipt != "" && v.State.wasPaid() {
		page.Actions = append(page.Actions, action{Text: words.Receipt, URL: receipt})
	}

	returning := (v.State == ResultPaid || v.State == ResultRegistered) && shop != "" && v.ReturnSeconds > 0
	if returning {
		page.Text = append(page.Text, words.ReturningToShop)
	}
	response := render(http.StatusOK, pagePolicy(), page)
	if returning {
		response.Header.Set("Refresh", refreshHeader(v.ReturnSeconds, shop))
	}
	return response
}

func resultRows(words *catalog, language Language, v ResultView) []row {
	if v.State.wasPaid() {
		return append(orderRows(words, language, v.OrderName, v.OrderID, v.AmountValue, v.Currency), paidRows(words, language, v.PaidWith, v.Currency)...)
	}
	if !v.State.subscription() {
		return orderRows(words, language, v.OrderName, v.OrderID, v.AmountValue, v.Currency)
	}
	if v.State != ResultRegistered {
		return planRows(words, language, v.OrderName, v.OrderID, v.AmountValue, v.Currency, Plan{})
	}
	rows := planRows(words, language, v.OrderName, v.OrderID, v.AmountValue, v.Currency, v.Plan)
	if means := strings.TrimSpace(v.MeansBrand + " " + maskedNumber(v.MeansMasked)); means != "" {
		rows = append(rows, row{Label: words.Means, Value: means})
	}
	return rows
}

func payText(words *catalog, state ResultState) string {
	switch state {
	case ResultOpen:
		return words.PayNow
	case ResultNotRegistered:
		return words.RegisterAgain
	default:
		return words.PayAgain
	}
}

// maskedDigitsMax is how much of a card number may be shown: its first eight and last four digits
// (PCI SSC, FAQ 1091, truncation formats). Whole ones have thirteen or more.
const maskedDigitsMax = 12

// maskedNumber returns a masked number as the provider wrote it, and "" for one that is not masked.
func maskedNumber(number string) string {
	digits := 0
	for _, r := range number {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits > maskedDigitsMax {
		return ""
	}
	return number
}

// stateAdvice returns what to do about a code in a state, or "" where the state's own text says it
// all. Advice to wait never stands beside an invitation to pay again: the state is proven, a code
// that came along with it is not.
func stateAdvice(state ResultState, code string, language Language) string {
	switch state {
	case ResultDeclined, ResultAborted, ResultRejected, ResultNotRegistered:
	default:
		return ""
	}
	switch kind := codeAdvice[code]; kind {
	case adviceGeneral, adviceChecking, adviceCanceled, adviceRefund:
		return ""
	default:
		return language.catalog().Advice[kind]
	}
}

// codeShape is the shape of the provider's codes. A redirect can put any text in their place.
var codeShape = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,63}$`) })

// supportCode returns the code to quote to the shop, or "" when it would only puzzle the buyer.
func supportCode(state ResultState, code string) string {
	switch state {
	case ResultDeclined, ResultAborted, ResultRejected, ResultFailed, ResultReview, ResultNotRegistered:
		return codeShape().FindString(code)
	default:
		return ""
	}
}
