package payment

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

var (
	claimedAt = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	timing    = provider.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute}
)

// The moments of an attempt, seen from its claim.
var (
	inWindow = claimedAt.Add(9*time.Minute + 59*time.Second)
	inLinger = claimedAt.Add(10 * time.Minute)
	linger2  = claimedAt.Add(15*time.Minute - time.Nanosecond)
	after    = claimedAt.Add(15 * time.Minute)
	moments  = []time.Time{claimedAt.Add(time.Minute), claimedAt.Add(2*time.Minute - time.Nanosecond), claimedAt.Add(2 * time.Minute), inWindow, inLinger, linger2, after, claimedAt.Add(75*time.Minute - time.Nanosecond), claimedAt.Add(75 * time.Minute)}
)

// window is a provider that takes the money by itself: there is no confirm, and one that does not know a payment will not come to know it.
var window = provider.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute}

const (
	ownKey     = "key-own"
	ownAccount = "gateway.merchant"
)

// settling is a test order in its second attempt, claimed with ownKey.
func settling() order.Order {
	return order.Order{
		ID: "order-1", Provider: "toss", Mode: "test", Amount: money.Amount{Value: 15000, Currency: money.KRW}, Status: order.Settling,
		ExpiresAt: claimedAt.Add(time.Hour),
		Attempt:   order.Attempt{N: 2, Key: ownKey, ClaimedAt: claimedAt, Turn: 3, Unanswered: true},
	}
}

// paymentOf is a payment that fits settling in everything.
func paymentOf(number string) provider.Payment {
	return provider.Payment{Key: ownKey, Number: number, Status: "X", Amount: 15000, Balance: 15000, Currency: "KRW", Sandbox: true}
}

// shape is one way a payment object may (not) fit.
type shape struct {
	name                string
	edit                func(*provider.Payment)
	ours, current, fits bool
	issuance            bool // of a billing key: no money, whatever its status says
}

var shapes = []shape{
	{"ours", func(*provider.Payment) {}, true, true, true, false},
	{"ours, to our account", func(p *provider.Payment) { p.Account = ownAccount }, true, true, true, false},
	{"to another account", func(p *provider.Payment) { p.Account = "gateway.somebody" }, true, true, false, false},
	{"to another gateway", func(p *provider.Payment) { p.Account = "other.merchant" }, true, true, false, false},
	{"the earlier attempt", func(p *provider.Payment) { p.Number = "order-1" }, true, false, true, false},
	{"the earlier attempt, one won less", func(p *provider.Payment) { p.Number, p.Amount = "order-1", p.Amount-1 }, true, false, false, false},
	{"an attempt to come", func(p *provider.Payment) { p.Number = "order-1--3" }, true, false, true, false},
	{"another order", func(p *provider.Payment) { p.Number = "order-2--2" }, false, false, true, false},
	{"a longer order id", func(p *provider.Payment) { p.Number = "order-11--2" }, false, false, true, false},
	{"a cycle of ours", func(p *provider.Payment) { p.Number = "order-1--c2" }, false, false, true, false},
	{"a number with a zero", func(p *provider.Payment) { p.Number = "order-1--02" }, false, false, true, false},
	{"no number", func(p *provider.Payment) { p.Number = "" }, false, false, true, false},
	{"one won less", func(p *provider.Payment) { p.Amount-- }, true, true, false, false},
	{"one won more", func(p *provider.Payment) { p.Amount++ }, true, true, false, false},
	{"dollars", func(p *provider.Payment) { p.Currency = "USD" }, true, true, false, false},
	{"no currency", func(p *provider.Payment) { p.Currency = "" }, true, true, false, false},
	{"live money", func(p *provider.Payment) { p.Sandbox = false }, true, true, false, false},
	{"a billing key's issuance under our number", func(p *provider.Payment) { p.Issuance = true }, true, true, true, true},
}

func verdicts() []provider.Verdict {
	return []provider.Verdict{
		provider.Unknown, provider.Pending, provider.Paid, provider.PartlyRefunded, provider.Refunded, provider.Declined, provider.Absent, 99,
	}
}

func classes() []provider.Class {
	var all []provider.Class
	for c := provider.ClassUnknown; c <= provider.ClassAbsent; c++ {
		all = append(all, c)
	}
	return append(all, 99)
}

