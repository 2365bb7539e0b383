package chargetest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/portonesim"

	"tosspay-sam/shared/order"
)

// TestNoRepetitionWithAKeptKey: an imported key stays at PortOne after the end of its subscription. A charge that never arrived was repeated then, as if
// the key were gone, and took the money. Now it is given up 75 minutes after it was made, and one that did arrive is found.
func TestNoRepetitionWithAKeptKey(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{false, true} {
		for kind, want := range map[string][]string{fault.RefuseConnection: nil, fault.LoseReply: {"c1 9900 02-25 09"}} {
			s, what := newShop(t), fmt.Sprintf("renewed %v, %s", renewed, kind)
			s.addKey(portonesim.Key{CustomerUID: oldKey, CustomerID: "customer-1"})
			got, code := s.imports(moving)
			if code != http.StatusCreated {
				t.Fatalf("%d %+v", code, got.Error)
			}
			at := "/subscriptions/" + got.SubscriptionID
			s.breaks(fault.Fault{Operation: portonesim.OpAgain, Kind: kind})
			s.breaks(fault.Fault{Operation: portonesim.OpFindAll, Kind: fault.InternalError, Times: 3})
			s.breaks(fault.Fault{Operation: portonesim.OpWebhook, Kind: fault.RefuseConnection, Times: 5})
			s.Pass("25d")
			s.Pass("61m")
			if renewed {
				got, _ = s.send(http.MethodPost, at+"/renew-key", "")
				s.register(got.Window)
			}
			if got, code = s.send(http.MethodPost, at+"/cancel", `{"at":"now"}`); code != http.StatusOK || got.Status != "canceled" {
				t.Fatalf("%d %+v", code, got.Error)
			}
			s.Pass("3d")
			if list := s.on(); !slices.Equal(list, want) {
				t.Errorf("%s: taken %v, want %v", what, list, want)
			}
			o := s.Stored(got.SubscriptionID + "--c1")
			if paid := o.Status == order.Paid; paid != (want != nil) || o.Status == order.Processing || o.Ledger.Unsettled(s.Clock.Now()) {
				t.Errorf("%s: the order is %s, due %v, now %v; %+v", what, o.Status, o.DueAt, s.Clock.Now(), o.Ledger.Requests)
			}
			s.Pass("120d")
			if o := s.Stored(got.SubscriptionID + "--c1"); !o.Final() || o.Status == order.Processing {
				t.Errorf("%s: at last the order is %s, due %v", what, o.Status, o.DueAt.Format(time.RFC3339))
			}
		}
	}
}
