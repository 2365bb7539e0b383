package subscription_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

var (
	update = flag.Bool("update", false, "write docs/subscriptions-table.md")
	seed   = flag.Uint64("seed", 0, "run the random sequences of this seed only")
)

// table is the page that shows the state machine to people.
const table = "../../docs/subscriptions-table.md"

// historyMax bounds the record.
const historyMax = 32

var (
	basic    = subscription.Plan{Amount: won(9900), Name: "Basic"}
	pro      = subscription.Plan{Amount: won(19900), Name: "Pro"}
	declines = []subscription.Decline{subscription.Soft, subscription.Transient, subscription.Hard}
	policies = []subscription.CatchUp{subscription.Once, subscription.Each, subscription.Skip}
)

func won(n int64) money.Amount { return money.Amount{Value: n, Currency: money.KRW} }

// at reads a time in Korea.
func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, subscription.Seoul)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func korean(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	if t.Second() != 0 {
		return t.In(subscription.Seoul).Format("2006-01-02 15:04:05")
	}
	return t.In(subscription.Seoul).Format("2006-01-02 15:04")
}

// monthly is charged on the last day of each month at ten o'clock: 31 January, 28 February, 31 March 2027...
func monthly() subscription.Calendar {
	return subscription.Calendar{First: day("2027-01-31"), Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 10}
}

// enrolled is a subscription of which everything is known but its means of payment.
func enrolled(c subscription.Calendar, policy subscription.CatchUp, created time.Time) subscription.Subscription {
	return subscription.New(subscription.Subscription{
		ID: "sub-01", Provider: "portone", Mode: "test", CustomerID: "customer-1", LinkToken: "link", CreatedAt: created, Plan: basic, Calendar: c, CatchUp: policy,
	})
}

// active is a subscription whose buyer registered a means of payment an hour before the first date.
func active(c subscription.Calendar, policy subscription.CatchUp) subscription.Subscription {
	first := c.Date(0)
	s := enrolled(c, policy, first.Add(-2*time.Hour))
	return s.Issued(subscription.Key{N: 1, IssuedAt: first.Add(-time.Hour)}, first.Add(-time.Hour))
}

// claimed gives the cycle a subscription stands at to a worker, who must get it.
func claimed(t *testing.T, s subscription.Subscription, now time.Time) subscription.Subscription {
	t.Helper()
	next, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle, At: now})
	if err != nil {
		t.Fatalf("cycle %d of a subscription that is %s was not claimed at %s: %v", s.Cycle, s.Status, korean(now), err)
	}
	return next
}

// paid claims the cycle a subscription stands at and has it paid at once.
func paid(t *testing.T, s subscription.Subscription, now time.Time) subscription.Subscription {
	t.Helper()
	p := claimed(t, s, now).Prepare(now)
	if !p.Charge {
		t.Fatalf("cycle %d was not charged at %s", s.Cycle, korean(now))
	}
	return p.Subscription.Charged(s.Cycle, p.Subscription.DateAt(now), now)
}

// declined claims the cycle a subscription stands at and has it refused at once.
func declined(t *testing.T, s subscription.Subscription, d subscription.Decline, now time.Time) subscription.Subscription {
	t.Helper()
	p := claimed(t, s, now).Prepare(now)
	if !p.Charge {
		t.Fatalf("cycle %d was not charged at %s", s.Cycle, korean(now))
	}
	return p.Subscription.Refused(s.Cycle, s.Attempt()+1, d, "CODE_"+string(d), subscription.DefaultTimetable(), now)
}

// The table: a subscription at its third cycle, a day and five minutes after its third date.
var (
	thirdDate = at("2027-03-31 10:00")
	tableNow  = thirdDate.Add(24*time.Hour + 5*time.Minute)
	orderDue  = tableNow.Add(30 * time.Second)
)

// inStatus is a subscription at cycle 3 with the status; past_due and suspended were refused once, at the date.
func inStatus(status subscription.Status) subscription.Subscription {
	if status == subscription.Enrolling {
		return enrolled(monthly(), subscription.Once, tableNow.Add(-time.Hour))
	}
	s := active(monthly(), subscription.Once)
	s.Cycle, s.Date, s.DueAt, s.ChargeAt = 3, 2, thirdDate, thirdDate
	t := subscription.DefaultTimetable()
	switch status {
	case subscription.PastDue:
		s = s.Refused(3, 2, subscription.Soft, "CARD_EXCEED_LIMIT", t, thirdDate)
	case subscription.Suspended:
		s = s.Refused(3, 2, subscription.Hard, "CARD_NOT_AVAILABLE", t, thirdDate)
	case subscription.Paused:
		s, _ = s.Pause(thirdDate)
	case subscription.Canceled:
		s = s.Cancel(thirdDate, false)
	}
	return s
}

// operation is one row of the table. It returns the subscription after it, and why nothing happened when the operation says so itself.
type operation struct {
	name string
	do   func(subscription.Subscription) (subscription.Subscription, string)
}

func plain(do func(subscription.Subscription) subscription.Subscription) func(subscription.Subscription) (subscription.Subscription, string) {
	return func(s subscription.Subscription) (subscription.Subscription, string) { return do(s), "" }
}

func wish(do func(subscription.Subscription) (subscription.Subscription, bool)) func(subscription.Subscription) (subscription.Subscription, string) {
	return func(s subscription.Subscription) (subscription.Subscription, string) {
		next, allowed := do(s)
		if !allowed {
			return next, "not allowed"
		}
		return next, ""
	}
}

func claim(ahead int, early time.Duration) func(subscription.Subscription) (subscription.Subscription, string) {
	return func(s subscription.Subscription) (subscription.Subscription, string) {
		next, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: s.Cycle + ahead, At: tableNow.Add(-early)})
		if refusal, ok := errors.AsType[*subscription.Refusal](err); ok {
			return next, "refused: " + string(refusal.Reason)
		}
		return next, ""
	}
}

// begun is the state a worker's answers find: the cycle is claimed, where it can be.
func begun(s subscription.Subscription) subscription.Subscription {
	next, _ := claim(0, 0)(s)
	return next
}

