package client

import (
	"encoding/json"
	"time"
)

// NewOrder is the request of CreateOrder. Amount is a whole number of won.
type NewOrder struct {
	OrderID   string          `json:"orderId,omitempty"`
	Provider  string          `json:"provider"` // toss or portone
	Amount    int64           `json:"amount"`
	Currency  string          `json:"currency"` // KRW
	Name      string          `json:"name"`
	Customer  *Customer       `json:"customer,omitempty"`
	Language  string          `json:"language,omitempty"` // ko, en, ja or zh
	ReturnURL string          `json:"returnUrl,omitempty"`
	ExpiresAt *time.Time      `json:"expiresAt,omitempty"`
	Toss      *TossOptions    `json:"toss,omitempty"`
	PortOne   *PortOneOptions `json:"portone,omitempty"`
	// TaxFreeAmount and VATAmount are parts of Amount. A nil VATAmount leaves an eleventh of what is taxed to the provider.
	TaxFreeAmount int64             `json:"taxFreeAmount,omitempty"`
	VATAmount     *int64            `json:"vatAmount,omitempty"` // only for portone
	AppScheme     string            `json:"appScheme,omitempty"` // such as myshop://, in the web view of an app
	Metadata      map[string]string `json:"metadata,omitempty"`  // at most 5
}

// Customer is what the provider's window shows or needs of the buyer.
type Customer struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"` // digits only
}

// TossOptions are the choices for the Toss Payments window.
type TossOptions struct {
	UseInternationalCardOnly bool   `json:"useInternationalCardOnly,omitempty"`
	WindowTarget             string `json:"windowTarget,omitempty"` // iframe or self
}

// PortOneOptions are the choices for the Toss Pay window.
type PortOneOptions struct {
	PayMethod              string `json:"payMethod,omitempty"`
	UseInstallment         bool   `json:"useInstallment,omitempty"`
	ExpiredTime            string `json:"expiredTime,omitempty"` // yyyy-MM-dd HH:mm:ss in Korea
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"`
}

// OrderStatus of an order. Ship when it is Paid; Processing is not a failure.
type OrderStatus string

// The statuses; see api/openapi.yaml.
const (
	OrderOpen       OrderStatus = "open"
	OrderProcessing OrderStatus = "processing"
	OrderPaid       OrderStatus = "paid"
	OrderRefunded   OrderStatus = "refunded"
	OrderFailed     OrderStatus = "failed"
	OrderExpired    OrderStatus = "expired"
	OrderReview     OrderStatus = "review"
)

// Order as the API shows it. Window and SDK come only from CreateOrder, History, Payments and Requests only from Order.
type Order struct {
	OrderID     string          `json:"orderId"`
	Status      OrderStatus     `json:"status"`
	Provider    string          `json:"provider"`
	Mode        string          `json:"mode"`
	Amount      int64           `json:"amount"`
	Currency    string          `json:"currency"`
	Name        string          `json:"name"`
	Attempt     int             `json:"attempt"`
	Revision    int64           `json:"revision"` // rises with each change: of two answers the higher is newer
	CreatedAt   time.Time       `json:"createdAt"`
	ExpiresAt   time.Time       `json:"expiresAt"`
	DueAt       time.Time       `json:"dueAt"` // zero when the order is final
	CustomerID  string          `json:"customerId"`
	Attention   string          `json:"attention"` // review, owed or overdue: a person should look at it
	CheckoutURL string          `json:"checkoutUrl"`
	Window      json.RawMessage `json:"window"` // null when it cannot be paid now
	SDK         SDK             `json:"sdk"`
	Notes       []Note          `json:"notes"` // only from CreateOrder
	// TaxFreeAmount, VATAmount and Metadata are as the order was made with.
	TaxFreeAmount int64             `json:"taxFreeAmount"`
	VATAmount     *int64            `json:"vatAmount"`
	Metadata      map[string]string `json:"metadata"`
	Payment       *Payment          `json:"payment"` // nil until it is paid
	History       []OrderStep       `json:"history"`
	// Payments are all that the provider has shown under the order's numbers; only from Order.
	Payments []PaymentLine `json:"payments"`
	Requests []Request     `json:"requests"` // what is not accounted for yet, and the refunds; only from Order
}

// PaymentLine is one payment the provider has shown, and what it is to the order.
type PaymentLine struct {
	Key      string `json:"key"`
	Attempt  int    `json:"attempt"`
	State    string `json:"state"` // begun, doubtful, declined or captured
	Amount   int64  `json:"amount"`
	Balance  int64  `json:"balance"` // what has not been refunded
	Currency string `json:"currency"`
	// Role is kept, surplus (being refunded), returned or foreign (not the order's); empty when it holds no money of the order's.
	Role       string    `json:"role"`
	Reason     string    `json:"reason"` // why it is surplus: mismatch, second, late or resolved
	Code       string    `json:"code"`   // the provider's reason, of a declined payment
	Test       bool      `json:"test"`
	ApprovedAt time.Time `json:"approvedAt"` // zero when it took nothing
	SeenAt     time.Time `json:"seenAt"`
}

