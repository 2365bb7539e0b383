package portone_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

// charging is a charge that would be sent.
func charging() provider.Charge {
	return provider.Charge{BillingKey: "sub-0001--key1", Number: "sub-0001--c3", Amount: 9900, Name: "월간 이용권"}
}

// paidReply is the reply of find-paid.txtar.
func paidReply(t *testing.T) providertest.Reply {
	t.Helper()
	return providertest.Read(t, filepath.Join("testdata", "find-paid.txtar")).Replies[0]
}

// failing asks about a payment that failed for this reason.
func failing(t *testing.T, reason string) provider.Answer {
	t.Helper()
	quoted, err := json.Marshal(reason)
	if err != nil {
		t.Fatal(err)
	}
	r := paidReply(t)
	r.Body = []byte(strings.NewReplacer(`"status":"paid"`, `"status":"failed"`, `"fail_reason":null`, `"fail_reason":`+string(quoted)).Replace(string(r.Body)))
	return find(t, &portone.Client{Tokens: &bearer{}, Transport: providertest.Always(r)}, provider.Ref{Key: "imp_895265444670"})
}

// wrong is a question that must not be asked.
type wrong struct {
	name string
	ask  func(context.Context, *portone.Adapter) provider.Answer
	want string
}

func wrongCharges() []wrong {
	long := strings.Repeat("x", 300)
	charge := func(change func(*provider.Charge)) func(context.Context, *portone.Adapter) provider.Answer {
		return func(ctx context.Context, a *portone.Adapter) provider.Answer {
			c := charging()
			change(&c)
			return a.Charge(ctx, c)
		}
	}
	notice := func(ctx context.Context, a *portone.Adapter) provider.Answer {
		return (&portone.Adapter{Client: a.Client, NoticeURL: "http://pay.example.com/x"}).Charge(ctx, charging())
	}
	return []wrong{
		{"charge without a billing key", charge(func(c *provider.Charge) { c.BillingKey = "" }), "customer_uid"},
		{"charge with a billing key of 81", charge(func(c *provider.Charge) { c.BillingKey = long[:81] }), "customer_uid"},
		{"charge without a number", charge(func(c *provider.Charge) { c.Number = "" }), "merchant_uid"},
		{"charge with a number of 41", charge(func(c *provider.Charge) { c.Number = long[:41] }), "merchant_uid"},
		{"charge nothing", charge(func(c *provider.Charge) { c.Amount = 0 }), "amount"},
		{"charge less than nothing", charge(func(c *provider.Charge) { c.Amount = -1 }), "amount"},
		{"charge too much", charge(func(c *provider.Charge) { c.Amount = 1_000_000_001 }), "amount"},
		{"charge without a name", charge(func(c *provider.Charge) { c.Name = "" }), "name"},
		{"charge with a name of 41", charge(func(c *provider.Charge) { c.Name = strings.Repeat("가", 41) }), "name"},
		{"charge with a broken name", charge(func(c *provider.Charge) { c.Name = "\xff" }), "name"},
		{"charge with a receipt for nobody", charge(func(c *provider.Charge) { c.Receipt.Type = "personal" }), "cash_receipt_type"},
		{"charge with a quota of one month", charge(func(c *provider.Charge) { c.CardQuota = 1 }), "card_quota"},
		{"charge with more tax-free than there is", charge(func(c *provider.Charge) { c.TaxFree = c.Amount + 1 }), "tax_free"},
		{"charge with another trade", charge(func(c *provider.Charge) { c.Receipt.TradeOption = "general" }), "cashReceiptTradeOption"},
		{"charge with a notice over plain http", notice, "notice_url"},
	}
}