func refuse(attempt int, d subscription.Decline, later time.Duration) func(subscription.Subscription) (subscription.Subscription, string) {
	return plain(func(s subscription.Subscription) subscription.Subscription {
		return begun(s).Refused(s.Cycle, attempt, d, "CODE", subscription.DefaultTimetable(), tableNow.Add(later))
	})
}

func operations() []operation {
	const day = 24 * time.Hour
	prepare := func(policy subscription.CatchUp, atEnd bool, now time.Time) func(subscription.Subscription) (subscription.Subscription, string) {
		return func(s subscription.Subscription) (subscription.Subscription, string) {
			set := s
			set.CatchUp, set.CancelAtEnd = policy, atEnd
			set, refusal := claim(0, tableNow.Sub(now))(set)
			if refusal != "" {
				return s, refusal
			}
			p := set.Prepare(now)
			if p.Charge {
				return p.Subscription, "charge"
			}
			return p.Subscription, ""
		}
	}
	months := at("2027-05-31 10:05")
	return []operation{
		{"claim", claim(0, 0)},
		{"claim, another worker is at it", func(s subscription.Subscription) (subscription.Subscription, string) {
			_, refusal := claim(0, 0)(begun(s))
			return s, refusal
		}},
		{"claim, of another cycle", claim(-1, 0)},
		{"claim, before its time", claim(0, 2*day)},
		{"claim and prepare", prepare(subscription.Once, false, tableNow)},
		{"claim and prepare, two more dates went by, once", prepare(subscription.Once, false, months)},
		{"claim and prepare, two more dates went by, each", prepare(subscription.Each, false, months)},
		{"claim and prepare, two more dates went by, skip", prepare(subscription.Skip, false, months)},
		{"claim and prepare, to be cancelled at period end", prepare(subscription.Once, true, tableNow)},
		{"charged", plain(func(s subscription.Subscription) subscription.Subscription {
			return begun(s).Charged(s.Cycle, s.Date, tableNow)
		})},
		{"charged, of the cycle before", plain(func(s subscription.Subscription) subscription.Subscription {
			return s.Charged(s.Cycle-1, s.Date-1, tableNow)
		})},
		{"refused, soft", refuse(3, subscription.Soft, 0)},
		{"refused, transient", refuse(3, subscription.Transient, 0)},
		{"refused, hard", refuse(3, subscription.Hard, 0)},
		{"refused, soft, a week later", refuse(3, subscription.Soft, 7*day)},
		{"refused, of an attempt that is known", plain(func(s subscription.Subscription) subscription.Subscription {
			return s.Refused(s.Cycle, s.Dunning.Attempt, subscription.Hard, "CODE", subscription.DefaultTimetable(), tableNow)
		})},
		{"refused, of the cycle before", plain(func(s subscription.Subscription) subscription.Subscription {
			return s.Refused(s.Cycle-1, 3, subscription.Hard, "CODE", subscription.DefaultTimetable(), tableNow)
		})},
		{"doubted", plain(func(s subscription.Subscription) subscription.Subscription {
			return begun(s).Doubted(s.Cycle, tableNow, orderDue)
		})},
		{"doubted, of the cycle before", plain(func(s subscription.Subscription) subscription.Subscription {
			return s.Doubted(s.Cycle-1, tableNow, orderDue)
		})},
		{"pause", wish(func(s subscription.Subscription) (subscription.Subscription, bool) { return s.Pause(tableNow) })},
		{"resume", wish(func(s subscription.Subscription) (subscription.Subscription, bool) { return s.Resume(tableNow) })},
		{"resume, its latest refusal was soft", wish(func(s subscription.Subscription) (subscription.Subscription, bool) {
			if s.Status == subscription.Suspended {
				s.Dunning.Decline = subscription.Soft
			}
			return s.Resume(tableNow)
		})},
		{"cancel now", plain(func(s subscription.Subscription) subscription.Subscription { return s.Cancel(tableNow, false) })},
		{"cancel at period end", plain(func(s subscription.Subscription) subscription.Subscription { return s.Cancel(tableNow, true) })},
		{"change plan", wish(func(s subscription.Subscription) (subscription.Subscription, bool) {
			return s.ChangePlan(pro, tableNow)
		})},
		{"change plan, while a worker is at it", wish(func(s subscription.Subscription) (subscription.Subscription, bool) {
			return begun(s).ChangePlan(pro, tableNow)
		})},
		{"renew key", wish(func(s subscription.Subscription) (subscription.Subscription, bool) { return s.RenewKey(tableNow) })},
		{"key issued, the first", plain(func(s subscription.Subscription) subscription.Subscription {
			return s.Issued(subscription.Key{N: 1, IssuedAt: tableNow}, tableNow)
		})},
		{"key issued, its replacement", plain(func(s subscription.Subscription) subscription.Subscription {
			s, _ = s.RenewKey(tableNow)
			return s.Issued(subscription.Key{N: 2, IssuedAt: tableNow}, tableNow)
		})},
		{"key deleted", plain(func(s subscription.Subscription) subscription.Subscription { return s.KeyDeleted(tableNow) })},
		{"key stays", plain(func(s subscription.Subscription) subscription.Subscription { return s.KeyNotDeleted(tableNow) })},
	}
}

// cell says what an operation made of a subscription.
func cell(before, after subscription.Subscription, note string) string {
	if reflect.DeepEqual(before, after) {
		if note == "" {
			return "·"
		}
		return note
	}
	parts := []string{string(after.Status)}
	switch {
	case after.DueAt.IsZero() && after.ChargeAt.IsZero():
		parts = append(parts, "nothing due")
	case after.DueAt.Equal(after.ChargeAt):
		parts = append(parts, "charged "+named(after.ChargeAt))
	case after.ChargeAt.IsZero():
		parts = append(parts, "looked at "+named(after.DueAt))
	default:
		parts = append(parts, "looked at "+named(after.DueAt), "charged "+named(after.ChargeAt))
	}
	if after.Cycle != before.Cycle {
		parts = append(parts, fmt.Sprintf("cycle %d", after.Cycle))
	}
	if after.CancelAtEnd && !before.CancelAtEnd && after.Status != subscription.Canceled {
		parts = append(parts, "ends then")
	}
	if after.NextPlan != before.NextPlan {
		parts = append(parts, "new price a cycle later")
	} else if after.Plan != before.Plan {
		parts = append(parts, "new price")
	}
	if note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, ", ")
}

