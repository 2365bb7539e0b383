package chargetest_test

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
)

// scenarios are those of shared/subscription, whose dunning_test.go says how they are written. There a loop plays them through the pure
// functions; here they go through the dispatcher, the worker, the store and the bank, on the clock, once a minute.
const scenarios = "../../shared/subscription/testdata/dunning/*.txtar"

// lateMax is how much later than in the pure loop something may happen: "at once" is the next minute's tick, and cycles come one after another.
const lateMax = 3 * time.Minute

// walk is a scenario on a stage.
type walk struct {
	*stage
	answers  map[string][]string // by number: the words of the answers file
	charged  map[string]bool     // numbers
	timeline []string
	pending  func() // writes the row of what the message at work has done
}

func TestDunningOnTheClock(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(scenarios)
	if err != nil || len(files) < 21 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil || len(archive.Files) != 3 {
				t.Fatalf("%d files, %v", len(archive.Files), err)
			}
			got := walked(t, wordsOf(archive.Files[0].Data), wordsOf(archive.Files[1].Data))
			if problem := differs(got, strings.Split(strings.TrimSpace(string(archive.Files[2].Data)), "\n")); problem != "" {
				t.Errorf("%s\nwhat happens:\n%s\nwhat shall happen:\n%s", problem, strings.Join(got, "\n"), archive.Files[2].Data)
			}
		})
	}
}

// TestDunningCanDiffer: a timeline that is not the world's is seen.
func TestDunningCanDiffer(t *testing.T) {
	t.Parallel()
	row := "2027-01-31 10:00  c1      paid                                    active     charged next 2027-02-28 10:00"
	for name, other := range map[string][]string{
		"too late":        {strings.Replace(row, "10:00", "10:04", 1)},
		"too early":       {strings.Replace(row, "10:00", "09:59", 1)},
		"another status":  {strings.Replace(row, "active   ", "suspended", 1)},
		"another next":    {strings.Replace(row, "02-28", "03-01", 1)},
		"another number":  {strings.Replace(row, "c1 ", "c2 ", 1)},
		"nothing":         {},
		"something twice": {row, row},
	} {
		if differs(other, []string{row}) == "" {
			t.Errorf("%s: no difference is seen", name)
		}
	}
	if problem := differs([]string{strings.Replace(row, "10:00", "10:03", 1)}, []string{row}); problem != "" {
		t.Error(problem)
	}
}

// differs compares two timelines: everything but the minute must be the same.
func differs(got, want []string) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		late := koreanTime(got[i][:16]).Sub(koreanTime(want[i][:16]))
		if late < 0 || late > lateMax || strings.Join(strings.Fields(got[i][16:]), " ") != strings.Join(strings.Fields(want[i][16:]), " ") {
			return fmt.Sprintf("row %d is\n%s\nwant\n%s", i+1, got[i], want[i])
		}
	}
	return ""
}

