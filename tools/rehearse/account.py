"""The emulator's account as a deployed stack left it, read back through the services' own APIs."""

import json
from collections import Counter

import boto3

from stage import REGION, expect

# What stands behind "deployed" for each type of the template, to be read with each run. LocalStack's free core deploys these itself:
EMULATOR = "LocalStack"
OURS = "plugin of this repository"
NOTES = {
    "AWS::ApiGatewayV2::Api": (OURS, "LocalStack has no HTTP APIs; SAM's Body is imported, and its routes served, by tools/rehearse"),
    "AWS::ApiGatewayV2::Stage": (OURS, "route settings and log format are checked; nothing is throttled, no access log is written"),
    "AWS::CloudWatch::Alarm": (EMULATOR, "made; no metric reaches it here"),
    "AWS::CloudWatch::Dashboard": (OURS, "put through LocalStack's CloudWatch; nothing draws it"),
    "AWS::DynamoDB::Table": (EMULATOR, "on moto in the place of DynamoDB Local; without PITR and deletion protection"),
    "AWS::Events::EventBus": (EMULATOR, "takes the events; nobody listens"),
    "AWS::IAM::ManagedPolicy": (EMULATOR, "stored; nothing enforces it"),
    "AWS::IAM::Role": (EMULATOR, "enforced for each call of a function by tools/rehearse, in the place of LocalStack"),
    "AWS::KMS::Key": (EMULATOR, "made; it encrypts nothing here"),
    "AWS::Lambda::EventInvokeConfig": (EMULATOR, "stored"),
    "AWS::Lambda::EventSourceMapping": (EMULATOR, "polls the queue and the table's stream, and invokes the function"),
    "AWS::Lambda::Function": (EMULATOR, "run as a process by tools/rehearse, for LocalStack knows only Docker"),
    "AWS::Lambda::Permission": (EMULATOR, "checked by tools/rehearse on each request through the API"),
    "AWS::Logs::LogGroup": (EMULATOR, "without its retention"),
    "AWS::Logs::MetricFilter": (OURS, "put through LocalStack's Logs; no metric comes of it"),
    "AWS::SQS::Queue": (EMULATOR, ""),
    "AWS::SQS::QueuePolicy": (EMULATOR, "stored; nothing enforces it"),
    "AWS::Scheduler::Schedule": (EMULATOR, "stored; LocalStack never fires it, the rehearsal did what it says, once"),
    "AWS::SecretsManager::Secret": (EMULATOR, ""),
    "AWS::SecretsManager::ResourcePolicy": (EMULATOR, "stored; nothing enforces it"),
}


class Account:
    def __init__(self, endpoint: str):
        self._endpoint = endpoint

    def client(self, service: str):
        return boto3.client(
            service, endpoint_url=self._endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )

    def resources(self, stack: str) -> dict[str, dict]:
        """By logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        return {r["LogicalResourceId"]: r for page in pages for r in page["StackResourceSummaries"]}

    def outputs(self, stack: str) -> dict[str, str]:
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    def template(self, stack: str) -> dict:
        """After SAM's transform."""
        body = self.client("cloudformation").get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        return json.loads(body) if isinstance(body, str) else body

    def failures(self, stack: str) -> list[str]:
        """Why resources could not be made, the first failure first."""
        formation = self.client("cloudformation")
        try:
            events = formation.describe_stack_events(StackName=stack)["StackEvents"]
        except formation.exceptions.ClientError:
            return []  # not even a change set was made of it
        reasons = [(e["Timestamp"], e["LogicalResourceId"], e.get("ResourceStatusReason")) for e in events if e["ResourceStatus"].endswith("_FAILED")]
        return [f"{name}: {reason}" for _, name, reason in sorted(reasons) if reason]

    def check_deployed(self, stack: str):
        """Each resource of the transformed template is there and complete. The emulator keeps it without those whose condition does not hold."""
        resources, template = self.resources(stack), self.template(stack)
        for name, resource in template["Resources"].items():
            expect(name in resources, f"{stack}: {name} ({resource['Type']}) was not deployed")
            status = resources[name]["ResourceStatus"]
            expect(status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), f"{stack}: {name} is {status}")

    def table(self, stack: str) -> list[str]:
        """One line for each resource type: how many, who deployed it, what is not done."""
        counted = Counter(resource["ResourceType"] for resource in self.resources(stack).values())
        lines = []
        for kind, number in sorted(counted.items()):
            who, note = NOTES.get(kind, (EMULATOR, "what the emulator does with it has not been looked at: add a line to tools/rehearse"))
            lines.append(f"{kind:34} {number:3} deployed by {who}" + (f"; {note}" if note else ""))
        return lines

    def everything(self) -> dict[str, set[str]]:
        """What there is in the account, by resource type, with the names that CloudFormation knows it by."""
        logs, watch, lambdas = self.client("logs"), self.client("cloudwatch"), self.client("lambda")
        secrets = self.client("secretsmanager").list_secrets()["SecretList"]
        return {
            "AWS::CloudWatch::Alarm": {a["AlarmName"] for p in watch.get_paginator("describe_alarms").paginate() for a in p["MetricAlarms"]},
            "AWS::CloudWatch::Dashboard": {d["DashboardName"] for d in watch.list_dashboards()["DashboardEntries"]},
            "AWS::DynamoDB::Table": set(self.client("dynamodb").list_tables()["TableNames"]),
            "AWS::Events::EventBus": {b["Name"] for b in self.client("events").list_event_buses()["EventBuses"]},
            "AWS::IAM::Role": {r["RoleName"] for p in self.client("iam").get_paginator("list_roles").paginate() for r in p["Roles"]},
            "AWS::Lambda::EventSourceMapping": {m["UUID"] for m in lambdas.list_event_source_mappings()["EventSourceMappings"]},
            "AWS::Lambda::Function": {f["FunctionName"] for p in lambdas.get_paginator("list_functions").paginate() for f in p["Functions"]},
            "AWS::Logs::LogGroup": {g["logGroupName"] for p in logs.get_paginator("describe_log_groups").paginate() for g in p["logGroups"]},
            "AWS::Logs::MetricFilter": {f["filterName"] for f in logs.describe_metric_filters()["metricFilters"]},
            "AWS::SQS::Queue": set(self.client("sqs").list_queues().get("QueueUrls", [])),
            "AWS::Scheduler::Schedule": {s["Name"] for s in self.client("scheduler").list_schedules()["Schedules"]},
            "AWS::SecretsManager::Secret": {s["ARN"] for s in secrets},
        }