func named(t time.Time) string {
	names := map[time.Time]string{
		thirdDate: "since the date", thirdDate.Add(24 * time.Hour): "since the timetable's first time", tableNow: "now", tableNow.Add(subscription.ChargeLease): "after the lease", orderDue.Add(time.Minute): "when its order was",
		at("2027-04-30 10:00"): "on the next date", tableNow.Add(time.Hour): "in an hour",
	}
	if name, ok := names[t.UTC()]; ok {
		return name
	}
	return korean(t)
}

func page() string {
	var b strings.Builder
	b.WriteString(`<!-- Written by: go test ./shared/subscription -run TestEveryPair -update -->

# Every status of a subscription and everything that happens to it

What a subscription becomes (cell) when something happens to it (row), by the status it has (column). A test compares this page with the code.

The subscription is charged on the last day of each month at 10:00 in Korea. It is 1 April 2027, 10:05, and it stands at cycle 3, whose date
was yesterday. *past_due* and *suspended* were refused at the date; *paused* and *canceled* became so at the date; *enrolling* was made an hour ago.

- **·**: nothing is recorded. *charged*: when the next charge may be made. *looked at*: when the record is due, if that is another time.
- *charge* at the end of a cell: the worker goes on to charge the cycle.
- refused, charged and doubted are the provider's word about the cycle that a worker has claimed; of a cycle that is over they change nothing.
- A cycle that is being charged or was refused keeps its price; a new one begins a cycle later.

| | `)
	for _, status := range subscription.Statuses {
		b.WriteString(string(status) + " | ")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(subscription.Statuses)) + "\n")
	for _, o := range operations() {
		b.WriteString("| **" + o.name + "** | ")
		for _, status := range subscription.Statuses {
			before := inStatus(status)
			after, note := o.do(before)
			b.WriteString(cell(before, after, note) + " | ")
		}
		b.WriteString("\n")
	}
	return strings.ReplaceAll(b.String(), " | \n", " |\n")
}

func TestEveryPair(t *testing.T) {
	t.Parallel()
	got := page()
	if *update {
		if err := os.WriteFile(table, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(table)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./shared/subscription -run TestEveryPair -update", err)
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(old), len(now)) {
		if i >= len(old) || i >= len(now) || old[i] != now[i] {
			t.Fatalf("%s, line %d does not show what the code does. Judge the difference, then run: go test ./shared/subscription -run TestEveryPair -update\n page: %s\n code: %s",
				table, i+1, strings.Join(old[min(i, len(old)):min(i+1, len(old))], ""), strings.Join(now[min(i, len(now)):min(i+1, len(now))], ""))
		}
	}
}

// TestEveryPairKeepsTheRules does what the page shows and checks what must hold for each cell of it, whatever the page says.
func TestEveryPairKeepsTheRules(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		for _, status := range subscription.Statuses {
			before := inStatus(status)
			kept := copied(before)
			after, note := o.do(before)
			if problem := broken(before, after); problem != "" {
				t.Errorf("%s of a subscription that is %s: %s", o.name, status, problem)
			}
			if !reflect.DeepEqual(before, kept) {
				t.Errorf("%s changed the subscription it was called on, which is %s", o.name, status)
			}
			if grew := after.Cycle - before.Cycle; grew != 0 && (grew != 1 || o.name != "charged") {
				t.Errorf("%s of a subscription that is %s: the cycle went from %d to %d", o.name, status, before.Cycle, after.Cycle)
			}
			if note == "charge" && status != subscription.Active && status != subscription.PastDue {
				t.Errorf("%s: a subscription that is %s is charged", o.name, status)
			}
		}
	}
}

// copied shares no memory with s.
func copied(s subscription.Subscription) subscription.Subscription {
	s.History = slices.Clone(s.History)
	return s
}

// broken says which rule a record breaks after one operation, or nothing.
func broken(before, after subscription.Subscription) string {
	charging := after.Status == subscription.Active || after.Status == subscription.PastDue
	switch {
	case !slices.Contains(subscription.Statuses, after.Status):
		return fmt.Sprintf("status %q", after.Status)
	case (charging || after.Status == subscription.Enrolling) && after.DueAt.IsZero():
		return fmt.Sprintf("%s, and nobody will look at it again", after.Status)
	case charging == after.ChargeAt.IsZero():
		return fmt.Sprintf("%s, and the next charge is %s", after.Status, korean(after.ChargeAt))
	case (after.Status == subscription.PastDue || after.Status == subscription.Suspended) && after.Dunning.Since.IsZero():
		return fmt.Sprintf("%s, and no refusal is known", after.Status)
	case before.Status == subscription.Canceled && after.Status != subscription.Canceled:
		return "canceled no more"
	case before.Status != subscription.Enrolling && after.Status == subscription.Enrolling:
		return "enrolling again"
	case after.Date < before.Date:
		return fmt.Sprintf("from date %d back to %d", before.Date, after.Date)
	case after.Cycle != before.Cycle && after.Date <= before.Date:
		return fmt.Sprintf("cycle %d has the date of cycle %d", after.Cycle, before.Cycle)
	case after.Date < after.Cycle-1:
		return fmt.Sprintf("cycle %d at date %d: two cycles for one date", after.Cycle, after.Date)
	case len(after.History) > historyMax:
		return fmt.Sprintf("%d steps of history", len(after.History))
	case after.Revision == before.Revision && !reflect.DeepEqual(before, after):
		return "a change that a save would not store"
	case after.Revision < before.Revision:
		return "an older revision"
	}
	return ""
}

