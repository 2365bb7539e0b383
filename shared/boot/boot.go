// Package boot wires the doors: the only place that sees both sides of a port.
package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/subscription"
)

// Limits of Toss Payments' card payments: 100 won at least (BELOW_MINIMUM_AMOUNT), orderName up to 100 characters
// (docs.tosspayments.com, error codes and JS SDK v2).
const (
	tossAmountMin = 100
	tossNameMax   = 100
)

// portoneAmountMin is Toss Pay's least card payment (CARD_MIN_AMOUNT_ERROR, tossdev.github.io/qna.html).
const portoneAmountMin = 100

// Parts is what the doors are made of, whether they run in Lambda, on a laptop or in a test.
type Parts struct {
	Mode       string // test or live
	PublicBase string // public address without a final slash; empty: what API Gateway calls itself
	ReturnURLs payment.ReturnURLs
	NoticeDays int       // how long before a charge of a subscription it is announced; 0: not at all
	KeepLate   bool      // money that comes after an order was closed is kept as its payment, instead of given back
	RestoredTo time.Time // to which the table was restored from a backup; zero: it never was
	Toss       TossParts
	PortOne    PortOneParts // the zero value: PortOne is not offered
	Webhooks   WebhookParts
	Transport  http.RoundTripper
	// PlainHost is a host beside loopback whose providers http may reach: this machine, seen from a container. Empty:
	// none.
	PlainHost string
	Store     payment.Store
	Lists     payment.Lists // of the merchant function
	Queue     payment.Queue // of the charge function; nil: it does the work itself
	// QueueWorkers is how many messages those who take them from Queue work on at once.
	QueueWorkers int
	Timetable    subscription.Timetable // zero: the default
	Now          func() time.Time
	Wait         func(context.Context, time.Duration) error
	Log          *slog.Logger

	client    *dynamodb.Client // of a function; with tableName, to build what only one function needs
	tableName string
}

// TossParts are Toss Payments' settings.
type TossParts struct {
	ClientKey string
	Script    string // empty for the real SDK
	BaseURL   string // empty for the real API
	Keys      toss.Keys
}

// PortOneParts are PortOne V1's settings.
type PortOneParts struct {
	UserCode   string // imp and 8 digits
	ChannelKey string
	MID        string // the merchant id at Toss Pay; payments to another one are given back
	Script     string // empty for the real SDK
	BaseURL    string // empty for the real API
	Keys       portone.Keys
	// BypassObject, OmitIssuanceAmount and AsksBefore: see portone.Client and portone.Windows.
	BypassObject, OmitIssuanceAmount, AsksBefore bool
	// Fault is what is wrong with these settings. With it every request about PortOne is refused and nobody is asked;
	// Toss Payments works on.
	Fault error
	// adapter is the process's, when there is one: every use case then shares its token.
	adapter *portone.Adapter
}

// WebhookParts are the webhook door's settings.
type WebhookParts struct {
	// TokenSHA256 is handler.DigestOf of the token in the deployment's own addresses; empty: there are none.
	TokenSHA256 string
	Sources     map[string][]string // addresses each provider sends from; empty: not checked
}

func (p Parts) offersPortOne() bool { return p.PortOne.UserCode != "" }

// Merchant returns the private API's door.
func (p Parts) Merchant() handler.Door {
	offers := map[string]payment.Offer{
		"toss": {
			Windows:   ownWindows{p.tossWindows(), p.tossAccount()},
			AmountMin: tossAmountMin, NameMax: tossNameMax, Keys: p.tossAccount(),
		},
	}
	if p.offersPortOne() {
		offers["portone"] = payment.Offer{
			Windows:   ownWindows{p.keyWindows(), p.portoneAccount()},
			AmountMin: portoneAmountMin, NameMax: portone.NameMax, Fit: fitPortOne, Keys: p.portoneAccount(),
			Registrar: p.portoneAdapter(), Ready: p.portoneReady,
		}
	}
	merchant := &payment.Merchant{
		Orders: p.Store, Settler: p.Settler(), Lister: &payment.Lister{Lists: p.Lists, Now: p.Now},
		Offers: offers, Mode: p.Mode, ReturnURLs: p.ReturnURLs, Now: p.Now, NewToken: rand.Text,
		NewID: func() string { return "ord_" + strings.ToLower(rand.Text())[:20] },
	}
	return handler.Merchant(merchant, p.enroller(), p.Log, p.PublicBase)
}

