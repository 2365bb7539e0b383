// Package enginetest starts DynamoDB-compatible engines for tests. Three environment variables name them, and `make test` sets what
// this machine can have:
//
//	DYNAMODB_ENDPOINT   the address of an engine that runs already; then no other is started
//	TOSSPAY_DYNOXIDE    the program dynoxide
//	TOSSPAY_MOTO        the program moto_server
//
// An engine runs once per test process and ends with it, however the process ends.
package enginetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/store"
)

// Engine is one that runs.
type Engine struct {
	Name     string // dynoxide, moto or endpoint
	Endpoint string // such as http://127.0.0.1:24321

	alive io.Closer // the end of the pipe that keeps it running; the garbage collector would close one that nobody refers to
}

// Skipped is what a test says that found no engine.
const Skipped = "SKIPPED: no DynamoDB-compatible engine, so nothing is known about the DynamoDB store. " +
	"`make test` installs and starts what it needs; DYNAMODB_ENDPOINT takes an engine of your own."

// Engines returns the engines to test against and starts them when it is first called. Without any it skips the test; with CI=true,
// or when one is named and does not start, it fails the test.
func Engines(t testing.TB) []Engine {
	t.Helper()
	engines, err := running()
	switch {
	case err != nil:
		t.Fatalf("enginetest: %v", err)
	case len(engines) == 0 && os.Getenv("CI") == "true":
		t.Fatal(Skipped)
	case len(engines) == 0:
		t.Skip(Skipped)
	}
	return engines
}

// Client returns a client of the engine. Options may replace its HTTP client or its retries.
func Client(endpoint string, options ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{
		Region:       "ap-northeast-2",
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, options...)
}

// Table creates a table that no other test uses, returns its name and deletes it when the test ends.
func Table(t testing.TB, client *dynamodb.Client) string {
	t.Helper()
	name := "test-" + rand.Text()
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	if err := store.CreateTable(ctx, client, name); err != nil {
		t.Fatalf("enginetest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), requestTime)
		defer cancel()
		if _, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(name)}); err != nil {
			t.Logf("enginetest: table %s stays: %v", name, err)
		}
	})
	return name
}

const (
	requestTime = time.Minute            // of one request to a machine that is busy with other tests
	answerTries = 600                    // moto takes 2 s on an idle machine, and a test run is not idle
	givenTries  = 20                     // an engine that should run already
	readyPause  = 100 * time.Millisecond // between two tries
	startTries  = 3                      // another process may take the port that was just found free
	outputMax   = 4 << 10                // of what a failed engine said
)

// running starts the engines once per process: they cost seconds, and each test has its own table.
var running = sync.OnceValues(func() ([]Engine, error) {
	if endpoint := os.Getenv("DYNAMODB_ENDPOINT"); endpoint != "" {
		if err := ready(endpoint, givenTries, nil); err != nil {
			return nil, fmt.Errorf("DYNAMODB_ENDPOINT: %w", err)
		}
		return []Engine{{Name: "endpoint", Endpoint: endpoint}}, nil
	}
	var engines []Engine
	for _, e := range []struct {
		variable, name string
		gated          bool
	}{
		{"TOSSPAY_DYNOXIDE", "dynoxide", false},
		{"TOSSPAY_MOTO", "moto", true},
	} {
		program := os.Getenv(e.variable)
		if program == "" {
			continue
		}
		engine, err := start(e.name, program)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.variable, err)
		}
		if e.gated {
			if engine.Endpoint, err = gate(engine.Endpoint); err != nil {
				return nil, err
			}
		}
		engines = append(engines, engine)
	}
	return engines, nil
})

// keeper runs the engine and kills it when its own input ends. The other end of that pipe is held by the test process alone, so the
// engine ends with it even when the process is killed or panics. The signals of a terminal are for the test process, not for the keeper.
const keeper = `
trap '' HUP INT QUIT TERM
exec 3<&0
"$@" 3<&- &
engine=$!
{ read -r _; kill -9 "$engine"; } <&3 &
waiter=$!
wait "$engine"
kill -9 "$waiter"
`

// start runs the program on a free loopback port and returns the engine when it answers.
func start(name, program string) (engine Engine, err error) {
	for range startTries {
		port, portErr := freePort()
		if portErr != nil {
			return Engine{}, portErr
		}
		if engine, err = startOn(name, program, port); err == nil {
			return engine, nil
		}
	}
	return Engine{}, err
}

func startOn(name, program, port string) (Engine, error) {
	if _, err := exec.LookPath(program); err != nil {
		return Engine{}, err
	}
	var output tail
	command := exec.Command("sh", "-c", keeper, "keeper", program, "--host", "127.0.0.1", "--port", port)
	command.Stdout, command.Stderr = &output, &output
	alive, err := command.StdinPipe()
	if err != nil {
		return Engine{}, err
	}
	if err := command.Start(); err != nil {
		return Engine{}, err
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is told by its output
		close(ended)
	}()
	endpoint := "http://" + net.JoinHostPort("127.0.0.1", port)
	if err := ready(endpoint, answerTries, ended); err != nil {
		alive.Close()
		<-ended
		return Engine{}, fmt.Errorf("%s: %w\n%s", program, err, output.String())
	}
	return Engine{Name: name, Endpoint: endpoint, alive: alive}, nil
}

// gate returns the address of a proxy that lets one request at a time through to the engine. moto's server answers each request in a
// thread of its own and holds no lock between a write's condition and the write (moto 5.2.5, moto/dynamodb/models, update_item): of 200
// claims at once up to five were seen to succeed. In DynamoDB a conditional write is atomic, and that promise is what the store builds
// on; the gate makes moto keep it.
func gate(endpoint string) (string, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	var mu sync.Mutex
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			// A client that gives up does not stop what the engine is doing: the next request waits for that, too.
			proxy.ServeHTTP(w, r.WithContext(context.WithoutCancel(r.Context())))
		})) // ends with the process
	}()
	return "http://" + listener.Addr().String(), nil
}

// ready asks the engine for its tables until it answers.
func ready(endpoint string, tries int, ended <-chan struct{}) error {
	client := Client(endpoint, func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
	var err error
	for range tries {
		if err = listTables(client); err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the engine ended before it answered")
		case <-time.After(readyPause):
		}
	}
	return fmt.Errorf("no answer at %s after %d tries: %w", endpoint, tries, err)
}

func listTables(client *dynamodb.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	_, err := client.ListTables(ctx, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	return err
}

// freePort returns a port that nobody listens on, below those that systems give to outgoing connections: the many connections of a
// test run cannot take it before the engine does.
func freePort() (string, error) {
	const first, count, tries = 20_000, 12_000, 100
	for range tries {
		port := strconv.Itoa(first + mathrand.IntN(count))
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return "", fmt.Errorf("no free port from %d to %d in %d tries", first, first+count-1, tries)
}

// tail keeps the end of what an engine says.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (o *tail) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = append(o.last, p...)
	o.last = bytes.Clone(o.last[max(0, len(o.last)-outputMax):])
	return len(p), nil
}

func (o *tail) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.last)
}
