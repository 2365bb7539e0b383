// Package tosssim is Toss Payments as our code sees it, restated from the
// provider's public documentation (docs.tosspayments.com, read 2026-11) and
// from published measurements of its test server: the payment window, the
// script that opens it, and the core API v1 for single payments.
//
// It knows nothing of our own code and is strict where the provider is lenient:
// an unknown path or field is an error, and every such slip is kept in
// [Sim.Violations]. What is unknown about the real provider is either an option
// or marked "our choice" in a comment.
package tosssim

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/simulator"
)

// Provider is the name of this provider in ledgers and fault plans.
const Provider = "toss"

// The operations of the API, as fault plans and [Sim.Calls] name them.
const (
	OpConfirm     = "confirm"       // POST /v1/payments/confirm
	OpFind        = "find"          // GET /v1/payments/{paymentKey}
	OpFindByOrder = "find-by-order" // GET /v1/payments/orders/{orderId}
	OpCancel      = "cancel"        // POST /v1/payments/{paymentKey}/cancel
)

// The key pair of a Sim that was given none. Both have the prefix of test keys
// and are plainly not real.
const (
	DefaultSecretKey = "test_sk_SimulatorOnlyNotARealKey"
	DefaultClientKey = "test_ck_SimulatorOnlyNotARealKey"
)

// KeyPair is one merchant account (MID): payments opened with its client key
// can only be confirmed, seen and cancelled with its secret key.
type KeyPair struct {
	Secret string // test_sk_... or live_sk_...
	Client string // test_ck_... or live_ck_...
	MID    string // at most 14 characters; "" means "tsimulator"
}

// Options are the knobs of a Sim. The zero value works.
type Options struct {
	// Now is the provider's clock; default time.Now.
	Now func() time.Time
	// Sleep waits for delay faults; default a real timer. An error only cuts
	// the wait short: the operation is still carried out.
	Sleep func(context.Context, time.Duration) error
	// Ledger gets every movement of money; default one of its own.
	Ledger *ledger.Ledger
	// Faults is asked once per API call; default an empty plan.
	Faults *fault.Plan
	// Lag is how far lookups stand behind; default not at all.
	Lag *lag.Plan
	// Keys are the merchant accounts; default the default pair. The window uses
	// the first one when it is not given a client key.
	Keys []KeyPair
	// NewKey makes payment keys, unique and at most 200 characters; default a
	// hash of Seed and a counter. It must not call the Sim.
	NewKey func() string
	// Seed makes the generated keys of one Sim differ from another's.
	Seed uint64
	// Cache5xx keeps answers of status 5xx under their Idempotency-Key like all
	// others. Whether the real provider does is unknown.
	Cache5xx bool
	// AnswersKept is how long an answer is kept under its Idempotency-Key; default
	// the documented 15 days. Below 0 every one is forgotten as soon as it is said.
	AnswersKept time.Duration
	// PartialCancelable is the isPartialCancelable of all payments. The one
	// published payment with a foreign card has false, hence the default.
	PartialCancelable bool
	// CancelPause is how soon after a cancel another one of the same payment is FORBIDDEN_CONSECUTIVE_REQUEST, which is documented without a time;
	// default never.
	CancelPause time.Duration
	// CancelPauseCode is what such a cancel is refused with instead.
	CancelPauseCode string
	// Webhooks takes the webhooks to deliver, to WebhookURL; nil sends none. It
	// is called under the Sim's lock and must not call the Sim.
	Webhooks   func(hooks.Delivery)
	WebhookURL string
}

// Sim is one simulated Toss Payments. It is an http.Handler, safe for
// concurrent use; mount it under any prefix with http.StripPrefix.
type Sim struct {
	simulator.Notes
	// Ledger is the money moved, Faults the faults to come; see Options.
	Ledger *ledger.Ledger
	Faults *fault.Plan

	lag               *lag.Plan
	now               func() time.Time
	sleep             func(context.Context, time.Duration) error
	keys              []KeyPair
	newKey            func() string
	cache5xx          bool
	answersKept       time.Duration
	partialCancelable bool
	cancelPause       time.Duration
	tooSoon           string

	// mu is never held while a delay fault sleeps.
	mu         sync.Mutex
	payments   map[string]*payment   // by payment key
	orders     map[string][]*payment // by order number, oldest first
	answers    map[scope]*slot       // by idempotency key
	script     []scripted            // of the confirms to come
	attempts   map[string]int        // confirms by order number
	webhooks   func(hooks.Delivery)
	webhookURL string
	ids        simulator.IDs
}

// New returns a Sim with no payments.
func New(o Options) *Sim {
	s := &Sim{
		Ledger: o.Ledger, Faults: o.Faults,
		lag: o.Lag, now: o.Now, sleep: o.Sleep, newKey: o.NewKey, ids: simulator.IDs{Seed: o.Seed},
		cache5xx: o.Cache5xx, answersKept: cmp.Or(o.AnswersKept, idempotencyKept), partialCancelable: o.PartialCancelable,
		cancelPause: o.CancelPause, tooSoon: cmp.Or(o.CancelPauseCode, "FORBIDDEN_CONSECUTIVE_REQUEST"),
		webhooks: o.Webhooks, webhookURL: o.WebhookURL,
		keys:     slices.Clone(o.Keys),
		payments: map[string]*payment{}, orders: map[string][]*payment{}, answers: map[scope]*slot{},
		attempts: map[string]int{},
	}
	if s.Ledger == nil {
		s.Ledger = new(ledger.Ledger)
	}
	if s.Faults == nil {
		s.Faults = new(fault.Plan)
	}
	if s.lag == nil {
		s.lag = new(lag.Plan)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.sleep == nil {
		s.sleep = clock.Timer
	}
	if len(s.keys) == 0 {
		s.keys = []KeyPair{{Secret: DefaultSecretKey, Client: DefaultClientKey}}
	}
	for i := range s.keys {
		s.keys[i].MID = cmp.Or(s.keys[i].MID, "tsimulator")
	}
	if s.newKey == nil {
		s.newKey = func() string { return "tsim" + s.id("payment")[:28] }
	}
	s.lag.Register(Provider)
	s.Faults.Register(Provider, OpConfirm, OpFind, OpFindByOrder, OpCancel)
	return s
}

// ServeHTTP serves the script, the window and the API.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case strings.HasPrefix(path, "/v1/"):
		s.serveAPI(w, r)
	case path == "/v2/standard" && reads:
		simulator.Script(w, sdkSource)
	case path == "/window" && reads:
		s.openWindow(w, r)
	case path == "/window" && r.Method == http.MethodPost:
		s.submitWindow(w, r)
	default:
		s.Violate("%s %s is not a known path", r.Method, path)
		http.NotFound(w, r)
	}
}

// ConfirmAttempts counts the confirm calls that arrived for an order number,
// as Calls does.
func (s *Sim) ConfirmAttempts(orderID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts[orderID]
}

// id returns 32 hexadecimal digits, new on every call and the same for the
// same seed and order of calls. The caller holds mu.
func (s *Sim) id(kind string) string {
	return strings.ToUpper(s.ids.Next(kind))
}
