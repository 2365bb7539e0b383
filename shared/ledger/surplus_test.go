package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// talk tells an order answers of the provider, each at its time, and lets it decide.
type talk struct {
	ledger.Order
	t *testing.T
}

func (k *talk) learn(at time.Duration, a ledger.Answer) {
	a.Account, a.Began = k.Account, in(at)
	if a.At.IsZero() {
		a.At = in(at)
	}
	k.Order = k.Learn(a).Decide()
}

// shows is a lookup of everything under a number.
func (k *talk) shows(at time.Duration, attempt int, payments ...ledger.Payment) {
	k.learn(at, ledger.Answer{Attempt: attempt, Readable: true, Complete: true, Payments: payments})
}

// byKey is a lookup of one payment.
func (k *talk) byKey(at time.Duration, p ledger.Payment) {
	k.learn(at, ledger.Answer{Key: p.Key, Readable: true, Payments: []ledger.Payment{p}})
}

func (k *talk) want(what string, s ledger.Status, attempt int) {
	k.t.Helper()
	if k.Status() != s || k.Current() != attempt {
		k.t.Errorf("%s: %s at %d, want %s at %d\n%s", what, k.Status(), k.Current(), s, attempt, show(k.Order))
	}
}

func under(attempt int) func(*ledger.Payment) {
	return func(p *ledger.Payment) { p.Attempt = attempt }
}
func forNumber(attempt int) func(*ledger.Request) {
	return func(r *ledger.Request) { r.Attempt = attempt }
}

// stood is an order in its second attempt in a status, as it stands ten minutes after it was made, or when it has ended. key-current is what its
// buyer is back with, or what pays it.
func stood(s ledger.Status, terms ...func(*ledger.Terms)) ledger.Order {
	return made(func(o *ledger.Order) {
		over := time.Hour + ledger.OpenGrace
		o.Attempts[0].Used = true
		o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: in(time.Minute)})
		o.LearnedAt = in(time.Minute)
		pays := line("key-current", ledger.Captured, 5*time.Minute, under(2), kept)
		switch s {
		case ledger.Processing:
			kind := ledger.Return
			if o.Timing.ConfirmWindow > 0 {
				kind = ledger.Confirm
			}
			o.Requests = []ledger.Request{asks(kind, "key-current", 2*time.Minute, forNumber(2))}
		case ledger.Refunded:
			pays.Balance = 0
			o.Payments = []ledger.Payment{pays}
		case ledger.Paid:
			o.Payments = []ledger.Payment{pays}
		case ledger.Failed, ledger.Expired:
			o.End, o.LearnedAt = ledger.End(s), in(over)
			for i := range o.Attempts {
				o.Attempts[i].LookedAt = in(over)
			}
		case ledger.Review:
			o.End, o.Why = ledger.EndReview, "a person shall decide"
		}
	}, terms...)
}

// everyStatus are all of them.
var everyStatus = []ledger.Status{ledger.Open, ledger.Processing, ledger.Paid, ledger.Refunded, ledger.Failed, ledger.Expired, ledger.Review}

// now is when the next answer comes, ten minutes after noon or once the order has ended.
func now(o ledger.Order) time.Duration { return max(10*time.Minute, o.LearnedAt.Sub(noon)+time.Minute) }

func more(p *ledger.Payment)       { p.Amount, p.Balance = 15001, 15001 }
func keepLate(t *ledger.Terms)     { t.KeepLate = true }
func wasOnline(t *ledger.Terms)    { t.Account.Live = true }
func realMoney(p *ledger.Payment)  { p.Test = false }
func emptied(p *ledger.Payment)    { p.Balance = 0 }
func partLeft(p *ledger.Payment)   { p.Balance = 5000 }
func merchant(p *ledger.Payment)   { p.Merchant = "mid-1" }
func returned(p *ledger.Payment)   { p.Role, p.Reason, p.Balance = ledger.Returned, ledger.Second, 0 }
func theirs(p *ledger.Payment)     { p.Merchant = "mid-9" }
func inDollars(p *ledger.Payment)  { p.Currency = "USD" }
func noCurrency(p *ledger.Payment) { p.Currency = "" }

