package handler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/subscription"
)

// listedBody is an order on a list: what happened to it is told by GET /orders/{orderId}.
type listedBody struct {
	orderBody
	Payment *paymentBody `json:"payment,omitempty"`
}

type orderListBody struct {
	Orders []listedBody `json:"orders"`
	Next   string       `json:"next,omitempty"`
}

type subscriptionListBody struct {
	Subscriptions []subscriptionBody `json:"subscriptions"`
	Next          string             `json:"next,omitempty"`
}

func (h merchant) listOrders(ctx context.Context, r Request) (Response, error) {
	in, refusal := parameters(r, "day", "customerId", "attention", "status", "limit", "cursor")
	if refusal != nil {
		return *refusal, nil
	}
	if a := in["attention"]; a != "" && a != "true" {
		return invalidField("attention", "attention must be true, or be left out"), nil
	}
	limit, refusal := limitOf(in)
	if refusal != nil {
		return *refusal, nil
	}
	page, err := h.use.Lister.Orders(ctx, payment.OrderFilter{
		Day: in["day"], CustomerID: in["customerId"],
		Attention: in["attention"] == "true", Status: order.Status(in["status"]),
	}, limit, in["cursor"])
	if err != nil {
		return listFailed(err)
	}
	b := orderListBody{Orders: []listedBody{}, Next: page.Next}
	base := baseURL(h.base, r)
	for _, o := range page.Records {
		b.Orders = append(b.Orders, listedBody{h.bodyOf(o, base), paymentOf(o)})
	}
	return jsonResponse(http.StatusOK, b), nil
}

func (h merchant) listSubscriptions(ctx context.Context, r Request) (Response, error) {
	in, refusal := parameters(r, "status", "customerId", "dueFrom", "dueTill", "limit", "cursor")
	if refusal != nil {
		return *refusal, nil
	}
	limit, refusal := limitOf(in)
	if refusal != nil {
		return *refusal, nil
	}
	f := payment.SubscriptionFilter{Status: subscription.Status(in["status"]), CustomerID: in["customerId"]}
	for _, p := range []struct {
		name string
		into *time.Time
	}{{"dueFrom", &f.DueFrom}, {"dueTill", &f.DueTill}} {
		if in[p.name] == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, in[p.name])
		if err != nil {
			return invalidField(p.name, p.name+" must be a time such as 2026-11-28T12:00:00Z"), nil
		}
		*p.into = t
	}
	page, err := h.use.Lister.Subscriptions(ctx, f, limit, in["cursor"])
	if err != nil {
		return listFailed(err)
	}
	b := subscriptionListBody{Subscriptions: []subscriptionBody{}, Next: page.Next}
	base := baseURL(h.base, r)
	for _, s := range page.Records {
		b.Subscriptions = append(b.Subscriptions, subscriptionOf(s, base))
	}
	return jsonResponse(http.StatusOK, b), nil
}

func listFailed(err error) (Response, error) {
	if field, ok := errors.AsType[*payment.FieldError](err); ok {
		return invalidField(field.Field, field.Error()), nil
	}
	return Response{}, err
}

// parameters reads a query of our own API strictly: a misspelt filter must not list everything.
func parameters(r Request, names ...string) (map[string]string, *Response) {
	refuse := func(code, name, message string) (map[string]string, *Response) {
		response := fieldResponse(http.StatusBadRequest, code, name, message)
		return nil, &response
	}
	values, err := url.ParseQuery(r.RawQueryString)
	if err != nil {
		return refuse("INVALID_FIELD", "query", "the query is not readable: escape its values")
	}
	found := map[string]string{}
	for name, given := range values {
		switch {
		case !slices.Contains(names, name):
			return refuse("UNKNOWN_FIELD", name,
				fmt.Sprintf("unknown parameter %s; there are %s", name, strings.Join(names, ", ")))
		case len(given) > 1:
			return refuse("INVALID_FIELD", name, name+" is given twice")
		}
		found[name] = given[0]
	}
	return found, nil
}

func limitOf(in map[string]string) (int, *Response) {
	if in["limit"] == "" {
		return payment.PageDefault, nil
	}
	limit, err := strconv.Atoi(in["limit"])
	if err != nil || limit < 1 || limit > payment.PageMax {
		response := invalidField("limit", fmt.Sprintf("limit must be 1 to %d", payment.PageMax))
		return 0, &response
	}
	return limit, nil
}
