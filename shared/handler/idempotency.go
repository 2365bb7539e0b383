package handler

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"strings"
)

// The longest ids that our API takes.
const (
	orderIDMax        = 32
	subscriptionIDMax = 24
)

// idempotencyKeyMax is in bytes; the usual limit of such a header (Stripe's, and Toss Payments' is 300).
const idempotencyKeyMax = 255

// named gives a request without an id the one that its Idempotency-Key stands for: the same key is the same id for
// ever, so the id's own condition in the table makes the request idempotent. An id in the body needs no key, and any
// that comes with it is ignored: client libraries send one always.
func named(r Request, id *string, longest int) *Response {
	key, given := headerGiven(r, "Idempotency-Key")
	if *id != "" || !given {
		return nil
	}
	if len(key) == 0 || len(key) > idempotencyKeyMax || strings.ContainsFunc(key, unprintable) {
		response := invalidField("Idempotency-Key", "Idempotency-Key must be 1 to 255 visible ASCII characters")
		return &response
	}
	sum := sha256.Sum256([]byte(key))
	*id = ("key_" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))[:longest]
	return nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

func headerGiven(r Request, name string) (string, bool) {
	for key, value := range r.Headers {
		if http.CanonicalHeaderKey(key) == name {
			return value, true
		}
	}
	return "", false
}
