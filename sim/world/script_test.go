package world_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"tosspay-sam/shared/order"
	"tosspay-sam/sim/world"
)

// scenarios are stories of one order that a merchant's engineer can read: testdata/scenarios/NAME.txtar. A story begins
// with what happens, in plain words. Section "world" says what the provider and the deployment are like, "story" what
// happens and what is seen. storyWorlds and storyWords are all that may stand in them; storyplay_test.go says what the
// words do.
const scenarios = "testdata/scenarios/*.txtar"

// storiesMin is how many there are at least: a story that is not found does not pass unnoticed.
const storiesMin = 25

// TestScenarios plays each story in a world of its own: go test ./sim/world -run TestScenarios/second-tab -v
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(scenarios)
	if err != nil || len(files) < storiesMin {
		t.Fatalf("%d stories, want at least %d: %v", len(files), storiesMin, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, problems := readStory(filepath.Base(file), archive)
			for _, problem := range problems {
				t.Error(problem)
			}
			if problems == nil {
				bubble(t, func(t *testing.T) { s.play(t, t.Errorf) })
			}
		})
	}
}

// TestScenarioWords: there is no word that no story says, and so nobody has tried.
func TestScenarioWords(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(scenarios) // the pattern is well-formed
	said := map[string]bool{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, section := range archive.Files {
			for text := range strings.Lines(string(section.Data)) {
				_, pattern, _ := understand([][]word{storyWorlds, storyWords}[min(i, 1)], text)
				said[pattern] = true
			}
		}
	}
	for _, w := range slices.Concat(storyWorlds, storyWords) {
		if !said[w.pattern] {
			t.Errorf("no story says %q", w.pattern)
		}
	}
}

// story is one that was read without a mistake.
type story struct {
	file     string
	provider string
	world    []func(*world.Options)
	steps    []line
}

// line is one line of a story.
type line struct {
	at   string // file:line
	text string
	do   func(*play) error
}

// readStory reads the whole story before any of it is played, and returns every mistake with file and line.
func readStory(file string, archive *txtar.Archive) (s story, problems []string) {
	s.file = file
	complain := func(n int, format string, args ...any) {
		problems = append(problems, fmt.Sprintf("%s:%d: %s", file, n, fmt.Sprintf(format, args...)))
	}
	n := 1 + strings.Count(string(archive.Comment), "\n")
	if len(strings.Fields(string(archive.Comment))) < 8 {
		complain(1, "a story begins with what happens, in plain words")
	}
	if len(archive.Files) != 2 || archive.Files[0].Name != "world" || archive.Files[1].Name != "story" {
		complain(n, `a story has two sections, "-- world --" and "-- story --"`)
		return s, problems
	}
	asserted := map[string]bool{}
	for i, section := range archive.Files {
		words := [][]word{storyWorlds, storyWords}[i]
		for text := range strings.Lines(string(section.Data)) {
			n++
			text = strings.TrimSpace(text)
			if text == "" {
				continue
			}
			do, pattern, err := understand(words, text)
			if err != nil {
				complain(n, "%v", err)
				continue
			}
			asserted[pattern] = true
			if i == 0 {
				err = do(&play{story: &s})
			} else {
				s.steps = append(s.steps, line{fmt.Sprintf("%s:%d", file, n), text, do})
			}
			if err != nil {
				complain(n, "%v", err)
			}
		}
		n++
	}
	if problems != nil {
		return s, problems
	}
	if s.provider == "" {
		complain(n-1, "section world names no provider")
	}
	for _, pattern := range []string{"expect status STATUS", "expect captures COUNT", "expect kept COUNT"} {
		if !asserted[pattern] {
			complain(n-1, "the story never says %q", pattern)
		}
	}
	return s, problems
}

// word is a line that may stand in a story: words, and in capitals what differs from line to line.
type word struct {
	pattern string
	do      func(p *play, given []string) error
}

