// Package world is the outside world and the bundle in one process: the simulated providers, the real doors behind real API Gateway
// events, and the controls that bend the world. The laptop mode serves it on a port; tests drive it in memory.
package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/gateway"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/wire"
)

// Options of a world. The zero value is one in memory with the real clock.
type Options struct {
	Base       string                                     // public address; empty: http://127.0.0.1
	Store      payment.Store                              // empty: memstore
	Transport  http.RoundTripper                          // to the providers; empty: in memory
	Now        func() time.Time                           // empty: the real clock
	Wait       func(context.Context, time.Duration) error // empty: a real timer
	Log        *slog.Logger                               // empty: none
	ReturnURLs string                                     // allow-list
	Toss       tosssim.Options                            // Now, Ledger and Faults are set here
}

// World is one.
type World struct {
	Toss    *tosssim.Sim
	Faults  *fault.Plan
	Ledger  *ledger.Ledger
	Store   payment.Store
	Parts   boot.Parts
	Settler *payment.Settler
	mux     *http.ServeMux
}

// New builds a world.
func New(o Options) (*World, error) {
	o = o.withDefaults()
	w := &World{Faults: &fault.Plan{}, Ledger: &ledger.Ledger{}, Store: o.Store, mux: http.NewServeMux()}
	o.Toss.Now, o.Toss.Ledger, o.Toss.Faults = o.Now, w.Ledger, w.Faults
	w.Toss = tosssim.New(o.Toss)
	allowed, err := payment.ParseReturnURLs(o.ReturnURLs)
	if err != nil {
		return nil, err
	}
	key, err := toss.NewSecretKey(tosssim.DefaultSecretKey)
	if err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	transport, tossBase := o.Transport, o.Base+"/sim/toss"
	if transport == nil {
		transport, tossBase = wire.Transport(w.Toss), "http://127.0.0.1"
	}
	w.Parts = boot.Parts{
		Mode: "test", PublicBase: o.Base, ReturnURLs: allowed, TossClientKey: tosssim.DefaultClientKey,
		TossScript: o.Base + "/sim/toss/v2/standard", TossBaseURL: tossBase, TossKeys: boot.FixedTossKeys{Key: key},
		Transport: transport, Store: o.Store, Now: o.Now, Wait: o.Wait, Log: o.Log,
	}
	w.Settler = w.Parts.Settler()
	w.mount()
	return w, nil
}

func (o Options) withDefaults() Options {
	if o.Base == "" {
		o.Base = "http://127.0.0.1"
	}
	if o.Store == nil {
		o.Store = memstore.New()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = boot.Wait
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// ServeHTTP serves every door and every control.
func (w *World) ServeHTTP(out http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(out, r) }

// Mux is for what a caller adds beside the doors.
func (w *World) Mux() *http.ServeMux { return w.mux }

func (w *World) mount() {
	merchant, checkout, confirm := w.Parts.Merchant(), w.Parts.Checkout(), w.Parts.Confirm()
	for routeKey, door := range map[string]handler.Door{
		"POST /orders":                                 merchant,
		"GET /orders/{orderId}":                        merchant,
		"GET /pay/{id}/{linkToken}":                    checkout,
		"GET /pay/{id}/{linkToken}/status":             checkout,
		"GET /confirm/toss/{orderId}/{linkToken}":      confirm,
		"GET /confirm/toss/{orderId}/{linkToken}/fail": confirm,
	} {
		gateway.Handle(w.mux, routeKey, door)
	}
	w.mux.Handle("/sim/toss/", http.StripPrefix("/sim/toss", w.Toss))
	w.mux.Handle("/sim/faults", w.Faults)
	w.mux.Handle("/sim/ledger", w.Ledger)
	w.mux.HandleFunc("POST /sim/advance", w.advance(merchant))
}

// advance asks the provider about one order, as the schedule does, and answers with the order as the merchant reads it.
func (w *World) advance(merchant handler.Door) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		var in struct {
			OrderID string `json:"orderId"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&in); err != nil || in.OrderID == "" {
			http.Error(out, `{"error":{"code":"INVALID_JSON","message":"the body must be {\"orderId\": \"...\"}"}}`, http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), handler.DoorTime)
		defer cancel()
		if _, err := w.Settler.Advance(ctx, in.OrderID); err != nil && !errors.Is(err, payment.ErrNotFound) {
			http.Error(out, `{"error":{"code":"INTERNAL","message":"the order could not be advanced; see the log"}}`, http.StatusInternalServerError)
			w.Parts.Log.Error("advance failed", "orderId", in.OrderID, "cause", err.Error())
			return
		}
		r.SetPathValue("orderId", in.OrderID)
		r.Body = http.NoBody
		gateway.Serve(out, r, "GET /orders/{orderId}", merchant)
	}
}
