package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"tosspay-sam/sim/awssim"
)

// told takes what the functions that tell the merchant send from containers of `sam local`: to the event bus, to the
// delivery queue, and to a shop.
type told struct {
	awssim.AWS
	mu   sync.Mutex
	shop []delivery
}

// delivery is one request that the shop got, as it came.
type delivery struct {
	ID        string `json:"webhook-id"`
	Timestamp string `json:"webhook-timestamp"`
	Signature string `json:"webhook-signature"`
	Body      string `json:"body"`
	Status    int    `json:"status"` // what it answered
}

// shopPath is where events/env.json has the merchant's webhook.
const shopPath = "/sim/shop"

// shopAnswers are what events/deliver-batch.json is about, by event; any other is taken.
var shopAnswers = map[string]int{
	"order/order-0002/3/paid": http.StatusInternalServerError,
	"order/order-0003/3/paid": http.StatusGone,
}

// ServeHTTP serves both services and the shop.
func (d *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != shopPath {
		d.AWS.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id := r.Header.Get("webhook-id")
	status, special := shopAnswers[id]
	if !special {
		status = http.StatusNoContent
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shop = append(d.shop, delivery{
		id, r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), string(body), status,
	})
	w.WriteHeader(status)
}

func (d *told) forget() {
	d.Reset()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shop = nil
}

// show answers with all that has come since the scene was set.
func (d *told) show(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		awssim.Seen
		Shop []delivery `json:"shop"`
	}{d.Seen(), d.shop})
}
