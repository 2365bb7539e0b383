package subscription

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
)

// TestVeryNextAnchorDay walks from day to day, which the calendar does not: date 1 is the next day that is the anchor, or the last day of a month
// that has no such day; a share is of the days until it, of those since the date that is an interval before it.
func TestVeryNextAnchorDay(t *testing.T) {
	t.Parallel()
	anchored := func(d time.Time, anchor int) bool {
		return d.Day() == min(anchor, daysIn(d.Year(), d.Month()))
	}
	begin := time.Date(2027, 11, 1, 9, 0, 0, 0, Seoul) // over 29 February 2028
	for offset := range 500 {
		first := begin.AddDate(0, 0, offset)
		for anchor := 1; anchor <= 31; anchor++ {
			for _, every := range []int{1, 2, 12} {
				c := Calendar{First: first, Interval: Month, Every: every, Anchor: anchor, Hour: 9}
				full := c.Date(1)
				next, days := first.AddDate(0, 0, 1), 1
				for ; !anchored(next, anchor); days++ {
					next = next.AddDate(0, 0, 1)
				}
				c.FirstPeriod = FirstProrated
				if anchored(first, anchor) {
					if got := c.Date(1); !got.Equal(full) {
						t.Fatalf("from the anchor day itself, %v: %v, want %v", first, got, full)
					}
					if days, of := c.share(first); days != of {
						t.Fatalf("from the anchor day itself, %v: a share of %d in %d", first, days, of)
					}
					continue
				}
				if got := c.Date(1); !got.Equal(next) {
					t.Fatalf("from %v, anchor %d, every %d: %v, want %v", first, anchor, every, got.In(Seoul), next)
				}
				before, of := next, 0
				for passed := 0; passed < every; of++ {
					if before = before.AddDate(0, 0, -1); anchored(before, anchor) {
						passed++
					}
				}
				if d, o := c.share(first); d != days || o != of {
					t.Fatalf("from %v, anchor %d, every %d: %d of %d days, want %d of %d", first, anchor, every, d, o, days, of)
				}
				if n := c.After(c.Date(5)); n != 6 || !c.Date(2).After(c.Date(1)) {
					t.Fatalf("after date 5 comes %d", n)
				}
			}
		}
	}
}

// TestFirstPeriodDates are the dates as a person would write them.
func TestFirstPeriodDates(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		d, err := time.ParseInLocation(time.DateTime, text, Seoul)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tc := range []struct {
		first    string
		period   FirstPeriod
		interval Interval
		every    int
		anchor   int
		want     string
	}{
		{"2026-12-01 10:00:00", FirstFull, Month, 1, 25, "2026-12-01 2027-01-25 2027-02-25"},
		{"2026-12-01 10:00:00", FirstToAnchor, Month, 1, 25, "2026-12-01 2026-12-25 2027-01-25"},
		{"2026-12-01 10:00:00", FirstProrated, Month, 1, 25, "2026-12-01 2026-12-25 2027-01-25"},
		{"2026-12-01 10:00:00", FirstToAnchor, Month, 3, 25, "2026-12-01 2026-12-25 2027-03-25"},
		{"2026-12-26 10:00:00", FirstToAnchor, Month, 1, 25, "2026-12-26 2027-01-25 2027-02-25"},
		{"2026-12-26 10:00:00", FirstToAnchor, Month, 6, 25, "2026-12-26 2027-01-25 2027-07-25"},
		{"2026-12-25 10:00:00", FirstToAnchor, Month, 1, 25, "2026-12-25 2027-01-25"},
		{"2027-02-27 10:00:00", FirstToAnchor, Month, 1, 31, "2027-02-27 2027-02-28 2027-03-31 2027-04-30"},
		{"2027-02-28 10:00:00", FirstToAnchor, Month, 1, 31, "2027-02-28 2027-03-31 2027-04-30"},
		{"2027-01-30 10:00:00", FirstToAnchor, Month, 1, 29, "2027-01-30 2027-02-28 2027-03-29"},
		{"2026-12-20 10:00:00", FirstToAnchor, Year, 1, 5, "2026-12-20 2027-01-05 2028-01-05"},
		{"2028-02-29 10:00:00", FirstToAnchor, Year, 1, 31, "2028-02-29 2029-02-28 2030-02-28"},
		{"2026-12-25 00:30:00", FirstToAnchor, Month, 1, 25, "2026-12-25 2027-01-25"}, // it is still the 24th in UTC
	} {
		c := Calendar{First: at(tc.first), Interval: tc.interval, Every: tc.every, Anchor: tc.anchor, FirstPeriod: tc.period}
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", tc, err)
		}
		var got []string
		for n := range strings.Fields(tc.want) {
			got = append(got, c.Date(n).In(Seoul).Format(time.DateOnly))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s %s, every %d %s on %d: %v, want %s", tc.first, tc.period, tc.every, tc.interval, tc.anchor, got, tc.want)
		}
	}
	for _, c := range []Calendar{
		{Interval: Week, Every: 1, FirstPeriod: FirstToAnchor}, {Interval: Day, Every: 1, FirstPeriod: FirstProrated},
		{Interval: Month, Every: 1, Anchor: 1, FirstPeriod: "half"}, {Interval: Month, Every: 1, Anchor: 1, FirstPeriod: "full"},
	} {
		if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), "firstPeriod ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestShareNeverExceedsItsParts: cut to whole won, the tax parts of a share stay within it, and a plan without a taxed part keeps none.
