package deploy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/tests/root"
)

var confirms = flag.Int("confirms", 2000, "so many orders are confirmed by one process of the confirm function, whose memory is then looked at")

// memoryMax is what a function of 256 MB may come to. Collecting begins when half of its memory is heap.
const memoryMax = 200 << 20

// TestMemoryStaysBounded: one process of the confirm function confirms one order after another with the memory settings it has in Lambda. 10,000
// of them, with -confirms 10000, take about a minute.
func TestMemoryStaysBounded(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	s := newStage(t, buildDoors(t), enginetest.Engines(t)[0])
	p := s.start("confirm", map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "LOG_LEVEL": "info"})
	file, err := os.ReadFile("events/confirm-success.json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range *confirms {
		response := p.invoke(s.bought(t, file, fmt.Sprintf("order-%06d", i)))
		if response.StatusCode != http.StatusOK {
			t.Fatalf("order %d: %d %s", i, response.StatusCode, response.Body)
		}
	}
	if got, err := s.records.Get(s.context(), "order-000000"); err != nil || got.Status != order.Paid {
		t.Fatalf("%s, %v", got.Status, err)
	}
	peak := peakMemory(t, p.command.Process.Pid)
	t.Logf("%d confirms: %d MB at the most", *confirms, peak>>20)
	if peak > memoryMax {
		t.Errorf("%d confirms took %d MB, want at most %d", *confirms, peak>>20, memoryMax>>20)
	}
}

// TestBatchMemoryStaysBounded: the same of the charge function, with the largest batches, whose records are worked on side by side.
func TestBatchMemoryStaysBounded(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	s := newStage(t, buildDoors(t), enginetest.Engines(t)[0])
	p := s.start("charge", map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "QUEUE_URL": ""})
	for i := range 10 {
		p.answer(expiredOrders(t, s, i))
	}
	peak := peakMemory(t, p.command.Process.Pid)
	t.Logf("10 batches of %d: %d MB at the most", chargesMax, peak>>20)
	if peak > memoryMax {
		t.Errorf("10 batches of %d took %d MB, want at most %d", chargesMax, peak>>20, memoryMax>>20)
	}
}

// bought stores an order, pays it in the window, and returns the event of its buyer's return.
func (s *stage) bought(t *testing.T, file []byte, id string) []byte {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	o, err := s.records.Create(s.context(), order.New(order.Order{
		ID: id, Provider: "toss", Mode: "test", Amount: money.Amount{Value: eventAmount, Currency: money.KRW}, Name: "Tea", Language: "ko",
		Request: "seeded", LinkToken: eventLink, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Toss: order.TossOptions{InternationalCardOnly: true},
	}))
	if err == nil {
		err = s.scene.Pay(o, tosssim.DefaultClientKey, "approve", "")
	}
	if err != nil {
		t.Fatal(err)
	}
	var event events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(file, &event); err != nil {
		t.Fatal(err)
	}
	event.PathParameters["orderId"] = id
	event.RawQueryString = s.scene.Returned.RawQuery
	values, err := url.ParseQuery(event.RawQueryString)
	if err != nil {
		t.Fatal(err)
	}
	for name := range values {
		event.QueryStringParameters[name] = values.Get(name)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most that a process has had, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("SKIPPED: only Linux tells what a process has had at the most")
	}
	m := highWater.FindSubmatch(text)
	if m == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	kilobytes, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
