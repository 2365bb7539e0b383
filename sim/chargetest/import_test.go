package chargetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"
	"tosspay-sam/sim/world"
)

const oldKey = "gildong_0001.1234@old"

// moving is a running subscription that moves in: on 31 January, next charged on 25 February at 9.
const moving = `{"customerId":"customer-1","importBillingKey":"` + oldKey + `","firstChargeAt":"2027-02-25T09:00:00+09:00",` +
	`"plan":{"amount":9900,"currency":"KRW","name":"Milk","interval":"month","anchorDay":25}}`

// imports sends POST /subscriptions.
func (s *shop) imports(body string) (shown, int) {
	s.T.Helper()
	return s.send(http.MethodPost, "/subscriptions", body)
}

func (s *shop) addKey(k portonesim.Key) {
	s.T.Helper()
	if err := s.PortOne.AddKey(k); err != nil {
		s.T.Fatal(err)
	}
}

// on are the captures as "order amount day hour" in Seoul.
func (s *shop) on() (list []string) {
	for _, e := range s.Ledger.Entries() {
		_, cycle, _ := strings.Cut(e.OrderID, "--")
		list = append(list, fmt.Sprintf("%s %d %s", cycle, e.Amount, e.At.In(subscription.Seoul).Format("01-02 15")))
	}
	return list
}

// TestImportedKeyIsChargedOnItsDate: nobody is asked, nothing is taken before the date that was given, and each cycle once.
func TestImportedKeyIsChargedOnItsDate(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	rehearsed, code := s.imports(strings.Replace(moving, "{", `{"dryRun":true,`, 1))
	if code != http.StatusOK || !rehearsed.DryRun || rehearsed.Status != "active" || len(rehearsed.Upcoming) != 6 {
		t.Fatalf("dry run: %d %+v", code, rehearsed)
	}
	if _, code := s.send(http.MethodGet, "/subscriptions/"+rehearsed.SubscriptionID, ""); code != http.StatusNotFound {
		t.Fatalf("a dry run stored something: %d", code)
	}
	got, code := s.imports(moving)
	if code != http.StatusCreated || got.Status != "active" || got.DryRun || got.SubscriptionID != rehearsed.SubscriptionID || got.Window != nil || got.CheckoutURL != "" {
		t.Fatalf("%d %+v", code, got)
	}
	if got.Means == nil || got.Means.Key != oldKey || !got.Means.Imported || got.Means.Masked == "" || got.Consent != nil {
		t.Errorf("means %+v, consent %+v", got.Means, got.Consent)
	}
	again, code := s.imports(moving)
	if code != http.StatusOK || again.SubscriptionID != got.SubscriptionID {
		t.Errorf("the same request again: %d", code)
	}
	if calls := s.PortOne.Calls()[portonesim.OpCustomer]; calls != 2 {
		t.Errorf("%d lookups, want one for the dry run and one for the import", calls)
	}
	s.Pass("25d") // to 25 February, 8:00
	if list := s.on(); list != nil {
		t.Fatalf("taken before the date: %v", list)
	}
	s.Pass("30d")
	if list, want := s.on(), []string{"c1 9900 02-25 09", "c2 9900 03-25 09"}; !slices.Equal(list, want) {
		t.Errorf("taken %v, want %v", list, want)
	}
	if again, code := s.imports(moving); code != http.StatusOK || again.Cycle != 3 {
		t.Errorf("the same request, long after its date: %d %+v", code, again.Error)
	}
	if v := s.PortOne.Violations(); v != nil {
		t.Error(v)
	}
}

