package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// opened gives an order further numbers, each of them refused but the last.
func opened(o *ledger.Order, numbers int) {
	for len(o.Attempts) < numbers {
		o.Attempts[len(o.Attempts)-1].Used = true
		o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: in(time.Minute)})
	}
}

// TestChargeThatIsGone: a charge that the provider shows at work is not made again, however long that lasts. One that the newest lookup shows no more
// is, and so is one beside a window that was left open.
func TestChargeThatIsGone(t *testing.T) {
	t.Parallel()
	looked := time.Minute + ledger.SearchMax + time.Hour
	seen := func(at time.Duration) func(*ledger.Payment) { return func(p *ledger.Payment) { p.SeenAt = in(at) } }
	for _, tc := range []struct {
		name string
		p    ledger.Payment
		want ledger.Do
	}{
		{"at work for a day", line("key-1", ledger.Begun, time.Minute, withMeans, seen(looked)), ledger.Wait},
		{"at work once, and gone", line("key-1", ledger.Begun, time.Minute, withMeans), ledger.Send},
		{"a window that was left open for a day", line("key-1", ledger.Begun, time.Minute, seen(looked)), ledger.Send},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = []ledger.Request{asks(ledger.Charge, "means", 0)}, []ledger.Payment{tc.p}
			o.Attempts[0].LookedAt, o.LearnedAt = in(looked), in(looked)
		}, cycle)
		v := ledger.Visit{Began: in(looked), Looked: []ledger.Lookup{{Attempt: 1}}, Repeat: in(looked + time.Hour)}
		if s := o.Next(in(looked), v); s.Do != tc.want {
			t.Errorf("%s: %v %+v\n%s", tc.name, s.Do, s.Request, show(o))
		}
	}
}

// TestEveryNumberBeforeTheCharge: before the third number of a cycle is charged both before it are looked up by the same visit.
func TestEveryNumberBeforeTheCharge(t *testing.T) {
	t.Parallel()
	for n, want := range []ledger.Step{{Do: ledger.LookUp, Attempt: 1}, {Do: ledger.LookUp, Attempt: 2}, {Do: ledger.Send}} {
		v := ledger.Visit{Began: in(time.Hour), Repeat: in(2 * time.Hour), Charge: &ledger.Request{Kind: ledger.Charge, Attempt: 3, Key: "means", Amount: 15000}}
		o := made(func(o *ledger.Order) {
			opened(o, 3)
			for i := range n {
				o.Attempts[i].LookedAt = in(time.Hour)
				v.Looked = append(v.Looked, ledger.Lookup{Attempt: i + 1})
			}
		}, cycle)
		if s := o.Next(in(time.Hour), v); s.Do != want.Do || s.Attempt != want.Attempt {
			t.Errorf("%d are looked up: %v #%d, want %v #%d", n, s.Do, s.Attempt, want.Do, want.Attempt)
		}
	}
}

// TestEarlierNumberBeforeTheEnd: a look at the current number alone does not end an order, whose earlier number may have been paid in a window that was
// left open.
func TestEarlierNumberBeforeTheEnd(t *testing.T) {
	t.Parallel()
	over := time.Hour + ledger.OpenGrace
	for numbers, want := range []ledger.Status{1: ledger.Open, 2: ledger.Expired} {
		if numbers == 0 {
			continue
		}
		o := made(func(o *ledger.Order) {
			opened(o, 2)
			for i := range numbers {
				o.Attempts[len(o.Attempts)-1-i].LookedAt = in(over)
			}
			o.LearnedAt = in(over)
		}).Decide()
		if o.Status() != want {
			t.Errorf("%d of two numbers are looked up: %s, want %s", numbers, o.Status(), want)
		}
	}
}

// TestAhead: of a restored table. No money is asked for while a number that the lost hours may have used cannot be read, and the order's own number is
// looked up last; what was taken long before opens no number.
func TestAhead(t *testing.T) {
	t.Parallel()
	restored := func(t *ledger.Terms) { t.RestoredTo = in(-time.Minute) }
	charge := ledger.Request{Kind: ledger.Charge, Attempt: 1, Key: "means", Amount: 15000}
	v := ledger.Visit{Began: in(time.Minute), Repeat: in(time.Hour), Charge: &charge}
	o := made(as, cycle, restored)
	for n := 5; n >= 1; n-- {
		if s := o.Next(in(time.Minute), v); s.Do != ledger.LookUp || s.Attempt != n {
			t.Fatalf("those after %d are read: %v #%d", n, s.Do, s.Attempt)
		}
		unread := v
		unread.Looked = append([]ledger.Lookup{{Attempt: n}}, v.Looked...)
		if s := o.Next(in(time.Minute), unread); s.Do != ledger.Wait {
			t.Errorf("number %d cannot be read: %v #%d", n, s.Do, s.Attempt)
		}
		v.Looked, v.Read = unread.Looked, append([]ledger.Lookup{{Attempt: n}}, v.Read...)
	}
	if s := o.Next(in(time.Minute), v); s.Do != ledger.Send {
		t.Errorf("all are read: %v #%d", s.Do, s.Attempt)
	}
	for name, tc := range map[string]struct {
		approved time.Duration
		numbers  int
	}{"in the lost hours": {time.Minute, 3}, "long before": {-time.Hour, 1}} {
		o := made(func(o *ledger.Order) {
			o.LearnedAt = in(2 * time.Minute)
			o.Payments = []ledger.Payment{line("key-3", ledger.Captured, 2*time.Minute, func(p *ledger.Payment) { p.Attempt, p.ApprovedAt = 3, in(tc.approved) })}
		}, cycle, restored).Decide()
		if o.Current() != tc.numbers || (o.Status() == ledger.Paid) != (tc.numbers == 3) {
			t.Errorf("money that was taken %s under number 3: %s at number %d", name, o.Status(), o.Current())
		}
	}
}

// TestRefusedChargeBesideOwedMoney: a charge is refused while wrong money of an earlier number goes back. Its number is used up all the same, with the
// code, and the next one opens once the money is back.
func TestRefusedChargeBesideOwedMoney(t *testing.T) {
	t.Parallel()
	second := func(r *ledger.Request) { r.Attempt = 2 }
	charge := asks(ledger.Charge, "means", 2*time.Minute, second)
	k := talk{made(func(o *ledger.Order) {
		opened(o, 2)
		o.Requests = []ledger.Request{charge}
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 3*time.Minute, amount(100, 100), func(p *ledger.Payment) { p.Role, p.Reason = ledger.Surplus, ledger.Mismatch })}
	}, cycle), t}
	k.learn(4*time.Minute, ledger.Answer{To: &charge, Readable: true, Reply: ledger.Refused, Code: "CARD_EXCEED_LIMIT"})
	k.want("the money is owed", ledger.Processing, 2)
	k.shows(5*time.Minute, 1, line("key-1", ledger.Captured, 0, amount(100, 0)))
	k.want("the money is back", ledger.Open, 3)
	if code := k.Attempts[1].Code; code != "CARD_EXCEED_LIMIT" {
		t.Errorf("the second number ended with the code %q", code)
	}
}
