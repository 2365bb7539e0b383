package payment

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Limits of an order's lifetime. The default suits a buyer who is looking at the page; the maximum a mailed link.
const (
	expiryDefault = time.Hour
	expiryMin     = 5 * time.Minute
	expiryMax     = 7 * 24 * time.Hour
)

// customerIDMax is PortOne's limit of customer_id.
const customerIDMax = 50

// NewOrder is a merchant's request. Its JSON form, fields in this order, is what the digest is made of.
type NewOrder struct {
	OrderID   string                `json:"orderId"` // empty: one is made; then the request cannot be repeated safely
	Provider  string                `json:"provider"`
	Amount    int64                 `json:"amount"`
	Currency  string                `json:"currency"`
	Name      string                `json:"name"`
	Customer  order.Customer        `json:"customer"`
	Language  string                `json:"language"`
	ReturnURL string                `json:"returnUrl"`
	ExpiresAt time.Time             `json:"expiresAt"` // zero: an hour from now
	Toss      *order.TossOptions    `json:"toss"`
	PortOne   *order.PortOneOptions `json:"portone,omitempty"`
	Tax       Tax                   `json:"tax,omitzero"`
	AppScheme string                `json:"appScheme,omitempty"`
	Metadata  map[string]string     `json:"metadata,omitempty"`
}

// FieldError refuses one field of a request, in words for the merchant's engineer.
type FieldError struct{ Field, Problem string }

func (e *FieldError) Error() string { return e.Field + " " + e.Problem }

func badField(name, problem string, a ...any) error {
	return &FieldError{name, fmt.Sprintf(problem, a...)}
}

// ErrOtherBody says that the id is taken by an order made from another request.
var ErrOtherBody = errors.New("an order with this orderId exists and was made from another request")

// Offer is one provider as a merchant can choose it.
type Offer struct {
	Windows   Windows
	AmountMin int64  // the provider takes no less
	NameMax   int    // characters of an order's name
	Keys      string // the account whose keys the deployment has, as Order.Account
	// Fit refuses the merchant's choices for this provider with a *FieldError, and shortens the order's life to what
	// they allow; nil: there is nothing to choose.
	Fit func(o order.Order, now time.Time) (order.Order, error)
	// Registrar is told the amount before the window may open; nil when the provider knows no such thing.
	Registrar Registrar
	// Ready returns an error when the provider cannot be asked at all; nil: it always can.
	Ready func(context.Context) error
}

// ErrNumberTaken says that the provider has the order's number with another amount. The order is stored as failed, and
// nothing under its number is taken for its own.
var ErrNumberTaken = errors.New("the provider has this id with another amount, " +
	"from another system or table on the same merchant account: take another id")

// ErrNotRegistered says that the provider could not be told the order's amount. The order is stored.
var ErrNotRegistered = errors.New("the provider could not be told of the order; send the same request again")

// Merchant serves the private API.
type Merchant struct {
	Orders     Orders
	Settler    *Settler // records refunds and decisions; it asks no provider
	Lister     *Lister
	Offers     map[string]Offer // by provider name
	Mode       string           // test or live
	ReturnURLs ReturnURLs
	Now        func() time.Time
	NewToken   func() string // 128 random bits or more, of A-Z a-z 0-9 _ -
	NewID      func() string // an order id
}

// Created is an order with the window that pays it.
type Created struct {
	Order  order.Order
	Window provider.Window
	New    bool   // false: the same request came before
	Notes  []Note // what of the request could not be used as it came
}