// TestImportIsRefused: each wrong request has its own answer, and leaves nothing behind: no record, no charge.
func TestImportIsRefused(t *testing.T) {
	t.Parallel()
	cut := func(old, repl string) string { return strings.Replace(moving, old, repl, 1) }
	for _, tc := range []struct {
		name        string
		key         portonesim.Key // of oldKey
		absent      bool
		body        string
		code, field string
		status      int
	}{
		{name: "unknown or deleted", absent: true, code: "BILLING_KEY_UNKNOWN", field: "importBillingKey"},
		{name: "another PortOne account's", key: portonesim.Key{Account: 1}, code: "BILLING_KEY_UNKNOWN", field: "importBillingKey"},
		{name: "another merchant id", key: portonesim.Key{MID: "othershop"}, code: "BILLING_KEY_OTHER_ACCOUNT", field: "importBillingKey"},
		{name: "another gateway", key: portonesim.Key{MID: "TC0ONETIME", Gateway: "kakaopay"}, code: "BILLING_KEY_OTHER_ACCOUNT", field: "importBillingKey"},
		{name: "live money in test mode", key: portonesim.Key{Live: true}, code: "BILLING_KEY_OTHER_MODE", field: "importBillingKey"},
		{name: "another customer's", key: portonesim.Key{CustomerID: "customer-2"}, code: "BILLING_KEY_OTHER_CUSTOMER", field: "importBillingKey"},
		{name: "no key", body: cut(oldKey, ""), code: "INVALID_FIELD", field: "importBillingKey"},
		{name: "a path", body: cut(oldKey, "../payments/imp_1"), code: "INVALID_FIELD", field: "importBillingKey"},
		{name: "an own id", body: cut("{", `{"subscriptionId":"member-0001",`), code: "INVALID_FIELD", field: "subscriptionId"},
		{name: "no date", body: cut(`"firstChargeAt":"2027-02-25T09:00:00+09:00",`, ""), code: "INVALID_FIELD", field: "firstChargeAt"},
		{name: "a past date", body: cut("2027-02-25", "2027-01-25"), code: "INVALID_FIELD", field: "firstChargeAt"},
		{name: "a date without an anchor", body: cut(`,"anchorDay":25`, ""), code: "INVALID_FIELD", field: "plan.anchorDay"},
		{name: "amount 0", body: cut("9900", "0"), code: "INVALID_FIELD", field: "plan.amount"},
		{name: "something else again", body: cut(`"importBillingKey":"`+oldKey+`"`, `"importAgain":true`), code: "INVALID_FIELD", field: "importAgain"},
		{name: "a dry run of something else", body: cut(`"importBillingKey":"`+oldKey+`"`, `"dryRun":true`), code: "INVALID_FIELD", field: "dryRun"},
		{name: "a key to delete of something else", body: cut(`"importBillingKey":"`+oldKey+`"`, `"deleteImportedKey":true`), code: "INVALID_FIELD", field: "deleteImportedKey"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, func(o *world.Options) {
				o.PortOne.Accounts = []portonesim.Account{{}, {ImpKey: "other", ImpSecret: "other", UserCode: "imp99999999"}}
			})
			if tc.key.CustomerUID = oldKey; !tc.absent {
				s.addKey(tc.key)
			}
			if tc.body == "" {
				tc.body = moving
			}
			for _, body := range []string{tc.body, strings.Replace(tc.body, "{", `{"dryRun":true,`, 1)} {
				if strings.Count(body, "dryRun") > 1 {
					continue
				}
				if got, code := s.imports(body); code != http.StatusBadRequest || got.Error.Code != tc.code || got.Error.Field != tc.field {
					t.Errorf("%d %+v, want %s of %s", code, got.Error, tc.code, tc.field)
				}
			}
			if _, code := s.send(http.MethodGet, "/subscriptions/"+payment.ImportedID(oldKey, 1), ""); code != http.StatusNotFound {
				t.Errorf("something was stored: %d", code)
			}
			s.Pass("60d")
			if list := s.on(); list != nil {
				t.Errorf("taken %v", list)
			}
		})
	}
}

// TestImportWithoutPortOne: nothing is stored as long as nobody says what the key is, and the same request goes through afterwards.
func TestImportWithoutPortOne(t *testing.T) {
	t.Parallel()
	for _, f := range []fault.Fault{
		{Operation: portonesim.OpCustomer, Kind: fault.InternalError}, {Operation: portonesim.OpCustomer, Kind: fault.TooManyRequests},
		{Operation: portonesim.OpCustomer, Kind: fault.Garbage}, {Operation: portonesim.OpCustomer, Kind: fault.LoseReply},
		{Operation: portonesim.OpSchedules, Kind: fault.InternalError}, {Operation: portonesim.OpSchedules, Kind: fault.LoseReply},
	} {
		s := newShop(t)
		s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
		f.Provider, f.Times = portonesim.Provider, 1
		kind := f.Operation + " " + f.Kind
		if err := s.Faults.Set(f); err != nil {
			t.Fatal(err)
		}
		if got, code := s.imports(moving); code != http.StatusServiceUnavailable || got.Error.Code != "TRY_AGAIN" {
			t.Fatalf("%s: %d %+v", kind, code, got.Error)
		}
		if _, code := s.send(http.MethodGet, "/subscriptions/"+payment.ImportedID(oldKey, 1), ""); code != http.StatusNotFound {
			t.Errorf("%s: something was stored: %d", kind, code)
		}
		if got, code := s.imports(moving); code != http.StatusCreated {
			t.Errorf("%s: afterwards %d %+v", kind, code, got.Error)
		}
	}
}

