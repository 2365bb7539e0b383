package eventaudit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/eventaudit"
)

var begin = time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)

// histories is how many random lives of an order and of a subscription there are.
const histories = 1000

// TestRandomHistories: whatever happens to an order or subscription, in whatever order, several things in one write, claims and leases in
// between, and far more often than the history has entries: each event is told once, by one name, in order, and the last one is true.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	audit, long := &eventaudit.Audit{Check: eventtest.Check}, 0
	told := newTelling()
	for seed := range uint64(histories) {
		s := memstore.New()
		s.Changed = func(c event.Change) { audit.Changed(c); told.stream.Changed(c) }
		r := random{t, rand.New(rand.NewPCG(seed, 1)), s, begin}
		for _, cut := range []bool{r.order(fmt.Sprintf("order-%04d", seed)), r.subscription(fmt.Sprintf("sub-%04d", seed))} {
			if cut {
				long++
			}
		}
		told.pump(t)
	}
	told.check(t, audit.Events())
	for _, broken := range audit.Broken() {
		t.Error(broken)
	}
	kinds := map[event.Type]int{}
	for _, events := range audit.Events() {
		for _, e := range events {
			kinds[e.Type]++
		}
	}
	for _, kind := range event.Types {
		if kinds[kind] == 0 {
			t.Errorf("no history made %s: the test says nothing of it", kind)
		}
	}
	if long < histories/10 {
		t.Errorf("%d records outlived their history, too few to say anything", long)
	}
	writes, records, events := audit.Size()
	t.Logf("%d writes of %d records made %d events %v; %d records outlived their history", writes, records, events, kinds, long)
}

type random struct {
	t     *testing.T
	rng   *rand.Rand
	store *memstore.Store
	now   time.Time
}

func (r *random) pass() time.Time {
	r.now = r.now.Add(time.Duration(1+r.rng.IntN(48*60)) * time.Minute)
	return r.now
}

// order lives one; long says that its history was cut.
func (r *random) order(id string) (long bool) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	price := money.Amount{Value: 15000, Currency: money.KRW}
	o, err := r.store.Create(ctx, order.New(order.Order{
		ID: id, Provider: "toss", Mode: "test", Amount: price, LinkToken: "link", CreatedAt: r.now, ExpiresAt: r.now.Add(time.Duration(r.rng.IntN(90)) * 24 * time.Hour),
	}))
	for range 50 {
		if err != nil {
			r.t.Fatal(err)
		}
		if r.rng.IntN(3) == 0 {
			if o, err = r.claim(ctx, o); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		next := o
		for range 1 + r.rng.IntN(3) {
			next = r.happens(next, o.Revision+1)
		}
		if next.Revision == o.Revision {
			continue
		}
		next.Revision = o.Revision + 1
		o, err = r.store.Save(ctx, next)
	}
	return o.History[0].From != ""
}

func (r *random) claim(ctx context.Context, o order.Order) (order.Order, error) {
	at := r.pass()
	claimed, err := r.store.Claim(ctx, order.Claim{
		OrderID: o.ID, Provider: o.Provider, LinkToken: o.LinkToken, Attempt: o.Attempt, Amount: o.Amount, Key: r.key(), At: at, AskAfter: at,
	})
	if refusal, refused := errors.AsType[*order.Refusal](err); refused && refusal.Reason == order.NotOpen {
		claimed, err = r.store.Lease(ctx, order.Lease{OrderID: o.ID, At: at, Until: at, Final: true})
	}
	return claimed, err
}

func (r *random) key() string { return fmt.Sprintf("key-%d", r.rng.IntN(4)) }

