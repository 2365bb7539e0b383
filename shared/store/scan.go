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

// Scan gives every record of a table to visit, as a change that made it, in no order. It reads the whole table, half a
// read unit for each 4 KB, and ends at the first error. It is for tools: no function scans.
func Scan(ctx context.Context, api ScanAPI, table string, visit func(event.Change) error) error {
	return eachPage(ctx, api, &dynamodb.ScanInput{TableName: aws.String(table)}, func(items []values) error {
		for _, all := range items {
			r, ours := recordOf(all)
			if !ours {
				continue
			}
			var c event.Change
			var err error
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
		return nil
	})
}

// eachPage gives every page of a scan to visit, and ends at the first error.
func eachPage(ctx context.Context, api ScanAPI, in *dynamodb.ScanInput, visit func(items []values) error) error {
	for {
		out, err := api.Scan(ctx, in)
		if err != nil {
			return fmt.Errorf("store: scan %s: %w", aws.ToString(in.TableName), err)
		}
		if err := visit(out.Items); err != nil {
			return err
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
