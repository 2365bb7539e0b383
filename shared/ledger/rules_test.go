package ledger_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadable: the rules about money can be read: no function over 60 lines, no condition of four or more terms, no
// line over 120 columns.
func TestReadable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, broken := range unreadable(t, name, string(source)) {
			t.Error(broken)
		}
	}
	for _, folder := range []string{"../order", "../payment"} { // the same but for the length of lines
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) < 8 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, name := range files {
			source, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, broken := range unreadable(t, name, string(source)) {
				if !strings.Contains(broken, "is too long (") {
					t.Error(broken)
				}
			}
		}
	}
	for _, bad := range []string{
		"package x\nfunc f(a, b, c, d bool) bool { return a && b || c && d }",
		"package x\nfunc f() {" + strings.Repeat("\n", 61) + "}",
		"package x // " + strings.Repeat("x", 120),
	} {
		if len(unreadable(t, "bad.go", bad)) != 1 {
			t.Errorf("not seen: %.40s", bad)
		}
	}
}

func unreadable(t *testing.T, name, source string) (broken []string) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(source, "\n") {
		if width := len([]rune(strings.ReplaceAll(line, "\t", "    "))); width > 120 {
			broken = append(broken, set.Position(tree.Pos()).Filename+": line "+line[:40]+" is too long ("+string(rune('0'+i%10))+")")
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if lines := set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1; lines > 60 {
				broken = append(broken, set.Position(n.Pos()).String()+": "+n.Name.Name+" is too long")
			}
		case *ast.BinaryExpr:
			if conditionTerms(n) >= 4 {
				broken = append(broken, set.Position(n.Pos()).String()+": a condition of four or more terms")
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
