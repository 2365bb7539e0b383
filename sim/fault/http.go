package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// bodyMax is ample: the longest valid request has some 150 bytes.
const bodyMax = 4 << 10

// message is a Fault as JSON. Delay is a Go duration ("5s").
type message struct {
	Provider  string `json:"provider"`
	Operation string `json:"operation"`
	Fault     string `json:"fault"`
	Delay     string `json:"delay,omitempty"`
	Times     *int   `json:"times,omitempty"`
	Moment    string `json:"moment,omitempty"`
}

// ServeHTTP lets scripts set faults.
//
//	POST {"provider":"toss","operation":"confirm","fault":"delay","delay":"5s","times":1,"moment":"before"}
//
// answers 204, or 400 with {"error":{"code","message"}}; delay, times and
// moment may be left out. GET answers {"faults":[...]} with the pending ones.
// The content type is not looked at, so that a plain "curl -d" works.
func (p *Plan) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		p.list(w)
	case http.MethodPost:
		f, err := decode(http.MaxBytesReader(w, r.Body, bodyMax))
		if err == nil {
			err = p.Set(f)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, "invalid_fault", err.Error())
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "use GET or POST")
	}
}

func (p *Plan) list(w http.ResponseWriter) {
	faults := []message{}
	for _, f := range p.Pending() {
		m := message{f.Provider, f.Operation, f.Kind, "", &f.Times, f.Moment}
		if f.Kind == Delay || f.Kind == Late {
			m.Delay = f.Delay.String()
		}
		faults = append(faults, m)
	}
	writeJSON(w, http.StatusOK, map[string]any{"faults": faults})
}

// decode reads exactly one JSON object with no unknown field.
func decode(body io.Reader) (Fault, error) {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	var m message
	if err := dec.Decode(&m); err != nil {
		return Fault{}, fmt.Errorf("fault: read request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Fault{}, errors.New("fault: read request: more than one JSON value")
	}
	f := Fault{Provider: m.Provider, Operation: m.Operation, Kind: m.Fault, Moment: m.Moment}
	if m.Times != nil {
		f.Times = *m.Times
		if f.Times == 0 { // only an absent one means 1
			return Fault{}, &Error{"times", fmt.Sprintf("must be 1 to %d", timesMax)}
		}
	}
	if m.Delay != "" {
		delay, err := time.ParseDuration(m.Delay)
		if err != nil {
			return Fault{}, &Error{"delay", `must be a duration such as "5s"`}
		}
		f.Delay = delay
	}
	return f, nil
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": text}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A write error means the reader hung up; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
