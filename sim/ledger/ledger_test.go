package ledger_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tosspay-sam/sim/ledger"
)

func TestEntriesKeepOrderAndAreACopy(t *testing.T) {
	t.Parallel()
	var l ledger.Ledger
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	l.Add(ledger.Entry{Provider: "toss", Kind: ledger.Capture, OrderID: "order-1", Amount: 1000, At: at})
	l.Add(ledger.Entry{Provider: "toss", Kind: ledger.Cancel, OrderID: "order-1", Amount: 400, At: at})

	got := l.Entries()
	if len(got) != 2 || got[0].Kind != ledger.Capture || got[1].Amount != 400 {
		t.Fatalf("entries = %+v, want the capture and then the cancel", got)
	}
	got[0].Amount = 9
	if l.Entries()[0].Amount != 1000 {
		t.Error("changing the returned slice changed the ledger")
	}
}

func TestServeHTTP(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		method  string
		entries []ledger.Entry
		status  int
		body    string
	}{
		{"empty is a list, not null", http.MethodGet, nil, 200, `{"entries":[]}`},
		{"one capture", http.MethodGet,
			[]ledger.Entry{{Provider: "toss", Kind: ledger.Capture, OrderID: "order-1", Amount: 1000, At: at}}, 200,
			`{"entries":[{"provider":"toss","kind":"capture","orderId":"order-1","amount":1000,"at":"2026-11-01T09:00:00Z"}]}`},
		{"nobody writes over HTTP", http.MethodPost, nil, 405, "the ledger is read-only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var l ledger.Ledger
			for _, e := range tc.entries {
				l.Add(e)
			}
			w := httptest.NewRecorder()
			l.ServeHTTP(w, httptest.NewRequest(tc.method, "/sim/ledger", nil))
			if w.Code != tc.status || strings.TrimSpace(w.Body.String()) != tc.body {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, tc.status, tc.body)
			}
			if got := len(l.Entries()); got != len(tc.entries) {
				t.Errorf("the ledger has %d entries after the request, want %d", got, len(tc.entries))
			}
		})
	}
}

func TestConcurrentAdd(t *testing.T) {
	t.Parallel()
	var l ledger.Ledger
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			l.Add(ledger.Entry{Provider: "toss", Kind: ledger.Capture, OrderID: "order-1", Amount: 1})
			l.Entries()
		})
	}
	wg.Wait()
	if got := len(l.Entries()); got != 100 {
		t.Errorf("%d entries, want 100", got)
	}
}
