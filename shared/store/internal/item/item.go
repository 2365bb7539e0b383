// Package item is the stored form of orders and subscriptions, the same for every store. It is the one place where the names and the
// precision of what is stored are decided, so that the embedded store forgets exactly what the table forgets.
package item

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
)

// Version of the format. Whoever finds another one stops: a record half understood must not be written back.
const Version = 1

// Order is an order as it is stored. Times are whole milliseconds since 1970 UTC; 0 is no time and, like every empty field, not stored.
// Amounts and counters that conditions compare are stored even when they are 0.
type Order struct {
	V          int             `dynamodbav:"v"`
	ID         string          `dynamodbav:"id"`
	Provider   string          `dynamodbav:"provider,omitempty"`
	Mode       string          `dynamodbav:"mode,omitempty"`
	Account    string          `dynamodbav:"account,omitempty"`
	Amount     int64           `dynamodbav:"amount"`
	Currency   money.Currency  `dynamodbav:"currency"`
	Name       string          `dynamodbav:"name,omitempty"`
	Customer   *customer       `dynamodbav:"customer,omitempty"`
	Language   string          `dynamodbav:"language,omitempty"`
	ReturnURL  string          `dynamodbav:"return_url,omitempty"`
	Toss       *tossOptions    `dynamodbav:"toss,omitempty"`
	PortOne    *portOneOptions `dynamodbav:"portone,omitempty"`
	Extras     *extras         `dynamodbav:"extras,omitempty"`
	BillingKey string          `dynamodbav:"billing_key,omitempty"`
	Charging   *charging       `dynamodbav:"charging,omitempty"`
	Request    string          `dynamodbav:"request,omitempty"`
	LinkToken  string          `dynamodbav:"link_token,omitempty"`
	CreatedAt  int64           `dynamodbav:"created_at,omitempty"`
	ExpiresAt  int64           `dynamodbav:"expires_at,omitempty"`
	Status     order.Status    `dynamodbav:"status"`
	Attempt    attempt         `dynamodbav:"attempt"`
	Capture    *capture        `dynamodbav:"capture,omitempty"`
	Reversals  []reversal      `dynamodbav:"reversals,omitempty"`
	Due        int64           `dynamodbav:"due,omitempty"`       // the order's own due time
	DueAt      int64           `dynamodbav:"due_at,omitempty"`    // the due index's: as Due, until a dispatch moves it
	DueShard   string          `dynamodbav:"due_shard,omitempty"` // there exactly when DueAt is
	List       string          `dynamodbav:"list,omitempty"`      // the keys of the lists: see lists.go
	Buyer      string          `dynamodbav:"buyer,omitempty"`
	Attention  string          `dynamodbav:"attention,omitempty"`
	AskAfter   int64           `dynamodbav:"ask_after,omitempty"`
	HeardAt    int64           `dynamodbav:"heard_at,omitempty"`
	HeardKey   string          `dynamodbav:"heard_key,omitempty"`
	Untold     bool            `dynamodbav:"untold,omitempty"`
	Searching  bool            `dynamodbav:"searching,omitempty"`
	Hints      []hint          `dynamodbav:"hints,omitempty"`
	History    []Step          `dynamodbav:"history,omitempty"`
	Evidence   []evidence      `dynamodbav:"evidence,omitempty"`
	Revision   int64           `dynamodbav:"revision"`
}

// customer, tossOptions and portOneOptions have the fields of their namesakes in the same order: the compiler refuses the conversion when
// one grows.
type customer struct {
	ID    string `dynamodbav:"id,omitempty"`
	Name  string `dynamodbav:"name,omitempty"`
	Email string `dynamodbav:"email,omitempty"`
	Phone string `dynamodbav:"phone,omitempty"`
}

type tossOptions struct {
	InternationalCardOnly bool   `dynamodbav:"international_card_only,omitempty"`
	WindowTarget          string `dynamodbav:"window_target,omitempty"`
}

type extras struct {
	Tax       *tax   `dynamodbav:"tax,omitempty"`
	AppScheme string `dynamodbav:"app_scheme,omitempty"`
	Metadata  string `dynamodbav:"metadata,omitempty"`
}

