package publishing

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/bus"
	"tosspay-sam/shared/event"
	"tosspay-sam/shared/publish"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/telemetry"
)

// RepublishTo names what republish reads and where it sends.
type RepublishTo struct {
	Table, Bus string
	Queue      string // URL; empty: no webhooks
}

// Republisher builds what sends events again from a table, and the scan that shows it the records. Its span is the
// caller's to set.
func Republisher(
	getenv func(string) string, to RepublishTo, logs io.Writer,
) (*publish.Republisher, func(context.Context, func(event.Change) error) error) {
	config := environment.AWS(getenv)
	table := dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
	events := eventbridge.NewFromConfig(config, func(o *eventbridge.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_EVENTBRIDGE"))
	})
	p := &publish.Publisher{
		Sinks: []publish.Sink{&bus.EventBridge{API: events, Name: to.Bus}}, Log: telemetry.New(logs, "warn"),
	}
	if to.Queue != "" {
		client := sqs.NewFromConfig(config, func(o *sqs.Options) {
			o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_SQS"))
		})
		p.Sinks = append(p.Sinks, &queue.Outbox{API: client, URL: to.Queue})
	}
	scan := func(ctx context.Context, visit func(event.Change) error) error {
		return store.Scan(ctx, table, to.Table, visit)
	}
	return &publish.Republisher{Publisher: p, Wait: environment.Wait}, scan
}