// Create stores a new order before any window opens. The same request again returns the stored order; another request
// under the same id is ErrOtherBody; a field out of limits is a *FieldError. base is the public address of the bundle.
func (m *Merchant) Create(ctx context.Context, r NewOrder, base string) (Created, error) {
	amount, err := m.check(r)
	if err != nil {
		return Created{}, err
	}
	if err := m.checkExpiry(r); err != nil {
		return m.unfit(ctx, r, base, err)
	}
	customer, notes := usable(r.Customer)
	o, offer := m.build(r, amount, customer), m.Offers[r.Provider]
	if offer.Fit != nil {
		if o, err = offer.Fit(o, m.Now()); err != nil {
			return m.unfit(ctx, r, base, err)
		}
	}
	if _, err := offer.Windows.Window(o, provider.Place{Base: base}); err != nil {
		return Created{}, fmt.Errorf("payment: create order: %w", err)
	}
	stored, err := m.Orders.Create(ctx, o)
	made := err == nil
	switch {
	case errors.Is(err, ErrExists) && stored.Request != o.Request:
		return Created{}, ErrOtherBody
	case err != nil && !errors.Is(err, ErrExists):
		return Created{}, fmt.Errorf("payment: create order: %w", err)
	}
	if stored.Ledger.End == ledger.EndTaken {
		return Created{}, ErrNumberTaken
	}
	c, err := m.created(ctx, offer, stored, base, notes)
	switch {
	case errors.Is(err, ErrNumberTaken) && stored.Revision == 1: // nothing has become of it since
		return Created{}, m.taken(ctx, stored)
	case err != nil:
		return Created{}, err
	}
	c.New = made
	return c, nil
}

// taken ends an order that was just made, so that nothing under its number is ever taken for its own.
func (m *Merchant) taken(ctx context.Context, o order.Order) error {
	_, err := m.Settler.rewrite(ctx, o, savesMax, func(o order.Order) (ledger.Order, error) {
		return o.Ledger.Taken(provider.OtherAmount, m.Settler.now()), nil
	})
	if err != nil {
		return fmt.Errorf("payment: create order: %w", err)
	}
	return ErrNumberTaken
}

// created is the answer to a request whose order is stored; the window is of one that can be paid now.
func (m *Merchant) created(
	ctx context.Context, offer Offer, stored order.Order, base string, notes []Note,
) (Created, error) {
	if stored.Status != order.Open || !m.Now().Before(stored.ExpiresAt) {
		return Created{Order: stored, Notes: notes}, nil
	}
	if err := m.register(ctx, offer, stored); err != nil {
		return Created{Order: stored}, err
	}
	window, err := offer.Windows.Window(stored, provider.Place{Base: base})
	return Created{Order: stored, Window: window, Notes: notes}, err
}

// unfit refuses a request, unless it is the repetition of one that was taken: a choice that has become wrong since,
// such as an expiry that has passed, must not turn that into an error.
func (m *Merchant) unfit(ctx context.Context, r NewOrder, base string, cause error) (Created, error) {
	if r.OrderID == "" {
		return Created{}, cause
	}
	stored, err := m.Orders.Get(ctx, r.OrderID)
	switch {
	case errors.Is(err, ErrNotFound) || err == nil && stored.Request != r.digest():
		return Created{}, cause
	case err != nil:
		return Created{}, fmt.Errorf("payment: create order: %w", err)
	}
	_, notes := usable(r.Customer)
	return m.created(ctx, m.Offers[stored.Provider], stored, base, notes)
}

