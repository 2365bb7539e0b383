package tosspaysam_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutant is one rule about money taken out of the code, and the test that must notice.
type mutant struct {
	name     string
	file     string
	old, new string // old must occur exactly once in file
	pkg      string
	test     string // top-level
}

const (
	orders   = "shared/order/order.go"
	decide   = "shared/payment/decide.go"
	advance  = "shared/payment/advance.go"
	world    = "./sim/world"
	payments = "./shared/payment"
)

var mutants = []mutant{
	{
		"the claim's condition is removed: everybody who comes back asks for the money", orders,
		"case o.Status != Open:", "case false:",
		world, "TestHundredRedirectsAreOneCapture",
	},
	{
		"the amount check is removed", orders,
		"case o.Amount != c.Amount:", "case false:",
		world, "TestTamperedAmount",
	},
	{
		"the link token check is removed", orders,
		"case !o.LinkTokenMatches(c.LinkToken):", "case false:",
		world, "TestUnknownOrderAndWrongLinkAreTheSamePage",
	},
	{
		"the attempt check is removed", orders,
		"case o.Attempt.N != c.Attempt:", "case false:",
		world, "TestTwoTabsWhenTheFirstIsDeclined",
	},
	{
		"the idempotency key is another one at each call", advance,
		`o.Number(), o.Attempt.Turn, hex.EncodeToString(sum[:6])`, `o.Number(), o.Attempt.Turn, hex.EncodeToString(sum[:6])+time.Now().String()`,
		payments, "TestConfirmIsOneRequest",
	},
	{
		"a confirm without an answer counts as refused", decide,
		"return e // the request may be at work", "return refused(o, now) // the request may be at work",
		world, "TestHundredRedirectsAndTheFirstReplyIsLost",
	},
	{
		"every error code counts as a rejection", decide,
		"case a.Class.Definitive() || a.Verdict == provider.Absent:", "case true:",
		payments, "TestAfterConfirm",
	},
	{
		"an unknown outcome opens the next attempt", decide,
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\treturn doubtful(o, now), false",
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\treturn refused(o, now), false",
		world, "TestProviderDown",
	},
	{
		"doubt opens the order again", orders,
		"case Refused, Lapsed:\n\t\treturn o.afterRefusal(e, current)", "case Refused, Lapsed, Doubtful:\n\t\treturn o.afterRefusal(e, current)",
		"./shared/order", "TestEveryPairKeepsThePromise",
	},
	{
		"a rejection is believed without a lookup", decide,
		"e.Next.Rejection = a.Code", "return refused(o, now)",
		world, "TestEveryCodeEndsWhereTheLedgerSays",
	},
	{
		"another order's payment is accepted", decide,
		"if err != nil || n.OrderID() != o.ID {", "if err != nil {",
		world, "TestForeignPaymentKey",
	},
	{
		"test money pays live orders", decide,
		` || a.Payment.Sandbox != (o.Mode == "test")`, "",
		payments, "TestSandboxMoneyIsNotLiveMoney",
	},
	{
		"money of another amount pays", decide,
		"a.Payment.Amount != o.Amount.Value || ", "",
		payments, "TestAfterConfirm",
	},
	{
		"money is asked for after the provider's window", advance,
		` && s.Now().Round(0).Before(o.Attempt.ClaimedAt.Add(g.Timing.ConfirmWindow))`, "",
		payments, "TestMayConfirm",
	},
	{
		"an attempt lapses while an answer may still come", decide,
		"!now.Before(end.Add(t.Linger))", "!now.Before(end)",
		payments, "TestAfterFind",
	},
	{
		"the intent is not written before the call", advance,
		"if o.Attempt.Unanswered && o.Attempt.Turn == turn {", "if true {",
		world, "TestIntentIsWrittenBeforeTheCall",
	},
}

// TestMutants takes each rule out and requires that its test fails: a check that cannot fail proves nothing.
func TestMutants(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, 2) // each one links a test program
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			m.mustDie(t, root)
		})
	}
}

func (m mutant) mustDie(t *testing.T, root string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%q occurs %d times in %s, want 1: the mutant must follow the code", m.old, n, m.file)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-timeout=2m", "-run", "^"+m.test+"$", m.pkg)
	command.Dir = root
	output, err := command.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s of %s does not notice:\n%s", m.test, m.pkg, output)
	case !strings.Contains(string(output), "--- FAIL: "+m.test+" "):
		t.Errorf("%s of %s did not run to a failure (%v):\n%.4000s", m.test, m.pkg, err, output)
	}
}
