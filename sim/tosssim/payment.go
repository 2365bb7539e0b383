package tosssim

import (
	"time"

	"tosspay-sam/sim/lag"
)

// The statuses of a payment (docs.tosspayments.com/reference, Payment object).
const (
	ready           = "READY"       // the window is open
	inProgress      = "IN_PROGRESS" // the buyer authenticated; waiting for confirm
	done            = "DONE"
	canceled        = "CANCELED"
	partialCanceled = "PARTIAL_CANCELED"
	aborted         = "ABORTED"
	expired         = "EXPIRED"
)

const (
	// authWithin is the time from opening the window to authentication,
	// confirmWithin from there to the confirm (same page, READY and EXPIRED).
	authWithin    = 30 * time.Minute
	confirmWithin = 10 * time.Minute
)

// payment is one opened window and what became of it. Sim.mu guards it.
type payment struct {
	key, orderID, orderName, currency string
	amount                            int64
	pair                              *KeyPair
	status                            string
	requestedAt                       time.Time
	authenticatedAt                   time.Time // zero until IN_PROGRESS
	approvedAt                        time.Time // zero unless money was taken
	inFlight                          bool      // a confirm is being worked on
	balance                           int64     // what can still be cancelled; 0 until approved
	lastTransaction                   string
	cancels                           []cancelBody
	canceledAt                        time.Time // when the latest of them was made
	failure                           *errorBody
	past                              lag.Past[payment]
}

// note makes what p is now what lookups show after their lag. Whoever changes p
// calls it. The caller holds mu.
func (s *Sim) note(p *payment) {
	now := *p
	now.past = lag.Past[payment]{}
	p.past.Note(s.now(), now)
}

// shown is p as lookups show it now, or nil while they do not know it. list:
// they look for it by its order number. The caller holds mu.
func (s *Sim) shown(p *payment, list bool) *payment {
	s.expire(p)
	return p.past.Shown(p, s.lag.Of(Provider), s.now(), p.requestedAt, list)
}

// expire moves p to EXPIRED if its time is up. Nothing else happens at that
// instant, so it is enough to look whenever somebody asks. The caller holds mu.
func (s *Sim) expire(p *payment) {
	now := s.now()
	late := p.status == ready && now.Sub(p.requestedAt) > authWithin ||
		p.status == inProgress && !p.inFlight && now.Sub(p.authenticatedAt) > confirmWithin
	if late {
		p.status = expired
		p.failure = new(message("EXPIRED_PAYMENT"))
		s.note(p)
		s.notify(p)
	}
}

// abort ends p without money, for the reason of an error code.
func (s *Sim) abort(p *payment, code string) {
	p.status = aborted
	p.failure = new(message(code))
	s.note(p)
	s.notify(p)
}

// timestamp is a time as the API writes it: ISO 8601 in Korean time.
func timestamp(t time.Time) string {
	return t.In(time.FixedZone("KST", 9*60*60)).Format("2006-01-02T15:04:05-07:00")
}

// paymentBody is the Payment object of version 2022-11-16, with all fields in
// the order of the documentation's example. Objects of other payment methods
// are always null.
type paymentBody struct {
	MID                 string       `json:"mId"`
	LastTransactionKey  *string      `json:"lastTransactionKey"`
	PaymentKey          string       `json:"paymentKey"`
	OrderID             string       `json:"orderId"`
	OrderName           string       `json:"orderName"`
	TaxExemptionAmount  int64        `json:"taxExemptionAmount"`
	Status              string       `json:"status"`
	RequestedAt         string       `json:"requestedAt"`
	ApprovedAt          *string      `json:"approvedAt"`
	UseEscrow           *bool        `json:"useEscrow"`
	CultureExpense      bool         `json:"cultureExpense"`
	Card                *cardBody    `json:"card"`
	VirtualAccount      *struct{}    `json:"virtualAccount"`
	Transfer            *struct{}    `json:"transfer"`
	MobilePhone         *struct{}    `json:"mobilePhone"`
	GiftCertificate     *struct{}    `json:"giftCertificate"`
	CashReceipt         *struct{}    `json:"cashReceipt"`
	CashReceipts        *struct{}    `json:"cashReceipts"`
	Discount            *struct{}    `json:"discount"`
	Cancels             []cancelBody `json:"cancels"`
	Secret              *string      `json:"secret"`
	Type                string       `json:"type"`
	EasyPay             *struct{}    `json:"easyPay"`
	Country             string       `json:"country"`
	Failure             *errorBody   `json:"failure"`
	IsPartialCancelable bool         `json:"isPartialCancelable"`
	Receipt             *urlBody     `json:"receipt"`
	Checkout            *urlBody     `json:"checkout"`
	Currency            string       `json:"currency"`
	TotalAmount         int64        `json:"totalAmount"`
	BalanceAmount       int64        `json:"balanceAmount"`
	SuppliedAmount      int64        `json:"suppliedAmount"`
	VAT                 int64        `json:"vat"`
	TaxFreeAmount       int64        `json:"taxFreeAmount"`
	Metadata            *struct{}    `json:"metadata"`
	Method              *string      `json:"method"`
	Version             string       `json:"version"`
}

