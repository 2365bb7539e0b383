package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/wire"
)

func TestRoundTripCarriesRequestAndResponse(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: wire.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read body: %v", err)
		}
		user, _, _ := r.BasicAuth()
		if r.Host != "api.example.com" || r.RequestURI != "/v1/a%2Fb?q=1" || r.URL.Host != "" || r.PathValue("x") != "" {
			t.Errorf("host %q target %q", r.Host, r.RequestURI)
		}
		if user != "key" || r.ContentLength != 5 || r.Header.Get("X-In") != "1" {
			t.Errorf("user %q length %d header %q", user, r.ContentLength, r.Header.Get("X-In"))
		}
		w.Header().Set("X-Out", "2")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "3")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write([]byte("got " + string(body)))
	}))}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com/v1/a%2Fb?q=1", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("key", "")
	req.Header.Set("X-In", "1")

	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "got hello" {
		t.Errorf("body %q, %v", body, err)
	}
	if res.StatusCode != http.StatusTeapot || res.ContentLength != 9 {
		t.Errorf("status %d length %d", res.StatusCode, res.ContentLength)
	}
	if res.Header.Get("X-Out") != "2" || res.Header.Get("X-Late") != "" {
		t.Errorf("headers %v: a header set after the status must not travel", res.Header)
	}
}

func TestRedirectIsFollowedWithinTheHandler(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: wire.Transport(http.StripPrefix("/sim", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/sim/to", http.StatusSeeOther)
			return
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})))}
	res, err := client.Get("http://sim.example/sim/from")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); string(body) != "/to" {
		t.Errorf("body %q, want /to", body)
	}
}

func TestDeadConnection(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"abort before anything", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"abort after a partial answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}},
		{"goroutine ended", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			res, err := (&http.Client{Transport: wire.Transport(tc.handler)}).Get("http://sim.example/")
			if err == nil {
				res.Body.Close()
				t.Fatal("got an answer over a dead connection")
			}
			opErr := new(net.OpError)
			if !errors.As(err, &opErr) || !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("error %v, want a *net.OpError with ECONNRESET", err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Error("a dead connection must not look like a timeout")
			}
		})
	}
}

type contextKey struct{}

func TestProviderCarriesOnWhenTheClientHangsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var done atomic.Int64 // a time.Duration
		transport := wire.Transport(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Context().Value(contextKey{}) != nil {
				t.Error("a value of the client's context crossed the wire")
			}
			select {
			case <-r.Context().Done():
				t.Error("the handler's context ended with the client's")
			case <-time.After(time.Minute):
			}
			done.Store(int64(time.Since(start)))
		}))
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), contextKey{}, 1), 12*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sim.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 12*time.Second {
			t.Errorf("error %v after %v, want the deadline after 12s", err, time.Since(start))
		}
		if done.Load() != 0 {
			t.Error("the handler was done before its minute")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := time.Duration(done.Load()); got != time.Minute {
			t.Errorf("the handler finished after %v, want 1m0s", got)
		}
	})
}

func TestAnswerAtTheDeadlineIsTooLate(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			client := http.Client{Transport: wire.Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				time.Sleep(5 * time.Second)
			}))}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sim.example/", nil)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if res, err := client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
				if err == nil {
					res.Body.Close()
				}
				t.Fatalf("error %v, want deadline exceeded every time", err)
			}
		})
	}
}

func TestCancelledBeforeTheCallReachesNobody(t *testing.T) {
	t.Parallel()
	client := http.Client{Transport: wire.Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the handler ran")
	}))}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sim.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := client.Do(req); !errors.Is(err, context.Canceled) {
		if err == nil {
			res.Body.Close()
		}
		t.Errorf("error %v, want context canceled", err)
	}
}
