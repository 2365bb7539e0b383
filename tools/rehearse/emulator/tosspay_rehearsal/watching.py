"""Metric filters and dashboards: LocalStack has their APIs, and no CloudFormation resource that calls them."""

import json

from localstack.services.cloudformation.provider_utils import generate_default_name
from localstack.services.cloudformation.resource_provider import ResourceProvider

from .resource import done, plugin, refused


class MetricFilter(ResourceProvider):
    TYPE = "AWS::Logs::MetricFilter"
    SCHEMA = {"typeName": TYPE, "primaryIdentifier": ["/properties/FilterName"], "properties": {}}

    def create(self, request):
        model = request.desired_state
        model.setdefault("FilterName", generate_default_name(request.stack_name, request.logical_resource_id))
        return self._put(request, model)

    def update(self, request):
        model = request.desired_state
        model["FilterName"] = request.previous_state["FilterName"]
        return self._put(request, model)

    def delete(self, request):
        logs, model = request.aws_client_factory.logs, request.desired_state
        try:
            logs.delete_metric_filter(logGroupName=model["LogGroupName"], filterName=model["FilterName"])
        except logs.exceptions.ResourceNotFoundException:
            pass  # it went with its log group
        return done(model)

    @staticmethod
    def _put(request, model):
        metrics = [{key[0].lower() + key[1:]: value for key, value in m.items()} for m in model["MetricTransformations"]]
        for metric in metrics:
            metric["metricValue"] = str(metric["metricValue"])
            if "defaultValue" in metric:
                metric["defaultValue"] = float(metric["defaultValue"])
            if "dimensions" in metric:  # a list in CloudFormation, an object in the API
                metric["dimensions"] = {each["Key"]: each["Value"] for each in metric["dimensions"]}
        request.aws_client_factory.logs.put_metric_filter(
            logGroupName=model["LogGroupName"],
            filterName=model["FilterName"],
            filterPattern=model["FilterPattern"],
            metricTransformations=metrics,
        )
        return done(model)


class Dashboard(ResourceProvider):
    TYPE = "AWS::CloudWatch::Dashboard"
    SCHEMA = {"typeName": TYPE, "primaryIdentifier": ["/properties/DashboardName"], "properties": {}}

    def create(self, request):
        model = request.desired_state
        model.setdefault("DashboardName", generate_default_name(request.stack_name, request.logical_resource_id))
        return self._put(request, model)

    def update(self, request):
        model = request.desired_state
        model["DashboardName"] = request.previous_state["DashboardName"]
        return self._put(request, model)

    def delete(self, request):
        model = request.desired_state
        request.aws_client_factory.cloudwatch.delete_dashboards(DashboardNames=[model["DashboardName"]])
        return done(model)

    @staticmethod
    def _put(request, model):
        try:
            json.loads(model["DashboardBody"])
        except ValueError as error:
            return refused(f"The dashboard body is invalid: {error}")
        request.aws_client_factory.cloudwatch.put_dashboard(
            DashboardName=model["DashboardName"], DashboardBody=model["DashboardBody"]
        )
        return done(model)


MetricFilterPlugin = plugin(MetricFilter)
DashboardPlugin = plugin(Dashboard)
