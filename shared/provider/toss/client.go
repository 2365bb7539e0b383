// Package toss speaks to Toss Payments.
//
// Client speaks their words on the wire: one request a call, no retry, no opinion. Adapter translates into the words of
// shared/provider. Windows composes what the buyer's page needs. Facts are from docs.tosspayments.com as of 2026-11.
package toss

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/provider/transport"
)

// DefaultBaseURL is the one host; the key decides between test and live money.
const DefaultBaseURL = "https://api.tosspayments.com"

// Limits of what is sent and read.
const (
	paymentKeyMax     = 200 // docs.tosspayments.com/reference, Payment.paymentKey
	orderIDMin        = 6   // docs.tosspayments.com/reference, orderId
	orderIDMax        = 64  //
	cancelReasonMax   = 200 // docs.tosspayments.com/reference, cancelReason
	idempotencyKeyMax = 300 // docs.tosspayments.com/reference/using-api/authorization; longer is INVALID_IDEMPOTENCY_KEY
	traceIDMax        = 200 // not documented; a bound for what is stored
)

// Client makes one request a call. Whether to ask again is for its caller to decide, who knows what is at stake.
//
// Accept-Language is never sent: it translates values of the reply, not only messages.
type Client struct {
	Keys      Keys              `json:"-"`
	BaseURL   string            // empty for DefaultBaseURL; http only for a loopback host and PlainHost
	PlainHost string            // this machine's name in its own containers; empty: none
	Transport http.RoundTripper `json:"-"` // nil for http.DefaultTransport
	TestCode  string            // for tests: the error that the test environment is asked to answer with; refused beside a live key
}

// Reply is what came back, as far as it could be read. It is meaningful beside an error, too.
type Reply struct {
	HTTP    int     // status; 0 when no whole reply was read
	Payment Payment // of an HTTP 200
	Code    string  // of everything else
	TraceID string  // x-tosspayments-trace-id
	Digest  string  // of the body; see transport.Reply
	Sent    bool    // the request may have reached Toss Payments
	TestKey bool    // asked with a test key: whatever it says is test money
}

// Confirm asks for the money of an authenticated payment. An error means that no documented reply was read; see Reply.Sent.
func (c *Client) Confirm(ctx context.Context, r ConfirmRequest) (Reply, error) {
	q := question{what: "confirm order " + r.OrderID, method: http.MethodPost, path: "/v1/payments/confirm", idempotencyKey: r.IdempotencyKey, body: r}
	switch {
	case !isOrderID(r.OrderID):
		q.what, q.refusal = "confirm", "orderId is not of the documented form"
	case !isPaymentKey(r.PaymentKey):
		q.refusal = "paymentKey is not of the documented form"
	case r.Amount < 1 || r.Amount > money.Max:
		q.refusal = "amount is out of range"
	}
	return c.ask(ctx, q)
}

// Payment reads a payment by its key.
func (c *Client) Payment(ctx context.Context, paymentKey string) (Reply, error) {
	q := question{what: "find payment", method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(paymentKey)}
	if !isPaymentKey(paymentKey) {
		q.refusal = "paymentKey is not of the documented form"
	}
	return c.ask(ctx, q)
}

// PaymentByOrder reads the payment of an order number, for when only that is known.
func (c *Client) PaymentByOrder(ctx context.Context, orderID string) (Reply, error) {
	q := question{what: "find order " + orderID, method: http.MethodGet, path: "/v1/payments/orders/" + url.PathEscape(orderID)}
	if !isOrderID(orderID) {
		q.what, q.refusal = "find order", "orderId is not of the documented form"
	}
	return c.ask(ctx, q)
}

// Cancel gives money back. Two cancels with two idempotency keys are two refunds.
func (c *Client) Cancel(ctx context.Context, paymentKey string, r CancelRequest) (Reply, error) {
	q := question{what: "cancel payment", method: http.MethodPost, path: "/v1/payments/" + url.PathEscape(paymentKey) + "/cancel",
		idempotencyKey: r.IdempotencyKey, body: r}
	switch {
	case !isPaymentKey(paymentKey):
		q.refusal = "paymentKey is not of the documented form"
	case r.CancelReason == "" || utf8.RuneCountInString(r.CancelReason) > cancelReasonMax:
		q.refusal = fmt.Sprintf("cancelReason must have 1 to %d characters", cancelReasonMax)
	case r.CancelAmount < 1 || r.CancelAmount > r.RefundableAmount || r.RefundableAmount > money.Max:
		q.refusal = "cancelAmount is out of range"
	case r.TaxFreeAmount < 0 || r.TaxFreeAmount > r.CancelAmount:
		q.refusal = "taxFreeAmount is no part of cancelAmount"
	}
	return c.ask(ctx, q)
}

