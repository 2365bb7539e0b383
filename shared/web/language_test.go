package web

import (
	"slices"
	"strings"
	"testing"
)

func TestParseLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want Language
		ok   bool
	}{
		{"ko", Korean, true}, {"EN", English, true}, {"Ja", Japanese, true}, {"zh", Chinese, true},
		{"", Korean, false}, {"fr", Korean, false}, {"en-US", Korean, false}, {" en", Korean, false},
		{`en"><script>`, Korean, false},
	}
	for _, test := range tests {
		if got, ok := ParseLanguage(test.in); got != test.want || ok != test.ok {
			t.Errorf("ParseLanguage(%q) = %q, %v; want %q, %v", test.in, got, ok, test.want, test.ok)
		}
	}
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		header string
		want   Language
	}{
		{"", Korean},
		{"*", Korean},
		{"ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Korean},
		{"en-GB", English},
		{"ja,en;q=0.5", Japanese},
		{"zh-Hant-TW,zh;q=0.9", Chinese},
		{"en;q=0.3, ja;q=0.8, ko;q=0.1", Japanese},
		{"fr-FR, fr;q=0.9, ja;q=0.2", Japanese},
		{"fr-FR, de;q=0.9", English},
		{"fr, *;q=0.1", Korean},
		{"ja;q=0, en;q=0.2", English},
		{"ja;q=0", Korean},
		{"en;q=2, ja;q=0.4", Japanese},
		{"en;q=NaN, ja;q=0.4", Japanese},
		{"en;level=1, ja;q=0.4", Japanese},
		{";;;,,,;q=1", Korean},
		{"ko_KR", Korean}, // as web views of apps write it
		{"ja_JP, en_US;q=0.9", Japanese},
		{"en;Q=0.9, ko;Q=0.1", English},
		{"ko;q=0.5;v=1, en;q=0.4", Korean},
		{"en ; q = 0.9, ja;q=0.5", English},
		{strings.Repeat("x,", 1000) + "ja", English}, // beyond the limit nothing is read
	}
	for _, test := range tests {
		if got := Negotiate(test.header); got != test.want {
			t.Errorf("Negotiate(%.40q) = %q, want %q", test.header, got, test.want)
		}
	}
}

func FuzzNegotiate(f *testing.F) {
	f.Add("ko-KR,ko;q=0.9,en-US;q=0.8,*;q=0.1")
	f.Fuzz(func(t *testing.T, header string) {
		if got := Negotiate(header); !slices.Contains(Languages(), got) {
			t.Errorf("Negotiate(%q) = %q, which is no language of ours", header, got)
		}
	})
}

func TestAmountText(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value    int64
		currency string
		language Language
		want     string
	}{
		{0, "KRW", Korean, "0원"},
		{999, "KRW", Korean, "999원"},
		{1234, "KRW", Korean, "1,234원"},
		{1234, "KRW", English, "₩1,234 KRW"},
		{1234567, "KRW", Japanese, "₩1,234,567 KRW"},
		{100000, "KRW", Chinese, "₩100,000 KRW"},
		{1234, "KRW", "", "1,234원"},
		{-1234, "KRW", Korean, "-1,234원"},
		{-100, "KRW", Korean, "-100원"},
		{1234, "USD", Korean, "1,234 USD"},
		{1234, "", Korean, "1,234"},
		{-9223372036854775808, "KRW", Korean, "-9,223,372,036,854,775,808원"},
	}
	for _, test := range tests {
		if got := amountText(test.value, test.currency, test.language); got != test.want {
			t.Errorf("amountText(%d, %q, %q) = %q, want %q", test.value, test.currency, test.language, got, test.want)
		}
	}
}
