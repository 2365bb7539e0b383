// Package deploy_test holds template.yaml against its rules, and runs the functions that it deploys, built as SAM builds them (boot_*_test.go).
package deploy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"go.yaml.in/yaml/v3"

	"tosspay-sam/shared/deliver"
	"tosspay-sam/shared/store"
	"tosspay-sam/shared/subscription"
	"tosspay-sam/sim/stream"
	"tosspay-sam/tests/root"
)

// node is a template value with the short tags written out: !Ref X is {"Ref": "X"}, !GetAtt X.Arn is {"Fn::GetAtt": "X.Arn"}.
type node = map[string]any

// infra is what the rules look at: the template, and samconfig.toml as text.
type infra struct {
	template  node
	samconfig string
}

// rule reports every violation it finds, as sentences. An empty answer means that the rule is kept.
type rule struct {
	name  string
	check func(infra) []string
}

// allowed is each role's permissions: what each function may do, and to what, in the words of the template.
var allowed = map[string]map[string]string{
	"MerchantRole": {
		"dynamodb:GetItem":      "Table.Arn",
		"dynamodb:PutItem":      "Table.Arn",
		"dynamodb:BatchGetItem": "Table.Arn",
		"dynamodb:Query": "map[Fn::Sub:${Table.Arn}/index/list] map[Fn::Sub:${Table.Arn}/index/buyer]" +
			" map[Fn::Sub:${Table.Arn}/index/attention] map[Fn::Sub:${Table.Arn}/index/due]",
		"secretsmanager:GetSecretValue": "PortOneSecret",
		"logs:CreateLogStream":          "Logs.Arn",
		"logs:PutLogEvents":             "Logs.Arn",
	},
	"CheckoutRole": {
		"dynamodb:GetItem":     "Table.Arn",
		"logs:CreateLogStream": "Logs.Arn",
		"logs:PutLogEvents":    "Logs.Arn",
	},
	"ConfirmRole": {
		"dynamodb:GetItem":              "Table.Arn",
		"dynamodb:PutItem":              "Table.Arn",
		"dynamodb:UpdateItem":           "Table.Arn",
		"secretsmanager:GetSecretValue": "TossSecret PortOneSecret",
		"logs:CreateLogStream":          "Logs.Arn",
		"logs:PutLogEvents":             "Logs.Arn",
	},
	"WebhookRole": {
		"dynamodb:GetItem":              "Table.Arn",
		"dynamodb:PutItem":              "Table.Arn",
		"dynamodb:UpdateItem":           "Table.Arn",
		"secretsmanager:GetSecretValue": "TossSecret PortOneSecret",
		"logs:CreateLogStream":          "Logs.Arn",
		"logs:PutLogEvents":             "Logs.Arn",
	},
	"ChargeRole": {
		"dynamodb:GetItem":              "Table.Arn",
		"dynamodb:PutItem":              "Table.Arn",
		"dynamodb:UpdateItem":           "Table.Arn",
		"dynamodb:Query":                "map[Fn::Sub:${Table.Arn}/index/due]",
		"secretsmanager:GetSecretValue": "TossSecret PortOneSecret",
		"sqs:SendMessage":               "ChargeQueue.Arn",
		"sqs:ReceiveMessage":            "ChargeQueue.Arn",
		"sqs:DeleteMessage":             "ChargeQueue.Arn",
		"sqs:GetQueueAttributes":        "ChargeQueue.Arn",
		"logs:CreateLogStream":          "Logs.Arn",
		"logs:PutLogEvents":             "Logs.Arn",
	},
	"PublishRole": {
		"dynamodb:DescribeStream":   "Table.StreamArn",
		"dynamodb:GetRecords":       "Table.StreamArn",
		"dynamodb:GetShardIterator": "Table.StreamArn",
		"dynamodb:ListStreams":      "Table.StreamArn",
		"events:PutEvents":          "EventBus.Arn",
		"sqs:SendMessage":           "map[Fn::If:[TellsMerchant [map[Fn::GetAtt:PublishDeadLetters.Arn] map[Fn::GetAtt:DeliveryQueue.Arn]] map[Fn::GetAtt:PublishDeadLetters.Arn]]]",
		"logs:CreateLogStream":      "Logs.Arn",
		"logs:PutLogEvents":         "Logs.Arn",
	},
	"DeliverRole": {
		"secretsmanager:GetSecretValue": "MerchantWebhookSecret",
		"sqs:ReceiveMessage":            "DeliveryQueue.Arn",
		"sqs:DeleteMessage":             "DeliveryQueue.Arn",
		"sqs:GetQueueAttributes":        "DeliveryQueue.Arn",
		"sqs:ChangeMessageVisibility":   "DeliveryQueue.Arn",
		"logs:CreateLogStream":          "Logs.Arn",
		"logs:PutLogEvents":             "Logs.Arn",
	},
	"ScheduleRole": {
		"lambda:InvokeFunction": "ChargeFunction.Arn",
		"sqs:SendMessage":       "ScheduleDeadLetters.Arn",
	},
}

// trusts is who may assume each role: Lambda, unless it is listed here.
var trusts = map[string]string{
	"ScheduleRole": "[map[Action:sts:AssumeRole Condition:map[StringEquals:map[aws:SourceAccount:map[Ref:AWS::AccountId]]] Effect:Allow " +
		"Principal:map[Service:scheduler.amazonaws.com]]]",
}

// variables is what every function gets, under "", and what each gets beside that: what it reads, and no more. A value is the target of a
// !Ref, or empty for an address that only tests and `sam local` fill in.
var variables = map[string]map[string]string{
	"": {
		"MODE": "Mode", "TABLE_NAME": "Table", "LOG_LEVEL": "LogLevel", "PUBLIC_BASE_URL": "PublicBaseUrl", "TOSS_CLIENT_KEY": "TossClientKey",
		"PORTONE_USER_CODE": "PortOneUserCode", "PORTONE_CHANNEL_KEY": "PortOneChannelKey", "PORTONE_MID": "PortOneMid",
		"PORTONE_BYPASS": "PortOneBypass", "PORTONE_ISSUANCE_AMOUNT": "PortOneIssuanceAmount", "RENEWAL_NOTICE_DAYS": "RenewalNoticeDays",
		"PORTONE_CONFIRM_GATE":      "PortOneConfirmGate",
		"AWS_ENDPOINT_URL_DYNAMODB": "", "TOSS_BASE_URL": "", "TOSS_SCRIPT_URL": "", "PORTONE_BASE_URL": "", "PORTONE_SCRIPT_URL": "",
	},
	"MerchantFunction": {
		"RETURN_URL_ALLOW": "ReturnUrlAllowList", "LATE_MONEY": "LateMoney", "RESTORED_TO": "RestoredTo", "PORTONE_SECRET_ID": "PortOneSecret",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
	},
	"CheckoutFunction": {},
	"ConfirmFunction": {
		"LATE_MONEY": "LateMoney", "RESTORED_TO": "RestoredTo", "TOSS_SECRET_ID": "TossSecret", "PORTONE_SECRET_ID": "PortOneSecret", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
	},
	"WebhookFunction": {
		"LATE_MONEY": "LateMoney", "RESTORED_TO": "RestoredTo", "WEBHOOK_TOKEN_SHA256": "WebhookTokenSha256", "TOSS_SOURCES": "TossWebhookSources", "PORTONE_SOURCES": "PortOneWebhookSources",
		"TOSS_SECRET_ID": "TossSecret", "PORTONE_SECRET_ID": "PortOneSecret", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
	},
	"PublishFunction": {
		"EVENT_BUS": "EventBus", "DELIVERY_QUEUE_URL": "map[Fn::If:[TellsMerchant map[Ref:DeliveryQueue] ]]", "AWS_ENDPOINT_URL_EVENTBRIDGE": "",
		"AWS_ENDPOINT_URL_SQS": "",
	},
	"DeliverFunction": {
		"MERCHANT_WEBHOOK_URL": "MerchantWebhookUrl", "MERCHANT_WEBHOOK_REACH": "MerchantWebhookReach",
		"MERCHANT_WEBHOOK_SECRET_ID": "MerchantWebhookSecret", "DELIVERY_QUEUE_URL": "DeliveryQueue", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
		"AWS_ENDPOINT_URL_SQS": "",
	},
	"ChargeFunction": {
		"LATE_MONEY": "LateMoney", "RESTORED_TO": "RestoredTo", "QUEUE_URL": "ChargeQueue", "CHARGE_CONCURRENCY": "ChargeConcurrency", "CHARGE_BATCH_SIZE": "ChargeBatchSize", "DUNNING_SOFT_DAYS": "DunningSoftDays",
		"DUNNING_TRANSIENT_HOURS": "DunningTransientHours", "TOSS_SECRET_ID": "TossSecret", "PORTONE_SECRET_ID": "PortOneSecret",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": "", "AWS_ENDPOINT_URL_SQS": "",
	},
}

