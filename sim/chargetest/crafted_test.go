package chargetest_test

import (
	"testing"

	"tosspay-sam/shared/order"
)

// TestCraftedReturnOfACycle: the buyer has the link token of his subscription, and calls the return address of a paid cycle
// with an imp_uid that is none.
func TestCraftedReturnOfACycle(t *testing.T) {
	t.Parallel()
	s := enrolled(t)
	s.Pass("1d")
	for _, key := range []string{"not-an-imp-uid", "x", "imp_000000000000000000000000000000000000000000000000000000000000"} {
		s.Get("/confirm/portone/" + id + "--c1/" + s.Stored(id+"--c1").LinkToken + "?imp_uid=" + key)
	}
	s.Pass("2d")
	if o := s.Stored(id + "--c1"); o.Status != order.Paid || !o.Final() || o.Ledger.Unsettled(s.Clock.Now()) {
		t.Errorf("%s, due %v, unsettled %v: %+v", o.Status, o.DueAt, o.Ledger.Unsettled(s.Clock.Now()), o.Ledger.Requests)
	}
}
