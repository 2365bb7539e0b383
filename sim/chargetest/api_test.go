package chargetest_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/testbed"
)

// shop is a bed with a merchant of subscriptions, who moves its clock.
type shop struct{ *testbed.Bed }

// shown is a subscription as the merchant reads it.
type shown struct {
	SubscriptionID string
	DryRun         bool
	Status         string
	Cycle          int
	NextDate       time.Time
	Plan           struct{ Amount int64 }
	NextPlan       *struct{ Amount int64 }
	Upcoming       []time.Time

	Suspension *struct {
		At                    time.Time
		Cycle                 int
		Reason, Code, Message string
	}
	UpcomingCharges []struct {
		Cycle                            int
		At                               time.Time
		Amount, TaxFreeAmount, VATAmount int64
	}

	CancelAtEnd bool `json:"cancelAtPeriodEnd"`
	CheckoutURL string
	Means       *struct {
		Key           string
		Masked, Brand string
		Imported      bool
		DeletedAt     *time.Time
	}
	Cycles []struct {
		Number                int
		OrderID, Result, Code string
		At                    time.Time
	}
	History []struct{ Event string }
	Consent *struct {
		State, URL, WithoutConsent string
		Before, After              int64
		Date                       time.Time
	}
	Notes  []struct{ Field, Message string }
	Window testbed.Window
	Error  struct{ Code, Field, Message string }
}

func newShop(t *testing.T, edits ...testbed.Option) *shop {
	t.Helper()
	opens := testbed.Clocked(time.Date(2027, 1, 31, 8, 0, 0, 0, subscription.Seoul))
	return &shop{testbed.Open(t, append([]testbed.Option{testbed.Quiet, opens}, edits...)...)}
}

