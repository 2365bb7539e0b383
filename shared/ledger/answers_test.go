package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// shape is one way in which a payment may (not) be the order's. The order is in its second attempt.
type shape struct {
	name string
	edit func(*ledger.Payment)
	ours bool // under a number the order has opened
	fits bool
}

var shapes = []shape{
	{"ours", func(*ledger.Payment) {}, true, true},
	{"to our account", merchant, true, true},
	{"to another account", theirs, true, false},
	{"the earlier number", under(1), true, true},
	{"the earlier number, one won less", func(p *ledger.Payment) { p.Attempt, p.Amount, p.Balance = 1, 14999, min(p.Balance, 14999) }, true, false},
	{"a number to come", under(3), false, true},
	{"approved before the order was made", func(p *ledger.Payment) { p.ApprovedAt = in(-time.Hour) }, false, true},
	{"one won less", func(p *ledger.Payment) { p.Amount, p.Balance = 14999, min(p.Balance, 14999) }, true, false},
	{"one won more", func(p *ledger.Payment) { p.Amount++ }, true, false},
	{"dollars", inDollars, true, false},
	{"no currency", noCurrency, true, false},
	{"real money in test mode", realMoney, true, false},
}

// holdings are what may be left of a captured payment.
var holdings = map[string]func(*ledger.Payment){"all": func(*ledger.Payment) {}, "a part": partLeft, "nothing": emptied}

// confirmed is an order whose second number a confirm was sent for, as the fourth request: the third one was answered without a decision, or never.
func confirmed(unanswered bool, reply ledger.Reply, terms ...func(*ledger.Terms)) ledger.Order {
	return made(func(o *ledger.Order) {
		o.Attempts[0].Used = true
		o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: noon})
		earlier := asks(ledger.Confirm, "key-own", 0, forNumber(2), turn(2))
		if !unanswered {
			earlier.Reply, earlier.RepliedAt = ledger.Untouched, noon
		}
		last := asks(ledger.Confirm, "key-own", 0, forNumber(2), turn(3))
		if last.Reply = reply; reply != ledger.NoReply {
			last.Code, last.RepliedAt = "REJECTED", in(time.Second)
		}
		o.Requests = []ledger.Request{earlier, last}
	}, append([]func(*ledger.Terms){atToss, func(t *ledger.Terms) { t.ExpiresAt = in(3 * time.Hour) }}, terms...)...)
}

// proven checks what a captured payment proves by itself, whatever else is known, and says that it has.
func proven(t *testing.T, name string, o ledger.Order, p ledger.Payment, s shape) bool {
	t.Helper()
	got := o.Payment(p.Key)
	if p.State != ledger.Captured {
		return false
	}
	if got == nil {
		t.Errorf("%s: money was taken and is not in the record\n%s", name, show(o))
		return true
	}
	empty := p.Balance == 0
	switch {
	case !s.ours && got.Role != ledger.Foreign:
		t.Errorf("%s: money of another table is %s", name, got.Role)
	case s.ours && !empty && s.fits && (got.Role != ledger.Kept || o.Status() != ledger.Paid):
		t.Errorf("%s: %s, and the payment fits\n%s", name, o.Status(), show(o))
	case s.ours && !empty && !s.fits && (got.Role != ledger.Surplus || got.Reason != ledger.Mismatch || o.Status() != ledger.Processing):
		t.Errorf("%s: %s, and the payment does not fit\n%s", name, o.Status(), show(o))
	case empty && (got.Role == ledger.Surplus || o.Status() == ledger.Paid):
		t.Errorf("%s: nothing is left of it, and it is %s\n%s", name, got.Role, show(o))
	}
	return s.ours && !empty
}

// TestAfterConfirm: every reply to a confirm, with every payment beside it, and whose.
func TestAfterConfirm(t *testing.T) {
	t.Parallel()
	cases := 0
	for reply := ledger.NoReply; reply <= ledger.Accepted; reply++ {
		for state := ledger.State(0); state <= ledger.Captured; state++ {
			for left, hold := range holdings {
				for _, s := range shapes {
					for _, key := range []string{"key-own", "key-other"} {
						cases++
						o := confirmed(false, ledger.NoReply)
						a := ledger.Answer{To: &o.Requests[1], Readable: reply != ledger.NoReply, Reply: reply, Code: "CODE"}
						p := line(key, state, 0, under(2), hold)
						if state != ledger.Captured {
							p.Balance = 0
						}
						if s.edit(&p); state != 0 {
							a.Payments = []ledger.Payment{p}
						}
						k := talk{o, t}
						k.learn(9*time.Minute, a)
						name := fmt.Sprintf("reply %d, %s with %s left, %s, %s", reply, state, left, s.name, key)
						if proven(t, name, k.Order, p, s) {
							continue
						}
						if stray := p.Attempt == 3 && p.Balance > 0; stray || key == "key-own" && state >= ledger.Declined {
							continue // it is decided, whatever the reply says: TestAfterLookup
						}
						// A reply without the payment is never the end: a lookup after it must agree.
						if k.Status() != ledger.Processing || k.Current() != 2 || len(k.Requests) != 2 {
							t.Errorf("%s: %s at %d, want no conclusion\n%s", name, k.Status(), k.Current(), show(k.Order))
							continue
						}
						if r := k.Requests[1]; r.Reply != reply || reply != ledger.NoReply && (r.Code != "CODE" || !r.RepliedAt.Equal(in(9*time.Minute))) {
							t.Errorf("%s: remembers %+v", name, r)
						}
					}
				}
			}
		}
	}
	t.Logf("%d replies", cases)
}

