"""A private suite, for scripts that drive one from outside as an operator does. Standard library only.

`stack.sh` starts and stops it. Here are what a script does to it in between: commands of `winnow`, SQL, requests, further
processes, and the restart of single ones.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SERVERS = ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "DATABASE_URL_FILE")


class Failure(Exception):
    """Something that was expected does not hold."""


def expect(holds: bool, what: str) -> None:
    if not holds:
        raise Failure(what)


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Waits until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)


class PrivateSuite:
    """- Parameters:
        folder: gets everything: models, capabilities, endpoints, state and logs. Postgres must be able to enter it.
        settings: environment variables of all services.
    """

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder, self.run = folder, folder / "run"
        self.models, self.capabilities, self.endpoints = folder / "models", folder / "capabilities", folder / "endpoints"
        self.binaries = Path(os.environ.get("WINNOW_BIN_DIRECTORY", ROOT / ".build/release")).resolve()
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        # The suite must not use the servers of the caller's environment. A broker that starts again must have its old port.
        self.environment = {key: value for key, value in os.environ.items() if key not in _SERVERS and not key.startswith("PG")}
        self.environment |= settings | {
            "WINNOW_RUN_DIRECTORY": str(self.run), "WINNOW_BIN_DIRECTORY": str(self.binaries),
            "WINNOW_ENV_FILE": str(self.run / "env"), "WINNOW_MODELS_DIRECTORY": str(self.models),
            "WINNOW_CAPABILITIES_DIRECTORY": str(self.capabilities),
            "WINNOW_ENDPOINTS_DIRECTORY": str(self.endpoints), "DEV_BROKER_PORT": str(free_port()),
            "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        # Folders like the repository's, to which others are added. What is linked is not changed.
        for path in (self.run, self.models, self.capabilities, self.endpoints):
            path.mkdir(parents=True)
        for file in (*ROOT.glob("infra/models/*/card.json"), *ROOT.glob("infra/capabilities/*/capability.json")):
            (self.folder / file.parent.relative_to(ROOT / "infra")).symlink_to(file.parent)

    def __enter__(self) -> PrivateSuite:
        try:
            self._stack("up")
        except BaseException:
            self.stop()
            raise
        words = shlex.split((self.run / "env").read_text())
        self.environment |= dict(word.split("=", 1) for word in words)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            self.stop()
        except Failure as failure:
            # The first failure is the one to look at.
            if error is None:
                raise
            print(f"also: {failure}", file=sys.stderr)

    def stop(self) -> None:
        """Stops what was started here, the broker last. State and logs remain."""
        for name in [name for name in reversed(self._own) if name != "dev-broker"]:
            self.end(name)
        self._stack("down")
        if "dev-broker" in self._own:
            self.end("dev-broker")

    def forget(self) -> None:
        """Removes the database of the stopped suite."""
        self._stack("forget")

    def _stack(self, verb: str) -> None:
        done = subprocess.run([ROOT / "infra/dev/stack.sh", verb], env=self.environment, stdout=subprocess.DEVNULL, check=False)
        expect(done.returncode == 0, f"stack.sh {verb} ended with {done.returncode}")

    # Processes

    def launch(self, name: str, command: list[object], **settings: str) -> subprocess.Popen[bytes]:
        """Starts a process that `stop` ends. Its log is in run/logs."""
        log = self.run / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        with open(log, "ab") as out:
            # In a session of its own: Ctrl-C is for the script, which ends everything in order.
            process = subprocess.Popen([str(word) for word in command], env=self.environment | settings, cwd=ROOT,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self._own[name] = process
        return process

    def start(self, name: str, program: str, **settings: str) -> None:
        """Starts a service, and returns when it is ready."""
        port = self.run / "ports" / name
        port.unlink(missing_ok=True)
        process = self.launch(name, [self.binaries / program], WINNOW_HTTP_PORT="0", WINNOW_HTTP_PORT_FILE=str(port), **settings)

        def is_ready() -> bool:
            expect(process.poll() is None, f"{name} has ended, see its log")
            return self.http(name, "/readyz") is not None

        until(is_ready, 90, f"{name} is ready")

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        process = self._own.pop(name)
        if process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"{name} did not stop") from None

    def take(self, name: str, number: int = signal.SIGTERM) -> None:
        """Ends a process that `stack.sh` started."""
        if name in self._own:
            return self.end(name, number)
        for line in (self.run / "pids").read_text().splitlines():
            found, pid, began = line.split()
            if found == name and _began(int(pid)) == began:
                os.kill(int(pid), number)
                return until(lambda pid=int(pid), began=began: _began(pid) != began, 40, f"{name} has ended")
        raise Failure(f"{name} does not run")

    def restart(self, service: str) -> None:
        self.take(service)
        self.start(service, service)

    def restart_broker(self) -> None:
        """Kills the embedded broker, which forgets all records, and starts it again on its port."""
        self.take("dev-broker", signal.SIGKILL)
        address = self.run / "broker"
        address.unlink(missing_ok=True)
        self.launch("dev-broker", [self.binaries / "dev-broker"], DEV_BROKER_ADDRESS_FILE=str(address))
        until(address.exists, 30, "the broker listens again")
        expect(address.read_text().strip() == self.environment["KAFKA_BOOTSTRAP_SERVERS"], "the broker has another port")

    def http(self, service: str, path: str) -> str | None:
        """What a service answers; nothing if it does not answer with 200."""
        try:
            port = int((self.run / "ports" / service).read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return answer.read().decode()
        except (OSError, ValueError):
            return None

    def log(self, service: str) -> str:
        return (self.run / "logs" / f"{service}.log").read_text(errors="replace")

    # Command line and database

    def winnow(self, *arguments: object, text: str | None = None, codes: tuple[int, ...] = (0,)) -> str:
        """Runs a verb, and returns its output. - Raises: Failure if it ends with none of the codes."""
        done = subprocess.run([self.binaries / "winnow", *map(str, arguments)], env=self.environment, cwd=ROOT, text=True,
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        verb = " ".join(map(str, arguments[:2]))
        expect(done.returncode in codes, f"winnow {verb} ended with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}")
        return done.stdout

    def table(self, *arguments: object, **options: object) -> list[dict]:
        return json.loads(self.winnow(*arguments, "--json", **options))

    def submit(self, requests: list[dict], tenant: str, codes: tuple[int, ...] = (0,), seconds: int = 600) -> list[dict]:
        """Sends requests and waits for their results."""
        lines = "\n".join(map(json.dumps, requests))
        output = self.winnow("submit", "--tenant", tenant, "--wait", "--timeout", seconds, "--json", text=lines, codes=codes)
        return [json.loads(line) for line in output.splitlines()]

    def rows(self, sql: str) -> list[list[str]]:
        done = subprocess.run(["psql", "-XAt", "--field-separator=\t", "--command", sql], env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        expect(done.returncode == 0, f"psql: {done.stderr[-400:]}")
        return [line.split("\t") for line in done.stdout.splitlines() if line]

    def value(self, sql: str) -> str:
        return self.rows(sql)[0][0]

    def number(self, sql: str) -> int:
        return int(self.value(sql))


def drive(name: str, settings: dict[str, str], script: Callable[[PrivateSuite], None]) -> None:
    """Runs a script on a new suite in a folder of its own, and stops the suite.

    If something fails, the process ends with 1, and the logs are kept.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix=f"winnow-{name}."))
    folder.chmod(0o755)
    suite = PrivateSuite(folder, settings)
    try:
        with suite:
            script(suite)
    except BaseException as error:
        print(f"{name}: failed; logs are in {suite.run}/logs", file=sys.stderr)
        if not isinstance(error, Failure):
            raise
        sys.exit(f"{name}: {error}")
    finally:
        suite.forget()
    shutil.rmtree(folder)


def items(result: dict) -> list[dict]:
    """The items of all steps, with the name of their route."""
    return [item | {"route": f"{step['capability']}/{step['task']}"}
            for step in result.get("steps", []) for item in step.get("items", [])]


def _began(pid: int) -> str | None:
    """When the process began. A process id may be used again; together they identify a process. None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def free_port() -> int:
    """A port below the kernel's range for connections. Otherwise a client of a broker that is away could get the broker's port."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