// slots are what may stand in place of the words in capitals.
var slots = map[string]func(text string) error{
	"PROVIDER": oneOf("toss", "portone"),
	"TAB":      oneOf("A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"),
	"STATUS":   oneOf(statusWords()...),
	"ROLE":     oneOf("kept", "surplus", "returned", "foreign"),
	"OUTCOME":  oneOf("pending", "done", "denied"),
	"REQUEST":  oneOf("confirm", "refund", "lookup"),
	"AMOUNT":   whole(1, 1_000_000_000),
	"COUNT":    whole(0, 1_000_000_000),
	"DURATION": func(text string) error { _, err := world.ParseDuration(text); return err },
	"CODE": func(text string) error {
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			return errors.New("must be of A-Z and _")
		}
		return nil
	},
	"ID": func(text string) error {
		if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return errors.New("must be of a-z, 0-9 and -")
		}
		return nil
	},
	"TEXT": func(text string) error {
		if _, err := strconv.Unquote(text); err != nil {
			return errors.New(`must stand in "quotes"`)
		}
		return nil
	},
}

func statusWords() (words []string) {
	for _, s := range order.Statuses {
		words = append(words, string(s))
	}
	return words
}

func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
		}
		return nil
	}
}

func whole(least, most int) func(string) error {
	return func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < least || n > most || text != strconv.Itoa(n) {
			return fmt.Errorf("must be a whole number from %d to %d", least, most)
		}
		return nil
	}
}

// understand finds what a line means. A line that only differs in what stands in a slot is told what the slot takes.
func understand(words []word, text string) (do func(*play) error, pattern string, err error) {
	parts, err := split(text)
	if err != nil {
		return nil, "", err
	}
	for _, w := range words {
		given, problem, ok := w.match(parts)
		if ok && problem == nil {
			return func(p *play) error { return w.do(p, given) }, w.pattern, nil
		}
		if ok {
			err = fmt.Errorf("%q: %w", w.pattern, problem)
		}
	}
	if err == nil {
		err = fmt.Errorf("%q is nothing that a story can say", text)
	}
	return nil, "", err
}

// match compares a line with the pattern. ok: it is this pattern, and problem is what is wrong in a slot.
func (w word) match(parts []string) (given []string, problem error, ok bool) {
	pattern := strings.Fields(w.pattern)
	if len(pattern) != len(parts) {
		return nil, nil, false
	}
	for i, want := range pattern {
		check, isSlot := slots[want]
		switch {
		case !isSlot && want != parts[i]:
			return nil, nil, false
		case !isSlot:
			continue
		}
		if err := check(parts[i]); err != nil && problem == nil {
			problem = fmt.Errorf("%s %w, not %s", want, err, parts[i])
		}
		given = append(given, strings.Trim(parts[i], `"`))
	}
	return given, problem, true
}

// split cuts a line at its spaces, outside quotes.
func split(text string) (parts []string, err error) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := strings.IndexByte(text, ' ')
		if text[0] == '"' {
			if end = strings.IndexByte(text[1:], '"') + 2; end == 1 {
				return nil, errors.New("a quote is not closed")
			}
		}
		if end < 0 {
			end = len(text)
		}
		parts, text = append(parts, text[:end]), text[end:]
	}
	return parts, nil
}

