package events_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/api/events"
	"tosspay-sam/shared/event"
)

type schema = map[string]any

func read(t *testing.T, name string) schema {
	t.Helper()
	text, err := events.Schemas.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// TestEveryTypeHasASchema: and every schema a type.
func TestEveryTypeHasASchema(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(events.Schemas, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, kind := range event.Types {
		want = append(want, string(kind)+".json")
	}
	slices.Sort(want)
	docs, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.Types {
		if !strings.Contains(string(docs), "`"+string(kind)+"`") {
			t.Errorf("docs/events.md does not say what %s means", kind)
		}
	}
	if !slices.Equal(files, want) {
		t.Errorf("schemas of %v, types are %v", files, want)
	}
}

// TestConsumersGoOnWorking compares with the schemas of the last release. What a consumer may rely on stays.
func TestConsumersGoOnWorking(t *testing.T) {
	t.Parallel()
	released, err := fs.Glob(events.Schemas, "released/*.json")
	if err != nil || len(released) == 0 {
		t.Fatalf("no released schemas: %v", err)
	}
	for _, name := range released {
		now := strings.TrimPrefix(name, "released/")
		if _, err := fs.Stat(events.Schemas, now); err != nil {
			t.Errorf("%s is no longer sent", strings.TrimSuffix(now, ".json"))
			continue
		}
		for _, broken := range breaks(now, read(t, name), read(t, now)) {
			t.Error(broken)
		}
	}
}

// breaks says what a consumer written for the old schema could trip over.
func breaks(path string, old, now schema) (found []string) {
	for _, key := range []string{"type", "const", "pattern", "format"} {
		if !reflect.DeepEqual(old[key], now[key]) {
			found = append(found, fmt.Sprintf("%s: %s was %v and is %v", path, key, old[key], now[key]))
		}
	}
	for _, value := range texts(now["enum"]) {
		if old["enum"] == nil || !slices.Contains(texts(old["enum"]), value) {
			found = append(found, fmt.Sprintf("%s: may now be %s", path, value))
		}
	}
	if old["enum"] != nil && now["enum"] == nil {
		found = append(found, path+": may now be anything")
	}
	for _, name := range texts(old["required"]) {
		if !slices.Contains(texts(now["required"]), name) {
			found = append(found, fmt.Sprintf("%s: %s may now be missing", path, name))
		}
	}
	before, _ := old["properties"].(schema)
	after, _ := now["properties"].(schema)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		field, kept := after[name].(schema)
		if !kept {
			found = append(found, fmt.Sprintf("%s: %s is gone", path, name))
			continue
		}
		found = append(found, breaks(path+"."+name, before[name].(schema), field)...)
	}
	return found
}

func texts(list any) (all []string) {
	values, _ := list.([]any)
	for _, v := range values {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// TestBreakingChangesAreSeen breaks a schema in one place at a time.
func TestBreakingChangesAreSeen(t *testing.T) {
	t.Parallel()
	const base = `{"type":"object","required":["a"],"properties":{"a":{"type":"string","enum":["x","y"]},"b":{"type":"integer"}}}`
	parse := func(text string) (s schema) {
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	for old, now := range map[string]string{
		`"required":["a"]`:            `"required":[]`,
		`,"b":{"type":"integer"}`:     ``,
		`"b":{"type":"integer"}`:      `"b":{"type":"string"}`,
		`"enum":["x","y"]`:            `"enum":["x","y","z"]`,
		`,"enum":["x","y"]`:           ``,
		`{"type":"string","enum"`:     `{"type":"string","pattern":"^x$","enum"`,
		`"b":{"type":"integer"}}`:     `"b":{"type":"integer","enum":[1]}}`,
		`"a":{"type":"string","enum"`: `"c":{"type":"string","enum"`,
	} {
		changed := strings.Replace(base, old, now, 1)
		if changed == base {
			t.Fatalf("the schema does not hold %s", old)
		}
		if len(breaks("it", parse(base), parse(changed))) == 0 {
			t.Errorf("%s becoming %s is not seen", old, now)
		}
	}
	for _, fine := range []string{
		strings.Replace(base, `"required":["a"]`, `"required":["a","b"]`, 1), strings.Replace(base, `"enum":["x","y"]`, `"enum":["x"]`, 1),
		strings.Replace(base, `"b":`, `"new":{"type":"string"},"b":`, 1), base,
	} {
		if found := breaks("it", parse(base), parse(fine)); found != nil {
			t.Errorf("%s: %v", fine, found)
		}
	}
}
