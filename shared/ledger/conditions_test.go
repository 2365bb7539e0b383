package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// noon is when the orders of these tests are made. Each test is one condition of one rule, on an order as it is stored.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func in(d time.Duration) time.Time { return noon.Add(d) }

// made is an order of 15,000 won that expires an hour after noon, with what an edit adds.
func made(edit func(*ledger.Order), terms ...func(*ledger.Terms)) ledger.Order {
	all := ledger.Terms{ID: "order-1", Account: ours, Amount: 15000, Currency: "KRW", CreatedAt: noon, ExpiresAt: in(time.Hour), Timing: portone}
	for _, t := range terms {
		t(&all)
	}
	o := ledger.New(all)
	edit(&o)
	return o
}

func as(*ledger.Order) {}

// line is a payment under number 1 that an answer of that time has shown.
func line(key string, s ledger.State, shown time.Duration, edits ...func(*ledger.Payment)) ledger.Payment {
	p := ledger.Payment{
		Key: key, Attempt: 1, State: s, Amount: 15000, Currency: "KRW", Test: true, ListsRefunds: true, KnownAt: in(shown), SeenAt: in(shown),
	}
	if s == ledger.Captured {
		p.Balance = p.Amount
	}
	for _, edit := range edits {
		edit(&p)
	}
	return p
}

func kept(p *ledger.Payment)    { p.Role = ledger.Kept }
func surplus(p *ledger.Payment) { p.Role, p.Reason = ledger.Surplus, ledger.Second }

// asks is a request under number 1, written at that time.
func asks(k ledger.Kind, key string, at time.Duration, edits ...func(*ledger.Request)) ledger.Request {
	r := ledger.Request{Kind: k, Attempt: 1, Key: key, At: in(at), Since: in(at), Amount: 15000}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func replied(reply ledger.Reply, at time.Duration) func(*ledger.Request) {
	return func(r *ledger.Request) { r.Reply, r.Code, r.RepliedAt = reply, "CODE", in(at) }
}

func lookedUp(at time.Duration) func(*ledger.Request) {
	return func(r *ledger.Request) { r.LookedAt = in(at) }
}

func turn(n int) func(*ledger.Request) { return func(r *ledger.Request) { r.Turn = n } }

func refundOf(id string, amount, balance int64, turn int) func(*ledger.Request) {
	return func(r *ledger.Request) { r.RefundID, r.Amount, r.Balance, r.Turn = id, amount, balance, turn }
}

// last gives an order its last number, and says that it is used up.
func last(o *ledger.Order) {
	for len(o.Attempts) < ledger.AttemptsMax {
		o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: in(time.Minute), Used: true})
	}
	for i := range o.Attempts {
		o.Attempts[i].Used = true
	}
}

// TestIntentConditions: what must not be written, and what is the same as something that is.
func TestIntentConditions(t *testing.T) {
	t.Parallel()
	paid := func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Second, kept)}
	}
	for _, tc := range []struct {
		name string
		o    ledger.Order
		r    ledger.Request
		want error
	}{
		{"under a number that is used up", made(last), ledger.Request{Kind: ledger.Confirm, Attempt: ledger.AttemptsMax, Amount: 15000}, ledger.ErrOtherNumber},
		{"under an earlier number", made(func(o *ledger.Order) { o.Attempts = append(o.Attempts, ledger.Attempt{}) }), asks(ledger.Confirm, "key-1", 0), ledger.ErrOtherNumber},
		{"a charge once more, and a window has paid", made(func(o *ledger.Order) {
			paid(o)
			o.Requests = []ledger.Request{asks(ledger.Charge, "means", time.Second)}
		}, cycle), asks(ledger.Charge, "means", time.Hour, turn(1)), ledger.ErrUnplanned},
		{"a charge once more, and another worker has asked", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0), asks(ledger.Charge, "means", time.Hour, turn(1))}
		}, cycle), asks(ledger.Charge, "means", time.Hour, turn(1)), ledger.ErrUnplanned},
		{"a charge once more, with the buyer's new means", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0)}
		}, cycle), asks(ledger.Charge, "means-2", time.Hour, turn(1)), nil},
		{"the order's own money back", made(paid), asks(ledger.Cancel, "key-1", time.Minute), ledger.ErrUnplanned},
		{"another sum of surplus money than is left", made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-2", ledger.Captured, time.Second, surplus, balance(5000))}
		}), asks(ledger.Cancel, "key-2", time.Minute), ledger.ErrUnplanned},
		{"a refund of another payment", made(paid), asks(ledger.Cancel, "key-2", time.Minute, refundOf("r1", 100, 0, 0)), ledger.ErrNotPaid},
		{"a refund in review", made(func(o *ledger.Order) { paid(o); o.End = ledger.EndReview }),
			asks(ledger.Cancel, "key-1", time.Minute, refundOf("r1", 100, 0, 0)), ledger.ErrNotPaid},
		{"one refund too many", made(func(o *ledger.Order) {
			paid(o)
			for i := range ledger.RefundsMax {
				o.Requests = append(o.Requests, asks(ledger.Cancel, "key-1", time.Minute, refundOf(fmt.Sprint("r", i), 1, 15000, 1)))
			}
		}), asks(ledger.Cancel, "key-1", time.Minute, refundOf("more", 1, 0, 0)), ledger.ErrTooMany},
		{"a refund that is done once more", made(func(o *ledger.Order) {
			paid(o)
			o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 100, 15000, 1))}
			o.Requests[0].Outcome = ledger.Done
		}), asks(ledger.Cancel, "key-1", time.Minute, refundOf("r1", 100, 15000, 2)), ledger.ErrUnplanned},
	} {
		if _, err := tc.o.Intend(tc.r); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	if n := made(last).Payable(); n != 0 {
		t.Errorf("number %d is used up and payable", n)
	}
}

