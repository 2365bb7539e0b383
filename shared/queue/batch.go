package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Sender is the part of the SQS client that sends.
type Sender interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
}

// sendBatch sends each as a message of its own, in one request, and returns the indexes of those that SQS did not take, as it names them.
// what they are called is for errors. After an error nothing is known of any of them.
func sendBatch[T any](ctx context.Context, api Sender, url, what string, all []T, most int) (refused []int, err error) {
	if len(all) == 0 || len(all) > most {
		return nil, fmt.Errorf("queue: %d %s in one request: must be 1 to %d", len(all), what, most)
	}
	entries := make([]types.SendMessageBatchRequestEntry, len(all))
	for i, one := range all {
		body, err := json.Marshal(one)
		if err != nil {
			return nil, fmt.Errorf("queue: %w", err)
		}
		entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body))}
	}
	out, err := api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("queue: send %d %s: %w", len(all), what, err)
	}
	for _, f := range out.Failed {
		if i, err := strconv.Atoi(aws.ToString(f.Id)); err == nil && i >= 0 && i < len(all) {
			refused = append(refused, i)
		}
	}
	return refused, nil
}
