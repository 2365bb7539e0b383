package handler

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/web"
)

// Checkout is the payment page's door.
func Checkout(c *payment.Checkout, e *payment.Enroller, log *slog.Logger, publicBase string) Door {
	h := checkout{c, e, publicBase}
	return serve(log, map[string]route{
		"GET /pay/{id}/{linkToken}":        h.page,
		"GET /pay/{id}/{linkToken}/status": h.status,
	}, problemPage)
}

type checkout struct {
	use    *payment.Checkout
	enroll *payment.Enroller
	base   string
}

func (h checkout) page(ctx context.Context, r Request) (Response, error) {
	if n, err := order.ParseNumber(r.PathParameters["id"]); err == nil && n.Key > 0 && h.enroll != nil {
		return h.issuance(ctx, r)
	}
	base := baseURL(h.base, r)
	p, err := h.use.Open(ctx, r.PathParameters["id"], r.PathParameters["linkToken"], base, speaker(r))
	if errors.Is(err, payment.ErrNotFound) {
		return pageResponse(web.NotFound(askedLanguage(r, ""))), nil
	}
	if err != nil {
		return Response{}, err
	}
	o, lang := p.Order, askedLanguage(r, p.Order.Language)
	if !p.Payable {
		return pageResponse(orderPage(o, orderPageOptions{
			lang: lang, kept: keptLanguage(r), base: base, expired: o.Status == order.Open,
		})), nil
	}
	return pageResponse(web.Checkout(web.CheckoutView{
		Language: lang, Provider: o.Provider, OrderID: o.ID, OrderName: o.Name,
		AmountValue: o.Amount.Value, Currency: string(o.Amount.Currency),
		ScriptURL: p.Window.Script, ClientKey: p.Window.ClientKey, CustomerKey: p.Window.CustomerKey,
		WindowJSON: p.Window.Params, Notice: noticeOf(o), NoticeCode: o.RefusalCode(o.Attempt - 1),
		LanguageLinks: languageLinks(o, base), ReturnURL: backToShop(o.ReturnURL, "orderId", o.ID),
	})), nil
}

// issuance is the page that registers a means of payment for a subscription.
func (h checkout) issuance(ctx context.Context, r Request) (Response, error) {
	base := baseURL(h.base, r)
	e, err := h.enroll.Open(ctx, r.PathParameters["id"], r.PathParameters["linkToken"], base, speaker(r))
	s := e.Subscription
	lang := askedLanguage(r, s.Language)
	switch {
	case errors.Is(err, payment.ErrNotFound):
		return pageResponse(web.NotFound(lang)), nil
	case err != nil:
		return Response{}, err
	case s.Issuing() == nil:
		return pageResponse(subscriptionPage(s, subscriptionPageOptions{
			lang: lang, kept: keptLanguage(r), base: base, now: h.enroll.Now(),
		})), nil
	}
	return pageResponse(issuancePage(e, lang, base, h.enroll.Now())), nil
}

// status is for a page that waits; it says no more than the page itself would.
func (h checkout) status(ctx context.Context, r Request) (Response, error) {
	if n, err := order.ParseNumber(r.PathParameters["id"]); err == nil && n.Key > 0 && h.enroll != nil {
		s, err := h.enroll.Status(ctx, r.PathParameters["id"], r.PathParameters["linkToken"])
		return statusResponse(string(s.Status), err)
	}
	o, err := h.use.Status(ctx, r.PathParameters["id"], r.PathParameters["linkToken"])
	return statusResponse(string(o.Status), err)
}

func statusResponse(status string, err error) (Response, error) {
	if errors.Is(err, payment.ErrNotFound) {
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such order"), nil
	}
	if err != nil {
		return errorResponse(http.StatusInternalServerError, "INTERNAL", "the status could not be read; try again"), err
	}
	return jsonResponse(http.StatusOK, map[string]string{"status": status}), nil
}

func noticeOf(o order.Order) web.ResultState {
	if returnedMoney(o, o.Attempt-1) {
		return web.ResultReturned
	}
	if o.Attempt > 1 {
		return web.ResultDeclined
	}
	return ""
}
