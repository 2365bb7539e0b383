package payment_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/sim/bank"
)

// TestReversalsThatGoWrong: whatever the provider answers to a cancel, the money goes back once, and no cancel is repeated without a lookup.
func TestReversalsThatGoWrong(t *testing.T) {
	t.Parallel()
	lost := provider.Answer{Code: provider.NoAnswer, Err: errors.New("reset"), Sent: true}
	coded := func(code string, class provider.Class) provider.Answer {
		return provider.Answer{HTTP: 400, Code: code, Class: class}
	}
	made := func(a provider.Answer) *bank.Reply { return &bank.Reply{CarriedOut: true, Answer: a} }
	unmade := func(a provider.Answer) *bank.Reply { return &bank.Reply{Answer: a} }
	for _, tc := range []struct {
		name    string
		wrong   []*bank.Reply // of the first cancels
		cancels int           // that reach the provider in all
		ends    order.Status
		left    int64
	}{
		{"nothing goes wrong", nil, 1, order.Paid, 0},
		{"the reply is lost", []*bank.Reply{made(lost)}, 1, order.Paid, 0},
		{"the request is lost", []*bank.Reply{unmade(lost)}, 2, order.Paid, 0},
		{"it is lost three times", []*bank.Reply{unmade(lost), unmade(lost), unmade(lost)}, 4, order.Paid, 0},
		{"carried out, and an unlisted code", []*bank.Reply{made(coded("TOMORROW", provider.ClassUnknown))}, 1, order.Paid, 0},
		{"not carried out, and an unlisted code", []*bank.Reply{unmade(coded("TOMORROW", provider.ClassUnknown))}, 2, order.Paid, 0},
		{"carried out, and says it is being worked on", []*bank.Reply{made(coded("BUSY", provider.ClassProcessing))}, 1, order.Paid, 0},
		{"carried out, and says it was before", []*bank.Reply{made(coded("ALREADY", provider.ClassAlready))}, 1, order.Paid, 0},
		{"carried out, and says no", []*bank.Reply{made(coded("NO", provider.ClassMerchant))}, 1, order.Paid, 0},
		{"our key is refused", []*bank.Reply{unmade(coded("KEY", provider.ClassCredentials))}, 2, order.Paid, 0},
		{"refused for good", []*bank.Reply{unmade(coded("NO", provider.ClassMerchant))}, 1, order.Review, 15000},
		{"declined for good", []*bank.Reply{unmade(coded("NO", provider.ClassDeclined))}, 1, order.Review, 15000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(paidBefore)
				x.put("key-1", "order-1", provider.Paid)
				x.put("key-2", "order-1", provider.Paid)
				x.bank.Instead["cancel"] = func(n int) *bank.Reply {
					if n <= len(tc.wrong) {
						return tc.wrong[n-1]
					}
					return nil
				}
				x.mustHear("key-2", "order-1")
				x.due()
				x.want(tc.ends, 1)
				if left := x.bank.Left("key-2"); left != tc.left || x.bank.Asked("cancel ") != tc.cancels || x.bank.Left("key-1") != 15000 {
					t.Errorf("%d won are left after %d cancels, want %d after %d: %v", left, x.bank.Asked("cancel "), tc.left, tc.cancels, x.bank.Calls)
				}
				for i, call := range x.bank.Calls {
					if i > 0 && call == "cancel key-2" && x.bank.Calls[i-1] == call {
						t.Errorf("repeated without a lookup: %v", x.bank.Calls)
					}
				}
				o := x.read()
				if inReview := tc.ends == order.Review; (x.logged("money.review") == 1) != inReview || (o.Owed() != nil) != inReview || o.Capture.Key != "key-1" {
					t.Errorf("%d alarms, owes %+v, paid with %+v", x.logged("money.review"), o.Owed(), o.Capture)
				}
			})
		})
	}
}

