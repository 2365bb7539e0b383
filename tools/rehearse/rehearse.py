"""A deployment rehearsed on this machine: scripts/rehearse says what for, docs/operations.md what it proves and what it does not."""

import argparse
import hashlib
import json
import shlex
import shutil
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import buyer
from tosspay_rehearsal import permissions
from account import Account
from stage import REGION, REPO, Failed, Progress, Stage, expect, new_token, raise_on_signals, say

STACK = "tosspay-sam"  # of samconfig.toml
SECOND = "tosspay-second"
TOSS = {"TossClientKey": "test_ck_SimulatorOnlyNotARealKey"}
PORTONE = {"PortOneUserCode": "imp00000000", "PortOneMid": "tosstest"}
KEYS = {  # of the simulated providers
    "PutTossSecretCommand": ("toss-secret.json", {"secretKey": "test_sk_SimulatorOnlyNotARealKey"}),
    "PutPortOneSecretCommand": ("portone-secret.json", {"impKey": "SimulatorOnlyImpKey", "impSecret": "SimulatorOnlyImpSecretNotARealSecret"}),
}
KEPT = ("Table", "TossSecret", "PortOneSecret")  # when the stack goes
CHARGE_SECONDS = 60  # from a tick to a recorded charge; the queue's poller takes about two


