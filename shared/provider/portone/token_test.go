package portone_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

// portal is a PortOne that gives tokens by its own clock and answers everything else with a paid payment, or with what is set.
type portal struct {
	mu       sync.Mutex
	now      func() int64 // their clock
	life     int64
	status   int           // of getToken; 0 for 200
	refuse   int           // so many calls are answered with a 401
	wait     chan struct{} // getToken answers when it is closed; nil: at once
	payment  []byte
	tokens   int      // getToken calls
	calls    int      // all others
	bearers  []string // of the calls
	credents []string // of getToken
}

func (p *portal) RoundTrip(req *http.Request) (*http.Response, error) {
	body := []byte{}
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	if req.URL.Path != "/users/getToken" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls++
		p.bearers = append(p.bearers, req.Header.Get("Authorization"))
		if p.calls <= p.refuse {
			return respond(req, 401, []byte(`{"code":-1,"message":"Unauthorized","response":null}`)), nil
		}
		return respond(req, 200, p.payment), nil
	}
	p.mu.Lock()
	p.tokens++
	n, wait := p.tokens, p.wait
	p.credents = append(p.credents, string(body))
	p.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if p.status != 0 && p.status != 200 {
		return respond(req, p.status, []byte(`{"code":-1,"message":"인증에 실패하였습니다. API키와 secret을 확인하세요.","response":null}`)), nil
	}
	now := p.now()
	return respond(req, 200, fmt.Appendf(nil, `{"code":0,"message":null,"response":{"access_token":"token%d","now":%d,"expired_at":%d}}`, n, now, now+p.life)), nil
}

func respond(req *http.Request, status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Request: req, Body: io.NopCloser(bytes.NewReader(body))}
}

// vault is a source of keys that remembers what it was told.
type vault struct {
	mu      sync.Mutex
	keys    portone.Credentials
	err     error
	refused int
}

func (v *vault) Credentials(context.Context) (portone.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.keys, v.err
}

func (v *vault) Refused(context.Context, portone.Credentials) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused++
}

func newCredentials(t *testing.T, key, secret string) portone.Credentials {
	t.Helper()
	keys, err := portone.NewCredentials(key, secret)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	return &portal{now: func() int64 { return 1_700_000_000 }, life: 1800, payment: paidReply(t).Body}
}

func asking(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	return ctx
}

// TestTokenIsKept: by our own clock, for as long as they say and less; their clock may be years off.
func TestTokenIsKept(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		life, skew int64
		kept       time.Duration
	}{
		{1800, 0, 1755 * time.Second},
		{1800, 10 * 365 * 86400, 1755 * time.Second},
		{1800, -10 * 365 * 86400, 1755 * time.Second},
		{300, 0, 255 * time.Second},
		{86400, 0, 1755 * time.Second}, // never longer than half an hour
		{1 << 60, 0, 1755 * time.Second},
		{45, 0, 0}, // about to expire: used, and not kept
		{1, 0, 0},
	} {
		t.Run(fmt.Sprintf("%d seconds, %d off", c.life, c.skew), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wire := newPortal(t)
				wire.life = c.life
				wire.now = func() int64 { return time.Now().Unix() + c.skew }
				client := portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, time.Now, portone.Client{Transport: wire})
				get := func() string {
					ctx, stop := context.WithTimeout(t.Context(), time.Minute)
					defer stop()
					token, err := client.Tokens.Token(ctx)
					if err != nil {
						t.Fatal(err)
					}
					return token.Reveal()
				}
				if first := get(); first != "token1" {
					t.Fatalf("first token %s", first)
				}
				if c.kept > 0 {
					time.Sleep(c.kept - time.Millisecond)
					if again := get(); again != "token1" {
						t.Errorf("%s shortly before %s", again, c.kept)
					}
					time.Sleep(time.Millisecond)
				}
				if next := get(); next != "token2" {
					t.Errorf("%s after %s", next, c.kept)
				}
			})
		})
	}
}

// TestTokenIsFetchedOnce: callers at the same time share one fetch, and what came of it.
func TestTokenIsFetchedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 401, 500} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				wire := newPortal(t)
				wire.status, wire.wait = status, make(chan struct{})
				source := &vault{keys: newCredentials(t, "key", "secret")}
				adapter := &portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{Transport: wire})}
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				answers := make(chan provider.Answer, 8)
				for range cap(answers) {
					go func() { answers <- adapter.Find(ctx, provider.Ref{Key: "imp_895265444670"}) }()
				}
				synctest.Wait() // everybody waits for the one fetch
				if wire.tokens != 1 {
					t.Errorf("%d fetches are at work", wire.tokens)
				}
				close(wire.wait)
				for range cap(answers) {
					a := <-answers
					if (status == 200) != (a.Verdict == provider.Paid) || status != 200 && a.Sent {
						t.Errorf("answer %+v", a)
					}
					if (status == 401) != (a.Class == provider.ClassCredentials) {
						t.Errorf("class %s", a.Class)
					}
				}
				if wire.tokens != 1 || status == 401 && source.refused != 1 {
					t.Errorf("%d fetches, reported %d times", wire.tokens, source.refused)
				}
			})
		})
	}
}

