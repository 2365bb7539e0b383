"""The deployed roles, enforced for the functions: LocalStack's free core lets everybody do everything.

Understood are Allow statements with Action and Resource, and nothing else: an Allow with a Condition allows nothing here, and any Deny that
matches denies. That is enough for roles written as this template's are, and errs on the side of a refusal.
"""

import fnmatch
import logging

from localstack.runtime import hooks

LOG = logging.getLogger(__name__)

# The access key of each running function, and the ARN of its role.
callers: dict[str, str] = {}

# Where the permission is named otherwise than the operation.
_ACTIONS = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}


def allowed(statements: list[dict], action: str, resource: str) -> bool:
    """Whether a role with these statements may do the action on the resource, an ARN."""
    granted = False
    for statement in statements:
        if not (_matches(statement.get("Action"), action) and _matches(statement.get("Resource"), resource)):
            continue
        if statement["Effect"] == "Deny":
            return False
        granted = granted or "Condition" not in statement
    return granted


def _matches(patterns, value: str) -> bool:
    patterns = [patterns] if isinstance(patterns, str) else patterns or []
    return any(fnmatch.fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


def statements(iam, role: str) -> list[dict]:
    """Of a role's own and attached policies, by its name. iam is a client."""
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in iam.list_role_policies(RoleName=role)["PolicyNames"]]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
    return [each for document in documents for each in document["Statement"]]


def resource(service: str, request: dict, account: str, region: str) -> str:
    """The ARN that a function's call is about."""
    if service == "dynamodb":
        arn = f"arn:aws:dynamodb:{region}:{account}:table/{request['TableName']}"
        return arn + (f"/index/{request['IndexName']}" if "IndexName" in request else "")
    if service == "sqs":
        return f"arn:aws:sqs:{region}:{account}:{request['QueueUrl'].rsplit('/', 1)[1]}"
    if service == "events":
        bus = request["Entries"][0].get("EventBusName", "default")
        return bus if bus.startswith("arn:") else f"arn:aws:events:{region}:{account}:event-bus/{bus}"
    return request.get("SecretId", "*")


def enforce(_chain, context, _response):
    from localstack.aws.api import CommonServiceException
    from localstack.aws.connect import connect_to

    credential = context.request.headers.get("Authorization", "").partition("Credential=")[2].split("/")[0]
    role = callers.get(credential)
    if role is None or context.service is None or context.operation is None:
        return
    action = f"{context.service.service_name}:{_ACTIONS.get(context.operation.name, context.operation.name)}"
    arn = resource(context.service.service_name, context.service_request, context.account_id, context.region)
    iam = connect_to(region_name=context.region, aws_access_key_id=context.account_id).iam
    if not allowed(statements(iam, role.rsplit("/", 1)[1]), action, arn):
        reason = f"{role} is not authorized to perform: {action} on resource: {arn}"
        LOG.warning("denied: %s", reason)
        raise CommonServiceException("AccessDeniedException", reason, 400, True)


@hooks.on_infra_start()
def install():
    from localstack.aws import handlers

    handlers.serve_custom_service_request_handlers.append(enforce)
