package portone_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
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
	"tosspay-sam/shared/provider/portone"
)

var (
	_ payment.Finder   = (*portone.Adapter)(nil)
	_ payment.Canceler = (*portone.Adapter)(nil)
	_ payment.Windows  = portone.Windows{}
)

const fixtureToken = "fixture-token"

// TestFixtures asks every question of testdata and compares, letter by letter, the requests that were made and the answer that was
// understood. A file has these parts:
//
//	call      the question in the words of shared/provider, or one of the client's own; options of the adapter stand with it
//	request   what must go out, all headers that the client sets; a second one is "request 2"
//	reply     what comes back; the header Fixture-Padding adds that many spaces to the body; a second one is "reply 2"
//	want      the answer; the error in full, the payment's fields when there is one
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, file := range fixtures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f := readFixture(t, file)
			wire := &canned{replies: f.replies}
			got, digest := ask(t, wire, f.call)

			if !slices.Equal(wire.requests, f.requests) {
				t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(wire.requests, "\n--\n"), strings.Join(f.requests, "\n--\n"))
			}
			for _, host := range wire.hosts {
				if host != "https://api.iamport.kr" {
					t.Errorf("asked %s", host)
				}
			}
			if got != f.want {
				t.Errorf("answer:\n%s\nwant:\n%s", got, f.want)
			}
			if !slices.ContainsFunc(f.replies, func(r reply) bool { return digestOf(r.body) == digest }) {
				t.Errorf("digest %q is of none of the replies", digest)
			}
		})
	}
}

func fixtures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	return files
}

type fixture struct {
	call     map[string]string
	requests []string
	replies  []reply
	want     string
}

