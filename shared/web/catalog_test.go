package web

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// texts flattens a catalogue into path -> text, so that tests reach every word.
func texts(t *testing.T, language Language) map[string]string {
	t.Helper()
	found := map[string]string{}
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			found[path] = v.String()
		case reflect.Struct:
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				walk(fmt.Sprintf("%s[%s]", path, key), v.MapIndex(key))
			}
		case reflect.Array:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		default:
			t.Fatalf("%s is a %s, which this test cannot read", path, v.Kind())
		}
	}
	walk("", reflect.ValueOf(*language.catalog()))
	return found
}

func TestCatalogsAreComplete(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		all := texts(t, language)
		for path, text := range all {
			if strings.TrimSpace(text) == "" || text != strings.TrimSpace(text) {
				t.Errorf("%s %s = %q: empty or padded", language, path, text)
			}
			if got, want := places.FindAllString(text, -1), placesOf(path); !sameElements(got, want) || strings.Contains(text, "%") {
				t.Errorf("%s %s = %q: has places for %v, want %v", language, path, text, got, want)
			}
		}
		for _, state := range ResultStates() {
			if _, ok := all[".Results["+string(state)+"].Title"]; !ok {
				t.Errorf("%s has no text for result %q", language, state)
			}
		}
		if got, want := len(language.catalog().Results), len(ResultStates()); got != want {
			t.Errorf("%s has texts for %d results, want %d", language, got, want)
		}
		if got, want := len(language.catalog().PayMethods), len(PayMethods()); got != want {
			t.Errorf("%s has names of %d payment methods, want %d", language, got, want)
		}
		if units := slices.Sorted(maps.Keys(language.catalog().Periods)); !slices.Equal(units, []string{"day", "month", "week", "year"}) {
			t.Errorf("%s has texts for the units %v", language, units)
		}
	}
}

var places = regexp.MustCompile(`\{[^}]*\}`)

// placesOf returns the values that are put into a text.
func placesOf(path string) []string {
	switch {
	case path == ".Checkout.PayButton", strings.HasPrefix(path, ".Periods[") && strings.HasSuffix(path, "].One"):
		return []string{"{amount}"}
	case strings.HasPrefix(path, ".Periods[") && strings.HasSuffix(path, "].Many"):
		return []string{"{amount}", "{every}"}
	case path == ".Installments":
		return []string{"{months}"}
	case path == ".Issuance.ChargeLater", path == ".Issuance.ChargeNext":
		return []string{"{date}"}
	default:
		return nil
	}
}

func sameElements(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// A text pasted into the wrong language is complete and still wrong.
func TestCatalogsSpeakTheirLanguage(t *testing.T) {
	t.Parallel()
	kana := []*unicode.RangeTable{unicode.Hiragana, unicode.Katakana}
	own := map[Language][]*unicode.RangeTable{
		Korean: {unicode.Hangul}, English: {unicode.Latin},
		Japanese: append(kana, unicode.Han), Chinese: {unicode.Han},
	}
	foreign := map[Language][]*unicode.RangeTable{
		Korean: append(kana, unicode.Han), English: append(kana, unicode.Han, unicode.Hangul),
		Japanese: {unicode.Hangul}, Chinese: append(kana, unicode.Hangul),
	}
	contains := func(text string, tables []*unicode.RangeTable) bool {
		return strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, tables...) && r != 'ー' })
	}
	for _, language := range Languages() {
		for path, text := range texts(t, language) {
			if !contains(text, own[language]) || contains(text, foreign[language]) {
				t.Errorf("%s %s = %q: not in that language's script", language, path, text)
			}
		}
	}
	japaneseTexts, chineseTexts := texts(t, Japanese), texts(t, Chinese)
	for path, text := range japaneseTexts {
		if text == chineseTexts[path] {
			t.Errorf("%s is %q in Japanese and in Chinese", path, text)
		}
	}
}

func TestNoCatalogFieldIsUnused(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "catalog") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	check := func(parent string, typ reflect.Type) {
		for i := range typ.NumField() {
			use := `\.` + parent + typ.Field(i).Name + `\b`
			if !regexp.MustCompile(use).MatchString(source.String()) {
				t.Errorf("no page uses the catalogue's %s%s", parent, typ.Field(i).Name)
			}
		}
	}
	check("", reflect.TypeFor[catalog]())
	check(`Checkout\.`, reflect.TypeFor[checkoutText]())
	check(`Issuance\.`, reflect.TypeFor[issuanceText]())
	check(`Consent\.`, reflect.TypeFor[consentText]())
	check(``, reflect.TypeFor[periodText]())
}

// The texts the page's script may speak are exactly those it is given.
func TestScriptTextsMatchTheScript(t *testing.T) {
	t.Parallel()
	for _, view := range []CheckoutView{checkoutView(), portoneView(), issuanceView()} {
		checkScriptTexts(t, view)
	}
}

func checkScriptTexts(t *testing.T, view CheckoutView) {
	t.Helper()
	page := Checkout(view)
	given := regexp.MustCompile(`"text":\{[^}]*\}`).FindString(string(page.Body))
	provider, _ := providerFor(view.Provider)
	script := checkoutScript(provider)
	keys := regexp.MustCompile(`"([a-zA-Z]+)":"`).FindAllStringSubmatch(given, -1)
	if len(keys) == 0 {
		t.Fatalf("%s: the page gives its script no texts", view.Provider)
	}
	known := map[string]bool{}
	for _, key := range keys {
		known[key[1]] = true
		if !strings.Contains(script, `"`+key[1]+`"`) {
			t.Errorf("%s: text %q is given to a script that never says it", view.Provider, key[1])
		}
	}
	for _, said := range regexp.MustCompile(`(?:say\(|return |\? |: )"([a-zA-Z]+)"`).FindAllStringSubmatch(script, -1) {
		if !known[said[1]] {
			t.Errorf("%s: the script says %q, which it is not given", view.Provider, said[1])
		}
	}
}
