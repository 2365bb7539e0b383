// Package apitest holds what the private API takes and answers against api/openapi.yaml. Only tests import it.
package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Spec is the specification, read and ready to check with.
type Spec struct {
	mu       sync.Mutex // the compiler keeps what it has compiled
	compiler *jsonschema.Compiler
	document map[string]any
}

// Exchange is one request to the API and its answer.
type Exchange struct {
	Route    string // method and path template, as in "POST /orders"
	Request  []byte
	Status   int
	Header   http.Header // of the answer
	Response []byte
}

const resource = "openapi.json"

// Load reads the specification. Readers ignore properties they do not know; a test must not, so every object that names its properties
// is closed here.
func Load(path string) (*Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("apitest: %s: %w", path, err)
	}
	closeObjects(document)
	text, err = json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("apitest: %s: %w", path, err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("apitest: %s: %w", path, err)
	}
	s := &Spec{compiler: jsonschema.NewCompiler(), document: document}
	s.compiler.AssertFormat()
	if err := s.compiler.AddResource(resource, root); err != nil {
		return nil, fmt.Errorf("apitest: %s: %w", path, err)
	}
	return s, nil
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, named := v["properties"].(map[string]any)
		if _, said := v["additionalProperties"]; named && !said {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			closeObjects(inner)
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// Routes lists the operations as "METHOD /path".
func (s *Spec) Routes() []string {
	var routes []string
	paths, _ := s.document["paths"].(map[string]any)
	for path, item := range paths {
		operations, _ := item.(map[string]any)
		for method := range operations {
			if method != "parameters" {
				routes = append(routes, strings.ToUpper(method)+" "+path)
			}
		}
	}
	return routes
}

// Check returns what the specification does not say of an exchange, or nil. The request must fit when it was taken; a refused one need not.
func (s *Spec) Check(e Exchange) error {
	method, path, _ := strings.Cut(e.Route, " ")
	operation := "/paths/" + escape(path) + "/" + strings.ToLower(method)
	if s.at(operation) == nil {
		return fmt.Errorf("%s is not in the specification", e.Route)
	}
	response := s.follow(operation + "/responses/" + strconv.Itoa(e.Status))
	if response == "" {
		return fmt.Errorf("%s: the specification has no answer %d", e.Route, e.Status)
	}
	err := s.valid(response+"/content/application~1json/schema", e.Response, "answer")
	if e.Header.Get("X-Request-Id") == "" {
		err = errors.Join(err, errors.New("the answer has no X-Request-Id"))
	}
	request := s.follow(operation + "/requestBody")
	if e.Status < http.StatusMultipleChoices {
		err = errors.Join(err, s.checkRequest(request, e.Request))
	}
	if err != nil {
		return fmt.Errorf("%s, %d: %w", e.Route, e.Status, err)
	}
	return nil
}

func (s *Spec) checkRequest(pointer string, body []byte) error {
	if len(bytes.TrimSpace(body)) > 0 {
		if pointer == "" {
			return nil // a GET's body is ignored
		}
		return s.valid(pointer+"/content/application~1json/schema", body, "request")
	}
	if required, _ := s.at(pointer + "/required").(bool); required {
		return errors.New("the request has no body and was taken")
	}
	return nil
}

func (s *Spec) valid(pointer string, body []byte, what string) error {
	s.mu.Lock()
	schema, err := s.compiler.Compile(resource + "#" + pointer)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %.200q: %w", what, body, err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s %.2000s: %w", what, body, err)
	}
	return nil
}

// follow returns the pointer to what stands at a pointer, through one $ref, or "" when nothing does.
func (s *Spec) follow(pointer string) string {
	found, ok := s.at(pointer).(map[string]any)
	if !ok {
		return ""
	}
	if ref, ok := found["$ref"].(string); ok {
		return strings.TrimPrefix(ref, "#")
	}
	return pointer
}

func (s *Spec) at(pointer string) any {
	var v any = s.document
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		object, _ := v.(map[string]any)
		v = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return v
}

func escape(part string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(part) }
