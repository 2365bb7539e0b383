package boot

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
)

// env is a valid environment with changes; the value "-" removes a variable.
func env(changes ...string) func(string) string {
	values := map[string]string{
		"MODE": "test", "TOSS_CLIENT_KEY": "test_ck_abc", "TABLE_NAME": "orders", "TOSS_SECRET_ID": "tosspay/toss", "AWS_REGION": "ap-northeast-2",
	}
	for i := 0; i+1 < len(changes); i += 2 {
		values[changes[i]] = strings.TrimPrefix(changes[i+1], "-")
	}
	return func(name string) string { return values[name] }
}

// TestDoorsRefuseWrongSettings: a sentence that names the setting and never a value, before anything is asked of anybody.
func TestDoorsRefuseWrongSettings(t *testing.T) {
	t.Parallel()
	doors := map[string]func(func(string) string, io.Writer) (handler.Door, error){
		"merchant": MerchantDoor, "checkout": CheckoutDoor, "confirm": ConfirmDoor,
	}
	for _, tc := range []struct {
		name    string
		changes []string
		names   string
	}{
		{"no mode", []string{"MODE", "-"}, "MODE"},
		{"unknown mode", []string{"MODE", "canary"}, "MODE"},
		{"no client key", []string{"TOSS_CLIENT_KEY", "-"}, "TossClientKey"},
		{"a secret key in its place", []string{"TOSS_CLIENT_KEY", "test_sk_canary"}, "TossClientKey"},
		{"a widget key", []string{"TOSS_CLIENT_KEY", "test_gck_canary"}, "TossClientKey"},
		{"malformed client key", []string{"TOSS_CLIENT_KEY", "canary"}, "TossClientKey"},
		{"client key with a space", []string{"TOSS_CLIENT_KEY", "test_ck_canary "}, "TossClientKey"},
		{"test key in live mode", []string{"MODE", "live", "TOSS_CLIENT_KEY", "test_ck_canary"}, "TossClientKey"},
		{"live key in test mode", []string{"TOSS_CLIENT_KEY", "live_ck_canary"}, "TossClientKey"},
		{"http base", []string{"PUBLIC_BASE_URL", "http://canary.example"}, "PUBLIC_BASE_URL"},
		{"base with a slash", []string{"PUBLIC_BASE_URL", "https://canary.example/"}, "PUBLIC_BASE_URL"},
		{"no table", []string{"TABLE_NAME", "-"}, "TABLE_NAME"},
		{"allow-list over http", []string{"RETURN_URL_ALLOW", "http://shop.example"}, "RETURN_URL_ALLOW"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for name, build := range doors {
				door, err := build(env(tc.changes...), io.Discard)
				if err == nil || door != nil {
					t.Fatalf("%s starts", name)
				}
				if !strings.Contains(err.Error(), tc.names) || strings.Contains(err.Error(), "canary") {
					t.Errorf("%s: %q, want it to name %s and no value", name, err, tc.names)
				}
			}
		})
	}
	if _, err := ConfirmDoor(env("TOSS_SECRET_ID", "-"), io.Discard); err == nil || !strings.Contains(err.Error(), "TOSS_SECRET_ID") {
		t.Errorf("no secret: %v", err)
	}
}

// secrets is Secrets Manager with one secret.
type secrets struct {
	text    string
	version string
	err     error
	asked   int
}

func (s *secrets) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.asked++
	if s.err != nil {
		return nil, s.err
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(s.text), VersionId: aws.String(s.version)}, nil
}

func keysOf(s *secrets, mode, clientKey string) *tossKeys {
	return &tossKeys{source: &secret.Source{API: s, ID: "tosspay/toss", Now: time.Now}, mode: mode, clientKey: clientKey}
}

