package mutants_test

import "testing"

const (
	charges   = "./sim/chargetest"
	cycles    = "shared/subscription/cycle.go"
	chargeUse = "shared/payment/charge.go"
	loopRules = "shared/payment/process.go"
	withRules = "shared/order/with.go"

	ledgerPkg     = "./shared/ledger"
	decideRules   = "shared/ledger/decide.go"
	outcomeRules  = "shared/ledger/outcome.go"
	stepRules     = "shared/ledger/next.go"
	restoredRules = "shared/ledger/restored.go"

	importUse = "shared/payment/import.go"
)

// chargeMutants are the rules of scheduled charges.
var chargeMutants = []mutant{
	{
		"a charge is announced at every look", "shared/subscription/notice.go",
		"!s.Noticed.IsZero() && dayOf(s.Noticed) == dayOf(s.ChargeAt)", "false",
		charges, "TestEachChargeIsAnnouncedOnce",
	},
	{
		"a charge is announced before which the subscription ends", "shared/subscription/notice.go",
		"case s.CancelAtEnd && s.Cycle >= s.EndCycle:", "case false:",
		charges, "TestNothingIsAnnouncedThatIsNotCharged",
	},
	{
		"a charge is announced that the buyer has not agreed to", "shared/subscription/notice.go",
		"case s.Consent.Ends:", "case false:",
		charges, "TestNothingIsAnnouncedThatIsNotCharged",
	},
	{
		"a charge is announced after its time", "shared/subscription/notice.go",
		"s.NoticeDays < 1 || !s.ChargeAt.After(at) {", "s.NoticeDays < 1 {",
		"./shared/subscription", "TestNoNoticeAfterItsCharge",
	},
	{
		"a subscription never takes over for how long before a charge it is announced", chargeUse,
		"s.NoticeDays = w.NoticeDays", "_ = w.NoticeDays",
		charges, "TestNoticesAfterTheParameterChanged",
	},
	{
		"a consent that nobody was asked for counts as given", "shared/subscription/consent.go",
		"	case ConsentPlanned, ConsentNeeded, ConsentRefused:", "	case ConsentNeeded, ConsentRefused:",
		charges, "TestScheduleDownWhileConsentWasToBeAsked",
	},
	{
		"the first charge takes the whole price of a period that has begun", "shared/subscription/first.go",
		"s.First = first", "_ = first",
		charges, "TestFirstPeriods",
	},
	{
		"a share that no provider takes is charged", "shared/subscription/first.go",
		"first.Amount.Value >= ShareMin", "true",
		charges, "TestFirstPeriods",
	},
	{
		"a share is charged in place of a whole period", cycles,
		"|| s.CatchUp == Once && s.opening()", "",
		"./shared/subscription", "TestShareStandsForItsOwnDays",
	},
	{
		"a change of the plan takes the share's place", "shared/subscription/first.go",
		"	if s.opening() {\n		first := s.First", "	if false {\n		first := s.First",
		"./shared/subscription", "TestPlanChangesLeaveTheShare",
	},
	{
		"a key is imported twice, with another date", importUse,
		"if stored.Request != r.digest() {", "if false {",
		charges, "TestKeyIsImportedOnce",
	},
	{
		"another merchant's key is imported", importUse,
		"case e.Account != \"\" && k.Account != e.Account,", "case false,",
		charges, "TestImportIsRefused",
	},
	{
		"a key of another mode is imported", importUse,
		"case k.Sandbox != (e.Mode == \"test\"):", "case false:",
		charges, "TestImportIsRefused",
	},
	{
		"another customer's key is imported", importUse,
		"case k.CustomerID != \"\" && k.CustomerID != customerID:", "case false:",
		charges, "TestImportIsRefused",
	},
	{
		"another gateway's key is imported where no merchant id is set", importUse,
		"e.Account == \"\" && k.OtherGateway != \"\":", "false:",
		charges, "TestImportWithoutMerchantID",
	},
	{
		"a key is imported without the provider's word", importUse,
		"case a.Verdict != provider.Paid:", "case false:",
		charges, "TestImportWithoutPortOne",
	},
	{
		"a key is imported again beside the subscription that charges it", importUse,
		"return s.Status == subscription.Canceled && s.Final() && s.Keeps(1)", "return true",
		charges, "TestImportedAgain",
	},
	{
		"a key whose subscription has ended is imported again without a word", importUse,
		"!r.ImportAgain, !over(stored):", "!over(stored):",
		charges, "TestImportedAgain",
	},
	{
		"a key that PortOne charges by itself is imported", importUse,
		"return nil, ErrKeyScheduled", "return nil, nil",
		charges, "TestScheduledKeyIsNotImported",
	},
	{
		"a key is imported while nobody says whether PortOne charges it by itself", importUse,
		"case !a.Answered(), a.HTTP >= 500,", "case false,",
		charges, "TestImportWithoutPortOne",
	},
	{
		"a key that was issued here is imported beside its subscription", importUse,
		"if err != nil || n.Key == 0 {", "if err != nil || true {",
		charges, "TestKeyIssuedHereIsNotImported",
	},
	{
		"an imported subscription is charged on the day it comes", "shared/subscription/import.go",
		"s.due(later(s.Calendar.Date(s.Date), at))", "s.due(at)",
		charges, "TestImportedKeyIsChargedOnItsDate",
	},
	{
		"an imported key is deleted at the end although another system may charge it", "shared/subscription/import.go",
		"return n == 1 && s.Imported != \"\" && !s.DeletesImported", "return false",
		charges, "TestImportedKeyAtTheEnd",
	},
	{
		"a higher price is charged without consent", "shared/payment/consent.go",
		"if !s.Rises(plan) {", "if true {",
		charges, "TestNoConsentNoHigherCharge",
	},
	{
		"consent to one price counts for another", "shared/payment/consent.go",
		"if !s.Consent.TokenMatches(token) {\n\t\treturn subscription", "if false {\n\t\treturn subscription",
		charges, "TestConsentOfAnotherPlan",
	},
	{
		"a trial ends in a charge without consent", cycles,
		"if next, missing := s.withoutConsent(at); missing {", "if next, missing := s, false; missing {",
		charges, "TestTrialNeedsConsent",
	},
	{
		"consent is taken more than 30 days before", "shared/subscription/consent.go",
		"case s.ConsentDate().IsZero(), s.ConsentDate().Sub(at) > ConsentWindow:", "case false:",
		"./shared/subscription", "TestConsentGrowsOld",
	},
	{
		"consent of long ago counts for ever", "shared/subscription/consent.go",
		"s.Calendar.Date(s.Date).Sub(c.GivenAt) > ConsentWindow", "false",
		"./shared/subscription", "TestConsentGrowsOld",
	},
	{
		"nobody asks for consent when its time comes", chargeUse,
		"if _, due := s.Woken(w.Now(), w.NoticeDays); due {", "if false {",
		charges, "TestTrialNeedsConsent",
	},
	{
		"no dispatch lease: every tick passes everything on", "shared/store/memstore/memstore.go",
		"if !listed || stands > item.Millis(at) {", "if !listed || stands < 0 {",
		charges, "TestEverythingAtOnce",
	},
	{
		"no lease of a cycle: every copy of a message works on it", cycles,
		"case s.AskAfter.After(c.At):", "case false:",
		charges, "TestEverythingAtOnce",
	},
	{
		"no cycle condition: any message charges", cycles,
		"case s.Cycle != c.Cycle:", "case false:",
		charges, "TestLateMessages",
	},
	{
		"a cycle is charged before its time", cycles,
		"case s.ChargeAt.After(c.At):", "case false:",
		charges, "TestLateMessages",
	},
	{
		"what is paused or canceled is charged", cycles,
		"case s.Status != Active && s.Status != PastDue:\n\t\treturn s, &Refusal{NotCharging}", "case false:\n\t\treturn s, &Refusal{NotCharging}",
		charges, "TestLateMessages",
	},
	{
		"a charge without an answer counts as declined", outcomeRules,
		"case last.Reply == Refused && (last.Turn == 0 || agreed):", "case last.Reply <= Refused && (last.Turn == 0 || agreed):",
		ledgerPkg, "TestChargeRefusals",
	},
	{
		"a month is added and not counted from the first", "shared/subscription/calendar.go",
		"return c.at(year, month, min(c.Anchor, daysIn(year, month)))", "return c.at(year, month, c.Anchor)",
		charges, "TestRegularYear",
	},
	{
		"the charge is sent before its order is stored", chargeUse,
		"o, err = w.Orders.Create(ctx, cycleOrder(s, id, now, now.Add(ChargeMax), w.Settler.timing(s.Provider)))", "o = cycleOrder(s, id, now, now.Add(ChargeMax), w.Settler.timing(s.Provider))",
		charges, "TestBudget",
	},
	{
		"a cycle that is over moves the subscription on again", cycles,
		"if s.Cycle != k {\n\t\treturn s\n\t}\n\ts = s.begin(k+1, date+1)\n\tto := s.Status", "s = s.begin(k+1, date+1)\n\tto := s.Status",
		charges, "TestFrozenWorkers",
	},
	{
		"a return address claims a cycle", "shared/order/claim.go",
		`, o.BillingKey != "":`, ":",
		pure, "TestCycleIsItsWorkersToClaim",
	},
	{
		"a cycle has a payment page", "shared/payment/checkout.go",
		`if o.BillingKey != "" {`, "if false {",
		charges, "TestCycleHasNoPage",
	},
	{
		"the return address of a cycle makes it settle", "shared/payment/return.go",
		`if o.BillingKey != "" {`, "if false {",
		charges, "TestReturnDoesNotChargeThePaused",
	},
	{
		"the sweep repeats a charge that its subscription no longer wants", chargeUse,
		"if s.Status == subscription.Canceled && s.Final() {", "if true {",
		charges, "TestNoRepetitionAfterCancel",
	},
	{
		"the sweep repeats a charge while a window may still make its key", chargeUse,
		"if s.Status == subscription.Canceled && s.Final() {", "if s.Status == subscription.Canceled && !s.Key.DeletedAt.IsZero() {",
		charges, "TestNoRepetitionBeforeTheLastDeletion",
	},
	{
		"the money of an attempt that is over is not looked for", stepRules,
		"for n := 1; n < o.Current(); n++ {", "for n := 2; n < o.Current(); n++ {",
		ledgerPkg, "TestNextNumberOfACycle",
	},
	{
		"a key is deleted while a charge with it is at work", cycles,
		"s.DueAt = later(at, s.AskAfter)", "s.DueAt = at",
		charges, "TestKeyIsNotDeletedUnderACharge",
	},
	{
		"only the latest key is deleted", cycles,
		"for n := range s.KeysOffered() {", "for n := range s.KeysOffered() {\n\t\tif n+1 != s.Key.N {\n\t\t\tcontinue\n\t\t}",
		charges, "TestReplacedKeysAreDeleted",
	},
	{
		"an issuance has no due time beside the charge", cycles,
		"s.DueAt = earlier(earlier(at, s.NextKey.askAt()), s.consentDue())", "s.DueAt = earlier(at, s.consentDue())",
		charges, "TestIssuanceOfASuspendedIsAskedAbout",
	},
	{
		"a charge leaves however late it has become", "shared/provider/portone/client.go",
		"if !q.notAfter.IsZero() && !c.early(q.notAfter) {", "if false {",
		"./shared/provider/portone", "TestAgainIsNotSentTooLate",
	},
	{
		"a tick races another one for every record", "shared/payment/dispatch.go",
		"if lost == len(records) || 2*lost >= len(records) && d.Now().Sub(now) < youngTick {", "if lost < 0 {",
		payments, "TestTickLeavesAShardToAnother",
	},
	{
		"a tick passes on whatever the queue holds", "shared/payment/dispatch.go",
		"f.Workers-waiting", "f.Workers-0*waiting",
		payments, "TestTickKeepsTheQueueFilled",
	},
	{
		"a cycle expires while its subscription is paused", chargeUse,
		"if s.Owes(n.Cycle) {", "if false {",
		charges, "TestLongPauseInDunning",
	},
	{
		"an order ends unpaid without a look at its earlier numbers", decideRules,
		"o.unseen(o.endsFrom())", "o.Attempts[n-1].LookedAt.Before(o.endsFrom())",
		ledgerPkg, "TestEarlierNumberBeforeTheEnd",
	},
	{
		"nobody is told of a try that waits for ever", chargeUse,
		"if at.Sub(s.ChargeAt) >= order.AlarmAfter {", "if false {",
		charges, "TestEarlierNumberNeverReadable",
	},
	{
		"an order gets more time although a number of it could not be looked up", decideRules,
		"o.unseen(o.endsFrom())", "o.unseen(o.endsFrom()) && o.Wanted != Yes",
		charges, "TestMoreTimeNeedsEveryNumber",
	},
	{
		"an order ends while a window of it may be open", "shared/ledger/ledger.go",
		"return t.ExpiresAt.Add(OpenGrace)", "return t.ExpiresAt",
		ledgerPkg, "TestTheGrace",
	},
	{
		"an old answer uses up the last question about a key", "shared/subscription/subscription.go",
		"!asked.Before(issuing.askAt())", "!at.Before(issuing.askAt())",
		"./shared/subscription", "TestOldAnswerIsNoQuestion",
	},
	{
		"an order ends unpaid without a look at its current number", decideRules,
		"slices.ContainsFunc(o.Attempts, func(a Attempt) bool { return a.LookedAt.Before(t) })", "slices.ContainsFunc(o.Attempts[:len(o.Attempts)-1], func(a Attempt) bool { return a.LookedAt.Before(t) })",
		ledgerPkg, "TestNoEndBeforeEachIsRead",
	},
	{
		"a failed window ends the charge", outcomeRules,
		"case own == Declined && o.decided(r.Attempt):", "case o.shows(r.Attempt) && o.decided(r.Attempt):",
		ledgerPkg, "TestAnotherPaymentSaysNothingOfTheCharge",
	},
	{
		"who found a cycle paid is trusted to tell its subscription", withRules,
		"if o.Unrecorded {\n\t\tdue", "if false {\n\t\tdue",
		charges, "TestPaidButNotTold",
	},
	{
		"news of a key that nobody can ask about now is dropped", "shared/subscription/subscription.go",
		"if !s.Awaits(n) || s.NextKey.N == 0 || s.NextKey.Asks == 0 {", "if true {",
		charges, "TestNewsOfAKeyAfterTheQuestions",
	},
	{
		"wrong money of an earlier number uses up the next one", outcomeRules,
		"return p.Attempt == attempt && p.State == Captured })\n}\n\n// decided", "return p.State == Captured })\n}\n\n// decided",
		charges, "TestWrongMoneyOfAnEarlierNumber",
	},
	{
		"a cycle that was paid and lies in review counts as unpaid", chargeUse,
		"case o.WasPaid():\n\t\t\treturn", "case o.Status == order.Paid:\n\t\t\treturn",
		charges, "TestReviewIsNotDue",
	},
	{
		"a cycle that has begun loses its date to a pause", cycles,
		"gap.From = max(gap.From, s.Date+1)", "gap.From = max(gap.From, 0)",
		charges, "TestPauseByASlowClock",
	},
	{
		"a means that is gone is tried again", cycles,
		"if s.Dunning.Decline == Hard {", "if false {",
		charges, "TestResumeAfterAnOutage",
	},
	{
		"a note without an answer takes the order away", chargeUse,
		"case err != nil:\n\t\treturn o, err\n\t}\n\treturn told, nil", "case err != nil:\n\t\treturn told, err\n\t}\n\treturn told, nil",
		charges, "TestToldWithoutAnAnswer",
	},
	{
		"an attempt that was refused while money was owed is made again", decideRules,
		"case end != Shown:", "case end != Shown && len(o.surplus()) == 0:",
		ledgerPkg, "TestRefusedChargeBesideOwedMoney",
	},
	{
		"an imported key that stays is charged after the end of its subscription", chargeUse,
		"if s.Keeps(1) && o.BillingKey == s.KeyName(1) {", "if false {",
		charges, "TestNoRepetitionWithAKeptKey",
	},
	{
		"what an imported key was asked for before the end is in doubt for ever", outcomeRules,
		"	case o.Wanted == Never:\n", "",
		charges, "TestNoRepetitionWithAKeptKey",
	},
	{
		"what was captured around the end of a subscription is not told to it", chargeUse,
		"if s.Begun.IsZero() {\n\t\treturn nil", "if true {\n\t\treturn nil",
		charges, "TestCapturedAroundTheEnd",
	},
	{
		"the code of a refusal is forgotten with its evidence", decideRules,
		"a.Used, a.Code = true, cmp.Or(r.Code, a.Code)", "a.Used = true",
		charges, "TestRefusalKeepsItsReason",
	},
	{
		"a charge ends with its own failure beside a payment at work", outcomeRules,
		"case own == Declined && o.decided(r.Attempt):", "case own == Declined:",
		ledgerPkg, "TestOpenRequests",
	},
	{
		"what became of the first charge says what became of its repetition", outcomeRules,
		"&& !r.At.Before(last.At) {", "&& last.Kind == 0 {",
		ledgerPkg, "TestChargesOwnAnswer",
	},
	{
		"a charge that was shown at work once is never repeated", stepRules,
		"p.undecidedCharge() && !p.SeenAt.Before(looked)", "p.undecidedCharge() && !looked.IsZero()",
		ledgerPkg, "TestChargeThatIsGone",
	},
	{
		"a window that was left open keeps a charge from being repeated for ever", stepRules,
		`p.State == Begun && p.BillingKey != ""`, "p.State == Begun",
		ledgerPkg, "TestChargeThatIsGone",
	},
	{
		"a repeated charge is made with the means that the buyer has replaced", stepRules,
		"Key: cmp.Or(v.Key, r.Key), Turn", "Key: cmp.Or(r.Key, v.Key), Turn",
		ledgerPkg, "TestPlanConditions",
	},
	{
		"the first number only is looked up before the third is charged", stepRules,
		"for n := 1; n < o.Current(); n++ {", "for n := 1; n < min(2, o.Current()); n++ {",
		ledgerPkg, "TestEveryNumberBeforeTheCharge",
	},
	{
		"a cycle that is wanted is looked at and gets no more time", decideRules,
		"\tcase o.Cycle && o.Wanted == Yes && n < AttemptsMax:\n\t\to.ExpiresAt = o.LearnedAt.Add(CycleLife)\n\t\to.move()\n", "\tcase o.Cycle && o.Wanted == Yes && n < AttemptsMax:\n",
		ledgerPkg, "TestCycleEnds",
	},
	{
		"a cycle that is paid is due again", stepRules,
		", o.Paid() != nil && o.Cycle:\n", ":\n",
		ledgerPkg, "TestConsoleRefundOfACycle",
	},
	{
		"a restored table asks for money at once", stepRules,
		"return o.guarded(s, v)", "return s",
		world, "TestRestoredCycle",
	},
	{
		"a restored table asks for money although a number could not be read", restoredRules,
		"case v.looked(l):\n\t\t\treturn Step{Do: Wait}", "case v.looked(l):",
		ledgerPkg, "TestAhead",
	},
	{
		"a restored table asks about the current number only", restoredRules,
		"for n := min(o.Current()+aheadMax, AttemptsMax); n", "for n := o.Current(); n",
		world, "TestRestoredOrder",
	},
	{
		"an order of a restored table may end before the numbers after its own were looked up", restoredRules,
		"for n := min(o.Current()+aheadMax, AttemptsMax); n >= o.Current(); n-- {", "for n := o.Current(); n <= min(o.Current()+aheadMax, AttemptsMax); n++ {",
		ledgerPkg, "TestAhead",
	},
	{
		"money under a number that a restored table has forgotten is nobody's", restoredRules,
		"\t\tfor len(o.Attempts) < p.Attempt {", "\t\tfor false {",
		world, "TestRestoredOrder",
	},
	{
		"an old system's money opens a number of a restored table", restoredRules,
		"if p.Role != NoRole || o.older(p) || p", "if p.Role != NoRole || p",
		ledgerPkg, "TestAhead",
	},
	{
		"an order of a restored table ends without a look ahead", stepRules,
		"\tif len(due) > 0 {\n\t\tif s := o.ahead(v)", "\tif false {\n\t\tif s := o.ahead(v)",
		world, "TestRestoredOrder",
	},
	{
		"a worker that stood still after its claim charges", chargeUse,
		"\tif !at.Before(s.AskAfter) {\n\t\treturn nil", "\tif false {\n\t\treturn nil",
		charges, "TestThawedClaimChargesNothing",
	},
	{
		"a worker's claim does not bound how late it charges", chargeUse,
		"\tvisit.Charge = ", "\tvisit.Repeat = s.AskAfter.Add(time.Hour)\n\tvisit.Charge = ",
		charges, "TestSlowLookBack",
	},
	{
		"a worker wants a charge repeated and the loop is not told", chargeUse,
		"\tvisit.Charge = ", "\tvisit.Repeat = time.Time{}\n\tvisit.Charge = ",
		charges, "TestLongOutage",
	},
	{
		"who settles an order does not know that its cycle is wanted", loopRules,
		"\tj.record.Ledger.Wanted = j.wanted\n", "",
		charges, "TestLongPauseInDunning",
	},
	{
		"a worker that has told the subscription leaves its order due", loopRules,
		"if j.charging && next.Unrecorded", "if false && next.Unrecorded",
		charges, "TestBudget",
	},
	{
		"the order names the first means although a new one was charged", withRules,
		"\t\t\to.BillingKey = r.Key\n", "\t\t\t_ = r.Key\n",
		pure, "TestOrderNamesTheMeansOfItsLastCharge",
	},
	{
		"a paid cycle is told by nobody when the worker that found it dies", withRules,
		"\t\to.Unrecorded = true\n", "",
		charges, "TestPaidButNotTold",
	},
	{
		"what was taken before a restored table's order was made again is another's", decideRules,
		"!o.RestoredTo.IsZero() && o.RestoredTo.Before(made)", "false",
		world, "TestRestoredCycle",
	},
	{
		"nobody tells the rules that the table was restored", loopRules,
		"\tt.RestoredTo = s.RestoredTo\n", "",
		world, "TestRestoredCycle",
	},
	{
		"a worker lets the order of a cycle that it still wants end", chargeUse,
		"Visit: visit}, ledger.Yes)\n}", "Visit: visit}, ledger.NotAsked)\n}",
		charges, "TestRefusedAtTheEndOfTheOrder",
	},
	{
		"an attempt that was not made yet counts as refused", chargeUse,
		"if o.Status == order.Open && o.Attempt == s.Attempt() {", "if false {",
		charges, "TestSlowLookBack",
	},
	{
		"the refusal of the means before is held against the new ones", chargeUse,
		"if o.BillingKey != s.KeyName(s.Key.N) {", "if false {",
		charges, "TestRefusalOfTheOldKeySparesTheNew",
	},
	{
		"a paid cycle is not told while its provider cannot be asked", chargeUse,
		`case err != nil && o.Unrecorded && s.ID != "":`, "case false:",
		charges, "TestToldWithoutAGateway",
	},
	{
		"a cycle is claimed that there is no time to charge", chargeUse,
		"if !timeToCharge(ctx) {", "if false {",
		charges, "TestNoTimeLeftIsNoDoubt",
	},
}

// TestChargeMutants takes each of them out.
func TestChargeMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, chargeMutants)
}
