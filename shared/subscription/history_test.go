package subscription_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
)

// TestCycles tells a life and what the record says of its cycles, the newest first.
func TestCycles(t *testing.T) {
	t.Parallel()
	type life = subscription.Subscription
	table := subscription.DefaultTimetable()
	now := day("2027-01-31").Add(10 * time.Hour)
	claim := func(s life) life {
		now = now.Add(time.Hour)
		s.ChargeAt = time.Time{}
		claimed, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle, At: now})
		if err != nil {
			t.Fatal(err)
		}
		return claimed
	}
	charge := func(s life) life { return claim(s).Charged(s.Cycle, s.Date, now) }
	refuse := func(attempt int, d subscription.Decline, code string) func(life) life {
		return func(s life) life { return claim(s).Refused(s.Cycle, attempt, d, code, table, now) }
	}
	for _, tc := range []struct {
		name  string
		steps []func(life) life
		want  string
	}{
		{"nothing charged yet", nil, ""},
		{"being charged", []func(life) life{charge, claim}, "2 charging, 1 charged"},
		{"two paid", []func(life) life{charge, charge}, "2 charged, 1 charged"},
		{"refused once", []func(life) life{charge, refuse(2, subscription.Soft, "LIMIT")}, "2 refused LIMIT, 1 charged"},
		{"refused twice and being tried again", []func(life) life{
			charge, refuse(2, subscription.Soft, "LIMIT"), refuse(3, subscription.Transient, "BANK"), claim,
		}, "2 refused BANK, 1 charged"},
		{"refused, then paid", []func(life) life{refuse(2, subscription.Soft, "LIMIT"), charge, charge}, "2 charged, 1 charged"},
		{"the means is gone", []func(life) life{charge, refuse(2, subscription.Hard, "GONE")}, "2 refused GONE, 1 charged"},
		{"written off", []func(life) life{
			charge, func(s life) life { return s.Ended(2, 1, "LATE", false, now) },
		}, "2 unpaid LATE, 1 charged"},
		{"ended with a cycle that no step closes", []func(life) life{charge, refuse(2, subscription.Soft, "LIMIT"), func(s life) life {
			s.Cycle++
			return s.Cancel(now, false)
		}}, "2 refused LIMIT, 1 charged"},
		{"other things between", []func(life) life{
			charge, func(s life) life { p, _ := s.Pause(now); return p }, func(s life) life { r, _ := s.Resume(now); return r }, charge,
			func(s life) life { return s.Cancel(now, false) },
		}, "2 charged, 1 charged"},
	} {
		s := subscription.New(life{ID: "sub-0001", CreatedAt: now, Calendar: subscription.Calendar{First: now, Interval: "day", Every: 1}})
		s = s.Issued(subscription.Key{N: 1, IssuedAt: now}, now)
		for _, step := range tc.steps {
			s = step(s)
		}
		var got []string
		for _, c := range s.Cycles() {
			if c.OrderID != s.OrderID(c.Number) || c.At.IsZero() {
				t.Errorf("%s: %+v", tc.name, c)
			}
			got = append(got, strings.TrimSpace(fmt.Sprint(c.Number, " ", c.Result, " ", c.Code)))
		}
		if strings.Join(got, ", ") != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestCyclesOfALongLife: the history is bounded, and what it still tells is numbered right.
func TestCyclesOfALongLife(t *testing.T) {
	t.Parallel()
	now := day("2027-01-31")
	s := subscription.New(subscription.Subscription{ID: "sub-0001", CreatedAt: now, Calendar: subscription.Calendar{First: now, Interval: "day", Every: 1}})
	s = s.Issued(subscription.Key{N: 1, IssuedAt: now}, now)
	for k := 1; k <= 200; k++ {
		want := subscription.CycleCharged
		if k%7 == 0 {
			s = s.Refused(k, 2, subscription.Soft, "LIMIT", subscription.DefaultTimetable(), now)
		}
		if k%5 == 0 {
			s, want = s.Ended(k, k-1, "LATE", false, now), subscription.CycleUnpaid
			s.Status = subscription.Active // a new means is there
		} else {
			s = s.Charged(k, k-1, now)
		}
		cycles := s.Cycles()
		for i, c := range cycles {
			result := subscription.CycleCharged
			if (k-i)%5 == 0 {
				result = subscription.CycleUnpaid
			}
			if c.Number != k-i || c.OrderID != fmt.Sprintf("sub-0001--c%d", k-i) || i < len(cycles)-1 && c.Result != result {
				t.Fatalf("after cycle %d: %+v, want number %d, %s", k, c, k-i, result)
			}
		}
		if cycles[0].Result != want || len(cycles) < min(k, 24) || len(cycles) > 32 {
			t.Fatalf("after cycle %d: %d cycles, the newest %+v", k, len(cycles), cycles[0])
		}
	}
}
