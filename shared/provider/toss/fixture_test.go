package toss_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
)

var (
	_ payment.Finder    = (*toss.Adapter)(nil)
	_ payment.Confirmer = (*toss.Adapter)(nil)
	_ payment.Canceler  = (*toss.Adapter)(nil)
	_ payment.Windows   = toss.Windows{}
)

const fixtureKey = "test_sk_fixture"

// TestFixtures asks every question of testdata and compares, letter by letter, the request that was made and the answer that was
// understood. A file has four parts:
//
//	call      the question in the words of shared/provider
//	request   what must go out, all headers that the client sets; the Authorization header is shown decoded
//	reply     what comes back; the header Fixture-Padding adds that many spaces to the body
//	want      the answer; the error in full, the payment's fields when there is one
func TestFixtures(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f := readFixture(t, file)
			wire := &canned{reply: f.reply}
			adapter := &toss.Adapter{Client: &toss.Client{Keys: &keys{key: newKey(t, fixtureKey)}, Transport: wire}}
			answer := ask(t, adapter, f.call)

			if len(wire.requests) != 1 {
				t.Fatalf("%d requests were made, want 1", len(wire.requests))
			}
			if got := wire.requests[0]; got != f.request {
				t.Errorf("request:\n%s\nwant:\n%s", got, f.request)
			}
			if got := wire.hosts[0]; got != "https://api.tosspayments.com" {
				t.Errorf("asked %s", got)
			}
			if got := render(answer); got != f.want {
				t.Errorf("answer:\n%s\nwant:\n%s", got, f.want)
			}
			if want := digestOf(f.reply.body); answer.Digest != want {
				t.Errorf("digest %q, want %q", answer.Digest, want)
			}
			if answer.Call != f.call["call"] {
				t.Errorf("call %q, want %q", answer.Call, f.call["call"])
			}
		})
	}
}

// TestEveryClassHasAFixture fails when a table gets a class that no fixture shows.
func TestEveryClassHasAFixture(t *testing.T) {
	t.Parallel()
	calls := map[toss.Operation][]string{toss.OpConfirm: {"confirm"}, toss.OpCancel: {"cancel"}, toss.OpLookup: {"find", "find-by-order"}}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		f := readFixture(t, file)
		want := fields(f.want)
		if f.reply.status != http.StatusOK && want["code"] != provider.Unreadable {
			seen[f.call["call"]+" "+want["code"]] = true
		}
	}
	for op, names := range calls {
		shown := map[provider.Class]bool{}
		for _, rule := range toss.Rules(op) {
			for _, name := range names {
				shown[rule.Class] = shown[rule.Class] || seen[name+" "+rule.Code]
			}
		}
		for class, ok := range shown {
			if !ok {
				t.Errorf("no fixture shows class %s in answer to %s", class, op)
			}
		}
	}
}

type fixture struct {
	call    map[string]string
	request string
	reply   reply
	want    string
}

func readFixture(t *testing.T, file string) fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	parts := map[string]string{}
	for _, part := range archive.Files {
		parts[part.Name] = strings.TrimRight(string(part.Data), "\n")
	}
	if len(bytes.TrimSpace(archive.Comment)) == 0 || len(archive.Files) != 4 || len(parts) != 4 {
		t.Fatalf("%s must say why it is there and have the parts call, request, reply and want", file)
	}
	for _, name := range []string{"call", "request", "reply", "want"} {
		if parts[name] == "" {
			t.Fatalf("%s has no part %q", file, name)
		}
	}
	return fixture{call: fields(parts["call"]), request: parts["request"], reply: parseReply(t, parts["reply"]), want: parts["want"]}
}

func fields(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

func parseReply(t *testing.T, text string) reply {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	status, err := strconv.Atoi(strings.TrimPrefix(lines[0], "HTTP "))
	if err != nil {
		t.Fatalf("reply begins with %q, want HTTP and a status", lines[0])
	}
	r := reply{status: status, header: http.Header{}}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.header.Add(name, value)
	}
	padding, _ := strconv.Atoi(r.header.Get("Fixture-Padding"))
	r.body = []byte(body + strings.Repeat(" ", padding))
	return r
}

