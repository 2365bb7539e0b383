package world_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/clock"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// clocked is a bed on a virtual clock, driven through its routes alone.
type clocked struct{ *testbed.Bed }

// newYear is where the virtual clocks of the tests begin: the morning of 1 January 2027 in Korea.
var newYear = time.Date(2027, 1, 1, 8, 0, 0, 0, subscription.Seoul)

func newClocked(t *testing.T, edits ...testbed.Option) clocked {
	t.Helper()
	return clocked{testbed.Open(t, append([]testbed.Option{testbed.Quiet, testbed.Clocked(newYear)}, edits...)...)}
}

// subscribed is what the tests read of a subscription.
type subscribed struct {
	Status   string
	Cycle    int
	NextDate time.Time
	DueAt    *time.Time
	Dunning  *struct{ Attempt int }
}

// subscribe makes a subscription and registers its means of payment, as a buyer does in the window.
func (c clocked) subscribe(id, plan, firstChargeAt string) {
	c.T.Helper()
	if firstChargeAt != "" {
		firstChargeAt = `,"trial":{"free":false},"firstChargeAt":"` + firstChargeAt + `"`
	}
	a := c.Post("/subscriptions", fmt.Sprintf(
		`{"subscriptionId":%q,"customerId":"customer-1","plan":{"amount":9900,"currency":"KRW","name":"Letters",%s}%s}`, id, plan, firstChargeAt))
	if a.Status != http.StatusCreated {
		c.T.Fatalf("subscribe: %d %s", a.Status, a.Body)
	}
	s := c.Sale(a)
	back := c.TossPay(s, "approve")
	if !strings.HasPrefix(back, s.Window.Text("m_redirect_url")) {
		c.T.Fatalf("the window leads to %s", back)
	}
	if a, s := c.Get(back), c.read(id); a.Status != http.StatusOK || s.Status != "active" {
		c.T.Fatalf("after the return (%d) %s is %s", a.Status, id, s.Status)
	}
}

func (c clocked) read(id string) (s subscribed) {
	c.T.Helper()
	c.Decode(c.Get("/subscriptions/"+id), &s)
	return s
}

// captures are the captures of one subscription as "<order> <date and time in Korea>".
func (c clocked) captures(id string) []string {
	var found []string
	for _, e := range c.Ledger.Entries() {
		if strings.HasPrefix(e.OrderID, id+"--c") {
			found = append(found, strings.TrimPrefix(e.OrderID, id)+" "+e.At.In(subscription.Seoul).Format("2006-01-02 15:04"))
		}
	}
	return found
}

// TestThirteenMonths is a subscription whose first charge is on a 31st, enrolled and advanced in one command.
func TestThirteenMonths(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*world.Options){
		"virtual clock":                  func(*world.Options) {},
		"real clock":                     func(o *world.Options) { o.Clock = clock.Over(realFrom(newYear), nil) },
		"a store that knows only shards": func(o *world.Options) { o.Store = struct{ payment.Store }{memstore.New()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClocked(t, edit)
			c.subscribe("sub-month", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
			report := c.Pass("400d")
			want := "--c1 2027-01-31 09:00, --c2 2027-02-28 09:00, --c3 2027-03-31 09:00, --c4 2027-04-30 09:00, --c5 2027-05-31 09:00, " +
				"--c6 2027-06-30 09:00, --c7 2027-07-31 09:00, --c8 2027-08-31 09:00, --c9 2027-09-30 09:00, --c10 2027-10-31 09:00, " +
				"--c11 2027-11-30 09:00, --c12 2027-12-31 09:00, --c13 2028-01-31 09:00"
			if got := strings.Join(c.captures("sub-month"), ", "); got != want {
				t.Errorf("captures\n%s\nwant\n%s", got, want)
			}
			if report.Captures != 13 || report.Charges != 13 || report.Cancels != 0 || report.Failed != 0 || report.Ticks < 13 || report.Ticks > 40 {
				t.Errorf("%+v, want 13 captures and about as many ticks, each only when something is due", report)
			}
			if end := newYear.Add(400 * 24 * time.Hour); report.Now.Before(end) || report.Now.After(end.Add(time.Minute)) {
				t.Errorf("the clock stands at %s, want %s", report.Now, end)
			}
			if s := c.read("sub-month"); s.Status != "active" || s.Cycle != 14 || s.NextDate.In(subscription.Seoul).Format("2006-01-02") != "2028-02-29" {
				t.Errorf("afterwards %+v", s)
			}
			if slips := c.PortOne.Violations(); len(slips) > 0 {
				t.Error(slips)
			}
			// The webhook of a charge comes while the worker is at it. It waits for its turn, and on no clock in real time.
			if inReal, onClock := c.Clock.Waits(); inReal != 0 || onClock < 13 {
				t.Errorf("%d waits in real time and %d on the clock, want none and 13", inReal, onClock)
			}
		})
	}
}