// TestTheOneWhoFetchesGivesUp: its own deadline is nobody else's.
func TestTheOneWhoFetchesGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wire := newPortal(t)
		wire.wait = make(chan struct{})
		client := portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, time.Now, portone.Client{Transport: wire})
		hasty, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		patient, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		errs := make(chan error, 2)
		go func() { _, err := client.Tokens.Token(hasty); errs <- err }()
		synctest.Wait()
		go func() { _, err := client.Tokens.Token(patient); errs <- err }()
		if err := <-errs; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hasty one got %v", err)
		}
		close(wire.wait)
		if err := <-errs; err != nil {
			t.Errorf("the patient one got %v", err)
		}
		if wire.tokens != 2 {
			t.Errorf("%d fetches, want one of each", wire.tokens)
		}
	})
}

// TestWaitingHasAnEnd: who waits for somebody else's fetch leaves when its own time is over.
func TestWaitingHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wire := newPortal(t)
		wire.wait = make(chan struct{})
		client := portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, time.Now, portone.Client{Transport: wire})
		patient, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		hasty, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		done := make(chan error, 1)
		go func() { _, err := client.Tokens.Token(patient); done <- err }()
		synctest.Wait()
		if _, err := client.Tokens.Token(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		close(wire.wait)
		if err := <-done; err != nil || wire.tokens != 1 {
			t.Errorf("error %v after %d fetches", err, wire.tokens)
		}
	})
}

// TestARefusedTokenIsReplacedOnce counts every request around a 401.
func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refuse        int
		calls, tokens int
		verdict       provider.Verdict
		class         provider.Class
	}{
		{0, 1, 1, provider.Paid, provider.ClassUnknown},
		{1, 2, 2, provider.Paid, provider.ClassUnknown},
		{2, 2, 2, provider.Unknown, provider.ClassCredentials},
		{9, 2, 2, provider.Unknown, provider.ClassCredentials},
	} {
		wire, source := newPortal(t), &vault{keys: newCredentials(t, "key", "secret")}
		wire.refuse = c.refuse
		adapter := &portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{Transport: wire})}
		a := adapter.Find(asking(t), provider.Ref{Key: "imp_895265444670"})
		if wire.calls != c.calls || wire.tokens != c.tokens || a.Verdict != c.verdict || a.Class != c.class {
			t.Errorf("%d refused: %d calls, %d fetches, answer %+v", c.refuse, wire.calls, wire.tokens, a)
		}
		if source.refused != 0 {
			t.Error("the keys were reported: getToken accepted them")
		}
		if c.refuse == 1 && (wire.bearers[0] != "Bearer token1" || wire.bearers[1] != "Bearer token2") {
			t.Errorf("asked with %q", wire.bearers)
		}
	}
}

// TestTheTokenIsShared: one fetch for all calls of a client; a return of a buyer costs one more request at most.
func TestTheTokenIsShared(t *testing.T) {
	t.Parallel()
	wire := newPortal(t)
	adapter := &portone.Adapter{Client: portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, time.Now, portone.Client{Transport: wire})}
	for range 5 {
		adapter.Find(asking(t), provider.Ref{Key: "imp_895265444670"})
		adapter.Cancel(asking(t), provider.Cancel{Key: "imp_895265444670", Amount: 1, Balance: 1, Reason: "r"})
	}
	if wire.tokens != 1 || wire.calls != 10 {
		t.Errorf("%d fetches for %d calls", wire.tokens, wire.calls)
	}
}

// TestRotatedKeys: other keys of the source mean another token, without a refusal.
func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	wire, source := newPortal(t), &vault{keys: newCredentials(t, "key", "secret")}
	client := portone.NewClient(source, time.Now, portone.Client{Transport: wire})
	for i, secret := range []string{"secret", "secret", "rotated", "rotated"} {
		source.keys = newCredentials(t, "key", secret)
		token, err := client.Tokens.Token(asking(t))
		if want := []string{"token1", "token1", "token2", "token2"}[i]; err != nil || token.Reveal() != want {
			t.Errorf("with %s: %s, %v; want %s", secret, token.Reveal(), err, want)
		}
	}
	if !strings.Contains(wire.credents[1], `"imp_secret":"rotated"`) {
		t.Error("the second fetch was made with the first keys")
	}
}

