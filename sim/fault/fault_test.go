package fault_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
)

func TestSetCompletesOrRefuses(t *testing.T) {
	t.Parallel()
	ok := func(kind, moment string) fault.Fault {
		f := fault.Fault{Provider: "toss", Operation: "confirm", Kind: kind, Moment: moment}
		if kind == fault.Delay {
			f.Delay = 5 * time.Second
		}
		return f
	}
	change := func(edit func(*fault.Fault)) fault.Fault {
		f := ok(fault.LoseReply, "")
		edit(&f)
		return f
	}
	for _, tc := range []struct {
		name   string
		in     fault.Fault
		moment string // expected
		field  string // expected to be refused for
	}{
		{"lose-reply is after", ok(fault.LoseReply, ""), fault.After, ""},
		{"lose-reply before is refuse-connection", ok(fault.LoseReply, fault.Before), "", "moment"},
		{"refuse-connection is before", ok(fault.RefuseConnection, ""), fault.Before, ""},
		{"refuse-connection after is lose-reply", ok(fault.RefuseConnection, fault.After), "", "moment"},
		{"500 is before unless told", ok(fault.InternalError, ""), fault.Before, ""},
		{"500 after", ok(fault.InternalError, fault.After), fault.After, ""},
		{"429 is before unless told", ok(fault.TooManyRequests, ""), fault.Before, ""},
		{"429 after", ok(fault.TooManyRequests, fault.After), fault.After, ""},
		{"garbage is after unless told", ok(fault.Garbage, ""), fault.After, ""},
		{"garbage before", ok(fault.Garbage, fault.Before), fault.Before, ""},
		{"delay is before unless told", ok(fault.Delay, ""), fault.Before, ""},
		{"delay after", ok(fault.Delay, fault.After), fault.After, ""},
		{"unknown moment", ok(fault.Garbage, "during"), "", "moment"},
		{"unknown kind", ok("http-502", ""), "", "fault"},
		{"no kind", ok("", ""), "", "fault"},
		{"no provider", change(func(f *fault.Fault) { f.Provider = "" }), "", "provider"},
		{"unknown provider", change(func(f *fault.Fault) { f.Provider = "tos" }), "", "provider"},
		{"no operation", change(func(f *fault.Fault) { f.Operation = "" }), "", "operation"},
		{"unknown operation", change(func(f *fault.Fault) { f.Operation = "confrim" }), "", "operation"},
		{"any operation", change(func(f *fault.Fault) { f.Operation = fault.Any }), fault.After, ""},
		{"delay without duration", fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.Delay}, "", "delay"},
		{"negative delay", change(func(f *fault.Fault) { f.Delay = -1 }), "", "delay"},
		{"delay of 10 minutes", change(func(f *fault.Fault) { f.Delay = 10 * time.Minute }), fault.After, ""},
		{"delay above 10 minutes", change(func(f *fault.Fault) { f.Delay = 10*time.Minute + 1 }), "", "delay"},
		{"late is after unless told", fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.Late, Delay: 2 * time.Hour}, fault.After, ""},
		{"late before", fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.Late, Delay: 1, Moment: fault.Before}, fault.Before, ""},
		{"late by nothing", fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.Late}, "", "delay"},
		{"late by more than 2 hours", fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.Late, Delay: 2*time.Hour + 1}, "", "delay"},
		{"negative times", change(func(f *fault.Fault) { f.Times = -1 }), "", "times"},
		{"1000 times", change(func(f *fault.Fault) { f.Times = 1000 }), fault.After, ""},
		{"1001 times", change(func(f *fault.Fault) { f.Times = 1001 }), "", "times"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var p fault.Plan
			p.Register("toss", "confirm", "find")
			err := p.Set(tc.in)
			if tc.field != "" {
				refused := new(fault.Error)
				if !errors.As(err, &refused) || refused.Field != tc.field {
					t.Fatalf("error %v, want field %s refused", err, tc.field)
				}
				if len(p.Pending()) != 0 {
					t.Error("a refused fault is pending")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, found := p.Take("toss", "confirm")
			if !found || got.Moment != tc.moment || got.Kind != tc.in.Kind || got.Operation != "confirm" {
				t.Errorf("took %+v %v, want moment %s", got, found, tc.moment)
			}
		})
	}
}

func TestTakeConsumes(t *testing.T) {
	t.Parallel()
	var p fault.Plan
	set := func(operation, kind string, times int) {
		t.Helper()
		if err := p.Set(fault.Fault{Provider: "toss", Operation: operation, Kind: kind, Times: times}); err != nil {
			t.Fatal(err)
		}
	}
	take := func(operation, want string) {
		t.Helper()
		if f, _ := p.Take("toss", operation); f.Kind != want {
			t.Errorf("%s took %q, want %q", operation, f.Kind, want)
		}
	}
	set("confirm", fault.LoseReply, 5)
	set("confirm", fault.InternalError, 2) // replaces
	set(fault.Any, fault.Garbage, 1)
	if _, ok := p.Take("portone", "confirm"); ok {
		t.Error("another provider took toss's fault")
	}
	take("confirm", fault.InternalError)
	take("confirm", fault.InternalError)
	take("confirm", fault.Garbage)
	take("confirm", "")
	take("find", "")

	set("confirm", fault.LoseReply, 5)
	set("find", fault.LoseReply, 5)
	set("confirm", fault.None, 0)
	take("confirm", "")
	take("find", fault.LoseReply)
	set(fault.Any, fault.None, 0)
	take("find", "")
}