// realFrom is a clock that begins at start and goes on in real time.
func realFrom(start time.Time) func() time.Time {
	began := time.Now()
	return func() time.Time { return start.Add(time.Since(began)) }
}

// TestThousandSubscriptions prints what 13 months of 1,000 subscriptions cost on the laptop's clock; they are due at many different minutes. What
// it cost before was that each minute with a charge had a webhook wait a real second; so no door may wait at all.
func TestThousandSubscriptions(t *testing.T) {
	t.Parallel()
	const subscriptions, months = 1000, 13
	c := newClocked(t, func(o *world.Options) {
		o.Clock = clock.Over(realFrom(newYear), nil)
		o.PortOne.WebhookDelay = world.WebhookDelay
	})
	began := time.Now()
	for i := range subscriptions {
		first := time.Date(2027, 1, 2+i%30, i%24, 0, 0, 0, subscription.Seoul)
		c.subscribe(fmt.Sprintf("sub-%04d", i), `"interval":"month"`, first.Format(time.RFC3339))
	}
	enrolled := time.Since(began)
	began = time.Now()
	report := c.Pass("396d") // 31 January 2028, 08:00: all 13 dates of those that began before it, and of none the 14th
	t.Logf("%d subscriptions enrolled in %s; 13 months in %s: %d ticks, %d charges, %d captures, %d webhooks",
		subscriptions, enrolled.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), report.Ticks, report.Charges, report.Captures, report.Webhooks)
	if inReal, onClock := c.Clock.Waits(); inReal != 0 || onClock != 0 {
		t.Errorf("%d waits in real time and %d on the clock, want none", inReal, onClock)
	}
	seen := map[string]bool{}
	for _, e := range c.Ledger.Entries() {
		if seen[e.OrderID] || e.Kind != "capture" {
			t.Fatalf("%s %s: a second movement", e.Kind, e.OrderID)
		}
		seen[e.OrderID] = true
	}
	want := 0
	for i := range subscriptions {
		id := fmt.Sprintf("sub-%04d", i)
		calendar := subscription.Calendar{
			First: time.Date(2027, 1, 2+i%30, 0, 0, 0, 0, subscription.Seoul), Interval: subscription.Month, Every: 1, Anchor: 2 + i%30, Hour: i % 24,
		}
		n := calendar.After(report.Now)
		want += n
		for k := 1; k <= n; k++ {
			if !seen[fmt.Sprintf("%s--c%d", id, k)] {
				t.Fatalf("cycle %d of %s was not captured", k, id)
			}
		}
	}
	if len(seen) != want || report.Captures != want || want < subscriptions*(months-1) {
		t.Errorf("%d captures, reported %d, want %d", len(seen), report.Captures, want)
	}
}

