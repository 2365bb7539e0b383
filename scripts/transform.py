"""transform.py TEMPLATE...: SAM templates as CloudFormation gets them, a line of JSON each.

SAM's own translator makes them, inside the SAM CLI's environment: $(scripts/tool sam)/bin/python scripts/transform.py template.yaml
One that it refuses becomes {"refused": "why"}. It calls nobody.
"""

import json
import sys

from samcli.commands.validate.lib.exceptions import InvalidSamDocumentException
from samcli.lib.translate import sam_template_validator
from samcli.yamlhelper import yaml_parse


class NoManagedPolicies:
    """The service would look AWS's managed policies up by name; no function here may have one."""

    def load(self):
        raise InvalidSamDocumentException("a policy is named, and not written out")


# The validator prints what it makes, twice. As YAML that takes most of the time.
sam_template_validator.yaml_dump = json.dumps


def transformed(path):
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    try:
        validator = sam_template_validator.SamTemplateValidator(template, NoManagedPolicies(), region="ap-northeast-2")
        return json.loads(validator.get_translated_template_if_valid())
    except InvalidSamDocumentException as refusal:
        return {"refused": str(refusal)}


for path in sys.argv[1:]:
    print(json.dumps(transformed(path)))
