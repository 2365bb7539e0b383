package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tosspay-sam/tests/root"
)

// made is what the transform makes of a template, as CloudFormation gets it: no AWS::Serverless, no Globals, no events.
type made = node

// madeRule is a rule about it. An empty answer means that the rule is kept.
type madeRule struct {
	name  string
	check func(made) []string
}

var madeRules = []madeRule{
	{"two stacks live side by side", checkNames},
	{"the transform adds no role", checkMadeRoles},
	{"the functions are as declared", checkMadeFunctions},
	{"API Gateway may call for the listed routes and nothing else", checkInvokers},
	{"the API has the listed routes", checkMadeRoutes},
	{"the schedule and the queue start the charge function", checkStarters},
}

// madeMutations break template.yaml in one place each, so that the transform makes something that a rule must see.
var madeMutations = []struct{ rule, old, new string }{
	{"two stacks live side by side", "            OmitName: true\n", ""},
	{"two stacks live side by side", "/aws/lambda/${AWS::StackName}", "/aws/lambda/tosspay"},
	{"two stacks live side by side", "/aws/vendedlogs/${AWS::StackName}/api", "/aws/vendedlogs/api"},
	{"two stacks live side by side", "      Role: !GetAtt ConfirmRole.Arn", "      FunctionName: confirm\n      Role: !GetAtt ConfirmRole.Arn"},
	{"two stacks live side by side", "      VisibilityTimeout: 5400", "      QueueName: charge\n      VisibilityTimeout: 5400"},
	{"two stacks live side by side", "      BillingMode: PAY_PER_REQUEST", "      TableName: orders\n      BillingMode: PAY_PER_REQUEST"},
	{"two stacks live side by side", "      AlarmDescription: The confirm function crashed", "      AlarmName: confirm\n      AlarmDescription: The confirm function crashed"},
	{"two stacks live side by side", "Namespace: !Sub tosspay/${AWS::StackName}", "Namespace: tosspay"},
	{"two stacks live side by side", "Value: !Ref TossSecret\n", "Value: !Ref TossSecret\n    Export: {Name: toss-secret}\n"},
	{"two stacks live side by side", "    Type: AWS::SQS::Queue\n", "    Type: AWS::SNS::Topic\n"},
	{"the transform adds no role", "            RoleArn: !GetAtt ScheduleRole.Arn\n", ""},
	{"the transform adds no role", "      Role: !GetAtt CheckoutRole.Arn\n", ""},
	{"two stacks live side by side", "    Type: AWS::IAM::ManagedPolicy\n    Properties:\n", "    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: callers\n"},
	{"the functions are as declared", "Architectures: [arm64]", "Architectures: [x86_64]"},
	{"the functions are as declared", "      Role: !GetAtt CheckoutRole.Arn\n", "      Role: !GetAtt ConfirmRole.Arn\n"},
	{"the functions are as declared", "      Role: !GetAtt ConfirmRole.Arn", "      AutoPublishAlias: live\n      Role: !GetAtt ConfirmRole.Arn"},
	{"API Gateway may call for the listed routes and nothing else", `Path: "/pay/{id}/{linkToken}/status"`, `Path: "/pay/{id}/{linkToken}/state"`},
	{"API Gateway may call for the listed routes and nothing else", "    Timeout: 29\n", "    Timeout: 29\n    FunctionUrlConfig: {AuthType: NONE}\n"},
	{"the API has the listed routes", "Method: POST, Path: /orders, Auth: {Authorizer: AWS_IAM}", "Method: POST, Path: /orders"},
	{"the API has the listed routes", `Path: "/orders/{orderId}"`, `PayloadFormatVersion: "1.0", Path: "/orders/{orderId}"`},
	{"the API has the listed routes", "EnableIamAuthorizer: true", "DefaultAuthorizer: AWS_IAM\n        EnableIamAuthorizer: true"},
	{"the schedule and the queue start the charge function", `'{"tick":"<aws.scheduler.scheduled-time>"}'`, "tick"},
	{"the schedule and the queue start the charge function", "            RetryPolicy: {MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60}\n", ""},
	{"the schedule and the queue start the charge function", "DeadLetterConfig: {Arn: !GetAtt ScheduleDeadLetters.Arn}", "DeadLetterConfig: {Type: SQS}"},
	{"the schedule and the queue start the charge function", "            BatchSize: !Ref ChargeBatchSize\n", ""},
	{"the schedule and the queue start the charge function", "            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""},
	{"the schedule and the queue start the charge function", "        MaximumRetryAttempts: 0\n", "        MaximumRetryAttempts: 2\n"},
	{"the schedule and the queue start the charge function", "DeadLetterConfig: {Arn:", "DeadLetterConfig: {Type: SQS, Arn:"},
}

// TestTemplateTransformed holds the rules against what SAM's own translator makes of template.yaml, and of each broken copy of it.
func TestTemplateTransformed(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	texts := []string{changed(t, "", "")}
	for _, m := range madeMutations {
		texts = append(texts, changed(t, m.old, m.new))
	}
	templates := transform(t, texts)
	if why := text(templates[0], "refused"); why != "" {
		t.Fatalf("SAM's transform refuses template.yaml, and so would CloudFormation: %s", why)
	}
	for _, r := range madeRules {
		for _, v := range r.check(templates[0]) {
			t.Errorf("%s: %s", r.name, v)
		}
	}
	for i, m := range madeMutations {
		rule := slices.IndexFunc(madeRules, func(r madeRule) bool { return r.name == m.rule })
		if rule < 0 {
			t.Fatalf("no rule is called %q", m.rule)
		}
		got := templates[i+1]
		if got["refused"] == nil && len(madeRules[rule].check(got)) == 0 {
			t.Errorf("%q did not see that %q became %q", m.rule, m.old, m.new)
		}
	}
}

// changed is template.yaml with old replaced by new.
func changed(t *testing.T, old, new string) string {
	t.Helper()
	content, err := os.ReadFile("template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("template.yaml does not hold %q any more: bring this test up to date", old)
	}
	return strings.Replace(string(content), old, new, 1)
}

// transform runs SAM's translator, once for all of them: starting it takes a second. It is in the SAM CLI that TOSSPAY_SAM names, which
// `make test` installs.
func transform(t *testing.T, texts []string) []made {
	t.Helper()
	sam := os.Getenv("TOSSPAY_SAM")
	switch {
	case sam == "" && os.Getenv("CI") == "true":
		t.Fatal("TOSSPAY_SAM names no SAM CLI: run scripts/engines go test")
	case sam == "":
		t.Skip("SKIPPED, the transformed template is not tested: `make test` installs the SAM CLI that does it (or set TOSSPAY_SAM)")
	}
	args, folder := []string{"scripts/transform.py"}, t.TempDir()
	for i, content := range texts {
		path := filepath.Join(folder, fmt.Sprint(i, ".yaml"))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	command := exec.Command(filepath.Join(filepath.Dir(sam), "python"), args...)
	output, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Log(string(exit.Stderr))
		}
		t.Fatalf("scripts/transform.py: %v", err)
	}
	templates := make([]made, len(texts))
	for i, line := range bytes.SplitN(bytes.TrimSpace(output), []byte("\n"), len(texts)) {
		if err := json.Unmarshal(line, &templates[i]); err != nil {
			t.Fatalf("scripts/transform.py: template %d: %v", i, err)
		}
	}
	return templates
}

