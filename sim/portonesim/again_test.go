package portonesim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
)

const duplicate = "이미 주문이 이루어진 건입니다. (동일한 merchant_uid로 결제 또는 취소된 기록이 있습니다)"

func TestCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/console"})
	w.approve(issuance()...)
	got := w.charge("notice_url", `"https://shop.example/notice"`, "buyer_email", `"a@example.com"`, "custom_data", `"{}"`,
		"vat_amount", "900", "tax_free", "0", "cash_receipt_type", `"person"`, "card_quota", "0",
		"bypass", `{"tosspay_v2":{"cashReceipt":true,"cashReceiptTradeOption":"CULTURE","sendFailPush":false}}`)
	w.wantFields("charge", got, "status", "paid", "amount", "9900", "cancel_amount", "0", "currency", "KRW", "customer_uid", customer,
		"customer_uid_usage", "payment", "sandbox", "false", "pg_provider", "tosspay_v2", "pg_id", portonesim.DefaultMID, "channel", "api",
		"name", "월간 이용권", "buyer_email", "a@example.com", "paid_at", fmt.Sprint(w.Now().Unix()), "failed_at", "0", "fail_reason", "", "card_name", "신한카드")
	if !strings.HasPrefix(got.text("imp_uid"), "imps_") {
		t.Errorf("imp_uid %s", got.text("imp_uid"))
	}
	w.wantMoved("+9900")
	e := w.sim.Ledger.Entries()[0]
	if e.Provider != "portone" || e.OrderID != "sub-01--c1" {
		t.Errorf("ledger %+v", e)
	}
	want := `https://shop.example/notice {"imp_uid":"` + got.text("imp_uid") + `","merchant_uid":"sub-01--c1","status":"paid"}`
	if sent := w.webhooks(); len(sent) != 2 || sent[1] != want {
		t.Errorf("webhooks %q, want %q instead of the console", sent, want)
	}
	w.wantViolations()
}

func TestChargeAsAForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	body := url.Values{
		"customer_uid": {customer}, "merchant_uid": {"sub-01--c1"}, "amount": {"9900"}, "name": {"a"},
		"bypass": {`{"tosspay_v2":{"sendFailPush":false}}`},
	}
	w.wantFields("form", w.call("POST", "/subscribe/payments/again", body.Encode(), header("Content-Type", form)), "status", "paid")
	w.wantFields("bypass as a string", w.charge("merchant_uid", `"sub-01--c2"`, "bypass", `"{\"tosspay_v2\":{\"sendFailPush\":false}}"`), "status", "paid")
	w.wantViolations()
}

func TestDeclinesAndDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{ConsoleURL: "https://shop.example/w"})
	w.approve(issuance()...)
	before := len(w.webhooks())
	w.sim.DeclineNext("사용한도 초과로 결제할 수 없습니다.")
	declined := w.charge()
	w.wantFields("declined", declined, "status", "failed", "fail_reason", "사용한도 초과로 결제할 수 없습니다.", "paid_at", "0", "card_name", "")
	w.wantStatus(declined.text("imp_uid"), "failed")
	w.wantMoved("")
	if got := len(w.webhooks()); got != before {
		t.Error("a failure sent a webhook")
	}
	w.sim.RefuseNext("통신 오류")
	w.wantRefused("refused", w.charge(), 200, -1, "통신 오류")
	w.wantFields("nothing was made", w.call("GET", "/payments/findAll/sub-01--c1", ""), "total", "1")
	w.wantFields("again after a failure", w.charge(), "status", "paid")
	w.wantRefused("again after paid", w.charge(), 200, 1, duplicate)
	w.wantRefused("another amount", w.charge("amount", "1000"), 200, 1, duplicate)
	w.cancel(`{"merchant_uid":"sub-01--c1"}`)
	w.wantRefused("again after cancelled", w.charge(), 200, 1, duplicate)
	w.wantMoved("+9900 -9900")
	w.wantFields("too little", w.charge("merchant_uid", `"sub-01--c2"`, "amount", "99"), "status", "failed")
	w.wantRefused("unknown customer", w.charge("customer_uid", `"nobody"`, "merchant_uid", `"x"`), 200, 1, "등록되지 않은 구매자입니다.")
	w.wantRefused("nothing was made", w.call("GET", "/payments/findAll/x", ""), 404, -1, "")
	w.wantViolations()
}

func TestCapturedButRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	w.sim.CaptureNextBut("처리 중 지연이 발생했습니다.")
	w.wantRefused("captured", w.charge(), 200, -1, "처리 중 지연이 발생했습니다.")
	w.wantMoved("+9900")
	w.wantFields("found", w.call("GET", "/payments/find/sub-01--c1", ""), "status", "paid")
	w.wantRefused("again", w.charge(), 200, 1, duplicate)
}

