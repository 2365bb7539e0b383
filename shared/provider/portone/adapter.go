package portone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// Adapter answers the use cases' questions in the words of shared/provider. It returns no errors: what it cannot prove is
// provider.Unknown.
//
// A call whose token PortOne refuses is made once more with a fresh one. Nothing else is repeated.
type Adapter struct {
	Client    *Client
	NoticeURL string // where the webhook of a charge's success goes; empty for the console's address
}

// Timing of PortOne: the window takes the money itself, so there is no confirm. It may stay open for 60 minutes (expiredTime,
// developers.portone.io, tosspay-v2, 2026-08), and a payment may be pending for more than 10 after that (tossdev.github.io/qna.html,
// TRANSACTION_PENDING_ERROR, 2024-12); 5 more for clocks that differ.
func Timing() provider.Timing {
	return provider.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute}
}

// Find asks by the payment's key when it is known, else for all payments of our number. It moves nothing.
func (a *Adapter) Find(ctx context.Context, r provider.Ref) provider.Answer {
	if r.Key == "" {
		return a.findAll(ctx, r.Number)
	}
	reply, err := twice(func() (Reply[Payment], error) { return a.Client.Payment(ctx, r.Key) })
	return paymentAnswer("find", OpLookup, reply, err, asked{key: r.Key})
}

// findAll reads every payment of a number: attempts that failed or were left share it with one that was captured, and none of them is chosen.
// The answer's own payment is the first one that holds money, or else the first one.
func (a *Adapter) findAll(ctx context.Context, number string) provider.Answer {
	var found []provider.Shown
	var first provider.Answer
	for page := 1; page <= pageMax; page++ {
		reply, err := twice(func() (Reply[Page], error) { return a.Client.PaymentsByNumber(ctx, number, page) })
		answer, done := read("find-by-order", OpLookup, reply, err)
		if done {
			answer.Complete = page == 1 && answer.Verdict == provider.Absent
			return withFound(answer, found)
		}
		for _, p := range reply.Response.List {
			next := withPayment(answer, p, asked{number: number})
			found = append(found, provider.Shown{Payment: next.Payment, Verdict: next.Verdict, Code: next.Code})
			if len(found) == 1 || captured(next) && !captured(first) {
				first = next
			}
		}
		switch next, total := *reply.Response.Next, *reply.Response.Total; {
		case next == 0 && len(found) == 0 && total == 0:
			answer.Verdict, answer.Code, answer.Class, answer.Complete = provider.Absent, codeNothingFound, provider.ClassAbsent, true
			return answer
		case next == 0 && len(found) >= total && len(found) > 0:
			first.Complete = !slices.ContainsFunc(found, unreadable)
			return withFound(first, found)
		case next != page+1:
			return withFound(answer.Unread(errors.New("portone: find-by-order: the pages do not add up")), found)
		}
	}
	first.Verdict, first.Code = provider.Unknown, CodeTooMany
	return withFound(first, found)
}

// withFound adds what the pages before have shown. After them an absence is only that of the next page.
func withFound(a provider.Answer, found []provider.Shown) provider.Answer {
	if a.All = found; len(found) > 0 && a.Verdict == provider.Absent {
		a.Verdict, a.Class = provider.Unknown, provider.ClassUnknown
	}
	return a
}

// unreadable says that it is not known what a payment took. An issuance took nothing.
func unreadable(s provider.Shown) bool { return s.Verdict == provider.Unknown && !s.Payment.Issuance }

func captured(a provider.Answer) bool {
	return a.Verdict == provider.Paid || a.Verdict == provider.PartlyRefunded
}

