"""HTTP APIs: LocalStack's free core has none. The Body that SAM wrote is read as API Gateway's import reads it, and served under the API's own
host name: routes, payload format 2.0, the permission of API Gateway to invoke the function, and AWS_IAM as "signed for execute-api".

What AWS does with more care: whose signature it is and what that caller may do, throttling, access logs.
"""

import base64
import fnmatch
import json
import re
import time
import urllib.parse
import uuid

from localstack.aws.connect import connect_to
from localstack.http import Response
from localstack.services.cloudformation.resource_provider import ResourceProvider
from localstack.services.edge import ROUTER

from .resource import done, plugin, refused

_METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "x-amazon-apigateway-any-method"}
_FUNCTION = re.compile(r"/functions/(arn:[^/]+)/invocations$")
_ROUTE = "<regex('[a-z0-9]+'):api_id>.execute-api.<regex('[a-z0-9-]+'):region>.amazonaws.com<regex('(:[0-9]+)?'):port>"

_apis: dict[str, "HttpApi"] = {}


class HttpApi:
    """One deployed API."""

    def __init__(self, id: str, account: str, region: str, body: dict):
        self.id, self.account, self.region = id, account, region
        self.routes = {}  # route key: function ARN, needs IAM
        for path, item in body.get("paths", {}).items():
            for method, operation in item.items():
                if method in _METHODS:
                    self.routes[f"{method.upper()} {path}"] = self._read(path, operation)

    @staticmethod
    def _read(path: str, operation: dict) -> tuple[str, bool]:
        integration = operation.get("x-amazon-apigateway-integration")
        if not integration or integration.get("type") != "aws_proxy":
            raise ValueError(f"{path}: no aws_proxy integration")
        if integration.get("payloadFormatVersion") != "2.0":
            raise ValueError(f"{path}: payloadFormatVersion is not 2.0")
        found = _FUNCTION.search(str(integration.get("uri")))
        if not found:
            raise ValueError(f"{path}: the integration's uri names no function: {integration.get('uri')}")
        return found.group(1), any("AWS_IAM" in scheme for scheme in operation.get("security", []))

    def find(self, method: str, path: str) -> tuple[str, dict] | None:
        """The route key of a request and its path parameters. A literal part goes before a parameter."""
        for key in sorted(self.routes, key=lambda key: key.count("{")):
            if key.split(" ")[0] not in (method, "X-AMAZON-APIGATEWAY-ANY-METHOD"):
                continue
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(key.split(" ", 1)[1]))
            if found := re.fullmatch(pattern, path):
                return key, found.groupdict()
        return None

    def may_invoke(self, key: str, function: str) -> bool:
        """Whether the function's own policy lets this API's route invoke it."""
        source = f"arn:aws:execute-api:{self.region}:{self.account}:{self.id}/$default/{key.replace(' ', '', 1)}"
        lambdas = connect_to(region_name=self.region, aws_access_key_id=self.account).lambda_
        try:
            policy = json.loads(lambdas.get_policy(FunctionName=function)["Policy"])
        except lambdas.exceptions.ResourceNotFoundException:
            return False
        for statement in policy["Statement"]:
            service = statement["Principal"].get("Service") if isinstance(statement["Principal"], dict) else None
            arn = next(iter(statement.get("Condition", {}).get("ArnLike", {}).values()), "*")
            if service == "apigateway.amazonaws.com" and fnmatch.fnmatchcase(source, arn):
                return True
        return False

    def invoke(self, function: str, event: dict) -> Response:
        lambdas = connect_to(region_name=self.region, aws_access_key_id=self.account).lambda_
        result = lambdas.invoke(FunctionName=function, Payload=json.dumps(event))
        answer = json.loads(result["Payload"].read() or "null")
        if "FunctionError" in result or not isinstance(answer, dict) or "statusCode" not in answer:
            return message(500, "Internal Server Error", str(answer))
        body = answer.get("body") or ""
        response = Response(base64.b64decode(body) if answer.get("isBase64Encoded") else body, status=answer["statusCode"])
        for name, value in (answer.get("headers") or {}).items():
            response.headers[name] = value
        for cookie in answer.get("cookies") or []:
            response.headers.add("Set-Cookie", cookie)
        return response


def message(status: int, text: str, cause: str = "") -> Response:
    """What API Gateway answers itself. The cause is for the rehearsal's reader; the cloud keeps it to its access log."""
    response = Response(json.dumps({"message": text}), status=status, content_type="application/json")
    if cause:
        response.headers["X-Rehearsal-Cause"] = " ".join(cause.split())[:2000]
    return response


