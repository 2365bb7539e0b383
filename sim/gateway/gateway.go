// Package gateway is API Gateway's HTTP API as the doors see it: it turns HTTP requests into payload 2.0 events and answers back, so that
// the laptop and the tests run the real handlers through real events.
package gateway

import (
	"context"
	"encoding/base64"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/shared/handler"
)

// bodyMax is API Gateway's own limit of a request body.
const bodyMax = 10 << 20

var requests atomic.Int64

var parameter = regexp.MustCompile(`\{([A-Za-z]+)\}`)

// Handle mounts a door's route on a mux. The route key, such as "GET /orders/{orderId}", is a mux pattern as it stands.
func Handle(mux *http.ServeMux, routeKey string, door handler.Door) {
	mux.HandleFunc(routeKey, func(w http.ResponseWriter, r *http.Request) { Serve(w, r, routeKey, door) })
}

// Serve passes one request through a door. As in Lambda, the door's work goes on when the caller hangs up.
func Serve(w http.ResponseWriter, r *http.Request, routeKey string, door handler.Door) {
	event, err := Event(r, routeKey)
	if err != nil {
		http.Error(w, `{"message":"Request Too Long"}`, http.StatusRequestEntityTooLarge)
		return
	}
	response, err := door(context.WithoutCancel(r.Context()), event)
	if err != nil {
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
		return
	}
	write(w, response)
}

// Event is the event API Gateway makes of a request that was routed to routeKey.
func Event(r *http.Request, routeKey string) (handler.Request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, bodyMax))
	if err != nil {
		return handler.Request{}, err
	}
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	event := handler.Request{
		Version: "2.0", RouteKey: routeKey, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{}, QueryStringParameters: map[string]string{}, PathParameters: map[string]string{},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: routeKey, AccountID: "000000000000", APIID: "local", Stage: "$default", DomainName: r.Host,
			RequestID: "local-" + strconv.FormatInt(requests.Add(1), 10), TimeEpoch: time.Now().UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
		},
	}
	for name, values := range r.Header {
		event.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		event.QueryStringParameters[name] = strings.Join(values, ",")
	}
	for _, match := range parameter.FindAllStringSubmatch(routeKey, -1) {
		event.PathParameters[match[1]] = r.PathValue(match[1])
	}
	event.Body, event.IsBase64Encoded = encode(body, r.Header.Get("Content-Type"))
	return event, nil
}

// encode: API Gateway passes text as it is and everything else in base64.
func encode(body []byte, contentType string) (string, bool) {
	media, _, _ := mime.ParseMediaType(contentType)
	if len(body) == 0 || strings.HasPrefix(media, "text/") || media == "application/json" {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func write(w http.ResponseWriter, response handler.Response) {
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	for name, values := range response.MultiValueHeaders {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	for _, cookie := range response.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(response.StatusCode)
	if response.IsBase64Encoded {
		if body, err := base64.StdEncoding.DecodeString(response.Body); err == nil {
			_, _ = w.Write(body)
		}
		return
	}
	_, _ = io.WriteString(w, response.Body)
}
