package handler

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// depthMax is how deep our own API's bodies may nest; they go to three.
const depthMax = 16

// nameFault is a name in a body that is wrong. The zero value is none.
type nameFault struct {
	code  string // UNKNOWN_FIELD, DUPLICATE_FIELD or INVALID_JSON
	field string // with a dot between levels
	meant string // the name that it is but for its letters' case; may be empty
}

// checkNames finds, at any depth, a name that the target does not have in exactly these letters, and one that comes
// twice. encoding/json takes names in any case, and the last of two: an "AMOUNT" behind the amount would be the price.
// JSON that is broken is left to the decoder to refuse. (encoding/json/v2 does the same; today's library for it would
// add some 100 to 200 KB to every function's zip, which has none to spare.)
func checkNames(data []byte, target any) nameFault {
	w := nameWalk{json.NewDecoder(bytes.NewReader(data))}
	fault, _ := w.value(reflect.TypeOf(target), "", 0)
	return fault
}

type nameWalk struct{ decoder *json.Decoder }

// value reads one value; more is false when there is no use in reading on.
func (w nameWalk) value(t reflect.Type, path string, depth int) (fault nameFault, more bool) {
	token, err := w.decoder.Token()
	switch {
	case err != nil:
		return nameFault{}, false
	case depth > depthMax:
		return nameFault{code: "INVALID_JSON"}, false
	case token == json.Delim('{'):
		fault, more = w.object(t, path, depth)
	case token == json.Delim('['):
		for more = true; more && w.decoder.More(); {
			fault, more = w.value(elementOf(t), path, depth+1)
		}
	default:
		return nameFault{}, true
	}
	if !more {
		return fault, false
	}
	_, err = w.decoder.Token() // the end of it
	return nameFault{}, err == nil
}

func (w nameWalk) object(t reflect.Type, path string, depth int) (nameFault, bool) {
	fields, fixed := fieldsOf(t)
	seen := map[string]bool{}
	for w.decoder.More() {
		token, err := w.decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nameFault{}, false
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		inner, known := fields[name]
		switch {
		case seen[name]:
			return nameFault{code: "DUPLICATE_FIELD", field: at}, false
		case fixed && !known:
			return nameFault{"UNKNOWN_FIELD", at, caseOf(name, fields)}, false
		case !fixed:
			inner = elementOf(t)
		}
		seen[name] = true
		if fault, more := w.value(inner, at, depth+1); !more {
			return fault, false
		}
	}
	return nameFault{}, true
}

// fieldsOf returns a struct's fields by their names in JSON; fixed is false for what takes any names.
func fieldsOf(t reflect.Type) (fields map[string]reflect.Type, fixed bool) {
	if t = pointee(t); t == nil || t.Kind() != reflect.Struct {
		return nil, false
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil, false
	}
	fields = map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = t.Field(i).Type
	}
	return fields, true
}

// elementOf is the type of what a list or a map holds; nil for anything.
func elementOf(t reflect.Type) reflect.Type {
	if t = pointee(t); t == nil {
		return nil
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Array:
		return t.Elem()
	}
	return nil
}

func pointee(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func caseOf(name string, fields map[string]reflect.Type) string {
	for known := range fields {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return ""
}
