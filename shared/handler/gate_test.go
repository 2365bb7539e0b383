package handler_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/ledger"
	"tosspay-sam/shared/order"
	"tosspay-sam/shared/web"
)

const (
	gateRoute = "POST /gate/portone/{orderId}/{linkToken}"
	question  = `{"imp_uid":"imp_1","merchant_uid":"order-1","amount":15000}`
)

func asks(body string) handler.Request {
	return event(gateRoute, "", body, "orderId", "order-1", "linkToken", "link")
}

// gateHouse has an order of PortOne, and counts what the gate costs.
func gateHouse(t *testing.T) (*house, map[string]int) {
	t.Helper()
	h := newHouse(t, "https://pay.example")
	h.create(t, strings.Replace(body, `"toss"`, `"portone"`, 1))
	asked := map[string]int{}
	var mu sync.Mutex
	h.store.Before = func(operation string) error {
		mu.Lock()
		defer mu.Unlock()
		asked[operation]++
		return nil
	}
	return h, asked
}

// order and change are stored and edit, without what counts or bends the table.
func (h *house) order(t *testing.T) order.Order {
	t.Helper()
	before := h.store.Before
	h.store.Before = nil
	defer func() { h.store.Before = before }()
	return h.stored(t)
}

func (h *house) change(t *testing.T, change func(*ledger.Order)) {
	t.Helper()
	before := h.store.Before
	h.store.Before = nil
	defer func() { h.store.Before = before }()
	h.edit(t, change)
}

// TestGate: what PortOne is answered before its window captures, in the buyer's language, and what is written.
func TestGate(t *testing.T) {
	t.Parallel()
	captured := func(l *ledger.Order) {
		l.Payments = []ledger.Payment{{Key: "imp_0", Attempt: 1, State: ledger.Captured, Role: ledger.Kept, Amount: 15000, Balance: 15000, Currency: "KRW", Test: true}}
	}
	refunded := func(l *ledger.Order) { captured(l); l.Payments[0].Balance = 0 }
	declined := func(l *ledger.Order) {
		l.Attempts[0].Used = true
		l.Attempts = append(l.Attempts, ledger.Attempt{OpenedAt: time.Now()})
	}
	approved := func(l *ledger.Order) {
		l.Requests = []ledger.Request{{Kind: ledger.Approval, Attempt: 1, Key: "imp_0", Amount: 15000, At: time.Now(), Since: time.Now()}}
	}
	for name, tc := range map[string]struct {
		request handler.Request
		change  func(*ledger.Order)
		status  int
		reason  web.GateReason // empty: no reason is given
	}{
		"it may":                                 {asks(question), nil, 200, ""},
		"as a form":                              {form("imp_uid=imp_1&merchant_uid=order-1&amount=15000"), nil, 200, ""},
		"the amount as text":                     {asks(strings.Replace(question, "15000", `"15000"`, 1)), nil, 200, ""},
		"the next number":                        {asks(strings.Replace(question, "order-1", "order-1--2", 1)), declined, 200, ""},
		"a number that is over":                  {asks(question), declined, 409, web.GateNumber},
		"a number that was never opened":         {asks(strings.Replace(question, "order-1", "order-1--2", 1)), nil, 409, web.GateNumber},
		"another amount":                         {asks(strings.Replace(question, "15000", "100", 1)), nil, 409, web.GateAmount},
		"paid":                                   {asks(question), captured, 409, web.GatePaid},
		"paid and refunded":                      {asks(question), refunded, 409, web.GatePaid},
		"another window is let through":          {asks(question), approved, 409, web.GateProcessing},
		"a person decides":                       {asks(question), func(l *ledger.Order) { l.End = ledger.EndReview }, 409, web.GateProcessing},
		"failed":                                 {asks(question), func(l *ledger.Order) { l.End = ledger.EndFailed }, 409, web.GateOver},
		"ended":                                  {asks(question), func(l *ledger.Order) { l.End = ledger.EndExpired }, 409, web.GateOver},
		"expired, and not looked up yet":         {asks(question), func(l *ledger.Order) { l.ExpiresAt = time.Now() }, 409, web.GateOver},
		"no imp_uid":                             {asks(`{"merchant_uid":"order-1","amount":15000}`), nil, 400, web.GateUnavailable},
		"an imp_uid that cannot be":              {asks(strings.Replace(question, "imp_1", "../x", 1)), nil, 400, web.GateUnavailable},
		"an imp_uid that is too long":            {asks(strings.Replace(question, "imp_1", strings.Repeat("1", 33), 1)), nil, 400, web.GateUnavailable},
		"half a won":                             {asks(strings.Replace(question, "15000", "15000.5", 1)), nil, 400, web.GateUnavailable},
		"an amount that is no number":            {asks(strings.Replace(question, "15000", "[15000]", 1)), nil, 400, web.GateUnavailable},
		"nothing":                                {asks(""), nil, 400, web.GateUnavailable},
		"cut off":                                {asks(question[:len(question)-1]), nil, 400, web.GateUnavailable},
		"two amounts":                            {asks(strings.Replace(question, `"amount"`, `"amount":100,"amount"`, 1)), nil, 400, web.GateUnavailable},
		"another kind of body":                   {asks("--x\r\nContent-Disposition: form-data; name=\"imp_uid\"\r\n\r\nimp_1\r\n--x--"), nil, 400, web.GateUnavailable},
		"huge":                                   {asks(`{"pad":"` + strings.Repeat("x", 16<<10) + `",` + question[1:]), nil, 413, web.GateUnavailable},
		"another order's number":                 {asks(strings.Replace(question, "order-1", "order-2", 1)), nil, 404, ""},
		"a billing key's number":                 {asks(strings.Replace(question, "order-1", "sub-001--key1", 1)), nil, 404, ""},
		"a guessed link token":                   {event(gateRoute, "", question, "orderId", "order-1", "linkToken", "guess"), nil, 404, ""},
		"no such order":                          {event(gateRoute, "", strings.Replace(question, "order-1", "order-9", 1), "orderId", "order-9", "linkToken", "link"), nil, 404, ""},
		"an address that is no order's own form": {event(gateRoute, "", question, "orderId", "order-1--2", "linkToken", "link"), nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, asked := gateHouse(t)
			if tc.change != nil {
				h.change(t, tc.change)
			}
			before := h.order(t)
			response := answer(t, h.confirm, tc.request)
			var said struct{ Reason string }
			if err := json.Unmarshal([]byte(response.Body), &said); err != nil {
				t.Fatal(err)
			}
			reason := ""
			if tc.reason != "" {
				reason = web.Gate(web.English, tc.reason)
			}
			if response.StatusCode != tc.status || said.Reason != reason {
				t.Errorf("%d %s, want %d with %q", response.StatusCode, response.Body, tc.status, reason)
			}
			after := h.order(t)
			if tc.status != http.StatusOK {
				if after.Revision != before.Revision || asked["save"]+asked["claim"]+asked["lease"] > 0 {
					t.Errorf("it was refused, and the order was written: %v", asked)
				}
				return
			}
			r := after.Ledger.Requests[len(after.Ledger.Requests)-1]
			if r.Kind != ledger.Approval || r.Key != "imp_1" || r.Attempt != after.Attempt || after.Status != order.Processing || after.DueAt.IsZero() {
				t.Errorf("what is stored is %+v of an order that is %s, due %v", r, after.Status, after.DueAt)
			}
			if asked["get"] != 1 || asked["save"] != 1 || len(asked) != 2 || h.provider.finds != 0 {
				t.Errorf("it cost %v and %d questions to the provider, want one read and one write", asked, h.provider.finds)
			}
		})
	}
}

