package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/shared/provider/providertest"
	"tosspay-sam/shared/provider/transport"
)

const canary = "CANARYcanaryCANARY"

// call makes one call: a POST with a body, or a GET.
func call(t *testing.T, e transport.Endpoint, method string, body any) (transport.Reply, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	e.Default = "https://api.example.com"
	req, err := e.Request(ctx, method, "/payments/"+canary, body)
	if err != nil {
		t.Fatal(err)
	}
	return e.Send(req)
}

// TestRequest: what goes out, to the default address, and a body that net/http cannot send a second time.
func TestRequest(t *testing.T) {
	t.Parallel()
	wire := providertest.Always(providertest.Reply{Status: 200})
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if _, err := call(t, transport.Endpoint{Transport: wire}, method, nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := call(t, transport.Endpoint{Transport: wire}, http.MethodPost, map[string]int{"amount": 1}); err != nil {
		t.Error(err)
	}
	want := "GET /payments/" + canary + "\nDELETE /payments/" + canary + "\nPOST /payments/" + canary + "\nContent-Type: application/json\n\n{\"amount\":1}"
	if got := strings.Join(wire.Requests, "\n"); got != want || wire.Hosts[0] != "https://api.example.com" {
		t.Errorf("asked %s\n%s\nwant\n%s", wire.Hosts[0], got, want)
	}
}

// TestRequestIsRefused: nothing is prepared, and no error quotes the path.
func TestRequestIsRefused(t *testing.T) {
	t.Parallel()
	limited, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cases := []struct {
		name string
		ctx  context.Context
		e    transport.Endpoint
		path string
		body any
		want string
	}{
		{"no deadline", context.WithoutCancel(t.Context()), transport.Endpoint{}, "/x", nil, "no deadline"},
		{"a path that is not escaped", limited, transport.Endpoint{Default: "https://api.example.com"}, "/" + canary + "%zz", nil, "address cannot be built"},
		{"a body that is none", limited, transport.Endpoint{Default: "https://api.example.com"}, "/" + canary, func() {}, "body cannot be encoded"},
	}
	for what, base := range providertest.BadBases("api.example.com") {
		c := cases[1]
		c.name, c.e, c.path, c.want = what, transport.Endpoint{BaseURL: base}, "/x", "base URL"
		cases = append(cases, c)
	}
	for _, c := range cases {
		req, err := c.e.Request(c.ctx, http.MethodPost, c.path, c.body)
		if req != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.want)
		}
	}
}

func TestIsOrigin(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://api.example.com", "https://proxy.example/payments%2Ftoss", "http://127.0.0.1:3000/sim/toss",
		"http://localhost:3000/sim/toss", "http://[::1]:3000", "http://host.internal:3000"} {
		if !transport.IsOrigin(good, "host.internal") {
			t.Errorf("%s is refused", good)
		}
	}
	bad := providertest.BadBases("api.example.com")
	bad["nothing"], bad["no host"], bad["an empty query"] = "", "https://", "https://api.example.com?"
	for what, address := range bad {
		if transport.IsOrigin(address, "host.internal") {
			t.Errorf("%s is taken: %s", what, address)
		}
	}
	if transport.IsOrigin("http://host.internal:3000", "") {
		t.Error("a host that nobody named is taken without TLS")
	}
	if !transport.IsBase("https://shop.example/pay") || transport.IsBase("https://shop.example/") || transport.IsBase("http://shop.example") {
		t.Error("a base is an https address without a final slash")
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	for what, ok := range map[string]bool{
		"visible":          transport.IsVisible("!~", 2) && !transport.IsVisible("!~x", 2) && !transport.IsVisible("", 2),
		"not visible":      !transport.IsVisible("a b", 9) && !transport.IsVisible("a\r\nb", 9) && !transport.IsVisible("é", 9) && !transport.IsVisible("\x7f", 9),
		"name":             transport.IsName("aZ0_-", 1, 5) && !transport.IsName("aZ0_-", 6, 9) && !transport.IsName("aZ0_-", 1, 4) && !transport.IsName("", 1, 4),
		"no name":          !transport.IsName("a/b", 1, 9) && !transport.IsName("..", 1, 9) && !transport.IsName("１", 1, 9) && !transport.IsName("a=", 1, 9),
		"characters":       transport.IsWithin("가나", 2, 2) && !transport.IsWithin("가", 2, 2) && !transport.IsWithin("가나다", 2, 2) && !transport.IsWithin("\xff\xff", 2, 2),
		"nothing":          transport.IsWithin("", 0, 9),
		"at most":          transport.AtMost("abc", 3) == "abc" && transport.AtMost("abcd", 3) == "",
		"link":             transport.Link("https://x/1?a=b") == "https://x/1?a=b",
		"no link":          transport.Link("http://x") == "" && transport.Link("javascript:alert(1)") == "" && transport.Link("https://") == "" && transport.Link("") == "",
		"link of any size": transport.Link("https://x/"+long) == "",
	} {
		if !ok {
			t.Error(what)
		}
	}
}

