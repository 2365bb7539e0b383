package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Orders yields the orders that a filter names, the newest first, page by page; after an error it ends. Which order is shown, and when, is
// said by GET /orders of api/openapi.yaml.
func (c *Client) Orders(ctx context.Context, f OrderFilter) iter.Seq2[Order, error] {
	query := url.Values{}
	set(query, "day", f.Day)
	set(query, "customerId", f.CustomerID)
	set(query, "status", string(f.Status))
	if f.Attention {
		query.Set("attention", "true")
	}
	return pages(query, f.Limit, func(query url.Values) ([]Order, string, error) {
		page, err := call[struct {
			Orders []Order
			Next   string
		}](ctx, c, http.MethodGet, query, nil, "orders")
		return page.Orders, page.Next, err
	})
}

// Subscriptions yields the subscriptions that a filter names, the newest first, or with DueTill the next due first.
func (c *Client) Subscriptions(ctx context.Context, f SubscriptionFilter) iter.Seq2[Subscription, error] {
	query := url.Values{}
	set(query, "status", string(f.Status))
	set(query, "customerId", f.CustomerID)
	if !f.DueFrom.IsZero() {
		query.Set("dueFrom", f.DueFrom.UTC().Format(time.RFC3339))
	}
	if !f.DueTill.IsZero() {
		query.Set("dueTill", f.DueTill.UTC().Format(time.RFC3339))
	}
	return pages(query, f.Limit, func(query url.Values) ([]Subscription, string, error) {
		page, err := call[struct {
			Subscriptions []Subscription
			Next          string
		}](ctx, c, http.MethodGet, query, nil, "subscriptions")
		return page.Subscriptions, page.Next, err
	})
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// pages follows the cursors until a page has none.
func pages[T any](query url.Values, limit int, read func(url.Values) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if limit > 0 {
			query.Set("limit", strconv.Itoa(limit))
		}
		for {
			records, next, err := read(query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, record := range records {
				if !yield(record, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			query.Set("cursor", next)
		}
	}
}