// TestRepetitionsOfACharge: the first request and the newest repetition stay; those between are long over.
func TestRepetitionsOfACharge(t *testing.T) {
	t.Parallel()
	o := made(as, cycle)
	for n := range 4 {
		next, err := o.Intend(asks(ledger.Charge, "means", time.Duration(n)*2*time.Hour, turn(n)))
		if err != nil {
			t.Fatal(n, err)
		}
		o = next
	}
	if len(o.Requests) != 2 || o.Requests[0].Turn != 0 || o.Requests[1].Turn != 3 {
		t.Error(show(o))
	}
}

// TestRefundsWait: refunds are written and not sent: the balance they go out with is looked up first. A repetition is
// answered by its own reply only.
func TestRefundsWait(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) { o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)} })
	for i, turn := range []int{0, 0} {
		next, err := o.Intend(asks(ledger.Cancel, "key-1", time.Second, refundOf(fmt.Sprint("r", i), 100, 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if r := next.Requests[i]; r.Turn != turn {
			t.Errorf("refund %d is written with turn %d, want %d", i, r.Turn, turn)
		}
		o = next
	}
	o.Requests[0].Reply, o.Requests[0].Turn = ledger.Refused, 1
	o, err := o.Intend(asks(ledger.Cancel, "key-1", time.Minute, refundOf("r0", 100, 15000, 2)))
	if r := o.Requests[0]; err != nil || r.Turn != 2 || r.Reply != ledger.NoReply || !r.Since.Equal(in(time.Second)) {
		t.Error(err, show(o))
	}
}

// TestNotes: what somebody else says is written once; four payments by name, further ones by their number.
func TestNotes(t *testing.T) {
	t.Parallel()
	note := func(o ledger.Order, r ledger.Request) ledger.Order {
		t.Helper()
		next, err := o.Intend(r)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	o := note(made(as), asks(ledger.Notice, "key-1", time.Second))
	if again := note(o, asks(ledger.Notice, "key-1", 2*time.Second)); !reflect.DeepEqual(again, o) {
		t.Error("a copy of a notice changes the order:", show(again))
	}
	if news := note(o, asks(ledger.Notice, "key-1", time.Minute)).Requests; len(news) != 1 || !news[0].At.Equal(in(time.Minute)) || !news[0].Since.Equal(in(time.Second)) {
		t.Errorf("a later notice of the same payment: %+v", news)
	}
	canceled := func(r *ledger.Request) { r.Canceled = true }
	if o := note(o, asks(ledger.Notice, "key-1", 1500*time.Millisecond, canceled)); len(o.Requests) != 1 || !o.Requests[0].Canceled || !o.Requests[0].Since.Equal(in(time.Second)) {
		t.Error("the notice of a refund:", show(o))
	}
	back := note(note(made(as), asks(ledger.Return, "", time.Second)), asks(ledger.Return, "", time.Minute))
	if r := back.Requests[0]; len(back.Requests) != 1 || !r.At.Equal(in(time.Minute)) || !r.Since.Equal(in(time.Second)) {
		t.Error("a return that names no payment may be from another window:", show(back))
	}
	for n := range 10 {
		o = note(o, asks(ledger.Notice, fmt.Sprint("key-", n), time.Second))
	}
	if n := len(o.Requests); n != 5 || o.Requests[4].Key != "" {
		t.Error("ten payments are named:", show(o))
	}
}

// TestDecideConditions: what follows from what is known, one condition each.
func TestDecideConditions(t *testing.T) {
	t.Parallel()
	lookedAt := func(o *ledger.Order, d time.Duration) { o.Attempts[0].LookedAt, o.LearnedAt = in(d), in(d) }
	over := ledger.OpenGrace + time.Hour
	role := func(key string, want ledger.Role) func(ledger.Order) bool {
		return func(o ledger.Order) bool { return o.Payment(key).Role == want }
	}
	is := func(want ledger.Status, number int) func(ledger.Order) bool {
		return func(o ledger.Order) bool { return o.Status() == want && o.Current() == number }
	}
	for _, tc := range []struct {
		name string
		o    ledger.Order
		want func(ledger.Order) bool
	}{
		{"two answers name two amounts", made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Second, func(p *ledger.Payment) { p.Disputed = true })}
		}), role("key-1", ledger.Surplus)},
		{"two answers name two amounts of the payment that pays", made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Second, kept, func(p *ledger.Payment) { p.Disputed = true })}
		}), is(ledger.Review, 1)},
		{"more money in review", made(func(o *ledger.Order) {
			o.End, o.Payments = ledger.EndReview, []ledger.Payment{line("key-1", ledger.Captured, time.Second)}
		}), role("key-1", ledger.NoRole)},
		{"one of two was asked for", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Confirm, "key-2", time.Second)}
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute), line("key-2", ledger.Captured, time.Minute, func(p *ledger.Payment) { p.ApprovedAt = in(time.Minute) })}
		}, atToss), role("key-2", ledger.Kept)},
		{"refunded before we knew of it, and its number was not looked up since", made(func(o *ledger.Order) {
			lookedAt(o, time.Second)
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0))}
		}), is(ledger.Open, 1)},
		{"refunded before we knew of it, and its number was", made(func(o *ledger.Order) {
			lookedAt(o, time.Hour)
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0))}
		}), is(ledger.Refunded, 1)},
		{"another table's payment, refunded", made(func(o *ledger.Order) {
			lookedAt(o, time.Hour)
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0), func(p *ledger.Payment) { p.ApprovedAt = in(-time.Hour) })}
		}), role("key-1", ledger.Foreign)},
		{"a refund that was denied, and the console refunds as much", made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, balance(10000), func(p *ledger.Payment) { p.ListsRefunds = false })}
			o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1))}
			o.Requests[0].Outcome = ledger.Denied
		}), func(o ledger.Order) bool { return o.Requests[0].Outcome == ledger.Denied }},
		{"a buyer left his window", made(func(o *ledger.Order) {
			lookedAt(o, 10*time.Minute)
			o.Requests = []ledger.Request{asks(ledger.Return, "", time.Second)}
		}), func(o ledger.Order) bool { return len(o.Requests) == 0 && o.Payable() == 1 }},
		{"a confirm was refused", made(func(o *ledger.Order) {
			lookedAt(o, 10*time.Minute)
			o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", time.Second, replied(ledger.Refused, time.Minute), lookedUp(2*time.Minute))}
		}, atToss), func(o ledger.Order) bool { return o.Current() == 2 && o.Attempts[0].Code == "CODE" }},
		{"a window's payment was declined", made(func(o *ledger.Order) {
			lookedAt(o, 10*time.Minute)
			o.Requests = []ledger.Request{asks(ledger.Return, "key-1", time.Second)}
			o.Payments = []ledger.Payment{line("key-1", ledger.Declined, time.Minute, func(p *ledger.Payment) { p.Code = "CODE" })}
		}), func(o ledger.Order) bool { return o.Current() == 2 && o.Attempts[0].Code == "CODE" }},
		{"wrong money, and a payment that is back may pay", made(func(o *ledger.Order) {
			lookedAt(o, time.Second)
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0)), line("key-2", ledger.Captured, time.Second, amount(100, 0), surplus)}
		}), is(ledger.Open, 1)},
		{"a window may still be open", made(func(o *ledger.Order) { lookedAt(o, time.Hour+time.Minute) }), is(ledger.Open, 1)},
		{"no window may, and nobody has looked since", made(func(o *ledger.Order) { lookedAt(o, time.Hour); o.LearnedAt = in(over) }), is(ledger.Open, 1)},
		{"no window may, and nothing was taken", made(func(o *ledger.Order) { lookedAt(o, over) }), is(ledger.Expired, 1)},
		{"no window may, and somebody speaks of a payment", made(func(o *ledger.Order) {
			lookedAt(o, over)
			o.Requests = []ledger.Request{asks(ledger.Notice, "key-1", over)}
		}), is(ledger.Open, 1)},
		{"the last number is refused, and the others were not looked up since", made(func(o *ledger.Order) { last(o); o.LearnedAt = in(2 * time.Minute) }),
			is(ledger.Open, ledger.AttemptsMax)},
		{"the last number is refused, and all were looked up since", made(func(o *ledger.Order) {
			last(o)
			for i := range o.Attempts {
				o.Attempts[i].LookedAt = in(2 * time.Minute)
			}
			o.LearnedAt = in(2 * time.Minute)
		}), is(ledger.Failed, ledger.AttemptsMax)},
	} {
		o := tc.o.Decide()
		if !tc.want(o) {
			t.Errorf("%s:\n%s", tc.name, show(o))
		}
		if again := o.Decide(); !reflect.DeepEqual(again, o) {
			t.Errorf("%s: decided once more\n%s\nbefore\n%s", tc.name, show(again), show(o))
		}
	}
}