def serve(request, api_id, **_rest) -> Response:
    api = _apis.get(api_id)
    if api is None:
        return message(404, "Not Found", f"there is no API {api_id}")
    found = api.find(request.method, request.path)
    if found is None:
        return message(404, "Not Found", "no route")
    key, parameters = found
    function, needs_iam = api.routes[key]
    if needs_iam and "/execute-api/aws4_request" not in request.headers.get("Authorization", ""):
        return message(403, "Forbidden", "AWS_IAM, and not signed for execute-api")
    if not api.may_invoke(key, function):
        return message(500, "Internal Server Error", f"API Gateway may not invoke {function} for {key}")
    return api.invoke(function, event(request, api, key, parameters, needs_iam))


def event(request, api: HttpApi, key: str, parameters: dict, needs_iam: bool) -> dict:
    """Payload format 2.0."""
    headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in ("cookie", "connection")}
    query = request.query_string.decode()
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    arguments = {name: ",".join(value for other, value in pairs if other == name) for name, _ in pairs}
    content, kind = request.get_data(), request.headers.get("Content-Type", "")
    text = not content or kind.startswith(("text/", "application/json"))
    context = {
        "accountId": api.account, "apiId": api.id, "stage": "$default", "routeKey": key, "requestId": uuid.uuid4().hex[:15] + "=",
        "domainName": f"{api.id}.execute-api.{api.region}.amazonaws.com", "domainPrefix": api.id, "timeEpoch": int(time.time() * 1000),
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
        "http": {
            "method": request.method, "path": request.path, "protocol": "HTTP/1.1", "sourceIp": request.remote_addr or "127.0.0.1",
            "userAgent": request.headers.get("User-Agent", ""),
        },
    }
    if needs_iam:
        context["authorizer"] = {"iam": {"accountId": api.account, "userArn": f"arn:aws:iam::{api.account}:root"}}
    made = {
        "version": "2.0", "routeKey": key, "rawPath": request.path, "rawQueryString": query, "headers": headers, "requestContext": context,
        "isBase64Encoded": not text,
    }
    if "Cookie" in request.headers:
        made["cookies"] = request.headers["Cookie"].split("; ")
    if arguments:
        made["queryStringParameters"] = arguments
    if parameters:
        made["pathParameters"] = {name: urllib.parse.unquote(value) for name, value in parameters.items()}
    if content:
        made["body"] = content.decode() if text else base64.b64encode(content).decode()
    return made


class Api(ResourceProvider):
    TYPE = "AWS::ApiGatewayV2::Api"
    SCHEMA = {"typeName": TYPE, "primaryIdentifier": ["/properties/ApiId"], "properties": {}}

    def create(self, request):
        model = request.desired_state
        model["ApiId"] = uuid.uuid4().hex[:10]
        return self._put(request, model)

    def update(self, request):
        model = request.desired_state
        model["ApiId"] = request.previous_state["ApiId"]
        return self._put(request, model)

    def delete(self, request):
        _apis.pop(request.desired_state["ApiId"], None)
        return done(request.desired_state)

    @staticmethod
    def _put(request, model):
        model["ApiEndpoint"] = f"https://{model['ApiId']}.execute-api.{request.region_name}.amazonaws.com"
        try:
            if not _apis:
                ROUTER.add("/<path:path>", serve, host=_ROUTE)
                ROUTER.add("/", serve, host=_ROUTE)
            _apis[model["ApiId"]] = HttpApi(model["ApiId"], request.account_id, request.region_name, model["Body"])
        except ValueError as error:
            return refused(f"Warnings found during import: {error}")
        return done(model)


class Stage(ResourceProvider):
    TYPE = "AWS::ApiGatewayV2::Stage"
    SCHEMA = {"typeName": TYPE, "primaryIdentifier": ["/properties/ApiId", "/properties/StageName"], "properties": {}}

    def create(self, request):
        model = request.desired_state
        api = _apis.get(model["ApiId"])
        if api is None:
            return refused(f"Invalid API identifier specified {model['ApiId']}")
        for key in model.get("RouteSettings") or {}:
            if key not in api.routes:
                return refused(f"Unable to find Route by key {key} within the provided RouteSettings")
        access = model.get("AccessLogSettings") or {}
        if access and ("\n" in access["Format"] or "$context.requestId" not in access["Format"]):
            return refused("Access Log format must be single line, new line character is allowed only at end of the format, with $context.requestId")
        return done(model)

    update = create

    def delete(self, request):
        return done(request.desired_state)


ApiPlugin = plugin(Api)
StagePlugin = plugin(Stage)