// TestRandomSequences does random things in random order, on a clock that also jumps back, and checks the rules after each.
func TestRandomSequences(t *testing.T) {
	t.Parallel()
	base := *seed
	runs := 1000
	if base == 0 {
		base = uint64(time.Now().UnixNano())
	} else {
		runs = 1
	}
	seen := map[string]int{}
	for i := range runs {
		one := base + uint64(i)
		if problem := randomLife(one, seen); problem != "" {
			t.Fatalf("%s\nreplay with: go test ./shared/subscription -run TestRandomSequences -seed %d", problem, one)
		}
	}
	if runs == 1 {
		return
	}
	t.Logf("seeds from %d: %v", base, seen)
	for _, status := range subscription.Statuses {
		if seen[string(status)] == 0 {
			t.Errorf("seeds from %d: no subscription was ever %s", base, status)
		}
	}
	for _, what := range []string{"charged", "charged again", "claimed", "claim refused"} {
		if seen[what] == 0 {
			t.Errorf("seeds from %d: nothing was ever %s", base, what)
		}
	}
}

// randomLife is one sequence; it returns the first rule that broke, with the way to it.
func randomLife(seed uint64, seen map[string]int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	calendar := monthly()
	if r.IntN(2) == 0 {
		calendar = subscription.Calendar{First: day("2027-01-31"), Interval: subscription.Day, Every: 1 + r.IntN(3), Hour: r.IntN(24)}
	}
	s := enrolled(calendar, policies[r.IntN(3)], calendar.Date(0).Add(-time.Hour))
	now := s.CreatedAt
	captured := map[int]bool{} // cycles
	dates := map[string]int{}  // calendar date to the cycle that stands for it
	trail := []string{"new " + string(s.CatchUp)}
	for range 60 {
		switch r.IntN(10) {
		case 0:
			now = now.Add(-time.Duration(r.IntN(72)) * time.Hour)
		case 1, 2, 3:
			now = now.Add(time.Duration(r.IntN(40*24)) * time.Hour)
		case 4, 5, 6:
			if s.DueAt.After(now) {
				now = s.DueAt
			}
		default:
			now = now.Add(time.Duration(r.IntN(300)) * time.Second)
		}
		before, kept := s, copied(s)
		name, next := randomOperation(r, s, now, seen)
		trail = append(trail, fmt.Sprintf("%s  %-24s %s cycle %d date %d due %s", korean(now), name, next.Status, next.Cycle, next.Date, korean(next.DueAt)))
		problem := broken(before, next)
		if !reflect.DeepEqual(before, kept) {
			problem = "the receiver was changed"
		}
		if next.Cycle != before.Cycle {
			on := calendar.Date(next.Date - 1).In(subscription.Seoul).Format(time.DateOnly)
			switch {
			case name != fmt.Sprintf("charged %d", before.Cycle) || next.Cycle != before.Cycle+1:
				problem = fmt.Sprintf("the cycle went from %d to %d", before.Cycle, next.Cycle)
			case captured[before.Cycle]:
				problem = fmt.Sprintf("cycle %d was charged twice", before.Cycle)
			case dates[on] != 0:
				problem = fmt.Sprintf("%s was charged as cycle %d and again as %d", on, dates[on], before.Cycle)
			}
			captured[before.Cycle], dates[on] = true, before.Cycle
		}
		if strings.HasPrefix(name, "claimed") && captured[before.Cycle] {
			problem = fmt.Sprintf("cycle %d was given to a worker after it was charged", before.Cycle)
		}
		if problem != "" {
			return problem + "\n" + strings.Join(trail, "\n")
		}
		s = next
		seen[string(s.Status)]++
	}
	return ""
}

// randomOperation does one thing that could be done now, or one that is late, early or of another cycle.
func randomOperation(r *rand.Rand, s subscription.Subscription, now time.Time, seen map[string]int) (string, subscription.Subscription) {
	near := s.Cycle + r.IntN(3)/2 - r.IntN(3)/2
	key := subscription.Key{N: 1 + r.IntN(s.Key.N+1), IssuedAt: now}
	asked := subscription.DefaultTimetable()
	var next subscription.Subscription
	switch n := r.IntN(20); n {
	case 0:
		next, _ = s.Pause(now)
		return "pause", next
	case 1, 2:
		next, _ = s.Resume(now)
		return "resume", next
	case 3:
		if r.IntN(4) > 0 {
			return "refreshed", s.Refreshed(key)
		}
		return "cancel", s.Cancel(now, r.IntN(2) == 0)
	case 4:
		next, _ = s.ChangePlan([]subscription.Plan{basic, pro}[r.IntN(2)], now)
		return "change plan", next
	case 5:
		next, _ = s.RenewKey(now)
		return "renew key", next
	case 6, 7:
		return "issued", s.Issued(key, now)
	case 8:
		if r.IntN(2) == 0 {
			return "unanswered", s.Unanswered(now)
		}
		return "not issued", s.NotIssued(key.N, r.IntN(2) == 0, now, now)
	case 9:
		if r.IntN(2) == 0 {
			return "key deleted", s.KeyDeleted(now)
		}
		return "key stays", s.KeyNotDeleted(now)
	case 10:
		return "doubted", s.Doubted(near, now, now.Add(time.Minute))
	case 11, 12:
		return "refused", s.Refused(near, s.Attempt()+r.IntN(2), declines[r.IntN(3)], "CODE", asked, now)
	case 13, 14:
		next = s.Charged(near, s.DateAt(now)-r.IntN(3), now) // the caller's date may be of an older record
		if near < s.Cycle {
			seen["charged again"]++
		} else if near == s.Cycle {
			seen["charged"]++
		}
		return fmt.Sprintf("charged %d", near), next
	}
	next, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: near, At: now})
	if err != nil {
		seen["claim refused"]++
		return "claim refused", next
	}
	seen["claimed"]++
	return fmt.Sprintf("claimed %d", near), next.Prepare(now).Subscription
}

