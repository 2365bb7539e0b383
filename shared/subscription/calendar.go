package subscription

import (
	"errors"
	"fmt"
	"time"
)

// Seoul is Korea's time: UTC+9, without summer time since 1988. A fixed zone needs no time zone database in the
// function.
var Seoul = time.FixedZone("Asia/Seoul", 9*60*60)

// Interval is the unit of a plan's period.
type Interval string

// The intervals.
const (
	Day   Interval = "day"
	Week  Interval = "week"
	Month Interval = "month"
	Year  Interval = "year"
)

// everyMax bounds a period: nobody sells a subscription that is charged less often than every ten years.
var everyMax = map[Interval]int{Day: 3650, Week: 520, Month: 120, Year: 10}

// Errors of Calendar.Check; the message may be shown to the merchant.
var (
	ErrInterval = errors.New("must be day, week, month or year")
	ErrAnchor   = errors.New("must be 1 to 31, and only for intervals of months and years")
	ErrHour     = errors.New("must be 0 to 23")
)

// Calendar is when the cycles of a subscription are due. Cycle 0 of the calendar is First; every later one is counted
// from First and never from the one before, so that a short month does not move the ones after it.
type Calendar struct {
	First    time.Time // its day in Seoul is the first charge's; the time of day is Hour
	Interval Interval
	Every    int // of Interval; 1 or more
	Anchor   int // day of the month for months and years, 1 to 31; a month that has no such day is charged on its last
	Hour     int // of the day in Seoul

	FirstPeriod FirstPeriod // when date 1 is, and what the first charge is of
}

// FullHour is the first full hour at or after t: charges are made at full hours, and a first charge never before it was
// asked for. Seoul is whole hours from UTC, so that its hours are full when UTC's are.
func FullHour(t time.Time) time.Time {
	hour := t.UTC().Truncate(time.Hour)
	if hour.Before(t) {
		hour = hour.Add(time.Hour)
	}
	return hour
}

// Check returns an error that begins with the field at fault.
func (c Calendar) Check() error {
	limit, ok := everyMax[c.Interval]
	switch {
	case !ok:
		return fmt.Errorf("interval %w", ErrInterval)
	case c.Every < 1 || c.Every > limit:
		return fmt.Errorf("every must be 1 to %d for interval %s", limit, c.Interval)
	case c.monthly() && (c.Anchor < 1 || c.Anchor > 31), !c.monthly() && c.Anchor != 0:
		return fmt.Errorf("anchorDay %w", ErrAnchor)
	case c.Hour < 0 || c.Hour > 23:
		return fmt.Errorf("chargeHour %w", ErrHour)
	case !c.checkFirst():
		return fmt.Errorf("firstPeriod %w", ErrFirstPeriod)
	}
	return nil
}

func (c Calendar) monthly() bool { return c.Interval == Month || c.Interval == Year }

// Date is when the n-th date of the calendar is due, n >= 0: the charge hour of that day in Seoul.
//
// The first date is First's own day, whatever the anchor; from the second on the anchor rules. A subscription that
// begins on 15 January with anchor 31 is charged on 15 January, 28 February, 31 March; unless FirstPeriod puts 31
// January between the first two.
func (c Calendar) Date(n int) time.Time {
	year, month, day := c.First.In(Seoul).Date()
	if n == 0 {
		return c.at(year, month, day)
	}
	switch c.Interval {
	case Day:
		return c.at(year, month, day+n*c.Every)
	case Week:
		return c.at(year, month, day+7*n*c.Every)
	}
	year, month = normal(year, month+time.Month(c.firstMonths()+(n-1)*c.months()))
	return c.at(year, month, min(c.Anchor, daysIn(year, month)))
}

// After is the number of the first date that is after t.
func (c Calendar) After(t time.Time) int {
	low, high := 0, 1
	for !c.Date(high).After(t) {
		low, high = high, high*2
	}
	if c.Date(0).After(t) {
		return 0
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; c.Date(middle).After(t) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

func (c Calendar) at(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, c.Hour, 0, 0, 0, Seoul).UTC()
}

func normal(year int, month time.Month) (int, time.Month) {
	months := year*12 + int(month) - 1
	return months / 12, time.Month(months%12 + 1)
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
