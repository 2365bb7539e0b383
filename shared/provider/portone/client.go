// Package portone speaks to PortOne V1, for its payment gateway tosspay_v2 (Toss Pay).
//
// Client speaks their words on the wire: one request a call, no retry, no opinion. Tokens keeps the access token. Adapter translates
// into the words of shared/provider. Windows composes what the buyer's page needs. Facts are from developers.portone.io as of 2026-08.
package portone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// DefaultBaseURL is the one host; the channel decides between test and live money.
const DefaultBaseURL = "https://api.iamport.kr"

// NameMax is the longest name of an order or plan, in characters: "maxLength 40" in the schema (developers.portone.io/api/rest-v1,
// 2026-08), which for JSON counts characters. 40 Korean characters are 120 bytes; a gateway that counted bytes would refuse the
// charge, which takes no money.
const NameMax = 40

// Limits of what is sent and read.
const (
	merchantUIDMax   = 40                  //
	customerUIDMax   = 80                  //
	buyerNameMax     = 16                  //
	buyerEmailMax    = 64                  //
	buyerTelMax      = 16                  //
	quotaMin         = 2                   // months, and only from quotaAmountMin won
	quotaMax         = 60                  // not documented; a bound against a typing error
	quotaAmountMin   = 50_000              //
	reasonMax        = 200                 // not documented; the shortest of the providers' limits, so that one reason suits all
	noticeURLMax     = 2_048               // not documented
	scheduleSpanMax  = 89 * 24 * time.Hour // "at most 3 months"; the shortest three have 89 days
	pageLimit        = 200                 // payments a page; 1,000 are allowed, but would not fit into transport.BodyMax
	pageMax          = 5                   // pages of one merchant_uid
	accessTokenMax   = 4096                // not documented; about 40 characters are seen
	currencyOfTheWon = "KRW"
)

// Client makes one request a call; the access token, when there is none yet, comes from Tokens. Whether to ask again is for its caller
// to decide, who knows what is at stake.
//
// No call carries an Idempotency-Key: PortOne does not know it, and net/http takes it as leave to send a POST a second time.
type Client struct {
	Tokens    Bearer            `json:"-"`
	BaseURL   string            // empty for DefaultBaseURL; http only for a loopback host and PlainHost
	PlainHost string            // this machine's name in its own containers; empty: none
	Transport http.RoundTripper `json:"-"` // nil for http.DefaultTransport
	// IncludeSandbox shows payments of test channels to Payment, which otherwise answers 404 for them. For test mode only: in live mode
	// a test payment is none.
	IncludeSandbox bool
	// Now is the wall clock. Without one a charge that must not leave too late does not leave.
	Now func() time.Time `json:"-"`
	// BypassObject sends the bypass of Again as an object and not as JSON in a string. The documentation says both.
	BypassObject bool
}

// NewClient returns c with a source of tokens that all its calls share. now is the process's clock, with its monotonic reading.
func NewClient(keys Keys, now func() time.Time, c Client) *Client {
	asker := c
	c.Tokens, c.Now = &Tokens{Keys: keys, Client: &asker, Now: now}, now
	return &c
}

// Bearer is a source of access tokens.
type Bearer interface {
	// Token returns a token to ask with.
	Token(context.Context) (Token, error)
	// Refused says that PortOne did not accept this token, so that the next one is fetched.
	Refused(Token)
}

// Reply is what came back, as far as it could be read. It is meaningful beside an error, too.
type Reply[T response] struct {
	HTTP     int    // status; 0 when no whole reply was read
	Code     int    // of the envelope; 0 is success, and HTTP 200 alone is not
	Message  string // of the envelope, when Code is not 0. To be classified, not to be shown or logged: it quotes what it was asked
	Response T      // of a success
	Digest   string // of the body; see transport.Reply
	Sent     bool   // the request may have reached PortOne
}

// GetToken exchanges the API key and secret for an access token. It is the one call without a token, and safe to repeat: PortOne
// gives the same token again until it expires.
func (c *Client) GetToken(ctx context.Context, keys Credentials) (Reply[AccessToken], error) {
	impKey, impSecret := keys.Reveal()
	q := question{what: "get token", method: http.MethodPost, path: "/users/getToken", tokenless: true,
		body: map[string]string{"imp_key": impKey, "imp_secret": impSecret}}
	if keys.IsZero() {
		q.refusal = "there is no API key"
	}
	return ask[AccessToken](ctx, c, q)
}