// Charges of the same merchant_uid that run at the same time all take money.
func TestChargesAtTheSameTimeAreNotHeldApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, portonesim.Options{Now: time.Now})
		w.approve(issuance()...)
		w.fault(fault.Fault{Operation: portonesim.OpAgain, Kind: fault.Delay, Delay: 5 * time.Second, Times: 2})
		done := make(chan answer)
		for range 2 {
			go func() { done <- w.charge() }()
		}
		for range 2 {
			w.wantFields("both", <-done, "status", "paid")
		}
		w.wantMoved("+9900 +9900")
		w.wantFields("both are found", w.call("GET", "/payments/findAll/sub-01--c1", ""), "total", "2")
		w.wantRefused("a third, later", w.charge(), 200, 1, duplicate)
	})
}

func TestBrokenAndChangedKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	w.approve(issuance()...)
	if err := w.sim.ReplaceCard(customer, "국민카드", "123456******1234"); err != nil {
		t.Error(err)
	}
	w.wantFields("changed", w.call("GET", "/subscribe/customers/"+customer, ""), "card_name", "국민카드", "card_number", "123456******1234")
	w.wantFields("charged", w.charge(), "status", "paid", "card_name", "국민카드")
	if err := w.sim.BreakKey(customer, "자동결제 정보를 찾을 수 없습니다"); err != nil {
		t.Error(err)
	}
	w.wantFields("looks the same", w.call("GET", "/subscribe/customers/"+customer, ""), "card_name", "국민카드")
	for _, uid := range []string{"a", "b"} {
		w.wantFields("declined", w.charge("merchant_uid", `"`+uid+`"`), "status", "failed", "fail_reason", "자동결제 정보를 찾을 수 없습니다")
	}
	w.wantMoved("+9900")
	if w.sim.BreakKey("nobody", "x") == nil || w.sim.ReplaceCard("nobody", "x", "y") == nil {
		t.Error("an unknown key was changed")
	}
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, portonesim.Options{})
	path := "/subscribe/customers/" + customer
	w.wantRefused("before", w.call("GET", path, ""), 404, -1, "요청하신 customer_uid("+customer+")로 등록된 정보를 찾을 수 없습니다.")
	w.approve(issuance("buyer_name", "홍길동")...)
	w.wantFields("key", w.call("GET", path, ""), "customer_uid", customer, "customer_id", "matthew", "pg_provider", "tosspay_v2",
		"pg_id", portonesim.DefaultMID, "sandbox", "false", "card_name", "신한카드", "card_number", "559410*********4",
		"customer_name", "홍길동", "inserted", fmt.Sprint(w.Now().Unix()))
	w.wantFields("no charges", w.call("GET", path+"/payments", ""), "total", "0", "previous", "0", "next", "0")
	for i := range 21 {
		w.charge("merchant_uid", fmt.Sprintf(`"c%d"`, i))
		w.Advance(time.Second)
	}
	first := w.call("GET", path+"/payments", "")
	w.wantFields("charges", first, "total", "21", "next", "2")
	if list, _ := first.response["list"].([]any); len(list) != 20 || list[0].(map[string]any)["merchant_uid"] != "c20" {
		t.Errorf("page 1: %d, %v", len(list), first)
	}
	w.wantFields("charges", w.call("GET", path+"/payments?page=2", ""), "previous", "1", "next", "0")
	w.wantFields("delete", w.call("DELETE", path+"?reason=left", ""), "customer_uid", customer)
	w.wantRefused("deleted", w.call("GET", path, ""), 404, -1, "")
	w.wantRefused("deleted", w.call("DELETE", path, ""), 404, -1, "")
	w.wantRefused("deleted", w.call("GET", path+"/payments", ""), 404, -1, "")
	w.wantRefused("deleted", w.charge("merchant_uid", `"late"`), 200, 1, "등록되지 않은 구매자입니다.")
	w.wantViolations()

	old := newWorld(t, portonesim.Options{UnknownCustomerIs200: true, KeysAreAccounts: true})
	old.wantRefused("older form", old.call("GET", path, ""), 200, 1, "찾을 수 없습니다.")
	old.approve(issuance()...)
	account := old.call("GET", path, "")
	old.wantFields("account", account, "card_name", "", "card_number", "")
	if !strings.Contains(account.raw, `"card_name":""`) {
		t.Error("card_name is required")
	}
	old.wantFields("charged", old.charge(), "status", "paid", "card_name", "", "receipt_url", "")
}
