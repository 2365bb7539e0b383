package portonesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// wonMax keeps every amount, and every sum of a test, far inside an int64.
const wonMax = 1_000_000_000_000

var wholeNumber = regexp.MustCompile(`^[0-9]{1,13}$`)

// params are the parameters of a request, from a JSON object or a form. Each
// getter takes one out and keeps the first thing that is wrong; finish tells.
type params struct {
	values  map[string]any // string, json.Number, bool, map, slice; nil values are left out
	form    bool           // everything is a string
	problem string
}

// readParams reads the body of a call. The provider takes JSON and forms for
// every call.
func readParams(c *call) *params {
	p := &params{values: map[string]any{}}
	media, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	switch {
	case err != nil:
		p.problem = "Content-Type is missing or malformed"
	case media == "application/json":
		p.readJSON(c.body)
	case media == "application/x-www-form-urlencoded":
		p.readForm(c.body)
	default:
		p.problem = "Content-Type must be application/json or application/x-www-form-urlencoded"
	}
	return p
}

func (p *params) readJSON(body []byte) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		p.problem = "the body is not a JSON object"
		return
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		p.problem = "the body has more than one JSON value"
		return
	}
	for name, value := range object {
		if value != nil {
			p.values[name] = value
		}
	}
}

func (p *params) readForm(body []byte) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		p.problem = "the body is not a form"
		return
	}
	p.fill(values)
}

// fill makes p the parameters of a form.
func (p *params) fill(values url.Values) {
	p.form = true
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) != 1 {
			p.wrong(name, "is there twice")
			continue
		}
		p.values[name] = values.Get(name)
	}
}

func (p *params) wrong(name, reason string) {
	if p.problem == "" {
		p.problem = name + " " + reason
	}
}

// take removes a parameter.
func (p *params) take(name string) (any, bool) {
	value, ok := p.values[name]
	delete(p.values, name)
	return value, ok
}

// text is a parameter of at most longest characters; 0 means any length.
func (p *params) text(name string, longest int) string {
	value, ok := p.take(name)
	if !ok {
		return ""
	}
	text, ok := value.(string)
	if !ok {
		p.wrong(name, "must be a string")
	}
	if longest > 0 && utf8.RuneCountInString(text) > longest {
		p.wrong(name, fmt.Sprintf("is longer than %d characters", longest))
	}
	return text
}

// required is text that must not be empty.
func (p *params) required(name string, longest int) string {
	text := p.text(name, longest)
	if text == "" {
		p.wrong(name, "is required")
	}
	return text
}

// oneOf is text that is absent or one of the choices.
func (p *params) oneOf(name string, choices ...string) string {
	text := p.text(name, 0)
	if text != "" && !slices.Contains(choices, text) {
		p.wrong(name, fmt.Sprintf("must be one of %q", choices))
	}
	return text
}

// whole is an amount: a whole number from 0. A JSON string is refused, for a
// client that means a number must send one. It is nil if absent.
func (p *params) whole(name string) *int64 {
	value, ok := p.take(name)
	if !ok {
		return nil
	}
	var digits string
	switch v := value.(type) {
	case json.Number:
		digits = v.String()
	case string:
		if p.form {
			digits = v
		}
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !wholeNumber.MatchString(digits) || number > wonMax {
		p.wrong(name, "must be a whole number, not below 0")
		return nil
	}
	return &number
}

// flag is a boolean; absent means false.
func (p *params) flag(name string) bool {
	value, ok := p.take(name)
	if !ok {
		return false
	}
	flag, isBool := value.(bool)
	if text, isText := value.(string); isText && p.form {
		parsed, err := strconv.ParseBool(text)
		flag, isBool = parsed, err == nil
	}
	if !isBool {
		p.wrong(name, "must be a boolean")
	}
	return flag
}

// object is a JSON object, or a string that holds one: the schema says string,
// the guides show an object. It is empty if absent.
func (p *params) object(name string) map[string]any {
	value, ok := p.take(name)
	if !ok {
		return nil
	}
	if text, isText := value.(string); isText {
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			p.wrong(name, "must be a JSON object, as it is or in a string")
		}
		return object
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		p.wrong(name, "must be a JSON object, as it is or in a string")
	}
	return object
}

// finish returns what is wrong, "" if nothing is. A parameter that nobody took
// is not known.
func (p *params) finish() string {
	for _, name := range slices.Sorted(maps.Keys(p.values)) {
		p.wrong(name, "is not known")
	}
	return p.problem
}

// checkQuery refuses query parameters that are not known or not readable.
func (c *call) checkQuery() string {
	known := map[string][]string{
		OpPayment:          {"include_sandbox"},
		OpFind:             {"sorting"},
		OpFindAll:          {"page", "limit", "sorting"},
		OpList:             {"page", "limit", "from", "to", "sorting"},
		OpDeleteCustomer:   {"reason", "extra[requester]"},
		OpCustomerPayments: {"page"},
		OpSchedules:        {"page", "from", "to", "schedule-status"},
	}[c.op]
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		value := c.query.Get(name)
		switch {
		case !slices.Contains(known, name):
			return "query parameter " + name + " is not known"
		case len(c.query[name]) > 1:
			return "query parameter " + name + " is there twice"
		case name == "include_sandbox" && value != "true" && value != "false":
			return "include_sandbox must be true or false"
		case name == "sorting" && !slices.Contains(sortings, value):
			return fmt.Sprintf("sorting must be one of %q", sortings)
		case slices.Contains([]string{"page", "limit", "from", "to"}, name) && !wholeNumber.MatchString(value):
			return name + " must be a whole number"
		}
	}
	return ""
}

// number is a query parameter that checkQuery has checked.
func (c *call) number(name string, otherwise int64) int64 {
	number, err := strconv.ParseInt(c.query.Get(name), 10, 64)
	if err != nil {
		return otherwise
	}
	return number
}
