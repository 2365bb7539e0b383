package chargetest_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"tosspay-sam/shared/subscription"
)

// firstWish is the usual request with the 20th as anchor day; it is sent on 31 January 2027.
func firstWish(period string, more ...string) string {
	wish := strings.Replace(body, `"interval":"month"`, `"interval":"month","anchorDay":20,"firstPeriod":"`+period+`"`, 1)
	return strings.NewReplacer(more...).Replace(wish)
}

// charges are what the API shows as upcoming, like taken.
func (s *shop) charges(n int) (list []string) {
	got := s.read()
	for i, c := range got.UpcomingCharges[:min(n, len(got.UpcomingCharges))] {
		if !c.At.Equal(got.Upcoming[i]) {
			s.T.Errorf("charge %d is at %v, and upcoming says %v", i, c.At, got.Upcoming[i])
		}
		list = append(list, fmt.Sprintf("c%d %d %s", c.Cycle, c.Amount, c.At.In(subscription.Seoul).Format("01-02")))
	}
	return list
}

// TestFirstPeriods: what the page promises and the API shows is what the provider's ledger has, on the clock over four charges. The shop opens on
// 31 January 2027; its subscriptions are charged on the 20th at 10:00.
func TestFirstPeriods(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, wish string
		wait       string // before the buyer registers
		page       string // part of the registration page
		want       []string
	}{
		{"full", firstWish("full"), "", "January 31, 2027<", []string{"c1 9900 01-31", "c2 9900 02-20", "c3 9900 03-20", "c4 9900 04-20"}},
		{"full, the next anchor day is in its month", strings.Replace(firstWish("full"), `:20`, `:31`, 1), "24h", "",
			[]string{"c1 9900 02-01", "c2 9900 02-28", "c3 9900 03-31", "c4 9900 04-30"}},
		{"to the anchor, quarterly", strings.Replace(firstWish("toAnchor"), `"month"`, `"month","every":3`, 1), "", "January 31, 2027<",
			[]string{"c1 9900 01-31", "c2 9900 02-20", "c3 9900 05-20", "c4 9900 08-20"}},
		// 20 of the 31 days from 20 January to 20 February.
		{"prorated", firstWish("prorated"), "", "January 31, 2027 · ₩6,387 KRW", []string{"c1 6387 01-31", "c2 9900 02-20", "c3 9900 03-20", "c4 9900 04-20"}},
		{"prorated, registered a day later", firstWish("prorated"), "24h", "₩6,067 KRW", []string{"c1 6067 02-01", "c2 9900 02-20", "c3 9900 03-20", "c4 9900 04-20"}},
		{"a share that no provider takes", firstWish("prorated", "9900", "1000", ":20", ":1"), "", "February 1, 2027<",
			[]string{"c1 1000 02-01", "c2 1000 03-01", "c3 1000 04-01", "c4 1000 05-01"}},
		{"on the anchor day itself", strings.Replace(firstWish("prorated"), `:20`, `:31`, 1), "", "",
			[]string{"c1 9900 01-31", "c2 9900 02-28", "c3 9900 03-31", "c4 9900 04-30"}},
		// 15 of the 28 days from 20 February to 20 March.
		{"after a trial", firstWish("prorated", `,"chargeHour":10`, "", `"customerId"`, `"firstChargeAt":"2027-03-05T10:00:00+09:00","trial":{"evidence":"7"},"customerId"`),
			"", "March 5, 2027 · ₩5,303 KRW", []string{"c1 5303 03-05", "c2 9900 03-20", "c3 9900 04-20", "c4 9900 05-20"}},
	} {
		s := newShop(t)
		got, code := s.send(http.MethodPost, "/subscriptions", tc.wish)
		if code != http.StatusCreated {
			t.Fatalf("%s: %d %+v", tc.name, code, got.Error)
		}
		if tc.wait != "" {
			s.Pass(tc.wait)
		}
		s.wantPage(tc.name, s.Get(got.CheckoutURL).Body, tc.page)
		s.register(got.Window)
		if shown := s.charges(4); !reflect.DeepEqual(shown, tc.want) {
			t.Errorf("%s: shown %q, want %q", tc.name, shown, tc.want)
		}
		for range 10 {
			s.Pass("720h")
		}
		if taken := s.taken(); len(taken) < 4 || !reflect.DeepEqual(taken[:4], tc.want) {
			t.Errorf("%s: taken %q, want %q", tc.name, taken, tc.want)
		}
	}
}

