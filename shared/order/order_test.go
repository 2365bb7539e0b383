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
	historyMax   = 32
	evidenceMax  = 16
	reversalsMax = 8
)

var (
	created = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	expires = created.Add(time.Hour)
	won     = money.Amount{Value: 15000, Currency: money.KRW}
)

// situation is everything beside status and kind that a result may depend on.
type situation struct {
	earlier bool // the event is of the attempt before the current one
	late    bool // it comes when no window of the order is open any more
	last    bool // the current attempt is the last one
	other   bool // it is about another payment than the captured one
	empty   bool // nothing is left of that payment
	keep    bool // the merchant keeps late money
	debt    debt // what we know of giving its payment back, or of the money the attempt asked for
}

// debt is what the order remembers of giving the event's payment back.
type debt int

const (
	noDebt debt = iota
	owed        // it is to be given back
	repaid      // it has been
	sought      // the order was closed by another payment than the one its attempt asked for, which is still looked for
)

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
	switch x.debt {
	case owed, repaid:
		o = indebted(o, x)
	case sought:
		o.Attempt.Key, o.Searching, o.DueAt = "key-claimed", true, created.Add(3*time.Minute)
	}
	return o
}

// indebted is an order under which the payment of the event was taken wrongly.
func indebted(o order.Order, x situation) order.Order {
	r := order.Reversal{
		Key: keyOf(o.Status, x), Attempt: debtAttempt(o, x), Amount: won.Value, Currency: "KRW", Reason: order.ReasonSecond, DecidedAt: created.Add(2 * time.Minute),
	}
	if x.debt == repaid {
		r.DoneAt = created.Add(3 * time.Minute)
		o.HeardAt = r.DoneAt // the answer that said so is in the record
	} else if o.Status != order.Review {
		o.DueAt = created.Add(3 * time.Minute)
	}
	o.Reversals = []order.Reversal{r}
	return o
}

// debtAttempt is whose number the payment was taken under. What was given back ended its attempt, so an order that goes on is in a later one.
func debtAttempt(o order.Order, x situation) int {
	if x.earlier || x.debt == repaid && isOpen(o) {
		return o.Attempt.N - 1
	}
	return o.Attempt.N
}

// possible leaves out what no order can come to: an open order owes nothing, and a payment belongs to one attempt.
func possible(s order.Status, k order.Kind, x situation) bool {
	switch x.debt {
	case noDebt:
		return true
	case sought:
		return s == order.Paid || s == order.Refunded || s == order.Review
	}
	o := inStatus(s, situation{last: x.last})
	e := eventOf(k, o, x)
	return !(x.debt == owed && s == order.Open) && (e.Capture.Key == "" || e.Attempt == debtAttempt(o, x))
}

// keyOf is the payment the event is about. Money that is given back is never the money the order was paid with; while an order is settling it
// may be the money that its buyer came back with.
func keyOf(s order.Status, x situation) string {
	if x.other || (x.debt == owed || x.debt == repaid) && (s != order.Settling || debtAttempt(order.Order{Status: s, Attempt: order.Attempt{N: 2}}, x) < 2) {
		return "key-other"
	}
	return "key-current"
}

func eventOf(k order.Kind, o order.Order, x situation) order.Event {
	e := order.Event{Kind: k, At: created.Add(10 * time.Minute), Attempt: o.Attempt.N, Next: o.Attempt, Evidence: []order.Evidence{{Call: "find", HTTP: 200}}}
	if x.earlier {
		e.Attempt--
	}
	if x.late {
		e.At = expires.Add(order.OpenGrace)
	}
	e.Asked = e.At
	e.KeepLate, e.Search = x.keep, k == order.Doubtful && x.debt == sought
	switch k {
	case order.Captured, order.PartlyRefunded, order.FullyRefunded, order.Mismatched, order.Irreversible:
		e.Capture = order.Capture{Key: keyOf(o.Status, x), Amount: won, Balance: won.Value}
	}
	switch k {
	case order.PartlyRefunded:
		e.Capture.Balance = 5000
	case order.FullyRefunded:
		e.Capture.Balance = 0
	case order.Mismatched:
		e.Capture.Amount.Value++
		e.Capture.Balance++
		if x.empty {
			e.Capture.Balance = 0
		}
	}
	return e
}

