package portone

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// DefaultScript is the JavaScript SDK; tosspay_v2 needs this one and not the older ones with a version in their name
// (developers.portone.io, tosspay-v2, 2026-08).
const DefaultScript = "https://cdn.iamport.kr/v1/iamport.js"

// Limits of the windows (developers.portone.io, tosspay-v2, 2026-08).
const (
	customerIDMax    = 50
	channelKeyMax    = 55
	expiryMinutesMax = 60
	gateway          = "tosspay_v2"
	testMID          = "tosstest" // the one of PortOne's test channels (help.portone.io, Toss Pay channel, 2026-08)
)

// expiryForm is yyyy-MM-dd HH:mm:ss. The documentation names no time zone; Toss Pay is Korean and works in Korean time.
const expiryForm = "2006-01-02 15:04:05"

var kst = time.FixedZone("KST", 9*60*60)

// Windows composes what a page needs to open the payment window. It holds no secret: what the page shows to the buyer is the link token, which
// the buyer has.
type Windows struct {
	UserCode   string // imp and 8 digits, for IMP.init
	ChannelKey string // of the console; says which merchant account, test or live, is paid
	MID        string // the merchant id at Toss Pay; takes the place of ChannelKey in older set-ups, and says which account is ours in newer
	Script     string // empty for DefaultScript
	// OmitIssuanceAmount leaves amount out of the issuance window, as the guide's sample does. Otherwise it is 0: other gateways
	// document that for "key only", and Toss Pay cannot charge while it issues.
	OmitIssuanceAmount bool
	// AsksBefore lets PortOne ask at our gate before an order's window captures. A window that issues a billing key takes no money and asks nobody.
	AsksBefore bool
	Now        func() time.Time
}

// Options are the choices a merchant has for the window of an order. The zero value is the widest: all means, no instalments, 15
// minutes, a general cash receipt.
type Options struct {
	PayMethod              string `json:"payMethod,omitempty"` // tosspay for all means, tosspay_card, tosspay_money
	UseInstallment         bool   `json:"useInstallment,omitempty"`
	ExpiredTime            string `json:"expiredTime,omitempty"`            // yyyy-MM-dd HH:mm:ss, Korean time, at most 60 minutes ahead
	ExpiredMinutes         int    `json:"expiredMinutes,omitempty"`         // the same from the moment the window is composed
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"` // GENERAL, CULTURE, PUBLIC_TP
}

// OptionError names the field of Options that is wrong. Its message may be shown to the merchant.
type OptionError struct {
	Field   string
	Problem string
}

func (e *OptionError) Error() string { return e.Field + " " + e.Problem }

// Validate returns an *OptionError unless a window could open with the options now.
func (o Options) Validate(now time.Time) error {
	_, err := o.expiry(now)
	switch {
	case !slices.Contains([]string{"", "tosspay", "tosspay_card", "tosspay_money"}, o.PayMethod):
		return &OptionError{"payMethod", "must be tosspay, tosspay_card or tosspay_money"}
	case o.PayMethod == "tosspay_money" && o.UseInstallment:
		return &OptionError{"useInstallment", "needs a card, and payMethod tosspay_money takes none"}
	case !isTradeOption(o.CashReceiptTradeOption):
		return &OptionError{"cashReceiptTradeOption", "must be GENERAL, CULTURE or PUBLIC_TP"}
	}
	return err
}

// expiry returns expiredTime as the window takes it, empty for their default of 15 minutes.
func (o Options) expiry(now time.Time) (string, error) {
	switch {
	case o.ExpiredTime == "" && o.ExpiredMinutes == 0:
		return "", nil
	case o.ExpiredTime != "" && o.ExpiredMinutes != 0:
		return "", &OptionError{"expiredMinutes", "cannot stand beside expiredTime"}
	case o.ExpiredTime == "" && (o.ExpiredMinutes < 1 || o.ExpiredMinutes > expiryMinutesMax):
		return "", &OptionError{"expiredMinutes", fmt.Sprintf("must be from 1 to %d", expiryMinutesMax)}
	case o.ExpiredTime == "":
		return now.Add(time.Duration(o.ExpiredMinutes) * time.Minute).In(kst).Format(expiryForm), nil
	}
	at, err := time.ParseInLocation(expiryForm, o.ExpiredTime, kst)
	switch {
	case err != nil || at.Format(expiryForm) != o.ExpiredTime: // the second: Parse also takes fractions of a second
		return "", &OptionError{"expiredTime", "must be written yyyy-MM-dd HH:mm:ss, in Korean time"}
	case !at.After(now):
		return "", &OptionError{"expiredTime", "is over"}
	case at.After(now.Add(expiryMinutesMax * time.Minute)):
		return "", &OptionError{"expiredTime", fmt.Sprintf("must be within %d minutes", expiryMinutesMax)}
	}
	return o.ExpiredTime, nil
}