func readFixture(t *testing.T, file string) fixture {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	if len(bytes.TrimSpace(archive.Comment)) == 0 {
		t.Fatalf("%s must say why it is there", file)
	}
	var f fixture
	for _, part := range archive.Files {
		text := strings.TrimRight(string(part.Data), "\n")
		switch name, _, _ := strings.Cut(part.Name, " "); name {
		case "call":
			f.call = fields(text)
		case "request":
			f.requests = append(f.requests, text)
		case "reply":
			f.replies = append(f.replies, parseReply(t, text))
		case "want":
			f.want = text
		default:
			t.Fatalf("%s has a part %q", file, part.Name)
		}
	}
	if f.call["call"] == "" || len(f.requests) == 0 || len(f.requests) != len(f.replies) || f.want == "" {
		t.Fatalf("%s must have the parts call, request, reply and want", file)
	}
	return f
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

// ask puts the question of a fixture and renders what came of it.
func ask(t *testing.T, wire *canned, call map[string]string) (text, digest string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := &portone.Client{Tokens: &bearer{}, Transport: wire, IncludeSandbox: call["mode"] == "test", BypassObject: call["bypass"] == "object"}
	if name, own := strings.CutPrefix(call["call"], "client."); own {
		return askClient(t, ctx, client, name, call)
	}
	adapter := &portone.Adapter{Client: client, NoticeURL: call["notice-url"]}
	var a provider.Answer
	var key provider.KeyAnswer
	switch call["call"] {
	case "find", "find-by-order":
		a = adapter.Find(ctx, provider.Ref{Key: call["key"], Number: call["number"]})
	case "cancel":
		a = adapter.Cancel(ctx, provider.Cancel{Key: call["key"], Amount: number(t, call["amount"]), Balance: number(t, call["balance"]),
			TaxFree: number(t, call["tax-free"]), VAT: part(t, call["vat"]), Reason: call["reason"], IdempotencyKey: "never sent"})
	case "charge":
		a = adapter.Charge(ctx, provider.Charge{BillingKey: call["billing-key"], Number: call["number"], Amount: number(t, call["amount"]),
			Name: call["name"], Customer: provider.Buyer{Name: call["buyer-name"], Email: call["buyer-email"], Phone: call["buyer-phone"]},
			TaxFree: number(t, call["tax-free"]), VAT: part(t, call["vat"]), FailPush: call["send-fail-push"] == "true", CardQuota: int(number(t, call["card-quota"])),
			Receipt: provider.CashReceipt{Type: call["cash-receipt-type"], TradeOption: call["trade-option"], None: call["cash-receipt"] == "false"}})
	case "register":
		a = adapter.Register(ctx, provider.Registration{Number: call["number"], Amount: number(t, call["amount"])})
	case "billing-key":
		key = adapter.BillingKey(ctx, call["billing-key"])
	case "schedules":
		a = adapter.Scheduled(ctx, call["billing-key"], time.Unix(1794528000, 0))
	case "delete-billing-key":
		key = adapter.DeleteBillingKey(ctx, call["billing-key"], call["reason"])
	default:
		t.Fatalf("unknown call %q", call["call"])
	}
	if key.Call != "" {
		a = key.Answer
	}
	if a.Call != call["call"] {
		t.Errorf("call %q, want %q", a.Call, call["call"])
	}
	shown := render(a)
	if call["call"] == "find-by-order" {
		shown = renderAll(a)
	}
	return strings.TrimRight(shown+renderKey(key.Key), "\n"), a.Digest
}

// askClient puts the questions for which the adapter has no word of its own.
func askClient(t *testing.T, ctx context.Context, client *portone.Client, name string, call map[string]string) (text, digest string) {
	t.Helper()
	switch name {
	case "token":
		keys, err := portone.NewCredentials("fixture-key", "fixture-secret")
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.GetToken(ctx, keys)
		return renderReply(r.HTTP, r.Code, err) + fmt.Sprintf("\ntoken: %s\nlife: %d", r.Response.Token.Reveal(), r.Response.ExpiredAt-r.Response.Now), r.Digest
	case "find":
		r, err := client.PaymentByNumber(ctx, call["number"])
		return renderReply(r.HTTP, r.Code, err) + "\nkey: " + r.Response.ImpUID, r.Digest
	case "prepare-again":
		r, err := client.PrepareAgain(ctx, portone.PrepareRequest{MerchantUID: call["number"], Amount: number(t, call["amount"]), Currency: "KRW"})
		return renderReply(r.HTTP, r.Code, err) + "\namount: " + string(r.Response.Amount), r.Digest
	case "cancel":
		taxFree, vat := number(t, call["tax-free"]), number(t, call["vat"])
		r, err := client.Cancel(ctx, portone.CancelRequest{ImpUID: call["key"], Amount: number(t, call["amount"]), Checksum: number(t, call["balance"]),
			TaxFree: &taxFree, VATAmount: &vat, Reason: call["reason"]})
		return renderReply(r.HTTP, r.Code, err) + "\nkey: " + r.Response.ImpUID, r.Digest
	case "again":
		taxFree, vat := number(t, call["tax-free"]), number(t, call["vat"])
		r, err := client.Again(ctx, portone.AgainRequest{CustomerUID: call["billing-key"], MerchantUID: call["number"], Amount: number(t, call["amount"]),
			Name: call["name"], TaxFree: &taxFree, VATAmount: &vat, CardQuota: int(number(t, call["quota"]))})
		return renderReply(r.HTTP, r.Code, err) + "\nkey: " + r.Response.ImpUID, r.Digest
	}
	t.Fatalf("unknown call of the client %q", name)
	return "", ""
}

// number is 0 for a line that is not there.
func number(t *testing.T, text string) int64 {
	t.Helper()
	if n := part(t, text); n != nil {
		return *n
	}
	return 0
}

// part is nil for a line that is not there.
func part(t *testing.T, text string) *int64 {
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

func line(b *strings.Builder, name string, value any) {
	fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%s: %v", name, value), " "))
}

// render shows an answer as the part want does.
func render(a provider.Answer) string {
	var b strings.Builder
	line(&b, "verdict", a.Verdict)
	line(&b, "class", a.Class)
	line(&b, "code", a.Code)
	line(&b, "http", a.HTTP)
	line(&b, "sent", a.Sent)
	line(&b, "error", errorText(a.Err))
	if a.Payment == (provider.Payment{}) {
		return b.String()
	}
	line(&b, "payment.key", a.Payment.Key)
	line(&b, "payment.number", a.Payment.Number)
	line(&b, "payment.status", a.Payment.Status)
	line(&b, "payment.amount", a.Payment.Amount)
	line(&b, "payment.balance", a.Payment.Balance)
	line(&b, "payment.currency", a.Payment.Currency)
	line(&b, "payment.transaction", a.Payment.TransactionKey)
	line(&b, "payment.approved", moment(a.Payment.ApprovedAt))
	line(&b, "payment.method", a.Payment.Method)
	line(&b, "payment.receipt", a.Payment.ReceiptURL)
	line(&b, "payment.sandbox", a.Payment.Sandbox)
	line(&b, "payment.partial", a.Payment.PartialRefundable)
	line(&b, "payment.account", a.Payment.Account)
	line(&b, "payment.billing-key", a.Payment.BillingKey)
	line(&b, "payment.issuance", a.Payment.Issuance)
	return b.String()
}

// renderAll adds what a lookup by number has shown.
func renderAll(a provider.Answer) string {
	var b strings.Builder
	b.WriteString(render(a))
	for _, s := range a.All {
		line(&b, "shown", strings.TrimSpace(fmt.Sprintf("%s %s %s", cmp.Or(s.Payment.Key, "?"), s.Verdict, s.Code)))
	}
	line(&b, "complete", a.Complete)
	return b.String()
}

func renderKey(k provider.BillingKey) string {
	if k == (provider.BillingKey{}) {
		return ""
	}
	var b strings.Builder
	line(&b, "key.id", k.ID)
	line(&b, "key.customer", k.CustomerID)
	line(&b, "key.account", k.Account)
	line(&b, "key.brand", k.Brand)
	line(&b, "key.masked", k.Masked)
	line(&b, "key.issued", moment(k.IssuedAt))
	line(&b, "key.updated", moment(k.UpdatedAt))
	line(&b, "key.sandbox", k.Sandbox)
	return b.String()
}

func renderReply(status, code int, err error) string {
	var b strings.Builder
	line(&b, "http", status)
	line(&b, "code", code)
	line(&b, "error", errorText(err))
	return strings.TrimRight(b.String(), "\n")
}

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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

// canned answers the requests with its replies in order, the last one for ever, and writes the requests down.
type canned struct {
	replies  []reply
	requests []string
	hosts    []string
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody != nil {
		return nil, fmt.Errorf("%s could be sent a second time by net/http", req.URL.Path)
	}
	c.requests = append(c.requests, transcript(req))
	c.hosts = append(c.hosts, req.URL.Scheme+"://"+req.URL.Host)
	var r reply
	if n := len(c.replies); n > 0 {
		r = c.replies[min(len(c.requests), n)-1]
	}
	return &http.Response{
		StatusCode: r.status, Header: r.header, Request: req,
		Body: io.NopCloser(bytes.NewReader(r.body)), ContentLength: int64(len(r.body)),
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
			fmt.Fprintf(&b, "%s: %s\n", name, value)
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

// bearer is a source of tokens that remembers what it was told. The first token is fixtureToken, the next ones have a number.
type bearer struct {
	err     error
	asked   int
	refused int
}

func (b *bearer) Token(context.Context) (portone.Token, error) {
	b.asked++
	if b.err != nil {
		return portone.Token{}, b.err
	}
	text := fixtureToken
	if b.refused > 0 {
		text += strconv.Itoa(b.refused + 1)
	}
	return portone.NewToken(text)
}

func (b *bearer) Refused(portone.Token) { b.refused++ }
