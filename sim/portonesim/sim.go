// Package portonesim is PortOne V1 with Toss Pay (PG tosspay_v2) as our code
// sees it, restated from the provider's public documentation and API schema
// (developers.portone.io and its V1 schema, read 2026-11) and from published
// traces of its answers: the REST API, the script iamport.js, the payment
// window, billing keys and webhooks.
//
// It knows nothing of our own code and is strict where the provider is lenient:
// an unknown path or field is an error, and every such slip is kept in
// [Sim.Violations]. Where the provider promises nothing, it does the worst:
// charges of the same merchant_uid at the same time all take money. What is
// unknown about the real provider is either an option or marked "our choice" in
// a comment.
package portonesim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
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
const Provider = "portone"

// The operations, as fault plans and [Sim.Calls] name them.
const (
	OpToken            = "token"             // POST /users/getToken
	OpPayment          = "payment"           // GET /payments/{imp_uid}
	OpFind             = "find"              // GET /payments/find/{merchant_uid}[/{status}]
	OpFindAll          = "find-all"          // GET /payments/findAll/{merchant_uid}[/{status}]
	OpList             = "list"              // GET /payments/status/{status}
	OpPrepare          = "prepare"           // POST /payments/prepare
	OpChangePrepare    = "change-prepare"    // PUT /payments/prepare
	OpFindPrepare      = "find-prepare"      // GET /payments/prepare/{merchant_uid}
	OpCancel           = "cancel"            // POST /payments/cancel
	OpAgain            = "again"             // POST /subscribe/payments/again
	OpCustomer         = "customer"          // GET /subscribe/customers/{customer_uid}
	OpDeleteCustomer   = "delete-customer"   // DELETE /subscribe/customers/{customer_uid}
	OpCustomerPayments = "customer-payments" // GET /subscribe/customers/{customer_uid}/payments
	OpSchedules        = "schedules"         // GET /subscribe/customers/{customer_uid}/schedules
	OpConfirmGate      = "confirm-gate"      // the question at confirm_url
	OpWebhook          = "webhook"           // a webhook of ours: delay sends it late, lose-reply twice, any other fault not at all
)

// The merchant of a Sim that was given none, and the provider's public test
// channel, which every merchant has. All are plainly not real.
const (
	DefaultImpKey     = "SimulatorOnlyImpKey"
	DefaultImpSecret  = "SimulatorOnlyImpSecretNotARealSecret"
	DefaultUserCode   = "imp00000000"
	DefaultMID        = "tosssimulator"
	DefaultChannelKey = "channel-key-00000000-simulator-only"
	TestMID           = "tosstest"
	TestChannelKey    = "channel-key-00000000-simulator-test"
)

// Account is one merchant of the provider: payments opened with its user code
// can only be seen and cancelled with its API key. Empty fields get the default.
type Account struct {
	ImpKey, ImpSecret string // of the REST API
	UserCode          string // of IMP.init
	MID               string // at Toss Pay; the pg_id of its payments
	ChannelKey        string // names the channel with that MID
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
	// Faults is asked once per API call and webhook; default an empty plan.
	Faults *fault.Plan
	// Lag is how far lookups stand behind; default not at all.
	Lag *lag.Plan
	// Accounts are the merchants; default the default one. The window uses the
	// first one when it is not given a user code.
	Accounts []Account
	// Sandbox makes the channels of all accounts test channels, so that every
	// payment has sandbox true. Without it a payment that is opened with
	// TestChannelKey or TestMID still does: that is how an attacker pays with
	// money that does not exist.
	Sandbox bool
	// NewID makes the digits of an imp_uid, unique and at most 27 of them;
	// default a counter, scattered by Seed. It must not call the Sim.
	NewID func() string
	// Seed makes the generated keys of one Sim differ from another's.
	Seed uint64

	// Webhooks gets every webhook, usually the Deliver of a hooks.Queue;
	// default none is sent. It must not call the Sim.
	Webhooks func(hooks.Delivery)
	// ConsoleURL is the address registered in the provider's console. It gets
	// the webhooks of payments without a notice_url; "" drops those.
	ConsoleURL string
	// WebhookForm sends x-www-form-urlencoded instead of JSON.
	WebhookForm bool
	// WebhookDelay is the time from what happened to its webhook; default none.
	// The provider's is not documented.
	WebhookDelay time.Duration
	// Resend repeats webhooks that got a 5xx or no answer, which the provider
	// only does on request.
	Resend bool

	// Confirm carries the question that is asked at confirm_url before a window
	// captures; default http.DefaultTransport. Redirects are not followed.
	Confirm http.RoundTripper
	// ConfirmTimeout is how long the answer is waited for; default 5 s. The
	// provider's documents say 10 s and 5 s.
	ConfirmTimeout time.Duration
	// ConfirmTwice asks a second time when the first question got no answer.
	// Whether the provider does is not documented.
	ConfirmTwice bool

	// RedirectWithoutImpUID leaves imp_uid out of a successful return, as in
	// the documentation's own example.
	RedirectWithoutImpUID bool
	// LegacyImpSuccess adds the imp_success of older scripts and redirects.
	LegacyImpSuccess bool
	// IgnorePrepare lets a window open with another amount than prepare
	// registered.
	IgnorePrepare bool
	// TwoWindowsCapture lets every window that was opened before the first one
	// was approved take money. Without it the later ones are refused. Which of
	// the two the provider does is unknown.
	TwoWindowsCapture bool
	// RefundMax is what may be refunded at once: more is over the shop's limit of the day; 0: no limit.
	RefundMax int64
	// AgainShowsReady makes a charge under way visible as a payment in ready;
	// without it lookups find nothing until the charge is carried out.
	AgainShowsReady bool
	// PartialCancelIsCancelled is the status after a partial cancel: cancelled
	// instead of paid. Not documented.
	PartialCancelIsCancelled bool
	// UnknownCustomerIs200 answers a lookup of an unknown customer_uid as older
	// traces show it: 200 and code 1 instead of 404.
	UnknownCustomerIs200 bool
	// KeysAreAccounts issues keys for a bank account, with no card in them.
	KeysAreAccounts bool
	// PayMethod is the pay_method that payments report; default tosspay. What
	// the provider reports for tosspay_v2 is unknown.
	PayMethod string
	// PGProvider is the pg_provider that payments report; default tosspay_v2.
	// No published payment of tosspay_v2 shows it.
	PGProvider string
}

