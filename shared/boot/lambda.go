package boot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/queue"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/shared/telemetry"
)

// awsTimeout ends one try of an AWS call; the SDK then tries again within the door's deadline.
const awsTimeout = 4 * time.Second

// prewarmTime bounds the connections made during init: init may take 10 s at most, and its errors show again at the first request.
const prewarmTime = 1500 * time.Millisecond

// MerchantDoor, CheckoutDoor, ConfirmDoor and WebhookDoor build a function's handler from its environment. An error names the variable that
// is wrong. Each function reads the secrets its door needs and no others.
func MerchantDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	p.readPortOneSecret(getenv)
	prewarm(p.warmStore, p.warmPortOne)
	p.Lists = store.NewLists(p.client, p.tableName)
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
	p, err := withSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	prewarm(p.warmStore, p.warmToss, p.warmPortOne, p.warmProvider)
	return p.Confirm(), nil
}

// WebhookDoor builds the handler providers call.
func WebhookDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := withSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	if digest, err := hex.DecodeString(p.Webhooks.TokenSHA256); err != nil || len(digest) != 0 && len(digest) != sha256.Size {
		return nil, errors.New("boot: WEBHOOK_TOKEN_SHA256 must be empty or the SHA-256 of the token in 64 hexadecimal digits: printf %s TOKEN | sha256sum")
	}
	p.Webhooks.Sources = map[string][]string{"toss": list(getenv("TOSS_SOURCES")), "portone": list(getenv("PORTONE_SOURCES"))}
	prewarm(p.warmStore, p.warmToss, p.warmPortOne)
	return p.Webhook(), nil
}

// ChargeDoor builds the handler of the schedule's ticks and the queue's messages.
func ChargeDoor(getenv func(string) string, logs io.Writer) (handler.ChargeDoor, error) {
	p, err := withSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	if url := getenv("QUEUE_URL"); url != "" {
		client := sqs.NewFromConfig(awsConfig(getenv), func(o *sqs.Options) { o.BaseEndpoint = endpoint(getenv("AWS_ENDPOINT_URL_SQS")) })
		p.Queue = &queue.SQS{API: client, URL: url}
		if p.QueueWorkers, err = queueWorkers(getenv("CHARGE_CONCURRENCY"), getenv("CHARGE_BATCH_SIZE")); err != nil {
			return nil, err
		}
	}
	if p.Timetable, err = timetable(getenv("DUNNING_SOFT_DAYS"), getenv("DUNNING_TRANSIENT_HOURS")); err != nil {
		return nil, err
	}
	prewarm(p.warmStore, p.warmToss, p.warmPortOneToken)
	return p.Charge(), nil
}

// queueWorkers is how many messages the queue's workers hold at once: MaximumConcurrency batches of BatchSize.
func queueWorkers(concurrency, batch string) (int, error) {
	c, errC := strconv.Atoi(concurrency)
	b, errB := strconv.Atoi(batch)
	switch {
	case errC != nil || c < 2 || c > 1000:
		return 0, errors.New("boot: CHARGE_CONCURRENCY must be 2 to 1000")
	case errB != nil || b < 1 || b > 10_000:
		return 0, errors.New("boot: CHARGE_BATCH_SIZE must be 1 to 10000")
	}
	return c * b, nil
}

// timetable reads comma-separated days and hours as template.yaml takes them, in any order: its patterns cannot see one, and a function that
// does not start charges nobody. Empty is the default of each.
func timetable(days, hours string) (subscription.Timetable, error) {
	t := subscription.DefaultTimetable()
	for _, part := range []struct {
		name, text string
		unit       time.Duration
		into       *[]time.Duration
	}{{"DUNNING_SOFT_DAYS", days, 24 * time.Hour, &t.Soft}, {"DUNNING_TRANSIENT_HOURS", hours, time.Hour, &t.Transient}} {
		if part.text == "" {
			continue
		}
		var offsets []time.Duration
		for entry := range strings.SplitSeq(part.text, ",") {
			n, err := strconv.Atoi(entry)
			most := int(dunningMax / part.unit)
			offset := time.Duration(min(n, most)) * part.unit
			if err != nil || strconv.Itoa(n) != entry || n < 1 || n > most || len(offsets) == dunningTries {
				return t, fmt.Errorf("boot: %s must be up to %d whole numbers from 1 to %d separated by commas", part.name, dunningTries, most)
			}
			offsets = append(offsets, offset)
		}
		slices.Sort(offsets)
		*part.into = slices.Compact(offsets)
	}
	return t, nil
}

// Limits of a dunning timetable: a cycle's order waits no longer than 90 days, and nobody wants ten messages about one bill.
const (
	dunningMax   = 60 * 24 * time.Hour
	dunningTries = 10
)

