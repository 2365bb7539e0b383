package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/telemetry"
)

// awsTimeout ends one try of an AWS call; the SDK then tries again within the door's deadline.
const awsTimeout = 4 * time.Second

// prewarmTime bounds the connections made during init: init may take 10 s at most, and its errors show again at the first request.
const prewarmTime = 1500 * time.Millisecond

// MerchantDoor, CheckoutDoor and ConfirmDoor build a function's handler from its environment. An error names the variable that is wrong.
func MerchantDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	prewarm(p.warmStore)
	return p.Merchant(), nil
}

// CheckoutDoor builds the payment page's handler. It reads no secret.
func CheckoutDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	prewarm(p.warmStore)
	return p.Checkout(), nil
}

// ConfirmDoor builds the return handler.
func ConfirmDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	secretID := getenv("TOSS_SECRET_ID")
	if secretID == "" {
		return nil, errors.New("boot: TOSS_SECRET_ID is empty")
	}
	client := secretsmanager.NewFromConfig(awsConfig(getenv), func(o *secretsmanager.Options) {
		o.BaseEndpoint = endpoint(getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	})
	p.TossKeys = &tossKeys{source: &secret.Source{API: newVault(client), ID: secretID, Now: time.Now}, mode: p.Mode, clientKey: p.TossClientKey}
	prewarm(p.warmStore, p.warmSecret, p.warmProvider)
	return p.Confirm(), nil
}

// Refuse logs why a function does not start, where the alarm on config.error sees it.
func Refuse(logs io.Writer, cause error) {
	telemetry.New(logs, "info").Error("the function does not start", "event", "config.error", "cause", cause.Error())
}

func fromEnv(getenv func(string) string, logs io.Writer) (Parts, error) {
	p := Parts{
		Mode: getenv("MODE"), PublicBase: getenv("PUBLIC_BASE_URL"), TossClientKey: getenv("TOSS_CLIENT_KEY"),
		TossBaseURL: getenv("TOSS_BASE_URL"), Transport: transport(), Now: time.Now, Wait: Wait,
		Log: telemetry.New(logs, getenv("LOG_LEVEL")),
	}
	if err := checkSettings(p.Mode, p.TossClientKey, p.PublicBase); err != nil {
		return Parts{}, err
	}
	allowed, err := payment.ParseReturnURLs(getenv("RETURN_URL_ALLOW"))
	if err != nil {
		return Parts{}, fmt.Errorf("boot: RETURN_URL_ALLOW: %w", err)
	}
	p.ReturnURLs = allowed
	name := getenv("TABLE_NAME")
	if name == "" {
		return Parts{}, errors.New("boot: TABLE_NAME is empty")
	}
	client := dynamodb.NewFromConfig(awsConfig(getenv), func(o *dynamodb.Options) {
		o.BaseEndpoint = endpoint(getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
	p.Store = store.New(newTable(client), name, rand.Text)
	return p, nil
}

// awsConfig is all that Lambda needs: region and credentials are in its environment, so the SDK's config package and what it pulls in
// (2 MB of single sign-on and metadata clients) stay out of the binary.
func awsConfig(getenv func(string) string) aws.Config {
	return aws.Config{
		Region: getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
			}, nil
		}),
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(awsTimeout),
	}
}

func endpoint(address string) *string {
	if address == "" {
		return nil
	}
	return &address
}

// transport for the provider. A thawed function finds its old connections dead: short timeouts to make a new one, long ones to wait for
// an answer, which the caller's deadline ends.
func transport() http.RoundTripper {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 4 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     60 * time.Second,
	}
}

// prewarm makes connections side by side while init still has full processor time; a handshake inside the first request would cost it
// a hundred times as much.
func prewarm(steps ...func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), prewarmTime)
	defer cancel()
	var all sync.WaitGroup
	for _, step := range steps {
		all.Go(func() { step(ctx) })
	}
	all.Wait()
}

func (p Parts) warmStore(ctx context.Context) { _, _ = p.Store.Get(ctx, "prewarm") }

func (p Parts) warmSecret(ctx context.Context) { _, _ = p.TossKeys.SecretKey(ctx) }

// warmProvider opens the connection and asks for nothing: the root of the API answers without a key.
func (p Parts) warmProvider(ctx context.Context) {
	base := p.TossBaseURL
	if base == "" {
		base = toss.DefaultBaseURL
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, base+"/", nil)
	if err != nil {
		return
	}
	if response, err := p.Transport.RoundTrip(request); err == nil {
		_ = response.Body.Close()
	}
}
