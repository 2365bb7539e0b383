package mutants_test

import "testing"

// lyingMutants are the rules of the worlds in which providers, clocks and indexes lie: docs/proof.md, "Bounds".
var lyingMutants = []mutant{
	{
		"a payment that seems a little older than its order is another table's", decide,
		"case o.older(p) && !p.ApprovedAt.Before(o.CreatedAt.Add(-clockDoubt)):", "case false:",
		world, "TestClocksApart",
	},
	{
		"a cycle whose charge seems older than it is charged again", decide,
		"case o.older(p) && !p.ApprovedAt.Before(o.CreatedAt.Add(-clockDoubt)):", "case false:",
		charges, "TestChargesUnderWrongClocks",
	},
	{
		"clocks five minutes apart are too far", "shared/ledger/ledger.go",
		"clockSkew = 5 * time.Minute", "clockSkew = 4 * time.Minute",
		world, "TestClocksApart",
	},
	{
		"one window's failure is taken for that of another one", intents,
		"r.Failed = r.Failed && o.Requests[i].Failed", "_ = i",
		world, "TestListsWithoutTheNewestPayment",
	},
	{
		"a confirm is given up while it may be carried out", "shared/provider/toss/adapter.go",
		"PendingMax: 15 * time.Minute, AbsentMax", "PendingMax: 8 * time.Minute, AbsentMax",
		world, "TestConfirmCarriedOutLate",
	},
	{
		"a charge is repeated while it may be carried out", "shared/provider/portone/adapter.go",
		"PendingMax: 75 * time.Minute", "PendingMax: 15 * time.Minute",
		charges, "TestChargeCarriedOutLate",
	},
	{
		"a refund does not say how much is left", oneLoop,
		"Key: r.Key, Amount: r.Amount, Balance: r.Balance, Reason", "Key: r.Key, Amount: r.Amount, Reason",
		world, "TestForgottenIdempotencyKeys",
	},
	{
		"PortOne is not told what is left", "shared/provider/portone/types.go",
		"`json:\"checksum\"` ", "`json:\"-\"` ",
		world, "TestRefundCarriedOutLate",
	},
	{
		"Toss Payments is not told what is left", "shared/provider/toss/types.go",
		"`json:\"refundableAmount\"` ", "`json:\"-\"` ",
		world, "TestRefundCarriedOutLate",
	},
}

// TestLyingMutants takes each of them out.
func TestLyingMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, lyingMutants)
}