// TestCauses: what is sent is told apart, and redaction does not cost the operator the reason.
func TestCauses(t *testing.T) {
	t.Parallel()
	for _, c := range providertest.Causes(canary) {
		got, err := call(t, transport.Endpoint{Transport: providertest.Failing{Err: c.Err}}, http.MethodPost, "x")
		if got.Status != 0 || got.Sent != c.Sent || got.Digest != "" {
			t.Errorf("%s: reply %+v, want none, sent %v", c.Name, got, c.Sent)
		}
		if c.Is != nil && !errors.Is(err, c.Is) {
			t.Errorf("%s: error %v is not %v", c.Name, err, c.Is)
		}
		if text := fmt.Sprint(err); !strings.Contains(text, c.Shown) || strings.Contains(text, "CANARY") {
			t.Errorf("%s: error %q does not say %q, or says too much", c.Name, text, c.Shown)
		}
	}
	if _, err := call(t, transport.Endpoint{Transport: providertest.Gossip{}}, http.MethodPost, "x"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v", err)
	}
}

// TestHalfAReply: its status was read, and proves nothing; its header is there, for the trace id.
func TestHalfAReply(t *testing.T) {
	t.Parallel()
	half := providertest.Half{Status: 403, Body: []byte("{"), Header: http.Header{"X-Trace": {"1"}}}
	got, err := call(t, transport.Endpoint{Transport: half}, http.MethodPost, "x")
	if got.Status != 0 || !got.Sent || got.Body != nil || got.Digest != "" || got.Header.Get("X-Trace") != "1" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("reply %+v, %v", got, err)
	}
}

// TestSizeOfAReply: a megabyte is read, and a byte more is an error.
func TestSizeOfAReply(t *testing.T) {
	t.Parallel()
	for size, fits := range map[int]bool{0: true, transport.BodyMax: true, transport.BodyMax + 1: false, transport.BodyMax + 9: false} {
		body := []byte(strings.Repeat("x", size))
		got, err := call(t, transport.Endpoint{Transport: providertest.Always(providertest.Reply{Status: 200, Body: body})}, http.MethodGet, nil)
		if got.Status != 200 || !got.Sent || got.Digest != providertest.Digest(body) || (err == nil) != fits {
			t.Errorf("%d bytes: status %d, sent %v, digest %s, %v", size, got.Status, got.Sent, got.Digest, err)
		}
	}
}

// TestNoRedirect: the question, and the key in it, go to nobody else.
func TestNoRedirect(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
	defer server.Close()
	got, err := call(t, transport.Endpoint{BaseURL: server.URL, Transport: server.Client().Transport}, http.MethodPost, "x")
	if got.Status != http.StatusPermanentRedirect || err != nil || requests.Load() != 1 {
		t.Errorf("reply %+v, %v, after %d requests", got, err, requests.Load())
	}
}

// TestSent: a refused connection proves that nothing was sent, unless one was had before: net/http repeats a GET when a kept connection dies under it,
// and if that repetition cannot connect, the error is a dial's. A POST is written once.
func TestSent(t *testing.T) {
	t.Parallel()
	if got, err := call(t, transport.Endpoint{BaseURL: providertest.Nobody(t), Transport: &http.Transport{}}, http.MethodPost, "x"); got.Sent || err == nil {
		t.Errorf("nobody listens: %+v, %v", got, err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		var body any
		if method == http.MethodPost {
			body = "x"
		}
		server := providertest.NewDying(t, providertest.Reply{Status: 404, Body: []byte("{}")}, method == http.MethodGet)
		e := transport.Endpoint{BaseURL: server.URL, Transport: &http.Transport{}}
		if got, err := call(t, e, http.MethodGet, nil); err != nil || got.Status != 404 {
			t.Fatalf("first reply %+v, %v", got, err)
		}
		got, err := call(t, e, method, body)
		if !got.Sent || got.Status != 0 || err == nil || len(server.Received()) != 2 {
			t.Errorf("%s: %+v, %v, %d requests", method, got, err, len(server.Received()))
		}
		if method == http.MethodGet && !strings.Contains(err.Error(), "dial") {
			t.Errorf("error %v is no dial's", err)
		}
	}
}

// TestGivenUp: the reply that does not come in time is none, and the request may have been processed.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	ctx, give := context.WithTimeout(t.Context(), time.Minute)
	e := transport.Endpoint{Default: "https://api.example.com", Transport: providertest.Silent{Give: give}}
	req, err := e.Request(ctx, http.MethodPost, "/x", "x")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.Send(req); !got.Sent || got.Status != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("reply %+v, %v", got, err)
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	secret, same, other := transport.NewSecret(canary), transport.NewSecret(canary), transport.NewSecret("x")
	if !secret.Same(same) || secret.Same(other) || secret.Same(transport.Secret{}) {
		t.Error("secrets are compared by their text")
	}
	if secret.IsZero() || !(transport.Secret{}).IsZero() || (transport.Secret{}).Reveal() != "" || secret.Reveal() != canary {
		t.Error("the zero value is none")
	}
	for _, thing := range []any{secret, &secret, struct{ s transport.Secret }{secret}, struct{ S *transport.Secret }{&secret}, []transport.Secret{secret},
		map[string]transport.Secret{"s": secret}} {
		providertest.LookForCanary(t, thing)
	}
	if text, err := json.Marshal(secret); err != nil || string(text) != `"[redacted]"` {
		t.Errorf("JSON of a secret is %s, %v", text, err)
	}
	for _, shown := range []string{fmt.Sprintf("%x", secret), fmt.Sprintf("%d", secret), secret.String(), secret.GoString(), secret.LogValue().String()} {
		if shown != transport.Redacted {
			t.Errorf("a secret shows as %q", shown)
		}
	}
}