// TestEachSurplusHasItsReason: the ways to hold money that is not the order's to keep, and the ones that are not.
func TestEachSurplusHasItsReason(t *testing.T) {
	t.Parallel()
	late := []func(*ledger.Terms){keepLate}
	for _, tc := range []struct {
		name   string
		status ledger.Status
		terms  []func(*ledger.Terms)
		p      ledger.Payment
		want   ledger.Reason
		ends   ledger.Status
	}{
		{"one won too much", ledger.Open, nil, line("key-current", ledger.Captured, 0, under(2), more), ledger.Mismatch, ledger.Processing},
		{"one won too much, processing", ledger.Processing, nil, line("key-current", ledger.Captured, 0, under(2), more), ledger.Mismatch, ledger.Processing},
		{"one won too much beside the payment", ledger.Paid, nil, line("key-other", ledger.Captured, 0, under(2), more), ledger.Mismatch, ledger.Paid},
		{"a second payment", ledger.Paid, nil, line("key-other", ledger.Captured, 0, under(2)), ledger.Second, ledger.Paid},
		{"a second payment, partly refunded", ledger.Paid, nil, line("key-other", ledger.Captured, 0, under(2), partLeft), ledger.Second, ledger.Paid},
		{"a payment after the refund", ledger.Refunded, nil, line("key-other", ledger.Captured, 0, under(2)), ledger.Second, ledger.Refunded},
		{"the earlier number, while this one may be paid", ledger.Processing, nil, line("key-old", ledger.Captured, 0), "", ledger.Paid},
		{"another payment than the returned one", ledger.Processing, nil, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Paid},
		{"another one, partly refunded", ledger.Processing, nil, line("key-other", ledger.Captured, 0, under(2), partLeft), "", ledger.Paid},
		{"after the expiry", ledger.Expired, nil, line("key-other", ledger.Captured, 0, under(2)), ledger.Late, ledger.Expired},
		{"after the failure", ledger.Failed, nil, line("key-other", ledger.Captured, 0, under(2), partLeft), ledger.Late, ledger.Failed},
		{"one won too much, kept late or not", ledger.Expired, late, line("key-other", ledger.Captured, 0, under(2), more), ledger.Mismatch, ledger.Expired},
		{"kept late", ledger.Expired, late, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Paid},
		{"kept late after a failure", ledger.Failed, late, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Paid},
		{"kept late, in another payment's way", ledger.Paid, late, line("key-other", ledger.Captured, 0, under(2)), ledger.Second, ledger.Paid},
		{"the payment itself", ledger.Paid, nil, line("key-current", ledger.Captured, 0, under(2)), "", ledger.Paid},
		{"this number", ledger.Processing, nil, line("key-current", ledger.Captured, 0, under(2)), "", ledger.Paid},
		{"before the buyer came", ledger.Open, nil, line("key-old", ledger.Captured, 0), "", ledger.Paid},
		{"nothing is left of it", ledger.Paid, nil, line("key-other", ledger.Captured, 0, under(2), amount(15001, 0)), "", ledger.Paid},
		{"a person has it", ledger.Review, nil, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Review},
		{"test money of a live order, after its expiry", ledger.Expired, []func(*ledger.Terms){keepLate, wasOnline}, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Expired},
		{"test money of a live order that is paid", ledger.Paid, []func(*ledger.Terms){wasOnline}, line("key-other", ledger.Captured, 0, under(2)), "", ledger.Paid},
	} {
		k := talk{stood(tc.status, tc.terms...), t}
		if tc.status == ledger.Paid {
			k.Payments[0].Test = !k.Account.Live
		}
		k.byKey(now(k.Order), tc.p)
		p := k.Payment(tc.p.Key)
		k.want(tc.name, tc.ends, 2)
		switch owed := p.Role == ledger.Surplus; {
		case owed != (tc.want != "") || p.Reason != tc.want:
			t.Errorf("%s: %s %q, want %q\n%s", tc.name, p.Role, p.Reason, tc.want, show(k.Order))
		case owed && (k.Due().IsZero() || k.Due().After(in(now(k.Order)+time.Minute))):
			t.Errorf("%s: owed, and due %v", tc.name, k.Due().Sub(noon))
		case owed:
			if s := k.Next(k.LearnedAt, ledger.Visit{Began: k.LearnedAt}); s.Do != ledger.Send || s.Request.Key != p.Key || s.Request.Amount != p.Balance || s.Request.Balance != p.Balance {
				t.Errorf("%s: %v %+v, want all of it refunded", tc.name, s.Do, s.Request)
			}
		}
	}
}

