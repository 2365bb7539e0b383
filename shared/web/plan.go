package web

import (
	"strconv"
	"strings"
	"time"
)

// Plan is how a subscription is charged; its amount and name stand in the view.
type Plan struct {
	IntervalUnit string // "day", "week", "month" or "year"
	Every        int    // of IntervalUnit; 1 or more

	// Charge is what the registration leads to, and ChargeAt when, shown as a date in Korea. Zero means
	// right after the registration, so that a page says that nothing is charged only when its caller has
	// said so.
	Charge   Charge
	ChargeAt time.Time

	// ChargeAmount is what that payment takes when it is not the view's amount, because the price has changed since it was due. 0: it is.
	ChargeAmount int64
}

// Charge is the payment that follows the registration of a payment method.
type Charge int

// The payments. A subscription that has had a payment method before is past the first one.
const (
	FirstCharge Charge = iota
	NextCharge         // at its date; required
	RetryCharge        // of a payment that was refused, right after the registration
	NoCharge           // nothing is planned
)

// known tells whether the plan can be put into words.
func (p Plan) known() bool {
	_, ok := korean.Periods[p.IntervalUnit]
	return ok && p.Every >= 1 && (p.Charge != NextCharge || !p.ChargeAt.IsZero())
}

// seoul is Korea's time: UTC+9, without summer time since 1988. A fixed zone needs no database.
var seoul = time.FixedZone("Asia/Seoul", 9*60*60)

// periodText writes an amount and its period: "매월 9,900원", "₩9,900 KRW every 2 months".
func (p Plan) periodText(amount string, language Language) string {
	period := language.catalog().Periods[p.IntervalUnit]
	pattern := period.Many
	if p.Every == 1 {
		pattern = period.One
	}
	return fill(pattern, "{amount}", amount, "{every}", strconv.Itoa(p.Every))
}

// chargeRow is the day of the charge; a plan without one has no such row.
func (p Plan) chargeRow(words *catalog, language Language, currency string) []row {
	day := words.AtRegistration
	if p.Charge != RetryCharge && !p.ChargeAt.IsZero() {
		day = dateText(p.ChargeAt, language)
	}
	if p.ChargeAmount > 0 {
		day += " · " + amountText(p.ChargeAmount, currency, language)
	}
	switch p.Charge {
	case FirstCharge:
		return []row{{Label: words.FirstCharge, Value: day}}
	case NextCharge, RetryCharge:
		return []row{{Label: words.NextCharge, Value: day}}
	default:
		return nil
	}
}

// chargeText says when there is a charge, and that the registration itself is none.
func (p Plan) chargeText(words *catalog, language Language) string {
	switch {
	case p.Charge == RetryCharge:
		return words.Issuance.ChargeAgain
	case p.Charge == NextCharge:
		return fill(words.Issuance.ChargeNext, "{date}", dateText(p.ChargeAt, language))
	case p.Charge == NoCharge:
		return words.Issuance.ChargeNone
	case p.ChargeAt.IsZero():
		return words.Issuance.ChargeAtOnce
	}
	return fill(words.Issuance.ChargeLater, "{date}", dateText(p.ChargeAt, language))
}

// dateText writes the day it is in Korea at t: "2026년 12월 1일", "December 1, 2026", "2026年12月1日".
func dateText(t time.Time, language Language) string {
	t = t.In(seoul)
	switch language {
	case English:
		return t.Format("January 2, 2006")
	case Japanese, Chinese:
		return t.Format("2006年1月2日")
	default:
		return t.Format("2006년 1월 2일")
	}
}

// planRows describes a subscription. Without a known plan its amount is left out: a sum that does not
// say how often it is charged would mislead.
func planRows(words *catalog, language Language, name, id string, amount int64, currency string, plan Plan) []row {
	var rows []row
	if plan.known() && currency != "" {
		rows = append(rows, row{Label: words.PlanAmount, Value: plan.periodText(amountText(amount, currency, language), language), Emphasis: true})
	}
	if name != "" {
		rows = append(rows, row{Label: words.PlanName, Value: name})
	}
	if plan.known() {
		rows = append(rows, plan.chargeRow(words, language, currency)...)
	}
	if id != "" {
		rows = append(rows, row{Label: words.SubscriptionID, Value: id})
	}
	return rows
}

// fill puts values into a text's {places}. A value that itself looks like a place stays as it is.
func fill(text string, placesAndValues ...string) string {
	return strings.NewReplacer(placesAndValues...).Replace(text)
}
