package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/ledger"
	"tosspay-sam/sim/world"
)

//go:embed *.html
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{"won": won, "korean": korean}).ParseFS(pageFiles, "*.html"))

// How many lines the lists of the pages have.
const (
	shownMax    = 20
	webhooksMax = 10
)

// shop is the merchant's side on a laptop: it makes orders and subscriptions through the private API, as a merchant's server would, and
// shows what became of them beside the money the providers really moved.
type shop struct{ world *world.World }

type shopView struct {
	Orders    []shopOrder
	AllOrders int
	Entries   []ledger.Entry
	Moved     int
	said
}

type shopOrder struct {
	OrderID     string `json:"orderId"`
	Status      string `json:"status"`
	Provider    string `json:"provider"`
	Amount      int64  `json:"amount"`
	Name        string `json:"name"`
	Attempt     int    `json:"attempt"`
	CheckoutURL string `json:"checkoutUrl"`
}

func mountShop(w *world.World) {
	s := &shop{world: w}
	w.Mux().HandleFunc("GET /{$}", s.show)
	w.Mux().HandleFunc("POST /shop/orders", s.buy)
	w.Mux().HandleFunc("POST /shop/subscriptions", s.subscribe)
}

func (s *shop) show(w http.ResponseWriter, r *http.Request) {
	entries, ids := s.world.Ledger.Entries(), s.world.OrderIDs()
	v := shopView{Entries: latest(entries, shownMax), Moved: len(entries), AllOrders: len(ids), said: saidTo(r)}
	for _, id := range latest(ids, shownMax) {
		var o shopOrder
		if s.call(r, http.MethodGet, "/orders/"+id, nil, &o) == http.StatusOK {
			v.Orders = append(v.Orders, o)
		}
	}
	render(w, "shop.html", v)
}

// latest returns the last n of a list, latest first.
func latest[T any](all []T, n int) []T {
	shown := slices.Clone(all[max(0, len(all)-n):])
	slices.Reverse(shown)
	return shown
}

func render(w http.ResponseWriter, page string, view any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = pages.ExecuteTemplate(w, page, view) // the reader may be gone
}

// buy makes an order and sends the browser to its payment page.
func (s *shop) buy(w http.ResponseWriter, r *http.Request) {
	order := map[string]any{
		"provider": r.FormValue("provider"), "amount": amountOf(r), "currency": "KRW", "name": r.FormValue("name"), "language": r.FormValue("language"),
	}
	if r.FormValue("provider") == "toss" {
		order["toss"] = map[string]any{"useInternationalCardOnly": r.FormValue("international") == "on"}
	}
	s.send(w, r, "once", "/orders", order)
}

// subscribe makes a subscription and sends the browser to the page that registers its means of payment.
func (s *shop) subscribe(w http.ResponseWriter, r *http.Request) {
	body := map[string]any{
		"customerId": "shop-customer", "language": r.FormValue("language"),
		"plan": map[string]any{"amount": amountOf(r), "currency": "KRW", "name": r.FormValue("name"), "interval": r.FormValue("interval")},
	}
	if day := r.FormValue("first"); day != "" {
		first, err := time.ParseInLocation(time.DateOnly, day, subscription.Seoul)
		if err != nil {
			refused(w, r, "again", "the first charge must be a date such as 2027-01-31")
			return
		}
		if now := s.world.Clock.Now(); first.After(now) || now.Sub(first) >= 24*time.Hour {
			body["firstChargeAt"], body["trial"] = first, map[string]any{"free": false}
		} // else today, which is the date it has without one
	}
	s.send(w, r, "again", "/subscriptions", body)
}

// send makes a record and opens its page. part is the form's, where a refusal is shown.
func (s *shop) send(w http.ResponseWriter, r *http.Request, part, path string, body map[string]any) {
	var answer struct {
		CheckoutURL string
		Error       struct{ Message string }
	}
	if status := s.call(r, http.MethodPost, path, body, &answer); status != http.StatusCreated {
		refused(w, r, part, answer.Error.Message)
		return
	}
	http.Redirect(w, r, answer.CheckoutURL, http.StatusSeeOther)
}

func refused(w http.ResponseWriter, r *http.Request, part, message string) {
	query := url.Values{"at": {part}, "error": {"It was refused: " + message}}
	http.Redirect(w, r, "/?"+query.Encode()+"#"+part, http.StatusSeeOther)
}

func amountOf(r *http.Request) int64 {
	amount, err := strconv.ParseInt(strings.ReplaceAll(r.FormValue("amount"), ",", ""), 10, 64)
	if err != nil {
		return 0 // which the private API refuses
	}
	return amount
}

// call asks the private API in the same process and reads its JSON.
func (s *shop) call(r *http.Request, method, path string, body, into any) int {
	text, err := json.Marshal(body)
	if err != nil {
		return http.StatusInternalServerError
	}
	request := httptest.NewRequestWithContext(r.Context(), method, "http://"+r.Host+path, strings.NewReader(string(text)))
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

// korean writes a time as it is in Korea; nothing for none.
func korean(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(subscription.Seoul).Format("2006-01-02 15:04")
}