// TestOneClaim: of many workers with the same message one gets the cycle, and nobody does once it is charged, whatever the clock says.
func TestOneClaim(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	now := s.ChargeAt
	message := subscription.CycleClaim{ID: s.ID, Cycle: 1, At: now}
	refusedWith := func(s subscription.Subscription, c subscription.CycleClaim, want subscription.Reason) {
		t.Helper()
		after, err := s.Claim(c)
		if refusal, ok := errors.AsType[*subscription.Refusal](err); !ok || refusal.Reason != want || !reflect.DeepEqual(after, s) {
			t.Errorf("claim at %s: %v, want %s and nothing changed", korean(c.At), err, want)
		}
	}
	early := message
	early.At = now.Add(-time.Second)
	refusedWith(s, early, subscription.NotDue)
	won := claimed(t, s, now)
	refusedWith(won, message, subscription.Claimed)
	justBefore := message
	justBefore.At = now.Add(subscription.ChargeLease - time.Second)
	refusedWith(won, justBefore, subscription.Claimed)
	back := message
	back.At = now.Add(-48 * time.Hour)
	refusedWith(won, back, subscription.NotDue)
	if !won.DueAt.Equal(now.Add(subscription.ChargeLease)) {
		t.Errorf("due at %s, want the end of the lease: a worker may die", korean(won.DueAt))
	}
	claimed(t, won, now.Add(subscription.ChargeLease)) // its worker died

	charged := won.Charged(1, 0, now)
	for _, shift := range []time.Duration{-48 * time.Hour, 0, time.Minute, 27 * 24 * time.Hour} {
		late := message
		late.At = now.Add(shift)
		refusedWith(charged, late, subscription.OtherCycle)
		late.Cycle = 2
		refusedWith(charged, late, subscription.NotDue)
	}
}

// TestClockJumpingBackRepeatsNothing: a charge recorded with a clock that is days behind moves on all the same.
func TestClockJumpingBackRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, policy := range policies {
		s := active(monthly(), policy)
		now := s.ChargeAt
		s = claimed(t, s, now)
		back := now.AddDate(0, -2, 0)
		s = s.Charged(1, s.DateAt(back), back)
		if s.Cycle != 2 || korean(s.ChargeAt) != "2027-02-28 10:00" {
			t.Errorf("%s: cycle %d on %s, want 2 on 2027-02-28 10:00", policy, s.Cycle, korean(s.ChargeAt))
		}
		if again := s.Charged(1, 0, back); !reflect.DeepEqual(again, s) {
			t.Errorf("%s: the same word twice changed the subscription", policy)
		}
		paused, _ := s.Pause(back)
		resumed, _ := paused.Resume(back)
		if !resumed.ChargeAt.Equal(s.ChargeAt) {
			t.Errorf("%s: resumed in the past, the next charge is %s", policy, korean(resumed.ChargeAt))
		}
	}
}

// TestReceiversShareNothing: two histories that grow from the same subscription do not write into each other.
func TestReceiversShareNothing(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	s.History = append(make([]subscription.Step, 0, 64), s.History...)
	one := s.Charged(1, 0, s.ChargeAt)
	two, _ := s.Pause(s.ChargeAt)
	if got := one.History[len(one.History)-1].Event; got != "cycle-charged" {
		t.Errorf("the last step became %s", got)
	}
	if got := two.History[len(two.History)-1].Event; got != "paused" {
		t.Errorf("the last step became %s", got)
	}
}

// drained is what a worker that is always there does until a time, with a provider that takes every charge.
func drained(t *testing.T, s subscription.Subscription, now, until time.Time) (subscription.Subscription, []string) {
	t.Helper()
	var charges []string
	for range 1000 {
		if s.DueAt.IsZero() || s.DueAt.After(until) || s.Status != subscription.Active && s.Status != subscription.PastDue {
			return s, charges
		}
		if s.DueAt.After(now) {
			now = s.DueAt
		}
		p := claimed(t, s, now).Prepare(now)
		s = p.Subscription
		if p.Charge {
			charges = append(charges, fmt.Sprintf("c%d %s %d", s.Cycle, now.In(subscription.Seoul).Format(time.DateOnly), s.Plan.Amount.Value))
			created := now // of the cycle's order, which says what date it stands for
			if s.Attempt() > 1 {
				created = s.Calendar.Date(s.Date)
			}
			s = s.Charged(s.Cycle, s.DateAt(created), now)
		}
	}
	t.Fatal("no end")
	return s, nil
}

// TestCatchUp has nobody charge anything between the last date that was charged and the outage's end.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	weekly := subscription.Calendar{First: day("2027-01-04"), Interval: subscription.Week, Every: 1, Hour: 9} // a Monday
	daily := subscription.Calendar{First: day("2028-02-27"), Interval: subscription.Day, Every: 1, Hour: 0}
	for _, c := range []struct {
		name     string
		calendar subscription.Calendar
		back     string // when work is done again
		until    string
		want     map[subscription.CatchUp]string // cycle and Korean date of each charge
	}{
		{"no date missed", monthly(), "2027-02-10 12:00", "2027-03-31 10:00", map[subscription.CatchUp]string{
			subscription.Once: "c1 2027-02-10, c2 2027-02-28, c3 2027-03-31",
			subscription.Each: "c1 2027-02-10, c2 2027-02-28, c3 2027-03-31",
			subscription.Skip: "c1 2027-02-10, c2 2027-02-28, c3 2027-03-31",
		}},
		{"three month ends went by", monthly(), "2027-04-15 12:00", "2027-06-30 10:00", map[subscription.CatchUp]string{
			subscription.Once: "c1 2027-04-15, c2 2027-04-30, c3 2027-05-31, c4 2027-06-30",
			subscription.Each: "c1 2027-04-15, c2 2027-04-15, c3 2027-04-15, c4 2027-04-30, c5 2027-05-31, c6 2027-06-30",
			subscription.Skip: "c1 2027-04-30, c2 2027-05-31, c3 2027-06-30",
		}},
		{"back on the second of a date's own day", monthly(), "2027-02-28 10:00", "2027-03-31 10:00", map[subscription.CatchUp]string{
			subscription.Once: "c1 2027-02-28, c2 2027-03-31",
			subscription.Each: "c1 2027-02-28, c2 2027-02-28, c3 2027-03-31",
			subscription.Skip: "c1 2027-03-31",
		}},
		{"weeks", weekly, "2027-01-20 00:00", "2027-02-01 09:00", map[subscription.CatchUp]string{
			subscription.Once: "c1 2027-01-20, c2 2027-01-25, c3 2027-02-01",
			subscription.Each: "c1 2027-01-20, c2 2027-01-20, c3 2027-01-20, c4 2027-01-25, c5 2027-02-01",
			subscription.Skip: "c1 2027-01-25, c2 2027-02-01",
		}},
		{"days over the leap day, at midnight in Korea", daily, "2028-02-29 00:30", "2028-03-02 00:00", map[subscription.CatchUp]string{
			subscription.Once: "c1 2028-02-29, c2 2028-03-01, c3 2028-03-02",
			subscription.Each: "c1 2028-02-29, c2 2028-02-29, c3 2028-02-29, c4 2028-03-01, c5 2028-03-02",
			subscription.Skip: "c1 2028-03-01, c2 2028-03-02",
		}},
	} {
		for _, policy := range slices.Sorted(maps.Keys(c.want)) {
			_, charges := drained(t, active(c.calendar, policy), at(c.back), at(c.until))
			for i := range charges {
				charges[i] = strings.TrimSuffix(charges[i], " 9900")
			}
			if got := strings.Join(charges, ", "); got != c.want[policy] {
				t.Errorf("%s, %s:\n got %s\nwant %s", c.name, policy, got, c.want[policy])
			}
		}
	}
}

