package deliver

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Key signs webhooks. It prints as "[key]" wherever it may end up.
type Key struct{ bytes []byte }

// Format hides the key from every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[key]")) }

// keyMin is the specification's least length of a secret, in bytes.
const keyMin = 24

// ParseKey reads a secret: base64, after whsec_ or not. The error does not show it.
func ParseKey(secret string) (Key, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < keyMin {
		return Key{}, fmt.Errorf("must be whsec_ and the base64 of at least %d bytes", keyMin)
	}
	return Key{key}, nil
}

// ParseSecret reads {"current":"whsec_...","previous":"whsec_..."}; previous may be missing or empty. Both sign while both are there, so that a
// receiver can change over when it likes.
func ParseSecret(text string) ([]Key, error) {
	var s struct {
		Current  string `json:"current"`
		Previous string `json:"previous"`
	}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, errors.New("must be {\"current\":\"whsec_...\"}")
	}
	current, err := ParseKey(s.Current)
	if err != nil {
		return nil, fmt.Errorf("current %w", err)
	}
	if s.Previous == "" {
		return []Key{current}, nil
	}
	previous, err := ParseKey(s.Previous)
	if err != nil {
		return nil, fmt.Errorf("previous %w", err)
	}
	return []Key{current, previous}, nil
}

// Stamp sets the headers of one try.
func Stamp(h http.Header, keys []Key, id string, at time.Time, body []byte) {
	h.Set("User-Agent", "tosspay-sam")
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Webhook-Signature", Sign(keys, id, at, body))
}

// Sign returns the webhook-signature: one v1 for each key.
func Sign(keys []Key, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key.bytes)
		_, _ = mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		_, _ = mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