// routes is every route of the API and whether it asks for IAM. The value is the function behind it.
var routes = map[string]struct {
	function string
	iam      bool
}{
	"POST /orders":                                 {"MerchantFunction", true},
	"GET /orders/{orderId}":                        {"MerchantFunction", true},
	"POST /orders/{orderId}/refunds":               {"MerchantFunction", true},
	"POST /orders/{orderId}/resolve":               {"MerchantFunction", true},
	"GET /pay/{id}/{linkToken}":                    {"CheckoutFunction", false},
	"GET /pay/{id}/{linkToken}/status":             {"CheckoutFunction", false},
	"GET /confirm/toss/{orderId}/{linkToken}":      {"ConfirmFunction", false},
	"GET /confirm/toss/{orderId}/{linkToken}/fail": {"ConfirmFunction", false},
	"GET /orders":                                  {"MerchantFunction", true},
	"GET /subscriptions":                           {"MerchantFunction", true},
	"POST /subscriptions":                          {"MerchantFunction", true},
	"GET /subscriptions/{id}":                      {"MerchantFunction", true},
	"POST /subscriptions/{id}/pause":               {"MerchantFunction", true},
	"POST /subscriptions/{id}/resume":              {"MerchantFunction", true},
	"POST /subscriptions/{id}/cancel":              {"MerchantFunction", true},
	"POST /subscriptions/{id}/plan":                {"MerchantFunction", true},
	"POST /subscriptions/{id}/renew-key":           {"MerchantFunction", true},
	"GET /confirm/portone/{id}/{linkToken}":        {"ConfirmFunction", false},
	"POST /gate/portone/{orderId}/{linkToken}":     {"ConfirmFunction", false},
	"GET /consent/{id}/{consentToken}":             {"ConfirmFunction", false},
	"POST /consent/{id}/{consentToken}":            {"ConfirmFunction", false},
	"POST /webhooks/toss/{webhookToken}":           {"WebhookFunction", false},
	"POST /webhooks/portone/{webhookToken}":        {"WebhookFunction", false},
}

// alarmed is every event of our log lines that must raise an alarm, and which.
var alarmed = map[string]string{
	"money.review":             "MoneyReview",
	"money.unsettled":          "MoneyUnsettled",
	"money.reversal":           "MoneyReversal",
	"security.amount_mismatch": "AmountMismatch",
	"security.sandbox_payment": "SandboxPayment",
	"security.key_mismatch":    "KeyMismatch",
	"merchant.refusal":         "MerchantRefusal",
	"config.error":             "ConfigError",
	"work.failed":              "WorkFailed",
	"dispatch.failed":          "DispatchFailed",
	"publish.incomplete":       "PublishIncomplete",
	"notify.gone":              "NotifyGone",
	"webhook.unreadable":       "WebhookUnreadable",
}

var rules = []rule{
	{"functions are built alike", checkFunctions},
	{"no wildcard in a policy", checkWildcards},
	{"each role allows exactly what is listed", checkPermissions},
	{"each function has a role of its own and no policy template", checkRoles},
	{"each function gets exactly the variables that are listed", checkVariables},
	{decides, checkDeciders},
	{"secrets stay in Secrets Manager", checkSecrets},
	{"nothing of PortOne is needed without it", checkOptional},
	{"the table keeps what it is given", checkTable},
	{"the charge function is driven by its schedule and its queue alone", checkCharge},
	{"what could not be dealt with is kept aside and alarms", checkQueues},
	{"what happened is told, and nothing of the webhook is needed without it", checkEvents},
	{"every log group has a retention", checkLogs},
	{"merchant routes need IAM and no other route exists", checkRoutes},
	{"public routes are throttled", checkThrottles},
	{"the access log holds no path", checkAccessLog},
	{"money invariants raise alarms", checkAlarms},
	{"parameters explain and limit themselves", checkParameters},
	{"sam validate runs the transform", checkValidate},
	{ownKeyRule, checkKey},
	{"every role takes a permissions boundary", checkBoundary},
	{"the API can be closed but for its domain", checkClosed},
	{overTLS, checkQueuePolicy},
	{callers, checkCallers},
}

func TestTemplate(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	in := readInfra(t, "", "")
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range r.check(in) {
				t.Error(v)
			}
		})
	}
}

// What several mutations below are about: a statement, and a rule's name.
const (
	policy   = "Action: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:BatchGetItem]\n                Resource: !GetAtt Table.Arn"
	variable = "each function gets exactly the variables that are listed"
	decides  = "who writes orders knows what becomes of late money, and what was lost"
	charging = "the charge function is driven by its schedule and its queue alone"
	aside    = "what could not be dealt with is kept aside and alarms"
	telling  = "what happened is told, and nothing of the webhook is needed without it"
)

