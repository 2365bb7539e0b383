// Package handler turns Lambda events into use cases and their results into responses. Event types stop here.
package handler

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/lenient"
	"tosspay-sam/shared/payment"
	"tosspay-sam/shared/telemetry"
	"tosspay-sam/shared/web"
)

// Request and Response are API Gateway's HTTP API events, payload format 2.0.
type (
	Request  = events.APIGatewayV2HTTPRequest
	Response = events.APIGatewayV2HTTPResponse
)

// Door is one function's handler.
type Door func(context.Context, Request) (Response, error)

// DoorTime is what a door a buyer waits at may take: the provider's share and the time kept to record what it said. The
// function's own timeout is 29 s and API Gateway's 30 s.
const DoorTime = payment.CallMax + payment.SettleKeep

// bodyMax is the largest request body our own API takes; they are under 2 KiB. hookMax is a webhook's: one of a payment
// with a hundred partial refunds and a merchant's metadata holds some 100 KiB.
const (
	bodyMax = 64 << 10
	hookMax = 512 << 10
)

// route serves one route of a door. An error it returns is logged here, once, and answered with nothing internal in it.
type route func(context.Context, Request) (Response, error)

// serve dispatches by route key, sets the door's deadline and puts the ids into the log. failed answers what no route
// could, with status 500, or with 503 when the deployment's settings for a provider are wrong.
func serve(log *slog.Logger, routes map[string]route, failed func(r Request, status int) Response) Door {
	return func(ctx context.Context, r Request) (Response, error) {
		ctx, cancel := context.WithTimeout(ctx, DoorTime)
		defer cancel()
		ctx = telemetry.With(ctx, slog.String("requestId", r.RequestContext.RequestID))
		started := time.Now()
		handle, ok := routes[r.RouteKey]
		if !ok {
			log.ErrorContext(ctx, "no such route", "routeKey", r.RouteKey)
			return identified(failed(r, http.StatusInternalServerError), r), nil
		}
		response, err := handle(ctx, r)
		if err != nil {
			log.ErrorContext(ctx, "the request failed", "routeKey", r.RouteKey, "cause", err.Error())
			switch {
			case response.StatusCode != 0:
			case errors.Is(err, payment.ErrNotReady):
				log.ErrorContext(ctx, "the provider cannot be asked", "event", "config.error", "cause", err.Error())
				response = failed(r, http.StatusServiceUnavailable)
			default:
				response = failed(r, http.StatusInternalServerError)
			}
		}
		log.InfoContext(ctx, "request",
			"routeKey", r.RouteKey, "status", response.StatusCode, "ms", time.Since(started).Milliseconds())
		return identified(response, r), nil
	}
}

// identified names the request in its answer, as the log lines name it.
func identified(response Response, r Request) Response {
	if response.Headers == nil {
		response.Headers = map[string]string{}
	}
	response.Headers["X-Request-Id"] = r.RequestContext.RequestID
	return response
}

// baseURL is the public address of the bundle. Without a configured one it is the name API Gateway itself gives the
// API: never a header, which the caller writes.
func baseURL(configured string, r Request) string {
	if configured != "" {
		return configured
	}
	base := "https://" + r.RequestContext.DomainName
	if stage := r.RequestContext.Stage; stage != "" && stage != "$default" {
		base += "/" + stage
	}
	return base
}

// body returns the decoded body without a byte order mark, or false when it has more than limit bytes or is not what
// its encoding says.
func body(r Request, limit int) ([]byte, bool) {
	if !r.IsBase64Encoded {
		return lenient.TrimBOM([]byte(r.Body)), len(r.Body) <= limit
	}
	if len(r.Body) > base64.StdEncoding.EncodedLen(limit) {
		return nil, false
	}
	data, err := base64.StdEncoding.DecodeString(r.Body)
	return lenient.TrimBOM(data), err == nil && len(data) <= limit
}

// query returns the values of the wanted names and, in doubtful, those that came twice and differ: of two amounts
// nobody can say which one was meant. Whatever else stands in the query is overlooked.
func query(r Request, names ...string) (found map[string]string, doubtful []string) {
	return lenient.Query(r.RawQueryString, names...)
}

func header(r Request, name string) string {
	value, _ := headerGiven(r, name)
	return value
}

// pageResponse writes a page.
func pageResponse(p web.Page) Response {
	headers := make(map[string]string, len(p.Header))
	for key := range p.Header {
		headers[key] = p.Header.Get(key)
	}
	return Response{StatusCode: p.Status, Headers: headers, Body: string(p.Body)}
}

// jsonResponse writes our own API's answers.
func jsonResponse(status int, v any) Response {
	text, err := json.Marshal(v)
	if err != nil {
		return errorResponse(http.StatusInternalServerError, "INTERNAL", "the answer could not be written")
	}
	return Response{StatusCode: status, Body: string(text), Headers: map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff",
	}}
}

type errorBody struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Field   string `json:"field,omitempty"`
	} `json:"error"`
}

func errorResponse(status int, code, message string) Response {
	return fieldResponse(status, code, "", message)
}

// invalidField refuses a request for what stands in one of its fields.
func invalidField(field, message string) Response {
	return fieldResponse(http.StatusBadRequest, "INVALID_FIELD", field, message)
}

func fieldResponse(status int, code, field, message string) Response {
	var e errorBody
	e.Error.Code, e.Error.Field, e.Error.Message = code, field, message
	return jsonResponse(status, e)
}
