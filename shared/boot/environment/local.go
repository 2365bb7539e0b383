package environment

import "fmt"

// InSAMLocal reports whether this is a container of `sam local`, which says so itself. Lambda never sets the variable.
func InSAMLocal(getenv func(string) string) bool { return getenv("AWS_SAM_LOCAL") == "true" }

// NotForgotten: `sam local` gives its containers the developer's own AWS credentials, and no variable means the real
// account.
func NotForgotten(getenv func(string) string) error {
	if !InSAMLocal(getenv) {
		return nil
	}
	for _, need := range []struct{ address, of string }{
		{"AWS_ENDPOINT_URL_DYNAMODB", "TABLE_NAME"},
		{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "TOSS_SECRET_ID"},
		{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "PORTONE_SECRET_ID"},
		{"AWS_ENDPOINT_URL_SQS", "QUEUE_URL"},
		{"AWS_ENDPOINT_URL_SQS", "DELIVERY_QUEUE_URL"},
		{"AWS_ENDPOINT_URL_EVENTBRIDGE", "EVENT_BUS"},
		{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "MERCHANT_WEBHOOK_SECRET_ID"},
		{"TOSS_BASE_URL", "TOSS_CLIENT_KEY"},
		{"PORTONE_BASE_URL", "PORTONE_USER_CODE"},
	} {
		if getenv(need.of) != "" && getenv(need.address) == "" {
			return fmt.Errorf(
				"boot: `sam local` without %s would reach a real account."+
					" Add --env-vars events/env.json with it, and run `make sam-local` beside it",
				need.address,
			)
		}
	}
	return nil
}
