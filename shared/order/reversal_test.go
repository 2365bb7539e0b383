package order_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/order"
)

// wallet is a provider with the payments of one order: what really happened, whatever our record says.
type wallet struct {
	payments []*taken
}

// taken is a payment that took money under a number of the order.
type taken struct {
	key     string
	attempt int
	amount  int64
	balance int64
}

func (w *wallet) take(attempt int, amount int64) {
	w.payments = append(w.payments, &taken{fmt.Sprintf("key-%d", len(w.payments)), attempt, amount, amount})
}

func (w *wallet) find(key string) *taken {
	for _, p := range w.payments {
		if p.key == key {
			return p
		}
	}
	return nil
}

// held says that the provider has money of an attempt, or had some.
func (w *wallet) held(attempt int) bool {
	return slices.ContainsFunc(w.payments, func(p *taken) bool { return p.attempt == attempt })
}

// truth is what the provider says when it is asked about a payment now.
func (p *taken) truth(at time.Time) order.Event {
	e := order.Event{Kind: order.Captured, At: at, Asked: at, Attempt: p.attempt, Capture: order.Capture{Key: p.key, Amount: won, Balance: p.balance}}
	e.Capture.Amount.Value = p.amount
	switch {
	case p.amount != won.Value:
		e.Kind = order.Mismatched
	case p.balance == 0:
		e.Kind = order.FullyRefunded
	case p.balance < p.amount:
		e.Kind = order.PartlyRefunded
	}
	return e
}

// repaidNow is what the provider answers to the cancel of all that is left.
func (p *taken) repaidNow(at time.Time) order.Event {
	p.balance = 0
	e := p.truth(at)
	e.Kind = order.FullyRefunded
	return e
}

// drama is one order and its provider.
type drama struct {
	order.Order
	wallet
	rng  *rand.Rand
	at   time.Time
	keep bool
	told []string
}

func (d *drama) tell(e order.Event) (broken []string) {
	e.Asked = d.at
	e.KeepLate = d.keep
	e.Next = d.Attempt
	next, err := d.Apply(e)
	d.told = append(d.told, fmt.Sprintf("%s attempt %d x %s of %s (attempt %d, %d left) = %s attempt %d", d.Status, d.Attempt.N, e.Kind, e.Capture.Key, e.Attempt, e.Capture.Balance, next.Status, next.Attempt.N))
	if err != nil {
		return []string{err.Error()}
	}
	broken = violations(d.Order, next, e)
	d.Order = next
	return broken
}

// act is one thing that happens, in the provider or between it and us.
func (d *drama) act() []string {
	switch d.rng.IntN(12) {
	case 0, 1:
		d.Order, _ = randomClaim(d.rng, d.Order, d.at)
	case 2:
		return d.tell(order.Event{Kind: order.Announced, At: d.at, Attempt: d.Attempt.N})
	case 3, 4:
		if len(d.payments) < 4 {
			d.take(1+d.rng.IntN(d.Attempt.N), won.Value+int64(d.rng.IntN(4)/3)) // some do not fit, some come late
		}
	case 5: // in the provider's console
		if len(d.payments) > 0 {
			p := d.payments[d.rng.IntN(len(d.payments))]
			p.balance = []int64{0, min(p.balance, 5000)}[d.rng.IntN(2)]
		}
	case 6:
		if !d.held(d.Attempt.N) {
			return d.tell(order.Event{Kind: []order.Kind{order.Refused, order.Lapsed}[d.rng.IntN(2)], At: d.at, Attempt: d.Attempt.N})
		}
	case 7:
		return d.tell(order.Event{Kind: order.Doubtful, At: d.at, Attempt: d.Attempt.N, Next: d.Attempt})
	case 8:
		return d.giveBack()
	default:
		if len(d.payments) > 0 {
			return d.tell(d.payments[d.rng.IntN(len(d.payments))].truth(d.at))
		}
	}
	return nil
}

func (d *drama) giveBack() []string {
	if debt := d.Owed(); debt != nil {
		return d.tell(d.find(debt.Key).repaidNow(d.at))
	}
	return nil
}

