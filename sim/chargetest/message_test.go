package chargetest_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/soak"
)

// TestBudget: a charge is four writes and one question, and nothing is read.
func TestBudget(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.now = due(0)
	var calls []string
	s.Hook = func(c soak.Call) error {
		if !c.After && c.Op != "due" { // the index is read once for all that is due
			calls = append(calls, c.Op)
		}
		return nil
	}
	s.tick()
	want := []string{"lease-due", "send", "claim-cycle", "create", "charge", "save", "save-subscription"}
	if len(calls) != len(want) {
		t.Fatalf("a charge is %q, want %q", calls, want)
	}
	for i := range want {
		if calls[i] != want[i] {
			t.Fatalf("a charge is %q, want %q", calls, want)
		}
	}
	docs, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		"| dispatch of a due record | 1 |",                                    // lease-due
		"| charge of a cycle: claim, order, outcome, next date | 4 | 0 | 1 |", // claim-cycle, create, save, save-subscription; charge
		"| the same message again | 1 (refused; no item changes) | 0 | 0 |",
	} {
		if !strings.Contains(string(docs), row) {
			t.Errorf("docs/architecture.md does not say %s", row)
		}
	}
	calls = nil
	if err, _ := s.work(s.messages[0]); err != nil || len(calls) != 1 || calls[0] != "claim-cycle" {
		t.Errorf("the message again is %q, %v: want one refused claim", calls, err)
	}
	if s.captures() != 1 {
		t.Errorf("%d captures", s.captures())
	}
}

// TestLateMessages: what is no longer to be charged is acknowledged, and nothing is charged.
func TestLateMessages(t *testing.T) {
	t.Parallel()
	first := payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 1}
	for _, tc := range []struct {
		name    string
		message payment.Message
		before  func(*stage) error
		charged int // by the message
	}{
		{"due", first, func(*stage) error { return nil }, 1},
		{"not due yet", first, func(s *stage) error { s.now = due(0).Add(-time.Minute); return nil }, 0},
		{"the clock jumped back", payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 2}, func(s *stage) error {
			s.tick()
			s.now = due(0).Add(-20 * day)
			return nil
		}, 0},
		{"paused", first, func(s *stage) error { _, err := s.Enroller.Pause(s.ctx, id); return err }, 0},
		{"canceled", first, func(s *stage) error { _, err := s.Enroller.Cancel(s.ctx, id, false); return err }, 0},
		{"canceled at the period's end", first, func(s *stage) error { _, err := s.Enroller.Cancel(s.ctx, id, true); return err }, 0},
		{"cycle already past", first, func(s *stage) error { s.tick(); return nil }, 0},
		{"a cycle that has not come", payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 7}, func(*stage) error { return nil }, 0},
		{"unknown subscription", payment.Message{Kind: payment.KindSubscription, ID: "sub_other", Cycle: 1}, func(*stage) error { return nil }, 0},
		{"unknown order", payment.Message{Kind: payment.KindOrder, ID: "sub_other--c1"}, func(*stage) error { return nil }, 0},
		{"paid order", payment.Message{Kind: payment.KindOrder, ID: id + "--c1"}, func(s *stage) error { s.tick(); return nil }, 0},
		{"price changed", first, func(s *stage) error {
			_, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 2 * price, Currency: "KRW", Evidence: "test"})
			return err
		}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.now = due(0)
			if err := tc.before(s); err != nil {
				t.Fatal(err)
			}
			before := len(s.Bank.Payments())
			for range 2 {
				if err, _ := s.work(tc.message); err != nil {
					t.Errorf("not acknowledged: %v", err)
				}
			}
			taken := s.Bank.Payments()[before:]
			if len(taken) != tc.charged {
				t.Errorf("%d charges, want %d\n%s", len(taken), tc.charged, s.story())
			}
			if tc.name == "price changed" && (len(taken) != 1 || taken[0].Amount != 2*price) {
				t.Errorf("charged %+v, want the new price", taken)
			}
		})
	}
}

// TestMalformedMessages are refused without a question to anybody.
func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	for _, m := range []payment.Message{
		{},
		{Kind: "refund", ID: id},
		{Kind: payment.KindSubscription},
		{Kind: payment.KindSubscription, ID: id + "--c1", Cycle: 1},
		{Kind: payment.KindSubscription, ID: id, Cycle: -1},
		{Kind: payment.KindSubscription, ID: "../../etc", Cycle: 1},
		{Kind: payment.KindSubscription, ID: "a-name-that-is-longer-than-24", Cycle: 1},
		{Kind: payment.KindOrder},
		{Kind: payment.KindOrder, ID: "order-1--2"},
		{Kind: payment.KindOrder, ID: id + "--key1"},
		{Kind: payment.KindOrder, ID: "order 1"},
	} {
		s := newStage(t)
		s.now = due(0)
		s.Hook = func(c soak.Call) error {
			t.Errorf("%+v asks %+v", m, c)
			return nil
		}
		if err, _ := s.work(m); !errors.Is(err, payment.ErrMessage) {
			t.Errorf("%+v: %v, want ErrMessage", m, err)
		}
	}
}

// TestRegularYear is a year without trouble: the last day of every month.
func TestRegularYear(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.until(due(13).Add(-time.Hour))
	var dates []string
	for _, p := range s.Bank.Payments() {
		dates = append(dates, p.Began.In(subscription.Seoul).Format("2006-01-02"))
	}
	want := []string{"2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30", "2027-07-31", "2027-08-31", "2027-09-30",
		"2027-10-31", "2027-11-30", "2027-12-31", "2028-01-31"}
	if len(dates) != len(want) {
		t.Fatalf("charged on %v, want %v", dates, want)
	}
	for i := range want {
		if dates[i] != want[i] {
			t.Errorf("cycle %d on %s, want %s", i+1, dates[i], want[i])
		}
	}
}
