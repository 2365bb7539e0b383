// Command keyed is the smallest handler that may see money: the provider's key comes from Secrets Manager, as the confirm function's does, and is in
// no variable that whoever may read the function's configuration could read. It is built with the functions' flags and never deployed.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/tools/coldpath/least"
)

func main() {
	client := secretsmanager.New(secretsmanager.Options{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")),
		Credentials: aws.CredentialsProviderFunc(least.Credentials),
	})
	least.Start(func(ctx context.Context) (string, error) {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(os.Getenv("TOSS_SECRET_ID"))})
		if err != nil {
			return "", err
		}
		var fields struct {
			SecretKey string `json:"secretKey"`
		}
		err = json.Unmarshal([]byte(aws.ToString(out.SecretString)), &fields)
		return fields.SecretKey, err
	})
}
