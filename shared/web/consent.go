package web

import (
	"net/http"
	"strings"
	"time"
)

// ConsentState is what the consent page shows.
type ConsentState string

// The states.
const (
	ConsentAsks    ConsentState = "asks"
	ConsentGiven   ConsentState = "given"   // may still be refused
	ConsentRefused ConsentState = "refused" // may still be given
	ConsentEarly   ConsentState = "early"   // more than 30 days before the date
	ConsentClosed  ConsentState = "closed"  // nothing is asked any more
)

// ConsentView asks the buyer to agree to a higher price, or to the end of a free trial: date, price before and after, payment method and how
// to cancel (e-commerce act, article 13(6)). One button each way, and nothing chosen beforehand.
type ConsentView struct {
	Language       Language
	State          ConsentState
	SubscriptionID string
	Name           string
	Before, After  int64 // per period of Plan, smallest unit of the currency
	Currency       string
	First          int64 // what the first charge takes when it is of a share of a period; 0: After
	Free           bool  // it was free before
	Ends           bool  // without consent the subscription ends; false: the old price stays
	Date           time.Time
	Plan           Plan // its interval
	MeansBrand     string
	MeansMasked    string
	LanguageLinks  map[Language]string
	ReturnURL      string // the shop; empty = no link
}

// choice is a form with the two buttons.
type choice struct {
	Agree, Refuse string
	Language      Language
}

// Consent renders the page, status 200. An unknown state becomes the problem page with status 500.
func Consent(v ConsentView) Page {
	words := v.Language.catalog()
	told, known := words.Consent.States[v.State]
	if !known {
		return Problem(v.Language, http.StatusInternalServerError, "")
	}
	if v.State == ConsentAsks && v.Free {
		told = words.Consent.AsksTrial
	}
	page, _ := newLayout(v.Language, told)
	if v.State == ConsentGiven {
		page.Tone = toneGood
	} else if v.State != ConsentAsks {
		page.Tone = toneInfo
	}
	if v.State != ConsentClosed {
		page.Text = append(page.Text, v.consequence(words), words.Consent.HowToCancel)
		page.Rows = v.rows(words, page.Language)
	}
	switch v.State {
	case ConsentAsks, ConsentGiven, ConsentRefused:
		page.Choice = &choice{Agree: words.Consent.Agree, Refuse: words.Consent.Refuse, Language: page.Language}
	}
	if link := safeLink(v.ReturnURL); link != "" {
		page.Actions = []action{{Text: words.BackToShop, URL: link}}
	}
	page.SwitchFor, page.Switch = words.LanguageLabel, languageSwitch(page.Language, v.LanguageLinks)
	return render(http.StatusOK, formPolicy(), page)
}

func (v ConsentView) consequence(words *catalog) string {
	if v.Ends {
		return words.Consent.Ends
	}
	return words.Consent.Stays
}

func (v ConsentView) rows(words *catalog, language Language) []row {
	before := words.Consent.Nothing
	if !v.Free {
		before = v.price(v.Before, language)
	}
	rows := []row{
		{Label: words.Consent.After, Value: v.price(v.After, language), Emphasis: true},
		{Label: words.Consent.Before, Value: before},
		{Label: words.Consent.Date, Value: dateText(v.Date, language)},
	}
	if v.First > 0 {
		rows = append(rows, row{Label: words.FirstCharge, Value: amountText(v.First, v.Currency, language)})
	}
	if means := strings.TrimSpace(v.MeansBrand + " " + maskedNumber(v.MeansMasked)); means != "" {
		rows = append(rows, row{Label: words.Means, Value: means})
	}
	return append(rows, row{Label: words.PlanName, Value: v.Name}, row{Label: words.SubscriptionID, Value: v.SubscriptionID})
}

func (v ConsentView) price(amount int64, language Language) string {
	text := amountText(amount, v.Currency, language)
	if !v.Plan.known() {
		return text
	}
	return v.Plan.periodText(text, language)
}