func wordsOf(data []byte) (all [][]string) {
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

func koreanTime(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, subscription.Seoul)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// walked plays a scenario and returns its timeline.
func walked(t *testing.T, plan, answers [][]string) []string {
	t.Helper()
	settings := map[string]string{}
	for _, words := range plan {
		settings[words[0]] = words[1]
	}
	number := func(name string) int {
		n, err := strconv.Atoi(cmp.Or(settings[name], "0"))
		if err != nil {
			t.Fatalf("%s %q", name, settings[name])
		}
		return n
	}
	first := koreanTime(settings["first"] + " 00:00").Add(time.Duration(number("hour")) * time.Hour)
	w := &walk{answers: map[string][]string{}, charged: map[string]bool{}}
	w.stage = stageAt(t, first.Add(-time.Hour), func(r *payment.NewSubscription) {
		r.Amount, r.Interval, r.Every, r.AnchorDay = int64(number("amount")), settings["interval"], number("every"), number("anchor")
		hour := number("hour")
		r.ChargeHour, r.FirstChargeAt, r.CatchUp = &hour, first, settings["catch-up"]
	})
	w.Take, w.Written = w.take, w.written
	w.Bank.Outcome = func(n string, _ int) string {
		if words := w.answers[short(n)]; len(words) > 1 {
			return words[1] // refused CODE class, or unknown CODE
		}
		return ""
	}
	var until time.Time
	for _, words := range answers {
		switch {
		case words[0] == "until":
			until = koreanTime(words[1] + " " + words[2])
		case words[0] == "buyer":
			w.later = append(w.later, event{koreanTime(words[1] + " " + words[2]), w.buyer})
		case words[0] == "resume":
			w.later = append(w.later, event{koreanTime(words[1] + " " + words[2]), w.resume})
		case words[1] == "found":
			w.later = append(w.later, event{koreanTime(words[2] + " " + words[3]), func() { w.find(words[0], words[4:]) }})
		default:
			w.answers[words[0]] = words[1:]
		}
	}
	slices.SortStableFunc(w.later, func(a, b event) int { return a.at.Compare(b.at) })
	w.until(until.Add(-time.Second))
	for n := range w.answers {
		if !w.charged[n] {
			t.Errorf("%s was never charged", n)
		}
	}
	return w.timeline
}

// short is how a scenario calls a number of the bank's.
func short(number string) string { return strings.TrimPrefix(number, id+"--") }

// take is a charge that arrives. Its row is written when the subscription has been told.
func (w *walk) take(c provider.Charge) provider.Answer {
	number := short(c.Number)
	if w.charged[number] {
		w.t.Errorf("%s: %s was charged before", w.now, number)
	}
	w.charged[number] = true
	at := w.now
	what := "paid"
	if words := w.answers[number]; len(words) > 1 {
		what = words[0] + " " + words[1]
	}
	w.pending = func() { w.row(at, number, what) }
	return w.Bank.Charge(w.ctx, c)
}

// written is every move of the subscription.
func (w *walk) written(op string, s subscription.Subscription) {
	switch {
	case op != "save-subscription":
	case w.pending != nil:
		w.pending()
		w.pending = nil
	case s.History[len(s.History)-1].Event == "dates-skipped" && s.History[len(s.History)-1].At.Equal(w.now):
		w.row(w.now, "-", "not charged")
	}
}

// buyer registers another means.
func (w *walk) buyer() {
	e, err := w.Enroller.RenewKey(w.ctx, id, "https://pay.example")
	if err == nil {
		_, err = w.Register(w.ctx, e.Subscription)
	}
	if err != nil {
		w.t.Fatalf("%s: another means: %v", w.now, err)
	}
	w.row(w.now, "-", "another means")
}

// resume is the merchant's wish.
func (w *walk) resume() {
	if _, err := w.Enroller.Resume(w.ctx, id); err != nil {
		w.t.Fatalf("%s: resume: %v", w.now, err)
	}
	w.row(w.now, "-", "resumed")
}

// find makes known what became of a charge, and asks: a message of its order comes late.
func (w *walk) find(number string, outcome []string) {
	what := strings.Join(outcome[:min(2, len(outcome))], " ")
	code := ""
	if len(outcome) > 1 {
		code = outcome[1]
	}
	w.Bank.Decide(id+"--"+number, code)
	at := w.now
	w.pending = func() { w.row(at, number, "found "+what) }
	cycle, _, _ := strings.Cut(number, "--")
	if err, ok := w.work(payment.Message{Kind: payment.KindOrder, ID: id + "--" + cycle}); err != nil || !ok {
		w.t.Fatalf("%s: %s: %v", w.now, number, err)
	}
	if w.pending != nil {
		w.t.Errorf("%s: %s is %s, and the subscription was not told", w.now, number, what)
	}
}

// row writes a line of the timeline, as the scenarios have it.
func (w *walk) row(at time.Time, number, what string) {
	s, korean := w.read(), func(t time.Time) string { return t.In(subscription.Seoul).Format("2006-01-02 15:04") }
	next := "charged next " + korean(s.ChargeAt)
	switch {
	case s.ChargeAt.IsZero():
		next = "not charged any more"
	case s.DueAt.After(s.ChargeAt):
		next = "asked again"
	case !s.ChargeAt.After(w.now):
		next = "charged next at once"
	}
	w.timeline = append(w.timeline, fmt.Sprintf("%s  %-6s  %-38s  %-9s  %s", korean(at), number, what, s.Status, next))
}
