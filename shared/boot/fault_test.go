package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/specified"
)

// nobody is a network on which nobody may be asked.
type nobody struct{ t *testing.T }

func (n nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("%s is asked: %s %s", r.URL.Host, r.Method, r.URL.Path)
	return nil, errors.New("nobody is there")
}

// TestWrongPortOneSettingsStopPortOneAlone: Toss Payments works on. A request about PortOne gets a clear answer, nobody is asked with the
// wrong settings, and the log names the parameter, never its value, under the event that alarms.
func TestWrongPortOneSettingsStopPortOneAlone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		changes []string
		names   string
	}{
		{"user code of another form", []string{"PORTONE_USER_CODE", "imp1234567canary"}, "PortOneUserCode"},
		{"neither channel nor merchant", []string{"PORTONE_CHANNEL_KEY", "-", "PORTONE_MID", "-"}, "PortOneChannelKey"},
		{"a live merchant in test mode", []string{"PORTONE_MID", "canary"}, "PortOneMid"},
		{"the test merchant in live mode", []string{"MODE", "live", "TOSS_CLIENT_KEY", "live_ck_canary"}, "PortOneMid"},
		{"a bypass of another form", []string{"PORTONE_BYPASS", "canary"}, "PortOneBypass"},
		{"an issuance of some amount", []string{"PORTONE_ISSUANCE_AMOUNT", "canary"}, "PortOneIssuanceAmount"},
		{"a gate that is neither on nor off", []string{"PORTONE_CONFIRM_GATE", "canary"}, "PortOneConfirmGate"},
		{"no secret", []string{"PORTONE_SECRET_ID", "-"}, "PORTONE_SECRET_ID"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			p := partsOf(t, &log, tc.changes...)
			if p.PortOne.Fault == nil || !strings.Contains(p.PortOne.Fault.Error(), tc.names) {
				t.Fatalf("the fault is %v, want it to name %s", p.PortOne.Fault, tc.names)
			}
			if _, err := p.PortOne.Keys.Credentials(t.Context()); !errors.Is(err, p.PortOne.Fault) {
				t.Errorf("keys are handed out: %v", err) // with another MID in force, right payments would be given back
			}
			tossStillPays(t, p)
			portoneIsRefused(t, p)
			line, _, _ := strings.Cut(log.String(), "\n")
			if !strings.Contains(line, `"event":"config.error"`) || !strings.Contains(line, tc.names) {
				t.Errorf("the log begins with %s, want config.error and %s", line, tc.names)
			}
			if strings.Contains(log.String(), "canary") {
				t.Errorf("the log has a setting's value: %s", log.String())
			}
		})
	}
}

// partsOf are the parts that a function makes of its environment, on a table in memory and without a network.
func partsOf(t *testing.T, log *bytes.Buffer, changes ...string) Parts {
	t.Helper()
	p, err := fromEnv(env(append([]string{"PUBLIC_BASE_URL", "https://pay.example.com"}, changes...)...), log)
	if err != nil {
		t.Fatal(err)
	}
	p.readPortOneSecret(env(changes...))
	key, err := toss.NewSecretKey(p.Mode + "_sk_abc")
	if err != nil {
		t.Fatal(err)
	}
	p.Toss.Keys, p.Store, p.Transport = FixedTossKeys{Key: key}, memstore.New(), nobody{t}
	return p
}

func tossStillPays(t *testing.T, p Parts) {
	t.Helper()
	r := ask(t, specified.Door(t.Errorf)(p.Merchant()), "POST /orders", `{"orderId":"order-1","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`)
	if r.StatusCode != http.StatusCreated {
		t.Fatalf("a Toss Payments order: %d %s", r.StatusCode, r.Body)
	}
	id, token := pathOf(t, r.Body)
	r = ask(t, p.Checkout(), "GET /pay/{id}/{linkToken}", "", "id", id, "linkToken", token)
	if r.StatusCode != http.StatusOK {
		t.Errorf("its page: %d", r.StatusCode)
	}
}

