package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

// browser drives the pages in memory, as a person does: forms and redirects.
type browser struct{ *testbed.Bed }

func newBrowser(t *testing.T) browser {
	t.Helper()
	local := func(o *world.Options) { o.Base = "http://127.0.0.1" }
	b := testbed.Open(t, testbed.Quiet, local, testbed.Clocked(time.Date(2027, 1, 1, 8, 0, 0, 0, subscription.Seoul)))
	mountConsole(b.World)
	mountShop(b.World)
	return browser{b}
}

func (b browser) get(path string) string {
	b.T.Helper()
	a := b.Get(path)
	if a.Status != http.StatusOK {
		b.T.Fatalf("GET %s: %d %s", path, a.Status, a.Body)
	}
	return a.Body
}

// post sends a form and returns where it leads.
func (b browser) post(path, form string) string {
	b.T.Helper()
	a := b.Send(testbed.Request(http.MethodPost, path, testbed.Form, form))
	if a.Status != http.StatusSeeOther {
		b.T.Fatalf("POST %s %s: %d %s", path, form, a.Status, a.Body)
	}
	return a.Location()
}

// enroll goes through the shop's form, registers a means as the window does, and returns the id.
func (b browser) enroll(first string) string {
	b.T.Helper()
	at := b.post("/shop/subscriptions", "name=Letters&amount=9%2C900&interval=month&language=en&first="+first)
	checkout, err := url.Parse(at)
	if err != nil || !strings.HasPrefix(checkout.Path, "/pay/") {
		b.T.Fatalf("the shop leads to %s", at)
	}
	parts := strings.Split(checkout.Path, "/")
	id := strings.TrimSuffix(parts[2], "--key1")
	back := b.post("/sim/portone/window", url.Values{
		"merchant_uid": {parts[2]}, "customer_uid": {parts[2]}, "customer_id": {"shop-customer"}, "name": {"Letters"}, "pg": {"tosspay_v2.tosstest"},
		"m_redirect_url": {"http://127.0.0.1/confirm/portone/" + parts[2] + "/" + parts[3]}, "mode": {"redirect"}, "outcome": {"approve"},
	}.Encode())
	b.get(back)
	return id
}

func (b browser) expect(page string, parts ...string) {
	b.T.Helper()
	for _, part := range append(parts, "</html>") {
		if !strings.Contains(page, part) {
			b.T.Errorf("the page does not show %q", part)
		}
	}
}

// TestConsoleShowsThirteenMonths is a subscription sold in the shop and advanced on the console, with a button.
func TestConsoleShowsThirteenMonths(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.expect(b.get("/console"), "2027-01-01 08:00", "None made since this start.", "No fault is planned.", "No order was made since this start.")
	id := b.enroll("2027-01-31")
	b.expect(b.get("/console"), id, "2027-01-31 00:00", "on day 31", "every month", id+"--key1", "Letters, ₩9,900", `<strong class="state-good">active`)
	at := b.post("/console/clock", "advance=13+months")
	query, err := url.Parse(at)
	if err != nil || query.Fragment != "clock" || !strings.Contains(query.Query().Get("note"), "2028-02-01 08:00: 13 ticks, 13 charges, 13 captures, 0 given back") {
		t.Fatalf("after 13 months: %s", at)
	}
	page := b.get(at)
	b.expect(page, "2028-02-01 08:00", "13 captures", "13 orders compared, none differs.", id+"--c1<", id+"--c13<", "2027-02-28 00:00", "2028-01-31 00:00", "2028-02-29 00:00")
	if strings.Contains(page, `class="bad"`) || strings.Contains(page, id+"--c14") {
		t.Error("the page shows a difference, or a cycle that has not come")
	}
	b.expect(b.get("/"), "2028-01-31 00:00", id+"--c13")
}

