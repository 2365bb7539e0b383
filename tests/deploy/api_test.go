package deploy_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"tosspay-sam/api/apitest"
	"tosspay-sam/tests/root"
)

// TestSpecifiedRoutes compares the private routes, which the template's test holds against the template, with api/openapi.yaml.
func TestSpecifiedRoutes(t *testing.T) {
	root.Chdir(t)
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

// TestWorldsHoldTheSpecification: every test that makes a world makes it by testbed.Open, which holds each answer of its private API against
// api/openapi.yaml (TestSpecificationIsHeld), or does so itself.
func TestWorldsHoldTheSpecification(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	beds, worlds, held := 0, regexp.MustCompile(`world\.New\(`), "specified.Door(t.Errorf)"
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || path == "tests/deploy/api_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		beds += strings.Count(string(text), "testbed.Open(")
		if len(worlds.FindAll(text, -1)) > strings.Count(string(text), held) {
			t.Errorf("%s makes a world whose answers nobody holds against api/openapi.yaml: testbed.Open does", path)
		}
		return nil
	})
	if err != nil || beds < 8 {
		t.Errorf("%d beds are opened, %v: the test reads the wrong folder", beds, err)
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
