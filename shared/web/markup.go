package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// markup writes a page. html/template would do it with less code, but it finds methods by name while it runs, so the linker keeps every method
// of every type: 0.65 MB of each zip with pages, which is what inlining takes (see the Makefile).
// TestPagesAreTheTemplates holds what is written here against html/template and testdata/page.html, byte by byte.
type markup struct{ bytes.Buffer }

// raw writes our own markup.
func (m *markup) raw(literal string) *markup {
	m.WriteString(literal)
	return m
}

// escaped is what a text or an attribute's value in double quotes cannot hold. A plus sign could start UTF-7.
var escaped = strings.NewReplacer("\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;")

// text writes a value of anybody's into an element or an attribute in double quotes.
func (m *markup) text(value string) *markup {
	_, _ = escaped.WriteString(m, value) // a buffer takes everything
	return m
}

// link writes an address into an attribute in double quotes. One that leads to neither a web page nor a path leads nowhere.
func (m *markup) link(address string) *markup {
	scheme, _, found := strings.Cut(address, ":")
	web := strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "mailto")
	if found && !strings.Contains(scheme, "/") && !web {
		return m.raw("#ZgotmplZ")
	}
	for i := range len(address) {
		c := address[i]
		if keptInLink(address, i) {
			m.text(string(rune(c)))
		} else {
			fmt.Fprintf(m, "%%%02x", c)
		}
	}
	return m
}

// keptInLink says whether a byte may stand in an address as it is: what RFC 3986 reserves, but for quotes and brackets, what it does not
// reserve, and whatever is encoded already.
func keptInLink(address string, i int) bool {
	switch c := address[i]; {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	case c == '%':
		return i+2 < len(address) && isHex(address[i+1]) && isHex(address[i+2])
	default:
		return strings.IndexByte("!#$&*+,/:;=?@[]-._~", c) >= 0
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// page writes all of it. The error is that of data which is no JSON.
func (m *markup) page(p layout) error {
	m.head(p)
	m.languages(p)
	m.raw("\n<main>")
	m.mark(p.Tone)
	m.raw("\n<h1>").text(p.Title).raw("</h1>")
	if len(p.Text) > 0 {
		m.raw("\n<div")
		if p.Tone != toneNone {
			m.raw(` role="status"`)
		}
		m.raw(">").paragraphs(p.Text).raw("\n</div>")
	}
	if p.Notice != nil {
		m.raw("\n<section class=\"notice\" role=\"status\">\n<h2>").text(p.Notice.Title).raw("</h2>").paragraphs(p.Notice.Text).raw("\n</section>")
	}
	m.rows(p.Rows)
	if p.Pay != nil {
		m.pay(*p.Pay)
	}
	if c := p.Choice; c != nil {
		m.raw("\n<form method=\"post\">\n<input type=\"hidden\" name=\"lang\" value=\"").text(string(c.Language)).raw(`">`)
		m.raw("\n<button class=\"button\" name=\"answer\" value=\"agree\">").text(c.Agree).raw("</button>")
		m.raw("\n<button class=\"button\" name=\"answer\" value=\"refuse\">").text(c.Refuse).raw("</button>\n</form>")
	}
	for _, a := range p.Actions {
		m.raw("\n<a class=\"button")
		if a.Primary {
			m.raw(" primary")
		}
		m.raw(`" href="`).link(a.URL).raw(`">`).text(a.Text).raw("</a>")
	}
	m.raw("\n</main>")
	if p.Pay != nil {
		data, err := json.Marshal(p.Pay.Data) // in which nothing can end the script element
		if err != nil {
			return err
		}
		m.raw("\n<script type=\"application/json\" id=\"data\">").raw(string(data)).raw("</script>\n<script>").raw(p.Pay.Script).raw("</script>")
	}
	m.raw("\n</body>\n</html>\n")
	return nil
}

func (m *markup) head(p layout) {
	m.raw("<!doctype html>\n<html lang=\"").text(string(p.Language)).raw(`">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">`)
	if p.Refresh != 0 {
		m.raw("\n<meta http-equiv=\"refresh\" content=\"").raw(strconv.Itoa(p.Refresh)).raw(`">`)
	}
	m.raw("\n<title>").text(p.Title).raw("</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>").raw(p.Style).raw("</style>\n</head>\n<body>")
}

func (m *markup) languages(p layout) {
	if len(p.Switch) == 0 {
		return
	}
	m.raw("\n<nav aria-label=\"").text(p.SwitchFor).raw(`"><ul>`)
	for _, l := range p.Switch {
		if l.Current {
			m.raw("\n<li><span lang=\"").text(string(l.Language)).raw(`" aria-current="true">`).text(l.Name).raw("</span></li>")
			continue
		}
		m.raw("\n<li><a lang=\"").text(string(l.Language)).raw(`" hreflang="`).text(string(l.Language))
		m.raw(`" href="`).link(l.URL).raw(`">`).text(l.Name).raw("</a></li>")
	}
	m.raw("\n</ul></nav>")
}

func (m *markup) mark(t tone) {
	if t == toneNone {
		return
	}
	m.raw("\n<svg class=\"mark ").text(string(t)).raw(`" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/>`)
	switch t {
	case toneGood:
		m.raw(`<path d="m15 25 6.5 6.5L34 18"/>`)
	case toneWait:
		m.raw(`<path class="turn" d="M24 3a21 21 0 0 1 21 21"/>`)
	case toneWarn:
		m.raw(`<path d="M24 14v12m0 7.5v.5"/>`)
	default:
		m.raw(`<path d="M24 14v.5M24 22v12"/>`)
	}
	m.raw("</svg>")
}

func (m *markup) paragraphs(texts []string) *markup {
	for _, t := range texts {
		m.raw("\n<p>").text(t).raw("</p>")
	}
	return m
}

func (m *markup) rows(rows []row) {
	if len(rows) == 0 {
		return
	}
	m.raw("\n<dl>")
	for _, r := range rows {
		m.raw("\n<div")
		if r.Emphasis {
			m.raw(` class="amount"`)
		}
		m.raw("><dt>").text(r.Label).raw("</dt><dd><bdi>").text(r.Value).raw("</bdi></dd></div>")
	}
	m.raw("\n</dl>")
}

func (m *markup) pay(p payment) {
	m.raw("\n<button type=\"button\" id=\"pay\" class=\"button primary\" disabled>").text(p.Button)
	m.raw("</button>\n<p id=\"status\" role=\"status\" aria-live=\"polite\"></p>")
	if c := p.Check; c != nil {
		m.raw("\n<div id=\"check\" hidden>\n<p class=\"note\">").text(c.Hint)
		m.raw("</p>\n<a class=\"button\" href=\"").link(c.URL).raw(`">`).text(c.Text).raw("</a>\n</div>")
	}
	m.raw("\n<button type=\"button\" id=\"again\" class=\"button\" hidden>").text(p.Again)
	m.raw("</button>\n<noscript><p class=\"problem\">").text(p.NoScript).raw("</p></noscript>\n<p class=\"note\">").text(p.Note).raw("</p>")
}
