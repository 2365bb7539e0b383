package tosssim_test

import (
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/tosssim"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	const days15 = 15 * 24 * time.Hour
	for _, tc := range []struct {
		name   string
		do     func(w *world, key string) answer
		status int
		code   string
		moved  string
	}{
		{"success is replayed to another body", func(w *world, key string) answer {
			w.confirm(key)
			return w.confirmAs(key, order, 1)
		}, 200, "", "+163020"},
		{"an error is replayed to a corrected body", func(w *world, key string) answer {
			w.confirmAs(key, order, 1)
			return w.confirm(key)
		}, 403, "FORBIDDEN_REQUEST", ""},
		{"a malformed request is replayed too", func(w *world, key string) answer {
			w.call("POST", "/v1/payments/confirm", `{`)
			return w.confirm(key)
		}, 400, "INVALID_REQUEST", ""},
		{"a decline is replayed", func(w *world, key string) answer {
			w.sim.DeclineNext("PROVIDER_ERROR")
			w.confirm(key)
			return w.confirm(key)
		}, 400, "PROVIDER_ERROR", ""},
		{"another URL is another request", func(w *world, key string) answer {
			w.confirm(key)
			return w.cancel(key, `{"cancelReason":"x"}`)
		}, 200, "", "+163020 -163020"},
		{"kept until 15 days", func(w *world, key string) answer {
			w.confirm(key)
			w.Advance(days15 - 1)
			return w.confirm(key)
		}, 200, "", "+163020"},
		{"new after 15 days", func(w *world, key string) answer {
			w.confirm(key)
			w.Advance(days15)
			return w.confirm(key)
		}, 400, "ALREADY_PROCESSED_PAYMENT", "+163020"},
		{"300 characters", func(w *world, key string) answer { return w.confirm(key, idem(strings.Repeat("k", 300))) },
			200, "", "+163020"},
		{"301 characters", func(w *world, key string) answer { return w.confirm(key, idem(strings.Repeat("k", 301))) },
			400, "INVALID_IDEMPOTENCY_KEY", ""},
		{"refused before the key was looked at", func(w *world, key string) answer {
			w.confirm(key, header("Authorization", "Basic eA=="))
			return w.confirm(key)
		}, 200, "", "+163020"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			w.want(tc.name, tc.do(w, w.approve()), tc.status, tc.code)
			w.wantMoved(tc.moved)
		})
	}
}

func TestIdempotencyKeyIsIgnoredOnGET(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	key := w.approve()
	w.call("GET", "/v1/payments/"+key, "", idem("same"))
	w.confirm(key)
	if got := w.call("GET", "/v1/payments/"+key, "", idem("same")).body["status"]; got != "DONE" {
		t.Errorf("status %v, want the present one, DONE", got)
	}
}

// What the same idempotency key gets after a fault on the first call.
func TestSameKeyAfterAFault(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		f        fault.Fault
		cache5xx bool
		status   int
		code     string
		moved    string
	}{
		{"lost reply: the answer is kept", fault.Fault{Kind: fault.LoseReply}, false, 200, "", "+163020"},
		{"refused: as if it never was", fault.Fault{Kind: fault.RefuseConnection}, false, 200, "", "+163020"},
		{"garbage after", fault.Fault{Kind: fault.Garbage}, false, 200, "", "+163020"},
		{"garbage before", fault.Fault{Kind: fault.Garbage, Moment: fault.Before}, false, 200, "", "+163020"},
		{"429 before", fault.Fault{Kind: fault.TooManyRequests}, false, 200, "", "+163020"},
		{"429 after", fault.Fault{Kind: fault.TooManyRequests, Moment: fault.After}, false, 200, "", "+163020"},
		{"500 before, not kept", fault.Fault{Kind: fault.InternalError}, false, 200, "", "+163020"},
		{"500 after, not kept: runs again", fault.Fault{Kind: fault.InternalError, Moment: fault.After}, false,
			400, "ALREADY_PROCESSED_PAYMENT", "+163020"},
		{"500 before, kept", fault.Fault{Kind: fault.InternalError}, true, 500, "FAILED_INTERNAL_SYSTEM_PROCESSING", ""},
		{"500 after, kept", fault.Fault{Kind: fault.InternalError, Moment: fault.After}, true,
			500, "FAILED_INTERNAL_SYSTEM_PROCESSING", "+163020"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{Cache5xx: tc.cache5xx})
			key := w.approve()
			tc.f.Operation = tosssim.OpConfirm
			w.fault(tc.f)
			if first := w.confirm(key); first.is(200, "") {
				t.Fatalf("the fault had no effect: %v", first)
			}
			w.want("second", w.confirm(key), tc.status, tc.code)
			w.wantMoved(tc.moved)
			w.wantNoViolations()
		})
	}
}