// Cancel asks to give money back. The verdict is about the payment: a refused refund leaves it Unknown, and the class says why.
// PortOne has no idempotency key: the balance takes its place.
func (a *Adapter) Cancel(ctx context.Context, c provider.Cancel) provider.Answer {
	request := CancelRequest{ImpUID: c.Key, Amount: c.Amount, VATAmount: c.VAT, Checksum: c.Balance, Reason: c.Reason}
	if c.TaxFree > 0 {
		request.TaxFree = &c.TaxFree
	}
	reply, err := twice(func() (Reply[Payment], error) { return a.Client.Cancel(ctx, request) })
	return paymentAnswer("cancel", OpCancel, reply, err, asked{key: c.Key})
}

// Charge takes money with a billing key. Amount and currency of a capture are for the caller to compare: one that does not fit has been
// made all the same.
func (a *Adapter) Charge(ctx context.Context, c provider.Charge) provider.Answer {
	buyer := fitting(c.Customer)
	request := AgainRequest{
		CustomerUID:     c.BillingKey,
		MerchantUID:     c.Number,
		Amount:          c.Amount,
		Name:            c.Name,
		BuyerName:       buyer.Name,
		BuyerEmail:      buyer.Email,
		BuyerTel:        buyer.Phone,
		NotAfter:        c.NotAfter,
		NoticeURL:       a.NoticeURL,
		VATAmount:       c.VAT,
		CardQuota:       c.CardQuota,
		CashReceiptType: c.Receipt.Type,
		Bypass:          Bypass{CashReceiptTradeOption: c.Receipt.TradeOption, SendFailPush: c.FailPush},
	}
	if c.TaxFree > 0 {
		request.TaxFree = &c.TaxFree
	}
	if c.Receipt.None {
		request.Bypass.CashReceipt = new(bool)
	}
	reply, err := twice(func() (Reply[Payment], error) { return a.Client.Again(ctx, request) })
	return paymentAnswer("charge", OpCharge, reply, err, asked{number: c.Number, billingKey: c.BillingKey})
}

// Register tells PortOne the amount of an order before its window opens. Verdict Pending: it is registered, now or before. Another
// registered amount is CodeOtherAmount and is not changed: whoever registered it may have opened a window with it.
func (a *Adapter) Register(ctx context.Context, r provider.Registration) provider.Answer {
	reply, err := twice(func() (Reply[Prepared], error) {
		return a.Client.Prepare(ctx, PrepareRequest{MerchantUID: r.Number, Amount: r.Amount, Currency: currencyOfTheWon})
	})
	answer, done := read("register", OpPrepare, reply, err)
	if answer.Class == provider.ClassAlready {
		reply, err = twice(func() (Reply[Prepared], error) { return a.Client.PreparedByNumber(ctx, r.Number) })
		answer, done = read("register", OpPrepare, reply, err)
	}
	if done {
		return answer
	}
	amount, err := money.Whole(reply.Response.Amount)
	switch {
	case err != nil:
		return answer.Unread(errors.New("portone: register: the registered amount is not whole won"))
	case reply.Response.MerchantUID != r.Number:
		return answer.Unread(errors.New("portone: register: the reply is about another order than asked"))
	case amount != r.Amount || reply.Response.Currency != "" && reply.Response.Currency != currencyOfTheWon:
		answer.Code, answer.Class = CodeOtherAmount, provider.ClassMerchant
		answer.Err = fmt.Errorf("portone: register: order %s is registered with another amount", r.Number)
		return answer
	}
	answer.Verdict = provider.Pending
	return answer
}

// BillingKey asks about a billing key. It moves nothing.
func (a *Adapter) BillingKey(ctx context.Context, customerUID string) provider.KeyAnswer {
	reply, err := twice(func() (Reply[Customer], error) { return a.Client.Customer(ctx, customerUID) })
	answer, done := read("billing-key", OpKey, reply, err)
	if done {
		return provider.KeyAnswer{Answer: answer}
	}
	key, err := keyOf(reply.Response, customerUID)
	if err != nil {
		return provider.KeyAnswer{Answer: answer.Unread(fmt.Errorf("portone: find billing key: %w", err))}
	}
	answer.Verdict = provider.Paid
	return provider.KeyAnswer{Answer: answer, Key: key}
}

