package deploy_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/scene"
)

// importedID is the id of the subscription that comes with the key of events/subscription-imported.json.
var importedID = payment.ImportedID(scene.Imported, 1)

// portoneReplays are the files of events/ about PortOne, subscriptions and both providers' webhooks.
var portoneReplays = map[string]replay{
	"portone-order-extras": {status: 201,
		has: []string{`"tax_free":5000,"vat_amount":909`, `"app_scheme":"myshop://"`, `"custom_data":{"cart":"7"}`, `"taxFreeAmount":5000`},
		id:  eventPortOneOrder, order: order.Open, calls: map[string]int{"portone token": 1, "portone prepare": 1},
		requests: map[string]int{"PutItem": 1}, logged: "order.created"},
	"portone-order-created": {status: 201,
		has: []string{`"status":"open"`, `"window":{"channelKey":"` + portonesim.TestChannelKey + `"`, `"pay_method":"tosspay_card"`, `"amount":15000`,
			`"card":{"useInstallment":true}`, `"bypass":{"tosspay_v2":{"cashReceiptTradeOption":"CULTURE"}}`,
			`"notice_url":"` + eventOrigin + `/webhooks/portone/`},
		hasNot: []string{eventHookToken},
		id:     eventPortOneOrder, order: order.Open, calls: map[string]int{"portone token": 1, "portone prepare": 1},
		requests: map[string]int{"PutItem": 1}, logged: "order.created"},
	"portone-order-refused-method": {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"portone.payMethod"`},
		requests: map[string]int{"GetItem": 1}}, // was it taken before?
	"subscription-created": {status: 201,
		has: []string{`"status":"enrolling"`, `"checkoutUrl":"` + eventOrigin + `/pay/member-0001--key1/`, `"customer_uid":"member-0001--key1"`,
			`"merchant_uid":"member-0001--key1"`, `"customer_id":"cust-1001"`, `"amount":0`, `"m_redirect_url":"` + eventOrigin + `/confirm/portone/member-0001--key1/`},
		subscription: subscription.Enrolling, issuing: 1, requests: map[string]int{"PutItem": 1}, logged: "subscription.created"},
	"subscription-conflict": {status: 409, has: []string{`"code":"SUBSCRIPTION_EXISTS"`},
		hasNot: []string{"9900", "12900", eventEmail}, subscription: subscription.Enrolling, issuing: 1, requests: map[string]int{"PutItem": 1}},
	"subscription-refused-customer": {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"customerId"`}},
	"subscription-import-refused":   {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"firstChargeAt"`}},
	"subscription-imported": {status: 201,
		has:      []string{`"status":"active"`, `"subscriptionId":"` + importedID + `"`, `"means":{"key":"minji_0001_1234"`, `-10-25T00:00:00Z"`},
		imported: importedID, subscription: subscription.Active,
		calls: map[string]int{"portone token": 1, "portone customer": 1, "portone schedules": 1}, requests: map[string]int{"GetItem": 1, "PutItem": 1},
		logged: "subscription.created"},
	"subscription-read": {status: 200,
		has:    []string{`"status":"enrolling"`, `"customerId":"cust-1001"`, `"amount":9900`},
		hasNot: []string{eventEmail, eventPhone, eventName, `"window"`}, subscription: subscription.Enrolling, issuing: 1, requests: map[string]int{"GetItem": 1}},
	"subscription-list": {status: 200,
		has:    []string{`{"subscriptions":[{"subscriptionId":"member-0001","status":"enrolling"`},
		hasNot: []string{eventEmail, eventPhone, eventName, `"window"`, `"next"`}, subscription: subscription.Enrolling, issuing: 1,
		requests: map[string]int{"Query": 8, "BatchGetItem": 1}},

	"subscription-paused": {status: 200, has: []string{`"status":"paused"`, `"means":{"key":"member-0001--key1"`},
		hasNot: []string{`"dueAt"`, eventEmail}, subscription: subscription.Paused, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"subscription-resumed": {status: 200, has: []string{`"status":"active"`, `"dueAt"`}, hasNot: []string{eventEmail},
		subscription: subscription.Active, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"subscription-cancelled": {status: 200, has: []string{`"status":"canceled"`, `"deletedAt"`},
		hasNot: []string{eventEmail}, subscription: subscription.Canceled, calls: map[string]int{"portone token": 1, "portone delete-customer": 1},
		requests: map[string]int{"GetItem": 2, "PutItem": 2}},
	"subscription-cancel-refused": {status: 400, has: []string{`"code":"INVALID_FIELD"`, `"field":"at"`},
		subscription: subscription.Active},
	"subscription-plan": {status: 200, has: []string{`"amount":12900`, `"name":"Coffee every month, large"`},
		subscription: subscription.Active, plan: 12900, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"subscription-plan-rise": {status: 200, has: []string{`"consent":{"state":"needed"`, `"kind":"price-rise","before":9900,"after":12900,`},
		subscription: subscription.Active, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"consent-page": {status: 200, has: []string{"Do you agree?", "₩9,900", "₩12,900", `value="agree"`, `value="refuse"`},
		subscription: subscription.Active, requests: map[string]int{"GetItem": 1}},
	"consent-given": {status: 303, subscription: subscription.Active, plan: 12900, requests: map[string]int{"GetItem": 2, "PutItem": 1}},
	"subscription-renewed": {status: 200,
		has:          []string{`"status":"active"`, `"checkoutUrl":"` + eventOrigin + `/pay/member-0001--key2/`, `"customer_uid":"member-0001--key2"`},
		subscription: subscription.Active, issuing: 2, requests: map[string]int{"GetItem": 1, "PutItem": 1}},

	"portone-checkout-page": {status: 200,
		has: []string{"Review your order", "15,000", "https://cdn.iamport.kr/v1/iamport.js", portonesim.DefaultUserCode, `"pay_method":"tosspay"`},
		id:  eventPortOneOrder, order: order.Open, requests: map[string]int{"GetItem": 1}},
	"subscription-checkout-page": {status: 200,
		has:          []string{"9,900", "https://cdn.iamport.kr/v1/iamport.js", `"customer_uid":"member-0001--key1"`},
		subscription: subscription.Enrolling, issuing: 1, requests: map[string]int{"GetItem": 1}},

	"return-mobile": {status: 200, has: []string{"Payment complete"}, hasNot: []string{"Pay again"},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"portone token": 1, "portone find-all": 1}, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"return-popup": {status: 200, has: []string{"Payment complete"}, hasNot: []string{"Pay again"},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"portone token": 1, "portone find-all": 1}, requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"return-number-only": {status: 200, has: []string{"Payment complete"},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: map[string]int{"portone token": 1, "portone find-all": 1},
		requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"return-cancelled": {status: 200, has: []string{"nothing was charged", "Pay again"},
		hasNot: []string{"Payment complete", "결제포기"}, id: eventPortOneOrder, order: order.Open, attempt: 2,
		calls:    map[string]int{"portone token": 1, "portone find-all": 1, "portone prepare": 1},
		requests: map[string]int{"GetItem": 1, "PutItem": 1}},
	"return-forged": {status: 200, has: []string{"/pay/"},
		hasNot: []string{"Payment complete", "<script>alert"}, id: eventPortOneOrder, order: order.Open,
		calls:    map[string]int{"portone token": 1, "portone find-all": 1, "portone payment": 1},
		requests: map[string]int{"GetItem": 1, "PutItem": 1}}, // a payment that is not shown yet is looked up again
	"return-other-amount": {status: 200, has: []string{"15,000"}, hasNot: []string{"Payment complete"},
		id: eventPortOneOrder, order: order.Open, attempt: 2, moved: []int64{100, -100},
		calls:    map[string]int{"portone token": 1, "portone find-all": 1, "portone cancel": 1, "portone prepare": 1},
		requests: map[string]int{"GetItem": 1, "PutItem": 2}, logged: "money.reversal"},
	"gate-approved": {status: 200, has: []string{`{"result":"ok"}`}, hasNot: []string{"reason"},
		id: eventPortOneOrder, order: order.Processing, requests: map[string]int{"GetItem": 1, "PutItem": 1}, logged: "gate.approved"},
	"gate-again": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Processing, requests: map[string]int{"GetItem": 1}, logged: "gate.approved"},
	"gate-other-amount": {status: 409, has: []string{`{"reason":"The amount is not that of your order.`}, hasNot: []string{"15000", "ok"},
		id: eventPortOneOrder, order: order.Open, requests: map[string]int{"GetItem": 1}, logged: "security.amount_mismatch"},
	"return-issued": {status: 200, has: []string{"신한카드"}, hasNot: []string{"Payment complete"},
		subscription: subscription.Active, calls: keyLooked, requests: map[string]int{"GetItem": 1, "PutItem": 2}, logged: "subscription.transition"},
	"return-not-issued": {status: 200, has: []string{"/pay/member-0001--key2/"},
		hasNot: []string{"결제포기", "신한카드"}, subscription: subscription.Enrolling, issuing: 2, calls: keyLooked,
		requests: map[string]int{"GetItem": 1, "PutItem": 2}},

	"webhook-portone-paid": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: looked, requests: map[string]int{"GetItem": 1, "UpdateItem": 1, "PutItem": 1},
		logged: "webhook.received"},
	"webhook-portone-form": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: looked, requests: map[string]int{"GetItem": 1, "UpdateItem": 1, "PutItem": 1},
		logged: "webhook.received"},
	"webhook-portone-odd": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount}, calls: looked, requests: map[string]int{"UpdateItem": 1, "PutItem": 1},
		logged: "webhook.received"},
	"webhook-portone-duplicate": {status: 200,
		has: []string{`{"result":"ok"}`}, id: eventPortOneOrder, order: order.Paid, moved: []int64{eventAmount},
		calls: map[string]int{"portone token": 1, "portone payment": 2}, requests: map[string]int{"GetItem": 1, "UpdateItem": 2, "PutItem": 2}, logged: "webhook.received"},
	"webhook-portone-issued": {status: 200, has: []string{`{"result":"ok"}`},
		subscription: subscription.Active, calls: keyLooked, requests: map[string]int{"GetItem": 2, "PutItem": 2}, logged: "subscription.transition"},
	"webhook-portone-cancelled": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Refunded, moved: []int64{eventAmount, -eventAmount}, calls: looked,
		requests: map[string]int{"GetItem": 1, "UpdateItem": 2, "PutItem": 2}, logged: "money.transition"},
	"webhook-portone-forged": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Open, calls: map[string]int{"portone token": 1, "portone payment": 1, "portone find-all": 1},
		requests: map[string]int{"UpdateItem": 1, "PutItem": 1}, logged: "webhook.received"},
	"webhook-portone-unknown-order": {status: 200, has: []string{`{"result":"ok"}`},
		id: eventPortOneOrder, order: order.Open, requests: map[string]int{"UpdateItem": 1}, logged: "webhook.received"},
	"webhook-portone-malformed": {status: 400, has: []string{`"code":"INVALID_WEBHOOK"`},
		id: eventPortOneOrder, order: order.Open, moved: []int64{eventAmount}, logged: "webhook.unreadable"},
	"webhook-wrong-token": {status: 404, has: []string{`{"message":"Not Found"}`},
		hasNot: []string{"token", "ok"}, id: eventPortOneOrder, order: order.Open, moved: []int64{eventAmount},
		requests: map[string]int{"GetItem": 1}}, // is it the order's own?

	"webhook-toss-paid": {status: 200, has: []string{`{"result":"ok"}`}, order: order.Paid, moved: []int64{eventAmount},
		calls: map[string]int{"find": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}, logged: "webhook.received"},
	"webhook-toss-cancelled": {status: 200, has: []string{`{"result":"ok"}`}, order: order.Refunded,
		moved: []int64{eventAmount, -eventAmount}, calls: map[string]int{"find": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1},
		logged: "money.transition"},
	"webhook-toss-deposit": {status: 200, has: []string{`{"result":"ok"}`}, order: order.Open,
		calls: map[string]int{"find-by-order": 1}, requests: map[string]int{"UpdateItem": 1, "PutItem": 1}, logged: "webhook.received"},
	"webhook-toss-unknown-event": {status: 200, has: []string{`{"result":"ok"}`}, order: order.Open, logged: "webhook.received"},
}

