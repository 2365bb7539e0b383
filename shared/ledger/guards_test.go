package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// These tests are about one condition each that no other test notices when it is taken out. They are named by the rule.

// intended is an order with one more request, which must not be refused.
func intended(t *testing.T, o ledger.Order, r ledger.Request) ledger.Order {
	t.Helper()
	next, err := o.Intend(r)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func failed(r *ledger.Request) { r.Failed = true }

func unlisted(p *ledger.Payment) { p.ListsRefunds = false }

func approved(at time.Duration) func(*ledger.Payment) {
	return func(p *ledger.Payment) { p.ApprovedAt = in(at) }
}

// TestNotesAreBounded: four payments by name, also those of buyers' returns; what another redirect says of the same payment replaces what is
// written; and nothing is written under a number that is not open.
func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	o := made(as)
	for n := range 10 {
		o = intended(t, o, asks(ledger.Return, fmt.Sprint("key-", n), time.Second))
	}
	if n := len(o.Requests); n != 5 || o.Requests[4].Key != "" {
		t.Error("ten returns are named:", show(o))
	}
	o = intended(t, intended(t, made(as), asks(ledger.Return, "key-1", time.Second, failed)), asks(ledger.Return, "key-1", time.Minute))
	if r := o.Requests[0]; len(o.Requests) != 1 || r.Failed || !r.At.Equal(in(time.Minute)) {
		t.Error("a return with an error, and then one without:", show(o))
	}
	for _, n := range []int{0, 2} {
		for _, k := range []ledger.Kind{ledger.Notice, ledger.Return, ledger.Confirm} {
			r := asks(k, "key-1", time.Second)
			r.Attempt = n
			if _, err := made(as).Intend(r); !errors.Is(err, ledger.ErrOtherNumber) {
				t.Errorf("%s under number %d: %v", k, n, err)
			}
		}
	}
}

// TestCancelOfSurplusIsOne: the repetition of a cancel takes the place of the one before.
func TestCancelOfSurplusIsOne(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) { o.Payments = []ledger.Payment{line("key-2", ledger.Captured, 0, surplus)} })
	for n := range 3 {
		o = intended(t, o, asks(ledger.Cancel, "key-2", time.Duration(n)*time.Minute, turn(n)))
	}
	if len(o.Requests) != 1 || o.Requests[0].Turn != 2 {
		t.Error(show(o))
	}
}

// TestRefundIsOfOnePayment: the id of a refund belongs to the payment it was for.
func TestRefundIsOfOnePayment(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-2", ledger.Captured, 0, kept)}
		o.Requests = []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 100, 15000, 1))}
	})
	if _, err := o.Intend(asks(ledger.Cancel, "key-2", time.Minute, refundOf("r1", 100, 0, 0))); !errors.Is(err, ledger.ErrRefundID) {
		t.Error(err)
	}
}

// TestLookupCountsFromItsBeginning: what a lookup accounts for is what was so when it was begun.
func TestLookupCountsFromItsBeginning(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) { o.Requests = []ledger.Request{asks(ledger.Notice, "key-1", 0)} })
	a := ledger.Answer{Account: ours, Key: "key-1", Began: in(time.Minute), At: in(9 * time.Minute), Readable: true}
	if r := o.Learn(a).Requests[0]; !r.LookedAt.Equal(a.Began) || r.Elsewhere {
		t.Errorf("looked at %v, elsewhere %v", r.LookedAt.Sub(noon), r.Elsewhere)
	}
	a.Elsewhere = true
	if r := o.Learn(a).Requests[0]; !r.Elsewhere {
		t.Error("another order's payment is not seen")
	}
	a.Began, a.At, a.Readable = in(20*time.Minute), in(21*time.Minute), false
	if r := o.Learn(a).Requests[0]; !r.LookedAt.IsZero() {
		t.Error("no answer counts as a lookup")
	}
}