// TestCycleEnds: a cycle's order ends when its subscription no longer wants it, and not before somebody has asked; one
// that is wanted gets more time, also for an attempt that begins within its last day.
func TestCycleEnds(t *testing.T) {
	t.Parallel()
	month := 30 * 24 * time.Hour
	order := func(w ledger.Wanted, at time.Duration, used bool) ledger.Order {
		return made(func(o *ledger.Order) {
			o.Attempts[0].LookedAt, o.Attempts[0].Used, o.LearnedAt, o.Wanted = in(at), used, in(at), w
		}, cycle).Decide()
	}
	over := 3*month + ledger.OpenGrace
	for _, tc := range []struct {
		name  string
		o     ledger.Order
		ends  ledger.Status
		later bool
	}{
		{"nobody has asked", order(ledger.NotAsked, over, false), ledger.Open, false},
		{"not wanted", order(ledger.No, over, false), ledger.Expired, false},
		{"wanted", order(ledger.Yes, over, false), ledger.Open, true},
		{"wanted, refused in time", order(ledger.Yes, month, true), ledger.Open, false},
		{"wanted, refused on the last day", order(ledger.Yes, 3*month-time.Hour, true), ledger.Open, true},
	} {
		if got := tc.o.ExpiresAt.After(in(3 * month)); tc.o.Status() != tc.ends || got != tc.later {
			t.Errorf("%s: more time %v\n%s", tc.name, got, show(tc.o))
		}
	}
}

