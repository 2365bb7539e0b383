// Package lenient reads what others send us: the names that are wanted, whatever stands beside them. One odd part that nobody needs must not
// throw away the rest: behind it may be money that was taken. What it returns is untrusted.
package lenient

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
)

// Query reads the wanted names of a query string or of a form's body. Pairs are separated by & as browsers do it (WHATWG URL), or by &amp;
// where somebody took the address out of a page's source; a ; or a stray % is data. An empty value is none. A name that comes with two
// different values is not in found but in doubtful: nobody can say which one was meant.
func Query(raw string, names ...string) (found map[string]string, doubtful []string) {
	found = make(map[string]string, len(names))
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = strings.TrimPrefix(unescape(name), "amp;"), unescape(value)
		if !wanted[name] || value == "" {
			continue
		}
		if before, double := found[name]; double && before != value {
			doubtful = append(doubtful, name)
			wanted[name] = false
			delete(found, name)
			continue
		}
		found[name] = value
	}
	return found, doubtful
}

// unescape leaves a text as it is when it holds a % that begins no escape.
func unescape(s string) string {
	if text, err := url.QueryUnescape(s); err == nil {
		return text
	}
	return s
}

// utf8BOM is what some programs write before UTF-8.
var utf8BOM = []byte("\xef\xbb\xbf")

// TrimBOM returns a body without a byte order mark before it.
func TrimBOM(body []byte) []byte { return bytes.TrimPrefix(body, utf8BOM) }

// Object returns the members of a JSON object, matched exactly; nil when the text is none. A name that comes with two different values is left out:
// nobody can say which one was meant. A byte order mark
// before it, raw control characters in it and what follows it are overlooked. Of one that is cut off or broken it returns what stands before
// that: the value of the last name is then all the rest, which Object and Word read as far as they can.
func Object(body []byte) map[string]json.RawMessage {
	body = bytes.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, TrimBOM(body))
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	members, doubtful := map[string]json.RawMessage{}, map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			break
		}
		rest := bytes.TrimLeft(body[decoder.InputOffset():], ": ")
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			if _, double := members[name]; !double && !doubtful[name] {
				members[name] = rest
			}
			break
		}
		if before, double := members[name]; doubtful[name] || double && !bytes.Equal(before, value) {
			doubtful[name] = true
			delete(members, name)
			continue
		}
		members[name] = value
	}
	return members
}

// Word returns a member's text: a string, or a whole number in its digits; "" for everything else.
func Word(member json.RawMessage) string {
	var text string
	if json.Unmarshal(member, &text) == nil {
		return strings.TrimSpace(text)
	}
	if digits := string(member); digits != "" && strings.Trim(digits, "0123456789") == "" {
		return digits
	}
	return ""
}