// calm lets everybody be asked about everything until nothing is due any more, as the schedule and the webhooks do when the faults stop.
func (d *drama) calm() (broken []string) {
	for range 60 {
		d.at = d.at.Add(time.Hour)
		for _, p := range d.payments {
			broken = append(broken, d.tell(p.truth(d.at))...)
		}
		for d.Owed() != nil && d.Status != order.Review && len(broken) == 0 {
			broken = append(broken, d.giveBack()...)
		}
		if isOpen(d.Order) && d.Owed() == nil && len(broken) == 0 { // all that there is has been told: no payment holds money
			broken = append(broken, d.tell(order.Event{Kind: order.Lapsed, At: d.at, Attempt: d.Attempt.N})...)
		}
		if d.Searching && len(broken) == 0 {
			broken = append(broken, d.tell(order.Event{Kind: order.Searched, At: d.at, Attempt: d.Attempt.N})...)
		}
		if len(broken) > 0 || d.Final() {
			return broken
		}
	}
	return append(broken, fmt.Sprintf("still %s, owes %v, after 60 hours of the provider's word", d.Status, debts(d.Order)))
}

// audit compares what we believe with what the provider holds.
func (d *drama) audit() (broken []string) {
	var holding []*taken
	for _, p := range d.payments {
		if p.balance > 0 {
			holding = append(holding, p)
		}
	}
	switch {
	case d.Status == order.Review:
		broken = append(broken, "in review, and nothing contradicts anything")
	case d.Status == order.Paid && (len(holding) != 1 || holding[0].key != d.Capture.Key || holding[0].balance != d.Capture.Balance || holding[0].amount != won.Value):
		broken = append(broken, fmt.Sprintf("paid with %+v, and the provider holds %+v", d.Capture, holding))
	case d.Status != order.Paid && len(holding) > 0:
		broken = append(broken, fmt.Sprintf("%s, and the provider holds %+v", d.Status, *holding[0]))
	}
	return broken
}

// TestEveryWonIsKeptOnceOrGivenBack plays orders against a provider that takes money twice, late, in wrong amounts and under old numbers,
// whose console gives back at will, and that tells everything once, often or never until the end. Then it is calm: of all that was taken the
// order keeps one payment at most, exactly what is left of it, and the provider holds nothing else.
func TestEveryWonIsKeptOnceOrGivenBack(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ends, reversed, failures := map[order.Status]int{}, 0, 0
	for life := range 1500 {
		d := &drama{Order: fresh(), rng: rand.New(rand.NewPCG(seed, uint64(life))), at: created, keep: life%4 == 0}
		var broken []string
		for step := 0; step < 40 && len(broken) == 0; step++ {
			d.at = d.at.Add(time.Duration(d.rng.IntN(200)) * time.Second)
			broken = d.act()
		}
		if len(broken) == 0 {
			broken = d.calm()
		}
		if len(broken) == 0 {
			broken = d.audit()
		}
		if len(broken) > 0 {
			t.Errorf("seed %d life %d: %s\n\t%s", seed, life, strings.Join(broken, "; "), strings.Join(d.told, "\n\t"))
			if failures++; failures == 3 {
				t.FailNow()
			}
		}
		ends[d.Status]++
		reversed += len(d.Reversals)
	}
	t.Logf("%d reversals; ends: %v", reversed, ends)
	if reversed == 0 || ends[order.Paid] == 0 || ends[order.Refunded] == 0 || ends[order.Expired] == 0 {
		t.Error("the lives did not do what they are for")
	}
}