// Scheduled asks whether PortOne is to charge a billing key by itself in the 3 months from a time on, because another system told it to. Verdict
// Pending: it is; Absent: it is not.
func (a *Adapter) Scheduled(ctx context.Context, customerUID string, from time.Time) provider.Answer {
	reply, err := twice(func() (Reply[Schedules], error) {
		return a.Client.Schedules(ctx, customerUID, from, from.Add(scheduleSpanMax))
	})
	answer, done := read("schedules", OpKey, reply, err)
	if done {
		return answer
	}
	answer.Verdict = provider.Absent
	for _, s := range reply.Response.List {
		if s.Status != "executed" && s.Status != "revoked" { // also a status that was added after this was written
			answer.Verdict = provider.Pending
		}
	}
	return answer
}

// DeleteBillingKey deletes a billing key, for good. Verdict Absent: it is gone, now or before.
func (a *Adapter) DeleteBillingKey(ctx context.Context, customerUID, reason string) provider.KeyAnswer {
	reply, err := twice(func() (Reply[Customer], error) { return a.Client.DeleteCustomer(ctx, customerUID, reason) })
	answer, done := read("delete-billing-key", OpKey, reply, err)
	switch {
	case done:
	case reply.Response.CustomerUID != customerUID:
		answer = answer.Unread(fmt.Errorf("portone: delete billing key: %w", errOtherKey))
	default:
		answer.Verdict = provider.Absent
	}
	return provider.KeyAnswer{Answer: answer}
}

// twice makes a call a second time when its token was refused: PortOne decides that before it processes anything, and the client has
// told the source, so the second time goes out with a fresh one.
func twice[T response](ask func() (Reply[T], error)) (Reply[T], error) {
	first, err := ask()
	if first.HTTP != http.StatusUnauthorized {
		return first, err
	}
	second, err := ask()
	if !second.Sent {
		return first, err // no fresh token: the first answer stands
	}
	return second, err
}

// read translates what every reply has in common. done says that there is no response to read.
func read[T response](call string, op Operation, reply Reply[T], err error) (a provider.Answer, done bool) {
	a = provider.Answer{Call: call, HTTP: reply.HTTP, Digest: reply.Digest, Sent: reply.Sent}
	switch {
	case errors.Is(err, ErrKeysRefused):
		a.HTTP, a.Code, a.Class, a.Err = http.StatusUnauthorized, CodeKeysRefused, provider.ClassCredentials, err
	case reply.HTTP == http.StatusUnauthorized:
		a.Code, a.Class, a.Err = CodeUnauthorized, provider.ClassCredentials, err
	case err != nil:
		a = a.Unread(err)
	case reply.Code != 0:
		a.Code, a.Class = Classify(op, reply.HTTP, reply.Message)
		a.Verdict = verdictOfRefusal(op, a.Class)
	default:
		return a, false
	}
	return a, true
}

// asked is what a reply's payment must be: one about another payment proves nothing about ours.
type asked struct {
	key, number, billingKey string
}

func (q asked) is(p provider.Payment) bool {
	return (q.key == "" || p.Key == q.key) && (q.number == "" || p.Number == q.number) &&
		(q.billingKey == "" || p.BillingKey == "" || p.BillingKey == q.billingKey)
}

func paymentAnswer(call string, op Operation, reply Reply[Payment], err error, q asked) provider.Answer {
	a, done := read(call, op, reply, err)
	if done {
		return a
	}
	return withPayment(a, reply.Response, q)
}