type charging struct {
	ReceiptType string `dynamodbav:"receipt_type,omitempty"`
	TradeOption string `dynamodbav:"trade_option,omitempty"`
	NoReceipt   bool   `dynamodbav:"no_receipt,omitempty"`
	FailPush    bool   `dynamodbav:"fail_push,omitempty"`
	CardQuota   int    `dynamodbav:"card_quota,omitempty"`
}

type tax struct {
	Free     int64 `dynamodbav:"free,omitempty"`
	VAT      int64 `dynamodbav:"vat,omitempty"`
	GivenVAT bool  `dynamodbav:"given_vat,omitempty"`
}

type portOneOptions struct {
	PayMethod              string `dynamodbav:"pay_method,omitempty"`
	UseInstallment         bool   `dynamodbav:"use_installment,omitempty"`
	ExpiredTime            string `dynamodbav:"expired_time,omitempty"`
	CashReceiptTradeOption string `dynamodbav:"cash_receipt_trade_option,omitempty"`
}

type attempt struct {
	N          int    `dynamodbav:"n"`
	Key        string `dynamodbav:"key,omitempty"`
	ClaimedAt  int64  `dynamodbav:"claimed_at,omitempty"`
	Asks       int    `dynamodbav:"asks,omitempty"`
	Turn       int    `dynamodbav:"turn,omitempty"`
	Unanswered bool   `dynamodbav:"unanswered,omitempty"`
	Rejection  string `dynamodbav:"rejection,omitempty"`
}

type capture struct {
	Key            string         `dynamodbav:"key,omitempty"`
	TransactionKey string         `dynamodbav:"transaction_key,omitempty"`
	Attempt        int            `dynamodbav:"attempt,omitempty"`
	Amount         int64          `dynamodbav:"amount,omitempty"`
	Currency       money.Currency `dynamodbav:"currency,omitempty"`
	Balance        int64          `dynamodbav:"balance,omitempty"`
	ApprovedAt     int64          `dynamodbav:"approved_at,omitempty"`
	Method         string         `dynamodbav:"method,omitempty"`
	ReceiptURL     string         `dynamodbav:"receipt_url,omitempty"`
}

type reversal struct {
	Key       string `dynamodbav:"key,omitempty"`
	Attempt   int    `dynamodbav:"attempt,omitempty"`
	Amount    int64  `dynamodbav:"amount,omitempty"`
	Currency  string `dynamodbav:"currency,omitempty"`
	Reason    string `dynamodbav:"reason,omitempty"`
	DecidedAt int64  `dynamodbav:"decided_at,omitempty"`
	DoneAt    int64  `dynamodbav:"done_at,omitempty"`
	Asks      int    `dynamodbav:"asks,omitempty"`
}

type hint struct {
	Attempt int    `dynamodbav:"attempt,omitempty"`
	Key     string `dynamodbav:"key,omitempty"`
	At      int64  `dynamodbav:"at,omitempty"`
	DueAt   int64  `dynamodbav:"due_at,omitempty"`
	Asks    int    `dynamodbav:"asks,omitempty"`
}

// Step is an order's history entry as it is stored. A claim appends one without reading the order, so that one has no Rev until the next
// save: it is the record's own revision then, because no order is claimed twice between two saves.
type Step struct {
	At       int64        `dynamodbav:"at,omitempty"`
	From     order.Status `dynamodbav:"from,omitempty"`
	To       order.Status `dynamodbav:"to,omitempty"`
	Event    string       `dynamodbav:"event,omitempty"`
	Attempt  int          `dynamodbav:"attempt,omitempty"`
	Note     string       `dynamodbav:"note,omitempty"`
	Reversal string       `dynamodbav:"reversal,omitempty"`
	Rev      int64        `dynamodbav:"rev,omitempty"` // what Events are named and ordered by
}

type evidence struct {
	At             int64  `dynamodbav:"at,omitempty"`
	Attempt        int    `dynamodbav:"attempt,omitempty"`
	Call           string `dynamodbav:"call,omitempty"`
	HTTP           int    `dynamodbav:"http,omitempty"`
	Status         string `dynamodbav:"status,omitempty"`
	Code           string `dynamodbav:"code,omitempty"`
	TransactionKey string `dynamodbav:"transaction_key,omitempty"`
	Digest         string `dynamodbav:"digest,omitempty"`
	TraceID        string `dynamodbav:"trace_id,omitempty"`
}

