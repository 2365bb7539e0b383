// Package toss speaks to Toss Payments.
//
// Client speaks their words on the wire: one request a call, no retry, no opinion. Adapter translates into the words of
// shared/provider. Windows composes what the buyer's page needs. Facts are from docs.tosspayments.com as of 2026-11.
package toss

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"tosspay-sam/shared/money"
)

// DefaultBaseURL is the one host; the key decides between test and live money.
const DefaultBaseURL = "https://api.tosspayments.com"

// Limits of what is sent and read.
const (
	paymentKeyMax     = 200     // docs.tosspayments.com/reference, Payment.paymentKey
	orderIDMin        = 6       // docs.tosspayments.com/reference, orderId
	orderIDMax        = 64      //
	cancelReasonMax   = 200     // docs.tosspayments.com/reference, cancelReason
	idempotencyKeyMax = 300     // docs.tosspayments.com/reference/using-api/authorization; longer is INVALID_IDEMPOTENCY_KEY
	bodyMax           = 1 << 20 // a Payment is about 2 KiB; a megabyte is somebody else's page
	traceIDMax        = 200     // not documented; a bound for what is stored
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
	Digest  string  // hex of the first 16 bytes of the body's SHA-256; enough to tell two replies apart
	Sent    bool    // the request may have reached Toss Payments
	TestKey bool    // asked with a test key: whatever it says is test money
}

// Confirm asks for the money of an authenticated payment. An error means that no documented reply was read; see Reply.Sent.
func (c *Client) Confirm(ctx context.Context, r ConfirmRequest) (Reply, error) {
	q := question{what: "confirm order " + r.OrderID, post: true, path: "/v1/payments/confirm", idempotencyKey: r.IdempotencyKey, body: r}
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
	q := question{what: "find payment", path: "/v1/payments/" + url.PathEscape(paymentKey)}
	if !isPaymentKey(paymentKey) {
		q.refusal = "paymentKey is not of the documented form"
	}
	return c.ask(ctx, q)
}

// PaymentByOrder reads the payment of an order number, for when only that is known.
func (c *Client) PaymentByOrder(ctx context.Context, orderID string) (Reply, error) {
	q := question{what: "find order " + orderID, path: "/v1/payments/orders/" + url.PathEscape(orderID)}
	if !isOrderID(orderID) {
		q.what, q.refusal = "find order", "orderId is not of the documented form"
	}
	return c.ask(ctx, q)
}

// Cancel gives money back. Two cancels with two idempotency keys are two refunds.
func (c *Client) Cancel(ctx context.Context, paymentKey string, r CancelRequest) (Reply, error) {
	q := question{what: "cancel payment", post: true, path: "/v1/payments/" + url.PathEscape(paymentKey) + "/cancel",
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
	post           bool   // else a GET
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
	reply, body, err := c.send(req)
	reply.TestKey = key.Test()
	if err != nil {
		return reply, fmt.Errorf("toss: %s: %w", q.what, err)
	}
	if reply.HTTP == http.StatusOK {
		reply.Payment, err = readPayment(body)
	} else {
		reply.Code, err = readCode(body)
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
	if q.post && !isVisible(q.idempotencyKey, idempotencyKeyMax) {
		return nil, SecretKey{}, fmt.Errorf("idempotency key must have 1 to %d visible ASCII characters", idempotencyKeyMax)
	}
	if _, limited := ctx.Deadline(); !limited {
		return nil, SecretKey{}, errors.New("the context has no deadline")
	}
	base, err := c.base()
	if err != nil {
		return nil, SecretKey{}, err
	}
	key, err := c.secretKey(ctx)
	if err != nil {
		return nil, SecretKey{}, err
	}
	req, err := newRequest(ctx, base, q)
	if err != nil {
		return nil, SecretKey{}, err
	}
	// The colon after the key is mandatory; SetBasicAuth writes it before the empty password.
	req.SetBasicAuth(key.Reveal(), "")
	if c.TestCode != "" {
		req.Header.Set("TossPayments-Test-Code", c.TestCode)
	}
	return req, key, ctx.Err()
}

func newRequest(ctx context.Context, base string, q question) (*http.Request, error) {
	if !q.post {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+q.path, http.NoBody)
		if err != nil {
			return nil, errors.New("the address cannot be built") // net/url's own error would quote the path
		}
		return req, nil
	}
	body, err := json.Marshal(q.body)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+q.path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address cannot be built")
	}
	req.Header.Set("Content-Type", "application/json")
	// net/http takes this header as leave to send a POST again by itself when a kept connection turns out to be dead. The same key would
	// make that harmless, but what was asked how often is for the use case to know: without GetBody there is nothing to send again.
	req.GetBody = nil
	req.Header.Set("Idempotency-Key", q.idempotencyKey)
	return req, nil
}

