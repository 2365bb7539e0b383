// Package environment is what every function finds in its environment, whatever it does: region and credentials,
// addresses of AWS services, and what `sam local` must not reach. It links no client of any service: package
// initialization of one takes up to a millisecond of a cold start.
package environment

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"tosspay-sam/shared/telemetry"
)

// awsTimeout ends one try of an AWS call; the SDK then tries again within the door's deadline.
const awsTimeout = 4 * time.Second

// prewarmTime bounds the connections made during init: init may take 10 s at most, and its errors show again at the
// first request.
const prewarmTime = 1500 * time.Millisecond

// Refuse logs why a function does not start, where the alarm on config.error sees it.
func Refuse(logs io.Writer, cause error) {
	telemetry.New(logs, "info").Error("the function does not start", "event", "config.error", "cause", cause.Error())
}

// AWS is all that Lambda needs: region and credentials are in its environment, so the SDK's config package and what it
// pulls in (2 MB of single sign-on and metadata clients) stay out of the binary.
func AWS(getenv func(string) string) aws.Config {
	return aws.Config{
		Region: getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
			}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(awsTimeout).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = IdleConnections
		}),
	}
}

// Endpoint is an address that replaces a service's own; empty is the service's.
func Endpoint(address string) *string {
	if address == "" {
		return nil
	}
	return &address
}

// IdleConnections are kept for each host. A tick asks all 32 shards side by side and a batch works on up to 40 records:
// whatever the pool is smaller than that is closed again, and handshakes are the dearest thing a function does.
const IdleConnections = 64

// Prewarm makes connections side by side while init still has full processor time; a handshake inside the first request
// would cost it a hundred times as much.
func Prewarm(first func(context.Context), others ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), prewarmTime)
	defer cancel()
	var all sync.WaitGroup
	for _, step := range others {
		all.Go(func() { step(ctx) })
	}
	first(ctx) // here, where requests will be answered: the stack has then grown for them
	all.Wait()
}

// Wait sleeps, or returns early with the context's error.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
