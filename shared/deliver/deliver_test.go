package deliver_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tosspay-sam/shared/deliver"
)

var (
	secretA = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a key of thirty-two bytes length"))
	secretB = "whsec_" + base64.StdEncoding.EncodeToString([]byte("another key of thirty bytes...."))
)

const (
	id   = "order/order-0001/3/paid"
	body = `{"id":"order/order-0001/3/paid","type":"order.paid"}`
)

func keys(t *testing.T, text string) deliver.Keys {
	t.Helper()
	parsed, err := deliver.ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(context.Context) ([]deliver.Key, error) { return parsed, nil }
}

// receiver is a merchant's server on this machine, which a sender reaches because it may reach private addresses.
func receiver(t *testing.T, answer http.HandlerFunc) *deliver.Sender {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return &deliver.Sender{URL: server.URL + "/hook?token=a-secret-of-theirs", Keys: keys(t, `{"current":"`+secretA+`"}`), Client: deliver.NewClient(true), Now: time.Now}
}

// TestTheSpecificationsLibraryVerifies: what we sign, the library of the specification believes, with either secret of a rotation; and nothing
// else.
func TestTheSpecificationsLibraryVerifies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, secret string
		trusts       string
		good         bool
	}{
		{"one secret", `{"current":"` + secretA + `"}`, secretA, true},
		{"rotating, still the old one", `{"current":"` + secretB + `","previous":"` + secretA + `"}`, secretA, true},
		{"rotating, the new one already", `{"current":"` + secretB + `","previous":"` + secretA + `"}`, secretB, true},
		{"rotated", `{"current":"` + secretB + `","previous":""}`, secretA, false},
		{"as Secrets Manager made it", `{"current":"` + strings.Repeat("Ab3d", 12) + `"}`, strings.Repeat("Ab3d", 12), true},
	} {
		var got http.Header
		var sent []byte
		s := receiver(t, func(_ http.ResponseWriter, r *http.Request) {
			got = r.Header
			sent, _ = io.ReadAll(r.Body)
		})
		s.Keys = keys(t, test.secret)
		if verdict, err := s.Send(t.Context(), id, []byte(body)); verdict != deliver.Delivered || err != nil {
			t.Fatalf("%s: %s, %v", test.name, verdict, err)
		}
		library, err := standardwebhooks.NewWebhook(test.trusts)
		if err != nil {
			t.Fatal(err)
		}
		if err := library.Verify(sent, got); (err == nil) != test.good {
			t.Errorf("%s: the library says %v", test.name, err)
		}
		if got.Get("webhook-id") != id || string(sent) != body || got.Get("content-type") != "application/json" {
			t.Errorf("%s: sent %v %s", test.name, got, sent)
		}
		if !test.good {
			continue
		}
		if err := library.Verify([]byte(strings.Replace(body, "0001", "0002", 1)), got); err == nil {
			t.Errorf("%s: a changed body passes", test.name)
		}
		got.Set("webhook-id", "order/order-0002/3/paid")
		if err := library.Verify(sent, got); err == nil {
			t.Errorf("%s: a changed id passes", test.name)
		}
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]deliver.Verdict{
		200: deliver.Delivered, 204: deliver.Delivered, 299: deliver.Delivered, 410: deliver.Gone, 400: deliver.Failed, 404: deliver.Failed,
		429: deliver.Failed, 500: deliver.Failed, 503: deliver.Failed, 304: deliver.Failed,
	} {
		s := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		verdict, err := s.Send(t.Context(), id, []byte(body))
		if verdict != want || (err == nil) != (want == deliver.Delivered) {
			t.Errorf("%d: %s, %v, want %s", status, verdict, err, want)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var followed atomic.Bool
		s := receiver(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/hook" {
				followed.Store(true)
				return
			}
			http.Redirect(w, r, "/elsewhere", status)
		})
		if verdict, err := s.Send(t.Context(), id, []byte(body)); verdict != deliver.Failed || err == nil || followed.Load() {
			t.Errorf("%d: %s, %v, followed: %t", status, verdict, err, followed.Load())
		}
	}
}

// TestPrivateAddressIsRefused: at the moment of the connection, so also behind a name.
func TestPrivateAddressIsRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{
		"127.0.0.1", "localhost", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "[ff02::1]",
	}
	for _, host := range hosts {
		s := deliver.Sender{URL: "http://" + host + ":" + port + "/", Keys: keys(t, `{"current":"`+secretA+`"}`), Client: deliver.NewClient(false), Now: time.Now}
		verdict, err := s.Send(t.Context(), id, []byte(body))
		if verdict != deliver.Failed || err == nil || !strings.Contains(err.Error(), "prohibited") {
			t.Errorf("%s: %s, %v", host, verdict, err)
		}
	}
	if reached.Load() {
		t.Error("a private address was reached")
	}
	s := deliver.Sender{URL: server.URL, Keys: keys(t, `{"current":"`+secretA+`"}`), Client: deliver.NewClient(true), Now: time.Now}
	if verdict, err := s.Send(t.Context(), id, []byte(body)); verdict != deliver.Delivered || !reached.Load() {
		t.Errorf("allowed: %s, %v", verdict, err)
	}
}

