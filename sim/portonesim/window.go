package portonesim

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/sim/simulator"
)

var (
	//go:embed iamport.js
	sdkSource []byte
	//go:embed window.js
	windowScript []byte
	//go:embed window.html
	windowSource string
	//go:embed result.html
	resultSource string

	windowPage = template.Must(template.New("window").Parse(windowSource))
	resultPage = template.Must(template.New("result").Parse(resultSource))
)

// How long a window can be used (Toss Pay guide at developers.portone.io,
// bypass.tosspay_v2.expiredTime, 2026-11). That its time is Korean is inferred.
const (
	windowUsual = 15 * time.Minute
	windowMax   = 60 * time.Minute
	expiredForm = "2006-01-02 15:04:05"
)

var (
	currencies = []string{"KRW", "USD", "JPY"}
	payMethods = []string{"tosspay", "tosspay_card", "tosspay_money"}
)

// What a window ends with when it does not end with a payment. F1002 is the
// provider's own code and text; the other codes are our choice, for they were
// not seen.
var (
	alreadyPaid    = result{ErrorCode: "F1002", ErrorMsg: "이미 결제가 이루어진 거래건입니다."}
	otherPrepared  = result{ErrorCode: "PREPARE_MISMATCH", ErrorMsg: "사전등록된 결제금액과 일치하지 않습니다."}
	notEnough      = result{ErrorCode: "CARD_NOT_ENOUGH_BALANCE", ErrorMsg: "잔고 부족으로 결제에 실패했습니다."}
	buyerCancelled = result{ErrorCode: "USER_CANCEL", ErrorMsg: "[결제포기] 사용자가 결제를 취소하셨습니다"}
	duplicateOrder = result{ErrorCode: "PAYMENT_DUPLICATION_ORDER_NO", ErrorMsg: "중복된 주문번호입니다."}
	windowExpired  = result{ErrorCode: "EXPIRED", ErrorMsg: "결제 유효시간이 만료되었습니다."}
)

// windowRequest is what the script hands to the window and the window's form
// hands back.
type windowRequest struct {
	MerchantUID, Name, Currency, PayMethod string
	Amount                                 int64  // as the merchant's page said; 0 for an issuance
	CustomerUID, CustomerID                string // set for an issuance
	Language                               string // ko, en, ja or zh
	redirect                               bool   // back to returnURL; otherwise a popup that posts its result
	returnURL                              string // m_redirect_url
	origin                                 string // of the page that opened the popup; "" if unknown
	noticeURLs                             []string
	confirmURL                             string // is asked before the window captures
	session                                string // imp_uid of the opened window; "" when a script skips the page
	owner                                  *account
	sandbox                                bool
	pgID                                   string
	buyer                                  buyer
	customData                             string
	withVAT                                bool
	expiresAt                              time.Time // zero: 15 minutes after the opening
}

// result is what the callback or the redirect gets. An error_code does not mean
// that nothing was paid, and its absence not that something was.
type result struct {
	ImpUID      *string `json:"imp_uid"` // null if there is no payment
	MerchantUID string  `json:"merchant_uid"`
	ErrorCode   string  `json:"error_code,omitempty"`
	ErrorMsg    string  `json:"error_msg,omitempty"`
	ImpSuccess  *bool   `json:"imp_success,omitempty"` // only with LegacyImpSuccess
}

// openWindow is GET /window: it creates a payment in ready, as the provider
// does, and shows the page. A window that is opened twice is two payments of
// the same merchant_uid.
func (s *Sim) openWindow(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	req, err := s.parseWindow(form)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	s.mu.Lock()
	blocked, ok := s.mayOpen(req, req.Amount)
	if ok {
		form.Set("session", s.open(req).impUID)
	}
	s.mu.Unlock()
	if !ok {
		s.leave(w, r, req, blocked)
		return
	}

	simulator.Page(w, "")
	words := windowTexts[req.Language]
	// A write error means the buyer hung up; the template itself is tested.
	_ = windowPage.Execute(w, struct {
		*windowRequest
		Texts    texts
		Issuance bool
		Price    string
		Tampered int64
		Fields   []field
		Buttons  []field
	}{req, words, req.CustomerUID != "", simulator.Price(req.Amount), req.Amount + 1, fields(form), words.buttons(req.CustomerUID != "")})
}

