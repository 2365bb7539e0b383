package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

// wish sends a merchant's wish about sub-001, with a content type only when there is one.
func (h *house) wish(t *testing.T, verb, contentType, body string) (handler.Response, errorBody) {
	t.Helper()
	r := event("POST /subscriptions/{id}/"+verb, "", body, "id", "sub-001")
	if delete(r.Headers, "content-type"); contentType != "" {
		r.Headers["content-type"] = contentType
	}
	response := call(t, h.merchant, r)
	var e errorBody
	if err := json.Unmarshal([]byte(response.Body), &e); err != nil {
		t.Fatal(err)
	}
	return response, e
}

type errorBody struct {
	Error struct{ Code, Field, Message string }
}

// subscribed is a house with sub-001 as edit makes it: active, unless told otherwise.
func subscribed(t *testing.T, edit func(*subscription.Subscription)) *house {
	t.Helper()
	h := newHouse(t, "https://pay.example")
	if made := call(t, h.merchant, event("POST /subscriptions", "", subscribe)); made.StatusCode != http.StatusCreated {
		t.Fatal(made.Body)
	}
	h.sub001(t, func(s *subscription.Subscription) {
		now, stored := time.Now(), s.Revision
		*s = s.Issued(subscription.Key{N: 1, IssuedAt: now}, now).Charged(1, 0, now)
		edit(s)
		s.Revision = stored // all of it is one write
	})
	return h
}

// TestWishesTakeNoBody: an empty one, or an object with nothing in it; a misspelt option is named and changes nothing.
func TestWishesTakeNoBody(t *testing.T) {
	t.Parallel()
	h := subscribed(t, func(*subscription.Subscription) {})
	const jsonType = "application/json"
	for _, verb := range []string{"pause", "resume", "renew-key"} {
		for _, body := range []struct {
			contentType, text string
			status            int
			field             string
		}{
			{jsonType, `{"untill":"2027-01-01"}`, 400, "untill"},
			{jsonType, `{} {}`, 400, ""},
			{jsonType, `[]`, 400, ""},
			{"text/plain", `{}`, 415, ""},
			{"", `{}`, 415, ""},
			{jsonType, strings.Repeat(" ", 65<<10), 413, ""},
		} {
			response, e := h.wish(t, verb, body.contentType, body.text)
			if response.StatusCode != body.status || e.Error.Field != body.field || e.Error.Message == "" {
				t.Errorf("%s with %.30q: %d %s, want %d %s", verb, body.text, response.StatusCode, response.Body, body.status, body.field)
			}
		}
		for _, body := range []struct{ contentType, text string }{{"", ""}, {jsonType, ""}, {"", " \n"}, {jsonType, "{}"}, {jsonType + "; charset=utf-8", " {} "}} {
			if response, _ := h.wish(t, verb, body.contentType, body.text); response.StatusCode != http.StatusOK {
				t.Errorf("%s with %q %q: %d %s", verb, body.contentType, body.text, response.StatusCode, response.Body)
			}
		}
	}
}

// TestCancelWithoutABody: what is missing is said, whether or not there is such a subscription, and nothing is cancelled.
func TestCancelWithoutABody(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*house{"known": subscribed(t, func(*subscription.Subscription) {}), "unknown": newHouse(t, "https://pay.example")} {
		for _, contentType := range []string{"", "application/json", "text/plain"} {
			response, e := h.wish(t, "cancel", contentType, "")
			if response.StatusCode != http.StatusBadRequest || e.Error.Field != "at" || !strings.Contains(e.Error.Message, "period-end") {
				t.Errorf("%s, %q: %d %s", name, contentType, response.StatusCode, response.Body)
			}
		}
		if response, _ := h.wish(t, "cancel", "text/plain", `{"at":"now"}`); response.StatusCode != http.StatusUnsupportedMediaType {
			t.Errorf("%s, text: %d %s", name, response.StatusCode, response.Body)
		}
	}
}

