package order_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

var (
	made   = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	won    = money.Amount{Value: 15000, Currency: money.KRW}
	timing = ledger.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute}
)

func fresh() order.Order {
	o := order.New(order.Order{ID: "order-1", Provider: "portone", Mode: "test", Amount: won, LinkToken: "link", CreatedAt: made, ExpiresAt: made.Add(time.Hour)})
	o.Ledger.Timing = timing
	return o
}

func claimOf(o order.Order, at time.Time) order.Claim {
	return order.Claim{OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: o.Attempt, Amount: o.Amount, Key: "key-new", At: at, AskAfter: at.Add(15 * time.Second)}
}

// TestClaimIsWrittenBeforeTheMoneyIsAskedFor: a claimed order is processing, has its confirm and a due time, and nothing of a capture.
func TestClaimIsWrittenBeforeTheMoneyIsAskedFor(t *testing.T) {
	t.Parallel()
	o := fresh()
	c := claimOf(o, made.Add(time.Minute))
	next, err := o.Claim(c)
	if err != nil {
		t.Fatal(err)
	}
	r := next.Ledger.Requests
	if next.Status != order.Processing || len(r) != 1 || r[0].Kind != ledger.Confirm || r[0].Key != c.Key || r[0].Reply != ledger.NoReply || !r[0].At.Equal(c.At) {
		t.Errorf("%s with %+v", next.Status, r)
	}
	if !next.DueAt.Equal(c.At.Add(30*time.Second)) || next.Revision != o.Revision+1 || next.Capture != (order.Capture{}) || !next.AskAfter.Equal(c.AskAfter) {
		t.Errorf("due %v, revision %d, paid with %+v", next.DueAt, next.Revision, next.Capture)
	}
	if _, err := next.Claim(c); err == nil {
		t.Error("claimed twice")
	}
}

// TestRandomRecords lets records live through random claims, leases and answers. The history is bounded and ends with the status, what the merchant
// asked for stays, whatever is not final is due, and no step writes into the record it was made from.
func TestRandomRecords(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	reached := map[order.Status]int{}
	for life := range 150 {
		o, at := fresh(), made
		for step := range 140 {
			at = at.Add(time.Duration(1+rng.IntN(240)) * time.Second)
			o.History = append(make([]order.Step, 0, 64), o.History...)
			before, kept := o, slices.Clone(o.History[:64])
			next := happens(rng, o, at, life%3)
			name := fmt.Sprintf("seed %d life %d step %d", seed, life, step)
			if !slices.Equal(o.History[:64], kept) {
				t.Fatalf("%s: it wrote into the history it was given", name)
			}
			if broken := broken(before, next); broken != "" {
				t.Fatalf("%s: %s\n%+v\n%+v", name, broken, before, next)
			}
			o = next
			reached[o.Status]++
		}
	}
	if reached[order.Paid] == 0 || reached[order.Refunded] == 0 || reached[order.Processing] == 0 || reached[order.Failed]+reached[order.Expired] == 0 {
		t.Errorf("the lives did not do what they are for: %v", reached)
	}
}