func wrongOthers() []wrong {
	long := strings.Repeat("x", 300)
	cancel := func(change func(*provider.Cancel)) func(context.Context, *portone.Adapter) provider.Answer {
		return func(ctx context.Context, a *portone.Adapter) provider.Answer {
			c := provider.Cancel{Key: "imp_1", Amount: 300, Balance: 1000, Reason: "asked"}
			change(&c)
			return a.Cancel(ctx, c)
		}
	}
	find := func(r provider.Ref) func(context.Context, *portone.Adapter) provider.Answer {
		return func(ctx context.Context, a *portone.Adapter) provider.Answer { return a.Find(ctx, r) }
	}
	register := func(r provider.Registration) func(context.Context, *portone.Adapter) provider.Answer {
		return func(ctx context.Context, a *portone.Adapter) provider.Answer { return a.Register(ctx, r) }
	}
	key := func(uid string) func(context.Context, *portone.Adapter) provider.Answer {
		return func(ctx context.Context, a *portone.Adapter) provider.Answer { return a.BillingKey(ctx, uid).Answer }
	}
	return []wrong{
		{"find nothing", find(provider.Ref{}), "merchant_uid"},
		{"find a key that climbs", find(provider.Ref{Key: "../users/getToken"}), "imp_uid"},
		{"find two dots", find(provider.Ref{Key: ".."}), "imp_uid"},
		{"find a key with a query", find(provider.Ref{Key: "imp_1?include_sandbox=true"}), "imp_uid"},
		{"find a key with a line break", find(provider.Ref{Key: "imp_1\r\nX: y"}), "imp_uid"},
		{"find a key with a hyphen", find(provider.Ref{Key: "imp-1"}), "imp_uid"},
		{"find a key of 33", find(provider.Ref{Key: long[:33]}), "imp_uid"},
		{"find the word that is another call", find(provider.Ref{Key: "find/1"}), "imp_uid"},
		{"find a key in other digits", find(provider.Ref{Key: "imp_１"}), "imp_uid"},
		{"find a number that climbs", find(provider.Ref{Number: "../x"}), "merchant_uid"},
		{"find a number of 41", find(provider.Ref{Number: long[:41]}), "merchant_uid"},
		{"find a number with a slash", find(provider.Ref{Number: "order/paid"}), "merchant_uid"},
		{"cancel without a key", cancel(func(c *provider.Cancel) { c.Key = "" }), "imp_uid"},
		{"cancel by our number", cancel(func(c *provider.Cancel) { c.Key = "order-0001" }), "imp_uid"},
		{"cancel nothing, which would be everything", cancel(func(c *provider.Cancel) { c.Amount = 0 }), "amount"},
		{"cancel less than nothing", cancel(func(c *provider.Cancel) { c.Amount = -300 }), "amount"},
		{"cancel more than is left", cancel(func(c *provider.Cancel) { c.Amount = 1001 }), "amount"},
		{"cancel without a balance", cancel(func(c *provider.Cancel) { c.Balance = 0 }), "amount"},
		{"cancel without a reason", cancel(func(c *provider.Cancel) { c.Reason = "" }), "reason"},
		{"cancel with a reason of 201", cancel(func(c *provider.Cancel) { c.Reason = strings.Repeat("환", 201) }), "reason"},
		{"register nothing", register(provider.Registration{Number: "order-0001"}), "amount"},
		{"register without a number", register(provider.Registration{Amount: 1}), "merchant_uid"},
		{"billing key that climbs", key("../payments"), "customer_uid"},
		{"no billing key", key(""), "customer_uid"},
	}
}

// TestRefusedBeforeSending: nothing goes out, the answer says so, and not even a token is fetched for a question that is wrong.
func TestRefusedBeforeSending(t *testing.T) {
	t.Parallel()
	for _, c := range append(wrongCharges(), wrongOthers()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wire, tokens := &providertest.Canned{}, &bearer{}
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			a := c.ask(ctx, &portone.Adapter{Client: &portone.Client{Tokens: tokens, Transport: wire}})
			wantUnsent(t, a, c.want)
			if len(wire.Requests) != 0 || tokens.asked != 0 {
				t.Errorf("%d requests were made and the token was fetched %d times", len(wire.Requests), tokens.asked)
			}
		})
	}
}

