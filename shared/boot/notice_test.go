package boot

import (
	"os"
	"strings"
	"testing"
)

// TestNoticeDays: what CloudFormation takes, the function starts with.
func TestNoticeDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "0": 0, "7": 7, "60": 60} {
		if n, err := noticeDays(text); err != nil || n != want {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"-1", "61", "7.5", "7d", " 7", "1e1"} {
		if n, err := noticeDays(text); err == nil || !strings.Contains(err.Error(), "RENEWAL_NOTICE_DAYS") || strings.Contains(err.Error(), text) {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	template, err := os.ReadFile("../../template.yaml")
	if limits := "RenewalNoticeDays:\n    Type: Number\n    Default: 0\n    MinValue: 0\n    MaxValue: 60\n"; err != nil || !strings.Contains(string(template), limits) {
		t.Errorf("template.yaml does not have %q: %v", limits, err)
	}
	p, err := fromEnv(env("RENEWAL_NOTICE_DAYS", "7"), nil)
	if err != nil || p.NoticeDays != 7 || p.Worker().NoticeDays != 7 || p.enroller().NoticeDays != 7 {
		t.Errorf("%d days, %v", p.NoticeDays, err)
	}
	if _, err := fromEnv(env("RENEWAL_NOTICE_DAYS", "61"), nil); err == nil {
		t.Error("61 days are taken")
	}
}