// TestScheduledKeyIsNotImported: PortOne itself would charge it for the old system, and each cycle would be paid twice.
func TestScheduledKeyIsNotImported(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	if err := s.PortOne.Schedule(oldKey, "old_202702", s.Clock.Now().AddDate(0, 0, 25)); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{moving, strings.Replace(moving, "{", `{"dryRun":true,`, 1)} {
		if got, code := s.imports(body); code != http.StatusConflict || got.Error.Code != "BILLING_KEY_SCHEDULED" {
			t.Fatalf("%d %+v", code, got.Error)
		}
	}
	if _, code := s.send(http.MethodGet, "/subscriptions/"+payment.ImportedID(oldKey, 1), ""); code != http.StatusNotFound {
		t.Errorf("something was stored: %d", code)
	}
	s.PortOne.Unschedule(oldKey)
	if got, code := s.imports(moving); code != http.StatusCreated || len(got.Notes) != 0 {
		t.Errorf("afterwards: %d %+v", code, got)
	}
}

// TestScheduleThatCannotBeRead: an answer that is not what the schema says must not keep everybody out. The import says so.
func TestScheduleThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	if err := s.Faults.Set(fault.Fault{Provider: portonesim.Provider, Operation: portonesim.OpSchedules, Kind: fault.Garbage, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got, code := s.imports(moving); code != http.StatusCreated || len(got.Notes) != 1 || !strings.Contains(got.Notes[0].Message, "Make sure that there are none") {
		t.Errorf("%d %+v", code, got)
	}
}

// TestKeyIsImportedOnce: however it is asked for, one key pays for one subscription.
func TestKeyIsImportedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	var wait sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		wait.Go(func() {
			_, codes[i] = s.imports(strings.Replace(moving, "9900", fmt.Sprint(9900+i), 1))
		})
	}
	wait.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusCreated || codes[1] != http.StatusConflict || codes[7] != http.StatusConflict {
		t.Errorf("eight requests about one key at the same time: %v, want one 201 and seven 409", codes)
	}
	for _, change := range []string{`"firstChargeAt":"2027-02-26T09`, `"firstChargeAt":"2027-03-25T09`} {
		got, code := s.imports(strings.Replace(moving, `"firstChargeAt":"2027-02-25T09`, change, 1))
		if code != http.StatusConflict || got.Error.Code != "BILLING_KEY_IMPORTED" {
			t.Errorf("%d %+v", code, got.Error)
		}
	}
	s.Pass("30d")
	if list := s.on(); len(list) != 1 {
		t.Errorf("taken %v", list)
	}
	// After the end, too: an old export must not bring back what a buyer has left.
	if _, code := s.send(http.MethodPost, "/subscriptions/"+payment.ImportedID(oldKey, 1)+"/cancel", `{"at":"now"}`); code != http.StatusOK {
		t.Fatal(code)
	}
	if got, code := s.imports(strings.Replace(moving, "2027-02-25", "2027-03-25", 1)); code != http.StatusConflict {
		t.Errorf("after the end: %d %+v", code, got.Error)
	}
}

// TestImportedAgain: a mistake can be corrected after the end of the wrong subscription, by those who say so and by nobody else.
func TestImportedAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	first, _ := s.imports(moving)
	right := strings.Replace(moving, "2027-02-25", "2027-03-25", 1)
	again := strings.Replace(right, "{", `{"importAgain":true,`, 1)
	if got, code := s.imports(again); code != http.StatusConflict || got.Error.Code != "BILLING_KEY_IMPORTED" {
		t.Fatalf("while the first one charges: %d %+v", code, got.Error)
	}
	if _, code := s.send(http.MethodPost, "/subscriptions/"+first.SubscriptionID+"/cancel", `{"at":"now"}`); code != http.StatusOK {
		t.Fatal(code)
	}
	if _, code := s.imports(right); code != http.StatusConflict {
		t.Errorf("without a word: %d", code)
	}
	var second shown
	for i, want := range []int{http.StatusCreated, http.StatusOK} {
		got, code := s.imports(again)
		if code != want || got.Status != "active" || got.SubscriptionID == first.SubscriptionID || i == 1 && got.SubscriptionID != second.SubscriptionID {
			t.Errorf("%d %+v", code, got)
		}
		second = got
	}
	if got, code := s.imports(strings.Replace(again, "9900", "9000", 1)); code != http.StatusConflict {
		t.Errorf("a third one beside the second: %d %+v", code, got.Error)
	}
	if got, code := s.imports(moving); code != http.StatusOK || got.Status != "canceled" {
		t.Errorf("the first request again: %d %s", code, got.Status)
	}
	s.Pass("60d")
	if list, want := s.on(), []string{"c1 9900 03-25 09"}; !slices.Equal(list, want) {
		t.Errorf("taken %v, want %v", list, want)
	}
}

// TestKeyIssuedHereIsNotImported: it has a subscription already, and would be charged twice.
func TestKeyIssuedHereIsNotImported(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	got, code := s.imports(strings.Replace(moving, oldKey, id+"--key1", 1))
	if code != http.StatusConflict || got.Error.Code != "BILLING_KEY_IMPORTED" {
		t.Fatalf("%d %+v", code, got.Error)
	}
	s.Pass("26d")
	s.wantTaken("c1 9900 01-31")
}