// withPayment completes an answer with a payment and what it proves.
func withPayment(a provider.Answer, from Payment, q asked) provider.Answer {
	p, err := paymentOf(from)
	if err != nil {
		return a.Unread(fmt.Errorf("portone: %s: %w", a.Call, err))
	}
	if !q.is(p) {
		return a.Unread(fmt.Errorf("portone: %s: the reply is about another payment than asked", a.Call))
	}
	a.Payment = p
	a.Verdict = verdictOf(p)
	if a.Verdict == provider.Declined {
		a.Verdict, a.Code, a.Class = failureOf(from.FailReason)
	}
	a.Payment.Status = statusOf(from)
	a.All = []provider.Shown{{Payment: a.Payment, Verdict: a.Verdict, Code: a.Code}}
	return a
}

// verdictOf maps a payment's status, and how much of it is left, to what it proves. Facts that contradict each other prove nothing.
// What was given back is told by the amounts: the status after a partial cancel is not documented.
func verdictOf(p provider.Payment) provider.Verdict {
	returned := p.Amount - p.Balance
	switch p.Status {
	case "ready":
		if returned == 0 {
			return provider.Pending
		}
	case "failed":
		if returned == 0 {
			return provider.Declined
		}
	case "paid", "cancelled":
		switch {
		case p.Issuance:
			// It reports itself as paid, and no money was taken. There is no verdict for that, and Unknown is the one that can never be
			// booked as money: the caller asks for the billing key instead.
			return provider.Unknown
		case returned == 0 && p.Status == "paid":
			return provider.Paid
		case returned == 0:
			return provider.Unknown // cancelled, and nothing given back
		case p.Balance > 0:
			return provider.PartlyRefunded
		}
		return provider.Refunded
	}
	return provider.Unknown // also a status that was added after this was written
}

// verdictOfRefusal says what a refused call proves about the payment. Only a charge that was refused by a listed message proves that it
// took nothing: a refused lookup or refund says nothing about the money.
func verdictOfRefusal(op Operation, class provider.Class) provider.Verdict {
	switch {
	case class == provider.ClassAbsent:
		return provider.Absent
	case op == OpCharge && class.Definitive():
		return provider.Declined
	}
	return provider.Unknown
}

// failureOf says what the reason of a failed payment proves. A reason that no table lists is a decline that may pass; some that are
// listed leave the outcome open, whatever the status says: Toss Pay may still be at work, for more than ten minutes. Such a payment is
// pending, and when it is still the same at the end of Timing's PendingMax it took nothing.
func failureOf(failReason string) (provider.Verdict, string, provider.Class) {
	rule, found := classify(OpFailure, 0, failReason)
	switch {
	case !found:
		return provider.Declined, CodeUnlistedReason, ReasonSoft.Class()
	case rule.Reason.Class().Definitive():
		return provider.Declined, rule.Code, rule.Reason.Class()
	}
	return provider.Pending, rule.Code, rule.Reason.Class()
}

// Errors of paymentOf and keyOf. They name the field and do not quote it.
var (
	errAmount   = errors.New("the payment's amounts are not whole won in range")
	errField    = errors.New("a field is longer than documented")
	errSandbox  = errors.New("it does not say whether it is test money")
	errOtherKey = errors.New("the reply is about another billing key than asked")
)

