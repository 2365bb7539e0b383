package portonesim_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"tosspay-sam/sim/portonesim"
)

const alreadyCancelled = "이미 전액취소된 주문입니다."

func TestFullCancel(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body string }{
		{"no amount", `{"imp_uid":"UID"}`},
		{"amount null", `{"imp_uid":"UID","amount":null}`},
		{"amount 0", `{"imp_uid":"UID","amount":0}`},
		{"the amount", `{"imp_uid":"UID","amount":9900,"checksum":9900,"reason":"변심"}`},
		{"by merchant_uid", `{"merchant_uid":"` + order + `"}`},
		{"imp_uid wins", `{"imp_uid":"UID","merchant_uid":"other"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
			uid := w.approve()
			body := strings.ReplaceAll(tc.body, "UID", uid)
			w.wantFields("cancel", w.cancel(body), "status", "cancelled", "cancel_amount", "9900", "amount", "9900", "cancelled_at", fmt.Sprint(w.Now().Unix()))
			w.wantRefused("again", w.cancel(body), 200, 1, alreadyCancelled)
			w.wantMoved("+9900 -9900")
			if got := len(w.webhooks()); got != 1 {
				t.Errorf("%d webhooks, want only the one of the payment", got)
			}
			w.wantViolations()
		})
	}
}

func TestPartialCancel(t *testing.T) {
	t.Parallel()
	for status, o := range map[string]portonesim.Options{
		"paid":      {},
		"cancelled": {PartialCancelIsCancelled: true},
	} {
		w := newWorld(t, o)
		uid := w.approve()
		part := func(amount, checksum int) answer {
			return w.cancel(fmt.Sprintf(`{"imp_uid":%q,"amount":%d,"checksum":%d,"reason":"r"}`, uid, amount, checksum))
		}
		first := part(1000, 9900)
		w.wantFields("first", first, "status", status, "cancel_amount", "1000", "cancel_reason", "r")
		w.wantRefused("the same once more", part(1000, 9900), 200, 1, "checksum")
		w.wantRefused("too much", part(8901, 8900), 200, -1, "결제취소에 실패하였습니다.(")
		second := part(900, 8900)
		w.wantFields("second", second, "status", status, "cancel_amount", "1900")
		history, _ := second.response["cancel_history"].([]any)
		ids := map[any]bool{}
		for _, h := range history {
			ids[h.(map[string]any)["cancellation_id"]] = true
		}
		if len(history) != 2 || len(ids) != 2 || fmt.Sprint(history[1].(map[string]any)["amount"]) != "900" {
			t.Errorf("history %v", history)
		}
		w.wantFields("rest", part(0, 8000), "status", "cancelled", "cancel_amount", "9900")
		w.wantRefused("again", part(0, 0), 200, 1, alreadyCancelled)
		w.wantMoved("+9900 -1000 -900 -8000")
		w.wantViolations()
	}
}

func TestCancelRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	uid := w.approve()
	failed := w.back(w.submit(windowForm("merchant_uid", "order-0002", "outcome", "fail"))).Get("imp_uid")
	issued := w.approve(issuance()...)
	const nothing = "취소할 결제건이 존재하지 않습니다."
	for name, body := range map[string]string{
		"unknown imp_uid":                         `{"imp_uid":"imp_1"}`,
		"unknown merchant_uid":                    `{"merchant_uid":"nobody"}`,
		"wrong imp_uid with a right merchant_uid": `{"imp_uid":"imp_1","merchant_uid":"` + order + `"}`,
		"a failed payment":                        `{"imp_uid":"` + failed + `"}`,
		"an issuance":                             `{"imp_uid":"` + issued + `"}`,
	} {
		w.wantRefused(name, w.cancel(body), 200, 1, nothing)
	}
	w.wantRefused("more tax than money", w.cancel(`{"imp_uid":"`+uid+`","amount":10,"tax_free":6,"vat_amount":5}`), 200, -1, "결제취소에 실패하였습니다.(")
	w.wantMoved("+9900")
	w.wantStatus(uid, "paid")
	w.wantViolations()
}

// A cancel by merchant_uid finds the payment that holds money.
func TestCancelByMerchantUIDWithSeveralAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	paid := w.charge()
	for _, outcome := range []string{"fail", "approve", "fail"} {
		w.submit(windowForm("outcome", outcome, "merchant_uid", "order-0009"))
	}
	w.wantFields("cancel", w.cancel(`{"merchant_uid":"order-0009"}`), "cancel_amount", "9900")
	w.wantStatus(paid.text("imp_uid"), "paid")
	w.wantMoved("+9900 +9900 -9900")
}

func TestVATOfPartialCancels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	w.charge("vat_amount", "900")
	w.wantFields("with VAT", w.cancel(`{"merchant_uid":"sub-01--c1","amount":1100,"vat_amount":100}`), "cancel_amount", "1100")
	w.wantViolations()
	w.wantFields("without", w.cancel(`{"merchant_uid":"sub-01--c1","amount":1100}`), "cancel_amount", "2200")
	w.wantViolations("vat_amount")
	w.wantRefused("another part", w.cancel(`{"merchant_uid":"sub-01--c1","amount":1100,"vat_amount":100}`), 200, -1, "부가세")
	w.wantFields("the rest", w.cancel(`{"merchant_uid":"sub-01--c1","amount":7700,"vat_amount":700}`), "cancel_amount", "9900")
}

func TestCancelsAtTheSameTimeNeverGiveBackTooMuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve()
	var cancels sync.WaitGroup
	for range 50 {
		cancels.Go(func() { w.cancel(`{"merchant_uid":"` + order + `","amount":1000}`) })
	}
	cancels.Wait()
	if got := strings.Count(w.moved(), "-1000"); got != 9 {
		t.Errorf("%d cancels of 1000 out of 9900, want 9", got)
	}
}

func TestConsoleCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/console"})
	uid := w.approve("notice_url", "https://shop.example/notice")
	for _, amount := range []int64{-1, 9901} {
		if w.sim.ConsoleCancel(uid, amount) == nil {
			t.Errorf("%d was given back", amount)
		}
	}
	if err := w.sim.ConsoleCancel(uid, 1000); err != nil {
		t.Error(err)
	}
	if err := w.sim.ConsoleCancel(uid, 0); err != nil {
		t.Error(err)
	}
	if w.sim.ConsoleCancel(uid, 0) == nil || w.sim.ConsoleCancel("imp_1", 0) == nil {
		t.Error("nothing was given back twice")
	}
	w.wantMoved("+9900 -1000 -8900")
	got := w.payment(uid)
	w.wantFields("payment", got, "status", "cancelled", "cancel_amount", "9900")
	history, _ := got.response["cancel_history"].([]any)
	sent := w.webhooks()
	if len(sent) != 3 || len(history) != 2 {
		t.Fatalf("webhooks %q, history %v", sent, history)
	}
	for i, h := range history {
		want := fmt.Sprintf(`https://shop.example/notice {"imp_uid":%q,"merchant_uid":%q,"status":"cancelled","cancellation_id":%q}`,
			uid, order, h.(map[string]any)["cancellation_id"])
		if sent[i+1] != want {
			t.Errorf("webhook %s, want %s", sent[i+1], want)
		}
	}
}
