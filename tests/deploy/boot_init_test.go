package deploy_test

import (
	"bytes"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// initMax is what package initialization of one of our packages may allocate, in bytes. What is compiled or built there is so in every cold start,
// whether the request needs it or not. The tables of shared/web are 20 KB; one expression with counted repetitions was 161 KB.
const initMax = 24 << 10

// linkedServices are the AWS services whose clients each function is built with. Initialization of a client's packages costs a fifth of a
// millisecond to a whole one. dynamodbstreams comes with attributevalue.
var linkedServices = map[string][]string{
	"merchant": {"dynamodb", "dynamodbstreams", "secretsmanager"},
	"checkout": {"dynamodb", "dynamodbstreams", "secretsmanager"},
	"confirm":  {"dynamodb", "dynamodbstreams", "secretsmanager"},
	"webhook":  {"dynamodb", "dynamodbstreams", "secretsmanager"},
	"charge":   {"dynamodb", "dynamodbstreams", "secretsmanager", "sqs"},
	"publish":  {"dynamodb", "dynamodbstreams", "eventbridge", "sqs"},
	"deliver":  {"secretsmanager", "sqs"},
}

// testInit reads the runtime's own account of package initialization (package runtime, GODEBUG inittrace), before a function refuses to start.
func testInit(t *testing.T, doors map[string]*door) {
	line := regexp.MustCompile(`(?m)^init (\S+) @.* clock, (\d+) bytes, \d+ allocs$`)
	for name, d := range doors {
		command := exec.Command(d.program)
		command.Env = []string{"GODEBUG=inittrace=1"}
		var stderr bytes.Buffer
		command.Stderr = &stderr
		if err := command.Run(); err == nil {
			t.Errorf("%s starts without any setting", name)
		}
		found := line.FindAllStringSubmatch(stderr.String(), -1)
		if len(found) < 20 {
			t.Fatalf("%s: %d packages in the trace:\n%s", name, len(found), stderr.String())
		}
		services := map[string]bool{}
		for _, m := range found {
			if _, rest, ok := strings.Cut(m[1], "aws-sdk-go-v2/service/"); ok && !strings.HasPrefix(rest, "internal/") {
				service, _, _ := strings.Cut(rest, "/")
				services[service] = true
			}
			if size, err := strconv.Atoi(m[2]); strings.HasPrefix(m[1], "tosspay-sam/") && (err != nil || size > initMax) {
				t.Errorf("%s: initialization of %s allocates %s bytes, at most %d are allowed: make what it builds lazy", name, m[1], m[2], initMax)
			}
		}
		if got := slices.Sorted(maps.Keys(services)); !slices.Equal(got, linkedServices[name]) {
			t.Errorf("%s initializes clients of %v, want %v", name, got, linkedServices[name])
		}
	}
}