// TestConsoleShowsDifferences adds money to the ledger that the table knows nothing of.
func TestConsoleShowsDifferences(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	id := b.enroll("2027-01-31")
	b.post("/console/clock", "advance=31d")
	for _, number := range []string{id + "--c1--2", "stray-0001"} {
		b.Ledger.Add(ledger.Entry{Provider: "portone", Kind: ledger.Capture, OrderID: number, Amount: 9900, At: b.Clock.Now()})
	}
	page := b.get("/console")
	b.expect(page, "2 of 2 orders differ.", "unknown to us", "₩19,800")
	if got := strings.Count(page, `<tr class="bad">`); got != 2 {
		t.Errorf("%d rows are marked, want 2", got)
	}
	b.Ledger.Add(ledger.Entry{Provider: "portone", Kind: ledger.Cancel, OrderID: id + "--c1--2", Amount: 9900, At: b.Clock.Now()})
	if page = b.get("/console"); strings.Count(page, `<tr class="bad">`) != 1 {
		t.Error("money that was given back is still a difference")
	}
}

// TestRefundAtTheProvider: a button does what the merchant can do in the provider's own console; the webhook tells us, and the table agrees again.
func TestRefundAtTheProvider(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	id := b.enroll("2027-01-31") + "--c1"
	if page := b.get("/console"); strings.Contains(page, "refund at the provider") {
		t.Error("there is a button before anything is paid")
	}
	b.post("/console/clock", "advance=31d")
	b.expect(b.get("/console"), `name="orderId" value="`+id+`"`)
	at := b.post("/console/refunds", "orderId="+id)
	b.expect(b.get(at), "Refunded in the provider&#39;s console: "+id, "1 of 1 orders differ.")
	if at := b.post("/console/refunds", "orderId="+id); !strings.Contains(at, "nothing+to+cancel") {
		t.Errorf("refunded twice: %s", at)
	}
	b.post("/console/clock", "advance=1m")
	page := b.get("/console")
	b.expect(page, "1 orders compared, none differs.", "<strong>refunded</strong>")
	if strings.Contains(page, "refund at the provider") {
		t.Error("there is still a button")
	}
}

func TestConsoleSwitches(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	id := b.enroll("2027-01-31")
	for _, c := range []struct{ path, form, want string }{
		{"/console/clock", "advance=1h", "0 ticks, 0 charges"},
		{"/console/faults", "target=toss+*&fault=http-500&times=1000", "Planned: toss * http-500."},
		{"/console/faults", "target=toss+*&fault=none&times=1", "Nothing is planned for toss * any more."},
		{"/console/faults", "target=portone+again&fault=delay&delay=20s&times=1", "Planned: portone again delay."},
		{"/console/faults", "target=portone+again&fault=lose-reply&delay=x&times=2", "Planned: portone again lose-reply."},
		{"/console/declines", "reason=CARD_NOT_AVAILABLE&times=1", "1 charge with CARD_NOT_AVAILABLE"},
		{"/console/webhooks", "index=0", "Sent again: [200]."},
	} {
		at, err := url.Parse(b.post(c.path, c.form))
		if err != nil || at.Path != "/console" || !strings.Contains(at.Query().Get("note"), c.want) {
			t.Errorf("%s %s: %s, want %q", c.path, c.form, at, c.want)
		}
	}
	b.expect(b.get("/console"), "portone again", "lose-reply (after)")
	for _, c := range []struct{ path, form, want string }{
		{"/console/clock", "advance=", "advance must be"},
		{"/console/clock", "advance=0+months", "months must be 1 to 120"},
		{"/console/clock", "advance=3654d", "at most 3653d"},
		{"/console/faults", "target=toss+pay&fault=http-500&times=1", "operation"},
		{"/console/faults", "target=toss+confirm&fault=flood&times=1", "must be one of"},
		{"/console/faults", "target=toss+confirm&fault=delay&delay=x&times=1", "duration"},
		{"/console/faults", "target=toss+confirm&fault=http-500&times=0", "calls must be"},
		{"/console/declines", "reason=&times=1", "reason must be"},
		{"/console/declines", "reason=CARD_EXCEED_LIMIT&times=", "calls must be"},
		{"/console/declines", "reason=CARD_EXCEED_LIMIT&times=0", "calls must be"},
		{"/console/declines", "reason=CARD_EXCEED_LIMIT&times=1001", "times must be"},
		{"/console/declines", "reason=CARD_EXCEED_LIMITS&times=1", "one of COMMON_TIMEOUT, "},
		{"/console/clock", "advance=", "advance must be"},
		{"/console/webhooks", "index=99", "there is no delivery 99"},
		{"/console/refunds", "orderId=none-0001", "no such record"},
	} {
		at, err := url.Parse(b.post(c.path, c.form))
		if err != nil || !strings.Contains(at.Query().Get("error"), c.want) || at.Query().Has("note") {
			t.Errorf("%s %s: %s, want the error %q", c.path, c.form, at, c.want)
		}
	}
	if s := b.get("/subscriptions/" + id); !strings.Contains(s, `"active"`) || len(b.Ledger.Entries()) != 0 {
		t.Errorf("switches alone moved something: %s", s)
	}
}

