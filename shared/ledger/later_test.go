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

// TestRefundRefusedForNow: the next time to ask is the same whoever comes by before it, and a visit that may not ask goes
// on to what else there is to do.
func TestRefundRefusedForNow(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{
			line("key-1", ledger.Captured, 0, kept),
			line("key-2", ledger.Captured, 0, surplus), line("key-3", ledger.Captured, 0, surplus),
		}
		back := later(3, time.Minute, func(r *ledger.Request) { r.Key, r.RefundID, r.Amount = "key-2", "", 15000 })
		o.Requests = []ledger.Request{later(3, time.Minute), back, asks(ledger.Notice, "key-9", time.Minute)}
	})
	type plan struct {
		do   ledger.Do
		look string // key
		send string
		turn int
	}
	for _, tc := range []struct {
		name  string
		at    time.Duration
		spent bool
		want  plan
	}{
		{"before the pause is over, what can be given back", 89 * time.Second, false, plan{do: ledger.Send, send: "key-3"}},
		{"a visit that has sent enough looks", 3 * time.Hour, true, plan{do: ledger.LookUp, look: "key-9"}},
		{"after the pause", 90 * time.Second, false, plan{do: ledger.Send, send: "key-2", turn: 4}},
	} {
		o, v := visiting(o, tc.at, "key-1", "key-2", "key-3")
		v.Spent = tc.spent
		s := o.Next(in(tc.at), v)
		if got := (plan{s.Do, s.Key, s.Request.Key, s.Request.Turn}); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// TestRefundRefusedForAWeek: it is denied when it was asked for once more after a week, and a lookup that cannot be behind
// shows that no turn of it was made.
func TestRefundRefusedForAWeek(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	unusable := replied(ledger.Unusable, week)
	givenBack := func(r *ledger.Request) { r.RefundID = "" }
	for name, tc := range map[string]struct {
		r       ledger.Request
		looked  time.Duration // after the reply
		balance int64
		want    ledger.Outcome
	}{
		"after a week":                    {later(7, week), 5 * time.Minute, 15000, ledger.Denied},
		"the lookup may be behind":        {later(7, week), 5*time.Minute - time.Second, 15000, ledger.Pending},
		"not a week":                      {later(7, week-2*time.Second), 5 * time.Minute, 15000, ledger.Pending},
		"not asked for since":             {later(7, time.Hour), 2 * week, 15000, ledger.Pending},
		"less is left, but not so much":   {later(7, week), 5 * time.Minute, 14000, ledger.Pending},
		"it was made":                     {later(7, week), 5 * time.Minute, 10000, ledger.Done},
		"too little is left":              {later(7, week, refundOf("r1", 9000, 15000, 7)), 5 * time.Minute, 8000, ledger.Denied},
		"a bad answer":                    {later(7, week, unusable), 5 * time.Minute, 15000, ledger.Pending},
		"it has waited for another":       {later(0, week, replied(ledger.NoReply, 0)), 5 * time.Minute, 15000, ledger.Pending},
		"surplus money is never given up": {later(7, week, givenBack), 5 * time.Minute, 15000, ledger.Pending},
	} {
		o := made(func(o *ledger.Order) {
			role := kept
			if tc.r.RefundID == "" {
				role = surplus
			}
			p := line("key-1", ledger.Captured, 0, role, unlisted)
			p.Balance, p.SeenAt = tc.balance, tc.r.RepliedAt.Add(tc.looked)
			o.Payments, o.Requests, o.LearnedAt = []ledger.Payment{p}, []ledger.Request{tc.r}, p.SeenAt
		}).Decide()
		if len(o.Requests) != 1 || o.Requests[0].Outcome != tc.want || o.End != ledger.NoEnd {
			t.Errorf("%s: want %v\n%s", name, tc.want, show(o))
		}
	}
}

// TestWeekBeginsWithTheFirstTurn: refunds are made one at a time, and one that has waited is not late when it is sent.
func TestWeekBeginsWithTheFirstTurn(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}
		o.Requests = []ledger.Request{later(0, 0, replied(ledger.NoReply, 0))}
	})
	for turn, at := range map[int]time.Duration{1: 240 * time.Hour, 2: 241 * time.Hour} {
		first, err := o.Intend(asks(ledger.Cancel, "key-1", at, refundOf("r1", 5000, 15000, turn)))
		if err != nil || !first.Requests[0].Since.Equal(in(at)) {
			t.Errorf("turn %d, the first that is sent: %v\n%s", turn, err, show(first))
		}
		next, err := first.Intend(asks(ledger.Cancel, "key-1", 2*at, refundOf("r1", 5000, 15000, turn+1)))
		if err != nil || !next.Requests[0].Since.Equal(in(at)) {
			t.Errorf("the turn after it: %v\n%s", err, show(next))
		}
	}
}

