package tosssim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"tosspay-sam/sim/fault"
)

// bodyMax is ample: the largest documented request has under 2 KB.
const bodyMax = 64 << 10

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

// reply is one answer of the API.
type reply struct {
	status  int
	body    []byte
	garbage bool // the body is not what the provider meant to say
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
		s.violate("%s %s is not a known path", r.Method, r.URL.Path)
		send(w, refuse("NOT_FOUND"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		s.violate("%s: the body could not be read or is longer than %d bytes", c.op, bodyMax)
		send(w, refuse("INVALID_REQUEST"))
		return
	}
	c.body = body
	s.count(c)

	f, _ := s.Faults.Take(Provider, c.op)
	// A provider does not notice that its client hung up, and carries on.
	ctx := context.WithoutCancel(r.Context())
	wait := func(moment string) {
		if f.Kind == fault.Delay && f.Moment == moment {
			_ = s.sleep(ctx, f.Delay) // an error cuts the wait short, no more
		}
	}
	c.pause = func() { wait(fault.Before) }
	if f.Kind == fault.RefuseConnection {
		panic(http.ErrAbortHandler)
	}
	answer := s.answer(c, f, wait)
	if f.Kind == fault.LoseReply {
		panic(http.ErrAbortHandler)
	}
	send(w, answer)
}

// route names the operation of a request. It looks at the escaped path, so that
// an escaped slash in a payment key stays part of the key.
func route(r *http.Request) (*call, bool) {
	c := &call{method: r.Method, url: r.URL.RequestURI(), query: r.URL.RawQuery, header: r.Header}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/payments/")
	if !ok {
		return nil, false
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || plain == "" {
			return nil, false
		}
		parts[i] = plain
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.op]++
	if isConfirm {
		s.attempts[order.OrderID]++
	}
}

// answer works out the answer and what the fault makes of it. What is kept
// under the idempotency key is what the provider meant to say; only a 500 is a
// fault of the provider itself, and then Cache5xx decides.
func (s *Sim) answer(c *call, f fault.Fault, wait func(moment string)) reply {
	if refusal := s.authorize(c); refusal != nil {
		return distort(f, *refusal)
	}
	kept, earlier := s.reserve(c)
	if earlier != nil {
		wait(f.Moment) // a replay has no work that a delay could come before or after
		return distort(f, *earlier)
	}
	if f.Moment == fault.Before && f.Kind != fault.Delay {
		answer := distort(f, reply{})
		s.settle(kept, answer)
		return answer
	}
	meant := s.carryOut(c)
	wait(fault.After)
	answer := distort(f, meant)
	if f.Kind == fault.InternalError {
		meant = answer
	}
	s.settle(kept, meant)
	return answer
}

// distort is what the client gets to read of an answer.
func distort(f fault.Fault, meant reply) reply {
	switch f.Kind {
	case fault.InternalError:
		return refuse("FAILED_INTERNAL_SYSTEM_PROCESSING")
	case fault.TooManyRequests:
		return refuse("TOO_MANY_REQUESTS")
	case fault.Garbage:
		return reply{status: http.StatusOK, body: []byte("<html><body>Service temporar"), garbage: true}
	}
	return meant
}

// authorize finds the merchant of the call (docs.tosspayments.com/reference/
// using-api/authorization): Basic with the secret key, a colon and no password.
func (s *Sim) authorize(c *call) *reply {
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
func (s *Sim) carryOut(c *call) reply {
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
		s.violate("%s: no query parameter is documented", c.op)
		return false
	}
	if c.method != http.MethodPost {
		return true
	}
	if c.header.Get("Idempotency-Key") == "" {
		// The provider accepts it; a careful client never does it.
		s.violate("%s: Idempotency-Key is missing", c.op)
	}
	media, _, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		s.violate("%s: Content-Type must be application/json", c.op)
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
		s.violate("%s: body: %v", c.op, err)
		return false
	}
	return true
}

// answerWith is a 200 with a JSON body.
func answerWith(body any) reply {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("tosssim: encode %T: %v", body, err)) // our own structs always encode
	}
	return reply{status: http.StatusOK, body: encoded}
}

func send(w http.ResponseWriter, answer reply) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // the client may be gone; the answer stands
}