// TestSlowReceiver: one that never answers, and one that never ends its answer, cost SendMax.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(net.Conn){
		"no answer":     func(net.Conn) {},
		"endless":       func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") },
		"endless heads": func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\n") },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := deliver.Sender{URL: "http://shop.example/", Keys: keys(t, `{"current":"`+secretA+`"}`), Now: time.Now}
			s.Client = deliver.NewClient(true)
			s.Client.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() { _, _ = io.Copy(io.Discard, theirs) }()
				go answer(theirs)
				return ours, nil
			}}
			began := time.Now()
			_, _ = s.Send(t.Context(), id, []byte(body))
			if took := time.Since(began); took > deliver.SendMax {
				t.Errorf("%s: took %s", name, took)
			}
			time.Sleep(deliver.SendMax) // until the other side knows
		})
	}
}

func drip(c net.Conn, text string) {
	for {
		if _, err := c.Write([]byte(text)); err != nil {
			return
		}
		text = "x"
		time.Sleep(time.Second)
	}
}

// TestNothingSecretInErrors: an address may hold a token, and the key is never shown.
func TestNothingSecretInErrors(t *testing.T) {
	t.Parallel()
	s := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	private := *s
	private.Client = deliver.NewClient(false)
	broken := *s
	broken.Keys = func(context.Context) ([]deliver.Key, error) { return nil, errors.New("no") }
	for name, s := range map[string]*deliver.Sender{"500": s, "refused": &private, "no key": &broken} {
		_, err := s.Send(t.Context(), id, []byte(body))
		if err == nil || strings.Contains(err.Error(), "a-secret-of-theirs") || strings.Contains(err.Error(), "/hook") {
			t.Errorf("%s: %v", name, err)
		}
	}
	parsed, err := deliver.ParseKey(secretA)
	if text := fmt.Sprintf("%v %+v %#v %s", parsed, parsed, parsed, []deliver.Key{parsed}); err != nil || strings.Contains(text, "97") || strings.Contains(text, "a key") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		``, `{}`, `{"current":""}`, `{"current":"whsec_"}`, `{"current":"whsec_!!!"}`, `{"current":"whsec_c2hvcnQ="}`, `{"current":"REPLACE_ME"}`,
		`{"current":"` + secretA + `","previous":"x"}`, `"` + secretA + `"`, secretA,
	} {
		if got, err := deliver.ParseSecret(bad); err == nil || got != nil || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%s: %v, %v", bad, got, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct{ good, plain bool }{
		"https://shop.example/hook?x=1": {true, true}, "https://shop.example:8443": {true, true}, "http://shop.example/": {false, true},
		"": {}, "shop.example": {}, "ftp://shop.example": {}, "https://": {}, "https://u:p@shop.example": {}, "https://shop.example/#x": {}, "https://a b": {},
	} {
		if err := deliver.CheckURL(address, false); (err == nil) != want.good {
			t.Errorf("%q: %v", address, err)
		}
		if err := deliver.CheckURL(address, true); (err == nil) != want.plain {
			t.Errorf("%q on a laptop: %v", address, err)
		}
	}
}

// TestPauses: they last more than three days, SQS can keep each, and what failed together does not come back together.
func TestPauses(t *testing.T) {
	t.Parallel()
	spread := map[time.Duration]bool{}
	for i := range 50 {
		id, sum := fmt.Sprintf("order/order-%04d/3/paid", i), time.Duration(0)
		for tries := 1; tries < deliver.TriesMax; tries++ {
			pause := deliver.Pause(tries, id)
			if pause <= 0 || pause > 12*time.Hour-time.Minute {
				t.Errorf("pause %d is %s", tries, pause)
			}
			sum += pause
		}
		if sum < 72*time.Hour {
			t.Errorf("%s is given up after %s", id, sum)
		}
		spread[deliver.Pause(4, id).Round(time.Minute)] = true
	}
	if len(spread) < 5 {
		t.Errorf("50 events come back at %d different minutes", len(spread))
	}
	for _, tries := range []int{0, -1, deliver.TriesMax, 99} {
		if deliver.Pause(tries, id) != time.Second {
			t.Errorf("after %d tries: %s", tries, deliver.Pause(tries, id))
		}
	}
}
