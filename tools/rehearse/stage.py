"""What a rehearsal runs: the build, LocalStack, the simulated providers, and the deployer's own commands."""

import contextlib
import ctypes
import hashlib
import json
import os
import platform
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
REGION = "ap-northeast-2"
HOST = {"aarch64": "arm64", "x86_64": "amd64"}.get(platform.machine(), platform.machine())  # as Go names it
# Nothing may leave this machine, and whatever tries is refused: nobody listens on the discard port.
NOWHERE = "http://127.0.0.1:9"


class Failed(Exception):
    """The rehearsal ends here, with this reason."""


def expect(condition, reason: str):
    if not condition:
        raise Failed(reason)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url: str, body: bytes | None = None) -> bytes:
    """From this machine, past every proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(urllib.request.Request(url, data=body), timeout=30).read()


class Stage:
    """Owns a work folder and every process that was started. Closing it ends them all."""

    def __init__(self, work: Path, sam: Path, environment: Path):
        self.work, self.sam, self.python = work, sam, environment / "bin" / "python"
        self.bin = environment / "bin"
        self.build = work / "build"
        self.processes: list[subprocess.Popen] = []
        self.emulator = self.providers = ""

    def close(self):
        for process in reversed(self.processes):
            # The group, for LocalStack's functions are in it. They may outlive it, so the second signal is sent in any case.
            for sign, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
                with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                    os.killpg(process.pid, sign)
                    process.wait(timeout=seconds)
        self.processes.clear()

    def start(self, name: str, command: list, environment: dict) -> Path:
        """Starts a server in a process group of its own. Returns the file that gets what it prints."""
        path = self.work / f"{name}.log"
        with open(path, "wb") as log:
            self.processes.append(subprocess.Popen(
                [str(part) for part in command], cwd=self.work, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_end_with_parent,
            ))
        return path

    def run(self, name: str, command: list, environment: dict, cwd: Path = REPO) -> str:
        """Runs one of the deployer's commands to its end, and returns what it printed. What it printed explains a failure."""
        path = self.work / f"{name}.log"
        with open(path, "wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
            self.processes.append(process)
            status = process.wait()
        self.processes.remove(process)
        text = path.read_text(errors="replace")
        if status != 0:
            raise Failed(f"{name} ended with status {status}:\n{tail(text)}")
        return text

    def environment(self, **more: str) -> dict:
        """Of a deployer with an account of the emulator's, and nothing of this machine's own AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not re.match(r"(?i)AWS_|SAM_|.*_proxy$", name)}
        return kept | {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": self.emulator,
            "AWS_PAGER": "", "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(self.work / "sam"),
            "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost", **more,
        }

    def build_functions(self, template: Path):
        environment = self.environment()
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):  # Go may have to fetch its modules
            environment.pop(name)
            environment.update({n: v for n, v in os.environ.items() if n.upper() == name})
        command = [self.sam / "bin/sam", "build", "--template", template, "--base-dir", REPO, "--build-dir", self.build,
                   "--config-file", REPO / "samconfig.toml"]
        self.run("sam-build", command, environment)
        local = self.work / "local"
        self.run("go-build-local", ["go", "build", "-o", local, "./cmd/local"], dict(os.environ))

    def build_twins(self) -> int:
        """Programs for this machine in the place of those for the functions' machine, with the same flags. Returns how many."""
        twins, deployed = {}, sorted(self.build.glob("*/bootstrap"))
        expect(deployed, "sam build made no bootstrap")
        if HOST != "arm64":
            with ThreadPoolExecutor() as pool:
                built = pool.map(self._twin, deployed)
                twins = {hashlib.sha256(program.read_bytes()).hexdigest(): str(twin) for program, twin in zip(deployed, built)}
        (self.work / "twins.json").write_text(json.dumps(twins))
        return len(twins)

    def _twin(self, program: Path) -> Path:
        name = program.parent.name
        folder = self.work / ".aws-sam/local" / name  # where the Makefile allows another machine than the template's
        folder.mkdir(parents=True)
        self.run(f"twin-{name}", ["make", f"build-{name}", f"ARTIFACTS_DIR={folder}", f"LAMBDA_GOARCH={HOST}"], dict(os.environ))
        return folder / "bootstrap"

    def start_providers(self):
        """cmd/local, for its simulated providers: its own functions are not asked."""
        log = self.start("providers", [self.work / "local", "-addr", "127.0.0.1:0", "-tick", "0", "-log", "warn"],
                         {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE})
        self.wait("the simulated providers", log, lambda: "on your laptop:" in log.read_text())
        self.providers = re.search(r"on your laptop: (http://\S+)", log.read_text())[1]

    def start_emulator(self):
        port = free_port()
        self.emulator = f"http://127.0.0.1:{port}"
        (self.work / "functions.json").write_text(json.dumps({
            "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "TOSS_BASE_URL": self.providers + "/sim/toss",
            "PORTONE_BASE_URL": self.providers + "/sim/portone",
        }))
        root, temporary = self.work / "localstack", self.work / "tmp"
        temporary.mkdir()
        log = self.start("localstack", [self.python, "-m", "localstack.runtime.main"], {
            "PATH": os.environ["PATH"], "HOME": str(self.work), "XDG_CACHE_HOME": str(self.work / "cache"), "TMPDIR": str(temporary),
            "FILESYSTEM_ROOT": str(root), "OVERRIDE_IN_DOCKER": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(REPO / "tools/rehearse/emulator"),
            # No telemetry, no download, no DNS server, no port but this one.
            "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "DNS_ADDRESS": "0", "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}", "SQS_ENDPOINT_STRATEGY": "path", "AWS_EC2_METADATA_DISABLED": "true",
            "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost", "AWS_DEFAULT_REGION": REGION,
            # A resource type that it does not know fails the stack, where it would else be passed over in silence.
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",
            "PROVIDER_OVERRIDE_DYNAMODB": "rehearsal", "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "rehearsal",
            "LAMBDA_RUNTIME_EXECUTOR": "process", "LS_LOG": "info",
            "REHEARSAL_TWINS": str(self.work / "twins.json"), "REHEARSAL_ENVIRONMENT": str(self.work / "functions.json"),
        })
        self.wait("LocalStack", log, lambda: get(self.emulator + "/_localstack/health"))

    def wait(self, name: str, log: Path, ready):
        """Until ready is true. A minute is far above what a busy machine needs."""
        process, end = self.processes[-1], time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except (OSError, urllib.error.URLError):
                pass
            if process.poll() is not None:
                break
            time.sleep(0.1)
        raise Failed(f"{name} did not start:\n{tail(log.read_text(errors='replace'))}")

    def denied(self) -> list[str]:
        """Each call that a function made and its role does not allow."""
        log = self.work / "localstack.log"
        return sorted(set(re.findall(r"denied: (.*)", log.read_text(errors="replace")))) if log.exists() else []

    def deploy(self, name: str, parameters: dict, *more: str) -> str:
        """`sam deploy` with the repo's samconfig.toml. --no-confirm-changeset answers its question with yes."""
        command = [
            self.sam / "bin/sam", "deploy", "--template-file", self.build / "template.yaml", "--config-file", REPO / "samconfig.toml",
            "--no-confirm-changeset", "--no-progressbar", *more, "--parameter-overrides", *(f"{k}={v}" for k, v in parameters.items()),
        ]
        return self.run(name, command, self.environment(), cwd=self.work)

    def delete(self, name: str, *more: str) -> str:
        command = [self.sam / "bin/sam", "delete", "--no-prompts", "--region", REGION, "--config-file", REPO / "samconfig.toml", *more]
        return self.run(name, command, self.environment(), cwd=self.work)


def _end_with_parent():
    """A rehearsal that is killed outright leaves no server behind, on Linux."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def tail(text: str) -> str:
    """The end of a log, where the reason is."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join("    " + line for line in lines[-25:])


def new_token() -> str:
    """As `openssl rand -hex 20`."""
    return secrets.token_hex(20)


def say(text: str):
    print(text, flush=True)


class Progress:
    """Prints each step when it begins, and how long it took."""

    def __init__(self):
        self.began = time.monotonic()

    def __call__(self, text: str):
        say(f"[{time.monotonic() - self.began:4.0f} s] {text}")

    def seconds(self) -> int:
        return round(time.monotonic() - self.began)


def raise_on_signals():
    """Ctrl-C, `kill` and a closed terminal end the rehearsal through its cleaning up."""
    def stop(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Failed(f"stopped by {signal.Signals(number).name}")

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    sys.stdout.reconfigure(line_buffering=True)
