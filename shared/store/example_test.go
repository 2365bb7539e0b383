package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store/memstore"
)

// Two requests meet at one order. Both have read it, and only one may ask the provider for the money: the write
// decides. The embedded store keeps the same promises as the table; New is the table's.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	table := memstore.New()
	o, err := table.Create(ctx, order.New(order.Order{
		ID: "order-1", Provider: "toss", Mode: "test", LinkToken: "link",
		CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		Amount: money.Amount{Value: 15000, Currency: money.KRW}, Name: "T-shirt",
	}))
	fmt.Println("created:", o.Status, err)
	_, err = table.Create(ctx, o)
	fmt.Println("created again:", errors.Is(err, payment.ErrExists))

	claim := order.Claim{
		OrderID: o.ID, Provider: "toss", LinkToken: "link", Attempt: 1, Amount: o.Amount, Key: "payment-key", At: noon,
		AskAfter: noon.Add(15 * time.Second),
	}
	won, err := table.Claim(ctx, claim)
	fmt.Println("claimed:", won.Status, err)

	// The loser gets the order as it is, and the reason.
	lost, err := table.Claim(ctx, claim)
	if refusal, ok := errors.AsType[*order.Refusal](err); ok {
		fmt.Println("claimed again:", lost.Status, refusal.Reason)
	}

	// A save names the revision it has read. It is refused when somebody else has saved meanwhile.
	learned := won.Ledger
	learned.Revision++
	next := won.With(learned, noon.Add(time.Second))
	_, err = table.Save(ctx, next)
	fmt.Println("saved:", err)
	_, err = table.Save(ctx, next)
	fmt.Println("saved again:", errors.Is(err, payment.ErrConflict))
	// Output:
	// created: open <nil>
	// created again: true
	// claimed: processing <nil>
	// claimed again: processing not-open
	// saved: <nil>
	// saved again: true
}