// moments of a confirm, seen from when it was written.
var moments = []time.Duration{
	time.Minute, 2*time.Minute - 1, 2 * time.Minute, 10*time.Minute - 1, 10 * time.Minute, 15*time.Minute - 1, 15 * time.Minute, 75 * time.Minute,
}

// TestAfterLookup: every answer to a lookup of a confirmed payment, by its key and by its number, in every situation.
func TestAfterLookup(t *testing.T) {
	t.Parallel()
	cases := 0
	for state := ledger.State(0); state <= ledger.Captured; state++ {
		for left, hold := range holdings {
			for _, s := range shapes {
				for _, refused := range []bool{true, false} {
					for _, unanswered := range []bool{true, false} {
						for _, at := range moments {
							cases++
							o := confirmed(unanswered, map[bool]ledger.Reply{true: ledger.Refused}[refused])
							p := line("key-own", state, 0, under(2), hold)
							if state != ledger.Captured {
								p.Balance = 0
							}
							s.edit(&p)
							k := talk{o, t}
							byKey := ledger.Answer{Key: "key-own", Readable: true}
							var found []ledger.Payment
							if state != 0 {
								found = []ledger.Payment{p}
								byKey.Payments = found
							}
							k.learn(at, byKey)
							if p.Attempt != 2 {
								found = nil
							}
							k.shows(at, 2, found...)
							name := fmt.Sprintf("%s with %s left, %s, refused %v, unanswered %v, after %v", state, left, s.name, refused, unanswered, at)
							if proven(t, name, k.Order, p, s) {
								continue
							}
							k.checkUndecided(name, p, s, refused, unanswered, at)
						}
					}
				}
			}
		}
	}
	t.Logf("%d lookups", cases)
}

// checkUndecided: nothing is kept and nothing is owed. May the money still be taken?
func (k *talk) checkUndecided(name string, p ledger.Payment, s shape, refused, unanswered bool, at time.Duration) {
	k.t.Helper()
	over := refused && !unanswered || at >= 15*time.Minute || p.State >= ledger.Declined
	if gone := p.State == ledger.Captured && p.Balance == 0; gone && s.ours && s.fits {
		if k.Status() != ledger.Refunded && k.Status() != ledger.Open { // of the earlier number, which was not looked up: it may still pay
			k.t.Errorf("%s: %s at %d\n%s", name, k.Status(), k.Current(), show(k.Order))
		}
		return
	}
	switch {
	case p.Attempt == 3 && p.Balance > 0:
		k.want(name, ledger.Review, 2) // it may be this buyer's money
		return
	case over && p.State != 0 && p.Attempt != 2:
		k.want(name, ledger.Open, 2) // the provider takes no confirm of number 2 for another number's payment
	case over:
		k.want(name, ledger.Open, 3)
	default:
		k.want(name, ledger.Processing, 2)
	}
	seen := ledger.Visit{Began: in(at), Looked: []ledger.Lookup{{Key: "key-own"}, {Attempt: 2}}}
	sends := k.Next(in(at), seen).Do == ledger.Send
	if want := !over && !refused && at < 10*time.Minute; sends != want {
		k.t.Errorf("%s: sent again %v, want %v\n%s", name, sends, want, show(k.Order))
	}
	if s := k.Next(in(at).Add(time.Second), ledger.Visit{Began: in(at).Add(time.Second)}); s.Do == ledger.Send {
		k.t.Errorf("%s: sent without a lookup", name)
	}
}

