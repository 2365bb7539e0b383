package web

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func consentView(state ConsentState) ConsentView {
	return ConsentView{
		Language: English, State: state, SubscriptionID: "sub-123456", Name: "월간 이용권", Before: 9900, After: 12900, Currency: "KRW",
		Date: time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC), Plan: Plan{IntervalUnit: "month", Every: 1}, MeansBrand: "신한카드",
		MeansMasked: "559410*********4", ReturnURL: "https://shop.example/done",
		LanguageLinks: map[Language]string{Korean: "/consent/s/t?lang=ko", English: "/consent/s/t?lang=en"},
	}
}

// TestConsentSaysWhatTheLawAsks: date, price before and after, payment method, how to cancel; one button each way, and nothing chosen.
func TestConsentSaysWhatTheLawAsks(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		view := consentView(ConsentAsks)
		view.Language = language
		page, words := Consent(view), language.catalog()
		for _, part := range []string{
			dateText(view.Date, language), view.price(9900, language), view.price(12900, language), "신한카드 559410*********4", "sub-123456",
			words.Consent.HowToCancel, words.Consent.Stays, words.Consent.Agree, words.Consent.Refuse,
		} {
			if !contains(page, part) {
				t.Errorf("%s: the page has no %q", language, part)
			}
		}
		_, body, _ := strings.Cut(string(page.Body), "<main>")
		if strings.Count(body, "<button") != 2 || strings.Contains(body, "checked") || strings.Contains(body, "primary") || strings.Contains(body, "<script") {
			t.Errorf("%s: one of the answers is made easier: %s", language, body)
		}
		view.Ends = true
		if page := Consent(view); !contains(page, words.Consent.Ends) || contains(page, words.Consent.Stays) {
			t.Errorf("%s: what follows is not said", language)
		}
		view.Free = true
		if page := Consent(view); !contains(page, words.Consent.Nothing) || contains(page, view.price(9900, language)) || !contains(page, words.Consent.AsksTrial.Title) {
			t.Errorf("%s: a trial is not free", language)
		}
	}
}

func TestConsentStates(t *testing.T) {
	t.Parallel()
	for state, buttons := range map[ConsentState]int{ConsentAsks: 2, ConsentGiven: 2, ConsentRefused: 2, ConsentEarly: 0, ConsentClosed: 0} {
		page := Consent(consentView(state))
		if got := strings.Count(string(page.Body), "<button"); got != buttons || page.Status != http.StatusOK {
			t.Errorf("%s: %d buttons, status %d, want %d buttons", state, got, page.Status, buttons)
		}
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self'") {
			t.Errorf("%s: %s", state, policy)
		}
	}
	if page := Consent(consentView("new")); page.Status != http.StatusInternalServerError {
		t.Errorf("an unknown state: %d", page.Status)
	}
	hostile := consentView(ConsentAsks)
	hostile.Name, hostile.MeansBrand, hostile.ReturnURL = `"><script>alert(1)</script>`, "<b>", "javascript:alert(1)"
	if body := string(Consent(hostile).Body); strings.Contains(body, "<script") || strings.Contains(body, "<b>") || strings.Contains(body, "javascript:") {
		t.Errorf("hostile values: %s", body)
	}
}
