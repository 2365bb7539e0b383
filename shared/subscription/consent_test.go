package subscription

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/money"
)

var (
	seoulNoon = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	cheap     = Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}, Name: "Letters"}
	dear      = Plan{Amount: money.Amount{Value: 12900, Currency: money.KRW}, Name: "Letters"}
)

// agreedTo is a subscription of the interval that was charged once, at noon of 1 December 2026 in Korea.
func agreedTo(interval Interval) Subscription {
	c := Calendar{First: seoulNoon, Interval: interval, Every: 1, Hour: 12}
	if interval == Month || interval == Year {
		c.Anchor = 1
	}
	s := New(Subscription{ID: "sub-001", CreatedAt: seoulNoon, Plan: cheap, Calendar: c, CatchUp: Once})
	s = s.Issued(Key{N: 1, IssuedAt: seoulNoon}, seoulNoon)
	return charge(s, seoulNoon)
}

// charge claims and charges the cycle that is due, if policies let it, and returns the subscription after it.
func charge(s Subscription, at time.Time) Subscription {
	claimed, err := s.Claim(CycleClaim{ID: s.ID, Cycle: s.Cycle, At: at})
	if err != nil {
		return s
	}
	p := claimed.Prepare(at)
	if !p.Charge {
		return p.Subscription
	}
	return p.Subscription.Charged(s.Cycle, s.DateAt(claimed.Begun), at)
}

func rise(ends bool) Consent {
	return Consent{Kind: PriceRise, After: dear, Token: "token", Ends: ends}
}

// paidFor is what the cycles cost that are charged from now on: the price of each, as it is claimed, until n are charged or it ends.
func paidFor(s Subscription, n int) (prices []int64) {
	for cycle := s.Cycle; len(prices) < n && s.Status == Active; {
		price := s.Plan.Amount.Value
		if s = charge(s, s.ChargeAt); s.Cycle > cycle {
			prices, cycle = append(prices, price), s.Cycle
		}
	}
	return prices
}

func TestPriceRiseNeedsConsent(t *testing.T) {
	t.Parallel()
	week := 7 * 24 * time.Hour
	for _, tc := range []struct {
		name   string
		ends   bool
		answer func(Subscription) (Subscription, bool)
		want   string
		status Status
	}{
		{"no answer, the old price stays", false, nil, "[9900 9900 9900]", Active},
		{"no answer, it ends", true, nil, "[]", Canceled},
		{"agreed", false, func(s Subscription) (Subscription, bool) { return s.Consents(true, "1", "ko", seoulNoon.Add(2*week)) }, "[12900 12900 12900]", Active},
		{"agreed, or it would have ended", true, func(s Subscription) (Subscription, bool) { return s.Consents(true, "1", "ko", seoulNoon.Add(2*week)) }, "[12900 12900 12900]", Active},
		{"refused", false, func(s Subscription) (Subscription, bool) { return s.Consents(false, "1", "ko", seoulNoon.Add(2*week)) }, "[9900 9900 9900]", Active},
		{"refused, it ends", true, func(s Subscription) (Subscription, bool) { return s.Consents(false, "1", "ko", seoulNoon.Add(2*week)) }, "[]", Canceled},
		{"agreed, then refused", false, func(s Subscription) (Subscription, bool) {
			s, _ = s.Consents(true, "1", "ko", seoulNoon.Add(2*week))
			return s.Consents(false, "1", "ko", seoulNoon.Add(3*week))
		}, "[9900 9900 9900]", Active},
		{"refused, then agreed", true, func(s Subscription) (Subscription, bool) {
			s, _ = s.Consents(false, "1", "ko", seoulNoon.Add(2*week))
			return s.Consents(true, "1", "ko", seoulNoon.Add(3*week))
		}, "[12900 12900 12900]", Active},
	} {
		s, ok := agreedTo(Month).ChangeWithConsent(rise(tc.ends), "", seoulNoon.Add(2*week))
		if !ok || s.Consent.State() != ConsentNeeded || s.Plan != cheap {
			t.Fatalf("%s: %v, %s, plan %v", tc.name, ok, s.Consent.State(), s.Plan)
		}
		if tc.answer != nil {
			if s, ok = tc.answer(s); !ok {
				t.Errorf("%s: the answer was refused", tc.name)
			}
		}
		if got := fmt.Sprint(paidFor(s, 3)); got != tc.want {
			t.Errorf("%s: charged %s, want %s", tc.name, got, tc.want)
		}
		for s.Status == Active && s.Cycle < 4 {
			s = charge(s, s.ChargeAt)
		}
		if s.Status != tc.status {
			t.Errorf("%s: %s, want %s", tc.name, s.Status, tc.status)
		}
	}
}

