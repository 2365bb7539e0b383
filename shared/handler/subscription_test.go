package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
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
		{"resume", "that is suspended does", func(s *subscription.Subscription) { s.Status = subscription.Suspended }},
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
		subscription.Enrolling: true, subscription.Active: true, subscription.PastDue: true,
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
