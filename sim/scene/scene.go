// Package scene sets the table and the simulated providers as each file of events/ needs them: for the test that replays the files, and for
// the laptop, where `sam local invoke` sends them.
package scene

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
)

// What the files in events/ speak of: one order of each provider and one subscription, all with the same link token.
const (
	Order        = "order-0001" // of Toss Payments, paid as
	Key          = "tviva20261121120000EXAMPLE"
	PortOneOrder = "order-0002" // of PortOne, paid as
	ImpUID       = "imp_895265444670"
	Subscription = "member-0001"     // its key is issued under the same imp_uid
	Imported     = "minji_0001_1234" // the customer_uid of a key that was issued elsewhere
	Link         = "EXAMPLELINKTOKEN2345ABCDEF"
	HookToken    = "EXAMPLEWEBHOOKTOKEN2345"
	Origin       = "https://abcdefghij.execute-api.ap-northeast-2.amazonaws.com"
	Amount       = 15000
	PlanAmount   = 9900
	Email        = "minji.kim@example.com"
	Phone        = "01012345678"
	Name         = "Minji Kim"
)

// Stage is what a scene is set on. The simulators make their ids with TossKeys and PortOneIDs.
type Stage struct {
	Records payment.Store
	Toss    *tosssim.Sim
	PortOne *portonesim.Sim
	// Invoke runs the function of a file of events/ with it, for a scene in which that has happened before.
	Invoke   func(ctx context.Context, event string) error
	Returned *url.URL // where the provider's window sent the buyer, last
}

// TossKeys makes the keys of a tosssim.Sim's payments: the first is the one that the events speak of.
func TossKeys() func() string {
	var made atomic.Int64
	return func() string {
		if n := made.Add(1); n > 1 {
			return fmt.Sprintf("tviva20261121120000%07d", n)
		}
		return Key
	}
}

// PortOneIDs does the same for the digits of a portonesim.Sim's imp_uids.
func PortOneIDs() func() string {
	var made atomic.Int64
	return func() string {
		if n := made.Add(1); n > 1 {
			return fmt.Sprintf("%012d", n)
		}
		return strings.TrimPrefix(ImpUID, "imp_")
	}
}

// Seed stores the order of Toss Payments, open.
func (s *Stage) Seed(ctx context.Context, mode string) (order.Order, error) {
	return s.create(ctx, order.Order{ID: Order, Provider: "toss", Mode: mode, Toss: order.TossOptions{InternationalCardOnly: true}})
}

// SeedPortOne stores PortOne's.
func (s *Stage) SeedPortOne(ctx context.Context) (order.Order, error) {
	return s.create(ctx, order.Order{ID: PortOneOrder, Provider: "portone", Mode: "test"})
}

func (s *Stage) create(ctx context.Context, o order.Order) (order.Order, error) {
	now := now()
	o.Amount, o.Name, o.Language = money.Amount{Value: Amount, Currency: money.KRW}, "T-shirt", "en"
	o.Customer = order.Customer{ID: "cust-1001", Name: Name, Email: Email, Phone: Phone}
	o.ReturnURL, o.Request, o.LinkToken = "https://shop.example/orders/done", "seeded", Link
	o.CreatedAt, o.ExpiresAt = now, now.Add(time.Hour)
	return s.Records.Create(ctx, order.New(o))
}

// SeedSubscription stores the subscription, without a means of payment.
func (s *Stage) SeedSubscription(ctx context.Context) (subscription.Subscription, error) {
	now := now()
	return s.Records.CreateSubscription(ctx, subscription.New(subscription.Subscription{
		ID: Subscription, Provider: "portone", Mode: "test", CustomerID: "cust-1001", Language: "en", Request: "seeded", LinkToken: Link,
		Customer: subscription.Customer{Name: Name, Email: Email, Phone: Phone}, ReturnURL: "https://shop.example/members/done",
		Plan:     subscription.Plan{Amount: money.Amount{Value: PlanAmount, Currency: money.KRW}, Name: "Coffee every month"},
		Calendar: subscription.Calendar{First: now, Interval: subscription.Month, Every: 1, Anchor: now.In(subscription.Seoul).Day()},
		CatchUp:  subscription.Once, CreatedAt: now,
	}))
}

