package portone

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// Keys is where the API key and secret come from. Its errors must not hold them.
type Keys interface {
	// Credentials returns what to ask with. It is called once per call of the Client, so the source keeps it between calls.
	Credentials(context.Context) (Credentials, error)
	// Refused says that PortOne did not accept these, so that a source which keeps them may fetch them again, once: a rotated secret
	// then heals without a deployment. The call that was refused is not repeated here.
	Refused(context.Context, Credentials)
}

// Credentials are the REST API key and secret of one PortOne account. However they are printed, encoded or logged, they show as
// [transport.Redacted]. The texts stand behind a function and not in fields, because fmt calls no method of a value inside somebody else's
// unexported field and would print what it finds there.
type Credentials struct {
	transport.Redacting
	reveal func() (impKey, impSecret string)
}

// credentialMax is no documented length but a bound: a longer one is a pasted mistake. Keys of 16 and secrets of 80 are seen.
const credentialMax = 500

// NewCredentials accepts what can be an API key and secret. Its error says what is wrong without the value.
func NewCredentials(impKey, impSecret string) (Credentials, error) {
	for _, c := range []struct{ name, text string }{{"impKey", impKey}, {"impSecret", impSecret}} {
		switch {
		case c.text == "":
			return Credentials{}, fmt.Errorf("portone: %s of PortOneSecret is missing", c.name)
		case strings.TrimSpace(c.text) != c.text:
			return Credentials{}, fmt.Errorf("portone: %s of PortOneSecret has white space around it", c.name)
		case !transport.IsVisible(c.text, credentialMax):
			return Credentials{}, fmt.Errorf("portone: %s of PortOneSecret is not a key of the console", c.name)
		}
	}
	return Credentials{reveal: func() (string, string) { return impKey, impSecret }}, nil
}

// Reveal is the key and the secret themselves: for the body of getToken, and for the source that must recognise what was refused.
func (c Credentials) Reveal() (impKey, impSecret string) {
	if c.reveal == nil {
		return "", ""
	}
	return c.reveal()
}

// IsZero says that there are none.
func (c Credentials) IsZero() bool { return c.reveal == nil }

// Equal compares in constant time.
func (c Credentials) Equal(other Credentials) bool {
	impKey, impSecret := c.Reveal()
	otherKey, otherSecret := other.Reveal()
	return subtle.ConstantTimeCompare([]byte(impKey), []byte(otherKey))&subtle.ConstantTimeCompare([]byte(impSecret), []byte(otherSecret)) == 1
}

// Token is an access token, for the Authorization header. It shows as [transport.Redacted], too.
type Token struct {
	transport.Secret
}

// NewToken accepts what can stand in a header.
func NewToken(text string) (Token, error) {
	if !transport.IsVisible(text, accessTokenMax) {
		return Token{}, errors.New("portone: not an access token")
	}
	return Token{transport.NewSecret(text)}, nil
}

// Equal compares in constant time.
func (t Token) Equal(other Token) bool { return t.Same(other.Secret) }

// UnmarshalJSON reads the token of getToken's response.
func (t *Token) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return errNotResponse // json's own error may quote
	}
	token, err := NewToken(text)
	*t = token
	return err
}

// How long a token is kept (developers.portone.io/api/rest-v1, getToken, 2026-08: 30 minutes; asked for again before that, PortOne
// gives the same one; in its last minute, 5 minutes more).
const (
	tokenMargin  = 45 * time.Second // inside the last minute, so that the next fetch prolongs it; more than a call waits for its turn
	tokenLifeMax = 30 * time.Minute // whatever the reply says
)

// ErrKeysRefused says that PortOne did not accept the API key and secret.
var ErrKeysRefused = errors.New("PortOne refused the API key and secret")

// Tokens keeps one access token for all calls. Callers at the same time share one fetch.
type Tokens struct {
	Keys   Keys
	Client *Client          // asks for the token; its own Tokens are not used
	Now    func() time.Time // by a clock that is not set back or forward while the process lives

	mu    sync.Mutex
	kept  keptToken
	fetch *fetch // the one at work; nil when there is none
}

type keptToken struct {
	of    Credentials
	token Token
	until time.Time
}

