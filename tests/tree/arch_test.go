// Package tree_test reads the sources and the pages: who imports whom, whether a page is whole, whether the specification has the code's words.
package tree_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// The directions of import, as docs/architecture.md draws them. A package that no rule names may not exist: adding one means deciding
// where it stands.
type archRule struct {
	dir    string   // the package, or with a final /... everything below it
	own    []string // packages of this module it may import; a final /... allows everything below
	others []string // import paths outside the standard library it may import; same notation
	not    []string // standard library packages it may not import
	// importers are the packages that may import it, their tests among them; nil: each whose own rule allows it. Tests are held to this alone.
	importers []string
	tests     bool // only tests may import it
}

const module = "tosspay-sam/"

var (
	awsSDK    = []string{"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/..."}
	lambdaSDK = []string{"github.com/aws/aws-lambda-go/..."}
	pureNot   = []string{"net/http", "context", "os", "log/slog", "log", "crypto/rand", "math/rand", "math/rand/v2"}
)

var archRules = []archRule{
	{dir: "shared/money", not: pureNot},
	{dir: "shared/ledger", not: pureNot},
	{dir: "shared/order", own: []string{"shared/ledger", "shared/money"}, not: pureNot},
	{dir: "shared/subscription", own: []string{"shared/money"}, not: pureNot},
	{dir: "shared/lenient", not: pureNot},
	{dir: "shared/event", own: []string{"shared/order", "shared/subscription"}, not: pureNot},
	{dir: "shared/event/eventtest", own: []string{"api/events", "shared/event"}, others: []string{"github.com/santhosh-tekuri/jsonschema/v6"}},
	{dir: "api/events"},
	{dir: "shared/publish", own: []string{"shared/event"}, not: []string{"net/http", "os", "crypto/rand", "math/rand", "math/rand/v2"}},
	{dir: "shared/deliver", others: []string{"code.dny.dev/ssrf"}, not: []string{"os", "crypto/rand", "math/rand", "math/rand/v2"}},
	{dir: "shared/bus", own: []string{"shared/event", "shared/publish"}, others: awsSDK, not: []string{"net/http", "os"}},
	{dir: "shared/provider", not: pureNot},
	{dir: "shared/provider/toss", own: []string{"shared/lenient", "shared/money", "shared/order", "shared/provider", "shared/provider/transport"}, not: []string{"os"}},
	{dir: "shared/provider/portone", own: []string{"shared/lenient", "shared/money", "shared/order", "shared/provider", "shared/provider/transport"}, not: []string{"os"}},
	{dir: "shared/provider/transport", not: []string{"os", "crypto/rand", "math/rand", "math/rand/v2"},
		importers: []string{"shared/provider/toss", "shared/provider/portone", "shared/provider/providertest", "shared/provider/transport"}},
	{dir: "shared/provider/providertest", own: []string{"shared/provider", "shared/provider/transport"}, others: []string{"golang.org/x/tools/txtar"},
		importers: []string{"shared/provider/toss", "shared/provider/portone", "shared/provider/transport"}},
	{dir: "shared/payment", own: []string{"shared/ledger", "shared/money", "shared/order", "shared/provider", "shared/subscription"}, not: []string{"net/http", "os", "crypto/rand", "math/rand", "math/rand/v2"}},
	{dir: "shared/store", own: []string{"shared/event", "shared/subscription", "shared/money", "shared/order", "shared/payment", "shared/store/internal/..."}, others: awsSDK, not: []string{"net/http", "os"}},
	{dir: "shared/store/internal/...", own: []string{"shared/ledger", "shared/subscription", "shared/money", "shared/order", "shared/payment"}, others: awsSDK, not: []string{"net/http", "os"}},
	{dir: "shared/store/memstore", own: []string{"shared/event", "shared/subscription", "shared/order", "shared/payment", "shared/store/internal/..."}, not: []string{"net/http", "os"}},
	{dir: "shared/store/storetest", own: []string{"shared/ledger", "shared/subscription", "shared/money", "shared/order", "shared/payment", "shared/store/internal/..."}},
	{dir: "shared/store/enginetest", own: []string{"shared/store"}, others: awsSDK},
	{dir: "shared/queue", own: []string{"shared/event", "shared/payment", "shared/publish"}, others: awsSDK, not: []string{"net/http", "os"}},
	{dir: "shared/secret", others: awsSDK, not: []string{"net/http", "os"}},
	{dir: "shared/web", not: []string{"os", "context"}},
	{dir: "shared/telemetry", not: []string{"os", "net/http"}},
	{dir: "shared/handler", own: []string{"shared/deliver", "shared/event", "shared/publish", "shared/ledger", "shared/lenient", "shared/money", "shared/order", "shared/subscription", "shared/payment", "shared/provider", "shared/web", "shared/telemetry"}, others: lambdaSDK, not: []string{"os"}},
	{dir: "shared/boot", own: []string{"shared/boot/environment", "shared/deliver", "shared/handler", "shared/ledger", "shared/order", "shared/payment", "shared/provider/...", "shared/secret", "shared/store", "shared/subscription", "shared/telemetry"}, others: awsSDK, not: []string{"os"}},
	{dir: "shared/boot/environment", own: []string{"shared/telemetry"}, others: awsSDK, not: []string{"os"}},
	{dir: "shared/boot/charging", own: []string{"shared/boot", "shared/boot/environment", "shared/handler", "shared/queue", "shared/subscription"}, others: awsSDK, not: []string{"os"}},
	{dir: "shared/boot/publishing", own: []string{"shared/boot/environment", "shared/bus", "shared/event", "shared/handler", "shared/publish", "shared/queue", "shared/store", "shared/telemetry"}, others: awsSDK, not: []string{"os"}},
	{dir: "shared/boot/delivering", own: []string{"shared/boot/environment", "shared/deliver", "shared/handler", "shared/queue", "shared/secret", "shared/telemetry"}, others: awsSDK, not: []string{"os"}},
	{dir: "shared/process", not: []string{"net/http"}},
	{dir: "functions/...", own: []string{"shared/boot/...", "shared/process"}, others: lambdaSDK, not: []string{"net/http"}},
	{dir: "client", others: awsSDK},
	{dir: "examples/...", own: []string{"client"}, others: awsSDK},
	{dir: "api/apitest", others: []string{"github.com/santhosh-tekuri/jsonschema/...", "go.yaml.in/yaml/..."}},
	{dir: "sim/bank", own: []string{"shared/provider", "shared/provider/portone"}},
	{dir: "sim/fault"},
	{dir: "sim/lag"},
	{dir: "sim/ledger"},
	{dir: "sim/wire"},
	{dir: "sim/simulator", own: []string{"sim/fault"}, importers: []string{"sim/tosssim", "sim/portonesim", "sim/simulator"}},
	{dir: "sim/simulator/simtest", own: []string{"sim/ledger", "sim/wire"}, importers: []string{"sim/tosssim", "sim/portonesim"}},
	{dir: "sim/tosssim", own: []string{"sim/clock", "sim/fault", "sim/lag", "sim/ledger", "sim/hooks", "sim/simulator"}},
	{dir: "sim/check", own: []string{"shared/ledger"}},
	{dir: "sim/hooks"},
	{dir: "sim/portonesim", own: []string{"sim/clock", "sim/fault", "sim/lag", "sim/ledger", "sim/hooks", "sim/simulator"}},
	{dir: "sim/clock"},
	{dir: "sim/awssim"},
	{dir: "sim/stream", own: []string{"shared/event"}},
	{dir: "sim/eventaudit", own: []string{"shared/event", "shared/order", "shared/subscription"}},
	{dir: "sim/load", own: []string{"shared/..."}, others: lambdaSDK},
	{dir: "sim/soak", own: []string{"shared/...", "sim/..."}},
	{dir: "sim/gateway", own: []string{"shared/handler"}, others: lambdaSDK},
	{dir: "sim/runtimeapi"},
	{dir: "sim/scene", own: []string{"shared/...", "sim/..."}},
	{dir: "sim/specified", own: []string{"api/apitest", "shared/handler"}},
	{dir: "sim/testbed", own: []string{"shared/...", "sim/..."}, tests: true},
	{dir: "sim/world", own: []string{"shared/...", "sim/..."}},
	{dir: "cmd/import", own: []string{"client"}, others: awsSDK}, // it stands outside, like a merchant's own server
	{dir: "cmd/...", own: []string{"shared/...", "sim/..."}, others: awsSDK},
	{dir: "scripts/..."}, // blackbox knows addresses only
	{dir: "tools/coldpath/least", others: slices.Concat(awsSDK, lambdaSDK)}, // what the confirm function is measured against
	{dir: "tools/coldpath/minimal", own: []string{"tools/coldpath/least"}},
	{dir: "tools/coldpath/keyed", own: []string{"tools/coldpath/least"}, others: awsSDK},
	{dir: "tools/...", own: []string{"shared/...", "sim/..."}},
	{dir: "tests/..."},
}

