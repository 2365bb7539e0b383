// Package least is what the confirm function is measured against: the smallest Go handler that does the same two writes to DynamoDB and the same
// call to the provider, with no rules, no pages and no prewarm.
package least

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Credentials are in the environment.
func Credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
}

// Start serves events until the process ends. secretKey is asked once an event.
func Start(secretKey func(context.Context) (string, error)) {
	client := dynamodb.New(dynamodb.Options{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")),
		Credentials: aws.CredentialsProviderFunc(Credentials),
	})
	lambda.Start(func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		query := e.QueryStringParameters
		if err := write(ctx, client, query["orderId"], "processing"); err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		key, err := secretKey(ctx)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		if err := confirm(ctx, key, query); err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		if err := write(ctx, client, query["orderId"], "paid"); err != nil {
			return events.APIGatewayV2HTTPResponse{}, err
		}
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: "paid"}, nil
	})
}

func write(ctx context.Context, client *dynamodb.Client, id, status string) error {
	_, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(os.Getenv("TABLE_NAME")),
		Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: "minimal#" + id}, "SK": &types.AttributeValueMemberS{Value: "order"},
		},
		UpdateExpression: aws.String("SET #s = :s"), ExpressionAttributeNames: map[string]string{"#s": "status"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":s": &types.AttributeValueMemberS{Value: status}},
	})
	return err
}

func confirm(ctx context.Context, key string, query map[string]string) error {
	body, err := json.Marshal(map[string]any{"paymentKey": query["paymentKey"], "orderId": query["orderId"], "amount": json.Number(query["amount"])})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("TOSS_BASE_URL")+"/v1/payments/confirm", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(key, "")
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(string(answer))
	}
	return nil
}