// field is an input or a button of the page.
type field struct{ Name, Value string }

// fields are the hidden inputs that bring the request back.
func fields(form url.Values) []field {
	var all []field
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			all = append(all, field{name, value})
		}
	}
	return all
}

// submitWindow is POST /window: the buyer's decision. Unless the buyer closes
// the popup, it ends where the window came from: in redirect mode with a 303 to
// m_redirect_url, in popup mode with a page that posts the result to its opener
// and closes. Without a session the payment is created now, for scripts that
// skip the page.
func (s *Sim) submitWindow(w http.ResponseWriter, r *http.Request) {
	form, err := simulator.Form(w, r)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	outcome, tamper := form.Get("outcome"), form.Get("tamperAmount")
	form.Del("outcome")
	form.Del("tamperAmount")
	req, err := s.parseWindow(form)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	amount, err := req.realAmount(tamper)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	if !slices.Contains(outcomes, outcome) {
		refuseWindow(w, errors.New("outcome must be one of "+strings.Join(outcomes, ", ")))
		return
	}
	end, err := s.decide(req, outcome, amount)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	if outcome == "close-popup" {
		s.close(w, req, nil)
		return
	}
	s.leave(w, r, req, end)
}

// realAmount is what the window takes: the amount, or what an attacker made of
// it in the browser.
func (req *windowRequest) realAmount(tamper string) (int64, error) {
	if tamper == "" {
		return req.Amount, nil
	}
	amount, err := strconv.ParseInt(tamper, 10, 64)
	if err != nil || amount < 1 || amount > wonMax || req.CustomerUID != "" {
		return 0, errors.New("tamperAmount must be a whole number above 0, and not of an issuance")
	}
	return amount, nil
}

// mayOpen is what the provider checks before the window opens: the
// merchant_uid was not paid yet, and the amount is the prepared one. The caller
// holds mu.
func (s *Sim) mayOpen(req *windowRequest, amount int64) (result, bool) {
	if s.isTaken(req.owner, req.MerchantUID) {
		return alreadyPaid, false
	}
	want, ok := s.prepared[merchantUID{req.owner, req.MerchantUID}]
	if !ok || s.o.IgnorePrepare {
		return result{}, true
	}
	if want.amount != amount || want.currency != "" && want.currency != req.Currency {
		return otherPrepared, false
	}
	return result{}, true
}

// decide moves the payment as the buyer decided and returns what the callback
// or the redirect gets.
func (s *Sim) decide(req *windowRequest, outcome string, amount int64) (result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.session(req)
	if err != nil {
		return result{}, err
	}
	if p == nil || p.status == ready && amount != req.Amount {
		if blocked, ok := s.mayOpen(req, amount); !ok {
			return blocked, nil
		}
	}
	if p == nil {
		p = s.open(req)
	}
	end := s.confirm(p, outcome, amount)
	end.ImpUID = &p.impUID
	return end, nil
}

// confirm is settle after the question at confirm_url, if the window names one
// and would capture. The caller holds mu, which is not held while the answer is
// waited for: another window may capture meanwhile.
func (s *Sim) confirm(p *payment, outcome string, amount int64) result {
	asks := p.window.confirmURL != "" && p.usage != usageIssue
	if !asks || p.status != ready || s.stops(p, outcome).ErrorCode != "" {
		return s.settle(p, outcome, amount)
	}
	question := questionBody{p.impUID, p.merchantUID, amount}
	s.mu.Unlock()
	reason, ok := s.ask(p.window.confirmURL, question)
	s.mu.Lock()
	if !ok && p.status == ready {
		p.end = result{ErrorCode: notConfirmed, ErrorMsg: reason}
		s.fail(p, reason)
	}
	return s.settle(p, outcome, amount)
}

// settle does what a button says. A second click on any button changes nothing
// and gets the first one's result. The caller holds mu.
func (s *Sim) settle(p *payment, outcome string, amount int64) result {
	if p.status != ready {
		return p.end
	}
	if p.end = s.stops(p, outcome); p.end.ErrorCode != "" {
		s.fail(p, p.end.ErrorMsg)
		return p.end
	}
	if p.usage != usageIssue {
		p.amount = amount
	}
	s.capture(p, p.window.card())
	return p.end
}