// Payment reads a payment by its key.
func (c *Client) Payment(ctx context.Context, impUID string) (Reply[Payment], error) {
	q := question{what: "find payment", method: http.MethodGet, path: "/payments/" + url.PathEscape(impUID)}
	if c.IncludeSandbox {
		q.path += "?include_sandbox=true"
	}
	if !provider.IsImpUID(impUID) {
		q.refusal = "imp_uid is not of the documented form"
	}
	return ask[Payment](ctx, c, q)
}

// PaymentsByNumber reads a page of all payments of a merchant_uid, the latest captured first. Pages begin with 1.
func (c *Client) PaymentsByNumber(ctx context.Context, merchantUID string, page int) (Reply[Page], error) {
	q := question{what: "find all of order " + merchantUID, method: http.MethodGet,
		path: fmt.Sprintf("/payments/findAll/%s?limit=%d&page=%d&sorting=-paid", url.PathEscape(merchantUID), pageLimit, page)}
	switch {
	case !isUID(merchantUID, merchantUIDMax):
		q.what, q.refusal = "find all of an order", "merchant_uid is not of the form we give"
	case page < 1 || page > pageMax:
		q.refusal = "page is out of range"
	}
	return ask[Page](ctx, c, q)
}

// PaymentByNumber reads the payment of a merchant_uid that was started last. It does not show whether an earlier one was captured.
func (c *Client) PaymentByNumber(ctx context.Context, merchantUID string) (Reply[Payment], error) {
	q := question{what: "find order " + merchantUID, method: http.MethodGet,
		path: "/payments/find/" + url.PathEscape(merchantUID) + "?sorting=-started"}
	if !isUID(merchantUID, merchantUIDMax) {
		q.what, q.refusal = "find order", "merchant_uid is not of the form we give"
	}
	return ask[Payment](ctx, c, q)
}

// Prepare registers the amount of a merchant_uid, so that its window refuses to open with another one.
func (c *Client) Prepare(ctx context.Context, r PrepareRequest) (Reply[Prepared], error) {
	return c.prepared(ctx, http.MethodPost, r)
}

// PrepareAgain changes a registered amount.
func (c *Client) PrepareAgain(ctx context.Context, r PrepareRequest) (Reply[Prepared], error) {
	return c.prepared(ctx, http.MethodPut, r)
}

func (c *Client) prepared(ctx context.Context, method string, r PrepareRequest) (Reply[Prepared], error) {
	q := question{what: "prepare order " + r.MerchantUID, method: method, path: "/payments/prepare", body: r}
	switch {
	case !isUID(r.MerchantUID, merchantUIDMax):
		q.what, q.refusal = "prepare order", "merchant_uid is not of the form we give"
	case r.Amount < 1 || r.Amount > money.Max:
		q.refusal = "amount is out of range"
	case r.Currency != currencyOfTheWon:
		q.refusal = "currency must be KRW"
	}
	return ask[Prepared](ctx, c, q)
}

// PreparedByNumber reads a registered amount.
func (c *Client) PreparedByNumber(ctx context.Context, merchantUID string) (Reply[Prepared], error) {
	q := question{what: "read the preparation of order " + merchantUID, method: http.MethodGet, path: "/payments/prepare/" + url.PathEscape(merchantUID)}
	if !isUID(merchantUID, merchantUIDMax) {
		q.what, q.refusal = "read a preparation", "merchant_uid is not of the form we give"
	}
	return ask[Prepared](ctx, c, q)
}

// Cancel gives money back. There is no idempotency key: that a second cancel finds another balance than its checksum is what refuses it.
func (c *Client) Cancel(ctx context.Context, r CancelRequest) (Reply[Payment], error) {
	q := question{what: "cancel payment", method: http.MethodPost, path: "/payments/cancel", body: r}
	switch {
	case !provider.IsImpUID(r.ImpUID):
		q.refusal = "imp_uid is not of the documented form"
	case r.Amount < 1 || r.Amount > r.Checksum || r.Checksum > money.Max:
		q.refusal = "amount is out of range"
	case !isPart(r.TaxFree, r.Amount) || !isPart(r.VATAmount, r.Amount):
		q.refusal = "tax_free and vat_amount must be parts of amount"
	case !transport.IsWithin(r.Reason, 1, reasonMax):
		q.refusal = fmt.Sprintf("reason must have 1 to %d characters", reasonMax)
	}
	return ask[Payment](ctx, c, q)
}

