package hooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/hooks"
)

var start = time.Date(2026, 11, 2, 15, 0, 0, 0, time.UTC)

// receiver answers with its statuses in turn, the last one for ever; 0 is a
// dead connection. It is the queue's transport.
type receiver struct {
	mu       sync.Mutex
	statuses []int
	got      []*http.Request
	bodies   []string
	within   []time.Duration // the time that each attempt was given
}

func (rc *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	deadline, _ := r.Context().Deadline()
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.got, rc.bodies = append(rc.got, r), append(rc.bodies, string(body))
	rc.within = append(rc.within, time.Until(deadline).Round(time.Second))
	status := rc.statuses[min(len(rc.got), len(rc.statuses))-1]
	if status == 0 {
		return nil, errors.New("connection reset")
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok"))}, nil
}

// clock stands still until it is told to move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

func newQueue(statuses ...int) (*hooks.Queue, *receiver, *clock) {
	rc, c := &receiver{statuses: statuses}, &clock{now: start}
	return &hooks.Queue{Transport: rc, Now: c.Now}, rc, c
}

// runDry steps the clock from one due time to the next until nothing is
// planned, and returns the minutes after the start of every attempt.
func runDry(t *testing.T, q *hooks.Queue, c *clock) []int {
	t.Helper()
	var minutes []int
	for range 20 {
		at, ok := q.DueAt()
		if !ok {
			return minutes
		}
		if made := q.Step(t.Context(), at.Add(-time.Nanosecond)); made != 0 {
			t.Errorf("%d attempts before they were due", made)
		}
		c.set(at)
		for range q.Step(t.Context(), at) {
			minutes = append(minutes, int(at.Sub(start).Minutes()))
		}
	}
	t.Fatal("the queue never runs dry")
	return nil
}

func TestTimetables(t *testing.T) {
	t.Parallel()
	toss := hooks.Toss("https://shop.example/w", "whtrans_1", []byte(`{}`))
	once := hooks.PortOne("https://shop.example/w", "application/json", []byte(`{}`), false)
	resent := hooks.PortOne("https://shop.example/w", "application/json", []byte(`{}`), true)
	late := once
	late.Delay = 3 * time.Minute
	all := []int{0, 1, 5, 21, 85, 341, 1365, 5461} // 3 d 19 h 1 min in the end
	for _, tc := range []struct {
		name     string
		d        hooks.Delivery
		statuses []int
		want     []int
	}{
		{"toss, 200", toss, []int{200}, []int{0}},
		{"toss, never 200", toss, []int{500}, all},
		{"toss, another 2xx is a failure", toss, []int{204}, all},
		{"toss, 4xx is a failure", toss, []int{404}, all},
		{"toss, no answer", toss, []int{0}, all},
		{"toss, 200 ends it", toss, []int{500, 0, 200}, []int{0, 1, 5}},
		{"portone, 200", once, []int{200}, []int{0}},
		{"portone, once", once, []int{500}, []int{0}},
		{"portone, once, no answer", once, []int{0}, []int{0}},
		{"portone, resent, 200", resent, []int{200}, []int{0}},
		{"portone, resent", resent, []int{503}, []int{0, 1, 2, 3, 4, 5}},
		{"portone, resent, no answer", resent, []int{0}, []int{0, 1, 2, 3, 4, 5}},
		{"portone, resent, 4xx is never", resent, []int{404}, []int{0}},
		{"portone, resent, 4xx ends it", resent, []int{500, 400}, []int{0, 1}},
		{"portone, delayed", late, []int{200}, []int{3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			q, rc, c := newQueue(tc.statuses...)
			q.Deliver(tc.d)
			if got := runDry(t, q, c); !slices.Equal(got, tc.want) {
				t.Errorf("attempts at minutes %v, want %v", got, tc.want)
			}
			if len(rc.got) != len(tc.want) {
				t.Errorf("%d attempts arrived, want %d", len(rc.got), len(tc.want))
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	q, rc, c := newQueue(500, 200)
	q.Deliver(hooks.Toss("https://shop.example/w/token?x=1", "whtrans_1", []byte(`{"a":1}`)))
	runDry(t, q, c)
	for i, r := range rc.got {
		want := map[string]string{
			"Content-Type":                                    "application/json",
			"Tosspayments-Webhook-Transmission-Id":            "whtrans_1",
			"Tosspayments-Webhook-Transmission-Retried-Count": fmt.Sprint(i),
			"Tosspayments-Webhook-Transmission-Time":          fmt.Sprintf("2026-11-03T00:0%d:00+09:00", i),
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				t.Errorf("attempt %d: %s is %q, want %q", i, name, got, value)
			}
		}
		if r.Method != http.MethodPost || r.URL.String() != "https://shop.example/w/token?x=1" || rc.bodies[i] != `{"a":1}` {
			t.Errorf("attempt %d: %s %s %s", i, r.Method, r.URL, rc.bodies[i])
		}
		if rc.within[i] != 10*time.Second {
			t.Errorf("attempt %d was given %v, want 10s", i, rc.within[i])
		}
	}
	if len(rc.got) != 2 {
		t.Errorf("%d attempts, want 2", len(rc.got))
	}

	q, rc, c = newQueue(200)
	d := hooks.PortOne("https://shop.example/w", "application/x-www-form-urlencoded", []byte("a=1"), false)
	d.Headers = http.Header{"X-Test": {"1"}}
	q.Deliver(d)
	runDry(t, q, c)
	if r := rc.got[0]; r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.Header.Get("X-Test") != "1" || rc.bodies[0] != "a=1" || rc.within[0] != 30*time.Second {
		t.Errorf("portone: %v %s %v", r.Header, rc.bodies[0], rc.within[0])
	}
}

func TestOrderAndWhatAReceiverCauses(t *testing.T) {
	t.Parallel()
	q, _, c := newQueue(200)
	var seen []string
	q.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		seen = append(seen, r.URL.Path)
		if r.URL.Path == "/b" {
			q.Deliver(hooks.PortOne("https://shop.example/caused", "", nil, false))
		}
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	for path, delay := range map[string]time.Duration{"/c": time.Minute, "/d": time.Hour} {
		q.Deliver(hooks.Delivery{URL: "https://shop.example" + path, Delay: delay})
	}
	for _, path := range []string{"/a", "/b"} { // due together: in the order given
		q.Deliver(hooks.Delivery{URL: "https://shop.example" + path})
	}
	c.set(start.Add(time.Minute))
	if made := q.Step(t.Context(), c.Now()); made != 4 {
		t.Errorf("%d attempts, want 4", made)
	}
	if got := strings.Join(seen, " "); got != "/a /b /c /caused" {
		t.Errorf("sent %s", got)
	}
	if at, ok := q.DueAt(); !ok || at != start.Add(time.Hour) {
		t.Errorf("next at %v %v", at, ok)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheLog(t *testing.T) {
	t.Parallel()
	q, _, c := newQueue(0, 404)
	if got := list(t, q); got != `{"deliveries":[],"total":0}` {
		t.Errorf("empty list: %s", got)
	}
	q.Deliver(hooks.PortOne("https://shop.example/w", "application/json", []byte(`{"imp_uid":"imp_1"}`), true))
	q.Deliver(hooks.PortOne("no address", "application/json", nil, false))
	q.Step(t.Context(), c.Now())
	got := q.Records()
	at, next := start, start.Add(time.Minute)
	want := hooks.Record{
		Index: 0, Provider: "portone", URL: "https://shop.example/w", ContentType: "application/json", Body: `{"imp_uid":"imp_1"}`,
		At: start, Attempts: 1, LastError: "hooks: send: connection reset", LastAt: &at, NextAt: &next,
	}
	if g, w := toJSON(t, got[0]), toJSON(t, want); g != w {
		t.Errorf("log %s\nwant %s", g, w)
	}
	if got[1].LastStatus != 0 || got[1].LastError == "" || got[1].NextAt != nil {
		t.Errorf("a delivery to nowhere: %+v", got[1])
	}
	c.set(next)
	q.Step(t.Context(), next)
	if last := q.Records()[0]; last.Attempts != 2 || last.LastStatus != 404 || last.LastError != "" || last.NextAt != nil {
		t.Errorf("after a 404: %+v", last)
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

func list(t *testing.T, q *hooks.Queue) string {
	t.Helper()
	rec := httptest.NewRecorder()
	q.ListHandler().ServeHTTP(rec, httptest.NewRequest("GET", "/sim/webhooks", nil))
	if rec.Code != 200 {
		t.Errorf("list: %d", rec.Code)
	}
	return strings.TrimSpace(rec.Body.String())
}

func TestReplay(t *testing.T) {
	t.Parallel()
	q, rc, c := newQueue(500, 200, 500)
	q.Deliver(hooks.Toss("https://shop.example/w", "whtrans_1", []byte(`{}`)))
	q.Step(t.Context(), c.Now())
	for _, tc := range []struct {
		method, body string
		status       int
		answer       string // part of it
		arrived      int    // attempts in all
	}{
		{"POST", `{"index":0}`, 200, `{"delivered":1,"statuses":{"200":1}}`, 2},
		{"POST", `{"index":0,"times":3}`, 200, `{"delivered":3,"statuses":{"500":3}}`, 5},
		{"POST", `{"index":1}`, 404, "no delivery 1", 5},
		{"POST", `{"index":-1}`, 404, "no delivery -1", 5},
		{"POST", `{"times":1}`, 400, "index is missing", 5},
		{"POST", `{"index":0,"times":0}`, 400, "times must be", 5},
		{"POST", `{"index":0,"times":10001}`, 400, "times must be", 5},
		{"POST", `{"index":0,"x":1}`, 400, "unknown field", 5},
		{"POST", `{"index":0}{}`, 400, "more than one", 5},
		{"POST", `index=0`, 400, "read request", 5},
		{"GET", "", 405, "use POST", 5},
	} {
		rec := httptest.NewRecorder()
		q.ReplayHandler().ServeHTTP(rec, httptest.NewRequest(tc.method, "/sim/webhooks/replay", strings.NewReader(tc.body)))
		if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.answer) || len(rc.got) != tc.arrived {
			t.Errorf("%s %s: %d %s, %d arrived; want %d %s, %d", tc.method, tc.body, rec.Code, rec.Body, len(rc.got), tc.status, tc.answer, tc.arrived)
		}
	}
	if count := rc.got[4].Header.Get("Tosspayments-Webhook-Transmission-Retried-Count"); count != "4" {
		t.Errorf("retried count of the fifth attempt: %s", count)
	}
	record := q.Records()[0]
	if record.Attempts != 5 || record.NextAt == nil || !record.NextAt.Equal(start.Add(time.Minute)) {
		t.Errorf("a replay must leave the plan alone: %+v", record)
	}
	rec := httptest.NewRecorder()
	q.ListHandler().ServeHTTP(rec, httptest.NewRequest("POST", "/sim/webhooks", nil))
	if rec.Code != 405 {
		t.Errorf("POST on the list: %d", rec.Code)
	}
}

func TestRunDoesNotWaitForAReceiverThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &hooks.Queue{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/hangs" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { q.Run(ctx) })
		synctest.Wait() // it waits with nothing planned
		q.Deliver(hooks.Toss("https://shop.example/hangs", "1", nil))
		q.Deliver(hooks.PortOne("https://shop.example/answers", "", nil, false))
		later := hooks.PortOne("https://shop.example/later", "", nil, false)
		later.Delay = 5 * time.Second
		q.Deliver(later)
		synctest.Wait()
		state := func() string {
			var s []string
			for _, r := range q.Records() {
				s = append(s, fmt.Sprintf("%d:%d", r.Attempts, r.LastStatus))
			}
			return strings.Join(s, " ")
		}
		if got := state(); got != "0:0 1:200 0:0" {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := state(); got != "0:0 1:200 1:200" {
			t.Errorf("after 5 s: %s", got)
		}
		time.Sleep(5*time.Second + 4*time.Minute) // 10 s to the timeout; the second attempt a minute after the first
		synctest.Wait()
		if got := state(); got != "2:0 1:200 1:200" {
			t.Errorf("after 4 min: %s", got)
		}
		stop()
		running.Wait()
		if got := state(); got != "2:0 1:200 1:200" {
			t.Errorf("after the stop: %s", got)
		}
	})
}

func TestStepStopsWithItsContext(t *testing.T) {
	t.Parallel()
	q, rc, c := newQueue(200)
	q.Deliver(hooks.PortOne("https://shop.example/w", "", nil, false))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if made := q.Step(ctx, c.Now()); made != 0 || len(rc.got) != 0 {
		t.Errorf("%d attempts after the end", made)
	}
	if _, planned := q.DueAt(); !planned {
		t.Error("the delivery was lost")
	}
}

// Two steppers at once make every attempt once.
func TestConcurrentSteps(t *testing.T) {
	t.Parallel()
	q, rc, c := newQueue(200)
	for range 200 {
		q.Deliver(hooks.PortOne("https://shop.example/w", "", nil, false))
	}
	var steppers sync.WaitGroup
	for range 4 {
		steppers.Go(func() { q.Step(context.Background(), c.Now()) })
	}
	steppers.Wait()
	if len(rc.got) != 200 {
		t.Errorf("%d attempts, want 200", len(rc.got))
	}
}

// A redirect is an answer like any other; it is not followed.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var hits int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	var q hooks.Queue
	q.Deliver(hooks.PortOne(server.URL+"/w", "application/json", []byte(`{}`), true))
	q.Step(t.Context(), time.Now())
	if r := q.Records()[0]; hits != 1 || r.LastStatus != 302 || r.NextAt != nil {
		t.Errorf("%d hits, %+v", hits, r)
	}
}