// TestRefusedWishesSayWhy: the status that stands in the way, and more where the status does not tell.
func TestRefusedWishesSayWhy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		verb, says string
		edit       func(*subscription.Subscription)
	}{
		{"pause", "a pause would keep it from that", func(s *subscription.Subscription) { *s = s.Cancel(time.Now(), true) }},
		{"pause", "that is canceled does", func(s *subscription.Subscription) { *s = s.Cancel(time.Now(), true).Cancel(time.Now(), false) }},
		{"pause", "that is suspended does", func(s *subscription.Subscription) { s.Status = subscription.Suspended }},
		{"resume", "renew-key", func(s *subscription.Subscription) {
			*s = s.Refused(s.Cycle, 2, subscription.Hard, "CODE", subscription.DefaultTimetable(), time.Now())
		}},
		{"resume", "that is enrolling does", func(s *subscription.Subscription) { s.Status = subscription.Enrolling }},
		{"renew-key", "does not allow that", func(s *subscription.Subscription) { *s = s.Cancel(time.Now(), false) }},
	} {
		response, e := subscribed(t, tc.edit).wish(t, tc.verb, "", "")
		if response.StatusCode != http.StatusConflict || e.Error.Code != "WRONG_STATUS" || !strings.Contains(e.Error.Message, tc.says) || strings.Contains(e.Error.Message, "  ") {
			t.Errorf("%s: %d %s, want %q", tc.verb, response.StatusCode, response.Body, tc.says)
		}
	}
}

// TestNoDateWhereNothingIsCharged: what does not charge has no next date.
func TestNoDateWhereNothingIsCharged(t *testing.T) {
	t.Parallel()
	for status, dated := range map[subscription.Status]bool{
		subscription.Enrolling: false, subscription.Active: true, subscription.PastDue: true,
		subscription.Paused: false, subscription.Suspended: false, subscription.Canceled: false,
	} {
		h := subscribed(t, func(s *subscription.Subscription) { s.Status = status })
		response := call(t, h.merchant, event("GET /subscriptions/{id}", "", "", "id", "sub-001"))
		var got struct {
			Status   subscription.Status
			NextDate *time.Time
			Upcoming []time.Time
		}
		if err := json.Unmarshal([]byte(response.Body), &got); err != nil || got.Status != status {
			t.Fatalf("%s: %v", response.Body, err)
		}
		if (got.NextDate != nil) != dated || got.Upcoming == nil || !dated && len(got.Upcoming) > 0 {
			t.Errorf("%s: next date %v, upcoming %v", status, got.NextDate, got.Upcoming)
		}
	}
}

