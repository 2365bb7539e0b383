package web

import (
	"bytes"
	"encoding/json"
	"html/template"
	"math/rand/v2"
	"strings"
	"testing"
)

// reference is the page as html/template writes it, which escapes by context.
var reference = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"css": func(s string) template.CSS { return template.CSS(s) },
	"js":  func(s string) template.JS { return template.JS(s) },
}).ParseFiles("testdata/page.html"))

// hostile are pieces of what a merchant's order name or a redirect may hold.
var hostile = []string{
	"", "T-shirt", "주문 완료", "<", ">", "</script>", "<!--", "]]>", "&", "&amp;", `"`, "'", "`", "+ADw-", "\x00", "\u2028", "\u202e", "\xff", "=", " ", "\n", "%", "%zz",
	"%2f", "javascript:alert(1)", "data:text/html,x", "https://shop.example/a?b=c&d='e'(f)", "//host", "/path:x", "?lang=ko", "mailto:a@b", "\\", "HTTPS://x", "{{.}}",
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(4) {
		b.WriteString(hostile[r.IntN(len(hostile))])
	}
	return b.String()
}

func randomTexts(r *rand.Rand) (texts []string) {
	for range r.IntN(3) {
		texts = append(texts, randomText(r))
	}
	return texts
}

// randomLayout has every part or not, with hostile texts in all of them.
func randomLayout(r *rand.Rand) layout {
	text := func() string { return randomText(r) }
	p := layout{
		Language: Language(text()), Style: "p{color:red}", Refresh: r.IntN(2) * r.IntN(60), Title: text(), Text: randomTexts(r), SwitchFor: text(),
		Tone: []tone{toneNone, toneGood, toneWait, toneInfo, toneWarn}[r.IntN(5)],
	}
	if r.IntN(2) == 0 {
		p.Notice = &notice{Title: text(), Text: randomTexts(r)}
	}
	for range r.IntN(3) {
		p.Rows = append(p.Rows, row{Label: text(), Value: text(), Emphasis: r.IntN(2) == 0})
		p.Actions = append(p.Actions, action{Text: text(), URL: text(), Primary: r.IntN(2) == 0})
		p.Switch = append(p.Switch, languageLink{Language: Language(text()), Name: text(), URL: text(), Current: r.IntN(2) == 0})
	}
	if r.IntN(2) == 0 {
		window, _ := json.Marshal(map[string]string{text(): text()}) // texts always marshal
		p.Pay = &payment{
			Button: text(), Again: text(), Note: text(), NoScript: text(), Script: "(() => { })();",
			Data: checkoutData{ScriptURL: text(), ClientKey: text(), CustomerKey: text(), Window: window, Text: map[string]string{text(): text()}},
		}
		if r.IntN(2) == 0 {
			p.Pay.Check = &check{Hint: text(), Text: text(), URL: text()}
		}
	}
	return p
}

// TestPagesAreTheTemplates: what markup writes is what html/template makes of testdata/page.html, whatever the texts hold.
func TestPagesAreTheTemplates(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5_000) {
		p := randomLayout(rand.New(rand.NewPCG(seed, 1)))
		var want bytes.Buffer
		if err := reference.Execute(&want, p); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var got markup
		if err := got.page(p); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			at := 0
			for at < min(got.Len(), want.Len()) && got.Bytes()[at] == want.Bytes()[at] {
				at++
			}
			t.Fatalf("seed %d: byte %d\n got ...%q\nwant ...%q", seed, at, cut(got.Bytes(), at), cut(want.Bytes(), at))
		}
	}
}

func cut(page []byte, at int) []byte { return page[max(0, at-60):min(len(page), at+60)] }
