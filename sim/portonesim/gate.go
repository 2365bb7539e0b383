package portonesim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"tosspay-sam/sim/fault"
)

const (
	// confirmTimeout is the shorter one of the two documented.
	confirmTimeout = 5 * time.Second
	// notConfirmed is our choice; what a stopped window ends with was not seen.
	notConfirmed = "CONFIRM_REFUSED"
	// noReason is shown when the answer has no reason; our choice of words.
	noReason  = "가맹점의 결제 확인을 받지 못했습니다."
	answerMax = 64 << 10
)

// questionBody is what is POSTed to confirm_url just before a window captures
// (developers.portone.io, confirm process for V1, 2026-11).
type questionBody struct {
	ImpUID      string `json:"imp_uid"`
	MerchantUID string `json:"merchant_uid"`
	Amount      int64  `json:"amount"`
}

// answer is one answer; status 0 is none.
type answer struct {
	status int
	reason string
}

// ask reports whether confirm_url answered 200 in time, and otherwise the
// reason it gave. The caller does not hold mu.
func (s *Sim) ask(address string, q questionBody) (reason string, ok bool) {
	a := s.askOnce(address, q)
	if a.status == 0 && s.o.ConfirmTwice {
		a = s.askOnce(address, q)
	}
	if a.reason == "" {
		a.reason = noReason
	}
	return a.reason, a.status == http.StatusOK
}

func (s *Sim) askOnce(address string, q questionBody) answer {
	s.Count(OpConfirmGate)
	f, _ := s.Faults.Take(Provider, OpConfirmGate)
	answered := make(chan answer, 1)
	go func() {
		// Nobody waits for what comes too late, but it is asked all the same.
		answered <- s.askUnder(f, address, q)
	}()
	timer := time.NewTimer(s.o.ConfirmTimeout)
	defer timer.Stop()
	select {
	case a := <-answered:
		return a
	case <-timer.C:
		return answer{}
	}
}

// askUnder asks, as a fault lets it.
func (s *Sim) askUnder(f fault.Fault, address string, q questionBody) answer {
	if f.Moment == fault.Before {
		if f.Kind != fault.Delay {
			return lost(f)
		}
		_ = s.o.Sleep(context.Background(), f.Delay) // an error only cuts the wait short
	}
	a := s.post(address, q)
	if f.Moment != fault.After {
		return a
	}
	if f.Kind != fault.Delay {
		return lost(f)
	}
	_ = s.o.Sleep(context.Background(), f.Delay)
	return a
}

// lost is the answer instead of the receiver's.
func lost(f fault.Fault) answer {
	switch f.Kind {
	case fault.InternalError:
		return answer{status: http.StatusInternalServerError}
	case fault.TooManyRequests:
		return answer{status: http.StatusTooManyRequests}
	}
	return answer{}
}

func (s *Sim) post(address string, q questionBody) answer {
	body, err := json.Marshal(q)
	if err != nil {
		panic(fmt.Sprintf("portonesim: encode question: %v", err)) // strings and a number always encode
	}
	r, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := s.o.Confirm.RoundTrip(r)
	if err != nil {
		return answer{}
	}
	defer func() { _ = response.Body.Close() }()
	var said struct {
		Reason string `json:"reason"`
	}
	// A body that cannot be read gives no reason, which is allowed.
	_ = json.NewDecoder(io.LimitReader(response.Body, answerMax)).Decode(&said)
	return answer{response.StatusCode, said.Reason}
}
