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
