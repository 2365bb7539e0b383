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

// Versions of the formats. Whoever finds another one stops: a record half understood must not be written back. An order of version 1, which had no
// ledger, is translated: see before.go.
const (
	OrderVersion        = 2
	SubscriptionVersion = 1
)

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
	Ledger
	Status     order.Status `dynamodbav:"status"`
	Payable    int          `dynamodbav:"payable"`              // the number that may be claimed; 0: none
	Since      int64        `dynamodbav:"since,omitempty"`      // since when money may have been taken without an answer
	Unrecorded bool         `dynamodbav:"unrecorded,omitempty"` // of a cycle
	Due        int64        `dynamodbav:"due,omitempty"`        // the order's own due time
	DueAt      int64        `dynamodbav:"due_at,omitempty"`     // the due index's: as Due, until a dispatch moves it
	DueShard   string       `dynamodbav:"due_shard,omitempty"`  // there exactly when DueAt is
	List       string       `dynamodbav:"list,omitempty"`       // the keys of the lists: see lists.go
	Buyer      string       `dynamodbav:"buyer,omitempty"`
	Attention  string       `dynamodbav:"attention,omitempty"`
	AskAfter   int64        `dynamodbav:"ask_after,omitempty"`
	History    []Step       `dynamodbav:"history,omitempty"`
	Revision   int64        `dynamodbav:"revision"`
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

// Step is an order's history entry as it is stored. A claim appends one without reading the order, so that one has no Rev until the next
// save: it is the record's own revision then, because no order is claimed twice between two saves. The names are short, as in
// the ledger: with long ones a paid order is more than one write unit.
type Step struct {
	At       int64        `dynamodbav:"a,omitempty"`
	From     order.Status `dynamodbav:"f,omitempty"`
	To       order.Status `dynamodbav:"t,omitempty"`
	Event    string       `dynamodbav:"e,omitempty"`
	Attempt  int          `dynamodbav:"n,omitempty"`
	Note     string       `dynamodbav:"o,omitempty"`
	Reversal string       `dynamodbav:"y,omitempty"`
	Rev      int64        `dynamodbav:"r,omitempty"` // what Events are named and ordered by
}

// FromOrder returns the stored form. It shares no memory with o.
func FromOrder(o order.Order) Order {
	it := Order{
		V: OrderVersion, ID: o.ID, Provider: o.Provider, Mode: o.Mode, Amount: o.Amount.Value, Currency: o.Amount.Currency, Name: o.Name,
		Customer: optional(customer(o.Customer)), Language: o.Language, ReturnURL: o.ReturnURL, Toss: optional(tossOptions(o.Toss)),
		PortOne: optional(portOneOptions(o.PortOne)), Extras: fromExtras(o.Extras), BillingKey: o.BillingKey, Account: o.Account,
		Charging: optional(charging(o.Charging)), Request: o.Request, LinkToken: o.LinkToken,
		CreatedAt: Millis(o.CreatedAt), ExpiresAt: Millis(o.ExpiresAt), Ledger: FromLedger(o.Ledger), Status: o.Status,
		Payable: payable(o), Since: Millis(o.Since), Unrecorded: o.Unrecorded, Due: Millis(o.DueAt), DueAt: Millis(o.DueAt),
		AskAfter: Millis(o.AskAfter), Revision: o.Revision,
	}
	if it.DueAt != 0 {
		it.DueShard = Shard(o.ID)
	}
	it.list(o)
	for _, s := range o.History {
		s.Revision = cmp.Or(s.Revision, o.Revision)
		it.History = append(it.History, FromStep(s))
	}
	return it
}

// payable is what a claim's condition compares. An order whose ledger says open beside a status that does not is somebody's edit: it is not.
func payable(o order.Order) int {
	if o.Status != order.Open || o.BillingKey != "" {
		return 0
	}
	return o.Ledger.Payable()
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
	if it.V != OrderVersion {
		return order.Order{}, fmt.Errorf("the stored order has format version %d, this program knows %d", it.V, OrderVersion)
	}
	o := it.record()
	o.Since, o.Unrecorded = Time(it.Since), it.Unrecorded
	var err error
	if o.Ledger, err = it.Ledger.Ledger(o.Terms(), it.Revision); err != nil {
		return order.Order{}, err
	}
	o.View()
	for _, s := range it.History {
		o.History = append(o.History, order.Step{
			At: Time(s.At), From: s.From, To: s.To, Event: s.Event, Attempt: s.Attempt, Note: s.Note, Reversal: s.Reversal,
			Revision: cmp.Or(s.Rev, it.Revision),
		})
	}
	return o, nil
}

// record is what every version stores alike: the order without its money and its history.
func (it Order) record() order.Order {
	return order.Order{
		ID: it.ID, Provider: it.Provider, Mode: it.Mode, Amount: money.Amount{Value: it.Amount, Currency: it.Currency}, Name: it.Name,
		Customer: order.Customer(value(it.Customer)), Language: it.Language, ReturnURL: it.ReturnURL,
		Toss: order.TossOptions(value(it.Toss)), PortOne: order.PortOneOptions(value(it.PortOne)), Extras: it.Extras.extras(),
		BillingKey: it.BillingKey, Account: it.Account, Charging: order.Charging(value(it.Charging)), Request: it.Request, LinkToken: it.LinkToken,
		CreatedAt: Time(it.CreatedAt), ExpiresAt: Time(it.ExpiresAt), Status: it.Status, DueAt: dueTime(it.Due, it.DueAt), AskAfter: Time(it.AskAfter),
		Revision: it.Revision,
	}
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
