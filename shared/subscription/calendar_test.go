package subscription_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
)

func day(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02", text, subscription.Seoul)
	if err != nil {
		panic(err)
	}
	return t
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		calendar subscription.Calendar
		want     string // dates in Seoul
	}{
		{"month end stays month end", subscription.Calendar{First: day("2027-01-31"), Interval: "month", Every: 1, Anchor: 31},
			"2027-01-31 2027-02-28 2027-03-31 2027-04-30 2027-05-31"},
		{"leap year", subscription.Calendar{First: day("2028-01-30"), Interval: "month", Every: 1, Anchor: 30}, "2028-01-30 2028-02-29 2028-03-30"},
		{"29 February each year", subscription.Calendar{First: day("2028-02-29"), Interval: "year", Every: 1, Anchor: 29},
			"2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29"},
		{"2100 is no leap year", subscription.Calendar{First: day("2096-02-29"), Interval: "year", Every: 4, Anchor: 29}, "2096-02-29 2100-02-28 2104-02-29"},
		{"every third month over the year", subscription.Calendar{First: day("2026-11-30"), Interval: "month", Every: 3, Anchor: 30},
			"2026-11-30 2027-02-28 2027-05-30 2027-08-30"},
		{"anchor other than the first day", subscription.Calendar{First: day("2027-01-15"), Interval: "month", Every: 1, Anchor: 31},
			"2027-01-15 2027-02-28 2027-03-31"},
		{"weeks", subscription.Calendar{First: day("2026-12-28"), Interval: "week", Every: 2}, "2026-12-28 2027-01-11 2027-01-25"},
		{"days", subscription.Calendar{First: day("2028-02-28"), Interval: "day", Every: 1}, "2028-02-28 2028-02-29 2028-03-01"},
	} {
		var got []string
		for n := range strings.Fields(c.want) {
			got = append(got, c.calendar.Date(n).In(subscription.Seoul).Format("2006-01-02"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
		if err := c.calendar.Check(); err != nil {
			t.Errorf("%s: Check = %v", c.name, err)
		}
	}
}

// TestEveryMonthTo2100 compares with a rule stated in another way: the anchor day if the month has it, else the day before the first of the
// next month.
func TestEveryMonthTo2100(t *testing.T) {
	t.Parallel()
	for anchor := 1; anchor <= 31; anchor++ {
		c := subscription.Calendar{First: day("2026-01-01").AddDate(0, 0, anchor-1), Interval: subscription.Month, Every: 1, Anchor: anchor, Hour: 10}
		for n := range (2100 - 2026 + 1) * 12 {
			first := time.Date(2026, time.Month(1+n), 1, 10, 0, 0, 0, subscription.Seoul)
			want := first.AddDate(0, 0, anchor-1)
			if want.Month() != first.Month() {
				want = first.AddDate(0, 1, -1)
			}
			if got := c.Date(n); !got.Equal(want) {
				t.Fatalf("anchor %d, date %d = %s, want %s", anchor, n, got.In(subscription.Seoul), want)
			}
		}
	}
}

func TestAfterAgreesWithDate(t *testing.T) {
	t.Parallel()
	for _, c := range []subscription.Calendar{
		{First: day("2026-01-31"), Interval: "month", Every: 1, Anchor: 31, Hour: 9},
		{First: day("2026-01-31"), Interval: "day", Every: 3, Hour: 0},
		{First: day("2028-02-29"), Interval: "year", Every: 1, Anchor: 29, Hour: 23},
		{First: day("2026-06-10"), Interval: "week", Every: 1, Hour: 5},
	} {
		for n := range 200 {
			at := c.Date(n)
			if !c.Date(n + 1).After(at) {
				t.Fatalf("%+v: date %d is not after date %d", c, n+1, n)
			}
			if got := c.After(at); got != n+1 {
				t.Fatalf("%+v: After(date %d) = %d", c, n, got)
			}
			if got := c.After(at.Add(-time.Second)); got != n {
				t.Fatalf("%+v: After(just before date %d) = %d", c, n, got)
			}
		}
	}
}

// TestCalendarProperties walks random calendars to the year 2100: dates rise, the day is the anchor's or the month's last, date k is k periods
// after the first however it is reached, and After is the inverse of Date.
func TestCalendarProperties(t *testing.T) {
	t.Parallel()
	base, runs := *seed, 400
	if base == 0 {
		base = uint64(time.Now().UnixNano())
	} else {
		runs = 1
	}
	for i := range runs {
		one := base + uint64(i)
		if problem := walk(one); problem != "" {
			t.Fatalf("%s\nreplay with: go test ./shared/subscription -run TestCalendarProperties -seed %d", problem, one)
		}
	}
}

// walk checks one random calendar and says what is wrong with it.
func walk(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 2))
	c := randomCalendar(r)
	if err := c.Check(); err != nil {
		return fmt.Sprintf("%+v: %v", c, err)
	}
	end, before := day("2100-12-31"), c.Date(0).Add(-time.Nanosecond)
	for k := 0; ; k++ {
		at := c.Date(k)
		if at.After(end) {
			return ""
		}
		if !at.After(before) {
			return fmt.Sprintf("%+v: date %d is %s, not after %s", c, k, at, before)
		}
		if want := dateByHand(c, k); !at.Equal(want) {
			return fmt.Sprintf("%+v: date %d is %s, want %s", c, k, at.In(subscription.Seoul), want)
		}
		before = at
		if k > 100 && r.IntN(50) > 0 {
			continue // the search costs more than the date, and days are many
		}
		if got, just := c.After(at), c.After(at.Add(-time.Nanosecond)); got != k+1 || just != k {
			return fmt.Sprintf("%+v: After of date %d = %d, and just before it %d", c, k, got, just)
		}
	}
}

