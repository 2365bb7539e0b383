package world

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"tosspay-sam/shared/handler"
)

// madeMax is how many ids of a kind are remembered.
const madeMax = 100_000

// index remembers what was made through the private API: the store has no list of its records, and needs none.
type index struct {
	mu            sync.Mutex
	orders        []string
	subscriptions []string
}

// noting is the door with a look at what its answers say was made.
func (x *index) noting(door handler.Door) handler.Door {
	return func(ctx context.Context, r handler.Request) (handler.Response, error) {
		response, err := door(ctx, r)
		if err == nil && response.StatusCode == http.StatusCreated {
			x.note(r.RouteKey, response.Body)
		}
		return response, err
	}
}

func (x *index) note(routeKey, body string) {
	var made struct{ OrderID, SubscriptionID string }
	if json.Unmarshal([]byte(body), &made) != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case routeKey == "POST /orders" && len(x.orders) < madeMax:
		x.orders = append(x.orders, made.OrderID)
	case routeKey == "POST /subscriptions" && len(x.subscriptions) < madeMax:
		x.subscriptions = append(x.subscriptions, made.SubscriptionID)
	}
}

// OrderIDs lists the orders made through the private API since the world began, oldest first. Those of cycles are not among them: they are
// <subscription>--c<k>.
func (w *World) OrderIDs() []string { return w.made.list(&w.made.orders) }

// SubscriptionIDs does the same for subscriptions.
func (w *World) SubscriptionIDs() []string { return w.made.list(&w.made.subscriptions) }

func (x *index) list(ids *[]string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(*ids)
}