// form is the question as a form, in base64 as API Gateway hands such bodies on.
func form(text string) handler.Request {
	r := asks(base64.StdEncoding.EncodeToString([]byte(text)))
	r.IsBase64Encoded, r.Headers["content-type"] = true, "application/x-www-form-urlencoded"
	return r
}

// TestGateSpeaksTheBuyersLanguage: the page's, which the address carries, before the order's.
func TestGateSpeaksTheBuyersLanguage(t *testing.T) {
	t.Parallel()
	for query, l := range map[string]web.Language{"": web.English, "lang=ja": web.Japanese, "lang=zh": web.Chinese, "lang=ko": web.Korean} {
		h, _ := gateHouse(t)
		r := asks(strings.Replace(question, "15000", "100", 1))
		r.RawQueryString = query
		if response := answer(t, h.confirm, r); !strings.Contains(response.Body, web.Gate(l, web.GateAmount)) {
			t.Errorf("%q: %s", query, response.Body)
		}
		if !strings.Contains(h.log.String(), `"event":"security.amount_mismatch"`) {
			t.Error("no alarm")
		}
	}
}

// TestGateRepeated: the same question gets the same answer for a while, and nothing is written twice. The same window with another amount, and
// another window, do not.
func TestGateRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, asked := gateHouse(t)
		another := strings.Replace(question, "15000", "100", 1)
		for i := range 3 {
			if response := answer(t, h.confirm, asks(question)); response.StatusCode != http.StatusOK {
				t.Errorf("question %d: %d %s", i, response.StatusCode, response.Body)
			}
			if response := answer(t, h.confirm, asks(another)); response.StatusCode != http.StatusConflict {
				t.Errorf("another amount: %d %s", response.StatusCode, response.Body)
			}
			time.Sleep(20 * time.Second)
		}
		if asked["save"] != 1 {
			t.Errorf("%d writes, want 1", asked["save"])
		}
		for name, body := range map[string]string{
			"a minute later": question, "another amount": another, "another window": strings.Replace(question, "imp_1", "imp_2", 1),
		} {
			if response := answer(t, h.confirm, asks(body)); response.StatusCode != http.StatusConflict {
				t.Errorf("%s: %d %s", name, response.StatusCode, response.Body)
			}
		}
	})
}