// TestRoleOfADecision: a merchant's refund that was refused is no refusal of the person who gives the payment back.
func TestRoleOfADecision(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.End, o.Payments = ledger.EndReview, []ledger.Payment{line("key-1", ledger.Captured, time.Hour, kept)}
		o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1), replied(ledger.Refused, time.Minute))}
	})
	o, err := o.Resolve(ledger.Resolution{Key: "key-1", At: in(2 * time.Hour)})
	if err != nil || o.Status() != ledger.Failed || len(o.Requests) != 1 || o.Payment("key-1").Role != ledger.Surplus {
		t.Error(err, show(o))
	}
	o, err = o.Intend(asks(ledger.Cancel, "key-1", 2*time.Hour, func(r *ledger.Request) { r.Balance = 15000 }))
	if r, ok := o.RefundOf("r1"); err != nil || !ok || r.Outcome != ledger.Denied || r.Reply != ledger.Refused || len(o.Requests) != 2 {
		t.Errorf("%v: the merchant's refund must stay as it ended\n%s", err, show(o))
	}
}

// TestLearnConditions: what a lookup accounts for is what was so when it was begun, and when all it showed was kept.
func TestLearnConditions(t *testing.T) {
	t.Parallel()
	all := ledger.Answer{Account: ours, Began: in(time.Minute), At: in(2 * time.Minute), Attempt: 1, Readable: true, Complete: true}
	if got := made(as).Learn(all).Attempts[0].LookedAt; !got.Equal(all.Began) {
		t.Errorf("looked at %v, want when the lookup was begun", got.Sub(noon))
	}
	for n := range 30 {
		all.Payments = append(all.Payments, line(fmt.Sprintf("declined-%02d", n), ledger.Declined, 0))
	}
	all.Payments = append(all.Payments, line("z", ledger.Captured, 0))
	o := made(as).Learn(all)
	if len(o.Payments) != 25 || o.Payment("z") == nil || !o.Attempts[0].LookedAt.Equal(all.Began) {
		t.Errorf("%d payments, looked at %v", len(o.Payments), o.Attempts[0].LookedAt)
	}
	for _, state := range []ledger.State{ledger.Begun, ledger.Doubtful} {
		all.Payments[29].State = state // of those that are not kept
		over := o.Over().Add(ledger.SearchMax)
		for _, began := range []time.Time{all.Began, over.Add(-time.Second), over} {
			all.Began = began
			o := made(as).Learn(all)
			if complete := o.Attempts[0].LookedAt.Equal(began); len(o.Payments) != 25 || complete != began.Equal(over) {
				t.Errorf("%v is not kept, begun %v: complete %v, %d payments", state, began.Sub(over), complete, len(o.Payments))
			}
		}
	}
}

