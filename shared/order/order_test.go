package order_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

var update = flag.Bool("update", false, "write docs/money-safety-table.md")

// golden is the page that shows the state machine to people.
const golden = "../../docs/money-safety-table.md"

// Bounds of the record. A claim cannot trim the history, so that it may stand one above the bound while the order is settling.
const (
	historyMax  = 32
	evidenceMax = 16
)

var (
	created = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	expires = created.Add(time.Hour)
	won     = money.Amount{Value: 15000, Currency: money.KRW}
)

// situation is everything beside status and kind that a result may depend on.
type situation struct {
	earlier bool // the event is of the attempt before the current one
	late    bool // it comes after the order's time to pay
	last    bool // the current attempt is the last one
	other   bool // it is about another payment than the captured one
}

func fresh() order.Order {
	return order.New(order.Order{ID: "order-1", Provider: "toss", Mode: "test", Amount: won, LinkToken: "link", CreatedAt: created, ExpiresAt: expires})
}

// inStatus is an order in its second attempt, or in its last one.
func inStatus(s order.Status, x situation) order.Order {
	o := fresh()
	o.Attempt = order.Attempt{N: 2}
	if x.last {
		o.Attempt.N = order.AttemptsMax
	}
	o.Status = s
	if s != order.Open {
		o.Attempt.Key, o.Attempt.ClaimedAt = "key-current", created.Add(time.Minute)
	}
	if s == order.Paid || s == order.Refunded {
		o.Capture = order.Capture{Key: "key-current", Attempt: o.Attempt.N, Amount: won, Balance: won.Value}
	}
	if s == order.Refunded {
		o.Capture.Balance = 0
	}
	if s != order.Open && s != order.Settling {
		o.DueAt = time.Time{}
	}
	return o
}

func eventOf(k order.Kind, o order.Order, x situation) order.Event {
	e := order.Event{Kind: k, At: created.Add(10 * time.Minute), Attempt: o.Attempt.N, Next: o.Attempt, Evidence: []order.Evidence{{Call: "find", HTTP: 200}}}
	if x.earlier {
		e.Attempt--
	}
	if x.late {
		e.At = expires
	}
	switch k {
	case order.Captured, order.PartlyRefunded, order.FullyRefunded, order.Mismatched:
		e.Capture = order.Capture{Key: "key-current", Amount: won, Balance: won.Value}
		if x.other {
			e.Capture.Key = "key-other"
		}
	}
	switch k {
	case order.PartlyRefunded:
		e.Capture.Balance = 5000
	case order.FullyRefunded:
		e.Capture.Balance = 0
	}
	return e
}

// outcome is one result in the words of the page.
func outcome(s order.Status, k order.Kind, x situation) string {
	o := inStatus(s, x)
	if k == order.Claimed {
		claim := claimOf(o)
		if x.earlier {
			claim.Attempt--
		}
		next, err := o.Claim(claim)
		refusal := new(order.Refusal)
		switch {
		case err == nil:
			return string(next.Status)
		case errors.As(err, &refusal):
			return "refused: " + string(refusal.Reason)
		}
		return "error: " + err.Error()
	}
	next, err := o.Apply(eventOf(k, o, x))
	switch {
	case err != nil:
		return "error: " + err.Error()
	case next.Revision == o.Revision:
		return string(next.Status) + " ·"
	case next.Attempt.N > o.Attempt.N:
		return string(next.Status) + " +1"
	}
	return string(next.Status)
}

// dimensions are looked at in this order; one that makes no difference is left out of the cell.
var dimensions = []struct {
	no, yes string
	set     func(*situation)
}{
	{"this attempt", "earlier attempt", func(x *situation) { x.earlier = true }},
	{"same payment", "another payment", func(x *situation) { x.other = true }},
	{"in time", "after expiry", func(x *situation) { x.late = true }},
	{"attempts left", "last attempt", func(x *situation) { x.last = true }},
}

