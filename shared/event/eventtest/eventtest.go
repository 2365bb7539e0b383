// Package eventtest checks events against their published schemas. It is for tests.
package eventtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tosspay-sam/api/events"
	"tosspay-sam/shared/event"
)

// compiled are the schemas by type.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schemas := map[string]*jsonschema.Schema{}
	files, err := fs.Glob(events.Schemas, "*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, err := events.Schemas.ReadFile(name)
		if err != nil {
			return nil, err
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := compiler.AddResource(name, document); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if schemas[strings.TrimSuffix(name, ".json")], err = compiler.Compile(name); err != nil {
			return nil, err
		}
	}
	return schemas, nil
})

// Check says what of an event its schema does not allow or does not know.
func Check(e event.Event) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return CheckJSON(string(e.Type), text)
}

// CheckJSON is Check for an event as it was sent.
func CheckJSON(kind string, text []byte) error {
	schemas, err := compiled()
	if err != nil {
		return err
	}
	schema, found := schemas[kind]
	if !found {
		return fmt.Errorf("no schema for %q", kind)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return declared(schema, value, "")
}

// declared: the schemas allow fields that they do not name, so that a consumer lets later ones pass; what we send they must name.
func declared(schema *jsonschema.Schema, value any, path string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	for name, field := range object {
		inner, found := schema.Properties[name]
		if !found {
			return fmt.Errorf("the schema does not name %s%s", path, name)
		}
		if err := declared(inner, field, path+name+"."); err != nil {
			return err
		}
	}
	return nil
}

// JSON is an event as it is sent.
func JSON(e event.Event) string {
	text, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
