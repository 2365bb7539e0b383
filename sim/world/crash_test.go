package world_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
)

var errDead = errors.New("the process is dead")

// mortal is everything one process can reach, and the moment of its death: at its call number dieAt, before it left or after it was
// carried out. From then on nothing it does has any effect, which is all the outside can tell of a killed process.
type mortal struct {
	dieAt int // 0: never
	after bool

	mu    sync.Mutex
	calls []string
	dead  bool
}

// call carries one out, if the process lives, and says whether anybody learns of it.
func (m *mortal) call(name string, carryOut func()) error {
	m.mu.Lock()
	dead := m.dead
	if !dead {
		m.calls = append(m.calls, name)
		m.dead = len(m.calls) == m.dieAt
	}
	dies := m.dead
	m.mu.Unlock()
	if dead || dies && !m.after {
		return errDead
	}
	carryOut()
	if dies {
		return errDead
	}
	return nil
}

// process is a function's instance of its own, in the same world.
func (s *stage) process(dieAt int, after bool) (http.Handler, *payment.Settler, *mortal) {
	m := &mortal{dieAt: dieAt, after: after}
	return s.Process(m.call), s.Behind(m.call).Settler(), m
}

// weather is what the provider does in a crash matrix.
type weather struct {
	name    string
	prepare func(*stage)
	paid    bool // the money is there to be taken
}

var weathers = []weather{
	{"approves", func(*stage) {}, true},
	{"refuses the card", func(s *stage) { s.Toss.DeclineNext("REJECT_CARD_COMPANY") }, false},
	{"is closed", func(s *stage) { s.Toss.DeclineNext("NOT_AVAILABLE_PAYMENT") }, false},
	{"takes the money and says no", func(s *stage) { s.Toss.CaptureNextBut("REJECT_CARD_COMPANY") }, true},
	{"fails first", func(s *stage) { s.confirmFault(fault.InternalError, fault.Before, 1) }, true},
	{"fails twice", func(s *stage) { s.confirmFault(fault.InternalError, fault.Before, 2) }, true},
	{"takes the money and fails", func(s *stage) { s.confirmFault(fault.InternalError, fault.After, 1) }, true},
	{"loses its reply", func(s *stage) { s.confirmFault(fault.LoseReply, "", 1) }, true},
	{"cannot be reached at first", func(s *stage) { s.confirmFault(fault.RefuseConnection, "", 1) }, true},
}

func (s *stage) confirmFault(kind, moment string, times int) {
	s.Fault(fault.Fault{Operation: tosssim.OpConfirm, Kind: kind, Moment: moment, Times: times})
}

// death is where a process dies.
type death struct {
	at    int
	after bool
}

func (d death) String() string {
	return fmt.Sprintf("call %d %s", d.at, map[bool]string{false: "before", true: "after"}[d.after])
}

// crash runs one order: the process that serves the buyer's return dies, then the one that does the next step, then the world lives on and
// the buyer reloads. It returns how many calls each process made.
func crash(t *testing.T, w weather, first, second death, reload bool) (calls [2]int) {
	t.Helper()
	bubble(t, func(t *testing.T) {
		s := newStage(t, testbed.Quiet)
		what := fmt.Sprintf("the provider %s; the return dies at %s, the next step (reload %v) at %s", w.name, first, reload, second)
		m := s.order("order-1")
		w.prepare(s)
		redirect := s.approve(m)
		door, _, life := s.process(first.at, first.after)
		s.At(door).Get(redirect)
		door, settler, next := s.process(second.at, second.after)
		if reload {
			s.At(door).Get(redirect)
		} else {
			if due := s.ReadOrder("order-1").DueAt; due.Before(time.Now().Add(time.Hour)) {
				time.Sleep(time.Until(due))
			}
			ctx, cancel := context.WithTimeout(t.Context(), handler.DoorTime)
			_, _ = settler.Advance(ctx, "order-1") // dead processes tell nobody
			cancel()
		}
		if got := s.ReadOrder("order-1"); got.Status == order.Processing && got.DueAt.IsZero() {
			t.Errorf("%s: processing without a due time", what)
		}
		s.settled("order-1")
		s.Get(redirect)
		s.settled("order-1")
		for _, broken := range s.audit("order-1") {
			t.Errorf("%s: %s", what, broken)
		}
		end, taken := s.ReadOrder("order-1"), len(s.captures("order-1"))
		if w.paid && (taken != 1 || end.Status != order.Paid) || !w.paid && (taken != 0 || end.Status != order.Open || end.Attempt != 2) {
			t.Errorf("%s: %d captures, %s in attempt %d", what, taken, end.Status, end.Attempt)
		}
		calls = [2]int{len(life.calls), len(next.calls)}
	})
	return calls
}