// Sim is one simulated PortOne. It is an http.Handler, safe for concurrent use;
// mount it under any prefix with http.StripPrefix.
type Sim struct {
	simulator.Notes
	// Ledger is the money moved, Faults the faults to come; see Options.
	Ledger *ledger.Ledger
	Faults *fault.Plan

	o        Options // as completed by New; read only
	accounts []*account

	// mu is never held while a delay fault sleeps.
	mu        sync.Mutex
	payments  map[string]*payment   // by imp_uid
	orders    map[string][]*payment // by merchant_uid, oldest first
	prepared  map[merchantUID]prepared
	customers map[customerUID]*customer
	scheduled map[customerUID][]schedule
	script    []scripted     // of the charges to come
	charges   map[string]int // calls of again by merchant_uid
	ids       simulator.IDs
	impUIDs   uint64
	started   int // payments
}

// account is an Account and its token. Sim.mu guards the token.
type account struct {
	Account
	token     string
	expiresAt int64 // unix seconds; 0: no token yet
}

// merchantUID and customerUID are unique within their account.
type (
	merchantUID struct {
		owner *account
		uid   string
	}
	customerUID struct {
		owner *account
		uid   string
	}
)

// New returns a Sim with no payments.
func New(o Options) *Sim {
	if o.Ledger == nil {
		o.Ledger = new(ledger.Ledger)
	}
	if o.Faults == nil {
		o.Faults = new(fault.Plan)
	}
	if o.Lag == nil {
		o.Lag = new(lag.Plan)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = clock.Timer
	}
	if o.Confirm == nil {
		o.Confirm = http.DefaultTransport
	}
	o.ConfirmTimeout = cmp.Or(o.ConfirmTimeout, confirmTimeout)
	if o.Webhooks == nil {
		o.Webhooks = func(hooks.Delivery) {}
	}
	if len(o.Accounts) == 0 {
		o.Accounts = []Account{{}}
	}
	o.PayMethod, o.PGProvider = cmp.Or(o.PayMethod, "tosspay"), cmp.Or(o.PGProvider, "tosspay_v2")
	s := &Sim{
		Ledger: o.Ledger, Faults: o.Faults, o: o,
		payments: map[string]*payment{}, orders: map[string][]*payment{},
		prepared: map[merchantUID]prepared{}, customers: map[customerUID]*customer{}, scheduled: map[customerUID][]schedule{},
		charges: map[string]int{}, ids: simulator.IDs{Seed: o.Seed},
	}
	if s.o.NewID == nil {
		s.o.NewID = s.nextImpUID
	}
	for _, a := range o.Accounts {
		s.accounts = append(s.accounts, &account{Account: Account{
			ImpKey: cmp.Or(a.ImpKey, DefaultImpKey), ImpSecret: cmp.Or(a.ImpSecret, DefaultImpSecret),
			UserCode: cmp.Or(a.UserCode, DefaultUserCode),
			MID:      cmp.Or(a.MID, DefaultMID), ChannelKey: cmp.Or(a.ChannelKey, DefaultChannelKey),
		}})
	}
	s.o.Lag.Register(Provider)
	s.Faults.Register(Provider, OpToken, OpPayment, OpFind, OpFindAll, OpList, OpPrepare, OpChangePrepare, OpFindPrepare,
		OpCancel, OpAgain, OpCustomer, OpDeleteCustomer, OpCustomerPayments, OpSchedules, OpConfirmGate, OpWebhook)
	return s
}

// ServeHTTP serves the scripts, the window and the API.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case path == "/v1/iamport.js" && reads:
		simulator.Script(w, sdkSource)
	case path == "/window.js" && reads:
		simulator.Script(w, windowScript)
	case path == "/window" && reads:
		s.openWindow(w, r)
	case path == "/window" && r.Method == http.MethodPost:
		s.submitWindow(w, r)
	case strings.HasPrefix(path, "/users/"), strings.HasPrefix(path, "/payments"), strings.HasPrefix(path, "/subscribe/"):
		s.serveAPI(w, r)
	default:
		s.Violate("%s %s is not a known path", r.Method, path)
		http.NotFound(w, r)
	}
}

// ChargeAttempts counts the calls of again that arrived for a merchant_uid, as
// Calls does.
func (s *Sim) ChargeAttempts(merchantUID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.charges[merchantUID]
}

// id returns 32 hexadecimal digits, new on every call and the same for the
// same seed and order of calls. The caller holds mu.
func (s *Sim) id(kind string) string {
	return s.ids.Next(kind)
}

// nextImpUID returns 12 digits, as the provider's have. The multiplier has no
// factor in common with 10^12, so they all differ (until the product overflows,
// after 47 million). The caller holds mu.
func (s *Sim) nextImpUID() string {
	const digits = 1_000_000_000_000
	s.impUIDs++
	return fmt.Sprintf("%012d", (s.impUIDs*387_420_489_001+s.o.Seed%digits)%digits)
}