// parsedFile is one source file.
type parsedFile struct {
	dir, name string
	imports   []string
	tree      *ast.File
	test      bool
}

func TestImportDirections(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	files := parseSources(t, true)
	if len(files) < 20 {
		t.Fatalf("only %d source files found: the test reads the wrong folder", len(files))
	}
	for _, violation := range archViolations(files) {
		t.Error(violation)
	}
}

// TestImportDirectionsCanFail shows that each kind of forbidden import is seen.
func TestImportDirectionsCanFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dir, path string }{
		{"shared/money", "tosspay-sam/shared/order"},
		{"shared/order", "tosspay-sam/shared/provider"},
		{"shared/ledger", "tosspay-sam/shared/order"},
		{"shared/order", "context"},
		{"shared/payment", "net/http"},
		{"shared/payment", "tosspay-sam/shared/store"},
		{"shared/payment", "tosspay-sam/shared/provider/toss"},
		{"shared/payment", "github.com/aws/aws-sdk-go-v2/aws"},
		{"shared/web", "tosspay-sam/shared/order"},
		{"shared/handler", "github.com/aws/aws-sdk-go-v2/aws"},
		{"shared/handler", "tosspay-sam/shared/store"},
		{"shared/boot", "tosspay-sam/sim/tosssim"},
		{"shared/provider/toss", "tosspay-sam/shared/secret"},
		{"shared/secret", "github.com/aws/aws-lambda-go/events"},
		{"sim/tosssim", "tosspay-sam/shared/order"},
		{"sim/soak", "tosspay-sam/sim/simulator"},
		{"sim/soak", "tosspay-sam/sim/testbed"},
		{"sim/tosssim", "tosspay-sam/sim/simulator/simtest"},
		{"shared/boot", "tosspay-sam/shared/provider/transport"},
		{"shared/provider/toss", "tosspay-sam/shared/provider/providertest"},
		{"functions/confirm", "tosspay-sam/shared/store"},
		{"shared/brandnew", "fmt"},
		{"shared/store", "example.com/unknown"},
	} {
		if got := archViolations([]parsedFile{{dir: c.dir, name: "x.go", imports: []string{c.path}}}); len(got) == 0 {
			t.Errorf("%s importing %s is not seen", c.dir, c.path)
		}
	}
	reach := parsedFile{dir: "shared/boot", name: "x_test.go", imports: []string{"tosspay-sam/shared/provider/transport"}, test: true}
	if got := archViolations([]parsedFile{reach}); len(got) == 0 {
		t.Error("a test that imports what is the clients' own is not seen")
	}
}

