// Command go is a shop in one file: sell, let the buyer pay, ship when the API says paid.
//
//	make run                                            # in another terminal, with ARGS="-merchant-webhook http://127.0.0.1:4000/webhook"
//	WEBHOOK_SECRET=whsec_... go run ./examples/go       # then open http://127.0.0.1:4000
//
// Against a deployment: TOSSPAY_API=https://... AWS_REGION=ap-northeast-2 and credentials in the environment.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"tosspay-sam/client"
)

type shop struct {
	api       *client.Client
	key       []byte // of the webhooks
	returnURL string // must be on the deployment's ReturnUrlAllowList

	mu                     sync.Mutex
	shipped, members, told map[string]bool // your database: orders, subscriptions that run, ids of events you have had
}

func main() {
	o := client.Options{BaseURL: env("TOSSPAY_API", "http://127.0.0.1:3000"), Region: os.Getenv("AWS_REGION")}
	if os.Getenv("AWS_ACCESS_KEY_ID") != "" { // in a real server config.LoadDefaultConfig of the SDK finds them
		o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		})
	}
	api, err := client.New(o)
	if err != nil {
		log.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_"))
	if err != nil {
		log.Fatal("WEBHOOK_SECRET must be whsec_ and base64")
	}
	s := &shop{api: api, key: key, returnURL: env("RETURN_URL", "https://shop.example/thanks"), shipped: map[string]bool{}, members: map[string]bool{}, told: map[string]bool{}}
	for pattern, page := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}": s.home, "POST /buy": s.buy, "POST /subscribe": s.subscribe, "GET /thanks": s.thanks, "POST /webhook": s.webhook,
		"GET /shipped": s.list(s.shipped), "GET /members": s.list(s.members), "GET /told": s.list(s.told),
	} {
		http.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := page(w, r); err != nil { // a webhook that gets this is sent again
				log.Print(err)
				http.Error(w, "try again", http.StatusInternalServerError)
			}
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+env("PORT", "4000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("shop at http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

func (s *shop) home(w http.ResponseWriter, _ *http.Request) error {
	return write(w, `<h1>T-shirt, 15,000 won</h1><form method=post action=/buy><button>Buy</button></form>
		<form method=post action=/subscribe><button>Letters, 9,900 won a month</button></form>`)
}

func (s *shop) buy(w http.ResponseWriter, r *http.Request) error {
	o, err := s.api.CreateOrder(r.Context(), client.NewOrder{
		OrderID:  "shop-" + rand.Text()[:18], // store it with the cart first: after a crash the same id is the same order
		Provider: "toss", Amount: 15000, Currency: "KRW", Name: "T-shirt", ReturnURL: s.returnURL,
	})
	if err == nil {
		http.Redirect(w, r, o.CheckoutURL, http.StatusSeeOther)
	}
	return err
}

func (s *shop) subscribe(w http.ResponseWriter, r *http.Request) error {
	sub, err := s.api.CreateSubscription(r.Context(), client.NewSubscription{
		CustomerID: "customer-1", ReturnURL: s.returnURL,
		Plan: client.NewPlan{Amount: 9900, Currency: "KRW", Name: "Letters", Interval: "month"},
	})
	if err == nil {
		http.Redirect(w, r, sub.CheckoutURL, http.StatusSeeOther)
	}
	return err
}

// thanks is where the buyer comes back to. The address proves nothing.
func (s *shop) thanks(w http.ResponseWriter, r *http.Request) error {
	status, err := s.ship(r.Context(), r.URL.Query().Get("orderId"))
	switch {
	case err != nil:
		return err
	case status == client.OrderPaid:
		return write(w, "<h1>Thank you. It is on its way.</h1>")
	}
	return write(w, "<h1>Your payment is being checked.</h1>")
}

// ship asks, whoever says that the order is paid: the buyer's return and the webhook are only hints. It ships once, and stops the parcel of an order
// that was refunded in full, wherever that was done.
func (s *shop) ship(ctx context.Context, orderID string) (client.OrderStatus, error) {
	o, err := s.api.Order(ctx, orderID)
	if err != nil {
		return o.Status, err
	}
	switch o.Status {
	case client.OrderPaid:
		s.mark(s.shipped, orderID, true)
	case client.OrderRefunded:
		s.mark(s.shipped, orderID, false)
	}
	return o.Status, nil
}

// serve asks whether a subscription runs. One that is past due is charged again in days; one that is suspended is not charged at all.
func (s *shop) serve(ctx context.Context, subscriptionID string) error {
	sub, err := s.api.Subscription(ctx, subscriptionID)
	if err == nil {
		s.mark(s.members, subscriptionID, sub.Status == client.SubscriptionActive || sub.Status == client.SubscriptionPastDue)
	}
	return err
}

func (s *shop) mark(set map[string]bool, id string, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in {
		set[id] = true
	} else {
		delete(set, id)
	}
}

// hear looks where an event points to: an event may come twice, and events may overtake each other.
func (s *shop) hear(ctx context.Context, kind, orderID, subscriptionID string) error {
	var err error
	switch {
	case strings.HasPrefix(kind, "order."):
		_, err = s.ship(ctx, orderID)
	case strings.HasPrefix(kind, "subscription."):
		err = s.serve(ctx, subscriptionID)
	}
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	return err
}

func (s *shop) webhook(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return err
	}
	if !s.verified(r.Header, body) {
		http.Error(w, "wrong signature", http.StatusBadRequest)
		return nil
	}
	var event struct {
		ID, Type string
		Data     struct{ OrderID, SubscriptionID string }
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return err
	}
	s.mu.Lock()
	had := s.told[event.ID]
	s.mu.Unlock()
	if !had {
		if err := s.hear(r.Context(), event.Type, event.Data.OrderID, event.Data.SubscriptionID); err != nil {
			return err
		}
		s.mark(s.told, event.ID, true)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// verified checks a webhook after the Standard Webhooks specification. More than one signature may come, during a change of the secret.
func (s *shop) verified(h http.Header, body []byte) bool {
	timestamp, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || len(s.key) == 0 || time.Since(time.Unix(timestamp, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("webhook-id"), timestamp, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.ContainsFunc(strings.Fields(h.Get("webhook-signature")), func(got string) bool {
		return hmac.Equal([]byte(got), []byte(want))
	})
}

func (s *shop) list(set map[string]bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(append([]string{}, slices.Sorted(maps.Keys(set))...))
	}
}

func write(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, `<!doctype html><meta name=viewport content="width=device-width">`+text)
	return err
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