// TestNextNumberOnlyWhenTheMoneyIsBack: a window that took a wrong amount. Nobody can pay until all of it is back, then under the next number.
func TestNextNumberOnlyWhenTheMoneyIsBack(t *testing.T) {
	t.Parallel()
	wrong := func(left int64) ledger.Payment {
		return line("key-wrong", ledger.Captured, 0, amount(14999, left))
	}
	k := talk{made(as), t}
	k.byKey(time.Minute, wrong(14999))
	k.want("wrong money", ledger.Processing, 1)
	for _, kind := range []ledger.Kind{ledger.Confirm, ledger.Approval, ledger.Charge} {
		if _, err := k.Intend(asks(kind, "key-2", time.Minute)); !errors.Is(err, ledger.ErrNotOpen) {
			t.Errorf("a %s while money is to go back: %v", kind, err)
		}
	}
	k.learn(2*time.Minute, ledger.Answer{Attempt: 1})
	k.want("no answer", ledger.Processing, 1)
	k.shows(2*time.Minute, 1)
	k.want("a lookup that does not show it", ledger.Processing, 1)
	k.shows(2*time.Minute, 1, wrong(14999), line("key-2", ledger.Declined, 0))
	k.want("another window's refusal", ledger.Processing, 1)
	k.byKey(2*time.Minute, wrong(5000))
	k.want("the console refunds a part", ledger.Processing, 1)
	if s := k.Next(in(2*time.Minute), ledger.Visit{}); s.Do != ledger.Send || s.Request.Amount != 5000 || s.Request.Balance != 5000 {
		t.Errorf("%v %+v, want what is left refunded", s.Do, s.Request)
	}
	for i := range 3 { // ours, its webhook, and another request that asked as well
		k.byKey(3*time.Minute+time.Duration(i)*time.Second, wrong(0))
		k.want("all of it is back", ledger.Open, 2)
	}
	k.byKey(4*time.Minute, line("key-right", ledger.Captured, 0, under(2)))
	k.want("paid under the next number", ledger.Paid, 2)
	k.byKey(2*time.Minute+30*time.Second, wrong(14999))
	k.want("an answer of before", ledger.Paid, 2)
	k.byKey(7*time.Minute, wrong(14999))
	k.want("a lookup that is behind", ledger.Paid, 2)
	k.byKey(9*time.Minute, wrong(14999))
	k.want("it is there again", ledger.Review, 2)
}

// TestToldAgainAfterTheReturn: two requests learn that surplus money is back, and the webhook of the cancel says so as well. Only the first one
// changes anything.
func TestToldAgainAfterTheReturn(t *testing.T) {
	t.Parallel()
	for _, s := range []ledger.Status{ledger.Open, ledger.Processing, ledger.Paid, ledger.Refunded, ledger.Failed, ledger.Expired} {
		k := talk{stood(s), t}
		at := now(k.Order)
		k.byKey(at, line("key-other", ledger.Captured, 0, under(2), more))
		k.byKey(at+time.Second, line("key-other", ledger.Captured, 0, under(2), amount(15001, 0)))
		first := k.Order
		if p := k.Payment("key-other"); p.Role != ledger.Returned {
			t.Errorf("%s: %s %q", s, p.Role, p.Reason)
		}
		for again := range 3 {
			k.byKey(at+time.Duration(again+2)*time.Second, line("key-other", ledger.Captured, 0, under(2), amount(15001, 0)))
		}
		if k.Status() != first.Status() || k.Current() != first.Current() || len(k.Payments) != len(first.Payments) {
			t.Errorf("%s: it is back:\n%stold again:\n%s", s, show(first), show(k.Order))
		}
		if paid := k.Paid(); (paid == nil) != (s != ledger.Paid && s != ledger.Refunded) {
			t.Errorf("%s: paid with %v", s, paid)
		}
	}
}

