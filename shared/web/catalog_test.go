package web

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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
			if verbs := strings.Count(text, "%"); (path == ".Checkout.PayButton") != (verbs == 1) {
				t.Errorf("%s %s = %q: only the pay button, and it once, has a place for the amount", language, path, text)
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
	}
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
}

// The texts the page's script may speak are exactly those it is given.
func TestScriptTextsMatchTheScript(t *testing.T) {
	t.Parallel()
	page := Checkout(checkoutView())
	given := regexp.MustCompile(`"text":\{[^}]*\}`).FindString(string(page.Body))
	provider, _ := providerFor("toss")
	script := checkoutScript(provider)
	keys := regexp.MustCompile(`"([a-zA-Z]+)":"`).FindAllStringSubmatch(given, -1)
	if len(keys) == 0 {
		t.Fatal("the page gives its script no texts")
	}
	known := map[string]bool{}
	for _, key := range keys {
		known[key[1]] = true
		if !strings.Contains(script, `"`+key[1]+`"`) {
			t.Errorf("text %q is given to a script that never says it", key[1])
		}
	}
	for _, said := range regexp.MustCompile(`(?:say\(|return )"([a-zA-Z]+)"`).FindAllStringSubmatch(script, -1) {
		if !known[said[1]] {
			t.Errorf("the script says %q, which it is not given", said[1])
		}
	}
}
