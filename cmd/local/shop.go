package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/world"
)

//go:embed shop.html
var shopHTML string

var shopPage = template.Must(template.New("shop").Parse(shopHTML))

// shownMax is how many orders the page lists.
const shownMax = 20

// shop is the merchant's side on a laptop: it makes orders through the private API, as a merchant's server would, and shows what became of
// them beside the money the provider really moved.
type shop struct {
	world *world.World

	mu     sync.Mutex
	orders []string // ids made here, latest first
}

type shopView struct {
	Orders  []shopOrder
	Entries []ledger.Entry
	Error   string
}

type shopOrder struct {
	OrderID     string `json:"orderId"`
	Status      string `json:"status"`
	Amount      int64  `json:"amount"`
	Name        string `json:"name"`
	Attempt     int    `json:"attempt"`
	CheckoutURL string `json:"checkoutUrl"`
}

func mountShop(w *world.World) {
	s := &shop{world: w}
	w.Mux().HandleFunc("GET /{$}", s.show)
	w.Mux().HandleFunc("POST /shop/orders", s.buy)
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ids := slices.Clone(s.orders)
	s.mu.Unlock()
	v := shopView{Entries: s.world.Ledger.Entries(), Error: r.URL.Query().Get("error")}
	slices.Reverse(v.Entries)
	for _, id := range ids[:min(len(ids), shownMax)] {
		var o shopOrder
		if s.call(r, http.MethodGet, "/orders/"+id, "", &o) == http.StatusOK {
			v.Orders = append(v.Orders, o)
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = shopPage.Execute(w, v)
}

// buy makes an order and sends the browser to its payment page.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	amount, err := strconv.ParseInt(strings.ReplaceAll(r.FormValue("amount"), ",", ""), 10, 64)
	if err != nil {
		amount = 0
	}
	order := map[string]any{
		"provider": "toss", "amount": amount, "currency": "KRW", "name": r.FormValue("name"), "language": r.FormValue("language"),
		"toss": map[string]any{"useInternationalCardOnly": r.FormValue("international") == "on"},
	}
	text, err := json.Marshal(order)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	var answer struct {
		shopOrder
		Error struct{ Message string }
	}
	if status := s.call(r, http.MethodPost, "/orders", string(text), &answer); status != http.StatusCreated {
		http.Redirect(w, r, "/?error="+template.URLQueryEscaper(answer.Error.Message), http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	s.orders = slices.Insert(s.orders, 0, answer.OrderID)
	s.mu.Unlock()
	http.Redirect(w, r, answer.CheckoutURL, http.StatusSeeOther)
}

// call asks the private API in the same process and reads its JSON.
func (s *shop) call(r *http.Request, method, path, body string, into any) int {
	request := httptest.NewRequestWithContext(r.Context(), method, "http://"+r.Host+path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	recorder := httptest.NewRecorder()
	s.world.ServeHTTP(recorder, request)
	if err := json.Unmarshal(recorder.Body.Bytes(), into); err != nil {
		return http.StatusInternalServerError
	}
	return recorder.Code
}

// Won writes an amount as a reader expects it.
func (o shopOrder) Won() string { return won(o.Amount) }

func won(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return fmt.Sprintf("₩%s", text)
}