// Request is something that may move money and is not accounted for yet, or a refund.
type Request struct {
	Kind      string    `json:"kind"` // return, approval, confirm, charge, notice or cancel
	Attempt   int       `json:"attempt"`
	Key       string    `json:"key"`
	RefundID  string    `json:"refundId"`
	Amount    int64     `json:"amount"` // of a cancel
	Reason    string    `json:"reason"` // of a refund
	At        time.Time `json:"at"`
	Outcome   string    `json:"outcome"` // of a refund: pending, done or denied
	Code      string    `json:"code"`    // the provider's reply
	RepliedAt time.Time `json:"repliedAt"`
}

// NewRefund asks for a refund.
type NewRefund struct {
	RefundID string `json:"refundId"`         // yours; the same again is the same refund
	Amount   int64  `json:"amount,omitempty"` // in won; 0: all that may still be refunded
	Reason   string `json:"reason,omitempty"`
}

// Refund is a refund as it stands.
type Refund struct {
	Request
	OrderID    string `json:"orderId"`
	Status     string `json:"status"`     // of the order
	Balance    int64  `json:"balance"`    // of the payment, as the provider shows it
	Refundable int64  `json:"refundable"` // the balance without the refunds that are under way
}

// Resolution is a person's decision about a payment of an order in review.
type Resolution struct {
	Decision string `json:"decision"` // keep or give-back
	Payment  string `json:"payment"`  // the provider's key
	Reason   string `json:"reason"`
}

// Note says what of a request was not used as it came; the request was taken all the same.
type Note struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// SDK is what opens the provider's window, beside its object.
type SDK struct {
	Script      string `json:"script"`
	ClientKey   string `json:"clientKey"`
	CustomerKey string `json:"customerKey"`
}

// Payment is the payment that pays an order.
type Payment struct {
	Key            string    `json:"key"`
	TransactionKey string    `json:"transactionKey"`
	Attempt        int       `json:"attempt"`
	Amount         int64     `json:"amount"`
	Balance        int64     `json:"balance"` // what has not been refunded
	ApprovedAt     time.Time `json:"approvedAt"`
	Method         string    `json:"method"`
	ReceiptURL     string    `json:"receiptUrl"`
	Card           *Card     `json:"card"`    // nil when no card paid, or the provider does not say
	EasyPay        *EasyPay  `json:"easyPay"` // nil without a wallet
}

// Card is what the provider shows of a card.
type Card struct {
	IssuerCode        string `json:"issuerCode"`
	Company           string `json:"company"`
	Number            string `json:"number"`            // masked
	InstallmentMonths int    `json:"installmentMonths"` // 0: a lump sum
}

// EasyPay is a wallet.
type EasyPay struct {
	Provider       string `json:"provider"`
	Amount         int64  `json:"amount"`         // paid from its own account; 0 when a card in it paid
	DiscountAmount int64  `json:"discountAmount"` // paid with its points and coupons
}

// OrderFilter says which orders to list: exactly one of Day, CustomerID and Attention. Status narrows it.
type OrderFilter struct {
	Day        string // in Korea, such as 2026-11-28
	CustomerID string
	Attention  bool // those that a person should look at
	Status     OrderStatus
	Limit      int // of a page, 1 to 100; 0 is 20
}

// SubscriptionFilter says which subscriptions to list: exactly one of Status, CustomerID and DueTill. Status may narrow the
// others.
type SubscriptionFilter struct {
	Status           SubscriptionStatus
	CustomerID       string
	DueFrom, DueTill time.Time
	Limit            int // of a page, 1 to 100; 0 is 20
}

// OrderStep is one transition.
type OrderStep struct {
	At       time.Time   `json:"at"`
	Revision int64       `json:"revision"` // of the record after it
	From     OrderStatus `json:"from"`
	To       OrderStatus `json:"to"`
	Event    string      `json:"event"`
	Attempt  int         `json:"attempt"`
	Note     string      `json:"note"`
	// Reversal is mismatch, late, second or resolved: money that must be refunded since this step; done: it is back.
	Reversal string `json:"reversal"`
}