// base returns the address before the path, without a final slash.
func (c *Client) base() (string, error) {
	if c.BaseURL == "" {
		return DefaultBaseURL, nil
	}
	base := strings.TrimSuffix(c.BaseURL, "/")
	if !isOrigin(base, c.PlainHost) {
		return "", errors.New("the base URL must be https, or http on a loopback host, without user, query and fragment")
	}
	return base, nil
}

// isOrigin accepts an https address, or an http one of this machine or of plainHost, so that a key or a buyer never crosses a network unencrypted.
// A path is allowed: a proxy or the laptop's simulator may live under one.
func isOrigin(address, plainHost string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#") {
		return false
	}
	host := u.Hostname()
	here := host == "localhost" || host == plainHost || net.ParseIP(host).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && here
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

// send makes the request and reads the whole reply. Without one, Reply says only whether anything may have been sent.
func (c *Client) send(req *http.Request) (Reply, []byte, error) {
	// A dial error proves that nothing was sent only if no connection was had before: net/http may have written the request to a kept
	// one that died, and the dial was for the repetition.
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	client := http.Client{
		Transport: c.Transport,
		// A redirect would carry the question, and the key, to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}

	resp, err := client.Do(req)
	if err != nil {
		return Reply{Sent: connected.Load() || !isDial(err)}, nil, cause(err)
	}
	defer func() { _ = resp.Body.Close() }() // what was needed has been read
	reply := Reply{Sent: true, TraceID: traceID(resp.Header)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyMax+1))
	if err != nil {
		// Half a reply is no reply: its status alone proves nothing, and asking again with the same key gives the whole of it.
		return reply, nil, fmt.Errorf("read reply: %w", cause(err))
	}
	reply.HTTP = resp.StatusCode
	digest := sha256.Sum256(body)
	reply.Digest = hex.EncodeToString(digest[:16])
	if len(body) > bodyMax {
		return reply, nil, fmt.Errorf("HTTP %d: the reply is larger than %d bytes", resp.StatusCode, bodyMax)
	}
	return reply, body, nil
}

func traceID(h http.Header) string {
	id := h.Get("X-Tosspayments-Trace-Id")
	if !isVisible(strings.ReplaceAll(id, " ", ""), traceIDMax) { // a replayed reply has two ids
		return ""
	}
	return id
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// cause keeps of a transport's error what is known to hold neither the address, which has the payment key in it, nor bytes of the
// reply, which net/http quotes when it cannot parse them.
func cause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("the connection failed (%T)", err)
}

// isPaymentKey is wider than the keys seen so far, because a refused key would be a payment nobody can settle. What it leaves out
// cannot stand in a path.
func isPaymentKey(s string) bool {
	return isVisible(s, paymentKeyMax) && s != "." && s != ".."
}

func isOrderID(s string) bool {
	for _, b := range []byte(s) {
		if b != '_' && b != '-' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') {
			return false
		}
	}
	return len(s) >= orderIDMin && len(s) <= orderIDMax
}

// isVisible accepts 1 to limit characters from ! to ~: no space, no control, nothing that a header or a log line could trip over.
func isVisible(s string, limit int) bool {
	for _, b := range []byte(s) {
		if b < '!' || b > '~' {
			return false
		}
	}
	return s != "" && len(s) <= limit
}

// String implements fmt.Stringer without the source of keys.
func (c Client) String() string { return "toss.Client(" + redacted + ")" }

// Format implements fmt.Formatter for every verb: the source of keys is not ours to print.
func (c Client) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements slog.LogValuer.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
