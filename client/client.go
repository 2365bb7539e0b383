// Package client calls the private API of a tosspay-sam deployment from Go. What the API takes and answers is in api/openapi.yaml.
//
// Every call may be repeated: an order or subscription is named by its id or by an Idempotency-Key that the client makes once per call, and
// the other calls have the same effect once or twice. So the client itself retries a lost reply, a 429 and a 5xx.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Options of a Client.
type Options struct {
	// BaseURL is the API's address without a path, such as https://abcdefghij.execute-api.ap-northeast-2.amazonaws.com. Only the local run
	// may have http.
	BaseURL string
	// Region of the stack. Needed with Credentials.
	Region string
	// Credentials sign the requests (config.LoadDefaultConfig of the SDK finds them). Nil sends unsigned requests, which only the local
	// run takes.
	Credentials aws.CredentialsProvider
	// HTTPClient; nil is one with a timeout of 35 s: API Gateway gives up after 30.
	HTTPClient *http.Client
	// Attempts in all; 0 is 4.
	Attempts int
}

// Client calls one deployment. It is safe for concurrent use.
type Client struct {
	o      Options
	base   *url.URL
	signer *v4.Signer
	pause  func(ctx context.Context, d time.Duration) error
}

// answerMax is more than the longest answer: an order's history, payments and requests have limits.
const answerMax = 1 << 20

// New checks the options.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: BaseURL: %w", err)
	case base.Host == "" || base.Scheme != "https" && !loopback(base.Hostname()):
		return nil, errors.New("client: BaseURL must be https://host, or http:// and this machine's loopback address")
	case o.Credentials != nil && o.Region == "":
		return nil, errors.New("client: Region is missing: signatures name it")
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: 35 * time.Second}
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	return &Client{o: o, base: base, signer: v4.NewSigner(), pause: pause}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Error is an answer of the API that refuses a request.
type Error struct {
	Status    int    // HTTP status
	Code      string // for programs, such as ORDER_EXISTS
	Field     string // the field that is wrong, if it is one
	Message   string // for people
	RequestID string // of the request in the deployment's logs
}

func (e *Error) Error() string {
	return fmt.Sprintf("client: %d %s: %s (request %s)", e.Status, e.Code, e.Message, e.RequestID)
}

// Is makes errors.Is(err, client.ErrNotFound) and its like work: by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errors to compare with by errors.Is.
var (
	ErrNotFound           = &Error{Code: "NOT_FOUND"}
	ErrNotOffered         = &Error{Code: "NOT_OFFERED"}
	ErrOrderExists        = &Error{Code: "ORDER_EXISTS"}
	ErrOrderTaken         = &Error{Code: "ORDER_TAKEN"} // by another system on the same PortOne account
	ErrSubscriptionExists = &Error{Code: "SUBSCRIPTION_EXISTS"}
	ErrWrongStatus        = &Error{Code: "WRONG_STATUS"}

	// Of an import: the key is refused, and nothing was stored.
	ErrKeyUnknown       = &Error{Code: "BILLING_KEY_UNKNOWN"} // deleted, another PortOne account's, or never there
	ErrKeyOtherAccount  = &Error{Code: "BILLING_KEY_OTHER_ACCOUNT"}
	ErrKeyOtherMode     = &Error{Code: "BILLING_KEY_OTHER_MODE"}
	ErrKeyOtherCustomer = &Error{Code: "BILLING_KEY_OTHER_CUSTOMER"}
	ErrKeyScheduled     = &Error{Code: "BILLING_KEY_SCHEDULED"} // PortOne is to charge it by itself
	ErrNotPaid          = &Error{Code: "NOT_PAID"}
	ErrOverBalance      = &Error{Code: "OVER_BALANCE"} // the message names what is left
	ErrWholeOnly        = &Error{Code: "WHOLE_ONLY"}
	ErrRefundExists     = &Error{Code: "REFUND_EXISTS"} // the RefundID was used with another amount
	ErrTooManyRefunds   = &Error{Code: "TOO_MANY_REFUNDS"}
	ErrNotInReview      = &Error{Code: "NOT_IN_REVIEW"}
	ErrNoMoney          = &Error{Code: "NO_MONEY"}
	ErrKeepsAnother     = &Error{Code: "KEEPS_ANOTHER"}
	ErrKeyImported      = &Error{Code: "BILLING_KEY_IMPORTED"} // before, by another request; or it was issued here
)