func TestShareNeverExceedsItsParts(t *testing.T) {
	t.Parallel()
	plan := func(amount, free, vat int64) Plan {
		return Plan{Amount: money.Amount{Value: amount, Currency: money.KRW}, Tax: Tax{Free: free, VAT: vat, GivenVAT: vat > 0}}
	}
	for _, p := range []Plan{plan(9900, 0, 900), plan(9900, 9900, 0), plan(9999, 3333, 6666), plan(9999, 1, 908), plan(int64(money.Max), 1, 7)} {
		for of := 1; of <= 366; of++ {
			for days := 0; days <= of; days++ {
				got := p.Share(days, of)
				whole := got.Amount.Value*int64(of) <= p.Amount.Value*int64(days) && (got.Amount.Value+1)*int64(of) > p.Amount.Value*int64(days)
				if !whole || got.Tax.Free+got.Tax.VAT > got.Amount.Value || got.Tax.GivenVAT != p.Tax.GivenVAT {
					t.Fatalf("%d of %d days of %+v: %+v", days, of, p, got)
				}
				if p.Tax.Free == p.Amount.Value && got.Tax.Free != got.Amount.Value {
					t.Fatalf("%d of %d days of a tax-free plan are taxed: %+v", days, of, got)
				}
			}
		}
	}
	big := plan(1<<62, 0, 0).Share(365, 366) // days times value does not fit 64 bits
	if want := int64(1<<62) / 366 * 365; big.Amount.Value < want || big.Amount.Value > want+365 {
		t.Errorf("a share of 2^62 is %d", big.Amount.Value)
	}
}

