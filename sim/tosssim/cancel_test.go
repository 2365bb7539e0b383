package tosssim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/tosssim"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	type step struct {
		body   string
		status int
		code   string
	}
	for _, tc := range []struct {
		name    string
		full    bool // isPartialCancelable is false
		pending bool // not confirmed yet
		steps   []step
		after   string
		moved   string
	}{
		{name: "whole, then again", steps: []step{
			{`{"cancelReason":"r"}`, 200, ""},
			{`{"cancelReason":"r"}`, 400, "ALREADY_CANCELED_PAYMENT"},
		}, after: "CANCELED", moved: "+163020 -163020"},
		{name: "whole by amount", steps: []step{{`{"cancelReason":"r","cancelAmount":163020}`, 200, ""}},
			after: "CANCELED", moved: "+163020 -163020"},
		{name: "part, rest, then again", steps: []step{
			{`{"cancelReason":"r","cancelAmount":3020,"refundableAmount":163020}`, 200, ""},
			{`{"cancelReason":"r","cancelAmount":160000,"refundableAmount":160000}`, 200, ""},
			{`{"cancelReason":"r"}`, 403, "NOT_CANCELABLE_AMOUNT"},
			{`{"cancelReason":"r","cancelAmount":1}`, 403, "NOT_CANCELABLE_AMOUNT"},
		}, after: "PARTIAL_CANCELED", moved: "+163020 -3020 -160000"},
		{name: "rest without an amount", steps: []step{
			{`{"cancelReason":"r","cancelAmount":20}`, 200, ""}, {`{"cancelReason":"r"}`, 200, ""},
		}, after: "PARTIAL_CANCELED", moved: "+163020 -20 -163000"},
		{name: "too much", steps: []step{{`{"cancelReason":"r","cancelAmount":163021}`, 403, "NOT_CANCELABLE_AMOUNT"}},
			after: "DONE", moved: "+163020"},
		{name: "stale balance", steps: []step{
			{`{"cancelReason":"r","cancelAmount":20}`, 200, ""},
			{`{"cancelReason":"r","cancelAmount":20,"refundableAmount":163020}`, 400, "NOT_MATCHES_REFUNDABLE_AMOUNT"},
		}, after: "PARTIAL_CANCELED", moved: "+163020 -20"},
		{name: "part of a payment that allows none", full: true, steps: []step{
			{`{"cancelReason":"r","cancelAmount":20}`, 403, "NOT_ALLOWED_PARTIAL_REFUND"}, {`{"cancelReason":"r"}`, 200, ""},
		}, after: "CANCELED", moved: "+163020 -163020"},
		{name: "not confirmed yet", pending: true, steps: []step{{`{"cancelReason":"r"}`, 403, "NOT_CANCELABLE_PAYMENT"}},
			after: "IN_PROGRESS"},
		{name: "other currency", steps: []step{
			{`{"cancelReason":"r","currency":"USD"}`, 400, "INVALID_REQUEST"}, {`{"cancelReason":"r","currency":"KRW"}`, 200, ""},
		}, after: "CANCELED", moved: "+163020 -163020"},
		{name: "bad requests", steps: []step{
			{`{}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":""}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":"` + strings.Repeat("가", 201) + `"}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":"r","cancelAmount":0}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":"r","cancelAmount":-5}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":"r","refundReceiveAccount":{}}`, 400, "INVALID_REQUEST"},
			{`{"cancelReason":"` + strings.Repeat("가", 200) + `"}`, 200, ""},
		}, after: "CANCELED", moved: "+163020 -163020"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{PartialCancelable: !tc.full})
			key := w.approve()
			if !tc.pending {
				w.confirm(key)
			}
			for i, s := range tc.steps {
				w.want(s.body, w.cancel(key, s.body, idem(strings.Repeat("c", i+1))), s.status, s.code)
			}
			w.wantStatus(key, tc.after)
			w.wantMoved(tc.moved)
			w.wantNoViolations()
		})
	}
}

func TestCancelBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{PartialCancelable: true})
	key := w.approve()
	w.confirm(key)
	got := w.cancel(key, `{"cancelReason":"too small","cancelAmount":3020}`).body
	list, _ := got["cancels"].([]any)
	if len(list) != 1 {
		t.Fatalf("cancels = %v, want one", got["cancels"])
	}
	c, _ := list[0].(map[string]any)
	if c["cancelAmount"] != 3020.0 || c["cancelReason"] != "too small" || c["refundableAmount"] != 160000.0 || c["cancelStatus"] != "DONE" {
		t.Errorf("cancel = %v", c)
	}
	if c["transactionKey"] != got["lastTransactionKey"] || c["canceledAt"] != "2026-11-03T00:00:00+09:00" || len(c) != 13 {
		t.Errorf("cancel = %v, last transaction %v", c, got["lastTransactionKey"])
	}
	if got["totalAmount"] != 163020.0 || got["balanceAmount"] != 160000.0 {
		t.Errorf("total %v balance %v", got["totalAmount"], got["balanceAmount"])
	}
}

// The danger that idempotency keys are there for.
func TestTwoPartialCancelsAtOnce(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body, first, second, moved string
	}{
		{"same key", `{"cancelReason":"r","cancelAmount":20}`, "c", "c", "+163020 -20"},
		{"two keys", `{"cancelReason":"r","cancelAmount":20}`, "c", "d", "+163020 -20 -20"},
		{"two keys and the balance", `{"cancelReason":"r","cancelAmount":20,"refundableAmount":163020}`, "c", "d", "+163020 -20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tosssim.Options{Now: time.Now, PartialCancelable: true})
				key := w.approve()
				w.confirm(key)
				w.fault(fault.Fault{Operation: tosssim.OpCancel, Kind: fault.Delay, Delay: 5 * time.Second})
				first := make(chan answer)
				go func() { first <- w.cancel(key, tc.body, idem(tc.first)) }()
				synctest.Wait()
				w.cancel(key, tc.body, idem(tc.second))
				<-first
				w.wantMoved(tc.moved)
			})
		})
	}
}
