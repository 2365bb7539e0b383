package web

import (
	"strconv"
	"strings"
)

// Language is the language of a page, an ISO 639-1 code. Any other value, the zero value
// included, is shown in Korean.
type Language string

// The languages of the pages: those of the provider's international payment window
// (docs.tosspayments.com, multilingual payment window, 2026-11).
const (
	Korean   Language = "ko"
	English  Language = "en"
	Japanese Language = "ja"
	Chinese  Language = "zh" // simplified characters
)

// Languages lists every language in the order of the language switch.
func Languages() []Language {
	return []Language{Korean, English, Japanese, Chinese}
}

// ParseLanguage accepts "ko", "en", "ja" and "zh" in either case, because the payment window's own
// parameter spells them in capitals. Anything else is Korean and false.
func ParseLanguage(s string) (Language, bool) {
	for _, language := range Languages() {
		if strings.EqualFold(s, string(language)) {
			return language, true
		}
	}
	return Korean, false
}

// negotiateMax bounds the work an Accept-Language header can cause; browsers send fewer than ten.
const negotiateMax = 20

// Negotiate picks the language a browser likes best from its Accept-Language header (RFC 9110,
// section 12.5.4). No header, or one that accepts anything, is Korean. A reader of other languages
// only gets English, which is more likely to be understood than Korean.
func Negotiate(acceptLanguage string) Language {
	best, bestQuality := Korean, 0.0
	foreign := false
	for i, item := range strings.Split(acceptLanguage, ",") {
		if i == negotiateMax {
			break
		}
		tag, quality, ok := parseRange(item)
		if !ok || quality <= bestQuality && bestQuality > 0 {
			continue
		}
		primary, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-") // web views of apps write ko_KR
		if primary == "*" {
			best, bestQuality = Korean, quality
			continue
		}
		language, known := ParseLanguage(primary)
		if !known {
			foreign = true
			continue
		}
		best, bestQuality = language, quality
	}
	if bestQuality == 0 && foreign {
		return English
	}
	return best
}

// parseRange reads one "tag;q=0.8" of an Accept-Language header. A range with q=0 is refused by the
// browser, so it is not ok; neither is a quality outside 0 to 1.
func parseRange(item string) (tag string, quality float64, ok bool) {
	tag, parameter, weighted := strings.Cut(item, ";")
	tag = strings.TrimSpace(tag)
	if tag == "" {
		return "", 0, false
	}
	if !weighted {
		return tag, 1, true
	}
	parameter, _, _ = strings.Cut(parameter, ";") // what follows the quality says nothing of the language
	name, value, found := strings.Cut(strings.TrimSpace(parameter), "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return "", 0, false
	}
	quality, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(quality > 0 && quality <= 1) {
		return "", 0, false
	}
	return tag, quality, true
}