// happens is one claim, return or answer: without any money, with some, or with what contradicts itself.
func happens(rng *rand.Rand, o order.Order, at time.Time, money int) order.Order {
	attempt := max(1, o.Attempt-rng.IntN(2))
	p := ledger.Payment{Key: fmt.Sprint("key-", rng.IntN(4)), Attempt: 1 + rng.IntN(2), State: ledger.Declined, Amount: 15000, Currency: "KRW", Test: true, Code: "LIMIT"}
	p.Attempt = 1 + int(p.Key[4])%2
	l := o.Ledger
	a := ledger.Answer{Account: l.Account, Began: at, At: at, Readable: true, Attempt: attempt, Complete: true}
	known := l.Payment(p.Key)
	took := known != nil && known.State == ledger.Captured
	switch n := rng.IntN(12); {
	case n < 2:
		next, err := o.Claim(claimOf(o, at))
		if err != nil {
			return o
		}
		next.Ledger.Timing = timing
		return next
	case n == 2:
		next, err := l.Intend(ledger.Request{Kind: ledger.Return, Attempt: attempt, Key: p.Key, At: at})
		if err == nil {
			l = next
		}
		a.Readable = false
	case n == 3 && money > 0:
		p.State, p.Balance = ledger.Captured, int64(rng.IntN(4))*5000
		if p.Key == "key-3" || money > 1 && rng.IntN(9) == 0 {
			p.Amount += 100
		}
		if took && money == 1 {
			p.Balance = rng.Int64N(known.Balance + 1)
		}
		a = ledger.Answer{Account: l.Account, Began: at, At: at, Readable: true, Key: p.Key, Payments: []ledger.Payment{p}}
	case n < 6 && (!took || money > 1):
		a = ledger.Answer{Account: l.Account, Began: at, At: at, Readable: true, Key: p.Key, Payments: []ledger.Payment{p}}
	case n < 9 && len(l.Requests) > 0: // what is open is looked up
		a = ledger.Answer{Account: l.Account, Began: at, At: at, Readable: true, Key: l.Requests[0].Key}
	case n == 9:
		a.Readable, a.Complete = false, false
	}
	l = l.Learn(a).Decide()
	l.Revision = o.Revision + 1
	return o.With(l, at)
}

func broken(o, next order.Order) string {
	last := next.History[len(next.History)-1]
	switch {
	case len(next.History) > 33:
		return fmt.Sprintf("%d steps of history", len(next.History))
	case next.Status != o.Status && last.To != next.Status:
		return fmt.Sprintf("the history ends with %s", last.To)
	case o.ID != next.ID || o.Amount != next.Amount || o.LinkToken != next.LinkToken || o.Mode != next.Mode || !o.ExpiresAt.Equal(next.ExpiresAt):
		return "what the merchant asked for has changed"
	case !next.Closed() && next.DueAt.IsZero():
		return "not final, and never due"
	case next.Attempt < o.Attempt || next.Attempt > o.Attempt+2:
		return fmt.Sprintf("attempt %d became %d", o.Attempt, next.Attempt)
	case o.Capture.Key != "" && next.Capture.Key != o.Capture.Key:
		return "another payment pays it"
	case next.Status == order.Paid && next.Capture.Key == "":
		return "paid with nothing"
	case next.Revision < o.Revision:
		return "an older revision"
	}
	return ""
}

// TestDeclineIsTold: a window that the provider declined is told once, with the provider's code. A refusal of the number tells it itself.
func TestDeclineIsTold(t *testing.T) {
	t.Parallel()
	events := func(o order.Order) (found []string) {
		for _, s := range o.History {
			found = append(found, s.Event+" "+s.Note)
		}
		return found
	}
	o := fresh()
	l := o.Ledger
	l.Payments = []ledger.Payment{{Key: "key-1", Attempt: 1, State: ledger.Declined, Code: "REJECTED", Currency: "KRW", SeenAt: made.Add(time.Minute)}}
	told := o.With(l, made.Add(time.Minute))
	if want := []string{"created ", "declined REJECTED"}; !slices.Equal(events(told), want) {
		t.Errorf("%q, want %q", events(told), want)
	}
	if step := told.History[1]; step.Attempt != 1 || step.From != order.Open || step.To != order.Open {
		t.Errorf("%+v", step)
	}
	if again := told.With(l, made.Add(2*time.Minute)); len(again.History) != 2 {
		t.Errorf("it is told again: %q", events(again))
	}
	l.Attempts = slices.Clone(l.Attempts)
	l.Attempts[0].Used, l.Attempts[0].Code = true, "REJECTED"
	if refused := o.With(l, made.Add(time.Minute)); slices.Contains(events(refused), "declined REJECTED") || !slices.Contains(events(refused), "refused REJECTED") {
		t.Errorf("a refusal is told twice: %q", events(refused))
	}
}
