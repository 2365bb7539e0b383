package subscription_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/subscription"
)

// A scenario is testdata/dunning/*.txtar, written to be read by a merchant. Its comment is the situation. Its files are
//
//	plan      one "name value" a line: amount, interval, every, anchor, hour, first, catch-up
//	answers   what happens outside, one a line; days and times are Korea's:
//	            c1      refused CARD_EXCEED_LIMIT soft        the first attempt at cycle 1
//	            c1--2   unknown COMMON_TIMEOUT                what became of it is not known...
//	            c1--2   found 2027-02-01 11:15 paid           ...until then
//	            c1--3   paid                                  which every attempt is that is not named
//	            buyer   2027-02-03 09:00                      registers another means of payment
//	            resume  2027-02-03 09:00                      the merchant's, of what is suspended
//	            until   2027-03-01 00:00                      the end
//	timeline  everything that is to happen, and nothing else: when, the number charged, what was answered, the status after it, and when it
//	          is charged next
//
// The files name no function of this package, so that they can be run through everything else as well.
type scenario struct {
	calendar subscription.Calendar
	policy   subscription.CatchUp
	plan     subscription.Plan
	answers  map[string]answer // by number
	deeds    []deed
	until    time.Time
}

// deed is what a buyer or a merchant does: "buyer" or "resume".
type deed struct {
	who string
	at  time.Time
}

// answer is the provider's to one attempt.
type answer struct {
	outcome string // paid, refused or unknown
	code    string
	decline subscription.Decline
	found   *answer // what an unknown one turns out to be
	at      time.Time
}

func TestDunningScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/dunning/*.txtar")
	if err != nil || len(files) < 21 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, want := parseScenario(t, archive)
			got := s.run(t)
			if *update && got != want {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("what happens:\n%s\nwhat shall happen:\n%s", got, want)
			}
		})
	}
}

func parseScenario(t *testing.T, archive *txtar.Archive) (scenario, string) {
	t.Helper()
	names := []string{}
	for _, f := range archive.Files {
		names = append(names, f.Name)
	}
	if len(strings.TrimSpace(string(archive.Comment))) < 40 || !slices.Equal(names, []string{"plan", "answers", "timeline"}) {
		t.Fatalf("a scenario tells its situation and has plan, answers and timeline; this one has %v", names)
	}
	s := scenario{plan: basic, answers: map[string]answer{}}
	for _, words := range lines(archive.Files[0].Data) {
		if len(words) != 2 {
			t.Fatalf("plan: %q", words)
		}
		s.set(t, words[0], words[1])
	}
	if err := s.calendar.Check(); err != nil {
		t.Fatalf("plan: %v", err)
	}
	for _, words := range lines(archive.Files[1].Data) {
		s.learn(t, words)
	}
	if s.until.IsZero() {
		t.Fatal("answers: no until")
	}
	return s, string(archive.Files[2].Data)
}

func lines(data []byte) [][]string {
	var all [][]string
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

func (s *scenario) set(t *testing.T, name, value string) {
	t.Helper()
	number, err := strconv.Atoi(value)
	switch name {
	case "amount":
		s.plan.Amount = won(int64(number))
	case "every":
		s.calendar.Every = number
	case "anchor":
		s.calendar.Anchor = number
	case "hour":
		s.calendar.Hour = number
	case "interval":
		s.calendar.Interval, err = subscription.Interval(value), nil
	case "first":
		s.calendar.First, err = day(value), nil
	case "catch-up":
		s.policy, err = subscription.CatchUp(value), nil
		if !slices.Contains(policies, s.policy) {
			t.Fatalf("plan: catch-up %q", value)
		}
	default:
		t.Fatalf("plan: %q", name)
	}
	if err != nil {
		t.Fatalf("plan: %s %q", name, value)
	}
}

func (s *scenario) learn(t *testing.T, words []string) {
	t.Helper()
	text := strings.Join(words, " ")
	switch {
	case len(words) == 3 && words[0] == "until":
		s.until = at(words[1] + " " + words[2])
	case len(words) == 3 && (words[0] == "buyer" || words[0] == "resume"):
		s.deeds = append(s.deeds, deed{words[0], at(words[1] + " " + words[2])})
	case len(words) >= 5 && words[1] == "found":
		a, ok := s.answers[words[0]]
		if !ok || a.outcome != "unknown" || a.found != nil {
			t.Fatalf("answers: %q comes after an unknown outcome", text)
		}
		found := outcome(t, words[4:])
		found.at = at(words[2] + " " + words[3])
		a.found = &found
		s.answers[words[0]] = a
	case len(words) >= 2 && strings.HasPrefix(words[0], "c"):
		if _, twice := s.answers[words[0]]; twice {
			t.Fatalf("answers: %q: the number was answered before", text)
		}
		s.answers[words[0]] = outcome(t, words[1:])
	default:
		t.Fatalf("answers: %q", text)
	}
}

// outcome reads "paid", "refused CODE class" or "unknown CODE", and checks that the class is the code's.
func outcome(t *testing.T, words []string) answer {
	t.Helper()
	text := strings.Join(words, " ")
	switch {
	case text == "paid":
		return answer{outcome: "paid"}
	case len(words) == 3 && words[0] == "refused":
		a := answer{outcome: "refused", code: words[1], decline: subscription.Decline(words[2])}
		want := map[portone.Reason]subscription.Decline{
			portone.ReasonSoft: subscription.Soft, portone.ReasonTransient: subscription.Transient,
			portone.ReasonHard: subscription.Hard, portone.ReasonKeyGone: subscription.Hard, portone.ReasonMerchant: subscription.Soft,
		}[portone.ReasonOf(a.code)]
		if a.code == portone.CodeUnlistedReason {
			want = subscription.Soft // a failed payment, whatever its reason
		}
		if a.decline != want {
			t.Fatalf("answers: %q: PortOne's table says %q", text, want)
		}
		return a
	case len(words) == 2 && words[0] == "unknown":
		if r := portone.ReasonOf(words[1]); r != portone.ReasonUnknown && r != portone.ReasonDuplicate {
			t.Fatalf("answers: %q: PortOne's table says %s", text, r)
		}
		return answer{outcome: "unknown", code: words[1]}
	}
	t.Fatalf("answers: %q", text)
	return answer{}
}

// run plays the scenario with a worker that is always there, and returns its timeline.
func (s scenario) run(t *testing.T) string {
	t.Helper()
	sub := active(s.calendar, s.policy)
	sub.Plan = s.plan
	var b strings.Builder
	open := map[string]answer{}    // numbers whose outcome is not known, and what it will be
	created := map[int]time.Time{} // orders by cycle
	used := map[string]bool{}      // numbers that were charged
	now := sub.ChargeAt
	for range 10_000 {
		next, what := s.until, "end"
		if !sub.DueAt.IsZero() && sub.DueAt.Before(next) {
			next, what = sub.DueAt, "due"
		}
		if len(s.deeds) > 0 && s.deeds[0].at.Before(next) {
			next, what = s.deeds[0].at, s.deeds[0].who
		}
		for number, a := range open {
			if a.at.Before(next) {
				next, what = a.at, number
			}
		}
		if next.After(now) { // what was due long ago is done now
			now = next
		}
		before := sub
		switch what {
		case "end":
			for number := range s.answers {
				if !used[number] {
					t.Errorf("%s was never charged", number)
				}
			}
			return b.String()
		case "buyer":
			s.deeds = s.deeds[1:]
			renewed, ok := sub.RenewKey(now)
			if !ok {
				t.Fatalf("%s: a subscription that is %s takes no other means", korean(now), sub.Status)
			}
			sub = renewed.Issued(subscription.Key{N: renewed.NextKey.N, IssuedAt: now}, now)
			row(&b, now, "-", "another means", sub)
		case "resume":
			s.deeds = s.deeds[1:]
			resumed, ok := sub.Resume(now)
			if !ok {
				t.Fatalf("%s: a subscription that is %s, %s, is not resumed", korean(now), sub.Status, sub.Dunning.Decline)
			}
			sub = resumed
			row(&b, now, "-", "resumed", sub)
		case "due":
			p := claimed(t, sub, now).Prepare(now)
			if sub = p.Subscription; !p.Charge {
				row(&b, now, "-", "not charged", sub)
				continue
			}
			number := numberOf(sub)
			if _, waiting := open[number]; waiting {
				sub = sub.Doubted(sub.Cycle, now, now.Add(10*time.Minute))
				continue
			}
			if used[number] {
				t.Fatalf("%s: %s was charged before", korean(now), number)
			}
			used[number] = true
			if sub.Attempt() == 1 {
				created[sub.Cycle] = now
			}
			a, named := s.answers[number]
			if !named {
				a = answer{outcome: "paid"}
			}
			if a.outcome == "unknown" {
				if a.found == nil {
					t.Fatalf("answers: what became of %s?", number)
				}
				open[number] = *a.found
				sub = sub.Doubted(sub.Cycle, now, now.Add(time.Minute))
			} else {
				sub = s.apply(sub, a, sub.Cycle, created, now)
			}
			row(&b, now, number, a.text(), sub)
		default:
			a := open[what]
			delete(open, what)
			sub = s.apply(sub, a, sub.Cycle, created, now)
			row(&b, now, what, "found "+a.text(), sub)
		}
		if problem := broken(before, sub); problem != "" {
			t.Fatalf("%s: %s", korean(now), problem)
		}
	}
	t.Fatalf("no end; it is %s", korean(now))
	return ""
}

func (s scenario) apply(sub subscription.Subscription, a answer, k int, created map[int]time.Time, now time.Time) subscription.Subscription {
	if a.outcome == "paid" {
		return sub.Charged(k, sub.DateAt(created[k]), now)
	}
	return sub.Refused(k, sub.Attempt()+1, a.decline, a.code, subscription.DefaultTimetable(), now)
}

// numberOf is how a scenario calls the attempt a subscription stands at.
func numberOf(s subscription.Subscription) string {
	if s.Attempt() == 1 {
		return fmt.Sprintf("c%d", s.Cycle)
	}
	return fmt.Sprintf("c%d--%d", s.Cycle, s.Attempt())
}

func (a answer) text() string { return strings.TrimSpace(a.outcome + " " + a.code) }

func row(b *strings.Builder, now time.Time, number, what string, s subscription.Subscription) {
	next := "charged next " + korean(s.ChargeAt)
	switch {
	case s.ChargeAt.IsZero():
		next = "not charged any more"
	case s.DueAt.After(s.ChargeAt):
		next = "asked again"
	case !s.ChargeAt.After(now):
		next = "charged next at once"
	}
	line := fmt.Sprintf("%s  %-6s  %-38s  %-9s  %s", korean(now), number, what, s.Status, next)
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
