package subscription_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
)

// A cycle whose charge has begun is neither missed nor still to come, whether its worker is at work, has died, or got no answer.

// inDoubt is a subscription whose first cycle was charged on its date, with an outcome that is not known, and when its order was made.
func inDoubt(t *testing.T, policy subscription.CatchUp) (subscription.Subscription, time.Time) {
	t.Helper()
	s := active(monthly(), policy)
	now := s.ChargeAt
	return claimed(t, s, now).Doubted(1, now, now.Add(30*time.Second)), now
}

// TestResumeLeavesAChargeUnderWayItsDate: the merchant pauses and resumes while the January charge is in doubt; it turns out to be paid.
// February is still to be charged.
func TestResumeLeavesAChargeUnderWayItsDate(t *testing.T) {
	t.Parallel()
	for _, policy := range policies {
		s, created := inDoubt(t, policy)
		s, _ = s.Pause(created.Add(10 * time.Minute))
		s, _ = s.Resume(created.Add(20 * time.Minute))
		s = s.Charged(1, s.DateAt(created), created.Add(30*time.Minute))
		if got := korean(s.ChargeAt); got != "2027-02-28 10:00" {
			t.Errorf("%s: January was paid, and the next charge is on %s", policy, got)
		}
	}
}

// TestSkipLeavesOutNoCycleThatBegan: the worker dies after the provider took the January charge, and nothing runs until April. January is
// paid and not missed; February and March are left out; April is charged.
func TestSkipLeavesOutNoCycleThatBegan(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Skip)
	created := s.ChargeAt
	s = claimed(t, s, created)
	if p := s.Prepare(created); !p.Charge {
		t.Fatal("January was not charged")
	}
	back := at("2027-04-10 12:00")
	p := claimed(t, s, back).Prepare(back)
	if !p.Charge {
		t.Errorf("on %s cycle 1, which has an order, was left out", korean(back))
	}
	s = p.Subscription.Charged(1, p.Subscription.DateAt(created), back)
	_, charges := drained(t, s, back, at("2027-05-31 10:00"))
	if got := strings.Join(charges, ", "); got != "c2 2027-04-30 9900, c3 2027-05-31 9900" {
		t.Errorf("then: %s", got)
	}
}

// TestPeriodEndWaitsForAChargeUnderWay: cancelled at period end while the January charge is in doubt; it turns out to be paid. The buyer has
// paid for a month and has it.
func TestPeriodEndWaitsForAChargeUnderWay(t *testing.T) {
	t.Parallel()
	s, created := inDoubt(t, subscription.Once)
	s = s.Cancel(created.Add(10*time.Second), true)
	p := claimed(t, s, s.DueAt).Prepare(s.DueAt)
	if p.Subscription.Status == subscription.Canceled {
		t.Errorf("ended on %s, while its charge was under way", korean(s.DueAt))
	}
	s = p.Subscription.Charged(1, 0, created.Add(time.Hour))
	if s.Status != subscription.Active || korean(s.ChargeAt) != "2027-02-28 10:00" {
		t.Errorf("paid: %s until %s, want active until 2027-02-28 10:00", s.Status, korean(s.ChargeAt))
	}
}

// TestPlanChangeInDoubtWaits: the order of a cycle in doubt has its price. A new price must not reach the second attempt, whose claim would
// be refused for its amount, for ever.
func TestPlanChangeInDoubtWaits(t *testing.T) {
	t.Parallel()
	s, created := inDoubt(t, subscription.Once)
	s, _ = s.ChangePlan(pro, created.Add(10*time.Minute))
	s = s.Refused(1, 2, subscription.Soft, "CODE", subscription.DefaultTimetable(), created.Add(time.Hour))
	if s.Plan != basic || s.NextPlan != pro {
		t.Errorf("the second attempt at cycle 1 costs %s, its order says %s; the next cycle costs %s", s.Plan.Amount, basic.Amount, s.NextPlan.Amount)
	}
}

// TestRenewalDoesNotDelayAPrice: a question about a new means is no charge under way.
func TestRenewalDoesNotDelayAPrice(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	now := s.ChargeAt.Add(-time.Hour)
	s, _ = s.RenewKey(now)
	s, _ = s.Lease(now.Add(10*time.Second)).ChangePlan(pro, now)
	if s.Plan != pro {
		t.Errorf("changed an hour before the date, the cycle costs %s", s.Plan.Amount)
	}
}

