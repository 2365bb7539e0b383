"""Lambda functions as processes of this machine, in the place of LocalStack's containers: the deployed program, started with the deployed
environment, asks a Runtime API of its own for its events.

An arm64 program cannot run on an x86_64 machine. REHEARSAL_TWINS names a JSON file {sha256 of a deployed bootstrap: program for this
machine, built from the same sources with the same flags}. A deployed program without a twin does not start.

REHEARSAL_ENVIRONMENT names a JSON file with more variables, such as the providers' addresses. They never replace what the stack sets.
"""

import hashlib
import http.server
import json
import logging
import os
import platform
import queue
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future, TimeoutError
from pathlib import Path

from localstack import config
from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from . import permissions

LOG = logging.getLogger(__name__)

_BASE = "/2018-06-01/runtime"
_INIT_SECONDS = 10  # Lambda's own limit of init
_ELF = {0xB7: "arm64", 0x3E: "x86_64"}  # e_machine of an ELF program
_HOST = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *_args, **_kwargs):
        return ProcessExecutor


def failure(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def program(code: Path, architecture: str) -> Path:
    """The program that stands for the deployed bootstrap on this machine."""
    bootstrap = code / "bootstrap"
    if not bootstrap.is_file():
        raise StatusErrorException("no bootstrap", failure("Runtime.InvalidEntrypoint", "the zip has no file bootstrap at its root"))
    content = bootstrap.read_bytes()
    built_for = _ELF.get(int.from_bytes(content[18:20], "little")) if content[:4] == b"\x7fELF" else None
    if built_for != architecture:
        message = f"exec format error: bootstrap is for {built_for or 'no machine (not ELF)'}, the function is {architecture}"
        raise StatusErrorException("wrong machine", failure("Runtime.InvalidEntrypoint", message))
    if not os.access(bootstrap, os.X_OK):
        raise StatusErrorException("not executable", failure("Runtime.ExitError", "bootstrap: permission denied"))
    if built_for == _HOST:
        return bootstrap
    twins = json.loads(Path(os.environ["REHEARSAL_TWINS"]).read_text())
    digest = hashlib.sha256(content).hexdigest()
    if digest not in twins:
        raise StatusErrorException("no twin", failure("Rehearsal.NoTwin", f"bootstrap {digest[:12]} was not built by this rehearsal"))
    return Path(twins[digest])


class ProcessExecutor(RuntimeExecutor):
    """One execution environment."""

    def __init__(self, id, function_version):
        super().__init__(id=id, function_version=function_version)
        self._events = queue.Queue()
        self._ready = Future()
        self._answer = None
        self._process = None
        self._logs = tempfile.NamedTemporaryFile(prefix="log-", dir=config.dirs.tmp, delete=False)
        self._read = 0
        self._api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._api.daemon_threads = True

    # What LocalStack asks of an executor.

    def start(self, env_vars):
        threading.Thread(target=self._api.serve_forever, daemon=True).start()
        settings = self.function_version.config
        executable = program(settings.code.get_unzipped_code_location(), settings.architectures[0])
        environment = {name: str(value) for name, value in env_vars.items() if not name.startswith("LOCALSTACK_")}
        for name, value in json.loads(Path(os.environ["REHEARSAL_ENVIRONMENT"]).read_text()).items():
            environment[name] = environment.get(name) or value
        for name in [name for name in environment if name.startswith("AWS_ENDPOINT_URL_")]:
            environment[name] = environment[name] or environment["AWS_ENDPOINT_URL"]
        environment["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{self._api.server_port}"
        self._process = subprocess.Popen(
            [str(executable)], env=environment, cwd=executable.parent, stdin=subprocess.DEVNULL,
            stdout=self._logs, stderr=self._logs,
        )
        permissions.callers[env_vars["AWS_ACCESS_KEY_ID"]] = settings.role
        threading.Thread(target=self._wait, daemon=True).start()
        try:
            self._ready.result(timeout=_INIT_SECONDS)
        except TimeoutError:
            raise StatusErrorException("init", failure("Sandbox.Timedout", f"init took over {_INIT_SECONDS} s")) from None
        finally:
            self._keep_logs()

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._api.shutdown()
        self._api.server_close()
        self._logs.close()
        Path(self._logs.name).unlink(missing_ok=True)

    def invoke(self, payload):
        seconds = self.function_version.config.timeout
        answer = self._answer = Future()
        if self._process.poll() is not None:
            answer.set_result((True, failure("Runtime.ExitError", f"exit status {self._process.returncode} before this invocation")))
        self._events.put((payload, int((time.time() + seconds) * 1000)))
        try:
            is_error, body = answer.result(timeout=seconds)
        except TimeoutError:
            self._process.kill()
            is_error, body = True, failure("Sandbox.Timedout", f"Task timed out after {seconds}.00 seconds")
        self._keep_logs()
        return InvocationResult(payload["invoke-id"], body, is_error=is_error, logs=None)

    def get_address(self):
        return "127.0.0.1"

    get_endpoint_from_executor = get_address

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{self._api.server_port}"

    def get_logs(self):
        return Path(self._logs.name).read_text(errors="replace")

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass

    # Lambda's side of the Runtime API.

    def _wait(self):
        status = self._process.wait()
        last = self.get_logs().strip().rpartition("\n")[2]
        error = failure("Runtime.ExitError", f"Runtime exited with error: exit status {status}: {last}")
        if not self._ready.done():
            self._ready.set_exception(StatusErrorException("exited", error))
        if self._answer and not self._answer.done():
            self._answer.set_result((True, error))

    def _handler(self):
        executor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if not executor._ready.done():
                    executor._ready.set_result(True)
                payload, deadline = executor._events.get()
                body = payload["payload"].encode()
                self._reply(200, body, {
                    "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
                    "Lambda-Runtime-Deadline-Ms": str(deadline),
                    "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                    "Lambda-Runtime-Trace-Id": payload["trace-id"],
                })

            def do_POST(self):
                body = self._body()
                path = self.path.removeprefix(_BASE)
                if path == "/init/error":
                    if not executor._ready.done():
                        executor._ready.set_exception(StatusErrorException("init", body))
                elif executor._answer and not executor._answer.done():
                    executor._answer.set_result((path.endswith("/error"), body))
                self._reply(202, b'{"status":"OK"}', {})

            def _body(self):
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass  # trailers
                return body

            def _reply(self, status, body, headers):
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        return Handler

    def _keep_logs(self):
        """Passes on what was written since the last time, to the log group that LoggingConfig names: LocalStack ignores that setting."""
        with open(self._logs.name, "rb") as written:
            written.seek(self._read)
            text = written.read()
        self._read += len(text)
        lines = [line for line in text.decode(errors="replace").splitlines() if line]
        if not lines:
            return
        version = self.function_version
        logs = connect_to(region_name=version.id.region, aws_access_key_id=version.id.account).logs
        names = {"logGroupName": version.config.logging_config["LogGroup"], "logStreamName": self.id}
        try:
            if self._read == len(text):
                logs.create_log_stream(**names)
            now = int(time.time() * 1000)
            logs.put_log_events(**names, logEvents=[{"timestamp": now, "message": line} for line in lines])
        except logs.exceptions.ClientError as error:
            LOG.warning("the function's log lines are lost: %s: %s", error, lines)
