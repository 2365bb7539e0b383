package tree_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// TestDocs: every page is whole. A merge that keeps both sides leaves a fence open, cuts a table in two or says one thing in two rows.
func TestDocs(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages in docs: %v", len(pages), err)
	}
	readmes, _ := filepath.Glob("README*.md") // the pattern is well-formed
	for _, page := range append(readmes, pages...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range pageFaults(string(text)) {
			t.Errorf("%s%s", page, found)
		}
	}
}

// TestDocsFaultsAreFound: each of the faults shows.
func TestDocsFaultsAreFound(t *testing.T) {
	t.Parallel()
	whole := "# A\n\n```sh\n| a |\n| a |\n```\n\n| a | b |\n|---|---|\n| 1 | x |\n| 2 | x |\n\nText.\n\n| a | b |\n|---|---|\n| 1 | y |\n"
	if found := pageFaults(whole); found != nil {
		t.Errorf("a page that is whole: %q", found)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"fence", "```\n\n|", "\n|", ":3: this fence is not closed"},
		{"same row", "| 2 | x |", "| 1 | x |", `:11: "| 1 |" is in this table twice`},
		{"same row, told otherwise", "| 2 | x |", "| 1 | z |", `:11: "| 1 |" is in this table twice`},
		{"cut", "| 2 | x |", "\n| 2 | x |", ":12: a row without a table"},
	} {
		page := strings.Replace(whole, c.old, c.new, 1)
		if found := pageFaults(page); page == whole || !slices.Equal(found, []string{c.want}) {
			t.Errorf("%s: found %q, want %q", c.name, found, c.want)
		}
	}
}

// pageFaults returns what is wrong with a page of Markdown, each with its line.
func pageFaults(text string) (found []string) {
	lines := strings.Split(text, "\n")
	fence, table := 0, map[string]bool(nil) // the line of the open fence; the first cells of the table
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "```"):
			table = nil
			if fence > 0 {
				fence = 0
			} else {
				fence = i + 1
			}
		case fence > 0:
		case !strings.HasPrefix(line, "|"):
			table = nil
		case table == nil:
			table = map[string]bool{}
			if i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "|---") {
				found = append(found, fmt.Sprintf(":%d: a row without a table", i+1))
			}
		default:
			first := strings.SplitAfterN(strings.ReplaceAll(line, `\|`, `\\`), "|", 3)[1]
			if table[first] {
				found = append(found, fmt.Sprintf(":%d: %q is in this table twice", i+1, "|"+first))
			}
			table[first] = true
		}
	}
	if fence > 0 {
		found = append(found, fmt.Sprintf(":%d: this fence is not closed", fence))
	}
	return found
}
