package world_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/boot"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/wire"
	"tosspay-sam/sim/world"
)

// TestTossDoneThenAborted: two windows of one number; the payment is DONE, and 46 ms apart the other window's ABORTED comes, in either order.
func TestTossDoneThenAborted(t *testing.T) {
	t.Parallel()
	for _, last := range []string{"ABORTED", "DONE"} {
		t.Run(last+" last", func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.Order("toss", "order-1", 24*time.Hour)
				good := c.Card(s.Window, "approve")
				c.Card(s.Window, "abort")
				aborted := c.Hooks.Records()[0].Body
				c.Get(good)
				c.WantOrder("paid", "order-1", order.Paid, 1)
				bodies := []string{tossHook(testbed.Parameter(good, "paymentKey"), "order-1", "DONE"), aborted}
				if last == "DONE" {
					bodies[0], bodies[1] = bodies[1], bodies[0]
				}
				for range 2 {
					for _, body := range bodies {
						if v := c.hook("toss", body); v.Status != http.StatusOK {
							t.Errorf("%d %s", v.Status, v.Body)
						}
						time.Sleep(46 * time.Millisecond)
					}
				}
				c.mailAll()
				c.WantOrder("in the end", "order-1", order.Paid, 1)
				c.wantMoved("in the end", "order-1", 1, 0)
				c.wantLawful()
			})
		})
	}
}

// TestContradictoryHints: a webhook may say what it likes of a payment; the order is what the provider says.
func TestContradictoryHints(t *testing.T) {
	t.Parallel()
	pairs := [][2]string{{"DONE", "ABORTED"}, {"ABORTED", "DONE"}, {"DONE", "CANCELED"}, {"CANCELED", "DONE"}, {"EXPIRED", "PARTIAL_CANCELED"}, {"paid", "failed"},
		{"failed", "paid"}, {"paid", "cancelled"}, {"cancelled", "paid"}, {"ready", "paid"}, {"", "<b>"}}
	for _, provider := range []string{"toss", "portone"} {
		for _, truth := range []string{"unpaid", "paid", "refunded"} {
			t.Run(provider+" "+truth, func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					c := newTown(t)
					want, key := order.Open, "imp_000000000001"
					if truth == "unpaid" {
						c.Order(provider, "order-1", 24*time.Hour)
					} else {
						console, paid, _ := c.paidOrder(provider, "order-1")
						want, key = order.Paid, paid
						if truth == "refunded" {
							if err := console(key, 0); err != nil {
								t.Fatal(err)
							}
							c.mailAll()
							want = order.Refunded
						}
					}
					for _, pair := range pairs {
						for _, says := range pair {
							body := portoneHook(key, "order-1", says)
							if provider == "toss" {
								body = tossHook(key, "order-1", says)
							}
							if v := c.hook(provider, body); v.Status != http.StatusOK {
								t.Errorf("%s: %d %s", says, v.Status, v.Body)
							}
							time.Sleep(46 * time.Millisecond)
							c.WantOrder("told "+says, "order-1", want, 1)
						}
					}
				})
			})
		}
	}
}

// TestFailedThenPaid: a payment fails, and 46 ms later it is paid after all; then it is cancelled. Both webhooks may come in any order.
func TestFailedThenPaid(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancelled %v", cancelled), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.Order("portone", "order-1", 24*time.Hour)
				address := c.TossPay(s, "fail")
				key := testbed.Parameter(address, "imp_uid")
				if v := c.hook("portone", portoneHook(key, "order-1", "failed")); v.Status != http.StatusOK {
					t.Errorf("%d %s", v.Status, v.Body)
				}
				time.Sleep(46 * time.Millisecond)
				if err := c.PortOne.PayLate(key); err != nil {
					t.Fatal(err)
				}
				if cancelled {
					if err := c.PortOne.ConsoleCancel(key, 0); err != nil {
						t.Fatal(err)
					}
				}
				c.mail()
				c.Get(address)
				want := order.Paid
				if cancelled {
					want = order.Refunded
				}
				c.WantOrder("in the end", "order-1", want, 1)
			})
		})
	}
}

