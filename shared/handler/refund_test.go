package handler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/telemetry"
)

// decider is the merchant's door with what records refunds and decisions, beside a house whose order-1 is paid.
func decider(t *testing.T) (*house, handler.Door) {
	t.Helper()
	h := newHouse(t, "https://pay.example")
	h.create(t, body)
	if paid := call(t, h.confirm, success(good)); paid.StatusCode != http.StatusOK {
		t.Fatal(paid.Body)
	}
	var log bytes.Buffer
	settler := &payment.Settler{
		Orders: h.store, Claims: h.store, Now: time.Now, Log: telemetry.New(&log, "debug"),
		Wait:     func(context.Context, time.Duration) error { return errors.New("no time to wait") },
		Gateways: map[string]payment.Gateway{"toss": {Finder: h.provider, Confirmer: h.provider, Canceler: h.provider, Timing: provider.Timing{ConfirmWindow: time.Minute}}},
	}
	return h, handler.Merchant(&payment.Merchant{Orders: h.store, Mode: "test", Now: time.Now, Settler: settler}, nil, telemetry.New(&log, "debug"), "https://pay.example")
}

func (h *house) stored(t *testing.T) order.Order {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	o, err := h.store.Get(ctx, "order-1")
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// edit changes the ledger of order-1 in the table.
func (h *house) edit(t *testing.T, change func(*ledger.Order)) {
	t.Helper()
	o := h.stored(t)
	l := o.Ledger
	change(&l)
	l.Revision++
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := h.store.Save(ctx, o.With(l, time.Now())); err != nil {
		t.Fatal(err)
	}
}

func inReview(l *ledger.Order) { l.End, l.Why = ledger.EndReview, "a test" }

func wantAnswer(t *testing.T, what string, r handler.Response, status int, contains string) {
	t.Helper()
	if r.StatusCode != status || !strings.Contains(r.Body, contains) {
		t.Errorf("%s: %d %s, want %d and %q", what, r.StatusCode, r.Body, status, contains)
	}
}

// TestRefundsAreExact: an amount that was given is refunded, and no other: 0 is no way to say all. The same id is the same refund.
func TestRefundsAreExact(t *testing.T) {
	t.Parallel()
	h, door := decider(t)
	h.edit(t, func(l *ledger.Order) { l.Payments[0].WholeOnly = false })
	refund := func(body string) handler.Response {
		return call(t, door, event("POST /orders/{orderId}/refunds", "", body, "orderId", "order-1"))
	}
	for _, amount := range []string{"0", "-1"} {
		wantAnswer(t, amount, refund(fmt.Sprintf(`{"refundId":"r1","amount":%s}`, amount)), http.StatusBadRequest, `"amount"`)
	}
	wantAnswer(t, "too much", refund(`{"refundId":"r1","amount":15001}`), http.StatusConflict, "OVER_BALANCE")
	for range 2 {
		wantAnswer(t, "5000", refund(`{"refundId":"r1","amount":5000}`), http.StatusAccepted, `"refundable":10000`)
	}
	wantAnswer(t, "another amount", refund(`{"refundId":"r1","amount":4000}`), http.StatusConflict, "REFUND_EXISTS")
	wantAnswer(t, "the same again, and all", refund(`{"refundId":"r1"}`), http.StatusAccepted, `"amount":5000`)
	wantAnswer(t, "the rest", refund(`{"refundId":"r2"}`), http.StatusAccepted, `"refundable":0`)
	if o := h.stored(t); len(o.Ledger.Requests) != 2 || o.Ledger.Requests[1].Amount != 10000 {
		t.Errorf("%+v", o.Ledger.Requests)
	}
	h.edit(t, inReview)
	wantAnswer(t, "in review", refund(`{"refundId":"r3","amount":100}`), http.StatusConflict, "NOT_PAID")
}

// TestDecisionsAreExact: keep and give-back, and no other word, by a caller who is written down with the reason.
func TestDecisionsAreExact(t *testing.T) {
	t.Parallel()
	h, door := decider(t)
	resolve := func(body string) handler.Response {
		r := event("POST /orders/{orderId}/resolve", "", body, "orderId", "order-1")
		r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			IAM: &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::1:user/kim"},
		}
		return call(t, door, r)
	}
	keep := `{"decision":"keep","payment":"key","reason":"seen in the console"}`
	wantAnswer(t, "a paid order", resolve(keep), http.StatusConflict, "NOT_IN_REVIEW")
	h.edit(t, inReview)
	for _, decision := range []string{"", "refund", "Keep"} {
		wantAnswer(t, decision, resolve(fmt.Sprintf(`{"decision":%q,"payment":"key","reason":"r"}`, decision)), http.StatusBadRequest, `"decision"`)
	}
	wantAnswer(t, "without a reason", resolve(`{"decision":"keep","payment":"key"}`), http.StatusBadRequest, `"reason"`)
	wantAnswer(t, "another payment", resolve(`{"decision":"keep","payment":"other","reason":"r"}`), http.StatusConflict, "NO_MONEY")
	if o := h.stored(t); o.Status != order.Review {
		t.Fatalf("the order is %s", o.Status)
	}
	wantAnswer(t, "keep", resolve(keep), http.StatusOK, `"paid"`)
	h.edit(t, inReview)
	wantAnswer(t, "give back", resolve(strings.Replace(keep, "keep", "give-back", 1)), http.StatusOK, `"failed"`)
	o := h.stored(t)
	if r := o.Ledger.Resolutions; len(r) != 2 || !r[0].Keep || r[1].Keep || r[1].By != "arn:aws:iam::1:user/kim" || r[1].Reason == "" {
		t.Errorf("%+v", r)
	}
}
