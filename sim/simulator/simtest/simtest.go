// Package simtest is what the tests of both simulated providers have in common.
package simtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/wire"
)

// Clock stands still until it is told to move. The zero value is a day in November 2026.
type Clock struct {
	mu     sync.Mutex
	passed time.Duration
}

// Now is its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2026, 11, 2, 15, 0, 0, 0, time.UTC).Add(c.passed)
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}

// Client speaks to a simulator that is mounted under a prefix, and follows no redirect.
func Client(prefix string, simulator http.Handler) *http.Client {
	return &http.Client{
		Transport:     wire.Transport(http.StripPrefix(prefix, simulator)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Edited is a form with edits: name, value pairs, where the value "-" removes the field.
func Edited(form url.Values, edits []string) url.Values {
	for pair := range slices.Chunk(edits, 2) {
		form.Set(pair[0], pair[1])
		if pair[1] == "-" {
			form.Del(pair[0])
		}
	}
	return form
}

// Moved is a ledger in one line: "+163020 -1000".
func Moved(l *ledger.Ledger) string {
	var parts []string
	for _, e := range l.Entries() {
		sign := map[string]string{ledger.Capture: "+", ledger.Cancel: "-"}[e.Kind]
		parts = append(parts, fmt.Sprintf("%s%d", sign, e.Amount))
	}
	return strings.Join(parts, " ")
}
