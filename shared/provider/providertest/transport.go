package providertest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Canned answers the requests with its replies in order, the last one for ever, and writes the requests down.
type Canned struct {
	Replies  []Reply
	Requests []string // as the fixtures write them
	Hosts    []string // scheme and host of each
}

// Always answers every request with the same reply.
func Always(r Reply) *Canned { return &Canned{Replies: []Reply{r}} }

// RoundTrip implements http.RoundTripper.
func (c *Canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody != nil {
		return nil, fmt.Errorf("%s could be sent a second time by net/http", req.URL.Path)
	}
	c.Requests = append(c.Requests, transcript(req))
	c.Hosts = append(c.Hosts, req.URL.Scheme+"://"+req.URL.Host)
	var r Reply
	if n := len(c.Replies); n > 0 {
		r = c.Replies[min(len(c.Requests), n)-1]
	}
	return &http.Response{
		StatusCode: r.Status, Header: r.Header, Request: req,
		Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)),
	}, nil
}

// transcript writes a request as the fixtures do: all of its headers in alphabetical order, Basic authorization decoded.
func transcript(req *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", req.Method, req.URL.RequestURI())
	var names []string
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range req.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, decoded(name, value))
		}
	}
	if body := read(req); len(body) > 0 {
		fmt.Fprintf(&b, "\n%s", body)
	}
	return strings.TrimRight(b.String(), "\n")
}

func decoded(name, value string) string {
	encoded, basic := strings.CutPrefix(value, "Basic ")
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if name != "Authorization" || !basic || err != nil {
		return value
	}
	return "Basic " + string(plain)
}

func read(req *http.Request) []byte {
	if req.Body == nil {
		return nil
	}
	body, _ := io.ReadAll(req.Body)
	return body
}

// Half loses the connection in the middle of the body.
type Half Reply

// RoundTrip implements http.RoundTripper.
func (h Half) RoundTrip(req *http.Request) (*http.Response, error) {
	body := io.MultiReader(bytes.NewReader(h.Body), failingReader{})
	header := h.Header
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: h.Status, Header: header, Body: io.NopCloser(body), Request: req}, nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Silent never answers; its caller gives up as soon as the request is out.
type Silent struct{ Give context.CancelFunc }

// RoundTrip implements http.RoundTripper.
func (s Silent) RoundTrip(req *http.Request) (*http.Response, error) {
	s.Give()
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// Failing fails with an error.
type Failing struct{ Err error }

// RoundTrip implements http.RoundTripper.
func (f Failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.Err }

// Gossip is a transport, such as a proxy's, whose errors repeat all they saw.
type Gossip struct{}

// RoundTrip implements http.RoundTripper.
func (Gossip) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("proxy refused %s %s with %v and %s", req.Method, req.URL, req.Header, read(req))
}

// Cause is an error of a transport, and what may be written down of it.
type Cause struct {
	Name  string
	Err   error
	Is    error // nil: not looked at
	Sent  bool  // the request may have been sent all the same
	Shown string
}

// Causes are errors of every kind, with secret in those that could repeat it.
func Causes(secret string) []Cause {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	return []Cause{
		{"connection refused", refused, syscall.ECONNREFUSED, false, "connection refused"},
		{"no such host", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.example.com"}}, nil, false, "no such host"},
		{"wrapped dial", fmt.Errorf("outer %s: %w", secret, refused), syscall.ECONNREFUSED, false, "connection refused"},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, syscall.ECONNRESET, true, "connection reset"},
		{"broken pipe", &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}, syscall.EPIPE, true, "broken pipe"},
		{"deadline", context.DeadlineExceeded, context.DeadlineExceeded, true, "deadline exceeded"},
		{"proxy", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: syscall.ECONNREFUSED}, syscall.ECONNREFUSED, true, "proxyconnect"},
		{"anything else", errors.New(secret), nil, true, "*errors.errorString"},
		{"an address", &url.Error{Op: "Post", URL: "https://x/" + secret, Err: errors.New(secret)}, nil, true, "the connection failed"},
	}
}

// BadBases are base URLs that no client may use, by what is wrong with them; host is the provider's.
func BadBases(host string) map[string]string {
	return map[string]string{
		"http across the network":         "http://" + host,
		"http to a private address":       "http://10.0.0.1",
		"a host that looks like loopback": "http://localhost.example.com",
		"no scheme":                       host,
		"another scheme":                  "ftp://localhost",
		"a user":                          "https://user@" + host,
		"a query":                         "https://" + host + "?x",
		"a fragment":                      "https://" + host + "#x",
	}
}

// LookForCanary shows a thing in every way there is and looks for CANARY, also in hexadecimal, and for other secrets.
func LookForCanary(t *testing.T, thing any, others ...string) {
	t.Helper()
	inHex := hex.EncodeToString([]byte("CANARY"))
	secrets := append([]string{"CANARY", inHex, strings.ToUpper(inHex)}, others...)
	check := func(how, shown string) {
		for _, secret := range secrets {
			if strings.Contains(shown, secret) {
				t.Errorf("%s shows a secret: %s", how, shown)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%20v"} {
		check(fmt.Sprintf("%s of %T", verb, thing), fmt.Sprintf(verb, thing))
	}
	if encoded, err := json.Marshal(thing); err == nil {
		check(fmt.Sprintf("JSON of %T", thing), string(encoded))
	}
	var text, lines bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "thing", thing)
	slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "thing", thing)
	check(fmt.Sprintf("slog text of %T", thing), text.String())
	check(fmt.Sprintf("slog JSON of %T", thing), lines.String())
}

// Dying is a server that answers the first request of a connection, and closes it under the second.
type Dying struct {
	URL      string
	listener net.Listener
	mu       sync.Mutex
	received []*http.Request
}

// NewDying starts one; the test's end stops it. deaf: once a connection died, nobody listens any more.
func NewDying(t *testing.T, r Reply, deaf bool) *Dying {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	d := &Dying{URL: "http://" + listener.Addr().String(), listener: listener}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go d.serve(conn, r, deaf)
		}
	}()
	return d
}

func (d *Dying) serve(conn net.Conn, r Reply, deaf bool) {
	defer func() { _ = conn.Close() }() // without a reply to whatever was read last
	reader := bufio.NewReader(conn)
	for i := range 2 {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		d.mu.Lock()
		d.received = append(d.received, req)
		d.mu.Unlock()
		if i == 0 {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s", r.Status, http.StatusText(r.Status), len(r.Body), r.Body)
		}
	}
	if deaf {
		_ = d.listener.Close()
	}
}

// Received are the requests that were read, the bodies not kept.
func (d *Dying) Received() []*http.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.received)
}

// Nobody is an address of this machine at which nobody listens.
func Nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return "http://" + listener.Addr().String()
}
