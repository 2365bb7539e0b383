package tosssim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/tosssim"
)

func TestFaultsOfConfirm(t *testing.T) {
	t.Parallel()
	const dead = -1
	for _, tc := range []struct {
		kind, moment string
		status       int
		after, moved string
	}{
		{fault.LoseReply, "", dead, "DONE", "+163020"},
		{fault.RefuseConnection, "", dead, "IN_PROGRESS", ""},
		{fault.InternalError, "", 500, "IN_PROGRESS", ""},
		{fault.InternalError, fault.After, 500, "DONE", "+163020"},
		{fault.TooManyRequests, "", 429, "IN_PROGRESS", ""},
		{fault.TooManyRequests, fault.After, 429, "DONE", "+163020"},
		{fault.Garbage, "", 200, "DONE", "+163020"},
		{fault.Garbage, fault.Before, 200, "IN_PROGRESS", ""},
	} {
		t.Run(tc.kind+" "+tc.moment, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			key := w.approve()
			w.fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: tc.kind, Moment: tc.moment})
			got := w.confirm(key)
			switch {
			case tc.status == dead:
				if !errors.Is(got.err, syscall.ECONNRESET) {
					t.Errorf("got %v, want a dead connection", got)
				}
			case got.err != nil || got.status != tc.status || got.body["status"] != nil:
				t.Errorf("got %v, want status %d and no payment", got, tc.status)
			case tc.kind == fault.Garbage && got.body != nil:
				t.Errorf("got readable garbage %v", got)
			}
			w.wantStatus(key, tc.after)
			w.wantMoved(tc.moved)
			w.wantNoViolations()
			if w.sim.ConfirmAttempts(order) != 1 {
				t.Errorf("%d attempts, want 1: a call that came to nothing counts", w.sim.ConfirmAttempts(order))
			}
		})
	}
}

func TestFaultsOfOtherOperations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{PartialCancelable: true})
	key := w.approve()
	w.confirm(key)
	for op, call := range map[string]func() answer{
		tosssim.OpFind:        func() answer { return w.call("GET", "/v1/payments/"+key, "") },
		tosssim.OpFindByOrder: func() answer { return w.call("GET", "/v1/payments/orders/"+order, "") },
		tosssim.OpCancel:      func() answer { return w.cancel(key, `{"cancelReason":"x","cancelAmount":1}`) },
	} {
		w.fault(fault.Fault{Operation: op, Kind: fault.LoseReply})
		if got := call(); !errors.Is(got.err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, want a dead connection", op, got)
		}
		w.want(op+" afterwards", call(), 200, "")
	}
	w.wantMoved("+163020 -1") // the second cancel was a replay
}

func TestDelayedWorkIsDoneThoughTheClientGaveUp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		moment     string
		atDeadline string // money moved when the client gave up
	}{
		{fault.Before, ""},
		{fault.After, "+163020"},
	} {
		t.Run(tc.moment, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tosssim.Options{Now: time.Now})
				key := w.approve()
				w.fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: 40 * time.Second, Moment: tc.moment})
				got := w.confirm(key, func(r *http.Request) {
					ctx, cancel := context.WithTimeout(r.Context(), 12*time.Second)
					t.Cleanup(cancel)
					*r = *r.WithContext(ctx)
				})
				if !errors.Is(got.err, context.DeadlineExceeded) {
					t.Fatalf("got %v, want the client's deadline", got)
				}
				w.wantMoved(tc.atDeadline)
				w.want("same key meanwhile", w.confirm(key), 409, "IDEMPOTENT_REQUEST_PROCESSING")
				time.Sleep(29 * time.Second)
				w.wantStatus(key, "DONE")
				w.wantMoved("+163020")
				w.want("same key afterwards", w.confirm(key), 200, "")
				w.wantMoved("+163020")
			})
		})
	}
}

// Over real sockets, as cmd/local serves it.
func TestLostReplyOverASocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	server := httptest.NewServer(http.StripPrefix("/sim/toss", w.sim))
	t.Cleanup(server.Close)
	key := w.approve()
	w.fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.LoseReply})
	body := `{"paymentKey":"` + key + `","orderId":"` + order + `","amount":163020}`
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/sim/toss/v1/payments/confirm", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(tosssim.DefaultSecretKey, "")
	req.Header.Set("Content-Type", "application/json")
	// net/http resends requests that carry this key when a reused connection
	// dies; on a fresh one it does not, and the loss must be seen.
	req.Header.Set("Idempotency-Key", "key-1")
	if res, err := server.Client().Do(req); err == nil {
		res.Body.Close()
		t.Fatalf("got %s over a connection that should have died", res.Status)
	}
	w.wantMoved("+163020")
}

func TestDelayedWorkOverASocketIsDoneThoughTheClientHungUp(t *testing.T) {
	t.Parallel()
	asleep, noticed := make(chan struct{}), make(chan struct{})
	w := newWorld(t, tosssim.Options{Sleep: func(ctx context.Context, _ time.Duration) error {
		close(asleep)
		<-noticed
		if ctx.Err() != nil {
			t.Error("the delay was given the client's context")
		}
		return nil
	}})
	key := w.approve()
	w.fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: time.Minute})

	finished := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		go func() {
			<-r.Context().Done()
			close(noticed)
		}()
		w.sim.ServeHTTP(out, r)
		finished <- r.Context().Err()
	}))
	t.Cleanup(server.Close)
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-asleep
		hangUp()
	}()
	body := `{"paymentKey":"` + key + `","orderId":"` + order + `","amount":163020}`
	req, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/payments/confirm", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(tosssim.DefaultSecretKey, "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "key-1")
	if res, err := server.Client().Do(req); !errors.Is(err, context.Canceled) {
		if err == nil {
			res.Body.Close()
		}
		t.Fatalf("got %v, want the client's cancel", err)
	}
	if err := <-finished; err == nil {
		t.Error("the server never noticed that the client hung up; the test proves nothing")
	}
	w.wantMoved("+163020")
}