// TestCatchUpAfterDunning: a cycle that was refused is late, not missed. It is charged under every policy; the dates that went by
// meanwhile are the policy's.
func TestCatchUpAfterDunning(t *testing.T) {
	t.Parallel()
	daily := subscription.Calendar{First: day("2027-01-10"), Interval: subscription.Day, Every: 1, Hour: 10}
	for policy, want := range map[subscription.CatchUp]string{
		subscription.Once: "c1 2027-01-13 9900, c2 2027-01-13 9900, c3 2027-01-14 9900",
		subscription.Each: "c1 2027-01-13 9900, c2 2027-01-13 9900, c3 2027-01-13 9900, c4 2027-01-13 9900, c5 2027-01-14 9900",
		subscription.Skip: "c1 2027-01-13 9900, c2 2027-01-14 9900",
	} {
		s := active(daily, policy)
		s = declined(t, s, subscription.Soft, s.ChargeAt)
		s = declined(t, s, subscription.Soft, at("2027-01-11 10:00"))
		_, charges := drained(t, s, at("2027-01-11 10:00"), at("2027-01-14 10:00"))
		if got := strings.Join(charges, ", "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", policy, got, want)
		}
	}
}

// TestPauseAndResume: dates that go by during a pause are never charged, whatever the policy; the days of the month stay.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	for _, policy := range policies {
		for _, c := range []struct{ name, pause, resume, want string }{
			{"within one period", "2027-02-03 00:00", "2027-02-20 00:00", "c2 2027-02-28 9900, c3 2027-03-31 9900"},
			{"over two dates", "2027-02-03 00:00", "2027-04-01 00:00", "c2 2027-04-30 9900, c3 2027-05-31 9900"},
			{"resumed on the second of a date", "2027-02-03 00:00", "2027-02-28 10:00", "c2 2027-03-31 9900, c3 2027-04-30 9900"},
			{"resumed a second before a date", "2027-02-03 00:00", "2027-02-28 09:59", "c2 2027-02-28 9900, c3 2027-03-31 9900"},
		} {
			s := active(monthly(), policy)
			s = paid(t, s, s.ChargeAt)
			s, ok := s.Pause(at(c.pause))
			if !ok || !s.DueAt.IsZero() || !s.ChargeAt.IsZero() {
				t.Fatalf("%s, %s: paused %t, due %s", c.name, policy, ok, korean(s.DueAt))
			}
			if again, ok := s.Pause(at(c.pause)); !ok || !reflect.DeepEqual(again, s) {
				t.Errorf("%s, %s: pausing twice is not pausing once", c.name, policy)
			}
			s, ok = s.Resume(at(c.resume))
			if !ok {
				t.Fatalf("%s, %s: not resumed", c.name, policy)
			}
			if again, ok := s.Resume(at(c.resume)); !ok || !reflect.DeepEqual(again, s) {
				t.Errorf("%s, %s: resuming twice is not resuming once", c.name, policy)
			}
			_, charges := drained(t, s, at(c.resume), s.Calendar.Date(s.Date+1))
			if got := strings.Join(charges, ", "); got != c.want {
				t.Errorf("%s, %s:\n got %s\nwant %s", c.name, policy, got, c.want)
			}
		}
	}
}

// TestPauseDuringDunning: a cycle that was being tried again is tried at once when the pause ends, and a charge that was under way when the
// pause began still counts.
func TestPauseDuringDunning(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	s = declined(t, s, subscription.Soft, s.ChargeAt)
	s, _ = s.Pause(at("2027-01-31 12:00"))
	if late := s.Charged(1, 0, at("2027-01-31 12:01")); late.Status != subscription.Paused || late.Cycle != 2 || !late.DueAt.IsZero() || !late.Dunning.Since.IsZero() {
		t.Errorf("paid while paused: %s, cycle %d, due %s", late.Status, late.Cycle, korean(late.DueAt))
	}
	s, _ = s.Resume(at("2027-02-02 15:00"))
	if s.Status != subscription.PastDue || korean(s.ChargeAt) != "2027-02-02 15:00" || s.Attempt() != 2 {
		t.Errorf("resumed: %s, attempt %d on %s", s.Status, s.Attempt(), korean(s.ChargeAt))
	}
	s = declined(t, s, subscription.Soft, s.ChargeAt)
	if korean(s.ChargeAt) != "2027-02-03 10:00" {
		t.Errorf("refused again: next on %s, want the timetable's next of the first refusal", korean(s.ChargeAt))
	}
}

