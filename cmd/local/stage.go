package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/handler"
	"tosspay-sam/sim/scene"
	"tosspay-sam/sim/world"
)

// stageTime bounds the setting of a scene.
const stageTime = 30 * time.Second

// stages serves one world after another. With `sam local` each scene begins a new one, with an empty table.
type stages struct {
	life  context.Context
	begin func() (*world.World, error)
	clear func(context.Context) error // empties the table
	told  told
	tick  time.Duration

	mu      sync.Mutex // of what changes the world
	end     func()     // the present one's life
	present atomic.Pointer[world.World]
}

// ServeHTTP serves the present world.
func (s *stages) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.present.Load().ServeHTTP(w, r) }

// next ends the present world and begins another; set, which may be nil, prepares it before its webhooks are delivered.
func (s *stages) next(set func(*world.World) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	w, err := s.begin()
	if err != nil {
		return err
	}
	mountConsole(w)
	mountShop(w)
	w.Mux().HandleFunc("POST /sim/stage", s.stage)
	w.Mux().HandleFunc("GET /sim/told", s.told.show)
	s.present.Store(w) // before it is set: what is run for a scene asks this world's providers
	if set != nil {
		err = set(w)
	}
	running, end := context.WithCancel(s.life)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(running, s.tick)
	}()
	s.end = func() { end(); <-done }
	return err
}

func (s *stages) stop() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// stage takes {"event":"confirm-success"} and begins a world in which events/confirm-success.json does what its name says. The answer has the
// command that sends it.
func (s *stages) stage(out http.ResponseWriter, r *http.Request) {
	if s.clear == nil {
		http.Error(out, `{"error":{"code":"NOT_HERE","message":"stages are for sam local: make sam-local"}}`, http.StatusConflict)
		return
	}
	var in struct {
		Event string `json:"event"`
	}
	err := json.NewDecoder(http.MaxBytesReader(out, r.Body, 4<<10)).Decode(&in)
	if err != nil || scene.Events[in.Event].Function == "" {
		http.Error(out, `{"error":{"code":"INVALID_FIELD","message":"the body must be {\"event\": \"confirm-success\"}, or another file of events/"}}`,
			http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(s.life, stageTime)
	defer cancel()
	err = s.next(func(w *world.World) error {
		if err := s.clear(ctx); err != nil {
			return err
		}
		s.told.forget()
		on := &scene.Stage{Records: w.Store, Toss: w.Toss, PortOne: w.PortOne, Invoke: func(ctx context.Context, event string) error {
			return invoke(ctx, w, event)
		}}
		err := on.Set(ctx, in.Event)
		w.Hooks.Forget() // the event is the webhook, or comes before it
		return err
	})
	out.Header().Set("Content-Type", "application/json")
	if err != nil {
		out.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(out).Encode(map[string]any{"error": map[string]string{"code": "NOT_SET", "message": err.Error()}})
		return
	}
	_ = json.NewEncoder(out).Encode(map[string]string{
		"event": in.Event, "run": fmt.Sprintf("sam local invoke %s -e events/%s.json", scene.Events[in.Event].Function, in.Event),
	})
}

// invoke runs what an event's function runs, with it, in this process.
func invoke(ctx context.Context, w *world.World, event string) error {
	payload, err := os.ReadFile(filepath.Join("events", event+".json"))
	if err != nil {
		return fmt.Errorf("%w; start it in the repository's folder", err)
	}
	function := scene.Events[event].Function
	if function == "ChargeFunction" {
		_, err := w.Parts.Charge()(ctx, payload)
		return err
	}
	doors := map[string]handler.Door{
		"MerchantFunction": w.Parts.Merchant(), "CheckoutFunction": w.Parts.Checkout(),
		"ConfirmFunction": w.Parts.Confirm(), "WebhookFunction": w.Parts.Webhook(),
	}
	var request handler.Request
	if err := json.Unmarshal(payload, &request); err != nil {
		return err
	}
	response, err := doors[function](ctx, request)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("events/%s.json is answered %d: %s", event, response.StatusCode, response.Body)
	}
	return err
}

// clearTable deletes every record of the table.
func clearTable(ctx context.Context, client *dynamodb.Client, table string) error {
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: &table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			key := &dynamodb.DeleteItemInput{TableName: &table, Key: item}
			for name := range item {
				if name != "PK" && name != "SK" {
					delete(item, name)
				}
			}
			if _, err := client.DeleteItem(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}
