package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestNoticeByNumberBehindAnotherPayment: a notice names a number only, or there are too many to keep its payment's key. The number shows another
// payment, decided long ago, and the new one not yet: lookups are behind by up to five minutes. It is not the other one that the notice speaks of.
func TestNoticeByNumberBehindAnotherPayment(t *testing.T) {
	t.Parallel()
	for state, come := range map[string]func(*till){
		"paid":    func(x *till) { x.paidBy("key-0", "order-1") },
		"expired": (*till).expire,
		"failed": func(x *till) {
			x.put("declined", "order-1", ledger.Declined)
			x.back("declined", "order-1", true)
			x.expire2()
		},
	} {
		for _, forged := range []int{0, 6} {
			for _, behind := range []time.Duration{time.Second, 4 * time.Minute} {
				bubble(t, fmt.Sprint(state, forged, behind), func(t *testing.T) {
					x := newTill(t, open())
					x.put("old", "order-1", ledger.Declined)
					come(x)
					x.rest()
					kept := x.left("key-0")
					x.put("key-1", "order-1", ledger.Captured)
					x.hide["key-1"], x.deaf = true, "key-1"
					for i := range forged {
						x.notice(fmt.Sprint("forged-", i), "order-1")
					}
					key := ""
					if forged > 0 {
						key = "key-1"
					}
					x.notice(key, "order-1")
					time.Sleep(behind)
					delete(x.hide, "key-1")
					x.deaf = ""
					x.rest()
					x.wantLeft(kept, "key-0", "key-1")
				})
			}
		}
	}
}

// expire2 lets the time of an order in its second attempt pass.
func (x *till) expire2() {
	x.t.Helper()
	x.rest()
	if o := x.get(); o.Status() != ledger.Expired && o.Status() != ledger.Failed {
		x.t.Error(show(o))
	}
}

// TestSecondPartBehindTheLookup: the console refunds a part, and later the rest. The notice of the rest comes before lookups show it.
func TestSecondPartBehindTheLookup(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.confirmKey1()
		x.put("key-1", "order-1", ledger.Captured, balance(5000))
		x.canceled("key-1", "order-1")
		time.Sleep(time.Hour)
		x.canceled("key-1", "order-1") // it is so, and the lookup is behind
		time.Sleep(time.Minute)
		x.put("key-1", "order-1", ledger.Captured, balance(0))
		x.rest()
		x.want(ledger.Refunded, 1)
	})
}

// TestNoticeOfAPaymentThatHadFailed: PortOne can approve a payment that had failed (TestFailedThenPaid, sim/world). Its notice comes once, and the
// lookups that follow still show the failure, for up to five minutes.
func TestNoticeOfAPaymentThatHadFailed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state func(*till)
		known bool // the failure was known before
	}{
		"open": {func(*till) {}, false}, "open, and known": {func(*till) {}, true},
		"expired": {(*till).expire2, false}, "expired, and known": {(*till).expire2, true},
	} {
		for _, behind := range []time.Duration{time.Second, 4 * time.Minute} {
			bubble(t, fmt.Sprint(name, behind), func(t *testing.T) {
				x := newTill(t, open())
				x.put("key-1", "order-1", ledger.Declined)
				if tc.known {
					x.back("key-1", "order-1", true)
				}
				tc.state(x)
				time.Sleep(time.Minute)
				ended := x.get().End != ledger.NoEnd
				x.notice("key-1", "order-1")
				time.Sleep(behind)
				x.put("key-1", "order-1", ledger.Captured)
				for range 8 { // the schedule, within ten minutes
					if o := x.get(); o.Due().IsZero() || time.Until(o.Due()) > 6*time.Minute {
						break
					}
					x.toDue()
				}
				if ended {
					x.wantLeft(0, "key-1")
				} else if p := x.get().Paid(); p == nil {
					t.Errorf("the capture is not found\n%s\n%v", show(x.get()), x.calls)
				}
			})
		}
	}
}