// TestConfirmedPaymentOutlivesTheReturn: beside the payment that a confirm asked for, and of which nobody knows yet, its number held another one,
// which fits or not. When that one is back the confirmed one may still take money: only its own end begins the next number.
func TestConfirmedPaymentOutlivesTheReturn(t *testing.T) {
	t.Parallel()
	wrong := func(left int64) ledger.Payment { return line("key-wrong", ledger.Captured, 0, amount(100, left)) }
	fits := func(left int64) ledger.Payment { return line("key-wrong", ledger.Captured, 0, balance(left)) }
	for _, tc := range []struct {
		name   string
		shown  []ledger.Payment
		after  ledger.Status // when all of it is back
		paid   ledger.Status // then the confirmed one shows captured
		number int
		ends   ledger.Status // then it shows nothing, 15 minutes later
	}{
		{"returned by us", []ledger.Payment{wrong(100), wrong(0)}, ledger.Processing, ledger.Paid, 2, ledger.Open},
		{"gone before we knew", []ledger.Payment{wrong(0)}, ledger.Processing, ledger.Paid, 2, ledger.Open},
		{"fits, and refunded in the console", []ledger.Payment{fits(15000), fits(0)}, ledger.Refunded, ledger.Refunded, 1, ledger.Refunded}, // what the confirm takes goes back
		{"fits, and gone before we knew", []ledger.Payment{fits(0)}, ledger.Processing, ledger.Paid, 1, ledger.Refunded},
	} {
		k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Confirm, "key-new", time.Minute)} }, atToss), t}
		for i, p := range tc.shown {
			k.shows(5*time.Minute+time.Duration(i)*time.Second, 1, p)
		}
		k.want(tc.name, tc.after, 1)
		if k.Due().IsZero() || len(k.Requests) != 1 {
			t.Errorf("%s: the confirm is forgotten\n%s", tc.name, show(k.Order))
		}
		took := k
		took.byKey(6*time.Minute, line("key-new", ledger.Captured, 0))
		took.want(tc.name+", and the confirmed one took the money", tc.paid, 1)
		if p := took.Payment("key-new"); p.Role != ledger.Kept && p.Role != ledger.Surplus {
			t.Errorf("%s: %s", tc.name, show(took.Order))
		}
		for _, at := range []time.Duration{17 * time.Minute, 17*time.Minute + time.Second} {
			k.learn(at, ledger.Answer{Key: "key-new", Readable: true})
			k.shows(at, 1, tc.shown[len(tc.shown)-1])
		}
		k.want(tc.name+", and the confirmed one took nothing", tc.ends, tc.number)
	}
}

// TestStaleAnswerAfterTheReturn: a question that was begun before the money was back is answered, or written down, after it. What it says was true
// then; it is not money that is there again. Nor is what a lookup shows that is behind.
func TestStaleAnswerAfterTheReturn(t *testing.T) {
	t.Parallel()
	for _, s := range []ledger.Status{ledger.Open, ledger.Processing, ledger.Paid, ledger.Refunded, ledger.Failed, ledger.Expired} {
		for name, edit := range map[string]func(*ledger.Payment){"whole": amount(15001, 15001), "a part": amount(15001, 5000), "fits": balance(15000)} {
			for asked, want := range map[time.Duration]ledger.Status{-2 * time.Second: s, 0: s, 4 * time.Minute: s, 6 * time.Minute: ledger.Review} {
				o := stood(s)
				at := now(o)
				o.Payments = append(o.Payments, line("key-old", ledger.Captured, at, amount(15001, 0), returned))
				k := talk{o, t}
				k.byKey(at+asked, line("key-old", ledger.Captured, 0, edit))
				p := k.Payment("key-old")
				if k.Status() != want || p.Role != ledger.Returned || p.Balance != 0 {
					t.Errorf("%s, %s, asked %v after it was back: %s, want %s\n%s", s, name, asked, k.Status(), want, show(k.Order))
				}
			}
		}
	}
}

// TestWrongMoneyThatIsGoneAlready: somebody refunded it in the console before we learned of it. The buyer can pay under the next number, and nobody
// is asked about it for ever.
func TestWrongMoneyThatIsGoneAlready(t *testing.T) {
	t.Parallel()
	for s, number := range map[ledger.Status]int{
		ledger.Open: 3, ledger.Processing: 3, ledger.Paid: 2, ledger.Refunded: 2, ledger.Failed: 2, ledger.Expired: 2,
	} {
		k := talk{stood(s), t}
		key, want := "key-other", s
		if s == ledger.Processing { // the one the buyer came back with
			key, want = "key-current", ledger.Open
		}
		k.shows(now(k.Order), 2, line(key, ledger.Captured, 0, under(2), amount(15001, 0)))
		k.want(string(s), want, number)
		if p := k.Payment(key); s != ledger.Paid && s != ledger.Refunded && p.Role != ledger.NoRole {
			t.Errorf("%s: %s %s", s, p.Role, p.Reason)
		}
	}
}

// TestTwoWrongPaymentsAreBothReturnedFirst: one of two is back; the order is not open before the other one is.
func TestTwoWrongPaymentsAreBothReturnedFirst(t *testing.T) {
	t.Parallel()
	k := talk{made(as), t}
	for i, step := range []struct {
		key     string
		left    int64
		want    ledger.Status
		attempt int
	}{
		{"key-a", 1, ledger.Processing, 1}, {"key-b", 2, ledger.Processing, 1}, {"key-a", 0, ledger.Processing, 1}, {"key-b", 0, ledger.Open, 2},
	} {
		k.byKey(time.Duration(i+1)*time.Minute, line(step.key, ledger.Captured, 0, amount(100, step.left)))
		k.want(fmt.Sprint(step.key, " has ", step.left), step.want, step.attempt)
	}
}

