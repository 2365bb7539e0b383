// Package secret reads secrets from AWS Secrets Manager and keeps them for a while.
package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Lifetime of a value in memory: a rotated secret is in use everywhere after this time without a deployment, and a busy function asks
// twelve times an hour.
const Lifetime = 5 * time.Minute

// refusalPause keeps a wrong key, refused on every call, from turning each of them into a fetch.
const refusalPause = 5 * time.Second

// API is the part of the Secrets Manager client that is used.
type API interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Value is one version of a secret. It prints as "[secret]" wherever it may end up.
type Value struct {
	Version string
	text    string
}

// Text is the secret itself.
func (v Value) Text() string { return v.text }

// String hides the text.
func (v Value) String() string { return "[secret]" }

// GoString hides the text from %#v.
func (v Value) GoString() string { return "[secret]" }

// Format hides the text from every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// LogValue hides the text from logs.
func (v Value) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText hides the text from JSON.
func (v Value) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Source is one secret. It is safe for concurrent use; concurrent readers of an old value share one fetch.
type Source struct {
	API API
	ID  string // name or ARN
	Now func() time.Time

	mu        sync.Mutex
	value     Value
	fetchedAt time.Time
	refusedAt time.Time
}

// New returns the secret of this name or ARN. An endpoint replaces the service's own; nil is the service's.
func New(config aws.Config, endpoint *string, id string, now func() time.Time) *Source {
	client := secretsmanager.NewFromConfig(config, func(o *secretsmanager.Options) { o.BaseEndpoint = endpoint })
	return &Source{API: client, ID: id, Now: now}
}

// Get returns the current version, fetched at most Lifetime ago. When a new fetch fails it returns the old value rather than none:
// Secrets Manager being down is no reason not to settle a payment.
func (s *Source) Get(ctx context.Context) (Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value.Version != "" && s.Now().Sub(s.fetchedAt) < Lifetime {
		return s.value, nil
	}
	out, err := s.API.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.ID})
	if err == nil && aws.ToString(out.SecretString) == "" {
		err = errors.New("it has no text")
	}
	if err != nil && s.value.Version != "" {
		return s.value, nil
	}
	if err != nil {
		return Value{}, fmt.Errorf("secret: read %s: %w", s.ID, err)
	}
	s.value = Value{Version: aws.ToString(out.VersionId), text: *out.SecretString}
	if s.value.Version == "" {
		s.value.Version = "unversioned"
	}
	s.fetchedAt = s.Now()
	return s.value, nil
}

// Refused says that the provider did not accept this version: unless a newer one is here already, the next Get fetches again.
func (s *Source) Refused(v Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.value.Version != v.Version || now.Sub(s.refusedAt) < refusalPause && !s.refusedAt.IsZero() {
		return
	}
	s.refusedAt, s.fetchedAt = now, time.Time{}
}