// register tells the provider the amount of an order before its window can open.
func (m *Merchant) register(ctx context.Context, offer Offer, o order.Order) error {
	if offer.Registrar == nil {
		return nil
	}
	if err := ready(ctx, offer.Ready); err != nil {
		return fmt.Errorf("%w: %w: %w", ErrNotRegistered, ErrNotReady, err)
	}
	a := offer.Registrar.Register(ctx, provider.Registration{Number: o.Number(), Amount: o.Amount.Value})
	switch {
	case a.Verdict == provider.Pending:
		return nil
	case a.Code == provider.OtherAmount:
		return ErrNumberTaken
	}
	err := fmt.Errorf("%w: %s", ErrNotRegistered, a.Code)
	if a.Class == provider.ClassCredentials {
		err = fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	if a.Err != nil {
		err = fmt.Errorf("%w: %w", err, a.Err)
	}
	return err
}

// Read returns an order for the merchant, or ErrNotFound.
func (m *Merchant) Read(ctx context.Context, id string) (order.Order, error) {
	if n, err := order.ParseNumber(id); err != nil || n.OrderID() != id {
		return order.Order{}, ErrNotFound
	}
	return m.Orders.Get(ctx, id)
}

func (m *Merchant) build(r NewOrder, amount money.Amount, customer order.Customer) order.Order {
	now := m.Now().UTC()
	o := order.Order{
		ID: r.OrderID, Provider: r.Provider, Mode: m.Mode, Account: m.Offers[r.Provider].Keys,
		Amount: amount, Name: r.Name, Customer: customer, Language: r.Language, ReturnURL: r.ReturnURL,
		Request: r.digest(), LinkToken: m.NewToken(), CreatedAt: now, ExpiresAt: r.ExpiresAt.UTC(),
	}
	if o.ID == "" {
		o.ID = m.NewID()
	}
	if r.ExpiresAt.IsZero() {
		o.ExpiresAt = now.Add(expiryDefault)
	}
	if r.Toss != nil {
		o.Toss = *r.Toss
	}
	if r.PortOne != nil {
		o.PortOne = *r.PortOne
	}
	o.Extras = order.Extras{Tax: r.Tax.order(), AppScheme: r.AppScheme, Metadata: metadataText(r.Metadata)}
	return order.New(o)
}

func (r NewOrder) digest() string {
	r.ExpiresAt = r.ExpiresAt.UTC() // the same time in another zone is the same request
	return digestOf(r)
}

// digestOf names a request: two requests are the same when every field is.
func digestOf(request any) string {
	text, err := json.Marshal(request)
	if err != nil {
		panic("payment: a request always has a JSON form: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func (m *Merchant) check(r NewOrder) (money.Amount, error) {
	if r.OrderID != "" && order.CheckID(r.OrderID) != nil {
		return money.Amount{}, &FieldError{"orderId", order.ErrID.Error()}
	}
	offer, ok := m.Offers[r.Provider]
	if !ok {
		return money.Amount{}, &FieldError{"provider", "must be one this deployment offers: " + m.offered()}
	}
	amount, err := money.New(r.Amount, money.Currency(r.Currency))
	switch {
	case errors.Is(err, money.ErrCurrency):
		return money.Amount{}, &FieldError{"currency", "must be KRW"}
	case err != nil:
		return amount, badField("amount", "must be a whole number from %d to %d", offer.AmountMin, int64(money.Max))
	case r.Amount < offer.AmountMin:
		return amount, badField("amount", "must be at least %d: the provider takes no less", offer.AmountMin)
	}
	return amount, cmp.Or(checkText("name", r.Name, 1, offer.NameMax), m.checkRest(r), r.checkExtras(),
		checkText("customer.id", r.Customer.ID, 0, customerIDMax))
}

func (m *Merchant) checkRest(r NewOrder) error {
	switch r.Language {
	case "", "ko", "en", "ja", "zh":
	default:
		return &FieldError{"language", "must be ko, en, ja or zh"}
	}
	if r.Toss != nil && r.Provider != "toss" {
		return &FieldError{"toss", "is only for provider toss"}
	}
	if r.PortOne != nil && r.Provider != "portone" {
		return &FieldError{"portone", "is only for provider portone"}
	}
	if r.ReturnURL != "" {
		if err := m.ReturnURLs.Check(r.ReturnURL); err != nil {
			return &FieldError{"returnUrl", err.Error()}
		}
	}
	return nil
}

func (m *Merchant) checkExpiry(r NewOrder) error {
	if in := r.ExpiresAt.Sub(m.Now()); !r.ExpiresAt.IsZero() && (in < expiryMin || in > expiryMax) {
		return &FieldError{"expiresAt", "must be from 5 minutes to 7 days ahead"}
	}
	return nil
}

func (m *Merchant) offered() string { return strings.Join(slices.Sorted(maps.Keys(m.Offers)), ", ") }
