// Package simulator is what both simulated providers are made of: a call with a fault at work on it, notes of what callers did, and the pages of a
// payment window. What a provider answers is not in here.
package simulator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tosspay-sam/sim/fault"
)

// BodyMax is ample: the largest documented request has under 2 KB.
const BodyMax = 64 << 10

// Notes are what callers did. The zero value is empty. It is safe for concurrent use, also under a lock of its owner.
type Notes struct {
	mu         sync.Mutex
	calls      map[string]int
	violations []string
}

// Count counts a call of an operation.
func (n *Notes) Count(operation string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calls == nil {
		n.calls = map[string]int{}
	}
	n.calls[operation]++
}

// Calls counts the API calls that arrived and the webhooks that were due, by operation. A call counts even if its connection was refused or its answer
// is a replay.
func (n *Notes) Calls() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.calls == nil {
		return map[string]int{}
	}
	return maps.Clone(n.calls)
}

// Violate notes what the documentation does not allow.
func (n *Notes) Violate(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.violations = append(n.violations, fmt.Sprintf(format, args...))
}

// Violations lists what callers did that the documentation does not allow, in order. A correct client leaves it empty under every fault.
func (n *Notes) Violations() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.violations)
}

// IDs makes ids. Its owner guards it.
type IDs struct {
	Seed uint64
	made uint64
}

// Next returns 32 hexadecimal digits, new on every call and the same for the same seed and order of calls.
func (i *IDs) Next(kind string) string {
	i.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", i.Seed, kind, i.made))
	return hex.EncodeToString(sum[:16])
}

// Reply is one answer of an API.
type Reply struct {
	Status  int
	Body    []byte
	Garbage bool // the body is not what the provider meant to say
}

// JSON is an answer with a body that always encodes.
func JSON(status int, body any) Reply {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("simulator: encode %T: %v", body, err))
	}
	return Reply{Status: status, Body: encoded}
}

// Send sends an answer.
func (r Reply) Send(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(r.Status)
	_, _ = w.Write(r.Body) // the client may be gone; the answer stands
}

// Read reads the body of a call, whole.
func Read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, BodyMax))
	if err != nil {
		return nil, fmt.Errorf("the body could not be read or is longer than %d bytes", BodyMax)
	}
	return body, nil
}

// Parts are the parts of an escaped path, unescaped one by one, so that an escaped slash stays in its part; false if one is empty or no text.
func Parts(escaped string) ([]string, bool) {
	parts := strings.Split(escaped, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || plain == "" {
			return nil, false
		}
		parts[i] = plain
	}
	return parts, true
}

// Struck is a call with a fault at work on it; the zero Fault is none.
type Struck struct {
	fault.Fault
	Context context.Context
	Sleep   func(context.Context, time.Duration) error
}

// Wait takes the time of a delay fault of this moment. A provider does not notice that its client hung up, and carries on.
func (s Struck) Wait(moment string) {
	if s.Kind == fault.Delay && s.Moment == moment {
		_ = s.Sleep(context.WithoutCancel(s.Context), s.Delay) // an error cuts the wait short, no more
	}
}

// Instead reports whether the fault stands in the way of the work.
func (s Struck) Instead() bool { return s.Moment == fault.Before && s.Kind != fault.Delay }

// Connect works an answer out over a connection that may die before or after.
func (s Struck) Connect(work func() Reply) Reply {
	if s.Kind == fault.RefuseConnection {
		panic(http.ErrAbortHandler)
	}
	answer := work()
	if s.Kind == fault.LoseReply {
		panic(http.ErrAbortHandler)
	}
	return answer
}

// Distort is what the client gets to read of an answer; broken and busy are the provider's own 500 and 429.
func (s Struck) Distort(meant Reply, broken, busy func() Reply) Reply {
	switch s.Kind {
	case fault.InternalError:
		return broken()
	case fault.TooManyRequests:
		return busy()
	case fault.Garbage:
		return Reply{Status: http.StatusOK, Body: []byte("<html><body>Service temporar"), Garbage: true}
	}
	return meant
}

// ErrForm refuses a form that cannot be read.
var ErrForm = errors.New("the form cannot be read")
