package world_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/event/eventtest"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/store/memstore"
	"tosspay-sam/sim/eventaudit"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/world"
)

const ordersOfWorkload = 8

// TestRandomWorkloads: buyers with several tabs, reloads, tampering and processes that die, a provider of whose calls a third goes wrong, that
// takes money nobody asked for, twice, late and in wrong amounts, and sends webhooks of it all, and a schedule that comes when it likes. Then
// the faults stop and the clock moves on: every order ends where the ledger says, and what was taken too much is back.
//
// go test ./sim/world -run TestRandomWorkloads -seed N -workloads M runs M of them from seed N on. The seed fixes what buyers and provider
// are up to; which goroutine comes first it does not.
func TestRandomWorkloads(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64N(1 << 40)
	}
	t.Logf("seeds %d to %d", seed, seed+uint64(*workloads)-1)
	var total tally
	for i := range *workloads {
		runWorkload(t, seed+uint64(i), &total)
	}
	t.Logf("%d orders, %d captures, %d given back; %d calls of the provider, %d webhooks, %d processes died; ends: %v",
		*workloads*ordersOfWorkload, total.captures, total.cancels, total.calls, total.webhooks, total.died, total.ends)
	if *workloads >= 12 && (total.captures == 0 || total.cancels == 0 || total.webhooks == 0 || total.died == 0 || total.ends[order.Expired]+total.ends[order.Failed] == 0) {
		t.Error("the workloads did not do what they are for")
	}
}

type tally struct {
	captures, cancels, calls, webhooks, died int
	ends                                     map[order.Status]int
}

func runWorkload(t *testing.T, seed uint64, total *tally) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		told := &eventaudit.Audit{Check: eventtest.Check}
		s := newStage(t, testbed.Quiet, func(o *world.Options) { o.Toss.Cache5xx, o.Toss.Seed, o.Store = seed%2 == 0, seed, observed(told) })
		var calm atomic.Bool
		random := fault.Seeded(seed, 30)
		s.Faults.Random = func(provider, operation string) (fault.Fault, bool) {
			f, strikes := random(provider, operation)
			return f, strikes && !calm.Load()
		}
		var died atomic.Int64
		var buyers, postman sync.WaitGroup
		postman.Go(func() {
			for !calm.Load() {
				s.Hooks.Step(t.Context(), time.Now())
				time.Sleep(5 * time.Second)
			}
		})
		for i := range ordersOfWorkload {
			m := s.order(fmt.Sprintf("order-%d", i))
			buyers.Go(func() {
				b := buyer{stage: s, rng: rand.New(rand.NewPCG(seed, uint64(i))), order: m, died: &died}
				b.shop()
			})
		}
		buyers.Wait()
		calm.Store(true)
		postman.Wait()
		time.Sleep(time.Minute) // answers that were under way
		for range 30 {
			s.sweep()
			s.Hooks.Step(t.Context(), time.Now())
			time.Sleep(time.Minute)
		}
		time.Sleep(102 * time.Hour) // until no order can be paid any more
		s.sweep()
		s.lateMoney(rand.New(rand.NewPCG(seed, 999)))
		for range 100 { // Toss Payments sends for four days
			s.Hooks.Step(t.Context(), time.Now())
			s.sweep()
			time.Sleep(time.Hour)
		}
		for i := range ordersOfWorkload {
			id := fmt.Sprintf("order-%d", i)
			m := s.ReadOrder(id)
			for _, broken := range s.audit(id) {
				t.Errorf("seed %d: %s; history %v", seed, broken, m.History)
			}
			if m.Status == order.Open || !m.DueAt.IsZero() {
				t.Errorf("seed %d: %s is %s, due %v: its time is over and nobody closed it", seed, id, m.Status, m.DueAt)
			}
			if total.ends == nil {
				total.ends = map[order.Status]int{}
			}
			total.ends[m.Status]++
			total.captures += len(s.captures(id))
			total.cancels += len(s.cancels(id))
		}
		for _, broken := range append(told.Broken(), s.untrue(told)...) {
			t.Errorf("seed %d: %s", seed, broken)
		}
		for _, n := range s.Toss.Calls() {
			total.calls += n
		}
		total.died += int(died.Load())
		total.webhooks += len(s.Hooks.Records())
	})
}

// observed is a store whose changes are audited.
func observed(told *eventaudit.Audit) payment.Store {
	s := memstore.New()
	s.Changed = told.Changed
	return s
}

// untrue compares what the merchant is told of money with the ledger.
func (s *stage) untrue(told *eventaudit.Audit) (found []string) {
	for _, events := range told.Events() {
		for _, e := range events {
			taken, back := len(s.captures(e.Data.OrderID)), len(s.cancels(e.Data.OrderID))
			switch {
			case (e.Type == event.OrderPaid || e.Type == event.OrderReversal) && taken == 0,
				(e.Type == event.OrderRefunded || e.Data.Reversal == order.ReversalDone) && back == 0:
				found = append(found, fmt.Sprintf("%s is told, the ledger has %d captures and %d cancels", e.ID, taken, back))
			}
		}
	}
	return found
}

