package handler

import (
	"time"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
)

// lineBody is one payment the provider has shown, and what it is to the order.
type lineBody struct {
	Key      string `json:"key"`
	Attempt  int    `json:"attempt"`
	State    string `json:"state"` // begun, doubtful, declined or captured
	Amount   int64  `json:"amount"`
	Balance  int64  `json:"balance"` // what is not refunded
	Currency string `json:"currency"`
	// Role is kept, surplus, returned or foreign; none of a payment that took nothing.
	Role       string     `json:"role,omitempty"`
	Reason     string     `json:"reason,omitempty"` // why it is surplus: mismatch, second, late or resolved
	Code       string     `json:"code,omitempty"`   // why it was declined
	Test       bool       `json:"test,omitempty"`
	ApprovedAt *time.Time `json:"approvedAt,omitempty"`
	SeenAt     time.Time  `json:"seenAt"` // when the newest question was asked that showed it so
}

// requestBody is something that may move money and is not accounted for yet, or a refund.
type requestBody struct {
	Kind      string     `json:"kind"` // return, approval, confirm, charge, notice or cancel
	Attempt   int        `json:"attempt"`
	Key       string     `json:"key,omitempty"` // of the payment; of a charge: the billing key
	RefundID  string     `json:"refundId,omitempty"`
	Amount    int64      `json:"amount,omitempty"`
	Reason    string     `json:"reason,omitempty"` // of a refund
	At        time.Time  `json:"at"`
	Outcome   string     `json:"outcome,omitempty"` // of a refund: pending, done or denied
	Code      string     `json:"code,omitempty"`    // the provider's reply
	RepliedAt *time.Time `json:"repliedAt,omitempty"`
}

func linesOf(o order.Order) []lineBody {
	lines := []lineBody{}
	for _, p := range o.Ledger.Payments {
		lines = append(lines, lineBody{
			Key: p.Key, Attempt: p.Attempt, State: p.State.String(),
			Amount: p.Amount, Balance: p.Balance, Currency: p.Currency,
			Role: p.Role.String(), Reason: string(p.Reason), Code: p.Code, Test: p.Test,
			ApprovedAt: given(p.ApprovedAt), SeenAt: p.SeenAt,
		})
	}
	return lines
}

func requestsOf(o order.Order) []requestBody {
	requests := []requestBody{}
	for _, r := range o.Ledger.Requests {
		requests = append(requests, requestOf(r))
	}
	return requests
}

func requestOf(r ledger.Request) requestBody {
	b := requestBody{
		Kind: r.Kind.String(), Attempt: r.Attempt, Key: r.Key, RefundID: r.RefundID, Reason: r.Reason, At: r.At,
		Code: r.Code, RepliedAt: given(r.RepliedAt),
	}
	if r.Kind == ledger.Cancel {
		b.Amount = r.Amount
	}
	if r.RefundID != "" {
		b.Outcome = r.Outcome.String()
	}
	return b
}