// TestLearnIsOneWay: what one answer said is not unsaid by another.
func TestLearnIsOneWay(t *testing.T) {
	t.Parallel()
	confirm := asks(ledger.Confirm, "key-1", 0)
	o := made(func(o *ledger.Order) { o.Requests = []ledger.Request{confirm} }, atToss)
	learn := func(began time.Duration, a ledger.Answer) {
		a.Account, a.Readable, a.Began, a.At = o.Account, true, in(began), in(began+time.Second)
		o = o.Learn(a)
	}
	learn(time.Minute, ledger.Answer{To: &confirm, Reply: ledger.Refused, Code: "CODE"})
	learn(2*time.Minute, ledger.Answer{To: &confirm})
	learn(3*time.Minute, ledger.Answer{Key: "key-2"})
	if r := o.Requests[0]; r.Reply != ledger.Refused || r.Code != "CODE" || !r.LookedAt.IsZero() {
		t.Error("after a refusal, a lost reply and another payment's lookup:", show(o))
	}
	shown := func(at time.Duration, edits ...func(*ledger.Payment)) {
		learn(at, ledger.Answer{Key: "key-1", Payments: []ledger.Payment{line("key-1", ledger.Captured, 0, edits...)}})
	}
	shown(20*time.Minute, func(p *ledger.Payment) { p.Refunds = []string{"r1"} })
	shown(10*time.Minute, balance(5000))
	if p := o.Payment("key-1"); p.Balance != 5000 || !p.BehindAt.Equal(in(20*time.Minute)) || len(p.Refunds) != 1 || p.Disputed {
		t.Errorf("after an older answer that shows more: %+v", *p)
	}
	shown(30*time.Minute, amount(100, 100))
	if p := o.Payment("key-1"); p.Balance != 100 || !p.Disputed {
		t.Errorf("after an answer that names another amount: %+v", *p)
	}
}

// TestOpenRequests: what is not accounted for yet. Each would be closed, and its number opened or used up, without one
// condition.
func TestOpenRequests(t *testing.T) {
	t.Parallel()
	charge := func(edits ...func(*ledger.Request)) ledger.Request { return asks(ledger.Charge, "means", 0, edits...) }
	for _, tc := range []struct {
		name     string
		terms    func(*ledger.Terms)
		looked   time.Duration // at the number; 0: never
		requests []ledger.Request
		payments []ledger.Payment
	}{
		{"a return, and a payment at work", nil, 10 * time.Minute, []ledger.Request{asks(ledger.Return, "", time.Second)},
			[]ledger.Payment{line("key-1", ledger.Begun, time.Minute)}},
		{"a return, and a payment whose failure leaves its money open", nil, time.Minute,
			[]ledger.Request{asks(ledger.Return, "", time.Second, func(r *ledger.Request) { r.Failed = true })},
			[]ledger.Payment{line("key-1", ledger.Doubtful, time.Minute)}},
		{"a return with an error that names a payment", nil, time.Minute,
			[]ledger.Request{asks(ledger.Return, "key-1", time.Second, func(r *ledger.Request) { r.Failed = true })}, nil},
		{"a return that names a payment, and another one", nil, 10 * time.Minute, []ledger.Request{asks(ledger.Return, "key-2", time.Second)},
			[]ledger.Payment{line("key-1", ledger.Declined, time.Minute)}},
		{"an approval, and its window at work", nil, 0, []ledger.Request{asks(ledger.Approval, "key-1", time.Second, lookedUp(time.Minute))},
			[]ledger.Payment{line("key-1", ledger.Begun, time.Minute)}},
		{"a confirm without an answer, and nothing shows", atToss, time.Minute, []ledger.Request{asks(ledger.Confirm, "key-1", 0, lookedUp(time.Minute))}, nil},
		{"a confirm that was refused, looked up before the refusal", atToss, time.Minute,
			[]ledger.Request{asks(ledger.Confirm, "key-1", 0, lookedUp(time.Minute), replied(ledger.Refused, 2*time.Minute))}, nil},
		{"a confirm whose key shows nothing, and its number was not looked up", atToss, 0,
			[]ledger.Request{asks(ledger.Confirm, "key-1", time.Second, lookedUp(time.Hour))}, nil},
		{"a refused repetition, looked up before the refusal", cycle, 2 * time.Hour,
			[]ledger.Request{charge(), charge(turn(1), replied(ledger.Refused, 3*time.Hour))}, nil},
		{"a refused repetition, and a payment at work", cycle, 2 * time.Hour,
			[]ledger.Request{charge(), charge(turn(1), replied(ledger.Refused, time.Hour))}, []ledger.Payment{line("key-1", ledger.Begun, 2*time.Hour)}},
		{"a charge whose own payment failed, and another one at work", cycle, time.Minute, []ledger.Request{charge()},
			[]ledger.Payment{line("key-1", ledger.Declined, time.Minute, withMeans), line("key-2", ledger.Begun, time.Minute)}},
		{"a repetition, and the first one's payment failed", cycle, 2 * time.Hour, []ledger.Request{charge(), charge(turn(1))},
			[]ledger.Payment{line("key-1", ledger.Declined, time.Minute, withMeans)}},
		{"a notice without a key, and a payment at work", nil, time.Minute, []ledger.Request{asks(ledger.Notice, "", time.Second)},
			[]ledger.Payment{line("key-1", ledger.Begun, time.Minute)}},
		{"a refund that was refused, not looked up since", atToss, 0,
			[]ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1), replied(ledger.Refused, 2*time.Minute))},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept)}},
		{"a refund, and the console's of as much", atToss, 0, []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1))},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, balance(10000))}},
		{"a refund, and the console's of less, and no refund is listed", atToss, 0,
			[]ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1))},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, balance(12000), func(p *ledger.Payment) { p.ListsRefunds = false })}},
	} {
		terms := tc.terms
		if terms == nil {
			terms = func(*ledger.Terms) {}
		}
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = tc.requests, tc.payments
			if tc.looked > 0 {
				o.Attempts[0].LookedAt, o.LearnedAt = in(tc.looked), in(tc.looked)
			}
		}, terms).Decide()
		open := slices.ContainsFunc(o.Requests, func(r ledger.Request) bool { return r.Outcome == ledger.Pending })
		if len(o.Requests) != len(tc.requests) || !open || o.Current() != 1 || o.End != ledger.NoEnd {
			t.Errorf("%s:\n%s", tc.name, show(o))
		}
	}
}

