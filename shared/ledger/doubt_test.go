package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestNeverAnswered: a number is looked up once more, a day after a request under it of which the provider never said what
// it did; what an answer or the payment itself tells of is not.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	const looked, never = 160 * time.Minute, time.Duration(-1)
	confirm := func(edits ...func(*ledger.Request)) []ledger.Request {
		return []ledger.Request{asks(ledger.Confirm, "key-1", 0, edits...)}
	}
	charge := func(first, second ledger.Reply) []ledger.Request {
		return []ledger.Request{
			asks(ledger.Charge, "means", 0, replied(first, time.Second)),
			asks(ledger.Charge, "means", 76*time.Minute, turn(1), replied(second, 77*time.Minute)),
		}
	}
	for _, tc := range []struct {
		name     string
		requests []ledger.Request
		state    ledger.State  // of the payment that is shown under the number; 0: none is
		doubt    time.Duration // when the newest request was written that was never answered
	}{
		{"a confirm that nobody can find", confirm(), ledger.Begun, 0},
		{"a confirm that was busy", confirm(replied(ledger.Busy, time.Second)), ledger.Begun, 0},
		{"a confirm answered by an error", confirm(replied(ledger.Unusable, time.Second)), ledger.Begun, 0},
		{"a confirm whose payment was done before, and is not shown", confirm(replied(ledger.Already, time.Second)), ledger.Begun, 0},
		{"a confirm whose payment is shown declined", confirm(), ledger.Declined, 0},
		{"a confirm whose payment is shown", confirm(), ledger.Captured, never},
		{"a confirm that was refused", confirm(replied(ledger.Refused, time.Second)), ledger.Begun, never},
		{"a confirm with a wrong key", confirm(replied(ledger.Untouched, time.Second)), ledger.Begun, never},
		{"a charge that was repeated", charge(ledger.NoReply, ledger.Accepted), ledger.Captured, 0},
		{"a charge whose repetition was refused", charge(ledger.NoReply, ledger.Refused), 0, 0},
		{"a charge whose repetition was not answered", charge(ledger.Untouched, ledger.NoReply), ledger.Captured, 76 * time.Minute},
		{"a charge that was refused twice", charge(ledger.Untouched, ledger.Refused), 0, never},
		{"a charge", charge(ledger.Accepted, ledger.NoReply)[:1], ledger.Captured, never},
		{"a charge whose payment is shown", charge(ledger.NoReply, ledger.NoReply)[:1], ledger.Captured, never},
	} {
		terms := []func(*ledger.Terms){func(t *ledger.Terms) { t.Timing = toss }}
		shown := line("key-1", tc.state, looked)
		if tc.requests[0].Kind == ledger.Charge {
			terms, shown = []func(*ledger.Terms){cycle}, line("key-1", tc.state, looked, withMeans)
		}
		k := talk{made(func(o *ledger.Order) { o.Requests = tc.requests }, terms...), t}
		if k.shows(looked, 1); tc.state != 0 {
			k.byKey(looked, shown)
			k.shows(looked, 1, shown)
		}
		if len(k.Requests) > 0 {
			t.Errorf("%s: it is not over\n%s", tc.name, show(k.Order))
		}
		if tc.doubt == never {
			if at := k.Attempts[0].DoubtAt; !at.IsZero() {
				t.Errorf("%s: in doubt since %v", tc.name, at.Sub(noon))
			}
			continue
		}
		again := tc.doubt + ledger.DoubtMax
		early, then := k.lookedAt(again-time.Second), k.lookedAt(again)
		if due := k.Due(); due.After(in(again)) || early || !then {
			t.Errorf("%s: due after %v, looked at before %v: %v, then: %v", tc.name, due.Sub(noon), again, early, then)
		}
		k.shows(again, 1, line("key-2", ledger.Captured, again, withMeans))
		if k.lookedAt(again + time.Hour) {
			t.Errorf("%s: looked at for ever", tc.name)
		}
	}
}

// lookedAt says that the first number would be looked up now for its own sake: by a visit that has made the other lookups.
func (k *talk) lookedAt(at time.Duration) bool {
	v := ledger.Visit{Began: in(at)}
	for {
		switch s := k.Next(in(at), v); {
		case s.Do != ledger.LookUp:
			return false
		case s.Attempt == 1:
			return true
		default:
			v.Looked = append(v.Looked, ledger.Lookup{Key: s.Key, Attempt: s.Attempt})
		}
	}
}

// TestFoundADayLater: what a request that was never answered took is given back when its order has ended, and when it is
// paid by another number.
func TestFoundADayLater(t *testing.T) {
	t.Parallel()
	for _, paid := range []bool{false, true} {
		k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Confirm, "key-1", 0)} }, atToss), t}
		k.shows(20*time.Minute, 1)
		k.byKey(20*time.Minute, line("key-1", ledger.Begun, 20*time.Minute))
		k.want("given up", ledger.Open, 2)
		if paid {
			k.byKey(21*time.Minute, line("key-2", ledger.Captured, 21*time.Minute, under(2)))
			k.want("paid again", ledger.Paid, 2)
		} else {
			k.shows(3*time.Hour, 1)
			k.shows(3*time.Hour, 2)
			k.want("expired", ledger.Expired, 2)
		}
		k.shows(ledger.DoubtMax, 1, line("key-1", ledger.Captured, ledger.DoubtMax))
		s := k.Next(in(ledger.DoubtMax), ledger.Visit{})
		if s.Do != ledger.Send || s.Request.Kind != ledger.Cancel || s.Request.Key != "key-1" {
			t.Errorf("paid by another: %v: %+v\n%s", paid, s, show(k.Order))
		}
	}
}