// TestAnswersDecideNothing: whatever an answer says about roles, they are ours.
func TestAnswersDecideNothing(t *testing.T) {
	t.Parallel()
	claims := func(p *ledger.Payment) { p.Role, p.Resolved = ledger.Kept, true }
	a := ledger.Answer{Account: ours, Began: noon, At: noon, Readable: true, Payments: []ledger.Payment{line("key-1", ledger.Captured, 0, claims)}}
	if p := made(as).Learn(a).Payment("key-1"); p.Role != ledger.NoRole || p.Resolved {
		t.Errorf("%+v", p)
	}
}

// TestWhichPaymentIsKept: the one that our charge asked for, whatever else was approved before it.
func TestWhichPaymentIsKept(t *testing.T) {
	t.Parallel()
	other := func(p *ledger.Payment) { p.BillingKey = "another" }
	for name, before := range map[string]ledger.Payment{
		"a window's":           line("a", ledger.Captured, time.Minute, approved(time.Second)),
		"another means'":       line("a", ledger.Captured, time.Minute, approved(time.Second), other),
		"an earlier number's":  line("a", ledger.Captured, time.Minute, approved(time.Second), withMeans, under(1)),
		"nothing was approved": line("a", ledger.Begun, time.Minute, under(1)),
	} {
		o := made(func(o *ledger.Order) {
			o.Attempts = append(o.Attempts, ledger.Attempt{OpenedAt: noon})
			r := asks(ledger.Charge, "means", time.Second)
			r.Attempt = 2
			if before.BillingKey != "means" && before.State == ledger.Captured {
				before.Attempt = 2
			}
			o.Requests = []ledger.Request{r}
			o.Payments = []ledger.Payment{before, line("b", ledger.Captured, time.Minute, approved(time.Minute), withMeans, under(2))}
		}, cycle).Decide()
		if p := o.Paid(); p == nil || p.Key != "b" {
			t.Errorf("%s payment is kept in place of the charge's:\n%s", name, show(o))
		}
	}
}

// TestWhatIsOurs: the provider's clock may be behind ours, and who does not know its own account can compare none.
func TestWhatIsOurs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		merchant string
		edit     func(*ledger.Payment)
		want     ledger.Role
	}{
		"approved a moment before the order was made": {"mid-1", approved(-4 * time.Minute), ledger.Kept},
		"approved long before":                        {"mid-1", approved(-6 * time.Minute), ledger.Foreign},
		"of an account, and we know of none":          {"", func(p *ledger.Payment) { p.Merchant = "mid-9" }, ledger.Kept},
		"of another account":                          {"mid-1", func(p *ledger.Payment) { p.Merchant = "mid-9" }, ledger.Surplus},
	} {
		o := made(func(o *ledger.Order) {
			o.Account.Merchant = tc.merchant
			o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, tc.edit)}
		}).Decide()
		if got := o.Payment("key-1").Role; got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, func(p *ledger.Payment) { p.Merchant = "mid-9" })}
	}).Decide()
	if o.Status() != ledger.Paid {
		t.Error("paid before the deployment got another account:", show(o))
	}
}

// TestNumberThatIsNotOpenYet: a window under it has no role before it captures; money that somebody has given back needs no person.
func TestNumberThatIsNotOpenYet(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-2", ledger.Begun, time.Minute, under(2)), line("key-3", ledger.Captured, time.Minute, under(3), balance(0))}
	}).Decide()
	if o.Payment("key-2").Role != ledger.NoRole || o.Payment("key-3").Role != ledger.Foreign || o.Status() != ledger.Open {
		t.Error(show(o))
	}
	o.Attempts = append(o.Attempts, ledger.Attempt{}, ledger.Attempt{LookedAt: in(time.Hour)})
	if o = o.Decide(); o.Status() == ledger.Refunded {
		t.Error("what was another table's before its number was open pays the order:", show(o))
	}
}

