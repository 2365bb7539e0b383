package ledger_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// gossip makes random answers about one order, as a provider, its lagging copies and its liars might give them.
type gossip struct {
	*rand.Rand
	o  ledger.Order
	at time.Time
}

func (g gossip) moment() time.Time { return g.at.Add(time.Duration(g.IntN(400)) * time.Second) }

func (g gossip) payment() ledger.Payment {
	state := ledger.Begun + ledger.State(g.IntN(4))
	p := ledger.Payment{
		Key: []string{"a", "b", "c"}[g.IntN(3)], State: state, Amount: 15000, Currency: "KRW", Test: true,
		TransactionKey: []string{"t1", "t2"}[g.IntN(2)], Method: []string{"card", "money"}[g.IntN(2)],
	}
	p.Attempt = 1 + int(p.Key[0])%2 // a key stands under one number
	if state == ledger.Captured {
		p.Balance = int64(g.IntN(4) * 5000)
	}
	if g.IntN(8) == 0 {
		p.Amount += 100
	}
	if g.IntN(3) == 0 {
		p.Refunds = []string{[]string{"r1", "r2"}[g.IntN(2)]}
	}
	return p
}

func (g gossip) answer() ledger.Answer {
	began := g.moment()
	a := ledger.Answer{Account: ours, Began: began, At: began.Add(time.Duration(g.IntN(90)) * time.Second), Readable: g.IntN(5) > 0}
	if g.IntN(12) == 0 {
		a.Account.KeyDigest = "another"
	}
	switch {
	case !a.Readable:
	case g.IntN(3) == 0 && len(g.o.Requests) > 0:
		r := g.o.Requests[g.IntN(len(g.o.Requests))]
		a.To, a.Reply, a.Code = &r, ledger.Reply(g.IntN(7)), []string{"X", "Y"}[g.IntN(2)]
	case g.IntN(2) == 0:
		p := g.payment()
		if a.Key = p.Key; g.IntN(4) > 0 {
			a.Payments = []ledger.Payment{p}
		}
		a.Elsewhere = g.IntN(6) == 0
	default:
		a.Attempt, a.Complete = 1+g.IntN(2), g.IntN(4) > 0
		for range g.IntN(3) {
			if p := g.payment(); p.Attempt == a.Attempt {
				a.Payments = append(a.Payments, p)
			}
		}
	}
	return a
}

// asking is an order with requests of every kind open.
func asking(at time.Time) ledger.Order {
	o := ledger.New(ledger.Terms{ID: "order-1", Account: ours, Amount: 15000, Currency: "KRW", CreatedAt: at, ExpiresAt: at.Add(time.Hour), Timing: portone})
	o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: at})
	for _, r := range []ledger.Request{
		{Kind: ledger.Confirm, Attempt: 2, Key: "a"}, {Kind: ledger.Confirm, Attempt: 2, Key: "a", Turn: 1}, {Kind: ledger.Return, Attempt: 1, Key: "b"},
		{Kind: ledger.Notice, Attempt: 1, Key: "c"}, {Kind: ledger.Charge, Attempt: 2, Key: "means"}, {Kind: ledger.Notice, Attempt: 2},
	} {
		r.At, r.Since = at.Add(100*time.Second), at.Add(100*time.Second)
		o.Requests = append(o.Requests, r)
	}
	return o
}

// TestLearnCommutes: the same answers in any order, some of them several times, give the same order, and so the same
// decisions.
func TestLearnCommutes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for round := range 20000 {
		g := gossip{rand.New(rand.NewPCG(seed, uint64(round))), asking(at), at}
		answers := make([]ledger.Answer, 1+g.IntN(6))
		for i := range answers {
			answers[i] = g.answer()
		}
		once := g.o
		for _, a := range answers {
			once = once.Learn(a)
		}
		again := g.o
		for _, i := range g.Perm(len(answers)) {
			for range 1 + g.IntN(2) {
				again = again.Learn(answers[i])
			}
		}
		for _, i := range g.Perm(len(answers))[:g.IntN(len(answers)+1)] {
			again = again.Learn(answers[i])
		}
		if !reflect.DeepEqual(once, again) {
			t.Fatalf("seed %d round %d: another order of the same answers gives\n%s\ninstead of\n%s", seed, round, show(again), show(once))
		}
		if d := once.Decide(); !reflect.DeepEqual(d, again.Decide()) || !reflect.DeepEqual(d, d.Decide()) {
			t.Fatalf("seed %d round %d: decided again it is\n%s\ninstead of\n%s", seed, round, show(d.Decide()), show(d))
		}
	}
}

// TestDecisionsStand: decisions are written in between, at any time. What is known in the end is the same, one
// payment at the most is kept, what was decided stays decided, and a later answer never makes two payments pay one
// order.
func TestDecisionsStand(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for round := range 10000 {
		g := gossip{rand.New(rand.NewPCG(seed, uint64(round))), asking(at), at}
		o := g.o
		for range 8 {
			before := o
			o = o.Learn(g.answer())
			if g.IntN(2) == 0 {
				o = o.Decide()
			}
			if broken := standing(before, o); broken != "" {
				t.Fatalf("seed %d round %d: %s\n%s\n%s", seed, round, broken, show(before), show(o))
			}
		}
	}
}

func standing(before, after ledger.Order) string {
	kept := 0
	for _, p := range after.Payments {
		if p.Role == ledger.Kept {
			kept++
		}
	}
	for _, p := range before.Payments {
		for _, q := range after.Payments {
			switch {
			case p.Key != q.Key:
			case p.Role == ledger.Kept && q.Role != ledger.Kept, p.Role == ledger.Returned && q.Role != ledger.Returned:
				return "the role of " + p.Key + " was changed"
			case q.Balance > p.Balance && p.State == ledger.Captured, q.State < p.State:
				return "what is known of " + p.Key + " became less"
			}
		}
	}
	switch {
	case kept > 1:
		return "two payments are kept"
	case before.End == ledger.EndReview && after.End != ledger.EndReview:
		return "a review ended by itself"
	}
	return ""
}

// TestAnotherAccountTeachesNothing: no absence, no refusal and no capture is believed through other keys.
func TestAnotherAccountTeachesNothing(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	for name, edit := range map[string]func(*ledger.Account){
		"provider": func(a *ledger.Account) { a.Provider = "toss" },
		"merchant": func(a *ledger.Account) { a.Merchant = "mid-2" },
		"key pair": func(a *ledger.Account) { a.KeyDigest = "d2" },
		"live":     func(a *ledger.Account) { a.Live = true },
	} {
		g := gossip{rand.New(rand.NewPCG(1, 2)), asking(at), at}
		for range 500 {
			a := g.answer()
			a.Account = ours
			edit(&a.Account)
			if got := g.o.Learn(a); !reflect.DeepEqual(got, g.o) {
				t.Fatalf("%s: %+v changed the order to\n%s", name, a, show(got))
			}
		}
	}
}