// TestNoticesAreBounded: whoever knows the webhook's address can name any payment. The record stays small, a copy changes nothing, and what came
// beyond the bound is looked for under its number.
func TestNoticesAreBounded(t *testing.T) {
	t.Parallel()
	for _, kind := range []ledger.Kind{ledger.Notice, ledger.Return} {
		o := made(func(o *ledger.Order) {
			o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: noon}, ledger.Attempt{OpenedAt: noon})
		})
		for i := range 2000 {
			next, err := o.Intend(asks(kind, fmt.Sprintf("key-%d", i%500), time.Duration(i)*time.Millisecond, forNumber(1+i%3)))
			if err != nil {
				t.Fatal(err)
			}
			o = next
		}
		named, numbers := 0, map[int]bool{}
		for _, r := range o.Requests {
			if r.Key == "" {
				numbers[r.Attempt] = true
			} else {
				named++
			}
		}
		if len(o.Requests) != 7 || named != 4 || len(numbers) != 3 {
			t.Errorf("%s: %d requests, %d of them name a payment, and the numbers %v", kind, len(o.Requests), named, numbers)
		}
		if due := o.Due().Sub(noon); due > time.Minute {
			t.Errorf("%s: due after %v", kind, due)
		}
	}
}

// TestNoticesEnd: what is accounted for is gone, what is not is looked up less and less often, what came meanwhile stays, and an order that waits for
// nothing else is final again.
func TestNoticesEnd(t *testing.T) {
	t.Parallel()
	k := talk{stood(ledger.Paid, atToss), t}
	k.Attempts[0].LookedAt = in(time.Hour) // nothing is looked for under the number that was refused
	hear := func(key string, at time.Duration) {
		t.Helper()
		next, err := k.Intend(asks(ledger.Notice, key, at, forNumber(2)))
		if err != nil {
			t.Fatal(err)
		}
		k.Order = next.Decide()
	}
	at := 10 * time.Minute
	hear("key-1", at)
	hear("key-2", at)
	if got := k.Due(); !got.Equal(in(at + 30*time.Second)) {
		t.Fatalf("due after %v", got.Sub(in(at)))
	}
	hear("key-3", at+20*time.Second)
	later := at + 30*time.Second
	k.byKey(later, line("key-1", ledger.Captured, 0, under(2), emptied))
	k.learn(later, ledger.Answer{Key: "key-2", Readable: true})
	if len(k.Requests) != 2 || !k.Due().Equal(in(at+50*time.Second)) {
		t.Errorf("due after %v\n%s", k.Due().Sub(in(at)), show(k.Order))
	}
	for range 20 {
		if k.Due().IsZero() {
			break
		}
		at := k.Due().Sub(noon)
		k.learn(at, ledger.Answer{Key: "key-2", Readable: true})
		k.learn(at, ledger.Answer{Key: "key-3", Readable: true})
		k.shows(at, 2)
	}
	if k.want("all is accounted for", ledger.Paid, 2); !k.Due().IsZero() || len(k.Requests) > 0 || k.LearnedAt.After(in(at+time.Hour)) {
		t.Error(show(k.Order))
	}
}

// TestCopiesOfAnUnansweredNotice: the provider did not answer the lookup of one copy. The payment is noted once, and the copies change nothing.
func TestCopiesOfAnUnansweredNotice(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open())
		x.put("key-1", "order-1", ledger.Captured)
		x.down = true
		x.before = func(string) { time.Sleep(600 * time.Millisecond) }
		done := make(chan bool)
		for range 3 {
			go func() { x.notice("key-1", "order-1"); done <- true }()
			time.Sleep(200 * time.Millisecond)
		}
		for range 3 {
			<-done
		}
		if o := x.get(); len(o.Requests) != 1 || time.Until(o.Due()) > time.Minute {
			t.Error(show(o))
		}
		x.down, x.before = false, nil
		x.rest()
		x.want(ledger.Paid, 1)
	})
}

// TestNoticeByNumberIsNotAnsweredByAnother: while a notice that names a number only waits, somebody looks up surplus money, or another number, or had
// begun to look before. That says nothing of this one.
func TestNoticeByNumberIsNotAnsweredByAnother(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(*talk){
		"surplus money":  func(k *talk) { k.byKey(11*time.Minute, line("key-other", ledger.Captured, 0, under(2), more)) },
		"the payment":    func(k *talk) { k.byKey(11*time.Minute, line("key-current", ledger.Captured, 0, under(2))) },
		"another number": func(k *talk) { k.shows(11*time.Minute, 1) },
		"a lookup before": func(k *talk) {
			k.shows(10*time.Minute-time.Second, 2, line("key-current", ledger.Captured, 0, under(2)))
		},
		"no answer":        func(k *talk) { k.learn(11*time.Minute, ledger.Answer{Attempt: 2}) },
		"not all it shows": func(k *talk) { k.learn(11*time.Minute, ledger.Answer{Attempt: 2, Readable: true}) },
	} {
		for _, s := range []ledger.Status{ledger.Paid, ledger.Open, ledger.Expired} {
			o := stood(s)
			o.LearnedAt = in(9 * time.Minute)
			o, err := o.Intend(asks(ledger.Notice, "", 10*time.Minute, forNumber(2)))
			if err != nil {
				t.Fatal(err)
			}
			for i := range o.Attempts {
				o.Attempts[i].LookedAt = in(9 * time.Minute)
			}
			k := talk{o, t}
			answer(&k)
			if len(k.Requests) == 0 || k.Requests[0].Kind != ledger.Notice || k.Due().After(k.LearnedAt.Add(3*time.Minute)) {
				t.Errorf("%s, %s: the notice is not looked up again\n%s", s, name, show(k.Order))
			}
		}
	}
}