func TestTossKeysRefuse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, mode, clientKey, text string
		names                       string
	}{
		{"no JSON", "test", "test_ck_abc", "test_sk_canary", "TOSS_SECRET_ID"},
		{"another field", "test", "test_ck_abc", `{"key":"test_sk_canary"}`, "TOSS_SECRET_ID"},
		{"empty key", "test", "test_ck_abc", `{"secretKey":""}`, "TOSS_SECRET_ID"},
		{"the template's placeholder", "test", "test_ck_abc", `{}`, "TOSS_SECRET_ID"},
		{"a number", "test", "test_ck_abc", `{"secretKey":7}`, "TOSS_SECRET_ID"},
		{"a client key", "test", "test_ck_abc", `{"secretKey":"test_ck_canary"}`, "TossSecret"},
		{"a widget key", "test", "test_ck_abc", `{"secretKey":"test_gsk_canary"}`, "TossSecret"},
		{"malformed", "test", "test_ck_abc", `{"secretKey":"canary"}`, "TossSecret"},
		{"with white space", "test", "test_ck_abc", `{"secretKey":"test_sk_canary\n"}`, "TossSecret"},
		{"a test key in live mode", "live", "live_ck_abc", `{"secretKey":"test_sk_canary"}`, "TossSecret"},
		{"a live key in test mode", "test", "test_ck_abc", `{"secretKey":"live_sk_canary"}`, "TossSecret"},
		{"both of the wrong mode", "live", "test_ck_abc", `{"secretKey":"test_sk_canary"}`, "Mode"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			key, err := keysOf(&secrets{text: tc.text, version: "1"}, tc.mode, tc.clientKey).SecretKey(t.Context())
			if err == nil || !key.IsZero() {
				t.Fatal("the key is taken")
			}
			if !strings.Contains(err.Error(), tc.names) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%q, want it to name %s and no value", err, tc.names)
			}
		})
	}
}

func TestTossKeysOfNoSecret(t *testing.T) {
	t.Parallel()
	missing := errors.New("ResourceNotFoundException")
	_, err := keysOf(&secrets{err: missing}, "test", "test_ck_abc").SecretKey(t.Context())
	if !errors.Is(err, missing) || !strings.Contains(err.Error(), "tosspay/toss") {
		t.Errorf("%v, want one that names the secret", err)
	}
}

// TestTossKeysHealAfterARotation: the key that the provider refused is fetched again, once; another one is not.
func TestTossKeysHealAfterARotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := &secrets{text: `{"secretKey":"test_sk_old"}`, version: "1"}
		keys := keysOf(vault, "test", "test_ck_abc")
		get := func() string {
			t.Helper()
			key, err := keys.SecretKey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return key.Reveal()
		}
		get()
		if vault.text, vault.version = `{"secretKey":"test_sk_new"}`, "2"; get() != "test_sk_old" || vault.asked != 1 {
			t.Errorf("asked %d times, want 1: a key is kept", vault.asked)
		}
		other, err := toss.NewSecretKey("test_sk_somebody")
		if err != nil {
			t.Fatal(err)
		}
		keys.Refused(t.Context(), other)
		if get() != "test_sk_old" {
			t.Error("a key that is not ours was refused, and ours was fetched again")
		}
		old, err := keys.SecretKey(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys.Refused(t.Context(), old)
		if got := get(); got != "test_sk_new" || vault.asked != 2 {
			t.Errorf("%s after %d questions, want the new key after 2", got, vault.asked)
		}
		for range 10 {
			current, err := keys.SecretKey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			keys.Refused(t.Context(), current)
		}
		get()
		if vault.asked > 3 {
			t.Errorf("a key that is refused every time was fetched %d times at once", vault.asked)
		}
		time.Sleep(secret.Lifetime)
		get()
		vault.err = errors.New("down")
		time.Sleep(secret.Lifetime)
		if got := get(); got != "test_sk_new" {
			t.Errorf("Secrets Manager is down: %s, want the key we have", got)
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		if err := Wait(t.Context(), time.Minute); err != nil || time.Since(started) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(started))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started = time.Now()
		if err := Wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Second {
			t.Errorf("%v after %v", err, time.Since(started))
		}
	})
}