// TestScenarioMistakes: a mistake in a story is told with its file and line, and the story is not played.
func TestScenarioMistakes(t *testing.T) {
	t.Parallel()
	const whole = `The buyer pays in a window, and the order is paid once. Nothing goes wrong here.

-- world --
provider toss
-- story --
order 15000 payable for 24h
open A
approve A
return A
expect page "Payment complete"
expect status paid
expect captures 1
expect kept 15000
`
	if _, problems := readStory("whole.txtar", txtar.Parse([]byte(whole))); problems != nil {
		t.Fatal(problems)
	}
	for _, c := range []struct{ old, new, want string }{
		{"provider toss", "provider tos", `bad.txtar:4: "provider PROVIDER": PROVIDER must be one of toss, portone, not tos`},
		{"provider toss", "", `bad.txtar:13: section world names no provider`},
		{"provider toss", "provider toss\ngate on", `bad.txtar:5: "gate on" is nothing that a story can say`},
		{"order 15000", "order -1", `bad.txtar:6: "order AMOUNT payable for DURATION": AMOUNT must be a whole number from 1`},
		{"for 24h", "for ever", `bad.txtar:6: "order AMOUNT payable for DURATION": DURATION advance must be a duration`},
		{"open A", "open Z", `bad.txtar:7: "open TAB": TAB must be one of A, B`},
		{"approve A", "aprove A", `bad.txtar:8: "aprove A" is nothing that a story can say`},
		{"return A", "return A quickly", `bad.txtar:9: "return A quickly" is nothing that a story can say`},
		{"Payment complete\"", "Payment complete", `bad.txtar:10: a quote is not closed`},
		{`"Payment complete"`, `Paid`, `bad.txtar:10: "expect page TEXT": TEXT must stand in "quotes", not Paid`},
		{"status paid", "status payed", `bad.txtar:11: "expect status STATUS": STATUS must be one of `},
		{"captures 1", "captures one", `bad.txtar:12: "expect captures COUNT": COUNT must be a whole number`},
		{"captures 1", "captures 01", `bad.txtar:12: "expect captures COUNT": COUNT must be a whole number`},
		{"expect captures 1\n", "", `bad.txtar:12: the story never says "expect captures COUNT"`},
		{"expect kept 15000\n", "", `bad.txtar:12: the story never says "expect kept COUNT"`},
		{"expect status paid\n", "", `bad.txtar:12: the story never says "expect status STATUS"`},
		{"-- story --", "-- stroy --", `bad.txtar:3: a story has two sections`},
		{"The buyer pays in a window, and the order is paid once. ", "", `bad.txtar:1: a story begins with what happens`},
	} {
		bad := strings.Replace(whole, c.old, c.new, 1)
		_, problems := readStory("bad.txtar", txtar.Parse([]byte(bad)))
		if len(problems) != 1 || !strings.HasPrefix(problems[0], c.want) {
			t.Errorf("%q for %q: %q, want %q", c.new, c.old, problems, c.want)
		}
	}
}

// TestScenarioCanFail: what a story expects is compared. Each expectation is wrong in turn, and that line is named.
func TestScenarioCanFail(t *testing.T) {
	t.Parallel()
	const story = `The buyer pays by card and is refunded in part. Every expectation of this story is made wrong once.

-- world --
provider toss
partial refunds on
-- story --
order 15000 payable for 24h
open A
approve A
return A
expect page "Payment complete"
refund r1 of 5000
expect answer 202
refund r2 of 10001
expect answer 409 OVER_BALANCE "10000"
wait 1h
expect status paid
expect attempt 1
expect captures 1
expect kept 10000
expect recorded 10000
expect payment A kept
expect refund r1 done of 5000
expect payment page "Payment complete"
expect payment page offers no window
`
	for _, c := range []struct {
		line     int
		old, new string
	}{
		{0, "", ""},
		{8, "open A", "order 15000 payable for 24h"},
		{9, "approve A", "approve B"},
		{11, "Payment complete", "Payment refunded"},
		{13, "answer 202", "answer 200"},
		{15, "OVER_BALANCE", "NOT_PAID"},
		{15, `"10000"`, `"10001"`},
		{17, "status paid", "status refunded"},
		{18, "attempt 1", "attempt 2"},
		{19, "captures 1", "captures 2"},
		{20, "kept 10000", "kept 15000"},
		{21, "recorded 10000", "recorded 15000"},
		{22, "A kept", "A returned"},
		{23, "r1 done", "r1 pending"},
		{23, "done of 5000", "done of 5001"},
		{23, "refund r1 done", "refund r3 done"},
		{24, `payment page "Payment complete"`, `payment page "Payment refunded"`},
		{25, "offers no window", "offers a window"},
	} {
		bubble(t, func(t *testing.T) {
			s, problems := readStory("story.txtar", txtar.Parse([]byte(strings.Replace(story, c.old, c.new, 1))))
			if problems != nil {
				t.Fatal(problems)
			}
			var failed []string
			s.play(t, func(format string, args ...any) { failed = append(failed, fmt.Sprintf(format, args...)) })
			switch at := fmt.Sprintf("story.txtar:%d: ", c.line); {
			case c.line == 0 && failed != nil:
				t.Errorf("as it is written: %q", failed)
			case c.line > 0 && (len(failed) == 0 || !strings.HasPrefix(failed[0], at)):
				t.Errorf("%q for %q: %q, want %q", c.new, c.old, failed, at)
			}
		})
	}
}