func (s *shop) send(method, path, body string) (got shown, status int) {
	s.T.Helper()
	a := s.Send(testbed.Request(method, path, testbed.JSON, body))
	if err := a.JSON(&got); err != nil {
		s.T.Fatalf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
	return got, a.Status
}

// must is send with a status that it must have.
func (s *shop) must(status int, path, body string) shown {
	s.T.Helper()
	got, code := s.send(http.MethodPost, "/subscriptions/"+id+path, body)
	if code != status {
		s.T.Fatalf("POST %s %s: %d %+v, want %d", path, body, code, got.Error, status)
	}
	return got
}

func (s *shop) read() shown {
	s.T.Helper()
	got, _ := s.send(http.MethodGet, "/subscriptions/"+id, "")
	return got
}

const body = `{"subscriptionId":"` + id + `","customerId":"customer-1","plan":{"amount":9900,"currency":"KRW","name":"Milk","interval":"month","chargeHour":10}}`

// enrolled is a shop with one subscription, first charged on 31 January.
func enrolled(t *testing.T) *shop {
	t.Helper()
	s := newShop(t)
	s.enroll()
	return s
}

// enroll makes the subscription and completes its window.
func (s *shop) enroll() {
	s.T.Helper()
	got, code := s.send(http.MethodPost, "/subscriptions", body)
	if code != http.StatusCreated {
		s.T.Fatalf("subscribe: %d %+v", code, got.Error)
	}
	s.register(got.Window)
	if got := s.read(); got.Status != "active" {
		s.T.Fatalf("enrolled and %s", got.Status)
	}
}

// register is a buyer who completes the window and comes back.
func (s *shop) register(window testbed.Window) {
	s.T.Helper()
	s.Get(s.TossPay(testbed.Sale{Window: window}, "approve"))
}

// taken are the captures as "cycle amount day".
func (s *shop) taken() (list []string) {
	for _, e := range s.Ledger.Entries() {
		list = append(list, fmt.Sprintf("%s %d %s", strings.TrimPrefix(e.OrderID, id+"--"), e.Amount, e.At.In(subscription.Seoul).Format("01-02")))
	}
	return list
}

func (s *shop) wantTaken(want ...string) {
	s.T.Helper()
	if got := s.taken(); !reflect.DeepEqual(got, want) {
		s.T.Errorf("taken %q, want %q", got, want)
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	for range 2 { // the second time changes nothing
		if got := s.must(200, "/pause", ""); got.Status != "paused" || len(got.Upcoming) != 0 {
			t.Errorf("paused: %s, %v", got.Status, got.Upcoming)
		}
	}
	s.Pass("70d") // over 28 February and 31 March
	for range 2 {
		got := s.must(200, "/resume", "")
		if got.Status != "active" || len(got.Upcoming) == 0 || got.Upcoming[0].In(subscription.Seoul).Format("01-02 15") != "04-30 10" {
			t.Errorf("resumed: %s, %v", got.Status, got.Upcoming)
		}
	}
	s.Pass("25d")
	s.wantTaken("c1 9900 01-31", "c2 9900 04-30")
	if got := s.read(); len(got.History) != 6 {
		t.Errorf("history %+v, want created, key, charged, paused, resumed, charged", got.History)
	}
}

// TestFirstChargeWaitsForItsHour: nothing is taken on the right day but before the asked time, and later cycles keep the hour.
func TestFirstChargeWaitsForItsHour(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	trial := strings.NewReplacer(`,"chargeHour":10`, "", `"plan"`, `"trial":{"free":false},"firstChargeAt":"2027-02-05T15:30:00+09:00","plan"`).Replace(body)
	got, code := s.send(http.MethodPost, "/subscriptions", trial)
	if code != http.StatusCreated {
		t.Fatalf("%d %+v", code, got.Error)
	}
	s.register(got.Window)
	s.Pass("127h25m") // 5 February, 15:25
	s.wantTaken()
	s.Pass("36m")
	s.wantTaken("c1 9900 02-05")
	if got := s.read(); got.NextDate.In(subscription.Seoul).Format("01-02 15:04") != "03-05 16:00" {
		t.Errorf("the next date is %s", got.NextDate)
	}
}

// TestTheSameRequestLater: a merchant repeats a request whose times have passed since, and gets what it made; as a new request it is refused.
func TestTheSameRequestLater(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	trial := strings.NewReplacer(`,"chargeHour":10`, "", `"plan"`, `"trial":{"free":false},"firstChargeAt":"2027-02-05T15:30:00+09:00","plan"`).Replace(body)
	sale := `{"orderId":"order-0001","provider":"portone","amount":15000,"currency":"KRW","name":"T-shirt","expiresAt":"2027-01-31T09:00:00+09:00"}`
	requests := []struct{ path, body, id, field string }{
		{"/subscriptions", trial, id, "firstChargeAt"},
		{"/orders", sale, "order-0001", "expiresAt"},
	}
	for _, tc := range requests {
		for i, want := range []int{http.StatusCreated, http.StatusOK} {
			if got, code := s.send(http.MethodPost, tc.path, tc.body); code != want {
				t.Errorf("%s, time %d: %d %+v, want %d", tc.path, i+1, code, got.Error, want)
			}
		}
	}
	s.Pass("20d")
	for _, tc := range requests {
		if got, code := s.send(http.MethodPost, tc.path, tc.body); code != http.StatusOK || got.Status == "" {
			t.Errorf("%s, 20 days later: %d %+v, want 200", tc.path, code, got.Error)
		}
		other := strings.Replace(tc.body, tc.id, "another-1", 1)
		if got, code := s.send(http.MethodPost, tc.path, other); code != http.StatusBadRequest || got.Error.Field != tc.field {
			t.Errorf("%s as a new request: %d %+v, want 400 for %s", tc.path, code, got.Error, tc.field)
		}
	}
}

func TestCancelNow(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	for range 2 {
		if got := s.must(200, "/cancel", `{"at":"now"}`); got.Status != "canceled" || got.Means.DeletedAt == nil || len(got.Upcoming) != 0 {
			t.Errorf("canceled: %s, %+v", got.Status, got.Means)
		}
	}
	if n := s.PortOne.Calls()[portonesim.OpDeleteCustomer]; n != 1 {
		t.Errorf("the key was deleted %d times", n)
	}
	s.must(409, "/resume", "")
	s.must(409, "/pause", "")
	s.must(409, "/renew-key", "")
	s.must(409, "/plan", `{"amount":5000,"currency":"KRW"}`)
	s.Pass("90d")
	s.wantTaken("c1 9900 01-31")
}

func TestCancelWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	err := s.Faults.Set(fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpDeleteCustomer, Kind: fault.InternalError, Times: 5})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.must(200, "/cancel", `{"at":"now"}`); got.Status != "canceled" || got.Means.DeletedAt != nil {
		t.Errorf("canceled: %s, %+v: the provider has not said that the key is gone", got.Status, got.Means)
	}
	s.Pass("1d")
	if got := s.read(); got.Means.DeletedAt == nil {
		t.Error("a day later the key is still there")
	}
	s.wantTaken("c1 9900 01-31")
}

