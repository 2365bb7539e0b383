package handler

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"slices"

	"tosspay-sam/shared/order"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/provider"
)

// WebhookSettings are a deployment's choices for the webhook door.
type WebhookSettings struct {
	Token string // of the path; whoever knows it can make us ask the provider, and nothing more
	// Parsers read each provider's bodies.
	Parsers map[string]func(contentType string, body []byte) (provider.Hint, error)
	// Sources are the addresses each provider sends from; a provider without any is not checked.
	Sources map[string][]string
}

// Webhook is the door providers call. A webhook changes nothing by itself: it says which payment to ask about.
func Webhook(s *payment.Settler, e *payment.Enroller, set WebhookSettings, log *slog.Logger) Door {
	h := webhook{s, e, set, log}
	return serve(log, map[string]route{
		"POST /webhooks/toss/{webhookToken}":    h.take("toss"),
		"POST /webhooks/portone/{webhookToken}": h.take("portone"),
	}, func(Request, string) Response { return unavailable() })
}

type webhook struct {
	settler  *payment.Settler
	enroller *payment.Enroller
	set      WebhookSettings
	log      *slog.Logger
}

// take answers 200 when the outcome is stored or there is none, 4xx to what is no webhook, and 503 when asking the provider failed for
// reasons of our own or its: Toss Payments then sends again, for four days.
func (h webhook) take(name string) route {
	return func(ctx context.Context, r Request) (Response, error) {
		if subtle.ConstantTimeCompare([]byte(r.PathParameters["webhookToken"]), []byte(h.set.Token)) != 1 || h.set.Token == "" || !h.fromSource(name, r) {
			return jsonResponse(http.StatusNotFound, map[string]string{"message": "Not Found"}), nil
		}
		data, ok := body(r)
		if !ok {
			return errorResponse(http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", "the body is too large"), nil
		}
		hint, err := h.set.Parsers[name](header(r, "Content-Type"), data)
		if err != nil {
			h.log.WarnContext(ctx, "a webhook was refused", "event", "webhook.refused", "provider", name, "cause", err.Error())
			return errorResponse(http.StatusBadRequest, "INVALID_WEBHOOK", "the body is not a webhook"), nil
		}
		h.log.InfoContext(ctx, "a webhook came", "event", "webhook.received", "provider", name, "kind", hint.Event, "number", hint.Number,
			"says", hint.Status)
		if err := h.hear(ctx, name, hint); err != nil {
			return unavailable(), err
		}
		return jsonResponse(http.StatusOK, map[string]string{"result": "ok"}), nil
	}
}

func (h webhook) hear(ctx context.Context, name string, hint provider.Hint) error {
	if n, err := order.ParseNumber(hint.Number); err == nil && n.Key > 0 {
		if name != "portone" || h.enroller == nil {
			return nil
		}
		return h.enroller.Hear(ctx, hint)
	}
	return h.settler.Hear(ctx, name, hint)
}

// fromSource uses the address API Gateway saw, never a header.
func (h webhook) fromSource(name string, r Request) bool {
	sources := h.set.Sources[name]
	return len(sources) == 0 || slices.Contains(sources, r.RequestContext.HTTP.SourceIP)
}

func unavailable() Response {
	return errorResponse(http.StatusServiceUnavailable, "TRY_AGAIN", "the payment could not be looked up; send again")
}
