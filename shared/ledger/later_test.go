package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// visiting is a visit at a time that has looked up all these payments, and its order shows them as they are.
func visiting(o ledger.Order, at time.Duration, keys ...string) (ledger.Order, ledger.Visit) {
	v := ledger.Visit{Began: in(at)}
	for _, key := range keys {
		v.Looked = append(v.Looked, ledger.Lookup{Key: key})
		o.Payment(key).SeenAt = in(at)
	}
	return o, v
}

// later is a merchant's refund of 5,000 of key-1 that was asked for at noon and last at a time, and was refused for now.
func later(turn int, asked time.Duration, edits ...func(*ledger.Request)) ledger.Request {
	r := asks(ledger.Cancel, "key-1", asked, refundOf("r1", 5000, 15000, turn), replied(ledger.Untouched, asked+time.Second))
	r.Since = noon
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func clearly(r *ledger.Request) { r.Clear = true }

// TestRefundRefusedForNow: the next time to ask is the same whoever comes by before it, and a visit that may not ask goes
// on to what else there is to do.
func TestRefundRefusedForNow(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{
			line("key-1", ledger.Captured, 0, kept), line("key-2", ledger.Captured, 0, surplus), line("key-3", ledger.Captured, 0, surplus),
		}
		back := later(3, time.Minute, func(r *ledger.Request) { r.Key, r.RefundID, r.Amount = "key-2", "", 15000 })
		o.Requests = []ledger.Request{later(3, time.Minute), back, asks(ledger.Notice, "key-9", time.Minute)}
	})
	for _, tc := range []struct {
		name string
		at   time.Duration
		edit func(*ledger.Visit)
		want ledger.Step
	}{
		{"before the pause is over, what can be given back", 89 * time.Second, nil, ledger.Step{Do: ledger.Send, Request: ledger.Request{Key: "key-3"}}},
		{"a visit that has sent enough looks", 3 * time.Hour, func(v *ledger.Visit) { v.Spent = true }, ledger.Step{Do: ledger.LookUp, Key: "key-9"}},
		{"after the pause", 90 * time.Second, nil, ledger.Step{Do: ledger.Send, Request: ledger.Request{Key: "key-2", Turn: 4}}},
	} {
		o, v := visiting(o, tc.at, "key-1", "key-2", "key-3")
		if tc.edit != nil {
			tc.edit(&v)
		}
		got := o.Next(in(tc.at), v)
		if got.Do != tc.want.Do || got.Key != tc.want.Key || got.Request.Key != tc.want.Request.Key || got.Request.Turn != tc.want.Request.Turn {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// TestConsoleBesideARefundRefusedForNow: as much is refunded in the console. The refund that the provider has not made is
// not taken for made by that, unless some turn of it had no answer, or was sent twice. An old record does not say so.
func TestConsoleBesideARefundRefusedForNow(t *testing.T) {
	t.Parallel()
	late := replied(ledger.Untouched, 20*time.Second) // the same was sent twice
	for name, tc := range map[string]struct {
		r       ledger.Request
		balance int64
		want    ledger.Outcome
	}{
		"the first turn":               {later(1, 0), 10000, ledger.Pending},
		"its answer came late":         {later(1, 0, late), 10000, ledger.Done},
		"a further turn, all refused":  {later(7, 0, clearly), 10000, ledger.Pending},
		"a further turn, not all":      {later(7, 0), 10000, ledger.Done},
		"too little is left":           {later(7, 0, clearly), 4999, ledger.Denied},
		"refused for a week":           {later(7, 7*24*time.Hour, clearly), 15000, ledger.Denied},
		"not a week":                   {later(7, 7*24*time.Hour-2*time.Minute, clearly), 15000, ledger.Pending},
		"unclear for a week":           {later(7, 7*24*time.Hour), 15000, ledger.Pending},
		"waits for a week for another": {later(0, 7*24*time.Hour, replied(ledger.NoReply, 0)), 15000, ledger.Pending},
	} {
		o := made(func(o *ledger.Order) {
			p := line("key-1", ledger.Captured, 0, kept, unlisted)
			p.Balance, p.SeenAt = tc.balance, tc.r.At.Add(time.Minute)
			o.Payments, o.Requests, o.LearnedAt = []ledger.Payment{p}, []ledger.Request{tc.r}, p.SeenAt
		}).Decide()
		if r, _ := o.RefundOf("r1"); r.Outcome != tc.want {
			t.Errorf("%s: %v, want %v\n%s", name, r.Outcome, tc.want, show(o))
		}
	}
}

// TestTurnsOfARefund: the next turn knows whether one before it may have been made; a copy that meets the first one at
// work is no new turn.
func TestTurnsOfARefund(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		r     ledger.Request
		turn  int
		clear bool
	}{
		"refused for now":               {later(1, 0), 2, true},
		"and again":                     {later(2, 0, clearly), 3, true},
		"after one without an answer":   {later(2, 0), 3, false},
		"500":                           {later(1, 0, replied(ledger.Unusable, time.Second)), 2, false},
		"another copy is at work":       {later(1, 0, replied(ledger.Busy, time.Second)), 1, false},
		"the same, of a clear turn":     {later(4, 0, clearly, replied(ledger.Busy, time.Second)), 4, true},
		"no answer":                     {later(1, 0, replied(ledger.NoReply, 0)), 1, false},
		"it waited, and is sent at all": {later(0, 0, replied(ledger.NoReply, 0)), 1, false},
	} {
		o, v := visiting(made(func(o *ledger.Order) {
			o.Payments, o.Requests = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, []ledger.Request{tc.r}
		}), time.Hour, "key-1")
		if s := o.Next(in(time.Hour), v); s.Do != ledger.Send || s.Request.Turn != tc.turn || s.Request.Clear != tc.clear {
			t.Errorf("%s: %+v, want turn %d, clear %v", name, s, tc.turn, tc.clear)
		}
	}
}

// TestKeptBesideACancel: an order in review, and a cancel of the payment that is kept may have been made. It is looked up
// until lookups cannot be behind. What is given back is asked for soon, however long the order was in review.
func TestKeptBesideACancel(t *testing.T) {
	t.Parallel()
	review := made(func(o *ledger.Order) {
		o.End, o.Payments = ledger.EndReview, []ledger.Payment{line("key-1", ledger.Captured, 0, surplus)}
		o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Minute, refundOf("", 15000, 15000, 0))}
		o.LearnedAt = in(30 * time.Hour)
	})
	o, err := review.Resolve(ledger.Resolution{Key: "key-1", Keep: true, At: in(31*time.Hour + time.Minute)})
	if err != nil || o.Status() != ledger.Paid || len(o.Requests) != 1 || o.Requests[0].Kind != ledger.Notice || o.Due().IsZero() {
		t.Fatal(err, show(o))
	}
	p := *o.Payment("key-1")
	p.Balance = 0
	at := in(32 * time.Hour)
	o = o.Learn(ledger.Answer{Account: o.Account, Began: at, At: at, Key: "key-1", Readable: true, Payments: []ledger.Payment{p}}).Decide()
	if o.Status() != ledger.Refunded || len(o.Requests) != 0 {
		t.Error("the cancel had been made:", show(o))
	}
	for _, requests := range [][]ledger.Request{nil, review.Requests} {
		review.Requests = requests
		o, err = review.Resolve(ledger.Resolution{Key: "key-1", At: in(31*time.Hour + time.Minute)})
		if due := o.Due().Sub(o.LearnedAt); err != nil || due > time.Minute {
			t.Errorf("%v: given back after %v\n%s", err, due, show(o))
		}
	}
}

// TestNumberThatIsNeverRead: whatever the order is, a number whose last look cannot be made for a day raises the alarm.
func TestNumberThatIsNeverRead(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}
		o.LearnedAt = in(time.Minute)
	})
	look := o.Due()
	for after, want := range map[time.Duration]bool{24*time.Hour - time.Second: false, 24 * time.Hour: true} {
		o.LearnedAt = look.Add(after)
		if got := o.Unsettled(o.LearnedAt); got != want {
			t.Errorf("%v after its time: unsettled %v\n%s", after, got, show(o))
		}
	}
	if o.Attempts[0].LookedAt = look; o.Unsettled(o.LearnedAt) {
		t.Error("it was read:", show(o))
	}
}

// TestPausesOfALostAnswer: a late turn of a refund whose answer is lost is looked up soon.
func TestPausesOfALostAnswer(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}
		o.Attempts[0].LookedAt = in(1000 * time.Hour)
		o.Requests = []ledger.Request{later(9, 8*time.Hour, replied(ledger.NoReply, 0))}
		o.LearnedAt = in(8 * time.Hour)
	})
	if got := o.Due().Sub(o.LearnedAt); got != 30*time.Second {
		t.Errorf("looked up after %v\n%s", got, show(o))
	}
}
