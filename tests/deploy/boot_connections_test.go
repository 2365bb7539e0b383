package deploy_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/tests/root"
)

// meter serves a stage's other side over TLS, each answer after a while, and counts connections and requests by server.
type meter struct {
	delay time.Duration
	mu    sync.Mutex
	opens map[string]int // connections whose handshake was done
	asked map[string]int
}

// secure puts TLS and the meter in front of the stage's servers, and returns the file with their certificate.
func (s *stage) secure(engine enginetest.Engine, delay time.Duration) (*meter, string) {
	s.t.Helper()
	m := &meter{delay: delay, opens: map[string]int{}, asked: map[string]int{}}
	address, err := url.Parse(engine.Endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	s.tableURL, _ = m.serve(s.t, "table", s.tableDoor(address))
	s.secretURL, _ = m.serve(s.t, "secrets", http.HandlerFunc(s.secretDoor))
	s.portoneURL, _ = m.serve(s.t, "portone", s.portone)
	var certificate []byte
	s.tossURL, certificate = m.serve(s.t, "toss", s.tossDoor())
	file := filepath.Join(s.t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return m, file
}

// serve returns the address and the certificate, which is the same for every server.
func (m *meter) serve(t *testing.T, name string, h http.Handler) (string, []byte) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.count(m.asked, name)
		time.Sleep(m.delay)
		h.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if _, secure := c.(*tls.Conn); secure && state == http.StateNew {
			m.count(m.opens, name)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func (m *meter) count(of map[string]int, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of[name]++
}

// opened returns the connections since the last call, and the requests.
func (m *meter) opened() (opens, asked map[string]int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	opens, asked = maps.Clone(m.opens), maps.Clone(m.asked)
	clear(m.opens)
	clear(m.asked)
	return opens, asked
}

// chargesMax is ChargeBatchSize's greatest.
const chargesMax = 40

// slow is long enough that whatever goes out side by side needs connections of its own, on a busy machine, too.
const slow = 50 * time.Millisecond

// testConnections: however many ticks and batches there are, no more connections are opened in all than requests go out side by side: one for
// each shard of a tick, one for each record of a batch.
func testConnections(t *testing.T, doors map[string]*door, engine enginetest.Engine) {
	s := newStage(t, doors, engine)
	m, certificate := s.secure(engine, slow)
	p := s.start("charge", map[string]string{"QUEUE_URL": "", "SSL_CERT_FILE": certificate, "SSL_CERT_DIR": os.DevNull})
	tick, err := json.Marshal(map[string]string{"tick": "scheduled"})
	if err != nil {
		t.Fatal(err)
	}
	total := map[string]int{}
	for i := range 3 {
		p.answer(tick)
		opens, asked := m.opened()
		total["table"] += opens["table"]
		t.Logf("idle tick %d: connections %v, requests %v", i+1, opens, asked)
		if total["table"] > payment.DueShards || asked["table"] < payment.DueShards {
			t.Errorf("idle tick %d: %d connections to the table so far, want at most %d; %d requests", i+1, total["table"], payment.DueShards, asked["table"])
		}
		if i == 0 && (asked["portone"] != 1 || opens["portone"] != 1) {
			t.Errorf("init: %d requests to PortOne on %d connections, want the token's alone", asked["portone"], opens["portone"])
		}
	}
	for i := range 2 {
		p.answer(expiredOrders(t, s, i))
		opens, asked := m.opened()
		total["table"], total["toss"] = total["table"]+opens["table"], total["toss"]+opens["toss"]
		t.Logf("%d records of batch %d: connections %v, requests %v", chargesMax, i+1, opens, asked)
		if total["toss"] > chargesMax || total["table"] > chargesMax || asked["toss"] < chargesMax {
			t.Errorf("batch %d: connections %v so far, want at most %d to each; requests %v", i+1, total, chargesMax, asked)
		}
	}
}

// expiredOrders stores 40 orders that are over and returns the batch that has them looked at: each is one question to the provider.
func expiredOrders(t *testing.T, s *stage, batch int) []byte {
	t.Helper()
	made := time.Now().UTC().Truncate(time.Millisecond).Add(-24 * time.Hour)
	var event events.SQSEvent
	for i := range chargesMax {
		id := fmt.Sprintf("order-9%d%02d", batch, i)
		_, err := s.records.Create(s.context(), order.New(order.Order{
			ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: 1000, Currency: money.KRW}, Name: "Tea", Language: "ko",
			Request: "seeded", LinkToken: eventLink, CreatedAt: made, ExpiresAt: made.Add(time.Hour), Toss: order.TossOptions{InternationalCardOnly: true},
		}))
		if err != nil {
			t.Fatal(err)
		}
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: id, EventSource: "aws:sqs", Body: fmt.Sprintf(`{"kind":"order","id":%q}`, id),
		})
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// TestFunctionsAreTuned: a new function's main is easily written without it, and only slower for that.
func TestFunctionsAreTuned(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	for _, file := range mains {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "func main() {\n\tprocess.Tune(os.Getenv, os.Setenv)\n") {
			t.Errorf("%s: main must begin with process.Tune", file)
		}
	}
}
