package handler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// Merchant is the private API's door. API Gateway has checked the caller's signature (IAM) before it is called.
func Merchant(m *payment.Merchant, e *payment.Enroller, log *slog.Logger, publicBase string) Door {
	h := merchant{m, e, log, publicBase}
	return serve(log, map[string]route{
		"POST /orders":                       h.create,
		"GET /orders":                        h.listOrders,
		"GET /orders/{orderId}":              h.read,
		"POST /orders/{orderId}/refunds":     h.refund,
		"POST /orders/{orderId}/resolve":     h.resolve,
		"POST /subscriptions":                h.subscribing(h.subscribe),
		"GET /subscriptions":                 h.subscribing(h.listSubscriptions),
		"GET /subscriptions/{id}":            h.subscribing(h.subscription),
		"POST /subscriptions/{id}/pause":     h.subscribing(h.pause),
		"POST /subscriptions/{id}/resume":    h.subscribing(h.managed(e.Resume)),
		"POST /subscriptions/{id}/cancel":    h.subscribing(h.cancel),
		"POST /subscriptions/{id}/plan":      h.subscribing(h.changePlan),
		"POST /subscriptions/{id}/renew-key": h.subscribing(h.renewKey),
	}, func(r Request, status int) Response {
		if status == http.StatusServiceUnavailable {
			return errorResponse(status, "TRY_AGAIN",
				"this deployment's settings for the provider are wrong; the config.error line in its log says which")
		}
		return errorResponse(status, "INTERNAL",
			"the request could not be served; quote request "+r.RequestContext.RequestID)
	})
}

type merchant struct {
	use    *payment.Merchant
	enroll *payment.Enroller
	log    *slog.Logger
	base   string
}

// createBody is POST /orders. Unknown fields are refused: a misspelt option must not be a default silently.
type createBody struct {
	OrderID   string                `json:"orderId"`
	Provider  string                `json:"provider"`
	Amount    *int64                `json:"amount"`
	Currency  string                `json:"currency"`
	Name      string                `json:"name"`
	Customer  order.Customer        `json:"customer"`
	Language  string                `json:"language"`
	ReturnURL string                `json:"returnUrl"`
	ExpiresAt time.Time             `json:"expiresAt"`
	Toss      *order.TossOptions    `json:"toss"`
	PortOne   *order.PortOneOptions `json:"portone"`
	TaxFree   int64                 `json:"taxFreeAmount"`
	VAT       *int64                `json:"vatAmount"`
	AppScheme string                `json:"appScheme"`
	Metadata  map[string]string     `json:"metadata"`
}

