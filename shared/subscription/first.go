package subscription

import (
	"errors"
	"math/bits"
	"time"

	"tosspay-sam/shared/money"
)

// FirstPeriod says what the first charge pays for when the calendar does not begin on its anchor day.
type FirstPeriod string

// The first periods. A calendar that begins on its anchor day has whole periods only, so that all three are the same
// there.
const (
	// FirstFull charges the price, and the next date is the anchor day a whole interval later: 1 December, then 25
	// January. The zero value, because no buyer then pays for two periods within one, and the first charge is the price
	// that the request names.
	FirstFull FirstPeriod = ""
	// FirstToAnchor charges the price, and the next date is the very next anchor day: 1 December, then 25 December.
	FirstToAnchor FirstPeriod = "toAnchor"
	// FirstProrated charges the share of days until the very next anchor day.
	FirstProrated FirstPeriod = "prorated"
)

// FirstFullName is how requests and answers name FirstFull.
const FirstFullName = "full"

// String is the name in requests and answers.
func (f FirstPeriod) String() string {
	if f == FirstFull {
		return FirstFullName
	}
	return string(f)
}

// ErrFirstPeriod says what a first period can be; the message may be shown to the merchant.
var ErrFirstPeriod = errors.New(
	"must be full, toAnchor or prorated, and full for intervals of days and weeks, which have no anchorDay")

// ShareMin is the least share of a price that is charged, in won: Toss Pay's least card payment (CARD_MIN_AMOUNT_ERROR,
// tossdev.github.io/qna.html).
const ShareMin = 100

// checkFirst refuses a first period that the calendar cannot have.
func (c Calendar) checkFirst() bool {
	switch c.FirstPeriod {
	case FirstFull:
		return true
	case FirstToAnchor, FirstProrated:
		return c.monthly()
	}
	return false
}

// months is the interval of a monthly calendar.
func (c Calendar) months() int {
	if c.Interval == Year {
		return 12 * c.Every
	}
	return c.Every
}

// firstMonths is how many months after First's month date 1 lies. Only a calendar of months and years has an anchor.
func (c Calendar) firstMonths() int {
	year, month, day := c.First.In(Seoul).Date()
	switch anchor := min(c.Anchor, daysIn(year, month)); {
	case c.FirstPeriod == FirstFull || day == anchor:
		return c.months()
	case day < anchor:
		return 0
	}
	return 1 // the month after has an anchor day, whatever the interval
}

// share is how many of the days of its period a first charge pays for, when the payment method is registered at the
// given time: from the later of that day and First's, which counts, until date 1, which does not. The period is the one
// that ends at date 1. Days are those of Korea.
func (c Calendar) share(at time.Time) (days, of int) {
	year, month, _ := c.First.In(Seoul).Date()
	year, month = normal(year, month+time.Month(c.firstMonths()-c.months()))
	before := c.at(year, month, min(c.Anchor, daysIn(year, month)))
	return dayOf(c.Date(1)) - dayOf(later(c.First, at)), dayOf(c.Date(1)) - dayOf(before)
}

// dayOf numbers the days of Korea.
func dayOf(t time.Time) int {
	year, month, day := t.In(Seoul).Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}

// Share is a plan for some of the days of its period. Every part of the amount is cut to whole won, in the buyer's
// favour, so that the parts of a share never exceed it. 0 <= days <= of, and of > 0.
func (p Plan) Share(days, of int) Plan {
	part := func(value int64) int64 { // value*days may not fit
		high, low := bits.Mul64(uint64(value), uint64(days))
		q, _ := bits.Div64(high, low, uint64(of))
		return int64(q)
	}
	p.Amount = money.Amount{Value: part(p.Amount.Value), Currency: p.Amount.Currency}
	p.Tax.Free, p.Tax.VAT = part(p.Tax.Free), part(p.Tax.VAT)
	return p
}

// open settles what the first charge takes, once, when the payment method is registered: later changes of the plan do
// not touch it. A share that no provider takes is not charged, and the first charge is the anchor's.
func (s *Subscription) open(at time.Time) {
	if s.Calendar.FirstPeriod != FirstProrated || s.Date != 0 {
		return
	}
	days, of := s.Calendar.share(at)
	if days >= of {
		return // the whole period
	}
	if first := s.Plan.Share(max(0, days), of); first.Amount.Value >= ShareMin {
		s.First = first
	} else {
		s.stand(1)
	}
}

// opening says that the next charge is of a share. Where its date went by without a charge, in a pause or by policy,
// the next one is of a whole period.
func (s Subscription) opening() bool { return s.First != (Plan{}) && s.Date == 0 }

// CyclePlan is what the cycle costs that the subscription stands at.
func (s Subscription) CyclePlan() Plan {
	if s.opening() {
		first := s.First
		first.Name = s.Plan.Name
		return first
	}
	return s.Plan
}

// Charge is one that lies ahead.
type Charge struct {
	Cycle int
	At    time.Time
	Plan  Plan
}

// Charges are the next n that will be made, if nothing changes: Upcoming with what each costs. A price that waits for
// consent is not in it.
func (s Subscription) Charges(n int) []Charge {
	var charges []Charge
	for i, at := range s.Upcoming(n) {
		plan := s.CyclePlan()
		if i > 0 {
			plan = s.lasting()
		}
		charges = append(charges, Charge{s.Cycle + i, at, plan})
	}
	return charges
}
