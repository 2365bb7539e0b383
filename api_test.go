package tosspaysam_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/api/apitest"
)

// TestSpecifiedRoutes compares the private routes, which the template's test holds against the template, with api/openapi.yaml.
func TestSpecifiedRoutes(t *testing.T) {
	t.Parallel()
	spec := readSpec(t)
	specified := spec.Routes()
	for route, r := range routes {
		if r.iam && !slices.Contains(specified, route) {
			t.Errorf("%s is not in api/openapi.yaml", route)
		}
	}
	for _, route := range specified {
		if !routes[route].iam {
			t.Errorf("api/openapi.yaml has %s, which is no route of the private API", route)
		}
	}
}

func readSpec(t *testing.T) *apitest.Spec {
	t.Helper()
	spec, err := apitest.Load("api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// checkSpecified holds an exchange with a built function against the specification.
func checkSpecified(t *testing.T, e events.APIGatewayV2HTTPRequest, response events.APIGatewayV2HTTPResponse) {
	t.Helper()
	header := http.Header{}
	for name, value := range response.Headers {
		header.Set(name, value)
	}
	err := readSpec(t).Check(apitest.Exchange{
		Route: e.RouteKey, Request: []byte(eventBody(t, e)), Status: response.StatusCode, Header: header, Response: []byte(response.Body),
	})
	if err != nil {
		t.Errorf("not as api/openapi.yaml says: %v", err)
	}
}