// RequestPay is the object that IMP.request_pay() takes (npm iamport-typings 1.4.0, and developers.portone.io, tosspay-v2, 2026-08, for
// card.useInstallment, customer_id and bypass). Language is left out: for tosspay_v2 it is not documented.
type RequestPay struct {
	ChannelKey   string `json:"channelKey,omitempty"`
	PG           string `json:"pg,omitempty"`           // deprecated: tosspay_v2.{MID}, for want of a channelKey
	PayMethod    string `json:"pay_method"`             // tosspay, tosspay_card, tosspay_money
	MerchantUID  string `json:"merchant_uid"`           // at most 40; one that was paid is refused
	CustomerUID  string `json:"customer_uid,omitempty"` // of an issuance
	CustomerID   string `json:"customer_id,omitempty"`  // of an issuance
	Name         string `json:"name"`
	Amount       *int64 `json:"amount,omitempty"` // whole won; a number, or the window does not open
	Currency     string `json:"currency,omitempty"`
	TaxFree      int64  `json:"tax_free,omitempty"`   // of the amount
	VATAmount    *int64 `json:"vat_amount,omitempty"` // of the amount; without it PortOne takes an eleventh
	BuyerName    string `json:"buyer_name,omitempty"`
	BuyerEmail   string `json:"buyer_email,omitempty"`
	BuyerTel     string `json:"buyer_tel"`      // the SDK's types want it, even empty
	MRedirectURL string `json:"m_redirect_url"` // where a phone comes back; a PC's popup calls back in the page
	NoticeURL    string `json:"notice_url,omitempty"`
	ConfirmURL   string `json:"confirm_url,omitempty"` // is asked before the window captures; PortOne's support must enable it
	AppScheme    string `json:"app_scheme,omitempty"`  // where Toss's app goes back to; needed in a web view
	// CustomData is an object that PortOne keeps with the payment, as JSON text.
	CustomData json.RawMessage `json:"custom_data,omitempty"`
	Card       *RequestCard    `json:"card,omitempty"`
	Bypass     *RequestBypass  `json:"bypass,omitempty"`
}

// RequestCard says whether the buyer may pay by instalments.
type RequestCard struct {
	UseInstallment bool `json:"useInstallment"`
}

// RequestBypass is what Toss Pay itself is told. Older guides show its fields without the level in between.
type RequestBypass struct {
	TossPay RequestTossPay `json:"tosspay_v2"`
}

// RequestTossPay are the fields of RequestBypass.
type RequestTossPay struct {
	ExpiredTime            string `json:"expiredTime,omitempty"`
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"`
}

// Check refuses settings that cannot work together in mode, "test" or "live". Its errors name the parameter. Whether a channel key is a
// test channel's only PortOne can tell.
func (w Windows) Check(mode string) error {
	digits := strings.TrimPrefix(w.UserCode, "imp")
	switch {
	case mode != "test" && mode != "live":
		return errors.New("portone: Mode must be test or live")
	case len(w.UserCode) != 11 || len(digits) != 8 || strings.Trim(digits, "0123456789") != "":
		return errors.New("portone: PortOneUserCode must be imp and 8 digits")
	case w.ChannelKey == "" && w.MID == "":
		return errors.New("portone: PortOneChannelKey or PortOneMid is missing")
	case w.ChannelKey != "" && !transport.IsVisible(w.ChannelKey, channelKeyMax):
		return fmt.Errorf("portone: PortOneChannelKey must have at most %d visible characters", channelKeyMax)
	case w.MID != "" && !isUID(w.MID, 64):
		return errors.New("portone: PortOneMid is not a merchant id")
	case w.MID == testMID && mode == "live":
		return errors.New("portone: PortOneMid is the test one and Mode is live: they must agree")
	case w.MID != "" && w.MID != testMID && mode == "test":
		return fmt.Errorf("portone: PortOneMid is not %s and Mode is test: test orders would take real money", testMID)
	}
	return nil
}

// Account is the merchant account that payments of these windows go to, as provider.Payment names it; empty when no MID is set.
func (w Windows) Account() string { return account(w.MID) }

// Window is WindowOf without options.
func (w Windows) Window(o order.Order, at provider.Place) (provider.Window, error) {
	return w.WindowOf(o, Options{}, at)
}

// WindowOf returns the window of the order's current attempt.
func (w Windows) WindowOf(o order.Order, options Options, at provider.Place) (provider.Window, error) {
	request, err := w.payment(o, options, at)
	if err != nil {
		return provider.Window{}, fmt.Errorf("portone: window of order %q: %w", o.ID, err)
	}
	return w.window(o.Mode, request)
}

