package portonesim_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/sim/hooks"
	"tosspay-sam/sim/portonesim"
)

const f1002 = "이미 결제가 이루어진 거래건입니다."

func TestOutcomes(t *testing.T) {
	t.Parallel()
	issue := issuance()
	for _, tc := range []struct {
		name    string
		edits   []string
		uid     string // merchant_uid
		errors  [2]string
		status  string
		moved   string
		hooks   int
		hasKey  bool
		noReply bool // the page learns nothing
	}{
		{"approve", nil, order, [2]string{}, "paid", "+9900", 1, false, false},
		{"by account", []string{"pay_method", "tosspay_money"}, order, [2]string{}, "paid", "+9900", 1, false, false},
		{"tampered", []string{"tamperAmount", "100"}, order, [2]string{}, "paid", "+100", 1, false, false},
		{"fail", []string{"outcome", "fail"}, order, [2]string{"CARD_NOT_ENOUGH_BALANCE", "잔고 부족으로 결제에 실패했습니다."}, "failed", "", 0, false, false},
		{"cancel", []string{"outcome", "cancel"}, order, [2]string{"USER_CANCEL", "[결제포기] 사용자가 결제를 취소하셨습니다"}, "failed", "", 0, false, false},
		{"close", []string{"outcome", "close-popup"}, order, [2]string{}, "paid", "+9900", 1, false, true},
		{"issue", issue, customer, [2]string{}, "paid", "", 1, true, false},
		{"issue with an amount takes nothing", issuance("amount", "1004"), customer, [2]string{}, "paid", "", 1, true, false},
		{"issue fails", issuance("outcome", "fail"), customer, [2]string{"CARD_NOT_ENOUGH_BALANCE", ""}, "failed", "", 0, false, false},
		{"issue cancelled", issuance("outcome", "cancel"), customer, [2]string{"USER_CANCEL", ""}, "failed", "", 0, false, false},
		{"issue closed", issuance("outcome", "close-popup"), customer, [2]string{}, "paid", "", 1, true, true},
	} {
		for _, mode := range []string{"popup", "redirect"} {
			t.Run(tc.name+" "+mode, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
				a := w.submit(windowForm(append([]string{"mode", mode}, tc.edits...)...))
				found := w.call("GET", "/payments/find/"+tc.uid, "")
				got := map[string]any{}
				switch {
				case tc.noReply:
					if w.popup(a) != nil || strings.Contains(a.raw, "imp_") || a.header.Get("Location") != "" {
						t.Errorf("the page was told: %v", a)
					}
				case mode == "popup":
					got = w.popup(a)
				default:
					for name, values := range w.back(a) {
						got[name] = values[0]
					}
				}
				if !tc.noReply {
					want := map[string]any{"imp_uid": found.text("imp_uid"), "merchant_uid": tc.uid}
					if tc.errors[0] != "" {
						want["error_code"], want["error_msg"] = tc.errors[0], tc.errors[1]
					}
					if tc.errors[1] == "" {
						delete(want, "error_msg")
						if tc.errors[0] != "" {
							want["error_msg"] = got["error_msg"]
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("the page got %v, want %v", got, want)
					}
				}
				w.wantFields("payment", found, "status", tc.status, "channel", map[string]string{"popup": "pc", "redirect": "mobile"}[mode])
				w.wantMoved(tc.moved)
				if n := len(w.webhooks()); n != tc.hooks {
					t.Errorf("%d webhooks, want %d", n, tc.hooks)
				}
				key := w.call("GET", "/subscribe/customers/"+customer, "")
				if (key.status == 200) != tc.hasKey {
					t.Errorf("key: %v", key)
				}
				if tc.uid == customer {
					w.wantFields("issuance", found, "amount", "0", "customer_uid", customer, "customer_uid_usage", "issue", "card_name", "")
				} else {
					w.wantFields("payment", found, "customer_uid", "", "customer_uid_usage", "")
				}
				w.wantViolations()
			})
		}
	}
}

func TestOptionsOfTheReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{RedirectWithoutImpUID: true, LegacyImpSuccess: true})
	if got := w.back(w.submit(windowForm())).Encode(); got != "imp_success=true&merchant_uid="+order {
		t.Errorf("success: %s", got)
	}
	failed := w.back(w.submit(windowForm("merchant_uid", "order-0002", "outcome", "fail")))
	if failed.Get("imp_uid") == "" || failed.Get("imp_success") != "false" {
		t.Errorf("failure: %v", failed)
	}
	popup := w.popup(w.submit(windowForm("merchant_uid", "order-0003", "mode", "popup")))
	if popup["imp_success"] != true || popup["imp_uid"] == nil {
		t.Errorf("popup: %v", popup)
	}
}

func TestPaidMerchantUIDIsRefusedBeforehand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve()
	want := map[string]any{"imp_uid": nil, "merchant_uid": order, "error_code": "F1002", "error_msg": f1002}
	v := windowForm("mode", "popup")
	if got := w.popup(w.submit(v)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("popup: %v", got)
	}
	v.Del("outcome")
	if got := w.popup(w.call("GET", "/window?"+v.Encode(), "")); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("opening: %v", got)
	}
	q := w.back(w.submit(windowForm()))
	if q.Get("error_code") != "F1002" || q.Get("error_msg") != f1002 || q.Has("imp_uid") {
		t.Errorf("redirect: %v", q)
	}
	w.cancel(`{"merchant_uid":"` + order + `"}`)
	if q := w.back(w.submit(windowForm())); q.Get("error_code") != "F1002" {
		t.Errorf("after the cancel: %v", q)
	}
	w.wantMoved("+9900 -9900")
	w.wantFields("nothing more", w.call("GET", "/payments/findAll/"+order, ""), "total", "1")
}

// A customer_uid that is used again loses its key.
func TestReusedCustomerUID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	w.approve(issuance("merchant_uid", "another", "customer_id", "other")...)
	w.wantFields("overwritten", w.call("GET", "/subscribe/customers/"+customer, ""), "customer_id", "other")
	w.wantViolations("lost its key")
}

func TestWebhooksOfTheWindow(t *testing.T) {
	t.Parallel()
	const console = "https://shop.example/console"
	for _, tc := range []struct {
		name    string
		o       portonesim.Options
		notices []string
		media   string
		body    string
		to      []string
	}{
		{"console", portonesim.Options{ConsoleURL: console}, nil, "application/json", `{"imp_uid":"UID","merchant_uid":"order-0001","status":"paid"}`, []string{console}},
		{"form", portonesim.Options{ConsoleURL: console, WebhookForm: true}, nil, form + "; charset=utf-8", "imp_uid=UID&merchant_uid=order-0001&status=paid", []string{console}},
		{"notice_url instead", portonesim.Options{ConsoleURL: console}, []string{"https://a.example/1"}, "application/json", `"status":"paid"`, []string{"https://a.example/1"}},
		{"several", portonesim.Options{}, []string{"https://a.example/1", "https://b.example/2"}, "application/json", "", []string{"https://a.example/1", "https://b.example/2"}},
		{"nowhere", portonesim.Options{}, nil, "", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.o)
			v := windowForm()
			v["notice_url"] = tc.notices
			uid := w.back(w.submit(v)).Get("imp_uid")
			var to []string
			for _, d := range w.sent {
				to = append(to, d.URL)
				body := strings.ReplaceAll(tc.body, "UID", uid)
				if d.Provider != "portone" || d.ContentType != tc.media || !strings.Contains(string(d.Body), body) || len(d.Schedule) != 0 {
					t.Errorf("%+v, want %s %s once", d, tc.media, body)
				}
			}
			if !slices.Equal(to, tc.to) {
				t.Errorf("sent to %q, want %q", to, tc.to)
			}
		})
	}
	resend := newWorld(t, portonesim.Options{ConsoleURL: console, Resend: true})
	resend.approve()
	if d := resend.sent[0]; len(d.Schedule) != 5 {
		t.Errorf("resend: %v", d.Schedule)
	}
}

