// Package root lets the tests below tests/ name files from the repository's root.
package root

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var chdir = sync.OnceValue(func() error { return os.Chdir(filepath.Join("..", "..")) })

// Chdir makes the repository's root the test program's working directory. Each test calls it first. TestMain cannot do it: go test's cache
// learns of a change of directory only while tests run. It would not find the files that a test read, and would serve its old result.
func Chdir(t testing.TB) {
	t.Helper()
	if err := chdir(); err != nil {
		t.Fatal(err)
	}
}