func ask(t *testing.T, adapter *toss.Adapter, call map[string]string) provider.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	switch call["call"] {
	case "confirm":
		return adapter.Confirm(ctx, provider.Confirm{Key: call["key"], Number: call["number"], Amount: number(t, call["amount"]),
			IdempotencyKey: call["idempotency"]})
	case "cancel":
		return adapter.Cancel(ctx, provider.Cancel{Key: call["key"], Amount: number(t, call["amount"]), Balance: number(t, call["balance"]),
			TaxFree: taxFree(t, call["tax-free"]), Reason: call["reason"], IdempotencyKey: call["idempotency"]})
	case "find", "find-by-order":
		return adapter.Find(ctx, provider.Ref{Key: call["key"], Number: call["number"]})
	}
	t.Fatalf("unknown call %q", call["call"])
	return provider.Answer{}
}

func taxFree(t *testing.T, text string) int64 {
	t.Helper()
	if text == "" {
		return 0
	}
	return number(t, text)
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// render shows an answer as the part want does.
func render(a provider.Answer) string {
	var b strings.Builder
	line := func(name string, value any) {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("%s: %v", name, value), " "))
	}
	line("verdict", a.Verdict)
	line("class", a.Class)
	line("code", a.Code)
	line("http", a.HTTP)
	line("trace", a.TraceID)
	line("sent", a.Sent)
	text := ""
	if a.Err != nil {
		text = a.Err.Error()
	}
	line("error", text)
	if a.Payment == (provider.Payment{}) {
		return strings.TrimRight(b.String(), "\n")
	}
	approved := ""
	if !a.Payment.ApprovedAt.IsZero() {
		approved = a.Payment.ApprovedAt.UTC().Format(time.RFC3339)
	}
	line("payment.key", a.Payment.Key)
	line("payment.number", a.Payment.Number)
	line("payment.status", a.Payment.Status)
	line("payment.amount", a.Payment.Amount)
	line("payment.balance", a.Payment.Balance)
	line("payment.currency", a.Payment.Currency)
	line("payment.transaction", a.Payment.TransactionKey)
	line("payment.approved", approved)
	line("payment.method", a.Payment.Method)
	line("payment.receipt", a.Payment.ReceiptURL)
	line("payment.sandbox", a.Payment.Sandbox)
	line("payment.partial", a.Payment.PartialRefundable)
	return strings.TrimRight(b.String(), "\n")
}

// digestOf is computed over what the client may read of the body.
func digestOf(body []byte) string {
	const limit = 1<<20 + 1
	sum := sha256.Sum256(body[:min(len(body), limit)])
	return hex.EncodeToString(sum[:])[:32]
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// canned answers every request with the same reply and writes the requests down.
type canned struct {
	reply    reply
	requests []string
	hosts    []string
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	c.requests = append(c.requests, transcript(req))
	c.hosts = append(c.hosts, req.URL.Scheme+"://"+req.URL.Host)
	return &http.Response{
		StatusCode: c.reply.status, Header: c.reply.header, Request: req,
		Body: io.NopCloser(bytes.NewReader(c.reply.body)), ContentLength: int64(len(c.reply.body)),
	}, nil
}

// transcript writes a request as the fixtures do: all of its headers in alphabetical order.
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
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		if len(body) > 0 {
			fmt.Fprintf(&b, "\n%s", body)
		}
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

// keys is a source of one key that remembers what it was told.
type keys struct {
	key     toss.SecretKey
	err     error
	asked   int
	refused []toss.SecretKey
}

func (k *keys) SecretKey(context.Context) (toss.SecretKey, error) {
	k.asked++
	return k.key, k.err
}

func (k *keys) Refused(_ context.Context, key toss.SecretKey) { k.refused = append(k.refused, key) }

func newKey(t *testing.T, text string) toss.SecretKey {
	t.Helper()
	key, err := toss.NewSecretKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