// TestChargeParameters: the rules of the parameters that the adapter does not set.
func TestChargeParameters(t *testing.T) {
	t.Parallel()
	part := func(n int64) *int64 { return &n }
	no := false
	cases := []struct {
		name   string
		change func(*portone.AgainRequest)
		want   string // empty: sent
	}{
		{"lump sum", func(*portone.AgainRequest) {}, ""},
		{"two months of 50,000", func(r *portone.AgainRequest) { r.CardQuota, r.Amount = 2, 50_000 }, ""},
		{"two months of less", func(r *portone.AgainRequest) { r.CardQuota, r.Amount = 2, 49_999 }, "card_quota needs"},
		{"one month", func(r *portone.AgainRequest) { r.CardQuota, r.Amount = 1, 50_000 }, "card_quota must be"},
		{"less than none", func(r *portone.AgainRequest) { r.CardQuota, r.Amount = -2, 50_000 }, "card_quota must be"},
		{"61 months", func(r *portone.AgainRequest) { r.CardQuota, r.Amount = 61, 50_000 }, "card_quota must be"},
		{"all of it free of tax", func(r *portone.AgainRequest) { r.TaxFree, r.VATAmount = part(9900), part(0) }, ""},
		{"more than all of it", func(r *portone.AgainRequest) { r.TaxFree = part(9901) }, "tax_free"},
		{"a negative tax", func(r *portone.AgainRequest) { r.VATAmount = part(-1) }, "tax_free"},
		{"name of 40 in 120 bytes", func(r *portone.AgainRequest) { r.Name = strings.Repeat("가", 40) }, ""},
		{"buyer's name of 17", func(r *portone.AgainRequest) { r.BuyerName = strings.Repeat("길", 17) }, "buyer_name"},
		{"buyer's email of 65", func(r *portone.AgainRequest) { r.BuyerEmail = strings.Repeat("e", 65) }, "buyer_name"},
		{"buyer's telephone of 17", func(r *portone.AgainRequest) { r.BuyerTel = strings.Repeat("0", 17) }, "buyer_name"},
		{"anonymous, and no receipt", func(r *portone.AgainRequest) { r.CashReceiptType, r.Bypass.CashReceipt = "anonymous", &no }, ""},
		{"company", func(r *portone.AgainRequest) { r.CashReceiptType = "company" }, ""},
		{"public transport", func(r *portone.AgainRequest) { r.Bypass.CashReceiptTradeOption = "PUBLIC_TP" }, ""},
		{"a customer_uid of 80", func(r *portone.AgainRequest) { r.CustomerUID = strings.Repeat("k", 80) }, ""},
		{"a merchant_uid of 40", func(r *portone.AgainRequest) { r.MerchantUID = strings.Repeat("m", 40) }, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := portone.AgainRequest{CustomerUID: "k", MerchantUID: "m", Amount: 9900, Name: "n"}
			c.change(&r)
			wire := providertest.Always(providertest.Reply{Status: 500})
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			got, err := (&portone.Client{Tokens: &bearer{}, Transport: wire}).Again(ctx, r)
			if c.want == "" && (len(wire.Requests) != 1 || !strings.Contains(wire.Requests[0], `sendFailPush`)) {
				t.Errorf("requests %q, error %v", wire.Requests, err)
			}
			if c.want != "" && (len(wire.Requests) != 0 || got.Sent || err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%d requests, error %v, want one that says %q", len(wire.Requests), err, c.want)
			}
		})
	}
}

// TestRefusedByTheSetting: the ways in which a client must not be used at all.
func TestRefusedByTheSetting(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		client portone.Client
		want   string
	}{
		{"no source of tokens", portone.Client{}, "no source of tokens"},
		{"the source fails", portone.Client{Tokens: &bearer{err: errors.New("no such secret")}}, "token: no such secret"},
		{"no source of keys", *portone.NewClient(nil, time.Now, portone.Client{}), "no source of API keys"},
		{"no clock", *portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, nil, portone.Client{}), "no clock"},
		{"the source of keys fails", *portone.NewClient(&vault{err: errors.New("no such secret")}, time.Now, portone.Client{}), "API key: no such secret"},
		{"the source has no key", *portone.NewClient(&vault{}, time.Now, portone.Client{}), "returned none"},
	}
	for what, base := range providertest.BadBases("api.iamport.kr") {
		cases = append(cases, struct {
			name   string
			client portone.Client
			want   string
		}{what, portone.Client{Tokens: &bearer{}, BaseURL: base}, "base URL"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wire := &providertest.Canned{}
			c.client.Transport = wire
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			wantUnsent(t, (&portone.Adapter{Client: &c.client}).Charge(ctx, charging()), c.want)
			if len(wire.Requests) != 0 {
				t.Errorf("%d requests were made", len(wire.Requests))
			}
		})
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                                  "https://api.iamport.kr/payments/imp_1",
		"https://static-api.iamport.kr/":    "https://static-api.iamport.kr/payments/imp_1",
		"http://127.0.0.1:3000/sim/portone": "http://127.0.0.1:3000/sim/portone/payments/imp_1",
		"http://[::1]:3000":                 "http://[::1]:3000/payments/imp_1",
	} {
		wire := providertest.Always(providertest.Reply{Status: 500})
		find(t, &portone.Client{Tokens: &bearer{}, Transport: wire, BaseURL: base}, provider.Ref{Key: "imp_1"})
		if len(wire.Requests) != 1 || !strings.Contains(wire.Hosts[0]+strings.TrimPrefix(wire.Requests[0], "GET "), want+"\n") {
			t.Errorf("base %q: asked %q %q, want %q", base, wire.Hosts, wire.Requests, want)
		}
	}
}

