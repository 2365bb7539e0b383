package tosspaysam_test

import (
	"encoding/json"
	"flag"
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
	reversal = "shared/order/reversal.go"
	decide   = "shared/payment/decide.go"
	advance  = "shared/payment/advance.go"
	reverse  = "shared/payment/reverse.go"
	hear     = "shared/payment/webhook.go"
	enrolled = "shared/subscription/subscription.go"
	world    = "./sim/world"
	payments = "./shared/payment"
	pure     = "./shared/order"
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
		"case !o.LinkTokenMatches(c.LinkToken), o.Provider", "case o.Provider",
		world, "TestUnknownOrderAndWrongLinkAreTheSamePage",
	},
	{
		"the attempt check is removed", orders,
		"case o.Attempt != c.Attempt:", "case false:",
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
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\te := doubtful(o, now)",
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\te := refused(o, now)",
		world, "TestProviderDown",
	},
	{
		"doubt opens the order again", orders,
		"case Refused, Lapsed:\n\t\tif o.Owed() == nil &&", "case Refused, Lapsed, Doubtful:\n\t\tif o.Owed() == nil &&",
		"./shared/order", "TestEveryPairKeepsThePromise",
	},
	{
		"a rejection is believed without a lookup", decide,
		"e.Next.Rejection = a.Code\n\tcase a.Class", "return refused(o, now)\n\tcase a.Class",
		world, "TestEveryCodeEndsWhereTheLedgerSays",
	},
	{
		"another order's payment is accepted", decide,
		"if err != nil || n.OrderID() != o.ID {", "if err != nil {",
		world, "TestForeignPaymentKey",
	},
	{
		"test money pays live orders", decide,
		`case p.Sandbox && o.Mode != "test":`, "case false:",
		payments, "TestSandboxMoneyIsNotLiveMoney",
	},
	{
		"test money in a live deployment is given back", decide,
		"return order.Event{Kind: order.Refused, At: now, Attempt: e.Attempt, Next: o.Attempt}, true // test money", "e.Kind = order.Mismatched // test money",
		payments, "TestSandboxMoneyIsNotLiveMoney",
	},
	{
		"real money pays test orders", decide,
		` || !p.Sandbox && o.Mode == "test"`, "",
		payments, "TestMoneyThatIsNotOurs",
	},
	{
		"money of another merchant account pays", decide,
		" || !accountFits(account, p.Account)", "",
		payments, "TestAccounts",
	},
	{
		"a billing key's issuance pays an order", decide,
		"case p.Issuance:", "case false:",
		payments, "TestMoneyThatIsOurs",
	},
	{
		"money of another amount pays", decide,
		"p.Amount != o.Amount.Value || ", "",
		payments, "TestAfterConfirm",
	},
	{
		"money is asked for after the provider's window", advance,
		` && now.Before(o.Attempt.ClaimedAt.Add(g.Timing.ConfirmWindow))`, "",
		payments, "TestMayConfirm",
	},
	{
		"an attempt lapses while an answer may still come", decide,
		"over := since >= t.PendingMax ||", "over := since >= t.ConfirmWindow ||",
		payments, "TestAfterFind",
	},
	{
		"the intent is not written before the call", advance,
		"if o.Attempt.Unanswered && o.Attempt.Turn == next.Turn {", "if true {",
		world, "TestIntentIsWrittenBeforeTheCall",
	},
	{
		"money is given back before it is written that it is owed", hear,
		"saved, err := s.record(ctx, o, event, notLooked, s.besides(g, o, last.Others, began, all)...)", "saved, err := o.Apply(event)",
		payments, "TestMoneyThatIsNotOurs",
	},
	{
		"a request to give back is repeated without a look", reverse,
		"if owed.Asks > 0 {", "if false {",
		payments, "TestReversalsThatGoWrong",
	},
	{
		"a lost reply counts as given back", reverse,
		"if !settled && event.Kind != order.Irreversible {", "if !settled && len(answers) > 0 && answers[0].Call == \"cancel\" && answers[0].HTTP == 0 {\n\t\tevent.Kind = order.FullyRefunded\n\t\tevent.Capture.Key = owed.Key\n\t} else if !settled && event.Kind != order.Irreversible {",
		payments, "TestReversalsThatGoWrong",
	},
	{
		"a refused refund that was carried out goes to a person", reverse,
		"if !settled && event.Capture.Balance > 0 {\n\t\t\t\tevent.Kind", "if true {\n\t\t\t\tevent.Kind",
		payments, "TestReversalsThatGoWrong",
	},
	{
		"the old sum is asked for again", reverse,
		"owed.Amount = event.Capture.Balance", "_ = event.Capture.Balance",
		payments, "TestConsoleGivesBackAPartMeanwhile",
	},
	{
		"a refund does not say what must be left", reverse,
		"Amount: owed.Amount, Balance: owed.Amount,", "Amount: owed.Amount,",
		payments, "TestCancelIsOneRequest",
	},
	{
		"late money is ignored", reversal,
		"case (o.Status == Failed || o.Status == Expired) && !e.KeepLate:", "case false:",
		payments, "TestMoneyThatIsNotOurs",
	},
	{
		"late money is kept without being asked to", reversal,
		" && !e.KeepLate:", " && e.KeepLate:",
		pure, "TestEachReversalHasItsReason",
	},
	{
		"money that does not fit is not owed", reversal,
		"|| e.Kind == Mismatched\n\tif !taken", "\n\tif !taken",
		pure, "TestEveryPairKeepsThePromise",
	},
	{
		"a second payment is not owed", reversal,
		"case o.Status == Paid || o.Status == Refunded:", "case false:",
		world, "TestWindfalls",
	},
	{
		"the earlier attempt's money pays while this one is under way", reversal,
		"(e.Attempt != o.Attempt || o", "(o",
		pure, "TestEachReversalHasItsReason",
	},
	{
		"another payment's money pays while the claimed one is under way", reversal,
		" || o.claimedAnother(e)):", "):",
		world, "TestClaimedPaymentIsNotForgottenForAnother",
	},
	{
		"another payment's refund ends the order while the claimed one is under way", orders,
		"case FullyRefunded:\n\t\tif current && !o.claimedAnother(e) {", "case FullyRefunded:\n\t\tif current {",
		pure, "TestClaimedPaymentOutlivesTheReversal",
	},
	{
		"what the attempt asked for is forgotten when another payment closes the order", orders,
		"o.Searching = o.leftInDoubt(e)", "o.Searching = false",
		payments, "TestReviewLooksForTheClaimed",
	},
	{
		"one lookup ends the search for a charge", decide,
		"return shown || since >=", "return shown || true || since >=",
		payments, "TestChargeBehindAWindow",
	},
	{
		"a payment that hides the charge ends the search for it", decide,
		"since >= t.PendingMax && !a.Undecided && !a.Payment.Open ||", "since >= t.PendingMax ||",
		"./sim/chargetest", "TestOpenChargeBehindAnotherPayment",
	},
	{
		"a window that was left open is asked about for ever", decide,
		" || since >= searchMax\n", "\n",
		payments, "TestSearchEnds",
	},
	{
		"one of two windows pays, and nobody looks for the one its buyer came back from", orders,
		"return o.claimedAnother(e) || o.returnedUnseen(e)", "return o.claimedAnother(e)",
		payments, "TestReturnedFromAnotherWindow",
	},
	{
		"wrong money that is back opens the next number, and a window has returned that nobody has answered for", orders,
		"return !o.claimedAnother(e) && !o.returnedUnseen(e)", "return !o.claimedAnother(e)",
		payments, "TestWrongMoneyBesideTheReturnedWindow",
	},
	{
		"a lookup that leaves something open counts as all there is", decide,
		"return !a.Undecided && !a.Unsure && !a.Payment.Open }", "return true }",
		payments, "TestReturnedFromAWindowAtWork",
	},
	{
		"a number is covered by the due time of its charge", hear,
		`o.Status == order.Settling && h.Key != "" && h`, `o.Status == order.Settling && h`,
		payments, "TestKeylessHintOfACycle",
	},
	{
		"while another payment is looked for, the order's own may fail", orders,
		`own := e.Of == o.Capture.Key || e.Of == "" && !o.Searching`, "own := !o.Searching",
		payments, "TestContradictionWhileSearching",
	},
	{
		"a failed payment that leaves its outcome open counts as decided", decide,
		"return !a.Undecided && !a.Unsure &&", "return !a.Undecided &&",
		payments, "TestOtherMoneyBesideAWindowAtWork",
	},
	{
		"a buyer's return is not written down while other money is owed", "shared/payment/return.go",
		"&& !o.Attempt.Unanswered && !knows(o, r.Key) {", "&& false {",
		payments, "TestReturnWhileMoneyIsOwed",
	},
	{
		"wrong money is all that a return finds", "shared/payment/return.go",
		"case ok && event.Kind == order.Mismatched && !showsAll(a):", "case false:",
		payments, "TestOtherMoneyBesideAWindowAtWork",
	},
	{
		"the search for a charge takes all of the time", advance,
		"calls, cancel := halfTime(calls)\n\tdefer cancel()\n\tanswers :=", "answers :=",
		payments, "TestOwedWhileSearching",
	},
	{
		"a charge's refusal contradicts the window that paid", orders,
		"if o.Searching && e.Kind == Refused && e.Answered", "if false && e.Answered",
		payments, "TestOwnRefusalAfterTheWindow",
	},
	{
		"a reload asks about an order in review", advance,
		"asksAnytime := o.Status == order.Settling ||", "asksAnytime := o.Status != order.Open ||",
		payments, "TestReloadsOfReview",
	},
	{
		"any question answers a hint without a key", hear,
		`return "number " + h.Number`, `return ""`,
		payments, "TestKeylessHintIsNotAnsweredByAnother",
	},
	{
		"any payment under a cycle's number counts as its charge", decide,
		`e.OwnKey = o.BillingKey != "" && a.Payment.BillingKey == o.BillingKey`, "e.OwnKey = true",
		payments, "TestOwnChargeEndsTheDoubt",
	},
	{
		"any due time takes a webhook", hear,
		`return o.Status == order.Settling && h.Key != "" && h.Key == o.Attempt.Key`, "return o.Unsettled() && h.Key == o.Attempt.Key",
		payments, "TestRefundWhileGivingBack",
	},
	{
		"a due time for another payment takes a webhook", hear,
		`o.Status == order.Settling && h.Key != "" && h.Key == o.Attempt.Key`, `o.Status == order.Settling && h.Key != ""`,
		payments, "TestHintThatWasNotLookedUp",
	},
	{
		"a closed order that owes money takes the webhook of another payment", hear,
		"open := (noAnswer || unseen(o, h, last)) && !covers(o, h)", "open := (noAnswer || unseen(o, h, last)) && !o.Unsettled()",
		payments, "TestThirdPaymentWhileOneIsOwed",
	},
	{
		"a webhook whose payment cannot be looked up is forgotten", hear,
		"open := (noAnswer || unseen(o, h, last)) && !covers(o, h)", "open := unseen(o, h, last) && !noAnswer && !covers(o, h)",
		payments, "TestHintThatWasNotLookedUp",
	},
	{
		"a webhook that the lookups do not show yet is forgotten", hear,
		"open := (noAnswer || unseen(o, h, last)) && !covers(o, h)", "open := noAnswer && !covers(o, h)",
		world, "TestLookupsBehindTheWebhook",
	},
	{
		"a refund that the lookups do not show yet is forgotten", "shared/payment/hint.go",
		"return shown && a.Verdict == provider.Paid", "return false",
		world, "TestConsoleRefundBehindTheWebhook",
	},
	{
		"a webhook that never had its turn is forgotten", hear,
		"_, err := s.remember(ctx, o, n.Attempt, h.Key, came)\n\t\t\treturn err", "return nil",
		payments, "TestRefundWhileGivingBack",
	},
	{
		"a remembered payment has no due time", "shared/order/hint.go",
		"o.DueAt = soonest(o.DueAt, h.DueAt)", "o.DueAt = soonest(o.DueAt, o.DueAt)",
		pure, "TestHintsAreBounded",
	},
	{
		"a remembered payment is forgotten after one look", "shared/payment/hint.go",
		"return o, shown || answered && s.Now().Sub(h.At) >= g.Timing.PendingMax, nil", "return o, shown || answered, nil",
		world, "TestLookupsBehindTheWebhook",
	},
	{
		"every copy of a webhook is remembered", "shared/order/hint.go",
		"if i >= 0 && h.At.Sub(o.Hints[i].At) < hintRenewal {\n\t\treturn o", "if false {\n\t\treturn o",
		pure, "TestHintsAreBounded",
	},
	{
		"any number of payments is remembered", "shared/order/hint.go",
		">= keyedHintsMax {", ">= 1000 {",
		pure, "TestHintsAreBounded",
	},
	{
		"a redirect without a key asks about the payment that is known", hear,
		"case !isPaymentKey(key) && g.Confirmer == nil:", "case false:",
		payments, "TestKeylessHintIsNotAnsweredByAnother",
	},
	{
		"a payment is given back twice", reversal,
		"o.Listed(e.Capture.Key) {", "false {",
		pure, "TestEveryPairKeepsThePromise",
	},
	{
		"what is owed has no due time", orders,
		"if r := o.Owed(); r != nil && o.Status != Review {", "if r := o.Owed(); false {",
		pure, "TestEveryPairKeepsThePromise",
	},
	{
		"an order is open while money is owed", orders,
		"return Settling // until it is given back", "return Open // until it is given back",
		pure, "TestNextAttemptOnlyWhenTheMoneyIsBack",
	},
	{
		"money that is there again is not seen", orders,
		"return Review // given back, and there again", "return o.Status // given back, and there again",
		pure, "TestEveryPairKeepsThePromise",
	},
	{
		"an old answer overrules the refund", orders,
		"if e.Capture.Balance > 0 && !o.stale(e) && !o.beforeReversal(e) {", "if e.Capture.Balance > 0 {",
		payments, "TestAnswerThatIsLate",
	},
	{
		"another tab's failure ends the attempt", hear,
		"> 0 && taken(o, a) && !rest ||", "> 0 && !rest ||",
		payments, "TestHintOfTheOtherTab",
	},
	{
		"a webhook of another provider is looked up", hear,
		"errors.Is(err, ErrNotFound) || err == nil && o.Provider != name", "errors.Is(err, ErrNotFound)",
		payments, "TestHintsThatAskNobody",
	},
	{
		"a return from the first tab asks about the second tab's number", "shared/payment/return.go",
		"n > 0 && n < o.Attempt { // another", "n < 0 { // another",
		world, "TestReturnFromTheFirstTab",
	},
	{
		"a return that names only the first tab's payment asks about the second tab's number", "shared/payment/return.go",
		"case namesEarlier(o, a, r.Key):", "case false:",
		world, "TestReturnFromTheFirstTab",
	},
	{
		"the return of an earlier number is not looked up while the order settles", "shared/payment/return.go",
		"if result.Attempt < o.Attempt {\n\t\t\tif o, err", "if false {\n\t\t\tif o, err",
		world, "TestReturnWhileTheNextNumberIsAskedAbout",
	},
	{
		"a refusal of an older turn ends the attempt", orders,
		"if o.Owed() == nil && e.Next.Turn >= o.Attempt.Turn {", "if o.Owed() == nil {",
		pure, "TestRefusalOfAnOlderTurn",
	},
	{
		"a charge and a refund are sent again after a 503", "shared/provider/portone/adapter.go",
		"if first.HTTP != http.StatusUnauthorized {", "if first.HTTP != http.StatusUnauthorized && first.HTTP != http.StatusServiceUnavailable {",
		"./shared/provider/portone", "TestEveryRefusalIsReadOnce",
	},
	{
		"a payment Toss Payments does not know lapses after a minute", "shared/provider/toss/adapter.go",
		"AbsentMax: 15 * time.Minute", "AbsentMax: time.Minute",
		world, "TestTossLookupsBehindTheConfirm",
	},
	{
		"nobody looks once more at the numbers of a paid order", "shared/order/hint.go",
		`if e.LastLook > 0 && o.BillingKey == "" {`, "if false {",
		world, "TestSecondWindowThatNobodyTellsOf",
	},
	{
		"the last look is over without an answer", "shared/payment/hint.go",
		"shown || answered && s.Now()", "shown || s.Now()",
		world, "TestSecondWindowThatNobodyTellsOf",
	},
	{
		"an unforeseen word for the gateway is another account", "shared/provider/portone/adapter.go",
		"account(p.PGID),", `account(map[bool]string{true: p.PGID, false: p.PGProvider + p.PGID}[p.PGProvider == gateway]),`,
		world, "TestGatewaysOwnWord",
	},
	{
		"a rejected tab ends the attempt of the payment that was claimed", decide,
		"return e, current && !another", "_ = another\n\t\treturn e, current",
		world, "TestTossWebhookBehindARejectedTab",
	},
	{
		"another account's keys are believed", "shared/payment/account.go",
		`if !ok || !otherAccount(g, o.Account) {`, "if true {",
		world, "TestOrderSettlesUnderAnotherAccountsKeys",
	},
	{
		"a cycle is charged with another account's keys", "shared/payment/account.go",
		"\t\tg.Charger = b\n", "",
		world, "TestSubscriptionUnderOtherKeys",
	},
	{
		"an order's window opens with another account's keys", "shared/boot/account.go",
		`if o.Account != "" && o.Account != w.account {`, "if false {",
		world, "TestPageUnderAnotherAccountsKeys",
	},
	{
		"a name of a billing key is used twice", enrolled,
		"s.Offered = offered + 1", "s.Offered = offered",
		"./shared/subscription", "TestNoNumberIsOfferedTwice",
	},
	{
		"a subscription is activated again", enrolled,
		"case s.Key.IssuedAt.IsZero() && key.N <= s.Key.N:", "case key.N <= s.Key.N:",
		"./shared/subscription", "TestActivatedOnce",
	},
	{
		"a name that comes twice is taken: the last price counts", "shared/handler/strict.go",
		"case seen[name]:", "case false:",
		"./shared/handler", "TestNamesAreExact",
	},
	{
		"a name in another case is taken", "shared/handler/strict.go",
		"case fixed && !known:", "case fixed && !known && false:",
		"./shared/handler", "TestNamesAreExact",
	},
	{
		"money goes back without the parts of its tax", reverse,
		"c.TaxFree = tax.Free\n", "c.TaxFree = 0\n",
		payments, "TestMoneyGoesBackWithItsParts",
	},
	{
		"a webhook that names only the key is dropped", "shared/handler/webhook.go",
		`if hint.Number == "" && hint.Key != "" {`, "if false {",
		world, "TestOddWebhooksAreFollowed",
	},
}

