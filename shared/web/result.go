package web

import (
	"net/http"
	"regexp"
)

// ResultState is what a result page tells the buyer. It follows from the stored order, never from
// the address the browser came with.
type ResultState string

// The states. Those that say nothing was charged (declined, canceled, aborted, rejected, mismatch)
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
)

// ResultStates lists every state.
func ResultStates() []ResultState {
	return []ResultState{
		ResultPaid, ResultRefunded, ResultDeclined, ResultCanceled, ResultAborted, ResultRejected,
		ResultMismatch, ResultExpired, ResultFailed, ResultReview, ResultOpen,
	}
}

// payable tells whether the buyer may be offered to pay. It lists the states that may, so that a new
// state does not by accident invite a second payment.
func (s ResultState) payable() bool {
	switch s {
	case ResultDeclined, ResultCanceled, ResultAborted, ResultRejected, ResultMismatch, ResultOpen:
		return true
	default:
		return false
	}
}

func (s ResultState) tone() tone {
	switch s {
	case ResultPaid:
		return toneGood
	case ResultRefunded, ResultCanceled, ResultOpen:
		return toneInfo
	default:
		return toneWarn
	}
}

// ResultView is what a result page shows.
type ResultView struct {
	Language Language
	State    ResultState

	OrderID     string
	OrderName   string
	AmountValue int64  // smallest unit of the currency
	Currency    string // ISO 4217; empty = no amount shown
	Code        string // the provider's code, for advice and for support; may be untrusted

	PayURL    string // the payment page; used only in states that may be paid
	ReturnURL string // the shop, with whatever query it expects; empty = no link
	// ReturnSeconds sends the buyer of a paid order to ReturnURL by itself; 0 = only the link does.
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
	page.Rows = orderRows(words, page.Language, v.OrderName, v.OrderID, v.AmountValue, v.Currency)
	if code := supportCode(v.State, v.Code); code != "" {
		page.Rows = append(page.Rows, row{Label: words.SupportCode, Value: code})
	}

	pay, shop := "", safeLink(v.ReturnURL)
	if v.State.payable() {
		pay = safeLink(v.PayURL)
	}
	if pay != "" {
		text := words.PayAgain
		if v.State == ResultOpen {
			text = words.PayNow
		}
		page.Actions = append(page.Actions, action{Text: text, URL: pay, Primary: true})
	}
	if shop != "" {
		page.Actions = append(page.Actions, action{Text: words.BackToShop, URL: shop, Primary: pay == ""})
	}

	returning := v.State == ResultPaid && shop != "" && v.ReturnSeconds > 0
	if returning {
		page.Text = append(page.Text, words.ReturningToShop)
	}
	response := render(http.StatusOK, pagePolicy(), page)
	if returning {
		response.Header.Set("Refresh", refreshHeader(v.ReturnSeconds, shop))
	}
	return response
}

// stateAdvice returns what to do about a code in a state, or "" where the state's own text says it
// all. Advice to wait never stands beside an invitation to pay again: the state is proven, a code
// that came along with it is not.
func stateAdvice(state ResultState, code string, language Language) string {
	switch state {
	case ResultDeclined, ResultAborted, ResultRejected:
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
var codeShape = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,63}$`)

// supportCode returns the code to quote to the shop, or "" when it would only puzzle the buyer.
func supportCode(state ResultState, code string) string {
	switch state {
	case ResultDeclined, ResultAborted, ResultRejected, ResultFailed, ResultReview:
		return codeShape.FindString(code)
	default:
		return ""
	}
}
