package portone_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/shared/provider/providertest"
)

// TestEveryRefusalIsReadOnce: a charge and a refund have no idempotency key. Whatever status comes back, with a listed refusal in it or without,
// the request is not made again; but for a refused token, which PortOne decides before it processes anything.
func TestEveryRefusalIsReadOnce(t *testing.T) {
	t.Parallel()
	calls := map[string]map[string]string{
		"charge": {"call": "charge", "billing-key": "sub-0001--key1", "number": "sub-0001--c3", "amount": "9900", "name": "name"},
		"cancel": {"call": "cancel", "key": "imp_895265444670", "amount": "15000", "balance": "15000", "reason": "buyer asked"},
	}
	bodies := map[string]string{
		"refused": `{"code":1,"message":"등록되지 않은 구매자입니다.","response":null}`,
		"garbage": "<html>Service Unavailable</html>",
		"nothing": "",
	}
	for name, call := range calls {
		for what, body := range bodies {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				for status := 200; status < 600; status++ {
					if status == http.StatusUnauthorized {
						continue
					}
					one := providertest.Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {"0"}}, Body: []byte(body)}
					wire := providertest.Always(one)
					ask(t, wire, call)
					if len(wire.Requests) != 1 {
						t.Errorf("%d: sent %d times", status, len(wire.Requests))
					}
				}
			})
		}
	}
}

// TestNoServerErrorIsARefusal: only a listed message of a status below 500 and not 429 says that a charge took nothing.
func TestNoServerErrorIsARefusal(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 500, 501, 502, 503, 504, 599} {
		wire := providertest.Always(providertest.Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}},
			Body: []byte(`{"code":1,"message":"등록되지 않은 구매자입니다.","response":null}`)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		a := (&portone.Adapter{Client: &portone.Client{Tokens: &bearer{}, Transport: wire}}).Charge(ctx, provider.Charge{
			BillingKey: "sub-0001--key1", Number: "sub-0001--c3", Amount: 9900, Name: "name", NotAfter: time.Now().Add(time.Minute),
		})
		cancel()
		if a.Verdict != provider.Unknown || a.Class.Definitive() {
			t.Error(fmt.Sprint(status, a.Verdict, a.Class))
		}
	}
}