// TestNoticeUsesNoNumberUp: anybody may send one.
func TestNoticeUsesNoNumberUp(t *testing.T) {
	t.Parallel()
	for name, payments := range map[string][]ledger.Payment{"of nothing": nil, "of a declined payment": {line("key-1", ledger.Declined, time.Minute)}} {
		o := made(func(o *ledger.Order) {
			o.Requests = []ledger.Request{asks(ledger.Notice, "key-1", time.Second, lookedUp(10*time.Minute))}
			o.Payments, o.Attempts[0].LookedAt, o.LearnedAt = payments, in(10*time.Minute), in(10*time.Minute)
		}).Decide()
		if len(o.Requests) > 0 || o.Payable() != 1 {
			t.Errorf("a notice %s:\n%s", name, show(o))
		}
	}
}

// TestResolvedPayments: what a person has decided about is explained, and what took nothing cannot be decided about.
func TestResolvedPayments(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-0", ledger.Captured, 0, kept), line("declined", ledger.Declined, 0)}
		for n := range ledger.SurplusMax + 1 {
			o.Payments = append(o.Payments, line(fmt.Sprint("more-", n), ledger.Captured, 0, surplus))
		}
	}).Decide()
	if o.Status() != ledger.Review {
		t.Fatal(show(o))
	}
	for _, keep := range []bool{false, true} {
		if _, err := o.Resolve(ledger.Resolution{Key: "declined", Keep: keep}); !errors.Is(err, ledger.ErrNoMoney) {
			t.Errorf("a payment that was declined, keep %v: %v", keep, err)
		}
	}
	o, err := o.Resolve(ledger.Resolution{Key: "more-0", At: in(time.Hour)})
	if err != nil || o.Status() != ledger.Paid {
		t.Error("one of nine is explained:", err, show(o))
	}
}

// TestReviewOfWhatTheConsoleRefunded: the payment that is kept was refunded in the console during the review. It stays the order's, which is refunded.
func TestReviewOfWhatTheConsoleRefunded(t *testing.T) {
	t.Parallel()
	o := made(func(o *ledger.Order) {
		o.End, o.Payments = ledger.EndReview, []ledger.Payment{line("key-1", ledger.Captured, time.Hour, kept, balance(0))}
	})
	if o, err := o.Resolve(ledger.Resolution{Key: "key-1", Keep: true, At: in(2 * time.Hour)}); err != nil || o.Status() != ledger.Refunded {
		t.Error(err, show(o))
	}
}

// TestNothingUnwrittenIsSent: a request that the ledger refuses is not sent either.
func TestNothingUnwrittenIsSent(t *testing.T) {
	t.Parallel()
	charge := ledger.Request{Kind: ledger.Charge, Attempt: 1, Key: "means", Amount: 14000}
	w := ledger.Work{Stored: made(as, cycle), Visit: ledger.Visit{Began: in(time.Minute), Charge: &charge}}
	if s, o := w.Plan(in(time.Minute)); s.Do != ledger.Wait || o != nil {
		t.Errorf("%v %+v", s.Do, s.Request)
	}
	charge.Amount = 15000
	s, o := w.Plan(in(time.Minute))
	if s.Do != ledger.Send || o == nil || o.Revision != w.Stored.Revision+1 || len(o.Requests) != 1 {
		t.Errorf("%v, written first %+v", s.Do, o)
	}
}

// TestConflictForgetsNothing: what somebody said and what was learned outlive somebody else's write.
func TestConflictForgetsNothing(t *testing.T) {
	t.Parallel()
	back := asks(ledger.Return, "", time.Second)
	a := ledger.Answer{Account: ours, Key: "key-1", Began: in(time.Minute), At: in(time.Minute), Readable: true, Payments: []ledger.Payment{line("key-1", ledger.Begun, 0)}}
	other := made(as)
	other.Revision = 7
	w := ledger.Work{Stored: made(as), Noted: &back, Answers: []ledger.Answer{a}}.Conflicted(other)
	if o := w.Final(); !w.Changed() || o.Revision != 8 || len(o.Requests) != 1 || o.Payment("key-1") == nil {
		t.Error(show(o))
	}
}

