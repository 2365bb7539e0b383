package handler

import (
	"context"
	"errors"
	"net/http"
	"time"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/web"
)

// GateTime is what an answer to PortOne's question may take. PortOne waits 10 s, or 5 s (its documents say both), and
// what it does not hear in time it does not capture.
const GateTime = 2 * time.Second

// gateBodyMax: a question has some 100 bytes.
const gateBodyMax = 16 << 10

// gate serves confirm_url: PortOne asks just before its window captures, and captures only after a 200. Every other
// answer stops the payment, and the window shows its reason. 200 says that the approval is stored.
func (h confirm) gate(ctx context.Context, r Request) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, GateTime)
	defer cancel()
	data, ok := body(r, gateBodyMax)
	if !ok {
		return h.refuse(ctx, r, http.StatusRequestEntityTooLarge, web.GateUnavailable, ""), nil
	}
	asked, err := h.asked(data)
	if err != nil {
		return h.refuse(ctx, r, http.StatusBadRequest, web.GateUnavailable, ""), nil
	}
	o, objection, err := h.use.Approve(ctx, payment.Question{
		Provider: "portone", OrderID: r.PathParameters["orderId"], LinkToken: r.PathParameters["linkToken"],
		Question: asked,
	})
	if err == nil {
		err = ctx.Err() // nobody waits for the answer any more
	}
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return notHere(), nil
	case err != nil:
		return h.refuse(ctx, r, http.StatusServiceUnavailable, web.GateUnavailable, o.Language), err
	case objection != payment.NoObjection:
		if objection == payment.OtherAmount {
			h.log.WarnContext(ctx, "a window was about to take another amount than the order's; it was stopped",
				"event", "security.amount_mismatch",
				"orderId", o.ID, "attempt", o.Attempt, "amount", o.Amount.Value)
		}
		return h.refuse(ctx, r, http.StatusConflict, web.GateReason(objection), o.Language), nil
	}
	h.log.InfoContext(ctx, "a window may capture", "event", "gate.approved", "orderId", o.ID, "attempt", o.Attempt)
	return jsonResponse(http.StatusOK, map[string]string{"result": "ok"}), nil
}

// refuse stops a window, in the buyer's language as far as it is known.
func (h confirm) refuse(ctx context.Context, r Request, status int, reason web.GateReason, ofOrder string) Response {
	h.log.InfoContext(ctx, "a window was stopped before it captured",
		"event", "gate.refused", "orderId", r.PathParameters["orderId"],
		"status", status, "reason", string(reason))
	return jsonResponse(status, map[string]string{"reason": web.Gate(askedLanguage(r, ofOrder), reason)})
}