// TestPaidOrderAndItsFailedPayment: a payment of the same number failed before the one that paid. A hint that names it changes nothing.
func TestPaidOrderAndItsFailedPayment(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		failed := testbed.Parameter(c.TossPay(s, "fail"), "imp_uid") // its return never arrives
		c.WantTitle("paid by the second window", c.Get(c.TossPay(s, "approve")), paidPage)
		c.mail()
		for _, says := range []string{"failed", "paid"} {
			if v := c.hook("portone", portoneHook(failed, "order-1", says)); v.Status != http.StatusOK {
				t.Errorf("%d %s", v.Status, v.Body)
			}
			time.Sleep(2 * time.Second)
		}
		c.WantOrder("in the end", "order-1", order.Paid, 1)
	})
}

// TestWebhookBeforeTheOrder: nobody is asked about a number that is not there; the same webhook counts once it is.
func TestWebhookBeforeTheOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		for provider, body := range map[string]string{"portone": portoneHook("imp_1", "order-1", "paid"), "toss": tossHook("key-1", "order-1", "DONE")} {
			if v := c.hook(provider, body); v.Status != http.StatusOK {
				t.Errorf("%s: %d %s", provider, v.Status, v.Body)
			}
		}
		if len(c.PortOne.Calls())+len(c.Toss.Calls()) != 0 {
			t.Errorf("unknown orders cost %v %v", c.PortOne.Calls(), c.Toss.Calls())
		}
		s := c.Order("portone", "order-1", 24*time.Hour)
		c.popup(s, "close-popup")
		c.mail()
		c.WantOrder("then", "order-1", order.Paid, 1)
	})
}

// TestForgedWebhooksOfUnknownOrders cost nothing: no provider call, not even for a token.
func TestForgedWebhooksOfUnknownOrders(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t, testbed.Quiet)
		c.subscribe("sub-0001")
		c.Order("toss", "order-t", 24*time.Hour)
		before := fmt.Sprint(c.PortOne.Calls(), c.Toss.Calls())
		for i := range 2000 {
			number := []string{
				fmt.Sprintf("order-%d", i+100), fmt.Sprintf("order-%d--%d", i+100, 2+i%9), fmt.Sprintf("sub-%04d--key%d", i+2, 1+i%3), "sub-0001--key2",
				"sub-0001--key99999", fmt.Sprintf("sub-0001--c%d", 1+i%5), "order-t", " 주문", "../order-t", strings.Repeat("x", 41),
			}[i%10]
			if v := c.hook("portone", portoneHook("imp_1", number, "paid")); v.Status != http.StatusOK {
				t.Fatalf("%s: %d %s", number, v.Status, v.Body)
			}
			if number != "order-t" {
				if v := c.hook("toss", tossHook("key-1", number, "DONE")); v.Status != http.StatusOK {
					t.Fatalf("%s: %d %s", number, v.Status, v.Body)
				}
			}
		}
		if after := fmt.Sprint(c.PortOne.Calls(), c.Toss.Calls()); after != before {
			t.Errorf("unknown orders cost provider calls: %s, before %s", after, before)
		}
	})
}

// TestTossIsDownForItsWebhook: the provider cannot be asked when its webhook of a refund comes. The webhook is taken, and the refund recorded when
// the provider answers.
func TestTossIsDownForItsWebhook(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		console, key, _ := c.paidOrder("toss", "order-1")
		if err := console(key, 0); err != nil {
			t.Fatal(err)
		}
		index := len(c.Hooks.Records()) - 1
		c.Fault(fault.Fault{Provider: "toss", Operation: fault.Any, Kind: fault.RefuseConnection, Times: 1000})
		c.mail()
		if got := c.Hooks.Records()[index]; got.LastStatus != http.StatusOK || got.NextAt != nil {
			t.Fatalf("while Toss Payments is down its webhook was answered %d: %+v", got.LastStatus, got)
		}
		time.Sleep(time.Minute)
		c.Settle("order-1")
		c.WantOrder("still down", "order-1", order.Paid, 1)
		c.Fault(fault.Fault{Provider: "toss", Operation: fault.Any, Kind: fault.None})
		c.end("order-1")
		c.WantOrder("in the end", "order-1", order.Refunded, 1)
	})
}

// TestStoreIsDownForAWebhook: trouble of our own is a 503, and nothing is asked of the provider.
func TestStoreIsDownForAWebhook(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		c.Order("toss", "order-1", 24*time.Hour)
		s := c.subscribe("sub-0001")
		c.TossPay(s, "approve")
		calls := c.asked()
		door := c.Process(func(name string, carryOut func()) error {
			if name == "provider" || name == "token" {
				carryOut()
				return nil
			}
			return errLostReply
		})
		for provider, body := range map[string]string{"toss": tossHook("key-1", "order-1", "DONE"), "portone": portoneHook("imp_1", "sub-0001--key1", "paid")} {
			if v := c.At(door).Post("/webhooks/"+provider+"/"+world.WebhookToken, body); v.Status != http.StatusServiceUnavailable || strings.Contains(v.Body, "reset") {
				t.Errorf("%s while the table is down: %d %s", provider, v.Status, v.Body)
			}
		}
		if c.asked() != calls {
			t.Errorf("%d provider calls without a table", c.asked()-calls)
		}
	})
}

// TestSavedLate: the save after the question fails. The webhook is not answered with 200, for nothing is durable.
func TestSavedLate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		c.popup(s, "close-popup")
		door := c.Process(func(name string, carryOut func()) error {
			if name == "save" {
				return errLostReply
			}
			carryOut()
			return nil
		})
		v := c.At(door).Post("/webhooks/portone/"+world.WebhookToken, c.Hooks.Records()[0].Body)
		if v.Status != http.StatusServiceUnavailable {
			t.Errorf("nothing was stored and the webhook was answered %d", v.Status)
		}
		c.WantOrder("not stored", "order-1", order.Open, 1)
	})
}

// TestWebhookBodies: the body tells what a webhook is, whatever it is called; one that names no payment is refused.
func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	json := portoneHook("{key}", "order-1", "paid")
	form := "imp_uid={key}&merchant_uid=order-1&status=paid"
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		paid              bool
	}{
		"json":                  {testbed.JSON, json, 200, true},
		"json with charset":     {"application/json; charset=utf-8", json, 200, true},
		"json in capitals":      {"Application/JSON;charset=UTF-8", json, 200, true},
		"form":                  {testbed.Form, form, 200, true},
		"form with charset":     {testbed.Form + "; charset=UTF-8", form, 200, true},
		"with unknown fields":   {testbed.JSON, strings.Replace(json, "{", `{"cancellation_id":"x","new":{"a":[1]},`, 1), 200, true},
		"json called a form":    {testbed.Form, json, 200, true},
		"form called json":      {testbed.JSON, form, 200, true},
		"no content type":       {"", json, 200, true},
		"text":                  {"text/plain", json, 200, true},
		"a list":                {testbed.JSON, "[" + json + "]", 400, false},
		"null":                  {testbed.JSON, "null", 400, false},
		"nothing":               {testbed.JSON, "", 400, false},
		"two numbers in a form": {testbed.Form, form + "&merchant_uid=order-2", 200, true}, // in doubt, so the key tells
		"nothing but a status":  {testbed.Form, "status=paid", 400, false},
		"another shop's number": {testbed.JSON, `{"imp_uid":"{key}","merchant_uid":5}`, 200, false},
		"a broken escape":       {testbed.Form, form + "&x=%zz", 200, true},
		"two objects":           {testbed.JSON, json + json, 200, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				town := newTown(t)
				s := town.Order("portone", "order-1", 24*time.Hour)
				key := testbed.Parameter(town.TossPay(s, "approve"), "imp_uid")
				v := town.Send(testbed.Request(http.MethodPost, "/webhooks/portone/"+world.WebhookToken, c.contentType, strings.ReplaceAll(c.body, "{key}", key)))
				if v.Status != c.status {
					t.Errorf("%d %s, want %d", v.Status, v.Body, c.status)
				}
				want := map[bool]order.Status{true: order.Paid, false: order.Open}[c.paid]
				town.WantOrder(name, "order-1", want, 1)
			})
		})
	}
}

// TestWebhookDoorTellsNothing: who does not know the address gets what everybody gets who asks for what is not there.
func TestWebhookDoorTellsNothing(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		key := testbed.Parameter(c.TossPay(s, "approve"), "imp_uid")
		body := portoneHook(key, "order-1", "paid")
		for _, path := range []string{
			"/webhooks/portone/wrong", "/webhooks/portone/" + world.WebhookToken + "x", "/webhooks/portone/" + strings.ToUpper(world.WebhookToken),
			"/webhooks/portone/%20" + world.WebhookToken, "/webhooks/toss/wrong", "/webhooks/portone/" + world.WebhookToken[:len(world.WebhookToken)-1],
		} {
			v := c.Post(path, body)
			if v.Status != http.StatusNotFound || v.Body != `{"message":"Not Found"}` { // the words of API Gateway
				t.Errorf("POST %s: %d %s", path, v.Status, v.Body)
			}
		}
		for _, body := range []string{strings.Repeat("x", 1<<20), "{", ""} { // the token is looked at first
			if v := c.Post("/webhooks/portone/wrong", body); v.Status != http.StatusNotFound {
				t.Errorf("a wrong token and a bad body: %d", v.Status)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodHead} {
			r := testbed.Post("/webhooks/portone/"+world.WebhookToken, body)
			r.Method = method
			if v := c.Send(r); v.Status < 400 || v.Status >= 500 {
				t.Errorf("%s: %d", method, v.Status)
			}
		}
		if v := c.Post("/webhooks/stripe/"+world.WebhookToken, body); v.Status != http.StatusNotFound {
			t.Errorf("an unknown provider: %d", v.Status)
		}
		if c.PortOne.Calls()["payment"] != 0 {
			t.Error("somebody who does not know the address made us ask")
		}
		c.WantOrder("nobody told us", "order-1", order.Open, 1)
		if strings.Contains(c.Log.String(), world.WebhookToken) {
			t.Error("the webhooks' token is in the log")
		}
	})
}

// TestWebhookSizes: a megabyte is refused before it is read, and so is what is larger than theirs ever are.
func TestWebhookSizes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		key := testbed.Parameter(c.TossPay(s, "approve"), "imp_uid")
		padded := func(size int) string {
			head, tail := `{"imp_uid":"`+key+`","merchant_uid":"order-1","pad":"`, `"}`
			return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
		}
		form := url.Values{"imp_uid": {key}, "merchant_uid": {"order-1"}, "pad": {strings.Repeat("x", 1<<20)}}.Encode()
		for _, v := range []testbed.Answer{
			c.hook("portone", padded(1<<20)),
			c.hook("toss", padded(1<<20)),
			c.Send(testbed.Request(http.MethodPost, "/webhooks/portone/"+world.WebhookToken, testbed.Form, form)),
			c.hook("portone", padded(512<<10+1)),
		} {
			if v.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("%d %.100s", v.Status, v.Body)
			}
		}
		c.WantOrder("too large", "order-1", order.Open, 1)
		if v := c.hook("portone", padded(512<<10)); v.Status != http.StatusOK {
			t.Errorf("512 KiB: %d", v.Status)
		}
		c.WantOrder("the largest", "order-1", order.Paid, 1)
	})
}

// TestWebhookBase64: API Gateway hands over anything but text in base64, and JSON as well if it is configured so.
func TestWebhookBase64(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.Order("portone", "order-1", 24*time.Hour)
		key := testbed.Parameter(c.TossPay(s, "approve"), "imp_uid")
		door := c.Parts.Webhook()
		request := handler.Request{
			RouteKey: "POST /webhooks/portone/{webhookToken}", PathParameters: map[string]string{"webhookToken": world.WebhookToken},
			Headers: map[string]string{"content-type": testbed.JSON}, IsBase64Encoded: true,
		}
		for _, broken := range []string{"%%%", base64.RawURLEncoding.EncodeToString([]byte(portoneHook(key, "order-1", "paid") + "??>"))} {
			request.Body = broken
			if r, err := door(t.Context(), request); err != nil || r.StatusCode < 400 || r.StatusCode >= 500 {
				t.Errorf("broken base64: %d, %v", r.StatusCode, err)
			}
		}
		request.Body = base64.StdEncoding.EncodeToString([]byte(portoneHook(key, "order-1", "paid")))
		if r, err := door(t.Context(), request); err != nil || r.StatusCode != http.StatusOK {
			t.Errorf("base64: %d %s, %v", r.StatusCode, r.Body, err)
		}
		c.WantOrder("in base64", "order-1", order.Paid, 1)
	})
}

// TestWebhookSources: with a list, others get the same 404; a header does not help; without one everybody may.
func TestWebhookSources(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		for _, listed := range []bool{false, true} {
			c := newTown(t, func(o *world.Options) {
				o.Edit = func(p *boot.Parts) {
					if listed {
						p.Webhooks.Sources = map[string][]string{"portone": {"52.78.100.19", "52.78.48.223"}}
					}
				}
			})
			s := c.Order("portone", "order-1", 24*time.Hour)
			body := portoneHook(testbed.Parameter(c.TossPay(s, "approve"), "imp_uid"), "order-1", "paid")
			from := func(provider, address string) testbed.Answer {
				r := testbed.Post("/webhooks/"+provider+"/"+world.WebhookToken, body)
				r.RemoteAddr = address + ":1234"
				r.Header.Set("X-Forwarded-For", "52.78.100.19")
				r.Header.Set("X-Real-Ip", "52.78.100.19")
				return c.Send(r)
			}
			stranger := from("portone", "203.0.113.7")
			want := map[bool]int{true: http.StatusNotFound, false: http.StatusOK}[listed]
			if stranger.Status != want || listed && stranger.Body != `{"message":"Not Found"}` {
				t.Errorf("listed %v, a stranger: %d %s", listed, stranger.Status, stranger.Body)
			}
			if listed {
				c.WantOrder("a stranger", "order-1", order.Open, 1)
			}
			if v := from("portone", "52.78.48.223"); v.Status != http.StatusOK {
				t.Errorf("listed %v, the provider: %d", listed, v.Status)
			}
			if v := from("toss", "203.0.113.7"); v.Status == http.StatusNotFound {
				t.Errorf("listed %v, the other provider has no list: %d", listed, v.Status)
			}
			c.WantOrder("the provider", "order-1", order.Paid, 1)
		}
	})
}

// TestTossEvents: every event is taken and logged, known or not, and those without an order number ask nobody.
func TestTossEvents(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		c.paidOrder("toss", "order-1")
		c.mailAll()
		before := c.asked()
		for _, body := range []string{
			`{"eventType":"CANCEL_STATUS_CHANGED","createdAt":"2026-01-02T14:46:59.65327","data":{"transactionKey":"t","cancelStatus":"DONE"}}`,
			`{"eventType":"BILLING_DELETED","createdAt":"x","data":{"billingKey":"b","reason":null}}`, `{"eventType":"BILLING_DELETED","billingKey":"b"}`,
			`{"eventType":"METHOD_UPDATED","data":{"customerKey":"c"}}`, `{"eventType":"payout.changed","entityBody":{}}`, `{"eventType":"X","data":[1,2]}`,
			`{"eventType":"PAYMENT_STATUS_CHANGED\n\"event\":\"money.transition\"","data":{"orderId":"order 1"}}`,
		} {
			if v := c.hook("toss", body); v.Status != http.StatusOK {
				t.Errorf("%s: %d %s", body, v.Status, v.Body)
			}
		}
		if c.asked() != before {
			t.Errorf("events without an order cost %d calls", c.asked()-before)
		}
		if v := c.hook("toss", `{"createdAt":"2026-01-02T14:46:59.65327","secret":"s","status":"DONE","transactionKey":"t","orderId":"order-1"}`); v.Status != http.StatusOK || c.asked() != before+1 {
			t.Errorf("a flat deposit callback: %d, %d calls", v.Status, c.asked()-before)
		}
		c.WantOrder("events", "order-1", order.Paid, 1)
	})
}

// TestResend: PortOne may be asked to send again on a 5xx, such as of a table that is down; then it does, and the refund is recorded.
func TestResend(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t, func(o *world.Options) { o.PortOne.Resend = true })
		console, key, _ := c.paidOrder("portone", "order-1")
		if err := console(key, 0); err != nil {
			t.Fatal(err)
		}
		tries := 0
		c.Hooks.Transport = wire.Transport(c.Process(func(_ string, carryOut func()) error {
			if tries++; tries == 1 {
				return errLostReply
			}
			carryOut()
			return nil
		}))
		c.mailAll()
		c.WantOrder("sent again", "order-1", order.Refunded, 1)
	})
}

// TestStaleAnswer: a lookup's answer is on its way for seconds while money is given back in the console, and that is recorded. The older
// answer must not undo the newer one.
func TestStaleAnswer(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]struct {
		provider string
		first    int64 // given back before the slow lookup, and not recorded yet; 0: the payment itself is not
		second   int64 // given back during it; 0: the rest
		left     int64
		status   order.Status
	}{
		"portone, captured, then all of it back": {"portone", 0, 0, 0, order.Refunded},
		"portone, captured, then a part back":    {"portone", 0, 4000, 11000, order.Paid},
		"portone, a part back, then another":     {"portone", 1000, 4000, 10000, order.Paid},
		"portone, a part back, then the rest":    {"portone", 1000, 0, 0, order.Refunded},
		"toss, a part back, then another":        {"toss", 1000, 4000, 10000, order.Paid},
		"toss, a part back, then the rest":       {"toss", 1000, 0, 0, order.Refunded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				var key string
				console, op := c.PortOne.ConsoleCancel, portonesim.OpPayment
				if k.first > 0 {
					console, key, _ = c.paidOrder(k.provider, "order-1")
					time.Sleep(time.Minute)
					if err := console(key, k.first); err != nil {
						t.Fatal(err)
					}
				} else {
					key = testbed.Parameter(c.TossPay(c.Order("portone", "order-1", 24*time.Hour), "approve"), "imp_uid")
				}
				if k.provider == "toss" {
					op = tosssim.OpFind
				}
				c.Fault(fault.Fault{Provider: k.provider, Operation: op, Kind: fault.Delay, Moment: fault.After, Delay: 5 * time.Second})
				index := len(c.Hooks.Records()) - 1
				var slow sync.WaitGroup
				slow.Go(func() { _, _ = c.Hooks.Replay(t.Context(), index, 1) }) // reads the payment as it is now, and hears of it later
				time.Sleep(200 * time.Millisecond)
				if err := console(key, k.second); err != nil {
					t.Fatal(err)
				}
				c.mail()
				slow.Wait()
				c.mailAll()
				time.Sleep(time.Minute)
				if got := c.WantOrder("in the end", "order-1", k.status, 1); got.Payment == nil || got.Payment.Balance != k.left {
					t.Errorf("balance %+v, want %d", got.Payment, k.left)
				}
			})
		})
	}
}

// TestOddWebhooksAreFollowed: a webhook is followed as far as it can be read: here each tells of a refund in the provider's console. It is
// answered 200 when that is recorded, and never before.
func TestOddWebhooksAreFollowed(t *testing.T) {
	t.Parallel()
	const id = "20261128001"
	for name, c := range map[string]struct{ provider, contentType, body string }{
		"toss, the number as a number":        {"toss", testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":` + id + `,"paymentKey":"{key}","status":"CANCELED"}}`},
		"toss, a field of another type":       {"toss", testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"status":{"x":[]},"orderId":"` + id + `","paymentKey":"{key}"}}`},
		"toss, the key of another type":       {"toss", testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"` + id + `","paymentKey":["{key}"]}}`},
		"toss, only the key":                  {"toss", testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":{},"paymentKey":"{key}"}}`},
		"toss, a byte order mark":             {"toss", testbed.JSON, "\xef\xbb\xbf" + `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"` + id + `"}}`},
		"toss, cut off":                       {"toss", testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"paymentKey":"{key}","orderId":"` + id + `","card":{"nu`},
		"toss, the content type twice":        {"toss", testbed.JSON + "," + testbed.JSON, `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"` + id + `"}}`},
		"toss, without a content type":        {"toss", "", `{"eventType":"PAYMENT_STATUS_CHANGED","data":{"orderId":"` + id + `"}}`},
		"portone, the number as a number":     {"portone", testbed.JSON, `{"imp_uid":"{key}","merchant_uid":` + id + `,"status":"cancelled"}`},
		"portone, a status of another type":   {"portone", testbed.JSON, `{"status":null,"imp_uid":"{key}","merchant_uid":"` + id + `"}`},
		"portone, only the key":               {"portone", testbed.JSON, `{"imp_uid":"{key}","merchant_uid":null}`},
		"portone, a byte order mark":          {"portone", testbed.JSON, "\xef\xbb\xbf" + `{"imp_uid":"{key}","merchant_uid":"` + id + `"}`},
		"portone, the content type twice":     {"portone", testbed.JSON + ", " + testbed.JSON, `{"imp_uid":"{key}","merchant_uid":"` + id + `"}`},
		"portone, a form said to be JSON":     {"portone", testbed.JSON, "imp_uid={key}&merchant_uid=" + id},
		"portone, JSON said to be a form":     {"portone", testbed.Form, `{"imp_uid":"{key}","merchant_uid":"` + id + `"}`},
		"portone, a form with odd neighbours": {"portone", testbed.Form, "reason=100%&note=a;b&imp_uid={key}&merchant_uid=" + id + "&%zz=1"},
		"portone, in no known content type":   {"portone", "text/plain; charset", `{"imp_uid":"{key}","merchant_uid":"` + id + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				town := newTown(t)
				console, key, _ := town.paidOrder(c.provider, id)
				if err := console(key, 0); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				v := town.Send(testbed.Request(http.MethodPost, "/webhooks/"+c.provider+"/"+world.WebhookToken, c.contentType, strings.ReplaceAll(c.body, "{key}", key)))
				if v.Status != http.StatusOK {
					t.Errorf("%d %s, want 200", v.Status, v.Body)
				}
				town.WantOrder("after the webhook", id, order.Refunded, 1)
				town.wantLawful()
			})
		})
	}
}