// captures are the verdicts that say money was taken, with the event each stands for.
var captures = map[provider.Verdict]order.Kind{
	provider.Paid: order.Captured, provider.PartlyRefunded: order.PartlyRefunded, provider.Refunded: order.FullyRefunded,
}

// wantOfPayment is what a payment object proves by itself; "" when nothing.
func wantOfPayment(v provider.Verdict, s shape) order.Kind {
	kind, took := captures[v]
	switch {
	case took && s.issuance:
		return ""
	case took && s.ours && !s.fits:
		return order.Mismatched
	case took && s.ours:
		return kind
	case v == provider.Declined && s.current:
		return order.Refused
	}
	return ""
}

func attemptOfShape(s shape) int {
	switch {
	case s.current:
		return 2
	case s.name == "an attempt to come":
		return 3
	}
	return 1
}

// TestAfterConfirm goes through every verdict, class, kind of reply and payment.
func TestAfterConfirm(t *testing.T) {
	t.Parallel()
	cases := 0
	for _, v := range verdicts() {
		for _, c := range classes() {
			for _, http := range []int{0, 200, 400, 409, 429, 500} {
				for _, s := range shapes {
					for _, key := range []string{ownKey, "key-other"} {
						cases++
						a := provider.Answer{Verdict: v, Class: c, HTTP: http, Code: "CODE", Payment: paymentOf("order-1--2")}
						s.edit(&a.Payment)
						a.Payment.Key = key
						o := settling()
						e := afterConfirm(o, a, ownAccount, inWindow)
						name := fmt.Sprintf("%v/%v/%d/%s/%s", v, c, http, s.name, key)
						want := wantOfPayment(v, s)
						if key != ownKey {
							want = ""
						}
						if want != "" {
							checkProven(t, name, e, want, attemptOfShape(s), a.Payment)
							continue
						}
						checkDoubtAfterConfirm(t, name, o, a, e)
					}
				}
			}
		}
	}
	t.Logf("%d answers", cases)
}

func checkProven(t *testing.T, name string, e order.Event, want order.Kind, attempt int, p provider.Payment) {
	t.Helper()
	if e.Kind != want || e.Attempt != attempt {
		t.Errorf("%s: %s of attempt %d, want %s of attempt %d", name, e.Kind, e.Attempt, want, attempt)
	}
	if want != order.Refused && (e.Capture.Key != p.Key || e.Capture.Amount.Value != p.Amount || e.Capture.Balance != p.Balance || string(e.Capture.Amount.Currency) != p.Currency) {
		t.Errorf("%s: capture %+v does not say what the payment says", name, e.Capture)
	}
}

// checkDoubtAfterConfirm: what a confirm teaches when no payment came back.
func checkDoubtAfterConfirm(t *testing.T, name string, o order.Order, a provider.Answer, e order.Event) {
	t.Helper()
	if e.Kind != order.Doubtful || e.Attempt != 2 || e.Capture != (order.Capture{}) {
		t.Errorf("%s: %s, want no conclusion", name, e.Kind)
		return
	}
	want := o.Attempt
	if open := a.HTTP == 0 || a.Class == provider.ClassProcessing; !open {
		want.Unanswered = o.Attempt.Unanswered && (a.Class == provider.ClassUnknown || o.Attempt.Turn > 0)
		refusal := slices.Contains([]provider.Class{provider.ClassDeclined, provider.ClassBuyer, provider.ClassLater, provider.ClassMerchant}, a.Class)
		switch {
		case refusal || a.Verdict == provider.Absent:
			want.Rejection = "CODE"
		case a.Class != provider.ClassAlready:
			want.Turn = o.Attempt.Turn + 1
		}
	}
	if e.Next != want {
		t.Errorf("%s: remembers %+v, want %+v", name, e.Next, want)
	}
}

