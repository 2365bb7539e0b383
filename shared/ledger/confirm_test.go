package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// replies makes a provider answer its first confirms so: "took" captures, "lost" loses the reply, and then what it
// says.
func replies(x *till, script ...string) *[]int {
	turns := &[]int{}
	x.confirm = func(n int, r ledger.Request) (bool, ledger.Reply, string) {
		*turns = append(*turns, r.Turn)
		say := "took ok"
		if n <= len(script) {
			say = script[n-1]
		}
		reply := map[string]ledger.Reply{
			"ok": ledger.Accepted, "lost": ledger.NoReply, "busy": ledger.Busy, "500": ledger.Unusable, "401": ledger.Untouched, "already": ledger.Already, "no": ledger.Refused,
		}[say[strings.LastIndex(say, " ")+1:]]
		return strings.HasPrefix(say, "took"), reply, say
	}
	return turns
}

// TestConfirmRepeats: without an answer, and while another request is at work, the same idempotency key; after a
// definite answer that decides nothing the next one, and only after a lookup that shows no capture. Never after a
// refusal.
func TestConfirmRepeats(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		script []string
		turns  []int // of the requests that were sent
		ends   ledger.Status
		number int
	}{
		{"at once", nil, []int{0}, ledger.Paid, 1},
		{"the reply is lost", []string{"took lost"}, []int{0}, ledger.Paid, 1},
		{"the request is lost", []string{"lost"}, []int{0, 0}, ledger.Paid, 1},
		{"lost twice", []string{"lost", "lost"}, []int{0, 0, 0}, ledger.Paid, 1},
		{"another is at work", []string{"busy"}, []int{0, 0}, ledger.Paid, 1},
		{"500", []string{"500"}, []int{0, 1}, ledger.Paid, 1},
		{"500, and it took the money", []string{"took 500"}, []int{0}, ledger.Paid, 1},
		{"500 twice", []string{"500", "500"}, []int{0, 1, 2}, ledger.Paid, 1},
		{"key refused", []string{"401"}, []int{0, 1}, ledger.Paid, 1},
		{"refused", []string{"no"}, []int{0}, ledger.Open, 2},
		{"lost, then refused", []string{"lost", "no"}, []int{0, 0}, ledger.Open, 2},
		{"key refused, then refused", []string{"401", "no"}, []int{0, 1}, ledger.Open, 2},
		{"500, then refused", []string{"500", "no"}, []int{0, 1}, ledger.Open, 2}, // after 15 minutes: the first may be at work
		{"already", []string{"took already"}, []int{0}, ledger.Paid, 1},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			x := newTill(t, open(atToss))
			x.put("key-1", "order-1", ledger.Begun)
			turns := replies(x, tc.script...)
			began := time.Now()
			if err := x.confirmKey("key-1", "order-1"); err != nil {
				t.Fatal(err)
			}
			for x.get().Status() == ledger.Processing {
				x.toDue()
			}
			x.want(tc.ends, tc.number)
			if fmt.Sprint(*turns) != fmt.Sprint(tc.turns) {
				t.Errorf("turns %v, want %v: %v", *turns, tc.turns, x.calls)
			}
			if late := time.Since(began) >= 15*time.Minute; late != (tc.name == "500, then refused") {
				t.Errorf("decided after %v", time.Since(began))
			}
			x.wantLeft(map[ledger.Status]int64{ledger.Paid: 15000}[tc.ends], "key-1")
		})
	}
}

// TestConfirmWindow: Toss Payments confirms within 10 minutes of the return. Later nothing is sent, and after 15 a
// payment that is not captured never will be: for one the provider does not know as for one that is only
// authenticated.
func TestConfirmWindow(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		bubble(t, fmt.Sprint(known), func(t *testing.T) {
			x := newTill(t, open(atToss))
			if known {
				x.put("key-1", "order-1", ledger.Begun)
			}
			turns := replies(x, "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost")
			if err := x.confirmKey("key-1", "order-1"); err != nil {
				t.Fatal(err)
			}
			began := x.get().Requests[0].Since
			sent, last := 0, time.Duration(0)
			for x.get().Status() == ledger.Processing {
				if n := len(*turns); n > sent {
					sent, last = n, time.Since(began)
				}
				x.toDue()
			}
			x.want(ledger.Open, 2)
			if d := time.Since(began); last > 10*time.Minute || d < 15*time.Minute || sent < 3 {
				t.Errorf("%d requests, the last after %v; given up after %v", sent, last, d)
			}
		})
	}
}

// TestFrozenBeforeTheConfirm: a process wrote the intent, stood still, and wakes up when somebody else may have been
// given the order.
func TestFrozenBeforeTheConfirm(t *testing.T) {
	t.Parallel()
	for _, request := range []ledger.Request{
		{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", Amount: 15000}, {Kind: ledger.Charge, Attempt: 1, Key: "means", Amount: 15000},
	} {
		bubble(t, request.Kind.String(), func(t *testing.T) {
			o := open(atToss)
			if request.Kind == ledger.Charge {
				o = open(cycle)
			}
			request.At = time.Now()
			written, err := o.Intend(request)
			if err != nil {
				t.Fatal(err)
			}
			for late, sends := range map[time.Duration]bool{0: true, 30 * time.Second: true, 11 * time.Minute: false} {
				v := ledger.Visit{Fresh: &written.Requests[0]}
				if s := written.Next(time.Now().Add(late), v); (s.Do == ledger.Send) != sends {
					t.Errorf("after %v: %v", late, s.Do)
				}
			}
			if s := written.Next(time.Now(), ledger.Visit{}); s.Do == ledger.Send {
				t.Error("somebody who did not write it sends it")
			}
		})
	}
}

// TestRefusedIntents: what must not be asked for, and why.
func TestRefusedIntents(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		confirm := ledger.Request{Kind: ledger.Confirm, Attempt: 1, Key: "key-1", Amount: 15000}
		other := confirm
		other.Amount = 15001
		if err := x.ask(other); !errors.Is(err, ledger.ErrAmount) {
			t.Error("another amount:", err)
		}
		next := confirm
		next.Attempt = 2
		if err := x.ask(next); !errors.Is(err, ledger.ErrOtherNumber) {
			t.Error("a number that is not open:", err)
		}
		replies(x, "no")
		if err := x.ask(confirm); err != nil {
			t.Fatal(err)
		}
		x.want(ledger.Open, 2)
		if err := x.ask(confirm); !errors.Is(err, ledger.ErrOtherNumber) {
			t.Error("a number that is over:", err)
		}
		replies(x, "lost", "lost")
		confirm.Attempt, confirm.Key = 2, "key-2"
		x.down = true
		if err := x.ask(confirm); err != nil {
			t.Fatal(err)
		}
		confirm.Key = "key-3"
		if err := x.ask(confirm); !errors.Is(err, ledger.ErrNotOpen) {
			t.Error("while another is processing:", err)
		}
		confirm.Turn = 3
		if err := x.ask(confirm); !errors.Is(err, ledger.ErrUnplanned) {
			t.Error("a repetition of nothing:", err)
		}
	})
}

// TestElsewhere: the redirect named another order's payment, which the provider never takes for this one.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	bubble(t, "", func(t *testing.T) {
		x := newTill(t, open(atToss))
		x.put("key-1", "order-9", ledger.Captured)
		replies(x, "500")
		if err := x.confirmKey("key-1", "order-1"); err != nil {
			t.Fatal(err)
		}
		x.want(ledger.Open, 2)
	})
}