// TestKeysRefused: the question itself is not sent, the source learns of it, and the next question asks again.
func TestKeysRefused(t *testing.T) {
	t.Parallel()
	wire, source := newPortal(t), &vault{keys: newCredentials(t, "key", "secret")}
	wire.status = 401
	adapter := &portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{Transport: wire})}
	a := adapter.Charge(asking(t), charging())
	if a.Sent || a.Verdict != provider.Unknown || a.Class != provider.ClassCredentials || a.Code != portone.CodeKeysRefused || a.HTTP != 401 ||
		!errors.Is(a.Err, portone.ErrKeysRefused) {
		t.Errorf("answer %+v", a)
	}
	if wire.calls != 0 || wire.tokens != 1 || source.refused != 1 {
		t.Errorf("%d calls, %d fetches, reported %d times", wire.calls, wire.tokens, source.refused)
	}
	wire.status = 200
	if a := adapter.Find(asking(t), provider.Ref{Key: "imp_895265444670"}); a.Verdict != provider.Paid || wire.tokens != 2 {
		t.Errorf("answer %+v after %d fetches", a, wire.tokens)
	}
}

// TestNoTokenForOtherReasons: trouble at getToken is not a refused key, and nothing is sent.
func TestNoTokenForOtherReasons(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `<html>`, `{"code":0,"response":null}`, `{"code":-1,"message":"점검 중"}`, `{"code":0,"response":{"access_token":"t"}}`,
		`{"code":0,"response":{"access_token":"t","now":1800,"expired_at":1700}}`} {
		source := &vault{keys: newCredentials(t, "key", "secret")}
		wire := providertest.Always(providertest.Reply{Status: 200, Body: []byte(body)})
		a := (&portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{Transport: wire})}).Charge(asking(t), charging())
		wantUnsent(t, a, "not sent: token: portone: get token: ")
		if len(wire.Requests) != 1 || source.refused != 0 {
			t.Errorf("%s: %d requests, reported %d times", body, len(wire.Requests), source.refused)
		}
	}
}

// TestARefreshThatFails: the first token was refused and there is no second: the call is not repeated, and was not processed.
func TestARefreshThatFails(t *testing.T) {
	t.Parallel()
	wire, source := newPortal(t), &vault{keys: newCredentials(t, "key", "secret")}
	adapter := &portone.Adapter{Client: portone.NewClient(source, time.Now, portone.Client{Transport: wire})}
	if _, err := adapter.Client.Tokens.Token(asking(t)); err != nil {
		t.Fatal(err)
	}
	wire.refuse, wire.status = 1, 500
	a := adapter.Charge(asking(t), charging())
	if wire.calls != 1 || a.HTTP != 401 || a.Class != provider.ClassCredentials || a.Verdict != provider.Unknown || a.Err == nil {
		t.Errorf("%d calls, answer %+v", wire.calls, a)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, secret, want string }{
		{"", "s", "impKey of PortOneSecret is missing"},
		{"k", "", "impSecret of PortOneSecret is missing"},
		{" CANARY", "s", "impKey of PortOneSecret has white space"},
		{"k", "CANARY\n", "impSecret of PortOneSecret has white space"},
		{"CAN ARY", "s", "impKey of PortOneSecret is not"},
		{"k", strings.Repeat("CANARY", 100), "impSecret of PortOneSecret is not"},
		{"k", "비밀", "impSecret of PortOneSecret is not"},
	} {
		got, err := portone.NewCredentials(c.key, c.secret)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "ARY") || !got.IsZero() {
			t.Errorf("error %v does not say %q, or says too much", err, c.want)
		}
	}
	one, same, otherKey, otherSecret := newCredentials(t, "k", "s"), newCredentials(t, "k", "s"), newCredentials(t, "l", "s"), newCredentials(t, "k", "t")
	if !one.Equal(same) || one.Equal(otherKey) || one.Equal(otherSecret) || one.Equal(portone.Credentials{}) {
		t.Error("keys are compared by both of their texts")
	}
	key, secret := (portone.Credentials{}).Reveal()
	if one.IsZero() || !(portone.Credentials{}).IsZero() || key+secret+(portone.Token{}).Reveal() != "" || !(portone.Token{}).IsZero() {
		t.Error("the zero value is no key, and no token")
	}
	for _, bad := range []string{"", "a b", "a\r\nb", strings.Repeat("t", 5000)} {
		if token, err := portone.NewToken(bad); err == nil || !token.IsZero() {
			t.Errorf("%.20q was taken for a token", bad)
		}
	}
}

