// Package chargetest_test proves what is promised about scheduled charges: the real dispatcher, worker and enroller against a bank that
// promises nothing, killed and frozen at every call they make.
package chargetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/soak"
)

const (
	id    = "sub_charge"
	price = 9900
)

// start is an hour before the first charge, 10:00 in Seoul on 31 January.
var start = time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)

// stage is a lab on a clock that only the test moves, with one message at a time.
type stage struct {
	*soak.Lab
	t        *testing.T
	now      time.Time
	sending  sync.Mutex
	messages []payment.Message
	later    []event // in order
	ctx      context.Context
}

// event is something that the world does by itself at a time.
type event struct {
	at time.Time
	do func()
}

// killed is the panic of a process that ends in the middle of a call.
type killed struct{}

func newStage(t *testing.T, edits ...func(*payment.NewSubscription)) *stage {
	t.Helper()
	return stageAt(t, start, edits...)
}

// stageAt is a stage whose clock begins an hour before the first charge, at another time.
func stageAt(t *testing.T, start time.Time, edits ...func(*payment.NewSubscription)) *stage {
	t.Helper()
	s := &stage{t: t, now: start}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
	t.Cleanup(cancel)
	s.ctx = ctx
	wait := func(_ context.Context, d time.Duration) error {
		s.now = s.now.Add(d)
		return nil
	}
	s.Lab = soak.NewLab(func() time.Time { return s.now }, wait, func(m []payment.Message) {
		s.sending.Lock()
		defer s.sending.Unlock()
		s.messages = append(s.messages, m...)
	})
	r := payment.NewSubscription{
		SubscriptionID: id, CustomerID: "customer", Amount: price, Currency: "KRW", Name: "Milk", Interval: "month",
		FirstChargeAt: start.Add(time.Hour),
	}
	for _, edit := range edits {
		edit(&r)
	}
	if _, err := s.Enroll(ctx, r); err != nil {
		t.Fatal(err)
	}
	return s
}

// work does one message; ok is false when its process was killed.
func (s *stage) work(m payment.Message) (err error, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, killed := p.(killed); !killed {
				panic(p)
			}
		}
	}()
	err = s.Worker.Work(s.ctx, m)
	return err, true
}

// tick is one run of the schedule and of everything it passes on.
func (s *stage) tick() {
	s.t.Helper()
	s.messages = nil
	if _, err := s.Dispatcher.Run(s.ctx); err != nil && !errors.Is(err, errLost) {
		s.t.Fatal(err)
	}
	slices.SortFunc(s.messages, func(a, b payment.Message) int { return strings.Compare(a.ID, b.ID) }) // the shards send side by side
	for _, m := range s.messages {
		if err, ok := s.work(m); ok && err != nil && !errors.Is(err, errLost) {
			s.t.Fatalf("work on %+v: %v", m, err)
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var errLost = errors.New("a reply was lost")

// until ticks whenever something is due, up to a time.
func (s *stage) until(end time.Time) {
	s.t.Helper()
	for range 10_000 {
		due, ok := s.Store.NextDue()
		if len(s.later) > 0 && (!ok || !s.later[0].at.After(due)) && !s.later[0].at.After(end) {
			s.now = latest(s.now, s.later[0].at)
			s.later[0].do()
			s.later = s.later[1:]
			continue
		}
		if !ok || due.After(end) {
			if s.now.Before(end) {
				s.now = end
			}
			return
		}
		if due.After(s.now) {
			s.now = due.Truncate(time.Minute)
			if s.now.Before(due) {
				s.now = s.now.Add(time.Minute)
			}
		}
		s.tick()
		s.now = s.now.Add(time.Minute)
	}
	s.t.Fatalf("still busy at %v: %+v", s.now, s.read())
}

func (s *stage) read() subscription.Subscription {
	s.t.Helper()
	stored, err := s.Store.GetSubscription(s.ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return stored
}

func (s *stage) cycle(k int) order.Order {
	s.t.Helper()
	o, err := s.Store.Get(s.ctx, fmt.Sprintf("%s--c%d", id, k))
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// captured are the captures of cycle k.
func (s *stage) captured(k int) (n int) {
	for _, p := range s.Bank.Payments() {
		parsed, err := order.ParseNumber(p.Number)
		if err != nil {
			s.t.Fatal(err)
		}
		if p.Captured() && parsed.Cycle == k {
			n++
		}
	}
	return n
}

// captures counts all of them.
func (s *stage) captures() (n int) {
	for _, p := range s.Bank.Payments() {
		if p.Captured() {
			n++
		}
	}
	return n
}

// kept counts the payments whose money is still there.
func (s *stage) kept() (n int) {
	for _, p := range s.Bank.Payments() {
		if p.Captured() && !p.Back() {
			n++
		}
	}
	return n
}

// story is what the subscription went through.
func (s *stage) story() string {
	var b strings.Builder
	for _, step := range s.read().History {
		fmt.Fprintf(&b, "%s %s>%s %s %s\n", step.At.In(subscription.Seoul).Format("2006-01-02 15:04"), step.From, step.To, step.Event, step.Note)
	}
	return b.String()
}
