package portonesim

import (
	"fmt"
	"time"

	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/ledger"
)

// The statuses of a payment (V1 schema, Payment). There is no other.
const (
	ready     = "ready" // the window is open, or a charge is under way
	paid      = "paid"
	failed    = "failed"
	cancelled = "cancelled"
)

// customer_uid_usage of a payment.
const (
	usageIssue   = "issue"
	usagePayment = "payment"
)

// payment is one attempt to pay, charge or issue a key. Sim.mu guards it.
type payment struct {
	impUID, merchantUID, name, currency string
	number                              int // counts the payments of the Sim
	owner                               *account
	sandbox                             bool
	pgID                                string // MID
	channel                             string // pc, mobile, api
	amount                              int64  // 0 for an issuance
	balance                             int64  // what can still be cancelled; 0 until captured
	status                              string
	startedAt, paidAt, failedAt         time.Time // zero if it did not happen
	cancelledAt, updatedAt              time.Time
	failReason, cancelReason            string
	pgTID                               string
	customerUID, usage                  string // "" for a payment without a key
	buyer                               buyer
	customData                          string
	noticeURLs                          []string
	cardQuota                           int64
	card                                *card // nil: not paid, or from a bank account
	withVAT                             bool  // vat_amount was given
	vatLost                             bool  // a partial cancel left vat_amount out
	history                             []cancelBody
	window                              *windowRequest // of a payment that began in the window
	end                                 result         // what the window ended with
	past                                lag.Past[payment]
}

// buyer is what the merchant says about the buyer.
type buyer struct{ name, email, tel, addr, postcode string }

// card is what the API tells of a card; the number is masked.
type card struct{ code, name, number string }

// usualCard is the card of every payment and key until ReplaceCard.
func usualCard() *card { return &card{"366", "신한카드", "559410*********4"} }

// add makes p visible. The caller holds mu.
func (s *Sim) add(p *payment) {
	s.payments[p.impUID] = p
	s.orders[p.merchantUID] = append(s.orders[p.merchantUID], p)
	s.note(p)
}

// note makes what p is now what lookups show after their lag. Whoever changes p calls it. The caller holds mu.
func (s *Sim) note(p *payment) {
	now := *p
	now.past = lag.Past[payment]{}
	p.past.Note(s.o.Now(), now)
}

// shown is p as lookups show it now, or nil while they do not know it. list: they look for it by something else than its imp_uid. The caller
// holds mu.
func (s *Sim) shown(p *payment, list bool) *payment {
	return p.past.Shown(p, s.o.Lag.Of(Provider), s.o.Now(), p.startedAt, list)
}

// start completes a new payment in ready, without making it visible. The
// caller holds mu.
func (s *Sim) start(p *payment, prefix string) {
	p.impUID = prefix + s.o.NewID()
	p.status = ready
	p.startedAt = s.o.Now()
	p.updatedAt = p.startedAt
	s.started++
	p.number = s.started
}

// capture takes the money of p, or issues its key, and sends the webhook. The
// caller holds mu.
func (s *Sim) capture(p *payment, by *card) {
	now := s.o.Now()
	p.status, p.failReason = paid, ""
	p.paidAt, p.updatedAt, p.failedAt = now, now, time.Time{}
	p.pgTID = "tsim-" + s.id("transaction")
	p.balance = p.amount
	if p.usage == usageIssue {
		s.issue(p)
	} else {
		p.card = by
		s.Ledger.Add(ledger.Entry{Provider: Provider, Kind: ledger.Capture, OrderID: p.merchantUID, Amount: p.amount, At: now})
	}
	s.note(p)
	s.notify(p, paid, "", p.addresses(s.o.ConsoleURL))
}

// fail ends p without money. No webhook tells of it. The caller holds mu.
func (s *Sim) fail(p *payment, reason string) {
	now := s.o.Now()
	p.status, p.failReason = failed, reason
	p.failedAt, p.updatedAt = now, now
	s.note(p)
}

// PayLate makes a payment in ready or failed paid after all, with the webhook
// of a paid one: the documentation has such payments, and a webhook after a
// failure is how they become known.
func (s *Sim) PayLate(impUID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.payments[impUID]
	if p == nil || p.isTaken() {
		return fmt.Errorf("portonesim: %s is not a payment in ready or failed", impUID)
	}
	s.capture(p, usualCard())
	return nil
}

// isTaken reports whether the merchant_uid of p cannot be paid again
// (documented: once one is paid or cancelled; failed ones may be).
func (p *payment) isTaken() bool { return p.status == paid || p.status == cancelled }

