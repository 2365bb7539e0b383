package deploy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// TestRulesRefuse: settings that only go together are refused before anything is made, in a sentence that names what to set.
func TestRulesRefuse(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	template := readInfra(t, "", "").template
	for _, tc := range []struct {
		given map[string]string
		says  string // empty: accepted
	}{
		{map[string]string{}, ""},
		{map[string]string{"Mode": "live", "WebhookTokenSha256": "a"}, ""},
		{map[string]string{"Mode": "live"}, "set WebhookTokenSha256 to its digest"},
		{map[string]string{"PortOneUserCode": "imp00000000", "PortOneMid": "tosstest"}, ""},
		{map[string]string{"PortOneUserCode": "imp00000000", "PortOneChannelKey": "channel-key-1"}, ""},
		{map[string]string{"Mode": "live", "WebhookTokenSha256": "a", "PortOneUserCode": "imp00000000", "PortOneMid": "shop"}, ""},
		{map[string]string{"PortOneUserCode": "imp00000000"}, "set PortOneChannelKey or PortOneMid"},
		{map[string]string{"PortOneChannelKey": "channel-key-1"}, "set PortOneUserCode"},
		{map[string]string{"PortOneMid": "tosstest"}, "set PortOneUserCode"},
		{map[string]string{"PortOneUserCode": "imp00000000", "PortOneMid": "shop"}, "Set PortOneMid to tosstest, or Mode to live"},
		{map[string]string{"Mode": "live", "PortOneUserCode": "imp00000000", "PortOneMid": "tosstest"}, "Set PortOneMid to your own MID"},
		{map[string]string{"ExecuteApiEndpoint": "closed", "PublicBaseUrl": "https://pay.example.com"}, ""},
		{map[string]string{"ExecuteApiEndpoint": "closed"}, "Set PublicBaseUrl to your custom domain"},
	} {
		refusals := refusalsOf(t, template, tc.given)
		if tc.says == "" && len(refusals) > 0 || tc.says != "" && !strings.Contains(strings.Join(refusals, " "), tc.says) {
			t.Errorf("%v: refused with %q, want %q", tc.given, refusals, tc.says)
		}
	}
}

// refusalsOf are the sentences with which CloudFormation would refuse the parameters; what is not given has its default.
func refusalsOf(t *testing.T, template node, given map[string]string) (refusals []string) {
	t.Helper()
	parameters := map[string]string{}
	for name, p := range template["Parameters"].(node) {
		parameters[name] = text(p, "Default")
	}
	maps.Copy(parameters, given)
	rules, _ := template["Rules"].(node)
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if condition := at(rules[name], "RuleCondition"); condition != nil && !holds(t, condition, parameters) {
			continue
		}
		for _, a := range list(at(rules[name], "Assertions")) {
			if !holds(t, at(a, "Assert"), parameters) {
				refusals = append(refusals, text(a, "AssertDescription"))
			}
		}
	}
	return refusals
}

// holds evaluates the functions that rules may use, as far as ours use them.
func holds(t *testing.T, condition any, parameters map[string]string) bool {
	t.Helper()
	for function, arguments := range condition.(node) {
		values := list(arguments)
		switch function {
		case "Fn::Not":
			return !holds(t, values[0], parameters)
		case "Fn::And", "Fn::Or":
			any := false
			for _, v := range values {
				if holds(t, v, parameters) != (function == "Fn::And") {
					any = true
				}
			}
			return any == (function == "Fn::Or")
		case "Fn::Equals":
			value := func(v any) string {
				if name := text(v, "Ref"); name != "" {
					set, known := parameters[name]
					if !known {
						t.Fatalf("a rule refers to %s, which is no parameter", name)
					}
					return set
				}
				return fmt.Sprint(v)
			}
			return value(values[0]) == value(values[1])
		}
	}
	t.Fatalf("no rule may use %v", condition)
	return false
}