func TestTrial(t *testing.T) {
	t.Parallel()
	trial := subscription.Calendar{First: day("2027-02-28"), Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 10}
	s := enrolled(trial, subscription.Once, at("2027-01-31 09:00"))
	s = s.Issued(subscription.Key{N: 1, IssuedAt: at("2027-01-31 09:05")}, at("2027-01-31 09:05"))
	if _, err := s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: 1, At: at("2027-02-28 09:59")}); err == nil {
		t.Error("charged during the trial")
	}
	_, charges := drained(t, s, at("2027-01-31 09:05"), at("2027-04-30 10:00"))
	if got := strings.Join(charges, ", "); got != "c1 2027-02-28 9900, c2 2027-03-31 9900, c3 2027-04-30 9900" {
		t.Errorf("charges: %s", got)
	}
	if got := s.Upcoming(2); len(got) != 2 || korean(got[0]) != "2027-02-28 10:00" || korean(got[1]) != "2027-03-31 10:00" {
		t.Errorf("upcoming: %v", got)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	s = paid(t, s, s.ChargeAt)
	ends := s.Cancel(at("2027-02-10 00:00"), true)
	if ends.Status != subscription.Active || !ends.CancelAtEnd || !ends.DueAt.Equal(s.DueAt) || len(ends.Upcoming(3)) != 0 {
		t.Errorf("at period end: %s until %s, upcoming %v", ends.Status, korean(ends.DueAt), ends.Upcoming(3))
	}
	if again := ends.Cancel(at("2027-02-11 00:00"), true); !reflect.DeepEqual(again, ends) {
		t.Error("cancelling twice is not cancelling once")
	}
	ended, charges := drained(t, ends, at("2027-02-10 00:00"), at("2027-12-31 10:00"))
	if len(charges) != 0 || ended.Status != subscription.Canceled || korean(ended.DueAt) != "2027-02-28 10:00" {
		t.Errorf("at period end: charges %v, %s, its key is deleted %s", charges, ended.Status, korean(ended.DueAt))
	}
	for _, status := range subscription.Statuses {
		s := inStatus(status).Cancel(tableNow, false)
		if s.Status != subscription.Canceled || !s.ChargeAt.IsZero() || s.Final() != (status == subscription.Canceled && s.Key.IssuedAt.IsZero()) {
			t.Errorf("now, from %s: %s, charged %s, final %t", status, s.Status, korean(s.ChargeAt), s.Final())
		}
		if late := s.Issued(subscription.Key{N: 2, IssuedAt: tableNow}, tableNow); !reflect.DeepEqual(late, s) {
			t.Errorf("from %s: a key changed a canceled subscription", status)
		}
		if late := s.Charged(s.Cycle, s.Date, tableNow); late.Status != subscription.Canceled || !late.ChargeAt.IsZero() {
			t.Errorf("from %s: a late charge made it %s", status, late.Status)
		}
		if s.Final() {
			continue
		}
		if early := s.KeyDeleted(s.DueAt.Add(-time.Millisecond)); !reflect.DeepEqual(early, s) {
			t.Errorf("from %s: a deletion before its time counts", status)
		}
		if stays := s.KeyNotDeleted(s.DueAt); !stays.DueAt.Equal(s.DueAt.Add(time.Hour)) {
			t.Errorf("from %s: the key that stays is looked at %s", status, korean(stays.DueAt))
		}
		gone := s.KeyDeleted(s.DueAt)
		if !gone.Final() || gone.Key.DeletedAt.IsZero() || !reflect.DeepEqual(gone.KeyDeleted(tableNow), gone) || !reflect.DeepEqual(gone.KeyNotDeleted(tableNow), gone) {
			t.Errorf("from %s: due %s after its key was deleted", status, korean(gone.DueAt))
		}
	}
}

