package toss

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tosspay-sam/shared/money"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/provider/transport"
)

// Adapter answers the use cases' questions in the words of shared/provider. It returns no errors: what it cannot prove is
// provider.Unknown.
type Adapter struct {
	Client *Client
}

// Timing of Toss Payments: 10 minutes from authentication to confirm (docs.tosspayments.com/reference, 2026-11). The 5 after them are
// ours, for answers that are late and clocks that differ.
func Timing() provider.Timing {
	return provider.Timing{ConfirmWindow: 10 * time.Minute, PendingMax: 15 * time.Minute, AbsentMax: 15 * time.Minute, LookupLag: 5 * time.Minute}
}

// Find asks by the payment's key when it is known, else by our number. It moves nothing.
func (a *Adapter) Find(ctx context.Context, r provider.Ref) provider.Answer {
	if r.Key == "" {
		reply, err := a.Client.PaymentByOrder(ctx, r.Number)
		return answer("find-by-order", OpLookup, reply, err, provider.Ref{Number: r.Number})
	}
	reply, err := a.Client.Payment(ctx, r.Key)
	return answer("find", OpLookup, reply, err, provider.Ref{Key: r.Key})
}

// Confirm asks for the money. Number, amount and currency of a capture are for the caller to compare: one that does not fit has been
// made all the same.
func (a *Adapter) Confirm(ctx context.Context, c provider.Confirm) provider.Answer {
	reply, err := a.Client.Confirm(ctx, ConfirmRequest{
		PaymentKey:     c.Key,
		OrderID:        c.Number,
		Amount:         c.Amount,
		IdempotencyKey: c.IdempotencyKey,
	})
	return answer("confirm", OpConfirm, reply, err, provider.Ref{Key: c.Key})
}

// Cancel asks to give money back. The verdict is about the payment: a refused refund leaves it Unknown, and the class says why.
func (a *Adapter) Cancel(ctx context.Context, c provider.Cancel) provider.Answer {
	reply, err := a.Client.Cancel(ctx, c.Key, CancelRequest{
		CancelReason:     c.Reason,
		CancelAmount:     c.Amount,
		TaxFreeAmount:    c.TaxFree,
		RefundableAmount: c.Balance,
		IdempotencyKey:   c.IdempotencyKey,
	})
	return answer("cancel", OpCancel, reply, err, provider.Ref{Key: c.Key})
}

// answer translates one reply. asked is what the reply's payment must be: one about another payment proves nothing about ours.
func answer(call string, op Operation, reply Reply, err error, asked provider.Ref) provider.Answer {
	a := provider.Answer{Call: call, HTTP: reply.HTTP, Digest: reply.Digest, TraceID: reply.TraceID, Sent: reply.Sent}
	if err != nil {
		return a.Unread(err)
	}
	if reply.Code != "" {
		a.Code = reply.Code
		a.Class = Classify(op, reply.HTTP, reply.Code)
		a.Verdict = verdictOfRefusal(op, a.Class)
		a.Complete = asked.Number != "" && a.Verdict == provider.Absent
		return a
	}
	p, err := paymentOf(reply.Payment, reply.TestKey)
	if err != nil {
		return a.Unread(fmt.Errorf("toss: %s: %w", call, err))
	}
	if asked.Key != "" && p.Key != asked.Key || asked.Number != "" && p.Number != asked.Number {
		return a.Unread(fmt.Errorf("toss: %s: the reply is about another payment than asked", call))
	}
	a.Payment = p
	a.Verdict = verdictOf(p)
	a.Complete = asked.Number != "" && a.Verdict != provider.Unknown
	if a.Verdict == provider.Declined {
		a.Code, a.Class = failureOf(reply.Payment)
	}
	a.All = []provider.Shown{{Payment: p, Verdict: a.Verdict, Code: a.Code}}
	return a
}