// TestClosedRequests: what is accounted for at once.
func TestClosedRequests(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		o       ledger.Order
		ends    ledger.Status
		number  int
		outcome ledger.Outcome // of the refund that stays
	}{
		{"a confirm whose payment was declined", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", time.Second)}
			o.Payments = []ledger.Payment{line("key-1", ledger.Declined, time.Minute)}
		}, atToss), ledger.Open, 2, 0},
		{"a return with an error, and nothing shows", made(func(o *ledger.Order) {
			o.Attempts[0].LookedAt, o.LearnedAt = in(time.Minute), in(time.Minute)
			o.Requests = []ledger.Request{asks(ledger.Return, "", time.Second, func(r *ledger.Request) { r.Failed = true })}
		}), ledger.Open, 1, 0},
		{"a charge that was accepted, and its payment names no billing key", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Charge, "means", time.Second, replied(ledger.Accepted, time.Minute))}
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute)}
		}, cycle), ledger.Paid, 1, 0},
		{"a charge that was refused", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Charge, "means", time.Second, replied(ledger.Refused, time.Minute))}
		}, cycle), ledger.Open, 2, 0},
		{"a refund of more than the console has left", made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1))}
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, balance(3000))}
		}, atToss), ledger.Paid, 1, ledger.Denied},
	} {
		o := tc.o.Decide()
		var outcome ledger.Outcome
		for _, r := range o.Requests {
			outcome = r.Outcome
		}
		if o.Status() != tc.ends || o.Current() != tc.number || outcome != tc.outcome || len(o.Requests) > min(1, int(tc.outcome)) {
			t.Errorf("%s:\n%s", tc.name, show(o))
		}
	}
}

