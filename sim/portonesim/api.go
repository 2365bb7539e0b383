package portonesim

import (
	"net/http"
	"net/url"
	"strings"

	"tosspay-sam/sim/fault"
	"tosspay-sam/sim/simulator"
)

// call is one request to the API, read whole before anything else happens.
type call struct {
	op     string
	uid    string // the imp_uid, merchant_uid or customer_uid of the path
	status string // the payment status of the path; "" means all
	method string
	header http.Header
	query  url.Values
	body   []byte
	owner  *account // whose token was used; nil for getToken
	pause  func()   // takes the time of a delay fault
}

// envelope is the form of every answer, also of most errors.
type envelope struct {
	Code     int     `json:"code"`
	Message  *string `json:"message"`
	Response any     `json:"response"`
}

// serveAPI answers one call: count it, see what goes wrong with it, work out
// the answer, and send it over a connection that may die.
func (s *Sim) serveAPI(w http.ResponseWriter, r *http.Request) {
	c, ok := route(r)
	if !ok {
		s.Violate("%s %s is not a known path", r.Method, r.URL.Path)
		send(w, refuse(http.StatusNotFound, -1, "존재하지 않는 경로입니다."))
		return
	}
	body, err := simulator.Read(w, r)
	if err != nil {
		s.Violate("%s: %v", c.op, err)
		send(w, badRequest())
		return
	}
	c.body = body
	s.count(c)
	if r.Header.Get("Idempotency-Key") != "" {
		// V1 has no such header, and net/http resends requests that carry it
		// when a connection dies: a second charge.
		s.Violate("%s: Idempotency-Key is not known to this API", c.op)
	}

	f, _ := s.Faults.Take(Provider, c.op)
	if f.Kind == fault.Late {
		s.Faults.Later(f, s.o.Now(), func(pause func()) {
			c.pause = pause
			s.answer(c, simulator.Struck{})
		})
		panic(http.ErrAbortHandler)
	}
	struck := simulator.Struck{Fault: f, Context: r.Context(), Sleep: s.o.Sleep}
	c.pause = func() { struck.Wait(fault.Before) }
	send(w, struck.Connect(func() simulator.Reply { return s.answer(c, struck) }))
}

// answer works out the answer and what the fault makes of it. A bad token is
// seen before anything else, so a 401 always means that nothing was done.
func (s *Sim) answer(c *call, f simulator.Struck) simulator.Reply {
	if c.op != OpToken && !s.authorize(c) {
		return distort(f, refuse(http.StatusUnauthorized, -1, "Unauthorized"))
	}
	if f.Instead() {
		return distort(f, simulator.Reply{})
	}
	meant := s.carryOut(c)
	f.Wait(fault.After)
	return distort(f, meant)
}

// distort is what the client gets to read of an answer.
func distort(f simulator.Struck, meant simulator.Reply) simulator.Reply {
	return f.Distort(meant,
		func() simulator.Reply { return refuse(http.StatusInternalServerError, -1, "Internal Server Error") },
		func() simulator.Reply { return refuse(http.StatusTooManyRequests, -1, "Too Many Requests") })
}

// route names the operation of a request. It looks at the escaped path, so that
// an escaped slash in a merchant_uid stays part of it.
func route(r *http.Request) (*call, bool) {
	parts, ok := simulator.Parts(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if !ok {
		return nil, false
	}
	c := &call{method: r.Method, header: r.Header, query: r.URL.Query()}
	// The words of the path that are not values, with * for those that are.
	routes := map[string]string{
		"POST users getToken":                 OpToken,
		"GET payments status *":               OpList,
		"GET payments find *":                 OpFind,
		"GET payments find * *":               OpFind,
		"GET payments findAll *":              OpFindAll,
		"GET payments findAll * *":            OpFindAll,
		"GET payments prepare *":              OpFindPrepare,
		"POST payments prepare":               OpPrepare,
		"PUT payments prepare":                OpChangePrepare,
		"POST payments cancel":                OpCancel,
		"GET payments *":                      OpPayment,
		"POST subscribe payments again":       OpAgain,
		"GET subscribe customers *":           OpCustomer,
		"DELETE subscribe customers *":        OpDeleteCustomer,
		"GET subscribe customers * payments":  OpCustomerPayments,
		"GET subscribe customers * schedules": OpSchedules,
	}
	for pattern, op := range routes {
		if values, ok := match(strings.Fields(pattern)[1:], parts); ok && strings.HasPrefix(pattern, r.Method+" ") {
			c.op = op
			c.place(values)
			return c, true
		}
	}
	return nil, false
}

// match compares a path with a pattern and returns the values at its stars.
func match(pattern, parts []string) ([]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	var values []string
	for i, word := range pattern {
		switch {
		case word == "*":
			values = append(values, parts[i])
		case word != parts[i]:
			return nil, false
		}
	}
	return values, true
}

// place puts the values of the path where the operation looks for them.
func (c *call) place(values []string) {
	if c.op == OpList {
		c.status = values[0]
		return
	}
	if len(values) > 0 {
		c.uid = values[0]
	}
	if len(values) > 1 {
		c.status = values[1]
	}
}

func (s *Sim) count(c *call) {
	s.Count(c.op)
	if c.op == OpAgain {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.charges[readParams(c).text("merchant_uid", 0)]++
	}
}

// carryOut does what an authorized call asks for.
func (s *Sim) carryOut(c *call) simulator.Reply {
	if problem := c.checkQuery(); problem != "" {
		s.Violate("%s: %s", c.op, problem)
		c.pause()
		return badRequest()
	}
	switch c.op {
	case OpToken:
		return s.getToken(c)
	case OpPayment:
		return s.findPayment(c)
	case OpFind:
		return s.find(c)
	case OpFindAll:
		return s.findAll(c)
	case OpList:
		return s.list(c)
	case OpPrepare, OpChangePrepare:
		return s.prepare(c)
	case OpFindPrepare:
		return s.findPrepare(c)
	case OpCancel:
		return s.cancel(c)
	case OpAgain:
		return s.again(c)
	case OpCustomer, OpDeleteCustomer:
		return s.customer(c)
	case OpCustomerPayments:
		return s.customerPayments(c)
	case OpSchedules:
		return s.schedules(c)
	}
	panic("portonesim: route returned the operation " + c.op)
}

// answerWith is a 200 with a response.
func answerWith(response any) simulator.Reply {
	return simulator.JSON(http.StatusOK, envelope{Response: response})
}

// refuse is an answer without a response. PortOne refuses with status 200 as
// well as with others, and its codes are 1 and -1 with no catalogue.
func refuse(status, code int, message string) simulator.Reply {
	return simulator.JSON(status, envelope{Code: code, Message: &message})
}

// badRequest is the answer to what Violations has an entry for.
func badRequest() simulator.Reply {
	return refuse(http.StatusBadRequest, -1, "요청 파라미터가 올바르지 않습니다.")
}

func send(w http.ResponseWriter, answer simulator.Reply) {
	answer.Send(w, "application/json; charset=utf-8")
}