// happens lets somebody ask, or answer, something.
func (r *random) happens(o order.Order, revision int64) order.Order {
	at := r.pass()
	l := o.Ledger
	l.Timing = ledger.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute}
	p := ledger.Payment{
		Key: r.key(), Attempt: max(1, o.Attempt-r.rng.IntN(2)), State: ledger.Declined, Amount: 15000, Currency: "KRW", Test: true, Code: "LIMIT",
	}
	what := r.rng.IntN(20)
	switch paid := l.Paid(); {
	case paid != nil && what < 8: // a part goes back, in the console or because the merchant wishes
		p = *paid
		p.Balance = max(0, p.Balance-int64(r.rng.IntN(2000)))
		if r.rng.IntN(4) == 0 {
			p.Balance = 0
		}
	case paid != nil && what == 8: // the provider shows less than before
		p = *paid
		p.State = ledger.Begun
	case paid != nil && what == 9:
		l, _ = l.Intend(ledger.Request{Kind: ledger.Cancel, Attempt: paid.Attempt, Key: paid.Key, RefundID: r.key(), Amount: 100, At: at})
	case what == 10:
		l, _ = l.Resolve(ledger.Resolution{Key: r.key(), Keep: r.rng.IntN(2) == 0, By: "somebody", At: at})
	case what < 13:
		l, _ = l.Intend(ledger.Request{Kind: ledger.Return, Attempt: p.Attempt, Key: p.Key, At: at})
	case what == 13:
		p.State, p.Balance = ledger.Captured, p.Amount
	case what == 14:
		p.State, p.Amount, p.Balance = ledger.Captured, 100, int64(r.rng.IntN(2))*100
	case what == 15: // what is not the order's is back
		for _, q := range l.Payments {
			if q.Role == ledger.Surplus {
				p = q
				p.Balance = 0
			}
		}
	}
	a := ledger.Answer{Account: l.Account, Began: at, At: at, Readable: true, Payments: []ledger.Payment{p}, Complete: r.rng.IntN(2) == 0, Attempt: p.Attempt}
	l = l.Learn(a).Decide()
	l.Revision = revision
	return o.With(l, at)
}

// subscription lives one.
func (r *random) subscription(id string) (long bool) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	calendar := subscription.Calendar{First: r.now, Interval: subscription.Month, Every: 1, Anchor: 1}
	s, err := r.store.CreateSubscription(ctx, subscription.New(subscription.Subscription{
		ID: id, Provider: "portone", Mode: "test", CustomerID: "customer-1", CreatedAt: r.now, Calendar: calendar,
		Plan: subscription.Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}, Name: "plan"},
	}))
	for range 40 {
		if err != nil {
			r.t.Fatal(err)
		}
		if claimed, refused := r.store.ClaimCycle(ctx, subscription.CycleClaim{ID: id, Cycle: s.Cycle, At: r.pass()}); refused == nil {
			s = claimed
		}
		next := s
		for range 1 + r.rng.IntN(2) {
			next = r.step(next)
		}
		if next.Revision == s.Revision {
			continue
		}
		next.Revision = s.Revision + 1
		s, err = r.store.SaveSubscription(ctx, next)
	}
	return s.History[0].From != ""
}

func (r *random) step(s subscription.Subscription) subscription.Subscription {
	at := r.pass()
	switch r.rng.IntN(19) {
	case 12:
		dearer := s.Plan
		if s.NextPlan.Amount.Value > dearer.Amount.Value {
			dearer = s.NextPlan
		}
		dearer.Amount.Value += 100
		s, _ = s.ChangeWithConsent(subscription.Consent{Kind: subscription.PriceRise, After: dearer, Token: "token"}, "", at)
	case 13:
		s, _ = s.Consents(r.rng.IntN(2) == 0, "text", "ko", at)
	case 14:
		s = s.AskConsent(subscription.Consent{Kind: subscription.TrialEnd, After: s.Plan, Token: "token", Ends: r.rng.IntN(8) == 0}, at)
	case 15:
		if r.rng.IntN(4) > 0 { // else nobody is asked in time
			s, _ = s.NeedsConsent(at)
		}
	case 17, 18:
		s, _ = s.Woken(at, r.rng.IntN(30))
	case 16:
		if !s.Begun.IsZero() {
			return s.Prepare(at).Subscription // such as a consent that lapsed
		}
	case 0, 1:
		issuing := s.Issuing()
		if issuing == nil {
			s, _ = s.RenewKey(at)
			return s
		}
		key := *issuing
		key.IssuedAt = at
		return s.Issued(key, at)
	case 2, 3, 4:
		return s.Charged(s.Cycle, s.Date, at)
	case 5, 6:
		decline := []subscription.Decline{subscription.Soft, subscription.Transient, subscription.Hard}[r.rng.IntN(3)]
		return s.Refused(s.Cycle, s.Attempt()+1, decline, "LIMIT", subscription.DefaultTimetable(), at)
	case 7:
		return s.Ended(s.Cycle, s.Date, "FAILED", r.rng.IntN(2) == 0, at)
	case 8:
		s, _ = s.Pause(at)
	case 9, 10:
		s, _ = s.Resume(at)
	case 11:
		if r.rng.IntN(8) == 0 {
			return s.Cancel(at, r.rng.IntN(2) == 0)
		}
	}
	return s
}