// TestRegistrationPageTellsTheNextPayment: what the page promises is what the registration leads to, at the first means and at a later one.
func TestRegistrationPageTellsTheNextPayment(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ahead := func(d time.Duration) string { return now.Add(d).In(subscription.Seoul).Format("January 2, 2006") }
	monthly := func(s *subscription.Subscription, first time.Time) {
		day := first.In(subscription.Seoul)
		s.Calendar = subscription.Calendar{First: first, Interval: subscription.Month, Every: 1, Anchor: day.Day(), Hour: day.Hour()}
	}
	const day = 24 * time.Hour
	// live is a subscription of twenty weeks, whose next date is three days ahead.
	live := func(s *subscription.Subscription) {
		first := now.Add(3*day - 20*7*day)
		s.Calendar = subscription.Calendar{First: first, Interval: subscription.Week, Every: 4, Hour: first.In(subscription.Seoul).Hour()}
		*s = s.Issued(subscription.Key{N: 1, IssuedAt: first}, first)
		for s.ChargeAt.Before(now) {
			*s = s.Charged(s.Cycle, s.Date, s.ChargeAt)
		}
	}
	refused := func(decline subscription.Decline) func(*subscription.Subscription) {
		return func(s *subscription.Subscription) {
			live(s)
			*s = s.Refused(s.Cycle, 2, decline, "CODE", subscription.DefaultTimetable(), now)
		}
	}
	then := func(do func(subscription.Subscription) subscription.Subscription) func(*subscription.Subscription) {
		return func(s *subscription.Subscription) {
			live(s)
			*s = do(*s)
		}
	}
	const first, next, retry, none = "The first payment is", "The next payment is on ", "did not go through is tried again right after", "Nothing is charged when you register.<"
	for _, tc := range []struct {
		name  string
		edit  func(*subscription.Subscription)
		shows string
		renew bool
	}{
		{"the first means", func(*subscription.Subscription) {}, first + " charged right after registration", false},
		{"a trial", func(s *subscription.Subscription) { monthly(s, now.Add(14*day)) }, first + " on " + ahead(14*day), false},
		{"a trial that ends within the hour", func(s *subscription.Subscription) { monthly(s, subscription.FullHour(now.Add(time.Nanosecond))) }, first + " on ", false},
		{"a first date that went by", func(s *subscription.Subscription) { monthly(s, now.Add(-2*day)) }, first + " charged right after registration", false},
		{"active", live, next + ahead(3*day), true},
		{"refused and tried again by the timetable", refused(subscription.Soft), retry, true},
		{"the means is gone", refused(subscription.Hard), retry, true},
		{"written off", then(func(s subscription.Subscription) subscription.Subscription {
			return s.Ended(s.Cycle, s.Date, "CODE", false, now)
		}), next + ahead(31*day), true},
		{"paused", then(func(s subscription.Subscription) subscription.Subscription { p, _ := s.Pause(now); return p }), none, true},
		{"ends at the next date", then(func(s subscription.Subscription) subscription.Subscription { return s.Cancel(now, true) }), none, true},
	} {
		h := newHouse(t, "https://pay.example")
		call(t, h.merchant, event("POST /subscriptions", "", subscribe))
		id := "sub-001--key1"
		h.sub001(t, func(s *subscription.Subscription) {
			stored := s.Revision
			tc.edit(s)
			if tc.renew {
				*s, _ = s.RenewKey(now)
				id = "sub-001--key2"
			}
			s.Revision, s.AskAfter = stored, time.Time{}
		})
		page := call(t, h.checkout, event("GET /pay/{id}/{linkToken}", "lang=en", "", "id", id, "linkToken", "link")).Body
		if !strings.Contains(page, tc.shows) {
			t.Errorf("%s: the page does not say %q", tc.name, tc.shows)
		}
		for _, other := range []string{first, next, retry, none} {
			if strings.Contains(page, other) && !strings.HasPrefix(tc.shows, other) {
				t.Errorf("%s: the page says %q", tc.name, other)
			}
		}
		label := "First payment"
		if tc.renew {
			label = "Next payment"
		}
		back := call(t, h.confirm, event("GET /confirm/portone/{id}/{linkToken}", "", "", "id", id, "linkToken", "link")).Body
		for which, body := range map[string]string{"page": page, "return": back} {
			if got := strings.Contains(body, label); got != (tc.shows != none) {
				t.Errorf("%s, %s: the label %q is shown: %v", tc.name, which, label, got)
			}
			if other := "First payment"; tc.renew && strings.Contains(body, other) {
				t.Errorf("%s, %s: speaks of a first payment", tc.name, which)
			}
		}
	}
}

// TestRegistrationPageTellsThePriceThatLasts: who registers a means agrees to the price of the cycles to come, and sees what is taken at once
// when that is another one.
func TestRegistrationPageTellsThePriceThatLasts(t *testing.T) {
	t.Parallel()
	now := time.Now()
	dearer := subscription.Plan{Amount: money.Amount{Value: 50_000, Currency: money.KRW}, Name: "Plan, larger"}
	for name, decline := range map[string]subscription.Decline{"tried again": subscription.Soft, "suspended": subscription.Hard} {
		h := newHouse(t, "https://pay.example")
		call(t, h.merchant, event("POST /subscriptions", "", subscribe))
		h.sub001(t, func(s *subscription.Subscription) {
			stored := s.Revision
			*s = s.Issued(subscription.Key{N: 1, IssuedAt: now}, now).Refused(1, 2, decline, "CODE", subscription.DefaultTimetable(), now)
			*s, _ = s.ChangePlan(dearer, now)
			*s, _ = s.RenewKey(now)
			s.Revision, s.AskAfter = stored, time.Time{}
		})
		page := call(t, h.checkout, event("GET /pay/{id}/{linkToken}", "lang=en", "", "id", "sub-001--key2", "linkToken", "link")).Body
		for _, says := range []string{"₩50,000 KRW every month", "Plan, larger", "Right after registration · ₩9,900 KRW"} {
			if !strings.Contains(page, says) {
				t.Errorf("%s: the page does not say %q", name, says)
			}
		}
		if strings.Contains(page, "₩9,900 KRW every") {
			t.Errorf("%s: the page promises the old price for good", name)
		}
	}
}
