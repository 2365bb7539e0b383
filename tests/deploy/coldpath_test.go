package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/tests/root"
)

var coldpath = flag.Int("coldpath", 0, "measure so many cold starts of the confirm function beside a minimal handler's: scripts/coldpath")

// answerTime is what every server takes at least. Against one that answers at once, the SDK drops connections.
const answerTime = 300 * time.Microsecond

// cold is one cold start: from the start of the process to its question for the first event, and to that event's answer.
type cold struct{ init, first, cpu time.Duration }

// TestColdPath prints how the confirm function's cold start compares with two handlers that do the same two writes and one call and nothing
// else, over TLS, side by side, the events with a quarter of a processor where cgroups allow: minimal has the provider's key in its environment,
// keyed reads it from Secrets Manager as ours does. Times are printed and never judged; what is, are the requests.
func TestColdPath(t *testing.T) {
	root.Chdir(t)
	if *coldpath == 0 {
		t.Skip("a measurement, not a test: scripts/coldpath runs it")
	}
	doors := buildDoors(t)
	engine := enginetest.Engines(t)[0]
	contest := []struct {
		name     string
		requests map[string]int
		runs     []cold
	}{
		{name: "confirm", requests: map[string]int{"table": 3, "toss": 2, "secrets": 1}},
		{name: "minimal", requests: map[string]int{"table": 2, "toss": 1}},
		{name: "keyed", requests: map[string]int{"table": 2, "toss": 1, "secrets": 1}},
	}
	for _, c := range contest[1:] {
		doors[c.name] = &door{program: buildLeast(t, c.name), timeout: doors["confirm"].timeout}
	}
	for range *coldpath {
		for i := range contest {
			c := &contest[i]
			c.runs = append(c.runs, coldStart(t, doors, engine, c.name, c.requests))
		}
	}
	for _, part := range []struct {
		name string
		of   func(cold) time.Duration
	}{
		{"init", func(c cold) time.Duration { return c.init }}, {"first confirm", func(c cold) time.Duration { return c.first }},
		{"init + first confirm", func(c cold) time.Duration { return c.init + c.first }}, {"processor time", func(c cold) time.Duration { return c.cpu }},
	} {
		ours := median(contest[0].runs, part.of)
		fmt.Printf("%-22s %8.1f ms", part.name, ms(ours))
		for _, c := range contest[1:] {
			least := median(c.runs, part.of)
			fmt.Printf(", %s %8.1f ms, ratio %.2f", c.name, ms(least), float64(ours)/float64(least))
		}
		fmt.Println()
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(of []cold, part func(cold) time.Duration) time.Duration {
	var all []time.Duration
	for _, c := range of {
		all = append(all, part(c))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// buildLeast builds a handler of tools/coldpath with the functions' flags.
func buildLeast(t *testing.T, name string) string {
	t.Helper()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(makefile), "LAMBDA_GOFLAGS := ")
	flags, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("the Makefile has no LAMBDA_GOFLAGS any more: bring this test up to date")
	}
	program := filepath.Join(t.TempDir(), "bootstrap")
	command := exec.Command("go", "build", "-o", program, "./tools/coldpath/"+name)
	command.Env = append(os.Environ(), "GOFLAGS="+flags, "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return program
}

// coldStart runs one function in an account of its own, with one order that was paid in the provider's window.
func coldStart(t *testing.T, doors map[string]*door, engine enginetest.Engine, name string, requests map[string]int) cold {
	t.Helper()
	s := newStage(t, doors, engine)
	m, certificate := s.secure(engine, answerTime)
	payload := boughtEvent(t, s)
	began := time.Now()
	p := s.start(name, map[string]string{
		"SSL_CERT_FILE": bundleWith(t, certificate), "SSL_CERT_DIR": os.DevNull, "TABLE_NAME": s.table, "PORTONE_USER_CODE": "", "AWS_ENDPOINT_URL_DYNAMODB": s.tableURL,
		"TOSS_BASE_URL": s.tossURL, "TOSS_SECRET_KEY": tosssim.DefaultSecretKey, "LOG_LEVEL": "info",
		"TOSS_SECRET_ID": tossSecretID, "AWS_ENDPOINT_URL_SECRETS_MANAGER": s.secretURL,
	})
	p.api.Asked(s.context())
	asked := time.Now()
	quota(t, p.command.Process.Pid)
	invoked := time.Now() // moving a process into a cgroup takes the kernel 5 to 15 ms, which are nobody's
	response := p.invoke(payload)
	c := cold{init: asked.Sub(began), first: time.Since(invoked)}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s answered %d: %s", name, response.StatusCode, response.Body)
	}
	p.kill()
	c.cpu = p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
	if _, got := m.opened(); got["table"] > requests["table"] || got["toss"] > requests["toss"] || got["secrets"] > requests["secrets"] {
		t.Errorf("%s: requests %v, want at most %v", name, got, requests)
	}
	return c
}

// boughtEvent stores an order, pays it in the window and returns the buyer's return.
func boughtEvent(t *testing.T, s *stage) []byte {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	o, err := s.records.Create(s.context(), order.New(order.Order{
		ID: eventOrder, Provider: "toss", Mode: "test", Amount: money.Amount{Value: eventAmount, Currency: money.KRW}, Name: "Tea", Language: "ko",
		Request: "seeded", LinkToken: eventLink, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Toss: order.TossOptions{InternationalCardOnly: true},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.scene.Pay(o, tosssim.DefaultClientKey, "approve", ""); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("events/confirm-success.json")
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayV2HTTPRequest
	err = json.Unmarshal(file, &event)
	payload, err2 := json.Marshal(event)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return payload
}

// bundleWith is a bundle as large as a system's, with our certificate.
func bundleWith(t *testing.T, certificate string) string {
	t.Helper()
	own, err := os.ReadFile(certificate)
	if err != nil {
		t.Fatal(err)
	}
	system, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		t.Log("no system bundle here: the certificate stands alone")
	}
	file := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(file, bytes.Join([][]byte{system, own}, []byte("\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// quota leaves the process a quarter of a processor, as 442 MB do, where cgroups (version 1) may be made, and that before anything else that
// runs on this machine.
func quota(t *testing.T, pid int) {
	group := filepath.Join("/sys/fs/cgroup/cpu", "coldpath-"+strconv.Itoa(pid))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Logf("no quota: %v", err)
		return
	}
	t.Cleanup(func() { _ = os.Remove(group) })
	err := errors.Join(os.WriteFile(group+"/cpu.cfs_quota_us", []byte("25000"), 0o644), os.WriteFile(group+"/cpu.shares", []byte("262144"), 0o644),
		os.WriteFile(group+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0o644))
	if err != nil {
		t.Logf("no quota: %v", err)
	}
}
