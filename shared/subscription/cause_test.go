package subscription

import "testing"

// TestSuspensionOfOldRecords: a subscription that was suspended before causes were kept shows what its history still says.
func TestSuspensionOfOldRecords(t *testing.T) {
	t.Parallel()
	s := agreedTo(Month)
	s = s.Refused(2, 2, Hard, "CARD_NOT_AVAILABLE", DefaultTimetable(), seoulNoon)
	if want := (Cause{At: seoulNoon, Cycle: 2, Event: "needs-new-means", Code: "CARD_NOT_AVAILABLE"}); s.Suspension() != want {
		t.Errorf("%+v", s.Suspension())
	}
	if s = s.Suspends(2, "CARD_NOT_AVAILABLE", "lost"); s.Suspension().Message != "lost" {
		t.Errorf("%+v", s.Suspension())
	}
	if ended := s.Ended(2, 1, "order expired", false, seoulNoon); ended.Status != Suspended || ended.Suspension() != s.Suspension() {
		t.Errorf("written off: %+v", ended.Suspension())
	}
	if canceled := s.Cancel(seoulNoon, false); canceled.Suspension() != s.Suspension() {
		t.Errorf("canceled: %+v", canceled.Suspension())
	}
	written := agreedTo(Month).Ended(2, 1, "order failed", false, seoulNoon)
	if want := (Cause{At: seoulNoon, Cycle: 2, Event: "cycle-unpaid"}); written.Suspension() != want {
		t.Errorf("%+v", written.Suspension())
	}
	if got := agreedTo(Month).Suspension(); got != (Cause{}) {
		t.Errorf("an active one has %+v", got)
	}
}
