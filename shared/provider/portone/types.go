package portone

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"
)

// PrepareRequest is the body of POST and PUT /payments/prepare.
type PrepareRequest struct {
	MerchantUID string `json:"merchant_uid"` // 1 to 40 of A-Z a-z 0-9 _ -
	Amount      int64  `json:"amount"`       // whole won; a JSON number
	Currency    string `json:"currency"`     // KRW; PortOne compares no currency when it has none
}

// CancelRequest is the body of POST /payments/cancel. It names the payment by imp_uid only: one merchant_uid may have several payments.
type CancelRequest struct {
	ImpUID    string `json:"imp_uid"`
	Amount    int64  `json:"amount"`               // whole won, at least 1: PortOne takes a missing amount, or 0, for all of it
	TaxFree   *int64 `json:"tax_free,omitempty"`   // of Amount
	VATAmount *int64 `json:"vat_amount,omitempty"` // of Amount; must be given when the payment gave one
	Checksum  int64  `json:"checksum"`             // what we believe is refundable; PortOne does nothing when it is anything else
	Reason    string `json:"reason"`               // 1 to 200 characters
}

// AgainRequest is the body of POST /subscribe/payments/again. Left out on purpose are the parameters for other payment gateways, and
// currency, which is Paymentwall's.
type AgainRequest struct {
	CustomerUID     string `json:"customer_uid"` // see IsCustomerUID
	MerchantUID     string `json:"merchant_uid"` // 1 to 40 of A-Z a-z 0-9 _ -
	Amount          int64  `json:"amount"`       // whole won
	Name            string `json:"name"`         // 1 to NameMax characters
	TaxFree         *int64 `json:"tax_free,omitempty"`
	VATAmount       *int64 `json:"vat_amount,omitempty"` // nil: PortOne takes an eleventh
	BuyerName       string `json:"buyer_name,omitempty"`
	BuyerEmail      string `json:"buyer_email,omitempty"`
	BuyerTel        string `json:"buyer_tel,omitempty"`
	CardQuota       int    `json:"card_quota,omitempty"`        // months; 0 for a lump sum, else 2 or more and 50,000 won or more
	NoticeURL       string `json:"notice_url,omitempty"`        // where the webhook of a success goes, instead of the console's address
	CashReceiptType string `json:"cash_receipt_type,omitempty"` // person, company or anonymous, which is none
	Bypass          Bypass `json:"bypass"`
	// NotAfter, unless zero, is when the charge must have left: a process that stood still since it was allowed to charge must not.
	NotAfter time.Time `json:"-"`
}

// Bypass is what Toss Pay itself is told (developers.portone.io, tosspay-v2, 2026-08).
type Bypass struct {
	CashReceipt            *bool  `json:"cashReceipt,omitempty"`            // nil for their default, true
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"` // GENERAL, CULTURE or PUBLIC_TP
	// SendFailPush is always sent: PortOne documents its default as false, Toss Pay as true.
	SendFailPush bool `json:"sendFailPush"`
}

// againWire is AgainRequest with its bypass encoded: as a JSON string, which the parameter's type and the guide's prose say, or as the
// object that the guide's sample shows.
type againWire struct {
	AgainRequest
	Bypass any `json:"bypass"` // shadows the embedded one
}

func newAgainWire(r AgainRequest, object bool) (againWire, error) {
	bypass := map[string]Bypass{"tosspay_v2": r.Bypass}
	if object {
		return againWire{r, bypass}, nil
	}
	text, err := json.Marshal(bypass)
	return againWire{r, string(text)}, err
}

// AccessToken is the response of POST /users/getToken.
type AccessToken struct {
	Token     Token `json:"access_token"`
	Now       int64 `json:"now"`        // their clock, unix seconds
	ExpiredAt int64 `json:"expired_at"` // by their clock, unix seconds
}