// TestConsentIsAskedForInItsTime: of a yearly plan, 30 days before the date, and not before; the record is due then.
func TestConsentIsAskedForInItsTime(t *testing.T) {
	t.Parallel()
	date := time.Date(2027, 12, 1, 3, 0, 0, 0, time.UTC)
	s, _ := agreedTo(Year).ChangeWithConsent(rise(false), "", seoulNoon.AddDate(0, 1, 0))
	opens := date.Add(-ConsentWindow)
	if s.Consent.State() != ConsentPlanned || !s.DueAt.Equal(opens) || !s.ChargeAt.Equal(date) || !s.ConsentDate().Equal(date) {
		t.Fatalf("%s, due %v, charged %v", s.Consent.State(), s.DueAt, s.ChargeAt)
	}
	early := opens.Add(-time.Second)
	if _, ok := s.NeedsConsent(early); ok {
		t.Error("asked for too early")
	}
	if _, ok := s.Consents(true, "1", "ko", early); ok {
		t.Error("given too early")
	}
	s, ok := s.NeedsConsent(opens)
	if !ok || s.Consent.State() != ConsentNeeded || !s.DueAt.Equal(date) || s.History[len(s.History)-1].Event != "consent-needed" {
		t.Fatalf("%v %s, due %v", ok, s.Consent.State(), s.DueAt)
	}
	if s, ok = s.Consents(true, "1", "ko", opens); !ok || s.Plan != dear {
		t.Errorf("given in time: %v, %v", ok, s.Plan)
	}
}

// TestConsentGrowsOld: given, and then a pause moved the date away: the price falls back, and what was agreed to has to be asked for again.
func TestConsentGrowsOld(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		s, _ := agreedTo(Month).ChangeWithConsent(rise(ends), "", seoulNoon)
		s, _ = s.NeedsConsent(seoulNoon.AddDate(0, 0, 1))
		s, ok := s.Consents(true, "1", "ko", seoulNoon.AddDate(0, 0, 2))
		if !ok {
			t.Fatal("refused")
		}
		s, _ = s.Pause(seoulNoon.AddDate(0, 0, 3))
		if _, ok := s.Consents(false, "1", "ko", seoulNoon.AddDate(0, 0, 4)); ok {
			t.Error("answered while nothing is charged")
		}
		s, _ = s.Resume(seoulNoon.AddDate(0, 3, 0).Add(-time.Hour)) // the next date is 1 March
		want := "[9900 9900]"
		if ends {
			want = "[]"
		}
		if got := fmt.Sprint(paidFor(s, 2)); got != want {
			t.Errorf("ends %v: charged %s, want %s", ends, got, want)
		}
	}
}

func TestConsentOfTheMerchants(t *testing.T) {
	t.Parallel()
	s, _ := agreedTo(Year).ChangeWithConsent(rise(true), "contract 7 of 2026-11-28", seoulNoon)
	if s.Consent.State() != ConsentGiven || s.Consent.Evidence == "" || s.Revision != agreedTo(Year).Revision+1 {
		t.Errorf("%+v", s.Consent)
	}
	if got := fmt.Sprint(paidFor(s, 2)); got != "[12900 12900]" {
		t.Errorf("charged %s", got)
	}
}

