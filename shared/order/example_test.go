package order_test

import (
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
)

// An order is claimed before the provider is asked for the money, and only once. What the provider answers is merged
// into its ledger, and the status follows from that.
func Example() {
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	o := order.New(order.Order{
		ID: "order-1", Provider: "toss", Mode: "test", LinkToken: "link",
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		Amount: money.Amount{Value: 15000, Currency: money.KRW},
	})
	fmt.Println(o.Status, "under number", o.Number())

	// The buyer is back from the card window. The claim writes down what will be asked for.
	claim := order.Claim{
		OrderID: o.ID, Provider: "toss", LinkToken: "link", Attempt: 1, Amount: o.Amount, Key: "payment-key", At: noon,
		AskAfter: noon.Add(15 * time.Second),
	}
	o, err := o.Claim(claim)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.Status, "with a", o.Ledger.Requests[0].Kind, "of", o.Ledger.Requests[0].Key)

	// A second tab comes back with a payment of the same number.
	_, err = o.Claim(claim)
	if refusal, ok := errors.AsType[*order.Refusal](err); ok {
		fmt.Println("the second claim is refused:", refusal.Reason)
	}

	// The provider's answer to the confirm: it has taken the money.
	after := noon.Add(time.Second)
	learned := o.Ledger.Learn(ledger.Answer{
		Account: o.Ledger.Account, Began: noon, At: after, Key: "payment-key", Attempt: 1, Readable: true,
		To: &o.Ledger.Requests[0], Reply: ledger.Accepted,
		Payments: []ledger.Payment{{
			Key: "payment-key", Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW",
			Test: true, ApprovedAt: after,
		}},
	}).Decide()
	learned.Revision++ // a save that is based on an older record is refused
	o = o.With(learned, after)
	line := o.Ledger.Payments[0]
	fmt.Println(o.Status, "by", o.Capture.Key)
	fmt.Println("the ledger shows", line.Key, line.State, line.Amount, "won,", line.Role)
	// Output:
	// open under number order-1
	// processing with a confirm of payment-key
	// the second claim is refused: not-open
	// paid by payment-key
	// the ledger shows payment-key captured 15000 won, kept
}