// FromOrder returns the stored form. It shares no memory with o.
func FromOrder(o order.Order) Order {
	it := Order{
		V: Version, ID: o.ID, Provider: o.Provider, Mode: o.Mode, Amount: o.Amount.Value, Currency: o.Amount.Currency, Name: o.Name,
		Customer: optional(customer(o.Customer)), Language: o.Language, ReturnURL: o.ReturnURL, Toss: optional(tossOptions(o.Toss)),
		PortOne: optional(portOneOptions(o.PortOne)), Extras: fromExtras(o.Extras), BillingKey: o.BillingKey, Account: o.Account,
		Charging: optional(charging(o.Charging)), Request: o.Request, LinkToken: o.LinkToken,
		CreatedAt: Millis(o.CreatedAt), ExpiresAt: Millis(o.ExpiresAt), Status: o.Status,
		Attempt: attempt{
			N: o.Attempt.N, Key: o.Attempt.Key, ClaimedAt: Millis(o.Attempt.ClaimedAt), Asks: o.Attempt.Asks, Turn: o.Attempt.Turn,
			Unanswered: o.Attempt.Unanswered, Rejection: o.Attempt.Rejection,
		},
		Capture: optional(capture{
			Key: o.Capture.Key, TransactionKey: o.Capture.TransactionKey, Attempt: o.Capture.Attempt, Amount: o.Capture.Amount.Value,
			Currency: o.Capture.Amount.Currency, Balance: o.Capture.Balance, ApprovedAt: Millis(o.Capture.ApprovedAt),
			Method: o.Capture.Method, ReceiptURL: o.Capture.ReceiptURL,
		}),
		Due: Millis(o.DueAt), DueAt: Millis(o.DueAt), AskAfter: Millis(o.AskAfter), HeardAt: Millis(o.HeardAt), HeardKey: o.HeardKey,
		Untold: o.Untold, Searching: o.Searching, Revision: o.Revision,
	}
	if it.DueAt != 0 {
		it.DueShard = Shard(o.ID)
	}
	it.list(o)
	for _, r := range o.Reversals {
		it.Reversals = append(it.Reversals, reversal{
			Key: r.Key, Attempt: r.Attempt, Amount: r.Amount, Currency: r.Currency, Reason: r.Reason, DecidedAt: Millis(r.DecidedAt),
			DoneAt: Millis(r.DoneAt), Asks: r.Asks,
		})
	}
	for _, h := range o.Hints {
		it.Hints = append(it.Hints, hint{Attempt: h.Attempt, Key: h.Key, At: Millis(h.At), DueAt: Millis(h.DueAt), Asks: h.Asks})
	}
	for _, s := range o.History {
		s.Revision = cmp.Or(s.Revision, o.Revision)
		it.History = append(it.History, FromStep(s))
	}
	for _, e := range o.Evidence {
		it.Evidence = append(it.Evidence, evidence{
			At: Millis(e.At), Attempt: e.Attempt, Call: e.Call, HTTP: e.HTTP, Status: e.Status, Code: e.Code,
			TransactionKey: e.TransactionKey, Digest: e.Digest, TraceID: e.TraceID,
		})
	}
	return it
}

func fromExtras(e order.Extras) *extras {
	return optional(extras{Tax: optional(tax(e.Tax)), AppScheme: e.AppScheme, Metadata: e.Metadata})
}

func (e *extras) extras() order.Extras {
	if e == nil {
		return order.Extras{}
	}
	return order.Extras{Tax: order.Tax(value(e.Tax)), AppScheme: e.AppScheme, Metadata: e.Metadata}
}

// FromStep returns the stored form of one of an order's history entries.
func FromStep(s order.Step) Step {
	return Step{
		At: Millis(s.At), From: s.From, To: s.To, Event: s.Event, Attempt: s.Attempt, Note: s.Note, Reversal: s.Reversal, Rev: s.Revision,
	}
}

