package toss_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/providertest"
	"tosspay-sam/shared/provider/toss"
)

var (
	_ payment.Finder    = (*toss.Adapter)(nil)
	_ payment.Confirmer = (*toss.Adapter)(nil)
	_ payment.Canceler  = (*toss.Adapter)(nil)
	_ payment.Windows   = toss.Windows{}
)

const fixtureKey = "test_sk_fixture"

// TestFixtures asks every question of testdata and compares, letter by letter, the request that was made and the answer that was understood.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, file := range providertest.Files(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f := providertest.Read(t, file)
			wire := &providertest.Canned{Replies: f.Replies}
			adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}}
			answer := ask(t, adapter, f.Call)

			if len(wire.Requests) != 1 || len(f.Requests) != 1 {
				t.Fatalf("%d requests were made, want 1 of %d", len(wire.Requests), len(f.Requests))
			}
			if got := wire.Requests[0]; got != f.Requests[0] {
				t.Errorf("request:\n%s\nwant:\n%s", got, f.Requests[0])
			}
			if got := wire.Hosts[0]; got != "https://api.tosspayments.com" {
				t.Errorf("asked %s", got)
			}
			if got := render(answer); got != f.Want {
				t.Errorf("answer:\n%s\nwant:\n%s", got, f.Want)
			}
			if want := providertest.Digest(f.Replies[0].Body); answer.Digest != want {
				t.Errorf("digest %q, want %q", answer.Digest, want)
			}
			if answer.Call != f.Call["call"] {
				t.Errorf("call %q, want %q", answer.Call, f.Call["call"])
			}
		})
	}
}

// TestEveryClassHasAFixture fails when a table gets a class that no fixture shows.
func TestEveryClassHasAFixture(t *testing.T) {
	t.Parallel()
	calls := map[toss.Operation][]string{toss.OpConfirm: {"confirm"}, toss.OpCancel: {"cancel"}, toss.OpLookup: {"find", "find-by-order"}}
	seen := map[string]bool{}
	for _, file := range providertest.Files(t) {
		f := providertest.Read(t, file)
		want := providertest.Fields(f.Want)
		if f.Replies[0].Status != http.StatusOK && want["code"] != provider.Unreadable {
			seen[f.Call["call"]+" "+want["code"]] = true
		}
	}
	for op, names := range calls {
		shown := map[provider.Class]bool{}
		for _, rule := range toss.Rules(op) {
			for _, name := range names {
				shown[rule.Class] = shown[rule.Class] || seen[name+" "+rule.Code]
			}
		}
		for class, ok := range shown {
			if !ok {
				t.Errorf("no fixture shows class %s in answer to %s", class, op)
			}
		}
	}
}

func ask(t *testing.T, adapter *toss.Adapter, call map[string]string) provider.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	switch call["call"] {
	case "confirm":
		return adapter.Confirm(ctx, provider.Confirm{Key: call["key"], Number: call["number"], Amount: providertest.Number(t, call["amount"]),
			IdempotencyKey: call["idempotency"]})
	case "cancel":
		return adapter.Cancel(ctx, provider.Cancel{Key: call["key"], Amount: providertest.Number(t, call["amount"]), Balance: providertest.Number(t, call["balance"]),
			TaxFree: providertest.Number(t, call["tax-free"]), Reason: call["reason"], IdempotencyKey: call["idempotency"]})
	case "find", "find-by-order":
		return adapter.Find(ctx, provider.Ref{Key: call["key"], Number: call["number"]})
	}
	t.Fatalf("unknown call %q", call["call"])
	return provider.Answer{}
}

// render shows an answer as the part want does.
func render(a provider.Answer) string {
	var l providertest.Lines
	l.Outcome(a, true)
	if a.Payment != (provider.Payment{}) {
		l.Payment(a.Payment)
	}
	return l.String()
}

// keys is a source of one key that remembers what it was told.
type keys struct {
	key     toss.SecretKey
	err     error
	asked   int
	refused []toss.SecretKey
}

func (k *keys) SecretKey(context.Context) (toss.SecretKey, error) {
	k.asked++
	return k.key, k.err
}

func (k *keys) Refused(_ context.Context, key toss.SecretKey) { k.refused = append(k.refused, key) }

func newKey(t *testing.T, text string) toss.SecretKey {
	t.Helper()
	key, err := toss.NewSecretKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
