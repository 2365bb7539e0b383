package item

import (
	"cmp"
	"slices"
	"strings"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

// versionBefore is the format of orders before they had a ledger: the current attempt, the capture and the reversals, each with what was last done
// about it. Such an item is translated when it is read and stays as it is until the next write, which is of OrderVersion and knows no way back.
const versionBefore = 1

// windowCaptures is the provider of version 1 whose window captures by itself.
const windowCaptures = "portone"

// before is an order of version 1. What it has in common with the present form is embedded.
//
// Nothing that may have taken money is forgotten: it becomes the request that asked for it, without an answer unless one is known for certain.
// Nothing is sent twice either: a request keeps its turn, from which its idempotency key is made, and the ledger looks up what became of it first,
// because no lookup of version 1 counts as one.
type before struct {
	Order
	Attempt   beforeAttempt    `dynamodbav:"attempt"`
	Capture   beforeCapture    `dynamodbav:"capture"`
	Reversals []beforeReversal `dynamodbav:"reversals"`
	HeardAt   int64            `dynamodbav:"heard_at"`
	Untold    bool             `dynamodbav:"untold"`
	Searching bool             `dynamodbav:"searching"`
	Hints     []beforeHint     `dynamodbav:"hints"`
	History   []beforeStep     `dynamodbav:"history"`
	Evidence  []beforeEvidence `dynamodbav:"evidence"`
}

type beforeAttempt struct {
	N          int    `dynamodbav:"n"`
	Key        string `dynamodbav:"key"`        // of the payment a confirm was claimed for
	ClaimedAt  int64  `dynamodbav:"claimed_at"` // when money was asked for, or the buyer was back
	Turn       int    `dynamodbav:"turn"`
	Unanswered bool   `dynamodbav:"unanswered"` // a request of this turn was sent, or may have been, and no definite answer to it was read
	Rejection  string `dynamodbav:"rejection"`  // code of a refusal that no lookup has confirmed yet
}

type beforeCapture struct {
	Key            string         `dynamodbav:"key"`
	TransactionKey string         `dynamodbav:"transaction_key"`
	Attempt        int            `dynamodbav:"attempt"`
	Amount         int64          `dynamodbav:"amount"`
	Currency       money.Currency `dynamodbav:"currency"`
	Balance        int64          `dynamodbav:"balance"`
	ApprovedAt     int64          `dynamodbav:"approved_at"`
	Method         string         `dynamodbav:"method"`
	ReceiptURL     string         `dynamodbav:"receipt_url"`
}

type beforeReversal struct {
	Key       string `dynamodbav:"key"`
	Attempt   int    `dynamodbav:"attempt"`
	Amount    int64  `dynamodbav:"amount"` // what was left of it
	Currency  string `dynamodbav:"currency"`
	Reason    string `dynamodbav:"reason"`
	DecidedAt int64  `dynamodbav:"decided_at"`
	DoneAt    int64  `dynamodbav:"done_at"`
	Asks      int    `dynamodbav:"asks"` // the next cancel's turn, which may have been sent already
}

type beforeHint struct {
	Attempt int    `dynamodbav:"attempt"` // 0: every one, the last look at a paid order
	Key     string `dynamodbav:"key"`
	At      int64  `dynamodbav:"at"`
}

type beforeStep struct {
	At       int64        `dynamodbav:"at"`
	From     order.Status `dynamodbav:"from"`
	To       order.Status `dynamodbav:"to"`
	Event    string       `dynamodbav:"event"`
	Attempt  int          `dynamodbav:"attempt"`
	Note     string       `dynamodbav:"note"`
	Reversal string       `dynamodbav:"reversal"`
	Rev      int64        `dynamodbav:"rev"`
}

type beforeEvidence struct {
	At      int64  `dynamodbav:"at"`
	Attempt int    `dynamodbav:"attempt"`
	Call    string `dynamodbav:"call"`
	HTTP    int    `dynamodbav:"http"`
	Status  string `dynamodbav:"status"`
	Code    string `dynamodbav:"code"`
}

// ReadOrder returns the order of an item, whichever version it has. unmarshal fills a stored form from it. old says that it is of a version
// before the present one: conditions on attributes that only the present one has do not hold of it.
func ReadOrder(unmarshal func(form any) error) (o order.Order, old bool, err error) {
	var it Order
	if err := unmarshal(&it); err != nil {
		return order.Order{}, false, err
	}
	if it.V != versionBefore {
		o, err = it.Order()
		return o, false, err
	}
	var was before
	if err := unmarshal(&was); err != nil {
		return order.Order{}, false, err
	}
	return was.translated(), true, nil
}

// translated is the order with the ledger that version 1 amounts to. Status, due time and history are as they were stored, so that the table's
// stream tells nothing twice, and nothing too little, when the next write is of the present version.
func (it before) translated() order.Order {
	it.Status = renamed(it.Status)
	for i, s := range it.History {
		it.History[i].From, it.History[i].To = renamed(s.From), renamed(s.To)
	}
	o := it.record()
	it.Attempt.N = max(it.Attempt.N, 1)
	l := ledger.New(o.Terms())
	l.Revision, l.LearnedAt = it.Revision, Time(it.learnedAt())
	l.Attempts = it.attempts()
	l.Payments = it.payments(l.Terms)
	l.Requests = slices.Concat(it.asked(), it.cancels(), it.notices())
	switch it.Status {
	case order.Failed, order.Expired:
		l.End = ledger.End(it.Status)
	case order.Review:
		l.End, l.Why = ledger.EndReview, it.why()
	}
	if it.dueForNothing(o, l) {
		at := Time(cmp.Or(it.Attempt.ClaimedAt, it.learnedAt(), it.CreatedAt))
		l.Requests = append(l.Requests, ledger.Request{Kind: ledger.Notice, Attempt: it.Attempt.N, At: at, Since: at})
	}
	for _, s := range it.History {
		o.History = append(o.History, order.Step{
			At: Time(s.At), From: s.From, To: s.To, Event: s.Event, Attempt: s.Attempt, Note: s.Note, Reversal: s.Reversal,
			Revision: cmp.Or(s.Rev, it.Revision),
		})
	}
	o.Ledger, o.Unrecorded, o.Since = l, it.Untold, l.ProcessingSince()
	o.View()
	return o
}

// renamed is the present word for a status: version 1 said "settling" for processing.
func renamed(s order.Status) order.Status {
	if s == "settling" {
		return order.Processing
	}
	return s
}

// dueForNothing says that the order is due, and that its ledger has nothing to ask then: what settles it is known already, or the last question had no
// answer. It is looked up, and what is known is written: else it would be due for as long as its windows may be open.
func (it before) dueForNothing(o order.Order, l ledger.Order) bool {
	switch it.Status {
	case order.Processing:
		return l.Decide().Status() != order.Processing
	case order.Open:
		return len(l.Requests) == 0 && o.DueAt.Before(l.Over())
	}
	return false
}

// learnedAt is when the newest answer of the provider came that the item tells of.
func (it before) learnedAt() int64 {
	at := it.HeardAt
	for _, e := range it.Evidence {
		at = max(at, e.At)
	}
	return at
}

// attempts are the numbers up to the current one. A next number was opened only after all before it had taken nothing.
func (it before) attempts() []ledger.Attempt {
	all := make([]ledger.Attempt, it.Attempt.N)
	for i := range all {
		over := i+1 < it.Attempt.N || it.Status == order.Failed
		all[i] = ledger.Attempt{OpenedAt: Time(it.CreatedAt), Used: over}
		if over {
			all[i].Code = it.refusalCode(i + 1)
		}
	}
	return all
}

// refusalCode is the provider's code that ended an attempt: the schedule of further charges goes by it.
func (it before) refusalCode(attempt int) (code string) {
	for _, e := range it.Evidence {
		if e.Attempt == attempt && e.Code != "" && e.HTTP != 0 && (e.Call == "charge" || e.Status != "") {
			code = e.Code
		}
	}
	for _, s := range it.History {
		if code == "" && s.Event == order.Refused && s.Attempt == attempt {
			code = s.Note
		}
	}
	return code
}

// payments are those that took money: what else the provider has shown was not kept.
func (it before) payments(t ledger.Terms) (all []ledger.Payment) {
	test := !t.Account.Live // what was not would have been found not to fit
	if c := it.Capture; c.Key != "" {
		p := ledger.Payment{
			Key: c.Key, Attempt: max(c.Attempt, 1), State: ledger.Captured, Amount: c.Amount, Balance: c.Balance, Currency: string(c.Currency), Test: test,
			ApprovedAt: Time(c.ApprovedAt), TransactionKey: c.TransactionKey, Method: c.Method, ReceiptURL: c.ReceiptURL,
			KnownAt: Time(it.capturedAt()), SeenAt: Time(it.capturedAt()),
		}
		if it.wasPaid() {
			p.Role = ledger.Kept
		}
		all = append(all, p)
	}
	for _, r := range it.Reversals {
		p := ledger.Payment{
			Key: r.Key, Attempt: max(r.Attempt, 1), State: ledger.Captured, Amount: r.Amount, Balance: r.Amount, Currency: r.Currency, Test: test,
			KnownAt: Time(r.DecidedAt), SeenAt: Time(r.DecidedAt), Role: ledger.Surplus, Reason: ledger.Reason(r.Reason),
		}
		if r.DoneAt != 0 {
			p.Role, p.Balance, p.KnownAt, p.SeenAt = ledger.Returned, 0, Time(r.DoneAt), Time(r.DoneAt)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(p, q ledger.Payment) int {
		return cmp.Or(cmp.Compare(p.Attempt, q.Attempt), strings.Compare(p.Key, q.Key))
	})
	return all
}

// wasPaid says that the captured payment paid the order. That of an order in review may never have.
func (it before) wasPaid() bool {
	paid := func(s order.Status) bool { return s == order.Paid || s == order.Refunded }
	return paid(it.Status) || slices.ContainsFunc(it.History, func(s beforeStep) bool { return paid(s.To) })
}

// capturedAt is when the captured payment was first known as it is: since it was taken, or since its last refund.
func (it before) capturedAt() (at int64) {
	for _, s := range it.History {
		if s.Reversal == "" && (s.To == order.Paid || s.To == order.Refunded) && (s.From != s.To || s.Event == order.PartlyRefunded) {
			at = max(at, s.At)
		}
	}
	return cmp.Or(at, it.Capture.ApprovedAt)
}

// asked are the requests of the current attempt that may still take money: of an order in doubt, or of one that was closed before it was known what
// became of them.
func (it before) asked() []ledger.Request {
	a := it.Attempt
	r := ledger.Request{Attempt: a.N, Turn: a.Turn, At: Time(a.ClaimedAt), Since: Time(a.ClaimedAt), Amount: it.Amount, Code: a.Rejection}
	switch {
	case it.Status != order.Processing && !it.Searching:
		return nil
	case it.BillingKey != "":
		r.Kind, r.Key = ledger.Charge, it.BillingKey
		return it.charged(r)
	case it.Provider == windowCaptures && (a.Unanswered || a.Key != ""): // the buyer is back
		return []ledger.Request{{Kind: ledger.Return, Attempt: a.N, Key: a.Key, At: r.At, Since: r.Since}}
	case a.Key != "":
		r.Kind, r.Key = ledger.Confirm, a.Key
		return it.confirmed(r)
	}
	return nil // it waits for money that goes back
}

// replied notes a reply whose time is not known, but for that it is known now.
func (it before) replied(r ledger.Request, reply ledger.Reply) ledger.Request {
	r.Reply, r.RepliedAt = reply, Time(max(it.learnedAt(), it.Attempt.ClaimedAt))
	return r
}

// confirmed: a turn was left behind with a definite answer that decided nothing. The confirm of one that was answered otherwise than by a refusal may
// be at work until its time is over, so its turn stays beside the last one.
func (it before) confirmed(r ledger.Request) (all []ledger.Request) {
	a, earlier := it.Attempt, r
	if earlier.Turn--; a.Turn > 0 {
		earlier.Code = ""
		all = append(all, it.replied(earlier, ledger.Unusable))
		if !a.Unanswered {
			all[0].Reply = ledger.Untouched
		}
	}
	switch {
	case a.Rejection != "" && (!a.Unanswered || a.Turn > 0):
		return append(all, it.replied(r, ledger.Refused))
	case a.Rejection != "", !a.Unanswered && a.Turn == 0:
		return append(all, it.replied(r, ledger.Already)) // not sent again, and looked up until its time is over
	case !a.Unanswered:
		return all // this turn was not sent
	}
	return append(all, r)
}

// charged: PortOne has no idempotency key but the number, so what was sent must be answered for.
func (it before) charged(r ledger.Request) []ledger.Request {
	a := it.Attempt
	taken := slices.ContainsFunc(it.Reversals, func(r beforeReversal) bool { return r.Attempt == a.N })
	if a.Turn > 0 {
		r.Since = Time(cmp.Or(it.firstClaim(), a.ClaimedAt))
	}
	switch {
	case a.Rejection == "" && !a.Unanswered && a.Turn == 0:
		return nil // still to be made: the order waits for money that goes back
	case a.Rejection == "":
	case a.Unanswered:
		r = it.replied(r, ledger.Already)
	case taken && a.Turn == 0:
		r = it.replied(r, ledger.Accepted) // its own answer showed the money that goes back
	default:
		r = it.replied(r, ledger.Refused)
	}
	return []ledger.Request{r}
}

// firstClaim is when the current number was first charged.
func (it before) firstClaim() int64 {
	for _, s := range it.History {
		if s.Event == order.Claimed && s.Attempt == it.Attempt.N {
			return s.At
		}
	}
	return 0
}

// cancels are those of money that is to go back: the next one's turn may have been sent before its process died.
func (it before) cancels() (all []ledger.Request) {
	for _, r := range it.Reversals {
		if r.DoneAt != 0 {
			continue
		}
		at := r.DecidedAt
		if r.Asks > 0 {
			at = max(at, it.learnedAt())
		}
		all = append(all, ledger.Request{
			Kind: ledger.Cancel, Attempt: max(r.Attempt, 1), Key: r.Key, Turn: r.Asks, At: Time(at), Since: Time(r.DecidedAt), Amount: r.Amount, Balance: r.Amount,
		})
	}
	return all
}

// notices are what somebody spoke of and the provider has not shown. One about the captured payment was kept because it speaks of a refund.
func (it before) notices() (all []ledger.Request) {
	add := func(attempt int, h beforeHint) {
		r := ledger.Request{Kind: ledger.Notice, Attempt: attempt, Key: h.Key, At: Time(h.At), Since: Time(h.At)}
		r.Canceled = h.Key != "" && h.Key == it.Capture.Key
		if !slices.ContainsFunc(all, func(q ledger.Request) bool { return q.Attempt == attempt && q.Key == h.Key }) {
			all = append(all, r)
		}
	}
	for _, h := range it.Hints {
		if h.Attempt > 0 {
			add(min(h.Attempt, it.Attempt.N), h)
			continue
		}
		for n := range it.Attempt.N {
			add(n+1, h)
		}
	}
	return all
}

// why is what the history says of how the order came to review.
func (it before) why() string {
	why := "found by an earlier version"
	for _, s := range it.History {
		if s.To == order.Review && s.From != order.Review {
			why = strings.TrimSpace("found by an earlier version: " + s.Event + " " + s.Note)
		}
	}
	return why
}