// stops is why a window does not capture; the zero value: it does. The caller
// holds mu.
func (s *Sim) stops(p *payment, outcome string) result {
	switch {
	case outcome == "fail":
		return notEnough
	case outcome == "cancel":
		return buyerCancelled
	case s.o.Now().After(p.window.expiresAt):
		return windowExpired
	case s.isTaken(p.owner, p.merchantUID) && !s.o.TwoWindowsCapture:
		return duplicateOrder
	}
	return result{}
}

// card is what the buyer pays with.
func (req *windowRequest) card() *card {
	if req.PayMethod == "tosspay_money" {
		return nil
	}
	return usualCard()
}

// session finds the payment of an opened window. It is nil for a request
// without one. The caller holds mu.
func (s *Sim) session(req *windowRequest) (*payment, error) {
	if req.session == "" {
		return nil, nil
	}
	p := s.payments[req.session]
	if p == nil || p.window == nil || p.owner != req.owner || p.merchantUID != req.MerchantUID ||
		p.window.Amount != req.Amount || p.customerUID != req.CustomerUID || p.currency != req.Currency {
		return nil, errors.New("session is not that of this payment")
	}
	return p, nil
}

// open creates a payment in ready. The caller holds mu.
func (s *Sim) open(req *windowRequest) *payment {
	p := &payment{
		merchantUID: req.MerchantUID, name: req.Name, currency: req.Currency, amount: req.Amount,
		owner: req.owner, sandbox: req.sandbox, pgID: req.pgID, channel: "pc",
		buyer: req.buyer, customData: req.customData, noticeURLs: req.noticeURLs, withVAT: req.withVAT,
		window: req,
	}
	if req.redirect {
		p.channel = "mobile"
	}
	if req.CustomerUID != "" { // tosspay_v2 cannot charge while it issues
		p.customerUID, p.usage, p.amount = req.CustomerUID, usageIssue, 0
	}
	if req.expiresAt.IsZero() {
		req.expiresAt = s.o.Now().Add(windowUsual)
	}
	s.start(p, "imp_")
	s.add(p)
	return p
}

// leave ends a window: back to the shop, or to the opener.
func (s *Sim) leave(w http.ResponseWriter, r *http.Request, req *windowRequest, end result) {
	end.MerchantUID = req.MerchantUID
	if s.o.LegacyImpSuccess {
		end.ImpSuccess = new(end.ErrorCode == "")
	}
	if !req.redirect {
		s.close(w, req, &end)
		return
	}
	var query []string
	if end.ImpUID != nil && (end.ErrorCode != "" || !s.o.RedirectWithoutImpUID) {
		query = append(query, "imp_uid", *end.ImpUID)
	}
	query = append(query, "merchant_uid", end.MerchantUID)
	if end.ErrorCode != "" {
		query = append(query, "error_code", end.ErrorCode, "error_msg", end.ErrorMsg)
	}
	if end.ImpSuccess != nil {
		query = append(query, "imp_success", strconv.FormatBool(*end.ImpSuccess))
	}
	simulator.SendTo(w, r, simulator.WithQuery(req.returnURL, query...))
}

// close answers with the page that closes the popup, after it posted end to the
// opener unless that is nil.
func (s *Sim) close(w http.ResponseWriter, req *windowRequest, end *result) {
	posted := ""
	if end != nil {
		encoded, err := json.Marshal(end)
		if err != nil {
			panic(fmt.Sprintf("portonesim: encode result: %v", err)) // strings always encode
		}
		posted = string(encoded)
	}
	simulator.Page(w, "'self'")
	_ = resultPage.Execute(w, struct {
		Texts          texts
		Result, Origin string
	}{windowTexts[req.Language], posted, req.origin})
}

// refuseWindow is the plain answer to a window that cannot be opened.
func refuseWindow(w http.ResponseWriter, err error) {
	http.Error(w, "PortOne (simulated): "+err.Error(), http.StatusBadRequest)
}