// Checkout returns the payment page's door. It needs no secret and gets none.
func (p Parts) Checkout() handler.Door {
	windows := map[string]payment.Windows{"toss": ownWindows{p.tossWindows(), p.tossAccount()}}
	if p.offersPortOne() {
		windows["portone"] = ownWindows{p.keyWindows(), p.portoneAccount()}
	}
	p.PortOne.Keys = nil
	checkout := &payment.Checkout{Orders: p.Store, Windows: windows, Now: p.Now}
	return handler.Checkout(checkout, p.enroller(), p.Log, p.PublicBase)
}

// Confirm returns the return door.
func (p Parts) Confirm() handler.Door {
	return handler.Confirm(p.telling(), p.enroller(), portone.ParseQuestion, p.Log, p.PublicBase)
}

// Webhook returns the door providers call.
func (p Parts) Webhook() handler.Door {
	settings := handler.WebhookSettings{
		TokenSHA256: p.Webhooks.TokenSHA256, Sources: p.Webhooks.Sources,
		Parsers: map[string]func([]byte) (provider.Hint, error){
			"toss": toss.ParseWebhook, "portone": portone.ParseWebhook,
		},
	}
	return handler.Webhook(p.telling(), p.enroller(), settings, p.Log)
}

// telling is the settler of a door that is not the cycles' own worker.
func (p Parts) telling() *payment.Settler {
	s := p.Settler()
	s.Paid = p.Worker().Paid
	return s
}

// Charge returns the handler of the schedule's ticks and the queue's messages. Without a queue a tick does the work
// itself.
func (p Parts) Charge() handler.ChargeDoor { return handler.Charge(p.Dispatcher(), p.Worker(), p.Log) }

// inlineWorkers is how many records a tick without a queue works on side by side: gentle to a provider that names no
// limit.
const inlineWorkers = 8

// Dispatcher returns what finds the records that are due.
func (p Parts) Dispatcher() *payment.Dispatcher {
	workers := inlineWorkers
	if p.Queue != nil {
		workers = p.QueueWorkers
	}
	return &payment.Dispatcher{
		Due: p.Store, Queue: p.Queue, Work: p.Worker(), Workers: workers, Now: p.Now, Wait: p.Wait, Log: p.Log,
	}
}

// Worker returns what does the work of due records.
func (p Parts) Worker() *payment.Worker {
	timetable := p.Timetable
	if timetable.Soft == nil && timetable.Transient == nil {
		timetable = subscription.DefaultTimetable()
	}
	w := &payment.Worker{
		Settler: p.Settler(), Enroller: p.enroller(),
		Orders: p.Store, Claims: p.Store, Records: p.Store, Cycles: p.Store,
		Declines: declineOf, Message: portone.Documented, Timetable: timetable, NoticeDays: p.NoticeDays,
		Now: p.Now, Log: p.Log,
	}
	if p.offersPortOne() {
		w.Deleter = p.portoneAdapter()
	}
	return w
}

// declineOf classifies PortOne's and Toss Pay's reasons for dunning.
func declineOf(code string) subscription.Decline {
	switch portone.ReasonOf(code) {
	case portone.ReasonTransient:
		return subscription.Transient
	case portone.ReasonHard, portone.ReasonKeyGone:
		return subscription.Hard
	}
	return subscription.Soft
}