// mutations break the template, or samconfig.toml, in one place each.
var mutations = []struct{ rule, old, new string }{
	{"functions are built alike", "Architectures: [arm64]", "Architectures: [x86_64]"},
	{"functions are built alike", "Runtime: provided.al2023", "Runtime: provided.al2"},
	{"functions are built alike", "Timeout: 29", "Timeout: 30"},
	{"functions are built alike", "CodeUri: .", "CodeUri: functions/"},
	{"functions are built alike", "BuildMethod: makefile", "BuildMethod: go1.x"},
	{"functions are built alike", "LoggingConfig: {LogFormat: Text, LogGroup: !Ref Logs}", "LoggingConfig: {LogFormat: Text, LogGroup: !Ref ApiLogs}"},
	{"functions are built alike", "Role: !GetAtt ConfirmRole.Arn", "LoggingConfig: {LogFormat: JSON, LogGroup: !Ref Logs}\n      Role: !GetAtt ConfirmRole.Arn"},
	{"no wildcard in a policy", "dynamodb:UpdateItem]", `"dynamodb:*"]`},
	{"no wildcard in a policy", "Resource: !Ref PortOneSecret", `Resource: "*"`},
	{"no wildcard in a policy", policy, strings.Replace(policy, "!GetAtt Table.Arn", `!Sub "${Table.Arn}/index/*"`, 1)},
	{"each role allows exactly what is listed", "dynamodb:UpdateItem]", "dynamodb:UpdateItem, dynamodb:DeleteItem]"},
	{"each role allows exactly what is listed", ", dynamodb:UpdateItem]", "]"},
	{"each role allows exactly what is listed", "Resource: !GetAtt Logs.Arn", "Resource: !GetAtt ApiLogs.Arn"},
	{"each role allows exactly what is listed", "Resource: [!Ref TossSecret, !Ref PortOneSecret]", "Resource: !Ref TossSecret"},
	{"each role allows exactly what is listed", "Resource: !Ref PortOneSecret", "Resource: [!Ref TossSecret, !Ref PortOneSecret]"},
	{"each role allows exactly what is listed", "Action: [logs:CreateLogStream, logs:PutLogEvents]", "Action: [logs:CreateLogStream]"},
	{"each role allows exactly what is listed", "Action: [secretsmanager:GetSecretValue]", "NotAction: [secretsmanager:DeleteSecret]"},
	{"each role allows exactly what is listed", "Service: lambda.amazonaws.com", `AWS: "123456789012"`},
	{"each function has a role of its own and no policy template", "Role: !GetAtt CheckoutRole.Arn", "Role: !GetAtt ConfirmRole.Arn"},
	{"each function has a role of its own and no policy template", "Role: !GetAtt MerchantRole.Arn", "Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Table}}]"},
	{"each function has a role of its own and no policy template", "Description: What the checkout function may do, and nothing else.",
		"ManagedPolicyArns: [arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]"},
	{variable, "MODE: !Ref Mode", "MODE: !Ref Mode\n        LATE_MONEY: !Ref LateMoney"},
	{variable, "          LATE_MONEY: !Ref LateMoney\n", ""},
	{decides, "          LATE_MONEY: !Ref LateMoney\n", ""},
	{decides, "          RESTORED_TO: !Ref RestoredTo\n", ""},
	{variable, "          TOSS_SOURCES: !Ref TossWebhookSources", "          TOSS_SOURCES: !Ref PortOneWebhookSources"},
	{variable, `AWS_ENDPOINT_URL_DYNAMODB: ""`, "AWS_ENDPOINT_URL_DYNAMODB: http://127.0.0.1:8000"},
	{"secrets stay in Secrets Manager", "MODE: !Ref Mode", "MODE: !Ref Mode\n        TOSS_SECRET_ID: !Ref TossSecret"},
	{"secrets stay in Secrets Manager", "      Role: !GetAtt CheckoutRole.Arn\n", "      Role: !GetAtt CheckoutRole.Arn\n      Environment: {Variables: {PORTONE_SECRET_ID: !Ref PortOneSecret}}\n"},
	{"secrets stay in Secrets Manager", "WEBHOOK_TOKEN_SHA256: !Ref WebhookTokenSha256", "WEBHOOK_TOKEN: !Ref WebhookTokenSha256"},
	{"secrets stay in Secrets Manager", "WEBHOOK_TOKEN_SHA256: !Ref WebhookTokenSha256", "WEBHOOK_TOKEN_SHA256: 7c8dd49537f43683"},
	{"secrets stay in Secrets Manager", "  WebhookTokenSha256:\n", "  WebhookToken:\n"},
	{"secrets stay in Secrets Manager", "MODE: !Ref Mode", `MODE: !Sub "{{resolve:secretsmanager:${TossSecret}}}"`},
	{"secrets stay in Secrets Manager", "MODE: !Ref Mode", "MODE: !Ref Mode\n        TOSS_KEY: test_sk_abcdefgh"},
	{"secrets stay in Secrets Manager", "MODE: !Ref Mode", "MODE: !Ref Mode\n        API_TOKEN: !Ref LogLevel"},
	{"secrets stay in Secrets Manager", `{"secretKey":"REPLACE_ME"}`, `{"secretKey":"test_sk_abcdefgh"}`},
	{"secrets stay in Secrets Manager", `"impSecret":"REPLACE_ME"}`, `"impSecret":"abcdefgh"}`},
	{"secrets stay in Secrets Manager", "PortOneSecret:\n    Type: AWS::SecretsManager::Secret\n    DeletionPolicy: RetainExceptOnCreate",
		"PortOneSecret:\n    Type: AWS::SecretsManager::Secret\n    DeletionPolicy: Delete"},
	{"secrets stay in Secrets Manager", "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Retain"},
	{"nothing of PortOne is needed without it", "AllowedPattern: ^(imp[0-9]{8})?$", "AllowedPattern: ^imp[0-9]{8}$"},
	{"nothing of PortOne is needed without it", "Default: \"\"\n    AllowedPattern: ^[A-Za-z0-9_-]{0,55}$", "AllowedPattern: ^[A-Za-z0-9_-]{0,55}$"},
	{"nothing of PortOne is needed without it", "PutPortOneSecretCommand:\n    Condition: OffersPortOne\n", "PutPortOneSecretCommand:\n"},
	{"the table keeps what it is given", "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"},
	{"the table keeps what it is given", "SSEEnabled: true", "SSEEnabled: false"},
	{"the table keeps what it is given", "DeletionProtectionEnabled: true", "DeletionProtectionEnabled: false"},
	{"the table keeps what it is given", "    DeletionPolicy: Retain\n", "    DeletionPolicy: RetainExceptOnCreate\n"},
	{"the table keeps what it is given", "BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED"},
	{"the table keeps what it is given", "ProjectionType: KEYS_ONLY", "ProjectionType: ALL"},
	{charging, "ScheduleExpression: rate(1 minute)", "ScheduleExpression: rate(1 hour)"},
	{charging, "ScheduleExpressionTimezone: Asia/Seoul", "ScheduleExpressionTimezone: UTC"},
	{charging, "<aws.scheduler.scheduled-time>", "<aws.scheduler.execution-id>"},
	{charging, "RoleArn: !GetAtt ScheduleRole.Arn", "RoleArn: !GetAtt ChargeRole.Arn"},
	{charging, "RetryPolicy: {MaximumRetryAttempts: 1, MaximumEventAgeInSeconds: 60}", "RetryPolicy: {MaximumRetryAttempts: 185}"},
	{charging, "Arn: !GetAtt ScheduleDeadLetters.Arn}", "Arn: !GetAtt ChargeDeadLetters.Arn}"},
	{charging, "{Arn: !GetAtt ScheduleDeadLetters.Arn}", "{Type: SQS, Arn: !GetAtt ScheduleDeadLetters.Arn}"},
	{charging, "FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: []"},
	{charging, "ScalingConfig: {MaximumConcurrency: !Ref ChargeConcurrency}", "Enabled: true"},
	{charging, "BatchSize: !Ref ChargeBatchSize", "BatchSize: 10000"},
	{charging, "MemorySize: !Ref ChargeMemorySize", "MemorySize: 128"},
	{charging, "TreatMissingData: breaching", "TreatMissingData: notBreaching"},
	{charging, "MaximumBatchingWindowInSeconds: 1\n", "MaximumBatchingWindowInSeconds: 0\n"},
	{charging, "        MaximumRetryAttempts: 0\n", "        MaximumRetryAttempts: 2\n"},
	{charging, "    Default: 3\n    MinValue: 2", "    Default: 10\n    MinValue: 2"},
	{charging, "Timeout: 900", "Timeout: 900\n      ReservedConcurrentExecutions: 5"},
	{aside, "VisibilityTimeout: 5400", "VisibilityTimeout: 900"},
	{aside, "maxReceiveCount: 5", "maxReceiveCount: 1"},
	{aside, "deadLetterTargetArn: !GetAtt ChargeDeadLetters.Arn", "deadLetterTargetArn: !GetAtt ScheduleDeadLetters.Arn"},
	{aside, "SqsManagedSseEnabled: !If [HasKmsKey, false, true]", "SqsManagedSseEnabled: false"},
	{aside, "KmsMasterKeyId: !If [HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue]", "KmsMasterKeyId: alias/aws/sqs"},
	{aside, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 345600"},
	{aside, "Value: !GetAtt ScheduleDeadLetters.QueueName", "Value: !GetAtt ChargeQueue.QueueName"},
	{aside, "MetricName: ApproximateNumberOfMessagesVisible", "MetricName: NumberOfMessagesSent"},
	{aside, "ComparisonOperator: GreaterThanThreshold", "ComparisonOperator: LessThanThreshold"},
	{"the table keeps what it is given", "StreamViewType: NEW_AND_OLD_IMAGES", "StreamViewType: NEW_IMAGE"},
	{telling, "Stream: !GetAtt Table.StreamArn", "Stream: !GetAtt Table.Arn"},
	{telling, "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST"},
	{telling, "BisectBatchOnFunctionError: true", "BisectBatchOnFunctionError: false"},
	{telling, "            FunctionResponseTypes: [ReportBatchItemFailures]\n            # Of a batch", "            # Of a batch"},
	{telling, "MaximumRecordAgeInSeconds: 79200", "MaximumRecordAgeInSeconds: 79200\n            MaximumRetryAttempts: 3"},
	{telling, "MaximumRecordAgeInSeconds: 79200", "MaximumRecordAgeInSeconds: -1"},
	{telling, "{OnFailure: {Destination: !GetAtt PublishDeadLetters.Arn}}", "{OnFailure: {Destination: !GetAtt ChargeDeadLetters.Arn}}"},
	{telling, `{"eventName":["INSERT","MODIFY"]}`, `{"eventName":["MODIFY"]}`},
	{telling, "            BatchSize: 100\n", "            BatchSize: 1000\n"},
	{telling, "maxReceiveCount: 13", "maxReceiveCount: 3"},
	{telling, "VisibilityTimeout: 180", "VisibilityTimeout: 29"},
	{telling, "ScalingConfig: {MaximumConcurrency: 5}", "Enabled: true"},
	{telling, "DeliverFunction:\n    Type: AWS::Serverless::Function\n    Condition: TellsMerchant\n", "DeliverFunction:\n    Type: AWS::Serverless::Function\n"},
	{telling, "MerchantWebhookSecret:\n    Type: AWS::SecretsManager::Secret\n    Condition: TellsMerchant\n", "MerchantWebhookSecret:\n    Type: AWS::SecretsManager::Secret\n"},
	{telling, "  GetWebhookKeyCommand:\n    Condition: TellsMerchant\n", "  GetWebhookKeyCommand:\n"},
	{telling, `GenerateSecretString: {SecretStringTemplate: "{}", GenerateStringKey: current, PasswordLength: 48, ExcludePunctuation: true}`, `SecretString: '{"current":"REPLACE_ME"}'`},
	{telling, "MetricName: IteratorAge", "MetricName: Invocations"},
	{telling, "    Default: public\n", "    Default: private\n"},
	{telling, "  EventBus:\n    Type: AWS::Events::EventBus\n", "  EventBus:\n    Type: AWS::Events::EventBus\n    Condition: TellsMerchant\n"},
	{"each role allows exactly what is listed", "Action: [events:PutEvents]", "Action: [events:PutEvents, events:PutRule]"},
	{"each role allows exactly what is listed", "Resource: !GetAtt EventBus.Arn", "Resource: !GetAtt Table.Arn"},
	{"each role allows exactly what is listed", "Resource: !Ref MerchantWebhookSecret", "Resource: [!Ref MerchantWebhookSecret, !Ref TossSecret]"},
	{variable, "          MERCHANT_WEBHOOK_REACH: !Ref MerchantWebhookReach\n", ""},
	{"secrets stay in Secrets Manager", "MERCHANT_WEBHOOK_SECRET_ID: !Ref MerchantWebhookSecret", "MERCHANT_WEBHOOK_SECRET_ID: !Ref TossSecret"},
	{aside, "Value: !GetAtt DeliveryDeadLetters.QueueName", "Value: !GetAtt DeliveryQueue.QueueName"},
	{aside, "Value: !GetAtt PublishDeadLetters.QueueName", "Value: !GetAtt DeliveryQueue.QueueName"},
	{"money invariants raise alarms", `$.event = "publish.incomplete"`, `$.event = "publish.retried"`},
	{"functions are built alike", "Timeout: 900", "Timeout: 29"},
	{"no wildcard in a policy", "index/due", "index/*"},
	{"each role allows exactly what is listed", "Service: scheduler.amazonaws.com", "Service: events.amazonaws.com"},
	{"each role allows exactly what is listed", "              StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId}", "              StringEquals: {\"aws:SourceAccount\": \"123456789012\"}"},
	{"each role allows exactly what is listed", "Resource: !GetAtt ChargeFunction.Arn", "Resource: !GetAtt WebhookFunction.Arn"},
	{"each role allows exactly what is listed", "sqs:SendMessage, sqs:ReceiveMessage", "sqs:SendMessage, sqs:PurgeQueue, sqs:ReceiveMessage"},
	{variable, "          QUEUE_URL: !Ref ChargeQueue\n", ""},
	{"merchant routes need IAM and no other route exists", `Path: "/subscriptions/{id}/cancel", Auth: {Authorizer: AWS_IAM}`, `Path: "/subscriptions/{id}/cancel"`},
	{"merchant routes need IAM and no other route exists", `Path: "/subscriptions/{id}/plan"`, `Path: "/subscriptions/{id}"`},
	{"money invariants raise alarms", `$.event = "work.failed"`, `$.event = "work.done"`},
	{"money invariants raise alarms", `($.event = "work.failed") || `, ""},
	{"every log group has a retention", "RetentionInDays: !Ref LogRetentionDays", "# no retention"},
	{"merchant routes need IAM and no other route exists", ", Path: /orders, Auth: {Authorizer: AWS_IAM}", ", Path: /orders"},
	{"merchant routes need IAM and no other route exists", `Path: "/pay/{id}/{linkToken}"}`, `Path: "/pay/{id}/{linkToken}", Auth: {Authorizer: AWS_IAM}}`},
	{"merchant routes need IAM and no other route exists", `Method: GET, Path: "/pay/{id}/{linkToken}/status"`, `Method: POST, Path: "/pay/{id}/{linkToken}/status"`},
	{"merchant routes need IAM and no other route exists", "EnableIamAuthorizer: true", "EnableIamAuthorizer: false"},
	{"merchant routes need IAM and no other route exists", "Timeout: 29", "Timeout: 29\n    FunctionUrlConfig: {AuthType: NONE}"},
	{"merchant routes need IAM and no other route exists", "Path: /subscriptions, Auth: {Authorizer: AWS_IAM}", "Path: /subscriptions"},
	{"merchant routes need IAM and no other route exists", `Method: POST, Path: "/webhooks/toss/{webhookToken}"`, `Method: POST, Path: "/webhooks/toss"`},
	{"public routes are throttled", `"GET /pay/{id}/{linkToken}":`, `"GET /pay/{id}":`},
	{"public routes are throttled", `"POST /webhooks/portone/{webhookToken}":`, `"POST /webhooks/portone":`},
	{"public routes are throttled", "DefaultRouteSettings:", "Tags:"},
	{"the access log holds no path", `"routeKey":"$context.routeKey"`, `"path":"$context.path"`},
	{"the access log holds no path", `"$context.error.responseType"`, `"$context.http.path"`},
	{"the access log holds no path", `"$context.error.responseType"`, `"$context.identity.sourceIp"`},
	{"money invariants raise alarms", `$.event = "money.review"`, `$.event = "money.reviewed"`},
	{"money invariants raise alarms", "{Name: event, Value: money.unsettled}", "{Name: event, Value: money.unsettle}"},
	{"money invariants raise alarms", "MetricName: Events\n      Dimensions: [{Name: event, Value: config.error}]", "MetricName: ConfigError"},
	{"money invariants raise alarms", "LogGroupName: !Ref Logs", "LogGroupName: !Ref ApiLogs"},
	{"money invariants raise alarms", "MetricName: 5xx", "MetricName: 5XXError"},
	{"money invariants raise alarms", "Dimensions: [{Key: event, Value: $.event}]", "DefaultValue: 0"},
	{"money invariants raise alarms", `($.event = "dispatch.failed")`, `($.event = "dispatch.failed") || ($.event = "tick")`},
	{"money invariants raise alarms", `$.event = "security.sandbox_payment"`, `$.event = "security.sandbox"`},
	{"money invariants raise alarms", "AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]", "AlarmActions: []"},
	{"parameters explain and limit themselves", "AllowedPattern: ^(test|live)_ck_[A-Za-z0-9_]+$", "MinLength: 1"},
	{"parameters explain and limit themselves", "AllowedPattern: ^(test|live)_ck_[A-Za-z0-9_]+$", "AllowedPattern: ^.+$"},
	{"parameters explain and limit themselves", "Description: Whether real money moves.", "NoEcho: true # "},
	{"parameters explain and limit themselves", "AllowedPattern: ^([0-9a-f]{64})?$", "AllowedPattern: ^.*$"},
	{"parameters explain and limit themselves", "AllowedValues: [debug, info, warn]", "AllowedValues: [debug, info, warn, error]"},
	{ownKeyRule, "KMSMasterKeyId: !If [HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue]", "KMSMasterKeyId: alias/aws/dynamodb"},
	{ownKeyRule, "      KmsKeyId: !If [HasKmsKey, !Ref KmsKeyArn, !Ref AWS::NoValue]\n", ""},
	{ownKeyRule, "        - !Ref ScheduleRole\n        - !Ref PublishRole\n", "        - !Ref PublishRole\n"},
	{ownKeyRule, "        - !If [TellsMerchant, !Ref DeliverRole, !Ref AWS::NoValue]\n", ""},
	{ownKeyRule, "kms:GenerateDataKey]", `"kms:*"]`},
	{ownKeyRule, "Resource: !Ref KmsKeyArn", `Resource: "*"`},
	{ownKeyRule, "    Condition: HasKmsKey\n", ""},
	{"every role takes a permissions boundary", "      PermissionsBoundary: !If [HasBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]\n", ""},
	{"the API can be closed but for its domain", "DisableExecuteApiEndpoint: !If [IsClosed, true, false]", "DisableExecuteApiEndpoint: false"},
	{"the API can be closed but for its domain", `"${PublicBaseUrl}/webhooks/toss/{WebhookToken}"`, "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
	{overTLS, "        - !Ref ScheduleDeadLetters\n        - !Ref PublishDeadLetters\n", "        - !Ref PublishDeadLetters\n"},
	{overTLS, "        - !If [TellsMerchant, !Ref DeliveryQueue, !Ref AWS::NoValue]\n", ""},
	{overTLS, "Effect: Deny", "Effect: Allow"},
	{overTLS, `{"aws:SecureTransport": "false"}`, `{"aws:SecureTransport": "true"}`},
	{callers, "/$default/GET/orders/*", "/$default/*"},
	{callers, "/$default/POST/subscriptions/*", "/$default/POST/webhooks/*"},
	{"sam validate runs the transform", "[default.deploy.parameters]", "[default.validate.parameters]\nlint = true\n\n[default.deploy.parameters]"},
}

// TestTemplateRulesCatch breaks the template in one place at a time and expects the rule to see it.
func TestTemplateRulesCatch(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	for _, tt := range mutations {
		t.Run(tt.rule+"/"+tt.new, func(t *testing.T) {
			t.Parallel()
			in := readInfra(t, tt.old, tt.new)
			i := slices.IndexFunc(rules, func(r rule) bool { return r.name == tt.rule })
			if i < 0 {
				t.Fatalf("no rule is called %q", tt.rule)
			}
			if len(rules[i].check(in)) == 0 {
				t.Errorf("%q did not see that %q became %q", tt.rule, tt.old, tt.new)
			}
		})
	}
}

// TestParameterPatterns shows what the deployer may type. CloudFormation matches the whole value.
func TestParameterPatterns(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	parameters := readInfra(t, "", "").template["Parameters"].(node)
	tests := []struct {
		parameter    string
		good, refuse []string
	}{
		{"TossClientKey", []string{"test_ck_D5GePWvyJnrK0W0k6q8gLzN97Eoq", "live_ck_abc"},
			[]string{"", "test_sk_abc", "test_gck_abc", "test_ck_", "TEST_ck_abc", "test_ck_abc ", "test_ck_a-b"}},
		{"PortOneUserCode", []string{"", "imp00000000"}, []string{"imp0000000", "imp000000000", "IMP00000000", "imp0000000a", "imp00000000 "}},
		{"PortOneChannelKey", []string{"", "channel-key-893597d6-e62d-410f-83f9-119f530b4b11"},
			[]string{"channel key", "channel-key,b", strings.Repeat("a", 56)}},
		{"PortOneMid", []string{"", "tosstest", "im_shop-1"}, []string{"tosspay_v2.tosstest", "a b", strings.Repeat("a", 65)}},
		{"WebhookTokenSha256", []string{"", strings.Repeat("0123456789abcdef", 4)},
			[]string{"0123456789abcdef0123456789abcdef01234567", strings.Repeat("a", 65), strings.Repeat("A", 64), strings.Repeat("a", 64) + " ", "-"}},
		{"TossWebhookSources", []string{"", "13.124.18.147", "13.124.18.147,13.124.108.35"},
			[]string{"13.124.18", "13.124.18.147,", "13.124.18.147, 13.124.108.35", "13.124.18.0/24", "example.com", "*"}},
		{"PortOneWebhookSources", []string{"", "52.78.100.19,52.78.48.223,52.78.5.241"}, []string{"52.78.100.19;52.78.48.223", "::1", "52.78.100.1999"}},
		{"DunningSoftDays", []string{"1,3,5,7", "7", "1,2,3,4,5,6,7,8,59,60"}, []string{"", "0", "1;3", "1, 3", "1,", "61", "99", "1,61", "100", "1.5", strings.Repeat("1,", 10) + "1"}},
		{"DunningTransientHours", []string{"1,6,24", "1440", "999,1000,1399,1439"}, []string{"", "0", "1,06", "1441", "1450", "1500", "2000", "9999", "1,1441", "10000", "-1", "6h"}},
		{"ReturnUrlAllowList", []string{"", "https://shop.example.com", "https://a.example/back,https://b.example"},
			[]string{"https://user@a.example", "https://a.example?x=1", `https://a.example\@b`, "http://shop.example.com", "shop.example.com", "https://a.example,", "https://a.example, https://b.example", "*", "https://"}},
		{"MerchantWebhookUrl", []string{"", "https://shop.example.com", "https://shop.example.com:8443/webhooks/payments?x=1"},
			[]string{"http://shop.example.com/", "https://", "https:///x", "https://user@shop.example.com/", "https://shop.example.com/#x", `https://shop.example\@x/`, "https://a b/", "shop.example.com"}},
		{"PublicBaseUrl", []string{"", "https://pay.example.com", "https://pay.example.com:8443"},
			[]string{"http://pay.example.com", "https://pay.example.com/", "https://pay.example.com/x", "https://user@pay.example.com", "pay.example.com"}},
		{"AlarmTopicArn", []string{"", "arn:aws:sns:ap-northeast-2:123456789012:oncall"},
			[]string{"oncall", "arn:aws:sqs:ap-northeast-2:123456789012:oncall", "arn:aws:sns:ap-northeast-2:123456789012:*"}},
	}
	for _, tt := range tests {
		pattern := regexp.MustCompile("^(?:" + text(parameters[tt.parameter], "AllowedPattern") + ")$")
		for _, v := range tt.good {
			if !pattern.MatchString(v) {
				t.Errorf("%s refuses %q", tt.parameter, v)
			}
		}
		for _, v := range tt.refuse {
			if pattern.MatchString(v) {
				t.Errorf("%s takes %q", tt.parameter, v)
			}
		}
	}
}

// recorder keeps what the store asks an engine to create.
type recorder struct{ input *dynamodb.CreateTableInput }

func (r *recorder) CreateTable(_ context.Context, in *dynamodb.CreateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error) {
	r.input = in
	return nil, nil
}

// TestTableIsTheStores compares the table of the stack with the one that the store's tests ran on.
func TestTableIsTheStores(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	var r recorder
	if err := store.CreateTable(t.Context(), &r, "any"); err != nil {
		t.Fatal(err)
	}
	keys := func(elements []types.KeySchemaElement) string {
		var s []string
		for _, e := range elements {
			s = append(s, fmt.Sprintf("map[AttributeName:%s KeyType:%s]", *e.AttributeName, e.KeyType))
		}
		return fmt.Sprint(s)
	}
	var attributes []string
	for _, a := range r.input.AttributeDefinitions {
		attributes = append(attributes, fmt.Sprintf("map[AttributeName:%s AttributeType:%s]", *a.AttributeName, a.AttributeType))
	}
	table := at(readInfra(t, "", "").template, "Resources", "Table", "Properties")
	compare := func(what, store string, stack any) {
		if stack := fmt.Sprint(stack); stack != store {
			t.Errorf("%s: the stack has %s, the store works with %s", what, stack, store)
		}
	}
	compare("key", keys(r.input.KeySchema), at(table, "KeySchema"))
	compare("attributes", fmt.Sprint(attributes), at(table, "AttributeDefinitions"))
	indexes := list(at(table, "GlobalSecondaryIndexes"))
	if len(indexes) != len(r.input.GlobalSecondaryIndexes) {
		t.Fatalf("the stack has %d indexes, the store works with %d", len(indexes), len(r.input.GlobalSecondaryIndexes))
	}
	for i, index := range r.input.GlobalSecondaryIndexes {
		compare("index name", *index.IndexName, at(indexes[i], "IndexName"))
		compare(*index.IndexName+" key", keys(index.KeySchema), at(indexes[i], "KeySchema"))
		compare(*index.IndexName+" projection", string(index.Projection.ProjectionType), at(indexes[i], "Projection", "ProjectionType"))
	}
}

// TestDunningDefaults: who deploys without a thought gets the timetable that the code has as its default.
func TestDunningDefaults(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	parameters := readInfra(t, "", "").template["Parameters"].(node)
	for name, want := range map[string]struct {
		offsets []time.Duration
		unit    time.Duration
	}{
		"DunningSoftDays":       {subscription.DefaultTimetable().Soft, 24 * time.Hour},
		"DunningTransientHours": {subscription.DefaultTimetable().Transient, time.Hour},
	} {
		var all []string
		for _, offset := range want.offsets {
			all = append(all, strconv.FormatInt(int64(offset/want.unit), 10))
		}
		if got := text(parameters, name, "Default"); got != strings.Join(all, ",") {
			t.Errorf("%s: default is %s, the code's is %v", name, got, all)
		}
	}
}

// TestVariablesAreRead finds a variable that was renamed in one place only: what boot reads and what the template sets are the same.
func TestVariablesAreRead(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	// Lambda sets these, or `sam local`.
	elsewhere := regexp.MustCompile(`^AWS_(REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SAM_LOCAL)$`)
	read := map[string]bool{}
	var files []string
	for _, pattern := range []string{"shared/boot/*.go", "shared/boot/*/*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`getenv\("([A-Z0-9_]+)"\)`).FindAllStringSubmatch(string(source), -1) {
			if !elsewhere.MatchString(m[1]) {
				read[m[1]] = true
			}
		}
	}
	set := map[string]bool{}
	for _, block := range variables { // which checkVariables compares with the template
		for name := range block {
			set[name] = true
		}
	}
	if !maps.Equal(read, set) {
		t.Errorf("boot reads %v, the template sets %v", slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(set)))
	}
}

