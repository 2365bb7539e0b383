package ledger_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/ledger"
)

const statusHead = "| what is known | status | number to pay | looked at again |\n|---|---|---|---|\n"

// statuses is what each case of the table does to an order of 15,000 won.
var statuses = []struct {
	known string
	terms []func(*ledger.Terms)
	play  func(*till)
}{
	{"nothing yet: a window is offered", nil, func(*till) {}},
	{"a Toss Pay buyer is back, and no lookup is answered", nil, func(x *till) { x.down = true; x.back("key-1", "order-1", false) }},
	{"a Toss Pay buyer is back, and PortOne knows no payment", nil, func(x *till) { x.back("", "order-1", false) }},
	{"a confirm without an answer", toss1, func(x *till) { x.down = true; replies(x, "lost", "lost", "lost"); x.confirmKey1() }},
	{"a confirm refused, no lookup is answered", toss1, func(x *till) { x.down = true; replies(x, "no"); x.confirmKey1() }},
	{"a confirm refused, and a lookup agrees", toss1, func(x *till) {
		x.put("key-1", "order-1", ledger.Begun)
		replies(x, "no")
		x.confirmKey1()
	}},
	{"captured, and it fits", toss1, (*till).confirmKey1},
	{"a Toss Pay window captured, and it fits", nil, func(x *till) { x.paidBy("key-1", "order-1") }},
	{"a charge without an answer", []func(*ledger.Terms){cycle}, func(x *till) { x.down = true; replies(x, "lost"); _ = x.charge("means") }},
	{"another amount was captured, and its refund is not seen yet", nil, func(x *till) { x.lose = 1; x.wrong() }},
	{"another amount was captured, and all of it is back", nil, (*till).wrong},
	{"another amount was captured, and its refund is refused for good", nil, func(x *till) { x.stuck = true; x.wrong() }},
	{"paid, and a second payment's refund is not seen yet", toss1, func(x *till) {
		x.confirmKey1()
		x.lose = 1
		x.put("key-2", "order-1", ledger.Captured)
		x.notice("key-2", "order-1")
	}},
	{"paid, and all of it was refunded", toss1, func(x *till) { x.confirmKey1(); _ = x.refund("r1", 15000) }},
	{"nothing was captured, 75 minutes after `expiresAt`", nil, (*till).expire},
	{"the last number was refused, 75 minutes after `expiresAt`", nil, func(x *till) {
		time.Sleep(time.Until(x.get().ExpiresAt.Add(-time.Minute)))
		x.put("key-1", "order-1", ledger.Captured, amount(15000, 0), func(p *ledger.Payment) { p.State = ledger.Begun })
		x.down = true
		x.back("key-1", "order-1", true)
		time.Sleep(ledger.OpenGrace + time.Minute)
		x.down = false
		x.put("key-1", "order-1", ledger.Declined)
		x.rest()
	}},
	{"captured after the order expired, and its refund is not seen yet", nil, func(x *till) {
		x.expire()
		x.lose = 1
		x.put("key-2", "order-1", ledger.Captured)
		x.notice("key-2", "order-1")
	}},
}

var toss1 = []func(*ledger.Terms){atToss}

func (x *till) confirmKey1() {
	x.t.Helper()
	if err := x.confirmKey("key-1", "order-1"); err != nil {
		x.t.Error(err)
	}
}

func inWords(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	}
	return fmt.Sprintf("%d min", d.Round(time.Minute)/time.Minute)
}

// wrong is a window that captured 100 won.
func (x *till) wrong() {
	x.t.Helper()
	x.put("key-9", "order-1", ledger.Captured, amount(100, 100))
	x.notice("key-9", "order-1")
}

// TestStatusTable: docs/money-safety.md has the table of statuses as the rules make it.
func TestStatusTable(t *testing.T) {
	t.Parallel()
	want := statusHead
	for _, row := range statuses {
		synctest.Test(t, func(t *testing.T) {
			x := newTill(t, open(row.terms...))
			row.play(x)
			o := x.get()
			number, again := "–", "–"
			if n := o.Payable(); n > 0 {
				number = fmt.Sprint(n)
			}
			if due := o.Due(); !due.IsZero() {
				again = "in " + inWords(time.Until(due))
			}
			want += fmt.Sprintf("| %s | `%s` | %s | %s |\n", row.known, o.Status(), number, again)
		})
	}
	page, err := os.ReadFile("../../docs/money-safety.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), statusHead)
	got, _, _ := strings.Cut(rest, "\n\n")
	if statusHead+got+"\n" != want {
		t.Errorf("docs/money-safety.md should have\n%s", want)
	}
}

// TestRequestTable: each kind of request has a row in docs/money-safety.md.
func TestRequestTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/money-safety.md")
	if err != nil {
		t.Fatal(err)
	}
	for k := ledger.Return; k <= ledger.Cancel; k++ {
		if !strings.Contains(string(page), "\n| `"+k.String()+"` |") {
			t.Errorf("docs/money-safety.md has no row of %s", k)
		}
	}
}