// TestEachReversalHasItsReason: the four ways to hold money that is not the order's to keep, and the ones that are not.
func TestEachReversalHasItsReason(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status order.Status
		kind   order.Kind
		x      situation
		want   string
		ends   order.Status
	}{
		{"one won too much", order.Open, order.Mismatched, situation{}, order.ReasonMismatch, order.Settling},
		{"one won too much, settling", order.Settling, order.Mismatched, situation{}, order.ReasonMismatch, order.Settling},
		{"one won too much beside the payment", order.Paid, order.Mismatched, situation{other: true}, order.ReasonMismatch, order.Paid},
		{"a second payment", order.Paid, order.Captured, situation{other: true}, order.ReasonSecond, order.Paid},
		{"a second payment, partly refunded", order.Paid, order.PartlyRefunded, situation{other: true}, order.ReasonSecond, order.Paid},
		{"a payment after the refund", order.Refunded, order.Captured, situation{other: true}, order.ReasonSecond, order.Refunded},
		{"the earlier attempt, while this one may be paid", order.Settling, order.Captured, situation{earlier: true}, order.ReasonSecond, order.Settling},
		{"another payment than the claimed one", order.Settling, order.Captured, situation{other: true}, order.ReasonSecond, order.Settling},
		{"another payment than the claimed one, partly refunded", order.Settling, order.PartlyRefunded, situation{other: true}, order.ReasonSecond, order.Settling},
		{"after the expiry", order.Expired, order.Captured, situation{}, order.ReasonLate, order.Expired},
		{"after the failure", order.Failed, order.PartlyRefunded, situation{}, order.ReasonLate, order.Failed},
		{"one won too much, kept late or not", order.Expired, order.Mismatched, situation{keep: true}, order.ReasonMismatch, order.Expired},
		{"kept late", order.Expired, order.Captured, situation{keep: true}, "", order.Paid},
		{"kept late, in another order's way", order.Paid, order.Captured, situation{other: true, keep: true}, order.ReasonSecond, order.Paid},
		{"the payment itself", order.Paid, order.Captured, situation{}, "", order.Paid},
		{"this attempt", order.Settling, order.Captured, situation{}, "", order.Paid},
		{"before the buyer came", order.Open, order.Captured, situation{earlier: true}, "", order.Paid},
		{"nothing is left of it", order.Paid, order.Mismatched, situation{other: true, empty: true}, "", order.Paid},
		{"a person has it", order.Review, order.Captured, situation{other: true}, "", order.Review},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := inStatus(tc.status, tc.x)
			e := eventOf(tc.kind, o, tc.x)
			next, err := o.Apply(e)
			if err != nil || next.Status != tc.ends {
				t.Fatalf("%s, %v; want %s", next.Status, err, tc.ends)
			}
			debt := next.Owed()
			switch {
			case tc.want == "" && debt != nil:
				t.Errorf("%+v is to be given back", debt)
			case tc.want != "" && (debt == nil || debt.Reason != tc.want || debt.Key != e.Capture.Key || debt.Amount != e.Capture.Balance || debt.Attempt != e.Attempt):
				t.Errorf("owes %+v, want %d of %s for %q", debt, e.Capture.Balance, e.Capture.Key, tc.want)
			case tc.want != "" && (next.DueAt.IsZero() || next.Final()):
				t.Errorf("owed and never due")
			}
		})
	}
}

// TestReversalTimetable: what cannot be given back is asked about less and less often, and never forgotten.
func TestReversalTimetable(t *testing.T) {
	t.Parallel()
	o := inStatus(order.Paid, situation{})
	o, err := o.Apply(eventOf(order.Captured, o, situation{other: true}))
	if err != nil {
		t.Fatal(err)
	}
	at := created.Add(10 * time.Minute)
	for i, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, time.Hour, time.Hour} {
		if got := o.DueAt.Sub(at); got != pause {
			t.Errorf("after %d questions it is due in %v, want %v", i, got, pause)
		}
		at = o.DueAt
		if o, err = o.Apply(order.Event{Kind: order.Doubtful, At: at, Attempt: o.Attempt.N, Next: o.Attempt}); err != nil || o.Owed().Asks != i+1 || o.Status != order.Paid {
			t.Fatalf("%s, %+v, %v", o.Status, o.Owed(), err)
		}
	}
	if o.Capture.Key != "key-current" || o.Capture.Balance != won.Value {
		t.Errorf("the payment itself is now %+v", o.Capture)
	}
	o, err = o.Apply(order.Event{Kind: order.FullyRefunded, At: at, Attempt: 2, Capture: order.Capture{Key: "key-other", Amount: won}})
	if err != nil || !o.DueAt.IsZero() || o.Owed() != nil || o.Status != order.Paid || o.Capture.Balance != won.Value {
		t.Errorf("given back: %s due %v owes %v paid with %+v, %v", o.Status, o.DueAt, debts(o), o.Capture, err)
	}
}

