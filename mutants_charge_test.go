package tosspaysam_test

import "testing"

const (
	charges   = "./sim/chargetest"
	cycles    = "shared/subscription/cycle.go"
	chargeUse = "shared/payment/charge.go"
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
		" || !s.ChargeAt.After(at) || !s.", " || !s.",
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
		"an unknown outcome opens the next number", decide,
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\te := doubtful(o, now)",
		"if a.Verdict != provider.Pending && a.Verdict != provider.Absent {\n\t\te := refused(o, now)",
		charges, "TestUnknownKeepsItsNumber",
	},
	{
		"a charge without an answer counts as declined", decide,
		"case ok || a.Verdict == provider.Declined && a.Class.Definitive():", "case true:",
		charges, "TestUnknownKeepsItsNumber",
	},
	{
		"a month is added and not counted from the first", "shared/subscription/calendar.go",
		"return c.at(year, month, min(c.Anchor, daysIn(year, month)))", "return c.at(year, month, c.Anchor)",
		charges, "TestRegularYear",
	},
	{
		"the charge is sent before its order is stored", chargeUse,
		"o, err = w.Orders.Create(ctx, cycleOrder(s, id, now, until))", "o = cycleOrder(s, id, now, until)",
		charges, "TestBudget",
	},
	{
		"a worker that stood still charges all the same", advance,
		"return now.Before(o.Attempt.ClaimedAt.Add(chargeSendMax))", "return true",
		charges, "TestFrozenWorkers",
	},
	{
		"a cycle that is over moves the subscription on again", cycles,
		"if s.Cycle != k {\n\t\treturn s\n\t}\n\ts = s.begin(k+1, date+1)\n\tto := s.Status", "s = s.begin(k+1, date+1)\n\tto := s.Status",
		charges, "TestFrozenWorkers",
	},
	{
		"a return address claims a cycle", orders,
		`case (o.BillingKey == "") != (c.BillingKey == ""):`, "case false:",
		"./shared/order", "TestCycleIsItsWorkersToClaim",
	},
	{
		"a cycle has a payment page", "shared/payment/checkout.go",
		`if o.BillingKey != "" {`, "if false {",
		charges, "TestCycleHasNoPage",
	},
	{
		"the return address of a cycle makes it settle", "shared/payment/return.go",
		`case o.Status == order.Open && o.BillingKey != "":`, "case false:",
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
		"a payment that is not decided is charged once more", decide,
		"repeat && over && !a.Payment.Open", "repeat && over",
		payments, "TestUndecidedPaymentIsWaitedFor",
	},
	{
		"the refusal of a repetition ends the attempt without a look", decide,
		"if ok && (e.Kind != order.Refused || o.Attempt.Turn == 0) {", "if ok {",
		payments, "TestUndecidedPaymentIsWaitedFor",
	},
	{
		"the money of an attempt that is over is not looked for", chargeUse,
		"if o, err = w.lookBack(ctx, id, now); err != nil || o.Closed() || o.Owed() != nil {", "if o, err = w.Orders.Get(ctx, id); err != nil || o.Closed() || o.Owed() != nil {",
		charges, "TestWindowOfTheBuyersOwnMaking",
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
		"want := wanted{more: s.Owes(n.Cycle)}", "want := wanted{}",
		charges, "TestLongPauseInDunning",
	},
	{
		"a further attempt is charged although one before it could not be looked up", chargeUse,
		"case earlier != looked:", "case earlier == looked && false:",
		charges, "TestLookBackWithoutAnAnswer",
	},
	{
		"an order ends unpaid without a look at its earlier numbers", advance,
		"if earlier != looked && !o.Closed() && (", "if false && (",
		payments, "TestNoEndWithoutALook",
	},
	{
		"an order ends unpaid although a number of it could not be looked up", advance,
		"if o = changed; earlier == unread {", "if o = changed; false {",
		charges, "TestEarlierNumberNeverReadable",
	},
	{
		"a number that hangs takes all the time", advance,
		"return context.WithTimeout(ctx, left/2)", "return context.WithTimeout(ctx, left)",
		payments, "TestHangingEarlierNumber",
	},
	{
		"nobody is told of a try that waits for ever", chargeUse,
		"if at.Sub(s.ChargeAt) >= order.AlarmAfter {", "if false {",
		charges, "TestEarlierNumberNeverReadable",
	},
	{
		"an attempt begins when its order's time is over", chargeUse,
		"case now.Before(o.ExpiresAt.Add(-extendBefore)):", "case true:",
		charges, "TestRefusedAtTheEndOfTheOrder",
	},
	{
		"an order gets more time although a number of it could not be looked up", advance,
		"want.more && (o.Status == order.Settling || earlier == looked)", "want.more",
		charges, "TestMoreTimeNeedsEveryNumber",
	},
	{
		"an answer from before the claim ends the attempt", orders,
		"return o.Status == Settling && e.Attempt == o.Attempt && e.Next", "return false && e.Next",
		"./shared/order", "TestAnswerFromBeforeTheClaim",
	},
	{
		"an answer from before the capture contradicts it", orders,
		" && !o.stale(e) && (e.Asked.IsZero() || !e.Asked.Before(o.since())) {", " {",
		charges, "TestOldLapseLeavesThePaidCycle",
	},
	{
		"an order ends while a window of it may be open", orders,
		"return !at.Before(o.ExpiresAt.Add(OpenGrace))", "return !at.Before(o.ExpiresAt)",
		pure, "TestTheGrace",
	},
	{
		"a reversal ends an attempt whose charge has not answered", orders,
		"return e.Answered || !o.Attempt.Unanswered // a", "return true // a",
		payments, "TestAnotherPaymentSaysNothingOfTheCharge",
	},
	{
		"an old answer uses up the last question about a key", "shared/subscription/subscription.go",
		"!asked.Before(issuing.askAt())", "!at.Before(issuing.askAt())",
		"./shared/subscription", "TestOldAnswerIsNoQuestion",
	},
	{
		"an order ends unpaid without a look at its current number", advance,
		"return s.lookBack(ctx, calls, g, o, o.Attempt)", "return s.lookBack(ctx, calls, g, o, o.Attempt-1)",
		payments, "TestNoEndWithoutALook",
	},
	{
		"a window's payment says what became of the charge", decide,
		"if notTheCharge(o, a, account, now) {", "if false {",
		payments, "TestAnotherPaymentSaysNothingOfTheCharge",
	},
	{
		"a webhook of test money ends a charge", "shared/payment/webhook.go",
		"if ok = ok && !notTheCharge(o, last, g.Account, s.Now()); !ok {", "if !ok {",
		payments, "TestAnotherPaymentSaysNothingOfTheCharge",
	},
	{
		"a number that is used up is charged for ever", decide,
		"e.Next.Rejection = a.Code // the", "_ = 0 // the",
		charges, "TestUsedUpNumber",
	},
	{
		"any provider's door claims an order", orders,
		", o.Provider != c.Provider:", ":",
		payments, "TestReturnThroughAnotherProvidersDoor",
	},
	{
		"a payment that is back hides the charge that is not decided", decide,
		"case a.Undecided: // the", "case false: // the",
		charges, "TestOpenChargeBehindAnotherPayment",
	},
	{
		"a failed window ends the charge", decide,
		"return o.Attempt.Unanswered && (testMoney", "return false && (testMoney",
		payments, "TestAnotherPaymentSaysNothingOfTheCharge",
	},
	{
		"a second payment of a test channel ends the charge", advance,
		"if !ok || e.Kind == order.Refused {", "if !ok {",
		payments, "TestSecondTestMoneySaysNothingOfTheCharge",
	},
	{
		"the refund of a cycle's capture is not heard", decide,
		"if o.BillingKey == \"\" || o.Closed() {", "if o.BillingKey == \"\" {",
		payments, "TestRefundOfACycleIsHeard",
	},
	{
		"a cycle in doubt ends when its order's time is over", advance,
		"want.more && (o.Status == order.Settling || earlier == looked)", "want.more && o.Status == order.Open && earlier == looked",
		charges, "TestDoubtOutlivesTheOrder",
	},
	{
		"who found a cycle paid is trusted to tell its subscription", orders,
		"case o.Untold:\n\t\treturn e.At.Add(settlingDelays[0])", "case false:\n\t\treturn e.At.Add(settlingDelays[0])",
		charges, "TestPaidButNotTold",
	},
	{
		"news of a key that nobody can ask about now is dropped", "shared/subscription/subscription.go",
		"if !s.Awaits(n) || s.NextKey.N == 0 || s.NextKey.Asks == 0 {", "if true {",
		charges, "TestNewsOfAKeyAfterTheQuestions",
	},
	{
		"wrong money of an earlier number leaves an attempt that was never made in doubt", orders,
		"case o.waits():\n\t\treturn Open", "case false:\n\t\treturn Open",
		charges, "TestWrongMoneyOfAnEarlierNumber",
	},
	{
		"wrong money of an earlier number uses up the next one", orders,
		"case from == Settling && to == Open && e.Attempt != o.Attempt && o.waits()", "case false && o.waits()",
		charges, "TestWrongMoneyOfAnEarlierNumber",
	},
	{
		"a number that held wrong money is charged under again", orders,
		" == \"\" && !o.spent()\n}", " == \"\"\n}",
		pure, "TestNumberThatHeldMoneyIsUsedUp",
	},
	{
		"two payments of one answer are two writes", advance,
		"for range savesMax {\n\t\tsteps",
		"if len(besides) > 0 {\n\t\tif o, err := s.record(ctx, o, e, earlier); err != nil {\n\t\t\treturn o, err\n\t\t}\n\t\treturn s.record(ctx, o, besides[0], unread, besides[1:]...)\n\t}\n\tfor range savesMax {\n\t\tsteps",
		payments, "TestOneAnswerIsOneAge",
	},
	{
		"the next of two payments of one answer is stale", advance,
		"o.HeardAt = heard // what", "_ = heard // what",
		payments, "TestOneAnswerIsOneAge",
	},
	{
		"the schedule asks about no other number when one has paid the order", advance,
		"n <= last || n <= o.Attempt && o.Closed()", "n <= last && !o.Closed()",
		payments, "TestBothNumbersWerePaid",
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
		"an attempt that was refused while money was owed is made again", orders,
		"o.Attempt.Unanswered, o.Attempt.Rejection = false, cmp.Or(", "o.Attempt.Unanswered, _ = false, cmp.Or(",
		charges, "TestRefusedWhileMoneyIsOwed",
	},
	{
		"what lies in review is due for ever", orders,
		"o.Searching || o.Owed() != nil && o.Status != Review ||", "o.Searching || o.Owed() != nil ||",
		charges, "TestReviewIsNotDue",
	},
	{
		"a doubt from before the answer makes the attempt again", orders,
		"o.Attempt.Unanswered = o.Attempt.Unanswered && next.Unanswered", "o.Attempt.Unanswered = next.Unanswered",
		charges, "TestStaleDoubtAfterTheAnswer",
	},
	{
		"what was captured around the end of a subscription is not told to it", chargeUse,
		"if s.Begun.IsZero() {\n\t\treturn nil", "if true {\n\t\treturn nil",
		charges, "TestCapturedAroundTheEnd",
	},
	{
		"the code of a refusal is forgotten with its evidence", chargeUse,
		"if code == \"\" && step.Event ==", "if false && step.Event ==",
		payments, "TestRefusalCodeOutlivesItsEvidence",
	},
}

// TestChargeMutants takes each of them out.
func TestChargeMutants(t *testing.T) {
	t.Parallel()
	mustAllDie(t, chargeMutants)
}
