package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestLateAnswerOfAnEarlierNumber: two processes settle number 1, one records the refusal, the other one's answer comes late and meets an order whose
// second number a buyer may be paying.
func TestLateAnswerOfAnEarlierNumber(t *testing.T) {
	t.Parallel()
	confirm := asks(ledger.Confirm, "key-1", 0)
	k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{confirm} }, atToss), t}
	k.learn(time.Minute, ledger.Answer{To: &confirm, Readable: true, Reply: ledger.Refused, Code: "REJECT_CARD_COMPANY"})
	k.byKey(2*time.Minute, line("key-1", ledger.Begun, 0))
	k.want("refused", ledger.Open, 2)
	for name, a := range map[string]ledger.Answer{
		"it lapsed":              {Key: "key-1", Readable: true},
		"a lookup of its number": {Attempt: 1, Readable: true, Complete: true},
		"it was declined":        {Key: "key-1", Readable: true, Payments: []ledger.Payment{line("key-1", ledger.Declined, 0)}},
		"its own reply again":    {To: &confirm, Readable: true, Reply: ledger.Refused, Code: "REJECT_CARD_COMPANY"},
		"no answer":              {Key: "key-1"},
	} {
		late := k
		late.learn(16*time.Minute, a)
		late.want(name, ledger.Open, 2)
	}
	k.byKey(16*time.Minute, line("key-1", ledger.Captured, 0))
	k.want("it took the money all the same", ledger.Paid, 2)
}

// TestRefundOfAnotherPaymentLeavesTheKept: another payment of the same order that was refunded says nothing of the money we keep.
func TestRefundOfAnotherPaymentLeavesTheKept(t *testing.T) {
	t.Parallel()
	for _, attempt := range []int{1, 2} {
		for left := range holdings {
			k := talk{stood(ledger.Paid), t}
			was := *k.Payment("key-current")
			k.byKey(10*time.Minute, line("key-other", ledger.Captured, 0, under(attempt), emptied))
			if got := *k.Payment("key-current"); k.Status() != ledger.Paid || got.Balance != was.Balance || got.Role != ledger.Kept {
				t.Errorf("number %d, %s: %s", attempt, left, show(k.Order))
			}
		}
	}
}

// TestAnswerFromBeforeTheRequest: what was seen before the money was asked for says nothing of it, whichever is written first. Money that was seen
// counts.
func TestAnswerFromBeforeTheRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range []ledger.Kind{ledger.Return, ledger.Approval, ledger.Confirm, ledger.Charge, ledger.Notice} {
		terms := map[ledger.Kind]func(*ledger.Terms){ledger.Confirm: atToss, ledger.Charge: cycle}[kind]
		if terms == nil {
			terms = func(*ledger.Terms) {}
		}
		asked := func() talk {
			o, err := made(as, terms).Intend(asks(kind, "key-1", 10*time.Minute))
			if err != nil {
				t.Fatal(kind, err)
			}
			return talk{o, t}
		}
		for name, tell := range map[string]func(*talk, time.Duration){
			"nothing under the number": func(k *talk, at time.Duration) { k.shows(at, 1) },
			"another one's failure":    func(k *talk, at time.Duration) { k.shows(at, 1, line("key-0", ledger.Declined, 0)) },
			"nothing of the key":       func(k *talk, at time.Duration) { k.learn(at, ledger.Answer{Key: "key-1", Readable: true}) },
			"no answer":                func(k *talk, at time.Duration) { k.learn(at, ledger.Answer{Key: "key-1"}) },
		} {
			before := asked()
			status := before.Status()
			tell(&before, 10*time.Minute-time.Second)
			tell(&before, 9*time.Minute)
			if before.Status() != status || before.Current() != 1 || len(before.Requests) != 1 || before.Due().After(in(11*time.Minute)) {
				t.Errorf("%s, and %s, asked before: %s", kind, name, show(before.Order))
			}
		}
		if kind == ledger.Charge {
			continue // its payment is known by the billing key
		}
		took := asked()
		took.byKey(9*time.Minute, line("key-1", ledger.Captured, 0))
		took.want(kind.String()+", and its money was seen before", ledger.Paid, 1)
		other := asked()
		other.byKey(9*time.Minute, line("key-2", ledger.Captured, 0))
		if p := other.Payment("key-2"); p.Role != ledger.Kept || kind != ledger.Notice && len(other.Requests) != 1 {
			t.Errorf("%s, and another payment's money was seen before: %s", kind, show(other.Order))
		}
		other.byKey(11*time.Minute, line("key-1", ledger.Captured, 0))
		if p := other.Payment("key-1"); p.Role != ledger.Surplus || p.Reason != ledger.Second {
			t.Errorf("%s, and both took money: %s", kind, show(other.Order))
		}
	}
}

