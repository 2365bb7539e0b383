package chargetest_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
	"tosspay-sam/sim/soak"
)

const day = 24 * time.Hour

// due is date n of the stage's calendar.
func due(n int) time.Time {
	return subscription.Calendar{First: start.Add(time.Hour), Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 10}.Date(n)
}

// outcome is what becomes of the first charge of a cycle; the others are paid.
type outcome struct {
	name   string
	set    func(*stage)
	within time.Duration // of the first date, everything is over
	broken bool          // the buyer has to register another means first
}

// refusing is the first charge that arrives failing for a reason.
func refusing(reason string) func(*stage) {
	return func(s *stage) {
		arrived := 0
		s.Bank.Outcome = func(string, int) string {
			if arrived++; arrived == 1 {
				return reason
			}
			return ""
		}
	}
}

// takes is the way of charges to the bank with the rule of numbers held: a further one only when every one before took nothing for sure.
func (s *stage) takes(way func(provider.Charge) provider.Answer) {
	s.Take = func(c provider.Charge) provider.Answer {
		for _, p := range s.Bank.Payments() {
			if p.Number != c.Number && (p.Captured() || p.Ended.IsZero()) && s.numbered(p.Number).Cycle == s.numbered(c.Number).Cycle {
				s.t.Errorf("%s is charged, and %s may have been paid: %+v", c.Number, p.Number, p)
			}
		}
		return way(c)
	}
}

func (s *stage) numbered(number string) order.Number {
	s.t.Helper()
	n, err := order.ParseNumber(number)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// late is a first charge that is carried out nine minutes after its caller gave up.
func late(s *stage) {
	first := true
	s.takes(func(c provider.Charge) provider.Answer {
		p, refused := s.Bank.Begin(c)
		switch {
		case p == nil:
			return refused
		case !first:
			return s.Bank.End(p)
		}
		first = false
		s.later = append(s.later, event{s.now.Add(9 * time.Minute), func() { s.Bank.End(p) }})
		return bank.Lost("charge", errLost)
	})
}

var outcomes = []outcome{
	{"paid", func(*stage) {}, day, false},
	{"soft", refusing("CARD_NOT_ENOUGH_BALANCE"), 3 * day, false},
	{"transient", refusing("CARD_BANK_SYSTEM_ERROR"), day, false},
	{"hard", refusing("CARD_NOT_AVAILABLE"), 3 * day, true},
	{"key gone, no payment", func(s *stage) { s.Bank.DeleteBillingKey(s.ctx, id+"--key1", "the buyer's wish") }, 3 * day, true},
	{"failed and perhaps not", refusing("COMMON_TIMEOUT"), 2 * day, false},
	{"reply lost", func(s *stage) {
		s.Hook = firstTime(func(c soak.Call) bool { return c.Op == "charge" && c.After })
	}, day, false},
	{"request lost", func(s *stage) {
		s.Hook = firstTime(func(c soak.Call) bool { return c.Op == "charge" && !c.After })
	}, 2 * day, false},
	{"request lost twice", func(s *stage) {
		n := 0
		s.Hook = func(c soak.Call) error {
			if c.Op != "charge" || c.After || n == 2 {
				return nil
			}
			n++
			return errLost
		}
	}, 2 * day, false},
	{"late", late, 2 * day, false},
}

// firstTime loses one reply.
func firstTime(which func(soak.Call) bool) func(soak.Call) error {
	done := false
	return func(c soak.Call) error {
		if done || !which(c) {
			return nil
		}
		done = true
		return errLost
	}
}

var exhaustive = flag.Bool("exhaustive", false, "kill at every pair of calls instead of one in thirty")

// point is the nth call of its kind.
type point struct {
	soak.Call
	nth int
}

func (p point) String() string {
	when := "before"
	if p.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %s #%d", when, p.Op, p.ID, p.nth)
}

// TestCrashMatrix kills the process at every call, before it and after it, once and twice, for everything that can become of a charge.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			points := play(t, o)
			if len(points) < 10 {
				t.Fatalf("only %d calls: %v", len(points), points)
			}
			pairs := 0
			for i, first := range points {
				for j, second := range play(t, o, first) {
					if second == first || !*exhaustive && (7*i+j)%30 != 0 || t.Failed() {
						continue
					}
					play(t, o, first, second)
					pairs++
				}
			}
			t.Logf("%d single crashes, %d pairs", len(points), pairs)
		})
	}
}

// play is one cycle with the process killed at the given points. It returns the points it came by.
func play(t *testing.T, o outcome, kills ...point) []point {
	t.Helper()
	s := newStage(t)
	s.takes(func(c provider.Charge) provider.Answer { return s.Bank.Charge(s.ctx, c) })
	o.set(s)
	var points []point
	var seen sync.Mutex // the shards of a tick run side by side
	times, hook := map[soak.Call]int{}, s.Hook
	s.Hook = func(c soak.Call) error {
		seen.Lock()
		if c.Op == "due" {
			seen.Unlock()
			return nil // nothing has happened yet: a tick killed here is a tick that did not run
		}
		times[c]++
		p := point{c, times[c]}
		points = append(points, p)
		seen.Unlock()
		switch {
		case !slices.Contains(kills, p):
			return hook(c)
		case c.Op == "lease-due" || c.Op == "send":
			runtime.Goexit() // the shard's goroutine of a tick
		}
		panic(killed{})
	}
	s.until(due(0).Add(o.within))
	if o.broken {
		if got := s.read(); got.Status != subscription.Suspended || s.captures() != 0 {
			t.Fatalf("%s, %d captures, killed at %v\n%s", got.Status, s.captures(), kills, s.story())
		}
		s.renew()
		s.until(due(0).Add(2 * o.within))
	}
	cycle, got := s.cycle(1), s.read()
	if s.captures() != 1 || s.captured(1) != 1 || cycle.Status != order.Paid || got.Status != subscription.Active || got.Cycle != 2 ||
		!got.ChargeAt.Equal(due(1)) || !got.DueAt.Equal(due(1)) {
		t.Fatalf("%d captures, order %s, subscription %s at cycle %d due %v, killed at %v\n%+v\n%s", s.captures(), cycle.Status, got.Status, got.Cycle,
			got.DueAt, kills, s.Bank.Payments(), s.story())
	}
	return points
}

// renew is a buyer whose means is gone and who registers another one, while nothing fails.
func (s *stage) renew() {
	s.t.Helper()
	hook := s.Hook
	s.Hook = func(soak.Call) error { return nil }
	defer func() { s.Hook = hook }()
	old := s.read()
	s.Bank.DeleteBillingKey(s.ctx, old.KeyName(old.Key.N), "")
	s.replaceKey()
}

// replaceKey is a buyer who registers another means, while the one before stays.
func (s *stage) replaceKey() {
	s.t.Helper()
	if _, err := s.Register(s.ctx, s.offer().Subscription); err != nil {
		s.t.Fatal(err)
	}
}

// offer opens the window for another means.
func (s *stage) offer() payment.Enrolled {
	s.t.Helper()
	e, err := s.Enroller.RenewKey(s.ctx, id, "https://pay.example")
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}
