package tosssim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/tosssim"
)

func TestConfirm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		do     func(w *world, key string) answer
		status int
		code   string // "" is success
		after  string // status of the payment
		moved  string
	}{
		{"approved", func(w *world, key string) answer { return w.confirm(key) },
			200, "", "DONE", "+163020"},
		{"at 10 minutes", func(w *world, key string) answer { w.Advance(10 * time.Minute); return w.confirm(key) },
			200, "", "DONE", "+163020"},
		{"after 10 minutes", func(w *world, key string) answer { w.Advance(10*time.Minute + 1); return w.confirm(key) },
			404, "NOT_FOUND_PAYMENT_SESSION", "EXPIRED", ""},
		{"wrong amount", func(w *world, key string) answer { return w.confirmAs(key, order, 1000) },
			403, "FORBIDDEN_REQUEST", "IN_PROGRESS", ""},
		{"wrong order", func(w *world, key string) answer { return w.confirmAs(key, "order-0002", amount) },
			403, "FORBIDDEN_REQUEST", "IN_PROGRESS", ""},
		{"unknown payment", func(w *world, _ string) answer { return w.confirm("nobody") },
			404, "NOT_FOUND_PAYMENT", "IN_PROGRESS", ""},
		{"again with another key", func(w *world, key string) answer { w.confirm(key); return w.confirm(key, idem("key-2")) },
			400, "ALREADY_PROCESSED_PAYMENT", "DONE", "+163020"},
		{"again with the same key", func(w *world, key string) answer { w.confirm(key); return w.confirm(key) },
			200, "", "DONE", "+163020"},
		{"after a cancel", func(w *world, key string) answer {
			w.confirm(key)
			w.cancel(key, `{"cancelReason":"test"}`)
			return w.confirm(key, idem("key-2"))
		}, 400, "ALREADY_PROCESSED_PAYMENT", "CANCELED", "+163020 -163020"},
		{"card refused", func(w *world, key string) answer { w.sim.DeclineNext("REJECT_CARD_COMPANY"); return w.confirm(key) },
			403, "REJECT_CARD_COMPANY", "ABORTED", ""},
		{"again after a refusal", func(w *world, key string) answer {
			w.sim.DeclineNext("REJECT_CARD_COMPANY")
			w.confirm(key)
			return w.confirm(key, idem("key-2"))
		}, 404, "NOT_FOUND_PAYMENT_SESSION", "ABORTED", ""},
		{"provider error, nothing taken", func(w *world, key string) answer { w.sim.DeclineNext("PROVIDER_ERROR"); return w.confirm(key) },
			400, "PROVIDER_ERROR", "IN_PROGRESS", ""},
		{"again after a provider error", func(w *world, key string) answer {
			w.sim.DeclineNext("PROVIDER_ERROR")
			w.confirm(key)
			return w.confirm(key, idem("key-2"))
		}, 200, "", "DONE", "+163020"},
		{"code of tomorrow", func(w *world, key string) answer { w.sim.DeclineNext("NOT_YET_INVENTED"); return w.confirm(key) },
			400, "NOT_YET_INVENTED", "IN_PROGRESS", ""},
		{"taken but told an error", func(w *world, key string) answer {
			w.sim.CaptureNextBut("UNKNOWN_PAYMENT_ERROR")
			return w.confirm(key)
		}, 500, "UNKNOWN_PAYMENT_ERROR", "DONE", "+163020"},
		{"script waits for a confirm that would pass", func(w *world, key string) answer {
			w.sim.DeclineNext("REJECT_CARD_COMPANY")
			w.confirmAs(key, order, 1)
			return w.confirm(key, idem("key-2"))
		}, 403, "REJECT_CARD_COMPANY", "ABORTED", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tosssim.Options{})
			key := w.approve()
			w.wantStatus(key, "IN_PROGRESS")
			w.want(tc.name, tc.do(w, key), tc.status, tc.code)
			w.wantStatus(key, tc.after)
			w.wantMoved(tc.moved)
			w.wantNoViolations()
		})
	}
}

