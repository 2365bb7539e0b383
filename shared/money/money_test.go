package money_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"testing"

	"tosspay-sam/shared/money"
)

func TestNew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value    int64
		currency money.Currency
		want     error
	}{
		{1, "KRW", nil},
		{money.Max, "KRW", nil},
		{0, "KRW", money.ErrRange},
		{-1, "KRW", money.ErrRange},
		{money.Max + 1, "KRW", money.ErrRange},
		{1000, "USD", money.ErrCurrency},
		{1000, "krw", money.ErrCurrency},
		{1000, "", money.ErrCurrency},
	} {
		a, err := money.New(c.value, c.currency)
		if !errors.Is(err, c.want) {
			t.Errorf("New(%d, %q) error = %v, want %v", c.value, c.currency, err, c.want)
		}
		if err != nil && a != (money.Amount{}) {
			t.Errorf("New(%d, %q) = %v beside an error, want the zero value", c.value, c.currency, a)
		}
	}
}

func TestParseTakesDigitsOnly(t *testing.T) {
	t.Parallel()
	if a, err := money.Parse("15000", money.KRW); err != nil || a.Value != 15000 {
		t.Fatalf("Parse(15000) = %v, %v", a, err)
	}
	for _, bad := range []string{"", "0", "-1", "+1", "01", "1.0", "1e3", "1,000", " 1", "1 ", "１０００", "99999999999", "0x10", "NaN"} {
		if a, err := money.Parse(bad, money.KRW); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", bad, a)
		}
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"1000": 1000, "1000.0": 1000, "1000.00": 1000, "0": 0, "-5": -5} {
		if got, err := money.Whole(json.Number(text)); err != nil || got != want {
			t.Errorf("Whole(%s) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, bad := range []string{"1000.5", "1e3", "", ".0", "99999999999999999999", "null"} {
		if got, err := money.Whole(json.Number(bad)); err == nil {
			t.Errorf("Whole(%s) = %d, want an error", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1", "1000", "1.0", "-1", "1000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := money.Parse(s, money.KRW)
		if err != nil {
			return
		}
		if strconv.FormatInt(a.Value, 10) != s {
			t.Errorf("Parse(%q) = %d: an accepted text must be exactly its number", s, a.Value)
		}
	})
}
