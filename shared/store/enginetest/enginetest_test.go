package enginetest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// child tells the process that TestNoOrphans kills what to do.
const child = "ENGINETEST_CHILD"

// TestNoOrphans: a test process that is killed, the worst end it can have, takes its engines with it.
func TestNoOrphans(t *testing.T) {
	if os.Getenv(child) != "" {
		beKilled()
	}
	t.Parallel()
	if os.Getenv("TOSSPAY_DYNOXIDE")+os.Getenv("TOSSPAY_MOTO") == "" {
		t.Skip("no engine that this package would start")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var output tail
	command := exec.Command(program, "-test.run=^TestNoOrphans$")
	command.Env = append(os.Environ(), child+"=1")
	command.Stderr = &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	wait(t, "engines run in the other process", func() bool { return strings.Contains(output.String(), "all run") })
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // says that it was killed
	for line := range strings.Lines(output.String()) {
		if endpoint, ok := strings.CutPrefix(strings.TrimSpace(line), "engine at "); ok {
			wait(t, "nobody answers any more at "+endpoint, func() bool { return !answers(endpoint) })
		}
	}
}

// beKilled starts the engines, says where, and never returns.
func beKilled() {
	for _, variable := range []string{"TOSSPAY_DYNOXIDE", "TOSSPAY_MOTO"} {
		if program := os.Getenv(variable); program != "" {
			e, err := start(variable, program)
			if err != nil || !answers(e.Endpoint) {
				panic(err)
			}
			defer e.alive.Close()
			println("engine at " + e.Endpoint)
		}
	}
	println("all run")
	select {}
}

func wait(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range answerTries {
		if is() {
			return
		}
		time.Sleep(readyPause)
	}
	t.Fatalf("after %d tries it is not so that %s", answerTries, what)
}

func answers(endpoint string) bool {
	reply, err := http.Get(endpoint)
	if err != nil {
		return false
	}
	reply.Body.Close()
	return true
}

func TestGateLetsOneThroughAtATime(t *testing.T) {
	t.Parallel()
	var inside, served, most atomic.Int64
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(time.Millisecond) // gives the others every chance to come in
		inside.Add(-1)
		served.Add(1)
	}))
	defer engine.Close()
	endpoint, err := gate(engine.URL)
	if err != nil {
		t.Fatal(err)
	}
	const requests = 50
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() { answers(endpoint) })
	}
	wg.Wait()
	if most.Load() != 1 || served.Load() != requests {
		t.Errorf("%d of %d requests were served, up to %d at once, want all and 1", served.Load(), requests, most.Load())
	}
}

// TestBrokenEngine: an engine that was named and does not run must not look like one that was not named.
func TestBrokenEngine(t *testing.T) {
	t.Parallel()
	ends := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(ends, []byte("#!/bin/sh\necho no database here\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := start("broken", ends); err == nil || !strings.Contains(err.Error(), "no database here") {
		t.Errorf("an engine that ends: got %v, want an error with what it said", err)
	}
	if _, err := start("missing", ends+"-not"); err == nil {
		t.Error("an engine that is not there was started")
	}
}