func TestWebhookOfACancel(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, console, notice string
		enable                bool
		want                  int // webhooks of the cancel
	}{
		{"not asked for", "https://shop.example/console", "", false, 0},
		{"asked for", "https://shop.example/console", "", true, 1},
		{"always to the console", "https://shop.example/console", "https://shop.example/notice", true, 1},
		{"no console", "", "", true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{ConsoleURL: tc.console})
			notice := tc.notice
			if notice == "" {
				notice = "-"
			}
			uid := w.approve("notice_url", notice)
			before := len(w.webhooks())
			a := w.cancel(fmt.Sprintf(`{"imp_uid":%q,"amount":900,"enable_webhook":%v}`, uid, tc.enable))
			w.wantFields("cancel", a, "cancel_amount", "900")
			sent := w.webhooks()[before:]
			if len(sent) != tc.want {
				t.Fatalf("webhooks %q, want %d", sent, tc.want)
			}
			history, _ := a.response["cancel_history"].([]any)
			for _, got := range sent {
				want := fmt.Sprintf(`%s {"imp_uid":%q,"merchant_uid":%q,"status":"cancelled","cancellation_id":%q}`,
					tc.console, uid, order, history[0].(map[string]any)["cancellation_id"])
				if got != want {
					t.Errorf("webhook %s, want %s", got, want)
				}
			}
		})
	}
}

// A failed payment can turn paid, and a webhook tells of it.
func TestPayLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
	uid := w.back(w.submit(windowForm("outcome", "fail"))).Get("imp_uid")
	if err := w.sim.PayLate(uid); err != nil {
		t.Fatal(err)
	}
	w.wantFields("paid", w.payment(uid), "status", "paid", "fail_reason", "", "failed_at", "0")
	w.wantMoved("+9900")
	if got := w.webhooks(); len(got) != 1 || !strings.Contains(got[0], `"status":"paid"`) {
		t.Errorf("webhooks %q", got)
	}
	if w.sim.PayLate(uid) == nil || w.sim.PayLate("imp_1") == nil {
		t.Error("paid twice")
	}
}

