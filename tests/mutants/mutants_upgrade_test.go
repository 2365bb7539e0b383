package mutants_test

import "testing"

const (
	earlier = "shared/store/internal/item/before.go"
	items   = "./shared/store/internal/item"
)

var upgradeMutants = []mutant{
	{
		"what a deployment of version 1 asked for is forgotten", earlier,
		"case it.Status != order.Processing && !it.Searching:", "case true:",
		world, "TestBeforeIsSettled",
	},
	{
		"the payment of an order of version 1 is not the order's", earlier,
		"if it.wasPaid() {", "if false {",
		items, "TestBefore",
	},
	{
		"a cancel of an order of version 1 begins at the first turn: the provider repeats the answer it gave", earlier,
		"Turn: r.Asks,", "Turn: 0,",
		items, "TestBefore",
	},
	{
		"a confirm of version 1 that a 500 answered is forgotten once the next one is refused", earlier,
		"if earlier.Turn--; a.Turn > 0 {", "if earlier.Turn--; false {",
		world, "TestBeforeIsSettled",
	},
	{
		"the numbers of an order of version 1 that are over may be paid again", earlier,
		"over := i+1 < it.Attempt.N ||", "over :=",
		items, "TestBefore",
	},
	{
		"a charge of version 1 that had no answer is forgotten", earlier,
		`case a.Rejection == "" && !a.Unanswered && a.Turn == 0:`, "case true:",
		"./sim/chargetest", "TestCycleOfBefore",
	},
}

// TestUpgradeMutants takes out the rules by which an order of the version before is read.
func TestUpgradeMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, upgradeMutants)
}