// paymentBody is the Payment object with all fields of the V1 schema. Those of
// other payment methods are always null or 0.
type paymentBody struct {
	ImpUID            string       `json:"imp_uid"`
	MerchantUID       string       `json:"merchant_uid"`
	PayMethod         string       `json:"pay_method"`
	Channel           string       `json:"channel"`
	PGProvider        string       `json:"pg_provider"`
	EmbPGProvider     *string      `json:"emb_pg_provider"`
	PGTID             *string      `json:"pg_tid"`
	PGID              string       `json:"pg_id"`
	Sandbox           bool         `json:"sandbox"`
	Escrow            bool         `json:"escrow"`
	ApplyNum          *string      `json:"apply_num"`
	BankCode          *string      `json:"bank_code"`
	BankName          *string      `json:"bank_name"`
	CardCode          *string      `json:"card_code"`
	CardName          *string      `json:"card_name"`
	CardIssuerCode    *string      `json:"card_issuer_code"`
	CardIssuerName    *string      `json:"card_issuer_name"`
	CardPublisherCode *string      `json:"card_publisher_code"`
	CardPublisherName *string      `json:"card_publisher_name"`
	CardQuota         int64        `json:"card_quota"`
	CardNumber        *string      `json:"card_number"`
	CardType          *int         `json:"card_type"`
	VbankCode         *string      `json:"vbank_code"`
	VbankName         *string      `json:"vbank_name"`
	VbankNum          *string      `json:"vbank_num"`
	VbankHolder       *string      `json:"vbank_holder"`
	VbankDate         int64        `json:"vbank_date"`
	VbankIssuedAt     int64        `json:"vbank_issued_at"`
	Name              string       `json:"name"`
	Amount            int64        `json:"amount"`
	CancelAmount      int64        `json:"cancel_amount"`
	Currency          string       `json:"currency"`
	BuyerName         *string      `json:"buyer_name"`
	BuyerEmail        *string      `json:"buyer_email"`
	BuyerTel          *string      `json:"buyer_tel"`
	BuyerAddr         *string      `json:"buyer_addr"`
	BuyerPostcode     *string      `json:"buyer_postcode"`
	CustomData        *string      `json:"custom_data"`
	UserAgent         *string      `json:"user_agent"`
	Status            string       `json:"status"`
	StartedAt         int64        `json:"started_at"`
	PaidAt            int64        `json:"paid_at"`
	FailedAt          int64        `json:"failed_at"`
	CancelledAt       int64        `json:"cancelled_at"`
	FailReason        *string      `json:"fail_reason"`
	CancelReason      *string      `json:"cancel_reason"`
	ReceiptURL        *string      `json:"receipt_url"`
	CancelHistory     []cancelBody `json:"cancel_history"`
	DepositHistory    []struct{}   `json:"deposit_history"`
	CancelReceiptURLs []string     `json:"cancel_receipt_urls"`
	CashReceiptIssued bool         `json:"cash_receipt_issued"`
	CustomerUID       *string      `json:"customer_uid"`
	CustomerUIDUsage  *string      `json:"customer_uid_usage"`
	Promotion         *struct{}    `json:"promotion"`
}

type cancelBody struct {
	PGTID          string  `json:"pg_tid"`
	Amount         int64   `json:"amount"`
	CancelledAt    int64   `json:"cancelled_at"`
	Reason         string  `json:"reason"`
	CancellationID string  `json:"cancellation_id"`
	ReceiptURL     *string `json:"receipt_url"`
}

// view is p as the API shows it. The receipt is in .invalid, so that nobody
// lands on the real provider's pages. The caller holds mu.
func (s *Sim) view(p *payment) paymentBody {
	body := paymentBody{
		ImpUID: p.impUID, MerchantUID: p.merchantUID, PayMethod: s.o.PayMethod, Channel: p.channel,
		PGProvider: s.o.PGProvider, PGTID: orNull(p.pgTID), PGID: p.pgID, Sandbox: p.sandbox,
		CardQuota: p.cardQuota, Name: p.name, Amount: p.amount, Currency: p.currency,
		BuyerName: orNull(p.buyer.name), BuyerEmail: orNull(p.buyer.email), BuyerTel: orNull(p.buyer.tel),
		BuyerAddr: orNull(p.buyer.addr), BuyerPostcode: orNull(p.buyer.postcode), CustomData: orNull(p.customData),
		Status: p.status, StartedAt: unix(p.startedAt), PaidAt: unix(p.paidAt), FailedAt: unix(p.failedAt), CancelledAt: unix(p.cancelledAt),
		FailReason: orNull(p.failReason), CancelReason: orNull(p.cancelReason),
		CancelHistory: append([]cancelBody{}, p.history...), DepositHistory: []struct{}{}, CancelReceiptURLs: []string{},
		CustomerUID: orNull(p.customerUID), CustomerUIDUsage: orNull(p.usage),
	}
	for _, c := range p.history {
		body.CancelAmount += c.Amount
	}
	if c := p.card; c != nil {
		body.ApplyNum = new("00000000") // what approvals of the test channel show
		body.CardCode, body.CardName, body.CardNumber, body.CardType = &c.code, &c.name, &c.number, new(0)
		body.CardIssuerCode, body.CardIssuerName = &c.code, &c.name
		body.CardPublisherCode, body.CardPublisherName = &c.code, &c.name
		body.ReceiptURL = new("https://portone-simulator.invalid/receipt/" + p.impUID)
	}
	return body
}

// orNull is nil for "": the API writes what it has not as null.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// unix is a time as the API writes it: 0 when it did not happen.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
