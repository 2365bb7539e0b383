package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestSecondTestMoneySaysNothingOfTheCharge: nor do two payments of a test channel say what became of a charge that nobody has answered.
func TestSecondTestMoneySaysNothingOfTheCharge(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := charged(t, wasOnline)
		x.put("key-1", "order-1", ledger.Captured)
		x.put("key-2", "order-1", ledger.Captured)
		time.Sleep(31 * time.Second)
		x.notice("", "order-1")
		x.want(ledger.Processing, 1)
		for range 5 {
			x.toDue()
			x.want(ledger.Processing, 1)
		}
		x.put("key-c", "order-1", ledger.Captured, withMeans, live)
		x.toDue()
		x.want(ledger.Paid, 1)
	})
}

// TestUndecidedPaymentIsWaitedFor: while the provider has a payment that is not decided, its charge is not sent again, however old it is; and the
// refusal of a repetition ends the number only when a lookup finds nothing that could still be taken.
func TestUndecidedPaymentIsWaitedFor(t *testing.T) {
	t.Parallel()
	begun := func(p *ledger.Payment) { p.State, p.Balance = ledger.Begun, 0 }
	for _, tc := range []struct {
		name   string
		found  []ledger.Payment
		repeat bool
		sent   bool
	}{
		{"not decided", []ledger.Payment{line("key-1", ledger.Begun, 0, withMeans)}, true, false},
		{"a window, not decided", []ledger.Payment{line("key-1", ledger.Begun, 0)}, true, false},
		{"failed, and perhaps not, just now", []ledger.Payment{line("key-1", ledger.Doubtful, 0, withMeans)}, true, false}, // PendingMax after it was shown
		{"unknown to the provider", nil, true, true},
		{"unknown to the provider, and not wanted any more", nil, false, false},
		{"a window that failed", []ledger.Payment{line("key-1", ledger.Declined, 0)}, true, true},
	} {
		k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0)} }, cycle), t}
		at := 76 * time.Minute
		k.shows(at, 1, tc.found...)
		k.want(tc.name, ledger.Processing, 1)
		v := ledger.Visit{Began: in(at), Looked: []ledger.Lookup{{Attempt: 1}}}
		if tc.repeat {
			v.Repeat = in(at + time.Minute)
		}
		if s := k.Next(in(at), v); (s.Do == ledger.Send) != tc.sent {
			t.Errorf("%s: %v %+v", tc.name, s.Do, s.Request)
		}
		if s := k.Next(in(at), ledger.Visit{Began: in(at), Repeat: v.Repeat}); s.Do == ledger.Send {
			t.Errorf("%s: sent without a lookup", tc.name)
		}
	}
	doubted := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0)} }, cycle), t}
	doubted.shows(time.Minute, 1, line("key-1", ledger.Doubtful, 0, withMeans))
	doubted.shows(77*time.Minute, 1, line("key-1", ledger.Doubtful, 0, withMeans))
	if s := doubted.Next(in(77*time.Minute), ledger.Visit{Looked: []ledger.Lookup{{Attempt: 1}}, Repeat: in(78 * time.Minute)}); s.Do != ledger.Send || s.Request.Turn != 1 || s.Request.Attempt != 1 {
		t.Errorf("failed, and perhaps not, 76 minutes ago: %v %+v", s.Do, s.Request)
	}

	again := asks(ledger.Charge, "means", 76*time.Minute, turn(1))
	k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0), again} }, cycle), t}
	k.learn(77*time.Minute, ledger.Answer{To: &again, Readable: true, Reply: ledger.Refused, Code: "CARD_EXCEED_LIMIT"})
	k.want("the repetition was refused", ledger.Processing, 1)
	k.shows(78*time.Minute, 1, line("key-2", ledger.Begun, 0, begun))
	k.want("refused, and another one is not decided", ledger.Processing, 1)
	if s := k.Next(in(78*time.Minute), ledger.Visit{Looked: []ledger.Lookup{{Attempt: 1}}, Repeat: in(80 * time.Minute)}); s.Do == ledger.Send {
		t.Errorf("refused, and sent again: %+v", s.Request)
	}
	k.shows(79*time.Minute, 1, line("key-2", ledger.Declined, 0))
	k.want("refused, and so was every other", ledger.Open, 2)
}

// TestChargeSendsItsMeans: a charge is sent with the billing key it was written with, within a minute.
func TestChargeSendsItsMeans(t *testing.T) {
	t.Parallel()
	for turnNo, means := range []string{"means", "means-2"} {
		o := made(func(o *ledger.Order) {
			if turnNo > 0 {
				o.Requests = []ledger.Request{asks(ledger.Charge, "means", 0)}
			}
		}, cycle)
		r := asks(ledger.Charge, means, time.Duration(turnNo)*2*time.Hour, turn(turnNo))
		next, err := o.Intend(r)
		if err != nil {
			t.Fatal(err)
		}
		v := ledger.Visit{Fresh: &next.Requests[len(next.Requests)-1]}
		if s := next.Next(r.At, v); s.Do != ledger.Send || s.Request.Key != means || s.Request.Turn != turnNo || s.Request.Attempt != 1 || s.Request.Amount != 15000 {
			t.Errorf("turn %d: %v %+v", turnNo, s.Do, s.Request)
		}
		if s := next.Next(r.At.Add(ledger.ChargeSendMax), v); s.Do == ledger.Send {
			t.Errorf("turn %d: sent a minute late", turnNo)
		}
	}
}

