package tosssim

import (
	"net/http"
	"time"
	"unicode/utf8"

	"tosspay-sam/sim/simulator"
)

const (
	// idempotencyKeyMax and idempotencyKept are the documented limits
	// (docs.tosspayments.com/reference/using-api/authorization).
	idempotencyKeyMax = 300
	idempotencyKept   = 15 * 24 * time.Hour
)

// scope is what makes two requests the same one. The body is not part of it:
// the same key with another body gets the first answer again.
type scope struct {
	key    string
	secret string
	method string
	url    string
}

// slot holds the answer for one scope, from the arrival of its first request.
type slot struct {
	scope scope
	first time.Time
	done  bool // false while the first request is being worked on
	reply simulator.Reply
}

// reserve looks for an earlier request with the same scope. It returns either
// that request's answer, or the slot that the caller must settle. Calls without
// a key, and GETs, where the key is ignored, have neither.
func (s *Sim) reserve(c *call) (*slot, *simulator.Reply) {
	key := c.header.Get("Idempotency-Key")
	if key == "" || c.method != http.MethodPost {
		return nil, nil
	}
	if utf8.RuneCountInString(key) > idempotencyKeyMax {
		return nil, new(refuse("INVALID_IDEMPOTENCY_KEY"))
	}
	at := scope{key, c.pair.Secret, c.method, c.url}
	s.mu.Lock()
	defer s.mu.Unlock()
	earlier, ok := s.answers[at]
	switch {
	case ok && !earlier.done:
		return nil, new(refuse("IDEMPOTENT_REQUEST_PROCESSING"))
	case ok && s.now().Sub(earlier.first) < s.answersKept:
		return nil, new(earlier.reply)
	}
	fresh := &slot{scope: at, first: s.now()}
	s.answers[at] = fresh
	return fresh, nil
}

// settle keeps the answer of a reserved slot, or forgets the slot if answers of
// this kind are not kept. Errors are kept like successes: published
// measurements of 2026-08 and 2026-10 saw 400 and 403 replayed even after the
// body had been corrected.
func (s *Sim) settle(kept *slot, answer simulator.Reply) {
	if kept == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.keeps(answer) {
		delete(s.answers, kept.scope)
		return
	}
	kept.done, kept.reply = true, answer
}

func (s *Sim) keeps(answer simulator.Reply) bool {
	switch {
	case answer.Garbage, answer.Status == http.StatusTooManyRequests, answer.Status == http.StatusConflict:
		return false // said by a gateway in front of the provider, or about another request
	case answer.Status >= 500:
		return s.cache5xx
	}
	return true
}
