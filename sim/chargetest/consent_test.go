package chargetest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answer is what the buyer presses on the consent page, or only looks at without an answer; it returns the page they then see.
func (s *shop) answer(address, answer string) string {
	s.T.Helper()
	a := s.Get(strings.TrimSuffix(address, "?lang=en") + "?lang=en")
	if answer != "" {
		a = s.PostForm(address, url.Values{"answer": {answer}, "lang": {"en"}})
	}
	if a.Status == http.StatusSeeOther {
		return s.answer(a.Location(), "")
	}
	return fmt.Sprint(a.Status, " ", a.Body)
}

func (s *shop) wantPage(what, page, part string) {
	s.T.Helper()
	if !strings.Contains(page, part) {
		s.T.Errorf("%s: the page has no %q: %s", what, part, page)
	}
}

const dearer = `{"amount":12900,"currency":"KRW"}`

// TestNoConsentNoHigherCharge: a price rise that the buyer did not agree to is never charged, whatever the merchant repeats.
func TestNoConsentNoHigherCharge(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"", "refuse", "nonsense"} {
		s := enrolled(t)
		s.Pass("2d")
		got := s.must(200, "/plan", dearer)
		if got.Plan.Amount != 9900 || got.Consent == nil || got.Consent.State != "needed" || got.Consent.Before != 9900 || got.Consent.After != 12900 {
			t.Fatalf("%+v %+v", got.Plan, got.Consent)
		}
		if again := s.must(200, "/plan", dearer); again.Consent.URL != got.Consent.URL {
			t.Errorf("the same wish again has another page: %s, %s", got.Consent.URL, again.Consent.URL)
		}
		s.wantPage(answer, s.answer(got.Consent.URL, answer), "12,900")
		s.Pass("60d")
		s.wantTaken("c1 9900 01-31", "c2 9900 02-28", "c3 9900 03-31")
		if got := s.read(); got.Status != "active" || got.Consent.State != "lapsed" {
			t.Errorf("answer %q: %s, %+v", answer, got.Status, got.Consent)
		}
		s.wantPage("after the date", s.answer(got.Consent.URL, "agree"), "no longer waiting")
		s.Pass("30d")
		s.wantTaken("c1 9900 01-31", "c2 9900 02-28", "c3 9900 03-31", "c4 9900 04-30")
	}
}

// TestConsentOfAnotherPlan: a page that was sent for one price, or to another subscription's buyer, agrees to no other.
func TestConsentOfAnotherPlan(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("2d")
	first := s.must(200, "/plan", dearer).Consent.URL
	second := s.must(200, "/plan", `{"amount":15900,"currency":"KRW"}`).Consent.URL
	if first == second {
		t.Fatalf("two prices have the page %s", first)
	}
	for what, address := range map[string]string{"the first price's": first, "another subscription's": strings.Replace(second, id, "sub-other", 1)} {
		for _, answer := range []string{"", "agree"} {
			s.wantPage(what, s.answer(address, answer), "404 ")
		}
	}
	if got := s.read(); got.Consent.State != "needed" || got.Consent.After != 15900 {
		t.Errorf("%+v", got.Consent)
	}
	s.Pass("30d")
	s.wantTaken("c1 9900 01-31", "c2 9900 02-28")
}

func TestConsentGivenIsCharged(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("2d")
	got := s.must(200, "/plan", dearer)
	s.wantPage("asked", s.answer(got.Consent.URL, ""), "February 28, 2027")
	s.wantPage("agreed", s.answer(got.Consent.URL, "agree"), "You agreed")
	s.wantPage("taken back", s.answer(got.Consent.URL, "refuse"), "You did not agree")
	s.wantPage("agreed again", s.answer(got.Consent.URL, "agree"), "You agreed")
	if got := s.read(); got.Consent.State != "given" || got.Plan.Amount != 12900 {
		t.Errorf("%+v %+v", got.Plan, got.Consent)
	}
	s.Pass("60d")
	s.wantTaken("c1 9900 01-31", "c2 12900 02-28", "c3 12900 03-31")
	s.wantPage("a guessed token", s.answer(strings.Replace(got.Consent.URL, "/consent/"+id+"/", "/consent/"+id+"/X", 1), "refuse"), "404 ")
}

func TestNoConsentEnds(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("2d")
	got := s.must(200, "/plan", `{"amount":12900,"currency":"KRW","withoutConsent":"end"}`)
	s.wantPage("asked", s.answer(got.Consent.URL, ""), "your subscription ends on that date")
	s.Pass("60d")
	s.wantTaken("c1 9900 01-31")
	if got := s.read(); got.Status != "canceled" {
		t.Errorf("%s, %+v", got.Status, got.Consent)
	}
}

// TestTrialNeedsConsent: by default; asked for 30 days before the first charge, and not before; with the merchant's evidence not at all.
func TestTrialNeedsConsent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, trial, state, answer string
		want                       []string
	}{
		{"no consent", "", "planned", "", nil},
		{"agreed", "", "planned", "agree", []string{"c1 9900 04-15"}},
		{"the merchant's", `"trial":{"evidence":"contract 7"},`, "given", "", []string{"c1 9900 04-15"}},
		{"nothing is free", `"trial":{"free":false},`, "", "", []string{"c1 9900 04-15"}},
	} {
		s := newShop(t)
		wish := strings.Replace(body, `"customerId"`, tc.trial+`"firstChargeAt":"2027-04-15T10:00:00+09:00","customerId"`, 1)
		wish = strings.Replace(wish, `,"chargeHour":10`, "", 1)
		made, code := s.send(http.MethodPost, "/subscriptions", wish)
		if code != http.StatusCreated {
			t.Fatalf("%s: %d %+v", tc.name, code, made.Error)
		}
		s.register(made.Window)
		got := s.read()
		if (got.Consent == nil) != (tc.state == "") || got.Consent != nil && got.Consent.State != tc.state {
			t.Fatalf("%s: %+v", tc.name, got.Consent)
		}
		if tc.answer != "" {
			s.wantPage("too early", s.answer(got.Consent.URL, tc.answer), "nothing to do now")
			s.Pass("50d")
			if got := s.read(); got.Consent.State != "needed" {
				t.Errorf("%s: 24 days before: %+v", tc.name, got.Consent)
			}
			s.wantPage("in time", s.answer(got.Consent.URL, tc.answer), "You agreed")
			s.Pass("26d")
		} else {
			s.Pass("76d")
		}
		s.wantTaken(tc.want...)
		if got := s.read(); (got.Status == "canceled") != (tc.want == nil) {
			t.Errorf("%s: %s", tc.name, got.Status)
		}
	}
}