func TestConfirmBelowTheMinimum(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	w.want("99 won", w.confirmAs(w.approve("amount", "99"), order, 99), 400, "BELOW_MINIMUM_AMOUNT")
	w.want("100 won", w.confirmAs(w.approve("amount", "100"), order, 100, idem("key-2")), 200, "")
	w.want("99 yen", w.confirmAs(w.approve("amount", "99", "currency", "JPY"), order, 99, idem("key-3")), 200, "")
	w.wantMoved("+100 +99")
}

func TestConfirmReadyPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{NewKey: func() string { return "only-key" }})
	v := form()
	v.Del("outcome")
	w.call("GET", "/window?"+v.Encode(), "")
	w.wantStatus("only-key", "READY")
	w.want("confirm", w.confirm("only-key"), 404, "NOT_FOUND_PAYMENT_SESSION")
	w.wantMoved("")
}

func TestKeyPairsSeeOnlyTheirOwnPayments(t *testing.T) {
	t.Parallel()
	a := tosssim.KeyPair{Secret: "test_sk_a", Client: "test_ck_a"}
	b := tosssim.KeyPair{Secret: "test_sk_b", Client: "test_ck_b"}
	w := newWorld(t, tosssim.Options{Keys: []tosssim.KeyPair{a, b}})
	key := w.approve("clientKey", b.Client)
	w.want("confirm", w.confirm(key, secret(a.Secret)), 403, "FORBIDDEN_REQUEST")
	w.want("find", w.call("GET", "/v1/payments/"+key, "", secret(a.Secret)), 404, "NOT_FOUND_PAYMENT")
	w.want("find by order", w.call("GET", "/v1/payments/orders/"+order, "", secret(a.Secret)), 404, "NOT_FOUND_PAYMENT")
	w.want("cancel", w.cancel(key, `{"cancelReason":"x"}`, secret(a.Secret)), 404, "NOT_FOUND_PAYMENT")
	w.wantMoved("")
	w.want("same idempotency key, own secret", w.confirm(key, secret(b.Secret)), 200, "")
	w.wantMoved("+163020")
	if got := w.submit(form("clientKey", "test_ck_c")); got.status != 401 {
		t.Errorf("window with an unknown client key: %v", got)
	}
}

func TestConfirmInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, tosssim.Options{Now: time.Now})
		key := w.approve()
		time.Sleep(9*time.Minute + 58*time.Second)
		w.fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: fault.Delay, Delay: 5 * time.Second})
		first := make(chan answer)
		go func() { first <- w.confirm(key) }()
		synctest.Wait()

		time.Sleep(4 * time.Second) // the 10 minutes pass meanwhile
		w.wantStatus(key, "IN_PROGRESS")
		w.wantMoved("")
		w.want("same key", w.confirm(key), 409, "IDEMPOTENT_REQUEST_PROCESSING")
		w.want("other key", w.confirm(key, idem("key-2")), 400, "ALREADY_PROCESSING_REQUEST")
		w.want("cancel", w.cancel(key, `{"cancelReason":"x"}`), 403, "NOT_CANCELABLE_PAYMENT")

		w.want("first", <-first, 200, "")
		w.wantMoved("+163020")
		w.want("409 is not kept", w.confirm(key), 200, "")
		w.want("ALREADY_PROCESSING_REQUEST is kept", w.confirm(key, idem("key-2")), 400, "ALREADY_PROCESSING_REQUEST")
		w.want("third key", w.confirm(key, idem("key-3")), 400, "ALREADY_PROCESSED_PAYMENT")
		w.wantMoved("+163020")
		if got := w.sim.ConfirmAttempts(order); got != 6 || w.sim.Calls()["confirm"] != 6 {
			t.Errorf("%d attempts, calls %v, want 6", got, w.sim.Calls())
		}
		w.wantNoViolations()
	})
}

func TestConcurrentConfirmsCaptureOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	key := w.approve()
	const racers = 100
	answers := make(chan answer, racers)
	for i := range racers {
		go func() { answers <- w.confirm(key, idem(fmt.Sprintf("key-%d", i))) }()
	}
	approved := 0
	for range racers {
		a := <-answers
		switch {
		case a.is(200, ""):
			approved++
		case !a.is(400, "ALREADY_PROCESSED_PAYMENT") && !a.is(400, "ALREADY_PROCESSING_REQUEST"):
			t.Errorf("unexpected %v", a)
		}
	}
	if approved != 1 {
		t.Errorf("%d approved, want 1", approved)
	}
	w.wantMoved("+163020")
}

func TestFindByOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	find := func() string {
		t.Helper()
		a := w.call("GET", "/v1/payments/orders/"+order, "")
		key, _ := a.body["paymentKey"].(string)
		return key
	}
	w.want("none yet", w.call("GET", "/v1/payments/orders/"+order, ""), 404, "NOT_FOUND_PAYMENT")
	first := w.approve()
	second := w.approve()
	if got := find(); got != second || first == second {
		t.Errorf("found %s, want the newest, %s", got, second)
	}
	w.confirm(first)
	w.approve()
	if got := find(); got != first {
		t.Errorf("found %s, want the one that holds money, %s", got, first)
	}
	// Both may be approved: the simulator must not hide a double charge.
	w.want("second payment of the order", w.confirm(second, idem("key-2")), 200, "")
	w.wantMoved("+163020 +163020")
}

// The example is the published payment with a foreign card (version
// 2022-11-16); only names and values that differ by nature are ours.
const foreignCard = `{"mId":"tsimulator","taxExemptionAmount":0,"status":"DONE","orderId":"order-0001","orderName":"sample order",
"requestedAt":"2026-11-03T00:00:00+09:00","approvedAt":"2026-11-03T00:00:07+09:00","useEscrow":false,"cultureExpense":false,
"card":{"issuerCode":"4V","acquirerCode":"21","number":"40000000****109*","installmentPlanMonths":0,"isInterestFree":false,"interestPayer":null,
"approveNo":"00000000","useCardPoint":false,"cardType":"미확인","ownerType":"미확인","acquireStatus":"READY","amount":163020},
"virtualAccount":null,"transfer":null,"mobilePhone":null,"giftCertificate":null,"cashReceipt":null,"cashReceipts":null,"discount":null,
"cancels":null,"secret":null,"type":"NORMAL","easyPay":null,"country":"KR","failure":null,"isPartialCancelable":false,
"currency":"KRW","totalAmount":163020,"balanceAmount":163020,"suppliedAmount":148200,"vat":14820,"taxFreeAmount":0,"metadata":null,
"method":"카드","version":"2022-11-16"}`

func TestPaymentObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	key := w.approve()
	w.Advance(7 * time.Second)
	got := w.confirm(key).body
	for _, name := range []string{"paymentKey", "lastTransactionKey", "receipt", "checkout"} {
		if got[name] == nil {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(foreignCard), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("payment\n got %v\nwant %v", got, want)
	}
}

func TestExpiredPaymentObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tosssim.Options{})
	key := w.approve()
	w.Advance(11 * time.Minute)
	got := w.call("GET", "/v1/payments/"+key, "").body
	failure, _ := got["failure"].(map[string]any)
	if got["status"] != "EXPIRED" || failure["code"] != "EXPIRED_PAYMENT" || failure["message"] == "" {
		t.Errorf("status %v, failure %v", got["status"], failure)
	}
	for _, name := range []string{"approvedAt", "useEscrow", "card", "lastTransactionKey", "receipt"} {
		if v, present := got[name]; !present || v != nil {
			t.Errorf("%s = %v (present %v), want null", name, v, present)
		}
	}
}

func TestSameSeedSameKeys(t *testing.T) {
	t.Parallel()
	keys := func(seed uint64) string {
		w := newWorld(t, tosssim.Options{Seed: seed})
		return strings.Join([]string{w.approve(), w.approve(), w.confirm(w.approve()).raw}, "\n")
	}
	if first, again := keys(1), keys(1); first != again || first == keys(2) {
		t.Error("keys must depend on the seed and on nothing else")
	}
}