// TestTrialEndsWithoutConsent: what was free is charged only with consent, given within the 30 days before.
func TestTrialEndsWithoutConsent(t *testing.T) {
	t.Parallel()
	for days, want := range map[int]string{14: "needed", 60: "planned"} {
		first := seoulNoon.AddDate(0, 0, days)
		fresh := func() Subscription {
			s := New(Subscription{
				ID: "sub-001", CreatedAt: seoulNoon, Plan: cheap, CatchUp: Once, Consent: Consent{Kind: TrialEnd, After: cheap, Cycle: 1, Token: "token", Ends: true},
				Calendar: Calendar{First: first, Interval: Month, Every: 1, Anchor: first.In(Seoul).Day(), Hour: 12},
			})
			return s.Issued(Key{N: 1, IssuedAt: seoulNoon}, seoulNoon)
		}
		s := fresh()
		if s.Consent.State() != want || !s.ChargeAt.Equal(first) {
			t.Errorf("%d days: %s, charged %v", days, s.Consent.State(), s.ChargeAt)
		}
		if want == "planned" && !s.DueAt.Equal(first.Add(-ConsentWindow)) {
			t.Errorf("%d days: due %v", days, s.DueAt)
		}
		if got := charge(s, first); got.Status != Canceled || got.Cycle != 1 || got.History[len(got.History)-1].Event != "no-consent" {
			t.Errorf("%d days, no consent: %s, cycle %d", days, got.Status, got.Cycle)
		}
		s, _ = s.NeedsConsent(first.Add(-ConsentWindow))
		s, ok := s.Consents(true, "1", "ko", first.Add(-time.Hour))
		if got := charge(s, first); !ok || got.Status != Active || got.Cycle != 2 || !got.Consent.Used {
			t.Errorf("%d days, with consent: %v, %s, cycle %d", days, ok, got.Status, got.Cycle)
		}
		dearer, ok := fresh().ChangeWithConsent(rise(false), "", seoulNoon.Add(time.Hour))
		if !ok || dearer.Consent.Kind != TrialEnd || dearer.Consent.After != dear || dearer.Plan != dear || dearer.Consent.State() == ConsentGiven {
			t.Errorf("%d days, a higher price in the trial: %+v", days, dearer.Consent)
		}
	}
}

// TestConsentIsForOneCycle: a cycle that has begun keeps its price, whatever is agreed to meanwhile; the next one has the new price.
func TestConsentIsForOneCycle(t *testing.T) {
	t.Parallel()
	s := agreedTo(Month)
	at := s.ChargeAt
	claimed, _ := s.Claim(CycleClaim{ID: s.ID, Cycle: 2, At: at})
	refused := claimed.Refused(2, 2, Soft, "LIMIT", DefaultTimetable(), at)
	asked, _ := refused.ChangeWithConsent(rise(false), "", at.Add(time.Hour))
	if asked.Consent.Cycle != 3 || !asked.ConsentDate().Equal(time.Date(2027, 2, 1, 3, 0, 0, 0, time.UTC)) {
		t.Fatalf("for cycle %d, on %v", asked.Consent.Cycle, asked.ConsentDate())
	}
	asked, _ = asked.NeedsConsent(at.AddDate(0, 0, 2))
	agreed, ok := asked.Consents(true, "1", "ko", at.AddDate(0, 0, 3))
	if !ok || agreed.Plan != cheap || agreed.NextPlan != dear {
		t.Fatalf("%v: this cycle %v, the next %v", ok, agreed.Plan, agreed.NextPlan)
	}
	agreed.ChargeAt = at.AddDate(0, 0, 4)
	agreed = charge(agreed, agreed.ChargeAt)
	if agreed.Cycle != 3 || agreed.Plan != dear || agreed.Consent.Used {
		t.Errorf("cycle %d, %v, used %v", agreed.Cycle, agreed.Plan, agreed.Consent.Used)
	}
	if got := fmt.Sprint(paidFor(agreed, 2)); got != "[12900 12900]" {
		t.Errorf("charged %s", got)
	}
}