// NewSubscription is the request of CreateSubscription.
type NewSubscription struct {
	SubscriptionID string         `json:"subscriptionId,omitempty"`
	CustomerID     string         `json:"customerId"`
	Customer       *Customer      `json:"customer,omitempty"` // without ID
	Language       string         `json:"language,omitempty"`
	ReturnURL      string         `json:"returnUrl,omitempty"`
	Plan           NewPlan        `json:"plan"`
	FirstChargeAt  *time.Time     `json:"firstChargeAt,omitempty"`
	AppScheme      string         `json:"appScheme,omitempty"`
	PortOne        *ChargeOptions `json:"portone,omitempty"`
	// Trial is nil when the time before FirstChargeAt is free, and what follows needs consent.
	Trial *Trial `json:"trial,omitempty"`

	// ImportBillingKey is the customer_uid of a key that exists at PortOne already: no buyer is asked. Then
	// FirstChargeAt and, for months and years, Plan.AnchorDay are needed, SubscriptionID is left out, and a nil Trial
	// means that nothing is free.
	ImportBillingKey  string `json:"importBillingKey,omitempty"`
	DeleteImportedKey bool   `json:"deleteImportedKey,omitempty"` // at PortOne, when the subscription ends
	// ImportAgain is for after the end of the subscription that the key had: to correct a mistake.
	ImportAgain bool `json:"importAgain,omitempty"`
	DryRun      bool `json:"dryRun,omitempty"` // of an import: check everything, store nothing
}

// Trial is what the time before the first charge is.
type Trial struct {
	Free     *bool  `json:"free,omitempty"`     // false: nothing is free, the payments only begin later
	Evidence string `json:"evidence,omitempty"` // where your own record of the buyer's consent is
}

// Consent is what the buyer is, or was, asked to agree to.
type Consent struct {
	State          string    `json:"state"` // planned, needed, given, refused or lapsed
	Kind           string    `json:"kind"`  // price-rise or trial-end
	Before         int64     `json:"before"`
	After          int64     `json:"after"`
	Cycle          int       `json:"cycle"`          // the first one at the new price
	Date           time.Time `json:"date"`           // zero while nothing is charged
	OpensAt        time.Time `json:"opensAt"`        // from when the buyer can agree
	WithoutConsent string    `json:"withoutConsent"` // keep or end
	URL            string    `json:"url"`            // the page that asks: send it to the buyer
	NeededAt       time.Time `json:"neededAt"`
	GivenAt        time.Time `json:"givenAt"`
	RefusedAt      time.Time `json:"refusedAt"`
	TextVersion    string    `json:"textVersion"`
	Language       string    `json:"language"`
	Evidence       string    `json:"evidence"`
}

// PlanWish is the request of ChangePlan. An empty name keeps the name.
type PlanWish struct {
	Amount         int64         `json:"amount"`
	Currency       string        `json:"currency"`
	Name           string        `json:"name,omitempty"`
	WithoutConsent string        `json:"withoutConsent,omitempty"` // keep (the default) or end
	Consent        *GivenEarlier `json:"consent,omitempty"`
	// TaxFreeAmount and VATAmount must be given anew when the plan has them.
	TaxFreeAmount *int64 `json:"taxFreeAmount,omitempty"`
	VATAmount     *int64 `json:"vatAmount,omitempty"`
}

// GivenEarlier says where your own record of the buyer's consent is: then we do not ask.
type GivenEarlier struct {
	Evidence string `json:"evidence"`
}

// ChargeOptions are the choices for the charges of a subscription.
type ChargeOptions struct {
	CashReceiptType        string `json:"cashReceiptType,omitempty"` // person, company, or anonymous, which is none
	CashReceipt            *bool  `json:"cashReceipt,omitempty"`     // false: none
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"`
	SendFailPush           bool   `json:"sendFailPush,omitempty"`
	CardQuota              int    `json:"cardQuota,omitempty"` // months of instalments
}

// NewPlan is what a new subscription costs, and when.
type NewPlan struct {
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Name       string `json:"name"`
	Interval   string `json:"interval"` // day, week, month or year
	Every      int    `json:"every,omitempty"`
	AnchorDay  int    `json:"anchorDay,omitempty"`
	ChargeHour *int   `json:"chargeHour,omitempty"` // 0 to 23, in Korea
	CatchUp    string `json:"catchUp,omitempty"`    // once, each or skip
	// FirstPeriod is full (the default), toAnchor or prorated: what the first charge pays for when it is not on AnchorDay.
	FirstPeriod string `json:"firstPeriod,omitempty"`

	TaxFreeAmount int64  `json:"taxFreeAmount,omitempty"`
	VATAmount     *int64 `json:"vatAmount,omitempty"`
}

// PlanChange is a change that waits.
type PlanChange struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Name     string `json:"name,omitempty"`
	// TaxFreeAmount and VATAmount must be given anew when the plan has them.
	TaxFreeAmount *int64 `json:"taxFreeAmount,omitempty"`
	VATAmount     *int64 `json:"vatAmount,omitempty"`
}