// TestAfterLookupByKeyAndNumber: the redirect's key is of no use, so the number was looked up as well.
func TestAfterLookupByKeyAndNumber(t *testing.T) {
	t.Parallel()
	absent := ledger.Answer{Readable: true}
	unknown := ledger.Answer{}
	elsewhere := ledger.Answer{Readable: true, Elsewhere: true}
	earlier := func(s ledger.State) ledger.Answer {
		return ledger.Answer{Readable: true, Payments: []ledger.Payment{line("key-own", s, 0, under(1))}}
	}
	number := func(s ledger.State, edits ...func(*ledger.Payment)) ledger.Answer {
		return ledger.Answer{Readable: true, Complete: true, Payments: []ledger.Payment{line("key-real", s, 0, append(edits, under(2))...)}}
	}
	nothing := ledger.Answer{Readable: true, Complete: true}
	const inWindow, after = 10*time.Minute - time.Second, 15 * time.Minute
	for _, tc := range []struct {
		name            string
		byKey, byNumber ledger.Answer
		at              time.Duration
		want            ledger.Status
		number          int
		send            bool
	}{
		{"forged key, nothing under our number", absent, nothing, inWindow, ledger.Processing, 2, true},
		{"forged key, nothing under our number, too late", absent, nothing, after, ledger.Open, 3, false},
		{"forged key, our window is still open", absent, number(ledger.Begun), inWindow, ledger.Processing, 2, true},
		{"forged key, and yet our number is paid", absent, number(ledger.Captured), inWindow, ledger.Paid, 2, false},
		{"forged key, our number unknown", absent, unknown, inWindow, ledger.Processing, 2, true}, // Toss Payments takes one payment once
		{"forged key, our number unknown, too late", absent, unknown, after, ledger.Processing, 2, false},
		{"another order's key", elsewhere, nothing, inWindow, ledger.Open, 3, false},
		{"another order's key, ours is paid too", elsewhere, number(ledger.Captured), inWindow, ledger.Paid, 2, false},
		{"another order's key, ours unknown", elsewhere, unknown, inWindow, ledger.Processing, 2, false},
		{"another order's key, ours unknown, too late", elsewhere, unknown, after, ledger.Processing, 2, false},
		{"the earlier number's dead key", earlier(ledger.Declined), nothing, inWindow, ledger.Open, 2, false},
		{"the earlier number's pending key", earlier(ledger.Begun), nothing, inWindow, ledger.Processing, 2, true}, // refused by the provider: another number
		{"another payment of our number was declined", absent, number(ledger.Declined), inWindow, ledger.Processing, 2, true},
		{"another payment of our number was declined, too late", absent, number(ledger.Declined), after, ledger.Open, 3, false},
		{"our number holds dollars", absent, number(ledger.Captured, inDollars), inWindow, ledger.Processing, 2, false},
	} {
		k := talk{confirmed(false, ledger.NoReply), t}
		tc.byKey.Key, tc.byNumber.Attempt = "key-own", 2
		k.learn(tc.at, tc.byKey)
		k.learn(tc.at, tc.byNumber)
		k.want(tc.name, tc.want, tc.number)
		seen := ledger.Visit{Began: in(tc.at), Looked: []ledger.Lookup{{Key: "key-own"}, {Attempt: 2}}}
		s := k.Next(in(tc.at), seen)
		if sends := s.Do == ledger.Send && s.Request.Kind == ledger.Confirm; sends != tc.send {
			t.Errorf("%s: sent again %v, want %v\n%s", tc.name, sends, tc.send, show(k.Order))
		}
	}
}

// TestSandboxMoneyIsNotLiveMoney: test money pays no live order, and is not refunded either: there is nothing to refund, and a second payment of
// real money must not be lost for it. Real money in test mode goes back.
func TestSandboxMoneyIsNotLiveMoney(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{false, true} {
		for _, test := range []bool{true, false} {
			for left, hold := range holdings {
				for attempt := 1; attempt <= 2; attempt++ {
					for _, reply := range []bool{true, false} {
						k := talk{confirmed(false, ledger.NoReply, func(t *ledger.Terms) { t.Account.Live = live }), t}
						p := line("key-own", ledger.Captured, 0, under(attempt), hold, func(p *ledger.Payment) { p.Test = test })
						name := fmt.Sprintf("live order %v, test money %v, %s of number %d, by a reply %v", live, test, left, attempt, reply)
						if reply {
							k.learn(9*time.Minute, ledger.Answer{To: &k.Requests[1], Readable: true, Reply: ledger.Accepted, Payments: []ledger.Payment{p}})
						} else {
							k.byKey(9*time.Minute, p)
						}
						got := k.Payment("key-own")
						switch {
						case test && live:
							if got.State != ledger.Declined || got.Balance != 0 || got.Role != ledger.NoRole || k.Status() == ledger.Paid {
								t.Errorf("%s: %s\n%s", name, k.Status(), show(k.Order))
							}
							k.byKey(9*time.Minute+time.Second, line("key-real", ledger.Captured, 0, under(2), realMoney))
							k.want(name+", and then real money", ledger.Paid, k.Current())
						case left == "nothing":
							if got.Role == ledger.Surplus {
								t.Errorf("%s: %s", name, show(k.Order))
							}
						case test == live || !test && !live:
							if got.Role != ledger.Surplus || got.Reason != ledger.Mismatch {
								t.Errorf("%s: %s %s", name, got.Role, got.Reason)
							}
						default:
							k.want(name, ledger.Paid, 2)
						}
					}
				}
			}
		}
	}
}

