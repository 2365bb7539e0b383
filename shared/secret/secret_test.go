package secret_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/shared/secret"
)

type fakeAPI struct {
	calls   int
	version string
	text    string
	err     error
}

func (f *fakeAPI) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	f.calls++
	if *in.SecretId != "toss" {
		return nil, errors.New("wrong id")
	}
	if f.err != nil {
		return nil, f.err
	}
	return &secretsmanager.GetSecretValueOutput{VersionId: &f.version, SecretString: &f.text}, nil
}

func TestRotationAndRefusal(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	api := &fakeAPI{version: "v1", text: "one"}
	s := &secret.Source{API: api, ID: "toss", Now: func() time.Time { return now }}
	want := func(text string, calls int) {
		t.Helper()
		v, err := s.Get(t.Context())
		if err != nil || v.Text() != text || api.calls != calls {
			t.Fatalf("Get = %q, %v after %d calls, want %q after %d", v.Text(), err, api.calls, text, calls)
		}
	}
	want("one", 1)
	want("one", 1)

	old, _ := s.Get(t.Context())
	api.version, api.text = "v2", "two"
	s.Refused(old) // the provider answered 401: fetch once, at once
	want("two", 2)
	s.Refused(old) // a late refusal of the version before says nothing of this one
	want("two", 2)

	current, _ := s.Get(t.Context())
	s.Refused(current) // refused again at once: no fetch for every call
	want("two", 2)
	now = now.Add(6 * time.Second)
	s.Refused(current)
	want("two", 3)

	now = now.Add(secret.Lifetime)
	api.err = errors.New("down")
	want("two", 4)
}

func TestErrorsNameTheSecretAndNeverItsText(t *testing.T) {
	t.Parallel()
	s := &secret.Source{API: &fakeAPI{version: "v1"}, ID: "toss", Now: time.Now}
	if _, err := s.Get(t.Context()); err == nil || !strings.Contains(err.Error(), "toss") {
		t.Errorf("empty secret: error = %v", err)
	}
}

func TestValueHidesItselfEverywhere(t *testing.T) {
	t.Parallel()
	s := &secret.Source{API: &fakeAPI{version: "v1", text: "canary-4711"}, ID: "toss", Now: time.Now}
	v, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "value", v, "in", struct{ V secret.Value }{v})
	text, err := json.Marshal(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %x %d %v", v, v, v, v, v, v, v, &v) + log.String() + string(text)
	if strings.Contains(all, "canary") || strings.Contains(all, "63616e617279") {
		t.Errorf("the secret shows: %s", all)
	}
}
