package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
)

type fakeKeyWindows struct{}

func (fakeKeyWindows) KeyWindow(s subscription.Subscription, _ provider.Place) (provider.Window, error) {
	return provider.Window{Params: json.RawMessage(`{"customer_uid":"` + s.KeyName(s.Issuing().N) + `"}`)}, nil
}

// club is a merchant of subscriptions with a table and a clock, and counts the requests to the table.
type club struct {
	*payment.Enroller
	store    *memstore.Store
	now      time.Time
	made     int
	requests []string
}

func newClub(t *testing.T) *club {
	t.Helper()
	c := &club{store: memstore.New(), now: noon}
	c.store.Before = func(operation string) error {
		c.requests = append(c.requests, operation)
		return nil
	}
	c.Enroller = &payment.Enroller{
		Subscriptions: c.store, Windows: fakeKeyWindows{}, Mode: "test", AmountMin: 100, Now: func() time.Time { return c.now },
		NewToken: func() string { c.made++; return fmt.Sprintf("token-%d", c.made) },
		NewID:    func() string { c.made++; return fmt.Sprintf("sub_%04d", c.made) },
	}
	return c
}

func (c *club) start(t *testing.T, r payment.NewSubscription) (payment.Enrolled, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.Start(ctx, r, "https://pay.example")
}

func planRequest() payment.NewSubscription {
	return payment.NewSubscription{SubscriptionID: "sub-0001", CustomerID: "customer-1", Amount: 9900, Currency: "KRW", Name: "Letters", Interval: "month"}
}

// TestFirstChargeAtIsNeverEarly: whatever the minute and the zone it is written in, the first date is the first full hour from then, and the
// later ones keep its day and hour.
func TestFirstChargeAtIsNeverEarly(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	zones := []*time.Location{time.UTC, subscription.Seoul, time.FixedZone("half", -5*60*60-30*60)}
	asked := noon.Add(time.Second)
	for i := range 500 {
		r := planRequest()
		r.SubscriptionID = ""
		asked = asked.Add(7*time.Hour + 13*time.Minute + 29*time.Second + 7*time.Nanosecond)
		if i%3 == 0 {
			asked = asked.Truncate(time.Hour)
		}
		r.FirstChargeAt = asked.In(zones[i%len(zones)])
		e, err := c.start(t, r)
		if err != nil {
			t.Fatal(err)
		}
		calendar := e.Subscription.Calendar
		first := calendar.Date(0)
		if wait := first.Sub(asked); wait < 0 || wait >= time.Hour {
			t.Errorf("asked for %s: the first date is %s", r.FirstChargeAt, first.In(subscription.Seoul))
		}
		if seoul := first.In(subscription.Seoul); calendar.Hour != seoul.Hour() || calendar.Anchor != seoul.Day() || seoul.Minute() != 0 {
			t.Errorf("asked for %s: hour %d, anchor %d, first %s", r.FirstChargeAt, calendar.Hour, calendar.Anchor, seoul)
		}
		issued := e.Subscription.Issued(subscription.Key{N: 1, IssuedAt: noon}, noon)
		if issued.ChargeAt.Before(asked) {
			t.Errorf("asked for %s: charged %s", asked, issued.ChargeAt)
		}
	}
}

func TestChargeHour(t *testing.T) {
	t.Parallel()
	hour := func(h int) *int { return &h }
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, tc := range []struct {
		name  string
		hour  *int
		first string // firstChargeAt; noon is 2 November 2026, 21:00 in Seoul
		want  string // the first date in Seoul, or empty when chargeHour is refused
	}{
		{"neither: today's beginning, so at once", nil, "", "11-02 00"},
		{"an hour of today that is over", hour(9), "", "11-02 09"},
		{"an hour of today that comes", hour(23), "", "11-02 23"},
		{"the date's hour", nil, "2026-11-30T15:00:00+09:00", "11-30 15"},
		{"the date's hour in Korea", nil, "2026-11-30T15:00:00Z", "12-01 00"},
		{"a date with minutes", nil, "2026-11-30T15:00:01+09:00", "11-30 16"},
		{"the last minutes of a day", nil, "2026-11-30T23:30:00+09:00", "12-01 00"},
		{"both, alike", hour(15), "2026-11-30T15:00:00+09:00", "11-30 15"},
		{"both, alike once rounded up", hour(16), "2026-11-30T15:30:00+09:00", "11-30 16"},
		{"both, the hour before the minutes", hour(15), "2026-11-30T15:30:00+09:00", ""},
		{"both, and an earlier hour", hour(0), "2026-11-30T15:00:00+09:00", ""},
		{"both, and a later hour", hour(20), "2026-11-30T15:00:00+09:00", ""},
	} {
		r := planRequest()
		r.ChargeHour = tc.hour
		if tc.first != "" {
			r.FirstChargeAt = at(tc.first)
		}
		c := newClub(t)
		e, err := c.start(t, r)
		field := new(payment.FieldError)
		switch {
		case tc.want == "" && (!errors.As(err, &field) || field.Field != "plan.chargeHour" || len(c.requests) > 0):
			t.Errorf("%s: %v after %v, want a refusal of plan.chargeHour", tc.name, err, c.requests)
		case tc.want != "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.want != "" && e.Subscription.Calendar.Date(0).In(subscription.Seoul).Format("01-02 15") != tc.want:
			t.Errorf("%s: the first date is %s, want %s", tc.name, e.Subscription.Calendar.Date(0).In(subscription.Seoul), tc.want)
		}
	}
}

// TestStartAgainAfterTheFirstCharge: the same request is the same subscription at any time. Only a time that has gone wrong costs a read.
func TestStartAgainAfterTheFirstCharge(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	r := planRequest()
	r.FirstChargeAt = noon.Add(48 * time.Hour)
	first, err := c.start(t, r)
	if err != nil || !first.New || fmt.Sprint(c.requests) != "[create-subscription]" {
		t.Fatalf("%+v, %v, %v", first, err, c.requests)
	}
	for _, later := range []time.Duration{time.Hour, 48 * time.Hour, 49 * time.Hour, 4000 * time.Hour} {
		c.now, c.requests = noon.Add(later), nil
		again, err := c.start(t, r)
		if err != nil || again.New || again.Subscription.LinkToken != first.Subscription.LinkToken || len(again.Window.Params) == 0 || len(c.requests) != 1 {
			t.Errorf("%s later: %+v, %v, %v", later, again, err, c.requests)
		}
	}
	zoned := r
	zoned.FirstChargeAt = r.FirstChargeAt.In(time.FixedZone("", -3*60*60))
	if again, err := c.start(t, zoned); err != nil || again.New {
		t.Errorf("the same time in another zone: %v", err)
	}
	field := new(payment.FieldError)
	refused := func(what string, r payment.NewSubscription) {
		t.Helper()
		if e, err := c.start(t, r); !errors.As(err, &field) || field.Field != "firstChargeAt" || e.Subscription.ID != "" {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
	}
	other := r
	other.Amount++
	refused("another request with this id", other)
	other = r
	other.SubscriptionID = "sub-0002"
	refused("a new request", other)
	other.SubscriptionID = ""
	refused("without an id", other)
	c.store.Before = func(string) error { return errors.New("canary") }
	if _, err := c.start(t, r); err == nil || !strings.Contains(err.Error(), "canary") {
		t.Errorf("the table is down: %v; nobody can say that the request is wrong", err)
	}
}