// TestAccounts: money of another merchant account is not the order's. What nobody says is not compared.
func TestAccounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		own, paid string
		fits      bool
	}{
		{"mid-1", "mid-1", true}, {"mid-1", "mid-9", false}, {"mid-1", "MID-1", false}, {"mid-1", "mid-12", false}, {"mid-1", "", true},
		{"", "mid-9", true}, {"", "", true},
	} {
		for _, reply := range []bool{true, false} {
			k := talk{confirmed(false, ledger.NoReply, func(t *ledger.Terms) { t.Account.Merchant = tc.own }), t}
			p := line("key-own", ledger.Captured, 0, under(2), func(p *ledger.Payment) { p.Merchant = tc.paid })
			if reply {
				k.learn(time.Minute, ledger.Answer{To: &k.Requests[1], Readable: true, Reply: ledger.Accepted, Payments: []ledger.Payment{p}})
			} else {
				k.byKey(time.Minute, p)
			}
			if got := k.Payment("key-own"); (got.Role == ledger.Kept) != tc.fits || (got.Reason == ledger.Mismatch) == tc.fits {
				t.Errorf("ours %q, paid to %q, by a reply %v: %s %s", tc.own, tc.paid, reply, got.Role, got.Reason)
			}
		}
	}
}

// TestWhoseKeyItIs: what the redirect's key shows of another number says nothing of the current one, unless it took money.
func TestWhoseKeyItIs(t *testing.T) {
	t.Parallel()
	for state := ledger.Begun; state <= ledger.Captured; state++ {
		for _, hold := range []string{"all", "a part", "nothing"} {
			k := talk{confirmed(false, ledger.NoReply), t}
			p := line("key-own", state, 0, under(1))
			if holdings[hold](&p); state != ledger.Captured {
				p.Balance = 0
			}
			k.byKey(time.Minute, p)
			paid := state == ledger.Captured && hold != "nothing"
			if (k.Status() == ledger.Paid) != paid || paid && k.Paid().Attempt != 1 {
				t.Errorf("%s, %s left, under number 1: %s\n%s", state, hold, k.Status(), show(k.Order))
			}
		}
	}
}

// TestNobodyConfirmsAWindowThatCaptures: a provider that captures by itself is not asked for money, nor is one without the payment's key.
func TestNobodyConfirmsAWindowThatCaptures(t *testing.T) {
	t.Parallel()
	o, err := made(as).Intend(asks(ledger.Confirm, "key-1", 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, late := range []time.Duration{0, time.Second, time.Minute} {
		for _, v := range []ledger.Visit{{Fresh: &o.Requests[0]}, {Looked: []ledger.Lookup{{Key: "key-1"}, {Attempt: 1}}}} {
			if s := o.Next(in(late), v); s.Do == ledger.Send {
				t.Errorf("after %v: %v %+v", late, s.Do, s.Request)
			}
		}
	}
	for late, sends := range map[time.Duration]bool{0: true, 10*time.Minute - 1: true, 10 * time.Minute: false, 5 * time.Hour: false} {
		o, err := made(as, atToss).Intend(asks(ledger.Confirm, "key-1", 0))
		if err != nil {
			t.Fatal(err)
		}
		if s := o.Next(in(late), ledger.Visit{Fresh: &o.Requests[0]}); (s.Do == ledger.Send) != sends {
			t.Errorf("%v after it was written: %v", late, s.Do)
		}
	}
}

// TestRefusalKeepsItsCode: why a number was refused is known as long as the order is, whatever is learned after it.
func TestRefusalKeepsItsCode(t *testing.T) {
	t.Parallel()
	k := talk{made(func(o *ledger.Order) {
		o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0)}
	}, cycle), t}
	charge := k.Requests[0]
	k.byKey(time.Second, line("key-w", ledger.Captured, 0, amount(100, 100)))
	k.learn(2*time.Second, ledger.Answer{To: &charge, Readable: true, Reply: ledger.Refused, Code: "CARD_NOT_AVAILABLE"})
	k.want("refused, and money is to go back", ledger.Processing, 1)
	for i := range 40 {
		k.learn(time.Duration(i+3)*time.Second, ledger.Answer{Key: "key-w"})
	}
	k.byKey(time.Minute, line("key-w", ledger.Captured, 0, amount(100, 0)))
	k.want("it is back", ledger.Open, 2)
	if !slices.ContainsFunc(k.Attempts, func(a ledger.Attempt) bool { return a.Code == "CARD_NOT_AVAILABLE" }) {
		t.Error(show(k.Order))
	}
}
