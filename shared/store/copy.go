package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// CopyAPI is what Copy asks of DynamoDB.
type CopyAPI interface {
	ScanAPI
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Copied counts what Copy did.
type Copied struct {
	Seen, Written int
	Newer         int // records that the table has as new or newer: they were left alone
}

// copyWorkers is how many records are written at once: some 200 write units a second.
const copyWorkers = 16

// Copy puts the records of one table, such as one that was restored from a backup, into another. A record is written
// where the other table lacks it or has an older revision of it; with overwrite it is written always. told is called
// after every page. It stops at the first error, and may be run again.
func Copy(ctx context.Context, api CopyAPI, from, to string, overwrite bool, told func(Copied)) (c Copied, err error) {
	in := &dynamodb.ScanInput{TableName: aws.String(from), ConsistentRead: aws.Bool(true)}
	err = eachPage(ctx, api, in, func(items []values) error {
		written, failures := make([]bool, len(items)), make([]error, len(items))
		var wg sync.WaitGroup
		next := make(chan int)
		for range copyWorkers {
			wg.Go(func() {
				for i := range next {
					written[i], failures[i] = copyOne(ctx, api, to, items[i], overwrite)
				}
			})
		}
		for i := range items {
			next <- i
		}
		close(next)
		wg.Wait()
		for _, w := range written {
			c.Seen++
			if w {
				c.Written++
			}
		}
		if err := errors.Join(failures...); err != nil {
			return err
		}
		c.Newer = c.Seen - c.Written
		told(c)
		return nil
	})
	return c, err
}

func copyOne(ctx context.Context, api CopyAPI, to string, item values, overwrite bool) (written bool, err error) {
	put := &dynamodb.PutItemInput{TableName: &to, Item: item}
	if !overwrite {
		put.ConditionExpression = aws.String("attribute_not_exists(PK) OR revision < :revision")
		put.ExpressionAttributeValues = values{":revision": item["revision"]}
	}
	_, err = api.PutItem(ctx, put)
	var newer *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &newer):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("store: put into %s: %w", to, err)
	}
	return true, nil
}