// nameOf is the property that holds each type's physical name, the one that is taken once in an account and region. "" has none, or one
// that is only taken inside another resource of the stack.
var nameOf = map[string]string{
	"AWS::ApiGatewayV2::Api":          "Name",
	"AWS::ApiGatewayV2::Stage":        "",
	"AWS::CloudWatch::Alarm":          "AlarmName",
	"AWS::DynamoDB::Table":            "TableName",
	"AWS::Events::EventBus":           "Name",
	"AWS::IAM::ManagedPolicy":         "ManagedPolicyName",
	"AWS::IAM::Policy":                "", // of its roles
	"AWS::IAM::Role":                  "RoleName",
	"AWS::Lambda::EventInvokeConfig":  "",
	"AWS::Lambda::EventSourceMapping": "",
	"AWS::Lambda::Function":           "FunctionName",
	"AWS::Lambda::Permission":         "",
	"AWS::Logs::LogGroup":             "LogGroupName",
	"AWS::Logs::MetricFilter":         "",
	"AWS::SQS::Queue":                 "QueueName",
	"AWS::SQS::QueuePolicy":           "",
	"AWS::Scheduler::Schedule":        "Name",
	"AWS::SecretsManager::Secret":     "Name",
}

// checkNames: CloudFormation makes a name with the stack's in it where a template gives none. One that is given must hold it, too, or the
// second stack of an account and region cannot be made, or is mixed up with the first.
func checkNames(m made) (found []string) {
	holds := func(v any) bool { return v == nil || strings.Contains(fmt.Sprint(v), "AWS::StackName") }
	for id, r := range m["Resources"].(node) {
		property, known := nameOf[text(r, "Type")]
		if !known {
			found = append(found, fmt.Sprintf("%s: say in nameOf which property holds the name of an %s", id, text(r, "Type")))
			continue
		}
		if property != "" && !holds(at(r, "Properties", property)) {
			found = append(found, fmt.Sprintf("%s: %s is the same in every stack: leave it out (OmitName), or put ${AWS::StackName} into it", id, property))
		}
		namespaces := []any{at(r, "Properties", "Namespace")}
		for _, t := range list(at(r, "Properties", "MetricTransformations")) {
			namespaces = append(namespaces, at(t, "MetricNamespace"))
		}
		for _, n := range namespaces {
			if s, _ := n.(string); !holds(n) && !strings.HasPrefix(s, "AWS/") {
				found = append(found, id+": its metric's namespace is the same in every stack: put ${AWS::StackName} into it")
			}
		}
	}
	for id, o := range m["Outputs"].(node) {
		if !holds(at(o, "Export", "Name")) {
			found = append(found, id+": is exported under the same name by every stack: put ${AWS::StackName} into it")
		}
	}
	return found
}

