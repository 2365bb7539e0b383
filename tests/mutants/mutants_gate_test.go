package mutants_test

import "testing"

const (
	gate    = "shared/payment/gate.go"
	handled = "./shared/handler"
)

// gateMutants are the rules of the answer to PortOne's question before a window captures.
var gateMutants = []mutant{
	{
		"a window is let through before the approval is stored", gate,
		"return next, ctx.Err()", "_ = next\n\t\treturn o.Ledger, ctx.Err()",
		world, "TestGateLeavesNothingToGiveBack",
	},
	{
		"an approval that somebody else's write kept out counts as stored", refunding,
		"; !errors.Is(err, ErrConflict) {\n\t\t\treturn j.record, err", "; err == nil || errors.Is(err, ErrConflict) {\n\t\t\treturn j.record, nil",
		world, "TestGateFiftyAtOnce",
	},
	{
		"a window is let through after the time to pay", gate,
		"if !r.At.Before(o.ExpiresAt) {", "if false {",
		world, "TestGateLeavesNothingToGiveBack",
	},
	{
		"the same window gets the same answer whatever it asks for", gate,
		" && q.Amount == r.Amount", "",
		handled, "TestGateRepeated",
	},
	{
		"a window that was let through may come back an hour later", gate,
		"const gateRepeat = time.Minute", "const gateRepeat = time.Hour",
		handled, "TestGateRepeated",
	},
	{
		"a window of another account is let through", gate,
		"err == nil && otherAccount(", "false && otherAccount(",
		world, "TestGateUnderOtherKeys",
	},
	{
		"an answer that comes too late is yes", "shared/handler/gate.go",
		"err = ctx.Err() // nobody waits", "// nobody waits",
		handled, "TestGateWithoutATable",
	},
	{
		"a body that is cut off is a question", "shared/provider/portone/gate.go",
		"if json.Valid(body) {", "if json.Valid(body) || lenient.Object(body) != nil {",
		handled, "TestGate",
	},
}

// TestGateMutants takes each of them out.
func TestGateMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, gateMutants)
}
