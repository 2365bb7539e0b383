package subscription

import (
	"testing"
	"time"
)

// announcing is agreedTo with notices a week ahead: charged on 1 December, next on 1 January.
func announcing() Subscription {
	s := agreedTo(Month)
	s.NoticeDays = 7
	return s.step(seoulNoon, Active, "parameter-changed", "")
}

// TestNoNoticeAfterItsCharge: neither at its time, which a late message of another cycle may meet, nor later.
func TestNoNoticeAfterItsCharge(t *testing.T) {
	t.Parallel()
	s := announcing()
	late := s
	late.due(s.ChargeAt)
	late = late.step(s.ChargeAt.AddDate(0, 0, -3), Active, "something", "")
	if want := s.ChargeAt.AddDate(0, 0, -3); !late.DueAt.Equal(want) {
		t.Errorf("due at %v, want %v: never in the past", late.DueAt, want)
	}
	if want := s.ChargeAt.AddDate(0, 0, -7); !s.DueAt.Equal(want) {
		t.Errorf("due at %v, want %v", s.DueAt, want)
	}
	for _, tc := range []struct {
		at   time.Time
		want bool
	}{
		{s.DueAt.Add(-time.Second), false}, {s.DueAt, true}, {s.ChargeAt.Add(-time.Second), true},
		{s.ChargeAt, false}, {s.ChargeAt.AddDate(0, 0, 40), false},
	} {
		next, ok := s.Woken(tc.at, 7)
		if ok != tc.want {
			t.Errorf("at %v: %v", tc.at, ok)
		}
		if ok && (!next.DueAt.Equal(s.ChargeAt) || !next.ChargeAt.Equal(s.ChargeAt) || next.Revision != s.Revision+1) {
			t.Errorf("at %v: %+v", tc.at, next)
		}
	}
}

// TestNoticeSaysWhatIsCharged: a consent that has grown old no longer holds the price it was for, and the notice says so, or there is none.
func TestNoticeSaysWhatIsCharged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		ends   bool
		agrees bool
		pause  time.Duration
		want   int64 // 0: no notice
	}{
		{"agreed", true, true, 0, 12900},
		{"not agreed, and it goes on", false, false, 0, 9900},
		{"not agreed, and it ends", true, false, 0, 0},
		{"agreed long ago, and it goes on", false, true, 32 * 24 * time.Hour, 9900},
		{"agreed long ago, and it ends", true, true, 32 * 24 * time.Hour, 0},
	} {
		s := announcing()
		at := seoulNoon.AddDate(0, 0, 3)
		s, _ = s.ChangeWithConsent(rise(tc.ends), "", at)
		if tc.agrees {
			s, _ = s.Consents(true, "text", "en", at)
		}
		if tc.pause > 0 {
			s, _ = s.Pause(at)
			s, _ = s.Resume(at.Add(tc.pause))
		}
		noticed, ok := s.Woken(s.ChargeAt.AddDate(0, 0, -1), 7)
		last := noticed.History[len(noticed.History)-1]
		n, parsed := ParseNotice(last.Note)
		if (ok && last.Event == "renewal-upcoming") != (tc.want > 0) || parsed && (n.Amount != tc.want || n.Cycle != 2 || !n.Date.Equal(s.ChargeAt)) {
			t.Errorf("%s: announced %v, %+v", tc.name, ok, last)
		}
		var charged int64
		if prices := paidFor(noticed, 1); prices != nil {
			charged = prices[0]
		}
		if charged != tc.want {
			t.Errorf("%s: announced %d, charged %d", tc.name, tc.want, charged)
		}
	}
}

// TestNoticeIsReadBack.
func TestNoticeIsReadBack(t *testing.T) {
	t.Parallel()
	n := Notice{Cycle: 12, Date: seoulNoon, Amount: 9900, Currency: "KRW"}
	if got, ok := ParseNotice(n.String()); !ok || got != n {
		t.Errorf("%+v, %v", got, ok)
	}
	for _, text := range []string{"", "12", "12 9900 KRW", "12 9900 KRW yesterday", "x 9900 KRW 2026-12-01T03:00:00Z", n.String() + " more", "012 9900 KRW 2026-12-01T03:00:00Z"} {
		if got, ok := ParseNotice(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