// cell says the result and only what it depends on.
func cell(s order.Status, k order.Kind, x situation, from int) string {
	if from == len(dimensions) {
		return outcome(s, k, x)
	}
	d, y := dimensions[from], x
	d.set(&y)
	no, yes := cell(s, k, x, from+1), cell(s, k, y, from+1)
	if no == yes {
		return no
	}
	return fmt.Sprintf("%s: %s; %s: %s", d.no, grouped(no), d.yes, grouped(yes))
}

func grouped(s string) string {
	if strings.Contains(s, "; ") {
		return "(" + s + ")"
	}
	return s
}

func table() string {
	var b strings.Builder
	b.WriteString(`<!-- Written by: go test ./shared/order -run TestEveryPair -update -->

# Every status and every event

What an order becomes (cell) when something is learned about it (column), by the status it has (row). A test compares this page with the code.

- **+1**: the order is open for the next attempt, under a new order number. **·**: nothing is recorded, because nothing is new.
- *this attempt / earlier attempt*: which of the order's attempts the provider speaks of. *another payment*: another one than the captured one.
- *after expiry*: at or after the order's time to pay. *last attempt*: attempt 20.
- claimed is the buyer's return from the window; it also needs the right link token and amount. All others are the provider's word.

`)
	b.WriteString("| status |")
	for _, k := range order.Kinds {
		fmt.Fprintf(&b, " %s |", k)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(order.Kinds)) + "\n")
	for _, s := range order.Statuses {
		fmt.Fprintf(&b, "| **%s** |", s)
		for _, k := range order.Kinds {
			fmt.Fprintf(&b, " %s |", cell(s, k, situation{}, 0))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestEveryPair is the one table of the state machine.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	got := table()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v; write it with: go test ./shared/order -run TestEveryPair -update", err)
	}
	if got != string(want) {
		t.Errorf("%s does not show what the code does. Judge the difference, then run: go test ./shared/order -run TestEveryPair -update\n%s", golden, difference(string(want), got))
	}
}

func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		var old, now string
		if i < len(w) {
			old = w[i]
		}
		if i < len(g) {
			now = g[i]
		}
		if old != now {
			fmt.Fprintf(&b, "- %s\n+ %s\n", old, now)
		}
	}
	return b.String()
}

func situations() []situation {
	var all []situation
	for bits := range 16 {
		all = append(all, situation{bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0})
	}
	return all
}

// TestEveryPairKeepsThePromise asks of every pair in every situation what must hold of any of them.
func TestEveryPairKeepsThePromise(t *testing.T) {
	t.Parallel()
	for _, s := range order.Statuses {
		for _, k := range order.Kinds {
			for _, x := range situations() {
				if k == order.Claimed {
					continue // TestClaim
				}
				o := inStatus(s, x)
				e := eventOf(k, o, x)
				next, err := o.Apply(e)
				if err != nil {
					t.Errorf("%s x %s: %v: a provider's word must never be an error", s, k, err)
					continue
				}
				for _, broken := range violations(o, next, e) {
					t.Errorf("%s x %s %+v: %s", s, k, x, broken)
				}
			}
		}
	}
}

// leaves are the statuses that each status may become.
var leaves = map[order.Status][]order.Status{
	order.Open:     {order.Paid, order.Refunded, order.Failed, order.Expired, order.Review},
	order.Settling: {order.Open, order.Paid, order.Refunded, order.Failed, order.Expired, order.Review},
	order.Paid:     {order.Refunded, order.Review},
	order.Refunded: {order.Review},
	order.Failed:   {order.Refunded, order.Review},
	order.Expired:  {order.Refunded, order.Review},
	order.Review:   {},
}

func isOpen(o order.Order) bool { return o.Status == order.Open || o.Status == order.Settling }

func tookMoney(k order.Kind) bool {
	return k == order.Captured || k == order.PartlyRefunded || k == order.Mismatched
}

