package item

import (
	"fmt"
	"slices"

	"tosspay-sam/shared/ledger"
)

// Ledger is what an order's item has of its ledger, beside the terms that the item has anyway. The names within the lists are short because
// each stands there once for every request and payment; the currency is not stored again when it is the order's.
//
//	attempts   o opened_at, l looked_at, u used, c code
//	requests   k kind, n attempt, p payment or billing key, t turn, at, si since, f failed, x canceled, id refund id, w reason, a amount, b balance,
//	           r reply, c code, ra replied_at, l looked_at, e elsewhere, o outcome
//	payments   k key, n attempt, s state, a amount, b balance (absent: all of it, when captured), c currency, m merchant, t test money,
//	           bk billing key, ap approved_at, tx transaction key, me method, ru receipt url (see short.go), fc code of a decline, w whole only, lr lists refunds, rf refunds,
//	           ka known_at, sa seen_at, ba behind_at, d disputed, z resolved, r role, y reason
type Ledger struct {
	Attempts  []ledgerAttempt `dynamodbav:"attempts"`
	Requests  []ledgerRequest `dynamodbav:"requests,omitempty"`
	Payments  []ledgerPayment `dynamodbav:"payments,omitempty"`
	End       string          `dynamodbav:"end,omitempty"`
	Why       string          `dynamodbav:"why,omitempty"`
	LearnedAt int64           `dynamodbav:"learned_at,omitempty"`

	Resolutions []ledgerResolution `dynamodbav:"resolutions,omitempty"`
}

type ledgerResolution struct {
	Key    string `dynamodbav:"key"`
	Keep   bool   `dynamodbav:"keep,omitempty"`
	By     string `dynamodbav:"by,omitempty"`
	Reason string `dynamodbav:"reason,omitempty"`
	At     int64  `dynamodbav:"at,omitempty"`
}

type ledgerAttempt struct {
	OpenedAt int64  `dynamodbav:"o,omitempty"`
	LookedAt int64  `dynamodbav:"l,omitempty"`
	Used     bool   `dynamodbav:"u,omitempty"`
	Code     string `dynamodbav:"c,omitempty"`
	DoubtAt  int64  `dynamodbav:"d,omitempty"`
}

type ledgerRequest struct {
	Kind      string `dynamodbav:"k"`
	Attempt   int    `dynamodbav:"n"`
	Key       string `dynamodbav:"p,omitempty"`
	Turn      int    `dynamodbav:"t,omitempty"`
	At        int64  `dynamodbav:"at,omitempty"`
	Since     int64  `dynamodbav:"si,omitempty"` // absent: as at
	Failed    bool   `dynamodbav:"f,omitempty"`
	Canceled  bool   `dynamodbav:"x,omitempty"`
	RefundID  string `dynamodbav:"id,omitempty"`
	Reason    string `dynamodbav:"w,omitempty"`
	Amount    int64  `dynamodbav:"a,omitempty"`
	Balance   int64  `dynamodbav:"b,omitempty"`
	Reply     uint8  `dynamodbav:"r,omitempty"`
	Code      string `dynamodbav:"c,omitempty"`
	RepliedAt int64  `dynamodbav:"ra,omitempty"`
	LookedAt  int64  `dynamodbav:"l,omitempty"`
	Elsewhere bool   `dynamodbav:"e,omitempty"`
	Outcome   string `dynamodbav:"o,omitempty"`
}