// TestGateRepeatedWhenAnotherHasPaid: the question comes again, and another payment pays the order meanwhile.
func TestGateRepeatedWhenAnotherHasPaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := gateHouse(t)
		if response := answer(t, h.confirm, asks(question)); response.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", response.StatusCode, response.Body)
		}
		h.change(t, func(l *ledger.Order) {
			*l = l.Learn(ledger.Answer{Account: l.Account, Began: time.Now(), At: time.Now(), Key: "imp_2", Readable: true, Payments: []ledger.Payment{{
				Key: "imp_2", Attempt: 1, State: ledger.Captured, Amount: 15000, Balance: 15000, Currency: "KRW", Test: true,
			}}}).Decide()
		})
		if response := answer(t, h.confirm, asks(question)); response.StatusCode != http.StatusConflict {
			t.Errorf("%s: %d %s", h.order(t).Status, response.StatusCode, response.Body)
		}
	})
}

// TestGateWithoutATable: whatever is not stored in time is no.
func TestGateWithoutATable(t *testing.T) {
	t.Parallel()
	down := errors.New("canary-table is down")
	for name, tc := range map[string]struct {
		bend   func(h *house)
		stored bool
		within time.Duration
	}{
		"the read fails":            {func(h *house) { h.store.Before = failing("get", down) }, false, 0},
		"the write fails":           {func(h *house) { h.store.Before = failing("save", down) }, false, 0},
		"the write's reply is lost": {func(h *house) { h.store.After = failing("save", down) }, true, 0},
		"the read is slow":          {func(h *house) { h.store.Before = slow("get", 3*time.Second) }, false, 3 * time.Second},
		"the write is slow":         {func(h *house) { h.store.Before = slow("save", 3*time.Second) }, true, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, _ := gateHouse(t)
				tc.bend(h)
				began := time.Now()
				response := answer(t, h.confirm, asks(question))
				h.store.Before, h.store.After = nil, nil
				if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(response.Body, web.Gate(web.English, web.GateUnavailable)) {
					t.Errorf("%d %s", response.StatusCode, response.Body)
				}
				if strings.Contains(response.Body, "canary") || time.Since(began) > tc.within {
					t.Errorf("%s after %v", response.Body, time.Since(began))
				}
				if stored := len(h.order(t).Ledger.Requests) > 0; stored != tc.stored {
					t.Errorf("stored: %v", stored)
				}
			})
		})
	}
}

func failing(operation string, err error) func(string) error {
	return func(o string) error {
		if o == operation {
			return err
		}
		return nil
	}
}

func slow(operation string, d time.Duration) func(string) error {
	return func(o string) error {
		if o == operation {
			time.Sleep(d)
		}
		return nil
	}
}

// TestGateDecidesAnew: somebody else wrote between the read and the write. What they left is what counts; after two writes in vain it is no.
func TestGateDecidesAnew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		theirs func(n int, l *ledger.Order)
		status int
		saves  int
	}{
		"something else": {func(n int, l *ledger.Order) {
			if n == 1 {
				l.LearnedAt = time.Now()
			}
		}, 200, 2},
		"another window": {func(_ int, l *ledger.Order) {
			l.Requests = []ledger.Request{{Kind: ledger.Approval, Attempt: 1, Key: "imp_0", Amount: 15000, At: time.Now(), Since: time.Now()}}
		}, 409, 1},
		"again and again": {func(_ int, l *ledger.Order) { l.LearnedAt = time.Now() }, 503, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _ := gateHouse(t)
			saves := 0
			h.store.Before = func(operation string) error {
				if operation != "save" {
					return nil
				}
				saves++
				if saves > 1 && name == "something else" {
					return nil
				}
				h.change(t, func(l *ledger.Order) { tc.theirs(saves, l) })
				return nil
			}
			response := answer(t, h.confirm, asks(question))
			if response.StatusCode != tc.status || saves != tc.saves {
				t.Errorf("%d %s after %d writes, want %d after %d", response.StatusCode, response.Body, saves, tc.status, tc.saves)
			}
		})
	}
}
