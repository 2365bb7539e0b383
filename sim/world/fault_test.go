package world_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/testbed"
	"tosspay-sam/sim/tosssim"
	"tosspay-sam/sim/world"
)

// shapes are all faults at all their moments; the delays are shorter than, longer than and far beyond the door's own deadline.
var shapes = []fault.Fault{
	{Kind: fault.None},
	{Kind: fault.LoseReply},
	{Kind: fault.RefuseConnection},
	{Kind: fault.Delay, Delay: 5 * time.Second, Moment: fault.Before},
	{Kind: fault.Delay, Delay: 5 * time.Second, Moment: fault.After},
	{Kind: fault.Delay, Delay: 40 * time.Second, Moment: fault.Before},
	{Kind: fault.Delay, Delay: 40 * time.Second, Moment: fault.After},
	{Kind: fault.InternalError, Moment: fault.Before},
	{Kind: fault.InternalError, Moment: fault.After},
	{Kind: fault.TooManyRequests, Moment: fault.Before},
	{Kind: fault.TooManyRequests, Moment: fault.After},
	{Kind: fault.Garbage, Moment: fault.Before},
	{Kind: fault.Garbage, Moment: fault.After},
}

func shapeName(f fault.Fault) string {
	name := f.Kind
	if f.Kind == fault.Delay {
		name += " " + f.Delay.String()
	}
	return strings.TrimSpace(name + " " + f.Moment)
}

// answer is what the provider does with the confirm that would be approved.
type answer struct {
	code     string // empty: approves
	class    provider.Class
	captures bool // takes the money, whatever the code says
}

func (a answer) String() string {
	switch {
	case a.code == "":
		return "approves"
	case a.captures:
		return "takes the money and says " + a.code
	}
	return a.code
}

func (s *stage) prepare(a answer) {
	switch {
	case a.code == "":
	case a.captures:
		s.Toss.CaptureNextBut(a.code)
	default:
		s.Toss.DeclineNext(a.code)
	}
}

// answers are an approval, the first and last code of each class, and one that no table has; each refusing, and lying.
func answers() []answer {
	all := []answer{{captures: true}}
	first, last := map[provider.Class]string{}, map[provider.Class]string{provider.ClassUnknown: "A_CODE_OF_TOMORROW"}
	for _, rule := range toss.Rules(toss.OpConfirm) {
		if first[rule.Class] == "" {
			first[rule.Class] = rule.Code
		}
		if rule.Class != provider.ClassUnknown && rule.Code != first[rule.Class] {
			last[rule.Class] = rule.Code
		}
	}
	for c := provider.ClassUnknown; c <= provider.ClassAbsent; c++ {
		for _, code := range []string{first[c], last[c]} {
			if code != "" {
				all = append(all, answer{code, c, false}, answer{code, c, true})
			}
		}
	}
	return all
}

// pay runs one payment through a world with faults: the return, and then the schedule until nobody asks any more. It returns the end.
func (s *stage) pay(m testbed.Sale) testbed.Sale {
	s.T.Helper()
	redirect := s.approve(m)
	p := s.Get(redirect)
	if p.Elapsed > handler.DoorTime {
		s.T.Errorf("the page came after %v", p.Elapsed)
	}
	if got := s.ReadOrder(m.OrderID); got.Status == order.Processing && (p.Title() != checkingPage || p.CanPay()) {
		s.T.Errorf("processing, and the page is %q, can pay %v", p.Title(), p.CanPay())
	}
	return s.settled(m.OrderID)
}

// TestEveryFaultEndsWhereTheLedgerSays is the table: every fault, at every operation, with every class of answer.
func TestEveryFaultEndsWhereTheLedgerSays(t *testing.T) {
	t.Parallel()
	ends := map[cell]string{}
	var rows []string
	ran := 0
	for _, operation := range []string{tosssim.OpConfirm, tosssim.OpFind, fault.Any} {
		for _, f := range shapes {
			row := fmt.Sprintf("%-8s %-17s", operation, shapeName(f))
			rows = append(rows, row)
			for _, a := range answers() {
				ran++
				bubble(t, func(t *testing.T) {
					s := newStage(t, testbed.Quiet)
					m := s.order("order-1")
					s.prepare(a)
					f := f
					f.Operation, f.Times = operation, 2
					s.Fault(f)
					end := s.pay(m)
					taken := len(s.captures("order-1"))
					for _, broken := range s.audit("order-1") {
						t.Errorf("%s, the provider %s: %s", row, a, broken)
					}
					if taken == 0 && (end.Status != order.Open || end.Attempt != 2) {
						t.Errorf("%s, the provider %s: nothing taken, and the order is %s in attempt %d; want open for attempt 2", row, a, end.Status, end.Attempt)
					}
					if a.captures && taken != 1 {
						t.Errorf("%s, the provider %s: %d captures; the test did not do what it says", row, a, taken)
					}
					add(ends, cell{row, column(a), a.captures}, fmt.Sprintf("%d:%s", taken, end.Status))
				})
			}
		}
	}
	t.Logf("%d worlds. Each cell: captures in the ledger:status of the order. Before the slash the provider's answer is true, behind it the money is taken all the same.\n%s", ran, render(t, rows, ends))
}

