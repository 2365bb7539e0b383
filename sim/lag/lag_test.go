package lag_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/lag"
)

func TestPast(t *testing.T) {
	t.Parallel()
	var p lag.Past[string]
	start := time.Unix(1_000_000, 0)
	if got, ok := p.AsOf(start); ok {
		t.Errorf("nothing was seen, and %q is shown", got)
	}
	for i := range 100 { // a sight a minute, of which those are kept that a lag can reach
		p.Note(start.Add(time.Duration(i)*time.Minute), string(rune('a'+i)))
	}
	now := start.Add(99 * time.Minute)
	for behind, want := range map[time.Duration]string{0: string(rune('a' + 99)), time.Second: string(rune('a' + 98)), lag.Max: string(rune('a' + 89))} {
		if got, ok := p.AsOf(now.Add(-behind)); got != want || !ok {
			t.Errorf("%v ago: %q, want %q", behind, got, want)
		}
	}
	if _, ok := p.AsOf(start); ok {
		t.Error("what no lag reaches is kept")
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	var p lag.Plan
	p.Register("portone")
	ask := func(method, body string) (int, string) {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(method, "/sim/lag", strings.NewReader(body)))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for body, status := range map[string]int{
		`{"provider":"portone","lookups":"5s","lists":"1m"}`: 204,
		`{"provider":"portone","lookups":"11m"}`:             400,
		`{"provider":"portone","lookups":"-1s"}`:             400,
		`{"provider":"portone","lookups":"5"}`:               400,
		`{"provider":"portone","lag":"5s"}`:                  400,
		`{"provider":"other","lookups":"5s"}`:                400,
		`{"provider":"portone"}{}`:                           400,
		``:                                                   400,
	} {
		if got, answer := ask(http.MethodPost, body); got != status {
			t.Errorf("%s: %d %s, want %d", body, got, answer, status)
		}
	}
	if err := p.Set("portone", lag.Lag{Lookups: 5 * time.Second, Lists: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if status, got := ask(http.MethodGet, ""); status != 200 || got != `{"lags":[{"provider":"portone","lookups":"5s","lists":"1m0s"}]}` {
		t.Errorf("%d %s", status, got)
	}
	if status, _ := ask(http.MethodPost, `{"provider":"portone"}`); status != 204 || p.Of("portone") != (lag.Lag{}) {
		t.Errorf("%d %+v", status, p.Of("portone"))
	}
	if status, _ := ask(http.MethodDelete, ""); status != 405 {
		t.Errorf("DELETE: %d", status)
	}
}

// TestShown: without a lag what is; with one what was, or nothing yet; a list misses what began last.
func TestShown(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 11, 2, 15, 0, 0, 0, time.UTC)
	var past lag.Past[string]
	past.Note(begun, "ready")
	past.Note(begun.Add(time.Minute), "paid")
	is := "paid"
	for _, c := range []struct {
		behind lag.Lag
		after  time.Duration
		list   bool
		want   string
	}{
		{lag.Lag{}, 0, true, "paid"},
		{lag.Lag{Lookups: time.Second}, 0, false, ""},
		{lag.Lag{Lookups: time.Second}, time.Second, false, "ready"},
		{lag.Lag{Lookups: time.Second}, time.Minute, false, "ready"},
		{lag.Lag{Lookups: time.Second}, time.Minute + time.Second, true, "paid"},
		{lag.Lag{Lists: 2 * time.Minute}, time.Minute, false, "paid"},
		{lag.Lag{Lists: 2 * time.Minute}, time.Minute, true, ""},
		{lag.Lag{Lists: 2 * time.Minute}, 2 * time.Minute, true, "paid"},
	} {
		got := ""
		if seen := past.Shown(&is, c.behind, begun.Add(c.after), begun, c.list); seen != nil {
			got = *seen
		}
		if got != c.want {
			t.Errorf("%+v after %v, list %v: %q, want %q", c.behind, c.after, c.list, got, c.want)
		}
	}
}
