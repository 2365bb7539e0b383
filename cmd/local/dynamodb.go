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

// The tables' names in the user's engine. The first stays between runs, the other is emptied by every stage of `sam local`.
const (
	localTable = "tosspay-local"
	samTable   = "tosspay-sam-local"
)

func engine(endpoint string) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{
		Region: "ap-northeast-2",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}, func(o *dynamodb.Options) { o.BaseEndpoint = &endpoint })
}

func openDynamoDB(ctx context.Context, endpoint, table string) (payment.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client := engine(endpoint)
	err := store.CreateTable(ctx, client, table)
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return nil, fmt.Errorf("-dynamodb-endpoint %s: %w", endpoint, err)
	}
	return struct {
		*store.DynamoDB
		*store.Lists
	}{store.New(client, table, rand.Text), store.NewLists(client, table)}, nil
}