func TestCancelAtPeriodEnd(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	for range 2 {
		if got := s.must(200, "/cancel", `{"at":"period-end"}`); got.Status != "active" || !got.CancelAtEnd || len(got.Upcoming) != 0 || got.Means.DeletedAt != nil {
			t.Errorf("%+v", got)
		}
	}
	s.Pass("26d")
	if got := s.read(); got.Status != "active" {
		t.Errorf("%s before the period's end", got.Status)
	}
	s.Pass("2d")
	if got := s.read(); got.Status != "canceled" || got.Means.DeletedAt == nil {
		t.Errorf("%s after the period's end, %+v", got.Status, got.Means)
	}
	s.Pass("60d")
	s.wantTaken("c1 9900 01-31")
}

func TestChangePlan(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	for range 2 {
		if got := s.must(200, "/plan", `{"amount":12000,"currency":"KRW","consent":{"evidence":"contract 7"}}`); got.Plan.Amount != 12000 || got.NextPlan != nil {
			t.Errorf("%+v", got)
		}
	}
	s.Pass("28d")
	s.wantTaken("c1 9900 01-31", "c2 12000 02-28")

	// A cycle that was refused keeps the price it began with.
	s.PortOne.DeclineNext("CARD_NOT_ENOUGH_BALANCE 잔고 부족")
	s.Pass("31d")
	if got := s.must(200, "/plan", `{"amount":20000,"currency":"KRW","consent":{"evidence":"contract 7"}}`); got.Status != "past_due" || got.NextPlan == nil || got.NextPlan.Amount != 20000 || got.Plan.Amount != 12000 {
		t.Fatalf("%+v", got)
	}
	s.Pass("33d")
	s.wantTaken("c1 9900 01-31", "c2 12000 02-28", "c3--2 12000 04-01", "c4 20000 04-30")
}

func TestRenewKey(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	if err := s.PortOne.BreakKey(id+"--key1", "COMMON_BILLING_KEY_NOT_FOUND 자동결제 정보를 찾을 수 없습니다"); err != nil {
		t.Fatal(err)
	}
	s.Pass("28d")
	if got := s.read(); got.Status != "suspended" {
		t.Fatalf("%s with a key that is gone", got.Status)
	}
	first := s.must(200, "/renew-key", "")
	second := s.must(200, "/renew-key", "")
	if first.CheckoutURL == "" || first.CheckoutURL != second.CheckoutURL || first.Window == nil || !reflect.DeepEqual(first.Window["customer_uid"], second.Window["customer_uid"]) {
		t.Errorf("two windows: %v %v, %v %v", first.CheckoutURL, first.Window["customer_uid"], second.CheckoutURL, second.Window["customer_uid"])
	}
	s.register(first.Window)
	s.Pass("1h")
	if got := s.read(); got.Status != "active" || got.Means.Key != id+"--key2" || got.NextDate.In(subscription.Seoul).Format("01-02") != "03-31" {
		t.Errorf("%s, %+v, next %v: want active with the new means and the anchor unchanged", got.Status, got.Means, got.NextDate)
	}
}