func TestWhatNeedsNoConsent(t *testing.T) {
	t.Parallel()
	s := agreedTo(Month)
	for what, tc := range map[string]struct {
		s    Subscription
		plan Plan
		want bool
	}{
		"the same price":                  {s, cheap, false},
		"a lower one":                     {s, Plan{Amount: money.Amount{Value: 5000, Currency: money.KRW}}, false},
		"a higher one":                    {s, dear, true},
		"before there is a means":         {New(Subscription{Plan: cheap}), dear, false},
		"up again after a lower one":      {Subscription{Status: Active, Plan: cheap, NextPlan: Plan{Amount: money.Amount{Value: 5000}}}, cheap, true},
		"what is agreed to for next time": {Subscription{Status: Active, Plan: cheap, NextPlan: dear}, dear, false},
	} {
		if got := tc.s.Rises(tc.plan); got != tc.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	asked, _ := s.ChangeWithConsent(rise(false), "", seoulNoon)
	if again, ok := asked.ChangeWithConsent(rise(false), "", seoulNoon.Add(time.Hour)); !ok || again.Revision != asked.Revision {
		t.Error("the same wish again is another wish")
	}
	lower := Plan{Amount: money.Amount{Value: 5000, Currency: money.KRW}, Name: "Letters"}
	if dropped, ok := asked.ChangePlan(lower, seoulNoon.Add(time.Hour)); !ok || dropped.Consent.State() != ConsentNone || dropped.Plan != lower {
		t.Errorf("a lower price: %+v", dropped.Consent)
	}
}

// TestConsentOfACycleThatHasBegun: while a cycle is claimed, a wish of the merchant's neither takes away the question whether its buyer agreed,
// nor turns a price that was agreed to into a free trial.
func TestConsentOfACycleThatHasBegun(t *testing.T) {
	t.Parallel()
	first := seoulNoon.AddDate(0, 0, 14)
	trial := New(Subscription{
		ID: "sub-001", CreatedAt: seoulNoon, Plan: cheap, CatchUp: Once, Consent: Consent{Kind: TrialEnd, After: cheap, Cycle: 1, Token: "token", Ends: true},
		Calendar: Calendar{First: first, Interval: Month, Every: 1, Anchor: first.In(Seoul).Day(), Hour: 12},
	}).Issued(Key{N: 1, IssuedAt: seoulNoon}, seoulNoon)
	claim := func(s Subscription) Subscription {
		claimed, err := s.Claim(CycleClaim{ID: s.ID, Cycle: s.Cycle, At: first})
		if err != nil {
			t.Fatal(err)
		}
		return claimed
	}
	wished, ok := claim(trial).ChangeWithConsent(rise(false), "", first)
	if ok || wished.Prepare(first).Charge {
		t.Errorf("nobody agreed: the wish is taken: %v, and a charge of cycle %d waits for consent to cycle %d", ok, wished.Cycle, wished.Consent.Cycle)
	}
	agreed, _ := trial.Consents(true, "1", "ko", seoulNoon)
	wished, ok = claim(agreed).ChangeWithConsent(rise(false), "", first)
	if c := wished.Consent; !ok || c.Kind != PriceRise || c.Before != cheap || c.Ends || c.Cycle != 2 || !wished.Prepare(first).Charge {
		t.Errorf("the buyer agreed to what is being charged: %v, %+v", ok, c)
	}
	s := wished.Prepare(first).Subscription.Charged(1, 0, first)
	if got := fmt.Sprint(paidFor(s, 2)); got != "[9900 9900]" {
		t.Errorf("a higher price without an answer: %s", got)
	}

	old, _ := agreedTo(Month).ChangeWithConsent(rise(false), "", seoulNoon.AddDate(0, 0, 2))
	old, _ = old.Consents(true, "1", "ko", seoulNoon.AddDate(0, 0, 2))
	old, _ = old.Pause(seoulNoon.AddDate(0, 0, 10))
	first = seoulNoon.AddDate(0, 3, 0)
	old, _ = old.Resume(first.Add(-time.Hour))
	for name, wish := range map[string]func(Subscription) (Subscription, bool){
		"a still higher price": func(s Subscription) (Subscription, bool) {
			c := rise(false)
			c.After.Amount.Value *= 2
			return s.ChangeWithConsent(c, "", first)
		},
		"another name": func(s Subscription) (Subscription, bool) {
			return s.ChangePlan(Plan{Amount: dear.Amount, Name: "News"}, first)
		},
	} {
		if wished, _ := wish(claim(old)); wished.Prepare(first).Charge {
			t.Errorf("%s: the consent is too old, and %d is charged", name, wished.Plan.Amount.Value)
		}
	}
}

// TestConsentOfARefusedCycle: the cycle that was agreed to is refused to its end; the next one, with a new means, is at the price agreed to.
func TestConsentOfARefusedCycle(t *testing.T) {
	t.Parallel()
	s, _ := agreedTo(Month).ChangeWithConsent(rise(true), "", seoulNoon.AddDate(0, 0, 2))
	s, _ = s.Consents(true, "1", "ko", seoulNoon.AddDate(0, 0, 3))
	at := s.ChargeAt
	claimed, err := s.Claim(CycleClaim{ID: s.ID, Cycle: 2, At: at})
	if err != nil {
		t.Fatal(err)
	}
	s = claimed.Ended(2, 1, "FAILED", true, at.AddDate(0, 0, 8))
	if got := fmt.Sprint(paidFor(s, 2)); got != "[12900 12900]" || s.Status != Active {
		t.Errorf("%s, charged %s", s.Status, got)
	}
}