// TestNoticeOfACycleAtWork: a charge at work closes its order by its own answer. A notice that only names the number, which may mean another payment,
// is not closed by that.
func TestNoticeOfACycleAtWork(t *testing.T) {
	t.Parallel()
	charge := asks(ledger.Charge, "means", 0)
	k := talk{made(func(o *ledger.Order) { o.Requests = []ledger.Request{charge, asks(ledger.Notice, "", time.Second)} }, cycle), t}
	k.learn(2*time.Second, ledger.Answer{To: &charge, Readable: true, Reply: ledger.Accepted, Payments: []ledger.Payment{line("key-c", ledger.Captured, 0, withMeans)}})
	k.want("charged", ledger.Paid, 1)
	if len(k.Requests) != 1 || k.Requests[0].Kind != ledger.Notice || k.Due().IsZero() {
		t.Error(show(k.Order))
	}
	k.shows(30*time.Second, 1, line("key-c", ledger.Captured, 0, withMeans), line("key-w", ledger.Captured, 0))
	if p := k.Payment("key-w"); p == nil || p.Role != ledger.Surplus {
		t.Error(show(k.Order))
	}
}

// TestOpenOrderWithoutAnAnswerIsDueSoon: a webhook said that there may be money, and the provider did not answer. The order is not left alone until
// its time is over; every other doubt leaves its due time as it is.
func TestOpenOrderWithoutAnAnswerIsDueSoon(t *testing.T) {
	t.Parallel()
	for _, noticed := range []bool{false, true} {
		k := talk{made(as), t}
		if noticed {
			k.Order, _ = k.Intend(asks(ledger.Notice, "key-1", 10*time.Minute))
		}
		k.learn(10*time.Minute+time.Second, ledger.Answer{Key: "key-1"})
		want := time.Hour + ledger.OpenGrace
		if noticed {
			want = 10*time.Minute + 30*time.Second
		}
		if due := k.Due().Sub(noon); k.Status() != ledger.Open || due != want {
			t.Errorf("noticed %v: %s, due after %v", noticed, k.Status(), due)
		}
	}
	k := talk{made(as), t}
	late := time.Hour + ledger.OpenGrace + time.Minute
	for range 5 {
		k.learn(late, ledger.Answer{Attempt: 1})
		due := k.Due().Sub(noon)
		if k.Status() != ledger.Open || due <= late || due > late+2*time.Hour {
			t.Errorf("in doubt after its time: %s, due after %v", k.Status(), due)
		}
		late = due
	}
}

// TestReturnFromAWindowThatHadFailed: the same, and nobody sends a notice: the buyer is back, and his redirect says nothing of a failure. The order was
// closed by another payment long ago.
func TestReturnFromAWindowThatHadFailed(t *testing.T) {
	t.Parallel()
	for _, failed := range []bool{false, true} {
		bubble(t, fmt.Sprint(failed), func(t *testing.T) {
			x := newTill(t, open())
			x.put("key-1", "order-1", ledger.Declined)
			x.paidBy("key-0", "order-1")
			x.rest() // the last look is over
			x.back("key-1", "order-1", failed)
			if o := x.get(); o.Due().IsZero() != failed {
				t.Errorf("due %v\n%s", o.Due(), show(o))
			}
			if !failed {
				time.Sleep(4 * time.Minute)
				x.put("key-1", "order-1", ledger.Captured)
			}
			x.rest()
			x.want(ledger.Paid, 1)
			x.wantLeft(15000, "key-0", "key-1")
		})
	}
}
