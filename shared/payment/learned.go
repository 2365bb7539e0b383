package payment

import (
	"strings"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/provider"
)

// learned translates an adapter's answer into what a ledger learns from it. It chooses nothing: every payment that
// was shown goes along.
func learned(o order.Order, step ledger.Step, a provider.Answer) ledger.Answer {
	l := ledger.Answer{Key: step.Key, Attempt: step.Attempt, Complete: a.Complete}
	l.Readable = a.Verdict != provider.Unknown || a.Payment.Issuance
	for _, shown := range a.All {
		n := o.AttemptOf(shown.Payment.Number)
		p, ok := shownPayment(shown)
		switch p.Attempt = n; {
		case n == 0:
			l.Elsewhere = l.Elsewhere || step.Key != "" && shown.Payment.Number != ""
		case ok:
			l.Payments = append(l.Payments, p)
		}
	}
	if step.Do == ledger.Send {
		r := step.Request
		l.To, l.Reply, l.Code = &r, replyOf(r, a), a.Code
	}
	return l
}

// shownPayment is a payment in the ledger's words; ok is false for one that took and can take nothing, such as an
// issuance, and for one that cannot be read.
func shownPayment(s provider.Shown) (_ ledger.Payment, ok bool) {
	state := stateOf(s)
	p := s.Payment
	balance := int64(0)
	if state == ledger.Captured {
		balance = p.Balance
	}
	return ledger.Payment{
		Key: p.Key, State: state, Amount: p.Amount, Balance: balance, Currency: p.Currency,
		Merchant: merchantOf(p.Account), Test: p.Sandbox, BillingKey: p.BillingKey, ApprovedAt: p.ApprovedAt,
		TransactionKey: p.TransactionKey, Method: p.Method, ReceiptURL: p.ReceiptURL,
		WholeOnly: !p.PartialRefundable, Code: s.Code,
	}, state != 0 && !p.Issuance
}

func stateOf(s provider.Shown) ledger.State {
	switch s.Verdict {
	case provider.Paid, provider.PartlyRefunded, provider.Refunded:
		return ledger.Captured
	case provider.Declined:
		return ledger.Declined
	case provider.Pending:
		if strings.HasPrefix(s.Payment.Status, "failed") { // PortOne: for a reason that leaves its money open
			return ledger.Doubtful
		}
		return ledger.Begun
	}
	return 0
}

// merchantOf is the merchant's part of an account in a provider's words, such as the MID of "tosspay_v2.MID": what
// stands before it is published nowhere, and one unforeseen word must not make every payment a mismatch.
func merchantOf(account string) string { return account[strings.LastIndex(account, ".")+1:] }

// replyOf is what the provider said to the request itself.
func replyOf(r ledger.Request, a provider.Answer) ledger.Reply {
	switch {
	case accepted(r, a):
		return ledger.Accepted
	case !a.Answered():
		return ledger.NoReply
	case a.Class == provider.ClassProcessing:
		return ledger.Busy
	case a.Class == provider.ClassCredentials:
		return ledger.Untouched
	case a.Class == provider.ClassAlready:
		return ledger.Already
	case r.Kind == ledger.Cancel && a.Class == provider.ClassLater:
		return ledger.Untouched // too soon after another one, or the bank sleeps: the same refund is made later
	case a.Class.Definitive(), a.Verdict == provider.Declined:
		return ledger.Refused
	case r.Kind == ledger.Confirm && a.Verdict == provider.Absent:
		return ledger.Refused
	}
	return ledger.Unusable
}

// accepted says that the reply shows what was asked for: the payment captured, or less of it left.
func accepted(r ledger.Request, a provider.Answer) bool {
	switch a.Verdict {
	case provider.PartlyRefunded, provider.Refunded:
		return true
	}
	return a.Verdict == provider.Paid && r.Kind != ledger.Cancel
}