// TestTurnsOfARefund: a copy that meets the first one at work is no new turn, and waits for no more than a lost one.
func TestTurnsOfARefund(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		r    ledger.Request
		at   time.Duration
		turn int
	}{
		"refused for now":                 {later(1, 0), time.Hour, 2},
		"500":                             {later(1, 0, replied(ledger.Unusable, time.Second)), time.Hour, 2},
		"another copy is at work":         {later(1, 0, replied(ledger.Busy, time.Second)), 15 * time.Second, 1},
		"no answer":                       {later(1, 0, replied(ledger.NoReply, 0)), 15 * time.Second, 1},
		"it has waited":                   {later(0, 0, replied(ledger.NoReply, 0)), time.Hour, 1},
		"too early after a lost answer":   {later(1, 0, replied(ledger.NoReply, 0)), 14 * time.Second, 0},
		"too early after one at work":     {later(1, 0, replied(ledger.Busy, time.Second)), 14 * time.Second, 0},
		"too early after a bad answer":    {later(1, 0, replied(ledger.Unusable, time.Second)), 29 * time.Second, 0},
		"and not, when the pause is over": {later(1, 0, replied(ledger.Unusable, time.Second)), 30 * time.Second, 2},
	} {
		o, v := visiting(made(func(o *ledger.Order) {
			o.Payments, o.Requests = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, []ledger.Request{tc.r}
		}), tc.at, "key-1")
		if s := o.Next(in(tc.at), v); s.Request.Turn != tc.turn || (s.Do == ledger.Send) != (tc.turn > 0) {
			t.Errorf("%s: %+v, want turn %d", name, s, tc.turn)
		}
	}
}

// TestTwoCopiesOfARefund: one copy is refused for now, and told of late by a slow visit; the other was made meanwhile, and
// its answer is lost. It is made, and not asked for again.
func TestTwoCopiesOfARefund(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		p := line("key-1", ledger.Captured, 0, kept, unlisted)
		p.Balance, p.SeenAt = 10000, in(time.Hour)
		o.Payments = []ledger.Payment{p}
		o.Requests = []ledger.Request{later(1, 0)}
		o.LearnedAt = in(time.Hour)
	}).Decide()
	if r, _ := o.RefundOf("r1"); r.Outcome != ledger.Done {
		t.Errorf("%v\n%s", r.Outcome, show(o))
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
	if err != nil || o.Status() != ledger.Paid || len(o.Requests) != 1 {
		t.Fatal(err, show(o))
	}
	if o.Requests[0].Kind != ledger.Notice || o.Due().IsZero() {
		t.Error("it is not looked up:", show(o))
	}
	p := *o.Payment("key-1")
	p.Balance = 0
	at := in(32 * time.Hour)
	o = o.Learn(ledger.Answer{
		Account: o.Account, Began: at, At: at, Key: "key-1", Readable: true, Payments: []ledger.Payment{p},
	}).Decide()
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
	for day := 1; day <= 10; day++ { // a refund a day puts off nothing
		o.Payments[0].KnownAt = look.Add(time.Duration(day) * 23 * time.Hour)
		o.LearnedAt = o.Payments[0].KnownAt
	}
	if !o.Unsettled(o.LearnedAt) {
		t.Error("ten days later nobody is told:", show(o))
	}
	o.Attempts[0].DoubtAt, o.Attempts[0].LookedAt = in(time.Minute), look
	if !o.Unsettled(o.LearnedAt) {
		t.Error("a request was never answered, and nobody is told:", show(o))
	}
	if o.Attempts[0].LookedAt = o.LearnedAt; o.Unsettled(o.LearnedAt) {
		t.Error("it was read:", show(o))
	}
}

// TestNumberThatARefundMakesUnread: a refund long after the last look, or a decision long after a look that review did not
// want, is no news for a person by itself.
func TestNumberThatARefundMakesUnread(t *testing.T) {
	t.Parallel()
	refunded := made(func(o *ledger.Order) {
		p := line("key-1", ledger.Captured, 72*time.Hour, kept)
		p.Balance = 14000
		o.Payments, o.LearnedAt = []ledger.Payment{p}, in(72*time.Hour)
		o.Attempts[0].LookedAt = in(80 * time.Minute)
	})
	decided := made(func(o *ledger.Order) {
		o.Payments, o.LearnedAt = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)}, in(72*time.Hour)
		o.Resolutions = []ledger.Resolution{{Key: "key-1", Keep: true, At: in(72 * time.Hour)}}
	})
	for name, o := range map[string]ledger.Order{"refunded": refunded, "decided": decided} {
		if len(o.Attempts) != 1 || o.Due().IsZero() || o.Unsettled(o.LearnedAt) {
			t.Errorf("%s: due %v, and somebody is told\n%s", name, o.Due(), show(o))
		}
		if o.LearnedAt = in(96 * time.Hour); !o.Unsettled(o.LearnedAt) {
			t.Errorf("%s: a day later nobody is told\n%s", name, show(o))
		}
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