// Again charges a billing key. A success of this call only says that the gateway was reached: the payment's status says the rest.
func (c *Client) Again(ctx context.Context, r AgainRequest) (Reply[Payment], error) {
	q := question{what: "charge order " + r.MerchantUID, method: http.MethodPost, path: "/subscribe/payments/again"}
	if !isUID(r.MerchantUID, merchantUIDMax) {
		q.what, q.refusal = "charge", "merchant_uid is not of the form we give"
		return ask[Payment](ctx, c, q)
	}
	q.refusal = refusalOf(r)
	wire, err := newAgainWire(r, c.BypassObject)
	if err != nil {
		q.refusal = "bypass cannot be encoded"
	}
	q.body, q.notAfter = wire, r.NotAfter
	return ask[Payment](ctx, c, q)
}

// refusalOf says why a charge must not be sent, if it must not. What it lets pass PortOne may still refuse; what it does not, PortOne
// would misread or answer in a way that leaves the outcome open.
func refusalOf(r AgainRequest) string {
	switch {
	case !IsCustomerUID(r.CustomerUID):
		return "customer_uid is not of a form we take"
	case r.Amount < 1 || r.Amount > money.Max:
		return "amount is out of range"
	case !transport.IsWithin(r.Name, 1, NameMax):
		return fmt.Sprintf("name must have 1 to %d characters", NameMax)
	case !isPart(r.TaxFree, r.Amount) || !isPart(r.VATAmount, r.Amount):
		return "tax_free and vat_amount must be parts of amount"
	case !transport.IsWithin(r.BuyerName, 0, buyerNameMax) || !transport.IsWithin(r.BuyerEmail, 0, buyerEmailMax) || !transport.IsWithin(r.BuyerTel, 0, buyerTelMax):
		return "buyer_name, buyer_email or buyer_tel is too long"
	case r.CardQuota != 0 && (r.CardQuota < quotaMin || r.CardQuota > quotaMax):
		return fmt.Sprintf("card_quota must be 0 or %d to %d", quotaMin, quotaMax)
	case r.CardQuota != 0 && r.Amount < quotaAmountMin:
		return fmt.Sprintf("card_quota needs an amount of %d or more", quotaAmountMin)
	case r.NoticeURL != "" && (!transport.IsOrigin(r.NoticeURL, "") || len(r.NoticeURL) > noticeURLMax):
		return "notice_url must be an https address without a query"
	case !slices.Contains([]string{"", "person", "company", "anonymous"}, r.CashReceiptType):
		return "cash_receipt_type must be person, company or anonymous"
	case r.CashReceiptType == "anonymous" && r.Bypass.CashReceipt != nil && *r.Bypass.CashReceipt:
		return "cash_receipt_type anonymous means no cash receipt, and cashReceipt asks for one"
	case !isTradeOption(r.Bypass.CashReceiptTradeOption):
		return "cashReceiptTradeOption must be GENERAL, CULTURE or PUBLIC_TP"
	}
	return ""
}

// Customer reads a billing key.
func (c *Client) Customer(ctx context.Context, customerUID string) (Reply[Customer], error) {
	q := question{what: "find billing key", method: http.MethodGet, path: "/subscribe/customers/" + url.PathEscape(customerUID)}
	if !IsCustomerUID(customerUID) {
		q.refusal = "customer_uid is not of a form we take"
	}
	return ask[Customer](ctx, c, q)
}

// Schedules reads the payments that PortOne is to make with a billing key by itself, at or after from and before till: at most 3 months.
func (c *Client) Schedules(ctx context.Context, customerUID string, from, till time.Time) (Reply[Schedules], error) {
	q := question{what: "find schedules of a billing key", method: http.MethodGet,
		path: fmt.Sprintf("/subscribe/customers/%s/schedules?from=%d&to=%d&schedule-status=scheduled&page=1", url.PathEscape(customerUID), from.Unix(), till.Unix())}
	switch {
	case !IsCustomerUID(customerUID):
		q.refusal = "customer_uid is not of a form we take"
	case !from.Before(till) || till.Sub(from) > scheduleSpanMax:
		q.refusal = "from and till must be at most 3 months apart"
	}
	return ask[Schedules](ctx, c, q)
}

// DeleteCustomer deletes a billing key, for good. The reply shows what was deleted.
func (c *Client) DeleteCustomer(ctx context.Context, customerUID, reason string) (Reply[Customer], error) {
	q := question{what: "delete billing key", method: http.MethodDelete, path: "/subscribe/customers/" + url.PathEscape(customerUID)}
	if reason != "" {
		q.path += "?" + url.Values{"reason": {reason}}.Encode()
	}
	switch {
	case !IsCustomerUID(customerUID):
		q.refusal = "customer_uid is not of a form we take"
	case !transport.IsWithin(reason, 0, reasonMax):
		q.refusal = fmt.Sprintf("reason must have at most %d characters", reasonMax)
	}
	return ask[Customer](ctx, c, q)
}