const canary = "CANARYcanaryCANARY"

// TestCanary prints everything that ever holds or meets the keys and the token, in every way there is, and looks for them.
func TestCanary(t *testing.T) {
	t.Parallel()
	keys := newCredentials(t, "key"+canary, "secret"+canary)
	token, err := portone.NewToken("token" + canary)
	if err != nil {
		t.Fatal(err)
	}
	// A careless source: values, an exported field and an unexported one.
	source := careless{Keys: keys, keys: keys, token: token, text: canary, Text: canary}
	client := &portone.Client{Tokens: carelessBearer{source}, Transport: providertest.Gossip{}}
	whole := portone.NewClient(source, time.Now, portone.Client{Transport: providertest.Gossip{}})
	adapter := &portone.Adapter{Client: client}

	things := []any{keys, &keys, token, &token, struct{ keys portone.Credentials }{keys}, struct{ Token *portone.Token }{&token},
		[]portone.Token{token}, map[string]portone.Credentials{"key": keys}, careless{Keys: keys, keys: keys, token: token}, *client, client, *whole, whole,
		whole.Tokens, struct{ tokens portone.Bearer }{portone.NewClient(careless{Keys: keys, keys: keys, token: token}, time.Now, portone.Client{}).Tokens}, *adapter, adapter, portone.AccessToken{Token: token}}
	ctx := asking(t)
	for _, answer := range []provider.Answer{
		adapter.Find(ctx, provider.Ref{Key: "imp_1"}),
		adapter.Find(ctx, provider.Ref{Number: "order-0001"}),
		adapter.Cancel(ctx, provider.Cancel{Key: "imp_1", Amount: 1, Balance: 1, Reason: "r"}),
		adapter.Charge(ctx, provider.Charge{BillingKey: "customer-uid", Number: "order-0001", Amount: 1, Name: "n", Customer: provider.Buyer{Name: "홍길동", Email: "buyer@example.com"}}),
		adapter.Register(ctx, provider.Registration{Number: "order-0001", Amount: 1}),
		adapter.BillingKey(ctx, "customer-uid").Answer,
		adapter.DeleteBillingKey(ctx, "customer-uid", "r").Answer,
		(&portone.Adapter{Client: whole}).Find(ctx, provider.Ref{Key: "imp_1"}),
	} {
		if answer.Err == nil || answer.Verdict != provider.Unknown {
			t.Fatalf("answer %+v, want one without a reply", answer)
		}
		for _, private := range []string{"imp_1", "customer-uid", "홍길동", "buyer@"} {
			if strings.Contains(answer.Err.Error(), private) {
				t.Errorf("the error says too much: %v", answer.Err)
			}
		}
		things = append(things, answer, answer.Err)
		for err := answer.Err; err != nil; err = errors.Unwrap(err) {
			things = append(things, err)
		}
	}
	for _, thing := range things {
		providertest.LookForCanary(t, thing, base64.StdEncoding.EncodeToString([]byte("token"+canary)))
	}
	for _, secret := range []any{keys, token} {
		if text, err := json.Marshal(secret); err != nil || string(text) != `"[redacted]"` {
			t.Errorf("JSON of %T is %s, %v", secret, text, err)
		}
	}
}

// careless is a source of keys, and of tokens, that would show them if anybody printed it.
type careless struct {
	Keys  portone.Credentials
	keys  portone.Credentials
	token portone.Token
	text  string
	Text  string
}

func (c careless) Credentials(context.Context) (portone.Credentials, error) { return c.keys, nil }
func (careless) Refused(context.Context, portone.Credentials)               {}

type carelessBearer struct{ careless careless }

func (b carelessBearer) Token(context.Context) (portone.Token, error) { return b.careless.token, nil }
func (carelessBearer) Refused(portone.Token)                          {}

// TestErrorsKeepTheirCause: redaction must not cost the operator the reason.
func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	for _, c := range providertest.Causes(canary) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			a := (&portone.Adapter{Client: &portone.Client{Tokens: &bearer{}, Transport: providertest.Failing{Err: c.Err}}}).Charge(asking(t), charging())
			providertest.WantUnreplied(t, a, c.Sent)
			if c.Is != nil && !errors.Is(a.Err, c.Is) {
				t.Errorf("error %v is not %v", a.Err, c.Is)
			}
			text := a.Err.Error()
			if !strings.HasPrefix(text, "portone: charge order sub-0001--c3: ") || !strings.Contains(text, c.Shown) || strings.Contains(text, "CANARY") {
				t.Errorf("error %q does not say %q, or says too much", text, c.Shown)
			}
		})
	}
}