func TestTakeIsConcurrent(t *testing.T) {
	t.Parallel()
	var p fault.Plan
	if err := p.Set(fault.Fault{Provider: "toss", Operation: "confirm", Kind: fault.LoseReply, Times: 10}); err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, ok := p.Take("toss", "confirm"); ok {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if taken.Load() != 10 {
		t.Errorf("taken %d times, want 10", taken.Load())
	}
}

func TestRandomComesLastAndIsReproducible(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (string, int) {
		p := fault.Plan{Random: fault.Seeded(seed, 30)}
		var trace strings.Builder
		struck := 0
		for range 1000 {
			if f, ok := p.Take("toss", "confirm"); ok {
				struck++
				trace.WriteString(f.Kind + f.Moment + f.Delay.String() + " ")
			}
		}
		return trace.String(), struck
	}
	first, struck := run(7)
	again, _ := run(7)
	other, _ := run(8)
	if first != again || first == other {
		t.Error("the same seed must give the same faults, another seed others")
	}
	if struck < 200 || struck > 400 {
		t.Errorf("%d of 1000 calls struck, want about 300", struck)
	}
	for _, kind := range []string{fault.LoseReply, fault.RefuseConnection, fault.Delay, fault.InternalError, fault.TooManyRequests, fault.Garbage} {
		if !strings.Contains(first, kind) {
			t.Errorf("no %s among 1000 calls", kind)
		}
	}

	p := fault.Plan{Random: fault.Seeded(7, 100)}
	if err := p.Set(fault.Fault{Provider: "toss", Operation: fault.Any, Kind: fault.Delay, Delay: time.Hour / 7200}); err != nil {
		t.Fatal(err)
	}
	if f, _ := p.Take("toss", "confirm"); f.Delay != 500*time.Millisecond {
		t.Errorf("took %+v, want the one that was set", f)
	}
}

func TestServeHTTP(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, body string
		status             int
		says               string // part of the answer
		pending            string // of the following GET
	}{
		{"all fields", "POST", `{"provider":"toss","operation":"confirm","fault":"delay","delay":"5s","times":3,"moment":"before"}`, 204, "",
			`{"faults":[{"provider":"toss","operation":"confirm","fault":"delay","delay":"5s","times":3,"moment":"before"}]}`},
		{"defaults", "POST", `{"provider":"toss","operation":"*","fault":"lose-reply"}`, 204, "",
			`{"faults":[{"provider":"toss","operation":"*","fault":"lose-reply","times":1,"moment":"after"}]}`},
		{"a delay that the kind does not use", "POST", `{"provider":"toss","operation":"find","fault":"http-500","delay":"5s","times":1}`, 204, "",
			`{"faults":[{"provider":"toss","operation":"find","fault":"http-500","times":1,"moment":"before"}]}`},
		{"none", "POST", `{"provider":"toss","operation":"confirm","fault":"none"}`, 204, "", `{"faults":[]}`},
		{"unknown field", "POST", `{"provider":"toss","operation":"confirm","fault":"delay","delays":"5s"}`, 400, "delays", `{"faults":[]}`},
		{"zero times", "POST", `{"provider":"toss","operation":"confirm","fault":"lose-reply","times":0}`, 400, "times", `{"faults":[]}`},
		{"delay is no duration", "POST", `{"provider":"toss","operation":"confirm","fault":"delay","delay":"5"}`, 400, "delay", `{"faults":[]}`},
		{"delay is a number", "POST", `{"provider":"toss","operation":"confirm","fault":"delay","delay":5}`, 400, "delay", `{"faults":[]}`},
		{"operation misspelt", "POST", `{"provider":"toss","operation":"confrim","fault":"lose-reply"}`, 400, "operation", `{"faults":[]}`},
		{"two values", "POST", `{"provider":"toss","operation":"confirm","fault":"lose-reply"} {}`, 400, "more than one", `{"faults":[]}`},
		{"no body", "POST", ``, 400, "invalid_fault", `{"faults":[]}`},
		{"too long", "POST", `{"provider":"` + strings.Repeat("x", 5000) + `"}`, 400, "too large", `{"faults":[]}`},
		{"other method", "PUT", ``, 405, "method_not_allowed", `{"faults":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var p fault.Plan
			p.Register("toss", "confirm", "find")
			w := httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(tc.method, "/sim/faults", strings.NewReader(tc.body)))
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.says) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tc.status, tc.says)
			}
			if w.Code >= 400 && !strings.HasPrefix(w.Body.String(), `{"error":{"code":"`) {
				t.Errorf("error body %s", w.Body)
			}
			w = httptest.NewRecorder()
			p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sim/faults", nil))
			if got := strings.TrimSpace(w.Body.String()); got != tc.pending {
				t.Errorf("pending %s, want %s", got, tc.pending)
			}
		})
	}
}
