package handler

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// WebhookSettings are a deployment's choices for the webhook door.
type WebhookSettings struct {
	// TokenSHA256 is DigestOf of the token in the deployment's own webhook addresses; empty: there are none. Whoever
	// knows the token can make us ask the provider, and nothing more.
	TokenSHA256 string
	// Parsers read each provider's bodies.
	Parsers map[string]func(body []byte) (provider.Hint, error)
	// Sources are the addresses each provider sends from; a provider without any is not checked.
	Sources map[string][]string
}

// DigestOf is the SHA-256 of a webhook token, in hexadecimal: what checks a token need not know it.
func DigestOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Webhook is the door providers call. A webhook changes nothing by itself: it says which payment to ask about.
func Webhook(s *payment.Settler, e *payment.Enroller, set WebhookSettings, log *slog.Logger) Door {
	h := webhook{s, e, set, log, &pacer{now: time.Now}}
	return serve(log, map[string]route{
		"POST /webhooks/toss/{webhookToken}":    h.take("toss"),
		"POST /webhooks/portone/{webhookToken}": h.take("portone"),
	}, func(Request, int) Response { return unavailable() })
}

type webhook struct {
	settler  *payment.Settler
	enroller *payment.Enroller
	set      WebhookSettings
	log      *slog.Logger
	keysOnly *pacer
}

// take answers 200 when the outcome is stored, or when the webhook was understood and concerns nothing of ours; never
// to one that was not understood. That gets 400 and an alarm, because resending it cannot help: Toss Payments tries
// seven times within four days and then writes to the merchant, PortOne does not try again. 503 is for trouble of our
// own or the provider's: Toss Payments then sends again, PortOne if it is told to. Whatever happens here, the order's
// due time covers it.
func (h webhook) take(name string) route {
	return func(ctx context.Context, r Request) (Response, error) {
		if !h.fromSource(name, r) {
			return notHere(), nil
		}
		token := r.PathParameters["webhookToken"]
		if subtle.ConstantTimeCompare([]byte(DigestOf(token)), []byte(h.set.TokenSHA256)) != 1 {
			return h.toRecord(ctx, name, token, r)
		}
		data, ok := body(r, hookMax)
		if !ok {
			h.unreadable(ctx, name, data, "too large")
			return errorResponse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "the body is too large"), nil
		}
		hint, err := h.set.Parsers[name](data)
		if err != nil {
			h.unreadable(ctx, name, data, err.Error())
			return errorResponse(http.StatusBadRequest, "INVALID_WEBHOOK",
				"the body is not a webhook that can be read"), nil
		}
		h.received(ctx, name, hint)
		if hint.Number == "" && hint.Key != "" {
			if !h.keysOnly.allow() {
				return errorResponse(http.StatusTooManyRequests, "TRY_AGAIN",
					"too many webhooks that do not name their order; send again"), nil
			}
			if hint, err = h.settler.Identify(ctx, name, hint); err != nil {
				return unavailable(), err
			}
		}
		if err := h.note(ctx, name, hint); err != nil {
			return unavailable(), err
		}
		return jsonResponse(http.StatusOK, map[string]string{"result": "ok"}), nil
	}
}

// toRecord takes a webhook that came to the address of one order or subscription, as PortOne's window carries it in
// notice_url: its link token, which its buyer knows anyway. Whatever is not proven by it is answered like an address
// that does not exist, and raises no alarm.
func (h webhook) toRecord(ctx context.Context, name, token string, r Request) (Response, error) {
	data, ok := body(r, hookMax)
	if name != "portone" || token == "" || !ok {
		return notHere(), nil
	}
	hint, err := h.set.Parsers[name](data)
	if err != nil {
		return notHere(), nil
	}
	if n, _ := order.ParseNumber(hint.Number); n.Key > 0 {
		_, err = h.enroller.Status(ctx, hint.Number, token)
	} else {
		err = h.settler.Owns(ctx, hint.Number, token)
	}
	if errors.Is(err, payment.ErrNotFound) {
		return notHere(), nil
	}
	if err == nil {
		h.received(ctx, name, hint)
		err = h.note(ctx, name, hint)
	}
	if err != nil {
		return unavailable(), err
	}
	return jsonResponse(http.StatusOK, map[string]string{"result": "ok"}), nil
}

func (h webhook) received(ctx context.Context, name string, hint provider.Hint) {
	h.log.InfoContext(ctx, "a webhook came",
		"event", "webhook.received", "provider", name, "kind", hint.Event, "number", hint.Number,
		"says", hint.Status)
}

func notHere() Response {
	return jsonResponse(http.StatusNotFound, map[string]string{"message": "Not Found"})
}

// unreadable raises an alarm: a person must look at the provider's console. The body may hold a buyer's data, so only
// its digest is logged.
func (h webhook) unreadable(ctx context.Context, name string, data []byte, cause string) {
	sum := sha256.Sum256(data)
	h.log.ErrorContext(ctx, "a webhook was not understood",
		"event", "webhook.unreadable", "provider", name, "cause", cause,
		"bytes", len(data), "digest", hex.EncodeToString(sum[:8]))
}

func (h webhook) note(ctx context.Context, name string, hint provider.Hint) error {
	if n, err := order.ParseNumber(hint.Number); err == nil && n.Key > 0 {
		if name != "portone" || h.enroller == nil {
			return nil
		}
		return h.enroller.Hear(ctx, hint)
	}
	return h.settler.Hear(ctx, name, hint)
}

// pacer lets one webhook a second through that names only the provider's key: unlike a number, a key that is made up
// costs a question.
type pacer struct {
	mu   sync.Mutex
	next time.Time
	now  func() time.Time
}

func (p *pacer) allow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.next) {
		return false
	}
	p.next = now.Add(time.Second)
	return true
}

// fromSource uses the address API Gateway saw, never a header.
func (h webhook) fromSource(name string, r Request) bool {
	sources := h.set.Sources[name]
	return len(sources) == 0 || slices.Contains(sources, r.RequestContext.HTTP.SourceIP)
}

func unavailable() Response {
	return errorResponse(http.StatusServiceUnavailable, "TRY_AGAIN", "the payment could not be looked up; send again")
}
