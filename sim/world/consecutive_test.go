package world_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"tosspay-sam/sim/world"
)

// TestRefundMadeBehindItsRefusal: Toss Payments makes a refund and answers 500. The repetition comes too soon after it and is refused, and the lookup
// that follows is behind. It was called denied then, and its money refundable again.
func TestRefundMadeBehindItsRefusal(t *testing.T) {
	t.Parallel()
	for _, behind := range []string{"1s", "1m", "4m"} {
		fakeTime(t, func(t *testing.T) {
			x := newOutside(t, func(o *world.Options) { o.Toss.PartialCancelable, o.Toss.CancelPause = true, 10*time.Second })
			x.pays("toss", x.order("toss", "order-1", "24h"))
			x.pass("1h")
			x.control("/sim/lag", fmt.Sprintf(`{"provider":"toss","lookups":%q}`, behind))
			x.control("/sim/faults", `{"provider":"toss","operation":"cancel","fault":"http-500","moment":"after","times":1}`)
			x.refund("order-1", `{"refundId":"r1","amount":5000}`)
			x.pass("2h")
			if r, status := x.refund("order-1", `{"refundId":"r1","amount":5000}`); status != http.StatusOK || r.Outcome != "done" {
				t.Errorf("lookups %s behind: %d %+v", behind, status, r)
			}
			x.wantKept(behind, "paid", outsidePrice-5000)
		})
	}
}
