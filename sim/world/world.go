// Package world is the outside world and the bundle in one process: the simulated providers, the real doors behind real API Gateway
// events, and the controls that bend the world. The laptop mode serves it on a port; tests drive it in memory.
package world

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/gateway"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/lag"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/wire"
)

// Options of a world. The zero value is one in memory with the real clock.
type Options struct {
	Base       string                                     // public address; empty: http://127.0.0.1
	Functions  string                                     // public address of the real functions, which live by the real clock; empty: only here
	Token      string                                     // of the webhook routes; empty: WebhookToken
	Store      payment.Store                              // empty: memstore
	Lists      payment.Lists                              // of the same table; empty: the store's own, if it has lists
	Transport  http.RoundTripper                          // to the providers; empty: in memory
	Clock      *clock.Clock                               // of everything in it; empty: one over Now and Wait
	Now        func() time.Time                           // empty: the real clock
	Wait       func(context.Context, time.Duration) error // empty: a real timer
	Log        *slog.Logger                               // empty: none
	ReturnURLs string                                     // allow-list
	Toss       tosssim.Options                            // Now, Ledger, Faults, Lag and Webhooks are set here, as in
	PortOne    portonesim.Options
	Unheard    bool      // no address for webhooks is registered at Toss Payments: nobody tells what happened there
	NoticeDays int       // as boot.Parts
	KeepLate   bool      // late money is kept
	RestoredTo time.Time // the store was put back to how it was then
	// ConfirmGate lets PortOne ask before an order's window captures, as parameter PortOneConfirmGate does.
	ConfirmGate bool
	// Account is a digit, usually none: the deployment has the keys of another account then, whose Toss Payments and PortOne know nothing of what
	// the usual one's did. With another world's Store and Clock it is what an operator's new keys make of that one.
	Account string
	// Before is the deployment before this one: its providers, table and clock stay. This one has the keys of account 2 of the same providers, and
	// its secrets hold the first ones as previous.
	Before *World
	// Beside is another deployment on the same merchant account: its providers and clock are this one's, too, and its table is not.
	Beside *World
	// Ahead is how far the clock of this deployment's functions is ahead of the world's, which is the providers'; below 0 it is behind. Two
	// deployments of one Store (Beside), with different clocks, are two environments of one function.
	Ahead time.Duration
	Mode  string // empty: test
	// Merchant wraps the merchant's door, such as in a test that looks at each of its answers; empty: nothing does.
	Merchant func(handler.Door) handler.Door
	// Edit changes what the doors are wired with, last of all; empty: nothing does.
	Edit  func(*boot.Parts)
	Tells bool // what happens in the embedded store becomes events: GET /sim/events
	// MerchantWebhook gets them, too, signed with MerchantSecret, when Tells; http or https, wherever it is.
	MerchantWebhook string
}

// World is one.
type World struct {
	Toss     *tosssim.Sim
	PortOne  *portonesim.Sim
	Hooks    *hooks.Queue
	Faults   *fault.Plan
	Lag      *lag.Plan
	Ledger   *ledger.Ledger
	Store    payment.Store
	Clock    *clock.Clock
	Parts    boot.Parts
	Settler  *payment.Settler
	Enroller *payment.Enroller
	Progress func(Report) // called once a second of real time during a long Advance; may be nil. Set it before use
	charge   handler.ChargeDoor
	made     index
	attempts atomic.Int64 // of webhooks
	advances sync.Mutex
	realTime bool // the clock cannot be advanced
	ahead    time.Duration
	told     *teller
	mux      *http.ServeMux
}

// WebhookToken is the token of the webhook routes in every world that is given none.
const WebhookToken = "simulated-webhook-token"

// WebhookDelay is how long after a payment PortOne's webhook comes in worlds that look like the real one: after whoever made the payment has
// recorded it, so that a webhook finds nobody at work and need not wait. Without it (the zero value of the option) both meet at one instant,
// which is the harder case.
const WebhookDelay = 2 * time.Second

