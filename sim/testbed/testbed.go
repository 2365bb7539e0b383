// Package testbed is the one world that the tests of sim and cmd stand in: built in one way, with one log, and with one way of sending a
// request and reading its answer. What a test does with it (buyers, subscriptions, webhooks) is the test's own and embeds a Bed.
package testbed

import (
	"bytes"
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/specified"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

const (
	Base  = "https://pay.example" // the public address of every bed's world
	Price = 15000                 // of every order, in won, unless a test says another one
)

// Bed is a world and a client of it. Its methods fail the test.
type Bed struct {
	*world.World
	Client
	Log *Log
}

// Option edits the options of a world.
type Option = func(*world.Options)

// Open builds a world that may return to https://shop.example and keeps its log. The merchant's door is held against api/openapi.yaml, whatever
// the edits say.
func Open(t *testing.T, edits ...Option) *Bed {
	t.Helper()
	return open(t, t.Errorf, edits)
}

func open(t *testing.T, complain func(string, ...any), edits []Option) *Bed {
	t.Helper()
	log := &Log{}
	o := world.Options{Base: Base, Log: telemetry.New(log, "debug"), ReturnURLs: "https://shop.example"}
	for _, edit := range edits {
		edit(&o)
	}
	o.Merchant = specified.Door(complain)
	w, err := world.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &Bed{w, Client{t, w}, log}
}

// Quiet is for thousands of worlds whose logs nobody reads.
func Quiet(o *world.Options) { o.Log = nil }

// Clocked has everything in the world go by a virtual clock that begins at a time.
func Clocked(at time.Time) Option { return func(o *world.Options) { o.Clock = clock.Virtual(at) } }

// WebhooksAfter has PortOne's webhooks come so long after what they tell of, as a real one's do.
func WebhooksAfter(d time.Duration) Option {
	return func(o *world.Options) { o.PortOne.WebhookDelay = d }
}

// Log is a log that many requests write.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Count is how many lines are of an event.
func (l *Log) Count(event string) int { return strings.Count(l.String(), `"event":"`+event+`"`) }

// Fault plans one, at Toss Payments unless it names another provider.
func (b *Bed) Fault(f fault.Fault) {
	b.T.Helper()
	f.Provider = cmp.Or(f.Provider, tosssim.Provider)
	if err := b.Faults.Set(f); err != nil {
		b.T.Fatal(err)
	}
}

// Stored is the order as it is in the table.
func (b *Bed) Stored(id string) order.Order {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), time.Minute)
	defer cancel()
	o, err := b.Store.Get(ctx, id)
	if err != nil {
		b.T.Fatal(err)
	}
	return o
}

// Moved is the money of an order in the simulators' ledger, whatever attempt: captures, and what went back to the buyer.
func (b *Bed) Moved(id string) (captures, cancels []ledger.Entry) {
	for _, e := range b.Ledger.Entries() {
		if n, err := order.ParseNumber(e.OrderID); err != nil || n.OrderID() != id {
			continue
		}
		if e.Kind == ledger.Capture {
			captures = append(captures, e)
		} else {
			cancels = append(cancels, e)
		}
	}
	return captures, cancels
}