type ledgerPayment struct {
	Key            string   `dynamodbav:"k"`
	Attempt        int      `dynamodbav:"n"`
	State          string   `dynamodbav:"s"`
	Amount         int64    `dynamodbav:"a,omitempty"`
	Balance        *int64   `dynamodbav:"b,omitempty"`
	Currency       *string  `dynamodbav:"c,omitempty"`
	Merchant       string   `dynamodbav:"m,omitempty"`
	Test           bool     `dynamodbav:"t,omitempty"`
	BillingKey     string   `dynamodbav:"bk,omitempty"`
	ApprovedAt     int64    `dynamodbav:"ap,omitempty"`
	TransactionKey string   `dynamodbav:"tx,omitempty"`
	Method         string   `dynamodbav:"me,omitempty"`
	ReceiptURL     string   `dynamodbav:"ru,omitempty"`
	Code           string   `dynamodbav:"fc,omitempty"`
	WholeOnly      bool     `dynamodbav:"w,omitempty"`
	ListsRefunds   bool     `dynamodbav:"lr,omitempty"`
	Refunds        []string `dynamodbav:"rf,omitempty"`
	KnownAt        int64    `dynamodbav:"ka,omitempty"`
	SeenAt         int64    `dynamodbav:"sa,omitempty"`
	BehindAt       int64    `dynamodbav:"ba,omitempty"`
	Disputed       bool     `dynamodbav:"d,omitempty"`
	Resolved       bool     `dynamodbav:"z,omitempty"`
	Role           string   `dynamodbav:"r,omitempty"`
	Reason         string   `dynamodbav:"y,omitempty"`
}

// FromLedger returns the stored form. It shares no memory with o.
func FromLedger(o ledger.Order) Ledger {
	it := Ledger{End: string(o.End), Why: o.Why, LearnedAt: Millis(o.LearnedAt)}
	for _, a := range o.Attempts {
		it.Attempts = append(it.Attempts, ledgerAttempt{
			OpenedAt: Millis(a.OpenedAt), LookedAt: Millis(a.LookedAt), Used: a.Used, Code: a.Code, DoubtAt: Millis(a.DoubtAt),
		})
	}
	for _, r := range o.Requests {
		it.Requests = append(it.Requests, fromRequest(r))
	}
	for _, p := range o.Payments {
		it.Payments = append(it.Payments, fromPayment(o, p))
	}
	for _, r := range o.Resolutions {
		it.Resolutions = append(it.Resolutions, ledgerResolution{Key: r.Key, Keep: r.Keep, By: r.By, Reason: r.Reason, At: Millis(r.At)})
	}
	return it
}

// FromRequests returns the stored form of requests alone: a claim adds one without reading the order.
func FromRequests(requests ...ledger.Request) any {
	var all []ledgerRequest
	for _, r := range requests {
		all = append(all, fromRequest(r))
	}
	return all
}

func fromRequest(r ledger.Request) ledgerRequest {
	it := ledgerRequest{
		Kind: r.Kind.String(), Attempt: r.Attempt, Key: r.Key, Turn: r.Turn, At: Millis(r.At), Failed: r.Failed, Canceled: r.Canceled,
		RefundID: r.RefundID, Reason: r.Reason, Amount: r.Amount, Balance: r.Balance, Reply: uint8(r.Reply), Code: r.Code, RepliedAt: Millis(r.RepliedAt),
		LookedAt: Millis(r.LookedAt), Elsewhere: r.Elsewhere,
	}
	if since := Millis(r.Since); since != it.At {
		it.Since = since
	}
	if r.Outcome != ledger.Pending {
		it.Outcome = r.Outcome.String()
	}
	return it
}

func fromPayment(o ledger.Order, p ledger.Payment) ledgerPayment {
	return ledgerPayment{
		Key: p.Key, Attempt: p.Attempt, State: p.State.String(), Amount: p.Amount, Balance: unless(p.Balance, wholeBalance(p)),
		Currency: unless(p.Currency, o.Currency), Merchant: p.Merchant, Test: p.Test, BillingKey: p.BillingKey,
		ApprovedAt: Millis(p.ApprovedAt), TransactionKey: p.TransactionKey, Method: shortMethod(p.Method),
		ReceiptURL: shortReceipt(p.ReceiptURL), Code: p.Code, WholeOnly: p.WholeOnly,
		ListsRefunds: p.ListsRefunds, Refunds: slices.Clone(p.Refunds), KnownAt: Millis(p.KnownAt), SeenAt: Millis(p.SeenAt),
		BehindAt: Millis(p.BehindAt), Disputed: p.Disputed, Resolved: p.Resolved, Role: p.Role.String(), Reason: string(p.Reason),
	}
}

// wholeBalance is what a payment has left when nothing was refunded.
func wholeBalance(p ledger.Payment) int64 {
	if p.State == ledger.Captured {
		return p.Amount
	}
	return 0
}

