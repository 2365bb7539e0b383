"""What LocalStack's CloudFormation does otherwise than the real one, where this stack meets it. Nothing of it touches what is deployed."""

from types import SimpleNamespace

from localstack.runtime import hooks

_KEPT = ("Retain", "RetainExceptOnCreate")


@hooks.on_infra_start()
def adjust():
    from localstack.services.cloudformation.engine.v2.change_set_model import ChangeSetModel
    from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
    from localstack.services.cloudformation.v2.provider import CloudformationProviderV2

    ResourceProviderExecutor.deploy_loop = _deploy_loop(ResourceProviderExecutor.deploy_loop)
    CloudformationProviderV2._setup_change_set_model = _setup_change_set_model(CloudformationProviderV2._setup_change_set_model)
    ChangeSetModel._retrieve_or_visit_resource = _visit_once(ChangeSetModel._retrieve_or_visit_resource)


def _deploy_loop(original):
    """LocalStack deletes what DeletionPolicy keeps. And it asks every 5 s whether a resource is ready; its functions are ready at once."""
    from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent

    def deploy_loop(self, provider, resource, payload, **settings):
        if payload["action"] == "Remove" and _policy(payload) in _KEPT:
            return ProgressEvent(status=OperationStatus.SUCCESS, resource_model={})
        return original(self, provider, resource, payload, max_timeout=60, sleep_time=0.2, **settings)

    return deploy_loop


def _policy(payload) -> str | None:
    from localstack.services.cloudformation.stores import get_cloudformation_store
    from localstack.services.cloudformation.v2.provider import find_stack_v2

    stack = find_stack_v2(get_cloudformation_store(payload["awsAccountId"], payload["region"]), payload["stackId"])
    name = payload["requestData"]["logicalResourceId"]
    return (stack.processed_template or {}).get("Resources", {}).get(name, {}).get("DeletionPolicy")


def _visit_once(original):
    """An update is first compared before SAM's transform, where a function still has its events inside, and the schedule's role in them names the
    function: LocalStack follows such a circle for ever. A real circle is found all the same, in the transformed template."""
    from localstack.services.cloudformation.engine.v2.change_set_model import ChangeType

    unchanged = SimpleNamespace(change_type=ChangeType.UNCHANGED, properties=SimpleNamespace(properties=[]))

    def visit(self, resource_name):
        inside = self.__dict__.setdefault("_rehearsal_inside", set())
        if resource_name in inside:
            return unchanged
        inside.add(resource_name)
        try:
            return original(self, resource_name)
        finally:
            inside.remove(resource_name)

    return visit


def _setup_change_set_model(original):
    """LocalStack resolves resources and outputs whose condition does not hold, and stumbles over what they refer to. They are taken out."""

    def setup(cls, change_set, before_template, after_template, before_parameters, after_parameters, *rest, **more):
        before, after = _living(before_template, before_parameters), _living(after_template, after_parameters)
        return original(change_set, before, after, before_parameters, after_parameters, *rest, **more)

    return classmethod(setup)


def _living(template, parameters):
    if not isinstance(template, dict):
        return template  # there was none before
    conditions = template.get("Conditions", {})

    def value(part):
        if not isinstance(part, dict):
            return part
        function, arguments = next(iter(part.items()))
        match function:
            case "Ref":
                given = (parameters or {}).get(arguments)
                if isinstance(given, dict):
                    given = given.get("resolved_value") or given.get("given_value")
                return template["Parameters"][arguments].get("Default") if given is None else given
            case "Condition":
                return value(conditions[arguments])
            case "Fn::Equals":
                return str(value(arguments[0])) == str(value(arguments[1]))
            case "Fn::Not":
                return not value(arguments[0])
            case "Fn::And":
                return all(map(value, arguments))
            case "Fn::Or":
                return any(map(value, arguments))
        raise ValueError(f"{function} in a condition: tools/rehearse does not know it")

    living = dict(template)
    for section in ("Resources", "Outputs"):
        living[section] = {
            name: item for name, item in template.get(section, {}).items() if "Condition" not in item or value(conditions[item["Condition"]])
        }
    return living
