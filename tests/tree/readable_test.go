package tree_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// What a person can read: the limits of the packages that decide about money.
const (
	columnsMax  = 120 // of a line; a tab is 4
	functionMax = 60  // lines
	termsMax    = 3   // of a condition
)

var readablePackages = []string{"shared/ledger", "shared/order", "shared/payment"}

// narrowPackages are held to columnsMax alone.
var narrowPackages = []string{
	"shared/boot", "shared/boot/charging", "shared/boot/delivering", "shared/boot/environment", "shared/boot/publishing",
	"shared/handler", "shared/store", "shared/store/memstore", "shared/subscription",
}

// TestReadable: the rules about money can be read.
func TestReadable(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	for _, dir := range slices.Concat(readablePackages, narrowPackages) {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, broken := range wide(name, string(source)) {
				t.Error(broken)
			}
			if slices.Contains(narrowPackages, dir) {
				continue
			}
			for _, broken := range entangled(t, name, string(source)) {
				t.Error(broken)
			}
		}
	}
}

// TestReadableCanFail shows that each kind of breach is seen, and that what is just within the limits is none.
func TestReadableCanFail(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		"package x\nfunc f(a, b, c, d bool) bool { return a && b || (c && d) }": 1,
		"package x\nfunc f(a, b, c, d bool) bool { return a && b || c }":        0,
		"package x\nfunc f() {" + strings.Repeat("\n", functionMax) + "}":       1,
		"package x\nfunc f() {" + strings.Repeat("\n", functionMax-1) + "}":     0,
		"package x\n\t// " + strings.Repeat("원", columnsMax-6):                  1,
		"package x\n\t// " + strings.Repeat("원", columnsMax-7):                  0,
		"package x\nvar f = func() {" + strings.Repeat("\n", functionMax) + "}": 0, // a table of functions is no function
	} {
		if got := append(wide("x.go", source), entangled(t, "x.go", source)...); len(got) != want {
			t.Errorf("%.60q: %v, want %d", source, got, want)
		}
	}
}

// wide names the lines with too many columns.
func wide(name, source string) (broken []string) {
	for i, line := range strings.Split(source, "\n") {
		if width := len([]rune(strings.ReplaceAll(line, "\t", "    "))); width > columnsMax {
			broken = append(broken,
				fmt.Sprintf("%s:%d: %d columns, at most %d are allowed", name, i+1, width, columnsMax))
		}
	}
	return broken
}

// entangled names the functions that are too long and the conditions of too many terms.
func entangled(t *testing.T, name, source string) (broken []string) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	breach := func(line int, format string, a ...any) {
		broken = append(broken, fmt.Sprintf("%s:%d: ", name, line)+fmt.Sprintf(format, a...))
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if n == nil {
			return true
		}
		first, last := set.Position(n.Pos()).Line, set.Position(n.End()).Line
		switch n := n.(type) {
		case *ast.FuncDecl:
			if lines := last - first + 1; lines > functionMax {
				breach(first, "%s has %d lines, at most %d are allowed", n.Name.Name, lines, functionMax)
			}
		case *ast.BinaryExpr:
			if terms := conditionTerms(n); terms > termsMax {
				breach(first, "a condition of %d terms, at most %d are allowed", terms, termsMax)
			}
			return n.Op != token.LAND && n.Op != token.LOR
		}
		return true
	})
	return broken
}

// conditionTerms counts what && and || join.
func conditionTerms(e ast.Expr) int {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return conditionTerms(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.LAND || e.Op == token.LOR {
			return conditionTerms(e.X) + conditionTerms(e.Y)
		}
	}
	return 1
}