// TestDeclinesWalkTheTimetable goes through POST /sim/decline.
func TestDeclinesWalkTheTimetable(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.subscribe("sub-dunned", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
	if status := c.Post("/sim/decline", `{"reason":"CARD_EXCEED_LIMIT","times":2}`).Status; status != http.StatusNoContent {
		t.Fatal(status)
	}
	c.Pass("31d")
	if s := c.read("sub-dunned"); s.Status != "past_due" || s.Dunning == nil || s.Dunning.Attempt != 2 {
		t.Errorf("after the first decline: %+v", s)
	}
	c.Pass("3d")
	if got := strings.Join(c.captures("sub-dunned"), ", "); got != "--c1--3 2027-02-03 09:00" {
		t.Errorf("captures: %s", got)
	}
	if s := c.read("sub-dunned"); s.Status != "active" || s.Dunning != nil || s.NextDate.In(subscription.Seoul).Format("2006-01-02") != "2027-02-28" {
		t.Errorf("after the recovery: %+v", s)
	}
}

// TestDeclinesAreTakenBack: 0 times, of one reason or of all.
func TestDeclinesAreTakenBack(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.subscribe("sub-spared", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
	for _, body := range []string{
		`{"reason":"CARD_EXCEED_LIMIT","times":2}`, `{"reason":"CARD_NOT_AVAILABLE","times":1}`, `{"reason":"CARD_EXCEED_LIMIT","times":0}`,
	} {
		if status := c.Post("/sim/decline", body).Status; status != http.StatusNoContent {
			t.Fatal(body, status)
		}
	}
	if got := c.PortOne.Declines(); len(got) != 1 || got["CARD_NOT_AVAILABLE"] != 1 {
		t.Errorf("planned: %v", got)
	}
	if status := c.Post("/sim/decline", `{"times":0}`).Status; status != http.StatusNoContent || len(c.PortOne.Declines()) != 0 {
		t.Errorf("%d, planned: %v", status, c.PortOne.Declines())
	}
	c.Pass("31d")
	if got := strings.Join(c.captures("sub-spared"), ", "); got != "--c1 2027-01-31 09:00" {
		t.Errorf("captures: %s", got)
	}
}

// TestNothingIsForgotten: an enrolment nobody completes and an order nobody pays end by themselves, and then nothing is planned.
func TestNothingIsForgotten(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.Post("/orders", `{"orderId":"order-0001","provider":"toss","amount":15000,"currency":"KRW","name":"T-shirt"}`)
	c.Post("/subscriptions", `{"subscriptionId":"sub-left","customerId":"c","plan":{"amount":9900,"currency":"KRW","name":"Letters","interval":"day"}}`)
	c.Pass("10d")
	if o, s := c.ReadOrder("order-0001"), c.read("sub-left"); o.Status != "expired" || s.Status != "canceled" || len(c.Ledger.Entries()) != 0 {
		t.Errorf("the order is %s, the subscription %s", o.Status, s.Status)
	}
	if report := c.Pass("3650d"); report.Ticks != 0 || report.Done != 0 {
		t.Errorf("ten years of nothing: %+v", report)
	}
	if got := append(c.OrderIDs(), c.SubscriptionIDs()...); strings.Join(got, " ") != "order-0001 sub-left" {
		t.Errorf("made through the private API: %v", got)
	}
}

// lostLeases is a store in which no record can be leased.
type lostLeases struct{ *memstore.Store }

func (lostLeases) LeaseDue(context.Context, payment.DueRecord, time.Time, time.Time) (int, error) {
	return 0, errors.New("the table is away")
}

func TestAdvanceNamesWhatIsStuck(t *testing.T) {
	t.Parallel()
	c := newClocked(t, func(o *world.Options) { o.Store = lostLeases{memstore.New()} })
	c.subscribe("sub-stuck", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
	report, err := c.Advance(t.Context(), 400*24*time.Hour)
	if err == nil || !strings.Contains(err.Error(), "subscription sub-stuck has been due since 2027-01-31T00:00:00Z, and 60 ticks changed nothing") {
		t.Errorf("Advance = %v", err)
	}
	if want := time.Date(2027, 1, 31, 9, 59, 0, 0, subscription.Seoul); report.Ticks != 60 || !report.Now.Equal(want) {
		t.Errorf("%d ticks, and the clock stands at %s, want 60 and %s", report.Ticks, report.Now, want)
	}
}

// TestAdvancesTogether: two at the same time are one after the other, and charge nothing twice.
func TestAdvancesTogether(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.subscribe("sub-twice", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
	var advancing sync.WaitGroup
	var reports [2]world.Report
	for i := range reports {
		advancing.Go(func() { reports[i] = c.Pass("200d") })
	}
	advancing.Wait()
	if a, b := reports[0], reports[1]; a.Captures+b.Captures != 13 || a.Charges+b.Charges != 13 || max(a.Captures, b.Captures) > 8 {
		t.Errorf("each is to count its own half of 13: %+v and %+v", a, b)
	}
	if got := c.captures("sub-twice"); len(got) != 13 {
		t.Errorf("%d captures: %v", len(got), got)
	}
	if got := c.Clock.Now(); !got.Equal(newYear.Add(400 * 24 * time.Hour)) {
		t.Errorf("the clock stands at %s", got)
	}
}

func TestControlsRefuse(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	for _, call := range []struct{ path, body, want string }{
		{"/sim/clock", `{"advance":""}`, "advance must be"},
		{"/sim/clock", `{"advance":"0s"}`, "above 0"},
		{"/sim/clock", `{"advance":"-1h"}`, "above 0"},
		{"/sim/clock", `{"advance":"1d-1h"}`, "above 0"},
		{"/sim/clock", `{"advance":"3654d"}`, "at most 3653d"},
		{"/sim/clock", `{"advance":"3653d1s"}`, "at most 3653d"},
		{"/sim/clock", `{"advance":"999999d"}`, "at most 3653d"},
		{"/sim/clock", `{"advance":"2000000h"}`, "at most 3653d"},
		{"/sim/clock", `{"advance":"a month"}`, "31d"},
		{"/sim/clock", `{"advance":"1d1d"}`, "31d"},
		{"/sim/clock", `{"advance":31}`, "the body must be"},
		{"/sim/clock", `{"to":"31d"}`, "unknown field"},
		{"/sim/clock", `{"advance":"1d"}{}`, "more than one"},
		{"/sim/decline", `{}`, "reason must be"},
		{"/sim/decline", `{"reason":"CARD_EXCEED_LIMIT","times":-1}`, "times must be"},
		{"/sim/decline", `{"reason":"CARD_EXCEED_LIMIT","times":1001}`, "times must be"},
		{"/sim/decline", `{"reason":"CARD_EXCEED_LIMITS"}`, "one of COMMON_TIMEOUT, "},
		{"/sim/decline", `{"reason":"CARD_EXCEED_LIMITS","times":0}`, ", CARD_EXCEED_LIMIT, "},
		{"/sim/decline", `{"times":1}`, "reason must be"},
		{"/sim/decline", `{"reason":"X","time":1}`, "unknown field"},
		{"/sim/decline", `{"reason":"a\u0000b"}`, "reason must be"},
	} {
		var answer struct {
			Error struct{ Code, Message string }
		}
		a := c.Post(call.path, call.body)
		if err := a.JSON(&answer); err != nil || a.Status != http.StatusBadRequest || !strings.Contains(answer.Error.Message, call.want) {
			t.Errorf("%s %s: %d %+v, want %q", call.path, call.body, a.Status, answer, call.want)
		}
	}
	if now := c.Now(); !now.Equal(newYear) {
		t.Errorf("after refusals alone the clock stands at %s", now)
	}
	for text, want := range map[string]time.Duration{"31d": 31 * 24 * time.Hour, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute, "3653d": world.AdvanceMax} {
		if got, err := world.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %s, %v", text, got, err)
		}
	}
}

// TestRunTicksInRealTime: without any advance the laptop's schedule takes what is due, and ends with its context.
func TestRunTicksInRealTime(t *testing.T) {
	t.Parallel()
	c := newClocked(t, func(o *world.Options) { o.Clock = clock.Over(realFrom(newYear), nil) })
	c.subscribe("sub-now-1", `"interval":"month","chargeHour":0`, "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(ctx, 5*time.Millisecond)
	}()
	for len(c.captures("sub-now-1")) == 0 {
		if clock.Timer(t.Context(), time.Millisecond) != nil {
			t.Fatal("the test is over and nothing was charged")
		}
	}
	cancel()
	<-done
	if got := c.captures("sub-now-1"); len(got) != 1 {
		t.Errorf("captures: %v", got)
	}
}

// TestProvidersDelayOnTheClock: in a virtual world a slow provider costs no real time.
func TestProvidersDelayOnTheClock(t *testing.T) {
	t.Parallel()
	c := newClocked(t)
	c.subscribe("sub-slow1", `"interval":"month","chargeHour":9`, "2027-01-31T09:00:00+09:00")
	fault := `{"provider":"portone","operation":"again","fault":"delay","delay":"10m"}`
	if status := c.Post("/sim/faults", fault).Status; status != http.StatusNoContent {
		t.Fatal(status)
	}
	began := time.Now()
	c.Pass("31d")
	if got := strings.Join(c.captures("sub-slow1"), ", "); got != "--c1 2027-01-31 09:10" {
		t.Errorf("captures: %s", got)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("ten virtual minutes took %s", took)
	}
}