// TestShareIsTaxedAsItsPlan: the provider is sent the share's own parts.
func TestShareIsTaxedAsItsPlan(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	got, code := s.send(http.MethodPost, "/subscriptions", strings.Replace(firstWish("prorated"), `"currency"`, `"taxFreeAmount":3300,"vatAmount":600,"currency"`, 1))
	if code != http.StatusCreated {
		t.Fatalf("%d %+v", code, got.Error)
	}
	s.register(got.Window)
	if c := s.read().UpcomingCharges[0]; c.Amount != 6387 || c.TaxFreeAmount != 2129 || c.VATAmount != 387 {
		t.Errorf("%+v", c)
	}
	s.Pass("21d")
	for cycle, want := range map[string]string{"c1": "6387 2129 387", "c2": "9900 3300 600"} {
		o := s.Stored(id + "--" + cycle)
		if got := fmt.Sprint(o.Amount.Value, o.Extras.Tax.Free, o.Extras.Tax.VAT); got != want {
			t.Errorf("%s: %s, want %s", cycle, got, want)
		}
	}
}

// TestShareIsDunned: a share that is refused is tried again at its own amount, also after the next date has come.
func TestShareIsDunned(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	got, _ := s.send(http.MethodPost, "/subscriptions", firstWish("prorated", ":20", ":4")) // tried again on 1, 3 and 5 February
	for range 3 {
		s.PortOne.DeclineNext("CARD_EXCEED_LIMIT")
	}
	s.register(got.Window)
	s.Pass("30d")
	s.wantTaken("c1--4 1277 02-05", "c2 9900 02-05")
	s.Pass("5d")
	s.wantTaken("c1--4 1277 02-05", "c2 9900 02-05", "c3 9900 03-04")
}

// TestTrialsConsentShowsTheShare: the buyer who agrees to the end of a trial sees what the first charge takes.
func TestTrialsConsentShowsTheShare(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	got, code := s.send(http.MethodPost, "/subscriptions",
		firstWish("prorated", `,"chargeHour":10`, "", `"customerId"`, `"firstChargeAt":"2027-02-25T10:00:00+09:00","customerId"`))
	if code != http.StatusCreated {
		t.Fatalf("%d %+v", code, got.Error)
	}
	s.register(got.Window)
	address := s.read().Consent.URL
	for _, part := range []string{"₩8,132 KRW", "₩9,900 KRW", "February 25, 2027"} {
		s.wantPage("the consent page", s.answer(address, ""), part)
	}
	s.answer(address, "agree")
	s.Pass("1200h")
	s.wantTaken("c1 8132 02-25", "c2 9900 03-20")
}

func TestFirstPeriodIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, wish := range []string{
		firstWish("half"), strings.Replace(body, `"interval":"month"`, `"interval":"week","firstPeriod":"prorated"`, 1),
		firstWish("prorated", `"plan":{"amount":9900`, `"portone":{"cardQuota":3},"plan":{"amount":60000`),
		firstWish("toAnchor", `"subscriptionId":"`+id+`",`, `"importBillingKey":"old-1","firstChargeAt":"2027-02-25T10:00:00+09:00",`),
	} {
		if got, code := s.send(http.MethodPost, "/subscriptions", wish); code != http.StatusBadRequest || got.Error.Field != "plan.firstPeriod" {
			t.Errorf("%s: %d %+v", wish, code, got.Error)
		}
	}
}