// TestNextAttemptOnlyWhenTheMoneyIsBack: a window that took the wrong amount. Nobody can pay until all of it is given back, then under the
// next number.
func TestNextAttemptOnlyWhenTheMoneyIsBack(t *testing.T) {
	t.Parallel()
	o := fresh()
	tell := func(e order.Event) {
		t.Helper()
		e.Asked = e.At
		next, err := o.Apply(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, broken := range violations(o, next, e) {
			t.Error(broken)
		}
		o = next
	}
	want := func(status order.Status, attempt int) {
		t.Helper()
		if o.Status != status || o.Attempt.N != attempt {
			t.Errorf("%s attempt %d, want %s attempt %d", o.Status, o.Attempt.N, status, attempt)
		}
	}
	at := created.Add(time.Minute)
	wrong := order.Capture{Key: "key-wrong", Amount: won, Balance: 14999}
	tell(order.Event{Kind: order.Mismatched, At: at, Attempt: 1, Capture: wrong})
	want(order.Settling, 1)
	if _, err := o.Claim(claimOf(o)); err == nil {
		t.Error("claimed while money of the same attempt is to be given back")
	}
	for _, k := range []order.Kind{order.Doubtful, order.Lapsed, order.Refused, order.Mismatched} {
		e := order.Event{Kind: k, At: at, Attempt: 1, Next: o.Attempt}
		if k == order.Mismatched {
			e.Capture = wrong
			e.Capture.Balance = 5000 // somebody gave a part back in the console
		}
		tell(e)
		want(order.Settling, 1)
	}
	if debt := o.Owed(); debt == nil || debt.Amount != 5000 {
		t.Errorf("owes %+v, want what is left: 5000", debt)
	}
	tell(order.Event{Kind: order.FullyRefunded, At: at, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}})
	want(order.Open, 2)
	tell(order.Event{Kind: order.FullyRefunded, At: at, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}})
	want(order.Open, 2) // the webhook of our own cancel, or another request that asked as well
	tell(order.Event{Kind: order.Mismatched, At: at, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}})
	want(order.Open, 2)
	tell(order.Event{Kind: order.Captured, At: at, Attempt: 2, Capture: order.Capture{Key: "key-right", Amount: won, Balance: won.Value}})
	want(order.Paid, 2)
	tell(order.Event{Kind: order.Mismatched, At: at, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}})
	want(order.Paid, 2)
	tell(order.Event{Kind: order.Mismatched, At: at.Add(time.Minute), Attempt: 1, Capture: wrong})
	want(order.Review, 2) // given back, and there again
}

// TestToldAgainAfterTheReversal: two requests learn that the money is back, and the webhook of the cancel says so as well. Only the first
// one changes anything.
func TestToldAgainAfterTheReversal(t *testing.T) {
	t.Parallel()
	for _, s := range []order.Status{order.Settling, order.Paid, order.Refunded, order.Failed, order.Expired} {
		x := situation{debt: owed, other: true, earlier: s == order.Settling}
		o := inStatus(s, x)
		e := eventOf(order.FullyRefunded, o, x)
		first, err := o.Apply(e)
		if err != nil || len(debts(first)) > 0 {
			t.Fatalf("%s: owes %v, %v", s, debts(first), err)
		}
		again, err := first.Apply(e)
		if err != nil || again.Status != first.Status || again.Attempt.N != first.Attempt.N || again.Capture != first.Capture {
			t.Errorf("%s: given back, it is %s; told again, it is %s paid with %q (%v)", s, first.Status, again.Status, again.Capture.Key, err)
		}
	}
	mismatch := fresh()
	for _, e := range []order.Event{
		{Kind: order.Mismatched, At: created, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won, Balance: 1}},
		{Kind: order.FullyRefunded, At: created, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}},
		{Kind: order.FullyRefunded, At: created, Attempt: 1, Capture: order.Capture{Key: "key-wrong", Amount: won}},
	} {
		mismatch, _ = mismatch.Apply(e)
	}
	if mismatch.Status != order.Open || mismatch.Attempt.N != 2 {
		t.Errorf("a mismatch, given back and told twice, leaves the order %s in attempt %d, want open for attempt 2", mismatch.Status, mismatch.Attempt.N)
	}
}