// violations lists what one applied event did that it must not do.
func violations(o, next order.Order, e order.Event) (broken []string) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	moved := next.Status != o.Status
	current := e.Attempt == o.Attempt.N
	nothing := e.Kind == order.Refused || e.Kind == order.Lapsed // this attempt took no money
	fail(moved && !slices.Contains(leaves[o.Status], next.Status), "%s must not become %s", o.Status, next.Status)
	fail(moved && e.Kind == order.Doubtful, "no conclusion changed the status to %s", next.Status)
	fail(next.Status == order.Settling && o.Status != order.Settling, "settling without a claim")
	fail(isOpen(next) == next.DueAt.IsZero(), "status %s with due time %v", next.Status, next.DueAt)
	fail(isOpen(next) && next.Revision != o.Revision && !next.DueAt.After(e.At), "due at %v, which is not after %v", next.DueAt, e.At)
	fail(next.Final() == isOpen(next), "Final() = %v in status %s", next.Final(), next.Status)
	grown := next.Attempt.N - o.Attempt.N
	fail(grown < 0 || grown > 1 || next.Attempt.N > order.AttemptsMax, "attempt %d became %d", o.Attempt.N, next.Attempt.N)
	fail(grown == 1 && !(nothing && current && next.Status == order.Open), "a new attempt after %s of attempt %d, now %s", e.Kind, e.Attempt, next.Status)
	fail(grown == 1 && next.Attempt != order.Attempt{N: next.Attempt.N}, "the new attempt remembers %+v", next.Attempt)
	fail(moved && next.Status == order.Failed && !(nothing && current), "failed by %s of attempt %d", e.Kind, e.Attempt)
	fail(moved && next.Status == order.Expired && !(e.Kind == order.Lapsed && current), "expired by %s of attempt %d while attempt %d is current", e.Kind, e.Attempt, o.Attempt.N)
	fail(moved && next.Status == order.Paid && e.Kind != order.Captured && e.Kind != order.PartlyRefunded, "paid by %s", e.Kind)
	fail(tookMoney(e.Kind) && !slices.Contains([]order.Status{order.Paid, order.Review}, next.Status), "money was taken (%s) and the order is %s", e.Kind, next.Status)
	fail(e.Kind == order.Mismatched && next.Status != order.Review, "money that does not fit, and nobody looks: %s", next.Status)
	fail(next.Status == order.Paid && next.Capture.Key == "", "paid without a capture")
	fail(o.Status == order.Paid && next.Status == order.Paid && next.Capture.Key != o.Capture.Key, "the capture %q was replaced by %q", o.Capture.Key, next.Capture.Key)
	fail(next.Revision != o.Revision && next.Revision != o.Revision+1, "revision %d became %d", o.Revision, next.Revision)
	fail(next.Revision == o.Revision && !reflect.DeepEqual(next, o), "changed without a new revision")
	fail(len(next.History) > historyMax && (next.Status != order.Settling || len(next.History) > historyMax+1), "%d steps of history", len(next.History))
	fail(len(next.Evidence) > evidenceMax, "%d pieces of evidence", len(next.Evidence))
	fail(moved && (len(next.History) == 0 || next.History[len(next.History)-1].To != next.Status), "the history does not end with the move to %s", next.Status)
	fail(moved && len(e.Evidence) > 0 && (len(next.Evidence) == 0 || next.Evidence[len(next.Evidence)-1] != e.Evidence[len(e.Evidence)-1]), "moved without evidence")
	fail(o.ID != next.ID || o.Amount != next.Amount || o.LinkToken != next.LinkToken || o.Mode != next.Mode || !o.ExpiresAt.Equal(next.ExpiresAt), "what the merchant asked for has changed")
	return broken
}

