package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tosspay-sam/shared/provider/portone"
	"tosspay-sam/sim/portonesim"
)

// Limits of a request to the controls.
const (
	controlMax  = 4 << 10 // bytes; the longest valid request has some 300
	declinesMax = 1000
)

func (w *World) showClock(out http.ResponseWriter, _ *http.Request) {
	answer(out, http.StatusOK, map[string]any{"now": w.Clock.Now()})
}

// advanceClock takes {"advance":"31d"} and answers with a Report. It stops where it is when the caller hangs up.
func (w *World) advanceClock(out http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := readControl(out, r, &in); err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_JSON", `the body must be {"advance": "31d"}: `+err.Error())
		return
	}
	d, err := ParseDuration(in.Advance)
	if err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_FIELD", err.Error())
		return
	}
	report, err := w.Advance(r.Context(), d)
	if errors.Is(err, ErrRealTime) {
		refuse(out, http.StatusConflict, "REAL_TIME", err.Error())
		return
	}
	if err != nil {
		w.Parts.Log.Error("the clock was not advanced to the end", "event", "advance.failed", "now", report.Now, "cause", err.Error())
		refuse(out, http.StatusInternalServerError, "STOPPED", "the clock stopped at "+report.Now.Format(time.RFC3339)+": "+err.Error())
		return
	}
	answer(out, http.StatusOK, report)
}

// ParseDuration reads what the clock is advanced by: a Go duration, whose largest unit may also be d for 24 hours ("31d", "1d12h", "90m"). It
// must be above 0 and at most AdvanceMax.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 16)
	d := time.Duration(n) * 24 * time.Hour
	if err == nil && rest != "" {
		var part time.Duration
		part, err = time.ParseDuration(rest)
		if part > AdvanceMax || part < 0 {
			err = errors.New("out of range")
		}
		d += part
	}
	if err != nil || d <= 0 || d > AdvanceMax {
		return 0, fmt.Errorf(`advance must be a duration such as "90m", "31d" or "1d12h", above 0 and at most %dd`, AdvanceMax/(24*time.Hour))
	}
	return d, nil
}

// keysMax bounds one request for keys.
const keysMax = 100_000

// addKeys takes {"prefix":"old-","count":100}: PortOne then has the billing keys old-1 to old-100, of the customers old-customer-1 to old-customer-100,
// as another system had them issued. They are for imports.
func (w *World) addKeys(out http.ResponseWriter, r *http.Request) {
	in := struct {
		Prefix string `json:"prefix"`
		Count  int    `json:"count"`
	}{Count: 1}
	if err := readControl(out, r, &in); err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_JSON", `the body must be {"prefix": "old-", "count": 100}: `+err.Error())
		return
	}
	if !portone.IsCustomerUID(in.Prefix+"1") || len(in.Prefix) > 20 || in.Count < 1 || in.Count > keysMax {
		refuse(out, http.StatusBadRequest, "INVALID_FIELD", fmt.Sprintf("prefix must have 0 to 20 visible ASCII characters, and count must be 1 to %d", keysMax))
		return
	}
	for i := 1; i <= in.Count; i++ {
		key := portonesim.Key{CustomerUID: in.Prefix + strconv.Itoa(i), CustomerID: in.Prefix + "customer-" + strconv.Itoa(i)}
		if err := w.PortOne.AddKey(key); err != nil {
			refuse(out, http.StatusConflict, "KEY_EXISTS", err.Error())
			return
		}
	}
	out.WriteHeader(http.StatusNoContent)
}

// declineNext takes {"reason":"CARD_EXCEED_LIMIT","times":1}: the next charges by billing key are declined with it. 0 times takes that back.
func (w *World) declineNext(out http.ResponseWriter, r *http.Request) {
	in := struct {
		Reason string `json:"reason"`
		Times  int    `json:"times"`
	}{Times: 1}
	if err := readControl(out, r, &in); err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_JSON", `the body must be {"reason": "CARD_EXCEED_LIMIT", "times": 1}: `+err.Error())
		return
	}
	if err := w.DeclineNext(in.Reason, in.Times); err != nil {
		refuse(out, http.StatusBadRequest, "INVALID_FIELD", err.Error())
		return
	}
	out.WriteHeader(http.StatusNoContent)
}

// showDeclines tells which declines are planned, by code.
func (w *World) showDeclines(out http.ResponseWriter, _ *http.Request) {
	answer(out, http.StatusOK, map[string]any{"declines": w.PortOne.Declines()})
}

// DeclineNext makes the next charges by billing key that would be paid fail with the reason, a code of PortOne's table. 0 times takes back what
// is planned with the reason; without a reason, everything.
func (w *World) DeclineNext(reason string, times int) error {
	switch {
	case times < 0 || times > declinesMax:
		return fmt.Errorf("times must be 0 to %d; 0 takes planned declines back", declinesMax)
	case !slices.Contains(DeclineReasons(), reason) && (reason != "" || times > 0):
		return fmt.Errorf("reason must be one of %s", strings.Join(DeclineReasons(), ", "))
	case times == 0:
		w.PortOne.ForgetDeclines(reason)
	}
	for range times {
		w.PortOne.DeclineNext(reason)
	}
	return nil
}

// DeclineReasons are the codes of failed payments that our tables list, in the tables' order. Another one would be read as an unknown outcome,
// and an order would wait for hours for what nobody meant.
func DeclineReasons() []string {
	var codes []string
	for _, rule := range portone.Rules(portone.OpFailure) {
		if rule.Code != "" && !slices.Contains(codes, rule.Code) {
			codes = append(codes, rule.Code)
		}
	}
	return codes
}

// readControl reads exactly one JSON object with no unknown field.
func readControl(out http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(out, r.Body, controlMax))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Errorf("%s is a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func refuse(out http.ResponseWriter, status int, code, message string) {
	answer(out, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func answer(out http.ResponseWriter, status int, body any) {
	out.Header().Set("Content-Type", "application/json")
	out.Header().Set("Cache-Control", "no-store")
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(body) // a write error means the reader hung up
}