// impossible is a place in the table that no order comes to.
const impossible = "–"

// outcome is one result in the words of the page.
func outcome(s order.Status, k order.Kind, x situation) string {
	if !possible(s, k, x) {
		return impossible
	}
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
	}
	words := string(next.Status)
	if next.Attempt.N > o.Attempt.N {
		words += " +1"
	}
	if len(next.Reversals) > len(o.Reversals) {
		words += ", give back (" + next.Reversals[len(o.Reversals)].Reason + ")"
	}
	if x.debt == owed && !next.Reversals[0].DoneAt.IsZero() {
		words += ", given back"
	}
	switch {
	case next.Searching && !o.Searching:
		words += ", look for the claimed"
	case o.Searching && !next.Searching:
		words += ", found or not taken"
	}
	return words
}

// dimensions are looked at in this order; one that makes no difference is left out of the cell.
var dimensions = []struct {
	no, yes string
	set     func(*situation)
}{
	{"money left", "nothing left", func(x *situation) { x.empty = true }},
	{"this attempt", "earlier attempt", func(x *situation) { x.earlier = true }},
	{"same payment", "another payment", func(x *situation) { x.other = true }},
	{"in time", "after the grace", func(x *situation) { x.late = true }},
	{"attempts left", "last attempt", func(x *situation) { x.last = true }},
	{"late money goes back", "late money is kept", func(x *situation) { x.keep = true }},
}