// TestNumberThatHeldMoneyIsUsedUp: a number of a cycle that was never charged is still to be charged when the wrong money of an earlier number is
// back; not so when it held money, too.
func TestNumberThatHeldMoneyIsUsedUp(t *testing.T) {
	t.Parallel()
	for other, number := range map[int]int{1: 2, 2: 3} {
		k := talk{made(func(o *ledger.Order) {
			o.Attempts[0].Used = true
			o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: in(time.Minute)})
		}, cycle), t}
		for i, step := range []struct {
			key     string
			attempt int
			left    int64
		}{{"key-a", 1, 1}, {"key-b", other, 2}, {"key-b", other, 0}, {"key-a", 1, 0}} {
			k.byKey(time.Duration(i+2)*time.Minute, line(step.key, ledger.Captured, 0, amount(100, step.left), under(step.attempt)))
			if owed := i < 3; owed && k.Status() != ledger.Processing {
				t.Errorf("step %d: %s while money is owed\n%s", i, k.Status(), show(k.Order))
			}
		}
		k.want(fmt.Sprintf("money under numbers 1 and %d, returned", other), ledger.Open, number)
	}
}

// TestStuckMoneyStaysOwed: in review the record still says what is to go back, and takes note when a person has refunded it.
func TestStuckMoneyStaysOwed(t *testing.T) {
	t.Parallel()
	for _, s := range everyStatus {
		if s == ledger.Review {
			continue
		}
		k := talk{stood(s), t}
		at := now(k.Order)
		kept := k.Paid()
		k.byKey(at, line("key-other", ledger.Captured, 0, under(2), more))
		r := asks(ledger.Cancel, "key-other", at, forNumber(2), func(r *ledger.Request) { r.Amount, r.Balance = 15001, 15001 })
		var err error
		if k.Order, err = k.Intend(r); err != nil {
			t.Fatal(s, err)
		}
		k.learn(at+time.Second, ledger.Answer{To: &r, Readable: true, Reply: ledger.Refused, Code: "NOT_CANCELABLE_PAYMENT"})
		if k.Status() == ledger.Review {
			t.Errorf("%s: a refusal alone: %s", s, show(k.Order))
		}
		k.byKey(at+2*time.Second, line("key-other", ledger.Captured, 0, under(2), more))
		k.want(string(s), ledger.Review, 2)
		if p := k.Payment("key-other"); p.Role != ledger.Surplus || k.Next(in(at+time.Hour), ledger.Visit{Looked: []ledger.Lookup{{Key: "key-other"}}}).Do == ledger.Send {
			t.Errorf("%s: %s", s, show(k.Order))
		}
		k.byKey(at+time.Hour, line("key-other", ledger.Captured, 0, under(2), amount(15001, 0)))
		if p := k.Payment("key-other"); k.Status() != ledger.Review || p.Role != ledger.Returned {
			t.Errorf("%s, and it is back: %s", s, show(k.Order))
		}
		if paid := k.Paid(); (paid == nil) != (kept == nil) || paid != nil && paid.Key != kept.Key {
			t.Errorf("%s: paid with %v, want %v", s, paid, kept)
		}
	}
}

// TestSurplusTimetable: what cannot be returned is looked up less and less often, and never forgotten.
func TestSurplusTimetable(t *testing.T) {
	t.Parallel()
	k := talk{stood(ledger.Paid, atToss), t}
	k.Attempts[0].LookedAt = in(time.Hour) // nothing is looked for under the number that was refused
	at := now(k.Order)
	k.byKey(at, line("key-other", ledger.Captured, 0, under(2)))
	r := asks(ledger.Cancel, "key-other", at, forNumber(2), func(r *ledger.Request) { r.Balance = 15000 })
	var err error
	if k.Order, err = k.Intend(r); err != nil {
		t.Fatal(err)
	}
	for i, age := range []time.Duration{30, 90, 210, 510, 1110, 4710, 8310, 11910} {
		if got := k.Due().Sub(in(at)); got != age*time.Second {
			t.Errorf("lookup %d is due after %v, want %v", i+1, got, age*time.Second)
		}
		k.learn(k.Due().Sub(noon), ledger.Answer{Key: "key-other"})
		k.want("no answer", ledger.Paid, 2)
	}
	k.byKey(k.Due().Sub(noon), line("key-other", ledger.Captured, 0, under(2), emptied))
	if k.want("it is back", ledger.Paid, 2); !k.Due().IsZero() || len(k.Requests) > 0 || k.Paid().Key != "key-current" || k.Paid().Balance != 15000 {
		t.Error(show(k.Order))
	}
}