// TestAfterFind goes through every verdict of a lookup in every situation.
func TestAfterFind(t *testing.T) {
	t.Parallel()
	cases := 0
	for _, v := range verdicts() {
		for _, s := range shapes {
			for _, rejection := range []string{"", "REJECTED"} {
				for _, unanswered := range []bool{true, false} {
					for _, now := range moments {
						for _, status := range []order.Status{order.Settling, order.Open} {
							for _, limits := range []provider.Timing{timing, window} {
								cases++
								o := settling()
								o.Status, o.Attempt.Rejection, o.Attempt.Unanswered = status, rejection, unanswered
								o.ExpiresAt = claimedAt.Add(12*time.Minute - order.OpenGrace) // an open order's time is over at some of the moments
								a := provider.Answer{Verdict: v, HTTP: 200, Payment: paymentOf("order-1--2")}
								s.edit(&a.Payment)
								name := fmt.Sprintf("%s %v/%s/rejection %q/unanswered %v/%v/confirm within %v", status, v, s.name, rejection, unanswered, now.Sub(claimedAt), limits.ConfirmWindow)
								e, send := afterFind(o, []provider.Answer{a}, ownAccount, now, limits, true)
								checkFound(t, name, o, a, s, now.Sub(claimedAt), limits, e, send)
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d answers", cases)
}

func checkFound(t *testing.T, name string, o order.Order, a provider.Answer, s shape, since time.Duration, limits provider.Timing, e order.Event, send bool) {
	t.Helper()
	if want := wantOfPayment(a.Verdict, s); want != "" {
		checkProven(t, name, e, want, attemptOfShape(s), a.Payment)
		if send {
			t.Errorf("%s: asks for the money of a payment that is over", name)
		}
		return
	}
	want, wantSend := order.Doubtful, false
	if a.Payment.Issuance {
		a.Verdict = provider.Absent // a means was registered: there is no payment
	}
	foreign := a.Payment.Number != "" && !s.current
	if nothing := a.Verdict == provider.Pending || a.Verdict == provider.Absent; nothing {
		switch {
		case o.Status == order.Open && claimedAt.Add(since).Before(o.ExpiresAt.Add(order.OpenGrace)): // it may still be paid
		case o.Status == order.Open:
			want = order.Lapsed
		case foreign, o.Attempt.Rejection != "" && !o.Attempt.Unanswered:
			want = order.Refused
		case since >= limits.PendingMax, a.Verdict == provider.Absent && since >= limits.AbsentMax:
			want = order.Lapsed
		default:
			wantSend = since < limits.ConfirmWindow && o.Attempt.Rejection == ""
		}
	}
	if e.Kind != want || send != wantSend || e.Attempt != 2 || e.Capture != (order.Capture{}) {
		t.Errorf("%s: %s of attempt %d, send %v; want %s, send %v", name, e.Kind, e.Attempt, send, want, wantSend)
	}
	if e.Kind == order.Doubtful && e.Next != o.Attempt {
		t.Errorf("%s: a lookup changed what the confirm taught: %+v", name, e.Next)
	}
}

// TestAfterFindByKeyAndNumber: the redirect's key is of no use, so our own number was asked about as well.
func TestAfterFindByKeyAndNumber(t *testing.T) {
	t.Parallel()
	answer := func(v provider.Verdict, number, key string) provider.Answer {
		p := paymentOf(number)
		p.Key = key
		return provider.Answer{Verdict: v, HTTP: 200, Payment: p}
	}
	absent := provider.Answer{Verdict: provider.Absent, HTTP: 404, Code: "NOT_FOUND_PAYMENT", Class: provider.ClassAbsent}
	unknown := provider.Answer{Verdict: provider.Unknown}
	for _, tc := range []struct {
		name     string
		byKey    provider.Answer
		byNumber provider.Answer
		now      time.Time
		want     order.Kind
		send     bool
	}{
		{"forged key, nothing under our number", absent, absent, inWindow, order.Doubtful, true},
		{"forged key, nothing under our number, too late", absent, absent, after, order.Lapsed, false},
		{"forged key, our window is still open", absent, answer(provider.Pending, "order-1--2", "key-real"), inWindow, order.Doubtful, true},
		{"forged key, and yet our number is paid", absent, answer(provider.Paid, "order-1--2", "key-real"), inWindow, order.Captured, false},
		{"forged key, our number unknown", absent, unknown, inWindow, order.Doubtful, false},
		{"forged key, our number unknown, too late", absent, unknown, after, order.Doubtful, false},
		{"another order's paid key", answer(provider.Paid, "order-2", "key-2"), absent, inWindow, order.Refused, false},
		{"another order's paid key, ours is paid too", answer(provider.Paid, "order-2", "key-2"), answer(provider.Paid, "order-1--2", "key-real"), inWindow, order.Captured, false},
		{"another order's unpaid key", answer(provider.Pending, "order-2", "key-2"), absent, inWindow, order.Refused, false},
		{"another order's unpaid key, ours unknown", answer(provider.Pending, "order-2", "key-2"), unknown, inWindow, order.Doubtful, false},
		{"another order's key, ours unknown, too late", answer(provider.Paid, "order-2", "key-2"), unknown, after, order.Doubtful, false},
		{"the earlier attempt's dead key", answer(provider.Declined, "order-1", "key-1"), absent, inWindow, order.Refused, false},
		{"the earlier attempt's pending key", answer(provider.Pending, "order-1", "key-1"), absent, inWindow, order.Refused, false},
		{"another payment of our number was declined", absent, answer(provider.Declined, "order-1--2", "key-real"), inWindow, order.Doubtful, true},
		{"another payment of our number was declined, too late", absent, answer(provider.Declined, "order-1--2", "key-real"), after, order.Lapsed, false},
		{"our number holds dollars", absent, func() provider.Answer {
			a := answer(provider.Paid, "order-1--2", "key-real")
			a.Payment.Currency = "USD"
			return a
		}(), inWindow, order.Mismatched, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, send := afterFind(settling(), []provider.Answer{tc.byKey, tc.byNumber}, ownAccount, tc.now, timing, true)
			if e.Kind != tc.want || send != tc.send {
				t.Errorf("%s, send %v; want %s, send %v", e.Kind, send, tc.want, tc.send)
			}
		})
	}
}

// TestSandboxMoneyIsNotLiveMoney: test money pays no live order, and is not given back either: there is nothing to give back, and a second
// payment of real money must not be lost for it. Real money in a test deployment is given back.
func TestSandboxMoneyIsNotLiveMoney(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"test", "live", ""} {
		for _, sandbox := range []bool{true, false} {
			for v, kind := range captures {
				for _, number := range []string{"order-1--2", "order-1"} {
					o := settling()
					o.Mode = mode
					p := paymentOf(number)
					p.Sandbox = sandbox
					a := provider.Answer{Verdict: v, HTTP: 200, Payment: p}
					want := kind
					switch {
					case sandbox && mode != "test":
						want = order.Refused
					case !sandbox && mode == "test":
						want = order.Mismatched
					}
					attempt := map[string]int{"order-1--2": 2, "order-1": 1}[number]
					name := fmt.Sprintf("%q order, sandbox %v, %v of attempt %d", mode, sandbox, v, attempt)
					e, _ := afterFind(o, []provider.Answer{a}, ownAccount, inWindow, timing, true)
					for call, got := range map[string]order.Event{"confirm": afterConfirm(o, a, ownAccount, inWindow), "lookup": e} {
						if got.Kind != want || got.Attempt != attempt {
							t.Errorf("%s, %s: %s of attempt %d, want %s", name, call, got.Kind, got.Attempt, want)
						}
						if got.Kind == order.Refused && got.Capture != (order.Capture{}) {
							t.Errorf("%s, %s: test money is booked as %+v", name, call, got.Capture)
						}
						o.Status = order.Settling
						if next, err := o.Apply(got); sandbox && mode != "test" && (err != nil || len(next.Reversals) != 0 || next.Status == order.Paid) {
							t.Errorf("%s, %s: %s, gives back %v, %v", name, call, next.Status, next.Reversals, err)
						}
					}
				}
			}
		}
	}
}

// TestAccounts: money of another merchant account is not ours to book. What nobody says is not compared.
func TestAccounts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		own, paid string
		want      order.Kind
	}{
		{ownAccount, ownAccount, order.Captured},
		{ownAccount, "gateway.somebody", order.Mismatched},
		{ownAccount, "other.merchant", order.Mismatched},
		{ownAccount, "GATEWAY.MERCHANT", order.Mismatched},
		{ownAccount, ownAccount + "2", order.Mismatched},
		{ownAccount, "", order.Captured},
		{"", "gateway.somebody", order.Captured},
		{"", "", order.Captured},
	} {
		p := paymentOf("order-1--2")
		p.Account = tc.paid
		a := provider.Answer{Verdict: provider.Paid, HTTP: 200, Payment: p}
		if e := afterConfirm(settling(), a, tc.own, inWindow); e.Kind != tc.want {
			t.Errorf("ours %q, paid to %q, confirm: %s, want %s", tc.own, tc.paid, e.Kind, tc.want)
		}
		if e, _ := afterFind(settling(), []provider.Answer{a}, tc.own, inWindow, timing, true); e.Kind != tc.want {
			t.Errorf("ours %q, paid to %q, lookup: %s, want %s", tc.own, tc.paid, e.Kind, tc.want)
		}
	}
}

// TestCancelIsOneRequest: a request to give money back names the whole of what is left, so that it cannot be carried out twice, and every
// copy of it is the same request to the provider.
func TestCancelIsOneRequest(t *testing.T) {
	t.Parallel()
	o, owed := settling(), order.Reversal{Key: ownKey, Attempt: 2, Amount: 14999, Reason: order.ReasonMismatch}
	base := cancelOf(o, owed)
	if again := cancelOf(o, owed); again != base || base.Key != ownKey || base.Amount != 14999 || base.Balance != 14999 || base.Reason == "" {
		t.Errorf("the same request came out as %+v and %+v", base, again)
	}
	seen := map[string]string{base.IdempotencyKey: "base", confirmOf(o).IdempotencyKey: "confirm"}
	if len(seen) != 2 {
		t.Error("a cancel has the idempotency key of a confirm")
	}
	for name, edit := range map[string]func(*order.Order, *order.Reversal){
		"order":                       func(o *order.Order, _ *order.Reversal) { o.ID = "order-2" },
		"payment":                     func(_ *order.Order, r *order.Reversal) { r.Key = "key-two" },
		"request after a refused one": func(_ *order.Order, r *order.Reversal) { r.Asks++ },
	} {
		o, owed := o, owed
		edit(&o, &owed)
		key := cancelOf(o, owed).IdempotencyKey
		if other, taken := seen[key]; taken {
			t.Errorf("another %s has the idempotency key of %s", name, other)
		}
		if len(key) > 300 {
			t.Errorf("idempotency key of %d characters", len(key))
		}
		seen[key] = name
	}
}

// TestForeign: a payment of an earlier attempt concerns us when it took money, and only then.
func TestForeign(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		number string
		v      provider.Verdict
		want   bool
	}{
		{"", provider.Paid, false},
		{"order-1--2", provider.Paid, false},
		{"order-1--2", provider.Pending, false},
		{"order-1", provider.Paid, false},
		{"order-1", provider.PartlyRefunded, false},
		{"order-1", provider.Refunded, true},
		{"order-1", provider.Pending, true},
		{"order-1", provider.Declined, true},
		{"order-2", provider.Paid, true},
		{"order-2--2", provider.Pending, true},
		{"not a number", provider.Paid, true},
	} {
		if got := foreign(settling(), provider.Answer{Verdict: tc.v, Payment: provider.Payment{Number: tc.number}}); got != tc.want {
			t.Errorf("foreign(%q, %v) = %v, want %v", tc.number, tc.v, got, tc.want)
		}
	}
}

// TestConfirmIsOneRequest: every copy of one request has the same idempotency key, and no other request has it.
func TestConfirmIsOneRequest(t *testing.T) {
	t.Parallel()
	base := confirmOf(settling())
	if again := confirmOf(settling()); again != base {
		t.Errorf("the same request came out as %+v and %+v", base, again)
	}
	if base.Amount != 15000 || base.Number != "order-1--2" || base.Key != ownKey {
		t.Errorf("asks for %+v", base)
	}
	seen := map[string]string{base.IdempotencyKey: "base"}
	for name, edit := range map[string]func(*order.Order){
		"order":   func(o *order.Order) { o.ID = "order-2" },
		"attempt": func(o *order.Order) { o.Attempt.N = 3 },
		"turn":    func(o *order.Order) { o.Attempt.Turn++ },
		"payment": func(o *order.Order) { o.Attempt.Key = "key-two" },
	} {
		o := settling()
		edit(&o)
		key := confirmOf(o).IdempotencyKey
		if other, taken := seen[key]; taken {
			t.Errorf("another %s has the idempotency key of %s", name, other)
		}
		seen[key] = name
	}
	for key := range seen {
		if len(key) > 300 {
			t.Errorf("idempotency key of %d characters", len(key))
		}
	}
}

// TestMayConfirm: nobody asks for money when the provider's window is over, by the wall clock.
func TestMayConfirm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		now  time.Time
		key  string
		want bool
	}{
		{"at once", claimedAt, ownKey, true},
		{"in the window", inWindow, ownKey, true},
		{"at its end", inLinger, ownKey, false},
		{"hours later", claimedAt.Add(5 * time.Hour), ownKey, false},
		{"without a key", claimedAt, "", false},
	} {
		o := settling()
		o.Attempt.Key = tc.key
		s := &Settler{Now: func() time.Time { return tc.now }}
		if got := s.mayTake(Gateway{Confirmer: noConfirm{}, Timing: timing}, o); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		if s.mayTake(Gateway{Timing: timing}, o) {
			t.Errorf("%s: a provider that captures by itself was to be asked", tc.name)
		}
	}
}

