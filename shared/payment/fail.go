package payment

import (
	"context"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// Fail serves the fail redirect: it says that the buyer came back, and proves nothing. It changes no order; one that is
// already processing is looked up like on every other return.
func (s *Settler) Fail(ctx context.Context, orderID, linkToken string) (Result, error) {
	o, err := readByLink(ctx, s.Orders, orderID, linkToken)
	if err != nil {
		return Result{}, err
	}
	result := Result{Order: o, Outcome: Settled, Attempt: o.Attempt}
	if o.Status == order.Processing {
		result.Order, err = s.await(ctx, o, ledger.Visit{})
	}
	return result, err
}