// TestTroubleIsShownWhereItArose: the address leads to the part of the page that has the form, and that part shows it; no other does.
func TestTroubleIsShownWhereItArose(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.enroll("2027-01-31")
	for _, c := range []struct{ path, form, part, next string }{
		{"/console/clock", "advance=never", "clock", "subscriptions"},
		{"/console/clock", "advance=1h", "clock", "subscriptions"},
		{"/console/faults", "target=toss+*&fault=none&times=x", "faults", "cards"},
		{"/console/declines", "reason=X&times=1", "cards", "webhooks"},
		{"/console/webhooks", "index=99", "webhooks", ""},
		{"/console/refunds", "orderId=none-0001", "money", "faults"},
		{"/shop/orders", "name=T-shirt&amount=1&language=en&provider=toss", "once", "again"},
		{"/shop/subscriptions", "name=Letters&amount=many&interval=month&language=en", "again", ""},
	} {
		at := b.post(c.path, c.form)
		page := b.get(at)
		_, rest, found := strings.Cut(page, `id="`+c.part+`"`)
		if c.next != "" {
			rest, _, _ = strings.Cut(rest, `id="`+c.next+`"`)
		}
		if !strings.HasSuffix(at, "#"+c.part) || !found || !strings.Contains(rest, `role="alert"`) && !strings.Contains(rest, `role="status"`) {
			t.Errorf("%s %s leads to %s, where its part shows nothing", c.path, c.form, at)
		}
		if n := strings.Count(page, `role="alert"`) + strings.Count(page, `role="status"`); n != 1 {
			t.Errorf("%s %s: %d messages on the page", c.path, c.form, n)
		}
	}
}

// TestDeclinesOnTheConsole: planned, shown, and taken back.
func TestDeclinesOnTheConsole(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	b.post("/console/declines", "reason=CARD_EXCEED_LIMIT&times=2")
	b.expect(b.get("/console"), "declined: CARD_EXCEED_LIMIT", "take back", `<optgroup label="hard: another means">`, "<option>INVALID_ACCOUNT_STATUS</option>")
	at := b.post("/console/declines", "reason=CARD_EXCEED_LIMIT&undo=yes")
	if page := b.get(at); strings.Contains(page, "declined: CARD") || len(b.PortOne.Declines()) != 0 {
		t.Error("it is still planned")
	}
	b.expect(b.get(at), "Not declined any more: CARD_EXCEED_LIMIT.", "No fault is planned.")
}

// TestCanceledIsOver: nothing is offered of a subscription that has ended, although its new card was never registered.
func TestCanceledIsOver(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	id := b.enroll("2027-01-31")
	b.post("/console/declines", "reason=CARD_NOT_AVAILABLE&times=1")
	b.post("/console/clock", "advance=31d")
	call := func(path, body string) {
		if a := b.Post("/subscriptions/"+id+path, body); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	call("/renew-key", "{}")
	if page := b.get("/console"); strings.Contains(page, "on day 31") {
		t.Error("a suspended one has a next day")
	}
	b.expect(b.get("/console"), "register a means", "CARD_NOT_AVAILABLE (hard), attempt 2 is next")
	call("/cancel", `{"at":"now"}`)
	page := b.get("/console")
	for _, gone := range []string{"register a means", "on day 31", "is next"} {
		if strings.Contains(page, gone) {
			t.Errorf("of a canceled one the page still shows %q", gone)
		}
	}
	b.expect(page, `<strong class="state-bad">canceled`, "CARD_NOT_AVAILABLE (hard)")
}

// TestShopSaysWhatItLeavesOut of its lists.
func TestShopSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for i := range 21 {
		b.post("/shop/orders", "name=T-shirt&amount=15000&language=en&provider=toss")
		b.Ledger.Add(ledger.Entry{Provider: "toss", Kind: ledger.Capture, OrderID: "stray-0001", Amount: 1, At: b.Clock.Now()})
		if page := b.get("/"); strings.Contains(page, "The newest") != (i == 20) {
			t.Errorf("with %d of each", i+1)
		}
	}
	if page := b.get("/"); strings.Count(page, "The newest 20 of 21.") != 2 {
		t.Error("not both lists say that they are cut")
	}
}

