// Package lag is how far the simulated providers' lookups stand behind what they have done: a payment that was just taken is not found yet, or
// is shown as it was before. Only lookups lag; whoever asks to move money gets the answer of now.
package lag

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Max is the longest lag.
const Max = 10 * time.Minute

// bodyMax is ample: the longest valid request has some 80 bytes.
const bodyMax = 1 << 10

// Lag is one provider's.
type Lag struct {
	Lookups time.Duration // a lookup shows what was so long ago
	Lists   time.Duration // a lookup by order number, and a list, miss payments that were begun later than so long ago
}

// Plan is the lag of each provider. The zero value is none. It is safe for concurrent use.
type Plan struct {
	mu        sync.Mutex
	providers []string
	lags      map[string]Lag
}

// Register makes a provider known; Set refuses every other one.
func (p *Plan) Register(provider string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.providers = append(p.providers, provider)
}

// Of is a provider's lag now.
func (p *Plan) Of(provider string) Lag {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lags[provider]
}

// Set makes a provider lag from now on, until it is set again. It refuses an unknown provider, and what is below 0 or above Max.
func (p *Plan) Set(provider string, l Lag) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.providers, provider) {
		return fmt.Errorf("lag: provider must be one of %q", p.providers)
	}
	if min(l.Lookups, l.Lists) < 0 || max(l.Lookups, l.Lists) > Max {
		return fmt.Errorf("lag: must be 0s to %v", Max)
	}
	if p.lags == nil {
		p.lags = map[string]Lag{}
	}
	p.lags[provider] = l
	return nil
}

// message is a Lag as JSON. Both are Go durations; an absent one is none.
type message struct {
	Provider string `json:"provider"`
	Lookups  string `json:"lookups"`
	Lists    string `json:"lists"`
}

// ServeHTTP lets scripts set the lag.
//
//	POST {"provider":"portone","lookups":"5s","lists":"30s"}
//
// answers 204, or 400 with {"error":{"code","message"}}. GET answers {"lags":[...]}.
func (p *Plan) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		lags := []message{}
		for _, name := range p.known() {
			l := p.Of(name)
			lags = append(lags, message{name, l.Lookups.String(), l.Lists.String()})
		}
		answer(w, http.StatusOK, map[string]any{"lags": lags})
	case http.MethodPost:
		if err := p.post(http.MaxBytesReader(w, r.Body, bodyMax)); err != nil {
			answer(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"code": "invalid_lag", "message": err.Error()}})
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		answer(w, http.StatusMethodNotAllowed, map[string]any{"error": map[string]string{"code": "method_not_allowed", "message": "use GET or POST"}})
	}
}

func (p *Plan) known() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.providers)
}

// post reads exactly one JSON object with no unknown field.
func (p *Plan) post(body io.Reader) error {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	var m message
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("lag: read request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("lag: read request: more than one JSON value")
	}
	lookups, err := duration(m.Lookups)
	if err != nil {
		return fmt.Errorf("lag: lookups: %w", err)
	}
	lists, err := duration(m.Lists)
	if err != nil {
		return fmt.Errorf("lag: lists: %w", err)
	}
	return p.Set(m.Provider, Lag{Lookups: lookups, Lists: lists})
}

func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, errors.New(`must be a duration such as "5s"`)
	}
	return d, nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a write error means the reader hung up
}

// Past is what one payment looked like, as far back as a lag reaches. The zero value is that of one nobody has seen. Its owner guards it.
type Past[T any] struct{ seen []sight[T] }

type sight[T any] struct {
	at time.Time
	as T
}

// Note keeps what there is to see from at on.
func (p *Past[T]) Note(at time.Time, as T) {
	reach := at.Add(-Max)
	for len(p.seen) > 1 && !p.seen[1].at.After(reach) { // the first is what was seen at reach, and the rest since
		p.seen = slices.Clone(p.seen[1:])
	}
	p.seen = append(p.seen, sight[T]{at, as})
}

// Shown is what a lookup shows at now of what is, which began at begun; nil while it does not know of it. list: it looks for it by something else than
// its key.
func (p *Past[T]) Shown(is *T, behind Lag, now, begun time.Time, list bool) *T {
	if behind == (Lag{}) {
		return is
	}
	seen, ok := p.AsOf(now.Add(-behind.Lookups))
	if !ok || list && behind.Lists > 0 && begun.After(now.Add(-behind.Lists)) {
		return nil
	}
	return &seen
}

// AsOf is what was to be seen at a time; false: nothing yet.
func (p *Past[T]) AsOf(at time.Time) (as T, ok bool) {
	for _, s := range slices.Backward(p.seen) {
		if !s.at.After(at) {
			return s.as, true
		}
	}
	return as, false
}