func (w Windows) payment(o order.Order, options Options, at provider.Place) (RequestPay, error) {
	amount, err := money.New(o.Amount.Value, o.Amount.Currency)
	switch {
	case err != nil:
		return RequestPay{}, err
	case w.Now == nil:
		return RequestPay{}, errors.New("there is no clock")
	case o.Attempt < 1:
		return RequestPay{}, errors.New("it has no attempt")
	}
	now := w.Now()
	if err := options.Validate(now); err != nil {
		return RequestPay{}, err
	}
	expiry, err := options.expiry(now)
	if err != nil {
		return RequestPay{}, err
	}
	buyer := provider.Buyer{Name: o.Customer.Name, Email: o.Customer.Email, Phone: o.Customer.Phone}
	request, err := w.request(o.Number(), o.Name, buyer, returning{o.ID, o.LinkToken, o.Language, at})
	if err != nil {
		return RequestPay{}, err
	}
	request.PayMethod = "tosspay"
	if options.PayMethod != "" {
		request.PayMethod = options.PayMethod
	}
	request.Amount = &amount.Value
	request.Currency = string(amount.Currency)
	request.TaxFree, request.AppScheme, request.CustomData = o.Extras.Tax.Free, o.Extras.AppScheme, json.RawMessage(o.Extras.Metadata)
	if o.Extras.Tax.GivenVAT {
		request.VATAmount = &o.Extras.Tax.VAT
	}
	request.Card = &RequestCard{UseInstallment: options.UseInstallment}
	if w.AsksBefore {
		gate := at.Base + "/gate/portone/" + url.PathEscape(o.ID) + "/" + url.PathEscape(o.LinkToken)
		request.ConfirmURL = at.Back(gate, o.Language)
	}
	if bypass := (RequestTossPay{expiry, options.CashReceiptTradeOption}); bypass != (RequestTossPay{}) {
		request.Bypass = &RequestBypass{bypass}
	}
	return request, nil
}

// Issuance is what a billing-key window is for.
type Issuance struct {
	ID          string // of the subscription; stands in the return address
	LinkToken   string
	Mode        string // test or live
	CustomerUID string // also its merchant_uid; never used before: a second issuance under it would replace the key
	CustomerID  string // the merchant's id of the buyer, 1 to 50 characters
	Name        string // of the plan
	Customer    provider.Buyer
	Language    string // of the subscription; may be empty
	AppScheme   string // where Toss's app goes back to; may be empty
}

// IssuanceWindow returns the window that issues a billing key. It takes no money: Toss Pay cannot issue and charge at once.
func (w Windows) IssuanceWindow(i Issuance, at provider.Place) (provider.Window, error) {
	if !transport.IsWithin(i.CustomerID, 1, customerIDMax) || strings.ContainsFunc(i.CustomerID, isControl) {
		return provider.Window{}, &OptionError{"customerId", fmt.Sprintf("must have 1 to %d characters", customerIDMax)}
	}
	request, err := w.request(i.CustomerUID, i.Name, i.Customer, returning{i.ID, i.LinkToken, i.Language, at})
	if err != nil {
		return provider.Window{}, fmt.Errorf("portone: issuance window of %q: %w", i.ID, err)
	}
	request.PayMethod = "tosspay" // the only one that issues
	request.CustomerUID = i.CustomerUID
	request.CustomerID = i.CustomerID
	request.AppScheme = i.AppScheme
	if !w.OmitIssuanceAmount {
		request.Amount = new(int64)
	}
	return w.window(i.Mode, request)
}

// returning is where a window comes back to.
type returning struct {
	id, linkToken, language string
	at                      provider.Place
}

// request is what both windows have in common.
func (w Windows) request(number, name string, buyer provider.Buyer, back returning) (RequestPay, error) {
	switch {
	case !isUID(number, merchantUIDMax):
		return RequestPay{}, errors.New("its number is not a merchant_uid")
	case back.id == "" || back.linkToken == "":
		return RequestPay{}, errors.New("it has no id or no link token")
	case !transport.IsWithin(name, 1, NameMax):
		return RequestPay{}, &OptionError{"name", fmt.Sprintf("must have 1 to %d characters", NameMax)}
	case !transport.IsBase(back.at.Base):
		return RequestPay{}, errors.New("base must be an https address without a final slash")
	}
	buyer = fitting(buyer)
	request := RequestPay{
		ChannelKey:   w.ChannelKey,
		MerchantUID:  number,
		Name:         name,
		BuyerName:    buyer.Name,
		BuyerEmail:   buyer.Email,
		BuyerTel:     buyer.Phone,
		NoticeURL:    back.at.Base + "/webhooks/portone/" + url.PathEscape(back.linkToken), // its own: another's webhook needs another link token
		MRedirectURL: back.at.Back(back.at.Base+"/confirm/portone/"+url.PathEscape(back.id)+"/"+url.PathEscape(back.linkToken), back.language),
	}
	if w.ChannelKey == "" {
		request.PG = gateway + "." + w.MID
	}
	return request, nil
}

func (w Windows) window(mode string, request RequestPay) (provider.Window, error) {
	if err := w.Check(mode); err != nil {
		return provider.Window{}, err
	}
	params, err := json.Marshal(request)
	if err != nil {
		return provider.Window{}, fmt.Errorf("portone: window: %w", err)
	}
	return provider.Window{Script: cmp.Or(w.Script, DefaultScript), ClientKey: w.UserCode, Params: params}, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
