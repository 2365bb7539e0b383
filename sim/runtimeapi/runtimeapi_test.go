package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/runtimeapi"
)

const (
	next      = "/2018-06-01/runtime/invocation/next"
	initError = "/2018-06-01/runtime/init/error"
)

// function is a process of the other side.
type function struct {
	t   *testing.T
	url string
}

func start(t *testing.T, o runtimeapi.Options) (*runtimeapi.API, function) {
	t.Helper()
	api := runtimeapi.New(o)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, function{t, server.URL}
}

// next waits for an event and returns its id and payload.
func (f function) next() (http.Header, string) {
	f.t.Helper()
	response, err := http.Get(f.url + next)
	if err != nil {
		f.t.Error(err)
		return http.Header{}, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		f.t.Errorf("next: %d, %v", response.StatusCode, err)
	}
	return response.Header, string(body)
}

func (f function) post(path, body string) int {
	f.t.Helper()
	response, err := http.Post(f.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		f.t.Error(err)
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func answerPath(id, kind string) string {
	return "/2018-06-01/runtime/invocation/" + id + "/" + kind
}

func TestInvokeReturnsTheResponse(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{Timeout: 5 * time.Second, FunctionARN: "arn:x"})
	seen := make(chan http.Header, 2)
	go func() {
		for range 2 {
			h, payload := f.next()
			seen <- h
			if got := f.post(answerPath(h.Get("Lambda-Runtime-Aws-Request-Id"), "response"), payload+"!"); got != http.StatusAccepted {
				t.Errorf("response: %d", got)
			}
		}
	}()
	var ids []string
	for _, payload := range []string{`{"n":1}`, `{"n":2}`} {
		before := time.Now()
		response, err := api.Invoke(t.Context(), []byte(payload))
		if err != nil || string(response) != payload+"!" {
			t.Errorf("Invoke(%s) = %s, %v", payload, response, err)
		}
		h := <-seen
		ms, err := strconv.ParseInt(h.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
		if deadline := time.UnixMilli(ms); err != nil || deadline.Before(before) || deadline.After(time.Now().Add(5*time.Second)) {
			t.Errorf("deadline %v, %v: the context would be over at once, or too late", deadline, err)
		}
		if h.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn:x" || h.Get("Lambda-Runtime-Trace-Id") == "" {
			t.Errorf("headers: %v", h)
		}
		ids = append(ids, h.Get("Lambda-Runtime-Aws-Request-Id"))
	}
	if ids[0] == ids[1] || len(ids[0]) != 36 {
		t.Errorf("request ids %q: must be new for each event", ids)
	}
}

func TestInvokeReturnsTheFunctionsError(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	go func() {
		h, _ := f.next()
		f.post(answerPath(h.Get("Lambda-Runtime-Aws-Request-Id"), "error"), `{"errorType":"panic","errorMessage":"index out of range"}`)
	}()
	response, err := api.Invoke(t.Context(), []byte(`{}`))
	var failed *runtimeapi.FunctionError
	if !errors.As(err, &failed) || failed.Type != "panic" || failed.Message != "index out of range" || response != nil {
		t.Errorf("Invoke = %s, %v", response, err)
	}
}

func TestInvokeReturnsTheInitError(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	for range 2 { // the second report changes nothing
		if got := f.post(initError, `{"errorType":"Runtime.Init","errorMessage":"no table"}`); got != http.StatusAccepted {
			t.Errorf("init/error: %d", got)
		}
	}
	_, err := api.Invoke(t.Context(), []byte(`{}`))
	var failed *runtimeapi.FunctionError
	if !errors.As(err, &failed) || failed.Message != "no table" {
		t.Errorf("Invoke: %v", err)
	}
}

func TestAnswersToNoInvocationAreRefused(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	go func() {
		h, _ := f.next()
		id := h.Get("Lambda-Runtime-Aws-Request-Id")
		for _, wrong := range []string{"another", id + "x"} {
			if got := f.post(answerPath(wrong, "response"), `"wrong"`); got != http.StatusBadRequest {
				t.Errorf("response to %q: %d", wrong, got)
			}
		}
		f.post(answerPath(id, "response"), `"right"`)
	}()
	if response, err := api.Invoke(t.Context(), []byte(`{}`)); err != nil || string(response) != `"right"` {
		t.Errorf("Invoke = %s, %v", response, err)
	}
	if got := f.post("/2018-06-01/runtime/other", ""); got != http.StatusNotFound {
		t.Errorf("unknown path: %d", got)
	}
}

func TestALargeResponseIsRefused(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	go func() {
		h, _ := f.next()
		id := h.Get("Lambda-Runtime-Aws-Request-Id")
		if got := f.post(answerPath(id, "response"), strings.Repeat("x", 6<<20+1)); got != http.StatusRequestEntityTooLarge {
			t.Errorf("response of more than 6 MB: %d", got)
		}
		f.post(answerPath(id, "error"), `{"errorType":"too large"}`)
	}()
	var failed *runtimeapi.FunctionError
	if _, err := api.Invoke(t.Context(), []byte(`{}`)); !errors.As(err, &failed) {
		t.Errorf("Invoke: %v", err)
	}
}

// A process dies with its event and a new one asks: the event is not given twice.
func TestAnAbandonedInvocationFails(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	go func() {
		f.next()
		h, payload := f.next()
		f.post(answerPath(h.Get("Lambda-Runtime-Aws-Request-Id"), "response"), payload)
	}()
	if _, err := api.Invoke(t.Context(), []byte(`1`)); !errors.Is(err, runtimeapi.ErrAbandoned) {
		t.Errorf("the first: %v", err)
	}
	if response, err := api.Invoke(t.Context(), []byte(`2`)); err != nil || string(response) != `2` {
		t.Errorf("the second: %s, %v", response, err)
	}
}

func TestInvokeGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	api, f := start(t, runtimeapi.Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := api.Invoke(ended, []byte(`"never taken"`)); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody asks: %v", err)
	}
	taken, cancelTaken := context.WithCancel(t.Context())
	go func() {
		f.next()
		cancelTaken()
	}()
	if _, err := api.Invoke(taken, []byte(`"taken"`)); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody answers: %v", err)
	}
}
