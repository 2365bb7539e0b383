"""DynamoDB in the place of DynamoDB Local, which is no package of any registry: the moto that LocalStack brings along."""

import threading

from localstack.aws.api import RequestContext
from localstack.aws.api.dynamodb import DynamodbApi
from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi
from localstack.aws.forwarder import ForwardingFallbackDispatcher
from localstack.services.moto import call_moto
from localstack.services.plugins import Service, aws_provider

# moto checks a condition and writes in two steps, so that two requests side by side could both win.
_one_at_a_time = threading.Lock()


class Table(DynamodbApi):
    """Has no operation of its own: each falls through to moto."""


class Streams(DynamodbstreamsApi):
    """The same for the tables' streams."""


def _forward(context: RequestContext, _request):
    with _one_at_a_time:
        return call_moto(context)


def _service(provider) -> Service:
    return Service.for_provider(provider, dispatch_table_factory=lambda it: ForwardingFallbackDispatcher(it, _forward))


@aws_provider(api="dynamodb", name="rehearsal")
def dynamodb():
    return _service(Table())


@aws_provider(api="dynamodbstreams", name="rehearsal")
def dynamodbstreams():
    return _service(Streams())