// TestClaimedPaymentOutlivesTheReversal: beside the payment that was claimed, and of which nobody knows yet, the attempt held another one,
// which fits or not. When that one is back the claimed one may still take money: only its own end begins the next attempt, or ends the order.
func TestClaimedPaymentOutlivesTheReversal(t *testing.T) {
	t.Parallel()
	wrong := order.Capture{Key: "key-wrong", Amount: won, Balance: 100}
	fits, gone := wrong, wrong
	fits.Balance, gone.Balance = won.Value, 0
	for name, ends := range map[string][]order.Event{
		"given back":                {{Kind: order.Mismatched, Capture: wrong}, {Kind: order.FullyRefunded, Capture: gone}},
		"given back in the console": {{Kind: order.Mismatched, Capture: wrong}, {Kind: order.Mismatched, Capture: gone}},
		"gone before we knew":       {{Kind: order.Mismatched, Capture: gone}},
		"fits":                      {{Kind: order.Captured, Capture: fits}, {Kind: order.FullyRefunded, Capture: gone}},
		"fits, gone before we knew": {{Kind: order.FullyRefunded, Capture: gone}},
	} {
		o := claimed(t, fresh())
		for _, e := range ends {
			e.At, e.Asked, e.Attempt = created.Add(5*time.Minute), created.Add(5*time.Minute), 1
			next, err := o.Apply(e)
			if err != nil || next.Status != order.Settling || next.Attempt.N != 1 || next.Attempt.Key != o.Attempt.Key || !next.Attempt.Unanswered || next.DueAt.IsZero() {
				t.Errorf("%s: %s makes it %s in attempt %d with %+v, due %v, %v; want the claim untouched", name, e.Kind, next.Status, next.Attempt.N, next.Attempt, next.DueAt, err)
			}
			o = next
		}
		at := created.Add(6 * time.Minute)
		paid, err := o.Apply(order.Event{Kind: order.Captured, At: at, Asked: at, Attempt: 1, Capture: order.Capture{Key: "key-new", Amount: won, Balance: won.Value}})
		if err != nil || paid.Status != order.Paid || paid.Capture.Key != "key-new" || paid.Attempt.N != 1 {
			t.Errorf("%s, and the claimed one took the money: %s with %q, %v", name, paid.Status, paid.Capture.Key, err)
		}
		lapsed, err := o.Apply(order.Event{Kind: order.Lapsed, At: at, Asked: at, Attempt: 1, Next: o.Attempt})
		if err != nil || lapsed.Status != order.Open || lapsed.Attempt.N != 2 {
			t.Errorf("%s, and the claimed one took nothing: %s in attempt %d, %v", name, lapsed.Status, lapsed.Attempt.N, err)
		}
	}
}

// TestStaleAnswerAfterTheReversal: a question that was begun before the money was back is answered, or written down, after it. What it says was
// true then; it is not money that is there again.
func TestStaleAnswerAfterTheReversal(t *testing.T) {
	t.Parallel()
	for _, s := range []order.Status{order.Open, order.Settling, order.Paid, order.Refunded, order.Failed, order.Expired} {
		for _, k := range []order.Kind{order.Captured, order.PartlyRefunded, order.Mismatched} {
			x := situation{debt: repaid, earlier: true}
			o := inStatus(s, x)
			e := eventOf(k, o, x)
			e.At, e.Asked = o.Reversals[0].DoneAt.Add(time.Second), o.Reversals[0].DoneAt.Add(-2*time.Second)
			if next, err := o.Apply(e); err != nil || next.Status != s || next.Owed() != nil || len(next.Reversals) != 1 || next.Capture != o.Capture {
				t.Errorf("%s x %s, asked before it was given back: %s owes %v, %v", s, k, next.Status, debts(next), err)
			}
			e.Asked = o.Reversals[0].DoneAt.Add(time.Second)
			if next, err := o.Apply(e); err != nil || next.Status != order.Review {
				t.Errorf("%s x %s, asked after it was given back: %s, %v; want review", s, k, next.Status, err)
			}
		}
	}
}

