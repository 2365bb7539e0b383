package toss

import (
	"encoding/json"
	"strconv"
	"time"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/order"
)

// paidWith is how an approved payment was paid; of any other only the method. What cannot be read is left out.
func paidWith(p Payment, approved time.Time) string {
	how := order.PaidWith{Method: p.Method}
	if !approved.IsZero() {
		card, wallet := lenient.Object(p.Card), lenient.Object(p.EasyPay)
		how.Card = order.Card{
			Issuer: lenient.Word(card["issuerCode"]), Number: lenient.Word(card["number"]), Months: int(whole(card["installmentPlanMonths"])),
		}
		how.Card.Company = order.CompanyOf(how.Card.Issuer)
		how.EasyPay = order.EasyPay{
			Provider: lenient.Word(wallet["provider"]), Amount: whole(wallet["amount"]), Discount: whole(wallet["discountAmount"]),
		}
	}
	return how.Text()
}

func whole(member json.RawMessage) int64 {
	n, err := strconv.ParseInt(lenient.Word(member), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
