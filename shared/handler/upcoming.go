package handler

import (
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/subscription"
)

// chargeBody is a charge that lies ahead.
type chargeBody struct {
	Cycle    int            `json:"cycle"`
	At       time.Time      `json:"at"`
	Amount   int64          `json:"amount"`
	Currency money.Currency `json:"currency"`
	taxBody
}

func chargesOf(s subscription.Subscription) []chargeBody {
	charges := []chargeBody{}
	for _, c := range s.Charges(upcomingShown) {
		charges = append(charges, chargeBody{
			c.Cycle, c.At, c.Plan.Amount.Value, c.Plan.Amount.Currency, taxOf(order.Tax(c.Plan.Tax)),
		})
	}
	return charges
}