func TestWindowRefusals(t *testing.T) {
	t.Parallel()
	late := func(d time.Duration) string {
		at := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC).Add(d) // the world's now, written as in Korea
		return fmt.Sprintf(`{"tosspay_v2":{"expiredTime":%q}}`, at.Format("2006-01-02 15:04:05"))
	}
	for _, tc := range []struct {
		edits []string
		says  string // "" is accepted
	}{
		{[]string{"bypass", late(0)}, ""},
		{[]string{"bypass", late(time.Hour)}, ""},
		{[]string{"bypass", late(-time.Second)}, "expiredTime"},
		{[]string{"bypass", late(time.Hour + time.Second)}, "expiredTime"},
		{[]string{"bypass", `{"tosspay_v2":{"expiredTime":"2026-11-03T00:10:00"}}`}, "expiredTime"},
		{[]string{"bypass", `{"tosspay_v2":{"cashReceiptTradeOption":"PUBLIC_TP"}}`}, ""},
		{[]string{"bypass", `{"tosspay_v2":{"cashReceiptTradeOption":"general"}}`}, "cashReceiptTradeOption"},
		{[]string{"bypass", `{"expiredTime":"2026-11-03 00:10:00"}`}, "below tosspay_v2"},
		{[]string{"bypass", `{"tosspay_v2":{"sendFailPush":true}}`}, "sendFailPush"},
		{[]string{"card", `{"useInstallment":false}`}, ""},
		{[]string{"card", `{"useInstallment":"false"}`}, "useInstallment"},
		{[]string{"pay_method", "card"}, "pay_method"},
		{[]string{"pay_method", "tosspay_card"}, ""},
		{[]string{"merchant_uid", "-"}, "merchant_uid"},
		{[]string{"merchant_uid", strings.Repeat("x", 41)}, "merchant_uid"},
		{[]string{"name", strings.Repeat("가", 41)}, "name"},
		{[]string{"amount", "0"}, "amount"},
		{[]string{"amount", "-1"}, "amount"},
		{[]string{"amount", "1.5"}, "amount"},
		{[]string{"amount", "-"}, "amount"},
		{[]string{"currency", "EUR"}, "currency"},
		{[]string{"m_redirect_url", "/back"}, "m_redirect_url"},
		{[]string{"m_redirect_url", "javascript:alert(1)"}, "m_redirect_url"},
		{[]string{"m_redirect_url", "-", "mode", "redirect"}, "m_redirect_url"},
		{[]string{"m_redirect_url", "-"}, ""},
		{[]string{"notice_url", "shop.example"}, "notice_url"},
		{[]string{"origin", "shop"}, "origin"},
		{[]string{"mode", "iframe"}, "mode"},
		{[]string{"pg", "tosspay_v2"}, ""},
		{[]string{"pg", "tosspay"}, "pg"},
		{[]string{"pg", "tosspay_v2.other"}, "pg"},
		{[]string{"channelKey", "other"}, "channelKey"},
		{[]string{"userCode", "imp99999999"}, "userCode"},
		{[]string{"escrow", "true"}, "escrow is not known"},
		{[]string{"outcome", "-"}, "outcome"},
		{[]string{"outcome", "approved"}, "outcome"},
		{[]string{"tamperAmount", "x"}, "tamperAmount"},
		{[]string{"tamperAmount", "0"}, "tamperAmount"},
		{[]string{"session", "nobody"}, "session"},
		{[]string{"customer_id", "matthew"}, "customer_uid"},
		{issuance("customer_id", "-"), "customer_id"},
		{issuance("customer_id", strings.Repeat("x", 51)), "customer_id"},
		{issuance("customer_uid", strings.Repeat("x", 81)), "customer_uid"},
		{issuance("pay_method", "tosspay_card"), "pay_method"},
		{issuance("m_redirect_url", "-"), "m_redirect_url"},
		{issuance("tamperAmount", "1"), "tamperAmount"},
		{issuance("amount", "0"), ""},
	} {
		t.Run(strings.Join(tc.edits, " "), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			v := windowForm(tc.edits...)
			got := w.submit(v)
			if tc.says == "" {
				if got.status != 200 && got.status != 303 {
					t.Errorf("%v, want it accepted", got)
				}
				return
			}
			if got.status != 400 || !strings.Contains(got.raw, tc.says) || got.header.Get("Location") != "" {
				t.Errorf("%v, want 400 naming %s", got, tc.says)
			}
			w.wantFields("nothing was made", w.call("GET", "/payments/status/all", ""), "total", "0")
			w.wantMoved("")
		})
	}
	w := newWorld(t, portonesim.Options{})
	if got := w.call("POST", "/window", `{}`); got.status != 400 {
		t.Errorf("a JSON form: %v", got)
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// open loads the window as a browser does and returns the fields of its first
// form.
func (w *world) open(edits ...string) (string, url.Values) {
	w.t.Helper()
	v := windowForm(edits...)
	v.Del("outcome")
	page := w.call("GET", "/window?"+v.Encode(), "")
	if page.status != 200 {
		w.t.Fatalf("window: %v", page)
	}
	fields := url.Values{}
	first, _, _ := strings.Cut(page.raw, "</form>")
	for _, m := range hidden.FindAllStringSubmatch(first, -1) {
		fields.Add(m[1], html.UnescapeString(m[2]))
	}
	return page.raw, fields
}

func TestWindowPage(t *testing.T) {
	t.Parallel()
	for language, words := range map[string][]string{
		"ko": {`lang="ko"`, "결제하기"}, "en": {`lang="en"`, ">Pay<"}, "ja": {`lang="ja"`, "支払う"}, "zh-CN": {`lang="zh-Hans"`, "支付"}, "fr": {`lang="ko"`},
	} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			page, fields := w.open("language", language, "name", `<script>"티셔츠" & more`)
			for _, want := range append(words, "Toss Pay", "simulated", "9,900 KRW", order, "tamperAmount",
				`value="approve"`, `value="fail"`, `value="cancel"`, `value="close-popup"`) {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if strings.Contains(page, "<script>") || strings.Contains(page, "ZgotmplZ") {
				t.Error("the name was not escaped")
			}
			uid := fields.Get("session")
			w.wantStatus(uid, "ready")
			fields.Set("outcome", "approve")
			for range 2 { // a double click
				if got := w.back(w.submit(fields)); got.Get("imp_uid") != uid || got.Get("error_code") != "" {
					t.Errorf("submit: %v", got)
				}
			}
			fields.Set("outcome", "fail")
			if got := w.back(w.submit(fields)); got.Get("error_code") != "" {
				t.Errorf("another button after the first: %v", got)
			}
			w.wantStatus(uid, "paid")
			w.wantMoved("+9900")
			w.wantFields("one payment", w.call("GET", "/payments/findAll/"+order, ""), "total", "1")
			w.wantViolations()
		})
	}
}

func TestIssuancePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	page, fields := w.open(issuance("language", "en")...)
	if !strings.Contains(page, "matthew") || !strings.Contains(page, "Agree and register") || strings.Contains(page, "tamperAmount") || strings.Contains(page, "KRW") {
		t.Error("the page is not one of an issuance")
	}
	fields.Set("outcome", "close-popup")
	if w.popup(w.submit(fields)) != nil {
		t.Error("the page was told")
	}
	w.wantFields("key", w.call("GET", "/subscribe/customers/"+customer, ""), "customer_id", "matthew")
	w.wantMoved("")
}

func TestWindowExpires(t *testing.T) {
	t.Parallel()
	const bypass = `{"tosspay_v2":{"expiredTime":"2026-11-03 00:05:00"}}` // 5 minutes from now
	for _, tc := range []struct {
		name  string
		edits []string
		wait  time.Duration
		want  string
	}{
		{"usual, in time", nil, 15 * time.Minute, "paid"},
		{"usual, too late", nil, 15*time.Minute + 1, "failed"},
		{"expiredTime, in time", []string{"bypass", bypass}, 5 * time.Minute, "paid"},
		{"expiredTime, too late", []string{"bypass", bypass}, 5*time.Minute + 1, "failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{})
			_, fields := w.open(tc.edits...)
			fields.Set("outcome", "approve")
			w.Advance(tc.wait)
			q := w.back(w.submit(fields))
			if (q.Get("error_code") == "EXPIRED") != (tc.want == "failed") {
				t.Errorf("sent back with %v", q)
			}
			w.wantStatus(fields.Get("session"), tc.want)
		})
	}
}

func TestTwoWindowsOfOneOrder(t *testing.T) {
	t.Parallel()
	for _, both := range []bool{false, true} {
		w := newWorld(t, portonesim.Options{TwoWindowsCapture: both})
		_, first := w.open()
		_, second := w.open()
		first.Set("outcome", "approve")
		second.Set("outcome", "approve")
		w.back(w.submit(first))
		q := w.back(w.submit(second))
		if both {
			w.wantMoved("+9900 +9900")
			w.wantStatus(second.Get("session"), "paid")
		} else {
			w.wantMoved("+9900")
			w.wantStatus(second.Get("session"), "failed")
		}
		if (q.Get("error_code") == "") != both {
			t.Errorf("%v: %v", both, q)
		}
		if q := w.back(w.submit(windowForm())); q.Get("error_code") != "F1002" {
			t.Errorf("a third one: %v", q)
		}
	}
}

func TestSessionOfAnotherPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	charge := w.charge().text("imp_uid")
	_, fields := w.open()
	for name, value := range map[string]string{"amount": "100", "merchant_uid": "other", "currency": "USD", "session": charge} {
		v, _ := url.ParseQuery(fields.Encode())
		v.Set("outcome", "approve")
		v.Set(name, value)
		if got := w.submit(v); got.status != 400 {
			t.Errorf("session with another %s: %v", name, got)
		}
	}
	w.wantStatus(fields.Get("session"), "ready")
	w.wantMoved("+9900")
}

func TestTamperedSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	_, fields := w.open()
	fields.Set("outcome", "approve")
	fields.Set("tamperAmount", "100")
	w.back(w.submit(fields))
	w.wantFields("payment", w.payment(fields.Get("session")), "amount", "100", "status", "paid")
	w.wantMoved("+100")
}

// A window with its queue, as the laptop mode has them.
func TestWebhooksThroughTheQueue(t *testing.T) {
	t.Parallel()
	var queue hooks.Queue
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w", Webhooks: queue.Deliver})
	uid := w.approve()
	if r := queue.Records(); len(r) != 1 || !strings.Contains(r[0].Body, uid) || r[0].Attempts != 0 {
		t.Errorf("log %+v", r)
	}
}