// TestAlarmedEventsAreLogged finds an event that was renamed in one place only: what must alarm is written somewhere, and what is named like
// an alarm raises one.
func TestAlarmedEventsAreLogged(t *testing.T) {
	root.Chdir(t)
	t.Parallel()
	quiet := map[string]bool{"money.transition": true, "webhook.received": true, "webhook.delivered": true, "webhook.retried": true, "publish.retried": true} // the usual course of things
	logged := map[string]bool{}
	name := regexp.MustCompile(`"((?:money|security|config|merchant|work|dispatch|publish|notify|webhook)\.[a-z_]+)"`)
	files, err := filepath.Glob("shared/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range name.FindAllStringSubmatch(string(source), -1) {
			if event := m[1]; !quiet[event] {
				logged[event] = true
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(logged)), slices.Sorted(maps.Keys(alarmed)); !slices.Equal(got, want) {
		t.Errorf("the functions log %v, alarms look for %v", got, want)
	}
}

func checkFunctions(in infra) (found []string) {
	globals := at(in.template, "Globals", "Function")
	for name, f := range resources(in, "AWS::Serverless::Function") {
		timeout := "29"
		if name == "ChargeFunction" {
			timeout = "900" // no API waits for it
		}
		want := map[string]string{
			"Runtime":                 "provided.al2023",
			"Handler":                 "bootstrap",
			"Architectures":           "[arm64]",
			"Timeout":                 timeout,
			"CodeUri":                 ".",
			"LoggingConfig.LogFormat": "Text",
			"LoggingConfig.LogGroup":  "map[Ref:Logs]",
		}
		for key, value := range want {
			path := strings.Split(key, ".")
			got := at(f, append([]string{"Properties"}, path...)...)
			if got == nil {
				got = at(globals, path...)
			}
			if fmt.Sprint(got) != value {
				found = append(found, fmt.Sprintf("%s: %s is %v, want %s", name, key, got, value))
			}
		}
		// ProjectRootDirectory, ContextPath and WorkingDirectory would build something else than the hash of CodeUri looks at.
		if fmt.Sprint(f["Metadata"]) != "map[BuildMethod:makefile]" {
			found = append(found, name+": must be built by the Makefile, and by nothing else of Metadata")
		}
	}
	return found
}

func checkWildcards(in infra) (found []string) {
	for name, role := range resources(in, "AWS::IAM::Role") {
		for _, s := range statements(role) {
			for _, key := range []string{"Action", "Resource", "NotAction", "NotResource", "Principal"} {
				if strings.ContainsAny(fmt.Sprint(s[key]), "*?") {
					found = append(found, fmt.Sprintf("%s: %s has a wildcard: %v", name, key, s[key]))
				}
			}
		}
	}
	return found
}

func checkPermissions(in infra) (found []string) {
	roles := resources(in, "AWS::IAM::Role")
	if got, want := slices.Sorted(maps.Keys(roles)), slices.Sorted(maps.Keys(allowed)); !slices.Equal(got, want) {
		found = append(found, fmt.Sprintf("roles are %v, want %v", got, want))
	}
	for name, role := range roles {
		trust := fmt.Sprint(at(role, "Properties", "AssumeRolePolicyDocument", "Statement"))
		want := cmp.Or(trusts[name], "[map[Action:sts:AssumeRole Effect:Allow Principal:map[Service:lambda.amazonaws.com]]]")
		if trust != want {
			found = append(found, name+": may be assumed by another than its service: "+trust)
		}
		got := map[string]string{}
		for _, s := range statements(role) {
			if s["Effect"] != "Allow" || len(s) != 3 {
				found = append(found, fmt.Sprintf("%s: a statement is Allow, Action and Resource, got %v", name, s))
			}
			for _, action := range list(s["Action"]) {
				got[fmt.Sprint(action)] = targets(s["Resource"])
			}
		}
		if !maps.Equal(got, allowed[name]) {
			found = append(found, fmt.Sprintf("%s: allows %v, want %v", name, got, allowed[name]))
		}
	}
	return found
}

func checkRoles(in infra) (found []string) {
	for name, f := range resources(in, "AWS::Serverless::Function") {
		want := strings.TrimSuffix(name, "Function") + "Role.Arn"
		if got := target(at(f, "Properties", "Role")); got != want {
			found = append(found, fmt.Sprintf("%s: role is %q, want %s", name, got, want))
		}
		if at(f, "Properties", "Policies") != nil {
			found = append(found, name+": has policies beside its role")
		}
	}
	for name, role := range resources(in, "AWS::IAM::Role") {
		if at(role, "Properties", "ManagedPolicyArns") != nil {
			found = append(found, name+": has a managed policy")
		}
	}
	for _, kind := range []string{"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"} {
		for name := range resources(in, kind) {
			if name != "KeyPolicy" && name != "ApiCallerPolicy" { // see checkKey and checkCallers
				found = append(found, name+": permissions belong in the role itself")
			}
		}
	}
	if at(in.template, "Globals", "Function", "Policies") != nil {
		found = append(found, "Globals give every function a policy")
	}
	return found
}

var (
	secretName  = regexp.MustCompile(`SECRET|PASSWORD|TOKEN|PRIVATE|CREDENTIAL|_KEY$`)
	secretValue = regexp.MustCompile(`_g?sk_|\{\{resolve:|secretsmanager:|ssm-secure`)
)

func checkVariables(in infra) (found []string) {
	check := func(where string, block any) {
		got := map[string]string{}
		set, _ := block.(node)
		for name, value := range set {
			got[name] = target(value)
		}
		if !maps.Equal(got, variables[where]) {
			found = append(found, fmt.Sprintf("%s: gets %v, want %v", where, got, variables[where]))
		}
	}
	check("", at(in.template, "Globals", "Function", "Environment", "Variables"))
	for name, f := range resources(in, "AWS::Serverless::Function") {
		check(name, at(f, "Properties", "Environment", "Variables"))
	}
	return found
}

// checkDeciders: each write of an order gives its payments their roles, by these two parameters. So a function that may write the table has both,
// whatever the list above says.
func checkDeciders(in infra) (found []string) {
	for name, f := range resources(in, "AWS::Serverless::Function") {
		role := allowed[strings.TrimSuffix(name, "Function")+"Role"]
		if role["dynamodb:PutItem"] == "" && role["dynamodb:UpdateItem"] == "" {
			continue
		}
		set, _ := at(f, "Properties", "Environment", "Variables").(node)
		for _, variable := range []string{"LATE_MONEY", "RESTORED_TO"} {
			if set[variable] == nil {
				found = append(found, name+": writes orders without "+variable)
			}
		}
	}
	return found
}

// secretsOf is who may know each secret, and what it is made with.
var secretsOf = map[string]struct {
	readers     []string
	placeholder string
}{
	"TossSecret":    {[]string{"ChargeFunction", "ConfirmFunction", "WebhookFunction"}, `{"secretKey":"REPLACE_ME"}`},
	"PortOneSecret": {[]string{"ChargeFunction", "ConfirmFunction", "MerchantFunction", "WebhookFunction"}, `{"impKey":"REPLACE_ME","impSecret":"REPLACE_ME"}`},
}

func checkSecrets(in infra) (found []string) {
	// Client and channel key are public, a secret's address is no secret, a digest opens nothing. Anything
	// else of such a name needs a second thought here.
	known := map[string]string{
		"TOSS_CLIENT_KEY": "TossClientKey", "TOSS_SECRET_ID": "TossSecret", "PORTONE_CHANNEL_KEY": "PortOneChannelKey",
		"PORTONE_SECRET_ID": "PortOneSecret", "WEBHOOK_TOKEN_SHA256": "WebhookTokenSha256", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "",
		"MERCHANT_WEBHOOK_SECRET_ID": "MerchantWebhookSecret",
	}
	readers := map[string][]string{}
	check := func(where string, variables any) {
		vars, _ := variables.(node)
		for name, value := range vars {
			want, isKnown := known[name]
			if secretName.MatchString(name) && (!isKnown || target(value) != want) {
				found = append(found, fmt.Sprintf("%s: variable %s is named like a secret", where, name))
			}
			if secretValue.MatchString(fmt.Sprint(value)) {
				found = append(found, fmt.Sprintf("%s: variable %s has a value like a secret", where, name))
			}
			if _, isSecret := secretsOf[target(value)]; isSecret {
				readers[target(value)] = append(readers[target(value)], where)
			}
		}
	}
	check("Globals", at(in.template, "Globals", "Function", "Environment", "Variables"))
	for name, f := range resources(in, "AWS::Serverless::Function") {
		check(name, at(f, "Properties", "Environment", "Variables"))
	}
	made := resources(in, "AWS::SecretsManager::Secret")
	for name, want := range secretsOf {
		slices.Sort(readers[name])
		if !slices.Equal(readers[name], want.readers) {
			found = append(found, fmt.Sprintf("%s is known to %v, want %v", name, readers[name], want.readers))
		}
		if at(made[name], "Properties", "SecretString") != want.placeholder || at(made[name], "DeletionPolicy") != "RetainExceptOnCreate" ||
			at(made[name], "UpdateReplacePolicy") != "Retain" {
			found = append(found, name+": must begin with the placeholder and be retained, unless its stack was never made")
		}
	}
	if len(made) != len(secretsOf)+1 {
		found = append(found, fmt.Sprintf("%d secrets, want %d and the webhook's", len(made), len(secretsOf)))
	}
	parameters, _ := in.template["Parameters"].(node)
	for name := range parameters {
		if regexp.MustCompile(`(?i)(token|secret|password|apikey)$`).MatchString(name) {
			found = append(found, name+": a parameter is shown to everybody who may read the stack, and a function's environment likewise: take a digest, or a secret")
		}
	}
	return found
}

// checkOptional: who does not use PortOne is asked for nothing of it and told to do nothing about it.
func checkOptional(in infra) (found []string) {
	parameters, _ := in.template["Parameters"].(node)
	outputs, _ := in.template["Outputs"].(node)
	for name, p := range parameters {
		pattern, err := regexp.Compile("^(?:" + text(p, "AllowedPattern") + ")$")
		if strings.HasPrefix(name, "PortOne") && (err != nil || at(p, "Default") != "" || !pattern.MatchString("")) {
			found = append(found, name+": must be empty unless it is given")
		}
	}
	for name, o := range outputs {
		if strings.Contains(name+fmt.Sprint(o), "PortOne") && at(o, "Condition") != "OffersPortOne" {
			found = append(found, name+": an output about PortOne for those who do not use it")
		}
	}
	return found
}

func checkTable(in infra) (found []string) {
	table := resources(in, "AWS::DynamoDB::Table")["Table"]
	want := map[string]string{
		"DeletionPolicy":                       "Retain",
		"UpdateReplacePolicy":                  "Retain",
		"Properties.BillingMode":               "PAY_PER_REQUEST",
		"Properties.DeletionProtectionEnabled": "true",
		"Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled": "true",
		"Properties.SSESpecification.SSEEnabled":                                 "true",
		"Properties.TimeToLiveSpecification.AttributeName":                       "ttl",
		"Properties.StreamSpecification.StreamViewType":                          "NEW_AND_OLD_IMAGES",
	}
	for path, value := range want {
		if got := fmt.Sprint(at(table, strings.Split(path, ".")...)); got != value {
			found = append(found, fmt.Sprintf("Table: %s is %s, want %s", path, got, value))
		}
	}
	var indexes []string
	for _, index := range list(at(table, "Properties", "GlobalSecondaryIndexes")) {
		indexes = append(indexes, fmt.Sprintf("%v %v", at(index, "IndexName"), at(index, "Projection", "ProjectionType")))
	}
	if want := []string{"due KEYS_ONLY", "list KEYS_ONLY", "buyer KEYS_ONLY", "attention KEYS_ONLY"}; !slices.Equal(indexes, want) {
		found = append(found, fmt.Sprintf("Table: its indexes are %v, want %v", indexes, want))
	}
	return found
}

// checkCharge: the schedule and the queue start the charge function, and nothing else does.
func checkCharge(in infra) (found []string) {
	f := at(in.template, "Resources", "ChargeFunction", "Properties")
	events, _ := at(f, "Events").(node)
	if len(events) != 2 {
		found = append(found, fmt.Sprintf("ChargeFunction: started by %d events, want 2", len(events)))
	}
	for path, want := range map[string]string{
		"EventInvokeConfig.MaximumRetryAttempts":            "0",
		"EventInvokeConfig.MaximumEventAgeInSeconds":        "60",
		"ReservedConcurrentExecutions":                      "<nil>", // its queue's pollers would be throttled
		"Events.Tick.Type":                                  "ScheduleV2",
		"Events.Tick.Properties.ScheduleExpression":         "rate(1 minute)",
		"Events.Tick.Properties.ScheduleExpressionTimezone": "Asia/Seoul",
		"Events.Tick.Properties.State":                      "<nil>",
		"Events.Tick.Properties.Input":                      `{"tick":"<aws.scheduler.scheduled-time>"}`,
		"Events.Tick.Properties.RetryPolicy":                "map[MaximumEventAgeInSeconds:60 MaximumRetryAttempts:1]",
		// The transform refuses a Type beside the Arn.
		"Events.Tick.Properties.DeadLetterConfig":                  "map[Arn:map[Fn::GetAtt:ScheduleDeadLetters.Arn]]",
		"Events.Tick.Properties.RoleArn":                           "ScheduleRole.Arn",
		"Events.Batch.Type":                                        "SQS",
		"Events.Batch.Properties.Queue":                            "ChargeQueue.Arn",
		"Events.Batch.Properties.BatchSize":                        "ChargeBatchSize",
		"MemorySize":                                               "ChargeMemorySize",
		"Events.Batch.Properties.MaximumBatchingWindowInSeconds":   "1",
		"Events.Batch.Properties.FunctionResponseTypes":            "[ReportBatchItemFailures]",
		"Events.Batch.Properties.ScalingConfig.MaximumConcurrency": "ChargeConcurrency",
	} {
		if got := target(at(f, strings.Split(path, ".")...)); got != want {
			found = append(found, fmt.Sprintf("ChargeFunction: %s is %s, want %s", path, got, want))
		}
	}
	silent := at(resources(in, "AWS::CloudWatch::Alarm")["ChargeSilent"], "Properties")
	if got := fmt.Sprint(at(silent, "MetricName"), " ", at(silent, "ComparisonOperator"), " ", at(silent, "Threshold"), " ", at(silent, "TreatMissingData")); got !=
		"Invocations LessThanThreshold 1 breaching" {
		found = append(found, "ChargeSilent: a function that does not run has no data, and must alarm: "+got)
	}
	limits := map[string]string{"ChargeConcurrency": "2 3 1000", "ChargeBatchSize": "1 10 40", "ChargeMemorySize": "128 256 10240"}
	for name, want := range limits {
		p := at(in.template, "Parameters", name)
		if got := fmt.Sprint(at(p, "MinValue"), " ", at(p, "Default"), " ", at(p, "MaxValue")); got != want {
			found = append(found, fmt.Sprintf("%s: least, default and most are %s, want %s", name, got, want))
		}
	}
	return found
}

// checkQueues: the queue waits for a whole batch, what failed is kept for two weeks, and somebody hears of it.
func checkQueues(in infra) (found []string) {
	queues := resources(in, "AWS::SQS::Queue")
	if got := fmt.Sprint(slices.Sorted(maps.Keys(queues))); got != "[ChargeDeadLetters ChargeQueue DeliveryDeadLetters DeliveryQueue PublishDeadLetters ScheduleDeadLetters]" {
		found = append(found, "the queues are "+got)
	}
	queue := at(queues["ChargeQueue"], "Properties")
	if at(queue, "VisibilityTimeout") != "5400" { // 6 times the function's
		found = append(found, fmt.Sprintf("ChargeQueue: VisibilityTimeout is %v, want 5400", at(queue, "VisibilityTimeout")))
	}
	if at(queue, "RedrivePolicy", "maxReceiveCount") != "5" || target(at(queue, "RedrivePolicy", "deadLetterTargetArn")) != "ChargeDeadLetters.Arn" {
		found = append(found, "ChargeQueue: must put a message aside after 5 deliveries")
	}
	for name, q := range queues {
		if fmt.Sprint(at(q, "Properties", "SqsManagedSseEnabled")) != "map[Fn::If:[HasKmsKey false true]]" || !ownKey(at(q, "Properties", "KmsMasterKeyId")) {
			found = append(found, name+": is not encrypted")
		}
		if !strings.HasSuffix(name, "DeadLetters") {
			continue
		}
		if at(q, "Properties", "MessageRetentionPeriod") != "1209600" {
			found = append(found, name+": must be kept for 14 days")
		}
		alarm := at(in.template, "Resources", name+"NotEmpty", "Properties")
		if text(alarm, "MetricName") != "ApproximateNumberOfMessagesVisible" || at(alarm, "Threshold") != "0" || text(alarm, "Namespace") != "AWS/SQS" ||
			at(alarm, "ComparisonOperator") != "GreaterThanThreshold" || !strings.Contains(fmt.Sprint(at(alarm, "Dimensions")), name+".QueueName") {
			found = append(found, name+": nobody hears when it is not empty")
		}
	}
	return found
}

// checkEvents: the stream and the queue start their functions, and nothing else does; what is needed only for the webhook is not made without one.
func checkEvents(in infra) (found []string) {
	for path, want := range map[string]string{
		"PublishFunction.Condition":                                                   "<nil>",
		"EventBus.Condition":                                                          "<nil>",
		"PublishFunction.Properties.Events.Changes.Type":                              "DynamoDB",
		"PublishFunction.Properties.Events.Changes.Properties.Stream":                 "Table.StreamArn",
		"PublishFunction.Properties.Events.Changes.Properties.StartingPosition":       "TRIM_HORIZON",
		"PublishFunction.Properties.Events.Changes.Properties.BatchSize":              strconv.Itoa(stream.BatchMax),
		"PublishFunction.Properties.Events.Changes.Properties.FunctionResponseTypes":  "[ReportBatchItemFailures]",
		"PublishFunction.Properties.Events.Changes.Properties.MaximumRetryAttempts":   "<nil>", // as often as its age allows
		"PublishFunction.Properties.Events.Changes.Properties.ParallelizationFactor":  "<nil>",
		"PublishFunction.Properties.Events.Changes.Properties.FilterCriteria.Filters": `[map[Pattern:{"eventName":["INSERT","MODIFY"]}]]`,
		// Below the stream's 24 hours: what is dropped must reach the dead letters.
		"PublishFunction.Properties.Events.Changes.Properties.MaximumRecordAgeInSeconds":      "79200",
		"PublishFunction.Properties.Events.Changes.Properties.BisectBatchOnFunctionError":     "true",
		"PublishFunction.Properties.Events.Changes.Properties.DestinationConfig.OnFailure":    "map[Destination:map[Fn::GetAtt:PublishDeadLetters.Arn]]",
		"DeliverFunction.Properties.Events.Batch.Type":                                        "SQS",
		"DeliverFunction.Properties.Events.Batch.Properties.Queue":                            "DeliveryQueue.Arn",
		"DeliverFunction.Properties.Events.Batch.Properties.BatchSize":                        "10",
		"DeliverFunction.Properties.Events.Batch.Properties.FunctionResponseTypes":            "[ReportBatchItemFailures]",
		"DeliverFunction.Properties.Events.Batch.Properties.ScalingConfig.MaximumConcurrency": "5",
		"DeliverFunction.Properties.ReservedConcurrentExecutions":                             "<nil>",
		"DeliveryQueue.Properties.VisibilityTimeout":                                          "180", // 6 times the function's
		"DeliveryQueue.Properties.MessageRetentionPeriod":                                     "1209600",
		"DeliveryQueue.Properties.RedrivePolicy.maxReceiveCount":                              strconv.Itoa(deliver.TriesMax),
		"DeliveryQueue.Properties.RedrivePolicy.deadLetterTargetArn":                          "DeliveryDeadLetters.Arn",
		"MerchantWebhookSecret.DeletionPolicy":                                                "RetainExceptOnCreate",
		"MerchantWebhookSecret.UpdateReplacePolicy":                                           "Retain",
		"MerchantWebhookSecret.Properties.SecretString":                                       "<nil>",
		"MerchantWebhookSecret.Properties.GenerateSecretString":                               "map[ExcludePunctuation:true GenerateStringKey:current PasswordLength:48 SecretStringTemplate:{}]",
		"EventsLate.Properties.MetricName":                                                    "IteratorAge",
		"EventsLate.Properties.Dimensions":                                                    "[map[Name:FunctionName Value:map[Ref:PublishFunction]]]",
		"EventsLate.Properties.Statistic":                                                     "Maximum",
		"EventsLate.Properties.Threshold":                                                     "600000",
		"EventsLate.Properties.ComparisonOperator":                                            "GreaterThanThreshold",
	} {
		if got := target(at(in.template["Resources"], strings.Split(path, ".")...)); got != want {
			found = append(found, fmt.Sprintf("%s is %s, want %s", path, got, want))
		}
	}
	for _, name := range []string{"Publish", "Deliver"} {
		if events, _ := at(in.template, "Resources", name+"Function", "Properties", "Events").(node); len(events) != 1 {
			found = append(found, fmt.Sprintf("%sFunction: started by %d events, want 1", name, len(events)))
		}
	}
	all, _ := in.template["Resources"].(node)
	for name, r := range all {
		webhook := strings.HasPrefix(name, "Deliver") || name == "MerchantWebhookSecret"
		if got := at(r, "Condition"); webhook && got != "TellsMerchant" {
			found = append(found, name+": is made although no webhook was asked for")
		}
	}
	outputs, _ := in.template["Outputs"].(node)
	for name, o := range outputs {
		if about := fmt.Sprint(at(o, "Value")); (strings.Contains(about, "Deliver") || strings.Contains(about, "MerchantWebhookSecret")) && at(o, "Condition") != "TellsMerchant" {
			found = append(found, name+": an output about the webhook for those who have none")
		}
	}
	if at(in.template, "Parameters", "MerchantWebhookUrl", "Default") != "" || at(in.template, "Parameters", "MerchantWebhookReach", "Default") != "public" {
		found = append(found, "MerchantWebhookUrl: must be empty unless it is given, and reach public addresses alone")
	}
	return found
}

func checkLogs(in infra) (found []string) {
	groups := resources(in, "AWS::Logs::LogGroup")
	if got := fmt.Sprint(slices.Sorted(maps.Keys(groups))); got != "[ApiLogs Logs]" {
		found = append(found, "the log groups are "+got+", want one for the API and one for the functions")
	}
	for name, group := range groups {
		if target(at(group, "Properties", "RetentionInDays")) != "LogRetentionDays" {
			found = append(found, name+": has no retention")
		}
	}
	return found
}

func checkRoutes(in infra) (found []string) {
	if at(in.template, "Resources", "Api", "Properties", "Auth", "EnableIamAuthorizer") != true {
		found = append(found, "Api: has no IAM authorizer")
	}
	seen := 0
	for name, f := range resources(in, "AWS::Serverless::Function") {
		events, _ := at(f, "Properties", "Events").(node)
		for event, e := range events {
			if slices.Contains([]string{"ChargeFunction", "PublishFunction", "DeliverFunction"}, name) && text(e, "Type") != "HttpApi" {
				continue // see checkCharge and checkEvents
			}
			seen++
			route := text(e, "Properties", "Method") + " " + text(e, "Properties", "Path")
			want, ok := routes[route]
			switch {
			case !ok || want.function != name || text(e, "Type") != "HttpApi" || target(at(e, "Properties", "ApiId")) != "Api":
				found = append(found, fmt.Sprintf("%s: %s is a way in that is not listed: %s", name, event, route))
			case want.iam != (text(e, "Properties", "Auth", "Authorizer") == "AWS_IAM"):
				found = append(found, fmt.Sprintf("%s: IAM must be %t", route, want.iam))
			}
		}
		if at(f, "Properties", "FunctionUrlConfig") != nil {
			found = append(found, name+": has a URL of its own, beside the API")
		}
	}
	if seen != len(routes) {
		found = append(found, fmt.Sprintf("%d routes, want %d", seen, len(routes)))
	}
	if at(in.template, "Globals", "Function", "FunctionUrlConfig") != nil {
		found = append(found, "Globals give every function a URL of its own")
	}
	return found
}

func checkThrottles(in infra) (found []string) {
	if target(at(in.template, "Resources", "Api", "Properties", "DefaultRouteSettings", "ThrottlingRateLimit")) != "ThrottleRate" {
		found = append(found, "Api: has no default throttle")
	}
	settings, _ := at(in.template, "Resources", "Api", "Properties", "RouteSettings").(node)
	for route, want := range routes {
		if !want.iam && (target(at(settings, route, "ThrottlingRateLimit")) != "PublicThrottleRate" || target(at(settings, route, "ThrottlingBurstLimit")) != "PublicThrottleBurst") {
			found = append(found, route+": public, but without the public throttle")
		}
	}
	for route := range settings {
		if _, ok := routes[route]; !ok {
			found = append(found, route+": has settings but does not exist, so the deployment would fail")
		}
	}
	return found
}

func checkAccessLog(in infra) (found []string) {
	format := text(in.template, "Resources", "Api", "Properties", "AccessLogSettings", "Format")
	if format == "" {
		return []string{"Api: has no access log"}
	}
	if !strings.Contains(format, "$context.routeKey") {
		found = append(found, "the access log does not say which route was asked for")
	}
	for _, secret := range []string{"path", "querystring", "$context.identity", "userAgent", "sourceIp"} {
		if strings.Contains(strings.ToLower(format), strings.ToLower(secret)) {
			found = append(found, "the access log holds "+secret+": a link or webhook token, a payment key or the buyer's address")
		}
	}
	return found
}

// checkAlarms: one filter counts each event that is listed, under its name, and each has its alarm, which tells somebody.
func checkAlarms(in infra) (found []string) {
	const namespace = "map[Fn::Sub:tosspay/${AWS::StackName}]"
	filter := at(in.template, "Resources", "EventsFilter", "Properties")
	transformation := "[map[Dimensions:[map[Key:event Value:$.event]] MetricName:Events MetricNamespace:" + namespace + " MetricValue:1]]"
	if got := fmt.Sprint(at(filter, "MetricTransformations")); got != transformation || target(at(filter, "LogGroupName")) != "Logs" {
		found = append(found, "EventsFilter: must count the functions' events by name: "+got)
	}
	var clauses []string
	for _, event := range slices.Sorted(maps.Keys(alarmed)) {
		clauses = append(clauses, `($.event = "`+event+`")`)
	}
	pattern := strings.TrimSuffix(strings.TrimPrefix(text(filter, "FilterPattern"), "{ "), " }")
	if got := slices.Sorted(slices.Values(strings.Split(pattern, " || "))); !slices.Equal(got, clauses) {
		found = append(found, fmt.Sprintf("EventsFilter: counts %v, want %v", got, clauses))
	}
	alarms := resources(in, "AWS::CloudWatch::Alarm")
	for event, name := range alarmed {
		p := at(alarms[name], "Properties")
		got := fmt.Sprintln(at(p, "Namespace"), at(p, "MetricName"), at(p, "Dimensions"), at(p, "Statistic"), at(p, "Threshold"), at(p, "ComparisonOperator"))
		if strings.TrimSpace(got) != namespace+" Events [map[Name:event Value:"+event+"]] Sum 1 GreaterThanOrEqualToThreshold" {
			found = append(found, fmt.Sprintf("%s: must fire at one %s, watches %s", name, event, got))
		}
	}
	for name, alarm := range alarms {
		if !strings.Contains(fmt.Sprint(at(alarm, "Properties", "AlarmActions")), "AlarmTopicArn") {
			found = append(found, name+": tells nobody")
		}
	}
	api := at(alarms["ApiServerErrors"], "Properties")
	if got := fmt.Sprintln(at(api, "Namespace"), at(api, "MetricName"), at(api, "Dimensions")); got != "AWS/ApiGateway 5xx [map[Name:ApiId Value:map[Ref:Api]]]\n" {
		found = append(found, "ApiServerErrors: no alarm on the API's own 5xx: "+got)
	}
	for name := range resources(in, "AWS::Serverless::Function") {
		for _, metric := range []string{"Errors", "Throttles"} {
			alarm := alarms[strings.TrimSuffix(name, "Function")+metric]
			if text(alarm, "Properties", "MetricName") != metric || !strings.Contains(fmt.Sprint(at(alarm, "Properties", "Dimensions")), name) {
				found = append(found, name+": no alarm on "+metric)
			}
		}
	}
	return found
}

func checkParameters(in infra) (found []string) {
	parameters, _ := in.template["Parameters"].(node)
	for name, p := range parameters {
		if text(p, "Description") == "" || text(p, "ConstraintDescription") == "" {
			found = append(found, name+": needs a Description and a ConstraintDescription")
		}
		limited := at(p, "AllowedValues") != nil || (at(p, "MinValue") != nil && at(p, "MaxValue") != nil)
		if pattern := text(p, "AllowedPattern"); pattern != "" {
			limited = !regexp.MustCompile(pattern).MatchString("anything at all, whatever it is")
		}
		if !limited {
			found = append(found, name+": takes anything")
		}
	}
	if strings.Contains(fmt.Sprint(at(parameters, "LogLevel", "AllowedValues")), "error") {
		found = append(found, "LogLevel: at error the warning of a tampered amount would not reach its alarm")
	}
	if len(parameters) == 0 {
		found = append(found, "no parameters")
	}
	return found
}

// checkValidate: with lint = true `sam validate` looks at the source only.
func checkValidate(in infra) (found []string) {
	if regexp.MustCompile(`(?m)^\s*lint\s*=\s*true`).MatchString(in.samconfig) {
		found = append(found, "samconfig.toml: remove lint = true, or a plain `sam validate` accepts what sam deploy refuses")
	}
	return found
}

// readInfra reads the two files, with old replaced by new in whichever holds it. No old means as they are.
func readInfra(t *testing.T, old, new string) infra {
	t.Helper()
	template, err1 := os.ReadFile("template.yaml")
	samconfig, err2 := os.ReadFile("samconfig.toml")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a, b := string(template), string(samconfig)
	if old != "" {
		if !strings.Contains(a+b, old) {
			t.Fatalf("neither template.yaml nor samconfig.toml holds %q any more: bring this test up to date", old)
		}
		a, b = strings.Replace(a, old, new, 1), strings.Replace(b, old, new, 1)
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(a), &document); err != nil {
		t.Fatalf("template.yaml: %v", err)
	}
	return infra{template: plain(document.Content[0]).(node), samconfig: b}
}

// plain turns a YAML node into maps, lists and scalars, with each short tag as the function it stands for.
func plain(n *yaml.Node) any {
	var value any
	switch n.Kind {
	case yaml.MappingNode:
		m := node{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		value = m
	case yaml.SequenceNode:
		l := make([]any, len(n.Content))
		for i, c := range n.Content {
			l[i] = plain(c)
		}
		value = l
	default:
		value = n.Value
		if n.Tag == "!!bool" {
			value = n.Value == "true"
		}
	}
	switch {
	case n.Tag == "!Ref":
		return node{"Ref": value}
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		return node{"Fn::" + n.Tag[1:]: value}
	}
	return value
}

// resources are the template's resources of one type, by name.
func resources(in infra, kind string) map[string]node {
	found := map[string]node{}
	all, _ := in.template["Resources"].(node)
	for name, r := range all {
		if text(r, "Type") == kind {
			found[name] = r.(node)
		}
	}
	return found
}

// statements are those of a role's inline policies.
func statements(role node) (all []node) {
	for _, policy := range list(at(role, "Properties", "Policies")) {
		for _, s := range list(at(policy, "PolicyDocument", "Statement")) {
			all = append(all, s.(node))
		}
	}
	return all
}

// at follows a path of keys; nil when a step is missing.
func at(v any, path ...string) any {
	for _, key := range path {
		m, _ := v.(node)
		v = m[key]
	}
	return v
}

// text is the string at a path, or "".
func text(v any, path ...string) string {
	s, _ := at(v, path...).(string)
	return s
}

// targets is the same for one or several.
func targets(v any) string {
	all := list(v)
	if all == nil {
		return target(v)
	}
	var names []string
	for _, one := range all {
		if choice := list(at(one, "Fn::If")); len(choice) == 3 && target(choice[2]) == "AWS::NoValue" { // there when its resource is
			one = choice[1]
		}
		names = append(names, target(one))
	}
	return strings.Join(names, " ")
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// target is what a !Ref or !GetAtt points to, or else the value printed, which then equals no target.
func target(v any) string {
	if m, ok := v.(node); ok && len(m) == 1 {
		for _, key := range []string{"Ref", "Fn::GetAtt"} {
			if s, ok := m[key].(string); ok {
				return s
			}
		}
	}
	return fmt.Sprint(v)
}
