// Package delivering wires the function that delivers the merchant's webhook.
package delivering

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/telemetry"
)

// Door builds the handler of the queue of the merchant's webhook.
func Door(getenv func(string) string, logs io.Writer) (handler.DeliverDoor, error) {
	address, private := getenv("MERCHANT_WEBHOOK_URL"), getenv("MERCHANT_WEBHOOK_REACH") == "private"
	if err := deliver.CheckURL(address, environment.InSAMLocal(getenv)); err != nil {
		return nil, fmt.Errorf("boot: MERCHANT_WEBHOOK_URL %w", err)
	}
	secretID, url := getenv("MERCHANT_WEBHOOK_SECRET_ID"), getenv("DELIVERY_QUEUE_URL")
	switch {
	case secretID == "":
		return nil, errors.New("boot: MERCHANT_WEBHOOK_SECRET_ID is empty")
	case url == "":
		return nil, errors.New("boot: DELIVERY_QUEUE_URL is empty")
	}
	if err := environment.NotForgotten(getenv); err != nil {
		return nil, err
	}
	secrets := environment.Endpoint(getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	keys := signingKeys(secret.New(environment.AWS(getenv), secrets, secretID, time.Now))
	client := sqs.NewFromConfig(environment.AWS(getenv), func(o *sqs.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_SQS"))
	})
	sender := &deliver.Sender{URL: address, Keys: keys, Client: deliver.NewClient(private), Now: time.Now}
	environment.Prewarm(func(ctx context.Context) { _, _ = keys(ctx) })
	log := telemetry.New(logs, getenv("LOG_LEVEL"))
	return handler.Deliver(sender, &queue.Deliveries{API: client, URL: url}, log), nil
}

// signingKeys reads the webhook's secret.
func signingKeys(source *secret.Source) deliver.Keys {
	return func(ctx context.Context) ([]deliver.Key, error) {
		value, err := source.Get(ctx)
		if err != nil {
			return nil, err
		}
		keys, err := deliver.ParseSecret(value.Text())
		if err != nil {
			source.Refused(value) // a mended one is used soon
		}
		return keys, err
	}
}
