package handler

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
)

// refundBody is POST /orders/{orderId}/refunds.
type refundBody struct {
	RefundID string `json:"refundId"`
	Amount   *int64 `json:"amount"` // absent: all that is left
	Reason   string `json:"reason"`
}

// refundedBody is a refund as it stands, with what is left of the payment.
type refundedBody struct {
	requestBody
	OrderID    string       `json:"orderId"`
	Status     order.Status `json:"status"`     // of the order
	Balance    int64        `json:"balance"`    // of the payment, as the provider shows it
	Refundable int64        `json:"refundable"` // the balance without the refunds that are under way
}

// resolveBody is POST /orders/{orderId}/resolve.
type resolveBody struct {
	Decision string `json:"decision"` // keep or give-back
	Payment  string `json:"payment"`  // the provider's key
	Reason   string `json:"reason"`
}

// refund records a refund. The schedule makes it: the answer is 202 while it is pending, and 200 once it has ended.
func (h merchant) refund(ctx context.Context, r Request) (Response, error) {
	var in refundBody
	if refusal := decode(r, &in, ""); refusal != nil {
		return *refusal, nil
	}
	if refusal := named(r, &in.RefundID, refundIDMax); refusal != nil {
		return *refusal, nil
	}
	wish := payment.Refund{ID: in.RefundID, Reason: in.Reason}
	if in.Amount != nil {
		if wish.Amount = *in.Amount; wish.Amount < 1 {
			return invalidField("amount",
				"amount must be a whole number of won, 1 or more; leave it out to refund all that is left"), nil
		}
	}
	o, made, err := h.use.Settler.Refund(ctx, r.PathParameters["orderId"], wish)
	if err != nil {
		return refusedDecision(o, err)
	}
	status := http.StatusAccepted
	if made.Outcome != ledger.Pending {
		status = http.StatusOK
	}
	return jsonResponse(status, refundedBody{
		requestOf(made), o.ID, o.Status, o.Capture.Balance, o.Ledger.Refundable(),
	}), nil
}

const refundIDMax = 64

// resolve records what a person decided about a payment of an order in review. Who it was is the caller whose signature
// API Gateway has checked.
func (h merchant) resolve(ctx context.Context, r Request) (Response, error) {
	var in resolveBody
	if refusal := decode(r, &in, ""); refusal != nil {
		return *refusal, nil
	}
	if in.Decision != "keep" && in.Decision != "give-back" {
		return invalidField("decision", "decision must be keep or give-back"), nil
	}
	o, err := h.use.Settler.Resolve(ctx, r.PathParameters["orderId"], ledger.Resolution{
		Key: in.Payment, Keep: in.Decision == "keep", By: caller(r), Reason: in.Reason,
	})
	if err != nil {
		return refusedDecision(o, err)
	}
	return jsonResponse(http.StatusOK, h.readOf(o, baseURL(h.base, r))), nil
}

// caller is who signed the request.
func caller(r Request) string {
	if a := r.RequestContext.Authorizer; a != nil && a.IAM != nil && a.IAM.UserARN != "" {
		return a.IAM.UserARN
	}
	return "not known"
}

func overBalance(o order.Order) error {
	return fmt.Errorf("the amount is over what may still be refunded: %d of %d, of which %d are left at the provider",
		o.Ledger.Refundable(), o.Capture.Amount.Value, o.Capture.Balance)
}

// refusedDecision answers a refund or a resolution that the order's ledger does not allow.
func refusedDecision(o order.Order, err error) (Response, error) {
	var field *payment.FieldError
	conflict := func(code string) (Response, error) {
		return errorResponse(http.StatusConflict, code, err.Error()), nil
	}
	switch {
	case errors.As(err, &field):
		return invalidField(field.Field, field.Error()), nil
	case errors.Is(err, payment.ErrNotFound):
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such order"), nil
	case errors.Is(err, ledger.ErrOverBalance):
		err = overBalance(o)
		return conflict("OVER_BALANCE")
	case errors.Is(err, ledger.ErrNotPaid), errors.Is(err, ledger.ErrOtherNumber):
		return conflict("NOT_PAID")
	case errors.Is(err, ledger.ErrWholeOnly):
		return conflict("WHOLE_ONLY")
	case errors.Is(err, ledger.ErrRefundID):
		return conflict("REFUND_EXISTS")
	case errors.Is(err, ledger.ErrTooMany):
		return conflict("TOO_MANY_REFUNDS")
	case errors.Is(err, ledger.ErrNotInReview):
		return conflict("NOT_IN_REVIEW")
	case errors.Is(err, ledger.ErrNoMoney):
		return conflict("NO_MONEY")
	case errors.Is(err, ledger.ErrKeepsOther):
		return conflict("KEEPS_ANOTHER")
	}
	return Response{}, err
}
