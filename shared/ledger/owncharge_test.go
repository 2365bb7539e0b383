package ledger_test

import (
	"testing"
	"time"

	"tosspay-sam/shared/ledger"
)

// TestDeclinedChargeOfAnEarlierNumber: a charge with the means that number 1 was declined with is not over because that one is.
func TestDeclinedChargeOfAnEarlierNumber(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC)
	o := open(cycle)
	o.CreatedAt, o.ExpiresAt = at, at.Add(90*24*time.Hour)
	o.Attempts = []ledger.Attempt{
		{OpenedAt: at, LookedAt: at.Add(time.Minute), Used: true, Code: "CARD_EXCEED_LIMIT"}, {OpenedAt: at.Add(time.Minute), LookedAt: at.Add(25 * time.Hour)},
	}
	o.Payments = []ledger.Payment{{
		Key: "p1", Attempt: 1, State: ledger.Declined, BillingKey: "means", Amount: o.Amount, Currency: o.Currency, KnownAt: at, SeenAt: at.Add(time.Minute),
	}}
	o.Requests = []ledger.Request{{Kind: ledger.Charge, Attempt: 2, Key: "means", Amount: o.Amount, At: at.Add(24 * time.Hour), Since: at.Add(24 * time.Hour)}}
	if o = o.Decide(); o.Current() != 2 || o.Status() != ledger.Processing {
		t.Errorf("%s, number %d: the charge nobody has answered is over\n%s", o.Status(), o.Current(), show(o))
	}
}
