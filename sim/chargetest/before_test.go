package chargetest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/bank"
	"tosspay-sam/sim/soak"
)

var stamps = regexp.MustCompile(`"N": "([0-9]{12,})"`)

// turnBack makes the order of the first cycle what a deployment of version 1 left, as it is read: the item was written by that program, and its times are
// moved to this order's.
func (s *stage) turnBack(name string) order.Order {
	s.t.Helper()
	now := s.cycle(1)
	text, err := os.ReadFile(filepath.Join("..", "..", "shared", "store", "internal", "item", "testdata", name+".json"))
	if err != nil {
		s.t.Fatal(err)
	}
	was, ok, err := store.Change(nil, text)
	if err != nil || !ok {
		s.t.Fatal(err)
	}
	later := now.CreatedAt.Sub(was.Order.CreatedAt).Milliseconds()
	text = stamps.ReplaceAllFunc(text, func(stamp []byte) []byte {
		ms, err := strconv.ParseInt(string(stamps.FindSubmatch(stamp)[1]), 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return []byte(`"N": "` + strconv.FormatInt(ms+later, 10) + `"`)
	})
	if was, ok, err = store.Change(nil, text); err != nil || !ok {
		s.t.Fatal(err)
	}
	old := was.Order
	if old.ID != now.ID || old.Status != now.Status || old.Attempt != now.Attempt || old.BillingKey != now.BillingKey {
		s.t.Fatalf("%s is %s, %s in attempt %d; the order is %s, %s in attempt %d", name, old.ID, old.Status, old.Attempt, now.ID, now.Status, now.Attempt)
	}
	old.Revision, old.Ledger.Revision = now.Revision+1, now.Revision+1
	if old, err = s.Store.Save(s.ctx, old); err != nil {
		s.t.Fatal(err)
	}
	return old
}

// TestCycleOfBefore: a charge that a deployment of version 1 has sent, and does not know the outcome of, is this one's to account for. It takes the money
// once, under its number, and the subscription goes on.
func TestCycleOfBefore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		item    string
		arrives bool // at the bank
		works   bool // for half an hour
		charges int  // that arrive there
	}{
		"it was carried out": {"cycle-settling", true, false, 1},
		"it is at work":      {"cycle-settling", true, true, 1},
		"it never arrived":   {"cycle-settling", false, false, 1},
		"called a duplicate, and it was carried out": {"cycle-duplicate", true, false, 1},
		"called a duplicate, and it never arrived":   {"cycle-duplicate", false, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			old := true
			s.Take = func(c provider.Charge) provider.Answer {
				switch {
				case !old:
					return s.Bank.Charge(s.ctx, c)
				case test.works:
					at, _ := s.Bank.Begin(c)
					s.later = append(s.later, event{due(0).Add(30 * time.Minute), func() { s.Bank.End(at) }})
				case test.arrives:
					_ = s.Bank.Charge(s.ctx, c)
				}
				return bank.Lost("charge", errLost)
			}
			s.Hook = func(c soak.Call) error {
				if old && c.Op == "find" && !c.After {
					return errLost
				}
				return nil
			}
			s.now = due(0)
			s.tick()
			s.turnBack(test.item)
			old = false
			s.until(due(0).Add(2 * day))
			payments := s.Bank.Payments()
			if o := s.cycle(1); o.Status != order.Paid || o.Attempt != 1 || len(payments) != test.charges || s.captured(1) != 1 {
				t.Errorf("%s in attempt %d, %+v", o.Status, o.Attempt, payments)
			}
			if got := s.read(); got.Status != subscription.Active || got.Cycle != 2 {
				t.Errorf("the subscription is %s at cycle %d\n%s", got.Status, got.Cycle, s.story())
			}
		})
	}
}

// TestThirdNumberOfBefore: two numbers were refused before. The next charge is of the third, when the timetable says so.
func TestThirdNumberOfBefore(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	arrived := 0
	s.Bank.Outcome = func(string, int) string {
		if arrived++; arrived <= 2 {
			return "CARD_EXCEED_LIMIT"
		}
		return ""
	}
	for range 200 {
		s.until(s.now.Add(time.Hour))
		if arrived == 2 {
			break
		}
	}
	s.turnBack("cycle-third-number")
	if got := s.read(); got.Status != subscription.PastDue || s.cycle(1).RefusalCode(2) != "CARD_EXCEED_LIMIT" {
		t.Fatalf("%s, refused for %q", got.Status, s.cycle(1).RefusalCode(2))
	}
	s.until(due(0).Add(20 * day))
	if o := s.cycle(1); o.Status != order.Paid || o.Capture.Attempt != 3 || s.captured(1) != 1 || arrived != 3 {
		t.Errorf("%s by number %d, %d charges\n%s", o.Status, o.Capture.Attempt, arrived, s.story())
	}
}