// unless leaves a value out that is the usual one.
func unless[T comparable](v, usual T) *T {
	if v == usual {
		return nil
	}
	return &v
}

// Ledger returns the order of the terms, which the item has beside it, or an error when a word in it is not known.
func (it Ledger) Ledger(t ledger.Terms, revision int64) (ledger.Order, error) {
	o := ledger.Order{Terms: t, End: ledger.End(it.End), Why: it.Why, LearnedAt: Time(it.LearnedAt), Revision: revision}
	for _, a := range it.Attempts {
		o.Attempts = append(o.Attempts, ledger.Attempt{
			OpenedAt: Time(a.OpenedAt), LookedAt: Time(a.LookedAt), Used: a.Used, Code: a.Code, DoubtAt: Time(a.DoubtAt),
		})
	}
	for _, r := range it.Resolutions {
		o.Resolutions = append(o.Resolutions, ledger.Resolution{Key: r.Key, Keep: r.Keep, By: r.By, Reason: r.Reason, At: Time(r.At)})
	}
	var bad error
	for _, r := range it.Requests {
		q, err := r.request()
		if o.Requests = append(o.Requests, q); err != nil {
			bad = err
		}
	}
	for _, p := range it.Payments {
		q, err := p.payment(t)
		if o.Payments = append(o.Payments, q); err != nil {
			bad = err
		}
	}
	return o, bad
}

func (it ledgerRequest) request() (ledger.Request, error) {
	r := ledger.Request{
		Attempt: it.Attempt, Key: it.Key, Turn: it.Turn, At: Time(it.At), Since: Time(it.Since), Failed: it.Failed, Canceled: it.Canceled,
		RefundID: it.RefundID, Reason: it.Reason, Amount: it.Amount, Balance: it.Balance, Reply: ledger.Reply(it.Reply), Code: it.Code,
		RepliedAt: Time(it.RepliedAt), LookedAt: Time(it.LookedAt), Elsewhere: it.Elsewhere,
	}
	if it.Since == 0 {
		r.Since = r.At
	}
	var err error
	if r.Kind, err = word(it.Kind, ledger.Return, ledger.Cancel); err != nil {
		return r, err
	}
	if it.Outcome != "" {
		r.Outcome, err = word(it.Outcome, ledger.Shown, ledger.Lapsed)
	}
	return r, err
}

func (it ledgerPayment) payment(t ledger.Terms) (ledger.Payment, error) {
	p := ledger.Payment{
		Key: it.Key, Attempt: it.Attempt, Amount: it.Amount, Currency: t.Currency, Merchant: it.Merchant, Test: it.Test,
		BillingKey: it.BillingKey, ApprovedAt: Time(it.ApprovedAt), TransactionKey: it.TransactionKey, Method: longMethod(it.Method),
		ReceiptURL: longReceipt(it.ReceiptURL), Code: it.Code, WholeOnly: it.WholeOnly, ListsRefunds: it.ListsRefunds, Refunds: slices.Clone(it.Refunds),
		KnownAt: Time(it.KnownAt), SeenAt: Time(it.SeenAt), BehindAt: Time(it.BehindAt), Disputed: it.Disputed, Resolved: it.Resolved, Reason: ledger.Reason(it.Reason),
	}
	if it.Currency != nil {
		p.Currency = *it.Currency
	}
	var err error
	if p.State, err = word(it.State, ledger.Begun, ledger.Captured); err != nil {
		return p, err
	}
	if p.Balance = wholeBalance(p); it.Balance != nil {
		p.Balance = *it.Balance
	}
	if it.Role != "" {
		p.Role, err = word(it.Role, ledger.Kept, ledger.Foreign)
	}
	return p, err
}

// word reads one of the ledger's words, from the first to the last of its kind. One that is not known must not be guessed: it is about money.
func word[T interface {
	~uint8
	fmt.Stringer
}](s string, first, last T) (T, error) {
	for v := first; v <= last; v++ {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fmt.Errorf("the stored order has %q where a word of the ledger stands", s)
}