// now is the real time: a function in a container or a process of its own has no other.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Pay opens Toss Payments' window of the order with the very object the merchant's route returns, and leaves it in one of the simulator's
// ways. What the window says to the buyer's browser is kept in Returned.
func (s *Stage) Pay(o order.Order, clientKey, outcome, tamperAmount string) error {
	window, err := toss.Windows{ClientKey: clientKey}.Window(o, provider.Place{Base: Origin})
	var request toss.RequestPayment
	if err := errors.Join(err, json.Unmarshal(window.Params, &request)); err != nil {
		return err
	}
	w := post(s.Toss, url.Values{
		"clientKey": {window.ClientKey}, "orderId": {request.OrderID}, "orderName": {request.OrderName},
		"amount": {strconv.FormatInt(request.Amount.Value, 10)}, "currency": {request.Amount.Currency}, "language": {request.Card.Language},
		"successUrl": {request.SuccessURL}, "failUrl": {request.FailURL}, "outcome": {outcome}, "tamperAmount": {tamperAmount},
	})
	if w.Code != http.StatusSeeOther {
		return fmt.Errorf("the window answers %d: %s", w.Code, w.Body)
	}
	s.Returned, err = url.Parse(w.Header().Get("Location"))
	return err
}

// PortOneWindows compose PortOne's windows as the functions do with the settings of the events.
func PortOneWindows() portone.Windows {
	return portone.Windows{
		UserCode: portonesim.DefaultUserCode, ChannelKey: portonesim.TestChannelKey, MID: portonesim.TestMID, Now: time.Now,
	}
}

// PayPortOne does the same as Pay with PortOne's window, in the mode of a phone (redirect) or of a PC (popup).
func (s *Stage) PayPortOne(o order.Order, mode, outcome, tamperAmount string) error {
	window, err := PortOneWindows().Window(o, provider.Place{Base: Origin})
	if err != nil {
		return err
	}
	return s.openPortOne(window, mode, outcome, tamperAmount)
}

// Issue does the same with the window that issues the subscription's key.
func (s *Stage) Issue(of subscription.Subscription, mode, outcome string) error {
	name := of.KeyName(of.Issuing().N)
	window, err := PortOneWindows().IssuanceWindow(portone.Issuance{
		ID: name, LinkToken: of.LinkToken, Mode: of.Mode, CustomerUID: name, CustomerID: of.CustomerID, Name: of.Plan.Name,
	}, provider.Place{Base: Origin})
	if err != nil {
		return err
	}
	return s.openPortOne(window, mode, outcome, "")
}

func (s *Stage) openPortOne(window provider.Window, mode, outcome, tamperAmount string) error {
	var params map[string]json.RawMessage
	if err := json.Unmarshal(window.Params, &params); err != nil {
		return err
	}
	form := url.Values{"userCode": {window.ClientKey}, "mode": {mode}, "outcome": {outcome}, "tamperAmount": {tamperAmount}}
	for name, value := range params { // texts as they are, everything else as JSON, as the script does
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		form.Set(name, text)
	}
	w := post(s.PortOne, form)
	var err error
	switch {
	case mode == "redirect" && w.Code == http.StatusSeeOther:
		s.Returned, err = url.Parse(w.Header().Get("Location"))
	case mode == "popup" && w.Code == http.StatusOK:
		s.Returned, err = calledBack(form.Get("m_redirect_url"), w.Body.String())
	default:
		err = fmt.Errorf("the window answers %d: %s", w.Code, w.Body)
	}
	return err
}

// calledBack is where our page goes when the popup's callback runs: the window's own return address with what the callback got. It is nil
// when the popup closes without a word.
func calledBack(address, page string) (*url.URL, error) {
	posted := regexp.MustCompile(`data-result="([^"]*)"`).FindStringSubmatch(page)
	to, err := url.Parse(address)
	if err != nil || posted == nil {
		return nil, fmt.Errorf("the popup ends with neither a result nor none: %w\n%s", err, page)
	}
	if posted[1] == "" {
		return nil, nil
	}
	var answer map[string]string
	if err := json.Unmarshal([]byte(html.UnescapeString(posted[1])), &answer); err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, value := range answer {
		query.Set(name, value)
	}
	to.RawQuery = query.Encode()
	return to, nil
}

// post sends a window's form.
func post(sim http.Handler, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/window", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	return w
}