// TestTheGrace: a window that was opened in time may take money until 75 minutes after it, so nothing ends before.
func TestTheGrace(t *testing.T) {
	t.Parallel()
	over := time.Hour + ledger.OpenGrace
	for _, s := range []ledger.Status{ledger.Open, ledger.Processing} {
		for name, p := range map[string]*ledger.Payment{"nothing": nil, "declined": {Key: "key-current", Attempt: 2, State: ledger.Declined, Amount: 15000, Currency: "KRW", Test: true}} {
			for at, ends := range map[time.Duration]bool{over - 1: false, over: true} {
				k := talk{stood(s), t}
				var found []ledger.Payment
				if p != nil {
					found = []ledger.Payment{*p}
				}
				k.shows(at, 1)
				k.shows(at, 2, found...)
				if ended := k.Status() == ledger.Expired || k.Status() == ledger.Failed; ended != ends || !ended && k.Due().IsZero() {
					t.Errorf("%s, %s, %v before its end: %s\n%s", s, name, over-at, k.Status(), show(k.Order))
				}
			}
		}
	}
}

// TestAnswerFromBeforeTheCapture: an answer to a question that was begun before the capture was seen, or that may be behind it, contradicts nothing.
func TestAnswerFromBeforeTheCapture(t *testing.T) {
	t.Parallel()
	for _, s := range []ledger.State{ledger.Begun, ledger.Doubtful, ledger.Declined} {
		for asked, want := range map[time.Duration]ledger.Status{
			-30 * time.Second: ledger.Paid, -10 * time.Second: ledger.Paid, time.Second: ledger.Paid, 5 * time.Minute: ledger.Paid, 5*time.Minute + time.Second: ledger.Review,
		} {
			confirm := asks(ledger.Confirm, "key-1", time.Minute)
			k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{confirm} }, atToss), t}
			k.learn(10*time.Minute-20*time.Second, ledger.Answer{At: in(10 * time.Minute), Key: "key-1", Readable: true, Payments: []ledger.Payment{line("key-1", ledger.Captured, 0)}})
			k.want("captured", ledger.Paid, 1)
			k.byKey(10*time.Minute+asked, line("key-1", s, 0))
			k.want(fmt.Sprintf("%s, asked %v after the capture was seen", s, asked), want, 1)
			if k.Payment("key-1").State != ledger.Captured {
				t.Errorf("%s, asked %v after: it is forgotten\n%s", s, asked, show(k.Order))
			}
		}
	}
	nothing := talk{stood(ledger.Paid), t}
	nothing.shows(30*time.Minute, 2)
	nothing.learn(31*time.Minute, ledger.Answer{Key: "key-current", Readable: true})
	nothing.want("nothing is shown at all", ledger.Paid, 2)
}

// TestRefusalOfAnOlderTurn: the money was asked for again, under the next turn's key, while somebody decided by the older turn that it was refused.
// That says nothing of the request that is at work now.
func TestRefusalOfAnOlderTurn(t *testing.T) {
	t.Parallel()
	for refusedTurn, want := range map[int]ledger.Status{0: ledger.Processing, 1: ledger.Processing, 2: ledger.Open} {
		var turns []ledger.Request
		for n := range 3 {
			r := asks(ledger.Confirm, "key-1", time.Duration(n)*time.Second, turn(n))
			r.Since = noon
			if n < 2 {
				r.Reply, r.RepliedAt = ledger.Untouched, in(time.Duration(n)*time.Second)
			}
			turns = append(turns, r)
		}
		k := talk{made(func(o *ledger.Order) { o.Requests = turns }, atToss), t}
		k.learn(time.Minute, ledger.Answer{To: &turns[refusedTurn], Readable: true, Reply: ledger.Refused, Code: "CODE"})
		k.byKey(2*time.Minute, line("key-1", ledger.Begun, 0))
		k.shows(2*time.Minute, 1, line("key-1", ledger.Begun, 0))
		k.want(fmt.Sprint("turn ", refusedTurn, " was refused"), want, map[ledger.Status]int{ledger.Processing: 1, ledger.Open: 2}[want])
		if want == ledger.Processing {
			if s := k.Next(in(3*time.Minute), ledger.Visit{Looked: []ledger.Lookup{{Key: "key-1"}, {Attempt: 1}}}); s.Do == ledger.Send {
				t.Errorf("turn %d was refused, and it is sent again", refusedTurn)
			}
		}
	}
}