var everyMutant = flag.Bool("mutants", false, "run every mutant, not one in ten")

// TestMutants takes each rule out and requires that its test fails: a check that cannot fail proves nothing.
func TestMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, mutants)
}

// mustAllDie plays one mutant in ten, which keeps the tests under three minutes, or with -mutants all of them. That each still fits the code
// is always looked at.
func mustAllDie(t *testing.T, all []mutant) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, 2) // each one links a test program
	played := 0
	for i, m := range all {
		source := m.source(t, root)
		if !*everyMutant && i%10 != 0 {
			continue
		}
		played++
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			m.mustDie(t, root, source)
		})
	}
	t.Logf("%d of %d mutants; make mutants plays all", played, len(all))
}

// source is the mutated file's text, in which the rule must stand once.
func (m mutant) source(t *testing.T, root string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Errorf("%s: %q occurs %d times in %s, want 1: the mutant must follow the code", m.name, m.old, n, m.file)
	}
	return string(source)
}

func (m mutant) mustDie(t *testing.T, root, source string) {
	t.Helper()
	path, dir := filepath.Join(root, filepath.FromSlash(m.file)), t.TempDir()
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(source, m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-ldflags=-s -w", "-count=1", "-timeout=2m", "-run", "^"+m.test+"$", m.pkg)
	command.Dir = root
	output, err := command.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s of %s does not notice:\n%s", m.test, m.pkg, output)
	case !strings.Contains(string(output), "--- FAIL: "+m.test+" "):
		t.Errorf("%s of %s did not run to a failure (%v):\n%.4000s", m.test, m.pkg, err, output)
	}
}
