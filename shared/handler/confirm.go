package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
	"tosspay-sam/shared/web"
)

// Confirm is the door to which the providers' windows send the buyer back, and at which PortOne asks before one
// captures: ask reads its question.
func Confirm(
	s *payment.Settler, e *payment.Enroller, ask func(body []byte) (provider.Question, error),
	log *slog.Logger, publicBase string,
) Door {
	h := confirm{s, e, ask, log, publicBase}
	return serve(log, map[string]route{
		"GET /consent/{id}/{consentToken}":             h.consent,
		"POST /consent/{id}/{consentToken}":            h.consented,
		"GET /confirm/toss/{orderId}/{linkToken}":      h.success,
		"GET /confirm/toss/{orderId}/{linkToken}/fail": h.fail,
		"GET /confirm/portone/{id}/{linkToken}":        h.returned,
		"POST /gate/portone/{orderId}/{linkToken}":     h.gate,
	}, problemPage)
}

type confirm struct {
	use    *payment.Settler
	enroll *payment.Enroller
	asked  func(body []byte) (provider.Question, error)
	log    *slog.Logger
	base   string
}

// success serves the successUrl: ?paymentKey=&orderId=&amount= and whatever else the provider adds.
func (h confirm) success(ctx context.Context, r Request) (Response, error) {
	q, doubtful := query(r, "paymentKey", "orderId", "amount")
	if len(doubtful) > 0 {
		return h.badReturn(ctx, r, fmt.Errorf("%w: two of %s", payment.ErrReturn, doubtful[0])), nil
	}
	result, err := h.use.Confirm(ctx, payment.Return{
		Provider: "toss", OrderID: r.PathParameters["orderId"], LinkToken: r.PathParameters["linkToken"],
		Number: q["orderId"], Key: q["paymentKey"], Amount: q["amount"],
	})
	if result.Outcome == payment.Tampered {
		h.log.WarnContext(ctx, "the redirect's amount is not the order's; nothing was asked of the provider",
			"event", "security.amount_mismatch",
			"orderId", result.Order.ID, "attempt", result.Attempt, "amount", result.Order.Amount.Value)
	}
	return h.answer(ctx, r, result, err, orderPageOptions{
		attempt: result.Attempt, tampered: result.Outcome == payment.Tampered,
	})
}

// fail serves the failUrl: ?code=&message=&orderId=, the last one missing when the buyer closed the window. The code
// chooses a page and nothing else; the message is never shown.
func (h confirm) fail(ctx context.Context, r Request) (Response, error) {
	q, _ := query(r, "code")
	result, err := h.use.Fail(ctx, r.PathParameters["orderId"], r.PathParameters["linkToken"])
	if err == nil {
		h.log.InfoContext(ctx, "the window was left without a payment",
			"event", "window.failed", "orderId", result.Order.ID,
			"code", knownCode(q["code"]))
	}
	return h.answer(ctx, r, result, err, orderPageOptions{
		attempt: result.Attempt, failCode: knownCode(q["code"]), failed: true,
	})
}

// returned serves m_redirect_url and the popup's callback, of an order and of a billing key's issuance:
// ?imp_uid=&merchant_uid=, and error_code and error_msg when the window thinks that it failed. Older windows say
// imp_success or success instead. The message is never shown, and none of it is believed.
func (h confirm) returned(ctx context.Context, r Request) (Response, error) {
	// What is in doubt is looked up without.
	q, _ := query(r, "imp_uid", "merchant_uid", "error_code", "imp_success", "success")
	failed := q["error_code"] != "" || q["imp_success"] == "false" || q["success"] == "false"
	code := knownCode(q["error_code"])
	if n, err := order.ParseNumber(r.PathParameters["id"]); err == nil && n.Key > 0 && h.enroll != nil {
		return h.issued(ctx, r, failed, code)
	}
	result, err := h.use.Return(ctx, payment.WindowReturn{
		Provider: "portone", OrderID: r.PathParameters["id"], LinkToken: r.PathParameters["linkToken"],
		Number: q["merchant_uid"], Key: q["imp_uid"], Failed: failed,
	})
	return h.answer(ctx, r, result, err, orderPageOptions{attempt: result.Attempt, failed: failed, failCode: code})
}

// issued shows what became of a billing key's issuance.
func (h confirm) issued(ctx context.Context, r Request, failed bool, code string) (Response, error) {
	s, err := h.enroll.Return(ctx, r.PathParameters["id"], r.PathParameters["linkToken"], failed)
	lang := askedLanguage(r, s.Language)
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return pageResponse(web.NotFound(lang)), nil
	case err != nil && s.ID == "":
		return Response{}, err
	}
	return pageResponse(subscriptionPage(s, subscriptionPageOptions{
		lang: lang, kept: keptLanguage(r), base: baseURL(h.base, r), now: h.enroll.Now(),
		failed: failed, failCode: code,
	})), err
}

// answer shows the order. An error beside an order means that the money may have moved and its record is late: the
// buyer gets the page that waits, and the log gets the error.
func (h confirm) answer(
	ctx context.Context, r Request, result payment.Result, err error, options orderPageOptions,
) (Response, error) {
	options.base = baseURL(h.base, r)
	options.lang, options.kept = askedLanguage(r, result.Order.Language), keptLanguage(r)
	options.expired = result.Order.Status == order.Open && !h.use.Now().Before(result.Order.ExpiresAt)
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return pageResponse(web.NotFound(options.lang)), nil
	case errors.Is(err, payment.ErrReturn):
		return h.badReturn(ctx, r, err), nil
	case errors.Is(err, payment.ErrNotReady):
		return pageResponse(web.Problem(options.lang, http.StatusServiceUnavailable, r.RequestContext.RequestID)), err
	case err != nil && result.Order.Status != order.Processing:
		return Response{}, err
	}
	return pageResponse(orderPage(result.Order, options)), err
}

func (h confirm) badReturn(ctx context.Context, r Request, err error) Response {
	h.log.WarnContext(ctx, "a redirect was refused",
		"event", "redirect.refused", "orderId", r.PathParameters["orderId"], "cause", err.Error())
	return pageResponse(web.Problem(askedLanguage(r, ""), http.StatusBadRequest, r.RequestContext.RequestID))
}

// knownCode keeps a code only when it has a code's form, so that a redirect cannot write into logs and pages.
func knownCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	for _, b := range []byte(code) {
		if !('A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_') {
			return ""
		}
	}
	return code
}