// TestPlanConditions: what the next step is, and what is not sent.
func TestPlanConditions(t *testing.T) {
	t.Parallel()
	confirm := func(edits ...func(*ledger.Request)) ledger.Request {
		return asks(ledger.Confirm, "key-1", 0, append([]func(*ledger.Request){lookedUp(2 * time.Minute)}, edits...)...)
	}
	lookedBoth := ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}, {Attempt: 1}}}
	worker := ledger.Visit{Looked: []ledger.Lookup{{Attempt: 1}, {Key: "key-2"}}, Repeat: in(4 * time.Hour), Key: "means-2"}
	wants := func(attempt int, repeat time.Duration) ledger.Visit {
		return ledger.Visit{Charge: &ledger.Request{Kind: ledger.Charge, Attempt: attempt, Key: "means", Amount: 15000}, Repeat: in(repeat)}
	}
	charge := []ledger.Request{asks(ledger.Charge, "means", 0)}
	for _, tc := range []struct {
		name     string
		terms    func(*ledger.Terms)
		now      time.Duration
		v        ledger.Visit
		requests []ledger.Request
		payments []ledger.Payment
		want     ledger.Step
	}{
		{"a confirm by who wrote it", atToss, time.Second, ledger.Visit{Fresh: &ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", At: noon}},
			[]ledger.Request{asks(ledger.Confirm, "key-1", 0)}, nil, ledger.Step{Do: ledger.Send}},
		{"a confirm by who wrote the one before", atToss, time.Second,
			ledger.Visit{Fresh: &ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", At: in(-time.Minute)}, Looked: lookedBoth.Looked},
			[]ledger.Request{asks(ledger.Confirm, "key-1", 0)}, nil, ledger.Step{Do: ledger.Wait}},
		{"a confirm by who wrote it, and its payment was declined", atToss, time.Second,
			ledger.Visit{Fresh: &ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", At: noon}},
			[]ledger.Request{asks(ledger.Confirm, "key-1", 0)}, []ledger.Payment{line("key-1", ledger.Declined, time.Second)}, ledger.Step{Do: ledger.Wait}},
		{"a refund that waits", atToss, time.Minute, ledger.Visit{}, []ledger.Request{asks(ledger.Cancel, "key-1", 0, refundOf("r1", 5000, 0, 0))},
			[]ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, ledger.Step{Do: ledger.LookUp}},
		{"a refund that waits, and the lookup brought nothing", atToss, time.Minute, ledger.Visit{Began: in(time.Second), Looked: []ledger.Lookup{{Key: "key-1"}}},
			[]ledger.Request{asks(ledger.Cancel, "key-1", 0, refundOf("r1", 5000, 0, 0))},
			[]ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, ledger.Step{Do: ledger.Wait}},
		{"a refund that waits, looked up", atToss, time.Minute, ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}}},
			[]ledger.Request{asks(ledger.Cancel, "key-1", 0, refundOf("r1", 5000, 0, 0))},
			[]ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, ledger.Step{Do: ledger.Send, Key: "key-1"}},
		{"a refund that waits, and the console has left less", atToss, time.Minute, ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}}},
			[]ledger.Request{asks(ledger.Cancel, "key-1", 0, refundOf("r1", 5000, 0, 0))},
			[]ledger.Payment{line("key-1", ledger.Captured, 0, kept, balance(3000))}, ledger.Step{Do: ledger.Wait}},
		{"a confirm that brought nothing", atToss, 3 * time.Minute, lookedBoth, []ledger.Request{confirm()}, nil, ledger.Step{Do: ledger.Send}},
		{"a confirm of another order's payment", atToss, 3 * time.Minute, lookedBoth,
			[]ledger.Request{confirm(func(r *ledger.Request) { r.Elsewhere = true; r.At = in(time.Minute) })}, nil, ledger.Step{Do: ledger.Wait}},
		{"a confirm of a payment that is done", atToss, 3 * time.Minute, lookedBoth, []ledger.Request{confirm(replied(ledger.Already, time.Minute))}, nil,
			ledger.Step{Do: ledger.Wait}},
		{"a confirm, and another payment pays", atToss, 3 * time.Minute, lookedBoth, []ledger.Request{confirm()},
			[]ledger.Payment{line("key-9", ledger.Captured, time.Second, kept)}, ledger.Step{Do: ledger.Wait}},
		{"a confirm that was repeated often", atToss, 3 * time.Minute, lookedBoth, []ledger.Request{confirm(turn(16))}, nil, ledger.Step{Do: ledger.Wait}},
		{"a charge that nobody finds", cycle, 3 * time.Hour, worker, charge, nil, ledger.Step{Do: ledger.Send, Key: "means-2"}},
		{"a charge that nobody finds, and who only looks", cycle, 3 * time.Hour, ledger.Visit{Looked: worker.Looked}, charge, nil, ledger.Step{Do: ledger.Wait}},
		{"a charge, and a window at work", cycle, 3 * time.Hour, worker, charge, []ledger.Payment{line("key-2", ledger.Begun, 2*time.Hour)}, ledger.Step{Do: ledger.Wait}},
		{"a charge, and money that is being returned", cycle, 3 * time.Hour, worker,
			[]ledger.Request{charge[0], asks(ledger.Cancel, "key-2", 3*time.Hour-time.Second, func(r *ledger.Request) { r.Balance = 15000 })},
			[]ledger.Payment{line("key-2", ledger.Captured, time.Hour, surplus)}, ledger.Step{Do: ledger.Wait}},
		{"a charge that began two days ago", cycle, 3 * time.Hour, worker, charge,
			[]ledger.Payment{line("key-2", ledger.Begun, 2*time.Hour, withMeans, func(p *ledger.Payment) { p.KnownAt = in(-48 * time.Hour) })}, ledger.Step{Do: ledger.Wait}},
		{"a worker's charge", cycle, 3 * time.Hour, wants(1, 4*time.Hour), nil, nil, ledger.Step{Do: ledger.Send, Key: "means"}},
		{"a charge of another number", cycle, 3 * time.Hour, wants(2, 4*time.Hour), nil, nil, ledger.Step{Do: ledger.Wait}},
		{"a charge of a worker whose claim is over", cycle, 3 * time.Hour, wants(1, 3*time.Hour), nil, nil, ledger.Step{Do: ledger.Wait}},
		{"a charge of an order that another is at", cycle, 3 * time.Hour, func() ledger.Visit {
			v := wants(1, 4*time.Hour)
			v.Looked, v.Key = worker.Looked, "means-2"
			return v
		}(), []ledger.Request{asks(ledger.Charge, "means", 3*time.Hour-time.Second)}, nil, ledger.Step{Do: ledger.Wait}},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = tc.requests, tc.payments
			if tc.terms(&o.Terms); o.Cycle {
				o.Attempts[0].LookedAt, o.LearnedAt = in(2*time.Hour), in(2*time.Hour)
			}
		})
		got := o.Next(in(tc.now), tc.v)
		if got.Do != tc.want.Do || tc.want.Key != "" && got.Request.Key != tc.want.Key {
			t.Errorf("%s: %v %+v\n%s", tc.name, got.Do, got.Request, show(o))
		}
	}
}

