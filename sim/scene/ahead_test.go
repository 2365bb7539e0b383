package scene

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestImportStaysAhead: the date in the file comes to lie in the past one day, and the event must still show an import that is taken.
func TestImportStaysAhead(t *testing.T) {
	t.Parallel()
	event, err := os.ReadFile("../../events/subscription-imported.json")
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-11-28T00:00:00Z": "2027-10-25T09:00:00+09:00",
		"2027-10-24T23:50:00Z": "2027-10-25T09:00:00+09:00",
		"2027-10-25T00:00:00Z": "2028-10-25T09:00:00+09:00",
		"2031-01-01T00:00:00Z": "2031-10-25T09:00:00+09:00",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		got := string(Ahead(event, at))
		if !strings.Contains(got, `\"firstChargeAt\":\"`+want+`\"`) || len(got) != len(event) {
			t.Errorf("at %s: %s", now, got)
		}
	}
}
