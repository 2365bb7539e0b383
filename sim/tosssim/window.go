package tosssim

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tosspay-sam/sim/simulator"
)

//go:embed sdk.js
var sdkSource []byte

//go:embed window.html
var windowSource string

var windowPage = template.Must(template.New("window").Parse(windowSource))

// What the window accepts (docs.tosspayments.com/sdk/v2, 2026-11). The amount
// is a whole number of the currency's unit, because the ledger counts in whole
// units; the real window takes cents of USD.
var (
	orderIDPattern = regexp.MustCompile(`^[A-Za-z0-9_=-]{6,64}$`)
	amountPattern  = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)
	currencies     = []string{"KRW", "USD", "JPY"}
)

const orderNameMax = 100 // characters

// outcomes are the buttons of the window, the usual one first.
var outcomes = []string{"approve", "cancel", "abort", "reject"}

var errWrongClientKey = errors.New("clientKey is not known to this provider")

// windowRequest is what the script hands to the window and the window's form
// hands back.
type windowRequest struct {
	OrderID, OrderName, Currency string
	Amount                       int64
	SuccessURL, FailURL          string
	Language                     string // KO, EN, JA or ZH
	ClientKey                    string // "" means the first key pair
	Session                      string // payment key of the opened window; only in the form, may be ""
	pair                         *KeyPair
}

// openWindow is GET /window: it creates a payment in READY, as the provider
// does, and shows the page. A window that is opened twice is two payments of
// the same order number.
func (s *Sim) openWindow(w http.ResponseWriter, r *http.Request) {
	req, err := s.parseWindow(r.URL.Query())
	if err != nil {
		refuseWindow(w, err)
		return
	}
	s.mu.Lock()
	req.Session = s.open(req).key
	s.mu.Unlock()

	simulator.Page(w, "")
	words := windowTexts[req.Language]
	// A write error means the buyer hung up; the template itself is tested.
	_ = windowPage.Execute(w, struct {
		windowRequest
		Texts    texts
		Price    string
		Tampered int64
		Buttons  []button
	}{req, words, simulator.Price(req.Amount), req.Amount + 1, buttons(words)})
}

// submitWindow is POST /window: the buyer's decision. It answers 303 with the
// documented query: paymentKey, orderId and amount to successUrl; code, message
// and, unless the buyer closed the window, orderId to failUrl. Without a
// session the payment is created now, for scripts that skip the page.
func (s *Sim) submitWindow(w http.ResponseWriter, r *http.Request) {
	form, err := simulator.Form(w, r)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	req, err := s.parseWindow(form)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	outcome, tamper := form.Get("outcome"), form.Get("tamperAmount")
	switch {
	case !slices.Contains(outcomes, outcome):
		refuseWindow(w, errors.New("outcome must be one of "+strings.Join(outcomes, ", ")))
		return
	case tamper != "" && (outcome != "approve" || !amountPattern.MatchString(tamper)):
		refuseWindow(w, errors.New("tamperAmount must be a whole number above 0, with outcome approve"))
		return
	}
	target, err := s.decide(req, outcome, tamper)
	if err != nil {
		refuseWindow(w, err)
		return
	}
	simulator.SendTo(w, r, target)
}

