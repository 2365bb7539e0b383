package boot

import (
	"io"
	"strings"
	"testing"
)

// samLocal is the environment of a container of `sam local` whose addresses are this machine's.
var samLocal = []string{
	"AWS_SAM_LOCAL", "true", "PUBLIC_BASE_URL", "http://127.0.0.1:3002",
	"AWS_ENDPOINT_URL_DYNAMODB", "http://host.docker.internal:3001", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://host.docker.internal:3001",
	"TOSS_BASE_URL", "http://host.docker.internal:3001/sim/toss", "TOSS_SCRIPT_URL", "http://127.0.0.1:3000/sim/toss/v2/standard",
	"PORTONE_BASE_URL", "http://host.docker.internal:3001/sim/portone", "PORTONE_SCRIPT_URL", "http://127.0.0.1:3000/sim/portone/v1/iamport.js",
}

// TestAddresses: http is for this machine alone, and a deployed function takes none of what only a laptop may have.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		local   bool // changes to samLocal, not to a deployed function's environment
		changes []string
		names   string // in the refusal; empty: it starts
	}{
		{"a laptop", true, nil, ""},
		{"a laptop without PortOne", true, []string{"PORTONE_USER_CODE", "-", "PORTONE_BASE_URL", "-", "PORTONE_SECRET_ID", "-"}, ""},
		{"a laptop on the host's own network", true, []string{"TOSS_BASE_URL", "http://127.0.0.1:3001/sim/toss"}, ""},
		{"a laptop, the provider's real test environment", true, []string{"TOSS_BASE_URL", "https://api.tosspayments.com", "PUBLIC_BASE_URL", "https://pay.example"}, ""},
		{"a laptop with another machine's provider", true, []string{"TOSS_BASE_URL", "http://192.0.2.1:3001"}, "TOSS_BASE_URL"},
		{"a laptop with another container's provider", true, []string{"PORTONE_BASE_URL", "http://portone.docker.internal:3001"}, "PORTONE_BASE_URL"},
		{"a laptop in live mode", true, []string{"MODE", "live", "TOSS_CLIENT_KEY", "live_ck_abc", "PORTONE_MID", "realshop"}, "BASE_URL"},
		{"a laptop with another machine's script", true, []string{"TOSS_SCRIPT_URL", "https://canary.example/standard"}, "TOSS_SCRIPT_URL"},

		{"a plain address, and a real table", true, []string{"AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.ap-northeast-2.amazonaws.com"}, "PUBLIC_BASE_URL"},
		{"a plain address, and a real Toss Payments", true, []string{"TOSS_BASE_URL", "https://api.tosspayments.com"}, "PUBLIC_BASE_URL"},
		{"a plain address, and a real PortOne", true, []string{"PORTONE_BASE_URL", "https://api.iamport.kr"}, "PUBLIC_BASE_URL"},
		{"another machine's plain address", true, []string{"PUBLIC_BASE_URL", "http://192.0.2.1:3002"}, "PUBLIC_BASE_URL"},
		{"a plain address with a slash", true, []string{"PUBLIC_BASE_URL", "http://127.0.0.1:3002/"}, "PUBLIC_BASE_URL"},

		{"no table's address", true, []string{"AWS_ENDPOINT_URL_DYNAMODB", "-"}, "AWS_ENDPOINT_URL_DYNAMODB"},
		{"no secrets' address", true, []string{"AWS_ENDPOINT_URL_SECRETS_MANAGER", "-"}, "AWS_ENDPOINT_URL_SECRETS_MANAGER"},
		{"no Toss Payments' address", true, []string{"TOSS_BASE_URL", "-"}, "TOSS_BASE_URL"},
		{"no PortOne's address", true, []string{"PORTONE_BASE_URL", "-"}, "PORTONE_BASE_URL"},
		{"a queue without its address", true, []string{"QUEUE_URL", "ChargeQueue"}, "AWS_ENDPOINT_URL_SQS"},
		{"the env file is forgotten", false, []string{"AWS_SAM_LOCAL", "true"}, "--env-vars events/env.json"},

		{"deployed", false, nil, ""},
		{"deployed, a container's provider", false, []string{"TOSS_BASE_URL", "http://host.docker.internal:3001/sim/toss"}, "TOSS_BASE_URL"},
		{"deployed, a container's PortOne", false, []string{"PORTONE_BASE_URL", "http://host.docker.internal:3001/sim/portone"}, "PORTONE_BASE_URL"},
		{"deployed, another script", false, []string{"TOSS_SCRIPT_URL", "http://127.0.0.1:3000/sim/toss/v2/standard"}, "TOSS_SCRIPT_URL"},
		{"deployed, another https script", false, []string{"PORTONE_SCRIPT_URL", "https://canary.example/iamport.js"}, "PORTONE_SCRIPT_URL"},
		{"deployed, a plain address", false, []string{"PUBLIC_BASE_URL", "http://127.0.0.1:3002"}, "PUBLIC_BASE_URL"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			changes := tc.changes
			if tc.local {
				changes = append(append([]string{}, samLocal...), tc.changes...)
			}
			p, err := fromEnv(env(changes...), io.Discard)
			if tc.names == "" && err != nil {
				t.Errorf("it does not start: %v", err)
			}
			if tc.names != "" && (err == nil || !strings.Contains(err.Error(), tc.names) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%v, want a refusal that names %s and no value", err, tc.names)
			}
			if !tc.local && p.PlainHost != "" {
				t.Errorf("a deployed function trusts %s", p.PlainHost)
			}
		})
	}
}
