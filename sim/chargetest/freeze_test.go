package chargetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/soak"
)

// worker is one process at one message, which can be frozen between two instructions.
type worker struct {
	freezeAt int // the call at which it freezes, counted from 0; every call is two, before and after
	calls    int
	last     soak.Call // where it is frozen
	done     bool
	freeze   func(struct{}) bool
	next     func() (struct{}, bool)
	stop     func()
}

// frost runs workers one at a time.
type frost struct {
	*stage
	running *worker
}

func newFrost(t *testing.T) *frost {
	f := &frost{stage: newStage(t)}
	f.takes(func(c provider.Charge) provider.Answer { return f.Bank.Charge(f.ctx, c) })
	f.Hook = func(c soak.Call) error {
		w := f.running
		if w == nil {
			return nil
		}
		if w.calls++; w.calls-1 == w.freezeAt {
			w.last = c
			w.freeze(struct{}{})
		}
		return nil
	}
	return f
}

// begin runs a worker up to where it freezes.
func (f *frost) begin(m payment.Message, freezeAt int) *worker {
	w := &worker{freezeAt: freezeAt}
	w.next, w.stop = iter.Pull(func(freeze func(struct{}) bool) {
		w.freeze = freeze
		if err := f.Worker.Work(f.ctx, m); err != nil {
			f.t.Error(err)
		}
		w.done = true
	})
	f.thaw(w)
	return w
}

// thaw lets it go on to its end, or to where it freezes.
func (f *frost) thaw(w *worker) {
	f.running = w
	w.next()
	f.running = nil
}

// TestFrozenWorkers freezes two workers at every pair of their calls, lets the schedule go on alone until their leases are over, and thaws
// them in either order.
func TestFrozenWorkers(t *testing.T) {
	t.Parallel()
	for _, o := range outcomes[:3] {
		for _, gap := range []time.Duration{time.Second, 6 * time.Minute, 95 * time.Minute, 26 * time.Hour} {
			t.Run(fmt.Sprint(o.name, " ", gap), func(t *testing.T) {
				t.Parallel()
				pairs := 0
				for i, frozen := 0, true; frozen && !t.Failed(); i++ {
					for j, also := 0, true; frozen && also && !t.Failed(); j++ {
						frozen, also = race(t, o, gap, i, j, true)
						if frozen && also {
							race(t, o, gap, i, j, false)
							pairs++
						}
					}
				}
				if pairs < 80 && !t.Failed() {
					t.Errorf("only %d pairs of calls", pairs)
				}
			})
		}
	}
}

// race freezes a worker at call i and, when its lease is over, another one at call j, and thaws them after the gap. It says whether each of
// them was frozen: a worker that makes fewer calls was not, and nothing is checked.
func race(t *testing.T, o outcome, gap time.Duration, i, j int, firstFirst bool) (first, second bool) {
	t.Helper()
	message := payment.Message{Kind: payment.KindSubscription, ID: id, Cycle: 1}
	f := newFrost(t)
	o.set(f.stage)
	f.now = due(0)
	a := f.begin(message, i)
	f.now = f.now.Add(subscription.ChargeLease + time.Minute)
	b := f.begin(message, j)
	defer a.stop()
	defer b.stop()
	if a.done || b.done {
		return !a.done, !b.done
	}
	if gap > time.Hour && (a.onItsWay() || b.onItsWay()) {
		return true, true // no program can take back for an hour what it has sent
	}
	f.until(f.now.Add(gap))
	thawing := []*worker{a, b}
	if !firstFirst {
		thawing = []*worker{b, a}
	}
	for _, w := range thawing {
		f.thaw(w)
	}
	f.wantOnce(o, fmt.Sprintf("frozen at %+v and %+v, thawed in order: %v", a.last, b.last, firstFirst))
	return true, true
}

// onItsWay says that it is frozen while it sends a charge.
func (w *worker) onItsWay() bool { return w.last.Op == "charge" && !w.last.After }

func (f *frost) wantOnce(o outcome, what string) {
	f.t.Helper()
	f.until(latest(f.now, due(0)).Add(o.within))
	if got := f.read(); f.captured(1) != 1 || f.captures() != 1 || f.cycle(1).Status != order.Paid || got.Cycle != 2 ||
		got.Status != subscription.Active || !got.ChargeAt.Equal(due(1)) {
		f.t.Errorf("%s: %d captures, order %s, %s at cycle %d\n%s", what, f.captures(), f.cycle(1).Status, got.Status, got.Cycle, f.story())
	}
}

// TestEverythingAtOnce: five ticks overlap, and what they pass on is delivered three times at the same moment.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const members = 25
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Hour)
		defer cancel()
		var mu sync.Mutex
		var sent []payment.Message
		lab := soak.NewLab(time.Now, environment.Wait, func(m []payment.Message) {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, m...)
		})
		lab.Take = func(c provider.Charge) provider.Answer { // all that are at work at once take money
			p, refused := lab.Bank.Begin(c)
			if p == nil {
				return refused
			}
			time.Sleep(time.Second)
			return lab.Bank.End(p)
		}
		for i := range members {
			_, err := lab.Enroll(ctx, payment.NewSubscription{
				SubscriptionID: fmt.Sprintf("sub_%03d", i), CustomerID: "customer", Amount: price, Currency: "KRW", Name: "Milk", Interval: "month",
				FirstChargeAt: time.Now().Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Hour)
		lab.Hook = func(c soak.Call) error {
			if c.Op == "due" && c.After {
				time.Sleep(time.Second) // every tick has read the index before one of them leases
			}
			return nil
		}
		var ticks sync.WaitGroup
		for range 5 {
			ticks.Go(func() {
				if _, err := lab.Dispatcher.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		ticks.Wait()
		if len(sent) != members {
			t.Errorf("five ticks sent %d messages for %d records", len(sent), members)
		}
		orders := 0
		lab.Hook = func(c soak.Call) error {
			mu.Lock()
			defer mu.Unlock()
			if c.Op == "create" && !c.After {
				orders++
			}
			return nil
		}
		batch := batchOf(t, sent)
		door := handler.Charge(lab.Dispatcher, lab.Worker, slog.New(slog.DiscardHandler))
		var deliveries sync.WaitGroup
		for range 3 {
			deliveries.Go(func() {
				answer, err := door(ctx, batch)
				if failed := answer.(events.SQSEventResponse).BatchItemFailures; err != nil || len(failed) != 0 {
					t.Errorf("%v, %d messages failed", err, len(failed))
				}
			})
		}
		deliveries.Wait()
		if got := len(lab.Bank.Payments()); got != members {
			t.Errorf("%d charges for %d cycles", got, members)
		}
		if orders != members {
			t.Errorf("%d workers got as far as the order of a cycle, want %d: its claim is one worker's", orders, members)
		}
		for i := range members {
			if s, err := lab.Store.GetSubscription(ctx, fmt.Sprintf("sub_%03d", i)); err != nil || s.Cycle != 2 || !s.AskAfter.IsZero() {
				t.Errorf("%s: cycle %d, %v", s.ID, s.Cycle, err)
			}
		}
	})
}

func batchOf(t *testing.T, messages []payment.Message) json.RawMessage {
	t.Helper()
	var batch events.SQSEvent
	for i, m := range messages {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: string(body)})
	}
	text, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