// CreateOrder creates an order, or returns the one that the same request made before. Without an OrderID the client names this call by an
// Idempotency-Key, so that its own retries make one order; give an OrderID of yours to be safe across a crash of your process, too.
func (c *Client) CreateOrder(ctx context.Context, in NewOrder) (Order, error) {
	return call[Order](ctx, c, http.MethodPost, nil, in, "orders")
}

// Order reads an order. A cycle of a subscription is the order "<subscription>--c<number>".
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	return call[Order](ctx, c, http.MethodGet, nil, nil, "orders", id)
}

// Refund refunds an order, all that is left or a part of it. It is made within two minutes: read the order, or take the event, to know when. The
// same RefundID again is the same refund.
func (c *Client) Refund(ctx context.Context, orderID string, in NewRefund) (Refund, error) {
	return call[Refund](ctx, c, http.MethodPost, nil, in, "orders", orderID, "refunds")
}

// Resolve decides about a payment of an order in review.
func (c *Client) Resolve(ctx context.Context, orderID string, in Resolution) (Order, error) {
	return call[Order](ctx, c, http.MethodPost, nil, in, "orders", orderID, "resolve")
}

// CreateSubscription creates a subscription, or returns the one that the same request made before; see CreateOrder about ids.
func (c *Client) CreateSubscription(ctx context.Context, in NewSubscription) (Subscription, error) {
	return call[Subscription](ctx, c, http.MethodPost, nil, in, "subscriptions")
}

// Import is CreateSubscription for an ImportBillingKey. made says that this call made the subscription: false when the same request had made
// it before, of a dry run, and of a call whose first reply was lost.
func (c *Client) Import(ctx context.Context, in NewSubscription) (s Subscription, made bool, err error) {
	if in.ImportBillingKey == "" {
		return s, false, errors.New("client: ImportBillingKey is missing")
	}
	text, made, err := c.exchange(ctx, http.MethodPost, nil, in, "subscriptions")
	if err != nil {
		return s, false, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, false, fmt.Errorf("client: import: %w", err)
	}
	return s, made, nil
}

// Subscription reads a subscription.
func (c *Client) Subscription(ctx context.Context, id string) (Subscription, error) {
	return call[Subscription](ctx, c, http.MethodGet, nil, nil, "subscriptions", id)
}

// Pause charges nothing until Resume.
func (c *Client) Pause(ctx context.Context, id string) (Subscription, error) {
	return c.change(ctx, id, "pause", struct{}{})
}

// Resume ends a pause, takes back a cancellation at the end of the period, or retries a suspended subscription.
func (c *Client) Resume(ctx context.Context, id string) (Subscription, error) {
	return c.change(ctx, id, "resume", struct{}{})
}

// When a subscription is canceled.
type When string

// The times at which a subscription can be canceled.
const (
	Now       When = "now"
	PeriodEnd When = "period-end"
)

// Cancel ends a subscription.
func (c *Client) Cancel(ctx context.Context, id string, at When) (Subscription, error) {
	return c.change(ctx, id, "cancel", struct {
		At When `json:"at"`
	}{at})
}

// ChangePlan changes the price from the next cycle that has not begun. A higher price waits for the buyer's consent: see Subscription.Consent.
func (c *Client) ChangePlan(ctx context.Context, id string, p PlanWish) (Subscription, error) {
	return c.change(ctx, id, "plan", p)
}

