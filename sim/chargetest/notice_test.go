package chargetest_test

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	merchantevent "tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/soak"
)

// announced is a stage that announces each charge a week ahead, with the notices as "day: cycle amount of its day".
func announced(t *testing.T, edits ...func(*payment.NewSubscription)) (s *stage, notices *[]string) {
	t.Helper()
	edits = append([]func(*payment.NewSubscription){func(r *payment.NewSubscription) { r.FirstChargeAt = start.AddDate(0, 0, 1).Add(time.Hour) }}, edits...)
	s = newStage(t, edits...) // without notices until now: the first charge is not announced
	s.Worker.NoticeDays, s.Enroller.NoticeDays = 7, 7
	notices = new([]string)
	s.Store.Changed = noting(t, notices)
	return s, notices
}

// noting writes the notices down that a store's changes tell of.
func noting(t *testing.T, notices *[]string) func(merchantevent.Change) {
	return func(c merchantevent.Change) {
		events, hole := c.Events()
		for _, e := range events {
			if err := eventtest.Check(e); err != nil || hole {
				t.Error(err, hole)
			}
			if r := e.Data.Renewal; e.Type == merchantevent.SubscriptionRenewalUpcoming {
				*notices = append(*notices, fmt.Sprintf("%s: c%d %d %s", seoulDay(e.Timestamp), r.Cycle, r.Amount, seoulDay(r.Date)))
			}
		}
	}
}

func seoulDay(at time.Time) string { return at.In(subscription.Seoul).Format("01-02") }

// noon of a day in Seoul, in 2027.
func noon(month time.Month, day int) time.Time {
	return time.Date(2027, month, day, 12, 0, 0, 0, subscription.Seoul)
}

func wantNotices(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: announced %q, want %q", what, got, want)
	}
}

// TestEachChargeIsAnnouncedOnce, a week ahead, and a notice is what the budget says: the dispatch's lease, the refused claim, the save.
func TestEachChargeIsAnnouncedOnce(t *testing.T) {
	t.Parallel()
	s, notices := announced(t)
	s.until(noon(2, 20))
	var calls []string
	s.Hook = func(c soak.Call) error {
		if !c.After && c.Op != "due" {
			calls = append(calls, c.Op)
		}
		return nil
	}
	s.until(noon(2, 23))
	if want := []string{"lease-due", "send", "claim-cycle", "save-subscription"}; !reflect.DeepEqual(calls, want) {
		t.Errorf("a notice is %q, want %q", calls, want)
	}
	docs, err := os.ReadFile("../../docs/architecture.md")
	if row := "dispatch, refused claim, save | 3 (one refused; no item changes) | 0 | 0;"; err != nil || !strings.Contains(string(docs), row) {
		t.Errorf("docs/architecture.md does not say %s: %v", row, err)
	}
	calls = nil
	s.until(noon(3, 2))
	if want := []string{"lease-due", "send", "claim-cycle", "create", "charge", "save", "save-subscription"}; !reflect.DeepEqual(calls, want) {
		t.Errorf("an announced charge is %q, want %q", calls, want)
	}
	s.until(noon(5, 2))
	wantNotices(t, "monthly", *notices, "02-22: c2 9900 03-01", "03-25: c3 9900 04-01", "04-24: c4 9900 05-01")
	n := 0
	for _, kind := range s.told() { // what the table tells after an outage of the stream
		if kind == "renewal_upcoming" {
			n++
		}
	}
	if n != len(*notices) {
		t.Errorf("the history tells of %d notices, the writes of %d", n, len(*notices))
	}
	if s.captures() != 4 {
		t.Errorf("%d captures", s.captures())
	}
}

// TestShortPlansAreAnnouncedAtOnce: of a plan with a shorter interval each charge is announced after the one before.
func TestShortPlansAreAnnouncedAtOnce(t *testing.T) {
	t.Parallel()
	s, notices := announced(t, func(r *payment.NewSubscription) { r.Interval = "day" })
	s.until(noon(2, 4))
	wantNotices(t, "daily", *notices, "02-01: c2 9900 02-02", "02-02: c3 9900 02-03", "02-03: c4 9900 02-04", "02-04: c5 9900 02-05")
}

