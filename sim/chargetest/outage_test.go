package chargetest_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	merchantevent "tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// told are the types of the events that the subscription's history makes, each checked against its schema.
func (s *stage) told() (types []string) {
	s.t.Helper()
	events, _ := merchantevent.Change{Subscription: s.read()}.History()
	for _, e := range events {
		if err := eventtest.Check(e); err != nil {
			s.t.Error(err)
		}
		types = append(types, strings.TrimPrefix(string(e.Type), "subscription."))
	}
	return types
}

// bankTook are the captures as "cycle amount".
func (s *stage) bankTook() (list []string) {
	for _, p := range s.Bank.Payments() {
		if p.Captured() {
			list = append(list, fmt.Sprintf("%s %d", strings.TrimPrefix(p.Number, id+"--"), p.Amount))
		}
	}
	return list
}

// down lets time pass without a run of the schedule.
func (s *stage) down(d time.Duration) { s.now = s.now.Add(d) }

// TestScheduleDownWhileConsentWasToBeAsked: for 40 days, over all of the window in which the buyer could have agreed. The merchant's choice is
// carried out, the cycle is never charged at the higher price, the merchant is told, and may ask again.
func TestScheduleDownWhileConsentWasToBeAsked(t *testing.T) {
	t.Parallel()
	const days = 24 * time.Hour
	for _, tc := range []struct {
		choice string
		want   []string
		told   []string
		status subscription.Status
	}{
		{"keep", []string{"c1 9900", "c2 9900"}, []string{"activated", "charged", "consent_missed", "charged"}, subscription.Active},
		{"end", []string{"c1 9900"}, []string{"activated", "charged", "consent_missed", "canceled"}, subscription.Canceled},
	} {
		s := newStage(t, func(r *payment.NewSubscription) { r.Every = 2 }) // 31 January, 31 March
		s.until(start.Add(20 * days))
		rise := payment.PlanChange{Amount: 12900, Currency: "KRW", WithoutConsent: tc.choice}
		planned, err := s.Enroller.ChangePlan(s.ctx, id, rise)
		if err != nil || planned.Consent.State() != subscription.ConsentPlanned {
			t.Fatalf("%s: %+v, %v", tc.choice, planned.Consent, err)
		}
		s.down(40 * days) // from 20 February to 1 April
		if s.now.Before(planned.ChargeAt) || s.now.After(planned.ChargeAt.Add(2*days)) {
			t.Fatalf("it is %v, and the date was %v", s.now, planned.ChargeAt)
		}
		s.until(s.now.Add(days))
		got := s.read()
		if took := s.bankTook(); !reflect.DeepEqual(took, tc.want) || got.Status != tc.status {
			t.Errorf("%s: took %q, want %q; %s\n%s", tc.choice, took, tc.want, got.Status, s.story())
		}
		if told := s.told(); !reflect.DeepEqual(told, tc.told) {
			t.Errorf("%s: told %q, want %q", tc.choice, told, tc.told)
		}
		if tc.choice == "end" {
			continue
		}
		if got.Consent.State() != subscription.ConsentLapsed || got.Plan.Amount.Value != price {
			t.Errorf("%+v, %+v", got.Consent, got.Plan)
		}
		if _, err := s.Enroller.ChangePlan(s.ctx, id, rise); err != nil {
			t.Fatal(err)
		}
		s.until(s.now.Add(40 * days)) // 12 May: it is asked for now
		asked := s.read()
		if _, err := s.Enroller.Answer(s.ctx, id, asked.Consent.Token, true, "en"); err != nil {
			t.Fatalf("asked again: %v\n%s", err, s.story())
		}
		s.until(s.now.Add(30 * days))
		if took := s.bankTook(); !reflect.DeepEqual(took, []string{"c1 9900", "c2 9900", "c3 12900"}) {
			t.Errorf("asked again: took %q", took)
		}
	}
}

// TestScheduleDownOverTheEndOfATrial: nobody was asked, so that nothing is charged.
func TestScheduleDownOverTheEndOfATrial(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(r *payment.NewSubscription) {
		r.FirstChargeAt, r.Trial = start.AddDate(0, 0, 50), &payment.Trial{Free: true}
	})
	s.until(start.AddDate(0, 0, 15))
	s.down(40 * 24 * time.Hour)
	s.until(s.now.Add(100 * 24 * time.Hour))
	if took, told := s.bankTook(), s.told(); took != nil || !reflect.DeepEqual(told, []string{"activated", "consent_missed", "canceled"}) {
		t.Errorf("took %q, told %q", took, told)
	}
}

// TestSuspensionKeepsItsCause: however much happens to it while it is suspended. It is gone when the subscription goes on.
func TestSuspensionKeepsItsCause(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.PortOne.DeclineNext("CARD_NOT_AVAILABLE")
	s.Pass("1d")
	check := func(when string) {
		t.Helper()
		got := s.read()
		if got.Status != "suspended" || got.Suspension == nil {
			t.Fatalf("%s: %s, %+v", when, got.Status, got.Suspension)
		}
		if c := got.Suspension; c.Cycle != 1 || c.Code != "CARD_NOT_AVAILABLE" || c.Message != "도난/분실/거래정지 카드" || c.Reason != "needs-new-means" ||
			c.At.In(subscription.Seoul).Format("01-02 15:04") != "01-31 10:00" {
			t.Errorf("%s: %+v", when, c)
		}
	}
	check("refused")
	for i := range 40 {
		s.must(200, "/plan", fmt.Sprintf(`{"amount":%d,"currency":"KRW"}`, 9800-i))
	}
	for _, step := range s.read().History {
		if step.Event == "needs-new-means" {
			t.Fatal("the history still has the cause: this test asserts nothing")
		}
	}
	check("after 40 changes")
	got := s.must(200, "/renew-key", "")
	check("while another payment method is registered")
	s.register(got.Window)
	s.Pass("1h")
	if got := s.read(); got.Status != "active" || got.Suspension != nil {
		t.Errorf("it goes on: %s, %+v", got.Status, got.Suspension)
	}
}

// TestSuspendedEventCarriesTheCause, also one of a timetable that is over and of a cycle that was written off.
func TestSuspendedEventCarriesTheCause(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Bank.Outcome = func(string, int) string { return "CARD_EXCEED_LIMIT" }
	s.until(start.AddDate(0, 0, 10))
	events, _ := merchantevent.Change{Subscription: s.read()}.History()
	last := events[len(events)-1]
	if err := eventtest.Check(last); err != nil {
		t.Error(err)
	}
	if want := (merchantevent.Suspension{Cycle: 1, Code: "CARD_EXCEED_LIMIT", Message: "사용한도 초과"}); last.Type != merchantevent.SubscriptionSuspended ||
		last.Data.Suspension == nil || *last.Data.Suspension != want {
		t.Errorf("%+v, %+v", last, last.Data.Suspension)
	}
	if cause := s.read().Cause; cause.At.Sub(start) < 7*24*time.Hour {
		t.Errorf("the cause is of the first refusal, not of the end: %+v", cause)
	}
}
