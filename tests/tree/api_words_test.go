package tree_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// wordsBefore are those of a history that was written with format version 1 of orders, which has them as they were: every Kind that its order.go had and
// the present one has not.
var wordsBefore = []string{"announced", "refunded", "mismatched", "irreversible", "doubtful", "searched"}

// TestHistoryWords: the specification lists exactly the words that an order's history has, and those of old orders: the items of version 1 that were
// written by its own program have no other.
func TestHistoryWords(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	source, err := os.ReadFile("shared/order/with.go")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ += "([a-z-]+)" +//|^\tCreated += "([a-z-]+)"$`).FindAllStringSubmatch(string(source), -1) {
		words = append(words, m[1]+m[2])
	}
	spec, err := os.ReadFile("api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, step, found := strings.Cut(string(spec), "\n    OrderStep:\n")
	m := regexp.MustCompile(`(?s)\n        event:\n          type: string\n          enum: \[(.*?)\]`).FindStringSubmatch(step)
	if !found || m == nil || len(words) < 10 {
		t.Fatalf("no enum of the history's words, or no words: %q", words)
	}
	listed := strings.FieldsFunc(m[1], func(r rune) bool { return strings.ContainsRune(", \n", r) })
	words = append(words, wordsBefore...)
	old, err := filepath.Glob("shared/store/internal/item/testdata/*.json")
	if err != nil || len(old) < 20 {
		t.Fatalf("%d items of version 1: %v", len(old), err)
	}
	for _, file := range old {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`"event": \{\s*"S": "([^"]+)"`).FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s has no history", file)
		}
		for _, m := range found {
			if !slices.Contains(listed, m[1]) {
				t.Errorf("%s: %q is not in the specification", file, m[1])
			}
		}
	}
	slices.Sort(words)
	slices.Sort(listed)
	if !slices.Equal(words, listed) {
		t.Errorf("the specification lists %q, the code has %q", listed, words)
	}
}