// TestReadTellsTheCycles: in one read, each with the order that a merchant asks for the rest.
func TestReadTellsTheCycles(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	if got := s.read(); got.Cycles == nil || len(got.Cycles) > 0 {
		t.Errorf("before the first charge: %+v, want an empty list", got.Cycles)
	}
	s.Pass("27d")
	s.PortOne.DeclineNext("CARD_NOT_ENOUGH_BALANCE 잔고 부족")
	s.Pass("2d")
	tell := func() (list []string) {
		for _, c := range s.read().Cycles {
			list = append(list, fmt.Sprintf("%d %s %s %s", c.Number, c.OrderID, c.Result, c.At.In(subscription.Seoul).Format("01-02")))
			if o, code := s.send(http.MethodGet, "/orders/"+c.OrderID, ""); code != http.StatusOK || o.Status == "" {
				t.Errorf("GET /orders/%s: %d %+v", c.OrderID, code, o.Error)
			}
		}
		return list
	}
	if got, want := tell(), []string{"2 " + id + "--c2 refused 02-28", "1 " + id + "--c1 charged 01-31"}; !reflect.DeepEqual(got, want) {
		t.Errorf("refused: %q, want %q", got, want)
	}
	if got := s.read(); got.Cycles[0].Code != "CARD_NOT_ENOUGH_BALANCE" {
		t.Errorf("%+v", got.Cycles[0])
	}
	s.Pass("31d")
	want := []string{"3 " + id + "--c3 charged 03-31", "2 " + id + "--c2 charged 03-01", "1 " + id + "--c1 charged 01-31"}
	if got := tell(); !reflect.DeepEqual(got, want) {
		t.Errorf("paid: %q, want %q", got, want)
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	plan := func(edit string) string {
		return strings.Replace(body, `"interval":"month"`, `"interval":"month",`+edit, 1)
	}
	for _, tc := range []struct{ name, body, field string }{
		{"amount 0", strings.Replace(body, "9900", "0", 1), "plan.amount"},
		{"no amount", strings.Replace(body, `"amount":9900,`, "", 1), "plan.amount"},
		{"amount below the provider's", strings.Replace(body, "9900", "99", 1), "plan.amount"},
		{"USD", strings.Replace(body, "KRW", "USD", 1), "plan.currency"},
		{"interval 0", plan(`"every":0`), "plan.every"},
		{"400 years", strings.Replace(body, `"interval":"month"`, `"interval":"year","every":400`, 1), "plan.every"},
		{"every month but one", plan(`"every":-1`), "plan.every"},
		{"every as text", plan(`"every":"1"`), "plan.every"},
		{"no interval", strings.Replace(body, `"interval":"month",`, "", 1), "plan.interval"},
		{"another interval", strings.Replace(body, `"month"`, `"fortnight"`, 1), "plan.interval"},
		{"anchor 32", plan(`"anchorDay":32`), "plan.anchorDay"},
		{"anchor of a week", strings.Replace(body, `"month"`, `"week","anchorDay":3`, 1), "plan.anchorDay"},
		{"anchor 0", plan(`"anchorDay":0`), "plan.anchorDay"},
		{"hour 24", strings.Replace(body, `"chargeHour":10`, `"chargeHour":24`, 1), "plan.chargeHour"},
		{"hour -1", strings.Replace(body, `"chargeHour":10`, `"chargeHour":-1`, 1), "plan.chargeHour"},
		{"name of 41 bytes", strings.Replace(body, "Milk", strings.Repeat("우", 13)+"ab", 1), "plan.name"},
		{"no name", strings.Replace(body, "Milk", "", 1), "plan.name"},
		{"first charge in the past", strings.Replace(body, `"plan"`, `"firstChargeAt":"2026-12-31T10:00:00+09:00","plan"`, 1), "firstChargeAt"},
		{"first charge in two years", strings.Replace(body, `"plan"`, `"firstChargeAt":"2029-01-31T10:00:00+09:00","plan"`, 1), "firstChargeAt"},
		{"another hour than the first charge's", strings.Replace(body, `"plan"`, `"firstChargeAt":"2027-02-05T15:00:00+09:00","plan"`, 1), "plan.chargeHour"},
		{"catch-up", plan(`"catchUp":"twice"`), "plan.catchUp"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			got, code := s.send(http.MethodPost, "/subscriptions", tc.body)
			if code != http.StatusBadRequest || got.Error.Field != tc.field || !strings.HasPrefix(got.Error.Message, tc.field+" must ") {
				t.Errorf("%d %+v, want 400 for field %s", code, got.Error, tc.field)
			}
			if _, code := s.send(http.MethodGet, "/subscriptions/"+id, ""); code != http.StatusNotFound {
				t.Errorf("%d: it was stored", code)
			}
		})
	}
}

func TestBadManagement(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	for _, tc := range []struct {
		path, body string
		status     int
		field      string
	}{
		{"/plan", `{"amount":0,"currency":"KRW"}`, 400, "amount"},
		{"/plan", `{"amount":5000,"currency":"USD"}`, 400, "currency"},
		{"/plan", `{"amount":5000,"currency":"KRW","name":"` + strings.Repeat("우", 14) + `"}`, 400, "name"},
		{"/plan", `{"price":5000}`, 400, ""},
		{"/cancel", `{"at":"later"}`, 400, "at"},
		{"/cancel", `{}`, 400, "at"},
	} {
		got, code := s.send(http.MethodPost, "/subscriptions/"+id+tc.path, tc.body)
		if code != tc.status || tc.field != "" && got.Error.Field != tc.field {
			t.Errorf("POST %s %s: %d %+v, want %d %s", tc.path, tc.body, code, got.Error, tc.status, tc.field)
		}
	}
	for _, path := range []string{"/pause", "/resume", "/renew-key"} {
		if _, code := s.send(http.MethodPost, "/subscriptions/sub_other"+path, ""); code != http.StatusNotFound {
			t.Errorf("POST %s of an unknown subscription: %d", path, code)
		}
	}
	if got := s.read(); got.Status != "active" || got.Plan.Amount != 9900 || len(got.History) > 3 {
		t.Errorf("refused wishes changed it: %+v", got)
	}
}
