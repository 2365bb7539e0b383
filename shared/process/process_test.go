package process

import (
	"os"
	"path/filepath"
	"testing"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  map[string]string
		want int64
	}{
		{map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}, 128 << 20},
		{map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "10240"}, 5120 << 20},
		{map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "GOGC": "100"}, 0},
		{map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "GOMEMLIMIT": "90MiB"}, 0},
		{map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "much"}, 0},
		{nil, 0},
	} {
		if got := memoryLimit(env(tt.env)); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.env, got, tt.want)
		}
	}
}

// TestRootsHaveAFallback: without the bundle Go looks for certificates by itself, or every connection would fail.
func TestRootsHaveAFallback(t *testing.T) {
	t.Parallel()
	there, gone := func(string) bool { return true }, func(string) bool { return false }
	if got := roots(env(nil), there); got["SSL_CERT_FILE"] != bundle || got["SSL_CERT_DIR"] != os.DevNull {
		t.Errorf("with a bundle: %v", got)
	}
	if got := roots(env(nil), gone); got != nil {
		t.Errorf("without one: %v", got)
	}
	for _, own := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if got := roots(env(map[string]string{own: "/opt/ca.pem"}), there); got != nil {
			t.Errorf("with a %s of one's own: %v", own, got)
		}
	}
}

func TestReadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full, empty, link := filepath.Join(dir, "full"), filepath.Join(dir, "empty"), filepath.Join(dir, "link")
	for path, text := range map[string]string{full: "x", empty: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(full, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{full: true, link: true, empty: false, dir: false, filepath.Join(dir, "none"): false} {
		if got := readable(path); got != want {
			t.Errorf("%s: %v", filepath.Base(path), got)
		}
	}
}