// SubscriptionStatus of a subscription.
type SubscriptionStatus string

// The statuses.
const (
	SubscriptionEnrolling SubscriptionStatus = "enrolling"
	SubscriptionActive    SubscriptionStatus = "active"
	SubscriptionPastDue   SubscriptionStatus = "past_due"
	SubscriptionSuspended SubscriptionStatus = "suspended"
	SubscriptionPaused    SubscriptionStatus = "paused"
	SubscriptionCanceled  SubscriptionStatus = "canceled"
)

// Subscription as the API shows it.
type Subscription struct {
	SubscriptionID    string             `json:"subscriptionId"`
	Status            SubscriptionStatus `json:"status"`
	Provider          string             `json:"provider"`
	Mode              string             `json:"mode"`
	CustomerID        string             `json:"customerId"`
	Plan              Plan               `json:"plan"`
	Cycle             int                `json:"cycle"`    // the next to charge
	Revision          int64              `json:"revision"` // rises with each change
	NextDate          time.Time          `json:"nextDate"` // zero while nothing is charged
	CreatedAt         time.Time          `json:"createdAt"`
	DueAt             time.Time          `json:"dueAt"`
	NextPlan          *PlanChange        `json:"nextPlan"`
	Upcoming          []time.Time        `json:"upcoming"`
	UpcomingCharges   []Charge           `json:"upcomingCharges"` // the same, with what each costs
	CancelAtPeriodEnd bool               `json:"cancelAtPeriodEnd"`
	Dunning           *Dunning           `json:"dunning"`
	Consent           *Consent           `json:"consent"`    // nil: nothing is, or was, asked
	Suspension        *Suspension        `json:"suspension"` // nil: it is not suspended
	Means             *Means             `json:"means"`
	CheckoutURL       string             `json:"checkoutUrl"` // while a payment method is to be registered
	Cycles            []Cycle            `json:"cycles"`      // the newest first
	History           []SubscriptionStep `json:"history"`
	Window            json.RawMessage    `json:"window"`
	SDK               *SDK               `json:"sdk"`
	Notes             []Note             `json:"notes"`  // only from CreateSubscription
	DryRun            bool               `json:"dryRun"` // nothing was stored
}

// Charge is one that lies ahead.
type Charge struct {
	Cycle         int       `json:"cycle"`
	At            time.Time `json:"at"`
	Amount        int64     `json:"amount"`
	Currency      string    `json:"currency"`
	TaxFreeAmount int64     `json:"taxFreeAmount"`
	VATAmount     *int64    `json:"vatAmount"`
}

// Plan of a subscription.
type Plan struct {
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Name       string `json:"name"`
	Interval   string `json:"interval"`
	Every      int    `json:"every"`
	AnchorDay  int    `json:"anchorDay"`
	ChargeHour int    `json:"chargeHour"`
	CatchUp    string `json:"catchUp"`
	// FirstPeriod is full, toAnchor or prorated.
	FirstPeriod string `json:"firstPeriod"`

	TaxFreeAmount int64  `json:"taxFreeAmount"`
	VATAmount     *int64 `json:"vatAmount"`
}

// Dunning is the state of a refused cycle.
type Dunning struct {
	Since   time.Time `json:"since"`
	Attempt int       `json:"attempt"`
	Decline string    `json:"decline"` // soft, transient or hard
	Code    string    `json:"code"`
}

// Suspension is why a subscription is suspended, or was when it was canceled.
type Suspension struct {
	At      time.Time `json:"at"`
	Cycle   int       `json:"cycle"`   // that was not paid
	Reason  string    `json:"reason"`  // needs-new-means or cycle-unpaid
	Code    string    `json:"code"`    // the provider's, of the last refusal
	Message string    `json:"message"` // the provider's documented words for it
}

// Means is the registered payment method.
type Means struct {
	Key       string    `json:"key"`
	Brand     string    `json:"brand"`
	Masked    string    `json:"masked"`
	IssuedAt  time.Time `json:"issuedAt"`
	DeletedAt time.Time `json:"deletedAt"`
	Imported  bool      `json:"imported"` // it was issued elsewhere
}

// Cycle is what became of one cycle. Order(OrderID) tells the rest.
type Cycle struct {
	Number  int       `json:"number"`
	OrderID string    `json:"orderId"`
	At      time.Time `json:"at"`
	Result  string    `json:"result"` // charging, refused, charged or unpaid
	Code    string    `json:"code"`
}

// SubscriptionStep is one transition.
type SubscriptionStep struct {
	At       time.Time          `json:"at"`
	Revision int64              `json:"revision"` // of the record after it
	From     SubscriptionStatus `json:"from"`
	To       SubscriptionStatus `json:"to"`
	Event    string             `json:"event"`
	Note     string             `json:"note"`
}
