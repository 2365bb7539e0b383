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
func Checkout(c *payment.Checkout, log *slog.Logger, publicBase string) Door {
	h := checkout{c, publicBase}
	return serve(log, map[string]route{
		"GET /pay/{id}/{linkToken}":        h.page,
		"GET /pay/{id}/{linkToken}/status": h.status,
	}, problemPage)
}

type checkout struct {
	use  *payment.Checkout
	base string
}

func (h checkout) page(ctx context.Context, r Request) (Response, error) {
	base := baseURL(h.base, r)
	p, err := h.use.Open(ctx, r.PathParameters["id"], r.PathParameters["linkToken"], base)
	if errors.Is(err, payment.ErrNotFound) {
		return pageResponse(web.NotFound(askedLanguage(r, ""))), nil
	}
	if err != nil {
		return Response{}, err
	}
	o, lang := p.Order, askedLanguage(r, p.Order.Language)
	if !p.Payable {
		return pageResponse(orderPage(o, orderPageOptions{lang: lang, base: base, expired: o.Status == order.Open})), nil
	}
	return pageResponse(web.Checkout(web.CheckoutView{
		Language: lang, Provider: o.Provider, OrderID: o.ID, OrderName: o.Name, AmountValue: o.Amount.Value, Currency: string(o.Amount.Currency),
		ScriptURL: p.Window.Script, ClientKey: p.Window.ClientKey, CustomerKey: p.Window.CustomerKey, WindowJSON: p.Window.Params,
		Notice: noticeOf(o), NoticeCode: refusalCode(o, o.Attempt.N-1), LanguageLinks: languageLinks(o, base), ReturnURL: returnURL(o),
	})), nil
}

// status is for a page that waits; it says no more than the page itself would.
func (h checkout) status(ctx context.Context, r Request) (Response, error) {
	o, err := h.use.Status(ctx, r.PathParameters["id"], r.PathParameters["linkToken"])
	if errors.Is(err, payment.ErrNotFound) {
		return errorResponse(http.StatusNotFound, "NOT_FOUND", "no such order"), nil
	}
	if err != nil {
		return errorResponse(http.StatusInternalServerError, "INTERNAL", "the status could not be read; try again"), err
	}
	return jsonResponse(http.StatusOK, map[string]string{"status": string(o.Status)}), nil
}

func noticeOf(o order.Order) web.ResultState {
	if o.Attempt.N > 1 {
		return web.ResultDeclined
	}
	return ""
}
