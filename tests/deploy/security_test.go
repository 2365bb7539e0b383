package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Names of rules that several mutations are about.
const (
	ownKeyRule = "a key of one's own is used for all that is kept"
	overTLS    = "queues refuse what does not come over TLS"
	callers    = "a policy lets one's own systems call the private API and nothing else"
)

// ownKey says whether a property is the deployer's KMS key when there is one, and left out otherwise.
func ownKey(v any) bool {
	return fmt.Sprint(v) == "map[Fn::If:[HasKmsKey map[Ref:KmsKeyArn] map[Ref:AWS::NoValue]]]"
}

// checkKey: with a key of one's own nothing is kept under another, and every role may use it, through the services that keep things.
func checkKey(in infra) (found []string) {
	for kind, path := range map[string][]string{
		"AWS::DynamoDB::Table": {"SSESpecification", "KMSMasterKeyId"}, "AWS::SecretsManager::Secret": {"KmsKeyId"},
		"AWS::Logs::LogGroup": {"KmsKeyId"}, "AWS::SQS::Queue": {"KmsMasterKeyId"},
	} {
		for name, r := range resources(in, kind) {
			if !ownKey(at(r, append([]string{"Properties"}, path...)...)) {
				found = append(found, name+": is not encrypted with KmsKeyArn")
			}
		}
	}
	policy := at(in.template, "Resources", "KeyPolicy")
	roles := strings.Fields(targets(at(policy, "Properties", "Roles")))
	if want := slices.Sorted(maps.Keys(allowed)); !slices.Equal(slices.Sorted(slices.Values(roles)), want) {
		found = append(found, fmt.Sprintf("KeyPolicy: is of %v, want %v", roles, want))
	}
	via := "kms:ViaService:[map[Fn::Sub:dynamodb.${AWS::Region}.${AWS::URLSuffix}] map[Fn::Sub:secretsmanager.${AWS::Region}.${AWS::URLSuffix}] " +
		"map[Fn::Sub:sqs.${AWS::Region}.${AWS::URLSuffix}]]"
	want := "[map[Action:[kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey] Condition:map[StringEquals:map[" + via + "]] Effect:Allow " +
		"Resource:map[Ref:KmsKeyArn]]]"
	if got := fmt.Sprint(at(policy, "Properties", "PolicyDocument", "Statement")); got != want || at(policy, "Condition") != "HasKmsKey" {
		found = append(found, "KeyPolicy: allows "+got)
	}
	return found
}

func checkBoundary(in infra) (found []string) {
	for name, role := range resources(in, "AWS::IAM::Role") {
		got := fmt.Sprint(at(role, "Properties", "PermissionsBoundary"))
		if got != "map[Fn::If:[HasBoundary map[Ref:PermissionsBoundaryArn] map[Ref:AWS::NoValue]]]" {
			found = append(found, name+": takes no permissions boundary")
		}
	}
	return found
}

// checkClosed: with the endpoint closed, no output may lead to it.
func checkClosed(in infra) (found []string) {
	if got := fmt.Sprint(at(in.template, "Resources", "Api", "Properties", "DisableExecuteApiEndpoint")); got != "map[Fn::If:[IsClosed true false]]" {
		found = append(found, "Api: its own address cannot be closed: "+got)
	}
	outputs, _ := in.template["Outputs"].(node)
	for name, o := range outputs {
		value := fmt.Sprint(at(o, "Value"))
		if strings.Contains(value, "execute-api") && !strings.HasPrefix(value, "map[Fn::If:[HasDomain map[Fn::Sub:${PublicBaseUrl}/") {
			found = append(found, name+": leads to the API's own address beside a custom domain")
		}
	}
	return found
}

func checkQueuePolicy(in infra) (found []string) {
	policy := at(in.template, "Resources", "QueuesOverTls", "Properties")
	queues := strings.Fields(targets(at(policy, "Queues")))
	if want := slices.Sorted(maps.Keys(resources(in, "AWS::SQS::Queue"))); !slices.Equal(slices.Sorted(slices.Values(queues)), want) {
		found = append(found, fmt.Sprintf("QueuesOverTls: is of %v, want %v", queues, want))
	}
	const want = "[map[Action:sqs:* Condition:map[Bool:map[aws:SecureTransport:false]] Effect:Deny Principal:* Resource:*]]"
	if got := fmt.Sprint(at(policy, "PolicyDocument", "Statement")); got != want || len(resources(in, "AWS::SQS::QueuePolicy")) != 1 {
		found = append(found, "QueuesOverTls: says "+got)
	}
	return found
}

// checkCallers: what the policy allows covers each private route and no public one.
func checkCallers(in infra) (found []string) {
	statements := list(at(in.template, "Resources", "ApiCallerPolicy", "Properties", "PolicyDocument", "Statement"))
	if len(statements) != 1 || fmt.Sprint(at(statements[0], "Action")) != "[execute-api:Invoke]" || at(statements[0], "Effect") != "Allow" {
		return []string{"ApiCallerPolicy: is not one statement that allows execute-api:Invoke"}
	}
	const prefix = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/$default/"
	allows := map[string]*regexp.Regexp{}
	for _, r := range list(at(statements[0], "Resource")) {
		resource, ok := strings.CutPrefix(text(r, "Fn::Sub"), prefix)
		if !ok {
			found = append(found, fmt.Sprintf("ApiCallerPolicy: %v is not of this API", r))
		}
		allows[resource] = regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(resource), `\*`, ".*") + "$")
	}
	used := map[string]bool{}
	for route, want := range routes {
		method, path, _ := strings.Cut(route, " ")
		may := false
		for resource, pattern := range allows {
			if pattern.MatchString(method + pathParameter.ReplaceAllString(path, "x")) {
				may, used[resource] = true, true
			}
		}
		if may != want.iam {
			found = append(found, fmt.Sprintf("ApiCallerPolicy: %s must be allowed: %t", route, want.iam))
		}
	}
	for resource := range allows {
		if !used[resource] {
			found = append(found, "ApiCallerPolicy: allows what is no route: "+resource)
		}
	}
	return found
}
