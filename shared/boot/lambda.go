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
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"tosspay-sam/shared/boot/environment"
	"tosspay-sam/shared/handler"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider/toss"
	"tosspay-sam/shared/secret"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/telemetry"
)

// MerchantDoor, CheckoutDoor, ConfirmDoor and WebhookDoor build a function's handler from its environment. An error
// names the variable that is wrong. Each function reads the secrets its door needs and no others.
func MerchantDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	p.readPortOneSecret(getenv)
	environment.Prewarm(p.warmStore, p.warmPortOne)
	p.Lists = store.NewLists(p.client, p.tableName)
	return p.Merchant(), nil
}

// CheckoutDoor builds the payment page's handler. It reads no secret.
func CheckoutDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := fromEnv(getenv, logs)
	if err != nil {
		return nil, err
	}
	environment.Prewarm(p.warmStore)
	return p.Checkout(), nil
}

// ConfirmDoor builds the return handler.
func ConfirmDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := WithSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	environment.Prewarm(p.warmStore, p.warmToss, p.warmPortOne, p.warmProvider)
	return p.Confirm(), nil
}

// WebhookDoor builds the handler providers call.
func WebhookDoor(getenv func(string) string, logs io.Writer) (handler.Door, error) {
	p, err := WithSecrets(getenv, logs)
	if err != nil {
		return nil, err
	}
	digest, err := hex.DecodeString(p.Webhooks.TokenSHA256)
	if err != nil || len(digest) != 0 && len(digest) != sha256.Size {
		return nil, errors.New("boot: WEBHOOK_TOKEN_SHA256 must be empty or the SHA-256 of the token" +
			" in 64 hexadecimal digits: printf %s TOKEN | sha256sum")
	}
	p.Webhooks.Sources = map[string][]string{
		"toss": list(getenv("TOSS_SOURCES")), "portone": list(getenv("PORTONE_SOURCES")),
	}
	environment.Prewarm(p.warmStore, p.warmToss, p.warmPortOne)
	return p.Webhook(), nil
}

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

// WithSecrets returns what settles orders, with the keys to both providers: its parts read their secrets when they are
// asked.
func WithSecrets(getenv func(string) string, logs io.Writer) (Parts, error) {
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

func secretSource(getenv func(string) string, id string) *secret.Source {
	endpoint := environment.Endpoint(getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"))
	return secret.New(environment.AWS(getenv), endpoint, id, time.Now)
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

// refusePortOne keeps wrong settings of PortOne from stopping Toss Payments, too. The line raises the alarm on
// config.error.
func (p *Parts) refusePortOne(fault error) {
	p.PortOne.Fault = fault
	p.Log.Error("PortOne is refused until its settings are mended; Toss Payments works on",
		"event", "config.error", "cause", fault.Error())
}

func fromEnv(getenv func(string) string, logs io.Writer) (Parts, error) {
	p := Parts{
		Mode: getenv("MODE"), PublicBase: getenv("PUBLIC_BASE_URL"), KeepLate: getenv("LATE_MONEY") == "accept",
		Toss: TossParts{
			ClientKey: getenv("TOSS_CLIENT_KEY"), Script: getenv("TOSS_SCRIPT_URL"), BaseURL: getenv("TOSS_BASE_URL"),
		},
		PortOne: PortOneParts{
			UserCode: getenv("PORTONE_USER_CODE"), ChannelKey: getenv("PORTONE_CHANNEL_KEY"),
			MID: getenv("PORTONE_MID"), Script: getenv("PORTONE_SCRIPT_URL"), BaseURL: getenv("PORTONE_BASE_URL"),
		},
		Webhooks:  WebhookParts{TokenSHA256: getenv("WEBHOOK_TOKEN_SHA256")},
		Transport: transport(), Now: time.Now, Wait: environment.Wait, Log: telemetry.New(logs, getenv("LOG_LEVEL")),
	}
	if environment.InSAMLocal(getenv) && p.Mode == "test" {
		p.PlainHost = containerHost
	}
	if err := p.check(); err != nil {
		return Parts{}, err
	}
	var err error
	if p.NoticeDays, err = noticeDays(getenv("RENEWAL_NOTICE_DAYS")); err != nil {
		return Parts{}, err
	}
	if p.RestoredTo, err = restoredTo(getenv("RESTORED_TO"), p.Now()); err != nil {
		return Parts{}, err
	}
	p.PortOne, err = portoneSwitches(
		p.PortOne, getenv("PORTONE_BYPASS"), getenv("PORTONE_ISSUANCE_AMOUNT"), getenv("PORTONE_CONFIRM_GATE"))
	if err == nil {
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
	client := dynamodb.NewFromConfig(environment.AWS(getenv), func(o *dynamodb.Options) {
		o.BaseEndpoint = environment.Endpoint(getenv("AWS_ENDPOINT_URL_DYNAMODB"))
	})
	p.Store, p.client, p.tableName = store.New(client, name, rand.Text), client, name
	return p, nil
}

// transport for the provider. A thawed function finds its old connections dead: short timeouts to make a new one, long
// ones to wait for an answer, which the caller's deadline ends.
func transport() http.RoundTripper {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 4 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: environment.IdleConnections,
		IdleConnTimeout:     60 * time.Second,
	}
}

// PrewarmCharge opens the connections of the charge function.
func (p Parts) PrewarmCharge() { environment.Prewarm(p.warmStore, p.warmToss, p.warmPortOneToken) }

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
