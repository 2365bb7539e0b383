// Package providertest is what the tests of the two clients have in common: fixtures of what is sent and understood, and transports that answer, fail
// and gossip.
package providertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// Fixture is one question and all that comes of it. Its file, a txtar, says why it is there and has these parts:
//
//	call      the question in the words of shared/provider, or of the client; a line each, name: value
//	request   what must go out, all headers that the client sets; a second one is "request 2"
//	reply     what comes back; the header Fixture-Padding adds that many spaces to the body; a second one is "reply 2"
//	want      the answer; the error in full, the payment's fields when there is one
type Fixture struct {
	Call     map[string]string
	Requests []string
	Replies  []Reply
	Want     string
}

// Reply is what a provider answers.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Files are the fixtures of the package that is tested.
func Files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	return files
}

// Read reads one fixture, whole.
func Read(t *testing.T, file string) Fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	if len(bytes.TrimSpace(archive.Comment)) == 0 {
		t.Fatalf("%s must say why it is there", file)
	}
	var f Fixture
	seen := map[string]bool{}
	for _, part := range archive.Files {
		if seen[part.Name] {
			t.Fatalf("%s has two parts %q", file, part.Name)
		}
		seen[part.Name] = true
		text := strings.TrimRight(string(part.Data), "\n")
		switch name, number, _ := strings.Cut(part.Name, " "); {
		case name == "request":
			f.Requests = append(f.Requests, text)
		case name == "reply":
			f.Replies = append(f.Replies, parseReply(t, text))
		case name == "call" && number == "":
			f.Call = Fields(text)
		case name == "want" && number == "":
			f.Want = text
		default:
			t.Fatalf("%s has a part %q", file, part.Name)
		}
	}
	if f.Call["call"] == "" || len(f.Requests) == 0 || len(f.Requests) != len(f.Replies) || f.Want == "" {
		t.Fatalf("%s must have the parts call, request, reply and want", file)
	}
	return f
}

// Fields reads lines of name: value.
func Fields(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

func parseReply(t *testing.T, text string) Reply {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	status, err := strconv.Atoi(strings.TrimPrefix(lines[0], "HTTP "))
	if err != nil {
		t.Fatalf("reply begins with %q, want HTTP and a status", lines[0])
	}
	r := Reply{Status: status, Header: http.Header{}}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	padding, _ := strconv.Atoi(r.Header.Get("Fixture-Padding"))
	r.Body = []byte(body + strings.Repeat(" ", padding))
	return r
}

// Number is 0 for a line that is not there.
func Number(t *testing.T, text string) int64 {
	t.Helper()
	if n := Part(t, text); n != nil {
		return *n
	}
	return 0
}

// Part is nil for a line that is not there.
func Part(t *testing.T, text string) *int64 {
	t.Helper()
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &n
}

// Lines is what the part want says.
type Lines struct{ b strings.Builder }

// Add adds a line; a value that is empty leaves its name alone.
func (l *Lines) Add(name string, value any) {
	fmt.Fprintln(&l.b, strings.TrimRight(fmt.Sprintf("%s: %v", name, value), " "))
}

// String is all of it, without a final line break.
func (l *Lines) String() string { return strings.TrimRight(l.b.String(), "\n") }

// Outcome adds what an answer proves; trace is whether the provider has trace ids.
func (l *Lines) Outcome(a provider.Answer, trace bool) {
	l.Add("verdict", a.Verdict)
	l.Add("class", a.Class)
	l.Add("code", a.Code)
	l.Add("http", a.HTTP)
	if trace {
		l.Add("trace", a.TraceID)
	}
	l.Add("sent", a.Sent)
	l.Add("error", ErrorText(a.Err))
}

// Payment adds what both providers say of a payment.
func (l *Lines) Payment(p provider.Payment) {
	l.Add("payment.key", p.Key)
	l.Add("payment.number", p.Number)
	l.Add("payment.status", p.Status)
	l.Add("payment.amount", p.Amount)
	l.Add("payment.balance", p.Balance)
	l.Add("payment.currency", p.Currency)
	l.Add("payment.transaction", p.TransactionKey)
	l.Add("payment.approved", Moment(p.ApprovedAt))
	l.Add("payment.method", p.Method)
	l.Add("payment.receipt", p.ReceiptURL)
	l.Add("payment.sandbox", p.Sandbox)
	l.Add("payment.partial", p.PartialRefundable)
}

// Moment is a time in UTC; empty for none.
func Moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// ErrorText is empty for no error.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Digest is computed over what a client may read of a body.
func Digest(body []byte) string {
	sum := sha256.Sum256(body[:min(len(body), transport.BodyMax+1)])
	return hex.EncodeToString(sum[:])[:32]
}

// WantUnsent checks an answer to a question that did not go out: its error begins with the client's name and says want.
func WantUnsent(t *testing.T, client string, a provider.Answer, want string) {
	t.Helper()
	if a.Sent || a.Answered() || a.Verdict != provider.Unknown || a.Code != provider.NoAnswer || a.Payment != (provider.Payment{}) {
		t.Errorf("answer %+v, want one that was not sent", a)
	}
	if text := ErrorText(a.Err); !strings.HasPrefix(text, client+": ") || !strings.Contains(text, want) {
		t.Errorf("error %q does not say %q", text, want)
	}
}

// WantUnreplied checks an answer to a question that may have been processed: no whole reply came.
func WantUnreplied(t *testing.T, a provider.Answer, sent bool) {
	t.Helper()
	if a.Verdict != provider.Unknown || a.Class != provider.ClassUnknown || a.Code != provider.NoAnswer || a.Answered() || a.Err == nil || a.Sent != sent {
		t.Errorf("answer %+v, want one without a reply, sent %v", a, sent)
	}
}
