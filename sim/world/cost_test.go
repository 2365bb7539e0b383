package world_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/store"
	"tosspay-sam/shared/store/enginetest"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// counter is the wire below the SDK: it sees every request, the SDK's own retries as well.
type counter struct {
	mu       sync.Mutex
	requests []string
}

func (c *counter) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.mu.Lock()
	c.requests = append(c.requests, operation)
	c.mu.Unlock()
	return http.DefaultClient.Do(r)
}

// since returns what was asked since it was last called.
func (c *counter) since() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.requests
	c.requests = nil
	return asked
}

// budget is a row of the table in docs/architecture.md: writes, reads and provider calls, as far as the cells are figures.
func budget(t *testing.T, row string) (writes, reads, calls string) {
	t.Helper()
	docs, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(docs)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) == 4 && strings.TrimSpace(cells[0]) == row {
			figure := func(i int) string { return strings.TrimRight(strings.Fields(cells[i] + " -")[0], ";,") }
			return figure(1), figure(2), figure(3)
		}
	}
	t.Fatalf("docs/architecture.md has no budget of %q", row)
	return "", "", ""
}

// wantBudget compares what was asked of the table, and of the provider, with what docs/architecture.md says.
func wantBudget(t *testing.T, row string, requests []string, calls int) {
	t.Helper()
	writes, reads := 0, 0
	for _, r := range requests {
		if r == "PutItem" || r == "UpdateItem" {
			writes++
		} else {
			reads++
		}
	}
	w, r, c := budget(t, row)
	if got, want := fmt.Sprint(writes, reads, calls), strings.Join([]string{w, r, c}, " "); got != want {
		t.Errorf("%s costs %s, docs/architecture.md says %s: writes, reads, provider calls", row, got, want)
	}
}

// TestCostInDynamoDB counts through the real SDK: a confirm is 2 writes, no read and 1 question to the provider; a repeated one 1 write
// and no question, also when a hundred come at once.
func TestCostInDynamoDB(t *testing.T) {
	t.Parallel()
	for _, engine := range enginetest.Engines(t) {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			table := enginetest.Table(t, enginetest.Client(engine.Endpoint))
			wire := &counter{}
			client := enginetest.Client(engine.Endpoint, func(o *dynamodb.Options) { o.HTTPClient = wire })
			s := newStage(t, func(o *world.Options) { o.Store = store.New(client, table, rand.Text) })
			m := s.order("order-1")
			if got := wire.since(); !slices.Equal(got, []string{"PutItem"}) {
				t.Errorf("an order costs %v", got)
			} else {
				wantBudget(t, "create an order", got, 0)
			}
			s.ReadOrder("order-1")
			wantBudget(t, "payment page, status, `GET /orders/{id}`", wire.since(), 0)
			s.Get(m.CheckoutURL)
			wantBudget(t, "payment page, status, `GET /orders/{id}`", wire.since(), 0)
			s.Get(m.CheckoutURL + "/status")
			wantBudget(t, "payment page, status, `GET /orders/{id}`", wire.since(), 0)
			redirect := s.approve(m)
			s.WantTitle("the return", s.Get(redirect), paidPage)
			if got := wire.since(); !slices.Equal(got, []string{"UpdateItem", "PutItem"}) {
				t.Errorf("a confirm costs %v, want 2 writes and no read", got)
			} else {
				wantBudget(t, "confirm", got, s.Toss.Calls()[tosssim.OpConfirm])
			}
			s.WantTitle("the repeated return", s.Get(redirect), paidPage)
			if got := wire.since(); !slices.Equal(got, []string{"UpdateItem"}) {
				t.Errorf("a repeated confirm costs %v, want 1 write and no read", got)
			} else {
				wantBudget(t, "confirm again (reload, second tab) of a settled order", got, s.Toss.Calls()[tosssim.OpConfirm]-1)
			}
			if calls := s.Toss.Calls(); calls[tosssim.OpConfirm] != 1 || len(calls) != 1 {
				t.Errorf("the provider was asked %v, want 1 confirm", calls)
			}
			s.wantAudit("order-1")

			race(s, s.approve(s.order("order-2")), 100)
			if got := len(s.captures("order-2")); got != 1 || s.Toss.Calls()[tosssim.OpConfirm] != 2 {
				t.Errorf("a hundred redirects: %d captures, %v", got, s.Toss.Calls())
			}
			s.wantAudit("order-2")
		})
	}
}