type noConfirm struct{ Confirmer }

// TestUndecidedPaymentIsWaitedFor: while the provider has a payment that is not decided, its charge is not sent again, however old it is; and
// the refusal of a repetition ends the attempt only when a lookup finds nothing that could still be taken.
func TestUndecidedPaymentIsWaitedFor(t *testing.T) {
	t.Parallel()
	now := claimedAt.Add(76 * time.Minute)
	o := order.NewCycle(order.Order{ID: "sub_charge--c1", Provider: "portone", Mode: "test", Amount: money.Amount{Value: 9900, Currency: money.KRW},
		CreatedAt: claimedAt, BillingKey: "sub_charge--key1"}, claimedAt.Add(time.Minute))
	found := func(v provider.Verdict, status string, open bool) []provider.Answer {
		return []provider.Answer{{Verdict: v, Call: "find-by-order", HTTP: 200, Code: "CARD_BANK_SYSTEM_ERROR", Class: provider.ClassLater, Payment: provider.Payment{
			Key: "imps_1", Number: o.ID, Status: status, Amount: 9900, Balance: 9900, Currency: "KRW", Sandbox: true, Open: open,
		}}}
	}
	undecided := found(provider.Pending, "ready", true)
	for _, tc := range []struct {
		name    string
		answers []provider.Answer
		repeat  bool
		sent    bool
	}{
		{"not decided", undecided, true, false},
		{"failed, and perhaps not", found(provider.Pending, "failed", false), true, true},
		{"unknown to the provider", []provider.Answer{{Verdict: provider.Absent, HTTP: 404, Class: provider.ClassAbsent}}, true, true},
		{"unknown to the provider, and not wanted any more", []provider.Answer{{Verdict: provider.Absent, HTTP: 404, Class: provider.ClassAbsent}}, false, false},
	} {
		e, send := afterFind(o, tc.answers, "", now, window, tc.repeat)
		if send != tc.sent || e.Kind != order.Doubtful {
			t.Errorf("%s: %s, sent again: %t", tc.name, e.Kind, send)
		}
	}

	o.Attempt.Turn = 1
	refusal := found(provider.Declined, "failed", false)[0]
	e := afterCharge(o, refusal, "", now)
	if e.Kind != order.Doubtful || e.Next.Rejection == "" || e.Next.Unanswered {
		t.Fatalf("the repetition was refused: %s %+v", e.Kind, e.Next)
	}
	o.Attempt = e.Next
	if e, send := afterFind(o, undecided, "", now, window, true); e.Kind != order.Doubtful || send {
		t.Errorf("refused, and another one is not decided: %s, sent again: %t", e.Kind, send)
	}
	if e, _ := afterFind(o, []provider.Answer{refusal}, "", now, window, true); e.Kind != order.Refused {
		t.Errorf("refused, and so was every other: %s", e.Kind)
	}
}

// TestRefusalCodeOutlivesItsEvidence: a refusal that waited for other money to go back may have lost its place among the evidence; the history
// still knows why, and a card that is gone stays so.
func TestRefusalCodeOutlivesItsEvidence(t *testing.T) {
	t.Parallel()
	o := order.Order{
		Attempt: order.Attempt{N: 3}, Evidence: []order.Evidence{{Attempt: 2, Call: "cancel", HTTP: 0, Code: "NO_ANSWER"}},
		History: []order.Step{{Event: string(order.Refused), Attempt: 1, Note: "CARD_EXCEED_LIMIT"}, {Event: string(order.Refused), Attempt: 2, Note: "CARD_NOT_AVAILABLE"}},
	}
	if got := refusalCode(o); got != "CARD_NOT_AVAILABLE" {
		t.Errorf("%q", got)
	}
	o.Evidence = append(o.Evidence, order.Evidence{Attempt: 2, Call: "charge", HTTP: 200, Code: "COMMON_BREAK_TIME_OF_BANK"})
	if got := refusalCode(o); got != "COMMON_BREAK_TIME_OF_BANK" {
		t.Errorf("%q, although the evidence is there", got)
	}
}
