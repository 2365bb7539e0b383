package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/telemetry"
)

// ChargeDoor is the charge function's handler: it takes whatever event its function is given.
type ChargeDoor func(context.Context, json.RawMessage) (any, error)

// tickMax bounds a tick that has more to do than a minute holds. It ends shortly before the tick of another minute goes
// on; those in between find it at work and leave its shards to it. The function's timeout is a minute longer.
const tickMax = 14 * time.Minute

// Charge serves the schedule's tick (dispatch what is due) and the queue's messages (do it). Which of the two an event
// is says its shape.
func Charge(d *payment.Dispatcher, w *payment.Worker, log *slog.Logger) ChargeDoor {
	h := charge{d, w, log}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var kind struct {
			Records []json.RawMessage `json:"Records"`
			Tick    string            `json:"tick"`
		}
		if err := json.Unmarshal(event, &kind); err != nil {
			return nil, errors.New("handler: the event is neither a tick nor a batch")
		}
		switch {
		case kind.Records != nil:
			var batch events.SQSEvent
			if err := json.Unmarshal(event, &batch); err != nil {
				return nil, fmt.Errorf("handler: the batch cannot be read: %w", err)
			}
			return h.batch(ctx, batch), nil
		case kind.Tick != "":
			return h.tick(ctx)
		}
		return nil, errors.New("handler: the event is neither a tick nor a batch")
	}
}

type charge struct {
	dispatcher *payment.Dispatcher
	worker     *payment.Worker
	log        *slog.Logger
}

// tickResult is what an operator sees of a tick run by hand.
type tickResult struct {
	Passed int64 `json:"passed"`
	Failed int64 `json:"failed"`
	Left   int64 `json:"left"`
	More   bool  `json:"more"`
}

func (h charge) tick(ctx context.Context) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, tickMax)
	defer cancel()
	t, err := h.dispatcher.Run(ctx)
	return tickResult{t.Passed, t.Failed, t.Left, t.More}, err
}

// batch works on every message at the same time; each has its own time limit and its own panics. Those that failed, and
// those nobody can read, are reported one by one: the queue delivers them again and at last puts them aside.
func (h charge) batch(ctx context.Context, batch events.SQSEvent) events.SQSEventResponse {
	failed := make([]bool, len(batch.Records))
	var working sync.WaitGroup
	for i, record := range batch.Records {
		working.Go(func() {
			ctx := telemetry.With(ctx, slog.String("messageId", record.MessageId))
			var m payment.Message
			err := json.Unmarshal([]byte(record.Body), &m)
			if err == nil {
				err = h.worker.Safely(ctx, m)
			}
			if err != nil {
				failed[i] = true
				h.log.ErrorContext(ctx, "a message failed",
					"event", "work.failed", "kind", m.Kind, "id", m.ID, "cycle", m.Cycle, "cause", err.Error())
			}
		})
	}
	working.Wait()
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, record := range batch.Records {
		if failed[i] {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response
}
