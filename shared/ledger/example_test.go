package ledger_test

import (
	"fmt"
	"time"

	"tosspay-sam/shared/ledger"
)

// Two payments of one order are captured: the buyer had two windows open. The order keeps the first that fits, and Next
// says to refund the other one. The answers may come in any order, and more than once.
func ExampleOrder_Learn() {
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	o := ledger.New(ledger.Terms{
		ID: "order-1", Amount: 15000, Currency: "KRW", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
		Timing: ledger.Timing{PendingMax: 75 * time.Minute, AbsentMax: 2 * time.Minute, LookupLag: 5 * time.Minute},
	})
	shows := func(key string, at time.Time) ledger.Answer {
		return ledger.Answer{Began: at, At: at, Key: key, Attempt: 1, Readable: true, Payments: []ledger.Payment{{
			Key: key, Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW",
			Test: true, ApprovedAt: noon,
		}}}
	}
	first := shows("window-a", noon.Add(time.Minute))
	second := shows("window-b", noon.Add(2*time.Minute))
	o = o.Learn(first).Decide()
	o = o.Learn(second).Learn(first).Decide() // the first answer comes once more
	for _, p := range o.Payments {
		fmt.Printf("%s is %s %q\n", p.Key, p.Role, p.Reason)
	}
	next := o.Next(noon.Add(2*time.Minute), ledger.Visit{})
	fmt.Println("the order is", o.Status(), "and the next step is a", next.Request.Kind, "of", next.Request.Key)
	// Output:
	// window-a is kept ""
	// window-b is surplus "second"
	// the order is paid and the next step is a cancel of window-b
}

// A refund is written before it is made, and never over what is left.
func ExampleOrder_Intend() {
	noon := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	o := ledger.New(ledger.Terms{
		ID: "order-1", Amount: 15000, Currency: "KRW", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	})
	o = o.Learn(ledger.Answer{Began: noon, At: noon, Key: "key", Attempt: 1, Readable: true, Payments: []ledger.Payment{{
		Key: "key", Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW",
		Test: true, ApprovedAt: noon,
	}}}).Decide()
	refund := func(id string, amount int64) {
		next, err := o.Intend(ledger.Request{
			Kind: ledger.Cancel, Attempt: 1, Key: "key", At: noon, RefundID: id, Amount: amount, Balance: 15000,
		})
		if err != nil {
			fmt.Println(id, "is refused:", err)
			return
		}
		o = next
		fmt.Println(id, "is written,", o.Refundable(), "may still be refunded")
	}
	refund("r1", 5000)
	refund("r2", 10001)
	refund("r3", 10000)
	// Output:
	// r1 is written, 10000 may still be refunded
	// r2 is refused: the amount is over what is left of the payment
	// r3 is written, 0 may still be refunded
}
