package tosspaysam_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestHistoryWords: the specification lists exactly the words that an order's history has.
func TestHistoryWords(t *testing.T) {
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
	slices.Sort(words)
	slices.Sort(listed)
	if !slices.Equal(words, listed) {
		t.Errorf("the specification lists %q, the code has %q", listed, words)
	}
}