// cell says the result and only what it depends on.
func cell(s order.Status, k order.Kind, x situation, from int) string {
	if from == len(dimensions) {
		return outcome(s, k, x)
	}
	d, y := dimensions[from], x
	d.set(&y)
	no, yes := cell(s, k, x, from+1), cell(s, k, y, from+1)
	switch {
	case no == yes || yes == impossible:
		return no
	case no == impossible:
		return yes
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
- **give back (reason)**: this money is not the order's to keep. It is owed from now on, with a due time, and given back by the next one who
  asks the provider. **given back**: the provider says that all of it is back.
- **look for the claimed**: another payment closed the order; what its own attempt asked for may have been taken, too, and has a due time until that
  is known. **found or not taken**: it is. *doubtful* in the last table is a question about it.
- *this attempt / earlier attempt*: which of the order's attempts the provider speaks of. *another payment*: another one than the one that was captured, or claimed.
- *after the grace*: 75 minutes or more after the order's time to pay, when none of its windows can take money any more. *last attempt*: attempt 20. *nothing left*: it was given back before we learned of it.
- *late money is kept*: the deployer has chosen to accept money that comes after an order was closed.
- **–**: does not happen.
- claimed and announced are the buyer's return from the window; claimed also needs the right link token and amount, and is the only one that
  may lead to a request for money. All others are the provider's word.

`)
	for _, part := range []struct {
		title string
		debt  debt
		kinds []order.Kind
	}{
		{"Nothing is owed", noDebt, order.Kinds[:len(order.Kinds)-1]},
		{"The payment is to be given back", owed, order.Kinds[2 : len(order.Kinds)-1]},
		{"The payment has been given back", repaid, order.Kinds[2 : len(order.Kinds)-1]},
		{"Closed while the money that was asked for is looked for", sought, order.Kinds[2:]},
	} {
		b.WriteString("## " + part.title + "\n\n")
		writeTable(&b, part.kinds, part.debt)
		b.WriteString("\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func writeTable(b *strings.Builder, kinds []order.Kind, d debt) {
	b.WriteString("| status |")
	for _, k := range kinds {
		fmt.Fprintf(b, " %s |", k)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, s := range order.Statuses {
		fmt.Fprintf(b, "| **%s** |", s)
		for _, k := range kinds {
			fmt.Fprintf(b, " %s |", cell(s, k, situation{debt: d}, 0))
		}
		b.WriteString("\n")
	}
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
	for bits := range 1 << 6 {
		for _, d := range []debt{noDebt, owed, repaid, sought} {
			all = append(all, situation{bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0, bits&16 > 0, bits&32 > 0, d})
		}
	}
	return all
}

// TestEveryPairKeepsThePromise asks of every pair in every situation what must hold of any of them.
func TestEveryPairKeepsThePromise(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{} // one broken rule shows in many situations
	for _, s := range order.Statuses {
		for _, k := range order.Kinds {
			for _, x := range situations() {
				if k == order.Claimed || !possible(s, k, x) {
					continue // TestClaim has the claims
				}
				o := inStatus(s, x)
				e := eventOf(k, o, x)
				next, err := o.Apply(e)
				if err != nil {
					t.Errorf("%s x %s: %v: a provider's word must never be an error", s, k, err)
					continue
				}
				for _, broken := range violations(o, next, e) {
					if what := fmt.Sprintf("%s x %s: %s", s, k, broken); !seen[what] {
						seen[what] = true
						t.Errorf("%s (%+v)", what, x)
					}
				}
				if again, err := next.Apply(e); err != nil || decided(k) && (again.Status != next.Status || again.Attempt.N != next.Attempt.N || len(again.Reversals) != len(next.Reversals)) {
					t.Errorf("%s x %s %+v: %s; and told the same again: %s attempt %d with %d reversals, %v", s, k, x, next.Status, again.Status, again.Attempt.N, len(again.Reversals), err)
				}
			}
		}
	}
}

// decided are the events that say the same however often they come: what a provider's payment proves.
func decided(k order.Kind) bool { return k != order.Announced && k != order.Doubtful }

// leaves are the statuses that each status may become.
var leaves = map[order.Status][]order.Status{
	order.Open:     {order.Settling, order.Paid, order.Refunded, order.Failed, order.Expired, order.Review},
	order.Settling: {order.Open, order.Paid, order.Refunded, order.Failed, order.Expired, order.Review},
	order.Paid:     {order.Refunded, order.Review},
	order.Refunded: {order.Review},
	order.Failed:   {order.Paid, order.Refunded, order.Review},
	order.Expired:  {order.Paid, order.Refunded, order.Review},
	order.Review:   {},
}

func isOpen(o order.Order) bool { return o.Status == order.Open || o.Status == order.Settling }

// mustBeAskedAbout says that nobody knows yet, or that money is owed; that in review a person has.
func mustBeAskedAbout(o order.Order) bool {
	return isOpen(o) || o.Searching || o.Status != order.Review && len(debts(o)) > 0
}

// debts are the payments that are to be given back.
func debts(o order.Order) (keys []string) {
	for _, r := range o.Reversals {
		if r.DoneAt.IsZero() {
			keys = append(keys, r.Key)
		}
	}
	return keys
}

func reversalOf(o order.Order, key string) (order.Reversal, bool) {
	i := slices.IndexFunc(o.Reversals, func(r order.Reversal) bool { return r.Key == key })
	if i < 0 || key == "" {
		return order.Reversal{}, false
	}
	return o.Reversals[i], true
}

// holdsMoney says that the provider has money of this payment that was taken for the order.
func holdsMoney(e order.Event) bool {
	return (e.Kind == order.Captured || e.Kind == order.PartlyRefunded || e.Kind == order.Mismatched || e.Kind == order.Irreversible) && e.Capture.Balance > 0
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
	before, known := reversalOf(o, e.Capture.Key)
	cameAndWent := e.Kind == order.Mismatched && e.Capture.Balance == 0
	givenBack := (e.Kind == order.FullyRefunded || cameAndWent) && known && before.DoneAt.IsZero() && len(debts(next)) == 0 &&
		slices.ContainsFunc(o.Reversals, func(r order.Reversal) bool { return r.Attempt == o.Attempt.N })
	over := nothing && current || givenBack || cameAndWent && current                                               // this attempt keeps no money
	mine := nothing || o.Attempt.Key == "" && (e.All || !o.Attempt.Unanswered) || o.Attempt.Key == e.Capture.Key || // it speaks of the payment the buyer came back with, or that one is back
		slices.ContainsFunc(o.Reversals, func(r order.Reversal) bool { return r.Key == o.Attempt.Key && !r.DoneAt.IsZero() })
	fail(moved && !slices.Contains(leaves[o.Status], next.Status), "%s must not become %s", o.Status, next.Status)
	claimed := o.Status == order.Settling && o.Attempt.Key != "" && !slices.ContainsFunc(next.Reversals, func(r order.Reversal) bool { return r.Key == o.Attempt.Key })
	fail(claimed && !isOpen(next) && !nothing && next.Capture.Key != o.Attempt.Key && e.Capture.Key != o.Attempt.Key && !next.Searching, "the claimed payment is forgotten")
	fail(o.Searching && !next.Searching && e.Kind != order.Searched, "%s ended the search", e.Kind)
	fail(moved && (e.Kind == order.Doubtful || e.Kind == order.Searched), "no conclusion changed the status to %s", next.Status)
	fail(next.Status == order.Settling && moved && !(o.Status == order.Open && (e.Kind == order.Announced && current || len(next.Reversals) > len(o.Reversals))), "settling by %s", e.Kind)
	fail(mustBeAskedAbout(next) == next.DueAt.IsZero(), "status %s, owes %v, with due time %v", next.Status, debts(next), next.DueAt)
	fail(mustBeAskedAbout(next) && next.Revision != o.Revision && !next.DueAt.After(e.At), "due at %v, which is not after %v", next.DueAt, e.At)
	fail(next.Final() == mustBeAskedAbout(next), "Final() = %v in status %s", next.Final(), next.Status)
	grown := next.Attempt.N - o.Attempt.N
	fail(grown < 0 || grown > 1 || next.Attempt.N > order.AttemptsMax, "attempt %d became %d", o.Attempt.N, next.Attempt.N)
	fail(grown == 1 && !(over && next.Status == order.Open), "a new attempt after %s of attempt %d, now %s", e.Kind, e.Attempt, next.Status)
	fail(grown == 1 && next.Attempt != order.Attempt{N: next.Attempt.N}, "the new attempt remembers %+v", next.Attempt)
	fail(o.Status == order.Settling && moved && over && !mine, "%s of %s ended the attempt of %s, of which nobody knows", e.Kind, e.Capture.Key, o.Attempt.Key)
	fail(moved && next.Status == order.Open && grown != 1, "open again in the same attempt")
	concluded := current && (nothing || cameAndWent || e.Kind == order.Captured || e.Kind == order.PartlyRefunded || e.Kind == order.FullyRefunded && (e.All || o.Attempt.Key != ""))
	fail(o.Status == order.Settling && concluded && mine && len(debts(o)) == 0 && len(debts(next)) == 0 && next.Status == order.Settling, "%s of this attempt, and it is settling for ever", e.Kind)
	fail(cameAndWent && e.Capture.Key != o.Capture.Key && next.Status == order.Review && moved, "money that came and went beside the order made it %s", next.Status)
	fail(next.Status == order.Open && len(debts(next)) > 0, "open, and %v is still to be given back", debts(next))
	fail(moved && next.Status == order.Failed && !over, "failed by %s of attempt %d", e.Kind, e.Attempt)
	fail(moved && next.Status == order.Expired && !(over && e.Kind != order.Refused), "expired by %s of attempt %d while attempt %d is current", e.Kind, e.Attempt, o.Attempt.N)
	fail(moved && next.Status == order.Paid && e.Kind != order.Captured && e.Kind != order.PartlyRefunded, "paid by %s", e.Kind)
	fail(next.Status == order.Paid && next.Capture.Key == "", "paid without a capture")
	fail(o.Capture.Key != "" && next.Capture.Key != o.Capture.Key, "the capture %q was replaced by %q", o.Capture.Key, next.Capture.Key)
	fail(next.Revision != o.Revision && next.Revision != o.Revision+1, "revision %d became %d", o.Revision, next.Revision)
	fail(next.Revision == o.Revision && !reflect.DeepEqual(next, o), "changed without a new revision")
	fail(len(next.History) > historyMax && (next.Status != order.Settling || len(next.History) > historyMax+1), "%d steps of history", len(next.History))
	fail(len(next.Evidence) > evidenceMax, "%d pieces of evidence", len(next.Evidence))
	fail(len(next.Reversals) > reversalsMax, "%d reversals", len(next.Reversals))
	fail(moved && (len(next.History) == 0 || next.History[len(next.History)-1].To != next.Status), "the history does not end with the move to %s", next.Status)
	fail(moved && len(e.Evidence) > 0 && (len(next.Evidence) == 0 || next.Evidence[len(next.Evidence)-1] != e.Evidence[len(e.Evidence)-1]), "moved without evidence")
	fail(o.ID != next.ID || o.Amount != next.Amount || o.LinkToken != next.LinkToken || o.Mode != next.Mode || !o.ExpiresAt.Equal(next.ExpiresAt), "what the merchant asked for has changed")
	return append(broken, moneyViolations(o, next, e)...)
}

// moneyViolations lists what one applied event did to money that it must not do: the part of the promise for a single step.
func moneyViolations(o, next order.Order, e order.Event) (broken []string) {
	fail := func(bad bool, format string, args ...any) {
		if bad {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	before, known := reversalOf(o, e.Capture.Key)
	after, listed := reversalOf(next, e.Capture.Key)
	kept := next.Capture.Key != "" && next.Capture.Key == e.Capture.Key && (next.Status == order.Paid || next.Status == order.Refunded)
	inReview := next.Status == order.Review
	closed := o.Status == order.Failed || o.Status == order.Expired

	// I2: whatever holds money is kept as the order's payment, owed, or with a person.
	fail(holdsMoney(e) && !kept && !inReview && !(listed && after.DoneAt.IsZero()), "money was taken (%s) and the order is %s, paid with %q, owes %v", e.Kind, next.Status, next.Capture.Key, debts(next))
	// I1: it is never two of these at once.
	fail(kept && listed && after.DoneAt.IsZero(), "the payment is kept and to be given back")
	fail(kept && listed && next.Status == order.Paid, "a payment that was given back pays the order")
	fail(e.Kind == order.Mismatched && kept && !inReview, "money that does not fit is kept")
	fail(e.Kind == order.Irreversible && !inReview, "money cannot be given back, and nobody looks: %s", next.Status)
	fail(known && !before.DoneAt.IsZero() && holdsMoney(e) && !inReview, "money was given back, is there again, and nobody looks: %s", next.Status)
	fail(closed && e.KeepLate && next.Status != order.Paid && !known && (e.Kind == order.Captured || e.Kind == order.PartlyRefunded), "late money is not kept: %s, owes %v", next.Status, debts(next))
	fail(closed && !e.KeepLate && next.Status == order.Paid, "late money is kept")
	fail(listed && !known && o.Status == order.Open && next.Status != order.Settling, "money is owed and the order is %s: it may be paid once more", next.Status)

	// A reversal is decided once, by money that is there, and ends by the provider's word that all of it is back.
	fail(len(next.Reversals) < len(o.Reversals) || len(next.Reversals) > len(o.Reversals)+1, "%d reversals became %d", len(o.Reversals), len(next.Reversals))
	fail(listed && !known && !holdsMoney(e), "%s of %d won decided to give money back", e.Kind, e.Capture.Balance)
	fail(listed && !known && (after.Amount != e.Capture.Balance || after.Attempt != e.Attempt || after.DecidedAt != e.At || !after.DoneAt.IsZero() || after.Asks != 0 || after.Reason != reasonOf(o, e)),
		"the new reversal is %+v, want reason %q", after, reasonOf(o, e))
	fail(known && before.DoneAt.IsZero() != after.DoneAt.IsZero() && e.Kind != order.FullyRefunded && !(e.Kind == order.Mismatched && e.Capture.Balance == 0), "given back by %s", e.Kind)
	fail(known && before.DoneAt.IsZero() && e.Kind == order.FullyRefunded && after.DoneAt != e.At, "all of it is back and it is still owed")
	fail(known && !before.DoneAt.IsZero() && e.Kind == order.FullyRefunded && next.Status != o.Status, "what was given back and recorded made the order %s", next.Status)
	for i, r := range o.Reversals {
		if i < len(next.Reversals) && r.Key != e.Capture.Key {
			r.Asks, next.Reversals[i].Asks = 0, 0
			fail(next.Reversals[i] != r, "the reversal of %s was changed by an event of %q: %+v", r.Key, e.Capture.Key, next.Reversals[i])
		}
	}
	return broken
}

// reasonOf is why a payment that is not listed yet and that nobody keeps must be given back.
func reasonOf(o order.Order, e order.Event) string {
	switch {
	case e.Kind == order.Mismatched:
		return order.ReasonMismatch
	case o.Status == order.Failed || o.Status == order.Expired:
		return order.ReasonLate
	}
	return order.ReasonSecond
}

// TestLateLapseOfAnEarlierAttemptLeavesTheNextOneOpen: two requests settle attempt 1, one records the refusal, the other one's "lapsed"
// comes late and meets an order whose second attempt a buyer may be paying.
func TestLateLapseOfAnEarlierAttemptLeavesTheNextOneOpen(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh())
	opened, err := o.Apply(order.Event{Kind: order.Refused, At: created.Add(2 * time.Minute), Attempt: 1, Next: o.Attempt})
	if err != nil || opened.Status != order.Open || opened.Attempt.N != 2 {
		t.Fatalf("a refused attempt gives %s attempt %d, %v", opened.Status, opened.Attempt.N, err)
	}
	late, err := opened.Apply(order.Event{Kind: order.Lapsed, At: created.Add(16 * time.Minute), Attempt: 1, Next: o.Attempt})
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
	return order.Claim{OrderID: o.ID, Provider: o.Provider, LinkToken: "link", Attempt: o.Attempt.N, Amount: won, Key: "key-new", At: at, AskAfter: at.Add(15 * time.Second)}
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
		{"the return from another provider's window", order.Open, func(c *order.Claim) { c.Provider = "portone" }, order.WrongLink},
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

// TestAnswerFromBeforeTheClaim: what was seen before the money was asked for says nothing of it, whichever is written first and whatever the
// clocks say. Money that was seen counts.
func TestAnswerFromBeforeTheClaim(t *testing.T) {
	t.Parallel()
	o := fresh()
	after := claimed(t, o)
	for _, k := range []order.Kind{order.Refused, order.Lapsed, order.Doubtful} {
		e := eventOf(k, o, situation{})
		if next, err := after.Apply(e); err != nil || !reflect.DeepEqual(next, after) {
			t.Errorf("%s, asked before the claim, makes of the claimed order %+v, %v", k, next, err)
		}
		e.Next = after.Attempt
		e.Next.ClaimedAt = e.Next.ClaimedAt.Truncate(time.Millisecond) // as the table has it
		if next, err := after.Apply(e); err != nil || next.Revision == after.Revision || next.Status == order.Open && k == order.Doubtful {
			t.Errorf("%s, asked after the claim, makes of the claimed order %+v, %v", k, next, err)
		}
	}
	captured := eventOf(order.Captured, o, situation{})
	if next, err := after.Apply(captured); err != nil || next.Owed() == nil {
		t.Errorf("another payment's money that was seen before the claim: %s, %v, and it is not owed", next.Status, err)
	}
	captured.Capture.Key = after.Attempt.Key
	if next, err := after.Apply(captured); err != nil || next.Status != order.Paid {
		t.Errorf("money that was seen before the claim: %s, %v", next.Status, err)
	}
}

// TestTheGrace: a window that was opened in time may take money until 75 minutes after it, so nothing ends before.
func TestTheGrace(t *testing.T) {
	t.Parallel()
	for _, s := range []order.Status{order.Open, order.Settling} {
		for _, k := range []order.Kind{order.Refused, order.Lapsed} {
			o := inStatus(s, situation{})
			e := eventOf(k, o, situation{})
			e.At = expires.Add(order.OpenGrace - time.Nanosecond)
			if next, err := o.Apply(e); err != nil || next.Status != order.Open {
				t.Errorf("%s x %s a moment before: %s, %v", s, k, next.Status, err)
			}
			e.At = expires.Add(order.OpenGrace)
			if next, err := o.Apply(e); err != nil || next.Status != order.Failed && next.Status != order.Expired {
				t.Errorf("%s x %s: %s, %v", s, k, next.Status, err)
			}
		}
	}
}

// TestAnswerFromBeforeTheCapture: an answer to a question that was begun before the capture was recorded contradicts nothing.
func TestAnswerFromBeforeTheCapture(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh())
	captured := eventOf(order.Captured, o, situation{})
	captured.Capture.Key = o.Attempt.Key
	captured.Asked = captured.At.Add(-20 * time.Second)
	paid, err := o.Apply(captured)
	if err != nil || paid.Status != order.Paid {
		t.Fatal(paid.Status, err)
	}
	for _, k := range []order.Kind{order.Refused, order.Lapsed} {
		for asked, want := range map[time.Duration]order.Status{-30 * time.Second: order.Paid, -10 * time.Second: order.Paid, time.Second: order.Review} {
			e := eventOf(k, o, situation{})
			e.Asked = captured.At.Add(asked)
			if next, err := paid.Apply(e); err != nil || next.Status != want {
				t.Errorf("%s, asked %v after the capture was recorded: %s, %v; want %s", k, asked, next.Status, err, want)
			}
		}
	}
}

// TestCycleIsItsWorkersToClaim: a buyer's return claims no cycle, and a worker nothing else.
func TestCycleIsItsWorkersToClaim(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"", "sub--key1"} {
		for _, claimed := range []string{"", "sub--key2"} {
			o := fresh()
			o.BillingKey = own
			c := claimOf(o)
			c.BillingKey = claimed
			next, err := o.Claim(c)
			if fits := (own == "") == (claimed == ""); fits != (err == nil) || fits && next.BillingKey != claimed {
				t.Errorf("an order with the key %q claimed with %q: key %q, %v", own, claimed, next.BillingKey, err)
			}
		}
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
		for _, d := range []debt{noDebt, owed, repaid, sought} {
			for _, busy := range []time.Duration{-time.Second, 0, time.Millisecond} {
				for _, final := range []bool{false, true} {
					o := inStatus(s, situation{debt: d})
					o.AskAfter = at.Add(busy)
					next, err := o.Lease(order.Lease{OrderID: o.ID, At: at, Until: at.Add(15 * time.Second), Final: final})
					what := fmt.Sprintf("%s, debt %d, asked after %v, final %v", s, d, busy, final)
					var refusal *order.Refusal
					switch {
					case !final && !mustBeAskedAbout(o):
						if !errors.As(err, &refusal) || refusal.Reason != order.NotOpen {
							t.Errorf("%s: %v, want refused: not open", what, err)
						}
					case busy > 0:
						if !errors.As(err, &refusal) || refusal.Reason != order.Leased {
							t.Errorf("%s: %v, want refused: leased", what, err)
						}
					case err != nil:
						t.Errorf("%s: %v, want it given", what, err)
					}
					want := o
					if err == nil {
						want.AskAfter = at.Add(15 * time.Second)
					}
					if !reflect.DeepEqual(next, want) {
						t.Errorf("%s: a lease changed more than the lease: %+v", what, next)
					}
				}
			}
		}
	}
}

// TestHear: a question that changed nothing is remembered with its time, and with nothing else.
func TestHear(t *testing.T) {
	t.Parallel()
	for _, s := range order.Statuses {
		o := inStatus(s, situation{debt: owed})
		asked := created.Add(time.Minute)
		want := o
		want.HeardAt, want.Revision = asked, o.Revision+1
		if next := o.Hear(asked, ""); !reflect.DeepEqual(next, want) {
			t.Errorf("%s: Hear gave %+v, want %+v", s, next, want)
		}
	}
}

// TestHeardAtNeverGoesBack: an answer to a question that was begun earlier, and came later, does not hide the newer one.
func TestHeardAtNeverGoesBack(t *testing.T) {
	t.Parallel()
	o := claimed(t, fresh())
	for _, tc := range []struct{ asked, want time.Duration }{{2 * time.Minute, 2 * time.Minute}, {time.Minute, 2 * time.Minute}, {3 * time.Minute, 3 * time.Minute}} {
		next, err := o.Apply(order.Event{Kind: order.Doubtful, At: created.Add(4 * time.Minute), Attempt: 1, Next: o.Attempt, Asked: created.Add(tc.asked)})
		if err != nil || !next.HeardAt.Equal(created.Add(tc.want)) {
			t.Errorf("asked at %v: heard at %v, %v; want %v", tc.asked, next.HeardAt, err, tc.want)
		}
		o = next
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
	for _, k := range order.Kinds[1 : len(order.Kinds)-1] {
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

// TestReversalsShareNoMemory: the same for the list of what is owed.
func TestReversalsShareNoMemory(t *testing.T) {
	t.Parallel()
	for _, s := range []order.Status{order.Settling, order.Paid, order.Failed, order.Review} {
		o := inStatus(s, situation{debt: owed})
		o.Reversals = append(make([]order.Reversal, 0, 8), o.Reversals...)
		old := slices.Clone(o.Reversals[:8])
		for _, k := range order.Kinds[1:] {
			for _, x := range []situation{{debt: owed}, {other: true}, {}} {
				if _, err := o.Apply(eventOf(k, o, x)); err != nil || !slices.Equal(o.Reversals[:8], old) {
					t.Errorf("%s x %s wrote into the reversals of the order it was applied to (%v)", s, k, err)
				}
			}
		}
	}
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
		tc.next.ClaimedAt = o.Attempt.ClaimedAt
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
			at = at.Add(time.Duration(1+rng.IntN(180)) * time.Second)
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
	case mustBeAskedAbout(next) == next.DueAt.IsZero():
		return fmt.Sprintf("%s with due time %v", next.Status, next.DueAt)
	case next.Attempt.N != o.Attempt.N:
		return "the attempt's number changed"
	case len(next.History) > historyMax+1:
		return fmt.Sprintf("%d steps of history", len(next.History))
	}
	return ""
}

// randomEvent is rarely one about money that was taken, and never when there is none: such lives go on to the last attempt and the expiry.
// Of what is owed the provider mostly says that it is back.
func randomEvent(rng *rand.Rand, o order.Order, at time.Time, money bool) order.Event {
	kinds := []order.Kind{ // doubt and refusals are what most orders see
		order.Doubtful, order.Doubtful, order.Announced, order.Refused, order.Refused, order.Lapsed,
		order.Captured, order.PartlyRefunded, order.FullyRefunded, order.Mismatched,
	}
	e := order.Event{Kind: kinds[rng.IntN(6)], At: at, Attempt: max(1, o.Attempt.N-rng.IntN(2)), Next: o.Attempt, KeepLate: rng.IntN(4) == 0}
	switch debt := o.Owed(); {
	case debt != nil && rng.IntN(3) > 0:
		e.Kind, e.Attempt = order.FullyRefunded, debt.Attempt
		e.Capture = order.Capture{Key: debt.Key, Amount: won}
		if rng.IntN(8) == 0 {
			e.Kind, e.Capture.Balance = order.Irreversible, debt.Amount
		}
	case money && rng.IntN(20) == 0:
		e.Kind = kinds[6+rng.IntN(4)]
		e.Capture = order.Capture{Key: fmt.Sprintf("key-%d", rng.IntN(12)), Amount: won}
		switch e.Kind {
		case order.Captured:
			e.Capture.Balance = won.Value
		case order.PartlyRefunded:
			e.Capture.Balance = 5000
		case order.Mismatched:
			e.Capture.Balance = int64(rng.IntN(3)) * 5000
		}
		if r, known := reversalOf(o, e.Capture.Key); known {
			e.Attempt = r.Attempt // a payment belongs to one attempt
		}
	}
	e.Asked = at
	e.Next.Turn += rng.IntN(2)
	e.Next.Unanswered = rng.IntN(2) == 0
	for range rng.IntN(4) {
		e.Evidence = append(e.Evidence, order.Evidence{At: at, Attempt: e.Attempt, Call: "find", Code: fmt.Sprint(rng.IntN(1000))})
	}
	return e
}