// paymentOf translates a Payment object, or says why it cannot be one. What the verdict rests on must be right; the rest is left out
// when it is not.
func paymentOf(p Payment) (provider.Payment, error) {
	if !transport.IsVisible(p.ImpUID, provider.ImpUIDMax) || !transport.IsVisible(p.MerchantUID, merchantUIDMax) || !transport.IsVisible(p.Status, 20) || !transport.IsVisible(p.Currency, 3) ||
		len(p.CustomerUID) > customerUIDMax {
		return provider.Payment{}, errField
	}
	if p.Sandbox == nil {
		return provider.Payment{}, errSandbox
	}
	amount, amountErr := money.Whole(p.Amount)
	returned, returnedErr := money.Whole(p.CancelAmount)
	// An issuance is documented by its usage, which was not seen for tosspay_v2. Nothing else with a billing key costs nothing.
	issuance := p.CustomerUIDUsage == "issue" || p.CustomerUIDUsage == "" && p.CustomerUID != "" && amount == 0
	if amountErr != nil || returnedErr != nil || amount < 0 || amount == 0 && !issuance || returned < 0 {
		return provider.Payment{}, errAmount
	}
	return provider.Payment{
		Key:               p.ImpUID,
		Number:            p.MerchantUID,
		Status:            p.Status,
		Amount:            amount,
		Balance:           max(0, amount-returned),
		Currency:          p.Currency,
		TransactionKey:    transport.AtMost(p.PGTID, 64),
		ApprovedAt:        unixTime(p.PaidAt),
		Method:            paidWith(p),
		ReceiptURL:        transport.Link(p.ReceiptURL),
		Sandbox:           *p.Sandbox,
		PartialRefundable: true, // PortOne does not say; Toss Pay can
		Account:           account(p.PGID),
		BillingKey:        p.CustomerUID,
		Issuance:          issuance,
		Open:              p.Status == "ready",
	}, nil
}

// keyOf translates a Customer object.
func keyOf(c Customer, customerUID string) (provider.BillingKey, error) {
	switch {
	case c.CustomerUID != customerUID:
		return provider.BillingKey{}, errOtherKey
	case c.Sandbox == nil:
		return provider.BillingKey{}, errSandbox
	}
	return provider.BillingKey{
		ID:           c.CustomerUID,
		CustomerID:   transport.AtMost(c.CustomerID, 4*customerIDMax),
		Account:      account(c.PGID),
		OtherGateway: otherGateway(c.PGProvider),
		Brand:        transport.AtMost(c.CardName, 100), // empty when the means is an account
		Masked:       order.Masked(c.CardNumber),
		IssuedAt:     unixTime(c.Inserted),
		UpdatedAt:    unixTime(c.Updated),
		Sandbox:      *c.Sandbox,
	}, nil
}

// account is the merchant account, which is the MID alone: what pg_provider says of a tosspay_v2 payment is published nowhere. Empty when it is
// missing.
func account(pgID string) string {
	if !transport.IsVisible(pgID, 80) {
		return ""
	}
	return pgID
}

// otherGateway is PortOne's word for a gateway that is not ours. What it says of a tosspay_v2 key is published nowhere, so this decides nothing
// where the merchant account is known.
func otherGateway(word string) string {
	switch {
	case word == gateway:
		return ""
	case !transport.IsVisible(word, 16):
		return "unnamed"
	}
	return word
}

// statusOf is a payment's status for the log, with PortOne's word for its gateway when that is not ours.
func statusOf(p Payment) string {
	if p.PGProvider == gateway || !transport.IsVisible(p.PGProvider, 16) {
		return p.Status
	}
	return p.Status + " at " + p.PGProvider
}

// unixTime reads unix seconds; 0 and whatever is no time is none. No decision rests on it.
func unixTime(n json.Number) time.Time {
	seconds, err := n.Int64()
	if err != nil || seconds <= 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// fitting leaves out the details of a buyer that PortOne would refuse: they only fill forms in, and must not keep anybody from paying.
func fitting(b provider.Buyer) provider.Buyer {
	if !transport.IsWithin(b.Name, 1, buyerNameMax) {
		b.Name = ""
	}
	if !transport.IsWithin(b.Email, 3, buyerEmailMax) || !strings.Contains(b.Email, "@") {
		b.Email = ""
	}
	if len(b.Phone) < 8 || len(b.Phone) > buyerTelMax || strings.Trim(b.Phone, "0123456789-+ ") != "" {
		b.Phone = ""
	}
	return b
}

// String implements fmt.Stringer without the source of keys.
func (a Adapter) String() string { return "portone.Adapter(" + transport.Redacted + ")" }

// Format implements fmt.Formatter for every verb.
func (a Adapter) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements slog.LogValuer.
func (a Adapter) LogValue() slog.Value { return slog.StringValue(a.String()) }
