// Package runtimeapi is Lambda's side of a custom runtime: the HTTP API that a function's own process asks for its next event
// (docs.aws.amazon.com/lambda, "Using the Lambda runtime API", 2026-11). With it the program that will be deployed runs as it is,
// without Docker.
//
// One API is one execution environment: it gives a process one event at a time.
package runtimeapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	base = "/2018-06-01/runtime"
	// payloadMax is Lambda's limit of a synchronous invocation, in both directions (docs.aws.amazon.com/lambda, quotas, 2026-11).
	payloadMax = 6 << 20
	// errorMax bounds what a failed function may say about itself.
	errorMax = 64 << 10
)

// FunctionError is what a function reported instead of a response.
type FunctionError struct {
	Type    string // such as errorString; empty when it gave none
	Message string
}

// Error implements error.
func (e *FunctionError) Error() string {
	return "runtimeapi: the function failed: " + e.Type + ": " + e.Message
}

// ErrAbandoned says that the function asked for its next event before it answered this one: a new process in the place of one that died.
var ErrAbandoned = errors.New("runtimeapi: the function never answered")

// Options of an API. The zero value works.
type Options struct {
	Timeout     time.Duration // of one invocation, as the function's in the template; 0 means 29 s
	FunctionARN string        // empty: one of no account
}

// API is an http.Handler, safe for concurrent use.
type API struct {
	timeout time.Duration
	arn     string
	mux     *http.ServeMux
	queue   chan *invocation // unbuffered: an event leaves Invoke only when a function takes it

	asked chan struct{} // closed when a function asks for the first time: its init is over
	first sync.Once

	mu      sync.Mutex
	running *invocation
	failed  chan struct{} // closed by a report that init failed
	cause   *FunctionError
}

type invocation struct {
	id      string
	payload []byte
	done    chan result // one slot
}

type result struct {
	response []byte
	err      error
}

// New returns an API that no function has asked yet.
func New(o Options) *API {
	a := &API{timeout: o.Timeout, arn: o.FunctionARN, mux: http.NewServeMux(), queue: make(chan *invocation), failed: make(chan struct{}), asked: make(chan struct{})}
	if a.timeout == 0 {
		a.timeout = 29 * time.Second
	}
	if a.arn == "" {
		a.arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:test"
	}
	a.mux.HandleFunc("GET "+base+"/invocation/next", a.next)
	a.mux.HandleFunc("POST "+base+"/invocation/{id}/response", a.response)
	a.mux.HandleFunc("POST "+base+"/invocation/{id}/error", a.invocationError)
	a.mux.HandleFunc("POST "+base+"/init/error", a.initError)
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Invoke gives the function one event, waiting for it to ask, and returns its response. The error is a *FunctionError when the
// function reported one, during this invocation or its init; ErrAbandoned; or the context's. Lambda does not stop an invocation whose
// caller has gone, and neither does this.
func (a *API) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	i := &invocation{id: newID(), payload: payload, done: make(chan result, 1)}
	select {
	case a.queue <- i:
	case <-a.failed:
		return nil, a.cause
	case <-ctx.Done():
		return nil, fmt.Errorf("runtimeapi: the function did not ask for the event: %w", ctx.Err())
	}
	select {
	case r := <-i.done:
		return r.response, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("runtimeapi: the function did not answer: %w", ctx.Err())
	}
}

// Asked waits until a function asks for its first event, which ends its init, or for the context's end.
func (a *API) Asked(ctx context.Context) {
	select {
	case <-a.asked:
	case <-ctx.Done():
	}
}

// next gives the event to the function that asks, as soon as there is one.
func (a *API) next(w http.ResponseWriter, r *http.Request) {
	a.first.Do(func() { close(a.asked) })
	if abandoned := a.take(""); abandoned != nil {
		abandoned.done <- result{err: ErrAbandoned}
	}
	var i *invocation
	select {
	case i = <-a.queue:
	case <-r.Context().Done():
		return // the process has died
	}
	a.mu.Lock()
	a.running = i
	a.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(a.timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", a.arn)
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
	_, _ = w.Write(i.payload) // a process that died meanwhile is seen by its missing answer
}

func (a *API) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, payloadMax))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	// A function whose response breaks off says so in a trailer.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		a.answer(w, r, result{err: &FunctionError{Type: kind, Message: "the response broke off"}})
		return
	}
	a.answer(w, r, result{response: body})
}

func (a *API) invocationError(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, result{err: readError(r)})
}

func (a *API) initError(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cause == nil {
		a.cause = readError(r)
		close(a.failed)
	}
	accept(w)
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, answer result) {
	i := a.take(r.PathValue("id"))
	if i == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	i.done <- answer
	accept(w)
}

// take ends the invocation of that id, or the running one whatever its id when id is empty, and returns it; nil when there is none.
func (a *API) take(id string) *invocation {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.running
	if i == nil || id != "" && id != i.id {
		return nil
	}
	a.running = nil
	return i
}

func readError(r *http.Request) *FunctionError {
	var body struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, errorMax)).Decode(&body); err != nil {
		return &FunctionError{Message: "its report could not be read"}
	}
	return &FunctionError{Type: body.ErrorType, Message: body.ErrorMessage}
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": kind})
}

// newID is a random UUID, version 4, as Lambda's request ids are.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
