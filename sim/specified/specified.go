// Package specified holds what the merchant's door takes and answers against api/openapi.yaml, in the worlds of tests.
package specified

import (
	"context"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"

	"tosspay-sam/api/apitest"
	"tosspay-sam/shared/handler"
)

// specification is read once: worlds are many.
var specification = sync.OnceValues(func() (*apitest.Spec, error) {
	_, here, _, _ := runtime.Caller(0)
	return apitest.Load(filepath.Join(filepath.Dir(here), "..", "..", "api", "openapi.yaml"))
})

// Door returns what wraps the merchant's door of a world: whatever of a request that is taken, or of an answer, the specification does not say goes
// to complain, such as a test's Errorf.
func Door(complain func(format string, args ...any)) func(handler.Door) handler.Door {
	return func(door handler.Door) handler.Door {
		return func(ctx context.Context, r handler.Request) (handler.Response, error) {
			response, err := door(ctx, r)
			if err != nil {
				return response, err // no answer: the gateway makes one
			}
			if problem := check(r, response); problem != nil {
				complain("not as api/openapi.yaml says: %v", problem)
			}
			return response, nil
		}
	}
}

func check(r handler.Request, response handler.Response) error {
	spec, err := specification()
	if err != nil {
		return err
	}
	request, header := []byte(r.Body), http.Header{}
	if r.IsBase64Encoded {
		if request, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			request = nil
		}
	}
	for name, value := range response.Headers {
		header.Set(name, value)
	}
	return spec.Check(apitest.Exchange{
		Route: r.RouteKey, Request: request, Status: response.StatusCode, Header: header, Response: []byte(response.Body),
	})
}