// TestNothingIsAnnouncedThatIsNotCharged.
func TestNothingIsAnnouncedThatIsNotCharged(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*stage) error{
		"paused":   func(s *stage) error { _, err := s.Enroller.Pause(s.ctx, id); return err },
		"canceled": func(s *stage) error { _, err := s.Enroller.Cancel(s.ctx, id, false); return err },
		"ending":   func(s *stage) error { _, err := s.Enroller.Cancel(s.ctx, id, true); return err },
		"to end without consent": func(s *stage) error {
			_, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 12900, Currency: "KRW", WithoutConsent: "end"})
			return err
		},
		"turned off": func(s *stage) error { s.Worker.NoticeDays = 0; return nil },
	} {
		s, notices := announced(t)
		s.until(noon(2, 15))
		if err := stop(s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		looks := 0
		s.Hook = func(c soak.Call) error {
			if !c.After && c.Op == "lease-due" {
				looks++
			}
			return nil
		}
		s.until(noon(2, 28))
		wantNotices(t, name, *notices)
		if looks > 2 { // one for the key to delete, or for the notice that is not wanted any more; never one every five minutes
			t.Errorf("%s: looked at %d times", name, looks)
		}
	}
	s, notices := announced(t)
	s.Bank.Outcome = func(string, int) string { return "CARD_EXCEED_LIMIT" }
	s.until(noon(3, 20))
	if got := s.read(); got.Status != subscription.Suspended {
		t.Fatalf("it is %s", got.Status)
	}
	wantNotices(t, "refused and suspended", *notices)
}

// TestNoticesAfterChanges: the amount is that of the day, and a date is announced again only when its day has moved.
func TestNoticesAfterChanges(t *testing.T) {
	t.Parallel()
	change := func(s *stage, amount int64, evidence string) {
		t.Helper()
		if _, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: amount, Currency: "KRW", Evidence: evidence}); err != nil {
			t.Fatal(err)
		}
	}
	pause := func(s *stage, until time.Time) {
		t.Helper()
		_, err := s.Enroller.Pause(s.ctx, id)
		s.until(until)
		if _, again := s.Enroller.Resume(s.ctx, id); err != nil || again != nil {
			t.Fatal(err, again)
		}
	}
	s, notices := announced(t)
	s.until(noon(2, 10))
	change(s, 5000, "")
	s.until(noon(2, 23))
	change(s, 4000, "") // after the notice: no other one
	pause(s, noon(2, 24))
	s.until(noon(2, 25))
	wantNotices(t, "price before and after, a pause that moves nothing", *notices, "02-22: c2 5000 03-01")
	pause(s, noon(3, 5))
	s.until(noon(4, 2))
	wantNotices(t, "a pause over the date", *notices, "02-22: c2 5000 03-01", "03-25: c2 4000 04-01")

	s, notices = announced(t)
	s.until(noon(2, 23))
	change(s, 12900, "contract 7")
	s.until(noon(3, 26))
	wantNotices(t, "a price rise with consent", *notices, "02-22: c2 9900 03-01", "03-25: c3 12900 04-01")

	s, notices = announced(t)
	s.until(noon(2, 15))
	if _, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 12900, Currency: "KRW", WithoutConsent: "end"}); err != nil {
		t.Fatal(err)
	}
	s.until(noon(2, 25))
	wantNotices(t, "before the buyer agrees", *notices)
	if _, err := s.Enroller.Answer(s.ctx, id, s.read().Consent.Token, true, "ko"); err != nil {
		t.Fatal(err)
	}
	s.until(noon(2, 26))
	wantNotices(t, "when the buyer agrees", *notices, "02-25: c2 12900 03-01")
}

// TestLateNotice: after an outage it is late, and never after its charge.
func TestLateNotice(t *testing.T) {
	t.Parallel()
	s, notices := announced(t)
	s.until(noon(2, 15))
	s.down(11 * 24 * time.Hour)
	s.until(noon(2, 27))
	wantNotices(t, "late", *notices, "02-26: c2 9900 03-01")
	s.until(noon(3, 10))
	s.down(25 * 24 * time.Hour)
	s.until(noon(4, 5))
	wantNotices(t, "too late", *notices, "02-26: c2 9900 03-01")
	if s.captures() != 3 {
		t.Errorf("%d captures", s.captures())
	}
}

