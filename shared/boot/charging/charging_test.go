package charging

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"tosspay-sam/shared/subscription"
)

// TestTimetableAndTemplateAgree: what CloudFormation takes, the function starts with, so that a deployment is refused before and not after it.
// A pattern cannot see whether numbers rise, so their order does not matter.
func TestTimetableAndTemplateAgree(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Parameters map[string]struct {
			AllowedPattern string `yaml:"AllowedPattern"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		parameter string
		read      func(string) ([]time.Duration, error)
		unit      time.Duration
		most      int
	}{
		{"DunningSoftDays", func(s string) ([]time.Duration, error) { got, err := timetable(s, ""); return got.Soft, err }, 24 * time.Hour, 60},
		{"DunningTransientHours", func(s string) ([]time.Duration, error) { got, err := timetable("", s); return got.Transient, err }, time.Hour, 1440},
	} {
		pattern := regexp.MustCompile("^(?:" + template.Parameters[tc.parameter].AllowedPattern + ")$")
		check := func(value string, stack, starts bool) {
			t.Helper()
			if got := pattern.MatchString(value); got != stack {
				t.Errorf("%s %q: the template takes it: %v, want %v", tc.parameter, value, got, stack)
			}
			if _, err := tc.read(value); (err == nil) != starts {
				t.Errorf("%s %q: the function starts: %v, want %v", tc.parameter, value, err == nil, starts)
			}
		}
		for n := range 20_000 {
			good := n >= 1 && n <= tc.most
			check(strconv.Itoa(n), good, good)
			if got, _ := tc.read(strconv.Itoa(n)); good && (len(got) != 1 || got[0] != time.Duration(n)*tc.unit) {
				t.Errorf("%s %d: read as %v", tc.parameter, n, got)
			}
		}
		for _, value := range []string{"1,2", "1,3,5,7", "1,2,3,4,5,6,7,8,9," + strconv.Itoa(tc.most)} {
			check(value, true, true)
		}
		for value, want := range map[string]int{"7,5,3": 3, "1,1": 1, "1,3,2": 3, strings.Repeat("5,", 9) + "5": 1} {
			check(value, true, true)
			if got, _ := tc.read(value); len(got) != want || !slices.IsSorted(got) {
				t.Errorf("%s %q: read as %v", tc.parameter, value, got)
			}
		}
		for _, value := range []string{
			"1,", ",1", ",", "1,,2", "1, 2", " 1", "1 ", "1;2", "+1", "-1", "01", "1,02", "1.5", "1h", "one", "1\n", "１", "0x1", "1_0",
			"1,2,3,4,5,6,7,8,9,10,11", "1," + strconv.Itoa(tc.most+1), "9223372036854775807", "9223372036854775808", "106751991167300642",
		} {
			check(value, false, false)
		}
		// Empty is for the laptop, where no template fills the variable in.
		if got, err := tc.read(""); pattern.MatchString("") || err != nil || len(got) == 0 {
			t.Errorf("%s without a value: %v, %v", tc.parameter, got, err)
		}
	}
	if got, err := timetable("", ""); err != nil || len(got.Soft) != len(subscription.DefaultTimetable().Soft) || len(got.Transient) != len(subscription.DefaultTimetable().Transient) {
		t.Errorf("the defaults: %+v, %v", got, err)
	}
}