// question is one call before it is a request.
type question struct {
	what      string // for errors: the operation, never an imp_uid or customer_uid
	refusal   string // why it must not be asked, if it must not
	method    string
	path      string // escaped, with the query
	body      any    // of a POST or PUT
	tokenless bool
	notAfter  time.Time // zero: whenever
}

// ask is the whole of a call: refuse or prepare, send, read.
func ask[T response](ctx context.Context, c *Client, q question) (Reply[T], error) {
	req, token, err := c.prepare(ctx, q)
	if err != nil {
		return Reply[T]{}, fmt.Errorf("portone: %s: not sent: %w", q.what, err)
	}
	got, err := c.endpoint().Send(req)
	reply := Reply[T]{HTTP: got.Status, Digest: got.Digest, Sent: got.Sent}
	if err != nil {
		return reply, fmt.Errorf("portone: %s: %w", q.what, err)
	}
	if reply.HTTP == http.StatusUnauthorized && !q.tokenless {
		c.Tokens.Refused(token)
	}
	var response json.RawMessage
	reply.Code, reply.Message, response, err = readEnvelope(got.Body)
	if err == nil && reply.Code == 0 {
		reply.Response, err = succeeded[T](reply.HTTP, response)
	}
	if err != nil {
		return reply, fmt.Errorf("portone: %s: HTTP %d: %w", q.what, reply.HTTP, err)
	}
	return reply, nil
}

func succeeded[T response](status int, text json.RawMessage) (T, error) {
	if status != http.StatusOK {
		var none T
		return none, errStatus
	}
	return readResponse[T](text)
}

// prepare does everything that can fail before a byte of the question is sent. The token is last, because it may cost a request.
func (c *Client) prepare(ctx context.Context, q question) (*http.Request, Token, error) {
	if q.refusal != "" {
		return nil, Token{}, errors.New(q.refusal)
	}
	req, err := c.endpoint().Request(ctx, q.method, q.path, q.body)
	if err != nil {
		return nil, Token{}, err
	}
	if q.tokenless {
		return req, Token{}, ctx.Err()
	}
	if c.Tokens == nil {
		return nil, Token{}, errors.New("there is no source of tokens")
	}
	token, err := c.Tokens.Token(ctx)
	if err != nil {
		return nil, Token{}, fmt.Errorf("token: %w", err)
	}
	if token.IsZero() {
		return nil, Token{}, errors.New("token: the source returned none")
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	if !q.notAfter.IsZero() && !c.early(q.notAfter) {
		return nil, Token{}, errors.New("it is too late to send it, or nobody can tell")
	}
	return req, token, ctx.Err()
}

// early compares without the clock's monotonic reading, which stands still with the process.
func (c *Client) early(notAfter time.Time) bool {
	return c.Now != nil && c.Now().Round(0).Before(notAfter)
}

func (c *Client) endpoint() transport.Endpoint {
	return transport.Endpoint{BaseURL: c.BaseURL, Default: DefaultBaseURL, PlainHost: c.PlainHost, Transport: c.Transport}
}

// isUID accepts what we give as merchant_uid and customer_uid: 1 to limit of A-Z a-z 0-9 _ -. PortOne's own rule is not documented for
// tosspay_v2; Toss Pay takes these (tossdev.github.io/api.html, orderNo, 2024-12).
func isUID(s string, limit int) bool { return transport.IsName(s, 1, limit) }

// IsCustomerUID accepts the name of a billing key, which another system may have made: 1 to 80 visible ASCII characters (V1 schema, 2026-08),
// but none that could end or leave its place in an address.
func IsCustomerUID(s string) bool {
	return transport.IsVisible(s, customerUIDMax) && !strings.ContainsAny(s, `/\?#%`) && s != "." && s != ".."
}

// isPart accepts no amount, or one from nothing to all of the whole.
func isPart(part *int64, whole int64) bool {
	return part == nil || *part >= 0 && *part <= whole
}

func isTradeOption(s string) bool {
	return slices.Contains([]string{"", "GENERAL", "CULTURE", "PUBLIC_TP"}, s)
}

// String implements fmt.Stringer without the source of tokens.
func (c Client) String() string {
	return "portone.Client(" + transport.Redacted + ", sandbox " + strconv.FormatBool(c.IncludeSandbox) + ")"
}

// Format implements fmt.Formatter for every verb: the source of tokens is not ours to print.
func (c Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements slog.LogValuer.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