// TestForgedHintsBeforeTheRealOne: somebody has named so many payments that the real one is kept by its number only, under which another one failed
// long ago. Lookups are behind. The money is found all the same.
func TestForgedHintsBeforeTheRealOne(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func(*ledger.Order){"paid": paidBefore, "expired": closedAs(ledger.EndExpired)} {
		for _, behind := range []time.Duration{5 * time.Second, 4 * time.Minute} {
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				time.Sleep(3 * time.Hour) // no last look is to come
				x.edit(state)
				x.put("key-failed", "order-1", provider.Declined)
				if name == "paid" {
					x.put("key-1", "order-1", provider.Paid)
				}
				x.put("key-real", "order-1", provider.Paid)
				x.bank.Deaf, x.bank.Late = "key-real", "key-real"
				for i := range 8 {
					x.mustHear(fmt.Sprint("key-forged-", i), "order-1")
					time.Sleep(2 * time.Second)
				}
				x.mustHear("key-real", "order-1")
				time.Sleep(behind)
				x.bank.Deaf, x.bank.Late = "", ""
				x.due()
				if left := x.bank.Left("key-real"); left != 0 {
					t.Errorf("%s, lookups %v behind: %d won are left, and nobody looks for them; asked %v", name, behind, left, x.bank.Calls)
				}
			})
		}
	}
}

// TestIssuanceIsAnAnswer: somebody registered a means under an order's number. Webhooks of it, and of what else there is, are taken.
func TestIssuanceIsAnAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		x := newTill(t)
		x.edit(announcedNow)
		x.put("key-1", "order-1", provider.Unknown, func(p *provider.Payment) { p.Issuance = true })
		for range 2 {
			time.Sleep(2 * time.Second)
			x.mustHear("key-1", "order-1")
			x.mustHear("", "order-1")
		}
		if o := x.read(); o.Status == order.Paid || x.bank.Asked("cancel ") > 0 || o.Owed() != nil || o.DueAt.IsZero() {
			t.Errorf("%s, owes %+v, due %v", o.Status, o.Owed(), o.DueAt)
		}
		x.put("key-2", "order-1", provider.Paid)
		x.due()
		x.want(order.Paid, 1)
	})
}

// brokenTable is a table that takes no write.
type brokenTable struct{ payment.Claims }

var errBroken = errors.New("the table takes no write")

func (brokenTable) Save(context.Context, order.Order) (order.Order, error) {
	return order.Order{}, errBroken
}

// TestSaysWhenItCannotWrite: an answer, a notice or a return that cannot be stored is an error at each entry point: whoever sent it comes again.
func TestSaysWhenItCannotWrite(t *testing.T) {
	t.Parallel()
	for name, come := range map[string]func(context.Context, *till) error{
		"schedule": func(ctx context.Context, x *till) error { _, err := x.Advance(ctx, "order-1"); return err },
		"webhook":  func(_ context.Context, x *till) error { return x.hint("key-1", "order-1") },
		"return": func(ctx context.Context, x *till) error {
			_, err := x.Return(ctx, payment.WindowReturn{Provider: "portone", OrderID: "order-1", LinkToken: "link", Number: "order-1", Key: "key-2"})
			return err
		},
	} {
		for state, edit := range map[string]func(*ledger.Order){"processing": announcedNow, "open": func(*ledger.Order) {}} {
			if state == "open" && name == "schedule" {
				continue // it is not due
			}
			bubble(t, func(t *testing.T) {
				x := newTill(t)
				x.edit(edit)
				x.put("key-1", "order-1", provider.Paid)
				x.Claims = brokenTable{x.Claims}
				time.Sleep(31 * time.Second)
				ctx, cancel := x.door()
				defer cancel()
				if err := come(ctx, x); !errors.Is(err, errBroken) {
					t.Errorf("%s, %s: %v", name, state, err)
				}
			})
		}
	}
}

// TestReturnedMoneyThereAgain: an answer shows a capture, and beside it wrong money that was returned and is there again: a person is told, once. What
// a lookup shows that is behind is no contradiction.
func TestReturnedMoneyThereAgain(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]order.Status{time.Minute: order.Paid, 10 * time.Minute: order.Review} {
		bubble(t, func(t *testing.T) {
			x := newTill(t)
			x.misfit("key-2", "order-1")
			if x.want(order.Open, 2); x.bank.Left("key-2") != 0 {
				t.Fatalf("%d won are left", x.bank.Left("key-2"))
			}
			time.Sleep(after)
			x.put("key-2", "order-1", provider.Paid, func(p *provider.Payment) { p.Amount, p.Balance = 100, 100 })
			x.put("key-1", "order-1", provider.Paid)
			x.mustHear("", "order-1")
			if o := x.read(); o.Status != want || o.Capture.Key != "key-1" || x.logged("money.review") != map[bool]int{true: 1}[want == order.Review] {
				t.Errorf("after %v: %s, paid with %q, %d alarms", after, o.Status, o.Capture.Key, x.logged("money.review"))
			}
		})
	}
}
