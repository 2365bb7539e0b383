package subscription_test

import (
	"errors"
	"fmt"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/subscription"
)

// A subscription through one cycle that is paid, and one that is refused. It takes no money itself: it says which order
// is to be charged next, and when.
func Example() {
	morning := time.Date(2027, 1, 31, 10, 0, 0, 0, subscription.Seoul)
	s := subscription.New(subscription.Subscription{
		ID: "sub-0001", Provider: "portone", CustomerID: "customer-1", CreatedAt: morning,
		Plan:     subscription.Plan{Amount: money.Amount{Value: 9900, Currency: money.KRW}, Name: "Letters"},
		Calendar: subscription.Calendar{First: morning, Interval: subscription.Month, Every: 1, Anchor: 31, Hour: 10},
	})
	tell := func() {
		fmt.Println(s.Status, "cycle", s.Cycle, "next", s.ChargeAt.In(subscription.Seoul).Format("2006-01-02 15:04"))
	}
	s = s.Issued(subscription.Key{N: 1, IssuedAt: morning}, morning) // the buyer has registered a payment method
	tell()

	// One worker claims the cycle. Another one is refused.
	claim := subscription.CycleClaim{ID: s.ID, Cycle: 1, At: morning}
	s, err := s.Claim(claim)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = s.Claim(claim)
	if refusal, ok := errors.AsType[*subscription.Refusal](err); ok {
		fmt.Println("the second claim is refused:", refusal.Reason)
	}
	fmt.Println("charge", s.OrderID(1), s.Prepare(morning).Charge)
	s = s.Charged(1, s.Date, morning) // the provider says that it is paid
	tell()

	// The next date. The card is over its limit: the cycle is tried again a day later.
	next := s.ChargeAt
	if s, err = s.Claim(subscription.CycleClaim{ID: s.ID, Cycle: 2, At: next}); err != nil {
		fmt.Println(err)
		return
	}
	s = s.Refused(2, 2, subscription.Soft, "CARD_EXCEED_LIMIT", subscription.DefaultTimetable(), next)
	tell()
	fmt.Println("attempt", s.Attempt(), "after", s.Dunning.Code)
	// Output:
	// active cycle 1 next 2027-01-31 10:00
	// the second claim is refused: claimed
	// charge sub-0001--c1 true
	// active cycle 2 next 2027-02-28 10:00
	// past_due cycle 2 next 2027-03-01 10:00
	// attempt 2 after CARD_EXCEED_LIMIT
}
