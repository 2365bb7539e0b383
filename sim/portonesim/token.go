package portonesim

import (
	"net/http"
	"strings"
	"time"

	"tosspay-sam/sim/simulator"
)

// The life of a token (developers.portone.io, access token guide for V1,
// 2026-11): half an hour; asked for again, it stays the same one with the same
// end, unless less than a minute is left, which adds five.
const (
	tokenLife   = 30 * time.Minute
	tokenEnding = time.Minute
	tokenMore   = 5 * time.Minute
)

type tokenBody struct {
	AccessToken string `json:"access_token"`
	Now         int64  `json:"now"`        // unix seconds
	ExpiredAt   int64  `json:"expired_at"` // unix seconds
}

// getToken is POST /users/getToken.
func (s *Sim) getToken(c *call) simulator.Reply {
	p := readParams(c)
	key, secret := p.text("imp_key", 0), p.text("imp_secret", 0)
	problem := p.finish()
	c.pause()
	if problem != "" {
		s.Violate("token: %s", problem)
		return badRequest()
	}
	if key == "" || secret == "" {
		return refuse(http.StatusBadRequest, -1, "imp_key, imp_secret 파라메터가 누락되었습니다.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.ImpKey == key && a.ImpSecret == secret {
			return answerWith(s.tokenOf(a))
		}
	}
	return refuse(http.StatusUnauthorized, -1, "인증에 실패하였습니다. API키와 secret을 확인하세요.")
}

// tokenOf renews the token of an account by the rules. The caller holds mu.
func (s *Sim) tokenOf(a *account) tokenBody {
	now := s.o.Now().Unix()
	switch left := a.expiresAt - now; {
	case left <= 0:
		a.token = s.id("token") + s.id("token")[:8]
		a.expiresAt = now + int64(tokenLife.Seconds())
	case left < int64(tokenEnding.Seconds()):
		a.expiresAt += int64(tokenMore.Seconds())
	}
	return tokenBody{a.token, now, a.expiresAt}
}

// authorize finds the merchant of the call. The token comes as it is or after
// "Bearer"; both are documented. "Basic", which one page shows, is not a way to
// send a token, and a client that does so gets a 401 here.
func (s *Sim) authorize(c *call) bool {
	token := c.header.Get("Authorization")
	if strings.HasPrefix(token, "Basic ") {
		s.Violate("%s: Authorization must be a bearer token, not Basic", c.op)
		return false
	}
	token = strings.TrimPrefix(token, "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now().Unix()
	for _, a := range s.accounts {
		if token != "" && a.token == token && now < a.expiresAt {
			c.owner = a
			return true
		}
	}
	return false
}

// ExpireTokens makes every token invalid before its time, which the provider
// may do and a client has to survive.
func (s *Sim) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		a.expiresAt = 0
	}
}
