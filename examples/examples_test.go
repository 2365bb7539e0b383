// Package examples_test runs each example shop against the local run's world: sells, pays in the simulated window, and sees what was shipped.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

const (
	webhookSecret = "whsec_c2hvcHMgdmVyaWZ5IHdoYXQgdGhleSBhcmUgdG9sZA=="
	thanks        = "https://shop.example/thanks" // what the shop's own address stands for
	waitMax       = time.Minute                   // far above what a busy machine needs
)

// language is how one shop is started.
type language struct {
	name    string
	tool    string // what must be on this machine
	command func(t *testing.T) []string
}

var languages = []language{
	{"node", "node", func(*testing.T) []string { return []string{"node", "node/shop.mjs"} }},
	{"python", "python3", func(*testing.T) []string { return []string{python(), "python/shop.py"} }},
	{"java", "java", func(*testing.T) []string { return []string{"java", "java/Shop.java"} }},
	{"go", "go", func(t *testing.T) []string {
		program := filepath.Join(t.TempDir(), "shop")
		if out, err := exec.Command("go", "build", "-o", program, "./go").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return []string{program}
	}},
}

// python is the one with botocore that scripts/examples made, or this machine's.
func python() string {
	if p := os.Getenv("EXAMPLES_PYTHON"); p != "" {
		return p
	}
	return "python3"
}

func TestShops(t *testing.T) {
	t.Parallel()
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(l.tool); err != nil {
				missing(t, l.tool+" is not on this machine")
			}
			command := l.command(t)
			t.Run("local", func(t *testing.T) { visit(t, command, nil) })
			t.Run("signed", func(t *testing.T) {
				if os.Getenv("EXAMPLES_PYTHON") == "" {
					t.Skip("SKIPPED: `make examples` installs what signs requests, and runs this")
				}
				visit(t, command, credentials)
			})
		})
	}
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED: " + why)
}

// visit is a buyer, a forger and a merchant's engineer in one shop.
func visit(t *testing.T, command, keys []string) {
	api := openAPI(t, keys != nil)
	s := open(t, command, append(keys, "TOSSPAY_API="+api.url, "WEBHOOK_SECRET="+webhookSecret, "RETURN_URL="+thanks))

	first := s.buy(t, api)
	if page := s.get(t, "/thanks?orderId="+first); !strings.Contains(page, "on its way") || !slices.Equal(s.shipped(t), []string{first}) {
		t.Errorf("paid and returned: %s, shipped %v", page, s.shipped(t))
	}
	unpaid := api.order(t, s)
	if page := s.get(t, "/thanks?orderId="+unpaid+"&status=paid"); !strings.Contains(page, "checked") || len(s.shipped(t)) != 1 {
		t.Errorf("a return that nobody paid for: %s, shipped %v", page, s.shipped(t))
	}

	second := s.buy(t, api) // and the buyer never comes back
	event := fmt.Sprintf(`{"id":"order/%[1]s/3/paid","type":"order.paid","timestamp":"2026-11-28T00:00:00Z","data":{"orderId":"%[1]s"}}`, second)
	for what, forged := range map[string]http.Header{
		"nothing": {}, "another key": signature(t, "whsec_"+strings.Repeat("A", 32), time.Now(), event),
		"another body": signature(t, webhookSecret, time.Now(), strings.Replace(event, "order.paid", "order.none", 1)),
		"an old one":   signature(t, webhookSecret, time.Now().Add(-time.Hour), event),
	} {
		if status := s.webhook(t, forged, event); status != http.StatusBadRequest || len(s.shipped(t)) != 1 {
			t.Errorf("a webhook signed with %s: %d, shipped %v", what, status, s.shipped(t))
		}
	}
	good := signature(t, webhookSecret, time.Now(), event)
	both := good.Clone()
	both.Set("webhook-signature", "v1,b2xk "+good.Get("webhook-signature"))
	for _, header := range []http.Header{good, good, both} {
		if status := s.webhook(t, header, event); status != http.StatusNoContent {
			t.Errorf("our webhook: %d", status)
		}
	}
	if got := s.shipped(t); len(got) != 2 || !slices.Contains(got, second) {
		t.Errorf("shipped %v, want %s, too", got, second)
	}
	lie := strings.ReplaceAll(event, second, unpaid)
	if s.webhook(t, signature(t, webhookSecret, time.Now(), lie), lie); len(s.shipped(t)) != 2 {
		t.Errorf("shipped what nobody paid: %v", s.shipped(t))
	}
	if to := s.post(t, "/subscribe").Header.Get("Location"); !strings.Contains(to, "/pay/") {
		t.Errorf("a subscription leads to %q", to)
	}
}