// TestSurplusGoesBackBesideACharge: the lookups of a charge in doubt bring nothing, for hours. What is to go back goes back all the same.
func TestSurplusGoesBackBesideACharge(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := charged(t)
		x.put("key-2", "order-1", ledger.Captured)
		time.Sleep(31 * time.Second)
		x.notice("key-2", "order-1")
		x.want(ledger.Paid, 1)
		hang := true
		x.before = func(call string) { x.bank.mu.Lock(); x.down = hang && call == "find #1"; x.bank.mu.Unlock() }
		x.put("key-3", "order-1", ledger.Captured)
		x.lose = 1
		time.Sleep(2 * time.Second)
		x.notice("key-3", "order-1")
		for range 3 {
			x.toDue()
		}
		x.wantLeft(15000, "key-2", "key-3")
		if o := x.get(); o.Due().IsZero() {
			t.Errorf("the charge is not looked for\n%s", show(o))
		}
		hang = false
		x.rest()
		x.want(ledger.Paid, 1)
	})
}

// TestChargesOwnAnswer: of a cycle that a window has paid meanwhile: the charge's own refusal ends the search for it, an answer to the first request
// does not end the search for the second, and a lookup that shows somebody's failure ends nothing. One that was never answered is looked at again.
func TestChargesOwnAnswer(t *testing.T) {
	t.Parallel()
	first, second := asks(ledger.Charge, "means", 0), asks(ledger.Charge, "means", 80*time.Minute, turn(1))
	for _, tc := range []struct {
		name     string
		requests []ledger.Request
		tell     func(*talk)
		over     bool
		again    time.Duration // when it is looked at again, once it is over
	}{
		{"refused", []ledger.Request{first}, func(k *talk) {
			k.learn(90*time.Minute, ledger.Answer{To: &first, Readable: true, Reply: ledger.Refused, Code: "CARD_EXCEED_LIMIT"})
		}, true, 0},
		{"another one's failure", []ledger.Request{first}, func(k *talk) { k.shows(time.Minute, 1, line("key-9", ledger.Declined, 0)) }, false, 0},
		{"its own failure", []ledger.Request{first}, func(k *talk) { k.shows(time.Minute, 1, line("key-9", ledger.Declined, 0, withMeans)) }, true, ledger.DoubtMax},
		{"the first one's refusal, and a second was sent", []ledger.Request{first, second}, func(k *talk) {
			k.learn(90*time.Minute, ledger.Answer{To: &first, Readable: true, Reply: ledger.Refused, Code: "CARD_EXCEED_LIMIT"})
		}, false, 0},
		{"the first one's failure, and a second was sent", []ledger.Request{first, second}, func(k *talk) {
			k.shows(90*time.Minute, 1, line("key-9", ledger.Declined, 0, withMeans))
		}, false, 0},
		{"the second one's refusal, not looked up since", []ledger.Request{first, second}, func(k *talk) {
			k.learn(90*time.Minute, ledger.Answer{To: &second, Readable: true, Reply: ledger.Refused, Code: "CARD_EXCEED_LIMIT"})
		}, false, 0},
		{"75 minutes", []ledger.Request{first}, func(k *talk) { k.shows(75*time.Minute, 1) }, true, ledger.DoubtMax},
		{"75 minutes, and a second was sent", []ledger.Request{first, second}, func(k *talk) { k.shows(100*time.Minute, 1) }, false, 0},
		{"75 minutes after the second", []ledger.Request{first, second}, func(k *talk) { k.shows(155*time.Minute, 1) }, true, 80*time.Minute + ledger.DoubtMax},
	} {
		k := talk{made(func(o *ledger.Order) {
			o.Requests = tc.requests
			o.Payments = []ledger.Payment{line("window", ledger.Captured, 20*time.Second, kept)}
		}, cycle), t}
		tc.tell(&k)
		k.want(tc.name, ledger.Paid, 1)
		due, rests := k.Due(), tc.over && tc.again == 0
		if over := len(k.Requests) == 0; over != tc.over || due.IsZero() != rests {
			t.Errorf("%s: due %v\n%s", tc.name, due.Sub(noon), show(k.Order))
		}
		if tc.again > 0 && !due.Equal(in(tc.again)) {
			t.Errorf("%s: looked at again after %v, want %v", tc.name, due.Sub(noon), tc.again)
		}
	}
}

// TestRefundedCycleIsHeard: what becomes of the money a cycle was paid with is recorded, also when the deployment's account has another name since.
func TestRefundedCycleIsHeard(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"mid-1", "mid-new"} {
		for left, want := range map[int64]ledger.Status{5000: ledger.Paid, 0: ledger.Refunded} {
			o := made(func(o *ledger.Order) {
				o.Payments = []ledger.Payment{line("key-c", ledger.Captured, time.Minute, kept, merchant, withMeans)}
			}, cycle)
			o.Account.Merchant = own
			k := talk{o, t}
			k.byKey(24*time.Hour, line("key-c", ledger.Captured, 0, merchant, withMeans, balance(left)))
			k.want(fmt.Sprintf("%s, %d left", own, left), want, 1)
			if k.Paid().Balance != left {
				t.Error(show(k.Order))
			}
		}
	}
}
