package hooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

const (
	bodyMax  = 4 << 10 // the longest valid request has some 30 bytes
	listMax  = 1000    // deliveries in one answer
	timesMax = 10_000  // replays in one request: a flood, still answered within seconds
)

// ListHandler answers GET with {"total":n,"deliveries":[...]}: the newest 1000
// Records, oldest first; the list is never null.
func (q *Queue) ListHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "use GET")
			return
		}
		records := q.Records()
		total := len(records)
		writeJSON(w, http.StatusOK, map[string]any{"total": total, "deliveries": records[max(0, total-listMax):]})
	})
}

// ReplayHandler answers POST {"index":n,"times":m} once the delivery was sent m
// times more (1 if left out, at most 10,000), with how often each status came
// back: {"delivered":3,"statuses":{"200":3}}. Status 0 means no answer. It
// answers 404 if there is no such delivery. The content type is not looked at,
// so that a plain "curl -d" works.
func (q *Queue) ReplayHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", "POST")
			refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "use POST")
			return
		}
		index, times, err := decodeReplay(http.MaxBytesReader(w, r.Body, bodyMax))
		if err != nil {
			refuse(w, http.StatusBadRequest, "invalid_replay", err.Error())
			return
		}
		statuses, err := q.Replay(r.Context(), index, times)
		if err != nil {
			refuse(w, http.StatusNotFound, "not_found", err.Error())
			return
		}
		counts := map[string]int{}
		for _, status := range statuses {
			counts[strconv.Itoa(status)]++
		}
		writeJSON(w, http.StatusOK, map[string]any{"delivered": len(statuses), "statuses": counts})
	})
}

// decodeReplay reads exactly one JSON object with no unknown field.
func decodeReplay(body io.Reader) (index, times int, err error) {
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	var m struct {
		Index *int `json:"index"`
		Times *int `json:"times"`
	}
	if err := dec.Decode(&m); err != nil {
		return 0, 0, fmt.Errorf("hooks: read request: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return 0, 0, errors.New("hooks: read request: more than one JSON value")
	}
	if m.Index == nil {
		return 0, 0, errors.New("hooks: index is missing")
	}
	times = 1
	if m.Times != nil {
		times = *m.Times
	}
	if times < 1 || times > timesMax {
		return 0, 0, fmt.Errorf("hooks: times must be 1 to %d", timesMax)
	}
	return *m.Index, times, nil
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": text}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A write error means the reader hung up; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