func archViolations(files []parsedFile) []string {
	var found []string
	for _, f := range files {
		rule, ok := ruleOf(f.dir)
		if !ok && !f.test {
			found = append(found, f.dir+": no rule says what this package may import; add one to tests/tree/arch_test.go and docs/architecture.md")
			continue
		}
		for _, path := range f.imports {
			if !f.test && !rule.allows(path) || !mayReach(f, path) {
				found = append(found, filepath.Join(f.dir, f.name)+" may not import "+path)
			}
		}
	}
	return found
}

// mayReach says whether a file may import a package that is for tests, or that names its importers.
func mayReach(f parsedFile, path string) bool {
	own, ok := strings.CutPrefix(path, module)
	rule, found := ruleOf(own)
	if !ok || !found {
		return true
	}
	named := rule.importers == nil || slices.ContainsFunc(rule.importers, func(p string) bool { return matches(p, f.dir) })
	return named && (f.test || !rule.tests)
}

func ruleOf(dir string) (archRule, bool) {
	i := slices.IndexFunc(archRules, func(r archRule) bool { return matches(r.dir, dir) })
	if i < 0 {
		return archRule{}, false
	}
	return archRules[i], true
}

func (r archRule) allows(path string) bool {
	if own, ok := strings.CutPrefix(path, module); ok {
		return slices.ContainsFunc(r.own, func(p string) bool { return matches(p, own) })
	}
	if strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
		return slices.ContainsFunc(r.others, func(p string) bool { return matches(p, path) })
	}
	return !slices.Contains(r.not, path)
}

