package toss_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/providertest"
	"tosspay-sam/shared/provider/toss"
)

func TestCheckKeys(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, mode, client, secret string
		want                       []string // all must be in the error; none: no error
	}{
		{"test pair", "test", "test_ck_Abc123", "test_sk_Def456", nil},
		{"live pair", "live", "live_ck_Abc123", "live_sk_Def456", nil},
		{"the documentation's own keys", "test", "test_ck_docs_Abc123", "test_sk_docs_Def456", nil},
		{"test keys in live mode", "live", "test_ck_Abc123", "test_sk_Def456", []string{"TossClientKey", "test key", "Mode is live"}},
		{"live keys in test mode", "test", "live_ck_Abc123", "live_sk_Def456", []string{"TossClientKey", "live key", "Mode is test"}},
		{"test secret beside live client", "live", "live_ck_Abc123", "test_sk_Def456", []string{"TossClientKey is a live key", "secretKey of TossSecret is a test key"}},
		{"live secret beside test client", "test", "test_ck_Abc123", "live_sk_Def456", []string{"TossClientKey is a test key", "secretKey of TossSecret is a live key"}},
		{"widget client", "test", "test_gck_Abc123", "test_sk_Def456", []string{"TossClientKey", "widget", "test_ck_"}},
		{"widget secret", "test", "test_ck_Abc123", "test_gsk_Def456", []string{"secretKey of TossSecret", "widget", "test_sk_"}},
		{"both widget", "test", "test_gck_Abc123", "test_gsk_Def456", []string{"TossClientKey", "secretKey of TossSecret"}},
		{"swapped", "test", "test_sk_Def456", "test_ck_Abc123", []string{"TossClientKey holds a secret key", "TossSecret holds a client key"}},
		{"placeholder", "test", "test_ck_Abc123", "REPLACE_ME", []string{"secretKey of TossSecret", "test_sk_"}},
		{"no secret", "test", "test_ck_Abc123", "", []string{"secretKey of TossSecret is missing"}},
		{"no client", "test", "", "test_sk_Def456", []string{"TossClientKey is missing"}},
		{"newline", "test", "test_ck_Abc123", "test_sk_Def456\n", []string{"secretKey of TossSecret", "white space"}},
		{"colon pasted along", "test", "test_ck_Abc123", "test_sk_Def456:", []string{"secretKey of TossSecret"}},
		{"prefix only", "test", "test_ck_Abc123", "test_sk_", []string{"secretKey of TossSecret"}},
		{"too long", "test", "test_ck_Abc123", "test_sk_" + strings.Repeat("Def456", 50), []string{"secretKey of TossSecret"}},
		{"unknown mode", "prod", "test_ck_Abc123", "test_sk_Def456", []string{"Mode must be test or live"}},
		{"no mode", "", "test_ck_Abc123", "test_sk_Def456", []string{"Mode must be test or live"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := toss.CheckKeys(c.mode, c.client, c.secret)
			if len(c.want) == 0 {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			for _, value := range []string{"Abc123", "Def456", "REPLACE_ME"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("error holds the value: %q", err)
				}
			}
		})
	}
}

func TestSecretKey(t *testing.T) {
	t.Parallel()
	key, same, other := newKey(t, "test_sk_one"), newKey(t, "test_sk_one"), newKey(t, "live_sk_one")
	if !key.Equal(same) || key.Equal(other) || key.Equal(toss.SecretKey{}) {
		t.Error("keys are compared by their text")
	}
	if !key.Test() || other.Test() || (toss.SecretKey{}).Test() {
		t.Error("only test_ keys are test keys, and no key is none")
	}
	if key.IsZero() || !(toss.SecretKey{}).IsZero() || (toss.SecretKey{}).Reveal() != "" {
		t.Error("the zero value is no key")
	}
	if got, err := toss.NewSecretKey("live_ck_one"); err == nil || !got.IsZero() {
		t.Error("a client key was accepted as a secret key")
	}
}

const canary = "test_sk_CANARYcanaryCANARY"

// TestCanary prints everything that ever holds or meets the key, in every way there is, and looks for it.
func TestCanary(t *testing.T) {
	t.Parallel()
	key := newKey(t, canary)
	// A careless source: values, an exported field and an unexported one.
	client := &toss.Client{Keys: careless{Key: key, key: key, text: canary, Text: canary}, Transport: providertest.Gossip{}}
	adapter := &toss.Adapter{Client: client}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	things := []any{key, &key, struct{ key toss.SecretKey }{key}, struct{ Key *toss.SecretKey }{&key}, []toss.SecretKey{key},
		map[string]toss.SecretKey{"key": key}, careless{Key: key, key: key}, *client, client, *adapter, adapter}
	for _, answer := range []provider.Answer{
		adapter.Confirm(ctx, provider.Confirm{Key: "payment-key", Number: "order-0001", Amount: 1000, IdempotencyKey: "k"}),
		adapter.Find(ctx, provider.Ref{Key: "payment-key"}),
		adapter.Find(ctx, provider.Ref{Number: "order-0001"}),
		adapter.Cancel(ctx, provider.Cancel{Key: "payment-key", Amount: 1, Balance: 1, Reason: "r", IdempotencyKey: "k"}),
	} {
		if answer.Err == nil || answer.Verdict != provider.Unknown {
			t.Fatalf("answer %+v, want one without a reply", answer)
		}
		if strings.Contains(answer.Err.Error(), "payment-key") {
			t.Errorf("the error names the payment key: %v", answer.Err)
		}
		things = append(things, answer, answer.Err)
		for err := answer.Err; err != nil; err = errors.Unwrap(err) {
			things = append(things, err)
		}
	}

	for _, thing := range things {
		providertest.LookForCanary(t, thing, base64.StdEncoding.EncodeToString([]byte(canary+":")))
	}
	if text, err := json.Marshal(key); err != nil || string(text) != `"[redacted]"` {
		t.Errorf("JSON of a key is %s, %v", text, err)
	}
	for _, shown := range []string{fmt.Sprintf("%x", key), fmt.Sprintf("%d", key), key.String(), key.GoString(), key.LogValue().String()} {
		if shown != "[redacted]" {
			t.Errorf("a key shows as %q", shown)
		}
	}
}

// careless is a source that would show its key if anybody printed it.
type careless struct {
	Key  toss.SecretKey
	key  toss.SecretKey
	text string
	Text string
}

func (c careless) SecretKey(context.Context) (toss.SecretKey, error) { return c.key, nil }
func (careless) Refused(context.Context, toss.SecretKey)             {}

// TestErrorsKeepTheirCause: redaction must not cost the operator the reason.
func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	for _, c := range providertest.Causes(canary) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, canary)}, Transport: providertest.Failing{Err: c.Err}}}
			a := ask(t, adapter, map[string]string{"call": "confirm", "key": "payment-key", "number": "order-0001", "amount": "1000", "idempotency": "k"})
			providertest.WantUnreplied(t, a, c.Sent)
			if c.Is != nil && !errors.Is(a.Err, c.Is) {
				t.Errorf("error %v is not %v", a.Err, c.Is)
			}
			text := a.Err.Error()
			if !strings.HasPrefix(text, "toss: confirm order order-0001: ") || !strings.Contains(text, c.Shown) {
				t.Errorf("error %q does not say %q", text, c.Shown)
			}
			if strings.Contains(text, "CANARY") || strings.Contains(text, "payment-key") {
				t.Errorf("error %q says too much", text)
			}
		})
	}
}
