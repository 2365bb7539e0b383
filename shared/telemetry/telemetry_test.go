package telemetry_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"tosspay-sam/shared/telemetry"
)

func TestLinesCarryTheContextAndEscapeWhatTheyAreGiven(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := telemetry.New(&out, "nonsense")
	ctx := telemetry.With(telemetry.With(t.Context(), slog.String("requestId", "r-1")), slog.String("orderId", "o-1"))
	log.With("a", 1).InfoContext(ctx, "two\nlines", "hostile", "\"}\n{\"event\":\"money.review\"")
	log.DebugContext(ctx, "not at this level")
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Fatalf("%d lines, want 1:\n%s", n, out.String())
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(out.String()), &line); err != nil {
		t.Fatal(err)
	}
	if line["requestId"] != "r-1" || line["orderId"] != "o-1" || line["a"] != 1.0 || line["event"] != nil {
		t.Errorf("line = %v", line)
	}
}
