package boot

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/web"
)

// chargeBodies keeps the bodies of the charges, and answers every call but the token's with a 500.
type chargeBodies struct{ bodies []string }

func (c *chargeBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusInternalServerError, "{}"
	switch {
	case strings.HasSuffix(r.URL.Path, "/users/getToken"):
		status, body = http.StatusOK, `{"code":0,"message":null,"response":{"access_token":"token","now":1700000000,"expired_at":1700001800}}`
	case strings.HasSuffix(r.URL.Path, "/again"):
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.bodies = append(c.bodies, string(sent))
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: r}, nil
}

// TestPortOneSwitches: the two parameters reach the request that they are about, and nothing else of it changes.
func TestPortOneSwitches(t *testing.T) {
	t.Parallel()
	const (
		charge = `{"customer_uid":"sub-0001--key1","merchant_uid":"sub-0001--c1","amount":9900,"name":"Milk","bypass":`
		text   = `"{\"tosspay_v2\":{\"sendFailPush\":false}}"}`
		object = `{"tosspay_v2":{"sendFailPush":false}}}`
		window = `{"channelKey":"channel-key-1","pay_method":"tosspay","merchant_uid":"sub-0001--key1","customer_uid":"sub-0001--key1",` +
			`"customer_id":"customer-1","name":"Milk","amount":0,"buyer_tel":"","m_redirect_url":"https://pay.example.com/confirm/portone/sub-0001--key1/link",` +
			`"notice_url":"https://pay.example.com/webhooks/portone/link"}`
	)
	withoutAmount := strings.Replace(window, `"amount":0,`, "", 1)
	for _, tc := range []struct {
		name           string
		settings       []string
		charge, window string
	}{
		{"the defaults", nil, charge + text, window},
		{"the defaults by name", []string{"PORTONE_BYPASS", "string", "PORTONE_ISSUANCE_AMOUNT", "zero", "PORTONE_CONFIRM_GATE", "off"}, charge + text, window},
		{"an object", []string{"PORTONE_BYPASS", "object"}, charge + object, window},
		{"asks before it captures", []string{"PORTONE_CONFIRM_GATE", "on"}, charge + text, window},
		{"no amount", []string{"PORTONE_ISSUANCE_AMOUNT", "none"}, charge + text, withoutAmount},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p, err := fromEnv(env(tc.settings...), io.Discard)
			if err != nil || p.PortOne.Fault != nil {
				t.Fatal(err, p.PortOne.Fault)
			}
			pair, err := portone.NewCredentials("key", "secret")
			if err != nil {
				t.Fatal(err)
			}
			wire := &chargeBodies{}
			p.Transport, p.PortOne.Keys = wire, FixedPortOneKeys{Pair: pair}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			p.portoneAdapter().Charge(ctx, provider.Charge{BillingKey: "sub-0001--key1", Number: "sub-0001--c1", Amount: 9900, Name: "Milk"})
			if len(wire.bodies) != 1 || wire.bodies[0] != tc.charge {
				t.Errorf("the charge is\n%s\nwant\n%s", wire.bodies, tc.charge)
			}
			s := subscription.New(subscription.Subscription{
				ID: "sub-0001", Mode: "test", CustomerID: "customer-1", LinkToken: "link",
				Plan: subscription.Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}, Name: "Milk"},
			})
			got, err := p.keyWindows().KeyWindow(s, provider.Place{Base: "https://pay.example.com"})
			if asks := p.portoneWindows().AsksBefore; asks != slices.Contains(tc.settings, "on") {
				t.Errorf("asks before it captures: %v", asks)
			}
			if err != nil || string(got.Params) != tc.window {
				t.Errorf("the window is\n%s %v\nwant\n%s", got.Params, err, tc.window)
			}
		})
	}
}

// TestGateReasonsAreDeclines: what we tell PortOne becomes the payment's fail_reason. None of our sentences may pass for a reason that leaves open
// whether the money is taken: the order would wait for more than an hour for a payment that we ourselves have stopped.
func TestGateReasonsAreDeclines(t *testing.T) {
	t.Parallel()
	for _, l := range web.Languages() {
		for _, reason := range web.GateReasons() {
			text := web.Gate(l, reason)
			if code, _ := portone.Classify(portone.OpFailure, 200, text); text == "" || code != portone.CodeUnlistedMessage {
				t.Errorf("%s %s: %q is read as %s", l, reason, text, code)
			}
			if utf8.RuneCountInString(text) > 100 {
				t.Errorf("%s %s: %d characters", l, reason, utf8.RuneCountInString(text))
			}
		}
	}
}