// decide moves the payment as the buyer decided and returns where to send the
// buyer.
func (s *Sim) decide(req windowRequest, outcome, tamper string) (string, error) {
	if outcome == "cancel" { // closing the window moves nothing; it stays READY until it expires
		return req.failTarget("PAY_PROCESS_CANCELED"), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.session(req)
	if err != nil {
		return "", err
	}
	s.expire(p)
	switch {
	case p.status == expired: // what the real window says then is not documented; our choice
		return req.failTarget("PAY_PROCESS_ABORTED"), nil
	case outcome == "approve" && p.status == inProgress: // a second click on the same button
	case p.status != ready:
		return "", errors.New("this window was already used")
	case outcome == "approve":
		p.status = inProgress
		p.authenticatedAt = s.now()
		s.note(p)
	case outcome == "abort":
		s.abort(p, "PAY_PROCESS_ABORTED")
		return req.failTarget("PAY_PROCESS_ABORTED"), nil
	case outcome == "reject":
		s.abort(p, "REJECT_CARD_COMPANY")
		return req.failTarget("REJECT_CARD_COMPANY"), nil
	}
	amount := strconv.FormatInt(p.amount, 10)
	if tamper != "" {
		amount = tamper
	}
	return simulator.WithQuery(req.SuccessURL, "paymentKey", p.key, "orderId", p.orderID, "amount", amount), nil
}

// session finds the payment of an opened window, or opens one. The caller
// holds mu.
func (s *Sim) session(req windowRequest) (*payment, error) {
	if req.Session == "" {
		return s.open(req), nil
	}
	p := s.payments[req.Session]
	if p == nil || p.pair != req.pair || p.orderID != req.OrderID || p.amount != req.Amount || p.currency != req.Currency {
		return nil, errors.New("session is not that of this order")
	}
	return p, nil
}

// open creates a payment in READY. The caller holds mu.
func (s *Sim) open(req windowRequest) *payment {
	p := &payment{
		key: s.newKey(), orderID: req.OrderID, orderName: req.OrderName,
		currency: req.Currency, amount: req.Amount, pair: req.pair,
		status: ready, requestedAt: s.now(),
	}
	s.payments[p.key] = p
	s.orders[p.orderID] = append(s.orders[p.orderID], p)
	s.note(p)
	return p
}

// parseWindow checks everything but outcome and tamperAmount.
func (s *Sim) parseWindow(v url.Values) (windowRequest, error) {
	req := windowRequest{
		OrderID: v.Get("orderId"), OrderName: v.Get("orderName"), Currency: v.Get("currency"),
		SuccessURL: v.Get("successUrl"), FailURL: v.Get("failUrl"),
		Language: v.Get("language"), ClientKey: v.Get("clientKey"), Session: v.Get("session"),
	}
	if req.Language == "" {
		req.Language = "KO"
	}
	for i := range s.keys {
		if req.ClientKey == s.keys[i].Client || (req.ClientKey == "" && i == 0) {
			req.pair = &s.keys[i]
			break
		}
	}
	name := utf8.RuneCountInString(req.OrderName)
	_, known := windowTexts[req.Language]
	switch {
	case req.pair == nil:
		return req, errWrongClientKey
	case !orderIDPattern.MatchString(req.OrderID):
		return req, errors.New("orderId must be 6 to 64 of A-Z a-z 0-9 _ - =")
	case name < 1 || name > orderNameMax:
		return req, errors.New("orderName must have 1 to 100 characters")
	case !amountPattern.MatchString(v.Get("amount")):
		return req, errors.New("amount must be a whole number above 0, below 10^12")
	case !slices.Contains(currencies, req.Currency):
		return req, errors.New("currency must be one of " + strings.Join(currencies, ", "))
	case !simulator.HasOrigin(req.SuccessURL):
		return req, errors.New("successUrl must be an http or https address with an origin")
	case !simulator.HasOrigin(req.FailURL):
		return req, errors.New("failUrl must be an http or https address with an origin")
	case !known:
		return req, errors.New("language must be KO, EN, JA or ZH")
	}
	amount, err := strconv.ParseInt(v.Get("amount"), 10, 64)
	req.Amount = amount
	return req, err
}

// failTarget is failUrl with an error. PAY_PROCESS_CANCELED is the one that
// comes without the order number.
func (req windowRequest) failTarget(name string) string {
	text := message(name).Message
	if req.Language != "KO" {
		text = englishMessages[name]
	}
	if name == "PAY_PROCESS_CANCELED" {
		return simulator.WithQuery(req.FailURL, "code", name, "message", text)
	}
	return simulator.WithQuery(req.FailURL, "code", name, "message", text, "orderId", req.OrderID)
}

// refuseWindow is the plain answer to a window that cannot be opened.
func refuseWindow(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, errWrongClientKey) {
		status = http.StatusUnauthorized
	}
	http.Error(w, "Toss Payments (simulated): "+err.Error(), status)
}