def main() -> int:
    arguments = argparse.ArgumentParser(prog="scripts/rehearse", description=__doc__)
    arguments.add_argument("--template", type=Path, default=REPO / "template.yaml", help="another template of these functions")
    arguments.add_argument("--keep", action="store_true", help="keep the work folder with every log")
    arguments.add_argument("--sam", type=Path, required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--localstack", type=Path, required=True, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    raise_on_signals()
    progress, work = Progress(), Path(tempfile.mkdtemp(prefix="tosspay-rehearsal-"))
    stage, failure = Stage(work, options.sam, options.localstack), None
    try:
        Rehearsal(stage, progress).run(options.template.resolve())
    except Failed as error:
        failure = "\n    ".join([str(error), *stage.denied()])
    finally:
        stage.close()
        if options.keep:
            say(f"logs: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    if failure:
        say(f"\nFAIL after {progress.seconds()} s: {failure}")
        return 1
    say(f"\nPASS in {progress.seconds()} s")
    return 0


class Rehearsal:
    def __init__(self, stage: Stage, progress: Progress):
        self.stage, self.progress, self.token = stage, progress, new_token()

    def run(self, template: Path):
        stage, progress = self.stage, self.progress
        progress("sam build")
        stage.build_functions(template)
        progress("LocalStack and the simulated providers start")
        twins = Background(stage.build_twins)
        stage.start_providers()
        stage.start_emulator()
        self.account = Account(stage.emulator)
        progress(f"sam deploy: {STACK}, with PortOne")
        self.digests = "WebhookTokenSha256:" in template.read_text()
        self.deploy("deploy", STACK, TOSS | PORTONE | self.webhook(self.token))
        self.account.check_deployed(STACK)
        if number := twins.result():
            progress(f"{number} functions are arm64 and this machine is not: their twins run, of the same sources and flags")
        api = self.put_secrets(STACK)
        self.trade(api)
        self.charge(api)
        self.second_stack()
        self.update(api)
        expect(not stage.denied(), "a function made a call that its role does not allow")
        say("\nDeployed, resource type by resource type:\n")
        say("\n".join("  " + line for line in self.account.table(STACK)) + "\n")
        self.delete()

    def webhook(self, token: str) -> dict:
        return {"WebhookTokenSha256": hashlib.sha256(token.encode()).hexdigest()} if self.digests else {"WebhookToken": token}

    def deploy(self, name: str, stack: str, parameters: dict) -> str:
        try:
            # Each with its own prefix: `sam delete` deletes what lies in the bucket under a stack's prefix, and a rollback would miss it.
            other = [] if stack == STACK else ["--stack-name", stack, "--s3-prefix", stack]
            return self.stage.deploy(name, parameters, *other)
        except Failed as error:
            raise Failed("\n    ".join([str(error), *self.account.failures(stack)])) from None

    def put_secrets(self, stack: str) -> buyer.Api:
        """The commands that the stack's outputs tell the deployer to run next, as they stand."""
        outputs = self.account.outputs(stack)
        for output, (name, content) in KEYS.items():
            if output not in outputs:
                continue
            self.progress(f"{stack}: {output}")
            file = self.stage.work / name
            file.write_text(json.dumps(content))
            command = shlex.split(outputs[output])
            expect(command[0] == "aws", f"{output} runs {command[0]}")
            self.stage.run(f"{stack}-{output}", [self.stage.bin / "aws", *command[1:]], self.stage.environment(), cwd=self.stage.work)
            file.unlink()
        return buyer.Api(self.stage.emulator, self.account.resources(stack)["Api"]["PhysicalResourceId"])

    def trade(self, api: buyer.Api):
        providers = self.stage.providers
        self.progress("an order without a signature is refused; unknown routes are not found")
        api.want(403, "POST", "/orders", {})
        api.want(404, "GET", "/no-such-route")
        self.progress("Toss Payments: create an order, pay it, read it")
        buyer.pay_toss(api, providers, "order-0001")
        self.progress("Toss Pay through PortOne: create an order, pay it, read it")
        buyer.pay_portone(api, providers, "order-0002")
        self.progress("a subscription: create it, register its billing key")
        buyer.subscribe(api, providers, "letters-01")
        number = buyer.send_webhooks(api, providers, self.token)
        expect(number >= 3, f"the providers sent {number} webhooks")
        self.progress(f"{number} webhooks of the providers, and the same with a wrong token")

    def charge(self, api: buyer.Api):
        """What EventBridge Scheduler does once a minute, once: LocalStack only stores the schedule."""
        resources = self.account.resources(STACK)
        name = next(r["PhysicalResourceId"] for r in resources.values() if r["ResourceType"] == "AWS::Scheduler::Schedule")
        schedule = self.account.client("scheduler").get_schedule(Name=name)
        target = schedule["Target"]
        expect(schedule["State"] == "ENABLED", f"the schedule is {schedule['State']}")
        expect(target["RoleArn"].endswith("/" + resources["ScheduleRole"]["PhysicalResourceId"]), f"the schedule runs as {target['RoleArn']}")
        queue = f"arn:aws:sqs:{REGION}:000000000000:{resources['ChargeQueue']['PhysicalResourceId'].rsplit('/', 1)[1]}"
        self.may("ScheduleRole", "lambda:InvokeFunction", target["Arn"])
        self.may("ScheduleRole", "sqs:SendMessage", target["DeadLetterConfig"]["Arn"])
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            self.may("ChargeRole", f"sqs:{action}", queue)
        self.progress(f"a tick of {name} through the queue: the subscription's first charge")
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.account.client("lambda").invoke(
            FunctionName=target["Arn"], InvocationType="Event", Payload=target["Input"].replace("<aws.scheduler.scheduled-time>", now)
        )
        end, cycles = time.monotonic() + CHARGE_SECONDS, []
        while time.monotonic() < end and [cycle["result"] for cycle in cycles] != ["charged"]:
            time.sleep(0.5)
            cycles = api.merchant(200, "GET", "/subscriptions/letters-01")["cycles"]
        expect([cycle["result"] for cycle in cycles] == ["charged"], f"{CHARGE_SECONDS} s after the tick the cycles are {cycles}")
        taken = buyer.captures(self.stage.providers, "letters-01")
        expect(taken == [9900], f"the ledger has the captures {taken} of the first cycle")

    def may(self, role: str, action: str, resource: str):
        """Fails unless the deployed role allows what AWS itself does as that role, and what LocalStack does as nobody."""
        name = self.account.resources(STACK)[role]["PhysicalResourceId"]
        granted = permissions.statements(self.account.client("iam"), name)
        expect(permissions.allowed(granted, action, resource), f"{role} may not {action} {resource}")

    def second_stack(self):
        self.progress(f"sam deploy: {SECOND} in the same account and region, without PortOne")
        self.deploy("deploy-second", SECOND, TOSS | self.webhook(new_token()))
        self.account.check_deployed(SECOND)
        one, two = self.account.resources(STACK), self.account.resources(SECOND)
        shared = [name for name in one if name in two and one[name]["PhysicalResourceId"] == two[name]["PhysicalResourceId"]]
        expect(not shared, f"both stacks have the same {shared}")
        api = self.put_secrets(SECOND)
        self.progress(f"{SECOND}: its order of the same number is another; PortOne is not offered")
        buyer.pay_toss(api, self.stage.providers, "second-0001")
        api.want(404, "GET", "/orders/order-0001", signed=True)
        api.merchant(400, "POST", "/orders", {"orderId": "second-0002", "provider": "portone", "amount": 12000, "currency": "KRW", "name": "T-shirt"})

    def update(self, api: buyer.Api):
        self.progress(f"sam deploy: {STACK} with LogLevel=debug, and without its token: the stack remembers it")
        changed = TOSS | PORTONE | {"LogLevel": "debug"}
        before = self.account.resources(STACK)
        self.deploy("deploy-changed", STACK, changed)
        self.account.check_deployed(STACK)
        after = self.account.resources(STACK)
        moved = [name for name in before if before[name]["PhysicalResourceId"] != after[name]["PhysicalResourceId"]]
        expect(not moved, f"the update replaced {moved}")
        function = self.account.client("lambda").get_function_configuration(FunctionName=after["MerchantFunction"]["PhysicalResourceId"])
        variables = function["Environment"]["Variables"]
        expect(variables["LOG_LEVEL"] == "debug", f"LOG_LEVEL is {variables['LOG_LEVEL']} after the update")
        expect(api.merchant(200, "GET", "/orders/order-0001")["status"] == "paid", "the paid order is not paid after the update")
        buyer.pay_toss(api, self.stage.providers, "order-0003")

    def delete(self):
        """Both stacks go, and what their template retains stays: the orders and the keys."""
        deployed, kept = {}, {}
        for stack in (STACK, SECOND):
            for name, resource in self.account.resources(stack).items():
                deployed.setdefault(resource["ResourceType"], set()).add(resource["PhysicalResourceId"])
                if name in KEPT:
                    kept.setdefault(resource["ResourceType"], set()).add(resource["PhysicalResourceId"])
        self.progress(f"sam delete: {STACK} and {SECOND}")
        second = Background(lambda: self.stage.delete("delete-second", "--stack-name", SECOND, "--s3-prefix", SECOND))
        self.stage.delete("delete", "--stack-name", STACK)
        second.result()
        for kind, names in self.account.everything().items():
            left, want = names & deployed.get(kind, set()), kept.get(kind, set())
            expect(left == want, f"after sam delete {kind}: {sorted(left - want)} is left, {sorted(want - left)} is lost")
        table = next(name for name in kept["AWS::DynamoDB::Table"] if name.startswith(STACK))
        items = self.account.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
        expect(items > 0, "the table is there and empty")
        self.progress(f"gone, but for each stack's {', '.join(KEPT)}; the table has its {items} items")


class Background:
    """Work beside the rehearsal's own; result() waits for it, and fails as it failed."""

    def __init__(self, work):
        self._outcome = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work):
        try:
            self._outcome = work()
        except Exception as error:  # passed on in result()
            self._outcome = error

    def result(self):
        self._thread.join()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


if __name__ == "__main__":
    sys.exit(main())
