package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// Deadlines of the doors a buyer waits at: for the provider, and to record what it said. They are well inside the 29 s
// of the function and the 30 s of API Gateway.
const (
	CallMax    = 12 * time.Second
	SettleKeep = 3 * time.Second
)

// waitStep is the first pause of a request that waits for another to settle the order; it doubles up to waitStepMax.
const (
	waitStep    = 100 * time.Millisecond
	waitStepMax = time.Second
)

// Gateway is one provider as the settling doors need it.
type Gateway struct {
	Finder    Finder
	Confirmer Confirmer // nil when the provider's window takes the money by itself
	Canceler  Canceler
	Charger   Charger   // nil when the provider charges no billing keys here
	Registrar Registrar // nil when the provider knows no amounts beforehand
	Timing    provider.Timing
	Keys      string // the account whose keys the deployment has, as Order.Account; empty: not known
	Account   string // the merchant account payments must have gone to, in the provider's words; empty: not checked
	// Ready returns an error, in words for the operator, when the provider cannot be asked at all: no secret, or a key
	// of the wrong mode.
	Ready func(context.Context) error
	// Previous, when set, returns the gateway of an account whose keys the deployment had before; ok is false when its
	// secret does not hold them any more. It only finds and cancels.
	Previous func(ctx context.Context, account string) (g Gateway, ok bool)
}

// Settler moves orders by the provider's word. Every entry point writes a request, or notes one, and ends in process.
type Settler struct {
	Orders   Orders
	Claims   Claims
	Gateways map[string]Gateway // by provider name
	Now      func() time.Time
	// Wait sleeps, or returns early with the context's error.
	Wait func(context.Context, time.Duration) error
	Log  *slog.Logger
	// KeepLate takes money that comes after an order was closed as payment, instead of giving it back.
	KeepLate bool
	// RestoredTo is the time to which the table was restored from a backup; zero: it never was.
	RestoredTo time.Time
	// Paid, when set, records in the subscription that a cycle's order was paid without its worker: the subscription
	// may rest, and be looked at by nobody. It returns the order.
	Paid func(context.Context, order.Order) order.Order
}

// Return is what the success redirect brought: untrusted, every part of it.
type Return struct {
	Provider  string // of our own path, as are
	OrderID   string
	LinkToken string
	Number    string // orderId of the query
	Key       string // paymentKey of the query
	Amount    string // amount of the query
}

// Outcome says what a buyer's return came to, beside the order's status.
type Outcome string

// The outcomes.
const (
	Settled  Outcome = "settled"  // the order's status tells all
	Tampered Outcome = "tampered" // the redirect has another amount: nothing was asked, the order stays payable
	Stale    Outcome = "stale"    // the redirect of an attempt that is over
)

// Result is the order after a buyer's return.
type Result struct {
	Order   order.Order
	Outcome Outcome
	Attempt int // the attempt the redirect speaks of
}

// ErrNotReady says that the deployment's provider settings are wrong. Nothing was claimed; the buyer's authenticated
// payment can be confirmed by a reload once they are mended, within the provider's window.
var ErrNotReady = errors.New("the provider cannot be asked")

// ErrReturn refuses a redirect that our own window cannot have caused.
var ErrReturn = errors.New("not a redirect of this order")

// Confirm takes the money of an authenticated payment, once, whatever happens meanwhile.
//
// Phase 1 claims the order: one conditional write that also checks link token, attempt and amount. Only its winner
// calls the provider. Phase 2 asks the provider to take the money, and if the answer proves nothing, what became of
// it. Phase 3 records what the answers prove. A crash between any two leaves a processing order with a due time.
func (s *Settler) Confirm(ctx context.Context, r Return) (Result, error) {
	claim, err := s.claimOf(r)
	if err != nil {
		return Result{}, err
	}
	if err := ready(ctx, s.Gateways[r.Provider].Ready); err != nil {
		return s.unready(ctx, r, err)
	}
	o, err := s.Claims.Claim(ctx, claim)
	result := Result{Order: o, Outcome: Settled, Attempt: claim.Attempt}
	var refusal *order.Refusal
	switch {
	case err == nil:
		claimed := o.Ledger.Requests[len(o.Ledger.Requests)-1]
		result.Order, err = s.process(ctx, o, ledger.Work{Visit: ledger.Visit{Fresh: &claimed}})
	case !errors.As(err, &refusal):
		return Result{}, err
	case refusal.Reason == order.WrongLink:
		return Result{}, ErrNotFound
	case refusal.Reason == order.WrongAmount:
		result.Outcome = Tampered
		return result, nil
	default:
		if o.Attempt != claim.Attempt {
			result.Outcome = Stale
		}
		result.Order, err = s.await(ctx, o, ledger.Visit{})
	}
	return result, err
}

// unready still shows an order that needs no provider any more.
func (s *Settler) unready(ctx context.Context, r Return, cause error) (Result, error) {
	logUnready(ctx, s.Log, cause, "orderId", r.OrderID)
	o, err := readByLink(ctx, s.Orders, r.OrderID, r.LinkToken)
	if err != nil {
		return Result{}, err
	}
	if o.Status != order.Open {
		return Result{Order: o, Outcome: Settled, Attempt: o.Attempt}, nil
	}
	return Result{}, ErrNotReady
}

// claimOf checks the form of a redirect. Its truth is checked by the claim's conditions and by the provider.
func (s *Settler) claimOf(r Return) (order.Claim, error) {
	own, err := order.ParseNumber(r.OrderID)
	if _, ok := s.Gateways[r.Provider]; !ok {
		return order.Claim{}, ErrNotFound
	}
	if err != nil || own.OrderID() != r.OrderID || r.LinkToken == "" {
		return order.Claim{}, ErrNotFound
	}
	number, err := order.ParseNumber(r.Number)
	if err != nil || number.OrderID() != r.OrderID {
		return order.Claim{}, fmt.Errorf("%w: orderId", ErrReturn)
	}
	if !isPaymentKey(r.Key) {
		return order.Claim{}, fmt.Errorf("%w: paymentKey", ErrReturn)
	}
	if !isDigits(r.Amount) {
		return order.Claim{}, fmt.Errorf("%w: amount", ErrReturn)
	}
	// A number that is no amount, such as 0, becomes the zero amount, which no order has: tampering, no typing error.
	amount, _ := money.Parse(r.Amount, money.KRW)
	now := s.now()
	return order.Claim{
		OrderID: r.OrderID, Provider: r.Provider, LinkToken: r.LinkToken,
		Attempt: number.Attempt, Amount: amount, Key: r.Key, At: now, AskAfter: now.Add(CallMax + SettleKeep),
	}, nil
}

// paymentKeyMax is Toss Payments' documented limit (docs.tosspayments.com/reference).
const paymentKeyMax = 200

const keyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-="

func isPaymentKey(s string) bool {
	if s == "" || len(s) > paymentKeyMax {
		return false
	}
	for _, b := range []byte(s) {
		if strings.IndexByte(keyBytes, b) < 0 {
			return false
		}
	}
	return true
}

func isDigits(s string) bool {
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 20
}