// TestOneAnswerIsOneAge: an answer shows a capture, and beside it money that was returned and is there again. The second is no older than the first.
func TestOneAnswerIsOneAge(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]ledger.Status{time.Minute: ledger.Paid, 6 * time.Minute: ledger.Review} {
		k := talk{made(as), t}
		k.byKey(time.Minute, line("key-2", ledger.Captured, 0, amount(100, 100)))
		k.byKey(2*time.Minute, line("key-2", ledger.Captured, 0, amount(100, 0)))
		k.want("returned", ledger.Open, 2)
		k.shows(2*time.Minute+after, 1, line("key-1", ledger.Captured, 0), line("key-2", ledger.Captured, 0, amount(100, 100)))
		k.want(fmt.Sprintf("%v later both hold money", after), want, 2)
		if p := k.Paid(); p == nil || p.Key != "key-1" {
			t.Error(show(k.Order))
		}
	}
}

// TestReturnIsNoted: the buyer is back from a window that takes the money itself, and the provider has not said so yet. A reload does not make it
// younger; the window of a number that is over may have taken money, too.
func TestReturnIsNoted(t *testing.T) {
	t.Parallel()
	note := func(o ledger.Order, attempt int, key string, at time.Duration) ledger.Order {
		next, err := o.Intend(asks(ledger.Return, key, at, forNumber(attempt)))
		if err != nil {
			t.Fatal(err)
		}
		return next.Decide()
	}
	for _, key := range []string{"", "key-1"} {
		first := note(made(as), 1, key, time.Minute)
		if first.Status() != ledger.Processing || !first.Due().Equal(in(90*time.Second)) || !first.ProcessingSince().Equal(in(time.Minute)) {
			t.Errorf("%q: due after %v\n%s", key, first.Due().Sub(noon), show(first))
		}
		again := note(first, 1, key, 21*time.Minute)
		if again.Status() != ledger.Processing || len(again.Requests) != 1 || !again.ProcessingSince().Equal(in(time.Minute)) || again.Unsettled(in(60*time.Minute)) || !again.Unsettled(in(61*time.Minute)) {
			t.Errorf("%q, and a reload: since %v\n%s", key, again.ProcessingSince().Sub(noon), show(again))
		}
	}
	k := talk{note(stood(ledger.Open), 1, "", 10*time.Minute), t}
	k.want("back from a window of the number before", ledger.Processing, 2)
	k.shows(10*time.Minute+time.Second, 1)
	k.want("which shows nothing", ledger.Processing, 2) // lookups may be behind
	k.shows(12*time.Minute+time.Second, 1)
	k.want("nor two minutes later", ledger.Open, 2)
}

// TestKnowledgeNeverGoesBack: an answer to a question that was begun earlier, and came later, does not hide the newer one.
func TestKnowledgeNeverGoesBack(t *testing.T) {
	t.Parallel()
	k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", 0)} }, atToss), t}
	for _, tc := range []struct{ began, want time.Duration }{{2 * time.Minute, 2 * time.Minute}, {time.Minute, 2 * time.Minute}, {3 * time.Minute, 3 * time.Minute}} {
		k.learn(tc.began, ledger.Answer{Key: "key-1", Readable: true, At: in(4 * time.Minute), Payments: []ledger.Payment{line("key-1", ledger.Begun, 0)}})
		k.learn(tc.began, ledger.Answer{Attempt: 1, Readable: true, Complete: true, At: in(4 * time.Minute)})
		r, n, p := k.Requests[0].LookedAt, k.Attempts[0].LookedAt, k.Payment("key-1").SeenAt
		for what, got := range map[string]time.Time{"the request": r, "the number": n, "the payment": p} {
			if !got.Equal(in(tc.want)) {
				t.Errorf("asked after %v: %s was looked at after %v, want %v", tc.began, what, got.Sub(noon), tc.want)
			}
		}
		if !k.LearnedAt.Equal(in(4 * time.Minute)) {
			t.Errorf("learned after %v", k.LearnedAt.Sub(noon))
		}
	}
}