// TestNoDeadline: a call that could last for ever is not begun, and neither is the fetch of a token for it.
func TestNoDeadline(t *testing.T) {
	t.Parallel()
	wire := &providertest.Canned{}
	adapter := &portone.Adapter{Client: portone.NewClient(&vault{keys: newCredentials(t, "key", "secret")}, time.Now, portone.Client{Transport: wire})}
	ctx := context.WithoutCancel(t.Context())
	wantUnsent(t, adapter.Charge(ctx, charging()), "no deadline")
	wantUnsent(t, adapter.Find(ctx, provider.Ref{Key: "imp_1"}), "no deadline")
	if _, err := adapter.Client.GetToken(ctx, newCredentials(t, "key", "secret")); err == nil || !strings.Contains(err.Error(), "no deadline") {
		t.Errorf("error %v", err)
	}
	if len(wire.Requests) != 0 {
		t.Errorf("%d requests were made", len(wire.Requests))
	}
}

// TestDeadlineIsOver: nothing is sent when there is no time left for an answer.
func TestDeadlineIsOver(t *testing.T) {
	t.Parallel()
	wire := &providertest.Canned{}
	adapter := &portone.Adapter{Client: &portone.Client{Tokens: &bearer{}, Transport: wire}}
	ctx, stop := context.WithTimeout(t.Context(), -time.Second)
	defer stop()
	a := adapter.Charge(ctx, charging())
	wantUnsent(t, a, "deadline exceeded")
	if !errors.Is(a.Err, context.DeadlineExceeded) || len(wire.Requests) != 0 {
		t.Errorf("error %v after %d requests", a.Err, len(wire.Requests))
	}
}

// slowBearer is a source whose token takes long; meanwhile the process stood still.
type slowBearer struct {
	bearer
	passed func()
}

func (b *slowBearer) Token(ctx context.Context) (portone.Token, error) {
	b.passed()
	return b.bearer.Token(ctx)
}

// TestAgainIsNotSentTooLate: a charge is compared with the wall clock after all that takes time, right before it leaves.
func TestAgainIsNotSentTooLate(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 31, 1, 0, 0, 0, time.UTC)
	for _, late := range []time.Duration{time.Minute, time.Minute - time.Nanosecond} {
		wire, at := providertest.Always(providertest.Reply{Status: 500}), now
		tokens := &slowBearer{passed: func() { at = now.Add(late) }}
		adapter := &portone.Adapter{Client: &portone.Client{Tokens: tokens, Transport: wire, Now: func() time.Time { return at }}}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		charge := charging()
		charge.NotAfter = now.Add(time.Minute)
		a := adapter.Charge(ctx, charge)
		if sent := late < time.Minute; a.Sent != sent || len(wire.Requests) > 1 || (len(wire.Requests) == 1) != sent {
			t.Errorf("%v later: sent %t, %d requests, %v", late, a.Sent, len(wire.Requests), a.Err)
		}
	}
}

// TestReceiptIsChecked: what pages link to is of the expected form, or left out.
func TestReceiptIsChecked(t *testing.T) {
	t.Parallel()
	good := `"receipt_url":"https://pay.toss.im/receipt/1"`
	for _, bad := range []string{`"receipt_url":"javascript:alert(1)"`, `"receipt_url":"http://x"`, `"receipt_url":null`, `"receipt_url":""`,
		`"receipt_url":"https://x/` + strings.Repeat("x", 3000) + `"`} {
		r := paidReply(t)
		r.Body = []byte(strings.Replace(string(r.Body), good, bad, 1))
		a := find(t, &portone.Client{Tokens: &bearer{}, Transport: providertest.Always(r)}, provider.Ref{Key: "imp_895265444670"})
		if a.Verdict != provider.Paid || a.Payment.ReceiptURL != "" {
			t.Errorf("%.60s: verdict %s, receipt %.60q", bad, a.Verdict, a.Payment.ReceiptURL)
		}
	}
}

// TestHalfAReply: a connection that is lost in the middle of the body is no reply, although its status was read.
func TestHalfAReply(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 401, 404} {
		client := &portone.Client{Tokens: &bearer{}, Transport: providertest.Half{Status: status, Body: []byte(`{"code":1,"message":"등록되지 않은 구매자입니다."}`)}}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		a := (&portone.Adapter{Client: client}).Charge(ctx, charging())
		if a.Verdict != provider.Unknown || a.Answered() || a.Code != provider.NoAnswer || !a.Sent || !errors.Is(a.Err, io.ErrUnexpectedEOF) {
			t.Errorf("answer %+v, want one without a reply", a)
		}
	}
}