// TestLateLapseOfAnEarlierAttemptLeavesTheNextOneOpen: two requests settle attempt 1, one records the refusal, the other one's "lapsed"
// comes late and meets an order whose second attempt a buyer may be paying.
func TestLateLapseOfAnEarlierAttemptLeavesTheNextOneOpen(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh())
	opened, err := o.Apply(order.Event{Kind: order.Refused, At: created.Add(2 * time.Minute), Attempt: 1})
	if err != nil || opened.Status != order.Open || opened.Attempt.N != 2 {
		t.Fatalf("a refused attempt gives %s attempt %d, %v", opened.Status, opened.Attempt.N, err)
	}
	late, err := opened.Apply(order.Event{Kind: order.Lapsed, At: created.Add(16 * time.Minute), Attempt: 1})
	if err != nil || late.Status != order.Open || late.Attempt.N != 2 {
		t.Errorf("the lapse of attempt 1 made the order %s attempt %d, %v; want it open for attempt 2", late.Status, late.Attempt.N, err)
	}
}

// TestRefundOfAnotherPaymentLeavesTheCapture: another payment of the same order that was given back says nothing of the money we hold.
func TestRefundOfAnotherPaymentLeavesTheCapture(t *testing.T) {
	t.Parallel()
	o := inStatus(order.Paid, situation{})
	next, err := o.Apply(eventOf(order.FullyRefunded, o, situation{earlier: true, other: true}))
	if err != nil || next.Status != order.Paid || next.Capture != o.Capture {
		t.Errorf("%s with capture %+v, %v; want paid with %+v", next.Status, next.Capture, err, o.Capture)
	}
}

func claimOf(o order.Order) order.Claim {
	at := created.Add(time.Minute)
	return order.Claim{OrderID: o.ID, LinkToken: "link", Attempt: o.Attempt.N, Amount: won, Key: "key-new", At: at, AskAfter: at.Add(15 * time.Second)}
}

func claimed(t *testing.T, o order.Order) order.Order {
	t.Helper()
	next, err := o.Claim(claimOf(o))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestClaim(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status order.Status
		edit   func(*order.Claim)
		want   order.Reason // empty: given
	}{
		{"right", order.Open, func(*order.Claim) {}, ""},
		{"no link token", order.Open, func(c *order.Claim) { c.LinkToken = "" }, order.WrongLink},
		{"another link token", order.Open, func(c *order.Claim) { c.LinkToken = "Link" }, order.WrongLink},
		{"link token and more", order.Open, func(c *order.Claim) { c.LinkToken = "link2" }, order.WrongLink},
		{"wrong link token of a paid order", order.Paid, func(c *order.Claim) { c.LinkToken = "x" }, order.WrongLink},
		{"earlier attempt", order.Open, func(c *order.Claim) { c.Attempt = 1 }, order.StaleAttempt},
		{"attempt to come", order.Open, func(c *order.Claim) { c.Attempt = 3 }, order.StaleAttempt},
		{"no attempt", order.Open, func(c *order.Claim) { c.Attempt = 0 }, order.StaleAttempt},
		{"one won less", order.Open, func(c *order.Claim) { c.Amount.Value-- }, order.WrongAmount},
		{"one won more", order.Open, func(c *order.Claim) { c.Amount.Value++ }, order.WrongAmount},
		{"no amount", order.Open, func(c *order.Claim) { c.Amount = money.Amount{} }, order.WrongAmount},
		{"another currency", order.Open, func(c *order.Claim) { c.Amount.Currency = "USD" }, order.WrongAmount},
		{"wrong amount of a settling order", order.Settling, func(c *order.Claim) { c.Amount.Value = 1 }, order.NotOpen},
		{"settling", order.Settling, func(*order.Claim) {}, order.NotOpen},
		{"paid", order.Paid, func(*order.Claim) {}, order.NotOpen},
		{"refunded", order.Refunded, func(*order.Claim) {}, order.NotOpen},
		{"failed", order.Failed, func(*order.Claim) {}, order.NotOpen},
		{"expired", order.Expired, func(*order.Claim) {}, order.NotOpen},
		{"review", order.Review, func(*order.Claim) {}, order.NotOpen},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := inStatus(tc.status, situation{})
			c := claimOf(o)
			tc.edit(&c)
			next, err := o.Claim(c)
			if tc.want == "" {
				if err != nil || next.Status != order.Settling || next.Attempt.Key != c.Key || !next.Attempt.Unanswered ||
					!next.Attempt.ClaimedAt.Equal(c.At) || !next.DueAt.After(c.At) || next.Revision != o.Revision+1 || next.Capture != (order.Capture{}) {
					t.Errorf("claimed %+v, %v", next, err)
				}
				return
			}
			refusal := new(order.Refusal)
			if !errors.As(err, &refusal) || refusal.Reason != tc.want {
				t.Errorf("error %v, want %s", err, tc.want)
			}
			if !reflect.DeepEqual(next, o) {
				t.Errorf("a refused claim changed the order: %+v", next)
			}
		})
	}
}

