// Package mutants_test takes rules about money out of the code, one at a time, and requires that a test fails.
package mutants_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
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
	intents     = "shared/ledger/intend.go"
	learning    = "shared/ledger/learn.go"
	decide      = "shared/ledger/decide.go"
	resolving   = "shared/ledger/resolve.go"
	outcomes    = "shared/ledger/outcome.go"
	plan        = "shared/ledger/next.go"
	statuses    = "shared/ledger/status.go"
	visits      = "shared/ledger/visit.go"
	oneLoop     = "shared/payment/process.go"
	translation = "shared/payment/learned.go"
	hear        = "shared/payment/webhook.go"
	returned    = "shared/payment/return.go"
	refunding   = "shared/payment/refund.go"
	refundDoor  = "shared/handler/refund.go"
	claiming    = "shared/order/claim.go"
	enrolled    = "shared/subscription/subscription.go"
	orders      = "shared/order/order.go"
	advance     = "shared/payment/advance.go"
	ledgerTests = "./shared/ledger"
	carriage    = "shared/provider/transport/transport.go"
	world       = "./sim/world"
	payments    = "./shared/payment"
	doors       = "./shared/handler"
	pure        = "./shared/order"
)

// mutants are the rules of orders: first those of the ledger in the order of its files, then the loop around them and its doors.
var mutants = []mutant{
	{
		"another amount than the order's is asked for", intents,
		"case r.Amount != o.Amount:", "case false:",
		ledgerTests, "TestRefusedIntents",
	},
	{
		"money is asked for while somebody else may be taking it", intents,
		"case o.Status() != Open:", "case false:",
		ledgerTests, "TestTwoWorkersOneCharge",
	},
	{
		"money is asked for under an earlier number", intents,
		"case r.Attempt != o.Current() || o.Attempts", "case o.Attempts",
		ledgerTests, "TestIntentConditions",
	},
	{
		"money is asked for under a number that is used up", intents,
		" || o.Attempts[r.Attempt-1].Used:", ":",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a number that was never opened is asked for", intents,
		"r.Attempt > o.Current() && r.Kind != Cancel", "r.Attempt > 100",
		ledgerTests, "TestNotesAreBounded",
	},
	{
		"money under a number that was never opened cannot be given back", intents,
		" && r.Kind != Cancel {", " {",
		ledgerTests, "TestNumberNeverOpened",
	},
	{
		"there is a number 0", intents,
		"r.Attempt < 1 || ", "",
		ledgerTests, "TestNotesAreBounded",
	},
	{
		"a repetition of a request that was never written", intents,
		"if last, ok := o.open(r); !ok || last", "if last, ok := o.open(r); ok && last",
		ledgerTests, "TestRefusedIntents",
	},
	{
		"two workers repeat one charge", intents,
		"!ok || last.Turn != r.Turn-1 || o.closed()", "!ok || last.Turn > r.Turn || o.closed()",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a charge is repeated although a window has paid", intents,
		" || o.closed() {", " {",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a repeated charge must be made with the first means", intents,
		"\tif r.Kind == Charge {\n\t\tlast", "\tif false {\n\t\tlast",
		ledgerTests, "TestIntentConditions",
	},
	{
		"the first charge is forgotten after two repetitions", intents,
		"0 < min(", "0 <= min(",
		ledgerTests, "TestRepetitionsOfACharge",
	},
	{
		"any number of payments is remembered", intents,
		"o.count(r.Kind) >= limit", "o.count(r.Kind) >= 100*limit",
		ledgerTests, "TestNotes",
	},
	{
		"any number of returns is remembered", intents,
		"limit = returnsMax", "limit = 1000",
		ledgerTests, "TestNotesAreBounded",
	},
	{
		"every copy of a webhook is remembered anew", intents,
		`if r.Key != "" && r.copies(o.Requests[i]) {`, `if false {`,
		ledgerTests, "TestNotes",
	},
	{
		"the webhook of a refund is a copy of the one of its payment", intents,
		" && r.Canceled == q.Canceled\n", "\n",
		ledgerTests, "TestNotes",
	},
	{
		"a return from a second window is a copy of the first one's", intents,
		`if r.Key != "" && r.copies(`, "if r.copies(",
		ledgerTests, "TestNotes",
	},
	{
		"each reload of a return begins the wait anew", intents,
		"\tr.Since = o.Requests[i].Since\n", "",
		ledgerTests, "TestReloadsDoNotHoldTheOrder",
	},
	{
		"money that pays the order is asked back", intents,
		" || p.Role != Surplus || r.Amount", " || r.Amount",
		ledgerTests, "TestIntentConditions",
	},
	{
		"another sum is asked back than is left", intents,
		" || r.Amount != p.Balance {", " {",
		ledgerTests, "TestIntentConditions",
	},
	{
		"the repetitions of a cancel pile up", intents,
		"func(q Request) bool { return q.returns(*p) })\n\treturn", "func(q Request) bool { return false })\n\treturn",
		ledgerTests, "TestCancelOfSurplusIsOne",
	},
	{
		"a merchant refunds a payment that is not the order's", intents,
		" || p.Key != r.Key || o.End", " || o.End",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a merchant refunds an order in review", intents,
		" || o.End == EndReview:\n", ":\n",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a refund of nothing, or less", intents,
		"r.Amount < 1 || ", "",
		ledgerTests, "TestRefunds",
	},
	{
		"refunds under way do not count against what is left", intents,
		"r.Amount > o.Refundable()", "r.Amount > p.Balance",
		ledgerTests, "TestRacingRefunds",
	},
	{
		"a refund that was denied counts for ever", intents,
		"if o.refunds(r) {\n\t\t\tleft", "if r.RefundID != \"\" {\n\t\t\tleft",
		ledgerTests, "TestRefundThatIsRefused",
	},
	{
		"a part of a payment that can only be refunded whole", intents,
		"case p.WholeOnly && r.Amount != p.Amount:", "case false:",
		ledgerTests, "TestRefundOfNothing",
	},
	{
		"any number of refunds", intents,
		"case o.count(Cancel) >= RefundsMax:", "case false:",
		ledgerTests, "TestIntentConditions",
	},
	{
		"news of a payment is taken for a copy of the notice before", intents,
		"r.Kind == Notice && r.At.After(q.At.Add(copyWithin))", "false",
		ledgerTests, "TestNoticeWhileOneIsOpen",
	},
	{
		"a refund goes out with the balance of before a console's refund", plan,
		"\tif s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {\n\t\treturn s\n\t}\n\tp := o.payment(r.Key)\n\tswitch {\n", "\tp := o.payment(r.Key)\n\tswitch {\n\tcase last.unsent():\n\t\tr.Turn = 1\n\t\treturn Step{Do: Send}\n",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a refund is called made before it was sent", intents,
		"r.Turn, r.Balance = 0, 0\n", "r.Turn, r.Balance = 1, p.Balance\n",
		world, "TestRefundBesideALargerConsoleRefund",
	},
	{
		"the refusal of the last number is believed while a lookup may be behind", outcomes,
		"r.Attempt >= AttemptsMax || ", "",
		ledgerTests, "TestRefusalOfTheLastNumberLies",
	},
	{
		"the refusal after the time to pay is believed while a lookup may be behind", outcomes,
		"r.Attempt >= AttemptsMax || !o.LearnedAt.Before(o.Over())", "r.Attempt >= AttemptsMax",
		ledgerTests, "TestRefusalAfterTheTimeLies",
	},
	{
		"a charge that a lost number has overtaken is waited for for ever", outcomes,
		" && r.Attempt == o.Current(): // no other is repeated (reopen)", ":",
		ledgerTests, "TestChargeOvertakenByALostNumber",
	},
	{
		"the second refund's notice is answered by the first refund", outcomes,
		"p.Balance == 0 || !renewed && p", "p.Balance == 0 || (true || !renewed) && p",
		ledgerTests, "TestSecondPartWhileTheFirstIsUnseen",
	},
	{
		"a refund's id is used twice", intents,
		"return q.RefundID == r.RefundID })", "return false })",
		ledgerTests, "TestRefunds",
	},
	{
		"a refund's id is used with another amount", intents,
		"case q.Amount != r.Amount || q", "case q",
		ledgerTests, "TestRefunds",
	},
	{
		"a refund's id is used with another payment", intents,
		" || q.Key != r.Key:\n\t\treturn o, ErrRefundID", ":\n\t\treturn o, ErrRefundID",
		ledgerTests, "TestRefundIsOfOnePayment",
	},
	{
		"a refund that is asked for again starts anew", intents,
		"case r.Turn <= q.Turn:", "case false:",
		ledgerTests, "TestRefunds",
	},
	{
		"a refund that has ended is repeated", intents,
		"case q.Outcome != Pending:", "case false:",
		ledgerTests, "TestIntentConditions",
	},
	{
		"the repetition of a refund inherits the answer of the one before", intents,
		`NoReply, "", time.Time{}, Pending, q.Reason`, `q.Reply, "", time.Time{}, Pending, q.Reason`,
		ledgerTests, "TestRefundsWait",
	},
	{
		"an answer seen through another account's keys is believed", learning,
		"if a.Account != o.Account {", "if false {",
		ledgerTests, "TestAnotherAccountTeachesNothing",
	},
	{
		"a list of which not all was kept counts as all there is", learning,
		"complete = o.merge(p, a) && complete", "o.merge(p, a)",
		ledgerTests, "TestLearnConditions",
	},
	{
		"a lookup that leaves something open counts as all there is", learning,
		"complete && i >= 0", "a.Readable && i >= 0",
		ledgerTests, "TestLearnConditions",
	},
	{
		"a lookup of a number counts from its end", learning,
		"later(o.Attempts[i].LookedAt, a.Began)", "later(o.Attempts[i].LookedAt, a.At)",
		ledgerTests, "TestLearnConditions",
	},
	{
		"a lookup of a payment counts from its end", learning,
		"later(r.LookedAt, a.Began)", "later(r.LookedAt, a.At)",
		ledgerTests, "TestLookupCountsFromItsBeginning",
	},
	{
		"an older lookup overwrites a newer one", learning,
		"later(o.Attempts[i].LookedAt, a.Began)", "a.Began",
		ledgerTests, "TestLearnCommutes",
	},
	{
		"no answer counts as a lookup", learning,
		"a.To == nil && a.Readable;", "a.To == nil;",
		ledgerTests, "TestLookupCountsFromItsBeginning",
	},
	{
		"the lookup of one payment says what became of another", learning,
		"r.Key == a.Key {", "true {",
		ledgerTests, "TestLearnIsOneWay",
	},
	{
		"the reply to one turn is taken for another's", learning,
		"r.is(*a.To)", "r.sibling(*a.To)",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"the last reply counts, not the furthest", learning,
		"a.Reply != NoReply && order < 0 {", "a.Reply != NoReply && order != 0 {",
		ledgerTests, "TestLearnCommutes",
	},
	{
		"another order's payment is not seen to be that", learning,
		"r.Elsewhere || a.Elsewhere", "false",
		ledgerTests, "TestLookupCountsFromItsBeginning",
	},
	{
		"an answer says what is kept", learning,
		`p.Role, p.Reason, p.Resolved = NoRole, "", false`, "_ = 0",
		ledgerTests, "TestAnswersDecideNothing",
	},
	{
		"test money pays live orders", learning,
		"if p.Test && o.Account.Live {", "if false {",
		ledgerTests, "TestMoneyThatIsTheOrders",
	},
	{
		"a capture is not recorded beside many payments that took nothing", learning,
		"p.State != Captured && o.idleLines() >= linesMax", "o.idleLines() >= linesMax",
		ledgerTests, "TestLearnConditions",
	},
	{
		"an order grows with every payment that took nothing", learning,
		"p.State != Captured && o.idleLines() >= linesMax", "false",
		ledgerTests, "TestLearnConditions",
	},
	{
		"a lookup accounts for a payment that is not kept and may be captured", learning,
		"return o.takesNothing(p, a.Began)", "return true",
		ledgerTests, "TestLearnConditions",
	},
	{
		"an order that had more windows than it keeps never ends", learning,
		"return o.takesNothing(p, a.Began)", "return p.State == Declined",
		world, "TestScenarios",
	},
	{
		"an order that had more declined payments than it keeps never ends", learning,
		"return p.State == Declined || !t", "return !t",
		world, "TestScenarios",
	},
	{
		"the newest answer counts, not the furthest: a lookup that is behind undoes a capture", learning,
		"switch d := p.progress(q); {", "switch d := p.SeenAt.Compare(q.SeenAt); {",
		ledgerTests, "TestLearnIsOneWay",
	},
	{
		"an old answer overrules the refund", learning,
		"return cmp.Or(cmp.Compare(p.State, q.State), cmp.Compare(q.Balance, p.Balance))", "return cmp.Compare(p.State, q.State)",
		ledgerTests, "TestMoneyThatIsBackAndThereAgain",
	},
	{
		"two answers name two amounts, and nobody notices", learning,
		"disputed := p.Disputed || q.Disputed || differ", "disputed := differ && false",
		ledgerTests, "TestLearnIsOneWay",
	},
	{
		"what was said to be less is forgotten when more comes", learning,
		"behind = later(behind, p.SeenAt)", "_ = behind",
		ledgerTests, "TestLearnIsOneWay",
	},
	{
		"money that is there again is not seen", learning,
		"behind = later(behind, q.SeenAt)", "_ = behind",
		ledgerTests, "TestMoneyThatIsBackAndThereAgain",
	},
	{
		"refunds that were listed once are forgotten", learning,
		"refunds := union(p.Refunds, q.Refunds)", "refunds := q.Refunds",
		ledgerTests, "TestLearnIsOneWay",
	},
	{
		"a later answer takes a decision back", learning,
		"\tp.Role, p.Reason, p.Resolved = role, reason, resolved\n", "\t_, _, _ = role, reason, resolved\n",
		ledgerTests, "TestSurplusIsBounded",
	},
	{
		"a decision is made once more, and otherwise", decide,
		"case p.Role != NoRole, p.State != Captured,", "case p.State != Captured,",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a window under a number that is not open yet is another table's for good", decide,
		"case p.Role != NoRole, p.State != Captured,", "case p.Role != NoRole,",
		ledgerTests, "TestNumberThatIsNotOpenYet",
	},
	{
		"more money in review is given back without the person", decide,
		"p.State != Captured, o.End == EndReview:\n\t\tcase o.foreign", "p.State != Captured:\n\t\tcase o.foreign",
		ledgerTests, "TestDecideConditions",
	},
	{
		"another table's payment pays", decide,
		"case o.foreign(*p):", "case false:",
		ledgerTests, "TestMoneyThatIsTheOrders",
	},
	{
		"money that was taken before the order was made pays it", decide,
		" || o.unopened(p) || o.older(p) }", " || o.unopened(p) }",
		ledgerTests, "TestMoneyThatIsTheOrders",
	},
	{
		"money under a number that was never opened pays", decide,
		"o.End == EndTaken || o.unopened(p) || o.older(p) }", "o.End == EndTaken || o.older(p) }",
		ledgerTests, "TestNumberNeverOpened",
	},
	{
		"money under a number that another system made is given back", decide,
		"return o.End == EndTaken || ", "return ",
		ledgerTests, "TestNumberOfAnotherSystemTouchesNothing",
	},
	{
		"the provider's clock may not be behind ours", decide,
		"made.Add(-clockSkew)", "made",
		ledgerTests, "TestWhatIsOurs",
	},
	{
		"a payment that is back pays before its number was looked up", decide,
		"\t\tcase p.Balance == 0:\n", "",
		ledgerTests, "TestDecideConditions",
	},
	{
		"money that does not fit is not owed", decide,
		"case o.misfit(*p):\n\t\t\tp.Role", "case false:\n\t\t\tp.Role",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"a second payment is not owed", decide,
		"case o.Paid() != nil:", "case false:",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"late money is ignored", decide,
		"case o.End != NoEnd && !o.KeepLate:", "case false:",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"late money is given back although the merchant keeps it", decide,
		"case o.End != NoEnd && !o.KeepLate:", "case o.End != NoEnd:",
		ledgerTests, "TestMoneyThatIsTheOrders",
	},
	{
		"money counts as given back when a part is", decide,
		"if p.Role == Surplus && p.Balance == 0 {", "if p.Role == Surplus && p.Balance < p.Amount {",
		ledgerTests, "TestConsoleRefundsAPartMeanwhile",
	},
	{
		"which of two is kept does not follow from what we asked for", decide,
		"btoi(o.asked(q))-btoi(o.asked(p))", "0",
		ledgerTests, "TestDecideConditions",
	},
	{
		"the one approved last is kept", decide,
		", p.ApprovedAt.Compare(q.ApprovedAt))\n\t})\n\treturn indexes", ")\n\t})\n\treturn indexes",
		ledgerTests, "TestTwoPaymentsAreOneWrite",
	},
	{
		"a window's payment is kept in place of the charge's", decide,
		"return r.Attempt == p.Attempt && r.Key == p.BillingKey", "return false",
		ledgerTests, "TestWhichPaymentIsKept",
	},
	{
		"another means' payment is kept in place of the charge's", decide,
		"return r.Attempt == p.Attempt && r.Key == p.BillingKey", "return r.Attempt == p.Attempt",
		ledgerTests, "TestWhichPaymentIsKept",
	},
	{
		"money of another amount pays", decide,
		"asked := p.Amount == o.Amount && p", "asked := p",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"money of another currency pays", decide,
		"asked := p.Amount == o.Amount && p.Currency == o.Currency", "asked := p.Amount == o.Amount",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"money whose amount is disputed pays", decide,
		"return !asked || p.Disputed || p", "return !asked || p",
		ledgerTests, "TestDecideConditions",
	},
	{
		"real money pays test orders", decide,
		" || p.Test == o.Account.Live\n", "\n",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"money of another merchant account pays", decide,
		"o.altered(p) || known && p.Merchant != o.Account.Merchant", "o.altered(p) || known && false",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"who does not know its own account gives everything back", decide,
		`known := o.Account.Merchant != "" && p`, "known := p",
		ledgerTests, "TestWhatIsOurs",
	},
	{
		"an account that was set later contradicts what was paid before", decide,
		"case p.Role == Kept && o.altered(p):", "case p.Role == Kept && o.misfit(p):",
		ledgerTests, "TestWhatIsOurs",
	},
	{
		"a payment that no longer fits stays the order's", decide,
		"case p.Role == Kept && o.altered(p):", "case false:",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a payment that is back pays while another may be taken", decide,
		"if o.closed() || o.processing() {\n\t\treturn\n\t}\n\tfor", "if o.closed() {\n\t\treturn\n\t}\n\tfor",
		ledgerTests, "TestReturnedFromAWindowAtWork",
	},
	{
		"a refund that was denied is made after all", decide,
		"if r.Outcome == Pending {\n\t\t\t\tr", "if true {\n\t\t\t\tr",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a cancel is closed before the money is back", decide,
		"if p := o.payment(r.Key); p != nil && p.Role != Surplus {\n\t\t\t\tcontinue",
		"if p := o.payment(r.Key); p != nil && end != Pending {\n\t\t\t\tcontinue",
		ledgerTests, "TestReturnsThatGoWrong",
	},
	{
		"a payment under another number uses up the one that was returned to", decide,
		"\t\tn = p.Attempt\n", "\t\t_ = p\n",
		ledgerTests, "TestNumberNeverOpened",
	},
	{
		"a notice uses a number up", decide,
		"case r.Kind == Notice, r.Kind == Return", "case r.Kind == Return",
		ledgerTests, "TestNoticeUsesNoNumberUp",
	},
	{
		"a window that was left uses its number up", decide,
		"case r.Kind == Notice, r.Kind == Return && end == Lapsed:", "case r.Kind == Notice:",
		ledgerTests, "TestClosedRequests",
	},
	{
		"money that the provider does not give back is nobody's", decide,
		`why == "" && p.Role == Surplus && o.refusedForGood(p)`, "false",
		ledgerTests, "TestReturnsThatGoWrong",
	},
	{
		"a refused refund of the merchant's ends in review", decide,
		`r.Key == p.Key && r.RefundID == ""`, "r.Key == p.Key",
		ledgerTests, "TestRoleOfADecision",
	},
	{
		"any number of payments is given back", decide,
		"if count > SurplusMax {", "if false {",
		ledgerTests, "TestSurplusIsBounded",
	},
	{
		"what a person has explained needs him again", decide,
		"surplus && !p.Resolved {", "surplus {",
		ledgerTests, "TestResolvedPayments",
	},
	{
		"what a person has decided about contradicts for ever", decide,
		"\tcase p.Resolved:\n", "",
		ledgerTests, "TestResolve",
	},
	{
		"money under a number that was never opened needs no person", decide,
		"return o.stray(p)", `return ""`,
		ledgerTests, "TestNumberNeverOpened",
	},
	{
		"a payment under a number that was never opened, and that somebody refunded, needs a person", decide,
		"case p.Balance == 0 || o.misfit(p) || o.End", "case o.misfit(p) || o.End",
		ledgerTests, "TestNumberThatIsNotOpenYet",
	},
	{
		"what another table took long ago needs a person", decide,
		"case !o.older(p) && o.unopened(p):", "case o.unopened(p):",
		ledgerTests, "TestNumberOfAnotherTable",
	},
	{
		"another table's money that would not pay needs a person", decide,
		"case p.Balance == 0 || o.misfit(p) || o.End", "case p.Balance == 0 || o.End",
		ledgerTests, "TestStrayMoneyThatPaysNothing",
	},
	{
		"a payment that is less than it was is believed", decide,
		"case back && p.Role != NoRole:", "case back && false:",
		ledgerTests, "TestMoneyThatIsBackAndThereAgain",
	},
	{
		"a lookup that is behind is a contradiction", decide,
		"p.BehindAt.After(p.KnownAt.Add(o.Timing.LookupLag))", "p.BehindAt.After(p.KnownAt)",
		ledgerTests, "TestMoneyThatIsBackAndThereAgain",
	},
	{
		"the next number opens while money may be taken, or is owed", decide,
		"if o.closed() || o.processing() {\n\t\treturn\n\t}\n\tif", "if o.closed() {\n\t\treturn\n\t}\n\tif",
		ledgerTests, "TestWrongMoneyBesideTheReturnedWindow",
	},
	{
		"the next number opens beside a payment that may pay", decide,
		"if slices.ContainsFunc(o.Payments, o.refundedUnseen) {", "if false {",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a number that held money is offered again", decide,
		"used := o.Attempts[n-1].Used || o.captured(n)", "used := o.Attempts[n-1].Used",
		ledgerTests, "TestMoneyThatIsNotTheOrders",
	},
	{
		"an order ends while a window of it may be open", decide,
		"over := !o.LearnedAt.Before(o.Over())", "over := !o.LearnedAt.Before(o.ExpiresAt)",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a number is opened when the order's time is over", decide,
		"case used && !over && n < AttemptsMax:", "case used && n < AttemptsMax:",
		ledgerTests, "TestWrongMoneyUnderBothNumbers",
	},
	{
		"any number of numbers is opened", decide,
		"case used && !over && n < AttemptsMax:", "case used && !over:",
		ledgerTests, "TestLastNumber",
	},
	{
		"an order ends unpaid without a look at its numbers", decide,
		"!over && !used, o.unseen(o.endsFrom()), o.hasNotice():", "!over && !used, o.hasNotice():",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a look from before the windows' end is enough to end", decide,
		"\treturn o.Over()\n}\n\n// unseen says", "\treturn o.ExpiresAt\n}\n\n// unseen says",
		ledgerTests, "TestDecideConditions",
	},
	{
		"an order ends while somebody speaks of a payment", decide,
		", o.hasNotice():", ":",
		ledgerTests, "TestDecideConditions",
	},
	{
		"a cycle ends before its subscription was asked", decide,
		"\tcase o.Cycle && o.Wanted == NotAsked:\n", "",
		ledgerTests, "TestCycleEnds",
	},
	{
		"a cycle that is wanted ends", decide,
		"case o.Cycle && o.Wanted == Yes && n < AttemptsMax:", "case false:",
		ledgerTests, "TestCycleEnds",
	},
	{
		"an attempt begins when its order's time is over", decide,
		"if o.Wanted == Yes && !o.LearnedAt.Before(o.ExpiresAt.Add(-extendBefore)) {", "if false {",
		ledgerTests, "TestCycleEnds",
	},
	{
		"a person decides about an order that is in no review", resolving,
		"case o.End != EndReview:", "case false:",
		ledgerTests, "TestResolve",
	},
	{
		"a person decides about a payment that took nothing", resolving,
		"case p == nil || p.State != Captured:", "case p == nil:",
		ledgerTests, "TestResolvedPayments",
	},
	{
		"money that is not there is kept", resolving,
		"case p.Balance == 0 && r.Keep && p.Role != Kept:", "case false:",
		ledgerTests, "TestResolve",
	},
	{
		"a review that the console emptied never ends", resolving,
		" && p.Role != Kept:", ":",
		ledgerTests, "TestReviewOfWhatTheConsoleRefunded",
	},
	{
		"two payments pay one order", resolving,
		"case r.Keep && paid != nil && paid.Key != r.Key:", "case paid != nil && false:",
		ledgerTests, "TestResolve",
	},
	{
		"what was decided comes back to review by itself", resolving,
		"p.Role, p.Reason, p.Resolved = Surplus, GiveBack, true", "p.Role, p.Reason = Surplus, GiveBack",
		ledgerTests, "TestResolve",
	},
	{
		"what was decided is asked for with the refused request", resolving,
		"		if q.Reply == Refused {", "		if false {",
		ledgerTests, "TestResolve",
	},
	{
		"an order that a person had to end is payable again", resolving,
		"o.End = EndFailed // nobody", "o.End = NoEnd // nobody",
		ledgerTests, "TestResolve",
	},
	{
		"nobody knows who decided", resolving,
		"o.Resolutions = append(slices.Clone(o.Resolutions), r)", "_ = slices.Clone(o.Resolutions)",
		ledgerTests, "TestResolve",
	},
	{
		"a window at work counts as over", outcomes,
		"case p != nil && p.State == Captured, p != nil && p.State == Declined && r.Failed:", "case p != nil:",
		ledgerTests, "TestReturnedFromAWindowAtWork",
	},
	{
		"a lookup that is behind uses a number up", outcomes,
		"case p != nil && p.State == Captured, p != nil && p.State == Declined && r.Failed:", "case p != nil && p.State >= Declined:",
		ledgerTests, "TestReturnFromAWindowThatHadFailed",
	},
	{
		"a payment that shows declined is waited for for an hour", outcomes,
		"case p != nil && p.State == Declined && !looked.Before(r.At.Add(o.Timing.LookupLag)):", "case false:",
		ledgerTests, "TestDecideConditions",
	},
	{
		"an answer from before the return accounts for it", outcomes,
		"\tcase looked.Before(r.At):\n\t\treturn Pending\n\tcase p != nil && p.State == Declined", "\tcase p != nil && p.State == Declined",
		ledgerTests, "TestWrongMoneyBesideTheReturnedWindow",
	},
	{
		"a window lapses while it may still capture", outcomes,
		"case !looked.Before(r.Since.Add(o.Timing.PendingMax)):", "case !looked.Before(r.Since.Add(o.Timing.AbsentMax)):",
		ledgerTests, "TestOtherMoneyBesideAWindowAtWork",
	},
	{
		"a window never lapses", outcomes,
		"\tcase !looked.Before(r.Since.Add(o.Timing.PendingMax)):\n\t\treturn Lapsed\n", "",
		ledgerTests, "TestReloadsDoNotHoldTheOrder",
	},
	{
		"a redirect with an error is believed of a payment it names", outcomes,
		`case r.Failed && r.Key == "" && !o.shows(r.Attempt):`, "case r.Failed && !o.shows(r.Attempt):",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a redirect with an error is believed against what shows", outcomes,
		`case r.Failed && r.Key == "" && !o.shows(r.Attempt):`, `case r.Failed && r.Key == "":`,
		ledgerTests, "TestOpenRequests",
	},
	{
		"a window that nobody knows lapses at once", outcomes,
		"return lapsedIf(!looked.Before(r.At.Add(o.Timing.AbsentMax)))", "return Lapsed",
		ledgerTests, "TestLookupsThatLag",
	},
	{
		"another payment accounts for the one that a return names", outcomes,
		`case r.Key == "" && o.decided(r.Attempt) && o.tells(r, looked):`, "case o.decided(r.Attempt) && o.tells(r, looked):",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a payment at work accounts for a return", outcomes,
		`case r.Key == "" && o.decided(r.Attempt) && o.tells(r, looked):`, `case r.Key == "" && o.tells(r, looked):`,
		ledgerTests, "TestOpenRequests",
	},
	{
		"a list that misses the newest payment accounts for a return", outcomes,
		`case r.Key == "" && o.decided(r.Attempt) && o.tells(r, looked):`, `case r.Key == "" && o.decided(r.Attempt):`,
		ledgerTests, "TestListMissesTheNewest",
	},
	{
		"an approved window that may capture counts as over", outcomes,
		"return lapsedIf(!r.LookedAt.Before(r.At.Add(o.Timing.PendingMax)))", "return lapsedIf(!r.LookedAt.Before(r.At))",
		ledgerTests, "TestApprovalThatNeverCaptures",
	},
	{
		"a payment that is only authenticated ends its confirm", outcomes,
		"case p != nil && p.State == Declined:", "case p != nil && p.State < Captured:",
		ledgerTests, "TestWhatBecameOfARequest",
	},
	{
		"a key that is of no use hides the number", outcomes,
		"case o.missing(r) && o.Attempts[r.Attempt-1].LookedAt.Before(r.At):", "case false:",
		ledgerTests, "TestOpenRequests",
	},
	{
		"the confirm of another order's payment is waited for", outcomes,
		"\tcase r.Elsewhere:\n\t\treturn Denied //", "\tcase false:\n\t\treturn Denied //",
		ledgerTests, "TestElsewhere",
	},
	{
		"every error code counts as a refusal of a confirm", outcomes,
		"case last.Reply == Refused && o.agreed", "case last.Reply >= Unusable && o.agreed",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a confirm without an answer counts as refused", outcomes,
		"case last.Reply == Refused && o.agreed", "case last.Reply != Accepted && o.agreed",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a refusal of a confirm is believed without a look", outcomes,
		"last.Reply == Refused && o.agreed(last) && o", "last.Reply == Refused && o",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a refusal ends a confirm of which another turn may be at work", outcomes,
		" && o.othersHarmless(last):", ":",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a turn that was answered with a 500 counts as harmless", outcomes,
		"harmless := q.Reply == Refused || q.Reply == Untouched", "harmless := q.Reply >= Unusable",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a confirm lapses while an answer may still come", outcomes,
		"return lapsedIf(!last.LookedAt.Before(r.Since.Add(o.Timing.PendingMax)))",
		"return lapsedIf(!last.LookedAt.Before(r.Since.Add(o.Timing.ConfirmWindow)))",
		ledgerTests, "TestReviewLooksForTheConfirmed",
	},
	{
		"a confirm that can take nothing any more is looked for for ever", outcomes,
		"return lapsedIf(!last.LookedAt.Before(r.Since.Add(o.Timing.PendingMax)))", "return Pending",
		ledgerTests, "TestReviewLooksForTheConfirmed",
	},
	{
		"every error code counts as a refusal of a charge", outcomes,
		"case last.Reply == Refused && (last.Turn == 0 || agreed):", "case last.Reply >= Unusable && (last.Turn == 0 || agreed):",
		ledgerTests, "TestChargeRefusals",
	},
	{
		"the refusal of a repeated charge is believed without a look", outcomes,
		"(last.Turn == 0 || agreed):", "true:",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a look from before the refusal agrees with it", outcomes,
		"agreed := o.decided(r.Attempt) && !looked.Before(last.RepliedAt)", "agreed := o.decided(r.Attempt)",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a refusal ends a charge beside a payment at work", outcomes,
		"agreed := o.decided(r.Attempt) && !looked", "agreed := !looked",
		ledgerTests, "TestOpenRequests",
	},
	{
		"any payment under a number is its charge", outcomes,
		" && p.BillingKey == r.Key {", " {",
		ledgerTests, "TestOwnChargeEndsTheDoubt",
	},
	{
		"the first charge's payment says what became of the repetition", outcomes,
		"if r.Turn == 0 && p.Attempt", "if p.Attempt",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a duplicate ends a charge that took the money", outcomes,
		"case last.Reply == Already && agreed && o.captured(r.Attempt):", "case last.Reply == Already && agreed:",
		ledgerTests, "TestRepeatedCharge",
	},
	{
		"a duplicate ends a charge without a look", outcomes,
		"case last.Reply == Already && agreed && o.captured(r.Attempt):", "case last.Reply == Already && o.captured(r.Attempt):",
		ledgerTests, "TestWhatBecameOfARequest",
	},
	{
		"a number that a window has used up is charged for ever", outcomes,
		"case last.Reply == Already && agreed && o.captured(r.Attempt):", "case false:",
		ledgerTests, "TestRepeatedCharge",
	},
	{
		"a charge that nobody finds is given up", outcomes,
		"case !o.closed() && !o.refunded(r.Attempt) && r", "case false && r",
		ledgerTests, "TestChargeIsNotRepeatedEarly",
	},
	{
		"who has been refunded is charged once more", outcomes,
		"case !o.closed() && !o.refunded(r.Attempt) && r", "case !o.closed() && r",
		ledgerTests, "TestChargeBehindAWindow",
	},
	{
		"the charge behind a window that paid is not looked for", outcomes,
		"return lapsedIf(o.decided(r.Attempt) && !looked.Before(last.At.Add(o.Timing.PendingMax)))",
		"return lapsedIf(o.decided(r.Attempt) && !looked.Before(last.At))",
		ledgerTests, "TestChargeBehindAWindow",
	},
	{
		"a webhook is forgotten with a lookup from before it", outcomes,
		"\tcase looked.Before(r.At):\n\t\treturn Pending\n\tcase p != nil && p.State == Captured: //", "\tcase p != nil && p.State == Captured: //",
		ledgerTests, "TestWhatBecameOfARequest",
	},
	{
		"a webhook of a payment that was declined before is forgotten", outcomes,
		"case p != nil && p.State == Captured: //", "case p != nil && p.State >= Declined: //",
		ledgerTests, "TestNoticeOfAPaymentThatHadFailed",
	},
	{
		"an older refund accounts for the webhook of another", outcomes,
		"return p.Balance == 0 || p.Balance < p.Amount && !p.KnownAt.Before(t)", "return p.Balance < p.Amount",
		ledgerTests, "TestSecondPartBehindTheLookup",
	},
	{
		"a webhook that the lookups do not show yet is forgotten", outcomes,
		"return lapsedIf(!looked.Before(r.At.Add(o.Timing.LookupLag)))", "return Lapsed",
		ledgerTests, "TestLookupsThatLag",
	},
	{
		"a refund that the lookups do not show yet is forgotten", outcomes,
		"if !r.Canceled || p.tellsOfRefund(r) {", "if true {",
		world, "TestScenarios/console-refund",
	},
	{
		"a webhook about nothing is looked up for ever", outcomes,
		"return lapsedIf(!looked.Before(r.At.Add(o.Timing.LookupLag)))", "return Pending",
		ledgerTests, "TestContradictionWhileSearching",
	},
	{
		"a cancel without an answer counts as made", outcomes,
		"case r.Reply == Accepted, p.lists", "case r.Reply == Accepted, r.Reply == NoReply, p.lists",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a refused refund that was carried out is denied", outcomes,
		"case r.Reply == Refused && !p.SeenAt.Before(o.refusalHolds(r)):", "case r.Reply == Refused:",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a refund that the provider makes only later is denied", translation,
		"case r.Kind == ledger.Cancel && a.Class == provider.ClassLater:", "case false:",
		world, "TestScenarios",
	},
	{
		"a refund that the provider makes only later is asked for every half minute", statuses,
		"		return r.Since\n", "		return r.At\n",
		ledgerTests, "TestRefundAskedForAgain",
	},
	{
		"the lost answer to a late turn of a refund waits for the pause of the first", statuses,
		"r.Kind == Cancel && r.Reply > Busy", "r.Kind == Cancel",
		ledgerTests, "TestPausesOfALostAnswer",
	},
	{
		"what a person gives back waits for the pause of its capture", statuses,
		"since := later(p.KnownAt, o.decidedAt(p.Key))", "since := p.KnownAt",
		ledgerTests, "TestKeptBesideACancel",
	},
	{
		"nobody hears of a number that is never read", statuses,
		"return t.Add(24 * time.Hour)", "return t.Add(24 * 365 * time.Hour)",
		ledgerTests, "TestNumberThatIsNeverRead",
	},
	{
		"a refund that is not made for an hour is on no list", "shared/order/attention.go",
		"|| old(o.Ledger.RefundingSince())", "|| false",
		"./shared/order", "TestRefundNeedsAttention",
	},
	{
		"every visit asks for a refund that is refused for now", plan,
		"case last.Reply > Busy && now.Before(after(last.Since, last.RepliedAt)):", "case false:",
		ledgerTests, "TestRefundRefusedForNow",
	},
	{
		"a visit that has sent enough ends, and learns of nothing else", plan,
		"case v.Spent:", "case false:",
		ledgerTests, "TestRefundRefusedForNow",
	},
	{
		"a refund whose copy is at work is sent under another idempotency key", plan,
		"if last.Reply <= Busy &&", "if last.Reply == NoReply &&",
		ledgerTests, "TestTurnsOfARefund",
	},
	{
		"a cancel whose copy is at work waits for no answer of it", plan,
		"last.Reply <= Busy && now", "last.Reply == NoReply && now",
		ledgerTests, "TestTurnsOfARefund",
	},
	{
		"a refund is denied that a lookup may not show yet", outcomes,
		"p.Balance >= r.Balance && !p.SeenAt.Before(r.RepliedAt.Add(o.Timing.LookupLag))", "p.Balance >= r.Balance",
		ledgerTests, "TestRefundRefusedForAWeek",
	},
	{
		"a refund is denied of which a part is gone", outcomes,
		"return p.Balance >= r.Balance && ", "return ",
		ledgerTests, "TestRefundRefusedForAWeek",
	},
	{
		"a refund is denied that nobody has asked for since", outcomes,
		"r.Reply != Untouched || r.RepliedAt.Before(", "r.Reply != Untouched || p.SeenAt.Before(",
		ledgerTests, "TestRefundRefusedForAWeek",
	},
	{
		"a refund that waited for others is denied at its first refusal", "shared/ledger/intend.go",
		"if r.Since = q.Since; q.unsent() {", "if r.Since = q.Since; false {",
		ledgerTests, "TestWeekBeginsWithTheFirstTurn",
	},
	{
		"a refund long after the last look raises the alarm", statuses,
		"t = later(t, p.KnownAt)", "_ = p",
		ledgerTests, "TestNumberThatARefundMakesUnread",
	},
	{
		"refunds put off the alarm of a number that was never read", statuses,
		"p != nil && !a.LookedAt.IsZero()", "p != nil",
		ledgerTests, "TestNumberThatIsNeverRead",
	},
	{
		"refunds put off the alarm of a request that was never answered", statuses,
		"	if doubt {", "	if doubt && false {",
		ledgerTests, "TestNumberThatIsNeverRead",
	},
	{
		"a person's decision raises the alarm", statuses,
		"t = later(t, o.decidedAt(\"\"))", "_ = o",
		ledgerTests, "TestNumberThatARefundMakesUnread",
	},
	{
		"a refund is asked for for ever", outcomes,
		"case o.hopeless(r, *p):", "case false:",
		ledgerTests, "TestRefundRefusedForAWeek",
	},
	{
		"a payment that may have been given back is kept unseen", "shared/ledger/resolve.go",
		"*o = o.noted(Request{", "_ = o.noted(Request{",
		ledgerTests, "TestKeptBesideACancel",
	},
	{
		"the refusal of a repetition denies what the request before it has refunded", outcomes,
		"repeated := r.Turn > 0 &&", "repeated := r.Turn < 0 &&",
		world, "TestRefundMadeBehindItsRefusal",
	},
	{
		"the refusal of a cancel that was sent twice denies what it has refunded", outcomes,
		"repeated || !r.RepliedAt.Before(r.At.Add(cancelPause))", "repeated",
		ledgerTests, "TestRefusalOfARepetition",
	},
	{
		"a cancel is sent again after a refusal", plan,
		"	case last.Reply == Refused:\n\t\treturn none // a later lookup decides\n", "",
		ledgerTests, "TestRefusalOfARepetition",
	},
	{
		"every error code denies a refund", outcomes,
		"case r.Reply == Refused && !p.SeenAt", "case r.Reply >= Unusable && !p.SeenAt",
		ledgerTests, "TestConsoleRefundsAPartMeanwhile",
	},
	{
		"a refund of more than is left is asked for for ever", outcomes,
		`case r.RefundID != "" && p.Balance < r.Amount && p.SeenAt.After(r.At):`, "case false:",
		ledgerTests, "TestClosedRequests",
	},
	{
		"the console's refund is taken for ours although the provider lists them", outcomes,
		`if r.RefundID != "" && p.ListsRefunds {`, "if false {",
		ledgerTests, "TestOpenRequests",
	},
	{
		"less that is left says that a larger refund was made", outcomes,
		"return p.Balance <= r.Balance-r.Amount", "return p.Balance < r.Balance",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a refund whose reply is lost is made twice", outcomes,
		", p.lessBy(r):", ":",
		ledgerTests, "TestWhatBecameOfARequest",
	},
	{
		"a window that was left open is decided at once", outcomes,
		"return p.KnownAt.Add(SearchMax)", "return time.Time{}",
		ledgerTests, "TestOpenRequests",
	},
	{
		"a window that was left open is asked about for ever", outcomes,
		"return p.KnownAt.Add(SearchMax)", "return p.KnownAt.Add(30 * SearchMax)",
		ledgerTests, "TestSearchEnds",
	},
	{
		"a failed payment that leaves its outcome open counts as decided", outcomes,
		"return p.KnownAt.Add(o.Timing.PendingMax)", "return time.Time{}",
		ledgerTests, "TestOpenRequests",
	},
	{
		"anybody's webhook keeps the buyer from paying", outcomes,
		"case r.Kind == Notice || r.Kind == Cancel || o", "case r.Kind == Cancel || o",
		ledgerTests, "TestLookupsThatLag",
	},
	{
		"who is back from a window is asked to pay again", outcomes,
		"return !o.leftAlone(r)", "return false",
		ledgerTests, "TestSecondTab",
	},
	{
		"a window that nobody could look up counts as left", outcomes,
		"if looked.Before(r.At) || doubtful || usedUp {", "if doubtful || usedUp {",
		ledgerTests, "TestUnreadableNumber",
	},
	{
		"a window whose money is unclear counts as left", outcomes,
		"if looked.Before(r.At) || doubtful || usedUp {", "if looked.Before(r.At) || doubtful && false || usedUp {",
		ledgerTests, "TestOtherMoneyBesideAWindowAtWork",
	},
	{
		"a window under a number that held money counts as left", outcomes,
		"if looked.Before(r.At) || doubtful || usedUp {", "if looked.Before(r.At) || doubtful || usedUp && false {",
		ledgerTests, "TestOtherMoneyBesideAWindowAtWork",
	},
	{
		"an order is open while money is owed", outcomes,
		"return len(o.surplus()) > 0 || slices", "return slices",
		ledgerTests, "TestReturnWhileMoneyIsOwed",
	},
	{
		"retired keys ask for money", plan,
		"return !v.Retired || s.Request.Kind == Cancel", "return true",
		ledgerTests, "TestRetiredKeys",
	},
	{
		"who did not write the request sends it", plan,
		"if !r.At.Equal(v.Fresh.At) || !o.inTime(r, now) {", "if !o.inTime(r, now) {",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a worker that stood still sends all the same", plan,
		"if !r.At.Equal(v.Fresh.At) || !o.inTime(r, now) {", "if !r.At.Equal(v.Fresh.At) {",
		ledgerTests, "TestFrozenBeforeTheConfirm",
	},
	{
		"what this visit has learned does not keep its request from being sent", plan,
		"if overtaken && r.Kind != Cancel {", "if overtaken && false {",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"a request that is decided is sent", plan,
		"if i < 0 || o.outcomeOf(o.Requests[i]) != Pending {", "if i < 0 {",
		ledgerTests, "TestPlanConditions",
	},
	{
		"money is asked for after the provider's window", plan,
		"return now.Before(r.Since.Add(o.Timing.ConfirmWindow))", "return true",
		ledgerTests, "TestFrozenBeforeTheConfirm",
	},
	{
		"each turn of a confirm begins the provider's window anew", plan,
		"return now.Before(r.Since.Add(o.Timing.ConfirmWindow))", "return now.Before(r.At.Add(o.Timing.ConfirmWindow))",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"a charge leaves however late it has become", plan,
		"return now.Before(r.At.Add(ChargeSendMax))", "return true",
		ledgerTests, "TestFrozenBeforeTheConfirm",
	},
	{
		"money is given back while a person is to decide", plan,
		"\t\tif o.End == EndReview {\n\t\t\tbreak\n\t\t}\n\t\tr := Request", "\t\tr := Request",
		ledgerTests, "TestCancelAgain",
	},
	{
		"a merchant's refund is made while a person is to decide", plan,
		"if p == nil || i < 0 || o.End == EndReview {", "if p == nil || i < 0 {",
		ledgerTests, "TestCancelAgain",
	},
	{
		"a request to give back is repeated without a look", plan,
		"\tif s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {\n\t\treturn s\n\t}\n\tp := o.payment(r.Key)", "\tp := o.payment(r.Key)",
		ledgerTests, "TestReturnWhileMoneyIsOwed",
	},
	{
		"a request to give back is repeated after a lookup without an answer", plan,
		"case p.SeenAt.Before(v.Began):\n\t\treturn none // the lookup brought nothing\n\tcase last.unsent(): // it goes out with the balance as it is now\n\t\tr.Turn = 1\n\t\treturn Step{Do: Send}\n\tcase !p.SeenAt.After(last.At), ", "case p == nil, last.unsent(): // it goes out with the balance as it is now\n\t\tr.Turn = 1\n\t\treturn Step{Do: Send}\n\tcase ",
		ledgerTests, "TestReturnOutlivesAnOutage",
	},
	{
		"a lookup of another visit is enough to give back again", plan,
		"case p.SeenAt.Before(v.Began):\n\t\treturn none // the lookup brought nothing\n\t", "",
		ledgerTests, "TestReturnOutlivesAnOutage",
	},
	{
		"what follows from the order without news is not written", visits,
		" || !w.Stored.complete()", "",
		charges, "TestNewsAtTheEnd",
	},
	{
		"a number that another system has is taken for its own when PortOne did not say so at first", "shared/payment/create.go",
		"stored.Revision == 1:", "made:",
		world, "TestNumberOfAnotherSystemFoundLater",
	},
	{
		"a return names what can never be looked up", returned,
		"if provider.IsImpUID(r.Key) {", "if _ = provider.IsImpUID; isPaymentKey(r.Key) {",
		charges, "TestCraftedReturnOfACycle",
	},
	{
		"a cancel is repeated although another process has just made it", plan,
		"case !p.SeenAt.After(last.At), last", "case last",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"a cancel is repeated while it may be on its way", plan,
		"case !p.SeenAt.After(last.At), last.Reply <= Busy && now.Before(last.At.Add(cancelPause)):", "case !p.SeenAt.After(last.At):",
		ledgerTests, "TestReturnWhileMoneyIsOwed",
	},
	{
		"a cancel without an answer is repeated as another request", plan,
		"if last.Reply <= Busy && last.Balance == r.Balance {", "if false {",
		ledgerTests, "TestCancelAgain",
	},
	{
		"the old sum is asked for again", plan,
		"if last.Reply <= Busy && last.Balance == r.Balance {", "if last.Reply <= Busy {",
		ledgerTests, "TestCancelAgain",
	},
	{
		"the answer that the provider keeps is asked for again", plan,
		"if last.Reply <= Busy && last.Balance == r.Balance {", "if last.Balance == r.Balance {",
		ledgerTests, "TestCancelAgain",
	},
	{
		"a refund is repeated without a look", plan,
		"if s := o.again(&r, last, now, v); s.Do != Send {", "if s := (Step{}); last.Turn < 0 {",
		ledgerTests, "TestRacingRefunds",
	},
	{
		"a refund names the old balance", plan,
		"r.At, r.Balance = now, p.Balance", "r.At = now",
		ledgerTests, "TestRacingRefunds",
	},
	{
		"a refund of more than is left is sent", plan,
		"\tif r.Amount > p.Balance {\n\t\treturn none // the console", "\tif false {\n\t\treturn none // the console",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a confirm is repeated without a look", plan,
		"\t\tif s := look(v, Lookup{Key: r.Key}); s.Do == LookUp {\n\t\t\treturn s\n\t\t}\n\t\tif s := look(v, Lookup{Attempt: r.Attempt}); o.missing",
		"\t\tif s := look(v, Lookup{Attempt: r.Attempt}); o.missing",
		ledgerTests, "TestReviewLooksForTheConfirmed",
	},
	{
		"a confirm is repeated after a lookup without an answer", plan,
		", r.LookedAt.Before(later(r.At, r.RepliedAt)):", ":",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a confirm is repeated after a lookup from before its answer", plan,
		"r.LookedAt.Before(later(r.At, r.RepliedAt)):", "r.LookedAt.Before(r.At):",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"a confirm is repeated after a refusal", plan,
		"case refused, r.Elsewhere, r.Reply == Already:", "case refused && false, r.Elsewhere, r.Reply == Already:",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a confirm is repeated after the refusal of an earlier turn", plan,
		"return q.sibling(r) && q.Reply == Refused })\n\tswitch", "return q.is(r) && q.Reply == Refused })\n\tswitch",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"another order's payment is confirmed again", plan,
		"case refused, r.Elsewhere, r.Reply == Already:", "case refused, r.Reply == Already:",
		ledgerTests, "TestPlanConditions",
	},
	{
		"what was confirmed already is confirmed again", plan,
		"case refused, r.Elsewhere, r.Reply == Already:", "case refused, r.Elsewhere:",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a confirm is repeated although another payment has paid", plan,
		"case o.closed(), r.Turn >= turnsMax, r", "case r.Turn >= turnsMax, r",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a confirm is repeated for ever", plan,
		"case o.closed(), r.Turn >= turnsMax, r", "case o.closed(), r",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a confirm is repeated after the provider's window", plan,
		"\treturn o.inTime(r, now)\n}\n\n// turnsMax", "\treturn true\n}\n\n// turnsMax",
		ledgerTests, "TestReviewLooksForTheConfirmed",
	},
	{
		"a confirm without an answer is repeated with another idempotency key", plan,
		"if r.Reply == NoReply || r.Reply == Busy {", "if false {",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a confirm that is at work is repeated with another idempotency key", plan,
		"if r.Reply == NoReply || r.Reply == Busy {", "if r.Reply == NoReply {",
		ledgerTests, "TestConfirmRepeats",
	},
	{
		"a repeated confirm has all the time again", plan,
		"Key: r.Key, Since: r.Since, Amount: r.Amount}", "Key: r.Key, Since: now, Amount: r.Amount}",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"the payment that a return names is not looked up", plan,
		"return o.payment(r.Key) == nil && !o.Attempts[r.Attempt-1].LookedAt.Before(r.At)\n", "return false\n",
		ledgerTests, "TestNumberNeverOpened",
	},
	{
		"a webhook without a key is not looked up", plan,
		`return r.Key == "" || o.missing(r) && o`, "return o.missing(r) && o",
		ledgerTests, "TestNoticeWithoutAKey",
	},
	{
		"a webhook whose payment its key does not show is believed to be of nothing", plan,
		`return r.Key == "" || o.missing(r) && o.Attempts[r.Attempt-1].LookedAt.Before(r.At)`, `return r.Key == ""`,
		ledgerTests, "TestLooks",
	},
	{
		"a charge is repeated while it may be at work", plan,
		"if !gone || !o.decided(r.Attempt) || len", "if !gone && false || !o.decided(r.Attempt) || len",
		ledgerTests, "TestChargeIsNotRepeatedEarly",
	},
	{
		"a charge is repeated too soon after its answer", plan,
		"later(r.At, r.RepliedAt).Add(o.Timing.PendingMax))\n\tif !gone", "r.At.Add(o.Timing.PendingMax))\n\tif !gone",
		ledgerTests, "TestWhatIsSentAgain",
	},
	{
		"a charge is repeated beside a payment at work", plan,
		"if !gone || !o.decided(r.Attempt) || len", "if !gone || len",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a charge is repeated while money under its number is owed", plan,
		"|| len(o.surplus()) > 0 {\n\t\treturn none\n\t}\n\tif !now", "{\n\t\treturn none\n\t}\n\tif !now",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a charge is repeated that nobody wants", plan,
		"if !now.Before(v.Repeat) || o.begun(r.Attempt) {", "if o.begun(r.Attempt) {",
		ledgerTests, "TestChargeIsNotRepeatedEarly",
	},
	{
		"a charge is repeated that has begun", plan,
		"if !now.Before(v.Repeat) || o.begun(r.Attempt) {", "if !now.Before(v.Repeat) {",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a repeated charge is the same request", plan,
		"Turn: r.Turn + 1, At: now, Since: r.Since,\n", "Turn: r.Turn, At: now, Since: r.Since,\n",
		ledgerTests, "TestRepeatedCharge",
	},
	{
		"a further number is charged while another worker is at the order", plan,
		"if v.Charge == nil || o.Status() != Open {", "if v.Charge == nil {",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a further number is charged without a look at those before", plan,
		"\t\tif s := look(v, Lookup{Attempt: n}); s.Do == LookUp {\n\t\t\treturn s\n\t\t}\n\t\tif o.Attempts", "\t\tif o.Attempts",
		ledgerTests, "TestNextNumberOfACycle",
	},
	{
		"a further number is charged although one before could not be looked up", plan,
		"if o.Attempts[n-1].LookedAt.Before(v.Began) {", "if false {",
		ledgerTests, "TestNextNumberOfACycle",
	},
	{
		"a worker charges another number than it claimed", plan,
		"if v.Charge.Attempt != o.Current() || !v", "if !v",
		ledgerTests, "TestPlanConditions",
	},
	{
		"a worker charges after its claim is over", plan,
		"v.Charge.Attempt != o.Current() || !v.Repeat.IsZero() && !now.Before(v.Repeat) {", "v.Charge.Attempt != o.Current() {",
		ledgerTests, "TestPlanConditions",
	},
	{
		"nobody looks once more at the numbers of a paid order", plan,
		"if o.hasLastLook() {", "if false {",
		ledgerTests, "TestLastLook",
	},
	{
		"the last look is at the current number only", plan,
		"if o.hasLastLook() {", "if o.hasLastLook() && attempt == o.Current() {",
		ledgerTests, "TestNoEndWithoutALook",
	},
	{
		"the last look is before the windows are over", plan,
		"\t\treturn p.KnownAt.Add(OpenGrace)\n", "\t\treturn p.KnownAt\n",
		ledgerTests, "TestLastLook",
	},
	{
		"a number whose request was never answered is not looked at again", plan,
		"return a.DoubtAt.Add(DoubtMax)", "return time.Time{}",
		ledgerTests, "TestNeverAnswered",
	},
	{
		"a number is looked at again only when another follows", plan,
		"if t := o.Attempts[attempt-1].doubtLook(); !t", "if t := o.Attempts[attempt-1].doubtLook(); attempt < o.Current() && !t",
		ledgerTests, "TestNeverAnswered",
	},
	{
		"a lookup that agreed with a refusal is believed for good", plan,
		"if attempt < o.Current() && !o.Timing.windowCaptures() {", "if attempt < 0 && !o.Timing.windowCaptures() {",
		ledgerTests, "TestRefusalThatLiesBehindALookup",
	},
	{
		"a number is looked at again in review", plan,
		"\tif o.End == EndReview {\n\t\treturn times", "\tif false {\n\t\treturn times",
		ledgerTests, "TestNoAlarmOfALookNobodyMade",
	},
	{
		"one number at a time is looked at again", plan,
		"\t\t\tattempts = append(attempts, n)\n", "\t\t\treturn []int{n}\n",
		ledgerTests, "TestOneNumberUnreadable",
	},
	{
		"a confirm that was given up is not doubted", decide,
		"return end != Shown || r.Kind == Charge", "return r.Kind == Charge",
		world, "TestConfirmCarriedOutLate",
	},
	{
		"a charge whose repetition took the money is not doubted", decide,
		" || r.Kind == Charge && o.lastCharge(r.Attempt).Turn > r.Turn", "",
		charges, "TestChargeCarriedOutLate",
	},
	{
		"an answered request is doubted", decide,
		"case r.Reply == Untouched || r.Reply == Refused || r.Reply == Accepted:", "case false:",
		ledgerTests, "TestNeverAnswered",
	},
	{
		"what was never answered is forgotten by the table", "shared/store/internal/item/ledger.go",
		"Code: a.Code, DoubtAt: Time(a.DoubtAt),", "Code: a.Code,",
		world, "TestConfirmCarriedOutLate",
	},
	{
		"a payment that is gone still pays", statuses,
		"case p != nil && p.Balance == 0:", "case false:",
		ledgerTests, "TestRefunds",
	},
	{
		"an order in review is called paid", statuses,
		"case o.End == EndReview:\n\t\treturn Review", "case o.End == EndReview && p == nil:\n\t\treturn Review",
		ledgerTests, "TestSurplusIsBounded",
	},
	{
		"an order is open while money may be taken", statuses,
		"case o.processing():", "case false:",
		ledgerTests, "TestStatusTable",
	},
	{
		"a number that is used up is offered", statuses,
		"o.Status() == Open && !o.Attempts[n-1].Used {", "o.Status() == Open {",
		ledgerTests, "TestIntentConditions",
	},
	{
		"a pending request has no due time", statuses,
		"if o.outcomeOf(r) == Pending && (r.Kind != Cancel || o.End != EndReview) {", "if false {",
		ledgerTests, "TestStatusTable",
	},
	{
		"what is owed has no due time", statuses,
		"\tfor _, p := range o.surplus() {\n\t\tif o.End != EndReview {", "\tfor _, p := range o.surplus() {\n\t\tif false {",
		ledgerTests, "TestLooks",
	},
	{
		"what lies in review is due for ever", statuses,
		" && (r.Kind != Cancel || o.End != EndReview) {", " {",
		ledgerTests, "TestWhatIsDue",
	},
	{
		"the last look has no due time", statuses,
		"\tfor _, t := range o.nextLooks() {\n\t\tat(", "\tfor _, t := range o.nextLooks()[:0] {\n\t\tat(",
		ledgerTests, "TestLastLook",
	},
	{
		"a last look that could not be made is not made later", statuses,
		"at(o.from(t))", "if o.LearnedAt.Before(t) {\n\t\t\tat(t)\n\t\t}",
		ledgerTests, "TestWhatIsDue",
	},
	{
		"an order that is not closed has no due time", statuses,
		"\tif !o.closed() {\n\t\tat(o.openDue())", "\tif false {\n\t\tat(o.openDue())",
		ledgerTests, "TestWhatIsDue",
	},
	{
		"nobody is told of what is unclear for an hour", statuses,
		"!leftAlone && !now.Before(r.Since.Add(time.Hour)) {", "!leftAlone && false {",
		ledgerTests, "TestAlarm",
	},
	{
		"a second capture is not told of beside a doubt", oneLoop,
		"case len(after.Reversals) > len(before.Reversals):", "case len(after.Reversals) > len(before.Reversals) && !after.Ledger.Unsettled(s.now()):",
		"./shared/payment", "TestReversalBesideADoubt",
	},
	{
		"nobody is told of a number that cannot be read", statuses,
		"\tif o.unread() {", "\tif false {",
		ledgerTests, "TestOneNumberUnreadable",
	},
	{
		"a look that nobody made is an alarm", statuses,
		"if !o.LearnedAt.Before(o.tellFrom(a, t)) {", "if !o.LearnedAt.Before(o.tellFrom(a, t).Add(-year)) {",
		ledgerTests, "TestNoAlarmOfALookNobodyMade",
	},
	{
		"a look that nobody will make is an alarm", plan,
		"if o.End == EndReview {\n\t\treturn times", "if false {\n\t\treturn times",
		ledgerTests, "TestNoAlarmOfALookNobodyMade",
	},
	{
		"each number that cannot be read has pauses of its own", statuses,
		"\t\t\t\tpast = t\n", "\t\t\t\ttimes = append(times, t)\n",
		ledgerTests, "TestUnreadableNumbersShareTheirPauses",
	},
	{
		"nobody is told of money that does not go back", statuses,
		"\t\tif !now.Before(p.KnownAt.Add(time.Hour)) {", "\t\tif p.Key == \"\" {",
		ledgerTests, "TestAlarm",
	},
	{
		"each repetition puts the alarm off", statuses,
		"!leftAlone && !now.Before(r.Since.Add(time.Hour)) {", "!leftAlone && !now.Before(r.At.Add(time.Hour)) {",
		ledgerTests, "TestWhatIsDue",
	},
	{
		"the intent is not written before the call", visits,
		"\treturn s, &intended\n", "\treturn s, nil\n",
		ledgerTests, "TestNothingUnwrittenIsSent",
	},
	{
		"what the ledger refuses is sent all the same", visits,
		"\t\treturn Step{Do: Wait}, nil\n", "\t\treturn s, nil\n",
		ledgerTests, "TestNothingUnwrittenIsSent",
	},
	{
		"what was learned is lost when somebody else was faster", visits,
		"\tw.Stored = o\n\treturn w\n", "\tw.Stored, w.Answers = o, nil\n\treturn w\n",
		ledgerTests, "TestConflictForgetsNothing",
	},
	{
		"what somebody said is lost when somebody else was faster", visits,
		"\tw.Stored = o\n\treturn w\n", "\tw.Stored, w.Noted = o, nil\n\treturn w\n",
		ledgerTests, "TestConflictForgetsNothing",
	},
	{
		"a lookup from before a request says what became of it", visits,
		"w.Visit.Looked, w.Visit.Fresh, w.Visit.Charge = nil, nil, nil", "w.Visit.Fresh, w.Visit.Charge = nil, nil",
		ledgerTests, "TestReturnsThatGoWrong",
	},
	{
		"who has sent its request sends it again", visits,
		"w.Visit.Looked, w.Visit.Fresh, w.Visit.Charge = nil, nil, nil", "w.Visit.Looked, w.Visit.Charge = nil, nil",
		ledgerTests, "TestReturnsThatGoWrong",
	},
	{
		"the loop does not write the intent before the call", oneLoop,
		"if write != nil {", "if write != nil && false {",
		payments, "TestCancelIsWrittenBeforeTheCall",
	},
	{
		"the clock is not looked at again after the intent was written", oneLoop,
		"\t\t\tcontinue // planned anew: the clock may have moved while it was written\n", "",
		payments, "TestNothingIsSentAfterASlowWrite",
	},
	{
		"a failing provider is asked for money thirty times in one visit", oneLoop,
		"j.work.Visit.Spent = sends == sendsMax", "j.work.Visit.Spent = false",
		world, "TestFailingProviderIsNotHammered",
	},
	{
		"what was learned is thrown away when somebody else has written", oneLoop,
		"\tfor range savesMax {\n\t\tif !j.work.Changed() {", "\tfor range 1 {\n\t\tif !j.work.Changed() {",
		payments, "TestHintsOfTwoPayments",
	},
	{
		"a charge is written that there is no time to send", oneLoop,
		" && tooLate(calls, step.Request) {", " && false {",
		charges, "TestNoTimeLeftAfterTheLook",
	},
	{
		"an order is asked about with another account's keys", oneLoop,
		"case ok && otherAccount(g, o.Account):", "case false:",
		world, "TestOrderSettlesUnderAnotherAccountsKeys",
	},
	{
		"retired keys are not known to be retired", oneLoop,
		"\tj.work.Visit.Retired = otherAccount(s.Gateways[o.Provider], o.Account)\n", "",
		payments, "TestPreviousKeysConfirmNothing",
	},
	{
		"today's account is compared with money of the account before", oneLoop,
		"if otherAccount(g, o.Account) {\n\t\tt.Account", "if false {\n\t\tt.Account",
		payments, "TestGoverned",
	},
	{
		"a provider that is taken out makes its orders end", oneLoop,
		"\t\tt.Timing = ledger.Endless // nobody", "\t\t// nobody",
		payments, "TestGoverned",
	},
	{
		"money of any account pays", oneLoop,
		"s.KeepLate, merchantOf(g.Account)", `s.KeepLate, ""`,
		payments, "TestGoverned",
	},
	{
		"the idempotency key is another one at each call", oneLoop,
		"number, r.Turn, short(r.Key)),", "number, time.Now().UnixNano(), short(r.Key)),",
		payments, "TestConfirmsIdempotencyKey",
	},
	{
		"every turn has one idempotency key", oneLoop,
		"number, r.Turn, short(r.Key)),", "number, 0, short(r.Key)),",
		world, "TestConfirmRepeatsItsKey",
	},
	{
		"every payment of a number has one idempotency key", oneLoop,
		"number, r.Turn, short(r.Key)),", "number, r.Turn, short(number)),",
		payments, "TestConfirmsIdempotencyKey",
	},
	{
		"two refunds of one payment have one idempotency key", oneLoop,
		`id, reason = "refund:"+r.RefundID, cmp`, `id, reason = "refund", cmp`,
		payments, "TestCancelOfOneRefund",
	},
	{
		"a refund does not say what must be left", oneLoop,
		"Amount: r.Amount, Balance: r.Balance, Reason", "Amount: r.Amount, Reason",
		payments, "TestCancelOfOneRefund",
	},
	{
		"money goes back without the parts of its tax", oneLoop,
		"\t\tc.TaxFree = tax.Free\n", "",
		world, "TestCancelNamesItsTax",
	},
	{
		"money of another amount goes back with our window's parts", oneLoop,
		"if tax := o.Extras.Tax; r.Amount == o.Amount.Value {", "if tax := o.Extras.Tax; true {",
		world, "TestCancelNamesItsTax",
	},
	{
		"nobody may look at an order with these keys, and everybody tries all the time", oneLoop,
		"if ready != nil && len(j.work.Answers) == 0 {", "if false {",
		world, "TestOtherKeysAreNotTriedAllTheTime",
	},
	{
		"a lookup from the millisecond of a reply counts as after it", oneLoop,
		"\tj.last = j.last.Add(time.Millisecond)\n\tif now := j.now(); now.After(j.last) {", "\tif now := j.now(); true {",
		payments, "TestRefusedWithinAMillisecond",
	},
	{
		"what the deployment says of late money is not asked", oneLoop,
		"s.KeepLate, merchantOf", "false, merchantOf",
		payments, "TestGoverned",
	},
	{
		"a charge does not say until when it may leave", oneLoop,
		"NotAfter: r.At.Add(ledger.ChargeSendMax),", "",
		charges, "TestChargeSaysUntilWhen",
	},
	{
		"a request is written, and nobody sends it", oneLoop,
		"j.work = j.work.Written(j.record.Ledger, &fresh)", "j.work = j.work.Written(j.record.Ledger, nil); _ = fresh",
		payments, "TestCancelIsWrittenBeforeTheCall",
	},
	{
		"a review raises no alarm", oneLoop,
		"case after.Status == order.Review && before.Status != order.Review:", "case false:",
		payments, "TestRefusedWithinAMillisecond",
	},
	{
		"money that is unclear for an hour raises no alarm", oneLoop,
		"case after.Ledger.Unsettled(s.now()):", "case false:",
		payments, "TestAlarmOfWhatIsUnclear",
	},
	{
		"a write that was refused is repeated as it was", oneLoop,
		"\tcase errors.Is(err, ErrConflict):\n\t\tj.stands(stored)\n", "\tcase errors.Is(err, ErrConflict):\n",
		payments, "TestRefundBehindAnotherWrite",
	},
	{
		"a redirect names another order's number", "shared/payment/confirm.go",
		"if err != nil || number.OrderID() != r.OrderID {", "if err != nil {",
		world, "TestMalformedReturns",
	},
	{
		"an order is claimed that nobody can confirm", "shared/payment/confirm.go",
		"err != nil {\n\t\treturn s.unready(ctx, r, err)", "false && err != nil {\n\t\treturn s.unready(ctx, r, err)",
		world, "TestUnusableSecret",
	},
	{
		"a lease is over at once", "shared/payment/advance.go",
		"At: now, Until: now.Add(CallMax + SettleKeep)}", "At: now, Until: now}",
		payments, "TestOneAsksForAll",
	},
	{
		"another order's payment is learned as this one's", translation,
		"case n == 0:", "case n == -1:",
		payments, "TestLearnedPayments",
	},
	{
		"an issuance is a payment", translation,
		"state != 0 && !p.Issuance", "state != 0",
		payments, "TestIssuanceIsNoPayment",
	},
	{
		"no answer is a readable one", translation,
		"l.Readable = a.Verdict != provider.Unknown || a.Payment.Issuance", "l.Readable = true",
		payments, "TestLearnedPayments",
	},
	{
		"a failure that leaves the money open is a decline", translation,
		"return ledger.Doubtful", "return ledger.Declined",
		payments, "TestLearnedPayments",
	},
	{
		"an unlisted code is a refusal", translation,
		"\treturn ledger.Unusable\n", "\treturn ledger.Refused\n",
		payments, "TestReplies",
	},
	{
		"no answer is a refusal", translation,
		"\tcase !a.Answered():\n\t\treturn ledger.NoReply", "\tcase !a.Answered():\n\t\treturn ledger.Refused",
		payments, "TestReplies",
	},
	{
		"a request that is at work counts as refused", translation,
		"return ledger.Busy", "return ledger.Refused",
		payments, "TestReplies",
	},
	{
		"a refusal of our key is one of the payment", translation,
		"case a.Class == provider.ClassCredentials:\n\t\treturn ledger.Untouched", "case a.Class == provider.ClassCredentials:\n\t\treturn ledger.Refused",
		payments, "TestReplies",
	},
	{
		"a charge of a key that is not known is refused", translation,
		"case r.Kind == ledger.Confirm && a.Verdict == provider.Absent:", "case a.Verdict == provider.Absent:",
		payments, "TestReplies",
	},
	{
		"a refund that shows no refund is made", translation,
		"return a.Verdict == provider.Paid && r.Kind != ledger.Cancel", "return a.Verdict == provider.Paid",
		payments, "TestReplies",
	},
	{
		"a claim without its link", claiming,
		"case !o.LinkTokenMatches(c.LinkToken), o.Provider", "case o.Provider",
		world, "TestUnknownOrderAndWrongLinkAreTheSamePage",
	},
	{
		"a claim through another provider's door", claiming,
		", o.Provider != c.Provider, o.BillingKey", ", o.BillingKey",
		"./shared/store/memstore", "TestConformance",
	},
	{
		"a claim of an attempt that is over", claiming,
		"case o.Attempt != c.Attempt:", "case false:",
		"./shared/store/memstore", "TestConformance",
	},
	{
		"a claim whose process dies is never looked at", claiming,
		"Processing, c.At, ClaimDue(c) //", "Processing, c.At, time.Time{} //",
		"./shared/store/memstore", "TestConformance",
	},
	{
		"no lease: everybody asks at once", claiming,
		"case o.AskAfter.After(l.At):", "case false:",
		payments, "TestFloodOfCopies",
	},
	{
		"a closed order is leased by anybody", claiming,
		"case o.Final() && !l.Final:", "case false:",
		"./shared/store/memstore", "TestConformance",
	},
	{
		"a tampered amount is claimed", "shared/payment/confirm.go",
		"case refusal.Reason == order.WrongAmount:", `case refusal.Reason == "":`,
		world, "TestTamperedAmount",
	},
	{
		"a return through another provider's door", returned,
		"; !ok || o.Provider != r.Provider {", "; !ok {",
		world, "TestReturnThroughAnotherProvidersDoor",
	},
	{
		"a return from the first tab asks about the second tab's number", returned,
		"n > 0 && n < o.Attempt {", "n < 0 {",
		world, "TestReturnFromTheFirstTab",
	},
	{
		"a buyer's return is not written down while the order settles", returned,
		"\t\tif !noted {\n", "\t\tif false {\n",
		world, "TestReturnWhileTheNextNumberIsAskedAbout",
	},
	{
		"every reload of a return asks the provider", returned,
		"case noted && s.now()", "case false && s.now()",
		world, "TestReloadsOfAReturn",
	},
	{
		"a return to a declined payment of this number is not looked up", returned,
		"return o.Closed() || p.Attempt < o.Attempt", "return true",
		payments, "TestReturnToADeclinedPayment",
	},
	{
		"a webhook of another provider is looked up", hear,
		"case o.Provider != name:", "case false:",
		payments, "TestHintsThatAskNobody",
	},
	{
		"a webhook that never had its turn is forgotten", hear,
		"\tcase leased && expects(o, notice):", "\tcase leased:",
		payments, "TestHintBehindAnother",
	},
	{
		"a webhook of a refund is not known to be one", hear,
		`return slices.Contains([]string{"cancelled", "CANCELED", "PARTIAL_CANCELED"}, h.Status)`, "return false",
		world, "TestScenarios/console-refund",
	},
	{
		"a webhook that the provider did not explain is taken", hear,
		`if a.Payment.Number == "" && a.Verdict != provider.Absent {`, "if false {",
		payments, "TestIdentifyWithoutAnAnswer",
	},
	{
		"a reload asks about a paid order", "shared/payment/advance.go",
		"(o.Status == order.Processing || !s.now()", "(o.Status != order.Open || !s.now()",
		world, "TestReloadsOfAPaidOrder",
	},
	{
		"a refund that somebody else's write delays is lost", refunding,
		"\tfor range tries {", "\tfor range 1 {",
		payments, "TestRefundBehindAnotherWrite",
	},
	{
		"the same refund without an amount is another one", refunding,
		"ok && r.Amount == 0 {", "ok && false {",
		doors, "TestRefundsAreExact",
	},
	{
		"a decision without a reason", refunding,
		`checkText("reason", r.Reason, 1, reasonMax)`, `checkText("reason", r.Reason, 0, reasonMax)`,
		doors, "TestDecisionsAreExact",
	},
	{
		"a refund of 0 is a refund of all", refundDoor,
		"; wish.Amount < 1 {", "; wish.Amount < 0 {",
		doors, "TestRefundsAreExact",
	},
	{
		"any word is a decision", refundDoor,
		`if in.Decision != "keep" && in.Decision != "give-back" {`, `if in.Decision == "" {`,
		doors, "TestDecisionsAreExact",
	},
	{
		"any word but one keeps the money", refundDoor,
		`Keep: in.Decision == "keep"`, `Keep: in.Decision != "refund"`,
		doors, "TestDecisionsAreExact",
	},
	{
		"nobody knows who gave the order", refundDoor,
		"\t\treturn a.IAM.UserARN\n", "\t\treturn \"\"\n",
		doors, "TestDecisionsAreExact",
	},
	{
		"a charge and a refund are sent again after a 503", "shared/provider/portone/adapter.go",
		"if first.HTTP != http.StatusUnauthorized {", "if first.HTTP != http.StatusUnauthorized && first.HTTP != http.StatusServiceUnavailable {",
		"./shared/provider/portone", "TestEveryRefusalIsReadOnce",
	},
	{
		"a payment Toss Payments does not know lapses after a minute", "shared/provider/toss/adapter.go",
		"PendingMax: 15 * time.Minute, AbsentMax", "PendingMax: time.Minute, AbsentMax",
		world, "TestTossLookupsBehindTheConfirm",
	},
	{
		"a charge may be written a second time", carriage,
		"\t\treq.GetBody = nil\n", "",
		"./shared/provider/portone", "TestFixtures",
	},
	{
		"a dial's error proves that nothing was sent", carriage,
		"Sent: connected.Load() || !isDial(err)", "Sent: !isDial(err)",
		"./shared/provider/portone", "TestDialErrorAfterARequestWasWritten",
	},
	{
		"any transport error proves that nothing was sent", carriage,
		`return ok && op.Op == "dial"`, `return !ok || op.Op != ""`,
		"./shared/provider/toss", "TestErrorsKeepTheirCause",
	},
	{
		"the status of half a reply is believed", carriage,
		"return Reply{Sent: true, Header: resp.Header}", "return Reply{Status: resp.StatusCode, Sent: true, Header: resp.Header}",
		"./shared/provider/toss", "TestHalfAReply",
	},
	{
		"a key crosses the network unencrypted", "shared/provider/transport/form.go",
		`return u.Scheme == "https" || u.Scheme == "http" && here`, `return u.Scheme == "https" || u.Scheme == "http" && (here || plainHost == "")`,
		"./shared/provider/portone", "TestRefusedByTheSetting",
	},
	{
		"an unforeseen word for the gateway is another account", translation,
		`return account[strings.LastIndex(account, ".")+1:] }`, "return account }",
		payments, "TestLearnedPayments",
	},
	{
		"the gateway's word counts as its account", "shared/provider/portone/adapter.go",
		"account(p.PGID),", "account(map[bool]string{true: p.PGID, false: p.PGProvider + p.PGID}[p.PGProvider == gateway]),",
		world, "TestGatewaysOwnWord",
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
		doors, "TestNamesAreExact",
	},
	{
		"a name in another case is taken", "shared/handler/strict.go",
		"case fixed && !known:", "case fixed && !known && false:",
		doors, "TestNamesAreExact",
	},
	{
		"a webhook that names only the key is dropped", "shared/handler/webhook.go",
		`if hint.Number == "" && hint.Key != "" {`, "if false {",
		world, "TestOddWebhooksAreFollowed",
	},
}

var (
	everyMutant = flag.Bool("mutants", false, "run every mutant, not one in ten")
	mutantShare = flag.Int("mutant-share", 10, "without -mutants, run one mutant in so many")
	mutantFirst = flag.Int("mutant-first", 0, "without -mutants, begin with this one; another first one plays other mutants")
)

// TestMutants takes each rule out and requires that its test fails: a check that cannot fail proves nothing.
func TestMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, mutants)
}

// mustAllDie plays one mutant in ten, which keeps the tests under three minutes, another share, or with -mutants all of them. That each still fits
// the code is always looked at.
func mustAllDie(t *testing.T, all []mutant) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short")
	}
	root.Chdir(t)
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan struct{}, 2) // each one links a test program
	played := 0
	for i, m := range all {
		source := m.source(t, root)
		if !*everyMutant && i%*mutantShare != *mutantFirst%*mutantShare {
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