// TestUnpayableCycleIsWrittenOff: an order that can have no further attempt (expired, or in review) ends its cycle unpaid. The subscription comes
// to rest, and with a new means it goes on with the next date and never with that cycle.
func TestUnpayableCycleIsWrittenOff(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	now := s.ChargeAt
	s = declined(t, s, subscription.Hard, now)
	now = now.Add(100 * 24 * time.Hour)
	s, _ = s.RenewKey(now)
	s = s.Issued(subscription.Key{N: 2, IssuedAt: now}, now)
	s = claimed(t, s, now)
	s = s.Ended(1, s.DateAt(s.Begun), "order expired", true, now)
	if s.Status != subscription.Active || !s.ChargeAt.After(now) || s.Cycle != 2 {
		t.Fatalf("%s, due %s, cycle %d; want the means that was not tried to pay the next date", s.Status, korean(s.DueAt), s.Cycle)
	}
	now = s.ChargeAt
	s = declined(t, s, subscription.Soft, now)
	now = now.Add(90 * 24 * time.Hour)
	s = s.Ended(2, s.DateAt(s.Begun), "order expired", false, now)
	if s.Status != subscription.Suspended || !s.Final() || s.Cycle != 3 {
		t.Fatalf("%s, due %s, cycle %d; want it suspended, at rest, at cycle 3", s.Status, korean(s.DueAt), s.Cycle)
	}
	if again := s.Ended(2, 0, "order expired", false, now); again.Revision != s.Revision {
		t.Error("told twice, it moved twice")
	}
	s, _ = s.RenewKey(now)
	s = s.Issued(subscription.Key{N: 3, IssuedAt: now}, now)
	if s.Status != subscription.Active || !s.ChargeAt.After(now) || s.Cycle != 3 {
		t.Errorf("with a new means: %s, charged %s, cycle %d; want the next date", s.Status, korean(s.ChargeAt), s.Cycle)
	}
}

// TestEachIsForDatesAfterTheEnrolment: dates that went by before there was a means were never owed.
func TestEachIsForDatesAfterTheEnrolment(t *testing.T) {
	t.Parallel()
	daily := subscription.Calendar{First: day("2027-01-10"), Interval: subscription.Day, Every: 1, Hour: 10}
	for _, policy := range policies {
		s := enrolled(daily, policy, at("2027-01-10 09:00"))
		now := at("2027-01-11 15:00")
		s = s.Issued(subscription.Key{N: 1, IssuedAt: now}, now)
		_, charges := drained(t, s, now, at("2027-01-11 23:00"))
		if len(charges) != 1 {
			t.Errorf("%s: registered on the second day, charged at once for %d days: %v", policy, len(charges), charges)
		}
	}
}

// TestRenewalHasADueTime: the buyer registers a new means, and both the return and the webhook are lost. Somebody must look.
func TestRenewalHasADueTime(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	s = declined(t, s, subscription.Hard, s.ChargeAt)
	if s, _ = s.RenewKey(at("2027-02-01 00:00")); s.DueAt.IsZero() {
		t.Errorf("%s with an open issuance, and nobody will ever ask about it", s.Status)
	}
}

// TestEveryDateIsAccountedFor plays random lives with one worker that may die or get no answer at any moment, and keeps a book: each date of
// the calendar that lies behind a subscription was charged once, or left out by its policy or a pause, and never both.
func TestEveryDateIsAccountedFor(t *testing.T) {
	t.Parallel()
	base, runs := *seed, 1
	if base == 0 {
		base, runs = uint64(time.Now().UnixNano()), 500
	}
	charges := 0
	for i := range runs {
		one := base + uint64(i)
		n, problem := accounted(one)
		charges += n
		if problem != "" {
			t.Fatalf("%s\nreplay with: go test ./shared/subscription -run TestEveryDateIsAccountedFor -seed %d", problem, one)
		}
	}
	if runs > 1 && charges < 5*runs {
		t.Errorf("seeds from %d: %d charges in %d lives", base, charges, runs)
	}
}

// inPause is why a date is behind us that went by in a pause.
const inPause = "left out by a pause"