func TestClaimOfAnOrderWithoutALinkTokenIsRefused(t *testing.T) {
	t.Parallel()
	o := fresh()
	o.LinkToken = ""
	c := claimOf(o)
	c.LinkToken = ""
	if next, err := o.Claim(c); err == nil {
		t.Errorf("claimed %s: an empty token must match nothing", next.Status)
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	at := created.Add(time.Minute)
	for _, s := range order.Statuses {
		for _, busy := range []time.Duration{-time.Second, 0, time.Millisecond} {
			o := inStatus(s, situation{})
			o.AskAfter = at.Add(busy)
			next, err := o.Lease(order.Lease{OrderID: o.ID, At: at, Until: at.Add(15 * time.Second)})
			free := isOpen(o) && busy <= 0
			if (err == nil) != free {
				t.Errorf("%s, asked after %v: %v, want free %v", s, busy, err, free)
			}
			if err == nil && (!next.AskAfter.Equal(at.Add(15*time.Second)) || next.Revision != o.Revision || next.Status != s) {
				t.Errorf("%s: a lease changed more than the lease: %+v", s, next)
			}
			if err != nil && !reflect.DeepEqual(next, o) {
				t.Errorf("%s: a refused lease changed the order", s)
			}
		}
	}
}

func TestApplyRefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	o := fresh()
	for _, k := range []order.Kind{order.Claimed, "", "paid"} {
		if next, err := o.Apply(order.Event{Kind: k, At: created, Attempt: 1}); err == nil || !reflect.DeepEqual(next, o) {
			t.Errorf("Apply(%q) = %s, %v; want an error and nothing changed", k, next.Status, err)
		}
	}
	var none order.Order
	if _, err := none.Apply(order.Event{Kind: order.Captured, At: created, Attempt: 1}); err == nil {
		t.Error("an order without a status took an event")
	}
}

// TestTransitionsShareNoMemory: stores and racing requests hold orders whose slices have room to grow into.
func TestTransitionsShareNoMemory(t *testing.T) {
	t.Parallel()
	o := fresh()
	o.History = append(make([]order.Step, 0, 8), o.History...)
	o.Evidence = append(make([]order.Evidence, 0, 8), order.Evidence{Call: "confirm"})
	roomy := append(make([]order.Evidence, 0, 8), order.Evidence{Call: "find"})
	history, evidence := slices.Clone(o.History[:8]), slices.Clone(o.Evidence[:8])
	same := func(after string) {
		t.Helper()
		if !slices.Equal(o.History[:8], history) || !slices.Equal(o.Evidence[:8], evidence) {
			t.Errorf("%s wrote into the slices of the order it was called on", after)
		}
	}
	first := claimed(t, o)
	same("Claim")
	c := claimOf(o)
	c.At = c.At.Add(time.Second)
	second, err := o.Claim(c)
	if err != nil || first.History[1] == second.History[1] {
		t.Errorf("two claims of one order share their history (%v)", err)
	}
	for _, k := range order.Kinds[1:] {
		e := eventOf(k, o, situation{})
		e.Evidence = roomy
		a, errA := o.Apply(e)
		same("Apply " + string(k))
		e.At, e.Evidence = e.At.Add(time.Second), append(roomy[:1:1], order.Evidence{Call: "other"})
		b, errB := o.Apply(e)
		same("Apply " + string(k))
		if errA != nil || errB != nil || len(a.Evidence) == 0 || a.Evidence[len(a.Evidence)-1].Call != "find" || len(b.Evidence) == 0 || b.Evidence[len(b.Evidence)-1].Call != "other" {
			t.Errorf("%s: two results share their evidence: %v, %v, %v, %v", k, a.Evidence, b.Evidence, errA, errB)
		}
	}
	_ = o.Intend(3)
	same("Intend")
}