// checkMadeRoles: where a role is missing, the transform makes one, with more permissions than are needed.
func checkMadeRoles(m made) (found []string) {
	for _, kind := range []string{"AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"} {
		for id := range madeOf(m, kind) {
			if allowed[id] == nil && id != "KeyPolicy" && id != "ApiCallerPolicy" {
				found = append(found, id+": a role or policy that template.yaml does not list")
			}
		}
	}
	return found
}

func checkMadeFunctions(m made) (found []string) {
	functions := madeOf(m, "AWS::Lambda::Function")
	if got := len(functions); got != len(variables)-1 {
		found = append(found, fmt.Sprintf("%d functions, want %d", got, len(variables)-1))
	}
	for id, f := range functions {
		name := strings.TrimSuffix(id, "Function")
		for path, want := range map[string]string{
			"Architectures": "[arm64]", "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": "map[Fn::GetAtt:[" + name + "Role Arn]]",
			"LoggingConfig": "map[LogFormat:Text LogGroup:map[Ref:Logs]]", "VpcConfig": "<nil>", "PackageType": "<nil>",
		} {
			if got := fmt.Sprint(at(f, "Properties", path)); got != want {
				found = append(found, fmt.Sprintf("%s: %s is %s, want %s", id, path, got, want))
			}
		}
		environment, _ := at(f, "Properties", "Environment", "Variables").(node)
		if got, want := len(environment), len(variables[""])+len(variables[id]); got != want {
			found = append(found, fmt.Sprintf("%s: has %d variables, want %d", id, got, want))
		}
	}
	for _, kind := range []string{"AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Lambda::Url"} {
		for id := range madeOf(m, kind) {
			found = append(found, id+": is an "+kind+" that nobody asked for")
		}
	}
	return found
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// checkInvokers: a permission for each route, for this API and its function, and none beside them.
func checkInvokers(m made) (found []string) {
	want := map[string]string{}
	for route, r := range routes {
		method, path, _ := strings.Cut(route, " ")
		want[method+pathParameter.ReplaceAllString(path, "*")] = r.function
	}
	const prefix = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}/"
	for id, p := range madeOf(m, "AWS::Lambda::Permission") {
		source := list(at(p, "Properties", "SourceArn", "Fn::Sub"))
		if len(source) != 2 || text(p, "Properties", "Principal") != "apigateway.amazonaws.com" || text(source[1], "__ApiId__", "Ref") != "Api" {
			found = append(found, id+": lets somebody else than this API call a function")
			continue
		}
		route := strings.TrimPrefix(fmt.Sprint(source[0]), prefix)
		if function, ok := want[route]; !ok || function != text(p, "Properties", "FunctionName", "Ref") {
			found = append(found, id+": lets the API call for a route that is not listed: "+route)
		}
		delete(want, route)
	}
	for route, function := range want {
		found = append(found, function+": the API may not call it for "+route)
	}
	return found
}