// Order returns the order, or an error when the item was written in another format. It shares no memory with it.
func (it Order) Order() (order.Order, error) {
	if it.V != Version {
		return order.Order{}, fmt.Errorf("the stored order has format version %d, this program knows %d", it.V, Version)
	}
	taken := value(it.Capture)
	o := order.Order{
		ID: it.ID, Provider: it.Provider, Mode: it.Mode, Amount: money.Amount{Value: it.Amount, Currency: it.Currency}, Name: it.Name,
		Customer: order.Customer(value(it.Customer)), Language: it.Language, ReturnURL: it.ReturnURL,
		Toss: order.TossOptions(value(it.Toss)), PortOne: order.PortOneOptions(value(it.PortOne)), Extras: it.Extras.extras(),
		BillingKey: it.BillingKey, Account: it.Account, Charging: order.Charging(value(it.Charging)), Request: it.Request, LinkToken: it.LinkToken, CreatedAt: Time(it.CreatedAt),
		ExpiresAt: Time(it.ExpiresAt), Status: it.Status,
		Attempt: order.Attempt{
			N: it.Attempt.N, Key: it.Attempt.Key, ClaimedAt: Time(it.Attempt.ClaimedAt), Asks: it.Attempt.Asks, Turn: it.Attempt.Turn,
			Unanswered: it.Attempt.Unanswered, Rejection: it.Attempt.Rejection,
		},
		Capture: order.Capture{
			Key: taken.Key, TransactionKey: taken.TransactionKey, Attempt: taken.Attempt,
			Amount: money.Amount{Value: taken.Amount, Currency: taken.Currency}, Balance: taken.Balance,
			ApprovedAt: Time(taken.ApprovedAt), Method: taken.Method, ReceiptURL: taken.ReceiptURL,
		},
		DueAt: dueTime(it.Due, it.DueAt), AskAfter: Time(it.AskAfter), HeardAt: Time(it.HeardAt), HeardKey: it.HeardKey,
		Untold: it.Untold, Searching: it.Searching, Revision: it.Revision,
	}
	for _, r := range it.Reversals {
		o.Reversals = append(o.Reversals, order.Reversal{
			Key: r.Key, Attempt: r.Attempt, Amount: r.Amount, Currency: r.Currency, Reason: r.Reason, DecidedAt: Time(r.DecidedAt),
			DoneAt: Time(r.DoneAt), Asks: r.Asks,
		})
	}
	for _, h := range it.Hints {
		o.Hints = append(o.Hints, order.Hint{Attempt: h.Attempt, Key: h.Key, At: Time(h.At), DueAt: Time(h.DueAt), Asks: h.Asks})
	}
	for _, s := range it.History {
		o.History = append(o.History, order.Step{
			At: Time(s.At), From: s.From, To: s.To, Event: s.Event, Attempt: s.Attempt, Note: s.Note, Reversal: s.Reversal,
			Revision: cmp.Or(s.Rev, it.Revision),
		})
	}
	for _, e := range it.Evidence {
		o.Evidence = append(o.Evidence, order.Evidence{
			At: Time(e.At), Attempt: e.Attempt, Call: e.Call, HTTP: e.HTTP, Status: e.Status, Code: e.Code,
			TransactionKey: e.TransactionKey, Digest: e.Digest, TraceID: e.TraceID,
		})
	}
	return o, nil
}

// Millis is how a time is stored: milliseconds since 1970 UTC, the rest cut off; 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time undoes Millis, in UTC.
func Time(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}

// dueTime is a record's own due time. An item that was written before the two were apart has only the index's.
func dueTime(due, indexed int64) time.Time { return Time(cmp.Or(due, indexed)) }

// Shard is the partition of the due index that a record belongs to for ever: "00" to "31". It is derived by hash, because ids that
// count upwards must not fill one partition.
func Shard(id string) string {
	sum := sha256.Sum256([]byte(id))
	return ShardName(int(sum[0]) % payment.DueShards)
}

// ShardName is how the index writes a shard's number.
func ShardName(shard int) string { return string([]byte{'0' + byte(shard/10), '0' + byte(shard%10)}) }

// optional keeps an empty group of fields out of the item.
func optional[T comparable](v T) *T {
	var empty T
	if v == empty {
		return nil
	}
	return &v
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
