package world_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/sim/world"
)

// shop is a merchant's server on this machine.
type shop struct {
	t      *testing.T
	mu     sync.Mutex
	got    []string       // ids, in order of arrival
	answer map[string]int // by id; 0 is 204
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	library, err := standardwebhooks.NewWebhook(world.MerchantSecret)
	if err != nil {
		s.t.Error(err)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if err := library.VerifyIgnoringTimestamp(body, r.Header); err != nil { // a bubble's clock stands years behind
		s.t.Errorf("the specification's library says %v", err)
	}
	var e struct{ ID, Type string }
	if err := json.Unmarshal(body, &e); err != nil || e.ID != r.Header.Get("webhook-id") {
		s.t.Errorf("%v: %s", err, body)
	}
	if err := eventtest.CheckJSON(e.Type, body); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, e.ID)
	w.WriteHeader(max(s.answer[e.ID], 204))
}

func (s *shop) ids() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

// tellingStage is a world that tells a shop. Its transport carries to the world itself, and to the shop.
func tellingStage(t *testing.T, s *shop) *stage {
	t.Helper()
	w := newStage(t, func(o *world.Options) { o.Tells, o.MerchantWebhook = true, "http://shop.example/webhook" })
	w.Hooks.Transport = routed{w.Hooks.Transport, s}
	return w
}

// routed sends what goes to the shop there.
type routed struct {
	http.RoundTripper
	shop http.Handler
}

func (r routed) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != "shop.example" {
		return r.RoundTripper.RoundTrip(request)
	}
	recorder := httptest.NewRecorder()
	r.shop.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// TestShopIsTold: of a payment whose redirect never came, and of nothing that did not happen. A shop that is down for ten hours is told all the
// same, once it is back, and not again after that.
func TestShopIsTold(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		const paid = "order/order-0001/2/paid"
		s := &shop{t: t, answer: map[string]int{paid: 500}}
		w := tellingStage(t, s)
		w.order("order-0002") // never paid
		w.capture(w.approve(w.order("order-0001")))
		w.Hooks.Step(t.Context(), time.Now()) // the provider's webhook; the buyer never comes back
		events, total := w.Events(t.Context(), "order/order-0001")
		if len(events) != 1 || total != 1 || events[0].ID != paid {
			t.Fatalf("told %v", events)
		}
		hours := func(n int) []string {
			for range n {
				w.Hooks.Step(t.Context(), time.Now())
				time.Sleep(time.Hour)
			}
			return s.ids()
		}
		if got := hours(10); len(got) < 4 || len(got) > 6 {
			t.Errorf("in ten hours a shop that is down was asked %d times", len(got))
		}
		s.mu.Lock()
		s.answer = nil
		s.mu.Unlock()
		before := len(hours(14))
		if got := hours(100); len(got) != before || slices.ContainsFunc(got, func(id string) bool { return id != paid }) {
			t.Errorf("the shop was told %v", got)
		}
	})
}

// TestGoneIsNotTriedAgain: 410 ends it for that event.
func TestGoneIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		s := &shop{t: t, answer: map[string]int{"order/order-0001/2/paid": 410}}
		w := tellingStage(t, s)
		w.capture(w.approve(w.order("order-0001")))
		for range 5 {
			w.Hooks.Step(t.Context(), time.Now())
			w.Events(t.Context(), "")
			time.Sleep(24 * time.Hour)
		}
		if got := s.ids(); len(got) != 1 {
			t.Errorf("the shop was asked %v", got)
		}
	})
}

// TestChargeIsAnnounced: on a laptop with -notice-days, through the clock that is advanced.
func TestChargeIsAnnounced(t *testing.T) {
	t.Parallel()
	c := newClocked(t, func(o *world.Options) { o.Tells, o.NoticeDays = true, 7 })
	c.subscribe("sub-0001", `"interval":"month"`, newYear.Add(24*time.Hour).Format(time.RFC3339))
	c.Pass("60d")
	var told []string
	for _, e := range eventsOf(t, c.World) {
		if e.Type == event.SubscriptionRenewalUpcoming {
			told = append(told, fmt.Sprint(e.Data.Renewal.Cycle, " ", int(e.Data.Renewal.Date.Sub(e.Timestamp).Hours()+0.5)/24))
		}
	}
	if got, want := strings.Join(told, ", "), "1 1, 2 7, 3 7"; got != want {
		t.Errorf("cycle and days ahead: %s, want %s", got, want)
	}
}

// TestSubscriptionIsTold: three months of a subscription on the clock: charged, refused until it is suspended, and ended.
func TestSubscriptionIsTold(t *testing.T) {
	t.Parallel()
	c := newClocked(t, func(o *world.Options) { o.Tells = true })
	c.subscribe("sub-0001", `"interval":"month"`, newYear.Add(24*time.Hour).Format(time.RFC3339))
	c.Pass("2d")
	c.Post("/sim/decline", `{"reason":"CARD_EXCEED_LIMIT","times":5}`)
	c.Pass("60d")
	c.Post("/subscriptions/sub-0001/cancel", `{"at":"now"}`)
	var told struct {
		Total  int
		Events []struct{ Type string }
	}
	c.Decode(c.Get("/sim/events?record=subscription/sub-0001"), &told)
	var types []string
	for _, e := range told.Events {
		types = append(types, strings.TrimPrefix(e.Type, "subscription."))
	}
	if got, want := strings.Join(types, " "), "activated charged past_due past_due past_due past_due suspended canceled"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	if told.Total != len(told.Events)+1 { // and the first cycle's order is paid
		t.Errorf("%d events in all: %s", told.Total, strings.Join(types, " "))
	}
	for _, e := range eventsOf(t, c.World) {
		if err := eventtest.Check(e); err != nil {
			t.Error(err)
		}
	}
	quiet := newClocked(t)
	if status := quiet.Get("/sim/events").Status; status != http.StatusConflict {
		t.Errorf("a world that does not tell answers %d", status)
	}
}

func eventsOf(t *testing.T, w *world.World) []event.Event {
	t.Helper()
	events, total := w.Events(t.Context(), "")
	if len(events) != total {
		t.Errorf("%d of %d events", len(events), total)
	}
	return events
}
