package payment

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// Limits of metadata, as Toss Payments has them (metadata of the JS SDK v2); PortOne's custom_data names none.
const (
	metadataMax      = 5
	metadataKeyMax   = 40
	metadataValueMax = 2000
)

// Tax is a merchant's word on which parts of an amount are what, in won. With a nil VAT the provider takes an eleventh
// of what is taxed.
type Tax struct {
	Free int64  `json:"free,omitempty"`
	VAT  *int64 `json:"vat,omitempty"`
}

// check refuses parts that are not parts of amount, with the name of the field; prefix is what stands before it.
func (t Tax) check(prefix string, amount int64) error {
	if t.Free < 0 || t.Free > amount {
		return &FieldError{prefix + "taxFreeAmount", "must be from 0 to the amount"}
	}
	if t.VAT != nil && (*t.VAT < 0 || *t.VAT > amount-t.Free) {
		return &FieldError{prefix + "vatAmount", "must be from 0 to what is left of the amount without taxFreeAmount"}
	}
	return nil
}

func (t Tax) order() order.Tax {
	o := order.Tax{Free: t.Free, GivenVAT: t.VAT != nil}
	if t.VAT != nil {
		o.VAT = *t.VAT
	}
	return o
}

// appScheme is the address of an app, such as myshop:// or myshop://paid. It is compiled when a merchant names one: its
// counted repetitions are 161 KB, and every function would compile them in its cold start.
var appScheme = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{0,49}(://[A-Za-z0-9._~/-]{0,100})?$`)
})

func (r NewOrder) checkExtras() error {
	if err := r.Tax.check("", r.Amount); err != nil {
		return err
	}
	if r.Tax.VAT != nil && r.Provider != "portone" {
		return &FieldError{"vatAmount", "is only for provider portone: Toss Payments computes it"}
	}
	if r.Toss != nil && !slices.Contains([]string{"", "iframe", "self"}, r.Toss.WindowTarget) {
		return &FieldError{"toss.windowTarget", "must be iframe or self"}
	}
	return cmp.Or(checkAppScheme(r.AppScheme), checkMetadata(r.Metadata))
}

func checkAppScheme(s string) error {
	if s == "" {
		return nil
	}
	scheme, _, _ := strings.Cut(strings.ToLower(s), ":")
	others := slices.Contains([]string{"http", "https", "javascript", "data", "file"}, scheme)
	if others || !appScheme().MatchString(s) {
		return &FieldError{"appScheme", "must be the address of your app, such as myshop://"}
	}
	return nil
}

// ChargeOptions are a merchant's choices for the charges of a subscription (PortOne, subscribe/payments/again).
type ChargeOptions struct {
	CashReceiptType        string `json:"cashReceiptType,omitempty"`        // person, company, or anonymous: none
	CashReceipt            *bool  `json:"cashReceipt,omitempty"`            // nil for the provider's default, true
	CashReceiptTradeOption string `json:"cashReceiptTradeOption,omitempty"` // GENERAL, CULTURE or PUBLIC_TP
	SendFailPush           bool   `json:"sendFailPush,omitempty"`           // Toss tells the buyer of a failed charge
	CardQuota              int    `json:"cardQuota,omitempty"`              // months of instalments
}

// Limits of instalments (developers.portone.io, subscribe/payments/again, 2026-08); the most months are not documented.
const (
	quotaMin       = 2
	quotaMax       = 60
	quotaAmountMin = 50_000 // won
)

func (o *ChargeOptions) charging() subscription.Charging {
	if o == nil {
		return subscription.Charging{}
	}
	return subscription.Charging{
		ReceiptType: o.CashReceiptType, TradeOption: o.CashReceiptTradeOption,
		NoReceipt: o.CashReceipt != nil && !*o.CashReceipt, FailPush: o.SendFailPush, CardQuota: o.CardQuota,
	}
}

func (o *ChargeOptions) check() error {
	switch {
	case o == nil:
		return nil
	case !slices.Contains([]string{"", "person", "company", "anonymous"}, o.CashReceiptType):
		return &FieldError{"portone.cashReceiptType", "must be person, company or anonymous"}
	case o.CashReceiptType == "anonymous" && o.CashReceipt != nil && *o.CashReceipt:
		return &FieldError{"portone.cashReceipt", "cannot be true beside cashReceiptType anonymous, which means none"}
	case !slices.Contains([]string{"", "GENERAL", "CULTURE", "PUBLIC_TP"}, o.CashReceiptTradeOption):
		return &FieldError{"portone.cashReceiptTradeOption", "must be GENERAL, CULTURE or PUBLIC_TP"}
	case o.CardQuota != 0 && (o.CardQuota < quotaMin || o.CardQuota > quotaMax):
		return badField("portone.cardQuota", "must be 0 or %d to %d months", quotaMin, quotaMax)
	}
	return nil
}

func (r NewSubscription) checkExtras() error {
	err := cmp.Or(r.Tax.check("plan.", r.Amount), checkAppScheme(r.AppScheme), r.PortOne.check())
	switch {
	case err != nil, r.PortOne == nil, r.PortOne.CardQuota == 0:
		return err
	case r.FirstPeriod == string(subscription.FirstProrated):
		return &FieldError{"plan.firstPeriod",
			"must not be prorated with portone.cardQuota: a share may be too small for instalments"}
	case r.Amount < quotaAmountMin:
		return badField("portone.cardQuota", "needs a plan of %d won or more", quotaAmountMin)
	}
	return nil
}

func checkMetadata(pairs map[string]string) error {
	if len(pairs) > metadataMax {
		return badField("metadata", "must have at most %d pairs", metadataMax)
	}
	for key, value := range pairs {
		if key == "" || utf8.RuneCountInString(key) > metadataKeyMax || strings.ContainsAny(key, "[]") {
			return badField("metadata", "must have names of 1 to %d characters without [ and ]", metadataKeyMax)
		}
		if utf8.RuneCountInString(value) > metadataValueMax {
			return badField("metadata", "must have values of at most %d characters", metadataValueMax)
		}
	}
	return nil
}

// metadataText is how metadata is stored: its names in order.
func metadataText(pairs map[string]string) string {
	if len(pairs) == 0 {
		return ""
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		panic("payment: texts always have a JSON form: " + err.Error())
	}
	return string(text)
}