// TestReturnToldByItsNumber: a return that names no payment is accounted for when the redirect says that its window failed, or when money was taken.
func TestReturnToldByItsNumber(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		r     ledger.Request
		shown []ledger.Payment
		want  ledger.Status
	}{
		{"failed, and a declined payment shows", asks(ledger.Return, "", time.Second, failed), []ledger.Payment{line("key-1", ledger.Declined, time.Minute)}, ledger.Open},
		{"money was taken", asks(ledger.Return, "", time.Second), []ledger.Payment{line("key-1", ledger.Captured, time.Minute)}, ledger.Paid},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = []ledger.Request{tc.r}, tc.shown
			o.Attempts[0].LookedAt, o.LearnedAt = in(time.Minute), in(time.Minute)
		}).Decide()
		if len(o.Requests) > 0 || o.Status() != tc.want {
			t.Errorf("%s:\n%s", tc.name, show(o))
		}
	}
}

// TestWhatBecameOfARequest: one condition of one outcome each.
func TestWhatBecameOfARequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		terms    func(*ledger.Terms)
		looked   time.Duration // at the number
		requests []ledger.Request
		payments []ledger.Payment
		open     bool
		number   int
	}{
		{"the charge's own payment was declined", cycle, 2 * time.Minute, []ledger.Request{asks(ledger.Charge, "means", 0)},
			[]ledger.Payment{line("key-1", ledger.Declined, time.Minute, withMeans)}, false, 2},
		{"a duplicate of what the charge took, and the number was looked up before that answer", cycle, 2 * time.Hour,
			[]ledger.Request{asks(ledger.Charge, "means", 0), asks(ledger.Charge, "means", 90*time.Minute, turn(1), replied(ledger.Already, 3*time.Hour))},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, amount(100, 0))}, true, 1},
		{"a notice of a payment that was captured before, and not looked up since", atToss, time.Minute, []ledger.Request{asks(ledger.Notice, "key-1", 2*time.Minute)},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept)}, true, 1},
		{"a notice of a number under which nothing shows yet", func(*ledger.Terms) {}, time.Minute, []ledger.Request{asks(ledger.Notice, "", time.Second)}, nil, true, 1},
		{"a confirm of a payment that is only authenticated", atToss, time.Minute, []ledger.Request{asks(ledger.Confirm, "key-1", 0, lookedUp(time.Minute))},
			[]ledger.Payment{line("key-1", ledger.Begun, time.Minute)}, true, 1},
		{"a cancel without an answer, and as much less is left", atToss, time.Minute,
			[]ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 5000, 15000, 1))},
			[]ledger.Payment{line("key-1", ledger.Captured, time.Minute, kept, balance(10000), unlisted)}, false, 1},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = tc.requests, tc.payments
			o.Attempts[0].LookedAt, o.LearnedAt = in(tc.looked), in(tc.looked)
		}, tc.terms).Decide()
		if open := slices.ContainsFunc(o.Requests, func(r ledger.Request) bool { return r.Outcome == ledger.Pending }); open != tc.open || o.Current() != tc.number {
			t.Errorf("%s:\n%s", tc.name, show(o))
		}
	}
}