// What one question to PortOne costs, with the token that a new function needs first.
var (
	looked    = map[string]int{"portone token": 1, "portone payment": 1}
	keyLooked = map[string]int{"portone token": 1, "portone customer": 1}
)

// checkWebhook: the committed event is the very webhook that the provider sends of this payment, in whichever form.
func checkWebhook(t *testing.T, e events.APIGatewayV2HTTPRequest, sent *hooks.Delivery) {
	t.Helper()
	if sent == nil || !slices.Contains([]string{eventHookToken, eventLink}, e.PathParameters["webhookToken"]) || !json.Valid([]byte(e.Body)) && !e.IsBase64Encoded {
		return // nobody's but a forger's
	}
	if to := eventOrigin + e.RawPath; sent.URL != to {
		t.Errorf("the provider sends to %s, the event is for %s", sent.URL, to)
	}
	got, want := told(t, e.Headers["content-type"], []byte(eventBody(t, e))), told(t, sent.ContentType, sent.Body)
	if !maps.Equal(got, want) {
		t.Errorf("the provider says %v, the event %v", want, got)
	}
}

// told is what a webhook says of a payment; ids that the provider invents and times are left out.
func told(t *testing.T, contentType string, body []byte) map[string]string {
	t.Helper()
	said := map[string]string{}
	if strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		values, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatal(err)
		}
		for name := range values {
			said[name] = values.Get(name)
		}
		return said
	}
	var parts map[string]any
	if err := json.Unmarshal(body, &parts); err != nil {
		t.Fatal(err)
	}
	if data, nested := parts["data"].(map[string]any); nested {
		said["eventType"], _ = parts["eventType"].(string)
		parts = data
	}
	for _, name := range []string{"imp_uid", "merchant_uid", "status", "paymentKey", "orderId"} {
		if text, ok := parts[name].(string); ok {
			said[name] = text
		}
	}
	return said
}

