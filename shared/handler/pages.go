package handler

import (
	"net/url"
	"slices"
	"strings"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/web"
)

// Seconds between two reloads of the checking page: quick while the buyer has just come back, patient after the first
// minutes.
const (
	checkingSeconds    = 3
	checkingSecondsMax = 15
	returnSeconds      = 5
)

// orderPageOptions is what a return knows beside the order.
type orderPageOptions struct {
	lang     web.Language
	kept     string // the query that keeps the reader's choice of a language on the pages that follow
	base     string
	attempt  int    // of the redirect; 0 on the payment page
	tampered bool   // the redirect's amount was not the order's
	failed   bool   // a fail redirect, with
	failCode string // its code
	expired  bool   // open, but its time is over
}

// orderPage shows an order's true state. What a redirect said only chooses words while the order is open.
func orderPage(o order.Order, opt orderPageOptions) web.Page {
	if o.Status == order.Processing {
		return web.Checking(web.CheckingView{
			Language: opt.lang, OrderID: o.ID, OrderName: o.Name,
			AmountValue: o.Amount.Value, Currency: string(o.Amount.Currency),
			Seconds: checkingPause(o), Reversing: o.Owed() != nil,
		})
	}
	v := web.ResultView{
		Language: opt.lang, OrderID: o.ID, OrderName: o.Name,
		AmountValue: o.Amount.Value, Currency: string(o.Amount.Currency),
		PayURL: checkoutURL(o, opt.base) + opt.kept, ReturnURL: backToShop(o.ReturnURL, "orderId", o.ID),
	}
	v.State, v.Code = resultState(o, opt)
	v.PaidWith, v.ReceiptURL = shownPaidWith(o.Capture.PaidWith()), o.Capture.ReceiptURL
	if v.State == web.ResultPaid && v.ReturnURL != "" {
		v.ReturnSeconds = returnSeconds
	}
	return web.Result(v)
}

func resultState(o order.Order, opt orderPageOptions) (web.ResultState, string) {
	switch o.Status {
	case order.Paid:
		return web.ResultPaid, ""
	case order.Refunded:
		return web.ResultRefunded, ""
	case order.Expired:
		return web.ResultExpired, ""
	case order.Failed:
		return web.ResultFailed, o.RefusalCode(o.Attempt)
	case order.Open:
		return openState(o, opt)
	}
	return web.ResultReview, ""
}

func openState(o order.Order, opt orderPageOptions) (web.ResultState, string) {
	switch {
	case opt.expired:
		return web.ResultExpired, ""
	case opt.tampered:
		return web.ResultMismatch, ""
	case returnedMoney(o, opt.attempt):
		return web.ResultReturned, ""
	case opt.failed && opt.failCode == "PAY_PROCESS_CANCELED":
		return web.ResultCanceled, ""
	case opt.failed && opt.failCode == "REJECT_CARD_COMPANY":
		return web.ResultRejected, opt.failCode
	case opt.failed:
		return web.ResultAborted, opt.failCode
	case opt.attempt > 0 && opt.attempt < o.Attempt:
		return web.ResultDeclined, o.RefusalCode(opt.attempt)
	}
	return web.ResultOpen, ""
}

// returnedMoney says that the attempt a redirect speaks of, or the one just over, took money that has been given back.
func returnedMoney(o order.Order, attempt int) bool {
	return slices.ContainsFunc(o.Reversals, func(r order.Reversal) bool {
		return !r.DoneAt.IsZero() && attempt > 0 && r.Attempt == attempt && attempt < o.Attempt
	})
}

// checkingPause grows with the time the order has been unclear.
func checkingPause(o order.Order) int {
	if o.Since.IsZero() {
		return checkingSeconds
	}
	return min(checkingSeconds+int(o.Ledger.LearnedAt.Sub(o.Since).Seconds())/10, checkingSecondsMax)
}

// backToShop is the merchant's page, told which record the buyer comes from and not what became of it: anybody can
// write an address. The merchant asks the private API before it ships. The rest of the merchant's own query stays as it
// is.
func backToShop(address, name, id string) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if own, _, _ := strings.Cut(pair, "="); own != "" && own != name {
			kept = append(kept, pair)
		}
	}
	u.RawQuery = strings.Join(append(kept, name+"="+url.QueryEscape(id)), "&")
	return u.String()
}

func languageLinks(o order.Order, base string) map[web.Language]string {
	links := make(map[web.Language]string, 4)
	for _, l := range web.Languages() {
		links[l] = checkoutURL(o, base) + "?lang=" + string(l)
	}
	return links
}

// askedLanguage is the reader's choice, else the order's, else the browser's.
func askedLanguage(r Request, ofOrder string) web.Language {
	asked, _ := query(r, "lang")
	if l, ok := web.ParseLanguage(asked["lang"]); ok {
		return l
	}
	if l, ok := web.ParseLanguage(ofOrder); ok && ofOrder != "" {
		return l
	}
	return web.Negotiate(header(r, "Accept-Language"))
}

// keptLanguage is the query of a link to a page of ours that shall speak the language that the reader has chosen; empty
// when there is no choice.
func keptLanguage(r Request) string {
	asked, _ := query(r, "lang")
	if l, ok := web.ParseLanguage(asked["lang"]); ok {
		return "?lang=" + string(l)
	}
	return ""
}

// speaker is askedLanguage for the use cases.
func speaker(r Request) func(string) string {
	return func(ofOrder string) string { return string(askedLanguage(r, ofOrder)) }
}

func problemPage(r Request, status int) Response {
	if strings.HasSuffix(r.RouteKey, "/status") {
		return errorResponse(status, "INTERNAL", "try again")
	}
	return pageResponse(web.Problem(askedLanguage(r, ""), status, r.RequestContext.RequestID))
}