// New builds a world.
func New(o Options) (*World, error) {
	providers := o.Beside
	if o.Before != nil {
		providers, o.Store, o.Account = o.Before, o.Before.Store, secondAccount
	}
	if providers != nil {
		o.Clock = providers.Clock
	}
	o = o.withDefaults()
	w := &World{Faults: &fault.Plan{}, Lag: &lag.Plan{}, Ledger: &ledger.Ledger{}, Store: o.Store, Clock: o.Clock, mux: http.NewServeMux()}
	w.realTime, w.ahead = o.Functions != o.Base, o.Ahead
	deliveries := o.Transport
	if deliveries == nil {
		deliveries = wire.Transport(w)
	}
	if providers != nil {
		w.Faults, w.Lag, w.Ledger, w.Hooks = providers.Faults, providers.Lag, providers.Ledger, providers.Hooks
		w.Toss, w.PortOne = providers.Toss, providers.PortOne
	} else {
		w.Hooks = &hooks.Queue{Transport: counted{deliveries, &w.attempts}, Now: o.Now}
		w.simulate(o, deliveries)
	}
	if err := w.build(o); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	w.Settler, w.Enroller, w.charge = w.Parts.Settler(), w.Parts.Enroller(), w.Parts.Charge()
	if err := w.tellOf(o); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	w.mount(o.Merchant)
	return w, nil
}

// simulate makes the providers.
func (w *World) simulate(o Options, deliveries http.RoundTripper) {
	if o.Account != "" {
		o.Toss.Keys = []tosssim.KeyPair{{Secret: tosssim.DefaultSecretKey, Client: tosssim.DefaultClientKey + o.Account}}
		o.PortOne.Accounts = []portonesim.Account{{UserCode: userCode(o)}}
	}
	if len(o.Toss.Keys) == 0 {
		o.Toss.Keys = []tosssim.KeyPair{
			{Secret: tosssim.DefaultSecretKey, Client: tosssim.DefaultClientKey},
			{Secret: tosssim.DefaultSecretKey + secondAccount, Client: tosssim.DefaultClientKey + secondAccount},
		}
	}
	if len(o.PortOne.Accounts) == 0 {
		second := o
		second.Account = secondAccount
		o.PortOne.Accounts = []portonesim.Account{{}, {
			UserCode: userCode(second), ImpKey: portonesim.DefaultImpKey + secondAccount, ImpSecret: portonesim.DefaultImpSecret + secondAccount,
		}}
	}
	o.Toss.Now, o.Toss.Ledger, o.Toss.Faults, o.Toss.Lag = o.Now, w.Ledger, w.Faults, w.Lag
	if o.Toss.WebhookURL = o.Functions + "/webhooks/toss/" + o.Token; !o.Unheard {
		o.Toss.Webhooks = w.Hooks.Deliver
	}
	w.Toss = tosssim.New(o.Toss)
	o.PortOne.Now, o.PortOne.Ledger, o.PortOne.Faults, o.PortOne.Lag, o.PortOne.Sandbox = o.Now, w.Ledger, w.Faults, w.Lag, true
	o.PortOne.Webhooks = w.Hooks.Deliver
	if o.PortOne.Confirm == nil {
		o.PortOne.Confirm = deliveries
	}
	if o.PortOne.ConsoleURL == "" {
		o.PortOne.ConsoleURL = o.Functions + "/webhooks/portone/" + o.Token
	}
	w.PortOne = portonesim.New(o.PortOne)
}

// secondAccount is the other one that the simulators know.
const secondAccount = "2"

// keys are the deployment's, with those before them.
func (o Options) keys() (boot.FixedTossKeys, boot.FixedPortOneKeys, error) {
	own := ""
	if o.Before != nil {
		own = o.Account
	}
	key, err := toss.NewSecretKey(tosssim.DefaultSecretKey + own)
	pair, pairErr := portone.NewCredentials(portonesim.DefaultImpKey+own, portonesim.DefaultImpSecret+own)
	t, p := boot.FixedTossKeys{Key: key}, boot.FixedPortOneKeys{Pair: pair}
	if o.Before != nil {
		parts := o.Before.Parts
		before, errBefore := parts.Toss.Keys.SecretKey(context.Background())
		pairBefore, pairErrBefore := parts.PortOne.Keys.Credentials(context.Background())
		err = errors.Join(err, errBefore, pairErrBefore)
		t.Before = map[string]toss.SecretKey{parts.Mode + "/" + parts.Toss.ClientKey: before}
		p.Before = map[string]portone.Credentials{parts.Mode + "/" + parts.PortOne.UserCode: pairBefore}
	}
	return t, p, errors.Join(err, pairErr)
}

