package world

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/stream"
)

// MerchantSecret is what a world signs the merchant's webhooks with.
const MerchantSecret = "whsec_dG9zc3BheS1zYW0gb24gYSBsYXB0b3Agc2lnbnM="

// Merchant names the merchant's own webhooks among those of the providers.
const Merchant = "merchant"

// eventsMax is how many events a world remembers.
const eventsMax = 10_000

// tellPause is how often a world looks for changes to tell of.
const tellPause = 100 * time.Millisecond

// teller is the publish function's half of a world: the same publisher, between the embedded store's stream and a bus that remembers. Webhooks to the
// merchant go through the queue of the providers' webhooks, with the deliver function's signature, pauses and verdicts.
type teller struct {
	stream    stream.Stream
	publisher publish.Publisher
	reading   sync.Mutex // one reader at a time

	mu     sync.Mutex
	events []event.Event // the latest
	total  int
}

// tellOf makes the world tell of what happens in its store, which must be the embedded one.
func (w *World) tellOf(o Options) error {
	store, embedded := o.Store.(*memstore.Store)
	if !embedded || !o.Tells {
		return nil
	}
	w.told = &teller{}
	w.told.publisher = publish.Publisher{Sinks: []publish.Sink{w.told}, Log: o.Log}
	if o.MerchantWebhook != "" {
		if err := deliver.CheckURL(o.MerchantWebhook, true); err != nil {
			return errors.New("the merchant's webhook " + err.Error())
		}
		key, err := deliver.ParseKey(MerchantSecret)
		if err != nil {
			return err
		}
		w.told.publisher.Sinks = append(w.told.publisher.Sinks, postbox{w.Hooks, o.MerchantWebhook, []deliver.Key{key}})
	}
	store.Changed = w.told.stream.Changed
	return nil
}

// Put implements publish.Sink: it is the bus.
func (t *teller) Put(_ context.Context, events []event.Event) ([]int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total += len(events)
	t.events = append(t.events, events...)
	t.events = t.events[max(0, len(t.events)-eventsMax):]
	return nil, nil
}

// postbox puts events into the queue of webhooks.
type postbox struct {
	hooks *hooks.Queue
	url   string
	keys  []deliver.Key
}

// Put implements publish.Sink.
func (p postbox) Put(_ context.Context, events []event.Event) ([]int, error) {
	for _, e := range events {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		d := hooks.Delivery{
			Provider: Merchant, URL: p.url, ContentType: "application/json", Body: body, Timeout: deliver.SendMax,
			SendAgain: func(status int) bool { return (status < 200 || status > 299) && status != http.StatusGone },
			Stamp: func(h http.Header, _ int, _ time.Time) { // a receiver compares with its own clock, whatever the world's says
				deliver.Stamp(h, p.keys, e.ID, time.Now(), body)
			},
		}
		for tries := 1; tries < deliver.TriesMax; tries++ {
			d.Schedule = append(d.Schedule, deliver.Pause(tries, e.ID))
		}
		p.hooks.Deliver(d)
	}
	return nil, nil
}

// tell passes on what has happened until now.
func (w *World) tell(ctx context.Context) {
	if w.told == nil {
		return
	}
	w.told.reading.Lock()
	defer w.told.reading.Unlock()
	for w.told.stream.Waiting() > 0 && ctx.Err() == nil {
		if err := w.told.stream.Step(ctx, w.told.publisher.Publish); err != nil {
			w.Parts.Log.Error("not all could be told", "event", "publish.retried", "cause", err.Error())
			return
		}
	}
}

// keepTelling tells until ctx ends.
func (w *World) keepTelling(ctx context.Context) {
	for w.told != nil && clock.Timer(ctx, tellPause) == nil {
		w.tell(ctx)
	}
}

// Events returns what was told of a record (order/<id> or subscription/<id>; empty: of all), the oldest first, and how many there ever were.
func (w *World) Events(ctx context.Context, record string) (events []event.Event, total int) {
	if w.told == nil {
		return nil, 0
	}
	w.tell(ctx)
	w.told.mu.Lock()
	defer w.told.mu.Unlock()
	for _, e := range w.told.events {
		if record == "" || strings.HasPrefix(e.ID, record+"/") {
			events = append(events, e)
		}
	}
	return events, w.told.total
}

// showEvents answers GET /sim/events?record=order/order-0001.
func (w *World) showEvents(out http.ResponseWriter, r *http.Request) {
	if w.told == nil {
		refuse(out, http.StatusConflict, "NO_STREAM", "only the embedded store tells of its changes; a table's stream is read in an account")
		return
	}
	events, total := w.Events(r.Context(), r.URL.Query().Get("record"))
	if events == nil {
		events = []event.Event{}
	}
	answer(out, http.StatusOK, map[string]any{"total": total, "events": events})
}