var _ payment.Store = (*memstore.Store)(nil)

// TestAuditSees shows that each kind of fault is seen.
func TestAuditSees(t *testing.T) {
	t.Parallel()
	was := order.New(order.Order{ID: "order-0001", Mode: "test", CreatedAt: begin})
	paid := was
	paid.Status, paid.Revision = order.Paid, 2
	paid.History = append(paid.History, order.Step{At: begin, From: order.Open, To: order.Paid, Event: "captured", Revision: 2})
	change := event.Change{OldOrder: was, Order: paid}
	unrecorded := change
	unrecorded.Order.History = was.History
	renamed := paid
	renamed.History = append([]order.Step{}, paid.History...)
	renamed.History[1].Revision, renamed.Revision = 3, 3
	back := paid
	back.Revision, back.History = 4, append(paid.History[:2:2], order.Step{At: begin, From: order.Paid, To: order.Refunded, Event: "refunded", Revision: 1})
	back.Status = order.Refunded
	other := running("renewal-upcoming", 2) // of a charge in December
	other.History[1].Note = "1 9900 KRW 2026-12-01T00:00:00Z"
	for what, test := range map[string]struct {
		changes []event.Change
		check   func(event.Event) error
	}{
		"two events have this id":               {changes: []event.Change{change, change}},
		"its history does not tell":             {changes: []event.Change{unrecorded}},
		"is untrue: no payment pays it":         {changes: []event.Change{change}},
		"is untrue: not all of it was refunded": {changes: []event.Change{{OldOrder: paid, Order: lied(paid, order.Refunded)}}},
		"is untrue: it did not become expired":  {changes: []event.Change{{OldOrder: was, Order: twisted(lied(was, order.Expired))}}},
		"is untrue: its payment method is the same": {changes: []event.Change{{
			OldSubscription: running("activated", 1), Subscription: running("key-issued", 2),
		}}},
		"is untrue: no cycle was charged":          {changes: []event.Change{{OldSubscription: running("activated", 1), Subscription: running("cycle-charged", 2)}}},
		"is untrue: nothing costs more":            {changes: []event.Change{{OldSubscription: running("activated", 1), Subscription: running("consent-needed", 2)}}},
		"is untrue: no such charge is expected":    {changes: []event.Change{{OldSubscription: running("activated", 1), Subscription: other}}},
		"later made as":                            {changes: []event.Change{change, {OldOrder: renamed, Order: renamed}}},
		"comes after sequence":                     {changes: []event.Change{change, {OldOrder: order.Order{ID: "order-0001", Status: order.Paid}, Order: onlyLast(back)}}},
		"its events end with":                      {changes: []event.Change{{OldOrder: paid, Order: paid}}},
		"0 events were made of its writes":         {changes: []event.Change{{OldOrder: paid, Order: paid}}},
		"the schema says no, so the audit says it": {changes: []event.Change{change}, check: func(event.Event) error { return errors.New("the schema says no, so the audit says it") }},
	} {
		audit := eventaudit.Audit{Check: test.check}
		for _, c := range test.changes {
			audit.Changed(c)
		}
		if broken := strings.Join(audit.Broken(), "\n"); !strings.Contains(broken, what) {
			t.Errorf("%q is not seen: %s", what, broken)
		}
	}
}

// lied adds a history entry that says what did not happen.
func lied(o order.Order, to order.Status) order.Order {
	o.History = append(o.History[:len(o.History):len(o.History)], order.Step{At: begin, From: o.Status, To: to, Event: "lie", Revision: o.Revision + 1})
	o.Status, o.Revision = to, o.Revision+1
	return o
}

// twisted is failed, and its last history entry says something else.
func twisted(o order.Order) order.Order {
	o.Status = order.Failed
	return o
}

// running is a subscription whose latest history entry says that something happened.
func running(what string, revision int64) subscription.Subscription {
	s := subscription.Subscription{ID: "sub-0001", Mode: "test", Status: subscription.Active, Revision: revision, Cycle: 1, ChargeAt: begin}
	for n := range revision {
		s.History = append(s.History, subscription.Step{At: begin, From: subscription.Active, To: subscription.Active, Event: what, Revision: n + 1})
	}
	s.History[0].From, s.History[0].Event = "", "created"
	return s
}

func onlyLast(o order.Order) order.Order {
	o.History = o.History[len(o.History)-1:]
	return o
}
