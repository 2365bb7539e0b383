// Package money holds amounts: whole numbers of a currency's smallest unit.
//
// It has no floating point and no arithmetic that can overflow silently, because every amount in the bundle is compared with what
// somebody else says was captured.
package money

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Currency is an ISO 4217 code.
type Currency string

// KRW is the only currency taken now. It has no minor unit: an amount of 1 is one won.
const KRW Currency = "KRW"

// Max is the largest amount of one order, in won. It is far above what a card allows and far below what a JSON number keeps exactly
// (2^53), so a typing error of a few digits is refused before any provider sees it.
const Max = 1_000_000_000

// Errors of New and of decoding. Callers turn them into a 4xx that names the field.
var (
	ErrCurrency = errors.New("currency must be KRW")
	ErrRange    = fmt.Errorf("amount must be a whole number from 1 to %d", Max)
)

// Amount is a positive amount of money. The zero value is no amount and is invalid.
type Amount struct {
	Value    int64    `json:"value"`
	Currency Currency `json:"currency"`
}

// New returns value in c, or ErrCurrency, or ErrRange.
func New(value int64, c Currency) (Amount, error) {
	if c != KRW {
		return Amount{}, ErrCurrency
	}
	if value < 1 || value > Max {
		return Amount{}, ErrRange
	}
	return Amount{Value: value, Currency: c}, nil
}

// String is the amount for logs and operators, such as "1000 KRW".
func (a Amount) String() string {
	return strconv.FormatInt(a.Value, 10) + " " + string(a.Currency)
}

// Parse reads an amount in decimal digits as it stands in a redirect's query: digits only, no sign, no leading zero, no fraction.
// It returns ErrRange for everything else, so that "1000.0", "+1000" and "1e3" are tampering and not a rounding question.
func Parse(digits string, c Currency) (Amount, error) {
	if digits == "" || len(digits) > 10 || digits[0] == '0' {
		return Amount{}, ErrRange
	}
	for _, b := range []byte(digits) {
		if b < '0' || b > '9' {
			return Amount{}, ErrRange
		}
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return Amount{}, ErrRange
	}
	return New(value, c)
}

// Whole reads a JSON number that must be a whole amount. Providers send KRW as 1000 and, in some objects, as 1000.0: both are
// one thousand won; 1000.5 is ErrRange. It is for what providers answer; negative and zero are allowed there (a zero balance).
func Whole(n json.Number) (int64, error) {
	text := []byte(n)
	if whole, fraction, found := bytes.Cut(text, []byte(".")); found {
		if len(bytes.Trim(fraction, "0")) != 0 {
			return 0, ErrRange
		}
		text = whole
	}
	value, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || value > Max*1000 || value < -Max*1000 {
		return 0, ErrRange
	}
	return value, nil
}