// TestWhatIsSentAgain: one condition of one repetition each.
func TestWhatIsSentAgain(t *testing.T) {
	t.Parallel()
	since := func(at time.Duration) func(*ledger.Request) { return func(r *ledger.Request) { r.Since = in(at) } }
	confirm := func(at time.Duration, edits ...func(*ledger.Request)) ledger.Request {
		return asks(ledger.Confirm, "key-1", at, append([]func(*ledger.Request){since(0), lookedUp(2 * time.Minute)}, edits...)...)
	}
	looked := []ledger.Lookup{{Key: "key-1"}, {Key: "key-2"}, {Attempt: 1}}
	worker := ledger.Visit{Looked: looked, Repeat: in(10 * time.Hour)}
	old := func(p *ledger.Payment) { p.KnownAt = in(-48 * time.Hour) }
	for _, tc := range []struct {
		name     string
		terms    func(*ledger.Terms)
		now      time.Duration
		v        ledger.Visit
		requests []ledger.Request
		payments []ledger.Payment
		want     ledger.Do
	}{
		{"the next turn, 11 minutes after the return", atToss, 11 * time.Minute,
			ledger.Visit{Looked: looked, Fresh: &ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", Turn: 1, At: in(9 * time.Minute)}},
			[]ledger.Request{confirm(0), confirm(9*time.Minute, turn(1))}, nil, ledger.Wait},
		{"a confirm of its own, and another payment has paid meanwhile", atToss, time.Minute,
			ledger.Visit{Looked: looked, Fresh: &ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", At: noon}},
			[]ledger.Request{confirm(0)}, []ledger.Payment{line("key-9", ledger.Captured, time.Second, kept)}, ledger.Wait},
		{"a turn after one whose refusal came late", atToss, 4 * time.Minute, ledger.Visit{Looked: looked},
			[]ledger.Request{confirm(0, replied(ledger.Refused, 90*time.Second)), confirm(time.Minute, turn(1), replied(ledger.Unusable, 70*time.Second))}, nil, ledger.Wait},
		{"a confirm whose lookup was begun before its answer", atToss, 4 * time.Minute, ledger.Visit{Looked: looked},
			[]ledger.Request{confirm(0, replied(ledger.Unusable, 3*time.Minute))}, nil, ledger.Wait},
		{"a confirm whose lookup was begun after its answer", atToss, 4 * time.Minute, ledger.Visit{Looked: looked},
			[]ledger.Request{confirm(0, replied(ledger.Unusable, time.Minute))}, nil, ledger.Send},
		{"a cancel that another process has just made", nil, 4 * time.Minute, ledger.Visit{Began: in(time.Minute), Looked: looked},
			[]ledger.Request{asks(ledger.Cancel, "key-2", 3*time.Minute, replied(ledger.Unusable, 3*time.Minute))},
			[]ledger.Payment{line("key-2", ledger.Captured, 2*time.Minute, surplus)}, ledger.Wait},
		{"a cancel whose lookup brought nothing", nil, 4 * time.Minute, ledger.Visit{Began: in(3 * time.Minute), Looked: looked},
			[]ledger.Request{asks(ledger.Cancel, "key-2", time.Minute)}, []ledger.Payment{line("key-2", ledger.Captured, 2*time.Minute, surplus)}, ledger.Wait},
		{"a charge that was answered with a 500 an hour later", cycle, 3 * time.Hour, worker,
			[]ledger.Request{asks(ledger.Charge, "means", 0, replied(ledger.Unusable, time.Hour))}, nil, ledger.Wait},
		{"a charge that may be at work", cycle, 3 * time.Hour, worker, []ledger.Request{asks(ledger.Charge, "means", time.Hour)}, nil, ledger.Wait},
		{"a charge beside a window that was left open for days", cycle, 3 * time.Hour, worker,
			[]ledger.Request{asks(ledger.Charge, "means", 0)}, []ledger.Payment{line("key-2", ledger.Begun, 2*time.Hour, old)}, ledger.Send},
		{"a charge that the newest lookup does not show as begun any more", cycle, 3 * time.Hour, worker,
			[]ledger.Request{asks(ledger.Charge, "means", 0)}, []ledger.Payment{line("key-2", ledger.Begun, time.Hour, old, withMeans)}, ledger.Send},
	} {
		o := made(func(o *ledger.Order) {
			o.Requests, o.Payments = tc.requests, tc.payments
			if tc.terms != nil {
				tc.terms(&o.Terms)
			}
			if o.Cycle {
				o.Attempts[0].LookedAt, o.LearnedAt = in(2*time.Hour), in(2*time.Hour)
			}
		})
		s := o.Next(in(tc.now), tc.v)
		if s.Do != tc.want {
			t.Errorf("%s: %v %+v\n%s", tc.name, s.Do, s.Request, show(o))
		}
		if first := s.Request; s.Do == ledger.Send && !first.Since.Equal(noon) {
			t.Errorf("%s: its time begins anew, at %v", tc.name, first.Since.Sub(noon))
		}
	}
}

// TestWhatIsDue: what nobody else would look at again.
func TestWhatIsDue(t *testing.T) {
	t.Parallel()
	paid := func(o *ledger.Order) { o.Payments = []ledger.Payment{line("key-1", ledger.Captured, 0, kept)} }
	review := made(func(o *ledger.Order) {
		paid(o)
		o.End, o.Requests = ledger.EndReview, []ledger.Request{asks(ledger.Cancel, "key-1", time.Second, refundOf("r1", 100, 15000, 1))}
	}, atToss)
	if due := review.Due(); !due.IsZero() {
		t.Errorf("a refund in review, which a person ends, is due after %v", due.Sub(noon))
	}
	unread := made(func(o *ledger.Order) { paid(o); o.LearnedAt = in(ledger.OpenGrace + time.Minute) })
	if due := unread.Due(); due.IsZero() || due.After(in(ledger.OpenGrace+2*time.Minute)) {
		t.Errorf("a last look that could not be made is due after %v", due.Sub(noon))
	}
	back := made(func(o *ledger.Order) {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, balance(0))}
	})
	if due := back.Due(); due.After(in(2 * time.Minute)) {
		t.Errorf("a payment that was refunded before we knew of it is due after %v", due.Sub(noon))
	}
	again := made(func(o *ledger.Order) {
		second := asks(ledger.Confirm, "key-1", 50*time.Minute, turn(1))
		second.Since = noon
		o.Requests = []ledger.Request{second, asks(ledger.Return, "key-2", time.Minute)}
	}, atToss)
	if !again.Unsettled(in(time.Hour)) || !again.ProcessingSince().Equal(noon) {
		t.Errorf("a confirm that was repeated is unclear since %v, alarm %v", again.ProcessingSince().Sub(noon), again.Unsettled(in(time.Hour)))
	}
	reverse := again
	reverse.Requests = []ledger.Request{again.Requests[1], again.Requests[0]}
	if !reverse.ProcessingSince().Equal(noon) {
		t.Errorf("unclear since %v", reverse.ProcessingSince().Sub(noon))
	}
}

