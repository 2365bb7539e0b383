// Package transport carries one request to a provider and reads one reply. Both clients use it, so that what counts as sent, as a whole reply, and as
// safe to write down is decided in one place.
//
// One call is one request: nothing here sends again.
package transport

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
)

// BodyMax is the most that is read of a reply, in bytes. A payment is about 2 KiB; a megabyte is somebody else's page.
const BodyMax = 1 << 20

// Endpoint is the API of a provider.
type Endpoint struct {
	BaseURL   string            // empty for Default; http only for a loopback host and PlainHost
	Default   string            // the provider's own address, without a final slash
	PlainHost string            // this machine's name in its own containers; empty: none
	Transport http.RoundTripper // nil for http.DefaultTransport
}

// Reply is a reply before its body is understood. It is meaningful beside an error, too.
type Reply struct {
	Status int         // 0 when no whole reply was read
	Header http.Header // of a reply that began, even when the rest of it did not come
	Body   []byte
	Digest string // hex of the first 16 bytes of the body's SHA-256; enough to tell two replies apart
	Sent   bool   // the request may have reached the provider
}

// Request prepares a call: path is escaped, with the query; a nil body is none. It does what can fail before a secret is needed, and its errors do
// not quote the path.
func (e Endpoint) Request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	if _, limited := ctx.Deadline(); !limited {
		return nil, errors.New("the context has no deadline")
	}
	base, err := e.base()
	if err != nil {
		return nil, err
	}
	var content io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, errors.New("the body cannot be encoded")
		}
		content = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, content)
	if err != nil {
		return nil, errors.New("the address cannot be built") // net/url's own error would quote the path
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		// Without GetBody net/http cannot send a body a second time when a kept connection turns out to be dead. PortOne ignores idempotency
		// keys, so a charge that is sent twice may be two; Toss Payments knows them, but how often was asked is for the use case to know.
		req.GetBody = nil
	}
	return req, nil
}

// base returns the address before the path, without a final slash.
func (e Endpoint) base() (string, error) {
	if e.BaseURL == "" {
		return e.Default, nil
	}
	base := strings.TrimSuffix(e.BaseURL, "/")
	if !IsOrigin(base, e.PlainHost) {
		return "", errors.New("the base URL must be https, or http on a loopback host, without user, query and fragment")
	}
	return base, nil
}

// Send makes the request and reads the whole reply. Without one, Reply says only whether anything may have been sent. Its errors hold neither the
// address nor bytes of the reply.
func (e Endpoint) Send(req *http.Request) (Reply, error) {
	// A dial error proves that nothing was sent only if no connection was had before: net/http may have written a request without a body to a kept
	// one that died, and the dial was for the repetition.
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	client := http.Client{
		Transport: e.Transport,
		// A redirect would carry the question, and the key or token, to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}

	resp, err := client.Do(req)
	if err != nil {
		return Reply{Sent: connected.Load() || !isDial(err)}, cause(err)
	}
	defer func() { _ = resp.Body.Close() }() // what was needed has been read
	body, err := io.ReadAll(io.LimitReader(resp.Body, BodyMax+1))
	if err != nil {
		// Half a reply is no reply: its status alone proves nothing.
		return Reply{Sent: true, Header: resp.Header}, fmt.Errorf("read reply: %w", cause(err))
	}
	digest := sha256.Sum256(body)
	reply := Reply{Status: resp.StatusCode, Header: resp.Header, Body: body, Digest: hex.EncodeToString(digest[:16]), Sent: true}
	if len(body) > BodyMax {
		return reply, fmt.Errorf("HTTP %d: the reply is larger than %d bytes", resp.StatusCode, BodyMax)
	}
	return reply, nil
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// cause keeps of a transport's error what is known to hold neither the address, which has a key of a payment or a buyer in it, nor bytes of the
// reply, which net/http quotes when it cannot parse them.
func cause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return fmt.Errorf("the connection failed (%T)", err)
}