func matches(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return s == prefix || strings.HasPrefix(s, prefix+"/")
	}
	return pattern == s
}

// TestClockAndChance: time and randomness come in through fields, so that a test can turn them. Only the packages that wire, and those that
// measure how long a request took, name the real ones; and the Go client, which merchants wire into programs of theirs.
func TestClockAndChance(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	allowed := []string{"functions/...", "client", "examples/...", "shared/boot/...", "shared/handler", "cmd/...", "sim/...", "scripts/...", "shared/store/enginetest", "shared/store/storetest", "tools/..."}
	for _, f := range parseSources(t, false) {
		if slices.ContainsFunc(allowed, func(p string) bool { return matches(p, f.dir) }) {
			continue
		}
		for _, call := range forbiddenCalls(f.tree) {
			t.Errorf("%s calls %s: take it through a field", filepath.Join(f.dir, f.name), call)
		}
	}
	tree, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nimport \"time\"\nvar now = time.Now()", 0)
	if err != nil || len(forbiddenCalls(tree)) != 1 {
		t.Errorf("time.Now is not seen: %v", err)
	}
}

func forbiddenCalls(tree *ast.File) []string {
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := selector.X.(*ast.Ident)
		if !ok {
			return true
		}
		switch name := pkg.Name + "." + selector.Sel.Name; name {
		case "time.Now", "time.Since", "time.Sleep", "time.After", "rand.Text", "rand.Read", "rand.Int", "os.Getenv":
			found = append(found, name)
		}
		return true
	})
	return found
}

// TestDoorsAreShort: a door reads its environment, builds and starts; whatever is longer belongs elsewhere.
func TestDoorsAreShort(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	set := token.NewFileSet()
	mains, err := filepath.Glob("functions/*/*.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions found: %v", err)
	}
	for _, name := range mains {
		tree, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if lines := set.Position(tree.End()).Line; lines > 60 {
			t.Errorf("%s has %d lines, at most 60 are allowed", name, lines)
		}
	}
}

func parseSources(t *testing.T, tests bool) []parsedFile {
	t.Helper()
	var files []parsedFile
	set := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "testdata" || entry.Name() == "dist") {
			return filepath.SkipDir
		}
		test := strings.HasSuffix(path, "_test.go")
		if !strings.HasSuffix(path, ".go") || test && !tests {
			return nil
		}
		tree, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := parsedFile{dir: filepath.ToSlash(filepath.Dir(path)), name: filepath.Base(path), tree: tree, test: test}
		for _, spec := range tree.Imports {
			value, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, value)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