func portoneIsRefused(t *testing.T, p Parts) {
	t.Helper()
	for route, body := range map[string]string{
		"POST /orders": `{"orderId":"order-2","provider":"portone","amount":15000,"currency":"KRW","name":"T-shirt"}`,
		"POST /subscriptions": `{"subscriptionId":"sub-0001","customerId":"c-1","plan":{"amount":9900,"currency":"KRW","name":"Letters",
			"interval":"month","anchorDay":1,"chargeHour":9}}`,
	} {
		r := ask(t, specified.Door(t.Errorf)(p.Merchant()), route, body)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(r.Body, "settings for the provider are wrong") {
			t.Errorf("%s: %d %s, want 503 that says why", route, r.StatusCode, r.Body)
		}
	}
	if r := ask(t, specified.Door(t.Errorf)(p.Merchant()), "GET /orders/{orderId}", "", "orderId", "order-2"); r.StatusCode != http.StatusNotFound {
		t.Errorf("the refused order is stored: %s", r.Body)
	}
	const id, token = "order-3", "link-token-of-order-3"
	before := order.New(order.Order{ID: id, Provider: "portone", Mode: p.Mode, Amount: money.Amount{Value: 15000, Currency: "KRW"}, Name: "T-shirt",
		LinkToken: token, CreatedAt: p.Now(), ExpiresAt: p.Now().Add(time.Hour)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := p.Store.Create(ctx, before); err != nil {
		t.Fatal(err)
	}
	hint := `{"imp_uid":"imp_1","merchant_uid":"order-3","status":"paid"}`
	for _, r := range []handler.Response{
		ask(t, p.Checkout(), "GET /pay/{id}/{linkToken}", "", "id", id, "linkToken", token),
		ask(t, p.Confirm(), "GET /confirm/portone/{id}/{linkToken}", "", "id", id, "linkToken", token),
	} {
		if r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("an order from before: %d %s, want 503", r.StatusCode, r.Body)
		}
	}
	r := ask(t, p.Webhook(), "POST /webhooks/portone/{webhookToken}", hint, "webhookToken", "token-1")
	o, err := p.Store.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	noted := slices.ContainsFunc(o.Ledger.Requests, func(r ledger.Request) bool { return r.Kind == ledger.Notice && r.Key == "imp_1" })
	if r.StatusCode != http.StatusOK || !noted || o.DueAt.IsZero() {
		t.Errorf("a webhook is answered %d %s, due %v, with %+v in the table; want it noted", r.StatusCode, r.Body, o.DueAt, o.Ledger.Requests)
	}
	looksUpWhatWasNoted(t, p.Store)
}

// looksUpWhatWasNoted says that the first tick after the settings were mended asks PortOne.
func looksUpWhatWasNoted(t *testing.T, table payment.Store) {
	t.Helper()
	var log bytes.Buffer
	p := partsOf(t, &log)
	asked := &everybody{}
	keys, err := portone.NewCredentials("1234567890123456", strings.Repeat("s", 80))
	if err != nil {
		t.Fatal(err)
	}
	p.Store, p.Transport, p.PortOne.Keys = table, asked, FixedPortOneKeys{Pair: keys}
	p.PortOne.adapter = nil // it has the keys of the environment
	p.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // p.Now is ahead
	defer cancel()
	if tick, err := p.Dispatcher().Run(ctx); err != nil || tick.Passed == 0 {
		t.Error(tick, err)
	}
	if !slices.ContainsFunc(asked.paths, func(path string) bool { return strings.Contains(path, "order-3") || strings.Contains(path, "imp_1") }) {
		t.Errorf("with right settings PortOne is not asked about the webhook: %v, log %s", asked.paths, log.String())
	}
}

// everybody is a network in which PortOne gives a token and no other answer, and which remembers what was asked.
type everybody struct {
	mu    sync.Mutex
	paths []string
}

func (e *everybody) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paths = append(e.paths, r.URL.Path)
	if !strings.HasSuffix(r.URL.Path, "/getToken") {
		return nil, errors.New("nobody is there")
	}
	now := time.Now().Unix()
	body := fmt.Sprintf(`{"code":0,"message":null,"response":{"access_token":"token","now":%d,"expired_at":%d}}`, now, now+1800)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// ask sends a request to a door; parameters are those of the path, by pairs.
func ask(t *testing.T, door handler.Door, route, body string, parameters ...string) handler.Response {
	t.Helper()
	r := handler.Request{RouteKey: route, Body: body, Headers: map[string]string{"content-type": "application/json"}, PathParameters: map[string]string{}}
	r.RequestContext.RequestID = "request-1"
	for i := 0; i < len(parameters); i += 2 {
		r.PathParameters[parameters[i]] = parameters[i+1]
	}
	response, err := door(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// pathOf is the id and link token of an answer's checkoutUrl.
func pathOf(t *testing.T, body string) (id, linkToken string) {
	t.Helper()
	var made struct{ CheckoutURL string }
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(made.CheckoutURL, "/")
	if len(parts) < 3 {
		t.Fatalf("no checkoutUrl in %s", body)
	}
	return parts[len(parts)-2], parts[len(parts)-1]
}