// verdictOf maps a payment's status, and how much of it is left, to what it proves. Facts that contradict each other prove nothing.
func verdictOf(p provider.Payment) provider.Verdict {
	switch p.Status {
	case "READY", "IN_PROGRESS", "WAITING_FOR_DEPOSIT":
		return provider.Pending
	case "ABORTED", "EXPIRED":
		return provider.Declined
	case "DONE":
		switch {
		case p.Balance == p.Amount:
			return provider.Paid
		case p.Balance > 0:
			return provider.PartlyRefunded
		}
		return provider.Unknown
	case "PARTIAL_CANCELED":
		// Partial cancels that together give back everything leave this status with a balance of 0.
		switch {
		case p.Balance == 0:
			return provider.Refunded
		case p.Balance < p.Amount:
			return provider.PartlyRefunded
		}
		return provider.Unknown
	case "CANCELED":
		if p.Balance == 0 {
			return provider.Refunded
		}
		return provider.Unknown
	}
	return provider.Unknown // a status that was added after this was written
}

// verdictOfRefusal says what an error code proves about the payment. Only a confirm that was refused proves that it took nothing: a
// refused lookup or refund says nothing about the money.
func verdictOfRefusal(op Operation, class provider.Class) provider.Verdict {
	switch {
	case class == provider.ClassAbsent:
		return provider.Absent
	case op != OpConfirm:
		return provider.Unknown
	case class.Definitive():
		return provider.Declined
	case class == provider.ClassProcessing:
		return provider.Pending
	}
	return provider.Unknown
}

// failureOf says why a payment ended without money: its own failure, when that is a code whose class says so, too.
func failureOf(p Payment) (string, provider.Class) {
	code := p.Failure.Code
	if !isCode(code) {
		return "", provider.ClassDeclined
	}
	if class := Classify(OpConfirm, 0, code); class.Definitive() {
		return code, class
	}
	return code, provider.ClassDeclined
}

// Errors of paymentOf. They name the field and do not quote it.
var (
	errAmount = errors.New("the payment's amounts are not whole won in range")
	errField  = errors.New("a field of the payment is longer than documented")
)

// paymentOf translates a Payment object, or says why it cannot be one. What the verdict rests on must be right; the rest is left out
// when it is not.
func paymentOf(p Payment, sandbox bool) (provider.Payment, error) {
	if !transport.IsVisible(p.PaymentKey, paymentKeyMax) || !transport.IsVisible(p.OrderID, orderIDMax) || !transport.IsVisible(p.Status, 50) || !transport.IsVisible(p.Currency, 3) {
		return provider.Payment{}, errField
	}
	amount, amountErr := money.Whole(p.TotalAmount)
	balance, balanceErr := money.Whole(p.BalanceAmount)
	if amountErr != nil || balanceErr != nil || amount < 1 || balance < 0 || balance > amount {
		return provider.Payment{}, errAmount
	}
	approved, err := time.Parse(time.RFC3339, p.ApprovedAt)
	if err != nil {
		approved = time.Time{} // null until approved; no decision rests on it
	}
	return provider.Payment{
		Key:               p.PaymentKey,
		Number:            p.OrderID,
		Status:            p.Status,
		Amount:            amount,
		Balance:           balance,
		Currency:          p.Currency,
		TransactionKey:    transport.AtMost(p.LastTransactionKey, 64),
		ApprovedAt:        approved,
		Method:            paidWith(p, approved),
		ReceiptURL:        transport.Link(p.Receipt.URL),
		Sandbox:           sandbox,
		PartialRefundable: p.IsPartialCancelable,
	}, nil
}

// String implements fmt.Stringer without the source of keys.
func (a Adapter) String() string { return "toss.Adapter(" + transport.Redacted + ")" }

// Format implements fmt.Formatter for every verb.
func (a Adapter) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements slog.LogValuer.
func (a Adapter) LogValue() slog.Value { return slog.StringValue(a.String()) }