// TestWrongMoneyThatIsGoneAlready: somebody gave it back in the console before we learned of it. The buyer can pay under the next number, and
// nobody is asked about it for ever.
func TestWrongMoneyThatIsGoneAlready(t *testing.T) {
	t.Parallel()
	gone := order.Event{Kind: order.Mismatched, At: created.Add(time.Minute), Attempt: 2, Capture: order.Capture{Key: "key-other", Amount: won}}
	for s, want := range map[order.Status]order.Status{order.Open: order.Open, order.Settling: order.Open, order.Paid: order.Paid, order.Refunded: order.Refunded, order.Failed: order.Failed, order.Expired: order.Expired} {
		o := inStatus(s, situation{})
		if s == order.Settling {
			o.Attempt.Key = "key-other" // the one the buyer came back with
		}
		next, err := o.Apply(gone)
		if err != nil || next.Status != want || next.Owed() != nil || want == order.Open && next.Attempt.N != 3 {
			t.Errorf("%s: %s attempt %d owes %v, %v; want %s", s, next.Status, next.Attempt.N, debts(next), err, want)
		}
	}
}

// TestReversalsAreBounded: an order under which money is taken wrongly again and again is for a person, and its record does not grow.
func TestReversalsAreBounded(t *testing.T) {
	t.Parallel()
	o := inStatus(order.Paid, situation{})
	for i := range 3 * reversalsMax {
		e := order.Event{Kind: order.Captured, At: created.Add(10 * time.Minute), Attempt: 1, Capture: order.Capture{Key: fmt.Sprintf("key-more-%d", i), Amount: won, Balance: won.Value}}
		next, err := o.Apply(e)
		if err != nil {
			t.Fatal(err)
		}
		if broken := violations(o, next, e); len(broken) > 0 {
			t.Fatalf("payment %d: %s", i+1, strings.Join(broken, "; "))
		}
		o = next
	}
	if o.Status != order.Review || len(o.Reversals) != reversalsMax {
		t.Errorf("%s with %d reversals, want review with %d", o.Status, len(o.Reversals), reversalsMax)
	}
}

// TestTwoPaymentsOfOneAttemptAreBothGivenBackFirst: one of two is back; the order is not open before the other one is.
func TestTwoPaymentsOfOneAttemptAreBothGivenBackFirst(t *testing.T) {
	t.Parallel()
	o := fresh()
	for _, step := range []struct {
		kind    order.Kind
		key     string
		balance int64
		want    order.Status
		attempt int
	}{
		{order.Mismatched, "key-a", 1, order.Settling, 1},
		{order.Mismatched, "key-b", 2, order.Settling, 1},
		{order.FullyRefunded, "key-a", 0, order.Settling, 1},
		{order.FullyRefunded, "key-b", 0, order.Open, 2},
	} {
		next, err := o.Apply(order.Event{Kind: step.kind, At: created.Add(time.Minute), Attempt: 1, Capture: order.Capture{Key: step.key, Amount: won, Balance: step.balance}})
		if err != nil || next.Status != step.want || next.Attempt.N != step.attempt {
			t.Errorf("%s of %s: %s attempt %d, %v; want %s attempt %d", step.kind, step.key, next.Status, next.Attempt.N, err, step.want, step.attempt)
		}
		o = next
	}
}

// TestNumberThatHeldMoneyIsUsedUp: an attempt of a cycle that was never made is still to be made when the wrong money of an earlier number is
// back; not so when its own number held money, too.
func TestNumberThatHeldMoneyIsUsedUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ other, want int }{{1, 2}, {2, 3}} {
		o := fresh()
		o.BillingKey, o.Attempt.N = "means", 2
		for _, step := range []struct {
			kind    order.Kind
			key     string
			attempt int
			balance int64
		}{
			{order.Mismatched, "key-a", 1, 1},
			{order.Mismatched, "key-b", c.other, 2},
			{order.FullyRefunded, "key-b", c.other, 0},
			{order.FullyRefunded, "key-a", 1, 0},
		} {
			if o.Status == order.Open && len(o.Reversals) > 0 {
				t.Fatalf("open while money is owed: %+v", o.Reversals)
			}
			next, err := o.Apply(order.Event{Kind: step.kind, At: created.Add(time.Minute), Attempt: step.attempt, Capture: order.Capture{Key: step.key, Amount: won, Balance: step.balance}})
			if err != nil {
				t.Fatal(err)
			}
			o = next
		}
		if o.Status != order.Open || o.Attempt.N != c.want {
			t.Errorf("money under the numbers of attempts 1 and %d, given back: %s for attempt %d, want open for %d", c.other, o.Status, o.Attempt.N, c.want)
		}
	}
}

