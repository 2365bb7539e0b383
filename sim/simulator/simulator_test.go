package simulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/simulator"
)

func TestNotes(t *testing.T) {
	t.Parallel()
	var n simulator.Notes
	if n.Calls() == nil || len(n.Violations()) != 0 {
		t.Error("the zero value is not empty")
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { n.Count("find"); n.Violate("%s: no", "find") })
	}
	all.Wait()
	calls := n.Calls()
	calls["find"]++ // a copy
	if n.Calls()["find"] != 50 || !slices.Equal(n.Violations(), slices.Repeat([]string{"find: no"}, 50)) {
		t.Errorf("calls %v, violations %v", n.Calls(), n.Violations())
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	one, same, other := simulator.IDs{Seed: 1}, simulator.IDs{Seed: 1}, simulator.IDs{Seed: 2}
	first := one.Next("payment")
	if len(first) != 32 || first != same.Next("payment") || first == other.Next("payment") || one.Next("payment") == first {
		t.Errorf("id %s", first)
	}
}

// TestStruck plays every kind of fault: whether the work is done, what is read, and how long it took before and after.
func TestStruck(t *testing.T) {
	t.Parallel()
	fixed := func(status int) func() simulator.Reply {
		return func() simulator.Reply { return simulator.Reply{Status: status} }
	}
	for _, c := range []struct {
		kind, moment string
		done         bool
		status       int // 0: the connection died
		slept        string
	}{
		{"", "", true, 200, ""},
		{fault.LoseReply, fault.After, true, 0, ""},
		{fault.RefuseConnection, fault.Before, false, 0, ""},
		{fault.InternalError, fault.Before, false, 500, ""},
		{fault.InternalError, fault.After, true, 500, ""},
		{fault.TooManyRequests, fault.Before, false, 429, ""},
		{fault.TooManyRequests, fault.After, true, 429, ""},
		{fault.Garbage, fault.Before, false, 200, ""},
		{fault.Garbage, fault.After, true, 200, ""},
		{fault.Delay, fault.Before, true, 200, "before"},
		{fault.Delay, fault.After, true, 200, "after"},
	} {
		done, slept := false, ""
		ctx, gone := context.WithCancel(t.Context())
		gone() // the client hung up; the provider carries on
		s := simulator.Struck{Fault: fault.Fault{Kind: c.kind, Moment: c.moment, Delay: time.Hour}, Context: ctx,
			Sleep: func(ctx context.Context, d time.Duration) error {
				if ctx.Err() != nil || d != time.Hour {
					t.Errorf("slept %v, %v", d, ctx.Err())
				}
				slept += map[bool]string{false: "before", true: "after"}[done]
				return nil
			}}
		got := simulator.Reply{}
		func() {
			defer func() {
				if r := recover(); r != nil && r != http.ErrAbortHandler {
					panic(r)
				}
			}()
			got = s.Connect(func() simulator.Reply {
				meant := simulator.Reply{}
				if !s.Instead() {
					s.Wait(fault.Before)
					done, meant = true, simulator.JSON(200, 1)
					s.Wait(fault.After)
				}
				return s.Distort(meant, fixed(500), fixed(429))
			})
		}()
		if done != c.done || got.Status != c.status || slept != c.slept || got.Garbage != (c.kind == fault.Garbage) {
			t.Errorf("%s %s: done %v, slept %q, reply %+v", c.kind, c.moment, done, slept, got)
		}
	}
}

func TestReadAndParts(t *testing.T) {
	t.Parallel()
	for size, fits := range map[int]bool{0: true, simulator.BodyMax: true, simulator.BodyMax + 1: false} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		if body, err := simulator.Read(httptest.NewRecorder(), r); (err == nil) != fits || fits && len(body) != size {
			t.Errorf("%d bytes: %d read, %v", size, len(body), err)
		}
	}
	for path, want := range map[string][]string{"a/b": {"a", "b"}, "a%2Fb": {"a/b"}, "a//b": nil, "": nil, "a/%zz": nil} {
		if got, ok := simulator.Parts(path); ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", path, got, ok)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		media, body string
		ok          bool
	}{
		{"application/x-www-form-urlencoded; charset=utf-8", "a=1", true},
		{"application/json", "a=1", false},
		{"", "a=1", false},
		{"application/x-www-form-urlencoded", "a=%zz", false},
		{"application/x-www-form-urlencoded", "a=" + strings.Repeat("x", simulator.BodyMax), false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/?a=2", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.media)
		form, err := simulator.Form(httptest.NewRecorder(), r)
		if (err == nil) != c.ok || c.ok && !slices.Equal(form["a"], []string{"1"}) {
			t.Errorf("%s %.20s: %v, %v", c.media, c.body, form, err)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for scripts, want := range map[string]bool{"": false, "'self'": true} {
		w := httptest.NewRecorder()
		simulator.Page(w, scripts)
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'self'") != want {
			t.Errorf("policy %q", policy)
		}
	}
	w := httptest.NewRecorder()
	simulator.SendTo(w, httptest.NewRequest(http.MethodPost, "/window", nil), "https://shop.example/ok")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://shop.example/ok" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{"https://x": true, "http://x/y?z": true, "x": false, "/x": false, "ftp://x": false, "https://": false, "javascript:1": false} {
		if simulator.HasOrigin(address) != want {
			t.Errorf("%s: want %v", address, want)
		}
	}
	for address, want := range map[string]string{
		"https://x/ok":        "https://x/ok?name=" + url.QueryEscape("a b&c"),
		"https://x/ok?a=1#to": "https://x/ok?a=1&name=" + url.QueryEscape("a b&c") + "#to",
	} {
		if got := simulator.WithQuery(address, "name", "a b&c"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for amount, want := range map[int64]string{1: "1", 999: "999", 1000: "1,000", 163020: "163,020", 1234567: "1,234,567"} {
		if got := simulator.Price(amount); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
