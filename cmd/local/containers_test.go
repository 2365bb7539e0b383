package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// TestContainersReachNothingElse: the private routes and the controls are open on loopback, and other containers reach this address, too.
func TestContainersReachNothingElse(t *testing.T) {
	t.Parallel()
	w := testbed.Open(t, testbed.Quiet).World
	table := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the table") }))
	t.Cleanup(table.Close)
	engine, err := url.Parse(table.URL)
	if err != nil {
		t.Fatal(err)
	}
	reached := containers(w, engine, &told{})
	for _, tc := range []struct {
		method, path, target, body string
		status                     int
		has                        string
	}{
		{"POST", "/", "DynamoDB_20120810.GetItem", `{}`, 200, "the table"},
		{"POST", "/", "secretsmanager.GetSecretValue", `{"SecretId":"tosspay-local"}`, 200, tosssim.DefaultSecretKey},
		{"POST", "/", "secretsmanager.GetSecretValue", `{"SecretId":"another"}`, 400, "ResourceNotFoundException"},
		{"POST", "/", "secretsmanager.PutSecretValue", `{"SecretId":"tosspay-local"}`, 400, "UnknownOperationException"},
		{"POST", "/", "", `{}`, 400, "UnknownOperationException"},
		{"POST", "/", "AmazonSQS.CreateQueue", `{}`, 400, "AccessDeniedException"},
		{"GET", "/sim/told", "", "", 404, ""},
		{"HEAD", "/sim/toss/", "", "", 200, ""},
		{"GET", "/sim/toss/v1/payments/none", "", "", 401, "UNAUTHORIZED_KEY"},
		{"POST", "/sim/portone/users/getToken", "", `{}`, 400, ""},
		{"POST", "/orders", "", `{}`, 404, ""},
		{"GET", "/orders/order-0001", "", "", 404, ""},
		{"POST", "/sim/stage", "", `{"event":"order-created"}`, 404, ""},
		{"POST", "/sim/faults", "", `{}`, 404, ""},
		{"GET", "/sim/ledger", "", "", 404, ""},
		{"GET", "/console", "", "", 404, ""},
		{"GET", "/sim/toss/../../orders/order-0001", "", "", 307, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, strings.NewReader(tc.body))
		r.Header.Set("X-Amz-Target", tc.target)
		out := httptest.NewRecorder()
		reached.ServeHTTP(out, r)
		if out.Code != tc.status || !strings.Contains(out.Body.String(), tc.has) {
			t.Errorf("%s %s %s: %d %s, want %d %s", tc.method, tc.path, tc.target, out.Code, out.Body, tc.status, tc.has)
		}
	}
	if violations := w.Toss.Violations(); len(violations) > 0 {
		t.Errorf("a function's prewarm is a slip to the simulator: %v", violations)
	}
}

// TestContainersAddress: no network but this machine's own.
func TestContainersAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"127.0.0.1:3011": "127.0.0.1:3011", "[::1]:3011": "[::1]:3011"} {
		if got, err := containersAddr(text); got != want || err != nil {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"0.0.0.0:3011", ":3011", "[::]:3011", "192.0.2.1:3011", "lo:3011", "eth0:3011", "3011", ""} {
		if got, err := containersAddr(text); err == nil {
			t.Errorf("%q is taken as %s", text, got)
		}
	}
	for _, arguments := range []string{"-containers 127.0.0.1:3011", "-containers 0.0.0.0:3011 -store dynamodb -dynamodb-endpoint http://127.0.0.1:1"} {
		if _, err := parse(strings.Fields(arguments), io.Discard); err == nil || !strings.Contains(err.Error(), "-containers") {
			t.Errorf("%s: %v", arguments, err)
		}
	}
}

// TestStages: a scene can be set for every event, and each begins with an empty table and ledger. What the event answers then, TestBoot and
// TestSamLocal see.
func TestStages(t *testing.T) {
	t.Chdir("../..") // where events/ is
	env, err := os.ReadFile("events/env.json")
	if err != nil {
		t.Fatal(err)
	}
	var emptied int
	log := telemetry.New(io.Discard, "error")
	s := &stages{life: t.Context(), clear: func(context.Context) error { emptied++; return nil }}
	server := httptest.NewServer(s) // scenes in which a function ran before ask their providers over it
	t.Cleanup(server.Close)
	s.begin = func() (*world.World, error) {
		return begin(options{containers: "any", functions: "http://127.0.0.1:1", returnURLs: "https://shop.example"}, server.URL, memstore.New(), log)
	}
	if err := s.next(nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for name, e := range scene.Events {
		response, err := http.Post(server.URL+"/sim/stage", "application/json", strings.NewReader(`{"event":"`+name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if run := "sam local invoke " + e.Function + " -e events/" + name + ".json"; err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(answer), run) {
			t.Errorf("%s: %d, %v: %s", name, response.StatusCode, err, answer)
		}
		w := s.present.Load()
		if _, planned := w.Hooks.DueAt(); planned {
			t.Errorf("%s: a webhook comes before its event", name)
		}
		if e.After == "charge-batch" && len(w.Ledger.Entries()) != 1 {
			t.Errorf("%s: what came before it moved %v", name, w.Ledger.Entries())
		}
	}
	if emptied != len(scene.Events) {
		t.Errorf("the table was emptied %d times for %d scenes", emptied, len(scene.Events))
	}
	if !strings.Contains(string(env), `"TABLE_NAME": "`+samTable+`"`) {
		t.Errorf("events/env.json does not name the table %s", samTable)
	}
	for name := range secrets {
		if !strings.Contains(string(env), `"`+name+`"`) {
			t.Errorf("events/env.json does not name the secret %s", name)
		}
	}
	response, err := http.Post(server.URL+"/sim/clock", "application/json", strings.NewReader(`{"advance":"1d"}`))
	if err != nil || response.StatusCode != http.StatusConflict {
		t.Errorf("the clock of functions elsewhere is advanced: %v, %v", response, err)
	}
	response.Body.Close()
}