// Payment is what we use of the Payment object (developers.portone.io/api/rest-v1, 2026-08). Fields and values are added to it, so
// unknown ones are ignored and enumerations are open text. A field that may be null is empty here when it is.
type Payment struct {
	ImpUID           string      `json:"imp_uid"`
	MerchantUID      string      `json:"merchant_uid"`
	Status           string      `json:"status"` // ready, paid, cancelled, failed
	Amount           json.Number `json:"amount"` // does not change by refunds
	CancelAmount     json.Number `json:"cancel_amount"`
	Currency         string      `json:"currency"`
	Sandbox          *bool       `json:"sandbox"` // nil is not documented, and proves nothing about the money
	PGProvider       string      `json:"pg_provider"`
	PGID             string      `json:"pg_id"` // the merchant id at the gateway
	PGTID            string      `json:"pg_tid"`
	PayMethod        string      `json:"pay_method"`
	CustomerUID      string      `json:"customer_uid"`       // null for a one-time payment
	CustomerUIDUsage string      `json:"customer_uid_usage"` // null, issue, payment, payment.scheduled
	PaidAt           json.Number `json:"paid_at"`            // unix seconds, like all times; 0 when it did not happen
	ReceiptURL       string      `json:"receipt_url"`
	// What paidWith reads is no reason to refuse the rest.
	CardCode      json.RawMessage `json:"card_code"`
	CardName      json.RawMessage `json:"card_name"`
	CardNumber    json.RawMessage `json:"card_number"` // masked
	CardQuota     json.RawMessage `json:"card_quota"`  // months; 0 for a lump sum
	EmbPGProvider json.RawMessage `json:"emb_pg_provider"`
	// FailReason is the gateway's text. It is classified and never passed on: it changes without notice and may quote anything.
	FailReason string `json:"fail_reason"`
}

// Page is one page of the payments of a merchant_uid.
type Page struct {
	Total *int      `json:"total"` // on all pages
	Next  *int      `json:"next"`  // number of the next page; 0 on the last
	List  []Payment `json:"list"`
}

// Prepared is a registered amount.
type Prepared struct {
	MerchantUID string      `json:"merchant_uid"`
	Amount      json.Number `json:"amount"`
	Currency    string      `json:"currency"`
}

// Customer is what we use of a stored billing key. The holder's name, address and telephone are not read.
type Customer struct {
	CustomerUID string      `json:"customer_uid"`
	CustomerID  string      `json:"customer_id"`
	PGProvider  string      `json:"pg_provider"`
	PGID        string      `json:"pg_id"`
	CardName    string      `json:"card_name"`
	CardNumber  string      `json:"card_number"` // masked
	Inserted    json.Number `json:"inserted"`
	Updated     json.Number `json:"updated"`
	Sandbox     *bool       `json:"sandbox"`
}

// Schedules are payments that PortOne is to make with a billing key by itself. The schema says that the response is an array, and in words that it
// comes in pages (developers.portone.io/api/rest-v1, 2026-08): a page's list is read, too.
type Schedules struct{ List []Schedule }

// Schedule is what we use of a ScheduleResult.
type Schedule struct {
	Status string `json:"schedule_status"` // scheduled, executed, revoked
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Schedules) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &s.List); err == nil {
		return nil
	}
	var page struct {
		List []Schedule `json:"list"`
	}
	err := json.Unmarshal(text, &page)
	s.List = page.List
	return err
}

// response is a type that a call's response may have.
type response interface {
	// whole says that the fields are there without which it is not that response.
	whole() bool
}

func (t AccessToken) whole() bool { return !t.Token.IsZero() && t.Now > 0 && t.ExpiredAt > t.Now }
func (p Payment) whole() bool     { return p.ImpUID != "" && p.MerchantUID != "" && p.Status != "" }
func (p Page) whole() bool        { return p.Total != nil && p.Next != nil }
func (p Prepared) whole() bool    { return p.MerchantUID != "" && p.Amount != "" }
func (c Customer) whole() bool    { return c.CustomerUID != "" }
func (s Schedules) whole() bool   { return s.List != nil }

// Errors of reading a reply. They do not quote it: it may hold what the buyer typed.
var (
	errNotEnvelope = errors.New("the reply is not an object with a code")
	errStatus      = errors.New("the reply's code says success and its HTTP status does not")
	errBoth        = errors.New("the reply has an error and a response")
	errNotResponse = errors.New("the response is not what was asked for")
)

// messageMax bounds what is classified; the longest message that is listed has about a hundred characters.
const messageMax = 1000

// readEnvelope takes {code, message, response} apart. The code is 0 for success; others are not stable, and the message is what
// tells them apart.
func readEnvelope(body []byte) (code int, message string, response json.RawMessage, err error) {
	var envelope struct {
		Code     *int            `json:"code"`
		Message  string          `json:"message"`
		Response json.RawMessage `json:"response"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Code == nil {
		return 0, "", nil, errNotEnvelope
	}
	// A RawMessage of a null holds its four bytes.
	empty := len(envelope.Response) == 0 || bytes.Equal(envelope.Response, []byte("null"))
	if *envelope.Code != 0 && !empty {
		return 0, "", nil, errBoth
	}
	return *envelope.Code, firstRunes(envelope.Message, messageMax), envelope.Response, nil
}

// readResponse reads the response of a success. A null is none.
func readResponse[T response](text json.RawMessage) (T, error) {
	var got, none T
	if err := json.Unmarshal(text, &got); err != nil || !got.whole() {
		return none, errNotResponse
	}
	return got, nil
}

func firstRunes(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit])
}