type fetch struct {
	of    Credentials
	done  chan struct{} // closed when token and err are there
	token Token
	err   error
}

var _ Bearer = (*Tokens)(nil)

// Token returns the kept token, or waits for the fetch at work, or fetches one. Its errors hold no key and no token.
func (t *Tokens) Token(ctx context.Context) (Token, error) {
	for {
		keys, err := t.credentials(ctx)
		if err != nil {
			return Token{}, err
		}
		token, work, ours := t.take(keys)
		switch {
		case work == nil:
			return token, nil
		case ours:
			t.run(ctx, work)
			return work.token, work.err
		}
		select {
		case <-work.done:
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
		// Whoever fetched may have run out of its own time, or asked with a key that is not ours any more: neither is an answer for us.
		if work.of.Equal(keys) && !errors.Is(work.err, context.Canceled) && !errors.Is(work.err, context.DeadlineExceeded) {
			return work.token, work.err
		}
	}
}

// take returns the kept token, or else the fetch to wait for, or to run if it is ours.
func (t *Tokens) take(keys Credentials) (token Token, work *fetch, ours bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.kept.token.IsZero() && t.kept.of.Equal(keys) && t.Now().Before(t.kept.until) {
		return t.kept.token, nil, false
	}
	if t.fetch != nil {
		return Token{}, t.fetch, false
	}
	t.fetch = &fetch{of: keys, done: make(chan struct{}), err: errors.New("the fetch of the token did not end")}
	return Token{}, t.fetch, true
}

// run fetches a token and tells everybody who waits for it.
func (t *Tokens) run(ctx context.Context, work *fetch) {
	var until time.Time
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.kept = keptToken{}
		if work.err == nil {
			t.kept = keptToken{work.of, work.token, until}
		}
		t.fetch = nil
		close(work.done)
	}()

	// Counted from before the request by our own clock, which cannot be set back or forward in between: theirs only says how long.
	started := t.Now()
	reply, err := t.Client.GetToken(ctx, work.of)
	if refusedKeys(reply) {
		t.Keys.Refused(ctx, work.of)
		work.err = fmt.Errorf("portone: get token: HTTP %d: %w", reply.HTTP, ErrKeysRefused)
		return
	}
	if err == nil && reply.Code != 0 {
		err = fmt.Errorf("portone: get token: HTTP %d: refused with code %d", reply.HTTP, reply.Code)
	}
	if work.err = err; err != nil {
		return
	}
	work.token = reply.Response.Token
	life := min(time.Duration(min(reply.Response.ExpiredAt-reply.Response.Now, 3600))*time.Second, tokenLifeMax)
	until = started.Add(life - tokenMargin) // in the past for a token about to expire: it is used now and not kept
}

// refusedKeys says that the answer to getToken is about the keys. A 401 is, whatever its body.
func refusedKeys(reply Reply[AccessToken]) bool {
	if reply.HTTP == http.StatusUnauthorized {
		return true
	}
	rule, found := classify(OpToken, reply.HTTP, reply.Message)
	return reply.Code != 0 && found && rule.Reason.Class() == provider.ClassCredentials
}

// Refused forgets a token that PortOne did not accept, unless another has taken its place.
func (t *Tokens) Refused(token Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept.token.Equal(token) {
		t.kept = keptToken{}
	}
}

func (t *Tokens) credentials(ctx context.Context) (Credentials, error) {
	if t.Keys == nil || t.Client == nil || t.Now == nil {
		return Credentials{}, errors.New("there is no source of API keys, or no clock")
	}
	keys, err := t.Keys.Credentials(ctx)
	if err != nil {
		return Credentials{}, fmt.Errorf("API key: %w", err)
	}
	if keys.IsZero() {
		return Credentials{}, errors.New("API key: the source returned none")
	}
	return keys, nil
}

// String implements fmt.Stringer without the keys.
func (t *Tokens) String() string { return "portone.Tokens(" + transport.Redacted + ")" }

// Format implements fmt.Formatter for every verb.
func (t *Tokens) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// MarshalJSON implements json.Marshaler.
func (t *Tokens) MarshalJSON() ([]byte, error) { return []byte(`"` + transport.Redacted + `"`), nil }

// LogValue implements slog.LogValuer.
func (t *Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }
