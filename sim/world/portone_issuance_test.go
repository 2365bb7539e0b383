package world_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

const (
	townRegistered    = "Your payment method is registered"
	townNotRegistered = "The registration was not finished"
	townEnded         = "This subscription has ended"
)

// TestKeyIsIssued: return, webhook and schedule each alone make the subscription active, once, and any of them afterwards changes nothing.
func TestKeyIsIssued(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"redirect", "popup", "redirect without imp_uid", "webhook", "webhook as a form", "webhook twice, then the return", "schedule", "error in the return"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t, func(o *world.Options) { o.PortOne.WebhookForm = way == "webhook as a form" })
				s := c.subscribe("sub-0001")
				if s.Window["customer_uid"] != "sub-0001--key1" || s.Window["merchant_uid"] != "sub-0001--key1" || s.Status != "enrolling" {
					t.Errorf("the window %v of a subscription that is %s", s.Window, s.Status)
				}
				outcome := "approve"
				if strings.HasPrefix(way, "webhook") || way == "schedule" {
					outcome = "close-popup"
				}
				if way == "schedule" {
					c.silence(1)
				}
				var address string
				switch way {
				case "popup", "webhook", "webhook as a form", "schedule":
					address = c.popup(s, outcome)
				case "webhook twice, then the return":
					c.popup(s, outcome)
					address = s.Window.Text("m_redirect_url") + "?merchant_uid=sub-0001--key1"
				default:
					address = c.TossPay(s, outcome)
				}
				switch way {
				case "redirect", "popup":
					c.WantTitle("the return", c.Get(address), townRegistered)
				case "redirect without imp_uid":
					c.WantTitle("the return", c.Get(testbed.Edited(address, "imp_uid", "-")), townRegistered)
				case "error in the return":
					c.WantTitle("the return", c.Get(testbed.Edited(address, "error_code", "F400", "error_msg", "x")), townRegistered)
				case "schedule":
					c.advanceSubscription("sub-0001")
					c.wantSubscription("before its time", "sub-0001", subscription.Enrolling)
					time.Sleep(time.Until(s.DueAt))
					c.advanceSubscription("sub-0001")
				default:
					c.mail()
				}
				got := c.wantSubscription("told by the "+way, "sub-0001", subscription.Active)
				if got.Means == nil || got.Means.Key != "sub-0001--key1" || got.Means.Brand == "" || !strings.Contains(got.Means.Masked, "*") {
					t.Errorf("the means shown: %+v", got.Means)
				}
				calls := c.asked()
				c.mail()
				if len(c.Hooks.Records()) > 0 {
					if _, err := c.Hooks.Replay(t.Context(), 0, 3); err != nil {
						t.Fatal(err)
					}
				}
				c.advanceSubscription("sub-0001")
				if address != "" {
					c.WantTitle("the reload", c.Get(address), townRegistered)
				}
				c.WantTitle("the page", c.Get(s.CheckoutURL), townRegistered)
				got = c.wantSubscription("in the end", "sub-0001", subscription.Active)
				if steps := got.Steps(); len(steps) != 2 {
					t.Errorf("its path is %v, want one activation", steps)
				}
				if c.asked() != calls {
					t.Errorf("%d questions about an active subscription", c.asked()-calls)
				}
				if n := len(c.Ledger.Entries()); n != 0 {
					t.Errorf("an issuance moved money: %v", c.Ledger.Entries())
				}
				if v := c.Get(base + "/orders/sub-0001--key1"); v.Status != http.StatusNotFound {
					t.Errorf("an issuance is an order: %d %s", v.Status, v.Body)
				}
				c.wantLawful()
			})
		})
	}
}

// TestIssuanceFailsAndIsStartedAgain: the next window has the next number; a name that was once in a window is never used again, and a key
// that is issued late under an old one counts.
func TestIssuanceFailsAndIsStartedAgain(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"redirect", "popup"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.subscribe("sub-0001")
				pay := c.TossPay
				if way == "popup" {
					pay = c.popup
				}
				used := map[string]bool{}
				for n, outcome := range []string{"fail", "cancel", "fail"} {
					s = c.Reopened(s)
					uid := s.Window.Text("customer_uid")
					if want := fmt.Sprintf("sub-0001--key%d", n+1); uid != want || s.Window["merchant_uid"] != want || used[uid] {
						t.Errorf("window %d is for %s", n+1, uid)
					}
					used[uid] = true
					v := c.Get(pay(s, outcome))
					c.WantTitle("the failed return", v, townNotRegistered)
					if !v.CanPay() {
						t.Error("the failed return does not lead back to the window")
					}
					time.Sleep(5 * time.Second)
				}
				s = c.Reopened(s)
				c.WantTitle("the fourth", c.Get(pay(s, "approve")), townRegistered)
				got := c.wantSubscription("in the end", "sub-0001", subscription.Active)
				if got.Means == nil || got.Means.Key != "sub-0001--key4" {
					t.Errorf("means %+v", got.Means)
				}
				c.wantLawful() // the simulator reports a customer_uid that is used twice
			})
		})
	}
}

// TestOldKeyIsIssuedLate: the first window was reported failed and the second is open; the first one's key exists after all.
func TestOldKeyIsIssuedLate(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.subscribe("sub-0001")
		c.Get(s.Window.Text("m_redirect_url") + "?error_code=F400") // a return that says failed
		second := c.Reopened(s)
		if second.Window["customer_uid"] != "sub-0001--key2" {
			t.Errorf("after a failure the window is for %v", second.Window["customer_uid"])
		}
		c.popup(s, "close-popup") // and the first window is approved
		c.mail()
		got := c.wantSubscription("the old key", "sub-0001", subscription.Active)
		if got.Means == nil || got.Means.Key != "sub-0001--key1" {
			t.Errorf("means %+v", got.Means)
		}
		c.popup(second, "close-popup")
		c.mail()
		got = c.wantSubscription("both keys", "sub-0001", subscription.Active)
		if got.Means == nil || got.Means.Key != "sub-0001--key1" || len(got.Steps()) != 2 {
			t.Errorf("means %+v, path %v", got.Means, got.Steps())
		}
		c.wantLawful()
	})
}

// TestEnrolmentIsAbandoned: nobody ever comes; the due times end it, and the page says so.
func TestEnrolmentIsAbandoned(t *testing.T) {
	t.Parallel()
	for _, opened := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			c := newTown(t)
			s := c.subscribe("sub-0001")
			if opened {
				c.OpenWindow(s.Window)
			}
			began := time.Now()
			for range 10 {
				got := c.readSubscription("sub-0001")
				if got.DueAt.IsZero() {
					break
				}
				time.Sleep(time.Until(got.DueAt))
				c.advanceSubscription("sub-0001")
			}
			c.wantSubscription("abandoned", "sub-0001", subscription.Canceled)
			if took := time.Since(began); took < time.Hour || took > 7*24*time.Hour {
				t.Errorf("it was given up after %v", took)
			}
			v := c.Get(s.CheckoutURL)
			c.WantTitle("the page", v, townEnded)
			if v.CanPay() {
				t.Error("the page of a canceled subscription opens a window")
			}
		})
	}
}

// TestAbandonedIssuanceCanBeStartedAgain: "a failed or abandoned issuance can be started again with the next n".
func TestAbandonedIssuanceCanBeStartedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		s := c.subscribe("sub-0001")
		c.OpenWindow(s.Window)
		time.Sleep(20 * time.Minute) // the window's time is over
		c.Get(s.Window.Text("m_redirect_url"))
		time.Sleep(20 * time.Minute)
		c.advanceSubscription("sub-0001")
		again := c.Reopened(s)
		c.WantTitle("registered at last", c.Get(c.TossPay(again, "approve")), townRegistered)
		c.wantSubscription("in the end", "sub-0001", subscription.Active)
		c.wantLawful()
	})
}

// TestKeyOfSomebodyElse: a key of another account, customer or mode is not the subscription's, whatever its name.
func TestKeyOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, edits := range map[string][]string{
		"another account": {"pg", "tosspay_v2." + portonesim.DefaultMID}, "another customer": {"customer_id", "customer-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.subscribe("sub-0001")
				address := c.TossPay(s, "approve", edits...)
				if v := c.Get(address); v.Title() == townRegistered {
					t.Errorf("the return: %q", v.Title())
				}
				c.mail()
				c.wantSubscription("a key that does not fit", "sub-0001", subscription.Enrolling)
				if c.Log.Count("security.key_mismatch") == 0 {
					t.Error("no alarm")
				}
				for range 20 {
					got := c.readSubscription("sub-0001")
					if got.DueAt.IsZero() {
						return
					}
					if !got.DueAt.After(time.Now()) {
						t.Fatalf("due at %v, asked, and still due at %v: the schedule asks for ever", got.DueAt, time.Now())
					}
					time.Sleep(time.Until(got.DueAt))
					c.advanceSubscription("sub-0001")
				}
				t.Errorf("20 questions later it is %s", c.readSubscription("sub-0001").Status)
			})
		})
	}
	t.Run("another mode", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T) {
			c := newTown(t, live)
			s := c.subscribe("sub-0001")
			c.Get(c.TossPay(s, "approve"))
			c.mail()
			c.wantSubscription("test money in live mode", "sub-0001", subscription.Enrolling)
		})
	})
}

// TestIssuanceProviderDown: nothing can be asked while the key is issued; it is found afterwards.
func TestIssuanceProviderDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{fault.RefuseConnection, fault.LoseReply, fault.Garbage, fault.InternalError, fault.TooManyRequests} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				c := newTown(t)
				s := c.subscribe("sub-0001")
				address := c.TossPay(s, "approve")
				c.Fault(fault.Fault{Provider: "portone", Operation: portonesim.OpCustomer, Kind: kind, Times: 1000})
				c.WantTitle("the return", c.Get(address), "Checking your registration")
				c.mail()
				time.Sleep(time.Minute)
				c.WantTitle("with an error", c.Get(testbed.Edited(address, "error_code", "F400")), townNotRegistered)
				if got := c.readSubscription("sub-0001"); got.Status != "enrolling" || c.Reopened(s).Window["customer_uid"] != "sub-0001--key1" {
					t.Errorf("nobody answered, and it is %s with the window of %v", got.Status, c.Reopened(s).Window["customer_uid"])
				}
				c.Fault(fault.Fault{Provider: "portone", Operation: fault.Any, Kind: fault.None})
				time.Sleep(time.Until(c.readSubscription("sub-0001").DueAt))
				c.advanceSubscription("sub-0001")
				c.wantSubscription("in the end", "sub-0001", subscription.Active)
			})
		})
	}
}

// TestSubscriptionRequests: the same request again is the same subscription; another plan under its id is refused; bad input names its field.
func TestSubscriptionRequests(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		body := fmt.Sprintf(planBody, "sub-0001")
		first := c.Post("/subscriptions", body)
		if first.Status != http.StatusCreated {
			t.Fatalf("%d %s", first.Status, first.Body)
		}
		if again := c.Post("/subscriptions", body); again.Status != http.StatusOK || again.Body != first.Body {
			t.Errorf("the same request again: %d %s", again.Status, again.Body)
		}
		for name, edit := range map[string][2]string{
			"amount": {"9900", "9901"}, "name": {"Coffee", "Tea"}, "interval": {"month", "week"}, "customer": {"customer-1", "customer-2"},
		} {
			v := c.Post("/subscriptions", strings.Replace(body, edit[0], edit[1], 1))
			if v.Status != http.StatusConflict || fieldOf(v) != "subscriptionId" {
				t.Errorf("the same id with another %s: %d %s", name, v.Status, v.Body)
			}
		}
		for _, bad := range []struct{ old, new, field string }{
			{"customer-1", strings.Repeat("c", 51), "customerId"}, {"customer-1", "", "customerId"}, {"customer-1", `a\nb`, "customerId"},
			{"sub-0001", "sub--1", "subscriptionId"}, {"sub-0001", "x", "subscriptionId"}, {"sub-0001", strings.Repeat("s", 25), "subscriptionId"},
			{"9900", "99", "plan.amount"}, {"9900", "0", "plan.amount"}, {"9900", "-1", "plan.amount"}, {"9900", `"9900"`, "plan.amount"}, {"9900", "1.5", "plan.amount"},
			{"KRW", "USD", "plan.currency"}, {"Coffee", "", "plan.name"}, {"Coffee", strings.Repeat("n", 41), "plan.name"},
			{"Coffee", strings.Repeat("가", 14), "plan.name"}, {"month", "hour", "plan.interval"}, {`"month"`, `"month","every":0`, "plan.every"},
			{`"month"`, `"month","every":121`, "plan.every"}, {`"month"`, `"month","anchorDay":32`, "plan.anchorDay"}, {`"month"`, `"week","anchorDay":3`, "plan.anchorDay"},
			{`"month"`, `"month","chargeHour":24`, "plan.chargeHour"}, {`"month"`, `"month","catchUp":"all"`, "plan.catchUp"},
			{`"language":"en"`, `"language":"fr"`, "language"}, {`"language":"en"`, `"returnUrl":"https://evil.example"`, "returnUrl"},
			{`"language":"en"`, `"firstChargeAt":"1999-01-01T00:00:00Z"`, "firstChargeAt"}, {`"language":"en"`, `"firstChargeAt":"tomorrow"`, "firstChargeAt"},
			{`"language":"en"`, `"firstChargeAt":"2002-01-01T00:00:00Z"`, "firstChargeAt"},
			{`"language":"en"`, `"surprise":1`, "surprise"},
		} {
			v := c.Post("/subscriptions", strings.Replace(strings.Replace(body, bad.old, bad.new, 1), "sub-0001", "sub-0002", 1))
			if v.Status != http.StatusBadRequest || fieldOf(v) != bad.field {
				t.Errorf("%s -> %s: %d %s, want the field %s", bad.old, bad.new, v.Status, v.Body, bad.field)
			}
		}
		if v := c.Get(base + "/subscriptions/sub-0002"); v.Status != http.StatusNotFound {
			t.Errorf("a refused subscription is there: %d %s", v.Status, v.Body)
		}
		if n := c.asked(); n != 0 {
			t.Errorf("bad requests cost %d provider calls", n)
		}
	})
}

// TestPortOneOrderRequests: bad choices for the window name their field, and store and register nothing.
func TestPortOneOrderRequests(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		c := newTown(t)
		korean := func(ahead time.Duration) string {
			return time.Now().Add(ahead).In(subscription.Seoul).Format(time.DateTime)
		}
		request := func(options string) testbed.Answer {
			return c.Post("/orders", `{"orderId":"order-9","provider":"portone","amount":15000,"currency":"KRW","name":"T-shirt","language":"en",`+options+`}`)
		}
		for options, field := range map[string]string{
			`"portone":{"payMethod":"card"}`:                                "portone.payMethod",
			`"portone":{"expiredTime":"` + korean(-time.Minute) + `"}`:      "portone.expiredTime",
			`"portone":{"expiredTime":"` + korean(0) + `"}`:                 "portone.expiredTime",
			`"portone":{"expiredTime":"` + korean(61*time.Minute) + `"}`:    "portone.expiredTime",
			`"portone":{"expiredTime":"2000-01-01T09:10:00"}`:               "portone.expiredTime",
			`"portone":{"expiredTime":"soon"}`:                              "portone.expiredTime",
			`"portone":{"expiredTime":"2000-01-01 09:10:00.5"}`:             "portone.expiredTime",
			`"portone":{"expiredTime":5}`:                                   "portone.expiredTime",
			`"portone":{"cashReceiptTradeOption":"NONE"}`:                   "portone.cashReceiptTradeOption",
			`"portone":{"payMethod":"tosspay_money","useInstallment":true}`: "portone.useInstallment",
			`"portone":{"useInstallment":"yes"}`:                            "portone.useInstallment",
			`"toss":{"useInternationalCardOnly":true}`:                      "toss",
			`"customer":{"id":"` + strings.Repeat("c", 51) + `"}`:           "customer.id",
			`"expiresAt":"2000-01-09T00:00:00Z"`:                            "expiresAt",
			`"portone":{"sendFailPush":true}`:                               "portone.sendFailPush",
		} {
			if v := request(options); v.Status != http.StatusBadRequest || fieldOf(v) != field {
				t.Errorf("%s: %d %s, want the field %s", options, v.Status, v.Body, field)
			}
		}
		if v := c.Post("/orders", `{"orderId":"order-9","provider":"portone","amount":15000,"currency":"KRW","name":"`+strings.Repeat("n", 41)+`"}`); fieldOf(v) != "name" {
			t.Errorf("a name of 41: %d %s", v.Status, v.Body)
		}
		if v := c.Get(base + "/orders/order-9"); v.Status != http.StatusNotFound || c.asked() != 0 {
			t.Errorf("bad requests left something: %d, %d provider calls", v.Status, c.asked())
		}
		v := request(`"portone":{"payMethod":"tosspay_card","useInstallment":true,"expiredTime":"` + korean(60*time.Minute) + `","cashReceiptTradeOption":"CULTURE"}`)
		if v.Status != http.StatusCreated {
			t.Fatalf("the widest allowed: %d %s", v.Status, v.Body)
		}
		s := c.Sale(v)
		if got := time.Until(s.ExpiresAt); got < 59*time.Minute || got > time.Hour {
			t.Errorf("the order expires in %v, its window in 60 minutes", got)
		}
		time.Sleep(59 * time.Minute)
		c.WantTitle("a minute before the end", c.Get(c.TossPay(c.Reopened(s), "approve")), paidPage)
		c.WantOrder("a minute before the end", "order-9", order.Paid, 1)
	})
}

// fieldOf is the field an error names.
func fieldOf(v testbed.Answer) string {
	var body struct {
		Error struct{ Field, Message string }
	}
	if v.JSON(&body) != nil || body.Error.Message == "" {
		return ""
	}
	return body.Error.Field
}