// opened is a prorated subscription of 9,900 won a month on the 25th, asked for at 10:00 on 1 December 2026 and registered at a time.
func opened(registered string, edit func(*Subscription)) Subscription {
	created := time.Date(2026, 12, 1, 10, 0, 0, 0, Seoul)
	s := Subscription{
		ID: "sub-001", CreatedAt: created, Plan: cheap, CatchUp: Once,
		Calendar: Calendar{First: created, Interval: Month, Every: 1, Anchor: 25, FirstPeriod: FirstProrated},
	}
	if edit != nil {
		edit(&s)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", registered, Seoul)
	if err != nil {
		panic(err)
	}
	return New(s).Issued(Key{N: 1, IssuedAt: at}, at)
}

// paid are the next n charges, each as soon as it may be made.
func paid(s Subscription, n int) string {
	var all []string
	for range n {
		at, price := s.ChargeAt, s.CyclePlan().Amount.Value
		next := charge(s, at)
		if next.Cycle == s.Cycle+1 {
			all = append(all, fmt.Sprintf("%s %d", at.In(Seoul).Format("01-02"), price))
		}
		s = next
	}
	return strings.Join(all, ", ")
}

// TestShareIsOfTheDaysFromRegistration: a buyer who registers later pays for the days that are left, and nothing that no provider takes.
func TestShareIsOfTheDaysFromRegistration(t *testing.T) {
	t.Parallel()
	small := func(s *Subscription) { s.Plan.Amount.Value = 2000 }
	trial := func(s *Subscription) {
		s.Calendar.First = time.Date(2026, 12, 15, 10, 0, 0, 0, Seoul)
		s.Calendar.Hour = 10
	}
	for _, tc := range []struct {
		registered string
		edit       func(*Subscription)
		want       string
	}{
		{"2026-12-01 10:05", nil, "12-01 7920, 12-25 9900, 01-25 9900"},
		{"2026-12-20 10:05", nil, "12-20 1650, 12-25 9900, 01-25 9900"},
		{"2026-12-24 23:59", nil, "12-24 330, 12-25 9900, 01-25 9900"},
		{"2026-12-25 00:00", nil, "12-25 9900, 01-25 9900, 02-25 9900"},
		{"2026-12-26 10:00", nil, "12-26 9900, 01-25 9900, 02-25 9900"}, // its first date was never owed
		{"2026-12-24 10:00", small, "12-25 2000, 01-25 2000, 02-25 2000"},
		{"2026-12-23 10:00", small, "12-23 133, 12-25 2000, 01-25 2000"},
		{"2026-12-01 10:05", trial, "12-15 3300, 12-25 9900, 01-25 9900"},
	} {
		s := opened(tc.registered, tc.edit)
		if got := paid(s, 3); got != tc.want {
			t.Errorf("registered %s: %s, want %s", tc.registered, got, tc.want)
		}
		var shown []string
		for _, c := range s.Charges(3) {
			shown = append(shown, fmt.Sprintf("%s %d", c.At.In(Seoul).Format("01-02"), c.Plan.Amount.Value))
		}
		if got := strings.Join(shown, ", "); got != tc.want {
			t.Errorf("registered %s: shown as %s, want %s", tc.registered, got, tc.want)
		}
	}
}

// TestShareStandsForItsOwnDays: it is charged for no whole period, however late it is, and a whole period costs the whole price.
func TestShareStandsForItsOwnDays(t *testing.T) {
	t.Parallel()
	late := time.Date(2026, 12, 26, 10, 0, 0, 0, Seoul)
	for policy, want := range map[CatchUp]string{
		Once: "12-26 7920, 12-25 9900, 01-25 9900", Each: "12-26 7920, 12-25 9900, 01-25 9900", Skip: "01-25 9900, 02-25 9900",
	} {
		s := opened("2026-12-01 10:05", func(s *Subscription) { s.CatchUp = policy })
		first := s.CyclePlan().Amount.Value
		got := ""
		if next := charge(s, late); next.Cycle == 2 {
			got = fmt.Sprintf("12-26 %d, ", first)
			s = next
		} else {
			s = next // its dates were left out
		}
		if got += paid(s, 2); got != want {
			t.Errorf("%s: %s, want %s", policy, got, want)
		}
	}
	paused, _ := opened("2026-12-01 10:00", func(s *Subscription) { s.Calendar.First = s.CreatedAt.AddDate(0, 0, 9) }).Pause(late.AddDate(0, 0, -24))
	resumed, _ := paused.Resume(late)
	if got := paid(resumed, 2); got != "01-25 9900, 02-25 9900" {
		t.Errorf("after a pause over it: %s", got)
	}
}

// TestPlanChangesLeaveTheShare: what the buyer saw at the registration is what the first charge takes.
func TestPlanChangesLeaveTheShare(t *testing.T) {
	t.Parallel()
	ahead := func(s *Subscription) { s.Calendar.First = s.CreatedAt.AddDate(0, 0, 9) }
	at := time.Date(2026, 12, 2, 10, 0, 0, 0, Seoul)
	s, ok := opened("2026-12-01 10:05", ahead).ChangePlan(Plan{Amount: money.Amount{Value: 5000, Currency: money.KRW}, Name: "Less"}, at)
	if got := paid(s, 3); !ok || got != "12-10 4950, 12-25 5000, 01-25 5000" {
		t.Errorf("a lower price: %s", got)
	}
	s, ok = opened("2026-12-01 10:05", ahead).ChangeWithConsent(rise(false), "", at)
	if got := paid(s, 3); !ok || got != "12-10 4950, 12-25 9900" {
		t.Errorf("a higher price without consent: %s", got)
	}
	s, ok = opened("2026-12-01 10:05", ahead).ChangeWithConsent(rise(false), "", at)
	if s.Consent.Cycle != 2 {
		t.Errorf("consent is asked for cycle %d", s.Consent.Cycle)
	}
	s, agreed := s.Consents(true, "1", "ko", at)
	if got := paid(s, 3); !ok || !agreed || got != "12-10 4950, 12-25 12900, 01-25 12900" {
		t.Errorf("a higher price with consent: %s", got)
	}
	paused, _ := s.Pause(at.AddDate(0, 0, 1))
	resumed, _ := paused.Resume(at.AddDate(0, 0, 10))
	if got := paid(resumed, 1); got != "12-25 9900" {
		t.Errorf("a higher price from cycle 2, and a pause over the share's date: %s", got)
	}
}
