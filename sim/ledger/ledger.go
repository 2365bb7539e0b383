// Package ledger is the list of money that the simulated providers really
// moved. It is the ground truth of every test: what our own table says about an
// order is right only if this list proves it.
package ledger

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The two ways money moves: from the buyer, and back to the buyer.
const (
	Capture = "capture"
	Cancel  = "cancel"
)

// Entry is one movement of money.
type Entry struct {
	Provider string    `json:"provider"` // "toss", "portone"
	Kind     string    `json:"kind"`     // Capture or Cancel
	OrderID  string    `json:"orderId"`  // the order number as the provider saw it
	Amount   int64     `json:"amount"`   // in the smallest unit of the currency (KRW: won), always positive
	At       time.Time `json:"at"`       // by the provider's clock
}

// Ledger keeps the movements in the order they happened. The zero value is
// empty and ready; one Ledger is shared by all simulated providers. It is safe
// for concurrent use.
type Ledger struct {
	mu      sync.Mutex
	entries []Entry
}

// Add appends one movement. A provider calls it in the same critical section
// that changes the payment, so that ledger and payment never disagree.
func (l *Ledger) Add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

// Entries returns a copy of all movements, oldest first.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// ServeHTTP answers GET with {"entries":[...]}; the list is never null.
func (l *Ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the ledger is read-only", http.StatusMethodNotAllowed)
		return
	}
	body := struct {
		Entries []Entry `json:"entries"`
	}{Entries: append([]Entry{}, l.Entries()...)}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// A write error means the reader hung up; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