// TestFirstChargeIsAnnounced, when it lies ahead: of a window, and of an imported subscription.
func TestFirstChargeIsAnnounced(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Worker.NoticeDays, s.Enroller.NoticeDays = 7, 7
	var notices []string
	s.Store.Changed = noting(t, &notices)
	for name, first := range map[string]time.Time{"sub_ahead": noon(2, 20), "sub_near": noon(2, 3), "sub_now": {}} {
		r := payment.NewSubscription{
			SubscriptionID: name, CustomerID: "customer", Amount: price, Currency: "KRW", Name: "Milk", Interval: "year", FirstChargeAt: first,
		}
		if _, err := s.Enroll(s.ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	s.until(noon(3, 1))
	slices.Sort(notices)
	wantNotices(t, "the first charge", notices, "01-31: c1 9900 02-03", "02-13: c1 9900 02-20", "02-21: c2 9900 02-28")
}

// TestNoticesAfterTheParameterChanged: a subscription takes it over with its next change, also one that was stored before there was a parameter.
func TestNoticesAfterTheParameterChanged(t *testing.T) {
	t.Parallel()
	set := func(s *stage, days int) { s.Worker.NoticeDays, s.Enroller.NoticeDays = days, days }
	s, notices := announced(t)
	set(s, 0)
	s.until(noon(2, 15)) // charged on 1 February, without notices
	set(s, 7)
	s.until(noon(4, 2))
	wantNotices(t, "on, after a charge", *notices, "03-25: c3 9900 04-01")
	set(s, 20)
	s.until(noon(5, 20))
	wantNotices(t, "earlier, after a charge", *notices, "03-25: c3 9900 04-01", "04-24: c4 9900 05-01", "05-12: c5 9900 06-01")

	s, notices = announced(t)
	set(s, 0)
	s.until(noon(2, 15))
	set(s, 7)
	if _, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 5000, Currency: "KRW"}); err != nil {
		t.Fatal(err)
	}
	s.until(noon(2, 27))
	wantNotices(t, "on, and a change of the plan", *notices, "02-22: c2 5000 03-01")

	s, notices = announced(t)
	s.until(noon(2, 20))
	set(s, 3) // the record is due seven days before
	s.until(noon(3, 2))
	wantNotices(t, "later", *notices, "02-26: c2 9900 03-01")

	s, notices = announced(t)
	s.until(noon(2, 23))
	set(s, 20)
	s.until(noon(2, 28))
	set(s, 1)
	s.until(noon(3, 2))
	wantNotices(t, "changed after the notice", *notices, "02-22: c2 9900 03-01")
}

// TestNoticeIsMadeOnce: whatever is killed or lost at any call, whoever else has the message, at most one notice of a cycle is made, and then a charge
// follows it.
func TestNoticeIsMadeOnce(t *testing.T) {
	t.Parallel()
	want := []string{"02-22: c2 9900 03-01"}
	var points []soak.Call
	run := func(what string, hook func(*stage, soak.Call) error) {
		t.Helper()
		s, notices := announced(t)
		s.until(noon(2, 21))
		s.Hook = func(c soak.Call) error { return hook(s, c) }
		s.until(noon(2, 23))
		s.Hook = func(soak.Call) error { return nil }
		s.until(noon(3, 2))
		wantNotices(t, what, *notices, want...)
		if s.captures() != 2 {
			t.Errorf("%s: %d captures", what, s.captures())
		}
	}
	run("nothing fails", func(_ *stage, c soak.Call) error {
		if c.Op != "due" {
			points = append(points, c)
		}
		return nil
	})
	if len(points) != 8 {
		t.Fatalf("a notice is the calls %v", points)
	}
	for _, at := range points {
		fired := false
		first := func(c soak.Call) bool {
			if c != at || fired {
				return false
			}
			fired = true
			return true
		}
		run(fmt.Sprintf("killed at %+v", at), func(_ *stage, c soak.Call) error {
			switch {
			case !first(c):
				return nil
			case c.Op == "lease-due" || c.Op == "send":
				runtime.Goexit() // the shard's goroutine of a tick
			}
			panic(killed{})
		})
		fired = false
		run(fmt.Sprintf("lost at %+v", at), func(_ *stage, c soak.Call) error {
			if first(c) {
				return errLost
			}
			return nil
		})
		fired = false
		run(fmt.Sprintf("the message twice, at %+v", at), func(s *stage, c soak.Call) error {
			if first(c) {
				return s.Worker.Work(s.ctx, payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 2})
			}
			return nil
		})
	}
}

// TestNoticeOfAFrozenWorker: what happened while it stood still counts, and not what it has read.
func TestNoticeOfAFrozenWorker(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		meanwhile func(*stage) error
		want      []string
	}{
		"paused":   {func(s *stage) error { _, err := s.Enroller.Pause(s.ctx, id); return err }, nil},
		"canceled": {func(s *stage) error { _, err := s.Enroller.Cancel(s.ctx, id, true); return err }, nil},
		"cheaper": {func(s *stage) error {
			_, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 5000, Currency: "KRW"})
			return err
		}, []string{"02-22: c2 5000 03-01"}},
		"charged": {func(s *stage) error {
			s.now = noon(3, 2)
			return s.Worker.Work(s.ctx, payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 2})
		}, nil},
	} {
		s, notices := announced(t)
		s.until(noon(2, 21))
		frozen := false
		s.Hook = func(c soak.Call) error {
			if frozen || c.After || c.Op != "save-subscription" {
				return nil
			}
			frozen = true
			return tc.meanwhile(s)
		}
		s.until(noon(2, 23))
		if !frozen {
			t.Fatalf("%s: nothing was saved", name)
		}
		wantNotices(t, name, *notices, tc.want...)
	}
}
