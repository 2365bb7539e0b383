package toss

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tosspay-sam/shared/provider/transport"
)

// Keys is where the secret key comes from. Its errors must not hold a key.
type Keys interface {
	// SecretKey returns the key to ask with. It is called once per call of the Client, so the source keeps it between calls.
	SecretKey(context.Context) (SecretKey, error)
	// Refused says that Toss Payments did not accept this key, so that a source which keeps it may fetch it again, once: a rotated
	// secret then heals without a deployment. The call that was refused is not repeated here.
	Refused(context.Context, SecretKey)
}

// SecretKey is the secret key of one merchant id: for the Authorization header, and for the source that must recognise which key was refused.
type SecretKey struct {
	transport.Secret
}

// NewSecretKey accepts an API individual secret key, test_sk_... or live_sk_.... Its error says what is wrong without the value.
func NewSecretKey(text string) (SecretKey, error) {
	if _, err := keyMode(secretKeyName, text, "sk"); err != nil {
		return SecretKey{}, err
	}
	return SecretKey{transport.NewSecret(text)}, nil
}

// Test says that the key moves test money only.
func (k SecretKey) Test() bool { return strings.HasPrefix(k.Reveal(), "test_") }

// Equal compares in constant time.
func (k SecretKey) Equal(other SecretKey) bool { return k.Same(other.Secret) }

// How the deployment calls the two keys; the words of its errors.
const (
	clientKeyName = "TossClientKey"
	secretKeyName = "secretKey of TossSecret"
)

// CheckKeys refuses a pair of keys that cannot work together in mode, "test" or "live". The errors name the parameter and never hold
// a value. Client and secret key must be of one merchant id as well; only Toss Payments can tell, and answers INVALID_API_KEY.
func CheckKeys(mode, clientKey, secretKey string) error {
	clientMode, clientErr := keyMode(clientKeyName, clientKey, "ck")
	secretMode, secretErr := keyMode(secretKeyName, secretKey, "sk")
	if err := errors.Join(clientErr, secretErr); err != nil {
		return err
	}
	if clientMode != secretMode {
		return fmt.Errorf("toss: %s is a %s key and %s is a %s key: both must be of the same merchant id and mode",
			clientKeyName, clientMode, secretKeyName, secretMode)
	}
	return CheckClientKey(mode, clientKey)
}

// CheckClientKey is the half of CheckKeys for a function that holds no secret.
func CheckClientKey(mode, clientKey string) error {
	if mode != "test" && mode != "live" {
		return errors.New("toss: Mode must be test or live")
	}
	keyed, err := keyMode(clientKeyName, clientKey, "ck")
	if err != nil {
		return err
	}
	if keyed != mode {
		return fmt.Errorf("toss: %s is a %s key and Mode is %s: they must agree", clientKeyName, keyed, mode)
	}
	return nil
}

// keyMode returns "test" or "live" for a key of the wanted kind, "ck" or "sk". The kinds are those of the developer centre's page
// "API keys" (docs.tosspayments.com/reference/using-api/api-keys, 2026-11); the keys printed in the documentation have an underscore
// in their second part.
func keyMode(name, key, kind string) (string, error) {
	mode, rest, _ := strings.Cut(key, "_")
	got, random, _ := strings.Cut(rest, "_")
	form := fmt.Sprintf("test_%s_... or live_%s_...", kind, kind)
	switch {
	case key == "":
		return "", fmt.Errorf("toss: %s is missing: it must be %s", name, form)
	case strings.TrimSpace(key) != key:
		return "", fmt.Errorf("toss: %s has white space around it", name)
	case mode != "test" && mode != "live":
		return "", fmt.Errorf("toss: %s is not an API individual integration key: it must be %s", name, form)
	case got == "gck" || got == "gsk":
		return "", fmt.Errorf("toss: %s is a payment widget key: the payment window needs the API individual integration key, %s", name, form)
	case got == "ck" && kind == "sk":
		return "", fmt.Errorf("toss: %s holds a client key: it must be the secret key, %s", name, form)
	case got == "sk" && kind == "ck":
		return "", fmt.Errorf("toss: %s holds a secret key, which pages would show to everybody: it must be the client key, %s", name, form)
	case got != kind || !keyText(random):
		return "", fmt.Errorf("toss: %s is not an API individual integration key: it must be %s", name, form)
	}
	return mode, nil
}

// keyText accepts what follows the prefix. 200 is no documented length but a bound: a longer one is a pasted mistake.
func keyText(s string) bool { return transport.IsName(s, 1, 200) && !strings.Contains(s, "-") }