// TestIrreversibleStaysOwed: in review the record still says what is owed, and takes note when a person has given it back.
func TestIrreversibleStaysOwed(t *testing.T) {
	t.Parallel()
	for _, s := range order.Statuses {
		x := situation{debt: owed}
		if !possible(s, order.Irreversible, x) {
			continue
		}
		o := inStatus(s, x)
		next, err := o.Apply(eventOf(order.Irreversible, o, x))
		if err != nil || next.Status != order.Review || !next.DueAt.IsZero() || next.Owed() == nil || next.Capture != o.Capture {
			t.Errorf("%s: %s due %v owes %v, %v", s, next.Status, next.DueAt, debts(next), err)
		}
		done, err := next.Apply(eventOf(order.FullyRefunded, o, x))
		if err != nil || done.Status != order.Review || done.Owed() != nil || done.Capture != o.Capture {
			t.Errorf("%s, and given back: %s owes %v paid with %+v, %v", s, done.Status, debts(done), done.Capture, err)
		}
	}
}

// TestAnnounced: the buyer is back from a window that takes the money itself, and the provider has not said so yet.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	at := created.Add(time.Minute)
	e := order.Event{Kind: order.Announced, At: at, Attempt: 1}
	next, err := fresh().Apply(e)
	if err != nil || next.Status != order.Settling || !next.Attempt.ClaimedAt.Equal(at) || !next.DueAt.After(at) || !next.Attempt.Unanswered {
		t.Fatalf("%s, attempt %+v, due %v, %v; want settling from now on, and a window that nobody answered for", next.Status, next.Attempt, next.DueAt, err)
	}
	later := e
	later.At = at.Add(20 * time.Minute)
	again, err := next.Apply(later)
	if err != nil || again.Status != order.Settling || !again.Attempt.ClaimedAt.Equal(at) {
		t.Errorf("announced twice: %s since %v, %v; want settling since %v: a reload does not make it younger", again.Status, again.Attempt.ClaimedAt, err, at)
	}
	second := inStatus(order.Open, situation{})
	if stale, err := second.Apply(e); err != nil || stale.Status != order.Open || stale.Attempt != second.Attempt {
		t.Errorf("an attempt that is over was announced: %s %+v, %v", stale.Status, stale.Attempt, err)
	}
}

// TestOpenOrderWithoutAnAnswerIsDueSoon: a webhook said that there may be money, and the provider did not answer. The order is not left alone
// until its time is over; every other doubt leaves its due time as it is.
func TestOpenOrderWithoutAnAnswerIsDueSoon(t *testing.T) {
	t.Parallel()
	at := created.Add(10 * time.Minute)
	for _, unanswered := range []bool{false, true} {
		o := fresh()
		next, err := o.Apply(order.Event{Kind: order.Doubtful, At: at, Asked: at, Attempt: 1, Next: o.Attempt, NoAnswer: unanswered})
		soon := next.DueAt.Sub(at) <= time.Minute && next.DueAt.After(at)
		if err != nil || soon != unanswered || !unanswered && !next.DueAt.Equal(o.DueAt) || next.Status != order.Open {
			t.Errorf("no answer %v: %s, due %v after it, %v", unanswered, next.Status, next.DueAt.Sub(at), err)
		}
	}
	o := fresh()
	late := o.DueAt.Add(time.Minute)
	if next, err := o.Apply(order.Event{Kind: order.Doubtful, At: late, Asked: late, Attempt: 1, Next: o.Attempt}); err != nil || !next.DueAt.After(late) {
		t.Errorf("in doubt after its time: due %v, %v", next.DueAt, err)
	}
}