// checkMadeRoutes: what API Gateway is told, which an import of the body decides and not the events that it is made from.
func checkMadeRoutes(m made) (found []string) {
	body := at(m, "Resources", "Api", "Properties", "Body")
	seen := 0
	for path, methods := range at(body, "paths").(node) {
		for method, operation := range methods.(node) {
			seen++
			route := strings.ToUpper(method) + " " + path
			want, known := routes[route]
			integration := at(operation, "x-amazon-apigateway-integration")
			switch {
			case !known:
				found = append(found, route+": is not listed")
			case want.iam != (fmt.Sprint(at(operation, "security")) == "[map[AWS_IAM:[]]]") || !want.iam && len(list(at(operation, "security"))) > 0:
				found = append(found, fmt.Sprintf("%s: IAM must be %t", route, want.iam))
			case at(integration, "payloadFormatVersion") != "2.0" || !strings.Contains(fmt.Sprint(at(integration, "uri")), "${"+want.function+".Arn}"):
				found = append(found, route+": must reach "+want.function+" with payload format 2.0")
			}
		}
	}
	if seen != len(routes) {
		found = append(found, fmt.Sprintf("%d routes, want %d", seen, len(routes)))
	}
	if scheme := at(body, "components", "securitySchemes", "AWS_IAM"); text(scheme, "x-amazon-apigateway-authtype") != "awsSigv4" {
		found = append(found, fmt.Sprintf("AWS_IAM is not SigV4: %v", scheme))
	}
	return found
}

// checkStarters: a schedule, a queue, and how often Lambda itself repeats a tick.
func checkStarters(m made) (found []string) {
	for path, want := range map[string]string{
		"ChargeFunctionTick.Type":                                         "AWS::Scheduler::Schedule",
		"ChargeFunctionTick.Properties.ScheduleExpression":                "rate(1 minute)",
		"ChargeFunctionTick.Properties.ScheduleExpressionTimezone":        "Asia/Seoul",
		"ChargeFunctionTick.Properties.State":                             "<nil>",
		"ChargeFunctionTick.Properties.Target.Arn":                        "map[Fn::GetAtt:[ChargeFunction Arn]]",
		"ChargeFunctionTick.Properties.Target.Input":                      `{"tick":"<aws.scheduler.scheduled-time>"}`,
		"ChargeFunctionTick.Properties.Target.RoleArn":                    "map[Fn::GetAtt:[ScheduleRole Arn]]",
		"ChargeFunctionTick.Properties.Target.RetryPolicy":                "map[MaximumEventAgeInSeconds:60 MaximumRetryAttempts:1]",
		"ChargeFunctionTick.Properties.Target.DeadLetterConfig":           "map[Arn:map[Fn::GetAtt:[ScheduleDeadLetters Arn]]]",
		"ChargeFunctionBatch.Properties.EventSourceArn":                   "map[Fn::GetAtt:[ChargeQueue Arn]]",
		"ChargeFunctionBatch.Properties.FunctionName":                     "map[Ref:ChargeFunction]",
		"ChargeFunctionBatch.Properties.BatchSize":                        "map[Ref:ChargeBatchSize]",
		"ChargeFunctionBatch.Properties.FunctionResponseTypes":            "[ReportBatchItemFailures]",
		"ChargeFunctionBatch.Properties.ScalingConfig":                    "map[MaximumConcurrency:map[Ref:ChargeConcurrency]]",
		"ChargeFunctionBatch.Properties.Enabled":                          "<nil>",
		"ChargeFunctionEventInvokeConfig.Properties.MaximumRetryAttempts": "0",
		"ChargeFunctionEventInvokeConfig.Properties.Qualifier":            "$LATEST",
		"ChargeFunctionEventInvokeConfig.Properties.DestinationConfig":    "map[]",
	} {
		if got := fmt.Sprint(at(m["Resources"], strings.Split(path, ".")...)); got != want {
			found = append(found, fmt.Sprintf("%s is %s, want %s", path, got, want))
		}
	}
	for kind, want := range map[string]string{
		"AWS::Scheduler::Schedule": "[ChargeFunctionTick]", "AWS::Lambda::EventInvokeConfig": "[ChargeFunctionEventInvokeConfig]",
		"AWS::Lambda::EventSourceMapping": "[ChargeFunctionBatch DeliverFunctionBatch PublishFunctionChanges]",
	} {
		if ids := fmt.Sprint(slices.Sorted(maps.Keys(madeOf(m, kind)))); ids != want {
			found = append(found, fmt.Sprintf("%s: have %s, want %s", kind, ids, want))
		}
	}
	return found
}

// madeOf are the resources of one type, by name.
func madeOf(m made, kind string) map[string]node { return resources(infra{template: m}, kind) }