// TestOneNumberUnreadable: a number that no lookup ever shows in full keeps no other from being looked at again, nor the
// order from being looked at when the other's time comes.
func TestOneNumberUnreadable(t *testing.T) {
	t.Parallel()
	const doubt = 20 * time.Minute
	k := talk{stood(ledger.Open, atToss), t}
	k.Attempts[0].DoubtAt, k.Attempts[1].DoubtAt = in(0), in(doubt)
	k.Attempts[1].Used, k.Attempts[1].LookedAt = true, in(3*time.Hour)
	k.Attempts[0].LookedAt, k.End, k.LearnedAt = in(3*time.Hour), ledger.EndExpired, in(3*time.Hour)
	unreadable := func(at time.Duration) { k.learn(at, ledger.Answer{Attempt: 1, Readable: true}) }
	if due := k.Due(); !due.Equal(in(ledger.DoubtMax)) {
		t.Fatalf("due after %v\n%s", due.Sub(noon), show(k.Order))
	}
	for at := ledger.DoubtMax; at < doubt+ledger.DoubtMax; at = k.Due().Sub(noon) {
		unreadable(at)
		if k.Unsettled(in(at)) {
			t.Errorf("an alarm %v after the number's time", at-ledger.DoubtMax)
		}
	}
	if due := k.Due(); !due.Equal(in(doubt + ledger.DoubtMax)) {
		t.Errorf("due after %v, want the time of number 2", due.Sub(noon))
	}
	later := ledger.DoubtMax + time.Hour
	v := ledger.Visit{Began: in(later)}
	for want := 1; want <= 2; want++ {
		s := k.Next(in(later), v)
		if s.Do != ledger.LookUp || s.Attempt != want {
			t.Errorf("%+v, want number %d looked up", s, want)
		}
		v.Looked = append(v.Looked, ledger.Lookup{Attempt: want})
	}
	unreadable(later)
	k.shows(later, 2, line("key-2", ledger.Captured, later, under(2)))
	if s := k.Next(in(later), v); s.Do != ledger.Send || s.Request.Key != "key-2" {
		t.Errorf("%+v, want key-2 given back\n%s", s, show(k.Order))
	}
	if due := k.Due(); due.After(in(later + time.Hour)) {
		t.Errorf("number 1 is due after %v", due.Sub(noon))
	}
	if !k.Unsettled(in(later)) {
		t.Error("an hour after its time number 1 is not read, and nobody is told")
	}
	k.shows(later+time.Minute, 1)
	if k.Unsettled(in(later + time.Minute)) {
		t.Error("it is read, and somebody is told")
	}
}

// TestNoAlarmOfALookNobodyMade: in review nothing is looked up. That a look's time went by then is no alarm when the order
// is resolved, but that the visit after it reads nothing.
func TestNoAlarmOfALookNobodyMade(t *testing.T) {
	t.Parallel()
	const resolved = 48 * time.Hour
	k := talk{stood(ledger.Paid, atToss), t}
	k.Attempts[0].DoubtAt, k.Attempts[0].LookedAt = in(0), in(20*time.Minute)
	if k.Unsettled(in(resolved)) {
		t.Error("nobody has looked since, and somebody is told")
	}
	if due := k.Due(); !due.Equal(in(ledger.DoubtMax)) {
		t.Errorf("due after %v", due.Sub(noon))
	}
	k.learn(resolved, ledger.Answer{Attempt: 1})
	if !k.Unsettled(in(resolved)) {
		t.Error("it could not be read, and nobody is told")
	}
	k.End = ledger.EndReview
	if k.Unsettled(in(resolved)) {
		t.Error("a look that nobody will make is told of in review")
	}
	if due := k.Due(); !due.IsZero() || k.lookedAt(resolved) {
		t.Errorf("in review it is looked up, due %v", due)
	}
}

// TestRefundsRaiseNoAlarm: a refund, made long after the last look, moves the time at which the payment was known. That
// the last look is made once more is no news for a person.
func TestRefundsRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	k := talk{stood(ledger.Paid), t}
	p := k.Payments[0]
	k.shows(3*time.Hour, 1)
	k.shows(3*time.Hour, 2, p)
	p.Balance -= 5000
	k.byKey(day, p)
	if k.Unsettled(in(day)) || k.Unsettled(in(2*day)) {
		t.Errorf("somebody is told\n%s", show(k.Order))
	}
}

// TestUnreadableNumbersShareTheirPauses: however many numbers cannot be read, the order is looked at hourly in the end.
func TestUnreadableNumbersShareTheirPauses(t *testing.T) {
	t.Parallel()
	k := talk{stood(ledger.Expired, atToss), t}
	k.Attempts = nil
	for i := range 8 {
		doubt := in(time.Duration(i) * 7 * time.Minute)
		k.Attempts = append(k.Attempts, ledger.Attempt{OpenedAt: doubt, DoubtAt: doubt, LookedAt: in(12 * time.Hour), Used: true})
	}
	k.LearnedAt = in(12 * time.Hour)
	visits := 0
	for at := k.Due().Sub(noon); at < 3*ledger.DoubtMax; at = k.Due().Sub(noon) {
		visits++
		for n := range k.Attempts {
			k.learn(at, ledger.Answer{Attempt: n + 1})
		}
	}
	if visits < 48 || visits > 70 {
		t.Errorf("%d visits in two days", visits)
	}
}