func randomCalendar(r *rand.Rand) subscription.Calendar {
	from, to := day("2024-01-01"), day("2031-01-01")
	c := subscription.Calendar{
		First: from.Add(time.Duration(r.Int64N(int64(to.Sub(from))))), Every: 1 + r.IntN(1+r.IntN(10)), Hour: r.IntN(24),
		Interval: []subscription.Interval{subscription.Day, subscription.Week, subscription.Month, subscription.Year}[r.IntN(4)],
	}
	if c.Interval == subscription.Month || c.Interval == subscription.Year {
		c.Anchor = 1 + r.IntN(31)
	}
	return c
}

// dateByHand says the rule in another way than Date: count whole days, or count months from January of year 0 and step back from the first
// of the month after.
func dateByHand(c subscription.Calendar, k int) time.Time {
	first := c.First.In(subscription.Seoul)
	midnight := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, subscription.Seoul)
	hour := time.Duration(c.Hour) * time.Hour
	const oneDay = 24 * time.Hour // Seoul has no summer time
	units := map[subscription.Interval]int{subscription.Day: 1, subscription.Week: 7, subscription.Month: 1, subscription.Year: 12}[c.Interval] * c.Every * k
	if k == 0 || c.Interval == subscription.Day || c.Interval == subscription.Week {
		return midnight.Add(time.Duration(units) * oneDay).Add(hour)
	}
	months := first.Year()*12 + int(first.Month()) - 1 + units
	beginning := time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, subscription.Seoul)
	next := time.Date((months+1)/12, time.Month((months+1)%12+1), 1, 0, 0, 0, 0, subscription.Seoul)
	last := int(next.Sub(beginning) / oneDay)
	return beginning.Add(time.Duration(min(c.Anchor, last)-1) * oneDay).Add(hour)
}

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	good := subscription.Calendar{First: day("2026-01-31"), Interval: "month", Every: 1, Anchor: 31, Hour: 9}
	for field, change := range map[string]func(*subscription.Calendar){
		"interval":   func(c *subscription.Calendar) { c.Interval = "fortnight" },
		"every":      func(c *subscription.Calendar) { c.Every = 0 },
		"every ":     func(c *subscription.Calendar) { c.Every = 4800 },
		"anchorDay":  func(c *subscription.Calendar) { c.Anchor = 32 },
		"anchorDay ": func(c *subscription.Calendar) { c.Interval, c.Anchor = "week", 3 },
		"chargeHour": func(c *subscription.Calendar) { c.Hour = 24 },
	} {
		c := good
		change(&c)
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), strings.TrimSpace(field)+" ") {
			t.Errorf("%s: Check = %v", field, err)
		}
	}
}
