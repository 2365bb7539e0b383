// Package publishing wires what tells of changes: the publish function, and the command that sends events again.
package publishing

import (
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/bus"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/telemetry"
)

// Door builds the handler of the table's stream. It reads no secret and no table.
func Door(getenv func(string) string, logs io.Writer) (handler.PublishDoor, error) {
	name := getenv("EVENT_BUS")
	if name == "" {
		return nil, errors.New("boot: EVENT_BUS is empty")
	}
	if err := environment.NotForgotten(getenv); err != nil {
		return nil, err
	}
	log := telemetry.New(logs, getenv("LOG_LEVEL"))
	events := eventbridge.NewFromConfig(environment.AWS(getenv), func(o *eventbridge.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_EVENTBRIDGE"))
	})
	p := &publish.Publisher{Sinks: []publish.Sink{&bus.EventBridge{API: events, Name: name}}, Log: log}
	if url := getenv("DELIVERY_QUEUE_URL"); url != "" {
		client := sqs.NewFromConfig(environment.AWS(getenv), func(o *sqs.Options) {
			o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_SQS"))
		})
		p.Sinks = append(p.Sinks, &queue.Outbox{API: client, URL: url})
	}
	return handler.Publish(p, store.Change, log), nil
}
