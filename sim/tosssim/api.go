package tosssim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/simulator"
)

// call is one request to the API, read whole before anything else happens.
type call struct {
	op     string
	arg    string // the payment key or order number of the path
	method string
	url    string // path and query, without the prefix
	query  string
	header http.Header
	body   []byte
	pair   *KeyPair // whose secret key was used
	pause  func()   // takes the time of a delay fault
}

// serveAPI answers one call: count it, see what goes wrong with it, work out
// the answer, and send it over a connection that may die.
func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	trace := strings.ToLower(s.id("trace"))
	s.mu.Unlock()
	w.Header().Set("x-tosspayments-trace-id", trace)

	c, ok := route(r)
	if !ok {
		s.Violate("%s %s is not a known path", r.Method, r.URL.Path)
		send(w, refuse("NOT_FOUND"))
		return
	}
	body, err := simulator.Read(w, r)
	if err != nil {
		s.Violate("%s: %v", c.op, err)
		send(w, refuse("INVALID_REQUEST"))
		return
	}
	c.body = body
	s.count(c)

	f, _ := s.Faults.Take(Provider, c.op)
	if f.Kind == fault.Late {
		s.Faults.Later(f, s.now(), func(pause func()) {
			c.pause = pause
			s.answer(c, simulator.Struck{})
		})
		panic(http.ErrAbortHandler)
	}
	struck := simulator.Struck{Fault: f, Context: r.Context(), Sleep: s.sleep}
	c.pause = func() { struck.Wait(fault.Before) }
	send(w, struck.Connect(func() simulator.Reply { return s.answer(c, struck) }))
}

// route names the operation of a request. It looks at the escaped path, so that
// an escaped slash in a payment key stays part of the key.
func route(r *http.Request) (*call, bool) {
	c := &call{method: r.Method, url: r.URL.RequestURI(), query: r.URL.RawQuery, header: r.Header}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/payments/")
	if !ok {
		return nil, false
	}
	parts, ok := simulator.Parts(rest)
	if !ok {
		return nil, false
	}
	switch {
	case r.Method == http.MethodPost && len(parts) == 1 && parts[0] == "confirm":
		c.op = OpConfirm
	case r.Method == http.MethodPost && len(parts) == 2 && parts[1] == "cancel":
		c.op, c.arg = OpCancel, parts[0]
	case r.Method == http.MethodGet && len(parts) == 2 && parts[0] == "orders":
		c.op, c.arg = OpFindByOrder, parts[1]
	case r.Method == http.MethodGet && len(parts) == 1:
		c.op, c.arg = OpFind, parts[0]
	default:
		return nil, false
	}
	return c, true
}

func (s *Sim) count(c *call) {
	var order struct {
		OrderID string `json:"orderId"`
	}
	isConfirm := c.op == OpConfirm && json.Unmarshal(c.body, &order) == nil
	s.Count(c.op)
	if isConfirm {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.attempts[order.OrderID]++
	}
}

// answer works out the answer and what the fault makes of it. What is kept
// under the idempotency key is what the provider meant to say; only a 500 is a
// fault of the provider itself, and then Cache5xx decides.
func (s *Sim) answer(c *call, f simulator.Struck) simulator.Reply {
	if refusal := s.authorize(c); refusal != nil {
		return distort(f, *refusal)
	}
	kept, earlier := s.reserve(c)
	if earlier != nil {
		f.Wait(f.Moment) // a replay has no work that a delay could come before or after
		return distort(f, *earlier)
	}
	if f.Instead() {
		answer := distort(f, simulator.Reply{})
		s.settle(kept, answer)
		return answer
	}
	meant := s.carryOut(c)
	f.Wait(fault.After)
	answer := distort(f, meant)
	if f.Kind == fault.InternalError {
		meant = answer
	}
	s.settle(kept, meant)
	return answer
}

// distort is what the client gets to read of an answer.
func distort(f simulator.Struck, meant simulator.Reply) simulator.Reply {
	return f.Distort(meant,
		func() simulator.Reply { return refuse("FAILED_INTERNAL_SYSTEM_PROCESSING") },
		func() simulator.Reply { return refuse("TOO_MANY_REQUESTS") })
}

// authorize finds the merchant of the call (docs.tosspayments.com/reference/
// using-api/authorization): Basic with the secret key, a colon and no password.
func (s *Sim) authorize(c *call) *simulator.Reply {
	encoded, ok := strings.CutPrefix(c.header.Get("Authorization"), "Basic ")
	if !ok {
		return new(refuse("UNAUTHORIZED_KEY"))
	}
	plain, err := base64.StdEncoding.DecodeString(encoded)
	secret, password, colon := strings.Cut(string(plain), ":")
	if err != nil || !colon {
		return new(refuse("INCORRECT_BASIC_AUTH_FORMAT"))
	}
	for i := range s.keys {
		if s.keys[i].Secret == secret && password == "" {
			c.pair = &s.keys[i]
			return nil
		}
	}
	return new(refuse("UNAUTHORIZED_KEY"))
}

// carryOut does what an authorized call asks for.
func (s *Sim) carryOut(c *call) simulator.Reply {
	if !s.wellFormed(c) {
		c.pause()
		return refuse("INVALID_REQUEST")
	}
	// The test header is looked at before the payment key, so any key will do;
	// with live keys it is ignored (same page as authorize).
	if code := c.header.Get("TossPayments-Test-Code"); code != "" && !strings.HasPrefix(c.pair.Secret, "live_") {
		c.pause()
		if _, known := codes[code]; !known {
			return refuse("INVALID_TEST_CODE")
		}
		return refuse(code)
	}
	switch c.op {
	case OpConfirm:
		return s.confirm(c)
	case OpCancel:
		return s.cancel(c)
	case OpFind:
		return s.find(c)
	case OpFindByOrder:
		return s.findByOrder(c)
	}
	panic("tosssim: route returned the operation " + c.op)
}

// wellFormed records what is wrong with the form of a call.
func (s *Sim) wellFormed(c *call) bool {
	if c.query != "" {
		s.Violate("%s: no query parameter is documented", c.op)
		return false
	}
	if c.method != http.MethodPost {
		return true
	}
	if c.header.Get("Idempotency-Key") == "" {
		// The provider accepts it; a careful client never does it.
		s.Violate("%s: Idempotency-Key is missing", c.op)
	}
	media, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		s.Violate("%s: Content-Type must be application/json", c.op)
		return false
	}
	return true
}

// decode reads the body strictly: one object, no unknown field, no wrong type.
func (s *Sim) decode(c *call, into any) bool {
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("more than one JSON value")
		}
	}
	if err != nil {
		s.Violate("%s: body: %v", c.op, err)
		return false
	}
	return true
}

// answerWith is a 200 with a JSON body.
func answerWith(body any) simulator.Reply { return simulator.JSON(http.StatusOK, body) }

func send(w http.ResponseWriter, answer simulator.Reply) {
	answer.Send(w, "application/json;charset=UTF-8")
}