// TestOverNetHTTP: what only the real transport shows: no header of ours that nobody asked for, no redirect, one request.
func TestOverNetHTTP(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		for name := range r.Header {
			if strings.Contains(strings.ToLower(name), "idempotency") || name == "Accept-Language" {
				t.Errorf("%s was sent", name)
			}
		}
		if got := r.Header.Get("Authorization"); got != "Bearer "+fixtureToken {
			t.Errorf("authorization of %d characters", len(got))
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusPermanentRedirect)
	}))
	defer server.Close()
	client := &portone.Client{Tokens: &bearer{}, BaseURL: server.URL, Transport: server.Client().Transport}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a := (&portone.Adapter{Client: client}).Charge(ctx, charging())
	if a.Verdict != provider.Unknown || a.HTTP != http.StatusPermanentRedirect || a.Code != provider.Unreadable || requests.Load() != 1 {
		t.Errorf("answer %+v after %d requests", a, requests.Load())
	}
}

// TestNobodyListens: a refused connection proves that nothing was sent.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	client := &portone.Client{Tokens: &bearer{}, BaseURL: providertest.Nobody(t), Transport: &http.Transport{}}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	a := (&portone.Adapter{Client: client}).Charge(ctx, charging())
	if a.Sent || a.Verdict != provider.Unknown || a.Code != provider.NoAnswer || a.Err == nil {
		t.Errorf("answer %+v, want one that was not sent", a)
	}
}

// TestChargeIsWrittenOnce: a kept connection dies after the charge was written to it. net/http would repeat a request that it holds
// for repeatable; PortOne would charge twice.
func TestChargeIsWrittenOnce(t *testing.T) {
	t.Parallel()
	server := providertest.NewDying(t, providertest.Reply{Status: 404, Body: []byte(`{"code":-1,"message":"?","response":null}`)}, false)
	client := &portone.Client{Tokens: &bearer{}, BaseURL: server.URL, Transport: &http.Transport{}}
	adapter := &portone.Adapter{Client: client}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if first := adapter.Find(ctx, provider.Ref{Key: "imp_1"}); first.HTTP != 404 {
		t.Fatalf("first answer %+v", first)
	}
	second := adapter.Charge(ctx, charging())
	if !second.Sent || second.Answered() || second.Verdict != provider.Unknown {
		t.Errorf("answer %+v, want one that may have been sent", second)
	}
	var methods []string
	for _, r := range server.Received() {
		methods = append(methods, r.Method)
	}
	if !slices.Equal(methods, []string{"GET", "POST"}) {
		t.Errorf("written: %v, want the charge once", methods)
	}
}

// TestDialErrorAfterARequestWasWritten: net/http repeats a lookup when a kept connection dies under it. If that repetition cannot
// connect, the error is a dial's, and yet the first request was sent.
func TestDialErrorAfterARequestWasWritten(t *testing.T) {
	t.Parallel()
	server := providertest.NewDying(t, providertest.Reply{Status: 404, Body: []byte(`{"code":-1,"message":"?","response":null}`)}, true)
	client := &portone.Client{Tokens: &bearer{}, BaseURL: server.URL, Transport: &http.Transport{}}
	if first := find(t, client, provider.Ref{Key: "imp_1"}); first.HTTP != 404 {
		t.Fatalf("first answer %+v", first)
	}
	second := find(t, client, provider.Ref{Key: "imp_1"})
	if !second.Sent || second.Answered() || second.Verdict != provider.Unknown || !strings.Contains(fmt.Sprint(second.Err), "dial") {
		t.Errorf("answer %+v, want one that was sent, with a dial's error", second)
	}
}

// TestDeadlineWhileWaiting: the answer that does not come in time is no answer, and may have been processed.
func TestDeadlineWhileWaiting(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	waiting, give := context.WithCancel(ctx)
	client := &portone.Client{Tokens: &bearer{}, Transport: providertest.Silent{Give: give}}
	a := (&portone.Adapter{Client: client}).Charge(waiting, charging())
	if !a.Sent || a.Answered() || a.Verdict != provider.Unknown || !errors.Is(a.Err, context.Canceled) {
		t.Errorf("answer %+v", a)
	}
}

func TestTiming(t *testing.T) {
	t.Parallel()
	if timing := portone.Timing(); timing.ConfirmWindow != 0 || timing.PendingMax < 70*time.Minute {
		t.Errorf("timing %+v: there is no confirm, and a window of 60 minutes may end in a payment that is pending for 10", timing)
	}
}

func find(t *testing.T, client *portone.Client, ref provider.Ref) provider.Answer {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	return (&portone.Adapter{Client: client}).Find(ctx, ref)
}

func wantUnsent(t *testing.T, a provider.Answer, want string) {
	t.Helper()
	providertest.WantUnsent(t, "portone", a, want)
}