// signature is made by the specification's own library.
func signature(t *testing.T, secret string, at time.Time, body string) http.Header {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	text, err := hook.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	h.Set("webhook-signature", text)
	return h
}

// shop is one that runs.
type shop struct{ url string }

func open(t *testing.T, command, environment []string) shop {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	program := exec.CommandContext(ctx, command[0], command[1:]...)
	program.Env = append(os.Environ(), append(environment, "PORT=0")...)
	var errs bytes.Buffer
	program.Stderr = &errs
	out, err := program.StdoutPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = program.Wait()
		if t.Failed() {
			t.Logf("the shop said: %s", errs.String())
		}
	})
	greeting := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		greeting <- line
	}()
	select {
	case line := <-greeting:
		if _, address, ok := strings.Cut(strings.TrimSpace(line), "shop at "); ok {
			return shop{address}
		}
		t.Fatalf("the shop did not open: %q", line)
	case <-time.After(waitMax):
		t.Fatal("the shop does not open")
	}
	return shop{}
}

var browser = &http.Client{Timeout: waitMax, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (s shop) get(t *testing.T, path string) string {
	t.Helper()
	response, err := browser.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	return text(t, response)
}

func (s shop) post(t *testing.T, path string) *http.Response {
	t.Helper()
	response, err := browser.Post(s.url+path, "application/x-www-form-urlencoded", nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := text(t, response); response.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: %d %s", path, response.StatusCode, body)
	}
	return response
}

func (s shop) webhook(t *testing.T, header http.Header, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/webhook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = text(t, response)
	return response.StatusCode
}

func (s shop) shipped(t *testing.T) (ids []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.get(t, "/shipped")), &ids); err != nil {
		t.Fatal(err)
	}
	return ids
}

// buy presses the button and pays in the simulated window.
func (s shop) buy(t *testing.T, a api) (orderID string) {
	t.Helper()
	id := a.order(t, s)
	a.pay(t, id)
	return id
}

func text(t *testing.T, response *http.Response) string {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// api is the local run's world; url is where the shop finds it, base where the buyer does.
type api struct{ url, base string }

func openAPI(t *testing.T, signed bool) api {
	t.Helper()
	var served http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	w := testbed.Open(t, testbed.Quiet, func(o *world.Options) { o.Base, o.ReturnURLs = server.URL, thanks }).World
	served = w
	if !signed {
		return api{server.URL, server.URL}
	}
	gateway := httptest.NewServer(checked(w))
	t.Cleanup(gateway.Close)
	return api{gateway.URL, server.URL}
}

var orderPath = regexp.MustCompile(`/pay/([^/]+)/`)

// order presses the shop's button and returns the order it made.
func (a api) order(t *testing.T, s shop) string {
	t.Helper()
	checkout := s.post(t, "/buy").Header.Get("Location")
	m := orderPath.FindStringSubmatch(checkout)
	if m == nil || !strings.HasPrefix(checkout, a.base) {
		t.Fatalf("the shop leads to %q, and not to our payment page", checkout)
	}
	return m[1]
}

func (a api) pay(t *testing.T, id string) {
	t.Helper()
	response, err := http.Get(a.base + "/orders/" + id)
	if err != nil {
		t.Fatal(err)
	}
	var o struct{ CheckoutURL string }
	if err := json.Unmarshal([]byte(text(t, response)), &o); err != nil {
		t.Fatal(err)
	}
	back := strings.Replace(o.CheckoutURL, "/pay/", "/confirm/toss/", 1)
	response, err = http.PostForm(a.base+"/sim/toss/window", url.Values{
		"orderId": {id}, "orderName": {"T-shirt"}, "amount": {"15000"}, "currency": {"KRW"}, "successUrl": {back}, "failUrl": {back + "/fail"},
		"outcome": {"approve"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if page := text(t, response); response.StatusCode != http.StatusOK || !strings.Contains(page, thanks+"?orderId="+id) {
		t.Fatalf("paid: %d, and no way back to the shop: %s", response.StatusCode, page)
	}
}

var errNotSigned = errors.New("no signature")