// question is one call before it is a request.
type question struct {
	what           string // for errors: the operation, never a payment key
	refusal        string // why it must not be asked, if it must not
	method         string // a POST has an idempotency key and a body
	path           string // escaped
	idempotencyKey string
	body           any // of a POST
}

// ask is the whole of a call: refuse or prepare, send, read.
func (c *Client) ask(ctx context.Context, q question) (Reply, error) {
	req, key, err := c.prepare(ctx, q)
	if err != nil {
		return Reply{}, fmt.Errorf("toss: %s: not sent: %w", q.what, err)
	}
	got, err := c.endpoint().Send(req)
	reply := Reply{HTTP: got.Status, TraceID: traceID(got.Header), Digest: got.Digest, Sent: got.Sent, TestKey: key.Test()}
	if err != nil {
		return reply, fmt.Errorf("toss: %s: %w", q.what, err)
	}
	if reply.HTTP == http.StatusOK {
		reply.Payment, err = readPayment(got.Body)
	} else {
		reply.Code, err = readCode(got.Body)
	}
	if reply.HTTP == http.StatusUnauthorized || reply.Code == codeInvalidAPIKey {
		c.Keys.Refused(ctx, key)
	}
	if err != nil {
		return reply, fmt.Errorf("toss: %s: HTTP %d: %w", q.what, reply.HTTP, err)
	}
	return reply, nil
}

// prepare does everything that can fail before a byte is sent.
func (c *Client) prepare(ctx context.Context, q question) (*http.Request, SecretKey, error) {
	if q.refusal != "" {
		return nil, SecretKey{}, errors.New(q.refusal)
	}
	posts := q.method == http.MethodPost
	if posts && !transport.IsVisible(q.idempotencyKey, idempotencyKeyMax) {
		return nil, SecretKey{}, fmt.Errorf("idempotency key must have 1 to %d visible ASCII characters", idempotencyKeyMax)
	}
	req, err := c.endpoint().Request(ctx, q.method, q.path, q.body)
	if err != nil {
		return nil, SecretKey{}, err
	}
	key, err := c.secretKey(ctx)
	if err != nil {
		return nil, SecretKey{}, err
	}
	if posts {
		req.Header.Set("Idempotency-Key", q.idempotencyKey)
	}
	// The colon after the key is mandatory; SetBasicAuth writes it before the empty password.
	req.SetBasicAuth(key.Reveal(), "")
	if c.TestCode != "" {
		req.Header.Set("TossPayments-Test-Code", c.TestCode)
	}
	return req, key, ctx.Err()
}

func (c *Client) endpoint() transport.Endpoint {
	return transport.Endpoint{BaseURL: c.BaseURL, Default: DefaultBaseURL, PlainHost: c.PlainHost, Transport: c.Transport}
}

func (c *Client) secretKey(ctx context.Context) (SecretKey, error) {
	if c.Keys == nil {
		return SecretKey{}, errors.New("there is no source of secret keys")
	}
	key, err := c.Keys.SecretKey(ctx)
	if err != nil {
		return SecretKey{}, fmt.Errorf("secret key: %w", err)
	}
	if key.IsZero() {
		return SecretKey{}, errors.New("secret key: the source returned none")
	}
	if c.TestCode != "" && !key.Test() {
		return SecretKey{}, errors.New("a test code needs a test key")
	}
	return key, nil
}

func traceID(h http.Header) string {
	id := h.Get("X-Tosspayments-Trace-Id")
	if !transport.IsVisible(strings.ReplaceAll(id, " ", ""), traceIDMax) { // a replayed reply has two ids
		return ""
	}
	return id
}

// isPaymentKey is wider than the keys seen so far, because a refused key would be a payment nobody can settle. What it leaves out
// cannot stand in a path.
func isPaymentKey(s string) bool {
	return transport.IsVisible(s, paymentKeyMax) && s != "." && s != ".."
}

func isOrderID(s string) bool { return transport.IsName(s, orderIDMin, orderIDMax) }

// String implements fmt.Stringer without the source of keys.
func (c Client) String() string { return "toss.Client(" + transport.Redacted + ")" }

// Format implements fmt.Formatter for every verb: the source of keys is not ours to print.
func (c Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements slog.LogValuer.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
