package main

import (
	"bytes"
	"os"
	"testing"
)

// TestMarkIsThere: what make fresh edits is where it looks for it, once. make test does not run make fresh, and it would rot.
func TestMarkIsThere(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../" + edited)
	if n := bytes.Count(source, []byte(marked)); err != nil || n != 1 {
		t.Errorf("%s holds %q %d times, %v", edited, marked, n, err)
	}
}
