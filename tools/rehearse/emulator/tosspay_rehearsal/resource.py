"""What the resource providers of this folder share."""

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
)


def done(model: dict) -> ProgressEvent:
    return ProgressEvent(status=OperationStatus.SUCCESS, resource_model=model)


def refused(reason: str) -> ProgressEvent:
    """As CloudFormation would: the stack rolls back with this reason."""
    return ProgressEvent(status=OperationStatus.FAILED, resource_model={}, message=reason)


def plugin(provider: type) -> type[CloudFormationResourceProviderPlugin]:
    """The class through which LocalStack finds a resource provider."""

    class Found(CloudFormationResourceProviderPlugin):
        name = provider.TYPE

        def __init__(self):
            self.factory = None

        def load(self):
            self.factory = provider

    return Found