// TestImportedKeyAtTheEnd: it stays at PortOne, where another system may use it, unless the merchant has said otherwise. A key issued here goes.
func TestImportedKeyAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, deletes := range []bool{false, true} {
		for _, renewed := range []bool{false, true} {
			t.Run(fmt.Sprintf("deletes %v, renewed %v", deletes, renewed), func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
				got, code := s.imports(strings.Replace(moving, "{", fmt.Sprintf(`{"deleteImportedKey":%v,`, deletes), 1))
				if code != http.StatusCreated {
					t.Fatalf("%d %+v", code, got.Error)
				}
				at, own := "/subscriptions/"+got.SubscriptionID, got.SubscriptionID+"--key2"
				if renewed {
					got, _ = s.send(http.MethodPost, at+"/renew-key", "")
					s.register(got.Window)
					if got, _ = s.send(http.MethodGet, at, ""); got.Means.Key != own || got.Means.Imported || !s.PortOne.HasKey(oldKey) {
						t.Fatalf("renewed: %+v, the imported key is there: %v", got.Means, s.PortOne.HasKey(oldKey))
					}
				}
				if got, code = s.send(http.MethodPost, at+"/cancel", `{"at":"now"}`); code != http.StatusOK {
					t.Fatalf("%d %+v", code, got.Error)
				}
				s.Pass("60d")
				got, _ = s.send(http.MethodGet, at, "")
				if s.PortOne.HasKey(oldKey) == deletes || s.PortOne.HasKey(own) || got.Status != "canceled" {
					t.Errorf("the imported key is there: %v, ours: %v, %s", s.PortOne.HasKey(oldKey), s.PortOne.HasKey(own), got.Status)
				}
				if shown := got.Means.DeletedAt != nil; shown != (deletes || renewed) {
					t.Errorf("deletedAt %v", got.Means.DeletedAt)
				}
				if list := s.on(); list != nil {
					t.Errorf("taken %v", list)
				}
				if last := got.History[len(got.History)-1].Event; (last == "key-kept") != (!deletes && !renewed) {
					t.Errorf("the history ends with %s", last)
				}
			})
		}
	}
}

// TestImportWithoutMerchantID: a deployment that names its channel only takes a key of our gateway, and no other's.
func TestImportWithoutMerchantID(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]error{"": nil, "kakaopay": payment.ErrKeyAccount, "tosspay": payment.ErrKeyAccount} {
		s := newShop(t)
		s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1", Gateway: word, MID: "whatever"})
		e := *s.Enroller
		e.Account = ""
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := e.Start(ctx, payment.NewSubscription{
			CustomerID: "customer-1", ImportBillingKey: oldKey, FirstChargeAt: s.Clock.Now().AddDate(0, 0, 1), AnchorDay: 1,
			Amount: 9900, Currency: "KRW", Name: "Milk", Interval: "month",
		}, "https://pay.example")
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", word, err, want)
		}
	}
}

// TestImportedTrialNeedsConsent: who moves in within a free trial is asked like anybody else, and is not charged without an answer.
func TestImportedTrialNeedsConsent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	got, code := s.imports(strings.Replace(moving, "{", `{"trial":{"free":true},`, 1))
	if code != http.StatusCreated || got.Consent == nil || got.Consent.State != "needed" {
		t.Fatalf("%d %+v %+v", code, got.Error, got.Consent)
	}
	s.Pass("60d")
	got, _ = s.send(http.MethodGet, "/subscriptions/"+got.SubscriptionID, "")
	if list := s.on(); list != nil || got.Status != "canceled" {
		t.Errorf("taken %v, %s", list, got.Status)
	}
	if !s.PortOne.HasKey(oldKey) {
		t.Error("the imported key is gone")
	}
}

// TestImportedKeyThatIsRevoked: a lookup does not show what the buyer did in Toss's app. The first charge does, and nothing is taken.
func TestImportedKeyThatIsRevoked(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
	if err := s.PortOne.BreakKey(oldKey, "자동결제 정보를 찾을 수 없습니다"); err != nil {
		t.Fatal(err)
	}
	got, code := s.imports(moving)
	if code != http.StatusCreated {
		t.Fatalf("%d %+v", code, got.Error)
	}
	s.Pass("60d")
	got, _ = s.send(http.MethodGet, "/subscriptions/"+got.SubscriptionID, "")
	if list := s.on(); list != nil || got.Status != "suspended" || got.Means == nil || got.Means.Key != oldKey {
		t.Errorf("taken %v, %s %+v", list, got.Status, got.Means)
	}
}
