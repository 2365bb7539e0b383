package store

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/event"
	"tosspay-sam/shared/payment"
)

// ScanAPI is the part of *dynamodb.Client that Scan needs.
type ScanAPI interface {
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// Scan gives every record of a table to visit, as a change that made it, in no order. It reads the whole table, half a read unit for each 4 KB, and
// ends at the first error. It is for tools: no function scans.
func Scan(ctx context.Context, api ScanAPI, table string, visit func(event.Change) error) error {
	in := &dynamodb.ScanInput{TableName: aws.String(table)}
	for {
		out, err := api.Scan(ctx, in)
		if err != nil {
			return fmt.Errorf("store: scan %s: %w", table, err)
		}
		for _, all := range out.Items {
			r, ours := recordOf(all)
			if !ours {
				continue
			}
			var c event.Change
			if r.Kind == payment.KindOrder {
				c.Order, err = decodeOrder(all)
			} else {
				c.Subscription, err = decodeSubscription(all)
			}
			if err != nil {
				return fmt.Errorf("store: scan %s: %s %s: %w", table, r.Kind, r.ID, err)
			}
			if err := visit(c); err != nil {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
