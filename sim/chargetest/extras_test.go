package chargetest_test

import (
	"errors"
	"testing"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// TestChargesCarryTheMerchantsChoices: cash receipt, push, instalments and the parts of the amount reach every charge of every cycle, also the
// try after a refusal; and a change of the plan cannot lose the parts unnoticed.
func TestChargesCarryTheMerchantsChoices(t *testing.T) {
	t.Parallel()
	vat, no := int64(4_000), false
	s := newStage(t, func(r *payment.NewSubscription) {
		r.Amount, r.Tax = 60_000, payment.Tax{Free: 16_000, VAT: &vat}
		r.PortOne = &payment.ChargeOptions{CashReceiptType: "company", CashReceipt: &no, CashReceiptTradeOption: "CULTURE", SendFailPush: true, CardQuota: 3}
	})
	want, parts := provider.CashReceipt{Type: "company", TradeOption: "CULTURE", None: true}, [2]int64{16_000, 4_000}
	charges := 0
	s.takes(func(c provider.Charge) provider.Answer {
		charges++
		if c.Receipt != want || !c.FailPush || c.CardQuota != 3 || c.VAT == nil || [2]int64{c.TaxFree, *c.VAT} != parts {
			t.Errorf("charge %s: %+v", c.Number, c)
		}
		if charges == 1 {
			return provider.Answer{Verdict: provider.Declined, HTTP: 200, Call: "charge", Code: "COMMON_NOT_ENOUGH_CASH", Class: provider.ClassLater, Sent: true}
		}
		return s.Bank.Charge(s.ctx, c)
	})
	s.until(due(0).Add(20 * day))
	if charges != 2 || s.captures() != 1 {
		t.Fatalf("%d charges, %d captures: %s", charges, s.captures(), s.story())
	}
	field := new(payment.FieldError)
	for _, refused := range []payment.PlanChange{
		{Amount: 70_000, Currency: "KRW"},
		{Amount: 49_000, Currency: "KRW", Tax: &payment.Tax{}},
		{Amount: 70_000, Currency: "KRW", Tax: &payment.Tax{Free: 70_001}},
	} {
		if _, err := s.Enroller.ChangePlan(s.ctx, id, refused); !errors.As(err, &field) {
			t.Errorf("%+v: %v, want a field that is refused", refused, err)
		}
	}
	nothing := int64(0)
	parts = [2]int64{70_000, 0}
	if _, err := s.Enroller.ChangePlan(s.ctx, id, payment.PlanChange{Amount: 70_000, Currency: "KRW", Tax: &payment.Tax{Free: 70_000, VAT: &nothing}, Evidence: "test"}); err != nil {
		t.Fatal(err)
	}
	s.until(due(1).Add(day))
	if charges != 3 || s.captures() != 2 {
		t.Fatalf("%d charges, %d captures: %s", charges, s.captures(), s.story())
	}
}