// userCode is PortOne's usual one, with the account as its last digit.
func userCode(o Options) string {
	code := portonesim.DefaultUserCode
	return code[:len(code)-len(o.Account)] + o.Account
}

func (w *World) build(o Options) error {
	allowed, err := payment.ParseReturnURLs(o.ReturnURLs)
	if err != nil {
		return err
	}
	tossKeys, portoneKeys, err := o.keys()
	if err != nil {
		return err
	}
	transport, tossBase, portoneBase := o.Transport, o.Base+"/sim/toss", o.Base+"/sim/portone"
	if transport == nil {
		providers := http.NewServeMux()
		providers.Handle("/toss/", http.StripPrefix("/toss", w.Toss))
		providers.Handle("/portone/", http.StripPrefix("/portone", w.PortOne))
		transport, tossBase, portoneBase = wire.Transport(providers), "http://127.0.0.1/toss", "http://127.0.0.1/portone"
	}
	w.Parts = boot.Parts{
		Mode: cmp.Or(o.Mode, "test"), PublicBase: o.Functions, ReturnURLs: allowed, KeepLate: o.KeepLate, NoticeDays: o.NoticeDays,
		RestoredTo: o.RestoredTo,
		Toss: boot.TossParts{
			ClientKey: tosssim.DefaultClientKey + o.Account, Script: o.Base + "/sim/toss/v2/standard", BaseURL: tossBase, Keys: tossKeys,
		},
		PortOne: boot.PortOneParts{
			UserCode: userCode(o), MID: portonesim.TestMID, Script: o.Base + "/sim/portone/v1/iamport.js",
			BaseURL: portoneBase, Keys: portoneKeys, AsksBefore: o.ConfirmGate,
		},
		Webhooks:  boot.WebhookParts{TokenSHA256: handler.DigestOf(o.Token)},
		Transport: transport, Store: o.Store, Lists: o.Lists, Now: func() time.Time { return o.Now().Add(o.Ahead) }, Wait: o.Wait, Log: o.Log,
	}
	if o.Edit != nil {
		o.Edit(&w.Parts)
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Base == "" {
		o.Base = "http://127.0.0.1"
	}
	o.Functions, o.Token = cmp.Or(o.Functions, o.Base), cmp.Or(o.Token, WebhookToken)
	if o.Store == nil {
		o.Store = memstore.New()
	}
	if lists, ok := o.Store.(payment.Lists); ok && o.Lists == nil {
		o.Lists = lists
	}
	if o.Clock == nil {
		o.Clock = clock.Over(o.Now, o.Wait)
	} else if o.Toss.Sleep == nil && o.PortOne.Sleep == nil { // the providers' delays pass on the same clock
		o.Toss.Sleep, o.PortOne.Sleep = o.Clock.Wait, o.Clock.Wait
	}
	o.Now, o.Wait = o.Clock.Now, o.Clock.Wait
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// counted counts the requests it carries.
type counted struct {
	http.RoundTripper
	requests *atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// ServeHTTP serves every door and every control.
func (w *World) ServeHTTP(out http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(out, r) }

// Mux is for what a caller adds beside the doors.
func (w *World) Mux() *http.ServeMux { return w.mux }

// doors are the routes of the functions over these parts.
func doors(parts boot.Parts, merchant handler.Door) map[string]handler.Door {
	checkout, confirm, webhook := parts.Checkout(), parts.Confirm(), parts.Webhook()
	return map[string]handler.Door{
		"POST /orders":                                 merchant,
		"GET /orders":                                  merchant,
		"GET /orders/{orderId}":                        merchant,
		"POST /orders/{orderId}/refunds":               merchant,
		"POST /orders/{orderId}/resolve":               merchant,
		"GET /pay/{id}/{linkToken}":                    checkout,
		"GET /pay/{id}/{linkToken}/status":             checkout,
		"GET /confirm/toss/{orderId}/{linkToken}":      confirm,
		"GET /confirm/toss/{orderId}/{linkToken}/fail": confirm,
		"GET /confirm/portone/{id}/{linkToken}":        confirm,
		"POST /gate/portone/{orderId}/{linkToken}":     confirm,
		"GET /consent/{id}/{consentToken}":             confirm,
		"POST /consent/{id}/{consentToken}":            confirm,
		"POST /subscriptions":                          merchant,
		"GET /subscriptions":                           merchant,
		"GET /subscriptions/{id}":                      merchant,
		"POST /subscriptions/{id}/pause":               merchant,
		"POST /subscriptions/{id}/resume":              merchant,
		"POST /subscriptions/{id}/cancel":              merchant,
		"POST /subscriptions/{id}/plan":                merchant,
		"POST /subscriptions/{id}/renew-key":           merchant,
		"POST /webhooks/toss/{webhookToken}":           webhook,
		"POST /webhooks/portone/{webhookToken}":        webhook,
	}
}

// Doors are another process of the functions in this world: every door over parts of its own, beside the simulators and the controls.
func (w *World) Doors(parts boot.Parts) http.Handler {
	mux := http.NewServeMux()
	for routeKey, door := range doors(parts, parts.Merchant()) {
		gateway.Handle(mux, routeKey, door)
	}
	mux.Handle("/sim/", w.mux)
	return mux
}

func (w *World) mount(wrapped func(handler.Door) handler.Door) {
	merchant := w.made.noting(w.Parts.Merchant())
	if wrapped != nil {
		merchant = wrapped(merchant)
	}
	for routeKey, door := range doors(w.Parts, merchant) {
		gateway.Handle(w.mux, routeKey, door)
	}
	w.mux.Handle("/sim/toss/", http.StripPrefix("/sim/toss", w.Toss))
	w.mux.Handle("/sim/portone/", http.StripPrefix("/sim/portone", w.PortOne))
	w.mux.Handle("GET /sim/webhooks", w.Hooks.ListHandler())
	w.mux.Handle("POST /sim/webhooks/replay", w.Hooks.ReplayHandler())
	w.mux.Handle("/sim/faults", w.Faults)
	w.mux.Handle("/sim/lag", w.Lag)
	w.mux.Handle("/sim/ledger", w.Ledger)
	w.mux.HandleFunc("POST /sim/advance", w.advance(merchant))
	w.mux.HandleFunc("GET /sim/events", w.showEvents)
	w.mux.HandleFunc("GET /sim/clock", w.showClock)
	w.mux.HandleFunc("POST /sim/clock", w.advanceClock)
	w.mux.HandleFunc("POST /sim/keys", w.addKeys)
	w.mux.HandleFunc("GET /sim/decline", w.showDeclines)
	w.mux.HandleFunc("POST /sim/decline", w.declineNext)
	w.mux.HandleFunc("POST /sim/refund", w.consoleRefund)
}

// advance asks the provider about one order or one subscription, as the schedule does, and answers with it as the merchant reads it.
func (w *World) advance(merchant handler.Door) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		var in struct {
			OrderID        string `json:"orderId"`
			SubscriptionID string `json:"subscriptionId"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&in); err != nil || (in.OrderID == "") == (in.SubscriptionID == "") {
			http.Error(out, `{"error":{"code":"INVALID_JSON","message":"the body must be {\"orderId\": \"...\"} or {\"subscriptionId\": \"...\"}"}}`, http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), handler.DoorTime)
		defer cancel()
		var err error
		if in.OrderID != "" {
			_, err = w.Settler.Advance(ctx, in.OrderID)
		} else {
			_, err = w.Enroller.Advance(ctx, in.SubscriptionID)
		}
		if err != nil && !errors.Is(err, payment.ErrNotFound) {
			http.Error(out, `{"error":{"code":"INTERNAL","message":"it could not be advanced; see the log"}}`, http.StatusInternalServerError)
			w.Parts.Log.Error("advance failed", "orderId", in.OrderID, "subscriptionId", in.SubscriptionID, "cause", err.Error())
			return
		}
		r.SetPathValue("orderId", in.OrderID)
		r.SetPathValue("id", in.SubscriptionID)
		r.Body = http.NoBody
		if in.OrderID != "" {
			gateway.Serve(out, r, "GET /orders/{orderId}", merchant)
			return
		}
		gateway.Serve(out, r, "GET /subscriptions/{id}", merchant)
	}
}