// RenewKey opens the window that registers another payment method.
func (c *Client) RenewKey(ctx context.Context, id string) (Subscription, error) {
	return c.change(ctx, id, "renew-key", struct{}{})
}

func (c *Client) change(ctx context.Context, id, verb string, in any) (Subscription, error) {
	return call[Subscription](ctx, c, http.MethodPost, nil, in, "subscriptions", id, verb)
}

// call makes one call, with retries, and decodes its answer.
func call[T any](ctx context.Context, c *Client, method string, query url.Values, in any, path ...string) (out T, err error) {
	text, _, err := c.exchange(ctx, method, query, in, path...)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("client: %s %v: %w", method, path, err)
	}
	return out, nil
}

// exchange is call before the answer is decoded; made says that its status is 201.
func (c *Client) exchange(ctx context.Context, method string, query url.Values, in any, path ...string) (text []byte, made bool, err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, false, fmt.Errorf("client: %w", err)
		}
	}
	for i, part := range path {
		path[i] = url.PathEscape(part)
	}
	address := c.base.JoinPath(path...)
	address.RawQuery = query.Encode()
	r := request{method: method, url: address.String(), body: body, key: rand.Text()}
	for attempt := 1; ; attempt++ {
		text, status, wait, err := c.once(ctx, r)
		if err == nil {
			return text, status == http.StatusCreated, nil
		}
		if wait < 0 || attempt >= c.o.Attempts {
			return nil, false, err
		}
		if c.pause(ctx, max(wait, backoff(attempt))) != nil {
			return nil, false, err
		}
	}
}

type request struct {
	method, url string
	body        []byte
	key         string // Idempotency-Key: the same for every attempt of one call
}

// once sends a request. A negative wait says that sending it again brings nothing else; a positive one is what the API asks for.
func (c *Client) once(ctx context.Context, in request) (body []byte, status int, wait time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, in.method, in.url, bytes.NewReader(in.body))
	if err != nil {
		return nil, 0, -1, fmt.Errorf("client: %w", err)
	}
	if in.method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", in.key)
	}
	if err := c.sign(ctx, r, in.body); err != nil {
		return nil, 0, -1, err
	}
	response, err := c.o.HTTPClient.Do(r)
	if err != nil {
		return nil, 0, retryUnlessOver(ctx), fmt.Errorf("client: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	switch {
	case err != nil:
		return nil, 0, retryUnlessOver(ctx), fmt.Errorf("client: %s: %w", in.url, err)
	case response.StatusCode < http.StatusMultipleChoices:
		return text, response.StatusCode, 0, nil
	}
	return nil, response.StatusCode, retryAfter(response), refusal(response, text)
}

func retryUnlessOver(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return -1
	}
	return 0
}

func (c *Client) sign(ctx context.Context, r *http.Request, body []byte) error {
	if c.o.Credentials == nil {
		return nil
	}
	credentials, err := c.o.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("client: credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	// A fresh signature for each attempt: one is valid for five minutes.
	err = c.signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "execute-api", c.o.Region, time.Now())
	if err != nil {
		return fmt.Errorf("client: sign: %w", err)
	}
	return nil
}

// retryAfter is negative for an answer that will be the same next time.
func retryAfter(r *http.Response) time.Duration {
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode < http.StatusInternalServerError {
		return -1
	}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
}

// refusal reads our own error form, and API Gateway's ({"message"}), which answers 403 and 429 itself.
func refusal(r *http.Response, text []byte) error {
	var in struct {
		Error   struct{ Code, Message, Field string }
		Message string
	}
	_ = json.Unmarshal(text, &in) // what is not JSON has no code
	e := &Error{
		Status: r.StatusCode, Code: in.Error.Code, Field: in.Error.Field, Message: in.Error.Message,
		RequestID: r.Header.Get("X-Request-Id"),
	}
	if e.Message == "" {
		e.Message = in.Message
	}
	if e.RequestID == "" {
		e.RequestID = r.Header.Get("Apigw-Requestid")
	}
	return e
}
