package portone

import (
	"strconv"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/order"
)

// paidWith is how a paid payment was paid; of any other only the method. What cannot be read is left out.
func paidWith(p Payment) string {
	how := order.PaidWith{Method: p.PayMethod}
	if !unixTime(p.PaidAt).IsZero() {
		months, err := strconv.Atoi(lenient.Word(p.CardQuota))
		if err != nil {
			months = 0
		}
		how.Card = order.Card{
			Issuer: lenient.Word(p.CardCode), Company: lenient.Word(p.CardName), Number: lenient.Word(p.CardNumber), Months: months,
		}
		how.EasyPay.Provider = lenient.Word(p.EmbPGProvider)
	}
	return how.Text()
}