// TestChangePlan: a new price is for the cycles that have not begun.
func TestChangePlan(t *testing.T) {
	t.Parallel()
	start := active(monthly(), subscription.Once)
	date := start.ChargeAt
	change := func(s subscription.Subscription, p subscription.Plan, now time.Time) subscription.Subscription {
		t.Helper()
		s, ok := s.ChangePlan(p, now)
		if !ok {
			t.Fatalf("a subscription that is %s cannot change its plan", s.Status)
		}
		return s
	}
	for _, c := range []struct {
		name string
		life func() subscription.Subscription
		want string
	}{
		{"before the cycle", func() subscription.Subscription { return change(start, pro, date.Add(-time.Minute)) },
			"c1 2027-01-31 19900, c2 2027-02-28 19900"},
		{"while it is charged", func() subscription.Subscription {
			return change(claimed(t, start, date), pro, date).Charged(1, 0, date)
		}, "c2 2027-02-28 19900"},
		{"while it is tried again", func() subscription.Subscription {
			return change(declined(t, start, subscription.Soft, date), pro, date.Add(time.Hour))
		}, "c1 2027-02-01 9900, c2 2027-02-28 19900"},
		{"and back, while it is tried again", func() subscription.Subscription {
			s := change(declined(t, start, subscription.Soft, date), pro, date.Add(time.Hour))
			return change(s, basic, date.Add(2*time.Hour))
		}, "c1 2027-02-01 9900, c2 2027-02-28 9900"},
		{"after the cycle", func() subscription.Subscription { return change(paid(t, start, date), pro, date.Add(time.Minute)) },
			"c2 2027-02-28 19900"},
		{"twice", func() subscription.Subscription {
			s := change(start, pro, date.Add(-time.Minute))
			if again := change(s, pro, date); !reflect.DeepEqual(again, s) {
				t.Error("changing twice is not changing once")
			}
			return s
		}, "c1 2027-01-31 19900, c2 2027-02-28 19900"},
	} {
		_, charges := drained(t, c.life(), date, at("2027-02-28 10:00"))
		if got := strings.Join(charges, ", "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestRenewKey: a new means ends a suspension, and is tried at once with a timetable of its own; the dates stay.
func TestRenewKey(t *testing.T) {
	t.Parallel()
	renewed := at("2027-02-14 18:30")
	for _, status := range []subscription.Status{subscription.PastDue, subscription.Suspended} {
		s := active(monthly(), subscription.Once)
		decline := subscription.Soft
		if status == subscription.Suspended {
			decline = subscription.Hard
		}
		s = declined(t, s, decline, s.ChargeAt)
		s, ok := s.RenewKey(renewed)
		if !ok || s.Status != status || s.Issuing() == nil || s.Issuing().N != 2 {
			t.Fatalf("%s: renewal %t, %s", status, ok, s.Status)
		}
		if again, ok := s.RenewKey(renewed); !ok || !reflect.DeepEqual(again, s) {
			t.Errorf("%s: renewing twice is not renewing once", status)
		}
		if other := s.Issued(subscription.Key{N: 3, IssuedAt: renewed}, renewed); !reflect.DeepEqual(other, s) {
			t.Errorf("%s: a key that was never offered took over", status)
		}
		s = s.Issued(subscription.Key{N: 2, IssuedAt: renewed}, renewed)
		if s.Status != subscription.PastDue || !s.ChargeAt.Equal(renewed) || s.Key.N != 2 || s.Issuing() != nil || s.Attempt() != 2 || s.Cycle != 1 {
			t.Errorf("%s: %s with key %d, cycle %d attempt %d on %s", status, s.Status, s.Key.N, s.Cycle, s.Attempt(), korean(s.ChargeAt))
		}
		again := declined(t, s, subscription.Soft, renewed)
		if again.Status != subscription.PastDue || !again.ChargeAt.Equal(renewed.Add(24*time.Hour)) || again.Attempt() != 3 {
			t.Errorf("%s: refused with the new means: %s, attempt %d on %s", status, again.Status, again.Attempt(), korean(again.ChargeAt))
		}
		_, charges := drained(t, s, renewed, at("2027-03-31 10:00"))
		if got := strings.Join(charges, ", "); got != "c1 2027-02-14 9900, c2 2027-02-28 9900, c3 2027-03-31 9900" {
			t.Errorf("%s: charges %s", status, got)
		}
	}
	s := active(monthly(), subscription.Once)
	s, _ = s.RenewKey(renewed)
	if next := s.Issued(subscription.Key{N: 2, IssuedAt: renewed}, renewed); next.Status != subscription.Active || !next.ChargeAt.Equal(s.ChargeAt) || next.Cycle != 1 {
		t.Errorf("renewed while active: %s, next on %s", next.Status, korean(next.ChargeAt))
	}
}

// TestTimetable walks the timetables; times are hours since the first refusal.
func TestTimetable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		declines string // of the attempts, one after another
		want     string // hours at which it is tried again, and what it comes to
	}{
		{"soft", "soft soft soft soft soft", "24 72 120 168 suspended"},
		{"transient", "transient transient transient transient transient", "1 3 6 24 suspended"},
		{"hard", "hard", "suspended"},
		{"hard after soft", "soft soft hard", "24 72 suspended"},
		{"hard after transient", "transient hard", "1 suspended"},
		{"the bank opens and the account is empty", "transient transient soft soft", "1 3 24 72"},
		{"soft after the last of transient", "transient transient transient transient soft", "1 3 6 24 72"},
		{"never of a class", "other", "suspended"},
	} {
		s := active(monthly(), subscription.Once)
		since := s.ChargeAt
		var got []string
		for _, d := range strings.Fields(c.declines) {
			s = declined(t, s, subscription.Decline(d), s.ChargeAt)
			if s.Status == subscription.Suspended {
				got = append(got, "suspended")
				if !s.DueAt.IsZero() || !s.ChargeAt.IsZero() {
					t.Errorf("%s: suspended, and due %s", c.name, korean(s.DueAt))
				}
				break
			}
			got = append(got, fmt.Sprint(s.ChargeAt.Sub(since).Hours()))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
		if s.Cycle != 1 || s.Date != 0 {
			t.Errorf("%s: cycle %d, date %d", c.name, s.Cycle, s.Date)
		}
	}
}

// TestTimetableAfterAnOutage: what the timetable names while nothing runs is not made up for; the next of its times counts.
func TestTimetableAfterAnOutage(t *testing.T) {
	t.Parallel()
	s := active(monthly(), subscription.Once)
	since := s.ChargeAt
	s = declined(t, s, subscription.Soft, since)
	s = declined(t, s, subscription.Soft, since.Add(100*time.Hour))
	if got := s.ChargeAt.Sub(since); got != 120*time.Hour || s.Attempt() != 3 {
		t.Errorf("tried again after %s, attempt %d", got, s.Attempt())
	}
}

// TestRecoveryKeepsTheAnchor: a cycle that is paid late leaves the next date where it was.
func TestRecoveryKeepsTheAnchor(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]string{1: "2027-02-01", 2: "2027-02-03", 3: "2027-02-05", 4: "2027-02-07"} {
		s := active(monthly(), subscription.Once)
		for range attempts {
			s = declined(t, s, subscription.Soft, s.ChargeAt)
		}
		if s.Attempt() != attempts+1 {
			t.Errorf("attempt %d, want %d", s.Attempt(), attempts+1)
		}
		s, charges := drained(t, s, s.ChargeAt, at("2027-03-31 10:00"))
		if got := strings.Join(charges, ", "); got != "c1 "+want+" 9900, c2 2027-02-28 9900, c3 2027-03-31 9900" {
			t.Errorf("after %d refusals: %s", attempts, got)
		}
		if s.Status != subscription.Active || s.Dunning != (subscription.Dunning{}) || s.Attempt() != 1 {
			t.Errorf("after %d refusals and a payment: %s, %+v", attempts, s.Status, s.Dunning)
		}
	}
	s := active(monthly(), subscription.Once)
	s = declined(t, s, subscription.Hard, s.ChargeAt)
	if s = s.Charged(1, 0, at("2027-02-02 00:00")); s.Status != subscription.Active || korean(s.ChargeAt) != "2027-02-28 10:00" {
		t.Errorf("paid after all, while suspended: %s, next %s", s.Status, korean(s.ChargeAt))
	}
}