type cardBody struct {
	IssuerCode            string  `json:"issuerCode"`
	AcquirerCode          string  `json:"acquirerCode"`
	Number                string  `json:"number"`
	InstallmentPlanMonths int     `json:"installmentPlanMonths"`
	IsInterestFree        bool    `json:"isInterestFree"`
	InterestPayer         *string `json:"interestPayer"`
	ApproveNo             string  `json:"approveNo"`
	UseCardPoint          bool    `json:"useCardPoint"`
	CardType              string  `json:"cardType"`
	OwnerType             string  `json:"ownerType"`
	AcquireStatus         string  `json:"acquireStatus"`
	Amount                int64   `json:"amount"`
}

type cancelBody struct {
	CancelAmount           int64   `json:"cancelAmount"`
	CancelReason           string  `json:"cancelReason"`
	TaxFreeAmount          int64   `json:"taxFreeAmount"`
	TaxExemptionAmount     int64   `json:"taxExemptionAmount"`
	RefundableAmount       int64   `json:"refundableAmount"`
	CardDiscountAmount     int64   `json:"cardDiscountAmount"`
	TransferDiscountAmount int64   `json:"transferDiscountAmount"`
	EasyPayDiscountAmount  int64   `json:"easyPayDiscountAmount"`
	CanceledAt             string  `json:"canceledAt"`
	TransactionKey         string  `json:"transactionKey"`
	ReceiptKey             *string `json:"receiptKey"`
	CancelStatus           string  `json:"cancelStatus"`
	CancelRequestID        *string `json:"cancelRequestId"`
}

type urlBody struct {
	URL string `json:"url"`
}

// view is p as the API shows it: a payment with a foreign Visa card, whose
// cardType and ownerType the provider reports as 미확인 (unknown). The addresses
// are in .invalid, so that nobody lands on the real provider's pages.
func (s *Sim) view(p *payment) paymentBody {
	body := paymentBody{
		MID: p.pair.MID, PaymentKey: p.key, OrderID: p.orderID, OrderName: p.orderName,
		Status: p.status, RequestedAt: timestamp(p.requestedAt),
		Type: "NORMAL", Country: "KR", Currency: p.currency, Version: "2022-11-16",
		TotalAmount: p.amount, BalanceAmount: p.amount,
		IsPartialCancelable: s.partialCancelable,
		Checkout:            &urlBody{"https://tosspayments-simulator.invalid/v1/payments/" + p.key + "/checkout"},
		Cancels:             p.cancels, Failure: p.failure,
	}
	if p.status != expired { // a captured EXPIRED payment has null here
		body.UseEscrow = new(false)
	}
	if !p.authenticatedAt.IsZero() {
		body.Method = new("카드")
	}
	if !p.approvedAt.IsZero() {
		body.ApprovedAt = new(timestamp(p.approvedAt))
		body.LastTransactionKey = new(p.lastTransaction)
		body.BalanceAmount = p.balance
		body.Receipt = &urlBody{"https://tosspayments-simulator.invalid/receipt?transactionId=" + p.lastTransaction}
		body.Card = &cardBody{
			IssuerCode: "4V", AcquirerCode: "21", Number: "40000000****109*", ApproveNo: "00000000",
			CardType: "미확인", OwnerType: "미확인", AcquireStatus: "READY", Amount: p.amount,
		}
	}
	// A tenth on top, rounded, of what is left: the documented formula for a
	// sale with nothing tax free. That it follows the balance is our choice.
	body.VAT = (2*body.BalanceAmount + 11) / 22
	body.SuppliedAmount = body.BalanceAmount - body.VAT
	return body
}