// TestCrashAnywhere kills the process at every call of a payment, and the one after it at every call of its own.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	for _, w := range weathers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			whole := crash(t, w, death{}, death{}, false)[0]
			if whole < 3 {
				t.Fatalf("an undisturbed payment makes %d calls", whole)
			}
			ran, deepest := 0, 0
			for _, first := range deaths(whole) {
				for _, reload := range []bool{false, true} {
					next := crash(t, w, first, death{}, reload)[1]
					deepest = max(deepest, next)
					seconds := deaths(next)
					if testing.Short() {
						seconds = nil
					}
					for _, second := range seconds {
						crash(t, w, first, second, reload)
					}
					ran += 1 + len(seconds)
				}
			}
			t.Logf("%d deaths and pairs of deaths; a payment makes %d calls, the step after a death up to %d", ran, whole, deepest)
		})
	}
}

func deaths(calls int) (all []death) {
	for at := range calls {
		all = append(all, death{at + 1, false}, death{at + 1, true})
	}
	return all
}

// TestCost counts what a confirm asks of the table and of the provider.
func TestCost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	redirect := s.approve(s.order("order-1"))
	door, _, first := s.process(0, false)
	s.WantTitle("the return", s.At(door).Get(redirect), paidPage)
	if want := []string{"claim", "provider", "save"}; !slices.Equal(first.calls, want) {
		t.Errorf("a confirm makes %v, want %v: 2 writes, no read, 1 question", first.calls, want)
	}
	door, _, again := s.process(0, false)
	s.WantTitle("the repeated return", s.At(door).Get(redirect), paidPage)
	if want := []string{"claim"}; !slices.Equal(again.calls, want) {
		t.Errorf("a repeated confirm makes %v, want %v: 1 write and no question", again.calls, want)
	}
	s.wantMoney("order-1", 1, 1)
}

// TestIntentIsWrittenBeforeTheCall: a confirm with a new idempotency key is in the table before the provider hears of it.
func TestIntentIsWrittenBeforeTheCall(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.confirmFault(fault.InternalError, fault.Before, 1)
	redirect := s.approve(s.order("order-1"))
	door, _, life := s.process(0, false)
	s.WantTitle("the return", s.At(door).Get(redirect), paidPage)
	want := []string{"claim", "provider", "provider", "save", "provider", "save"} // confirm, find, intent, confirm with the next key, end
	if !slices.Equal(life.calls, want) {
		t.Errorf("a confirm that fails first makes %v, want %v", life.calls, want)
	}
}

// TestStoreFailsWhileTheMoneyMoves: the table cannot be written between two questions. The buyer is told to wait, not that the page is
// out of order: money may have moved.
func TestStoreFailsWhileTheMoneyMoves(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		for name, times := range map[string]int{"after the answer": 0, "before the second question": 1} {
			s := newStage(t)
			m := s.order("order-1")
			if times > 0 {
				s.confirmFault(fault.InternalError, fault.Before, times)
			}
			redirect := s.approve(m)
			failing := &failingSave{Store: s.Store}
			parts := s.Parts
			parts.Store = failing
			p := s.At(s.Doors(parts)).Get(redirect)
			if p.Title() != checkingPage || p.CanPay() {
				t.Errorf("the table fails %s: %d %q, can pay %v; want the checking page", name, p.Status, p.Title(), p.CanPay())
			}
			s.settled("order-1")
			s.wantAudit("order-1")
			s.WantOrder("in the end", "order-1", order.Paid, 1)
		}
	})
}

// failingSave is a table that takes claims and no saves.
type failingSave struct{ payment.Store }

func (failingSave) Save(context.Context, order.Order) (order.Order, error) {
	return order.Order{}, errors.New("throttled")
}