// TestShopSellsThroughBothProviders, and shows what is refused.
func TestShopSellsThroughBothProviders(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	for _, provider := range []string{"toss", "portone"} {
		at := b.post("/shop/orders", "name=T-shirt&amount=15%2C000&language=en&international=on&provider="+provider)
		checkout, err := url.Parse(at)
		if err != nil || !strings.HasPrefix(checkout.Path, "/pay/") {
			t.Fatalf("%s: the shop leads to %s", provider, at)
		}
		b.expect(b.get(checkout.Path), "15,000")
	}
	b.expect(b.get("/"), "₩15,000", "toss", "portone", "<strong>open</strong>")
	for form, want := range map[string]string{
		"/shop/orders?name=T-shirt&amount=1&language=en&provider=toss":                                                "amount",
		"/shop/orders?name=T-shirt&amount=1000&language=en&provider=cash":                                             "provider",
		"/shop/subscriptions?name=Letters&amount=many&interval=month&language=en":                                     "amount",
		"/shop/subscriptions?name=Letters&amount=9900&interval=fortnight&language=en":                                 "interval",
		"/shop/subscriptions?name=Letters&amount=9900&interval=month&language=en&first=soon":                          "date",
		"/shop/subscriptions?name=Letters&amount=9900&interval=month&language=en&first=2026-12-30":                    "firstChargeAt",
		"/shop/subscriptions?name=%3Cscript%3E" + strings.Repeat("a", 40) + "&amount=9900&interval=month&language=en": "plan.name",
	} {
		path, query, _ := strings.Cut(form, "?")
		at, err := url.Parse(b.post(path, query))
		if err != nil || at.Path != "/" || !strings.Contains(at.Query().Get("error"), want) {
			t.Errorf("%s: %s, want an error about %s", form, at, want)
		}
	}
	if got := len(b.OrderIDs()) + len(b.SubscriptionIDs()); got != 2 {
		t.Errorf("%d records were made, want the 2 orders", got)
	}
	if page := b.get("/?at=once&error=" + url.QueryEscape("<script>alert(1)</script>")); strings.Contains(page, "<script>") {
		t.Error("the page runs what its address says")
	}
}

// TestFirstChargeToday: a day that has begun is not the past.
func TestFirstChargeToday(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	id := b.enroll("2027-01-01")
	b.post("/console/clock", "advance=1h")
	if entries := b.Ledger.Entries(); len(entries) != 1 || entries[0].OrderID != id+"--c1" {
		t.Errorf("an hour later the ledger holds %v", entries)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"-tick 1m", ""}, {"-tick 0", ""}, {"-tick 1s", ""}, {"-tick 1h", ""},
		{"-tick 1ms", "-tick must be 0 or 1s to 1h0m0s"}, {"-tick -1m", "-tick must be"}, {"-tick 2h", "-tick must be"},
		{"-notice-days 60", ""}, {"-notice-days 61", "-notice-days must be 0 to 60, not 61"}, {"-notice-days -1", "-notice-days must be"},
		{"-store tape", "-store must be"}, {"-dynamodb-endpoint http://127.0.0.1:1", "go together"}, {"extra", "unexpected argument"},
	} {
		_, err := parse(strings.Fields(c.args), io.Discard)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.args, err, c.want)
		}
	}
}
