// Package wire connects an http.Client to an http.Handler in memory: no
// sockets, no ports, no background goroutines that outlive their request, so a
// test can run under testing/synctest and let months pass for nothing.
//
// It keeps the one property of a real network that matters for money: when the
// client hangs up, the other side carries on.
package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Transport returns a RoundTripper that hands every request to h, whatever its
// host. To serve under a prefix, wrap h in http.StripPrefix.
//
// The handler runs in its own goroutine. Its context is not the client's: it
// carries none of its values and is not cancelled when the client gives up.
// RoundTrip returns the client's ctx.Err() as soon as that context ends. A
// handler that panics with http.ErrAbortHandler, or ends its goroutine, gives
// the client a *net.OpError that wraps syscall.ECONNRESET, even when it had
// written something. Any other panic is a bug and is not caught.
func Transport(h http.Handler) http.RoundTripper {
	return transport{handler: h}
}

type transport struct {
	handler http.Handler
}

var _ http.RoundTripper = transport{}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	incoming, err := serverSide(req)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	// One slot, so that the handler can finish when nobody listens any more.
	answered := make(chan *recorder, 1)
	go t.serve(incoming, answered)

	var rec *recorder
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case rec = <-answered:
	}
	// Answer and deadline can fall on the same instant of a fake clock, where
	// either timer may run first. The deadline wins, always.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return nil, context.DeadlineExceeded
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if rec == nil {
		return nil, &net.OpError{Op: "read", Net: "memory", Err: syscall.ECONNRESET}
	}
	return rec.response(req), nil
}

// serve runs the handler and reports its answer, or nil when the connection
// died.
func (t transport) serve(r *http.Request, answered chan<- *recorder) {
	rec := &recorder{header: http.Header{}}
	var whole *recorder
	// Deferred, because runtime.Goexit (t.FailNow inside a handler) must not
	// leave the client waiting for ever.
	defer func() {
		answered <- whole
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	t.handler.ServeHTTP(rec, r)
	rec.WriteHeader(http.StatusOK)
	whole = rec
}

// serverSide turns the client's request into the one that a server would read.
// The body is copied first: the client may reuse its buffer after it gave up.
func serverSide(req *http.Request) (*http.Request, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		_ = req.Body.Close() // read to its end; nothing depends on the close
		if err != nil {
			return nil, fmt.Errorf("wire: read request body: %w", err)
		}
	}
	if req.URL == nil || req.URL.Host == "" {
		return nil, fmt.Errorf("wire: request has no host")
	}
	target, err := url.ParseRequestURI(req.URL.RequestURI())
	if err != nil {
		return nil, fmt.Errorf("wire: request target: %w", err)
	}
	in, err := http.NewRequestWithContext(context.Background(), req.Method, "http://server", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("wire: request: %w", err)
	}
	in.URL = target
	in.RequestURI = req.URL.RequestURI()
	in.Header = req.Header.Clone()
	if in.Header == nil {
		in.Header = http.Header{}
	}
	in.Host = req.Host
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.RemoteAddr = "192.0.2.1:1234" // TEST-NET-1, RFC 5737: never a real client
	return in, nil
}

// recorder buffers one response. Only the handler's goroutine touches it until
// it is passed on.
type recorder struct {
	header http.Header // what the handler sees
	sent   http.Header // what it was when the status was written
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (rec *recorder) Header() http.Header { return rec.header }

// WriteHeader implements http.ResponseWriter. Informational statuses and later
// calls have no effect.
func (rec *recorder) WriteHeader(status int) {
	if rec.status != 0 || status < 200 {
		return
	}
	rec.status = status
	rec.sent = maps.Clone(rec.header)
}

// Write implements http.ResponseWriter.
func (rec *recorder) Write(p []byte) (int, error) {
	if rec.status == 0 && rec.header.Get("Content-Type") == "" {
		rec.header.Set("Content-Type", http.DetectContentType(p))
	}
	rec.WriteHeader(http.StatusOK)
	if rec.status == http.StatusNoContent || rec.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return rec.body.Write(p)
}

// Flush implements http.Flusher. The response is delivered whole, so there is
// nothing to do.
func (rec *recorder) Flush() { rec.WriteHeader(http.StatusOK) }

// response is what the client reads.
func (rec *recorder) response(req *http.Request) *http.Response {
	body := rec.body.Bytes()
	length := int64(len(body))
	if req.Method == http.MethodHead {
		body = nil
	}
	header := rec.sent
	if header.Get("Content-Length") == "" && length > 0 {
		header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", rec.status, http.StatusText(rec.status)),
		StatusCode:    rec.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: length,
		Request:       req,
	}
}