// TestNumberOfAnotherSystemTouchesNothing: what lies under a number that another system made is neither kept nor given back.
func TestNumberOfAnotherSystemTouchesNothing(t *testing.T) {
	t.Parallel()
	o := made(as).Taken("OTHER", noon)
	for _, edit := range []func(*ledger.Payment){func(*ledger.Payment) {}, amount(900, 900)} {
		o.Payments = []ledger.Payment{line("key-1", ledger.Captured, time.Minute, edit)}
		if got := o.Decide(); got.Payment("key-1").Role != ledger.Foreign || got.Status() != ledger.Failed {
			t.Error(show(got))
		}
	}
	if due := o.Due(); !due.IsZero() {
		t.Errorf("due after %v", due.Sub(noon))
	}
}

// TestStrayMoneyThatPaysNothing: under a number that was never opened lies money that cannot be this buyer's. It needs no person.
func TestStrayMoneyThatPaysNothing(t *testing.T) {
	t.Parallel()
	for left, want := range map[int64]ledger.Status{900: ledger.Open, 15000: ledger.Review} {
		o := made(func(o *ledger.Order) {
			o.Payments = []ledger.Payment{line("key-2", ledger.Captured, time.Minute, under(2), amount(left, left))}
		}).Decide()
		if o.Status() != want {
			t.Errorf("%d won:\n%s", left, show(o))
		}
	}
}
