package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
)

// tossKeys reads the Toss Payments key out of its secret, {"secretKey": "..."}, and refuses one of the wrong mode or
// pair.
type tossKeys struct {
	source          *secret.Source
	mode, clientKey string
}

var errTossSecret = errors.New(
	`the Toss Payments secret (TOSS_SECRET_ID) must be JSON of the form {"secretKey": "..."}`)

var _ toss.Keys = (*tossKeys)(nil)

// SecretKey implements toss.Keys.
func (k *tossKeys) SecretKey(ctx context.Context) (toss.SecretKey, error) {
	value, err := k.source.Get(ctx)
	if err != nil {
		return toss.SecretKey{}, err
	}
	key, err := k.parse(value)
	if err != nil {
		k.source.Refused(value) // what a person mends shall be read soon, and not after the value's lifetime
	}
	return key, err
}

// Refused implements toss.Keys: the version that held the refused key is fetched again.
func (k *tossKeys) Refused(ctx context.Context, refused toss.SecretKey) {
	value, err := k.source.Get(ctx)
	if err != nil {
		return
	}
	if key, err := k.parse(value); err == nil && key.Equal(refused) {
		k.source.Refused(value)
	}
}

func (k *tossKeys) parse(value secret.Value) (toss.SecretKey, error) {
	var fields struct {
		SecretKey string `json:"secretKey"`
	}
	if err := json.Unmarshal([]byte(value.Text()), &fields); err != nil || fields.SecretKey == "" {
		return toss.SecretKey{}, errTossSecret
	}
	if err := toss.CheckKeys(k.mode, k.clientKey, fields.SecretKey); err != nil {
		return toss.SecretKey{}, err
	}
	return toss.NewSecretKey(fields.SecretKey)
}

var errTossPrevious = errors.New(
	`"previous" in the Toss Payments secret must be a list of {"clientKey": "...", "secretKey": "..."}`)

// previous returns the keys of an account that the deployment had before, or none: the secret may hold them beside its
// own.
func (k *tossKeys) previous(ctx context.Context, account string) (toss.Keys, error) {
	pairs, err := previousPairs[struct {
		ClientKey string `json:"clientKey"`
		SecretKey string `json:"secretKey"`
	}](ctx, k.source, errTossPrevious)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		mode, _, _ := strings.Cut(p.ClientKey, "_")
		if tossAccount(mode, p.ClientKey) != account {
			continue
		}
		if err := toss.CheckKeys(mode, p.ClientKey, p.SecretKey); err != nil {
			return nil, fmt.Errorf("%w: %w", errTossPrevious, err)
		}
		key, err := toss.NewSecretKey(p.SecretKey)
		return FixedTossKeys{Key: key}, err
	}
	return nil, nil
}

// FixedTossKeys holds one key, and those of accounts before: for the laptop and for tests.
type FixedTossKeys struct {
	Key    toss.SecretKey
	Before map[string]toss.SecretKey // by account
}

var _ toss.Keys = FixedTossKeys{}

// SecretKey implements toss.Keys.
func (k FixedTossKeys) SecretKey(context.Context) (toss.SecretKey, error) { return k.Key, nil }

// Refused implements toss.Keys.
func (k FixedTossKeys) Refused(context.Context, toss.SecretKey) {}

func (k FixedTossKeys) previous(_ context.Context, account string) (toss.Keys, error) {
	key, ok := k.Before[account]
	if !ok {
		return nil, nil
	}
	return FixedTossKeys{Key: key}, nil
}
