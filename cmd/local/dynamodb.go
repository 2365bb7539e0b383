package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/store"
)

// localTable is the table's name in the user's engine. It stays between runs.
const localTable = "tosspay-local"

func openDynamoDB(ctx context.Context, endpoint string) (payment.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client := dynamodb.NewFromConfig(aws.Config{
		Region: "ap-northeast-2",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, func(o *dynamodb.Options) { o.BaseEndpoint = &endpoint })
	err := store.CreateTable(ctx, client, localTable)
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return nil, fmt.Errorf("-dynamodb-endpoint %s: %w", endpoint, err)
	}
	return struct {
		*store.DynamoDB
		*store.Lists
	}{store.New(client, localTable, rand.Text), store.NewLists(client, localTable)}, nil
}
