package boot

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
)

// env is a valid environment with changes; the value "-" removes a variable.
func env(changes ...string) func(string) string {
	values := map[string]string{
		"MODE": "test", "TOSS_CLIENT_KEY": "test_ck_abc", "TABLE_NAME": "orders", "TOSS_SECRET_ID": "tosspay/toss", "AWS_REGION": "ap-northeast-2",
		"PORTONE_USER_CODE": "imp12345678", "PORTONE_CHANNEL_KEY": "channel-key-1", "PORTONE_MID": "tosstest", "PORTONE_SECRET_ID": "tosspay/portone",
		"WEBHOOK_TOKEN_SHA256": handler.DigestOf("token-1"),
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
		"merchant": MerchantDoor, "checkout": CheckoutDoor, "confirm": ConfirmDoor, "webhook": WebhookDoor,
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
}

// TestDoorsWantTheirOwnSettings: each door refuses to start without what it needs, and starts without what only others need. Nobody is asked
// for a secret that its door has no use for.
func TestDoorsWantTheirOwnSettings(t *testing.T) {
	t.Parallel()
	doors := map[string]func(func(string) string, io.Writer) (handler.Door, error){
		"merchant": MerchantDoor, "checkout": CheckoutDoor, "confirm": ConfirmDoor, "webhook": WebhookDoor,
	}
	for setting, wanted := range map[string][]string{
		"TOSS_SECRET_ID": {"confirm", "webhook"},
	} {
		for name, build := range doors {
			if !slices.Contains(wanted, name) {
				continue // building it goes on to the network
			}
			if door, err := build(env(setting, "-"), io.Discard); err == nil || door != nil || !strings.Contains(err.Error(), setting) {
				t.Errorf("%s without %s: %v", name, setting, err)
			}
		}
	}
	parts, err := fromEnv(env("TOSS_SECRET_ID", "-", "PORTONE_SECRET_ID", "-"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if parts.Toss.Keys != nil || parts.PortOne.Keys != nil || parts.KeepLate {
		t.Errorf("a door without secrets has %v, %v; keeps late money: %v", parts.Toss.Keys, parts.PortOne.Keys, parts.KeepLate)
	}
	if parts.readPortOneSecret(env()); parts.PortOne.Keys == nil || parts.PortOne.Fault != nil {
		t.Errorf("%v, %v", parts.PortOne.Keys, parts.PortOne.Fault)
	}
	without, err := fromEnv(env("PORTONE_USER_CODE", "-", "PORTONE_SECRET_ID", "-", "PORTONE_MID", "canary"), io.Discard)
	without.readPortOneSecret(env("PORTONE_SECRET_ID", "-"))
	if err != nil || without.PortOne.Fault != nil || without.offersPortOne() || without.Enroller() != nil {
		t.Errorf("a deployment without PortOne: %v, %v", err, without.PortOne.Fault)
	}
}

// TestLateMoneySetting: only the exact word keeps it.
func TestLateMoneySetting(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"accept": true, "": false, "reverse": false, "Accept": false, "true": false} {
		p, err := fromEnv(env("LATE_MONEY", value), io.Discard)
		if err != nil || p.KeepLate != want || p.Settler().KeepLate != want {
			t.Errorf("%q keeps late money: %v, %v", value, p.KeepLate, err)
		}
	}
}

// TestGateways: what each provider is asked for. A window that takes the money itself must never be asked to take it.
func TestGateways(t *testing.T) {
	t.Parallel()
	p, err := WithSecrets(env(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	gateways := p.Settler().Gateways
	toss, portone := gateways["toss"], gateways["portone"]
	if len(gateways) != 2 || toss.Finder == nil || toss.Confirmer == nil || toss.Canceler == nil || toss.Timing.ConfirmWindow <= 0 || toss.Ready == nil {
		t.Errorf("toss: %+v", toss)
	}
	if portone.Finder == nil || portone.Confirmer != nil || portone.Canceler == nil || portone.Registrar == nil || portone.Timing.ConfirmWindow != 0 ||
		portone.Account != "tosstest" || portone.Ready == nil {
		t.Errorf("portone: %+v", portone)
	}
	for name, g := range gateways {
		if g.Timing.PendingMax < g.Timing.ConfirmWindow || g.Timing.AbsentMax <= 0 || g.Timing.PendingMax < g.Timing.AbsentMax {
			t.Errorf("%s: %+v: an attempt lapses before it can be over", name, g.Timing)
		}
		if g.Timing.PendingMax > order.OpenGrace {
			t.Errorf("%s: an order is closed %v after its time, and a payment may be at work for %v", name, order.OpenGrace, g.Timing.PendingMax)
		}
	}
	if e := p.Enroller(); e == nil || e.Keys == nil || e.Account != "tosstest" || e.Mode != "test" {
		t.Errorf("enroller %+v", e)
	}
}

// TestList reads what a deployer types.
func TestList(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{"": nil, " , ,": nil, "192.0.2.1": {"192.0.2.1"}, " 192.0.2.1 ,192.0.2.2,": {"192.0.2.1", "192.0.2.2"}} {
		if got := list(text); !slices.Equal(got, want) {
			t.Errorf("list(%q) = %q", text, got)
		}
	}
}

// TestFitPortOne: the window's own expiry ends the order, and a choice out of limits is refused by its field.
func TestFitPortOne(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC) // noon in Korea
	made := order.New(order.Order{ID: "order-1", Provider: "portone", CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
	for _, tc := range []struct {
		options order.PortOneOptions
		field   string
		expires time.Time
	}{
		{order.PortOneOptions{}, "", now.Add(time.Hour)},
		{order.PortOneOptions{PayMethod: "tosspay_card", UseInstallment: true, CashReceiptTradeOption: "CULTURE"}, "", now.Add(time.Hour)},
		{order.PortOneOptions{ExpiredTime: "2026-11-02 12:30:00"}, "", now.Add(30 * time.Minute)},
		{order.PortOneOptions{ExpiredTime: "2026-11-02 13:00:00"}, "", now.Add(time.Hour)},
		{order.PortOneOptions{ExpiredTime: "2026-11-02 13:01:00"}, "portone.expiredTime", time.Time{}},
		{order.PortOneOptions{ExpiredTime: "2026-11-02 12:00:00"}, "portone.expiredTime", time.Time{}},
		{order.PortOneOptions{ExpiredTime: "2026-11-02T12:30:00"}, "portone.expiredTime", time.Time{}},
		{order.PortOneOptions{ExpiredTime: "2026-11-02 12:30:00.5"}, "portone.expiredTime", time.Time{}},
		{order.PortOneOptions{PayMethod: "card"}, "portone.payMethod", time.Time{}},
		{order.PortOneOptions{CashReceiptTradeOption: "NONE"}, "portone.cashReceiptTradeOption", time.Time{}},
	} {
		o := made
		o.PortOne = tc.options
		got, err := fitPortOne(o, now)
		var field *payment.FieldError
		switch {
		case tc.field == "":
			if err != nil || !got.ExpiresAt.Equal(tc.expires) || !got.DueAt.Equal(tc.expires.Add(order.OpenGrace)) {
				t.Errorf("%+v: expires %v, due %v, %v; want %v", tc.options, got.ExpiresAt, got.DueAt, err, tc.expires)
			}
		case !errors.As(err, &field) || field.Field != tc.field:
			t.Errorf("%+v: %v, want a refusal of %s", tc.options, err, tc.field)
		}
	}
}

// TestPortOneKeysRefuse: what is no pair of keys, in words that name the secret and no value; and one that is mended is read again soon.
func TestPortOneKeysRefuse(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":         "canary",
		"empty":           `{}`,
		"the key alone":   `{"impKey":"canary"}`,
		"the placeholder": `{"impKey":"REPLACE_ME","impSecret":"REPLACE_ME"}`,
		"half of it":      `{"impKey":"canary","impSecret":"REPLACE_ME"}`,
		"numbers":         `{"impKey":1,"impSecret":2}`,
		"white space":     `{"impKey":"canary","impSecret":"canary\n"}`,
		"the other's":     `{"secretKey":"test_sk_canary"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				vault := &secrets{text: text, version: "1"}
				keys := &portoneKeys{&secret.Source{API: vault, ID: "tosspay/portone", Now: time.Now}}
				pair, err := keys.Credentials(t.Context())
				if err == nil || !pair.IsZero() {
					t.Fatal("the keys are taken")
				}
				if strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "PORTONE_SECRET_ID") && !strings.Contains(err.Error(), "PortOneSecret") {
					t.Errorf("%q, want it to name the secret and no value", err)
				}
				vault.text, vault.version = `{"impKey":"key","impSecret":"secret"}`, "2"
				time.Sleep(time.Minute)
				if _, err := keys.Credentials(t.Context()); err != nil {
					t.Errorf("a minute after it was mended: %v", err)
				}
			})
		})
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