// testWrongPortOneSecret: keys that PortOne does not take, or no secret at all, lose no payment: the alarm rings, nobody is told to pay
// again, and with the right ones the same redirect is paid.
func testWrongPortOneSecret(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	tests := []struct {
		name, secret string
		status       int
		order        order.Status
	}{
		{"no secret", "", http.StatusServiceUnavailable, order.Processing},
		{"not its form", `{"secretKey":"abc"}`, http.StatusServiceUnavailable, order.Processing},
		{"only the key", `{"impKey":"` + portonesim.DefaultImpKey + `"}`, http.StatusServiceUnavailable, order.Processing},
		{"placeholder", secretsOf["PortOneSecret"].placeholder, http.StatusServiceUnavailable, order.Processing},
		{"another account's", `{"impKey":"0000000000000000","impSecret":"WrongPortOneSecret"}`, http.StatusOK, order.Processing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine)
			s.set(scene.BoughtPortOne("redirect", "approve"))
			s.putSecret(portoneSecretID, tt.secret)
			_, payload := readEvent(t, "return-mobile")
			p := s.start("confirm", nil)
			response := p.invoke(payload)
			if response.StatusCode != tt.status || strings.Contains(response.Body, "Payment complete") || strings.Contains(response.Body, "Pay again") {
				t.Errorf("status %d, want %d: %s", response.StatusCode, tt.status, response.Body)
			}
			if o := s.read(eventPortOneOrder); o.Status != tt.order {
				t.Errorf("the order is %s, want %s", o.Status, tt.order)
			}
			alarm := func(line map[string]any) bool { return line["event"] == "config.error" }
			if !slices.ContainsFunc(p.logs("WrongPortOneSecret", "REPLACE_ME"), alarm) {
				t.Errorf("no config.error:\n%s", p.stdout.String())
			}

			s.putSecret(portoneSecretID, portoneSecret)
			s.letTimePass(eventPortOneOrder)
			if body := s.start("confirm", nil).invoke(payload).Body; !strings.Contains(body, "Payment complete") {
				t.Errorf("the secret is mended and the buyer reads:\n%s", body)
			}
			s.moved(eventPortOneOrder, eventAmount)
		})
	}
}