// cell is a place in the table.
type cell struct {
	row, column string
	captures    bool
}

// column is what the provider answers: it approves, or an error's class.
func column(a answer) string {
	if a.code == "" {
		return "approves"
	}
	return a.class.String()
}

func add(ends map[cell]string, at cell, end string) {
	if !strings.Contains(" "+ends[at]+" ", " "+end+" ") {
		ends[at] = strings.TrimSpace(ends[at] + " " + end)
	}
}

// render fails the test when a class has no answer: a table with a hole proves nothing.
func render(t *testing.T, rows []string, ends map[cell]string) string {
	columns := []string{"approves"}
	for c := provider.ClassUnknown; c <= provider.ClassAbsent; c++ {
		columns = append(columns, c.String())
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s", "operation, fault (twice)")
	for _, c := range columns {
		fmt.Fprintf(&b, "| %-24s", c)
	}
	for _, row := range rows {
		b.WriteString("\n" + row)
		for _, c := range columns {
			truth, lie := ends[cell{row, c, false}], ends[cell{row, c, true}]
			if lie == "" || truth == "" && c != "approves" {
				t.Errorf("%s: no answer of class %s", row, c)
			}
			fmt.Fprintf(&b, "| %-24s", strings.TrimPrefix(truth+" / "+lie, " / "))
		}
	}
	return b.String()
}

// TestEveryCodeEndsWhereTheLedgerSays: every code of the confirm table, told and lied, without other faults.
func TestEveryCodeEndsWhereTheLedgerSays(t *testing.T) {
	t.Parallel()
	for _, rule := range toss.Rules(toss.OpConfirm) {
		for _, captures := range []bool{false, true} {
			bubble(t, func(t *testing.T) {
				s := newStage(t, testbed.Quiet)
				m := s.order("order-1")
				a := answer{rule.Code, rule.Class, captures}
				s.prepare(a)
				end := s.pay(m)
				for _, broken := range s.audit("order-1") {
					t.Errorf("%s: %s", a, broken)
				}
				if rule.Class.Definitive() && !captures && (end.Status != order.Open || end.Attempt != 2 || end.Payment != nil) {
					t.Errorf("%s: %s attempt %d, want open for attempt 2", a, end.Status, end.Attempt)
				}
				if captures && end.Status != order.Paid {
					t.Errorf("%s: %s, want paid", a, end.Status)
				}
			})
		}
	}
}

// TestFaultsOfFindByOrder: our own number is asked about when the key is of no use; here the key is forged and the money is there.
func TestFaultsOfFindByOrder(t *testing.T) {
	t.Parallel()
	for _, f := range shapes {
		bubble(t, func(t *testing.T) {
			s := newStage(t, testbed.Quiet)
			m := s.order("order-1")
			redirect := s.approve(m)
			f.Operation, f.Times = tosssim.OpFindByOrder, 3
			s.Fault(f)
			s.Get(testbed.Edited(redirect, "paymentKey", "forged-key"))
			s.settled("order-1")
			for _, broken := range s.audit("order-1") {
				t.Errorf("%s: %s", shapeName(f), broken)
			}
			s.WantOrder("in the end", "order-1", order.Open, 2)
		})
	}
}

// TestEveryPairOfFaults: any two of the first five calls of a payment go wrong, each in any way.
func TestEveryPairOfFaults(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	const calls = 4
	ran := 0
	for i := range calls {
		for j := i + 1; j <= calls; j++ {
			for _, first := range shapes[1:] {
				for _, second := range shapes[1:] {
					ran++
					refused := ran%2 == 0 // half of the payments are refused by the card; half of the providers keep a 500 for its idempotency key
					bubble(t, func(t *testing.T) {
						s := newStage(t, testbed.Quiet, func(o *world.Options) { o.Toss.Cache5xx = ran%4 < 2 })
						call := -1
						s.Faults.Random = func(string, string) (fault.Fault, bool) {
							call++
							switch call {
							case i:
								return first, true
							case j:
								return second, true
							}
							return fault.Fault{}, false
						}
						m := s.order("order-1")
						if refused {
							s.prepare(answer{code: "REJECT_CARD_COMPANY"})
						}
						end := s.pay(m)
						for _, broken := range s.audit("order-1") {
							t.Errorf("call %d %s, call %d %s: %s", i, shapeName(first), j, shapeName(second), broken)
						}
						if len(s.captures("order-1")) == 0 && (end.Status != order.Open || end.Attempt != 2) {
							t.Errorf("call %d %s, call %d %s: %s attempt %d", i, shapeName(first), j, shapeName(second), end.Status, end.Attempt)
						}
					})
				}
			}
		}
	}
	t.Logf("%d pairs", ran)
}