// TestCancelAgain: a cancel without an answer is repeated as the same request; after a definite answer, or when the sum
// is another, it is the next one, which the provider does not answer with what it keeps.
func TestCancelAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		reply ledger.Reply
		left  int64
		turn  int
	}{
		{"without an answer", ledger.NoReply, 15000, 0},
		{"without an answer, and the console has refunded a part", ledger.NoReply, 10000, 1},
		{"after a 500", ledger.Unusable, 15000, 1},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Cancel, "key-2", 0, replied(tc.reply, time.Second), func(r *ledger.Request) { r.Balance = 15000 })}
			o.Payments = []ledger.Payment{line("key-2", ledger.Captured, time.Minute, surplus, balance(tc.left))}
		})
		s := o.Next(in(2*time.Minute), ledger.Visit{Began: in(time.Minute), Looked: []ledger.Lookup{{Key: "key-2"}}})
		if r := s.Request; s.Do != ledger.Send || r.Turn != tc.turn || r.Amount != tc.left || r.Balance != tc.left {
			t.Errorf("%s: %v %+v", tc.name, s.Do, r)
		}
		if o.End = ledger.EndReview; o.Next(in(2*time.Minute), ledger.Visit{Looked: []ledger.Lookup{{Key: "key-2"}}}).Do == ledger.Send {
			t.Errorf("%s: sent in review", tc.name)
		}
	}
	o := made(func(o *ledger.Order) {
		o.End, o.Payments = ledger.EndReview, []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}
		o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", 0, refundOf("r1", 5000, 0, 0))}
	}, atToss)
	if s := o.Next(in(time.Minute), ledger.Visit{}); s.Do != ledger.Wait {
		t.Errorf("a merchant's refund in review: %v", s.Do)
	}
}

// TestLooks: what is looked up that no other rule finds.
func TestLooks(t *testing.T) {
	t.Parallel()
	second := made(func(o *ledger.Order) {
		o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: noon, LookedAt: in(time.Minute)})
		r := asks(ledger.Return, "key-1", time.Second)
		r.Attempt = 2
		o.Requests = []ledger.Request{r}
	})
	v := ledger.Visit{Looked: []ledger.Lookup{{Attempt: 2}}}
	if s := second.Next(in(2*time.Minute), v); s.Do != ledger.LookUp || s.Key != "key-1" {
		t.Errorf("a return whose number does not show its payment: %v %q #%d", s.Do, s.Key, s.Attempt)
	}
	if s := made(last).Next(in(2*time.Minute), ledger.Visit{}); s.Do != ledger.LookUp || s.Attempt != 1 {
		t.Errorf("the last number is refused: %v #%d", s.Do, s.Attempt)
	}
	unshown := made(func(o *ledger.Order) {
		o.Requests = []ledger.Request{asks(ledger.Notice, "key-1", 0, lookedUp(time.Minute))}
	})
	if s := unshown.Next(in(2*time.Minute), ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}}}); s.Do != ledger.LookUp || s.Attempt != 1 {
		t.Errorf("a notice whose payment its key does not show: %v %q #%d", s.Do, s.Key, s.Attempt)
	}
	back := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0))}
	})
	if s := back.Next(in(2*time.Minute), ledger.Visit{}); s.Do != ledger.LookUp || s.Attempt != 1 {
		t.Errorf("a payment that was refunded before we knew of it: %v #%d", s.Do, s.Attempt)
	}
	paid := made(func(o *ledger.Order) {
		o.ExpiresAt, o.Payments = in(24*time.Hour), []ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept)}
	})
	if due := paid.Due(); !due.Equal(in(time.Minute + ledger.OpenGrace)) {
		t.Errorf("the last look at a paid order is due after %v", due.Sub(noon))
	}
	paid.Payments = append(paid.Payments, line("key-2", ledger.Captured, time.Minute, surplus))
	if due := paid.Due(); !due.Equal(in(90 * time.Second)) {
		t.Errorf("money to return is due after %v", due.Sub(noon))
	}
	if due := made(last).Due(); due.After(in(2 * time.Minute)) {
		t.Errorf("the last number is refused, and the order is due after %v", due.Sub(noon))
	}
}

// TestAlarm: a person is told of what is unclear for an hour, and of nothing else.
func TestAlarm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		o    ledger.Order
		at   time.Duration
		want bool
	}{
		{"an order whose numbers cannot be looked up", made(as), ledger.OpenGrace + 2*time.Hour, true},
		{"an open order", made(as), ledger.OpenGrace + 119*time.Minute, false},
		{"a confirm without an answer", made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", 0)} }, atToss), time.Hour, true},
		{"a confirm of just now", made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", 0)} }, atToss), 59 * time.Minute, false},
		{"a window that its buyer left", made(func(o *ledger.Order) {
			o.Attempts[0].LookedAt = in(30 * time.Minute)
			o.Requests = []ledger.Request{asks(ledger.Return, "", 0)}
			o.Payments = []ledger.Payment{line("key-1", ledger.Begun, 30*time.Minute)}
		}), time.Hour, false},
		{"money that does not go back", made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept), line("key-2", ledger.Captured, 0, surplus)}
		}), time.Hour, true},
	} {
		if got := tc.o.Unsettled(in(tc.at)); got != tc.want {
			t.Errorf("%s: %v\n%s", tc.name, got, show(tc.o))
		}
	}
}