func TestIntend(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh())
	o.Attempt.Unanswered = false
	next := o.Intend(2)
	want := o
	want.Attempt.Turn, want.Attempt.Unanswered, want.Revision = 2, true, o.Revision+1
	if !reflect.DeepEqual(next, want) {
		t.Errorf("Intend gave %+v, want %+v", next, want)
	}
}

// TestDoubtRemembersTheLatestTurn: of two requests that learn of one attempt, the one with the older idempotency key does not overwrite.
func TestDoubtRemembersTheLatestTurn(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh()).Intend(2)
	for _, tc := range []struct {
		next order.Attempt
		want order.Attempt
	}{
		{order.Attempt{Turn: 1, Unanswered: false}, order.Attempt{Turn: 2, Unanswered: true}},
		{order.Attempt{Turn: 2, Unanswered: false}, order.Attempt{Turn: 2, Unanswered: false}},
		{order.Attempt{Turn: 3, Unanswered: true}, order.Attempt{Turn: 3, Unanswered: true}},
		{order.Attempt{Turn: 1, Rejection: "NO"}, order.Attempt{Turn: 2, Unanswered: true, Rejection: "NO"}},
	} {
		got, err := o.Apply(order.Event{Kind: order.Doubtful, At: created.Add(time.Minute), Attempt: 1, Next: tc.next})
		if err != nil || got.Attempt.Turn != tc.want.Turn || got.Attempt.Unanswered != tc.want.Unanswered || got.Attempt.Rejection != tc.want.Rejection {
			t.Errorf("after %+v: %+v, %v; want %+v", tc.next, got.Attempt, err, tc.want)
		}
		if got.Attempt.Asks != o.Attempt.Asks+1 || got.Attempt.Key != o.Attempt.Key || got.Attempt.N != 1 {
			t.Errorf("after %+v: %+v", tc.next, got.Attempt)
		}
	}
}

// TestSettlingIsAskedAboutLessAndLessOften: the due times of an order that stays in doubt.
func TestSettlingIsAskedAboutLessAndLessOften(t *testing.T) {
	t.Parallel()
	c := claimOf(fresh())
	o := claimed(t, fresh())
	want := []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, time.Hour, time.Hour}
	if got := o.DueAt.Sub(c.At); got != 30*time.Second {
		t.Errorf("a claimed order is due after %v, want 30s", got)
	}
	for i, pause := range want {
		at := o.DueAt
		next, err := o.Apply(order.Event{Kind: order.Doubtful, At: at, Attempt: 1, Next: o.Attempt})
		if err != nil || next.DueAt.Sub(at) != pause || next.Status != order.Settling {
			t.Errorf("question %d: due after %v, %v; want %v", i+1, next.DueAt.Sub(at), err, pause)
		}
		if !next.AskAfter.Equal(at.Add(order.AskPause)) {
			t.Errorf("question %d: the next may come at %v", i+1, next.AskAfter)
		}
		o = next
	}
}

