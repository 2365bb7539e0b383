// Package boot wires the doors: the only place that sees both sides of a port.
package boot

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
)

// Limits of Toss Payments' card payments: 100 won at least (BELOW_MINIMUM_AMOUNT), orderName up to 100 characters
// (docs.tosspayments.com, error codes and JS SDK v2).
const (
	tossAmountMin = 100
	tossNameMax   = 100
)

// Parts is what the doors are made of, whether they run in Lambda, on a laptop or in a test.
type Parts struct {
	Mode          string // test or live
	PublicBase    string // public address without a final slash; empty: what API Gateway calls itself
	ReturnURLs    payment.ReturnURLs
	TossClientKey string
	TossScript    string // empty for the real SDK
	TossBaseURL   string // empty for the real API
	TossKeys      toss.Keys
	Transport     http.RoundTripper
	Store         payment.Store
	Now           func() time.Time
	Wait          func(context.Context, time.Duration) error
	Log           *slog.Logger
}

// Merchant returns the private API's door.
func (p Parts) Merchant() handler.Door {
	return handler.Merchant(&payment.Merchant{
		Orders: p.Store,
		Offers: map[string]payment.Offer{
			"toss": {Windows: p.tossWindows(), AmountMin: tossAmountMin, NameMax: tossNameMax},
		},
		Mode: p.Mode, ReturnURLs: p.ReturnURLs, Now: p.Now, NewToken: rand.Text,
		NewID: func() string { return "ord_" + strings.ToLower(rand.Text()) },
	}, p.Log, p.PublicBase)
}

// Checkout returns the payment page's door. It needs no secret and gets none.
func (p Parts) Checkout() handler.Door {
	return handler.Checkout(&payment.Checkout{
		Orders: p.Store, Windows: map[string]payment.Windows{"toss": p.tossWindows()}, Now: p.Now,
	}, p.Log, p.PublicBase)
}

// Confirm returns the return door.
func (p Parts) Confirm() handler.Door { return handler.Confirm(p.Settler(), p.Log, p.PublicBase) }

// Settler returns what moves orders by the provider's word.
func (p Parts) Settler() *payment.Settler {
	adapter := &toss.Adapter{Client: &toss.Client{Keys: p.TossKeys, BaseURL: p.TossBaseURL, Transport: p.Transport}}
	ready := func(ctx context.Context) error {
		_, err := p.TossKeys.SecretKey(ctx)
		return err
	}
	return &payment.Settler{
		Orders: p.Store, Claims: p.Store, Now: p.Now, Wait: p.Wait, Log: p.Log,
		Gateways: map[string]payment.Gateway{
			"toss": {Finder: adapter, Confirmer: adapter, Timing: toss.Timing(), Ready: ready},
		},
	}
}

func (p Parts) tossWindows() toss.Windows {
	return toss.Windows{ClientKey: p.TossClientKey, Script: p.TossScript}
}

// Wait sleeps, or returns early with the context's error.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// checkSettings refuses settings that would only show when a buyer pays, in a sentence that names the parameter and never a value.
func checkSettings(mode, clientKey, publicBase string) error {
	if mode != "test" && mode != "live" {
		return fmt.Errorf("boot: MODE must be test or live")
	}
	if publicBase != "" && (!strings.HasPrefix(publicBase, "https://") || strings.HasSuffix(publicBase, "/")) {
		return fmt.Errorf("boot: PUBLIC_BASE_URL must start with https:// and have no final slash")
	}
	if err := toss.CheckClientKey(mode, clientKey); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	return nil
}