// Settler returns what moves orders by the provider's word.
func (p Parts) Settler() *payment.Settler {
	adapter := p.tossAdapter(p.Toss.Keys)
	gateways := map[string]payment.Gateway{
		"toss": {
			Finder: adapter, Confirmer: adapter, Canceler: adapter, Timing: toss.Timing(), Keys: p.tossAccount(),
			Ready:    func(ctx context.Context) error { _, err := p.Toss.Keys.SecretKey(ctx); return err },
			Previous: p.tossBefore,
		},
	}
	if p.offersPortOne() {
		adapter := p.portoneAdapter()
		gateways["portone"] = payment.Gateway{
			Finder: adapter, Canceler: adapter, Charger: adapter, Registrar: adapter, Timing: portone.Timing(),
			Account: p.portoneWindows().Account(), Ready: p.portoneReady,
			Keys: p.portoneAccount(), Previous: p.portoneBefore,
		}
	}
	return &payment.Settler{
		Orders: p.Store, Claims: p.Store, Now: p.Now, Wait: p.Wait, Log: p.Log, Gateways: gateways,
		KeepLate: p.KeepLate, RestoredTo: p.RestoredTo,
	}
}

// Enroller returns what sees billing keys issued, or nil when no provider here issues any.
func (p Parts) Enroller() *payment.Enroller { return p.enroller() }

func (p Parts) enroller() *payment.Enroller {
	if !p.offersPortOne() {
		return nil
	}
	e := &payment.Enroller{
		Subscriptions: p.Store, Windows: p.keyWindows(),
		Account: p.portoneWindows().Account(), Mode: p.Mode, KeysOf: p.portoneAccount(),
		AmountMin: portoneAmountMin, NoticeDays: p.NoticeDays, ReturnURLs: p.ReturnURLs,
		Now: p.Now, Wait: p.Wait, NewToken: rand.Text,
		NewID: func() string { return "sub_" + strings.ToLower(rand.Text())[:20] }, Log: p.Log,
	}
	if p.PortOne.Keys != nil {
		adapter := p.portoneAdapter()
		e.Keys, e.Deleter, e.Schedules, e.Ready = adapter, adapter, adapter, p.portoneReady
	}
	return e
}

func (p Parts) keyWindows() portoneWindows {
	return portoneWindows{p.portoneWindows(), p.PortOne.Fault}
}

func (p Parts) tossWindows() toss.Windows {
	return toss.Windows{ClientKey: p.Toss.ClientKey, Script: p.Toss.Script}
}

func (p Parts) portoneWindows() portone.Windows {
	return portone.Windows{
		UserCode: p.PortOne.UserCode, ChannelKey: p.PortOne.ChannelKey, MID: p.PortOne.MID, Script: p.PortOne.Script,
		OmitIssuanceAmount: p.PortOne.OmitIssuanceAmount, AsksBefore: p.PortOne.AsksBefore, Now: p.Now,
	}
}

// portoneAdapter returns the process's adapter, or one with a token of its own; PortOne gives every asker the same one
// until it expires.
func (p Parts) portoneAdapter() *portone.Adapter {
	if p.PortOne.adapter != nil {
		return p.PortOne.adapter
	}
	return p.newPortOneAdapter(p.PortOne.Keys, p.Mode)
}

func (p Parts) newPortOneAdapter(keys portone.Keys, mode string) *portone.Adapter {
	client := portone.Client{
		BaseURL: p.PortOne.BaseURL, PlainHost: p.PlainHost, Transport: p.Transport,
		IncludeSandbox: mode == "test", BypassObject: p.PortOne.BypassObject,
	}
	return &portone.Adapter{Client: portone.NewClient(keys, p.Now, client)}
}

func (p Parts) tossAdapter(keys toss.Keys) *toss.Adapter {
	return &toss.Adapter{Client: &toss.Client{
		Keys: keys, BaseURL: p.Toss.BaseURL, PlainHost: p.PlainHost, Transport: p.Transport,
	}}
}

func (p Parts) portoneReady(ctx context.Context) error {
	_, err := p.PortOne.Keys.Credentials(ctx)
	return err
}

// check refuses settings that would only show when a buyer pays, in a sentence that names the parameter and never a
// value.
func (p Parts) check() error {
	if p.Mode != "test" && p.Mode != "live" {
		return errors.New("boot: MODE must be test or live")
	}
	if err := toss.CheckClientKey(p.Mode, p.Toss.ClientKey); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	return nil
}
