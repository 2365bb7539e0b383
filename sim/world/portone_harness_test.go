package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// town is a bed with both providers' windows, a merchant, a buyer and the postman who brings the webhooks in it.
type town struct{ *testbed.Bed }

func newTown(t *testing.T, edits ...func(*world.Options)) *town {
	t.Helper()
	return &town{testbed.Open(t, edits...)}
}

// live is a deployment for real money. The simulators know none, and what they answer is a test's.
func live(o *world.Options) {
	o.Edit = func(p *boot.Parts) { p.Mode, p.PortOne.MID = "live", portonesim.DefaultMID }
}

var errLostReply = errors.New("the connection was reset")

const planBody = `{"subscriptionId":%q,"customerId":"customer-1","language":"en","plan":{"amount":9900,"currency":"KRW","name":"Coffee","interval":"month"}}`

func (c *town) subscribe(id string) testbed.Sale {
	c.T.Helper()
	return c.Sale(c.Post("/subscriptions", fmt.Sprintf(planBody, id)))
}

func (c *town) readSubscription(id string) testbed.Sale {
	c.T.Helper()
	return c.Sale(c.Get("/subscriptions/" + id))
}

var postedResult = regexp.MustCompile(`data-result="([^"]*)"`)

// popup is the same on a PC: the address is the one our page goes to with what the window posted, or "" when it posted nothing.
func (c *town) popup(s testbed.Sale, outcome string, edits ...string) string {
	c.T.Helper()
	v := c.PortOneWindow(s, append([]string{"mode", "popup", "outcome", outcome}, edits...)...)
	m := postedResult.FindStringSubmatch(v.Body)
	if v.Status != http.StatusOK || m == nil {
		c.T.Fatalf("PortOne's window: %d %s", v.Status, v.Body)
	}
	if m[1] == "" {
		return ""
	}
	var posted map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &posted); err != nil {
		c.T.Fatal(err)
	}
	q := url.Values{}
	for _, name := range []string{"imp_uid", "merchant_uid", "error_code", "error_msg"} { // what our page passes on
		if v, ok := posted[name].(string); ok {
			q.Set(name, v)
		}
	}
	return s.Window.Text("m_redirect_url") + "?" + q.Encode()
}

// hook sends a webhook by hand.
func (c *town) hook(provider, body string) testbed.Answer {
	return c.Post("/webhooks/"+provider+"/"+world.WebhookToken, body)
}

func portoneHook(impUID, number, status string) string {
	return fmt.Sprintf(`{"imp_uid":%q,"merchant_uid":%q,"status":%q}`, impUID, number, status)
}

func tossHook(key, number, status string) string {
	return fmt.Sprintf(`{"eventType":"PAYMENT_STATUS_CHANGED","createdAt":"2026-01-02T14:46:59.65327","data":{"paymentKey":%q,"orderId":%q,"status":%q}}`, key, number, status)
}

// mail delivers what is due now, and returns how many attempts that were.
func (c *town) mail() int {
	c.T.Helper()
	return c.Hooks.Step(c.T.Context(), time.Now())
}

// mailAll delivers on the providers' own timetables until nothing is planned.
func (c *town) mailAll() {
	c.T.Helper()
	for range 20 {
		at, ok := c.Hooks.DueAt()
		if !ok {
			return
		}
		time.Sleep(time.Until(at))
		c.mail()
	}
	c.T.Error("the postman is never done")
}

func (c *town) advanceSubscription(id string) {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(c.T.Context(), handler.DoorTime)
	defer cancel()
	if _, err := c.Enroller.Advance(ctx, id); err != nil {
		c.T.Errorf("advance %s: %v", id, err)
	}
}

// rest sleeps from due time to due time, as the schedule does, until the order is at rest: final, or open and in time.
func (c *town) rest(id string) testbed.Sale {
	c.T.Helper()
	return c.until(id, func(s testbed.Sale) bool { return s.Status == order.Open && time.Now().Before(s.ExpiresAt) })
}

// end sleeps until the order is final, whatever it waits for.
func (c *town) end(id string) testbed.Sale {
	c.T.Helper()
	return c.until(id, func(testbed.Sale) bool { return false })
}

func (c *town) until(id string, over func(testbed.Sale) bool) testbed.Sale {
	c.T.Helper()
	for range 40 {
		s := c.ReadOrder(id)
		if s.DueAt.IsZero() || over(s) {
			return s
		}
		time.Sleep(time.Until(s.DueAt))
		c.Settle(id)
	}
	c.T.Fatalf("%s never comes to rest: %+v", id, c.ReadOrder(id))
	return testbed.Sale{}
}

func (c *town) wantMoved(what, id string, captures, cancels int) {
	c.T.Helper()
	taken, back := c.Moved(id)
	if len(taken) != captures || len(back) != cancels {
		c.T.Errorf("%s: %s has %d captures and %d cancels, want %d and %d: %+v %+v", what, id, len(taken), len(back), captures, cancels, taken, back)
	}
}

func (c *town) wantSubscription(what, id string, status subscription.Status) testbed.Sale {
	c.T.Helper()
	s := c.readSubscription(id)
	if string(s.Status) != string(status) {
		c.T.Errorf("%s: %s is %s, want %s; history %v", what, id, s.Status, status, s.History)
	}
	return s
}

// wantLawful: the providers were asked only what their documentation allows.
func (c *town) wantLawful() {
	c.T.Helper()
	for _, v := range append(c.Toss.Violations(), c.PortOne.Violations()...) {
		c.T.Errorf("the provider was asked what its documentation does not allow: %s", v)
	}
}

// asked counts the providers' calls beside tokens and webhooks.
func (c *town) asked() int {
	total := 0
	for op, n := range c.PortOne.Calls() {
		if op != portonesim.OpToken && op != portonesim.OpWebhook {
			total += n
		}
	}
	for _, n := range c.Toss.Calls() {
		total += n
	}
	return total
}

// silence drops the webhooks to come.
func (c *town) silence(times int) {
	c.T.Helper()
	c.Fault(fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: times})
}
