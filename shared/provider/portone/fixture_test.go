package portone_test

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

var (
	_ payment.Finder   = (*portone.Adapter)(nil)
	_ payment.Canceler = (*portone.Adapter)(nil)
	_ payment.Windows  = portone.Windows{}
)

const fixtureToken = "fixture-token"

// TestFixtures asks every question of testdata and compares, letter by letter, the requests that were made and the answer that was understood.
// Options of the adapter stand with the call; one that begins with "client." is the client's own.
func TestFixtures(t *testing.T) {
	t.Parallel()
	for _, file := range providertest.Files(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			f := providertest.Read(t, file)
			wire := &providertest.Canned{Replies: f.Replies}
			got, digest := ask(t, wire, f.Call)

			if !slices.Equal(wire.Requests, f.Requests) {
				t.Errorf("requests:\n%s\nwant:\n%s", strings.Join(wire.Requests, "\n--\n"), strings.Join(f.Requests, "\n--\n"))
			}
			for _, host := range wire.Hosts {
				if host != "https://api.iamport.kr" {
					t.Errorf("asked %s", host)
				}
			}
			if got != f.Want {
				t.Errorf("answer:\n%s\nwant:\n%s", got, f.Want)
			}
			if !slices.ContainsFunc(f.Replies, func(r providertest.Reply) bool { return providertest.Digest(r.Body) == digest }) {
				t.Errorf("digest %q is of none of the replies", digest)
			}
		})
	}
}

// ask puts the question of a fixture and renders what came of it.
func ask(t *testing.T, wire *providertest.Canned, call map[string]string) (text, digest string) {
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
		a = adapter.Cancel(ctx, provider.Cancel{Key: call["key"], Amount: providertest.Number(t, call["amount"]), Balance: providertest.Number(t, call["balance"]),
			TaxFree: providertest.Number(t, call["tax-free"]), VAT: providertest.Part(t, call["vat"]), Reason: call["reason"], IdempotencyKey: "never sent"})
	case "charge":
		a = adapter.Charge(ctx, provider.Charge{BillingKey: call["billing-key"], Number: call["number"], Amount: providertest.Number(t, call["amount"]),
			Name: call["name"], Customer: provider.Buyer{Name: call["buyer-name"], Email: call["buyer-email"], Phone: call["buyer-phone"]},
			TaxFree: providertest.Number(t, call["tax-free"]), VAT: providertest.Part(t, call["vat"]), FailPush: call["send-fail-push"] == "true", CardQuota: int(providertest.Number(t, call["card-quota"])),
			Receipt: provider.CashReceipt{Type: call["cash-receipt-type"], TradeOption: call["trade-option"], None: call["cash-receipt"] == "false"}})
	case "register":
		a = adapter.Register(ctx, provider.Registration{Number: call["number"], Amount: providertest.Number(t, call["amount"])})
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
		addAll(shown, a)
	}
	addKey(shown, key.Key)
	return shown.String(), a.Digest
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
		r, err := client.PrepareAgain(ctx, portone.PrepareRequest{MerchantUID: call["number"], Amount: providertest.Number(t, call["amount"]), Currency: "KRW"})
		return renderReply(r.HTTP, r.Code, err) + "\namount: " + string(r.Response.Amount), r.Digest
	case "cancel":
		taxFree, vat := providertest.Number(t, call["tax-free"]), providertest.Number(t, call["vat"])
		r, err := client.Cancel(ctx, portone.CancelRequest{ImpUID: call["key"], Amount: providertest.Number(t, call["amount"]), Checksum: providertest.Number(t, call["balance"]),
			TaxFree: &taxFree, VATAmount: &vat, Reason: call["reason"]})
		return renderReply(r.HTTP, r.Code, err) + "\nkey: " + r.Response.ImpUID, r.Digest
	case "again":
		taxFree, vat := providertest.Number(t, call["tax-free"]), providertest.Number(t, call["vat"])
		r, err := client.Again(ctx, portone.AgainRequest{CustomerUID: call["billing-key"], MerchantUID: call["number"], Amount: providertest.Number(t, call["amount"]),
			Name: call["name"], TaxFree: &taxFree, VATAmount: &vat, CardQuota: int(providertest.Number(t, call["quota"]))})
		return renderReply(r.HTTP, r.Code, err) + "\nkey: " + r.Response.ImpUID, r.Digest
	}
	t.Fatalf("unknown call of the client %q", name)
	return "", ""
}

// render shows an answer as the part want does.
func render(a provider.Answer) *providertest.Lines {
	var l providertest.Lines
	l.Outcome(a, false)
	if a.Payment == (provider.Payment{}) {
		return &l
	}
	l.Payment(a.Payment)
	l.Add("payment.account", a.Payment.Account)
	l.Add("payment.billing-key", a.Payment.BillingKey)
	l.Add("payment.issuance", a.Payment.Issuance)
	return &l
}

// addAll adds what a lookup by number has shown.
func addAll(l *providertest.Lines, a provider.Answer) {
	for _, s := range a.All {
		l.Add("shown", strings.TrimSpace(fmt.Sprintf("%s %s %s", cmp.Or(s.Payment.Key, "?"), s.Verdict, s.Code)))
	}
	l.Add("complete", a.Complete)
}

func addKey(l *providertest.Lines, k provider.BillingKey) {
	if k == (provider.BillingKey{}) {
		return
	}
	l.Add("key.id", k.ID)
	l.Add("key.customer", k.CustomerID)
	l.Add("key.account", k.Account)
	l.Add("key.brand", k.Brand)
	l.Add("key.masked", k.Masked)
	l.Add("key.issued", providertest.Moment(k.IssuedAt))
	l.Add("key.updated", providertest.Moment(k.UpdatedAt))
	l.Add("key.sandbox", k.Sandbox)
}

func renderReply(status, code int, err error) string {
	var l providertest.Lines
	l.Add("http", status)
	l.Add("code", code)
	l.Add("error", providertest.ErrorText(err))
	return l.String()
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