// cycleOrder is what the book needs of a cycle's order.
type cycleOrder struct {
	date    int // the subscription stood at when it was made
	created time.Time
	outcome string // of the latest attempt: processing, paid, or refused
	attempt int
}

func accounted(seed uint64) (charges int, problem string) {
	r := rand.New(rand.NewPCG(seed, 2))
	s := active(monthly(), policies[r.IntN(3)])
	calendar, now := s.Calendar, s.ChargeAt.Add(-time.Hour)
	orders := map[int]*cycleOrder{}
	book := map[int]string{} // date: why it is behind us
	trail := []string{fmt.Sprintf("policy %s", s.CatchUp)}
	note := func(date int, why string) {
		if before, twice := book[date]; twice {
			problem = fmt.Sprintf("date %d (%s) was %s, and again %s", date, korean(calendar.Date(date)), before, why)
		}
		book[date] = why
	}
	tell := func() {
		k := s.Cycle
		o := orders[k]
		switch {
		case o == nil:
		case o.outcome == "paid":
			before := s
			s = s.Charged(k, s.DateAt(o.created), now)
			for date := o.date; date < s.Date; date++ {
				if book[date] == inPause {
					continue
				}
				if date > o.date && (before.CatchUp != subscription.Once || calendar.Date(date).After(o.created)) {
					break // not this charge's
				}
				note(date, fmt.Sprintf("charged as c%d", k))
			}
			charges++
		case o.outcome == "refused":
			s = s.Refused(k, o.attempt+1, declines[r.IntN(2)], "CODE", subscription.DefaultTimetable(), now)
		default:
			s = s.Doubted(k, now, now.Add(time.Minute))
		}
	}
	for range 80 {
		if r.IntN(3) > 0 && s.DueAt.After(now) {
			now = s.DueAt
		} else {
			now = now.Add(time.Duration(r.IntN(20*24*60)) * time.Minute)
		}
		before, what := s, ""
		switch r.IntN(9) {
		case 0:
			if o := orders[s.Cycle]; o != nil && o.outcome == "processing" {
				what, o.outcome = "settled", []string{"paid", "refused"}[r.IntN(2)]
				tell()
			}
		case 1:
			what = "pause"
			s, _ = s.Pause(now)
		case 2:
			what = "resume"
			s, _ = s.Resume(now)
			if before.Status == subscription.Paused {
				for date := max(before.Date, calendar.After(before.PausedAt)); date < calendar.After(now); date++ {
					note(date, inPause)
				}
			}
		case 3:
			what = "new means"
			s, _ = s.RenewKey(now)
			if s.NextKey.N > 0 {
				s = s.Issued(subscription.Key{N: s.NextKey.N, IssuedAt: now}, now)
			}
		default:
			next, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle, At: now})
			if err != nil {
				continue
			}
			what = "claim"
			p := next.Prepare(now)
			s = p.Subscription
			if !p.Charge {
				for date := before.Date; date < s.Date; date++ {
					if book[date] != inPause {
						note(date, "left out by skip")
					}
				}
				break
			}
			o := orders[s.Cycle]
			switch {
			case o == nil:
				o = &cycleOrder{date: s.Date, created: s.Begun, outcome: "processing", attempt: 1}
				orders[s.Cycle] = o
			case o.outcome == "refused" && s.Attempt() == o.attempt+1:
				o.attempt, o.outcome = s.Attempt(), "processing"
			}
			if o.outcome == "processing" && r.IntN(4) > 0 {
				o.outcome = []string{"paid", "paid", "refused"}[r.IntN(3)]
			}
			if r.IntN(4) > 0 { // else the worker died before it could tell
				tell()
			}
		}
		trail = append(trail, fmt.Sprintf("%s  %-9s %s cycle %d date %d, next %s", korean(now), what, s.Status, s.Cycle, s.Date, korean(s.ChargeAt)))
		if problem == "" {
			problem = broken(before, s)
		}
		for date := range s.Date {
			if o := orders[s.Cycle]; problem == "" && book[date] == "" && (o == nil || date < o.date) {
				problem = fmt.Sprintf("date %d (%s) is behind us, and was neither charged nor left out", date, korean(calendar.Date(date)))
			}
		}
		if problem != "" {
			return charges, problem + "\n" + strings.Join(trail, "\n")
		}
	}
	return charges, ""
}