// TestRandomLives lets orders live through long random sequences of claims, leases, intents and every event, current and stale.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	reached := map[order.Status]int{}
	for life := range 600 {
		o, at := fresh(), created
		for step := range 120 {
			at = at.Add(time.Duration(rng.IntN(90)) * time.Second)
			before := o
			what := ""
			if rng.IntN(3) == 0 {
				o, what = randomClaim(rng, o, at)
				if broken := claimViolation(before, o); broken != "" {
					t.Fatalf("seed %d life %d step %d: %s: %s", seed, life, step, what, broken)
				}
				continue
			}
			e := randomEvent(rng, o, at, life%3 > 0)
			next, err := o.Apply(e)
			if err != nil {
				t.Fatalf("seed %d life %d step %d: %s x %s: %v", seed, life, step, o.Status, e.Kind, err)
			}
			if broken := violations(o, next, e); len(broken) > 0 {
				t.Fatalf("seed %d life %d step %d: %s attempt %d x %s of attempt %d: %s", seed, life, step, o.Status, o.Attempt.N, e.Kind, e.Attempt, strings.Join(broken, "; "))
			}
			o = next
			reached[o.Status]++
		}
	}
	for _, s := range order.Statuses {
		if reached[s] == 0 {
			t.Errorf("no life came to %s: the sequences prove nothing about it", s)
		}
	}
}

func randomClaim(rng *rand.Rand, o order.Order, at time.Time) (order.Order, string) {
	switch rng.IntN(4) {
	case 0:
		next, _ := o.Lease(order.Lease{OrderID: o.ID, At: at, Until: at.Add(15 * time.Second)})
		return next, "lease"
	case 1:
		if o.Status == order.Settling {
			return o.Intend(o.Attempt.Turn + rng.IntN(2)), "intend"
		}
	}
	c := claimOf(o)
	c.At, c.AskAfter = at, at.Add(15*time.Second)
	c.Attempt -= rng.IntN(2)
	c.Key = fmt.Sprintf("key-%d", rng.IntN(4))
	if rng.IntN(8) == 0 {
		c.Amount.Value++
	}
	if rng.IntN(8) == 0 {
		c.LinkToken = "guess"
	}
	next, _ := o.Claim(c)
	return next, fmt.Sprintf("claim %+v", c)
}

func claimViolation(o, next order.Order) string {
	switch {
	case next.Status != o.Status && !(o.Status == order.Open && next.Status == order.Settling):
		return fmt.Sprintf("%s became %s", o.Status, next.Status)
	case isOpen(next) == next.DueAt.IsZero():
		return fmt.Sprintf("%s with due time %v", next.Status, next.DueAt)
	case next.Attempt.N != o.Attempt.N:
		return "the attempt's number changed"
	case len(next.History) > historyMax+1:
		return fmt.Sprintf("%d steps of history", len(next.History))
	}
	return ""
}

// randomEvent is rarely one about money that was taken, and never when there is none: such lives go on to the last attempt and the expiry.
func randomEvent(rng *rand.Rand, o order.Order, at time.Time, money bool) order.Event {
	kinds := []order.Kind{ // doubt and refusals are what most orders see
		order.Doubtful, order.Doubtful, order.Doubtful, order.Refused, order.Refused, order.Lapsed,
		order.Captured, order.PartlyRefunded, order.FullyRefunded, order.Mismatched,
	}
	e := order.Event{Kind: kinds[rng.IntN(6)], At: at, Attempt: max(1, o.Attempt.N-rng.IntN(2)), Next: o.Attempt}
	if money && rng.IntN(20) == 0 {
		e.Kind = kinds[6+rng.IntN(4)]
		e.Capture = order.Capture{Key: fmt.Sprintf("key-%d", rng.IntN(4)), Amount: won, Balance: int64(rng.IntN(3)) * 5000}
	}
	e.Next.Turn += rng.IntN(2)
	e.Next.Unanswered = rng.IntN(2) == 0
	for range rng.IntN(4) {
		e.Evidence = append(e.Evidence, order.Evidence{At: at, Attempt: e.Attempt, Call: "find", Code: fmt.Sprint(rng.IntN(1000))})
	}
	return e
}