// lateMoney: some buyers pay after the order's time, in windows that they should not have any more.
func (s *stage) lateMoney(rng *rand.Rand) {
	for i := range ordersOfWorkload {
		if rng.IntN(3) > 0 {
			continue
		}
		m := s.ReadOrder(fmt.Sprintf("order-%d", i))
		m.Window = testbed.Window{
			"orderId": m.OrderID, "orderName": "T-shirt", "successUrl": base + "/x", "failUrl": base + "/y",
			"amount": map[string]any{"value": float64(price - rng.IntN(2)), "currency": "KRW"},
		}
		s.capture(s.approve(m))
	}
}

// sweep advances what the due index lists, like a schedule: an order that is missing there is lost.
func (s *stage) sweep() {
	s.T.Helper()
	ctx, cancel := context.WithTimeout(s.T.Context(), time.Hour)
	defer cancel()
	for shard := range payment.DueShards {
		for cursor, more := "", true; more; {
			due, next, err := s.Store.Due(ctx, shard, time.Now(), 3, cursor)
			if err != nil {
				s.T.Fatal(err)
			}
			for _, r := range due {
				if r.Kind != payment.KindOrder {
					s.T.Fatalf("%+v is due, and nobody made one", r)
				}
				s.Settle(r.ID)
			}
			cursor, more = next, next != ""
		}
	}
}

// buyer is one order's buyer with everything a browser can do to us. Its stage's methods must not fail the test from here: a page may be
// anything while faults strike.
type buyer struct {
	*stage
	rng   *rand.Rand
	order testbed.Sale
	died  *atomic.Int64
}

func (b *buyer) pause(most time.Duration) { time.Sleep(time.Duration(b.rng.Int64N(int64(most)))) }

// shop is a few visits to the window, each with its returns.
func (b *buyer) shop() {
	codes := toss.Rules(toss.OpConfirm)
	for range 1 + b.rng.IntN(3) {
		b.pause(4 * time.Minute)
		if p := b.Get(b.order.CheckoutURL); !p.CanPay() {
			continue
		}
		m := b.current()
		switch b.rng.IntN(6) {
		case 0:
			b.Toss.DeclineNext(codes[b.rng.IntN(len(codes))].Code)
		case 1:
			b.Toss.CaptureNextBut(codes[b.rng.IntN(len(codes))].Code)
		case 2:
			b.Get(b.Card(m.Window, []string{"cancel", "abort", "reject"}[b.rng.IntN(3)]))
		}
		redirects := []string{b.approve(m)}
		if b.rng.IntN(3) == 0 {
			redirects = append(redirects, b.approve(m)) // a second window of the same attempt
		}
		if b.rng.IntN(10) == 0 {
			b.pause(14 * time.Minute) // some come back too late
		}
		switch b.rng.IntN(8) {
		case 0:
			b.capture(redirects[len(redirects)-1]) // behind our back, before or beside our own confirm
		case 1:
			b.capture(b.Card(m.Window.Dearer(int64(1+b.rng.IntN(3))), "approve"))
		}
		b.comeBack(redirects)
	}
}

// current is the window of the order's attempt, from the record: the page has just invited to it.
func (b *buyer) current() testbed.Sale {
	m := b.order
	if got := b.ReadOrder(m.OrderID); got.Attempt > 1 {
		m.Window = m.Window.With("orderId", fmt.Sprintf("%s--%d", m.OrderID, got.Attempt))
	}
	return m
}

// comeBack opens the redirects from many tabs at once, some of them in processes that die, while the schedule asks as well.
func (b *buyer) comeBack(redirects []string) {
	var tabs sync.WaitGroup
	for range 1 + b.rng.IntN(4) {
		address := redirects[b.rng.IntN(len(redirects))]
		later, dieAt, after := time.Duration(b.rng.IntN(20))*time.Second, b.rng.IntN(12), b.rng.IntN(2) == 0
		switch b.rng.IntN(8) {
		case 0:
			address = testbed.Edited(address, "amount", "100")
		case 1:
			address = testbed.Edited(address, "paymentKey", "forged")
		case 2:
			address = b.order.Window.Text("failUrl") + "&code=PAY_PROCESS_ABORTED"
		}
		tabs.Go(func() {
			time.Sleep(later)
			var door http.Handler = b.stage
			var life *mortal
			if dieAt > 0 && dieAt < 6 {
				door, _, life = b.process(dieAt, after)
			}
			p := b.At(door).Get(address)
			if p.Elapsed > handler.DoorTime {
				b.T.Errorf("%s: a page after %v", b.order.OrderID, p.Elapsed)
			}
			if life != nil && life.dead {
				b.died.Add(1)
			}
		})
	}
	if b.rng.IntN(2) == 0 {
		later := time.Duration(b.rng.IntN(40)) * time.Second
		tabs.Go(func() {
			time.Sleep(later)
			b.Settle(b.order.OrderID)
		})
	}
	tabs.Wait()
	for range b.rng.IntN(3) {
		b.pause(time.Minute)
		b.Get(redirects[0])
	}
}
