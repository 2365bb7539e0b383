package transport

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Redacted is what a secret shows as.
const Redacted = "[redacted]"

// Redacting gives a type that holds a secret the methods that keep it from being shown.
type Redacting struct{}

// String implements fmt.Stringer.
func (Redacting) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (Redacting) GoString() string { return Redacted }

// Format implements fmt.Formatter for every verb.
func (Redacting) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// MarshalText implements encoding.TextMarshaler.
func (Redacting) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements json.Marshaler.
func (Redacting) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// LogValue implements slog.LogValuer.
func (Redacting) LogValue() slog.Value { return slog.StringValue(Redacted) }

// Secret is a text that shows as Redacted, however it is printed, encoded or logged. The text stands behind a function and not in a field, because fmt
// calls no method of a value inside somebody else's unexported field and would print what it finds there.
type Secret struct {
	Redacting
	reveal func() string
}

// NewSecret keeps a text.
func NewSecret(text string) Secret { return Secret{reveal: func() string { return text }} }

// Reveal is the text itself; empty for the zero value.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero says that there is none.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Same compares in constant time.
func (s Secret) Same(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}
