package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

const (
	formType  = "application/x-www-form-urlencoded"
	jsonType  = "application/json"
	bodyMax   = 256 << 20 // the ledger of a long run
	answerMax = 2 * time.Minute
)

// client is a browser and a merchant's server that follow no redirect by themselves.
type client struct {
	base string
	http *http.Client
}

type reply struct {
	status   int
	location string
	body     []byte
}

func (c *client) send(method, address, contentType, body string) (reply, error) {
	if c.http == nil {
		c.http = &http.Client{
			Timeout:       answerMax,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if strings.HasPrefix(address, "/") {
		address = c.base + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("Accept-Language", "en")
	got, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, bodyMax))
	return reply{got.StatusCode, got.Header.Get("Location"), text}, err
}

func (c *client) get(address string) (reply, error) { return c.send(http.MethodGet, address, "", "") }

// control posts to one of the world's controls.
func (c *client) control(path, body string) error {
	r, err := c.send(http.MethodPost, path, jsonType, body)
	if err == nil && r.status > 299 {
		err = fmt.Errorf("POST %s %s: %d %s", path, body, r.status, r.body)
	}
	return err
}

// read gets JSON from an address.
func (c *client) read(address string, into any) error {
	r, err := c.get(address)
	if err != nil {
		return err
	}
	return r.decode(into)
}

func (r reply) decode(into any) error {
	if r.status > 299 {
		return fmt.Errorf("%d %s", r.status, r.body)
	}
	return json.Unmarshal(r.body, into)
}

// bill is an order as GET /orders shows it.
type bill struct {
	OrderID, Status, CheckoutURL string
	Attempt                      int
	Payment                      *struct{ Balance int64 }
}

func (c *client) order(provider, id string, amount int64, expires time.Time) (b bill, err error) {
	body := fmt.Sprintf(`{"orderId":%q,"provider":%q,"amount":%d,"currency":"KRW","name":"T-shirt","language":"en","expiresAt":%q}`,
		id, provider, amount, expires.Format(time.RFC3339))
	r, err := c.send(http.MethodPost, "/orders", jsonType, body)
	if err != nil {
		return b, err
	}
	return b, r.decode(&b)
}

var pageData = regexp.MustCompile(`<script type="application/json" id="data">(.*?)</script>`)

// page opens the payment page in a tab: the window its button opens, or nil when it has none.
func (c *client) page(address string) (map[string]any, error) {
	r, err := c.get(address)
	if err != nil {
		return nil, err
	}
	m := pageData.FindSubmatch(r.body)
	if m == nil {
		return nil, nil
	}
	var data struct{ Window map[string]any }
	return data.Window, json.Unmarshal(m[1], &data)
}

// portoneForm is a window's object as PortOne's script hands it over.
func portoneForm(window map[string]any) (url.Values, error) {
	form := url.Values{"mode": {"redirect"}}
	for name, value := range window {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case float64:
			form.Set(name, fmt.Sprintf("%.0f", v))
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			form.Set(name, string(text))
		}
	}
	return form, nil
}

// tossForm is the same for Toss Payments' window.
func tossForm(window map[string]any) url.Values {
	amount, _ := window["amount"].(map[string]any)
	form := url.Values{"language": {"EN"}, "currency": {"KRW"}, "amount": {fmt.Sprintf("%.0f", amount["value"])}}
	for _, name := range []string{"orderId", "orderName", "successUrl", "failUrl"} {
		text, _ := window[name].(string)
		form.Set(name, text)
	}
	return form
}

var windowSession = regexp.MustCompile(`name="session" value="([^"]*)"`)

// portoneWindow opens PortOne's window: the form that ends it, with its session, or without one and where the buyer is sent when it does not open.
func (c *client) portoneWindow(page map[string]any) (form url.Values, r reply, err error) {
	if form, err = portoneForm(page); err != nil {
		return nil, r, err
	}
	if r, err = c.get("/sim/portone/window?" + form.Encode()); err != nil {
		return nil, r, err
	}
	if m := windowSession.FindSubmatch(r.body); m != nil {
		form.Set("session", string(m[1]))
	}
	return form, r, nil
}

// movement is one line of the ledger.
type movement struct {
	Kind, OrderID string
	Amount        int64
}

func (c *client) ledger() ([]movement, error) {
	var l struct{ Entries []movement }
	return l.Entries, c.read("/sim/ledger", &l)
}

func (c *client) now() (time.Time, error) {
	var clock struct{ Now time.Time }
	return clock.Now, c.read("/sim/clock", &clock)
}
