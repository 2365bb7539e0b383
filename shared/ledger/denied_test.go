package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestRefusalOfARepetition: a cancel that was made before the one that is refused may have been carried out, and the next
// lookup be behind. The refusal holds when a lookup that cannot be behind still shows the money; meanwhile nothing more is
// sent. That of the first one holds at once.
func TestRefusalOfARepetition(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refund  string
		turn    int
		replied time.Duration
		first   bool
	}{
		"the merchant's first":               {"r1", 1, time.Second, true},
		"the merchant's first, sent again":   {"r1", 1, 20 * time.Second, false},
		"the merchant's second":              {"r1", 2, time.Second, false},
		"the first of surplus":               {"", 0, time.Second, true},
		"the first of surplus, sent again":   {"", 0, 20 * time.Second, false},
		"the second of surplus":              {"", 1, time.Second, false},
		"the merchant's first, in the pause": {"r1", 1, 14 * time.Second, true},
	} {
		o := made(func(o *ledger.Order) {
			p := line("key-1", ledger.Captured, 0, kept)
			p.ListsRefunds = false
			if c.refund == "" {
				p.Role, p.Reason = ledger.Surplus, ledger.Second
			}
			o.Payments, o.Requests = []ledger.Payment{p}, []ledger.Request{asks(ledger.Cancel, "key-1", time.Minute,
				refundOf(c.refund, 15000, 15000, c.turn), replied(ledger.Refused, time.Minute+c.replied))}
		})
		looked := func(after time.Duration, balance int64) ledger.Order {
			at := in(time.Minute + c.replied + after)
			p := o.Payments[0]
			p.Balance = balance
			return o.Learn(ledger.Answer{
				Account: o.Account, Began: at, At: at, Key: "key-1", Readable: true, Payments: []ledger.Payment{p},
			}).Decide()
		}
		denied := func(o ledger.Order) bool {
			r, _ := o.RefundOf(c.refund)
			return o.Status() == ledger.Review || r.Outcome == ledger.Denied
		}
		soon := looked(4*time.Minute, 15000)
		if denied(soon) != c.first {
			t.Errorf("%s: denied %v by a lookup that may be behind\n%s", name, denied(soon), show(soon))
		}
		now := in(7 * time.Minute)
		visit := ledger.Visit{Began: in(2 * time.Minute), Looked: []ledger.Lookup{{Key: "key-1"}}}
		if step := soon.Next(now, visit); step.Do == ledger.Send {
			t.Errorf("%s: sent again after a refusal: %+v", name, step.Request)
		}
		if late := looked(5*time.Minute, 15000); !denied(late) {
			t.Errorf("%s: not denied by a lookup that cannot be behind\n%s", name, show(late))
		}
		if late := looked(5*time.Minute, 0); denied(late) {
			t.Errorf("%s: denied, and it was made\n%s", name, show(late))
		}
	}
}