// list reads a comma-separated list.
func list(text string) []string {
	var entries []string
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

func withSecrets(getenv func(string) string, logs io.Writer) (Parts, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return p, err
	}
	secretID := getenv("TOSS_SECRET_ID")
	if secretID == "" {
		return p, errors.New("boot: TOSS_SECRET_ID is empty")
	}
	p.Toss.Keys = &tossKeys{source: secretSource(getenv, secretID), mode: p.Mode, clientKey: p.Toss.ClientKey}
	p.readPortOneSecret(getenv)
	return p, nil
}

func (p *Parts) readPortOneSecret(getenv func(string) string) {
	secretID := getenv("PORTONE_SECRET_ID")
	switch {
	case !p.offersPortOne():
		return
	case p.PortOne.Fault == nil && secretID == "":
		p.refusePortOne(errors.New("boot: PORTONE_SECRET_ID is empty"))
	}
	if p.PortOne.Fault != nil {
		p.PortOne.Keys = noPortOneKeys{p.PortOne.Fault}
		return
	}
	p.PortOne.Keys = &portoneKeys{source: secretSource(getenv, secretID)}
	p.PortOne.adapter = p.portoneAdapter() // from here on the process has one, and with it one token
}

// refusePortOne keeps wrong settings of PortOne from stopping Toss Payments, too. The line raises the alarm on config.error.
func (p *Parts) refusePortOne(fault error) {
	p.PortOne.Fault = fault
	p.Log.Error("PortOne is refused until its settings are mended; Toss Payments works on", "event", "config.error", "cause", fault.Error())
}

func secretSource(getenv func(string) string, id string) *secret.Source {
	client := secretsmanager.NewFromConfig(awsConfig(getenv), func(o *secretsmanager.Options) {
		o.BaseEndpoint = endpoint(getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	})
	return &secret.Source{API: client, ID: id, Now: time.Now}
}

// Refuse logs why a function does not start, where the alarm on config.error sees it.
func Refuse(logs io.Writer, cause error) {
	telemetry.New(logs, "info").Error("the function does not start", "event", "config.error", "cause", cause.Error())
}

func fromEnv(getenv func(string) string, logs io.Writer) (Parts, error) {
	p := Parts{
		Mode: getenv("MODE"), PublicBase: getenv("PUBLIC_BASE_URL"), KeepLate: getenv("LATE_MONEY") == "accept",
		Toss: TossParts{ClientKey: getenv("TOSS_CLIENT_KEY"), Script: getenv("TOSS_SCRIPT_URL"), BaseURL: getenv("TOSS_BASE_URL")},
		PortOne: PortOneParts{
			UserCode: getenv("PORTONE_USER_CODE"), ChannelKey: getenv("PORTONE_CHANNEL_KEY"), MID: getenv("PORTONE_MID"),
			Script: getenv("PORTONE_SCRIPT_URL"), BaseURL: getenv("PORTONE_BASE_URL"),
		},
		Webhooks:  WebhookParts{TokenSHA256: getenv("WEBHOOK_TOKEN_SHA256")},
		Transport: transport(), Now: time.Now, Wait: Wait, Log: telemetry.New(logs, getenv("LOG_LEVEL")),
	}
	if inSAMLocal(getenv) && p.Mode == "test" {
		p.PlainHost = containerHost
	}
	if err := p.check(); err != nil {
		return Parts{}, err
	}
	var err error
	if p.PortOne, err = portoneSwitches(p.PortOne, getenv("PORTONE_BYPASS"), getenv("PORTONE_ISSUANCE_AMOUNT")); err == nil {
		err = p.portoneWindows().Check(p.Mode)
	}
	if p.offersPortOne() && err != nil {
		p.refusePortOne(fmt.Errorf("boot: %w", err))
	}
	if err := p.checkAddresses(getenv); err != nil {
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
	p.Store, p.client, p.tableName = store.New(client, name, rand.Text), client, name
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
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(awsTimeout).WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConnsPerHost = idleConnections
		}),
	}
}

func endpoint(address string) *string {
	if address == "" {
		return nil
	}
	return &address
}

// idleConnections are kept for each host. A tick asks all 32 shards side by side and a batch works on up to 40 records: whatever the pool
// is smaller than that is closed again, and handshakes are the dearest thing a function does.
const idleConnections = 64

// transport for the provider. A thawed function finds its old connections dead: short timeouts to make a new one, long ones to wait for
// an answer, which the caller's deadline ends.
func transport() http.RoundTripper {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 4 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: idleConnections,
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

func (p Parts) warmToss(ctx context.Context) { _, _ = p.Toss.Keys.SecretKey(ctx) }

func (p Parts) warmPortOne(ctx context.Context) {
	if p.PortOne.Keys != nil {
		_, _ = p.PortOne.Keys.Credentials(ctx)
	}
}

// warmPortOneToken fetches the access token, too, which every charge needs, and opens the connection with it.
func (p Parts) warmPortOneToken(ctx context.Context) {
	if p.PortOne.Keys != nil {
		_, _ = p.portoneAdapter().Client.Tokens.Token(ctx)
	}
}

// warmProvider opens the connection and asks for nothing: the root of the API answers without a key.
func (p Parts) warmProvider(ctx context.Context) {
	base := p.Toss.BaseURL
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