// testWithoutPortOne: who does not offer PortOne needs nothing of it, and its routes are closed without a crash.
func testWithoutPortOne(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	none := map[string]string{"PORTONE_USER_CODE": "", "PORTONE_CHANNEL_KEY": "", "PORTONE_MID": "", "PORTONE_SECRET_ID": ""}
	tests := []struct {
		event string
		given scene.Step
		class int // of the status: 2 or 4
	}{
		{"order-created", nil, 2},
		{"checkout-page", scene.Open, 2},
		{"confirm-success", scene.Approved, 2},
		{"webhook-toss-paid", scene.Unheard, 2},
		{"portone-order-created", nil, 4},
		{"subscription-created", nil, 4},
		{"subscription-read", nil, 4},
		{"subscription-checkout-page", nil, 4},
		{"return-issued", nil, 4},
		{"return-mobile", nil, 4},
		{"webhook-portone-issued", nil, 4}, // the addresses of records that are not there
		{"webhook-portone-paid", nil, 4},
		{"webhook-portone-forged", nil, 2}, // the deployment's own
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine)
			s.set(tt.given)
			_, payload := readEvent(t, tt.event)
			p := s.start(doorOf(scene.Events[tt.event].Function), none)
			if response := p.invoke(payload); response.StatusCode/100 != tt.class {
				t.Errorf("status %d, want %dxx: %s", response.StatusCode, tt.class, response.Body)
			}
			if calls := s.portone.Calls(); len(calls) > 0 || s.secretReads(portoneSecretID) > 0 {
				t.Errorf("PortOne was asked %v, its secret read %d times", calls, s.secretReads(portoneSecretID))
			}
			p.logs()
		})
	}
}

// testSources: with a list of addresses, a webhook from elsewhere is nobody's; the address is API Gateway's word and no header's.
func testSources(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	tests := []struct {
		name, sources string
		status        int
		order         order.Status
	}{
		{"listed", "52.78.48.223,52.78.100.19", http.StatusOK, order.Paid},
		{"not listed", "52.78.48.223,52.78.5.241", http.StatusNotFound, order.Open},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, doors, engine)
			s.set(scene.BoughtPortOne("popup", "close-popup"))
			event, _ := readEvent(t, "webhook-portone-paid")
			event.Headers["x-forwarded-for"] = "52.78.48.223"
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			p := s.start("webhook", map[string]string{"PORTONE_SOURCES": tt.sources, "TOSS_SOURCES": "192.0.2.1"})
			if response := p.invoke(payload); response.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", response.StatusCode, tt.status, response.Body)
			}
			if o := s.read(eventPortOneOrder); o.Status != tt.order {
				t.Errorf("the order is %s, want %s", o.Status, tt.order)
			}
			p.logs()
		})
	}
}