// orderBody is an order as the merchant sees it.
type orderBody struct {
	OrderID  string         `json:"orderId"`
	Status   order.Status   `json:"status"`
	Provider string         `json:"provider"`
	Mode     string         `json:"mode"`
	Amount   int64          `json:"amount"`
	Currency money.Currency `json:"currency"`
	Name     string         `json:"name"`
	Attempt  int            `json:"attempt"`
	// Revision grows by 1 with every write of what happened; an event's sequence is one of them.
	Revision    int64      `json:"revision"`
	CreatedAt   time.Time  `json:"createdAt"`
	ExpiresAt   time.Time  `json:"expiresAt"`
	DueAt       *time.Time `json:"dueAt,omitempty"`
	CustomerID  string     `json:"customerId,omitempty"`
	Attention   string     `json:"attention,omitempty"`   // why a person should look at it
	CheckoutURL string     `json:"checkoutUrl,omitempty"` // none of a cycle: its subscription's means pays it
	taxBody
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// taxBody shows the parts of an amount, as far as the merchant has given them.
type taxBody struct {
	TaxFree int64  `json:"taxFreeAmount,omitempty"`
	VAT     *int64 `json:"vatAmount,omitempty"`
}

func taxOf(t order.Tax) taxBody {
	b := taxBody{TaxFree: t.Free}
	if t.GivenVAT {
		b.VAT = &t.VAT
	}
	return b
}

// createdBody adds what a page of the merchant's own needs to open the window: Window is exactly the object the
// provider's SDK takes.
type createdBody struct {
	orderBody
	Window json.RawMessage `json:"window"`
	SDK    sdkBody         `json:"sdk"`
	Notes  []noteBody      `json:"notes,omitempty"`
}

// noteBody says what of a request was taken, and was not used as it came.
type noteBody struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

func notesOf(notes []payment.Note) []noteBody {
	var list []noteBody
	for _, n := range notes {
		list = append(list, noteBody{n.Field, n.Field + " " + n.Problem})
	}
	return list
}

type sdkBody struct {
	Script      string `json:"script"`
	ClientKey   string `json:"clientKey"`
	CustomerKey string `json:"customerKey,omitempty"`
}

// readBody adds what happened to the money and why we say so.
type readBody struct {
	orderBody
	Payment  *paymentBody  `json:"payment,omitempty"`
	Payments []lineBody    `json:"payments"` // every payment the provider has shown under a number of the order
	Requests []requestBody `json:"requests"` // what is open, and the refunds
	History  []stepBody    `json:"history"`
}

type paymentBody struct {
	Key            string    `json:"key"`
	TransactionKey string    `json:"transactionKey,omitempty"`
	Attempt        int       `json:"attempt"`
	Amount         int64     `json:"amount"`
	Balance        int64     `json:"balance"`
	ApprovedAt     time.Time `json:"approvedAt"`
	ReceiptURL     string    `json:"receiptUrl,omitempty"`
	paidWithBody
}

type stepBody struct {
	At       time.Time    `json:"at"`
	From     order.Status `json:"from,omitempty"`
	To       order.Status `json:"to"`
	Event    string       `json:"event"`
	Attempt  int          `json:"attempt"`
	Note     string       `json:"note,omitempty"`
	Reversal string       `json:"reversal,omitempty"` // why money must be given back since then; done: it is back
	Revision int64        `json:"revision"`
}

func (h merchant) create(ctx context.Context, r Request) (Response, error) {
	in, refusal := decodeCreate(r)
	if refusal != nil {
		return *refusal, nil
	}
	if refusal := named(r, &in.OrderID, orderIDMax); refusal != nil {
		return *refusal, nil
	}
	base := baseURL(h.base, r)
	created, err := h.use.Create(ctx, in, base)
	var field *payment.FieldError
	switch {
	case errors.As(err, &field):
		return invalidField(field.Field, field.Error()), nil
	case errors.Is(err, payment.ErrNotRegistered):
		if errors.Is(err, payment.ErrNotReady) {
			h.log.ErrorContext(ctx, "the provider cannot be asked", "event", "config.error", "cause", err.Error())
		}
		return errorResponse(http.StatusServiceUnavailable, "TRY_AGAIN", payment.ErrNotRegistered.Error()), err
	case errors.Is(err, payment.ErrOtherBody):
		return fieldResponse(http.StatusConflict, "ORDER_EXISTS", "orderId", err.Error()), nil
	case errors.Is(err, payment.ErrNumberTaken):
		return fieldResponse(http.StatusConflict, "ORDER_TAKEN", "orderId", err.Error()), nil
	case err != nil:
		return Response{}, err
	}
	status := http.StatusOK
	if created.New {
		status = http.StatusCreated
		h.log.InfoContext(ctx, "an order was made",
			"event", "order.created", "orderId", created.Order.ID, "provider", created.Order.Provider,
			"amount", created.Order.Amount.Value, "currency", string(created.Order.Amount.Currency))
	}
	return jsonResponse(status, createdBody{
		h.bodyOf(created.Order, base), created.Window.Params, sdkOf(created.Window), notesOf(created.Notes),
	}), nil
}

func (h merchant) read(ctx context.Context, r Request) (Response, error) {
	o, err := h.use.Read(ctx, r.PathParameters["orderId"])
	if errors.Is(err, payment.ErrNotFound) {
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such order"), nil
	}
	if err != nil {
		return Response{}, err
	}
	return jsonResponse(http.StatusOK, h.readOf(o, baseURL(h.base, r))), nil
}

// decodeCreate reads the body strictly and names the field that is wrong.
func decodeCreate(r Request) (payment.NewOrder, *Response) {
	var in createBody
	if refusal := decode(r, &in, "expiresAt"); refusal != nil {
		return payment.NewOrder{}, refusal
	}
	if in.Amount == nil {
		response := invalidField("amount", "amount is required: a whole number of won")
		return payment.NewOrder{}, &response
	}
	return payment.NewOrder{
		OrderID: in.OrderID, Provider: in.Provider, Amount: *in.Amount, Currency: in.Currency, Name: in.Name,
		Customer: in.Customer, Language: in.Language, ReturnURL: in.ReturnURL, ExpiresAt: in.ExpiresAt,
		Toss: in.Toss, PortOne: in.PortOne,
		Tax: payment.Tax{Free: in.TaxFree, VAT: in.VAT}, AppScheme: in.AppScheme, Metadata: in.Metadata,
	}, nil
}

func (h merchant) bodyOf(o order.Order, base string) orderBody {
	b := orderBody{
		OrderID: o.ID, Status: o.Status, Provider: o.Provider, Mode: o.Mode,
		Amount: o.Amount.Value, Currency: o.Amount.Currency,
		Name: o.Name, Attempt: o.Attempt, Revision: o.Revision, CreatedAt: o.CreatedAt, ExpiresAt: o.ExpiresAt,
	}
	b.taxBody = taxOf(o.Extras.Tax)
	if o.Extras.Metadata != "" {
		b.Metadata = json.RawMessage(o.Extras.Metadata)
	}
	if o.BillingKey == "" {
		b.CheckoutURL = checkoutURL(o, base)
	}
	b.CustomerID, b.Attention = o.Customer.ID, o.Attention(h.use.Now())
	if !o.DueAt.IsZero() {
		b.DueAt = &o.DueAt
	}
	return b
}

func (h merchant) readOf(o order.Order, base string) readBody {
	b := readBody{orderBody: h.bodyOf(o, base), Payments: linesOf(o), Requests: requestsOf(o), History: []stepBody{}}
	b.Payment = paymentOf(o)
	for _, s := range o.History {
		b.History = append(b.History, stepBody(s))
	}
	return b
}

// paymentOf is the payment that pays the order, or nil.
func paymentOf(o order.Order) *paymentBody {
	c := o.Capture
	if c.Key == "" {
		return nil
	}
	return &paymentBody{
		Key: c.Key, TransactionKey: c.TransactionKey, Attempt: c.Attempt, Amount: c.Amount.Value, Balance: c.Balance,
		ApprovedAt: c.ApprovedAt, ReceiptURL: c.ReceiptURL, paidWithBody: paidWithOf(c.PaidWith()),
	}
}

func sdkOf(w provider.Window) sdkBody {
	return sdkBody{Script: w.Script, ClientKey: w.ClientKey, CustomerKey: w.CustomerKey}
}

func checkoutURL(o order.Order, base string) string { return base + "/pay/" + o.ID + "/" + o.LinkToken }
